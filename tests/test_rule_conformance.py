"""What every learning rule must do, one suite for all: shapes, no drift, the digital limit, the account."""

import math

import numpy as np
import pytest

import dsptrack as dt
from helpers.build import RULES, counter
from helpers.tiles import drive, tile
from helpers.trains import trains

SHAPE = (5, 4)
ROWS, COLUMNS = SHAPE
FIELDS = {"ResidualLearning": {"fast_arrays": 3, "stage_every": 2, "calibration_pulses": 5}}
CHOPPED = ("ChoppedTikiTaka", "AGAD", "ERider")


def rule(name, device, **fields):
    """A rule with everything switched on that makes events."""
    own = FIELDS.get(name, {}) | fields
    if name in CHOPPED:
        own = {"chop_probability": 0.5} | own
    return getattr(dt.algorithms, name)(device=device, **own)


def lively(name, device):
    """Rates at which a coarse device transfers within some twenty mini-batches."""
    if name == "AnalogSGD":
        return rule(name, device)
    rates = {"columns_per_transfer": 3, "fast_lr": 0.5, "scale_fast_lr": False, "scale_transfer_lr": False}
    return rule(name, device, transfer_lr=2.0 if name.startswith("TikiTaka") else 100.0, **rates)


def test_every_rule_is_here():
    assert set(RULES) == set(dt.algorithms.__all__) - {"Algorithm", "Description"}


@pytest.mark.parametrize("name", RULES)
def test_shapes(name, rng):
    t = tile(SHAPE, lively(name, dt.presets.reram_array_hfo2()))
    for batch in (1, 3):
        x, d = rng.standard_normal((batch, COLUMNS)), rng.standard_normal((batch, ROWS))
        assert t.forward(x).shape == (batch, ROWS)
        assert t.backward(d).shape == (batch, COLUMNS)
        drive(t, x, d)
    assert t.weights.shape == SHAPE
    assert t.choppers.shape == (COLUMNS,)
    for values in (*t.digital.values(), *(array.weights for array in t.arrays.values())):
        assert values.shape == SHAPE
        assert values.dtype == np.float32
    assert list(t.arrays)[-1] == "W"
    assert set(t.ledger) - {"reference"} == set(t.arrays)


@pytest.mark.parametrize("name", RULES)
def test_no_gradient_no_drift(name, rng):
    """On an ideal device with perfect reads, mini-batches without error move nothing, through every kind of event."""
    ideal = counter(dw_min=1e-3, bound=8.0)
    fields = {} if name == "AnalogSGD" else {"columns_per_transfer": 3, "transfer_read": dt.Periphery.ideal()}
    if name == "ResidualLearning":
        fields |= {"calibration_pulses": 4}  # even: back where it started
    t = tile(SHAPE, rule(name, ideal, **fields))
    w = rng.uniform(-0.5, 0.5, SHAPE).astype(np.float32)
    t.set_weights(w)
    before = t.ledger
    for k in range(100):
        x, d = (rng.standard_normal((2, n)) for n in (COLUMNS, ROWS))
        drive(t, *((x, 0 * d) if k % 2 else (0 * x, d)))
    np.testing.assert_allclose(t.weights, w, atol=2e-7)
    np.testing.assert_array_equal(t.arrays["W"].weights, w)
    for array, entry in t.ledger.items():
        for count in ("pulses_up", "pulses_down", "train_slots", "transfer_pulses"):
            assert entry.get(count, 0) == before[array].get(count, 0), (array, count)


@pytest.mark.parametrize("name", RULES)
def test_the_ideal_limit_is_digital_sgd(name, rng):
    """Fine symmetric steps and deterministic trains: the pulsed array takes the digital step -rate d^T x, chopped."""
    g, lr = 1e-4, 0.05
    update = dt.PulseUpdate(pulse_type="deterministic_implicit", desired_bl=4096)
    fields = {} if name == "AnalogSGD" else {"fast_lr": 0.05, "scale_fast_lr": False}
    t = tile(SHAPE, rule(name, counter(dw_min=g, bound=64.0), **fields), update=update)
    pulsed = t.arrays["W" if name == "AnalogSGD" else "P"]
    # The gradient of a linear regression at weights of our own, so that a wrong sign would show as divergence
    target, digital = rng.uniform(-0.5, 0.5, SHAPE), pulsed.weights.astype(float)
    w = np.zeros(SHAPE)
    vectors = 0
    for _ in range(25):
        x = rng.standard_normal((4, COLUMNS))
        d = x @ (w - target).T
        c = t.choppers
        digital -= lr * d.T @ (x * c)
        w -= lr * d.T @ x
        drive(t, x, d, lr)
        vectors += 4
        # Half a pulse at most is lost to rounding per vector and cell
        assert np.abs(pulsed.weights - digital).max() <= (0.5 * vectors + 1) * g
    assert np.abs(w - target).max() < 0.1
    assert np.abs(digital).max() > 0.1
    if name in CHOPPED:
        assert np.any(t.choppers < 0) or t.ledger["P"]["column_reads"] < 2 * COLUMNS
    if name == "AnalogSGD":
        np.testing.assert_allclose(t.weights, w, atol=(0.5 * vectors + 1) * g)


