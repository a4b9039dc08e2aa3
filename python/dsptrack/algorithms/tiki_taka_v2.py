"""Tiki-taka version 2: buffered transfer."""

from dataclasses import dataclass

from .description import Rates
from .transfer import BufferedTransfer


@dataclass(frozen=True, kw_only=True, slots=True)
class TikiTakaV2(BufferedTransfer):
    """Tiki-taka version 2 (TT-v2): buffered transfer that takes P's symmetric point for 0.

    No chopper, no Q, no Q~: o = H + lr_T v with threshold thres_scale g, where g is the granularity of W.

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
        Columns read in one transfer, >= 1 (``n_reads_per_transfer``).
    thres_scale
        Threshold of H in granularities of W, > 0 (same name).
    momentum
        Share of H that stays after a pulse, 0 to 1 (same name).
    forget_buffer
        True: H = momentum o after a pulse; False: H = o - (1 - momentum) times what the pulse paid (same name).
    gamma
        Share of P in the visible weight (same name).

    Raises
    ------
    ConfigError
        If a field has the wrong type or is out of range.

    Notes
    -----
    Source: Gokmen, Front. Artif. Intell. 4, 699148 (2021); aihwkit's ``BufferedTransferCompound``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> TikiTakaV2(device=dt.presets.reram_sb(), thres_scale=0.8).momentum
    0.1
    """

    thres_scale: float = 1.0
    momentum: float = 0.1
    gamma: float = 0.0

    def _rates(self, columns: int, lr: float) -> Rates:
        return self._transfer_rates(lr, 1.0 / (self.thres_scale * self._slow.granularity))
