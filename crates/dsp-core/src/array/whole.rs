//! Pulses sent to every cell of an array: the loop of zero-shifting and of programming.
//!
//! Exact, pulse by pulse: group `g` of four pulses of a cell takes its four normals from the block at (cell, g), where
//! pulses are numbered by the array's clock. So a run of pulses can be cut anywhere without changing a bit. Composed pulses
//! (`composed`) take one normal per cell and window of 128 instead.

use super::composed::Path;
use super::trace::Planned;
use super::{block_size, total};
use crate::device::{Apparent, CellBlock, CellsMut, CycleNoise, Model, Response, Visitor};
use crate::ledger::Pulses;
use crate::par::Threads;
use crate::pulse::Fidelity;
use crate::rng::normal::normals;
use crate::rng::{Key, Purpose, Stream};
use crate::simd::{Isa, Kernel, LANES};

/// Pulses whose directions come from one block of four words.
pub(super) const WINDOW: u64 = 128;
/// Pulses of a call from which composing them is cheaper.
const COMPOSED_FROM: u32 = 8;
/// Pulses numbered within one step of the stream; the rest of the clock goes into the step.
const SPAN: u64 = 1 << 20;

/// The directions of pulses sent to a whole array.
#[derive(Clone, Copy, Debug)]
pub enum Directions<'a> {
    /// All up.
    Up,
    /// All down.
    Down,
    /// Up, down, up, ... from the first pulse of the call on.
    Alternate,
    /// Down, up, down, ... likewise.
    AlternateDown,
    /// Up or down with probability 1/2, independently for every cell and pulse.
    Random,
    /// By cell: +1 up, -1 down, 0 no pulse.
    Mask(&'a [i8]),
}

/// Pulses number `start` to `end` (exclusive) of the array's clock, sent to all cells.
pub struct WholeArray<'a> {
    pub key: Key,
    pub isa: Isa,
    pub threads: Threads,
    pub start: u64,
    pub end: u64,
    pub directions: Directions<'a>,
    /// Whether runs of pulses are composed where that is possible.
    pub composed: bool,
    pub apparent: Apparent,
    pub cells: CellsMut<'a>,
}

impl Visitor for WholeArray<'_> {
    type Output = Pulses;

    fn visit<M: Model>(self, model: &M) -> Pulses {
        let Self { key, isa, threads, start, end, directions, composed, apparent, cells } = self;
        let response = model.response(cells.parameters);
        let composed = response.affine_noise().filter(|_| composed);
        total(threads.map(cells.blocks(block_size()), |cells| {
            isa.run(Run { response, composed, key, start, end, directions, apparent, cells })
        }))
    }
}

/// Whether a call with so many pulses composes them.
pub(super) fn composes(fidelity: Fidelity, pulses: u32) -> bool {
    match fidelity {
        Fidelity::Pulse => false,
        Fidelity::Composed => true,
        Fidelity::Auto => pulses >= COMPOSED_FROM,
    }
}

/// Redraws all apparent weights.
pub struct ShowAll<'a> {
    pub isa: Isa,
    pub apparent: Apparent,
    pub cells: CellsMut<'a>,
}

impl Visitor for ShowAll<'_> {
    type Output = ();

    fn visit<M: Model>(self, model: &M) {
        let Self { isa, apparent, cells } = self;
        isa.run(ShowRun { response: model.response(cells.parameters), apparent, cells });
    }
}

struct ShowRun<'a, R> {
    response: R,
    apparent: Apparent,
    cells: CellsMut<'a>,
}

impl<R: Response> Kernel for ShowRun<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { response, apparent, mut cells } = self;
        for at in (0..cells.state.len()).step_by(LANES) {
            let end = cells.state.len().min(at + LANES);
            let block = CellBlock::consecutive(response, cells.parameters, cells.first + at, &cells.state[at..end]);
            cells.show(at, &block, apparent, |_| true);
        }
    }
}

/// The pulses number `start` to `end` of one cell, for a trace.
pub fn planned(key: Key, directions: Directions<'_>, start: u64, end: u64, cell: u32) -> Vec<Planned> {
    if matches!(directions, Directions::Mask(mask) if mask[cell as usize] == 0) {
        return Vec::new();
    }
    let mut index = [0; LANES];
    index[0] = cell;
    let plan = |at: u64| {
        let words = direction_words(key, directions, start, at, &index, cell as usize);
        let (offset, noise) = (at % WINDOW, key.stream(Purpose::WholeArrayPulse, at / SPAN));
        let xi = normals(noise.words(cell, (at % SPAN / 4) as u32))[(at % 4) as usize];
        Planned { up: (words[(offset / 32) as usize][0] >> (offset % 32)) & 1 != 0, event: at + 1, xi }
    };
    (start..end).map(plan).collect()
}

struct Run<'a, R> {
    response: R,
    /// The cycle noise if pulses are composed.
    composed: Option<CycleNoise>,
    key: Key,
    start: u64,
    end: u64,
    directions: Directions<'a>,
    apparent: Apparent,
    cells: CellsMut<'a>,
}

