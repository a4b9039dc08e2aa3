//! Train length and probability scales of one vector pair (02 section 1.3).

use super::fidelity::Fidelity;
use crate::config::{Consistent, Count, Flag, Range, choices, parameters};
use crate::error::{Error, Result};
use crate::simd::{Isa, Kernel};

choices! {
    /// How coincidence counts come from line probabilities.
    pub enum PulseType {
        /// Bernoulli trains on both sides; coincidences pulse.
        Stochastic = "stochastic",
        /// `rint(BL p q)` pulses, no randomness.
        DeterministicImplicit = "deterministic_implicit",
        /// Whole numbers of pulses on each line, `rint(n_d n_x / BL)` coincidences.
        MeanCount = "mean_count",
    }
}

/// Longest train: bounds the work of one vector.
const MAX_BL: u32 = 4096;

parameters! {
    /// Parameters of the pulsed update; the names are the peer's.
    pub struct PulseUpdate {
        /// Train length, or its maximum under BL management.
        desired_bl: u32 = 31, Count(1, MAX_BL);
        /// Without BL management: keep the length and scale the probabilities.
        fixed_bl: bool = true, Flag;
        /// Balance the two scales by the maxima of the vectors.
        update_management: bool = true, Flag;
        /// Adapt the length to each vector pair; implies update management.
        update_bl_management: bool = true, Flag;
        /// Factor on the error's maximum inside update management.
        um_grad_scale: f64 = 1.0, Range::POSITIVE;
        /// How counts come from probabilities.
        pulse_type: PulseType = PulseType::Stochastic, ();
        /// Step of the line probabilities as a fraction of 1; 0 is off.
        res: f64 = 0.0, Range::UNIT;
        /// Round probabilities to that step stochastically.
        sto_round: bool = false, Flag;
        /// Step of the input side for the implicit kind; 0 is off.
        x_res_implicit: f64 = 0.0, Range::UNIT;
        /// Step of the error side for the implicit kind; 0 is off.
        d_res_implicit: f64 = 0.0, Range::UNIT;
        /// Whether many pulses may be taken as one step.
        fidelity: Fidelity = Fidelity::Auto, ();
    }
}

impl Consistent for PulseUpdate {}

impl PulseUpdate {
    /// Slots that are numbered for every vector pair of a batch of so many, whether they are sent or not.
    ///
    /// # Errors
    /// [`Error::Parameter`] if their numbers exceed the counters.
    pub(crate) fn slots_per_vector(&self, batch: usize) -> Result<u32> {
        let longest = self.desired_bl.max(MAX_BL);
        if u32::try_from(batch).ok().and_then(|batch| batch.checked_mul(longest)).is_none() {
            return Err(Error::parameter("batch", batch, format!("at most {}", u32::MAX / longest)));
        }
        Ok(longest)
    }
}

/// Train length and scales for one vector pair; `length` 0 sends nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scaling {
    /// Train length BL.
    pub length: u32,
    /// Scale A of the error lines: probability `|d| A`.
    pub error: f64,
    /// Scale B of the input lines: probability `|x| B`.
    pub input: f64,
}

impl PulseUpdate {
    /// The scaling for a pair with maxima `x_max = max |x|`, `d_max = max |d|`, at rate `lr` and granularity `g`.
    #[must_use]
    pub fn scaling(&self, x_max: f64, d_max: f64, lr: f64, g: f64) -> Scaling {
        if self.managed() {
            let [length, error, input] = self.balanced(x_max, d_max, lr, g);
            return Scaling { length: length as u32, error, input };
        }
        let longest = f64::from(self.desired_bl);
        if lr == 0.0 {
            return Scaling::default();
        }
        if self.lengthened(lr, g) {
            return Scaling { length: free_length(lr, g) as u32, error: 1.0, input: 1.0 };
        }
        let scale = (lr / (g * longest)).sqrt();
        Scaling { length: self.desired_bl, error: scale, input: scale }
    }

    /// [`Self::scaling`] for the vector pairs of a batch, of granularity `g`, with maxima and rates as there.
    pub fn scalings(&self, isa: Isa, x_max: &[f32], d_max: &[f32], rates: &[f64], g: f64) -> Vec<Scaling> {
        let maxima = x_max.iter().zip(d_max).map(|(x, d)| (f64::from(*x), f64::from(*d)));
        if !self.managed() {
            return maxima.zip(rates).map(|((x, d), lr)| self.scaling(x, d, *lr, g)).collect();
        }
        let out = [(); 3].map(|()| vec![0.0; rates.len()]);
        let [length, error, input] = isa.run(Balance { update: self, x_max, d_max, rates, g, out });
        let scaling = |((length, error), input)| Scaling { length: length as u32, error, input };
        length.into_iter().zip(error).zip(input).map(scaling).collect()
    }

    fn managed(&self) -> bool {
        self.update_management || self.update_bl_management
    }

    /// Whether the rate, whatever the vectors, asks for more slots than `desired_bl` and gets them.
    #[inline(always)]
    fn lengthened(&self, lr: f64, g: f64) -> bool {
        !self.fixed_bl & !self.update_bl_management & (g * f64::from(self.desired_bl) < lr)
    }

