//! What was spent: every pulse, read and programming event of an array.

use crate::error::Result;
use crate::snapshot::State;

/// Counts for one array since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Up pulses that reached a cell.
    pub pulses_up: u64,
    /// Down pulses that reached a cell.
    pub pulses_down: u64,
    /// Pulses among these that a transfer from another array sent.
    pub transfer_pulses: u64,
    /// Slots of pulse trains sent (the paper's nominal cost: vectors times train length; one for a column of pulses).
    pub train_slots: u64,
    /// Pulses sent to the whole array at once.
    pub array_pulses: u64,
    /// Vectors read forward, each bound-management retry counted.
    pub forward_reads: u64,
    /// Vectors read backward.
    pub backward_reads: u64,
    /// Columns read for a transfer.
    pub column_reads: u64,
    /// Cells written by weight programming.
    pub programming_events: u64,
}

impl Ledger {
    /// Adds pulses.
    pub fn add_pulses(&mut self, pulses: Pulses) {
        self.pulses_up += pulses.up;
        self.pulses_down += pulses.down;
    }

    /// Pulses of either direction.
    #[must_use]
    pub fn pulses(&self) -> u64 {
        self.pulses_up + self.pulses_down
    }

    /// All counts with their names.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, u64); 9] {
        [
            ("pulses_up", self.pulses_up),
            ("pulses_down", self.pulses_down),
            ("transfer_pulses", self.transfer_pulses),
            ("train_slots", self.train_slots),
            ("array_pulses", self.array_pulses),
            ("forward_reads", self.forward_reads),
            ("backward_reads", self.backward_reads),
            ("column_reads", self.column_reads),
            ("programming_events", self.programming_events),
        ]
    }

    /// The complete state.
    #[must_use]
    pub fn snapshot(&self) -> State {
        let mut state = State::default();
        for (name, count) in self.entries() {
            state.set_count(name, count);
        }
        state
    }

    /// A ledger in this state.
    ///
    /// # Errors
    /// [`crate::Error::Snapshot`].
    pub fn restored(mut from: State) -> Result<Self> {
        let ledger = Self {
            pulses_up: from.count("pulses_up")?,
            pulses_down: from.count("pulses_down")?,
            transfer_pulses: from.count("transfer_pulses")?,
            train_slots: from.count("train_slots")?,
            array_pulses: from.count("array_pulses")?,
            forward_reads: from.count("forward_reads")?,
            backward_reads: from.count("backward_reads")?,
            column_reads: from.count("column_reads")?,
            programming_events: from.count("programming_events")?,
        };
        from.finish()?;
        Ok(ledger)
    }
}

/// Pulses by direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulses {
    /// Up pulses.
    pub up: u64,
    /// Down pulses.
    pub down: u64,
}

impl std::ops::AddAssign for Pulses {
    fn add_assign(&mut self, other: Self) {
        self.up += other.up;
        self.down += other.down;
    }
}

impl std::iter::Sum for Pulses {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |a, b| Self { up: a.up + b.up, down: a.down + b.down })
    }
}
