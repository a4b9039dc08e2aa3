//! One read of a batch: every vector with its own noise and bound management, all products of a round in one.
//!
//! The noise of output `i` of vector `b` in bound-management round `r` is keyed by (read, b, r, i), so a retry of some
//! vectors changes nothing for the others.

use super::{BoundManagement, NoiseManagement, Periphery, Quantiser, product};
use crate::error::{Error, Result, check_finite, check_len};
use crate::par::Threads;
use crate::rng::fill::{fill_normals, fill_uniforms};
use crate::rng::{Key, Purpose};
use crate::simd::math::{clip, largest_magnitude, round_half_even};
use crate::simd::{Isa, Kernel};

/// Rounds of one vector within the counters.
const MAX_ROUNDS: u32 = 64;

/// Which way an array is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `y = W x`.
    Forward,
    /// `y = W^T d`.
    Backward,
}

/// Weights in C order.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    /// The weights.
    pub weights: &'a [f32],
    /// Rows (outputs forward).
    pub rows: usize,
    /// Columns (inputs forward).
    pub cols: usize,
}

/// Where a read's random numbers come from, and what it may use.
#[derive(Clone, Copy)]
pub struct Context {
    /// Key of the array.
    pub key: Key,
    /// Number of this read.
    pub step: u64,
    /// Level of the kernels.
    pub isa: Isa,
    /// Threads to use.
    pub threads: Threads,
}

/// Reads a batch; returns the outputs and how many vectors were read, retries included.
///
/// # Errors
/// [`Error`] for wrong lengths, values that are not finite, or too large a batch.
pub fn read(
    matrix: Matrix<'_>,
    direction: Direction,
    input: &[f32],
    batch: usize,
    periphery: &Periphery,
    context: Context,
) -> Result<(Vec<f32>, u64)> {
    let (name, inputs, outputs) = match direction {
        Direction::Forward => ("x", matrix.cols, matrix.rows),
        Direction::Backward => ("d", matrix.rows, matrix.cols),
    };
    check_len(name, input.len(), batch, inputs)?;
    check_finite(name, input)?;
    if batch > (u32::MAX / MAX_ROUNDS) as usize {
        return Err(Error::parameter("batch", batch, format!("at most {}", u32::MAX / MAX_ROUNDS)));
    }
    let product = |x: &[f32]| match direction {
        Direction::Forward => {
            product::forward(context.isa, context.threads, matrix.weights, matrix.rows, matrix.cols, x)
        }
        Direction::Backward => {
            product::backward(context.isa, context.threads, matrix.weights, matrix.rows, matrix.cols, x)
        }
    };
    if periphery.is_perfect {
        let mut y = product(input);
        if periphery.out_scale != 1.0 {
            y.iter_mut().for_each(|v| *v *= periphery.out_scale as f32);
        }
        check_finite("y", &y)?;
        return Ok((y, batch as u64));
    }
    let iterative = direction == Direction::Forward && periphery.bound_management == BoundManagement::Iterative;
    let mut y = vec![0.0; batch * outputs];
    let mut pending: Vec<Vector> = (0..batch)
        .filter_map(|index| {
            let x = &input[index * inputs..(index + 1) * inputs];
            let scale = match periphery.noise_management {
                NoiseManagement::None => 1.0,
                NoiseManagement::AbsMax => largest_magnitude(x),
            };
            // A managed vector of zeros is not read at all: its output is exactly zero, without noise.
            let silent = scale <= 0.0 && (periphery.inp_noise <= 0.0 || direction == Direction::Backward);
            (!silent).then_some(Vector {
                index,
                scale: if scale > 0.0 { scale } else { 1.0 },
                reduction: 1.0,
                round: 0,
            })
        })
        .collect();
    let mut vectors = 0;
    while !pending.is_empty() {
        vectors += pending.len() as u64;
        let mut prepared = vec![0.0; pending.len() * inputs];
        for (vector, out) in pending.iter().zip(prepared.chunks_mut(inputs)) {
            let x = &input[vector.index * inputs..(vector.index + 1) * inputs];
            convert(periphery, context, vector, x, out);
        }
        let raw = product(&prepared);
        let mut again = Vec::new();
        for (mut vector, values) in pending.into_iter().zip(raw.chunks(outputs)) {
            let out = &mut y[vector.index * outputs..(vector.index + 1) * outputs];
            out.copy_from_slice(values);
            let exceeded = finalise(periphery, context, &vector, out);
            if exceeded && iterative && periphery.may_reduce(vector.reduction) && vector.round + 1 < MAX_ROUNDS {
                vector.reduction *= 2.0;
                vector.round += 1;
                again.push(vector);
            }
        }
        pending = again;
    }
    // Finite inputs can overflow in the product or in undoing the scaling: an error here, not a NaN three layers on.
    check_finite("y", &y)?;
    Ok((y, vectors))
}

