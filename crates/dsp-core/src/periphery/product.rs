//! Matrix products whose sums have a fixed order, so that every level and every split returns the same bits.
//!
//! Forward, `y[b][i] = sum_j w[i][j] x[b][j]` adds over `j` in sixteen lanes and then the lanes in a fixed tree. Backward,
//! `y[b][j] = sum_i w[i][j] d[b][i]` adds over `i` in ascending order, sixteen columns side by side. Weights stay in C order
//! for both. How many vectors are computed together changes no output's order of additions.

use std::ops::Range;

use crate::par::Threads;
use crate::simd::{Isa, Kernel, LANES};

/// Rows (forward) or columns (backward) in one block of work.
const BLOCK: usize = 64;

/// Measured at 512 x 512 x 64, one core: the AVX2 clone takes 0.6 ms, the AVX-512 one spills its accumulators.
const FASTEST: Isa = Isa::V3;

/// `y = x W^T` for `x` (batch, cols), `w` (rows, cols): (batch, rows).
pub fn forward(isa: Isa, threads: Threads, w: &[f32], rows: usize, cols: usize, x: &[f32]) -> Vec<f32> {
    let batch = x.len() / cols;
    let isa = isa.min(FASTEST);
    blocked(threads, rows, batch, cols, |first, height| {
        let mut y = vec![0.0; batch * height];
        isa.run(Forward { w: &w[first * cols..(first + height) * cols], x, cols, y: &mut y });
        y
    })
}

/// `y = d W` for `d` (batch, rows), `w` (rows, cols): (batch, cols).
pub fn backward(isa: Isa, threads: Threads, w: &[f32], rows: usize, cols: usize, d: &[f32]) -> Vec<f32> {
    let batch = d.len() / rows;
    let isa = isa.min(FASTEST);
    blocked(threads, cols, batch, rows, |first, width| {
        let mut y = vec![0.0; batch * width];
        isa.run(Backward { w, d, rows, cols, first, width, y: &mut y });
        y
    })
}

/// Computes blocks of outputs and lays them side by side: `outputs` of them for each of `batch` vectors.
fn blocked(
    threads: Threads,
    outputs: usize,
    batch: usize,
    depth: usize,
    compute: impl Fn(usize, usize) -> Vec<f32> + Sync,
) -> Vec<f32> {
    let threads = threads.for_work(outputs * batch * depth / 16);
    if threads == Threads::ONE {
        return compute(0, outputs);
    }
    let starts: Vec<usize> = (0..outputs).step_by(BLOCK).collect();
    let blocks = threads.map(starts.clone(), |first| compute(first, BLOCK.min(outputs - first)));
    let mut y = vec![0.0; outputs * batch];
    for (first, block) in starts.into_iter().zip(blocks) {
        let size = block.len() / batch.max(1);
        for (row, part) in y.chunks_mut(outputs).zip(block.chunks(size.max(1))) {
            row[first..first + size].copy_from_slice(part);
        }
    }
    y
}

/// Calls `$tile::<B>` for groups of vectors of descending size, so that every group has its accumulators in registers.
macro_rules! in_groups {
    ($batch:expr, [$($size:literal)*], |$at:ident| $tile:ident $arguments:tt) => {
        let mut $at = 0;
        $(
            while $batch - $at >= $size {
                $tile::<$size> $arguments;
                $at += $size;
            }
        )*
    };
}

/// Sixteen values that stay in registers: passed by value, since arrays updated in place would live in memory.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lanes([f32; LANES]);

impl Lanes {
    const ZERO: Self = Self([0.0; LANES]);

    /// `self + a * b` lane by lane, rounded twice: fused multiply-add would give other bits where there is none.
    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        let mut sum = [0.0; LANES];
        for lane in 0..LANES {
            sum[lane] = self.0[lane] + a.0[lane] * b.0[lane];
        }
        Self(sum)
    }

    /// The sum of the lanes, in a fixed tree.
    #[inline(always)]
    fn sum(self) -> f32 {
        let mut s = self.0;
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                s[lane] += s[lane + half];
            }
        }
        s[0]
    }
}

/// The last, incomplete chunk of a row, filled up with zeros.
#[inline(always)]
fn padded(tail: &[f32]) -> Lanes {
    let mut lanes = [0.0; LANES];
    lanes[..tail.len()].copy_from_slice(tail);
    Lanes(lanes)
}

struct Forward<'a> {
    w: &'a [f32],
    x: &'a [f32],
    cols: usize,
    y: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { w, x, cols, y } = self;
        let (batch, height) = (x.len() / cols, w.len() / cols);
        in_groups!(batch, [4 2 1], |b| forward_group(w, &x[b * cols..], cols, &mut y[b * height..]));
    }
}

