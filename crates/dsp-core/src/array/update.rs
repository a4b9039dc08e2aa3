//! Learning from a batch of vector pairs by coincidences of pulse trains.

use super::{Apparent, Changed, CrossbarArray};
use crate::error::{Error, Result, check_len};
use crate::pulse::trains::{Request, Trains};
use crate::pulse::{Fidelity, PulseUpdate, coincidences};
use crate::rng::Purpose;
use crate::vectors::Vectors;

impl CrossbarArray {
    /// `W <- W - lr d^T x` by coincidences of pulse trains (02 section 1), for a batch of vectors `x` (B, N), `d` (B, M).
    ///
    /// The vectors act in order; a batch split over two calls draws other random numbers.
    ///
    /// # Errors
    /// [`Error`] for wrong lengths, values that are not finite, or a learning rate that is negative or not finite.
    pub fn update(
        &mut self,
        x: &dyn Vectors,
        d: &[f32],
        batch: usize,
        lr: f64,
        update: &PulseUpdate,
    ) -> Result<Changed> {
        self.update_at(x, d, &vec![lr; batch], &[], update)
    }

    /// What makes an update with a batch of this size fail, but for its vectors, its rates and the memory.
    ///
    /// # Errors
    /// [`Error::Parameter`] for too large a batch, or composed pulses where cells are traced.
    pub fn check_update(&self, batch: usize, update: &PulseUpdate) -> Result<()> {
        self.traceable(update.fidelity)?;
        update.slots_per_vector(batch).map(drop)
    }

    /// As [`Self::update`], every vector pair with a rate of its own, and every input line with a chopper: `signs`, +1 or -1
    /// each, or none.
    ///
    /// # Errors
    /// The same.
    pub fn update_at(
        &mut self,
        x: &dyn Vectors,
        d: &[f32],
        rates: &[f64],
        signs: &[i8],
        update: &PulseUpdate,
    ) -> Result<Changed> {
        let batch = rates.len();
        check_len("x", x.len(), batch, self.cols)?;
        check_len("d", d.len(), batch, self.rows)?;
        if let Some(lr) = rates.iter().find(|lr| !(lr.is_finite() && **lr >= 0.0)) {
            return Err(Error::parameter("lr", lr, "a finite number >= 0"));
        }
        let fidelity = self.traceable(update.fidelity)?;
        let trains = Trains::draw(&Request {
            x,
            d,
            batch,
            rows: self.rows,
            cols: self.cols,
            rates,
            signs,
            granularity: self.device.granularity(),
            update,
            key: self.key,
            step: self.clock,
            isa: self.isa,
            threads: self.threads,
        })?;
        Ok(self.whole(trains.work(), |array| array.apply(&trains, fidelity)))
    }

    /// Applies the trains of an update.
    fn apply(&mut self, trains: &Trains, fidelity: Fidelity) -> Changed {
        let (step, cols) = (self.advance(1), self.cols);
        self.record_update(step, |cell| trains.directions(cell, cols));
        let (device, key, isa, threads) = (self.device.clone(), self.key, self.isa, self.threads);
        let (pulses, changed) = device.visit(coincidences::Apply {
            trains,
            cols,
            isa,
            threads,
            noise: key.stream(Purpose::UpdatePulse, step),
            pieces: key.stream(Purpose::ComposedUpdate, step),
            fidelity,
            apparent: Apparent { stream: key.stream(Purpose::WriteNoise, step), std: device.write_noise().std },
            cells: self.cells(),
        });
        self.ledger.add_pulses(pulses);
        self.ledger.train_slots += trains.slots();
        changed
    }
}
