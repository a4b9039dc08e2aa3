"""Dropout."""

from typing import Any

import numpy as np

from dsptrack._checks import like, number, tensor
from dsptrack._rng import RngLike, key, unspent
from dsptrack.exceptions import StateError

from .layer import FloatArray, Layer
from .state import entries


class Dropout(Layer):
    """In training every element is set to 0 with probability p and divided by 1 - p otherwise; in use nothing happens.

    Parameters
    ----------
    p
        Probability, 0 <= p < 1.
    rng
        Seed of the draws; a Generator is advanced.

    Raises
    ------
    ConfigError
        If `p` or `rng` is out of range.

    Notes
    -----
    Source: Srivastava et al., J. Mach. Learn. Res. 15, 1929 (2014), with the scaling moved into training. The draws
    are NumPy's, not the core's.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> layer = dt.nn.Dropout(0.5, rng=0)
    >>> sorted(set(layer.forward(np.ones((4, 50), np.float32)).ravel().tolist()))
    [0.0, 2.0]
    >>> layer.eval()
    >>> layer.forward(np.ones((1, 2), np.float32))
    array([[1., 1.]], dtype=float32)
    """

    @unspent
    def __init__(self, p: float = 0.5, *, rng: RngLike = None) -> None:
        self.p = number("p", p, low=0.0, below=1.0)
        self._generator = np.random.default_rng(key(rng))
        self._factor: FloatArray | None = None

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"

    def forward(self, x: FloatArray) -> FloatArray:
        """Return `x` with some elements dropped and the others scaled; `x` itself outside training."""
        x = tensor("x", x)
        if not self.training or self.p == 0.0:
            self._factor = None
            return x
        kept = self._generator.random(x.shape, np.float32) >= np.float32(self.p)
        self._factor = kept * np.float32(1.0 / (1.0 - self.p))
        return x * self._factor

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return `grad` with the same elements dropped and scaled."""
        return grad if self._factor is None else like("grad", grad, self._factor.shape) * self._factor

    def options(self) -> dict[str, object]:
        """Return the probability."""
        return {"p": self.p}

    def state_dict(self) -> dict[str, object]:
        """Return where the random numbers stand, as NumPy's bit generator tells it."""
        return {"rng": self._generator.bit_generator.state}

    def _load(self, state: object) -> None:
        position: Any = entries(self, state, ["rng"])["rng"]
        try:
            self._generator.bit_generator.state = position
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(
                f"state of {self!r}: no state of {type(self._generator.bit_generator).__name__}"
            ) from error
