"""What cells do without pulses, in float64, straight from 02 section 2.6; all formulas act on the weight w = v - r."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from helpers.twin import Cells, Floats


def bounded(cells: Cells, w: Floats) -> Floats:
    """Weight after the clip of the state that ends every operation."""
    return cells.clip(w + cells.reference) - cells.reference


def decay_scale(device: Any, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """1 - 1/T with T = lifetime (1 + lifetime_dtod xi); 0 for cells with T <= 1 (02 section 2.2, step 11)."""
    lifetime = device.lifetime * (1 + device.lifetime_dtod * rng.standard_normal(shape))
    return np.where(lifetime > 1, 1 - 1 / np.where(lifetime > 1, lifetime, 2), 0.0)


def decayed(cells: Cells, w: ArrayLike, alpha: float, scale: ArrayLike, bias: ArrayLike = 0.0) -> Floats:
    """One call of decay."""
    bias = np.asarray(bias, dtype=np.float64)
    return bounded(cells, (np.asarray(w, np.float64) - bias) * (1 + alpha * (np.asarray(scale, np.float64) - 1)) + bias)


class Drift:
    """Power law with a clock per cell.

    Time passes in ``drift`` only, so a weight that changed between two calls was written when the first one ended: its
    clock starts there. (The peer starts it at the end of the second call, when it notices.)
    """

    def __init__(self, cells: Cells, device: Any, nu: ArrayLike) -> None:
        self.cells, self.device, self.nu = cells, device, np.asarray(nu, dtype=np.float64)
        self.now = 0.0
        self.last = self.start = np.full(cells.max_bound.shape, np.nan)
        self.since = np.zeros(cells.max_bound.shape)

    def __call__(self, w: ArrayLike, dt: float) -> Floats:
        """Weights after the time dt, from the weights before it."""
        w = np.asarray(w, dtype=np.float64)
        changed = ~(np.abs(w - self.last) <= self.device.drift_reset_tol)
        self.start, self.since = np.where(changed, w, self.start), np.where(changed, self.now, self.since)
        self.now += dt / self.device.drift_t0
        self.last = bounded(self.cells, self.start * np.maximum(self.now - self.since, 1) ** -self.nu)
        return self.last
