"""Learning rules as tiles: the column transfer against hand traces (05 section 1), with perfect reads of P."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import rules, stats
from helpers.build import G, analog_read, counter, device, quiet, twin_of
from helpers.tiles import drive, idle, tile

SHAPE = (6, 5)
TRANSFERRING = ["TikiTaka", "TikiTakaV2", "ChoppedTikiTaka", "AGAD", "ResidualLearning", "Rider", "ERider"]
WIDE = counter(dw_min=G, bound=64.0)
IDEAL = dt.Periphery.ideal()
# Rates that move the buffers by about one threshold per visit, so that every branch is taken
FAST = {"transfer_lr": 0.5, "auto_granularity": 100.0, "scale_transfer_lr": False}


def rule(name, **fields):
    return getattr(dt.algorithms, name)(**({"device": WIDE, "transfer_read": IDEAL} | fields))


LATE = {"chop_probability": 0.25, "program_at_flip": False, "tail_weighting": 2.0, **FAST}
SCALED = {"chop_probability": 1.0, **FAST, "transfer_lr": 5.0, "scale_transfer_lr": True}
KEPT = {"forget_buffer": False, "momentum": 0.25}
REGULAR = {"chop_probability": 0.3, "chop_random": False, **FAST}
UNSCALED = {"transfer_lr": 0.02, "scale_transfer_lr": False, "thres_scale": 0.8, "momentum": 0.5}
TRACES = [
    pytest.param("ERider", rules.Chopped, {"chop_probability": 0.5, **FAST}, id="e-rider"),
    pytest.param("ERider", rules.Chopped, {"chop_probability": 0.4, "momentum": 0.3, **FAST}, id="e-rider-momentum"),
    pytest.param("ERider", rules.Chopped, LATE, id="e-rider-late"),
    pytest.param("ERider", rules.Chopped, LATE | {"columns_per_transfer": 2}, id="e-rider-2-columns"),
    pytest.param("AGAD", rules.Chopped, {"chop_probability": 0.5, "tail_weighting": 1.0, **FAST}, id="agad"),
    pytest.param("AGAD", rules.Chopped, LATE | {"program_at_flip": True}, id="agad-at-once"),
    pytest.param("AGAD", rules.Chopped, SCALED, id="agad-shortest-phase-scaled-lr"),
    pytest.param("AGAD", rules.Chopped, {"chop_probability": 0.5, **KEPT, **FAST}, id="agad-keep-buffer"),
    pytest.param("ChoppedTikiTaka", rules.ChoppedTikiTaka, REGULAR, id="c-tt-v2"),
    pytest.param("ChoppedTikiTaka", rules.ChoppedTikiTaka, REGULAR | KEPT, id="c-tt-v2-keep-buffer"),
    pytest.param("ChoppedTikiTaka", rules.ChoppedTikiTaka, REGULAR | SCALED, id="c-tt-v2-scaled-lr"),
    pytest.param("ResidualLearning", rules.ResidualLearning, FAST, id="residual"),
    pytest.param("ResidualLearning", rules.ResidualLearning, FAST | KEPT, id="residual-keep-buffer"),
    pytest.param("Rider", rules.Rider, {"eta": 0.2, **FAST}, id="rider"),
    pytest.param(
        "Rider", rules.Rider, {"eta": 0.05, "columns_per_transfer": 3, **KEPT, **FAST}, id="rider-keep-buffer"
    ),
    pytest.param("TikiTakaV2", rules.TikiTakaV2, {"transfer_lr": 0.15}, id="tt-v2"),
    pytest.param("TikiTakaV2", rules.TikiTakaV2, UNSCALED, id="tt-v2-unscaled"),
    pytest.param("TikiTakaV2", rules.TikiTakaV2, {"transfer_lr": 0.15, "forget_buffer": False}, id="tt-v2-keep-buffer"),
]


@pytest.mark.parametrize("slow_g", [G, 2 * G])
@pytest.mark.parametrize(("name", "twin", "fields"), TRACES)
def test_trace(name, twin, fields, slow_g, rng):
    """P gets new weights before every call, the error is zero: all that happens is the transfer."""
    lr = 0.1
    config = rule(name, slow_device=counter(dw_min=slow_g, bound=64.0), **fields)
    t = tile(SHAPE, config)
    t.set_weights(np.zeros(SHAPE))
    hand = twin(SHAPE, config, fast_g=G, slow_g=slow_g, lr=lr)
    drift = rng.uniform(-0.3, 0.3, SHAPE)  # an average for Q to find
    for call in range(60):
        t.arrays["P"].set_weights(drift + rng.uniform(-1, 1, SHAPE))
        p = t.arrays["P"].weights
        idle(t, lr)
        hand.transfer(p)
        np.testing.assert_array_equal(t.arrays["P"].weights, p)
        np.testing.assert_array_equal(t.arrays["W"].weights, slow_g * hand.written, err_msg=f"call {call}")
        np.testing.assert_allclose(t.digital["H"], hand.H, rtol=1e-5, atol=1e-5, err_msg=f"H, call {call}")
        if isinstance(hand, rules.Rider | rules.Chopped):
            np.testing.assert_allclose(t.digital["Q"], hand.Q, rtol=1e-5, atol=1e-6, err_msg=f"Q, call {call}")
        if isinstance(hand, rules.Chopped):
            np.testing.assert_allclose(t.digital["Q_ref"], hand.Q_ref, rtol=1e-5, atol=1e-6, err_msg=f"Q~, call {call}")
        np.testing.assert_array_equal(t.choppers, hand.chopper)
        ledger = t.ledger
        assert ledger["P"]["column_reads"] == hand.reads
        assert (ledger["W"]["pulses_up"], ledger["W"]["pulses_down"]) == (hand.up, hand.down)
        assert (ledger["P"]["pulses_up"], ledger["P"]["pulses_down"]) == (0, 0)
        assert ledger["W"]["transfer_pulses"] == hand.up + hand.down
        assert ("reference" in ledger) == isinstance(hand, rules.Rider | rules.Chopped)
        if "reference" in ledger:
            assert ledger["reference"]["programming_events"] == hand.programmed
    assert hand.margin > 1e-4, "the seed must keep every decision away from its threshold"
    assert hand.up
    assert hand.down
    estimate = {"ERider": hand.Q_ref, "AGAD": hand.Q_ref, "Rider": hand.Q}.get(name, np.zeros(SHAPE))
    np.testing.assert_allclose(t.sp_estimate, estimate, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["AGAD", "ERider"])
@pytest.mark.parametrize(("probability", "phase"), [(1.0, 2), (0.5, 2), (0.34, 3), (0.25, 4), (0.2, 5)])
def test_nothing_is_written_until_the_sweep_counter_exceeds_the_phase(name, probability, phase):
    """With a buffer over its threshold at every visit, the first write is the first visit of sweep K + 1."""
    config = rule(name, chop_probability=probability, transfer_lr=1.0, scale_transfer_lr=False, auto_granularity=1.0)
    t = tile(SHAPE, config)
    columns = SHAPE[1]
    for call in range((phase + 2) * columns):
        # P grows from sweep to sweep, so that no earlier average of it makes v - Q~ zero
        t.arrays["P"].set_weights(np.full(SHAPE, 1.0 + call // columns))
        before = t.ledger["W"]["pulses_up"] + t.ledger["W"]["pulses_down"]
        idle(t)
        written = t.ledger["W"]["pulses_up"] + t.ledger["W"]["pulses_down"] - before
        assert written == (SHAPE[0] if call // columns > phase else 0), f"call {call}"


def test_programming_time_of_the_reference():
    """K = 2, P constant 1, beta = 1: at once Q~ holds the present read; the peer's way it comes one sweep later."""
    columns = SHAPE[1]
    at_once, late = (
        tile(SHAPE, rule("ERider", chop_probability=0.5, program_at_flip=flag, tail_weighting=2.0))
        for flag in (True, False)
    )
    for sweep in range(3):
        for t in (at_once, late):
            t.arrays["P"].set_weights(np.full(SHAPE, 1.0 + sweep))
            for _ in range(columns):
                idle(t)
        # The flip comes at the end of the visit of sweep 1, when Q = 2; the late tile programs in sweep 2, before Q = 3
        events = SHAPE[0] * columns
        assert at_once.ledger["reference"]["programming_events"] == events * (sweep >= 1)
        assert late.ledger["reference"]["programming_events"] == events * (sweep >= 2)
        np.testing.assert_array_equal(at_once.digital["Q_ref"], 2.0 * (sweep >= 1))
        np.testing.assert_array_equal(late.digital["Q_ref"], 2.0 * (sweep >= 2))
        np.testing.assert_array_equal(late.digital["Q"], 1.0 + sweep)


