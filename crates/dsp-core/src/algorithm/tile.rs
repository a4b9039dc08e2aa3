//! A tile: one learning rule with the periphery through which it is read and the trains by which it is written.

use super::{Batch, Foundation, LearningRule, Rule};
use crate::array::CrossbarArray;
use crate::array::reads::Reads;
use crate::error::{Error, Result, check_finite, check_len};
use crate::ledger::Ledger;
use crate::periphery::{Direction, Periphery};
use crate::pulse::PulseUpdate;
use crate::snapshot::State;
use crate::vectors::Vectors;

/// How a tile is read and written.
#[derive(Clone, Debug)]
pub struct Site {
    /// Forward reads.
    pub forward: Periphery,
    /// Backward reads; bound management is always off for them.
    pub backward: Periphery,
    /// Pulsed updates.
    pub update: PulseUpdate,
}

/// A running tile.
pub struct Tile {
    rule: Box<dyn LearningRule>,
    site: Site,
}

impl Clone for Tile {
    fn clone(&self) -> Self {
        Self { rule: self.rule.boxed(), site: self.site.clone() }
    }
}

impl Tile {
    /// Builds a tile.
    ///
    /// # Errors
    /// [`Error`] for an impossible shape or too little memory.
    pub fn new(rule: &Rule, site: Site, foundation: Foundation) -> Result<Self> {
        Ok(Self { rule: rule.build(foundation)?, site })
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> &dyn LearningRule {
        &*self.rule
    }

    /// Rows and columns.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.rule.array(0).shape()
    }

    /// `y = W x` through the forward periphery, (batch, N) -> (batch, M).
    ///
    /// # Errors
    /// [`Error`] for wrong lengths or values that are not finite.
    pub fn forward(&mut self, x: &dyn Vectors, batch: usize) -> Result<Vec<f32>> {
        self.rule.read(Direction::Forward, x, batch, &self.site.forward)
    }

    /// `W^T d` through the backward periphery, (batch, M) -> (batch, N).
    ///
    /// # Errors
    /// [`Error`] for wrong lengths or values that are not finite.
    pub fn backward(&mut self, d: &[f32], batch: usize) -> Result<Vec<f32>> {
        self.rule.read(Direction::Backward, &d, batch, &self.site.backward)
    }

    /// What reads have left so far.
    #[must_use]
    pub fn reads(&self) -> Reads {
        self.rule.array(self.rule.names().len() - 1).reads()
    }

    /// Makes reads since `before` have not been.
    pub fn unread(&mut self, before: Reads) {
        self.rule.array_mut(self.rule.names().len() - 1).unread(before);
    }

    /// What would make [`Self::update`] fail, but for the memory.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check_update(&self, batch: &Batch<'_>) -> Result<()> {
        self.rule.check_update(batch, &self.site.update)
    }

    /// Learns from one mini-batch at the global rate `lr`.
    ///
    /// # Errors
    /// [`Error`] for wrong lengths, values that are not finite, or a bad rate; the tile is then unchanged.
    pub fn update(&mut self, batch: Batch<'_>) -> Result<()> {
        self.rule.update(batch, &self.site.update)
    }

    /// Sets the weights.
    ///
    /// # Errors
    /// [`Error`] for a wrong length or values that are not finite.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        let (rows, cols) = self.shape();
        check_len("w", weights.len(), rows, cols)?;
        check_finite("w", weights)?;
        self.rule.set_weights(weights)
    }

    /// Position of the array with this name.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the arrays there are.
    pub fn position(&self, name: &str) -> Result<usize> {
        let names = self.rule.names();
        names
            .iter()
            .position(|n| *n == name)
            .ok_or_else(|| Error::parameter("name", format!("{name:?}"), format!("one of {}", names.join(", "))))
    }

    /// An array by its position.
    #[must_use]
    pub fn array(&self, index: usize) -> &CrossbarArray {
        self.rule.array(index)
    }

    /// Changes an array and then the visible weights with it.
    pub fn with_array<R>(&mut self, index: usize, change: impl FnOnce(&mut CrossbarArray) -> R) -> R {
        let result = change(self.rule.array_mut(index));
        self.rule.refresh();
        result
    }

    /// Roughly how many bytes a copy takes.
    #[must_use]
    pub fn copied(&self) -> usize {
        // Visible weights, buffers, averages and references are a plane each.
        const DIGITAL: usize = 4 * size_of::<f32>();
        let of = |array: &CrossbarArray| array.copied().saturating_add(DIGITAL.saturating_mul(array.weights().len()));
        (0..self.rule.names().len()).map(|i| of(self.rule.array(i))).fold(0, usize::saturating_add)
    }

    /// The complete state; the configuration is no part of it.
    #[must_use]
    pub fn snapshot(&self) -> State {
        let Self { rule, site: _ } = self;
        rule.snapshot()
    }

    /// Puts the tile into another state.
    ///
    /// # Errors
    /// [`Error::Snapshot`] naming the entry that is missing, mistyped or impossible; the tile is then unchanged.
    pub fn restore(&mut self, from: State) -> Result<()> {
        self.rule = self.rule.restored(from)?;
        Ok(())
    }

    /// A digital quantity in C order.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the quantities there are.
    pub fn digital(&self, name: &str) -> Result<Vec<f32>> {
        self.rule.digital(name).ok_or_else(|| {
            let names = self.rule.digital_names().join(", ");
            Error::parameter("name", format!("{name:?}"), format!("one of [{names}]"))
        })
    }

    /// What the rule takes for the symmetric point of its fast array, in C order.
    ///
    /// # Errors
    /// [`Error::State`] for a rule that neither tracks nor assumes one.
    pub fn sp_estimate(&self) -> Result<Vec<f32>> {
        self.rule
            .sp_estimate()
            .ok_or_else(|| Error::State("this rule has no fast array, so it estimates no symmetric point".into()))
    }

    /// Pulses that reached its cells so far.
    #[must_use]
    pub fn pulses(&self) -> u64 {
        (0..self.rule.names().len()).map(|i| self.rule.array(i).ledger().pulses()).sum()
    }

    /// What was spent, per array, and on the reference if the rule has one.
    #[must_use]
    pub fn ledger(&self) -> Vec<(&'static str, Ledger)> {
        let names = self.rule.names().iter().enumerate();
        let mut entries: Vec<_> = names.map(|(i, name)| (*name, *self.rule.array(i).ledger())).collect();
        if let Some(programming_events) = self.rule.programmed() {
            entries.push(("reference", Ledger { programming_events, ..Ledger::default() }));
        }
        entries
    }
}
