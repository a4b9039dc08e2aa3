"""What must hold for every legal device and every input (hypothesis)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from helpers.build import KINDS, device, pulses, twin_of

SHAPE = (5, 7)
seeds = st.integers(0, 2**32 - 1)


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


@st.composite
def devices(draw, noise=True, consistent=None, constant=True):
    """Any device without write noise (which moves the apparent weight beyond the bounds by design)."""
    kind = draw(st.sampled_from(KINDS if constant else KINDS[1:]))
    fields = {
        "w_max": draw(numbers(0.0625, 2)),
        "w_min": -draw(numbers(0.0625, 2)),
        "w_max_dtod": draw(numbers(0, 0.5)),
        "w_min_dtod": draw(numbers(0, 0.5)),
        "dw_min": draw(st.sampled_from([1e-4, 0.001, 0.01, 0.1, 0.4622])),
        "dw_min_dtod": draw(numbers(0, 0.8)),
        "dw_min_dtod_log_normal": draw(st.booleans()),
        "dw_min_std": draw(numbers(0, 5)) if noise else 0.0,
        "up_down": draw(numbers(-0.5, 0.5)),
        "up_down_dtod": draw(numbers(0, 0.125)),
        "enforce_consistency": draw(st.booleans()) if consistent is None else consistent,
        "corrupt_devices_prob": draw(st.sampled_from([0.0, 0.3])),
        "corrupt_devices_range": draw(numbers(0.015625, 1)),
    }
    if kind != "ConstantStep":
        fields["mult_noise"] = draw(st.booleans())
    if kind == "SoftBoundsReference":
        fields |= {
            "slope_up_dtod": draw(numbers(0, 0.25)),
            "slope_down_dtod": draw(numbers(0, 0.25)),
            "reference_mean": draw(numbers(-0.5, 0.5)),
            "reference_std": draw(numbers(0, 0.5)),
            "subtract_symmetry_point": draw(st.booleans()),
        }
    return device(kind, **fields)


def slack(cells):
    """Float32: the apparent weight is v - r, rounded."""
    return 4e-7 * (1 + np.abs(cells.reference) + np.maximum(np.abs(cells.max_bound), np.abs(cells.min_bound)))


def assert_inside(array, cells):
    v = array.weights.astype(np.float64) + cells.reference
    assert np.all(np.isfinite(v))
    assert np.all(v <= cells.max_bound + slack(cells))
    assert np.all(v >= cells.min_bound - slack(cells))


OPERATIONS = {
    "set": lambda a, g: a.set_weights(g.uniform(-3, 3, SHAPE)),
    "up": lambda a, g: a.pulse(+1, int(g.integers(1, 40))),
    "down": lambda a, g: a.pulse(-1, int(g.integers(1, 40))),
    "mask": lambda a, g: a.pulse(g.integers(-1, 2, SHAPE).astype(np.int8), 3),
    "random": lambda a, g: a.pulse_random(int(g.integers(1, 40))),
    "pulsed": lambda a, g: a.increment(g.standard_normal(SHAPE)),
    "mean_field": lambda a, g: a.increment(g.standard_normal(SHAPE), mode="mean_field"),
    "update": lambda a, g: a.update(g.standard_normal((3, 7)), g.standard_normal((3, 5)), 0.1),
    "shift": lambda a, g: dt.zero_shift(a, 20, scheme="stochastic"),
}


@given(devices(), seeds, st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=1, max_size=6))
def test_weights_never_leave_their_cells_bounds(dev, seed, names):
    array = dt.CrossbarArray(SHAPE, dev, rng=seed)
    cells = twin_of(array, dev)
    generator = np.random.default_rng(seed)
    assert_inside(array, cells)
    for name in names:
        OPERATIONS[name](array, generator)
        assert_inside(array, cells)


@given(devices(noise=False, consistent=True), seeds, st.integers(1, 40), st.sampled_from([1, -1]))
def test_a_noise_free_pulse_never_goes_the_wrong_way(dev, seed, count, polarity):
    array = dt.CrossbarArray(SHAPE, dev, rng=seed)
    cells = twin_of(array, dev)
    array.set_weights(np.random.default_rng(seed).uniform(-2, 2, SHAPE))
    before = array.weights
    array.pulse(polarity, count)
    assert np.all(polarity * (array.weights - before) >= -slack(cells))
    stuck = cells.max_bound == cells.min_bound
    np.testing.assert_array_equal(array.weights[stuck], before[stuck])


@given(devices(noise=False, consistent=True), seeds, st.integers(0, 2**16))
def test_noise_free_pulses_keep_order(dev, seed, other):
    """A cell's map is monotone while a step is smaller than the distance it shrinks over (s <= |b|)."""
    cells = dt.CrossbarArray(SHAPE, dev, rng=seed).cell_parameters()
    steep = (cells["dwmin_up"] > np.abs(cells["max_bound"])) | (cells["dwmin_down"] > np.abs(cells["min_bound"]))
    generator = np.random.default_rng(other)
    first, second = generator.uniform(-1, 1, SHAPE), generator.uniform(-1, 1, SHAPE)
    results = []
    for start in (np.minimum(first, second), np.maximum(first, second)):
        array = dt.CrossbarArray(SHAPE, dev, rng=seed)
        array.set_weights(start)
        array.pulse(np.where(np.indices(SHAPE).sum(axis=0) % 2, 1, -1).astype(np.int8), 3)
        results.append(array.weights)
    limit = slack(twin_of(array, dev))
    assert np.all((results[0] <= results[1] + limit) | steep)


