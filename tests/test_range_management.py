"""Noise management and bound management: every kind against the twin, vector by vector (02 sections 3.4 and 3.5)."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import analog_read, holding, noiseless_read
from helpers.reads import assert_reads, read

KINDS = ("none", "abs_max", "max", "constant", "abs_max_np_sum", "average_abs_max")


def inputs(rng, size=33, batch=17):
    """Vectors of many sizes: large, small, one-sided, one-hot, zero."""
    x = rng.uniform(-1.3, 1.3, (batch, size)).astype(np.float32)
    x[0] *= 0.01
    x[3] *= 7
    x[5] = 0
    x[7, 1:] = 0
    x[8] = -np.abs(x[8])
    x[9] = np.abs(x[9])
    return x


NOISE_MANAGEMENT = [
    pytest.param({"noise_management": "abs_max", "nm_thres": 1.0}, id="abs_max-limited"),
    pytest.param({"noise_management": "max"}, id="max"),
    pytest.param({"noise_management": "max", "nm_thres": 0.9}, id="max-limited"),
    pytest.param({"noise_management": "constant"}, id="constant-1"),
    pytest.param({"noise_management": "constant", "nm_thres": 1.7}, id="constant"),
    pytest.param({"noise_management": "abs_max_np_sum", "nm_assumed_wmax": 3.0}, id="np_sum"),
    pytest.param({"noise_management": "abs_max_np_sum", "out_bound": 2.0}, id="np_sum-small-bound"),
    pytest.param({"noise_management": "abs_max_np_sum", "out_bound": 0.1}, id="np_sum-at-its-limit"),
    pytest.param({"noise_management": "abs_max_np_sum", "out_bound": 2.0, "inp_res": 0.0}, id="np_sum-no-DAC"),
    pytest.param(
        {"noise_management": "abs_max_np_sum", "out_bound": 2.0, "nm_thres": 0.5, "nm_assumed_wmax": 1.1},
        id="np_sum-limited",
    ),
    pytest.param({"noise_management": "average_abs_max", "nm_decay": 0.2}, id="average"),
    pytest.param({"noise_management": "average_abs_max"}, id="average-slow"),
]


@pytest.mark.parametrize("fields", NOISE_MANAGEMENT)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_noise_management(fields, direction, rng):
    array = holding(rng.uniform(-0.6, 0.6, (21, 33)))
    periphery = noiseless_read(bound_management="none", **({"inp_res": 1 / 128} | fields))
    weights = array.weights if direction == "forward" else array.weights.T
    x = inputs(rng, weights.shape[1])
    expected = read(weights, x, periphery)
    assert_reads(getattr(array, direction)(x, periphery), expected)
    default = read(weights, x, noiseless_read(bound_management="none", inp_res=1 / 128))
    if fields != {"noise_management": "constant"}:
        assert np.any(np.abs(expected.y - default.y) > 0.01), "the case must differ from abs_max"


def test_a_vector_without_a_positive_value_is_silent_under_max():
    """n <= 0: nothing is read, and nothing counted."""
    array = holding(np.full((200, 3), 0.5))
    x = [[-1.0, -0.5, -2.0], [0.0, 0.0, 0.0], [0.5, -1.0, 0.0]]
    y = array.forward(x, dt.Periphery(noise_management="max", bound_management="none"))
    assert not np.any(y[:2])
    assert np.any(y[2])
    assert array.ledger["forward_reads"] == 1


def test_input_noise_reads_what_no_scale_fits():
    """With noise at the input a forward read takes n = 1 in place of n <= 0; a backward read stays silent."""
    noise = analog_read(noise_management="max", inp_noise=0.1)
    array = holding(np.eye(400))
    x = np.full((50, 400), -0.5, dtype=np.float32)
    stats.assert_normal(array.forward(x, noise), -0.5, 0.1)
    assert not np.any(array.backward(x, noise))


# The moving average

AVERAGE = {"noise_management": "average_abs_max", "nm_decay": 0.3, "bound_management": "none", "inp_res": 1 / 128}


def test_the_average_goes_on_from_call_to_call(rng):
    """A batch is its vectors one after the other, in one call or several; the directions have an average each."""
    weights = rng.uniform(-0.6, 0.6, (21, 33))
    array, apart = holding(weights), holding(weights)
    periphery = noiseless_read(**AVERAGE)
    x, d = inputs(rng), inputs(rng, 21)
    forward, backward = 0.0, 0.0
    for part in (slice(0, 4), slice(4, 5), slice(5, 17)):
        expected = read(array.weights, x[part], periphery, average=forward)
        back = read(array.weights.T, d[part], periphery, average=backward)
        forward, backward = expected.average, back.average
        assert_reads(array.forward(x[part], periphery), expected, at_least=0.9)
        assert_reads(array.backward(d[part], periphery), back, at_least=0.9)
    together = holding(weights).forward(x, periphery)
    np.testing.assert_array_equal(together, np.concatenate([apart.forward(v[None], periphery) for v in x]))


def test_the_average_starts_with_the_first_vector_that_is_not_zero():
    array = holding(np.ones((1, 2)))
    periphery = analog_read(noise_management="average_abs_max", nm_decay=0.25)
    x = [[0.0, 0.0], [4.0, 0.0], [8.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    # n = -, 4, 5, 3.75, 3.0625; what lies above n clips
    np.testing.assert_allclose(array.forward(x, periphery)[:, 0], [0, 4, 5, 0, 1], rtol=1e-6)
    assert array.ledger["forward_reads"] == 4


def test_a_failed_read_leaves_the_average():
    array, fresh = holding([[4000.0]]), holding([[4000.0]])
    periphery = analog_read(noise_management="average_abs_max", out_bound=0.0)
    with pytest.raises(dt.exceptions.NonFiniteError):
        array.forward([[3e38]], periphery)
    np.testing.assert_array_equal(array.forward([[0.7]], periphery), fresh.forward([[0.7]], periphery))


def test_other_kinds_leave_the_average_alone():
    array = holding([[1.0]])
    periphery = analog_read(noise_management="average_abs_max", nm_decay=0.5)
    array.forward([[2.0]], periphery)
    array.forward([[100.0]], analog_read(noise_management="abs_max"))
    array.forward([[100.0]], dt.Periphery.ideal())
    assert array.forward([[100.0]], periphery)[0, 0] == pytest.approx(51.0)  # clips at n = (2 + 100) / 2


# Bound management

BOUND_MANAGEMENT = [
    pytest.param({}, id="worst-case"),
    pytest.param({"inp_res": 0.0}, id="no-DAC"),
    pytest.param({"nm_assumed_wmax": 0.05}, id="assumption-too-small"),
    pytest.param({"nm_assumed_wmax": 0.05, "max_bm_factor": 2}, id="few-retries"),
    pytest.param({"noise_management": "constant", "nm_thres": 0.8}, id="constant"),
    pytest.param({"noise_management": "max"}, id="max"),
    pytest.param({"noise_management": "abs_max_np_sum", "nm_assumed_wmax": 0.05}, id="np_sum"),
    pytest.param({"noise_management": "average_abs_max", "nm_decay": 0.3}, id="average"),
]


@pytest.mark.parametrize("fields", BOUND_MANAGEMENT)
def test_iterative_worst_case(fields, rng):
    array = holding(rng.uniform(-0.6, 0.6, (21, 33)))
    defaults = {"bound_management": "iterative_worst_case", "out_bound": 0.7, "out_res": 1 / 254, "inp_res": 1 / 128}
    periphery = noiseless_read(**(defaults | fields))
    x = inputs(rng)
    expected = read(array.weights, x, periphery)
    assert_reads(array.forward(x, periphery), expected, at_least=0.95)
    assert expected.rounds.max() > 1, "the case must exercise bound management"
    assert array.ledger["forward_reads"] == expected.rounds.sum()


def test_a_good_assumption_needs_two_rounds():
    """0.6 is the largest weight, so the NP-sum scale always fits where halving needs three rounds or more."""
    array = holding(np.full((4, 100), 0.6))
    x = np.ones((1, 100))
    worst_case, iterative = (
        noiseless_read(bound_management=kind, inp_res=0.0) for kind in ("iterative_worst_case", "iterative")
    )
    np.testing.assert_allclose(array.forward(x, worst_case), 60.0, rtol=0.02)
    assert array.ledger["forward_reads"] == 2
    np.testing.assert_allclose(array.forward(x, iterative), 60.0, rtol=0.02)
    assert array.ledger["forward_reads"] == 2 + 4


def test_bound_management_is_off_backward():
    array = holding([[30.0]])
    for kind in ("iterative", "iterative_worst_case"):
        assert array.backward([[1.0]], noiseless_read(bound_management=kind))[0, 0] == pytest.approx(12.0)
    assert array.ledger["backward_reads"] == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bounds", ["iterative", "iterative_worst_case"])
def test_each_vector_is_managed_alone(kind, bounds, rng):
    """Bit for bit, except where the kind itself looks back."""
    if kind == "average_abs_max" or (kind == "none" and bounds == "iterative_worst_case"):
        return
    array = holding(rng.uniform(-0.6, 0.6, (37, 53)))
    x = inputs(rng, 53)
    periphery = noiseless_read(noise_management=kind, bound_management=bounds, out_bound=0.7)
    apart = np.concatenate([array.forward(vector[None], periphery) for vector in x])
    np.testing.assert_array_equal(array.forward(x, periphery), apart)
    shuffled = rng.permutation(len(x))
    np.testing.assert_array_equal(array.forward(x[shuffled], periphery), apart[shuffled])


@pytest.mark.parametrize(
    ("kind", "fields", "n"),
    [
        ("max", {}, 0.8),
        ("max", {"nm_thres": 0.25}, 0.25),
        ("abs_max", {"nm_thres": 0.25}, 0.25),
        ("constant", {"nm_thres": 2.0}, 2.0),
        ("abs_max_np_sum", {"out_bound": 0.15, "nm_assumed_wmax": 0.3}, 4.0),
        ("average_abs_max", {}, 1.5),
    ],
)
def test_the_scale_multiplies_the_output_noise(kind, fields, n):
    array = holding(np.zeros((128, 3)))
    x = np.tile([[0.8, -1.5, -0.5]], (400, 1))
    periphery = analog_read(noise_management=kind, out_noise=0.02, **fields)
    stats.assert_normal(array.forward(x, periphery), 0.0, 0.02 * n, kind)


@pytest.mark.parametrize("mv_type", ["one_pass", "pos_neg_separate", "pos_neg_separate_digital_sum"])
def test_a_retry_that_the_converter_rounds_to_zero(mv_type):
    """Nothing of the clipped round before is left: what a vector gives does not depend on the others of its batch."""
    array = holding(np.full((3, 64), 0.5))
    periphery = noiseless_read(mv_type=mv_type, noise_management="none", out_bound=0.005, out_res=0.0)
    x = np.full((1, 64), -0.04, np.float32)
    both = np.concatenate([x, np.ones_like(x)])
    np.testing.assert_array_equal(array.forward(x, periphery)[0], array.forward(both, periphery)[0])
