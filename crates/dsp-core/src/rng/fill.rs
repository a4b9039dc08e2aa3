//! Whole arrays of draws.
//!
//! Element `e` takes word `(e mod 64) / 16` of the block at index `16 (e / 64) + e mod 16`, so that sixteen blocks side by
//! side fill sixty-four consecutive elements without a transposition. A draw depends on its position only.

use std::marker::PhantomData;

use super::Stream;
use super::normal::normals;
use super::uniform::open_unit;
use crate::par::stop::checkpoint;
use crate::simd::{Isa, Kernel, LANES};

/// Elements that sixteen blocks of four words fill.
const GROUP: usize = 4 * LANES;

/// What becomes of the words of one block.
trait Transform {
    fn draw(words: [u32; 4]) -> [f32; 4];
}

/// What becomes of a number that a draw meets.
trait Put: Copy {
    fn put(self, value: &mut f32, draw: f32);
}

/// The draw takes its place.
#[derive(Clone, Copy)]
struct Replace;

impl Put for Replace {
    #[inline(always)]
    fn put(self, value: &mut f32, draw: f32) {
        *value = draw;
    }
}

/// The draw, times this factor, is added to it.
#[derive(Clone, Copy)]
struct Add(f32);

impl Put for Add {
    #[inline(always)]
    fn put(self, value: &mut f32, draw: f32) {
        *value += self.0 * draw;
    }
}

struct Fill<'a, T, P> {
    stream: Stream,
    ordinal: u32,
    /// Number of the first element.
    start: u64,
    out: &'a mut [f32],
    put: P,
    transform: PhantomData<T>,
}

impl<T: Transform, P: Put> Kernel for Fill<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { stream, ordinal, start, mut out, put, .. } = self;
        let mut index = (start / GROUP as u64) as u32 * LANES as u32;
        let skipped = (start % GROUP as u64) as usize;
        if skipped > 0 {
            let mut first = [0.0; GROUP];
            group::<T>(stream, index, ordinal, Replace, &mut first);
            let (head, rest) = out.split_at_mut((GROUP - skipped).min(out.len()));
            put_all(put, head, &first[skipped..]);
            (out, index) = (rest, index + LANES as u32);
        }
        let (groups, tail) = out.as_chunks_mut::<GROUP>();
        for (g, values) in groups.iter_mut().enumerate() {
            if g.is_multiple_of(1024) {
                checkpoint();
            }
            group::<T>(stream, index, ordinal, put, values);
            index += LANES as u32;
        }
        if !tail.is_empty() {
            let mut last = [0.0; GROUP];
            group::<T>(stream, index, ordinal, Replace, &mut last);
            put_all(put, tail, &last);
        }
    }
}

#[inline(always)]
fn put_all(put: impl Put, values: &mut [f32], draws: &[f32]) {
    for (value, draw) in values.iter_mut().zip(draws) {
        put.put(value, *draw);
    }
}

#[inline(always)]
fn group<T: Transform>(stream: Stream, index: u32, ordinal: u32, put: impl Put, out: &mut [f32; GROUP]) {
    for lane in 0..LANES {
        let draws = T::draw(stream.words(index + lane as u32, ordinal));
        put.put(&mut out[lane], draws[0]);
        put.put(&mut out[LANES + lane], draws[1]);
        put.put(&mut out[2 * LANES + lane], draws[2]);
        put.put(&mut out[3 * LANES + lane], draws[3]);
    }
}

/// Elements within the counters of one ordinal.
pub const ELEMENTS: u64 = 1 << 34;

/// Fills `out` with the standard normals of the elements from `start` on.
pub fn fill_normals(isa: Isa, stream: Stream, ordinal: u32, start: u64, out: &mut [f32]) {
    isa.run(Fill { stream, ordinal, start, out, put: Replace, transform: PhantomData::<NormalDraw> });
}

/// Adds `factor` times the standard normals of the elements from `start` on to `values`.
pub fn add_normals(isa: Isa, stream: Stream, ordinal: u32, start: u64, factor: f32, values: &mut [f32]) {
    isa.run(Fill { stream, ordinal, start, out: values, put: Add(factor), transform: PhantomData::<NormalDraw> });
}

/// Fills `out` with the uniforms in (0, 1) of the elements from `start` on.
pub fn fill_uniforms(isa: Isa, stream: Stream, ordinal: u32, start: u64, out: &mut [f32]) {
    isa.run(Fill { stream, ordinal, start, out, put: Replace, transform: PhantomData::<UniformDraw> });
}

struct NormalDraw;

impl Transform for NormalDraw {
    #[inline(always)]
    fn draw(words: [u32; 4]) -> [f32; 4] {
        normals(words)
    }
}

struct UniformDraw;

