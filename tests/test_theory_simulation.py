"""What the theory says, in simulation: zero-shifting, RIDER's E_K, biases, the chopper, the authors' least squares."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import linalg

import dsptrack as dt
from dsptrack import theory
from helpers.build import quiet
from helpers.quadratic import Problem, ideal, make, run, soft

# Zero-shifting


@st.composite
def populations(draw):
    """Legal populations whose responses are monotone: soft bounds, and linear and exponential steps."""
    spread = {"w_max_dtod": draw(st.floats(0, 0.2)), "w_min_dtod": draw(st.floats(0, 0.2)), "dw_min_std": 0.0}
    common = spread | {
        "dw_min": draw(st.floats(0.002, 0.03)),
        "dw_min_dtod": draw(st.floats(0, 0.2)),
        "up_down": draw(st.floats(-0.3, 0.3)),
        "up_down_dtod": draw(st.floats(0, 0.1)),
        "w_max": draw(st.floats(0.6, 1.5)),
        "w_min": -draw(st.floats(0.6, 1.5)),
    }
    kind = draw(st.sampled_from(["SoftBounds", "SoftBoundsReference", "LinearStep"]))
    if kind == "LinearStep":
        slopes = {"gamma_up": draw(st.floats(0.3, 0.9)), "gamma_down": draw(st.floats(0.3, 0.9))}
        return dt.devices.LinearStep(**common, **slopes)
    if kind == "SoftBoundsReference":
        return dt.devices.SoftBoundsReference(**common, reference_mean=draw(st.floats(-0.2, 0.2)), reference_std=0.05)
    return dt.devices.SoftBounds(**common)


@given(device=populations(), start=st.floats(-0.4, 0.4), scheme=st.sampled_from(["stochastic", "cyclic"]))
def test_bounds_of_zero_shifting_hold_on_random_populations(device, start, scheme):
    """Theorems 2.2, C.2 (stochastic), C.3, C.4 (cyclic), with the constants of the cells themselves."""
    array = dt.CrossbarArray((20, 20), device, rng=1)
    point = array.symmetric_point().astype(float)
    constants = theory.population_constants(array, margin=0.0, points=9)
    assume(np.isfinite(point).all() and constants.mu_q > 0 and 2 * constants.mu_q * device.dw_min < 1)
    array.set_weights(np.full(array.shape, start))
    w = array.weights.astype(float)
    distance_sq = np.mean((w - point) ** 2)
    potential = np.mean(theory.asymmetry_potential(array, w))
    assert potential >= 0
    asymmetry_sq, n, length = 0.0, 0, 2
    while n < 120:
        for k in range(length):
            asymmetry_sq += np.mean(array.asymmetric_part(array.weights).astype(float) ** 2)
            array.pulse_random(1) if scheme == "stochastic" else array.pulse(+1 if k % 2 == 0 else -1)
        n += length
        error = np.mean((array.weights - point) ** 2)
        arguments = {"dw_min": device.dw_min, "scheme": scheme}
        assert error <= theory.zero_shift_error_bound(n, constants, distance_sq=distance_sq, **arguments)
        mean = theory.zero_shift_asymmetry_bound(n, constants, potential=potential, **arguments)
        assert asymmetry_sq / n <= mean
        length = 20


def pulses_to_one_percent(dw_min, scheme, side=16):
    """The smallest N after which the mean symmetric point is within 1 % of the truth, 0.109."""
    device = quiet("SoftBounds", dw_min=dw_min, w_max=1.0, w_min=-1.0, dw_min_dtod=0.1, up_down=0.2, up_down_dtod=0.05)
    array = dt.CrossbarArray((side, side), device, rng=1)
    budget = int(8 / dw_min)
    trace = dt.zero_shift(array, budget, scheme=scheme, record_every=max(2, budget // 800 * 2)).trace
    near = np.abs(trace["offset_mean"]) <= 0.01 * abs(array.symmetric_point().mean(dtype=float))
    return trace["pulses"][near][0] if near.any() else None


def log_slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def test_pulses_for_one_percent_grow_as_one_over_dw_min():
    """Figure 1b: three decades, stochastic zero-shifting."""
    sizes = np.array([1e-2, 3e-3, 1e-3, 1e-4, 1e-5])
    pulses = [pulses_to_one_percent(dw_min, "stochastic", 48 if dw_min > 5e-4 else 16) for dw_min in sizes]
    assert log_slope(sizes, pulses) == pytest.approx(-1, abs=0.1)


def test_cyclic_zero_shifting_has_a_floor_of_its_own():
    """It ends half a step below the symmetric point, after a down pulse: at dw_min = 0.005 never within 1 %."""
    assert pulses_to_one_percent(5e-3, "cyclic") is None
    sizes = np.array([5e-4, 1.6e-4, 5e-5])
    assert log_slope(sizes, [pulses_to_one_percent(dw_min, "cyclic") for dw_min in sizes]) == pytest.approx(-1, abs=0.1)


# Where the rules come to rest


def analog_sgd_bias(sigma, steps):
    """Return the biases W - W* of analog SGD: simulated, of (4), and where the drift of noisy gradients vanishes."""
    problem = Problem(sigma=sigma, replicas=20)
    o = dt.optim.AnalogSGD(problem.shape, soft(), alpha=0.02 / max(1, sigma), mode="mean_field", rng=3, num_threads=1)
    points = o.arrays["W"].symmetric_point().astype(float)
    penalty = theory.analog_sgd_penalty(sigma, 1.0)
    rest = [theory.regularised_optimum(problem.hessian, problem.optimum, point, penalty) for point in points]
    root = np.array(rest)
    for _ in range(3000):
        gradient = (root - problem.optimum) @ problem.hessian
        root += 0.1 / max(1, sigma) * theory.analog_sgd_drift(gradient, sigma, np.ones(o.shape), root - points)
    found = run(o, problem, steps).mean_weights
    return tuple(weights - problem.optimum for weights in (found, np.array(rest), root))


def share(found, expected):
    """Projection of one bias on another, 1 if they agree."""
    return float(np.sum(found * expected) / np.sum(expected**2))


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0, 3.0])
def test_analog_sgd_is_biased_as_4_says(sigma):
    """The bias is that of the regularised optimum, whose weight grows with sigma, where |g| << sigma.

    The root of the drift needs no such condition: it is met within 0.3 % in 8,000 steps, 3 % in 2,000.
    """
    found, regularised, root = analog_sgd_bias(sigma, 8000 if sigma == 0.1 else 2000)
    assert np.sqrt(np.mean(found**2)) > 0.05 * sigma**0.5
    assert np.corrcoef(found.ravel(), root.ravel())[0, 1] > 0.95
    assert share(found, root) == pytest.approx(1, abs=0.01 if sigma == 0.1 else 0.04)
    assert share(found, regularised) == pytest.approx(1, abs=0.06)


def test_residual_learning_is_biased_by_the_symmetric_point_it_assumes():
    """P is forced to 0, so A (W - W*) = 2 rho W◇; the true point in place of 0 (two stages) takes the bias away."""
    problem = Problem(replicas=20)
    wrong = make("ResidualLearning", problem, 2000, scale=2, mode="mean_field")
    right = make("TwoStageResidual", problem, 2000, scale=2, mode="mean_field", n_pulses=2 * 50_000)
    drag = 2 * theory.analog_sgd_penalty(problem.sigma, 1.0)
    expected = drag * np.linalg.solve(problem.hessian, wrong.arrays["P"].symmetric_point().astype(float).T).T
    found, other = (run(o, problem, 2000).mean_weights - problem.optimum for o in (wrong, right))
    assert np.sum(found * expected) / np.sum(expected**2) == pytest.approx(1, abs=0.1)
    assert np.sqrt(np.mean(other**2)) < 0.25 * np.sqrt(np.mean(found**2))


# RIDER and E-RIDER: E_K of (14)


def test_rider_locks_weights_and_average():
    """With ideal cells in W every step moves W by beta (P - Q) and Q by eta (P - Q): Theorem 3.7 does not see that."""
    problem = Problem(replicas=10)
    o = make("Rider", problem, 500, mode="mean_field", eta=0.03)
    run(o, problem, 500)
    np.testing.assert_allclose(o.arrays["W"].weights, o.parameters["beta"] / 0.03 * o.average, atol=2e-5)


def test_rider_rests_where_the_balance_says():
    """Neither at the optimum nor at the symmetric point; more steps change nothing (ratio 2)."""
    problem = Problem(replicas=20)
    rho = theory.analog_sgd_penalty(problem.sigma, 1.0)
    for steps in (1000, 3000):
        o = make("Rider", problem, steps, scale=2, mode="mean_field", eta=0.5 / np.sqrt(steps))
        course = run(o, problem, steps)
        points = o.arrays["P"].symmetric_point()
        both = [theory.rider_balance(problem.hessian, problem.optimum, point, rho, ratio=2.0) for point in points]
        for found, expected, goal in zip(
            (course.mean_weights, course.mean_estimate),
            np.swapaxes(both, 0, 1),
            (np.broadcast_to(problem.optimum, problem.shape), points),
            strict=True,
        ):
            wanted = expected - goal
            assert np.sum((found - goal) * wanted) / np.sum(wanted**2) == pytest.approx(1, abs=0.1)
        assert course.late_metric > 0.2


@pytest.mark.parametrize(("ratio", "start", "residual", "drift"), [(2.0, 0.0, 1.0, 1.0), (0.5, 0.4, 2.0, 0.5)])
@pytest.mark.parametrize("aimed", [True, False])
def test_no_gradient_gets_rider_below_its_lock(ratio, start, residual, drift, aimed, rng):
    """Neither random gradients nor those that push P to the point of the line where E_K is least at rest."""
    shape, optimum = (10, 5), rng.uniform(-0.4, 0.4, (10, 5))
    fields = {"alpha": 0.2, "beta": 0.05 * ratio, "eta": 0.05, "mode": "mean_field", "rng": 3}
    o = dt.optim.Rider(shape, soft(point=0.1, spread=0.2), ideal(), **fields, num_threads=1)
    o.set_weights(np.full(shape, start))
    point = o.arrays["P"].symmetric_point().astype(float)
    factors = {"residual": residual, "drift": drift}
    bound = theory.rider_lock_bound(optimum, point, ratio=ratio, weights_0=start, **factors)
    goal = (ratio * (optimum - start) + drift * point) / (ratio**2 + drift)
    for _ in range(150):
        p = o.arrays["P"].weights
        weights = o.arrays["W"].weights
        found = theory.convergence_metric(weights, optimum, p, o.average, p - point, **factors)
        assert found > bound
        o.step(3.0 * (p - goal) if aimed else 3.0 * rng.standard_normal(shape) + 1.0)
    if aimed:  # at rest P = Q, which costs b in place of h = a b / (a + b)
        rest = drift * (ratio * point - (optimum - start)) ** 2 / (ratio**2 + drift)
        assert bound < found == pytest.approx(float(np.sum(rest)), rel=0.02)


def fall_of_metric(name, problem, counts, **fields):
    """E_K for each K, with rates in proportion to 1/sqrt(K)."""
    metrics = []
    for steps in counts:
        alpha = 2 / np.sqrt(steps)
        chopping = {"chop_probability": alpha} if name == "ERider" else {}
        o = make(name, problem, steps, scale=2, mode="mean_field", eta=alpha / 4, **chopping, **fields)
        if name == "Rider":
            on_the_line(o, problem)
        metrics.append(run(o, problem, steps).metric)
    return metrics


def on_the_line(o, problem):
    """W_0 from which RIDER can reach both goals: W* - W_0 = (beta/eta) (W◇ - Q_0), ratio 2."""
    o.set_weights(problem.optimum - 2 * o.arrays["P"].symmetric_point())


@pytest.mark.parametrize(("name", "limit"), [("Rider", -0.5), ("ERider", -0.4)])
def test_metric_falls_as_one_over_the_root_of_k(name, limit):
    """RIDER from a start on its line; E-RIDER from any, if p falls with alpha. The slow test has more decades."""
    counts = (1000, 4000)
    assert log_slope(counts, fall_of_metric(name, Problem(replicas=15), counts)) < limit


@pytest.mark.parametrize("name", ["ResidualLearning", "Rider"])
def test_metric_does_not_fall(name):
    """The same problem and rates from W = 0: the symmetric point taken for 0, or a start off RIDER's line."""
    problem, metrics = Problem(replicas=15), []
    for steps in (1000, 4000):
        tracking = {"eta": 0.5 / np.sqrt(steps)} if name == "Rider" else {}
        o = make(name, problem, steps, scale=2, mode="mean_field", **tracking)
        points = o.arrays["P"].symmetric_point().astype(float)
        metrics.append(run(o, problem, steps).metric)
    assert log_slope((1000, 4000), metrics) > -0.1
    assert metrics[-1] > 0.3
    if name == "Rider":
        locks = [theory.rider_lock_bound(problem.optimum, point, ratio=2.0) for point in points]
        assert metrics[-1] > np.mean(locks) > 0.05


