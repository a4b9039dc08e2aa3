//! Composed pulses follow the law of single ones. Trains that always fire give every cell the same pulses, so that the
//! distances below are of the cycle noise alone and not hidden under the spread of counts.

use super::laws::{CELLS, array, assert_same_law, uniform};
use super::slow::{Shape, SlowCell, SlowRng};
use crate::array::{CrossbarArray, Directions};
use crate::device::{ConstantStep, Device, LinearStep, Population, SoftBounds, SoftBoundsReference};
use crate::pulse::{Fidelity, PulseUpdate};
use crate::simd::Isa;

/// Equal cells of a fine device.
fn fine(noise: f64) -> Population {
    Population {
        w_max: 0.5,
        w_min: -0.4,
        w_max_dtod: 0.0,
        w_min_dtod: 0.0,
        dw_min: 0.001,
        dw_min_dtod: 0.0,
        up_down_dtod: 0.0,
        dw_min_std: noise,
        ..Population::default()
    }
}

/// Every model that composes, with noise of either kind, and its slow twin.
fn models() -> Vec<(Device, SlowCell)> {
    let twin = |shape, noise, additive| SlowCell { shape, low: -0.4, high: 0.5, step: 0.001, noise, additive };
    let linear = LinearStep {
        population: fine(0.7),
        gamma_up: 0.6,
        gamma_down: 0.6,
        gamma_up_dtod: 0.0,
        gamma_down_dtod: 0.0,
        mult_noise: false,
        ..LinearStep::default()
    };
    let reference = SoftBoundsReference { population: fine(3.75), ..SoftBoundsReference::default() };
    let soft = |noise, mult_noise| {
        Device::SoftBounds(SoftBounds { population: fine(noise), mult_noise, ..SoftBounds::default() })
    };
    vec![
        (Device::ConstantStep(ConstantStep { population: fine(0.3) }), twin(Shape::Constant, 0.3, false)),
        (soft(0.4, true), twin(Shape::Linear(1.0), 0.4, false)),
        (soft(1.0, false), twin(Shape::Linear(1.0), 1.0, true)),
        (Device::SoftBoundsReference(reference), twin(Shape::Linear(1.0), 3.75, true)),
        (Device::LinearStep(linear), twin(Shape::Linear(0.6), 0.7, true)),
    ]
}

/// Far from the bounds, near one, and at one.
const STARTS: [f32; 4] = [0.0, 0.47, 0.4999, -0.4];

fn started(device: &Device, start: f32) -> CrossbarArray {
    let mut array = array(device, (CELLS, 1), 2);
    array.set_weights(&vec![start; CELLS]).unwrap();
    array
}

/// Whether the pulses of a vector go up.
type Pattern = fn(usize) -> bool;

const THIRD: Pattern = |vector| vector % 3 == 0;

/// Starts and patterns of updates: two thirds down from everywhere, then near a bound pulses that push against it, all of
/// one sign or most of them, and pulses of both signs that keep the cell there.
const COURSES: [(f32, Pattern); 9] = [
    (STARTS[0], THIRD),
    (STARTS[1], THIRD),
    (STARTS[2], THIRD),
    (STARTS[3], THIRD),
    (0.49, |_| true),
    (0.49, |vector| vector % 2 == 0),
    (-0.39, |vector| vector % 2 == 0),
    (-0.39, THIRD),
    (0.3, |vector| vector % 4 != 0),
];

/// Twenty vectors, all slots of which fire.
fn certain_update(device: &Device, up: Pattern) -> (Vec<f32>, Vec<f32>, PulseUpdate) {
    let update = PulseUpdate {
        update_management: false,
        update_bl_management: false,
        fidelity: Fidelity::Composed,
        ..PulseUpdate::default()
    };
    let large = 2.0 * (device.granularity() as f32 * 31.0).sqrt();
    let d = (0..20).flat_map(|b| vec![if up(b) { large } else { -large }; CELLS]).collect();
    (vec![-large; 20], d, update)
}

#[test]
fn composed_coincidences_follow_the_slow_law() {
    for (i, (device, twin)) in models().iter().enumerate() {
        for (course, (start, pattern)) in COURSES.into_iter().enumerate() {
            let (x, d, update) = certain_update(device, pattern);
            let mut array = started(device, start);
            array.update(&x, &d, 20, 1.0, &update).unwrap();
            let mut rng = SlowRng(400 + i as u64);
            let slow =
                || (0..20 * 31).fold(f64::from(start), |v, slot| twin.pulse(v, pattern(slot / 31), rng.normal()));
            assert_same_law(array.weights(), slow, &format!("model {i} on course {course}"));
            let (up, down) = array.pulse_counts().unwrap();
            let ups = 31 * (0..20).filter(|vector| pattern(*vector)).count() as i64;
            assert!(up.iter().all(|n| *n == ups) && down.iter().all(|n| *n == 20 * 31 - ups));
            assert_eq!(array.ledger().pulses_up, ups as u64 * CELLS as u64);
        }
    }
}

