"""`describe` against tiles that run: pulses, gain of the transfer, the first write, and rates that never write."""

import dataclasses
import math

import numpy as np
import pytest

import dsptrack as dt
from helpers.build import RULES, G, analog_read, counter
from helpers.tiles import drive, idle, tile

SHAPE = (6, 5)
ROWS, COLUMNS = SHAPE
REACH = 2.0
CELLS = counter(dw_min=G, bound=REACH)
IDEAL = dt.Periphery.ideal()


def rule(name, **fields):
    defaults = {"device": CELLS}
    if name != "AnalogSGD":
        defaults |= {"transfer_read": IDEAL, "scale_transfer_lr": False}
    if name in ("ChoppedTikiTaka", "AGAD", "ERider"):
        defaults |= {"chop_random": False}
    return getattr(dt.algorithms, name)(**(defaults | fields))


@pytest.mark.parametrize("name", ["AnalogSGD", "TikiTaka", "ERider"])
@pytest.mark.parametrize("error", [0.002, 0.05, 8.0], ids=["sparse", "several", "saturated"])
@pytest.mark.parametrize(
    "update", [dt.PulseUpdate(), dt.PulseUpdate(desired_bl=5, update_bl_management=False)], ids=str
)
def test_pulses_and_steps(name, error, update, rng):
    """Sample vectors in, their expected pulses out: the mean of many runs of the very same vectors."""
    fine = counter(dw_min=0.01, bound=1e4)
    fields = {"device": fine} if name == "AnalogSGD" else {"device": fine, "fast_lr": 0.3, "scale_fast_lr": False}
    config = rule(name, **fields)
    x, d = rng.standard_normal((7, COLUMNS)), error * rng.standard_normal((7, ROWS))
    t = tile(SHAPE, config, update=update, count_pulses=True)
    found = t.describe(lr=0.3, x_scale=x, d_scale=d, batch_size=7)
    assert found == config.describe(SHAPE, lr=0.3, x_scale=x, d_scale=d, batch_size=7, update=update)
    pulsed = t.arrays["W" if name == "AnalogSGD" else "P"]
    runs = 400
    steps = np.zeros(SHAPE)
    for _ in range(runs):
        before = t.choppers, pulsed.weights
        drive(t, x, d, lr=0.3)
        steps += (pulsed.weights - before[1]) * before[0]
    up, down = pulsed.pulse_counts
    counts = (up + down) / runs
    # Coincidences of a vector share its lines: allow for all cells of one vector moving together
    spread = 5 * math.sqrt(max(found.pulses_per_cell, 1 / (runs * ROWS * COLUMNS)) / runs)
    assert counts.mean() == pytest.approx(found.pulses_per_cell, abs=spread)
    assert counts.max() == pytest.approx(found.pulses_busiest, abs=6 * math.sqrt(found.pulses_busiest / runs))
    largest = np.abs(steps).max() / runs / 0.01
    assert largest == pytest.approx(found.step, abs=6 * math.sqrt(found.pulses_busiest / runs))
    assert pulsed.ledger["train_slots"] == pytest.approx(7 * runs * found.train_length)
    assert found.wanted == pytest.approx(np.mean(30 * np.abs(x).max(axis=1) * np.abs(d).max(axis=1)))
    if error == 8.0:
        assert found.saturated > 0.9
        assert any("trains can send" in warning for warning in found.warnings)
    if error == 0.002:
        assert found.saturated == 0
        exact = 30 * np.mean(np.abs(x).mean(axis=1) * np.abs(d).mean(axis=1)) * 7
        assert found.pulses_per_cell == pytest.approx(exact)


def test_numbers_stand_for_all_lines():
    """lr x d / g = 0.05 * 0.5 * 0.2 / 0.01 = 0.5 pulses a vector, four vectors a mini-batch."""
    found = rule("AnalogSGD", device=counter(dw_min=0.01)).describe(
        SHAPE, lr=0.05, x_scale=0.5, d_scale=0.2, batch_size=4
    )
    assert found.wanted == pytest.approx(0.5)
    assert found.pulses_per_cell == found.pulses_busiest == pytest.approx(2.0)
    assert found.step == pytest.approx(2.0)
    assert found.train_length == 1
    assert (found.gain, found.silent_sweeps, found.first_write, found.reads_per_pulse) == (0, 0, 1, math.inf)
    assert found.warnings == ()


