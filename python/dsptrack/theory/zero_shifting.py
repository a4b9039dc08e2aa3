"""How many pulses zero-shifting needs: Theorems 2.2, C.2, C.3 and C.4, and the exact mean of affine cells."""

import math
import sys
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack._checks import choice, doubles, number
from dsptrack.exceptions import ConfigError

from .constants import PopulationConstants, checked

Floats = NDArray[np.float64]
Scheme = Literal["stochastic", "cyclic"]


def zero_shift_mean_error(error_0: ArrayLike, slope: ArrayLike, dw_min: float, n_pulses: ArrayLike) -> Floats:
    """Return the expected error after stochastic zero-shifting, E[w_n - w◇] = (1 - dw_min G')^n (w_0 - w◇).

    Exact for cells with affine responses as long as no pulse is clipped at a bound; cycle noise does not change it.

    Parameters
    ----------
    error_0
        w_0 - w◇, weight units; broadcasts with the other arrays.
    slope
        G', per weight unit, see `asymmetry_slope`.
    dw_min
        Response granularity, weight units, > 0.
    n_pulses
        Pulses for every cell, >= 0.

    Returns
    -------
    ndarray
        float64, weight units.

    Raises
    ------
    ConfigError, NonFiniteError
        If an argument is not a number, out of range, or not finite.

    Notes
    -----
    From (7) with E[e] = 0: E[w_n+1 | w_n] = w_n - dw_min G(w_n), and G(w) = G' (w - w◇).

    Examples
    --------
    >>> zero_shift_mean_error(0.5, 1.0, 0.01, [0, 100]).round(3)
    array([0.5  , 0.183])
    """
    factor = 1 - number("dw_min", dw_min, above=0) * doubles("slope", slope)
    return np.asarray(factor ** _counts(n_pulses) * doubles("error_0", error_0))


def zero_shift_asymmetry_bound(
    n_pulses: ArrayLike,
    constants: PopulationConstants,
    *,
    dw_min: float,
    potential: float,
    scheme: Scheme = "stochastic",
) -> Floats:
    """Bound the mean over the first N pulses of |G(w_n)|^2 (its expectation for stochastic zero-shifting).

        (1/N) sum_n |G(w_n)|^2 <= phi(w_0) / (N dw_min) + c L_q dw_min q_max^2,  c = 1/2 stochastic, 3/2 cyclic

    Parameters
    ----------
    n_pulses
        N >= 1; cyclic zero-shifting sends two in each cycle.
    constants
        L_q and q_max of the responses.
    dw_min
        Response granularity, weight units, > 0.
    potential
        phi(w_0) >= 0, weight units: G' (w_0 - w◇)^2 / 2 for affine responses.
    scheme
        As for `dsptrack.zero_shift`.

    Returns
    -------
    ndarray
        float64, of the shape of `n_pulses`.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Notes
    -----
    Theorems 2.2 and C.3.

    Examples
    --------
    >>> import dsptrack as dt
    >>> constants = dt.theory.PopulationConstants(q_min=0.5, q_max=2, mu_q=1, L_q=1)
    >>> zero_shift_asymmetry_bound([100, 1000], constants, dw_min=0.001, potential=0.1).round(3)
    array([1.002, 0.102])
    """
    floor = _asymmetry_floor(constants, dw_min, scheme)
    return np.asarray(number("potential", potential, low=0) / (_counts(n_pulses, 1) * dw_min) + floor)


def zero_shift_asymmetry_pulses(
    delta: float, constants: PopulationConstants, *, dw_min: float, potential: float, scheme: Scheme = "stochastic"
) -> int:
    """Return N = 2 phi(w_0) / (delta dw_min), after which `zero_shift_asymmetry_bound` is at most delta.

    Parameters
    ----------
    delta
        Wanted mean of |G|^2; at least twice the term of the bound that no number of pulses removes.
    constants, dw_min, potential, scheme
        As for the bound.

    Returns
    -------
    int
        Pulses, >= 0, even for ``"cyclic"``.

    Raises
    ------
    ConfigError
        If delta is too small, or an argument is out of range.

    Notes
    -----
    Theorems 2.2 and C.3.

    Examples
    --------
    >>> import dsptrack as dt
    >>> constants = dt.theory.PopulationConstants(q_min=0.5, q_max=2, mu_q=1, L_q=1)
    >>> zero_shift_asymmetry_pulses(0.1, constants, dw_min=0.001, potential=0.1)
    2000
    """
    # No smaller than what can be divided by.
    least = max(2 * _asymmetry_floor(constants, dw_min, scheme), sys.float_info.min / dw_min)
    delta = number("delta", delta, low=least)
    return _whole_pulses(2 * number("potential", potential, low=0) / (delta * dw_min), scheme)


