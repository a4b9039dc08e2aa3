"""What every layer of a network can do: forward, backward, update, and handing out its state."""

from abc import ABC, abstractmethod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dsptrack.tile import AnalogTile

from .state import entries

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]


class Layer(ABC):
    """One layer: y = f(x), dL/dx from dL/dy, and a step of its own parameters.

    A training step calls `forward`, `backward` and `update` in this order; each call refers to the batch of the
    `forward` before it. All arrays are float32 and C-contiguous with the batch in front: (B, ...), that is (B, n) for
    vectors and (B, channels, height, width) for images. What `forward` returns, and the labels that a loss takes, are
    needed until `backward`: copy them before changing them in place.

    A layer of your own overrides `forward` and `backward`; `update` where it has parameters; `state_dict` and
    `load_state_dict`, both, where training changes anything in it; and `options`, so that a checkpoint of other options
    is refused.

    Attributes
    ----------
    needs_input_grad
        False saves computing dL/dx: `backward` then returns None. Meant for the first layer of a network, where
        the gradient would cost an analog read that nobody uses.
    training
        Whether the layer is being trained (default) or used; `train` and `eval` set it. Only Dropout looks at it:
        analog reads are as noisy in use as in training.
    tiles
        The analog tiles that the layer holds, empty for digital layers.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(dt.nn.Sigmoid(), dt.nn.Layer)
    True
    """

    needs_input_grad: bool = True
    training: bool = True
    tiles: tuple[AnalogTile, ...] = ()

    @abstractmethod
    def forward(self, x: FloatArray) -> FloatArray:
        """Return the layer's output for the batch `x` and remember what `backward` needs."""

    @abstractmethod
    def backward(self, grad: FloatArray) -> FloatArray | None:
        """Return dL/dx given `grad` = dL/dy of the last batch; None where `needs_input_grad` is False."""

    def update(self, lr: float) -> None:  # noqa: B027  (a layer without parameters has nothing to do)
        """Step the layer's parameters against the gradient of the last batch at learning rate `lr`."""

    def train(self, mode: bool = True) -> None:
        """Set `training` to `mode`."""
        self.training = mode

    def eval(self) -> None:
        """Set `training` to False."""
        self.train(False)

    def options(self) -> dict[str, object]:
        """Return what the constructor was told, as far as it changes the layer's results: plain values and tuples.

        A trainer refuses the checkpoint of a network whose layers have other options.
        """
        return {}

    def state_dict(self) -> dict[str, object]:
        """Return copies of all that training changes, in nested dicts; empty for layers without parameters.

        What belongs to one batch (inputs, gradients) is not in it.
        """
        return {}

    def load_state_dict(self, state: object) -> None:
        """Take up a state that `state_dict` of a layer made with the same arguments returned.

        Raises
        ------
        StateError, ShapeError, NonFiniteError, ConfigError
            If it does not fit; the layer then is as it was.
        """
        before = self.state_dict()
        try:
            self._load(state)
        except BaseException:
            self._load(before)
            raise

    def _load(self, state: object) -> None:
        """Take up `state`; may fail half-way."""
        entries(self, state, ())
