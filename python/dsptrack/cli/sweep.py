"""``dsptrack sweep``: a grid of trainings from a TOML file."""

import argparse
import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dsptrack as dt
from dsptrack import presets
from dsptrack._checks import flag
from dsptrack.exceptions import ConfigError, DataError, MissingDataError
from dsptrack.experiments.identity import same_data
from dsptrack.experiments.runs import train_run, training_of
from dsptrack.experiments.settings import device_of

from .options import add_output, remark, write_json
from .sweeping import add_sweeping, announce, backend, count_missing
from .table import table

SUMMARY = "a grid of trainings, on many workers, resumable"
DESCRIPTION = """Train with every combination of the values in a file, several times, on several workers; print the
table; write sweep.csv and sweep.json. Every finished run is stored at once: after a crash the same command goes on
where it stopped, and a larger grid adds what is new."""
EPILOG = """examples:
  dsptrack sweep grid.toml --workers 4
  dsptrack sweep grid.toml --backend dask --cluster tcp://host:8786

a file, with options of dsptrack train by their long names, all but seed, threads and those of checkpoints:

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
    configurations, points = _configurations(values)
    store = arguments.out / "sweep-runs" if arguments.store is None else arguments.store
    # A wrong value ends the sweep here, before its first run.
    setups = [training_of(configuration)[0].setup for configuration in configurations]
    if not arguments.only_stored:
        for data, root in dict.fromkeys((setup.data, setup.data_root) for setup in setups):
            same_data(store, data, arguments.data_root if root is None else root)
    repeats = values.get("repeats", 1) if arguments.repeats is None else arguments.repeats
    arguments.out.mkdir(parents=True, exist_ok=True)
    with backend(arguments) as where:
        results = dt.sweep.run(
            train_run(arguments.data_root),
            configurations,
            repeats=repeats,
            seed=arguments.seed,
            paired=flag("paired", values.get("paired", False)),
            store=store,
            only_stored=arguments.only_stored,
            progress=False if arguments.quiet else None,
            on_run=None if arguments.quiet or arguments.only_stored else announce,
            **where,
        )
    results.to_csv(arguments.out / "sweep.csv")
    text = write_json(arguments.out / "sweep.json", {"results": [record.to_dict() for record in results]})
    print(text if arguments.json else _table(results, configurations, points))
    if not arguments.quiet:
        count_missing(len(results), repeats * len(configurations))
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


def _configurations(values: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the configurations, and for each its values on the axes; ``rule.X`` goes into the table of the rule."""
    axes = dict(_axes(values.get("grid", {})))
    fixed = values.get("fixed", {})
    if not isinstance(fixed, Mapping):
        raise ConfigError(f"fixed = {fixed!r}: must be a table")
    fixed = {name.replace("-", "_"): value for name, value in fixed.items()}
    for name, axis in axes.items():
        if not isinstance(axis, list) or not axis:
            raise ConfigError(f"grid: {name} = {axis!r}: must be a list of one or more values")
    points = [dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*axes.values())]
    return [_configuration(fixed, point) for point in points], points


def _configuration(fixed: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    configuration = dict(fixed)
    for name, value in point.items():
        outer, dot, field = name.partition(".")
        inner = configuration.get(outer, {})
        if dot and not isinstance(inner, Mapping):
            raise ConfigError(f"grid: {name}: {outer} = {inner!r} must be a table")
        configuration |= {outer: dict(inner) | {field: value}} if dot else {name: value}
    device = configuration.get("device")
    if isinstance(device, str) and device not in presets.__all__:
        # A run depends on what is in the file, not on its name.
        configuration["device"] = device_of(device).to_dict()
    return configuration


def _axes(grid: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(grid, Mapping):
        raise ConfigError(f"grid = {grid!r}: must be a table")
    return [
        entry
        for name, value in grid.items()
        for path in [prefix + (name if prefix else name.replace("-", "_"))]
        for entry in (_axes(value, f"{path}.") if isinstance(value, Mapping) else [(path, value)])
    ]


def _table(results: dt.sweep.Results, configurations: list[dict[str, Any]], points: list[dict[str, Any]]) -> str:
    runs = zip(results, results.rows(), strict=True)
    rows = [row | points[configurations.index(record.configuration)] for record, row in runs]
    names = [*points[0], "repeat", *_SHOWN, "error"]
    return table(names, [[_word(row.get(name)) for name in names] for row in rows])


def _word(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
