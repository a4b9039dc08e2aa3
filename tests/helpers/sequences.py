"""Float64 twins of Algorithms 2 to 4 in mean field, written from 01-paper.md, for soft-bounds cells without noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Residual:
    """(11a), (11b) with a fixed Q; ``cells`` are twins of the two populations."""

    def __init__(self, fast: Any, slow: Any, *, alpha: float, beta: float, gamma: float, q: Any = 0.0) -> None:
        self.fast, self.slow = fast, slow
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        shape = fast.max_bound.shape
        self.P, self.W = fast.clip(fast.reference) - fast.reference, slow.clip(slow.reference) - slow.reference
        self.Q, self.Q_ref = np.zeros(shape), np.zeros(shape) + q
        self.c = 1.0

    def visible(self) -> Floats:
        """W̄, where the gradient is taken."""
        return np.asarray(self.W + self.gamma * self.c * (self.P - self.Q_ref))

    def step(self, gradient: Floats) -> None:
        """One k."""
        self.P = self.fast.mean_field(self.P, -self.alpha * self.c * gradient)
        self.W = self.slow.mean_field(self.W, self.beta * self.c * (self.P - self.Q_ref))
        self.track()

    def track(self) -> None:
        """What happens to Q: nothing."""


class Rider(Residual):
    """Q follows P by (12), and stands for Q~ at every step."""

    def __init__(self, fast: Any, slow: Any, *, eta: float, **rates: float) -> None:
        super().__init__(fast, slow, **rates)
        self.eta = eta

    def track(self) -> None:
        """(12)."""
        self.Q = (1 - self.eta) * self.Q + self.eta * self.P
        self.Q_ref = self.Q


class ERider(Rider):
    """Algorithm 3 with regular choppers: a turn after every ``phase``-th step."""

    def __init__(self, fast: Any, slow: Any, *, phase: int, **rates: float) -> None:
        super().__init__(fast, slow, **rates)
        self.phase, self.k, self.turns = phase, 0, 0

    def track(self) -> None:
        """(12), then the chopper, then Q~ where it turned."""
        self.Q = (1 - self.eta) * self.Q + self.eta * self.P
        self.k += 1
        if self.k % self.phase == 0:
            self.c, self.Q_ref, self.turns = -self.c, self.Q, self.turns + 1
