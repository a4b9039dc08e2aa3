"""Seeds after SPEC 7: one keyword ``rng``, turned once into the 128-bit key of the core's counter-based streams."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

from ._checks import shown
from .exceptions import ConfigError

RngLike = int | np.integer | np.random.SeedSequence | np.random.Generator | np.random.BitGenerator | None
"""What ``rng=`` accepts."""

_WORDS = 4
_P = ParamSpec("_P")
_T = TypeVar("_T")


def key(rng: RngLike) -> list[int]:
    """Return the key of four 32-bit words that `rng` stands for.

    Equal ints or SeedSequences always give the same key. A Generator or BitGenerator gives its next four words, so each
    object made from it has its own key. None asks the operating system.

    Raises
    ------
    ConfigError
        If `rng` is something else, or a negative int.

    Examples
    --------
    >>> key(7) == key(np.random.SeedSequence(7))
    True
    >>> generator = np.random.default_rng(7)
    >>> key(generator) == key(generator)
    False
    """
    if isinstance(rng, np.random.BitGenerator):
        rng = np.random.Generator(rng)
    if isinstance(rng, np.random.Generator):
        return [int(word) for word in rng.integers(0, 2**32, size=_WORDS, dtype=np.uint32)]
    return [int(word) for word in _sequence(rng).generate_state(_WORDS)]


def unspent(make: Callable[_P, _T]) -> Callable[_P, _T]:
    """Wrap a function with ``rng=`` so that a Generator has its words back after a call that failed.

    Examples
    --------
    >>> @unspent
    ... def make(*, rng):
    ...     raise ConfigError(f"{len(key(rng))} words for nothing")
    >>> generator = np.random.default_rng(7)
    >>> try:
    ...     make(rng=generator)
    ... except ConfigError:
    ...     key(generator) == key(np.random.default_rng(7))
    True
    """

    @functools.wraps(make)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        rng = kwargs.get("rng")
        bits = rng.bit_generator if isinstance(rng, np.random.Generator) else rng
        if not isinstance(bits, np.random.BitGenerator):
            return make(*args, **kwargs)
        try:
            before = bits.state
        except NotImplementedError:  # one that cannot go back
            return make(*args, **kwargs)
        try:
            return make(*args, **kwargs)
        except BaseException:
            bits.state = before
            raise

    return call


def _sequence(rng: RngLike) -> np.random.SeedSequence:
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if rng is None:
        return np.random.SeedSequence()
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.SeedSequence(int(rng))
    raise ConfigError(
        f"rng = {shown(rng)}: must be None, an integer >= 0, a SeedSequence, a Generator or a BitGenerator"
    )
