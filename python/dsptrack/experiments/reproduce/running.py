"""Doing an experiment: its runs through a sweep, its summary, its picture."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from matplotlib.figure import Figure

from dsptrack import _core, sweep
from dsptrack._checks import choice
from dsptrack.experiments.identity import same_data

from .experiment import Experiment, Options
from .fig1a import FIG1A
from .fig1b import FIG1B
from .fig2 import FIG2
from .fig4_cifar import FIG4_CIFAR
from .fig4_pulses import FIG4_PULSES
from .fig5 import FIG5
from .tables import TABLE1, TABLE2

EXPERIMENTS: MappingProxyType[str, Experiment] = MappingProxyType(
    {
        "fig1a": FIG1A,
        "fig1b": FIG1B,
        "fig2": FIG2,
        "table1": TABLE1,
        "table2": TABLE2,
        "fig4-pulses": FIG4_PULSES,
        "fig4-cifar": FIG4_CIFAR,
        "fig5": FIG5,
    }
)


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What `reproduce` found.

    Attributes
    ----------
    name, title
        Of the experiment.
    results
        All runs.
    summary
        ``"rows"``, ``"differences"`` from the paper or the theory in words, how many rows, numbers or statements were
        ``"compared"``, ``"paper"`` with its own figures, the versions and instruction sets that did the runs.
    figure
        The picture.

    Examples
    --------
    >>> from dsptrack.experiments import Reproduction
    >>> "summary" in Reproduction.__annotations__
    True
    """

    name: str
    title: str
    results: sweep.Results
    summary: dict[str, Any]
    figure: Figure


def reproduce(
    name: str,
    options: Options | None = None,
    *,
    data_root: str | None = None,
    repeats: int | None = None,
    seed: int = 0,
    store: str | os.PathLike[str] | None = None,
    only_stored: bool = False,
    workers: int = 1,
    backend: str | None = None,
    num_threads: int = 1,
    progress: bool | None = None,
    on_run: Callable[[sweep.Record], None] | None = None,
) -> Reproduction:
    """Repeat one figure or table of the paper.

    Parameters
    ----------
    name
        Key of EXPERIMENTS.
    options
        What shall differ from the paper; None means nothing.
    data_root
        Folder of the data set, as ``datasets.load`` takes it.
    repeats
        Runs of every setting; None takes the paper's, one under ``quick``.
    seed, store, only_stored, workers, backend, num_threads, progress, on_run
        As `sweep.run` takes them. All settings of a repeat share one stream: the same cells, initial weights and order
        of images for every method.

    Returns
    -------
    Reproduction
        All of it; nothing is written but the store.

    Raises
    ------
    ConfigError
        If a name or number is out of range.
    DataError
        If the data set is missing or damaged, or the store has runs with other images of that name.

    Examples
    --------
    >>> from dsptrack.experiments import Options, reproduce
    >>> options = Options(quick=True, data="digits", methods=["e-rider"], epochs=1, images=200)
    >>> len(reproduce("table2", options).summary["rows"])
    2
    """
    experiment = EXPERIMENTS[choice("name", name, tuple(EXPERIMENTS))]
    options = Options() if options is None else options
    if repeats is None:
        repeats = experiment.repeats_for(options)
    configurations = experiment.configurations(options)
    if not only_stored:
        if experiment.require is not None:
            experiment.require()
        for data in dict.fromkeys(one["data"] for one in configurations if "data" in one):
            same_data(store, data, data_root)
    results = sweep.run(
        sweep.local(experiment.measure, data_root=data_root),
        configurations,
        repeats=repeats,
        seed=seed,
        paired=True,
        store=store,
        only_stored=only_stored,
        workers=workers,
        backend=backend,
        num_threads=num_threads,
        progress=progress,
        on_run=on_run,
    )
    paper = json.loads(files(__package__).joinpath("paper", f"{name}.json").read_text(encoding="utf-8"))
    summary: dict[str, Any] = {
        "experiment": name,
        "title": experiment.title,
        "version": ", ".join(sorted({record.version for record in results})),
        "stream_version": _core.STREAM_VERSION,
        "isa": ", ".join(sorted({record.isa for record in results})),
        "seed": seed,
        "options": {name: value for name, value in asdict(options).items() if value is not None},
        **experiment.summarise(results, paper),
        "paper": paper,
    }
    figure = experiment.draw(summary)
    changes = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options.changes.items())
    words = [experiment.title, *(["quick version"] if options.quick else []), *([f"with {changes}"] if changes else [])]
    figure.suptitle(", ".join(words), wrap=True)
    return Reproduction(name=name, title=experiment.title, results=results, summary=summary, figure=figure)
