//! A single pulse.

/// One pulse for one cell: number `ordinal` of its pulses in this update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Index of the cell.
    pub cell: u32,
    packed: u32,
}

impl Event {
    /// A pulse for `cell`.
    #[must_use]
    pub fn new(cell: u32, ordinal: u32, up: bool) -> Self {
        Self { cell, packed: ordinal << 1 | u32::from(up) }
    }

    /// Which of the cell's pulses in this update it is.
    #[must_use]
    pub fn ordinal(self) -> u32 {
        self.packed >> 1
    }

    /// Whether it is an up pulse.
    #[must_use]
    pub fn up(self) -> bool {
        self.packed & 1 == 1
    }
}
