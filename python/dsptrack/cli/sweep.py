"""``dsptrack sweep``: a grid of trainings from a TOML file."""

import argparse
import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dsptrack as dt
from dsptrack.exceptions import ConfigError, DataError, MissingDataError
from dsptrack.experiments.runs import train_run

from .options import add_output, remark, write_json
from .sweeping import add_sweeping, announce, backend
from .table import table

SUMMARY = "a grid of trainings, on many workers, resumable"
DESCRIPTION = """Train with every combination of the values in a file, several times, on several workers; print the
table; write sweep.csv and sweep.json. Every finished run is stored at once: after a crash the same command goes on
where it stopped, and a larger grid adds what is new."""
EPILOG = """examples:
  dsptrack sweep grid.toml --workers 4
  dsptrack sweep grid.toml --backend dask --cluster tcp://host:8786

a file, with options of dsptrack train by their long names:

  repeats = 3
  paired = true              # all settings of a repeat share cells, initial weights and order of images

  [fixed]
  data = "digits"
  epochs = 20

  [grid]
  method = ["agad", "e-rider"]
  reference_std = [0.05, 0.4, 1.0]
  rule.gamma = [0.0, 0.1]    # a field of the learning rule
"""
_SHOWN = ("accuracy", "accuracy_mean", "train_loss", "sp_error")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="TOML file of the grid")
    parser.add_argument("--data-root", metavar="DIR", help="folder of data files (default: $DSPTRACK_DATA)")
    add_sweeping(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> None:
    """Sweep, print, write both files."""
    values = _read(arguments.file)
    configurations, axes = _configurations(values)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with backend(arguments) as where:
        results = dt.sweep.run(
            train_run(arguments.data_root),
            configurations,
            repeats=values.get("repeats", 1) if arguments.repeats is None else arguments.repeats,
            seed=arguments.seed,
            paired=bool(values.get("paired", False)),
            store=arguments.out / "sweep-runs" if arguments.store is None else arguments.store,
            progress=False if arguments.quiet else None,
            on_run=None if arguments.quiet else announce,
            **where,
        )
    results.to_csv(arguments.out / "sweep.csv")
    text = write_json(arguments.out / "sweep.json", {"results": [record.to_dict() for record in results]})
    print(text if arguments.json else _table(results, axes))
    if not arguments.quiet:
        remark(f"wrote sweep.csv and sweep.json to {arguments.out}")


def _read(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingDataError(f"{file}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: {error}") from None
    unknown = sorted(set(values) - {"repeats", "paired", "fixed", "grid"})
    if unknown:
        raise ConfigError(f"{file}: {', '.join(unknown)}: must be among repeats, paired, fixed, grid")
    return values


def _configurations(values: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the configurations, and the names of the axes with dots; ``rule.X`` goes into the table of the rule."""
    axes = dict(_axes(values.get("grid", {})))
    fixed = values.get("fixed", {})
    if not isinstance(fixed, Mapping):
        raise ConfigError(f"fixed = {fixed!r}: must be a table")
    configurations = []
    for name, axis in axes.items():
        if not isinstance(axis, list) or not axis:
            raise ConfigError(f"grid: {name} = {axis!r}: must be a list of one or more values")
    for chosen in itertools.product(*axes.values()):
        configuration = dict(fixed)
        for name, value in zip(axes, chosen, strict=True):
            table_name, dot, field = name.partition(".")
            configuration |= {table_name: configuration.get(table_name, {}) | {field: value}} if dot else {name: value}
        configurations.append(configuration)
    return configurations, list(axes)


def _axes(grid: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(grid, Mapping):
        raise ConfigError(f"grid = {grid!r}: must be a table")
    return [
        entry
        for name, value in grid.items()
        for entry in (_axes(value, f"{name}.") if isinstance(value, Mapping) else [(f"{prefix}{name}", value)])
    ]


def _table(results: dt.sweep.Results, axes: list[str]) -> str:
    names = [*axes, "repeat", *_SHOWN, "error"]
    return table(names, [[_word(row.get(name)) for name in names] for row in results.rows()])


def _word(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
