"""What all parts of an array have: the core's array, its device and shape."""

import numpy as np
from numpy.typing import NDArray

from dsptrack._core import CrossbarArray as Core
from dsptrack.devices import Device

Floats = NDArray[np.float32]


class Handle:
    """The core's array with the device that its cells were drawn from."""

    __slots__ = ("_core", "_device")

    _core: Core
    _device: Device

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns (M, N)."""
        return self._core.shape

    @property
    def device(self) -> Device:
        """The device that the cells were drawn from."""
        return self._device

    @property
    def weights(self) -> Floats:
        """A copy of the apparent weights, (M, N), write noise included."""
        return self._core.weights()
