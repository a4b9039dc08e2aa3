"""Learning rules as hardware tiles: which arrays a rule has and what it does with them after every mini-batch.

All rules but `AnalogSGD` have a fast array P, pulsed by the (chopped) gradient, and a slow array W that holds the
weights. Once per transfer they read a column s of P as v, through `transfer_read`. With the digital buffer H, the
moving average Q of the reads, the reference Q~ (an analog array, written rarely) and the chopper c_s = +-1,

    o = H + lambda c_s (v - Q~)        lambda = lr_T N transfer_every / (g auto_granularity)
    |o| >= 1: one pulse to W towards o, H = momentum o;  else H = o
    Q <- (1 - beta) Q + beta v

N is the number of columns, g the granularity of P, lr_T = transfer_lr, times the global rate under scale_transfer_lr.
Gradients are taken at the visible weight W + gamma c (P - Q~). A rule leaves out what it has no parameter for.
"""

from dataclasses import dataclass

from ._config import Config, compiled
from .devices import Device
from .periphery import Periphery

_READ = Periphery.transfer_default()

__all__ = ["AGAD", "Algorithm", "AnalogSGD", "ERider", "Rider", "TikiTakaV2"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Algorithm(Config):
    """What all learning rules share; make one of its subclasses.

    Parameters
    ----------
    device
        Device of the array that the gradient pulses.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(AnalogSGD(device=dt.devices.ConstantStep()), Algorithm)
    True
    """

    device: Device

    def _core_fields(self) -> dict[str, object]:
        return Config._core_fields(self) | {"device": compiled("device", self.device, Device)}


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalogSGD(Algorithm):
    """Analog SGD: the gradient pulses the weights themselves, W <- W - lr d^T x (Analog Update (2) of the paper).

    The baseline that an asymmetric device defeats: every cell is dragged towards its symmetric point.

    Parameters
    ----------
    device
        Device of W.

    Notes
    -----
    aihwkit: ``SingleRPUConfig(device)``.

    Examples
    --------
    >>> import dsptrack as dt
    >>> AnalogSGD(device=dt.presets.reram_sb()).device.dw_min
    0.002
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class _Transfer(Algorithm):
    """The fields of every rule with a fast and a slow array."""

    slow_device: Device | None = None
    transfer_read: Periphery = _READ
    scale_fast_lr: bool = False
    transfer_every: int = 1
    columns_per_transfer: int = 1
    forget_buffer: bool = True

    def _core_fields(self) -> dict[str, object]:
        slow = self.device if self.slow_device is None else self.slow_device
        return Algorithm._core_fields(self) | {
            "slow_device": compiled("slow_device", slow, Device),
            "transfer_read": compiled("transfer_read", self.transfer_read, Periphery),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class TikiTakaV2(_Transfer):
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

    fast_lr: float = 0.1
    transfer_lr: float = 1.0
    scale_transfer_lr: bool = True
    thres_scale: float = 1.0
    momentum: float = 0.1
    gamma: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tracking(_Transfer):
    """The fields of every rule that tracks the symmetric point of P."""

    auto_granularity: float = 1000.0
    momentum: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chopped(_Tracking):
    """The fields of every rule that chops."""

    chop_random: bool = False
    tail_weighting: float = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AGAD(_Chopped):
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

    fast_lr: float = 0.1
    transfer_lr: float = 1.0
    scale_transfer_lr: bool = True
    chop_probability: float = 0.1
    program_at_flip: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rider(_Tracking):
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


@dataclass(frozen=True, kw_only=True, slots=True)
class ERider(_Chopped):
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
    program_at_flip: bool = True
