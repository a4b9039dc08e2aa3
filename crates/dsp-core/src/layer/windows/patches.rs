//! The patches of images, made where they are met: several times as many numbers as the images have.

use std::ops::Range;

use super::{Shape, Windows};
use crate::error::{Result, check_finite, check_len, lengthen};
use crate::par::Threads;
use crate::par::stop::checkpoint;
use crate::simd::math::all_finite;
use crate::simd::{Isa, Kernel};
use crate::vectors::Vectors;

/// A vector for every image and position, of a number for every channel, kernel row and kernel column.
pub struct Patches {
    windows: Windows,
    shape: Shape,
    /// Where the window of every position begins in an image with its border.
    corners: Vec<usize>,
    /// Where the lines of a window lie behind its beginning.
    lines: Vec<usize>,
    /// The images with their borders.
    images: Vec<f32>,
    /// The largest magnitude in every patch.
    largest: Vec<f32>,
}

impl Windows {
    /// The patches of the images `x`.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for a wrong length or images without room for a window.
    pub fn patches(&self, threads: Threads, x: Vec<f32>, shape: Shape) -> Result<Patches> {
        let [count, channels, height, width] = shape;
        check_len("x", x.len(), count * channels, height * width)?;
        let positions = self.positions(shape)?;
        let (size, plane) = (channels * height * width, self.plane(shape));
        let images = if self.padding == (0, 0) {
            x
        } else {
            let mut padded = Vec::new();
            lengthen(&mut padded, plane.saturating_mul(count * channels), "images with their borders")?;
            let pairs = x.chunks_exact(size.max(1)).zip(padded.chunks_exact_mut((channels * plane).max(1))).collect();
            threads.map_short(x.len(), pairs, |(image, padded): (&[f32], &mut [f32])| self.pad(image, shape, padded));
            padded
        };
        let corners: Vec<usize> = self.corners(positions, shape).collect();
        let mut largest = vec![0.0; count * corners.len()];
        let pairs = images.chunks_exact((channels * plane).max(1)).zip(largest.chunks_exact_mut(corners.len()));
        let isa = Isa::at_hand();
        threads.map_short(images.len(), pairs.collect(), |(image, largest): (&[f32], &mut [f32])| {
            isa.run(Largest {
                windows: self,
                row: width + 2 * self.padding.1,
                right: positions.1,
                plane,
                image,
                largest,
            });
        });
        let lines = self.lines(shape);
        Ok(Patches { windows: *self, shape, corners, lines, images, largest })
    }
}

impl Patches {
    /// All patches, as a matrix.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for it.
    pub fn rows(&self, threads: Threads) -> Result<Vec<f32>> {
        let mut rows = Vec::new();
        lengthen(&mut rows, self.len(), "the patches of a batch")?;
        let positions = self.corners.len();
        let per_image = (positions * self.width()).max(1);
        let parts = rows.chunks_exact_mut(per_image).enumerate().collect();
        threads
            .map_short(self.len() / 2, parts, |(image, rows): (usize, &mut [f32])| self.put(image * positions, rows));
        Ok(rows)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.largest.len()
    }

    /// How many of every image.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.corners.len()
    }

    /// Numbers in a patch.
    fn width(&self) -> usize {
        self.lines.len() * self.windows.kernel.1
    }

    /// Puts the patches from number `first` on into `rows`.
    fn put(&self, mut first: usize, mut rows: &mut [f32]) {
        let size = self.shape[1] * self.windows.plane(self.shape);
        while !rows.is_empty() {
            let (image, position) = (first / self.corners.len(), first % self.corners.len());
            let corners = &self.corners[position..];
            let count = corners.len().min(rows.len() / self.width());
            let (part, rest) = rows.split_at_mut(count * self.width());
            self.copy(&self.images[image * size..][..size], &corners[..count], part);
            (first, rows) = (first + count, rest);
            if !rows.is_empty() {
                checkpoint();
            }
        }
    }

    /// Copies the patches with these corners.
    fn copy(&self, image: &[f32], corners: &[usize], rows: &mut [f32]) {
        match (self.windows.kernel.1, self.windows.dilation.1) {
            (3, 1) => copy::<3>(image, corners, &self.lines, rows),
            (5, 1) => copy::<5>(image, corners, &self.lines, rows),
            (width, apart) => {
                let starts = corners.iter().flat_map(|corner| self.lines.iter().map(move |line| corner + line));
                for (start, part) in starts.zip(rows.chunks_exact_mut(width)) {
                    part.iter_mut().zip(image[start..].iter().step_by(apart)).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

impl Vectors for Patches {
    fn len(&self) -> usize {
        self.count() * self.width()
    }

    fn get<'a>(&'a self, places: Range<usize>, room: &'a mut Vec<f32>) -> &'a [f32] {
        room.resize(places.len(), 0.0);
        self.put(places.start / self.width(), room);
        room
    }

    fn largest(&self, _: Isa, places: Range<usize>, width: usize) -> Vec<f32> {
        self.largest[places.start / width..places.end / width].to_vec()
    }

    fn check_finite(&self, name: &'static str) -> Result<()> {
        if all_finite(&self.largest) { Ok(()) } else { check_finite(name, &self.rows(Threads::ONE)?) }
    }
}

/// Copies the lines of every window of `image`, `K` pixels side by side, to `rows`: the widths that networks have, as
/// loops of fixed length.
fn copy<const K: usize>(image: &[f32], corners: &[usize], lines: &[usize], rows: &mut [f32]) {
    for (corner, row) in corners.iter().zip(rows.chunks_exact_mut(lines.len() * K)) {
        for (line, part) in lines.iter().zip(row.as_chunks_mut::<K>().0) {
            let (pixels, _) = image[corner + line..][..K].as_chunks::<K>();
            *part = pixels[0];
        }
    }
}

/// The largest magnitude in every window of an image with its border: of the channels first, then down, then across.
struct Largest<'a> {
    windows: &'a Windows,
    /// Numbers in a row of the image.
    row: usize,
    /// Positions in a row.
    right: usize,
    /// Numbers in a channel.
    plane: usize,
    image: &'a [f32],
    largest: &'a mut [f32],
}

impl Kernel for Largest<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { windows: Windows { kernel, stride, dilation, .. }, row, right, plane, image, largest } = self;
        let mut pixels = vec![0.0; plane];
        for channel in image.chunks_exact(plane) {
            take(&mut pixels, channel);
        }
        let mut down = vec![0.0; row];
        for (i, largest) in largest.chunks_exact_mut(right).enumerate() {
            down.fill(0.0);
            for k in 0..kernel.0 {
                take(&mut down, &pixels[(i * stride.0 + k * dilation.0) * row..][..row]);
            }
            for k in 0..kernel.1 {
                let across = &down[k * dilation.1..];
                if stride.1 == 1 {
                    take(largest, &across[..right]);
                } else {
                    for (j, most) in largest.iter_mut().enumerate() {
                        *most = larger(*most, across[j * stride.1]);
                    }
                }
            }
        }
    }
}

/// Takes the larger magnitudes.
#[inline(always)]
fn take(most: &mut [f32], values: &[f32]) {
    for (most, value) in most.iter_mut().zip(values) {
        *most = larger(*most, *value);
    }
}

/// The larger of a magnitude and that of `value`, what is not finite being largest; on the bits, as
/// [`largest_magnitude`](crate::simd::math::largest_magnitude).
#[inline(always)]
fn larger(most: f32, value: f32) -> f32 {
    let (most, value) = (most.to_bits() as i32, (value.to_bits() & 0x7fff_ffff) as i32);
    f32::from_bits((if value > most { value } else { most }) as u32)
}
