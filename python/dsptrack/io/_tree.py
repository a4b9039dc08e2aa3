"""Nested dicts taken apart into arrays by name and a tree that JSON can hold, and put together again.

The name of an array is its JSON Pointer (RFC 6901): ``/arrays/W/state``. In the tree null keeps its place.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsptrack.exceptions import ConfigError, SnapshotError

Arrays = dict[str, NDArray[Any]]

_WHOLE = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_DTYPES = frozenset({"bool", "float16", "float32", "float64"} | _WHOLE)
_DEEPEST = 64


def split(state: Mapping[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Return the tree without arrays, and the arrays by their pointers.

    Raises
    ------
    ConfigError
        If something in it is neither an array of numbers nor plain, a number that is not finite, or nested too deeply.

    Examples
    --------
    >>> tree, arrays = split({"name": "a", "planes": [np.zeros(2)]})
    >>> tree, list(arrays)
    ({'name': 'a', 'planes': [None]}, ['/planes/0'])
    """
    if not isinstance(state, Mapping):
        raise ConfigError(f"state is of type {type(state).__name__}: must be a dict")
    arrays: Arrays = {}
    tree: dict[str, Any] = _taken_apart(state, "", arrays)
    return tree, arrays


def _taken_apart(value: Any, path: str, arrays: Arrays) -> Any:
    if path.count("/") > _DEEPEST:
        raise ConfigError(f"state{path}: must not be nested more than {_DEEPEST} levels deep")
    if isinstance(value, Mapping):
        return {_key(k, path): _taken_apart(v, f"{path}/{_escaped(k)}", arrays) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_taken_apart(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]
    if isinstance(value, np.ndarray):
        if value.dtype.name not in _DTYPES:
            raise ConfigError(f"state{path} has dtype {value.dtype}: must be one of {', '.join(sorted(_DTYPES))}")
        arrays[path] = np.require(np.asarray(value), value.dtype.newbyteorder("="), ["C", "A"])
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ConfigError(f"state{path} = {value!r}: must be a dict, a list, an array, a string, a finite number or None")


def _key(key: Any, path: str) -> str:
    try:
        if isinstance(key, str) and key.encode() is not None:
            return key
    except UnicodeEncodeError:
        pass
    raise ConfigError(f"state{path} has the key {key!r}: must be a string of Unicode characters")


def _escaped(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def join(tree: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """Put every array into its place in the tree.

    Raises
    ------
    SnapshotError
        If the tree keeps no place for an array.

    Examples
    --------
    >>> join({"planes": [None]}, {"/planes/0": np.zeros(2)})
    {'planes': [array([0., 0.])]}
    """
    for pointer, array in arrays.items():
        *path, last = pointer.split("/")[1:] or [""]
        place: Any = tree
        for step in path:
            place = _inside(place, step, pointer)
        if _inside(place, last, pointer) is not None:
            raise SnapshotError(f"array {pointer!r}: its place in the structure is taken")
        place[_index(place, last)] = array
    return tree


def _inside(place: Any, step: str, pointer: str) -> Any:
    try:
        return place[_index(place, step)]
    except (LookupError, TypeError, ValueError):
        raise SnapshotError(f"array {pointer!r}: the structure has no place for it") from None


def _index(place: Any, step: str) -> Any:
    return int(step) if isinstance(place, list) else step.replace("~1", "/").replace("~0", "~")
