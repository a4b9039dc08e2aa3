"""Windows that slide over images: where a convolution takes its patches and a pooling its elements.

The core moves the pixels; here are the sizes.
"""

from typing import Any

from dsptrack import _core
from dsptrack._checks import whole
from dsptrack.exceptions import ConfigError, ShapeError

Pair = tuple[int, int]
Shape = tuple[int, int, int, int]


def pair(name: str, value: int | Pair, low: int) -> Pair:
    """Return (vertical, horizontal) for a number, which means both, or for a pair."""
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ConfigError(f"{name} = {value!r}: must be an integer or a pair of them")
        return whole(f"{name}[0]", value[0], low), whole(f"{name}[1]", value[1], low)
    both = whole(name, value, low)
    return both, both


class Windows:
    """Windows of `kernel` pixels, `dilation` apart, every `stride` pixels; beyond the border lie `padding` zeros."""

    def __init__(self, kernel: Pair, stride: Pair, padding: Pair = (0, 0), dilation: Pair = (1, 1)) -> None:
        self.core = _core.Windows(kernel, stride, padding, dilation)
        self._arguments = (kernel, stride, padding, dilation)
        self._padding = padding
        self._extent = (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)

    def __reduce__(self) -> tuple[Any, ...]:
        return Windows, self._arguments

    def positions(self, layer: object, height: int, width: int) -> Pair:
        """Return the numbers of positions, vertically and horizontally, in an image of this size for `layer`."""
        rows, columns = height + 2 * self._padding[0], width + 2 * self._padding[1]
        if rows < self._extent[0] or columns < self._extent[1]:
            extent = f"{self._extent[0]}x{self._extent[1]}"
            raise ShapeError(f"{layer!r}: images of {rows}x{columns} pixels are smaller than {extent}")
        return self.core.positions((1, 1, height, width))
