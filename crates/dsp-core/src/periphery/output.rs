//! The output stage of a read: the non-linearity, the noise, the ADC.

use super::Periphery;
use super::input::shrink_negative;
use super::lines::Lines;
use super::quantiser::{Quantiser, to_codes};
use super::read::{Context, Vector};
use crate::rng::Purpose;
use crate::rng::fill::{fill_normals, fill_uniforms};
use crate::simd::Kernel;
use crate::simd::math::clip;

/// Bend, shrink negative values, add noise, quantise, note violations, clip, and undo the input's scaling. Returns whether the range was exceeded.
#[inline]
pub fn finalise(periphery: &Periphery, context: Context, lines: &Lines, vector: &Vector, out: &mut [f32]) -> bool {
    lines.bend(out);
    if periphery.out_asymmetry != 0.0 {
        shrink_negative(out, periphery.out_asymmetry);
    }
    let mut xi = Vec::new();
    if periphery.out_noise > 0.0 {
        xi.resize(out.len(), 0.0);
        fill_normals(context.isa, context.key.stream(Purpose::ReadOutput, context.step), vector.ordinal(), &mut xi);
    }
    let noise = lines.scale_noise(periphery.out_noise as f32, &mut xi);
    let mut dither = Vec::new();
    if periphery.out_sto_round {
        dither.resize(out.len(), 0.0);
        let stream = context.key.stream(Purpose::OutputRounding, context.step);
        fill_uniforms(context.isa, stream, vector.ordinal(), &mut dither);
    }
    context.isa.run(Finalise {
        quantiser: periphery.output(),
        noise,
        factor: periphery.out_scale as f32 * (vector.scale * vector.reduction as f32),
        xi: &xi,
        dither: &dither,
        out,
    })
}

struct Finalise<'a> {
    quantiser: Quantiser,
    noise: f32,
    factor: f32,
    /// Normals; empty for no noise.
    xi: &'a [f32],
    dither: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Finalise<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { quantiser: Quantiser { step, bound, top }, noise, factor, xi, dither, out } = self;
        for (v, xi) in out.iter_mut().zip(xi) {
            *v += noise * xi;
        }
        let (limit, scale) = if step > 0.0 { (top, step) } else { (bound, 1.0) };
        if step > 0.0 {
            to_codes(out, step, dither);
        }
        // Counted rather than or-ed: a flag carried through the loop would keep it scalar.
        let mut exceeded = 0_u32;
        for v in out.iter_mut() {
            exceeded += u32::from(v.abs() > limit);
            *v = clip(*v * scale, -bound, bound) * factor;
        }
        exceeded > 0
    }
}
