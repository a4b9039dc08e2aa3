"""One tile of a layer's weight matrix with its two digital factors."""

import numpy as np

from dsptrack import _core
from dsptrack._checks import number
from dsptrack.exceptions import NonFiniteError
from dsptrack.tile import AnalogTile

from .layer import FloatArray
from .state import array, entries


class Block:
    """A tile, its weight scaling a (None = 1, a number, or one number an output) and its learned gain s.

    AnalogLayer gives the equations; the factors live in the compiled grid. Those that are 1 cost nothing.
    """

    __slots__ = ("_grid", "_index", "tile")

    def __init__(self, tile: AnalogTile, grid: _core.Grid, index: int) -> None:
        self.tile = tile
        self._grid = grid
        self._index = index

    @property
    def gain(self) -> float:
        """The learned gain s."""
        return self._grid.factors()[self._index][1]

    @gain.setter
    def gain(self, value: float) -> None:
        self._grid.set_factors(self._index, self.scale, value)

    @property
    def scale(self) -> FloatArray | None:
        """A copy of the weight scaling a, (M,), or None for 1."""
        return self._grid.factors()[self._index][0]

    def __repr__(self) -> str:
        return f"Block({self.tile.shape[0]}, {self.tile.shape[1]})"

    @property
    def weights(self) -> FloatArray:
        """The block's weights with both factors, (M, N)."""
        w, scale = self.tile.weights * np.float32(self.gain), self.scale
        return w if scale is None else w * scale[:, None]

    def set_weights(self, w: FloatArray, scale: FloatArray | None) -> None:
        """Write `w` / `scale`; restart s at 1."""
        self.tile.set_weights(w if scale is None else w / scale[:, None])
        self._grid.set_factors(self._index, scale, 1.0)

    @staticmethod
    def scaling(w: FloatArray, omega: float, columnwise: bool) -> FloatArray | None:
        """Return a = max|w| / omega for every row, 1 where that is 0; None where omega is 0."""
        if omega == 0.0:
            return None
        largest = np.abs(w).max(axis=1) if columnwise else np.full(len(w), np.abs(w).max())
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            scale = (largest / np.float32(omega)).astype(np.float32)
        # Also where a quotient of tiny weights is too small for a number.
        scale[(largest == 0.0) | (scale == 0.0)] = 1.0
        if not np.all(np.isfinite(scale)):
            limit = omega * float(np.finfo(np.float32).max)
            raise NonFiniteError(
                f"w holds {largest.max():g}: must be at most weight_scaling_omega times 3.4e38, {limit:g}"
            )
        return scale

    def state_dict(self) -> dict[str, object]:
        """Return both factors, as far as there are any, and the tile's state."""
        state: dict[str, object] = {"gain": self.gain, "tile": self.tile.state_dict()}
        scale = self.scale
        return state if scale is None else state | {"scale": scale}

    def load(self, state: object) -> None:
        """Take up what `state_dict` returned."""
        scale = self.scale
        names = ["gain", "tile"] if scale is None else ["gain", "tile", "scale"]
        state = entries(self, state, names)
        gain = number("gain", state["gain"])
        if scale is not None:
            scale = array("scale", state["scale"], scale.shape)
        self.tile.load_state_dict(state["tile"])
        self._grid.set_factors(self._index, scale, gain)
