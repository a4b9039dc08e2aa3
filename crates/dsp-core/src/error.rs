//! The one error type of the core. Every message names the parameter, the value and what is allowed.

use crate::par::stop;
use crate::simd::Isa;
use crate::simd::rows::Finite;

/// Result with the core's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can be wrong with a request; a failed call leaves the object as it was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration value or argument is outside its allowed range.
    #[error("{name} = {value}: must be {allowed}")]
    Parameter {
        /// Name of the parameter.
        name: String,
        /// The value given.
        value: String,
        /// The allowed values.
        allowed: String,
    },
    /// An array has the wrong shape.
    #[error("{name} has shape {given}: must be {expected}")]
    Shape {
        /// Name of the array.
        name: &'static str,
        /// The shape given.
        given: String,
        /// The shape needed.
        expected: String,
    },
    /// An array holds NaN or infinity.
    #[error("{name} holds {value} at flat index {index}: must be finite")]
    NonFinite {
        /// Name of the array.
        name: &'static str,
        /// The offending value.
        value: f32,
        /// Where it stands, in C order.
        index: usize,
    },
    /// The object cannot answer in its present state or configuration.
    #[error("{0}")]
    State(String),
    /// A state that does not fit the object, or that no object can be in.
    #[error("{0}")]
    Snapshot(String),
    /// Memory for an object of this size cannot be had.
    #[error("cannot allocate {0}")]
    Memory(String),
}

impl Error {
    /// A [`Error::Parameter`] from anything printable.
    pub fn parameter(name: &str, value: impl std::fmt::Display, allowed: impl Into<String>) -> Self {
        /// What a number in double precision has at most, without zeros before or behind.
        const DIGITS: usize = 24;
        let mut shown = value.to_string();
        if let (true, Ok(number)) = (shown.len() > DIGITS, shown.parse::<f64>()) {
            shown = format!("{number:e}");
        }
        Self::Parameter { name: name.into(), value: shown, allowed: allowed.into() }
    }
}

/// What [`check_room`] finds worth a look; an object asks for it at least, since many small ones fill a memory, too.
pub const ROOM_FOR_ANY: usize = 1 << 24;

/// Refuses work for which so much memory cannot be had: allocations deep in a call would abort the process.
///
/// # Errors
/// [`Error::Memory`].
pub fn check_room(bytes: usize, what: &str) -> Result<()> {
    /// What the small allocations of a call need besides.
    const MARGIN: usize = 1 << 25;
    if bytes < ROOM_FOR_ANY || Vec::<u8>::new().try_reserve_exact(bytes.saturating_add(MARGIN)).is_ok() {
        return Ok(());
    }
    Err(Error::Memory(format!("{bytes} bytes for {what}")))
}

/// Makes room in a vector for so many more values, beside those that are moved into it.
///
/// # Errors
/// [`Error::Memory`].
pub fn make_room<T>(values: &mut Vec<T>, more: usize, what: &str) -> Result<()> {
    if values.capacity() - values.len() < more {
        let length = values.capacity().saturating_mul(2).max(values.len().saturating_add(more));
        check_room(length.saturating_mul(size_of::<T>()), what)?;
        values.try_reserve(more).map_err(|_| Error::Memory(format!("{more} more values for {what}")))?;
    }
    Ok(())
}

/// Lengthens a vector of zeros by `more`.
///
/// # Errors
/// [`Error::Memory`].
pub fn lengthen<T: Copy + Default>(values: &mut Vec<T>, more: usize, what: &str) -> Result<()> {
    make_room(values, more, what)?;
    values.resize(values.len() + more, T::default());
    Ok(())
}

/// Refuses an array that is not finite everywhere.
///
/// # Errors
/// [`Error::NonFinite`] naming the first offending element.
pub fn check_finite(name: &'static str, values: &[f32]) -> Result<()> {
    let isa = Isa::at_hand();
    if stop::pieces(values, 1).all(|piece| isa.run(Finite(piece))) {
        return Ok(());
    }
    let index = values.iter().position(|v| !v.is_finite()).unwrap_or(0);
    Err(Error::NonFinite { name, value: values[index], index })
}

/// Refuses an array whose length is not `rows * cols`.
///
/// # Errors
/// [`Error::Shape`].
pub fn check_len(name: &'static str, len: usize, rows: usize, cols: usize) -> Result<()> {
    if rows.checked_mul(cols) == Some(len) {
        return Ok(());
    }
    Err(Error::Shape { name, given: format!("({len},)"), expected: format!("({rows}, {cols}) in C order") })
}
