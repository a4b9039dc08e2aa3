"""Symmetric points of every model: closed forms of 02 section 2.7, roots of G, and where zero-shifting ends."""

import dataclasses
import warnings

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import placed, quiet
from helpers.models import asymmetry, closed_form, stable_root, tables
from helpers.zoo import EVERYTHING, MODELS, PRESETS, equal, points, scale, silent, twin

SHAPE = (40, 50)
WITHOUT = ("constant", "piecewise-one", "idealized", "gokmen_vlasov")
# Up steps grow with the weight and down steps against it: G = 0 somewhere, but pulses lead away from there
REPELLING = ("linear-increasing", "linear-reversed", "soft-reversed")
ZERO_SHIFTED = [name for name in EVERYTHING if name not in (*WITHOUT, *REPELLING)]
CLOSED = (
    *("soft", "soft-reference", "linear", "linear-flat", "linear-own-bounds", "exp-equal"),
    *("pow", "pow-flat-equal", "reram_es", "reram_sb", "capacitor", "ecram", "ecram_mo", "pcm", "reram_array_om"),
    "reram_array_hfo2",
)


def population(name, seed=1, shape=SHAPE, **fields):
    """A silent array of the zoo with its twin."""
    dev = silent("pow-flat", pow_up_down=0.0) if name == "pow-flat-equal" else silent(name, **fields)
    array = dt.CrossbarArray(shape, dev, rng=seed)
    return array, twin(array)


def local(cells, v, d):
    """Twin's G times 2 dw_min at state v moved by d, inside the bounds."""
    return asymmetry(cells, np.clip(v + d, cells.min_bound, cells.max_bound))


@pytest.mark.parametrize("name", EVERYTHING)
def test_g_vanishes_there(name):
    """|q- - q+| within 1e-5 of the step, or a change of sign within the last bits of a float32 state."""
    array, cells = population(name)
    point = points(array).astype(np.float64)
    assert point.shape == SHAPE
    v = point + cells.reference
    there = np.isfinite(v)
    v = np.where(there, v, 0.0)
    up, down = cells.steps(cells.clip(v))
    small = np.abs(down - up) <= 1e-5 * (up + down) / 2
    ulp = 2e-7 * (np.abs(v) + np.abs(cells.reference) + 0.1)
    crosses = (local(cells, v, -ulp) <= 0) & (local(cells, v, ulp) >= 0)
    assert np.all((small | crosses)[there])
    assert np.all((v >= cells.min_bound - 1e-6)[there])
    assert np.all((v <= cells.max_bound + 1e-6)[there])


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_point_is_given_where_pulses_lead_to_one_and_nowhere_else(name):
    """G < 0 at the lower bound and > 0 at the upper one: a stable root exists. For monotone G no other cell has one."""
    array, cells = population(name, seed=2)
    exists = np.isfinite(stable_root(cells))
    # Cells whose G is 0 at a bound, to rounding, may be counted either way
    up, down = cells.steps(cells.max_bound)
    top = np.abs(down - up) < 1e-4 * (cells.dwmin_up + cells.dwmin_down)
    up, down = cells.steps(cells.min_bound)
    bottom = np.abs(down - up) < 1e-4 * (cells.dwmin_up + cells.dwmin_down)
    clear = ~top & ~bottom & (cells.max_bound > cells.min_bound)
    given = np.isfinite(points(array))
    assert np.all(given[exists & clear])
    grid = cells.min_bound + (cells.max_bound - cells.min_bound) * np.linspace(0, 1, 400)[:, None, None]
    monotone = np.all(np.diff(asymmetry(cells, grid), axis=0) >= -1e-12, axis=0)
    assert not np.any(given & ~exists & clear & monotone)
    assert not np.any(given[cells.max_bound == cells.min_bound]), "a stuck cell has none"
    if name in (*WITHOUT, *REPELLING):
        assert not np.any(given)


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms(name):
    array, cells = population(name, seed=3)
    point = points(array)
    expected = closed_form(cells)
    there = np.isfinite(point)
    assert there.mean() > (0.1 if name in ("capacitor", "linear-flat") else 0.6)
    # Sensitivity of a root: rounding of the step difference over the slope of G
    slope = (local(cells, expected + cells.reference, 1e-3) - local(cells, expected + cells.reference, -1e-3)) / 2e-3
    error = 3e-7 * (cells.dwmin_up + cells.dwmin_down) / np.maximum(np.abs(slope), 1e-12)
    limit = 2e-6 * scale(cells) + error
    assert np.all(np.abs(point - expected)[there] <= limit[there])


# Stated values


NOMINAL = [
    ("reram_es", -0.217, 5e-4),
    ("reram_sb", 0.0, 1e-6),
    ("capacitor", 0.0, 1e-6),
    ("ecram", 0.0, 1e-6),
    ("ecram_mo", 0.0, 1e-6),
    ("reram_array_om", 0.0, 1e-6),
    ("reram_array_hfo2", 0.0, 1e-6),
    # 27.235 e^{-2.5 w} = 2.235 e^{2.5 w}
    ("pcm", np.log(27.235 / 2.235) / 5, 1e-6),
]


