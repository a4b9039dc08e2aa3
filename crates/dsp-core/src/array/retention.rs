//! Slow changes without pulses: decay, diffusion, reset, drift, clipping (02 section 2.6).
//!
//! All act on the persistent weight `w = v - r`, clip the state to the cell's bounds, and redraw the write noise of every
//! cell. They happen only when called.

use super::{CrossbarArray, zeros};
use crate::device::Apparent;
use crate::error::{Error, Result};
use crate::rng::Purpose;
use crate::rng::fill::{fill_normals, fill_uniforms};
use crate::simd::math::{clip, exp, ln};

/// Where the drift of every cell stands.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    /// Time so far, in units of `drift_t0`: in f64, since a sum of short times must not come to a halt.
    pub(super) time: f64,
    /// Weight at the start of each cell's drift.
    pub(super) start: Vec<f32>,
    /// Time of that start.
    pub(super) since: Vec<f64>,
    /// Weight after the last drift step.
    pub(super) last: Vec<f32>,
}

impl CrossbarArray {
    /// One decay step: `w <- (w - b)(1 + alpha (d - 1)) + b`, with `d = 1 - 1/lifetime` and `b` the reset bias of the cell.
    /// Without a lifetime nothing happens.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `alpha` is not in [0, 1].
    pub fn decay(&mut self, alpha: f64) -> Result<()> {
        if !(0.0..=1.0).contains(&alpha) {
            return Err(Error::parameter("alpha", alpha, "a number from 0 to 1"));
        }
        let parameters = self.parameters.clone();
        let scales = &parameters.retention.decay_scale;
        if !scales.is_empty() {
            self.change_all(|array, i, w| {
                let bias = array.reset_bias(i);
                (w - bias) * (1.0 + alpha as f32 * (scales[i] - 1.0)) + bias
            });
        }
        Ok(())
    }

