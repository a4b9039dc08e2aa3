//! The moving average `Q` that finds the symmetric point, and the frozen reference that is subtracted.
//!
//! `Q <- (1 - beta) Q + beta v` at every read of a column (12). The reference `Q~` takes over `Q` when it is programmed: at
//! every read (RIDER), at a chopper's flip (E-RIDER), or at the first read after it (the peer's AGAD).

use crate::error::Result;
use crate::snapshot::State;

/// When the reference takes over the average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programming {
    /// After every read.
    EveryRead,
    /// At once where the chopper flips, with the present read included.
    AtFlip,
    /// At the first read after the chopper flipped, before that read enters the average.
    AfterFlip,
}

/// Average and reference of an array: the average column after column, since reads come by columns; the reference in C
/// order, as the array that it is written to.
#[derive(Clone, Debug)]
pub struct Tracker {
    average: Vec<f32>,
    reference: Vec<f32>,
    flipped: Vec<bool>,
    rows: usize,
    cols: usize,
    rate: f32,
    programming: Programming,
    programmed: u64,
}

impl Tracker {
    /// Average and reference zero; `rate` is `beta` (or `eta`).
    #[must_use]
    pub fn new(rows: usize, cols: usize, rate: f32, programming: Programming) -> Self {
        Self {
            average: vec![0.0; rows * cols],
            reference: vec![0.0; rows * cols],
            flipped: vec![false; cols],
            rows,
            cols,
            rate,
            programming,
            programmed: 0,
        }
    }

    /// A tracker under choppers with phases of `period` sweeps: its rate is `beta = min(tail_weighting / K, 1)`, and it
    /// programs at a flip, or at the first read after it.
    #[must_use]
    pub fn of_phase(rows: usize, cols: usize, period: u64, tail_weighting: f64, at_flip: bool) -> Self {
        let programming = if at_flip { Programming::AtFlip } else { Programming::AfterFlip };
        Self::new(rows, cols, (tail_weighting / period as f64).min(1.0) as f32, programming)
    }

    /// The reference to subtract from a read of `column` that comes now.
    pub fn reference_for_read(&mut self, column: usize) -> impl Iterator<Item = f32> {
        if self.programming == Programming::AfterFlip && std::mem::take(&mut self.flipped[column]) {
            self.program(column);
        }
        self.reference[column..].iter().step_by(self.cols).copied()
    }

    /// Takes the read `v` of `column` into the average.
    pub fn observe(&mut self, column: usize, v: &[f32]) {
        let rate = self.rate;
        let average = &mut self.average[column * self.rows..(column + 1) * self.rows];
        for (q, v) in average.iter_mut().zip(v) {
            *q = (1.0 - rate) * *q + rate * v;
        }
        if self.programming == Programming::EveryRead {
            self.program(column);
        }
    }

    /// Notes that the chopper of `column` flipped.
    pub fn flip(&mut self, column: usize) {
        match self.programming {
            Programming::AtFlip => self.program(column),
            Programming::AfterFlip => self.flipped[column] = true,
            Programming::EveryRead => {}
        }
    }

    fn program(&mut self, column: usize) {
        let average = &self.average[column * self.rows..(column + 1) * self.rows];
        for (reference, q) in self.reference[column..].iter_mut().step_by(self.cols).zip(average) {
            *reference = *q;
        }
        self.programmed += self.rows as u64;
    }

    /// `Q`, column after column.
    #[must_use]
    pub fn average(&self) -> &[f32] {
        &self.average
    }

    /// `Q~`, in C order.
    #[must_use]
    pub fn reference(&self) -> &[f32] {
        &self.reference
    }

    /// Cells of the reference written so far.
    #[must_use]
    pub fn programmed(&self) -> u64 {
        self.programmed
    }

    /// The complete state; the average stands column after column.
    #[must_use]
    pub fn snapshot(&self) -> State {
        let Self { average, reference, flipped, rows, cols, rate: _, programming: _, programmed } = self;
        let mut state = State::default();
        state.set_plane("average", &[*cols, *rows], average.clone());
        state.set_plane("reference", &[*rows, *cols], reference.clone());
        state.set_list("flipped", flipped.clone());
        state.set_count("programmed", *programmed);
        state
    }

    /// A tracker like this one in another state.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`].
    pub fn restored(&self, mut from: State) -> Result<Self> {
        let Self { average: _, reference: _, flipped: _, rows, cols, rate, programming, programmed: _ } = *self;
        let average = from.plane("average", &[cols, rows])?;
        let reference = from.plane("reference", &[rows, cols])?;
        let flipped: Vec<bool> = from.plane("flipped", &[cols])?;
        if programming != Programming::AfterFlip && flipped.contains(&true) {
            return Err(from.refuse("flipped", "holds true: must be false where flips are programmed at once"));
        }
        let programmed = from.count("programmed")?;
        from.finish()?;
        Ok(Self { average, reference, flipped, rows, cols, rate, programming, programmed })
    }
}
