"""``dsptrack fit``: a device from measured traces."""

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dsptrack as dt
from dsptrack.exceptions import ConfigError, DataError, NonFiniteError
from dsptrack.fit.files import read_traces

from .options import DEFAULT_OUT, add_report, remark
from .table import table

SUMMARY = "a device from measured pulse trains"
DESCRIPTION = """Fit a model to measured traces of one or many cells; print its parameters with standard errors, the
split into spread between cells and noise from cycle to cycle; write the device as a file that every --device takes.
The traces are a CSV file with the columns cell, pulse, polarity (+1 up, -1 down, 0 none) and conductance, a line a
read: the conductance after that pulse."""
EPILOG = """examples:
  dsptrack fit traces.csv                               soft bounds, conductances are weights
  dsptrack fit traces.csv --g-range 1e-6 1e-5           these conductances are the weights -1 and 1
  dsptrack fit traces.csv --model best --out mine.toml  rank all models by BIC, keep the best one
  dsptrack respond --device mine.toml                   look at it
"""
_BEST = "best"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options; the defaults are those of ``dsptrack.fit.device_from_pulses``."""
    parser.add_argument("traces", type=Path, metavar="TRACES", help="CSV file")
    parser.add_argument(
        "--model",
        default="soft_bounds",
        metavar="NAME",
        help="constant_step, linear_step, soft_bounds, exp_step, pow_step, piecewise, or best (default: soft_bounds)",
    )
    parser.add_argument(
        "--criterion", choices=("aic", "bic"), default="bic", help="what ranks models for best (default: bic)"
    )
    parser.add_argument(
        "--g-range", type=float, nargs=2, metavar=("LOW", "HIGH"), help="conductances of the weights -1 and 1"
    )
    parser.add_argument(
        "--noise",
        choices=("auto", "multiplicative", "additive"),
        default="auto",
        help="cycle noise: scales with the step, is the same everywhere, or the likelier one (default: auto)",
    )
    parser.add_argument(
        "--read-noise", type=float, default=0.0, metavar="G", help="standard deviation of a read's noise (default: 0)"
    )
    parser.add_argument("--write-noise", action="store_true", help="fit write noise too")
    parser.add_argument("--nodes", type=int, default=8, metavar="N", help="nodes of the piecewise tables (default: 8)")
    parser.add_argument(
        "--out",
        type=Path,
        default=DEFAULT_OUT / "device.toml",
        metavar="FILE",
        help=f"device, .toml or .json (default: ./{DEFAULT_OUT / 'device.toml'})",
    )
    add_report(parser)


def run(arguments: argparse.Namespace) -> None:
    """Fit, write the device, print."""
    if arguments.out.suffix not in (".toml", ".json"):
        raise ConfigError(f"out = {str(arguments.out)!r}: must end with .toml or .json")
    options: dict[str, Any] = {
        "noise": arguments.noise,
        "read_noise": arguments.read_noise,
        "write_noise": arguments.write_noise,
        "g_range": None if arguments.g_range is None else tuple(arguments.g_range),
        "nodes": arguments.nodes,
    }
    numbers, polarity, conductance = read_traces(arguments.traces)
    comparison = None
    try:
        if arguments.model == _BEST:
            comparison = dt.fit.compare_models(polarity, conductance, criterion=arguments.criterion, **options)
            named = {model: _numbered(words, numbers.tolist()) for model, words in comparison.failures.items()}
            comparison = replace(comparison, failures=named)
            result = comparison.best
        else:
            result = dt.fit.device_from_pulses(polarity, conductance, arguments.model, **options)
    except (DataError, NonFiniteError) as error:
        raise type(error)(_numbered(str(error), numbers.tolist())) from None
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    dt.io.save_device(result.device, arguments.out)
    if arguments.json:
        print(json.dumps((comparison or result).to_dict(), indent=2, allow_nan=False))
    else:
        print(
            "\n\n".join([_title(result), _parameters(result), *([] if comparison is None else [_ranking(comparison)])])
        )
    if not arguments.quiet:
        remark(f"wrote {arguments.out}; dsptrack respond --device {arguments.out} shows it")


def _title(result: "dt.fit.FitResult") -> str:
    cells, stuck = result.stuck.size, int(result.stuck.sum())
    left_out = f"; {stuck} stuck and left out" if stuck else ""
    noise = f"{result.noise} cycle noise"
    return f"{result.model}, {noise}, {cells} cells, {result.n_pulses:,} pulses{left_out}"


def _parameters(result: "dt.fit.FitResult") -> str:
    spreads, noises = result.device_to_device, result.cycle_to_cycle
    rows = []
    for name, value in result.parameters.items():
        kind = "between cells" if name in spreads else "cycle to cycle" if name in noises else "mean"
        values, errors = (x if isinstance(x, tuple) else (x,) for x in (value, result.std_errors[name]))
        for k, (one, error) in enumerate(zip(values, errors, strict=True)):
            rows.append([f"{name}[{k}]" if len(values) > 1 else name, f"{one:.5g}", _known(error), kind])
    return table(["parameter", "value", "standard error", "of"], rows)


def _known(error: float) -> str:
    return f"{error:.2g}" if error == error else "not measured"


def _ranking(comparison: "dt.fit.FitComparison") -> str:
    rows = [
        [
            one.model,
            one.noise,
            f"{one.n_parameters}",
            f"{one.log_likelihood:,.1f}",
            f"{one.aic:,.1f}",
            f"{one.bic:,.1f}",
        ]
        for one in comparison.results
    ]
    ranked = table(["model", "cycle noise", "parameters", "ln L", "AIC", "BIC"], rows)
    return "\n".join([ranked, *(f"{name} does not fit: {why}" for name, why in comparison.failures.items())])


def _numbered(message: str, numbers: Sequence[int]) -> str:
    """Return a message in which cells have the numbers of the file in place of their rows."""

    def renamed(found: re.Match[str]) -> str:
        return found[1] + ", ".join(str(numbers[int(row)]) for row in found[2].split(", "))

    return re.sub(r"\b(cells? )(\d+(?:, \d+)*)", renamed, message)
