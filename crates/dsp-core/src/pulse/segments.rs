//! The trains of a batch of vector pairs, cut into machine words.

use std::ops::Deref;

use super::train::{Draw, Lines};
use super::trains::Request;
use crate::error::{Result, lengthen, make_room};
use crate::rng::Purpose;
use crate::simd::LANES;

/// Slots in one machine word.
const WORD: u32 = 32;

/// Up to 32 slots of one vector pair: one word per line.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    /// Words of the error lines, one per row.
    pub error: &'a [u32],
    /// All ones where an error is negative, else zero.
    pub error_negative: &'a [u32],
    /// Words of the input lines, one per column and padded with zeros to a multiple of sixteen.
    pub input: &'a [u32],
    /// All ones where an input is negative, else zero; padded likewise.
    pub input_negative: &'a [u32],
}

/// A segment as one row meets it: the word of its error line, and those of all input lines, sixteen together.
#[derive(Clone, Copy)]
pub struct Fired<'a> {
    /// Word of the error line.
    pub error: u32,
    /// All ones where the error is negative, else zero.
    pub error_negative: u32,
    /// Words of the input lines.
    pub input: &'a [[u32; LANES]],
    /// All ones where an input is negative, else zero.
    pub input_negative: &'a [[u32; LANES]],
}

/// The segments of a batch that may send pulses, in the order of its vectors, each kind of line in one plane.
#[derive(Default)]
pub struct Segments {
    rows: usize,
    padded: usize,
    /// All ones where an input line is chopped, else zero; empty where none is.
    chopped: Vec<u32>,
    /// Room for the words of one segment: of the error lines, then of the input lines with their padding.
    drawn: Vec<u32>,
    /// Slots in which input lines fire, over all segments and lines.
    met: usize,
    error: Vec<u32>,
    error_negative: Vec<u32>,
    input: Vec<u32>,
    input_negative: Vec<u32>,
}

impl Segments {
    /// No segments yet, of an array of this shape whose input lines have these choppers, if any.
    pub fn new(rows: usize, cols: usize, signs: &[i8]) -> Self {
        let chopped = signs.iter().map(|sign| if *sign < 0 { u32::MAX } else { 0 }).collect();
        let padded = cols.next_multiple_of(LANES);
        Self { rows, padded, chopped, drawn: vec![0; rows + padded], ..Self::default() }
    }

