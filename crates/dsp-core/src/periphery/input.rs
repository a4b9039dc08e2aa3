//! The input stage of a read: the DAC, and what follows it up to the array.

use super::Periphery;
use super::quantiser::{Quantiser, to_codes};
use super::read::{Context, Vector};
use crate::rng::Purpose;
use crate::rng::fill::{fill_normals, fill_uniforms};
use crate::simd::Kernel;
use crate::simd::math::clip;

/// Scales, quantises and clips `vectors`, of which `x` (vectors, inputs) begins with number `first`; adds noise, shrinks
/// negative values.
pub fn convert(
    periphery: &Periphery,
    context: Context,
    vectors: &[Vector],
    (first, x): (usize, &[f32]),
    inputs: usize,
) -> Vec<f32> {
    let mut out = vec![0.0; vectors.len() * inputs];
    let dither = if periphery.inp_sto_round {
        context.draw(fill_uniforms, Purpose::InputRounding, vectors, inputs)
    } else {
        Vec::new()
    };
    context.isa.run(Quantise {
        quantiser: periphery.input(),
        vectors,
        first,
        x,
        inputs,
        dither: &dither,
        out: &mut out,
    });
    if periphery.inp_noise > 0.0 {
        let xi = context.draw(fill_normals, Purpose::ReadInput, vectors, inputs);
        out.iter_mut().zip(xi).for_each(|(v, xi)| *v += periphery.inp_noise as f32 * xi);
    }
    if periphery.inp_asymmetry != 0.0 {
        shrink_negative(&mut out, periphery.inp_asymmetry);
    }
    out
}

/// Negative values times one less `asymmetry`.
pub fn shrink_negative(values: &mut [f32], asymmetry: f64) {
    let factor = (1.0 - asymmetry) as f32;
    for v in values {
        *v = if *v < 0.0 { *v * factor } else { *v };
    }
}

/// Scale, quantise, then clip.
struct Quantise<'a> {
    quantiser: Quantiser,
    vectors: &'a [Vector],
    first: usize,
    x: &'a [f32],
    inputs: usize,
    /// Uniforms for stochastic rounding; empty for none.
    dither: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { quantiser: Quantiser { step, bound, .. }, vectors, first, x, inputs, dither, out } = self;
        for (vector, out) in vectors.iter().zip(out.chunks_exact_mut(inputs)) {
            let factor = vector.factor();
            for (v, x) in out.iter_mut().zip(&x[(vector.index - first) * inputs..]) {
                *v = x * factor;
            }
        }
        // All vectors as one row: what is left over after the last full register of a row would be done number by number.
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
