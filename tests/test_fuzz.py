"""A few of the cases that `make fuzz` runs by the hundred thousand, and that its net has no holes."""

import collections

import numpy as np
import pytest

import dsptrack as dt
from helpers import fuzz, fuzz_entries
from helpers.weird import Long, Lying, Pick


@pytest.mark.parametrize("name", fuzz.ENTRIES)
def test_entry(name):
    outcomes = fuzz.run(name, fuzz.BLOCK, first=77)
    assert sum(outcomes.values()) == fuzz.BLOCK


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz.ENTRIES)
def test_entry_longer(name):
    assert fuzz.run(name, 3000, first=10_000)


def test_every_public_class_and_method_is_fuzzed():
    """New methods of arrays, tiles and rules enter the table, or fail here."""
    looks = {"weights", "ledger", "pulse_counts", "cell_parameters", "symmetric_point", "shape", "device"}
    looks |= {"traces", "num_threads", "state_dict", "algorithm", "arrays", "digital", "choppers", "sp_estimate"}
    for cls in (dt.CrossbarArray, dt.AnalogTile):
        public = {name for name in dir(cls) if not name.startswith("_")} - looks - {"sp_error"}
        assert {f"{cls.__name__}.{name}" for name in public} <= set(fuzz.ENTRIES)
    for cls in (*fuzz_entries.DEVICES, dt.PulseUpdate, dt.Periphery):
        assert cls.__name__ in fuzz.ENTRIES
    digital = {"Sequential", "Reshape", "AnalogLayer", "Layer", "Loss"}  # made of others, or abstract
    layers = {n for n in dt.nn.__all__ if isinstance(getattr(dt.nn, n), type)}
    layers = {n for n in layers if issubclass(getattr(dt.nn, n), dt.nn.Layer | dt.nn.Loss)} - digital
    assert layers <= set(fuzz.ENTRIES)


@pytest.mark.parametrize("error", [AttributeError, KeyError, SystemError, RuntimeError, ZeroDivisionError])
def test_other_errors_are_caught(monkeypatch, error):
    def call(_, __):
        raise error("escaped")

    monkeypatch.setitem(fuzz.ENTRIES, "test", (lambda pick: None, call))
    with pytest.raises(fuzz.EscapedError, match="escaped"):
        fuzz.block("test", 0, collections.Counter())


def test_changed_states_are_caught(monkeypatch):
    def call(array, _):
        array.pulse_random(1)
        raise dt.ConfigError("after the change")

    monkeypatch.setitem(fuzz.ENTRIES, "test", (fuzz_entries.new_array, call))
    with pytest.raises(fuzz.EscapedError, match="changed state"):
        fuzz.block("test", 0, collections.Counter())


def test_cases_follow_from_their_number():
    for number in range(20):
        first, again = (repr([Pick(number).array(3, 4) for _ in range(3)]) for _ in range(2))
        assert first.split(" at 0x")[0] == again.split(" at 0x")[0]


def test_sequences_that_lie_about_their_length():
    """Once a panic: room was made for as many numbers as the sequence said it had."""

    for values in (Long(2**62, [1.0]), Long(2**16, [1.0]), Long(-1, [1.0]), range(2**40), Lying(np.ones(3))):
        with pytest.raises((dt.ConfigError, TypeError, ValueError)):
            dt.devices.PiecewiseStep(piecewise_up=values, piecewise_down=(1.0,))
