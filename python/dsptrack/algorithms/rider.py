"""RIDER: residual learning with a tracked symmetric point."""

from dataclasses import dataclass, replace

from .description import Rates
from .transfer import GranularTransfer


@dataclass(frozen=True, kw_only=True, slots=True)
class Rider(GranularTransfer):
    """RIDER (Algorithm 2 of the paper): residual learning with a tracked symmetric point, without chopping.

    c = 1, Q~ = Q at every read (each one a programming event) and beta = eta: Q_k+1 = (1 - eta) Q_k + eta P_k+1 (12).

    Parameters
    ----------
    device
        Device of P.
    slow_device
        Device of W; None means `device`.
    transfer_read
        Periphery of the column reads (aihwkit ``transfer_forward``).
    gamma
        Share of the residual P - Q in the visible weight (aihwkit ``gamma``).
    eta
        Rate of the moving average, 0 to 1 (no counterpart).
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

    Raises
    ------
    ConfigError
        If a field has the wrong type or is out of range.

    Notes
    -----
    Source: Xiao et al., arXiv 2602.21321, Algorithm 2 and equations (11), (12). Not in aihwkit.

    Examples
    --------
    >>> import dsptrack as dt
    >>> Rider(device=dt.presets.reram_array_hfo2()).eta
    0.05
    """

    gamma: float = 0.1
    eta: float = 0.05
    fast_lr: float = 0.5
    transfer_lr: float = 0.05
    scale_transfer_lr: bool = False

    def _rates(self, columns: int, lr: float) -> Rates:
        return replace(self._granular_rates(columns, lr), eta=self.eta)
