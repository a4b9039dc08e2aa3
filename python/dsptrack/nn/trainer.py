"""The training loop: shuffled mini-batches, one record an epoch."""

import math
import sys
import time
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from dsptrack._checks import number, whole
from dsptrack._rng import RngLike, key
from dsptrack.datasets import Dataset
from dsptrack.exceptions import DivergenceError, ShapeError

from .account import programming_events, pulses, sp_error
from .history import EpochRecord
from .layer import FloatArray, IntArray
from .losses import Loss
from .sequential import Sequential

_TEST_BATCH = 500


class Trainer:
    """Mini-batch training of a network: forward, loss, backward, update.

    Every epoch visits all training images once, in an order drawn from `rng`; the last mini-batch may be smaller.

    Parameters
    ----------
    model
        The network; its output is what `loss` takes.
    loss
        The loss, a mean over the mini-batch.
    lr
        Global learning rate, finite and >= 0: of digital parameters always, of tiles as their rule says.
    batch_size
        Images a mini-batch, >= 1.
    rng
        Seed of the order of the images; a Generator is advanced.

    Attributes
    ----------
    history
        One EpochRecord an epoch, over all calls of `fit`.

    Raises
    ------
    ConfigError
        If `lr` or `batch_size` is out of range.

    Examples
    --------
    >>> import dsptrack as dt
    >>> data = dt.datasets.load("digits")
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> model = dt.nn.fcn(rule, sizes=(64, 16, 10), rng=0)
    >>> trainer = dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.05, rng=1)
    >>> [record.epoch for record in trainer.fit(data, 2)]
    [1, 2]
    """

    def __init__(self, model: Sequential, loss: Loss, *, lr: float, batch_size: int = 10, rng: RngLike = None) -> None:
        self.model = model
        self.loss = loss
        self.lr = number("lr", lr, low=0.0)
        self.batch_size = whole("batch_size", batch_size, 1)
        self.history: list[EpochRecord] = []
        self._generator = np.random.default_rng(key(rng))

    def fit(
        self,
        data: Dataset,
        epochs: int,
        *,
        progress: bool | None = None,
        label: str = "",
        on_epoch: Callable[[EpochRecord], None] | None = None,
    ) -> list[EpochRecord]:
        """Train for `epochs` epochs and test after each.

        Parameters
        ----------
        data
            Images and labels; the images must have the model's number of inputs.
        epochs
            Number of epochs, >= 1.
        progress
            Whether to draw a progress bar on stderr; None draws it where stderr is a terminal.
        label
            What the bar says in front.
        on_epoch
            Called with every new record.

        Returns
        -------
        list of EpochRecord
            The new records; `history` keeps all.

        Raises
        ------
        ConfigError
            If `epochs` is out of range.
        ShapeError
            If images and labels do not fit each other or the model.
        DivergenceError
            If the loss or a layer's value is not finite; the message names the layer.

        Examples
        --------
        See the class.
        """
        epochs = whole("epochs", epochs, 1)
        x, y = _checked(data.train_x, data.train_y)
        test_x, test_y = _checked(data.test_x, data.test_y)
        batches = -(-len(x) // self.batch_size)
        draw = sys.stderr.isatty() if progress is None else progress
        records = []
        with tqdm(total=epochs * batches, desc=label, unit="batch", file=sys.stderr, disable=not draw) as bar:
            for _ in range(epochs):
                started = time.perf_counter()
                train_loss = self._epoch(x, y, bar.update)
                seconds = time.perf_counter() - started
                record = self._record(train_loss, self.accuracy(test_x, test_y), seconds)
                bar.set_postfix(epoch=record.epoch, loss=f"{train_loss:.3f}", test=f"{record.test_accuracy:.2f}%")
                records.append(record)
                self.history.append(record)
                if on_epoch is not None:
                    on_epoch(record)
        return records

    def accuracy(self, x: FloatArray, y: IntArray) -> float:
        """Return the percentage of the images `x` (n, inputs) that the model gives the labels `y` (n,).

        Examples
        --------
        >>> import dsptrack as dt
        >>> data = dt.datasets.load("digits")
        >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds())
        >>> model = dt.nn.fcn(rule, sizes=(64, 10), rng=0)
        >>> 0 <= dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1).accuracy(data.test_x, data.test_y) <= 100
        True
        """
        right = 0
        self.model.eval()
        for start in range(0, len(x), _TEST_BATCH):
            part = slice(start, start + _TEST_BATCH)
            right += int((self.model.forward(x[part]).argmax(axis=1) == y[part]).sum())
        return 100.0 * right / len(x)

    def _epoch(self, x: FloatArray, y: IntArray, tick: Callable[[], object]) -> float:
        """Train on every image once; return the mean loss. The hot loop: nothing here is checked twice."""
        model, loss, lr, size = self.model, self.loss, self.lr, self.batch_size
        model.train()
        order = self._generator.permutation(len(x))
        labels = y[order]
        total = 0.0
        for start in range(0, len(x), size):
            picked = order[start : start + size]
            value = loss.forward(model.forward(x.take(picked, 0)), labels[start : start + size])
            if not math.isfinite(value):
                raise DivergenceError(f"loss = {value} after the output of {model.layers[-1]!r}: must be finite")
            model.backward(loss.backward())
            model.update(lr)
            total += value * len(picked)
            tick()
        return total / len(x)

    def _record(self, train_loss: float, test_accuracy: float, seconds: float) -> EpochRecord:
        tiles = self.model.tiles
        return EpochRecord(
            epoch=len(self.history) + 1,
            train_loss=train_loss,
            test_accuracy=test_accuracy,
            seconds=seconds,
            sp_error=sp_error(tiles),
            sp_error_by_layer={
                f"{i} {layer!r}": sp_error(layer.tiles) for i, layer in enumerate(self.model.layers) if layer.tiles
            },
            pulses=pulses(tiles),
            programming_events=programming_events(tiles),
        )


def _checked(x: FloatArray, y: IntArray) -> tuple[FloatArray, IntArray]:
    """Return images and labels in the layout of the hot loop; a conversion happens once, here."""
    x = np.ascontiguousarray(x, np.float32)
    y = np.ascontiguousarray(y, np.int64)
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or len(x) == 0:
        raise ShapeError(f"images have shape {x.shape}, labels {y.shape}; expected (n, pixels) and (n,), n >= 1")
    return x, y
