"""Finished runs as records, rows and tables."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsptrack.io import _atomic

Scalar = str | bool | int | float | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """One finished run, as it is stored.

    Attributes
    ----------
    function
        What ran, by module and name.
    configuration, repeat
        What it was given; repeats count from 0.
    seed
        The run's own seed, ``Context.seed``.
    result
        What it returned; empty after an error.
    error
        Kind and message of the error by which the run ended: a network that diverged. None else.
    version, stream_version, isa
        Of dsptrack, of its random streams, of the machine code that ran.
    seconds
        Wall-clock time.

    Examples
    --------
    >>> import dsptrack as dt
    >>> "result" in dt.sweep.Record.__annotations__
    True
    """

    function: str
    configuration: dict[str, Any]
    repeat: int
    seed: int
    result: dict[str, Any]
    error: str | None
    version: str
    stream_version: int
    isa: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return asdict(self)


class Results(tuple[Record, ...]):
    """The records of a sweep, in the order of the configurations and then of the repeats, as a table too.

    Examples
    --------
    >>> import dsptrack as dt
    >>> def square(configuration, context):
    ...     return {"square": configuration["x"] ** 2}
    >>> results = dt.sweep.run(square, dt.sweep.grid(x=[2, 3]))
    >>> [row["square"] for row in results.rows()]
    [4, 9]
    """

    __slots__ = ()

    def rows(self) -> list[dict[str, Scalar]]:
        """Return one dict a run: its configuration, repeat, seed, error and the plain values of its result.

        Nested dicts give names with dots. Lists of the configuration are JSON text; those of the result are left out,
        `Record.result` has them. A configuration's own ``repeat``, ``seed`` or ``error`` has ``configuration.`` in
        front, a result's name that is already there ``result.``. Times are left out: rows of equal runs are equal.
        """
        rows = []
        for record in self:
            own = {"repeat": record.repeat, "seed": record.seed, "error": record.error}
            row: dict[str, Scalar] = {}
            for name, value in _flat(record.configuration, lists=True):
                row[f"configuration.{name}" if name in own else name] = value
            row |= own
            row |= {f"result.{name}" if name in row else name: value for name, value in _flat(record.result)}
            rows.append(row)
        return rows

    def table(self) -> Any:
        """Return `rows` as a ``pandas.DataFrame``, or as a structured array (`array`) where pandas is not installed."""
        if find_spec("pandas") is None:
            return self.array()
        import pandas as pd

        return pd.DataFrame(self.rows())

    def array(self) -> NDArray[np.void]:
        """Return `rows` as a structured array: numbers that are missing are NaN, other missing values empty text."""
        columns = self._columns()
        table = np.empty(len(self), dtype=[(name, values.dtype) for name, values in columns.items()])
        for name, values in columns.items():
            table[name] = values
        return table

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `rows` as a CSV file, a line a run; missing values are empty."""
        rows = self.rows()
        names = _names(rows)
        _atomic.write_csv(path, names, ([row.get(name) for name in names] for row in rows))

    def _columns(self) -> dict[str, NDArray[Any]]:
        rows = self.rows()
        return {name: _column([row.get(name) for row in rows]) for name in _names(rows)}


def _names(rows: list[dict[str, Scalar]]) -> list[str]:
    """Return the names of all columns in the order in which they come up."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _flat(values: Mapping[str, Any], prefix: str = "", *, lists: bool = False) -> Iterator[tuple[str, Scalar]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.", lists=lists)
        elif not isinstance(value, list):
            yield f"{prefix}{name}", value
        elif lists:
            yield f"{prefix}{name}", json.dumps(value)


def _column(values: list[Scalar]) -> NDArray[Any]:
    kinds = {type(value) for value in values}
    if kinds == {bool} or kinds == {int}:
        return np.array(values)
    if kinds <= {int, float, type(None)} and kinds != {type(None)}:
        return np.array(values, float)
    return np.array(["" if value is None else str(value) for value in values])
