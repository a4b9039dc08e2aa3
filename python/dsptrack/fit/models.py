"""The models that can be fitted: steps along a direction, as functions of parameters that a solver may vary freely.

Both directions look the same from within: along each a pulse at position x makes the mean step mu(x) towards a bound B,
see `Traces`. A cell has `size` solver parameters a direction, u (..., cells, 2, size), and all cells may share further
ones, phi (..., shared). `Response` is the common shape; every model below is one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsptrack import devices
from dsptrack.devices import Device
from dsptrack.exceptions import DataError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Coefficients = tuple[Floats, ...]

DIRECTIONS = ("up", "down")
# A bound further away than so many ranges of the trace is none.
_FAR = 100.0
# Standard errors by which a share of the response must differ from nothing.
_CLEAR = 2.0
# A rate, per weight, at which an exponential is a straight line to rounding.
_STRAIGHT = 1e-7


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


class Response:
    """A model of mean steps; subclasses say how they depend on the position."""

    name: ClassVar[str]
    device: ClassVar[type[Device]]
    # Solver parameters a direction, among them the one that places the bound.
    size: ClassVar[int]
    bound_at: ClassVar[int]
    # Whether the steps themselves tell where a bound is that no pulse reached.
    soft: ClassVar[bool] = False
    # Parameters of the cell beside bounds and step scales.
    extra: ClassVar[tuple[str, ...]] = ()
    # Whether cycle noise may be additive: the field mult_noise.
    additive: ClassVar[bool] = False

    def parameters(self, nodes: int) -> int:
        """Return how many numbers all cells share."""
        del nodes
        return 0

    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """Return u and phi to start from; positions and steps (cells, pulses) lie along each pulse's direction."""
        raise NotImplementedError

    def coefficients(self, ground: Ground, u: Floats, phi: Floats) -> Coefficients:
        """Return what `mean` needs, (..., cells, 2) each; the first is the scale of additive noise."""
        raise NotImplementedError

    def mean(self, x: Floats, *coefficients: Floats) -> tuple[Floats, Floats]:
        """Return the mean step at x and its derivative; coefficients broadcast with x."""
        raise NotImplementedError

    def bound(self, ground: Ground, u: Floats) -> Floats:
        """Return the bounds along both directions, (..., cells, 2)."""
        del ground
        return np.asarray(u[..., self.bound_at])

    def scale(self, ground: Ground, u: Floats, phi: Floats) -> Floats:
        """Return the step scales s+ and s-, (..., cells, 2)."""
        del ground, phi
        return np.asarray(u[..., 0])

    def further(self, ground: Ground, u: Floats) -> Floats:
        """Return the `extra` parameter of each direction, (..., cells, 2)."""
        raise NotImplementedError

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
            )


def _shrinking(ground: Ground, shrinks: Flags) -> None:
    if not shrinks.all():
        i, direction = np.argwhere(~shrinks)[0].tolist()
        raise DataError(f"cell {ground.cell[i]}: {DIRECTIONS[direction]} steps do not shrink towards a bound")


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
        """The straight line."""
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
        """The straight line's root; the bound where it was reached."""
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
        """The bound must lie ahead, and clearly not at infinity."""
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
        """A straight line to the bound: g = 1."""
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
        """The scale belongs to the distance R = b+ - b-."""
        c, bound, inverse, exponent = self.coefficients(ground, u, phi)
        spread = np.maximum(bound.sum(axis=-1, keepdims=True), 1e-12 * ground.span)
        return np.asarray(c * (spread * inverse) ** exponent)

    def further(self, ground: Ground, u: Floats) -> Floats:
        """Exponents."""
        del ground
        return np.asarray(np.exp(np.clip(u[..., 2], -30, self._EXPONENT)))

    def check(self, ground: Ground, u: Floats, phi: Floats, error: Floats, phi_error: Floats) -> None:
        """The bound must not be at infinity, where a power is an exponential."""
        _shrinking(ground, self.bound(ground, u) - ground.end < _FAR * ground.span)
        super().check(ground, u, phi, error, phi_error)


