//! The kernels that are measured: by the clock in `kernels.rs`, by instruction counts in `examples/instructions.rs`.
//!
//! Every case runs on one thread, so that its rate compares with what one core can do.

use std::hint::black_box;

use dsp_core::algorithm::{Agad, Batch, Foundation, Hardware, Rule, Site, Tile};
use dsp_core::array::{CrossbarArray, Directions};
use dsp_core::device::{ConstantStep, Device, Population, SoftBoundsReference};
use dsp_core::par::Threads;
use dsp_core::periphery::{Direction, Periphery};
use dsp_core::pulse::PulseUpdate;
use dsp_core::pulse::coincidences::{Request, Trains};
use dsp_core::rng::fill::{fill_normals, fill_uniforms};
use dsp_core::rng::{Key, Purpose, Stream};
use dsp_core::simd::{Isa, Kernel, LANES};

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub rows: usize,
    pub cols: usize,
    /// Vectors of a batch.
    pub batch: usize,
    /// Random words, normals and uniforms of a run.
    pub draws: usize,
    /// Pulses of a run of zero-shifting, for each cell.
    pub pulses: u32,
}

/// One kernel at work.
pub struct Case {
    /// Name, also in `benches/instructions.json`.
    pub name: &'static str,
    /// What `elements` counts.
    pub unit: &'static str,
    /// Work of one run.
    pub elements: u64,
    /// One run.
    pub run: Box<dyn FnMut()>,
}

impl Case {
    fn new(name: &'static str, unit: &'static str, elements: usize, run: impl FnMut() + 'static) -> Self {
        Self { name, unit, elements: elements as u64, run: Box::new(run) }
    }
}

/// The rate at which a dense update gives about six pulses per cell and sample: dw_min 0.001, BL 31, normal vectors.
const DENSE_RATE: f64 = 0.01;
/// The rate at which an array of hafnium oxide gets a pulse in seventy cells.
const SPARSE_RATE: f64 = 0.01;

fn key() -> Key {
    Key::from_seed([1, 2, 3, 4])
}

fn normals(isa: Isa, count: usize, number: u64) -> Vec<f32> {
    let mut out = vec![0.0; count];
    fill_normals(isa, key().stream(Purpose::Population, number), 0, &mut out);
    out
}

/// Soft bounds with the default spreads and additive cycle noise.
fn soft_bounds() -> Device {
    Device::SoftBoundsReference(SoftBoundsReference::default())
}

/// The preset of the paper's tables.
fn hafnium_oxide() -> Device {
    let population = Population {
        w_max: 1.0,
        w_min: -1.0,
        w_max_dtod: 0.4295,
        w_min_dtod: 0.5990,
        dw_min: 0.4622,
        dw_min_dtod: 0.7125,
        dw_min_dtod_log_normal: true,
        dw_min_std: 0.2174,
        corrupt_devices_range: 0.01,
        ..Population::default()
    };
    Device::SoftBoundsReference(SoftBoundsReference {
        population,
        write_noise_std: 0.5841,
        reference_std: 0.05,
        subtract_symmetry_point: true,
        ..SoftBoundsReference::default()
    })
}

/// Sixteen blocks of Threefry side by side, as kernels draw them; their sum keeps them from being left out.
struct Words {
    stream: Stream,
    blocks: usize,
}

impl Kernel for Words {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        let mut sums = [0_u32; LANES];
        for block in 0..self.blocks / LANES {
            for lane in 0..LANES {
                let words = self.stream.words((block * LANES + lane) as u32, 0);
                sums[lane] ^= words[0] ^ words[1] ^ words[2] ^ words[3];
            }
        }
        sums.iter().fold(0, |all, word| all ^ word)
    }
}

/// Multiply and add in registers, the limit of a read without fused multiply-add.
struct MultiplyAdd {
    rounds: usize,
    factor: f32,
}

/// Independent accumulators of [`MultiplyAdd`]: enough to hide the latency at AVX2 with its sixteen registers.
const CHAINS: usize = 4;

impl Kernel for MultiplyAdd {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        let mut sums = [[1.0_f32; LANES]; CHAINS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                for lane in 0..LANES {
                    sum[lane] = sum[lane] * self.factor + self.factor;
                }
            }
        }
        sums.iter().flatten().sum()
    }
}

/// All cases at this size and level.
pub fn cases(scale: Scale, isa: Isa) -> Vec<Case> {
    let mut all = draws(scale, isa);
    all.extend(updates(scale, isa));
    all.extend(whole_array(scale));
    all.extend(reads(scale, isa));
    all.push(tile(scale, isa));
    all
}

fn draws(scale: Scale, isa: Isa) -> Vec<Case> {
    let stream = key().stream(Purpose::UpdatePulse, 1);
    let mut out = vec![0.0; scale.draws];
    let mut other = out.clone();
    let flops = 2 * scale.draws;
    vec![
        Case::new("threefry", "words", scale.draws, move || {
            black_box(isa.run(Words { stream: black_box(stream), blocks: scale.draws / 4 }));
        }),
        Case::new("normals", "normals", scale.draws, move || fill_normals(isa, black_box(stream), 0, &mut out)),
        Case::new("uniforms", "uniforms", scale.draws, move || fill_uniforms(isa, black_box(stream), 0, &mut other)),
        Case::new("multiply_add", "flop", flops, move || {
            let rounds = scale.draws / (CHAINS * LANES);
            black_box(isa.run(MultiplyAdd { rounds, factor: black_box(0.5) }));
        }),
    ]
}

