"""Cycle noise and write noise of every model: exact moments of one pulse, the law of many (02 sections 2.3 to 2.5)."""

import dataclasses

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import quiet
from helpers.models import granularity
from helpers.zoo import WRITING, equal, make, twin

SHAPE = (256, 256)
WIDE = {"w_max": 1.0, "w_min": -1.0, "dw_min": 0.01, "dw_min_std": 0.5}
EXP = {"A_up": 0.5, "A_down": 0.25, "gamma_up": 1.0, "gamma_down": 2.0, "a": 0.5, "b": 0.5}
UP = 1 - 0.5 * np.exp(0.6)  # at w = 0.2: z = 0.6
DOWN = 1 - 0.25 * np.exp(-1.2)
COMPLEX = {"dw_min_std_add": 0.02, "dw_min_std_slope": 0.1}

# (kind, fields, mean of an up pulse from 0.2 and its standard deviation, the same of a down pulse); unit dw_min = 0.01
SINGLE = [
    pytest.param("LinearStep", {"gamma_up": 0.5, "gamma_down": 0.25}, (0.9, 0.45), (1.05, 0.525), id="linear-mult"),
    pytest.param(
        "LinearStep",
        {"gamma_up": 0.5, "gamma_down": 0.25, "mult_noise": False},
        (0.9, 0.5),
        (1.05, 0.5),
        id="linear-add",
    ),
    pytest.param("ExpStep", EXP, (UP, UP / 2), (DOWN, DOWN / 2), id="exp"),
    # 0.5 (|dw| + 0.02 + 0.1 * 0.2), add and slope in weight units
    pytest.param("ExpStep", EXP | COMPLEX, (UP, UP / 2 + 2.0), (DOWN, DOWN / 2 + 2.0), id="exp-complex"),
    pytest.param("ExpStep", EXP | {"dw_min_std_add": 0.02}, (UP, UP / 2 + 1.0), (DOWN, DOWN / 2 + 1.0), id="exp-add"),
    pytest.param(
        "ExpStep", EXP | {"dw_min_std_slope": 0.1}, (UP, UP / 2 + 1.0), (DOWN, DOWN / 2 + 1.0), id="exp-slope"
    ),
    # Where the mean step is dead the complex mode goes on, the plain one does not
    pytest.param("ExpStep", EXP | COMPLEX | {"A_up": 2.0}, (0.0, 2.0), (DOWN, DOWN / 2 + 2.0), id="exp-complex-dead"),
    pytest.param("PowStep", {"pow_gamma": 2.0}, (0.16, 0.08), (0.36, 0.18), id="pow"),
    pytest.param(
        "PowStepReference", {"pow_gamma": 2.0, "reference_mean": 0.2}, (0.09, 0.045), (0.49, 0.245), id="pow-reference"
    ),
    pytest.param(
        "PiecewiseStep",
        {"piecewise_up": (2.0, 0.0), "piecewise_down": (0.0, 2.0)},
        (0.8, 0.4),
        (1.2, 0.6),
        id="piecewise",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "up", "down"), SINGLE)
def test_one_pulse(kind, fields, up, down):
    array = dt.CrossbarArray(SHAPE, equal(quiet(kind, **(WIDE | fields))), rng=1)
    for polarity, (mean, std) in ((1, up), (-1, down)):
        array.set_weights(np.full(SHAPE, 0.2))
        start = array.weights.astype(np.float64)
        array.pulse(polarity)
        stats.assert_normal(polarity * (array.weights - start) / 0.01, mean, std, f"polarity {polarity}")


def test_a_dead_step_of_the_plain_mode_is_quiet():
    array = dt.CrossbarArray((8, 8), equal(quiet("ExpStep", **(WIDE | EXP | {"A_up": 2.0}))), rng=2)
    array.set_weights(np.full((8, 8), 0.2))
    before = array.weights
    array.pulse(1, 50)
    np.testing.assert_array_equal(array.weights, before)


def test_complex_noise_needs_dw_min_std():
    """dw_min_std = 0 switches everything off, whatever add and slope are."""
    array = dt.CrossbarArray((8, 8), equal(quiet("ExpStep", **(WIDE | EXP | COMPLEX | {"dw_min_std": 0.0}))), rng=3)
    array.pulse(1, 3)
    assert np.ptp(array.weights) == 0


def test_presets_carry_their_noise():
    """PCM at 1.0, half-way: 0.6 (|dw| + 0.042 + 0.108)."""
    dev = equal(dt.presets.pcm())
    array = dt.CrossbarArray(SHAPE, dev, rng=4)
    step = 0.01 * (1 + 27.235 * np.exp(-2.5))
    array.set_weights(np.ones(SHAPE))
    array.pulse(1)
    stats.assert_normal(array.weights - 1.0, step, 0.6 * (step + 0.042 + 0.108))


