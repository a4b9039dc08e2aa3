//! The machine that all rules with a fast array P and a slow array W share: the step order of 05 section 1.
//!
//! Every mini-batch pulses P with the (chopped) gradient; then one or more columns of P are read, corrected by the
//! reference, added to the buffer H, and where H reaches its threshold W gets one pulse.

use super::fast_rate::{AutoScale, FastRate};
use super::{Batch, Foundation, Hardware, LearningRule};
use crate::array::{Changed, CrossbarArray};
use crate::config::{Consistent, Count, Flag, Range, parameters};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::filter::{Choppers, PulseBuffer, Tracker};
use crate::par::stop::unwatched;
use crate::periphery::{Direction, Periphery};
use crate::pulse::PulseUpdate;
use crate::rng::uniform::open_unit;
use crate::rng::{Key, Purpose};
use crate::simd::prefetch;
use crate::snapshot::State;
use crate::vectors::Vectors;

mod state;

/// Cells whose refresh is asked for together: their lines stay in the first-level cache until it comes.
const ASKED: usize = 64;

/// A rate that may be multiplied by the global learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The rate.
    pub value: f64,
    /// Whether the global rate multiplies it.
    pub scaled: bool,
}

impl Rate {
    /// The rate at the global rate `lr`.
    pub(super) fn at(self, lr: f64) -> f64 {
        if self.scaled { self.value * lr } else { self.value }
    }
}

/// The numbers that make one rule out of the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Share of the residual in the visible weights.
    pub gamma: f32,
    /// Rate of the transfer.
    pub transfer: Rate,
    /// What one unit of the transfer rate adds to H per unit of weight read.
    pub buffer_gain: f64,
    /// Mini-batches between transfers.
    pub transfer_every: u32,
    /// Columns read in one transfer.
    pub columns_per_transfer: u32,
    /// Content of H that lets a pulse through.
    pub threshold: f32,
    /// Share of H that stays after a pulse.
    pub momentum: f32,
    /// Whether the rest is forgotten.
    pub forget: bool,
}

parameters! {
    /// What all rules share whose buffers count thresholds (02 section 6.2).
    pub struct Granular {
        ..auto: AutoScale;
        /// Mini-batches between transfers of P.
        transfer_every: u32 = 1, Count(1, u32::MAX);
        /// Columns read in one transfer.
        columns_per_transfer: u32 = 1, Count(1, 1 << 20);
        /// Scale of a buffer's gain; 0 leaves one granularity of P as the unit.
        auto_granularity: f64 = 1000.0, Range::NON_NEGATIVE;
        /// Share of a buffer that stays after a pulse.
        momentum: f64 = 0.0, Range::UNIT;
        /// Forget the rest of a buffer after a pulse.
        forget_buffer: bool = true, Flag;
    }
}

impl Consistent for Granular {}

impl Granular {
    /// Buffer content per unit of transfer rate and weight: `N transfer_every / (g auto_granularity)`, or `1 / g` where
    /// `auto_granularity` is 0, with `g` the granularity of P.
    #[must_use]
    pub fn gain(&self, fast: &Device, cols: usize) -> f64 {
        let granularity = fast.granularity();
        if self.auto_granularity > 0.0 {
            cols as f64 * f64::from(self.transfer_every) / (granularity * self.auto_granularity)
        } else {
            1.0 / granularity
        }
    }

    /// The numbers of a rule with one fast array.
    #[must_use]
    pub fn settings(&self, fast: &Device, cols: usize, gamma: f64, transfer: Rate) -> Settings {
        Settings {
            gamma: gamma as f32,
            transfer,
            buffer_gain: self.gain(fast, cols),
            transfer_every: self.transfer_every,
            columns_per_transfer: self.columns_per_transfer,
            threshold: 1.0,
            momentum: self.momentum as f32,
            forget: self.forget_buffer,
        }
    }
}

/// A running rule with a fast and a slow array.
#[derive(Clone)]
pub struct Transfer {
    fast: CrossbarArray,
    rate: FastRate,
    slow: CrossbarArray,
    /// The mixed weights; empty where gamma is 0 and the slow array is what is seen.
    visible: Vec<f32>,
    buffer: PulseBuffer,
    choppers: Option<Choppers>,
    tracker: Option<Tracker>,
    settings: Settings,
    transfer_read: Periphery,
    key: Key,
    batches: u64,
    transfers: u64,
    column: usize,
    sweep: u64,
    scratch: Scratch,
}

/// Space reused between mini-batches.
#[derive(Clone, Default)]
struct Scratch {
    read: Vec<f32>,
    pulses: Vec<i8>,
}

