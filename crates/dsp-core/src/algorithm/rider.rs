//! RIDER (Algorithm 2): the gradient is taken at `W + gamma (P - Q)` and Q follows P by a moving average (12); nothing is
//! chopped, so the reference is programmed at every read.

use super::fast_rate::FastRate;
use super::transfer::{Granular, Rate, Transfer};
use super::{Foundation, Hardware};
use crate::config::{Consistent, Fields, Flag, Range, parameters};
use crate::error::Result;
use crate::filter::{Programming, Tracker};

parameters! {
    /// Parameters of the rule.
    pub struct Parameters {
        ..granular: Granular;
        /// Share of the residual in the visible weights.
        gamma: f64 = 0.1, Range::FINITE;
        /// Rate of the moving average Q.
        eta: f64 = 0.05, Range::UNIT;
        /// Rate of the pulses on P.
        fast_lr: f64 = 0.5, Range::NON_NEGATIVE;
        /// Multiply `fast_lr` by the global rate.
        scale_fast_lr: bool = false, Flag;
        /// Rate of the transfer to W.
        transfer_lr: f64 = 0.05, Range::NON_NEGATIVE;
        /// Multiply `transfer_lr` by the global rate.
        scale_transfer_lr: bool = false, Flag;
    }
}

impl Consistent for Parameters {}

/// The rule's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Rider {
    /// Arrays and transfer read.
    pub hardware: Hardware,
    /// The rule's own numbers.
    pub parameters: Parameters,
}

impl Rider {
    /// Reads and validates the configuration.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        Ok(Self { hardware: Hardware::read(fields)?, parameters: Parameters::read(fields)? })
    }

    /// `o = H + lambda (v - Q)` with `lambda = transfer_lr N transfer_every / (g auto_granularity)`, threshold 1.
    ///
    /// # Errors
    /// [`crate::Error`] for an impossible shape or too little memory.
    pub fn build(&self, foundation: Foundation) -> Result<Transfer> {
        let p = &self.parameters;
        let (rows, cols) = foundation.shape;
        let rate = FastRate::new(Rate { value: p.fast_lr, scaled: p.scale_fast_lr }, &p.granular.auto);
        let transfer = Rate { value: p.transfer_lr, scaled: p.scale_transfer_lr };
        let settings = p.granular.settings(&self.hardware.fast, cols, p.gamma, transfer);
        let tracker = Tracker::new(rows, cols, p.eta as f32, Programming::EveryRead);
        Transfer::new(foundation, &self.hardware, settings, rate, None, Some(tracker))
    }
}
