"""Acceptance limits: Kolmogorov-Smirnov at the 0.001 level, moments at five standard errors.

Every test seeds its streams, so a sample that passed once passes for ever.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as sps

Floats = NDArray[np.float64]
SIGMAS = 5.0
KS_FACTOR = 1.95


def assert_z(z: ArrayLike, what: str = "z") -> None:
    """All standardised deviations lie within five standard errors."""
    worst = float(np.max(np.abs(np.asarray(z, dtype=np.float64))))
    assert worst <= SIGMAS, f"{what}: {worst:.2f} standard errors away"


def _floats(sample: ArrayLike) -> Floats:
    return np.asarray(sample, dtype=np.float64).ravel()


def assert_ks(sample: ArrayLike, cdf: Callable[[Floats], Floats], what: str = "sample") -> None:
    """One-sample test of an independent sample against a continuous distribution function."""
    values = np.sort(_floats(sample))
    n = values.size
    f = cdf(values)
    distance = max(float(np.max(f - np.arange(n) / n)), float(np.max(np.arange(1, n + 1) / n - f)))
    assert distance <= KS_FACTOR / np.sqrt(n), f"{what}: KS distance {distance:.5f} > {KS_FACTOR / np.sqrt(n):.5f}"


def assert_ks_two(first: ArrayLike, second: ArrayLike, what: str = "samples") -> None:
    """Two-sample test; atoms (cells sitting on a bound) only make it more lenient."""
    a, b = np.sort(_floats(first)), np.sort(_floats(second))
    everything = np.concatenate([a, b])
    f = np.searchsorted(a, everything, side="right") / a.size
    g = np.searchsorted(b, everything, side="right") / b.size
    distance = float(np.max(np.abs(f - g)))
    limit = KS_FACTOR * np.sqrt(1 / a.size + 1 / b.size)
    assert distance <= limit, f"{what}: two-sample KS distance {distance:.5f} > {limit:.5f}"


def assert_normal(sample: ArrayLike, mean: float, std: float, what: str = "sample") -> None:
    """Independent draws from N(mean, std^2): shape by KS, mean and standard deviation at five sigma."""
    values = (_floats(sample) - mean) / std
    assert_ks(values, sps.norm.cdf, what)
    assert_z(values.mean() * np.sqrt(values.size), f"{what}: mean")
    assert_z((values.std() - 1) * np.sqrt(2 * values.size), f"{what}: standard deviation")


def assert_uniform(sample: ArrayLike, low: float, high: float, what: str = "sample") -> None:
    """Independent draws, uniform on [low, high]."""
    values = _floats(sample)
    assert values.min() >= low
    assert values.max() <= high
    assert_ks(values, lambda v: (v - low) / (high - low), what)


def assert_mean(sample: ArrayLike, expected: ArrayLike, what: str = "mean", axis: int = 0, slack: float = 0.0) -> None:
    """The mean over ``axis`` is ``expected``; the standard error is the sample's own. ``slack`` covers float32."""
    values = np.asarray(sample, dtype=np.float64)
    error = np.std(values, axis=axis, ddof=1) / np.sqrt(values.shape[axis])
    excess = np.abs(np.mean(values, axis=axis) - expected)
    bad = excess > SIGMAS * error + slack
    assert not np.any(bad), f"{what}: off by {np.max(excess):.4g}, standard error {np.max(error):.4g}"


def assert_covariance(
    first: ArrayLike,
    second: ArrayLike,
    means: tuple[Floats | float, Floats | float],
    expected: ArrayLike,
    what: str = "covariance",
) -> None:
    """Covariance over axis 0 about the exact means (pass one sample twice for a variance)."""
    products = (np.asarray(first, np.float64) - means[0]) * (np.asarray(second, np.float64) - means[1])
    assert_mean(products, expected, what, slack=1e-12)


def assert_fraction(hits: ArrayLike, probability: float, what: str = "fraction") -> None:
    """A count of independent yes/no events has the given probability."""
    flags = np.asarray(hits, dtype=bool).ravel()
    error = np.sqrt(probability * (1 - probability) / flags.size)
    assert_z((flags.mean() - probability) / error, what)


def assert_binomial(count: ArrayLike, trials: ArrayLike, probability: ArrayLike, what: str = "count") -> None:
    """Exact tails, for rare events as well: neither is less likely than five sigma of a normal."""
    tail = np.minimum(
        sps.binom.cdf(count, trials, probability), sps.binom.sf(np.asarray(count) - 1, trials, probability)
    )
    worst = float(np.min(tail))
    assert worst >= sps.norm.sf(SIGMAS), f"{what}: tail probability {worst:.2g}"


def assert_uncorrelated(first: ArrayLike, second: ArrayLike, what: str = "correlation") -> None:
    """Two independent samples, paired."""
    a, b = _floats(first), _floats(second)
    assert_z(np.corrcoef(a, b)[0, 1] * np.sqrt(a.size), what)