@pytest.mark.parametrize(("name", "expected", "tolerance"), NOMINAL)
def test_nominal_points_of_the_presets(name, expected, tolerance):
    array = dt.CrossbarArray((1, 1), equal(silent(name)), rng=0)
    assert array.symmetric_point()[0, 0] == pytest.approx(expected, abs=tolerance)


def test_reram_es_is_the_root_of_its_quadratic():
    """02 section 2.7: u = 0.14129."""
    array = dt.CrossbarArray((1, 1), equal(silent("reram_es")), rng=0)
    z = -0.5 * float(array.symmetric_point()[0, 0]) - 0.5
    assert np.exp(5 * z) == pytest.approx(0.14129, abs=5e-6)


def test_equation_104_has_the_sign_of_g():
    """(103) as a LinearStep: a+ (1 - w/t_max) = a- (1 + w/t_min). The printed (104) has a minus in the denominator."""
    a_plus, a_minus, t_max, t_min, dw = 1.3, 0.7, 0.9, 0.6, 0.001
    planes = {
        "max_bound": t_max,
        "min_bound": -t_min,
        "dwmin_up": a_plus * dw,
        "dwmin_down": a_minus * dw,
        "slope_up": -a_plus * dw / t_max,
        "slope_down": a_minus * dw / t_min,
    }
    dev = quiet("LinearStep", dw_min=dw, w_max=t_max, w_min=-t_min)
    array = placed(dev, **{name: np.array([[value]]) for name, value in planes.items()})
    w = float(array.symmetric_point()[0, 0])
    derived = (a_plus - a_minus) / (a_plus / t_max + a_minus / t_min)
    printed = (a_plus - a_minus) / (a_plus / t_max - a_minus / t_min)
    assert w == pytest.approx(derived, rel=1e-5)
    assert abs(printed - w) > 0.5
    assert array.asymmetric_part(w)[0, 0] == pytest.approx(0, abs=1e-6)
    assert array.asymmetric_part(w - 0.1)[0, 0] < 0 < array.asymmetric_part(w + 0.1)[0, 0]
    soft = placed(quiet("SoftBounds", dw_min=dw), **_without_slopes(planes))
    assert soft.symmetric_point()[0, 0] == pytest.approx(derived, rel=1e-5)


def _without_slopes(planes):
    return {name: np.array([[value]]) for name, value in planes.items() if not name.startswith("slope")}


@pytest.mark.parametrize("kind", ["SoftBoundsReference", "PowStepReference"])
def test_subtraction_leaves_the_stated_offset(kind):
    extra = {"pow_gamma": 1.7, "pow_up_down": 0.1} if kind == "PowStepReference" else {}
    spread = {"w_max_dtod": 0.1, "w_min_dtod": 0.1, "dw_min_dtod": 0.1}
    dev = quiet(
        kind, up_down=0.2, subtract_symmetry_point=True, reference_mean=0.2, reference_std=0.05, **spread, **extra
    )
    array = dt.CrossbarArray((128, 128), dev, rng=4)
    stats.assert_normal(points(array), -0.2, 0.05)


def test_measured_tables_have_points_of_their_own(rng):
    """Random tables made monotone: one stable root each, between the nodes where G changes sign."""
    chip = tables(rng, SHAPE, 9)
    chip["piecewise_up"] = -np.sort(-chip["piecewise_up"], axis=-1)
    chip["piecewise_down"] = np.sort(chip["piecewise_down"], axis=-1)
    flat = (1.0,) * 9
    array = dt.CrossbarArray(
        SHAPE, quiet("PiecewiseStep", piecewise_up=flat, piecewise_down=flat), rng=5, cell_parameters=chip
    )
    difference = (
        chip["dwmin_down"][..., None] * chip["piecewise_down"] - chip["dwmin_up"][..., None] * chip["piecewise_up"]
    )
    exists = (difference[..., 0] < 0) & (difference[..., -1] > 0)
    assert 0.3 < exists.mean() < 1
    point = points(array)
    np.testing.assert_array_equal(np.isfinite(point), exists)
    point, difference = point[exists], difference[exists]
    k = np.sum(difference < 0, axis=-1) - 1
    node = (chip["max_bound"] - chip["min_bound"])[exists] / 8
    low, high = (np.take_along_axis(difference, (k + n)[:, None], -1)[:, 0] for n in (0, 1))
    root = chip["min_bound"][exists] + node * (k + low / (low - high))
    np.testing.assert_allclose(point, root, rtol=0, atol=3e-6)


def test_of_several_points_the_one_nearest_zero_is_given():
    """Documented. Tables over +-1 with nodes every 0.25; stable roots at -0.875, 0.125 and 0.875."""
    difference = np.array([-2, 2, -2, -2, -2, 2, 2, -2, 2], dtype=float)
    dev = quiet(
        "PiecewiseStep",
        w_max=1,
        w_min=-1,
        piecewise_up=tuple(3 - difference / 2),
        piecewise_down=tuple(3 + difference / 2),
    )
    array = dt.CrossbarArray((1, 1), dev, rng=0)
    assert array.symmetric_point()[0, 0] == pytest.approx(0.125, abs=1e-6)


