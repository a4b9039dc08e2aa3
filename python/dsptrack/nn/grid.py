"""One matrix of any size, spread over tiles of a limited size, with digital sums."""

from itertools import pairwise
from typing import Any

import numpy as np

from dsptrack import _core
from dsptrack._checks import flag, number, whole
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ShapeError, StateError
from dsptrack.periphery import Periphery
from dsptrack.tile import AnalogTile
from dsptrack.update import PulseUpdate

from .block import Block
from .layer import FloatArray
from .state import entries
from .windows import Windows


class Grid:
    """A matrix (M, N) cut into near-equal blocks, each a tile of its own; AnalogLayer gives the equations.

    Vectors are rows: x is (V, N), an error (V, M). `forward`, `backward` and `update` are called in this order.

    Attributes
    ----------
    tiles
        The tiles, by rows of the matrix.
    blocks
        The same with their factors, in a list for every row of blocks.
    rows, columns
        The slices of the matrix that they cover.
    inputs, grads
        The last batch, cut the same way; empty before the first `forward` and `backward`.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        algorithm: Algorithm,
        *,
        forward: Periphery,
        backward: Periphery,
        update: PulseUpdate,
        weight_scaling_omega: float,
        weight_scaling_columnwise: bool,
        learn_out_scaling: bool,
        max_input_size: int,
        max_output_size: int,
        rng: np.random.Generator,
        num_threads: int | None,
    ) -> None:
        self.shape = shape
        self._arguments = {
            "shape": shape,
            "algorithm": algorithm,
            "forward": forward,
            "backward": backward,
            "update": update,
            "weight_scaling_omega": weight_scaling_omega,
            "weight_scaling_columnwise": weight_scaling_columnwise,
            "learn_out_scaling": learn_out_scaling,
            "max_input_size": max_input_size,
            "max_output_size": max_output_size,
            "num_threads": num_threads,
        }
        self.rows = _split(shape[0], whole("max_output_size", max_output_size, 1))
        self.columns = _split(shape[1], whole("max_input_size", max_input_size, 1))
        self.has_read = False
        self._omega = number("weight_scaling_omega", weight_scaling_omega, low=0.0)
        self._columnwise = flag("weight_scaling_columnwise", weight_scaling_columnwise)

        self.tiles = tuple(
            AnalogTile(
                (_size(rows), _size(columns)),
                algorithm,
                forward=forward,
                backward=backward,
                update=update,
                rng=rng,
                num_threads=num_threads,
            )
            for rows in self.rows
            for columns in self.columns
        )
        sizes = [_size(part) for part in self.rows], [_size(part) for part in self.columns]
        self.core = _core.Grid(
            [tile._core for tile in self.tiles], *sizes, flag("learn_out_scaling", learn_out_scaling), num_threads
        )
        blocks = iter([Block(tile, self.core, i) for i, tile in enumerate(self.tiles)])
        self.blocks = [[next(blocks) for _ in self.columns] for _ in self.rows]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self._arguments, self.state_dict())

    @property
    def weights(self) -> FloatArray:
        """The matrix that a noise-free read would use, all digital factors included, (M, N)."""
        return np.concatenate([_joined([block.weights for block in row]) for row in self.blocks])

    def set_weights(self, w: FloatArray) -> None:
        """Write `w` (M, N), divided by a new weight scaling; the learned gains restart at 1."""
        if w.shape != self.shape:
            raise ShapeError(f"w has shape {w.shape}; expected {self.shape}")
        parts = [w[rows, columns] for rows in self.rows for columns in self.columns]
        # All scales before the first block is written: one may be refused.
        scales = [Block.scaling(part, self._omega, self._columnwise) for part in parts]
        blocks = (block for row in self.blocks for block in row)
        for block, part, scale in zip(blocks, parts, scales, strict=True):
            block.set_weights(part, scale)

    def forward(self, x: FloatArray, bias: FloatArray | None, windows: Windows | None = None) -> FloatArray:
        """Return x Wᵀ + bias, (V, M), for vectors `x`; with `windows` both are images."""
        core = self.core
        y = core.forward(x, bias) if windows is None else core.forward_patches(x, windows.core, bias)
        self.has_read = True
        return y

    def backward(self, grad: FloatArray, *, needs_input_grad: bool) -> FloatArray | None:
        """Return grad W, (V, N), or None without a read."""
        return self.core.backward(grad, needs_input_grad)

    def last(self) -> _core.Passes:
        """Return the passes that `backward` and an update refer to."""
        last = self.core.last()
        if last is None:
            raise StateError(f"{self!r}: there was no forward pass")
        return last

    def recall(self, passes: list[_core.Passes]) -> None:
        """Let `backward` and an update refer to earlier passes."""
        self.core.recall(passes)

    def state_dict(self) -> dict[str, object]:
        """Return the states of the blocks, numbered as `tiles` are."""
        return {name: block.state_dict() for name, block in self._numbered().items()}

    def load(self, state: object) -> None:
        """Take up what `state_dict` returned."""
        blocks = self._numbered()
        state = entries(self, state, blocks)
        for name, block in blocks.items():
            block.load(state[name])

    def _numbered(self) -> dict[str, Block]:
        return {str(i): block for i, block in enumerate(block for row in self.blocks for block in row)}

    def __repr__(self) -> str:
        return f"Grid{self.shape}"


def _rebuilt(arguments: dict[str, Any], state: object) -> Grid:
    """Return a grid in a state; what belongs to the last batch is in none."""
    grid = Grid(**arguments, rng=np.random.default_rng(0))
    grid.set_weights(np.zeros(grid.shape, np.float32))  # gives the blocks the scales that the state is about
    grid.load(state)
    return grid


def _split(size: int, limit: int) -> list[slice]:
    """Cut range(size) into the fewest near-equal slices of at most `limit`."""
    count = -(-size // limit)
    edges = [i * size // count for i in range(count + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def _size(part: slice) -> int:
    return int(part.stop - part.start)


def _joined(parts: list[FloatArray]) -> FloatArray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
