"""Between DAC and ADC: separate passes, wires, offsets, weight noise, the output stage (02 section 3.6)."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import analog_read, holding, noiseless_read
from helpers.reads import Chip, assert_reads, read

G_RATIO = 50.0  # a bad wire: a_i reaches about 2
OUTPUTS, BATCH = 128, 400
APART = ("pos_neg_separate", "pos_neg_separate_digital_sum")

CASES = [
    pytest.param({"mv_type": "pos_neg_separate"}, id="apart"),
    pytest.param({"mv_type": "pos_neg_separate_digital_sum"}, id="digital-sum"),
    pytest.param({"mv_type": "pos_neg_separate_digital_sum", "out_bound": 0.9, "out_res": 1 / 254}, id="digital-retry"),
    pytest.param({"inp_asymmetry": 0.1}, id="input-asymmetry"),
    pytest.param({"inp_asymmetry": -0.2, "mv_type": "pos_neg_separate"}, id="input-asymmetry-apart"),
    pytest.param({"out_asymmetry": 0.15}, id="output-asymmetry"),
    pytest.param({"out_asymmetry": -0.15, "mv_type": "pos_neg_separate_digital_sum"}, id="output-asymmetry-apart"),
    pytest.param({"ir_drop": 1.0, "ir_drop_g_ratio": 500.0}, id="ir-drop"),
    pytest.param({"ir_drop": 3.0, "ir_drop_g_ratio": 500.0, "mv_type": "pos_neg_separate"}, id="ir-drop-apart"),
    pytest.param({"out_nonlinearity": 0.8}, id="nonlinearity"),
    pytest.param({"out_nonlinearity": 0.8, "slope_calibration": 0.4}, id="nonlinearity-calibrated"),
    pytest.param({"out_nonlinearity": 0.8, "mv_type": "pos_neg_separate_digital_sum"}, id="nonlinearity-digital-sum"),
    pytest.param({"r_series": 0.02}, id="resistance"),
    pytest.param({"r_series": 0.02, "v_offset_w_min": 0.0}, id="resistance-no-reference"),
    pytest.param({"r_series": 0.02, "slope_calibration": 0.5}, id="resistance-calibrated"),
    pytest.param({"r_series": 0.02, "mv_type": "pos_neg_separate"}, id="resistance-apart"),
    pytest.param(
        {
            "mv_type": "pos_neg_separate",
            "inp_asymmetry": 0.05,
            "out_asymmetry": 0.02,
            "ir_drop": 1.5,
            "ir_drop_g_ratio": 900.0,
            "r_series": 0.01,
            "v_offset_w_min": -0.3,
            "out_nonlinearity": 0.3,
            "slope_calibration": 0.3,
            "noise_management": "abs_max_np_sum",
            "out_bound": 3.0,
        },
        id="everything",
    ),
]


def vectors(rng, size):
    x = rng.uniform(-1.3, 1.3, (17, size)).astype(np.float32)
    x[3] *= 7
    x[5] = 0
    x[6] = np.abs(x[6])
    return x


@pytest.mark.parametrize("fields", CASES)
def test_noise_free(fields, rng):
    """Both directions, with the converters and without."""
    array = holding(rng.uniform(-0.6, 0.6, (21, 33)))
    for direction, weights in (("forward", array.weights), ("backward", array.weights.T)):
        x = vectors(rng, weights.shape[1])
        off = {} if direction == "forward" else {"bound_management": "none"}
        quantised = noiseless_read(**({"inp_res": 1 / 128} | fields | off))
        analog = noiseless_read(**(fields | off | {"inp_res": 0.0, "out_res": 0.0}))
        expected = read(weights, x, quantised)
        assert_reads(getattr(array, direction)(x, quantised), expected, at_least=0.95)
        got, exact = getattr(array, direction)(x, analog), read(weights, x, analog)
        np.testing.assert_allclose(got, exact.y, rtol=1e-5, atol=2e-5)
        plain = read(weights, x, noiseless_read(inp_res=0.0, out_res=0.0, **off))
        if set(fields) - {"mv_type", "out_bound", "out_res"}:  # passes apart alone change nothing but roundings
            assert np.abs(exact.y - plain.y).max() > 0.02, "the case must matter"


@pytest.mark.parametrize("mv_type", APART)
def test_two_passes_count_twice(mv_type):
    array = holding([[40.0], [-3.0]])
    array.forward([[1.0], [-1.0], [0.0]], noiseless_read(mv_type=mv_type, noise_management="abs_max"))
    assert array.ledger["forward_reads"] == 2 * (3 + 3)  # rho = 1, 2, 4 for two vectors; zeros are not read
    array.backward([[1.0, 1.0]], noiseless_read(mv_type=mv_type))
    assert array.ledger["backward_reads"] == 2


def test_the_ideal_type_is_the_ideal_read(rng):
    array = holding(rng.uniform(-0.6, 0.6, (9, 14)))
    x = rng.standard_normal((5, 14))
    ideal = dt.Periphery(mv_type="ideal", ir_drop=1.0, out_scale=2.0)
    np.testing.assert_array_equal(array.forward(x, ideal), 2 * array.forward(x, dt.Periphery.ideal()))


def test_digital_sum_clips_and_adds_noise_for_each_sign():
    array = holding(np.tile([[15.0, 15.0]], (OUTPUTS, 1)))
    x = np.tile([[1.0, -1.0]], (BATCH, 1))
    apart, digital = (noiseless_read(mv_type=kind, bound_management="none", inp_res=1 / 128) for kind in APART)
    x_asymmetric = [[1.0, -0.5]]
    assert array.forward(x_asymmetric, apart)[0, 0] == pytest.approx(7.5, abs=0.1)
    assert array.forward(x_asymmetric, digital)[0, 0] == pytest.approx(12.0 - 7.5, abs=0.1)
    for kind, factor in zip(APART, (1.0, np.sqrt(2)), strict=True):
        error = array.forward(x, analog_read(mv_type=kind, out_noise=0.06, out_bound=0.0))
        stats.assert_normal(error, 0.0, 0.06 * factor, kind)


# Wires


def test_ir_drop_by_hand():
    """Two inputs of 1 on weights 0.5: a = 2/4 (0.5 + 0.5) = 0.5; k = 0.20625; positions 0 and 1 - 1/4."""
    y = holding([[0.5, 0.5]]).forward([[1.0, 1.0]], analog_read(ir_drop=2.0, ir_drop_g_ratio=4.0))
    k = 0.05 * 0.125 - 0.2 * 0.25 + 0.25
    assert y[0, 0] == pytest.approx(1.0 - 2.0 * k * 0.5 * 0.75, rel=1e-6)


def test_the_default_wire_hardly_matters_at_its_physical_scale(rng):
    array = holding(rng.uniform(-0.6, 0.6, (64, 512)))
    x = rng.uniform(-1, 1, (8, 512))
    clean, dropped = (array.forward(x, analog_read(ir_drop=scale)) for scale in (0.0, 1.0))
    assert 0 < np.abs(clean - dropped).max() < 0.5


# Offsets


def offsets(array, std):
    """o_i, from y = (1 - o) W x - 2 o q with the sum of the inputs 0."""
    y = array.forward([[1.0, -1.0]], analog_read(v_offset_std=std, out_bound=0.0))
    return 1 - y[0] / array.forward([[1.0, -1.0]], dt.Periphery.ideal())[0]


def test_offsets_are_half_normal_and_stay():
    array = holding(np.tile([[1.0, -1.0]], (6000, 1)))
    o = offsets(array, 0.1)
    assert o.min() > -1e-6
    positive = o > 1e-6
    stats.assert_fraction(positive, 0.5)
    signs = np.where(np.arange(positive.sum()) % 2, 1, -1)
    stats.assert_normal(o[positive] * signs, 0.0, 0.1)
    np.testing.assert_array_equal(offsets(array, 0.1), o)
    np.testing.assert_allclose(offsets(array, 0.2), 2 * o, atol=1e-6)
    other = offsets(holding(np.tile([[1.0, -1.0]], (6000, 1)), rng=1), 0.1)
    stats.assert_uncorrelated(o, other, "another array")


@pytest.mark.parametrize("fields", [{}, {"v_offset_w_min": 0.0}, {"v_offset_w_min": -0.4, "r_series": 0.03}])
@pytest.mark.parametrize("mv_type", ["one_pass", *APART])
def test_offsets_against_the_twin(fields, mv_type, rng):
    weights = rng.uniform(-0.6, 0.6, (21, 2))
    array = holding(weights)
    x = rng.uniform(-1, 1, (9, 2)).astype(np.float32)
    periphery = analog_read(v_offset_std=0.1, mv_type=mv_type, **fields)
    drawn = holding(np.tile([[1.0, -1.0]], (21, 1)))  # same key, same lines
    expected = read(array.weights, x, periphery, Chip(offset=offsets(drawn, 0.1).astype(np.float64)))
    np.testing.assert_allclose(array.forward(x, periphery), expected.y, rtol=1e-5, atol=1e-5)


# The output stage


def test_nonlinearity_by_hand():
    """n = 0.6 / 12; 6 becomes 6 / 1.3. Calibrated at half range the slope there is one."""
    bent = noiseless_read(out_nonlinearity=0.6, out_res=0.0, inp_res=0.0, bound_management="none")
    array = holding([[6.0], [-6.0]])
    np.testing.assert_allclose(array.forward([[1.0]], bent)[0], [6 / 1.3, -6 / 1.3], rtol=1e-6)
    calibrated = noiseless_read(
        out_nonlinearity=0.6, slope_calibration=0.5, out_res=0.0, inp_res=0.0, bound_management="none"
    )
    low, high = (holding([[6.0 + h]]).forward([[1.0]], calibrated)[0, 0] for h in (-0.05, 0.05))
    assert (high - low) / 0.1 == pytest.approx(1.0, rel=1e-4)


def test_curvature_differs_from_line_to_line_and_stays():
    array = holding(np.full((6000, 1), 2.0))
    fields = {"out_nonlinearity": 1.2, "out_nonlinearity_std": 0.2}

    def curvature():
        return 1 / array.forward([[1.0]], analog_read(**fields))[0].astype(np.float64) - 0.5

    n = curvature()  # y = 2 / (1 + 2 n)
    stats.assert_normal(n, 0.1, 0.02, "n = 1.2 / 12")
    np.testing.assert_array_equal(curvature(), n)
    calibrated = array.forward([[1.0]], analog_read(slope_calibration=0.5, **fields))[0]
    factor = (1 + n.mean() * 0.5 * 12) ** 2
    np.testing.assert_allclose(calibrated, factor * 2 / (1 + 2 * n), rtol=1e-5)


def test_noise_differs_from_line_to_line():
    """sigma_i = sigma |1 + s z_i|: the same z for every s, fixed, and xi normal on every line."""
    array = holding(np.zeros((OUTPUTS, 1)))
    x = np.ones((3000, 1))

    def deviations(spread):
        return array.forward(x, analog_read(out_noise=0.06, out_noise_std=spread)).std(axis=0)

    tolerance = 5 * 0.06 / np.sqrt(2 * 3000)
    assert np.all(np.abs(deviations(0.0) - 0.06) < tolerance)
    first = deviations(0.3)
    assert np.all(np.abs(deviations(0.3) - first) < 2 * np.sqrt(2) * tolerance)
    z = (first / 0.06 - 1) / 0.3
    assert np.abs(z.mean()) < 5 / np.sqrt(OUTPUTS)
    assert abs(z.std() - 1) < 5 / np.sqrt(2 * OUTPUTS)
    assert np.all(np.abs(deviations(0.6) - 0.06 * np.abs(1 + 0.6 * z)) < 8 * tolerance)
    backward = holding(np.zeros((1, OUTPUTS))).backward(x, analog_read(out_noise=0.06, out_noise_std=0.3)).std(axis=0)
    stats.assert_uncorrelated(first, backward, "lines of the other direction")


# Weight noise


@pytest.mark.parametrize("managed", [False, True])
def test_additive_weight_noise(managed):
    """sigma ||v||: with noise management v = x / n, and n comes back, so nothing changes."""
    x = np.array([1.5, -0.5, 0.25, 0.0]) if managed else np.array([1.0, -0.5, 0.25, 0.0])
    array = holding(np.tile([[0.3, -0.2, 0.1, 0.6]], (OUTPUTS, 1)))
    batch = np.tile(x, (BATCH, 1))
    clean = array.forward(batch, dt.Periphery.ideal())
    noise = {"w_noise": 0.02, "w_noise_type": "additive_constant"}
    periphery = analog_read(noise_management="abs_max" if managed else "none", **noise)
    stats.assert_normal(array.forward(batch, periphery) - clean, 0.0, 0.02 * np.linalg.norm(x))


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_pcm_read_noise(direction):
    """sigma sqrt(sum_j |w_ij| v_j^2), line by line."""
    row = np.array([0.6, -0.3, 0.0, 0.1])
    x = np.array([1.0, -0.5, 0.25, 0.8])
    weights = np.tile(row, (OUTPUTS, 1)) * np.where(np.arange(OUTPUTS) < 64, 1.0, 0.25)[:, None]
    array = holding(weights if direction == "forward" else weights.T)
    batch = np.tile(x, (BATCH, 1))
    read_back = getattr(array, direction)
    error = read_back(batch, analog_read(w_noise=0.05, w_noise_type="pcm_read")) - read_back(
        batch, dt.Periphery.ideal()
    )
    sigma = 0.05 * np.sqrt(np.sum(np.abs(row) * x**2))
    stats.assert_normal(error[:, :64], 0.0, sigma)
    stats.assert_normal(error[:, 64:], 0.0, sigma / 2)


@pytest.mark.parametrize("kind", ["additive_constant", "pcm_read"])
def test_weight_noise_is_independent(kind):
    array = holding(np.full((OUTPUTS, 2), 0.5))
    x = np.tile([[1.0, -1.0]], (BATCH, 1))
    periphery = analog_read(w_noise=0.1, w_noise_type=kind)
    error = array.forward(x, periphery)
    for lag in (1, 4, 16):
        stats.assert_uncorrelated(error[:, lag:], error[:, :-lag], f"outputs, lag {lag}")
        stats.assert_uncorrelated(error[lag:], error[:-lag], f"vectors, lag {lag}")
    stats.assert_uncorrelated(error, array.forward(x, periphery), "calls")
    # Each sign's pass has noise of its own: ||v||^2 and the currents are sums over the inputs, so nothing changes
    apart = array.forward(x, analog_read(w_noise=0.1, w_noise_type=kind, mv_type="pos_neg_separate"))
    sigma = 0.1 * np.sqrt(2.0 if kind == "additive_constant" else 1.0)
    stats.assert_normal(apart, 0.0, sigma)
    stats.assert_uncorrelated(apart[1:], apart[:-1], "vectors, apart")


# Weights that negative inputs meet


@pytest.mark.parametrize("mv_type", APART)
def test_read_asymmetry(mv_type, rng):
    """Reading unit vectors of either sign shows both weights; then any input follows from them."""
    weights = rng.uniform(0.2, 0.6, (90, 70))
    array = holding(weights)
    periphery = analog_read(mv_type=mv_type, w_read_asymmetry_dtod=0.1, out_bound=0.0)
    up, down = array.forward(np.eye(70), periphery).T, -array.forward(-np.eye(70), periphery).T
    np.testing.assert_array_equal(up, array.weights)
    stats.assert_normal(down / up - 1, 0.0, 0.1)
    x, d = rng.uniform(-1, 1, (9, 70)), rng.uniform(-1, 1, (9, 90))
    expected = read(up, x, periphery, Chip(negative=down))
    np.testing.assert_allclose(array.forward(x, periphery), expected.y, rtol=1e-5, atol=1e-5)
    expected = read(up.T, d, periphery, Chip(negative=down.T))
    np.testing.assert_allclose(array.backward(d, periphery), expected.y, rtol=1e-5, atol=1e-5)


# Reads of columns, and of several arrays as one


@pytest.mark.parametrize(
    "fields",
    [
        {"mv_type": "pos_neg_separate"},
        {"ir_drop": 1.0, "ir_drop_g_ratio": 20.0},
        {"v_offset_std": 0.1},
        {"r_series": 0.1},
        {"out_nonlinearity": 2.0, "out_nonlinearity_std": 0.2},
        {"out_noise": 0.03, "out_noise_std": 0.3},
        {"w_noise": 0.1, "w_noise_type": "pcm_read"},
        {"inp_asymmetry": 0.1, "out_asymmetry": 0.1},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_column_is_a_read_of_a_one_hot_vector(fields, rng):
    """A transfer of a tile with one column: the buffer holds what was read, in proportion to the same array's read."""
    rows = 40
    periphery = analog_read(**fields)
    device = dt.devices.SoftBounds()
    rule = dt.algorithms.TikiTakaV2(
        device=device,
        transfer_read=periphery,
        transfer_lr=1.0,
        scale_transfer_lr=False,
        thres_scale=1e9,
    )
    tile = dt.AnalogTile((rows, 1), rule, rng=3)
    weights = rng.uniform(-0.4, 0.4, (rows, 1)).astype(np.float32)
    tile.arrays["P"].set_weights(weights)
    alone = dt.AnalogTile((rows, 1), rule, rng=3).arrays["P"]
    alone.set_weights(weights)
    expected = alone.forward([[1.0]], periphery)[0]
    tile.update(np.zeros((1, 1)), np.zeros((1, rows)), 0.0)
    gain = np.median(tile.digital["H"][:, 0] / expected)
    assert gain > 0
    np.testing.assert_allclose(tile.digital["H"][:, 0], gain * expected, rtol=1e-5, atol=1e-5 * gain)
    assert tile.ledger["P"]["column_reads"] == (2 if "mv_type" in fields else 1)


