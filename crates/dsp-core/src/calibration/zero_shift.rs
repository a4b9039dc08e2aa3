//! Zero-shifting (Algorithm 1): pulses drive every cell to its symmetric point; where it ends is the estimate.

use crate::array::{CrossbarArray, Directions};
use crate::config::choices;
use crate::error::{Result, check_room};
use crate::pulse::Fidelity;

choices! {
    /// Directions of the pulses.
    pub enum Scheme {
        /// Up, down, up, down, ... (31).
        Cyclic = "cyclic",
        /// Up or down with probability 1/2, independently for every cell and pulse (7).
        Stochastic = "stochastic",
    }
}

/// The state of the calibration after some pulses; sums are over cells that have a symmetric point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Pulses sent to every cell.
    pub pulses: u32,
    /// Mean of the weights.
    pub mean: f64,
    /// Standard deviation of the weights between cells.
    pub std: f64,
    /// Mean of the true symmetric points less mean of the weights.
    pub offset_mean: f64,
    /// Standard deviation of the true symmetric points less that of the weights.
    pub offset_std: f64,
    /// Root mean square of weight less true symmetric point.
    pub rms_error: f64,
}

/// What a calibration found.
#[derive(Clone, Debug, PartialEq)]
pub struct ZeroShift {
    /// The weights at the end: the estimated symmetric points, in C order.
    pub estimate: Vec<f32>,
    /// The course of the calibration.
    pub trace: Vec<Record>,
}

/// Sends `pulses` pulses to every cell, recording after every `record_every` of them (0: only at the end).
///
/// `interrupted` is asked between chunks of pulses; if it says yes, the array stays as it then is and `None` returns.
///
/// # Errors
/// [`crate::Error::Memory`] if the pulses are traced and there is no room for them;
/// [`crate::Error::Parameter`] if composed pulses are asked of an array that traces single ones.
pub fn zero_shift(
    array: &mut CrossbarArray,
    pulses: u32,
    scheme: Scheme,
    record_every: u32,
    fidelity: Fidelity,
    mut interrupted: impl FnMut() -> bool,
) -> Result<Option<ZeroShift>> {
    array.check_trace(pulses)?;
    check_room(array.weights().len().saturating_mul(8), "the estimate")?;
    let directions = match scheme {
        Scheme::Cyclic => Directions::Alternate,
        Scheme::Stochastic => Directions::Random,
    };
    let truth = array.symmetric_point();
    // Even chunks, so that alternation goes on across them.
    let cells = array.weights().len();
    let chunk = ((CHUNK / cells.max(1)) as u32).max(1) * 2;
    let mut trace = Vec::new();
    let mut sent = 0;
    while sent < pulses {
        let record_at =
            sent.checked_div(record_every).map_or(pulses, |done| (done + 1).saturating_mul(record_every).min(pulses));
        let count = chunk.min(record_at - sent);
        // An odd number sent so far means that the next pulse of an alternation is a down pulse.
        if scheme == Scheme::Cyclic && sent % 2 == 1 {
            array.pulse_at(Directions::Down, 1, fidelity)?;
            sent += 1;
        } else {
            array.pulse_at(directions, count, fidelity)?;
            sent += count;
        }
        if sent == record_at {
            trace.push(record(array.weights(), &truth, sent));
        }
        if sent < pulses && interrupted() {
            return Ok(None);
        }
    }
    Ok(Some(ZeroShift { estimate: array.weights().to_vec(), trace }))
}

/// Pulses in one uninterruptible chunk, over all cells: some 50 ms of work.
const CHUNK: usize = 20_000_000;

fn record(weights: &[f32], truth: &[f32], pulses: u32) -> Record {
    let pairs =
        || weights.iter().zip(truth).filter(|(_, t)| t.is_finite()).map(|(w, t)| (f64::from(*w), f64::from(*t)));
    let n = pairs().count() as f64;
    let average = |f: &dyn Fn(f64, f64) -> f64| pairs().map(|(w, t)| f(w, t)).sum::<f64>() / n;
    let (mean, true_mean) = (average(&|w, _| w), average(&|_, t| t));
    let std = average(&|w, _| (w - mean).powi(2)).sqrt();
    let true_std = average(&|_, t| (t - true_mean).powi(2)).sqrt();
    Record {
        pulses,
        mean,
        std,
        offset_mean: true_mean - mean,
        offset_std: true_std - std,
        rms_error: average(&|w, t| (w - t).powi(2)).sqrt(),
    }
}