impl Transfer {
    /// Builds the machine.
    ///
    /// # Errors
    /// [`crate::Error`] for an impossible shape or too little memory.
    pub fn new(
        foundation: Foundation,
        hardware: &Hardware,
        settings: Settings,
        rate: FastRate,
        choppers: Option<Choppers>,
        tracker: Option<Tracker>,
    ) -> Result<Self> {
        let (rows, cols) = foundation.shape;
        let mut rule = Self {
            fast: foundation.array(0, &hardware.fast)?,
            rate,
            slow: foundation.array(1, &hardware.slow)?,
            visible: Vec::new(),
            buffer: PulseBuffer::new(rows, cols, settings.threshold, settings.momentum, settings.forget),
            choppers,
            tracker,
            settings,
            transfer_read: hardware.transfer_read.clone(),
            key: foundation.key.child(2),
            batches: 0,
            transfers: 0,
            column: 0,
            sweep: 0,
            scratch: Scratch { read: vec![0.0; rows], pulses: vec![0; rows] },
        };
        if settings.gamma != 0.0 {
            rule.visible = vec![0.0; rows * cols];
        }
        if !foundation.blank {
            rule.set_weights(&vec![0.0; rows * cols])?;
        }
        Ok(rule)
    }

    fn sign(&self, column: usize) -> f32 {
        self.choppers.as_ref().map_or(1.0, |choppers| choppers.sign(column))
    }

    /// Recomputes `W + gamma c (P - Q~)` of some cells.
    fn refresh_cells(&mut self, cells: impl Iterator<Item = usize>) {
        if self.visible.is_empty() {
            return;
        }
        let cols = self.fast.shape().1 as u32;
        let (fast, slow, gamma) = (self.fast.weights(), self.slow.weights(), self.settings.gamma);
        let signs = self.choppers.as_ref().map_or(&[][..], Choppers::signs);
        let references = self.tracker.as_ref().map_or(&[][..], Tracker::reference);
        for cell in cells {
            let sign = signs.get((cell as u32 % cols) as usize).map_or(1.0, |sign| f32::from(*sign));
            let reference = references.get(cell).copied().unwrap_or(0.0);
            self.visible[cell] = slow[cell] + gamma * sign * (fast[cell] - reference);
        }
    }

    /// Asks for what a refresh of these cells needs besides what their pulses did.
    fn prefetch(&self, cells: &[u32]) {
        let references = self.tracker.as_ref().map_or(&[][..], Tracker::reference);
        for &cell in cells {
            prefetch(&self.visible, cell as usize);
            prefetch(self.slow.weights(), cell as usize);
            prefetch(references, cell as usize);
        }
    }

    /// What a unit of weight that is read adds to the buffer.
    fn gain(&self, lr: f64) -> f32 {
        (self.settings.transfer.at(lr) * self.settings.buffer_gain) as f32
    }

    /// The rates of a mini-batch and what they leave, if nothing of it is to be refused: what a transfer could not bear would
    /// be found too late.
    fn rates(&self, batch: &Batch<'_>, update: &PulseUpdate) -> Result<(Vec<f64>, FastRate)> {
        self.fast.check_update(batch.size, update)?;
        let rates = self.rate.of_batch(batch, self.fast.device().granularity(), update)?;
        if !self.gain(batch.lr).is_finite() {
            return Err(Error::parameter("lr", batch.lr, "a finite number >= 0 that leaves the rates finite"));
        }
        Ok(rates)
    }

    /// Reads the next column and moves it towards W (05 section 1, step 4).
    fn transfer(&mut self, lr: f64) {
        let column = self.column;
        let sign = self.sign(column);
        let mut read = std::mem::take(&mut self.scratch.read);
        let mut pulses = std::mem::take(&mut self.scratch.pulses);
        self.fast.read_column(column, &self.transfer_read, &mut read);
        let gain = self.gain(lr) * sign;
        match &mut self.tracker {
            Some(tracker) => {
                let reference = tracker.reference_for_read(column);
                let residual = read.iter().zip(reference).map(|(v, q)| gain * (v - q));
                self.buffer.accumulate(column, residual, &mut pulses);
            }
            None => self.buffer.accumulate(column, read.iter().map(|v| gain * v), &mut pulses),
        }
        // Before a chopped reference has seen a whole phase, what the buffer lets through is not trusted.
        let phase = self.tracker.as_ref().and(self.choppers.as_ref()).map(Choppers::period);
        if phase.is_none_or(|phase| self.sweep > phase) {
            self.slow.pulse_column(column, &pulses);
        }
        if let Some(tracker) = &mut self.tracker {
            tracker.observe(column, &read);
        }
        if let Some(choppers) = &mut self.choppers {
            let stream = self.key.stream(Purpose::Chopper, self.transfers);
            if choppers.step(column, self.sweep, open_unit(stream.words(column as u32, 0)[0]))
                && let Some(tracker) = &mut self.tracker
            {
                tracker.flip(column);
            }
        }
        let (rows, cols) = self.fast.shape();
        self.refresh_cells((0..rows).map(|row| row * cols + column));
        self.transfers += 1;
        self.column += 1;
        if self.column == cols {
            self.column = 0;
            self.sweep += 1;
        }
        self.scratch.read = read;
        self.scratch.pulses = pulses;
    }

