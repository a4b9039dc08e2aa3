"""The compiled grid in plain NumPy: tile after tile, sums and factors spelt out; and a place to put another update."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from dsptrack import _core


class SlowGrid:
    """What ``_core.Grid`` does, with its interface; `step` is what an update does to one tile."""

    @staticmethod
    def step(tile: Any, x: np.ndarray, d: np.ndarray, lr: float) -> None:
        """Learn from the vectors `x` (V, N) and the errors `d` (V, M) of one tile."""
        tile.update(x, d, lr)

    def __init__(
        self,
        tiles: Sequence[Any],
        row_sizes: Sequence[int],
        column_sizes: Sequence[int],
        learn_gain: bool,
        num_threads: int | None,
    ) -> None:
        self.tiles, self.learn_gain = tiles, learn_gain
        self.rows, self.columns = (
            [slice(end - size, end) for size, end in zip(sizes, np.cumsum(sizes).tolist(), strict=True)]
            for sizes in (row_sizes, column_sizes)
        )
        self._factors: list[tuple[Any, float]] = [(None, 1.0) for _ in tiles]

    def factors(self) -> list[tuple[Any, float]]:
        return list(self._factors)

    def set_factors(self, index: int, scale: Any, gain: float) -> None:
        self._factors[index] = (scale, gain)

    def _blocks(self) -> list[tuple[Any, slice, slice, int]]:
        """Every tile with its rows, its columns and its number."""
        places = [(rows, columns) for rows in self.rows for columns in self.columns]
        return [(tile, *place, i) for i, (tile, place) in enumerate(zip(self.tiles, places, strict=True))]

    def forward(self, x: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        self.x, self.outputs = x, list[np.ndarray]()
        y = np.zeros((len(x), self.rows[-1].stop), np.float32)
        for tile, rows, columns, i in self._blocks():
            scale, gain = self._factors[i]
            part = tile.forward(np.ascontiguousarray(x[:, columns]))
            part = part if scale is None else part * scale
            self.outputs.append(part)
            y[:, rows] += part * np.float32(gain)
        return y if bias is None else y + bias

    def forward_patches(self, x: np.ndarray, windows: Any, bias: np.ndarray | None) -> np.ndarray:
        y = self.forward(windows.gather(x), bias)
        return y.reshape(len(x), *windows.positions(x.shape), -1).transpose(0, 3, 1, 2)

    def backward_patches(self, grad: np.ndarray, windows: Any, shape: tuple[int, ...], wanted: bool) -> Any:
        dx = self.backward(grad.transpose(0, 2, 3, 1).reshape(-1, grad.shape[1]), wanted)
        return None if dx is None else windows.scatter(dx, shape)

    def backward(self, grad: np.ndarray, wanted: bool) -> np.ndarray | None:
        self.grad = grad
        dx = np.zeros_like(self.x)
        for tile, rows, columns, i in self._blocks() if wanted else []:
            scale, gain = self._factors[i]
            factor = np.float32(gain) if scale is None else scale * np.float32(gain)
            dx[:, columns] += tile.backward(np.ascontiguousarray(grad[:, rows] * factor))
        return dx if wanted else None

    def update(self, factor: float, lr: float) -> None:
        for tile, rows, columns, i in self._blocks():
            scale, gain = self._factors[i]
            inverse = np.float32(gain) if scale is None else np.float32(1) / scale * np.float32(gain)
            error = np.ascontiguousarray(self.grad[:, rows] * inverse) * np.float32(factor)
            self.step(tile, np.ascontiguousarray(self.x[:, columns]), error, lr)
            if self.learn_gain:
                self._factors[i] = (scale, gain - lr * float(np.vdot(self.grad[:, rows], self.outputs[i])))


def update_slow_grids(parts: Iterable[tuple[SlowGrid, float, tuple[np.ndarray, np.ndarray] | None]], lr: float) -> None:
    """What ``_core.update_grids`` does."""
    for grid, factor, bias in parts:
        grid.update(factor, lr)
        if bias is not None:
            value, gradient = bias
            value -= lr * gradient


def use(monkeypatch: pytest.MonkeyPatch, step: Callable[..., None] | None = None) -> None:
    """Let the layers made from now on run on slow grids, whose tiles learn by `step`."""
    monkeypatch.setattr(_core, "Grid", SlowGrid)
    monkeypatch.setattr(_core, "update_grids", update_slow_grids)
    if step is not None:
        monkeypatch.setattr(SlowGrid, "step", staticmethod(step))