def test_analog_sgd_stays_biased_where_erider_does_not():
    """Squared distance of the mean weights from the optimum, which noise does not enter: K from 1,000 to 4,000."""
    problem, biases = Problem(replicas=15), {}
    for name in ("AnalogSGD", "ERider"):
        for steps in (1000, 4000):
            alpha = 2 / np.sqrt(steps)
            chopping = {"eta": alpha / 4, "chop_probability": alpha} if name == "ERider" else {}
            o = make(name, problem, steps, scale=2, mode="mean_field", **chopping)
            biases[name, steps] = np.sum((run(o, problem, steps).mean_weights - problem.optimum) ** 2)
    assert biases["AnalogSGD", 4000] > 0.8 * biases["AnalogSGD", 1000]
    assert biases["ERider", 4000] < 0.1 * biases["AnalogSGD", 4000]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Rider", "ERider"])
def test_metric_falls_as_one_over_the_root_of_k_over_two_decades(name):
    counts = (1000, 4000, 16000, 64000)
    assert log_slope(counts, fall_of_metric(name, Problem(replicas=15), counts)) < -0.47


def floor(name, dw_min, steps=3000, replicas=20):
    """E_K of pulsed runs that start at the solution, with alpha E|g| well below a pulse."""
    problem = Problem(replicas=replicas)
    chopping = {"chop_probability": 0.01} if name == "ERider" else {}
    o = make(name, problem, 1, dw_min=dw_min, alpha=0.002, beta=0.001, eta=0.0005, **chopping)
    o._tracker.set(o.arrays["P"].symmetric_point())
    o.set_weights(np.broadcast_to(problem.optimum, o.shape))
    return run(o, problem, steps, every=50).late_metric


