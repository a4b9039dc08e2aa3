//! A weight matrix spread over a grid of tiles, with digital sums and scales.
//!
//! Block `(r, c)` with the digital factors `a` (weight scaling, fixed) and `s` (output scale, learned) contributes
//! `y_r += s a tile(x_c)` and `dL/dx_c += tile^T(s a grad_r)`; it learns from `(x_c, s grad_r / a)`, so that `a tile` moves
//! by the gradient and not by `a^2` times it (02 section 8.2). The tiles of a call are independent of each other and run
//! side by side, or one after the other where each has pulses enough for all threads; their order in every sum is fixed.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::blocks::{self, cut, ranges};
use super::channels::{Affine, Channels};
use super::factors::{Factors, dot};
use super::passes::{Inputs, Passes};
use super::windows::Patches;
use crate::algorithm::Tile;
use crate::array::reads::Reads;
use crate::error::{Error, Result, check_finite, check_len, check_room};
use crate::par::{Threads, lock, stop};
use crate::simd::Isa;
use crate::simd::rows::Finite;
use crate::vectors::Vectors;

/// A tile that a grid shares with whoever looks at it.
pub type SharedTile = Arc<Mutex<Tile>>;

/// See the module.
pub struct Grid {
    pub(super) tiles: Vec<SharedTile>,
    rows: Vec<Range<usize>>,
    columns: Vec<Range<usize>>,
    pub(super) factors: Vec<Factors>,
    learn_gain: bool,
    pub(super) threads: Threads,
    pub(super) isa: Isa,
    last: Option<Arc<Passes>>,
    /// What reads had left in every tile before the last pass.
    before: Vec<Reads>,
    /// Pulses that every tile was sent in its last update, for how long the next will take.
    pub(super) sent: Vec<u64>,
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
        let (factors, sent) = (vec![Factors::default(); count], vec![0; count]);
        let isa = Isa::current()?;
        Ok(Self { tiles, rows, columns, factors, learn_gain, threads, isa, last: None, before: Vec::new(), sent })
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

    /// Before tiles are read: a tile that may not be waited for is found here, on the thread that must not wait.
    fn remember(&mut self) -> Result<()> {
        self.before = self.tiles.iter().map(|tile| locked(tile, |tile| Ok(tile.reads()))).collect::<Result<_>>()?;
        Ok(())
    }

