"""Response models: single pulses against the twin, device-to-device laws, symmetric points (02 sections 2.1 to 2.7)."""

import numpy as np
import pytest
from scipy.stats import norm

import dsptrack as dt
from helpers import stats
from helpers.build import device, placed, quiet, spread_weights, twin_of
from helpers.twin import draw, raw_symmetric_point

SHAPE = (33, 47)
SPREAD = {"dw_min": 0.05, "dw_min_std": 0.0}

POPULATIONS = [
    pytest.param("ConstantStep", {}, id="constant"),
    pytest.param("ConstantStep", {"up_down": 0.3}, id="constant-up_down"),
    pytest.param("ConstantStep", {"enforce_consistency": False, "dw_min_dtod": 0.8}, id="constant-reversed-steps"),
    pytest.param("SoftBounds", {}, id="soft"),
    pytest.param("SoftBounds", {"up_down": -0.4, "mult_noise": False}, id="soft-up_down"),
    pytest.param("SoftBounds", {"corrupt_devices_prob": 0.2}, id="soft-corrupt"),
    pytest.param("SoftBoundsReference", {}, id="reference-at-zero"),
    pytest.param("SoftBoundsReference", {"reference_mean": 0.3, "reference_std": 0.2}, id="reference"),
    pytest.param(
        "SoftBoundsReference",
        {"reference_mean": 0.1, "reference_std": 0.1, "subtract_symmetry_point": True, "up_down": 0.2},
        id="reference-subtracted",
    ),
    pytest.param(
        "SoftBoundsReference", {"slope_up_dtod": 0.2, "slope_down_dtod": 0.3, "mult_noise": True}, id="reference-slopes"
    ),
]


@pytest.mark.parametrize(("kind", "fields"), POPULATIONS)
@pytest.mark.parametrize("polarity", [1, -1])
def test_single_pulse_is_the_twins(kind, fields, polarity, rng):
    dev = device(kind, **(SPREAD | fields))
    array = dt.CrossbarArray(SHAPE, dev, rng=1)
    cells = twin_of(array, dev)
    array.set_weights(spread_weights(cells, rng))
    start = array.weights
    array.pulse(polarity)
    np.testing.assert_allclose(array.weights, cells.pulses(start, polarity), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "fields"), POPULATIONS)
def test_many_pulses_are_many_single_pulses(kind, fields, rng):
    dev = device(kind, **(SPREAD | fields))
    array = dt.CrossbarArray(SHAPE, dev, rng=2)
    cells = twin_of(array, dev)
    array.set_weights(spread_weights(cells, rng))
    start = array.weights
    mask = rng.integers(-1, 2, SHAPE).astype(np.int8)
    array.pulse(mask, count=7)
    np.testing.assert_allclose(array.weights, cells.pulses(start, mask, 7), rtol=0, atol=7e-6)
    np.testing.assert_array_equal(array.weights[mask == 0], start[mask == 0])


def test_worked_examples():
    """By hand: soft bounds (0.5, -0.4), steps (0.1, 0.2), reference 0.1."""
    dev = quiet("SoftBoundsReference", dw_min=0.1)
    cells = {"max_bound": 0.5, "min_bound": -0.4, "dwmin_up": 0.1, "dwmin_down": 0.2, "reference": 0.1}
    array = placed(dev, **{name: np.full((1, 1), value) for name, value in cells.items()})
    array.set_weights([[0.15]])  # v = 0.25: half the range above zero
    array.pulse(+1)
    assert array.weights[0, 0] == pytest.approx(0.15 + 0.1 * 0.5, abs=1e-6)
    array.set_weights([[0.1]])  # v = 0.2
    array.pulse(-1)
    assert array.weights[0, 0] == pytest.approx(0.1 - 0.2 * 1.5, abs=1e-6)
    # SP: 0.1 (1 - 2 v) = 0.2 (1 + 2.5 v) at v = -1/7
    assert array.symmetric_point()[0, 0] == pytest.approx(-1 / 7 - 0.1, abs=1e-6)


def test_pulses_stop_at_the_cells_own_bound():
    dev = device("ConstantStep", dw_min=0.1, dw_min_dtod=0.1, dw_min_std=0.0)
    array = dt.CrossbarArray(SHAPE, dev, rng=3)
    cells = array.cell_parameters()
    array.pulse(+1, count=200)
    np.testing.assert_array_equal(array.weights, cells["max_bound"])
    array.pulse(-1, count=400)
    np.testing.assert_array_equal(array.weights, cells["min_bound"])


