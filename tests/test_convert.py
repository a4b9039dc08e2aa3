"""Conversions: from data sheets and from NeuroSim, whose table and pulses they must reproduce."""

import math

import numpy as np
import pytest

import dsptrack as dt
from dsptrack import convert

# Entries of NeuroSim's table, label and normalised A, as it prints them.
TABLE = {
    0.01: 126.268958,
    0.1: 12.625807,
    0.48: 2.625322,
    1.0: 1.251653,
    1.02: 1.226672,
    7.51: 0.070151,
    7.52: 0.069778,
    9.0: 0.022810,
}
CELL = {"g_min": 4.76e-7, "g_max": 1e-5, "pulses_up": 31, "nl_up": 2.4, "pulses_down": 40, "nl_down": -4.88}


def neurosim(pulse, pulses, a):
    """NeuroSim's normalised conductance at a pulse position: 0 at 0, 1 at P_max."""
    return -math.expm1(-pulse / (a * pulses)) / -math.expm1(-1 / a)


@pytest.mark.parametrize(("label", "a"), TABLE.items())
def test_neurosims_table(label, a):
    assert convert.neurosim_a(label) == pytest.approx(a, abs=6e-7, rel=1e-6)
    assert convert.neurosim_a(-label) == -convert.neurosim_a(label)


@pytest.mark.parametrize("label", [1e-6, 1e-3, 0.5, 4.0, 9.0])
def test_labels_and_parameters_are_inverse(label):
    assert convert.neurosim_nl(convert.neurosim_a(label)) == pytest.approx(label, rel=1e-9)
    assert math.isinf(convert.neurosim_a(0))


@pytest.mark.parametrize(("nl_up", "nl_down"), [(2.4, -4.88), (0.3, 0.0), (0.0, -6.0), (-2.0, 3.0)])
def test_pulses_follow_neurosim(nl_up, nl_down):
    """Single pulses from G_min to G_max and back, in float64 from the device's fields and in the core."""
    device = convert.from_neurosim(**(CELL | {"nl_up": nl_up, "nl_down": nl_down}))
    array = dt.CrossbarArray((1, 1), device)
    array.set_weights([[-1.0]])
    for pulses, sign, nl in ((31, 1, nl_up), (40, -1, nl_down)):
        a = convert.neurosim_a(nl)
        for k in range(1, pulses + 1):
            array.pulse(sign)
            position = k if sign > 0 else pulses - k
            wanted = position / pulses if math.isinf(a) else neurosim(position, pulses, a)
            assert array.weights[0, 0] == pytest.approx(2 * wanted - 1, abs=5e-6)
    array.pulse(-1, 100)
    assert array.weights[0, 0] == -1


def test_soft_bounds_have_neurosims_steps():
    linear, soft = (convert.from_neurosim(**CELL, model=model) for model in ("linear_step", "soft_bounds"))
    assert soft.w_max > 1
    assert soft.w_min < -1
    for w in (-1.0, -0.3, 0.5, 1.0):
        one, two = (dt.CrossbarArray((1, 1), device).response(w) for device in (linear, soft))
        np.testing.assert_allclose(one, two, rtol=1e-5)


def test_neurosims_noise_is_relative_to_the_range():
    device = convert.from_neurosim(**(CELL | {"nl_down": -2.4, "pulses_down": 31}), cycle_sigma=0.005)
    array = dt.CrossbarArray((100, 100), device, rng=0)
    array.pulse(+1)
    assert np.std(array.weights) == pytest.approx(0.005 * 2, rel=0.05)


def test_soft_bounds_saturate_as_asked():
    device = convert.from_saturation(1e-6, 1e-5, 100, 50, coverage=0.9)
    array = dt.CrossbarArray((1, 1), device)
    array.set_weights([[-1.0]])
    array.pulse(+1, 100)
    assert array.weights[0, 0] == pytest.approx(-1 + 0.9 * 2, abs=1e-5)
    array.set_weights([[1.0]])
    array.pulse(-1, 50)
    assert array.weights[0, 0] == pytest.approx(1 - 0.9 * 2, abs=1e-5)


def test_constant_steps_saturate_as_asked():
    device = convert.from_saturation(1.0, 2.0, 100, model="constant_step", g_range=(0.5, 2.5), dw_min_std=0.3)
    assert (device.w_min, device.w_max, device.dw_min, device.dw_min_std) == (-0.5, 0.5, 0.01, 0.3)
    assert device.up_down == 0


def test_weights():
    np.testing.assert_allclose(convert.weights([[1.0, 2.0], [3.0, 4.0]], (1.0, 3.0)), [[-1, 0], [1, 2]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convert.neurosim_a(9.5), "nl = 9.5"),
        (lambda: convert.neurosim_nl(0.0), "a = 0.0"),
        (lambda: convert.weights([1.0], (2.0, 1.0)), "g_range"),
        (lambda: convert.weights([1.0], 2.0), "g_range = 2.0"),
        (lambda: convert.from_saturation(2.0, 1.0, 10), "g_m"),
        (lambda: convert.from_saturation(1.0, 2.0, 0), "pulses_up = 0"),
        (lambda: convert.from_saturation(1.0, 2.0, 10, coverage=1.0), "coverage = 1.0"),
        (lambda: convert.from_saturation(1.0, 2.0, 10, g_range=(0.0, 1.0)), "weight 0"),
        (lambda: convert.from_saturation(1.0, 2.0, 10, model="pow_step"), "model"),
        (lambda: convert.from_neurosim(**(CELL | {"nl_up": 0.0}), model="soft_bounds"), "nl_up = 0.0"),
        (lambda: convert.from_neurosim(**(CELL | {"nl_down": 1.0}), model="soft_bounds"), "nl_down = 1.0"),
        (lambda: convert.from_neurosim(**CELL, cycle_sigma=-1), "cycle_sigma"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(dt.ConfigError, match=message):
        call()
