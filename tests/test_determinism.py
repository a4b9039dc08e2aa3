"""Seeds, splitting of calls, and failed calls that must leave no trace."""

import copy

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import RULES, counter, device, quiet

SHAPE = (12, 9)
NOISY = {"dw_min": 0.01, "dw_min_std": 0.5}


def exercise(array, seed=0):
    """Something random of every kind; the final weights."""
    rng = np.random.default_rng(seed)
    array.pulse_random(5)
    array.update(rng.standard_normal((4, SHAPE[1])), rng.standard_normal((4, SHAPE[0])), 0.1)
    array.increment(0.01 * rng.standard_normal(SHAPE))
    dt.zero_shift(array, 21, scheme="stochastic")
    return np.concatenate([array.weights, array.forward(np.eye(SHAPE[1])).T])


def fresh(rng, **fields):
    return dt.CrossbarArray(SHAPE, device("SoftBounds", **(NOISY | fields)), rng=rng)


SEEDS = [
    pytest.param(lambda: 5, id="int"),
    pytest.param(lambda: np.random.SeedSequence(5), id="SeedSequence"),
    pytest.param(lambda: np.random.default_rng(5), id="Generator"),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_same_rng_same_bits(seed):
    np.testing.assert_array_equal(exercise(fresh(seed())), exercise(fresh(seed())))


def test_an_int_is_its_seed_sequence():
    np.testing.assert_array_equal(exercise(fresh(5)), exercise(fresh(np.random.SeedSequence(5))))


def test_none_and_other_seeds_differ():
    results = [exercise(fresh(seed)) for seed in (None, None, 5, 6, 2**40 + 5)]
    for i in range(len(results)):
        for j in range(i):
            assert np.mean(results[i] != results[j]) > 0.5


def test_a_generator_is_advanced():
    generator = np.random.default_rng(5)
    first, second = fresh(generator), fresh(generator)
    assert np.any(first.cell_parameters()["max_bound"] != second.cell_parameters()["max_bound"])


def test_the_seed_of_an_array_does_not_touch_numpys_global_state():
    before = copy.deepcopy(np.random.get_state())  # noqa: NPY002
    exercise(fresh(5))
    fresh(None)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2] == after[2]


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["ConstantStep", "SoftBounds", "SoftBoundsReference"])
def test_pulse_calls_may_be_split(kind, noise):
    """Documented for `pulse`: a and b pulses are a + b pulses, bit for bit."""
    dev = device(kind, dw_min=0.01, dw_min_std=noise)
    whole, parts = (dt.CrossbarArray(SHAPE, dev, rng=1) for _ in range(2))
    for array in (whole, parts):
        array.set_weights(np.zeros(SHAPE))
    whole.pulse(+1, 12)
    for count in (1, 4, 7):
        parts.pulse(+1, count)
    np.testing.assert_array_equal(whole.weights, parts.weights)


@pytest.mark.parametrize("pulse_type", ["deterministic_implicit", "mean_count"])
def test_deterministic_updates_do_not_depend_on_the_splitting(pulse_type, rng):
    """Nothing random: the batch is its vectors one after the other."""
    x, d = rng.uniform(-1, 1, (8, SHAPE[1])), rng.uniform(-1, 1, (8, SHAPE[0]))
    update = dt.PulseUpdate(pulse_type=pulse_type)
    dev = device("SoftBoundsReference", dw_min=0.02, dw_min_std=0.0)
    whole, parts = (dt.CrossbarArray(SHAPE, dev, rng=1) for _ in range(2))
    whole.update(x, d, 0.3, pulses=update)
    for start, stop in ((0, 1), (1, 4), (4, 8)):
        parts.update(x[start:stop], d[start:stop], 0.3, pulses=update)
    np.testing.assert_allclose(whole.weights, parts.weights, rtol=0, atol=2e-6)


def test_splitting_a_stochastic_update_keeps_its_law():
    """Documented for `update`: other random numbers, the same distribution. One row: the columns are independent."""
    cells = 30_000
    dev = quiet("SoftBoundsReference", dw_min=0.02, dw_min_std=1.0, w_max=0.5, w_min=-0.5)
    x = np.full((6, cells), 0.4)
    x[:, 0] = 1.0
    d = np.array([[-1.0], [1.0], [-1.0], [-1.0], [1.0], [-1.0]])
    update = dt.PulseUpdate(update_bl_management=False)
    whole, parts = (dt.CrossbarArray((1, cells), dev, rng=seed) for seed in (1, 2))
    for array in (whole, parts):
        array.set_weights(np.full((1, cells), 0.3))
    whole.update(x, d, 31 * 0.02, pulses=update)
    for b in range(6):
        parts.update(x[b : b + 1], d[b : b + 1], 31 * 0.02, pulses=update)
    stats.assert_ks_two(np.round(whole.weights[0, 1:], 5), np.round(parts.weights[0, 1:], 5))


def test_noise_free_reads_of_a_batch_are_reads_of_its_vectors(rng):
    array = fresh(1)
    array.set_weights(rng.uniform(-0.5, 0.5, SHAPE))
    x, periphery = rng.standard_normal((5, SHAPE[1])), dt.Periphery(out_noise=0.0)
    together = array.forward(x, periphery)
    np.testing.assert_array_equal(together, np.concatenate([array.forward(row[None], periphery) for row in x]))


def test_memory_order_and_dtype_of_inputs_do_not_matter(rng):
    w, x = rng.uniform(-0.5, 0.5, SHAPE).astype(np.float32), rng.standard_normal((6, SHAPE[1])).astype(np.float32)
    d = rng.standard_normal((6, SHAPE[0])).astype(np.float32)
    results = []
    for convert in (
        np.ascontiguousarray,
        np.asfortranarray,
        lambda a: a.astype(np.float64),
        lambda a: a[::-1][::-1],
        lambda a: a.tolist(),
    ):
        array = fresh(1)
        array.set_weights(convert(w))
        array.update(convert(x), convert(d), 0.1)
        results.append(array.weights)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


