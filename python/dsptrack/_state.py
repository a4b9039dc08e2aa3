"""State dicts of arrays and tiles: what stands around the core's state, and what is checked before it is read."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _core
from ._config import Config
from .exceptions import DspError, SnapshotError

State = dict[str, Any]

_FORMAT = 1


def pack(kind: str, shape: tuple[int, int], configs: Mapping[str, Config], core: State) -> State:
    """Return the state dict of an object: versions, shape, configurations, and the core's state."""
    head = {
        "kind": kind,
        "format": _FORMAT,
        "dsptrack": _core.__version__,
        "stream_version": _core.STREAM_VERSION,
        "shape": list(shape),
    }
    return head | {name: config.to_dict() for name, config in configs.items()} | {"state": core}


def unpack(state: Any, kind: str, configs: Mapping[str, type[Config]]) -> tuple[tuple[int, int], dict[str, Any], State]:
    """Return shape, configurations and the core's state; the core has not looked at it yet.

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
    if value != own:
        raise SnapshotError(f"{name} = {value!r}: must be the object's own, {own!r}")


def require_planes(parts: Any, shape: tuple[int, int]) -> None:
    """Refuse a shape that no array in the state has: an object of that shape is about to be made."""
    parts = list(parts.values()) if isinstance(parts, dict) else [None]
    for part in parts:
        plane = part.get("state") if isinstance(part, dict) else None
        if not isinstance(plane, np.ndarray) or plane.shape != shape:
            given = plane.shape if isinstance(plane, np.ndarray) else "none"
            raise SnapshotError(f"shape = {shape}: must be that of the arrays' states, {given}")
