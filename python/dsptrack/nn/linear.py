"""A fully connected analog layer."""

from typing import Unpack

import numpy as np

from dsptrack._checks import matrix, whole
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ShapeError

from .analog import AnalogLayer, AnalogOptions
from .layer import FloatArray


class Linear(AnalogLayer):
    """Fully connected analog layer y = x Wᵀ + b.

    Parameters
    ----------
    in_features, out_features
        Sizes N and M of the weight matrix (M, N), >= 1.
    algorithm
        The learning rule of every tile, a config of ``dsptrack.algorithms``.
    **options
        Bias, peripheries, scales, tile sizes, `rng` and `num_threads`, as AnalogLayer has them.

    Raises
    ------
    ConfigError
        If a size or an option is out of range.
    ShapeError
        If an input is not (B, `in_features`) or a gradient not (B, `out_features`).
    NonFiniteError
        If the output overflows; Sequential turns it into DivergenceError and names the layer.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> layer = dt.nn.Linear(784, 10, rule, rng=0)
    >>> len(layer.tiles), layer.forward(np.zeros((2, 784), np.float32)).shape
    (2, (2, 10))
    """

    def __init__(
        self, in_features: int, out_features: int, algorithm: Algorithm, **options: Unpack[AnalogOptions]
    ) -> None:
        self.in_features = whole("in_features", in_features, 1)
        self.out_features = whole("out_features", out_features, 1)
        super().__init__((self.out_features, self.in_features), algorithm, **options)

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features})"

    def options(self) -> dict[str, object]:
        """Return the sizes and what AnalogLayer adds."""
        return {"in_features": self.in_features, "out_features": self.out_features} | super().options()

    def forward(self, x: FloatArray) -> FloatArray:
        """Return x Wᵀ + b read from the tiles, (B, M), for `x` (B, N)."""
        x = matrix("x", x)
        if x.shape[1] != self.in_features:
            raise ShapeError(f"{self!r}: x has shape {x.shape}; expected (B, {self.in_features})")
        return self._read(x, x.shape)

    def backward(self, grad: FloatArray) -> FloatArray | None:
        """Return dL/dx read from the tiles, (B, N), for `grad` = dL/dy (B, M); None without `needs_input_grad`."""
        grad = self._matched(grad, (self._images, self.out_features))
        return self._read_back(grad, np.add.reduce(grad, 0))
