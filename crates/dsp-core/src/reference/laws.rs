//! Contract 2: the kernels draw from the same distribution as the slow reference, and contract 1 on every path.

use super::slow::{Shape, SlowCell, SlowRng};
use super::statistics::ks_two_sample;
use crate::array::{CrossbarArray, Directions, Increment};
use crate::device::{
    ConstantStep, Device, ExpStep, Exponents, LinearStep, PiecewiseStep, Population, PowStep, PowStepReference,
    SoftBounds, SoftBoundsReference,
};
use crate::par::Threads;
use crate::periphery::{BoundManagement, Direction, MvType, NoiseManagement, Periphery, WeightNoise};
use crate::pulse::PulseUpdate;
use crate::rng::Key;
use crate::simd::Isa;

pub(super) const CELLS: usize = 20_000;

/// Equal cells: every one is a draw from the same law.
fn equal_cells(noise: f64) -> Population {
    Population {
        w_max: 0.5,
        w_min: -0.4,
        w_max_dtod: 0.0,
        w_min_dtod: 0.0,
        dw_min: 0.02,
        dw_min_dtod: 0.0,
        up_down_dtod: 0.0,
        dw_min_std: noise,
        ..Population::default()
    }
}

/// Every model with its slow twin, noise from none to several times the step.
fn models() -> Vec<(Device, SlowCell)> {
    let twin = |shape, noise, additive| SlowCell { shape, low: -0.4, high: 0.5, step: 0.02, noise, additive };
    let soft = |noise, mult_noise| {
        Device::SoftBounds(SoftBounds { population: equal_cells(noise), mult_noise, ..SoftBounds::default() })
    };
    let reference = |noise| SoftBoundsReference { population: equal_cells(noise), ..SoftBoundsReference::default() };
    let linear = LinearStep {
        population: equal_cells(0.7),
        gamma_up: 0.6,
        gamma_down: 0.6,
        gamma_up_dtod: 0.0,
        gamma_down_dtod: 0.0,
        mult_noise: false,
        ..LinearStep::default()
    };
    let exponential = ExpStep {
        population: equal_cells(0.5),
        A_up: 0.3,
        A_down: 0.3,
        gamma_up: 1.5,
        gamma_down: 1.5,
        a: 0.9,
        b: 0.1,
        ..ExpStep::default()
    };
    let exponents = Exponents { pow_gamma: 1.7, pow_gamma_dtod: 0.0, ..Exponents::default() };
    let power = PowStep { population: equal_cells(0.4), exponents: exponents.clone(), ..PowStep::default() };
    let power_reference = PowStepReference { population: equal_cells(1.5), exponents, ..PowStepReference::default() };
    const UP: [f64; 4] = [1.5, 0.5, 1.0, 0.25];
    const DOWN: [f64; 4] = [0.25, 1.25, 0.5, 1.75];
    let table = PiecewiseStep {
        population: equal_cells(0.6),
        piecewise_up: UP.map(|v| v as f32).to_vec(),
        piecewise_down: DOWN.map(|v| v as f32).to_vec(),
        ..PiecewiseStep::default()
    };
    vec![
        (Device::ConstantStep(ConstantStep { population: equal_cells(0.3) }), twin(Shape::Constant, 0.3, false)),
        (soft(0.5, true), twin(Shape::Linear(1.0), 0.5, false)),
        (soft(2.0, false), twin(Shape::Linear(1.0), 2.0, true)),
        (Device::SoftBoundsReference(reference(3.75)), twin(Shape::Linear(1.0), 3.75, true)),
        (Device::LinearStep(linear), twin(Shape::Linear(0.6), 0.7, true)),
        (Device::ExpStep(exponential), twin(Shape::Exponential(0.3, 1.5, 0.9, 0.1), 0.5, false)),
        (Device::PowStep(power), twin(Shape::Power(1.7), 0.4, false)),
        (Device::PowStepReference(power_reference), twin(Shape::Power(1.7), 1.5, false)),
        (Device::PiecewiseStep(table), twin(Shape::Table(&UP, &DOWN), 0.6, false)),
    ]
}

pub(super) fn array(device: &Device, shape: (usize, usize), threads: usize) -> CrossbarArray {
    let threads = Threads::new(Some(threads)).unwrap();
    CrossbarArray::new(shape, device.clone(), Key::from_seed([3, 1, 4, 1]), threads, true).unwrap()
}