def test_set_weights_clips_the_physical_state():
    dev = quiet("SoftBoundsReference", reference_mean=0.2, reference_std=0.1)
    array = dt.CrossbarArray(SHAPE, dev, rng=4)
    cells = twin_of(array, dev)
    array.set_weights(np.full(SHAPE, 9.0))
    np.testing.assert_allclose(array.weights, cells.max_bound - cells.reference, rtol=0, atol=1e-6)
    array.set_weights(np.full(SHAPE, -9.0))
    np.testing.assert_allclose(array.weights, cells.min_bound - cells.reference, rtol=0, atol=1e-6)
    array.set_weights(np.full(SHAPE, 0.05))
    expected = cells.clip(0.05 + cells.reference) - cells.reference
    np.testing.assert_allclose(array.weights, expected, rtol=0, atol=1e-6)
    assert np.mean(np.abs(expected - 0.05) < 1e-9) > 0.99


def test_placed_cells_come_back(rng):
    dev = quiet("SoftBoundsReference")
    given = {
        "max_bound": rng.uniform(0.3, 0.9, SHAPE),
        "min_bound": rng.uniform(-0.9, -0.3, SHAPE),
        "dwmin_up": rng.uniform(0.01, 0.1, SHAPE),
        "dwmin_down": rng.uniform(0.01, 0.1, SHAPE),
        "reference": rng.uniform(-0.2, 0.2, SHAPE),
    }
    kept = placed(dev, **given).cell_parameters()
    assert set(kept) == set(given)
    for name, values in given.items():
        np.testing.assert_array_equal(kept[name], values.astype(np.float32))


# Device-to-device laws


LAWS = [
    pytest.param("ConstantStep", {}, id="defaults"),
    pytest.param("ConstantStep", {"up_down": 0.5, "up_down_dtod": 0.2}, id="up_down"),
    pytest.param("ConstantStep", {"up_down": -0.5, "up_down_dtod": 0.2}, id="up_down-negative"),
    pytest.param("SoftBounds", {"dw_min_dtod_log_normal": True, "dw_min_dtod": 0.7829}, id="log-normal"),
    pytest.param("SoftBounds", {"w_max_dtod": 1.0, "w_min_dtod": 0.8, "dw_min_dtod": 1.0}, id="enforced"),
    pytest.param(
        "ConstantStep",
        {"w_max_dtod": 1.0, "w_min_dtod": 0.8, "dw_min_dtod": 1.0, "enforce_consistency": False},
        id="not-enforced",
    ),
    pytest.param(
        "SoftBoundsReference",
        {"slope_up_dtod": 0.3, "slope_down_dtod": 0.2, "reference_mean": 0.4, "reference_std": 0.3},
        id="slopes-and-reference",
    ),
    pytest.param(
        "SoftBoundsReference",
        {"subtract_symmetry_point": True, "up_down": 0.3, "reference_mean": 0.1, "reference_std": 0.05},
        id="subtracted",
    ),
]


@pytest.mark.parametrize(("kind", "fields"), LAWS)
def test_populations_follow_the_twins_law(kind, fields, rng):
    dev = device(kind, **({"dw_min": 0.01} | fields))
    shape = (200, 200)
    drawn = dt.CrossbarArray(shape, dev, rng=5).cell_parameters()
    expected = draw(dev, shape, rng)
    assert set(drawn) == set(expected)
    for name, values in expected.items():
        if name == "reference" and np.ptp(values) == 0:
            np.testing.assert_array_equal(drawn[name], values)
        else:
            stats.assert_ks_two(drawn[name], values, name)
    # Joint law: what the marginals leave open
    for law in (drawn, expected):
        law["span"] = np.asarray(law["max_bound"]) - np.asarray(law["min_bound"])
        law["tilt"] = np.asarray(law["dwmin_up"]) - np.asarray(law["dwmin_down"])
        law["product"] = np.asarray(law["dwmin_up"]) * np.asarray(law["max_bound"])
    for name in ("span", "tilt", "product"):
        stats.assert_ks_two(drawn[name], expected[name], name)


def test_normal_draws_have_the_stated_moments():
    """Spreads so small that no absolute value ever matters: exact normals."""
    dev = device(
        "SoftBoundsReference",
        w_max=0.7,
        w_min=-0.5,
        w_max_dtod=0.1,
        w_min_dtod=0.12,
        dw_min=0.01,
        dw_min_dtod=0.1,
        up_down=0.2,
        up_down_dtod=0.03,
        reference_mean=0.4,
        reference_std=0.3,
    )
    cells = twin_of(dt.CrossbarArray((256, 256), dev, rng=6), dev)
    stats.assert_normal(cells.max_bound, 0.7, 0.07, "max_bound")
    stats.assert_normal(cells.min_bound, -0.5, 0.06, "min_bound")
    stats.assert_normal((cells.dwmin_up + cells.dwmin_down) / 0.02, 1 - 0.2 / 2, 0.1, "mean step")
    stats.assert_normal((cells.dwmin_up - cells.dwmin_down) / 0.01, 0.2, 2 * 0.03, "up minus down")
    stats.assert_normal(cells.reference, 0.4, 0.3, "reference")
    stats.assert_uncorrelated(cells.max_bound, cells.min_bound)
    stats.assert_uncorrelated(cells.max_bound, cells.dwmin_up)
    stats.assert_uncorrelated(cells.dwmin_up + cells.dwmin_down, cells.dwmin_up - cells.dwmin_down)
    stats.assert_uncorrelated(cells.reference, cells.max_bound)