    /// What follows the pulses on P: the visible weights, and a transfer if one is due.
    fn follow(&mut self, changed: Changed, lr: f64) {
        match changed {
            Changed::Cells(cells) if !self.visible.is_empty() => {
                let mut ahead = cells.chunks(ASKED);
                self.prefetch(ahead.next().unwrap_or_default());
                for chunk in cells.chunks(ASKED) {
                    self.prefetch(ahead.next().unwrap_or_default());
                    self.refresh_cells(chunk.iter().map(|cell| *cell as usize));
                }
            }
            Changed::Cells(_) => {}
            Changed::Any => self.refresh(),
        }
        self.batches += 1;
        if self.batches.is_multiple_of(u64::from(self.settings.transfer_every)) {
            for _ in 0..self.settings.columns_per_transfer {
                self.transfer(lr);
            }
        }
    }
}

impl LearningRule for Transfer {
    fn visible(&self) -> &[f32] {
        if self.visible.is_empty() { self.slow.weights() } else { &self.visible }
    }

    fn read(
        &mut self,
        direction: Direction,
        input: &dyn Vectors,
        batch: usize,
        periphery: &Periphery,
    ) -> Result<Vec<f32>> {
        self.slow.read_mixed(&self.visible, direction, input, batch, periphery)
    }

    fn check_update(&self, batch: &Batch<'_>, update: &PulseUpdate) -> Result<()> {
        self.rates(batch, update).map(drop)
    }

    fn update(&mut self, batch: Batch<'_>, update: &PulseUpdate) -> Result<()> {
        let (rates, rate) = self.rates(&batch, update)?;
        let signs = self.choppers.as_ref().map_or(&[][..], Choppers::signs);
        let changed = self.fast.update_at(batch.x, batch.d, &rates, signs, update)?;
        self.rate = rate;
        unwatched(|| self.follow(changed, batch.lr));
        Ok(())
    }

    fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        self.slow.set_weights(weights)?;
        self.fast.set_weights(&vec![0.0; weights.len()])?;
        self.refresh();
        Ok(())
    }

    fn array(&self, index: usize) -> &CrossbarArray {
        if index == 0 { &self.fast } else { &self.slow }
    }

    fn array_mut(&mut self, index: usize) -> &mut CrossbarArray {
        if index == 0 { &mut self.fast } else { &mut self.slow }
    }

    fn refresh(&mut self) {
        for column in 0..self.fast.shape().1 {
            let (rows, cols) = self.fast.shape();
            self.refresh_cells((0..rows).map(|row| row * cols + column));
        }
    }

    fn names(&self) -> &[&'static str] {
        &["P", "W"]
    }

    fn digital(&self, name: &str) -> Option<Vec<f32>> {
        let (rows, cols) = self.fast.shape();
        let by_rows = |values: &[f32]| (0..rows * cols).map(|cell| values[cell % cols * rows + cell / cols]).collect();
        match (name, &self.tracker) {
            ("H", _) => Some(by_rows(self.buffer.values())),
            ("Q", Some(tracker)) => Some(by_rows(tracker.average())),
            ("Q_ref", Some(tracker)) => Some(tracker.reference().to_vec()),
            _ => None,
        }
    }

    fn digital_names(&self) -> Vec<&'static str> {
        if self.tracker.is_some() { vec!["H", "Q", "Q_ref"] } else { vec!["H"] }
    }

    fn choppers(&self) -> &[i8] {
        self.choppers.as_ref().map_or(&[], Choppers::signs)
    }

    fn sp_estimate(&self) -> Option<Vec<f32>> {
        let assumed = || vec![0.0; self.fast.weights().len()];
        Some(self.tracker.as_ref().map_or_else(assumed, |tracker| tracker.reference().to_vec()))
    }

    fn programmed(&self) -> Option<u64> {
        self.tracker.as_ref().map(Tracker::programmed)
    }

    fn snapshot(&self) -> State {
        state::snapshot(self)
    }

    fn boxed(&self) -> Box<dyn LearningRule> {
        Box::new(self.clone())
    }

    fn restored(&self, from: State) -> Result<Box<dyn LearningRule>> {
        Ok(Box::new(state::restored(self, from)?))
    }
}
