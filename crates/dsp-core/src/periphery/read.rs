//! One read of a batch: every vector with its own noise and bound management, all products of a round in one.
//!
//! The draws of one kind in bound-management round `r` are keyed by the read and `r`, and laid over the batch as its numbers
//! are: line `i` of `n` of vector `b` has draw `b n + i`. So a retry of some vectors changes nothing for the others.

use super::input::convert;
use super::lines::Lines;
use super::output::finalise;
use super::passes::Passes;
use super::{NoiseManagement, Periphery, noise_management, product};
use crate::error::{Error, Result, check_finite, check_len, check_room};
use crate::par::Threads;
use crate::par::stop::checkpoint;
use crate::rng::fill::ELEMENTS;
use crate::rng::{Key, Purpose, Stream};
use crate::simd::rows::Finite;
use crate::simd::{Isa, LANES};
use crate::vectors::Vectors;

/// Most rounds of one vector.
pub const MAX_ROUNDS: u32 = 64;

/// Numbers, in or out, of the vectors that pass through the array together (at least two strips of them): what is made of
/// them on the way stays in a second-level cache.
const BLOCK: usize = 16_384;

/// Work of a read, in roughly nanoseconds, above which threads that are awake share its blocks.
const SHARED_ABOVE: usize = 60_000;
/// What conversion, noise and copying take for a number in or out.
const NANOSECONDS_PER_LINE: usize = 1;
/// Blocks a thread, at least, of a read that is shared: they are of unequal speed.
const PARTS: usize = 3;

