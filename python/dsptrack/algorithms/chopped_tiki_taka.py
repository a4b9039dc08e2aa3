"""Chopped Tiki-taka version 2: buffered transfer of a chopped gradient."""

from dataclasses import dataclass

from .description import Rates
from .transfer import ChoppedTransfer


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoppedTikiTaka(ChoppedTransfer):
    """Chopped Tiki-taka (c-TTv2): choppers turn the gradient on P, so that P's offset cancels in H over two phases.

    No Q, no Q~: o = H + lambda c_s v. A chopper flips at random after every sweep, or after every K-th one,
    K = max(ceil(1/chop_probability), 2). W is written from the first read. The gradient is taken at W + gamma c P.

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
        Flip with probability p after every sweep instead of regularly (``in_chop_random``).
    gamma
        Share of c P in the visible weight (same name).

    Raises
    ------
    ConfigError
        If a field has the wrong type or is out of range.

    Notes
    -----
    Source: Rasch, Carta, Fagbohungbe, Gokmen, Nature Communications 15, 7133 (2024); aihwkit's
    ``ChoppedTransferCompound``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> ChoppedTikiTaka(device=dt.presets.reram_sb(), chop_random=False).period
    10
    """

    chop_random: bool = True
    gamma: float = 0.0

    def _rates(self, columns: int, lr: float) -> Rates:
        return self._granular_rates(columns, lr)
