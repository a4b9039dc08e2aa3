"""Pooling: one number for every window of an image, channel by channel."""

from abc import abstractmethod
from collections.abc import Iterable
from itertools import product, repeat

import numpy as np
import numpy.typing as npt

from dsptrack._checks import floats
from dsptrack.exceptions import ShapeError, StateError

from .layer import FloatArray, Layer
from .windows import Pair, pair, positions


class _Pool(Layer):
    """What both share: the elements of all windows as kh kw strided views of the images."""

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None) -> None:
        self.kernel_size = pair("kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else pair("stride", stride, 1)
        self._input_shape: tuple[int, ...] = ()
        self._output_shape: tuple[int, ...] = ()
        self._parts: list[tuple[slice, slice]] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kernel_size}, {self.stride})"

    def forward(self, x: FloatArray) -> FloatArray:
        """Return one number for every window, (B, C, H', W'), H' = (H - kh) // stride + 1, for `x` (B, C, H, W)."""
        x = floats("x", x, 4)
        if x.shape != self._input_shape:
            rows, columns = positions(repr(self), (x.shape[2], x.shape[3]), self.kernel_size, self.stride)
            down, right = self.stride
            self._parts = [
                (slice(i, i + down * (rows - 1) + 1, down), slice(j, j + right * (columns - 1) + 1, right))
                for i, j in product(range(self.kernel_size[0]), range(self.kernel_size[1]))
            ]
            self._input_shape, self._output_shape = x.shape, (*x.shape[:2], rows, columns)
        return self._pooled([x[:, :, i, j] for i, j in self._parts])

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return dL/dx, (B, C, H, W), for `grad` = dL/dy (B, C, H', W')."""
        if not self._input_shape:
            raise StateError(f"{self!r}.backward() before forward()")
        grad = floats("grad", grad, 4)
        if grad.shape != self._output_shape:
            raise ShapeError(f"{self!r}: grad has shape {grad.shape}; expected {self._output_shape}")
        x_grad = np.zeros(self._input_shape, np.float32)
        overlap = self.stride[0] < self.kernel_size[0] or self.stride[1] < self.kernel_size[1]
        for (i, j), share in zip(self._parts, self._shares(grad), strict=True):
            if overlap:
                x_grad[:, :, i, j] += share
            else:
                x_grad[:, :, i, j] = share
        return x_grad

    @abstractmethod
    def _pooled(self, elements: list[FloatArray]) -> FloatArray:
        """Return the output, given the n-th elements of all windows for every n."""

    @abstractmethod
    def _shares(self, grad: FloatArray) -> Iterable[FloatArray]:
        """Return what the n-th elements get of `grad` for every n."""


class MaxPool2d(_Pool):
    """Largest element of every window; of equal ones the first, row by row, gets the gradient.

    Parameters
    ----------
    kernel_size
        (kh, kw), or one number for both, >= 1.
    stride
        Distance of windows, a number or a pair, >= 1; None is `kernel_size`. Pixels that fill no window are left out.

    Raises
    ------
    ConfigError
        If a size is out of range.
    ShapeError
        If an input is not (B, C, H, W) with room for a window, or a gradient does not fit the output.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> dt.nn.MaxPool2d(2).forward(np.arange(8, dtype=np.float32).reshape(1, 1, 2, 4))
    array([[[[5., 7.]]]], dtype=float32)
    """

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None) -> None:
        super().__init__(kernel_size, stride)
        self._which: npt.NDArray[np.unsignedinteger] = np.empty(0, np.uint8)
        self._dtype = np.min_scalar_type(self.kernel_size[0] * self.kernel_size[1] - 1)

    def _pooled(self, elements: list[FloatArray]) -> FloatArray:
        y = elements[0].copy()
        self._which = np.zeros(y.shape, self._dtype)
        for n, part in enumerate(elements[1:], 1):
            element = np.ascontiguousarray(part)
            # n only grows, so a maximum notes the last one that was larger than all before it.
            np.maximum(self._which, (element > y) * self._dtype.type(n), out=self._which)
            np.maximum(y, element, out=y)
        return y

    def _shares(self, grad: FloatArray) -> Iterable[FloatArray]:
        return (grad * (self._which == n) for n in range(len(self._parts)))


class AvgPool2d(_Pool):
    """Mean of every window.

    Parameters
    ----------
    kernel_size
        (kh, kw), or one number for both, >= 1.
    stride
        Distance of windows, a number or a pair, >= 1; None is `kernel_size`. Pixels that fill no window are left out.

    Raises
    ------
    ConfigError
        If a size is out of range.
    ShapeError
        If an input is not (B, C, H, W) with room for a window, or a gradient does not fit the output.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> dt.nn.AvgPool2d(2).forward(np.arange(8, dtype=np.float32).reshape(1, 1, 2, 4))
    array([[[[2.5, 4.5]]]], dtype=float32)
    """

    def _pooled(self, elements: list[FloatArray]) -> FloatArray:
        y = elements[0].copy()
        for element in elements[1:]:
            y += element
        y *= np.float32(1.0 / len(elements))
        return y

    def _shares(self, grad: FloatArray) -> Iterable[FloatArray]:
        return repeat(grad * np.float32(1.0 / len(self._parts)), len(self._parts))
