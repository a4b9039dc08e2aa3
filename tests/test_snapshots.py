"""State dicts: what is restored goes on with the same bits, in this process or in another one."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from dsptrack import _core
from helpers import resume, states, zoo
from helpers.states import SHAPE, assert_same, assert_unchanged, busy_array, busy_tile

TESTS = Path(__file__).parent


@pytest.mark.parametrize("name", zoo.EVERYTHING)
def test_arrays_go_on(name):
    """Every device, with cycle and write noise, retention, drift, counts and traces."""
    array = busy_array(states.noisy(name))
    state = array.state_dict()
    again = dt.CrossbarArray.from_state_dict(state, num_threads=3)
    assert_same(again.state_dict(), state)
    for each in (array, again):
        states.work(each, 3)
    assert_same(again.state_dict(), array.state_dict())
    np.testing.assert_array_equal(again.weights, array.weights)
    np.testing.assert_array_equal(again.traces(), array.traces())
    assert again.ledger == array.ledger


@pytest.mark.parametrize("device", ["soft", "pow-subtracted", "reram_array_hfo2"])
@pytest.mark.parametrize("name", states.RULES)
def test_tiles_go_on(name, device):
    tile = busy_tile(name, states.noisy(device))
    state = tile.state_dict()
    again = dt.AnalogTile.from_state_dict(state, num_threads=3)
    assert_same(again.state_dict(), state)
    np.testing.assert_array_equal(again.weights, tile.weights)
    for each in (tile, again):
        states.train(each, 11, start=9)
    assert_same(again.state_dict(), tile.state_dict())
    np.testing.assert_array_equal(again.weights, tile.weights)
    np.testing.assert_array_equal(again.choppers, tile.choppers)
    assert again.ledger == tile.ledger
    for quantity, values in tile.digital.items():
        np.testing.assert_array_equal(again.digital[quantity], values)


@pytest.mark.parametrize("name", states.RULES)
@pytest.mark.parametrize("steps", range(1, 8))
def test_every_step_can_be_the_last(name, steps):
    """Also between a chopper's flip and the programming that follows it."""
    device = states.noisy("soft-reference")
    whole, first = (dt.AnalogTile(SHAPE, states.rule(name, device, program_at_flip=False), rng=6) for _ in range(2))
    states.train(whole, 8)
    states.train(first, steps)
    again = dt.AnalogTile.from_state_dict(first.state_dict())
    states.train(again, 8 - steps, start=steps)
    assert_same(again.state_dict(), whole.state_dict())


@pytest.mark.parametrize("level", [_core.isa_levels()[0], _core.isa_levels()[-1]])
def test_another_process_goes_on(level, tmp_path):
    """Through a file, at another instruction-set level and number of threads."""
    stored = {
        "arrays": {name: busy_array(states.noisy(name)).state_dict() for name in zoo.KINDS},
        "tiles": {name: busy_tile(name, states.noisy("soft-reference")).state_dict() for name in states.RULES},
    }
    stored["arrays"]["large"] = busy_array(states.noisy("reram_array_hfo2"), states.LARGE).state_dict()
    dt.io.save(tmp_path / "first.safetensors", stored)
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"DSPTRACK_ISA": level, "DSPTRACK_NUM_THREADS": "3", "PYTHONPATH": paths}
    command = [sys.executable, "-m", "helpers.resume", "first.safetensors", "second.safetensors"]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert_same(dt.io.load(tmp_path / "second.safetensors"), resume.go_on(stored))


def test_a_state_is_loaded_in_place():
    """Seed, cells, counting and clocks are taken over; live handles see it."""
    device = states.noisy("soft-reference")
    tile = busy_tile("ERider", device)
    other = dt.AnalogTile(SHAPE, tile.algorithm, rng=99)
    fast = other.arrays["P"]
    other.load_state_dict(tile.state_dict())
    np.testing.assert_array_equal(fast.weights, tile.arrays["P"].weights)
    for each in (tile, other):
        states.train(each, 3)
    assert_same(other.state_dict(), tile.state_dict())

    array = busy_array(device)
    loaded = dt.CrossbarArray(SHAPE, device, rng=98)
    loaded.load_state_dict(array.state_dict())
    assert_same(loaded.state_dict(), array.state_dict())
    np.testing.assert_array_equal(loaded.pulse_counts, array.pulse_counts)


