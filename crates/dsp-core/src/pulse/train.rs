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

/// Firing probabilities `Q(|v| scale)` of the lines of one vector (02 section 1.4).
pub fn probabilities(values: &[f32], scale: f64, res: f64, rounding: Option<(Stream, u32)>, out: &mut [f32]) {
    let (scale, res) = (scale as f32, res as f32);
    for (line, (p, v)) in out.iter_mut().zip(values).enumerate() {
        *p = v.abs() * scale;
        if res > 0.0 {
            let dither = rounding.map_or(0.0, |(stream, vector)| open_unit(stream.words(line as u32, vector)[0]) - 0.5);
            *p = round_half_even(*p / res + dither) * res;
        }
    }
}

/// Draws the trains of all lines for the slots `ordinal`, `ordinal + 1`, ... (`slots` of them, at most 32) into `words`.
pub struct Draw<'a> {
    pub stream: Stream,
    pub ordinal: u32,
    pub slots: u32,
    pub probabilities: &'a [f32],
    pub words: &'a mut [u32],
}

impl Draw<'_> {
    /// Runs the draw at this level.
    pub fn at(self, isa: Isa) {
        isa.run(self);
    }
}

impl Kernel for Draw<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { stream, ordinal, slots, probabilities, words } = self;
        for (g, (ps, out)) in probabilities.chunks(GROUP).zip(words.chunks_mut(GROUP)).enumerate() {
            let mut limits = [0_u32; GROUP];
            let mut always = [0_u32; GROUP];
            for (line, &p) in ps.iter().enumerate() {
                match threshold(p) {
                    Some(limit) => limits[line] = limit,
                    None => always[line] = 1,
                }
            }
            let mut trains = [0_u32; GROUP];
            for slot in 0..slots {
                for lane in 0..LANES {
                    let drawn = stream.words((g * LANES + lane) as u32, ordinal + slot);
                    for (k, word) in drawn.into_iter().enumerate() {
                        let line = k * LANES + lane;
                        trains[line] |= (u32::from(word < limits[line]) | always[line]) << slot;
                    }
                }
            }
            out.copy_from_slice(&trains[..out.len()]);
        }
    }
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
            Draw { stream, ordinal, slots: 32, probabilities: &p, words: &mut words }.at(isa);
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
