"""Traces worked out by hand: one cell, a constant P, perfect reads, and numbers that float32 holds exactly."""

import numpy as np
import pytest

import dsptrack as dt
from helpers.build import G, counter
from helpers.tiles import idle, tile

CELL = (1, 1)
WIDE = counter(dw_min=G, bound=64.0)


def rule(name, **fields):
    defaults = {"device": WIDE, "transfer_read": dt.Periphery.ideal(), "scale_transfer_lr": False}
    return getattr(dt.algorithms, name)(**(defaults | fields))


def courses(config, p, sweeps, names):
    """Digital quantities, chopper and pulses on W (up less down) after every sweep of a one-column tile."""
    t = tile(CELL, config)
    t.arrays["P"].set_weights([[p]])
    found = {name: [] for name in (*names, "c", "W")}
    for _ in range(sweeps):
        idle(t)
        digital = t.digital
        for name in names:
            found[name].append(float(digital[name][0, 0]))
        found["c"].append(int(t.choppers[0]))
        found["W"].append(round(float(t.arrays["W"].weights[0, 0]) / G))
    return found


def test_tiki_taka():
    """k = lr_T v / g = 4 pulses a read: certain, since BL = 4 and all probabilities are 1."""
    found = courses(rule("TikiTaka", transfer_lr=8 * G), 0.5, 4, [])
    assert found == {"c": [1, 1, 1, 1], "W": [4, 8, 12, 16]}


def test_tiki_taka_v2():
    """lr_T v is 3/8 of the threshold; a pulse leaves a quarter of what was there."""
    found = courses(rule("TikiTakaV2", transfer_lr=0.75 * G, momentum=0.25), 0.5, 6, ["H"])
    thresholds = [h / G for h in found["H"]]
    assert thresholds == [0.375, 0.75, 1.125 / 4, 0.65625, 1.03125 / 4, 0.6328125]
    assert found["W"] == [0, 0, 1, 1, 2, 2]


