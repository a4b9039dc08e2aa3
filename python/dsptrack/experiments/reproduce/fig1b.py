"""Figure 1b: how many pulses zero-shifting needs for a mean within 1 %, by granularity."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dsptrack import theory
from dsptrack._checks import number
from dsptrack.array import CrossbarArray
from dsptrack.calibration import zero_shift
from dsptrack.devices import Device
from dsptrack.experiments.calibrate import CALIBRATED_DEVICE
from dsptrack.plot import OKABE_ITO
from dsptrack.sweep import Context, Results

from .experiment import Configuration, Experiment, Options
from .picture import panels

# From 5e-3 to 1.6e-6 in factors of 5; budgets of 200, 500, 1e3, 2e3, ... 8.192e6.
GRANULARITIES = (5e-3, 1e-3, 2e-4, 4e-5, 8e-6, 1.6e-6)
BUDGETS = (200, 500, *(1000 * 2**i for i in range(14)))
_THRESHOLD = 0.01
# Records of the way to a budget, between which the crossing is interpolated.
_RECORDS = 400
_WITHIN = 5.0
# Exponents between neighbours may differ from the paper's "nearly -1" by this.
_NEARLY = 0.1


def configurations(options: Options) -> list[Configuration]:
    """Return a run for every granularity, on fewer cells where each is less noisy and needs more pulses."""
    return [
        {
            "dw_min": number("values", dw_min, above=0.0),
            "cells": options.pick("cells", _cells(dw_min), 128),
            "scheme": "stochastic",
        }
        for dw_min in options.pick("values", GRANULARITIES, GRANULARITIES[:3])
    ]


def _cells(dw_min: float) -> int:
    # An estimate scatters by sqrt(dw_min), its mean over n x n cells by sqrt(dw_min)/n.
    return int(np.clip(2 ** round(math.log2(512 * math.sqrt(dw_min / 1e-3))), 64, 512))


def measure(configuration: Mapping[str, Any], context: Context, *, data_root: str | None = None) -> dict[str, Any]:
    """Return the smallest budget and the interpolated number of pulses, measured and expected of these cells."""
    cells, scheme = configuration["cells"], configuration["scheme"]
    device: Device = replace(CALIBRATED_DEVICE, dw_min=configuration["dw_min"])
    array = CrossbarArray((cells, cells), device, rng=context.rng, num_threads=context.num_threads)
    truth = array.symmetric_point().astype(np.float64)
    allowed = _THRESHOLD * abs(float(truth.mean()))
    start, slope = array.weights - truth, theory.asymmetry_slope(array)

    def expected(pulses: float) -> float:
        return abs(float(theory.zero_shift_mean_error(start, slope, device.dw_min, pulses).mean()))

    crossing, budget, sent = None, None, 0
    last = (0, abs(float(start.mean())))
    for wanted in BUDGETS:
        trace = zero_shift(array, wanted - sent, scheme=scheme, record_every=max(1, (wanted - sent) // _RECORDS)).trace
        for pulses, offset in zip(sent + trace["pulses"].astype(int), np.abs(trace["offset_mean"]), strict=True):
            if crossing is None and offset <= allowed:
                crossing = _between(last, (int(pulses), float(offset)), allowed)
            last = (int(pulses), float(offset))
        sent = wanted
        if last[1] <= allowed:
            budget = wanted
            break
    return {
        "budget": budget,
        "crossing": crossing,
        "theory_budget": next((n for n in BUDGETS if expected(n) <= allowed), None),
        "theory_crossing": _bisected(expected, allowed),
    }


def _between(before: tuple[int, float], after: tuple[int, float], allowed: float) -> float:
    share = (before[1] - allowed) / (before[1] - after[1])
    return before[0] + share * (after[0] - before[0])


def _bisected(expected: Callable[[float], float], allowed: float) -> float | None:
    low, high = 0.0, float(BUDGETS[-1])
    if expected(high) > allowed:
        return None
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if expected(middle) <= allowed else (middle, high)
    return high


def summarise(results: Results, paper: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for every granularity, the repeats averaged."""
    by_granularity: dict[float, list[Any]] = {}
    for record in results:
        by_granularity.setdefault(record.configuration["dw_min"], []).append(record)
    rows = []
    for dw_min, records in sorted(by_granularity.items(), reverse=True):
        row: dict[str, Any] = {"dw_min": dw_min, "cells": records[0].configuration["cells"]}
        for name in ("budget", "crossing", "theory_budget", "theory_crossing"):
            values = [record.result[name] for record in records]
            # A mean over the repeats that arrived alone would be too small.
            row[name] = None if None in values else float(np.mean(values))
        rows.append(row)
    known = [row for row in rows if row["crossing"] is not None and row["theory_crossing"] is not None]
    lines = [
        f"dw_min {row['dw_min']:g}: not within 1 % of the mean in {BUDGETS[-1]:,} pulses"
        for row in rows
        if row["crossing"] is None
    ]
    for row in known:
        percent = 100.0 * abs(row["crossing"] / row["theory_crossing"] - 1.0)
        if percent > _WITHIN:
            lines.append(f"dw_min {row['dw_min']:g}: {row['crossing']:,.0f} pulses, {percent:.1f} % from the theory's")
    for a, b in pairwise(known):
        exponent = math.log(b["crossing"] / a["crossing"]) / math.log(b["dw_min"] / a["dw_min"])
        if abs(exponent - paper["exponent"]) > _NEARLY:
            lines.append(f"between dw_min {a['dw_min']:g} and {b['dw_min']:g} the exponent is {exponent:.2f}, not -1")
    return {"rows": rows, "differences": lines, "compared": len(known)}


def draw(summary: Mapping[str, Any]) -> Figure:
    """Draw the pulses needed against the granularity, expected ones as a line, the paper's law as another."""
    rows = [row for row in summary["rows"] if row["crossing"] is not None]
    dw_min = np.array([row["dw_min"] for row in rows])
    expected, crossing, budget = (
        np.array([row[name] for row in rows], float) for name in ("theory_crossing", "crossing", "budget")
    )
    figure, (axes,) = panels(1)
    axes.plot(dw_min, expected, "--", color=OKABE_ITO[0], label="expected")
    axes.plot(dw_min, crossing, "o", color=OKABE_ITO[0], label="simulated, interpolated")
    axes.plot(dw_min, budget, "s", color=OKABE_ITO[1], label="simulated, smallest budget")
    if rows:
        law = crossing[0] * (dw_min / dw_min[0]) ** summary["paper"]["exponent"]
        axes.plot(dw_min, law, ":", color=OKABE_ITO[6], label="paper: nearly proportional to 1/dw_min")
        # An axis without points has no logarithms.
        axes.set(xscale="log", yscale="log")
    axes.set(
        xlabel="response granularity dw_min (weight)",
        ylabel="pulses on every cell until the mean is within 1 %",
    )
    axes.legend(loc="best", fontsize="small")
    return figure


FIG1B = Experiment(
    title="Figure 1b: pulses that zero-shifting needs against the granularity",
    repeats=1,
    takes=frozenset({"values", "cells"}),
    configure=configurations,
    measure=measure,
    summarise=summarise,
    draw=draw,
)
