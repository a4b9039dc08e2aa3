"""Devices from functions: two callables become tables, with the interpolation error stated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsptrack._checks import number, whole
from dsptrack.exceptions import ConfigError, NonFiniteError

from .piecewise_step import PiecewiseStep

Floats = NDArray[np.float64]
Response = Callable[[float], float]

MAX_NODES = 1024
"""Largest table that the core takes."""

# Points in each interval of a table at which its error is measured.
_FINER = 16
# Unless asked otherwise, every cell has exactly the two functions: no spread between cells, no noise.
_EQUAL = {"w_max_dtod": 0.0, "w_min_dtod": 0.0, "dw_min_dtod": 0.0, "up_down_dtod": 0.0, "dw_min_std": 0.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class SampledDevice:
    """What `from_callables` made.

    Attributes
    ----------
    device
        The tabulated device.
    error
        Largest distance of table and function found, over both functions, in units of q (dimensionless).
    nodes
        Length of each table.

    Examples
    --------
    >>> import dsptrack as dt
    >>> line = dt.devices.from_callables(lambda w: 1 - w, lambda w: 1 + w, w_min=-1, w_max=1, dw_min=0.01)
    >>> line.nodes, line.error
    (2, 0.0)
    """

    device: PiecewiseStep
    error: float
    nodes: int


def from_callables(
    q_plus: Response,
    q_minus: Response,
    *,
    w_min: float,
    w_max: float,
    dw_min: float,
    nodes: int = MAX_NODES,
    tolerance: float = 1e-3,
    **fields: Any,
) -> SampledDevice:
    """Sample two response functions into a `PiecewiseStep`, which then runs at compiled speed.

        up:   w <- w + dw_min q_plus(w)
        down: w <- w - dw_min q_minus(w)

    The table has 2 nodes, then 3, 5, 9, ... until its error is at most `tolerance`. The error is the largest distance
    of the interpolant and the function at 16 points in every interval of the table: features narrower than that are
    missed.

    Parameters
    ----------
    q_plus, q_minus
        Responses of the mean cell: each is called with one weight, a float, and returns a finite number, normally > 0.
    w_min, w_max
        Bounds, weight units, w_min <= 0 <= w_max, w_min < w_max. With spread between cells every cell has the functions
        stretched to its own bounds.
    dw_min
        Response granularity, weight units, > 0.
    nodes
        Most nodes allowed, 2 to 1024.
    tolerance
        Largest error allowed, in units of q, >= 0.
    **fields
        Other fields of `PiecewiseStep`. Without them all cells are equal and pulses noise-free.

    Returns
    -------
    SampledDevice
        The device with its error.

    Raises
    ------
    ConfigError
        If an argument is out of range, a function returns no number, or the tolerance needs more nodes.
    NonFiniteError
        If a function returns NaN or infinity.

    Examples
    --------
    >>> import math, dsptrack as dt
    >>> sampled = from_callables(lambda w: math.exp(-w), math.exp, w_min=-1, w_max=1, dw_min=0.01, tolerance=1e-4)
    >>> sampled.nodes, sampled.error < 1e-4
    (129, True)
    >>> array = dt.CrossbarArray((1, 1), sampled.device)
    >>> bool(abs(array.response(0.5)[1] - math.exp(0.5)).item() < 1e-4)
    True
    """
    low, high = number("w_min", w_min, high=0.0), number("w_max", w_max, low=0.0)
    if low == high:
        raise ConfigError(f"w_max = {w_max!r}: must be > w_min = {w_min!r}")
    nodes, tolerance = whole("nodes", nodes, 2, MAX_NODES), number("tolerance", tolerance, low=0.0)
    size = 2
    while True:
        tables, error = _sampled(q_plus, q_minus, low, high, size)
        if error <= tolerance:
            break
        if size == nodes:
            raise ConfigError(f"tolerance = {tolerance:g}: must be >= {error:.3g}, the error with {nodes} nodes")
        size = min(2 * size - 1, nodes)
    values = _EQUAL | {"w_min": w_min, "w_max": w_max, "dw_min": dw_min} | fields
    up, down = (tuple(table.tolist()) for table in tables)
    return SampledDevice(device=PiecewiseStep(piecewise_up=up, piecewise_down=down, **values), error=error, nodes=size)


def _sampled(
    q_plus: Response, q_minus: Response, low: float, high: float, size: int
) -> tuple[tuple[Floats, Floats], float]:
    """Return both tables with `size` nodes and their largest error on the finer grid."""
    fine = np.linspace(low, high, (size - 1) * _FINER + 1)
    exact = _values("q_plus", q_plus, fine), _values("q_minus", q_minus, fine)
    tables = exact[0][::_FINER], exact[1][::_FINER]
    distance = [np.abs(np.interp(fine, fine[::_FINER], t) - q).max() for t, q in zip(tables, exact, strict=True)]
    return tables, float(max(distance))


def _values(name: str, function: Response, weights: Floats) -> Floats:
    """Call a function with every weight."""
    if not callable(function):
        raise ConfigError(f"{name} = {function!r}: must be a function of one weight")
    values = []
    for w in weights.tolist():
        value = function(w)
        try:
            values.append(float(value))
        except (TypeError, ValueError):
            raise ConfigError(f"{name}({w:g}) = {value!r}: must be a number") from None
        if not np.isfinite(values[-1]):
            raise NonFiniteError(f"{name}({w:g}) = {value!r}: must be finite")
    return np.array(values)
