//! From a batch of vector pairs to the trains of its lines, or to pulses where these are not random.

use std::cell::LazyCell;
use std::ops::Deref;

use super::lockstep;
use super::management::{PulseType, PulseUpdate, Scaling};
use super::rounds::{Pulse, Rounds};
use super::segments::{Segment, Segments};
use super::train::{Lines, Rule};
use crate::error::{Result, check_room};
use crate::par::Threads;
use crate::par::stop::checkpoint;
use crate::rng::{Key, Purpose};
use crate::simd::Isa;
use crate::vectors::Vectors;

/// What a batch asks of an array.
pub struct Request<'a> {
    /// Inputs, (batch, cols).
    pub x: &'a dyn Vectors,
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
    /// Choppers of the input lines, +1 or -1 each; empty where all are +1.
    pub signs: &'a [i8],
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
    /// Threads to use.
    pub threads: Threads,
}

/// Mean pulses per cell above which cells are visited in blocks instead of one by one.
pub(super) const DENSE_ABOVE: f64 = 0.5;

/// Slots of single lines that are drawn between two checkpoints.
const SLOTS_AT_ONCE: usize = 1 << 12;

/// The trains of a batch, or the counts of the deterministic kinds.
pub struct Trains {
    /// What they are.
    pub(super) kind: Kind,
    slots: u64,
    /// Expected number of pulses.
    pub(super) expected: f64,
    /// Rows of the array.
    pub(super) rows: usize,
}

/// Trains, or what they come to.
pub(super) enum Kind {
    /// Words of every segment, in the order of the vectors.
    Stochastic(Segments),
    /// The pulses themselves.
    Deterministic(Rounds),
}

impl Trains {
    /// Draws the trains of a batch.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] if batch times train length exceeds the counters, [`crate::Error::NonFinite`] for vectors
    /// that are not finite.
    pub fn draw(request: &Request<'_>) -> Result<Self> {
        let longest = request.update.slots_per_vector(request.batch)?;
        let of = |name, vectors: &dyn Vectors, width| -> Result<Vec<f32>> {
            let largest = vectors.largest(request.isa, 0..vectors.len(), width);
            if !largest.iter().all(|most| most.is_finite()) {
                vectors.check_finite(name)?;
            }
            Ok(largest)
        };
        let (x_max, d_max) = (of("x", request.x, request.cols)?, of("d", &request.d, request.rows)?);
        let scalings = request.update.scalings(request.isa, &x_max, &d_max, request.rates, request.granularity);
        let slots = scalings.iter().map(|scaling| u64::from(scaling.length)).sum();
        let (kind, expected) = match request.update.pulse_type {
            PulseType::Stochastic => {
                let (segments, expected) = stochastic(request, &scalings, longest, slots)?;
                (Kind::Stochastic(segments), expected)
            }
            _ => (Kind::Deterministic(deterministic(request, &scalings)?), 0.0),
        };
        let trains = Self { kind, slots, expected, rows: request.rows };
        let around = trains.sparse_bytes(request.cols) + trains.dense_bytes(request.cols, request.threads);
        check_room(trains.bytes().saturating_mul(4).saturating_add(around), "the pulses")?;
        Ok(trains)
    }