@pytest.mark.parametrize("program_at_flip", [True, False])
def test_random_chopping_programs_once_per_flip(program_at_flip):
    config = rule("ERider", chop_probability=0.2, chop_random=True, program_at_flip=program_at_flip)
    t = tile(SHAPE, config)
    flips, signs = 0, t.choppers
    for _ in range(2000):
        idle(t)
        now = t.choppers
        flips += int(np.sum(now != signs))
        signs = now
    pending = 0 if program_at_flip else SHAPE[1]
    events = t.ledger["reference"]["programming_events"] / SHAPE[0]
    assert flips - pending <= events <= flips
    # At least the random flips; the peer's regular ones, if they are kept as well, add at most one in five
    assert 0.2 * 2000 - 5 * np.sqrt(2000 * 0.16) <= flips <= 0.4 * 2000


@pytest.mark.parametrize("name", TRANSFERRING)
def test_one_event_per_call_whatever_the_batch(name):
    t = tile(SHAPE, rule(name))
    idle(t, batch=7)
    assert t.ledger["P"]["column_reads"] == 1
    idle(t, batch=1)
    assert t.ledger["P"]["column_reads"] == 2


@pytest.mark.parametrize("name", TRANSFERRING)
def test_transfer_every_counts_mini_batches(name):
    t = tile(SHAPE, rule(name, transfer_every=3, columns_per_transfer=2))
    reads = []
    for _ in range(9):
        idle(t)
        reads.append(t.ledger["P"]["column_reads"])
    assert reads == [0, 0, 2, 2, 2, 4, 4, 4, 6]


