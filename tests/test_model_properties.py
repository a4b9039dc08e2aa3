"""What must hold for every legal device of every model (hypothesis): numbers, bounds, repeatable bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from helpers.build import device
from helpers.zoo import assert_inside, points, slack, twin

KINDS = (
    "ConstantStep",
    "SoftBounds",
    "SoftBoundsReference",
    "LinearStep",
    "ExpStep",
    "PowStep",
    "PowStepReference",
    "PiecewiseStep",
)
SHAPES = st.sampled_from([(1, 1), (1, 1), (5, 7), (1, 17), (18, 1)])
seeds = st.integers(0, 2**32 - 1)
flags = st.booleans()


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


# Tiny and huge steps: below the last bit of any weight, and a thousand times the range
STEPS = st.sampled_from([1e-12, 1e-7, 1e-4, 0.001, 0.03, 0.4622, 3.0, 1000.0])
# Bounds that touch zero on either side, or on both
BOUNDS = st.one_of(st.just(0.0), numbers(1e-3, 3.0))
# Tables that vanish, touch zero or jump
TABLES = st.integers(1, 9).flatmap(
    lambda n: st.tuples(*[st.lists(st.one_of(st.just(0.0), numbers(1e-3, 3)), min_size=n, max_size=n)] * 2)
)


def common(draw, noise):
    """Fields of `Device`."""
    return {
        "w_max": draw(BOUNDS),
        "w_min": -draw(BOUNDS),
        "w_max_dtod": draw(st.sampled_from([0.0, 0.3, 1.5])),
        "w_min_dtod": draw(st.sampled_from([0.0, 0.3, 1.5])),
        "dw_min": draw(STEPS),
        "dw_min_dtod": draw(numbers(0, 1)),
        "dw_min_dtod_log_normal": draw(flags),
        "dw_min_std": draw(numbers(0, 5)) if noise else 0.0,
        "up_down": draw(numbers(-1, 1)),
        "up_down_dtod": draw(numbers(0, 0.125)),
        "enforce_consistency": draw(flags),
        "corrupt_devices_prob": draw(st.sampled_from([0.0, 0.3])),
        "corrupt_devices_range": draw(numbers(0, 1)),
    }


def ageing(draw):
    """Decay, diffusion, reset and drift, from nothing to absurd."""
    return {
        "lifetime": draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, 1e6])),
        "lifetime_dtod": draw(numbers(0, 2)),
        "diffusion": draw(st.sampled_from([0.0, 0.01, 10.0])),
        "diffusion_dtod": draw(numbers(0, 2)),
        "reset": draw(numbers(-2, 2)),
        "reset_dtod": draw(numbers(0, 1)),
        "reset_std": draw(numbers(0, 1)),
        "drift_nu": draw(st.sampled_from([0.0, 0.1, 30.0])),
        "drift_nu_dtod": draw(numbers(0, 2)),
        "drift_nu_std": draw(numbers(0, 2)),
        "drift_t0": draw(st.sampled_from([1e-3, 1.0, 20.0])),
        "drift_w_noise_std": draw(st.sampled_from([0.0, 0.1])),
    }


def reference(draw):
    """Fields of both reference models."""
    return {
        "reference_mean": draw(numbers(-2, 2)),
        "reference_std": draw(numbers(0, 1)),
        "subtract_symmetry_point": draw(flags),
    }


def own(draw, kind, noise):
    """Fields of one model."""
    if kind == "SoftBounds":
        return {"mult_noise": draw(flags)}
    if kind == "SoftBoundsReference":
        slopes = {"slope_up_dtod": draw(numbers(0, 1)), "slope_down_dtod": draw(numbers(0, 1))}
        return slopes | reference(draw) | {"mult_noise": draw(flags)}
    if kind == "LinearStep":
        mult = draw(flags)
        return {
            "gamma_up": draw(numbers(-3, 3)),
            "gamma_down": draw(numbers(-3, 3)),
            "gamma_up_dtod": draw(numbers(0, 1)),
            "gamma_down_dtod": draw(numbers(0, 1)),
            "allow_increasing": draw(flags),
            "mean_bound_reference": draw(flags),
            "mult_noise": mult,
            "reverse_up": mult and draw(flags),
            "reverse_down": mult and draw(flags),
            "reverse_offset": draw(st.sampled_from([0.0, 0.01, 1.0])),
        }
    if kind == "ExpStep":
        # gamma (2 a + b) up to 500: exp overflows float32, and 0 times infinity is near
        return {
            "A_up": draw(st.one_of(st.just(0.0), numbers(-30, 30))),
            "A_down": draw(st.one_of(st.just(0.0), numbers(-30, 30))),
            "gamma_up": draw(numbers(-100, 100)),
            "gamma_down": draw(numbers(-100, 100)),
            "a": draw(numbers(-2, 2)),
            "b": draw(numbers(-1, 1)),
            "dw_min_std_add": draw(st.sampled_from([0.0, 0.05])) if noise else 0.0,
            "dw_min_std_slope": draw(st.sampled_from([0.0, 0.1])) if noise else 0.0,
        }
    if kind.startswith("PowStep"):
        powers = {
            "pow_gamma": draw(st.one_of(st.just(0.0), numbers(0, 8))),
            "pow_gamma_dtod": draw(numbers(0, 1.5)),
            "pow_up_down": draw(numbers(-1, 1)),
            "pow_up_down_dtod": draw(numbers(0, 0.5)),
        }
        return powers | (reference(draw) if kind == "PowStepReference" else {})
    if kind == "PiecewiseStep":
        up, down = draw(TABLES)
        return {"piecewise_up": tuple(up), "piecewise_down": tuple(down)}
    return {}


@st.composite
def devices(draw, kind, noise=True, **fixed):
    """Any legal device of a model without write noise (which moves the apparent weight beyond the bounds by design)."""
    return device(kind, **(common(draw, noise) | ageing(draw) | own(draw, kind, noise) | fixed))


OPERATIONS = {
    "set": lambda a, g: a.set_weights(g.uniform(-4, 4, a.shape)),
    "up": lambda a, g: a.pulse(+1, int(g.integers(1, 40))),
    "down": lambda a, g: a.pulse(-1, int(g.integers(1, 40))),
    "mask": lambda a, g: a.pulse(g.integers(-1, 2, a.shape).astype(np.int8), 3),
    "random": lambda a, g: a.pulse_random(int(g.integers(1, 40))),
    "pulsed": lambda a, g: a.increment(30 * a.device.dw_min * g.standard_normal(a.shape)),
    "mean_field": lambda a, g: a.increment(g.standard_normal(a.shape) * min(1.0, 1e5 * a.device.dw_min), "mean_field"),
    "update": lambda a, g: a.update(g.standard_normal((3, a.shape[1])), g.standard_normal((3, a.shape[0])), 0.1),
    "shift": lambda a, g: dt.zero_shift(a, 20, scheme="stochastic"),
    "program": lambda a, g: a.program(g.uniform(-1, 1, a.shape), tolerance=0.05, max_rounds=5),
    "decay": lambda a, g: a.decay(float(g.random())),
    "diffuse": lambda a, g: a.diffuse(),
    "reset": lambda a, g: a.reset(probability=0.5),
    "drift": lambda a, g: a.drift(float(g.exponential(10.0))),
    "clip": lambda a, g: a.clip(float(g.random())),
}
names = st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=1, max_size=8)


def lived(dev, shape, seed, todo, check=True, **fields):
    """An array after these operations, inside its bounds after each."""
    array = dt.CrossbarArray(shape, dev, rng=seed, **fields)
    cells, generator = twin(array), np.random.default_rng(seed)
    assert_inside(array, cells)
    for name in todo:
        OPERATIONS[name](array, generator)
        if check:
            assert_inside(array, cells)
    return array


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), shape=SHAPES, seed=seeds, todo=names)
def test_weights_are_numbers_inside_their_bounds(kind, data, shape, seed, todo):
    dev = data.draw(devices(kind))
    array = lived(dev, shape, seed, todo)
    for plane in array.cell_parameters().values():
        assert np.all(np.isfinite(plane))
    q_plus, q_minus = array.response(array.weights)
    assert not np.any(np.isnan(q_plus))
    assert not np.any(np.isnan(q_minus))
    point = points(array)
    cells = twin(array)
    there = np.isfinite(point)
    assert not np.any(np.isinf(point))
    v = (point + cells.reference)[there]
    assert np.all(v >= (cells.min_bound - slack(cells))[there])
    assert np.all(v <= (cells.max_bound + slack(cells))[there])


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), shape=SHAPES, seed=seeds, todo=names)
def test_equal_seeds_give_equal_bits_on_any_threads(kind, data, shape, seed, todo):
    dev = data.draw(devices(kind))
    first = lived(dev, shape, seed, todo, check=False, num_threads=1)
    again = lived(dev, shape, seed, todo, check=False, num_threads=2)
    np.testing.assert_array_equal(first.weights, again.weights)
    assert first.ledger == again.ledger


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), seed=seeds, polarity=st.sampled_from([1, -1]))
def test_a_noise_free_pulse_is_the_twins(kind, data, seed, polarity):
    """Any parameters, where a float32 step can be told from the exact one: within a few of its last bits."""
    dev = data.draw(devices(kind, noise=False))
    array = dt.CrossbarArray((5, 7), dev, rng=seed)
    cells = twin(array)
    array.set_weights(np.random.default_rng(seed).uniform(-2, 2, (5, 7)))
    start = array.weights
    array.pulse(polarity)
    v = start + cells.reference
    with np.errstate(over="ignore", invalid="ignore"):
        near = [cells.steps(cells.clip(v + d * slack(cells))) for d in (-1, 0, 1)]
        exact = cells.pulses(start, polarity)
        steps = np.array([up if polarity > 0 else down for up, down in near])
        # The state is known to its last bits, so the step is known to its change over them
        error = 1e-5 * np.abs(steps[1]) + 2 * np.ptp(steps, axis=0) + 2 * slack(cells)
    judged = np.isfinite(error) & np.isfinite(exact)
    assert np.all(np.abs(array.weights - exact)[judged] <= error[judged])


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), seed=seeds)
def test_a_chip_survives_its_own_parameters(kind, data, seed):
    """cell_parameters() of any device are accepted by the constructor and give the same cells."""
    dev = data.draw(devices(kind))
    array = dt.CrossbarArray((3, 4), dev, rng=seed)
    planes = array.cell_parameters()
    again = dt.CrossbarArray((3, 4), dev, rng=seed, cell_parameters=planes)
    for name, values in again.cell_parameters().items():
        np.testing.assert_array_equal(values, planes[name], err_msg=name)
    for a in (array, again):
        a.pulse_random(5)
    np.testing.assert_array_equal(array.weights, again.weights)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), seed=seeds, todo=names)
def test_traces_are_chains(kind, data, seed, todo):
    """Every pulse of every cell, inside the bounds, with finite weights before and after."""
    dev = data.draw(devices(kind))
    array = dt.CrossbarArray((3, 4), dev, rng=seed, count_pulses=True)
    cells, generator = twin(array), np.random.default_rng(seed)
    array.trace([(i, j) for i in range(3) for j in range(4)])
    for name in todo:
        OPERATIONS[name](array, generator)
    records = array.traces()
    assert len(records) == np.sum(array.pulse_counts)
    where = records["row"], records["column"]
    for field in ("before", "after"):
        v = records[field] + cells.reference[where]
        assert np.all(np.isfinite(v))
        assert np.all(v <= (cells.max_bound + slack(cells))[where])
        assert np.all(v >= (cells.min_bound - slack(cells))[where])


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), seed=seeds)
def test_a_point_is_a_zero_of_g(kind, data, seed):
    """Any parameters: G changes sign from - to + or vanishes within the stated 1e-6 of the range."""
    dev = data.draw(devices(kind, enforce_consistency=True))
    array = dt.CrossbarArray((5, 7), dev, rng=seed)
    cells = twin(array)
    point = points(array).astype(np.float64)
    there = np.isfinite(point)
    v = np.where(there, point, 0.0) + cells.reference
    d = 1e-6 * (cells.max_bound - cells.min_bound) + slack(cells)
    with np.errstate(over="ignore", invalid="ignore"):
        (up_low, down_low), (up_high, down_high) = (cells.steps(cells.clip(v + sign * d)) for sign in (-1, 1))
        up, down = cells.steps(cells.clip(v))
        g_low, g, g_high = down_low - up_low, down - up, down_high - up_high
        # Zero to the precision of the point: a table may touch zero, or be zero over a stretch
        small = np.abs(g) <= 1e-5 * (np.abs(up) + np.abs(down)) + np.maximum(np.abs(g_low - g), np.abs(g_high - g))
        crosses = (g_low <= 0) & (g_high >= 0)
        ends = [step for bound in (cells.min_bound, cells.max_bound) for step in cells.steps(bound)]
        float32 = np.max(np.abs(ends), axis=0) < 1e30 * dev.dw_min  # beyond, exp(88) is as good as exp(90)
    assert np.all((small | crosses)[there & float32])


def test_one_cell_arrays_of_every_kind():
    for kind in KINDS:
        array = dt.CrossbarArray((1, 1), device(kind, dw_min=0.05), rng=0, num_threads=8)
        array.trace([(0, 0)])
        array.pulse(1, 3)
        array.update([[1.0]], [[-1.0]], 0.2)
        array.program([[0.1]], tolerance=0.2)
        assert len(array.traces()) == sum(array.ledger[name] for name in ("pulses_up", "pulses_down"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_life(kind):
    """Forty random devices of each model, a hundred random operations each; seeds fixed."""
    generator = np.random.default_rng(1)
    for seed in range(40):
        fields = {"dw_min": float(10 ** generator.uniform(-6, 1)), "dw_min_std": float(generator.uniform(0, 5))}
        fields |= {"w_max": float(generator.uniform(0, 2)), "w_min": -float(generator.uniform(0, 2))}
        fields |= {"lifetime": 9.0, "diffusion": 0.05, "drift_nu": 0.1, "reset_dtod": 0.2, "corrupt_devices_prob": 0.1}
        todo = generator.choice(sorted(OPERATIONS), 100)
        lived(device(kind, **fields), (40, 50), seed, todo)
