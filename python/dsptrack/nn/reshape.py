"""Layers that only change the shape: between rows of pixels and images."""

import math

from dsptrack._checks import like, tensor, whole
from dsptrack.exceptions import ConfigError, ShapeError

from .layer import FloatArray, Layer


class Flatten(Layer):
    """Everything but the batch in one row: (B, ...) to (B, n), row-major.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> dt.nn.Flatten().forward(np.zeros((8, 32, 4, 4), np.float32)).shape
    (8, 512)
    """

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return "Flatten()"

    def forward(self, x: FloatArray) -> FloatArray:
        """Return `x` as (B, n)."""
        x = tensor("x", x)
        self._shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return `grad` in the shape of the input."""
        row = (*self._shape[:1], math.prod(self._shape[1:]))
        return like("grad", grad, row).reshape(self._shape)


class Reshape(Layer):
    """Every sample in another shape: (B, ...) to (B, *shape), row-major; rows of pixels to images, for example.

    Parameters
    ----------
    *shape
        The new sizes without the batch, >= 1.

    Raises
    ------
    ConfigError
        If there is no size, or one is out of range.
    ShapeError
        If a sample has another number of elements.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> dt.nn.Reshape(1, 28, 28).forward(np.zeros((8, 784), np.float32)).shape
    (8, 1, 28, 28)
    """

    def __init__(self, *shape: int) -> None:
        if not shape:
            raise ConfigError("shape = (): must hold at least one size")
        self.shape = tuple(whole(f"shape[{i}]", size, 1) for i, size in enumerate(shape))
        self._shape: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.shape))})"

    def options(self) -> dict[str, object]:
        """Return the new sizes."""
        return {"shape": self.shape}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return `x` as (B, *shape)."""
        x = tensor("x", x)
        if math.prod(x.shape[1:]) != math.prod(self.shape):
            raise ShapeError(f"{self!r}: x has shape {x.shape}; expected {math.prod(self.shape)} elements a sample")
        self._shape = x.shape
        return x.reshape(len(x), *self.shape)

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return `grad` in the shape of the input."""
        return like("grad", grad, (*self._shape[:1], *self.shape)).reshape(self._shape)
