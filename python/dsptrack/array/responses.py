"""Responses of every cell, their symmetric and asymmetric parts, and where they are equal."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from dsptrack import _checks
from dsptrack.exceptions import NoSymmetricPointWarning

from .handle import Floats, Handle


class Responses(Handle):
    """The part of an array that knows how its cells respond."""

    __slots__ = ()

    def response(self, w: ArrayLike) -> tuple[Floats, Floats]:
        """Return every cell's responses at weights w, without noise.

        Parameters
        ----------
        w
            Weights (M, N), or one number for all cells; they need not be within the bounds.

        Returns
        -------
        q_plus, q_minus : ndarray
            float32 (M, N): change of w by an up pulse, and minus that by a down pulse, over dw_min.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.ConstantStep(dw_min_dtod=0, up_down_dtod=0)
        >>> dt.CrossbarArray((1, 1), device).response(0)[0]
        array([[1.]], dtype=float32)
        """
        single = np.isscalar(w) or (isinstance(w, np.ndarray) and w.ndim == 0)
        everywhere = np.full(self.shape, _checks.number("w", w)) if single else w
        return self._core.response(_checks.matrix("w", everywhere))

    def symmetric_part(self, w: ArrayLike) -> Floats:
        """Return F(w) = (q-(w) + q+(w)) / 2, equation (6a), float32 (M, N), for `w` as in `response`.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.ConstantStep(dw_min_dtod=0, up_down_dtod=0)
        >>> dt.CrossbarArray((1, 1), device).symmetric_part(0)
        array([[1.]], dtype=float32)
        """
        q_plus, q_minus = self.response(w)
        with np.errstate(over="ignore", invalid="ignore"):  # far beyond all bounds
            return (q_minus + q_plus) / np.float32(2)

    def asymmetric_part(self, w: ArrayLike) -> Floats:
        """Return G(w) = (q-(w) - q+(w)) / 2, equation (6b), float32 (M, N), for `w` as in `response`.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 1), dt.devices.SoftBounds(), rng=0)
        >>> bool(abs(array.asymmetric_part(array.symmetric_point())).max() < 1e-6)
        True
        """
        q_plus, q_minus = self.response(w)
        with np.errstate(over="ignore", invalid="ignore"):
            return (q_minus - q_plus) / np.float32(2)

    def symmetric_point(self) -> Floats:
        """Return every cell's true symmetric point, the weight inside its bounds where G(w) = 0 and pulses lead.

        Returns
        -------
        ndarray
            float32 (M, N); NaN where a cell has none. Closed form for linear responses; otherwise bracketed on 256
            intervals between the bounds and halved down to float32, about 1e-6 of the range. Of several the one nearest
            state 0.

        Warns
        -----
        NoSymmetricPointWarning
            If cells have none, with their number.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.SoftBoundsReference(subtract_symmetry_point=True)
        >>> bool(abs(dt.CrossbarArray((1, 1), device, rng=0).symmetric_point()).max() < 1e-6)
        True
        """
        points = self._core.symmetric_point()
        without = int(np.count_nonzero(np.isnan(points)))
        if without:
            name = type(self._device).__name__
            message = f"{without} of {points.size} {name} cells have no symmetric point inside their bounds: NaN there"
            warnings.warn(message, NoSymmetricPointWarning, stacklevel=2)
        return points
