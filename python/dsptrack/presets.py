"""Devices fitted to published measurements; the numbers are aihwkit's presets.

Every function takes fields of its device as keywords, in place of the preset's; a value that is out of range raises
`ConfigError`, an unknown field TypeError. Weights are in units of the mean range, about [-1, 1].
"""

from dataclasses import replace
from typing import Any

from .devices import ConstantStep, ExpStep, LinearStep, SoftBoundsReference

__all__ = [
    "capacitor",
    "ecram",
    "ecram_mo",
    "gokmen_vlasov",
    "idealized",
    "pcm",
    "reram_array_hfo2",
    "reram_array_om",
    "reram_es",
    "reram_sb",
]


def reram_es(**overrides: Any) -> ExpStep:
    """ReRAM with exponential steps: about 1000 states, strong cycle and write noise, symmetric point at -0.22.

    Parameters
    ----------
    **overrides
        Fields of `ExpStep` that shall differ.

    Notes
    -----
    Source: aihwkit's ``ReRamESPresetDevice``, fitted to Gong et al., Nature Communications 9, 2102 (2018).

    Examples
    --------
    >>> reram_es(dw_min_std=0).write_noise_std
    75
    """
    device = ExpStep(
        w_max=1,
        w_min=-1,
        w_max_dtod=0.3,
        w_min_dtod=0.3,
        dw_min=0.00135,
        dw_min_dtod=0.2,
        dw_min_std=5.0,
        up_down=0.259359,
        up_down_dtod=0.05,
        write_noise_std=75,
        A_up=-1.18445,
        A_down=-0.081404,
        gamma_up=5,
        gamma_down=5,
        a=-0.5,
        b=-0.5,
    )
    return replace(device, **overrides)