    /// Length and scales under management; zeros where nothing is sent. Without branches: a batch of them is one loop.
    #[inline(always)]
    fn balanced(&self, x_max: f64, d_max: f64, lr: f64, g: f64) -> [f64; 3] {
        let longest = f64::from(self.desired_bl);
        let d_scaled = self.um_grad_scale * d_max;
        let largest = lr * x_max * d_scaled / g;
        let needed = if self.update_bl_management { largest.ceil() } else { longest };
        let length = if needed < longest { needed } else { longest };
        let base = (lr / (g * length)).sqrt();
        let lengthened = self.lengthened(lr, g);
        let length = if lengthened { free_length(lr, g) } else { length };
        let base = if lengthened { 1.0 } else { base };
        let d_scaled = if largest > longest { d_scaled * (longest / largest) } else { d_scaled };
        let balance = (x_max / d_scaled).sqrt();
        // A request so small that ceil gives 0 (denormal numbers) sends nothing either.
        let sends = (lr != 0.0) & (x_max != 0.0) & (d_max != 0.0) & (length >= 1.0);
        if sends { [length, base * balance, base / balance] } else { [0.0; 3] }
    }
}

/// Slots of lines that fire with |x| and |d| themselves; at least one, at most [`MAX_BL`].
#[inline(always)]
fn free_length(lr: f64, g: f64) -> f64 {
    (lr / g).ceil().clamp(1.0, f64::from(MAX_BL))
}

/// See [`PulseUpdate::scalings`]; `out` takes lengths, error scales and input scales.
struct Balance<'a> {
    update: &'a PulseUpdate,
    x_max: &'a [f32],
    d_max: &'a [f32],
    rates: &'a [f64],
    g: f64,
    out: [Vec<f64>; 3],
}

impl Kernel for Balance<'_> {
    type Output = [Vec<f64>; 3];

    #[inline(always)]
    fn run(mut self) -> [Vec<f64>; 3] {
        let [length, error, input] = &mut self.out;
        let vectors = self.x_max.iter().zip(self.d_max).zip(self.rates);
        for (((length, error), input), ((x, d), lr)) in length.iter_mut().zip(error).zip(input).zip(vectors) {
            [*length, *error, *input] = self.update.balanced(f64::from(*x), f64::from(*d), *lr, self.g);
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of 02 section 1.3.
    #[test]
    fn published_examples() {
        let update = PulseUpdate::default();
        let s = update.scaling(1.0, 2.0, 0.1, 0.001);
        assert_eq!(s.length, 31);
        assert!((s.error * 2.0 - 6.45).abs() < 0.005 && (s.input - 1.0).abs() < 1e-9);
        for (k, length, p, q) in [(0.3, 1, 0.5477, 0.5477), (1.0, 1, 1.0, 1.0), (60.0, 31, 1.935, 1.0)] {
            let s = update.scaling(1.0, 1.0, k * 0.01, 0.01);
            assert_eq!(s.length, length);
            assert!((s.error - p).abs() < 1e-3 && (s.input - q).abs() < 1e-4, "k = {k}: {s:?}");
        }
    }

    #[test]
    fn without_management() {
        let update = PulseUpdate {
            update_management: false,
            update_bl_management: false,
            desired_bl: 10,
            ..PulseUpdate::default()
        };
        assert_eq!(update.scaling(1.0, 1.0, 1.0, 0.1), Scaling { length: 10, error: 1.0, input: 1.0 });
        let free = PulseUpdate { fixed_bl: false, ..update };
        assert_eq!(free.scaling(1.0, 1.0, 2.55, 0.1), Scaling { length: 26, error: 1.0, input: 1.0 });
        let balanced = PulseUpdate { fixed_bl: false, update_bl_management: false, ..PulseUpdate::default() };
        assert_eq!(balanced.scaling(1.0, 0.25, 0.1, 0.001), Scaling { length: 100, error: 2.0, input: 0.5 });
    }

    #[test]
    fn a_batch_has_the_scalings_of_its_pairs() {
        let values = [0.0, 1e-30, 0.01, 0.3, 1.0, 2.5, 700.0];
        let pairs = || values.iter().flat_map(|x| values.iter().map(move |d| (*x, *d)));
        let (x_max, d_max): (Vec<f32>, Vec<f32>) = pairs().unzip();
        for lr in [0.0, 1e-300, 0.02, 5.0] {
            let rates = vec![lr; x_max.len()];
            for choice in 0..8 {
                let [update_management, update_bl_management, fixed_bl] = [1, 2, 4].map(|bit| choice & bit != 0);
                let update =
                    PulseUpdate { update_management, update_bl_management, fixed_bl, ..PulseUpdate::default() };
                let single = |(x, d)| update.scaling(f64::from(x), f64::from(d), lr, 0.01);
                let expected: Vec<Scaling> = pairs().map(single).collect();
                for isa in Isa::available() {
                    assert_eq!(update.scalings(isa, &x_max, &d_max, &rates, 0.01), expected);
                }
            }
        }
    }
}
