"""``dsptrack tune``: the rates of one method, searched on held-out images."""

import argparse

import dsptrack as dt
from dsptrack.experiments import METHODS, NETWORKS, RECIPES, SEARCH, Tuned, tune
from dsptrack.experiments.tuning import shown_storage

from .options import add_common, add_output, remark, write_json
from .setup import given, network_defaults
from .table import table

SUMMARY = "search the rates of one learning rule with optuna"
DESCRIPTION = """Search a method's global rate and the rates of its rule for the best accuracy on images held out of
the training part (the test images stay unseen); print the best values beside the paper's; write tune-METHOD.json. The
study is kept in a file: the same command adds trials to it, and many machines may work on one in a database."""
EPILOG = """examples:
  dsptrack tune --method agad --trials 100
  dsptrack tune --data mnist --data-root ~/data --reference-std 0.05
  dsptrack tune --storage mysql://user@host/optuna       one study for many machines (optuna's URLs)

searched, on a logarithmic scale:
""" + "\n".join(
    f"  {method:<10} " + ", ".join(f"{name} {r.low:g} to {r.high:g}" for name, r in ranges.items())
    for method, ranges in SEARCH.items()
)
_FIXED = (
    "data",
    "epochs",
    "network",
    "recipe",
    "batch_size",
    "reference_mean",
    "reference_std",
    "columns_per_transfer",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--method", choices=tuple(METHODS), default="e-rider", help="learning rule (default: e-rider)")
    parser.add_argument("--trials", type=int, default=50, metavar="N", help="trials to add (default: 50)")
    parser.add_argument(
        "--hold-out", type=int, default=6, metavar="N", help="one training image in N is held out (default: 6)"
    )
    parser.add_argument("--storage", metavar="URL", help="optuna's storage (default: SQLite file tune.db in --out)")
    parser.add_argument("--study", metavar="NAME", help="name of the study (default: dsptrack-METHOD)")
    parser.add_argument("--data", choices=dt.datasets.NAMES, help="data set (default: mnist5k)")
    parser.add_argument("--data-root", metavar="DIR", help="folder of data files (default: $DSPTRACK_DATA)")
    parser.add_argument("--network", choices=tuple(NETWORKS), help="network (default: fcn)")
    parser.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        help=f"how layers are put on tiles (default: {network_defaults('recipe')})",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help=f"images a mini-batch (default: {network_defaults('batch_size')})",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs of a trial (default: that of the data set)")
    parser.add_argument("--columns-per-transfer", type=int, metavar="N", help="columns a tile transfers per mini-batch")
    parser.add_argument("--reference-mean", type=float, metavar="W", help="mean reference of a cell (default: 0.4)")
    parser.add_argument("--reference-std", type=float, metavar="W", help="its standard deviation (default: 0.3)")
    add_common(parser, threads="1")
    add_output(parser)


def run(arguments: argparse.Namespace) -> None:
    """Search, print, write the file."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    storage = arguments.storage or arguments.out / "tune.db"
    found = tune(
        arguments.method,
        given(arguments, _FIXED),
        trials=arguments.trials,
        hold_out=arguments.hold_out,
        storage=storage,
        study=arguments.study,
        seed=arguments.seed,
        num_threads=1 if arguments.threads is None else arguments.threads,
        data_root=arguments.data_root,
        on_trial=None if arguments.quiet else _announce,
    )
    file, place = arguments.out / f"tune-{found.method}.json", shown_storage(storage)
    text = write_json(file, found.to_dict() | {"storage": place})
    print(text if arguments.json else _table(found))
    if not arguments.quiet:
        remark(f"wrote {file}; the study is in {place}")


def _announce(number: int, values: dict[str, float], accuracy: float | None) -> None:
    words = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    remark(f"trial {number}: {words}: {'diverged' if accuracy is None else f'{accuracy:.2f} %'}")


def _table(found: Tuned) -> str:
    method = NETWORKS[found.settings.get("network", "fcn")].methods[found.method]
    paper = dict(method.options) | {"lr": method.lr}
    rows = [[name, f"{value:.4g}", f"{paper[name]:.4g}"] for name, value in found.best.items()]
    head = (
        f"{method.label}: {found.accuracy:.2f} % of the held-out images, {found.trials} trials, {found.failed} diverged"
    )
    return f"{head}\n\n{table(['', 'best', 'before'], rows)}"
