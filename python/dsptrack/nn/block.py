"""One tile of a layer's weight matrix with its two digital factors."""

import numpy as np

from dsptrack._checks import number
from dsptrack.tile import AnalogTile

from .layer import FloatArray
from .rows import scale, scale_in_place
from .state import array, entries


class Block:
    """A tile, its weight scaling a (None = 1, a number, or one number an output) and its learned gain s.

    AnalogLayer gives the equations. Factors that are 1 cost nothing.
    """

    __slots__ = ("_output", "gain", "learn_gain", "scale", "tile")

    def __init__(self, tile: AnalogTile, *, learn_gain: bool) -> None:
        self.tile = tile
        self.learn_gain = learn_gain
        self.gain = 1.0
        self.scale: FloatArray | None = None
        self._output: FloatArray | None = None

    def __repr__(self) -> str:
        return f"Block({self.tile.shape[0]}, {self.tile.shape[1]})"

    @property
    def weights(self) -> FloatArray:
        """The block's weights with both factors, (M, N)."""
        w = self.tile.weights * np.float32(self.gain)
        return w if self.scale is None else w * self.scale[:, None]

    def set_weights(self, w: FloatArray, omega: float, columnwise: bool) -> None:
        """Write `w` / a with a = max|w| / omega (1 where that is 0 or omega is 0); restart s at 1."""
        self.gain = 1.0
        self.scale = None
        if omega > 0.0:
            largest = np.abs(w).max(axis=1) if columnwise else np.full(len(w), np.abs(w).max())
            self.scale = np.where(largest > 0.0, largest / np.float32(omega), np.float32(1.0)).astype(np.float32)
            w = w / self.scale[:, None]
        self.tile.set_weights(w)

    def forward(self, x: FloatArray) -> FloatArray:
        """Return s a · tile(x), an array that the caller may overwrite."""
        y = self.tile.forward(x)
        if self.scale is not None:
            scale_in_place(y, self.scale)
        if self.learn_gain:
            self._output = y
            y = y * np.float32(self.gain)
        return y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return tileᵀ(s a · grad)."""
        return self.tile.backward(self._scaled(grad, self.scale))

    def update(self, x: FloatArray, error: FloatArray, grad: FloatArray, lr: float) -> None:
        """Step the tile on s · error / a, where `error` is `grad` or a multiple, then the learned gain on `grad`."""
        inverse = None if self.scale is None else np.float32(1.0) / self.scale
        self.tile.update(x, self._scaled(error, inverse), lr)
        if self.learn_gain and self._output is not None:
            self.gain -= lr * float(np.vdot(grad, self._output))

    def state_dict(self) -> dict[str, object]:
        """Return both factors, as far as there are any, and the tile's state."""
        state: dict[str, object] = {"gain": self.gain, "tile": self.tile.state_dict()}
        return state if self.scale is None else state | {"scale": self.scale.copy()}

    def load(self, state: object) -> None:
        """Take up what `state_dict` returned."""
        names = ["gain", "tile"] if self.scale is None else ["gain", "tile", "scale"]
        state = entries(self, state, names)
        gain = number("gain", state["gain"])
        if self.scale is not None:
            self.scale = array("scale", state["scale"], self.scale.shape)
        self.tile.load_state_dict(state["tile"])
        self.gain = gain

    def _scaled(self, grad: FloatArray, factors: FloatArray | None) -> FloatArray:
        """Return `grad` times the gain and, if there are any, the factors of the outputs."""
        if factors is None:
            return grad if self.gain == 1.0 else grad * np.float32(self.gain)
        return scale(grad, factors * np.float32(self.gain))
