"""Power-law step with a reference: the weight is the state minus a reference of each cell."""

from dataclasses import dataclass

from .device import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class PowStepReference(Device):
    """Power-law steps with a reference subtracted: the state is v = w + r.

        up:   v <- v + s+ ((b+ - v)/R)^g+ (1 + dw_min_std xi),  R = b+ - b-
        down: v <- v - s- ((v - b-)/R)^g- (1 + dw_min_std xi)
        r = reference_mean + reference_std xi  [+ the state's symmetric point]

    with exponents drawn as those of `PowStep`. The weight's symmetric point is the state's minus r; with
    `subtract_symmetry_point` it is therefore -(reference_mean + reference_std xi).

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
    reference_mean, reference_std
        Mean and spread of r between cells, weight units; spread >= 0. Measured: conductance of the reference cells;
        with `subtract_symmetry_point`, mean and standard deviation of the calibration's error.
    subtract_symmetry_point
        Add the state's own symmetric point to r: the reference was calibrated. Cells without one keep r.

    Notes
    -----
    The other parameters are those of `Device`. Source: aihwkit's ``PowStepReferenceDevice``; unlike there,
    setting weights clips the state v, not the weight, and the symmetric point is found by bisection, not by
    ``n_estimation_steps`` pulses.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = PowStepReference(subtract_symmetry_point=True, reference_mean=0.25)
    >>> bool(abs(dt.CrossbarArray((1, 1), device, rng=0).symmetric_point() + 0.25).max() < 1e-5)
    True
    """

    pow_gamma: float = 1.0
    pow_gamma_dtod: float = 0.1
    pow_up_down: float = 0.0
    pow_up_down_dtod: float = 0.0
    reference_mean: float = 0.0
    reference_std: float = 0.0
    subtract_symmetry_point: bool = False
