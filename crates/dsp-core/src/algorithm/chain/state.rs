//! The complete state of a rule with fixed references, in and out.

use super::{Chain, Link, Stage};
use crate::algorithm::LearningRule;
use crate::error::Result;
use crate::snapshot::State;

impl Link {
    fn snapshot(&self) -> State {
        match self {
            Self::Trains(_) => State::default(),
            Self::Buffer(buffer) => buffer.snapshot(),
        }
    }

    fn restored(&self, from: State) -> Result<Self> {
        match self {
            Self::Trains(_) => from.finish().map(|()| self.clone()),
            Self::Buffer(buffer) => buffer.restored(from).map(Self::Buffer),
        }
    }
}

/// The visible weights follow from the rest and are no part of it.
pub fn snapshot(rule: &Chain) -> State {
    let Chain { stages, slow, visible: _, names, settings: _, rate, transfer_read: _, batches, read: _, pulses: _ } =
        rule;
    let (rows, cols) = slow.shape();
    let (mut arrays, mut links) = (State::default(), State::default());
    for (name, stage) in names.iter().zip(stages) {
        let Stage { array, reference, link, period: _, share: _, column } = stage;
        let mut part = State::default();
        part.set_plane("reference", &[rows, cols], reference.clone());
        part.set_part("buffer", link.snapshot());
        part.set_count("column", *column as u64);
        arrays.set_part(name, array.snapshot());
        links.set_part(name, part);
    }
    arrays.set_part("W", slow.snapshot());
    let mut state = State::default();
    state.set_part("arrays", arrays);
    state.set_part("links", links);
    if rate.has_state() {
        state.set_part("rate", rate.snapshot());
    }
    state.set_count("batches", *batches);
    state
}

/// See [`LearningRule::restored`].
pub fn restored(rule: &Chain, mut from: State) -> Result<Chain> {
    let (rows, cols) = rule.slow.shape();
    let (mut arrays, mut links) = (from.part("arrays")?, from.part("links")?);
    let mut stages = Vec::new();
    for (name, stage) in rule.names.iter().zip(&rule.stages) {
        let Stage { array, reference: _, link, period, share, column: _ } = stage;
        let mut part = links.part(name)?;
        let column = part.count("column")?;
        if column >= cols as u64 {
            return Err(part.refuse("column", format!("is {column}: must be below {cols}")));
        }
        stages.push(Stage {
            array: array.restored(arrays.part(name)?)?,
            reference: part.plane("reference", &[rows, cols])?,
            link: link.restored(part.part("buffer")?)?,
            period: *period,
            share: *share,
            column: column as usize,
        });
        part.finish()?;
    }
    let slow = rule.slow.restored(arrays.part("W")?)?;
    let rate = if rule.rate.has_state() { rule.rate.restored(from.part("rate")?)? } else { rule.rate };
    let batches = from.count("batches")?;
    arrays.finish()?;
    links.finish()?;
    from.finish()?;
    let mut restored = Chain {
        stages,
        slow,
        visible: vec![0.0; rule.visible.len()],
        names: rule.names.clone(),
        settings: rule.settings.clone(),
        rate,
        transfer_read: rule.transfer_read.clone(),
        batches,
        read: vec![0.0; rows],
        pulses: vec![0; rows],
    };
    restored.refresh();
    Ok(restored)
}
