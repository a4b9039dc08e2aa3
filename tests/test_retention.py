"""Decay, diffusion, reset, drift and clipping: nothing but the formulas of 02 section 2.6, clipped to the bounds."""

import numpy as np
import pytest
from scipy.stats import norm

import dsptrack as dt
from helpers import states, stats
from helpers.build import device, quiet, spread_weights
from helpers.retention import Drift, bounded, decay_scale, decayed
from helpers.zoo import KINDS, WRITING, assert_inside, make, twin

SHAPE = (33, 47)
LARGE = (200, 200)
AGEING = {
    "lifetime": 5.0,
    "lifetime_dtod": 0.3,
    "diffusion": 0.02,
    "diffusion_dtod": 0.3,
    "reset": 0.05,
    "reset_dtod": 0.1,
    "drift_nu": 0.1,
    "drift_nu_dtod": 0.3,
}


def placed_at_random(name, rng, seed=1, shape=SHAPE, **fields):
    """An array of a model with these fields at random states, its twin, and its weights."""
    array = dt.CrossbarArray(shape, make(name, **fields), rng=seed)
    cells = twin(array)
    array.set_weights(spread_weights(cells, rng))
    return array, cells, array.weights


def wide(shape=LARGE, seed=1, **fields):
    """Equal ConstantStep cells with bounds far away, at 0.4."""
    array = dt.CrossbarArray(shape, quiet("ConstantStep", w_max=100, w_min=-100, **fields), rng=seed)
    array.set_weights(np.full(shape, 0.4))
    return array


# Decay


@pytest.mark.parametrize("name", KINDS)
def test_decay(name, rng):
    fields = {"lifetime": 5.0, "lifetime_dtod": 0.3, "reset": 0.05, "reset_dtod": 0.1}
    array, cells, w = placed_at_random(name, rng, **fields)
    planes = array.cell_parameters()
    for alpha in (1.0, 0.5, 0.0):
        array.decay(alpha)
        expected = decayed(cells, w, alpha, planes["decay_scale"], planes["reset_bias"])
        np.testing.assert_allclose(array.weights, expected, rtol=0, atol=1e-6)
        w = array.weights


def test_decay_by_hand():
    """02 section 10: W (1 - 1/lifetime) with lifetime 10; and towards a bias of 0.2."""
    array = wide((2, 3), lifetime=10)
    array.decay()
    np.testing.assert_allclose(array.weights, 0.36, rtol=0, atol=1e-7)
    array = wide((2, 3), lifetime=10, reset=0.2)
    array.decay()
    array.decay()
    np.testing.assert_allclose(array.weights, 0.2 + 0.2 * 0.81, rtol=0, atol=1e-7)
    array = wide((2, 3), lifetime=0.5, reset=0.2)
    array.decay()
    np.testing.assert_allclose(array.weights, 0.2, rtol=0, atol=1e-7, err_msg="a lifetime <= 1 forgets at once")


def test_repeated_decay_is_exponential():
    array = wide((2, 3), lifetime=50)
    for _ in range(100):
        array.decay()
    np.testing.assert_allclose(array.weights, 0.4 * (1 - 1 / 50) ** 100, rtol=1e-5)


@pytest.mark.parametrize(("lifetime", "spread"), [(10.0, 0.2), (1.5, 0.5), (0.7, 1.0)])
def test_law_of_the_lifetimes(lifetime, spread, rng):
    dev = device("SoftBounds", lifetime=lifetime, lifetime_dtod=spread)
    scale = dt.CrossbarArray(LARGE, dev, rng=2).cell_parameters()["decay_scale"]
    stats.assert_ks_two(np.round(scale, 6), np.round(decay_scale(dev, LARGE, rng), 6))
    stats.assert_fraction(scale == 0, norm.cdf((1 / lifetime - 1) / spread), "T <= 1")
    if lifetime == 10:
        stats.assert_normal(1 / (1 - scale.astype(np.float64)), lifetime, lifetime * spread, "T")


def test_law_of_the_biases():
    dev = device("LinearStep", reset=0.05, reset_dtod=0.02, lifetime=10)
    array = dt.CrossbarArray(LARGE, dev, rng=3)
    stats.assert_normal(array.cell_parameters()["reset_bias"], 0.05, 0.02, "reset bias: additive spread")
    for _ in range(200):
        array.decay()
    np.testing.assert_allclose(array.weights, bounded(twin(array), array.cell_parameters()["reset_bias"]), atol=1e-6)


# Diffusion


