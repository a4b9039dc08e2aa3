"""What every layer of a network can do: forward, backward, update."""

from abc import ABC, abstractmethod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dsptrack.tile import AnalogTile

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]


class Layer(ABC):
    """One layer: y = f(x), dL/dx from dL/dy, and a step of its own parameters.

    A training step calls `forward`, `backward` and `update` in this order; each call refers to the batch of the
    `forward` before it. All arrays are float32 and C-contiguous with the batch in front: (B, n).

    Attributes
    ----------
    needs_input_grad
        False saves computing dL/dx: `backward` then returns None. Meant for the first layer of a network, where
        the gradient would cost an analog read that nobody uses.
    tiles
        The analog tiles that the layer holds, empty for digital layers.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(dt.nn.Sigmoid(), dt.nn.Layer)
    True
    """

    needs_input_grad: bool = True
    tiles: tuple[AnalogTile, ...] = ()

    @abstractmethod
    def forward(self, x: FloatArray) -> FloatArray:
        """Return the layer's output for the batch `x` and remember what `backward` needs."""

    @abstractmethod
    def backward(self, grad: FloatArray) -> FloatArray | None:
        """Return dL/dx given `grad` = dL/dy of the last batch; None where `needs_input_grad` is False."""

    def update(self, lr: float) -> None:  # noqa: B027  (a layer without parameters has nothing to do)
        """Step the layer's parameters against the gradient of the last batch at learning rate `lr`."""
