"""Analog Update (2): exactly in mean field, and with whole pulses an unbiased rounding of it (Assumption 3.4)."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import counter, device, pulses, quiet, spread_weights, twin_of

SHAPE = (33, 29)
DEVICES = [
    pytest.param("ConstantStep", {"up_down": 0.2}, id="constant"),
    pytest.param("SoftBounds", {"up_down": -0.2}, id="soft"),
    pytest.param("SoftBoundsReference", {"reference_mean": 0.2, "reference_std": 0.1}, id="reference"),
]


@pytest.mark.parametrize(("kind", "fields"), DEVICES)
@pytest.mark.parametrize("size", [1e-3, 0.05, 3.0])
def test_mean_field_is_equation_2(kind, fields, size, rng):
    dev = device(kind, dw_min=0.05, dw_min_std=0.0, **fields)
    array = dt.CrossbarArray(SHAPE, dev, rng=1)
    cells = twin_of(array, dev)
    array.set_weights(spread_weights(cells, rng))
    start = array.weights
    delta = (size * rng.standard_normal(SHAPE)).astype(np.float32)
    delta[0] = 0
    array.increment(delta, mode="mean_field")
    expected = cells.mean_field(start, delta)
    np.testing.assert_allclose(array.weights, expected, rtol=0, atol=1e-6 * max(1.0, size))
    np.testing.assert_allclose(array.weights[0], start[0], rtol=0, atol=1e-7)


def test_mean_field_from_the_arrays_own_f_and_g(rng):
    dev = device("SoftBounds", dw_min=0.01, dw_min_std=0.0)
    array = dt.CrossbarArray(SHAPE, dev, rng=2)
    array.set_weights(rng.uniform(-0.05, 0.05, SHAPE))
    w, delta = array.weights, rng.uniform(-0.01, 0.01, SHAPE).astype(np.float32)
    expected = w + delta * array.symmetric_part(w) - np.abs(delta) * array.asymmetric_part(w)
    array.increment(delta, mode="mean_field")
    np.testing.assert_allclose(array.weights, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("wanted", [0.07, 0.5, 0.93, 1.0, 3.25, -0.07, -0.6, -3.25])
def test_pulsed_is_unbiased_whole_pulses(wanted):
    """dw_min = 1: the mean is the wish; rounding to a neighbouring integer has variance f (1 - f)."""
    shape = (100, 200)
    array = dt.CrossbarArray(shape, counter(), rng=3)
    array.set_weights(np.zeros(shape))
    array.increment(np.full(shape, wanted), mode="pulsed")
    got = array.weights.astype(np.float64).ravel()
    low = np.floor(wanted)
    f = wanted - low
    assert set(np.unique(got)) <= {low, low + 1}
    np.testing.assert_array_equal(got, np.rint(got))
    if f:
        stats.assert_fraction(got == low + 1, f)
    b = got - wanted
    stats.assert_mean(b, 0.0, "E[b]", slack=1e-6)
    stats.assert_covariance(b, b, (0.0, 0.0), f * (1 - f), "Var[b]")


@pytest.mark.parametrize("mode", ["pulsed", "mean_field"])
def test_zero_increment_does_nothing(mode):
    array = dt.CrossbarArray(SHAPE, device("SoftBounds", dw_min_std=0.3), rng=4)
    before = array.weights
    array.increment(np.zeros(SHAPE), mode=mode)
    np.testing.assert_array_equal(array.weights, before)
    assert pulses(array) == (0, 0)


def test_pulsed_is_the_default(rng):
    delta = rng.uniform(-0.01, 0.01, SHAPE)
    dev = device("SoftBounds")
    first, second = (dt.CrossbarArray(SHAPE, dev, rng=5) for _ in range(2))
    first.increment(delta)
    second.increment(delta, mode="pulsed")
    np.testing.assert_array_equal(first.weights, second.weights)


def test_the_discretisation_error_is_zero_mean_on_average_steps():
    """Small steps on a soft-bounds cell: mean of the pulsed increment against equation (2), cell noise included."""
    shape = (200, 200)
    dev = quiet("SoftBounds", dw_min=1e-3, dw_min_std=0.5, w_max=1.0, w_min=-0.5)
    array = dt.CrossbarArray(shape, dev, rng=6)
    cells = twin_of(array, dev)
    for delta in (4.3e-3, -4.3e-3):
        array.set_weights(np.full(shape, 0.2))
        start = array.weights
        array.increment(np.full(shape, delta), mode="pulsed")
        mean = cells.mean_field(start, np.full(shape, delta))[0, 0]
        # Within one increment the response moves with the weight: at most |delta|^2 / |b| in all
        stats.assert_mean(array.weights.astype(np.float64).ravel(), mean, slack=delta**2 / 0.5)


def test_increments_stay_inside_the_bounds(rng):
    dev = device("SoftBoundsReference", reference_std=0.1)
    array = dt.CrossbarArray(SHAPE, dev, rng=7)
    cells = twin_of(array, dev)
    for mode in ("pulsed", "mean_field"):
        array.increment(rng.choice([-1.0, 1.0], SHAPE), mode=mode)
        v = array.weights + cells.reference
        assert np.all(v <= cells.max_bound + 1e-6)
        assert np.all(v >= cells.min_bound - 1e-6)


def test_bad_mode():
    array = dt.CrossbarArray((2, 2), counter(), rng=0)
    with pytest.raises(dt.exceptions.DspError, match="mode"):
        array.increment(np.zeros((2, 2)), mode="exact")
