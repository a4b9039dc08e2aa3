"""E-RIDER: RIDER with choppers."""

from dataclasses import dataclass, replace

from .description import Rates
from .transfer import ChoppedTransfer


@dataclass(frozen=True, kw_only=True, slots=True)
class ERider(ChoppedTransfer):
    """E-RIDER (Algorithm 3 of the paper): RIDER with choppers, so that Q keeps the drift and loses the gradient.

    The gradient is taken at W + gamma c (P - Q~). A chopper flips after every K-th sweep over the columns,
    K = max(ceil(1/chop_probability), 2); beta = min(tail_weighting/K, 1). Only at a flip is Q~ written, with the value
    of Q. The first K + 1 sweeps write nothing to W.

    Parameters
    ----------
    device
        Device of P.
    slow_device
        Device of W; None means `device`.
    transfer_read
        Periphery of the column reads (aihwkit ``transfer_forward``).
    gamma
        Share of the residual c (P - Q~) in the visible weight (aihwkit ``gamma``).
    fast_lr, scale_fast_lr
        Rate of the pulses on P, >= 0, and whether the global rate multiplies it (same names in aihwkit).
    auto_scale, auto_momentum
        Whether that rate is multiplied by desired_bl g / (m_x m_d), and the share, 0 to 1, of the running maxima m of
        inputs and errors that a mini-batch leaves (same names).
    transfer_lr, scale_transfer_lr
        Rate of the transfer, >= 0, and whether the global rate multiplies it (same names).
    transfer_every
        Mini-batches between transfers, >= 1 (same name, with ``units_in_mbatch=True``).
    columns_per_transfer
        Columns read in one transfer, >= 1 (``n_reads_per_transfer``).
    auto_granularity
        Scale of lambda, >= 0; 0 means lambda = lr_T / g (same name).
    momentum
        Share of H that stays after a pulse, 0 to 1 (same name).
    forget_buffer
        True: H = momentum o after a pulse; False: H = o - (1 - momentum) (same name).
    chop_probability
        p, above 0, at most 1 (``in_chop_prob``).
    chop_random
        Flip with probability p after every sweep, as (17) has it, instead of regularly (``in_chop_random``).
    tail_weighting
        Rate of Q in units of one chopper phase, > 0 (``tail_weightening``).
    program_at_flip
        True: Q~ is written at the flip, as Algorithm 3 says. False: at the first read after it, without that read.

    Raises
    ------
    ConfigError
        If a field has the wrong type or is out of range.

    Notes
    -----
    Source: Xiao et al., arXiv 2602.21321, Algorithm 3 and equations (17), (18). Not in aihwkit.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = ERider(device=dt.presets.reram_array_hfo2(reference_mean=0.4), slow_device=dt.presets.reram_array_hfo2())
    >>> rule.chop_probability, rule.program_at_flip
    (0.05, True)
    """

    gamma: float = 0.1
    fast_lr: float = 0.5
    transfer_lr: float = 0.05
    scale_transfer_lr: bool = False
    chop_probability: float = 0.05
    tail_weighting: float = 5.0
    program_at_flip: bool = True

    def _rates(self, columns: int, lr: float) -> Rates:
        return replace(self._granular_rates(columns, lr), tracked=True, silent_sweeps=self.period + 1)
