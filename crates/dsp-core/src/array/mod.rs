//! One crossbar array: the state of its cells, and everything that can be done to them.
//!
//! Every random number is keyed by the array's key, a purpose, the array's clock and the cell's index, so results do not
//! depend on threads or on the order of cells. The clock counts pulses sent to the whole array, and one for every other
//! event that changes it; reads have a clock of their own.

mod column;
mod composed;
mod increment;
mod program;
pub mod reads;
mod responses;
mod retention;
mod state;
mod trace;
mod update;
mod whole;

pub use increment::Increment;
pub use program::Programmed;
pub use trace::TracedPulse;
pub use whole::Directions;

use std::sync::Arc;

use crate::config::MAX;
use crate::device::{Apparent, CellParameters, CellsMut, Device};
use crate::error::{Error, ROOM_FOR_ANY, Result, check_finite, check_len, check_room, make_room};
use crate::ledger::{Ledger, Pulses};
use crate::par::{Threads, stop};
use crate::pulse::Fidelity;
pub use crate::pulse::coincidences::Changed;
use crate::rng::{Key, Purpose};
use crate::simd::Isa;

/// Largest number of cells: indices are 32-bit counters.
const MAX_CELLS: usize = 1 << 31;
/// Cells per block of work; fixed, so that the split never depends on the machine.
const BLOCK: usize = 4096;

/// A resistive crossbar of `rows` outputs and `cols` inputs.
#[derive(Clone, Debug)]
pub struct CrossbarArray {
    rows: usize,
    cols: usize,
    device: Device,
    /// Shared with copies.
    parameters: Arc<CellParameters>,
    /// Persistent state `v`, reference included.
    state: Vec<f32>,
    /// Apparent weights; empty where they equal the state.
    apparent: Vec<f32>,
    count_up: Vec<i64>,
    count_down: Vec<i64>,
    key: Key,
    clock: u64,
    reads: u64,
    /// Moving averages of the largest inputs, forward and backward, for reads that manage by them; 0 before the first.
    averages: [f32; 2],
    ledger: Ledger,
    isa: Isa,
    threads: Threads,
    trace: trace::Trace,
    drift: Option<retention::Drift>,
}

/// Allocates `len` zeros, or says that it cannot.
pub(crate) fn zeros<T: Copy + Default>(len: usize, what: &str) -> Result<Vec<T>> {
    let mut plane = Vec::new();
    plane.try_reserve_exact(len).map_err(|_| Error::Memory(format!("{len} values for {what}")))?;
    plane.resize(len, T::default());
    Ok(plane)
}

/// The number of cells of an array of this shape.
///
/// # Errors
/// [`Error::Parameter`] if there are none or too many.
pub fn check_shape((rows, cols): (usize, usize)) -> Result<usize> {
    rows.checked_mul(cols).filter(|n| (1..=MAX_CELLS).contains(n)).ok_or_else(|| {
        let allowed = format!("two sizes >= 1 with product <= {MAX_CELLS}");
        Error::parameter("shape", format!("({rows}, {cols})"), allowed)
    })
}

impl CrossbarArray {
    /// An array whose cells are drawn from the device's population; its apparent weights start at the state 0 less the
    /// reference, clipped to each cell's bounds.
    ///
    /// # Errors
    /// [`Error`] for an impossible shape, too little memory, or a bad `DSPTRACK_ISA`.
    pub fn new(shape: (usize, usize), device: Device, key: Key, threads: Threads, count_pulses: bool) -> Result<Self> {
        let ((rows, cols), cells) = (shape, check_shape(shape)?);
        // Planes while they are drawn, packed parameters, state: all at once, before anything is touched.
        check_room(cells.saturating_mul(25 * size_of::<f32>()).max(ROOM_FOR_ANY), "the cells")?;
        let isa = Isa::current()?;
        let counted = if count_pulses { cells } else { 0 };
        let separate = if device.has_reference() || device.write_noise().std > 0.0 { cells } else { 0 };
        let state = zeros(cells, "the state")?;
        let apparent = zeros(separate, "the apparent weights")?;
        let (count_up, count_down) = (zeros(counted, "the pulse counts")?, zeros(counted, "the pulse counts")?);
        let parameters = device.sample(isa, key, cells);
        let mut array = Self {
            rows,
            cols,
            device,
            parameters: Arc::new(parameters),
            state,
            apparent,
            count_up,
            count_down,
            key,
            clock: 0,
            reads: 0,
            averages: [0.0; 2],
            ledger: Ledger::default(),
            isa,
            threads,
            trace: trace::Trace::default(),
            drift: None,
        };
        array.settle();
        Ok(array)
    }

