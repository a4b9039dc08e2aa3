"""A convolution on analog tiles: every patch of every image is one vector."""

from typing import Unpack

import numpy as np

from dsptrack._checks import floats, whole
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ShapeError

from .analog import AnalogLayer, AnalogOptions
from .layer import FloatArray
from .windows import Shape, Windows, pair


class Conv2d(AnalogLayer):
    """Two-dimensional analog convolution, y[b,m,i,j] = b_m + Σ_c,u,v W[m,c,u,v] x[b, c, s i + d u - p, s j + d v - p].

    Stride s, dilation d; outside the image x is 0, p pixels are taken from there. The weights lie on the tiles as the
    matrix (M, C kh kw), columns by channel, kernel row, kernel column. A batch is read and learned from as
    B H' W' vectors, image by image, then by position of the patch: H' = (H + 2p - d (kh - 1) - 1) // s + 1.

    Parameters
    ----------
    in_channels, out_channels
        Channels C of the images and M of the output, >= 1.
    kernel_size
        (kh, kw), or one number for both, >= 1.
    algorithm
        The learning rule of every tile, a config of ``dsptrack.algorithms``.
    stride, dilation
        Distance of patches, and of the pixels in a patch; a number or a pair, >= 1.
    padding
        Zeros on each side of the image; a number or a pair, >= 0.
    **options
        Bias, peripheries, scales, tile sizes, `rng` and `num_threads`, as AnalogLayer has them. Under error_scale
        ``"sum"`` the factor is the number of images, not of vectors.

    Raises
    ------
    ConfigError
        If a size or an option is out of range.
    ShapeError
        If an input is not (B, `in_channels`, H, W) with room for a patch, or a gradient does not fit the output.
    NonFiniteError
        If the output overflows; Sequential turns it into DivergenceError and names the layer.

    Notes
    -----
    Source: section 8.5 of the semantics page (order of vectors and columns as in aihwkit's CPU path).

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> layer = dt.nn.Conv2d(1, 16, 5, rule, rng=0)
    >>> layer.forward(np.zeros((8, 1, 28, 28), np.float32)).shape, layer.tiles[0].shape
    ((8, 16, 24, 24), (16, 25))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        algorithm: Algorithm,
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        **options: Unpack[AnalogOptions],
    ) -> None:
        self.in_channels = whole("in_channels", in_channels, 1)
        self.out_channels = whole("out_channels", out_channels, 1)
        self.kernel_size = pair("kernel_size", kernel_size, 1)
        self.stride = pair("stride", stride, 1)
        self.padding = pair("padding", padding, 0)
        self.dilation = pair("dilation", dilation, 1)
        self._windows = Windows(self.kernel_size, self.stride, self.padding, self.dilation)
        super().__init__((self.out_channels, self.in_channels, *self.kernel_size), algorithm, **options)

    def __repr__(self) -> str:
        return f"Conv2d({self.in_channels}, {self.out_channels}, {self.kernel_size})"

    def options(self) -> dict[str, object]:
        """Return the sizes and what AnalogLayer adds."""
        names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation")
        return {name: getattr(self, name) for name in names} | super().options()

    def forward(self, x: FloatArray) -> FloatArray:
        """Return the convolution read from the tiles, (B, M, H', W'), for `x` (B, C, H, W)."""
        x = floats("x", x, 4)
        images, channels, height, width = x.shape
        if channels != self.in_channels or images == 0:
            raise ShapeError(f"{self!r}: x has shape {x.shape}; expected (B, {self.in_channels}, H, W), B >= 1")
        self._windows.positions(self, height, width)  # refuses images without room for a patch
        return self._read(x, x.shape, self._windows)

    def backward(self, grad: FloatArray) -> FloatArray | None:
        """Return dL/dx, (B, C, H, W), for `grad` = dL/dy (B, M, H', W'); None without `needs_input_grad`."""
        grad = self._matched(grad, self._output_shape())
        return self._read_back(grad, np.add.reduce(grad, (0, 2, 3)), self._windows, self._last_shape())

    def _last_shape(self) -> Shape:
        """Return the shape of the last input."""
        images, channels, height, width = self._input_shape
        return images, channels, height, width

    def _output_shape(self) -> tuple[int, ...]:
        """Return the shape of the last output."""
        if not self._input_shape:  # nothing was read; `_matched` says so
            return ()
        images, _, height, width = self._last_shape()
        return images, self.out_channels, *self._windows.positions(self, height, width)
