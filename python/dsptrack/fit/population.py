"""From cells to a population: means and spreads, with the cells' own errors subtracted from the spreads.

Values x_i with errors e_i of their own follow N(m, t^2 + e_i^2). The spread t solves sum (x_i - m)^2/(t^2 + e_i^2) =
n - 1 with the mean weighted by 1/(t^2 + e_i^2) (Paule and Mandel 1982). Standard errors are half-widths of 68 %
intervals: of the mean by Student's t, of the spread by where that sum meets the 16 % point of chi-square (Viechtbauer
2007), the wider side. With few cells they are wide, as they must be.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq, minimize

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LOW, _HIGH = stats.norm.cdf([-1.0, 1.0]).tolist()
# A log-normal law must be this much more likely, in natural logarithms, than the normal one.
_CLEARLY = 3.0


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over cells, and their standard errors; NaN where nothing is known of them."""

    mean: float
    error: float
    std: float
    std_error: float


def spread(values: Floats, errors: Floats, common: float = 0.0) -> Spread:
    """Return mean and spread of cells; `common` is the variance that the errors of all cells share."""
    freedom = values.size - 1
    if freedom == 0:
        return Spread(float(values[0]), float(np.sqrt(errors[0] ** 2 + common)), 0.0, np.nan)
    # Even exact values are known to rounding only.
    variances = np.maximum(errors**2, (1e-9 * np.max(np.abs(values)) + 1e-300) ** 2)
    largest = float(np.ptp(values)) ** 2

    def excess(square: float, wanted: float) -> float:
        weights = 1 / (square + variances)
        mean = np.sum(weights * values) / np.sum(weights)
        return float(np.sum(weights * (values - mean) ** 2)) - wanted

    def root(wanted: float) -> float:
        top = largest
        if excess(0.0, wanted) <= 0:
            return 0.0
        while excess(top, wanted) > 0:
            top *= 4
        return float(brentq(excess, 0.0, top, args=(wanted,), xtol=1e-300, rtol=1e-9))

    square = root(freedom)
    weights = 1 / (square + variances)
    mean = float(np.sum(weights * values) / np.sum(weights))
    student = stats.t.ppf(_HIGH, freedom)
    error = float(np.sqrt(student**2 / np.sum(weights) + common))
    std = float(np.sqrt(square))
    wide = np.sqrt(root(stats.chi2.ppf(_LOW, freedom))) - std
    # The same width from the errors alone, where a spread of 0 explains the values too well.
    if square == 0:
        wide = max(wide, float(np.sqrt(np.sqrt(2 / np.sum(weights**2)))))
    return Spread(mean, error, std, float(wide))


def bounded(values: Floats, errors: Floats, known: Flags) -> Spread:
    """Return mean and spread of bounds, of which those that are not `known` lie beyond their values."""
    if not known.any():
        return Spread(float(np.mean(values)), np.nan, 0.0, np.nan)
    if known.all():
        return spread(values, errors)
    first = spread(values[known], errors[known])
    if known.sum() == 1:
        # One bound, and others beyond some value, tell neither a spread nor how far the one is from the mean, which is
        # beyond the mean of all values.
        return Spread(max(first.mean, float(np.mean(values))), np.nan, 0.0, np.nan)
    unit = max(first.std, 0.05 * abs(first.mean))

    def loss(z: Floats) -> float:
        deviation = np.sqrt((unit * z[1]) ** 2 + errors**2) + 1e-9 * unit
        standard = (values - first.mean - unit * z[0]) / deviation
        found = np.where(known, stats.norm.logpdf(standard) - np.log(deviation), stats.norm.logsf(standard))
        return -float(np.sum(found))

    limits = [(-50.0, 50.0), (1e-3, 50.0)]
    z = minimize(loss, np.array([0.0, 1.0]), method="L-BFGS-B", bounds=limits).x
    freedom = int(known.sum()) - 1
    std = unit * float(z[1])
    # As many cells as reached their bound decide about errors; the others only help.
    error = std / np.sqrt(known.sum()) * stats.t.ppf(_HIGH, freedom)
    wide = std * (np.sqrt(freedom / stats.chi2.ppf(_LOW, freedom)) - 1)
    return Spread(first.mean + unit * float(z[0]), float(error), std, float(wide))


@dataclass(frozen=True)
class Pair:
    """Law of two quantities that share a gain, (m (G + min(d, 0) + r), m (G - max(d, 0) - r)), as steps do.

    Values and standard errors of m (mean), the relative spread of G, d (difference) and the spread of r.
    """

    mean: float
    spread: float
    difference: float
    difference_spread: float
    errors: tuple[float, float, float, float]
    log_normal: bool


def pair(
    middle: tuple[Floats, Floats, float], difference: tuple[Floats, Floats, float], *, may_be_log_normal: bool
) -> Pair:
    """Return the law from the cells' means of both quantities and their differences.

    Each is values, errors, and the variance that all errors share.
    """
    apart = spread(*difference)
    # m G of every cell.
    gains = middle[0] + abs(apart.mean) / 2
    gain = spread(gains, middle[1], middle[2])
    log_normal = may_be_log_normal and gains.size > 2 and bool(np.all(gains > 0)) and _is_log_normal(gains, middle[1])
    if log_normal:
        logs = spread(np.log(gains), middle[1] / gains, middle[2] / gain.mean**2)
        gain = Spread(
            float(np.exp(logs.mean)), float(np.exp(logs.mean)) * logs.error, float(np.exp(logs.mean)) * logs.std, np.nan
        )
        relative, relative_error = logs.std, logs.std_error
    else:
        relative = gain.std / gain.mean
        relative_error = float(np.hypot(gain.std_error / gain.mean, relative * gain.error / gain.mean))
    mean_error = float(np.hypot(gain.error, apart.error / 2))
    shift, shift_spread = apart.mean / gain.mean, apart.std / (2 * gain.mean)
    return Pair(
        mean=gain.mean,
        spread=relative,
        difference=shift,
        difference_spread=shift_spread,
        errors=(
            mean_error,
            relative_error,
            float(np.hypot(apart.error, shift * gain.error) / gain.mean),
            float(np.hypot(apart.std_error / 2, shift_spread * gain.error) / gain.mean),
        ),
        log_normal=log_normal,
    )


def _is_log_normal(values: Floats, errors: Floats) -> bool:
    """Return whether a log-normal law is clearly more likely than a normal one."""
    likely = []
    for x, e, jacobian in ((values, errors, 0.0), (np.log(values), errors / values, -float(np.sum(np.log(values))))):
        found = spread(x, e)
        deviation = np.sqrt(found.std**2 + e**2) + 1e-12 * np.max(np.abs(x)) + 1e-300
        likely.append(float(np.sum(stats.norm.logpdf((x - found.mean) / deviation) - np.log(deviation))) + jacobian)
    return likely[1] > likely[0] + _CLEARLY


def root_error(square: float, error: float) -> float:
    """Return the standard error of a root from that of its square; finite where the square is 0."""
    return float(np.sqrt(max(square, 0.0) + error) - np.sqrt(max(square, 0.0)))
