"""Slow twins of what slides over images: every window by itself, sums in the order that the core promises."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

Pair = tuple[int, int]


@dataclass(frozen=True)
class Slow:
    """Windows as `dsptrack._core.Windows` takes them."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def _places(self, height: int, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows and columns of the pixels of every window, border included, row by row."""
        size = height + 2 * self.padding[0], width + 2 * self.padding[1]
        extent = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        for i in range(0, size[0] - extent[0] + 1, self.stride[0]):
            for j in range(0, size[1] - extent[1] + 1, self.stride[1]):
                rows = i + self.dilation[0] * np.arange(self.kernel[0])
                yield rows[:, None], j + self.dilation[1] * np.arange(self.kernel[1])

    def _padded(self, x):
        (top, left) = self.padding
        return np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))

    def gather(self, x):
        padded = self._padded(x)
        windows = [padded[:, :, rows, columns] for rows, columns in self._places(*x.shape[2:])]
        return np.stack(windows, axis=1).reshape(len(x) * len(windows), -1)

    def scatter(self, rows, shape):
        images, channels, height, width = shape
        sums = self._padded(np.zeros(shape))  # in float64, position by position
        windows = list(self._places(height, width))
        parts = rows.reshape(images, len(windows), channels, *self.kernel)
        for p, (r, c) in enumerate(windows):
            sums[:, :, r, c] += parts[:, p]
        (top, left) = self.padding
        return sums[:, :, top : top + height, left : left + width].astype(np.float32)

    def largest(self, x):
        windows = [x[:, :, rows, columns].reshape(*x.shape[:2], -1) for rows, columns in self._places(*x.shape[2:])]
        return np.stack(windows, axis=2).max(axis=3)

    def largest_backward(self, grad, x):
        back = np.zeros_like(x)
        windows = list(self._places(*x.shape[2:]))
        grad = grad.reshape(*x.shape[:2], len(windows))
        for image, channel in np.ndindex(*x.shape[:2]):
            for p, (rows, columns) in reversed(list(enumerate(windows))):
                first = int(np.argmax(x[image, channel, rows, columns]))
                i, j = divmod(first, self.kernel[1])
                back[image, channel, rows[i, 0], columns[j]] += grad[image, channel, p]
        return back

    def mean(self, x):
        parts = [x[:, :, rows, columns].reshape(*x.shape[:2], -1) for rows, columns in self._places(*x.shape[2:])]
        stacked = np.stack(parts, axis=2)
        total = stacked[..., 0].copy()
        for n in range(1, stacked.shape[3]):
            total += stacked[..., n]
        return total * np.float32(1.0 / stacked.shape[3])

    def mean_backward(self, grad, shape):
        back = np.zeros(shape, np.float32)
        windows = list(self._places(*shape[2:]))
        share = grad.reshape(*shape[:2], len(windows)) * np.float32(1.0 / (self.kernel[0] * self.kernel[1]))
        for p, (rows, columns) in reversed(list(enumerate(windows))):
            back[:, :, rows, columns] += share[:, :, p, None, None]
        return back
