"""Soft bounds with a reference: the weight is the state minus a reference of each cell."""

from dataclasses import dataclass

from .device import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftBoundsReference(Device):
    """Soft bounds with a reference subtracted: the state is v = w + r.

        up:   v <- v + s+ (1 - v/b+ + dw_min_std xi)
        down: v <- v - s- (1 - v/b- + dw_min_std xi)
        r = reference_mean + reference_std xi  [+ the state's symmetric point]

    The weight's symmetric point is the state's minus r; with `subtract_symmetry_point` it is therefore
    -(reference_mean + reference_std xi): the way to give every cell a known, non-ideal one.

    Parameters
    ----------
    mult_noise
        Cycle noise scales with the step (True) or with s+ or s-, whatever the state (False, as above). Measured:
        whether the scatter of single steps shrinks towards a bound.
    write_noise_std
        Write noise in units of dw_min, >= 0: pulses act on a persistent weight, reads see it plus this noise, redrawn
        for a cell when it is pulsed. Measured: scatter of w just after a pulse that later pulses do not remember.
    apply_write_noise_on_set
        Whether setting weights draws write noise too.
    slope_up_dtod, slope_down_dtod
        Spread of the slopes between cells, relative, >= 0, realised by moving the bounds: b+ <- b+ / abs(1 +
        slope_up_dtod xi). Measured: spread of d(step)/dw that the spreads of s and b leave over.
    reference_mean, reference_std
        Mean and spread of r between cells, weight units; spread >= 0. Measured: conductance of the reference cells;
        with `subtract_symmetry_point`, mean and standard deviation of the calibration's error.
    subtract_symmetry_point
        Add the state's own symmetric point to r: the reference was calibrated.

    Notes
    -----
    The other parameters are those of `Device`. Source: aihwkit's ``SoftBoundsReferenceDevice``. Unlike there, setting
    weights clips the state v, not the weight, to the bounds.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = SoftBoundsReference(subtract_symmetry_point=True, reference_mean=0.25)
    >>> bool(abs(dt.CrossbarArray((1, 1), device, rng=0).symmetric_point() + 0.25).max() < 1e-6)
    True
    """

    mult_noise: bool = False
    write_noise_std: float = 0.0
    apply_write_noise_on_set: bool = True
    slope_up_dtod: float = 0.0
    slope_down_dtod: float = 0.0
    reference_mean: float = 0.0
    reference_std: float = 0.0
    subtract_symmetry_point: bool = False