# Visible weight and pulses on P


@pytest.mark.parametrize(
    ("name", "gamma"),
    [
        ("ERider", 0.1),
        ("ERider", 0.7),
        ("Rider", 0.1),
        ("ResidualLearning", 0.3),
        ("ChoppedTikiTaka", 0),
        ("ChoppedTikiTaka", 0.4),
        ("AGAD", 0),
        ("TikiTakaV2", 0),
        ("TikiTakaV2", 0.2),
        ("TikiTaka", 0),
        ("TikiTaka", 0.5),
    ],
)
def test_visible_weight(name, gamma, rng):
    """W + gamma c (P - Q~), after flips, writes and pulses on P; forward and backward read that one matrix."""
    fields = {"chop_probability": 0.5} if name in ("ERider", "AGAD", "ChoppedTikiTaka") else {}
    fields |= {"transfer_lr": 0.15} if name.startswith("TikiTaka") else FAST
    if gamma:
        fields["gamma"] = gamma
    t = tile(SHAPE, rule(name, **fields))
    t.set_weights(rng.uniform(-0.5, 0.5, SHAPE))
    for _ in range(40):
        x, d = rng.uniform(-1, 1, (3, SHAPE[1])), rng.uniform(-1, 1, (3, SHAPE[0]))
        drive(t, x, d)
        p, w = t.arrays["P"].weights, t.arrays["W"].weights
        reference = t.sp_estimate if gamma else 0.0
        visible = w + gamma * t.choppers * (p - reference)
        np.testing.assert_allclose(t.weights, visible, rtol=0, atol=1e-5)
        np.testing.assert_allclose(t.forward(x), x @ visible.T, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(t.backward(d), d @ visible, rtol=1e-5, atol=1e-4)
    assert np.any(p != 0)
    assert t.ledger["W"]["pulses_up"] > 0


def test_set_weights_writes_the_slow_array(rng):
    w = rng.uniform(-0.5, 0.5, SHAPE).astype(np.float32)
    for name in TRANSFERRING:
        t = tile(SHAPE, rule(name))
        t.arrays["P"].set_weights(np.ones(SHAPE))
        t.set_weights(w)
        np.testing.assert_array_equal(t.arrays["W"].weights, w)
        np.testing.assert_array_equal(t.arrays["P"].weights, 0)
        np.testing.assert_allclose(t.weights, w, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["ERider", "AGAD", "ChoppedTikiTaka"])
def test_choppers_turn_the_gradient_on_p(name, rng):
    """Five certain coincidences per cell: down where sign(x d) c > 0. The learning rate on P is fast_lr alone."""
    t = tile(SHAPE, rule(name, fast_lr=0.5, chop_probability=0.5, chop_random=False))
    columns = SHAPE[1]
    for _ in range(columns + 3):  # sweep 1 = K - 1 flips every column that it visits: three of them by now
        idle(t)
    c = t.choppers
    np.testing.assert_array_equal(c, [-1, -1, -1, 1, 1])
    x, d = rng.choice([-1.0, 1.0], (1, columns)), rng.choice([-1.0, 1.0], (1, SHAPE[0])) * 10 * G
    before = t.arrays["P"].weights
    drive(t, x, d, lr=123.0)  # k = 0.5 * 10 G / G = 5
    np.testing.assert_array_equal(t.arrays["P"].weights - before, -5 * G * np.sign(np.outer(d[0], x[0])) * c)
    signs = -np.outer(d[0], x[0]) * c
    ledger = t.ledger["P"]
    assert (ledger["pulses_up"], ledger["pulses_down"]) == (5 * np.sum(signs > 0), 5 * np.sum(signs < 0))


@pytest.mark.parametrize("name", ["ERider", "AGAD"])
def test_a_chopped_cell_takes_the_other_direction_of_its_own_response(name):
    """On asymmetric soft cells a turned coincidence is a real pulse of the other polarity, not a negated step."""
    soft = device("SoftBounds", dw_min=G, dw_min_std=0.0, up_down=0.5)
    t = tile(SHAPE, rule(name, device=soft, fast_lr=0.5, chop_probability=0.5))
    for _ in range(SHAPE[1] + 3):
        idle(t)
    p, c = t.arrays["P"], t.choppers
    cells, before = twin_of(p, soft), p.weights
    drive(t, np.ones((1, SHAPE[1])), np.full((1, SHAPE[0]), 10 * G))
    np.testing.assert_allclose(p.weights, cells.pulses(before, np.broadcast_to(-c, SHAPE), 5), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "twin", "fields"), [TRACES[i].values for i in (0, 8, 11, 13, 15)])