@pytest.mark.parametrize("name", RULES)
def test_the_ledger_is_what_the_traces_show(name, rng):
    """Every entry against an independent count: traces of all cells, the trains of 02 section 1.3, what was called."""
    device = dt.presets.reram_array_hfo2(reference_mean=0.2)
    t = tile(SHAPE, lively(name, device), forward=dt.Periphery(bound_management="none"), backward=dt.Periphery())
    arrays = t.arrays
    calibrated = {key: entry.copy() for key, entry in t.ledger.items()}
    for array in arrays.values():
        array.trace([(i, j) for i in range(ROWS) for j in range(COLUMNS)])
    lr, batches, size = 0.1, 60, 3
    slots = rewritten = 0
    reference = t.digital.get("Q_ref")
    flips, signs = 0, t.choppers
    for _ in range(batches):
        x, d = rng.standard_normal((size, COLUMNS)), rng.standard_normal((size, ROWS))
        t.forward(x)
        t.backward(d)
        drive(t, x, d, lr)
        rate = lr if name == "AnalogSGD" else 0.5
        x32, d32 = x.astype(np.float32), d.astype(np.float32)
        slots += sum(
            trains(a, b, rate, device.granularity, dt.PulseUpdate()).length for a, b in zip(x32, d32, strict=True)
        )
        flips += int(np.sum(t.choppers != signs))
        signs = t.choppers
        if reference is not None:
            rewritten += int(np.sum(t.digital["Q_ref"] != reference))
            reference = t.digital["Q_ref"]
    columns_read = 0 if name == "AnalogSGD" else 3 * batches
    ledger = t.ledger
    for k, (key, array) in enumerate(arrays.items()):
        records, entry, last = array.traces(), ledger[key], key == "W"
        start = calibrated[key]
        assert entry["pulses_up"] - start["pulses_up"] == np.sum(records["polarity"] == 1)
        assert entry["pulses_down"] - start["pulses_down"] == np.sum(records["polarity"] == -1)
        assert len(records) > 0, key
        assert entry["transfer_pulses"] == (len(records) if k > 0 else 0)
        assert entry["array_pulses"] == (5 if name == "ResidualLearning" and not last else 0)
        assert entry["forward_reads"] == (batches * size if last else 0)
        assert entry["backward_reads"] == (batches * size if last else 0)
        assert entry["programming_events"] == 0
        assert entry["column_reads"] == (0 if last else columns_read // 2**k)
        if k == 0:
            assert entry["train_slots"] == slots
        elif name == "TikiTaka":
            assert entry["train_slots"] >= len(np.unique(records["event"]))
        else:  # a column of single pulses is one slot
            assert entry["train_slots"] == len(np.unique(records["event"]))
    events = ledger.get("reference", {}).get("programming_events")
    expected = {
        "Rider": ROWS * columns_read,
        "ERider": ROWS * flips,
        "ResidualLearning": 3 * ROWS * COLUMNS,
    }
    if name == "AGAD":  # programmed at the next read of the column: the last flips are still to come
        assert ROWS * (flips - COLUMNS) <= events <= ROWS * flips
    else:
        assert events == expected.get(name)
    if name in ("AGAD", "ERider"):
        assert flips > COLUMNS
        assert 0.9 * events < rewritten <= events  # a converter's code may be written over itself


@pytest.mark.parametrize("name", RULES)
def test_visible_weights_and_estimates_agree(name, rng):
    """`sp_error` is the rms of estimate less truth; rules without an estimate say so."""
    device = dt.devices.SoftBoundsReference(dw_min=0.01, reference_std=0.2)
    t = tile(SHAPE, rule(name, device))
    if name == "AnalogSGD":
        with pytest.raises(dt.StateError):
            _ = t.sp_estimate
        return
    error = t.sp_estimate.astype(float) - t.arrays["P"].symmetric_point()
    assert t.sp_error() == pytest.approx(math.sqrt(np.mean(error**2)), rel=1e-6)
