"""The paper's formulas against closed forms, against NumPy simulations of cells, and against the core."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import dsptrack as dt
from dsptrack import theory
from helpers.build import quiet

CELLS = 4000


class AffineCells:
    """Soft-bounds cells in float64: q+ = up (1 - w/high), q- = down (1 + w/low)."""

    def __init__(self, rng, dw_min):
        self.dw_min = dw_min
        self.up, self.down = rng.uniform(0.7, 1.3, (2, CELLS))
        self.high, self.low = rng.uniform(0.8, 1.2, (2, CELLS))
        self.slope = (self.down / self.low + self.up / self.high) / 2
        self.point = (self.up - self.down) / (self.up / self.high + self.down / self.low)

    def constants(self, largest):
        """Of all cells while |w| <= largest."""
        ends = [f(w) for f in (self.q_plus, self.q_minus) for w in (-largest, largest)]
        return theory.PopulationConstants(
            q_min=np.min(ends),
            q_max=np.max(ends),
            mu_q=min(np.min(self.up / self.high), np.min(self.down / self.low)),
            L_q=np.max(self.slope),
        )

    def q_plus(self, w):
        return self.up * (1 - w / self.high)

    def q_minus(self, w):
        return self.down * (1 + w / self.low)

    def asymmetry(self, w):
        return self.slope * (w - self.point)

    def pulse(self, w, up):
        return w + self.dw_min * np.where(up, self.q_plus(w), -self.q_minus(w))


@pytest.fixture(params=[0.02, 0.002])
def cells(request, rng):
    return AffineCells(rng, request.param)


@pytest.mark.parametrize("scheme", ["stochastic", "cyclic"])
def test_bounds_of_zero_shifting_hold(cells, scheme, rng):
    start = np.full(CELLS, 0.6)
    constants = cells.constants(0.75)
    distance_sq = np.mean((start - cells.point) ** 2)
    potential = np.mean(cells.slope * (start - cells.point) ** 2 / 2)
    w, asymmetry_sq, largest = start, 0.0, 0.6
    for n in range(600):
        asymmetry_sq += np.mean(cells.asymmetry(w) ** 2)
        w = cells.pulse(w, n % 2 == 0 if scheme == "cyclic" else rng.random(CELLS) < 0.5)
        largest = max(largest, np.abs(w).max())
        if (n + 1) % 100 == 0:
            error = np.mean((w - cells.point) ** 2)
            last = theory.zero_shift_error_bound(
                n + 1, constants, dw_min=cells.dw_min, distance_sq=distance_sq, scheme=scheme
            )
            mean = theory.zero_shift_asymmetry_bound(
                n + 1, constants, dw_min=cells.dw_min, potential=potential, scheme=scheme
            )
            assert error <= last
            assert asymmetry_sq / (n + 1) <= mean
    assert largest <= 0.75  # otherwise the constants do not cover the path


def test_mean_error_of_stochastic_zero_shifting_is_exact(cells, rng):
    start = 0.6
    n, repeats = 150, 100
    w = np.full((repeats, CELLS), start)
    for _ in range(n):
        w = cells.pulse(w, rng.random(w.shape) < 0.5)
    expected = theory.zero_shift_mean_error(start - cells.point, cells.slope, cells.dw_min, n)
    z = (w.mean(axis=0) - cells.point - expected) / (w.std(axis=0, ddof=1) / math.sqrt(repeats))
    assert abs(z.mean()) < 5 / math.sqrt(CELLS)


def test_mean_error_agrees_with_the_core():
    device = quiet("SoftBounds", dw_min=0.01, w_max=1.0, w_min=-0.5, dw_min_std=0.3)
    array = dt.CrossbarArray((100, 100), device, rng=1)
    array.set_weights(np.full(array.shape, 0.5))
    error_0 = array.weights - array.symmetric_point().astype(float)
    expected = theory.zero_shift_mean_error(error_0, theory.asymmetry_slope(array), 0.01, 200)
    result = dt.zero_shift(array, 200, scheme="stochastic")
    error = result.estimate - array.symmetric_point().astype(float)
    assert abs(np.mean(error - expected)) < 5 * np.std(error) / 100 + 1e-6


CONSTANTS = theory.PopulationConstants(q_min=0.5, q_max=1.5, mu_q=0.8, L_q=1.2)


@pytest.mark.parametrize("scheme", ["stochastic", "cyclic"])
@pytest.mark.parametrize("share", [2.0, 3.0, 20.0])
def test_pulses_are_enough(scheme, share):
    floor = theory.zero_shift_error_bound(10**9, CONSTANTS, dw_min=0.001, distance_sq=1.0, scheme=scheme)
    delta = float(share * floor)
    n = theory.zero_shift_error_pulses(delta, CONSTANTS, dw_min=0.001, distance_sq=1.0, scheme=scheme)
    assert theory.zero_shift_error_bound(n, CONSTANTS, dw_min=0.001, distance_sq=1.0, scheme=scheme) <= delta
    assert n == pytest.approx(math.log(2 / delta) / (2 * 0.8 * 0.001), abs=2)

    floor = theory.zero_shift_asymmetry_bound(10**15, CONSTANTS, dw_min=0.001, potential=0.3, scheme=scheme)
    delta = float(share * floor)
    n = theory.zero_shift_asymmetry_pulses(delta, CONSTANTS, dw_min=0.001, potential=0.3, scheme=scheme)
    assert theory.zero_shift_asymmetry_bound(n, CONSTANTS, dw_min=0.001, potential=0.3, scheme=scheme) <= delta
    assert n == pytest.approx(2 * 0.3 / (delta * 0.001), abs=2)
    if scheme == "cyclic":
        assert n % 2 == 0


def test_pulses_grow_as_one_over_dw_min():
    at = [theory.zero_shift_error_pulses(0.1, CONSTANTS, dw_min=d, distance_sq=1.0) for d in (1e-3, 1e-4, 1e-5)]
    assert at[1] / at[0] == pytest.approx(10, rel=0.01)
    assert at[2] / at[1] == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize("scheme", ["stochastic", "cyclic"])
def test_nothing_gets_below_the_floor(scheme):
    for pulses, start in (
        (theory.zero_shift_error_pulses, {"distance_sq": 1.0}),
        (theory.zero_shift_asymmetry_pulses, {"potential": 1.0}),
    ):
        with pytest.raises(dt.ConfigError, match="delta"):
            pulses(1e-9, CONSTANTS, dw_min=0.001, scheme=scheme, **start)


def test_no_pulses_where_none_are_needed():
    assert theory.zero_shift_error_pulses(10.0, CONSTANTS, dw_min=0.001, distance_sq=1.0) == 0


def test_printed_bounds():
    """Theorems 2.2, C.2, C.3, C.4 with numbers put in by hand."""
    q, mu, lipschitz, dw, n = 1.5, 0.8, 1.2, 0.001, 50
    decay = (1 - 2 * dw * mu) ** n * 0.25
    expected = {
        "stochastic": (0.3 / (n * dw) + lipschitz / 2 * dw * q**2, decay + dw * q**2 / mu),
        "cyclic": (
            0.3 / (n * dw) + 1.5 * dw * q**2 * lipschitz,
            decay + dw * q**2 * (4 + lipschitz**2 / mu + 2 * mu) / mu,
        ),
    }
    for scheme, (mean, last) in expected.items():
        bound = theory.zero_shift_asymmetry_bound([n], CONSTANTS, dw_min=dw, potential=0.3, scheme=scheme)
        assert bound == pytest.approx([mean])
        bound = theory.zero_shift_error_bound([n], CONSTANTS, dw_min=dw, distance_sq=0.25, scheme=scheme)
        assert bound == pytest.approx([last])


@pytest.mark.parametrize("eta", [1.0, 0.3, 0.01, 1e-6])
def test_filter_response_is_that_of_the_recursion(eta):
    omega = np.linspace(-np.pi, np.pi, 33)
    printed = eta**2 / (1 + (1 - eta) ** 2 - 2 * (1 - eta) * np.cos(omega))
    np.testing.assert_allclose(theory.filter_response(eta, omega), printed, rtol=1e-3 if eta < 1e-3 else 1e-9)
    transfer = eta / (1 - (1 - eta) * np.exp(-1j * omega))
    np.testing.assert_allclose(theory.filter_response(eta, omega), np.abs(transfer) ** 2, rtol=1e-6)
    assert theory.filter_response(eta, 0.0) == pytest.approx(1)


def test_filter_passes_slow_and_stops_fast():
    eta, n = 0.05, 4000
    for omega in (0.01, 0.3, np.pi):
        p = np.cos(omega * np.arange(n))
        q = np.zeros(n)
        for k in range(1, n):
            q[k] = (1 - eta) * q[k - 1] + eta * p[k]
        gain = np.mean(q[n // 2 :] ** 2) / np.mean(p[n // 2 :] ** 2)
        assert gain == pytest.approx(float(theory.filter_response(eta, omega)), rel=0.05)


vectors = hnp.arrays(np.float64, (3, 2), elements=st.floats(-2, 2, width=32))


@given(p=vectors, q=vectors, point=vectors)
def test_tracking_rate_limit_is_the_limit(p, q, point):
    assume(np.sum((p - q) ** 2) > 1e-4)
    limit = theory.tracking_rate_limit(p, q, point)
    before = np.sum((p - point) ** 2)

    def after(eta):
        return np.sum(((1 - eta) * q + eta * p - point) ** 2)

    if limit < 1:
        middle = (limit + 1) / 2
        assert after(middle) <= before
        assume(1 - limit > 1e-3)
        assert after(middle) < before
    if 0 < limit <= 1:
        assert after(limit * 0.9) >= before - 1e-9


def test_step_sizes_of_theorem_3_7():
    sizes = theory.rider_step_sizes(0.1, CONSTANTS, mu=0.5, gamma=0.8)
    assert (sizes.alpha, sizes.gamma) == (0.1, 0.8)
    assert sizes.beta == pytest.approx(0.1 * 0.8 * 0.5 * 0.5**3 / (4 * math.sqrt(34) * 1.5**3))
    assert sizes.eta == pytest.approx(0.1 * 0.5 * 0.5**4 / (52 * 1.5**3))
    assert theory.rider_step_sizes(1e6, CONSTANTS, mu=1.0).beta == pytest.approx(1 / (2 * 1.5))


def test_gradient_floor_of_assumption_3_6():
    assert theory.gradient_floor(0.2, CONSTANTS, mu=0.5) == pytest.approx(4 * math.sqrt(2) * 0.4 * 3**1.5)
    assert theory.gradient_floor(0.0, CONSTANTS, mu=0.5) == 0


def closed_form(array, dw_min, margin):
    """q+, q- at both ends of the grid, and the slopes, of soft-bounds cells."""
    cells = {name: values.astype(float) for name, values in array.cell_parameters().items()}
    live = cells["max_bound"] > cells["min_bound"]
    high, low = cells["max_bound"][live], cells["min_bound"][live]
    up, down = cells["dwmin_up"][live] / dw_min, cells["dwmin_down"][live] / dw_min
    ends = [low + t * (high - low) for t in (margin, 1 - margin)]
    q_plus, q_minus = np.array([up * (1 - v / high) for v in ends]), np.array([down * (1 - v / low) for v in ends])
    return q_plus, q_minus, up / high, -down / low, live


@pytest.mark.parametrize(
    "device",
    [
        dt.devices.SoftBounds(dw_min=0.01),
        dt.devices.SoftBounds(dw_min=0.01, corrupt_devices_prob=0.3),
        dt.presets.reram_array_om(reference_mean=0.3),
    ],
    ids=["soft", "corrupt", "reference"],
)
@pytest.mark.parametrize("margin", [0.0, 0.1, 0.4])
def test_population_constants_of_soft_bounds(device, margin):
    array = dt.CrossbarArray((20, 30), device, rng=2)
    q_plus, q_minus, fall_plus, rise_minus, live = closed_form(array, device.dw_min, margin)
    found = theory.population_constants(array, margin=margin, points=9)
    assert found.q_max == pytest.approx(max(q_plus.max(), q_minus.max()), rel=1e-4)
    assert found.q_min == pytest.approx(min(q_plus.min(), q_minus.min()), rel=1e-3, abs=1e-5)
    assert found.mu_q == pytest.approx(min(fall_plus.min(), rise_minus.min()), rel=1e-2)
    assert found.L_q == pytest.approx(np.max((fall_plus + rise_minus) / 2), rel=1e-2)
    slope = theory.asymmetry_slope(array)
    np.testing.assert_allclose(slope[live], (fall_plus + rise_minus) / 2, rtol=1e-4)
    assert np.isnan(slope[~live]).all()


def test_population_constants_of_constant_steps():
    device = quiet("ConstantStep", dw_min=0.01)
    found = theory.population_constants(dt.CrossbarArray((2, 2), device, rng=0))
    assert (found.q_min, found.q_max) == (pytest.approx(1), pytest.approx(1))
    assert (found.mu_q, found.L_q, found.kappa_2) == (0, 0, pytest.approx(1))


def test_condition_number_of_cells_that_reach_their_bounds():
    array = dt.CrossbarArray((2, 2), quiet("SoftBounds", w_max=1.0, w_min=-1.0), rng=0)
    assert theory.population_constants(array, margin=0).kappa_2 > 1e6
    assert theory.PopulationConstants(q_min=0.0, q_max=1.0, mu_q=0.0, L_q=0.0).kappa_2 == math.inf


def test_lock_bound_is_the_least_of_a_grid():
    """(W - W*)^2 + a (P - Q)^2 + b G(P)^2 with W = W_0 + r (Q - Q_0), G = s (P - w◇): all P and Q of a fine grid."""
    optimum, point, ratio, w_0, q_0, slope, a, b = 0.35, -0.2, 1.7, 0.1, 0.05, 0.8, 1.5, 0.7
    p, q = np.meshgrid(*(np.linspace(-0.6, 0.6, 1201),) * 2)
    values = (w_0 + ratio * (q - q_0) - optimum) ** 2 + a * (p - q) ** 2 + b * (slope * (p - point)) ** 2
    bound = theory.rider_lock_bound(
        [optimum], [point], ratio=ratio, weights_0=w_0, average_0=q_0, slope=slope, residual=a, drift=b
    )
    assert bound == pytest.approx(values.min(), rel=1e-4)
    arrays = theory.rider_lock_bound([0.35, 0.4], [-0.2, 0.2], ratio=2.0, weights_0=[0.1, 0.0], average_0=0.0)
    assert arrays == pytest.approx(theory.rider_lock_bound([0.35], [-0.2], ratio=2.0, weights_0=0.1))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ratio": 0.0}, dt.ConfigError),
        ({"slope": 0.0}, dt.ConfigError),
        ({"residual": -1.0}, dt.ConfigError),
        ({"drift": 0.0}, dt.ConfigError),
        ({"symmetric_point": [0.1, 0.2]}, dt.ShapeError),
        ({"weights_0": [0.1, 0.2]}, dt.ShapeError),
        ({"average_0": [[0.1]]}, dt.ShapeError),
        ({"optimum": [np.nan]}, dt.NonFiniteError),
    ],
)
def test_lock_bound_refuses(change, error):
    fields = {"optimum": [0.1], "symmetric_point": [0.2], "ratio": 1.0} | change
    with pytest.raises(error, match=next(iter(change))):
        theory.rider_lock_bound(**fields)
