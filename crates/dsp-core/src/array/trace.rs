//! Pulse-level traces: every pulse of chosen cells, with the weight before and after.
//!
//! Random numbers are functions of counters, so a traced cell is replayed pulse by pulse beside the kernel that moves the
//! whole array: the kernels know nothing of traces, and the replay's last value is the kernel's, bit for bit.

use super::CrossbarArray;
use crate::device::{CellBlock, CellParameters, Model, Response, Visitor};
use crate::error::{Error, Result, check_room};
use crate::par::stop::checkpoint;
use crate::pulse::Fidelity;
use crate::rng::Purpose;
use crate::rng::normal::normals;

/// One pulse of a traced cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TracedPulse {
    /// Index of the cell.
    pub cell: u32,
    /// The array's clock after the event that the pulse belongs to, hence unique to it.
    pub event: u64,
    /// Direction.
    pub up: bool,
    /// Persistent weight before.
    pub before: f32,
    /// Persistent weight after.
    pub after: f32,
}

/// What is traced, and what was recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    pub(super) cells: Vec<u32>,
    pub(super) pulses: Vec<TracedPulse>,
}

/// A pulse to replay: its direction, its event, and its standard normal.
pub(super) struct Planned {
    pub(super) up: bool,
    pub(super) event: u64,
    pub(super) xi: f32,
}

impl CrossbarArray {
    /// Records every pulse of these cells from now on; an empty list stops. What was recorded before is forgotten.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a cell that is not there.
    pub fn trace(&mut self, cells: Vec<u32>) -> Result<()> {
        if let Some(cell) = cells.iter().find(|cell| **cell as usize >= self.state.len()) {
            return Err(Error::parameter("cells", cell, format!("flat indices from 0 to {}", self.state.len() - 1)));
        }
        self.trace = Trace { cells, pulses: Vec::new() };
        Ok(())
    }

    /// The fidelity in force: an array that traces sends its pulses one by one.
    pub(super) fn traceable(&self, wanted: Fidelity) -> Result<Fidelity> {
        match wanted {
            wanted if self.trace.cells.is_empty() => Ok(wanted),
            Fidelity::Composed => {
                Err(Error::parameter("fidelity", "\"composed\"", "\"pulse\" or \"auto\" while cells are traced"))
            }
            Fidelity::Pulse | Fidelity::Auto => Ok(Fidelity::Pulse),
        }
    }

    /// Refuses so many pulses to the whole array if there is no memory for their trace.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn check_trace(&self, pulses: u32) -> Result<()> {
        let records = self.trace.cells.len().saturating_mul(pulses as usize);
        check_room(records.saturating_mul(size_of::<TracedPulse>()), "the trace")
    }

    /// The pulses recorded so far, in the order of events, and of the pulses within each cell.
    #[must_use]
    pub fn traced(&self) -> &[TracedPulse] {
        &self.trace.pulses
    }

    /// Replays an update or increment at `event`, given the directions of a cell's pulses.
    pub(super) fn record_update(&mut self, event: u64, directions: impl Fn(u32) -> Vec<bool>) {
        let noise = self.key.stream(Purpose::UpdatePulse, event);
        self.record(|cell| {
            let plan = |(n, up): (usize, bool)| {
                let xi = normals(noise.words(cell, n as u32 / 4))[n % 4];
                Planned { up, event, xi }
            };
            directions(cell).into_iter().enumerate().map(plan).collect()
        });
    }

    /// Replays the pulses that `plan` names for each traced cell, before the kernel changes the state.
    pub(super) fn record(&mut self, plan: impl Fn(u32) -> Vec<Planned>) {
        if self.trace.cells.is_empty() {
            return;
        }
        let mut pulses = std::mem::take(&mut self.trace.pulses);
        for &cell in &self.trace.cells {
            checkpoint();
            let state = self.state[cell as usize];
            let replay = Replay { parameters: &self.parameters, cell, state, plan: plan(cell), pulses: &mut pulses };
            self.device.visit(replay);
        }
        self.trace.pulses = pulses;
    }
}

struct Replay<'a> {
    parameters: &'a CellParameters,
    cell: u32,
    state: f32,
    plan: Vec<Planned>,
    pulses: &'a mut Vec<TracedPulse>,
}

impl Visitor for Replay<'_> {
    type Output = ();

    fn visit<M: Model>(self, model: &M) {
        let Self { parameters, cell, state, plan, pulses } = self;
        let response = model.response(parameters);
        let block = CellBlock::consecutive(response, parameters, cell as usize, &[state]);
        let reference = parameters.cell(cell as usize).reference;
        let mut v = state;
        for Planned { up, event, xi } in plan {
            let next = block.pulsed(response, 0, v, up, if response.is_noisy() { xi } else { 0.0 });
            pulses.push(TracedPulse { cell, event, up, before: v - reference, after: next - reference });
            v = next;
        }
    }
}
