//! A flat table of named values: what crosses from Python, and what errors speak about.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, Result};

/// One value of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A flag.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Number(f64),
    /// A choice by name.
    Text(String),
    /// Some numbers.
    List(Vec<f64>),
    /// A configuration inside this one.
    Nested(Fields),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Int(int) => write!(f, "{int}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(values) => write!(f, "{values:?}"),
            Self::Nested(fields) => write!(f, "<{}>", fields.kind().unwrap_or("configuration")),
        }
    }
}

/// A type that a configuration field can have.
pub trait Parameter: Sized {
    /// What describes the allowed values.
    type Allowed;
    /// The value, if it has the type and is allowed.
    fn from_value(value: &Value, allowed: &Self::Allowed) -> Option<Self>;
    /// Back to a plain value.
    fn to_value(&self) -> Value;
    /// The allowed values in words, after "must be".
    fn allowed(allowed: &Self::Allowed) -> String;
}

/// Named values; the name `kind` says which configuration they describe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// The name that stands for the kind of configuration.
    const KIND: &str = "kind";

    /// An empty table of this kind.
    #[must_use]
    pub fn of_kind(kind: &str) -> Self {
        Self(BTreeMap::from([(Self::KIND.into(), Value::Text(kind.into()))]))
    }

    /// The kind, if it is named.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self.0.get(Self::KIND) {
            Some(Value::Text(kind)) => Some(kind),
            _ => None,
        }
    }

    /// Sets one value.
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.into(), value);
    }

    /// Adds all values of another table.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// All names and values but the kind.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| *name != Self::KIND)
    }

    /// The field `name`, which must be present and allowed.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field, its value and what is allowed.
    pub fn get<T: Parameter>(&self, name: &str, allowed: &T::Allowed) -> Result<T> {
        let value = self.0.get(name).ok_or_else(|| Error::parameter(name, "(missing)", T::allowed(allowed)))?;
        T::from_value(value, allowed).ok_or_else(|| Error::parameter(name, value, T::allowed(allowed)))
    }

    /// The configuration inside the field `name`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it is missing or not a configuration.
    pub fn nested(&self, name: &str) -> Result<&Self> {
        match self.0.get(name) {
            Some(Value::Nested(fields)) => Ok(fields),
            Some(other) => Err(Error::parameter(name, other, "a configuration")),
            None => Err(Error::parameter(name, "(missing)", "a configuration")),
        }
    }
}
