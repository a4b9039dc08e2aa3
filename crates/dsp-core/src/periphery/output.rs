//! The output stage of a read: the non-linearity, the noise, the ADC.

use super::Periphery;
use super::input::shrink_negative;
use super::lines::Lines;
use super::quantiser::{Quantiser, to_codes};
use super::read::{Context, Vector};
use crate::rng::Purpose;
use crate::rng::fill::{add_normals, fill_normals, fill_uniforms};
use crate::simd::math::clip;
use crate::simd::{Kernel, LANES};

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
    if periphery.out_noise > 0.0 {
        let noise = periphery.out_noise as f32;
        let add = |stream, ordinal, start, row: &mut [f32]| match lines.noise() {
            None => add_normals(context.isa, stream, ordinal, start, noise, row),
            Some(noise) => {
                let mut xi = vec![0.0; row.len()];
                fill_normals(context.isa, stream, ordinal, start, &mut xi);
                row.iter_mut().zip(xi).zip(noise.iter().cycle()).for_each(|((v, xi), noise)| *v += xi * noise);
            }
        };
        context.draw_over(add, Purpose::ReadOutput, vectors, outputs, y);
    }
    let mut dither = Vec::new();
    if periphery.out_sto_round {
        dither = context.draw(fill_uniforms, Purpose::OutputRounding, vectors, outputs);
    }
    let (quantiser, scale) = (periphery.output(), periphery.out_scale as f32);
    context.isa.run(Finalise { quantiser, scale, vectors, outputs, dither: &dither, y })
}

struct Finalise<'a> {
    quantiser: Quantiser,
    scale: f32,
    vectors: &'a [Vector],
    outputs: usize,
    /// Uniforms for stochastic rounding; empty for none.
    dither: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Finalise<'_> {
    type Output = Vec<bool>;

    #[inline(always)]
    fn run(self) -> Vec<bool> {
        let Self { quantiser: Quantiser { step, bound, top }, scale, vectors, outputs, dither, y } = self;
        let (limit, unit) = if step > 0.0 { (top, step) } else { (bound, 1.0) };
        if step > 0.0 {
            to_codes(y, step, dither);
        }
        let mut violations = Vec::with_capacity(vectors.len());
        for (vector, y) in vectors.iter().zip(y.chunks_exact_mut(outputs)) {
            let factor = scale * vector.range();
            let (strips, rest) = y.as_chunks_mut::<LANES>();
            let mut exceeded = [0; LANES];
            for strip in strips {
                clip_row(strip, limit, unit, bound, factor, &mut exceeded);
            }
            clip_row(rest, limit, unit, bound, factor, &mut exceeded);
            violations.push(exceeded.iter().fold(0, |any, lane| any | lane) != 0);
        }
        violations
    }
}

/// Clips at most sixteen codes, undoes the scaling, and notes per lane what exceeded the range: or-ed lane by lane, since one
/// flag carried through the loop would keep it scalar.
#[inline(always)]
fn clip_row(codes: &mut [f32], limit: f32, unit: f32, bound: f32, factor: f32, exceeded: &mut [u32; LANES]) {
    for (v, exceeded) in codes.iter_mut().zip(exceeded) {
        *exceeded |= u32::from(v.abs() > limit);
        *v = clip(*v * unit, -bound, bound) * factor;
    }
}
