"""Calls with hardly any memory left: ``python -m helpers.tight NAME MEBIBYTES ...`` prints what came of each."""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dsptrack as dt
from helpers import states

SIZE = 1500
LONG = dt.PulseUpdate(desired_bl=4096, update_management=False, update_bl_management=False, fidelity="pulse")


def array(shape: tuple[int, int] = (SIZE, SIZE)) -> Any:
    return dt.CrossbarArray(shape, states.noisy("soft"), rng=0, num_threads=1)


def layer() -> Any:
    rule = dt.algorithms.ERider(device=dt.devices.SoftBounds(dw_min=0.01))
    made = dt.nn.Linear(1024, 1024, rule, bias="none", rng=0, num_threads=1)
    x = states.whole_numbers((64, 1024), 1)
    for _ in range(2):
        made.backward(made.forward(x))
        made.update(0.01)
        made.backward(made.forward(x))
    return made


def calls() -> dict[str, Callable[[], tuple[Any, Callable[[], Any]]]]:
    """What is made before memory is short, and the call."""
    ones, weights = np.ones((2048, 16), np.float32), np.zeros((SIZE, SIZE), np.float32)
    return {
        "layer update": lambda: (made := layer(), lambda: made.update(0.01)),
        "few cells": lambda: (made := array((1, 16)), lambda: made.update(ones, ones[:, :1].copy(), 1.0, LONG)),
        "diffuse": lambda: (made := array(), made.diffuse),
        "reset": lambda: (made := array(), made.reset),
        "drift": lambda: (made := array(), lambda: made.drift(1.0)),
        "symmetric_point": lambda: (made := array(), made.symmetric_point),
        "response": lambda: (made := array(), lambda: made.response(weights)),
    }


def main() -> None:
    name, *rooms = sys.argv[1:]
    thing, call = calls()[name]()
    things = thing.tiles if name == "layer update" else [thing]
    before = [states.bits(one.state_dict()) for one in things]
    outcomes = {}
    for room in sorted(map(float, rooms)):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + int(room * 2**20), most))
        try:
            call()
        except MemoryError:
            outcomes[room] = "MemoryError"
        else:
            outcomes[room] = "success"
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        if outcomes[room] == "success":
            break
        assert [states.bits(one.state_dict()) for one in things] == before, room
    print(json.dumps(outcomes))  # noqa: T201


if __name__ == "__main__":
    main()
