"""Write-and-verify: pulses until every cell reads its target."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks
from dsptrack._config import compiled
from dsptrack.periphery import Periphery

from .handle import Floats, Handle

_IDEAL = Periphery.ideal()


@dataclass(frozen=True, eq=False, slots=True)
class ProgramReport:
    """What `CrossbarArray.program` did.

    Attributes
    ----------
    pulses
        Pulses that every cell received, int64 (M, N).
    residual
        Apparent weight minus target at the end, float32 (M, N), weight units; without the error of the reads.
    rounds
        Rounds of reading and pulsing.
    converged
        Cells within the tolerance at their last read, bool (M, N).

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((2, 2), dt.devices.SoftBounds(dw_min=0.01), rng=0)
    >>> bool(array.program([[0.125, -0.125], [0.0, 0.25]]).converged.all())
    True
    """

    pulses: NDArray[np.int64]
    residual: Floats
    rounds: int
    converged: NDArray[np.bool_]


class Programming(Handle):
    """The part of an array that is programmed."""

    __slots__ = ()

    def program(
        self, target: ArrayLike, tolerance: float | None = None, max_rounds: int = 1000, read: Periphery = _IDEAL
    ) -> ProgramReport:
        """Program weights by write-and-verify.

        Each round reads every cell, column by column, and sends one pulse towards the target to each cell that is
        further from it than the tolerance. It ends when no cell is, or after `max_rounds`. The last round only reads,
        so that `converged` is what was read after the last pulse: a cell gets at most `max_rounds` - 1 pulses.

        Parameters
        ----------
        target
            Wanted weights (M, N), weight units. Cells stop at their bounds.
        tolerance
            Largest distance that needs no pulse, weight units, > 0; None means the device's dw_min.
        max_rounds
            Read budget: rounds, >= 1. Each costs N column reads; 1 only verifies.
        read
            Periphery of the reads, its range managements off. The default is exact; a real one shows what converters
            and noise cost.

        Returns
        -------
        ProgramReport
            Pulses and residual of every cell.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.ConstantStep(dw_min=0.01), rng=0)
        >>> report = array.program([[0.1, -0.2]])
        >>> bool(abs(report.residual).max() <= 0.01)
        True
        """
        found = self._core.program(
            _checks.matrix("target", target),
            _checks.number("tolerance", self._device.dw_min if tolerance is None else tolerance, above=0.0),
            _checks.whole("max_rounds", max_rounds, 1),
            compiled("read", read, Periphery),
        )
        return ProgramReport(**found)
