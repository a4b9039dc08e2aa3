//! Single pulses, sorted so that no cell has two next to each other.

use crate::error::{Result, make_room};

/// One pulse for one cell: twice the cell's index, and one more if it is an up pulse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse(u32);

impl Pulse {
    /// A pulse for `cell`, which is below 2^31.
    #[must_use]
    pub fn new(cell: u32, up: bool) -> Self {
        Self(cell << 1 | u32::from(up))
    }

    /// Index of the cell.
    #[must_use]
    pub fn cell(self) -> u32 {
        self.0 >> 1
    }

    /// Whether it is an up pulse.
    #[must_use]
    pub fn up(self) -> bool {
        self.0 & 1 == 1
    }
}

/// Pulses in rounds: round `k` holds pulse number `k` of every cell that gets so many, so its cells are distinct.
#[derive(Clone, Debug, Default)]
pub struct Rounds(Vec<Vec<Pulse>>);

impl Rounds {
    /// Adds the pulse that is number `ordinal` of its cell.
    #[inline(always)]
    pub fn push(&mut self, ordinal: u32, pulse: Pulse) {
        let ordinal = ordinal as usize;
        if ordinal >= self.0.len() {
            self.0.resize_with(ordinal + 1, Vec::new);
        }
        self.0[ordinal].push(pulse);
    }

    /// The same if there is room for it.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn try_push(&mut self, ordinal: u32, pulse: Pulse) -> Result<()> {
        let missing = (ordinal as usize + 1).saturating_sub(self.0.len());
        make_room(&mut self.0, missing, "the pulses")?;
        if let Some(round) = self.0.get_mut(ordinal as usize) {
            make_room(round, 1, "the pulses")?;
        }
        self.push(ordinal, pulse);
        Ok(())
    }

    /// All rounds.
    pub fn iter(&self) -> impl Iterator<Item = &[Pulse]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// The first round: every cell that is hit has exactly one pulse in it.
    #[must_use]
    pub fn first(&self) -> &[Pulse] {
        self.0.first().map_or(&[], Vec::as_slice)
    }

    /// Whether there is no pulse.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first().is_empty()
    }

    /// Number of pulses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().map(<[Pulse]>::len).sum()
    }
}
