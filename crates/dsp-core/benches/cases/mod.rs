//! The kernels that are measured: by the clock in `kernels.rs` and `shares.rs`, by instruction counts in
//! `examples/instructions.rs`.
//!
//! Every case runs on one thread, so that its rate compares with what one core can do.
#![allow(dead_code, reason = "every program that includes this file uses a part of it")]

use std::hint::black_box;

use dsp_core::algorithm::{Agad, Batch, Foundation, Hardware, Rule, Site, Tile};
use dsp_core::array::{CrossbarArray, Directions};
use dsp_core::device::{ConstantStep, Device, Population, SoftBoundsReference};
use dsp_core::par::Threads;
use dsp_core::periphery::{Direction, Periphery};
use dsp_core::pulse::trains::{Request, Trains};
use dsp_core::pulse::{Fidelity, PulseUpdate};
use dsp_core::rng::fill::{fill_normals, fill_uniforms};
use dsp_core::rng::{Key, Purpose, Stream};
use dsp_core::simd::{Isa, Kernel, LANES};

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Rows of the arrays.
    pub rows: usize,
    /// Their columns.
    pub cols: usize,
    /// Vectors of a batch.
    pub batch: usize,
    /// Random words, normals and uniforms of a run.
    pub draws: usize,
    /// Pulses of a run of zero-shifting, for each cell.
    pub pulses: u32,
}

/// The sizes of the table in docs/performance.md.
pub const TABLE: Scale = Scale { rows: 512, cols: 512, batch: 64, draws: 1 << 20, pulses: 128 };
/// Little work, for counting instructions; no size is a multiple of the vectors', so that ends count too.
pub const SMALL: Scale = Scale { rows: 60, cols: 100, batch: 12, draws: (1 << 14) + 40, pulses: 150 };

/// One kernel at work.
pub struct Case {
    /// Name, also in `benches/instructions.json`.
    pub name: &'static str,
    /// What `elements` counts.
    pub unit: &'static str,
    /// Work of one run.
    pub elements: u64,
    /// One run; two in a row leave weights where they were, up to noise.
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
    fill_normals(isa, key().stream(Purpose::Population, number), 0, 0, &mut out);
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

/// Sixteen blocks of Threefry side by side, as kernels draw them; their sum keeps the compiler from leaving them out.
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

/// Counts of coincidences of sixteen columns at a time, as the dense kernels take them, and nothing else.
struct Count<'a> {
    error: &'a [u32],
    /// (batch, cols), cols a multiple of sixteen.
    input: &'a [u32],
    cols: usize,
}

impl Kernel for Count<'_> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        let mut total = 0_u32;
        for rows in self.error.chunks_exact(self.input.len() / self.cols) {
            for col in (0..self.cols).step_by(LANES) {
                let mut counts = [0_u32; LANES];
                for (error, input) in rows.iter().zip(self.input.chunks_exact(self.cols)) {
                    let (words, _) = input[col..].as_chunks::<LANES>();
                    for lane in 0..LANES {
                        counts[lane] += (words[0][lane] & error).count_ones();
                    }
                }
                total ^= counts.iter().fold(0, |all, count| all ^ count);
            }
        }
        total
    }
}

/// All kernels at this size and level.
pub fn kernels(scale: Scale, isa: Isa) -> Vec<Case> {
    let mut all = draws(scale, isa);
    all.extend(updates(scale, isa));
    all.extend(long_batches(scale, isa));
    all.extend(whole_array(scale));
    all.extend(reads(scale, isa));
    all.push(tile(scale, isa));
    all
}

/// What the machine could do: nothing here is the library's but the words.
pub fn limits(scale: Scale, isa: Isa) -> Vec<Case> {
    let Scale { rows, cols, batch, draws, .. } = scale;
    let stream = key().stream(Purpose::UpdatePulse, 1);
    let words = |number: u32, count: usize| (0..count as u32).map(|i| stream.words(i, number)[0]).collect::<Vec<_>>();
    let (error, input) = (words(1, batch * rows), words(2, batch * cols));
    vec![
        Case::new("threefry", "words", draws, move || {
            black_box(isa.run(Words { stream: black_box(stream), blocks: draws / 4 }));
        }),
        Case::new("and_popcount", "cells", batch * rows * cols, move || {
            black_box(isa.run(Count { error: black_box(&error), input: black_box(&input), cols }));
        }),
    ]
}

fn draws(scale: Scale, isa: Isa) -> Vec<Case> {
    let stream = key().stream(Purpose::UpdatePulse, 1);
    let mut out = vec![0.0; scale.draws];
    let mut other = out.clone();
    vec![
        Case::new("normals", "normals", scale.draws, move || fill_normals(isa, black_box(stream), 0, 0, &mut out)),
        Case::new("uniforms", "uniforms", scale.draws, move || fill_uniforms(isa, black_box(stream), 0, 0, &mut other)),
    ]
}

fn array(device: Device, scale: Scale) -> CrossbarArray {
    CrossbarArray::new((scale.rows, scale.cols), device, key(), Threads::ONE, false).expect("a valid array")
}