    /// The directions (true is up) of the pulses of one cell, in their order.
    #[must_use]
    pub fn directions(&self, cell: u32, cols: usize) -> Vec<bool> {
        let (row, col) = (cell as usize / cols, cell as usize % cols);
        match &self.kind {
            Kind::Deterministic(rounds) => {
                let own = |pulse: &&Pulse| pulse.cell() == cell;
                rounds.iter().filter_map(|round| round.iter().find(own)).map(|pulse| pulse.up()).collect()
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
            Kind::Deterministic(rounds) => rounds.len() * size_of::<Pulse>(),
            Kind::Stochastic(segments) => segments.bytes(),
        }
    }

    /// What single pulses and the lists of the lines that fire need, where pulses are few.
    fn sparse_bytes(&self, cols: usize) -> usize {
        match &self.kind {
            Kind::Stochastic(segments) if !self.many((self.rows * cols) as f64) => {
                24 * self.expected as usize + 4 * segments.met()
            }
            _ => 0,
        }
    }

    /// What cells of like numbers of pulses wait in on every thread, where pulses are many: of few cells, far more than
    /// their trains take.
    fn dense_bytes(&self, cols: usize, threads: Threads) -> usize {
        match &self.kind {
            Kind::Stochastic(segments) if self.many((self.rows * cols) as f64) => {
                lockstep::room(lockstep::WORD * segments.len()).saturating_mul(threads.count().min(self.rows))
            }
            _ => 0,
        }
    }

    /// Whether cells are visited in blocks instead of one by one.
    pub(super) fn many(&self, cells: f64) -> bool {
        self.expected > DENSE_ABOVE * cells
    }

    /// Roughly how long they take to apply, in nanoseconds on one thread.
    #[must_use]
    pub fn work(&self) -> f64 {
        match &self.kind {
            Kind::Deterministic(rounds) => 20.0 * rounds.len() as f64,
            Kind::Stochastic(segments) => 10.0 * self.expected + self.rows as f64 * segments.len() as f64,
        }
    }

    /// Slots sent, summed over the vectors.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.slots
    }
}

/// The trains of all vector pairs, and how many coincidences to expect of them.
fn stochastic(request: &Request<'_>, scalings: &[Scaling], longest: u32, slots: u64) -> Result<(Segments, f64)> {
    let work = (request.rows + request.cols).saturating_mul(slots as usize);
    let size = scalings.len().div_ceil(request.threads.for_short_work(work).count()).max(1);
    let part = |(number, scalings): (usize, &[Scaling])| {
        let mut segments = Segments::new(request.rows, request.cols, request.signs);
        segments.reserve(if number == 0 { request.batch } else { scalings.len() })?;
        let mut expected = Vec::with_capacity(scalings.len());
        pairs(request, number * size, scalings, |vector, scaling, inputs, errors| {
            expected.push(segments.draw(request, vector as u32 * longest, scaling.length, inputs, errors)?);
            Ok(())
        })?;
        Ok((segments, expected))
    };
    let mut parts = request.threads.map_short(work, scalings.chunks(size).enumerate().collect(), part).into_iter();
    let (mut all, expected) = parts.next().unwrap_or_else(|| part((0, &[])))?;
    // One by one, wherever the parts end: what the sum decides must not depend on the threads.
    let add = |sum, expected: Vec<f64>| expected.into_iter().fold(sum, |sum: f64, of_pair| sum + of_pair);
    let mut sum = add(0.0, expected);
    for part in parts {
        let (segments, expected) = part?;
        sum = add(sum, expected);
        all.append(&segments)?;
    }
    Ok((all, sum))
}

/// The pulses of the deterministic kinds (02 section 1.8).
fn deterministic(request: &Request<'_>, scalings: &[Scaling]) -> Result<Rounds> {
    let mut counts = Counts::default();
    pairs(request, 0, scalings, |_, scaling, inputs, errors| counts.add(request, scaling.length, **inputs, errors))?;
    Ok(counts.pulses)
}

