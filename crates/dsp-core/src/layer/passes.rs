//! What passes through a layer leave for the passes and updates after them.

use std::sync::Arc;

use crate::vectors::Vectors;

/// Inputs of a block column.
pub(super) type Inputs = Arc<dyn Vectors>;

/// What a forward pass leaves for the backward pass, and both for an update.
#[derive(Clone, Default)]
pub struct Passes {
    pub(super) batch: usize,
    /// Inputs of every block column.
    pub(super) inputs: Vec<Inputs>,
    /// `a tile(x)` of every tile, where the output scale is learned.
    pub(super) outputs: Vec<Arc<Vec<f32>>>,
    /// Gradients of every block row, after the backward pass.
    pub(super) gradients: Vec<Arc<Vec<f32>>>,
}

impl Passes {
    /// The vectors of all `parts`, in this order, as if they had been one batch.
    pub(super) fn joined(parts: &[Arc<Self>]) -> Self {
        Self {
            batch: parts.iter().map(|part| part.batch).sum(),
            inputs: joined(parts, |part| &part.inputs).map(|inputs| inputs as Inputs).collect(),
            outputs: joined(parts, |part| &part.outputs).collect(),
            gradients: joined(parts, |part| &part.gradients).collect(),
        }
    }
}

/// The vectors of every block in all `parts`, one part after the other.
fn joined<V: Vectors + ?Sized>(
    parts: &[Arc<Passes>],
    field: fn(&Passes) -> &Vec<Arc<V>>,
) -> impl Iterator<Item = Arc<Vec<f32>>> {
    let count = parts.iter().map(|part| field(part).len()).min().unwrap_or(0);
    (0..count).map(move |i| {
        let mut whole = Vec::new();
        for vectors in parts.iter().map(|part| &*field(part)[i]) {
            whole.extend_from_slice(vectors.get(0..vectors.len(), &mut Vec::new()));
        }
        Arc::new(whole)
    })
}
