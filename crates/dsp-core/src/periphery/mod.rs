//! The analog read: DAC, product, noise, ADC, and the management of their ranges (02 section 3).

mod bound_management;
mod input;
mod ir_drop;
mod lines;
mod noise_management;
mod output;
mod passes;
mod product;
mod quantiser;
pub mod read;
mod voltage_offset;
mod weight_noise;

pub use read::Direction;

use crate::config::{Consistent, Flag, Range, choices, parameters};
use crate::error::{Error, Result};
use quantiser::Quantiser;

choices! {
    /// How often the input passes through the array.
    pub enum MvType {
        /// The plain product, as with `is_perfect`.
        Ideal = "ideal",
        /// Once, with both signs.
        OnePass = "one_pass",
        /// Positive and negative inputs apart, added before the ADC.
        PosNegSeparate = "pos_neg_separate",
        /// Positive and negative inputs apart, each through the ADC, added behind it.
        PosNegSeparateDigitalSum = "pos_neg_separate_digital_sum",
    }
}

choices! {
    /// How the input of a read is scaled into the DAC's range.
    pub enum NoiseManagement {
        /// Not at all.
        None = "none",
        /// By its largest magnitude.
        AbsMax = "abs_max",
        /// By its largest value.
        Max = "max",
        /// By `nm_thres`.
        Constant = "constant",
        /// By its largest magnitude or, if more, by what could make the worst output reach the ADC's range.
        AbsMaxNpSum = "abs_max_np_sum",
        /// By the moving average of the largest magnitudes of the inputs so far.
        AverageAbsMax = "average_abs_max",
    }
}

choices! {
    /// What happens when an output exceeds the ADC's range.
    pub enum BoundManagement {
        /// It is clipped.
        None = "none",
        /// The read is repeated with half the input, until nothing exceeds.
        Iterative = "iterative",
        /// The same, but the first repetition scales the input as `abs_max_np_sum`.
        IterativeWorstCase = "iterative_worst_case",
    }
}

choices! {
    /// Noise of the weights during a read.
    pub enum WeightNoise {
        /// None.
        None = "none",
        /// The same for every cell.
        AdditiveConstant = "additive_constant",
        /// With a variance in proportion to the weight's magnitude.
        PcmRead = "pcm_read",
    }
}

