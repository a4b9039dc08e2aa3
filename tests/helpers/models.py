"""Float64 twins of all models but ConstantStep and SoftBoundsReference: 02 sections 1.9 and 2.2 to 2.7.

The classes share everything of `Cells` but the size of a pulse and, for ExpStep, its noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers import twin
from helpers.twin import NAMES, Cells, Floats


@dataclass(frozen=True)
class Model(Cells):
    """Cells with planes of their own beside bounds, scales and reference."""

    planes: dict[str, Floats]
    device: Any

    @classmethod
    def of(cls, parameters: Mapping[str, ArrayLike], device: Any) -> Self:
        """From ``cell_parameters()`` (or hand-placed values) and the device that they belong to."""
        base = Cells.of(parameters, device)
        own = {k: np.asarray(p, np.float64) for k, p in parameters.items() if k not in (*NAMES, "reference")}
        return cls(**{f.name: getattr(base, f.name) for f in fields(Cells)}, planes=own, device=device)

    def first(self) -> Self:
        """The first cell alone."""
        return replace(super().first(), planes={name: plane[:1, :1] for name, plane in self.planes.items()})

    def symmetric_point(self) -> Floats:
        """Apparent weight of the stable root of G between the bounds; NaN where there is none."""
        return stable_root(self) - self.reference

    @property
    def span(self) -> Floats:
        """Range R = b+ - b- of each cell."""
        return self.max_bound - self.min_bound


class SoftCells(Model):
    """Soft bounds; either step may be reversed."""

    def steps(self, v: Floats) -> tuple[Floats, Floats]:
        """s (1 - v/R) with the cell's own bound for R, or the opposite one and beyond where the step is reversed."""
        up, down = super().steps(v)
        if self.device.reverse_up:
            up = self.dwmin_up * (1 - v / (self.min_bound - self.device.reverse_offset))
        if self.device.reverse_down:
            down = self.dwmin_down * (1 - v / (self.max_bound + self.device.reverse_offset))
        return up, down


class LinearCells(Model):
    """Steps linear in the weight, with slopes k+ and k- (steps per weight); not clamped."""

    def steps(self, v: Floats) -> tuple[Floats, Floats]:
        """s + k v."""
        return self.dwmin_up + self.planes["slope_up"] * v, self.dwmin_down + self.planes["slope_down"] * v


class ExpCells(Model):
    """Steps with an exponential of the scaled weight z = 2 a w/R + b."""

    def steps(self, v: Floats) -> tuple[Floats, Floats]:
        """s max(1 - A exp(+-gamma z), 0); no pulse at all where the bounds coincide."""
        d, live = self.device, self.span > 0
        z = 2 * d.a * v / np.where(live, self.span, 1.0) + d.b
        up = np.maximum(1 - d.A_up * np.exp(d.gamma_up * z), 0)
        down = np.maximum(1 - d.A_down * np.exp(-d.gamma_down * z), 0)
        return np.where(live, self.dwmin_up * up, 0.0), np.where(live, self.dwmin_down * down, 0.0)

    def spread(self, v: Floats, step: Floats, scale: Floats) -> Floats:
        """Complex mode: dw_min_std (|dw| + add + slope |w|), in weight units, and also where the step is 0."""
        d = self.device
        if d.dw_min_std_add == 0 and d.dw_min_std_slope == 0:
            return super().spread(v, step, scale)
        size: Floats = self.noise * (np.abs(step) + d.dw_min_std_add + d.dw_min_std_slope * np.abs(v))
        return size


class PowCells(Model):
    """Steps that are powers of the distance to the bound; with a reference for PowStepReference."""

    def steps(self, v: Floats) -> tuple[Floats, Floats]:
        """s (distance/R)^gamma; no pulse where the bounds coincide."""
        live = self.span > 0
        span = np.where(live, self.span, 1.0)
        with np.errstate(divide="ignore"):  # a negative exponent at the bound
            up = np.maximum((self.max_bound - v) / span, 0) ** self.planes["gamma_up"]
            down = np.maximum((v - self.min_bound) / span, 0) ** self.planes["gamma_down"]
        return np.where(live, self.dwmin_up * up, 0.0), np.where(live, self.dwmin_down * down, 0.0)


class PiecewiseCells(Model):
    """Steps interpolated in tables over the cell's own range; one table for all cells, or one each."""

    def steps(self, v: Floats) -> tuple[Floats, Floats]:
        """s I(v)."""
        return self.dwmin_up * self.factor("piecewise_up", v), self.dwmin_down * self.factor("piecewise_down", v)

    def factor(self, name: str, v: Floats) -> Floats:
        """Linear interpolation between equally spaced nodes; the first node where the bounds coincide."""
        table = self.planes.get(name, np.asarray(getattr(self.device, name), dtype=np.float64))
        nodes = table.shape[-1]
        table = np.broadcast_to(table, (*np.shape(v), nodes))
        if nodes == 1:
            return table[..., 0]
        live = self.span > 0
        u = np.maximum((v - self.min_bound) / np.where(live, self.span, 1.0) * (nodes - 1), 0)
        k = np.minimum(np.floor(u), nodes - 2).astype(np.intp)
        low, high = (np.take_along_axis(table, (k + n)[..., None], -1)[..., 0] for n in (0, 1))
        return np.where(live, low + (high - low) * np.minimum(u - k, 1), table[..., 0])


TWINS = {
    "SoftBounds": SoftCells,
    "LinearStep": LinearCells,
    "ExpStep": ExpCells,
    "PowStep": PowCells,
    "PowStepReference": PowCells,
    "PiecewiseStep": PiecewiseCells,
}


