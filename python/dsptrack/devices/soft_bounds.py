"""Soft bounds: the step shrinks linearly to 0 at the cell's own bounds."""

from dataclasses import dataclass

from .device import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftBounds(Device):
    """Steps shrink linearly to 0 at the cell's own bounds.

        up:   w <- w + s+ (1 - w/b+) (1 + dw_min_std xi)
        down: w <- w - s- (1 - w/b-) (1 + dw_min_std xi)

    Symmetric point: w = (s+ - s-) / (s+/b+ - s-/b-). A bound of the wrong sign (measured cells, or cells drawn without
    `enforce_consistency`) gives constant steps towards it.

    Parameters
    ----------
    mult_noise
        Cycle noise scales with the step (True, as above) or with s+ or s-, whatever the state (False). Measured:
        whether the scatter of single steps shrinks towards a bound.
    write_noise_std
        Write noise in units of dw_min, >= 0: pulses act on a persistent weight, reads see it plus this noise, redrawn
        for a cell when it is pulsed. Measured: scatter of w just after a pulse that later pulses do not remember.
    apply_write_noise_on_set
        Whether setting weights draws write noise too.
    reverse_up
        The up step is s+ (1 - w/(b- - reverse_offset)): it grows with w. Needs mult_noise.
    reverse_down
        The down step is s- (1 - w/(b+ + reverse_offset)): it grows as w falls. Needs mult_noise.
    reverse_offset
        Distance of the reversed references from the bounds, weight units, >= 0.

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
    reverse_up: bool = False
    reverse_down: bool = False
    reverse_offset: float = 0.01
