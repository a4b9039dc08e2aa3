//! Matrix products whose sums have a fixed order, so that every level and every split returns the same bits.
//!
//! Both directions add in ascending order of the summed index, sixteen results side by side: forward,
//! `y[b][i] = sum_j w[i][j] x[b][j]`, sixteen vectors; backward, `y[b][j] = sum_i w[i][j] d[b][i]`, sixteen columns. Either
//! is a sum of strips of sixteen numbers, each times one scalar: of `x` transposed times the numbers in a row of `w`, or of
//! rows of `w` times the errors in a row of `d`. The strips of one result lie one behind the other, as a panel. How many
//! sums are computed together, and over how long a stretch at a time, changes no sum's order.

mod sparse;
mod sums;

use std::ops::Range;
use std::sync::OnceLock;

pub use self::sums::Strip;
use self::sums::{Block, Scalars, add_up};
use crate::par::Threads;
use crate::simd::{Isa, LANES};

/// Rows (forward) or columns (backward) that one thread computes at a time.
const BLOCK: usize = 64;
/// Longest stretch: 16 KiB of a panel, half of a first-level cache.
const STRETCH: usize = 256;
/// Rows of scalars in one block: those of a stretch stay in the second-level cache from panel to panel.
const ROWS: usize = 96;
/// Panels in one block.
const PANELS: usize = 4;
/// Results in a row of panels.
const WIDTH: usize = PANELS * LANES;
/// Gaps of at least this many columns are worth leaving out.
const GAP: usize = 3;

/// `y = x W^T` for `x` (batch, cols), `w` (rows, cols), into `y` (batch, rows).
pub fn forward(isa: Isa, threads: Threads, w: &[f32], rows: usize, cols: usize, x: &[f32], y: &mut [f32]) {
    let runs = used(x, cols);
    let depth = runs.iter().map(Range::len).sum();
    if depth == 0 {
        // There is no panel to go over; a retry comes with what the round before has left.
        return y.fill(0.0);
    }
    let panels = transposed(x, cols, &runs);
    blocked(threads, rows, depth, y, |first, height, y| {
        let mut sums = vec![[0.0; LANES]; PANELS * ROWS.min(height)];
        for at in (0..height).step_by(ROWS) {
            let count = ROWS.min(height - at);
            let scalars = Scalars { values: &w[(first + at) * cols..], stride: cols, rows: count };
            for (y, panels) in y.chunks_mut(height * WIDTH).zip(panels.chunks(depth * PANELS)) {
                let sums = add_up(isa, Block { panels, runs: &runs, depth, scalars }, &mut sums);
                for (b, y) in y.chunks_exact_mut(height).enumerate() {
                    let sums = &sums[b / LANES * count..][..count];
                    y[at..at + count].iter_mut().zip(sums).for_each(|(y, sums)| *y = sums[b % LANES]);
                }
            }
        }
    });
}

/// `y = d W` for `d` (batch, rows), `w` (rows, cols), into `y` (batch, cols).
pub fn backward(isa: Isa, threads: Threads, w: &[f32], rows: usize, cols: usize, d: &[f32], y: &mut [f32]) {
    if sparse::pays(d, cols) {
        return blocked(threads, cols, rows, y, |first, width, y| {
            sparse::backward(isa, w, cols, first..first + width, d, y);
        });
    }
    blocked(threads, cols, rows, y, |first, width, y| {
        let mut sums = vec![[0.0; LANES]; PANELS * ROWS.min(d.len() / rows)];
        let mut panels = vec![[0.0; LANES]; PANELS * rows];
        for at in (0..width).step_by(WIDTH) {
            let columns = at..width.min(at + WIDTH);
            let panels = &mut panels[..columns.len().div_ceil(LANES) * rows];
            lay_out(w, cols, first + at..first + columns.end, panels);
            add_columns(isa, panels, d, columns, width, &mut sums, y);
        }
    });
}

/// [`backward`] on one thread, for those who multiply with the same weights again: `panels` keeps these as they are laid out.
pub fn backward_again(isa: Isa, panels: &OnceLock<Vec<Strip>>, w: &[f32], cols: usize, d: &[f32], y: &mut [f32]) {
    if sparse::pays(d, cols) {
        return sparse::backward(isa, w, cols, 0..cols, d, y);
    }
    let rows = w.len() / cols;
    let panels = panels.get_or_init(|| {
        let mut panels = vec![[0.0; LANES]; cols.div_ceil(LANES) * rows];
        lay_out(w, cols, 0..cols, &mut panels);
        panels
    });
    let mut sums = vec![[0.0; LANES]; PANELS * ROWS.min(d.len() / rows)];
    for (at, panels) in (0..cols).step_by(WIDTH).zip(panels.chunks(PANELS * rows)) {
        add_columns(isa, panels, d, at..cols.min(at + WIDTH), cols, &mut sums, y);
    }
}

