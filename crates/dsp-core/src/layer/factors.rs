//! The digital factors between a tile and the layer around it.

use crate::par::stop;

/// The digital factors of one tile.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// Weight scaling `a`, one number an output; empty stands for 1.
    pub scale: Vec<f32>,
    /// Output scale `s`.
    pub gain: f64,
}

impl Default for Factors {
    fn default() -> Self {
        Self { scale: Vec::new(), gain: 1.0 }
    }
}

impl Factors {
    /// `values` (batch, outputs) times `s a`.
    pub(super) fn forth(&self, values: &[f32]) -> Vec<f32> {
        self.times(values, |a| a)
    }

    /// `values` (batch, outputs) times `s / a`.
    pub(super) fn back(&self, values: &[f32]) -> Vec<f32> {
        self.times(values, |a| 1.0 / a)
    }

    fn times(&self, values: &[f32], factor: impl Fn(f32) -> f32) -> Vec<f32> {
        let gain = self.gain as f32;
        let factors: Vec<f32> = self.scale.iter().map(|a| factor(*a) * gain).collect();
        let mut times = Vec::with_capacity(values.len());
        for piece in stop::pieces(values, factors.len().max(1)) {
            if factors.is_empty() {
                times.extend(piece.iter().map(|v| v * gain));
            } else {
                let rows = piece.chunks_exact(factors.len());
                rows.for_each(|row| times.extend(row.iter().zip(&factors).map(|(v, f)| v * f)));
            }
        }
        times
    }
}

/// The sum of products, which a learned gain descends, in sixteen partial sums of fixed order.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 16];
    for (a, b) in stop::pieces(a, 16).zip(stop::pieces(b, 16)) {
        for (a, b) in a.chunks(16).zip(b.chunks(16)) {
            for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
                *sum += f64::from(*a) * f64::from(*b);
            }
        }
    }
    sums.iter().sum()
}