pub(super) fn assert_same_law(fast: &[f32], slow: impl FnMut() -> f64, what: &str) {
    let n = fast.len();
    let mut fast: Vec<f64> = fast.iter().map(|v| f64::from(*v)).collect();
    // Rounded to f32 as the fast states are: cells at a bound form an atom, which must stand at the same number.
    let mut slow: Vec<f64> = std::iter::repeat_with(slow).take(n).map(|v| f64::from(v as f32)).collect();
    let distance = ks_two_sample(&mut fast, &mut slow);
    assert!(distance < 1.95 * (2.0 / n as f64).sqrt(), "{what}: KS distance {distance}");
}

#[test]
fn random_pulses_follow_the_slow_law() {
    for (i, (device, twin)) in models().iter().enumerate() {
        let mut array = array(device, (CELLS, 1), 2);
        array.pulse(Directions::Random, 37).unwrap();
        let mut rng = SlowRng(100 + i as u64);
        let slow = || {
            (0..37).fold(0.0, |v, _| {
                let up = rng.uniform() < 0.5;
                twin.pulse(v, up, rng.normal())
            })
        };
        assert_same_law(array.weights(), slow, "random pulses");
    }
}

/// Without update management line probabilities are `|v| sqrt(lr / (g BL))`: with the input side at 1 the counts of a
/// column's cells are independent binomials, which the two-sample test needs.
fn binomial_update(device: &Device, p: f32, batch: usize) -> (Vec<f32>, Vec<f32>, PulseUpdate) {
    let update = PulseUpdate { update_management: false, update_bl_management: false, ..PulseUpdate::default() };
    let scale = (1.0 / (device.granularity() as f32 * 31.0)).sqrt();
    let d = (0..batch).flat_map(|b| vec![if b % 3 == 0 { p / scale } else { -p / scale }; CELLS]).collect();
    (vec![1.0 / scale; batch], d, update)
}

#[test]
fn coincidences_follow_the_slow_law_on_the_sparse_and_the_dense_path() {
    for (i, (device, twin)) in models().iter().enumerate() {
        for (p, batch) in [(0.01_f32, 1), (0.2, 5)] {
            let (x, d, update) = binomial_update(device, p, batch);
            let mut array = array(device, (CELLS, 1), 2);
            array.update(&x, &d, batch, 1.0, &update).unwrap();
            let mut rng = SlowRng(200 + i as u64);
            let slow = || {
                (0..batch * 31).fold(0.0, |v, slot| {
                    let down = (slot / 31) % 3 == 0;
                    if rng.uniform() < f64::from(p) { twin.pulse(v, !down, rng.normal()) } else { v }
                })
            };
            assert_same_law(array.weights(), slow, &format!("coincidences at p = {p}"));
            let ledger = array.ledger();
            let (up, down) = array.pulse_counts().unwrap();
            assert_eq!(ledger.pulses_up as i64, up.iter().sum::<i64>());
            assert_eq!(ledger.pulses_down as i64, down.iter().sum::<i64>());
            assert_eq!(ledger.train_slots, 31 * batch as u64);
        }
    }
}

#[test]
fn increments_follow_the_slow_law() {
    for (i, (device, twin)) in models().iter().enumerate() {
        let mut array = array(device, (CELLS, 1), 2);
        array.increment(&vec![-0.07; CELLS], Increment::Pulsed).unwrap();
        let mut rng = SlowRng(300 + i as u64);
        let slow = || {
            let pulses = (0.07 / 0.02 + rng.uniform()).floor() as usize;
            (0..pulses).fold(0.0, |v, _| twin.pulse(v, false, rng.normal()))
        };
        assert_same_law(array.weights(), slow, "increments");
    }
}

pub(super) fn uniform(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = SlowRng(seed);
    (0..n).map(|_| (2.0 * rng.uniform() - 1.0) as f32).collect()
}

