//! The mean negative log-probability of the true classes, and its gradient where these come from a softmax.

use super::activation::{Function, apply, log_softmax};
use crate::simd::Isa;

/// `-(1/B) sum_b log_p[b][labels[b]]` of log-probabilities (B, classes), summed in double precision; none if a label is no
/// class.
#[must_use]
pub fn mean(log_p: &[f32], classes: usize, labels: &[i64]) -> Option<f64> {
    let mut sum = 0.0;
    for (row, label) in log_p.chunks_exact(classes).zip(labels) {
        sum += f64::from(*row.get(usize::try_from(*label).ok()?)?);
    }
    Some(-sum / labels.len() as f64)
}

/// Log-probabilities of logits `x` (B, classes), and their [`mean`].
#[must_use]
pub fn cross_entropy(isa: Isa, x: Vec<f32>, classes: usize, labels: &[i64]) -> (Vec<f32>, Option<f64>) {
    let log_p = log_softmax(isa, x, classes);
    let loss = mean(&log_p, classes, labels);
    (log_p, loss)
}

/// `dL/dx = (softmax(x) - onehot(labels)) / B` of [`cross_entropy`]; none if a label is no class.
#[must_use]
pub fn cross_entropy_backward(isa: Isa, log_p: Vec<f32>, classes: usize, labels: &[i64]) -> Option<Vec<f32>> {
    let mut gradient = apply(isa, Function::Exp, log_p);
    for (row, label) in gradient.chunks_exact_mut(classes).zip(labels) {
        *row.get_mut(usize::try_from(*label).ok()?)? -= 1.0;
    }
    let share = (1.0 / labels.len() as f64) as f32;
    gradient.iter_mut().for_each(|g| *g *= share);
    Some(gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_difference_quotient_and_labels_are_classes() {
        let isa = Isa::machine();
        let (x, labels) = (vec![0.3_f32, -1.0, 2.0, 0.0, 0.5, -0.25], [2_i64, 0]);
        let loss = |x: Vec<f32>| cross_entropy(isa, x, 3, &labels).1.unwrap();
        let (log_p, _) = cross_entropy(isa, x.clone(), 3, &labels);
        let gradient = cross_entropy_backward(isa, log_p.clone(), 3, &labels).unwrap();
        for (k, g) in gradient.iter().enumerate() {
            let shifted = |by: f32| {
                let mut x = x.clone();
                x[k] += by;
                loss(x)
            };
            assert!(((shifted(0.01) - shifted(-0.01)) / 0.02 - f64::from(*g)).abs() < 1e-4);
        }
        for wrong in [[3, 0], [0, -1]] {
            assert!(mean(&log_p, 3, &wrong).is_none());
            assert!(cross_entropy_backward(isa, log_p.clone(), 3, &wrong).is_none());
        }
    }
}
