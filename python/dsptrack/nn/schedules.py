"""Learning rates as functions of the training time, counted in epochs from 0.

``nn.Trainer`` takes one as `lr`, or any other callable. It asks once an epoch, with the number of epochs that are done
(0, 1, …), or under ``lr_every="batch"`` before every mini-batch, with a fraction of an epoch added.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise

from dsptrack._checks import number, whole
from dsptrack.exceptions import ConfigError

__all__ = ["Constant", "Cosine", "Exponential", "MultiStep", "Schedule", "Step", "Warmup"]


class Schedule(ABC):
    """A learning rate that depends on the time t, in epochs, t >= 0.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(dt.nn.schedules.Constant(lr=0.1), dt.nn.schedules.Schedule)
    True
    """

    @abstractmethod
    def __call__(self, t: float) -> float:
        """Return the learning rate at time `t`."""


@dataclass(frozen=True, kw_only=True)
class _From(Schedule):
    """A schedule that starts at `lr`."""

    lr: float

    def __post_init__(self) -> None:
        """Check what all have."""
        number("lr", self.lr, low=0.0)


@dataclass(frozen=True, kw_only=True)
class Constant(_From):
    """Always `lr`.

    Parameters
    ----------
    lr
        Rate, >= 0.

    Raises
    ------
    ConfigError
        If `lr` is out of range.

    Examples
    --------
    >>> Constant(lr=0.1)(7)
    0.1
    """

    def __call__(self, t: float) -> float:
        """Return `lr`."""
        return self.lr


@dataclass(frozen=True, kw_only=True)
class Step(_From):
    """lr factor^⌊t / every⌋: multiplied by `factor` every so many epochs.

    Parameters
    ----------
    lr
        Rate at the start, >= 0.
    every
        Epochs between steps, >= 1.
    factor
        What a step multiplies by, > 0.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Examples
    --------
    >>> [Step(lr=1.0, every=10, factor=0.5)(t) for t in (0, 9, 10, 25)]
    [1.0, 1.0, 0.5, 0.25]
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        """Check."""
        super().__post_init__()
        whole("every", self.every, 1)
        number("factor", self.factor, above=0.0)

    def __call__(self, t: float) -> float:
        """Return the rate at time `t`."""
        return self.lr * self.factor ** math.floor(t / self.every)


@dataclass(frozen=True, kw_only=True)
class MultiStep(_From):
    """lr factor^k, where k of the `milestones` are at or before t.

    Parameters
    ----------
    lr
        Rate at the start, >= 0.
    milestones
        Epochs of the steps, >= 1, ascending.
    factor
        What a step multiplies by, > 0.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Examples
    --------
    >>> [MultiStep(lr=1.0, milestones=(2, 5), factor=0.5)(t) for t in (0, 2, 4, 5)]
    [1.0, 0.5, 0.5, 0.25]
    """

    milestones: tuple[int, ...]
    factor: float = 0.1

    def __post_init__(self) -> None:
        """Check."""
        super().__post_init__()
        try:
            milestones = tuple(whole("milestones", epoch, 1) for epoch in self.milestones)
        except TypeError:
            raise ConfigError(f"milestones = {self.milestones!r}: must be a sequence of epochs") from None
        if any(later <= earlier for earlier, later in pairwise(milestones)):
            raise ConfigError(f"milestones = {milestones}: must be ascending")
        object.__setattr__(self, "milestones", milestones)
        number("factor", self.factor, above=0.0)

    def __call__(self, t: float) -> float:
        """Return the rate at time `t`."""
        return self.lr * self.factor ** sum(epoch <= t for epoch in self.milestones)


@dataclass(frozen=True, kw_only=True)
class Exponential(_From):
    """lr factor^t.

    Parameters
    ----------
    lr
        Rate at the start, >= 0.
    factor
        What an epoch multiplies by, > 0.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Examples
    --------
    >>> Exponential(lr=1.0, factor=0.5)(3)
    0.125
    """

    factor: float

    def __post_init__(self) -> None:
        """Check."""
        super().__post_init__()
        number("factor", self.factor, above=0.0)

    def __call__(self, t: float) -> float:
        """Return the rate at time `t`."""
        return float(self.lr * self.factor**t)


@dataclass(frozen=True, kw_only=True)
class Cosine(_From):
    """lr_min + (lr - lr_min) (1 + cos(π t / epochs)) / 2, and `lr_min` from t = `epochs` on.

    Parameters
    ----------
    lr
        Rate at the start, >= 0.
    epochs
        Epochs from `lr` to `lr_min`, >= 1.
    lr_min
        Rate at the end, >= 0.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Notes
    -----
    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, without the restarts.

    Examples
    --------
    >>> [round(Cosine(lr=1.0, epochs=10)(t), 3) for t in (0, 5, 10, 11)]
    [1.0, 0.5, 0.0, 0.0]
    """

    epochs: int
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        """Check."""
        super().__post_init__()
        whole("epochs", self.epochs, 1)
        number("lr_min", self.lr_min, low=0.0)

    def __call__(self, t: float) -> float:
        """Return the rate at time `t`."""
        share = (1.0 + math.cos(math.pi * min(t / self.epochs, 1.0))) / 2.0
        return self.lr_min + (self.lr - self.lr_min) * share


@dataclass(frozen=True, kw_only=True)
class Warmup(Schedule):
    """A ramp in front of another schedule s: (start + (1 - start) t / epochs) s(0), from t = `epochs` on s(t - epochs).

    Parameters
    ----------
    then
        The other schedule.
    epochs
        Length of the ramp, > 0; below one epoch it needs ``lr_every="batch"``.
    start
        Where the ramp starts, as a share of s(0), 0 to 1.

    Raises
    ------
    ConfigError
        If a parameter is out of range.

    Examples
    --------
    >>> [Warmup(then=Step(lr=1.0, every=2), epochs=4, start=0.0)(t) for t in (0, 2, 4, 6)]
    [0.0, 0.5, 1.0, 0.1]
    """

    then: Schedule
    epochs: float
    start: float = 0.1

    def __post_init__(self) -> None:
        """Check."""
        if not isinstance(self.then, Schedule):
            raise ConfigError(f"then = {self.then!r}: must be a Schedule")
        number("epochs", self.epochs, above=0.0)
        number("start", self.start, low=0.0, high=1.0)

    def __call__(self, t: float) -> float:
        """Return the rate at time `t`."""
        if t >= self.epochs:
            return self.then(t - self.epochs)
        return (self.start + (1.0 - self.start) * t / self.epochs) * self.then(0.0)
