//! One read of a batch: every vector with its own noise and bound management, all products of a round in one.
//!
//! The noise of output `i` of vector `b` in bound-management round `r` is keyed by (read, b, r, i), so a retry of some
//! vectors changes nothing for the others.

use super::bound_management::reduce;
use super::input::convert;
use super::lines::Lines;
use super::output::finalise;
use super::passes::Passes;
use super::{BoundManagement, Periphery, noise_management, product};
use crate::error::{Error, Result, check_finite, check_len, check_room};
use crate::par::Threads;
use crate::par::stop::checkpoint;
use crate::rng::Key;
use crate::simd::Isa;

/// Rounds of one vector within the counters.
pub const MAX_ROUNDS: u32 = 64;

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

impl Matrix<'_> {
    /// Numbers in an input.
    pub fn inputs(&self, direction: Direction) -> usize {
        match direction {
            Direction::Forward => self.cols,
            Direction::Backward => self.rows,
        }
    }

    /// Numbers in an output.
    pub fn outputs(&self, direction: Direction) -> usize {
        match direction {
            Direction::Forward => self.rows,
            Direction::Backward => self.cols,
        }
    }

    /// The product of a batch (batch, inputs) -> (batch, outputs).
    pub fn product(&self, direction: Direction, context: Context, x: &[f32]) -> Vec<f32> {
        let product = match direction {
            Direction::Forward => product::forward,
            Direction::Backward => product::backward,
        };
        product(context.isa, context.threads, self.weights, self.rows, self.cols, x)
    }
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

/// Reads a batch; returns the outputs and how many vectors passed through the array, retries included. `average` is the
/// direction's moving average of inputs (see [`noise_management::scale`]); it stays as it is if the read fails.
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
    average: &mut f32,
) -> Result<(Vec<f32>, u64)> {
    let name = match direction {
        Direction::Forward => "x",
        Direction::Backward => "d",
    };
    let (inputs, outputs) = (matrix.inputs(direction), matrix.outputs(direction));
    check_len(name, input.len(), batch, inputs)?;
    check_finite(name, input)?;
    if batch > (u32::MAX / MAX_ROUNDS) as usize {
        return Err(Error::parameter("batch", batch, format!("at most {}", u32::MAX / MAX_ROUNDS)));
    }
    // Prepared inputs and their transposition, outputs before and after the output stage, twice for two passes.
    check_room(batch.saturating_mul(28 * (inputs + outputs)), "a read of this batch")?;
    if periphery.perfect() {
        let mut y = matrix.product(direction, context, input);
        if periphery.out_scale != 1.0 {
            y.iter_mut().for_each(|v| *v *= periphery.out_scale as f32);
        }
        check_finite("y", &y)?;
        return Ok((y, batch as u64));
    }
    let managed = direction == Direction::Forward && periphery.bound_management != BoundManagement::None;
    let passes = Passes::new(matrix, direction, periphery, context);
    let mut seen = *average;
    let mut y = vec![0.0; batch * outputs];
    let mut pending: Vec<Vector> = (0..batch)
        .filter_map(|index| {
            let x = &input[index * inputs..(index + 1) * inputs];
            let scale = noise_management::scale(periphery, x, &mut seen);
            // A managed vector of zeros is not read at all: its output is exactly zero, without noise.
            let silent = scale <= 0.0 && (periphery.inp_noise <= 0.0 || direction == Direction::Backward);
            (!silent).then(|| Vector::new(index, scale))
        })
        .collect();
    let mut vectors = 0;
    while !pending.is_empty() {
        vectors += pending.len() as u64 * periphery.passes();
        let mut prepared = vec![0.0; pending.len() * inputs];
        for (vector, out) in pending.iter().zip(prepared.chunks_mut(inputs)) {
            checkpoint();
            let x = &input[vector.index * inputs..(vector.index + 1) * inputs];
            convert(periphery, context, vector, x, out);
        }
        let mut raw = passes.run(&pending, &prepared);
        let mut again = Vec::new();
        for (at, mut vector) in pending.into_iter().enumerate() {
            checkpoint();
            let out = &mut y[vector.index * outputs..(vector.index + 1) * outputs];
            if passes.finish(&mut raw, at, &vector, out)
                && managed
                && reduce(periphery, &input[vector.index * inputs..(vector.index + 1) * inputs], &mut vector)
            {
                again.push(vector);
            }
        }
        pending = again;
    }
    // Finite inputs can overflow in the product or in undoing the scaling: an error here, not a NaN three layers on.
    check_finite("y", &y)?;
    *average = seen;
    Ok((y, vectors))
}

/// Reads one column through a one-hot input of amplitude one, without noise or bound management, into `out`.
pub fn column(matrix: Matrix<'_>, column: usize, periphery: &Periphery, context: Context, out: &mut [f32]) {
    let cells = (0..matrix.rows).map(|row| matrix.weights[row * matrix.cols + column]);
    if periphery.perfect() {
        out.iter_mut().zip(cells).for_each(|(v, w)| *v = w * periphery.out_scale as f32);
        return;
    }
    let vector = Vector::new(0, 1.0);
    if periphery.inp_noise <= 0.0 && periphery.is_one_product() {
        let mut amplitude = [0.0];
        convert(periphery, context, &vector, &[1.0], &mut amplitude);
        out.iter_mut().zip(cells).for_each(|(v, w)| *v = w * amplitude[0]);
        let lines = Lines::draw(periphery, context, Direction::Forward, matrix.rows);
        finalise(periphery, context, &lines, &vector, out);
        return;
    }
    let mut one_hot = vec![0.0; matrix.cols];
    one_hot[column] = 1.0;
    let mut prepared = vec![0.0; matrix.cols];
    convert(periphery, context, &vector, &one_hot, &mut prepared);
    let passes = Passes::new(matrix, Direction::Forward, periphery, context);
    let mut raw = passes.run(std::slice::from_ref(&vector), &prepared);
    passes.finish(&mut raw, 0, &vector, out);
}

/// One vector on its way through the rounds of bound management.
pub struct Vector {
    /// Number of the vector in its batch.
    pub index: usize,
    /// Noise management's scale.
    pub scale: f32,
    /// Bound management's reduction, 1, 2, 4, ...
    pub reduction: f64,
    /// Number of the round.
    pub round: u32,
}

impl Vector {
    /// A vector before its first round; a scale that is not positive counts as one.
    pub fn new(index: usize, scale: f32) -> Self {
        Self { index, scale: if scale > 0.0 { scale } else { 1.0 }, reduction: 1.0, round: 0 }
    }

    /// Where the vector's draws of this round stand in their streams.
    pub fn ordinal(&self) -> u32 {
        self.index as u32 * MAX_ROUNDS + self.round
    }
}
