"""Sizes that do not fit, with little memory: ``python -m helpers.memory MEBIBYTES`` prints what came of it."""

import json
import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import dsptrack as dt
from helpers import states

SMALL = (8, 16)


def array() -> Any:
    made = dt.CrossbarArray(SMALL, states.noisy("soft"), rng=0, num_threads=1)
    made.trace([(0, 0)])
    return made


def tile() -> Any:
    return dt.AnalogTile(SMALL, states.rule("ERider", states.noisy("soft")), rng=0, num_threads=1)


def batch(vectors: int, lines: int) -> Any:
    return np.broadcast_to(np.float32(0.5), (vectors, lines))


def calls(scale: float) -> dict[str, tuple[Any, Callable[[Any], Any]]]:
    """Calls that ask for roughly ``scale`` times the memory that there is, and the objects that must stay."""
    cells = int(scale * 2**23)
    vectors = int(scale * 2**21)
    device = dt.presets.reram_array_hfo2()
    counts = dt.PulseUpdate(pulse_type="mean_count")
    table = dt.devices.PiecewiseStep()
    return {
        "array": (None, lambda _: dt.CrossbarArray((cells // 16, 16), device)),
        "tile": (None, lambda _: dt.AnalogTile((cells // 16, 16), states.rule("ERider", device))),
        "chain": (None, lambda _: dt.AnalogTile((cells // 16, 16), states.rule("ResidualLearning", device))),
        "layer": (None, lambda _: dt.nn.Linear(16, cells // 16, states.rule("AGAD", device))),
        "tables": (
            None,
            lambda _: dt.CrossbarArray(
                SMALL,
                table,
                cell_parameters={name: batch(vectors, 128).T.reshape(8, 16, -1) for name in TABLES},
            ),
        ),
        "forward": (array(), lambda a: a.forward(batch(vectors, 16))),
        "forward, two passes": (
            array(),
            lambda a: a.forward(batch(vectors, 16), dt.Periphery(mv_type="pos_neg_separate", ir_drop=1.0)),
        ),
        "backward": (array(), lambda a: a.backward(batch(2 * vectors, 8))),
        "update": (array(), lambda a: a.update(batch(vectors, 16), batch(vectors, 8), 0.1)),
        "update, counts": (array(), lambda a: a.update(batch(vectors, 16), batch(vectors, 8), 1.0, counts)),
        "tile forward": (tile(), lambda t: t.forward(batch(vectors, 16))),
        "tile update": (tile(), lambda t: t.update(batch(vectors, 16), batch(vectors, 8), 0.1)),
    }


TABLES = ("piecewise_up", "piecewise_down")


def main() -> None:
    limit = int(sys.argv[1]) << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcomes = {}
    for scale in map(float, sys.argv[2:]):
        for name, (thing, call) in calls(scale * limit / 2**30).items():
            before = states.bits(thing.state_dict()) if thing else None
            try:
                call(thing)
            except (MemoryError, dt.ConfigError) as error:  # there is a limit on vectors, too
                outcomes[f"{name} x {scale:g}"] = type(error).__name__
            else:
                outcomes[f"{name} x {scale:g}"] = "success"
                continue
            if before is not None:
                assert states.bits(thing.state_dict()) == before, name
    print(json.dumps(outcomes))  # noqa: T201


if __name__ == "__main__":
    main()
