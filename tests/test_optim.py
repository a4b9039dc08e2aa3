"""Learning rules as optimizers: mean field against twins of the algorithms, pulsed against mean field, the account."""

import numpy as np
import pytest

import dsptrack as dt
from dsptrack import optim
from helpers import sequences, stats
from helpers.build import counter, device, pulses, quiet, twin_of

SHAPE = (5, 7)
RULES = ("AnalogSGD", "ResidualLearning", "TwoStageResidual", "Rider", "ERider")
FAST = device("SoftBoundsReference", dw_min=0.01, dw_min_std=0.0, up_down=0.1, reference_std=0.1)
SLOW = device("SoftBounds", dw_min=0.02, dw_min_std=0.0, up_down=-0.1, w_max=2.0, w_min=-2.0)
RATES = {"alpha": 0.07, "beta": 0.05, "gamma": 0.6}


def make(name, shape=SHAPE, dev=FAST, **fields):
    return getattr(optim, name)(shape, dev, **fields)


def agrees(o, hand, rng, steps=60):
    """The gradient of a noisy quadratic whose optimum is 0.2, taken at the twin's weights for both."""
    for _ in range(steps):
        np.testing.assert_allclose(o.weights, hand.visible(), rtol=0, atol=3e-5)
        gradient = hand.visible() - 0.2 + 0.5 * rng.standard_normal(SHAPE)
        o.step(gradient)
        hand.step(gradient.astype(np.float32))
        np.testing.assert_allclose(o.arrays["P"].weights, hand.P, rtol=0, atol=3e-5)
        np.testing.assert_allclose(o.arrays["W"].weights, hand.W, rtol=0, atol=3e-5)
        np.testing.assert_allclose(o.sp_estimate, hand.Q_ref, rtol=0, atol=3e-5)


def test_analog_sgd_is_equation_2(rng):
    o = make("AnalogSGD", alpha=0.07, mode="mean_field", rng=1)
    cells, w = twin_of(o.arrays["W"], FAST), o.weights.astype(float)
    for _ in range(60):
        gradient = rng.standard_normal(SHAPE)
        o.step(gradient)
        w = cells.mean_field(w, -0.07 * gradient)
        np.testing.assert_allclose(o.weights, w, rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_pulses", [None, 0, 200])
def test_residual_rules_are_11a_and_11b(n_pulses, rng):
    """Without zero-shifting, and with: from P = Q = the estimate on."""
    if n_pulses is None:
        o = make("ResidualLearning", slow_device=SLOW, **RATES, mode="mean_field", rng=1)
    else:
        o = make("TwoStageResidual", slow_device=SLOW, n_pulses=n_pulses, **RATES, mode="mean_field", rng=1)
        np.testing.assert_array_equal(o.sp_estimate, o.arrays["P"].weights)
        assert sum(pulses(o.arrays["P"])) == n_pulses * 35
        assert o.ledger["reference"]["programming_events"] == 35
    twins = twin_of(o.arrays["P"], FAST), twin_of(o.arrays["W"], SLOW)
    hand = sequences.Residual(*twins, **RATES, q=o.sp_estimate)
    hand.P = o.arrays["P"].weights.astype(float)
    agrees(o, hand, rng)


def test_two_stage_calibrates_as_zero_shift_does():
    """Cyclic zero-shifting draws nothing where cells are noise-free: the bits of one on the same cells."""
    o = make("TwoStageResidual", n_pulses=500, rng=3)
    alone = dt.CrossbarArray(SHAPE, FAST, rng=0, cell_parameters=o.arrays["P"].cell_parameters())
    alone.set_weights(np.zeros(SHAPE))
    np.testing.assert_array_equal(o.sp_estimate, dt.zero_shift(alone, 500).estimate)
    error = o.sp_estimate - alone.symmetric_point().astype(float)
    assert o.sp_error() == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-5)
    assert o.sp_error() < 0.2 * make("ResidualLearning", rng=3).sp_error()


def test_rider_is_algorithm_2(rng):
    o = make("Rider", slow_device=SLOW, eta=0.1, **RATES, mode="mean_field", rng=1)
    hand = sequences.Rider(twin_of(o.arrays["P"], FAST), twin_of(o.arrays["W"], SLOW), eta=0.1, **RATES)
    agrees(o, hand, rng)
    np.testing.assert_allclose(o.average, hand.Q, rtol=0, atol=3e-5)
    assert o.ledger["reference"]["programming_events"] == 60 * 35


@pytest.mark.parametrize(("probability", "phase"), [(1.0, 1), (0.3, 4), (0.1, 10)])
def test_erider_is_algorithm_3(probability, phase, rng):
    o = make(
        "ERider",
        slow_device=SLOW,
        eta=0.1,
        chop_probability=probability,
        chop_random=False,
        **RATES,
        mode="mean_field",
        rng=1,
    )
    twins = twin_of(o.arrays["P"], FAST), twin_of(o.arrays["W"], SLOW)
    hand = sequences.ERider(*twins, eta=0.1, phase=phase, **RATES)
    agrees(o, hand, rng)
    np.testing.assert_allclose(o.average, hand.Q, rtol=0, atol=3e-5)
    assert o.chopper == hand.c
    assert o.ledger["reference"]["programming_events"] == hand.turns * 35 > 0