@pytest.mark.parametrize("name", ["Rider", "ERider"])
def test_floor_is_proportional_to_dw_min(name):
    sizes = (0.004, 0.016)
    assert log_slope(sizes, [floor(name, dw_min) for dw_min in sizes]) == pytest.approx(1, abs=0.2)


def under_the_conditions_of_theorem_3_7(steps):
    """E_K of RIDER from W_0 = W*, Q_0 = 0 on cells with W◇ = 0.1: proof's step sizes, Assumption 3.6 met."""
    problem = Problem(dimension=1, replicas=100, mu=20.0, smoothness=20.0, sigma=0.3, reach=0.0)
    constants = theory.PopulationConstants(q_min=0.85, q_max=1.15, mu_q=1.0, L_q=1.0)
    sizes = theory.rider_step_sizes(1 / np.sqrt(steps), constants, mu=20.0)
    rates = {"alpha": sizes.alpha, "beta": sizes.beta, "eta": sizes.eta, "gamma": sizes.gamma}
    cells = soft(point=0.1, spread=0.0), ideal()
    o = dt.optim.Rider(problem.shape, *cells, **rates, mode="mean_field", rng=3, num_threads=1)
    # The least mean |g| that normal noise of standard deviation 0.3 allows
    assert theory.expected_magnitude(0.0, 0.3) > theory.gradient_floor(0.3, constants, mu=20.0)
    course = run(o, problem, steps)
    responses = np.array(o.arrays["P"].response(o.arrays["P"].weights))
    assert responses.min() > constants.q_min
    assert responses.max() < constants.q_max
    return course.metric


