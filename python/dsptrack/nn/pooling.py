"""Pooling: one number for every window of an image, channel by channel."""

from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from dsptrack import _core
from dsptrack._checks import floats
from dsptrack.exceptions import ShapeError, StateError

from .layer import FloatArray, Layer
from .windows import Pair, Shape, Windows, pair


class _Pool(Layer):
    """What both share: the windows, and the shapes of the last batch."""

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None) -> None:
        self.kernel_size = pair("kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else pair("stride", stride, 1)
        self._windows = Windows(self.kernel_size, self.stride)
        self._input_shape: Shape | None = None
        self._output_shape: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kernel_size}, {self.stride})"

    def options(self) -> dict[str, object]:
        """Return the windows' sizes and distances."""
        return {"kernel_size": self.kernel_size, "stride": self.stride}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return one number for every window, (B, C, H', W'), H' = (H - kh) // stride + 1, for `x` (B, C, H, W)."""
        x = floats("x", x, 4)
        images, channels, height, width = x.shape
        self._windows.positions(self, height, width)
        y = self._pooled(x)
        self._input_shape, self._output_shape = (images, channels, height, width), y.shape
        return y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return dL/dx, (B, C, H, W), for `grad` = dL/dy (B, C, H', W')."""
        if self._input_shape is None:
            raise StateError(f"{self!r}.backward() before forward()")
        grad = floats("grad", grad, 4)
        if grad.shape != self._output_shape:
            raise ShapeError(f"{self!r}: grad has shape {grad.shape}; expected {self._output_shape}")
        return self._spread(grad, self._input_shape)

    @abstractmethod
    def _pooled(self, x: FloatArray) -> FloatArray:
        """Return the output."""

    @abstractmethod
    def _spread(self, grad: FloatArray, shape: Shape) -> FloatArray:
        """Return dL/dx of this shape."""


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
        self._places: npt.NDArray[np.uint32] = np.empty((0, 0, 0, 0), np.uint32)

    def _pooled(self, x: FloatArray) -> FloatArray:
        y, self._places = self._windows.core.largest(x)
        return y

    def _spread(self, grad: FloatArray, shape: Shape) -> FloatArray:
        return _core.Windows.largest_backward(grad, self._places, shape)


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

    def _pooled(self, x: FloatArray) -> FloatArray:
        return self._windows.core.mean(x)

    def _spread(self, grad: FloatArray, shape: Shape) -> FloatArray:
        return self._windows.core.mean_backward(grad, shape)