def test_erider_without_chopping_is_residual_learning(rng):
    """p = 0: Q~ stays 0, whatever Q does."""
    rates = {"rng": 2, **RATES}
    erider, residual = make("ERider", chop_probability=0.0, **rates), make("ResidualLearning", **rates)
    for _ in range(20):
        gradient = rng.standard_normal(SHAPE)
        erider.step(gradient)
        residual.step(gradient)
    np.testing.assert_array_equal(erider.weights, residual.weights)
    assert np.any(erider.average != 0)
    assert erider.ledger["reference"]["programming_events"] == 0


def test_random_choppers_turn_with_probability_p():
    o = make("ERider", (1, 1), chop_probability=0.2, rng=5)
    signs = [o.chopper]
    for _ in range(4000):
        o.step([[0.0]])
        signs.append(o.chopper)
    turned = np.diff(signs) != 0
    stats.assert_fraction(turned, 0.2, "turns")
    stats.assert_uncorrelated(turned[1:], turned[:-1])
    assert o.ledger["reference"]["programming_events"] == np.sum(turned)


# Pulses


@pytest.mark.parametrize(("alpha", "dw_min"), [(0.02, 0.01), (0.001, 0.01), (0.001, 0.04), (0.0137, 0.005)])
def test_discretisation_error_of_a_step(alpha, dw_min):
    """Assumption 3.4: E[b] = 0 and Var[b] = dw_min^2 f (1 - f) = Theta(alpha dw_min), f the fraction of a pulse."""
    o = make("AnalogSGD", (200, 200), counter(dw_min=dw_min, bound=1.0), alpha=alpha, rng=6)
    gradient = 0.6
    o.step(np.full(o.shape, -gradient))
    wanted = alpha * gradient
    b = o.weights.astype(float).ravel() - wanted
    f = wanted / dw_min % 1
    stats.assert_mean(b, 0.0, "E[b]", slack=1e-8)
    stats.assert_covariance(b, b, (0.0, 0.0), dw_min**2 * f * (1 - f), "Var[b]")
    assert np.mean(b**2) <= 1.1 * wanted * dw_min
    if wanted < 0.1 * dw_min:
        assert np.mean(b**2) >= 0.8 * wanted * dw_min  # both sides of Theta


@pytest.mark.parametrize("name", RULES[1:])
def test_discretisation_error_of_the_slow_array(name):
    """W of the residual rules is rounded alike: P - Q~ = -0.25 on every cell asks for 0.25 beta."""
    o = make(name, (100, 100), counter(dw_min=0.125, bound=8.0), alpha=1.0, beta=0.13, rng=7)
    start = o.arrays["P"].weights - o.sp_estimate
    o.step(np.full(o.shape, 0.25))
    asked = 0.13 * (start - 0.25)
    b = (o.arrays["W"].weights - asked).astype(float).ravel()
    f = np.abs(asked).ravel() / 0.125 % 1
    stats.assert_mean(b, 0.0, "E[b]", slack=1e-7)
    assert np.mean(b**2) == pytest.approx(np.mean(0.125**2 * f * (1 - f)), rel=0.1)


@pytest.mark.parametrize("name", RULES[1:])
def test_pulsed_agrees_with_mean_field_on_average(name, rng):
    """Same gradients, many equal cells with fine steps: the mean over cells follows the mean-field run."""
    fine = quiet("SoftBounds", dw_min=1e-3, up_down=0.3, w_max=1.0, w_min=-1.0)
    fields = {"alpha": 0.005, "beta": 0.05, "rng": 8}
    if name == "TwoStageResidual":
        fields["n_pulses"] = 100
    pulsed, exact = make(name, (100, 100), fine, **fields), make(name, (100, 100), fine, **fields, mode="mean_field")
    for gradient in rng.standard_normal(50):
        for o in (pulsed, exact):
            o.step(np.full(o.shape, gradient))
    for array in ("P", "W"):
        mean, sample = (o.arrays[array].weights.astype(float) for o in (exact, pulsed))
        # Within one increment of n pulses the responses move on, by about its square a step
        stats.assert_mean(sample.ravel(), mean[0, 0], f"{array} of {name}", slack=2e-4)


@pytest.mark.parametrize("name", RULES)
def test_ledger_counts_the_traced_pulses(name, rng):
    o = make(name, rng=9)
    before = {key: pulses(array) for key, array in o.arrays.items()}
    cells = [(i, j) for i in range(SHAPE[0]) for j in range(SHAPE[1])]
    for array in o.arrays.values():
        array.trace(cells)
    for _ in range(20):
        o.step(rng.standard_normal(SHAPE))
    for key, array in o.arrays.items():
        polarity = array.traces()["polarity"]
        expected = np.sum(polarity > 0) + before[key][0], np.sum(polarity < 0) + before[key][1]
        assert (o.ledger[key]["pulses_up"], o.ledger[key]["pulses_down"]) == expected
        assert polarity.size > 0


