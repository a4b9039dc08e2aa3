"""The one-pass read: noise-free against the twin, noise against its stated standard deviation (02 section 3)."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import analog_read, holding, noiseless_read, quiet
from helpers.reads import assert_reads, read

# Where a retry is expected the DAC has an even number of steps: with 1/126 the largest input, halved, is a tie
PERIPHERIES = [
    pytest.param({}, id="default"),
    pytest.param({"noise_management": "none"}, id="no-NM"),
    pytest.param({"bound_management": "none"}, id="no-BM"),
    pytest.param({"noise_management": "none", "bound_management": "none"}, id="transfer"),
    pytest.param({"inp_res": 1 / 30, "out_res": 1 / 62}, id="coarse"),
    pytest.param({"out_bound": 0.7, "out_res": 1 / 254, "inp_res": 1 / 128}, id="small-bound"),
    pytest.param({"out_bound": 20.0, "out_scale": 1.7}, id="preset-bound-and-scale"),
    pytest.param({"inp_res": 0.0}, id="no-DAC"),
    pytest.param({"out_res": 0.0, "out_bound": 1.5, "inp_res": 1 / 128}, id="no-ADC"),
    pytest.param({"noise_management": "none", "inp_bound": 0.6, "bound_management": "none"}, id="input-clipped"),
    pytest.param({"out_bound": 0.4, "max_bm_factor": 4, "inp_res": 0.0}, id="few-retries"),
    pytest.param({"out_bound": 0.4, "max_bm_res": 0.04, "inp_res": 1 / 128}, id="few-retries-by-resolution"),
]


@pytest.mark.parametrize("fields", PERIPHERIES)
def test_noise_free_forward(fields, rng):
    weights, x = rng.uniform(-0.6, 0.6, (21, 33)), rng.uniform(-1.3, 1.3, (17, 33)).astype(np.float32)
    x[3] *= 7
    x[5] = 0
    x[7, 1:] = 0
    array = holding(weights)
    periphery = noiseless_read(**fields)
    y = array.forward(x, periphery)
    assert y.shape == (17, 21)
    assert y.dtype == np.float32
    expected = read(array.weights, x, periphery)
    assert_reads(y, expected)
    if fields.get("out_bound", 12.0) < 1 and periphery.bound_management == "iterative":
        assert expected.rho.max() > 1, "the case must exercise bound management"


@pytest.mark.parametrize("fields", [case for case in PERIPHERIES if "retries" not in case.id])
def test_noise_free_backward(fields, rng):
    weights, d = rng.uniform(-0.6, 0.6, (21, 33)), rng.uniform(-1.3, 1.3, (17, 21)).astype(np.float32)
    d[4] = 0
    array = holding(weights)
    periphery = noiseless_read(**(fields | {"bound_management": "none"}))
    assert_reads(array.backward(d, periphery), read(array.weights.T, d, periphery))


def test_ideal_read(rng):
    array = holding(rng.uniform(-0.6, 0.6, (9, 14)))
    x, d = rng.standard_normal((5, 14)).astype(np.float32), rng.standard_normal((5, 9)).astype(np.float32)
    w = array.weights.astype(np.float64)
    np.testing.assert_allclose(array.forward(x, dt.Periphery.ideal()), x @ w.T, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(array.backward(d, dt.Periphery.ideal()), d @ w, rtol=1e-5, atol=1e-5)


def test_one_hot_reads_give_quantised_columns(rng):
    """A transfer read: no management, amplitude one, codes of 24 / 510."""
    array = holding(rng.uniform(-0.6, 0.6, (30, 4)))
    columns = array.forward(np.eye(4), noiseless_read(bound_management="none", noise_management="none"))
    codes = columns / (24 / 510)
    np.testing.assert_allclose(codes, np.rint(codes), atol=1e-4)
    np.testing.assert_allclose(columns, array.weights.T, atol=0.5001 * 24 / 510)


def test_an_overflow_shows():
    """2e41 does not fit into float32: infinity or an error, never a number."""
    array = holding(np.full((3, 200), 4000.0))
    for periphery in (dt.Periphery.ideal(), analog_read(inp_bound=0.0, out_bound=0.0)):
        try:
            y = array.forward(np.full((2, 200), 1e36), periphery)
        except dt.exceptions.NonFiniteError:
            continue
        assert not np.any(np.isfinite(y))


# Bound management and the top code


def test_spec_example_of_an_output_that_always_clips():
    """02 section 3.5: W = 3000, x = 2 returns out_bound * 16 * n = 384."""
    assert holding([[3000.0]]).forward([[2.0]], noiseless_read())[0, 0] == pytest.approx(384, rel=1e-5)


@pytest.mark.parametrize(("bound", "res", "top"), [(12.0, 1 / 510, 255), (20.0, 1 / 510, 255), (10.0, 1 / 254, 127)])
def test_reaching_the_top_code_is_no_violation(bound, res, top):
    """Documented difference: the peer retries at (12, 1/510) because its float32 top code is 12.000001.

    A retry would halve the input, and with it show in the result: half of an odd code is a tie.
    """
    step = 2 * bound * res
    read_off = noiseless_read(out_bound=bound, out_res=res, inp_res=0.0)
    for code, retried in ((top - 1, False), (top, False), (top + 0.3, False), (top + 0.7, True), (top + 1, True)):
        value = code * step
        got = holding([[value]]).forward([[1.0]], read_off)[0, 0]
        once = min(np.rint(code), top) * step
        twice = 2 * np.rint(code / 2) * step
        assert got == pytest.approx(twice if retried else once, rel=1e-5), f"code {code}"


def test_a_negative_violation_retries_too():
    step = 24 / 510
    got = holding([[-21.0], [1.0]]).forward([[1.0]], noiseless_read(inp_res=0.0))
    np.testing.assert_allclose(got[0], [2 * np.rint(-10.5 / step) * step, 2 * np.rint(0.5 / step) * step], rtol=1e-5)


def test_each_vector_is_managed_alone(rng):
    array = holding([[20.0, 0.0], [0.0, 0.3]])
    x = np.array([[1.0, 1.0], [0.0, 1.0], [0.5, 1.0]])
    together = array.forward(x, noiseless_read())
    apart = np.concatenate([array.forward(x[b : b + 1], noiseless_read()) for b in range(3)])
    np.testing.assert_array_equal(together, apart)


# Noise

OUTPUTS, BATCH = 128, 400


def noise(periphery, weights=None, x=None, rng=0):
    """Noisy output minus the noise-free one, (BATCH, OUTPUTS)."""
    weights = np.zeros((OUTPUTS, 4)) if weights is None else weights
    x = np.tile([[1.0, -0.5, 0.25, 0.0]], (BATCH, 1)) if x is None else x
    array = holding(weights, rng=rng)
    clean = array.forward(x, dt.Periphery.ideal())
    return array.forward(x, periphery) - clean


@pytest.mark.parametrize("sigma", [0.06, 0.5])
@pytest.mark.parametrize("size", [1.0, 2.5, 1e-3])
@pytest.mark.parametrize("managed", [True, False])
def test_output_noise(sigma, size, managed):
    """With ABS_MAX the noise is scaled by the largest input; without management it is not."""
    periphery = analog_read(
        out_noise=sigma, noise_management="abs_max" if managed else "none", inp_bound=1.0 if managed else 10.0
    )
    x = np.tile([[size, -0.5 * size]], (BATCH, 1))
    stats.assert_normal(noise(periphery, np.zeros((OUTPUTS, 2)), x), 0.0, sigma * (size if managed else 1.0))


def test_output_noise_of_an_accepted_retry():
    """16 violates at rho = 1 and fits at rho = 2; the accepted round's noise is 2 n sigma."""
    periphery = analog_read(out_noise=0.05, noise_management="abs_max", bound_management="iterative")
    weights = np.zeros((OUTPUTS, 2))
    weights[0, 0] = 16.0
    x = np.tile([[3.0, 0.0]], (BATCH, 1))
    stats.assert_normal(noise(periphery, weights, x), 0.0, 0.05 * 2 * 3, "retried")
    stats.assert_normal(noise(periphery, weights / 2, x), 0.0, 0.05 * 3, "not retried")


