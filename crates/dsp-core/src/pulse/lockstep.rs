//! Sixteen cells that wait for like numbers of pulses at a time.
//!
//! Cells are independent, and so is the order in which they get their pulses: a cell's pulses and their normals are
//! numbered by cell and ordinal. So cells wait in classes of like numbers of pulses until sixteen of a class are there,
//! and no lane waits long for another one.

use super::directions::{Directions, largest};
use crate::device::{Apparent, CellBlock, CellsMut, Response};
use crate::rng::Stream;
use crate::rng::normal::normal_pair;
use crate::simd::{Isa, Kernel, LANES};

/// Pulses in one word of directions.
pub(super) const WORD: usize = 32;

/// What cells are sent: the response to pulses, its noise, and what their weights show afterwards.
#[derive(Clone, Copy)]
pub(super) struct Sending<R> {
    pub isa: Isa,
    pub response: R,
    pub noise: Stream,
    pub apparent: Apparent,
}

/// Cells with pulses to come, by the number of these.
pub(super) struct Waiting<R> {
    sending: Sending<R>,
    /// The group of every cell's normals with which its pulses begin.
    pub draws: u32,
    classes: Vec<Batch>,
}

/// At most sixteen cells with like numbers of pulses.
struct Batch {
    index: [u32; LANES],
    directions: Directions,
    len: usize,
}

/// The class of so many pulses. Pulses go in pairs: below sixteen pairs each number is a class, and each octave from there
/// on has eight.
#[inline(always)]
fn class_of(total: u32) -> usize {
    let pairs = total.div_ceil(2);
    let octave = 28 - (pairs | 8).leading_zeros();
    ((octave << 3) + (pairs >> octave)) as usize
}

/// The most pulses of a class.
fn most_of(class: usize) -> usize {
    let octave = (class / 8).max(1) - 1;
    2 * (((class - 8 * octave + 1) << octave) - 1)
}

/// Bytes that cells with at most so many pulses wait in.
pub(super) fn room(pulses: usize) -> usize {
    (0..=class_of(pulses as u32)).map(|class| (most_of(class).div_ceil(WORD) + 1) * size_of::<[u32; LANES]>()).sum()
}

impl<R: Response> Waiting<R> {
    /// None yet; none that comes has more than so many pulses.
    pub(super) fn new(sending: Sending<R>, pulses: usize) -> Self {
        let classes = (0..=class_of(pulses as u32)).map(|class| Batch::new(most_of(class))).collect();
        Self { sending, draws: 0, classes }
    }

    /// Puts sixteen cells to those that wait, and sends those that are sixteen.
    #[inline(always)]
    pub(super) fn push(&mut self, index: &[u32; LANES], directions: &Directions, cells: &mut CellsMut<'_>) {
        let mut numbers = [0; LANES];
        for lane in 0..LANES {
            numbers[lane] = class_of(directions.total[lane]);
        }
        for lane in 0..LANES {
            let class = &mut self.classes[numbers[lane]];
            class.put(index[lane], directions, lane);
            if class.len == LANES {
                self.sending.isa.run(Sixteen { sending: self.sending, draws: self.draws, batch: class, cells });
            }
        }
    }

    /// Sends what still waits, class by class.
    #[inline(always)]
    pub(super) fn finish(&mut self, cells: &mut CellsMut<'_>) {
        let Self { sending, draws, classes } = self;
        let Some(most) = classes.iter().rposition(|class| class.len > 0) else { return };
        // Those of the classes before join the cells of the next one.
        for number in 0..most {
            let (done, rest) = classes.split_at_mut(number + 1);
            let (class, next) = (&mut done[number], &mut rest[0]);
            for lane in 0..class.len {
                next.put(class.index[lane], &class.directions, lane);
                if next.len == LANES {
                    sending.isa.run(Sixteen { sending: *sending, draws: *draws, batch: next, cells });
                }
            }
            class.len = 0;
        }
        sending.isa.run(Sixteen { sending: *sending, draws: *draws, batch: &mut classes[most], cells });
    }
}

impl Batch {
    /// None yet, of cells with at most so many pulses.
    fn new(pulses: usize) -> Self {
        Self { index: [0; LANES], directions: Directions::new(pulses.div_ceil(WORD)), len: 0 }
    }

