"""Float64 twin of the device models: one pulse at a time, straight from 02 sections 2.2 to 2.7."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NAMES = ("max_bound", "min_bound", "dwmin_up", "dwmin_down")


def _kind(device: Any) -> str:
    return type(device).__name__


@dataclass(frozen=True)
class Cells:
    """A population: bounds b+ and b-, step scales s+ and s-, reference r, and the device's noise figures."""

    max_bound: Floats
    min_bound: Floats
    dwmin_up: Floats
    dwmin_down: Floats
    reference: Floats
    soft: bool
    multiplicative: bool
    dw_min: float
    noise: float

    @classmethod
    def of(cls, parameters: Mapping[str, ArrayLike], device: Any) -> Self:
        """From ``cell_parameters()`` (or hand-placed values) and the device that they belong to."""
        values = {name: np.asarray(parameters[name], dtype=np.float64) for name in NAMES}
        reference = np.asarray(parameters.get("reference", np.zeros_like(values["max_bound"])), dtype=np.float64)
        return cls(
            **values,
            reference=reference,
            soft=_kind(device) != "ConstantStep",
            multiplicative=getattr(device, "mult_noise", True),
            dw_min=device.dw_min,
            noise=device.dw_min_std,
        )

    def first(self) -> Self:
        """The first cell alone: enough where all cells are equal."""
        names = (*NAMES, "reference")
        return replace(self, **{name: getattr(self, name)[:1, :1] for name in names})

    def clip(self, v: ArrayLike) -> Floats:
        """Physical state v = w + r inside the cell's own bounds."""
        return np.clip(np.asarray(v, dtype=np.float64), self.min_bound, self.max_bound)

    def steps(self, v: Floats) -> tuple[Floats, Floats]:
        """Noise-free size of an up and of a down pulse at state v, both normally positive."""
        if not self.soft:
            return self.dwmin_up + 0 * v, self.dwmin_down + 0 * v
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.where(self.max_bound > 0, 1 - v / self.max_bound, 1.0)
            down = np.where(self.min_bound < 0, 1 - v / self.min_bound, 1.0)
        return self.dwmin_up * up, self.dwmin_down * down

    def pulse(self, v: Floats, direction: ArrayLike, xi: ArrayLike = 0.0) -> Floats:
        """State after one pulse; ``direction`` is +1, -1 or 0 per cell, ``xi`` the cycle noise of that pulse."""
        sign = np.asarray(direction, dtype=np.float64)
        up, down = self.steps(v)
        step = np.where(sign > 0, up, down)
        scale = np.where(sign > 0, self.dwmin_up, self.dwmin_down)
        noise = self.spread(v, step, scale) * np.asarray(xi)
        return np.where(sign == 0, v, self.clip(v + sign * (step + noise)))

    def spread(self, v: Floats, step: Floats, scale: Floats) -> Floats:
        """Standard deviation of a pulse at state v: noise-free size ``step``, scale ``scale`` (s+ or s-)."""
        del v  # needed by models in models.py only
        return self.noise * (step if self.multiplicative else scale)

    def pulses(
        self, w: ArrayLike, direction: ArrayLike, count: int = 1, rng: np.random.Generator | None = None
    ) -> Floats:
        """Apparent weight after ``count`` pulses from apparent weight ``w``; noise-free unless ``rng`` is given."""
        v = self.clip(np.asarray(w, dtype=np.float64) + self.reference)
        for _ in range(count):
            v = self.pulse(v, direction, 0.0 if rng is None else rng.standard_normal(v.shape))
        return v - self.reference

    def response(self, w: ArrayLike) -> tuple[Floats, Floats]:
        """q_plus and q_minus of 01 section 1 at apparent weight w."""
        up, down = self.steps(np.asarray(w, dtype=np.float64) + self.reference)
        return up / self.dw_min, down / self.dw_min

    def mean_field(self, w: ArrayLike, delta: ArrayLike) -> Floats:
        """Analog Update (2) without b, from F and G as (6a) and (6b) define them."""
        w, delta = np.asarray(w, dtype=np.float64), np.asarray(delta, dtype=np.float64)
        q_plus, q_minus = self.response(w)
        f, g = (q_minus + q_plus) / 2, (q_minus - q_plus) / 2
        return self.clip(w + delta * f - np.abs(delta) * g + self.reference) - self.reference

    def symmetric_point(self) -> Floats:
        """Apparent weight where up and down steps are equal (02 section 2.7); soft bounds only."""
        return raw_symmetric_point(self.dwmin_up, self.dwmin_down, self.max_bound, self.min_bound) - self.reference

    def rates(self) -> tuple[Floats, Floats]:
        """Relative contraction of one up and one down pulse of a soft-bounds cell."""
        return self.dwmin_up / self.max_bound, -self.dwmin_down / self.min_bound

    def cyclic_fixed_point(self) -> Floats:
        """Apparent weight that one up-down pair maps to itself: the noise-free limit of cyclic zero-shifting."""
        a, b = self.rates()
        return ((1 - b) * self.dwmin_up - self.dwmin_down) / (1 - (1 - a) * (1 - b)) - self.reference

    def moments(self, w: ArrayLike, slots: Iterable[tuple[Floats | float, Floats | float]]) -> tuple[Floats, Floats]:
        """Exact mean and variance far from the bounds, after slots with an up or a down pulse of given probabilities.

        One pulse maps v to v + u (1 + sigma xi), or to v + u + s sigma xi, with u linear in v; hence the first two
        moments close for any number of pulses.
        """
        m = np.asarray(w, dtype=np.float64) + self.reference
        second = m**2
        rates = self.rates() if self.soft else (0.0 * m, 0.0 * m)
        for up, down in slots:
            idle = 1.0 - up - down
            mean, square = idle * m, idle * second
            for probability, offset, slope in zip((up, down), (self.dwmin_up, -self.dwmin_down), rates, strict=True):
                # u = offset - slope v, so v + u = (1 - slope) v + offset
                u2 = offset**2 - 2 * offset * slope * m + slope**2 * second
                spread = self.noise**2 * (u2 if self.multiplicative else offset**2)
                shifted = (1 - slope) ** 2 * second + 2 * (1 - slope) * offset * m + offset**2
                mean = mean + probability * ((1 - slope) * m + offset)
                square = square + probability * (shifted + spread)
            m, second = mean, square
        return m - self.reference, second - m**2


