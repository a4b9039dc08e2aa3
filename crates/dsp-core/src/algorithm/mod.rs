//! Learning rules as tiles: pulse trains, column-wise transfer, noisy reads.
//!
//! One file per rule holds its parameters and says which parts it is made of; [`transfer`] is the machine of the rules
//! that have one fast array, choppers or a moving reference (05 section 1), [`chain`] that of fixed references and several
//! fast arrays; [`Tile`] is a rule with its periphery.

mod agad;
mod analog_sgd;
mod chain;
mod chopped_tiki_taka;
mod erider;
mod fast_rate;
mod residual_learning;
mod rider;
mod tiki_taka;
mod tiki_taka_v2;
mod tile;
mod transfer;

pub use agad::Agad;
pub use analog_sgd::AnalogSgd;
pub use chain::Chain;
pub use chopped_tiki_taka::ChoppedTikiTaka;
pub use erider::ERider;
pub use residual_learning::ResidualLearning;
pub use rider::Rider;
pub use tiki_taka::TikiTaka;
pub use tiki_taka_v2::TikiTakaV2;
pub use tile::{Site, Tile};
pub use transfer::Transfer;

use crate::array::{CrossbarArray, check_shape};
use crate::config::Fields;
use crate::device::Device;
use crate::error::{Error, ROOM_FOR_ANY, Result, check_room};
use crate::par::Threads;
use crate::periphery::{Direction, Periphery};
use crate::pulse::PulseUpdate;
use crate::rng::Key;
use crate::snapshot::State;
use crate::vectors::Vectors;

/// What a rule is built with besides its own parameters.
#[derive(Clone, Copy, Debug)]
pub struct Foundation {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Root key of the tile.
    pub key: Key,
    /// Threads that calls may use.
    pub threads: Threads,
    /// Whether arrays count pulses per cell.
    pub count_pulses: bool,
    /// Whether a state will be restored: then nothing is done that only brings the arrays into their first one.
    pub blank: bool,
}

impl Foundation {
    /// Array number `number` of the tile.
    fn array(&self, number: u32, device: &Device) -> Result<CrossbarArray> {
        CrossbarArray::new(self.shape, device.clone(), self.key.child(number), self.threads, self.count_pulses)
    }
}

/// One mini-batch of vector pairs.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// Inputs, (size, N).
    pub x: &'a dyn Vectors,
    /// Errors, (size, M).
    pub d: &'a [f32],
    /// Number of vector pairs.
    pub size: usize,
    /// The global learning rate.
    pub lr: f64,
}

/// The interface of every learning rule.
pub trait LearningRule: Send {
    /// The weights that a read sees (`W` bar), in C order.
    fn visible(&self) -> &[f32];

    /// Reads the visible weights: one analog read, counted in the ledger of the array that holds the weights.
    ///
    /// # Errors
    /// [`Error`] for wrong lengths or values that are not finite.
    fn read(
        &mut self,
        direction: Direction,
        input: &dyn Vectors,
        batch: usize,
        periphery: &Periphery,
    ) -> Result<Vec<f32>>;

    /// What would make [`LearningRule::update`] fail, but for the memory: for those who update several rules or none.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    fn check_update(&self, batch: &Batch<'_>, update: &PulseUpdate) -> Result<()>;

