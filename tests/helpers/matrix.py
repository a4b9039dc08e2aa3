"""The matrix of bits: every device, every rule, every layer, on the ways that must lead to the same state.

``python -m helpers.matrix PART THREADS [--write FILE] [--read FILE]`` goes all ways and prints a hash for each; the
level of the kernels is that of ``DSPTRACK_ISA``. With ``--write`` the states half-way are stored, with ``--read`` those
of another process are taken up.
"""

import argparse
import hashlib
import json
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import dsptrack as dt
from dsptrack import _core
from helpers import states, zoo

PARTS = ("quick", "whole")
HALVES = (0, 1)
# Enough cells for several blocks and for every kernel to run on several threads
WIDE = (520, 300)
PULSES = (("pulse", 1, (12, 7)), ("mask", 2, (40, 13)), ("random", 3, (33, 20)))


def hashed(state: Any) -> str:
    """SHA-256 of every bit of a state or of a tree of arrays."""
    sha = hashlib.sha256()
    for path, value in states.bits(state).items():
        sha.update(repr((path, value)).encode())
    return sha.hexdigest()[:16]


class Subject:
    """What all have: a state that goes on, and the state at the end."""

    def end(self, thing: Any) -> Any:
        return self.state(thing)

    def state(self, thing: Any) -> Any:
        return thing.state_dict()


class Array(Subject):
    """An array of one device, after some of everything that may be split into calls."""

    def __init__(self, device: Any, shape: tuple[int, int] = states.SHAPE) -> None:
        self.device, self.shape = device, shape

    def make(self, threads: int | None) -> Any:
        array = dt.CrossbarArray(self.shape, self.device, rng=8, num_threads=threads, count_pulses=True)
        array.trace([(1, 1)])
        return array

    def go(self, array: Any, half: int, split: bool) -> None:
        rows, columns = self.shape
        mask = np.asarray(states.whole_numbers(self.shape, half, 3) * 8, np.int8)
        for kind, step, (count, part) in PULSES:
            for n in (part, count - part) if split else (count,):
                if kind == "pulse":
                    array.pulse(+1 if half else -1, n)
                elif kind == "mask":
                    array.pulse(mask, n)
                else:
                    array.pulse_random(n)
            x, d = states.whole_numbers((8, columns), step + half), states.whole_numbers((8, rows), step, 13)
            array.update(x, d, 0.05)
            array.increment(0.02 * states.whole_numbers(self.shape, step))
        for scheme, parts in (("cyclic", (20, 34)), ("stochastic", (21, 33))):
            for n in parts if split else (sum(parts),):
                dt.zero_shift(array, n, scheme=scheme)
        array.increment(0.01 * states.whole_numbers(self.shape, 9), mode="mean_field")
        array.decay(0.5)
        array.diffuse()
        array.drift(1.5)
        array.reset(start=columns - 1, count=2, probability=0.3)
        array.program(states.whole_numbers(self.shape, 4) / 8, tolerance=0.05, max_rounds=3)
        vectors = 4 if self.shape == states.SHAPE else 200
        array.backward(states.whole_numbers((vectors, rows), half))
        array.forward(states.whole_numbers((vectors, columns), half))

    def restored(self, state: Any, threads: int | None) -> Any:
        return dt.CrossbarArray.from_state_dict(state, num_threads=threads)

    def seen(self, array: Any) -> Any:
        """What a user sees, besides the state."""
        noisy = dt.Periphery(out_noise=0.1, inp_noise=0.1, w_noise=0.01, w_noise_type="additive_constant")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dt.NoSymmetricPointWarning)
            few = self.shape == states.SHAPE
            points = array.symmetric_point() if few else array.weights
        vector = states.whole_numbers((3, self.shape[1]), 5)
        return {"points": points, "q": np.stack(array.response(0.05)), "y": array.forward(vector, noisy)}


class Deterministic(Array):
    """Updates and reads without a random number: their batches may be split."""

    def go(self, array: Any, half: int, split: bool) -> None:
        rows, columns = self.shape
        x, d = states.whole_numbers((9, columns), half), states.whole_numbers((9, rows), half + 1, 13)
        for pulse_type in ("deterministic_implicit", "mean_count"):
            for part in (slice(0, 1), slice(1, 5), slice(5, 9)) if split else (slice(None),):
                array.update(x[part], d[part], 0.3, dt.PulseUpdate(pulse_type=pulse_type))

    def seen(self, array: Any) -> Any:
        quiet = dt.Periphery(out_noise=0.0)
        x = states.whole_numbers((6, self.shape[1]), 1)
        together = array.forward(x, quiet)
        apart = np.concatenate([array.forward(x[:2], quiet), array.forward(x[2:], quiet)])
        np.testing.assert_array_equal(together, apart)
        return {"together": together, "counts": np.stack(array.pulse_counts)}

    def end(self, array: Any) -> Any:
        # The clock counts calls.
        return {"cells": array.state_dict()["state"]["state"]}


