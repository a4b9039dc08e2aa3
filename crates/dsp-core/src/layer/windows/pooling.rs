//! What a pooling takes from its windows: the largest element, or the mean.

use super::{Pair, Shape, Windows};
use crate::error::{Error, Result, check_len};
use crate::par::stop::{checkpoint, rows_at_once};
use crate::simd::{Isa, Kernel};

/// The largest element of every window of `x`, and where it stands in `x`: of equal ones the first, row by row.
///
/// # Errors
/// [`Error::Shape`] for a wrong length, images without room for a window, or more than 2^32 pixels.
pub fn largest(windows: &Windows, x: &[f32], shape: Shape) -> Result<(Vec<f32>, Vec<u32>)> {
    let planes = elements(windows, x, shape)?;
    let Planes { positions, count, .. } = planes;
    let mut largest = vec![0.0; count * positions.0 * positions.1];
    let mut places = vec![0_u32; largest.len()];
    if windows.kernel == (2, 2) && windows.stride == (2, 2) {
        planes.largest_of_pairs(x, &mut largest, &mut places);
        return Ok((largest, places));
    }
    let rows = largest.chunks_exact_mut(positions.1).zip(places.chunks_exact_mut(positions.1));
    let mut starts = Vec::new();
    for (row, (largest, places)) in rows.enumerate() {
        checkpoint_at(row);
        starts.clear();
        starts.extend(planes.starts(row));
        for (j, (most, place)) in largest.iter_mut().zip(places).enumerate() {
            let at = |start: usize| start + j * windows.stride.1;
            let mut best = (x[at(starts[0])], at(starts[0]) as u32);
            for start in &starts[1..] {
                best = larger(best, (x[at(*start)], at(*start) as u32));
            }
            (*most, *place) = best;
        }
    }
    Ok((largest, places))
}

/// The largest of windows two by two: of the lines of `width` numbers in `x`, each second with the one before; `right`
/// windows each. `x` begins at place `first`.
struct Pairs<'a> {
    x: &'a [f32],
    width: usize,
    first: u32,
    right: usize,
    largest: &'a mut [f32],
    places: &'a mut [u32],
}

impl Kernel for Pairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, width, first, right, largest, places } = self;
        let results = largest.chunks_exact_mut(right).zip(places.chunks_exact_mut(right));
        for (row, (lines, (largest, places))) in x.chunks_exact(2 * width).zip(results).enumerate() {
            let (upper, lower) = lines.split_at(width);
            let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            let (first, below) = (first + (2 * row * width) as u32, width as u32);
            for (j, ((largest, place), (a, b))) in largest.iter_mut().zip(places).zip(pairs).enumerate() {
                let at = first + 2 * j as u32;
                let best = larger((a[0], at), (a[1], at + 1));
                (*largest, *place) = larger(larger(best, (b[0], at + below)), (b[1], at + below + 1));
            }
        }
    }
}

/// The larger of two elements with their places, the first of equal ones.
#[inline(always)]
fn larger(best: (f32, u32), other: (f32, u32)) -> (f32, u32) {
    // By masks: a branch would be taken at random. What is no number stays so, as everywhere in NumPy.
    let more = u32::from(other.0 > best.0).wrapping_neg();
    let taken = more | u32::from(other.0.is_nan()).wrapping_neg();
    (f32::from_bits((best.0.to_bits() & !taken) | (other.0.to_bits() & taken)), (best.1 & !more) | (other.1 & more))
}

/// `dL/dx` of [`largest`]: every element of `grad` added at its place, the last window first.
///
/// # Errors
/// [`Error::Shape`] for a place outside the images, or not one for every element.
pub fn largest_backward(grad: &[f32], places: &[u32], shape: Shape) -> Result<Vec<f32>> {
    check_len("grad", grad.len(), 1, places.len())?;
    let mut x = vec![0.0; shape.iter().product()];
    for (grad, places) in grad.rchunks(rows_at_once(1)).zip(places.rchunks(rows_at_once(1))) {
        checkpoint();
        for (value, place) in grad.iter().zip(places).rev() {
            let outside = || Error::Shape {
                name: "places",
                given: place.to_string(),
                expected: format!("places in images of {shape:?}"),
            };
            *x.get_mut(*place as usize).ok_or_else(outside)? += value;
        }
    }
    Ok(x)
}

