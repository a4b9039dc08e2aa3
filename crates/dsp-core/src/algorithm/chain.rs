//! The machine of rules whose references are fixed: fast arrays P, P2, ... in a row, and the slow array W.
//!
//! The gradient pulses P alone. Whenever an array's period has passed, columns of it are read and moved into the next
//! array, by pulse trains (Tiki-taka) or through a buffer (residual learning). With n fast arrays and their fixed
//! references Q, what is seen is `W + gamma (Pn - Qn) + ... + gamma^n (P - Q)` (02 section 4.2; 01 section 3).

use super::fast_rate::FastRate;
use super::transfer::Rate;
use super::{Batch, Foundation, Hardware, LearningRule};
use crate::array::{Changed, CrossbarArray};
use crate::calibration::{Scheme, zero_shift};
use crate::error::{Error, Result};
use crate::filter::PulseBuffer;
use crate::par::stop::unwatched;
use crate::periphery::{Direction, Periphery};
use crate::pulse::{Fidelity, PulseUpdate};
use crate::snapshot::State;
use crate::vectors::Vectors;

mod state;

/// Most fast arrays in a row.
pub const MOST: u32 = 8;

/// Names of everything that stands once per array: fast arrays, buffers, references.
const FAST: [&str; MOST as usize] = ["P", "P2", "P3", "P4", "P5", "P6", "P7", "P8"];
const BUFFERS: [&str; MOST as usize] = ["H", "H2", "H3", "H4", "H5", "H6", "H7", "H8"];
const REFERENCES: [&str; MOST as usize] =
    ["Q_ref", "Q_ref2", "Q_ref3", "Q_ref4", "Q_ref5", "Q_ref6", "Q_ref7", "Q_ref8"];

/// How a column that was read gets into the next array.
#[derive(Clone, Debug)]
pub enum Link {
    /// By pulse trains, the column's input line at 1.
    Trains(PulseUpdate),
    /// Through a buffer that releases single pulses.
    Buffer(PulseBuffer),
}

/// The numbers that make one rule out of the machine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Fast arrays in a row, 1 to [`MOST`].
    pub fast_arrays: u32,
    /// Share of each array in what is seen, relative to the next one.
    pub gamma: f64,
    /// Rate of the transfers.
    pub transfer: Rate,
    /// What one unit of the transfer rate writes, or adds to a buffer, per unit of weight read.
    pub gain: f64,
    /// Mini-batches between transfers of P.
    pub transfer_every: u32,
    /// Transfers of an array between those of the next one.
    pub stage_every: u32,
    /// Columns read in one transfer.
    pub columns_per_transfer: u32,
    /// Pulses per cell that find the references by zero-shifting; 0 takes them for 0.
    pub calibration_pulses: u32,
    /// The way of a column, the same for all arrays.
    pub link: Link,
}

/// A fast array and its way into the next one.
#[derive(Clone)]
struct Stage {
    array: CrossbarArray,
    /// What is subtracted from its weights, in C order.
    reference: Vec<f32>,
    link: Link,
    /// Mini-batches between its transfers.
    period: u64,
    /// Its share in what is seen.
    share: f32,
    column: usize,
}

/// A running rule with fixed references.
#[derive(Clone)]
pub struct Chain {
    stages: Vec<Stage>,
    slow: CrossbarArray,
    /// The mixed weights; empty where gamma is 0 and the slow array is what is seen.
    visible: Vec<f32>,
    names: Vec<&'static str>,
    settings: Settings,
    rate: FastRate,
    transfer_read: Periphery,
    batches: u64,
    read: Vec<f32>,
    pulses: Vec<i8>,
}

impl Chain {
    /// Builds the machine, and calibrates its fast arrays if the settings say so.
    ///
    /// # Errors
    /// [`Error`] for an impossible shape or too little memory.
    pub fn new(foundation: Foundation, hardware: &Hardware, settings: Settings, rate: FastRate) -> Result<Self> {
        let (rows, cols) = foundation.shape;
        let count = settings.fast_arrays;
        let slow = foundation.array(count, &hardware.slow)?;
        let mut stages = Vec::new();
        let mut period = u64::from(settings.transfer_every);
        for number in 0..count {
            let mut array = foundation.array(number, &hardware.fast)?;
            let reference = match if foundation.blank { 0 } else { settings.calibration_pulses } {
                0 => vec![0.0; rows * cols],
                pulses => zero_shift(&mut array, pulses, Scheme::Cyclic, 0, Fidelity::Auto, || false)?
                    .map_or_else(Vec::new, |found| found.estimate),
            };
            let share = (number..count).fold(1.0, |share, _| share * settings.gamma) as f32;
            stages.push(Stage { array, reference, link: settings.link.clone(), period, share, column: 0 });
            period = period.saturating_mul(u64::from(settings.stage_every));
        }
        let names = FAST[..count as usize].iter().copied().chain(["W"]).collect();
        let mut rule = Self {
            stages,
            slow,
            visible: if settings.gamma == 0.0 { Vec::new() } else { vec![0.0; rows * cols] },
            names,
            settings,
            rate,
            transfer_read: hardware.transfer_read.clone(),
            batches: 0,
            read: vec![0.0; rows],
            pulses: vec![0; rows],
        };
        if !foundation.blank {
            rule.set_weights(&vec![0.0; rows * cols])?;
        }
        Ok(rule)
    }

