"""A fully connected module on analog tiles."""

from typing import Unpack

import torch

from dsptrack import nn
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ShapeError
from dsptrack.nn.analog import AnalogOptions

from .module import AnalogModule


class AnalogLinear(AnalogModule):
    """Fully connected analog module y = x Wᵀ + b, in place of ``torch.nn.Linear``.

    Parameters
    ----------
    in_features, out_features
        Sizes N and M of the weight matrix (M, N), >= 1.
    algorithm
        The learning rule of every tile, a config of ``dsptrack.algorithms``.
    **options
        Bias, peripheries, scales, tile sizes, `rng` and `num_threads`, as ``dsptrack.nn.AnalogLayer`` has them.

    Raises
    ------
    ConfigError
        If a size or an option is out of range, or an input is not float32 on the CPU.
    ShapeError
        If an input is not (..., `in_features`); all leading dimensions together count the vectors.
    NonFiniteError
        If the output or a gradient overflows.

    Notes
    -----
    The same numbers as ``dsptrack.nn.Linear`` made with the same arguments.

    Examples
    --------
    >>> import torch, dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> layer = AnalogLinear(784, 10, rule, rng=0)
    >>> layer, layer(torch.zeros(2, 784)).shape
    (AnalogLinear(784, 10, ERider), torch.Size([2, 10]))
    """

    def __init__(
        self, in_features: int, out_features: int, algorithm: Algorithm, **options: Unpack[AnalogOptions]
    ) -> None:
        super().__init__(lambda options: nn.Linear(in_features, out_features, algorithm, **options), options)
        self.in_features, self.out_features = in_features, out_features

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x Wᵀ + b read from the tiles, (..., M), for `x` (..., N)."""
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ShapeError(f"{self!r}: x has shape {tuple(x.shape)}; expected (..., {self.in_features})")
        if x.ndim == 2:
            return self._read(x)
        return self._read(x.reshape(-1, self.in_features)).reshape(*x.shape[:-1], self.out_features)
