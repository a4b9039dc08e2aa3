"""Every response model and preset, pulse by pulse, against the twin (02 sections 2.3 to 2.5)."""

import numpy as np
import pytest

import dsptrack as dt
from helpers.build import device, placed, pulses, quiet, spread_weights
from helpers.models import granularity, tables
from helpers.zoo import EVERYTHING, KINDS, MODELS, PRESETS, assert_inside, equal, make, points, scale, silent, twin

SHAPE = (33, 47)
# Trains that send exactly ceil(lr/g) pulses to every cell of lines with |x| = |d| = 1
CERTAIN = {"update_management": False, "update_bl_management": False, "fixed_bl": False, "desired_bl": 1}


def random_state(name, rng, seed=1, shape=SHAPE, **overrides):
    """A silent population at random states, its twin, and its weights."""
    array = dt.CrossbarArray(shape, silent(name, **overrides), rng=seed)
    cells = twin(array)
    array.set_weights(spread_weights(cells, rng))
    return array, cells, array.weights


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("name", EVERYTHING)
def test_single_pulse_is_the_twins(name, polarity, rng):
    array, cells, start = random_state(name, rng)
    array.pulse(polarity)
    np.testing.assert_allclose(array.weights, cells.pulses(start, polarity), rtol=0, atol=1e-6 * scale(cells))


@pytest.mark.parametrize("name", EVERYTHING)
def test_many_pulses_are_many_single_pulses(name, rng):
    array, cells, start = random_state(name, rng, seed=2)
    mask = rng.integers(-1, 2, SHAPE).astype(np.int8)
    array.pulse(mask, count=7)
    np.testing.assert_allclose(array.weights, cells.pulses(start, mask, 7), rtol=0, atol=7e-6 * scale(cells))
    np.testing.assert_array_equal(array.weights[mask == 0], start[mask == 0])


@pytest.mark.parametrize("name", MODELS)
def test_random_signs_go_the_way_that_they_are_counted(name, rng):
    """One pulse of random sign: the counts tell which twin's pulse it was."""
    dev = silent(name)
    array = dt.CrossbarArray(SHAPE, dev, rng=3, count_pulses=True)
    cells = twin(array)
    array.set_weights(spread_weights(cells, rng))
    start = array.weights
    array.pulse_random(1)
    up, down = array.pulse_counts
    np.testing.assert_array_equal(up + down, 1)
    assert 0.4 < up.mean() < 0.6
    np.testing.assert_allclose(array.weights, cells.pulses(start, up - down), rtol=0, atol=1e-6 * scale(cells))


@pytest.mark.parametrize("pulse_type", ["stochastic", "deterministic_implicit", "mean_count"])
@pytest.mark.parametrize("name", MODELS)
def test_coincidences_are_pulses(name, pulse_type, rng):
    """Lines that always fire: every cell of the pulsed rows and columns gets five pulses, up or down."""
    array, cells, start = random_state(name, rng, seed=4)
    x, d = np.resize([1.0, -1.0, 0.0], SHAPE[1]), np.resize([1.0, -1.0, 0.0, 1.0], SHAPE[0])
    array.update(x[None], d[None], 4.5 * granularity(array.device), dt.PulseUpdate(pulse_type=pulse_type, **CERTAIN))
    direction = -np.outer(d, x)
    np.testing.assert_allclose(array.weights, cells.pulses(start, direction, 5), rtol=0, atol=5e-6 * scale(cells))
    assert pulses(array) == (5 * np.sum(direction > 0), 5 * np.sum(direction < 0))


@pytest.mark.parametrize("name", MODELS)
def test_increments(name, rng):
    """Mean field: equation (2) with the twin's F and G. Pulsed: delta/dw_min whole pulses."""
    array, cells, start = random_state(name, rng, seed=5)
    delta = (0.03 * rng.standard_normal(SHAPE)).astype(np.float32)
    array.increment(delta, mode="mean_field")
    np.testing.assert_allclose(array.weights, cells.mean_field(start, delta), rtol=0, atol=2e-6 * scale(cells))
    array.set_weights(start)
    start = array.weights
    sign = rng.choice([-1, 1], SHAPE)
    array.increment(3 * cells.dw_min * sign)
    np.testing.assert_allclose(array.weights, cells.pulses(start, sign, 3), rtol=0, atol=4e-6 * scale(cells))