@pytest.mark.parametrize(("kind", "fields"), [case.values[:2] for case in SINGLE])
def test_every_cell_has_its_own_noise(kind, fields):
    """Two pulses on a population with spread, standardised by the twin's step and spread at each cell's state."""
    dev = dataclasses.replace(quiet(kind, **(WIDE | fields)), dw_min_dtod=0.2, w_max_dtod=0.1, w_min_dtod=0.1)
    array = dt.CrossbarArray((128, 200), dev, rng=5)
    cells = twin(array)
    array.set_weights(np.full(array.shape, 0.2))
    z = []
    for polarity in (1, -1):
        v = array.weights + cells.reference
        up, down = cells.steps(v)
        step, own = (up, cells.dwmin_up) if polarity > 0 else (down, cells.dwmin_down)
        std = cells.spread(v, step, own)
        array.pulse(polarity)
        moved = std > 1e-5  # a dead step without noise
        z.append((polarity * (array.weights + cells.reference - v) - step)[moved] / std[moved])
        stats.assert_normal(z[-1], 0.0, 1.0, f"polarity {polarity}")
    if z[0].size == z[1].size:
        stats.assert_uncorrelated(*z, "first and second pulse")


@pytest.mark.parametrize("count", [2, 31])
@pytest.mark.parametrize("start", [0.95, -0.3])
@pytest.mark.parametrize(("kind", "fields"), [case.values[:2] for case in SINGLE])
def test_many_pulses_keep_the_pulse_by_pulse_law(kind, fields, start, count, rng):
    """Coarse and noisy, on and off the bounds: every pulse with its own draw and its own clip."""
    shape = (128, 128)
    dev = equal(quiet(kind, **(WIDE | fields | {"dw_min": 0.05, "dw_min_std": 1.5})))
    array = dt.CrossbarArray(shape, dev, rng=6)
    cells = twin(array)
    array.set_weights(np.full(shape, start))
    array.pulse(+1, count)
    expected = cells.pulses(np.full(shape, start), 1, count, rng).astype(np.float32)
    stats.assert_ks_two(np.round(array.weights, 5), np.round(expected, 5))
    stats.assert_mean(array.weights.astype(np.float64).ravel() - expected.ravel(), 0.0, slack=1e-6)


@pytest.mark.parametrize("name", ["linear", "exp-complex", "pow", "pow-reference", "piecewise"])
def test_coincidences_keep_the_pulse_by_pulse_law(name, rng):
    """Contract 2 for the coincidence paths: one row that always fires, columns with binomial counts."""
    cells, slots = 16_000, 31
    dev = equal(make(name, dw_min=0.02, dw_min_std=1.0, w_max=1.0, w_min=-1.0))
    array = dt.CrossbarArray((1, cells), dev, rng=7)
    own = twin(array)
    array.set_weights(np.full((1, cells), 0.5))
    v = array.weights + own.reference
    x = np.where(rng.random(cells) < 0.5, 0.5, 0.125).astype(np.float32)
    x[0] = 1.0
    g = granularity(dev)
    for sign in (-1, 1, -1):
        array.update(x[None], [[float(sign)]], slots * g, dt.PulseUpdate(desired_bl=slots, update_bl_management=False))
        n = rng.binomial(slots, np.broadcast_to(x, v.shape))
        for t in range(slots):
            v = own.pulse(v, np.where(t < n, -sign, 0), rng.standard_normal(v.shape))
    got, expected = array.weights[0, 1:], (v - own.reference)[0, 1:].astype(np.float32)
    stats.assert_ks_two(np.round(got, 5), np.round(expected, 5))
    stats.assert_mean(got.astype(np.float64) - expected, 0.0)


@pytest.mark.parametrize("name", WRITING)
def test_write_noise(name, rng):
    """Apparent = persistent + write_noise_std dw_min xi: on setting, after pulses, redrawn and never piled up."""
    shape = (128, 128)
    dev = make(name, dw_min=0.01, write_noise_std=5.0, apply_write_noise_on_set=False)
    array = dt.CrossbarArray(shape, dev, rng=8)
    cells = twin(array)
    array.set_weights(rng.uniform(-0.2, 0.2, shape))
    start = array.weights  # without write noise: the persistent weight itself
    array.pulse(1, 3)
    first = array.weights - cells.pulses(start, 1, 3)
    stats.assert_normal(first, 0.0, 0.05, "after pulses")
    array.pulse(-1, 2)
    second = array.weights - cells.pulses(cells.pulses(start, 1, 3), -1, 2)
    stats.assert_normal(second, 0.0, 0.05, "after more pulses")
    stats.assert_uncorrelated(first, second)
    loud = dt.CrossbarArray(shape, dataclasses.replace(dev, apply_write_noise_on_set=True), rng=8)
    loud.set_weights(start)
    stats.assert_normal(loud.weights - start, 0.0, 0.05, "on set")


@pytest.mark.parametrize("name", ["constant", "pow-reference"])
def test_models_without_write_noise_have_no_such_field(name):
    assert not hasattr(make(name), "write_noise_std")
