//! From a batch of vector pairs to pulses on cells.

use super::composed::{Composed, pays};
use super::dense::{Alike, Neighbours};
use super::event::Event;
use super::fidelity::Fidelity;
use super::lockstep::Sending;
use super::management::{PulseType, PulseUpdate};
use super::segments::{Segment, Segments};
use super::sparse;
use super::train::probabilities;
use crate::device::{Apparent, CellsMut, Model, Response, Visitor};
use crate::error::{Error, Result, check_room, make_room};
use crate::ledger::Pulses;
use crate::par::Threads;
use crate::par::stop::checkpoint;
use crate::rng::{Key, Purpose, Stream};
use crate::simd::Isa;
use crate::simd::rows::Largest;

/// What a batch asks of an array.
pub struct Request<'a> {
    /// Inputs, (batch, cols).
    pub x: &'a [f32],
    /// Errors, (batch, rows).
    pub d: &'a [f32],
    /// Number of vector pairs.
    pub batch: usize,
    /// Rows of the array.
    pub rows: usize,
    /// Columns of the array.
    pub cols: usize,
    /// Learning rate of every vector pair.
    pub rates: &'a [f64],
    /// Granularity `g` of the device.
    pub granularity: f64,
    /// How trains are made.
    pub update: &'a PulseUpdate,
    /// Key of the array.
    pub key: Key,
    /// Clock of the array.
    pub step: u64,
    /// Level of the kernels.
    pub isa: Isa,
}

/// The trains of a batch, or the counts of the deterministic kinds.
pub struct Trains {
    kind: Kind,
    slots: u64,
    /// Expected number of pulses.
    expected: f64,
    rows: usize,
}

enum Kind {
    /// Words of every segment, in the order of the vectors.
    Stochastic(Segments),
    /// Pulses of every vector, cell by cell.
    Deterministic(Vec<Event>),
}

impl Trains {
    /// Draws the trains of a batch.
    ///
    /// # Errors
    /// [`Error::Parameter`] if batch times train length exceeds the counters.
    pub fn draw(request: &Request<'_>) -> Result<Self> {
        let longest = request.update.desired_bl.max(4096);
        if u32::try_from(request.batch).ok().and_then(|batch| batch.checked_mul(longest)).is_none() {
            return Err(Error::parameter("batch", request.batch, format!("at most {}", u32::MAX / longest)));
        }
        let mut segments = Segments::new(request.rows, request.cols);
        if request.update.pulse_type == PulseType::Stochastic {
            segments.reserve(request.batch)?;
        }
        let mut trains = Self { kind: Kind::Stochastic(segments), slots: 0, expected: 0.0, rows: request.rows };
        let mut counts = Counts::default();
        let mut p = vec![0.0; request.rows];
        let mut q = vec![0.0; request.cols];
        let (x_max, d_max) =
            (request.isa.run(Largest(request.x, request.cols)), request.isa.run(Largest(request.d, request.rows)));
        for vector in 0..request.batch {
            checkpoint();
            let x = &request.x[vector * request.cols..(vector + 1) * request.cols];
            let d = &request.d[vector * request.rows..(vector + 1) * request.rows];
            let scaling = request.update.scaling(
                f64::from(x_max[vector]),
                f64::from(d_max[vector]),
                request.rates[vector],
                request.granularity,
            );
            if scaling.length == 0 {
                continue;
            }
            trains.slots += u64::from(scaling.length);
            let round = |purpose| {
                let stream = request.key.stream(purpose, request.step);
                request.update.sto_round.then_some((stream, vector as u32))
            };
            let (x_res, d_res) = match request.update.pulse_type {
                PulseType::DeterministicImplicit => (request.update.x_res_implicit, request.update.d_res_implicit),
                _ => (request.update.res, request.update.res),
            };
            probabilities(x, scaling.input, x_res, round(Purpose::InputLineRounding), &mut q);
            probabilities(d, scaling.error, d_res, round(Purpose::ErrorLineRounding), &mut p);
            match &mut trains.kind {
                Kind::Stochastic(segments) if request.update.pulse_type == PulseType::Stochastic => {
                    let ordinal = vector as u32 * longest;
                    trains.expected += segments.draw(request, ordinal, scaling.length, (x, d), (&q, &p))?;
                }
                _ => counts.add(request, scaling.length, (x, d), (&q, &p))?,
            }
        }
        if request.update.pulse_type != PulseType::Stochastic {
            trains.kind = Kind::Deterministic(counts.events);
        }
        // Copies of the pulses in another order, or lists of the lines that fire.
        let sparse = trains.expected.min((request.rows * request.cols) as f64) as usize;
        check_room(trains.bytes().saturating_mul(4).saturating_add(sparse.saturating_mul(24)), "the pulses")?;
        Ok(trains)
    }

