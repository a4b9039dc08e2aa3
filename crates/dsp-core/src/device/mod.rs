//! Device models: one file per response, the same shape in each.
//!
//! A model file holds the parameters (with the peer's names), how a cell's own parameters follow from the shared draws,
//! the [`Response`] to one pulse, and the symmetric point. [`Device`] is the closed set of models; kernels are compiled
//! once per model through [`Device::visit`].

mod block;
mod cells;
mod constant_step;
mod exp_step;
mod linear_step;
mod moments;
mod parameters;
mod piecewise_step;
mod population;
mod pow_step;
mod pow_step_reference;
mod response;
mod soft_bounds;
mod soft_bounds_reference;
pub mod symmetric_point;

pub use block::{Apparent, CellBlock, store};
pub use cells::{Cell, CellsMut};
pub use constant_step::ConstantStep;
pub use exp_step::ExpStep;
pub use linear_step::LinearStep;
pub use moments::{Map, Moments, Run, Several};
pub use parameters::{CellParameters, CellPlanes, Retention, Shape, Tables};
pub use piecewise_step::PiecewiseStep;
pub use population::Population;
pub use pow_step::{Exponents, PowStep};
pub use pow_step_reference::PowStepReference;
pub use response::{COEFFICIENTS, CycleNoise, HIGH, LOW, Response};
pub use soft_bounds::SoftBounds;
pub use soft_bounds_reference::SoftBoundsReference;

use crate::config::Fields;
use crate::error::{Error, Result};
use crate::rng::Key;
use crate::simd::Isa;

/// Write noise: the apparent weight is the persistent one plus a normal of this standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WriteNoise {
    /// Standard deviation in weight units; zero means no write noise.
    pub std: f32,
    /// Whether setting weights draws it too.
    pub on_set: bool,
}

impl WriteNoise {
    /// A device without write noise.
    pub const NONE: Self = Self { std: 0.0, on_set: false };
}

/// What every model provides.
pub trait Model {
    /// The response of a cell to one pulse.
    type Response<'a>: Response
    where
        Self: 'a;

    /// The parameters that all models share.
    fn population(&self) -> &Population;

    /// The kernel-side response of cells with these parameters.
    fn response<'a>(&'a self, parameters: &'a CellParameters) -> Self::Response<'a>;

    /// Expected size of one pulse (`g`, 02 section 1.9), in weight units.
    fn granularity(&self) -> f64 {
        self.population().dw_min
    }

    /// Write noise of the apparent weights.
    fn write_noise(&self) -> WriteNoise {
        WriteNoise::NONE
    }

    /// Draws what the model adds to the shared device-to-device parameters.
    fn complete(&self, _isa: Isa, _key: Key, _cells: &mut CellPlanes) {}

    /// The state (reference included) at which an up and a down pulse have the same size; NaN where there is none within
    /// the bounds. A model without a closed form keeps this bracketed search (see [`symmetric_point`]).
    fn symmetric_point(&self, parameters: &CellParameters, cell: Cell) -> f64 {
        symmetric_point::search(self.response(parameters), cell)
    }
}

/// Declares the closed set of models.
macro_rules! devices {
    ($( $(#[$meta:meta])* $name:ident, )*) => {
        /// A validated device of any model.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Device { $( $(#[$meta])* $name($name), )* }

        impl Device {
            /// The names of all kinds, with their default fields.
            #[must_use]
            pub fn kinds() -> Vec<(&'static str, Fields)> {
                vec![$( (stringify!($name), $name::default().fields()), )*]
            }

            /// Reads and validates a device.
            ///
            /// # Errors
            /// [`Error::Parameter`] naming the field at fault.
            pub fn read(fields: &Fields) -> Result<Self> {
                match fields.kind() {
                    $( Some(stringify!($name)) => $name::read(fields).map(Self::$name), )*
                    other => {
                        let names = [$( stringify!($name), )*].join(", ");
                        Err(Error::parameter("device", other.unwrap_or("(no kind)"), format!("one of {names}")))
                    }
                }
            }

            /// Runs a computation compiled for this device's model.
            pub fn visit<V: Visitor>(&self, visitor: V) -> V::Output {
                match self { $( Self::$name(model) => visitor.visit(model), )* }
            }

            /// The parameters that all models share.
            #[must_use]
            pub fn population(&self) -> &Population {
                match self { $( Self::$name(model) => model.population(), )* }
            }

            /// Expected size of one pulse, in weight units.
            #[must_use]
            pub fn granularity(&self) -> f64 {
                match self { $( Self::$name(model) => model.granularity(), )* }
            }

            /// Write noise of the apparent weights.
            #[must_use]
            pub fn write_noise(&self) -> WriteNoise {
                match self { $( Self::$name(model) => model.write_noise(), )* }
            }
        }
    };
}

devices! {
    /// Fixed steps between hard bounds.
    ConstantStep,
    /// Steps linear in the weight.
    LinearStep,
    /// Steps that shrink linearly towards the cell's own bounds.
    SoftBounds,
    /// Soft bounds with a reference subtracted.
    SoftBoundsReference,
    /// Steps exponential in the weight.
    ExpStep,
    /// Steps that follow a power of the distance to the bound.
    PowStep,
    /// Power-law steps with a reference subtracted.
    PowStepReference,
    /// Steps interpolated from a table.
    PiecewiseStep,
}

/// A computation over any model; [`Device::visit`] compiles it once per model.
pub trait Visitor {
    /// What the computation returns.
    type Output;
    /// The computation for one model.
    fn visit<M: Model>(self, model: &M) -> Self::Output;
}

impl Device {
    /// Whether cells subtract a reference from their state.
    #[must_use]
    pub fn has_reference(&self) -> bool {
        matches!(self, Self::SoftBoundsReference(_) | Self::PowStepReference(_))
    }

    /// Draws the parameters of `count` cells.
    #[must_use]
    pub fn sample(&self, isa: Isa, key: Key, count: usize) -> CellParameters {
        struct Sample(Isa, Key, usize);
        impl Visitor for Sample {
            type Output = CellParameters;
            fn visit<M: Model>(self, model: &M) -> CellParameters {
                let Self(isa, key, count) = self;
                let mut cells = model.population().sample(isa, key, count);
                model.complete(isa, key, &mut cells);
                cells.pack()
            }
        }
        self.visit(Sample(isa, key, count))
    }
}