    /// Replaces planes of drawn cell parameters by given ones (a measured chip), by their names, and gives cells of a
    /// tabulated device their own tables (up, down).
    ///
    /// # Errors
    /// [`Error`] for an unknown name, a wrong length, values that are not finite or too large, crossed bounds, or tables for
    /// a device without any.
    pub fn with_cell_parameters(
        mut self,
        planes: Vec<(String, Vec<f32>)>,
        tables: Option<(Vec<f32>, Vec<f32>)>,
    ) -> Result<Self> {
        let parameters = Arc::make_mut(&mut self.parameters);
        for (name, values) in planes {
            check_measured(&name, &values)?;
            parameters.replace(&name, values, self.rows, self.cols)?;
        }
        if let Some((up, down)) = tables {
            if !matches!(self.device, Device::PiecewiseStep(_)) {
                return Err(Error::parameter("cell_parameters", "\"piecewise_up\"", "given for a PiecewiseStep only"));
            }
            check_measured("piecewise_up", &up)?;
            check_measured("piecewise_down", &down)?;
            parameters.set_tables(up, down)?;
        }
        parameters.check_bounds()?;
        self.settle();
        Ok(self)
    }

    /// Puts every cell at state 0, within its bounds, without write noise.
    fn settle(&mut self) {
        for (i, v) in self.state.iter_mut().enumerate() {
            let cell = self.parameters.cell(i);
            *v = crate::simd::math::clip(0.0, cell.min_bound, cell.max_bound);
            if let Some(w) = self.apparent.get_mut(i) {
                *w = *v - cell.reference;
            }
        }
    }

    /// The same array with its kernels at another level.
    #[cfg(test)]
    pub(crate) fn at_level(mut self, isa: Isa) -> Self {
        self.isa = isa;
        self
    }

    /// Rows and columns.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// The device of the cells.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The drawn parameters of the cells.
    #[must_use]
    pub fn parameters(&self) -> &CellParameters {
        &self.parameters
    }

    /// What was spent since the array was made.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The level that the array's kernels run at.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The threads that calls may use.
    #[must_use]
    pub fn threads(&self) -> Threads {
        self.threads
    }