def test_steps_are_in_units_of_dw_min():
    """ExpStep counts pulses in a granularity that is not dw_min."""
    device = dt.presets.reram_es()
    assert device.granularity != device.dw_min
    found = rule("AnalogSGD", device=device).describe(SHAPE, lr=0.01)
    assert found.wanted == pytest.approx(0.01 / device.granularity)
    assert found.step == pytest.approx(0.01 / device.dw_min)


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("AnalogSGD", "TikiTaka")])
@pytest.mark.parametrize(("auto", "every", "scaled"), [(50.0, 1, False), (0.0, 3, False), (50.0, 3, True)])
def test_gain_is_what_a_read_adds(name, auto, every, scaled):
    fields = {"transfer_lr": 0.01, "scale_transfer_lr": scaled, "transfer_every": every}
    slow = counter(dw_min=2 * G, bound=REACH)
    fields |= {"thres_scale": 0.8} if name == "TikiTakaV2" else {"auto_granularity": auto}
    config = rule(name, slow_device=slow, **fields)
    t = tile(SHAPE, config)
    t.arrays["P"].set_weights(np.full(SHAPE, 0.25))
    for _ in range(every):
        idle(t, lr=0.4)
    threshold = 0.8 * 2 * G if name == "TikiTakaV2" else 1.0
    found = config.describe(SHAPE, lr=0.4)
    assert t.digital["H"][0, 0] == pytest.approx(found.gain * threshold * 0.25, rel=1e-6)
    assert 0 < found.gain * 0.25 < 1


def first_write(config, weights, limit, prepare=None):
    """The first mini-batch in which W is pulsed, P being set to ``weights(call)`` before each."""
    t = tile(SHAPE, config)
    if prepare:
        prepare(t)
    for call in range(1, limit + 1):
        t.arrays["P"].set_weights(np.full(SHAPE, weights(call)))
        idle(t)
        if t.ledger["W"]["transfer_pulses"]:
            return call
    return math.inf


def at_bound(call):
    return REACH


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("TikiTakaV2", {"transfer_lr": 0.3 * G}),
        ("TikiTakaV2", {"transfer_lr": 0.25 * G, "columns_per_transfer": 2, "transfer_every": 3}),
        ("ChoppedTikiTaka", {"transfer_lr": 3.0, "auto_granularity": 5000.0, "chop_probability": 0.1}),
        ("ResidualLearning", {"transfer_lr": 0.03, "auto_granularity": 100.0}),
        ("Rider", {"transfer_lr": 0.05, "auto_granularity": 100.0, "eta": 0.02}),
        ("Rider", {"transfer_lr": 0.05, "auto_granularity": 100.0, "eta": 0.3}),
        ("Rider", {"transfer_lr": 1.0, "auto_granularity": 100.0, "eta": 1.0}),
        ("TikiTaka", {"transfer_lr": 1.0, "transfer_every": 4}),
    ],
    ids=str,
)
def test_first_write_with_p_at_its_bound(name, fields):
    config = rule(name, **fields)
    found = config.describe(SHAPE, lr=0.1)
    assert first_write(config, at_bound, 200) == found.first_write
    assert not any("never" in warning for warning in found.warnings)


@pytest.mark.parametrize("name", ["AGAD", "ERider"])
@pytest.mark.parametrize(("probability", "columns"), [(1.0, 1), (0.5, 2), (0.25, 3)])
def test_first_write_after_the_silent_sweeps(name, probability, columns):
    """P grows, so that no earlier average of it makes v - Q~ zero, and lambda is large: what is left is the warm-up."""
    config = rule(
        name, chop_probability=probability, transfer_lr=1.0, auto_granularity=1.0, columns_per_transfer=columns
    )
    found = config.describe(SHAPE, lr=0.1)
    phase = max(math.ceil(1 / probability), 2)
    assert found.silent_sweeps == phase + 1
    assert found.first_write == (phase + 1) * COLUMNS // columns + 1

    assert first_write(config, lambda call: REACH * call / 100, 100) == found.first_write


def test_first_write_of_a_chain():
    """Two arrays, both at their bounds: W waits for the second one's period."""
    config = rule(
        "ResidualLearning", fast_arrays=2, transfer_lr=1.0, auto_granularity=10.0, transfer_every=2, stage_every=4
    )
    found = config.describe(SHAPE, lr=0.1)
    assert found.first_write == 8

    def prepare(t):
        t.arrays["P2"].set_weights(np.full(SHAPE, REACH))

    assert first_write(config, at_bound, 50, prepare) == 8
    assert rule("ResidualLearning", fast_arrays=3).describe(SHAPE, lr=0.1).first_write % 25 == 0