@pytest.mark.parametrize("name", KINDS)
def test_diffusion(name):
    array = dt.CrossbarArray(LARGE, make(name, diffusion=0.004, diffusion_dtod=0.3), rng=4)
    cells = twin(array)
    array.set_weights(np.zeros(LARGE))
    rate = array.cell_parameters()["diffusion_rate"].astype(np.float64)
    free = np.minimum(cells.max_bound - cells.reference, cells.reference - cells.min_bound) > 0.1
    steps = []
    for _ in range(2):
        before = array.weights.astype(np.float64)
        array.diffuse()
        steps.append(((array.weights - before) / rate)[free])
    # float32 weights: a step of 0.004 is rounded to a part in 1e5
    stats.assert_normal(steps[0], 0.0, 1.0, "in units of each cell's own rate")
    stats.assert_uncorrelated(*steps, "two calls")


def test_diffusion_spreads_as_the_root_of_time():
    array = wide(diffusion=0.1)
    for _ in range(25):
        array.diffuse()
    stats.assert_normal(array.weights - 0.4, 0.0, 0.5)
    dev = device("SoftBounds", diffusion=0.1, diffusion_dtod=0.2)
    rate = dt.CrossbarArray(LARGE, dev, rng=5).cell_parameters()["diffusion_rate"]
    stats.assert_normal(rate, 0.1, 0.02, "rates")
    dev = device("SoftBounds", diffusion=0.1, diffusion_dtod=2.0)
    rate = dt.CrossbarArray(LARGE, dev, rng=5).cell_parameters()["diffusion_rate"]
    stats.assert_ks(rate / 0.1, lambda q: norm.cdf((q - 1) / 2) - norm.cdf((-q - 1) / 2), "magnitudes")


# Reset


