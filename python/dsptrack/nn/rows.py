"""Arithmetic of a matrix with one vector for all of its rows, quick for many short rows."""

import math

import numpy as np

from .layer import FloatArray

_MANY = 256  # rows; below, plain broadcasting is as quick
_TOGETHER = 64


def add_in_place(y: FloatArray, terms: FloatArray) -> None:
    """Add `terms` (M,) to every row of `y` (V, M)."""
    wide, tiled = _wide(y, terms)
    wide += tiled


def _wide(y: FloatArray, vector: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return views with many rows side by side: NumPy's inner loop runs along a row, and each start costs."""
    together = math.gcd(len(y), _TOGETHER) if len(y) >= _MANY else 1
    if together == 1:
        return y, vector
    width = together * len(vector)
    return y.reshape(len(y) // together, width), np.broadcast_to(vector, (together, len(vector))).reshape(width)
