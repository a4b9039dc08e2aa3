"""Contract 2: however the core batches an update, its cells follow the pulse-by-pulse law."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import stats
from helpers.build import counter, device, quiet, twin_of
from helpers.trains import trains


@pytest.mark.parametrize(("kind", "noise"), [("SoftBoundsReference", 2.0), ("ConstantStep", 1.0), ("SoftBounds", 1.0)])
@pytest.mark.parametrize("start", [0.0, 0.9])
def test_updates_keep_the_pulse_by_pulse_law(kind, noise, start, rng):
    """Contract 2 on a batch, near a bound and away from it: every coincidence with its own noise and clip.

    One row whose error line always fires, so that all columns are independent cells with binomial counts.
    """
    cells, lr, slots, batch = 20_000, 31 * 0.02, 31, 6
    dev = quiet(kind, w_max=1.0, w_min=-1.0, dw_min=0.02, dw_min_std=noise)
    array = dt.CrossbarArray((1, cells), dev, rng=13)
    array.set_weights(np.full((1, cells), start))
    d = np.array([[-1.0], [-1.0], [1.0], [-1.0], [1.0], [-1.0]], dtype=np.float32)
    x = np.where(rng.random((batch, cells)) < 0.75, 0.5, 0.125).astype(np.float32)
    x[:, 0] = 1.0
    update = dt.PulseUpdate(desired_bl=slots, update_bl_management=False)
    array.update(x, d, lr, pulses=update)
    twin = twin_of(array, dev)
    v = np.full((1, cells), start)
    for b in range(batch):
        train = trains(x[b], d[b], lr, 0.02, update)
        assert train.fire[0] == pytest.approx(1.0, abs=1e-6)
        n = rng.binomial(slots, train.fire[1])
        for t in range(slots):
            v = twin.pulse(v, np.where(t < n, train.direction, 0), rng.standard_normal(v.shape))
    got, expected = array.weights[0, 1:], v[0, 1:].astype(np.float32)
    stats.assert_ks_two(np.round(got, 5), np.round(expected, 5))
    stats.assert_mean(got.astype(np.float64) - expected, 0.0)
    stats.assert_mean(got.astype(np.float64) ** 2 - expected.astype(np.float64) ** 2, 0.0)


@pytest.mark.parametrize("lr", [0.01, 0.3])
@pytest.mark.parametrize(
    ("kind", "fields"),
    [("ConstantStep", {}), ("SoftBounds", {}), ("SoftBounds", {"mult_noise": False}), ("SoftBoundsReference", {})],
)
def test_exact_moments_of_every_cell(kind, fields, lr, rng):
    """Seen alone, a cell gets an up or a down pulse in every slot with probability p_i q_j: both moments close.

    Sparse (lr 0.01: one pulse a cell) and dense (lr 0.3: thirty). Cells of one array share lines, so that the standard
    error is taken over arrays.
    """
    shape, batch, arrays = (48, 61), 16, 80
    # Cycle noise well above the steps, or its variance would hide behind that of the trains
    spread = {"dw_min_dtod": 0.2, "w_max_dtod": 0.1, "w_min_dtod": 0.1, "dw_min_std": 2.0}
    dev = device(kind, dw_min=0.005, w_max=2, w_min=-2, **spread, **fields)
    drawn = dt.CrossbarArray(shape, dev, rng=14).cell_parameters()
    cells = twin_of(dt.CrossbarArray(shape, dev, rng=14), dev)
    x = rng.uniform(-1, 1, (batch, shape[1])).astype(np.float32)
    d = rng.uniform(-1, 1, (batch, shape[0])).astype(np.float32)
    slots = []
    for vector, error in zip(x, d, strict=True):
        train = trains(vector, error, lr, 0.005, dt.PulseUpdate())
        p, q = train.fire
        slots += [(p * q * (train.direction > 0), p * q * (train.direction < 0))] * train.length
    start = rng.uniform(-0.3, 0.3, shape).astype(np.float32)
    z = []
    for seed in range(arrays):
        array = dt.CrossbarArray(shape, dev, rng=seed, cell_parameters=drawn)
        array.set_weights(start)
        array.update(x, d, lr)
        z.append(array.weights.astype(np.float64))
    mean, variance = cells.moments(start, slots)
    z = (np.array(z) - mean) / np.sqrt(variance)
    stats.assert_mean(z.mean(axis=(1, 2)), 0.0, "mean over cells")
    stats.assert_mean((z**2).mean(axis=(1, 2)), 1.0, "variance over cells", slack=1e-4)
    stats.assert_mean(z.mean(axis=2), 0.0, "mean of every row")
    stats.assert_mean(z.mean(axis=1), 0.0, "mean of every column")
    assert np.abs(z.mean(axis=0)).max() * np.sqrt(arrays) < 6, "mean of every cell"


def test_totals_of_a_large_array(rng):
    """Row and column sums of the signed counts have exact variances that include the covariances of the lines."""
    shape, batch, lr = (200, 301), 64, 6.0
    x = rng.uniform(-1, 1, (batch, shape[1])).astype(np.float32)
    d = rng.uniform(-1, 1, (batch, shape[0])).astype(np.float32)
    rows = np.zeros((2, shape[0]))
    columns = np.zeros((2, shape[1]))
    for vector, error in zip(x, d, strict=True):
        train = trains(vector, error, lr, 1.0, dt.PulseUpdate())
        p, q = (line.ravel() for line in train.fire)
        for totals, own, own_sign, other, other_sign in (
            (rows, p, -np.sign(error), q, np.sign(vector)),
            (columns, q, np.sign(vector), p, -np.sign(error)),
        ):
            # In one slot the sum is (own bit) times (sum of the other lines' signed bits)
            s1, s2 = np.sum(other_sign * other), np.sum(other * (1 - other))
            totals[0] += train.length * own * own_sign * s1
            totals[1] += train.length * (own * (s2 + s1**2) - (own * s1) ** 2)
    array = dt.CrossbarArray(shape, counter(), rng=15)
    array.set_weights(np.zeros(shape))
    array.update(x, d, lr)
    w = array.weights.astype(np.float64)
    stats.assert_z((w.sum(axis=1) - rows[0]) / np.sqrt(rows[1]), "rows")
    stats.assert_z((w.sum(axis=0) - columns[0]) / np.sqrt(columns[1]), "columns")


@pytest.mark.parametrize("kind", ["ConstantStep", "SoftBounds", "SoftBoundsReference"])
def test_vectors_act_one_after_the_other(kind, rng):
    """Counts without chance on noise-free cells: the twin's pulses, vector by vector, bounds included."""
    shape, batch, update = (19, 23), 12, dt.PulseUpdate(pulse_type="mean_count", update_bl_management=False)
    dev = device(kind, dw_min=0.05, dw_min_std=0.0, up_down=0.2)
    array = dt.CrossbarArray(shape, dev, rng=16)
    cells = twin_of(array, dev)
    x = rng.uniform(-1, 1, (batch, shape[1])).astype(np.float32)
    d = rng.uniform(-1, 1, (batch, shape[0])).astype(np.float32)
    array.set_weights(rng.uniform(-0.5, 0.5, shape))
    v, clear = array.weights + cells.reference, np.ones(shape, dtype=bool)
    array.update(x, d, 0.4, pulses=update)
    for vector, error in zip(x, d, strict=True):
        train = trains(vector, error, 0.4, 0.05, update)
        exact = train.mean_count()
        clear &= np.abs(exact - np.floor(exact) - 0.5) > 1e-3
        for t in range(int(exact.max()) + 1):
            v = cells.pulse(v, np.where(t < np.rint(exact), train.direction, 0))
    assert clear.mean() > 0.5
    np.testing.assert_allclose(array.weights[clear], (v - cells.reference)[clear], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["SoftBounds", "SoftBoundsReference"])
