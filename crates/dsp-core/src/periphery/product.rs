//! Matrix products whose sums have a fixed order, so that every level and every split returns the same bits.
//!
//! Both directions add in ascending order of the summed index, sixteen results side by side: forward,
//! `y[b][i] = sum_j w[i][j] x[b][j]`, sixteen vectors; backward, `y[b][j] = sum_i w[i][j] d[b][i]`, sixteen columns. Either is
//! a sum of strips of sixteen numbers, each times one scalar: of `x` transposed times a row of `w`, or of rows of `w` times
//! the errors. How many sums are computed together changes no sum's order.

use std::ops::Range;
use std::slice;

use crate::par::Threads;
use crate::par::stop::checkpoint;
use crate::simd::{Isa, Kernel, LANES};

/// Rows (forward) or columns (backward) in one block of work.
const BLOCK: usize = 64;

/// `y = x W^T` for `x` (batch, cols), `w` (rows, cols): (batch, rows).
pub fn forward(isa: Isa, threads: Threads, w: &[f32], rows: usize, cols: usize, x: &[f32]) -> Vec<f32> {
    let batch = x.len() / cols;
    let width = batch.next_multiple_of(LANES);
    let runs = used(x, cols);
    let mut strips = vec![0.0; cols * width];
    for (b, x) in x.chunks_exact(cols).enumerate() {
        for (strip, value) in strips.chunks_exact_mut(width).zip(x) {
            strip[b] = *value;
        }
    }
    let depth = runs.iter().map(Range::len).sum();
    blocked(threads, rows, batch, depth, |first, height| {
        let mut y = vec![0.0; batch * height];
        let w = &w[first * cols..(first + height) * cols];
        isa.run(Forward { strips: &strips, runs: &runs, w, cols, batch, y: &mut y });
        y
    })
}

/// Gaps of at least this many columns are worth leaving out.
const GAP: usize = 8;

/// The runs of columns in which some vector of `x` is not zero, but for short gaps. A sum is the same without its zero
/// terms: it starts at +0, and so is never -0.
fn used(x: &[f32], cols: usize) -> Vec<Range<usize>> {
    let mut any = vec![0_u32; cols];
    for x in x.chunks_exact(cols) {
        any.iter_mut().zip(x).for_each(|(any, v)| *any |= v.to_bits() << 1);
    }
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (j, _) in any.iter().enumerate().filter(|(_, bits)| **bits != 0) {
        match runs.last_mut() {
            Some(run) if j - run.end < GAP => run.end = j + 1,
            _ => runs.push(j..j + 1),
        }
    }
    runs
}

