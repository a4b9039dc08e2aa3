//! Tiki-taka version 2: buffered transfer from P to W, the symmetric point of P taken as 0 (02 section 5).

use super::fast_rate::{AutoScale, FastRate};
use super::transfer::{Rate, Settings, Transfer};
use super::{Foundation, Hardware};
use crate::config::{Consistent, Count, Fields, Flag, Range, parameters};
use crate::error::Result;

parameters! {
    /// Parameters of the rule.
    pub struct Parameters {
        ..auto: AutoScale;
        /// Rate of the pulses on P.
        fast_lr: f64 = 0.1, Range::NON_NEGATIVE;
        /// Multiply `fast_lr` by the global rate.
        scale_fast_lr: bool = false, Flag;
        /// Rate of the transfer to W.
        transfer_lr: f64 = 1.0, Range::NON_NEGATIVE;
        /// Multiply `transfer_lr` by the global rate.
        scale_transfer_lr: bool = true, Flag;
        /// Mini-batches between transfers.
        transfer_every: u32 = 1, Count(1, u32::MAX);
        /// Columns read in one transfer.
        columns_per_transfer: u32 = 1, Count(1, 1 << 20);
        /// Threshold of the buffer in granularities of W.
        thres_scale: f64 = 1.0, Range::POSITIVE;
        /// Share of the buffer that stays after a pulse.
        momentum: f64 = 0.1, Range::UNIT;
        /// Forget the rest of the buffer after a pulse.
        forget_buffer: bool = true, Flag;
        /// Share of P in the visible weights.
        gamma: f64 = 0.0, Range::FINITE;
    }
}

impl Consistent for Parameters {}

/// The rule's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct TikiTakaV2 {
    /// Arrays and transfer read.
    pub hardware: Hardware,
    /// The rule's own numbers.
    pub parameters: Parameters,
}

impl TikiTakaV2 {
    /// Reads and validates the configuration.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        Ok(Self { hardware: Hardware::read(fields)?, parameters: Parameters::read(fields)? })
    }

    /// `o = H + transfer_lr v`, threshold `thres_scale g`, `g` the granularity of W.
    ///
    /// # Errors
    /// [`crate::Error`] for an impossible shape or too little memory.
    pub fn build(&self, foundation: Foundation) -> Result<Transfer> {
        let p = &self.parameters;
        let rate = FastRate::new(Rate { value: p.fast_lr, scaled: p.scale_fast_lr }, &p.auto);
        let settings = Settings {
            gamma: p.gamma as f32,
            transfer: Rate { value: p.transfer_lr, scaled: p.scale_transfer_lr },
            buffer_gain: 1.0,
            transfer_every: p.transfer_every,
            columns_per_transfer: p.columns_per_transfer,
            threshold: (p.thres_scale * self.hardware.slow.granularity()) as f32,
            momentum: p.momentum as f32,
            forget: p.forget_buffer,
        };
        Transfer::new(foundation, &self.hardware, settings, rate, None, None)
    }
}
