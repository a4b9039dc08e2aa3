"""Fits of a model's cells to traces: steps by weighted least squares, noise by likelihood, in turns."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

from dsptrack.exceptions import DataError

from .models import DIRECTIONS, Ground, Response
from .prediction import Filter, Noise, Predict, Steps
from .solve import Errors, Information, derivatives, solve
from .traces import FEWEST, Traces, likewise

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Most turns of steps and noise, and the relative change that ends them.
_TURNS, _DONE = 8, 1e-4
# Reads that a running mean takes together, for starts only.
_WINDOW = 7
# A bound known no better than this share of the range was not reached.
_VAGUE = 0.05
# A cut at a bound must be this much more likely, in natural logarithms, than none.
_CLEARLY = 5.0


@dataclass(frozen=True, eq=False)
class CellFit:
    """A model's cells as fitted: solver parameters with their uncertainties, noise, and what is left over."""

    model: Response
    ground: Ground
    u: Floats
    phi: Floats
    # Bounds that pulses reached or that the steps tell, (cells, 2).
    known: Flags
    # Covariances (cells, own, own), how own errors follow the shared ones (cells, own, shared), and the shared ones.
    covariance: Floats
    follows: Floats
    shared: Floats
    noise: Noise
    # Standard errors of both variances of the noise.
    noise_error: tuple[float, float]
    # Standardised residuals (cells, pulses), NaN where a pulse tells nothing.
    residuals: Floats
    log_likelihood: float
    # Variance of what reads add beyond the read noise that was told: write noise.
    written: float = 0.0


def fit_cells(
    traces: Traces, model: Response, *, additive: bool, nodes: int, read: float, write_noise: bool
) -> CellFit:
    """Fit one model with one kind of cycle noise; `read` is the standard deviation of read noise in weight units."""
    if read > 0 or write_noise:
        return _through_reads(traces, model, additive, nodes, read, write_noise)
    return _from_states(traces, model, additive, nodes)


def _from_states(traces: Traces, model: Response, additive: bool, nodes: int) -> CellFit:
    """Fit where reads are the states: a regression of every pulse's step on the read before it."""
    end, reached = traces.ends(), traces.reached()
    free = traces.free()
    _enough(traces, free)
    up = traces.polarity > 0
    position, step = traces.polarity * traces.before, traces.polarity * (traces.after - traces.before)
    ground = _ground(traces, position, step, free, end, reached, 0.01 * end.sum(axis=1), nodes)
    predict = Steps.of(traces, model, ground)
    u, phi = model.start(ground, position, step, up, free.astype(np.float64))
    fitted = np.ones(u.shape, dtype=bool)
    fitted[..., model.bound_at] = told = model.tells_bounds(reached)
    # Weights first: those of the noise at the last steps, whatever its size.
    unit = Noise(1.0, 0.0, additive)
    for _ in range(_TURNS):
        before = predict(u, phi, unit)[1]
        u, phi = solve(_weighted(predict, unit, free / np.sqrt(before)), u, phi, fitted)
        if np.max(np.abs(predict(u, phi, unit)[1] / before - 1)) < _DONE:
            break
    known = reached | told
    error, source = predict(u, phi, unit)
    rounding = np.broadcast_to(predict.rounding, free.shape)
    most_likely = _cycle_variance(error[free], np.sqrt(source)[free], rounding[free])
    result = _described(predict, model, ground, u, phi, fitted, known, Noise(most_likely, 0.0, additive), free)
    cycle, vague = _unbiased(result, predict, fitted)
    result = _described(predict, model, ground, u, phi, fitted, known, Noise(cycle, 0.0, additive), free)
    error, variance = predict(u, phi, Noise(most_likely, 0.0, additive))
    likelihood = -0.5 * float(np.sum((error**2 / variance + np.log(2 * np.pi * variance))[free]))
    return replace(result, noise_error=(vague, 0.0), log_likelihood=likelihood)


