//! Vectors cut into blocks, one for every tile in a row or column, and put together again.

use std::ops::Range;
use std::sync::Arc;

use crate::par::stop;
use crate::simd::rows::{self, Change, EachRow, Multiply, repeated};
use crate::simd::{Isa, Kernel};

/// The sizes `a`, `b`, ... as the ranges `0..a`, `a..a + b`, ...
pub fn ranges(sizes: &[usize]) -> Vec<Range<usize>> {
    let mut end = 0;
    let next = |size: &usize| {
        end += size;
        end - size..end
    };
    sizes.iter().map(next).collect()
}

/// `values` (n, width) by ranges of their columns, each contiguous.
pub fn cut(values: Vec<f32>, blocks: &[Range<usize>]) -> Vec<Arc<Vec<f32>>> {
    let [.., last] = blocks else { return Vec::new() };
    if blocks.len() == 1 {
        return vec![Arc::new(values)];
    }
    let part = |range: &Range<usize>| {
        let mut part = Vec::with_capacity(values.len() / last.end * range.len());
        for piece in stop::pieces(&values, last.end) {
            piece.chunks_exact(last.end).for_each(|row| part.extend_from_slice(&row[range.clone()]));
        }
        Arc::new(part)
    };
    blocks.iter().map(part).collect()
}

/// The sum (n, width) of `parts` (n, size), each at its columns and times its gain: `place(i)` of part `i`. An only part,
/// which has all columns, becomes the sum in its place unless the parts are to be kept.
pub fn sum<'a>(
    isa: Isa,
    parts: &mut [Vec<f32>],
    keep: bool,
    n: usize,
    width: usize,
    place: impl Fn(usize) -> (&'a Range<usize>, f32),
) -> Vec<f32> {
    if let ([only], false) = (&mut *parts, keep) {
        let (mut total, gain) = (std::mem::take(only), place(0).1);
        stop::pieces_mut(&mut total, width).for_each(|values| isa.run(Only { values, gain }));
        return total;
    }
    let mut total = vec![0.0; n * width];
    for (i, part) in parts.iter().enumerate() {
        let (columns, gain) = place(i);
        let pieces = part.chunks(stop::rows_at_once(width) * columns.len());
        for (total, part) in stop::pieces_mut(&mut total, width).zip(pieces) {
            isa.run(Add { total, width, part, columns, gain });
        }
    }
    total
}

/// Makes the sum of an only part in its place.
struct Only<'a> {
    values: &'a mut [f32],
    gain: f32,
}

impl Kernel for Only<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for v in self.values {
            // Added to zero, as in [`Add`]: a sum is never -0.
            *v = 0.0 + *v * self.gain;
        }
    }
}

/// Adds `gain * part` (n, size) to its columns of `total` (n, width).
struct Add<'a> {
    total: &'a mut [f32],
    width: usize,
    part: &'a [f32],
    columns: &'a Range<usize>,
    gain: f32,
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { total, width, part, columns, gain } = self;
        if columns.len() == width {
            for (sum, v) in total.iter_mut().zip(part) {
                *sum += v * gain;
            }
            return;
        }
        for (row, part) in total.chunks_exact_mut(width).zip(part.chunks_exact(columns.len())) {
            for (sum, v) in row[columns.start..columns.end].iter_mut().zip(part) {
                *sum += v * gain;
            }
        }
    }
}

/// `values` (n, width) times `row` (width), number by number of every row; nothing for an empty row.
pub fn scale(isa: Isa, values: &mut [f32], row: &[f32]) {
    each_row(isa, values, row, Multiply);
}

/// A copy of `values`, so [`scale`]d.
pub fn scaled(isa: Isa, values: &[f32], row: &[f32]) -> Vec<f32> {
    let mut values = values.to_vec();
    scale(isa, &mut values, row);
    values
}

/// `values` (n, width) plus `row` (width), number by number of every row; nothing for an empty row.
pub fn shift(isa: Isa, values: &mut [f32], row: &[f32]) {
    each_row(isa, values, row, rows::Add);
}

fn each_row<C: Change + Copy>(isa: Isa, values: &mut [f32], row: &[f32], change: C) {
    let rows = &repeated(row)[..];
    stop::pieces_mut(values, rows.len()).for_each(|values| isa.run(EachRow { values, rows, change }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_cut_add_up_to_the_whole() {
        let values: Vec<f32> = (0..35).map(|i| i as f32 - 17.0).collect();
        let blocks = ranges(&[2, 4, 1]);
        let mut parts: Vec<Vec<f32>> = cut(values.clone(), &blocks).iter().map(|part| part.to_vec()).collect();
        assert_eq!(parts[1][..4], values[2..6]);
        assert_eq!(sum(Isa::machine(), &mut parts, false, 5, 7, |i| (&blocks[i], 1.0)), values);
    }

    #[test]
    fn the_only_part_is_summed_to_the_same_bits() {
        let values = vec![-0.0, 1.5, -2.0, 0.3];
        let bits = |keep| {
            let summed = sum(Isa::machine(), &mut [values.clone()], keep, 2, 2, |_| (&(0..2), 0.7));
            summed.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(bits(false), bits(true));
    }
}