    /// Takes the cell of lane `lane`, if it has pulses.
    #[inline(always)]
    fn put(&mut self, cell: u32, directions: &Directions, lane: usize) {
        // A cell without pulses is written where the next one comes to stand: no branch on chance.
        let (at, total) = (self.len % LANES, directions.total[lane]);
        self.index[at] = cell;
        self.directions.total[at] = total;
        self.directions.words[0][at] = directions.words[0][lane];
        for word in 1..(total as usize).div_ceil(WORD) {
            self.directions.words[word][at] = directions.words[word][lane];
        }
        self.len += usize::from(total > 0);
    }
}

/// Sends the pulses of a batch, which is empty afterwards.
struct Sixteen<'a, 'b, R> {
    sending: Sending<R>,
    draws: u32,
    batch: &'a mut Batch,
    cells: &'a mut CellsMut<'b>,
}

impl<R: Response> Kernel for Sixteen<'_, '_, R> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { sending: Sending { isa: _, response, noise, apparent }, draws, batch, cells } = self;
        let index = &batch.index[..batch.len];
        batch.directions.total[batch.len..].fill(0);
        let mut block = CellBlock::gathered(response, cells.parameters, cells.first, cells.state, index);
        send(&mut block, response, noise, &batch.directions, draws);
        for (lane, &cell) in index.iter().enumerate() {
            cells.state[cell as usize - cells.first] = block.state[lane];
        }
        cells.show_some(&block, apparent, batch.len);
        batch.len = 0;
    }
}

/// Sends the packed pulses; their normals are those from group `first` of each cell on.
#[inline(always)]
pub(super) fn send<R: Response>(
    block: &mut CellBlock,
    response: R,
    noise: Stream,
    directions: &Directions,
    first: u32,
) {
    // Asked once and out here: within the loop over lanes the question would keep it scalar.
    if response.is_noisy() {
        send_groups::<R, true>(block, response, noise, directions, first);
    } else {
        send_groups::<R, false>(block, response, noise, directions, first);
    }
}

#[inline(always)]
fn send_groups<R: Response, const NOISY: bool>(
    block: &mut CellBlock,
    response: R,
    noise: Stream,
    directions: &Directions,
    first: u32,
) {
    let most = largest(&directions.total);
    for group in 0..most.div_ceil(4) {
        if most > 4 * group + 2 {
            send_group::<R, NOISY, true>(block, response, noise, directions, group, first + group);
        } else {
            send_group::<R, NOISY, false>(block, response, noise, directions, group, first + group);
        }
    }
}

/// Sends the four pulses of group `group`, or the first two of them; `draw` numbers their normals.
#[inline(always)]
fn send_group<R: Response, const NOISY: bool, const FOUR: bool>(
    block: &mut CellBlock,
    response: R,
    noise: Stream,
    directions: &Directions,
    group: u32,
    draw: u32,
) {
    let words = &directions.words[(group / 8) as usize];
    for lane in 0..LANES {
        let drawn = if NOISY { noise.words(block.index[lane], draw) } else { [0; 4] };
        let bits = words[lane] >> (4 * (group % 8));
        let left = directions.total[lane].saturating_sub(4 * group);
        let pair = |a: usize, b: usize| if NOISY { normal_pair(drawn[a], drawn[b]) } else { (0.0, 0.0) };
        let mut v = block.state[lane];
        let xi = pair(0, 1);
        let next = block.pulsed(response, lane, v, bits & 1 != 0, xi.0);
        v = if left > 0 { next } else { v };
        let next = block.pulsed(response, lane, v, bits & 2 != 0, xi.1);
        v = if left > 1 { next } else { v };
        if FOUR {
            let xi = pair(2, 3);
            let next = block.pulsed(response, lane, v, bits & 4 != 0, xi.0);
            v = if left > 2 { next } else { v };
            let next = block.pulsed(response, lane, v, bits & 8 != 0, xi.1);
            v = if left > 3 { next } else { v };
        }
        block.state[lane] = v;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classes follow the order of the numbers, hold numbers that differ by a seventh at most, and have words for them.
    #[test]
    fn classes_hold_like_numbers_of_pulses() {
        for total in 1..100_000_u32 {
            let class = class_of(total);
            let (most, before) = (most_of(class), most_of(class - 1));
            assert!(before < total as usize && total as usize <= most, "{total} in class {class}");
            assert!(most - before <= (total as usize / 7).max(2), "{total}: {before} to {most}");
        }
        assert_eq!(class_of(0), 0);
    }

    #[test]
    fn room_is_what_waiting_takes() {
        let words = |class| Batch::new(most_of(class)).directions.words;
        for pulses in [1, 100, 12_345] {
            let taken: usize = (0..=class_of(pulses)).map(|class| size_of_val(&*words(class))).sum();
            assert_eq!(room(pulses as usize), taken);
        }
    }
}
