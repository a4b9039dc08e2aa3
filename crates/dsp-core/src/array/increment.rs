//! The Analog Update (2) of the paper for a wanted increment of every weight.

use super::{CrossbarArray, block_size, total};
use crate::device::{Apparent, CellBlock, CellsMut, HIGH, LOW, Model, Response, Visitor};
use crate::error::{Error, Result, check_finite, check_len};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::rng::uniform::open_unit;
use crate::rng::{Purpose, Stream};
use crate::simd::math::clip;
use crate::simd::{Isa, Kernel, LANES};

/// Most pulses that one increment may ask of one cell.
const MAX_PULSES: f32 = 1e6;

/// How a wanted increment is realised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Increment {
    /// `W + D F(W) - |D| G(W)`, no pulses: equation (2) with `b = 0`.
    MeanField,
    /// `|D| / dw_min` whole pulses, rounded stochastically, one by one with cycle noise.
    Pulsed,
}

impl CrossbarArray {
    /// Moves every weight by about `delta` in the given mode, clipped to the cell's bounds.
    ///
    /// # Errors
    /// [`Error`] for a wrong length, values that are not finite, or more than a million pulses for one cell.
    pub fn increment(&mut self, delta: &[f32], mode: Increment) -> Result<()> {
        check_len("delta", delta.len(), self.rows, self.cols)?;
        check_finite("delta", delta)?;
        let dw_min = self.device.population().dw_min as f32;
        if let Some(large) = delta.iter().find(|d| d.abs() / dw_min > MAX_PULSES) {
            return Err(Error::parameter("delta", large, format!("at most {MAX_PULSES} steps of dw_min = {dw_min}")));
        }
        let asked: f64 = delta.iter().map(|d| f64::from(d.abs() / dw_min)).sum();
        self.whole(5.0 * asked + 10.0 * delta.len() as f64, |array| array.move_by(delta, mode, dw_min));
        Ok(())
    }

    fn move_by(&mut self, delta: &[f32], mode: Increment, dw_min: f32) {
        let step = self.advance(1);
        let (device, key, isa, threads) = (self.device.clone(), self.key, self.isa, self.threads);
        if mode == Increment::Pulsed {
            let rounding = key.stream(Purpose::Rounding, step);
            self.record_update(step, |cell| {
                let wanted = delta[cell as usize];
                vec![wanted > 0.0; whole_pulses(rounding, cell, wanted, dw_min) as usize]
            });
        }
        let pulses = device.visit(Whole {
            mode,
            delta,
            dw_min,
            isa,
            threads: threads.for_work(8 * delta.len()),
            rounding: key.stream(Purpose::Rounding, step),
            noise: key.stream(Purpose::UpdatePulse, step),
            apparent: Apparent { stream: key.stream(Purpose::WriteNoise, step), std: device.write_noise().std },
            cells: self.cells(),
        });
        self.ledger.add_pulses(pulses);
    }
}

struct Whole<'a> {
    mode: Increment,
    delta: &'a [f32],
    dw_min: f32,
    isa: Isa,
    threads: crate::par::Threads,
    rounding: Stream,
    noise: Stream,
    apparent: Apparent,
    cells: CellsMut<'a>,
}

impl Visitor for Whole<'_> {
    type Output = Pulses;

    fn visit<M: Model>(self, model: &M) -> Pulses {
        let Self { mode, delta, dw_min, isa, threads, rounding, noise, apparent, cells } = self;
        let response = model.response(cells.parameters);
        total(threads.map(cells.blocks(block_size()), |cells| {
            isa.run(Run { response, mode, delta, dw_min, rounding, noise, apparent, cells })
        }))
    }
}

struct Run<'a, R> {
    response: R,
    mode: Increment,
    delta: &'a [f32],
    dw_min: f32,
    rounding: Stream,
    noise: Stream,
    apparent: Apparent,
    cells: CellsMut<'a>,
}

impl<R: Response> Kernel for Run<'_, R> {
    type Output = Pulses;

    #[inline(always)]
    fn run(self) -> Pulses {
        let Self { response, mode, delta, dw_min, rounding, noise, apparent, mut cells } = self;
        let mut pulses = Pulses::default();
        for at in (0..cells.state.len()).step_by(LANES) {
            checkpoint();
            let width = LANES.min(cells.state.len() - at);
            let first = cells.first + at;
            let mut block = CellBlock::consecutive(response, cells.parameters, first, &cells.state[at..at + width]);
            let mut wanted = [0.0; LANES];
            wanted[..width].copy_from_slice(&delta[first..first + width]);
            let counts = match mode {
                Increment::MeanField => {
                    for lane in 0..LANES {
                        block.state[lane] = moved(&block, response, lane, wanted[lane] / dw_min);
                    }
                    [0; LANES]
                }
                Increment::Pulsed => pulse_counts(&block, rounding, &wanted, dw_min),
            };
            send(&mut block, response, noise, &counts, &wanted);
            let changed = |lane: usize| match mode {
                Increment::MeanField => wanted[lane] != 0.0,
                Increment::Pulsed => counts[lane] > 0,
            };
            for lane in (0..width).filter(|lane| changed(*lane)) {
                let (up, down) = if wanted[lane] > 0.0 { (counts[lane], 0) } else { (0, counts[lane]) };
                cells.count(at + lane, up, down);
                pulses.up += u64::from(up);
                pulses.down += u64::from(down);
                cells.state[at + lane] = block.state[lane];
            }
            cells.show(at, &block, apparent, changed);
        }
        pulses
    }
}

/// `floor(|D| / dw_min + U)`: whole pulses whose expectation is the wanted increment.
#[inline(always)]
fn pulse_counts(block: &CellBlock, rounding: Stream, wanted: &[f32; LANES], dw_min: f32) -> [u32; LANES] {
    let mut counts = [0; LANES];
    for lane in 0..LANES {
        counts[lane] = whole_pulses(rounding, block.index[lane], wanted[lane], dw_min);
    }
    counts
}

#[inline(always)]
fn whole_pulses(rounding: Stream, cell: u32, wanted: f32, dw_min: f32) -> u32 {
    let uniform = open_unit(rounding.words(cell, 0)[0]);
    (wanted.abs() / dw_min + uniform) as i32 as u32
}

/// Sends each lane its number of pulses in the direction of `wanted`.
#[inline(always)]
fn send<R: Response>(block: &mut CellBlock, response: R, noise: Stream, counts: &[u32; LANES], wanted: &[f32; LANES]) {
    let most = counts.iter().fold(0, |a, &b| if b > a { b } else { a });
    for group in 0..most.div_ceil(4) {
        for lane in 0..LANES {
            let xi = if response.is_noisy() { block.normals(noise, lane, group) } else { [0.0; 4] };
            let up = wanted[lane] > 0.0;
            let mut v = block.state[lane];
            for (t, xi) in xi.into_iter().enumerate() {
                let next = block.pulsed(response, lane, v, up, xi);
                v = if 4 * group + (t as u32) < counts[lane] { next } else { v };
            }
            block.state[lane] = v;
        }
    }
}

/// The state of `lane` moved by `steps` noise-free steps of the size at the present state.
#[inline(always)]
fn moved<R: Response>(block: &CellBlock, response: R, lane: usize, steps: f32) -> f32 {
    let c = block.coefficients(lane);
    let v = block.state[lane];
    let size = response.step(&c, v, steps > 0.0);
    clip(v + steps * size, c[LOW], c[HIGH])
}