def test_cells_are_independent_of_their_neighbours():
    dev = device("SoftBoundsReference", reference_std=1.0)
    reference = dt.CrossbarArray((256, 256), dev, rng=7).cell_parameters()["reference"]
    for lag in (1, 2, 3, 4, 8, 16):
        stats.assert_uncorrelated(reference[:, lag:], reference[:, :-lag], f"columns, lag {lag}")
        stats.assert_uncorrelated(reference[lag:], reference[:-lag], f"rows, lag {lag}")


def test_log_normal_steps():
    dev = device("ConstantStep", dw_min=0.1, dw_min_dtod=0.7829, dw_min_dtod_log_normal=True, up_down_dtod=0.0)
    cells = dt.CrossbarArray((256, 256), dev, rng=8).cell_parameters()
    np.testing.assert_array_equal(cells["dwmin_up"], cells["dwmin_down"])
    stats.assert_normal(np.log(cells["dwmin_up"] / 0.1), 0.0, 0.7829)
    stats.assert_mean(cells["dwmin_up"].ravel() / 0.1, np.exp(0.7829**2 / 2), "median 1, mean exp(sigma^2 / 2)")


def test_corrupt_cells_are_stuck():
    dev = device("SoftBounds", corrupt_devices_prob=0.15, corrupt_devices_range=0.1)
    array = dt.CrossbarArray((256, 256), dev, rng=9)
    cells = twin_of(array, dev)
    corrupt = (cells.dwmin_up == 0) & (cells.dwmin_down == 0)
    stats.assert_fraction(corrupt, 0.15)
    np.testing.assert_array_equal(cells.max_bound[corrupt], cells.min_bound[corrupt])
    stuck = cells.max_bound[corrupt]
    assert np.all(np.abs(stuck) <= 0.1 + 1e-6)
    # Uniform on +-0.1, but for the 0.3 % of cells that have a healthy bound below 0.1
    stats.assert_mean(stuck, 0.0, "stuck value")
    assert np.std(stuck) == pytest.approx(0.1 / np.sqrt(3), rel=0.03)
    for disturb in (
        lambda: array.set_weights(np.full((256, 256), 0.3)),
        lambda: array.pulse(1, 50),
        lambda: array.pulse_random(9),
    ):
        disturb()
        np.testing.assert_array_equal(array.weights[corrupt], stuck.astype(np.float32))
    moved = array.weights[~corrupt]
    assert np.std(moved) > 0


def test_enforce_consistency():
    wild = {"w_max_dtod": 1.5, "w_min_dtod": 1.5, "dw_min_dtod": 1.0, "dw_min": 0.01}
    tame = dt.CrossbarArray((128, 128), device("ConstantStep", **wild), rng=10).cell_parameters()
    assert np.all(tame["max_bound"] >= 0)
    assert np.all(tame["min_bound"] <= 0)
    assert np.all(tame["dwmin_up"] >= 0)
    assert np.all(tame["dwmin_down"] >= 0)
    free = dt.CrossbarArray((128, 128), device("ConstantStep", enforce_consistency=False, **wild), rng=10)
    free = free.cell_parameters()
    assert np.all(free["max_bound"] >= free["min_bound"])
    # Crossed bounds meet in the middle: P(w_max (1 + 1.5 xi) < w_min (1 + 1.5 xi')) = P(1.5 sqrt(2) xi < -2)
    stats.assert_fraction(free["max_bound"] == free["min_bound"], norm.cdf(-2 / (1.5 * np.sqrt(2))))
    stats.assert_fraction(free["dwmin_up"] < 0, 0.15867, "P(1 + xi < 0), the 1 % up_down spread is negligible")


# Response functions and symmetric points