class Exponential(Response):
    """Step s max(1 - A exp(g x/R), 0), R = b+ - b-.

    For the solver it is m max(1 - t (exp(g x/R) - 1)/g, 0), which is a straight line for g = 0 where A and s are
    infinite; u = (m, B), phi = (t, g) up and (t, g) down; A = t/(t + g), s = m/(1 - A).
    """

    name, device, size, bound_at = "exp_step", devices.ExpStep, 2, 1
    # Rates to start from.
    _RATES = (1.0, 2.0, 4.0, 8.0, 12.0, 16.0)

    def parameters(self, nodes: int) -> int:
        """Slope and rate of both directions."""
        del nodes
        return 4

    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """The best of a few rates, with the slope that fits all cells at once."""
        u, _ = Constant().start(ground, position, step, up, weight)
        z = position / ground.span
        phi: list[float] = []
        for direction, at in enumerate((up, ~up)):
            usual = u[:, direction, :1]
            best, shape = np.inf, (0.0, 1.0)
            for rate in (*self._RATES, *(-rate for rate in self._RATES)):
                (constant, amplitude), loss = _line(np.exp(rate * z), step / usual, weight * at * usual**2)
                if constant > 0 and constant + amplitude > 0 and loss < best:
                    best, shape = loss, (-amplitude * rate / (constant + amplitude), rate)
            phi += shape
            f = np.maximum(1 - shape[0] * np.expm1(shape[1] * z) / shape[1], 0)
            # Each cell's size under this shape.
            u[:, direction, 0] = np.sum(weight * at * f * step, axis=1) / np.sum(weight * at * f * f, axis=1)
        return u, np.array(phi)

    def coefficients(self, ground: Ground, u: Floats, phi: Floats) -> Coefficients:
        """(m, t/R, g/R)."""
        del ground
        spread = u[..., 1].sum(axis=-1, keepdims=True)
        slope, rate = phi[..., None, 0::2] / spread, phi[..., None, 1::2] / spread
        return u[..., 0], slope, np.where(np.abs(rate) < _STRAIGHT, _STRAIGHT, rate)

    def mean(self, x: Floats, *coefficients: Floats) -> tuple[Floats, Floats]:
        """Exponential, never the wrong way."""
        m, slope, rate = coefficients
        growth = np.expm1(np.clip(rate * x, -60, 60))
        factor = 1 - slope / rate * growth
        return m * np.maximum(factor, 0), np.where(factor > 0, -m * slope * (growth + 1), 0.0)

    def amplitudes(self, phi: Floats) -> Floats:
        """Return (A, g) up and (A, g) down for (t, g) of both."""
        slope, rate = phi[..., 0::2], phi[..., 1::2]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack([slope / (slope + rate), rate], axis=-1).reshape(phi.shape)

    def shape(self, phi: Floats) -> tuple[Floats, Floats]:
        """Return `amplitudes` and their derivatives, a row each."""
        values = self.amplitudes(phi)
        slopes = np.zeros((4, 4))
        for k in (0, 2):
            slope, rate = phi[k], phi[k + 1]
            slopes[k, k : k + 2] = np.array([rate, -slope]) / (slope + rate) ** 2
            slopes[k + 1, k + 1] = 1.0
        return values, slopes

    def scale(self, ground: Ground, u: Floats, phi: Floats) -> Floats:
        """s = m/(1 - A)."""
        del ground
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(u[..., 0] / (1 - self.amplitudes(phi)[..., None, 0::2]))

    def check(self, ground: Ground, u: Floats, phi: Floats, error: Floats, phi_error: Floats) -> None:
        """Straight steps have no rate, and the constant part must be positive."""
        for direction, word in enumerate(DIRECTIONS):
            rate, spread = phi[2 * direction + 1], phi_error[2 * direction + 1]
            if not abs(rate) > _CLEAR * spread:
                raise DataError(f"{word} steps do not bend: an exponential's rate is {rate:.3g} +- {spread:.3g}")
            if not self.scale(ground, u, phi)[:, direction].min() > 0:
                raise DataError(f"{word} steps do not tend to a positive one away from where they change")
        super().check(ground, u, phi, error, phi_error)


class Piecewise(Response):
    """Step s I(x), I linear between nodes of mean 1 (or -1); u = (s, B), phi = all nodes but the last, up and down."""

    name, device, size, bound_at = "piecewise", devices.PiecewiseStep, 2, 1

    def parameters(self, nodes: int) -> int:
        """Nodes of both tables; their mean is fixed."""
        return 2 * (nodes - 1)

    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """Flat tables; the sign is the mean step's."""
        u, _ = Constant().start(ground, position, step, up, weight)
        sign = np.where(np.median(u[..., 0], axis=0) < 0, -1.0, 1.0)
        u[..., 0] *= sign
        return u, np.repeat(sign, ground.nodes - 1)

    def tables(self, phi: Floats, nodes: int) -> Floats:
        """Return both tables along their directions, (..., 2, nodes)."""
        part = phi.reshape(*phi.shape[:-1], 2, nodes - 1)
        sign = np.where(part.sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
        return np.concatenate([part, nodes * sign - part.sum(axis=-1, keepdims=True)], axis=-1)

    def coefficients(self, ground: Ground, u: Floats, phi: Floats) -> Coefficients:
        """(s, first position, nodes per position, first node, differences of the nodes)."""
        tables = self.tables(phi, ground.nodes)
        low = -u[..., ::-1, 1]
        density = (ground.nodes - 1) / u[..., 1].sum(axis=-1, keepdims=True) + 0 * low
        values = [tables[..., None, :, 0], *np.moveaxis(np.diff(tables), -1, 0)[..., None, :]]
        return u[..., 0], low, density, *(value + 0 * low for value in values)

    def mean(self, x: Floats, *coefficients: Floats) -> tuple[Floats, Floats]:
        """Interpolation."""
        s, low, density, value, *differences = coefficients
        place = (x - low) * density
        slope = np.zeros(1)
        for k, difference in enumerate(differences):
            part = place - k
            value = value + difference * np.clip(part, 0, 1)
            slope = slope + difference * ((part > 0) & (part < 1))
        return s * value, s * slope * density


def _line(x: Floats, y: Floats, w: Floats) -> tuple[tuple[float, float], float]:
    """Return the weighted straight line through all points, its constant and slope, and its sum of squares."""
    total = w.sum()
    x0, y0 = (w * x).sum() / total, (w * y).sum() / total
    spread = (w * (x - x0) ** 2).sum()
    slope = float((w * (x - x0) * (y - y0)).sum() / spread) if spread > 0 else 0.0
    constant = float(y0 - slope * x0)
    return (constant, slope), float((w * (y - constant - slope * x) ** 2).sum())


RESPONSES: dict[str, Response] = {
    model.name: model for model in (Constant(), Linear(), Soft(), Exponential(), Power(), Piecewise())
}
