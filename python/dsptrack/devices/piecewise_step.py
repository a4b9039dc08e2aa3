"""Tabulated step: any response, interpolated linearly between nodes."""

from dataclasses import dataclass

from .device import Device


@dataclass(frozen=True, kw_only=True, slots=True)
class PiecewiseStep(Device):
    """Any response, as two tables over each cell's own range: a device without a formula.

        up:   w <- w + s+ I_up(w) (1 + dw_min_std xi)
        down: w <- w - s- I_down(w) (1 + dw_min_std xi)

    I interpolates linearly between n nodes equally spaced from b- to b+; with one node it is constant. In a cell with
    s+ = s- = dw_min the tables are q+ and q-. Symmetric point: the root of G between the bounds, found by bisection; of
    several the one nearest state 0.

    Parameters
    ----------
    piecewise_up, piecewise_down
        Values at the nodes, from b- to b+: 1 to 1024 numbers, as many in both. Measured: mean step at that weight,
        divided by dw_min. `from_callables` makes them from functions. A list or array becomes a tuple.
    write_noise_std
        Write noise in units of dw_min, >= 0: pulses act on a persistent weight, reads see it plus this noise, redrawn
        for a cell when it is pulsed. Measured: scatter of w just after a pulse that later pulses do not remember.
    apply_write_noise_on_set
        Whether setting weights draws write noise too.

    Notes
    -----
    The other parameters are those of `Device`. Tables of single cells (a measured chip) go into
    `CrossbarArray` as ``cell_parameters={"piecewise_up": (M, N, n), "piecewise_down": (M, N, n)}``. Source: aihwkit's
    ``PiecewiseStepDevice``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = PiecewiseStep(piecewise_up=[2, 1, 0], piecewise_down=[0, 1, 4], w_max=1, w_min=-1).nominal()
    >>> q_plus, q_minus = dt.CrossbarArray((1, 1), device).response(0.5)
    >>> float(q_plus[0, 0]), float(q_minus[0, 0])
    (0.5, 2.5)
    """

    piecewise_up: tuple[float, ...] = (1.0,)
    piecewise_down: tuple[float, ...] = (1.0,)
    write_noise_std: float = 0.0
    apply_write_noise_on_set: bool = True
