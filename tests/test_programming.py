"""Write-and-verify: what it reaches, what it costs, and what it says about both.

``max_rounds`` is a budget of reads, and a pulse that nothing verifies would be no write-and-verify: the last round of
an exhausted budget reads and sends nothing.
"""

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import G, counter, noiseless_read, pulses, quiet, spread_weights
from helpers.zoo import KINDS, make, silent, twin

SHAPE = (9, 13)


def test_exact_pulses_on_counting_cells(rng):
    """Steps of G and targets k G: |k| pulses, in the right direction, and as many rounds as the furthest cell needs."""
    k = rng.integers(-20, 21, SHAPE)
    k[0, 0] = 20
    array = dt.CrossbarArray(SHAPE, counter(dw_min=G, bound=8.0), rng=1, count_pulses=True)
    array.set_weights(np.zeros(SHAPE))
    report = array.program(G * k, tolerance=G / 2)
    np.testing.assert_array_equal(array.weights, (G * k).astype(np.float32))
    np.testing.assert_array_equal(report.pulses, np.abs(k))
    np.testing.assert_array_equal(report.residual, 0)
    assert report.converged.all()
    assert report.rounds == 21  # the last one finds nothing to do
    up, down = array.pulse_counts
    np.testing.assert_array_equal(up, np.maximum(k, 0))
    np.testing.assert_array_equal(down, np.maximum(-k, 0))
    assert pulses(array) == (up.sum(), down.sum())
    assert array.ledger["column_reads"] == 21 * SHAPE[1]
    assert array.ledger["forward_reads"] == array.ledger["backward_reads"] == array.ledger["train_slots"] == 0


def test_types():
    report = dt.CrossbarArray(SHAPE, make("soft"), rng=2).program(np.zeros(SHAPE))
    assert isinstance(report, dt.ProgramReport)
    assert (report.pulses.dtype, report.residual.dtype, report.converged.dtype) == (np.int64, np.float32, np.bool_)
    assert report.pulses.shape == report.residual.shape == report.converged.shape == SHAPE
    assert isinstance(report.rounds, int)


def test_cells_at_their_target_are_left_alone(rng):
    array = dt.CrossbarArray(SHAPE, make("linear", dw_min_std=1.0), rng=3)
    array.set_weights(rng.uniform(-0.2, 0.2, SHAPE))
    before = array.weights
    target = before.copy()
    target[0, 0] += 0.2
    report = array.program(target, tolerance=0.05, max_rounds=50)
    assert report.pulses[0, 0] > 0
    assert report.pulses.sum() == report.pulses[0, 0] == sum(pulses(array))
    changed = array.weights != before
    assert changed.sum() == 1
    again = array.program(array.weights, tolerance=0.05)
    assert again.pulses.sum() == 0
    assert again.converged.all()


@pytest.mark.parametrize("name", KINDS)
def test_noise_free_cells_take_the_twins_pulses(name, rng):
    """The loop, written out: every cell further away than the tolerance gets one pulse towards its target."""
    array = dt.CrossbarArray(SHAPE, silent(name, dw_min=0.02), rng=4)
    cells = twin(array)
    target = spread_weights(cells, rng) * 0.9
    array.set_weights(spread_weights(cells, rng))
    w, tolerance, budget = array.weights.astype(np.float64), 0.03, 60
    report = array.program(target, tolerance=tolerance, max_rounds=budget)
    count, clear = np.zeros(SHAPE, dtype=int), np.ones(SHAPE, dtype=bool)
    for _ in range(budget - 1):
        far = target - w
        clear &= np.abs(np.abs(far) - tolerance) > 1e-4
        direction = np.sign(far) * (np.abs(far) > tolerance)
        count += direction != 0
        w = cells.pulses(w, direction)
    assert clear.mean() > 0.8
    np.testing.assert_array_equal(report.pulses[clear], count[clear])
    np.testing.assert_allclose(array.weights[clear], w[clear], rtol=0, atol=2e-5)
    np.testing.assert_allclose(report.residual, array.weights - target, rtol=0, atol=1e-6)
    assert report.converged.mean() > 0.3


@pytest.mark.parametrize("name", [*KINDS, "ecram", "gokmen_vlasov", "capacitor"])
def test_converges_within_tolerance(name, rng):
    """Noisy cells that can reach their targets do; 02 section 10: mean error below 5 % of the range."""
    array = dt.CrossbarArray((20, 20), make(name, dw_min_std=0.3, dw_min=0.01), rng=5)
    cells = twin(array)
    target = 0.6 * (cells.clip(rng.uniform(-0.4, 0.4, (20, 20))) - 0.0) - cells.reference
    report = array.program(target, tolerance=0.02, max_rounds=2000)
    reachable = np.minimum(cells.max_bound - target - cells.reference, target + cells.reference - cells.min_bound) > 0.1
    assert reachable.mean() > 0.8
    assert np.all(report.converged[reachable])
    assert np.all(np.abs(array.weights - target)[reachable] <= 0.02 + 1e-6)
    assert np.mean(np.abs(array.weights - target)) < 0.05 * 0.6
    assert report.rounds <= 2000


def test_the_budget_ends_it():
    array = dt.CrossbarArray((1, 4), counter(dw_min=G, bound=8.0), rng=6)
    report = array.program([[0, 2 * G, 5 * G, -9 * G]], tolerance=G / 2, max_rounds=4)
    np.testing.assert_array_equal(report.pulses, [[0, 2, 3, 3]])
    np.testing.assert_array_equal(array.weights, np.float32([[0, 2 * G, 3 * G, -3 * G]]))
    np.testing.assert_array_equal(report.residual, np.float32([[0, 0, -2 * G, 6 * G]]))
    assert report.converged.tolist() == [[True, True, False, False]]
    assert report.rounds == 4
    assert array.ledger["column_reads"] == 4 * 4


