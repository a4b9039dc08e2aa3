"""What the rules share whose Q is the moving average of P."""

from typing import Any

from dsptrack._state import Entries, State
from dsptrack.tracking import Tracker

from .optimizer import Floats
from .residual import Residual


class Tracked(Residual):
    """Q follows P; subclasses make the tracker that says when Q~ takes over Q.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(dt.optim.ERider(3, dt.devices.SoftBounds()), Tracked)
    True
    """

    __slots__ = ("_tracker",)
    _tracker: Tracker

    @property
    def average(self) -> Floats:
        """A copy of Q, the moving average of P; the estimate Q~ is its value when it was last programmed."""
        return self._tracker.average.reshape(self._shape)

    def _reference(self) -> Floats:
        return self._tracker._reference

    def _observe(self, p: Floats) -> None:
        self._tracker._observe(p)

    def _programmed(self) -> int:
        return self._tracker.programming_events

    def _snapshot(self) -> State:
        return {"tracker": self._tracker._snapshot()}

    def _restored(self, entries: Entries) -> dict[str, Any]:
        return {"_tracker": self._tracker._restored(entries.part("tracker"))}
