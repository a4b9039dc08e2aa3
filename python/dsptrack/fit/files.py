"""Traces as CSV files: what a parameter analyser's export becomes, and what ``dsptrack fit`` reads."""

import csv
import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack.exceptions import DataError, MissingDataError
from dsptrack.io import _atomic

from .traces import aligned

Floats = NDArray[np.float64]

_COLUMNS = ("cell", "pulse", "polarity", "conductance")


def save_traces(path: str | os.PathLike[str], polarity: ArrayLike, conductance: ArrayLike) -> None:
    """Write traces as a CSV file that `load_traces` and ``dsptrack fit`` read; an old file of that name is replaced.

    The columns are ``cell``, ``pulse``, ``polarity``, ``conductance``, a line a read: the conductance after that pulse.
    The first read of a cell is pulse 0, polarity 0; a cell without a read has no line. Numbers come back bit by bit.

    Parameters
    ----------
    path
        Its folder must exist.
    polarity, conductance
        As in `device_from_pulses`.

    Raises
    ------
    ConfigError, ShapeError, NonFiniteError
        As in `device_from_pulses`.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> save_traces("traces.csv", [1, 1, -1], [0.0, 0.1, 0.2, 0.1])
    >>> print(Path("traces.csv").read_text().splitlines()[:3])
    ['cell,pulse,polarity,conductance', '0,0,0,0.0', '0,1,1,0.1']
    """
    signs, reads = aligned(polarity, conductance)
    lengths = np.isfinite(reads).sum(axis=1).tolist()
    cells = enumerate(zip(lengths, signs.tolist(), reads.tolist(), strict=True))
    rows = ([cell, pulse, line[pulse], trace[pulse]] for cell, (n, line, trace) in cells for pulse in range(n))
    _atomic.write_csv(path, _COLUMNS, rows)


def load_traces(path: str | os.PathLike[str]) -> tuple[NDArray[np.int8], Floats]:
    """Read traces from a CSV file.

    Parameters
    ----------
    path
        A file with a header that names the columns ``cell``, ``pulse``, ``polarity`` and ``conductance``; others are
        ignored, and the order of columns and lines does not matter. Each line is one read, after the pulse with that
        number and polarity; cells and pulses are whole numbers, the pulses of a cell without gaps.

    Returns
    -------
    polarity, conductance
        Both (cells, reads), cells in the order of their numbers; shorter traces end with polarity 0 and NaN.

    Raises
    ------
    DataError
        If the file is not such a table; MissingDataError if there is none.

    Examples
    --------
    >>> save_traces("traces.csv", [1, 1, -1], [0.0, 0.1, 0.2, 0.1])
    >>> polarity, conductance = load_traces("traces.csv")
    >>> polarity.tolist(), conductance.tolist()
    ([[0, 1, 1, -1]], [[0.0, 0.1, 0.2, 0.1]])
    """
    _, signs, reads = read_traces(path)
    return signs, reads


def read_traces(path: str | os.PathLike[str]) -> tuple[NDArray[np.int64], NDArray[np.int8], Floats]:
    """Return the numbers that the cells have in the file, and what `load_traces` returns."""
    file = Path(path)
    table = _table(file)
    cell, pulse, polarity = (_whole(file, name, table[:, _COLUMNS.index(name)]) for name in _COLUMNS[:3])
    if np.any(np.abs(polarity) > 1):
        raise DataError(f"{file}: polarity holds other than -1, 0 and 1")
    order = np.lexsort((pulse, cell))
    numbers, first, counts = np.unique(cell[order], return_index=True, return_counts=True)
    row = np.repeat(np.arange(numbers.size), counts)
    column = np.arange(order.size) - np.repeat(first, counts)
    step = np.diff(pulse[order])[column[1:] > 0]
    if np.any(step != 1):
        at = np.flatnonzero((np.diff(pulse[order]) != 1) & (column[1:] > 0))[0]
        number, before, after = cell[order][at], pulse[order][at], pulse[order][at + 1]
        if before == after:
            raise DataError(f"{file}: cell {number} has two lines for pulse {before}")
        raise DataError(f"{file}: cell {number} has no line between pulses {before} and {after}")
    signs = np.zeros((numbers.size, counts.max()), dtype=np.int8)
    reads = np.full(signs.shape, np.nan)
    signs[row, column] = polarity[order]
    reads[row, column] = table[order, _COLUMNS.index("conductance")]
    return numbers, signs, reads


def _table(file: Path) -> Floats:
    """Return the four columns of every line as numbers."""
    try:
        lines = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    except FileNotFoundError:
        raise MissingDataError(f"{file}: no such file") from None
    except UnicodeDecodeError:
        raise DataError(f"{file}: not a text file") from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{file}: {error}") from None
    header = [name.strip() for name in lines[0]] if lines else []
    for name in _COLUMNS:
        if name not in header:
            names = ", ".join(_COLUMNS)
            raise DataError(f"{file}: no column {name} among {header}: the first line must name {names}, with commas")
    places = [header.index(name) for name in _COLUMNS]
    table = []
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        if len(line) != len(header):
            raise DataError(f"{file}, line {number}: {len(line)} columns: must be {len(header)} as in the first line")
        try:
            table.append([float(line[place]) for place in places])
        except ValueError as error:
            raise DataError(f"{file}, line {number}: {error}") from None
    if not table:
        raise DataError(f"{file}: no line after the first")
    return np.array(table)


def _whole(file: Path, name: str, values: Floats) -> NDArray[np.int64]:
    if not np.all(np.abs(values) < 2**53) or np.any(values != np.rint(values)):
        raise DataError(f"{file}: {name} holds other than whole numbers")
    return values.astype(np.int64)
