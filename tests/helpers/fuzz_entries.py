"""The public entries and good arguments for them; `weird` spoils some of these."""

import dataclasses
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dsptrack as dt
from dsptrack import _core
from helpers import states
from helpers.weird import SCALARS, Pick

M, N = SHAPE = (3, 4)
DEVICES = tuple(
    cls
    for cls in (getattr(dt.devices, name) for name in dt.devices.__all__)
    if isinstance(cls, type) and issubclass(cls, dt.devices.Device) and not cls.__subclasses__()
)
RULES = tuple(getattr(dt.algorithms, name) for name in states.RULES)
GOOD_DEVICES = (
    dt.devices.ConstantStep(dw_min=0.01),
    dt.devices.SoftBoundsReference(dw_min=0.02, write_noise_std=1.0, reference_std=0.1),
    dt.devices.PowStep(dw_min=0.02, **states.AGEING),
    dt.devices.PiecewiseStep(dw_min=0.05, piecewise_up=(1.0, 0.2), piecewise_down=(0.3, 0.9)),
    dt.presets.reram_array_hfo2(),
)
UPDATES = (
    dt.PulseUpdate(),
    dt.PulseUpdate(desired_bl=70, update_management=False, update_bl_management=False),
    dt.PulseUpdate(pulse_type="mean_count"),
    dt.PulseUpdate(pulse_type="deterministic_implicit", sto_round=True, res=0.01),
)
PERIPHERIES = (
    dt.Periphery(),
    dt.Periphery.ideal(),
    dt.Periphery(out_bound=1.0, inp_noise=0.1, noise_management="average_abs_max"),
    dt.Periphery(mv_type="pos_neg_separate", ir_drop=1.0, v_offset_std=0.1, w_noise=0.1, w_noise_type="pcm_read"),
)
CONSTANTS = dt.theory.PopulationConstants(q_min=0.5, q_max=1.5, mu_q=0.8, L_q=1.2)
# Valid but huge shapes and counts of pulses would only cost time; what is too large for any machine is among SCALARS.
SHAPES = ((3, 4), (1, 1), (17, 2), (2**31 - 1, 1), (2**31, 2**31), (0, 3), (-1, 3), (2.0, 3), (3,), (2**62, 4), "ab")
Call = Callable[[Any, Pick], Any]


def nothing(pick: Pick) -> None:
    del pick


def new_array(pick: Pick) -> Any:
    array = dt.CrossbarArray(SHAPE, pick.of(*GOOD_DEVICES), rng=1, num_threads=pick.of(1, 1, 1, 2), count_pulses=True)
    array.trace([(0, 0)])
    return array


def new_tile(pick: Pick) -> Any:
    rule = states.rule(pick.of(*states.RULES), pick.of(*GOOD_DEVICES))
    read = pick.of(*PERIPHERIES)
    return dt.AnalogTile(SHAPE, rule, forward=read, update=pick.of(*UPDATES), rng=1, num_threads=1)


def new_layer(pick: Pick) -> Any:
    rule = states.rule(pick.of(*states.RULES), pick.of(*GOOD_DEVICES))
    options = {"rng": 1, "num_threads": 1, "max_input_size": 3, "learn_out_scaling": pick.of(True, False)}
    layer = pick.of(dt.nn.Linear(N, M, rule, **options), dt.nn.Conv2d(1, 2, 2, rule, **options))
    layer.forward(inputs_of(layer))
    layer.last = layer.forward(inputs_of(layer)).shape
    layer.backward(np.ones(layer.last, np.float32))
    return layer


def inputs_of(layer: Any) -> Any:
    return np.ones((2, N) if isinstance(layer, dt.nn.Linear) else (2, 1, 3, 3), np.float32)


def batch(pick: Pick) -> tuple[Any, Any]:
    rows = pick.of(1, 2, 5)
    if pick.random.random() < 0.1 and M == N:
        return pick.same(rows, N)
    return pick.array(rows, N), pick.array(rows, M)


def configure(cls: Any) -> Call:
    """A configuration with some fields replaced."""
    fields = [field.name for field in dataclasses.fields(cls)]
    defaults = {f.name: f.default for f in dataclasses.fields(cls) if f.default is not dataclasses.MISSING and f.init}

    def call(_: Any, pick: Pick) -> Any:
        given = {name: pick.scalar(defaults.get(name)) for name in pick.random.sample(fields, min(3, len(fields)))}
        if "device" in fields:
            given["device"] = pick.scalar(*GOOD_DEVICES)
        for name in ("piecewise_up", "piecewise_down"):
            if name in fields and not pick.bad():
                given[name] = pick.array(3)
        made = cls(**given)
        return repr(made), made == made, hash(made), cls.from_dict(made.to_dict())

    return call


