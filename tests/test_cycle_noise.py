"""Cycle-to-cycle noise: moments, clipping, many pulses, write noise (02 sections 2.3 and 2.5)."""

import numpy as np
import pytest
from scipy.stats import norm

import dsptrack as dt
from helpers import stats
from helpers.build import device, quiet, spread_weights, twin_of

SHAPE = (256, 256)

# (kind, fields, mean step of an up pulse from 0.2, its standard deviation); bounds +-1, dw_min 0.01, noise 0.5
SINGLE = [
    pytest.param("ConstantStep", {}, 0.01, 0.005, id="constant"),
    pytest.param("SoftBounds", {}, 0.008, 0.004, id="soft-multiplicative"),
    pytest.param("SoftBounds", {"mult_noise": False}, 0.008, 0.005, id="soft-additive"),
    pytest.param("SoftBoundsReference", {}, 0.008, 0.005, id="reference-additive"),
    pytest.param("SoftBoundsReference", {"mult_noise": True}, 0.008, 0.004, id="reference-multiplicative"),
]


def noisy(kind, **fields):
    return quiet(kind, **({"w_max": 1.0, "w_min": -1.0, "dw_min": 0.01, "dw_min_std": 0.5} | fields))


@pytest.mark.parametrize(("kind", "fields", "mean", "std"), SINGLE)
def test_one_pulse(kind, fields, mean, std):
    array = dt.CrossbarArray(SHAPE, noisy(kind, **fields), rng=1)
    for polarity, start in ((1, 0.2), (-1, -0.2)):
        array.set_weights(np.full(SHAPE, start))
        array.pulse(polarity)
        step = polarity * (array.weights.astype(np.float64) - np.float32(start))
        stats.assert_normal(step, mean, std, f"polarity {polarity}")


@pytest.mark.parametrize("count", [1, 5, 31, 200])
@pytest.mark.parametrize(("kind", "fields"), [case.values[:2] for case in SINGLE])
def test_many_pulses_on_a_population(kind, fields, count):
    """Standardised cell by cell with the exact moments: any error in a cell's mean or variance shows."""
    dev = noisy(kind, **({"dw_min": 0.002, "dw_min_dtod": 0.2, "w_max_dtod": 0.1, "w_min_dtod": 0.1} | fields))
    array = dt.CrossbarArray((128, 200), dev, rng=2)
    cells = twin_of(array, dev)
    start = np.full(array.shape, -0.1, dtype=np.float32)
    array.set_weights(start)
    array.pulse(+1, count)
    mean, variance = cells.moments(start, [(1.0, 0.0)] * count)
    z = (array.weights - mean) / np.sqrt(variance)
    # Products of multiplicative noise are not exactly normal: their skewness stays below 1e-3 at this step size
    stats.assert_normal(z, 0.0, 1.0, f"{count} pulses")


@pytest.mark.parametrize("count", [1, 9])
def test_noise_is_fresh_for_every_pulse_and_cell(count):
    array = dt.CrossbarArray(SHAPE, noisy("ConstantStep"), rng=3)
    steps = []
    before = array.weights.astype(np.float64)
    for _ in range(3):
        array.pulse(+1, count)
        after = array.weights.astype(np.float64)
        steps.append(after - before)
        before = after
    stats.assert_uncorrelated(steps[0], steps[1], "calls 1 and 2")
    stats.assert_uncorrelated(steps[0], steps[2], "calls 1 and 3")
    for lag in (1, 2, 4, 8, 16):
        stats.assert_uncorrelated(steps[0][:, lag:], steps[0][:, :-lag], f"columns, lag {lag}")
        stats.assert_uncorrelated(steps[0][lag:], steps[0][:-lag], f"rows, lag {lag}")


def test_one_pulse_at_the_bound_is_clipped():
    """w + s (1 + sigma xi) with s = 0.1, sigma = 0.5, a quarter of a step below the bound."""
    array = dt.CrossbarArray(SHAPE, noisy("ConstantStep", dw_min=0.1), rng=4)
    array.set_weights(np.full(SHAPE, 0.975))
    array.pulse(+1)
    w = array.weights
    assert w.max() == 1.0
    stats.assert_fraction(w == 1.0, 1 - norm.cdf((0.025 - 0.1) / 0.05))
    stats.assert_fraction(w < 0.975, norm.cdf(-0.1 / 0.05), "a negative noisy step is applied as it is")


@pytest.mark.parametrize("count", [2, 31])
@pytest.mark.parametrize("start", [0.95, 0.5])
@pytest.mark.parametrize(("kind", "fields"), [case.values[:2] for case in SINGLE])
def test_pulses_near_a_bound_keep_the_pulse_by_pulse_law(kind, fields, start, count, rng):
    """Contract 2: no path may clip once where the law clips after every pulse."""
    dev = noisy(kind, **({"dw_min": 0.05, "dw_min_std": 2.0} | fields))
    array = dt.CrossbarArray(SHAPE, dev, rng=5)
    array.set_weights(np.full(SHAPE, start))
    array.pulse(+1, count)
    cells = twin_of(array, dev)
    expected = cells.pulses(np.full(SHAPE, start), 1, count, rng).astype(np.float32)
    # Rounded, so that a cell on its bound and one a last bit below it count as the same atom
    stats.assert_ks_two(np.round(array.weights, 5), np.round(expected, 5))
    stats.assert_mean(array.weights.astype(np.float64).ravel() - expected.ravel(), 0.0, slack=1e-7)


