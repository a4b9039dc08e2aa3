"""Windows that slide over images: where a convolution takes its patches and a pooling its elements."""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from dsptrack._checks import whole
from dsptrack.exceptions import ConfigError, ShapeError

from .layer import FloatArray

Pair = tuple[int, int]


def pair(name: str, value: int | Pair, low: int) -> Pair:
    """Return (vertical, horizontal) for a number, which means both, or for a pair."""
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ConfigError(f"{name} = {value!r}: must be an integer or a pair of them")
        return whole(f"{name}[0]", value[0], low), whole(f"{name}[1]", value[1], low)
    both = whole(name, value, low)
    return both, both


def positions(name: str, size: Pair, extent: Pair, stride: Pair) -> Pair:
    """Return how many windows of `extent` pixels fit into an image of `size`, vertically and horizontally."""
    if size[0] < extent[0] or size[1] < extent[1]:
        raise ShapeError(f"{name}: images of {size[0]}x{size[1]} pixels are smaller than {extent[0]}x{extent[1]}")
    return (size[0] - extent[0]) // stride[0] + 1, (size[1] - extent[1]) // stride[1] + 1


class Patches:
    """Images (B, C, H, W) as rows of patches (B P, C kh kw), P positions an image, and back by summing.

    Rows go image by image, then by position; columns by channel, kernel row, kernel column. Beyond the border lie
    `padding` zeros. Both ways use one table: which pixel of a padded image stands where in its patches.
    """

    def __init__(self, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> None:
        self.kernel, self.stride, self.padding, self.dilation = kernel, stride, padding, dilation
        self.extent = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)
        self._image: tuple[int, int, int] | None = None
        self._table: npt.NDArray[np.intp] = np.empty(0, np.intp)
        self._rows: FloatArray = np.empty((0, 0), np.float32)
        self._padded: FloatArray = np.empty((0, 0, 0, 0), np.float32)

    def positions(self, name: str, height: int, width: int) -> Pair:
        """Return the numbers of positions, vertically and horizontally, in an image of this size."""
        return positions(name, self._padded_size(height, width), self.extent, self.stride)

    def gather(self, x: FloatArray) -> FloatArray:
        """Return the patches of `x`, at least one of which must fit, in a buffer that the next call overwrites."""
        images, channels, height, width = x.shape
        self._prepare((channels, height, width))
        table = self._table
        per_patch = channels * self.kernel[0] * self.kernel[1]
        if len(self._rows) * per_patch != images * table.size:
            self._rows = np.empty((images * table.size // per_patch, per_patch), np.float32)
        # "clip" lets NumPy write into `out` directly; no index is ever out of range.
        np.take(self._pad(x), table, axis=1, out=self._rows.reshape(images, table.size), mode="clip")
        return self._rows

    def scatter(self, rows: FloatArray, image: tuple[int, ...]) -> FloatArray:
        """Return the images (B, C, H, W), `image` = (C, H, W), in which a pixel is the sum of its places in `rows`."""
        channels, height, width = image
        self._prepare((channels, height, width))
        (top, left), size = self.padding, self._padded_size(height, width)
        pixels = channels * size[0] * size[1]
        by_image = rows.reshape(-1, self._table.size)
        sums = np.empty((len(by_image), pixels), np.float32)
        for sums_of_image, values in zip(sums, by_image, strict=True):
            sums_of_image[:] = np.bincount(self._table, values, pixels)  # sums in float64
        x = sums.reshape(-1, channels, *size)[:, :, top : top + height, left : left + width]
        return np.ascontiguousarray(x)

    def _padded_size(self, height: int, width: int) -> Pair:
        return height + 2 * self.padding[0], width + 2 * self.padding[1]

    def _prepare(self, image: tuple[int, int, int]) -> None:
        """Make the table for images of these sizes."""
        if image == self._image:
            return
        channels, (height, width) = image[0], self._padded_size(*image[1:])
        pixels = np.arange(channels * height * width, dtype=np.intp).reshape(channels, height, width)
        windows = sliding_window_view(pixels, self.extent, (1, 2))
        windows = windows[:, :: self.stride[0], :: self.stride[1], :: self.dilation[0], :: self.dilation[1]]
        self._table = np.ascontiguousarray(windows.transpose(1, 2, 0, 3, 4)).ravel()
        self._image = image

    def _pad(self, x: FloatArray) -> FloatArray:
        """Return `x` with its border of zeros, a row an image."""
        if self.padding != (0, 0):
            images, channels, height, width = x.shape
            shape = (images, channels, *self._padded_size(height, width))
            if self._padded.shape != shape:
                self._padded = np.zeros(shape, np.float32)
            (top, left) = self.padding
            self._padded[:, :, top : top + height, left : left + width] = x
            x = self._padded
        return x.reshape(len(x), x[0].size)
