"""The cost model: every entry of a ledger has its price, once."""

import dataclasses
import math

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.cost import Cost, CostModel
from helpers.tiles import drive

SHAPE = (3, 4)
ENTRIES = list(dt.CrossbarArray(SHAPE, dt.devices.ConstantStep(), rng=0).ledger)
# Every price its own power of ten: the sum shows what was counted how often
PRICES = CostModel(
    slot_time=1.0, read_time=1e3, program_time=1e6, pulse_energy=1.0, read_energy=1e3, program_energy=1e6
)


@pytest.mark.parametrize(
    ("entry", "time", "energy"),
    [
        ("pulses_up", 0, 5),
        ("pulses_down", 0, 5),
        ("transfer_pulses", 0, 0),  # already among the pulses
        ("train_slots", 5, 0),
        ("array_pulses", 5, 0),
        ("forward_reads", 5e3, 5e3 * 12),
        ("backward_reads", 5e3, 5e3 * 12),
        ("column_reads", 5e3, 5e3 * 3),
        ("programming_events", 2e6, 5e6),  # five cells are two columns of three rows
    ],
)
def test_price_of_an_entry(entry, time, energy):
    assert PRICES.of({entry: 5}, SHAPE) == Cost(time=time, energy=energy, arrays={})


def test_every_entry_has_a_price():
    """A new entry of the ledger must be thought of here."""
    assert PRICES.of(dict.fromkeys(ENTRIES, 1), SHAPE) == Cost(time=2 + 3e3 + 1e6, energy=2 + 27e3 + 1e6, arrays={})


def test_a_tile_is_the_sum_of_its_arrays(rng):
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(), chop_probability=0.5, columns_per_transfer=4)
    t = dt.AnalogTile(SHAPE, rule, rng=0)
    for _ in range(20):
        x, d = rng.standard_normal((2, 4)), rng.standard_normal((2, 3))
        t.forward(x)
        drive(t, x, d)
    ledger = t.ledger
    cost = CostModel().of(ledger, t.shape)
    assert set(cost.arrays) == {"P", "W", "reference"}
    assert cost.time == pytest.approx(sum(part.time for part in cost.arrays.values()))
    assert cost.energy == pytest.approx(sum(part.energy for part in cost.arrays.values()))
    p, w = ledger["P"], ledger["W"]
    assert cost.arrays["P"].time == pytest.approx(5e-9 * p["train_slots"] + 40e-9 * 80)
    assert cost.arrays["W"].time == pytest.approx(5e-9 * w["train_slots"] + 40e-9 * w["forward_reads"])
    events = ledger["reference"]["programming_events"]
    assert events > 0
    assert cost.arrays["reference"].time == pytest.approx(450e-9 * events / 3)
    assert cost + cost == Cost(
        time=2 * cost.time,
        energy=2 * cost.energy,
        arrays={name: part + part for name, part in cost.arrays.items()},
    )


def test_zero_shifting_costs_time():
    """The paper's comparison: N pulses to every cell, all cells at once."""
    array = dt.CrossbarArray(SHAPE, dt.devices.SoftBounds(), rng=0)
    dt.zero_shift(array, 4001, scheme="stochastic")
    assert array.ledger["array_pulses"] == 4001
    cost = CostModel().of(array.ledger, SHAPE)
    assert cost.time == pytest.approx(4001 * 5e-9)
    assert cost.energy == pytest.approx(4001 * 12 * 0.1125e-12)


def test_write_and_verify_is_counted_by_rounds():
    array = dt.CrossbarArray(SHAPE, dt.devices.ConstantStep(dw_min=0.01, dw_min_std=0), rng=0)
    report = array.program(np.full(SHAPE, 0.1), tolerance=0.006, max_rounds=50)
    assert array.ledger["array_pulses"] == report.rounds - 1
    assert array.ledger["transfer_pulses"] == array.ledger["train_slots"] == 0


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CostModel)])
@pytest.mark.parametrize("value", [-1e-12, math.nan, math.inf, "1", None, True])
def test_prices_are_checked(field, value):
    with pytest.raises(dt.ConfigError, match=f"{field} = .+: must be a finite number >= 0"):
        CostModel(**{field: value})


@pytest.mark.parametrize(
    ("ledger", "words"),
    [
        (3, "ledger"),
        ({"pulses": 3}, "pulses"),
        ({"P": {"reads": 3}}, "reads"),
        ({"P": {"pulses_up": -3}}, "pulses_up"),
        ({"pulses_up": 1.5}, "pulses_up"),
        ({"P": {"pulses_up": 3}, "pulses_up": 3}, "ledger"),
    ],
)
def test_ledgers_are_checked(ledger, words):
    with pytest.raises(dt.ConfigError, match=words):
        CostModel().of(ledger, SHAPE)


def test_shapes_are_checked():
    with pytest.raises(dt.ConfigError, match="shape"):
        CostModel().of({}, (0, 3))


def test_the_shape_of_a_vector_optimizer():
    optimizer = dt.optim.AnalogSGD(5, dt.devices.SoftBounds(dw_min=0.01), rng=0)
    optimizer.step([0.5] * 5)
    assert PRICES.of(optimizer.ledger, optimizer.shape) == PRICES.of(optimizer.ledger, (1, 5))
