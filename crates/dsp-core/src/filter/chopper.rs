//! Choppers: one sign per column that flips from time to time and moves the gradient away from the drift (17).

use crate::error::Result;
use crate::snapshot::State;

/// The choppers of all columns.
#[derive(Clone, Debug)]
pub struct Choppers {
    signs: Vec<i8>,
    probability: f64,
    random: bool,
}

impl Choppers {
    /// All signs +1; a column flips at the end of every `max(ceil(1/p), 2)`-th sweep, or at random after each sweep with
    /// probability `p`.
    #[must_use]
    pub fn new(cols: usize, probability: f64, random: bool) -> Self {
        Self { signs: vec![1; cols], probability, random }
    }

    /// Sweeps in a phase of the regular chopper, `K = max(ceil(1/p), 2)`.
    #[must_use]
    pub fn period(&self) -> u64 {
        // 1/p of a rounded p may lie just above a whole number: 1/49 would give 50.
        const ROUNDING: f64 = 1e-12;
        ((1.0 / self.probability * (1.0 - ROUNDING)).ceil() as u64).max(2)
    }

    /// The sign of a column.
    #[must_use]
    pub fn sign(&self, column: usize) -> f32 {
        f32::from(self.signs[column])
    }

    /// All signs.
    #[must_use]
    pub fn signs(&self) -> &[i8] {
        &self.signs
    }

    /// Flips a column if its time has come, after its transfer in `sweep`; `uniform` decides for random choppers.
    pub fn step(&mut self, column: usize, sweep: u64, uniform: f32) -> bool {
        let period = self.period();
        let flips = if self.random { f64::from(uniform) < self.probability } else { sweep % period == period - 1 };
        if flips {
            self.signs[column] = -self.signs[column];
        }
        flips
    }

    /// The complete state.
    #[must_use]
    pub fn snapshot(&self) -> State {
        let Self { signs, probability: _, random: _ } = self;
        let mut state = State::default();
        state.set_list("signs", signs.clone());
        state
    }

    /// Choppers like these in another state.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`].
    pub fn restored(&self, mut from: State) -> Result<Self> {
        let Self { ref signs, probability, random } = *self;
        let signs: Vec<i8> = from.plane("signs", &[signs.len()])?;
        if let Some(sign) = signs.iter().find(|sign| sign.abs_diff(0) != 1) {
            return Err(from.refuse("signs", format!("holds {sign}: must be +1 or -1")));
        }
        from.finish()?;
        Ok(Self { signs, probability, random })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_choppers_flip_every_period() {
        let mut choppers = Choppers::new(1, 0.3, false);
        assert_eq!(choppers.period(), 4);
        let flips: Vec<bool> = (0..9).map(|sweep| choppers.step(0, sweep, 0.5)).collect();
        assert_eq!(flips, [false, false, false, true, false, false, false, true, false]);
        assert_eq!(Choppers::new(1, 0.9, false).period(), 2);
        for period in 2..2000 {
            assert_eq!(Choppers::new(1, 1.0 / period as f64, false).period(), period);
        }
    }
}