def test_output_noise_is_scaled_by_out_scale():
    array = holding(np.zeros((OUTPUTS, 1)))
    y = array.forward(np.ones((BATCH, 1)), analog_read(out_noise=0.06, out_scale=3.0))
    stats.assert_normal(y, 0.0, 0.18)


def test_the_adc_is_dithered_by_the_noise():
    """Noise before the converter: the mean is exact and the variance is sigma^2 + step^2 / 12."""
    value, step = 0.31, 24 / 510
    y = noise(noiseless_read(out_noise=0.06), np.full((OUTPUTS, 1), value), np.ones((BATCH, 1))).ravel()
    stats.assert_mean(y.astype(np.float64), 0.0)
    stats.assert_z((np.std(y) / np.sqrt(0.06**2 + step**2 / 12) - 1) * np.sqrt(2 * y.size))
    codes = (y + value) / step
    np.testing.assert_allclose(codes, np.rint(codes), atol=1e-3)


def test_backward_noise():
    array = holding(np.zeros((3, OUTPUTS)))
    d = np.tile([[0.0, -2.0, 1.0]], (BATCH, 1))
    periphery = analog_read(out_noise=0.06, noise_management="abs_max")
    stats.assert_normal(array.backward(d, periphery), 0.0, 0.12)


def test_input_noise():
    """Every line's noise is shared by all outputs: std sigma ||w_i||, and sigma^2 w_i . w_k between outputs."""
    weights = np.array([[0.5, -0.25, 1.0], [1.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
    x = np.tile([[1.0, 0.5, -1.0]], (40_000, 1))
    array = holding(weights)
    error = array.forward(x, analog_read(inp_noise=0.1)) - x @ weights.T
    assert np.abs(error[:, 2]).max() < 1e-6
    for i in (0, 1):
        stats.assert_normal(error[:, i], 0.0, 0.1 * np.linalg.norm(weights[i]))
    stats.assert_covariance(error[:, 0], error[:, 1], (0.0, 0.0), 0.01 * weights[0] @ weights[1])


def test_noise_is_independent():
    error = noise(analog_read(out_noise=0.06))
    for lag in (1, 2, 4, 8, 16):
        stats.assert_uncorrelated(error[:, lag:], error[:, :-lag], f"outputs, lag {lag}")
        stats.assert_uncorrelated(error[lag:], error[:-lag], f"vectors, lag {lag}")
    array = holding(np.zeros((OUTPUTS, 4)))
    x = np.ones((BATCH, 4))
    first, second = array.forward(x, analog_read(out_noise=0.06)), array.forward(x, analog_read(out_noise=0.06))
    stats.assert_uncorrelated(first, second, "calls")


@pytest.mark.parametrize("management", ["abs_max", "max", "abs_max_np_sum", "average_abs_max"])
@pytest.mark.parametrize("largest", [1e-45, 1e-40, 2e-39])
def test_inputs_with_a_scale_that_has_no_inverse_read_as_zero(management, largest):
    """A float32 holds 1 / scale only above 2^-128: below, errors of a network that is sure of itself gave NaN."""
    x = np.array([[largest, -largest / 2], [0.5, -1.0], [1e-38, 0.0]])
    for inp_noise in (0.0, 0.1):
        periphery = dt.Periphery(noise_management=management, inp_noise=inp_noise, nm_decay=0.9)
        y = holding(np.array([[0.5, -0.25], [1.0, 0.5]])).forward(x, periphery)
        assert (y[0] == 0).all() == (inp_noise == 0)
        assert np.abs(y[1]).max() > 0.1
        assert np.abs(y[2]).max() > 0.0


def test_a_zero_vector_reads_exactly_zero_with_noise_management():
    array = holding(np.ones((OUTPUTS, 4)))
    assert not np.any(array.forward(np.zeros((5, 4)), dt.Periphery(out_noise=0.5)))
    assert not np.any(array.backward(np.zeros((5, OUTPUTS)), dt.Periphery(out_noise=0.5, bound_management="none")))
    stats.assert_normal(array.forward(np.zeros((BATCH, 4)), analog_read(out_noise=0.5)), 0.0, 0.5, "not without it")


@pytest.mark.parametrize("side", ["inp", "out"])
def test_stochastic_rounding_is_unbiased(side):
    """Two neighbouring codes, with a mean in between: Bernoulli."""
    fields = {f"{side}_sto_round": True, f"{side}_res": 1 / 20}
    weight, x, step = (1.0, 0.33, 0.1) if side == "inp" else (1.5, 1.0, 1.2)
    value = weight * x
    y = holding([[weight]]).forward(np.full((40_000, 1), x), analog_read(**fields))[:, 0]
    low = np.floor(value / step)
    np.testing.assert_allclose(np.unique(y), [low * step, (low + 1) * step], rtol=1e-5, atol=1e-6)
    stats.assert_fraction(y > (low + 0.5) * step, value / step - low)


# Accounts


def test_reads_are_counted_per_vector():
    array = holding(np.zeros((3, 4)))
    array.forward(np.ones((7, 4)), analog_read())
    array.forward(np.ones((2, 4)), analog_read())
    array.backward(np.ones((5, 3)), analog_read())
    assert array.ledger["forward_reads"] == 9
    assert array.ledger["backward_reads"] == 5


def test_every_retry_is_a_read():
    """40 needs rho = 4 to fit into +-12: three rounds for the first vector, one for the second."""
    array = holding([[40.0]])
    array.forward([[1.0], [0.0]], noiseless_read(noise_management="none"))
    assert array.ledger["forward_reads"] == 4


def test_reads_do_not_change_the_weights(rng):
    array = dt.CrossbarArray((6, 5), quiet("SoftBounds", write_noise_std=3.0), rng=1)
    array.set_weights(rng.uniform(-0.3, 0.3, (6, 5)))
    before = array.weights
    array.forward(np.ones((3, 5)), dt.Periphery())
    array.backward(np.ones((3, 6)), dt.Periphery(bound_management="none"))
    np.testing.assert_array_equal(array.weights, before)


@pytest.mark.parametrize("bound", [0.5, 2.0])
def test_noise_management_needs_a_unit_input_range(bound):
    with pytest.raises(dt.exceptions.ConfigError, match="inp_bound"):
        dt.Periphery(inp_bound=bound, noise_management="abs_max")