/// Everything an array can do, as one vector of numbers.
fn everything(device: &Device, threads: usize, isa: Isa) -> Vec<f32> {
    let (rows, cols, batch) = (70, 150, 20);
    let mut array = array(device, (rows, cols), threads).at_level(isa);
    let (x, d) = (uniform(batch * cols, 1), uniform(batch * rows, 2));
    let mask: Vec<i8> = (0..rows * cols).map(|i| (i % 3) as i8 - 1).collect();
    array.set_weights(&uniform(rows * cols, 3)).unwrap();
    array.pulse(Directions::Up, 3).unwrap();
    array.pulse(Directions::Random, 133).unwrap();
    array.pulse(Directions::Mask(&mask), 5).unwrap();
    array.update(&x, &d, batch, 0.2, &PulseUpdate::default()).unwrap();
    array.update(&x, &d, batch, 0.0005, &PulseUpdate::default()).unwrap();
    array.increment(&uniform(rows * cols, 4), Increment::Pulsed).unwrap();
    let mut out = array.read(Direction::Forward, &x, batch, &Periphery::default()).unwrap();
    out.extend(array.read(Direction::Backward, &d, batch, &Periphery::default()).unwrap());
    let everything = Periphery {
        mv_type: MvType::PosNegSeparateDigitalSum,
        noise_management: NoiseManagement::AverageAbsMax,
        bound_management: BoundManagement::IterativeWorstCase,
        out_bound: 2.0,
        out_noise_std: 0.3,
        out_nonlinearity: 0.3,
        out_nonlinearity_std: 0.1,
        w_noise: 0.01,
        w_noise_type: WeightNoise::PcmRead,
        w_read_asymmetry_dtod: 0.1,
        ir_drop: 1.0,
        v_offset_std: 0.05,
        r_series: 0.01,
        ..Periphery::default()
    };
    out.extend(array.read(Direction::Forward, &x, batch, &everything).unwrap());
    out.extend(array.read(Direction::Backward, &d, batch, &everything).unwrap());
    out.extend(array.weights());
    out
}

#[test]
fn same_bits_on_any_number_of_threads_and_at_every_level() {
    let written = Device::SoftBoundsReference(SoftBoundsReference {
        write_noise_std: 2.0,
        reference_std: 0.1,
        subtract_symmetry_point: true,
        ..SoftBoundsReference::default()
    });
    for device in models().into_iter().map(|(device, _)| device).chain([written]) {
        let expected = everything(&device, 1, Isa::Base);
        for isa in Isa::available() {
            for threads in [1, 2, 3, 7] {
                assert_eq!(everything(&device, threads, isa), expected, "{isa:?} on {threads} threads: {device:?}");
            }
        }
    }
}

#[test]
fn runs_of_pulses_can_be_cut_anywhere() {
    let device =
        Device::SoftBoundsReference(SoftBoundsReference { write_noise_std: 1.0, ..SoftBoundsReference::default() });
    let run = |cuts: &[u32]| {
        let mut array = array(&device, (10, 17), 1);
        cuts.iter().for_each(|count| array.pulse(Directions::Random, *count).unwrap());
        array.weights().to_vec()
    };
    let whole = run(&[1000]);
    assert_eq!(run(&[500, 500]), whole);
    assert_eq!(run(&[1, 2, 126, 3, 868]), whole);
}

#[test]
fn traces_replay_what_the_kernels_do() {
    for (device, _) in models() {
        let (rows, cols, batch) = (40, 33, 6);
        let (x, d) = (uniform(batch * cols, 5), uniform(batch * rows, 6));
        let mut traced = array(&device, (rows, cols), 2);
        let cells = [0, 17, 33 * 20 + 5, 33 * 40 - 1];
        traced.trace(cells.to_vec()).unwrap();
        let start: Vec<f32> = cells.iter().map(|cell| traced.weights()[*cell as usize]).collect();
        traced.pulse(Directions::Random, 131).unwrap();
        traced.pulse(Directions::Alternate, 3).unwrap();
        for lr in [0.2, 0.002] {
            traced.update(&x, &d, batch, lr, &PulseUpdate::default()).unwrap();
        }
        traced.increment(&uniform(rows * cols, 7), Increment::Pulsed).unwrap();
        traced.pulse_column(17, &vec![1; rows]);
        let (up, down) = traced.pulse_counts().unwrap();
        for (cell, start) in cells.into_iter().zip(start) {
            let pulses: Vec<_> = traced.traced().iter().filter(|pulse| pulse.cell == cell).collect();
            assert_eq!(pulses.iter().filter(|pulse| pulse.up).count() as i64, up[cell as usize]);
            assert_eq!(pulses.iter().filter(|pulse| !pulse.up).count() as i64, down[cell as usize]);
            assert_eq!(pulses.first().unwrap().before, start);
            assert!(pulses.windows(2).all(|pair| pair[0].after == pair[1].before));
            assert_eq!(pulses.last().unwrap().after, traced.weights()[cell as usize]);
        }
    }
}
