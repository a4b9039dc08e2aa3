"""What pulses do: whole-array pulses, increments, coincidence updates."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from dsptrack import _checks
from dsptrack._config import compiled
from dsptrack.exceptions import ConfigError
from dsptrack.update import PulseUpdate

from .handle import Handle

_PULSES = PulseUpdate()


class Pulses(Handle):
    """The part of an array that pulses move."""

    __slots__ = ()

    def pulse(self, polarity: int | ArrayLike, count: int = 1) -> None:
        """Send `count` pulses to every cell, w <- w + dw_min q+(w) up or w <- w - dw_min q-(w) down.

        Two calls with a and b pulses leave the same bits as one call with a + b.

        Parameters
        ----------
        polarity
            +1 up, -1 down, or integers (M, N): +1 up, -1 down, 0 none for each cell.
        count
            Pulses, >= 0.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.ConstantStep(dw_min_std=0), rng=0)
        >>> array.pulse([[1, -1]], count=5)
        >>> (array.weights > 0).tolist()
        [[True, False]]
        """
        count = _checks.whole("count", count, 0)
        if isinstance(polarity, int | np.integer):
            self._core.pulse(_direction(polarity), count)
        else:
            self._core.pulse_mask(_checks.signs("polarity", polarity), count)

    def pulse_random(self, count: int) -> None:
        """Send `count` pulses to every cell, each up or down with probability 1/2, independently.

        Parameters
        ----------
        count
            Pulses, >= 0.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 1), dt.devices.SoftBounds(), rng=0)
        >>> array.pulse_random(100)
        >>> array.ledger["pulses_up"] + array.ledger["pulses_down"]
        100
        """
        self._core.pulse_random(_checks.whole("count", count, 0))

    def increment(self, delta: ArrayLike, mode: Literal["pulsed", "mean_field"] = "pulsed") -> None:
        """Analog Update (2) of the paper: w <- w + delta F(w) - |delta| G(w) + b.

        Parameters
        ----------
        delta
            Wanted increments (M, N), weight units, at most 1e6 dw_min.
        mode
            ``"pulsed"``: |delta|/dw_min whole pulses, rounded stochastically, with cycle noise. ``"mean_field"``: b = 0
            and no pulse, hence nothing in the ledger.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.SoftBounds(w_max=1, w_max_dtod=0, dw_min_dtod=0, up_down_dtod=0)
        >>> array = dt.CrossbarArray((1, 1), device)
        >>> array.set_weights([[0.5]])
        >>> array.increment([[0.25]], mode="mean_field")
        >>> round(float(array.weights[0, 0]), 6)
        0.625
        """
        mean_field = _checks.choice("mode", mode, ("pulsed", "mean_field")) == "mean_field"
        self._core.increment(_checks.matrix("delta", delta), mean_field)

    def update(self, x: ArrayLike, d: ArrayLike, lr: float, pulses: PulseUpdate = _PULSES) -> None:
        """W <- W - lr d^T x by coincidences of pulse trains, vector after vector.

        One call and two calls with halves of the batch follow the same law but draw different random numbers.

        Parameters
        ----------
        x
            Inputs (B, N).
        d
            Errors (B, M).
        lr
            Learning rate, >= 0.
        pulses
            The trains.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.ConstantStep(dw_min=0.01), rng=0)
        >>> array.update([[1.0, 0.0]], [[-1.0]], lr=0.1)
        >>> (array.weights != 0).tolist()
        [[True, False]]
        """
        self._core.update(
            _checks.matrix("x", x),
            _checks.matrix("d", d),
            _checks.number("lr", lr, low=0),
            compiled("pulses", pulses, PulseUpdate),
        )


def _direction(polarity: int | np.integer) -> int:
    if isinstance(polarity, bool) or abs(int(polarity)) != 1:  # int: int8 has no 128
        raise ConfigError(f"polarity = {polarity!r}: must be +1, -1, or integers (M, N)")
    return int(polarity)
