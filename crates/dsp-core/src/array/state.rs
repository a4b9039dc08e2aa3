//! The complete state of an array, in and out.

use std::sync::Arc;

use super::CrossbarArray;
use super::retention::Drift;
use super::trace::{Trace, TracedPulse};
use crate::device::{Cell, CellParameters, Device};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::rng::Key;
use crate::snapshot::{Entry, State, is_count};

/// Standard deviations of write noise that no draw exceeds (normals end at 6.66), and room for rounding.
const MOST_NOISE: f32 = 6.7;

impl CrossbarArray {
    /// The complete state; device, threads and instruction set are no part of it.
    #[must_use]
    pub fn snapshot(&self) -> State {
        let Self {
            rows,
            cols,
            device: _,
            parameters,
            state: cells,
            apparent,
            count_up,
            count_down,
            key,
            clock,
            reads,
            ledger,
            isa: _,
            threads: _,
            trace,
            drift,
            averages,
        } = self;
        let shape = [*rows, *cols];
        let mut state = State::default();
        state.set_part("cell_parameters", parameters.snapshot(*rows, *cols));
        state.set_plane("state", &shape, cells.clone());
        if !apparent.is_empty() {
            state.set_plane("apparent", &shape, apparent.clone());
        }
        let mut counts = State::default();
        if !count_up.is_empty() {
            counts.set_plane("up", &shape, count_up.clone());
            counts.set_plane("down", &shape, count_down.clone());
        }
        state.set_part("counts", counts);
        state.set_list("key", key.words().to_vec());
        state.set_count("clock", *clock);
        state.set_count("reads", *reads);
        state.set_part("ledger", ledger.snapshot());
        state.set_plane("averages", &[averages.len()], averages.to_vec());
        state.set_part("trace", trace.snapshot());
        state.set_part("drift", drift.as_ref().map_or_else(State::default, |drift| drift.snapshot(&shape)));
        state
    }

    /// An array like this one in another state: same shape and device, on the same threads.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`] naming the entry that is missing, mistyped or impossible.
    pub fn restored(&self, mut from: State) -> Result<Self> {
        let (rows, cols) = (self.rows, self.cols);
        let shape = [rows, cols];
        let tabulated = matches!(self.device, Device::PiecewiseStep(_));
        let parameters = self.parameters.restored(from.part("cell_parameters")?, rows, cols, tabulated)?;
        let state: Vec<f32> = from.plane("state", &shape)?;
        check_inside(&from, "state", &state, &parameters, |_| 0.0)?;
        let apparent = if self.apparent.is_empty() { Vec::new() } else { from.plane("apparent", &shape)? };
        self.check_apparent(&from, &parameters, &state, &apparent)?;
        let (count_up, count_down) = counts(from.part("counts")?, &shape)?;
        let key = Key::from_seed(from.fixed("key")?);
        let (clock, reads) = (from.count("clock")?, from.count("reads")?);
        let ledger = Ledger::restored(from.part("ledger")?)?;
        let trace = Trace::restored(from.part("trace")?, state.len(), clock)?;
        let averages = averages(&mut from)?;
        let part = from.part("drift")?;
        let drift = if part.is_empty() { None } else { Some(Drift::restored(part, &shape, &parameters)?) };
        from.finish()?;
        Ok(Self {
            rows,
            cols,
            device: self.device.clone(),
            parameters: Arc::new(parameters),
            state,
            apparent,
            count_up,
            count_down,
            key,
            clock,
            reads,
            ledger,
            isa: self.isa,
            threads: self.threads,
            trace,
            drift,
            averages,
        })
    }

    /// Refuses apparent weights that no write noise makes out of the state.
    fn check_apparent(&self, from: &State, parameters: &CellParameters, state: &[f32], apparent: &[f32]) -> Result<()> {
        let std = self.device.write_noise().std;
        for (i, w) in apparent.iter().enumerate() {
            let persistent = state[i] - parameters.cell(i).reference;
            if (w - persistent).abs() > MOST_NOISE * std + 1e-6 * persistent.abs() {
                let problem = format!("is {w} at flat index {i}: must be {persistent} plus write noise of std {std}");
                return Err(from.refuse("apparent", problem));
            }
        }
        Ok(())
    }
}

/// The averages of noise management, one a direction.
fn averages(from: &mut State) -> Result<[f32; 2]> {
    let values: Vec<f32> = from.plane("averages", &[2])?;
    match values[..] {
        [forward, backward] if forward >= 0.0 && backward >= 0.0 => Ok([forward, backward]),
        _ => Err(from.refuse("averages", format!("is {values:?}: must be two numbers >= 0"))),
    }
}

/// Pulses (up, down) of every cell, or nothing where they are not counted.
fn counts(mut from: State, shape: &[usize]) -> Result<(Vec<i64>, Vec<i64>)> {
    if from.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let planes: (Vec<i64>, Vec<i64>) = (from.plane("up", shape)?, from.plane("down", shape)?);
    if let Some(count) = planes.0.iter().chain(&planes.1).find(|count| !is_count(**count)) {
        return Err(from.refuse("up and down", format!("hold {count}: must be counts")));
    }
    from.finish()?;
    Ok(planes)
}

