"""What is recorded about an epoch, and the records of a training as a table."""

import json
import math
import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from dsptrack.exceptions import StateError
from dsptrack.io import _atomic


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch of training.

    Attributes
    ----------
    epoch
        1, 2, ….
    train_loss
        Mean loss over the epoch's mini-batches, each taken before its update.
    test_accuracy
        Percent of the test images classified correctly after the epoch, by the same noisy reads.
    test_loss
        Mean loss of these reads.
    lr
        Learning rate of the epoch, of its first mini-batch where it changes within.
    sp_error
        RMS of symmetric-point estimate minus truth over all cells of all tiles; None where nothing is estimated.
    sp_error_by_layer
        The same for every layer with tiles, keyed by its index and name.
    pulses
        Pulses since the network was made, by array.
    programming_events
        Reference cells rewritten since the network was made.
    seconds
        Wall-clock time of the epoch's training, without the test.

    Examples
    --------
    >>> import dsptrack as dt
    >>> record = dt.nn.EpochRecord(epoch=1, train_loss=2.3, test_accuracy=10.0, seconds=0.1)
    >>> record.to_dict()["test_accuracy"]
    10.0
    """

    epoch: int
    train_loss: float
    test_accuracy: float
    seconds: float
    test_loss: float | None = None
    lr: float | None = None
    sp_error: float | None = None
    sp_error_by_layer: dict[str, float | None] = field(default_factory=dict)
    pulses: dict[str, int] = field(default_factory=dict)
    programming_events: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return asdict(self)


# The columns that every table has; those of single layers and arrays follow.
_WHOLE = ("epoch", "programming_events")
_COLUMNS = tuple(f.name for f in fields(EpochRecord) if f.name not in ("sp_error_by_layer", "pulses"))


class History(list[EpochRecord]):
    """The records of a training, in order: a list that is also a table.

    Examples
    --------
    >>> import dsptrack as dt
    >>> history = dt.nn.History()
    >>> history.append(dt.nn.EpochRecord(epoch=1, train_loss=2.0, test_accuracy=50.0, seconds=0.1, pulses={"W": 7}))
    >>> history.array()[["epoch", "test_accuracy", "pulses.W"]].tolist()
    [(1, 50.0, 7)]
    """

    @classmethod
    def from_dicts(cls, records: Any) -> Self:
        """Return the history whose records `EpochRecord.to_dict` turned into dicts.

        Raises
        ------
        StateError
            If they are no such dicts.

        Examples
        --------
        >>> import dsptrack as dt
        >>> record = dt.nn.EpochRecord(epoch=1, train_loss=2.0, test_accuracy=50.0, seconds=0.1)
        >>> dt.nn.History.from_dicts([record.to_dict()]) == [record]
        True
        """
        try:
            return cls(EpochRecord(**record) for record in records)
        except TypeError as error:
            raise StateError(f"history: no records of epochs ({error})") from None

    def array(self) -> npt.NDArray[np.void]:
        """Return a structured array, one row an epoch.

        Returns
        -------
        ndarray
            The fields of EpochRecord, and ``pulses.<array>`` and ``sp_error.<layer>``; int64 and float64, NaN where a
            record has no value.

        Examples
        --------
        >>> import dsptrack as dt
        >>> dt.nn.History().array().shape
        (0,)
        """
        rows = [_row(record) for record in self]
        names = list(dict.fromkeys([*_COLUMNS, *(name for row in rows for name in row)]))
        dtype = np.dtype([(name, _kind(name)) for name in names])
        table = np.zeros(len(rows), dtype)
        for name in names:
            missing = 0 if dtype[name] == np.int64 else math.nan
            values = [row.get(name) for row in rows]
            table[name] = [missing if value is None else value for value in values]
        return table

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table as a CSV file with a header; cells without a value are empty.

        Parameters
        ----------
        path
            Name of the file; an old one is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import dsptrack as dt
        >>> dt.nn.History().to_csv("history.csv")
        """
        table = self.array()
        # Python's repr of a float, which csv uses, gives the same bits back.
        rows = [[None if value != value else value for value in row] for row in table.tolist()]
        _atomic.write_csv(path, table.dtype.names or (), rows)

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the records as a JSON file: a list of `EpochRecord.to_dict`.

        Parameters
        ----------
        path
            Name of the file; an old one is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import dsptrack as dt
        >>> dt.nn.History().to_json("history.json")
        """
        text = json.dumps([record.to_dict() for record in self], indent=2, allow_nan=False)
        _atomic.write_text(path, text)


def _row(record: EpochRecord) -> dict[str, Any]:
    return (
        {name: getattr(record, name) for name in _COLUMNS}
        | {f"pulses.{name}": count for name, count in record.pulses.items()}
        | {f"sp_error.{name}": error for name, error in record.sp_error_by_layer.items()}
    )


def _kind(name: str) -> type[np.int64] | type[np.float64]:
    return np.int64 if name in _WHOLE or name.startswith("pulses.") else np.float64
