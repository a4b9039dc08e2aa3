"""Rules with fixed references: several fast arrays in a row, the two-stage method, and transfer by pulse trains."""

import dataclasses

import numpy as np
import pytest

import dsptrack as dt
from helpers import rules
from helpers.build import G, counter, quiet
from helpers.tiles import drive, idle, tile
from helpers.trains import trains

SHAPE = (4, 3)
WIDE = counter(dw_min=G, bound=64.0)
IDEAL = dt.Periphery.ideal()
FAST = {"transfer_lr": 0.5, "auto_granularity": 4.3}


def residual(**fields):
    return dt.algorithms.ResidualLearning(**({"device": WIDE, "transfer_read": IDEAL} | FAST | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"fast_arrays": 2},
        {"fast_arrays": 2, "stage_every": 1, "gamma": 0.5, "momentum": 0.25},
        {"fast_arrays": 3, "stage_every": 2, "columns_per_transfer": 2, "gamma": -0.25},
        {"fast_arrays": 3, "columns_per_transfer": 2, "forget_buffer": False},
        {"fast_arrays": 8, "stage_every": 1, "gamma": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("slow_g", [G, 2 * G])
def test_chain(fields, slow_g, rng):
    """P gets new weights before every call and no error: all else is the transfer from array to array."""
    config = residual(slow_device=counter(dw_min=slow_g, bound=64.0), **fields)
    t = tile(SHAPE, config)
    names = ["P", *(f"P{k}" for k in range(2, config.fast_arrays + 1)), "W"]
    assert list(t.arrays) == names
    hand = rules.Chain(SHAPE, config, g=G, slow_g=slow_g, lr=0.1)
    drift = rng.uniform(-3, 3, SHAPE)
    for _ in range(120):
        t.arrays["P"].set_weights(drift + rng.uniform(-1, 1, SHAPE))
        p = t.arrays["P"].weights
        idle(t)
        hand.transfer(p)
        arrays, ledger = t.arrays, t.ledger
        for name, expected in zip(names, hand.arrays(p), strict=True):
            np.testing.assert_array_equal(arrays[name].weights, expected, err_msg=name)
        for k, stage in enumerate(hand.stages):
            np.testing.assert_allclose(t.digital[f"H{k + 1}" if k else "H"], stage.H, rtol=1e-5, atol=1e-5)
            assert ledger[names[k]]["column_reads"] == stage.reads
            target = ledger[names[k + 1]]
            assert (target["pulses_up"], target["pulses_down"]) == (stage.up, stage.down)
            assert target["transfer_pulses"] == stage.up + stage.down
        assert ledger["P"]["transfer_pulses"] == 0
        np.testing.assert_allclose(t.weights, hand.visible(p), rtol=1e-6, atol=1e-6)
    assert all(stage.margin > 1e-4 for stage in hand.stages)
    assert hand.stages[0].up + hand.stages[0].down > 50
    assert hand.stages[-1].up + hand.stages[-1].down > 0


def test_the_visible_weight_after_pulses_and_what_reads_see(rng):
    """W + gamma P3 + gamma^2 P2 + gamma^3 P, read as one array."""
    t = tile(SHAPE, residual(fast_arrays=3, stage_every=1, gamma=0.5))
    t.set_weights(rng.uniform(-0.5, 0.5, SHAPE))
    for _ in range(30):
        x, d = rng.uniform(-1, 1, (3, SHAPE[1])), rng.uniform(-1, 1, (3, SHAPE[0]))
        drive(t, x, d)
        p, p2, p3, w = (array.weights for array in t.arrays.values())
        visible = w + 0.5 * p3 + 0.25 * p2 + 0.125 * p
        np.testing.assert_allclose(t.weights, visible, atol=1e-5)
        np.testing.assert_allclose(t.forward(x), x @ visible.T, rtol=1e-5, atol=1e-4)
    assert np.any(p3 != 0)
    assert t.ledger["W"]["forward_reads"] == 90
    assert t.ledger["P"]["forward_reads"] == 0


def test_one_fast_array_is_rider_that_does_not_track(rng):
    """eta = 0 keeps Q at 0: bit for bit the same arrays, noise included."""
    device = dt.presets.reram_array_hfo2(reference_mean=0.3)
    common = {"device": device, "gamma": 0.3, "transfer_lr": 50.0, "columns_per_transfer": 2}
    first = dt.AnalogTile((9, 7), dt.algorithms.ResidualLearning(**common), rng=3)
    second = dt.AnalogTile((9, 7), dt.algorithms.Rider(eta=0.0, **common), rng=3)
    for _ in range(40):
        x, d = rng.standard_normal((5, 7)), rng.standard_normal((5, 9))
        for t in (first, second):
            t.update(x, d, 0.1)
        np.testing.assert_array_equal(first.forward(x), second.forward(x))
    for name in ("P", "W"):
        np.testing.assert_array_equal(first.arrays[name].weights, second.arrays[name].weights)
    assert first.ledger["W"]["transfer_pulses"] > 0


# The two-stage method


def test_calibration_finds_the_symmetric_points():
    """Each fast array has its own Q near its own points; the pulses and the programmed cells are in the ledger."""
    device = quiet("SoftBoundsReference", dw_min=0.01, reference_std=0.2, w_max=1.0, w_min=-1.0)
    config = residual(device=device, fast_arrays=2, calibration_pulses=2001)
    t = tile((6, 5), config)
    for array, reference in (("P", "Q_ref"), ("P2", "Q_ref2")):
        truth = t.arrays[array].symmetric_point()
        assert np.abs(truth).max() > 0.1
        assert np.abs(t.digital[reference] - truth).max() < 0.02  # two steps
        np.testing.assert_array_equal(t.arrays[array].weights, t.digital[reference])
        assert t.ledger[array]["array_pulses"] == 2001
        assert t.ledger[array]["pulses_up"] == 1001 * 30
        assert t.ledger[array]["train_slots"] == 0
    assert t.ledger["W"]["array_pulses"] == 0
    assert t.ledger["reference"] == {"programming_events": 60}
    assert t.sp_error() < 0.02
    np.testing.assert_array_equal(t.sp_estimate, t.digital["Q_ref"])
    np.testing.assert_array_equal(t.weights, t.arrays["W"].weights)


def test_a_fixed_reference_is_subtracted_and_stays(rng):
    """Transfer and visible weight see P - Q, set_weights puts P at Q."""
    device = quiet("SoftBoundsReference", dw_min=G, reference_std=0.3, w_max=2.0, w_min=-2.0)
    wide = counter(dw_min=G, bound=64.0)
    config = residual(device=device, slow_device=wide, calibration_pulses=400, gamma=0.5)
    t = tile(SHAPE, config)
    q = t.digital["Q_ref"]
    w = rng.uniform(-0.5, 0.5, SHAPE).astype(np.float32)
    hand = rules.ResidualLearning(SHAPE, config, fast_g=G, slow_g=G, lr=0.1)
    hand.Q_ref[:] = q
    t.set_weights(np.zeros(SHAPE))
    for _ in range(60):
        t.arrays["P"].set_weights(q + rng.uniform(-0.5, 0.5, SHAPE))
        p = t.arrays["P"].weights
        idle(t)
        hand.transfer(p)
        np.testing.assert_array_equal(t.arrays["W"].weights, G * hand.written)
        np.testing.assert_allclose(t.weights, G * hand.written + 0.5 * (p - q), atol=1e-6)
    assert hand.margin > 1e-4
    assert hand.up + hand.down > 0
    np.testing.assert_array_equal(t.digital["Q_ref"], q)
    t.set_weights(w)
    np.testing.assert_array_equal(t.arrays["P"].weights, q)
    np.testing.assert_array_equal(t.weights, w)


# Tiki-taka, version 1


@pytest.mark.parametrize("scaled", [True, False])
def test_tiki_taka_writes_by_pulse_trains(scaled, rng):
    """Deterministic trains: rint(BL p q) pulses of 02 section 1.3 for x = e_s, d = -v, at rate lr_T."""
    update = dt.PulseUpdate(pulse_type="deterministic_implicit", desired_bl=13)
    config = dt.algorithms.TikiTaka(
        device=WIDE,
        slow_device=counter(dw_min=2 * G, bound=64.0),
        transfer_read=IDEAL,
        transfer_update=update,
        transfer_lr=0.5 if scaled else 0.05,
        scale_transfer_lr=scaled,
        columns_per_transfer=2,
    )
    t = tile(SHAPE, config)
    expected, slots, longest = np.zeros(SHAPE), 0, 0
    for visit in range(40):
        p = rng.uniform(-20, 20, SHAPE) if visit % 5 else np.zeros(SHAPE)
        t.arrays["P"].set_weights(p)
        p = t.arrays["P"].weights.astype(float)
        idle(t)
        for s in ((2 * visit) % SHAPE[1], (2 * visit + 1) % SHAPE[1]):
            sent = trains(np.eye(SHAPE[1])[s], -p[:, s], 0.05, 2 * G, update)
            expected += np.rint(sent.implicit_count(0, 0)) * sent.direction
            slots += sent.length
            longest = max(longest, sent.length)
        np.testing.assert_array_equal(t.arrays["W"].weights, 2 * G * expected)
    ledger = t.ledger
    assert (ledger["P"]["column_reads"], ledger["W"]["column_reads"]) == (80, 0)
    assert ledger["W"]["train_slots"] == slots
    assert longest == 13  # some reads ask for more than the trains can send
    assert ledger["W"]["transfer_pulses"] == ledger["W"]["pulses_up"] + ledger["W"]["pulses_down"] > 100
    assert "reference" not in ledger
    assert t.digital == {}
    np.testing.assert_array_equal(t.sp_estimate, 0)


def test_tiki_taka_moves_w_by_the_rate_times_p():
    """Stochastic trains: E[W] = lr_T P per sweep while nothing saturates."""
    shape, rate, sweeps = (200, 2), 0.1, 30
    config = dt.algorithms.TikiTaka(device=WIDE, transfer_read=IDEAL, transfer_lr=rate, scale_transfer_lr=False)
    t = tile(shape, config)
    p = np.repeat([[0.5, -0.25]], shape[0], axis=0)
    p[0] = [1.0, -1.0]  # the largest: k = 6.4 of at most 31 slots
    t.arrays["P"].set_weights(p)
    for _ in range(shape[1] * sweeps):
        idle(t)
    pulses = t.arrays["W"].weights[1:] / G
    wanted = rate * p[1:] / G * sweeps
    for j in range(2):
        # Binomial counts; lines are shared, so rows of a column are correlated only through the input line, which is 1
        spread = np.sqrt(np.abs(wanted[0, j]) / len(pulses))
        assert abs(pulses[:, j].mean() - wanted[0, j]) < 5 * spread
    np.testing.assert_array_equal(t.arrays["P"].weights, p)


def test_a_rate_that_overflows_is_refused():
    for config in (
        dt.algorithms.TikiTaka(device=WIDE, transfer_lr=1e18),
        dt.algorithms.TikiTaka(device=WIDE, fast_lr=1e18),
        dataclasses.replace(residual(), scale_transfer_lr=True),
    ):
        t = tile(SHAPE, config)
        before = t.arrays["P"].ledger
        with pytest.raises(dt.ConfigError, match=r"lr = .+: must be a finite number >= 0"):
            drive(t, np.ones((1, SHAPE[1])), np.ones((1, SHAPE[0])), lr=1.7e308)
        assert t.arrays["P"].ledger == before
