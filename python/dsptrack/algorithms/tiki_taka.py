"""Tiki-taka version 1: columns of P go into W by pulse trains."""

from dataclasses import dataclass, replace

from dsptrack._config import compiled
from dsptrack.update import PulseUpdate

from .description import Rates
from .transfer import Transfer

_UPDATE = PulseUpdate()


@dataclass(frozen=True, kw_only=True, slots=True)
class TikiTaka(Transfer):
    """Tiki-taka version 1 (TT-v1): every column read from P is written to W by pulse trains, without a buffer.

    W[:, s] <- W[:, s] + lr_T v in expectation, P's symmetric point taken for 0; the gradient is taken at W + gamma P.

    Parameters
    ----------
    device
        Device of P.
    slow_device
        Device of W; None means `device`.
    transfer_read
        Periphery of the column reads (aihwkit ``transfer_forward``).
    transfer_update
        Pulse trains of the transfer; one error line per row, the column's input line at 1 (same name).
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
    gamma
        Share of P in the visible weight (same name).

    Raises
    ------
    ConfigError
        If a field has the wrong type or is out of range.

    Notes
    -----
    Source: Gokmen, Haensch, Front. Neurosci. 14, 103 (2020); aihwkit's ``TransferCompound``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> TikiTaka(device=dt.presets.reram_sb(), gamma=0.1).transfer_update.desired_bl
    31
    """

    transfer_update: PulseUpdate = _UPDATE
    fast_lr: float = 1.0
    scale_fast_lr: bool = True
    gamma: float = 0.0

    def _core_fields(self) -> dict[str, object]:
        update = compiled("transfer_update", self.transfer_update, PulseUpdate)
        return Transfer._core_fields(self) | {"transfer_update": update}

    def _rates(self, columns: int, lr: float) -> Rates:
        longest = self.transfer_update.desired_bl
        return replace(self._transfer_rates(lr, 1.0 / self._slow.granularity), pulses_per_read=longest)
