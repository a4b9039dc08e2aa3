"""Models that can be fitted: steps along a direction, as functions of parameters that a solver may vary freely.

Both directions look the same from within: along each a pulse at position x makes the mean step mu(x) towards a bound B,
see `Traces`. A cell has `size` solver parameters a direction, u (..., cells, 2, size), and all cells may share further
ones, phi (..., shared). `Response` is what all models have in common; here are those whose cells share nothing.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsptrack import devices
from dsptrack.devices import Device
from dsptrack.exceptions import DataError

from .traces import likewise

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Coefficients = tuple[Floats, ...]

DIRECTIONS = ("up", "down")
# A bound further away than so many ranges of the trace is none.
_FAR = 100.0


@dataclass(frozen=True, eq=False)
class Ground:
    """What a trace says before any model does, (cells, 2) each."""

    # Largest position, and whether it is a bound.
    end: Floats
    reached: Flags
    # A position that every bound lies beyond.
    anchor: Floats
    # Straight line through the steps: at x = 0, and its slope.
    step: Floats
    slope: Floats
    # Rows of the cells in the caller's traces.
    cell: NDArray[np.int64]
    nodes: int

    @property
    def span(self) -> Floats:
        """Range of the trace, (cells, 1)."""
        return np.asarray(self.end.sum(axis=1, keepdims=True))

    @property
    def middle(self) -> Floats:
        """Half-way through the trace's range."""
        return np.asarray(self.anchor - self.span / 2)


class Response(ABC):
    """A model of mean steps; subclasses say how they depend on the position."""

    name: ClassVar[str]
    device: ClassVar[type[Device]]
    # Solver parameters a direction, among them the one that places the bound.
    size: ClassVar[int]
    bound_at: ClassVar[int]
    # Whether steps tell where a bound is that no pulse reached: always, or by the shape that other cells have too.
    soft: ClassVar[bool] = False
    scaled: ClassVar[bool] = False
    # Parameters of the cell beside bounds and step scales.
    extra: ClassVar[tuple[str, ...]] = ()
    # Whether cycle noise may be additive: the field mult_noise.
    additive: ClassVar[bool] = False

    def tells_bounds(self, reached: Flags) -> Flags:
        """Return which bounds the steps tell, (cells, 2), where those `reached` are known."""
        # One cell with both bounds gives a shape to the others; without it a range and a rate are one number.
        return ~reached & (self.soft or (self.scaled and bool(reached.all(axis=1).any())))

    @abstractmethod
    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """Return u and phi to start from; positions and steps (cells, pulses) lie along each pulse's direction."""

    @abstractmethod
    def coefficients(self, ground: Ground, u: Floats, phi: Floats) -> Coefficients:
        """Return what `mean` needs, (..., cells, 2) each; the first is the scale of additive noise."""

    @abstractmethod
    def mean(self, x: Floats, *coefficients: Floats) -> tuple[Floats, Floats]:
        """Return the mean step at x and its derivative; coefficients broadcast with x."""

    def bound(self, ground: Ground, u: Floats) -> Floats:
        """Return the bounds along both directions, (..., cells, 2)."""
        del ground
        return np.asarray(u[..., self.bound_at])

    def scale(self, ground: Ground, u: Floats, phi: Floats) -> Floats:
        """Return the step scales s+ and s-, (..., cells, 2)."""
        del ground, phi
        return np.asarray(u[..., 0])

    def further(self, ground: Ground, u: Floats) -> Floats:
        """Return the `extra` parameter of each direction, (..., cells, 2); of shape (..., 0) where there is none."""
        del ground
        return np.asarray(u[..., :0])

    def check(self, ground: Ground, u: Floats, phi: Floats, error: Floats, phi_error: Floats) -> None:
        """Raise a DataError if these parameters are no device of this kind."""
        del error, phi_error
        high, low = np.mean(self.bound(ground, u) * np.array([1.0, -1.0]), axis=0).tolist()
        if not low < 0 < high:
            raise DataError(f"the bounds, {low:.4g} and {high:.4g}, do not enclose weight 0: set g_range")
        scale = self.scale(ground, u, phi)
        wrong = ~(scale > 0)
        if wrong.any():
            i, direction = np.argwhere(wrong)[0].tolist()
            raise DataError(
                f"cell {ground.cell[i]}: the mean step of {DIRECTIONS[direction]} pulses at weight 0 is"
                f" {scale[i, direction]:.3g} along their direction: must be > 0"
                f"{likewise(ground.cell[wrong.any(axis=1)])}"
            )


def _shrinking(ground: Ground, shrinks: Flags) -> None:
    if not shrinks.all():
        i, direction = np.argwhere(~shrinks)[0].tolist()
        raise DataError(
            f"cell {ground.cell[i]}: {DIRECTIONS[direction]} steps do not shrink towards a bound, or noise of reads"
            f" that read_noise does not tell of hides it{likewise(ground.cell[~shrinks.all(axis=1)])}"
        )


class Constant(Response):
    """Step s; u = (s, B)."""

    name, device, size, bound_at = "constant_step", devices.ConstantStep, 2, 1

    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """Mean step."""
        del position
        mean = [np.sum(weight * at * step, axis=1) / np.sum(weight * at, axis=1) for at in (up, ~up)]
        return np.stack([np.stack(mean, axis=1), ground.end], axis=2), np.zeros(0)

    def coefficients(self, ground: Ground, u: Floats, phi: Floats) -> Coefficients:
        """(s,)."""
        del ground, phi
        return (u[..., 0],)

    def mean(self, x: Floats, *coefficients: Floats) -> tuple[Floats, Floats]:
        """Constant."""
        return coefficients[0] + 0 * x, np.zeros(1)


