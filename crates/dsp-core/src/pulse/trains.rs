//! From a batch of vector pairs to the trains of its lines, or to pulses where these are not random.

use std::cell::LazyCell;

use super::management::{PulseType, PulseUpdate};
use super::rounds::{Pulse, Rounds};
use super::segments::{Segment, Segments};
use super::train::{Lines, Rule};
use crate::error::{Error, Result, check_room};
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
    /// [`Error::Parameter`] if batch times train length exceeds the counters, [`Error::NonFinite`] for vectors that are not
    /// finite.
    pub fn draw(request: &Request<'_>) -> Result<Self> {
        let longest = request.update.desired_bl.max(4096);
        if u32::try_from(request.batch).ok().and_then(|batch| batch.checked_mul(longest)).is_none() {
            return Err(Error::parameter("batch", request.batch, format!("at most {}", u32::MAX / longest)));
        }
        let mut segments = Segments::new(request.rows, request.cols, request.signs);
        if request.update.pulse_type == PulseType::Stochastic {
            segments.reserve(request.batch)?;
        }
        let mut trains = Self { kind: Kind::Stochastic(segments), slots: 0, expected: 0.0, rows: request.rows };
        let mut counts = Counts::default();
        let mut p = vec![0.0; request.rows];
        let mut q = vec![0.0; request.cols];
        let mut room = Vec::new();
        let of = |name, vectors: &dyn Vectors, width| -> Result<Vec<f32>> {
            let largest = vectors.largest(request.isa, 0..vectors.len(), width);
            if !largest.iter().all(|most| most.is_finite()) {
                vectors.check_finite(name)?;
            }
            Ok(largest)
        };
        let (x_max, d_max) = (of("x", request.x, request.cols)?, of("d", &request.d, request.rows)?);
        let scalings = request.update.scalings(request.isa, &x_max, &d_max, request.rates, request.granularity);
        let mut drawn = 0;
        for (vector, scaling) in scalings.into_iter().enumerate() {
            if scaling.length == 0 {
                continue;
            }
            trains.slots += u64::from(scaling.length);
            // Not for every vector: those of a convolution take little longer than that does.
            drawn += (request.rows + request.cols) * scaling.length as usize;
            if drawn >= SLOTS_AT_ONCE {
                drawn = 0;
                checkpoint();
            }
            let round = |purpose| {
                let stream = request.key.stream(purpose, request.step);
                request.update.sto_round.then_some((stream, vector as u32))
            };
            let (x_res, d_res) = match request.update.pulse_type {
                PulseType::DeterministicImplicit => (request.update.x_res_implicit, request.update.d_res_implicit),
                _ => (request.update.res, request.update.res),
            };
            let inputs = LazyCell::new(|| {
                let rule = Rule { scale: scaling.input, res: x_res, rounding: round(Purpose::InputLineRounding) };
                let x = request.x.get(vector * request.cols..(vector + 1) * request.cols, &mut room);
                Lines::new(x, rule, &mut q)
            });
            let rule = Rule { scale: scaling.error, res: d_res, rounding: round(Purpose::ErrorLineRounding) };
            let d = &request.d[vector * request.rows..(vector + 1) * request.rows];
            let errors = Lines::new(d, rule, &mut p);
            match &mut trains.kind {
                Kind::Stochastic(segments) if request.update.pulse_type == PulseType::Stochastic => {
                    let ordinal = vector as u32 * longest;
                    trains.expected += segments.draw(request, ordinal, scaling.length, &inputs, errors)?;
                }
                _ => counts.add(request, scaling.length, *inputs, errors)?,
            }
        }
        if request.update.pulse_type != PulseType::Stochastic {
            trains.kind = Kind::Deterministic(counts.pulses);
        }
        check_room(trains.bytes().saturating_mul(4).saturating_add(trains.sparse_bytes(request.cols)), "the pulses")?;
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
