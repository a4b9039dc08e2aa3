"""Device-to-device laws of every model: slopes, exponents, references (02 sections 2.2 and 2.4), KS at 1.95/sqrt(n)."""

import numpy as np
import pytest
from scipy.stats import norm

import dsptrack as dt
from helpers import stats
from helpers.build import device
from helpers.models import draw
from helpers.zoo import PRESETS, make, points, twin

SHAPE = (200, 200)

LAWS = [
    pytest.param("LinearStep", {"gamma_up": 0.5, "gamma_down": 0.3}, id="linear"),
    pytest.param("LinearStep", {"gamma_up_dtod": 0.3, "gamma_down_dtod": 0.2}, id="linear-magnitudes"),
    pytest.param("LinearStep", {"gamma_up": 0.1, "gamma_up_dtod": 0.3, "allow_increasing": True}, id="linear-signs"),
    pytest.param(
        "LinearStep",
        {"gamma_up": 1.0, "gamma_down": 0.7, "mean_bound_reference": False, "up_down": 0.3},
        id="linear-own-bounds",
    ),
    pytest.param(
        "LinearStep",
        {"gamma_up": 0.6, "gamma_down": 0.4, "reverse_up": True, "reverse_down": True, "reverse_offset": 0.2},
        id="linear-reversed",
    ),
    pytest.param(
        "LinearStep",
        {"gamma_up": 0.6, "gamma_down": 0.4, "reverse_down": True, "mean_bound_reference": False},
        id="linear-half-reversed",
    ),
    pytest.param("LinearStep", {"gamma_up": 0.5, "corrupt_devices_prob": 0.2}, id="linear-corrupt"),
    pytest.param("ExpStep", {"up_down": 0.25, "up_down_dtod": 0.05}, id="exp"),
    pytest.param("PowStep", {}, id="pow"),
    pytest.param(
        "PowStep", {"pow_gamma": 1.5, "pow_gamma_dtod": 0.2, "pow_up_down": 0.3, "pow_up_down_dtod": 0.1}, id="pow-up"
    ),
    pytest.param("PowStep", {"pow_gamma_dtod": 0.8, "pow_up_down": -0.4, "pow_up_down_dtod": 0.3}, id="pow-magnitudes"),
    pytest.param(
        "PowStep", {"pow_gamma_dtod": 0.8, "pow_up_down_dtod": 0.3, "enforce_consistency": False}, id="pow-free"
    ),
    pytest.param("PowStepReference", {"reference_mean": 0.2, "reference_std": 0.1}, id="pow-reference"),
    pytest.param(
        "PowStepReference",
        {
            "subtract_symmetry_point": True,
            "up_down": 0.2,
            "reference_mean": 0.1,
            "reference_std": 0.02,
            "pow_gamma": 1.3,
        },
        id="pow-subtracted",
    ),
    pytest.param("PiecewiseStep", {"dw_min_dtod_log_normal": True, "dw_min_dtod": 0.6}, id="piecewise"),
]


@pytest.mark.parametrize(("kind", "fields"), LAWS)
def test_populations_follow_the_twins_law(kind, fields, rng):
    dev = device(kind, **({"dw_min": 0.01} | fields))
    drawn = dt.CrossbarArray(SHAPE, dev, rng=1).cell_parameters()
    expected = draw(dev, SHAPE, rng)
    assert set(expected) <= set(drawn)
    for name, values in expected.items():
        stats.assert_ks_two(drawn[name], values.astype(np.float32), name)
    # Joint law: what the marginals leave open, by products that are fair to every pair
    names = sorted(expected)
    for i, first in enumerate(names):
        for second in names[:i]:
            pair = (np.asarray(law[first], np.float64) for law in (drawn, expected))
            other = (np.asarray(law[second], np.float64) for law in (drawn, expected))
            mixed = [a * b for a, b in zip(pair, other, strict=True)]
            stats.assert_ks_two(*(m.astype(np.float32) for m in mixed), f"{first} times {second}")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_follow_the_twins_law(name, rng):
    dev = getattr(dt.presets, name)()
    drawn = dt.CrossbarArray(SHAPE, dev, rng=2).cell_parameters()
    for plane, values in draw(dev, SHAPE, rng).items():
        if np.ptp(values) == 0:
            np.testing.assert_array_equal(drawn[plane], values.astype(np.float32))
        else:
            stats.assert_ks_two(drawn[plane], values.astype(np.float32), plane)