    /// One diffusion step: `w <- w + rate xi`. Without diffusion nothing happens.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn diffuse(&mut self) -> Result<()> {
        let parameters = self.parameters.clone();
        let rates = &parameters.retention.diffusion_rate;
        if !rates.is_empty() {
            let xi = self.normals(Purpose::Diffusion)?;
            self.change_all(|_, i, w| w + rates[i] * xi[i]);
        }
        Ok(())
    }

    /// Resets each cell of `count` columns from `start` on (wrapping round; all columns if `None`) with a probability:
    /// `w = b + reset_std xi`.
    ///
    /// # Errors
    /// [`Error`] for a column that is not there, a probability outside [0, 1], or too little memory.
    pub fn reset(&mut self, start: usize, count: Option<usize>, probability: f64) -> Result<()> {
        if start >= self.cols {
            return Err(Error::parameter("start", start, format!("a column from 0 to {}", self.cols - 1)));
        }
        if !(0.0..=1.0).contains(&probability) {
            return Err(Error::parameter("probability", probability, "a number from 0 to 1"));
        }
        let (cols, count) = (self.cols, count.unwrap_or(self.cols));
        let std = self.device.population().reset_std as f32;
        let xi = self.normals(Purpose::Reset)?;
        let mut uniform = zeros(self.state.len(), "the draws")?;
        fill_uniforms(self.isa, self.key.stream(Purpose::ResetChoice, self.clock), 0, 0, &mut uniform);
        self.change_all(|array, i, w| {
            let inside = (i % cols + cols - start) % cols < count;
            if inside && f64::from(uniform[i]) < probability { array.reset_bias(i) + std * xi[i] } else { w }
        });
        Ok(())
    }

    /// Lets `dt` pass: `w = w_0 max(t - t_0, 1)^-nu`, in units of `drift_t0`, where `w_0` and `t_0` are the weight and the
    /// time when the cell was last changed otherwise. Time starts at the first call; a cell that moved by more than
    /// `drift_reset_tol` between two calls starts anew at the earlier one.
    ///
    /// # Errors
    /// [`Error`] if `dt` is negative or not finite, or if there is no memory for the drift's state.
    pub fn drift(&mut self, dt: f64) -> Result<()> {
        if !(dt.is_finite() && dt >= 0.0) {
            return Err(Error::parameter("dt", dt, "a finite number >= 0"));
        }
        if self.parameters.retention.drift_nu.is_empty() {
            return Ok(());
        }
        let elapsed = dt / self.device.population().drift_t0;
        if !((elapsed + self.drift.as_ref().map_or(0.0, |drift| drift.time)) as f32).is_finite() {
            return Err(Error::parameter("dt", dt, "a finite number >= 0 that leaves the time within float32"));
        }
        let cells = self.state.len();
        let persistent = |array: &Self, i: usize| array.state[i] - array.parameters.cell(i).reference;
        // All that may fail comes before the drift is taken.
        let (xi, chi) = (self.normals(Purpose::DriftExponent)?, self.normals(Purpose::DriftNoise)?);
        if self.drift.is_none() {
            let since = zeros(cells, "the drift")?;
            let (mut start, mut last) = (zeros(cells, "the drift")?, zeros(cells, "the drift")?);
            start.iter_mut().enumerate().for_each(|(i, w)| *w = persistent(self, i));
            last.copy_from_slice(&start);
            self.drift = Some(Drift { time: 0.0, start, since, last });
        }
        let Some(mut drift) = self.drift.take() else { return Ok(()) };
        let population = self.device.population().clone();
        let (tolerance, before) = (population.drift_reset_tol as f32, drift.time);
        drift.time += elapsed;
        let spread = population.drift_nu_std as f32;
        let noise = population.drift_w_noise_std as f32;
        let parameters = self.parameters.clone();
        let nu = &parameters.retention.drift_nu;
        for i in 0..cells {
            let w = persistent(self, i);
            if (w - drift.last[i]).abs() > tolerance {
                drift.start[i] = w;
                drift.since[i] = before;
            }
        }
        self.change_all(|_, i, _| {
            let elapsed = (drift.time - drift.since[i]) as f32;
            let exponent = nu[i] * (1.0 + spread * xi[i]);
            drift.start[i] * exp(-exponent * ln(if elapsed > 1.0 { elapsed } else { 1.0 })) + noise * chi[i]
        });
        for i in 0..cells {
            drift.last[i] = persistent(self, i);
        }
        self.drift = Some(drift);
        Ok(())
    }

    /// Clips weights to `[-bound, bound]`, and to the cells' bounds in any case.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `bound` is negative or not finite.
    pub fn clip(&mut self, bound: f64) -> Result<()> {
        if !(bound.is_finite() && bound >= 0.0) {
            return Err(Error::parameter("bound", bound, "a finite number >= 0"));
        }
        self.change_all(|_, _, w| clip(w, -(bound as f32), bound as f32));
        Ok(())
    }

    fn reset_bias(&self, cell: usize) -> f32 {
        self.parameters.retention.reset_bias.get(cell).copied().unwrap_or(0.0)
    }

    /// One normal per cell for an event that the clock's next tick stands for.
    fn normals(&self, purpose: Purpose) -> Result<Vec<f32>> {
        let mut xi = zeros(self.state.len(), "the draws")?;
        fill_normals(self.isa, self.key.stream(purpose, self.clock), 0, 0, &mut xi);
        Ok(xi)
    }

    /// Maps every persistent weight and redraws all apparent ones.
    fn change_all(&mut self, map: impl Fn(&Self, usize, f32) -> f32) {
        for i in 0..self.state.len() {
            let cell = self.parameters.cell(i);
            let w = map(self, i, self.state[i] - cell.reference);
            self.state[i] = clip(w + cell.reference, cell.min_bound, cell.max_bound);
        }
        let stream = self.key.stream(Purpose::WriteNoise, self.advance(1));
        self.show_all(Apparent { stream, std: self.device.write_noise().std });
    }
}
