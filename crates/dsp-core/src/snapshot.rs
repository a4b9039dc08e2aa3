//! Complete state, in and out: a tree of named planes and numbers that every object writes itself to and is read from.
//!
//! An object has two functions: `snapshot`, which takes itself apart field by field, and `restored`, which builds a new
//! object from a [`State`] and its own configuration. Reading takes entries out and refuses what is missing, of another
//! type or shape, not finite, or left over; since the result is a new object, a refused state changes nothing.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::error::{Error, Result};

/// Counts end here, far beyond any run: streams number their steps with 56 bits.
const MOST: u64 = 1 << 56;

/// A type that planes can hold.
pub trait Element: Copy {
    /// Its name in messages, NumPy's.
    const NAME: &str;
    /// Whether the value is a number.
    fn is_number(self) -> bool;
    /// These values in the form that a plane keeps.
    fn wrap(values: Vec<Self>) -> Values;
    /// The values, if they have this type.
    fn unwrap(values: Values) -> std::result::Result<Vec<Self>, Values>;
}

macro_rules! elements {
    ($( $variant:ident: $ty:ty = $name:literal, $number:expr; )*) => {
        /// The values of a plane.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Values { $(
            #[doc = concat!("Values of type ", $name, ".")]
            $variant(Vec<$ty>),
        )* }

        impl Values {
            fn kind(&self) -> &'static str {
                match self { $( Self::$variant(_) => $name, )* }
            }

            fn len(&self) -> usize {
                match self { $( Self::$variant(values) => values.len(), )* }
            }
        }

        $( impl Element for $ty {
            const NAME: &str = $name;

            fn is_number(self) -> bool {
                let number: fn($ty) -> bool = $number;
                number(self)
            }

            fn wrap(values: Vec<Self>) -> Values {
                Values::$variant(values)
            }

            fn unwrap(values: Values) -> std::result::Result<Vec<Self>, Values> {
                match values {
                    Values::$variant(values) => Ok(values),
                    other => Err(other),
                }
            }
        } )*
    };
}

elements! {
    F32: f32 = "float32", f32::is_finite;
    F64: f64 = "float64", f64::is_finite;
    I64: i64 = "int64", |_| true;
    U64: u64 = "uint64", |_| true;
    U32: u32 = "uint32", |_| true;
    I8: i8 = "int8", |_| true;
    Bool: bool = "bool", |_| true;
}

/// Values in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
    /// As many values as the sizes say.
    pub values: Values,
}

/// One entry of a state.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// Many values.
    Plane(Plane),
    /// A count.
    Count(u64),
    /// A number.
    Number(f64),
    /// The state of a part.
    State(State),
}

/// Named entries, and where they stand in the whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    path: String,
    entries: BTreeMap<String, Entry>,
}

impl State {
    /// Adds an entry.
    pub fn set(&mut self, name: &str, entry: Entry) {
        self.entries.insert(name.into(), entry);
    }

    /// Adds a plane.
    pub fn set_plane<T: Element>(&mut self, name: &str, shape: &[usize], values: Vec<T>) {
        self.set(name, Entry::Plane(Plane { shape: shape.to_vec(), values: T::wrap(values) }));
    }

    /// Adds a plane of one dimension.
    pub fn set_list<T: Element>(&mut self, name: &str, values: Vec<T>) {
        self.set_plane(name, &[values.len()], values);
    }

    /// Adds a count.
    pub fn set_count(&mut self, name: &str, count: u64) {
        self.set(name, Entry::Count(count));
    }

    /// Adds the state of a part.
    pub fn set_part(&mut self, name: &str, part: Self) {
        self.set(name, Entry::State(part));
    }

    /// All entries, by name.
    pub fn into_entries(self) -> impl Iterator<Item = (String, Entry)> {
        self.entries.into_iter()
    }

    /// Whether there are no entries: the part is not in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is such an entry.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// An error that names an entry.
    pub fn refuse(&self, name: &str, problem: impl Display) -> Error {
        Error::Snapshot(format!("{}{name}: {problem}", self.path))
    }

    fn take(&mut self, name: &str) -> Result<Entry> {
        self.entries.remove(name).ok_or_else(|| self.refuse(name, "is missing"))
    }

