"""What a network's tiles spent, and how well they know their symmetric points."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dsptrack._checks import instance
from dsptrack.exceptions import StateError
from dsptrack.tile import AnalogTile

from .layer import Layer


def pulses(tiles: Iterable[AnalogTile]) -> dict[str, int]:
    """Return the pulses applied so far, summed over `tiles`, by array name (such as P and W).

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> dt.nn.pulses([dt.AnalogTile((2, 3), rule, rng=0)])
    {'P': 0, 'W': 0}
    """
    total: Counter[str] = Counter()
    for tile in _checked(tiles):
        ledger = tile.ledger
        for name in tile.arrays:
            total[name] += ledger[name]["pulses_up"] + ledger[name]["pulses_down"]
    return dict(total)


def programming_events(tiles: Iterable[AnalogTile]) -> int:
    """Return how many reference cells were rewritten so far, summed over `tiles`.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> dt.nn.programming_events([dt.AnalogTile((2, 3), rule, rng=0)])
    0
    """
    # Rules without a written reference (analog SGD, TT-v2) have no such entry.
    return sum(tile.ledger.get("reference", {}).get("programming_events", 0) for tile in _checked(tiles))


def sp_error(tiles: Iterable[AnalogTile]) -> float | None:
    """Return the root mean square, over all cells of `tiles`, of symmetric-point estimate minus truth.

    None where no tile keeps an estimate (plain analog SGD) or no cell has a symmetric point. Unit: weight.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> dt.nn.sp_error([dt.AnalogTile((2, 3), rule, rng=0)]) > 0.0    # the estimate starts at 0
    True
    """
    errors = []
    for tile in _checked(tiles):
        try:
            estimate = tile.sp_estimate
        except StateError:  # this rule keeps none
            continue
        # The core's own: a warning after every epoch that some cells have no symmetric point would say nothing new.
        truth = tile.arrays["P"]._core.symmetric_point()
        errors.append((estimate.astype(np.float64) - truth).ravel())
    every = np.concatenate(errors) if errors else np.empty(0)
    known = every[np.isfinite(every)]
    return float(np.sqrt(np.mean(known**2))) if known.size else None


def spent(layers: Sequence[Layer]) -> dict[str, Any]:
    """Return the fields of an EpochRecord that the tiles of these layers know."""
    tiles = [tile for layer in layers for tile in layer.tiles]
    return {
        "sp_error": sp_error(tiles),
        "sp_error_by_layer": {f"{i} {layer!r}": sp_error(layer.tiles) for i, layer in enumerate(layers) if layer.tiles},
        "pulses": pulses(tiles),
        "programming_events": programming_events(tiles),
    }


def _checked(tiles: Iterable[AnalogTile]) -> list[AnalogTile]:
    return [instance("tiles", tile, AnalogTile) for tile in tiles]