@pytest.mark.slow
def test_rider_does_not_converge_under_the_conditions_of_theorem_3_7():
    """It starts at the optimum and stays, with Q and P near 0: |G(P)|^2 = 0.01 stays too, whatever K is."""
    assert min(under_the_conditions_of_theorem_3_7(steps) for steps in (10_000, 40_000, 160_000)) > 0.009


# The chopper


def test_chopping_brings_the_average_nearer_and_sooner():
    problem, errors = Problem(replicas=20), {}
    for p in (0.0, 0.1):
        o = make("ERider", problem, 2000, scale=2, dw_min=1e-3, eta=0.02, chop_probability=p)
        errors[p] = np.sqrt(np.array(run(o, problem, 2000).point_error) / problem.dimension)
    assert errors[0.1][-10:].mean() < 0.3 * errors[0.0][-10:].mean()
    # Sooner: in half the steps it is where the unchopped average never gets
    assert errors[0.1][: errors[0.1].size // 2].min() < 0.5 * errors[0.0].min()


# The least-squares problem of the authors' public scripts


def least_squares():
    """A (100, 40) / 2 and 40 weights of standard deviation 0.3, normal."""
    rng = np.random.default_rng(42)
    truth = 0.3 * rng.standard_normal(40)
    matrix = rng.standard_normal((100, 40)) / 2
    return matrix.T @ matrix / 100, truth


def follow_least_squares(rule, tau, mode, replicas, steps=2500, **rates):
    """Return the weights of all replicas, every tenth step of the second half, and the mean pulses' variance."""
    hessian, truth = least_squares()
    device = quiet("SoftBounds", w_max=tau, w_min=-tau, dw_min=tau / 300)
    o = getattr(dt.optim, rule)((replicas, 40), device, alpha=0.03, mode=mode, rng=5, num_threads=1, **rates)
    noise, late, variance = np.random.default_rng(618), [], []
    for k in range(steps):
        gradient = (o.weights - truth) @ hessian + 0.1 * noise.standard_normal((replicas, 40))
        o.step(gradient)
        if k >= steps // 2 and k % 10 == 0:
            late.append(o.weights)
            part = np.abs(0.03 * gradient) / device.dw_min % 1
            variance.append(np.mean(part * (1 - part), axis=0) * device.dw_min**2)
    return np.array(late, dtype=float), np.mean(variance, axis=0)


@pytest.mark.parametrize("tau", [1.0, 2.5])
def test_least_squares_pulsed_and_mean_field(tau):
    """The same mean weights, and the excess loss that the discretisation error of 300 states predicts."""
    check_least_squares(tau, replicas=12)


@pytest.mark.slow
@pytest.mark.parametrize("tau", [1.0, 1.5, 2.0, 2.5])
def test_least_squares_in_full(tau):
    check_least_squares(tau, replicas=60)


def check_least_squares(tau, replicas):
    hessian, truth = least_squares()
    exact, _ = follow_least_squares("AnalogSGD", tau, "mean_field", replicas)
    pulsed, variance = follow_least_squares("AnalogSGD", tau, "pulsed", replicas)
    difference = (pulsed - exact).mean(axis=0)  # replicas are independent
    error = difference.std(axis=0, ddof=1) / np.sqrt(replicas)
    # 40 means in units of their errors: Student's t with replicas - 1 degrees of freedom
    assert np.sqrt(np.mean((difference.mean(axis=0) / error) ** 2)) < 1.5
    losses = [
        np.einsum("kri,ij,krj->", w - truth, hessian, w - truth) / (2 * w.shape[0] * replicas) for w in (exact, pulsed)
    ]
    # Stationary covariance that the rounding adds: S = B S B + diag Var[b], B = 1 - alpha (A + 2 rho)
    rest = np.eye(40) - 0.03 * (hessian + 2 * np.diag(np.full(40, theory.analog_sgd_penalty(0.1, 1 / tau))))
    excess = np.trace(hessian @ linalg.solve_discrete_lyapunov(rest, np.diag(variance))) / 2
    assert losses[1] - losses[0] == pytest.approx(excess, rel=0.25)


@pytest.mark.parametrize("tau", [1.0, 2.5])
def test_least_squares_residual_learning(tau):
    """Two arrays: the mean weights agree, and both reach a lower loss than analog SGD."""
    rates = {"beta": 0.03, "gamma": 0.0}
    hessian, truth = least_squares()
    weights = {
        mode: follow_least_squares("ResidualLearning", tau, mode, 16, **rates)[0] for mode in ("pulsed", "mean_field")
    }
    sgd, _ = follow_least_squares("AnalogSGD", tau, "mean_field", 16)
    off = {name: w.mean(axis=(0, 1)) - truth for name, w in (*weights.items(), ("sgd", sgd))}
    bias = {name: float(w @ hessian @ w) for name, w in off.items()}
    assert np.sqrt(np.mean((off["pulsed"] - off["mean_field"]) ** 2)) < 0.2 * np.sqrt(np.mean(off["sgd"] ** 2))
    assert max(bias["pulsed"], bias["mean_field"]) < 0.5 * bias["sgd"]
