//! Windows that slide over images: where a convolution takes its patches and a pooling its elements.
//!
//! Images are (images, channels, height, width) in C order, positions of windows go row by row. Sums over windows that
//! overlap have a fixed order.

mod patches;
mod pooling;

pub use self::patches::Patches;
pub use self::pooling::{largest, largest_backward, mean, mean_backward};

use crate::error::{Error, Result, check_len};
use crate::par::Threads;

/// Sizes of a batch of images: how many, channels, height, width.
pub type Shape = [usize; 4];

/// A vertical and a horizontal number.
pub type Pair = (usize, usize);

/// The windows of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
}

impl Windows {
    /// Windows of `kernel` pixels that are `dilation` apart, every `stride` pixels, from `padding` pixels of zeros outside
    /// the image on.
    ///
    /// # Errors
    /// [`Error::Parameter`] where a number but the padding is 0.
    pub fn new(kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Result<Self> {
        for (name, pair) in [("kernel_size", kernel), ("stride", stride), ("dilation", dilation)] {
            if pair.0 == 0 || pair.1 == 0 {
                return Err(Error::parameter(name, format!("({}, {})", pair.0, pair.1), "at least 1"));
            }
        }
        Ok(Self { kernel, stride, padding, dilation })
    }

    /// Numbers of positions in images of this shape, vertically and horizontally.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is none.
    pub fn positions(&self, shape: Shape) -> Result<Pair> {
        let [_, _, height, width] = shape;
        let count = |size: usize, padding: usize, kernel: usize, dilation: usize, stride: usize| {
            Some((size + 2 * padding).checked_sub(dilation * (kernel - 1) + 1)? / stride + 1)
        };
        let rows = count(height, self.padding.0, self.kernel.0, self.dilation.0, self.stride.0);
        let columns = count(width, self.padding.1, self.kernel.1, self.dilation.1, self.stride.1);
        rows.zip(columns).ok_or_else(|| Error::Shape {
            name: "x",
            given: format!("{shape:?}"),
            expected: format!("images with room for {:?} pixels", self.kernel),
        })
    }

    /// The images in which every pixel is the sum of its places in `rows`, the patches: in order of position, in f64.
    ///
    /// # Errors
    /// [`Error::Shape`] for a wrong length or images without room for a window.
    pub fn scatter(&self, threads: Threads, rows: &[f32], shape: Shape) -> Result<Vec<f32>> {
        let [images, channels, height, width] = shape;
        let (positions, lines) = (self.positions(shape)?, self.lines(shape));
        let per_image = positions.0 * positions.1 * lines.len() * self.kernel.1;
        check_len("rows", rows.len(), images, per_image)?;
        let (plane, padded_width) = (self.plane(shape), width + 2 * self.padding.1);
        let mut x = vec![0.0; images * channels * height * width];
        let size = channels * height * width;
        let parts = rows.chunks_exact(per_image.max(1)).zip(x.chunks_exact_mut(size.max(1))).collect();
        threads.map_short(rows.len(), parts, |(rows, x): (&[f32], &mut [f32])| {
            let mut sums = vec![0.0_f64; channels * plane];
            let corners = self.corners(positions, shape);
            match (self.kernel.1, self.dilation.1) {
                (3, 1) => add::<3>(rows, corners, &lines, &mut sums),
                (5, 1) => add::<5>(rows, corners, &lines, &mut sums),
                (width, apart) => {
                    let starts = corners.flat_map(|corner| lines.iter().map(move |line| corner + line));
                    for (start, part) in starts.zip(rows.chunks_exact(width)) {
                        let sums = sums[start..].iter_mut().step_by(apart);
                        sums.zip(part).for_each(|(sum, value)| *sum += f64::from(*value));
                    }
                }
            }
            for (plane, x) in sums.chunks_exact(plane).zip(x.chunks_exact_mut((height * width).max(1))) {
                let lines = plane.chunks_exact(padded_width).skip(self.padding.0);
                for (line, x) in lines.zip(x.chunks_exact_mut(width.max(1))) {
                    x.iter_mut().zip(&line[self.padding.1..]).for_each(|(x, sum)| *x = *sum as f32);
                }
            }
        });
        Ok(x)
    }

    /// Pixels of one channel with its border.
    fn plane(&self, [_, _, height, width]: Shape) -> usize {
        (height + 2 * self.padding.0).saturating_mul(width + 2 * self.padding.1)
    }

    /// Where every window begins in an image with its border.
    fn corners(&self, positions: Pair, shape: Shape) -> impl Iterator<Item = usize> {
        let (stride, width) = (self.stride, shape[3] + 2 * self.padding.1);
        (0..positions.0).flat_map(move |i| (0..positions.1).map(move |j| i * stride.0 * width + j * stride.1))
    }

    /// Where the lines of a window lie behind its beginning: by channel, then kernel row.
    fn lines(&self, shape: Shape) -> Vec<usize> {
        let (plane, line) = (self.plane(shape), self.dilation.0 * (shape[3] + 2 * self.padding.1));
        (0..shape[1]).flat_map(|c| (0..self.kernel.0).map(move |k| c * plane + k * line)).collect()
    }

    /// Copies an image into the middle of `padded`, whose border is zero.
    fn pad(&self, image: &[f32], shape: Shape, padded: &mut [f32]) {
        let [_, _, height, width] = shape;
        let (top, left) = self.padding;
        let planes = padded.chunks_exact_mut(self.plane(shape));
        for (from, to) in image.chunks_exact((height * width).max(1)).zip(planes) {
            for (from, to) in from.chunks_exact(width.max(1)).zip(to.chunks_exact_mut(width + 2 * left).skip(top)) {
                to[left..left + width].copy_from_slice(from);
            }
        }
    }
}

/// Adds the lines of every window in `rows`, `K` numbers side by side, to their pixels: the widths that networks have, as
/// loops of fixed length.
fn add<const K: usize>(rows: &[f32], corners: impl Iterator<Item = usize>, lines: &[usize], sums: &mut [f64]) {
    for (corner, row) in corners.zip(rows.chunks_exact(lines.len() * K)) {
        for (line, part) in lines.iter().zip(row.as_chunks::<K>().0) {
            let (pixels, _) = sums[corner + line..][..K].as_chunks_mut::<K>();
            for k in 0..K {
                pixels[0][k] += f64::from(part[k]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Isa;
    use crate::vectors::Vectors;

    const SHAPE: Shape = [2, 3, 7, 6];

    fn images() -> Vec<f32> {
        (0..SHAPE.iter().product()).map(|i| ((i * 37 % 101) as f32 - 50.0) / 8.0).collect()
    }

    fn all() -> impl Iterator<Item = Windows> {
        let pairs = [(1, 1), (2, 2), (3, 2), (1, 3)];
        let every = pairs.into_iter().flat_map(move |kernel| {
            pairs.into_iter().flat_map(move |stride| {
                [((0, 0), (1, 1)), ((1, 2), (1, 1)), ((2, 0), (2, 3)), ((2, 1), (2, 3))]
                    .map(move |(padding, dilation)| Windows::new(kernel, stride, padding, dilation).unwrap())
            })
        });
        // Three pixels that are three apart need seven, more than the images are wide without a border.
        every.filter(|windows| windows.kernel.1 < 3 || windows.dilation.1 == 1 || windows.padding.1 > 0)
    }

    /// The pixel at kernel place `k` of position `p`; outside the image there is none.
    fn pixel(windows: &Windows, p: Pair, k: Pair) -> Option<Pair> {
        let row = (p.0 * windows.stride.0 + k.0 * windows.dilation.0).checked_sub(windows.padding.0)?;
        let column = (p.1 * windows.stride.1 + k.1 * windows.dilation.1).checked_sub(windows.padding.1)?;
        (row < SHAPE[2] && column < SHAPE[3]).then_some((row, column))
    }

    #[test]
    fn patches_are_the_pixels_of_their_places() {
        let x = images();
        for windows in all() {
            let (rows, columns) = windows.positions(SHAPE).unwrap();
            let mut expected = Vec::new();
            for image in 0..SHAPE[0] {
                for p in 0..rows * columns {
                    for c in 0..SHAPE[1] {
                        for k in 0..windows.kernel.0 * windows.kernel.1 {
                            let place = (k / windows.kernel.1, k % windows.kernel.1);
                            let found = pixel(&windows, (p / columns, p % columns), place);
                            let at = |(i, j)| x[((image * SHAPE[1] + c) * SHAPE[2] + i) * SHAPE[3] + j];
                            expected.push(found.map_or(0.0, at));
                        }
                    }
                }
            }
            assert_eq!(
                windows.patches(Threads::ONE, x.clone(), SHAPE).unwrap().rows(Threads::ONE).unwrap(),
                expected,
                "{windows:?}"
            );
        }
    }

    #[test]
    fn some_patches_are_those_of_all_with_their_largest_magnitudes() {
        let mut x = images();
        x[SHAPE[3] + 1] = f32::NAN;
        for windows in all() {
            let patches = windows.patches(Threads::ONE, x.clone(), SHAPE).unwrap();
            let rows = patches.rows(Threads::ONE).unwrap();
            let width = SHAPE[1] * windows.kernel.0 * windows.kernel.1;
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            for isa in Isa::available() {
                let largest = patches.largest(isa, 0..rows.len(), width);
                assert_eq!(bits(&largest), bits(&rows[..].largest(isa, 0..rows.len(), width)), "{windows:?}");
            }
            let places = width..rows.len() - width;
            assert_eq!(bits(patches.get(places.clone(), &mut vec![9.0; 5])), bits(&rows[places]), "{windows:?}");
            assert_eq!(patches.check_finite("x").is_err(), rows.iter().any(|v| v.is_nan()));
        }
    }

    #[test]
    fn scatter_is_the_transpose_of_gather() {
        let x = images();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        for windows in all() {
            let patches = windows.patches(Threads::ONE, x.clone(), SHAPE).unwrap().rows(Threads::ONE).unwrap();
            let rows: Vec<f32> = (0..patches.len()).map(|i| (i * 29 % 83) as f32 - 41.0).collect();
            // Eighths and whole numbers: every product and sum is exact.
            assert_eq!(
                dot(&patches, &rows),
                dot(&x, &windows.scatter(Threads::ONE, &rows, SHAPE).unwrap()),
                "{windows:?}"
            );
        }
    }

    #[test]
    fn poolings_and_their_transposes() {
        let x = images();
        for windows in all().filter(|windows| windows.padding == (0, 0)) {
            let planes = [SHAPE[0] * SHAPE[1], 1, SHAPE[2], SHAPE[3]];
            let patches = windows.patches(Threads::ONE, x.clone(), planes).unwrap().rows(Threads::ONE).unwrap();
            let size = windows.kernel.0 * windows.kernel.1;
            let (y, places) = largest(&windows, &x, SHAPE).unwrap();
            let means = mean(&windows, &x, SHAPE).unwrap();
            for (at, patch) in patches.chunks_exact(size).enumerate() {
                assert_eq!(y[at], patch.iter().copied().fold(f32::MIN, f32::max));
                assert_eq!(x[places[at] as usize], y[at]);
                assert!((means[at] - patch.iter().sum::<f32>() / size as f32).abs() < 1e-5);
            }
            let grad: Vec<f32> = (0..y.len()).map(|i| (i % 5) as f32 - 1.0).collect();
            let sum: f32 = grad.iter().sum();
            let back = largest_backward(&grad, &places, SHAPE).unwrap();
            assert_eq!(back.iter().sum::<f32>(), sum);
            assert!(back.iter().enumerate().all(|(i, v)| *v == 0.0 || places.contains(&(i as u32))));
            let back = mean_backward(&windows, &grad, SHAPE).unwrap();
            assert!((back.iter().sum::<f32>() - sum).abs() < 1e-3);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let windows = Windows::new((3, 3), (1, 1), (0, 0), (1, 1)).unwrap();
        assert!(Windows::new((0, 3), (1, 1), (0, 0), (1, 1)).is_err());
        assert!(windows.patches(Threads::ONE, vec![0.0; 4], [1, 1, 2, 2]).is_err());
        assert!(windows.patches(Threads::ONE, vec![0.0; 4], [1, 1, 3, 3]).is_err());
        assert!(windows.scatter(Threads::ONE, &[0.0; 8], [1, 1, 3, 3]).is_err());
        assert!(largest_backward(&[1.0], &[9], [1, 1, 3, 3]).is_err());
        assert!(largest_backward(&[1.0], &[], [1, 1, 3, 3]).is_err());
    }
}
