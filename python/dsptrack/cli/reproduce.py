"""``dsptrack reproduce``: one figure or table of the paper, or all of them."""

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dsptrack as dt
from dsptrack.exceptions import ConfigError, DataError, DspError, MissingDataError
from dsptrack.experiments import EXPERIMENTS, NETWORKS, RECIPES, Options, Reproduction, reproduce

from .options import add_output, remark, write_json, write_picture
from .sweeping import add_sweeping, announce, backend, count_missing
from .table import table

SUMMARY = "one figure or table of the paper, or all of them"
DESCRIPTION = """Repeat an experiment of the paper (arXiv 2602.21321) with its settings; print our numbers beside the
paper's and where they differ; write NAME.json, NAME.csv (a line a run) and NAME.png. Finished runs are stored: after
a crash the same command goes on where it stopped."""
EPILOG = """examples:
  dsptrack reproduce fig1a                                zero-shifting against the pulse budget, under a minute
  dsptrack reproduce table2 --quick                       a small version with the same code
  dsptrack reproduce table2 --data-root ~/data --workers 8
  dsptrack reproduce table2 --only-stored                 the table of the runs that are finished so far
  dsptrack reproduce table2 --at 0.4 0.05 --rows e-rider agad --epochs 10 --repeats 1
  dsptrack reproduce table2 --rows agad e-rider --rates dsptrack-out/tune-agad.json --seed 1     rates that tune found
  dsptrack reproduce all --quick                          everything that the data at hand allow
"""
_ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options; what is not given is as in the paper."""
    parser.add_argument("name", choices=(*EXPERIMENTS, _ALL), metavar="NAME", help=f"{', '.join(EXPERIMENTS)}, or all")
    parser.add_argument("--quick", action="store_true", help="small version: less data, fewer epochs, same code")
    parser.add_argument("--data", choices=dt.datasets.NAMES, help="data set in place of the paper's")
    parser.add_argument("--data-root", metavar="DIR", help="folder of data files (default: $DSPTRACK_DATA)")
    parser.add_argument("--network", choices=tuple(NETWORKS), help="network in place of the paper's")
    parser.add_argument("--recipe", choices=tuple(RECIPES), help="how layers are put on tiles")
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs, the most where training stops early")
    parser.add_argument("--images", type=int, metavar="N", help="training images to take")
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="rows of a table, such as tt-v2 agad e-rider")
    parser.add_argument(
        "--at", nargs=2, type=float, action="append", metavar=("MEAN", "STD"), help="reference; may be repeated"
    )
    parser.add_argument("--reference-on", choices=("fast", "both"), help="arrays of a table's runs with its reference")
    parser.add_argument(
        "--rates", nargs="+", type=Path, metavar="FILE", help="files of `dsptrack tune` with rates for a table's rows"
    )
    parser.add_argument(
        "--values",
        nargs="+",
        type=float,
        metavar="X",
        help="pulse budgets (fig1a, fig2), granularities (fig1b), states (fig4-pulses), probabilities (fig5)",
    )
    parser.add_argument("--cells", type=int, metavar="N", help="rows and columns of the array (fig1a, fig1b)")
    add_sweeping(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> None:
    """Reproduce, print, write the files."""
    names = ("data", "network", "recipe", "epochs", "images", "at", "reference_on", "values", "cells")
    chosen = {name: getattr(arguments, name) for name in names}
    rates = None if arguments.rates is None else _found(arguments.rates)
    options = Options(quick=arguments.quick, methods=arguments.rows, rates=rates, **chosen)
    with backend(arguments) as where:
        if arguments.name == _ALL:
            _all(options, arguments, where)
        else:
            text = _one(arguments.name, options, arguments, where)
            if arguments.json:
                print(text)


def _found(files: Iterable[Path]) -> dict[str, dict[str, float]]:
    """Return the rates that `dsptrack tune` wrote to its files, by method."""
    rates = {}
    for file in files:
        try:
            tuned = json.loads(file.read_text(encoding="utf-8"))
            rates[str(tuned["method"])] = dict(tuned["best"])
        except FileNotFoundError:
            raise MissingDataError(f"{file}: no such file") from None
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(f"{file}: must be a JSON file that `dsptrack tune` wrote, with method and best") from None
    return rates


def _all(options: Options, arguments: argparse.Namespace, where: dict[str, Any]) -> None:
    """Reproduce what the data at hand allow; as JSON that is one document, an entry an experiment."""
    if options.values is not None:
        raise ConfigError(f"values = {list(options.values)}: mean another quantity in every experiment, so not for all")
    found = {}
    for name in EXPERIMENTS:
        try:
            found[name] = json.loads(_one(name, options.within(EXPERIMENTS[name].takes), arguments, where))
        except DspError as error:
            if isinstance(error, DataError) and not isinstance(error, MissingDataError):
                raise  # damaged, not absent
            remark(f"{name}: left out, {error}")
    if not found:
        raise DspError("all: nothing could be reproduced with the packages and data at hand")
    if arguments.json:
        print(json.dumps(found, indent=2))


def _one(name: str, options: Options, arguments: argparse.Namespace, where: dict[str, Any]) -> str:
    """Reproduce one experiment, write its files, print its report if words are asked for; return its JSON."""
    experiment = EXPERIMENTS[name]
    repeats = experiment.repeats_for(options) if arguments.repeats is None else arguments.repeats
    runs = len(experiment.configurations(options)) * repeats
    arguments.out.mkdir(parents=True, exist_ok=True)
    if not arguments.quiet:
        remark(f"{name}: {experiment.title}, {runs:,} run{'' if runs == 1 else 's'}")
    found = reproduce(
        name,
        options,
        data_root=arguments.data_root,
        repeats=arguments.repeats,
        seed=arguments.seed,
        store=arguments.out / f"{name}-runs" if arguments.store is None else arguments.store,
        only_stored=arguments.only_stored,
        progress=False if arguments.quiet else None,
        on_run=None if arguments.quiet or arguments.only_stored else announce,
        **where,
    )
    found.results.to_csv(arguments.out / f"{name}.csv")
    text = write_json(arguments.out / f"{name}.json", found.summary)
    write_picture(arguments.out / f"{name}.png", found.figure)
    if not arguments.json:
        print(_report(found))
    if not arguments.quiet:
        count_missing(len(found.results), runs)
        remark(f"wrote {name}.json, {name}.csv and {name}.png to {arguments.out}")
    return text


def _report(found: Reproduction) -> str:
    rows = found.summary["rows"]
    names = [name for name in rows[0] if not isinstance(rows[0][name], list)]
    compared = found.summary["compared"]
    none = f"none beyond the limits, of {compared:,} compared" if compared else "nothing was compared"
    differences = found.summary["differences"] or [none]
    lines = [
        f"\n{found.title}\n",
        table(names, [[_word(row[name]) for name in names] for row in rows]),
        f"\npaper: {found.summary['paper']['source']}",
        *(f"  {statement}" for statement in found.summary["paper"].get("statements", ())),
        "differences from the paper or the theory:",
        *(f"  {line}" for line in differences),
    ]
    return "\n".join(lines)


def _word(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
