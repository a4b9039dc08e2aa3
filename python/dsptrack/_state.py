"""State dicts of arrays, tiles and optimizers: what stands around a state, and what is checked before it is read."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import _core
from ._config import Config
from .exceptions import DspError, SnapshotError

State = dict[str, Any]

_FORMAT = 1
# The core's limit of a count
_MOST = 1 << 56


def pack(kind: str, shape: tuple[int, int], configs: Mapping[str, Config], core: State) -> State:
    """Return the state dict of an object: versions, shape, configurations, and the state itself."""
    head = {
        "kind": kind,
        "format": _FORMAT,
        "dsptrack": _core.__version__,
        "stream_version": _core.STREAM_VERSION,
        "shape": list(shape),
    }
    return head | {name: config.to_dict() for name, config in configs.items()} | {"state": core}


def unpack(state: Any, kind: str, configs: Mapping[str, type[Config]]) -> tuple[tuple[int, int], dict[str, Any], State]:
    """Return shape, configurations and the state itself, at which nobody has looked yet.

    Raises
    ------
    SnapshotError
        If it is no state of this kind, of another format or stream version, or a configuration is not valid.
    """
    if not isinstance(state, Mapping):
        raise SnapshotError(f"state is of type {type(state).__name__}: must be a dict")
    names = ("kind", "format", "dsptrack", "stream_version", "shape", *configs, "state")
    for name in names:
        if name not in state:
            raise SnapshotError(f"state has no {name!r}: must have {', '.join(names)}")
    unknown = [repr(name) for name in state if name not in names]
    if unknown:
        raise SnapshotError(f"state has {', '.join(unknown)}: must have {', '.join(names)}")
    writer = f"written by dsptrack {state['dsptrack']!r}"
    _must_be("kind", state["kind"], kind, writer)
    _must_be("format", state["format"], _FORMAT, writer)
    _must_be("stream_version", state["stream_version"], _core.STREAM_VERSION, writer)
    core = state["state"]
    if not isinstance(core, dict):
        raise SnapshotError(f"state['state'] is of type {type(core).__name__}: must be a dict")
    return _shape(state["shape"]), {name: _config(name, state[name], cls) for name, cls in configs.items()}, core


def _must_be(name: str, value: Any, expected: Any, writer: str) -> None:
    if type(value) is not type(expected) or value != expected:
        raise SnapshotError(f"{name} = {value!r}: must be {expected!r} here ({writer})")


def _shape(value: Any) -> tuple[int, int]:
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(size) is int and size >= 1 for size in value):
        return value[0], value[1]
    raise SnapshotError(f"shape = {value!r}: must be a pair of integers >= 1")


def _config(name: str, value: Any, cls: type[Config]) -> Config:
    try:
        return cls.from_dict(value)
    except DspError as error:
        raise SnapshotError(f"{name}: {error}") from None


def require_same(name: str, value: Any, own: Any) -> None:
    """Refuse a state whose shape or configuration is not the object's own."""
    if isinstance(value, Config) and isinstance(own, Config):
        value, own = value.to_dict(), own.to_dict()
    if differing := list(_differences(name, value, own)):
        raise SnapshotError("; ".join(differing))


def _differences(name: str, value: Any, own: Any) -> Iterator[str]:
    """Yield a sentence for every number or word that differs; of other kinds of configurations only that."""
    if isinstance(value, dict) and isinstance(own, dict) and value["kind"] == own["kind"]:
        for field, mine in own.items():
            yield from _differences(f"{name}.{field}", value[field], mine)
    elif isinstance(value, dict) and isinstance(own, dict):
        yield f"{name}.kind = {value['kind']!r}: must be the object's own, {own['kind']!r}"
    elif value != own:
        yield f"{name} = {value!r}: must be the object's own, {own!r}"


def require_planes(parts: Any, shape: tuple[int, int]) -> None:
    """Refuse a shape that no array in the state has: an object of that shape is about to be made."""
    parts = list(parts.values()) if isinstance(parts, dict) else [None]
    for part in parts:
        plane = part.get("state") if isinstance(part, dict) else None
        if not isinstance(plane, np.ndarray) or plane.shape != shape:
            given = plane.shape if isinstance(plane, np.ndarray) else "none"
            raise SnapshotError(f"shape = {shape}: must be that of the arrays' states, {given}")


def reduced(thing: Any, num_threads: int) -> tuple[Any, ...]:
    """Return how copy and pickle make an object again: from its state, with what a class derived from it has added."""
    return _rebuilt, (type(thing), thing.state_dict(), num_threads), getattr(thing, "__dict__", None) or None


def _rebuilt(cls: Any, state: State, num_threads: int) -> Any:
    return cls.from_state_dict(state, num_threads=num_threads)


class Entries:
    """Takes entries out of a state; what is missing, mistyped or left over is a SnapshotError that names its place."""

    __slots__ = ("_left", "_path")

    def __init__(self, state: Any, path: str = "") -> None:
        if not isinstance(state, Mapping):
            raise SnapshotError(f"{path.rstrip('.')}: must be a dict")
        self._left, self._path = dict(state), path

    def refuse(self, name: str, problem: str) -> SnapshotError:
        """Return the error about an entry."""
        return SnapshotError(f"{self._path}{name}: {problem}")

    def take(self, name: str) -> Any:
        """Take out any entry."""
        if name not in self._left:
            raise self.refuse(name, "is missing")
        return self._left.pop(name)

    def rest(self) -> dict[str, Any]:
        """Return what was not taken out yet."""
        return dict(self._left)

    def part(self, name: str) -> "Entries":
        """Take out the state of a part."""
        return Entries(self.take(name), f"{self._path}{name}.")

    def count(self, name: str) -> int:
        """Take out an integer from 0 to 2^56."""
        value = self.take(name)
        if type(value) is not int or not 0 <= value <= _MOST:
            raise self.refuse(name, f"is {value!r}: must be an integer from 0 to {_MOST}")
        return value

    def plane(self, name: str, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
        """Take out a copy of an array of finite numbers."""
        value = self.take(name)
        if not isinstance(value, np.ndarray) or value.dtype != dtype or value.shape != shape:
            found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
            raise self.refuse(name, f"is {found}: must be an array {np.dtype(dtype)} {shape}")
        if not np.isfinite(value).all():
            raise self.refuse(name, "must be finite")
        return value.copy()

    def finish(self) -> None:
        """Refuse what nobody took out."""
        for name in self._left:
            raise self.refuse(str(name), "is unknown here")
