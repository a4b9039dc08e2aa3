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
pub struct Lines<'a> {
    /// The values.
    pub values: &'a [f32],
    rule: Rule,
    isa: Isa,
    /// Room for the probabilities, which are in it once they have been asked for.
    room: &'a mut [f32],
    known: bool,
}

/// How a firing probability `Q(|v| scale)` comes from a value (02 section 1.4).
#[derive(Clone, Copy)]
pub struct Rule {
    /// Scale of the side.
    pub scale: f64,
    /// Step of the probabilities; 0 is off.
    pub res: f64,
    /// Stream and vector of the draws that round them stochastically.
    pub rounding: Option<(Stream, u32)>,
}

impl<'a> Lines<'a> {
    /// Lines of these values, with room for a probability each.
    pub fn new(values: &'a [f32], rule: Rule, isa: Isa, room: &'a mut [f32]) -> Self {
        Self { values, rule, isa, room, known: false }
    }

    /// Firing probabilities.
    pub fn probabilities(&mut self) -> &[f32] {
        if !self.known {
            self.isa.run(Probabilities { values: self.values, rule: self.rule, out: self.room });
            self.known = true;
        }
        self.room
    }

    /// Numbers whose magnitudes, times the factor beside them, are the firing probabilities: the values themselves where
    /// there is no more to do, as for most vectors of a convolution, which send nothing.
    pub fn shares(&mut self) -> (&[f32], f32) {
        if self.rule.res > 0.0 { (self.probabilities(), 1.0) } else { (self.values, self.rule.scale as f32) }
    }
}

/// See [`Rule`].
struct Probabilities<'a> {
    values: &'a [f32],
    rule: Rule,
    out: &'a mut [f32],
}

impl Kernel for Probabilities<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { values, rule: Rule { scale, res, rounding }, out } = self;
        let (scale, res) = (scale as f32, res as f32);
        for (p, v) in out.iter_mut().zip(values) {
            *p = v.abs() * scale;
        }
        if res > 0.0 {
            for (line, p) in out.iter_mut().enumerate() {
                let mut dither = 0.0;
                if let Some((stream, vector)) = rounding {
                    dither = open_unit(stream.words(line as u32, vector)[0]) - 0.5;
                }
                *p = round_half_even(*p / res + dither) * res;
            }
        }
    }
}

/// Draws the trains of all lines for the slots `ordinal`, `ordinal + 1`, ... (`slots` of them, at most 32) into `words`.
pub struct Draw<'a> {
    pub stream: Stream,
    pub ordinal: u32,
    pub slots: u32,
    /// Magnitudes times `scale` are the firing probabilities.
    pub values: &'a [f32],
    pub scale: f32,
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
        let Self { stream, ordinal, slots, values, scale, words } = self;
        let mut fired = 0;
        for (g, (values, out)) in values.chunks(GROUP).zip(words.chunks_mut(GROUP)).enumerate() {
            let first = (g * LANES) as u32;
            // Few lines use the first words of their blocks only.
            fired += match values.len().div_ceil(LANES) {
                1 => draw_group::<1>(stream, first, ordinal, slots, values, scale, out),
                2 => draw_group::<2>(stream, first, ordinal, slots, values, scale, out),
                _ => draw_group::<4>(stream, first, ordinal, slots, values, scale, out),
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
    values: &[f32],
    scale: f32,
    out: &mut [u32],
) -> u32 {
    let mut v = [[0.0_f32; LANES]; K];
    v.as_flattened_mut()[..values.len()].copy_from_slice(values);
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
        let draw = |isa: Isa, ordinal| {
            let mut words = vec![0; lines];
            let fired = Draw { stream, ordinal, slots: 32, values: &p, scale: 1.0, words: &mut words }.at(isa);
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
