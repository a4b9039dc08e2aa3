"""Configurations: defaults, immutability, copies, and the way through dict and JSON."""

import copy
import dataclasses
import gc
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from dsptrack import _core
from dsptrack.algorithms import (
    AGAD,
    AnalogSGD,
    ChoppedTikiTaka,
    ERider,
    ResidualLearning,
    Rider,
    TikiTaka,
    TikiTakaV2,
)
from dsptrack.devices import (
    ConstantStep,
    Device,
    ExpStep,
    LinearStep,
    PiecewiseStep,
    PowStep,
    PowStepReference,
    SoftBounds,
    SoftBoundsReference,
)

DEVICES = [
    ConstantStep(drift_nu=0.05),
    SoftBounds(dw_min=0.01),
    SoftBoundsReference(reference_mean=0.4, reference_std=0.2),
    LinearStep(gamma_up=0.1, lifetime=100.0),
    ExpStep(A_up=-1.0, dw_min_std_add=0.01),
    PowStep(pow_gamma=2.0),
    PowStepReference(subtract_symmetry_point=True),
    PiecewiseStep(piecewise_up=(1.0, 0.5, 0.25), piecewise_down=(0.1, 0.2, 0.3)),
]
KINDS = (AnalogSGD, TikiTaka, TikiTakaV2, ChoppedTikiTaka, AGAD, ResidualLearning, Rider, ERider)
RULES = [rule(device=DEVICES[2]) for rule in KINDS]
PARTS = [dt.PulseUpdate(desired_bl=5), dt.Periphery(out_noise=0.1)]
NESTED = ERider(device=DEVICES[2], slow_device=DEVICES[1], transfer_read=dt.Periphery.ideal(), transfer_every=3)
CONFIGS = [*DEVICES, *RULES, *PARTS, NESTED]


def ident(config):
    return type(config).__name__


@pytest.mark.parametrize("config", [*DEVICES, *RULES, *PARTS], ids=ident)
def test_defaults_are_those_of_the_core(config):
    kind = type(config)
    needed = {"device": config.device} if isinstance(config, dt.algorithms.Algorithm) else {}
    own = kind(**needed).to_dict()
    for part in ("kind", "device", "slow_device", "transfer_read", "transfer_update"):
        own.pop(part, None)
    assert own == _core.Config.defaults(ident(config))


def test_every_device_is_here():
    assert {ident(device) for device in DEVICES} == {kind.__name__ for kind in Device.__subclasses__()}


def test_defaults_of_nested_parts():
    rule = TikiTakaV2(device=DEVICES[0])
    assert rule.slow_device is None
    assert rule.transfer_read == dt.Periphery(noise_management="none", bound_management="none")


@pytest.mark.parametrize("config", CONFIGS, ids=ident)
def test_plain_frozen_data(config):
    field = dataclasses.fields(config)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, field, getattr(config, field))
    assert not hasattr(config, "__dict__")
    with pytest.raises(TypeError):
        type(config)(getattr(config, field))
    with pytest.raises(TypeError, match="no_such_field"):
        dataclasses.replace(config, no_such_field=1)
    assert "_compiled" not in repr(config)
    assert "_compiled" not in dataclasses.asdict(config)


@pytest.mark.parametrize("config", CONFIGS, ids=ident)
@pytest.mark.parametrize(
    "through",
    [
        copy.copy,
        copy.deepcopy,
        dataclasses.replace,
        lambda c: pickle.loads(pickle.dumps(c)),
        lambda c: type(c).from_dict(c.to_dict()),
        lambda c: type(c).from_dict(json.loads(json.dumps(c.to_dict()))),
        lambda c: type(c).__base__.from_dict(c.to_dict()),
    ],
    ids=["copy", "deepcopy", "replace", "pickle", "dict", "json", "base"],
)
def test_round_trips(config, through):
    again = through(config)
    assert type(again) is type(config)
    assert again == config
    assert hash(again) == hash(config)
    assert again._compiled.kind == ident(config)


def test_differences_show():
    assert SoftBounds(dw_min=0.01) != SoftBounds()
    assert ConstantStep() != SoftBounds()
    assert len({SoftBounds(), SoftBounds(), SoftBounds(dw_min=0.01)}) == 2


@given(dw_min=st.floats(1e-9, 1e3), std=st.floats(0, 100), subtract=st.booleans())
def test_json_loses_nothing(dw_min, std, subtract):
    device = SoftBoundsReference(dw_min=dw_min, reference_std=std, subtract_symmetry_point=subtract)
    assert Device.from_dict(json.loads(json.dumps(device.to_dict()))) == device


def test_dict_is_nested_and_names_kinds():
    data = NESTED.to_dict()
    assert data["kind"] == "ERider"
    assert data["slow_device"]["kind"] == "SoftBounds"
    assert data["transfer_read"]["is_perfect"] is True


def test_from_dict_fills_in_defaults():
    assert Device.from_dict({"kind": "SoftBounds"}) == SoftBounds()
    rule = dt.algorithms.Algorithm.from_dict({"kind": "Rider", "device": {"kind": "ConstantStep"}, "eta": 0.5})
    assert rule == Rider(device=ConstantStep(), eta=0.5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("SoftBounds", "data"),
        ({}, "kind"),
        ({"kind": "PulseUpdate"}, "kind = 'PulseUpdate': must be one of ConstantStep, ExpStep"),
        ({"kind": "Device"}, "kind"),
        ({"kind": ["SoftBounds"]}, "kind"),
        ({"kind": "SoftBounds", "slope": 1, "colour": 2}, "colour, slope"),
        ({"kind": "SoftBounds", "dw_min": -1}, "dw_min"),
        ({"kind": "SoftBounds", "dw_min": {"kind": "SoftBounds"}}, "dw_min"),
    ],
    ids=str,
)
def test_from_dict_refuses(data, message):
    with pytest.raises(dt.ConfigError, match=message):
        Device.from_dict(data)


