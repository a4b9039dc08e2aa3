"""The moving average Q: a first-order low-pass of what is read (12)."""

import copy
from collections.abc import Iterator
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks
from dsptrack._state import Entries, State
from dsptrack.exceptions import NonFiniteError, ShapeError

Floats = NDArray[np.float32]

# Numbers averaged at a time: the temporaries stay small however large the array is.
_BLOCK = 1 << 16


class MovingAverage:
    """Q <- (1 - eta) Q + eta P, starting at 0.

    Parameters
    ----------
    shape
        (M, N), both >= 1.
    eta
        Rate, 0 to 1; 0 keeps Q.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    Equation (12). Q is float32, 4 bytes a cell: a step eta (P - Q) below about 6e-8 |Q| is lost in rounding, so with a
    rate eta the average settles within about 6e-8 |Q| / eta of its limit.

    Examples
    --------
    >>> average = MovingAverage((1, 2), 0.5)
    >>> average.update([[1.0, -1.0]])
    >>> average.update([[1.0, -1.0]])
    >>> average.value
    array([[ 0.75, -0.75]], dtype=float32)
    """

    __slots__ = ("_eta", "_value")

    def __init__(self, shape: tuple[int, int], eta: float) -> None:
        self._eta = _checks.number("eta", eta, low=0.0, high=1.0)
        self._value = np.zeros(_checks.shape(shape), dtype=np.float32)

    @property
    def eta(self) -> float:
        """The rate."""
        return self._eta

    @property
    def value(self) -> Floats:
        """A copy of Q, float32 (M, N)."""
        return self._value.copy()

    def set(self, value: ArrayLike) -> None:
        """Start again from this Q, (M, N).

        Examples
        --------
        >>> average = MovingAverage((1, 1), 0.5)
        >>> average.set([[2.0]])
        >>> average.value
        array([[2.]], dtype=float32)
        """
        self._value[...] = reading("value", value, self._value.shape)

    def update(self, p: ArrayLike) -> None:
        """Take in one reading P, (M, N).

        Raises
        ------
        ShapeError, NonFiniteError
            If it has another shape or is not finite; Q stays as it was.

        Examples
        --------
        >>> average = MovingAverage((1, 1), 0.25)
        >>> average.update([[4.0]])
        >>> average.value
        array([[1.]], dtype=float32)
        """
        self._take(reading("p", p, self._value.shape))

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def _snapshot(self) -> State:
        return {"value": self.value}

    def _restored(self, state: Entries) -> Self:
        """Return an average like this one in another state."""
        new = copy.copy(self)
        new._value = state.plane("value", np.float32, self._value.shape)
        state.finish()
        return new

    def _take(self, p: Floats) -> None:
        """Take in a reading that has been checked."""
        for part, new in zip(_blocks(self._value), _blocks(p), strict=True):
            step = new - part
            step *= self._eta
            part += step


def reading(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return finite float32 values of this shape."""
    array = _checks.floats(name, value, len(shape))
    if array.shape != shape:
        raise ShapeError(f"{name} has shape {array.shape}: must have {shape}")
    if not all(np.isfinite(part).all() for part in _blocks(array)):
        raise NonFiniteError(f"{name} holds NaN or infinity: must be finite")
    return array


def _blocks(array: Floats) -> Iterator[Floats]:
    """Cut a C-contiguous array into views of limited size."""
    flat = array.reshape(-1)
    return (flat[at : at + _BLOCK] for at in range(0, flat.size, _BLOCK))
