"""Writes golden.json anew: ``python tests/golden/make.py``.

The file fixes what a seed means: the first draws of every purpose, and the complete states of one array of every device
model after some of everything and of every learning rule after 50 training steps. A change of these is a change of the
streams or of the arithmetic, and needs the words that CONTRIBUTING.md asks for; then run this.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import dsptrack as dt
from dsptrack import _core, _rng
from helpers import states, zoo

FILE = Path(__file__).with_name("golden.json")
SEED, STEPS = 2026, 50


def golden() -> dict[str, Any]:
    """Everything in the file, computed anew."""
    device = dt.presets.reram_array_hfo2(reference_mean=0.3, **states.AGEING)
    arrays = {name: states.digest(states.busy_array(states.noisy(name)).state_dict()) for name in zoo.KINDS}
    tiles = {}
    for name in states.RULES:
        tile = dt.AnalogTile(states.SHAPE, states.rule(name, device), rng=SEED)
        states.train(tile, STEPS)
        tiles[name] = states.digest(tile.state_dict())
    draws = {name: " ".join(f"{word:08x}" for word in words) for name, words in _core.first_draws(_rng.key(SEED))}
    return {"stream_version": dt.STREAM_VERSION, "first_draws": draws, "arrays": arrays, "tiles": tiles}


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden(), indent=2) + "\n", encoding="utf-8")