    fn unread(&self) {
        for (tile, before) in self.tiles.iter().zip(&self.before) {
            put_back(tile, |tile| tile.unread(*before));
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
        let all = |_: &mut &Self| join(self.threads.map_short(work, tiles, run).into_iter().collect::<Result<_>>()?);
        let work = work.saturating_add(around) as f64;
        let read = stop::undoable(&mut &*self, work, |_| Some(()), |grid, ()| grid.unread(), all);
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
        self.pass(self.parts(x, batch)?, batch, 1, bias)
    }

    /// [`Self::forward`] for patches of images: (images, M, positions).
    ///
    /// # Errors
    /// The same.
    pub fn forward_patches(&mut self, patches: Patches, bias: Option<&[f32]>) -> Result<Vec<f32>> {
        let (batch, positions) = (patches.count(), patches.positions());
        check_len("x", patches.len(), batch, self.shape().1)?;
        let several = self.columns.len() > 1;
        let parts =
            if several { self.parts(patches.rows(self.threads)?, batch)? } else { vec![Arc::new(patches) as _] };
        self.pass(parts, batch, positions, bias)
    }

    /// The inputs of every block column.
    fn parts(&self, x: Vec<f32>, batch: usize) -> Result<Vec<Inputs>> {
        check_len("x", x.len(), batch, self.shape().1)?;
        // The read of an only block looks for itself; of several, each would count from the beginning of its own columns.
        if self.columns.len() > 1 {
            check_finite("x", &x)?;
        }
        check_room(batch.saturating_mul(16 * self.shape().1), "the parts of a batch")?;
        Ok(cut(x, &self.columns).into_iter().map(|part| part as Inputs).collect())
    }

    /// A forward pass of these inputs of every block column, from images with so many positions each.
    fn pass(&mut self, parts: Vec<Inputs>, batch: usize, positions: usize, bias: Option<&[f32]>) -> Result<Vec<f32>> {
        let (outputs, _) = self.shape();
        if let Some(bias) = bias {
            check_len("bias", bias.len(), 1, outputs)?;
        }
        check_room(batch.saturating_mul(16 * outputs), "the parts of a batch")?;
        let task = |i: usize, tile: &mut Tile| tile.forward(&*parts[i % parts.len()], batch);
        self.remember()?;
        let (y, read) = self.read(batch, task, |mut read| {
            let y = self.joined(&mut read, (batch, positions), bias.unwrap_or_default())?;
            Ok((y, read))
        })?;
        let outputs = if self.learn_gain { read.into_iter().map(Arc::new).collect() } else { Vec::new() };
        let passes = Passes { batch, inputs: parts, outputs, gradients: Vec::new() };
        self.last = Some(Arc::new(passes));
        Ok(y)
    }

    /// The output of a pass of what the tiles gave, to which their weight scaling is applied.
    fn joined(&self, read: &mut [Vec<f32>], (batch, positions): (usize, usize), bias: &[f32]) -> Result<Vec<f32>> {
        const NAME: &str = "output";
        let channels = self.channels(positions);
        if let ([only], true) = (&mut *read, positions > 1) {
            let Factors { scale, gain } = &self.factors[0];
            return channels.of_rows(NAME, only, &Affine { scale, gain: *gain as f32, bias });
        }
        for (values, factors) in read.iter_mut().zip(&self.factors) {
            blocks::scale(self.isa, values, &factors.scale);
        }
        let place = |i: usize| (&self.rows[i / self.columns.len()], self.factors[i].gain as f32);
        let mut y = blocks::sum(self.isa, NAME, read, self.learn_gain, (batch, self.shape().0), bias, place)?;
        if positions > 1 {
            y = channels.of_rows(NAME, &mut y, &Affine { scale: &[], gain: 1.0, bias: &[] })?;
        }
        Ok(y)
    }

    /// The outputs as channels of images.
    fn channels(&self, positions: usize) -> Channels {
        Channels { threads: self.threads, isa: self.isa, channels: self.shape().0, positions }
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

    /// [`Self::backward`] for the gradient of the output of [`Self::forward_patches`], and what `scatter` makes of `dL/dx` of
    /// the patches.
    ///
    /// # Errors
    /// The same, and those of `scatter`.
    pub fn backward_patches(
        &mut self,
        gradient: &[f32],
        positions: usize,
        wanted: bool,
        scatter: impl FnOnce(Vec<f32>) -> Result<Vec<f32>>,
    ) -> Result<Option<Vec<f32>>> {
        self.propagate(self.channels(positions).to_rows(gradient), wanted, scatter)
    }

    /// `dL/dx` (batch, N) for `gradient = dL/dy` (batch, M) of the last forward pass, or nothing if not `wanted`.
    ///
    /// # Errors
    /// [`Error`] before a forward pass, for wrong lengths or values that are not finite.
    pub fn backward(&mut self, gradient: Vec<f32>, wanted: bool) -> Result<Option<Vec<f32>>> {
        self.propagate(gradient, wanted, Ok)
    }

    /// [`Self::backward`] with what `finish` makes of its result: where that fails or is given up, no tile has been read.
    fn propagate(
        &mut self,
        gradient: Vec<f32>,
        wanted: bool,
        finish: impl FnOnce(Vec<f32>) -> Result<Vec<f32>>,
    ) -> Result<Option<Vec<f32>>> {
        let (outputs, inputs) = self.shape();
        let batch = self.last.as_ref().ok_or_else(|| Error::State("backward() before forward()".into()))?.batch;
        check_len("grad", gradient.len(), batch, outputs)?;
        check_finite("grad", &gradient)?;
        check_room(batch.saturating_mul(16 * (outputs + inputs)), "the parts of a batch")?;
        let gradients = cut(gradient, &self.rows);
        let mut result = None;
        if wanted {
            self.remember()?;
            let task = |i: usize, tile: &mut Tile| {
                let gradient = &gradients[i / self.columns.len()];
                tile.backward(&blocks::scaled(self.isa, gradient, &self.factors[i].forth(), 1.0), batch)
            };
            result = Some(self.read(batch, task, |mut read| {
                let place = |i: usize| (&self.columns[i % self.columns.len()], 1.0);
                finish(blocks::sum(self.isa, "gradient of the input", &mut read, false, (batch, inputs), &[], place)?)
            })?);
        }
        if let Some(last) = &mut self.last {
            Arc::make_mut(last).gradients = gradients;
        }
        Ok(result)
    }

    /// The passes that an update refers to.
    pub(super) fn passes(&self) -> Result<&Passes> {
        match &self.last {
            Some(last) if !last.gradients.is_empty() => Ok(last),
            _ => Err(Error::State("update() before backward()".into())),
        }
    }

    /// What tile `i` learns from: `factor` times the gradient, and what its learned gain loses at the rate `lr`.
    pub(super) fn lesson(&self, i: usize, factor: f32, lr: f64) -> Result<(Vec<f32>, f64)> {
        let (last, factors) = (self.passes()?, &self.factors[i]);
        let gradient = &last.gradients[i / self.columns.len()];
        let error = blocks::scaled(self.isa, gradient, &factors.back(), factor);
        if !self.isa.run(Finite(&error)) {
            check_finite("scaled error", &error)?;
        }
        let loss = last.outputs.get(i).map_or(0.0, |output| lr * dot(self.isa, gradient, output));
        let finite = (factors.gain - loss).is_finite();
        if finite {
            Ok((error, loss))
        } else {
            Err(Error::parameter("lr", lr, "one that leaves the output scales finite"))
        }
    }

    /// What tile `i` read last.
    pub(super) fn input(&self, i: usize) -> Result<Inputs> {
        Ok(self.passes()?.inputs[i % self.columns.len()].clone())
    }
}

/// Changes tiles; they are all as before if that is given up, or fails after it could have been given up.
pub(super) fn together<R>(mut tiles: Vec<SharedTile>, work: usize, change: impl FnOnce() -> Result<R>) -> Result<R> {
    let save = |tiles: &Vec<SharedTile>| {
        let free = || tiles.iter().map(|tile| lock(tile, "tile").ok());
        check_room(free().flatten().map(|tile| tile.copied()).sum(), "copies of the tiles").ok()?;
        Some(free().map(|tile| tile.as_deref().cloned()).collect())
    };
    let restore = |tiles: &mut Vec<SharedTile>, before: Vec<Option<Tile>>| {
        for (tile, before) in tiles.iter().zip(before) {
            before.into_iter().for_each(|before| put_back(tile, |tile| *tile = before));
        }
    };
    stop::undoable(&mut tiles, work as f64, save, restore, |_| change())
}

/// Takes back what was given up while the tile was locked.
fn put_back(tile: &SharedTile, change: impl FnOnce(&mut Tile)) {
    tile.clear_poison();
    if let Ok(mut tile) = tile.lock() {
        change(&mut tile);
    }
}

pub(super) fn locked<R>(tile: &SharedTile, task: impl FnOnce(&mut Tile) -> Result<R>) -> Result<R> {
    task(&mut *lock(tile, "tile")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{AnalogSgd, Foundation, Rule, Site};
    use crate::device::{Device, SoftBounds};
    use crate::periphery::Periphery;
    use crate::pulse::PulseUpdate;
    use crate::rng::Key;

    #[test]
    fn a_pass_that_cannot_be_finished_has_read_nothing() {
        let rule = Rule::AnalogSgd(AnalogSgd { device: Device::SoftBounds(SoftBounds::default()) });
        let site =
            Site { forward: Periphery::default(), backward: Periphery::default(), update: PulseUpdate::default() };
        let key = Key::from_seed([1; 4]);
        let foundation = Foundation { shape: (2, 3), key, threads: Threads::ONE, count_pulses: false, blank: false };
        let tile: SharedTile = Arc::new(Mutex::new(Tile::new(&rule, site, foundation).unwrap()));
        let mut grid = Grid::new(vec![tile.clone()], &[2], &[3], false, Threads::ONE).unwrap();
        grid.forward(vec![1.0; 12], 4, None).unwrap();
        let before = tile.lock().unwrap().snapshot();
        let refuse = |_| Err(Error::State("no room for images".into()));
        assert!(grid.backward_patches(&[1.0; 8], 4, true, refuse).is_err());
        assert_eq!(tile.lock().unwrap().snapshot(), before);
        assert!(grid.backward_patches(&[1.0; 8], 4, true, Ok).unwrap().is_some());
        assert_ne!(tile.lock().unwrap().snapshot(), before);
    }
}
