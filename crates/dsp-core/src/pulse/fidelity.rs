//! Whether many pulses may be taken as one step.

use crate::config::choices;

choices! {
    /// How the pulses of one call reach the cells.
    pub enum Fidelity {
        /// Every pulse by itself, with a normal of its own.
        Pulse = "pulse",
        /// Runs of pulses as one affine map and one normal wherever the law stays the same; the rest by single pulses.
        Composed = "composed",
        /// Composed where that is possible and cheaper; in updates only where pulses are noisy, since others are exact.
        Auto = "auto",
    }
}
