"""Device models: how one pulse moves one cell, and how cells differ. Parameters and defaults are aihwkit's.

A cell holds a state v between its own bounds b- and b+; its weight is w = v - r with a reference r (0 unless the model
has one). Each cell draws, with standard normals xi,

    b+ = w_max (1 + w_max_dtod xi),  b- = w_min (1 + w_min_dtod xi)
    G  = 1 + dw_min_dtod xi          or exp(dw_min_dtod xi) if dw_min_dtod_log_normal (median 1, mean above 1)
    s+ = dw_min (G + min(up_down, 0) + rho),  s- = dw_min (G - max(up_down, 0) - rho),  rho = up_down_dtod xi

and after every pulse v is clipped to [b-, b+]. The model says how a pulse depends on v: q+ = (up step)/dw_min and
q- = (down step)/dw_min are the responses of the paper's section 1, and where they are equal is the symmetric point.
"""

from dataclasses import dataclass

from ._config import Config

__all__ = ["ConstantStep", "Device", "SoftBounds", "SoftBoundsReference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Device(Config):
    """What all device models share; make one of its subclasses.

    Parameters
    ----------
    w_max, w_min
        Mean bounds, weight units; w_min <= 0 <= w_max.
    w_max_dtod, w_min_dtod
        Relative spread of the bounds between cells, >= 0.
    dw_min
        Response granularity: mean step scale, weight units, > 0.
    dw_min_dtod
        Relative spread of the step scale between cells, >= 0.
    dw_min_dtod_log_normal
        Draw the step scale log-normally (median dw_min) instead of normally.
    dw_min_std
        Cycle noise: standard deviation of one pulse relative to its size, >= 0.
    up_down
        Systematic difference of up and down steps; > 0 shrinks the down step only, < 0 the up step only.
    up_down_dtod
        Spread of that difference between cells, relative to dw_min, >= 0.
    enforce_consistency
        Make step scales positive and bounds enclose 0; otherwise crossed bounds meet in their middle.
    corrupt_devices_prob
        Probability that a cell is stuck: bounds equal, steps 0.
    corrupt_devices_range
        Stuck cells hold a uniform value within this distance of 0 and within their own bounds, >= 0.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or is out of range.

    Notes
    -----
    Source: aihwkit's ``PulsedDevice``, the same names.

    Examples
    --------
    >>> isinstance(SoftBounds(), Device)
    True
    """

    w_max: float = 0.6
    w_min: float = -0.6
    w_max_dtod: float = 0.3
    w_min_dtod: float = 0.3
    dw_min: float = 0.001
    dw_min_dtod: float = 0.3
    dw_min_dtod_log_normal: bool = False
    dw_min_std: float = 0.3
    up_down: float = 0.0
    up_down_dtod: float = 0.01
    enforce_consistency: bool = True
    corrupt_devices_prob: float = 0.0
    corrupt_devices_range: float = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstantStep(Device):
    """Every pulse has the same size, up to hard bounds; there is no symmetric point.

        up:   w <- w + s+ (1 + dw_min_std xi)
        down: w <- w - s- (1 + dw_min_std xi)

    All parameters are those of `Device`. Source: aihwkit's ``ConstantStepDevice``.

    Examples
    --------
    >>> ConstantStep(dw_min=0.01, dw_min_dtod=0).dw_min
    0.01
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftBounds(Device):
    """Steps shrink linearly to 0 at the cell's own bounds.

        up:   w <- w + s+ (1 - w/b+) (1 + dw_min_std xi)
        down: w <- w - s- (1 - w/b-) (1 + dw_min_std xi)

    Symmetric point: w = (s+ - s-) / (s+/b+ - s-/b-).

    Parameters
    ----------
    mult_noise
        Cycle noise scales with the step (True, as above) or with s+ or s-, whatever the state (False).
    write_noise_std
        Write noise in units of dw_min, >= 0: pulses act on a persistent weight, reads see it plus this noise, redrawn
        for a cell when it is pulsed.
    apply_write_noise_on_set
        Whether setting weights draws write noise too.

    Notes
    -----
    The other parameters are those of `Device`. Source: aihwkit's ``SoftBoundsDevice``; without noise the paper's (103).

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = SoftBounds(w_max=1, w_max_dtod=0, dw_min_dtod=0, up_down_dtod=0)
    >>> q_plus, _ = dt.CrossbarArray((1, 1), device).response(0.5)
    >>> float(q_plus[0, 0])
    0.5
    """

    mult_noise: bool = True
    write_noise_std: float = 0.0
    apply_write_noise_on_set: bool = True


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
        Cycle noise scales with the step (True) or with s+ or s-, whatever the state (False, as above).
    write_noise_std
        Write noise in units of dw_min, >= 0, see `SoftBounds`.
    apply_write_noise_on_set
        Whether setting weights draws write noise too.
    slope_up_dtod, slope_down_dtod
        Spread of the slopes between cells, >= 0, realised by moving the bounds: b+ <- b+ / abs(1 + slope_up_dtod xi).
    reference_mean, reference_std
        Mean and spread of r between cells, weight units; spread >= 0.
    subtract_symmetry_point
        Add the state's own symmetric point to r.

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