    /// Learns from one mini-batch.
    ///
    /// # Errors
    /// [`Error`] for wrong lengths, values that are not finite, or a bad rate; the rule is then unchanged.
    fn update(&mut self, batch: Batch<'_>, update: &PulseUpdate) -> Result<()>;

    /// Sets the visible weights: the slow array takes them, the fast one 0.
    ///
    /// # Errors
    /// [`Error`] for a wrong length or values that are not finite.
    fn set_weights(&mut self, weights: &[f32]) -> Result<()>;

    /// Array number `index`, in the order of [`LearningRule::names`].
    fn array(&self, index: usize) -> &CrossbarArray;

    /// Mutable access to an array; call [`LearningRule::refresh`] after a change.
    fn array_mut(&mut self, index: usize) -> &mut CrossbarArray;

    /// Recomputes the visible weights from all parts.
    fn refresh(&mut self) {}

    /// Names of the arrays; the last one holds the weights.
    fn names(&self) -> &[&'static str];

    /// A digital quantity by name, in C order.
    fn digital(&self, name: &str) -> Option<Vec<f32>>;

    /// Names of the digital quantities.
    fn digital_names(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The choppers' signs; empty where the rule has none.
    fn choppers(&self) -> &[i8] {
        &[]
    }

    /// What the rule takes for the fast array's symmetric point, in C order; `None` where it tracks none and
    /// assumes none.
    fn sp_estimate(&self) -> Option<Vec<f32>>;

    /// Cells of the digital reference written to an analog array, if the rule has one.
    fn programmed(&self) -> Option<u64> {
        None
    }

    /// The complete state: every array under `arrays`, and what is digital.
    fn snapshot(&self) -> State;

    /// A copy.
    fn boxed(&self) -> Box<dyn LearningRule>;

    /// A rule like this one in another state: same shape and configuration, on the same threads.
    ///
    /// # Errors
    /// [`Error::Snapshot`] naming the entry that is missing, mistyped or impossible.
    fn restored(&self, from: State) -> Result<Box<dyn LearningRule>>;
}

/// A validated learning rule, not yet built.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Pulses straight on the weights.
    AnalogSgd(AnalogSgd),
    /// Transfer by pulse trains.
    TikiTaka(TikiTaka),
    /// Buffered transfer.
    TikiTakaV2(TikiTakaV2),
    /// Buffered transfer with choppers.
    ChoppedTikiTaka(ChoppedTikiTaka),
    /// Dynamic transfer.
    Agad(Agad),
    /// Fixed references, fast arrays in a row.
    ResidualLearning(ResidualLearning),
    /// Symmetric-point tracking.
    Rider(Rider),
    /// Symmetric-point tracking with choppers.
    ERider(ERider),
}

impl Rule {
    /// The names of all kinds, with their default fields (devices and reads not among them).
    #[must_use]
    pub fn kinds() -> Vec<(&'static str, Fields)> {
        vec![
            ("AnalogSGD", Fields::default()),
            ("TikiTaka", tiki_taka::Parameters::default().fields()),
            ("TikiTakaV2", tiki_taka_v2::Parameters::default().fields()),
            ("ChoppedTikiTaka", chopped_tiki_taka::Parameters::default().fields()),
            ("AGAD", agad::Parameters::default().fields()),
            ("ResidualLearning", residual_learning::Parameters::default().fields()),
            ("Rider", rider::Parameters::default().fields()),
            ("ERider", erider::Parameters::default().fields()),
        ]
    }

    /// Reads and validates a rule.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        match fields.kind() {
            Some("AnalogSGD") => AnalogSgd::read(fields).map(Self::AnalogSgd),
            Some("TikiTaka") => TikiTaka::read(fields).map(Self::TikiTaka),
            Some("TikiTakaV2") => TikiTakaV2::read(fields).map(Self::TikiTakaV2),
            Some("ChoppedTikiTaka") => ChoppedTikiTaka::read(fields).map(Self::ChoppedTikiTaka),
            Some("AGAD") => Agad::read(fields).map(Self::Agad),
            Some("ResidualLearning") => ResidualLearning::read(fields).map(Self::ResidualLearning),
            Some("Rider") => Rider::read(fields).map(Self::Rider),
            Some("ERider") => ERider::read(fields).map(Self::ERider),
            other => {
                let names: Vec<_> = Self::kinds().into_iter().map(|(name, _)| name).collect();
                Err(Error::parameter("algorithm", other.unwrap_or("(no kind)"), format!("one of {}", names.join(", "))))
            }
        }
    }

    /// Builds the arrays and filters of the rule.
    ///
    /// # Errors
    /// [`Error`] for an impossible shape or too little memory.
    pub fn build(&self, foundation: Foundation) -> Result<Box<dyn LearningRule>> {
        /// Bytes per cell of two arrays and all that is digital.
        const CELL: usize = 160;
        check_room(check_shape(foundation.shape)?.saturating_mul(CELL).max(ROOM_FOR_ANY), "the tile")?;
        Ok(match self {
            Self::AnalogSgd(rule) => Box::new(rule.build(foundation)?),
            Self::TikiTaka(rule) => Box::new(rule.build(foundation)?),
            Self::TikiTakaV2(rule) => Box::new(rule.build(foundation)?),
            Self::ChoppedTikiTaka(rule) => Box::new(rule.build(foundation)?),
            Self::Agad(rule) => Box::new(rule.build(foundation)?),
            Self::ResidualLearning(rule) => Box::new(rule.build(foundation)?),
            Self::Rider(rule) => Box::new(rule.build(foundation)?),
            Self::ERider(rule) => Box::new(rule.build(foundation)?),
        })
    }
}

/// The hardware of a rule with two arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// Device of the fast array P.
    pub fast: Device,
    /// Device of the slow array W.
    pub slow: Device,
    /// The read of a column of P; noise and bound management are always off for it.
    pub transfer_read: Periphery,
}

impl Hardware {
    /// Reads `device`, `slow_device` and `transfer_read`.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        Ok(Self {
            fast: Device::read(fields.nested("device")?)?,
            slow: Device::read(fields.nested("slow_device")?)?,
            transfer_read: Periphery::read(fields.nested("transfer_read")?)?.unmanaged(),
        })
    }
}
