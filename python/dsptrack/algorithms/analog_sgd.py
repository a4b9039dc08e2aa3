"""Analog SGD: the baseline without a fast array."""

from dataclasses import dataclass

from .algorithm import Algorithm
from .description import Rates


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalogSGD(Algorithm):
    """Analog SGD: the gradient pulses the weights themselves, W <- W - lr d^T x (Analog Update (2) of the paper).

    The baseline that an asymmetric device defeats: every cell is dragged towards its symmetric point.

    Parameters
    ----------
    device
        Device of W.

    Notes
    -----
    aihwkit: ``SingleRPUConfig(device)``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> AnalogSGD(device=dt.presets.reram_sb()).device.dw_min
    0.002
    """

    def _rates(self, columns: int, lr: float) -> Rates:
        return Rates(fast=lr)
