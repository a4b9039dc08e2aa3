"""The ten presets: their numbers and their granularities as 02 section 7.1 has them."""

import dataclasses

import numpy as np
import pytest

import dsptrack as dt
from helpers.build import quiet
from helpers.models import granularity
from helpers.zoo import MODELS, PRESETS, make

SOFT = {"mult_noise": False, "up_down": 0, "up_down_dtod": 0.01}
ARRAY = SOFT | {
    "dw_min_dtod_log_normal": True,
    "enforce_consistency": True,
    "subtract_symmetry_point": True,
    "reference_std": 0.05,
    "corrupt_devices_prob": 0,
    "corrupt_devices_range": 0.01,
    "w_max": 1,
    "w_min": -1,
}
CONSTANT = {"up_down": 0, "w_max": 1, "w_min": -1, "w_max_dtod": 0.3, "w_min_dtod": 0.3, "dw_min_std": 0.3}

# class, granularity, (w_max - w_min)/granularity as printed, and every number of the table
TABLE = {
    "reram_es": (
        "ExpStep",
        0.0019914,
        1004,
        {
            "dw_min": 0.00135,
            "up_down": 0.259359,
            "w_max": 1,
            "w_min": -1,
            "dw_min_dtod": 0.2,
            "up_down_dtod": 0.05,
            "w_max_dtod": 0.3,
            "w_min_dtod": 0.3,
            "dw_min_std": 5.0,
            "write_noise_std": 75,
            "a": -0.5,
            "b": -0.5,
            "gamma_up": 5,
            "gamma_down": 5,
            "A_up": -1.18445,
            "A_down": -0.081404,
        },
    ),
    "reram_sb": (
        "SoftBoundsReference",
        0.002,
        1000,
        SOFT
        | {
            "dw_min": 0.002,
            "w_max": 1.25,
            "w_min": -0.75,
            "dw_min_dtod": 0.3,
            "w_max_dtod": 0.24,
            "w_min_dtod": 0.4,
            "dw_min_std": 3.75,
            "write_noise_std": 56,
            "reference_std": 0,
            "subtract_symmetry_point": False,
        },
    ),
    "capacitor": (
        "LinearStep",
        0.005,
        400,
        {
            "dw_min": 0.005,
            "up_down": 0,
            "w_max": 1,
            "w_min": -1,
            "dw_min_dtod": 0.1,
            "up_down_dtod": 0.06,
            "w_max_dtod": 0.07,
            "w_min_dtod": 0.07,
            "dw_min_std": 0.3,
            "write_noise_std": 0,
            "mult_noise": False,
            "gamma_up": 0.05,
            "gamma_down": 0.05,
            "gamma_up_dtod": 0.01,
            "gamma_down_dtod": 0.01,
            "mean_bound_reference": True,
            "lifetime": 1e6,
            "lifetime_dtod": 0.3,
        },
    ),
    "ecram": (
        "LinearStep",
        0.002,
        1000,
        {
            "dw_min": 0.002,
            "up_down": 0,
            "w_max": 1.1724,
            "w_min": -0.8276,
            "dw_min_dtod": 0.1,
            "up_down_dtod": 0.01,
            "w_max_dtod": 0.05,
            "w_min_dtod": 0.05,
            "dw_min_std": 0.3,
            "write_noise_std": 0,
            "mult_noise": True,
            "gamma_up": 0.1153,
            "gamma_down": 0.5085,
            "gamma_up_dtod": 0.05,
            "gamma_down_dtod": 0.05,
            "mean_bound_reference": True,
        },
    ),
    "ecram_mo": (
        "LinearStep",
        2.8214e-4,
        7089,
        {
            "dw_min": 2.8214e-4,
            "up_down": 0,
            "w_max": 1.1714,
            "w_min": -0.8286,
            "dw_min_dtod": 0.1,
            "up_down_dtod": 0.01,
            "w_max_dtod": 0.05,
            "w_min_dtod": 0.05,
            "dw_min_std": 2.0,
            "write_noise_std": 0,
            "mult_noise": True,
            "gamma_up": 0.4152,
            "gamma_down": 0.7342,
            "gamma_up_dtod": 0.05,
            "gamma_down_dtod": 0.05,
            "mean_bound_reference": True,
        },
    ),
    "idealized": (
        "ConstantStep",
        0.0002,
        10000,
        CONSTANT | {"dw_min": 0.0002, "dw_min_dtod": 0.3, "up_down_dtod": 0},
    ),
    "gokmen_vlasov": (
        "ConstantStep",
        0.0016,
        1250,
        CONSTANT | {"dw_min": 0.0016, "dw_min_dtod": 0.3, "up_down_dtod": 0.01},
    ),
    "pcm": (
        "ExpStep",
        0.03235,
        62,
        {
            "dw_min": 0.01,
            "up_down": 0,
            "w_max": 2,
            "w_min": 0,
            "dw_min_dtod": 0.2,
            "up_down_dtod": 0.05,
            "w_max_dtod": 0.1,
            "w_min_dtod": 0,
            "dw_min_std": 0.6,
            "dw_min_std_add": 0.042,
            "dw_min_std_slope": 0.108,
            "write_noise_std": 0,
            "a": -1,
            "b": 0,
            "gamma_up": 2.5,
            "gamma_down": 2.5,
            "A_up": -27.235,
            "A_down": -2.235,
            "reset": 0.01,
            "reset_dtod": 0.02,
        },
    ),
    "reram_array_om": (
        "SoftBoundsReference",
        0.0949,
        21,
        ARRAY
        | {
            "dw_min": 0.0949,
            "dw_min_dtod": 0.7829,
            "w_max_dtod": 0.3499,
            "w_min_dtod": 0.5695,
            "dw_min_std": 0.4158,
            "write_noise_std": 1.4113,
        },
    ),
    "reram_array_hfo2": (
        "SoftBoundsReference",
        0.4622,
        4.3,
        ARRAY
        | {
            "dw_min": 0.4622,
            "dw_min_dtod": 0.7125,
            "w_max_dtod": 0.4295,
            "w_min_dtod": 0.5990,
            "dw_min_std": 0.2174,
            "write_noise_std": 0.5841,
        },
    ),
}


