//! The update of a network's layers, all their tiles side by side.

use super::grid::{Grid, SharedTile, locked, together};
use super::passes::Inputs;
use crate::algorithm::Batch;
use crate::error::{Error, Result, check_finite, check_len};
use crate::par::Threads;
use crate::simd::Isa;

/// Nanoseconds that a pulse takes, of many on one thread (measured: 3 at level v4, 5 at v3).
const PULSE: usize = 4;

/// What an update does to one grid and the digital bias beside it.
pub struct Step<'a> {
    /// The grid.
    pub grid: &'a mut Grid,
    /// Factor on the gradient that the tiles learn from.
    pub factor: f32,
    /// The bias and its gradient; both are empty where there is none.
    pub bias: (&'a mut [f32], &'a [f32]),
}

/// Steps the tiles, output scales and biases of several grids at the rate `lr`, all tiles side by side.
///
/// # Errors
/// [`Error`] before a backward pass, for a bad rate, gradients of another length than their biases, or errors and new
/// biases that are not finite, or what a tile refuses; then nothing has changed.
pub fn update(steps: &mut [Step<'_>], lr: f64) -> Result<()> {
    if !(lr.is_finite() && lr >= 0.0) {
        return Err(Error::parameter("lr", lr, "a finite number >= 0"));
    }
    let (mut tasks, mut tiles, mut lessons, mut biases) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut around, mut longest) = (0_usize, 0_usize);
    let mut threads = Threads::ONE;
    // Nanoseconds for a line's train of 31 slots, measured: 64, 43 and 27.
    let drawing = |isa: Isa| match isa {
        Isa::Base => 64,
        Isa::V3 => 43,
        Isa::V4 => 27,
    };
    for Step { grid, factor, bias: (bias, gradient) } in steps.iter() {
        check_len("bias gradient", gradient.len(), 1, bias.len())?;
        let bias: Vec<f32> = bias.iter().zip(*gradient).map(|(b, g)| b - lr as f32 * g).collect();
        check_finite("bias, less lr times its gradient", &bias)?;
        biases.push(bias);
        let batch = grid.passes()?.batch;
        let (rows, cols) = grid.shape();
        // A pulse on every cell for every vector, and the drawing of the trains.
        let each = rows.saturating_mul(cols).saturating_add((rows + cols).saturating_mul(drawing(grid.isa)));
        longest = longest.saturating_add(each.saturating_mul(batch));
        around = around.saturating_add(rows.saturating_mul(batch));
        tiles.extend(grid.tiles.iter().cloned());
        lessons.extend((0..grid.tiles.len()).map(|i| (&**grid, i, *factor)));
        threads = grid.threads;
    }
    let lessons = threads.map_short(around, lessons, |(grid, i, factor): (&Grid, usize, f32)| {
        let (d, loss) = grid.lesson(i, factor, lr)?;
        let x = grid.input(i)?;
        let sent = PULSE.saturating_mul(grid.sent[i] as usize);
        Ok(((x.len() + d.len()).saturating_mul(4).saturating_add(sent), x, d, loss))
    });
    let mut losses = Vec::new();
    for (tile, lesson) in tiles.iter().zip(lessons) {
        let (work, x, d, loss) = lesson?;
        losses.push(loss);
        tasks.push((work, (tile.clone(), x, d)));
    }
    // Before the first tile changes, all that one may refuse: the others would keep their pulses. A tile that may not be
    // waited for is found here, too, on the thread that must not wait.
    for (_, (tile, x, d)) in &tasks {
        locked(tile, |tile| tile.check_update(&Batch { x: &**x, d, size: d.len() / tile.shape().0, lr }))?;
    }
    let run = |(tile, x, d): (SharedTile, Inputs, Vec<f32>)| {
        locked(&tile, |tile| {
            let before = tile.pulses();
            tile.update(Batch { x: &*x, d: &d, size: d.len() / tile.shape().0, lr })?;
            Ok(tile.pulses() - before)
        })
    };
    let sent = together(tiles, longest, || threads.map_each(tasks, run).into_iter().collect::<Result<Vec<u64>>>())?;
    let mut changes = sent.into_iter().zip(losses);
    for (step, bias) in steps.iter_mut().zip(biases) {
        let grid = &mut *step.grid;
        for ((factors, last), (sent, loss)) in grid.factors.iter_mut().zip(&mut grid.sent).zip(&mut changes) {
            factors.gain -= loss;
            *last = sent;
        }
        step.bias.0.copy_from_slice(&bias);
    }
    Ok(())
}
