//! Device models: one file per response, the same shape in each.
//!
//! A model file holds the parameters (with the peer's names), how a cell's own parameters follow from the shared draws,
//! the [`Response`] to one pulse, and the symmetric point. [`Device`] is the closed set of models; kernels are compiled
//! once per model through [`Device::visit`].

mod block;
mod cells;
mod constant_step;
mod population;
mod response;
mod soft_bounds;
mod soft_bounds_reference;

pub use block::{Apparent, CellBlock};
pub use cells::{Cell, CellParameters, CellPlanes, CellsMut};
pub use constant_step::ConstantStep;
pub use population::Population;
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
    type Response: Response;

    /// The parameters that all models share.
    fn population(&self) -> &Population;

    /// The kernel-side response.
    fn response(&self) -> Self::Response;

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

    /// The state (reference included) at which an up and a down pulse have the same size; NaN where there is none.
    fn symmetric_point(&self, cell: Cell) -> f64;
}

/// A validated device of any model.
#[derive(Clone, Debug, PartialEq)]
pub enum Device {
    /// Fixed steps between hard bounds.
    ConstantStep(ConstantStep),
    /// Steps that shrink linearly towards the cell's own bounds.
    SoftBounds(SoftBounds),
    /// Soft bounds with a reference subtracted.
    SoftBoundsReference(SoftBoundsReference),
}

/// A computation over any model; [`Device::visit`] compiles it once per model.
pub trait Visitor {
    /// What the computation returns.
    type Output;
    /// The computation for one model.
    fn visit<M: Model>(self, model: &M) -> Self::Output;
}

impl Device {
    /// The names of all kinds, with their default fields.
    #[must_use]
    pub fn kinds() -> Vec<(&'static str, Fields)> {
        vec![
            ("ConstantStep", ConstantStep::default().fields()),
            ("SoftBounds", SoftBounds::default().fields()),
            ("SoftBoundsReference", SoftBoundsReference::default().fields()),
        ]
    }

    /// Reads and validates a device.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        match fields.kind() {
            Some("ConstantStep") => ConstantStep::read(fields).map(Self::ConstantStep),
            Some("SoftBounds") => SoftBounds::read(fields).map(Self::SoftBounds),
            Some("SoftBoundsReference") => SoftBoundsReference::read(fields).map(Self::SoftBoundsReference),
            other => {
                let names: Vec<_> = Self::kinds().into_iter().map(|(name, _)| name).collect();
                Err(Error::parameter("device", other.unwrap_or("(no kind)"), format!("one of {}", names.join(", "))))
            }
        }
    }

    /// Runs a computation compiled for this device's model.
    pub fn visit<V: Visitor>(&self, visitor: V) -> V::Output {
        match self {
            Self::ConstantStep(model) => visitor.visit(model),
            Self::SoftBounds(model) => visitor.visit(model),
            Self::SoftBoundsReference(model) => visitor.visit(model),
        }
    }

    /// The parameters that all models share.
    #[must_use]
    pub fn population(&self) -> &Population {
        match self {
            Self::ConstantStep(model) => model.population(),
            Self::SoftBounds(model) => model.population(),
            Self::SoftBoundsReference(model) => model.population(),
        }
    }

    /// Expected size of one pulse, in weight units.
    #[must_use]
    pub fn granularity(&self) -> f64 {
        struct Granularity;
        impl Visitor for Granularity {
            type Output = f64;
            fn visit<M: Model>(self, model: &M) -> f64 {
                model.granularity()
            }
        }
        self.visit(Granularity)
    }

    /// Write noise of the apparent weights.
    #[must_use]
    pub fn write_noise(&self) -> WriteNoise {
        struct Noise;
        impl Visitor for Noise {
            type Output = WriteNoise;
            fn visit<M: Model>(self, model: &M) -> WriteNoise {
                model.write_noise()
            }
        }
        self.visit(Noise)
    }

    /// Whether cells subtract a reference from their state.
    #[must_use]
    pub fn has_reference(&self) -> bool {
        matches!(self, Self::SoftBoundsReference(_))
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
