//! Chopped Tiki-taka (c-TTv2): buffered transfer with choppers, the symmetric point of P taken as 0 (02 section 6.3).

use super::fast_rate::FastRate;
use super::transfer::{Granular, Rate, Transfer};
use super::{Foundation, Hardware};
use crate::config::{Consistent, Fields, Flag, Range, parameters};
use crate::error::Result;
use crate::filter::Choppers;

parameters! {
    /// Parameters of the rule.
    pub struct Parameters {
        ..granular: Granular;
        /// Rate of the pulses on P.
        fast_lr: f64 = 0.1, Range::NON_NEGATIVE;
        /// Multiply `fast_lr` by the global rate.
        scale_fast_lr: bool = false, Flag;
        /// Rate of the transfer to W.
        transfer_lr: f64 = 1.0, Range::NON_NEGATIVE;
        /// Multiply `transfer_lr` by the global rate.
        scale_transfer_lr: bool = true, Flag;
        /// Probability p that a chopper flips after a sweep; its inverse is the regular period.
        chop_probability: f64 = 0.1, Range::PROBABILITY;
        /// Flip at random instead of regularly.
        chop_random: bool = true, Flag;
        /// Share of the chopped P in the visible weights.
        gamma: f64 = 0.0, Range::FINITE;
    }
}

impl Consistent for Parameters {}

/// The rule's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoppedTikiTaka {
    /// Arrays and transfer read.
    pub hardware: Hardware,
    /// The rule's own numbers.
    pub parameters: Parameters,
}

impl ChoppedTikiTaka {
    /// Reads and validates the configuration.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        Ok(Self { hardware: Hardware::read(fields)?, parameters: Parameters::read(fields)? })
    }

    /// `o = H + lambda c v` with `lambda = transfer_lr N transfer_every / (g auto_granularity)`, threshold 1.
    ///
    /// # Errors
    /// [`crate::Error`] for an impossible shape or too little memory.
    pub fn build(&self, foundation: Foundation) -> Result<Transfer> {
        let p = &self.parameters;
        let cols = foundation.shape.1;
        let rate = FastRate::new(Rate { value: p.fast_lr, scaled: p.scale_fast_lr }, &p.granular.auto);
        let transfer = Rate { value: p.transfer_lr, scaled: p.scale_transfer_lr };
        let settings = p.granular.settings(&self.hardware.fast, cols, p.gamma, transfer);
        let choppers = Choppers::new(cols, p.chop_probability, p.chop_random);
        Transfer::new(foundation, &self.hardware, settings, rate, Some(choppers), None)
    }
}