def test_a_perfect_read_is_one_pass():
    perfect = dt.Periphery(is_perfect=True, mv_type="pos_neg_separate")
    rule = dt.algorithms.TikiTakaV2(device=dt.devices.SoftBounds(), transfer_read=perfect)
    tile = dt.AnalogTile((3, 1), rule, rng=3, forward=perfect)
    tile.forward([[1.0]])
    tile.update([[1.0]], [[1.0, 0.0, 0.0]], 0.1)
    assert tile.ledger["P"]["column_reads"] == tile.ledger["W"]["forward_reads"] == 1


NOISY = {
    "mv_type": "pos_neg_separate_digital_sum",
    "inp_noise": 0.01,
    "inp_sto_round": True,
    "inp_asymmetry": 0.1,
    "out_noise_std": 0.3,
    "out_sto_round": True,
    "out_asymmetry": 0.1,
    "out_nonlinearity": 0.3,
    "out_nonlinearity_std": 0.1,
    "slope_calibration": 0.3,
    "out_bound": 1.0,
    "noise_management": "average_abs_max",
    "bound_management": "iterative_worst_case",
    "w_noise": 0.01,
    "w_noise_type": "pcm_read",
    "w_read_asymmetry_dtod": 0.1,
    "ir_drop": 1.0,
    "v_offset_std": 0.05,
    "r_series": 0.01,
}


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_do_not_change_a_bit(threads, rng):
    """Large enough that the products are shared; the levels are in test_streams.py."""
    weights, x = rng.uniform(-0.6, 0.6, (261, 330)), rng.standard_normal((230, 330))
    one, many = holding(weights, num_threads=1), holding(weights, num_threads=threads)
    for fields in (NOISY, NOISY | {"mv_type": "pos_neg_separate", "w_noise_type": "additive_constant"}):
        np.testing.assert_array_equal(one.forward(x, dt.Periphery(**fields)), many.forward(x, dt.Periphery(**fields)))
