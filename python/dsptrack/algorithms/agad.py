"""AGAD: chopped transfer with a tracked reference."""

from dataclasses import dataclass, replace

from .description import Rates
from .transfer import ChoppedTransfer


@dataclass(frozen=True, kw_only=True, slots=True)
class AGAD(ChoppedTransfer):
    """AGAD: chopped transfer with a tracked reference; the gradient is taken at W alone (gamma = 0).

    A chopper flips after every K-th sweep over the columns, K = max(ceil(1/chop_probability), 2); beta =
    min(tail_weighting/K, 1). At a flip Q~ takes the value of Q. The first K + 1 sweeps write nothing to W.

    Parameters
    ----------
    device
        Device of P.
    slow_device
        Device of W; None means `device`.
    transfer_read
        Periphery of the column reads (aihwkit ``transfer_forward``).
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
        Columns read in one transfer, >= 1 (``n_reads_per_transfer``, which must be 1 there).
    auto_granularity
        Scale of lambda, >= 0; 0 means lambda = lr_T / g (same name).
    momentum
        Share of H that stays after a pulse, 0 to 1 (same name).
    forget_buffer
        True: H = momentum o after a pulse; False: H = o - (1 - momentum) (same name).
    chop_probability
        p, above 0, at most 1 (``in_chop_prob``).
    chop_random
        Flip with probability p after every sweep instead of regularly (``in_chop_random``, which does both).
    tail_weighting
        Rate of Q in units of one chopper phase, > 0 (``tail_weightening``).
    program_at_flip
        True: Q~ is written at the flip. False: at the first read after it, without that read, as aihwkit does.

    Raises
    ------
    ConfigError
        If a field has the wrong type or is out of range.

    Notes
    -----
    Source: Rasch, Carta, Fagbohungbe, Gokmen, Nature Communications 15, 7133 (2024); aihwkit's
    ``DynamicTransferCompound``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> AGAD(device=dt.presets.reram_array_hfo2()).chop_probability
    0.1
    """

    tail_weighting: float = 5.0
    program_at_flip: bool = False

    def _rates(self, columns: int, lr: float) -> Rates:
        return replace(self._granular_rates(columns, lr), tracked=True, silent_sweeps=self.period + 1)
