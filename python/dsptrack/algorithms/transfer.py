"""The fields that rules with a fast and a slow array share."""

from dataclasses import dataclass

from dsptrack._config import compiled
from dsptrack._rounding import least_whole
from dsptrack.devices import Device
from dsptrack.periphery import Periphery

from .algorithm import Algorithm
from .description import Rates

_READ = Periphery.transfer_default()


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer(Algorithm):
    """Rules that read columns of a fast array P and move them into a slow array W."""

    slow_device: Device | None = None
    transfer_read: Periphery = _READ
    fast_lr: float = 0.1
    scale_fast_lr: bool = False
    auto_scale: bool = False
    auto_momentum: float = 0.99
    transfer_lr: float = 1.0
    scale_transfer_lr: bool = True
    transfer_every: int = 1
    columns_per_transfer: int = 1

    @property
    def _slow(self) -> Device:
        return self.device if self.slow_device is None else self.slow_device

    def _core_fields(self) -> dict[str, object]:
        return Algorithm._core_fields(self) | {
            "slow_device": compiled("slow_device", self._slow, Device),
            "transfer_read": compiled("transfer_read", self.transfer_read, Periphery),
        }

    def _transfer_rates(self, lr: float, gain: float) -> Rates:
        """Return the rates of a rule in which a column that is read gains `gain` per unit of the transfer rate."""
        return Rates(
            fast=self.fast_lr * (lr if self.scale_fast_lr else 1.0),
            gain=self.transfer_lr * (lr if self.scale_transfer_lr else 1.0) * gain,
            transfer_every=self.transfer_every,
            columns_per_transfer=self.columns_per_transfer,
            read=self.transfer_read,
            auto_scale=self.auto_scale,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BufferedTransfer(Transfer):
    """Rules that collect what they read in a digital buffer H, which lets single pulses through."""

    momentum: float = 0.0
    forget_buffer: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class GranularTransfer(BufferedTransfer):
    """Rules whose buffer counts thresholds through lambda = lr_T N transfer_every / (g auto_granularity)."""

    auto_granularity: float = 1000.0

    def _granular_rates(self, columns: int, lr: float) -> Rates:
        unit = columns * self.transfer_every / self.auto_granularity if self.auto_granularity > 0 else 1.0
        return self._transfer_rates(lr, unit / self.device.granularity)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoppedTransfer(GranularTransfer):
    """Rules with a chopper on every column."""

    chop_probability: float = 0.1
    chop_random: bool = False

    @property
    def period(self) -> int:
        """Sweeps in a chopper phase, K = max(ceil(1/chop_probability), 2)."""
        return max(least_whole(1 / self.chop_probability), 2)
