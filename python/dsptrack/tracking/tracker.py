"""Average, choppers and the reference that is programmed at their turns."""

import copy
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks, _state
from dsptrack._rng import RngLike, unspent

from .average import Floats, MovingAverage, reading
from .choppers import Choppers


class Tracker:
    """Tracks the symmetric points of an array from readings of its weights.

    Every `observe` takes a reading into the average Q, lets the choppers step, and writes Q into the reference Q~ where
    one turned (``"at_turn"``, E-RIDER), or everywhere (``"always"``, RIDER). Writing one cell of Q~ is one programming
    event.

    Parameters
    ----------
    shape
        (M, N), both >= 1.
    eta
        Rate of the average, 0 to 1.
    chop_probability
        p of `Choppers`, 0 to 1.
    chop_random
        Random (True) or regular choppers.
    per_column
        One chopper for each column; False: one for the array, as Algorithm 3 has it.
    program
        When Q~ takes over Q.
    rng
        Seed of the choppers.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    Algorithm 3, (12), (17). Q~ holds exactly what is written to it; no write error is modelled.

    Examples
    --------
    Random pulses drag an array to its symmetric points, which the reference finds:

    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((8, 8), dt.devices.SoftBounds(dw_min=0.01, up_down=0.3), rng=0)
    >>> tracker = Tracker((8, 8), eta=0.01, chop_probability=0.1, rng=1)
    >>> for _ in range(1000):
    ...     array.pulse_random(2)
    ...     _ = tracker.observe(array.weights)
    >>> bool(abs(tracker.reference - array.symmetric_point()).mean() < 0.03)
    True
    """

    __slots__ = ("_always", "_average", "_choppers", "_events", "_reference")

    @unspent
    def __init__(
        self,
        shape: tuple[int, int],
        *,
        eta: float,
        chop_probability: float = 0.0,
        chop_random: bool = True,
        per_column: bool = False,
        program: Literal["at_turn", "always"] = "at_turn",
        rng: RngLike = None,
    ) -> None:
        self._average = MovingAverage(shape, eta)
        size = self.shape[1] if _checks.flag("per_column", per_column) else 1
        _checks.number("chop_probability", chop_probability, low=0.0, high=1.0)
        random = _checks.flag("chop_random", chop_random)
        self._choppers = Choppers(chop_probability, size=size, random=random, rng=rng)
        self._always = _checks.choice("program", program, ("at_turn", "always")) == "always"
        # One plane serves as both where they are always equal.
        self._reference = self._average._value if self._always else np.zeros(self.shape, dtype=np.float32)
        self._events = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns (M, N)."""
        rows, columns = self._average._value.shape
        return rows, columns

    @property
    def signs(self) -> NDArray[np.int8]:
        """Signs of the choppers, int8 (1,) or (N,)."""
        return self._choppers.signs

    @property
    def average(self) -> Floats:
        """A copy of Q, float32 (M, N)."""
        return self._average.value

    @property
    def reference(self) -> Floats:
        """A copy of Q~, float32 (M, N): the estimate of the symmetric points."""
        return self._reference.copy()

    @property
    def programming_events(self) -> int:
        """Cells of Q~ written by `observe` so far."""
        return self._events

    def set(self, value: ArrayLike) -> None:
        """Start again from Q = Q~ = `value`, (M, N); counts no event.

        Examples
        --------
        >>> tracker = Tracker((1, 1), eta=0.1)
        >>> tracker.set([[0.5]])
        >>> tracker.reference
        array([[0.5]], dtype=float32)
        """
        self._average.set(value)
        self._reference[...] = self._average._value

    def observe(self, p: ArrayLike) -> NDArray[np.bool_]:
        """Take in one reading P, (M, N), and return which choppers turned.

        Raises
        ------
        ShapeError, NonFiniteError
            If it has another shape or is not finite; the tracker stays as it was.

        Examples
        --------
        >>> tracker = Tracker((1, 1), eta=0.5, chop_probability=0.5, chop_random=False)
        >>> for _ in range(3):
        ...     turned = tracker.observe([[1.0]])
        >>> float(tracker.average[0, 0]), float(tracker.reference[0, 0]), tracker.programming_events
        (0.875, 0.75, 1)
        """
        return self._observe(reading("p", p, self.shape))

    def state_dict(self) -> dict[str, Any]:
        """Return the complete state: a tracker with this state goes on with the same bits, in any process.

        Returns
        -------
        dict
            Versions, ``shape``, and ``state``: average, choppers, reference and the count of events; all copies.

        Examples
        --------
        >>> sorted(Tracker((2, 3), eta=0.1).state_dict()["state"])
        ['average', 'choppers', 'events', 'reference']
        """
        return _state.pack("Tracker", self.shape, {}, self._snapshot())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of a tracker with the same shape and number of choppers; rates stay this tracker's own.

        Parameters
        ----------
        state
            From `state_dict`.

        Raises
        ------
        SnapshotError
            If the state is damaged or of another shape or version; the tracker is then as it was.

        Examples
        --------
        >>> tracker = Tracker((1, 1), eta=0.5)
        >>> before = tracker.state_dict()
        >>> _ = tracker.observe([[1.0]])
        >>> tracker.load_state_dict(before)
        >>> float(tracker.average[0, 0])
        0.0
        """
        shape, _, core = _state.unpack(state, "Tracker", {})
        _state.require_same("shape", shape, self.shape)
        new = self._restored(_state.Entries(core))
        for name in self.__slots__:
            setattr(self, name, getattr(new, name))

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def _snapshot(self) -> _state.State:
        parts: _state.State = {"average": self._average._snapshot(), "choppers": self._choppers._snapshot()}
        return parts | {"reference": self.reference, "events": self._events}

    def _restored(self, state: _state.Entries) -> Self:
        """Return a tracker like this one in another state."""
        new = copy.copy(self)
        new._average = self._average._restored(state.part("average"))
        new._choppers = self._choppers._restored(state.part("choppers"))
        new._reference = state.plane("reference", np.float32, self.shape)
        if self._always:
            if not np.array_equal(new._reference, new._average._value):
                raise state.refuse("reference", "must be the average where that is always programmed")
            new._reference = new._average._value
        new._events = state.count("events")
        state.finish()
        return new

    def _observe(self, p: Floats) -> NDArray[np.bool_]:
        """Take in a reading that has been checked."""
        self._average._take(p)
        turned = self._choppers.step()
        rows, columns = self.shape
        if self._always:
            self._events += rows * columns
        elif turned.all():
            np.copyto(self._reference, self._average._value)
            self._events += rows * columns
        elif turned.any():
            self._reference[:, turned] = self._average._value[:, turned]
            self._events += rows * int(np.count_nonzero(turned))
        return turned