/// Computes these columns of `y` (batch, width) from their panels.
fn add_columns(
    isa: Isa,
    panels: &[Strip],
    d: &[f32],
    columns: Range<usize>,
    width: usize,
    sums: &mut [Strip],
    y: &mut [f32],
) {
    let rows = panels.len() / columns.len().div_ceil(LANES);
    let runs: Vec<_> = (0..rows).step_by(STRETCH).map(|start| start..rows.min(start + STRETCH)).collect();
    for (y, d) in y.chunks_mut(width * ROWS).zip(d.chunks(rows * ROWS)) {
        let scalars = Scalars { values: d, stride: rows, rows: d.len() / rows };
        let sums = add_up(isa, Block { panels, runs: &runs, depth: rows, scalars }, sums);
        for (b, y) in y.chunks_exact_mut(width).enumerate() {
            let mut sums = sums[b..].iter().step_by(scalars.rows);
            // Whole strips have a fixed length, and need no call to be copied.
            let (strips, rest) = y[columns.clone()].as_chunks_mut::<LANES>();
            strips.iter_mut().zip(&mut sums).for_each(|(y, sums)| *y = *sums);
            if let (false, Some(sums)) = (rest.is_empty(), sums.next()) {
                rest.copy_from_slice(&sums[..rest.len()]);
            }
        }
    }
}

/// `w` (rows, cols) as (cols, rows): [`backward`] with it adds up what [`forward`] does, in the same order, and moves the
/// weights once where that moves every input and output.
pub fn turned(w: &[f32], cols: usize) -> Vec<f32> {
    let rows = w.len() / cols;
    let mut turned = vec![0.0; w.len()];
    for (i, row) in w.chunks_exact(cols).enumerate() {
        turned[i..].iter_mut().step_by(rows).zip(row).for_each(|(to, from)| *to = *from);
    }
    turned
}

/// The runs of columns in which some vector of `x` is not zero, but for short gaps, each at most a stretch long. A sum is
/// the same without its zero terms: it starts at +0, and so is never -0.
fn used(x: &[f32], cols: usize) -> Vec<Range<usize>> {
    let mut any = vec![0_u32; cols];
    for x in x.chunks_exact(cols) {
        any.iter_mut().zip(x).for_each(|(any, v)| *any |= v.to_bits() << 1);
    }
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (j, _) in any.iter().enumerate().filter(|(_, bits)| **bits != 0) {
        match runs.last_mut() {
            Some(run) if j - run.end < GAP && j - run.start < STRETCH => run.end = j + 1,
            _ => runs.push(j..j + 1),
        }
    }
    runs
}

/// Panels of the used columns of `x`, sixteen vectors each; what is missing to sixteen is zero.
fn transposed(x: &[f32], cols: usize, runs: &[Range<usize>]) -> Vec<Strip> {
    let depth: usize = runs.iter().map(Range::len).sum();
    let mut panels = Vec::with_capacity((x.len() / cols).div_ceil(LANES) * depth);
    let missing = vec![0.0; cols];
    for x in x.chunks(cols * LANES) {
        for run in runs {
            let mut rows = [&missing[run.clone()]; LANES];
            for (row, x) in rows.iter_mut().zip(x.chunks_exact(cols)) {
                *row = &x[run.clone()];
            }
            panels.extend((0..run.len()).map(|k| rows.map(|row| row[k])));
        }
    }
    panels
}

/// Panels of `columns` of `w`, sixteen of them each; what is missing to sixteen is not written.
fn lay_out(w: &[f32], cols: usize, columns: Range<usize>, panels: &mut [Strip]) {
    let rows = w.len() / cols;
    for (i, w) in w.chunks_exact(cols).enumerate() {
        let (strips, rest) = w[columns.clone()].as_chunks::<LANES>();
        for (p, strip) in strips.iter().enumerate() {
            panels[p * rows + i] = *strip;
        }
        if !rest.is_empty() {
            panels[strips.len() * rows + i][..rest.len()].copy_from_slice(rest);
        }
    }
}

