"""Pulse trains and coincidence counts, straight from 02 sections 1.3, 1.4, 1.7 and 1.8."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trains:
    """Train length and unclipped line probabilities of one vector pair; signs of the wanted change per cell."""

    length: int
    p: Floats  # error lines, (M,)
    q: Floats  # input lines, (N,)
    direction: Floats  # (M, N): -1 where x_j d_i > 0

    @property
    def fire(self) -> tuple[Floats, Floats]:
        """Probabilities with which a slot of an error (M, 1) and of an input line (1, N) fires."""
        return np.minimum(self.p, 1.0)[:, None], np.minimum(self.q, 1.0)[None, :]

    def mean(self) -> Floats:
        """E[n] per cell."""
        p, q = self.fire
        return self.length * p * q

    def variance(self) -> Floats:
        """Var[n] per cell: binomial."""
        p, q = self.fire
        return self.length * p * q * (1 - p * q)

    def row_covariance(self, j: int, k: int) -> Floats:
        """Cov of the counts of columns j and k in each row, (M,)."""
        p, q = self.fire
        p = p.ravel()
        return np.asarray(self.length * p * (1 - p) * q[0, j] * q[0, k])

    def column_covariance(self, i: int, k: int) -> Floats:
        """Cov of the counts of rows i and k in each column, (N,)."""
        p, q = self.fire
        q = q.ravel()
        return np.asarray(self.length * q * (1 - q) * p[i, 0] * p[k, 0])

    def mean_count(self) -> Floats:
        """Pulses per cell of pulse type ``mean_count``, before the last rounding."""
        n_d = np.clip(np.rint(self.length * self.p), 0, self.length)
        n_x = np.clip(np.rint(self.length * self.q), 0, self.length)
        return np.outer(n_d, n_x) / self.length

    def implicit_count(self, x_res: float, d_res: float) -> Floats:
        """Pulses per cell of pulse type ``deterministic_implicit``, before the last rounding."""
        p = np.clip(quantise(self.p, d_res), 0, 1)
        q = np.clip(quantise(self.q, x_res), 0, 1)
        return self.length * np.outer(p, q)


def quantise(p: Floats, res: float) -> Floats:
    """Probabilities on a grid of step ``res``; no grid for res <= 0."""
    return np.rint(p / res) * res if res > 0 else p


def trains(x: NDArray[Any], d: NDArray[Any], lr: float, granularity: float, update: Any) -> Trains:
    """Scaling factors and train length of one vector pair (02 section 1.3)."""
    x, d = np.asarray(x, np.float64), np.asarray(d, np.float64)
    longest, size = update.desired_bl, abs(lr)
    managed = update.update_management or update.update_bl_management
    if update.fixed_bl or update.update_bl_management or granularity * longest >= size:
        length, a = longest, np.sqrt(size / (granularity * longest))
    else:
        length, a = max(int(np.ceil(size / granularity)), 1), 1.0
    b = a
    if managed:
        high_x, high_d = np.max(np.abs(x)), np.max(np.abs(d)) * update.um_grad_scale
        if high_x == 0 or high_d == 0:
            return Trains(0, 0 * d, 0 * x, np.zeros((d.size, x.size)))
        k = size * high_x * high_d / granularity
        if update.update_bl_management:
            length = min(int(np.ceil(k)), longest)
            a = b = np.sqrt(size / (granularity * length))
        if k > longest:
            high_d *= longest / k
        a, b = a * np.sqrt(high_x / high_d), b * np.sqrt(high_d / high_x)
    direction = -np.sign(d)[:, None] * np.sign(x)[None, :] * np.sign(lr)
    return Trains(length, quantise(np.abs(d) * a, update.res), quantise(np.abs(x) * b, update.res), direction)
