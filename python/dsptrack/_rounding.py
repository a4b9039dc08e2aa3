"""Whole numbers out of floating-point ones."""

import math


def least_whole(x: float) -> int:
    """Return the least whole number >= x, but the one just below where x lies above it by rounding only.

    In floating point 1/p of p = 1/49 lies above 49, which must not make 50 steps of it; the core rounds alike.
    """
    return math.ceil(x * (1 - 1e-12))
