//! Prints a hash of the bits that every device, every learning rule and every elementary function leave: `make aarch64`
//! compares two architectures by it.
#![expect(clippy::print_stdout, reason = "its purpose")]

use dsp_core::algorithm::{Batch, Foundation, Rule, Site, Tile};
use dsp_core::array::{CrossbarArray, Directions, Increment};
use dsp_core::calibration::{Scheme, zero_shift};
use dsp_core::config::{Fields, Value};
use dsp_core::device::Device;
use dsp_core::layer::activation::{Function, apply, log_softmax};
use dsp_core::par::Threads;
use dsp_core::periphery::{Direction, Periphery};
use dsp_core::pulse::{Fidelity, PulseUpdate};
use dsp_core::rng::Key;
use dsp_core::simd::Isa;

const SHAPE: (usize, usize) = (37, 53);
const BATCH: usize = 9;

/// FNV-1a over the bits of numbers.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, values: &[f32]) {
        for byte in values.iter().flat_map(|v| v.to_bits().to_le_bytes()) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Numbers from -1 to 1 in steps of an eighth.
fn ramp(length: usize, step: usize) -> Vec<f32> {
    (0..length).map(|i| ((i * 7 + 5 * step) % 17) as f32 / 8.0 - 1.0).collect()
}

/// A device of this kind with everything that ages.
fn device(kind: &str, defaults: &Fields) -> Fields {
    let mut fields = Fields::of_kind(kind);
    for (name, value) in defaults.iter() {
        fields.set(name, value.clone());
    }
    for (name, value) in [
        ("dw_min", 0.01),
        ("up_down", 0.05),
        ("lifetime", 50.0),
        ("lifetime_dtod", 0.3),
        ("diffusion", 0.01),
        ("drift_nu", 0.1),
        ("drift_nu_dtod", 0.2),
        ("drift_nu_std", 0.1),
    ] {
        fields.set(name, Value::Number(value));
    }
    fields
}

fn array(device: Device) -> dsp_core::Result<u64> {
    let mut hash = Hash::new();
    let (rows, cols) = SHAPE;
    let mut array = CrossbarArray::new(SHAPE, device, Key::from_seed([1, 2, 3, 4]), Threads::ONE, true)?;
    for (_, plane) in array.parameters().planes() {
        hash.add(&plane);
    }
    hash.add(&array.symmetric_point()?);
    for step in 0..3 {
        array.pulse(Directions::Random, 150)?;
        array.pulse(Directions::Up, 3)?;
        array.increment(&ramp(rows * cols, step), Increment::Pulsed)?;
        array.increment(&ramp(rows * cols, step + 1), Increment::MeanField)?;
        for lr in [1e-3, 0.1, 3.0] {
            array.update(
                &ramp(BATCH * cols, step),
                &ramp(BATCH * rows, step + 2),
                BATCH,
                lr,
                &PulseUpdate::default(),
            )?;
        }
        hash.add(&array.read(Direction::Forward, &ramp(BATCH * cols, step), BATCH, &Periphery::default())?);
        hash.add(&array.read(Direction::Backward, &ramp(BATCH * rows, step), BATCH, &Periphery::default())?);
        array.decay(0.5)?;
        array.diffuse()?;
        array.drift(1.5)?;
        array.reset(cols - 1, Some(2), 0.3)?;
        zero_shift(&mut array, 21, Scheme::Stochastic, 0, Fidelity::Auto, || false)?;
        hash.add(array.weights());
    }
    Ok(hash.0)
}

fn tile(kind: &str, defaults: &Fields, device: &Fields) -> dsp_core::Result<u64> {
    let mut fields = Fields::of_kind(kind);
    for (name, value) in defaults.iter() {
        fields.set(name, value.clone());
    }
    fields.set("device", Value::Nested(device.clone()));
    fields.set("slow_device", Value::Nested(device.clone()));
    fields.set("transfer_read", Value::Nested(Periphery::default().fields()));
    fields.set("transfer_update", Value::Nested(PulseUpdate::default().fields()));
    let site = Site { forward: Periphery::default(), backward: Periphery::default(), update: PulseUpdate::default() };
    let foundation = Foundation {
        shape: SHAPE,
        key: Key::from_seed([5, 6, 7, 8]),
        threads: Threads::ONE,
        count_pulses: true,
        blank: false,
    };
    let mut tile = Tile::new(&Rule::read(&fields)?, site, foundation)?;
    let mut hash = Hash::new();
    let (rows, cols) = SHAPE;
    for step in 0..60 {
        let x = ramp(BATCH * cols, step);
        let mut d = tile.forward(&x, BATCH)?;
        d.iter_mut().zip(ramp(BATCH * rows, 3 * step)).for_each(|(y, target)| *y -= 0.25 * target);
        hash.add(&tile.backward(&d, BATCH)?);
        tile.update(Batch { x: &x, d: &d, size: BATCH, lr: 0.1 })?;
    }
    hash.add(tile.rule().visible());
    for name in tile.rule().digital_names() {
        hash.add(&tile.digital(name)?);
    }
    Ok(hash.0)
}

fn main() -> dsp_core::Result<()> {
    let kinds = Device::kinds();
    for (kind, defaults) in &kinds {
        println!("{kind} {:016x}", array(Device::read(&device(kind, defaults))?)?);
    }
    let soft = kinds.iter().find(|(kind, _)| *kind == "SoftBoundsReference").map(|(kind, f)| device(kind, f));
    for (kind, defaults) in Rule::kinds() {
        println!("{kind} {:016x}", tile(kind, &defaults, soft.as_ref().unwrap_or(&defaults))?);
    }
    for function in [Function::Exp, Function::Sigmoid, Function::Tanh] {
        let mut hash = Hash::new();
        hash.add(&apply(Isa::current()?, function, (-80_000..80_000).map(|i| i as f32 * 1e-3).collect()));
        println!("{function:?} {:016x}", hash.0);
    }
    let mut hash = Hash::new();
    hash.add(&log_softmax(Isa::current()?, (0..70_000).map(|i| (i % 613) as f32 * 0.1).collect(), 7));
    println!("LogSoftmax {:016x}", hash.0);
    Ok(())
}