@pytest.mark.parametrize("name", KINDS)
def test_reset_goes_to_the_bias(name, rng):
    array, cells, _ = placed_at_random(name, rng, reset=0.05, reset_dtod=0.1, reset_std=0.0)
    array.reset()
    expected = bounded(cells, array.cell_parameters()["reset_bias"])
    np.testing.assert_allclose(array.weights, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("up_down", [0.3, -0.3])
@pytest.mark.parametrize("kind", ["SoftBoundsReference", "PowStepReference"])
def test_a_subtracted_symmetric_point_does_not_move_the_bias(kind, up_down):
    """The peer's suspected defect 6 (02 section 2.6): a reference of 0.173 made a reset give +0.173 there."""
    dev = quiet(kind, up_down=up_down, subtract_symmetry_point=True, reset=0.1, reset_std=0.0)
    array = dt.CrossbarArray((3, 3), dev, rng=6)
    assert np.all(np.abs(array.cell_parameters()["reference"]) > 0.05)
    array.reset()
    np.testing.assert_allclose(array.weights, 0.1, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("start", "count", "columns"),
    [(0, 0, []), (0, 1, [0]), (3, 2, [3, 4]), (5, 4, [5, 6, 0, 1]), (2, 7, range(7)), (6, 1, [6]), (4, None, range(7))],
    ids=str,
)
def test_windows_of_columns_wrap(start, count, columns):
    array = wide((5, 7), reset=-0.2, reset_std=0.0)
    array.reset(start=start, count=count)
    expected = np.full((5, 7), 0.4)
    expected[:, list(columns)] = -0.2
    np.testing.assert_allclose(array.weights, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_cells_are_reset_independently(probability):
    array = wide(reset=-0.2, reset_std=0.01)
    array.reset(start=150, count=100, probability=probability)
    w = array.weights
    inside = np.zeros(LARGE, dtype=bool)
    inside[:, np.arange(150, 250) % 200] = True
    np.testing.assert_array_equal(w[~inside], np.float32(0.4))
    hit = w < 0.1
    if probability in (0.0, 1.0):
        assert np.all(hit[inside] == bool(probability))
    else:
        stats.assert_fraction(hit[inside], probability)
        flags = hit[:, :50].astype(float)
        stats.assert_uncorrelated(flags[:, 1:], flags[:, :-1], "neighbouring columns")
        stats.assert_uncorrelated(flags[1:], flags[:-1], "neighbouring rows")
    if probability > 0:
        stats.assert_normal(w[hit], -0.2, 0.01, "spread from reset to reset")


def test_every_reset_is_fresh():
    array = wide(reset_std=0.05, reset=0.1)
    draws = []
    for _ in range(2):
        array.reset()
        draws.append(array.weights)
    stats.assert_normal(draws[0], 0.1, 0.05)
    stats.assert_uncorrelated(*draws)


# Drift


@pytest.mark.parametrize("name", KINDS)
def test_drift_is_a_power_law_with_a_clock_per_cell(name, rng):
    array, cells, _ = placed_at_random(name, rng, drift_nu=0.2, drift_nu_dtod=0.3, drift_t0=0.5)
    law = Drift(cells, array.device, array.cell_parameters()["drift_nu"])
    for n, time in enumerate((0.2, 3.0, 0.1, 10.0, 40.0)):
        before = array.weights
        if n in (2, 3):  # write some of the cells: their clocks start anew, the others' go on
            mask = rng.integers(0, 2, SHAPE).astype(np.int8) * (1 if n == 2 else -1)
            array.pulse(mask, 2)
            np.testing.assert_array_equal(array.weights[mask == 0], before[mask == 0])
        expected = law(array.weights, time)
        array.drift(time)
        np.testing.assert_allclose(array.weights, expected, rtol=0, atol=2e-6, err_msg=f"call {n}")


def test_drift_by_hand():
    """02 section 10: W dt^-nu with nu 0.1 and dt 2; then the total time counts, not the last interval."""
    array = wide((2, 3), drift_nu=0.1)
    array.drift(2.0)
    np.testing.assert_allclose(array.weights, 0.4 * 2**-0.1, rtol=1e-6)
    array.drift(6.0)
    np.testing.assert_allclose(array.weights, 0.4 * 8**-0.1, rtol=1e-6)
    array.drift(0.5)
    np.testing.assert_allclose(array.weights, 0.4 * 8.5**-0.1, rtol=1e-6)
    array = wide((2, 3), drift_nu=0.1, drift_t0=3.0)
    array.drift(2.0)
    np.testing.assert_array_equal(array.weights, np.float32(0.4), "nothing drifts before t0")
    array.drift(4.0)
    np.testing.assert_allclose(array.weights, 0.4 * 2**-0.1, rtol=1e-6)


def test_only_changes_beyond_the_tolerance_start_the_clock():
    array = dt.CrossbarArray((1, 2), quiet("ConstantStep", dw_min=0.01, drift_nu=0.5, drift_reset_tol=0.015), rng=7)
    array.set_weights([[0.4, 0.4]])
    array.drift(4.0)
    np.testing.assert_allclose(array.weights, 0.2, rtol=1e-6)
    array.pulse([[1, 1]])
    array.pulse([[0, 1]])  # 0.21 and 0.22: below and above the tolerance
    array.drift(5.0)
    np.testing.assert_allclose(array.weights, [[0.4 / 3, 0.22 / np.sqrt(5)]], rtol=1e-5)


def test_laws_of_drift():
    """Exponents: fixed relative spread between cells, fresh relative spread in every call; noise in weight units."""
    dev = device("SoftBounds", drift_nu=0.3, drift_nu_dtod=0.1)
    nu = dt.CrossbarArray(LARGE, dev, rng=8).cell_parameters()["drift_nu"]
    stats.assert_normal(nu, 0.3, 0.03, "drift_nu")
    array = wide(drift_nu=0.3, drift_nu_std=0.2)
    exponents = []
    for time in (10.0, 100.0):
        array.drift(time)
        total = 10.0 if time == 10 else 110.0
        exponents.append(-np.log(array.weights / np.float64(0.4)) / np.log(total))
        stats.assert_normal(exponents[-1], 0.3, 0.06, f"after {time}")
    stats.assert_uncorrelated(*exponents, "calls")
    array = wide(drift_nu=0.5, drift_w_noise_std=0.01)
    array.drift(4.0)
    first = array.weights - 0.2
    stats.assert_normal(first, 0.0, 0.01, "noise")
    array.drift(12.0)
    second = array.weights - 0.1
    stats.assert_normal(second, 0.0, 0.01, "noise does not pile up and starts no clock")
    stats.assert_uncorrelated(first, second)


# Clipping, and what all have in common


@pytest.mark.parametrize("name", KINDS)
def test_clip(name, rng):
    array, cells, w = placed_at_random(name, rng)
    array.clip(10.0)
    np.testing.assert_allclose(array.weights, w, rtol=0, atol=1e-7)
    array.clip(0.2)
    np.testing.assert_allclose(array.weights, bounded(cells, np.clip(w, -0.2, 0.2)), rtol=0, atol=1e-6)


OPERATIONS = {
    "decay": lambda a: a.decay(),
    "half decay": lambda a: a.decay(0.5),
    "diffuse": lambda a: a.diffuse(),
    "reset": lambda a: a.reset(start=40, count=20, probability=0.7),
    "drift": lambda a: a.drift(7.0),
    "clip": lambda a: a.clip(0.25),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", KINDS)
def test_bounds_hold_and_nothing_is_charged(name, operation, rng):
    fields = AGEING | {"diffusion": 0.5, "reset": 0.5, "reset_dtod": 0.5, "reset_std": 0.3, "drift_w_noise_std": 0.3}
    array, cells, _ = placed_at_random(name, rng, seed=9, corrupt_devices_prob=0.1, **fields)
    ledger = array.ledger
    stuck = cells.max_bound == cells.min_bound
    before = array.weights
    for _ in range(3):
        OPERATIONS[operation](array)
        assert_inside(array, cells)
    assert array.ledger == ledger
    np.testing.assert_allclose(array.weights[stuck], before[stuck], rtol=0, atol=1e-7)
    assert np.any(array.weights != before)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_equal_seeds_and_any_threads(operation):
    results = []
    for threads in (1, 2, 1):
        dev = device("SoftBounds", **AGEING, drift_nu_std=0.1, drift_w_noise_std=0.01)
        array = dt.CrossbarArray((60, 61), dev, rng=10, num_threads=threads)
        array.pulse(1, 20)
        OPERATIONS[operation](array)
        array.pulse_random(3)
        results.append(array.weights)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("operation", ["decay", "diffuse", "drift"])
@pytest.mark.parametrize("name", KINDS)
def test_switched_off_means_nothing_happens(name, operation, rng):
    array, _, w = placed_at_random(name, rng)
    OPERATIONS[operation](array)
    np.testing.assert_array_equal(array.weights, w)


@pytest.mark.parametrize("operation", ["decay", "drift"])
@pytest.mark.parametrize("name", WRITING)
def test_the_persistent_weight_ages_and_write_noise_is_redrawn(name, operation, rng):
    fields = {"lifetime": 4.0, "drift_nu": 0.5, "dw_min": 0.01, "write_noise_std": 4.0}
    array = dt.CrossbarArray(LARGE, make(name, **fields, apply_write_noise_on_set=False), rng=11)
    cells = twin(array)
    array.set_weights(rng.uniform(-0.2, 0.2, LARGE))
    w = array.weights.astype(np.float64)
    excess = []
    for n in (1, 2):
        if operation == "decay":
            array.decay()
            expected = bounded(cells, w * 0.75**n)
        else:
            array.drift(4.0)
            expected = bounded(cells, w * (4.0 * n) ** -0.5)
        excess.append(array.weights - expected)
        stats.assert_normal(excess[-1], 0.0, 0.04, f"call {n}")
    stats.assert_uncorrelated(*excess)


BAD = [
    (lambda a: a.decay(-1.0), "alpha"),
    (lambda a: a.decay(1.5), "alpha"),
    (lambda a: a.decay(float("nan")), "alpha"),
    (lambda a: a.drift(-1.0), "dt"),
    (lambda a: a.drift(float("inf")), "dt"),
    (lambda a: a.clip(-0.1), "bound"),
    (lambda a: a.reset(probability=1.1), "probability"),
    (lambda a: a.reset(start=-1), "start"),
    (lambda a: a.reset(start=7), "start"),
    (lambda a: a.reset(count=8), "count"),
]


@pytest.mark.parametrize(("call", "name"), BAD)
def test_bad_arguments_change_nothing(call, name):
    array = wide((5, 7), **AGEING)
    before = array.weights
    with pytest.raises(dt.ConfigError, match=rf"{name} = .*must be"):
        call(array)
    np.testing.assert_array_equal(array.weights, before)


def test_the_clock_of_a_drift_does_not_stall():
    """Beyond 2^24 a float32 has no next whole number; a saved clock goes on, too."""
    array = dt.CrossbarArray((2, 2), dt.devices.SoftBounds(drift_nu=0.1), rng=0)
    array.drift(2.0**24)
    for _ in range(9):
        array.drift(1.0)
    array.set_weights(np.full((2, 2), 0.2))
    array.drift(1.0)
    array.drift(1.0)
    saved = array.state_dict()
    again = dt.CrossbarArray.from_state_dict(saved)
    for one in (array, again):
        one.drift(3.0)
    states.assert_same(array.state_dict(), again.state_dict())
    drift = again.state_dict()["state"]["drift"]
    assert drift["time"] == 2.0**24 + 14
    np.testing.assert_array_equal(drift["since"], 2.0**24 + 9)
