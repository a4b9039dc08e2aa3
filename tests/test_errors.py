"""Bad input to every entry point: a typed error that names the parameter, and an object that stays as it was."""

import math

import numpy as np
import pytest

import dsptrack as dt
from dsptrack import ConfigError, NonFiniteError, ShapeError, StateError, theory
from dsptrack.algorithms import AnalogSGD, ERider, ResidualLearning, TikiTaka
from dsptrack.devices import ConstantStep, PiecewiseStep, SoftBounds, SoftBoundsReference

SHAPE = (2, 3)
DEVICE = SoftBoundsReference(dw_min=0.01, write_noise_std=1.0, subtract_symmetry_point=True)
W = np.full(SHAPE, 0.1, np.float32)
X, D = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)


def with_value(array, value):
    out = np.array(array, dtype=np.float64)
    out.flat[1] = value
    return out


def bad_matrices(name, good):
    """Everything that is wrong with an array argument: (argument, error, words of the message)."""
    batch = good is not W
    yield good[:, :-1], ShapeError, name
    yield good[0], ShapeError, name
    yield good[None], ShapeError, name
    yield np.float32(1.0) if name != "w" else np.zeros((0, 0)), ShapeError, name
    yield [[1.0], [1.0, 2.0]], ShapeError, name
    yield (good[:0] if batch else good.T), ShapeError, name
    yield with_value(good, math.nan), NonFiniteError, name
    yield with_value(good, math.inf), NonFiniteError, name
    yield with_value(good, -1e300), NonFiniteError, name
    yield good + 1j, ConfigError, name
    yield good.astype(str), ConfigError, name
    yield good.astype(object), ConfigError, name
    yield None, ConfigError, name
    yield "text", ConfigError, name


def matrix_cases(method, name, good, call):
    return [
        pytest.param(lambda o, v=value, c=call: c(o, v), error, words, id=f"{method}-{name}-{i}")
        for i, (value, error, words) in enumerate(bad_matrices(name, good))
    ]


def cases(method, call, values, error, words):
    return [pytest.param(lambda o, v=value: call(o, v), error, words, id=f"{method}-{value!r:.20}") for value in values]


NOT_COUNTS = (-1, 2**32, 10**30, 1.0, 1.5, math.nan, True, "2", None, [1])
NOT_RATES = (-0.1, math.nan, math.inf, "fast", None, True, 1j, [0.1], 10**400)
IDEAL = dt.Periphery.ideal()