    /// The directions (true is up) of the pulses of one cell, in their order.
    #[must_use]
    pub fn directions(&self, cell: u32, cols: usize) -> Vec<bool> {
        let (row, col) = (cell as usize / cols, cell as usize % cols);
        match &self.kind {
            Kind::Deterministic(events) => {
                events.iter().filter(|event| event.cell == cell).map(|event| event.up()).collect()
            }
            Kind::Stochastic(segments) => {
                let of_segment = |segment: Segment<'_>| {
                    let up = segment.error_negative[row] != segment.input_negative[col];
                    std::iter::repeat_n(up, (segment.error[row] & segment.input[col]).count_ones() as usize)
                };
                segments.iter().flat_map(of_segment).collect()
            }
        }
    }

    fn bytes(&self) -> usize {
        match &self.kind {
            Kind::Deterministic(events) => size_of_val(&events[..]),
            Kind::Stochastic(segments) => segments.bytes(),
        }
    }

    /// Roughly how long they take to apply, in nanoseconds on one thread.
    #[must_use]
    pub fn work(&self) -> f64 {
        match &self.kind {
            Kind::Deterministic(events) => 20.0 * events.len() as f64,
            Kind::Stochastic(segments) => 10.0 * self.expected + self.rows as f64 * segments.len() as f64,
        }
    }

    /// Slots sent, summed over the vectors.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.slots
    }
}

/// Pulses of the deterministic kinds (02 section 1.8).
#[derive(Default)]
struct Counts {
    events: Vec<Event>,
    /// Pulses so far of every cell that has any.
    sent: std::collections::HashMap<u32, u32>,
}

impl Counts {
    fn add(
        &mut self,
        request: &Request<'_>,
        length: u32,
        (x, d): (&[f32], &[f32]),
        (q, p): (&[f32], &[f32]),
    ) -> Result<()> {
        let length = length as f32;
        let whole = |p: f32| (p * length).round_ties_even().clamp(0.0, length);
        for row in 0..request.rows {
            checkpoint();
            for col in 0..request.cols {
                let count = match request.update.pulse_type {
                    PulseType::MeanCount => (whole(p[row]) * whole(q[col]) / length).round_ties_even(),
                    _ => (length * p[row].min(1.0) * q[col].min(1.0)).round_ties_even(),
                } as u32;
                let cell = (row * request.cols + col) as u32;
                let up = x[col].is_sign_negative() != d[row].is_sign_negative();
                if count > 0 {
                    make_room(&mut self.events, count as usize, "the pulses")?;
                    let sent = self.sent.entry(cell).or_default();
                    self.events.extend((0..count).map(|n| Event::new(cell, *sent + n, up)));
                    *sent += count;
                }
            }
        }
        Ok(())
    }
}

/// Which cells an update may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// These, each named once.
    Cells(Vec<u32>),
    /// Any.
    Any,
}

/// Applies drawn trains to the cells of an array.
pub struct Apply<'a> {
    /// The trains.
    pub trains: &'a Trains,
    /// Columns of the array.
    pub cols: usize,
    /// Level of the kernels.
    pub isa: Isa,
    /// Threads to use.
    pub threads: Threads,
    /// Cycle noise of this update.
    pub noise: Stream,
    /// Cycle noise of composed pulses.
    pub pieces: Stream,
    /// Whether pulses may be composed.
    pub fidelity: Fidelity,
    /// Write noise of this update.
    pub apparent: Apparent,
    /// All cells of the array.
    pub cells: CellsMut<'a>,
}

/// Mean pulses per cell above which cells are visited in blocks instead of one by one.
const DENSE_ABOVE: f64 = 0.5;
/// Mean pulses per cell, of the columns that have any, above which cells of like counts go together instead of neighbours.
const ALIKE_ABOVE: f64 = 2.0;
/// Mean pulses per cell and word of trains above which composing them is cheaper than sending them.
const COMPOSED_ABOVE: f64 = 2.0;
/// Rows that one block of work covers at least this many cells of.
const BLOCK: usize = 8192;