/// `y = d W` for `d` (batch, rows), `w` (rows, cols): (batch, cols).
pub fn backward(isa: Isa, threads: Threads, w: &[f32], rows: usize, cols: usize, d: &[f32]) -> Vec<f32> {
    let batch = d.len() / rows;
    blocked(threads, cols, batch, rows, |first, width| {
        let mut y = vec![0.0; batch * width];
        isa.run(Backward { w, d, cols, first, width, y: &mut y });
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

/// Sixteen sums that stay in registers: passed by value, since arrays updated in place would live in memory.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lanes([f32; LANES]);

impl Lanes {
    const ZERO: Self = Self([0.0; LANES]);

    /// `self + a * b` lane by lane, rounded twice: fused multiply-add would give other bits where there is none.
    #[inline(always)]
    fn add_product(self, a: Self, b: f32) -> Self {
        let mut sum = [0.0; LANES];
        for lane in 0..LANES {
            sum[lane] = self.0[lane] + a.0[lane] * b;
        }
        Self(sum)
    }
}

/// Strips of sixteen numbers: strip `k` starts at `first + k * stride`.
#[derive(Clone, Copy)]
struct Strips<'a> {
    values: &'a [f32],
    first: usize,
    stride: usize,
}

impl Strips<'_> {
    #[inline(always)]
    fn strip(self, k: usize) -> Lanes {
        let (lanes, _) = self.values[self.first + k * self.stride..][..LANES].as_chunks::<LANES>();
        Lanes(lanes[0])
    }
}

/// `Group<B>::sums`: for each of `B` rows of scalars, the sum over the `k` of all runs of strip `k` times scalar `k`.
struct Group<const B: usize>;

/// One function per size of group: its sums are separate variables, since an array of them may be left in memory.
macro_rules! group {
    ($size:literal: $($sum:ident $row:ident $b:literal),+) => {
        impl Group<$size> {
            #[inline(always)]
            fn sums(strips: Strips<'_>, runs: &[Range<usize>], scalars: &[f32], depth: usize) -> [Lanes; $size] {
                $(let mut $sum = Lanes::ZERO;)+
                for run in runs {
                    $(let $row = &scalars[$b * depth..($b + 1) * depth][run.clone()];)+
                    for k in 0..run.len() {
                        let strip = strips.strip(run.start + k);
                        $($sum = $sum.add_product(strip, $row[k]);)+
                    }
                }
                [$($sum),+]
            }
        }
    };
}

group!(1: a p 0);
group!(2: a p 0, b q 1);
group!(4: a p 0, b q 1, c r 2, d s 3);
group!(6: a p 0, b q 1, c r 2, d s 3, e t 4, f u 5);

/// The sums of one strip position with every row of `scalars`, handed to `take` row by row.
#[inline(always)]
fn all_sums(
    strips: Strips<'_>,
    runs: &[Range<usize>],
    scalars: &[f32],
    depth: usize,
    mut take: impl FnMut(usize, Lanes),
) {
    let rows = scalars.len() / depth;
    let mut at = 0;
    macro_rules! groups_of {
        ($($size:literal)*) => { $(
            while rows - at >= $size {
                for (k, sum) in Group::<$size>::sums(strips, runs, &scalars[at * depth..], depth).into_iter().enumerate() {
                    take(at + k, sum);
                }
                at += $size;
            }
        )* };
    }
    groups_of!(6 4 2 1);
}

struct Forward<'a> {
    /// `x` transposed and padded, (cols, batch rounded up to sixteen).
    strips: &'a [f32],
    runs: &'a [Range<usize>],
    w: &'a [f32],
    cols: usize,
    batch: usize,
    y: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { strips, runs, w, cols, batch, y } = self;
        let (height, stride) = (w.len() / cols, strips.len() / cols);
        for first in (0..stride).step_by(LANES) {
            checkpoint();
            let strips = Strips { values: strips, first, stride };
            all_sums(strips, runs, w, cols, |row, sum| {
                for (b, value) in sum.0.into_iter().enumerate().take(batch - first) {
                    y[(first + b) * height + row] = value;
                }
            });
        }
    }
}

struct Backward<'a> {
    w: &'a [f32],
    d: &'a [f32],
    cols: usize,
    first: usize,
    width: usize,
    y: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { w, d, cols, first, width, y } = self;
        let rows = w.len() / cols;
        let (strips, all) = (width / LANES * LANES, 0..rows);
        for j in (0..strips).step_by(LANES) {
            checkpoint();
            let strip = Strips { values: w, first: first + j, stride: cols };
            all_sums(strip, slice::from_ref(&all), d, rows, |b, sum| {
                y[b * width + j..][..LANES].copy_from_slice(&sum.0)
            });
        }
        for j in strips..width {
            for (b, errors) in d.chunks_exact(rows).enumerate() {
                y[b * width + j] = errors.iter().enumerate().fold(0.0, |sum, (i, d)| sum + d * w[i * cols + first + j]);
            }
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
            let (w, mut x, d) = (values(rows * cols, 1), values(batch * cols, 2), values(batch * rows, 3));
            // Columns that no vector uses, in short and in long gaps.
            x.iter_mut().enumerate().filter(|(k, _)| (k % cols) % 40 >= 22).for_each(|(_, v)| *v = 0.0);
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
                    assert!((f64::from(f[b * rows + i]) - exact).abs() < 2e-5);
                }
                for j in 0..cols {
                    let exact: f64 = (0..rows).map(|i| f64::from(w[i * cols + j]) * f64::from(d[b * rows + i])).sum();
                    assert!((f64::from(g[b * cols + j]) - exact).abs() < 2e-5);
                }
            }
        }
    }
}