/// Updates by one batch, there and back.
struct Updates {
    array: CrossbarArray,
    x: Vec<f32>,
    d: [Vec<f32>; 2],
    batch: usize,
    lr: f64,
    update: PulseUpdate,
    number: usize,
}

impl Updates {
    fn new(device: Device, scale: Scale, isa: Isa, lr: f64, fidelity: Fidelity) -> Self {
        let Scale { rows, cols, batch, .. } = scale;
        let (x, d) = (normals(isa, batch * cols, 1), normals(isa, batch * rows, 2));
        let d = [d.clone(), d.iter().map(|d| -d).collect()];
        let update = PulseUpdate { fidelity, ..PulseUpdate::default() };
        Self { array: array(device, scale), x, d, batch, lr, update, number: 0 }
    }

    fn run(&mut self) {
        let Self { array, x, d, batch, lr, update, number } = self;
        array.update(x, &d[*number % 2], *batch, *lr, update).expect("a valid update");
        *number += 1;
    }

    fn pulses(&self) -> usize {
        (self.array.ledger().pulses_up + self.array.ledger().pulses_down) as usize
    }
}

fn updates(scale: Scale, isa: Isa) -> Vec<Case> {
    let Scale { rows, cols, batch, .. } = scale;
    let (x, d) = (normals(isa, batch * cols, 1), normals(isa, batch * rows, 2));
    let trains = |name, granularity, lr: f64| {
        let (x, d, update, rates) = (x.clone(), d.clone(), PulseUpdate::default(), vec![lr; batch]);
        let draw = move |step| {
            let (x, d, rates, update) = (&x, &d[..], &rates[..], &update);
            let request = Request {
                x,
                d,
                batch,
                rows,
                cols,
                rates,
                signs: &[],
                granularity,
                update,
                key: key(),
                step,
                isa,
                threads: Threads::ONE,
            };
            Trains::draw(&request).expect("valid trains")
        };
        let slots = draw(0).slots() as usize * (rows + cols);
        let mut step = 0;
        Case::new(name, "slots", slots, move || {
            step += 1;
            black_box(draw(step));
        })
    };
    let make = |device: Device, lr, fidelity| Updates::new(device, scale, isa, lr, fidelity);
    let pulsed = |name, device: Device, lr| {
        let mut updates = make(device, lr, Fidelity::Pulse);
        updates.run();
        Case::new(name, "pulses", updates.pulses(), move || updates.run())
    };
    let composed = |name, device: Device| {
        let mut updates = make(device, DENSE_RATE, Fidelity::Composed);
        Case::new(name, "cells", batch * rows * cols, move || updates.run())
    };
    let constant_step = || Device::ConstantStep(ConstantStep::default());
    let quiet = Population { dw_min_std: 0.0, ..Population::default() };
    vec![
        trains("trains_dense", 0.001, DENSE_RATE),
        trains("trains_sparse", 0.4622, SPARSE_RATE),
        pulsed("dense_pulse_quiet", Device::ConstantStep(ConstantStep { population: quiet }), DENSE_RATE),
        pulsed("dense_pulse_constant_step", constant_step(), DENSE_RATE),
        pulsed("dense_pulse_soft_bounds", soft_bounds(), DENSE_RATE),
        composed("dense_composed_constant_step", constant_step()),
        composed("dense_composed_soft_bounds", soft_bounds()),
        pulsed("sparse_hafnium_oxide", hafnium_oxide(), SPARSE_RATE),
    ]
}

/// Many vectors for few cells: work must grow with the batch, not with its square.
fn long_batches(scale: Scale, isa: Isa) -> Vec<Case> {
    let scale = Scale { rows: scale.rows / 8, cols: scale.cols / 8, batch: 100 * scale.batch, ..scale };
    let Scale { rows, cols, batch, .. } = scale;
    let case = |name, fidelity| {
        let mut updates = Updates::new(soft_bounds(), scale, isa, DENSE_RATE, fidelity);
        Case::new(name, "cells", batch * rows * cols, move || updates.run())
    };
    vec![case("long_batch_pulse", Fidelity::Pulse), case("long_batch_composed", Fidelity::Composed)]
}

fn whole_array(scale: Scale) -> Vec<Case> {
    let pulses = scale.rows * scale.cols * scale.pulses as usize;
    let case = |name, directions: Directions<'static>, fidelity| {
        let mut array = array(soft_bounds(), scale);
        Case::new(name, "pulses", pulses, move || {
            array.pulse_at(directions, scale.pulses, fidelity).expect("valid pulses");
        })
    };
    vec![
        case("zero_shift_pulse_cyclic", Directions::Alternate, Fidelity::Pulse),
        case("zero_shift_pulse_stochastic", Directions::Random, Fidelity::Pulse),
        case("zero_shift_composed_cyclic", Directions::Alternate, Fidelity::Composed),
        case("zero_shift_composed_stochastic", Directions::Random, Fidelity::Composed),
    ]
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
        Case::new(name, "cells", batch * rows * cols, move || {
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
    // Several, since the work of one depends on what was drawn.
    let updates = 16;
    Case::new("tile_agad", "mini-batches", updates, move || {
        for _ in 0..updates {
            tile.update(Batch { x: &x, d: &d, size, lr: 0.1 }).expect("a valid update");
        }
    })
}