/// Computes `y` (batch, outputs) in blocks of outputs that threads share: `compute` fills (batch, size) from output `first` on.
fn blocked(
    threads: Threads,
    outputs: usize,
    depth: usize,
    y: &mut [f32],
    compute: impl Fn(usize, usize, &mut [f32]) + Sync,
) {
    let work = y.len() * depth / 16;
    if threads.for_short_work(work) == Threads::ONE {
        return compute(0, outputs, y);
    }
    let batch = y.len() / outputs;
    let starts: Vec<usize> = (0..outputs).step_by(BLOCK).collect();
    let blocks = threads.map_work(work, starts.clone(), |first| {
        let mut block = vec![0.0; batch * BLOCK.min(outputs - first)];
        compute(first, BLOCK.min(outputs - first), &mut block);
        block
    });
    for (first, block) in starts.into_iter().zip(blocks) {
        let size = block.len() / batch.max(1);
        for (row, part) in y.chunks_mut(outputs).zip(block.chunks(size.max(1))) {
            row[first..first + size].copy_from_slice(part);
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

    /// Both directions, whatever `y` holds.
    #[test]
    fn zeros_give_zeros() {
        let (rows, cols, batch) = (5, 17, 3);
        let (w, zeros) = (values(rows * cols, 1), vec![0.0; batch * cols]);
        let mut y = vec![f32::NAN; batch * cols];
        forward(Isa::Base, Threads::ONE, &w, rows, cols, &zeros, &mut y[..batch * rows]);
        assert_eq!(y[..batch * rows], zeros[..batch * rows]);
        backward(Isa::Base, Threads::ONE, &w, rows, cols, &zeros[..batch * rows], &mut y);
        assert_eq!(y, zeros);
    }

    #[test]
    fn same_bits_at_every_level_and_split_and_close_to_f64() {
        for (rows, cols, batch) in
            [(1, 1, 1), (5, 17, 3), (64, 16, 5), (70, 33, 9), (33, 150, 20), (9, 70, 100), (130, 100, 64)]
        {
            let (w, mut x, d) = (values(rows * cols, 1), values(batch * cols, 2), values(batch * rows, 3));
            // Columns that no vector uses, in short and in long gaps.
            x.iter_mut().enumerate().filter(|(k, _)| (k % cols) % 40 >= 22).for_each(|(_, v)| *v = 0.0);
            // Errors of which few are not zero, and some are minus zero.
            let few: Vec<f32> = d.iter().enumerate().map(|(k, v)| if k * k % 7 == 1 { *v } else { *v * 0.0 }).collect();
            let forward = |isa, threads| {
                let mut y = vec![f32::NAN; batch * rows];
                forward(isa, threads, &w, rows, cols, &x, &mut y);
                y
            };
            let backward = |isa, threads, w: &[f32], rows, d: &[f32]| {
                let mut y = vec![f32::NAN; w.len() / rows * batch];
                backward(isa, threads, w, rows, w.len() / rows, d, &mut y);
                y
            };
            let f = forward(Isa::Base, Threads::ONE);
            let g = backward(Isa::Base, Threads::ONE, &w, rows, &d);
            let h: Vec<u32> = (0..batch * cols)
                .map(|k| (0..rows).fold(0.0, |y, i| y + w[i * cols + k % cols] * few[k / cols * rows + i]).to_bits())
                .collect();
            for isa in Isa::available() {
                for count in [1, 2, 3] {
                    let threads = Threads::new(Some(count)).unwrap();
                    assert_eq!(forward(isa, threads), f);
                    assert_eq!(backward(isa, threads, &w, rows, &d), g);
                    let sparse: Vec<_> = backward(isa, threads, &w, rows, &few).iter().map(|y| y.to_bits()).collect();
                    assert_eq!(sparse, h);
                    assert_eq!(backward(isa, threads, &turned(&w, cols), cols, &x), f);
                    let (mut again, panels) = (vec![f32::NAN; batch * cols], OnceLock::new());
                    for _ in 0..2 {
                        backward_again(isa, &panels, &w, cols, &d, &mut again);
                        assert_eq!(again, g);
                    }
                    let mut parts = vec![f32::NAN; batch * rows];
                    blocked(threads, rows, usize::MAX / parts.len(), &mut parts, |first, n, y| {
                        super::forward(isa, Threads::ONE, &w[first * cols..(first + n) * cols], n, cols, &x, y);
                    });
                    assert_eq!(parts, f);
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
