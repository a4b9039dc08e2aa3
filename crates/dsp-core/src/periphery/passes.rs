//! From prepared inputs to the outputs before the output stage: one pass through the array, or one for each sign.
//!
//! A pass of a batch is one matrix product, and one more for every property that needs the currents of the outputs.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::bound_management::reduce;
use super::input::convert;
use super::lines::Lines;
use super::output::finalise;
use super::product::Strip;
use super::read::{Context, Direction, Matrix, Vector};
use super::{BoundManagement, MvType, Periphery, WeightNoise, ir_drop, product, voltage_offset, weight_noise};
use crate::par::Threads;
use crate::rng::Purpose;
use crate::rng::fill::fill_normals;

/// Number of the child key that the pass of the negative inputs draws with; no array of a tile has it.
const NEGATIVE_PASS: u32 = u32::MAX;

/// What all rounds of one read share.
pub struct Passes<'a> {
    matrix: Matrix<'a>,
    direction: Direction,
    /// Whether products take the weights as (cols, rows).
    turned: bool,
    periphery: &'a Periphery,
    context: Context,
    /// The weights that both signs, or the positive inputs, meet.
    weights: Weights<'a>,
    /// The weights that negative inputs meet in a pass of their own, if they differ.
    negative: Option<Weights<'a>>,
    /// The output lines.
    lines: Lines,
}

/// Weights as the products take them, and their magnitudes where currents are needed.
struct Weights<'a> {
    values: Cow<'a, [f32]>,
    /// The values as products lay them out, kept where they are few and several blocks of vectors meet them.
    panels: Option<OnceLock<Vec<Strip>>>,
    magnitudes: Vec<f32>,
}

/// Most weights that are laid out at once: beyond, they would not stay in a cache until the next block.
const MOST_KEPT: usize = 1 << 16;

/// A batch of at least so many vectors an output costs less forward with turned weights.
const TURNED_FROM: usize = 2;