def reram_sb(**overrides: Any) -> SoftBoundsReference:
    """ReRAM with soft bounds: about 1000 states, strong cycle and write noise, mean symmetric point at 0.

    Parameters
    ----------
    **overrides
        Fields of `SoftBoundsReference` that shall differ. The symmetric points are the cells' own: not subtracted.

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


def capacitor(**overrides: Any) -> LinearStep:
    """Capacitor with transistors as current sources: 400 states, nearly constant steps, leaks with time.

    Many cells have no symmetric point inside their bounds. Charge decays once per call of `CrossbarArray.decay`, meant
    for once per mini-batch: lifetime 1e6.

    Parameters
    ----------
    **overrides
        Fields of `LinearStep` that shall differ.

    Notes
    -----
    Source: aihwkit's ``CapacitorPresetDevice``, after Li et al., VLSI Technology (2018).

    Examples
    --------
    >>> capacitor().lifetime
    1000000.0
    """
    device = LinearStep(
        w_max=1,
        w_min=-1,
        w_max_dtod=0.07,
        w_min_dtod=0.07,
        dw_min=0.005,
        dw_min_dtod=0.1,
        dw_min_std=0.3,
        up_down_dtod=0.06,
        gamma_up=0.05,
        gamma_down=0.05,
        gamma_up_dtod=0.01,
        gamma_down_dtod=0.01,
        mult_noise=False,
        mean_bound_reference=True,
        lifetime=1e6,
        lifetime_dtod=0.3,
    )
    return replace(device, **overrides)


def ecram(**overrides: Any) -> LinearStep:
    """Electrochemical memory (lithium): 1000 states, linear asymmetric steps, little spread between cells.

    Parameters
    ----------
    **overrides
        Fields of `LinearStep` that shall differ.

    Notes
    -----
    Source: aihwkit's ``EcRamPresetDevice``, after Tang et al., IEDM (2018).

    Examples
    --------
    >>> ecram().gamma_down
    0.5085
    """
    device = LinearStep(
        w_max=1.1724,
        w_min=-0.8276,
        w_max_dtod=0.05,
        w_min_dtod=0.05,
        dw_min=0.002,
        dw_min_dtod=0.1,
        dw_min_std=0.3,
        up_down_dtod=0.01,
        gamma_up=0.1153,
        gamma_down=0.5085,
        gamma_up_dtod=0.05,
        gamma_down_dtod=0.05,
        mult_noise=True,
        mean_bound_reference=True,
    )
    return replace(device, **overrides)


def ecram_mo(**overrides: Any) -> LinearStep:
    """Electrochemical memory (metal oxide): 7000 states, linear asymmetric steps, strong cycle noise.

    Parameters
    ----------
    **overrides
        Fields of `LinearStep` that shall differ.

    Notes
    -----
    Source: aihwkit's ``EcRamMOPresetDevice``, after Kim et al., IEDM (2019).

    Examples
    --------
    >>> ecram_mo().dw_min
    0.00028214
    """
    device = LinearStep(
        w_max=1.1714,
        w_min=-0.8286,
        w_max_dtod=0.05,
        w_min_dtod=0.05,
        dw_min=2.8214e-4,
        dw_min_dtod=0.1,
        dw_min_std=2.0,
        up_down_dtod=0.01,
        gamma_up=0.4152,
        gamma_down=0.7342,
        gamma_up_dtod=0.05,
        gamma_down_dtod=0.05,
        mult_noise=True,
        mean_bound_reference=True,
    )
    return replace(device, **overrides)


def idealized(**overrides: Any) -> ConstantStep:
    """Idealised analog memory: 10,000 states, constant steps, no systematic asymmetry; no symmetric point.

    Parameters
    ----------
    **overrides
        Fields of `ConstantStep` that shall differ.

    Notes
    -----
    Source: aihwkit's ``IdealizedPresetDevice``.

    Examples
    --------
    >>> idealized().up_down_dtod
    0.0
    """
    device = ConstantStep(
        w_max=1,
        w_min=-1,
        w_max_dtod=0.3,
        w_min_dtod=0.3,
        dw_min=0.0002,
        dw_min_dtod=0.3,
        dw_min_std=0.3,
        up_down_dtod=0.0,
    )
    return replace(device, **overrides)


def gokmen_vlasov(**overrides: Any) -> ConstantStep:
    """Device as Gokmen and Vlasov asked for: 1250 states, constant steps; no symmetric point.

    Parameters
    ----------
    **overrides
        Fields of `ConstantStep` that shall differ.

    Notes
    -----
    Source: aihwkit's ``GokmenVlasovPresetDevice``, after Gokmen and Vlasov, Front. Neurosci. 10, 333 (2016).

    Examples
    --------
    >>> gokmen_vlasov().dw_min
    0.0016
    """
    device = ConstantStep(
        w_max=1,
        w_min=-1,
        w_max_dtod=0.3,
        w_min_dtod=0.3,
        dw_min=0.0016,
        dw_min_dtod=0.3,
        dw_min_std=0.3,
        up_down_dtod=0.01,
    )
    return replace(device, **overrides)


def pcm(**overrides: Any) -> ExpStep:
    """Phase-change memory, for one-sided use only: conductance grows from 0 by pulses and falls by reset alone.

    A weight needs two of them, one for each sign, and pulses up only: a down pulse has a response here, but the
    hardware has none. `CrossbarArray.reset` is the erase.

    Parameters
    ----------
    **overrides
        Fields of `ExpStep` that shall differ.

    Notes
    -----
    Source: aihwkit's ``PCMPresetDevice``, after Nandakumar et al., Front. Neurosci. 14 (2020).

    Examples
    --------
    >>> pcm().w_min
    0
    """
    device = ExpStep(
        w_max=2,
        w_min=0,
        w_max_dtod=0.1,
        w_min_dtod=0.0,
        dw_min=0.01,
        dw_min_dtod=0.2,
        dw_min_std=0.6,
        up_down_dtod=0.05,
        A_up=-27.235,
        A_down=-2.235,
        gamma_up=2.5,
        gamma_down=2.5,
        a=-1,
        b=0,
        dw_min_std_add=0.042,
        dw_min_std_slope=0.108,
        reset=0.01,
        reset_dtod=0.02,
    )
    return replace(device, **overrides)


def reram_array_om(**overrides: Any) -> SoftBoundsReference:
    """ReRAM array with an optimised material (OM): about 21 states, large spread between cells.

    The symmetric point is subtracted up to an error of standard deviation `reference_std` = 0.05. No cell is stuck;
    measured were 13.48 % (``corrupt_devices_prob=0.1348``), and bounds of 1.4839 and -0.6192 around another zero.

    Parameters
    ----------
    **overrides
        Fields of `SoftBoundsReference` that shall differ.

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

    The symmetric point is subtracted up to an error of standard deviation `reference_std` = 0.05. No cell is stuck;
    measured were 9.77 % (``corrupt_devices_prob=0.0977``), and bounds of 1.1490 and -1.0284 around another zero.

    Parameters
    ----------
    **overrides
        Fields of `SoftBoundsReference` that shall differ; the tables vary `reference_mean` and `reference_std`.

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
