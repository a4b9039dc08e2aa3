//! Write and verify: read every cell, send a pulse towards the target, until all are close or the budget is spent.

use super::{CrossbarArray, Directions};
use crate::error::{Error, Result, check_finite, check_len, check_room};
use crate::periphery::Periphery;

/// What programming reached and spent, per cell in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Programmed {
    /// Pulses sent to each cell.
    pub pulses: Vec<i64>,
    /// Apparent weight less target at the end.
    pub residual: Vec<f32>,
    /// Whether the last read of the cell was within the tolerance.
    pub converged: Vec<bool>,
    /// Rounds of reading used.
    pub rounds: u32,
}

impl CrossbarArray {
    /// Programs the weights `target` by pulses. Each round reads all columns through `read` and pulses the cells that are
    /// further than `tolerance` from their target once, towards it; at most `max_rounds` rounds. `interrupted` is asked before
    /// every read; if it says yes, the array stays as it then is and `None` returns.
    ///
    /// # Errors
    /// [`Error`] for a wrong length, values that are not finite, or a tolerance that is not positive.
    pub fn program(
        &mut self,
        target: &[f32],
        tolerance: f64,
        max_rounds: u32,
        read: &Periphery,
        mut interrupted: impl FnMut() -> bool,
    ) -> Result<Option<Programmed>> {
        check_len("target", target.len(), self.rows, self.cols)?;
        check_finite("target", target)?;
        if !(tolerance.is_finite() && tolerance > 0.0) {
            return Err(Error::parameter("tolerance", tolerance, "a finite number > 0"));
        }
        check_room(target.len().saturating_mul(32), "the program")?;
        let (rows, cols) = self.shape();
        let mut pulses = vec![0; target.len()];
        let mut mask = vec![0_i8; target.len()];
        let mut column = vec![0.0; rows];
        let mut rounds = 0;
        while rounds < max_rounds {
            rounds += 1;
            for j in 0..cols {
                if interrupted() {
                    return Ok(None);
                }
                self.read_column(j, read, &mut column);
                for (i, value) in column.iter().enumerate() {
                    let missing = f64::from(target[i * cols + j] - value);
                    mask[i * cols + j] = if missing.abs() <= tolerance { 0 } else { missing.signum() as i8 };
                }
            }
            if mask.iter().all(|sign| *sign == 0) || rounds == max_rounds {
                break;
            }
            for (count, sign) in pulses.iter_mut().zip(&mask) {
                *count += i64::from(*sign != 0);
            }
            self.pulse(Directions::Mask(&mask), 1)?;
        }
        let residual = self.weights().iter().zip(target).map(|(w, t)| w - t).collect();
        let converged = mask.iter().map(|sign| *sign == 0).collect();
        Ok(Some(Programmed { pulses, residual, converged, rounds }))
    }
}