def spoiled(data: Any, pick: Pick) -> Any:
    """A nested dict with one thing in it changed, dropped or added."""
    if isinstance(data, dict) and data and pick.random.random() < 0.9:
        key = pick.random.choice(list(data))
        kind = pick.random.randrange(8)
        if kind == 0:
            return {name: value for name, value in data.items() if name != key}
        if kind == 1:
            return data | {pick.random.choice(("more", 1, None)): 1}
        return data | {key: spoiled(data[key], pick)}
    if isinstance(data, np.ndarray) and pick.random.random() < 0.7:
        return pick.array(*data.shape) if data.ndim else pick.scalar(data)
    return pick.random.choice(SCALARS)


PARAMETERS: dict[str, tuple[Any, ...]] = {
    "constants": (CONSTANTS,),
    "scheme": ("cyclic", "stochastic"),
    "n_pulses": (1, 100),
    "pulses": (10,),
    "device": GOOD_DEVICES,
    "g_range": ((0.0, 1.0),),
    "program": ("always", "at_flip"),
    "ledger": ({"pulses_up": 3},),
    "shape": (SHAPE,),
    "rng": (0, 1),
    "num_threads": (1, None),
    "mode": ("pulsed", "mean_field"),
    "error_scale": ("mean", "sum"),
    "bias": ("digital", "analog", "none"),
}
ARRAYS = ("omega", "p_next", "q", "symmetric_point", "gradient", "symmetric", "asymmetric", "slope", "conductance")