/// How draws are made: [`crate::rng::fill`] has two ways.
type Fill = fn(Isa, Stream, u32, u64, &mut [f32]);

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

    /// The product of a batch `x` (batch, inputs) into `y` (batch, outputs).
    pub fn product(&self, direction: Direction, context: Context, x: &[f32], y: &mut [f32]) {
        let product = match direction {
            Direction::Forward => product::forward,
            Direction::Backward => product::backward,
        };
        product(context.isa, context.threads, self.weights, self.rows, self.cols, x, y);
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

impl Context {
    /// One draw for each of `width` lines of every vector, in the round that all `vectors` are in: (vectors, width).
    pub fn draw(&self, fill: Fill, purpose: Purpose, vectors: &[Vector], width: usize) -> Vec<f32> {
        let mut draws = vec![0.0; vectors.len() * width];
        let fill = |stream, ordinal, start, part: &mut [f32]| fill(self.isa, stream, ordinal, start, part);
        self.draw_over(fill, purpose, vectors, width, &mut draws);
        draws
    }

    /// The same through `put` (stream, ordinal, first element, part), which changes the parts of `values` (vectors, width)
    /// whose vectors follow each other.
    pub fn draw_over(
        &self,
        put: impl Fn(Stream, u32, u64, &mut [f32]),
        purpose: Purpose,
        vectors: &[Vector],
        width: usize,
        values: &mut [f32],
    ) {
        let stream = self.key.stream(purpose, self.step);
        let mut rest = values;
        for row in vectors.chunk_by(|one, next| one.index + 1 == next.index) {
            let (part, after) = rest.split_at_mut(row.len() * width);
            put(stream, row[0].round, (row[0].index * width) as u64, part);
            rest = after;
        }
    }
}

/// Reads a batch; returns the outputs and how many vectors passed through the array, retries included. `average` is the
/// direction's moving average of inputs (see [`noise_management::scale`]); it stays as it is if the read fails.
///
/// # Errors
/// [`Error`] for wrong lengths, values that are not finite, or too large a batch.
pub fn read(
    matrix: Matrix<'_>,
    direction: Direction,
    input: &dyn Vectors,
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
    let most = ELEMENTS / inputs.max(outputs) as u64;
    if batch as u64 > most {
        return Err(Error::parameter("batch", batch, format!("at most {most}")));
    }
    // Prepared inputs and their transposition, outputs before and after the output stage, twice for two passes.
    check_room(batch.saturating_mul(28 * (inputs + outputs)), "a read of this batch")?;
    let mut y = vec![0.0; batch * outputs];
    let work = matrix.weights.len() * batch / 16 + NANOSECONDS_PER_LINE * batch * (inputs + outputs);
    let parts = if work < SHARED_ABOVE { 1 } else { PARTS * context.threads.count() };
    let block = (BLOCK / inputs.max(outputs)).min(batch.div_ceil(parts)).next_multiple_of(LANES).max(2 * LANES);
    let averages = periphery.noise_management == NoiseManagement::AverageAbsMax && !periphery.perfect();
    let mut seen = *average;
    let scales = |first: usize, x: &[f32], average: &mut f32| {
        let largest = input.largest(context.isa, first * inputs..first * inputs + x.len(), inputs);
        let finite = largest.iter().all(|v| v.is_finite());
        let scale = |(x, largest)| noise_management::scale(periphery, x, largest, average);
        finite.then(|| x.chunks_exact(inputs).zip(largest).map(scale).collect::<Vec<_>>())
    };
    let of_block = |first: usize, y: &[f32]| first * inputs..(first + y.len() / outputs) * inputs;
    let blocks: Vec<_> = y
        .chunks_mut(block * outputs)
        .enumerate()
        .map(|(at, y)| {
            let (first, before) = (at * block, seen);
            // What is averaged goes from vector to vector, and so on to the next block before this one is read.
            if averages {
                checkpoint();
                scales(first, input.get(of_block(first, y), &mut Vec::new()), &mut seen);
            }
            (first, y, before)
        })
        .collect();
    // Where there are fewer blocks than threads, these share each product instead.
    let across = blocks.len() >= context.threads.count();
    let threads = if across && work >= SHARED_ABOVE { context.threads } else { Threads::ONE };
    let context = Context { threads: if across { Threads::ONE } else { context.threads }, ..context };
    let passed: Option<u64> = if periphery.perfect() {
        let exact = |(first, y, _): (usize, &mut [f32], f32)| {
            checkpoint();
            let mut room = Vec::new();
            let x = input.get(of_block(first, y), &mut room);
            matrix.product(direction, context, x, y);
            if periphery.out_scale != 1.0 {
                y.iter_mut().for_each(|v| *v *= periphery.out_scale as f32);
            }
            (context.isa.run(Finite(x)) && context.isa.run(Finite(y))).then_some((y.len() / outputs) as u64)
        };
        threads.map_work(work, blocks, exact).into_iter().sum()
    } else {
        let passes = Passes::new(matrix, direction, periphery, context, (batch, blocks.len()));
        let rounds = |(first, y, mut average): (usize, &mut [f32], f32)| {
            checkpoint();
            let mut room = Vec::new();
            let x = input.get(of_block(first, y), &mut room);
            let scales = scales(first, x, &mut average)?;
            // A managed vector of zeros is not read at all: its output is exactly zero, without noise.
            let reads = |scale: f32| scale > 0.0 || (periphery.inp_noise > 0.0 && direction == Direction::Forward);
            let vectors = scales.iter().enumerate().filter(|(_, scale)| reads(**scale));
            let vectors = vectors.map(|(index, scale)| Vector::new(first + index, *scale)).collect();
            let passed = passes.rounds(vectors, first, x, y);
            context.isa.run(Finite(y)).then_some(passed)
        };
        threads.map_work(work, blocks, rounds).into_iter().sum()
    };
    if passed.is_none() {
        input.check_finite(name)?;
        // Finite inputs can overflow in the product or in undoing the scaling: an error here, not a NaN three layers on.
        check_finite("y", &y)?;
    }
    *average = seen;
    Ok((y, passed.unwrap_or_default()))
}

/// Reads one column through a one-hot input of amplitude one, without noise or bound management, into `out`.
pub fn column(matrix: Matrix<'_>, column: usize, periphery: &Periphery, context: Context, out: &mut [f32]) {
    let cells = (0..matrix.rows).map(|row| matrix.weights[row * matrix.cols + column]);
    if periphery.perfect() {
        out.iter_mut().zip(cells).for_each(|(v, w)| *v = w * periphery.out_scale as f32);
        return;
    }
    let vectors = [Vector::new(0, 1.0)];
    if periphery.inp_noise <= 0.0 && periphery.is_one_product() {
        let amplitude = convert(periphery, context, &vectors, (0, &[1.0]), 1)[0];
        out.iter_mut().zip(cells).for_each(|(v, w)| *v = w * amplitude);
        let lines = Lines::draw(periphery, context, Direction::Forward, matrix.rows);
        finalise(periphery, context, &lines, &vectors, out);
        return;
    }
    let mut one_hot = vec![0.0; matrix.cols];
    one_hot[column] = 1.0;
    let prepared = convert(periphery, context, &vectors, (0, &one_hot), matrix.cols);
    Passes::new(matrix, Direction::Forward, periphery, context, (1, 1)).run(&vectors, &prepared, out);
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

    /// The input that stands for a full range of the DAC.
    #[inline(always)]
    pub fn range(&self) -> f32 {
        self.scale * self.reduction as f32
    }

    /// What the input is multiplied by.
    #[inline(always)]
    pub fn factor(&self) -> f32 {
        let managed = self.scale != 1.0 || self.reduction != 1.0;
        if managed { 1.0 / self.range() } else { 1.0 }
    }
}
