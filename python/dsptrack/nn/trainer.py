"""The training loop: shuffled mini-batches, one record an epoch, checkpoints from which it goes on bit by bit."""

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from dsptrack import io
from dsptrack._checks import choice, instance, number, whole
from dsptrack._rng import RngLike, key, unspent
from dsptrack.datasets import Dataset
from dsptrack.datasets.streaming import checked, order, stream
from dsptrack.exceptions import ConfigError, DivergenceError, StateError

from .account import spent
from .agreement import checked_key, described, rate_words, require_same
from .callbacks import Callback
from .evaluation import Evaluation, evaluate
from .history import EpochRecord, History
from .layer import FloatArray, IntArray
from .losses import Loss
from .progress import Progress, Saving, fingerprint
from .sequential import Sequential
from .state import entries


class Trainer:
    """Mini-batch training of a network: forward, loss, backward, update.

    Every epoch visits all training images once, in an order that depends on `rng` and the number of the epoch alone;
    the last mini-batch may be smaller.

    Parameters
    ----------
    model
        The network; its output is what `loss` takes.
    loss
        The loss, a mean over the mini-batch.
    lr
        Global learning rate, finite and >= 0: of digital parameters always, of tiles as their rule says. A number, a
        schedule of ``nn.schedules``, or any callable from the number of epochs done (0, 1, …) to a rate.
    lr_every
        When a schedule is asked: once an ``"epoch"``, or before every mini-``"batch"``, with the time in fractions of
        an epoch.
    batch_size
        Images a mini-batch, >= 1.
    callbacks
        Called in this order after every epoch and, where they override `on_batch_end`, after every mini-batch.
    rng
        Seed of the order of the images; a Generator is advanced.

    Attributes
    ----------
    history
        One EpochRecord an epoch, over all calls of `fit`.

    Raises
    ------
    ConfigError
        If an argument is out of range.

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

    @unspent
    def __init__(
        self,
        model: Sequential,
        loss: Loss,
        *,
        lr: float | Callable[[float], float],
        lr_every: Literal["epoch", "batch"] = "epoch",
        batch_size: int = 10,
        callbacks: Iterable[Callback] = (),
        rng: RngLike = None,
    ) -> None:
        self.model: Sequential = instance("model", model, Sequential)
        self.loss: Loss = instance("loss", loss, Loss)
        self.lr = lr if callable(lr) else number("lr", lr, low=0.0)
        self.lr_every = choice("lr_every", lr_every, ("epoch", "batch"))
        self.batch_size = whole("batch_size", batch_size, 1)
        self.callbacks: tuple[Callback, ...] = tuple(
            instance(f"callbacks[{i}]", one, Callback) for i, one in enumerate(callbacks)
        )
        self.history = History()
        self._key = key(rng)
        self._seed = None if isinstance(rng, np.random.Generator | np.random.BitGenerator) else rng
        self._progress = Progress()

    def fit(
        self,
        data: Dataset,
        epochs: int,
        *,
        progress: bool | None = None,
        label: str = "",
        on_epoch: Callable[[EpochRecord], None] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1,
        checkpoint_unit: Literal["epoch", "batch"] = "epoch",
        resume: bool = False,
    ) -> History:
        """Train for `epochs` epochs and test after each.

        After Ctrl-C or an error the next call first ends the epoch. The model is left in evaluation mode.

        Parameters
        ----------
        data
            Images and labels; the images must have the model's number of inputs.
        epochs
            Number of epochs, >= 1; under `resume` the total, the epochs in the checkpoint included.
        progress
            Whether to draw a bar with rate and remaining time on stderr; None draws it where stderr is a terminal.
        label
            What the bar says in front.
        on_epoch
            Called with every new record.
        checkpoint
            File that holds the whole training; it is replaced by a newer one only as a whole, and always written at
            the end.
        checkpoint_every, checkpoint_unit
            How many epochs or mini-batches lie between two checkpoints, >= 1.
        resume
            Whether to go on from `checkpoint` if there is one: the same call, repeated after whatever stopped it, ends
            with the bits of a run that nothing stopped. A run that a callback ended stays so whatever `epochs` is;
            `fit` without `resume` goes on, and resets the callbacks.

        Returns
        -------
        History
            The new records; `history` keeps all.

        Raises
        ------
        ConfigError
            If an argument is out of range, labels are no integers, or `resume` has no `checkpoint`.
        ShapeError
            If images and labels do not fit each other or the model.
        DivergenceError
            If the loss or a layer's value is not finite; the message names the layer.
        StateError, DataError
            If the checkpoint does not fit this trainer or `data`, or is damaged.
        OSError
            If the checkpoint cannot be written; before the first mini-batch if its folder does not exist.

        Examples
        --------
        >>> import dsptrack as dt
        >>> data = dt.datasets.load("digits")
        >>> def trainer():
        ...     model = dt.nn.fcn(dt.algorithms.AnalogSGD(device=dt.presets.reram_sb()), sizes=(64, 10), rng=0)
        ...     return dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, rng=0)
        >>> _ = trainer().fit(data, 1, checkpoint="run.safetensors")
        >>> [record.epoch for record in trainer().fit(data, 3, checkpoint="run.safetensors", resume=True)]
        [2, 3]
        """
        instance("data", data, Dataset)
        epochs = whole("epochs", epochs, 1)
        saving = Saving.asked(checkpoint, checkpoint_every, checkpoint_unit)
        (x, y), test = checked(data.train_x, data.train_y), checked(data.test_x, data.test_y)
        if resume and saving is None:
            raise ConfigError("resume = True: needs a checkpoint")
        if resume and saving is not None and saving.path.exists():
            self.resume(saving.path)
        elif not resume and self._progress.stopped:
            for callback in self.callbacks:
                callback.reset()
            self._progress = replace(self._progress, stopped=False)
        images = fingerprint(x, y)
        if self._progress.batches and self._progress.images != images:
            raise StateError("data: other images than those of the interrupted epoch; a new Trainer takes them")
        self._progress = replace(self._progress, images=images)

        first = 0 if resume else len(self.history)
        batches = -(-len(x) // self.batch_size)
        done = (len(self.history) - first) * batches + self._progress.batches
        draw = sys.stderr.isatty() if progress is None else progress
        records = History()
        with tqdm(
            total=epochs * batches, initial=done, desc=label, unit="batch", file=sys.stderr, disable=not draw
        ) as bar:
            while len(self.history) < first + epochs and not self._progress.stopped:
                record = self._epoch(x, y, test, saving, bar.update)
                bar.set_postfix(
                    epoch=record.epoch, loss=f"{record.train_loss:.3f}", test=f"{record.test_accuracy:.2f}%"
                )
                records.append(record)
                if on_epoch is not None:
                    on_epoch(record)
                last = len(self.history) == first + epochs or self._progress.stopped
                if saving is not None and (last or (not saving.by_batch and record.epoch % saving.every == 0)):
                    self.save(saving.path)
        return records

    def evaluate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Evaluation:
        """Return mean loss and accuracy on the images `x`, (n, inputs) or (n, C, H, W), with the labels `y` (n,).

        The reads are as noisy as in training and go on drawing from the tiles' streams.
        """
        return evaluate(self.model, self.loss, x, y)

    def accuracy(self, x: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Return the percentage of the images `x` that the model gives the labels `y`, as `evaluate` does."""
        return self.evaluate(x, y).accuracy

    def state_dict(self) -> dict[str, object]:
        """Return everything that the rest of the training depends on, in nested dicts and lists.

        That is the state of the network, the order of the images, the place in the epoch with its loss so far, the
        history, and what the callbacks remember. The data are not in it.
        """
        return {
            "network": described(self.model, self.loss),
            "model": self.model.state_dict(),
            "order": list(self._key),
            "batch_size": self.batch_size,
            "lr": rate_words(self.lr, self.lr_every),
            "progress": self._progress.to_dict(),
            "history": [record.to_dict() for record in self.history],
            "callbacks": [callback.state_dict() for callback in self.callbacks],
        }

    def load_state_dict(self, state: object) -> None:
        """Take up a state that `state_dict` of a trainer made with the same arguments returned.

        The order of the images comes from the state; `rng` must have been the same seed, a Generator or None.

        Parameters
        ----------
        state
            The state; set `lr` afterwards to go on with another rate.

        Raises
        ------
        StateError
            If it has other entries, or belongs to another network, loss, `batch_size`, `lr`, `rng` or `callbacks`. Also
            what the layers and tiles raise. The trainer then is as it was.
        """
        names = {"model", "order", "batch_size", "lr", "progress", "history", "callbacks"}
        if isinstance(state, Mapping) and "network" in state:  # older states have none
            names.add("network")
            require_same(described(self.model, self.loss), state["network"])
        state = entries(self, state, names)
        for name, own in (("batch_size", self.batch_size), ("lr", rate_words(self.lr, self.lr_every))):
            if state[name] != own:
                raise StateError(f"{name} = {own!r}: the state belongs to {state[name]!r}")
        progress, history = Progress.from_dict(state["progress"]), History.from_dicts(state["history"])
        words = checked_key(state["order"], self._key)
        if self._seed is not None and words != key(self._seed):
            raise StateError(f"rng = {self._seed!r}: the state belongs to another seed of the order of the images")
        theirs = state["callbacks"]
        if not isinstance(theirs, list) or len(theirs) != len(self.callbacks):
            raise StateError(f"callbacks: the state must have {len(self.callbacks)} entries")
        before = [callback.state_dict() for callback in self.callbacks]
        try:
            for callback, remembered in zip(self.callbacks, theirs, strict=True):
                callback.load_state_dict(remembered)
            self.model.load_state_dict(state["model"])
        except BaseException:
            for callback, remembered in zip(self.callbacks, before, strict=True):
                callback.load_state_dict(remembered)
            raise
        self._key, self._progress, self.history = words, progress, history

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `state_dict` as one file; an old one is replaced only by a whole new one.

        Parameters
        ----------
        path
            Name of the file; its folder must exist.

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import dsptrack as dt
        >>> model = dt.nn.fcn(dt.algorithms.AnalogSGD(device=dt.presets.reram_sb()), sizes=(64, 10), rng=0)
        >>> trainer = dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, rng=0)
        >>> trainer.save("trainer.safetensors")
        >>> trainer.resume("trainer.safetensors")
        """
        io.save(path, self.state_dict())

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Take up what `save`, or a checkpoint of `fit`, left in a file.

        Parameters
        ----------
        path
            Name of the file.

        Raises
        ------
        DataError
            If it is damaged; MissingDataError if there is none. Else what `load_state_dict` raises.
        """
        self.load_state_dict(io.load(path))

    def _epoch(
        self,
        x: FloatArray,
        y: IntArray,
        test: tuple[FloatArray, IntArray],
        saving: Saving | None,
        tick: Callable[[], object],
    ) -> EpochRecord:
        """Do the next epoch, or what is left of it, and record it."""
        batches = -(-len(x) // self.batch_size)
        before = self._progress
        watching = [c for c in self.callbacks if type(c).on_batch_end is not Callback.on_batch_end]
        by_batch = self.lr_every == "batch" and callable(self.lr)
        first = self._rate(0)
        lr = self._rate(before.batches / batches) if by_batch and before.batches else first

        def after(value: float, progress: Progress) -> float:
            """Do what is wanted after a mini-batch; return the next one's learning rate."""
            self._progress, done = progress, progress.batches
            for callback in watching:
                callback.on_batch_end(self, value)
            if saving is not None and saving.by_batch and (len(self.history) * batches + done) % saving.every == 0:
                self.save(saving.path)
            return self._rate(done / batches) if by_batch else lr

        wanted = bool(watching) or by_batch or (saving is not None and saving.by_batch)
        self._batches(x, y, lr, tick, after if wanted else None)
        self.model.eval()
        found = self.evaluate(*test)
        record = EpochRecord(
            epoch=len(self.history) + 1,
            train_loss=self._progress.loss / len(x),
            test_accuracy=found.accuracy,
            test_loss=found.loss,
            lr=first,
            seconds=self._progress.seconds,
            **spent(self.model.layers),
        )
        self.history.append(record)
        self._progress = Progress(images=before.images)  # before the callbacks: one may raise, and this epoch is done
        answers = [callback.on_epoch_end(self, record) for callback in self.callbacks]
        self._progress = replace(self._progress, stopped=any(answers))
        return record

    def _batches(
        self,
        x: FloatArray,
        y: IntArray,
        lr: float,
        tick: Callable[[], object],
        after: Callable[[float, Progress], float] | None,
    ) -> None:
        """Train on what is left of the epoch. The hot loop: nothing here is checked twice."""
        model, loss, size = self.model, self.loss, self.batch_size
        before, started = self._progress, time.perf_counter()
        done, total = before.batches, before.loss

        def progress() -> Progress:
            return replace(before, batches=done, loss=total, seconds=before.seconds + time.perf_counter() - started)

        model.train()
        picks = order(len(x), self._key, len(self.history) + 1)
        try:
            for images, labels in stream(x, y, size, picks, done):
                value = loss.forward(model.forward(images), labels)
                if not math.isfinite(value):
                    raise DivergenceError(f"loss = {value} after the output of {model.layers[-1]!r}: must be finite")
                model.backward(loss.backward())
                model.update(lr)
                done, total = done + 1, total + value * len(labels)
                tick()
                if after is not None:
                    lr = after(value, progress())
        finally:
            # Whatever ended it, the next call goes on behind the last mini-batch that was learned from.
            self._progress = progress()

    def _rate(self, share: float) -> float:
        """Return the learning rate when this share of the current epoch is done."""
        if not callable(self.lr):
            return self.lr
        return number("lr", self.lr(len(self.history) + share), low=0.0)
