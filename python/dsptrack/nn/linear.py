"""A fully connected analog layer: one weight matrix spread over one or more tiles, digital bias and scales."""

import math
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from dsptrack._checks import choice, matrix, number, whole
from dsptrack._rng import RngLike, key
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import NonFiniteError, ShapeError, StateError
from dsptrack.periphery import Periphery
from dsptrack.tile import AnalogTile
from dsptrack.update import PulseUpdate

from .block import Block
from .layer import FloatArray, Layer

_FORWARD = Periphery()
_BACKWARD = Periphery(bound_management="none")
_UPDATE = PulseUpdate()


class Linear(Layer):
    """Fully connected analog layer y = x Wᵀ + b.

    W is split into near-equal blocks (sizes differ by at most one) of at most `max_output_size` x `max_input_size`,
    each an AnalogTile of its own; partial sums and the bias are digital. Block (r, c) with the digital factors a
    (weight scaling, fixed) and s (output scale, learned) contributes

        y_r += s a · tile(x_c)              the tile holds W_rc / a
        dL/dx_c += tileᵀ(s a · grad_r)
        tile.update(x_c, s grad_r / a, lr)  so that a · tile moves by the gradient, not by a² times it
        s -= lr Σ grad_r · a tile(x_c),     b -= lr Σ grad

    Parameters
    ----------
    in_features, out_features
        Sizes N and M of the weight matrix (M, N), >= 1.
    algorithm
        The learning rule of every tile, a config of ``dsptrack.algorithms``.
    bias
        Whether a digital bias, starting at 0, is added.
    forward, backward
        The analog reads of the two directions.
    update
        The pulse trains of the update.
    weight_scaling_omega
        0: no scaling, a = 1. > 0: a = max|W| / omega, so that every tile starts with weights up to omega.
    weight_scaling_columnwise
        True: one a for every output, else one for every tile.
    learn_out_scaling
        Whether every tile has a learned output scale s, starting at 1.
    error_scale
        ``"mean"``: the update takes the gradient of the mean loss. ``"sum"``: multiplied by the batch size B.
    max_input_size, max_output_size
        Largest tile, >= 1.
    rng
        Seed of the initial weights and of the tiles; a Generator is advanced.
    num_threads
        Threads of every tile; None means all cores.

    Raises
    ------
    ConfigError
        If a size or an option is out of range.
    ShapeError
        If an input is not (B, `in_features`) or a gradient not (B, `out_features`).
    NonFiniteError
        If the output overflows; Sequential turns it into DivergenceError and names the layer.

    Notes
    -----
    W starts uniform in ±1/√N with N of the whole layer, then clipped to each cell's bounds. Sources: 05-erider.md
    section 1; sections 8.2 and 8.3 of the semantics page for the scales.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> layer = dt.nn.Linear(784, 10, rule, rng=0)
    >>> len(layer.tiles), layer.forward(np.zeros((2, 784), np.float32)).shape
    (2, (2, 10))
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        algorithm: Algorithm,
        *,
        bias: bool = True,
        forward: Periphery = _FORWARD,
        backward: Periphery = _BACKWARD,
        update: PulseUpdate = _UPDATE,
        weight_scaling_omega: float = 0.0,
        weight_scaling_columnwise: bool = False,
        learn_out_scaling: bool = False,
        error_scale: Literal["mean", "sum"] = "mean",
        max_input_size: int = 512,
        max_output_size: int = 512,
        rng: RngLike = None,
        num_threads: int | None = None,
    ) -> None:
        self.in_features = whole("in_features", in_features, 1)
        self.out_features = whole("out_features", out_features, 1)
        self.weight_scaling_omega = number("weight_scaling_omega", weight_scaling_omega, low=0.0)
        self.weight_scaling_columnwise = weight_scaling_columnwise
        self.error_scale = choice("error_scale", error_scale, ("mean", "sum"))
        self._columns = _split(self.in_features, whole("max_input_size", max_input_size, 1))
        self._rows = _split(self.out_features, whole("max_output_size", max_output_size, 1))

        generator = np.random.default_rng(key(rng))
        limit = np.float32(1.0 / math.sqrt(self.in_features))
        initial = (generator.random((self.out_features, self.in_features), np.float32) * 2 - 1) * limit
        self._blocks = [
            [
                Block(
                    AnalogTile(
                        (_size(rows), _size(columns)),
                        algorithm,
                        forward=forward,
                        backward=backward,
                        update=update,
                        rng=generator,
                        num_threads=num_threads,
                    ),
                    learn_gain=learn_out_scaling,
                )
                for columns in self._columns
            ]
            for rows in self._rows
        ]
        self.tiles = tuple(block.tile for row in self._blocks for block in row)
        self.bias: FloatArray | None = np.zeros(self.out_features, np.float32) if bias else None
        self.set_weights(initial)
        self._inputs: list[FloatArray] = []
        self._grads: list[FloatArray] = []

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features})"

    @property
    def weights(self) -> FloatArray:
        """The weight matrix that a noise-free read would use, all digital scales included, (M, N)."""
        return np.concatenate([np.concatenate([block.weights for block in row], axis=1) for row in self._blocks])

    def set_weights(self, w: npt.ArrayLike) -> None:
        """Write the weight matrix.

        Parameters
        ----------
        w
            (M, N); divided by a new weight scaling a, then clipped to each cell's bounds. The learned scales
            restart at 1.

        Raises
        ------
        ShapeError
            If `w` is not (M, N).

        Examples
        --------
        >>> import numpy as np, dsptrack as dt
        >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.ConstantStep())
        >>> layer = dt.nn.Linear(2, 1, rule, rng=0)
        >>> layer.set_weights([[0.1, -0.1]])
        >>> layer.weights.shape
        (1, 2)
        """
        w = matrix("w", w)
        if w.shape != (self.out_features, self.in_features):
            raise ShapeError(f"w has shape {w.shape}; expected {(self.out_features, self.in_features)}")
        for rows, blocks in zip(self._rows, self._blocks, strict=True):
            for columns, block in zip(self._columns, blocks, strict=True):
                block.set_weights(w[rows, columns], self.weight_scaling_omega, self.weight_scaling_columnwise)

    def forward(self, x: FloatArray) -> FloatArray:
        """Return x Wᵀ + b read from the tiles, (B, M), for `x` (B, N)."""
        x = matrix("x", x)
        if x.shape[1] != self.in_features:
            raise ShapeError(f"{self!r}: x has shape {x.shape}; expected (B, {self.in_features})")
        self._inputs = _parts(x, self._columns)
        self._grads = []
        y = _joined([_sum([b.forward(x_c) for b, x_c in zip(row, self._inputs, strict=True)]) for row in self._blocks])
        if self.bias is not None:
            y += self.bias
        # One BLAS dot checks all outputs: a sum of squares that overflows float32 means |y| > 1e19, long diverged.
        if not math.isfinite(np.vdot(y, y)):
            raise NonFiniteError(f"output: largest magnitude {np.abs(y).max()}; must be finite")
        return y

    def backward(self, grad: FloatArray) -> FloatArray | None:
        """Return dL/dx read from the tiles, (B, N), for `grad` = dL/dy (B, M); None without `needs_input_grad`."""
        if not self._inputs:
            raise StateError(f"{self!r}.backward() before forward()")
        grad = matrix("grad", grad)
        if grad.shape != (len(self._inputs[0]), self.out_features):
            raise ShapeError(
                f"{self!r}: grad has shape {grad.shape}; expected {(len(self._inputs[0]), self.out_features)}"
            )
        self._grads = _parts(grad, self._rows)
        if not self.needs_input_grad:
            return None
        by_row = list(zip(self._blocks, self._grads, strict=True))
        return _joined([_sum([row[c].backward(grad_r) for row, grad_r in by_row]) for c in range(len(self._columns))])

    def update(self, lr: float) -> None:
        """Step tiles, learned scales and bias by one mini-batch at the global learning rate `lr` >= 0."""
        if not self._grads:
            raise StateError(f"{self!r}.update() before backward()")
        for rows, row, grad_r in zip(self._rows, self._blocks, self._grads, strict=True):
            error = grad_r * float(len(grad_r)) if self.error_scale == "sum" else grad_r
            for block, x_c in zip(row, self._inputs, strict=True):
                block.update(x_c, error, grad_r, lr)
            if self.bias is not None:
                self.bias[rows] -= lr * np.add.reduce(grad_r, 0)


def _split(size: int, limit: int) -> list[slice]:
    """Cut range(size) into the fewest near-equal slices of at most `limit`."""
    count = -(-size // limit)
    edges = [i * size // count for i in range(count + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def _size(part: slice) -> int:
    return int(part.stop - part.start)


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
