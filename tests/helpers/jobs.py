"""Runs for sweeps; importable, so that other processes find them."""

import os
import time
from pathlib import Path

import dsptrack as dt


def offset(configuration, context):
    """One small calibration, and the process in which it ran."""
    device = dt.devices.SoftBounds(dw_min=configuration["dw_min"], up_down=0.2)
    array = dt.CrossbarArray((8, 8), device, rng=context.rng, num_threads=context.num_threads)
    return {"offset": float(dt.zero_shift(array, 100).trace["offset_mean"][-1]), "threads": array.num_threads}


def meet(configuration, context):
    """Wait until the other run has started too: two of these can only end on two workers."""
    folder = Path(configuration["folder"])
    (folder / configuration["own"]).touch()
    until(lambda: (folder / configuration["other"]).exists())
    return {"pid": os.getpid()}


def stops_at_two(configuration, context):
    """Log every start; the third run never ends until the file `go` is there. A scratch file outlives its run."""
    folder = Path(configuration["folder"])
    with (folder / "log").open("a") as log:
        log.write(f"{configuration['x']}\n")
    found = context.scratch.exists()
    context.scratch.touch()
    if configuration["x"] == 2:
        until(lambda: (folder / "go").exists())
    return {"square": configuration["x"] ** 2, "word": context.rng.generate_state(1).tolist()[0], "resumed": found}


def until(happened, seconds=120):
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def length(configuration, context, *, word):
    """The length of a word that is fixed beforehand."""
    return {"length": len(word)}


def has_scratch(configuration, context):
    """Whether the run may keep a file."""
    return {"scratch": context.scratch is not None}


def inverse(configuration, context):
    """1/x, with a file that says that it was found."""
    y = 1 / configuration["x"]
    context.scratch.with_suffix(".done").touch()
    return {"y": y}
