"""Devices from the numbers that others publish: ranges and pulses to saturate, NeuroSim's non-linearity labels.

Weights are conductances on a linear scale that maps a range (g_low, g_high) to [-1, 1], see `weights`.
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks
from .devices import ConstantStep, Device, LinearStep, SoftBounds
from .exceptions import ConfigError

__all__ = ["from_neurosim", "from_saturation", "neurosim_a", "neurosim_nl", "weights"]

# NeuroSim's labels: the curve's largest distance from its chord, measured across the chord, is 0.07 a label.
_PER_LABEL = 0.07 * math.sqrt(2)
_LARGEST_LABEL = 9.0
# Below this curvature the closed form cancels and the series is exact to float64.
_FLAT = 0.05
# Data sheets give one cell: no spread between cells, no noise, unless fields say otherwise.
_EQUAL = {"w_max_dtod": 0.0, "w_min_dtod": 0.0, "dw_min_dtod": 0.0, "up_down_dtod": 0.0, "dw_min_std": 0.0}


def weights(conductance: ArrayLike, g_range: tuple[float, float]) -> NDArray[np.float64]:
    """Return conductances as weights, w = 2 (g - g_low) / (g_high - g_low) - 1.

    Parameters
    ----------
    conductance
        Any shape, in the unit of `g_range`.
    g_range
        Conductances (g_low, g_high) of the weights -1 and 1, g_low < g_high.

    Returns
    -------
    ndarray
        Weights, float64, of the same shape.

    Raises
    ------
    ConfigError
        If `g_range` is no ascending pair of finite numbers.
    NonFiniteError
        If a conductance is not finite.

    Examples
    --------
    >>> weights([1.0, 2.5, 4.0], (1.0, 3.0)).tolist()
    [-1.0, 0.5, 2.0]
    """
    return scaled(_checks.doubles("conductance", conductance), g_range)


def scaled(conductance: NDArray[np.float64], g_range: tuple[float, float]) -> NDArray[np.float64]:
    """Return `weights` without a look at the conductances: they may hold NaN."""
    try:
        low, high = g_range
    except (TypeError, ValueError):
        raise ConfigError(f"g_range = {g_range!r}: must be a pair (g_low, g_high)") from None
    low = _checks.number("g_range[0]", low)
    high = _checks.number("g_range[1]", high, above=low)
    with np.errstate(over="ignore"):
        return np.asarray(2 * (conductance - low) / (high - low) - 1)


def neurosim_nl(a: float) -> float:
    """Return NeuroSim's non-linearity label of a normalised parameter A.

    A pulse train of P_max pulses moves the normalised conductance along

        f(p) = (1 - exp(-p/a)) / (1 - exp(-1/a)),  p = P/P_max from 0 to 1,

    and the label is the largest distance of this curve from its chord, max (f - p)/sqrt(2), in units of 0.07.

    Parameters
    ----------
    a
        A/P_max, any number but 0; negative for curves below their chord, infinite for the chord.

    Returns
    -------
    float
        The label, 0 to about 10.1 with the sign of `a`.

    Raises
    ------
    ConfigError
        If `a` is 0 or no number.

    Notes
    -----
    NeuroSim tabulates this relation for labels from 0.01 to 9; the tests compare entries of that table.

    Examples
    --------
    >>> round(neurosim_nl(1.251653), 5)
    1.0
    """
    if not isinstance(a, float | int) or isinstance(a, bool) or math.isnan(a) or a == 0:
        raise ConfigError(f"a = {a!r}: must be a number other than 0")
    return math.copysign(_distance(1 / abs(a)) / _PER_LABEL, a)


def neurosim_a(nl: float) -> float:
    """Return the normalised parameter A of NeuroSim's curve with this label: the inverse of `neurosim_nl`.

    Parameters
    ----------
    nl
        Label, -9 to 9; NeuroSim's sign for pulses down is negative.

    Returns
    -------
    float
        A/P_max with the sign of `nl`; infinite for the label 0.

    Raises
    ------
    ConfigError
        If `nl` is out of range.

    Examples
    --------
    >>> round(neurosim_a(1.0), 6)
    1.251653
    """
    label = _checks.number("nl", nl, low=-_LARGEST_LABEL, high=_LARGEST_LABEL)
    if label == 0:
        return math.inf
    from scipy.optimize import brentq

    wanted = abs(label) * _PER_LABEL
    # A distance is below an eighth of the curvature, and 100 is beyond the largest label.
    curvature = brentq(lambda q: _distance(q) - wanted, 0.0, 100.0, xtol=1e-300, rtol=1e-15)
    return math.copysign(1 / curvature if curvature > 0 else math.inf, label)


def _distance(q: float) -> float:
    """Return max over p of f(p) - p for the curvature q = 1/a > 0."""
    if q < _FLAT:
        return q / 8 - q**3 / 576 + q**5 / 25920
    rise = -math.expm1(-q)
    return 1 / rise + (math.log(rise / q) - 1) / q


def from_saturation(
    g_min: float,
    g_max: float,
    pulses_up: int,
    pulses_down: int | None = None,
    *,
    model: Literal["soft_bounds", "constant_step"] = "soft_bounds",
    coverage: float = 0.95,
    g_range: tuple[float, float] | None = None,
    **fields: Any,
) -> Device:
    """Return a device with this range, which so many pulses cross.

    Constant steps cross the range w_max - w_min exactly. Soft bounds are never reached; after the given pulses from the
    other bound a cell has crossed the share `coverage` of the range:

        s+/w_max = 1 - (1 - coverage)^(1/pulses_up),  s-/abs(w_min) = 1 - (1 - coverage)^(1/pulses_down)

    Parameters
    ----------
    g_min, g_max
        Range of the conductance, any unit, g_min < g_max.
    pulses_up, pulses_down
        Pulses to saturate from the other end, >= 1; None means as many down as up.
    model
        ``"soft_bounds"`` or ``"constant_step"``.
    coverage
        Share of the range that counts as saturated, above 0 and below 1; soft bounds only.
    g_range
        Conductances of the weights -1 and 1; None means (g_min, g_max).
    **fields
        Fields of the device that shall differ. Without them all cells are equal and pulses noise-free.

    Returns
    -------
    Device
        A `SoftBounds` or a `ConstantStep`.

    Raises
    ------
    ConfigError
        If an argument is out of range, or the bounds do not enclose weight 0.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = from_saturation(1e-6, 1e-5, pulses_up=100, coverage=0.9)
    >>> array = dt.CrossbarArray((1, 1), device)
    >>> array.set_weights([[-1.0]])
    >>> array.pulse(+1, 100)
    >>> round(float(array.weights[0, 0]), 4)    # -1 + 0.9 times 2
    0.8
    """
    low = _checks.number("g_min", g_min)
    high = _checks.number("g_max", g_max, above=low)
    up = _checks.whole("pulses_up", pulses_up, 1)
    down = up if pulses_down is None else _checks.whole("pulses_down", pulses_down, 1)
    share = _checks.number("coverage", coverage, above=0.0, below=1.0)
    w_min, w_max = scaled(np.array([low, high]), (low, high) if g_range is None else g_range).tolist()
    if not w_min < 0 < w_max:
        raise ConfigError(
            f"g_range = {g_range!r}: must put weight 0 between g_min and g_max, which are {w_min:g} and {w_max:g}"
        )
    bounds = {"w_min": w_min, "w_max": w_max}
    if _checks.choice("model", model, ("soft_bounds", "constant_step")) == "constant_step":
        return ConstantStep(**(bounds | _steps((w_max - w_min) / up, (w_max - w_min) / down) | _EQUAL | fields))
    rate_up, rate_down = (-math.expm1(math.log1p(-share) / pulses) for pulses in (up, down))
    return SoftBounds(**(bounds | _steps(rate_up * w_max, -rate_down * w_min) | _EQUAL | fields))


def from_neurosim(
    g_min: float,
    g_max: float,
    pulses_up: int,
    nl_up: float,
    pulses_down: int,
    nl_down: float,
    *,
    cycle_sigma: float = 0.0,
    model: Literal["linear_step", "soft_bounds"] = "linear_step",
    **fields: Any,
) -> Device:
    """Return the device whose pulses follow NeuroSim's curves from G_min to G_max and back.

    Along f of `neurosim_nl` every pulse covers the same share of the distance to the curve's limit. With P = pulses_up,
    a = `neurosim_a` (nl_up) in units of P, and weights -1 at G_min and 1 at G_max that is the step

        (1 - exp(-1/(a P))) (L - w),  L = 2/(1 - exp(-1/a)) - 1,

    linear in w; down likewise with the other label and 1 - exp(1/(a P)). Label 0 is a constant step, 2/P.

    Parameters
    ----------
    g_min, g_max
        Range of the conductance, any unit, g_min < g_max.
    pulses_up, pulses_down
        Pulses of the two curves (P_max), >= 1.
    nl_up, nl_down
        Labels, -9 to 9. Usual are nl_up > 0 and nl_down < 0: steps shrink towards the end of their train.
    cycle_sigma
        Cycle noise of a pulse, relative to the range (NeuroSim's sigmaCtoC), >= 0. It does not depend on the step;
        where up and down steps differ, it is exact for their mean.
    model
        ``"linear_step"`` is clipped at -1 and 1, as NeuroSim is. ``"soft_bounds"`` has the same steps but no clip: its
        bounds are the limits L beyond -1 and 1; it needs nl_up > 0 and nl_down < 0.
    **fields
        Fields of the device that shall differ. Without them all cells are equal.

    Returns
    -------
    Device
        A `LinearStep` or a `SoftBounds`; weights are `weights` of the conductance with the range (g_min, g_max).

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Notes
    -----
    Source: NeuroSim's behavioural model of weight updates, Chen, Peng and Yu, IEEE TCAD 37, 3067 (2018).

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = from_neurosim(1e-6, 1e-5, pulses_up=31, nl_up=2.4, pulses_down=31, nl_down=-4.88)
    >>> array = dt.CrossbarArray((1, 1), device)
    >>> array.set_weights([[-1.0]])
    >>> array.pulse(+1, 31)
    >>> round(float(array.weights[0, 0]), 5)
    1.0
    """
    _checks.number("g_max", g_max, above=_checks.number("g_min", g_min))
    labels = [
        _checks.number(name, nl, low=-_LARGEST_LABEL, high=_LARGEST_LABEL)
        for name, nl in (("nl_up", nl_up), ("nl_down", nl_down))
    ]
    up = _curve(_checks.whole("pulses_up", pulses_up, 1), labels[0])
    down = _curve(_checks.whole("pulses_down", pulses_down, 1), -labels[1])
    noise = _checks.number("cycle_sigma", cycle_sigma, low=0.0)
    quiet = _EQUAL | {"dw_min_std": 2 * noise / ((up[0] + down[0]) / 2), "mult_noise": False}
    if _checks.choice("model", model, ("linear_step", "soft_bounds")) == "linear_step":
        slopes = {"gamma_up": up[1], "gamma_down": down[1], "gamma_up_dtod": 0.0, "gamma_down_dtod": 0.0}
        bounds = {"w_max": 1.0, "w_min": -1.0, "allow_increasing": min(up[1], down[1]) < 0}
        return LinearStep(**(bounds | _steps(up[0], down[0]) | slopes | quiet | fields))
    for name, label, slope, allowed in (("nl_up", nl_up, up[1], "> 0"), ("nl_down", nl_down, down[1], "< 0")):
        if slope <= 0:
            raise ConfigError(f"{name} = {label!r}: must be {allowed} for soft bounds")
    return SoftBounds(w_max=1 / up[1], w_min=-1 / down[1], **(_steps(up[0], down[0]) | quiet | fields))


def _curve(pulses: int, nl: float) -> tuple[float, float]:
    """Return the step at w = 0 and its relative slope y, of a train towards weight 1: step s (1 - y w)."""
    a = neurosim_a(nl)
    if math.isinf(a):
        return 2 / pulses, 0.0
    limit = 2 / -math.expm1(-1 / a) - 1
    return -math.expm1(-1 / (a * pulses)) * limit, 1 / limit


def _steps(up: float, down: float) -> dict[str, float]:
    """Return dw_min and up_down of these steps at w = 0: the smaller one is shrunk."""
    larger = max(up, down)
    return {"dw_min": larger, "up_down": (up - down) / larger}