@pytest.mark.parametrize("name", [name for name in RULES if name != "TwoStageResidual"])
def test_mean_field_needs_no_pulse(name, rng):
    o = make(name, mode="mean_field", rng=10)
    o.step(rng.standard_normal(SHAPE))
    assert all(pulses(array) == (0, 0) for array in o.arrays.values())
    assert np.any(o.weights != 0)


# Shapes, seeds, errors


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("shape", [4, (4,), np.int64(4), (2, 3)])
def test_vectors_and_matrices(name, shape, rng):
    o = make(name, shape, SLOW, rng=11)
    wanted = shape if isinstance(shape, tuple) else (4,)
    w = rng.uniform(-0.1, 0.1, wanted).astype(np.float32)
    o.set_weights(w)
    np.testing.assert_allclose(o.weights, w, atol=1e-6)
    o.step(np.ones(wanted))
    assert o.shape == o.weights.shape == wanted
    assert o.weights.dtype == np.float32
    assert np.all(o.weights < w)
    if name != "AnalogSGD":
        assert o.sp_estimate.shape == wanted


@pytest.mark.parametrize("name", RULES)
def test_equal_seeds_give_equal_bits(name, rng):
    gradients = rng.standard_normal((10, *SHAPE))

    def run(seed, threads=1):
        o = make(name, rng=seed, num_threads=threads)
        for gradient in gradients:
            o.step(gradient)
        return o.weights

    np.testing.assert_array_equal(run(12), run(12))
    np.testing.assert_array_equal(run(12), run(12, threads=2))
    sequence = np.random.SeedSequence(12)
    np.testing.assert_array_equal(run(sequence), run(sequence))
    assert np.any(run(12) != run(13))


def test_fast_and_slow_array_are_two_chips():
    o = make("Rider", rng=12)
    fast, slow = (o.arrays[name].cell_parameters()["max_bound"] for name in "PW")
    assert np.all(fast != slow)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    ("gradient", "error"),
    [
        (np.zeros((7, 5)), dt.ShapeError),
        (np.zeros(7), dt.ShapeError),
        (np.full(SHAPE, np.nan), dt.NonFiniteError),
        (np.full(SHAPE, 3e38), dt.DspError),
        (np.full(SHAPE, "a"), dt.ConfigError),
    ],
)
def test_a_bad_gradient_changes_nothing(name, gradient, error, rng):
    o, again = (make(name, rng=13, alpha=5.0) for _ in range(2))
    with pytest.raises(error, match="gradient"):
        o.step(gradient)
    for optimizer in (o, again):
        optimizer.step(rng.standard_normal(SHAPE) * 0 + 0.1)
    np.testing.assert_array_equal(o.weights, again.weights)
    assert o.ledger == again.ledger


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        *((name, "alpha", -1.0) for name in RULES),
        *((name, "mode", "exact") for name in RULES),
        *((name, "shape", value) for name in RULES for value in (0, (1, 2, 3), "x", (0,))),
        *((name, "rng", -1) for name in RULES),
        *((name, "device", None) for name in RULES),
        ("ResidualLearning", "beta", -0.1),
        ("ResidualLearning", "beta", 1e6),
        ("ResidualLearning", "gamma", np.inf),
        ("ResidualLearning", "slow_device", "SoftBounds"),
        ("TwoStageResidual", "n_pulses", -1),
        ("TwoStageResidual", "scheme", "both"),
        ("Rider", "eta", 1.5),
        ("ERider", "eta", -0.5),
        ("ERider", "chop_probability", 1.5),
        ("ERider", "chop_random", "no"),
    ],
)
def test_errors_name_the_parameter(name, field, value):
    fields = {"shape": SHAPE, "device": FAST} | {field: value}
    with pytest.raises(dt.ConfigError, match=field):
        getattr(optim, name)(fields.pop("shape"), fields.pop("device"), **fields)


def test_parameters_are_frozen():
    o = make("ERider", chop_probability=0.25)
    assert o.parameters["chop_probability"] == 0.25
    with pytest.raises(TypeError):
        o.parameters["alpha"] = 1.0
    with pytest.raises(AttributeError):
        o.mode = "pulsed"


def test_symmetric_points_that_do_not_exist():
    with pytest.raises(dt.StateError, match="AnalogSGD"):
        make("AnalogSGD").sp_error()
    with pytest.raises(dt.StateError, match="ConstantStep"):
        make("Rider", dev=dt.devices.ConstantStep()).sp_error()


def test_what_comes_back_is_a_copy():
    o = make("ERider", rng=1)
    for values in (o.weights, o.sp_estimate, o.average):
        values[...] = 7
    assert not np.any(o.weights == 7)
    assert not np.any(o.sp_estimate == 7)
    assert not np.any(o.average == 7)
