//! Allowed ranges of numbers, and how they read in an error message.

use super::{Parameter, Value};

/// An interval of finite numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
    open_low: bool,
}

impl Range {
    /// Any finite number.
    pub const FINITE: Self = Self::between(-MAX, MAX);
    /// Zero or more.
    pub const NON_NEGATIVE: Self = Self::between(0.0, MAX);
    /// Zero or less.
    pub const NON_POSITIVE: Self = Self::between(-MAX, 0.0);
    /// More than zero.
    pub const POSITIVE: Self = Self { low: 0.0, high: MAX, open_low: true };
    /// From zero to one.
    pub const UNIT: Self = Self::between(0.0, 1.0);
    /// More than zero, at most one.
    pub const PROBABILITY: Self = Self { low: 0.0, high: 1.0, open_low: true };

    /// The closed interval from `low` to `high`.
    #[must_use]
    pub const fn between(low: f64, high: f64) -> Self {
        Self { low, high, open_low: false }
    }

    fn contains(&self, value: f64) -> bool {
        value.is_finite() && value <= self.high && if self.open_low { value > self.low } else { value >= self.low }
    }
}

/// Largest magnitude of a configuration value: squares of it still fit an f32 kernel.
pub(crate) const MAX: f64 = 1e18;

impl Parameter for f64 {
    type Allowed = Range;

    fn from_value(value: &Value, allowed: &Range) -> Option<Self> {
        let number = match *value {
            Value::Number(number) => number,
            Value::Int(int) => int as f64,
            _ => return None,
        };
        allowed.contains(number).then_some(number)
    }

    fn to_value(&self) -> Value {
        Value::Number(*self)
    }

    fn allowed(range: &Range) -> String {
        let low = match (range.low, range.open_low) {
            (low, _) if low <= -MAX => None,
            (low, true) => Some(format!("> {low}")),
            (low, false) => Some(format!(">= {low}")),
        };
        let high = if range.high < MAX { range.high.to_string() } else { format!("{MAX:e}") };
        match low {
            None if range.high >= MAX => format!("a finite number of magnitude <= {MAX:e}"),
            None => format!("a finite number <= {high}"),
            Some(low) => format!("a finite number {low} and <= {high}"),
        }
    }
}

/// A closed interval of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u32, pub u32);

impl Parameter for u32 {
    type Allowed = Count;

    fn from_value(value: &Value, allowed: &Count) -> Option<Self> {
        match *value {
            Value::Int(int) => Self::try_from(int).ok().filter(|n| (allowed.0..=allowed.1).contains(n)),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        Value::Int(i64::from(*self))
    }

    fn allowed(range: &Count) -> String {
        format!("an integer from {} to {}", range.0, range.1)
    }
}

/// True or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag;

impl Parameter for bool {
    type Allowed = Flag;

    fn from_value(value: &Value, _: &Flag) -> Option<Self> {
        match *value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn allowed(_: &Flag) -> String {
        "true or false".into()
    }
}

/// A list of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct List {
    /// Most entries; there is at least one.
    pub most: usize,
    /// What every entry must be.
    pub range: Range,
}

impl Parameter for Vec<f32> {
    type Allowed = List;

    fn from_value(value: &Value, allowed: &List) -> Option<Self> {
        match value {
            Value::List(values) if (1..=allowed.most).contains(&values.len()) => {
                values.iter().map(|v| allowed.range.contains(*v).then_some(*v as f32)).collect()
            }
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        Value::List(self.iter().map(|v| f64::from(*v)).collect())
    }

    fn allowed(list: &List) -> String {
        format!("1 to {} numbers, each {}", list.most, f64::allowed(&list.range))
    }
}