    /// Takes out a plane of any shape; it holds as many numbers as its shape says.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is missing, of another type, or not finite.
    pub fn shaped<T: Element>(&mut self, name: &str) -> Result<(Vec<usize>, Vec<T>)> {
        let Entry::Plane(Plane { shape, values }) = self.take(name)? else {
            return Err(self.refuse(name, format!("must be an array of {}", T::NAME)));
        };
        if shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size)) != Some(values.len()) {
            return Err(self.refuse(name, format!("has {} values: must fill shape {shape:?}", values.len())));
        }
        let values = T::unwrap(values)
            .map_err(|other| self.refuse(name, format!("has dtype {}: must be {}", other.kind(), T::NAME)))?;
        match values.iter().position(|value| !value.is_number()) {
            Some(index) => Err(self.refuse(name, format!("is not finite at flat index {index}"))),
            None => Ok((shape, values)),
        }
    }

    /// Takes out a plane of this shape.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is missing, of another type or shape, or not finite.
    pub fn plane<T: Element>(&mut self, name: &str, expected: &[usize]) -> Result<Vec<T>> {
        let (shape, values) = self.shaped(name)?;
        if shape == expected {
            return Ok(values);
        }
        Err(self.refuse(name, format!("has shape {shape:?}: must be {expected:?}")))
    }

    /// Takes out a plane of this shape whose numbers may be kept in either precision.
    ///
    /// # Errors
    /// As [`Self::plane`].
    pub fn numbers(&mut self, name: &str, expected: &[usize]) -> Result<Vec<f64>> {
        if matches!(self.entries.get(name), Some(Entry::Plane(Plane { values: Values::F32(_), .. }))) {
            return Ok(self.plane::<f32>(name, expected)?.into_iter().map(f64::from).collect());
        }
        self.plane(name, expected)
    }

    /// Takes out `N` values.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if they are missing, of another type or number, or not finite.
    pub fn fixed<T: Element, const N: usize>(&mut self, name: &str) -> Result<[T; N]> {
        let values = self.plane(name, &[N])?;
        values.try_into().map_err(|_| self.refuse(name, format!("must hold {N} values")))
    }

    /// Takes out a plane of one dimension.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is missing, of another type or shape, or not finite.
    pub fn list<T: Element>(&mut self, name: &str) -> Result<Vec<T>> {
        let (shape, values) = self.shaped(name)?;
        if shape.len() == 1 {
            return Ok(values);
        }
        Err(self.refuse(name, format!("has shape {shape:?}: must have one dimension")))
    }

    /// Takes out a count.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is missing, no count, or beyond 2^56.
    pub fn count(&mut self, name: &str) -> Result<u64> {
        match self.take(name)? {
            Entry::Count(count) if count <= MOST => Ok(count),
            Entry::Count(count) => Err(self.refuse(name, format!("is {count}: must be at most {MOST}"))),
            _ => Err(self.refuse(name, "must be an integer >= 0")),
        }
    }

    /// Takes out a finite number.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is missing or no finite number.
    pub fn number(&mut self, name: &str) -> Result<f64> {
        match self.take(name)? {
            Entry::Number(number) if number.is_finite() => Ok(number),
            _ => Err(self.refuse(name, "must be a finite float")),
        }
    }

    /// Takes out the state of a part.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is missing or something else.
    pub fn part(&mut self, name: &str) -> Result<Self> {
        match self.take(name)? {
            Entry::State(part) => Ok(Self { path: format!("{}{name}.", self.path), ..part }),
            _ => Err(self.refuse(name, "must be a dict")),
        }
    }

    /// Refuses what was not taken out.
    ///
    /// # Errors
    /// [`Error::Snapshot`] naming the first entry that nobody knows.
    pub fn finish(self) -> Result<()> {
        match self.entries.keys().next() {
            Some(name) => Err(self.refuse(name, "is unknown here")),
            None => Ok(()),
        }
    }
}

/// Whether a count of one cell is possible.
#[must_use]
pub fn is_count(count: i64) -> bool {
    u64::try_from(count).is_ok_and(|count| count <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> State {
        let mut part = State::default();
        part.set_plane("plane", &[2, 1], vec![1.5_f32, f32::NAN]);
        part.set("short", Entry::Plane(Plane { shape: vec![usize::MAX, 2], values: Values::I8(vec![1]) }));
        part.set_count("large", MOST + 1);
        let mut state = State::default();
        state.set_part("part", part);
        state.set_list("list", vec![1_i8, -1]);
        state.set_count("count", 3);
        state.set("number", Entry::Number(0.5));
        state
    }

    fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn entries_come_out_once() {
        let mut state = example();
        assert_eq!(state.plane::<i8>("list", &[2]).unwrap(), [1, -1]);
        assert_eq!((state.count("count").unwrap(), state.number("number").unwrap()), (3, 0.5));
        assert_eq!(message(state.count("count")), "count: is missing");
        assert_eq!(message(state.finish()), "part: is unknown here");
        assert_eq!(State::default().finish(), Ok(()));
    }

    #[test]
    fn errors_name_the_place() {
        let mut state = example();
        let mut part = state.part("part").unwrap();
        assert_eq!(message(part.shaped::<f32>("plane")), "part.plane: is not finite at flat index 1");
        assert_eq!(
            message(part.list::<i8>("short")),
            format!("part.short: has 1 values: must fill shape [{}, 2]", usize::MAX)
        );
        assert_eq!(message(part.count("large")), format!("part.large: is {}: must be at most {MOST}", MOST + 1));
        assert_eq!(message(example().plane::<i8>("list", &[1, 2])), "list: has shape [2]: must be [1, 2]");
        assert_eq!(message(example().list::<f32>("list")), "list: has dtype int8: must be float32");
        assert_eq!(message(example().number("count")), "count: must be a finite float");
        assert_eq!(message(example().part("count")), "count: must be a dict");
    }
}
