//! The core under random configurations and random calls: no panic, no number that is not finite, no cell beyond its
//! bounds, and nothing changed by a call that fails. `PROPTEST_CASES` sets how many.

use dsp_core::algorithm::{Batch, Foundation, Rule, Site, Tile};
use dsp_core::array::{CrossbarArray, Directions, Increment};
use dsp_core::calibration::{Scheme, zero_shift};
use dsp_core::config::{Fields, Value};
use dsp_core::device::Device;
use dsp_core::par::Threads;
use dsp_core::periphery::{Direction, Periphery};
use dsp_core::pulse::{Fidelity, PulseUpdate};
use dsp_core::rng::Key;
use proptest::prelude::*;
use proptest::sample::Index;

/// Numbers that are in some range, at its end, or beyond it.
fn number() -> impl Strategy<Value = f64> {
    let special = vec![0.0, -0.0, 1.0, -1.0, 0.5, 1e-3, 1e-30, 1e-45, 5e-324, 1e17, 1e18, 1e19, 3e38, 1e300];
    let odd = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e300, 2e18];
    prop_oneof![4 => -1.0..1.0, 4 => proptest::sample::select(special), 1 => proptest::sample::select(odd)]
}

fn fidelity() -> impl Strategy<Value = Fidelity> {
    proptest::sample::select(vec![Fidelity::Pulse, Fidelity::Composed, Fidelity::Auto])
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => number().prop_map(Value::Number),
        2 => prop_oneof![-2_i64..70, Just(i64::MAX), Just(i64::MIN), Just(1 << 32)].prop_map(Value::Int),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => "[a-z_]{0,12}".prop_map(Value::Text),
        1 => prop::collection::vec(number(), 0..5).prop_map(Value::List),
    ]
}

/// A configuration with some fields replaced.
fn spoiled(defaults: &Fields, kind: &str, changes: &[(Index, Value)]) -> Fields {
    let names: Vec<&str> = defaults.iter().map(|(name, _)| name).collect();
    let mut fields = Fields::of_kind(kind);
    for (name, value) in defaults.iter() {
        fields.set(name, value.clone());
    }
    for (at, value) in changes.iter().filter(|_| !names.is_empty()) {
        fields.set(names[at.index(names.len())], value.clone());
    }
    fields
}

type Changes = Vec<(Index, Value)>;

fn changes() -> impl Strategy<Value = Changes> {
    prop::collection::vec((any::<Index>(), value()), 0..4)
}

#[derive(Clone, Debug)]
enum Call {
    Pulse(u8, u32),
    Set(Vec<f32>),
    Increment(Vec<f32>, bool),
    Update(Vec<f32>, Vec<f32>, f64),
    Read(bool, Vec<f32>),
    Age(u8, f64),
    ZeroShift(u32, Fidelity),
    Program(Vec<f32>, f64),
    Trace(Vec<u32>),
}

const SHAPE: (usize, usize) = (3, 5);
const CELLS: usize = SHAPE.0 * SHAPE.1;
const BATCH: usize = 2;

/// Mostly so many numbers, mostly finite ones.
fn floats(count: usize) -> impl Strategy<Value = Vec<f32>> {
    let one = prop_oneof![12 => -1.0_f32..1.0, 2 => number().prop_map(|v| v as f32), 1 => any::<f32>()];
    prop_oneof![9 => prop::collection::vec(one.clone(), count), 1 => prop::collection::vec(one, 0..count + 3)]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        (any::<u8>(), 0_u32..300).prop_map(|(kind, count)| Call::Pulse(kind, count)),
        floats(CELLS).prop_map(Call::Set),
        (floats(CELLS), any::<bool>()).prop_map(|(delta, mean)| Call::Increment(delta, mean)),
        (floats(BATCH * SHAPE.1), floats(BATCH * SHAPE.0), number()).prop_map(|(x, d, lr)| Call::Update(x, d, lr)),
        (any::<bool>(), floats(BATCH * SHAPE.1)).prop_map(|(forward, x)| Call::Read(forward, x)),
        (any::<u8>(), number()).prop_map(|(kind, by)| Call::Age(kind, by)),
        (0_u32..50, fidelity()).prop_map(|(pulses, fidelity)| Call::ZeroShift(pulses, fidelity)),
        (floats(CELLS), number()).prop_map(|(target, tolerance)| Call::Program(target, tolerance)),
        prop::collection::vec(0_u32..20, 0..3).prop_map(Call::Trace),
    ]
}

