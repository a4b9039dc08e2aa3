"""Calls that take long enough to be interrupted; test_interrupts.py and docs/reliability.md run this as a program.

``python -m helpers.long_calls NAME SECONDS THREADS`` starts a call, sends itself SIGINT after so many seconds, and
prints what then was.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import dsptrack as dt
from helpers import states

# What is left behind: nothing changed, a whole number of pulses, or nothing that could change.
UNCHANGED, PULSES, PURE = "unchanged", "pulses", "pure"
SIZE = 700
Case = tuple[Any, Callable[[], Any]]
COUNTS = dt.PulseUpdate(pulse_type="mean_count")
NON_IDEAL = dt.Periphery(w_noise=0.01, w_noise_type="pcm_read", ir_drop=1.0, mv_type="pos_neg_separate")


def ramp(vectors: int) -> Any:
    return states.whole_numbers((vectors, SIZE), 3)


def array(threads: int, **device: Any) -> Any:
    return dt.CrossbarArray((SIZE, SIZE), dt.presets.reram_array_om(**device), rng=0, num_threads=threads)


def tile(threads: int, **fields: Any) -> Any:
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_om(), **fields)
    return dt.AnalogTile((SIZE, SIZE), rule, rng=0, num_threads=threads)


def layer(threads: int) -> Any:
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_om())
    return dt.nn.Linear(SIZE, SIZE, rule, max_input_size=300, max_output_size=400, rng=0, num_threads=threads)


def given(thing: Any, method: str, vectors: int, *rest: Any, both: bool = False) -> Case:
    """A call with its arguments made before: else the interrupt would reach NumPy, and the core would be untried."""
    x = ramp(vectors)
    arguments = (x, x, *rest) if both else (x, *rest)
    return thing, lambda: getattr(thing, method)(*arguments)


def passed(made: Any, x: Any) -> Any:
    """A layer after both passes."""
    made.backward(made.forward(x))
    return made


def trained(threads: int) -> Case:
    """The update of a layer; its passes are done before."""
    made = passed(layer(threads), ramp(40_000))
    return made, lambda: made.update(0.5)


def narrow(threads: int) -> Any:
    """A layer in which vectors are many and products nothing."""
    return dt.nn.Linear(3, 2, dt.algorithms.ERider(device=dt.presets.reram_array_om()), rng=0, num_threads=threads)


def convolution(threads: int) -> Any:
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_om())
    return dt.nn.Conv2d(3, 16, 5, rule, rng=0, num_threads=threads)


def images(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def traces() -> Any:
    polarity = np.tile([1] * 50 + [-1] * 50, 40)
    conductance = np.cumsum(0.01 * polarity * (1 + 0.1 * np.sin(np.arange(4000))))
    return np.tile(polarity, (30, 1)), np.tile(conductance, (30, 1)) + np.arange(30)[:, None] * 1e-3


CALLS: dict[str, tuple[str, Callable[[int], Case]]] = {
    "zero_shift": (PULSES, lambda n: (a := array(n), lambda: dt.zero_shift(a, 1_000_000))),
    "pulse": (PULSES, lambda n: (a := array(n), lambda: a.pulse(+1, 1_000_000))),
    "pulse_random": (PULSES, lambda n: (a := array(n), lambda: a.pulse_random(1_000_000))),
    "program": (
        PULSES,
        lambda n: (a := array(n), lambda: a.program(np.zeros((SIZE, SIZE)), tolerance=1e-9, max_rounds=10**9)),
    ),
    "increment": (UNCHANGED, lambda n: (a := array(n), lambda: a.increment(np.full((SIZE, SIZE), 1e5 * 0.0949)))),
    "update": (UNCHANGED, lambda n: given(array(n), "update", 40_000, 0.5, both=True)),
    "update, counts": (UNCHANGED, lambda n: given(array(n), "update", 40_000, 1e-3, COUNTS, both=True)),
    "forward": (UNCHANGED, lambda n: given(array(n), "forward", 60_000, NON_IDEAL)),
    "backward": (UNCHANGED, lambda n: given(array(n), "backward", 60_000)),
    "tile update": (UNCHANGED, lambda n: given(tile(n), "update", 40_000, 0.5, both=True)),
    "tile forward": (UNCHANGED, lambda n: given(tile(n), "forward", 80_000)),
    "layer forward": (UNCHANGED, lambda n: given(layer(n), "forward", 80_000)),
    "layer update": (UNCHANGED, trained),
    "narrow layer forward": (UNCHANGED, lambda n: (a := narrow(n), partial(a.forward, images(8_000_000, 3)))),
    "narrow layer update": (UNCHANGED, lambda n: (a := passed(narrow(n), images(1_000_000, 3)), lambda: a.update(0.1))),
    "convolution forward": (UNCHANGED, lambda n: (a := convolution(n), partial(a.forward, images(2000, 3, 32, 32)))),
    "pooling": (PURE, lambda _: (None, partial(dt.nn.MaxPool2d(2).forward, images(2000, 16, 64, 64)))),
    "activation": (PURE, lambda _: (None, partial(dt.nn.Tanh().forward, images(2000, 16, 64, 64)))),
    "new array": (PURE, lambda n: (None, lambda: dt.CrossbarArray((9000, 9000), dt.presets.reram_array_om()))),
    "calibrated tile": (
        PURE,
        lambda n: (
            None,
            lambda: dt.AnalogTile(
                (SIZE, SIZE),
                dt.algorithms.ResidualLearning(device=dt.presets.reram_array_om(), calibration_pulses=1_000_000),
                num_threads=n,
            ),
        ),
    ),
    "symmetric_point": (
        PURE,
        lambda n: (
            a := dt.CrossbarArray((4000, 2000), dt.presets.pcm(), rng=0),
            lambda: a.symmetric_point(),
        ),
    ),
    # SciPy is imported before the call. An interrupt during an import ends some processes, even if it is caught.
    "fit": (PURE, lambda _: (None, partial(dt.fit.device_from_pulses, *traces(), model="pow_step"))),
}


def main() -> None:
    name, seconds, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    left, prepare = CALLS[name]
    thing, call = prepare(threads)
    before = thing.state_dict() if left == UNCHANGED else None
    sent: list[float] = []

    def interrupt() -> None:
        time.sleep(seconds)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    answer = {"interrupted": False, "seconds": 0.0}
    try:
        call()
    except KeyboardInterrupt:
        answer = {"interrupted": True, "seconds": time.perf_counter() - sent[0]}
    if before is not None:
        after = states.bits(thing.state_dict())
        answer["changed"] = [path for path, value in states.bits(before).items() if after[path] != value]
    if left == PULSES:
        # Every cell has had the same number of whole pulses, and the ledger knows all of them.
        ledger = thing.ledger
        answer["pulses"] = ledger["pulses_up"] + ledger["pulses_down"]
        answer["sent"] = ledger["array_pulses"] * SIZE * SIZE
    if isinstance(thing, dt.CrossbarArray | dt.AnalogTile):
        again = type(thing).from_state_dict(thing.state_dict())
        outcomes = []
        for one in (thing, again):
            rows, columns = one.shape
            one.update(states.whole_numbers((2, columns), 1), states.whole_numbers((2, rows), 2), 0.01)
            outcomes.append(one.weights.tobytes())
        answer["usable"] = outcomes[0] == outcomes[1]
    print(json.dumps(answer))  # noqa: T201


if __name__ == "__main__":
    main()
