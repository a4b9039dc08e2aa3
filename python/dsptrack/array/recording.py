"""Pulse-level traces of chosen cells."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsptrack import _checks
from dsptrack.exceptions import ConfigError

from .handle import Handle

_FIELDS = [
    ("row", np.int64),
    ("column", np.int64),
    ("event", np.int64),
    ("polarity", np.int8),
    ("before", np.float32),
    ("after", np.float32),
]


class Recording(Handle):
    """The part of an array that records."""

    __slots__ = ()

    def trace(self, cells: Sequence[tuple[int, int]] | None) -> None:
        """Record every pulse that reaches these cells from now on; what was recorded before is dropped.

        Parameters
        ----------
        cells
            (row, column) of each cell, or an integer array (K, 2); None stops.

        Raises
        ------
        ConfigError
            If a cell is not in the array.

        Notes
        -----
        Recording costs time and memory for every pulse, and changes no bit.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((2, 2), dt.devices.ConstantStep(dw_min_std=0), rng=0)
        >>> array.trace([(0, 1)])
        >>> array.pulse(+1, count=3)
        >>> len(array.traces())
        3
        """
        self._core.trace(None if cells is None else self._flat(cells))

    def traces(self) -> NDArray[Any]:
        """Return the pulses recorded since `trace`, each cell's in the order in which they happened.

        Returns
        -------
        ndarray
            Structured (K,): ``row``, ``column``; ``event``, the array's clock after it, never falling; ``polarity``
            +1 or -1; the weights ``before`` and ``after`` the pulse, persistent: without write noise.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 1), dt.devices.ConstantStep(dw_min_std=0).nominal(), rng=0)
        >>> array.trace([(0, 0)])
        >>> array.pulse(-1)
        >>> pulse = array.traces()[0]
        >>> int(pulse["polarity"]), round(float(pulse["after"] - pulse["before"]), 6)
        (-1, -0.001)
        """
        columns = self._core.traces()
        records = np.empty(len(columns["cell"]), dtype=_FIELDS)
        records["row"], records["column"] = np.divmod(columns["cell"], self.shape[1])
        records["event"], records["polarity"] = columns["event"], columns["polarity"]
        records["before"], records["after"] = columns["before"], columns["after"]
        return records

    def _flat(self, cells: Sequence[tuple[int, int]]) -> list[int]:
        """Return the cells' positions in C order, each once."""
        rows, columns = self.shape
        try:
            pairs = [(i, j) for i, j in cells]
        except (TypeError, ValueError):
            raise ConfigError(f"cells = {cells!r}: must be pairs (row, column)") from None
        flat = [
            _checks.whole("row", i, 0, rows - 1) * columns + _checks.whole("column", j, 0, columns - 1)
            for i, j in pairs
        ]
        return list(dict.fromkeys(flat))