ARRAY_CASES = [
    *matrix_cases("set_weights", "w", W, lambda a, v: a.set_weights(v)),
    *matrix_cases("increment", "delta", W, lambda a, v: a.increment(v)),
    *matrix_cases("update", "x", X, lambda a, v: a.update(v, D, 0.1)),
    *matrix_cases("update", "d", D, lambda a, v: a.update(X, v, 0.1)),
    *matrix_cases("forward", "x", X, lambda a, v: a.forward(v)),
    *matrix_cases("backward", "d", D, lambda a, v: a.backward(v)),
    *(case for case in matrix_cases("response", "w", W, lambda a, v: a.response(v)) if "text" not in case.id),
    *cases("update-batches", lambda a, v: a.update(X, v, 0.1), [D[:3]], ShapeError, "d"),
    *cases("update-lr", lambda a, v: a.update(X, D, v), NOT_RATES, ConfigError, "lr"),
    *cases("update-pulses", lambda a, v: a.update(X, D, 0.1, v), [None, {}, IDEAL], ConfigError, "pulses"),
    *cases("forward-io", lambda a, v: a.forward(X, v), [None, DEVICE, "ideal"], ConfigError, "periphery"),
    *cases("backward-io", lambda a, v: a.backward(D, v), [None, DEVICE], ConfigError, "periphery"),
    *cases("increment-mode", lambda a, v: a.increment(W, v), ["fast", None, 1, ["pulsed"]], ConfigError, "mode"),
    *cases("increment-size", lambda a, v: a.increment(W * v), [1e9], ConfigError, "delta"),
    *cases("pulse-count", lambda a, v: a.pulse(1, v), NOT_COUNTS, ConfigError, "count"),
    *cases("pulse-mask-count", lambda a, v: a.pulse(np.ones(SHAPE, int), v), NOT_COUNTS, ConfigError, "count"),
    *cases("pulse_random", lambda a, v: a.pulse_random(v), NOT_COUNTS, ConfigError, "count"),
    *cases("pulse-direction", lambda a, v: a.pulse(v), [0, 2, -2, True, 1.0, "up", None], ConfigError, "polarity"),
    *cases("pulse-mask", lambda a, v: a.pulse(v), [W, np.full(SHAPE, 2), np.full(SHAPE, 256)], ConfigError, "polarity"),
    *cases(
        "pulse-mask-shape",
        lambda a, v: a.pulse(v),
        [np.ones((3, 2), int), [1, -1, 0], [[1], [1, 2]], np.array(1)],
        ShapeError,
        "polarity",
    ),
    *cases("zero_shift-n", lambda a, v: dt.zero_shift(a, v), NOT_COUNTS, ConfigError, "n_pulses"),
    *cases("zero_shift-scheme", lambda a, v: dt.zero_shift(a, 4, v), ["random", None, 1], ConfigError, "scheme"),
    *cases(
        "zero_shift-record",
        lambda a, v: dt.zero_shift(a, 4, record_every=v),
        [0, -1, 1.5, "2", True],
        ConfigError,
        "record_every",
    ),
    *matrix_cases("program", "target", W, lambda a, v: a.program(v)),
    *cases(
        "program-tolerance", lambda a, v: a.program(W, tolerance=v), [0, *NOT_RATES[:4], True], ConfigError, "tolerance"
    ),
    *cases("program-rounds", lambda a, v: a.program(W, max_rounds=v), [0, *NOT_COUNTS], ConfigError, "max_rounds"),
    *cases("program-read", lambda a, v: a.program(W, read=v), [None, DEVICE, "ideal"], ConfigError, "read"),
    *cases("decay", lambda a, v: a.decay(v), [1.5, *NOT_RATES], ConfigError, "alpha"),
    *cases("drift", lambda a, v: a.drift(v), NOT_RATES, ConfigError, "dt"),
    *cases("clip", lambda a, v: a.clip(v), NOT_RATES, ConfigError, "bound"),
    *cases("reset-start", lambda a, v: a.reset(v), [3, *NOT_COUNTS], ConfigError, "start"),
    *cases("reset-count", lambda a, v: a.reset(0, v), [4, -1, 1.0, True, "2"], ConfigError, "count"),
    *cases("reset-probability", lambda a, v: a.reset(0, 1, v), [1.5, *NOT_RATES], ConfigError, "probability"),
    *cases("trace-row", lambda a, v: a.trace([(v, 0)]), [2, *NOT_COUNTS], ConfigError, "row"),
    *cases("trace-column", lambda a, v: a.trace([(0, v)]), [3, *NOT_COUNTS], ConfigError, "column"),
    *cases("trace-cells", lambda a, v: a.trace(v), [[0, 1], [(0, 0, 0)], "ab", 5, [None]], ConfigError, "cells"),
    *cases("zero_shift-array", lambda a, v: dt.zero_shift(v, 4), [None, W, DEVICE], ConfigError, "array"),
    *cases("constants-points", lambda a, v: theory.population_constants(a, points=v), [1, 2.5], ConfigError, "points"),
    *cases(
        "constants-margin",
        lambda a, v: theory.population_constants(a, margin=v),
        [-0.1, 0.5, math.nan, "x"],
        ConfigError,
        "margin",
    ),
    *cases("constants-array", lambda a, v: theory.population_constants(v), [None, W], ConfigError, "array"),
    *cases("slope-array", lambda a, v: theory.asymmetry_slope(v), [None, W], ConfigError, "array"),
    pytest.param(lambda a: a.response("0"), ConfigError, "w", id="response-text"),
]


def array_state(array):
    return array.weights.tobytes(), array.ledger, [c.tobytes() for c in array.pulse_counts]


@pytest.mark.parametrize(("call", "error", "words"), ARRAY_CASES)
def test_array_refuses_and_stays(call, error, words):
    array, twin = (dt.CrossbarArray(SHAPE, DEVICE, rng=0, count_pulses=True) for _ in range(2))
    before = array_state(array)
    with pytest.raises(error, match=rf"\b{words}\b") as caught:
        call(array)
    assert isinstance(caught.value, dt.DspError)
    assert array_state(array) == before
    # The streams have not moved either: what follows has the bits of an array that saw no bad call.
    for one in (array, twin):
        one.pulse_random(5)
        one.update(X, -D, 0.1)
        one.forward(X)
    assert array_state(array) == array_state(twin)