# Exact normals


@pytest.mark.parametrize("own_bounds", [False, True])
def test_slopes(own_bounds):
    """y = -k R/s: mean gamma, spread gamma_dtod in absolute units, independent of the step."""
    dev = device(
        "LinearStep",
        w_max=0.8,
        w_min=-0.5,
        gamma_up=0.6,
        gamma_down=0.4,
        gamma_up_dtod=0.05,
        gamma_down_dtod=0.08,
        mean_bound_reference=not own_bounds,
        dw_min_dtod=0.1,
        w_max_dtod=0.1,
        w_min_dtod=0.1,
    )
    cells = twin(dt.CrossbarArray(SHAPE, dev, rng=3))
    high, low = (cells.max_bound, cells.min_bound) if own_bounds else (0.8, -0.5)
    y_up = -cells.planes["slope_up"] * high / cells.dwmin_up
    y_down = -cells.planes["slope_down"] * low / cells.dwmin_down
    stats.assert_normal(y_up, 0.6, 0.05, "gamma_up")
    stats.assert_normal(y_down, 0.4, 0.08, "gamma_down")
    for other in (y_down, cells.dwmin_up, cells.max_bound):
        stats.assert_uncorrelated(y_up, other)
    assert np.all(cells.planes["slope_up"] < 0)
    assert np.all(cells.planes["slope_down"] > 0)


@pytest.mark.parametrize("allow", [False, True])
def test_slopes_are_magnitudes_unless_they_may_increase(allow):
    dev = device("LinearStep", w_max=0.8, gamma_up=0.1, gamma_up_dtod=0.2, allow_increasing=allow, dw_min_dtod=0.1)
    cells = twin(dt.CrossbarArray(SHAPE, dev, rng=4))
    y = -cells.planes["slope_up"] * 0.8 / cells.dwmin_up
    if allow:
        stats.assert_normal(y, 0.1, 0.2)
    else:
        stats.assert_ks(y, lambda q: norm.cdf((q - 0.1) / 0.2) - norm.cdf((-q - 0.1) / 0.2))


@pytest.mark.parametrize(("w_max", "w_min"), [(0.0, -0.5), (0.5, 0.0)])
def test_a_reference_of_zero_means_no_slope(w_max, w_min):
    dev = device("LinearStep", w_max=w_max, w_min=w_min, gamma_up=0.5, gamma_down=0.5)
    planes = dt.CrossbarArray((9, 9), dev, rng=5).cell_parameters()
    assert np.all((planes["slope_up"] == 0) == (w_max == 0))
    assert np.all((planes["slope_down"] == 0) == (w_min == 0))


@pytest.mark.parametrize("kind", ["PowStep", "PowStepReference"])
@pytest.mark.parametrize("up_down", [0.0, 0.3, -0.3])
def test_exponents(kind, up_down):
    """g+- = gamma (G -+ ...): the common part G has pow_gamma_dtod, the difference 2 pow_up_down_dtod."""
    spread = {"pow_gamma_dtod": 0.08, "pow_up_down_dtod": 0.03}
    dev = device(kind, pow_gamma=1.5, pow_up_down=up_down, **spread)
    planes = dt.CrossbarArray(SHAPE, dev, rng=6).cell_parameters()
    up, down = (planes[name].astype(np.float64) / 1.5 for name in ("gamma_up", "gamma_down"))
    stats.assert_normal((up + down) / 2, 1 - abs(up_down) / 2, 0.08, "mean exponent")
    stats.assert_normal(up - down, up_down, 0.06, "difference")
    stats.assert_uncorrelated(up + down, up - down)
    for name in ("dwmin_up", "max_bound"):
        stats.assert_uncorrelated(up, planes[name], name)