/// Reads one column through a one-hot input of amplitude one, without noise or bound management, into `out`.
pub fn column(matrix: Matrix<'_>, column: usize, periphery: &Periphery, context: Context, out: &mut [f32]) {
    let cells = (0..matrix.rows).map(|row| matrix.weights[row * matrix.cols + column]);
    if periphery.is_perfect {
        out.iter_mut().zip(cells).for_each(|(v, w)| *v = w * periphery.out_scale as f32);
        return;
    }
    let vector = Vector { index: 0, scale: 1.0, reduction: 1.0, round: 0 };
    if periphery.inp_noise > 0.0 {
        let mut one_hot = vec![0.0; matrix.cols];
        one_hot[column] = 1.0;
        let mut prepared = vec![0.0; matrix.cols];
        convert(periphery, context, &vector, &one_hot, &mut prepared);
        let y = product::forward(context.isa, Threads::ONE, matrix.weights, matrix.rows, matrix.cols, &prepared);
        out.copy_from_slice(&y);
    } else {
        let mut amplitude = [0.0];
        convert(periphery, context, &vector, &[1.0], &mut amplitude);
        out.iter_mut().zip(cells).for_each(|(v, w)| *v = w * amplitude[0]);
    }
    finalise(periphery, context, &vector, out);
}

/// One vector on its way through the rounds of bound management.
struct Vector {
    index: usize,
    /// Noise management's scale.
    scale: f32,
    /// Bound management's reduction, 1, 2, 4, ...
    reduction: f64,
    round: u32,
}

impl Vector {
    fn ordinal(&self) -> u32 {
        self.index as u32 * MAX_ROUNDS + self.round
    }
}

/// The DAC: scale, quantise, clip, add noise.
fn convert(periphery: &Periphery, context: Context, vector: &Vector, x: &[f32], out: &mut [f32]) {
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
}

/// The ADC: add noise, quantise, note violations, clip, and undo the input's scaling. Returns whether the range was exceeded.
fn finalise(periphery: &Periphery, context: Context, vector: &Vector, out: &mut [f32]) -> bool {
    let mut xi = Vec::new();
    if periphery.out_noise > 0.0 {
        xi.resize(out.len(), 0.0);
        fill_normals(context.isa, context.key.stream(Purpose::ReadOutput, context.step), vector.ordinal(), &mut xi);
    }
    let mut dither = Vec::new();
    if periphery.out_sto_round {
        dither.resize(out.len(), 0.0);
        let stream = context.key.stream(Purpose::OutputRounding, context.step);
        fill_uniforms(context.isa, stream, vector.ordinal(), &mut dither);
    }
    context.isa.run(Finalise {
        quantiser: periphery.output(),
        noise: periphery.out_noise as f32,
        factor: periphery.out_scale as f32 * (vector.scale * vector.reduction as f32),
        xi: &xi,
        dither: &dither,
        out,
    })
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

/// `rint(v / step)`, or with uniforms `rint(v / step + U - 1/2)`.
#[inline(always)]
fn to_codes(values: &mut [f32], step: f32, dither: &[f32]) {
    if dither.is_empty() {
        for v in values {
            *v = round_half_even(*v / step);
        }
    } else {
        for (v, u) in values.iter_mut().zip(dither) {
            *v = round_half_even(*v / step + (u - 0.5));
        }
    }
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
