"""Checks of plain arguments, and the one conversion of arrays on their way into the core.

Configuration fields are checked by the core alone; shapes and finiteness of arrays too.
"""

import math
import operator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .exceptions import ConfigError, NonFiniteError, ShapeError

Floats32 = NDArray[np.float32]

_REAL = (int, float, np.integer, np.floating)
_FLOAT32 = np.dtype(np.float32)
_INT64 = np.dtype(np.int64)
_T = TypeVar("_T", bound=np.generic)

# Characters of a value that a message shows.
_LONGEST = 200

MAX_COUNT = 2**32 - 1
"""Largest count that the core takes in one call."""


def shown(value: Any) -> str:
    """Return the repr of a value for a message; an object that is wrong may not even have one."""
    try:
        text = repr(value)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"
    except Exception:
        return f"<{type(value).__name__} without a repr>"


def whole(name: str, value: Any, low: int, high: int = MAX_COUNT) -> int:
    """Return `value` as an int from `low` to `high`; True and False are not counts."""
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, bool) or not low <= count <= high:
        raise ConfigError(f"{name} = {shown(value)}: must be an integer from {low} to {high}")
    return count


def number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return `value` as a finite float in [`low`, `high`] and strictly between `above` and `below`."""
    if type(value) is np.ndarray and value.ndim == 0:
        value = value[()]
    try:
        real = float(value) if isinstance(value, _REAL) and not isinstance(value, bool) else math.nan
    except OverflowError:  # an int beyond the range of floats
        real = math.inf
    if not (math.isfinite(real) and low <= real <= high and above < real < below):
        limits = [(">=", low), (">", above), ("<=", high), ("<", below)]
        words = " and ".join(f"{sign} {limit:g}" for sign, limit in limits if math.isfinite(limit))
        raise ConfigError(f"{name} = {shown(value)}: must be a finite number {words}".rstrip())
    return real


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool, from a bool."""
    if not isinstance(value, bool | np.bool_):
        raise ConfigError(f"{name} = {value!r}: must be True or False")
    return bool(value)


def instance(name: str, value: Any, kind: type[Any]) -> Any:
    """Return `value` if it is of this class."""
    if not isinstance(value, kind):
        raise ConfigError(f"{name} = {shown(value)}: must be a {kind.__name__}")
    return value


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is among `allowed`."""
    if not (isinstance(value, str) and value in allowed):
        raise ConfigError(f"{name} = {shown(value)}: must be one of {', '.join(map(repr, allowed))}")
    return value


def shape(value: Any) -> tuple[int, int]:
    """Return `value` as (M, N), both at least 1."""
    try:
        rows, columns = value
    except (TypeError, ValueError):
        raise ConfigError(f"shape = {shown(value)}: must be a pair (M, N) of integers >= 1") from None
    return whole("shape[0]", rows, 1), whole("shape[1]", columns, 1)


def threads(value: Any) -> int | None:
    """Return a number of threads, or None for the default."""
    return None if value is None else whole("num_threads", value, 1, 1024)


def matrix(name: str, value: ArrayLike) -> Floats32:
    """Return `value` as a matrix that the core takes; too large numbers become infinite and are refused there."""
    return floats(name, value, 2)


def floats(name: str, value: ArrayLike, dimensions: int) -> Floats32:
    """Return `value` as an array with so many dimensions that the core takes."""
    return _dimensional(name, tensor(name, value), dimensions)


def tensor(name: str, value: ArrayLike) -> Floats32:
    """Return `value` as an array with any dimensions that the core takes."""
    # The hot path of training copies nothing; NumPy has one object for native float32, and `is` is ten times faster.
    if type(value) is np.ndarray and value.dtype is _FLOAT32 and (flags := value.flags).c_contiguous and flags.aligned:
        return value
    real = _real(name, value, "fiub", "real numbers")
    with np.errstate(over="ignore"):
        return np.require(real, np.float32, ["C", "A"])


def like(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Floats32:
    """Return `value` as an array of this shape that the core takes."""
    array = tensor(name, value)
    if array.shape != shape:
        raise ShapeError(f"{name} has shape {array.shape}: must have {shape}")
    return array


def signs(name: str, value: ArrayLike) -> NDArray[np.int8]:
    """Return `value` as a matrix of -1, 0 and +1 that the core takes."""
    array = _real(name, value, "iu", "the integers -1, 0 and +1")
    if np.any((array < -1) | (array > 1)):
        raise ConfigError(f"{name} holds integers from {array.min()} to {array.max()}: must be -1, 0 or +1")
    return _dimensional(name, np.require(array, np.int8, ["C", "A"]), 2)


def integers(name: str, value: ArrayLike) -> NDArray[np.int64]:
    """Return `value` as an int64 array; what is too large for it becomes negative."""
    # Labels are looked at in every mini-batch.
    if type(value) is np.ndarray and value.dtype is _INT64:
        return value
    array = _real(name, value, "fiu", "integers")
    # An empty list has no type of its own: NumPy calls it real.
    if array.dtype.kind == "f" and array.size:
        raise ConfigError(f"{name} has dtype {array.dtype}: must hold integers")
    return array.astype(np.int64)


def doubles(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return `value` as a finite float64 array, for formulas that stay in Python."""
    array = np.asarray(_real(name, value, "fiub", "real numbers"), dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise NonFiniteError(f"{name} holds NaN or infinity: must be finite")
    return array


def _dimensional(name: str, array: NDArray[_T], dimensions: int) -> NDArray[_T]:
    if array.ndim != dimensions:
        raise ShapeError(f"{name} has shape {array.shape}: must have {dimensions} dimensions")
    return array


def _real(name: str, value: ArrayLike, kinds: str, allowed: str) -> NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ConfigError(f"{name} has masked values: must hold numbers only (fill them, or leave them out)")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        raise ShapeError(f"{name} is ragged: must be a rectangular array") from None
    if array.dtype.kind not in kinds:
        raise ConfigError(f"{name} has dtype {array.dtype}: must hold {allowed}")
    return array
