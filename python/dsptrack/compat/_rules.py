"""Unit cells of aihwkit as learning rules."""

import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from dsptrack import algorithms
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ConfigError

from ._fields import Fields
from ._hardware import DEVICES, device, periphery, update

# As for devices: what tells a dict that does not name its class, the first fit counts.
_SIGNS = {
    "tail_weightening": "DynamicTransferCompound",
    "in_chop_prob": "ChoppedTransferCompound",
    "thres_scale": "BufferedTransferCompound",
    "n_reads_per_transfer": "TransferCompound",
}


def rule(source: Fields, vectors: int | None) -> Algorithm:
    """Return the learning rule of a device or unit cell, where `vectors` make a mini-batch."""
    source.classes = source.classes or [name for sign, name in _SIGNS.items() if sign in source][:1]
    convert = next((_COMPOUNDS[name] for name in source.classes if name in _COMPOUNDS), None)
    if convert is not None:
        return convert(source, vectors)
    if source.classes and not any(name in DEVICES for name in source.classes):
        raise source.refusal("class", source.classes[0], f"must be one of {', '.join([*DEVICES, *_COMPOUNDS])}")
    return algorithms.AnalogSGD(device=device(source))


def _tiki_taka(source: Fields, vectors: int | None) -> Algorithm:
    """TT-v1: trains, no buffer."""
    values = _transfer(source, vectors) | {
        "gamma": _gamma(source),
        "transfer_update": update(source.part("transfer_update")),
    }
    return _made(source, algorithms.TikiTaka, values)


def _buffered(source: Fields, vectors: int | None) -> Algorithm:
    """TT-v2."""
    gamma = _gamma(source)
    values = _transfer(source, vectors) | _buffer(source, momentum=0.1) | {"gamma": gamma}
    values["thres_scale"] = source.take("thres_scale", 1.0)
    values["transfer_lr"] *= _positive_or_one(gamma)
    return _made(source, algorithms.TikiTakaV2, values)


def _chopped(source: Fields, vectors: int | None) -> Algorithm:
    """c-TTv2; without choppers it is TT-v2 with the buffer of granularities, which is residual learning with Q = 0."""
    gamma, probability = _gamma(source), source.take("in_chop_prob", 0.1)
    values = _granular(source, vectors) | {"gamma": gamma}
    values["transfer_lr"] *= _positive_or_one(gamma)
    random = source.take("in_chop_random", True)
    source.require("rows have no choppers", out_chop_prob=0.0)
    source.require("the buffer adds up", no_buffer=False)
    if probability == 0:
        return _made(source, algorithms.ResidualLearning, values)
    return _made(source, algorithms.ChoppedTikiTaka, values | {"chop_probability": probability, "chop_random": random})


def _dynamic(source: Fields, vectors: int | None) -> Algorithm:
    """AGAD."""
    source.require("the gradient is taken at W alone", gamma=0.0, gamma_vec=[])
    values = _granular(source, vectors)
    values["chop_probability"] = source.take("in_chop_prob", 0.1)
    values["tail_weighting"] = source.take("tail_weightening", 5.0)
    values["program_at_flip"] = False
    source.require("choppers flip regularly or at random, aihwkit does both", in_chop_random=False)
    source.require("the buffer has no cap", buffer_cap=0.0)
    source.require("lambda is the same in a whole phase", experimental_correct_accumulation=False)
    source.skip("out_chop_prob", "no_buffer")  # without effect in the peer
    return _made(source, algorithms.AGAD, values)


_COMPOUNDS: dict[str, Callable[[Fields, int | None], Algorithm]] = {
    # A class comes before its bases.
    "DynamicTransferCompound": _dynamic,
    "ChoppedTransferCompound": _chopped,
    "BufferedTransferCompound": _buffered,
    "TransferCompound": _tiki_taka,
}


def _transfer(source: Fields, vectors: int | None) -> dict[str, Any]:
    """Return what all rules with two arrays share."""
    cells = source.parts("unit_cell_devices")
    if len(cells) != 2:
        raise source.refusal("unit_cell_devices", f"{len(cells)} devices", "must be two: fast and slow")
    fast, slow = (device(cell, seeded=False) for cell in cells)
    every, reads = _period(source, vectors)
    values: dict[str, Any] = {
        "device": fast,
        "slow_device": None if slow == fast else slow,
        "transfer_read": periphery(
            source.part("transfer_forward"), noise_management="none", bound_management="none", nm_thres=0.0
        ),
        "transfer_every": every,
        "columns_per_transfer": reads * source.take("n_reads_per_transfer", 1),
        "transfer_lr": _first(source, "transfer_lr", 1.0),
        "scale_transfer_lr": source.take("scale_transfer_lr", True),
        # Not positive: the global rate.
        "fast_lr": source.take("fast_lr", 1.0),
        "scale_fast_lr": source.take("scale_fast_lr", not _is_chopped(source)),
    }
    if not values["fast_lr"] > 0:
        values |= {"fast_lr": 1.0, "scale_fast_lr": True}
    source.require("transfers go by columns, in their order, without resets", transfer_columns=True)
    source.require("transfers go by columns, in their order, without resets", with_reset_prob=0.0)
    source.require("transfers go by columns, in their order, without resets", random_selection=False)
    source.require("W is not transferred", no_self_transfer=True)
    source.require("cells are drawn from rng= of the tile or layer", construction_seed=0)
    return values


