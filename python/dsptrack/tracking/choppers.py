"""Choppers: signs that turn from time to time and move the gradient away from the drift (17)."""

import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dsptrack import _checks
from dsptrack._rng import RngLike, key, unspent
from dsptrack._rounding import least_whole
from dsptrack._state import Entries, State

_WORD = 1 << 64


class Choppers:
    """Signs c = +-1, all +1 at first, that turn at random or regularly.

    Parameters
    ----------
    probability
        p, 0 to 1; 0 never turns a sign.
    size
        Number of signs, >= 1: one for a whole array, or one for each of its columns.
    random
        True: after every step each sign turns with probability p, independently (17). False: all signs turn after
        every `period`-th step.
    rng
        Seed of the random turns: None, int >= 0, SeedSequence or Generator.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    The regular choppers of `dsptrack.algorithms` count sweeps over the columns and turn every max(ceil(1/p), 2) of
    them, as the peer does; here p = 1 turns at every step, as (17) does.

    Examples
    --------
    >>> choppers = Choppers(0.5, random=False)
    >>> [int(choppers.step()[0]) for _ in range(4)]
    [0, 1, 0, 1]
    >>> choppers.signs
    array([1], dtype=int8)
    """

    __slots__ = ("_bits", "_probability", "_random", "_signs", "_steps")

    @unspent
    def __init__(self, probability: float, *, size: int = 1, random: bool = True, rng: RngLike = None) -> None:
        self._probability = _checks.number("probability", probability, low=0.0, high=1.0)
        self._signs = np.ones(_checks.whole("size", size, 1), dtype=np.int8)
        self._random = _checks.flag("random", random)
        self._steps = 0
        # Raw words of a bit generator: NumPy keeps their streams, but not those of its distributions.
        self._bits = np.random.PCG64(np.random.SeedSequence(key(rng)))

    @property
    def signs(self) -> NDArray[np.int8]:
        """A copy of the signs, int8 (size,)."""
        return self._signs.copy()

    @property
    def period(self) -> int:
        """Steps between two turns of the regular choppers, ceil(1/p); 0 if they never turn."""
        return least_whole(1 / self._probability) if self._probability else 0

    def step(self) -> NDArray[np.bool_]:
        """Go one step on and return which signs turned, bool (size,).

        Examples
        --------
        >>> bool(Choppers(1.0).step()[0])
        True
        """
        self._steps += 1
        if self._random:
            # 53 bits make a uniform of [0, 1) exactly.
            turned = (self._bits.random_raw(self._signs.size) >> np.uint64(11)) * 2.0**-53 < self._probability
        else:
            due = self._probability > 0 and self._steps % self.period == 0
            turned = np.full(self._signs.size, due)
        self._signs[turned] *= -1
        return turned

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def _snapshot(self) -> State:
        numbers = self._bits.state["state"]
        words = [half for name in ("state", "inc") for half in divmod(numbers[name], _WORD)]
        return {"signs": self.signs, "steps": self._steps, "generator": np.array(words, dtype=np.uint64)}

    def _restored(self, state: Entries) -> Self:
        """Return choppers like these in another state."""
        new = copy.copy(self)
        new._signs = state.plane("signs", np.int8, self._signs.shape)
        if not np.all(np.abs(new._signs) == 1):
            raise state.refuse("signs", "must be +1 or -1")
        new._steps = state.count("steps")
        high, low, inc_high, inc_low = map(int, state.plane("generator", np.uint64, (4,)))
        if not inc_low % 2:
            raise state.refuse("generator", "must have an odd last word")
        new._bits = np.random.PCG64(0)
        whole = new._bits.state
        whole["state"] = {"state": high * _WORD + low, "inc": inc_high * _WORD + inc_low}
        new._bits.state = whole
        state.finish()
        return new
