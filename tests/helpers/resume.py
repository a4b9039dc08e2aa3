"""Goes on with stored arrays and tiles in a process of its own; test_snapshots.py runs it as a script."""

import sys
from typing import Any

import dsptrack as dt
from helpers import states


def go_on(stored: dict[str, Any]) -> dict[str, Any]:
    """The states of all arrays and tiles after some more work."""
    result: dict[str, Any] = {"arrays": {}, "tiles": {}}
    for name, state in stored["arrays"].items():
        array = dt.CrossbarArray.from_state_dict(state)
        states.work(array, 2)
        result["arrays"][name] = array.state_dict()
    for name, state in stored["tiles"].items():
        tile = dt.AnalogTile.from_state_dict(state)
        states.train(tile, 7, start=9)
        result["tiles"][name] = tile.state_dict()
    return result


if __name__ == "__main__":
    dt.io.save(sys.argv[2], go_on(dt.io.load(sys.argv[1])))
