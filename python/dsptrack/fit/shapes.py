"""Models whose cells share the shape of the response, as their devices do: exponentials and tables."""

import numpy as np
from numpy.typing import NDArray

from dsptrack import devices
from dsptrack.exceptions import DataError

from .models import DIRECTIONS, Coefficients, Constant, Ground, Response
from .traces import likewise

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Standard errors by which a rate must differ from 0.
_CLEAR = 2.0
# A rate, per weight, at which an exponential is a straight line to rounding.
_STRAIGHT = 1e-7


class Exponential(Response):
    """Step s max(1 - A exp(g x/R), 0), R = b+ - b-.

    For the solver it is m max(1 - t (exp(g x/R) - 1)/g, 0), which is a straight line for g = 0 where A and s are
    infinite; u = (m, B), phi = (t, g) up and (t, g) down; A = t/(t + g), s = m/(1 - A).
    """

    name, device, size, bound_at, scaled = "exp_step", devices.ExpStep, 2, 1, True
    # Rates to start from.
    _RATES = (1.0, 2.0, 4.0, 8.0, 12.0, 16.0)

    def start(self, ground: Ground, position: Floats, step: Floats, up: Flags, weight: Floats) -> tuple[Floats, Floats]:
        """Take the best of a few rates, with the slope that fits all cells at once."""
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
        """Scale m/(1 - A)."""
        del ground
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(u[..., 0] / (1 - self.amplitudes(phi)[..., None, 0::2]))

    def check(self, ground: Ground, u: Floats, phi: Floats, error: Floats, phi_error: Floats) -> None:
        """Straight steps have no rate, and the constant part must be positive."""
        for direction, word in enumerate(DIRECTIONS):
            rate, spread = phi[2 * direction + 1], phi_error[2 * direction + 1]
            if not abs(rate) > _CLEAR * spread:
                raise DataError(f"{word} steps do not bend: an exponential's rate is {rate:.3g} +- {spread:.3g}")
            against = u[:, direction, 0] <= 0
            if against.any():
                cells = ground.cell[against]
                raise DataError(f"cell {cells[0]}: {word} pulses move it against their direction{likewise(cells)}")
            if not self.scale(ground, u, phi)[:, direction].min() > 0:
                raise DataError(f"{word} steps do not tend to a positive one away from where they change")
        super().check(ground, u, phi, error, phi_error)


class Piecewise(Response):
    """Step s I(x), I linear between nodes of mean 1 (or -1); u = (s, B), phi = all nodes but the last, up and down."""

    name, device, size, bound_at, scaled = "piecewise", devices.PiecewiseStep, 2, 1, True

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
