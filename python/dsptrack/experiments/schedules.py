"""Learning-rate schedules from plain values: words of a command line or a table of a file."""

import ast
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any

from dsptrack.exceptions import ConfigError
from dsptrack.nn import schedules

SCHEDULE_KINDS: MappingProxyType[str, Any] = MappingProxyType(
    {
        "constant": schedules.Constant,
        "step": schedules.Step,
        "multi-step": schedules.MultiStep,
        "exponential": schedules.Exponential,
        "cosine": schedules.Cosine,
    }
)


def schedule_of(described: Any, *, lr: float, epochs: int, warmup: float | None = None) -> schedules.Schedule:
    """Return the schedule that a list of words or a table describes; cosine falls over the whole run by default.

    A list is the kind and then words such as ``every=10``; a table has its kind under ``kind``. The schedule starts at
    `lr`, after `warmup` epochs of a linear ramp.
    """
    if isinstance(described, Mapping):
        own = dict(described)
        kind = own.pop("kind", None)
    else:
        words = list(described) if isinstance(described, list | tuple) else [described]
        kind, own = words[0] if words else None, fields_of("schedule", words[1:])
    if not isinstance(kind, str) or kind not in SCHEDULE_KINDS:
        raise ConfigError(f"schedule = {kind!r}: must be one of {', '.join(SCHEDULE_KINDS)}")
    default = {"lr": lr, "epochs": epochs} if kind == "cosine" else {"lr": lr}
    known = {field.name for field in fields(SCHEDULE_KINDS[kind])}
    unknown = sorted(set(own) - known)
    if unknown:
        raise ConfigError(f"schedule: {kind} has no field {', '.join(unknown)}: must be among {sorted(known)}")
    given = default | own
    missing = [
        field.name for field in fields(SCHEDULE_KINDS[kind]) if field.default is MISSING and field.name not in given
    ]
    if missing:
        raise ConfigError(f"schedule: {kind} needs {', '.join(missing)}")
    schedule: schedules.Schedule = SCHEDULE_KINDS[kind](**given)
    return schedule if warmup is None else schedules.Warmup(then=schedule, epochs=warmup)


def fields_of(option: str, words: Any) -> dict[str, Any]:
    """Return the fields that words such as ``gamma=0.2`` give, or a table as it is."""
    if isinstance(words, Mapping):
        return dict(words)
    fields = {}
    for word in words:
        name, sign, value = str(word).partition("=")
        if not (name and sign):
            raise ConfigError(f"{option}: {word!r} must be FIELD=VALUE")
        try:
            fields[name] = ast.literal_eval(value.capitalize() if value in ("true", "false") else value)
        except (ValueError, SyntaxError):
            fields[name] = value
    return fields
