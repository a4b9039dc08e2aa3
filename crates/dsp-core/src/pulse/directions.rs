//! The directions of sixteen cells' pulses, from the trains of their lines.
//!
//! Counts are AND and popcount over sixteen columns of a row at a time; each cell's directions are packed into a stream of
//! bits in the order of the vectors.

use super::segments::Fired;
use crate::simd::LANES;

/// The directions of sixteen cells' pulses: bit `p mod 32` of word `p / 32`, one means up.
pub(super) struct Directions {
    pub words: Vec<[u32; LANES]>,
    pub total: [u32; LANES],
    pub ups: [u32; LANES],
}

impl Directions {
    pub(super) fn new(segments: usize) -> Self {
        // A segment adds at most 32 pulses; one word more takes the last flush.
        Self { words: vec![[0; LANES]; segments + 1], total: [0; LANES], ups: [0; LANES] }
    }

    /// Packs the directions for columns `16 block` and on.
    #[inline(always)]
    pub(super) fn pack(&mut self, fired: &[Fired<'_>], block: usize) {
        let mut pending = [0_u32; LANES];
        // Bits pending, below 32 between segments, and a bound of all lanes'.
        let (mut fill, mut most) = ([0_u32; LANES], 0);
        let mut word = [0_u32; LANES];
        self.ups = [0; LANES];
        for segment in fired {
            let Fired { error, error_negative: negative, input, input_negative } = *segment;
            let (inputs, signs) = (&input[block], &input_negative[block]);
            let mut spilled = [0_u32; LANES];
            for lane in 0..LANES {
                let count = (inputs[lane] & error).count_ones();
                let up = signs[lane] ^ negative;
                let run = up & !u32::MAX.checked_shl(count).unwrap_or(0);
                pending[lane] |= run << fill[lane];
                spilled[lane] = (run >> 1) >> (31 - fill[lane]);
                fill[lane] += count;
                self.ups[lane] += count & up;
            }
            most += error.count_ones();
            if most < 32 {
                continue;
            }
            most = largest(&fill);
            if most >= 32 {
                // Words that are not full are written too, and again later: no branch on chance.
                for lane in 0..LANES {
                    self.words[word[lane] as usize][lane] = pending[lane];
                }
                for lane in 0..LANES {
                    let full = fill[lane] >> 5;
                    word[lane] += full;
                    pending[lane] = if full > 0 { spilled[lane] } else { pending[lane] };
                    fill[lane] &= 31;
                }
                most = largest(&fill);
            }
        }
        for lane in 0..LANES {
            self.words[word[lane] as usize][lane] = pending[lane];
        }
        for lane in 0..LANES {
            self.total[lane] = 32 * word[lane] + fill[lane];
        }
    }

    /// Drops the pulses of the other lanes.
    #[inline(always)]
    pub(super) fn keep(&mut self, lanes: u16) {
        for lane in 0..LANES {
            let all = 0_u32.wrapping_sub(u32::from((lanes >> lane) & 1));
            self.total[lane] &= all;
            self.ups[lane] &= all;
        }
    }
}

/// The largest of sixteen numbers.
#[inline(always)]
pub(super) fn largest(values: &[u32; LANES]) -> u32 {
    let mut most = 0;
    for lane in 0..LANES {
        most = if values[lane] > most { values[lane] } else { most };
    }
    most
}