def test_writes_are_single_pulses_of_the_slow_cells(name, twin, fields, rng):
    """Same trace, but W responds softly and asymmetrically: every write is the twin's single pulse."""
    soft = device("SoftBoundsReference", dw_min=G, dw_min_std=0.0, up_down=-0.3, reference_std=0.1)
    config = rule(name, slow_device=soft, **fields)
    t = tile(SHAPE, config)
    t.set_weights(np.zeros(SHAPE))
    w = t.arrays["W"]
    cells, expected = twin_of(w, soft), w.weights.astype(np.float64)
    hand = twin(SHAPE, config, fast_g=G, slow_g=G, lr=0.1)
    for _ in range(60):
        t.arrays["P"].set_weights(rng.uniform(-1, 1, SHAPE))
        before = hand.written.copy()
        hand.transfer(t.arrays["P"].weights)
        idle(t)
        expected = cells.pulses(expected, hand.written - before)
        np.testing.assert_allclose(w.weights, expected, rtol=0, atol=5e-6)
    assert hand.margin > 1e-4
    assert hand.up + hand.down > 30


def test_the_visible_weight_is_read_once():
    """One analog read of W + gamma c (P - Q~), not two: the noise is the periphery's own."""
    t = tile(
        (64, 8), rule("ERider", gamma=0.7), forward=analog_read(out_noise=0.06), backward=analog_read(out_noise=0.1)
    )
    stats.assert_normal(t.forward(np.ones((500, 8))), 0.0, 0.06)
    stats.assert_normal(t.backward(np.ones((2000, 64))), 0.0, 0.1)


