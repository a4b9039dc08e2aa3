"""Hand traces of the column transfer: 05 section 1 step 4, written out once per rule, for perfect reads of P.

Each twin is told P before every call and says how many pulses W receives. ``margin`` is the smallest distance of a
threshold decision from its threshold (in thresholds): a float32 core can only disagree where it is tiny.
"""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ColumnTransfer:
    """What all rules share: buffer H, average Q, reference Q~, choppers, and the walk over the columns."""

    def __init__(self, shape: tuple[int, int], rule: Any, *, fast_g: float, slow_g: float, lr: float) -> None:
        self.rule = rule
        self.rows, self.columns = shape
        self.fast_g, self.slow_g = fast_g, slow_g
        self.transfer_lr = rule.transfer_lr * (lr if rule.scale_transfer_lr else 1.0)
        self.H, self.Q, self.Q_ref = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.chopper = np.ones(self.columns)
        self.flipped = np.zeros(self.columns, dtype=bool)
        self.written = np.zeros(shape)  # signed pulses that W has received
        self.up = self.down = self.reads = self.programmed = 0
        self.sweep = self.column = 0
        self.margin = np.inf

    def transfer(self, p: NDArray[Any]) -> None:
        """One transfer event: one mini-batch has just been applied and P's weights are ``p``."""
        p = np.asarray(p, dtype=np.float64)
        for _ in range(self.rule.columns_per_transfer):
            self.reads += 1
            self.visit(self.column, p[:, self.column])
            self.column += 1
            if self.column == self.columns:
                self.column, self.sweep = 0, self.sweep + 1

    def visit(self, s: int, v: Floats) -> None:
        """Steps b to f for column s; every rule has its own."""
        raise NotImplementedError

    def buffer(self, s: int, o: Floats, threshold: float, *, write: bool) -> None:
        """Step d: pulses where the buffer reaches the threshold, and what stays in it."""
        n = np.clip(np.trunc(o / threshold), -1, 1)
        self.margin = min(self.margin, float(np.min(np.abs(np.abs(o) / threshold - 1))))
        kept = self.rule.momentum * o if self.rule.forget_buffer else o - (1 - self.rule.momentum) * n * threshold
        self.H[:, s] = np.where(n != 0, kept, o)
        if write:
            self.written[:, s] += n
            self.up += int(np.sum(n > 0))
            self.down += int(np.sum(n < 0))


class TikiTakaV2(ColumnTransfer):
    """No chopper, no average: H in weight units, threshold thres_scale times the slow device's granularity."""

    def visit(self, s: int, v: Floats) -> None:
        self.buffer(s, self.H[:, s] + self.transfer_lr * v, self.rule.thres_scale * self.slow_g, write=True)


class Tracked(ColumnTransfer):
    """Rules with an average Q of P: H counts thresholds through lambda."""

    def __init__(self, shape: tuple[int, int], rule: Any, *, fast_g: float, slow_g: float, lr: float) -> None:
        super().__init__(shape, rule, fast_g=fast_g, slow_g=slow_g, lr=lr)
        # 02 section 6.2 has the factor transfer_every, 05 section 1 leaves it out because it is 1 there
        self.scale = self.transfer_lr * self.columns * rule.transfer_every / (fast_g * rule.auto_granularity)


class ChoppedTikiTaka(Tracked):
    """c-TTv2, regular choppers: no average, no reference, and no phase in which nothing is written."""

    def __init__(self, shape: tuple[int, int], rule: Any, *, fast_g: float, slow_g: float, lr: float) -> None:
        super().__init__(shape, rule, fast_g=fast_g, slow_g=slow_g, lr=lr)
        self.phase = max(ceil(1 / rule.chop_probability), 2)

    def visit(self, s: int, v: Floats) -> None:
        self.buffer(s, self.H[:, s] + self.scale * self.chopper[s] * v, 1.0, write=True)
        if self.sweep % self.phase == self.phase - 1:
            self.chopper[s] = -self.chopper[s]


