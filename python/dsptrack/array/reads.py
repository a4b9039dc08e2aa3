"""Reads through the periphery."""

from numpy.typing import ArrayLike

from dsptrack import _checks
from dsptrack._config import compiled
from dsptrack.periphery import Periphery

from .handle import Floats, Handle

_PERIPHERY = Periphery()


class Reads(Handle):
    """The part of an array that is read."""

    __slots__ = ()

    def forward(self, x: ArrayLike, periphery: Periphery = _PERIPHERY) -> Floats:
        """Read y = x W^T through the periphery.

        Parameters
        ----------
        x
            Inputs (B, N).
        periphery
            Converters, noise and range management.

        Returns
        -------
        ndarray
            float32 (B, M).

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.SoftBounds(), rng=0)
        >>> array.set_weights([[0.25, 0.125]])
        >>> array.forward([[1.0, 2.0]], dt.Periphery.ideal())
        array([[0.5]], dtype=float32)
        """
        return self._core.forward(_checks.matrix("x", x), compiled("periphery", periphery, Periphery))

    def backward(self, d: ArrayLike, periphery: Periphery = _PERIPHERY) -> Floats:
        """Read d W through the periphery, without bound management.

        Parameters
        ----------
        d
            Errors (B, M).
        periphery
            Converters, noise and noise management.

        Returns
        -------
        ndarray
            float32 (B, N).

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.SoftBounds(), rng=0)
        >>> array.set_weights([[0.25, 0.125]])
        >>> array.backward([[2.0]], dt.Periphery.ideal())
        array([[0.5 , 0.25]], dtype=float32)
        """
        return self._core.backward(_checks.matrix("d", d), compiled("periphery", periphery, Periphery))
