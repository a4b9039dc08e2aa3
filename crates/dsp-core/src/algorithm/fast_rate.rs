//! The rate of the pulses on P: as configured, or following how large inputs and errors have lately been (02 section 6.2).

use super::Batch;
use super::transfer::Rate;
use crate::config::{Consistent, Flag, Range, parameters};
use crate::error::{Error, Result};
use crate::pulse::PulseUpdate;
use crate::simd::Isa;
use crate::snapshot::{Entry, State};
use crate::vectors::Vectors;

parameters! {
    /// Whether and how the rate follows the data.
    pub struct AutoScale {
        /// Divide the rate by the running maxima of inputs and errors.
        auto_scale: bool = false, Flag;
        /// Share of a running maximum that stays after a mini-batch.
        auto_momentum: f64 = 0.99, Range::UNIT;
    }
}

impl Consistent for AutoScale {}

/// The rate of the pulses on P and, where it follows the data, the running maxima.
#[derive(Clone, Copy, Debug)]
pub struct FastRate {
    rate: Rate,
    maxima: Option<Maxima>,
}

#[derive(Clone, Copy, Debug)]
struct Maxima {
    momentum: f64,
    /// Running maxima of `|x|` and `|d|`; 0 before the first vector that has one.
    of: [f64; 2],
}

impl FastRate {
    /// `rate`, divided by running maxima where `auto` says so.
    #[must_use]
    pub fn new(rate: Rate, auto: &AutoScale) -> Self {
        let maxima = auto.auto_scale.then_some(Maxima { momentum: auto.auto_momentum, of: [0.0; 2] });
        Self { rate, maxima }
    }

    /// The rates of a mini-batch's vectors on cells of this granularity, and this object after them.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a global rate that is negative or not finite, or makes a rate infinite.
    pub fn of_batch(mut self, batch: &Batch<'_>, granularity: f64, update: &PulseUpdate) -> Result<(Vec<f64>, Self)> {
        let rate = self.rate.at(batch.lr);
        let rates = match &mut self.maxima {
            None => vec![rate; batch.size],
            Some(maxima) => {
                let pulses = rate * f64::from(update.desired_bl) * granularity;
                let follow = |(x, d)| pulses / maxima.after(x, d, batch.size);
                let of = |vectors: &dyn Vectors| {
                    let width = (vectors.len() / batch.size.max(1)).max(1);
                    vectors.largest(Isa::at_hand(), 0..vectors.len(), width)
                };
                of(batch.x).into_iter().zip(of(&batch.d)).map(follow).collect()
            }
        };
        if batch.lr >= 0.0 && rate.is_finite() && rates.iter().all(|rate| rate.is_finite()) {
            return Ok((rates, self));
        }
        Err(Error::parameter("lr", batch.lr, "a finite number >= 0 that leaves the rates finite"))
    }

    /// The running maxima; nothing where the rate is fixed.
    #[must_use]
    pub fn snapshot(&self) -> State {
        let Self { rate: _, maxima } = self;
        let mut state = State::default();
        if let Some(Maxima { momentum: _, of: [x, d] }) = maxima {
            state.set("x", Entry::Number(*x));
            state.set("d", Entry::Number(*d));
        }
        state
    }

    /// A rate like this one in another state.
    ///
    /// # Errors
    /// [`Error::Snapshot`].
    pub fn restored(mut self, mut from: State) -> Result<Self> {
        if let Some(maxima) = &mut self.maxima {
            for (name, value) in ["x", "d"].into_iter().zip(&mut maxima.of) {
                *value = from.number(name)?;
                if *value < 0.0 {
                    return Err(from.refuse(name, format!("is {value}: must be >= 0")));
                }
            }
        }
        from.finish()?;
        Ok(self)
    }

    /// Whether there is a state to keep.
    #[must_use]
    pub fn has_state(&self) -> bool {
        self.maxima.is_some()
    }
}

impl Maxima {
    /// Takes one vector pair out of `size` in, and returns the product of the maxima, 1 until both are known.
    fn after(&mut self, x: f32, d: f32, size: usize) -> f64 {
        let step = (1.0 - self.momentum) / size as f64;
        for (running, now) in self.of.iter_mut().zip([x, d].map(f64::from)) {
            if *running == 0.0 {
                *running = now;
            } else if now > 0.0 {
                *running = (1.0 - step) * *running + step * now;
            }
        }
        let product = self.of[0] * self.of[1];
        if product > 0.0 { product } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 02 section 6.2 by hand: the first maximum is taken as it is, zeros are passed over, a step is (1 - 0.5)/m.
    #[test]
    fn rates_follow_the_maxima() {
        let auto = AutoScale { auto_scale: true, auto_momentum: 0.5 };
        let fixed = Rate { value: 0.25, scaled: false };
        let update = PulseUpdate { desired_bl: 8, ..PulseUpdate::default() };
        let batch = Batch { x: &[0.0, 0.0, -2.0, 1.0], d: &[4.0, 0.0], size: 2, lr: 0.0 };
        // Nothing of x yet: 0.25 * 8 * 0.5 = 1; then m_x = 2, and m_d stays 4
        let (rates, after) = FastRate::new(fixed, &auto).of_batch(&batch, 0.5, &update).unwrap();
        assert_eq!(rates, [1.0, 1.0 / 8.0]);
        // One vector: m_x = (2 + 1)/2, m_d = (4 + 1)/2
        let next = Batch { x: &[1.0, 0.5], d: &[-1.0], size: 1, lr: 0.0 };
        let (rates, after) = after.of_batch(&next, 0.5, &update).unwrap();
        assert_eq!(rates, [1.0 / (1.5 * 2.5)]);
        let again = FastRate::new(fixed, &auto).restored(after.snapshot()).unwrap();
        assert_eq!(again.of_batch(&next, 0.5, &update).unwrap().0, after.of_batch(&next, 0.5, &update).unwrap().0);
        let scaled = FastRate::new(Rate { scaled: true, ..fixed }, &auto);
        assert_eq!(scaled.of_batch(&Batch { lr: 0.5, ..batch }, 0.5, &update).unwrap().0, [0.5, 0.5 / 8.0]);
    }

    #[test]
    fn without_maxima_the_rate_is_the_rate() {
        let rate = FastRate::new(Rate { value: 0.5, scaled: true }, &AutoScale::default());
        let batch = Batch { x: &[0.0; 0], d: &[], size: 3, lr: 0.5 };
        assert_eq!(rate.of_batch(&batch, 1.0, &PulseUpdate::default()).unwrap().0, [0.25; 3]);
        assert!(rate.of_batch(&Batch { lr: f64::MAX, ..batch }, 1.0, &PulseUpdate::default()).is_ok());
        for lr in [-0.5, f64::NAN, f64::INFINITY] {
            assert!(rate.of_batch(&Batch { lr, ..batch }, 1.0, &PulseUpdate::default()).is_err());
        }
        assert!(rate.snapshot().is_empty());
    }
}