class Chopped(ChoppedTikiTaka):
    """AGAD and E-RIDER."""

    def __init__(self, shape: tuple[int, int], rule: Any, *, fast_g: float, slow_g: float, lr: float) -> None:
        super().__init__(shape, rule, fast_g=fast_g, slow_g=slow_g, lr=lr)
        self.beta = min(rule.tail_weighting / self.phase, 1.0)

    def program(self, s: int) -> None:
        """Reference array, column s: one programming event per cell."""
        self.Q_ref[:, s] = self.Q[:, s]
        self.programmed += self.rows

    def visit(self, s: int, v: Floats) -> None:
        if self.flipped[s]:
            self.program(s)
            self.flipped[s] = False
        o = self.H[:, s] + self.scale * self.chopper[s] * (v - self.Q_ref[:, s])
        self.buffer(s, o, 1.0, write=self.sweep > self.phase)
        self.Q[:, s] = (1 - self.beta) * self.Q[:, s] + self.beta * v
        if self.sweep % self.phase == self.phase - 1:
            self.chopper[s] = -self.chopper[s]
            if self.rule.program_at_flip:
                self.program(s)
            else:
                self.flipped[s] = True


class Rider(Tracked):
    """No chopping: W follows P - Q with Q before the present read, as (11b) and (12) of 01 are ordered.

    Every read rewrites Q~ (that is what E-RIDER saves) and so counts one programming event per cell.
    """

    def visit(self, s: int, v: Floats) -> None:
        self.programmed += self.rows
        self.buffer(s, self.H[:, s] + self.scale * (v - self.Q[:, s]), 1.0, write=True)
        self.Q[:, s] = (1 - self.rule.eta) * self.Q[:, s] + self.rule.eta * v


class ResidualLearning(Tracked):
    """Algorithm 4 with a Q that never moves: Q is ``Q_ref``, 0 unless the test sets it."""

    def visit(self, s: int, v: Floats) -> None:
        self.buffer(s, self.H[:, s] + self.scale * (v - self.Q_ref[:, s]), 1.0, write=True)


class FastRate:
    """The rate of P's pulses under auto_scale (02 section 6.2), vector by vector before its pulses."""

    def __init__(self, rule: Any, *, g: float, slots: int, lr: float) -> None:
        self.rate = rule.fast_lr * (lr if rule.scale_fast_lr else 1.0) * slots * g
        self.momentum = rule.auto_momentum
        self.maxima = {"x": 0.0, "d": 0.0}

    def after(self, x: NDArray[Any], d: NDArray[Any], batch: int) -> float:
        """Take one vector pair of a mini-batch in and return its rate."""
        tau = (1 - self.momentum) / batch
        for name, value in (("x", float(np.abs(x).max())), ("d", float(np.abs(d).max()))):
            old = self.maxima[name]
            self.maxima[name] = value if old <= 0 else old if value <= 0 else (1 - tau) * old + tau * value
        product = self.maxima["x"] * self.maxima["d"]
        return self.rate / product if product > 0 else self.rate


class Chain:
    """Fast arrays in a row on cells that count: stage k is a twin that is told array k and writes array k + 1."""

    def __init__(self, shape: tuple[int, int], rule: Any, *, g: float, slow_g: float, lr: float) -> None:
        last = rule.fast_arrays - 1
        self.steps = [slow_g if k == last else g for k in range(rule.fast_arrays)]
        self.stages = [ResidualLearning(shape, rule, fast_g=g, slow_g=step, lr=lr) for step in self.steps]
        every = rule.stage_every or ceil(shape[1] / rule.columns_per_transfer)
        self.periods = [rule.transfer_every * every**k for k in range(rule.fast_arrays)]
        self.shares = [rule.gamma ** (rule.fast_arrays - k) for k in range(rule.fast_arrays)]
        self.batches = 0

    def arrays(self, p: NDArray[Any]) -> list[Floats]:
        """P, P2, ..., W, where P is as given."""
        return [np.asarray(p, float), *(s.written * step for s, step in zip(self.stages, self.steps, strict=True))]

    def visible(self, p: NDArray[Any]) -> Floats:
        """W + gamma (Pn - Qn) + ... + gamma^n (P - Q)."""
        *fast, slow = self.arrays(p)
        residual = zip(self.shares, fast, self.stages, strict=True)
        total: Floats = slow + np.sum([share * (a - stage.Q_ref) for share, a, stage in residual], axis=0)
        return total

    def transfer(self, p: NDArray[Any]) -> None:
        """One mini-batch has just been applied to P, which is now ``p``."""
        self.batches += 1
        for k, (stage, period) in enumerate(zip(self.stages, self.periods, strict=True)):
            if self.batches % period == 0:
                stage.transfer(self.arrays(p)[k])  # the stage before has already written