@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_every_round_reads_every_column(rounds):
    array = dt.CrossbarArray(SHAPE, counter(dw_min=G, bound=8.0), rng=7)
    report = array.program(np.full(SHAPE, 7.0), tolerance=G, max_rounds=rounds)
    assert report.rounds == rounds
    assert array.ledger["column_reads"] == rounds * SHAPE[1]
    assert np.all(report.pulses == rounds - 1)
    assert not report.converged.any()


def test_targets_beyond_the_bounds_are_not_reached():
    dev = quiet("ConstantStep", dw_min=0.05, w_max=0.5, w_min=-0.5)
    array = dt.CrossbarArray((1, 3), dev, rng=8)
    report = array.program([[0.7, -0.7, 0.2]], tolerance=0.03, max_rounds=41)
    assert report.converged.tolist() == [[False, False, True]]
    np.testing.assert_allclose(array.weights[0, :2], [0.5, -0.5])
    assert report.pulses.tolist() == [[40, 40, 4]]
    np.testing.assert_allclose(report.residual[0, :2], [-0.2, 0.2], atol=1e-6)


def test_stuck_cells_do_not_stop_the_others():
    array = dt.CrossbarArray((30, 30), make("soft", corrupt_devices_prob=0.2, dw_min=0.01), rng=9)
    stuck = twin(array).max_bound == twin(array).min_bound
    before = array.weights
    report = array.program(np.full((30, 30), 0.25), tolerance=0.02, max_rounds=400)
    np.testing.assert_array_equal(array.weights[stuck], before[stuck])
    assert not report.converged[stuck].any()
    assert report.converged[~stuck].mean() > 0.95


def test_noisy_reads_are_what_decides():
    """Read noise of 0.05 on cells that sit on their targets: each is pulsed once with the normal's tail probability."""
    shape = (100, 150)
    array = dt.CrossbarArray(shape, counter(dw_min=2.0**-10, bound=8.0), rng=10)
    read = noiseless_read(out_noise=0.05, out_res=0.0, bound_management="none", noise_management="none")
    report = array.program(np.zeros(shape), tolerance=0.05, max_rounds=2, read=read)
    stats.assert_fraction(report.pulses > 0, 0.317311, "beyond one standard deviation")
    up, down = pulses(array)
    stats.assert_z((up - down) / np.sqrt(up + down), "both ways")
    # The residual is the weights' own, without the noise of the reads
    np.testing.assert_allclose(report.residual, array.weights, rtol=0, atol=1e-7)


def test_quantised_reads_limit_what_is_seen():
    """A converter with steps of 0.25: weights within 0.125 of a code look alike."""
    array = dt.CrossbarArray((1, 2), counter(dw_min=2.0**-6, bound=8.0), rng=11)
    read = noiseless_read(out_bound=1.0, out_res=0.125, bound_management="none", noise_management="none")
    report = array.program([[0.5, -0.25]], tolerance=0.01, max_rounds=200, read=read)
    assert report.converged.all()
    assert np.all(np.abs(report.residual) <= 0.125 + 2.0**-6)
    assert np.all(np.abs(report.residual) >= 0.125 - 2.0**-6), "the first weight that reads right is taken"


def test_write_noise_sets_the_floor(rng):
    """Apparent weights decide: with write noise of 0.02 a tolerance of 0.05 is reached, one pulse at a time."""
    array = dt.CrossbarArray((30, 30), make("soft", dw_min=0.01, write_noise_std=2.0), rng=12)
    report = array.program(rng.uniform(-0.1, 0.1, (30, 30)), tolerance=0.05, max_rounds=300)
    assert report.converged.all()
    assert np.all(np.abs(report.residual) <= 0.05 + 1e-6)


def test_equal_seeds_and_any_threads(rng):
    target = rng.uniform(-0.3, 0.3, (40, 41))
    results = []
    for threads in (1, 2):
        array = dt.CrossbarArray((40, 41), make("exp-complex", dw_min_std=0.5), rng=13, num_threads=threads)
        report = array.program(target, tolerance=0.05, max_rounds=30, read=dt.Periphery(out_noise=0.02))
        array.pulse_random(2)
        results.append((array.weights, report.pulses, report.residual))
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


BAD = [
    (lambda a: a.program(np.zeros((2, 2))), dt.ShapeError, "target"),
    (lambda a: a.program(np.zeros(5)), dt.ShapeError, "target"),
    (lambda a: a.program(np.full(SHAPE, np.nan)), dt.NonFiniteError, "target"),
    (lambda a: a.program(np.zeros(SHAPE), tolerance=0.0), dt.ConfigError, "tolerance"),
    (lambda a: a.program(np.zeros(SHAPE), tolerance=float("nan")), dt.ConfigError, "tolerance"),
    (lambda a: a.program(np.zeros(SHAPE), max_rounds=0), dt.ConfigError, "max_rounds"),
    (lambda a: a.program(np.zeros(SHAPE), read="ideal"), dt.ConfigError, "read"),
]


@pytest.mark.parametrize(("call", "error", "name"), BAD)
def test_a_failed_call_changes_nothing(call, error, name):
    disturbed, control = (dt.CrossbarArray(SHAPE, make("soft", dw_min_std=0.5), rng=14) for _ in range(2))
    with pytest.raises(error, match=name):
        call(disturbed)
    assert disturbed.ledger == control.ledger
    for array in (disturbed, control):
        array.pulse_random(3)
    np.testing.assert_array_equal(disturbed.weights, control.weights)
