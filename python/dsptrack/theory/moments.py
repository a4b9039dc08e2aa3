"""Mean and variance of every cell's estimate after zero-shifting, exact for affine responses with cycle noise."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsptrack._checks import choice, whole
from dsptrack.array import CrossbarArray
from dsptrack.devices import LinearStep, SoftBounds, SoftBoundsReference
from dsptrack.exceptions import ConfigError

Floats = NDArray[np.float64]
_AFFINE = (LinearStep, SoftBounds, SoftBoundsReference)


def zero_shift_moments(
    array: CrossbarArray, n_pulses: int, scheme: Literal["stochastic", "cyclic"] = "cyclic"
) -> tuple[Floats, Floats]:
    """Return mean and variance of every weight after zero-shifting from where the array is now.

    A pulse with the affine step a + k w and the noise s xi maps the moments linearly:

        E[w] <- A E[w] + a,  A = 1 + k
        E[w^2] <- A^2 E[w^2] + 2 A a E[w] + a^2 + s^2 E[(a + k w)^2]   (or s^2 a_0^2, for noise that ignores the state)

    The map of an up and a down pulse (cyclic), or the mean of both maps (stochastic), is raised to the number of pairs
    or pulses.

    Parameters
    ----------
    array
        With affine responses (LinearStep, SoftBounds, SoftBoundsReference); it is not changed.
    n_pulses
        Pulses for every cell, >= 0, even for ``"cyclic"``.
    scheme
        As for `dsptrack.zero_shift`.

    Returns
    -------
    mean, variance
        float64 (M, N), weight units.

    Raises
    ------
    ConfigError
        If an argument is out of range, or the device is not affine or has write noise.

    Notes
    -----
    Follows from (2), (7) and (31) of arXiv 2602.21321. Exact as long as no pulse is clipped at a bound. The
    cyclic estimate is biased by about half a down step, because a down pulse comes last.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = dt.devices.SoftBounds(dw_min=0.01, dw_min_dtod=0, up_down_dtod=0, w_max_dtod=0, w_min_dtod=0)
    >>> array = dt.CrossbarArray((1, 1), device, rng=0)
    >>> mean, variance = zero_shift_moments(array, 2000)
    >>> round(float(mean[0, 0]), 4), bool(variance[0, 0] > 0)
    (-0.005, True)
    """
    if not isinstance(array, CrossbarArray) or not isinstance(array.device, _AFFINE):
        raise ConfigError("array: must be a CrossbarArray of a device with affine responses")
    if array.device.write_noise_std > 0.0:
        raise ConfigError(
            f"write_noise_std = {array.device.write_noise_std}: must be 0, pulses do not act on what is read"
        )
    cyclic = choice("scheme", scheme, ("cyclic", "stochastic")) == "cyclic"
    pulses = whole("n_pulses", n_pulses, 0)
    if cyclic and pulses % 2:
        raise ConfigError(f"n_pulses = {pulses}: must be even, whole up and down pairs")
    up, down = (_map(array, side) for side in (0, 1))
    power = (
        np.linalg.matrix_power(down @ up, pulses // 2) if cyclic else np.linalg.matrix_power((up + down) / 2, pulses)
    )
    w = array.weights.astype(np.float64)
    moments = np.einsum("...ij,...j->...i", power, np.stack([w**2, w, np.ones_like(w)], axis=-1))
    mean = moments[..., 1]
    return mean, np.maximum(moments[..., 0] - mean**2, 0.0)


def _map(array: CrossbarArray, side: int) -> Floats:
    """Return the map of (E[w^2], E[w], 1) by an up (0) or down (1) pulse, (M, N, 3, 3)."""
    device = array.device
    sign = (1.0, -1.0)[side]
    at_0, at_1 = (device.dw_min * array.response(w)[side].astype(np.float64) for w in (0.0, 1.0))
    a, k = sign * at_0, sign * (at_1 - at_0)
    variance = device.dw_min_std**2
    if getattr(device, "mult_noise", True):
        noise = (variance * k**2, 2.0 * variance * a * k, variance * a**2)
    else:
        scale = array.cell_parameters()[("dwmin_up", "dwmin_down")[side]].astype(np.float64)
        noise = (0.0 * a, 0.0 * a, variance * scale**2)
    grown = 1.0 + k
    pulse = np.zeros((*array.shape, 3, 3))
    pulse[..., 0, 0] = grown**2 + noise[0]
    pulse[..., 0, 1] = 2.0 * grown * a + noise[1]
    pulse[..., 0, 2] = a**2 + noise[2]
    pulse[..., 1, 1] = grown
    pulse[..., 1, 2] = a
    pulse[..., 2, 2] = 1.0
    return pulse
