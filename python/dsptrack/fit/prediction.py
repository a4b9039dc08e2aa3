"""Prediction of every read from the reads before it, and how far off it was.

Without read noise and write noise a read is the state, and a prediction is one step from the last read. With them the
state is hidden: a Kalman filter carries its mean and variance from read to read, with the model's slope and, at a
bound, the moments of a normal variable that is cut there. Each returns the errors of prediction and their variances.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from .models import Ground, Response
from .traces import Traces

Floats = NDArray[np.float64]

# Noise of a pulse is taken for no less than that of this share of the cell's usual step: where a response vanishes, a
# few pulses with noise that the model does not know of would otherwise decide everything.
_LEAST = 0.1
# Standard deviations to a bound from which on it cuts nothing.
_CLEAR = 8.0
# ... and beyond it nothing is left; further away the moments would be differences of large numbers.
_FAR = -30.0
_DENSITY = 1 / np.sqrt(2 * np.pi)


@dataclass(frozen=True)
class Noise:
    """Variances: of the cycle noise relative to the step, and of what a read adds to the state (weight units)."""

    cycle: Floats | float
    read: Floats | float
    # Whether cycle noise scales with the step scale in place of the step.
    additive: bool


class Predict(Protocol):
    """Errors of prediction and their variances, (..., cells, pulses), for parameters (..., cells, 2, size)."""

    def __call__(self, u: Floats, phi: Floats, noise: Noise) -> tuple[Floats, Floats]:
        """Return both."""
        ...


@dataclass(frozen=True, eq=False)
class Steps:
    """Prediction from reads that are the state; only pulses that no bound can cut count, the others are 0 and 1."""

    model: Response
    ground: Ground
    position: Floats
    step: Floats
    up: NDArray[np.bool_]
    free: NDArray[np.bool_]
    # Smallest source of noise, and rounding of the reads, (cells, 1).
    least: Floats
    rounding: Floats

    @classmethod
    def of(cls, traces: Traces, model: Response, ground: Ground) -> "Steps":
        """From traces, with the pulses that are free of bounds."""
        free = traces.free()
        step = traces.polarity * (traces.after - traces.before)
        usual = np.abs(np.where(free, step, 0.0)).sum(axis=1) / np.maximum(free.sum(axis=1), 1)
        return cls(
            model=model,
            ground=ground,
            position=traces.polarity * traces.before,
            step=step,
            up=traces.polarity > 0,
            free=free,
            least=_LEAST * usual[:, None],
            rounding=traces.rounding[:, None],
        )

    def steps(self, u: Floats, phi: Floats, additive: bool) -> tuple[Floats, Floats]:
        """Return mean steps and what cycle noise scales with."""
        chosen = [_of(c, self.up) for c in self.model.coefficients(self.ground, u, phi)]
        mean, _ = self.model.mean(self.position, *chosen)
        return mean, chosen[0] + 0 * mean if additive else mean

    def __call__(self, u: Floats, phi: Floats, noise: Noise) -> tuple[Floats, Floats]:
        """One step from the last read."""
        mean, source = self.steps(u, phi, noise.additive)
        error, variance = self.step - mean, noise.cycle * np.hypot(source, self.least) ** 2 + self.rounding**2
        return np.where(self.free, error, 0.0), np.where(self.free, variance, 1.0)


@dataclass(frozen=True, eq=False)
class Filter:
    """Prediction through noisy reads by a Kalman filter."""

    model: Response
    ground: Ground
    traces: Traces
    # Bounds that cut, (cells, 2).
    cuts: NDArray[np.bool_]

    def __call__(self, u: Floats, phi: Floats, noise: Noise) -> tuple[Floats, Floats]:
        """Carry mean and variance of the state from read to read, all cells side by side."""
        traces, model = self.traces, self.model
        coefficients = [np.moveaxis(c, -1, 0) for c in model.coefficients(self.ground, u, phi)]
        bounds = model.bound(self.ground, u)
        bounds = np.moveaxis(np.where(self.cuts & (bounds > self.ground.anchor), bounds, np.inf), -1, 0)
        cycle, read = (np.asarray(v, dtype=np.float64)[..., None] for v in (noise.cycle, noise.read))
        shape = np.broadcast_shapes(bounds.shape[1:], cycle.shape, read.shape)
        state = np.broadcast_to(traces.before[:, 0], shape)
        spread = np.broadcast_to(read, shape)
        errors, variances = np.zeros((2, traces.polarity.shape[1], *shape))
        variances += 1
        # Mostly all cells get the same pulse.
        alike = np.all(traces.polarity == traces.polarity[:1], axis=0).tolist()
        for k, sign in enumerate(traces.polarity.T):
            if alike[k]:
                sign = sign[0]
                down = int(sign < 0)
                chosen, bound = [c[down] for c in coefficients], bounds[down]
            else:
                chosen, bound = [np.where(sign > 0, *c) for c in coefficients], np.where(sign > 0, *bounds)
            x = sign * state
            mean, slope = model.mean(x, *chosen)
            growth = (1 + slope) ** 2 * spread
            source = chosen[0] ** 2 if noise.additive else mean**2 + slope**2 * spread
            ahead, spread_ahead = _cut(x + mean, growth + cycle * source, bound)
            total = spread_ahead + read
            error = sign * traces.after[:, k] - ahead
            gain = spread_ahead / total
            if alike[k]:
                errors[k], variances[k] = error, total
                state, spread = sign * (ahead + gain * error), gain * read
            else:
                live = sign != 0
                errors[k], variances[k] = np.where(live, error, 0.0), np.where(live, total, 1.0)
                state = np.where(live, sign * (ahead + gain * error), state)
                spread = np.where(live, gain * read, spread)
        return np.moveaxis(errors, 0, -1), np.moveaxis(variances, 0, -1)


def _of(coefficient: Floats, up: NDArray[np.bool_]) -> Floats:
    """Return the coefficient of every pulse's direction."""
    return np.where(up, coefficient[..., 0, None], coefficient[..., 1, None])


def _cut(mean: Floats, variance: Floats, bound: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of min(z, bound) for a normal z."""
    deviation = np.sqrt(np.maximum(variance, 1e-30))
    distance = np.minimum(np.maximum((bound - mean) / deviation, _FAR), _CLEAR)
    if distance.min() == _CLEAR:
        return mean, variance
    beyond = ndtr(-distance)
    density = np.exp(-0.5 * distance * distance) * _DENSITY
    # Moments of the part that is cut off, in standard deviations: (z - bound)+.
    first = density - distance * beyond
    share = 1 - beyond - distance * first - first * first
    return np.minimum(mean - deviation * first, bound), variance * np.maximum(share, 1e-9)
