"""Zero-shifting against the pulse budget: Figure 1a of the paper, with the theory's bound beside it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dsptrack import _checks, theory
from dsptrack._rng import RngLike, unspent
from dsptrack.array import CrossbarArray
from dsptrack.calibration import zero_shift
from dsptrack.devices import Device, LinearStep, SoftBounds, SoftBoundsReference
from dsptrack.exceptions import ConfigError

BUDGETS = (500, 1000, 2000, 4000, 8000)

# Responses that are affine in the weight: the theory's mean is exact, and the ends of a cell's range hold all extremes.
_AFFINE = (LinearStep, SoftBounds, SoftBoundsReference)
# Grid points in a cell's range that stand for other responses.
_POINTS = 17

# The paper prints neither the spreads nor the mean of its Figure 1a; these give a symmetric point of mean 0.11 and
# standard deviation 0.06 on 2,000 states between -1 and 1.
CALIBRATED_DEVICE = SoftBounds(
    dw_min=0.001,
    w_max=1.0,
    w_min=-1.0,
    w_max_dtod=0.0,
    w_min_dtod=0.0,
    dw_min_dtod=0.1,
    dw_min_std=0.3,
    up_down=0.2,
    up_down_dtod=0.05,
)


@dataclass(frozen=True, kw_only=True)
class CalibrationPoint:
    """The estimate after one pulse budget.

    Attributes
    ----------
    pulses
        Pulses on every cell.
    offset_mean, offset_std
        True minus estimated mean, and standard deviation, of the symmetric point over the array; unit weight.
    rms_error
        Root mean square over the cells of estimate minus truth.
    expected
        The same for the expected estimate, ``theory.zero_shift_mean_error``: without the noise of the pulses;
        exact for the stochastic scheme, to first order in dw_min for the cyclic one. None for responses that are not
        affine, and where a pulse overshoots the symmetric point by more than it was away.
    bound
        The root of the theorem's bound on the mean squared error of a cell; None where the theorem says nothing:
        responses that are not monotone, or too coarse.

    Examples
    --------
    >>> from dsptrack.experiments import CalibrationPoint
    >>> CalibrationPoint(pulses=2, offset_mean=0.0, offset_std=0.0, rms_error=0.0, expected=0.0, bound=1.0).pulses
    2
    """

    pulses: int
    offset_mean: float
    offset_std: float
    rms_error: float
    expected: float | None
    bound: float | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The result of `calibrate`.

    Attributes
    ----------
    shape, scheme
        What was asked.
    theorem
        Name of the theorem that the bounds come from.
    true_mean, true_std
        Of the symmetric point over the cells that have one; unit weight.
    without
        Cells that have none inside their bounds; all errors leave them out.
    points
        One entry a budget, ascending.

    Examples
    --------
    >>> from dsptrack.experiments import calibrate
    >>> calibrate(shape=(8, 8), budgets=(10, 20), rng=0).theorem
    'Theorem C.4'
    """

    shape: tuple[int, int]
    scheme: str
    theorem: str
    true_mean: float
    true_std: float
    without: int
    points: tuple[CalibrationPoint, ...]

    def percent(self, point: CalibrationPoint) -> tuple[float, float]:
        """Return a point's offsets in percent of the true mean and standard deviation; NaN where those are 0."""
        return tuple(  # type: ignore[return-value]
            100.0 * abs(offset / truth) if truth else math.nan
            for offset, truth in ((point.offset_mean, self.true_mean), (point.offset_std, self.true_std))
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return asdict(self)


@unspent
def calibrate(
    *,
    shape: tuple[int, int] = (512, 512),
    device: Device = CALIBRATED_DEVICE,
    budgets: Sequence[int] = BUDGETS,
    scheme: Literal["cyclic", "stochastic"] = "cyclic",
    rng: RngLike = None,
    num_threads: int | None = None,
    on_point: Callable[[CalibrationPoint], None] | None = None,
) -> Calibration:
    """Estimate every cell's symmetric point by zero-shifting (Algorithm 1) with growing pulse budgets.

    One array receives the largest budget; the smaller ones are read off on the way, which is the same thing.

    Parameters
    ----------
    shape
        (M, N) cells.
    device
        One whose cells have symmetric points; for a bound also monotone responses, as SoftBounds has.
    budgets
        Pulses on every cell, even numbers >= 2 (the cyclic scheme sends pairs), ascending.
    scheme
        ``"cyclic"``: up, down, up, down …; ``"stochastic"``: up or down with probability 1/2.
    rng
        Seed of cells and pulses.
    num_threads
        Threads; None means all cores.
    on_point
        Called with every new point.

    Returns
    -------
    Calibration
        One point a budget.

    Raises
    ------
    ConfigError
        If a budget or another argument is out of range, or no cell of `device` has a symmetric point.

    Notes
    -----
    The bounds are those of the last iterate, Theorem C.4 (cyclic) or C.2 (stochastic) of arXiv 2602.21321, with the
    constants of the whole population over each cell's whole range (for responses that are not affine, on a grid of 17
    points). They hold for every monotone device without noise and are far from tight: their floor alone, of the order
    of sqrt(dw_min), exceeds the error found.

    Examples
    --------
    >>> from dsptrack.experiments import calibrate
    >>> points = calibrate(shape=(64, 64), budgets=(500, 4000), rng=0).points
    >>> points[0].rms_error > points[1].rms_error
    True
    """
    steps = _steps(budgets)
    array = CrossbarArray(shape, device, rng=rng, num_threads=num_threads)
    truth = array._core.symmetric_point().astype(float)
    known = np.isfinite(truth)
    if not known.any():
        raise ConfigError(f"device = {device!r}: must be one whose cells have a symmetric point")
    start = (array.weights - truth)[known]
    distance_sq = float(np.mean(start**2))
    affine = isinstance(device, _AFFINE)
    constants = theory.population_constants(array, margin=0.0, points=2 if affine else _POINTS)
    slope = theory.asymmetry_slope(array)[known]
    contracts = affine and bool(np.all(device.dw_min * slope < 2.0))

    def bound(pulses: int) -> float | None:
        try:
            squared = theory.zero_shift_error_bound(
                pulses, constants, dw_min=device.dw_min, distance_sq=distance_sq, scheme=scheme
            )
        except ConfigError:  # the constants are outside the theorem's assumptions
            return None
        return math.sqrt(squared)

    points = []
    pulses = 0
    for step in steps:
        end = zero_shift(array, step, scheme=scheme).trace[-1]
        pulses += step
        expected = _rms(theory.zero_shift_mean_error(start, slope, device.dw_min, pulses)) if contracts else None
        point = CalibrationPoint(
            pulses=pulses,
            offset_mean=float(end["offset_mean"]),
            offset_std=float(end["offset_std"]),
            rms_error=float(end["rms_error"]),
            expected=expected,
            bound=bound(pulses),
        )
        points.append(point)
        if on_point is not None:
            on_point(point)
    return Calibration(
        shape=shape,
        scheme=scheme,
        theorem="Theorem C.4" if scheme == "cyclic" else "Theorem C.2",
        true_mean=float(truth[known].mean()),
        true_std=float(truth[known].std()),
        without=int(np.count_nonzero(~known)),
        points=tuple(points),
    )


def _steps(budgets: Sequence[int]) -> list[int]:
    """Return the differences of the budgets."""
    for budget in budgets:
        if _checks.whole("budgets", budget, 2) % 2:
            raise ConfigError(f"budgets = {budget}: must be even, whole up and down pairs")
    steps = [after - before for before, after in pairwise([0, *budgets])]
    if not steps or min(steps) <= 0:
        raise ConfigError(f"budgets = {tuple(budgets)}: must be one or more ascending numbers")
    return steps


def _rms(error: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(error**2)))
