"""What a Trainer calls at the end of epochs and mini-batches."""

import math
from typing import TYPE_CHECKING, Literal

from dsptrack._checks import choice, number, whole
from dsptrack.exceptions import ConfigError, StateError

from .history import EpochRecord
from .state import entries

if TYPE_CHECKING:
    from .trainer import Trainer


class Callback:
    """Watches a training; subclasses override what they need.

    `state_dict` and `load_state_dict` let a checkpoint hold what the callback remembers.

    Examples
    --------
    >>> import dsptrack as dt
    >>> class Stop(dt.nn.Callback):
    ...     def on_epoch_end(self, trainer, record):
    ...         return record.epoch == 2
    >>> data = dt.datasets.load("digits")
    >>> model = dt.nn.fcn(dt.algorithms.AnalogSGD(device=dt.presets.idealized()), sizes=(64, 10), rng=0)
    >>> trainer = dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, rng=0, callbacks=[Stop()])
    >>> len(trainer.fit(data, 50))
    2
    """

    def on_epoch_end(self, trainer: "Trainer", record: EpochRecord) -> bool | None:
        """Look at a new record; True ends the training."""
        return None

    def on_batch_end(self, trainer: "Trainer", loss: float) -> None:
        """Look at the loss of a mini-batch, after its update. Not called, and free, where it is not overridden."""

    def reset(self) -> None:
        """Forget what is remembered: a training that some callback ended is begun anew."""

    def state_dict(self) -> dict[str, object]:
        """Return what is remembered: plain values, arrays, and lists and dicts of them."""
        return {}

    def load_state_dict(self, state: object) -> None:
        """Take up what `state_dict` returned; StateError if it does not fit."""
        entries(self, state, ())


class EarlyStop(Callback):
    """Ends the training when a number of the record has not improved for some epochs.

    It remembers the best epoch over several calls of `fit`, until it ends the training; the next call starts afresh.

    Parameters
    ----------
    patience
        Epochs without an improvement that are waited for, >= 1.
    monitor
        Field of EpochRecord. Watching the test part chooses by it: hold out a part (``Dataset.hold_out``) where the
        final test shall be fair.
    mode
        Whether larger (``"max"``) or smaller (``"min"``) is better.
    min_delta
        Change that counts as an improvement must be larger than this, >= 0.

    Attributes
    ----------
    best, best_epoch
        The best value so far and its epoch; None and 0 before the first.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Examples
    --------
    >>> import dsptrack as dt
    >>> stop = dt.nn.EarlyStop(patience=2)
    >>> accuracies = [50.0, 60.0, 59.0, 60.0]
    >>> records = [dt.nn.EpochRecord(epoch=i, train_loss=1.0, test_accuracy=a, seconds=1.0)
    ...            for i, a in enumerate(accuracies, 1)]
    >>> [stop.on_epoch_end(None, record) for record in records], stop.best_epoch
    ([False, False, False, True], 2)
    """

    def __init__(
        self,
        patience: int,
        *,
        monitor: Literal["test_accuracy", "test_loss", "train_loss", "sp_error"] = "test_accuracy",
        mode: Literal["max", "min"] | None = None,
        min_delta: float = 0.0,
    ) -> None:
        self.patience = whole("patience", patience, 1)
        self.monitor = choice("monitor", monitor, ("test_accuracy", "test_loss", "train_loss", "sp_error"))
        better = "max" if monitor == "test_accuracy" else "min"
        self.mode = better if mode is None else choice("mode", mode, ("max", "min"))
        self.min_delta = number("min_delta", min_delta, low=0.0)
        self.best: float | None = None
        self.best_epoch = 0

    def on_epoch_end(self, trainer: "Trainer | None", record: EpochRecord) -> bool:
        """Compare with the best so far; True after `patience` epochs without an improvement."""
        value = getattr(record, self.monitor)
        if value is None:
            raise ConfigError(f"monitor = {self.monitor!r}: this network's records do not have it")
        sign = 1.0 if self.mode == "max" else -1.0
        if self.best is None or sign * (value - self.best) > self.min_delta:
            self.best, self.best_epoch = value, record.epoch
        return record.epoch - self.best_epoch >= self.patience

    def reset(self) -> None:
        """Forget the best value and its epoch."""
        self.best, self.best_epoch = None, 0

    def state_dict(self) -> dict[str, object]:
        """Return the best value and its epoch."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: object) -> None:
        """Take up what `state_dict` returned; StateError if it does not fit."""
        state = entries(self, state, ("best", "best_epoch"))
        best, epoch = state["best"], state["best_epoch"]
        if not (best is None or (isinstance(best, float) and math.isfinite(best))) or not isinstance(epoch, int):
            raise StateError(f"state of {type(self).__name__}: best = {best!r} at epoch {epoch!r} is no such state")
        self.best, self.best_epoch = best, epoch
