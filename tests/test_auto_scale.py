"""`auto_scale`: the rate of P's pulses follows running maxima of inputs and errors (02 section 6.2)."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import rules, states
from helpers.build import RULES, G, counter
from helpers.tiles import drive, tile
from helpers.trains import trains

SHAPE = (6, 5)
ROWS, COLUMNS = SHAPE
TRANSFERRING = [name for name in RULES if name != "AnalogSGD"]
UPDATE = dt.PulseUpdate(desired_bl=64)


def rule(name, **fields):
    cells = counter(dw_min=G, bound=64.0)
    # No flip within the few mini-batches of these tests
    regular = {"chop_random": False} if name in ("ChoppedTikiTaka", "AGAD", "ERider") else {}
    fields = {"transfer_read": dt.Periphery.ideal(), "auto_scale": True} | regular | fields
    return getattr(dt.algorithms, name)(device=cells, **fields)


def lines(magnitudes, size, signs):
    """Vectors whose lines all have one magnitude, with the signs given."""
    return np.array([np.full(size, magnitude) * signs for magnitude in magnitudes])


# By hand, for fast_lr * desired_bl = 16 and auto_momentum 0.5: magnitudes of x and d of every vector of a mini-batch,
# the maxima after it, and its pulses 16 |x| |d| / (m_x m_d). tau is 0.5 for one vector, 0.25 for two.
BY_HAND = [
    ([(1, 1)], [(1, 1)], [16]),
    ([(3, 1)], [(2, 1)], [24]),
    ([(0, 1)], [(2, 1)], [0]),  # a zero is passed over
    ([(2, 3)], [(2, 2)], [24]),
    ([(2, 6), (6, 3)], [(2, 3), (3, 3)], [32, 32]),
    ([(3, 0), (3, 7)], [(3, 3), (3, 4)], [0, 28]),
]


@pytest.mark.parametrize(("scaled", "lr", "share"), [(False, 0.3, 1.0), (True, 0.25, 0.25)])
@pytest.mark.parametrize("name", TRANSFERRING)
def test_pulses_by_hand(name, scaled, lr, share):
    """All lines are equal and all counts whole, so every coincidence is certain."""
    t = tile(SHAPE, rule(name, fast_lr=0.25, scale_fast_lr=scaled, auto_momentum=0.5), update=UPDATE)
    signs = np.array([1, -1, 1, 1, -1]), np.array([1, 1, -1, 1, -1, -1])
    expected = np.zeros(SHAPE)
    for vectors, maxima, pulses in BY_HAND:
        x, d = (lines([v[k] for v in vectors], n, signs[k]) for k, n in ((0, COLUMNS), (1, ROWS)))
        drive(t, x, d, lr)
        expected -= G * share * sum(pulses) * np.outer(signs[1], signs[0])
        np.testing.assert_array_equal(t.arrays["P"].weights, expected)
        kept = t.state_dict()["state"]["rate"]
        assert (kept["x"], kept["d"]) == maxima[-1]


@pytest.mark.parametrize("name", TRANSFERRING)
def test_trains_of_any_gradients(name, rng):
    """Inputs and errors that grow by six orders: the slots sent are those of the twin's rates, and stay as many."""
    config = rule(name, fast_lr=0.05, scale_fast_lr=False, auto_momentum=0.9)
    t = tile(SHAPE, config, update=UPDATE)
    hand, g = rules.FastRate(config, g=G, slots=64, lr=0.1), config.device.granularity
    sent = []
    for call in range(60):
        x, d = rng.standard_normal((3, COLUMNS)), 10 ** (-6 + call / 10) * rng.standard_normal((3, ROWS))
        x, d = x.astype(np.float32), d.astype(np.float32)
        wanted = [trains(a, b, hand.after(a, b, 3), g, UPDATE).length for a, b in zip(x, d, strict=True)]
        before = t.ledger["P"]["train_slots"]
        drive(t, x, d)
        sent.append(t.ledger["P"]["train_slots"] - before)
        assert sent[-1] == sum(wanted)
    assert max(sent) < 20 * min(sent)


