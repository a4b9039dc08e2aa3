//! Tiki-taka, version 1: columns of P go into W by pulse trains, the symmetric point of P taken as 0 (02 section 4).

use super::chain::{Chain, Link, Settings};
use super::fast_rate::{AutoScale, FastRate};
use super::transfer::Rate;
use super::{Foundation, Hardware};
use crate::config::{Consistent, Count, Fields, Flag, Range, parameters};
use crate::error::Result;
use crate::pulse::PulseUpdate;

parameters! {
    /// Parameters of the rule.
    pub struct Parameters {
        ..auto: AutoScale;
        /// Rate of the pulses on P.
        fast_lr: f64 = 1.0, Range::NON_NEGATIVE;
        /// Multiply `fast_lr` by the global rate.
        scale_fast_lr: bool = true, Flag;
        /// Rate of the transfer to W.
        transfer_lr: f64 = 1.0, Range::NON_NEGATIVE;
        /// Multiply `transfer_lr` by the global rate.
        scale_transfer_lr: bool = true, Flag;
        /// Mini-batches between transfers.
        transfer_every: u32 = 1, Count(1, u32::MAX);
        /// Columns read in one transfer.
        columns_per_transfer: u32 = 1, Count(1, 1 << 20);
        /// Share of P in the visible weights.
        gamma: f64 = 0.0, Range::FINITE;
    }
}

impl Consistent for Parameters {}

/// The rule's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct TikiTaka {
    /// Arrays and transfer read.
    pub hardware: Hardware,
    /// Pulse trains of the transfer.
    pub transfer_update: PulseUpdate,
    /// The rule's own numbers.
    pub parameters: Parameters,
}

impl TikiTaka {
    /// Reads and validates the configuration.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        Ok(Self {
            hardware: Hardware::read(fields)?,
            transfer_update: PulseUpdate::read(fields.nested("transfer_update")?)?,
            parameters: Parameters::read(fields)?,
        })
    }

    /// `W[:, s] <- W[:, s] + transfer_lr v` by pulse trains.
    ///
    /// # Errors
    /// [`crate::Error`] for an impossible shape or too little memory.
    pub fn build(&self, foundation: Foundation) -> Result<Chain> {
        let p = &self.parameters;
        let rate = FastRate::new(Rate { value: p.fast_lr, scaled: p.scale_fast_lr }, &p.auto);
        let settings = Settings {
            fast_arrays: 1,
            gamma: p.gamma,
            transfer: Rate { value: p.transfer_lr, scaled: p.scale_transfer_lr },
            gain: 1.0,
            transfer_every: p.transfer_every,
            stage_every: 1,
            columns_per_transfer: p.columns_per_transfer,
            calibration_pulses: 0,
            link: Link::Trains(self.transfer_update.clone()),
        };
        Chain::new(foundation, &self.hardware, settings, rate)
    }
}