/// The mean of every window of `x`: elements added row by row.
///
/// # Errors
/// [`Error::Shape`] for a wrong length or images without room for a window.
pub fn mean(windows: &Windows, x: &[f32], shape: Shape) -> Result<Vec<f32>> {
    let planes = elements(windows, x, shape)?;
    let Planes { positions, count, .. } = planes;
    let mut means = vec![0.0; count * positions.0 * positions.1];
    for (row, means) in means.chunks_exact_mut(positions.1).enumerate() {
        checkpoint_at(row);
        for (n, start) in planes.starts(row).enumerate() {
            for (mean, value) in means.iter_mut().zip(x[start..].iter().step_by(windows.stride.1)) {
                *mean = if n == 0 { *value } else { *mean + value };
            }
        }
        means.iter_mut().for_each(|mean| *mean *= windows.share());
    }
    Ok(means)
}

/// `dL/dx` of [`mean`]: the share of every window added to its elements, the last window first.
///
/// # Errors
/// [`Error::Shape`] for a wrong length or images without room for a window.
pub fn mean_backward(windows: &Windows, grad: &[f32], shape: Shape) -> Result<Vec<f32>> {
    let mut x = vec![0.0; shape.iter().product()];
    let planes = elements(windows, &x, shape)?;
    let width = planes.positions.1;
    check_len("grad", grad.len(), planes.count * planes.positions.0, width)?;
    for (row, grad) in grad.chunks_exact(width).enumerate().rev() {
        checkpoint_at(row);
        for start in planes.starts(row) {
            for (j, value) in grad.iter().enumerate().rev() {
                x[start + j * windows.stride.1] += value * windows.share();
            }
        }
    }
    Ok(x)
}

/// A checkpoint now and then: rows of positions are often too short for one each.
#[inline(always)]
fn checkpoint_at(row: usize) {
    if row.is_multiple_of(32) {
        checkpoint();
    }
}

/// Images for a pooling, channel by channel.
struct Planes {
    windows: Windows,
    shape: Shape,
    /// Positions of windows in a plane.
    positions: Pair,
    /// Number of planes.
    count: usize,
}

/// Refuses what [`Planes`] cannot hold.
fn elements(windows: &Windows, x: &[f32], shape: Shape) -> Result<Planes> {
    let [images, channels, height, width] = shape;
    check_len("x", x.len(), images * channels, height * width)?;
    if u32::try_from(x.len()).is_err() {
        let given = format!("{shape:?}");
        return Err(Error::Shape { name: "x", given, expected: "at most 2^32 pixels".into() });
    }
    Ok(Planes { windows: *windows, shape, positions: windows.positions(shape)?, count: images * channels })
}

impl Planes {
    /// [`largest`] of the usual windows, two by two side by side.
    fn largest_of_pairs(&self, x: &[f32], largest: &mut [f32], places: &mut [u32]) {
        let isa = Isa::at_hand();
        let ([_, _, height, width], (down, right)) = (self.shape, self.positions);
        let results = largest.chunks_exact_mut(down * right).zip(places.chunks_exact_mut(down * right));
        for (at, (plane, (largest, places))) in x.chunks_exact(height * width).zip(results).enumerate() {
            let rows = rows_at_once(2 * width);
            let results = largest.chunks_mut(rows * right).zip(places.chunks_mut(rows * right));
            for (piece, (x, (largest, places))) in plane.chunks(rows * 2 * width).zip(results).enumerate() {
                checkpoint();
                let first = at * height * width + piece * rows * 2 * width;
                isa.run(Pairs { x, width, first: first as u32, right, largest, places });
            }
        }
    }

    /// For row `row` of positions, all planes counted: where in the images the first, second, ... element of its first
    /// window is.
    fn starts(&self, row: usize) -> impl Iterator<Item = usize> {
        let [_, _, height, width] = self.shape;
        let Windows { kernel, stride, .. } = self.windows;
        let start = (row / self.positions.0 * height + row % self.positions.0 * stride.0) * width;
        (0..kernel.0).flat_map(move |i| (0..kernel.1).map(move |j| start + i * width + j))
    }
}

impl Windows {
    /// What an element counts in a mean.
    fn share(&self) -> f32 {
        (1.0 / (self.kernel.0 * self.kernel.1) as f64) as f32
    }
}
