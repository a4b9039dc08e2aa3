//! Vectors cut into blocks, one for every tile in a row or column, and put together again.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Result, check_finite};
use crate::par::stop;
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

/// The sum (n, width) of `parts` (n, size), each at its columns and times its gain, `place(i)` of part `i`, and of `bias`
/// (width), if that is not empty. An only part, which has all columns, becomes the sum in its place unless the parts are to
/// be kept.
///
/// # Errors
/// [`Error::NonFinite`](crate::Error::NonFinite) with this `name`.
pub fn sum<'a>(
    isa: Isa,
    name: &'static str,
    parts: &mut [Vec<f32>],
    keep: bool,
    (n, width): (usize, usize),
    bias: &[f32],
    place: impl Fn(usize) -> (&'a Range<usize>, f32),
) -> Result<Vec<f32>> {
    let (mut total, gain) = match &mut *parts {
        [only] => (if keep { only.clone() } else { std::mem::take(only) }, place(0).1),
        several => {
            let mut total = vec![0.0; n * width];
            for (i, part) in several.iter().enumerate() {
                let (columns, gain) = place(i);
                let pieces = part.chunks(stop::rows_at_once(width) * columns.len());
                for (total, part) in stop::pieces_mut(&mut total, width).zip(pieces) {
                    isa.run(Add { total, width, part, columns, gain });
                }
            }
            (total, 1.0)
        }
    };
    let bias = &repeated(if bias.is_empty() { &[0.0] } else { bias })[..];
    let mut finite = true;
    for values in stop::pieces_mut(&mut total, bias.len()) {
        finite &= isa.run(Finish { values, gain, bias });
    }
    if !finite {
        check_finite(name, &total)?;
    }
    Ok(total)
}

/// Multiplies sums by a gain, adds rows of biases, and tells whether all are finite.
struct Finish<'a> {
    values: &'a mut [f32],
    gain: f32,
    bias: &'a [f32],
}

impl Kernel for Finish<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { values, gain, bias } = self;
        let mut finite = true;
        for values in values.chunks_mut(bias.len()) {
            for (v, b) in values.iter_mut().zip(bias) {
                *v = finished(*v, gain, *b);
                finite &= v.is_finite();
            }
        }
        finite
    }
}

/// What a sum becomes. It is added to zero, as in [`Add`], and so never -0.
#[inline(always)]
pub(super) fn finished(v: f32, gain: f32, bias: f32) -> f32 {
    0.0 + v * gain + bias
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
    let rows = &repeated(row)[..];
    stop::pieces_mut(values, rows.len()).for_each(|values| isa.run(Scale { values, rows }));
}

/// A copy of `values` (n, width), [`scale`]d and then times `factor`.
pub fn scaled(isa: Isa, values: &[f32], row: &[f32], factor: f32) -> Vec<f32> {
    let rows = &repeated(row)[..];
    let mut copy = Vec::with_capacity(values.len());
    stop::pieces(values, rows.len()).for_each(|values| isa.run(Scaled { values, rows, factor, copy: &mut copy }));
    copy
}

/// See [`scaled`]; `rows` is the row [`repeated`].
struct Scaled<'a> {
    values: &'a [f32],
    rows: &'a [f32],
    factor: f32,
    copy: &'a mut Vec<f32>,
}

impl Kernel for Scaled<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for values in self.values.chunks(self.rows.len()) {
            self.copy.extend(values.iter().zip(self.rows).map(|(v, by)| v * by * self.factor));
        }
    }
}

/// `row` as often as makes loops over it long: most of a short one would be what is left after the last full register.
pub(super) fn repeated(row: &[f32]) -> Vec<f32> {
    const LONG: usize = 256;
    row.repeat(LONG.div_ceil(row.len().max(1)))
}

/// See [`scale`]; `rows` is the row [`repeated`].
pub(super) struct Scale<'a> {
    pub values: &'a mut [f32],
    pub rows: &'a [f32],
}

impl Kernel for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.rows.is_empty() {
            return;
        }
        for values in self.values.chunks_mut(self.rows.len()) {
            for (v, by) in values.iter_mut().zip(self.rows) {
                *v *= by;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn parts_of_a_cut_add_up_to_the_whole() {
        let values: Vec<f32> = (0..35).map(|i| i as f32 - 17.0).collect();
        let blocks = ranges(&[2, 4, 1]);
        let mut parts: Vec<Vec<f32>> = cut(values.clone(), &blocks).iter().map(|part| part.to_vec()).collect();
        assert_eq!(parts[1][..4], values[2..6]);
        assert_eq!(sum(Isa::machine(), "y", &mut parts, false, (5, 7), &[], |i| (&blocks[i], 1.0)).unwrap(), values);
    }

    #[test]
    fn the_only_part_is_summed_to_the_same_bits() {
        let values = vec![-0.0, 1.5, -2.0, 0.3];
        let bits = |keep, bias: &[f32]| {
            let summed = sum(Isa::machine(), "y", &mut [values.clone()], keep, (2, 2), bias, |_| (&(0..2), 0.7));
            summed.unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(bits(false, &[]), values.iter().map(|v| (0.0 + v * 0.7).to_bits()).collect::<Vec<_>>());
        for bias in [&[][..], &[0.25, -0.0]] {
            assert_eq!(bits(false, bias), bits(true, bias));
        }
    }

    #[test]
    fn sums_that_overflow_are_named() {
        for sizes in [vec![2], vec![1, 1]] {
            let blocks = ranges(&sizes);
            let mut parts: Vec<Vec<f32>> = sizes.iter().map(|size| vec![1e38; 3 * size]).collect();
            let total = |parts: &mut [Vec<f32>], bias: &[f32]| {
                sum(Isa::machine(), "y", parts, true, (3, 2), bias, |i| (&blocks[i], 1.0))
            };
            assert_eq!(total(&mut parts, &[1.0, 2.0]).unwrap(), [1e38; 6]);
            let error = total(&mut parts, &[1.0, 3e38]).unwrap_err();
            assert!(matches!(error, Error::NonFinite { name: "y", index: 1, .. }), "{error}");
        }
    }
}
