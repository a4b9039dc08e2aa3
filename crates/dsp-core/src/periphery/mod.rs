//! The analog read: DAC, product, noise, ADC, and the management of their ranges (02 section 3).

mod product;
pub mod read;

pub use read::Direction;

use crate::config::{Consistent, Flag, Range, choices, parameters};
use crate::error::{Error, Result};

choices! {
    /// How the input of a read is scaled into the DAC's range.
    pub enum NoiseManagement {
        /// Not at all.
        None = "none",
        /// By its largest magnitude.
        AbsMax = "abs_max",
    }
}

choices! {
    /// What happens when an output exceeds the ADC's range.
    pub enum BoundManagement {
        /// It is clipped.
        None = "none",
        /// The read is repeated with half the input, until nothing exceeds.
        Iterative = "iterative",
    }
}

parameters! {
    /// Parameters of one direction of reading; the names are the peer's.
    pub struct Periphery {
        /// A plain product, times `out_scale`; everything else is ignored.
        is_perfect: bool = false, Flag;
        /// Range of the DAC; 0 is unbounded.
        inp_bound: f64 = 1.0, Range::NON_NEGATIVE;
        /// Step of the DAC as a fraction of its full range (or the number of steps, if above 1); 0 is off.
        inp_res: f64 = 1.0 / 126.0, Range::NON_NEGATIVE;
        /// Stochastic rounding at the DAC.
        inp_sto_round: bool = false, Flag;
        /// Standard deviation of the noise after the DAC.
        inp_noise: f64 = 0.0, Range::NON_NEGATIVE;
        /// Range of the ADC; 0 is unbounded.
        out_bound: f64 = 12.0, Range::NON_NEGATIVE;
        /// Step of the ADC as a fraction of its full range (or the number of steps, if above 1); 0 is off.
        out_res: f64 = 1.0 / 510.0, Range::NON_NEGATIVE;
        /// Stochastic rounding at the ADC.
        out_sto_round: bool = false, Flag;
        /// Standard deviation of the noise before the ADC.
        out_noise: f64 = 0.06, Range::NON_NEGATIVE;
        /// Final digital factor.
        out_scale: f64 = 1.0, Range::FINITE;
        /// Range management of the ADC (forward only).
        bound_management: BoundManagement = BoundManagement::Iterative, ();
        /// Range management of the DAC.
        noise_management: NoiseManagement = NoiseManagement::AbsMax, ();
        /// Largest reduction of the input under bound management.
        max_bm_factor: f64 = 1000.0, Range::POSITIVE;
        /// Bound management stops when the reduced range is below this many DAC steps' worth.
        max_bm_res: f64 = 0.25, Range::POSITIVE;
    }
}

impl Consistent for Periphery {
    fn consistent(&self) -> Result<()> {
        if !self.is_perfect && self.noise_management != NoiseManagement::None && self.inp_bound != 1.0 {
            return Err(Error::parameter(
                "inp_bound",
                self.inp_bound,
                "1 while noise_management scales inputs to the range [-1, 1] (or set noise_management to \"none\")",
            ));
        }
        Ok(())
    }
}

/// A rounding to steps within a symmetric range.
#[derive(Clone, Copy, Debug)]
struct Quantiser {
    /// Absolute step; 0 is off.
    step: f32,
    /// Largest magnitude; infinite if unbounded.
    bound: f32,
    /// Largest magnitude of a code within the bound.
    top: f32,
}

impl Quantiser {
    fn new(resolution: f64, bound: f64) -> Self {
        let fraction = if resolution > 1.0 { 1.0 / resolution } else { resolution };
        let step = if bound > 0.0 { fraction * 2.0 * bound } else { 0.0 };
        Self {
            step: step as f32,
            bound: if bound > 0.0 { bound as f32 } else { f32::INFINITY },
            top: if step > 0.0 { (bound / step + 1e-3) as f32 } else { f32::INFINITY },
        }
    }
}

impl Periphery {
    /// The plain product.
    #[must_use]
    pub fn ideal() -> Self {
        Self { is_perfect: true, ..Self::default() }
    }

    /// The same periphery as a transfer uses it: no noise management, no bound management.
    #[must_use]
    pub fn unmanaged(&self) -> Self {
        Self { noise_management: NoiseManagement::None, bound_management: BoundManagement::None, ..self.clone() }
    }

    fn input(&self) -> Quantiser {
        Quantiser::new(self.inp_res, self.inp_bound)
    }

    fn output(&self) -> Quantiser {
        Quantiser::new(self.out_res, self.out_bound)
    }

    /// Whether bound management may reduce the input further than by `reduction`.
    fn may_reduce(&self, reduction: f64) -> bool {
        let step = f64::from(self.input().step);
        reduction <= self.max_bm_factor && (step <= 0.0 || reduction <= self.max_bm_res / step)
    }
}