def _unbiased(fit: CellFit, predict: Steps, fitted: Flags) -> tuple[float, float]:
    """Return the variance of the cycle noise without the bias of fitted steps, and its standard error.

    A fitted step is off by some variance of its own: residuals are smaller by it, and squares of fitted steps larger.
    """
    free, additive = predict.free, fit.noise.additive
    mean, source = predict.steps(fit.u, fit.phi, additive)

    def variance(of: int) -> tuple[Floats, Floats, Floats]:
        _, own, shared = derivatives(lambda u, phi: predict.steps(u, phi, additive)[of], fit.u, fit.phi, fitted)
        common = own @ fit.follows + shared
        by_own = np.einsum("cki,cij,ckj->ck", own, fit.covariance, own)
        return by_own + np.einsum("ckq,qr,ckr->ck", common, fit.shared, common), own, common

    off, _, _ = variance(0)
    larger, own, common = variance(1)
    square = (source**2)[free]
    left = np.sum(((predict.step - mean) ** 2 + off - predict.rounding**2)[free])
    scale = square.sum() - larger[free].sum()
    if scale < 0.5 * square.sum():
        scale = square.sum()
    cycle = max(float(left / scale), 0.0)
    # Relative errors of both sums.
    weight = 2 * source * free
    by_own = np.einsum("ck,cki->ci", weight, own)
    by_shared = np.einsum("ck,ckq->q", weight, common)
    steps = np.einsum("ci,cij,cj->", by_own, fit.covariance, by_own) + by_shared @ fit.shared @ by_shared
    rounding = np.sum((predict.rounding**2 + 0 * source)[free]) / scale
    return cycle, float(np.hypot(cycle, rounding) * np.sqrt(2 * np.sum(square**2) + steps) / scale)


def _through_reads(
    traces: Traces, model: Response, additive: bool, nodes: int, read: float, write_noise: bool
) -> CellFit:
    """Fit where reads are noisy: predictions by a Kalman filter."""
    up, pulses = traces.polarity > 0, traces.pulses
    state = _smooth(traces)
    position, step = traces.polarity * state[:, :-1], traces.polarity * (traces.after - traces.before)
    guess = _first_noise(traces, step, read, write_noise)
    deviation = np.sqrt(guess.read)
    # Without padding, which repeats the last state, ends are those of the smoothed trace.
    end = np.stack([state.max(axis=1), -state.min(axis=1)], axis=1)
    reach = 3 * deviation + 0.01 * end.sum(axis=1)
    none = np.zeros(end.shape, dtype=bool)
    ground = _ground(traces, position, step, pulses, end, none, reach, nodes)
    predict = Filter(model, ground, traces, ~none)
    u, phi = model.start(ground, position, step, up, pulses.astype(np.float64))
    known, fitted = ~none, np.ones(u.shape, dtype=bool)
    noise = replace(guess, additive=additive)
    if model.soft:
        predict, u, phi, noise = _cutting(predict, u, phi, noise, fitted, read, write_noise)
    u, phi, noise = _turns(predict, u, phi, noise, fitted, read, write_noise)
    if not model.soft:
        # A bound that cut no pulse, or hardly one, is not known: the trace's end stands for it.
        place = np.arange(2) * model.size + model.bound_at
        found = _described(predict, model, ground, u, phi, fitted, known, noise, pulses)
        vague = np.sqrt(found.covariance[:, place, place])
        at = u[..., model.bound_at]
        known = (vague < np.minimum(_VAGUE * ground.span, 2 * deviation)) & (at < end + 4 * deviation)
        if not known.all():
            u[..., model.bound_at], fitted[..., model.bound_at] = np.where(known, at, end), known
            predict = replace(predict, cuts=known)
            u, phi, noise = _turns(predict, u, phi, noise, fitted, read, write_noise)
    result = _described(predict, model, ground, u, phi, fitted, known, noise, pulses)
    error, variance = predict(u, phi, noise)
    likelihood = -0.5 * float(np.sum((error**2 / variance + np.log(2 * np.pi * variance))[pulses]))
    errors = _noise_errors(predict, u, phi, noise, write_noise, pulses)
    written = max(float(noise.read) - read**2, 0.0)
    return replace(result, noise_error=errors, log_likelihood=likelihood, written=written)


def _turns(
    predict: Filter, u: Floats, phi: Floats, noise: Noise, fitted: Flags, read: float, write_noise: bool
) -> tuple[Floats, Floats, Noise]:
    """Return steps and noise, each for the other's last value, in turns until neither changes."""
    pulses = predict.traces.pulses
    for _ in range(_TURNS):
        weight = pulses / np.sqrt(predict(u, phi, noise)[1])
        u, phi = solve(_weighted(predict, noise, weight), u, phi, fitted)
        before, noise = noise, _likely_noise(predict, u, phi, noise, read, write_noise, pulses)
        if np.allclose(noise.cycle, before.cycle, rtol=1e-2) and np.allclose(noise.read, before.read, rtol=1e-2):
            break
    return u, phi, noise