def zero_shift_error_bound(
    n_pulses: ArrayLike,
    constants: PopulationConstants,
    *,
    dw_min: float,
    distance_sq: float,
    scheme: Scheme = "stochastic",
) -> Floats:
    """Bound the squared error |w_N - w◇|^2 after N pulses (its expectation for stochastic zero-shifting).

        |w_N - w◇|^2 <= (1 - 2 dw_min mu_q)^N |w_0 - w◇|^2 + c dw_min q_max^2 / mu_q

    with c = 1 for stochastic and c = 4 + L_q^2/mu_q + 2 mu_q for cyclic zero-shifting.

    Parameters
    ----------
    n_pulses
        N >= 0; even for cyclic zero-shifting, two pulses in each cycle.
    constants
        q_max, mu_q and L_q of the responses, which must be monotone: mu_q > 0.
    dw_min
        Response granularity, weight units, > 0, at most 1/(2 mu_q).
    distance_sq
        |w_0 - w◇|^2 >= 0.
    scheme
        As for `dsptrack.zero_shift`.

    Returns
    -------
    ndarray
        float64, of the shape of `n_pulses`.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Notes
    -----
    Theorems C.2 and C.4.

    Examples
    --------
    >>> import dsptrack as dt
    >>> constants = dt.theory.PopulationConstants(q_min=0.5, q_max=2, mu_q=1, L_q=1)
    >>> zero_shift_error_bound([0, 1000], constants, dw_min=0.001, distance_sq=1).round(3)
    array([1.004, 0.139])
    """
    floor = _error_floor(constants, dw_min, scheme)
    factor = 1 - 2 * dw_min * constants.mu_q
    return np.asarray(factor ** _counts(n_pulses) * number("distance_sq", distance_sq, low=0) + floor)


def zero_shift_error_pulses(
    delta: float, constants: PopulationConstants, *, dw_min: float, distance_sq: float, scheme: Scheme = "stochastic"
) -> int:
    """Return N = log(2 |w_0 - w◇|^2 / delta) / (2 mu_q dw_min), after which |w_N - w◇|^2 <= delta.

    Parameters
    ----------
    delta
        Wanted squared error; at least twice the term of `zero_shift_error_bound` that no number of pulses removes.
    constants, dw_min, distance_sq, scheme
        As for `zero_shift_error_bound`.

    Returns
    -------
    int
        Pulses, >= 0, even for ``"cyclic"``.

    Raises
    ------
    ConfigError
        If delta is too small, or an argument is out of range.

    Notes
    -----
    Theorems C.2 and C.4.

    Examples
    --------
    >>> import dsptrack as dt
    >>> constants = dt.theory.PopulationConstants(q_min=0.5, q_max=2, mu_q=1, L_q=1)
    >>> zero_shift_error_pulses(0.1, constants, dw_min=0.001, distance_sq=1)
    1498
    """
    delta = number("delta", delta, low=2 * _error_floor(constants, dw_min, scheme))
    ratio = 2 * number("distance_sq", distance_sq, low=0) / delta
    return _whole_pulses(math.log(max(ratio, 1.0)) / (2 * constants.mu_q * dw_min), scheme)


def _asymmetry_floor(constants: PopulationConstants, dw_min: float, scheme: Scheme) -> float:
    """Return the second term of Theorems 2.2 and C.3."""
    factor = {"stochastic": 0.5, "cyclic": 1.5}[choice("scheme", scheme, ("stochastic", "cyclic"))]
    return factor * checked(constants).L_q * number("dw_min", dw_min, above=0) * constants.q_max**2


def _error_floor(constants: PopulationConstants, dw_min: float, scheme: Scheme) -> float:
    """Return the second term of Theorems C.2 and C.4."""
    mu_q = number("mu_q", checked(constants).mu_q, above=0)
    cyclic = choice("scheme", scheme, ("stochastic", "cyclic")) == "cyclic"
    factor = 4 + constants.L_q**2 / mu_q + 2 * mu_q if cyclic else 1.0
    return factor * number("dw_min", dw_min, above=0, high=0.5 / mu_q) * constants.q_max**2 / mu_q


def _counts(n_pulses: ArrayLike, low: int = 0) -> Floats:
    counts = doubles("n_pulses", n_pulses)
    if np.any(counts < low):
        raise ConfigError(f"n_pulses holds {counts.min():g}: must be >= {low}")
    return counts


def _whole_pulses(pulses: float, scheme: Scheme) -> int:
    """Round up, to whole cycles where pulses come in pairs."""
    pulses = number("the number of pulses", pulses, low=0)
    return 2 * math.ceil(pulses / 2) if scheme == "cyclic" else math.ceil(pulses)
