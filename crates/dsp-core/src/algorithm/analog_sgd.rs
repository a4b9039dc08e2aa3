//! Analog SGD: pulses straight on the weights (the paper's (2)); the baseline that an asymmetric device defeats.

use super::{Batch, Foundation, LearningRule};
use crate::array::CrossbarArray;
use crate::config::Fields;
use crate::device::Device;
use crate::error::Result;
use crate::periphery::{Direction, Periphery};
use crate::pulse::PulseUpdate;
use crate::snapshot::State;
use crate::vectors::Vectors;

/// The rule's configuration: its device.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalogSgd {
    /// Device of the array W.
    pub device: Device,
}

impl AnalogSgd {
    /// Reads `device`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] naming the field at fault.
    pub fn read(fields: &Fields) -> Result<Self> {
        Ok(Self { device: Device::read(fields.nested("device")?)? })
    }

    /// Builds the rule's one array.
    ///
    /// # Errors
    /// [`crate::Error`] for an impossible shape or too little memory.
    pub fn build(&self, foundation: Foundation) -> Result<Sgd> {
        Ok(Sgd(foundation.array(0, &self.device)?))
    }
}

/// The running rule.
#[derive(Clone)]
pub struct Sgd(CrossbarArray);

impl LearningRule for Sgd {
    fn visible(&self) -> &[f32] {
        self.0.weights()
    }

    fn read(
        &mut self,
        direction: Direction,
        input: &dyn Vectors,
        batch: usize,
        periphery: &Periphery,
    ) -> Result<Vec<f32>> {
        self.0.read(direction, input, batch, periphery)
    }

    fn check_update(&self, batch: &Batch<'_>, update: &PulseUpdate) -> Result<()> {
        self.0.check_update(batch.size, update)
    }

    fn update(&mut self, batch: Batch<'_>, update: &PulseUpdate) -> Result<()> {
        self.0.update(batch.x, batch.d, batch.size, batch.lr, update).map(drop)
    }

    fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        self.0.set_weights(weights)
    }

    fn array(&self, _index: usize) -> &CrossbarArray {
        &self.0
    }

    fn array_mut(&mut self, _index: usize) -> &mut CrossbarArray {
        &mut self.0
    }

    fn names(&self) -> &[&'static str] {
        &["W"]
    }

    fn digital(&self, _name: &str) -> Option<Vec<f32>> {
        None
    }

    fn sp_estimate(&self) -> Option<Vec<f32>> {
        None
    }

    fn snapshot(&self) -> State {
        let Self(array) = self;
        let mut arrays = State::default();
        arrays.set_part("W", array.snapshot());
        let mut state = State::default();
        state.set_part("arrays", arrays);
        state
    }

    fn boxed(&self) -> Box<dyn LearningRule> {
        Box::new(self.clone())
    }

    fn restored(&self, mut from: State) -> Result<Box<dyn LearningRule>> {
        let mut arrays = from.part("arrays")?;
        let array = self.0.restored(arrays.part("W")?)?;
        arrays.finish()?;
        from.finish()?;
        Ok(Box::new(Self(array)))
    }
}