def _cutting(
    predict: Filter, u: Floats, phi: Floats, noise: Noise, fitted: Flags, read: float, write_noise: bool
) -> tuple[Filter, Floats, Floats, Noise]:
    """Return predictions with the bounds that clearly cut, for models whose steps tell bounds anyway; and starts.

    A cut where the reads happen to end can be a narrow optimum; it must not outdo what the steps tell by chance.
    """
    without = replace(predict, cuts=np.zeros_like(predict.cuts))
    u, phi, noise = _turns(without, u, phi, noise, fitted, read, write_noise)
    cut_u, _, cut_noise = _turns(predict, u, phi, noise, fitted, read, write_noise)
    gains = []
    for sign in (1, -1):
        at = predict.traces.polarity == sign
        likely = [
            np.sum(np.where(at, error**2 / variance + np.log(variance), 0.0), axis=1)
            for error, variance in (without(u, phi, noise), predict(cut_u, phi, cut_noise))
        ]
        gains.append((likely[0] - likely[1]) / 2)
    cuts = np.stack(gains, axis=1) > _CLEARLY
    return replace(predict, cuts=cuts), np.where(cuts[..., None], cut_u, u), phi, cut_noise if cuts.any() else noise


def _weighted(predict: Predict, noise: Noise, weight: Floats) -> Errors:
    """Return errors of prediction with weights that stay as they are."""
    return lambda u, phi: predict(u, phi, noise)[0] * weight


def _enough(traces: Traces, free: Flags) -> None:
    moved = np.abs(traces.after - traces.before) > 4 * traces.rounding[:, None]
    for direction, word in enumerate(DIRECTIONS):
        at = free & (traces.polarity == 1 - 2 * direction)
        found = np.sum(at, axis=1)
        few = np.flatnonzero(found < FEWEST)
        if few.size:
            raise DataError(
                f"cell {traces.cell[few[0]]} has {found[few[0]]} {word} pulses that start clear of the range's end:"
                f" must have at least {FEWEST}{likewise(traces.cell[few])}"
            )
        still = np.flatnonzero(~np.any(at & moved, axis=1))
        if still.size:
            raise DataError(
                f"cell {traces.cell[still[0]]}: no {word} pulse that starts clear of the range's end moves it"
                f"{likewise(traces.cell[still])}"
            )


def _ground(
    traces: Traces, position: Floats, step: Floats, used: Flags, end: Floats, reached: Flags, reach: Floats, nodes: int
) -> Ground:
    """Return what the traces say before any model: a straight line through the steps of every cell and direction."""
    lines = []
    for direction in (0, 1):
        at = used & (traces.polarity == 1 - 2 * direction)
        count = at.sum(axis=1)
        x0, y0 = ((at * values).sum(axis=1) / count for values in (position, step))
        x = at * (position - x0[:, None])
        square = (x * x).sum(axis=1)
        slope = np.where(square > 0, (x * step).sum(axis=1) / np.where(square > 0, square, 1.0), 0.0)
        lines.append((y0 - slope * x0, slope))
    (up, up_slope), (down, down_slope) = lines
    return Ground(
        end=end,
        reached=reached,
        anchor=end - reach[:, None],
        step=np.stack([up, down], axis=1),
        slope=np.stack([up_slope, down_slope], axis=1),
        cell=traces.cell,
        nodes=nodes,
    )


def _described(
    predict: Predict,
    model: Response,
    ground: Ground,
    u: Floats,
    phi: Floats,
    fitted: Flags,
    known: Flags,
    noise: Noise,
    used: Flags,
) -> CellFit:
    """Return the fit with uncertainties and residuals."""
    error, variance = predict(u, phi, noise)
    _, by_own, by_shared = derivatives(_weighted(predict, noise, used / np.sqrt(variance)), u, phi, fitted)
    covariance, follows, shared = Information.of(by_own, by_shared).covariances()
    fixed = ~fitted.reshape(len(u), -1)
    covariance[fixed[:, :, None] | fixed[:, None, :]] = 0.0
    follows[fixed] = 0.0
    return CellFit(
        model=model,
        ground=ground,
        u=u,
        phi=phi,
        known=known,
        covariance=covariance,
        follows=follows,
        shared=shared,
        noise=noise,
        noise_error=(0.0, 0.0),
        residuals=np.where(used, error / np.sqrt(variance), np.nan),
        log_likelihood=0.0,
    )