    /// The apparent weights, in C order.
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        if self.apparent.is_empty() { &self.state } else { &self.apparent }
    }

    /// Pulses (up, down) of every cell, if they are counted.
    ///
    /// # Errors
    /// [`Error::State`] if the array was made without counting.
    pub fn pulse_counts(&self) -> Result<(&[i64], &[i64])> {
        if self.count_up.is_empty() {
            return Err(Error::State("pulses per cell were not counted: make the array with count_pulses=True".into()));
        }
        Ok((&self.count_up, &self.count_down))
    }

    /// Writes weights ideally: the state becomes `w + r`, clipped to the cell's bounds, with write noise on the apparent
    /// weight where the device says so.
    ///
    /// # Errors
    /// [`Error`] for a wrong length or values that are not finite.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        check_len("w", weights.len(), self.rows, self.cols)?;
        check_finite("w", weights)?;
        let noise = self.device.write_noise();
        let apparent = Apparent {
            stream: self.key.stream(Purpose::WriteNoise, self.advance(1)),
            std: if noise.on_set { noise.std } else { 0.0 },
        };
        for (i, w) in weights.iter().enumerate() {
            let cell = self.parameters.cell(i);
            self.state[i] = crate::simd::math::clip(w + cell.reference, cell.min_bound, cell.max_bound);
        }
        self.show_all(apparent);
        Ok(())
    }

    /// Redraws all apparent weights.
    fn show_all(&mut self, apparent: Apparent) {
        let (device, isa) = (self.device.clone(), self.isa);
        device.visit(whole::ShowAll { isa, apparent, cells: self.cells() });
    }

    /// Moves the clock on and returns its new value.
    fn advance(&mut self, ticks: u64) -> u64 {
        self.clock += ticks;
        self.clock
    }

    fn cells(&mut self) -> CellsMut<'_> {
        CellsMut {
            first: 0,
            parameters: &self.parameters,
            state: &mut self.state,
            apparent: &mut self.apparent,
            count_up: &mut self.count_up,
            count_down: &mut self.count_down,
        }
    }

    /// Sends `count` pulses to every cell.
    ///
    /// Two calls with `a` and `b` pulses leave the bits of one call with `a + b` (for alternating pulses: if `a` is even).
    ///
    /// # Errors
    /// [`Error`] if a mask has the wrong length.
    pub fn pulse(&mut self, directions: Directions<'_>, count: u32) -> Result<()> {
        self.pulse_at(directions, count, Fidelity::Pulse)
    }

    /// Sends `count` pulses to every cell at the given fidelity; composed pulses leave other bits when cut into calls.
    ///
    /// # Errors
    /// [`Error`] if a mask has the wrong length, or composed pulses are asked of an array that traces single ones.
    pub fn pulse_at(&mut self, directions: Directions<'_>, count: u32, fidelity: Fidelity) -> Result<()> {
        let fidelity = self.traceable(fidelity)?;
        if let Directions::Mask(mask) = directions {
            check_len("polarity", mask.len(), self.rows, self.cols)?;
        }
        if count == 0 {
            return Ok(());
        }
        let more = self.trace.cells.len().saturating_mul(count as usize);
        make_room(&mut self.trace.pulses, more, "the trace")?;
        let start = self.clock;
        let end = self.advance(u64::from(count));
        let (noise, key) = (self.key.stream(Purpose::WriteNoise, end), self.key);
        self.record(|cell| whole::planned(key, directions, start, end, cell));
        let (device, key, isa, threads) = (self.device.clone(), self.key, self.isa, self.threads);
        let pulses = device.visit(whole::WholeArray {
            key,
            isa,
            threads: threads.for_work(self.state.len().saturating_mul(count as usize)),
            start,
            end,
            directions,
            composed: whole::composes(fidelity, count),
            apparent: Apparent { stream: noise, std: device.write_noise().std },
            cells: self.cells(),
        });
        self.ledger.add_pulses(pulses);
        self.ledger.array_pulses += u64::from(count);
        Ok(())
    }

    /// The fidelity of every part of a call with so many pulses that is cut into parts: what would be composed in one call
    /// is composed in all of them, however short.
    ///
    /// # Errors
    /// [`Error::Parameter`] if composed pulses are asked of an array that traces single ones.
    pub fn fidelity_of(&self, fidelity: Fidelity, count: u32) -> Result<Fidelity> {
        let composed = whole::composes(self.traceable(fidelity)?, count);
        Ok(if composed { Fidelity::Composed } else { Fidelity::Pulse })
    }

    /// Pulses up to the end of the window of random numbers that is so many windows ahead: calls that end there leave the
    /// bits of one call if all have its fidelity, which [`Self::fidelity_of`] says.
    #[must_use]
    pub fn until_window(&self, windows: u64) -> u64 {
        windows * whole::WINDOW - self.clock % whole::WINDOW
    }

    /// Roughly how many bytes a copy takes; parameters are shared.
    pub(crate) fn copied(&self) -> usize {
        let drift = if self.drift.is_some() { 4 * size_of::<f32>() } else { 0 };
        let planes = 3 * size_of::<f32>() + 2 * size_of::<i64>() + drift;
        self.state.len().saturating_mul(planes).saturating_add(size_of_val(self.traced()))
    }

    /// Makes a change of roughly so many nanoseconds as a whole, also if the call is given up: then it is taken back.
    fn whole<R>(&mut self, nanoseconds: f64, change: impl FnOnce(&mut Self) -> R) -> R {
        let replay = self.trace.cells.len() as f64 * nanoseconds;
        stop::all_or_nothing(self, Self::copied, nanoseconds + replay, change)
    }
}

/// Refuses measured parameters that a configuration could not ask for: steps would overflow, and states with them.
fn check_measured(name: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|v| v.is_finite() && f64::from(v.abs()) > MAX) {
        None => Ok(()),
        Some(i) => {
            let name = format!("cell_parameters[\"{name}\"].flat[{i}]");
            Err(Error::parameter(&name, format!("{:?}", values[i]), format!("a finite number of magnitude <= {MAX:e}")))
        }
    }
}

/// Number of cells in one block of work, for the kernels below.
const fn block_size() -> usize {
    BLOCK
}

/// Sum of the pulses of all blocks.
fn total(pulses: Vec<Pulses>) -> Pulses {
    pulses.into_iter().sum()
}