@given(devices(), seeds, st.sampled_from(["x", "d", "both"]), st.sampled_from(["stochastic", "mean_count"]))
def test_zero_input_causes_no_pulse(dev, seed, zero, pulse_type):
    generator = np.random.default_rng(seed)
    x = np.zeros((2, 7)) if zero != "d" else generator.standard_normal((2, 7))
    d = np.zeros((2, 5)) if zero != "x" else generator.standard_normal((2, 5))
    array = dt.CrossbarArray(SHAPE, dev, rng=seed)
    before = array.weights
    array.update(x, d, 0.1, pulses=dt.PulseUpdate(pulse_type=pulse_type))
    np.testing.assert_array_equal(array.weights, before)
    assert pulses(array) == (0, 0)


@given(devices(), seeds)
def test_f_and_g_rebuild_the_responses(dev, seed):
    array = dt.CrossbarArray(SHAPE, dev, rng=seed)
    w = array.weights
    q_plus, q_minus = (q.astype(np.float64) for q in array.response(w))
    f, g = array.symmetric_part(w), array.asymmetric_part(w)
    tolerance = 1e-6 * (1 + np.abs(q_plus) + np.abs(q_minus))
    assert np.all(np.abs(f - g - q_plus) <= tolerance)
    assert np.all(np.abs(f + g - q_minus) <= tolerance)


@pytest.mark.filterwarnings("ignore::dsptrack.NoSymmetricPointWarning")  # stuck cells have none
@given(devices(consistent=True, constant=False), seeds)
def test_g_vanishes_at_the_symmetric_point(dev, seed):
    array = dt.CrossbarArray(SHAPE, dev, rng=seed)
    cells = twin_of(array, dev)
    point = array.symmetric_point()
    healthy = (cells.dwmin_up > 0) & (cells.dwmin_down > 0) & (cells.max_bound > 0.01) & (cells.min_bound < -0.01)
    assert np.all(np.isfinite(point[healthy]))
    g = array.asymmetric_part(np.nan_to_num(point))
    # A last bit of w (and of r) shows in G through the slopes s / (b dw_min)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (cells.dwmin_up / cells.max_bound - cells.dwmin_down / cells.min_bound) / cells.dw_min
    size = 1 + np.abs(cells.reference) + np.abs(point)
    tolerance = 1e-6 * (size * slope + (cells.dwmin_up + cells.dwmin_down) / cells.dw_min)
    assert np.all(np.abs(g[healthy]) <= tolerance[healthy])


@given(devices(), seeds, st.integers(1, 4))
def test_same_seed_same_bits(dev, seed, threads):
    first, second = (dt.CrossbarArray(SHAPE, dev, rng=seed, num_threads=t) for t in (1, threads))
    generators = [np.random.default_rng(seed) for _ in range(2)]
    for name in sorted(OPERATIONS):
        OPERATIONS[name](first, generators[0])
        OPERATIONS[name](second, generators[1])
    np.testing.assert_array_equal(first.weights, second.weights)