RULE = ERider(device=DEVICE)
TILE_CASES = [
    *matrix_cases("set_weights", "w", W, lambda t, v: t.set_weights(v)),
    *matrix_cases("update", "x", X, lambda t, v: t.update(v, D, 0.1)),
    *matrix_cases("update", "d", D, lambda t, v: t.update(X, v, 0.1)),
    *matrix_cases("forward", "x", X, lambda t, v: t.forward(v)),
    *matrix_cases("backward", "d", D, lambda t, v: t.backward(v)),
    *cases("update-lr", lambda t, v: t.update(X, D, v), NOT_RATES, ConfigError, "lr"),
]


TILE_RULES = [RULE, AnalogSGD(device=DEVICE), TikiTaka(device=DEVICE), ResidualLearning(device=DEVICE, fast_arrays=2)]


def tile_state(tile):
    digital = {name: values.tobytes() for name, values in tile.digital.items()}
    return tile.weights.tobytes(), tile.ledger, digital, tile.choppers.tobytes()


@pytest.mark.parametrize(("call", "error", "words"), TILE_CASES)
@pytest.mark.parametrize("rule", TILE_RULES, ids=lambda rule: type(rule).__name__)
def test_tile_refuses_and_stays(rule, call, error, words):
    tile, twin = (dt.AnalogTile(SHAPE, rule, rng=0) for _ in range(2))
    before = tile_state(tile)
    with pytest.raises(error, match=rf"\b{words}\b"):
        call(tile)
    assert tile_state(tile) == before
    for one in (tile, twin):
        one.update(X, -D, 0.1)
        one.forward(X)
    assert tile_state(tile) == tile_state(twin)


CELLS = dt.CrossbarArray(SHAPE, DEVICE, rng=0).cell_parameters()
TABLE, T = PiecewiseStep(), np.ones((2, 3, 4))
NOT_SHAPES = ((0, 3), (2, -1), (2,), (2, 3, 4), (2.0, 3), (True, 3), "23", None, 6, (2**31, 2), (2**40, 1))


@pytest.mark.parametrize("shape", NOT_SHAPES, ids=repr)
def test_shapes_are_refused(shape):
    for make in (lambda: dt.CrossbarArray(shape, DEVICE), lambda: dt.AnalogTile(shape, RULE)):
        with pytest.raises(ConfigError, match="shape"):
            make()


