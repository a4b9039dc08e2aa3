"""Grids of configurations, and what a configuration may hold."""

import itertools
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from dsptrack.exceptions import ConfigError

Configuration = dict[str, Any]


def grid(**axes: Iterable[Any]) -> list[Configuration]:
    """Return the configurations of a grid, the last axis fastest.

    Parameters
    ----------
    **axes
        For every key the values that it takes, at least one.

    Returns
    -------
    list of dict
        One configuration for every combination; two grids are joined with ``+``.

    Raises
    ------
    ConfigError
        If an axis is empty, or text in place of a list.

    Examples
    --------
    >>> import dsptrack as dt
    >>> dt.sweep.grid(method=["agad", "e-rider"], std=[0.05])
    [{'method': 'agad', 'std': 0.05}, {'method': 'e-rider', 'std': 0.05}]
    """
    values = {}
    for name, axis in axes.items():
        if isinstance(axis, str | Mapping) or not isinstance(axis, Iterable) or not (listed := list(axis)):
            raise ConfigError(f"{name} = {axis!r}: must be a list of one or more values")
        values[name] = listed
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def checked(values: Mapping[str, Any], what: str = "configuration") -> Configuration:
    """Return a copy that is as it will be read back from JSON: tuples and arrays become lists, NumPy's numbers plain.

    `what` the values are begins the message of an error.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{what} = {values!r}: must be a dict")
    return {_key(what, name): _plain(str(name), value) for name, value in values.items()}


def canonical(values: Mapping[str, Any]) -> str:
    """Return the one text that equal plain values have."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)


def alike(values: Mapping[str, Any]) -> str:
    """Return the one text that plain values have which differ in nothing but 1 and 1.0."""
    return canonical(_whole(values))


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _whole(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_whole(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(path: str, value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {_key(path, name): _plain(f"{path}.{name}", entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(f"{path}[{i}]", entry) for i, entry in enumerate(value)]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ConfigError(f"{path} = {value!r}: must be None, text, a bool, a finite number, or a list or dict of these")


def _key(path: str, name: Any) -> str:
    if not isinstance(name, str):
        raise ConfigError(f"{path}: key {name!r} must be text")
    return name
