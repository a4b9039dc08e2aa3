"""Exponential step: a fit to measured resistive memories."""

from dataclasses import dataclass

from .device import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpStep(Device):
    """Steps change exponentially with the weight, as in filamentary and phase-change memories.

        up:   w <- w + s+ max(1 - A_up exp(gamma_up z), 0) (1 + dw_min_std xi)
        down: w <- w - s- max(1 - A_down exp(-gamma_down z), 0) (1 + dw_min_std xi)
        z = 2 a w / (b+ - b-) + b

    With `dw_min_std_add` or `dw_min_std_slope` the noise of a step dw is instead

        dw_min_std (abs(dw) + dw_min_std_add + dw_min_std_slope abs(w)) xi

    Symmetric point: the root of G between the bounds, found by bisection; where gamma_up = gamma_down = y also
    u = exp(y z) with s+ A_up u^2 - (s+ - s-) u - s- A_down = 0.

    Parameters
    ----------
    A_up, A_down
        Amplitudes, any number; > 0 shrinks the step towards its bound, < 0 adds to it elsewhere. Measured: fit of step
        against weight, as all six of these.
    gamma_up, gamma_down
        Rates, per unit of z, any number.
    a
        Slope of z: z changes by 2 a from bound to bound, any number.
    b
        Offset of z, its value at w = 0, any number.
    dw_min_std_add
        Noise that does not depend on the step, weight units before the factor dw_min_std, >= 0. Measured: scatter of
        steps where the mean step vanishes.
    dw_min_std_slope
        Noise proportional to the weight, dimensionless, before the factor dw_min_std, >= 0. Measured: slope of the
        scatter of steps against abs(w).
    write_noise_std
        Write noise in units of dw_min, >= 0: pulses act on a persistent weight, reads see it plus this noise, redrawn
        for a cell when it is pulsed. Measured: scatter of w just after a pulse that later pulses do not remember.
    apply_write_noise_on_set
        Whether setting weights draws write noise too.

    Notes
    -----
    The other parameters are those of `Device`. Source: aihwkit's ``ExpStepDevice``, the same names and defaults.

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((1, 1), dt.presets.reram_es().nominal())
    >>> round(float(array.symmetric_point()[0, 0]), 3)
    -0.217
    """

    A_up: float = 0.00081
    A_down: float = 0.36833
    gamma_up: float = 12.44625
    gamma_down: float = 12.78785
    a: float = 0.244
    b: float = 0.2425
    dw_min_std_add: float = 0.0
    dw_min_std_slope: float = 0.0
    write_noise_std: float = 0.0
    apply_write_noise_on_set: bool = True