parameters! {
    /// Parameters of one direction of reading; the names are the peer's.
    pub struct Periphery {
        /// A plain product, times `out_scale`; everything else is ignored.
        is_perfect: bool = false, Flag;
        /// How often the input passes through the array.
        mv_type: MvType = MvType::OnePass, ();
        /// Range of the DAC; 0 is unbounded.
        inp_bound: f64 = 1.0, Range::NON_NEGATIVE;
        /// Step of the DAC as a fraction of its full range (or the number of steps, if above 1); 0 is off.
        inp_res: f64 = 1.0 / 126.0, Range::NON_NEGATIVE;
        /// Stochastic rounding at the DAC.
        inp_sto_round: bool = false, Flag;
        /// Standard deviation of the noise after the DAC.
        inp_noise: f64 = 0.0, Range::NON_NEGATIVE;
        /// Share that negative inputs lose.
        inp_asymmetry: f64 = 0.0, Range::between(-1.0, 1.0);
        /// Range of the ADC; 0 is unbounded.
        out_bound: f64 = 12.0, Range::NON_NEGATIVE;
        /// Step of the ADC as a fraction of its full range (or the number of steps, if above 1); 0 is off.
        out_res: f64 = 1.0 / 510.0, Range::NON_NEGATIVE;
        /// Stochastic rounding at the ADC.
        out_sto_round: bool = false, Flag;
        /// Standard deviation of the noise before the ADC.
        out_noise: f64 = 0.06, Range::NON_NEGATIVE;
        /// Spread of that standard deviation from output to output, as a fraction of it.
        out_noise_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Share that negative outputs lose before the ADC.
        out_asymmetry: f64 = 0.0, Range::between(-1.0, 1.0);
        /// Curvature of the output stage, in units of 1 / `out_bound`.
        out_nonlinearity: f64 = 0.0, Range::NON_NEGATIVE;
        /// Spread of the curvature from output to output, as a fraction of it.
        out_nonlinearity_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Fraction of the ADC's range where a calibration makes the slope one; 0 is off.
        slope_calibration: f64 = 0.0, Range::UNIT;
        /// Final digital factor.
        out_scale: f64 = 1.0, Range::FINITE;
        /// Range management of the ADC (forward only).
        bound_management: BoundManagement = BoundManagement::Iterative, ();
        /// Range management of the DAC.
        noise_management: NoiseManagement = NoiseManagement::AbsMax, ();
        /// Largest scale of noise management (0 is no limit), or the scale itself where it is constant.
        nm_thres: f64 = 0.0, Range::NON_NEGATIVE;
        /// Largest weight that `abs_max_np_sum` counts on.
        nm_assumed_wmax: f64 = 0.6, Range::POSITIVE;
        /// Share of the newest vector in the moving average of `average_abs_max`.
        nm_decay: f64 = 1e-3, Range::UNIT;
        /// Largest reduction of the input under bound management.
        max_bm_factor: f64 = 1000.0, Range::POSITIVE;
        /// Bound management stops when the reduced range is below this many DAC steps' worth.
        max_bm_res: f64 = 0.25, Range::POSITIVE;
        /// Noise of the weights during a read, referred to the output.
        w_noise: f64 = 0.0, Range::NON_NEGATIVE;
        /// Its kind.
        w_noise_type: WeightNoise = WeightNoise::None, ();
        /// Device-to-device spread of the weights that negative inputs meet, in passes apart.
        w_read_asymmetry_dtod: f64 = 0.0, Range::NON_NEGATIVE;
        /// Scale of the voltage drop along the input wires; 1 is the physical one.
        ir_drop: f64 = 0.0, Range::NON_NEGATIVE;
        /// Conductance of the wire between two cells over the largest conductance of a cell.
        ir_drop_g_ratio: f64 = 1.0 / 0.35 / 5e-6, Range::POSITIVE;
        /// Spread of the voltage offsets of the outputs.
        v_offset_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Weight of the reference that shares the output's offset and series resistance; 0 is none.
        v_offset_w_min: f64 = -1.0, Range::NON_POSITIVE;
        /// Series resistance of an output.
        r_series: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl Consistent for Periphery {
    fn consistent(&self) -> Result<()> {
        if self.perfect() {
            return Ok(());
        }
        let refuse = |wrong: bool, name: &str, value: f64, allowed: &str| {
            if wrong { Err(Error::parameter(name, value, allowed)) } else { Ok(()) }
        };
        let kind = self.noise_management;
        refuse(
            kind != NoiseManagement::None && self.inp_bound != 1.0,
            "inp_bound",
            self.inp_bound,
            "1 while noise_management scales inputs to the range [-1, 1] (or set noise_management to \"none\")",
        )?;
        refuse(
            matches!(kind, NoiseManagement::None | NoiseManagement::AverageAbsMax) && self.nm_thres > 0.0,
            "nm_thres",
            self.nm_thres,
            "0 while noise_management is \"none\" or \"average_abs_max\", which know no limit",
        )?;
        refuse(
            self.nm_thres > 0.0 && self.nm_thres < f64::from(f32::MIN_POSITIVE),
            "nm_thres",
            self.nm_thres,
            "0 or at least 2^-126, whose inverse a number holds",
        )?;
        let worst_case = self.bound_management == BoundManagement::IterativeWorstCase;
        if worst_case && kind == NoiseManagement::None {
            return Err(Error::parameter(
                "bound_management",
                "\"iterative_worst_case\"",
                "\"iterative\" or \"none\" while noise_management is \"none\": there is no scale to change",
            ));
        }
        refuse(
            (worst_case || kind == NoiseManagement::AbsMaxNpSum) && self.out_bound == 0.0,
            "out_bound",
            self.out_bound,
            "> 0 where inputs are scaled for the worst output to stay within it",
        )?;
        refuse(
            (self.out_nonlinearity > 0.0 || self.slope_calibration > 0.0) && self.out_bound == 0.0,
            "out_bound",
            self.out_bound,
            "> 0 where out_nonlinearity and slope_calibration are measured by it",
        )?;
        refuse(
            self.w_noise > 0.0 && self.w_noise_type == WeightNoise::None,
            "w_noise",
            self.w_noise,
            "0 while w_noise_type is \"none\"",
        )?;
        refuse(
            self.w_read_asymmetry_dtod > 0.0 && self.passes() == 1,
            "w_read_asymmetry_dtod",
            self.w_read_asymmetry_dtod,
            "0 unless mv_type separates positive and negative inputs",
        )
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

    /// How often a vector passes through the array in one round.
    #[must_use]
    pub fn passes(&self) -> u64 {
        match self.mv_type {
            MvType::PosNegSeparate | MvType::PosNegSeparateDigitalSum if !self.is_perfect => 2,
            _ => 1,
        }
    }

    /// Whether a read is the plain product.
    fn perfect(&self) -> bool {
        self.is_perfect || self.mv_type == MvType::Ideal
    }

    /// Whether the array does nothing to a prepared input but multiply it.
    fn is_one_product(&self) -> bool {
        self.passes() == 1 && self.ir_drop + self.v_offset_std + self.r_series + self.w_noise == 0.0
    }

    fn input(&self) -> Quantiser {
        Quantiser::new(self.inp_res, self.inp_bound)
    }

    fn output(&self) -> Quantiser {
        Quantiser::new(self.out_res, self.out_bound)
    }
}