impl Transform for UniformDraw {
    #[inline(always)]
    fn draw(words: [u32; 4]) -> [f32; 4] {
        [open_unit(words[0]), open_unit(words[1]), open_unit(words[2]), open_unit(words[3])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::statistics::{ks_distance, normal_cdf};
    use crate::rng::{Key, Purpose};

    fn stream() -> Stream {
        Key::from_seed([7, 8, 9, 10]).child(1).stream(Purpose::Population, 3)
    }

    fn draw_normals(n: usize) -> Vec<f32> {
        let mut out = vec![0.0; n];
        fill_normals(Isa::machine(), stream(), 0, 0, &mut out);
        out
    }

    #[test]
    fn every_level_draws_the_same_bits_and_a_prefix_stays_a_prefix() {
        let long = draw_normals(1000);
        for isa in Isa::available() {
            for n in [0, 1, 15, 64, 65, 999] {
                let mut out = vec![0.0; n];
                fill_normals(isa, stream(), 0, 0, &mut out);
                assert_eq!(out, long[..n]);
            }
        }
    }

    #[test]
    fn a_part_is_the_same_as_in_the_whole() {
        let whole = draw_normals(1000);
        for start in [0, 1, 63, 64, 100, 130] {
            for n in [0, 1, 5, 64, 200] {
                let mut part = vec![0.0; n];
                fill_normals(Isa::machine(), stream(), 0, start as u64, &mut part);
                assert_eq!(part, whole[start..start + n]);
            }
        }
    }

    #[test]
    fn normals_follow_their_law() {
        let n = 1 << 20;
        let mut draws: Vec<f64> = draw_normals(n).into_iter().map(f64::from).collect();
        let mean = |f: &dyn Fn(f64) -> f64| draws.iter().map(|&x| f(x)).sum::<f64>() / n as f64;
        let se = |variance: f64| 5.0 * (variance / n as f64).sqrt();
        assert!(mean(&|x| x).abs() < se(1.0));
        assert!((mean(&|x| x * x) - 1.0).abs() < se(2.0));
        assert!(mean(&|x| x * x * x).abs() < se(15.0));
        assert!((mean(&|x| x.powi(4)) - 3.0).abs() < se(96.0));
        let pairs = draws.chunks(32).flat_map(|c| (0..16).map(|l| c[l] * c[16 + l])).sum::<f64>() / (n / 2) as f64;
        assert!(pairs.abs() < 5.0 / ((n / 2) as f64).sqrt(), "the two normals of a pair correlate");
        assert!(ks_distance(&mut draws, normal_cdf) < 1.95 / (n as f64).sqrt());
    }

    #[test]
    fn normal_tails_fit_beyond_five_sigma() {
        // 1.3e8 draws: the expected counts beyond 4, 4.5, 5 and 5.5 sigma are about 8500, 912, 77 and 5.1.
        let chunk = 1 << 22;
        let chunks = 32;
        let mut out = vec![0.0_f32; chunk];
        let mut counts = [0_u32; 4];
        let mut largest = 0.0_f32;
        for c in 0..chunks {
            fill_normals(Isa::machine(), stream(), c, 0, &mut out);
            for &x in &out {
                let size = x.abs();
                largest = if size > largest { size } else { largest };
                if size > 4.0 {
                    for (count, limit) in counts.iter_mut().zip([4.0, 4.5, 5.0, 5.5]) {
                        *count += u32::from(size > limit);
                    }
                }
            }
        }
        let total = (chunk * chunks as usize) as f64;
        for (count, limit) in counts.iter().zip([4.0, 4.5, 5.0, 5.5]) {
            let expected = 2.0 * total * (1.0 - normal_cdf(limit));
            let deviation = (f64::from(*count) - expected) / expected.sqrt();
            assert!(deviation.abs() < 5.0, "{count} draws beyond {limit} sigma, {expected} expected");
        }
        assert!(largest > 5.0 && largest < 6.7);
    }

    #[test]
    fn box_muller_error_against_f64() {
        let s = stream();
        for index in 0..200_000 {
            let words = s.words(index, 9);
            let pair = crate::rng::normal::normal_pair(words[0], words[1]);
            let u = (f64::from(words[0] >> 1) + 0.5) / 2_147_483_648.0;
            let r = (-2.0 * u.ln()).sqrt();
            let z = (f64::from(words[1] & 0x3fff_ffff) + 0.5) / 1_073_741_824.0 - 0.5;
            let (sin, cos) = (z * std::f64::consts::FRAC_PI_2).sin_cos();
            let (x, y) = if words[1] & 0x4000_0000 != 0 { (sin, cos) } else { (cos, sin) };
            let sign = if words[1] & 0x8000_0000 != 0 { -1.0 } else { 1.0 };
            if r > 0.01 {
                assert!((f64::from(pair.0) - sign * r * x).abs() < 4e-6);
                assert!((f64::from(pair.1) - sign * r * y).abs() < 4e-6);
            }
        }
    }

    #[test]
    fn uniforms_follow_their_law() {
        let n = 1 << 20;
        let mut out = vec![0.0; n];
        fill_uniforms(Isa::machine(), stream(), 1, 0, &mut out);
        let mut draws: Vec<f64> = out.into_iter().map(f64::from).collect();
        assert!(ks_distance(&mut draws, |x| x) < 1.95 / (n as f64).sqrt());
    }
}