# Cells without one


def test_a_warning_counts_the_cells_without_one():
    for name in ("constant", "capacitor"):
        array, _ = population(name, seed=6)
        with pytest.warns(dt.NoSymmetricPointWarning) as caught:
            point = array.symmetric_point()
        missing = int(np.isnan(point).sum())
        assert len(caught) == 1
        assert str(missing) in str(caught[0].message)
        assert (missing == point.size) == (name == "constant")
    array, _ = population("soft", seed=6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.all(np.isfinite(array.symmetric_point()))


def test_a_point_beyond_a_bound_is_none():
    """Linear steps that meet at 0.8 in cells that end at 0.6 or 0.9."""
    high = np.array([[0.6, 0.9]])
    planes = {
        "max_bound": high,
        "min_bound": -0.5 + 0 * high,
        "dwmin_up": 0.009 + 0 * high,
        "dwmin_down": 0.001 + 0 * high,
        "slope_up": -0.005 + 0 * high,
        "slope_down": 0.005 + 0 * high,
    }
    point = points(placed(quiet("LinearStep", dw_min=0.005), **planes))
    assert np.isnan(point[0, 0])
    assert point[0, 1] == pytest.approx(0.8, abs=1e-6)


# Zero-shifting


def stable_cells(cells, v):
    """Cells whose maps of one pulse are monotone with room to spare, and the contraction of a pair of pulses."""
    v = np.where(np.isfinite(v), v, cells.min_bound)
    h = 1e-4 * np.maximum(cells.max_bound - cells.min_bound, 1e-6)
    plus, minus = cells.steps(cells.clip(v + h)), cells.steps(cells.clip(v - h))
    up, down = ((a - b) / (2 * h) for a, b in zip(plus, minus, strict=True))
    rate = down - up
    return (np.abs(up) < 0.5) & (np.abs(down) < 0.5) & (rate > 0), rate


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("name", ZERO_SHIFTED)
def test_zero_shifting_ends_there(name, side):
    """Noise-free, cyclic, from twenty steps away.

    Where one up-down pair maps a state v to itself, q+(v) = q-(v + q+(v)): for monotone steps the symmetric point lies
    between v and v + q+(v), and q+(v) is at most twice the step at the point where a step's slope is at most 1/2.
    """
    fine = {"dw_min": 0.001 if name == "piecewise-bumpy" else 0.005} if name in MODELS else {}
    array, cells = population(name, seed=7, shape=(12, 20), **fine)
    point = points(array).astype(np.float64)
    v = point + cells.reference
    calm, rate = stable_cells(cells, v)
    step = cells.steps(np.where(np.isfinite(v), v, 0.0))[0]
    room = np.minimum(cells.max_bound - v, v - cells.min_bound) > 3 * step
    pairs = 30_000 if name in ("capacitor", "ecram_mo", "linear-flat") else 10_000
    judged = np.isfinite(point) & calm & room & (rate * pairs > 8)
    assert judged.sum() >= 10
    array.set_weights(np.where(np.isfinite(point), point, 0.0) + side * 20 * step)
    estimate = dt.zero_shift(array, 2 * pairs, scheme="cyclic").estimate
    # float32 stops moving where a pair's pull is below half a last bit
    stall = 1e-7 * (np.abs(v) + np.abs(cells.reference) + 0.1) / np.maximum(rate, 1e-9)
    assert np.all((np.abs(estimate - point) <= 2 * step + stall)[judged])


@pytest.mark.parametrize(
    "name", ["linear", "exp", "pow", "pow-reference", "piecewise", "reram_es", "ecram", "reram_sb"]
)
def test_stochastic_zero_shifting_hovers_there(name):
    """Equal cells with fine steps: the mean over the array is the symmetric point within two steps."""
    dev = equal(silent(name))
    dev = dataclasses.replace(dev, dw_min=min(dev.dw_min, 0.004))
    array = dt.CrossbarArray((40, 50), dev, rng=8)
    cells = twin(array)
    point = points(array).astype(np.float64)
    assert np.ptp(point) == 0
    array.set_weights(point)
    estimate = dt.zero_shift(array, 4000, scheme="stochastic").estimate
    step = float(cells.steps(point + cells.reference)[0][0, 0])
    stats.assert_mean(estimate.astype(np.float64).ravel(), point[0, 0], slack=2 * step)
    assert np.std(estimate) > step


def test_every_model_is_covered():
    assert set(WITHOUT) <= set(EVERYTHING)
    shifted = {type(silent(name)).__name__ for name in ZERO_SHIFTED}
    assert shifted == {kind for kind, _ in MODELS.values()} - {"ConstantStep"}
    assert set(PRESETS) - set(WITHOUT) == {name for name, *_ in NOMINAL}
