//! Configuration as plain data: each struct is one table of fields with default and allowed range, and is validated in
//! the one place where it is read.

mod fields;
mod range;

pub use fields::{Fields, Parameter, Value};
pub(crate) use range::MAX;
pub use range::{Count, Flag, List, Range};

use crate::error::Result;

/// Rules that involve more than one field.
pub trait Consistent {
    /// Refuses contradictory fields.
    ///
    /// # Errors
    /// [`crate::error::Error::Parameter`] naming the field, its value and what the others allow.
    fn consistent(&self) -> Result<()> {
        Ok(())
    }
}

/// Declares a configuration struct: `field: type = default, allowed;`, optionally starting with another such struct
/// whose fields lie in the same flat table (`..name: Type;`).
macro_rules! parameters {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(..$inner:ident: $Inner:ty;)*
            $( $(#[$field_meta:meta])* $field:ident: $ty:ty = $default:expr, $allowed:expr; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[allow(non_snake_case, reason = "fields have the peer's names")]
        pub struct $name {
            $(
                /// Fields shared with other models.
                pub $inner: $Inner,
            )*
            $( $(#[$field_meta])* pub $field: $ty, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($inner: <$Inner>::default(),)* $($field: $default,)* }
            }
        }

        impl $name {
            /// Reads and validates every field; all must be present.
            ///
            /// # Errors
            /// [`crate::error::Error::Parameter`] for the first field that is missing, mistyped or out of range.
            pub fn read(fields: &$crate::config::Fields) -> $crate::error::Result<Self> {
                let value = Self {
                    $($inner: <$Inner>::read(fields)?,)*
                    $($field: fields.get(stringify!($field), &$allowed)?,)*
                };
                $crate::config::Consistent::consistent(&value)?;
                Ok(value)
            }

            /// All fields with their names.
            #[must_use]
            pub fn fields(&self) -> $crate::config::Fields {
                #[allow(unused_mut, reason = "stays empty where nothing is shared")]
                let mut fields = $crate::config::Fields::default();
                $(fields.extend(self.$inner.fields());)*
                $(fields.set(stringify!($field), $crate::config::Parameter::to_value(&self.$field));)*
                fields
            }
        }
    };
}

/// Declares an enum whose variants are written as strings.
macro_rules! choices {
    ($(#[$meta:meta])* pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $( $(#[$variant_meta])* $variant, )* }

        impl $crate::config::Parameter for $name {
            type Allowed = ();
            fn from_value(value: &$crate::config::Value, (): &()) -> Option<Self> {
                match value {
                    $( $crate::config::Value::Text(text) if text == $text => Some(Self::$variant), )*
                    _ => None,
                }
            }
            fn to_value(&self) -> $crate::config::Value {
                $crate::config::Value::Text(match self { $( Self::$variant => $text.into(), )* })
            }
            fn allowed((): &()) -> String {
                concat!("one of", $( " \"", $text, "\"", )*).into()
            }
        }
    };
}

pub(crate) use {choices, parameters};