def _cycle_variance(error: Floats, scale: Floats, rounding: Floats) -> float:
    """Return the most likely v of errors with variances v scale^2 + rounding^2; 0 where rounding explains them."""

    def slope(v: float) -> float:
        variance = v * scale**2 + rounding**2
        return float(np.sum(scale**2 * (error**2 - variance) / variance**2))

    highest = float(np.max(error**2 / scale**2))
    if highest == 0 or slope(0.0) <= 0:
        return 0.0
    return float(brentq(slope, 0.0, 2 * highest, xtol=1e-300, rtol=1e-10))


def _smooth(traces: Traces) -> Floats:
    """Return running means of the reads (cells, pulses + 1), for a start: less noise, corners a little round."""
    reads = np.concatenate([traces.before[:, :1], traces.after], axis=1)
    half = _WINDOW // 2
    padded = np.pad(reads, ((0, 0), (half, half)), mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, _WINDOW, axis=1).mean(axis=2))


def _first_noise(traces: Traces, step: Floats, read: float, write_noise: bool) -> Noise:
    """Return noise to start from: what successive steps share with the opposite sign is in the reads."""
    pulses = traces.pulses
    rough = np.where(pulses, step - _local_mean(step, traces.polarity), 0.0)
    pairs = pulses[:, 1:] & (traces.polarity[:, 1:] == traces.polarity[:, :-1])
    total = float(np.sum(rough**2) / np.sum(pulses))
    common = -float(np.sum(rough[:, 1:] * rough[:, :-1] * pairs) / max(np.sum(pairs), 1))
    least = read**2 + (0.05 * total if write_noise else 0.0)
    reads = max(common, least) if write_noise else least
    usual = float(np.sum(np.abs(np.where(pulses, step, 0.0)))) / np.sum(pulses)
    return Noise(max(total - 2 * reads, 0.05 * total) / usual**2, reads, additive=False)


def _local_mean(step: Floats, polarity: NDArray[np.int8]) -> Floats:
    """Return the mean step of each cell and direction at every pulse."""
    mean = np.zeros_like(step)
    for sign in (1, -1):
        at = polarity == sign
        mean += at * ((at * step).sum(axis=1) / at.sum(axis=1))[:, None]
    return mean


def _many(noise: Noise, step: float) -> tuple[Noise, tuple[float, float]]:
    """Return the noise three times: as it is, with more cycle noise, and with more read noise; and how much more."""
    more = (step * (float(noise.cycle) + 1e-3), step * (float(noise.read) + 1e-12))
    cycle, read = np.full(3, noise.cycle), np.full(3, noise.read)
    cycle[1] += more[0]
    read[2] += more[1]
    return Noise(cycle, read, noise.additive), more


def _likely_noise(
    predict: Predict, u: Floats, phi: Floats, noise: Noise, read: float, write_noise: bool, used: Flags
) -> Noise:
    """Return the most likely noise for these steps; what reads add is the read noise, or more with write noise."""
    unit = (float(noise.cycle) + 1e-6, float(noise.read))

    def loss(z: Floats) -> tuple[float, Floats]:
        many, more = _many(Noise(z[0] * unit[0], z[1] * unit[1], noise.additive), 1e-5)
        error, variance = predict(u, phi, many)
        values = 0.5 * np.sum(np.where(used, error**2 / variance + np.log(variance), 0.0), axis=(1, 2))
        return float(values[0]), (values[1:] - values[0]) / np.array(more) * np.array(unit)

    floor = read**2 / unit[1]
    limits = [(0.0, None), (max(floor, 1e-9), None if write_noise else floor)]
    start = np.array([float(noise.cycle) / unit[0], 1.0])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 30, "ftol": 1e-9})
    return Noise(float(found.x[0]) * unit[0], float(found.x[1]) * unit[1], noise.additive)


def _noise_errors(
    predict: Predict, u: Floats, phi: Floats, noise: Noise, write_noise: bool, used: Flags
) -> tuple[float, float]:
    """Return the standard errors of both variances, from the Fisher information of normal errors of prediction."""
    many, more = _many(noise, 1e-4)
    error, variance = predict(u, phi, many)
    by_mean = [((error[k] - error[0]) / more[k - 1] / np.sqrt(variance[0]))[used] for k in (1, 2)]
    by_variance = [((variance[k] - variance[0]) / more[k - 1] / variance[0])[used] for k in (1, 2)]
    information = np.array(
        [[np.sum(by_mean[i] * by_mean[j] + by_variance[i] * by_variance[j] / 2) for j in (0, 1)] for i in (0, 1)]
    )
    if not write_noise:
        return float(1 / np.sqrt(information[0, 0])), 0.0
    cycle, reads = np.sqrt(np.diagonal(np.linalg.inv(information))).tolist()
    return cycle, reads
