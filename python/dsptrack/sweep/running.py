"""Doing the runs: what is stored is taken, the rest goes to the workers, and each is stored once it is finished."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib
from tqdm import tqdm

from dsptrack import _core
from dsptrack._checks import flag, threads, whole
from dsptrack.exceptions import ConfigError, DivergenceError, MissingDataError, NonFiniteError

from .context import Context
from .grid import Configuration, alike, checked
from .naming import lasting_name, name_of
from .results import Record, Results
from .store import Run, Store

_MOST_WORKERS = 1 << 16

Function = Callable[[Configuration, Context], Mapping[str, Any]]


def run(
    function: Function,
    configurations: Iterable[Mapping[str, Any]],
    *,
    repeats: int = 1,
    seed: int = 0,
    paired: bool = False,
    store: str | os.PathLike[str] | None = None,
    only_stored: bool = False,
    workers: int = 1,
    backend: str | None = None,
    num_threads: int = 1,
    progress: bool | None = None,
    on_run: Callable[[Record], None] | None = None,
) -> Results:
    """Call a function with every configuration, several times, on several workers.

    Parameters
    ----------
    function
        ``function(configuration, context)`` returns a dict of plain values (JSON: text, bools, finite numbers, None,
        lists and dicts of them; NumPy's become such). It takes all randomness from ``context.rng`` and as many threads
        as ``context.num_threads`` says. For other processes it must be importable or picklable by cloudpickle.
    configurations
        Dicts of plain values, no two equal (1 and 1.0 are); `grid` makes them.
    repeats
        Runs of every configuration, >= 1.
    seed
        Entropy of all streams, >= 0.
    paired
        False: all runs have independent streams, spawned from `seed`, the repeat and the configuration. True: runs
        with the same number of repeat share one, whatever their configuration, for paired comparisons.
    store
        Folder of finished runs. A run found there is not repeated: a killed sweep, called again, goes on where it
        stopped, and a larger grid adds what is new. None stores nothing.
    only_stored
        True does no run: the results are those that `store` has, while a sweep goes on elsewhere, or after it.
    workers
        Runs at a time, 1 to 65536, or -1 for one a core or, on a cluster, whatever it has.
    backend
        joblib's: ``"loky"``, ``"threading"``, ``"multiprocessing"``, or ``"dask"`` or ``"ray"`` where a client of a
        cluster is there. None takes that of an enclosing ``joblib.parallel_config``, else loky; with one
        worker it takes this process.
    num_threads
        Threads of every run, 1 to 1024.
    progress
        Whether to draw a bar on stderr; None draws it where stderr is a terminal.
    on_run
        Called with every record, first with those found in the store.

    Returns
    -------
    Results
        In the order of `configurations` and repeats, whatever the order in which they finished; without those that
        are missing under `only_stored`.

    Raises
    ------
    ConfigError
        If an argument is out of range, or a configuration or result holds other than plain values; with a `store` also
        if the function has no name of its own (a lambda), is an object, or takes other than plain values, functions,
        classes and modules from a partial, its defaults or the function around it.
    DataError
        If a file of the store is damaged, or has none of the runs under `only_stored` (MissingDataError).
    Exception
        What `function` raised, as a rule with a note that says in which run; finished runs are in the store. A
        DivergenceError or NonFiniteError does not end the sweep: it is the result of that run, in ``Record.error``.

    Notes
    -----
    A run is named by a hash of the function's name (with the script's file and the folder that it is in, where it is
    one), of the plain values that it takes from a ``functools.partial``, its defaults or the function around it, and of
    its configuration, repeat, seed and STREAM_VERSION; a 1 in one call and a 1.0 in the next make two runs. Not by the
    function's code: use another folder after changing it.
    What `local` fixes, such as a folder of data, is not part of the name.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> def offset(configuration, context):
    ...     device = dt.devices.SoftBounds(dw_min=configuration["dw_min"], up_down=0.2)
    ...     array = dt.CrossbarArray((8, 8), device, rng=context.rng, num_threads=context.num_threads)
    ...     return {"offset": float(dt.zero_shift(array, 100).trace["offset_mean"][-1])}
    >>> results = dt.sweep.run(offset, dt.sweep.grid(dw_min=[0.001, 0.01]), repeats=2)
    >>> [(row["dw_min"], row["repeat"]) for row in results.rows()]
    [(0.001, 0), (0.001, 1), (0.01, 0), (0.01, 1)]
    """
    if not callable(function):
        raise ConfigError(f"function = {function!r}: must be callable")
    if workers != -1:
        whole("workers (or -1)", workers, 1, _MOST_WORKERS)
    threads(whole("num_threads", num_threads, 1))
    name = name_of(function) if store is None else lasting_name(function)
    paired = flag("paired", paired)
    runs = _runs(name, configurations, whole("repeats", repeats, 1), whole("seed", seed, 0), paired)
    kept = _kept(store, flag("only_stored", only_stored))
    found: dict[str, Record] = {}
    for one in runs:
        record = None if kept is None else kept.find(one)
        if record is not None:
            found[one.key] = record
            if on_run is not None:
                on_run(record)
    if only_stored and not found:
        raise MissingDataError(f"{store}: has none of the {len(runs):,} runs")
    missing = [] if only_stored else [one for one in runs if one.key not in found]
    draw = sys.stderr.isatty() if progress is None else progress
    with tqdm(total=len(runs), initial=len(found), unit="run", file=sys.stderr, disable=not draw) as bar:
        for one, record in _finished(function, missing, kept, workers, backend, num_threads):
            # A worker that does not see the folder has not kept it.
            if kept is not None and not kept.has(one):
                kept.save(one, record)
            found[one.key] = record
            bar.update()
            if on_run is not None:
                on_run(record)
    return Results(found[one.key] for one in runs if one.key in found)


def _kept(store: str | os.PathLike[str] | None, only_stored: bool) -> Store | None:
    if store is None:
        if only_stored:
            raise ConfigError("store = None: must be a folder with only_stored")
        return None
    if only_stored and not Path(store).is_dir():
        raise MissingDataError(f"{store}: no such folder")
    return Store(store)


def _runs(
    function: str, configurations: Iterable[Mapping[str, Any]], repeats: int, seed: int, paired: bool
) -> list[Run]:
    plain = [checked(configuration) for configuration in configurations]
    if not plain:
        raise ConfigError("configurations is empty: must hold at least one")
    if len(set(map(alike, plain))) != len(plain):
        raise ConfigError("configurations: two are equal")
    return [
        Run(function=function, configuration=configuration, repeat=repeat, seed=seed, paired=paired)
        for configuration in plain
        for repeat in range(repeats)
    ]


def _finished(
    function: Function, runs: list[Run], store: Store | None, workers: int, backend: str | None, num_threads: int
) -> Iterator[tuple[Run, Record]]:
    """Yield the runs as they finish. A single worker without a backend is this process: nothing is pickled."""
    tasks = [(one, None if store is None else store.scratch(one)) for one in runs]
    if workers == 1 and backend is None:
        for one, scratch in tasks:
            yield one, _measured(function, one, scratch, num_threads)[1]
        return
    by_key = {one.key: one for one in runs}
    with joblib.parallel_config(**{} if backend is None else {"backend": backend}, n_jobs=workers):
        active = joblib.parallel.get_active_backend()[0]
        # A batch is one run, so that each comes back alone. Backends without generators (ray) return whole rounds.
        streams = bool(active.supports_return_generator)
        parallel = joblib.Parallel(
            n_jobs=workers,
            batch_size=1,
            return_as="generator_unordered" if streams else "list",
        )
        size = len(tasks) if streams else max(1, active.effective_n_jobs(workers))
        for start in range(0, len(tasks), max(1, size)):
            part = tasks[start : start + size]
            jobs = (joblib.delayed(_measured)(function, one, scratch, num_threads) for one, scratch in part)
            for key, record in parallel(jobs):
                yield by_key[key], record


def _measured(function: Function, one: Run, scratch: Path | None, num_threads: int) -> tuple[str, Record]:
    """Do one run, in whatever process this is, and keep it: the caller may have ended or failed meanwhile."""
    if scratch is not None and not scratch.parent.is_dir():
        scratch = None  # another machine, without a common disk
    context = Context(rng=one.rng, num_threads=num_threads, scratch=scratch)
    started = time.perf_counter()
    error, result = None, {}
    try:
        result = checked(function(dict(one.configuration), context), "result")
    except (DivergenceError, NonFiniteError) as failure:
        error = f"{type(failure).__name__}: {failure}"
    except Exception as failure:
        note = f"in the run of {one.configuration}, repeat {one.repeat}"
        if note not in getattr(failure, "__notes__", ()):
            failure.add_note(note)
        raise
    record = Record(
        function=one.function,
        configuration=one.configuration,
        repeat=one.repeat,
        seed=context.seed,
        result=result,
        error=error,
        version=_core.__version__,
        stream_version=_core.STREAM_VERSION,
        isa=_core.isa(),
        seconds=time.perf_counter() - started,
    )
    if scratch is not None:
        with suppress(OSError):  # a folder that this machine may only read: the caller keeps the record
            Store(scratch.parent).save(one, record)
    return one.key, record
