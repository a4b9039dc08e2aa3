"""``dsptrack respond``: what a device is like, in numbers and pictures."""

import argparse
import math
from typing import Any

import numpy as np

import dsptrack as dt
from dsptrack.experiments.settings import device_of

from .options import add_common, add_device, add_output, device_name, remark, write_json, write_picture
from .table import table

SUMMARY = "responses, pulse trains and symmetric points of a device"
DESCRIPTION = """Draw an array of a device's cells; print steps, states, bounds and symmetric points of the mean cell
and over the array; write response.png (q+, q-, F and G against the weight), pulse-train.png (weight against pulses, up
then down), symmetric-points.png (histogram and map) and respond.json."""
_DEVICE = "reram_sb"
EPILOG = f"""examples:
  dsptrack respond                                  {_DEVICE}
  dsptrack respond --device reram_es                another preset: {", ".join(dt.presets.__all__[:4])}, ...
  dsptrack respond --device mine.toml --json        a device of your own, as written by dsptrack fit
"""

# Key in the JSON file, words in the table.
_ROWS = {
    "dw_min": "dw_min, mean of s+ and s- (weight)",
    "up_step": "up step s+ (weight)",
    "down_step": "down step s- (weight)",
    "states": "states",
    "upper_bound": "upper bound (weight)",
    "lower_bound": "lower bound (weight)",
    "symmetric_point": "symmetric point (weight)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_device(parser, _DEVICE)
    parser.add_argument(
        "--shape", type=int, nargs=2, metavar=("M", "N"), default=(64, 64), help="rows, columns (default: 64 64)"
    )
    add_common(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> None:
    """Draw the cells, print, write all files."""
    asked = _DEVICE if arguments.device is None else arguments.device
    device = device_of(asked)
    array = dt.CrossbarArray(tuple(arguments.shape), device, rng=arguments.seed, num_threads=arguments.threads)
    nominal = _quantities(dt.CrossbarArray((1, 1), device.nominal(), rng=arguments.seed))
    drawn = _quantities(array)
    without = int(np.count_nonzero(np.isnan(drawn["symmetric_point"])))
    rows = {
        key: {
            "nominal": _over(np.mean, nominal[key]),
            "mean": _over(np.mean, drawn[key]),
            "std": _over(np.std, drawn[key]),
        }
        for key in _ROWS
    }
    title = f"{device_name(asked)} ({type(device).__name__})"
    arguments.out.mkdir(parents=True, exist_ok=True)
    files = {
        "response.png": dt.plot.response(array, title=title),
        "pulse-train.png": dt.plot.pulse_train(array, rng=arguments.seed, title=title),
        "symmetric-points.png": dt.plot.symmetric_points(array, title=title),
    }
    for file, figure in files.items():
        write_picture(arguments.out / file, figure)
    values = {"device": device.to_dict(), "shape": list(array.shape), "seed": arguments.seed} | rows
    text = write_json(arguments.out / "respond.json", values | {"without_symmetric_point": without})
    print(text if arguments.json else f"{title}, {array.shape[0]} x {array.shape[1]} cells\n\n{_table(rows)}")
    if without and not arguments.json:
        print(f"\n{without:,} of {math.prod(array.shape):,} cells have no symmetric point inside their bounds")
    if not arguments.quiet:
        remark(f"wrote {', '.join([*files, 'respond.json'])} to {arguments.out}")


def _quantities(array: dt.CrossbarArray) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return every quantity of every cell; states are the range over the mean step at state 0."""
    cells = {name: values.astype(np.float64) for name, values in array.cell_parameters().items()}
    reference = cells.get("reference", np.zeros(array.shape))
    step = array.device.dw_min * array.symmetric_part(-reference).astype(np.float64)
    spread = cells["max_bound"] - cells["min_bound"]
    return {
        "dw_min": (cells["dwmin_up"] + cells["dwmin_down"]) / 2,
        "up_step": cells["dwmin_up"],
        "down_step": cells["dwmin_down"],
        "states": np.divide(spread, step, out=np.full(array.shape, np.nan), where=step > 0),
        "upper_bound": cells["max_bound"] - reference,
        "lower_bound": cells["min_bound"] - reference,
        # The table gives the number of cells without one; a warning would say it twice.
        "symmetric_point": array._core.symmetric_point().astype(np.float64),
    }


def _over(statistic: Any, values: Any) -> float | None:
    """Return a statistic of the values that are numbers, None where there is none."""
    known = values[np.isfinite(values)]
    return float(statistic(known)) + 0.0 if known.size else None  # + 0.0: a bound at -0.0 shows as 0


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _table(rows: dict[str, dict[str, float | None]]) -> str:
    lines = [[_ROWS[key], *map(_shown, columns.values())] for key, columns in rows.items()]
    return table(["quantity", "mean cell", "mean", "std over cells"], lines)
