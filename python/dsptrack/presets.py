"""Devices fitted to published measurements. Every keyword overrides one field; the numbers are aihwkit's presets."""

from dataclasses import replace
from typing import Any

from .devices import SoftBoundsReference

__all__ = ["reram_array_hfo2", "reram_array_om", "reram_sb"]


def reram_sb(**overrides: Any) -> SoftBoundsReference:
    """ReRAM with soft bounds: about 1000 states, strong cycle and write noise, mean symmetric point at 0.

    Parameters
    ----------
    **overrides
        Fields of `SoftBoundsReference` that shall differ.

    Returns
    -------
    SoftBoundsReference
        The symmetric point is the cells' own: it is not subtracted.

    Raises
    ------
    ConfigError
        If an override is out of range (TypeError if there is no such field).

    Notes
    -----
    Source: aihwkit's ``ReRamSBPresetDevice``, a loose fit to Gong et al., Nature Communications 9, 2102 (2018).

    Examples
    --------
    >>> reram_sb(dw_min_std=0).w_max
    1.25
    """
    device = SoftBoundsReference(
        w_max=1.25,
        w_min=-0.75,
        w_max_dtod=0.24,
        w_min_dtod=0.4,
        dw_min=0.002,
        dw_min_dtod=0.3,
        dw_min_std=3.75,
        up_down_dtod=0.01,
        write_noise_std=56,
    )
    return replace(device, **overrides)


def reram_array_om(**overrides: Any) -> SoftBoundsReference:
    """ReRAM array with an optimised material (OM): about 21 states, large spread between cells.

    Parameters
    ----------
    **overrides
        Fields of `SoftBoundsReference` that shall differ.

    Returns
    -------
    SoftBoundsReference
        The symmetric point is subtracted up to an error of standard deviation `reference_std` = 0.05. No cell is stuck;
        measured were 13.48 % (``corrupt_devices_prob=0.1348``), and bounds of 1.4839 and -0.6192 around another zero.

    Raises
    ------
    ConfigError
        If an override is out of range (TypeError if there is no such field).

    Notes
    -----
    Source: aihwkit's ``ReRamArrayOMPresetDevice``, measurements of Gong et al., IEDM (2022).

    Examples
    --------
    >>> reram_array_om().subtract_symmetry_point
    True
    """
    device = SoftBoundsReference(
        w_max=1,
        w_min=-1,
        w_max_dtod=0.3499,
        w_min_dtod=0.5695,
        dw_min=0.0949,
        dw_min_dtod=0.7829,
        dw_min_dtod_log_normal=True,
        dw_min_std=0.4158,
        up_down_dtod=0.01,
        corrupt_devices_range=0.01,
        write_noise_std=1.4113,
        reference_std=0.05,
        subtract_symmetry_point=True,
    )
    return replace(device, **overrides)


def reram_array_hfo2(**overrides: Any) -> SoftBoundsReference:
    """ReRAM array of hafnium oxide: 4 to 5 states, large spread between cells; the device of the paper's tables.

    Parameters
    ----------
    **overrides
        Fields of `SoftBoundsReference` that shall differ; the tables vary `reference_mean` and `reference_std`.

    Returns
    -------
    SoftBoundsReference
        The symmetric point is subtracted up to an error of standard deviation `reference_std` = 0.05. No cell is stuck;
        measured were 9.77 % (``corrupt_devices_prob=0.0977``), and bounds of 1.1490 and -1.0284 around another zero.

    Raises
    ------
    ConfigError
        If an override is out of range (TypeError if there is no such field).

    Notes
    -----
    Source: aihwkit's ``ReRamArrayHfO2PresetDevice``, measurements of Gong et al., IEDM (2022).

    Examples
    --------
    >>> reram_array_hfo2(reference_mean=0.4).reference_mean
    0.4
    """
    device = SoftBoundsReference(
        w_max=1,
        w_min=-1,
        w_max_dtod=0.4295,
        w_min_dtod=0.5990,
        dw_min=0.4622,
        dw_min_dtod=0.7125,
        dw_min_dtod_log_normal=True,
        dw_min_std=0.2174,
        up_down_dtod=0.01,
        corrupt_devices_range=0.01,
        write_noise_std=0.5841,
        reference_std=0.05,
        subtract_symmetry_point=True,
    )
    return replace(device, **overrides)
