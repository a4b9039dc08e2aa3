"""Linear step: the step depends linearly on the weight."""

from dataclasses import dataclass

from .device import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearStep(Device):
    """Steps depend linearly on the weight; they need not vanish at the bounds.

        up:   w <- w + s+ (1 - y+ w/R+) (1 + dw_min_std xi)
        down: w <- w - s- (1 - y- w/R-) (1 + dw_min_std xi)
        y+ = abs(gamma_up + gamma_up_dtod xi),  y- = abs(gamma_down + gamma_down_dtod xi)

    with R+ = w_max and R- = w_min, or the cell's b+ and b-. Symmetric point: w = (s+ - s-) / (k- - k+) with the slopes
    k+ = -y+ s+/R+ and k- = -y- s-/R- that `CrossbarArray.cell_parameters` gives; many cells have none inside their
    bounds where the gammas are small.

    Parameters
    ----------
    gamma_up, gamma_down
        Means of y+ and y-, relative, any number; 0 is a constant step, 1 a soft bound. Measured: 1 minus the ratio of
        the step at the bound to the step at w = 0.
    gamma_up_dtod, gamma_down_dtod
        Spreads of y+ and y- between cells, >= 0. Measured: standard deviation over cells of that quantity.
    allow_increasing
        Keep the signs of y+ and y- (no absolute values), so that steps may grow towards their bound.
    mean_bound_reference
        R+ and R- are the nominal bounds (True) or the cell's own (False). A cell whose bound lies beyond the nominal
        one can then have steps of the wrong sign; they are applied as they are.
    mult_noise
        Cycle noise scales with the step (True, as above) or with s+ or s-, whatever the state (False).
    write_noise_std
        Write noise in units of dw_min, >= 0: pulses act on a persistent weight, reads see it plus this noise, redrawn
        for a cell when it is pulsed. Measured: scatter of w just after a pulse that later pulses do not remember.
    apply_write_noise_on_set
        Whether setting weights draws write noise too.
    reverse_up
        R+ = (w_min or b-) - reverse_offset: the up step grows with w. Needs mult_noise.
    reverse_down
        R- = (w_max or b+) + reverse_offset: the down step grows as w falls. Needs mult_noise.
    reverse_offset
        Distance of the reversed references from the bounds, weight units, >= 0.

    Notes
    -----
    The other parameters are those of `Device`. Source: aihwkit's ``LinearStepDevice``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = LinearStep(gamma_up=0.5, gamma_up_dtod=0, w_max=1, w_max_dtod=0, dw_min_dtod=0, up_down_dtod=0)
    >>> q_plus, _ = dt.CrossbarArray((1, 1), device).response(0.5)
    >>> float(q_plus[0, 0])
    0.75
    """

    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_up_dtod: float = 0.05
    gamma_down_dtod: float = 0.05
    allow_increasing: bool = False
    mean_bound_reference: bool = True
    mult_noise: bool = True
    write_noise_std: float = 0.0
    apply_write_noise_on_set: bool = True
    reverse_up: bool = False
    reverse_down: bool = False
    reverse_offset: float = 0.01