def test_updates_move_the_persistent_weight(kind):
    """Certain lines: five pulses on every cell, and one redraw of the write noise on top."""
    shape = (200, 210)
    dev = quiet(kind, dw_min=2.0**-7, write_noise_std=4.0, apply_write_noise_on_set=False, w_max=1.0, w_min=-1.0)
    array = dt.CrossbarArray(shape, dev, rng=17)
    cells = twin_of(array, dev)
    array.set_weights(np.zeros(shape))
    expected = np.zeros(shape)
    for sign in (-1, 1):
        array.update(np.ones((1, shape[1])), np.full((1, shape[0]), sign), 5 * 2.0**-7)
        expected = cells.pulses(expected, -sign, 5)
        stats.assert_normal(array.weights - expected, 0.0, 4 * 2.0**-7, f"sign {sign}")


@pytest.mark.parametrize("act", ["random", "stochastic", "cyclic"])
@pytest.mark.parametrize(("kind", "noise"), [("SoftBoundsReference", 2.0), ("ConstantStep", 1.0), ("SoftBounds", 1.0)])
def test_trains_of_pulses_near_the_bounds(kind, noise, act, rng):
    """The same law for pulse_random and zero_shift on coarse cells that keep running into their bounds."""
    shape, count = (100, 200), 24
    dev = quiet(kind, w_max=0.5, w_min=-0.4, dw_min=0.1, dw_min_std=noise)
    array = dt.CrossbarArray(shape, dev, rng=18)
    cells = twin_of(array, dev)
    array.set_weights(np.full(shape, 0.3))
    if act == "random":
        array.pulse_random(count)
    else:
        dt.zero_shift(array, count, scheme=act)
    v = np.full(shape, 0.3)
    for n in range(count):
        sign = (1 if n % 2 == 0 else -1) if act == "cyclic" else rng.choice([-1, 1], shape)
        v = cells.pulse(v, sign, rng.standard_normal(shape))
    stats.assert_ks_two(np.round(array.weights, 5), np.round(v.astype(np.float32), 5))
    stats.assert_mean(array.weights.astype(np.float64).ravel() - v.ravel(), 0.0)
