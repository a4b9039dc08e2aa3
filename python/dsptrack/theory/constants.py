"""Constants of the responses of a population, as the theorems need them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack._checks import doubles, number, shown, whole
from dsptrack.array import CrossbarArray
from dsptrack.exceptions import ConfigError, ShapeError, StateError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PopulationConstants:
    """Constants of the responses of an array, see `population_constants`.

    Parameters
    ----------
    q_min, q_max
        Smallest and largest response, q_min <= q_max.
    mu_q
        Modulus of monotonicity, per weight unit; the theorems on the last iterate need mu_q > 0.
    L_q
        Lipschitz constant of G, per weight unit, >= 0.

    Raises
    ------
    ConfigError
        If a constant is not finite or out of range.

    Notes
    -----
    Definitions 2.1 and C.1.

    Examples
    --------
    >>> PopulationConstants(q_min=0.5, q_max=2, mu_q=1, L_q=1).kappa_2
    4.0
    """

    q_min: float
    q_max: float
    mu_q: float
    L_q: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        number("q_max", self.q_max, above=0)
        number("q_min", self.q_min, high=self.q_max)
        number("mu_q", self.mu_q)
        number("L_q", self.L_q, low=0)

    @property
    def kappa_2(self) -> float:
        """Condition number q_max/q_min of the device; infinite if q_min is not positive."""
        return self.q_max / self.q_min if self.q_min > 0 else math.inf


def checked(constants: Any) -> PopulationConstants:
    """Return `constants` if they are."""
    if not isinstance(constants, PopulationConstants):
        raise ConfigError(f"constants = {shown(constants)}: must be PopulationConstants")
    return constants


def population_constants(array: CrossbarArray, *, points: int = 33, margin: float = 0.1) -> PopulationConstants:
    """Compute the constants from every cell's responses on a grid between its bounds.

    Stuck cells, whose bounds coincide, are left out.

    Parameters
    ----------
    array
        The population; it is not changed.
    points
        Grid points in each cell, 2 to 10000; slopes are differences between neighbours, exact for soft bounds.
    margin
        Share of each cell's range, 0 to below 0.5, left out at either end. Soft bounds have q = 0 at a bound, so with 0
        q_min vanishes and kappa_2 is infinite: the theory is about cells that stay away from their bounds.

    Returns
    -------
    PopulationConstants
        Extremes over cells and grid. A single cell with a bound near 0 makes them, and every bound, very large.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.
    StateError
        If all cells are stuck.

    Notes
    -----
    Definitions 2.1 and C.1.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = dt.devices.SoftBounds(w_max=1, w_min=-1, w_max_dtod=0, w_min_dtod=0, dw_min_dtod=0, up_down_dtod=0)
    >>> constants = population_constants(dt.CrossbarArray((2, 2), device), margin=0.25)
    >>> round(constants.kappa_2, 3), round(constants.mu_q, 3)
    (3.0, 1.0)
    """
    points = whole("points", points, 2, 10_000)
    margin = number("margin", margin, low=0, below=0.5)
    low, high, live = _ranges(array)
    grid = np.linspace(margin, 1 - margin, points)
    responses = [array.response(low + t * (high - low)) for t in grid]
    q_plus, q_minus = (np.stack([pair[i][live] for pair in responses]).astype(np.float64) for i in (0, 1))
    spacing = (high - low)[live] * (grid[1] - grid[0])
    rise_plus, rise_minus = np.diff(q_plus, axis=0) / spacing, np.diff(q_minus, axis=0) / spacing
    return PopulationConstants(
        q_min=float(min(q_plus.min(), q_minus.min())),
        q_max=float(max(q_plus.max(), q_minus.max())),
        mu_q=float(min(rise_minus.min(), -rise_plus.max())),
        L_q=float(np.abs((rise_minus - rise_plus) / 2).max()),
    )


def asymmetry_slope(array: CrossbarArray) -> Floats:
    """Return each cell's mean slope of G between its bounds, (G(b+) - G(b-)) / (b+ - b-).

    Exact at every weight for cells with affine responses (ConstantStep, LinearStep, SoftBounds,
    SoftBoundsReference).

    Parameters
    ----------
    array
        The population; it is not changed.

    Returns
    -------
    ndarray
        float64 (M, N), per weight unit; NaN for stuck cells.

    Raises
    ------
    ConfigError
        If `array` is not a CrossbarArray.
    StateError
        If all cells are stuck.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = dt.devices.SoftBounds(w_max=1, w_min=-1, w_max_dtod=0, w_min_dtod=0, dw_min_dtod=0, up_down_dtod=0)
    >>> asymmetry_slope(dt.CrossbarArray((1, 1), device)).round(3)
    array([[1.]])
    """
    low, high, live = _ranges(array)
    rise = array.asymmetric_part(high).astype(np.float64) - array.asymmetric_part(low)
    slope = np.full(array.shape, np.nan)
    slope[live] = rise[live] / (high - low)[live]
    return slope


def asymmetry_potential(array: CrossbarArray, w: ArrayLike, *, points: int = 65) -> Floats:
    """Return phi(w) of every cell, the integral of G from its symmetric point to w, >= 0 for monotone responses.

    Parameters
    ----------
    array
        The population; it is not changed.
    w
        Weights (M, N), or one number for all cells.
    points
        Points of the trapezoid rule, 2 to 10000; exact for affine responses.

    Returns
    -------
    ndarray
        float64 (M, N), weight units; NaN for cells without a symmetric point.

    Raises
    ------
    ConfigError, ShapeError, NonFiniteError
        If an argument has the wrong type, is out of range, of another shape or not finite.

    Warns
    -----
    NoSymmetricPointWarning
        If cells have none.

    Notes
    -----
    Stands in Theorems 2.2 and C.3.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = dt.devices.SoftBounds(w_max=1, w_min=-1, w_max_dtod=0, w_min_dtod=0, dw_min_dtod=0, up_down_dtod=0)
    >>> asymmetry_potential(dt.CrossbarArray((1, 1), device), 0.5).round(4)
    array([[0.125]])
    """
    points = whole("points", points, 2, 10_000)
    if not isinstance(array, CrossbarArray):
        raise ConfigError(f"array is a {type(array).__name__}: must be a CrossbarArray")
    end = doubles("w", w)
    if end.ndim and end.shape != array.shape:
        raise ShapeError(f"w has shape {end.shape}: must be one number or have {array.shape}")
    point = array.symmetric_point().astype(np.float64)
    has = np.isfinite(point)
    start = np.where(has, point, 0.0)
    grid = np.linspace(0, 1, points)
    slopes = np.stack([array.asymmetric_part(start + t * (end - start)).astype(np.float64) for t in grid])
    mean = (slopes[0] / 2 + slopes[1:-1].sum(axis=0) + slopes[-1] / 2) / (points - 1)
    return np.where(has, mean * (end - start), np.nan)


def _ranges(array: CrossbarArray) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return each cell's lowest and highest weight, and which cells are not stuck."""
    if not isinstance(array, CrossbarArray):
        raise ConfigError(f"array is a {type(array).__name__}: must be a CrossbarArray")
    cells = {name: values.astype(np.float64) for name, values in array.cell_parameters().items()}
    reference = cells.get("reference", np.zeros(array.shape))
    low, high = cells["min_bound"] - reference, cells["max_bound"] - reference
    live = high > low
    if not live.any():
        raise StateError("all cells of the array are stuck: they have no response")
    return low, high, live