impl<R: Response> Kernel for Run<'_, R> {
    type Output = Pulses;

    #[inline(always)]
    fn run(self) -> Pulses {
        let Self { response, composed, key, start, end, directions, apparent, mut cells } = self;
        let mut pulses = Pulses::default();
        for at in (0..cells.state.len()).step_by(LANES) {
            let width = LANES.min(cells.state.len() - at);
            let first = cells.first + at;
            let mut block = CellBlock::consecutive(response, cells.parameters, first, &cells.state[at..at + width]);
            let before = block.state;
            let mut ups = [0_u32; LANES];
            let periodic = !matches!(directions, Directions::Random);
            let mut window = start;
            while window < end {
                let stop = end.min((window / WINDOW + 1) * WINDOW);
                let words = direction_words(key, directions, start, window, &block.index, first);
                let valid = valid_bits(window % WINDOW, stop - window);
                for lane in 0..LANES {
                    for k in 0..4 {
                        ups[lane] += (words[k][lane] & valid[k]).count_ones();
                    }
                }
                let noise = key.stream(Purpose::WholeArrayPulse, window / SPAN);
                let mut sent = block;
                let length = stop - window;
                let path = composed.map(|cycle| Path::new(&block, cycle, periodic, &words, window % WINDOW, length));
                if path.as_ref().is_none_or(|path| !path.is_free(width)) {
                    send(&mut sent, response, noise, &words, window, stop);
                }
                if let Some(path) = path {
                    let pieces = key.stream(Purpose::ComposedPulse, window / SPAN);
                    path.draw(&block, pieces, (window % SPAN) as u32, &mut sent.state);
                }
                block = sent;
                window = stop;
            }
            let skipped =
                |lane: usize| matches!(directions, Directions::Mask(mask) if mask.get(first + lane) == Some(&0));
            for lane in 0..width {
                let index = at + lane;
                if skipped(lane) {
                    block.state[lane] = before[lane];
                    continue;
                }
                let downs = (end - start) as u32 - ups[lane];
                cells.count(index, ups[lane], downs);
                pulses.up += u64::from(ups[lane]);
                pulses.down += u64::from(downs);
                cells.state[index] = block.state[lane];
            }
            cells.show(at, &block, apparent, |lane| !skipped(lane));
        }
        pulses
    }
}

/// The directions of the window's 128 pulses, bit `p mod 32` of word `p / 32`; one bit means up.
#[inline(always)]
fn direction_words(
    key: Key,
    directions: Directions<'_>,
    start: u64,
    window: u64,
    index: &[u32; LANES],
    first: usize,
) -> [[u32; LANES]; 4] {
    let mut words = [[0; LANES]; 4];
    match directions {
        Directions::Down => {}
        Directions::Up => words = [[u32::MAX; LANES]; 4],
        Directions::Alternate | Directions::AlternateDown => {
            let up_at_even = start.is_multiple_of(2) == matches!(directions, Directions::Alternate);
            let pattern = if up_at_even { 0x5555_5555 } else { 0xaaaa_aaaa };
            words = [[pattern; LANES]; 4];
        }
        Directions::Mask(mask) => {
            for (lane, sign) in mask[first..].iter().take(LANES).enumerate() {
                let word = if *sign > 0 { u32::MAX } else { 0 };
                words.iter_mut().for_each(|plane| plane[lane] = word);
            }
        }
        Directions::Random => {
            let stream = key.stream(Purpose::Direction, window / SPAN);
            let ordinal = (window % SPAN / WINDOW) as u32;
            for lane in 0..LANES {
                let drawn = stream.words(index[lane], ordinal);
                words[0][lane] = drawn[0];
                words[1][lane] = drawn[1];
                words[2][lane] = drawn[2];
                words[3][lane] = drawn[3];
            }
        }
    }
    words
}

/// The bits of a window that stand for pulses `offset` to `offset + length`.
#[inline(always)]
fn valid_bits(offset: u64, length: u64) -> [u32; 4] {
    let below = |n: u64| {
        if n >= 128 { u128::MAX } else { (1_u128 << n) - 1 }
    };
    let bits = below(offset + length) & !below(offset);
    std::array::from_fn(|k| (bits >> (32 * k)) as u32)
}

/// Sends pulses `from` to `to`, all within one window.
#[inline(always)]
fn send<R: Response>(block: &mut CellBlock, response: R, noise: Stream, words: &[[u32; LANES]; 4], from: u64, to: u64) {
    let mut at = from;
    while at < to {
        let group = (at % SPAN / 4) as u32;
        let offset = at % WINDOW;
        let (plane, shift) = ((offset / 32) as usize, (offset % 32) as u32);
        if at.is_multiple_of(4) && to - at >= 4 {
            for lane in 0..LANES {
                let xi = if response.is_noisy() { block.normals(noise, lane, group) } else { [0.0; 4] };
                let bits = words[plane][lane] >> shift;
                let mut v = block.state[lane];
                v = block.pulsed(response, lane, v, bits & 1 != 0, xi[0]);
                v = block.pulsed(response, lane, v, bits & 2 != 0, xi[1]);
                v = block.pulsed(response, lane, v, bits & 4 != 0, xi[2]);
                v = block.pulsed(response, lane, v, bits & 8 != 0, xi[3]);
                block.state[lane] = v;
            }
            at += 4;
        } else {
            for lane in 0..LANES {
                let xi = if response.is_noisy() { block.normals(noise, lane, group) } else { [0.0; 4] };
                let up = (words[plane][lane] >> shift) & 1 != 0;
                block.state[lane] = block.pulsed(response, lane, block.state[lane], up, xi[(at % 4) as usize]);
            }
            at += 1;
        }
    }
}