def test_equal_exponents_without_their_spread():
    planes = dt.CrossbarArray(SHAPE, device("PowStep", pow_gamma=0.7), rng=7).cell_parameters()
    np.testing.assert_array_equal(planes["gamma_up"], planes["gamma_down"])
    stats.assert_normal(planes["gamma_up"], 0.7, 0.07)


def test_references():
    dev = device("PowStepReference", reference_mean=0.2, reference_std=0.1)
    array = dt.CrossbarArray(SHAPE, dev, rng=8)
    reference = array.cell_parameters()["reference"]
    stats.assert_normal(reference, 0.2, 0.1)
    for name in ("max_bound", "gamma_up", "dwmin_down"):
        stats.assert_uncorrelated(reference, array.cell_parameters()[name], name)
    # Cells start at state 0
    cells = twin(array)
    np.testing.assert_allclose(array.weights, cells.clip(0 * reference) - reference, rtol=0, atol=1e-7)
    shifted = points(array) + reference
    assert np.all((shifted > cells.min_bound) & (shifted < cells.max_bound))


def test_neighbours_are_independent():
    arrays = {
        "gamma_up": dt.CrossbarArray(SHAPE, device("PowStep"), rng=9),
        "slope_up": dt.CrossbarArray(SHAPE, device("LinearStep", gamma_up=0.5, dw_min_dtod=0.0), rng=9),
        "drift_nu": dt.CrossbarArray(SHAPE, make("exp", drift_nu=0.1, drift_nu_dtod=0.2), rng=9),
        "diffusion_rate": dt.CrossbarArray(SHAPE, make("exp", diffusion=0.1, diffusion_dtod=0.2), rng=9),
        "decay_scale": dt.CrossbarArray(SHAPE, make("exp", lifetime=9.0, lifetime_dtod=0.2), rng=9),
        "reset_bias": dt.CrossbarArray(SHAPE, make("exp", reset_dtod=0.2), rng=9),
    }
    for name, array in arrays.items():
        plane = array.cell_parameters()[name]
        for lag in (1, 2, 4, 8, 16):
            stats.assert_uncorrelated(plane[:, lag:], plane[:, :-lag], f"{name}: columns, lag {lag}")
            stats.assert_uncorrelated(plane[lag:], plane[:-lag], f"{name}: rows, lag {lag}")


def test_ageing_parameters_are_independent_of_each_other():
    means = {"lifetime": 9.0, "diffusion": 0.1, "drift_nu": 0.1}
    dev = make("exp", **means, **{f"{name}_dtod": 0.2 for name in (*means, "reset")})
    planes = dt.CrossbarArray(SHAPE, dev, rng=10).cell_parameters()
    names = ("decay_scale", "diffusion_rate", "reset_bias", "drift_nu", "dwmin_up", "max_bound", "min_bound")
    for i, first in enumerate(names):
        for second in names[:i]:
            stats.assert_uncorrelated(planes[first], planes[second], f"{first} and {second}")


def test_ageing_does_not_change_the_cells():
    """Switching retention on leaves the other draws as they are: purposes have streams of their own."""
    plain = dt.CrossbarArray((30, 30), make("pow"), rng=11).cell_parameters()
    ageing = dt.CrossbarArray((30, 30), make("pow", lifetime=9.0, lifetime_dtod=0.2, drift_nu=0.1), rng=11)
    for name, values in plain.items():
        np.testing.assert_array_equal(ageing.cell_parameters()[name], values, err_msg=name)