def test_tiki_taka_v2_that_keeps_the_rest():
    """H less 3/4 of a threshold after a pulse."""
    config = rule("TikiTakaV2", transfer_lr=0.75 * G, momentum=0.25, forget_buffer=False)
    found = courses(config, 0.5, 6, ["H"])
    assert [h / G for h in found["H"]] == [0.375, 0.75, 0.375, 0.75, 0.375, 0.75]
    assert found["W"] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("scale", "buffers", "written"),
    [
        # 3/8 a read: what one phase brings the next one takes away, and nothing is ever written
        (0.375, [0.375, 0.75, 0.375, 0.0, 0.375, 0.75, 0.375, 0.0], [0] * 8),
        # 5/8 a read: 1.25 writes and leaves 0.3125; the turned phase only comes to -0.9375
        (0.625, [0.625, 0.3125, -0.3125, -0.9375, -0.3125, 0.3125, -0.3125, -0.9375], [0, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_chopped_tiki_taka(scale, buffers, written):
    """An offset of P cancels over two phases of K = 2 sweeps; W is written from the start."""
    fields = {"chop_probability": 0.5, "chop_random": False, "auto_granularity": 0.0, "momentum": 0.25}
    found = courses(rule("ChoppedTikiTaka", transfer_lr=scale * G / 0.5, **fields), 0.5, 8, ["H"])
    assert found == {"H": buffers, "c": [1, -1, -1, 1, 1, -1, -1, 1], "W": written}


# lambda = 8, v = 1, K = 2, beta = 1/2: the mean goes 1/2, 3/4, 7/8, ... and residuals are written after sweep K alone.
#   sweep                   0    1     2                3               4                5             6
#   c before, reference     +0   +0    -3/4             -3/4            +15/16           +15/16        -63/64
#   o = H + 8 c (1 - ref)   8    8     -2               -2              1/2              1/2 + 1/2     -1/8
#   pulse                   (silent)   (silent)         -1              0                +1            0
MEAN = [1 / 2, 3 / 4, 7 / 8, 15 / 16, 31 / 32, 63 / 64, 127 / 128]
BUFFER = [0, 0, 0, 0, 1 / 2, 0, -1 / 8]
WRITTEN = [0, 0, 0, -1, -1, 0, 0]
CHOPPER = [1, -1, -1, 1, 1, -1, -1]
LATE = [0, 0, 3 / 4, 3 / 4, 15 / 16, 15 / 16, 63 / 64]
AT_FLIP = [0, 3 / 4, 3 / 4, 15 / 16, 15 / 16, 63 / 64, 63 / 64]


@pytest.mark.parametrize("name", ["AGAD", "ERider"])
@pytest.mark.parametrize(("at_flip", "reference"), [(False, LATE), (True, AT_FLIP)], ids=["late", "at flip"])
def test_agad_and_erider(name, at_flip, reference):
    """On one column both times of programming write the same Q; only the sweep after which it shows differs."""
    fields = {"chop_probability": 0.5, "tail_weighting": 1.0, "auto_granularity": 0.0, "momentum": 0.0}
    config = rule(name, transfer_lr=8 * G, program_at_flip=at_flip, **fields)
    found = courses(config, 1.0, 7, ["H", "Q", "Q_ref"])
    assert found == {"H": BUFFER, "Q": MEAN, "Q_ref": reference, "c": CHOPPER, "W": WRITTEN}


def test_rider():
    """eta = 1/2, lambda = 2: v - Q is 1, 1/2, 1/4, ...; two reads reach the threshold, the rest adds up to less."""
    config = rule("Rider", eta=0.5, transfer_lr=2 * G, auto_granularity=0.0, momentum=0.0)
    found = courses(config, 1.0, 4, ["H", "Q"])
    assert found == {"H": [0, 0, 0.5, 0.75], "Q": [0.5, 0.75, 0.875, 0.9375], "c": [1] * 4, "W": [1, 2, 2, 2]}


@pytest.mark.parametrize("name", ["ChoppedTikiTaka", "AGAD", "ERider"])
def test_random_choppers(name):
    """The trace with the tile's own flips: Q~, H and W follow them, whenever they come."""
    shape, g_scale = (3, 4), 0.5
    fields = {"chop_probability": 0.4, "chop_random": True, "transfer_lr": g_scale * G, "auto_granularity": 0.0}
    tracked = name != "ChoppedTikiTaka"
    t = tile(shape, rule(name, momentum=0.25, **fields))
    rng = np.random.default_rng(4)
    H, Q, Q_ref, written = (np.zeros(shape) for _ in range(4))
    late = np.zeros(shape[1], bool)
    beta, phase, at_flip = min(5.0 / 3, 1.0), 3, name == "ERider"
    flips = 0
    for visit in range(200):
        sweep, s = divmod(visit, shape[1])
        p = rng.integers(-16, 17, shape) * G * 4
        t.arrays["P"].set_weights(p)
        before = t.choppers
        idle(t)
        flipped = t.choppers != before
        assert not np.any(flipped[np.arange(shape[1]) != s]), "only the column that was read can flip"
        if late[s]:
            Q_ref[:, s], late[s] = Q[:, s], False
        o = H[:, s] + g_scale * before[s] * (p[:, s] - Q_ref[:, s])
        n = np.clip(np.trunc(o), -1, 1)
        H[:, s] = np.where(n != 0, 0.25 * o, o)
        written[:, s] += n if not tracked or sweep > phase else 0
        if tracked:
            Q[:, s] = (1 - beta) * Q[:, s] + beta * p[:, s]
        if flipped[s] and tracked:
            if at_flip:
                Q_ref[:, s] = Q[:, s]
            else:
                late[s] = True
        flips += int(flipped[s])
        np.testing.assert_allclose(t.digital["H"], H, atol=1e-6)
        np.testing.assert_array_equal(t.arrays["W"].weights, G * written)
        if tracked:
            np.testing.assert_allclose(t.digital["Q_ref"], Q_ref, atol=1e-6)
    assert abs(flips - 80) < 5 * np.sqrt(200 * 0.4 * 0.6)
    assert np.any(written != 0)