/// Refuses values that are not within the bounds of their cells, less what `shift` says of the cell.
fn check_inside(
    from: &State,
    name: &str,
    values: &[f32],
    parameters: &CellParameters,
    shift: fn(Cell) -> f32,
) -> Result<()> {
    for (i, value) in values.iter().enumerate() {
        let cell = parameters.cell(i);
        let (low, high) = (cell.min_bound - shift(cell), cell.max_bound - shift(cell));
        if !(low..=high).contains(value) {
            return Err(from.refuse(name, format!("is {value} at flat index {i}: must be from {low} to {high}")));
        }
    }
    Ok(())
}

impl Trace {
    fn snapshot(&self) -> State {
        let Self { cells, pulses } = self;
        let mut state = State::default();
        state.set_list("cells", cells.clone());
        state.set_list("cell", pulses.iter().map(|pulse| pulse.cell).collect());
        state.set_list("event", pulses.iter().map(|pulse| pulse.event).collect());
        state.set_list("up", pulses.iter().map(|pulse| pulse.up).collect());
        state.set_list("before", pulses.iter().map(|pulse| pulse.before).collect());
        state.set_list("after", pulses.iter().map(|pulse| pulse.after).collect());
        state
    }

    /// The trace of an array with so many cells, whose clock stands at `clock`.
    fn restored(mut from: State, count: usize, clock: u64) -> Result<Self> {
        let cells: Vec<u32> = from.list("cells")?;
        let cell: Vec<u32> = from.list("cell")?;
        let length = [cell.len()];
        let event: Vec<u64> = from.plane("event", &length)?;
        let up: Vec<bool> = from.plane("up", &length)?;
        let before: Vec<f32> = from.plane("before", &length)?;
        let after: Vec<f32> = from.plane("after", &length)?;
        if let Some(index) = cells.iter().chain(&cell).find(|index| **index as usize >= count) {
            return Err(from.refuse("cells and cell", format!("hold {index}: must be below {count}")));
        }
        if let Some(event) = event.iter().find(|event| **event > clock) {
            return Err(from.refuse("event", format!("holds {event}: must be at most the clock, {clock}")));
        }
        from.finish()?;
        let pulse = |i| TracedPulse { cell: cell[i], event: event[i], up: up[i], before: before[i], after: after[i] };
        Ok(Self { cells, pulses: (0..cell.len()).map(pulse).collect() })
    }
}

impl Drift {
    fn snapshot(&self, shape: &[usize]) -> State {
        let Self { time, start, since, last } = self;
        let mut state = State::default();
        state.set("time", Entry::Number(*time));
        state.set_plane("start", shape, start.clone());
        // Short where that loses nothing, as in states from before times were as fine as they are now.
        if since.iter().all(|since| f64::from(*since as f32) == *since) {
            state.set_plane("since", shape, since.iter().map(|since| *since as f32).collect());
        } else {
            state.set_plane("since", shape, since.clone());
        }
        state.set_plane("last", shape, last.clone());
        state
    }

    fn restored(mut from: State, shape: &[usize], parameters: &CellParameters) -> Result<Self> {
        if parameters.retention.drift_nu.is_empty() {
            return Err(from.refuse("time", "is unknown here: the device does not drift"));
        }
        let time = from.number("time")?;
        if !(0.0..=f64::from(f32::MAX)).contains(&time) {
            return Err(from.refuse("time", format!("is {time}: must be >= 0 and within float32")));
        }
        let (start, since, last) =
            (from.plane("start", shape)?, from.numbers("since", shape)?, from.plane("last", shape)?);
        check_inside(&from, "start", &start, parameters, |cell| cell.reference)?;
        check_inside(&from, "last", &last, parameters, |cell| cell.reference)?;
        if let Some(since) = since.iter().find(|since| !(0.0..=time).contains(*since)) {
            return Err(from.refuse("since", format!("holds {since}: must be from 0 to the time, {time}")));
        }
        from.finish()?;
        Ok(Self { time, start, since, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Directions;
    use crate::device::{Population, SoftBounds};
    use crate::par::Threads;

    fn array(seed: u32) -> CrossbarArray {
        let population = Population { drift_nu: 0.1, ..Population::default() };
        let device = Device::SoftBounds(SoftBounds { population, write_noise_std: 1.0, ..SoftBounds::default() });
        CrossbarArray::new((5, 7), device, Key::from_seed([seed; 4]), Threads::ONE, true).unwrap()
    }

    fn work(array: &mut CrossbarArray) {
        array.trace(vec![3, 34]).unwrap();
        array.pulse(Directions::Random, 50).unwrap();
        array.drift(2.0).unwrap();
    }

    #[test]
    fn restored_arrays_go_on() {
        let mut first = array(1);
        work(&mut first);
        let mut second = array(2).restored(first.snapshot()).unwrap();
        assert_eq!(second.snapshot(), first.snapshot());
        work(&mut first);
        work(&mut second);
        assert_eq!(second.snapshot(), first.snapshot());
    }

    #[test]
    fn values_beyond_their_bounds_are_refused() {
        let mut first = array(1);
        work(&mut first);
        for (part, name, value) in [("", "state", 9.0), ("", "apparent", 9.0), ("drift", "since", 9.0)] {
            let mut state = first.snapshot();
            let mut inner = if part.is_empty() { State::default() } else { state.part(part).unwrap() };
            let place = if part.is_empty() { &mut state } else { &mut inner };
            let mut plane: Vec<f32> = place.plane(name, &[5, 7]).unwrap();
            plane[34] = value;
            place.set_plane(name, &[5, 7], plane);
            if !part.is_empty() {
                state.set_part(part, inner);
            }
            let message = array(2).restored(state).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains('9'), "{message}");
        }
    }
}