#[test]
fn composed_pulses_of_a_whole_array_follow_the_slow_law() {
    for (i, (device, twin)) in models().iter().enumerate() {
        for start in STARTS {
            for (directions, pulses) in [(Directions::Alternate, 300), (Directions::Up, 130), (Directions::Random, 150)]
            {
                let mut array = started(device, start);
                array.pulse_at(directions, pulses, Fidelity::Composed).unwrap();
                let mut rng = SlowRng(500 + i as u64);
                let slow = || {
                    (0..pulses).fold(f64::from(start), |v, n| {
                        let up = match directions {
                            Directions::Alternate => n % 2 == 0,
                            Directions::Random => rng.uniform() < 0.5,
                            _ => true,
                        };
                        twin.pulse(v, up, rng.normal())
                    })
                };
                assert_same_law(array.weights(), slow, &format!("model {i} from {start}, {directions:?}"));
            }
        }
    }
}

#[test]
fn without_noise_composed_pulses_are_the_pulses() {
    let device = Device::SoftBounds(SoftBounds { population: fine(0.0), ..SoftBounds::default() });
    let twin = SlowCell { shape: Shape::Linear(1.0), low: -0.4, high: 0.5, step: 0.001, noise: 0.0, additive: false };
    for start in STARTS {
        let (x, d, update) = certain_update(&device, THIRD);
        let mut array = started(&device, start);
        array.update(&x, &d, 20, 1.0, &update).unwrap();
        array.pulse_at(Directions::Alternate, 301, Fidelity::Composed).unwrap();
        let updated = (0..20 * 31).fold(f64::from(start), |v, slot| twin.pulse(v, (slot / 31) % 3 == 0, 0.0));
        let expected = (0..301).fold(updated, |v, n| twin.pulse(v, n % 2 == 0, 0.0));
        assert!(array.weights().iter().all(|w| (f64::from(*w) - expected).abs() < 1e-6), "from {start}");
    }
}

/// Cells of all kinds: some with bounds as small as their steps, some that do not compose, some at a bound.
fn everything(device: &Device, threads: usize, isa: Isa, fidelity: Fidelity) -> (Vec<f32>, Vec<i64>, Vec<i64>) {
    let (rows, cols, batch) = (60, 150, 40);
    let mut array = array(device, (rows, cols), threads).at_level(isa);
    let (x, d) = (uniform(batch * cols, 1), uniform(batch * rows, 2));
    let mask: Vec<i8> = (0..rows * cols).map(|i| (i % 3) as i8 - 1).collect();
    array.set_weights(&uniform(rows * cols, 3)).unwrap();
    array.pulse_at(Directions::Random, 261, fidelity).unwrap();
    array.pulse_at(Directions::Mask(&mask), 70, fidelity).unwrap();
    array.update(&x, &d, batch, 0.05, &PulseUpdate { fidelity, ..PulseUpdate::default() }).unwrap();
    let (up, down) = array.pulse_counts().unwrap();
    (array.weights().to_vec(), up.to_vec(), down.to_vec())
}

#[test]
fn composed_bits_do_not_depend_on_threads_or_level_and_counts_not_on_the_fidelity() {
    for mult_noise in [false, true] {
        let population = Population { dw_min: 0.002, w_max_dtod: 1.0, up_down_dtod: 0.1, ..fine(0.3) };
        let device = Device::SoftBounds(SoftBounds { population, mult_noise, ..SoftBounds::default() });
        let (weights, up, down) = everything(&device, 1, Isa::Base, Fidelity::Composed);
        for isa in Isa::available() {
            for threads in [1, 2, 3, 7] {
                let found = everything(&device, threads, isa, Fidelity::Auto);
                assert_eq!(found, (weights.clone(), up.clone(), down.clone()), "{isa:?} on {threads} threads");
            }
        }
        let (singles, up_singly, down_singly) = everything(&device, 1, Isa::Base, Fidelity::Pulse);
        assert_ne!(singles, weights, "nothing was composed");
        assert_eq!((up_singly, down_singly), (up, down));
        let fresh = array(&device, (60, 150), 1);
        for (i, weight) in weights.iter().enumerate() {
            let cell = fresh.parameters().cell(i);
            assert!((cell.min_bound..=cell.max_bound).contains(weight));
        }
    }
}

#[test]
fn a_traced_array_sends_single_pulses() {
    let (device, _) = &models()[2];
    let mut traced = array(device, (20, 1), 1);
    let mut plain = traced.clone();
    traced.trace(vec![3]).unwrap();
    assert!(traced.pulse_at(Directions::Up, 100, Fidelity::Composed).is_err());
    traced.pulse_at(Directions::Up, 100, Fidelity::Auto).unwrap();
    plain.pulse_at(Directions::Up, 100, Fidelity::Pulse).unwrap();
    assert_eq!(traced.weights(), plain.weights());
    assert_eq!(traced.traced().len(), 100);
}
