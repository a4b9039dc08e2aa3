//! E-RIDER (Algorithm 3): the gradient is taken at `W + gamma c (P - Q~)`, choppers keep the gradient out of the moving
//! average Q, and the reference Q~ is programmed only where a chopper flips.

use super::fast_rate::FastRate;
use super::transfer::{Granular, Rate, Transfer};
use super::{Foundation, Hardware};
use crate::config::{Consistent, Fields, Flag, Range, parameters};
use crate::error::Result;
use crate::filter::{Choppers, Tracker};

parameters! {
    /// Parameters of the rule.
    pub struct Parameters {
        ..granular: Granular;
        /// Share of the residual in the visible weights.
        gamma: f64 = 0.1, Range::FINITE;
        /// Rate of the pulses on P.
        fast_lr: f64 = 0.5, Range::NON_NEGATIVE;
        /// Multiply `fast_lr` by the global rate.
        scale_fast_lr: bool = false, Flag;
        /// Rate of the transfer to W.
        transfer_lr: f64 = 0.05, Range::NON_NEGATIVE;
        /// Multiply `transfer_lr` by the global rate.
        scale_transfer_lr: bool = false, Flag;
        /// Probability p that a chopper flips after a sweep; its inverse is the regular period.
        chop_probability: f64 = 0.05, Range::PROBABILITY;
        /// Flip at random instead of regularly.
        chop_random: bool = false, Flag;
        /// Rate of the moving average in units of one chopper phase.
        tail_weighting: f64 = 5.0, Range::POSITIVE;
        /// Program the reference at the flip (true) or at the first read after it.
        program_at_flip: bool = true, Flag;
    }
}

impl Consistent for Parameters {}

/// The rule's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ERider {
    /// Arrays and transfer read.
    pub hardware: Hardware,
    /// The rule's own numbers.
    pub parameters: Parameters,
}

impl ERider {
    /// Reads and validates the configuration.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        Ok(Self { hardware: Hardware::read(fields)?, parameters: Parameters::read(fields)? })
    }

    /// `o = H + lambda c (v - Q~)` with `lambda = transfer_lr N transfer_every / (g auto_granularity)`, threshold 1, and
    /// `beta = min(tail_weighting / K, 1)`.
    ///
    /// # Errors
    /// [`crate::Error`] for an impossible shape or too little memory.
    pub fn build(&self, foundation: Foundation) -> Result<Transfer> {
        let p = &self.parameters;
        let (rows, cols) = foundation.shape;
        let choppers = Choppers::new(cols, p.chop_probability, p.chop_random);
        let rate = FastRate::new(Rate { value: p.fast_lr, scaled: p.scale_fast_lr }, &p.granular.auto);
        let transfer = Rate { value: p.transfer_lr, scaled: p.scale_transfer_lr };
        let settings = p.granular.settings(&self.hardware.fast, cols, p.gamma, transfer);
        let tracker = Tracker::of_phase(rows, cols, choppers.period(), p.tail_weighting, p.program_at_flip);
        Transfer::new(foundation, &self.hardware, settings, rate, Some(choppers), Some(tracker))
    }
}
