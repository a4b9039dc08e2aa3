"""Optimizers on a strongly convex quadratic with noisy gradients: replicas in rows, E_K of (14), where they rest.

f(w) = (w - w*)^T A (w - w*) / 2 in ``dimension`` weights; every row of the arrays is an independent replica of the same
problem on cells of its own.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsptrack as dt

Floats = NDArray[np.float64]


def ideal(dw_min: float = 1e-4) -> Any:
    """Cells that follow every increment."""
    return dt.devices.ConstantStep(dw_min=dw_min, w_max=8.0, w_min=-8.0).nominal()


def soft(dw_min: float = 1e-4, point: float = 0.2, spread: float = 0.1, **fields: Any) -> Any:
    """Soft bounds at +-1, noise-free, with symmetric points N(point, spread^2) and G' = F(w◇) = 1."""
    equal: dict[str, Any] = {
        "w_max_dtod": 0.0,
        "w_min_dtod": 0.0,
        "dw_min_dtod": 0.0,
        "up_down_dtod": 0.0,
        "dw_min_std": 0.0,
    }
    reference: dict[str, Any] = {"reference_mean": -point, "reference_std": spread}
    return dt.devices.SoftBoundsReference(dw_min=dw_min, w_max=1.0, w_min=-1.0, **equal, **reference, **fields)


@dataclass(frozen=True)
class Problem:
    """The quadratic, its gradient noise, and how many replicas."""

    dimension: int = 8
    replicas: int = 50
    mu: float = 0.5
    smoothness: float = 2.0
    sigma: float = 0.3
    reach: float = 0.3
    seed: int = 0

    @property
    def hessian(self) -> Floats:
        """A, with eigenvalues from mu to L."""
        rng = np.random.default_rng(self.seed)
        basis, _ = np.linalg.qr(rng.standard_normal((self.dimension, self.dimension)))
        return np.asarray(basis @ np.diag(np.linspace(self.mu, self.smoothness, self.dimension)) @ basis.T)

    @property
    def optimum(self) -> Floats:
        """w*, uniform in +-reach."""
        return np.random.default_rng(self.seed + 1).uniform(-self.reach, self.reach, self.dimension)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the arrays."""
        return self.replicas, self.dimension


@dataclass
class Course:
    """What a run left behind; squares are summed over weights and averaged over replicas."""

    metric: float = 0.0
    late_metric: float = 0.0
    weight_error: list[float] = field(default_factory=list)
    point_error: list[float] = field(default_factory=list)
    mean_weights: Floats = field(default_factory=lambda: np.zeros(0))
    mean_estimate: Floats = field(default_factory=lambda: np.zeros(0))


def run(o: Any, problem: Problem, steps: int, every: int = 20, tail: float = 0.5) -> Course:
    """Minimise; E_K from every ``every``-th step, means over the last ``tail`` of them."""
    a, best = problem.hessian.astype(np.float32), problem.optimum.astype(np.float32)
    noise = np.random.default_rng(problem.seed + 2)
    fast = o.arrays.get("P")
    point, slope = (fast.symmetric_point(), dt.theory.asymmetry_slope(fast)) if fast else (None, None)
    course, samples, late = Course(), 0, 0
    weights, estimate = np.zeros(o.shape), np.zeros(o.shape)
    for k in range(steps):
        visible = o.weights
        if k % every == 0:
            slow = o.arrays["W"].weights
            share = np.sum((slow - best) ** 2, dtype=float)
            course.weight_error.append(float(share) / problem.replicas)
            if fast:
                p, q = fast.weights, getattr(o, "average", o.sp_estimate)
                share += np.sum((p - q) ** 2, dtype=float) + np.sum((slope * (p - point)) ** 2)
                course.point_error.append(float(np.sum((q - point) ** 2, dtype=float)) / problem.replicas)
            course.metric += float(share) / problem.replicas
            samples += 1
            if k >= (1 - tail) * steps:
                late += 1
                course.late_metric += float(share) / problem.replicas
                weights += slow
                estimate += 0.0 if not fast else q
        o.step((visible - best) @ a + np.float32(problem.sigma) * noise.standard_normal(o.shape, np.float32))
    course.metric /= samples
    course.late_metric /= late
    course.mean_weights, course.mean_estimate = weights / late, estimate / late
    return course


def make(
    name: str,
    problem: Problem,
    steps: int,
    *,
    scale: float = 1.0,
    dw_min: float = 1e-4,
    slow: Any = None,
    **fields: Any,
) -> Any:
    """A rule on soft P and ideal W (or a ``slow`` device), its rates in proportion to alpha = scale/sqrt(K)."""
    alpha = scale / np.sqrt(steps)
    rates = {"alpha": alpha}
    if name != "AnalogSGD":
        rates |= {"beta": alpha / 2}
    if name in ("Rider", "ERider"):
        rates |= {"eta": alpha}
    devices = (soft(dw_min),) if name == "AnalogSGD" else (soft(dw_min), slow or ideal(dw_min))
    return getattr(dt.optim, name)(problem.shape, *devices, rng=3, num_threads=1, **(rates | fields))
