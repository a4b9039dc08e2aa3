//! Reading an array, or several as one.

use super::CrossbarArray;
use crate::error::Result;
use crate::periphery::{Direction, Periphery, read};

impl CrossbarArray {
    /// Reads `y = W x` forward for a batch (B, N) -> (B, M), or `W^T d` backward.
    ///
    /// # Errors
    /// [`Error`] for wrong lengths or values that are not finite.
    pub fn read(
        &mut self,
        direction: Direction,
        input: &[f32],
        batch: usize,
        periphery: &Periphery,
    ) -> Result<Vec<f32>> {
        let weights = if self.apparent.is_empty() { &self.state } else { &self.apparent };
        let matrix = read::Matrix { weights, rows: self.rows, cols: self.cols };
        let context = read::Context { key: self.key, step: self.reads, isa: self.isa, threads: self.threads };
        let (y, vectors) =
            read::read(matrix, direction, input, batch, periphery, context, &mut self.averages[direction as usize])?;
        Ok(self.account(direction, y, vectors))
    }

    /// Reads `mixed` weights of this shape in place of the array's own: one analog read of several arrays at once.
    ///
    /// # Errors
    /// [`Error`] for wrong lengths or values that are not finite.
    pub fn read_mixed(
        &mut self,
        mixed: &[f32],
        direction: Direction,
        input: &[f32],
        batch: usize,
        periphery: &Periphery,
    ) -> Result<Vec<f32>> {
        let matrix = read::Matrix { weights: mixed, rows: self.rows, cols: self.cols };
        let context = read::Context { key: self.key, step: self.reads, isa: self.isa, threads: self.threads };
        let (y, vectors) =
            read::read(matrix, direction, input, batch, periphery, context, &mut self.averages[direction as usize])?;
        Ok(self.account(direction, y, vectors))
    }

    /// Counts a read of `vectors` vectors.
    fn account(&mut self, direction: Direction, y: Vec<f32>, vectors: u64) -> Vec<f32> {
        self.reads += 1;
        match direction {
            Direction::Forward => self.ledger.forward_reads += vectors,
            Direction::Backward => self.ledger.backward_reads += vectors,
        }
        y
    }

    /// Reads column `column` through a one-hot input into `out` (M values).
    pub fn read_column(&mut self, column: usize, periphery: &Periphery, out: &mut [f32]) {
        self.reads += 1;
        self.ledger.column_reads += periphery.passes();
        let matrix = read::Matrix { weights: self.weights(), rows: self.rows, cols: self.cols };
        let context = read::Context { key: self.key, step: self.reads, isa: self.isa, threads: self.threads };
        read::column(matrix, column, periphery, context, out);
    }
}
