"""Configurations: defaults, immutability, copies, and the way through dict and JSON."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from dsptrack import _core
from dsptrack.algorithms import AGAD, AnalogSGD, ERider, Rider, TikiTakaV2
from dsptrack.devices import ConstantStep, Device, SoftBounds, SoftBoundsReference

DEVICES = [ConstantStep(), SoftBounds(dw_min=0.01), SoftBoundsReference(reference_mean=0.4, reference_std=0.2)]
RULES = [rule(device=DEVICES[2]) for rule in (AnalogSGD, TikiTakaV2, AGAD, Rider, ERider)]
PARTS = [dt.PulseUpdate(desired_bl=5), dt.Periphery(out_noise=0.1)]
NESTED = ERider(device=DEVICES[2], slow_device=DEVICES[1], transfer_read=dt.Periphery.ideal(), transfer_every=3)
CONFIGS = [*DEVICES, *RULES, *PARTS, NESTED]


def ident(config):
    return type(config).__name__


@pytest.mark.parametrize("config", [*DEVICES, *RULES, *PARTS], ids=ident)
def test_defaults_are_those_of_the_core(config):
    kind = type(config)
    needed = {"device": config.device} if isinstance(config, dt.algorithms.Algorithm) else {}
    own = {f.name: getattr(kind(**needed), f.name) for f in dataclasses.fields(kind)}
    parts = {"device", "slow_device", "transfer_read"}
    assert {name: value for name, value in own.items() if name not in parts} == _core.Config.defaults(ident(config))


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
        ({"kind": "PulseUpdate"}, "kind = 'PulseUpdate': must be one of ConstantStep, SoftBounds"),
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


def test_slow_device_defaults_to_the_fast_one():
    rule = TikiTakaV2(device=ConstantStep(dw_min=0.1))
    arrays = dt.AnalogTile((2, 2), rule, rng=0).arrays
    assert arrays["W"].device == arrays["P"].device == rule.device
    both = dataclasses.replace(rule, slow_device=SoftBounds())
    assert dt.AnalogTile((2, 2), both, rng=0).arrays["W"].device == SoftBounds()


# The numbers of 02 section 7.1.
PRESETS = {
    "reram_sb": {
        "dw_min": 0.002,
        "up_down": 0,
        "w_max": 1.25,
        "w_min": -0.75,
        "dw_min_dtod": 0.3,
        "up_down_dtod": 0.01,
        "w_max_dtod": 0.24,
        "w_min_dtod": 0.4,
        "dw_min_std": 3.75,
        "write_noise_std": 56,
        "mult_noise": False,
        "reference_std": 0,
        "subtract_symmetry_point": False,
    },
    "reram_array_om": {
        "dw_min": 0.0949,
        "up_down": 0,
        "w_max": 1,
        "w_min": -1,
        "dw_min_dtod": 0.7829,
        "dw_min_dtod_log_normal": True,
        "up_down_dtod": 0.01,
        "w_max_dtod": 0.3499,
        "w_min_dtod": 0.5695,
        "dw_min_std": 0.4158,
        "write_noise_std": 1.4113,
        "mult_noise": False,
        "enforce_consistency": True,
        "reference_std": 0.05,
        "subtract_symmetry_point": True,
        "corrupt_devices_prob": 0,
        "corrupt_devices_range": 0.01,
    },
    "reram_array_hfo2": {
        "dw_min": 0.4622,
        "up_down": 0,
        "w_max": 1,
        "w_min": -1,
        "dw_min_dtod": 0.7125,
        "dw_min_dtod_log_normal": True,
        "up_down_dtod": 0.01,
        "w_max_dtod": 0.4295,
        "w_min_dtod": 0.5990,
        "dw_min_std": 0.2174,
        "write_noise_std": 0.5841,
        "mult_noise": False,
        "enforce_consistency": True,
        "reference_std": 0.05,
        "subtract_symmetry_point": True,
        "corrupt_devices_prob": 0,
        "corrupt_devices_range": 0.01,
    },
}


@pytest.mark.parametrize("name", sorted(dt.presets.__all__))
def test_presets(name):
    preset = getattr(dt.presets, name)
    assert preset() == SoftBoundsReference(**PRESETS[name])
    assert preset(reference_mean=0.4) == SoftBoundsReference(**PRESETS[name], reference_mean=0.4)
    with pytest.raises(dt.ConfigError, match="dw_min"):
        preset(dw_min=0)
    with pytest.raises(TypeError, match="colour"):
        preset(colour=1)
