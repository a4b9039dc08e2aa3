//! Residual learning (Algorithm 4): the gradient is taken at `W + gamma (P - Q)` with a fixed Q, 0 or found by zero-shifting
//! beforehand (the two-stage method); several fast arrays in a row hold the residual of the residual.

use super::chain::{Chain, Link, MOST, Settings};
use super::fast_rate::FastRate;
use super::transfer::{Granular, Rate};
use super::{Foundation, Hardware};
use crate::config::{Consistent, Count, Fields, Flag, Range, parameters};
use crate::error::Result;
use crate::filter::PulseBuffer;

parameters! {
    /// Parameters of the rule.
    pub struct Parameters {
        ..granular: Granular;
        /// Fast arrays in a row.
        fast_arrays: u32 = 1, Count(1, MOST);
        /// Share of each array in the visible weights, relative to the next one.
        gamma: f64 = 0.1, Range::FINITE;
        /// Rate of the pulses on P.
        fast_lr: f64 = 0.5, Range::NON_NEGATIVE;
        /// Multiply `fast_lr` by the global rate.
        scale_fast_lr: bool = false, Flag;
        /// Rate of the transfers.
        transfer_lr: f64 = 0.05, Range::NON_NEGATIVE;
        /// Multiply `transfer_lr` by the global rate.
        scale_transfer_lr: bool = false, Flag;
        /// Transfers of an array between those of the next one; 0: as many as one sweep over its columns.
        stage_every: u32 = 0, Count(0, u32::MAX);
        /// Pulses per cell of the zero-shifting that finds Q; 0 takes Q for 0.
        calibration_pulses: u32 = 0, Count(0, 1_000_000);
    }
}

impl Consistent for Parameters {}

/// The rule's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ResidualLearning {
    /// Arrays and transfer read.
    pub hardware: Hardware,
    /// The rule's own numbers.
    pub parameters: Parameters,
}

impl ResidualLearning {
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
    pub fn build(&self, foundation: Foundation) -> Result<Chain> {
        let p = &self.parameters;
        let (rows, cols) = foundation.shape;
        let sweep = u32::try_from(cols).unwrap_or(u32::MAX).div_ceil(p.granular.columns_per_transfer);
        let rate = FastRate::new(Rate { value: p.fast_lr, scaled: p.scale_fast_lr }, &p.granular.auto);
        let settings = Settings {
            fast_arrays: p.fast_arrays,
            gamma: p.gamma,
            transfer: Rate { value: p.transfer_lr, scaled: p.scale_transfer_lr },
            gain: p.granular.gain(&self.hardware.fast, cols),
            transfer_every: p.granular.transfer_every,
            stage_every: if p.stage_every == 0 { sweep } else { p.stage_every },
            columns_per_transfer: p.granular.columns_per_transfer,
            calibration_pulses: p.calibration_pulses,
            link: Link::Buffer(PulseBuffer::new(rows, cols, 1.0, p.granular.momentum as f32, p.granular.forget_buffer)),
        };
        Chain::new(foundation, &self.hardware, settings, rate)
    }
}