NAN = np.full(SHAPE, np.nan)
FAILURES = {
    "set shape": (lambda a: a.set_weights(np.zeros((3, 3))), dt.exceptions.ShapeError),
    "set dimensions": (lambda a: a.set_weights(np.zeros(SHAPE[1])), dt.exceptions.ShapeError),
    "set nan": (lambda a: a.set_weights(NAN), dt.exceptions.NonFiniteError),
    "increment shape": (lambda a: a.increment(np.zeros(SHAPE[0])), dt.exceptions.ShapeError),
    "increment nan": (lambda a: a.increment(NAN), dt.exceptions.NonFiniteError),
    "mask shape": (lambda a: a.pulse(np.ones((2, 2), np.int8)), dt.exceptions.ShapeError),
    "mask value": (lambda a: a.pulse(np.full(SHAPE, 2, np.int8)), dt.exceptions.DspError),
    "polarity": (lambda a: a.pulse(3), dt.exceptions.DspError),
    "count": (lambda a: a.pulse(1, -1), dt.exceptions.DspError),
    "update batch": (
        lambda a: a.update(np.zeros((2, SHAPE[1])), np.zeros((3, SHAPE[0])), 0.1),
        dt.exceptions.ShapeError,
    ),
    "update dimensions": (lambda a: a.update(np.zeros(SHAPE[1]), np.zeros(SHAPE[0]), 0.1), dt.exceptions.ShapeError),
    "update nan": (
        lambda a: a.update(np.full((1, SHAPE[1]), np.inf), np.zeros((1, SHAPE[0])), 0.1),
        dt.exceptions.NonFiniteError,
    ),
    "update lr": (
        lambda a: a.update(np.ones((1, SHAPE[1])), np.ones((1, SHAPE[0])), float("nan")),
        dt.exceptions.DspError,
    ),
    "forward": (lambda a: a.forward(np.zeros((2, SHAPE[1] + 1))), dt.exceptions.ShapeError),
    "forward dimensions": (lambda a: a.forward(np.zeros(SHAPE[1])), dt.exceptions.ShapeError),
    "backward": (lambda a: a.backward(np.full((2, SHAPE[0]), np.nan)), dt.exceptions.NonFiniteError),
    "shift": (lambda a: dt.zero_shift(a, -1), dt.exceptions.DspError),
    "scheme": (lambda a: dt.zero_shift(a, 10, scheme="up"), dt.exceptions.DspError),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_call_changes_nothing(name):
    """Neither state nor streams: what follows is what would have followed."""
    call, error = FAILURES[name]
    disturbed, control = fresh(1), fresh(1)
    for array in (disturbed, control):
        array.pulse_random(3)
    before = disturbed.weights
    with pytest.raises(error):
        call(disturbed)
    np.testing.assert_array_equal(disturbed.weights, before)
    assert disturbed.ledger == control.ledger
    np.testing.assert_array_equal(exercise(disturbed), exercise(control))


def test_a_failed_tile_update_changes_nothing(rng):
    rule = dt.algorithms.ERider(device=counter(dw_min=0.01))
    tiles = [dt.AnalogTile(SHAPE, rule, rng=1) for _ in range(2)]
    x, d = rng.standard_normal((4, SHAPE[1])), rng.standard_normal((4, SHAPE[0]))
    for bad in (
        lambda t: t.update(x, d[:3], 0.1),
        lambda t: t.update(x * np.nan, d, 0.1),
        lambda t: t.update(x, d, -0.1),
    ):
        with pytest.raises(dt.exceptions.DspError):
            bad(tiles[0])
    for t in tiles:
        t.update(x, d, 0.1)
    np.testing.assert_array_equal(tiles[0].weights, tiles[1].weights)
    np.testing.assert_array_equal(tiles[0].arrays["P"].weights, tiles[1].arrays["P"].weights)
    assert tiles[0].ledger == tiles[1].ledger


@pytest.mark.parametrize("name", RULES)
def test_tiles_repeat_and_differ(name, rng):
    fields = {"fast_arrays": 3, "calibration_pulses": 9} if name == "ResidualLearning" else {}
    rule = getattr(dt.algorithms, name)(device=dt.presets.reram_array_hfo2(), **fields)
    x, d = rng.standard_normal((6, 4, SHAPE[1])), rng.standard_normal((6, 4, SHAPE[0]))

    def outcome(seed):
        t = dt.AnalogTile(SHAPE, rule, rng=seed)
        for inputs, errors in zip(x, d, strict=True):
            t.update(inputs, errors, 0.1)
        return np.concatenate([t.forward(x[0]).ravel(), *(array.weights.ravel() for array in t.arrays.values())])

    first = outcome(1)
    np.testing.assert_array_equal(first, outcome(1))
    for seed in (2, None):
        assert np.mean(first != outcome(seed)) > 0.5


def test_looking_does_not_disturb():
    quiet_one, watched = fresh(1, write_noise_std=1.0), fresh(1, write_noise_std=1.0)
    results = []
    for array in (quiet_one, watched):
        for _ in range(5):
            array.pulse_random(2)
            if array is watched:
                _ = array.weights, array.ledger, array.cell_parameters(), array.symmetric_point()
                _ = array.response(np.zeros(SHAPE)), array.asymmetric_part(np.zeros(SHAPE))
        results.append(array.weights)
    np.testing.assert_array_equal(*results)