def function(f: Any, fixed: dict[str, tuple[Any, ...]] | None = None) -> Call:
    """A function with arguments by the names of its parameters."""
    parameters = [
        p for p in inspect.signature(f).parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    known = PARAMETERS | (fixed or {})

    def call(_: Any, pick: Pick) -> Any:
        positional, named = [], {}
        for parameter in parameters:
            optional = parameter.default is not parameter.empty
            if optional and pick.random.random() < 0.5:
                continue
            if parameter.name in known:
                value = pick.scalar(*known[parameter.name])
            elif parameter.name in ARRAYS:
                value = pick.array(*SHAPE)
            else:
                value = pick.scalar(parameter.default if optional else 0.5)
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(value)
            else:
                named[parameter.name] = value
        return f(*positional, **named)

    return call


def array_entries() -> dict[str, tuple[Callable[[Pick], Any], Call]]:
    def make(_: Any, p: Pick) -> Any:
        cells = {p.of("max_bound", "dwmin_up", "x", 1): p.array(*SHAPE) for _ in range(p.of(0, 1, 2))}
        given = {
            "rng": p.scalar(0, 1, None),
            "num_threads": p.scalar(1, None),
            "cell_parameters": p.scalar(None, cells),
        }
        return dt.CrossbarArray(p.scalar(SHAPE, *SHAPES), p.scalar(*GOOD_DEVICES), **given)

    def pulse(a: Any, p: Pick) -> Any:
        polarity = p.scalar(1, -1, np.ones(SHAPE, np.int8)) if p.bad() else np.sign(p.values(SHAPE, "i4"))
        return a.pulse(p.array(*SHAPE) if p.random.random() < 0.2 else polarity, p.scalar(0, 1, 9))

    calls: dict[str, Call] = {
        "set_weights": lambda a, p: a.set_weights(p.array(*SHAPE)),
        "pulse": pulse,
        "pulse_random": lambda a, p: a.pulse_random(p.scalar(0, 1, 9)),
        "increment": lambda a, p: a.increment(p.array(*SHAPE), p.scalar("pulsed", "mean_field")),
        "update": lambda a, p: a.update(*batch(p), p.scalar(0.1, 0.0, 1e9), p.scalar(*UPDATES)),
        "forward": lambda a, p: a.forward(p.array(p.of(1, 2, 5), N), p.scalar(*PERIPHERIES)),
        "backward": lambda a, p: a.backward(p.array(p.of(1, 2, 5), M), p.scalar(*PERIPHERIES)),
        "program": lambda a, p: a.program(
            p.array(*SHAPE), tolerance=p.scalar(None, 0.1), max_rounds=p.scalar(1, 5), read=p.scalar(*PERIPHERIES)
        ),
        "response": lambda a, p: a.response(p.array(*SHAPE)),
        "symmetric_part": lambda a, p: a.symmetric_part(p.array(*SHAPE)),
        "asymmetric_part": lambda a, p: a.asymmetric_part(p.array(*SHAPE)),
        "decay": lambda a, p: a.decay(p.scalar(0.5, 1.0)),
        "diffuse": lambda a, p: a.diffuse(),
        "reset": lambda a, p: a.reset(p.scalar(0, 1), p.scalar(None, 1), p.scalar(0.5)),
        "drift": lambda a, p: a.drift(p.scalar(0.5, 10.0)),
        "clip": lambda a, p: a.clip(p.scalar(0.5)),
        "trace": lambda a, p: (a.trace(p.scalar(None, [(0, 1)], [(p.scalar(0, 2), p.scalar(1))])), a.traces()),
        "load_state_dict": lambda a, p: a.load_state_dict(spoiled(a.state_dict(), p)),
        "from_state_dict": lambda a, p: dt.CrossbarArray.from_state_dict(spoiled(a.state_dict(), p)),
        "looks": lambda a, p: (a.weights, a.ledger, a.pulse_counts, a.cell_parameters(), a.symmetric_point(), repr(a)),
    }
    entries = {f"CrossbarArray.{name}": (new_array, call) for name, call in calls.items()}
    entries["CrossbarArray"] = (nothing, make)
    entries["zero_shift"] = (
        new_array,
        lambda a, p: dt.zero_shift(p.scalar(a), p.scalar(0, 7), p.scalar("cyclic", "stochastic"), p.scalar(None, 3)),
    )
    return entries


def tile_entries() -> dict[str, tuple[Callable[[Pick], Any], Call]]:
    def make(_: Any, p: Pick) -> Any:
        rule = states.rule(p.of(*states.RULES), p.of(*GOOD_DEVICES))
        reads = {name: p.scalar(*PERIPHERIES) for name in ("forward", "backward")}
        return dt.AnalogTile(
            p.scalar(SHAPE, *SHAPES), p.scalar(rule, rule), **reads, update=p.scalar(*UPDATES), rng=p.scalar(0, None)
        )

    def grids(layer: Any, p: Pick) -> Any:
        core = layer._grid.core
        factor, lr = (p.of(1.0, -1.0, 1e38, float("nan"), float("inf"), None, "x") for _ in range(2))
        return _core.update_grids(p.of([(core, factor)], [(core, 1.0)] * 2, [], None, [core]), p.of(0.1, lr))

    calls: dict[str, Call] = {
        "set_weights": lambda t, p: t.set_weights(p.array(*SHAPE)),
        "forward": lambda t, p: t.forward(p.array(p.of(1, 2, 5), N)),
        "backward": lambda t, p: t.backward(p.array(p.of(1, 2, 5), M)),
        "update": lambda t, p: t.update(*batch(p), p.scalar(0.1, 0.0, 1e9)),
        "describe": lambda t, p: t.describe(
            lr=p.scalar(0.1), x_scale=p.scalar(1.0, p.array(2, N)), d_scale=p.scalar(0.1, p.array(2, M))
        ),
        "load_state_dict": lambda t, p: t.load_state_dict(spoiled(t.state_dict(), p)),
        "from_state_dict": lambda t, p: dt.AnalogTile.from_state_dict(spoiled(t.state_dict(), p)),
        "looks": lambda t, p: (t.weights, t.digital, t.choppers, t.ledger, t.arrays, repr(t)),
    }
    entries = {f"AnalogTile.{name}": (new_tile, call) for name, call in calls.items()}
    entries["AnalogTile"] = (nothing, make)
    layer: dict[str, Call] = {
        "forward": lambda layer, p: layer.forward(p.array(*inputs_of(layer).shape)),
        "backward": lambda layer, p: layer.backward(p.array(*layer.last)),
        "update": lambda layer, p: layer.update(p.scalar(0.1, 1e9)),
        "set_weights": lambda layer, p: layer.set_weights(p.array(*layer.weights.shape), p.scalar(None, p.array(2))),
        "load_state_dict": lambda layer, p: layer.load_state_dict(spoiled(layer.state_dict(), p)),
        "update_grids": grids,
    }
    entries |= {f"AnalogLayer.{name}": (new_layer, call) for name, call in layer.items()}
    return entries


def digital_entries() -> dict[str, tuple[Callable[[Pick], Any], Call]]:
    nn = dt.nn
    plain = {
        "Sigmoid": nn.Sigmoid,
        "Tanh": nn.Tanh,
        "ReLU": nn.ReLU,
        "LogSoftmax": nn.LogSoftmax,
        "Flatten": nn.Flatten,
    }
    pools = {"MaxPool2d": nn.MaxPool2d, "AvgPool2d": nn.AvgPool2d}

    def both(shape: tuple[int, ...]) -> Call:
        def call(layer: Any, p: Pick) -> Any:
            y = layer.forward(p.array(*shape))
            return layer.backward(p.array(*y.shape))

        return call

    entries: dict[str, tuple[Callable[[Pick], Any], Call]] = {
        name: (lambda p, cls=cls: cls(), both((2, 3))) for name, cls in plain.items()
    }
    entries |= {name: (lambda p, cls=cls: cls(2), both((2, 1, 4, 4))) for name, cls in pools.items()}
    entries["Dropout"] = (lambda p: nn.Dropout(0.5, rng=0), both((2, 3)))
    for name in ("NLLLoss", "CrossEntropyLoss", "MSELoss"):

        def loss(thing: Any, p: Pick, squares: bool = name == "MSELoss") -> Any:
            target = p.array(2, 3) if squares else p.scalar(np.array([0, 2]), p.array(2))
            return thing.forward(p.array(2, 3), target), thing.backward()

        made = getattr(nn, name)
        entries[name] = (lambda p, cls=made: cls(), loss)
    rule = states.rule("ERider", GOOD_DEVICES[1])
    entries["Linear"] = (
        nothing,
        function(nn.Linear, {"in_features": (3,), "out_features": (2,), "algorithm": (rule,)}),
    )
    sizes = {"in_channels": (1,), "out_channels": (2,), "kernel_size": (2,), "algorithm": (rule,)}
    entries["Conv2d"] = (nothing, function(nn.Conv2d, sizes | {"stride": (1,), "padding": (0,), "dilation": (1,)}))
    for name in ("AnalogSGD", "ResidualLearning", "TwoStageResidual", "Rider", "ERider"):
        cls = getattr(dt.optim, name)
        entries[f"optim.{name}"] = (nothing, function(cls, {"slow_device": (None, GOOD_DEVICES[1])}))

        def steps(o: Any, p: Pick) -> Any:
            return o.step(p.array(*SHAPE)) if p.random.random() < 0.8 else o.set_weights(p.array(*SHAPE))

        entries[f"optim.{name}.step"] = (lambda p, cls=cls: cls(SHAPE, p.of(*GOOD_DEVICES), rng=1), steps)
    return entries


def other_entries() -> dict[str, tuple[Callable[[Pick], Any], Call]]:
    entries: dict[str, tuple[Callable[[Pick], Any], Call]] = {
        cls.__name__ if cls in DEVICES else f"algorithms.{cls.__name__}": (nothing, configure(cls))
        for cls in (*DEVICES, *RULES)
    }
    entries["PulseUpdate"] = (nothing, configure(dt.PulseUpdate))
    entries["Periphery"] = (nothing, configure(dt.Periphery))
    configs = [*GOOD_DEVICES, *UPDATES, *PERIPHERIES, states.rule("ERider", GOOD_DEVICES[0])]
    entries["from_dict"] = (
        nothing,
        lambda _, p: type(p.of(*configs)).from_dict(spoiled(p.of(*configs).to_dict(), p)),
    )
    for name in dt.theory.__all__:
        f = getattr(dt.theory, name)
        if inspect.isfunction(f) and "array" not in inspect.signature(f).parameters:
            entries[f"theory.{name}"] = (nothing, function(f))
    entries["theory.PopulationConstants"] = (nothing, function(dt.theory.PopulationConstants))
    cells = ("population_constants", "asymmetry_slope", "asymmetry_potential")
    for name in cells:
        f = getattr(dt.theory, name)
        entries[f"theory.{name}"] = (
            new_array,
            lambda a, p, f=f, more=name == cells[-1]: f(p.scalar(a), p.array(*SHAPE)) if more else f(p.scalar(a)),
        )
    for name in dt.convert.__all__:
        entries[f"convert.{name}"] = (nothing, function(getattr(dt.convert, name)))
    for name in dt.tracking.__all__:
        f = getattr(dt.tracking, name)
        if name in ("Choppers", "MovingAverage", "Tracker"):
            entries[f"tracking.{name}"] = (nothing, function(f))
    entries["io.load"] = (files, lambda place, p: dt.io.load(written(place, p)))
    entries["io.load_device"] = (files, lambda place, p: dt.io.load_device(written(place, p)))
    return entries


def files(pick: Pick) -> Any:
    """A place for damaged files, and good ones to damage."""
    del pick
    folder = Path("/dev/shm" if os.path.isdir("/dev/shm") else "/tmp") / f"fuzz-{os.getpid()}.json"
    dt.io.save(folder, {"a": np.arange(3), "b": [1, {"c": 2.5}]})
    state = folder.read_bytes()
    dt.io.save_device(GOOD_DEVICES[1], folder)
    device = folder.read_bytes()
    folder.unlink()
    return folder, (state, device)


def written(place: Any, pick: Pick) -> Any:
    path, contents = place
    data = bytearray(pick.of(*contents))
    for _ in range(pick.of(0, 1, 1, 5)):
        data[pick.random.randrange(len(data))] = pick.random.randrange(256)
    if pick.bad():
        data = data[: pick.random.randrange(len(data))]
    with open(path, "wb") as file:
        file.write(data)
    return path


def entries() -> dict[str, tuple[Callable[[Pick], Any], Call]]:
    """Everything that is fuzzed: how the object is made, and one call."""
    return array_entries() | tile_entries() | digital_entries() | other_entries()
