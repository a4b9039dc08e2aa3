//! Zero-shifting (Algorithm 1): pulses drive every cell to its symmetric point; where it ends is the estimate.

use std::time::{Duration, Instant};

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
    let truth = array.symmetric_point()?;
    let every = if record_every == 0 { pulses } else { record_every };
    let mut windows = 1;
    let mut trace = Vec::new();
    let mut sent = 0;
    while sent < pulses {
        let recorded = sent / every * every;
        let record_at = recorded.saturating_add(every).min(pulses);
        let fidelity = array.fidelity_of(fidelity, record_at - recorded)?;
        // Chunks end where windows end and share a fidelity: however long they are, the bits are the same.
        let count = array.until_window(windows).min(u64::from(record_at - sent)) as u32;
        let directions = match scheme {
            Scheme::Cyclic if sent % 2 == 0 => Directions::Alternate,
            Scheme::Cyclic => Directions::AlternateDown,
            Scheme::Stochastic => Directions::Random,
        };
        let begun = Instant::now();
        array.pulse_at(directions, count, fidelity)?;
        sent += count;
        // How long a pulse takes depends on the device and on how many pulses compose.
        if begun.elapsed() < PACE {
            windows = (2 * windows).min(LONGEST);
        } else {
            windows = (windows / 2).max(1);
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

/// Time of a chunk below which the next may be twice as long; in between nobody is asked for an interruption.
const PACE: Duration = Duration::from_millis(25);
/// Windows in the longest chunk.
const LONGEST: u64 = 1 << 20;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Device, Population, SoftBounds};
    use crate::par::Threads;
    use crate::rng::Key;

    /// Chunks are as long as the machine is fast: also where they leave a few pulses over, the bits are those of one call.
    #[test]
    fn chunks_leave_no_trace() {
        let array = || {
            let population = Population { dw_min: 1e-4, ..Population::default() };
            let device = Device::SoftBounds(SoftBounds { population, ..SoftBounds::default() });
            CrossbarArray::new((5, 7), device, Key::from_seed([3; 4]), Threads::ONE, false).unwrap()
        };
        for (every, calls) in [(0, 1), (131, 3), (5, 60)] {
            let count = if every == 0 { 386 } else { every };
            let (mut shifted, mut pulsed) = (array(), array());
            zero_shift(&mut shifted, calls * count, Scheme::Stochastic, every, Fidelity::Auto, || false).unwrap();
            for _ in 0..calls {
                pulsed.pulse_at(Directions::Random, count, Fidelity::Auto).unwrap();
            }
            assert_eq!(shifted.weights(), pulsed.weights(), "{calls} calls with {count} pulses");
        }
    }
}
