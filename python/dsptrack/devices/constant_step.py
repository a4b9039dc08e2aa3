"""Constant step: every pulse has the same size."""

from dataclasses import dataclass

from .device import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstantStep(Device):
    """Every pulse has the same size, up to hard bounds; there is no symmetric point.

        up:   w <- w + s+ (1 + dw_min_std xi)
        down: w <- w - s- (1 + dw_min_std xi)

    Notes
    -----
    All parameters are those of `Device`. Source: aihwkit's ``ConstantStepDevice``.

    Examples
    --------
    >>> ConstantStep(dw_min=0.01, dw_min_dtod=0).dw_min
    0.01
    """
