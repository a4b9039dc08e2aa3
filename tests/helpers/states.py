"""States compared bit by bit, and something random of every kind to bring objects into them."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsptrack as dt
from helpers import zoo

SHAPE = (7, 5)
LARGE = (261, 130)  # enough work for several threads
AGEING = {
    "lifetime": 50.0,
    "diffusion": 0.01,
    "reset": 0.05,
    "drift_nu": 0.1,
    "drift_nu_dtod": 0.2,
    "drift_nu_std": 0.1,
    "drift_w_noise_std": 0.01,
}
# All concrete rules, also those to come
RULES = tuple(
    name
    for name, value in ((name, getattr(dt.algorithms, name)) for name in sorted(dt.algorithms.__all__))
    if isinstance(value, type) and issubclass(value, dt.algorithms.Algorithm) and not value.__subclasses__()
)
# Values that make a rule do in few steps all that it can do; a rule takes those that it has
BUSY: dict[str, Any] = {
    "gamma": 0.2,
    "transfer_every": 2,
    "columns_per_transfer": 3,
    "chop_probability": 0.4,
    "chop_random": True,
    "fast_lr": 0.3,
    "transfer_lr": 5.0,
    "scale_transfer_lr": False,
    "momentum": 0.1,
    "fast_arrays": 2,
    "calibration_pulses": 20,
}


def rule(name: str, device: Any, **fields: Any) -> Any:
    """A busy learning rule."""
    cls = getattr(dt.algorithms, name)
    known = {f.name for f in dataclasses.fields(cls)}
    return cls(device=device, **{key: value for key, value in (BUSY | fields).items() if key in known})


def noisy(name: str) -> Any:
    """A device of the zoo with cycle noise, write noise where it has some, and everything that ages."""
    writes = {"write_noise_std": 1.0} if name in zoo.WRITING else {}
    return zoo.make(name, **({"dw_min_std": 0.5, **writes, **AGEING}))


def whole_numbers(shape: tuple[int, ...], step: int, modulus: int = 17) -> NDArray[np.float32]:
    """Inputs from -1 to 1 by integer arithmetic: no generator and no rounding that a version of NumPy could change."""
    values = (np.arange(np.prod(shape), dtype=np.int64) * 7 + 5 * step) % modulus - modulus // 2
    return np.asarray(values.reshape(shape) / 8.0, dtype=np.float32)


def work(array: Any, steps: int) -> None:
    """Something random of every kind, other things at every step of the array's clock."""
    rows, columns = array.shape
    for step in range(steps):
        array.pulse_random(11)
        array.pulse(+1, 3)
        x, d = whole_numbers((4, columns), step), whole_numbers((4, rows), step + 1, 13)
        array.update(x, d, 0.05)
        array.increment(0.02 * whole_numbers(array.shape, step))
        array.forward(x)
        array.backward(d)
        array.decay(0.5)
        array.diffuse()
        array.drift(1.5)
        array.reset(start=columns - 1, count=2, probability=0.3)


def train(tile: Any, steps: int, start: int = 0) -> None:
    """Mini-batches with their reads, as a network would send them."""
    rows, columns = tile.shape
    for step in range(start, start + steps):
        x, target = whole_numbers((4, columns), step), whole_numbers((4, rows), 3 * step, 13)
        error = tile.forward(x) - 0.25 * target
        tile.backward(error)
        tile.update(x, error, 0.1)


def busy_array(device: Any, shape: tuple[int, int] = SHAPE, steps: int = 3, **fields: Any) -> Any:
    """An array that counts and traces, after some work."""
    array = dt.CrossbarArray(shape, device, rng=5, count_pulses=True, **fields)
    array.trace([(0, 0), (shape[0] - 1, 2)])
    work(array, steps)
    return array


def busy_tile(name: str, device: Any, shape: tuple[int, int] = SHAPE, steps: int = 9, **fields: Any) -> Any:
    """A tile that counts and traces, after some training; the rule takes the fields that it has."""
    own = {f.name for f in dataclasses.fields(getattr(dt.algorithms, name))} & set(fields)
    config = rule(name, device, **{key: fields.pop(key) for key in own})
    tile = dt.AnalogTile(shape, config, rng=6, count_pulses=True, **fields)
    for array in tile.arrays.values():
        array.trace([(1, 1)])
    train(tile, steps)
    for array in tile.arrays.values():
        array.drift(2.0)
    return tile


def leaves(state: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every entry that is no dict, and every empty dict, with the keys that lead to it."""
    if isinstance(state, Mapping) and state:
        for key in sorted(state):
            yield from leaves(state[key], (*path, key))
    else:
        yield path, state


def bits(state: Any) -> dict[tuple[str, ...], Any]:
    """A state as something that == compares bit by bit."""
    return {
        path: (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else (type(value), value)
        for path, value in leaves(state)
    }


def digest(state: Any) -> str:
    """SHA-256 of all bits of the core's state but the ledger, which may learn to count more things."""
    sha = hashlib.sha256()
    for path, value in bits(state["state"]).items():
        if "ledger" not in path:
            sha.update(repr((path, value)).encode())
    return sha.hexdigest()


def assert_same(first: Any, second: Any) -> None:
    """Equal states, bit by bit."""
    a, b = bits(first), bits(second)
    assert a.keys() == b.keys()
    assert [path for path in a if a[path] != b[path]] == []


@contextlib.contextmanager
def assert_unchanged(*objects: Any) -> Iterator[None]:
    """The complete states of arrays and tiles are the same after the block."""
    before = [thing.state_dict() for thing in objects]
    yield
    for thing, state in zip(objects, before, strict=True):
        assert_same(thing.state_dict(), state)
