//! From trains to pulses on cells.

use super::composed::{Composed, pays};
use super::dense::{Alike, Neighbours};
use super::fidelity::Fidelity;
use super::lockstep::Sending;
use super::rounds::Rounds;
use super::sparse;
use super::trains::{Kind, Trains};
use crate::device::{Apparent, CellsMut, Model, Response, Visitor};
use crate::ledger::Pulses;
use crate::par::Threads;
use crate::rng::Stream;
use crate::simd::Isa;

/// Which cells an update may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// These, each named once.
    Cells(Vec<u32>),
    /// Any.
    Any,
}

/// Applies drawn trains to the cells of an array.
pub struct Apply<'a> {
    /// The trains.
    pub trains: &'a Trains,
    /// Columns of the array.
    pub cols: usize,
    /// Level of the kernels.
    pub isa: Isa,
    /// Threads to use.
    pub threads: Threads,
    /// Cycle noise of this update.
    pub noise: Stream,
    /// Cycle noise of composed pulses.
    pub pieces: Stream,
    /// Whether pulses may be composed.
    pub fidelity: Fidelity,
    /// Write noise of this update.
    pub apparent: Apparent,
    /// All cells of the array.
    pub cells: CellsMut<'a>,
}

/// Mean pulses per cell, of the columns that have any, above which cells of like counts go together instead of neighbours.
const ALIKE_ABOVE: f64 = 2.0;
/// Mean pulses per cell and word of trains above which composing them is cheaper than sending them.
const COMPOSED_ABOVE: f64 = 2.0;
/// Rows that one block of work covers at least this many cells of.
const BLOCK: usize = 8192;
/// The same where pulses are few.
const SPARSE_BLOCK: usize = 32_768;

impl Visitor for Apply<'_> {
    type Output = (Pulses, Changed);

    fn visit<M: Model>(self, model: &M) -> Self::Output {
        let Self { trains, cols, isa, threads, noise, pieces, fidelity, apparent, cells } = self;
        let response = model.response(cells.parameters);
        let segments = match &trains.kind {
            Kind::Deterministic(rounds) => {
                let (pulses, changed) = isa.run(sparse::Sparse { response, rounds, noise, apparent, cells });
                return (pulses, Changed::Cells(changed));
            }
            Kind::Stochastic(segments) => segments,
        };
        let count = (trains.rows * cols) as f64;
        let words = count * segments.len() as f64;
        let composed = response.affine_noise().filter(|cycle| match fidelity {
            Fidelity::Pulse => false,
            Fidelity::Composed => true,
            // Pulses without noise are cheap one by one, and then exact.
            Fidelity::Auto => {
                let many = response.is_noisy() && trains.expected > COMPOSED_ABOVE * words;
                many && pays(response, *cycle, cells.parameters)
            }
        });
        let dense = trains.many(count);
        let (work, block) = match (composed, dense) {
            (Some(_), _) => (0.5 * words, BLOCK),
            (None, true) => (2.0 * trains.expected + 25.0 * count, BLOCK),
            (None, false) => (40.0 * trains.expected, SPARSE_BLOCK),
        };
        let (work, threads) = (work as usize, threads.for_short_work(work as usize));
        // Cells do not depend on each other: one block on one thread fills the kernels' lanes best, and as many on each of
        // several leave none of these waiting.
        let blocks = if threads == Threads::ONE { 1 } else { trains.rows.div_ceil(block.div_ceil(cols)) };
        let rows_per_block = trains.rows.div_ceil(blocks.next_multiple_of(threads.count()));
        let blocks = cells.blocks(rows_per_block * cols);
        let sending = Sending { isa, response, noise, apparent };
        if let Some(cycle) = composed {
            let expected = (trains.expected / words) as f32;
            let run = |cells| isa.run(Composed { sending, cycle, segments, expected, cols, pieces, cells });
            return (threads.map_work(work, blocks, run).into_iter().sum(), Changed::Any);
        }
        if dense {
            let columns = &segments.columns(cols)[..];
            if trains.expected < ALIKE_ABOVE * (trains.rows * columns.len()) as f64 {
                let run = |cells| isa.run(Neighbours { sending, segments, cols, cells });
                return (threads.map_work(work, blocks, run).into_iter().sum(), Changed::Any);
            }
            let segments = &segments.of_columns(columns);
            let run = |cells| isa.run(Alike { sending, segments, columns, cols, cells });
            return (threads.map_work(work, blocks, run).into_iter().sum(), Changed::Any);
        }
        let lines = sparse::Lines::collect(segments);
        let run = |cells: CellsMut<'_>| {
            let rounds = &sparse::collect(segments, &lines, cols, cells.first, cells.state.len());
            isa.run(sparse::Sparse { response, rounds, noise, apparent, cells })
        };
        let (pulses, changed): (Vec<Pulses>, Vec<Vec<u32>>) = threads.map_work(work, blocks, run).into_iter().unzip();
        (pulses.into_iter().sum(), Changed::Cells(changed.concat()))
    }
}

