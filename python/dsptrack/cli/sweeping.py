"""The options that say how many runs are done and where, shared by sweep and reproduce."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dsptrack.exceptions import ConfigError, DspError
from dsptrack.sweep import Record

from .options import remark

_BACKENDS = ("loky", "threading", "multiprocessing", "dask", "ray")


def add_sweeping(parser: argparse.ArgumentParser) -> None:
    """Add --seed, --repeats, --workers, --backend, --cluster, --store, --only-stored and --threads."""
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all runs' streams (default: 0)")
    parser.add_argument("--repeats", type=int, metavar="N", help="runs of every setting")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="runs at a time, -1: one a core (default: 1)"
    )
    parser.add_argument("--backend", choices=_BACKENDS, help="joblib's backend (default: loky)")
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="scheduler for --backend dask (default: a local cluster of --workers)"
    )
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="folder of finished runs, which are not repeated (default: in --out)"
    )
    parser.add_argument("--only-stored", action="store_true", help="do no run, report those that the store has")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads of every run (default: 1)")


@contextmanager
def backend(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the arguments of ``sweep.run`` that say where to run, while a cluster's client is open."""
    where = {"workers": arguments.workers, "backend": arguments.backend, "num_threads": arguments.threads}
    if arguments.cluster is not None and arguments.backend != "dask":
        raise ConfigError(f"cluster = {arguments.cluster!r}: needs --backend dask")
    if arguments.backend == "dask":
        try:
            from distributed import Client
        except ImportError:
            raise DspError('backend = dask: needs the package distributed: pip install "dsptrack[dask]"') from None
        local = {} if arguments.workers == -1 else {"n_workers": arguments.workers}
        options = local | {"threads_per_worker": 1, "dashboard_address": None}
        make: Any = Client  # untyped
        try:
            client = make(arguments.cluster) if arguments.cluster else make(**options)
        except (OSError, ValueError, TypeError) as error:
            raise DspError(f"cluster = {arguments.cluster!r}: {error}") from None
        with client:
            yield where
    elif arguments.backend == "ray":
        try:
            from ray.util.joblib import register_ray
        except ImportError:
            raise DspError("backend = ray: needs the package ray: pip install ray") from None
        register_ray()
        yield where
    else:
        yield where


def count_missing(done: int, asked: int) -> None:
    """Say how many of the runs asked for the store does not have."""
    if done < asked:
        remark(f"{asked - done:,} of {asked:,} runs are not in the store")


def announce(record: Record) -> None:
    """Say that a run is finished."""
    changing: dict[str, Any] = {}
    for name, value in record.configuration.items():
        if isinstance(value, dict) and name != "device":
            changing |= {f"{name}.{field}": entry for field, entry in value.items()}
        elif value is not None and not isinstance(value, dict | list):
            changing[name] = value
    words = ", ".join(f"{name} {value}" for name, value in changing.items())
    end = f"failed: {record.error}" if record.error else f"{record.seconds:.0f} s"
    remark(f"{words}, repeat {record.repeat}: {end}")
