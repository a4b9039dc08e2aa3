//! Keys and streams: how seed, array, purpose, step and index become a key and a counter.
//!
//! | word | holds |
//! | --- | --- |
//! | key 0..4 | Threefry4x32-20 of (seed words) at counter (child, [`STREAM_VERSION`], tag, 0) |
//! | counter 0 | index: cell, or block of lines, or of the numbers of a batch |
//! | counter 1 | ordinal: group of four pulses, slot, round of a read |
//! | counter 2, 3 | step (56 bits), and the purpose in the top 8 bits |

use super::threefry::{ROUNDS, threefry};

/// Version of all streams: enters every key, and is raised whenever a draw changes its meaning.
pub const STREAM_VERSION: u32 = 2;

/// Separates derived keys from counters under the same key.
const CHILD_TAG: u32 = 0x6473_7074;

/// Declares the closed set of purposes.
macro_rules! purposes {
    ($( $(#[$meta:meta])* $name:ident $(= $number:literal)?, )*) => {
        /// What a draw is for; draws of different purpose never share a counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Purpose { $( $(#[$meta])* $name $(= $number)?, )* }

        impl Purpose {
            /// All purposes with their names.
            pub const ALL: &[(&str, Self)] = &[$( (stringify!($name), Self::$name), )*];
        }
    };
}

purposes! {
    /// Device-to-device draws, one step number per parameter.
    Population = 1,
    /// Cycle-to-cycle noise of pulses sent to a whole array.
    WholeArrayPulse,
    /// Directions of random pulses.
    Direction,
    /// Cycle-to-cycle noise of pulses from coincidences or increments.
    UpdatePulse,
    /// Write noise redrawn after pulses.
    WriteNoise,
    /// Bits of the input lines' trains.
    InputTrain,
    /// Bits of the error lines' trains.
    ErrorTrain,
    /// Stochastic rounding of increments to whole pulses.
    Rounding,
    /// Stochastic rounding of the input lines' probabilities.
    InputLineRounding,
    /// Stochastic rounding of the error lines' probabilities.
    ErrorLineRounding,
    /// Noise at the DAC of a read.
    ReadInput,
    /// Noise before the ADC of a read.
    ReadOutput,
    /// Stochastic rounding at the DAC of a read.
    InputRounding,
    /// Stochastic rounding at the ADC of a read.
    OutputRounding,
    /// Random choppers.
    Chopper,
    /// Diffusion.
    Diffusion,
    /// Weights after a reset.
    Reset,
    /// Which cells a reset hits.
    ResetChoice,
    /// Drift exponents from call to call.
    DriftExponent,
    /// Noise added by drift.
    DriftNoise,
    /// Noise of the weights during a read.
    ReadWeight,
    /// Spread of the output noise from line to line.
    LineNoise,
    /// Spread of the output stage's curvature from line to line.
    LineCurvature,
    /// Voltage offsets of the output lines.
    LineOffset,
    /// Spread of the weights that negative inputs meet.
    ReadAsymmetry,
    /// Cycle noise of composed pulses sent to a whole array, a draw per window.
    ComposedPulse = 27,
    /// Cycle noise of composed pulses from coincidences, a draw per piece of 64 words (26 was that of pieces of eight).
    ComposedUpdate,
}

/// A 128-bit key under which streams are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u32; 4]);

impl Key {
    /// The root key of a seed.
    #[must_use]
    pub fn from_seed(seed: [u32; 4]) -> Self {
        Self(seed)
    }

    /// The key as [`Key::from_seed`] takes it.
    #[must_use]
    pub fn words(self) -> [u32; 4] {
        self.0
    }

    /// The key of the child with this number: an array of a tile, a reader of an array.
    #[must_use]
    pub fn child(self, number: u32) -> Self {
        Self(threefry::<20>(self.0, [number, STREAM_VERSION, CHILD_TAG, 0]))
    }

    /// The stream for one purpose at one step (the low 56 bits count).
    #[must_use]
    pub fn stream(self, purpose: Purpose, step: u64) -> Stream {
        let high = ((step >> 32) as u32 & 0x00ff_ffff) | (u32::from(purpose as u8) << 24);
        Stream { key: self.0, low: step as u32, high }
    }
}

/// A key with purpose and step: 2^64 blocks of four words, addressed by index and ordinal.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: [u32; 4],
    low: u32,
    high: u32,
}

impl Stream {
    /// The four words at (index, ordinal).
    #[inline(always)]
    #[must_use]
    pub fn words(self, index: u32, ordinal: u32) -> [u32; 4] {
        threefry::<ROUNDS>(self.key, [index, ordinal, self.low, self.high])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_every_coordinate() {
        let root = Key::from_seed([1, 2, 3, 4]);
        let base = root.child(0).stream(Purpose::UpdatePulse, 5).words(6, 7);
        let others = [
            Key::from_seed([1, 2, 3, 5]).child(0).stream(Purpose::UpdatePulse, 5).words(6, 7),
            root.child(1).stream(Purpose::UpdatePulse, 5).words(6, 7),
            root.child(0).stream(Purpose::WriteNoise, 5).words(6, 7),
            root.child(0).stream(Purpose::UpdatePulse, 5 + (1 << 40)).words(6, 7),
            root.child(0).stream(Purpose::UpdatePulse, 5).words(7, 6),
        ];
        assert!(others.iter().all(|other| *other != base));
    }
}
