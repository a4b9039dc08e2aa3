"""State dicts that are wrong: refused by name, nothing changed, and never a panic later."""

import contextlib
import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from helpers import states
from helpers.states import SHAPE, assert_unchanged, busy_array, busy_tile

DEVICE = states.noisy("soft-reference")
ARRAY = busy_array(DEVICE)
TILES = {name: busy_tile(name, DEVICE) for name in states.RULES}
TILES |= {f"{name}-auto": busy_tile(name, DEVICE, auto_scale=True) for name in ("TikiTaka", "ERider")}
STATES = {"CrossbarArray": ARRAY.state_dict()} | {name: tile.state_dict() for name, tile in TILES.items()}
OBJECTS = {"CrossbarArray": ARRAY, **TILES}


def parent_of(state, path):
    """The dict that holds the last key."""
    for key in path[:-1]:
        state = state[key]
    return state


def altered(state, path, change):
    """A copy of a state in which one entry is changed by a function of (a copy of) its value."""
    first, *rest = path
    value = state[first]
    return state | {first: altered(value, rest, change) if rest else change(copy.copy(value))}


def without(state, path):
    """A copy of a state without one entry."""
    first, *rest = path
    if rest:
        return state | {first: without(state[first], rest)}
    return {key: value for key, value in state.items() if key != first}


def paths(name, kind=object):
    """The paths of all entries of one type: of the array, and of what a tile has besides its arrays."""
    found = [path for path, value in states.leaves(STATES[name]) if isinstance(value, kind)]
    return [path for path in found if path[:2] != ("state", "arrays")]


def keep_going(thing):
    """Everything that uses what a state may have put in: indices, signs, clocks."""
    if isinstance(thing, dt.CrossbarArray):
        states.work(thing, 1)
        thing.traces()
    else:
        states.train(thing, 5)
        _ = thing.choppers, thing.digital, thing.sp_estimate if "P" in thing.arrays else None
        for array in thing.arrays.values():
            states.work(array, 1)
    return thing.state_dict()


def offer(name, state):
    """Load a state in both ways: refused by a typed error with nothing changed, or usable."""
    thing = type(OBJECTS[name]).from_state_dict(STATES[name])
    with assert_unchanged(thing):
        try:
            restored = type(thing).from_state_dict(state)
        except dt.DspError:
            with pytest.raises(dt.DspError):
                thing.load_state_dict(state)
            return False
    restored.load_state_dict(state)
    # Clocks near their end and numbers near float32's may lead beyond them: that, too, is refused by a typed error.
    with contextlib.suppress(dt.DspError):
        restored.load_state_dict(keep_going(restored))
    return True


def refused(name, state, match=None):
    thing = OBJECTS[name]
    with assert_unchanged(thing):
        for load in (thing.load_state_dict, type(thing).from_state_dict):
            with pytest.raises(dt.SnapshotError, match=match):
                load(state)


@pytest.mark.parametrize("name", OBJECTS)
def test_nothing_may_be_missing(name):
    everything = [path for path, _ in states.leaves(STATES[name])] + [("state", "arrays"), ("state", "arrays", "W")]
    for path in everything if name != "CrossbarArray" else paths(name):
        if path[0] in ("device", "algorithm", "forward", "backward", "update"):
            continue  # missing fields of a configuration take their defaults
        refused(name, without(STATES[name], path), f"{path[-1]}|shape")


@pytest.mark.parametrize("name", OBJECTS)
def test_nothing_may_be_added(name):
    folders = {path[:-1] for path, _ in states.leaves(STATES[name])}
    for folder in folders:
        surplus = (
            altered(STATES[name], folder, lambda d: d | {"surplus": 1}) if folder else STATES[name] | {"surplus": 1}
        )
        refused(name, surplus, "surplus|shape")
    fresh = dt.CrossbarArray(SHAPE, DEVICE, rng=1)
    for part in ("counts", "drift"):  # empty while not in use
        state = altered(fresh.state_dict(), ("state", part), lambda _: {"surplus": 1})
        refused("CrossbarArray", state, part)