    /// Makes room for so many segments, but not for more than will do: what grows later is copied.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn reserve(&mut self, segments: usize) -> Result<()> {
        const MOST: usize = 1 << 20;
        let (errors, inputs) = ((segments * self.rows).min(MOST), (segments * self.padded).min(MOST));
        for (plane, more) in [
            (&mut self.error, errors),
            (&mut self.error_negative, errors),
            (&mut self.input, inputs),
            (&mut self.input_negative, inputs),
        ] {
            make_room(plane, more, "the pulse trains")?;
        }
        Ok(())
    }

    /// Number of segments.
    pub fn len(&self) -> usize {
        self.error.len() / self.rows
    }

    /// Rows of the array.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Slots in which input lines fire, over all segments and lines.
    pub fn met(&self) -> usize {
        self.met
    }

    /// All segments in order.
    #[inline(always)]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Segment<'_>> {
        self.iter_from(0)
    }

    /// The segments from number `from` on.
    #[inline(always)]
    fn iter_from(&self, from: usize) -> impl ExactSizeIterator<Item = Segment<'_>> {
        #[inline(always)]
        fn words(plane: &[u32], width: usize, from: usize) -> std::slice::ChunksExact<'_, u32> {
            plane[from * width..].chunks_exact(width)
        }
        let Self { rows, padded, .. } = *self;
        let errors = words(&self.error, rows, from).zip(words(&self.error_negative, rows, from));
        let inputs = words(&self.input, padded, from).zip(words(&self.input_negative, padded, from));
        errors.zip(inputs).map(|((error, error_negative), (input, input_negative))| Segment {
            error,
            error_negative,
            input,
            input_negative,
        })
    }

    /// Collects at most `most` segments, from number `from` on, in which the error line of `row` fires; the number of the
    /// segment from which to go on.
    pub fn fired<'a>(&'a self, row: usize, from: usize, most: usize, fired: &mut Vec<Fired<'a>>) -> usize {
        fired.clear();
        let mut number = from;
        for segment in self.iter_from(from) {
            if fired.len() == most {
                break;
            }
            number += 1;
            if segment.error[row] != 0 {
                fired.push(Fired {
                    error: segment.error[row],
                    error_negative: segment.error_negative[row],
                    input: segment.input.as_chunks().0,
                    input_negative: segment.input_negative.as_chunks().0,
                });
            }
        }
        number
    }

    /// Draws the trains of one vector pair; returns how many coincidences to expect of them. Words in which no error line
    /// or no input line fires are left out: they send nothing, and where no error fires inputs need not be drawn.
    pub fn draw<'a>(
        &mut self,
        request: &Request<'_>,
        ordinal: u32,
        length: u32,
        x: &(dyn Deref<Target = Lines<'a>> + 'a),
        d: Lines<'_>,
    ) -> Result<f64> {
        let negative = |v: &f32| if v.is_sign_negative() { u32::MAX } else { 0 };
        let mut expected = 0.0;
        for from in (0..length).step_by(WORD as usize) {
            let slots = WORD.min(length - from);
            let draw = |purpose, lines, words: &mut [u32]| {
                let stream = request.key.stream(purpose, request.step);
                Draw { stream, ordinal: ordinal + from, slots, lines, words }.at(request.isa)
            };
            let (errors, inputs) = self.drawn.split_at_mut(self.rows);
            let fired = draw(Purpose::ErrorTrain, d, errors);
            if fired == 0 {
                continue;
            }
            let met = draw(Purpose::InputTrain, **x, &mut inputs[..request.cols]);
            if met == 0 {
                continue;
            }
            for (plane, words) in [(&mut self.error, &*errors), (&mut self.input, &*inputs)] {
                make_room(plane, words.len(), "the pulse trains")?;
                plane.extend_from_slice(words);
            }
            let at = self.input_negative.len();
            lengthen(&mut self.input_negative, self.padded, "the pulse trains")?;
            make_room(&mut self.error_negative, self.rows, "the pulse trains")?;
            self.error_negative.extend(d.values.iter().map(negative));
            let input_negative = &mut self.input_negative[at..];
            input_negative.iter_mut().zip(x.values.iter().map(negative)).for_each(|(word, all)| *word = all);
            input_negative.iter_mut().zip(&self.chopped).for_each(|(word, chopped)| *word ^= chopped);
            self.met += met as usize;
            expected += f64::from(fired) * f64::from(met) / f64::from(slots);
        }
        Ok(expected)
    }

    /// Takes the segments of `more`, of the same array, behind its own.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn append(&mut self, more: &Self) -> Result<()> {
        for (plane, more) in [
            (&mut self.error, &more.error),
            (&mut self.error_negative, &more.error_negative),
            (&mut self.input, &more.input),
            (&mut self.input_negative, &more.input_negative),
        ] {
            make_room(plane, more.len(), "the pulse trains")?;
            plane.extend_from_slice(more);
        }
        self.met += more.met;
        Ok(())
    }

    /// The columns that fire at all.
    pub fn columns(&self, cols: usize) -> Vec<u32> {
        let mut fired = vec![0; self.padded];
        for words in self.input.chunks_exact(self.padded) {
            fired.iter_mut().zip(words).for_each(|(fired, word)| *fired |= word);
        }
        (0..cols).filter(|&col| fired[col] != 0).map(|col| col as u32).collect()
    }

    /// The same segments of these columns alone.
    pub fn of_columns(&self, columns: &[u32]) -> Self {
        let padded = columns.len().max(1).next_multiple_of(LANES);
        let chosen = |plane: &[u32]| {
            let mut chosen = vec![0; plane.len() / self.padded * padded];
            for (to, from) in chosen.chunks_exact_mut(padded).zip(plane.chunks_exact(self.padded)) {
                to.iter_mut().zip(columns).for_each(|(to, &col)| *to = from[col as usize]);
            }
            chosen
        };
        Self {
            rows: self.rows,
            padded,
            chopped: Vec::new(),
            drawn: Vec::new(),
            met: self.met,
            error: self.error.clone(),
            error_negative: self.error_negative.clone(),
            input: chosen(&self.input),
            input_negative: chosen(&self.input_negative),
        }
    }

    /// What they occupy.
    pub fn bytes(&self) -> usize {
        [&self.error, &self.error_negative, &self.input, &self.input_negative]
            .map(|plane| size_of_val(&plane[..]))
            .iter()
            .sum()
    }
}
