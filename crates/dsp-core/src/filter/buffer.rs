//! The pulse buffer `H`: accumulates what was read and lets whole pulses through.

use crate::error::Result;
use crate::simd::math::clip;
use crate::snapshot::State;

/// Digital buffer of an array, stored column after column, since transfers work on columns.
#[derive(Clone, Debug)]
pub struct PulseBuffer {
    values: Vec<f32>,
    rows: usize,
    threshold: f32,
    momentum: f32,
    forget: bool,
}

impl PulseBuffer {
    /// A buffer of zeros that releases a pulse at `threshold`; what stays is `momentum` times the content (`forget`), or
    /// the content less `1 - momentum` thresholds.
    #[must_use]
    pub fn new(rows: usize, cols: usize, threshold: f32, momentum: f32, forget: bool) -> Self {
        Self { values: vec![0.0; rows * cols], rows, threshold, momentum, forget }
    }

    /// Adds `increments` to a column and writes the released pulses, -1, 0 or +1, into `pulses`.
    pub fn accumulate(&mut self, column: usize, increments: impl Iterator<Item = f32>, pulses: &mut [i8]) {
        let column = &mut self.values[column * self.rows..(column + 1) * self.rows];
        for ((h, pulse), increment) in column.iter_mut().zip(pulses).zip(increments) {
            let content = clip(*h + increment, -f32::MAX, f32::MAX);
            *pulse = 0;
            *h = content;
            if content.abs() >= self.threshold {
                *pulse = if content > 0.0 { 1 } else { -1 };
                *h = if self.forget {
                    self.momentum * content
                } else {
                    content - (1.0 - self.momentum) * f32::from(*pulse) * self.threshold
                };
            }
        }
    }

    /// The contents, column after column.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The complete state.
    #[must_use]
    pub fn snapshot(&self) -> State {
        let Self { values, rows, threshold: _, momentum: _, forget: _ } = self;
        let mut state = State::default();
        state.set_plane("values", &[values.len() / rows, *rows], values.clone());
        state
    }

    /// A buffer like this one in another state.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`].
    pub fn restored(&self, mut from: State) -> Result<Self> {
        let Self { ref values, rows, threshold, momentum, forget } = *self;
        let values = from.plane("values", &[values.len() / rows, rows])?;
        from.finish()?;
        Ok(Self { values, rows, threshold, momentum, forget })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_one_pulse_and_forgets() {
        let mut pulses = [0; 2];
        let mut buffer = PulseBuffer::new(2, 1, 1.0, 0.1, true);
        buffer.accumulate(0, [0.6, -3.7].into_iter(), &mut pulses);
        assert_eq!(pulses, [0, -1]);
        assert_eq!(buffer.values(), [0.6, -0.37]);
        buffer.accumulate(0, [0.6, 0.0].into_iter(), &mut pulses);
        assert_eq!(pulses, [1, 0]);
        assert!((buffer.values()[0] - 0.12).abs() < 1e-7);
    }

    #[test]
    fn keeps_the_excess_when_asked() {
        let mut pulses = [0; 1];
        let mut buffer = PulseBuffer::new(1, 1, 0.5, 0.0, false);
        buffer.accumulate(0, [1.7].into_iter(), &mut pulses);
        assert_eq!((pulses, buffer.values()[0]), ([1], 1.2));
    }
}
