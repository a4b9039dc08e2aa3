//! From prepared inputs to the outputs before the output stage: one pass through the array, or one for each sign.
//!
//! A pass of a batch is one matrix product, and one more for every property that needs the currents of the outputs.

use std::borrow::Cow;

use super::lines::Lines;
use super::output::finalise;
use super::read::{Context, Direction, Matrix, Vector};
use super::{MvType, Periphery, WeightNoise, ir_drop, voltage_offset, weight_noise};
use crate::rng::Purpose;
use crate::rng::fill::fill_normals;

/// Number of the child key that the pass of the negative inputs draws with; no array of a tile has it.
const NEGATIVE_PASS: u32 = u32::MAX;

/// What all rounds of one read share.
pub struct Passes<'a> {
    matrix: Matrix<'a>,
    direction: Direction,
    periphery: &'a Periphery,
    context: Context,
    /// The weights that both signs, or the positive inputs, meet.
    weights: Weights<'a>,
    /// The weights that negative inputs meet in a pass of their own, if they differ.
    negative: Option<Weights<'a>>,
    /// The output lines.
    lines: Lines,
}

/// Weights in C order, and their magnitudes where currents are needed.
struct Weights<'a> {
    values: Cow<'a, [f32]>,
    magnitudes: Vec<f32>,
}

/// Outputs before the output stage, (vectors, outputs).
pub struct Outputs {
    /// Of the only pass, or of the positive inputs, or of both added.
    pub first: Vec<f32>,
    /// Of the negative inputs, if they go through the output stage apart, and where their noise comes from.
    pub second: Option<(Vec<f32>, Context)>,
}

impl<'a> Passes<'a> {
    /// Prepares a read.
    pub fn new(matrix: Matrix<'a>, direction: Direction, periphery: &'a Periphery, context: Context) -> Self {
        let needs_currents = periphery.ir_drop > 0.0 || periphery.has_weight_noise(WeightNoise::PcmRead);
        let weights = |values: Cow<'a, [f32]>| {
            let magnitudes = if needs_currents { each(&values, f32::abs) } else { Vec::new() };
            Weights { values, magnitudes }
        };
        let negative = (periphery.w_read_asymmetry_dtod > 0.0).then(|| {
            let mut values = vec![0.0; matrix.weights.len()];
            fill_normals(context.isa, context.key.stream(Purpose::ReadAsymmetry, 0), 0, &mut values);
            for (v, w) in values.iter_mut().zip(matrix.weights) {
                *v = w * (1.0 + periphery.w_read_asymmetry_dtod as f32 * *v);
            }
            weights(Cow::Owned(values))
        });
        let lines = Lines::draw(periphery, context, direction, matrix.outputs(direction));
        let weights = weights(Cow::Borrowed(matrix.weights));
        Self { matrix, direction, periphery, context, weights, negative, lines }
    }

    /// The outputs of prepared inputs (vectors, inputs).
    pub fn run(&self, vectors: &[Vector], prepared: &[f32]) -> Outputs {
        if self.periphery.passes() == 1 {
            return Outputs { first: self.pass(self.context, &self.weights, vectors, prepared), second: None };
        }
        let positive = each(prepared, |v| if v > 0.0 { v } else { 0.0 });
        let mut first = self.pass(self.context, &self.weights, vectors, &positive);
        let context = Context { key: self.context.key.child(NEGATIVE_PASS), ..self.context };
        let weights = self.negative.as_ref().unwrap_or(&self.weights);
        let negative = each(prepared, |v| if v < 0.0 { v } else { 0.0 });
        let second = self.pass(context, weights, vectors, &negative);
        if self.periphery.mv_type == MvType::PosNegSeparateDigitalSum {
            return Outputs { first, second: Some((second, context)) };
        }
        first.iter_mut().zip(second).for_each(|(y, second)| *y += second);
        Outputs { first, second: None }
    }

    /// Puts the vector at position `at` through the output stage, into `out`. Returns whether the ADC's range was exceeded.
    #[inline]
    pub fn finish(&self, outputs: &mut Outputs, at: usize, vector: &Vector, out: &mut [f32]) -> bool {
        let part = at * out.len()..(at + 1) * out.len();
        out.copy_from_slice(&outputs.first[part.clone()]);
        let mut exceeded = finalise(self.periphery, self.context, &self.lines, vector, out);
        if let Some((second, context)) = &mut outputs.second {
            let second = &mut second[part];
            exceeded |= finalise(self.periphery, *context, &self.lines, vector, second);
            out.iter_mut().zip(second).for_each(|(y, second)| *y += *second);
        }
        exceeded
    }

    /// One pass: the product, the drop along the wires, the offsets, the noise of the weights.
    fn pass(&self, context: Context, weights: &Weights<'_>, vectors: &[Vector], v: &[f32]) -> Vec<f32> {
        let Self { matrix, direction, periphery, lines, .. } = self;
        let (inputs, outputs) = (matrix.inputs(*direction), matrix.outputs(*direction));
        let product = |weights: &[f32], v: &[f32]| Matrix { weights, ..*matrix }.product(*direction, context, v);
        let mut y = product(&weights.values, v);
        if periphery.ir_drop > 0.0 {
            let currents = product(&weights.magnitudes, &each(v, f32::abs));
            let weighed = product(&weights.values, &ir_drop::weigh(v, inputs));
            ir_drop::apply(periphery, inputs, &currents, &weighed, &mut y);
        }
        if !lines.offset.is_empty() {
            for (v, y) in v.chunks(inputs).zip(y.chunks_mut(outputs)) {
                voltage_offset::apply(periphery, &lines.offset, v, y);
            }
        }
        let vectors = vectors.iter().zip(y.chunks_mut(outputs));
        if periphery.has_weight_noise(WeightNoise::AdditiveConstant) {
            for ((vector, y), v) in vectors.zip(v.chunks(inputs)) {
                weight_noise::additive_constant(periphery, context, vector, v, y);
            }
        } else if periphery.has_weight_noise(WeightNoise::PcmRead) {
            let currents = product(&weights.magnitudes, &each(v, |v| v * v));
            for ((vector, y), currents) in vectors.zip(currents.chunks(outputs)) {
                weight_noise::pcm_read(periphery, context, vector, currents, y);
            }
        }
        y
    }
}

fn each(values: &[f32], f: fn(f32) -> f32) -> Vec<f32> {
    values.iter().map(|v| f(*v)).collect()
}