class Linear(Response):
    """Step s + k x; u = (s, k, B)."""

    name, device, size, bound_at = "linear_step", devices.LinearStep, 3, 2
    extra, additive = ("slope_up", "slope_down"), True

    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """Take the straight line."""
        del position, step, up, weight
        return np.stack([ground.step, ground.slope, ground.end], axis=2), np.zeros(0)

    def coefficients(self, ground: Ground, u: Floats, phi: Floats) -> Coefficients:
        """(s, k)."""
        del ground, phi
        return u[..., 0], u[..., 1]

    def mean(self, x: Floats, *coefficients: Floats) -> tuple[Floats, Floats]:
        """Straight line."""
        s, k = coefficients
        return s + k * x, k

    def further(self, ground: Ground, u: Floats) -> Floats:
        """Slopes against the weight, which falls along the direction down."""
        del ground
        return np.asarray(u[..., 1] * np.array([1.0, -1.0]))


class Soft(Response):
    """Step s (1 - x/B); u = (s, 1/B)."""

    name, device, size, bound_at = "soft_bounds", devices.SoftBounds, 2, 1
    soft, additive = True, True

    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """Take the straight line's root; the bound where it was reached."""
        del position, step, up, weight
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(ground.reached, 1 / ground.end, -ground.slope / ground.step)
        return np.stack([ground.step, np.where(np.isfinite(inverse), inverse, 0.0)], axis=2), np.zeros(0)

    def coefficients(self, ground: Ground, u: Floats, phi: Floats) -> Coefficients:
        """(s, k)."""
        del ground, phi
        return u[..., 0], -u[..., 0] * u[..., 1]

    def mean(self, x: Floats, *coefficients: Floats) -> tuple[Floats, Floats]:
        """Straight line."""
        s, k = coefficients
        return s + k * x, k

    def bound(self, ground: Ground, u: Floats) -> Floats:
        """B."""
        del ground
        with np.errstate(divide="ignore"):
            return np.asarray(1 / u[..., 1])

    def check(self, ground: Ground, u: Floats, phi: Floats, error: Floats, phi_error: Floats) -> None:
        """Ask for a bound that lies ahead, and clearly not at infinity."""
        # Noise carries reads beyond a bound that is there: half-way back is far enough.
        ahead = (u[..., 1] != 0) & (self.bound(ground, u) > ground.middle)
        _shrinking(ground, ahead & (ground.reached | (np.abs(u[..., 1]) > error[..., 1])))
        super().check(ground, u, phi, error, phi_error)


class Power(Response):
    """Step c ((B - x)/(B - m))^g, m half-way through the trace's range; u = (ln c, ln((B - anchor)/range), ln g)."""

    name, device, size, bound_at = "pow_step", devices.PowStep, 3, 1
    soft, extra = True, ("gamma_up", "gamma_down")
    # Limits that no solver's step needs, so that nothing overflows: of B in ranges, and of g, as logarithms.
    _BEYOND, _EXPONENT = 15.0, 3.5

    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """Take a straight line to the bound: g = 1."""
        del position, step, up, weight
        span = ground.span
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.where(ground.slope < 0, -ground.step / ground.slope, np.inf)
        bound = np.where(ground.reached, ground.end, np.clip(root, ground.end + 1e-3 * span, ground.end + span))
        middle = ground.step + ground.slope * ground.middle
        _shrinking(ground, middle > 0)
        return np.stack([np.log(middle), np.log((bound - ground.anchor) / span), 0 * middle], axis=2), np.zeros(0)

    def coefficients(self, ground: Ground, u: Floats, phi: Floats) -> Coefficients:
        """(c, B, 1/(B - m), g)."""
        del phi
        bound = self.bound(ground, u)
        return np.exp(np.clip(u[..., 0], -100, 100)), bound, 1 / (bound - ground.middle), self.further(ground, u)

    def mean(self, x: Floats, *coefficients: Floats) -> tuple[Floats, Floats]:
        """Power of the distance."""
        c, bound, inverse, exponent = coefficients
        distance = np.maximum((bound - x) * inverse, 1e-12)
        step = c * distance**exponent
        return step, -exponent * step / distance * inverse

    def bound(self, ground: Ground, u: Floats) -> Floats:
        """B."""
        return np.asarray(ground.anchor + ground.span * np.exp(np.clip(u[..., 1], -30, self._BEYOND)))

    def scale(self, ground: Ground, u: Floats, phi: Floats) -> Floats:
        """Scale from the step at the distance R = b+ - b-."""
        c, bound, inverse, exponent = self.coefficients(ground, u, phi)
        spread = np.maximum(bound.sum(axis=-1, keepdims=True), 1e-12 * ground.span)
        return np.asarray(c * (spread * inverse) ** exponent)

    def further(self, ground: Ground, u: Floats) -> Floats:
        """Exponents."""
        del ground
        return np.asarray(np.exp(np.clip(u[..., 2], -30, self._EXPONENT)))

    def check(self, ground: Ground, u: Floats, phi: Floats, error: Floats, phi_error: Floats) -> None:
        """Ask for a bound that is not at infinity, where a power is an exponential."""
        _shrinking(ground, self.bound(ground, u) - ground.end < _FAR * ground.span)
        super().check(ground, u, phi, error, phi_error)
