//! Reading an array, or several as one.

use super::CrossbarArray;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::periphery::{Direction, Periphery, read};
use crate::vectors::Vectors;

/// What reads leave in an array.
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    clock: u64,
    averages: [f32; 2],
    forward: u64,
    backward: u64,
}

impl CrossbarArray {
    /// What reads have left so far.
    #[must_use]
    pub fn reads(&self) -> Reads {
        let Ledger { forward_reads: forward, backward_reads: backward, .. } = self.ledger;
        Reads { clock: self.reads, averages: self.averages, forward, backward }
    }

    /// Puts back what reads had left `before`: those since then have not been.
    pub fn unread(&mut self, before: Reads) {
        (self.reads, self.averages) = (before.clock, before.averages);
        (self.ledger.forward_reads, self.ledger.backward_reads) = (before.forward, before.backward);
    }

    /// Reads `y = W x` forward for a batch (B, N) -> (B, M), or `W^T d` backward.
    ///
    /// # Errors
    /// [`Error`] for wrong lengths or values that are not finite.
    pub fn read(
        &mut self,
        direction: Direction,
        input: &dyn Vectors,
        batch: usize,
        periphery: &Periphery,
    ) -> Result<Vec<f32>> {
        self.read_mixed(&[], direction, input, batch, periphery)
    }

    /// Reads `mixed` weights of this shape, unless there are none, in place of the array's own: one analog read of several
    /// arrays at once.
    ///
    /// # Errors
    /// [`Error`] for wrong lengths or values that are not finite.
    pub fn read_mixed(
        &mut self,
        mixed: &[f32],
        direction: Direction,
        input: &dyn Vectors,
        batch: usize,
        periphery: &Periphery,
    ) -> Result<Vec<f32>> {
        let own = if self.apparent.is_empty() { &self.state } else { &self.apparent };
        let weights = if mixed.is_empty() { own } else { mixed };
        let matrix = read::Matrix { weights, rows: self.rows, cols: self.cols };
        let context = read::Context { key: self.key, step: self.reads, isa: self.isa, threads: self.threads };
        let (y, vectors) =
            read::read(matrix, direction, input, batch, periphery, context, &mut self.averages[direction as usize])?;
        self.reads += 1;
        match direction {
            Direction::Forward => self.ledger.forward_reads += vectors,
            Direction::Backward => self.ledger.backward_reads += vectors,
        }
        Ok(y)
    }

    /// Reads column `column` through a one-hot input into `out` (M values).
    pub fn read_column(&mut self, column: usize, periphery: &Periphery, out: &mut [f32]) {
        self.ledger.column_reads += periphery.passes();
        let matrix = read::Matrix { weights: self.weights(), rows: self.rows, cols: self.cols };
        let context = read::Context { key: self.key, step: self.reads, isa: self.isa, threads: self.threads };
        read::column(matrix, column, periphery, context, out);
        self.reads += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Device, SoftBounds};
    use crate::par::Threads;
    use crate::rng::Key;

    /// Weights are zero, so an output is its noise.
    #[test]
    fn reads_of_columns_and_of_batches_take_turns_on_one_clock() {
        let device = Device::SoftBounds(SoftBounds::default());
        let mut array = CrossbarArray::new((40, 2), device, Key::from_seed([1; 4]), Threads::ONE, false).unwrap();
        let periphery = Periphery::default();
        let mut noise = Vec::new();
        for read in 0..4 {
            if read % 2 == 0 {
                let mut column = vec![0.0; 40];
                array.read_column(1, &periphery, &mut column);
                noise.push(column);
            } else {
                noise.push(array.read(Direction::Forward, &[1.0, 0.5], 1, &periphery).unwrap());
            }
        }
        assert_eq!(array.reads, 4);
        assert!(noise.iter().all(|values| values.iter().any(|v| *v != 0.0)));
        for (at, values) in noise.iter().enumerate() {
            assert!(!noise[..at].contains(values), "read {at} repeats the noise of an earlier one");
        }
    }
}
