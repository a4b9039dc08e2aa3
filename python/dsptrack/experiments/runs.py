"""Trainings as runs of a sweep: a configuration of plain values in, plain values out."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dsptrack import datasets
from dsptrack._checks import whole
from dsptrack.exceptions import ConfigError
from dsptrack.sweep import Context, local
from dsptrack.sweep.running import Function

from .schedules import schedule_of
from .settings import CompareSettings, device_of
from .train import TrainSettings, train

_SETUP = tuple(field.name for field in fields(CompareSettings) if field.name not in ("methods", "seed", "threads"))
_TRAINING = ("rule", "lr_every", "patience")
_RATES = ("schedule", "warmup")


def train_run(data_root: str | None = None) -> Function:
    """Return the function that `sweep.run` calls: one training.

    Its configurations hold ``method``, fields of CompareSettings, ``rule`` (a dict of the learning rule's
    fields), ``schedule`` (a table with its ``kind``), ``warmup``, ``lr_every``, ``patience`` and ``hold_out`` (train on
    a part of the training images and report the accuracy on the rest of them: one image in so many). ``device`` is the
    name of a preset, of a file, or a dict.

    Examples
    --------
    >>> import dsptrack as dt
    >>> from dsptrack.experiments.runs import train_run
    >>> fixed = {"method": "rider", "data": "digits", "epochs": 1, "hidden": [8]}
    >>> results = dt.sweep.run(train_run(), [fixed | {"reference_std": std} for std in (0.05, 0.4)])
    >>> [row["reference_std"] for row in results.rows()]
    [0.05, 0.4]
    """
    return local(_train_run, data_root=data_root)


def _train_run(configuration: Mapping[str, Any], context: Context, *, data_root: str | None) -> dict[str, Any]:
    settings, hold_out = training_of(configuration, context.seed, context.num_threads)
    setup = settings.setup
    data = datasets.load(setup.data, data_root if setup.data_root is None else setup.data_root)
    trained = train(
        settings,
        data=data if hold_out is None else data.hold_out(hold_out),
        progress=False,
        checkpoint=context.scratch,
        resume=context.scratch is not None,
    )
    result, history = trained.result, trained.result.history
    return {
        "accuracy": result.accuracy,
        "accuracy_mean": result.accuracy_mean,
        "train_loss": history[-1].train_loss,
        "sp_error": result.sp_error,
        "pulses": result.pulses,
        "programming_events": result.programming_events,
        "epochs_done": len(history),
        "rates": setup.rates(settings.row, settings.rule),
        "accuracies": [record.test_accuracy for record in history],
        "losses": [record.train_loss for record in history],
    }


def training_of(configuration: Mapping[str, Any], seed: int = 0, threads: int = 1) -> tuple[TrainSettings, int | None]:
    """Return the training that a configuration describes, and which part of the images is held out."""
    values = dict(configuration)
    hold_out = values.pop("hold_out", None)
    if hold_out is not None:
        whole("hold_out", hold_out, 2)
    method = values.pop("method", "e-rider")
    own: dict[str, Any] = {name: values.pop(name) for name in _TRAINING if name in values}
    rates = {name: values.pop(name) for name in _RATES if name in values}
    unknown = sorted(set(values) - set(_SETUP))
    if unknown:
        known = ", ".join(sorted((*_SETUP, *_TRAINING, *_RATES, "method", "hold_out")))
        raise ConfigError(f"configuration: {', '.join(unknown)}: must be among {known}")
    if "device" in values:
        values = {"reference_mean": None, "reference_std": None} | values | {"device": device_of(values["device"])}
    if isinstance(values.get("hidden"), list):
        values["hidden"] = tuple(values["hidden"])
    setup = CompareSettings(**values, methods=(method,), seed=seed, threads=threads)
    if rates:
        lr = setup.rate(setup.layers.methods[method])
        words = rates.pop("schedule", "constant")
        own["schedule"] = schedule_of(words, lr=lr, epochs=setup.schedule.epochs, **rates)
    return TrainSettings(setup=setup, **own), hold_out
