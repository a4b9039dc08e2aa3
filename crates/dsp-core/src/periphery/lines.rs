//! What differs from output line to output line and stays as it is for the life of an array.
//!
//! Drawn anew for every read from the array's key, the direction and the line, so there is nothing to store: equal fields
//! give equal lines.

use super::Periphery;
use super::read::{Context, Direction};
use crate::rng::Purpose;
use crate::rng::fill::fill_normals;

/// Properties of every output line; empty where all lines are alike.
pub struct Lines {
    /// Standard deviation of the output noise.
    noise: Vec<f32>,
    /// Curvature of the output stage; empty where it is straight.
    curvature: Vec<f32>,
    /// Slope of the output stage at zero: what calibrates the curvature and the series resistance.
    slope: f32,
    /// Voltage offset; empty where there is neither an offset nor a series resistance.
    pub offset: Vec<f32>,
}

impl Lines {
    /// The lines of one direction.
    pub fn draw(periphery: &Periphery, context: Context, direction: Direction, outputs: usize) -> Self {
        let normals = |purpose| {
            let mut xi = vec![0.0; outputs];
            fill_normals(context.isa, context.key.stream(purpose, direction as u64), 0, 0, &mut xi);
            xi
        };
        let line = |purpose, needed: bool, property: &dyn Fn(f32) -> f32| -> Vec<f32> {
            if needed { normals(purpose).into_iter().map(property).collect() } else { Vec::new() }
        };
        let Periphery { out_bound, out_noise, out_noise_std, out_nonlinearity, v_offset_std, r_series, .. } =
            *periphery;
        let spread = |mean: f64, std: f64| move |xi: f32| (mean as f32 * (1.0 + std as f32 * xi)).abs();
        let noisy = out_noise > 0.0 && out_noise_std > 0.0;
        let noise = line(Purpose::LineNoise, noisy, &spread(out_noise, out_noise_std));
        let bend = spread(out_nonlinearity / out_bound, periphery.out_nonlinearity_std);
        let mut curvature = line(Purpose::LineCurvature, out_nonlinearity > 0.0, &bend);
        let offset = |xi: f32| if xi > 0.0 { v_offset_std as f32 * xi } else { 0.0 };
        let offset = line(Purpose::LineOffset, v_offset_std > 0.0 || r_series > 0.0, &offset);
        let mean = curvature.iter().map(|n| f64::from(*n)).sum::<f64>() / outputs as f64;
        let slope = 1.0 + (mean + r_series) * periphery.slope_calibration * out_bound;
        let slope = (slope * slope) as f32;
        if slope != 1.0 && curvature.is_empty() {
            curvature = vec![0.0; outputs];
        }
        Self { noise, curvature, slope, offset }
    }

    /// `y <- slope y / (1 + |n_i y|)` for `y` (vectors, outputs).
    pub fn bend(&self, y: &mut [f32], outputs: usize) {
        if self.curvature.is_empty() {
            return;
        }
        for y in y.chunks_exact_mut(outputs) {
            for (v, n) in y.iter_mut().zip(&self.curvature) {
                *v = self.slope * *v / (1.0 + (n * *v).abs());
            }
        }
    }

    /// Standard deviation of every line's noise, where lines differ.
    pub fn noise(&self) -> Option<&[f32]> {
        (!self.noise.is_empty()).then_some(&self.noise)
    }
}