def test_from_dict_names_a_missing_field():
    with pytest.raises(dt.ConfigError, match="device"):
        dt.algorithms.Algorithm.from_dict({"kind": "Rider"})


def test_numbers_of_other_types():
    assert SoftBounds(dw_min=1, w_max=2) == SoftBounds(dw_min=1.0, w_max=2.0)
    update = dt.PulseUpdate(desired_bl=np.int64(7), um_grad_scale=np.float32(0.5), fixed_bl=np.bool_(False))
    assert (update.desired_bl, update.um_grad_scale, update.fixed_bl) == (7, 0.5, False)
    assert json.loads(json.dumps(update.to_dict()))["desired_bl"] == 7


def test_sequences_of_other_types():
    """Tables are tuples of plain floats, whatever they were given as: comparable, hashable, fit for JSON."""
    expected = PiecewiseStep(piecewise_up=(2.0, 1.0), piecewise_down=(0.5, 1.0))
    for make in (list, np.array, lambda v: np.array(v, np.float32), lambda v: [np.float64(x) for x in v]):
        device = PiecewiseStep(piecewise_up=make([2, 1]), piecewise_down=make([0.5, 1]))
        assert device == expected
        assert hash(device) == hash(expected)
        assert type(device.piecewise_up) is tuple
    assert json.loads(json.dumps(expected.to_dict())) == expected.to_dict()
    given = np.array([1.0, 2.0])
    device = PiecewiseStep(piecewise_up=given, piecewise_down=given)
    given[:] = 7
    assert device.piecewise_up == (1.0, 2.0)


def test_nominal_has_no_spread():
    for device in DEVICES:
        wild = dataclasses.replace(device, corrupt_devices_prob=0.5, lifetime=9.0, lifetime_dtod=0.5, reset_dtod=0.1)
        array = dt.CrossbarArray((4, 4), wild.nominal(), rng=0)
        for name, values in array.cell_parameters().items():
            assert np.ptp(values) == 0, name
        assert wild.nominal().dw_min == wild.dw_min


def test_without_noise_pulses_are_all_equal():
    for device in (*DEVICES, dt.presets.reram_es(), dt.presets.pcm()):
        first, second = (dt.CrossbarArray((4, 4), device.without_noise(), rng=0) for _ in range(2))
        first.pulse(+1, 3)
        second.pulse_random(2)  # other random numbers
        second.set_weights(np.zeros((4, 4)))
        first.set_weights(np.zeros((4, 4)))
        for array in (first, second):
            array.pulse(+1, 5)
        np.testing.assert_array_equal(first.weights, second.weights)


def test_slow_device_defaults_to_the_fast_one():
    rule = TikiTakaV2(device=ConstantStep(dw_min=0.1))
    arrays = dt.AnalogTile((2, 2), rule, rng=0).arrays
    assert arrays["W"].device == arrays["P"].device == rule.device
    both = dataclasses.replace(rule, slow_device=SoftBounds())
    assert dt.AnalogTile((2, 2), both, rng=0).arrays["W"].device == SoftBounds()


def test_classes_derived_elsewhere_are_of_their_bases_kind():
    """They neither hide the kinds of the package nor add any."""

    class SoftBounds(dt.devices.SoftBounds):
        pass

    class Mine(dt.algorithms.ERider):
        pass

    class Own(dt.Periphery):
        pass

    class Other(dt.devices.Device):
        pass

    mine = SoftBounds(dw_min=0.01)
    assert type(dt.devices.Device.from_dict({"kind": "SoftBounds"})) is dt.devices.SoftBounds
    assert type(SoftBounds.from_dict(mine.to_dict())) is SoftBounds
    tile = dt.AnalogTile((1, 2), Mine(device=mine), forward=Own(), rng=0)
    same = dt.AnalogTile((1, 2), dt.algorithms.ERider(device=dt.devices.SoftBounds(dw_min=0.01)), rng=1)
    assert type(dt.AnalogTile.from_state_dict(tile.state_dict()).algorithm) is dt.algorithms.ERider
    tile.load_state_dict(same.state_dict())
    with pytest.raises(dt.ConfigError, match='kind = "Device": must be one of ConstantStep'):
        Other()
    del SoftBounds, Mine, Own, Other, mine, tile
    gc.collect()  # other tests look at subclasses


def test_what_differs_from_a_state_is_named_alone():
    rules = [
        dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(reference_mean=mean), chop_probability=chance)
        for mean, chance in ((0.1, 0.5), (0.4, 0.25))
    ]
    tile, other = (dt.AnalogTile((1, 2), rule, rng=0) for rule in rules)
    with pytest.raises(dt.SnapshotError) as error:
        tile.load_state_dict(other.state_dict())
    assert str(error.value) == (
        "algorithm.device.reference_mean = 0.4: must be the object's own, 0.1; "
        "algorithm.chop_probability = 0.25: must be the object's own, 0.5"
    )
    with pytest.raises(dt.SnapshotError, match=r"^algorithm\.kind = 'AnalogSGD': must be the object's own, 'ERider'$"):
        tile.load_state_dict(dt.AnalogTile((1, 2), dt.algorithms.AnalogSGD(device=rules[0].device)).state_dict())
    with pytest.raises(dt.ConfigError, match=r"^algorithm = a SoftBoundsReference: must be a Algorithm$"):
        dt.AnalogTile((1, 2), rules[0].device)
