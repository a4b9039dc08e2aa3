//! Vectors cut into blocks, one for every tile in a row or column, and put together again.

use std::ops::Range;
use std::sync::Arc;

use crate::par::stop;

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
    parts: &mut [Vec<f32>],
    keep: bool,
    n: usize,
    width: usize,
    place: impl Fn(usize) -> (&'a Range<usize>, f32),
) -> Vec<f32> {
    if let ([only], false) = (&mut *parts, keep) {
        let (mut total, gain) = (std::mem::take(only), place(0).1);
        // Added to zero, as below: a sum is never -0.
        stop::pieces_mut(&mut total, width).for_each(|piece| piece.iter_mut().for_each(|v| *v = 0.0 + *v * gain));
        return total;
    }
    let mut total = vec![0.0; n * width];
    for (i, part) in parts.iter().enumerate() {
        let (columns, gain) = place(i);
        let pieces = part.chunks(stop::rows_at_once(width) * columns.len());
        for (total, part) in stop::pieces_mut(&mut total, width).zip(pieces) {
            for (row, part) in total.chunks_exact_mut(width).zip(part.chunks_exact(columns.len())) {
                row[columns.clone()].iter_mut().zip(part).for_each(|(sum, v)| *sum += v * gain);
            }
        }
    }
    total
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
        assert_eq!(sum(&mut parts, false, 5, 7, |i| (&blocks[i], 1.0)), values);
    }

    #[test]
    fn the_only_part_is_summed_to_the_same_bits() {
        let values = vec![-0.0, 1.5, -2.0, 0.3];
        let bits = |keep| {
            let summed = sum(&mut [values.clone()], keep, 2, 2, |_| (&(0..2), 0.7));
            summed.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(bits(false), bits(true));
    }
}
