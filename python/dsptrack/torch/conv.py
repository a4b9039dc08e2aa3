"""A convolution on analog tiles."""

from typing import Unpack

import torch

from dsptrack import nn
from dsptrack.algorithms import Algorithm
from dsptrack.nn.analog import AnalogOptions
from dsptrack.nn.windows import Pair

from .module import AnalogModule


class AnalogConv2d(AnalogModule):
    """Two-dimensional analog convolution, in place of ``torch.nn.Conv2d``; every patch of every image is one vector.

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
        Bias, peripheries, scales, tile sizes, `rng` and `num_threads`, as ``dsptrack.nn.AnalogLayer`` has them.

    Raises
    ------
    ConfigError
        If a size or an option is out of range, or an input is not float32 on the CPU.
    ShapeError
        If an input is not (B, `in_channels`, H, W) with room for a patch.
    NonFiniteError
        If the output or a gradient overflows.

    Notes
    -----
    The same numbers as ``dsptrack.nn.Conv2d`` made with the same arguments, which gives the equation.

    Examples
    --------
    >>> import torch, dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> AnalogConv2d(1, 16, 5, rule, rng=0)(torch.zeros(8, 1, 28, 28)).shape
    torch.Size([8, 16, 24, 24])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        algorithm: Algorithm,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        **options: Unpack[AnalogOptions],
    ) -> None:
        def make(options: AnalogOptions) -> nn.Conv2d:
            sizes = in_channels, out_channels, kernel_size
            return nn.Conv2d(*sizes, algorithm, stride=stride, padding=padding, dilation=dilation, **options)

        super().__init__(make, options)
        self.in_channels, self.out_channels = in_channels, out_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the convolution read from the tiles, (B, M, H', W'), for `x` (B, C, H, W)."""
        return self._read(x)
