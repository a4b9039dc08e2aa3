"""From settings to a trainer: the network, its tiles and its seeds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np

from dsptrack import datasets, nn
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ConfigError
from dsptrack.update import PulseUpdate

from .hyperparameters import RECIPES, Method
from .settings import CompareSettings


def build_trainer(
    settings: CompareSettings,
    method: Method,
    data: datasets.Dataset,
    *,
    options: Mapping[str, Any] | None = None,
    lr: Callable[[float], float] | None = None,
    lr_every: Literal["epoch", "batch"] = "epoch",
    callbacks: Iterable[nn.Callback] = (),
) -> nn.Trainer:
    """Return a trainer of one method: equal seeds give every method the same initial weights, cells and order."""
    recipe = RECIPES[settings.layers.recipe]
    network_seed, order_seed = np.random.SeedSequence(settings.seed).spawn(2)
    rule = changed_rule(settings.rule(method), options or {})
    layers: dict[str, Any] = {
        "rng": network_seed,
        "update": PulseUpdate(desired_bl=recipe.desired_bl),
        "error_scale": recipe.error_scale,
        "weight_scaling_omega": recipe.weight_scaling_omega,
        "weight_scaling_columnwise": recipe.weight_scaling_columnwise,
        "learn_out_scaling": recipe.learn_out_scaling,
        "num_threads": settings.threads,
    }
    if settings.network == "fcn":
        model = nn.fcn(rule, sizes=(data.features, *settings.hidden, data.classes), **layers)
    elif data.image_shape is None:
        raise ConfigError(f"network = {settings.network!r}: needs images of known height and width")
    else:
        model = nn.lenet5(rule, image_shape=data.image_shape, classes=data.classes, **layers)
    return nn.Trainer(
        model,
        nn.CrossEntropyLoss(),
        lr=settings.rate(method) if lr is None else lr,
        lr_every=lr_every,
        batch_size=settings.layers.batch_size,
        callbacks=callbacks,
        rng=order_seed,
    )


def changed_rule(rule: Algorithm, options: Mapping[str, Any]) -> Algorithm:
    """Return the rule with some of its fields replaced."""
    known = {field.name for field in fields(rule)}
    unknown = sorted(set(options) - known)
    if unknown:
        kind = type(rule).__name__
        raise ConfigError(f"rule: {kind} has no field {', '.join(unknown)}: must be among {', '.join(sorted(known))}")
    return replace(rule, **options)