class Tile(Subject):
    """A tile of one learning rule; a mini-batch is one call, so that nothing can be split."""

    def __init__(self, name: str, device: Any, shape: tuple[int, int] = states.SHAPE) -> None:
        self.rule, self.shape = states.rule(name, device), shape

    def make(self, threads: int | None) -> Any:
        tile = dt.AnalogTile(self.shape, self.rule, rng=8, num_threads=threads, count_pulses=True)
        for array in tile.arrays.values():
            array.trace([(1, 1)])
        return tile

    def go(self, tile: Any, half: int, split: bool) -> None:
        del split
        states.train(tile, 6, start=6 * half)

    def restored(self, state: Any, threads: int | None) -> Any:
        return dt.AnalogTile.from_state_dict(state, num_threads=threads)

    def seen(self, tile: Any) -> Any:
        return {"w": tile.weights, "choppers": tile.choppers, **tile.digital}


class Network(Subject):
    """A network in which every layer occurs; ``LAYERS`` are their names."""

    LAYERS = (
        "AvgPool2d",
        "Conv2d",
        "Dropout",
        "Flatten",
        "Linear",
        "LogSoftmax",
        "MaxPool2d",
        "ReLU",
        "Reshape",
        "Sequential",
        "Sigmoid",
        "Tanh",
    )

    def __init__(self, name: str, device: Any) -> None:
        self.rule = states.rule(name, device)

    def make(self, threads: int | None) -> Any:
        nn, rule = dt.nn, self.rule
        common = {"num_threads": threads, "weight_scaling_omega": 0.3, "learn_out_scaling": True}
        return nn.Sequential(
            nn.Reshape(1, 12, 12),
            nn.Conv2d(1, 4, 3, rule, rng=1, **common),
            nn.Tanh(),
            nn.MaxPool2d(2),
            nn.Sequential(nn.Conv2d(4, 6, 2, rule, padding=1, rng=2, bias="analog", **common), nn.ReLU()),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25, rng=3),
            nn.Linear(54, 20, rule, rng=4, max_input_size=30, max_output_size=12, error_scale="sum", **common),
            nn.Sigmoid(),
            nn.Linear(20, 5, rule, rng=5, weight_scaling_columnwise=True, **common),
            nn.LogSoftmax(),
        )

    def go(self, model: Any, half: int, split: bool) -> None:
        del split
        loss = dt.nn.NLLLoss()
        for step in range(3 * half, 3 * half + 3):
            labels = np.arange(step, step + 16) % 5
            loss.forward(model.forward(states.whole_numbers((16, 144), step)), labels)
            model.backward(loss.backward())
            model.update(0.2)

    def restored(self, state: Any, threads: int | None) -> Any:
        model = self.make(threads)
        model.load_state_dict(state)
        return model

    def seen(self, model: Any) -> Any:
        return {"y": model.forward(states.whole_numbers((3, 144), 7))}


def subjects(part: str) -> Iterator[tuple[str, Any]]:
    """Everything that has bits, by name."""
    whole = part == "whole"
    for name in zoo.EVERYTHING if whole else zoo.KINDS:
        yield f"device {name}", Array(states.noisy(name))
    yield "device wide", Array(states.noisy("reram_array_hfo2"), WIDE)
    for name in ("soft-reference", "pow", "piecewise", "constant") if whole else ():
        yield f"device wide {name}", Array(states.noisy(name), WIDE)
    for name in zoo.MODELS if whole else zoo.KINDS:
        yield f"deterministic {name}", Deterministic(zoo.silent(name))
    hafnium = dt.presets.reram_array_hfo2(reference_mean=0.3, **states.AGEING)
    for name in states.RULES:
        yield f"rule {name}", Tile(name, hafnium)
        for device in zoo.KINDS if whole else ():
            yield f"rule {name} {device}", Tile(name, states.noisy(device))
        if whole:
            yield f"rule {name} wide", Tile(name, hafnium, WIDE)
    for name in states.RULES if whole else ("ERider",):
        yield f"layers {name}", Network(name, hafnium)


def hashes(part: str, threads: int | None, others: Any = None) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """The hash of every subject on every way, and the states half-way."""
    found: dict[str, dict[str, str]] = {}
    halves: dict[str, Any] = {}
    for name, subject in subjects(part):

        def end(thing: Any, subject: Any = subject) -> str:
            return hashed({"state": subject.end(thing), "seen": subject.seen(thing)})

        def second(thing: Any, subject: Any = subject, split: bool = False) -> str:
            subject.go(thing, 1, split)
            return end(thing)

        thing = subject.make(threads)
        subject.go(thing, 0, False)
        halves[name] = subject.state(thing)
        ways = {"whole": second(thing), "resumed": second(subject.restored(halves[name], threads))}
        if isinstance(subject, Array):
            thing = subject.make(threads)
            for half in HALVES:
                subject.go(thing, half, True)
            ways["split"] = end(thing)
        if others is not None:
            ways["another process"] = second(subject.restored(others[name], threads))
        found[name] = ways
    return found, halves


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("threads", nargs="+", type=int)
    parser.add_argument("--write")
    parser.add_argument("--read")
    given = parser.parse_args()
    others = dt.io.load(given.read) if given.read else None
    answer = {}
    for threads in given.threads:
        answer[str(threads)], halves = hashes(given.part, threads, others)
    if given.write:
        dt.io.save(given.write, halves)
    print(json.dumps({"isa": _core.isa(), "hashes": answer}))  # noqa: T201


if __name__ == "__main__":
    main()
