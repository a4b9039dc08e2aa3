"""What all learning rules share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from numpy.typing import ArrayLike

from dsptrack import _checks
from dsptrack._config import Config, compiled
from dsptrack.devices import Device
from dsptrack.update import PulseUpdate

from .description import Description, Rates, describe, vectors

_UPDATE = PulseUpdate()


@dataclass(frozen=True, kw_only=True, slots=True)
class Algorithm(Config, ABC):
    """What all learning rules share; make one of its subclasses.

    Parameters
    ----------
    device
        Device of the array that the gradient pulses.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.ConstantStep())
    >>> isinstance(rule, dt.algorithms.Algorithm)
    True
    """

    device: Device

    def _core_fields(self) -> dict[str, object]:
        return Config._core_fields(self) | {"device": compiled("device", self.device, Device)}

    def describe(
        self,
        shape: tuple[int, int],
        *,
        lr: float,
        x_scale: ArrayLike = 1.0,
        d_scale: ArrayLike = 1.0,
        batch_size: int = 1,
        update: PulseUpdate = _UPDATE,
    ) -> Description:
        """Return what the rates mean on this device before a run: steps, pulses, and when W is first written.

        Parameters
        ----------
        shape
            (M, N) of a tile.
        lr
            Global learning rate, >= 0.
        x_scale, d_scale
            Inputs and errors: a number is the magnitude of every line, (B, N) and (B, M) are samples of vectors.
        batch_size
            Vectors of a mini-batch, >= 1.
        update
            Pulse trains of the update.

        Returns
        -------
        Description
            Print it, or use its fields.

        Raises
        ------
        ConfigError, ShapeError, NonFiniteError
            If an argument has the wrong type, shape or value.

        Examples
        --------
        >>> import dsptrack as dt
        >>> rule = dt.algorithms.Rider(device=dt.devices.SoftBounds(dw_min=0.01), fast_lr=0.1)
        >>> description = rule.describe((10, 20), lr=0.05, d_scale=0.5)
        >>> round(description.pulses_per_cell, 6)    # 0.1 * 1 * 0.5 / 0.01
        5.0
        """
        rows, columns = _checks.shape(shape)
        compiled("update", update, PulseUpdate)
        rates = self._rates(columns, _checks.number("lr", lr, low=0))
        size = _checks.whole("batch_size", batch_size, 1)
        x, d = vectors("x_scale", x_scale, columns), vectors("d_scale", d_scale, rows)
        return describe(type(self).__name__, self.device, rates, x, d, size, update)

    @abstractmethod
    def _rates(self, columns: int, lr: float) -> Rates:
        """Return the rates at the global rate `lr` for a tile with so many columns."""