@pytest.mark.parametrize("name", EVERYTHING)
def test_responses_are_the_twins(name, rng):
    array, cells, start = random_state(name, rng, seed=6)
    expected = cells.response(start)
    for part, exact in zip(array.response(start), expected, strict=True):
        np.testing.assert_allclose(part, exact, rtol=2e-5, atol=2e-5)
    # At the bound itself a power has an infinite slope, so that the last bit of v counts: no check of F and G there
    np.testing.assert_allclose(array.symmetric_part(start), (expected[1] + expected[0]) / 2, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(array.asymmetric_part(start), (expected[1] - expected[0]) / 2, rtol=2e-5, atol=4e-5)


# By hand


def one(dev, **cells):
    """One cell with bounds +-1 and steps 0.1, unless ``cells`` say otherwise."""
    defaults = {"max_bound": 1.0, "min_bound": -1.0, "dwmin_up": 0.1, "dwmin_down": 0.1}
    return placed(dev, **{name: np.array([[value]]) for name, value in (defaults | cells).items()})


def moves(array, w):
    """Change of the weight by an up and by a down pulse from w."""
    changes = []
    for polarity in (1, -1):
        array.set_weights([[w]])
        array.pulse(polarity)
        changes.append(float(array.weights[0, 0]) - w)
    return pytest.approx(changes[0], abs=2e-7), pytest.approx(changes[1], abs=2e-7)


def nominal(kind, **fields):
    """One nominal cell: bounds +-1, dw_min 0.1."""
    return dt.CrossbarArray((1, 1), equal(quiet(kind, **({"w_max": 1, "w_min": -1, "dw_min": 0.1} | fields))), rng=0)


def test_linear_step_by_hand():
    # k+ = -0.5 * 0.1/1, k- = -0.25 * 0.1/(-1)
    assert moves(nominal("LinearStep", gamma_up=0.5, gamma_down=0.25), 0.4) == (0.1 - 0.02, -(0.1 + 0.01))
    placed_cell = one(quiet("LinearStep", dw_min=0.1), slope_up=-0.05, slope_down=0.025)
    assert moves(placed_cell, 0.4) == (0.1 - 0.02, -(0.1 + 0.01))
    reverse = {"gamma_up": 0.5, "gamma_down": 0.25, "reverse_up": True, "reverse_down": True, "reverse_offset": 0.25}
    # R+ = -1.25, R- = 1.25: the up step grows with w, the down step grows as w falls
    assert moves(nominal("LinearStep", **reverse), 0.5) == (0.1 * 1.2, -0.1 * 0.9)


def test_soft_bounds_by_hand():
    assert moves(nominal("SoftBounds"), 0.5) == (0.05, -0.15)
    # Reversed: R+ = -1.25 and R- = 1.25
    assert moves(nominal("SoftBounds", reverse_up=True, reverse_offset=0.25), 0.5) == (0.1 * 1.4, -0.15)
    assert moves(nominal("SoftBounds", reverse_down=True, reverse_offset=0.25), 0.5) == (0.05, -0.1 * 0.6)


def test_exp_step_by_hand():
    # a = b = 0.5, bounds +-1: z = w/2 + 1/2 = 0.6 at w = 0.2
    fields = {"A_up": 0.5, "A_down": 0.25, "gamma_up": 1.0, "gamma_down": 2.0, "a": 0.5, "b": 0.5}
    up, down = 0.1 * (1 - 0.5 * np.exp(0.6)), -0.1 * (1 - 0.25 * np.exp(-1.2))
    assert moves(nominal("ExpStep", **fields), 0.2) == (up, down)
    assert moves(nominal("ExpStep", **(fields | {"A_up": 0.6, "A_down": 4.0})), 0.2)[1] == 0.0
    # The preset at w = 0, where 02 section 7.1 has the size of a down pulse
    cell = dt.CrossbarArray((1, 1), equal(silent("reram_es")), rng=0)
    assert moves(cell, 0.0) == (0.00135 * (1 + 1.18445 * np.exp(-2.5)), pytest.approx(-0.0019914, abs=5e-8))


def test_pow_step_by_hand():
    # Distances from w = 0.25 in units of R = 2: 0.375 up, 0.625 down
    assert moves(nominal("PowStep", pow_gamma=2.0), 0.25) == (0.1 * 0.140625, -0.1 * 0.390625)
    cell = one(quiet("PowStep", dw_min=0.1), gamma_up=0.5, gamma_down=1.0)
    assert moves(cell, 0.5) == (0.1 * 0.5, -0.1 * 0.75)
    cell = one(quiet("PowStepReference", dw_min=0.1), gamma_up=0.5, gamma_down=1.0, reference=0.25)
    assert moves(cell, 0.25) == (0.1 * 0.5, -0.1 * 0.75)


def test_piecewise_step_by_hand():
    dev = {"piecewise_up": (1.0, 0.5, 0.0), "piecewise_down": (0.0, 1.0, 3.0)}
    assert moves(nominal("PiecewiseStep", **dev), 0.5) == (0.025, -0.2)
    assert moves(nominal("PiecewiseStep", **dev), -0.5) == (0.075, -0.05)
    assert moves(nominal("PiecewiseStep", piecewise_up=(0.5,), piecewise_down=(2.0,)), 0.5) == (0.05, -0.2)
    # The nodes span the cell's own range: 0.2 is half-way from -0.1 to 0.5
    cell = one(quiet("PiecewiseStep", dw_min=0.1, **dev), max_bound=0.5, min_bound=-0.1)
    assert moves(cell, 0.2) == (0.05, -0.1)


# Tables of single cells


@pytest.mark.parametrize("nodes", [1, 2, 3, 17])
def test_measured_tables(nodes, rng):
    """Every cell with its own table: pulses, and the planes come back."""
    chip = tables(rng, SHAPE, nodes)
    dev = quiet("PiecewiseStep", dw_min=0.05, piecewise_up=(1.0,) * nodes, piecewise_down=(1.0,) * nodes)
    array = dt.CrossbarArray(SHAPE, dev, rng=7, cell_parameters=chip)
    kept = array.cell_parameters()
    for plane, values in chip.items():
        np.testing.assert_array_equal(kept[plane], values)
    cells = twin(array)
    array.set_weights(spread_weights(cells, rng))
    start, mask = array.weights, rng.integers(-1, 2, SHAPE).astype(np.int8)
    array.pulse(mask, 3)
    np.testing.assert_allclose(array.weights, cells.pulses(start, mask, 3), rtol=0, atol=3e-6)
    for part, exact in zip(array.response(start), cells.response(start), strict=True):
        np.testing.assert_allclose(part, exact, rtol=2e-5, atol=2e-5)


def test_tables_of_the_wrong_shape_are_refused(rng):
    chip = tables(rng, (3, 4), 5)
    for name, values, error in (
        ("piecewise_up", chip["piecewise_up"][..., :3], dt.ShapeError),
        ("piecewise_up", chip["piecewise_up"][:2], dt.ShapeError),
        ("piecewise_down", chip["piecewise_down"][..., 0], dt.ShapeError),
        ("piecewise_down", np.nan * chip["piecewise_down"], dt.NonFiniteError),
    ):
        with pytest.raises(error, match=f"{name}|cell_parameters"):
            dt.CrossbarArray((3, 4), quiet("PiecewiseStep"), cell_parameters=chip | {name: values})
    alone = {name: values for name, values in chip.items() if name != "piecewise_down"}
    with pytest.raises(dt.ConfigError, match="piecewise_down"):
        dt.CrossbarArray((3, 4), quiet("PiecewiseStep"), cell_parameters=alone)
    with pytest.raises(dt.ConfigError, match="piecewise"):
        dt.CrossbarArray((3, 4), quiet("SoftBounds"), cell_parameters=chip)


# At the bounds


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("name", [*MODELS, "reram_es", "pcm", "capacitor", "reram_array_om"])
def test_no_pulse_passes_a_bound(name, polarity, rng):
    """Long trains with strong noise: inside after every call, and on the bound when set there."""
    dev = make(name, dw_min_std=2.0)
    if hasattr(dev, "write_noise_std"):
        dev = make(name, dw_min_std=2.0, write_noise_std=0.0)
    array = dt.CrossbarArray(SHAPE, dev, rng=8)
    cells = twin(array)
    array.set_weights(np.full(SHAPE, 9.0 * polarity))
    bound = cells.max_bound if polarity > 0 else cells.min_bound
    np.testing.assert_allclose(array.weights, bound - cells.reference, rtol=0, atol=1e-6 * scale(cells))
    for count in (1, 3, 40):
        array.pulse(polarity, count)
        assert_inside(array, cells)
        array.pulse(rng.integers(-1, 2, SHAPE).astype(np.int8), count)
        assert_inside(array, cells)


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("name", MODELS)
def test_trains_against_a_bound_end_where_the_twin_ends(name, polarity):
    array = dt.CrossbarArray((11, 13), silent(name), rng=9)
    cells = twin(array)
    start = array.weights
    array.pulse(polarity, 400)
    np.testing.assert_allclose(array.weights, cells.pulses(start, polarity, 400), rtol=0, atol=2e-5 * scale(cells))


@pytest.mark.parametrize("kind", ["SoftBounds", "PowStep", "PowStepReference"])
def test_steps_vanish_at_soft_bounds(kind, rng):
    array = dt.CrossbarArray(SHAPE, device(kind, dw_min=0.05, dw_min_std=0.0), rng=10)
    for polarity in (1, -1):
        array.set_weights(np.full(SHAPE, 9.0 * polarity))
        there = array.weights
        array.pulse(polarity, 5)
        np.testing.assert_allclose(array.weights, there, rtol=0, atol=1e-7)


@pytest.mark.parametrize("noise", [{}, {"dw_min_std": 0.5}, {"dw_min_std": 0.5, "dw_min_std_add": 0.1}], ids=str)
@pytest.mark.parametrize("gamma", [44.0, 100.0])
def test_steps_beyond_float32_end_at_a_bound(gamma, noise):
    """Legal numbers, 1 + exp(88) steps of 3: infinite in float32, and infinity times 0 or minus itself is NaN."""
    dev = equal(
        quiet(
            "ExpStep",
            w_max=1,
            w_min=0,
            dw_min=3,
            A_up=-1,
            A_down=-1,
            gamma_up=gamma,
            gamma_down=-gamma,
            a=1,
            b=0,
            **noise,
        )
    )
    array = dt.CrossbarArray((1, 200), dev, rng=14)
    cells = twin(array)
    array.trace([(0, j) for j in range(200)])
    for call in (
        lambda: array.pulse(-1),
        lambda: array.pulse(1, 3),
        lambda: array.pulse_random(5),
        lambda: array.update(np.ones((1, 200)), np.ones((1, 1)), 9.0),
        lambda: array.program(np.full((1, 200), 0.5), tolerance=0.1, max_rounds=4),
        lambda: array.increment(np.full((1, 200), -0.01), mode="mean_field"),
    ):
        array.set_weights(np.ones((1, 200)))
        call()
        assert_inside(array, cells)
    assert np.all(np.isfinite(array.traces()["after"]))


@pytest.mark.parametrize("gamma", [22.0, 60.0])
def test_no_step_stays_no_step_beyond_float32(gamma):
    """up_down = 1 makes s- zero, which times 1 + 3 exp(88) is still zero: no response, no move, no symmetric point."""
    dev = equal(
        quiet("ExpStep", w_max=0, w_min=-1, dw_min=0.01, up_down=1, A_up=0, A_down=-3, gamma_down=-gamma, a=-2, b=0)
    )
    array = dt.CrossbarArray((1, 20), dev, rng=15)
    array.set_weights(np.linspace(-1, 0, 20)[None])
    before = array.weights
    array.pulse(-1, 3)
    np.testing.assert_array_equal(array.weights, before)
    np.testing.assert_array_equal(array.response(before)[1], 0)
    assert np.all(np.isnan(points(array)))


@pytest.mark.parametrize("gamma", [1.2, 0.3, 3.0])
def test_a_reference_never_drives_a_power_out_of_its_range(gamma):
    """02 section 2.4, a defect of the peer: w = 1, r = 0.2, gamma 1.2 and one up pulse gave -1.2 there."""
    cell = one(quiet("PowStepReference", dw_min=0.1), gamma_up=gamma, gamma_down=gamma, reference=0.2)
    for w, up, down in ((1.0, 0.8, 0.7), (-3.0, -1.1, -1.2)):
        for polarity, expected in ((1, up), (-1, down)):
            cell.set_weights([[w]])
            cell.pulse(polarity)
            assert cell.weights[0, 0] == pytest.approx(expected, abs=1e-6)


def test_stuck_cells_of_every_model_stay():
    for name in KINDS:
        array = dt.CrossbarArray(SHAPE, make(name, corrupt_devices_prob=0.5, dw_min_std=1.0), rng=11)
        cells = twin(array)
        stuck = cells.max_bound == cells.min_bound
        assert 0.4 < stuck.mean() < 0.6
        before = array.weights
        array.pulse(1, 9)
        array.pulse_random(9)
        array.update(np.ones((1, SHAPE[1])), np.ones((1, SHAPE[0])), 0.1)
        array.set_weights(np.full(SHAPE, 0.3))
        np.testing.assert_array_equal(array.weights[stuck], before[stuck], err_msg=name)


# Cells as planes

OWN = {
    "LinearStep": {"slope_up", "slope_down"},
    "PowStep": {"gamma_up", "gamma_down"},
    "PowStepReference": {"gamma_up", "gamma_down", "reference"},
    "SoftBoundsReference": {"reference"},
}
COMMON = {"max_bound", "min_bound", "dwmin_up", "dwmin_down"}
RETENTION = {"decay_scale", "diffusion_rate", "reset_bias", "drift_nu"}


@pytest.mark.parametrize("name", EVERYTHING)
def test_cell_parameters_make_the_same_chip_again(name, rng):
    dev = silent(name)
    drawn = dt.CrossbarArray(SHAPE, dev, rng=12).cell_parameters()
    assert COMMON | OWN.get(type(dev).__name__, set()) <= set(drawn)
    assert set(drawn) <= COMMON | RETENTION | OWN.get(type(dev).__name__, set()) | {"piecewise_up", "piecewise_down"}
    again = dt.CrossbarArray(SHAPE, dev, rng=13, cell_parameters=drawn)
    kept = again.cell_parameters()
    assert set(kept) == set(drawn)
    for plane, values in drawn.items():
        assert values.dtype == np.float32
        assert values.shape[:2] == SHAPE
        np.testing.assert_array_equal(kept[plane], values)
    first = dt.CrossbarArray(SHAPE, dev, rng=12)
    for array in (first, again):
        array.set_weights(np.zeros(SHAPE))
        array.pulse(1, 3)
    np.testing.assert_array_equal(first.weights, again.weights)


def test_presets_and_models_are_all_there():
    assert set(PRESETS) == set(dt.presets.__all__)
    kinds = {kind for kind, _ in MODELS.values()}
    assert kinds == {c.__name__ for c in dt.devices.Device.__subclasses__()}
