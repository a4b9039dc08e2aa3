"""Checks of what `Layer.load_state_dict` is given."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from dsptrack._checks import Floats32, floats
from dsptrack.exceptions import NonFiniteError, ShapeError, StateError


def entries(owner: object, state: object, names: Collection[str]) -> Mapping[str, Any]:
    """Return `state` if it is a mapping with exactly the entries `names`."""
    if not isinstance(state, Mapping):
        raise StateError(f"state of {owner!r} is a {type(state).__name__}: must be a mapping")
    if set(state) != set(names):
        raise StateError(f"state of {owner!r} has the entries {sorted(map(str, state))}: must have {sorted(names)}")
    return state


def array(name: str, value: object, shape: tuple[int, ...]) -> Floats32:
    """Return a copy of `value` as a finite float32 array of this shape."""
    values = floats(name, value, len(shape))  # type: ignore[arg-type]  # it refuses what is no array
    if values.shape != shape:
        raise ShapeError(f"{name} has shape {values.shape}; expected {shape}")
    if not np.isfinite(values).all():
        raise NonFiniteError(f"{name} holds NaN or infinity: must be finite")
    return values.copy()