def test_measured_cells_are_kept():
    parameters = {"max_bound": np.full(SHAPE, 0.75), "dwmin_up": np.full(SHAPE, 0.01)}
    tables = {name: np.random.default_rng(1).uniform(0.5, 1.5, (*SHAPE, 4)) for name in ("piecewise_up",)}
    tables["piecewise_down"] = tables["piecewise_up"][::-1]
    device = dt.devices.PiecewiseStep()
    array = dt.CrossbarArray(SHAPE, device, rng=1, cell_parameters=parameters | tables)
    again = dt.CrossbarArray.from_state_dict(array.state_dict())
    for name, plane in array.cell_parameters().items():
        np.testing.assert_array_equal(again.cell_parameters()[name], plane)
    fresh = dt.CrossbarArray(SHAPE, device, rng=1)
    array.load_state_dict(fresh.state_dict())  # back to the tables of the device
    assert "piecewise_up" not in array.cell_parameters()


def test_an_array_of_a_tile_gives_its_state_but_takes_none():
    tile = busy_tile("Rider", states.noisy("soft"))
    live = tile.arrays["P"]
    alone = dt.CrossbarArray.from_state_dict(live.state_dict())
    for array in (live, alone):
        states.work(array, 2)
    assert_same(alone.state_dict(), live.state_dict())
    with assert_unchanged(tile), pytest.raises(dt.StateError, match="tile's"):
        live.load_state_dict(alone.state_dict())


def test_states_are_copies():
    tile = busy_tile("ERider", states.noisy("soft-reference"))
    state = tile.state_dict()
    with assert_unchanged(tile):
        for _, value in states.leaves(state["state"]):
            if isinstance(value, np.ndarray):
                value.fill(0)
    state = tile.state_dict()
    tile.load_state_dict(state)
    with assert_unchanged(tile):
        state["state"]["arrays"]["W"]["state"].fill(0)


def test_taking_a_state_disturbs_nothing():
    watched, control = (busy_array(states.noisy("soft")) for _ in range(2))
    for array in (watched, control):
        for _ in range(3):
            states.work(array, 1)
            if array is watched:
                watched.state_dict()
    assert_same(watched.state_dict(), control.state_dict())


def test_a_state_is_complete():
    """Whatever moves a bit of what follows stands in the state: two objects that differ have states that differ."""
    array = busy_array(states.noisy("soft"))
    calls = {
        "read": lambda a: a.forward(np.ones((1, SHAPE[1]))),
        "pulse": lambda a: a.pulse(+1),
        "empty update": lambda a: a.update(np.zeros((1, SHAPE[1])), np.zeros((1, SHAPE[0])), 0.1),
        "drift": lambda a: a.drift(0.0),
        "trace": lambda a: a.trace(None),
    }
    for name, call in calls.items():
        other = dt.CrossbarArray.from_state_dict(array.state_dict())
        call(other)
        assert states.bits(other.state_dict()) != states.bits(array.state_dict()), name


def test_failed_calls_change_no_bit_of_the_state():
    array, tile = busy_array(states.noisy("soft")), busy_tile("ERider", states.noisy("soft"))
    x, d = np.ones((2, SHAPE[1])), np.ones((2, SHAPE[0]))
    calls = [
        lambda: array.set_weights(np.full(SHAPE, np.nan)),
        lambda: array.pulse(+1, count=-1),
        lambda: array.update(x, d[:1], 0.1),
        lambda: array.update(x, d * np.inf, 0.1),
        lambda: array.increment(np.full(SHAPE, 1e9)),
        lambda: array.forward(d),
        lambda: array.drift(-1.0),
        lambda: array.decay(2.0),
        lambda: array.reset(start=SHAPE[1]),
        lambda: array.program(np.zeros(SHAPE), tolerance=0.0),
        lambda: dt.zero_shift(array, -1),
        lambda: tile.set_weights(np.zeros((1, 1))),
        lambda: tile.update(x, d, -0.1),
        lambda: tile.update(x * np.nan, d, 0.1),
        lambda: tile.update(x, d * np.inf, 0.1),
        lambda: tile.forward(x * np.nan),
        lambda: tile.backward(x),
    ]
    for call in calls:
        with assert_unchanged(array, tile), pytest.raises(dt.DspError):
            call()


def test_the_head_of_a_state():
    tile = busy_tile("ERider", states.noisy("soft"))
    state = tile.state_dict()
    assert (state["kind"], state["format"], state["shape"]) == ("AnalogTile", 1, list(SHAPE))
    assert (state["dsptrack"], state["stream_version"]) == (dt.__version__, dt.STREAM_VERSION)
    assert state["algorithm"] == tile.algorithm.to_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dt.algorithms.ERider.from_dict(state["algorithm"]) == tile.algorithm