@pytest.mark.parametrize("factor", [0.999, 1.01])
def test_rider_below_and_above_the_limit_of_eta(factor, rng):
    """The sum of v - Q telescopes to Q/eta, so whatever P does, H stays below lambda max|w| / eta."""
    eta = 0.125
    transfer_lr = factor * eta * G * 100.0 / (COLUMNS * REACH)
    config = rule("Rider", transfer_lr=transfer_lr, auto_granularity=100.0, eta=eta)
    found = config.describe(SHAPE, lr=0.1)
    never = [warning for warning in found.warnings if "never written" in warning]
    assert bool(never) == (factor < 1) == (found.first_write == math.inf)
    if never:
        # From bound to bound at random, then long at one bound
        calls = first_write(config, lambda call: REACH * rng.choice([-1, 1]) if call < 300 else REACH, 800)
        assert calls == math.inf
        assert f"eta must be at most {found.gain * REACH:.3g}" in never[0]
    else:
        assert first_write(config, at_bound, 800) == found.first_write


def test_the_comparisons_rider_warns_at_the_paper_like_eta():
    """What made METHODS use eta = 0.02: on coarse cells 0.05 never writes."""
    config = dt.algorithms.Rider(device=dt.presets.reram_array_hfo2())
    assert config.eta == 0.05
    assert config.describe((256, 392), lr=0.05, d_scale=1e-4).first_write == math.inf
    slower = dataclasses.replace(config, eta=0.02)
    assert slower.describe((256, 392), lr=0.05, d_scale=1e-4).warnings == ()


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("AnalogSGD", {}, "the gradient moves nothing"),
        ("ERider", {"fast_lr": 0.0}, "the gradient moves nothing"),
        ("ERider", {"transfer_lr": 0.0}, "rate of the transfer is 0"),
        ("AGAD", {"scale_transfer_lr": True}, "rate of the transfer is 0"),
        ("TikiTakaV2", {"transfer_read": analog_read(out_bound=60.0, out_res=1 / 20)}, "converter's step 6"),
        ("ERider", {"fast_lr": 50.0}, "it saturates"),
        ("TikiTaka", {"fast_lr": 0.01, "scale_fast_lr": False, "transfer_lr": 1.0}, "asks W for 128 pulses"),
    ],
)
def test_warnings(name, fields, words):
    found = rule(name, **fields).describe(SHAPE, lr=0.0, batch_size=2)
    assert any(words in warning for warning in found.warnings), found.warnings
    assert words in str(found)


def test_zero_vectors_ask_for_nothing():
    found = rule("ERider").describe(SHAPE, lr=0.1, d_scale=0.0)
    assert (found.pulses_per_cell, found.pulses_busiest, found.step, found.train_length) == (0, 0, 0, 0)


def test_text():
    text = str(rule("ERider", chop_probability=0.5).describe(SHAPE, lr=0.1, d_scale=0.01, batch_size=10))
    assert [line.split("  ")[0 if i == 0 else 1] for i, line in enumerate(text.splitlines())] == [
        "ERider: rate 0.5, 256 states",
        "one vector",
        "one mini-batch",
        "transfer",
        "first write",
    ]
    assert "after 3 silent sweeps" in text


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"shape": (0, 3)}, dt.ConfigError, "shape"),
        ({"lr": -0.1}, dt.ConfigError, "lr"),
        ({"lr": math.nan}, dt.ConfigError, "lr"),
        ({"batch_size": 0}, dt.ConfigError, "batch_size"),
        ({"update": None}, dt.ConfigError, "update"),
        ({"x_scale": np.ones((2, ROWS))}, dt.ShapeError, "x_scale"),
        ({"x_scale": np.ones(COLUMNS)}, dt.ShapeError, "x_scale"),
        ({"d_scale": np.ones((0, ROWS))}, dt.ShapeError, "d_scale"),
        ({"x_scale": np.ones((2, COLUMNS)), "d_scale": np.ones((3, ROWS))}, dt.ShapeError, "d_scale"),
        ({"x_scale": math.inf}, dt.NonFiniteError, "x_scale"),
        ({"d_scale": "big"}, dt.ConfigError, "d_scale"),
    ],
)
def test_describe_refuses(arguments, error, words):
    values = {"shape": SHAPE, "lr": 0.1} | arguments
    with pytest.raises(error, match=words):
        rule("ERider").describe(values.pop("shape"), **values)
