"""Configurations of IBM's aihwkit, read without it."""

from typing import Any

from dsptrack._checks import MAX_COUNT, whole
from dsptrack.exceptions import ConfigError

from ._fields import Fields, Report
from ._hardware import periphery, update
from ._rules import rule
from .conversion import Conversion


def from_aihwkit(rpu_config: Any, *, vectors_per_batch: int | None = None, strict: bool = True) -> Conversion:
    """Return what an ``rpu_config`` of aihwkit means here: learning rule, devices, peripheries, pulse trains, mapping.

    Parameters
    ----------
    rpu_config
        A ``SingleRPUConfig`` or ``UnitCellRPUConfig``, presets among them, or its dictionary: that of
        ``dataclasses.asdict``, or one that holds only what differs from the defaults and names the class of ``device``
        and of each of ``unit_cell_devices`` under ``"class"``. aihwkit itself is not needed.
    vectors_per_batch
        Vectors of a mini-batch, >= 1: batch size times patches. Only needed where a period is in vectors
        (``units_in_mbatch=False``, the default of the chopped compounds).
    strict
        True: raise if a field has a value that has no counterpart. False: leave it out and list it in ``ignored``.
        Values without effect, defaults among them, never matter.

    Returns
    -------
    Conversion
        Configurations by name, and ``layer_options`` and ``tile_options`` to pass on.

    Raises
    ------
    ConfigError
        If a field has no counterpart, each with its value and the reason; under ``strict=False`` only if the device or
        unit cell itself or its period has none, or a value is not allowed.

    Notes
    -----
    Written for aihwkit 1.2.0; docs/aihwkit.md maps all fields.

    Examples
    --------
    >>> import dsptrack as dt
    >>> cell = {"class": "BufferedTransferCompound", "unit_cell_devices": [{"class": "SoftBoundsDevice"}] * 2}
    >>> hardware = dt.compat.from_aihwkit({"device": cell | {"thres_scale": 0.8}, "forward": {"out_noise": 0.0}})
    >>> type(hardware.algorithm).__name__, hardware.algorithm.thres_scale, hardware.forward.out_noise
    ('TikiTakaV2', 0.8, 0.0)
    """
    vectors = None if vectors_per_batch is None else whole("vectors_per_batch", vectors_per_batch, 1)
    report = Report()
    source = Fields("", rpu_config, report)
    if "device" not in source:
        raise ConfigError(f"rpu_config = {rpu_config!r}: must have a field 'device'")
    parts: dict[str, Any] = {
        "algorithm": rule(source.part("device"), vectors),
        "forward": periphery(source.part("forward")),
        "backward": periphery(source.part("backward"), bound_management="none"),  # there is none in the peer, either
        "update": update(source.part("update")),
    }
    parts |= _mapping(source.part("mapping"))
    ranges = source.part("pre_post").part("input_range")
    ranges.require("inputs have the fixed range of the periphery", enable=False)
    _same_numbers(source)
    source.close()
    if strict and report.ignored:
        raise ConfigError("no counterpart (strict=False leaves it out): " + "; ".join(report.ignored))
    return Conversion(**parts, ignored=tuple(report.ignored), notes=tuple(report.notes))


def _mapping(source: Fields) -> dict[str, Any]:
    """Return how weights lie on tiles."""
    values = {
        "bias": "digital" if source.take("digital_bias", True) else "analog",
        "weight_scaling_omega": source.take("weight_scaling_omega", 0.0),
        "weight_scaling_columnwise": source.take("weight_scaling_columnwise", False),
        "learn_out_scaling": source.take("learn_out_scaling", False),
    }
    for name in ("max_input_size", "max_output_size"):
        values[name] = source.take(name, 512) or MAX_COUNT  # 0 is no limit
    source.require("a step moves the scaled weight by the gradient", weight_scaling_lr_compensation=False)
    columnwise = source.take("out_scaling_columnwise", False)
    if columnwise and values["learn_out_scaling"]:
        source.drop("out_scaling_columnwise", columnwise, "one learned scale a tile")
    source.close()
    return values


def _same_numbers(source: Fields) -> None:
    """Take what chooses the peer's machinery, not its numbers."""
    runtime = source.part("runtime")
    precision = runtime.take("data_type", "float")
    if precision != "float":
        runtime.drop("data_type", precision, "float32 only")
    for name, own in (("tile_class", "AnalogTile"), ("tile_array_class", "TileModuleArray")):
        value = source.take(name, own)
        given = getattr(value, "__name__", str(value))
        if given != own:
            source.drop(name, given, f"must be {own}")