@pytest.mark.parametrize("name", PRESETS)
def test_every_number(name):
    """The listed fields have the listed values; all others keep the defaults of the class."""
    kind, _, _, numbers = TABLE[name]
    preset = getattr(dt.presets, name)()
    assert type(preset).__name__ == kind
    defaults = type(preset)()
    assert set(numbers) <= {f.name for f in dataclasses.fields(preset)}
    for field in dataclasses.fields(preset):
        expected = numbers.get(field.name, getattr(defaults, field.name))
        assert getattr(preset, field.name) == expected, field.name


@pytest.mark.parametrize("name", PRESETS)
def test_overrides(name):
    changed = getattr(dt.presets, name)(dw_min_std=0.125, w_max=3)
    assert changed == dataclasses.replace(getattr(dt.presets, name)(), dw_min_std=0.125, w_max=3)
    with pytest.raises(TypeError, match="no_such_field"):
        getattr(dt.presets, name)(no_such_field=1)
    with pytest.raises(dt.ConfigError, match="dw_min"):
        getattr(dt.presets, name)(dw_min=-1)


def slots(dev, lr):
    """Pulses that an update of size lr sends without any management: the smallest whole number of g not below it."""
    array = dt.CrossbarArray((1, 1), dev, rng=0)
    pulses = dt.PulseUpdate(
        update_management=False,
        update_bl_management=False,
        fixed_bl=False,
        desired_bl=1,
        pulse_type="deterministic_implicit",
    )
    array.update([[1.0]], [[-1.0]], lr, pulses)
    assert array.ledger["pulses_down"] == 0
    assert array.ledger["train_slots"] == array.ledger["pulses_up"]
    return array.ledger["pulses_up"]


def assert_granularity(dev, g):
    """One part in ten thousand: 3,999.6 g need 4,000 pulses, 4,000.4 g one more."""
    for count in (1, 7, 3999, 4000):
        assert slots(dev, (count - 0.4) * g) == count
        assert slots(dev, (count + 0.4) * g) == count + 1


@pytest.mark.parametrize("name", PRESETS)
def test_granularities(name):
    _, g, states, _ = TABLE[name]
    preset = getattr(dt.presets, name)()
    assert_granularity(preset, g)
    assert (preset.w_max - preset.w_min) / g == pytest.approx(states, rel=0.01)
    assert granularity(preset) == pytest.approx(g, rel=3e-5)


@pytest.mark.parametrize("name", MODELS)
def test_granularities_of_the_models(name):
    """02 section 1.9, and defect 16 of section 11.5: for ExpStep it is the down step at 0."""
    dev = make(name)
    assert_granularity(dev, granularity(dev))


GRANULARITIES = [
    ("PowStep", {"pow_gamma": 2.0}, 0.25),
    ("PowStepReference", {"pow_gamma": 0.5}, np.sqrt(0.5)),
    ("PiecewiseStep", {"piecewise_up": (3.0, 2.0, 0.5, 0.25), "piecewise_down": (1.0,) * 4}, 0.5),
    ("PiecewiseStep", {"piecewise_up": (3.0, 2.0, 0.5), "piecewise_down": (1.0,) * 3}, 2.0),
    ("LinearStep", {"gamma_up": 0.5, "up_down": 0.5}, 1.0),
    # A dead down step at w = 0: dw_min itself
    ("ExpStep", {"A_down": 2.0, "b": 0.0}, 1.0),
    ("ExpStep", {"A_down": 0.5, "gamma_down": 1.0, "b": 0.0, "up_down": 0.2}, 0.4),
    ("ExpStep", {"A_down": 0.5, "gamma_down": 1.0, "b": 0.0, "up_down": -0.2}, 0.5),
]


@pytest.mark.parametrize(("kind", "fields", "factor"), GRANULARITIES)
def test_granularities_by_hand(kind, fields, factor):
    dev = quiet(kind, dw_min=0.01, **fields)
    assert granularity(dev) == pytest.approx(0.01 * factor)
    assert_granularity(dev, 0.01 * factor)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "pcm"])
def test_presets_train(name):
    """A hundred updates in one direction move the mean weight that way, noise and all."""
    array = dt.CrossbarArray((40, 40), getattr(dt.presets, name)(), rng=1)
    start = array.weights.mean()
    for _ in range(100):
        array.update(np.ones((1, 40)), -np.ones((1, 40)), 0.002)
    assert array.weights.mean() > start + 0.02


def test_pcm_is_used_one_sided():
    """Up pulses from the reset state; a reset brings it back to 0.01 with a spread of 0.02 between cells."""
    array = dt.CrossbarArray((100, 100), dt.presets.pcm(), rng=2)
    array.pulse(1, 5)
    assert array.weights.mean() > 0.3
    assert array.weights.min() >= 0
    array.reset()
    bias = np.maximum(array.cell_parameters()["reset_bias"], 0)
    assert array.weights.max() < 0.2
    assert abs(array.weights.mean() - bias.mean()) < 0.005
