//! The complete state of a rule with a fast and a slow array, in and out.

use super::{Scratch, Transfer};
use crate::algorithm::LearningRule;
use crate::error::Result;
use crate::rng::Key;
use crate::snapshot::State;

/// The visible weights follow from the rest and are no part of it.
pub fn snapshot(rule: &Transfer) -> State {
    let Transfer {
        fast,
        rate,
        slow,
        visible: _,
        buffer,
        choppers,
        tracker,
        settings: _,
        transfer_read: _,
        key,
        batches,
        transfers,
        column,
        sweep,
        scratch: _,
    } = rule;
    let mut arrays = State::default();
    arrays.set_part("P", fast.snapshot());
    arrays.set_part("W", slow.snapshot());
    let mut state = State::default();
    state.set_part("arrays", arrays);
    state.set_part("buffer", buffer.snapshot());
    if let Some(choppers) = choppers {
        state.set_part("choppers", choppers.snapshot());
    }
    if let Some(tracker) = tracker {
        state.set_part("tracker", tracker.snapshot());
    }
    if rate.has_state() {
        state.set_part("rate", rate.snapshot());
    }
    state.set_list("key", key.words().to_vec());
    state.set_count("batches", *batches);
    state.set_count("transfers", *transfers);
    state.set_count("column", *column as u64);
    state.set_count("sweep", *sweep);
    state
}

/// See [`LearningRule::restored`].
pub fn restored(rule: &Transfer, mut from: State) -> Result<Transfer> {
    let mut arrays = from.part("arrays")?;
    let fast = rule.fast.restored(arrays.part("P")?)?;
    let slow = rule.slow.restored(arrays.part("W")?)?;
    arrays.finish()?;
    let buffer = rule.buffer.restored(from.part("buffer")?)?;
    let choppers = match &rule.choppers {
        Some(choppers) => Some(choppers.restored(from.part("choppers")?)?),
        None => None,
    };
    let tracker = match &rule.tracker {
        Some(tracker) => Some(tracker.restored(from.part("tracker")?)?),
        None => None,
    };
    let rate = if rule.rate.has_state() { rule.rate.restored(from.part("rate")?)? } else { rule.rate };
    let key = Key::from_seed(from.fixed("key")?);
    let (batches, transfers) = (from.count("batches")?, from.count("transfers")?);
    let (column, sweep) = (from.count("column")?, from.count("sweep")?);
    let (rows, cols) = fast.shape();
    if column >= cols as u64 {
        return Err(from.refuse("column", format!("is {column}: must be below {cols}")));
    }
    from.finish()?;
    let mut restored = Transfer {
        fast,
        rate,
        slow,
        visible: vec![0.0; rule.visible.len()],
        buffer,
        choppers,
        tracker,
        settings: rule.settings,
        transfer_read: rule.transfer_read.clone(),
        key,
        batches,
        transfers,
        column: column as usize,
        sweep,
        scratch: Scratch { read: vec![0.0; rows], pulses: vec![0; rows] },
    };
    restored.refresh();
    Ok(restored)
}