def test_random_pulses_go_up_half_the_time():
    array = dt.CrossbarArray(SHAPE, quiet("ConstantStep", dw_min=0.25, w_max=8, w_min=-8), rng=6)
    array.set_weights(np.zeros(SHAPE))
    array.pulse_random(1)
    first = array.weights
    assert set(np.unique(first)) == {-0.25, 0.25}
    stats.assert_fraction(first > 0, 0.5)
    for lag in (1, 2, 4, 8, 16):
        stats.assert_uncorrelated(first[:, lag:], first[:, :-lag], f"columns, lag {lag}")
    array.set_weights(np.zeros(SHAPE))
    array.pulse_random(16)
    ups = (array.weights / 0.25 + 16) / 2
    np.testing.assert_array_equal(ups, np.rint(ups))
    stats.assert_mean(ups.ravel(), 8.0, "mean of 16 fair coins")
    stats.assert_covariance(ups.ravel(), ups.ravel(), (8.0, 8.0), 4.0, "variance of 16 fair coins")


# Write noise: the apparent weight is the persistent one plus write_noise_std * dw_min * xi


def writing(kind, **fields):
    return quiet(kind, **({"w_max": 1.0, "w_min": -1.0, "dw_min": 0.01, "write_noise_std": 5.0} | fields))


@pytest.mark.parametrize("kind", ["SoftBounds", "SoftBoundsReference"])
def test_write_noise_on_set(kind):
    target = np.full(SHAPE, 0.2, dtype=np.float32)
    array = dt.CrossbarArray(SHAPE, writing(kind), rng=7)
    array.set_weights(target)
    stats.assert_normal(array.weights - target, 0.0, 0.05)
    first = array.weights
    np.testing.assert_array_equal(array.weights, first, "looking must not redraw")
    array.set_weights(target)
    stats.assert_uncorrelated(array.weights - target, first - target, "set again")
    clean = dt.CrossbarArray(SHAPE, writing(kind, apply_write_noise_on_set=False), rng=7)
    clean.set_weights(target)
    np.testing.assert_allclose(clean.weights, target, rtol=0, atol=1e-7)


@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("kind", ["SoftBounds", "SoftBoundsReference"])
def test_pulses_move_the_persistent_weight(kind, count, rng):
    dev = writing(kind, apply_write_noise_on_set=False, dw_min_dtod=0.3)
    array = dt.CrossbarArray(SHAPE, dev, rng=8)
    cells = twin_of(array, dev)
    start = rng.uniform(-0.5, 0.5, SHAPE).astype(np.float32)
    array.set_weights(start)
    array.pulse(+1, count)
    first = array.weights - cells.pulses(start, 1, count)
    stats.assert_normal(first, 0.0, 0.05, "after the first call")
    array.pulse(-1, count)
    second = array.weights - cells.pulses(cells.pulses(start, 1, count), -1, count)
    stats.assert_normal(second, 0.0, 0.05, "noise must not pile up")
    stats.assert_uncorrelated(first, second, "redrawn")


def test_only_pulsed_cells_are_redrawn(rng):
    array = dt.CrossbarArray(SHAPE, writing("SoftBounds"), rng=9)
    array.set_weights(np.zeros(SHAPE))
    before = array.weights
    mask = rng.integers(-1, 2, SHAPE).astype(np.int8)
    array.pulse(mask)
    after = array.weights
    np.testing.assert_array_equal(after[mask == 0], before[mask == 0])
    assert np.all(after[mask != 0] != before[mask != 0])


def test_an_update_redraws_only_cells_with_coincidences():
    array = dt.CrossbarArray((4, 6), writing("SoftBoundsReference"), rng=10)
    array.set_weights(np.zeros((4, 6)))
    before = array.weights
    array.update([[1, 0, 1, 0, 0, 1]], [[1, 0, 0, -1]], 0.05)
    changed = np.outer([1, 0, 0, 1], [1, 0, 1, 0, 0, 1]).astype(bool)
    np.testing.assert_array_equal(array.weights != before, changed)


def test_reads_see_the_apparent_weight():
    array = dt.CrossbarArray((8, 5), writing("SoftBounds"), rng=11)
    array.set_weights(np.zeros((8, 5)))
    np.testing.assert_allclose(array.forward(np.eye(5), dt.Periphery.ideal()), array.weights.T, rtol=0, atol=1e-6)


def test_write_noise_does_not_shift_the_clip():
    """The persistent weight is clipped, the apparent one is not: half of the cells at the bound look beyond it."""
    array = dt.CrossbarArray(SHAPE, writing("SoftBounds"), rng=12)
    array.set_weights(np.full(SHAPE, 5.0))
    stats.assert_normal(array.weights, 1.0, 0.05)


def test_noise_free_cells_do_not_depend_on_the_stream():
    dev = device("SoftBounds", dw_min=0.02, dw_min_std=0.0)
    cells = dt.CrossbarArray((16, 16), dev, rng=0).cell_parameters()
    results = []
    for seed in (13, 14):
        array = dt.CrossbarArray((16, 16), dev, rng=seed, cell_parameters=cells)
        array.set_weights(spread_weights(twin_of(array, dev), np.random.default_rng(1)))
        array.pulse(+1, 11)
        results.append(array.weights)
    np.testing.assert_array_equal(*results)