@pytest.mark.parametrize(("kind", "fields"), POPULATIONS)
def test_response_functions(kind, fields, rng):
    dev = device(kind, **(SPREAD | fields))
    array = dt.CrossbarArray(SHAPE, dev, rng=11)
    cells = twin_of(array, dev)
    w = (cells.clip(rng.uniform(-0.1, 0.1, SHAPE)) - cells.reference).astype(np.float32)
    q_plus, q_minus = array.response(w)
    expected = cells.response(w)
    np.testing.assert_allclose(q_plus, expected[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(q_minus, expected[1], rtol=1e-5, atol=1e-5)
    f, g = array.symmetric_part(w), array.asymmetric_part(w)
    np.testing.assert_allclose(f - g, q_plus, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(f + g, q_minus, rtol=1e-6, atol=1e-6)
    assert all(part.shape == SHAPE and part.dtype == np.float32 for part in (q_plus, q_minus, f, g))


def test_response_is_what_a_pulse_does(rng):
    dev = device("SoftBoundsReference", dw_min=0.02, dw_min_std=0.0, reference_mean=0.1, reference_std=0.05)
    array = dt.CrossbarArray(SHAPE, dev, rng=12)
    array.set_weights(np.zeros(SHAPE))
    start = array.weights
    q_plus, q_minus = array.response(start)
    cells = twin_of(array, dev)
    inside = np.abs(start + cells.reference) < np.minimum(cells.max_bound, -cells.min_bound) - 0.05
    assert inside.mean() > 0.8
    array.pulse(+1)
    np.testing.assert_allclose((array.weights - start)[inside], 0.02 * q_plus[inside], rtol=0, atol=1e-6)
    array.set_weights(start)
    array.pulse(-1)
    np.testing.assert_allclose((start - array.weights)[inside], 0.02 * q_minus[inside], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "fields"), [case for case in POPULATIONS if case.id != "soft-corrupt" and "constant" not in case.id]
)
def test_symmetric_point_is_the_closed_form_and_a_zero_of_g(kind, fields):
    dev = device(kind, **(SPREAD | fields))
    array = dt.CrossbarArray(SHAPE, dev, rng=13)
    cells = twin_of(array, dev)
    point = array.symmetric_point()
    np.testing.assert_allclose(point, cells.symmetric_point(), rtol=0, atol=2e-6)
    physical = point + cells.reference
    assert np.all((physical > cells.min_bound - 1e-6) & (physical < cells.max_bound + 1e-6))
    q_plus, q_minus = array.response(point)
    np.testing.assert_allclose(array.asymmetric_part(point), 0, atol=1e-5)
    np.testing.assert_allclose(q_plus, q_minus, rtol=1e-4, atol=2e-5)


def test_constant_steps_have_no_symmetric_point():
    array = dt.CrossbarArray(SHAPE, device("ConstantStep", up_down=0.1), rng=14)
    with pytest.warns(dt.NoSymmetricPointWarning, match="^1551 of 1551 ConstantStep cells have no symmetric point"):
        assert np.all(np.isnan(array.symmetric_point()))


@pytest.mark.parametrize("up_down", [0.0, 0.3, -0.3])
def test_subtraction_puts_the_symmetric_point_at_minus_the_offset(up_down):
    dev = device(
        "SoftBoundsReference",
        dw_min=0.01,
        up_down=up_down,
        w_max_dtod=0.1,
        w_min_dtod=0.1,
        dw_min_dtod=0.1,
        subtract_symmetry_point=True,
        reference_mean=0.2,
        reference_std=0.3,
    )
    array = dt.CrossbarArray((256, 256), dev, rng=15)
    stats.assert_normal(array.symmetric_point(), -0.2, 0.3)
    cells = array.cell_parameters()
    names = ("dwmin_up", "dwmin_down", "max_bound", "min_bound")
    raw = raw_symmetric_point(*(cells[name].astype(np.float64) for name in names))
    stats.assert_normal(cells["reference"] - raw, 0.2, 0.3)


def test_the_papers_linear_device():
    """(103): q_plus = a+ (1 - w / t_max), q_minus = a- (1 + w / t_min) with t_min > 0, and G = 0 solved by hand."""
    dev = quiet("SoftBounds", dw_min=0.001)
    a_plus, a_minus, t_max, t_min = 1.3, 0.7, 0.9, 0.6
    array = placed(
        dev, max_bound=[[t_max]], min_bound=[[-t_min]], dwmin_up=[[a_plus * 0.001]], dwmin_down=[[a_minus * 0.001]]
    )
    q_plus, q_minus = array.response([[0.3]])
    assert q_plus[0, 0] == pytest.approx(a_plus * (1 - 0.3 / t_max), rel=1e-5)
    assert q_minus[0, 0] == pytest.approx(a_minus * (1 + 0.3 / t_min), rel=1e-5)
    expected = (a_plus - a_minus) / (a_plus / t_max + a_minus / t_min)
    assert array.symmetric_point()[0, 0] == pytest.approx(expected, rel=1e-5)
