"""What RIDER reaches and costs: the metric (14), Theorem 3.7 and Corollary 3.9."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack._checks import doubles, number, whole
from dsptrack.exceptions import ShapeError

from .constants import PopulationConstants, checked

Floats = NDArray[np.float64]


def convergence_metric(
    weights: ArrayLike,
    optimum: ArrayLike,
    p: ArrayLike,
    q: ArrayLike,
    asymmetry: ArrayLike,
    *,
    residual: float = 1.0,
    drift: float = 1.0,
) -> float:
    """Return one step's share of E_K, |W - W*|^2 + a |P - Q|^2 + b |G_p(P)|^2; E_K is its mean over the steps.

    Parameters
    ----------
    weights, optimum
        W_k and W*, arrays of one shape, weight units.
    p, q, asymmetry
        P_k, Q_k and G_p(P_k), of the same shape.
    residual, drift
        a and b, >= 0: the paper gives their order only, O(1).

    Returns
    -------
    float
        Summed over all cells.

    Raises
    ------
    ConfigError, ShapeError, NonFiniteError
        If a factor is out of range, the shapes differ, or an array is not finite.

    Notes
    -----
    Equation (14).

    Examples
    --------
    >>> round(convergence_metric([0.3], [0.0], [0.2], [0.1], [0.1]), 4)
    0.11
    """
    arrays = [doubles(*pair) for pair in (("weights", weights), ("optimum", optimum), ("p", p), ("q", q))]
    w, best, fast, average, g = *arrays, doubles("asymmetry", asymmetry)
    if not w.shape == best.shape == fast.shape == average.shape == g.shape:
        raise ShapeError(f"the arrays have shapes {[x.shape for x in (w, best, fast, average, g)]}: must be equal")
    a, b = number("residual", residual, low=0), number("drift", drift, low=0)
    return float(np.sum((w - best) ** 2) + a * np.sum((fast - average) ** 2) + b * np.sum(g**2))


def rider_error_order(
    steps: int, constants: PopulationConstants, *, kappa_1: float, dw_min: float, rate: float = 1.0, floor: float = 1.0
) -> float:
    """Return the order of E_K after K steps of RIDER, rate kappa_1 kappa_2^5 / sqrt(K) + floor dw_min.

    Parameters
    ----------
    steps
        K >= 1.
    constants
        q_min and q_max of the responses, q_min > 0.
    kappa_1
        Condition number L/mu of the objective, >= 1.
    dw_min
        Response granularity, weight units, > 0.
    rate, floor
        The factors that the theorem leaves open, >= 0: fit them to a run.

    Returns
    -------
    float
        An order of magnitude, no bound, until the factors are known.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Notes
    -----
    Theorem 3.7, for alpha = Theta(1/sqrt(K)).

    Examples
    --------
    >>> import dsptrack as dt
    >>> constants = dt.theory.PopulationConstants(q_min=1, q_max=1, mu_q=1, L_q=1)
    >>> rider_error_order(10_000, constants, kappa_1=2, dw_min=0.001)
    0.021
    """
    number("q_min", checked(constants).q_min, above=0)
    factor = number("rate", rate, low=0) * number("kappa_1", kappa_1, low=1) * constants.kappa_2**5
    return factor / math.sqrt(whole("steps", steps, 1)) + number("floor", floor, low=0) * number(
        "dw_min", dw_min, above=0
    )


def rider_balance(
    hessian: ArrayLike,
    optimum: ArrayLike,
    symmetric_point: ArrayLike,
    penalty: ArrayLike,
    *,
    ratio: float,
    weights_0: ArrayLike = 0.0,
    average_0: ArrayLike = 0.0,
) -> tuple[Floats, Floats]:
    """Return (W, Q) where RIDER on a quadratic comes to rest, if the cells of W are ideal.

        W = W_0 + r (Q - Q_0)                    r = beta/eta: (11b) and (12) move both by P - Q
        A (W - W*) = -2 rho (Q - W◇)             no drift of P = Q

    Parameters
    ----------
    hessian
        A of the objective (W - W*)^T A (W - W*) / 2, symmetric and positive semi-definite, (n, n).
    optimum, symmetric_point, penalty
        W*, W◇ of P, and rho > 0 of P's cells (`analog_sgd_penalty`), (n,) each; rho may be one number.
    ratio
        r > 0.
    weights_0, average_0
        W_0 and Q_0, (n,), or one number.

    Returns
    -------
    W, Q : ndarray
        float64 (n,) each.

    Raises
    ------
    ConfigError, ShapeError, NonFiniteError
        If an argument is out of range, the shapes do not fit, or an array is not finite.

    Notes
    -----
    Ours, not the paper's: Theorem 3.7 has no such term. W = W* and Q = W◇ both hold only if
    W* - W_0 = r (W◇ - Q_0); docs/theory.md shows the simulation. rho supposes |g| << sigma, cells of P with F = 1 and
    G = G' (w - w◇).

    Examples
    --------
    >>> w, q = rider_balance([[1.0]], [0.3], [0.3], 0.12, ratio=5.0)
    >>> w.round(3), q.round(3)
    (array([0.355]), array([0.071]))
    """
    r = number("ratio", ratio, above=0)
    a, best, point = (
        doubles("hessian", hessian),
        doubles("optimum", optimum),
        doubles("symmetric_point", symmetric_point),
    )
    if best.ndim != 1 or point.shape != best.shape or a.shape != (best.size, best.size):
        shapes = f"{a.shape}, {best.shape}, {point.shape}"
        raise ShapeError(f"hessian, optimum, symmetric_point have shapes {shapes}: must be (n, n), (n,), (n,)")
    w_0, q_0 = doubles("weights_0", weights_0), doubles("average_0", average_0)
    drag = np.diag(np.broadcast_to(2 * doubles("penalty", penalty), best.shape))
    # Distance of Q from the symmetric point
    off = np.linalg.solve(r * a + drag, a @ (best - w_0 - r * (point - q_0)))
    return np.asarray(w_0 + r * (point + off - q_0)), np.asarray(point + off)


def rider_lock_bound(
    optimum: ArrayLike,
    symmetric_point: ArrayLike,
    *,
    ratio: float,
    weights_0: ArrayLike = 0.0,
    average_0: ArrayLike = 0.0,
    slope: float = 1.0,
    residual: float = 1.0,
    drift: float = 1.0,
) -> float:
    """Return what E_K of RIDER never falls below if the cells of W are ideal, whatever K and the gradients are.

        sum h (r (W◇ - Q_0) - (W* - W_0))^2 / (r^2 + h)        h = a b s^2 / (a + b s^2)

    Parameters
    ----------
    optimum, symmetric_point
        W* and W◇ of P, arrays of one shape, weight units.
    ratio
        r = beta/eta > 0: (11b) and (12) move W by beta (P - Q) and Q by eta (P - Q), so W - W_0 = r (Q - Q_0).
    weights_0, average_0
        W_0 and Q_0, of that shape, or one number.
    slope
        s > 0 with |G(p)| >= s |p - w◇|: mu_q of monotone responses, G' of linear ones.
    residual, drift
        The factors a and b of `convergence_metric`, > 0.

    Returns
    -------
    float
        Summed over all cells; 0 where W* and W◇ can both be reached.

    Raises
    ------
    ConfigError, ShapeError, NonFiniteError
        If an argument is out of range, the shapes differ, or an array is not finite.

    Notes
    -----
    Ours, not the paper's, and for mean field: the rounding of pulses on W loosens the lock. On the line, W and Q given,
    the P that is best has a |P - Q|^2 + b s^2 |P - W◇|^2 = h |Q - W◇|^2; then the best point of the line.

    Examples
    --------
    >>> round(rider_lock_bound([0.3], [0.2], ratio=2.0), 5)
    0.00111
    >>> rider_lock_bound([0.4], [0.2], ratio=2.0)
    0.0
    """
    best, point = doubles("optimum", optimum), doubles("symmetric_point", symmetric_point)
    if best.shape != point.shape:
        raise ShapeError(f"optimum has shape {best.shape}: must have that of symmetric_point, {point.shape}")
    starts = doubles("weights_0", weights_0), doubles("average_0", average_0)
    for name, start in zip(("weights_0", "average_0"), starts, strict=True):
        if start.shape not in ((), best.shape):
            raise ShapeError(f"{name} has shape {start.shape}: must be a number or have shape {best.shape}")
    r, a = number("ratio", ratio, above=0), number("residual", residual, above=0)
    b = number("drift", drift, above=0) * number("slope", slope, above=0) ** 2
    h = a * b / (a + b)
    return float(np.sum(h * (r * (point - starts[1]) - (best - starts[0])) ** 2 / (r**2 + h)))


@dataclass(frozen=True, kw_only=True, slots=True)
class PulseComplexity:
    """Orders of the pulses to a training accuracy, see `pulse_complexity`.

    Parameters
    ----------
    rider
        Of RIDER: training alone.
    two_stage
        Of zero-shifting first and training with its estimate.

    Examples
    --------
    >>> PulseComplexity(rider=100.0, two_stage=300.0).ratio
    3.0
    """

    rider: float
    two_stage: float

    @property
    def ratio(self) -> float:
        """How many times the pulses of RIDER the two-stage method needs."""
        return self.two_stage / self.rider


def pulse_complexity(
    delta: float, dw_min: float, *, training: float = 1.0, calibration: float = 1.0
) -> PulseComplexity:
    """Return the expected orders of the pulses to training accuracy delta.

        RIDER: t / delta^2        two-stage: t / delta^2 + c / (delta dw_min)

    Parameters
    ----------
    delta
        Wanted E_K, > 0; the corollary asks for delta >= Theta(dw_min).
    dw_min
        Response granularity, weight units, > 0.
    training, calibration
        The factors t and c that the corollary leaves open, > 0. For zero-shifting alone
        `zero_shift_asymmetry_pulses` has its constant: c = 2 phi(w_0).

    Returns
    -------
    PulseComplexity
        Both, and their ratio 1 + c delta / (t dw_min).

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Notes
    -----
    Corollary 3.9.

    Examples
    --------
    >>> round(pulse_complexity(0.01, 0.001).ratio, 6)
    11.0
    """
    delta, dw_min = number("delta", delta, above=0), number("dw_min", dw_min, above=0)
    # Divided twice: squares of small numbers may be zero.
    rider = number("training", training, above=0) / delta / delta
    shifting = number("calibration", calibration, above=0) / delta / dw_min
    return PulseComplexity(rider=rider, two_stage=rider + shifting)