def _granular(source: Fields, vectors: int | None) -> dict[str, Any]:
    """Return the fields of the rules whose buffer counts granularities of P."""
    stated = _stated_period(source)
    values = _transfer(source, vectors) | _buffer(source, momentum=0.0)
    unit = source.take("buffer_granularity", 1.0)
    unit = unit if unit > 0 else 1.0
    auto = source.take("auto_granularity", 0.0)
    if auto > 0:
        # lambda = lr_T N T / (unit g auto) with the period T as stated; here with the period in mini-batches.
        values["auto_granularity"] = auto * unit * values["transfer_every"] / stated
    else:
        values["auto_granularity"] = 0.0
        values["transfer_lr"] /= unit
    source.require("lambda does not follow fast_lr", correct_gradient_magnitudes=False)
    auto_scale, momentum = source.take("auto_scale", False), source.take("auto_momentum", 0.99)
    if auto_scale and "auto_scale" in {field.name for field in fields(algorithms.AGAD)}:
        values |= {"auto_scale": True, "auto_momentum": momentum}
    elif auto_scale:
        source.drop("auto_scale", True, "fast_lr is the rate itself")
    return values


def _buffer(source: Fields, momentum: float) -> dict[str, Any]:
    """Return the fields of the buffer; it writes single pulses."""
    source.require("a transfer sends one pulse", step=1.0)
    part = source.part("transfer_update")
    stated = "desired_bl" in part  # 1 by default
    trains = update(part)
    if (stated and trains.desired_bl != 1) or trains.res or trains.x_res_implicit or trains.d_res_implicit:
        source.drop("transfer_update", trains, "a transfer sends one pulse: desired_bl must be 1, resolutions 0")
    return {
        "momentum": source.take("momentum", momentum),
        "forget_buffer": source.take("forget_buffer", True),
    }


def _gamma(source: Fields) -> float:
    """Return the share of P in the visible weight, in which W has 1."""
    gamma = float(source.take("gamma", 0.0))
    weights = list(source.take("gamma_vec", []))
    if not weights:
        return gamma
    if len(weights) == 2 and weights[1] == 1:
        return float(weights[0])
    source.drop("gamma_vec", weights, "must be two numbers, the second one 1")
    return gamma


def _positive_or_one(gamma: float) -> float:
    """Return the factor that the peer's transfer rate has from gamma."""
    return gamma if gamma > 0 else 1.0


def _period(source: Fields, vectors: int | None) -> tuple[int, int]:
    """Return the mini-batches between transfers, and by how many columns more a transfer then goes."""
    stated, by_batch = _stated_period(source), source.take("units_in_mbatch", not _is_chopped(source))
    source.skip("transfer_every", "transfer_every_vec")
    if stated <= 0:
        reason = "must be above 0: transfers come regularly, with a period that does not depend on the tile's size"
        raise source.refusal("transfer_every", stated, reason)
    if by_batch and stated == int(stated):
        return int(stated), 1
    if vectors is None:
        reason = "give vectors_per_batch=, the vectors of a mini-batch: periods here are in mini-batches"
        raise source.refusal("units_in_mbatch", by_batch, reason)
    period = math.ceil(stated * vectors) if by_batch else max(round(stated), 1)
    if period % vectors == 0:
        return period // vectors, 1
    if vectors % period:
        reason = f"{period} vectors must be a multiple or a divisor of vectors_per_batch = {vectors}"
        raise source.refusal("transfer_every", stated, reason)
    source.report.notes.append(
        f"{source.path}.transfer_every: all {vectors // period} transfers of a mini-batch come after its last vector"
    )
    return 1, vectors // period


def _stated_period(source: Fields) -> float:
    """Return the period of the fast array as the configuration has it; the field stays."""
    every = list(source.peek("transfer_every_vec", [])) or [source.peek("transfer_every", 1.0)]
    return float(every[0])


def _first(source: Fields, name: str, default: float) -> float:
    """Return the fast array's number: the list of all arrays comes before the one for all."""
    one = source.take(name, default)
    every = list(source.take(f"{name}_vec", []))
    return float(every[0] if every else one)


def _is_chopped(source: Fields) -> bool:
    """Whether the defaults of the chopped compounds hold."""
    return "ChoppedTransferCompound" in source.classes or "DynamicTransferCompound" in source.classes


def _made(source: Fields, kind: type[Algorithm], values: dict[str, Any]) -> Algorithm:
    source.close()
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{source.path}: {error}") from None