@pytest.mark.parametrize("name", OBJECTS)
def test_arrays_have_their_type_and_shape(name):
    for path in paths(name, np.ndarray):
        refused(name, altered(STATES[name], path, lambda a: a.astype(np.int16)), f"{path[-1]}|shape")
        refused(name, altered(STATES[name], path, lambda a: a[None]), f"{path[-1]}|shape")
        if path[-2:] != ("trace", "cells"):
            longer = altered(STATES[name], path, lambda a: np.concatenate([a, a[:1]]))
            refused(name, longer, "shape|cell|event")
        for wrong in (None, "text", [1.0], 7, {}, b"bytes", np.array([None]), np.zeros(3, complex), object()):
            refused(name, altered(STATES[name], path, lambda _, wrong=wrong: wrong))


@pytest.mark.parametrize("name", OBJECTS)
def test_arrays_hold_finite_numbers(name):
    for path in paths(name, np.ndarray):
        array = parent_of(STATES[name], path)[path[-1]]
        for value in (np.nan, np.inf, -np.inf) if array.dtype.kind == "f" and array.size else ():
            refused(name, altered(STATES[name], path, last(value)), f"{path[-1]}.*finite")


@pytest.mark.parametrize("name", OBJECTS)
def test_numbers_are_counts(name):
    for path in paths(name, int):
        for wrong in (-1, 2**56 + 1, 2**64, 2**200, 0.5, "1", None, np.zeros(1)) if path[0] == "state" else ():
            refused(name, altered(STATES[name], path, lambda _, wrong=wrong: wrong), path[-1])


def last(value):
    def change(array):
        array.flat[-1] = value
        return array

    return change