def cells_of(parameters: dict[str, Any], device: Any) -> Cells:
    """The twin of any device's cells."""
    return TWINS.get(type(device).__name__, Cells).of(parameters, device)


def asymmetry(cells: Cells, v: Floats) -> Floats:
    """2 dw_min G at state v: the down step minus the up step."""
    up, down = cells.steps(v)
    return down - up


def stable_root(cells: Cells) -> Floats:
    """State with G = 0 that pulses drift towards, by bisection: G < 0 at the lower and > 0 at the upper bound."""
    low, high = cells.min_bound.copy(), cells.max_bound.copy()
    found = (asymmetry(cells, low) <= 0) & (asymmetry(cells, high) >= 0) & (high > low)
    for _ in range(80):
        middle = (low + high) / 2
        above = asymmetry(cells, middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(found, (low + high) / 2, np.nan)


def closed_form(cells: Cells) -> Floats:
    """Apparent symmetric point by the formulas of 02 section 2.7, for the models and exponents that have one."""
    up, down, high, low = cells.dwmin_up, cells.dwmin_down, cells.max_bound, cells.min_bound
    if isinstance(cells, LinearCells):
        v = (up - down) / (cells.planes["slope_down"] - cells.planes["slope_up"])
    elif isinstance(cells, ExpCells):
        d = cells.device
        if d.gamma_up != d.gamma_down or d.A_up * d.A_down <= 0:
            raise ValueError("no closed form: the exponents differ, or the quadratic has not one positive root")
        # s+ A_up u^2 - (s+ - s-) u - s- A_down = 0; A_up A_down > 0 makes the roots' product negative: one is positive
        p = up - down
        u = (p + np.sign(d.A_up) * np.sqrt(p**2 + 4 * up * down * d.A_up * d.A_down)) / (2 * up * d.A_up)
        v = (np.log(u) / d.gamma_up - d.b) * (high - low) / (2 * d.a)
    elif isinstance(cells, PowCells):
        t = (down / up) ** (1 / cells.planes["gamma_up"])
        v = (high + low * t) / (1 + t)
    else:
        v = twin.raw_symmetric_point(up, down, high, low)
    return v - cells.reference


def granularity(device: Any) -> float:
    """Expected size of one pulse of the nominal device (02 section 1.9)."""
    kind = type(device).__name__
    factor = 1.0
    if kind.startswith("PowStep"):
        factor = 0.5**device.pow_gamma
    elif kind == "PiecewiseStep":
        factor = device.piecewise_up[len(device.piecewise_up) // 2]
    elif kind == "ExpStep":
        down = max(1 - device.A_down * np.exp(-device.gamma_down * device.b), 0)
        factor = (1 - max(device.up_down, 0)) * down or 1.0
    return float(device.dw_min * factor)


def draw(device: Any, shape: tuple[int, int], rng: np.random.Generator) -> dict[str, Floats]:
    """Per-cell parameters with the law of 02 sections 2.2 and 2.4 (same law, other stream)."""

    def xi() -> Floats:
        return rng.standard_normal(shape)

    kind, d = type(device).__name__, device
    cells = twin.draw(d, shape, rng)
    if kind == "LinearStep":
        y_up, y_down = d.gamma_up + d.gamma_up_dtod * xi(), d.gamma_down + d.gamma_down_dtod * xi()
        if not d.allow_increasing:
            y_up, y_down = np.abs(y_up), np.abs(y_down)
        nominal = d.mean_bound_reference
        high = np.full(shape, d.w_max) if nominal else cells["max_bound"]
        low = np.full(shape, d.w_min) if nominal else cells["min_bound"]
        up = low - d.reverse_offset if d.reverse_up else high
        down = high + d.reverse_offset if d.reverse_down else low
        cells["slope_up"] = _over(-y_up * cells["dwmin_up"], up)
        cells["slope_down"] = _over(-y_down * cells["dwmin_down"], down)
    if kind.startswith("PowStep"):
        gain, r = 1 + d.pow_gamma_dtod * xi(), d.pow_up_down_dtod * xi()
        exponents = (
            d.pow_gamma * (gain + min(d.pow_up_down, 0) + r),
            d.pow_gamma * (gain - max(d.pow_up_down, 0) - r),
        )
        for name, values in zip(("gamma_up", "gamma_down"), exponents, strict=True):
            cells[name] = np.abs(values) if d.enforce_consistency else values
    if kind == "PowStepReference":
        reference = d.reference_mean + d.reference_std * xi()
        if d.subtract_symmetry_point:
            own = stable_root(PowCells.of(cells, d))
            reference = reference + np.where(np.isnan(own), 0.0, own)
        cells["reference"] = reference
    return cells


def _over(numerator: Floats, reference: Floats) -> Floats:
    """Slope; 0 for a reference of 0."""
    return np.where(reference == 0, 0.0, numerator / np.where(reference == 0, 1.0, reference))


def tables(rng: np.random.Generator, shape: tuple[int, int], nodes: int) -> dict[str, NDArray[np.float32]]:
    """A measured chip of PiecewiseStep cells: own bounds, scales and tables (M, N, nodes) of positive factors."""
    planes = {
        "max_bound": rng.uniform(0.3, 0.9, shape),
        "min_bound": rng.uniform(-0.9, -0.3, shape),
        "dwmin_up": rng.uniform(0.01, 0.1, shape),
        "dwmin_down": rng.uniform(0.01, 0.1, shape),
        "piecewise_up": rng.uniform(0.2, 2.0, (*shape, nodes)),
        "piecewise_down": rng.uniform(0.2, 2.0, (*shape, nodes)),
    }
    return {name: values.astype(np.float32) for name, values in planes.items()}
