"""Arguments that nobody should pass, and some that anybody may: the raw material of fuzzing."""

import array as stdlib_array
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

DENORMAL, HUGE = 5e-324, 1.7e308


class LiedError(Exception):
    """Raised by objects that fail while they are looked at; it may pass through a call."""


class Raising:
    """Fails at whatever is asked of it."""

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise LiedError("asked")

    __float__ = __int__ = __index__ = __len__ = __iter__ = __getitem__ = __bool__ = __eq__ = __lt__ = _fail
    __array__ = __hash__ = _fail  # type: ignore[assignment]


class Lying:
    """Says one thing and does another."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.answer


class Long:
    """A sequence that is not as long as it says."""

    def __init__(self, said: int, values: Any) -> None:
        self.said, self.values = said, values

    def __len__(self) -> int:
        return self.said

    def __getitem__(self, index: int) -> Any:
        return self.values[index]


class Number:
    """A number by its methods only, which do not agree."""

    def __float__(self) -> float:
        return float("nan")

    def __index__(self) -> int:
        return -(2**70)


class Interface:
    """An array interface over a buffer that is too short for it."""

    def __init__(self, shape: tuple[int, ...], data: Any = b"abc", **more: Any) -> None:
        self.__array_interface__ = {"shape": shape, "typestr": "<f4", "data": data, "version": 3} | more


class Sub(np.ndarray):
    """An array whose attributes are not its own."""

    @property
    def shape(self) -> Any:  # type: ignore[override]
        return (10**9, 10**9)

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        return np.dtype(np.float32)


SCALARS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 7, 0.0, -0.0, 0.5, -0.5, 1.0, 1.5, 1e-3, -1e-3, 1e-7),
    *(float("nan"), float("inf"), -float("inf"), DENORMAL, -DENORMAL, 1e-45, 1.2e-38, HUGE, -HUGE, 3.5e38, 1e18, 1e19),
    *(2**32, 2**63, -(2**63), 2**64, 10**400, -(10**400)),
    *(True, False, None, "x", "", "0.1", "\ud800", b"x", (), [], {}, set(), [0.1], (1,), {"a": 1}, 1j, ...),
    *(object(), int, np, Decimal("0.1"), Fraction(1, 3), Raising(), Number(), Lying(np.float64(0.1)), Lying("x")),
    *(np.float16(0.1), np.float32("nan"), np.float64(0.1), np.longdouble(0.1), np.int8(-1), np.uint64(2**64 - 1)),
    *(np.bool_(True), np.str_("x"), np.datetime64("2020-01-01"), np.array(0.1), np.array([0.1]), np.array([])),
    *(np.complex64(1), np.array(None), np.void(b"ab")),
)
DTYPES = ("f2", "f4", "f8", "g", "i1", "i2", "i4", "i8", "u1", "u4", "u8", "?", ">f4", ">i8", "c8", "O", "S3", "U3")
VALUES = (0.0, -0.0, 1.0, -1.0, 0.3, 1e-3, 1e-45, DENORMAL, 1e-38, 3e38, 1e300, 1e9, np.nan, np.inf, -np.inf, 7.0)


class Pick:
    """Chooses arguments by a seed; good ones and bad ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def bad(self) -> bool:
        return self.random.random() < 0.35

    def of(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def scalar(self, *good: Any) -> Any:
        """One of the good values, or any object."""
        return self.random.choice(SCALARS) if self.bad() else self.random.choice(good)

    def shape(self, *good: int) -> tuple[int, ...]:
        """A shape near a good one."""
        sizes = list(good)
        change = self.random.randrange(7)
        if change == 0 and sizes:
            sizes[self.random.randrange(len(sizes))] = self.of(0, 1, 2, 17)
        elif change == 1:
            sizes.append(self.of(0, 1, 2))
        elif change == 2 and sizes:
            sizes.pop()
        elif change == 3:
            sizes.reverse()
        return tuple(sizes)

    def array(self, *good: int) -> Any:
        """An array of the good shape, or anything that could be taken for one."""
        if not self.bad():
            return self.values(good, "f4")
        shape = good if self.random.random() < 0.5 else self.shape(*good)
        kind = self.random.randrange(16)
        if kind < 5:
            return self.values(shape, self.random.choice(DTYPES))
        if kind < 7:
            return self.placed(shape)
        if kind == 7:
            values = self.values(shape, "f4")
            if values.size:
                values.flat[self.random.randrange(values.size)] = self.random.choice(VALUES)
            return values
        if kind == 8:
            return self.values(shape, "f8").tolist()
        if kind == 9:
            return self.of([[1.0], [1.0, 2.0]], [[]], [[[]]], "ab", b"abcd", stdlib_array.array("f", [1, 2]), range(3))
        if kind == 10:
            return Lying(self.of(None, "x", 1.0, [1], np.zeros(shape), np.full(shape, np.nan), Raising()))
        if kind == 11:
            return self.of(Long(-1, [1]), Long(2**62, [1]), Long(3, [[1.0]]), Long(2, [[1.0], [2.0]]), Raising())
        if kind == 12:
            return self.of(
                Interface(shape),
                Interface((2**40, 2**40)),
                Interface(shape, b"a" * 64, strides=(1,)),
                Interface(shape, "text"),
                Interface(shape, bytearray(4096), strides=tuple(-4 for _ in shape)),
                Interface((-1,) * len(shape)),
            )
        if kind == 13:
            return self.values(shape, "f4").view(Sub)
        if kind == 14:
            return np.ma.masked_array(self.values(shape, "f4"), True)
        return self.random.choice(SCALARS)

    def values(self, shape: tuple[int, ...], dtype: str) -> Any:
        size = 1
        for n in shape:
            size *= n
        uniform = self.random.uniform
        values = np.array([uniform(-1, 1) for _ in range(size)]).reshape(shape)
        return values.astype(dtype) if dtype in "f4f8" else (7 * values).astype(dtype)

    def placed(self, shape: tuple[int, ...]) -> Any:
        """Good values in a strange place: strided, reversed, transposed, broadcast, read-only, not aligned."""
        kind = self.random.randrange(6)
        if kind == 0:
            return self.values(tuple(2 * n for n in shape), "f4")[tuple(slice(None, None, 2) for _ in shape)]
        if kind == 1:
            return self.values(shape, "f4")[tuple(slice(None, None, -1) for _ in shape)]
        if kind == 2:
            return np.asfortranarray(self.values(shape, "f4"))
        if kind == 3:
            return np.broadcast_to(np.float32(0.3), shape)
        values = self.values(shape, "f4")
        if kind == 4:
            values.flags.writeable = False
            return values
        return np.frombuffer(b"x" + values.tobytes(), np.dtype("<f4"), values.size, 1).reshape(shape)

    def same(self, *good: int) -> tuple[Any, Any]:
        """Two arrays that share their memory."""
        memory = self.values((good[0] + 1, *good[1:]), "f4")
        return memory[:-1], memory[1:]
