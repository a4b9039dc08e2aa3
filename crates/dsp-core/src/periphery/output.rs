//! The output stage of a read: the non-linearity, the noise, the ADC.

use super::Periphery;
use super::input::{row, shrink_negative};
use super::lines::Lines;
use super::quantiser::{Quantiser, to_codes};
use super::read::{Context, Vector};
use crate::rng::Purpose;
use crate::rng::fill::{fill_normals, fill_uniforms};
use crate::simd::Kernel;
use crate::simd::math::clip;

/// Bends `y` (vectors, outputs), shrinks negative values, adds noise, quantises, notes violations, clips, and undoes the
/// input's scaling. Returns which vectors exceeded the range.
pub fn finalise(
    periphery: &Periphery,
    context: Context,
    lines: &Lines,
    vectors: &[Vector],
    y: &mut [f32],
) -> Vec<bool> {
    let outputs = y.len() / vectors.len();
    lines.bend(y, outputs);
    if periphery.out_asymmetry != 0.0 {
        shrink_negative(y, periphery.out_asymmetry);
    }
    let mut xi = Vec::new();
    if periphery.out_noise > 0.0 {
        xi = context.draw(fill_normals, Purpose::ReadOutput, vectors, outputs);
    }
    let noise = lines.scale_noise(periphery.out_noise as f32, &mut xi, outputs);
    let mut dither = Vec::new();
    if periphery.out_sto_round {
        dither = context.draw(fill_uniforms, Purpose::OutputRounding, vectors, outputs);
    }
    let (quantiser, scale) = (periphery.output(), periphery.out_scale as f32);
    context.isa.run(Finalise { quantiser, noise, scale, vectors, outputs, xi: &xi, dither: &dither, y })
}

struct Finalise<'a> {
    quantiser: Quantiser,
    noise: f32,
    scale: f32,
    vectors: &'a [Vector],
    outputs: usize,
    /// Normals; empty for no noise.
    xi: &'a [f32],
    /// Uniforms for stochastic rounding; empty for none.
    dither: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Finalise<'_> {
    type Output = Vec<bool>;

    #[inline(always)]
    fn run(self) -> Vec<bool> {
        let Self { quantiser: Quantiser { step, bound, top }, noise, scale, vectors, outputs, xi, dither, y } = self;
        let (limit, unit) = if step > 0.0 { (top, step) } else { (bound, 1.0) };
        let mut violations = Vec::with_capacity(vectors.len());
        for (at, (vector, y)) in vectors.iter().zip(y.chunks_exact_mut(outputs)).enumerate() {
            for (v, xi) in y.iter_mut().zip(row(xi, at, outputs)) {
                *v += noise * xi;
            }
            if step > 0.0 {
                to_codes(y, step, row(dither, at, outputs));
            }
            let factor = scale * vector.range();
            // Counted rather than or-ed: a flag carried through the loop would keep it scalar.
            let mut exceeded = 0_u32;
            for v in y.iter_mut() {
                exceeded += u32::from(v.abs() > limit);
                *v = clip(*v * unit, -bound, bound) * factor;
            }
            violations.push(exceeded > 0);
        }
        violations
    }
}
