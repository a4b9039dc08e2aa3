//! Between the vectors of a convolution, a row for every position of every image, and images channel by channel.

use super::blocks::{Scale, finished, repeated};
use crate::error::{Result, check_finite};
use crate::par::Threads;
use crate::simd::{Isa, Kernel, LANES};

/// Images of so many channels and positions each.
pub struct Channels {
    pub threads: Threads,
    pub isa: Isa,
    pub channels: usize,
    pub positions: usize,
}

/// What a convolution makes of the outputs of an only tile.
pub struct Affine<'a> {
    /// Weight scaling, a number a channel, which the outputs keep; empty stands for 1.
    pub scale: &'a [f32],
    /// Factor on what is returned.
    pub gain: f32,
    /// Added to what is returned, a number a channel; empty stands for 0.
    pub bias: &'a [f32],
}

/// Nanoseconds a number.
const WORK: usize = 1;

impl Channels {
    /// The images (n, channels, positions) of `gain scale rows + bias` for `rows` (n, positions, channels), which are
    /// multiplied by `scale`.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) with this `name`.
    pub fn of_rows(&self, name: &'static str, rows: &mut [f32], affine: &Affine<'_>) -> Result<Vec<f32>> {
        let (work, size) = (WORK * rows.len(), (self.channels * self.positions).max(1));
        let mut images = vec![0.0; rows.len()];
        let (scale, channels) = (&repeated(affine.scale)[..], self.channels);
        let parts = rows.chunks_exact_mut(size).zip(images.chunks_exact_mut(size)).collect();
        let finite = self.threads.map_short(work, parts, |(rows, image): (&mut [f32], &mut [f32])| {
            self.isa.run(OfRows { rows, image, channels, scale, affine })
        });
        if !finite.into_iter().all(|finite| finite) {
            check_finite(name, &images)?;
        }
        Ok(images)
    }

    /// The rows (n, positions, channels) of `images` (n, channels, positions).
    pub fn to_rows(&self, images: &[f32]) -> Vec<f32> {
        let (work, size) = (WORK * images.len(), (self.channels * self.positions).max(1));
        let mut rows = vec![0.0; images.len()];
        let parts = images.chunks_exact(size).zip(rows.chunks_exact_mut(size)).collect();
        self.threads.map_short(work, parts, |(image, rows): (&[f32], &mut [f32])| {
            self.isa.run(Turn { from: image, width: self.positions, to: rows });
        });
        rows
    }
}

/// See [`Channels::of_rows`]: one image.
struct OfRows<'a> {
    rows: &'a mut [f32],
    image: &'a mut [f32],
    channels: usize,
    /// The scale, [`repeated`].
    scale: &'a [f32],
    affine: &'a Affine<'a>,
}

impl Kernel for OfRows<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { rows, image, channels, scale, affine: Affine { gain, bias, .. } } = self;
        Scale { values: &mut *rows, rows: scale }.run();
        Turn { from: rows, width: channels, to: &mut *image }.run();
        let (positions, mut finite) = (image.len() / channels, true);
        for (channel, values) in image.chunks_exact_mut(positions).enumerate() {
            let bias = if bias.is_empty() { 0.0 } else { bias[channel] };
            for v in values {
                *v = finished(*v, *gain, bias);
                finite &= v.is_finite();
            }
        }
        finite
    }
}

/// The transpose (width, n) of `from` (n, width).
struct Turn<'a> {
    from: &'a [f32],
    width: usize,
    to: &'a mut [f32],
}

impl Kernel for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { from, width, to } = self;
        let n = from.len() / width;
        for (i, rows) in from.chunks(LANES * width).enumerate() {
            let (first, count) = (LANES * i, rows.len() / width);
            for left in (0..width).step_by(LANES) {
                if count < LANES || left + LANES > width {
                    for column in left..width.min(left + LANES) {
                        for k in 0..count {
                            to[column * n + first + k] = rows[k * width + column];
                        }
                    }
                    continue;
                }
                let mut square = [[0.0; LANES]; LANES];
                for k in 0..LANES {
                    square[k].copy_from_slice(&rows[k * width + left..][..LANES]);
                }
                for lane in 0..LANES {
                    let column = &mut to[(left + lane) * n + first..][..LANES];
                    for k in 0..LANES {
                        column[k] = square[k][lane];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    const NONE: Affine<'_> = Affine { scale: &[], gain: 1.0, bias: &[] };

    fn all() -> impl Iterator<Item = Channels> {
        let sizes = [(1, 1), (3, 5), (16, 16), (16, 40), (33, 18), (17, 64)];
        Isa::available().flat_map(move |isa| {
            sizes.map(|(channels, positions)| Channels { threads: Threads::ONE, isa, channels, positions })
        })
    }

    #[test]
    fn rows_of_images_and_back() {
        for layout in all() {
            let (channels, positions) = (layout.channels, layout.positions);
            let images: Vec<f32> = (0..3 * channels * positions).map(|i| i as f32).collect();
            let mut rows = layout.to_rows(&images);
            for (i, v) in images.iter().enumerate() {
                let (image, channel, position) = (i / positions / channels, i / positions % channels, i % positions);
                assert_eq!(rows[(image * positions + position) * channels + channel], *v);
            }
            assert_eq!(layout.of_rows("y", &mut rows, &NONE).unwrap(), images);
        }
    }

    #[test]
    fn scale_stays_in_the_rows_and_gain_and_bias_do_not() {
        for layout in all() {
            let channels = layout.channels;
            let rows: Vec<f32> = (0..2 * channels * layout.positions).map(|i| (i as f32 * 0.37).sin()).collect();
            let row = |phase: f32| (0..channels).map(|c| (c as f32 + phase).cos()).collect::<Vec<_>>();
            let (scale, bias) = (row(0.2), row(0.7));
            let (mut scaled, mut expected) = (rows.clone(), rows.clone());
            let affine = Affine { scale: &scale, gain: 0.3, bias: &bias };
            let images = layout.of_rows("y", &mut scaled, &affine).unwrap();
            for (i, v) in expected.iter_mut().enumerate() {
                *v *= scale[i % channels];
            }
            assert_eq!(scaled, expected);
            for (i, v) in expected.iter_mut().enumerate() {
                *v = 0.0 + *v * 0.3 + bias[i % channels];
            }
            assert_eq!(layout.to_rows(&images), expected);
        }
    }

    #[test]
    fn what_overflows_is_named() {
        let layout = Channels { threads: Threads::ONE, isa: Isa::machine(), channels: 2, positions: 3 };
        let error = layout.of_rows("y", &mut [1e38; 6], &Affine { bias: &[0.0, 3e38], ..NONE }).unwrap_err();
        assert!(matches!(error, Error::NonFinite { name: "y", index: 3, .. }), "{error}");
    }
}