/// Whether the call failed.
fn run(array: &mut CrossbarArray, call: &Call, update: &PulseUpdate, read: &Periphery) -> bool {
    match call {
        Call::Pulse(kind, count) => {
            let mask: Vec<i8> = (0..CELLS + usize::from(*kind == 0)).map(|i| (i % 3) as i8 - 1).collect();
            let directions = match kind % 5 {
                0 => Directions::Mask(&mask),
                1 => Directions::Up,
                2 => Directions::Down,
                3 => Directions::Alternate,
                _ => Directions::Random,
            };
            array.pulse(directions, *count).is_err()
        }
        Call::Set(w) => array.set_weights(w).is_err(),
        Call::Increment(delta, true) => array.increment(delta, Increment::MeanField).is_err(),
        Call::Increment(delta, false) => {
            // A million pulses for a cell are allowed, and take their time.
            let most = 1e3 * array.device().population().dw_min as f32;
            let delta: Vec<f32> = delta.iter().map(|d| if d.abs() > most { d.signum() * most } else { *d }).collect();
            array.increment(&delta, Increment::Pulsed).is_err()
        }
        Call::Update(x, d, lr) => array.update(x, d, BATCH, *lr, update).is_err(),
        Call::Read(true, x) => array.read(Direction::Forward, x, BATCH, read).is_err(),
        Call::Read(false, x) => array.read(Direction::Backward, &&x[..x.len().min(6)], BATCH, read).is_err(),
        Call::Age(kind, by) => match kind % 4 {
            0 => array.decay(*by).is_err(),
            1 => array.drift(*by).is_err(),
            2 => array.clip(*by).is_err(),
            _ => array.reset(usize::from(*kind % 7), None, *by).is_err(),
        },
        Call::ZeroShift(pulses, fidelity) => {
            zero_shift(array, *pulses, Scheme::Stochastic, 7, *fidelity, || false).is_err()
        }
        Call::Program(target, tolerance) => array.program(target, *tolerance, 3, read, || false).is_err(),
        Call::Trace(cells) => array.trace(cells.clone()).is_err(),
    }
}

fn bits(array: &CrossbarArray) -> String {
    format!("{:?}", array.snapshot())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arrays(
        kind in any::<Index>(),
        of_device in changes(),
        of_update in changes(),
        of_read in changes(),
        calls in prop::collection::vec(call(), 1..12),
    ) {
        let kinds = Device::kinds();
        let (kind, defaults) = &kinds[kind.index(kinds.len())];
        let Ok(device) = Device::read(&spoiled(defaults, kind, &of_device)) else { return Ok(()) };
        let update = PulseUpdate::read(&spoiled(&PulseUpdate::default().fields(), "PulseUpdate", &of_update));
        let read = Periphery::read(&spoiled(&Periphery::default().fields(), "Periphery", &of_read));
        let (update, read) = (update.unwrap_or_default(), read.unwrap_or_default());
        let Ok(mut array) = CrossbarArray::new(SHAPE, device, Key::from_seed([1; 4]), Threads::ONE, true) else {
            return Ok(());
        };
        for call in &calls {
            let before = bits(&array);
            if run(&mut array, call, &update, &read) {
                prop_assert_eq!(&before, &bits(&array), "{:?} failed and left a trace", call);
            }
        }
        let restored = array.restored(array.snapshot());
        prop_assert!(restored.is_ok(), "a state that was reached is refused: {:?}", restored.err());
        let points = array.symmetric_point().unwrap();
        prop_assert_eq!(format!("{points:?}"), format!("{:?}", array.symmetric_point().unwrap()));
    }

    #[test]
    fn tiles(
        kind in any::<Index>(),
        device_kind in any::<Index>(),
        of_rule in changes(),
        of_device in changes(),
        batches in prop::collection::vec((floats(BATCH * SHAPE.1), floats(BATCH * SHAPE.0), number()), 1..6),
    ) {
        let (rules, devices) = (Rule::kinds(), Device::kinds());
        let (kind, defaults) = &rules[kind.index(rules.len())];
        let (device, fields) = &devices[device_kind.index(devices.len())];
        let mut rule = spoiled(defaults, kind, &of_rule);
        for name in ["device", "slow_device"] {
            rule.set(name, Value::Nested(spoiled(fields, device, &of_device)));
        }
        rule.set("transfer_read", Value::Nested(Periphery::default().fields()));
        rule.set("transfer_update", Value::Nested(PulseUpdate::default().fields()));
        let Ok(rule) = Rule::read(&rule) else { return Ok(()) };
        let site = Site { forward: Periphery::default(), backward: Periphery::default(), update: PulseUpdate::default() };
        let (key, threads) = (Key::from_seed([2; 4]), Threads::ONE);
        let foundation = Foundation { shape: SHAPE, key, threads, count_pulses: true, blank: false };
        let Ok(mut tile) = Tile::new(&rule, site, foundation) else { return Ok(()) };
        for (x, d, lr) in &batches {
            let before = format!("{:?}", tile.snapshot());
            if tile.update(Batch { x, d, size: BATCH, lr: *lr }).is_err() {
                prop_assert_eq!(&before, &format!("{:?}", tile.snapshot()));
            }
            let before = format!("{:?}", tile.snapshot());
            if tile.forward(x, BATCH).is_err() {
                prop_assert_eq!(&before, &format!("{:?}", tile.snapshot()));
            }
        }
        let state = tile.snapshot();
        prop_assert!(tile.restore(state).is_ok(), "a state that was reached is refused");
    }
}