impl<'a> Passes<'a> {
    /// Prepares a read of so many vectors in so many blocks.
    pub fn new(
        matrix: Matrix<'a>,
        direction: Direction,
        periphery: &'a Periphery,
        context: Context,
        (batch, blocks): (usize, usize),
    ) -> Self {
        let needs_currents = periphery.ir_drop > 0.0 || periphery.has_weight_noise(WeightNoise::PcmRead);
        let turned = direction == Direction::Forward && batch >= matrix.rows.saturating_mul(TURNED_FROM);
        let weights = |values: Cow<'a, [f32]>| {
            let values = if turned { Cow::Owned(product::turned(&values, matrix.cols)) } else { values };
            let magnitudes = if needs_currents { each(&values, f32::abs) } else { Vec::new() };
            let again = blocks > 1 && context.threads == Threads::ONE && values.len() <= MOST_KEPT;
            let panels = (again && (turned || direction == Direction::Backward)).then(OnceLock::new);
            Weights { values, panels, magnitudes }
        };
        let negative = (periphery.w_read_asymmetry_dtod > 0.0).then(|| {
            let mut values = vec![0.0; matrix.weights.len()];
            fill_normals(context.isa, context.key.stream(Purpose::ReadAsymmetry, 0), 0, 0, &mut values);
            for (v, w) in values.iter_mut().zip(matrix.weights) {
                *v = w * (1.0 + periphery.w_read_asymmetry_dtod as f32 * *v);
            }
            weights(Cow::Owned(values))
        });
        let lines = Lines::draw(periphery, context, direction, matrix.outputs(direction));
        let weights = weights(Cow::Borrowed(matrix.weights));
        Self { matrix, direction, turned, periphery, context, weights, negative, lines }
    }

    /// Reads `vectors` of a block until none is to be read again: its inputs `x` and outputs `y` begin with those of vector
    /// `first`. Returns how many vectors passed through the array.
    pub fn rounds(&self, mut vectors: Vec<Vector>, first: usize, x: &[f32], y: &mut [f32]) -> u64 {
        let (inputs, outputs) = (self.matrix.inputs(self.direction), self.matrix.outputs(self.direction));
        let managed = self.direction == Direction::Forward && self.periphery.bound_management != BoundManagement::None;
        let mut passed = 0;
        while !vectors.is_empty() {
            passed += vectors.len() as u64 * self.periphery.passes();
            let prepared = convert(self.periphery, self.context, &vectors, (first, x), inputs);
            let exceeded = if vectors.len() * outputs == y.len() {
                self.run(&vectors, &prepared, y)
            } else {
                let mut some = vec![0.0; vectors.len() * outputs];
                let exceeded = self.run(&vectors, &prepared, &mut some);
                for (vector, values) in vectors.iter().zip(some.chunks_exact(outputs)) {
                    y[(vector.index - first) * outputs..][..outputs].copy_from_slice(values);
                }
                exceeded
            };
            let mut exceeded = exceeded.into_iter();
            vectors.retain_mut(|vector| {
                let x = &x[(vector.index - first) * inputs..][..inputs];
                exceeded.next() == Some(true) && managed && reduce(self.periphery, x, vector)
            });
        }
        passed
    }

    /// Fills `y` with the outputs (vectors, outputs) of prepared inputs (vectors, inputs); returns which vectors exceeded the
    /// ADC's range.
    pub fn run(&self, vectors: &[Vector], prepared: &[f32], y: &mut [f32]) -> Vec<bool> {
        let finalise = |context: Context, y: &mut [f32]| finalise(self.periphery, context, &self.lines, vectors, y);
        if self.periphery.passes() == 1 {
            self.pass(self.context, &self.weights, vectors, prepared, y);
            return finalise(self.context, y);
        }
        let positive = each(prepared, |v| if v > 0.0 { v } else { 0.0 });
        self.pass(self.context, &self.weights, vectors, &positive, y);
        let context = Context { key: self.context.key.child(NEGATIVE_PASS), ..self.context };
        let weights = self.negative.as_ref().unwrap_or(&self.weights);
        let negative = each(prepared, |v| if v < 0.0 { v } else { 0.0 });
        let mut second = vec![0.0; y.len()];
        self.pass(context, weights, vectors, &negative, &mut second);
        let apart = self.periphery.mv_type == MvType::PosNegSeparateDigitalSum;
        let mut exceeded = Vec::new();
        if apart {
            exceeded = finalise(self.context, y);
            exceeded.iter_mut().zip(finalise(context, &mut second)).for_each(|(first, second)| *first |= second);
        }
        y.iter_mut().zip(second).for_each(|(y, second)| *y += second);
        if apart { exceeded } else { finalise(self.context, y) }
    }

    /// One pass: the product, the drop along the wires, the offsets, the noise of the weights.
    fn pass(&self, context: Context, weights: &Weights<'_>, vectors: &[Vector], v: &[f32], y: &mut [f32]) {
        let Self { matrix, direction, periphery, lines, .. } = self;
        let (inputs, outputs) = (matrix.inputs(*direction), matrix.outputs(*direction));
        match &weights.panels {
            Some(panels) => product::backward_again(context.isa, panels, &weights.values, outputs, v, y),
            None => self.product(context, &weights.values, v, y),
        }
        let more = |weights: &[f32], v: &[f32]| {
            let mut values = vec![0.0; vectors.len() * outputs];
            self.product(context, weights, v, &mut values);
            values
        };
        if periphery.ir_drop > 0.0 {
            let currents = more(&weights.magnitudes, &each(v, f32::abs));
            let weighed = more(&weights.values, &ir_drop::weigh(v, inputs));
            ir_drop::apply(periphery, inputs, &currents, &weighed, y);
        }
        if !lines.offset.is_empty() {
            for (v, y) in v.chunks(inputs).zip(y.chunks_mut(outputs)) {
                voltage_offset::apply(periphery, &lines.offset, v, y);
            }
        }
        if periphery.has_weight_noise(WeightNoise::AdditiveConstant) {
            weight_noise::additive_constant(periphery, context, vectors, v, y);
        } else if periphery.has_weight_noise(WeightNoise::PcmRead) {
            let currents = more(&weights.magnitudes, &each(v, |v| v * v));
            weight_noise::pcm_read(periphery, context, vectors, &currents, y);
        }
    }

    /// The product with weights that lie as [`Self::new`] has laid them.
    fn product(&self, context: Context, weights: &[f32], v: &[f32], y: &mut [f32]) {
        let Matrix { rows, cols, .. } = self.matrix;
        if self.turned {
            product::backward(context.isa, context.threads, weights, cols, rows, v, y);
        } else {
            Matrix { weights, ..self.matrix }.product(self.direction, context, v, y);
        }
    }
}

fn each(values: &[f32], f: fn(f32) -> f32) -> Vec<f32> {
    values.iter().map(|v| f(*v)).collect()
}