impl Visitor for Apply<'_> {
    type Output = (Pulses, Changed);

    fn visit<M: Model>(self, model: &M) -> Self::Output {
        let Self { trains, cols, isa, threads, noise, pieces, fidelity, apparent, cells } = self;
        let response = model.response(cells.parameters);
        let segments = match &trains.kind {
            Kind::Deterministic(events) => {
                let (pulses, changed) =
                    isa.run(sparse::Events { response, events: events.clone(), noise, apparent, cells });
                return (pulses, Changed::Cells(changed));
            }
            Kind::Stochastic(segments) => segments,
        };
        let count = (trains.rows * cols) as f64;
        let words = count * segments.len() as f64;
        let composed = response.affine_noise().filter(|cycle| match fidelity {
            Fidelity::Pulse => false,
            Fidelity::Composed => true,
            // Pulses without noise are cheap one by one, and then exact.
            Fidelity::Auto => {
                let many = response.is_noisy() && trains.expected > COMPOSED_ABOVE * words;
                many && pays(response, *cycle, cells.parameters)
            }
        });
        let dense = trains.expected > DENSE_ABOVE * count;
        let work = match (composed, dense) {
            (Some(_), _) => 0.5 * words,
            (None, true) => 2.0 * trains.expected + 25.0 * count,
            (None, false) => 40.0 * trains.expected,
        };
        let threads = threads.for_work(work as usize);
        // Cells do not depend on each other: one block on one thread fills the kernels' lanes best.
        let rows_per_block = if threads == Threads::ONE { trains.rows } else { BLOCK.div_ceil(cols) };
        let blocks = cells.blocks(rows_per_block * cols);
        let sending = Sending { isa, response, noise, apparent };
        if let Some(cycle) = composed {
            let expected = (trains.expected / words) as f32;
            let run = |cells| isa.run(Composed { sending, cycle, segments, expected, cols, pieces, cells });
            return (threads.map(blocks, run).into_iter().sum(), Changed::Any);
        }
        if dense {
            let columns = &segments.columns(cols)[..];
            if trains.expected < ALIKE_ABOVE * (trains.rows * columns.len()) as f64 {
                let run = |cells| isa.run(Neighbours { sending, segments, cols, cells });
                return (threads.map(blocks, run).into_iter().sum(), Changed::Any);
            }
            let segments = &segments.of_columns(columns);
            let run = |cells| isa.run(Alike { sending, segments, columns, cols, cells });
            return (threads.map(blocks, run).into_iter().sum(), Changed::Any);
        }
        let lines = sparse::InputLines::collect(segments, cols);
        let run = |cells: CellsMut<'_>| {
            let events = sparse::collect(segments, &lines, cols, cells.first, cells.state.len());
            isa.run(sparse::Events { response, events, noise, apparent, cells })
        };
        let (pulses, changed): (Vec<Pulses>, Vec<Vec<u32>>) = threads.map(blocks, run).into_iter().unzip();
        (pulses.into_iter().sum(), Changed::Cells(changed.concat()))
    }
}

/// Applies given single pulses.
pub struct ApplyEvents<'a> {
    /// The pulses.
    pub events: Vec<Event>,
    /// Level of the kernels.
    pub isa: Isa,
    /// Cycle noise of this update.
    pub noise: Stream,
    /// Write noise of this update.
    pub apparent: Apparent,
    /// All cells of the array.
    pub cells: CellsMut<'a>,
}

impl Visitor for ApplyEvents<'_> {
    type Output = (Pulses, Vec<u32>);

    fn visit<M: Model>(self, model: &M) -> Self::Output {
        let Self { events, isa, noise, apparent, cells } = self;
        isa.run(sparse::Events { response: model.response(cells.parameters), events, noise, apparent, cells })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Device, SoftBoundsReference};

    /// The paths are chosen by cost alone: forced any way, they leave the same bits.
    #[test]
    fn sparse_and_dense_paths_leave_the_same_bits() {
        let (rows, cols, batch) = (37, 45, 12);
        let device =
            Device::SoftBoundsReference(SoftBoundsReference { write_noise_std: 1.0, ..SoftBoundsReference::default() });
        let key = Key::from_seed([5; 4]);
        let parameters = device.sample(Isa::machine(), key, rows * cols);
        let wave = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        let (mut x, d) = (wave(batch * cols), wave(batch * rows));
        // Columns without an input, which the dense path leaves out.
        x.chunks_exact_mut(cols).for_each(|x| x[3..21].fill(0.0));
        for (lr, desired_bl) in [(0.0003, 31), (0.1, 31), (0.3, 100)] {
            let update = PulseUpdate { desired_bl, ..PulseUpdate::default() };
            let granularity = device.granularity();
            let (isa, rates) = (Isa::machine(), &[lr; 12]);
            let request =
                Request { x: &x, d: &d, batch, rows, cols, rates, granularity, update: &update, key, step: 0, isa };
            let mut trains = Trains::draw(&request).unwrap();
            let mut run = |expected| {
                trains.expected = expected;
                let mut state = vec![0.0; rows * cols];
                let mut apparent = state.clone();
                let mut counts = [vec![0; rows * cols], vec![0; rows * cols]];
                let [count_up, count_down] = &mut counts;
                let cells = CellsMut {
                    first: 0,
                    parameters: &parameters,
                    state: &mut state,
                    apparent: &mut apparent,
                    count_up,
                    count_down,
                };
                let (pulses, _) = device.visit(Apply {
                    trains: &trains,
                    cols,
                    isa,
                    threads: Threads::ONE,
                    noise: key.stream(Purpose::UpdatePulse, 1),
                    pieces: key.stream(Purpose::ComposedUpdate, 1),
                    fidelity: Fidelity::Pulse,
                    apparent: Apparent { stream: key.stream(Purpose::WriteNoise, 1), std: 0.001 },
                    cells,
                });
                (pulses, state, apparent, counts)
            };
            let (sparse, dense) = (run(0.0), run(f64::INFINITY));
            assert!(sparse.0.up > 0 && sparse.0.down > 0);
            assert_eq!(sparse, dense, "lr {lr}, BL {desired_bl}");
            let neighbours = run((1.0 + DENSE_ABOVE) / 2.0 * (rows * cols) as f64);
            assert_eq!(sparse, neighbours, "lr {lr}, BL {desired_bl}");
        }
    }
}
