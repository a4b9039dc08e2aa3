"""Power-law step: the step follows a power of the distance to the bound."""

from dataclasses import dataclass

from .device import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class PowStep(Device):
    """Steps follow a power of the distance to the bound.

        up:   w <- w + s+ ((b+ - w)/R)^g+ (1 + dw_min_std xi),  R = b+ - b-
        down: w <- w - s- ((w - b-)/R)^g- (1 + dw_min_std xi)
        g+ = pow_gamma (1 + pow_gamma_dtod xi + min(pow_up_down, 0) + pow_up_down_dtod xi')
        g- = pow_gamma (1 + pow_gamma_dtod xi - max(pow_up_down, 0) - pow_up_down_dtod xi')

    with magnitudes of the exponents under `enforce_consistency`. The step at w = 0 is not dw_min: half-way between the
    bounds it is dw_min 0.5^pow_gamma. Symmetric point: the root of G between the bounds, found by bisection; where
    g+ = g- = g also w = (b+ + b- t)/(1 + t), t = (s-/s+)^(1/g).

    Parameters
    ----------
    pow_gamma
        Mean exponent, >= 0; 0 is a constant step, 1 a soft bound. Measured: slope of log step against the log of the
        distance to the bound.
    pow_gamma_dtod
        Spread of the exponent between cells, relative, >= 0. Measured: standard deviation over cells, divided by the
        mean.
    pow_up_down
        Systematic difference of the two exponents, relative, any number; > 0 shrinks g- only, < 0 g+ only. Measured:
        mean of (g+ - g-)/pow_gamma.
    pow_up_down_dtod
        Spread of that difference between cells, >= 0. Measured: half the standard deviation of that difference.
    write_noise_std
        Write noise in units of dw_min, >= 0: pulses act on a persistent weight, reads see it plus this noise, redrawn
        for a cell when it is pulsed. Measured: scatter of w just after a pulse that later pulses do not remember.
    apply_write_noise_on_set
        Whether setting weights draws write noise too.

    Notes
    -----
    The other parameters are those of `Device`. Source: aihwkit's ``PowStepDevice``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> q_plus, _ = dt.CrossbarArray((1, 1), PowStep(pow_gamma=2).nominal()).response(0)
    >>> round(float(q_plus[0, 0]), 6)
    0.25
    """

    pow_gamma: float = 1.0
    pow_gamma_dtod: float = 0.1
    pow_up_down: float = 0.0
    pow_up_down_dtod: float = 0.0
    write_noise_std: float = 0.0
    apply_write_noise_on_set: bool = True