    /// The rates of a mini-batch and what they leave, if nothing of it is to be refused: after the first pulse, what a
    /// transfer could not bear would be found too late.
    fn rates(&self, batch: &Batch<'_>, update: &PulseUpdate) -> Result<(Vec<f64>, FastRate)> {
        let fast = &self.stages[0].array;
        fast.check_update(batch.size, update)?;
        let next = self.stages[1..].iter().map(|stage| &stage.array).chain([&self.slow]);
        for (stage, next) in self.stages.iter().zip(next) {
            if let Link::Trains(update) = &stage.link {
                next.check_update(1, update)?;
            }
        }
        let rates = self.rate.of_batch(batch, fast.device().granularity(), update)?;
        if !((self.settings.transfer.at(batch.lr) * self.settings.gain) as f32).is_finite() {
            return Err(Error::parameter("lr", batch.lr, "a finite number >= 0 that leaves the rates finite"));
        }
        Ok(rates)
    }

    /// Recomputes the visible weights of some cells.
    fn refresh_cells(&mut self, cells: impl Iterator<Item = usize>) {
        if self.visible.is_empty() {
            return;
        }
        for cell in cells {
            let mut weight = self.slow.weights()[cell];
            for stage in self.stages.iter().rev() {
                weight += stage.share * (stage.array.weights()[cell] - stage.reference[cell]);
            }
            self.visible[cell] = weight;
        }
    }

    /// Reads the next column of an array and moves it into the next array.
    fn transfer(&mut self, number: usize, lr: f64) -> Result<()> {
        let cols = self.slow.shape().1;
        let rate = self.settings.transfer.at(lr) * self.settings.gain;
        let (before, after) = self.stages.split_at_mut(number + 1);
        let Some(stage) = before.last_mut() else { return Ok(()) };
        let next = after.first_mut().map_or(&mut self.slow, |stage| &mut stage.array);
        let column = stage.column;
        stage.array.read_column(column, &self.transfer_read, &mut self.read);
        for (v, q) in self.read.iter_mut().zip(stage.reference[column..].iter().step_by(cols)) {
            *v -= q;
        }
        match &mut stage.link {
            Link::Trains(update) => next.update_column(column, &self.read, rate, update)?,
            Link::Buffer(buffer) => {
                let gain = rate as f32;
                buffer.accumulate(column, self.read.iter().map(|v| gain * v), &mut self.pulses);
                next.pulse_column(column, &self.pulses);
            }
        }
        stage.column = (column + 1) % cols;
        self.refresh_cells((0..self.read.len()).map(|row| row * cols + column));
        Ok(())
    }

    /// What follows the pulses on P: the visible weights, and the transfers that are due.
    fn follow(&mut self, changed: Changed, lr: f64) -> Result<()> {
        match changed {
            Changed::Cells(cells) => self.refresh_cells(cells.into_iter().map(|cell| cell as usize)),
            Changed::Any => self.refresh(),
        }
        self.batches += 1;
        for number in 0..self.stages.len() {
            if self.batches.is_multiple_of(self.stages[number].period) {
                for _ in 0..self.settings.columns_per_transfer {
                    self.transfer(number, lr)?;
                }
            }
        }
        Ok(())
    }

    /// A buffer's contents in C order.
    fn buffered(&self, number: usize) -> Option<Vec<f32>> {
        let (rows, cols) = self.slow.shape();
        match &self.stages.get(number)?.link {
            Link::Buffer(buffer) => {
                let values = buffer.values();
                Some((0..rows * cols).map(|cell| values[cell % cols * rows + cell / cols]).collect())
            }
            Link::Trains(_) => None,
        }
    }
}

impl LearningRule for Chain {
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
        let changed = self.stages[0].array.update_at(batch.x, batch.d, &rates, &[], update)?;
        self.rate = rate;
        unwatched(|| self.follow(changed, batch.lr))
    }

    fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        self.slow.set_weights(weights)?;
        for stage in &mut self.stages {
            stage.array.set_weights(&stage.reference)?;
        }
        self.refresh();
        Ok(())
    }

    fn array(&self, index: usize) -> &CrossbarArray {
        self.stages.get(index).map_or(&self.slow, |stage| &stage.array)
    }

    fn array_mut(&mut self, index: usize) -> &mut CrossbarArray {
        self.stages.get_mut(index).map_or(&mut self.slow, |stage| &mut stage.array)
    }

    fn refresh(&mut self) {
        self.refresh_cells(0..self.visible.len());
    }

    fn names(&self) -> &[&'static str] {
        &self.names
    }

    fn digital(&self, name: &str) -> Option<Vec<f32>> {
        if let Some(number) = BUFFERS.iter().position(|buffer| *buffer == name) {
            return self.buffered(number);
        }
        let number = REFERENCES.iter().position(|reference| *reference == name)?;
        let calibrated = self.settings.calibration_pulses > 0;
        self.stages.get(number).filter(|_| calibrated).map(|stage| stage.reference.clone())
    }

    fn digital_names(&self) -> Vec<&'static str> {
        BUFFERS.into_iter().chain(REFERENCES).filter(|name| self.digital(name).is_some()).collect()
    }

    fn sp_estimate(&self) -> Option<Vec<f32>> {
        Some(self.stages[0].reference.clone())
    }

    fn programmed(&self) -> Option<u64> {
        let cells = self.stages.len() * self.slow.weights().len();
        (self.settings.calibration_pulses > 0).then_some(cells as u64)
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
