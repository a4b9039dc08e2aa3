//! The trains of the lines, 32 slots a word.
//!
//! Slot `t` of line `j` fires where its own uniform word is below `P 2^32`. The words come from the block at
//! (16 (j / 64) + j mod 16, vector `desired_bl` + t), word `(j mod 64) / 16`: sixteen blocks cover sixty-four lines.

use crate::rng::Stream;
use crate::rng::uniform::{open_unit, threshold};
use crate::simd::math::round_half_even;
use crate::simd::{Isa, Kernel, LANES};

/// Lines covered by sixteen blocks of four words.
const GROUP: usize = 4 * LANES;

/// The lines of one side of a vector pair: their values, and how likely each fires in a slot.
#[derive(Clone, Copy)]
pub struct Lines<'a> {
    /// The values.
    pub values: &'a [f32],
    /// Magnitudes times `scale` are the firing probabilities: the values themselves, unless probabilities are rounded.
    pub shares: &'a [f32],
    /// See `shares`.
    pub scale: f32,
}

/// How a firing probability `Q(|v| scale)` comes from a value (02 section 1.4).
pub struct Rule {
    /// Scale of the side.
    pub scale: f64,
    /// Step of the probabilities; 0 is off.
    pub res: f64,
    /// Stream and vector of the draws that round them stochastically.
    pub rounding: Option<(Stream, u32)>,
}

impl<'a> Lines<'a> {
    /// Lines of these values, with room for rounded probabilities.
    #[inline]
    pub fn new(values: &'a [f32], rule: Rule, room: &'a mut [f32]) -> Self {
        if rule.res as f32 > 0.0 {
            rule.round(values, room);
            return Self { values, shares: room, scale: 1.0 };
        }
        Self { values, shares: values, scale: rule.scale as f32 }
    }

    /// How likely line `line` fires in a slot.
    pub fn probability(&self, line: usize) -> f32 {
        self.shares[line].abs() * self.scale
    }
}

impl Rule {
    /// Rounded probabilities; a call of its own, since most updates round none.
    #[cold]
    fn round(self, values: &[f32], out: &mut [f32]) {
        let Self { scale, res, rounding } = self;
        let (scale, res) = (scale as f32, res as f32);
        for (line, (p, v)) in out.iter_mut().zip(values).enumerate() {
            let dither = rounding.map_or(0.0, |(stream, vector)| open_unit(stream.words(line as u32, vector)[0]) - 0.5);
            *p = round_half_even(v.abs() * scale / res + dither) * res;
        }
    }
}

/// Draws the trains of all lines for the slots `ordinal`, `ordinal + 1`, ... (`slots` of them, at most 32) into `words`.
pub struct Draw<'a> {
    pub stream: Stream,
    pub ordinal: u32,
    pub slots: u32,
    pub lines: Lines<'a>,
    pub words: &'a mut [u32],
}

impl Draw<'_> {
    /// Runs the draw at this level; returns how many slots fire, over all lines.
    pub fn at(self, isa: Isa) -> u32 {
        isa.run(self)
    }
}

impl Kernel for Draw<'_> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        let Self { stream, ordinal, slots, lines: Lines { shares, scale, .. }, words } = self;
        let mut fired = 0;
        for (g, (shares, out)) in shares.chunks(GROUP).zip(words.chunks_mut(GROUP)).enumerate() {
            let first = (g * LANES) as u32;
            // Few lines use the first words of their blocks only.
            fired += match shares.len().div_ceil(LANES) {
                1 => draw_group::<1>(stream, first, ordinal, slots, shares, scale, out),
                2 => draw_group::<2>(stream, first, ordinal, slots, shares, scale, out),
                _ => draw_group::<4>(stream, first, ordinal, slots, shares, scale, out),
            };
        }
        fired
    }
}

/// The trains of at most `16 K` lines, whose blocks start with number `first`.
#[inline(always)]
fn draw_group<const K: usize>(
    stream: Stream,
    first: u32,
    ordinal: u32,
    slots: u32,
    shares: &[f32],
    scale: f32,
    out: &mut [u32],
) -> u32 {
    let mut v = [[0.0_f32; LANES]; K];
    v.as_flattened_mut()[..shares.len()].copy_from_slice(shares);
    let (mut limits, mut always) = ([[0_u32; LANES]; K], [[0_u32; LANES]; K]);
    for k in 0..K {
        for lane in 0..LANES {
            (limits[k][lane], always[k][lane]) = threshold(v[k][lane].abs() * scale);
        }
    }
    let mut trains = [[0_u32; LANES]; K];
    for slot in 0..slots {
        for lane in 0..LANES {
            let drawn = stream.words(first + lane as u32, ordinal + slot);
            for k in 0..K {
                trains[k][lane] |= (u32::from(drawn[k] < limits[k][lane]) | always[k][lane]) << slot;
            }
        }
    }
    let trains = trains.as_flattened();
    out.copy_from_slice(&trains[..out.len()]);
    trains.iter().map(|train| train.count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Key, Purpose};

    #[test]
    fn trains_are_the_same_at_every_level_and_follow_their_probability() {
        let lines = 1000;
        let p: Vec<f32> = (0..lines).map(|j| j as f32 / 900.0).collect();
        let stream = Key::from_seed([1; 4]).stream(Purpose::InputTrain, 0);
        let side = Lines { values: &p, shares: &p, scale: 1.0 };
        let draw = |isa: Isa, ordinal| {
            let mut words = vec![0; lines];
            let fired = Draw { stream, ordinal, slots: 32, lines: side, words: &mut words }.at(isa);
            assert_eq!(fired, words.iter().map(|word| word.count_ones()).sum());
            words
        };
        let reference = draw(Isa::Base, 0);
        assert!(Isa::available().all(|isa| draw(isa, 0) == reference));
        let vectors = 2000;
        let mut fired = vec![0; lines];
        for vector in 0..vectors {
            for (count, word) in fired.iter_mut().zip(draw(Isa::machine(), 32 * vector)) {
                *count += word.count_ones();
            }
        }
        let n = f64::from(32 * vectors);
        for (&count, &p) in fired.iter().zip(&p) {
            let p = f64::from(p).min(1.0);
            let deviation = (f64::from(count) - n * p).abs();
            assert!(deviation <= 5.0 * (n * p * (1.0 - p)).sqrt(), "{count} of {n} at p = {p}");
        }
    }
}
