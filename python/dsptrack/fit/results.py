"""What a fit gives back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsptrack import _checks
from dsptrack.devices import Device
from dsptrack.exceptions import ShapeError

Floats = NDArray[np.float64]
Value = float | tuple[float, ...]


@dataclass(frozen=True, eq=False, slots=True)
class FitResult:
    """A device fitted to measured traces.

    Attributes
    ----------
    model
        Name of the model, one of `MODELS`.
    device
        The population: its means, spreads and noise; `dt.io.save_device` writes it as a file.
    parameters
        The fitted fields of `device` by name; tables are tuples.
    std_errors
        Their standard errors (half-widths of 68 % intervals); NaN where the traces tell none: of spreads from one cell,
        of bounds that no pulse reached, for which the ends of the traces stand.
    cells
        Parameters of every cell, (cells,) each, by the names of `CrossbarArray.cell_parameters`.
    cell_std_errors
        Their standard errors; NaN as above and for stuck cells.
    stuck
        Which cells no pulse moves, bool (cells,): left out of everything else.
    residuals
        Read minus prediction from the reads before it, in standard deviations of the fitted noise, along the pulse,
        shaped as the polarity; NaN where there is no pulse, or a bound may have cut it.
    noise
        ``"multiplicative"`` or ``"additive"``: what the cycle noise was fitted as.
    log_likelihood, aic, bic
        Of the pulses with a residual; smaller criteria are better: 2 k - 2 ln L and k ln(n) - 2 ln L.
    n_pulses, n_parameters
        n and k: pulses with a residual; parameters of all cells, of the shape that they share, of the noise.

    Examples
    --------
    >>> import dsptrack as dt
    >>> polarity, reads = [1] * 20 + [-1] * 20, [0.0]
    >>> for sign in polarity:
    ...     reads.append(reads[-1] + 0.1 * (sign - reads[-1]))    # soft bounds at 1 and -1
    >>> result = dt.fit.device_from_pulses(polarity, reads)
    >>> {name: round(float(values[0]), 4) for name, values in sorted(result.cells.items())}
    {'dwmin_down': 0.1, 'dwmin_up': 0.1, 'max_bound': 1.0, 'min_bound': -1.0}
    """

    model: str
    device: Device
    parameters: Mapping[str, Value]
    std_errors: Mapping[str, Value]
    cells: Mapping[str, Floats]
    cell_std_errors: Mapping[str, Floats]
    stuck: NDArray[np.bool_]
    residuals: Floats
    noise: str
    log_likelihood: float
    n_pulses: int
    n_parameters: int

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * self.n_parameters - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Bayesian criterion (Schwarz)."""
        return self.n_parameters * math.log(self.n_pulses) - 2 * self.log_likelihood

    @property
    def device_to_device(self) -> dict[str, Value]:
        """The fitted spreads between cells: fields that end with _dtod, and the share of stuck cells."""
        return {n: v for n, v in self.parameters.items() if n.endswith("_dtod") or n == "corrupt_devices_prob"}

    @property
    def cycle_to_cycle(self) -> dict[str, Value]:
        """The fitted noise from pulse to pulse: dw_min_std, and write_noise_std where it was asked for."""
        return {n: v for n, v in self.parameters.items() if n in ("dw_min_std", "write_noise_std")}

    def chip(self, shape: tuple[int, int]) -> dict[str, Floats]:
        """Return the measured cells as ``cell_parameters`` of an array.

        Parameters
        ----------
        shape
            (M, N); the cells fill it row by row.

        Raises
        ------
        ShapeError
            If there are other than M N cells.

        Examples
        --------
        >>> import dsptrack as dt
        >>> polarity, reads = [1] * 20 + [-1] * 20, [0.0]
        >>> for sign in polarity:
        ...     reads.append(reads[-1] + 0.1 * (sign - reads[-1]))
        >>> result = dt.fit.device_from_pulses(polarity, reads)
        >>> array = dt.CrossbarArray((1, 1), result.device, cell_parameters=result.chip((1, 1)))
        """
        rows, columns = _checks.shape(shape)
        if rows * columns != self.stuck.size:
            raise ShapeError(f"shape = {shape!r}: must hold the {self.stuck.size} fitted cells")
        return {name: values.reshape(rows, columns) for name, values in self.cells.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the residuals as a dict that JSON can hold; NaN becomes None.

        Examples
        --------
        >>> import dsptrack as dt
        >>> polarity, reads = [1] * 20 + [-1] * 20, [0.0]
        >>> for sign in polarity:
        ...     reads.append(reads[-1] + 0.1 * (sign - reads[-1]))
        >>> dt.fit.device_from_pulses(polarity, reads).to_dict()["std_errors"]["w_max_dtod"] is None
        True
        """
        return {
            "model": self.model,
            "noise": self.noise,
            "device": self.device.to_dict(),
            "parameters": _portable(self.parameters),
            "std_errors": _portable(self.std_errors),
            "cells": _portable(self.cells),
            "cell_std_errors": _portable(self.cell_std_errors),
            "stuck": self.stuck.tolist(),
            "log_likelihood": self.log_likelihood,
            "aic": self.aic,
            "bic": self.bic,
            "n_pulses": self.n_pulses,
            "n_parameters": self.n_parameters,
        }


def _portable(values: Any) -> Any:
    """Return numbers, tuples, arrays and dicts of them as JSON holds them."""
    if isinstance(values, Mapping):
        return {name: _portable(value) for name, value in values.items()}
    if isinstance(values, tuple | np.ndarray):
        return [_portable(float(value)) for value in values]
    return values if math.isfinite(values) else None