/// Applies given pulses.
pub struct ApplyPulses<'a> {
    /// The pulses.
    pub pulses: &'a Rounds,
    /// Level of the kernels.
    pub isa: Isa,
    /// Cycle noise of this update.
    pub noise: Stream,
    /// Write noise of this update.
    pub apparent: Apparent,
    /// All cells of the array.
    pub cells: CellsMut<'a>,
}

impl Visitor for ApplyPulses<'_> {
    type Output = (Pulses, Vec<u32>);

    fn visit<M: Model>(self, model: &M) -> Self::Output {
        let Self { pulses, isa, noise, apparent, cells } = self;
        isa.run(sparse::Sparse { response: model.response(cells.parameters), rounds: pulses, noise, apparent, cells })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Device, SoftBoundsReference};
    use crate::pulse::PulseUpdate;
    use crate::pulse::trains::{DENSE_ABOVE, Request};
    use crate::rng::{Key, Purpose};

    /// The paths are chosen by cost alone: forced any way, they leave the same bits.
    #[test]
    fn sparse_and_dense_paths_leave_the_same_bits() {
        let (rows, cols, batch) = (37, 45, 12);
        let device =
            Device::SoftBoundsReference(SoftBoundsReference { write_noise_std: 1.0, ..SoftBoundsReference::default() });
        let key = Key::from_seed([5; 4]);
        let parameters = device.sample(Isa::machine(), key, rows * cols);
        let wave = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        let (mut x, d) = (wave(batch * cols), wave(batch * rows));
        // Columns without an input, which the dense path leaves out.
        x.chunks_exact_mut(cols).for_each(|x| x[3..21].fill(0.0));
        for (lr, desired_bl) in [(0.0003, 31), (0.1, 31), (0.3, 100)] {
            let update = PulseUpdate { desired_bl, ..PulseUpdate::default() };
            let granularity = device.granularity();
            let (isa, rates) = (Isa::machine(), &[lr; 12]);
            let request = Request {
                x: &x,
                d: &d,
                batch,
                rows,
                cols,
                rates,
                signs: &[],
                granularity,
                update: &update,
                key,
                step: 0,
                isa,
                threads: Threads::ONE,
            };
            let mut trains = Trains::draw(&request).unwrap();
            let mut run = |expected| {
                trains.expected = expected;
                let mut state = vec![0.0; rows * cols];
                let mut apparent = state.clone();
                let mut counts = [vec![0; rows * cols], vec![0; rows * cols]];
                let [count_up, count_down] = &mut counts;
                let cells = CellsMut {
                    first: 0,
                    parameters: &parameters,
                    state: &mut state,
                    apparent: &mut apparent,
                    count_up,
                    count_down,
                };
                let (pulses, _) = device.visit(Apply {
                    trains: &trains,
                    cols,
                    isa,
                    threads: Threads::ONE,
                    noise: key.stream(Purpose::UpdatePulse, 1),
                    pieces: key.stream(Purpose::ComposedUpdate, 1),
                    fidelity: Fidelity::Pulse,
                    apparent: Apparent { stream: key.stream(Purpose::WriteNoise, 1), std: 0.001 },
                    cells,
                });
                (pulses, state, apparent, counts)
            };
            let (sparse, dense) = (run(0.0), run(f64::INFINITY));
            assert!(sparse.0.up > 0 && sparse.0.down > 0);
            assert_eq!(sparse, dense, "lr {lr}, BL {desired_bl}");
            let neighbours = run((1.0 + DENSE_ABOVE) / 2.0 * (rows * cols) as f64);
            assert_eq!(sparse, neighbours, "lr {lr}, BL {desired_bl}");
        }
    }
}
