"""One matrix of any size, spread over tiles of a limited size, with digital sums."""

from itertools import pairwise

import numpy as np

from dsptrack._checks import number, whole
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ShapeError
from dsptrack.periphery import Periphery
from dsptrack.tile import AnalogTile
from dsptrack.update import PulseUpdate

from .block import Block
from .layer import FloatArray
from .state import entries


class Grid:
    """A matrix (M, N) cut into near-equal blocks, each a tile of its own; AnalogLayer gives the equations.

    Vectors are rows: x is (V, N), an error (V, M). `forward`, `backward` and `update` are called in this order.

    Attributes
    ----------
    blocks
        The blocks, by rows of the matrix.
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
        self.rows = _split(shape[0], whole("max_output_size", max_output_size, 1))
        self.columns = _split(shape[1], whole("max_input_size", max_input_size, 1))
        self.inputs: list[FloatArray] = []
        self.grads: list[FloatArray] = []
        self._omega = number("weight_scaling_omega", weight_scaling_omega, low=0.0)
        self._columnwise = weight_scaling_columnwise

        def block(rows: slice, columns: slice) -> Block:
            size = (rows.stop - rows.start, columns.stop - columns.start)
            tile = AnalogTile(
                size, algorithm, forward=forward, backward=backward, update=update, rng=rng, num_threads=num_threads
            )
            return Block(tile, learn_gain=learn_out_scaling)

        self.blocks = [[block(rows, columns) for columns in self.columns] for rows in self.rows]

    @property
    def tiles(self) -> tuple[AnalogTile, ...]:
        """The tiles, by rows of the matrix."""
        return tuple(block.tile for row in self.blocks for block in row)

    @property
    def weights(self) -> FloatArray:
        """The matrix that a noise-free read would use, all digital factors included, (M, N)."""
        return np.concatenate([_joined([block.weights for block in row]) for row in self.blocks])

    def set_weights(self, w: FloatArray) -> None:
        """Write `w` (M, N), divided by a new weight scaling; the learned gains restart at 1."""
        if w.shape != self.shape:
            raise ShapeError(f"w has shape {w.shape}; expected {self.shape}")
        for rows, blocks in zip(self.rows, self.blocks, strict=True):
            for columns, block in zip(self.columns, blocks, strict=True):
                block.set_weights(w[rows, columns], self._omega, self._columnwise)

    def forward(self, x: FloatArray) -> FloatArray:
        """Return x Wᵀ, (V, M), an array that the caller may overwrite."""
        self.inputs = _parts(x, self.columns)
        return _joined([_sum([b.forward(x_c) for b, x_c in zip(row, self.inputs, strict=True)]) for row in self.blocks])

    def backward(self, grad: FloatArray, *, needs_input_grad: bool) -> FloatArray | None:
        """Return grad W, (V, N), or None without a read."""
        self.grads = _parts(grad, self.rows)
        if not needs_input_grad:
            return None
        by_row = list(zip(self.blocks, self.grads, strict=True))
        return _joined([_sum([row[c].backward(grad_r) for row, grad_r in by_row]) for c in range(len(self.columns))])

    def update(self, lr: float, error_factor: float) -> None:
        """Step tiles on the gradient times `error_factor`, and the learned gains on the gradient itself."""
        for row, grad_r in zip(self.blocks, self.grads, strict=True):
            error = grad_r if error_factor == 1.0 else grad_r * np.float32(error_factor)
            for block, x_c in zip(row, self.inputs, strict=True):
                block.update(x_c, error, grad_r, lr)

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


def _split(size: int, limit: int) -> list[slice]:
    """Cut range(size) into the fewest near-equal slices of at most `limit`."""
    count = -(-size // limit)
    edges = [i * size // count for i in range(count + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def _parts(x: FloatArray, slices: list[slice]) -> list[FloatArray]:
    """Contiguous column blocks of `x`; `x` itself where there is only one."""
    if len(slices) == 1:
        return [x]
    return [np.ascontiguousarray(x[:, part]) for part in slices]


def _joined(parts: list[FloatArray]) -> FloatArray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _sum(parts: list[FloatArray]) -> FloatArray:
    """Sum of arrays that nobody else holds: the first one is overwritten."""
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total
