"""Residual learning: fixed references, and as many fast arrays in a row as wanted."""

from dataclasses import dataclass, replace

from .description import Rates
from .transfer import GranularTransfer


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidualLearning(GranularTransfer):
    """Residual learning (Algorithm 4 of the paper): the gradient is taken at W + gamma (P - Q) with a fixed Q.

    Q = 0, or, with `calibration_pulses`, what zero-shifting finds before the start: the two-stage method. No chopper
    and no moving average: o = H + lambda (v - Q). With n fast arrays P, P2, ... in a row, each with its own buffer,
    columns of one are moved into the next, and of the last into W; the gradient pulses P and is taken at

        W + gamma (Pn - Qn) + ... + gamma^n (P - Q)

    Parameters
    ----------
    device
        Device of the fast arrays.
    slow_device
        Device of W; None means `device`.
    transfer_read
        Periphery of the column reads (aihwkit ``transfer_forward``).
    fast_arrays
        n, 1 to 8 (``unit_cell_devices``, one less).
    gamma
        Share of each array relative to the next one (aihwkit ``gamma``).
    fast_lr, scale_fast_lr
        Rate of the pulses on P, >= 0, and whether the global rate multiplies it (same names in aihwkit).
    auto_scale, auto_momentum
        Whether that rate is multiplied by desired_bl g / (m_x m_d), and the share, 0 to 1, of the running maxima m of
        inputs and errors that a mini-batch leaves (same names).
    transfer_lr, scale_transfer_lr
        Rate of all transfers, >= 0, and whether the global rate multiplies it (same names).
    transfer_every
        Mini-batches between transfers of P, >= 1 (same name, with ``units_in_mbatch=True``).
    stage_every
        Transfers of one array between those of the next, >= 0; 0 means one sweep over its columns (through
        ``transfer_every_vec``).
    columns_per_transfer
        Columns read in one transfer, >= 1 (``n_reads_per_transfer``).
    auto_granularity
        Scale of lambda, >= 0; 0 means lambda = lr_T / g (same name).
    momentum
        Share of H that stays after a pulse, 0 to 1 (same name).
    forget_buffer
        True: H = momentum o after a pulse; False: H = o - (1 - momentum) (same name).
    calibration_pulses
        Cyclic pulses to every cell of the fast arrays when the tile is made, 0 to 10^6; their ends are programmed as
        Q, one event per cell, and the arrays start there (no counterpart).

    Raises
    ------
    ConfigError
        If a field has the wrong type or is out of range.

    Notes
    -----
    Source: Xiao et al., arXiv 2602.21321, Algorithms 1 and 4 and equation (11). aihwkit has the visible weight of a
    ``BufferedTransferCompound`` with several devices and ``gamma``, without Q.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = ResidualLearning(device=dt.presets.reram_sb(), fast_arrays=2, calibration_pulses=100)
    >>> tile = dt.AnalogTile((2, 3), rule, rng=0)
    >>> list(tile.arrays), tile.ledger["P"]["array_pulses"], tile.ledger["reference"]
    (['P', 'P2', 'W'], 100, {'programming_events': 12})
    """

    fast_arrays: int = 1
    gamma: float = 0.1
    fast_lr: float = 0.5
    transfer_lr: float = 0.05
    scale_transfer_lr: bool = False
    stage_every: int = 0
    calibration_pulses: int = 0

    def _rates(self, columns: int, lr: float) -> Rates:
        every = self.stage_every or -(-columns // self.columns_per_transfer)
        return replace(self._granular_rates(columns, lr), stages=self.fast_arrays, stage_every=every)
