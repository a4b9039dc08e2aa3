//! The input stage of a read: the DAC, and what follows it up to the array.

use super::Periphery;
use super::quantiser::{Quantiser, to_codes};
use super::read::{Context, Vector};
use crate::rng::Purpose;
use crate::rng::fill::{fill_normals, fill_uniforms};
use crate::simd::Kernel;
use crate::simd::math::clip;

/// Scale, quantise, clip, add noise, shrink negative values.
#[inline]
pub fn convert(periphery: &Periphery, context: Context, vector: &Vector, x: &[f32], out: &mut [f32]) {
    let managed = vector.scale != 1.0 || vector.reduction != 1.0;
    let factor = if managed { 1.0 / (vector.scale * vector.reduction as f32) } else { 1.0 };
    let mut dither = Vec::new();
    if periphery.inp_sto_round {
        dither.resize(x.len(), 0.0);
        let stream = context.key.stream(Purpose::InputRounding, context.step);
        fill_uniforms(context.isa, stream, vector.ordinal(), &mut dither);
    }
    context.isa.run(Quantise { quantiser: periphery.input(), factor, values: x, dither: &dither, out });
    if periphery.inp_noise > 0.0 {
        let mut xi = vec![0.0; x.len()];
        fill_normals(context.isa, context.key.stream(Purpose::ReadInput, context.step), vector.ordinal(), &mut xi);
        out.iter_mut().zip(xi).for_each(|(v, xi)| *v += periphery.inp_noise as f32 * xi);
    }
    if periphery.inp_asymmetry != 0.0 {
        shrink_negative(out, periphery.inp_asymmetry);
    }
}

/// Negative values times one less `asymmetry`.
pub fn shrink_negative(values: &mut [f32], asymmetry: f64) {
    let factor = (1.0 - asymmetry) as f32;
    for v in values {
        *v = if *v < 0.0 { *v * factor } else { *v };
    }
}

/// Quantise, then clip.
struct Quantise<'a> {
    quantiser: Quantiser,
    factor: f32,
    values: &'a [f32],
    /// Uniforms for stochastic rounding; empty for none.
    dither: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { quantiser: Quantiser { step, bound, .. }, factor, values, dither, out } = self;
        for (v, x) in out.iter_mut().zip(values) {
            *v = x * factor;
        }
        if step > 0.0 {
            to_codes(out, step, dither);
            for v in out.iter_mut() {
                *v = clip(*v * step, -bound, bound);
            }
        } else {
            for v in out.iter_mut() {
                *v = clip(*v, -bound, bound);
            }
        }
    }
}