@pytest.mark.parametrize("num_threads", [0, -1, 2000, 1.0, "2", True], ids=repr)
def test_thread_numbers_are_refused(num_threads):
    for make, part in ((dt.CrossbarArray, DEVICE), (dt.AnalogTile, RULE)):
        with pytest.raises(ConfigError, match="num_threads"):
            make(SHAPE, part, num_threads=num_threads)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"device": None}, ConfigError, "device"),
        ({"device": SoftBounds}, ConfigError, "device"),
        ({"device": {"dw_min": 1}}, ConfigError, "device"),
        ({"device": dt.PulseUpdate()}, ConfigError, "device"),
        ({"device": RULE}, ConfigError, "device"),
        ({"rng": -1}, ConfigError, "rng"),
        ({"rng": "seed"}, ConfigError, "rng"),
        ({"cell_parameters": [1]}, ConfigError, "cell_parameters"),
        ({"cell_parameters": {"colour": W}}, ConfigError, "colour"),
        ({"cell_parameters": {1: W}}, ConfigError, "cell_parameters"),
        ({"cell_parameters": {"max_bound": W.T}}, ShapeError, r"cell_parameters\['max_bound'\] has shape"),
        ({"cell_parameters": {"max_bound": W[0]}}, ShapeError, "max_bound"),
        ({"cell_parameters": {"max_bound": W * np.nan}}, NonFiniteError, "max_bound"),
        ({"cell_parameters": {"max_bound": W - 100}}, ConfigError, "min_bound"),
        ({"cell_parameters": {"dwmin_up": W + 2e18}}, ConfigError, r"dwmin_up.*= 2e18: must be .* <= 1e18"),
        ({"cell_parameters": {"max_bound": "high"}}, ConfigError, "max_bound"),
        ({"cell_parameters": {"reference": W}, "device": SoftBounds()}, ConfigError, "reference"),
        ({"cell_parameters": {"piecewise_up": T, "piecewise_down": T}}, ConfigError, "piecewise"),
        ({"cell_parameters": {"piecewise_up": T}, "device": TABLE}, ConfigError, "piecewise"),
        ({"cell_parameters": {"piecewise_up": T, "piecewise_down": W}, "device": TABLE}, ShapeError, "piecewise_down"),
        ({"cell_parameters": {"piecewise_up": T, "piecewise_down": T[:1]}, "device": TABLE}, ShapeError, "cell_param"),
        (
            {"cell_parameters": {"piecewise_up": T, "piecewise_down": T[..., :2]}, "device": TABLE},
            ShapeError,
            "piecewise",
        ),
        (
            {"cell_parameters": {"piecewise_up": T, "piecewise_down": T[..., :0]}, "device": TABLE},
            ShapeError,
            "piecewise",
        ),
        (
            {"cell_parameters": {"piecewise_up": T, "piecewise_down": T * np.nan}, "device": TABLE},
            NonFiniteError,
            "down",
        ),
    ],
    ids=str,
)
def test_array_construction_refuses(arguments, error, words):
    arguments = {"device": DEVICE} | arguments
    with pytest.raises(error, match=words):
        dt.CrossbarArray(SHAPE, arguments.pop("device"), **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"algorithm": None}, "algorithm"),
        ({"algorithm": DEVICE}, "algorithm"),
        ({"algorithm": ERider}, "algorithm"),
        ({"forward": None}, "forward"),
        ({"forward": dt.PulseUpdate()}, "forward"),
        ({"backward": "ideal"}, "backward"),
        ({"update": IDEAL}, "update"),
        ({"rng": 1.5}, "rng"),
    ],
    ids=str,
)
def test_tile_construction_refuses(arguments, words):
    arguments = {"algorithm": RULE} | arguments
    with pytest.raises(ConfigError, match=words):
        dt.AnalogTile(SHAPE, arguments.pop("algorithm"), **arguments)


def test_questions_that_have_no_answer():
    array = dt.CrossbarArray(SHAPE, ConstantStep(), rng=0)
    with pytest.raises(StateError, match="count_pulses"):
        array.pulse_counts  # noqa: B018
    tile = dt.AnalogTile(SHAPE, AnalogSGD(device=DEVICE), rng=0)
    for question in (lambda: tile.sp_estimate, tile.sp_error):
        with pytest.raises(StateError, match="symmetric point"):
            question()
    with pytest.raises(StateError, match="ConstantStep"):
        dt.AnalogTile(SHAPE, ERider(device=ConstantStep()), rng=0).sp_error()
    stuck = dt.CrossbarArray(SHAPE, SoftBounds(corrupt_devices_prob=1.0), rng=0)
    for ask in (theory.population_constants, theory.asymmetry_slope):
        with pytest.raises(StateError, match="stuck"):
            ask(stuck)