/// Shows `take` the input and the error lines of every vector pair with a train, from number `first` on; inputs are not made
/// unless it looks at them.
fn pairs(
    request: &Request<'_>,
    first: usize,
    scalings: &[Scaling],
    mut take: impl for<'a> FnMut(usize, &Scaling, &(dyn Deref<Target = Lines<'a>> + 'a), Lines<'a>) -> Result<()>,
) -> Result<()> {
    let (rows, cols) = (request.rows, request.cols);
    let (mut p, mut q, mut room) = (vec![0.0; rows], vec![0.0; cols], Vec::new());
    let (x_res, d_res) = match request.update.pulse_type {
        PulseType::DeterministicImplicit => (request.update.x_res_implicit, request.update.d_res_implicit),
        _ => (request.update.res, request.update.res),
    };
    let mut drawn = 0;
    for (vector, scaling) in scalings.iter().enumerate().filter(|(_, scaling)| scaling.length > 0) {
        // Not for every pair: those of a convolution take little longer than that does.
        drawn += (rows + cols) * scaling.length as usize;
        if drawn >= SLOTS_AT_ONCE {
            drawn = 0;
            checkpoint();
        }
        let vector = first + vector;
        let round = |purpose| {
            let stream = request.key.stream(purpose, request.step);
            request.update.sto_round.then_some((stream, vector as u32))
        };
        let inputs = LazyCell::new(|| {
            let rule = Rule { scale: scaling.input, res: x_res, rounding: round(Purpose::InputLineRounding) };
            Lines::new(request.x.get(vector * cols..(vector + 1) * cols, &mut room), rule, &mut q)
        });
        let rule = Rule { scale: scaling.error, res: d_res, rounding: round(Purpose::ErrorLineRounding) };
        let errors = Lines::new(&request.d[vector * rows..(vector + 1) * rows], rule, &mut p);
        take(vector, scaling, &inputs, errors)?;
    }
    Ok(())
}

/// Pulses of the deterministic kinds (02 section 1.8).
#[derive(Default)]
struct Counts {
    pulses: Rounds,
    /// Pulses so far of every cell that has any.
    sent: std::collections::HashMap<u32, u32>,
}

impl Counts {
    fn add(&mut self, request: &Request<'_>, length: u32, inputs: Lines<'_>, errors: Lines<'_>) -> Result<()> {
        let (x, d) = (inputs.values, errors.values);
        let length = length as f32;
        let whole = |p: f32| (p * length).round_ties_even().clamp(0.0, length);
        for row in 0..request.rows {
            checkpoint();
            for col in 0..request.cols {
                let (p, q) = (errors.probability(row), inputs.probability(col));
                let count = match request.update.pulse_type {
                    PulseType::MeanCount => (whole(p) * whole(q) / length).round_ties_even(),
                    _ => (length * p.min(1.0) * q.min(1.0)).round_ties_even(),
                } as u32;
                let cell = (row * request.cols + col) as u32;
                let chopped = request.signs.get(col).is_some_and(|sign| *sign < 0);
                let up = (x[col].is_sign_negative() != chopped) != d[row].is_sign_negative();
                if count > 0 {
                    let sent = self.sent.entry(cell).or_default();
                    for ordinal in *sent..*sent + count {
                        self.pulses.try_push(ordinal, Pulse::new(cell, up))?;
                    }
                    *sent += count;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of a batch are drawn side by side: neither trains nor what decides how they are sent depend on the parts.
    #[test]
    fn trains_do_not_depend_on_the_threads() {
        let (rows, cols, batch) = (70, 90, 57);
        let wave = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        let (x, d, rates) = (wave(batch * cols), wave(batch * rows), vec![0.3; batch]);
        let signs: Vec<i8> = (0..cols).map(|col| if col % 3 == 0 { -1 } else { 1 }).collect();
        let update = PulseUpdate { desired_bl: 70, update_bl_management: false, ..PulseUpdate::default() };
        let drawn = |threads| {
            let request = Request {
                x: &x,
                d: &d,
                batch,
                rows,
                cols,
                rates: &rates,
                signs: &signs,
                granularity: 0.001,
                update: &update,
                key: Key::from_seed([5; 4]),
                step: 3,
                isa: Isa::machine(),
                threads: Threads::new(Some(threads)).unwrap(),
            };
            let Trains { kind: Kind::Stochastic(segments), slots, expected, .. } = Trains::draw(&request).unwrap()
            else {
                panic!("stochastic trains")
            };
            let words = |segment: Segment<'_>| {
                [segment.error, segment.error_negative, segment.input, segment.input_negative].concat()
            };
            (segments.iter().map(words).collect::<Vec<_>>(), segments.met(), slots, expected.to_bits())
        };
        let one = drawn(1);
        assert_eq!((one.0.len(), one.2), (3 * batch, 70 * batch as u64));
        for threads in [2, 3, 60] {
            assert_eq!(drawn(threads), one);
        }
    }
}
