//! Noise of the weights during one read, referred to the outputs (02 section 3.6).

use super::read::{Context, Vector};
use super::{Periphery, WeightNoise};
use crate::rng::Purpose;
use crate::rng::fill::fill_normals;

impl Periphery {
    /// Whether reads have weight noise of this kind.
    pub(super) fn has_weight_noise(&self, kind: WeightNoise) -> bool {
        self.w_noise > 0.0 && self.w_noise_type == kind
    }
}

/// Adds noise of standard deviation `w_noise ||v||` to the outputs `y` (vectors, outputs) of the prepared inputs `v`.
pub fn additive_constant(periphery: &Periphery, context: Context, vectors: &[Vector], v: &[f32], y: &mut [f32]) {
    let (inputs, outputs) = (v.len() / vectors.len(), y.len() / vectors.len());
    let xi = context.draw(fill_normals, Purpose::ReadWeight, vectors, outputs);
    for ((v, y), xi) in v.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)).zip(xi.chunks_exact(outputs)) {
        let norm = v.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        let noise = (periphery.w_noise * norm) as f32;
        y.iter_mut().zip(xi).for_each(|(y, xi)| *y += noise * xi);
    }
}

/// Adds noise of standard deviation `w_noise sqrt(c_i)` to the outputs `y` (vectors, outputs), where
/// `c_i = sum_j |w_ij| v_j^2`.
pub fn pcm_read(periphery: &Periphery, context: Context, vectors: &[Vector], currents: &[f32], y: &mut [f32]) {
    let noise = periphery.w_noise as f32;
    let xi = context.draw(fill_normals, Purpose::ReadWeight, vectors, y.len() / vectors.len());
    for ((y, xi), current) in y.iter_mut().zip(xi).zip(currents) {
        *y += noise * current.sqrt() * xi;
    }
}