POSITIVE = (0, -0.1, math.nan, math.inf, -math.inf, "1", None, True, [1.0], 1j)
CONSTANTS = theory.PopulationConstants(q_min=0.5, q_max=1.5, mu_q=0.8, L_q=1.2)
FLAT = theory.PopulationConstants(q_min=0.0, q_max=1.0, mu_q=0.0, L_q=0.0)
BOUND = {"dw_min": 0.001}
THEORY_CASES = [
    (lambda v: theory.zero_shift_mean_error(0.1, 1.0, v, 10), "dw_min", POSITIVE),
    (lambda v: theory.zero_shift_mean_error(0.1, 1.0, 0.01, v), "n_pulses", [-1, "x", math.nan, [1, -1]]),
    (lambda v: theory.zero_shift_mean_error(v, 1.0, 0.01, 1), "error_0", ["x", math.inf, None]),
    (lambda v: theory.zero_shift_mean_error(0.1, v, 0.01, 1), "slope", ["x", math.nan]),
    (lambda v: theory.zero_shift_asymmetry_bound(v, CONSTANTS, potential=1, **BOUND), "n_pulses", [0, -1, "x"]),
    (lambda v: theory.zero_shift_asymmetry_bound(1, CONSTANTS, potential=v, **BOUND), "potential", [-1, math.nan]),
    (lambda v: theory.zero_shift_asymmetry_bound(1, CONSTANTS, potential=1, dw_min=v), "dw_min", [0, -1, math.nan]),
    (lambda v: theory.zero_shift_asymmetry_bound(1, CONSTANTS, potential=1, scheme=v, **BOUND), "scheme", ["up", None]),
    (lambda v: theory.zero_shift_asymmetry_pulses(v, CONSTANTS, potential=1, **BOUND), "delta", [0, -1, 1e-9]),
    (lambda v: theory.zero_shift_error_bound(v, CONSTANTS, distance_sq=1, **BOUND), "n_pulses", [-1, math.inf]),
    (lambda v: theory.zero_shift_error_bound(1, CONSTANTS, distance_sq=v, **BOUND), "distance_sq", [-1, "x"]),
    (lambda v: theory.zero_shift_error_bound(1, CONSTANTS, distance_sq=1, dw_min=v), "dw_min", [0, 0.7, math.nan]),
    (lambda v: theory.zero_shift_error_bound(1, v, distance_sq=1, **BOUND), "mu_q", [FLAT]),
    (lambda v: theory.zero_shift_error_pulses(v, CONSTANTS, distance_sq=1, **BOUND), "delta", [0, math.nan]),
    (lambda v: theory.filter_response(v, 0.1), "eta", [0, 1.1, math.nan, "x"]),
    (lambda v: theory.filter_response(0.1, v), "omega", [math.nan, "x"]),
    (lambda v: theory.tracking_rate_limit(v, [1.0], [0.0]), "p_next", [[1.0], [[2.0]], [math.nan], "x", [2.0, 3.0]]),
    (lambda v: theory.tracking_rate_limit([2.0], [1.0], v), "symmetric_point", [[math.inf], [0.0, 0.0], None]),
    (lambda v: theory.rider_step_sizes(v, CONSTANTS, mu=1), "alpha", POSITIVE),
    (lambda v: theory.rider_step_sizes(1, CONSTANTS, mu=v), "mu", POSITIVE),
    (lambda v: theory.rider_step_sizes(1, CONSTANTS, mu=1, gamma=v), "gamma", POSITIVE),
    (lambda v: theory.rider_step_sizes(1, v, mu=1), "q_min", [FLAT]),
    (lambda v: theory.gradient_floor(v, CONSTANTS, mu=1), "sigma", [-1, math.nan]),
    (lambda v: theory.gradient_floor(1, CONSTANTS, mu=v), "mu", [0, "x"]),
    (lambda v: theory.gradient_floor(1, v, mu=1), "q_min", [FLAT]),
    (lambda v: theory.PopulationConstants(q_min=v, q_max=1, mu_q=1, L_q=1), "q_min", [2, math.nan, "x"]),
    (lambda v: theory.PopulationConstants(q_min=0, q_max=v, mu_q=1, L_q=1), "q_max", [0, -1, math.inf]),
    (lambda v: theory.PopulationConstants(q_min=0, q_max=1, mu_q=1, L_q=v), "L_q", [-1, None]),
]


@pytest.mark.parametrize(
    ("call", "words", "values"), THEORY_CASES, ids=[f"{i}-{c[1]}" for i, c in enumerate(THEORY_CASES)]
)
def test_theory_refuses(call, words, values):
    for value in values:
        with pytest.raises((ConfigError, NonFiniteError, ShapeError), match=rf"\b{words}\b"):
            call(value)


def test_exceptions_are_the_built_in_ones_too():
    families = {ConfigError: ValueError, ShapeError: ValueError, NonFiniteError: ValueError, StateError: RuntimeError}
    families |= {dt.DataError: ValueError, dt.MissingDataError: FileNotFoundError}
    for own, built_in in families.items():
        assert issubclass(own, dt.DspError)
        assert issubclass(own, built_in)


def test_numbers_may_be_arrays_without_dimensions():
    array = dt.CrossbarArray((1, 2), dt.devices.SoftBounds(), rng=0)
    np.testing.assert_array_equal(array.response(np.array(0.1)), array.response(0.1))
    array.update([[1.0, 0.0]], [[-1.0]], lr=np.array(0.1))


def test_the_smallest_int8_is_no_polarity():
    with pytest.raises(dt.ConfigError, match=r"polarity = .*-128"):
        dt.CrossbarArray((1, 2), dt.devices.SoftBounds(), rng=0).pulse(np.int8(-128))
