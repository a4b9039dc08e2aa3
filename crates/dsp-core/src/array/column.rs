//! Writing one column: what a transfer does to the array that it ends in.

use super::CrossbarArray;
use crate::device::Apparent;
use crate::error::Result;
use crate::pulse::{Pulse, PulseUpdate, Rounds, coincidences};
use crate::rng::Purpose;

impl CrossbarArray {
    /// Sends one pulse to each cell of `column` whose entry in `signs` (M values) is not zero, in its direction.
    pub fn pulse_column(&mut self, column: usize, signs: &[i8]) {
        let cols = self.cols;
        let mut pulses = Rounds::default();
        for (row, sign) in signs.iter().enumerate().filter(|(_, sign)| **sign != 0) {
            pulses.push(0, Pulse::new((row * cols + column) as u32, *sign > 0));
        }
        let step = self.advance(1);
        if pulses.is_empty() {
            return;
        }
        self.record_update(step, |cell| {
            let sign = if cell as usize % cols == column { signs[cell as usize / cols] } else { 0 };
            vec![sign > 0; usize::from(sign != 0)]
        });
        let (device, key, isa) = (self.device.clone(), self.key, self.isa);
        let (sent, _) = device.visit(coincidences::ApplyPulses {
            pulses: &pulses,
            isa,
            noise: key.stream(Purpose::UpdatePulse, step),
            apparent: Apparent { stream: key.stream(Purpose::WriteNoise, step), std: device.write_noise().std },
            cells: self.cells(),
        });
        self.ledger.add_pulses(sent);
        self.ledger.transfer_pulses += sent.up + sent.down;
        self.ledger.train_slots += 1;
    }

    /// `W[:, column] <- W[:, column] + rate v` by pulse trains, the input line of `column` at 1 and the error lines at
    /// `-v`.
    ///
    /// # Errors
    /// [`crate::Error`] for values that are not finite or a bad rate.
    pub fn update_column(&mut self, column: usize, v: &[f32], rate: f64, update: &PulseUpdate) -> Result<()> {
        let mut x = vec![0.0; self.cols];
        x[column] = 1.0;
        let d: Vec<f32> = v.iter().map(|v| -v).collect();
        let before = self.ledger.pulses();
        self.update(&x, &d, 1, rate, update)?;
        self.ledger.transfer_pulses += self.ledger.pulses() - before;
        Ok(())
    }
}