def test_choppers_do_not_change_the_maxima(rng):
    """The maximum is that of the input as it came; under random chopping at p = 1 every column turns at every visit."""
    config = rule("ChoppedTikiTaka", chop_random=True, chop_probability=1.0, columns_per_transfer=COLUMNS)
    t = tile(SHAPE, config)
    hand = rules.FastRate(config, g=G, slots=31, lr=0.1)
    for _ in range(5):
        x, d = (rng.standard_normal((1, n)).astype(np.float32) for n in (COLUMNS, ROWS))
        drive(t, x, d)
        hand.after(x, d, 1)
        kept = t.state_dict()["state"]["rate"]
        assert (kept["x"], kept["d"]) == pytest.approx((hand.maxima["x"], hand.maxima["d"]))
        assert len(set(t.choppers)) == 1


@pytest.mark.parametrize("name", TRANSFERRING)
def test_describe_says_the_rate_of_settled_maxima(name, rng):
    config = rule(name, fast_lr=0.02, scale_fast_lr=False)
    x, d = rng.standard_normal((16, COLUMNS)), 1e-4 * rng.standard_normal((16, ROWS))
    x[3] = 0  # passed over
    t = tile(SHAPE, config)
    found = t.describe(lr=0.1, x_scale=x, d_scale=d, batch_size=16)
    highest = np.abs(x).max(axis=1), np.abs(d).max(axis=1)
    typical = highest[0].sum() / 15 * highest[1].mean()
    assert found.rate == pytest.approx(0.02 * 31 * G / typical)
    assert found.wanted == pytest.approx(0.02 * 31 * np.mean(highest[0] * highest[1]) / typical)
    for _ in range(1200):
        drive(t, x, d)
    before = t.ledger["P"]
    for _ in range(300):
        drive(t, x, d)
    pulses = sum(t.ledger["P"][entry] - before[entry] for entry in ("pulses_up", "pulses_down"))
    assert pulses / (300 * ROWS * COLUMNS) == pytest.approx(found.pulses_per_cell, rel=0.04)


@pytest.mark.parametrize("name", TRANSFERRING)
def test_a_rate_of_zero_stays_zero(name):
    t = tile(SHAPE, rule(name, fast_lr=0.0))
    drive(t, np.ones((2, COLUMNS)), np.ones((2, ROWS)))
    assert not np.any(t.arrays["P"].weights)


# State


@pytest.mark.parametrize("name", TRANSFERRING)
def test_resume(name):
    """The maxima are part of the state: without them the next pulses would be others."""
    whole, stopped = (states.busy_tile(name, states.noisy("soft-reference"), auto_scale=True) for _ in range(2))
    resumed = dt.AnalogTile.from_state_dict(stopped.state_dict())
    for t in (whole, resumed):
        states.train(t, 10, start=9)
    states.assert_same(whole.state_dict(), resumed.state_dict())


@pytest.mark.parametrize("name", ["TikiTaka", "AGAD"])
def test_wrong_states_are_refused(name):
    t = states.busy_tile(name, states.noisy("soft-reference"), auto_scale=True)
    good = t.state_dict()
    for rate, words in (
        ({"x": -1.0, "d": 1.0}, "rate.x: is -1"),
        ({"x": 1.0}, "rate.d: is missing"),
        ({"x": 1.0, "d": np.inf}, "rate.d: must be a finite float"),
        ({"x": 1.0, "d": 1.0, "z": 1.0}, "rate.z: is unknown"),
    ):
        with states.assert_unchanged(t), pytest.raises(dt.SnapshotError, match=words):
            t.load_state_dict(good | {"state": good["state"] | {"rate": rate}})
    fixed = states.busy_tile(name, states.noisy("soft-reference"))
    assert "rate" not in fixed.state_dict()["state"]
    with pytest.raises(dt.SnapshotError, match="rate: is unknown here"):
        fixed.load_state_dict(good | {"algorithm": fixed.state_dict()["algorithm"]})


@pytest.mark.parametrize("name", TRANSFERRING)
def test_a_failed_update_leaves_the_maxima(name):
    t = states.busy_tile(name, states.noisy("soft-reference"), auto_scale=True)
    rows, columns = t.shape
    x, d = np.full((2, columns), 9.0), np.full((2, rows), 9.0)
    for wrong, error in (
        ((x, np.where(d > 0, np.nan, d), 0.1), dt.NonFiniteError),
        ((x, d[:, 1:], 0.1), dt.ShapeError),
        ((x, d, -0.1), dt.ConfigError),
        ((x, d, np.inf), dt.ConfigError),
    ):
        with states.assert_unchanged(t), pytest.raises(error):
            t.update(*wrong)