fn array(device: Device, scale: Scale) -> CrossbarArray {
    CrossbarArray::new((scale.rows, scale.cols), device, key(), Threads::ONE, false).expect("a valid array")
}

fn updates(scale: Scale, isa: Isa) -> Vec<Case> {
    let Scale { rows, cols, batch, .. } = scale;
    let (x, d) = (normals(isa, batch * cols, 1), normals(isa, batch * rows, 2));
    let trains = |name, granularity, lr| {
        let (x, d, update) = (x.clone(), d.clone(), PulseUpdate::default());
        let mut step = 0;
        let slots = 31 * batch * (rows + cols);
        Case::new(name, "slots", slots, move || {
            step += 1;
            let (x, d, update) = (&x[..], &d[..], &update);
            let request = Request { x, d, batch, rows, cols, lr, granularity, update, key: key(), step, isa };
            black_box(Trains::draw(&request).expect("valid trains"));
        })
    };
    let pulses_of = |device: &Device, lr| {
        let mut array = array(device.clone(), scale);
        array.update(&x, &d, batch, lr, &PulseUpdate::default()).expect("a valid update");
        (array.ledger().pulses_up + array.ledger().pulses_down) as usize
    };
    let update = |name, device: Device, lr| {
        let pulses = pulses_of(&device, lr);
        let (x, d, mut array) = (x.clone(), d.clone(), array(device, scale));
        Case::new(name, "pulses", pulses, move || {
            array.update(&x, &d, batch, lr, &PulseUpdate::default()).expect("a valid update");
        })
    };
    let quiet = Population { dw_min_std: 0.0, ..Population::default() };
    vec![
        trains("trains_dense", 0.001, DENSE_RATE),
        trains("trains_sparse", 0.4622, SPARSE_RATE),
        update("dense_quiet", Device::ConstantStep(ConstantStep { population: quiet }), DENSE_RATE),
        update("dense_constant_step", Device::ConstantStep(ConstantStep::default()), DENSE_RATE),
        update("dense_soft_bounds", soft_bounds(), DENSE_RATE),
        update("sparse_hafnium_oxide", hafnium_oxide(), SPARSE_RATE),
    ]
}

fn whole_array(scale: Scale) -> Vec<Case> {
    let pulses = scale.rows * scale.cols * scale.pulses as usize;
    let case = |name, directions: Directions<'static>| {
        let mut array = array(soft_bounds(), scale);
        Case::new(name, "pulses", pulses, move || array.pulse(directions, scale.pulses).expect("valid pulses"))
    };
    vec![case("zero_shift_cyclic", Directions::Alternate), case("zero_shift_stochastic", Directions::Random)]
}

fn reads(scale: Scale, isa: Isa) -> Vec<Case> {
    let Scale { rows, cols, batch, .. } = scale;
    let loaded = move || {
        let mut array = array(Device::ConstantStep(ConstantStep::default()), scale);
        // Outputs of about one, as in a trained layer: no vector needs a second round.
        let weights: Vec<f32> = normals(isa, rows * cols, 3).iter().map(|w| w / (cols as f32).sqrt()).collect();
        array.set_weights(&weights).expect("finite weights");
        array
    };
    let case = |name, direction, lines| {
        let (input, periphery, mut array) = (normals(isa, batch * lines, 4), Periphery::default(), loaded());
        Case::new(name, "flop", 2 * batch * rows * cols, move || {
            black_box(array.read(direction, &input, batch, &periphery).expect("a valid read"));
        })
    };
    let (mut column, mut array) = (vec![0.0; rows], loaded());
    let periphery = Periphery::default().unmanaged();
    vec![
        case("read_forward", Direction::Forward, cols),
        case("read_backward", Direction::Backward, rows),
        Case::new("read_columns", "cells", rows * cols, move || {
            for number in 0..cols {
                array.read_column(number, &periphery, &mut column);
            }
            black_box(&column);
        }),
    ]
}

/// Learning in a tile of AGAD as the paper's networks do it: few pulses, one column a mini-batch.
fn tile(scale: Scale, isa: Isa) -> Case {
    let Scale { rows, cols, .. } = scale;
    let size = 10;
    let transfer_read = Periphery::default().unmanaged();
    let rule = Rule::Agad(Agad {
        hardware: Hardware { fast: hafnium_oxide(), slow: hafnium_oxide(), transfer_read },
        parameters: Default::default(),
    });
    let site = Site {
        forward: Periphery::default(),
        backward: Periphery::default(),
        update: PulseUpdate { desired_bl: 5, ..PulseUpdate::default() },
    };
    let shape = (rows, cols);
    let foundation = Foundation { shape, key: key(), threads: Threads::ONE, count_pulses: false, blank: false };
    let mut tile = Tile::new(&rule, site, foundation).expect("a valid tile");
    let x: Vec<f32> = normals(isa, size * cols, 5).iter().map(|x| x.abs()).collect();
    let d: Vec<f32> = normals(isa, size * rows, 6).iter().map(|d| 0.01 * d).collect();
    Case::new("tile_agad", "mini-batches", 1, move || {
        tile.update(Batch { x: &x, d: &d, size, lr: 0.1 }).expect("a valid update");
    })
}
