"""The moving average that tracks the symmetric point, and the step sizes of RIDER."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack._checks import doubles, number
from dsptrack.exceptions import ConfigError, ShapeError

from .constants import PopulationConstants, checked

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSizes:
    """Step sizes of RIDER, see `rider_step_sizes`.

    Parameters
    ----------
    alpha, beta
        Rates of P and of W.
    eta
        Rate of the moving average.
    gamma
        Share of the residual in the visible weight.

    Examples
    --------
    >>> StepSizes(alpha=0.1, beta=0.01, eta=0.001, gamma=1.0).eta
    0.001
    """

    alpha: float
    beta: float
    eta: float
    gamma: float


def filter_response(eta: float, omega: ArrayLike) -> Floats:
    """Return the gain |H|^2 of the moving average Q <- (1 - eta) Q + eta P at frequency omega.

        |H(e^jw)|^2 = eta^2 / (1 + (1 - eta)^2 - 2 (1 - eta) cos w)    (16)

    Parameters
    ----------
    eta
        Rate of the average, > 0, at most 1.
    omega
        Angular frequency, radians per step.

    Returns
    -------
    ndarray
        float64, of the shape of `omega`; 1 at frequency 0.

    Raises
    ------
    ConfigError, NonFiniteError
        If an argument is out of range or not finite.

    Examples
    --------
    >>> filter_response(0.1, [0.0, 3.14]).round(4)
    array([1.    , 0.0028])
    """
    keep = 1 - number("eta", eta, above=0, high=1)
    # (16) with 1 - cos w = 2 sin^2(w/2): no cancellation where eta and w are small.
    return np.asarray(eta**2 / (eta**2 + 4 * keep * np.sin(doubles("omega", omega) / 2) ** 2))


def tracking_rate_limit(p_next: ArrayLike, q: ArrayLike, symmetric_point: ArrayLike) -> float:
    """Return the rate above which Q_k+1 lies closer to the symmetric point W◇ than P_k+1 does.

        eta > max(0, 1 - 2 |P_k+1 - W◇| cos(theta) / |P_k+1 - Q_k|)

    with theta between P_k+1 - W◇ and P_k+1 - Q_k (Lemma 3.5).

    Parameters
    ----------
    p_next, q, symmetric_point
        P_k+1, Q_k and W◇, arrays of one shape, weight units.

    Returns
    -------
    float
        The limit, >= 0; 1 or more (cos(theta) <= 0) means that no rate below 1 does.

    Raises
    ------
    ConfigError
        If P_k+1 equals Q_k: every rate gives the same Q_k+1 then.
    ShapeError, NonFiniteError
        If the shapes differ or an array is not finite.

    Examples
    --------
    >>> tracking_rate_limit([1.0], [-3.0], [0.0])
    0.5
    """
    away, step = _differences(p_next, q, symmetric_point)
    length_sq = float(step @ step)
    if length_sq == 0:
        raise ConfigError("p_next equals q: must differ")
    return max(0.0, 1 - 2 * float(away @ step) / length_sq)


def tracking_cosine(p_next: ArrayLike, q: ArrayLike, symmetric_point: ArrayLike) -> float:
    """Return cos(theta) between P_k+1 - W◇ and P_k+1 - Q_k; Lemma 3.5 applies where it is positive.

    Parameters
    ----------
    p_next, q, symmetric_point
        P_k+1, Q_k and W◇, arrays of one shape, weight units.

    Returns
    -------
    float
        From -1 to 1.

    Raises
    ------
    ConfigError
        If P_k+1 equals Q_k or W◇: there is no angle then.
    ShapeError, NonFiniteError
        If the shapes differ or an array is not finite.

    Examples
    --------
    >>> round(tracking_cosine([1.0, 0.0], [0.0, 0.0], [0.0, 1.0]), 4)
    0.7071
    """
    away, step = _differences(p_next, q, symmetric_point)
    lengths = math.sqrt(float(away @ away) * float(step @ step))
    if lengths == 0:
        raise ConfigError("p_next equals q or symmetric_point: must differ from both")
    return float(away @ step) / lengths


def _differences(p_next: ArrayLike, q: ArrayLike, symmetric_point: ArrayLike) -> tuple[Floats, Floats]:
    """Return P_k+1 - W◇ and P_k+1 - Q_k as vectors."""
    p, old, point = doubles("p_next", p_next), doubles("q", q), doubles("symmetric_point", symmetric_point)
    if not p.shape == old.shape == point.shape:
        raise ShapeError(f"p_next, q, symmetric_point have shapes {p.shape}, {old.shape}, {point.shape}: must be equal")
    return np.ravel(p - point), np.ravel(p - old)


def rider_step_sizes(alpha: float, constants: PopulationConstants, *, mu: float, gamma: float = 1.0) -> StepSizes:
    """Return the step sizes for which Theorem 3.7 is proved; eta is the largest that the proof allows.

        beta = min(alpha gamma mu q_min^3 / (4 sqrt(34) q_max^3), gamma / (2 q_max))
        eta = alpha mu q_min^4 / (52 q_max^3)

    Parameters
    ----------
    alpha
        Rate of P, > 0; the theorem takes Theta(1/sqrt(K)) for K steps.
    constants
        q_min and q_max of the responses, q_min > 0.
    mu
        Modulus of strong convexity of the objective, > 0.
    gamma
        Share of the residual in the visible weight, > 0.

    Returns
    -------
    StepSizes
        All four.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Examples
    --------
    >>> import dsptrack as dt
    >>> constants = dt.theory.PopulationConstants(q_min=1, q_max=1, mu_q=1, L_q=1)
    >>> round(rider_step_sizes(0.1, constants, mu=1).beta, 6)
    0.004287
    """
    alpha, mu, gamma = number("alpha", alpha, above=0), number("mu", mu, above=0), number("gamma", gamma, above=0)
    ratio = number("q_min", checked(constants).q_min, above=0) / constants.q_max
    beta = min(alpha * gamma * mu * ratio**3 / (4 * math.sqrt(34)), gamma / (2 * constants.q_max))
    return StepSizes(alpha=alpha, beta=beta, eta=alpha * mu * constants.q_min * ratio**3 / 52, gamma=gamma)


def gradient_floor(sigma: float, constants: PopulationConstants, *, mu: float) -> float:
    """Return the least C* of Assumption 3.6 that Theorem 3.7 needs, (4 sqrt(2) sigma / mu) (q_max/q_min)^(3/2).

    Parameters
    ----------
    sigma
        Standard deviation of the gradient's noise, >= 0.
    constants
        q_min and q_max of the responses, q_min > 0.
    mu
        Modulus of strong convexity of the objective, > 0.

    Returns
    -------
    float
        Lower limit of E|df/dw_d| for every weight d.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Examples
    --------
    >>> import dsptrack as dt
    >>> constants = dt.theory.PopulationConstants(q_min=1, q_max=1, mu_q=1, L_q=1)
    >>> round(gradient_floor(1.0, constants, mu=1), 4)
    5.6569
    """
    number("q_min", checked(constants).q_min, above=0)
    scale = 4 * math.sqrt(2) * number("sigma", sigma, low=0) / number("mu", mu, above=0)
    return scale * float(constants.kappa_2**1.5)