@pytest.mark.parametrize("name", TRANSFERRING)
def test_scale_fast_lr(name):
    for scaled, lr, expected in ((False, 0.25, 8), (True, 0.25, 2)):
        t = tile(SHAPE, rule(name, fast_lr=0.5, scale_fast_lr=scaled))
        drive(t, np.ones((1, SHAPE[1])), np.full((1, SHAPE[0]), -16 * G), lr=lr)
        np.testing.assert_array_equal(t.arrays["P"].weights, expected * G)


def test_the_transfer_reads_p_after_its_pulses():
    """Step 3 before step 4: with beta = 1, Q of the visited column is P with this very batch's pulses in it."""
    t = tile(SHAPE, rule("ERider", fast_lr=0.5, chop_probability=0.5, tail_weighting=5.0))
    drive(t, np.ones((1, SHAPE[1])), np.full((1, SHAPE[0]), -10 * G))
    np.testing.assert_array_equal(t.digital["Q"][:, 0], 5 * G)
    np.testing.assert_array_equal(t.digital["Q"][:, 1:], 0)


@pytest.mark.parametrize("noisy", [True, False])
def test_transfer_read_noise_and_converter(noisy, rng):
    """With beta = 1 the average is the last read itself."""
    shape = (400, 20)
    read = (
        analog_read(out_noise=0.06)
        if noisy
        else dt.Periphery(out_noise=0.0, bound_management="none", noise_management="none")
    )
    t = tile(shape, rule("ERider", transfer_read=read, chop_probability=0.5))
    p = rng.uniform(-1, 1, shape)
    t.arrays["P"].set_weights(p)
    for _ in range(shape[1]):
        idle(t)
    error = t.digital["Q"] - t.arrays["P"].weights
    if noisy:
        stats.assert_normal(error, 0.0, 0.06)
    else:
        codes = t.digital["Q"] * 510 / 24
        np.testing.assert_allclose(codes, np.rint(codes), atol=1e-4)
        assert np.abs(error).max() <= 0.5001 * 24 / 510


# Plain analog SGD, and the end in view


def test_analog_sgd_is_one_array():
    t = tile(SHAPE, dt.algorithms.AnalogSGD(device=WIDE))
    assert list(t.arrays) == ["W"]
    drive(t, np.ones((1, SHAPE[1])), np.full((1, SHAPE[0]), -8 * G), lr=0.5)
    np.testing.assert_array_equal(t.weights, 4 * G)
    np.testing.assert_array_equal(t.arrays["W"].weights, 4 * G)
    with pytest.raises(dt.exceptions.StateError):
        _ = t.sp_estimate


@pytest.mark.parametrize("name", ["ERider", "AGAD", "Rider"])
def test_the_reference_comes_near_the_symmetric_point(name, rng):
    """Zero-mean gradients drag P to its SP (01 section 1), and the tracked reference follows from 0.3 away.

    A leaky average of rate beta leaves about sqrt(beta / (2 - beta)) of P's own spread: a quarter at 0.1.
    """
    fine = quiet("SoftBoundsReference", dw_min=0.01, reference_mean=0.3, reference_std=0.1, w_max=1.0, w_min=-1.0)
    fields = {"eta": 0.1} if name == "Rider" else {"chop_probability": 0.1, "tail_weighting": 1.0}
    t = tile((10, 8), rule(name, device=fine, fast_lr=0.1, **fields))
    p = t.arrays["P"]
    truth = p.symmetric_point()
    assert t.sp_error() == pytest.approx(np.sqrt(np.mean(truth.astype(np.float64) ** 2)), rel=1e-5)
    for _ in range(500):
        drive(t, rng.standard_normal((10, 8)), rng.standard_normal((10, 10)))
    error = np.sqrt(np.mean((t.sp_estimate - truth) ** 2))
    spread = np.sqrt(np.mean((p.weights - truth) ** 2))
    assert error < 0.1
    assert error < 0.5 * spread
    assert t.sp_error() == pytest.approx(error, rel=1e-4)
