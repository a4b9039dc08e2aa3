"""Tiles whose forward and backward reads are perfect, and two ways to step them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsptrack as dt


def tile(shape: tuple[int, int], algorithm: Any, rng: int = 7, **fields: Any) -> Any:
    """A tile with perfect reads."""
    defaults: dict[str, Any] = {"forward": dt.Periphery.ideal(), "backward": dt.Periphery.ideal(), "rng": rng}
    return dt.AnalogTile(shape, algorithm, **(defaults | fields))


def drive(t: Any, x: NDArray[Any], d: NDArray[Any], lr: float = 0.1) -> None:
    """One mini-batch."""
    t.update(np.asarray(x, dtype=np.float32), np.asarray(d, dtype=np.float32), lr)


def idle(t: Any, lr: float = 0.1, batch: int = 1) -> None:
    """One mini-batch whose error is zero: no pulse on P, but the transfer happens."""
    rows, columns = t.shape
    drive(t, np.ones((batch, columns)), np.zeros((batch, rows)), lr)
