//! A weight matrix spread over a grid of tiles, with digital sums and scales.
//!
//! Block `(r, c)` with the digital factors `a` (weight scaling, fixed) and `s` (output scale, learned) contributes
//! `y_r += s a tile(x_c)` and `dL/dx_c += tile^T(s a grad_r)`; it learns from `(x_c, s grad_r / a)`, so that `a tile` moves
//! by the gradient and not by `a^2` times it (02 section 8.2). The tiles of a call are independent of each other and run
//! side by side; their order in every sum is fixed.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::blocks::{self, cut, ranges};
use super::factors::{Factors, dot};
use super::windows::Patches;
use crate::algorithm::{Batch, Tile};
use crate::array::reads::Reads;
use crate::error::{Error, Result, check_finite, check_len, check_room};
use crate::par::{Threads, stop};
use crate::simd::Isa;
use crate::vectors::Vectors;

/// A tile that a grid shares with whoever looks at it.
pub type SharedTile = Arc<Mutex<Tile>>;

/// See the module.
pub struct Grid {
    tiles: Vec<SharedTile>,
    rows: Vec<Range<usize>>,
    columns: Vec<Range<usize>>,
    factors: Vec<Factors>,
    learn_gain: bool,
    threads: Threads,
    isa: Isa,
    last: Option<Arc<Passes>>,
    /// What reads had left in every tile before the last pass.
    before: Vec<Option<Reads>>,
}

/// Inputs of a block column.
type Inputs = Arc<dyn Vectors>;

/// What a forward pass leaves for the backward pass, and both for an update.
#[derive(Clone, Default)]
pub struct Passes {
    batch: usize,
    /// Inputs of every block column.
    inputs: Vec<Inputs>,
    /// `a tile(x)` of every tile, where the output scale is learned.
    outputs: Vec<Arc<Vec<f32>>>,
    /// Gradients of every block row, after the backward pass.
    gradients: Vec<Arc<Vec<f32>>>,
}

