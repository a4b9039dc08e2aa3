"""Algorithm 1 of 01 section 2 against closed forms of the soft-bounds cell."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import device, placed, pulses, quiet, twin_of

SHAPE = (128, 256)
SIGNS = {"cyclic": [(1.0, 0.0), (0.0, 1.0)], "stochastic": [(0.5, 0.5), (0.5, 0.5)]}  # of two successive pulses
SCHEMES = list(SIGNS)


def equal_cells(**fields):
    """Equal soft-bounds cells: s+ 0.006, s- 0.004, bounds 0.6 and -0.5; far from its bounds an array stays there."""
    dev = quiet("SoftBoundsReference", **({"dw_min": 0.005} | fields))
    values = {"max_bound": 0.6, "min_bound": -0.5, "dwmin_up": 0.006, "dwmin_down": 0.004, "reference": 0.1}
    return dev, placed(dev, rng=1, **{name: np.full(SHAPE, value) for name, value in values.items()})


@pytest.mark.parametrize("count", [1, 2, 7, 100, 1501])
def test_cyclic_and_noise_free_is_the_twin_pulse_by_pulse(count, rng):
    dev = device("SoftBounds", dw_min=0.02, dw_min_std=0.0)
    array = dt.CrossbarArray((20, 30), dev, rng=2)
    cells = twin_of(array, dev)
    array.set_weights(rng.uniform(-0.5, 0.5, (20, 30)))
    expected = array.weights.astype(np.float64)
    result = dt.zero_shift(array, count, scheme="cyclic")
    for n in range(count):
        expected = cells.pulses(expected, 1 if n % 2 == 0 else -1)
    np.testing.assert_allclose(result.estimate, expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(array.weights, result.estimate)
    assert result.pulses == count


@pytest.mark.parametrize("kind", ["SoftBounds", "SoftBoundsReference"])
def test_cyclic_limit_is_the_closed_form(kind):
    """After many pairs a noise-free cell sits on the pair's fixed point, within a step of its symmetric point."""
    fields = {"dw_min": 0.01, "dw_min_std": 0.0, "dw_min_dtod": 0.1, "w_max_dtod": 0.1, "w_min_dtod": 0.1}
    dev = device(kind, **fields, **({"reference_mean": 0.2, "reference_std": 0.1} if "Reference" in kind else {}))
    array = dt.CrossbarArray((64, 64), dev, rng=3)
    cells = twin_of(array, dev)
    estimate = dt.zero_shift(array, 4000, scheme="cyclic").estimate
    np.testing.assert_allclose(estimate, cells.cyclic_fixed_point(), rtol=0, atol=2e-5)
    step = np.maximum(cells.dwmin_up, cells.dwmin_down)
    assert np.all(np.abs(estimate - array.symmetric_point()) <= step + 1e-5)


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("multiplicative", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("count", [2, 60, 1000])
def test_exact_mean_and_variance(scheme, count, noise, multiplicative):
    """Both moments close, because a soft-bounds step is linear in the weight; noise and random signs included."""
    dev, array = equal_cells(dw_min_std=noise, mult_noise=multiplicative)
    array.set_weights(np.full(SHAPE, 0.15))
    start = array.weights[:1, :1]
    cells = twin_of(array, dev).first()
    estimate = dt.zero_shift(array, count, scheme=scheme).estimate.astype(np.float64).ravel()
    mean, variance = (moment.item() for moment in cells.moments(start, SIGNS[scheme] * (count // 2)))
    stats.assert_mean(estimate, mean, slack=5e-6)
    if noise or scheme == "stochastic":
        stats.assert_covariance(estimate, estimate, (mean, mean), variance, "variance")


@pytest.mark.parametrize("count", [10, 100, 800])
def test_stochastic_mean_decays_as_the_theory_says(count):
    """G is linear with slope G', so E[w_n] - SP = (1 - dw_min G')^n (w_0 - SP), exactly."""
    dev, array = equal_cells()
    array.set_weights(np.full(SHAPE, 0.2))
    point = float(array.symmetric_point()[0, 0])
    high, low = (float(array.asymmetric_part(np.full(SHAPE, point + e))[0, 0]) for e in (0.1, -0.1))
    slope = (high - low) / 0.2
    a, b = 0.006 / 0.6, 0.004 / 0.5
    assert slope * dev.dw_min == pytest.approx((a + b) / 2, rel=1e-4)
    assert point == pytest.approx((0.006 - 0.004) / (a + b) - 0.1, abs=1e-6)
    estimate = dt.zero_shift(array, count, scheme="stochastic").estimate.astype(np.float64)
    stats.assert_mean(estimate.ravel() - point, (1 - (a + b) / 2) ** count * (0.2 - point), slack=5e-6)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_mean_symmetric_point_of_a_population(scheme):
    """The paper's use: a whole array of different cells, long enough; mean of estimate against mean of truth."""
    dev = device(
        "SoftBoundsReference",
        dw_min=0.002,
        dw_min_dtod=0.1,
        w_max_dtod=0.1,
        w_min_dtod=0.1,
        up_down=0.1,
        reference_mean=0.15,
        reference_std=0.05,
    )
    array = dt.CrossbarArray(SHAPE, dev, rng=4)
    cells = twin_of(array, dev)
    array.set_weights(np.zeros(SHAPE))
    estimate = dt.zero_shift(array, 3000, scheme=scheme).estimate
    limit = cells.cyclic_fixed_point() if scheme == "cyclic" else cells.symmetric_point()
    stats.assert_mean((estimate - limit).ravel(), 0.0, slack=1e-5)
    np.testing.assert_allclose(array.symmetric_point(), cells.symmetric_point(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("noise", [0.0, 0.4])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_calls_may_be_split(scheme, noise):
    _, whole = equal_cells(dw_min_std=noise)
    _, parts = equal_cells(dw_min_std=noise)
    once = dt.zero_shift(whole, 1000, scheme=scheme, fidelity="pulse")
    dt.zero_shift(parts, 500, scheme=scheme, fidelity="pulse")
    twice = dt.zero_shift(parts, 500, scheme=scheme, fidelity="pulse")
    np.testing.assert_array_equal(once.estimate, twice.estimate)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_recording_does_not_disturb(scheme):
    _, silent = equal_cells(dw_min_std=0.3)
    _, recorded = equal_cells(dw_min_std=0.3)
    a = dt.zero_shift(silent, 600, scheme=scheme, fidelity="pulse")
    b = dt.zero_shift(recorded, 600, scheme=scheme, record_every=200, fidelity="pulse")
    np.testing.assert_array_equal(a.estimate, b.estimate)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pulses_are_accounted(scheme):
    dev = quiet("SoftBounds", dw_min=0.01)
    array = dt.CrossbarArray((40, 50), dev, rng=5, count_pulses=True)
    dt.zero_shift(array, 300, scheme=scheme)
    up, down = array.pulse_counts
    np.testing.assert_array_equal(up + down, 300)
    assert pulses(array) == (up.sum(), down.sum())
    if scheme == "cyclic":
        assert np.all(up == 150)
    else:
        stats.assert_mean(up.ravel(), 150)
        stats.assert_covariance(up.ravel(), up.ravel(), (150, 150), 75, "binomial variance")


def test_trace():
    dev = device("SoftBounds", dw_min=0.01, dw_min_std=0.2)
    array = dt.CrossbarArray((60, 60), dev, rng=6)
    array.set_weights(np.full((60, 60), 0.3))
    truth = array.symmetric_point().astype(np.float64)
    result = dt.zero_shift(array, 900, scheme="cyclic", record_every=300)
    trace = result.trace
    np.testing.assert_array_equal(trace["pulses"][-3:], [300, 600, 900])
    w = result.estimate.astype(np.float64)
    last = trace[-1]
    assert last["mean"] == pytest.approx(w.mean(), abs=1e-6)
    assert last["std"] == pytest.approx(w.std(), rel=1e-3)
    assert last["offset_mean"] == pytest.approx((truth - w).mean(), abs=1e-6)
    assert last["offset_std"] == pytest.approx(truth.std() - w.std(), abs=1e-4)
    assert last["rms_error"] == pytest.approx(np.sqrt(np.mean((truth - w) ** 2)), rel=1e-4)
    assert trace["rms_error"][0] > trace["rms_error"][-1]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_long_runs_on_a_noisy_population(scheme):
    """Every cell against its own exact moments, standardised; 2,000 pulses."""
    dev = device("SoftBoundsReference", dw_min=0.002, dw_min_dtod=0.2, w_max_dtod=0.1, w_min_dtod=0.1, dw_min_std=1.0)
    array = dt.CrossbarArray((256, 256), dev, rng=7)
    array.set_weights(np.zeros((256, 256)))
    cells = twin_of(array, dev)
    start = array.weights.astype(np.float64)
    estimate = dt.zero_shift(array, 2000, scheme=scheme).estimate
    mean, variance = cells.moments(start, SIGNS[scheme] * 1000)
    z = ((estimate - mean) / np.sqrt(variance)).ravel()
    stats.assert_mean(z, 0.0)
    stats.assert_covariance(z, z, (0.0, 0.0), 1.0, "variance")