IMPOSSIBLE = {
    "state beyond its bounds": ("state/arrays/P/state", last(9.0), "state: is 9"),
    "write noise beyond six sigma": ("state/arrays/W/apparent", lambda w: w + 1, "apparent.*write noise"),
    "crossed bounds": ("state/arrays/P/cell_parameters/min_bound", last(9.0), "min_bound"),
    "negative pulse counts": ("state/arrays/P/counts/up", last(-1), "-1"),
    "a traced cell that is not there": ("state/arrays/P/trace/cells", last(35), "35"),
    "a traced pulse of no cell": ("state/arrays/P/trace/cell", last(2**32 - 1), "4294967295"),
    "a traced pulse to come": ("state/arrays/P/trace/event", last(2**40), "clock"),
    "time that runs backwards": ("state/arrays/P/drift/time", lambda _: -1.0, "time"),
    "a start after the present": ("state/arrays/P/drift/since", last(99.0), "since"),
    "drift from beyond the bounds": ("state/arrays/P/drift/start", last(-9.0), "start"),
    "drift to beyond the bounds": ("state/arrays/P/drift/last", last(9.0), "last"),
    "a column that is not there": ("state/column", lambda _: SHAPE[1], "column: is 5"),
    "choppers of two": ("state/choppers/signs", last(2), r"signs.*\+1 or -1"),
    "choppers of zero": ("state/choppers/signs", last(0), r"signs.*\+1 or -1"),
    "choppers of -128": ("state/choppers/signs", last(-128), r"signs.*\+1 or -1"),
    "a flip at once and later": ("state/tracker/flipped", last(True), "flipped"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_values_are_refused(case):
    path, change, match = IMPOSSIBLE[case]
    refused("ERider", altered(STATES["ERider"], path.split("/"), change), match)


HEADS = {
    "kind": ("AnalogTile", "CrossbarArrays", None, 1),
    "format": (0, 2, 1.0, True, "1"),
    "stream_version": (dt.STREAM_VERSION + 1, 0, None, float(dt.STREAM_VERSION)),
    "shape": ([5, 7], [7], [7, 5, 1], [0, 5], [-7, -5], [7.0, 5.0], 35, None, [2**40, 2**40], [2**31, 1], [True, 5]),
    "device": ({}, None, {"kind": "SoftBounds"}, {"kind": ["SoftBounds"]}, {"kind": "Periphery"}, DEVICE, [1]),
    "state": (None, [], "state", {}, {"state": 1}, {1: 2}),
}


@pytest.mark.parametrize("key", HEADS)
def test_heads_are_checked(key):
    for wrong in HEADS[key]:
        state = copy.deepcopy(STATES["CrossbarArray"])
        state[key] = wrong
        assert not offer("CrossbarArray", state)


@pytest.mark.parametrize("wrong", [None, 1, "state", [], {}, {"kind": "AnalogTile"}])
def test_other_things_are_no_states(wrong):
    for thing in OBJECTS.values():
        for load in (thing.load_state_dict, type(thing).from_state_dict):
            with assert_unchanged(thing), pytest.raises(dt.SnapshotError):
                load(wrong)


def test_configurations_must_be_equal_in_place():
    tile = TILES["ERider"]
    for other in (
        dt.AnalogTile(SHAPE, states.rule("ERider", DEVICE, gamma=0.3), rng=1),
        dt.AnalogTile(SHAPE, tile.algorithm, forward=dt.Periphery.ideal(), rng=1),
        dt.AnalogTile(SHAPE, tile.algorithm, update=dt.PulseUpdate(desired_bl=5), rng=1),
        dt.AnalogTile(SHAPE[::-1], tile.algorithm, rng=1),
    ):
        with assert_unchanged(other), pytest.raises(dt.SnapshotError, match="own"):
            other.load_state_dict(STATES["ERider"])
    array = dt.CrossbarArray(SHAPE, dt.devices.SoftBounds(), rng=1)
    with assert_unchanged(array), pytest.raises(dt.SnapshotError, match="device"):
        array.load_state_dict(STATES["CrossbarArray"])


def test_states_of_other_devices_do_not_fit():
    """Right planes but a device that cannot be in that state."""
    state = dt.CrossbarArray(SHAPE, dt.devices.SoftBounds(w_max=0.5, w_max_dtod=0.0, drift_nu=0.1), rng=1)
    state.drift(1.0)
    state = state.state_dict()
    state["device"] = dt.devices.SoftBounds(w_max=0.5, w_max_dtod=0.0).to_dict()
    with pytest.raises(dt.SnapshotError, match="drift"):
        dt.CrossbarArray.from_state_dict(state)


def test_nesting_has_an_end():
    state = copy.deepcopy(STATES["CrossbarArray"])
    state["state"]["trace"]["loop"] = state["state"]
    refused("CrossbarArray", state, "deep")


def test_orders_and_views_of_arrays_do_not_matter():
    """The values count: Fortran order, views, read-only and misaligned arrays."""
    state = copy.deepcopy(STATES["ERider"])
    for path in paths("ERider", np.ndarray):
        parent = parent_of(state, path)
        array = parent[path[-1]]
        buffer = np.zeros(array.nbytes + 1, np.uint8)
        misaligned = buffer[1:].view(array.dtype).reshape(array.shape)
        misaligned[:] = array
        parent[path[-1]] = np.asfortranarray(array) if array.ndim > 1 else misaligned
        parent[path[-1]].flags.writeable = False
    states.assert_same(dt.AnalogTile.from_state_dict(state).state_dict(), STATES["ERider"])


INTEGERS = st.integers(-3, 3) | st.integers() | st.sampled_from([2**31, 2**32, 2**55, 2**56, 2**63, 2**64])
FLOATS = st.floats() | st.floats(-2, 2)
ANYTHING = INTEGERS | FLOATS | st.none() | st.text(max_size=3) | st.booleans() | st.builds(dict) | st.builds(list)


@st.composite
def edited(draw):
    """A state with some entries dropped, replaced or changed in one value."""
    name = draw(st.sampled_from(sorted(STATES)))
    state = copy.deepcopy(STATES[name])
    for _ in range(draw(st.integers(1, 3))):
        path, value = draw(st.sampled_from(list(states.leaves(state))))
        parent = parent_of(state, path)
        action = draw(st.sampled_from(["drop", "replace", "value", "dtype", "shape", "rename"]))
        if action == "drop":
            del parent[path[-1]]
        elif action == "rename":
            parent[draw(st.text(max_size=3))] = parent.pop(path[-1])
        elif not isinstance(value, np.ndarray):
            parent[path[-1]] = draw(ANYTHING)
        elif action == "dtype":
            with np.errstate(all="ignore"):
                parent[path[-1]] = value.astype(draw(st.sampled_from("?bBhHiIlLqQefdg")))
        elif action == "shape":
            parent[path[-1]] = np.resize(value, draw(st.lists(st.integers(0, 9), max_size=3)))
        elif value.size:
            index = draw(st.integers(0, value.size - 1))
            if value.dtype.kind == "f":
                new = draw(FLOATS)
            else:
                info = np.iinfo(value.dtype) if value.dtype.kind in "iu" else None
                new = draw(st.integers(int(info.min), int(info.max)) if info else st.booleans())
            with np.errstate(all="ignore"):
                value.flat[index] = new
    return name, state


@given(edited())
def test_random_edits_are_refused_or_harmless(case):
    offer(*case)