impl Passes {
    /// The vectors of all `parts`, in this order, as if they had been one batch.
    fn joined(parts: &[Arc<Self>]) -> Self {
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

impl Grid {
    /// A grid of `tiles`, block row after block row.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless there is one tile for every pair of a block row and a block column.
    pub fn new(
        tiles: Vec<SharedTile>,
        row_sizes: &[usize],
        column_sizes: &[usize],
        learn_gain: bool,
        threads: Threads,
    ) -> Result<Self> {
        let count = row_sizes.len() * column_sizes.len();
        if tiles.len() != count || count == 0 {
            return Err(Error::parameter("tiles", tiles.len(), format!("{count} tiles, at least one")));
        }
        let (rows, columns) = (ranges(row_sizes), ranges(column_sizes));
        let factors = vec![Factors::default(); count];
        let isa = Isa::current()?;
        Ok(Self { tiles, rows, columns, factors, learn_gain, threads, isa, last: None, before: Vec::new() })
    }

    /// Outputs and inputs.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.rows.last().map_or(0, |r| r.end), self.columns.last().map_or(0, |c| c.end))
    }

    /// Threads that calls may use.
    #[must_use]
    pub fn threads(&self) -> Threads {
        self.threads
    }

    /// The factors of every tile.
    #[must_use]
    pub fn factors(&self) -> &[Factors] {
        &self.factors
    }

    /// Replaces the factors of tile `index`.
    ///
    /// # Errors
    /// [`Error`] for a tile that is not there, a wrong number of scales, or factors that are not finite.
    pub fn set_factors(&mut self, index: usize, factors: Factors) -> Result<()> {
        let (count, per_row) = (self.tiles.len(), self.columns.len());
        if index >= count {
            return Err(Error::parameter("index", index, format!("below {count}")));
        }
        let outputs = self.rows[index / per_row].len();
        if !factors.scale.is_empty() {
            check_len("scale", factors.scale.len(), 1, outputs)?;
        }
        check_finite("scale", &factors.scale)?;
        if !factors.gain.is_finite() {
            return Err(Error::parameter("gain", factors.gain, "finite"));
        }
        self.factors[index] = factors;
        Ok(())
    }

    fn remember(&mut self) {
        self.before = self.tiles.iter().map(|tile| tile.lock().ok().map(|tile| tile.reads())).collect();
    }

    fn unread(&self) {
        for (tile, before) in self.tiles.iter().zip(&self.before) {
            if let (Ok(mut tile), Some(before)) = (tile.lock(), before) {
                tile.unread(*before);
            }
        }
    }

    /// Reads every tile, side by side where that pays, and makes one result of what they gave; if that fails or is given
    /// up, none has been read.
    fn read<R>(
        &self,
        batch: usize,
        task: impl Fn(usize, &mut Tile) -> Result<Vec<f32>> + Send + Sync,
        join: impl FnOnce(Vec<Vec<f32>>) -> Result<R>,
    ) -> Result<R> {
        let (rows, cols) = self.shape();
        let work = rows.saturating_mul(cols).saturating_mul(batch) / 16;
        let around = (rows + cols).saturating_mul(batch).saturating_mul(4);
        let tiles = self.tiles.iter().enumerate().collect();
        let run = |(i, tile): (usize, &SharedTile)| locked(tile, |tile| task(i, tile));
        let read = together(self.tiles.clone(), work.saturating_add(around), || {
            join(self.threads.map_short(work, tiles, run).into_iter().collect::<Result<_>>()?)
        });
        if read.is_err() {
            self.unread();
        }
        read
    }

    /// `y = x W^T + b` for `x` (batch, N) and a digital bias `b` (M), if there is one: (batch, M).
    ///
    /// # Errors
    /// [`Error`] for wrong lengths or values that are not finite, the output's among them.
    pub fn forward(&mut self, x: Vec<f32>, batch: usize, bias: Option<&[f32]>) -> Result<Vec<f32>> {
        check_len("x", x.len(), batch, self.shape().1)?;
        // The read of an only block looks for itself; of several, each would count from the beginning of its own columns.
        if self.columns.len() > 1 {
            check_finite("x", &x)?;
        }
        check_room(batch.saturating_mul(16 * self.shape().1), "the parts of a batch")?;
        self.pass(cut(x, &self.columns).into_iter().map(|part| part as Inputs).collect(), batch, bias)
    }

    /// [`Self::forward`] for patches of images.
    ///
    /// # Errors
    /// The same.
    pub fn forward_patches(&mut self, patches: Patches, bias: Option<&[f32]>) -> Result<Vec<f32>> {
        let batch = patches.count();
        if self.columns.len() > 1 {
            return self.forward(patches.rows(self.threads)?, batch, bias);
        }
        check_len("x", patches.len(), batch, self.shape().1)?;
        self.pass(vec![Arc::new(patches)], batch, bias)
    }

    /// A forward pass of these inputs of every block column.
    fn pass(&mut self, parts: Vec<Inputs>, batch: usize, bias: Option<&[f32]>) -> Result<Vec<f32>> {
        let (outputs, _) = self.shape();
        if let Some(bias) = bias {
            check_len("bias", bias.len(), 1, outputs)?;
        }
        check_room(batch.saturating_mul(16 * outputs), "the parts of a batch")?;
        let task = |i: usize, tile: &mut Tile| tile.forward(&*parts[i % parts.len()], batch);
        self.remember();
        let (y, read) = self.read(batch, task, |mut read| {
            for (values, factors) in read.iter_mut().zip(&self.factors) {
                blocks::scale(self.isa, values, &factors.scale);
            }
            let place = |i: usize| (&self.rows[i / self.columns.len()], self.factors[i].gain as f32);
            let (shape, bias) = ((batch, outputs), bias.unwrap_or_default());
            let y = blocks::sum(self.isa, "output", &mut read, self.learn_gain, shape, bias, place)?;
            Ok((y, read))
        })?;
        let outputs = if self.learn_gain { read.into_iter().map(Arc::new).collect() } else { Vec::new() };
        let passes = Passes { batch, inputs: parts, outputs, gradients: Vec::new() };
        self.last = Some(Arc::new(passes));
        Ok(y)
    }

    /// The passes that `backward` and `update` refer to, if there was one.
    #[must_use]
    pub fn last(&self) -> Option<Arc<Passes>> {
        self.last.clone()
    }

    /// Lets `backward` and `update` refer to earlier passes; several count as one batch, in this order.
    ///
    /// # Errors
    /// [`Error::State`] if there is none, or one is of a grid with other blocks or lacks the backward pass that others had.
    pub fn recall(&mut self, passes: &[Arc<Passes>]) -> Result<()> {
        let sized = |lengths: Vec<usize>, blocks: &[Range<usize>], batch: usize| {
            lengths.len() == blocks.len()
                && lengths.iter().zip(blocks).all(|(length, block)| Some(*length) == block.len().checked_mul(batch))
        };
        let fits = |part: &Arc<Passes>| {
            let backward = passes.len() > 1 || !part.gradients.is_empty();
            sized(part.inputs.iter().map(|part| part.len()).collect(), &self.columns, part.batch)
                && part.outputs.len() == if self.learn_gain { self.tiles.len() } else { 0 }
                && (!backward || sized(part.gradients.iter().map(|part| part.len()).collect(), &self.rows, part.batch))
        };
        if passes.is_empty() || !passes.iter().all(fits) {
            return Err(Error::State("passes: must be this layer's own, several only after backward()".into()));
        }
        self.last = Some(if let [one] = passes { one.clone() } else { Arc::new(Passes::joined(passes)) });
        Ok(())
    }

    /// `dL/dx` (batch, N) for `gradient = dL/dy` (batch, M) of the last forward pass, or nothing if not `wanted`.
    ///
    /// # Errors
    /// [`Error`] before a forward pass, for wrong lengths or values that are not finite.
    pub fn backward(&mut self, gradient: Vec<f32>, wanted: bool) -> Result<Option<Vec<f32>>> {
        let (outputs, inputs) = self.shape();
        let batch = self.last.as_ref().ok_or_else(|| Error::State("backward() before forward()".into()))?.batch;
        check_len("grad", gradient.len(), batch, outputs)?;
        check_finite("grad", &gradient)?;
        check_room(batch.saturating_mul(16 * (outputs + inputs)), "the parts of a batch")?;
        let gradients = cut(gradient, &self.rows);
        let mut result = None;
        if wanted {
            self.remember();
            let task = |i: usize, tile: &mut Tile| {
                let gradient = &gradients[i / self.columns.len()];
                tile.backward(&blocks::scaled(self.isa, gradient, &self.factors[i].forth()), batch)
            };
            result = Some(self.read(batch, task, |mut read| {
                let place = |i: usize| (&self.columns[i % self.columns.len()], 1.0);
                blocks::sum(self.isa, "gradient of the input", &mut read, false, (batch, inputs), &[], place)
            })?);
        }
        if let Some(last) = &mut self.last {
            Arc::make_mut(last).gradients = gradients;
        }
        Ok(result)
    }

    /// The passes that an update refers to.
    fn passes(&self) -> Result<&Passes> {
        match &self.last {
            Some(last) if !last.gradients.is_empty() => Ok(last),
            _ => Err(Error::State("update() before backward()".into())),
        }
    }

    /// The error that every tile learns from: `factor` times the gradient.
    fn errors(&self, factor: f32) -> Result<Vec<Vec<f32>>> {
        let last = self.passes()?;
        let error = |(i, factors): (usize, &Factors)| {
            let mut error = blocks::scaled(self.isa, &last.gradients[i / self.columns.len()], &factors.back());
            if factor != 1.0 {
                blocks::scale(self.isa, &mut error, &[factor]);
            }
            check_finite("scaled error", &error)?;
            Ok(error)
        };
        self.factors.iter().enumerate().map(error).collect()
    }

    /// What the learned gains lose at the rate `lr`; none where they are fixed.
    fn gain_steps(&self, lr: f64) -> Result<Vec<f64>> {
        let last = self.passes()?;
        let step = |(i, output): (usize, &Arc<Vec<f32>>)| {
            let step = lr * dot(self.isa, &last.gradients[i / self.columns.len()], output);
            let finite = (self.factors[i].gain - step).is_finite();
            if finite { Ok(step) } else { Err(Error::parameter("lr", lr, "one that leaves the output scales finite")) }
        };
        last.outputs.iter().enumerate().map(step).collect()
    }
}

/// Runs work on tiles; they are all as before if it is given up.
fn together<R>(mut tiles: Vec<SharedTile>, work: usize, change: impl FnOnce() -> R) -> R {
    let save = |tiles: &Vec<SharedTile>| -> Vec<Option<Tile>> {
        tiles.iter().map(|tile| tile.lock().ok().map(|tile| tile.clone())).collect()
    };
    let put_back = |tiles: &mut Vec<SharedTile>, before: Vec<Option<Tile>>| {
        for (tile, before) in tiles.iter().zip(before) {
            let Some(before) = before else { continue };
            tile.clear_poison();
            if let Ok(mut tile) = tile.lock() {
                *tile = before;
            }
        }
    };
    stop::undoable(&mut tiles, work as f64, save, put_back, |_| change())
}

fn locked<R>(tile: &SharedTile, task: impl FnOnce(&mut Tile) -> Result<R>) -> Result<R> {
    let mut tile =
        tile.lock().map_err(|_| Error::State("an earlier internal error left this tile inconsistent".into()))?;
    task(&mut tile)
}

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
/// biases that are not finite; then nothing has changed.
pub fn update(steps: &mut [Step<'_>], lr: f64) -> Result<()> {
    if !(lr.is_finite() && lr >= 0.0) {
        return Err(Error::parameter("lr", lr, "a finite number >= 0"));
    }
    let (mut tasks, mut tiles, mut gains, mut biases) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut work, mut longest) = (0_usize, 0_usize);
    let mut threads = Threads::ONE;
    // Nanoseconds for a line's train of 31 slots, measured: 64, 43 and 27.
    let drawing = |isa: Isa| match isa {
        Isa::Base => 64,
        Isa::V3 => 43,
        Isa::V4 => 27,
    };
    for Step { grid, factor, bias: (bias, gradient) } in steps.iter() {
        let (errors, last) = (grid.errors(*factor)?, grid.passes()?);
        gains.push(grid.gain_steps(lr)?);
        check_len("bias gradient", gradient.len(), 1, bias.len())?;
        let bias: Vec<f32> = bias.iter().zip(*gradient).map(|(b, g)| b - lr as f32 * g).collect();
        check_finite("bias, less lr times its gradient", &bias)?;
        biases.push(bias);
        let batch = last.batch;
        let (rows, cols) = grid.shape();
        // A pulse on every cell for every vector, and the drawing of the trains.
        let each = rows.saturating_mul(cols).saturating_add((rows + cols).saturating_mul(drawing(grid.isa)));
        longest = longest.saturating_add(each.saturating_mul(batch));
        tiles.extend(grid.tiles.iter().cloned());
        for (i, (tile, d)) in grid.tiles.iter().zip(errors).enumerate() {
            let x = last.inputs[i % grid.columns.len()].clone();
            work = work.saturating_add((x.len() + d.len()).saturating_mul(4));
            tasks.push((tile.clone(), x, d, batch));
        }
        threads = grid.threads;
    }
    let run = |(tile, x, d, size): (SharedTile, Inputs, Vec<f32>, usize)| {
        locked(&tile, |tile| tile.update(Batch { x: &*x, d: &d, size, lr }))
    };
    together(tiles, longest, || threads.map_short(work, tasks, run).into_iter().collect::<Result<Vec<()>>>())?;
    for ((step, losses), bias) in steps.iter_mut().zip(gains).zip(biases) {
        step.grid.factors.iter_mut().zip(losses).for_each(|(factors, loss)| factors.gain -= loss);
        step.bias.0.copy_from_slice(&bias);
    }
    Ok(())
}