/// All rows for `B` vectors; `y` is (B, height).
#[inline(always)]
fn forward_group<const B: usize>(w: &[f32], x: &[f32], cols: usize, y: &mut [f32]) {
    let height = w.len() / cols;
    // Side by side, the chunks of a group need one pointer and no bounds checks, so that the sums stay in registers.
    let mut packed = vec![[Lanes::ZERO; B]; cols.div_ceil(LANES)];
    for (b, x) in x.chunks_exact(cols).take(B).enumerate() {
        for (group, chunk) in packed.iter_mut().zip(x.chunks(LANES)) {
            group[b] = padded(chunk);
        }
    }
    for (row, weights) in w.chunks_exact(cols).enumerate() {
        let (chunks, tail) = weights.as_chunks::<LANES>();
        let mut sums = [Lanes::ZERO; B];
        for (ws, xs) in chunks.iter().zip(&packed) {
            for b in 0..B {
                sums[b] = sums[b].add_product(Lanes(*ws), xs[b]);
            }
        }
        if let (false, Some(xs)) = (tail.is_empty(), packed.last()) {
            for b in 0..B {
                sums[b] = sums[b].add_product(padded(tail), xs[b]);
            }
        }
        for b in 0..B {
            y[b * height + row] = sums[b].sum();
        }
    }
}

struct Backward<'a> {
    w: &'a [f32],
    d: &'a [f32],
    rows: usize,
    cols: usize,
    first: usize,
    width: usize,
    y: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { w, d, rows, cols, first, width, y } = self;
        let batch = d.len() / rows;
        let strips = width / LANES * LANES;
        in_groups!(batch, [6 4 2 1], |b| backward_group(w, &d[b * rows..], (rows, cols), first..first + strips, width, &mut y[b * width..]));
        for j in strips..width {
            for b in 0..batch {
                let errors = &d[b * rows..(b + 1) * rows];
                y[b * width + j] = errors.iter().enumerate().fold(0.0, |sum, (i, d)| sum + d * w[i * cols + first + j]);
            }
        }
    }
}

/// The columns `range`, a whole number of strips of sixteen, for `B` vectors.
#[inline(always)]
fn backward_group<const B: usize>(
    w: &[f32],
    d: &[f32],
    (rows, cols): (usize, usize),
    range: Range<usize>,
    width: usize,
    y: &mut [f32],
) {
    let mut packed = vec![[0.0; B]; rows];
    for (b, d) in d.chunks_exact(rows).take(B).enumerate() {
        for (group, value) in packed.iter_mut().zip(d) {
            group[b] = *value;
        }
    }
    for j in range.clone().step_by(LANES) {
        let mut sums = [Lanes::ZERO; B];
        for (row, errors) in w.chunks_exact(cols).zip(&packed) {
            let (ws, _) = row[j..j + LANES].as_chunks::<LANES>();
            for b in 0..B {
                sums[b] = sums[b].add_product(Lanes(ws[0]), Lanes([errors[b]; LANES]));
            }
        }
        for b in 0..B {
            y[b * width + j - range.start..][..LANES].copy_from_slice(&sums[b].0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize, seed: u32) -> Vec<f32> {
        (0..n as u32)
            .map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 8) as f32 / 8_388_608.0 - 1.0)
            .collect()
    }

    #[test]
    fn same_bits_at_every_level_and_split_and_close_to_f64() {
        for (rows, cols, batch) in [(1, 1, 1), (5, 17, 3), (64, 16, 5), (70, 33, 9), (130, 100, 64)] {
            let (w, x, d) = (values(rows * cols, 1), values(batch * cols, 2), values(batch * rows, 3));
            let f = forward(Isa::Base, Threads::ONE, &w, rows, cols, &x);
            let g = backward(Isa::Base, Threads::ONE, &w, rows, cols, &d);
            for isa in Isa::available() {
                for count in [1, 2, 3] {
                    let threads = Threads::new(Some(count)).unwrap();
                    let parts = |outputs: usize, compute: &(dyn Fn(usize, usize) -> Vec<f32> + Sync)| {
                        blocked(threads, outputs, batch, usize::MAX / outputs / batch, compute)
                    };
                    let rows_of = |first: usize, n: usize| {
                        forward(isa, Threads::ONE, &w[first * cols..(first + n) * cols], n, cols, &x)
                    };
                    assert_eq!(forward(isa, threads, &w, rows, cols, &x), f);
                    assert_eq!(parts(rows, &rows_of), f);
                    assert_eq!(backward(isa, threads, &w, rows, cols, &d), g);
                }
            }
            for b in 0..batch {
                for i in 0..rows {
                    let exact: f64 = (0..cols).map(|j| f64::from(w[i * cols + j]) * f64::from(x[b * cols + j])).sum();
                    assert!((f64::from(f[b * rows + i]) - exact).abs() < 1e-5);
                }
                for j in 0..cols {
                    let exact: f64 = (0..rows).map(|i| f64::from(w[i * cols + j]) * f64::from(d[b * rows + i])).sum();
                    assert!((f64::from(g[b * cols + j]) - exact).abs() < 2e-5);
                }
            }
        }
    }
}
