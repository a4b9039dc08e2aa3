"""Where analog SGD ends up: the drift of noisy gradients, and the regularised optimum of (4)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack._checks import doubles, number
from dsptrack.exceptions import ConfigError, ShapeError

Floats = NDArray[np.float64]

_ERF = np.vectorize(math.erf, otypes=[np.float64])


def expected_magnitude(gradient: ArrayLike, sigma: float) -> Floats:
    """Return E|g + sigma xi| for a standard normal xi.

        E|g + sigma xi| = sigma sqrt(2/pi) exp(-g^2 / (2 sigma^2)) + g erf(g / (sigma sqrt 2))

    Parameters
    ----------
    gradient
        Mean gradients g, any shape.
    sigma
        Standard deviation of their noise, >= 0.

    Returns
    -------
    ndarray
        float64, of the shape of `gradient`: |g| for sigma = 0, sigma sqrt(2/pi) for g = 0.

    Raises
    ------
    ConfigError, NonFiniteError
        If an argument is out of range or not finite.

    Examples
    --------
    >>> expected_magnitude([0.0, 3.0], 1.0).round(4)
    array([0.7979, 3.0008])
    """
    g, sigma = doubles("gradient", gradient), number("sigma", sigma, low=0)
    if sigma == 0:
        return np.abs(g)
    ratio = g / sigma
    return np.asarray(sigma * math.sqrt(2 / math.pi) * np.exp(-(ratio**2) / 2) + g * _ERF(ratio / math.sqrt(2)))


def analog_sgd_drift(gradient: ArrayLike, sigma: float, symmetric: ArrayLike, asymmetric: ArrayLike) -> Floats:
    """Return analog SGD's expected step over alpha, -(g F + E|g + sigma xi| G); it ends where this is 0.

    Parameters
    ----------
    gradient
        Mean gradients g at the present weights.
    sigma
        Standard deviation of their normal noise, >= 0.
    symmetric, asymmetric
        F and G at the present weights, of the shape of `gradient`.

    Returns
    -------
    ndarray
        float64, of the shape of `gradient`.

    Raises
    ------
    ConfigError, NonFiniteError
        If an argument is out of range or not finite.

    Notes
    -----
    The mean of (2) with the increment -alpha (g + sigma xi).

    Examples
    --------
    >>> analog_sgd_drift([0.0, 1.0], 1.0, [1.0, 1.0], [0.1, 0.0]).round(4)
    array([-0.0798, -1.    ])
    """
    g = doubles("gradient", gradient)
    drag = expected_magnitude(g, sigma) * doubles("asymmetric", asymmetric)
    return np.asarray(-(g * doubles("symmetric", symmetric) + drag))


def analog_sgd_penalty(sigma: float, slope: ArrayLike, symmetric: ArrayLike = 1.0) -> Floats:
    """Return rho, with which analog SGD minimises f(W) + sum_d rho_d (w_d - w◇_d)^2.

        rho = sigma G' / (sqrt(2 pi) F)

    Parameters
    ----------
    sigma
        Standard deviation of the gradients' normal noise, >= 0.
    slope
        G', per weight unit, see `asymmetry_slope`.
    symmetric
        F at the symmetric point.

    Returns
    -------
    ndarray
        float64, of the shape of `slope` and `symmetric` together.

    Raises
    ------
    ConfigError, NonFiniteError
        If an argument is out of range or not finite.

    Notes
    -----
    What stands in (4) as Theta(sigma^2): where |g| << sigma, the drift of `analog_sgd_drift` with F constant and
    G = G' (w - w◇) is minus the gradient of this sum, times F. For whole-array increments the weight grows with sigma
    and not with its square; docs/theory.md shows it measured.

    Examples
    --------
    >>> float(analog_sgd_penalty(0.5, 1.0).round(4))
    0.1995
    """
    factor = number("sigma", sigma, low=0) / math.sqrt(2 * math.pi)
    return np.asarray(factor * doubles("slope", slope) / doubles("symmetric", symmetric))


def regularised_optimum(
    hessian: ArrayLike, optimum: ArrayLike, symmetric_point: ArrayLike, penalty: ArrayLike
) -> Floats:
    """Return the minimum of (w - w*)^T A (w - w*) / 2 + sum_d rho_d (w_d - w◇_d)^2.

        w = (A + 2 diag rho)^-1 (A w* + 2 rho w◇)

    Parameters
    ----------
    hessian
        A, symmetric and positive semi-definite, (n, n).
    optimum, symmetric_point, penalty
        w*, w◇ and rho > 0, (n,) each; rho may be one number.

    Returns
    -------
    ndarray
        float64 (n,): where analog SGD ends up on this quadratic according to (4).

    Raises
    ------
    ShapeError, NonFiniteError
        If the shapes do not fit or an array is not finite.
    ConfigError
        If there is no single minimum.

    Examples
    --------
    >>> regularised_optimum([[1.0]], [0.4], [0.0], 0.5)
    array([0.2])
    """
    a, best, point = (
        doubles("hessian", hessian),
        doubles("optimum", optimum),
        doubles("symmetric_point", symmetric_point),
    )
    if best.ndim != 1 or point.shape != best.shape or a.shape != (best.size, best.size):
        shapes = f"{a.shape}, {best.shape}, {point.shape}"
        raise ShapeError(f"hessian, optimum, symmetric_point have shapes {shapes}: must be (n, n), (n,), (n,)")
    weight = np.broadcast_to(2 * doubles("penalty", penalty), best.shape)
    try:
        return np.asarray(np.linalg.solve(a + np.diag(weight), a @ best + weight * point))
    except np.linalg.LinAlgError:
        raise ConfigError("hessian + 2 diag(penalty) is singular: must be positive definite") from None
