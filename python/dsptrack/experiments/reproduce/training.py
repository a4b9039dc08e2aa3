"""One training run of an experiment: from its configuration to plain values."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from dsptrack import datasets, nn
from dsptrack.devices import Device
from dsptrack.experiments.network import build_trainer
from dsptrack.experiments.settings import CompareSettings
from dsptrack.sweep import Context

from .methods import METHODS

# Epochs whose mean accuracy stands beside the last one's.
_LAST = 5
_SETTINGS = (
    "network",
    "data",
    "epochs",
    "columns_per_transfer",
    "recipe",
    "hidden",
    "reference_mean",
    "reference_std",
    "reference_on",
    "batch_size",
    "lr",
)


def train_run(
    configuration: Mapping[str, Any],
    context: Context,
    *,
    data_root: str | None = None,
    callbacks: tuple[nn.Callback, ...] = (),
    prepare: Callable[[nn.Sequential], None] | None = None,
) -> dict[str, Any]:
    """Train one network; a killed run goes on from its checkpoint.

    The configuration holds ``network``, ``method`` (a row of METHODS), fields of CompareSettings, and optionally
    ``rule`` (fields of the learning rule), ``images`` (training images to take) and ``device`` (as ``Device.to_dict``
    gives it). Returned are the last, mean and best accuracy, pulses, the rates that it had, and lists over the epochs.
    """
    method = METHODS[configuration["network"]][configuration["method"]]
    fields = {name: configuration[name] for name in _SETTINGS if name in configuration}
    if "device" in configuration:
        fields["device"] = Device.from_dict(configuration["device"])
    if "hidden" in fields:
        fields["hidden"] = tuple(fields["hidden"])
    settings = CompareSettings(**fields, seed=context.seed, threads=context.num_threads)
    data = training_data(settings.data, data_root, configuration.get("images"))
    trainer = build_trainer(settings, method, data, options=configuration.get("rule", {}), callbacks=callbacks)
    if prepare is not None:
        # Also of a network that a checkpoint is about to replace: whether there is one is for `fit` to see.
        prepare(trainer.model)
    trainer.fit(
        data,
        settings.schedule.epochs,
        progress=False,
        checkpoint=context.scratch,
        resume=context.scratch is not None,
    )
    history = trainer.history
    accuracy = [record.test_accuracy for record in history]
    last = history[-1]
    return {
        "accuracy": accuracy[-1],
        "accuracy_mean": float(np.mean(accuracy[-_LAST:])),
        "accuracy_best": max(accuracy),
        "train_loss": last.train_loss,
        "sp_error": last.sp_error,
        "pulses": last.pulses,
        "programming_events": last.programming_events,
        "train_images": len(data.train_x),
        "test_images": len(data.test_x),
        "epochs_done": len(history),
        "rates": settings.rates(method, configuration.get("rule", {})),
        "accuracies": accuracy,
        "losses": [record.train_loss for record in history],
        "sp_errors": [record.sp_error for record in history],
    }


@lru_cache(maxsize=2)
def training_data(name: str, root: str | None, images: int | None) -> datasets.Dataset:
    """Return a data set with its first `images` training images; a worker reads it once."""
    data = datasets.load(name, root)
    return data if images is None else replace(data, train_x=data.train_x[:images], train_y=data.train_y[:images])