def raw_symmetric_point(up: Floats, down: Floats, high: Floats, low: Floats) -> Floats:
    """Soft bounds, before the reference is subtracted."""
    return (up - down) / (up / high - down / low)


def draw(device: Any, shape: tuple[int, int], rng: np.random.Generator) -> dict[str, Floats]:
    """Per-cell parameters with the distribution of 02 sections 2.2 and 2.4 (same law, other stream)."""

    def xi() -> Floats:
        return rng.standard_normal(shape)

    high, low = device.w_max * (1 + device.w_max_dtod * xi()), device.w_min * (1 + device.w_min_dtod * xi())
    gain = np.exp(device.dw_min_dtod * xi()) if device.dw_min_dtod_log_normal else 1 + device.dw_min_dtod * xi()
    r = device.up_down_dtod * xi()
    up = device.dw_min * (gain + min(device.up_down, 0) + r)
    down = device.dw_min * (gain - max(device.up_down, 0) - r)
    if device.enforce_consistency:
        up, down = np.abs(up), np.abs(down)
        high, low = np.abs(np.maximum(high, low)), -np.abs(np.minimum(high, low))
    else:
        middle = (high + low) / 2
        high, low = np.where(low > high, middle, high), np.where(low > high, middle, low)
    corrupt = rng.random(shape) < device.corrupt_devices_prob
    floor = np.maximum(low, -abs(device.corrupt_devices_range))
    ceiling = np.minimum(high, abs(device.corrupt_devices_range))
    stuck = floor + (ceiling - floor) * rng.random(shape)
    high, low = np.where(corrupt, stuck, high), np.where(corrupt, stuck, low)
    up, down = np.where(corrupt, 0.0, up), np.where(corrupt, 0.0, down)
    cells = {"max_bound": high, "min_bound": low, "dwmin_up": up, "dwmin_down": down}
    if _kind(device) == "SoftBoundsReference":
        proper = (high > 0) & (low < 0)
        low = np.where(proper, low / np.abs(1 + device.slope_down_dtod * xi()), low)
        high = np.where(proper, high / np.abs(1 + device.slope_up_dtod * xi()), high)
        reference = device.reference_mean + device.reference_std * xi()
        if device.subtract_symmetry_point:
            with np.errstate(divide="ignore", invalid="ignore"):
                reference = reference + np.where(proper, raw_symmetric_point(up, down, high, low), 0.0)
        cells |= {"max_bound": high, "min_bound": low, "reference": reference}
    return cells
