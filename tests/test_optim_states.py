"""States of optimizers and trackers: resumed runs go on with the bits of whole ones, wrong states change nothing."""

import subprocess
import sys

import numpy as np
import pytest

import dsptrack as dt
from helpers import states
from helpers.build import device
from helpers.states import assert_same, assert_unchanged

SHAPE = (5, 7)
FAST = device("SoftBoundsReference", dw_min=0.01, up_down=0.1, reference_std=0.1, write_noise_std=0.5)
SLOW = device("SoftBounds", dw_min=0.02, up_down=-0.1, w_max=2.0, w_min=-2.0)
OWN = {
    "AnalogSGD": {},
    "ResidualLearning": {},
    "TwoStageResidual": {"n_pulses": 60, "scheme": "stochastic"},
    "Rider": {"eta": 0.2},
    "ERider": {"eta": 0.2, "chop_probability": 0.4},
}
NAMES = tuple(OWN)
CASES = [(name, mode) for name in NAMES for mode in ("pulsed", "mean_field")] + [("ERider", "regular")]


def make(name, mode="pulsed", shape=SHAPE, rng=3, **fields):
    devices = (FAST,) if name == "AnalogSGD" else (FAST, SLOW)
    fields = OWN[name] | fields | ({"chop_random": False, "mode": "pulsed"} if mode == "regular" else {"mode": mode})
    return getattr(dt.optim, name)(shape, *devices, alpha=0.07, rng=rng, **fields)


def drive(o, steps, start=0):
    for step in range(start, start + steps):
        o.step(o.weights - 0.2 + states.whole_numbers(o.shape, step))


def worked(name, *arguments, **fields):
    o = make(name, *arguments, **fields)
    drive(o, 6)
    return o


def test_all_rules_are_here():
    assert {name for name in dt.optim.__all__ if name != "Optimizer"} == set(NAMES)


@pytest.mark.parametrize(("name", "mode"), CASES)
@pytest.mark.parametrize("shape", [SHAPE, 6, (1, 6)], ids=str)
def test_resumed_runs_have_the_bits_of_whole_ones(name, mode, shape):
    whole, stopped = make(name, mode, shape), worked(name, mode, shape)
    state = stopped.state_dict()
    drive(stopped, 3, start=50)  # what happens after the state was taken does not reach it
    resumed, loaded = type(whole).from_state_dict(state, num_threads=2), make(name, mode, shape, rng=99)
    loaded.load_state_dict(state)
    assert (resumed.shape, resumed.mode, resumed.parameters) == (whole.shape, whole.mode, whole.parameters)
    drive(whole, 16)
    for o in (resumed, loaded):
        live = o.arrays["W"]
        drive(o, 10, start=6)
        assert_same(o.state_dict(), whole.state_dict())
        assert o.ledger == whole.ledger
        np.testing.assert_array_equal(live.weights, whole.arrays["W"].weights)
        if name != "AnalogSGD":
            np.testing.assert_array_equal(o.sp_estimate, whole.sp_estimate)
    if name == "ERider":
        assert whole.ledger["reference"]["programming_events"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_files(name, tmp_path):
    o = worked(name)
    dt.io.save(tmp_path / "o.safetensors", o.state_dict())
    again = type(o).from_state_dict(dt.io.load(tmp_path / "o.safetensors"))
    assert_same(again.state_dict(), o.state_dict())


def test_another_process_goes_on(tmp_path):
    o = worked("ERider")
    dt.io.save(tmp_path / "o.safetensors", o.state_dict())
    program = (
        "import sys, numpy as np, dsptrack as dt\n"
        "o = dt.optim.ERider.from_state_dict(dt.io.load(sys.argv[1]))\n"
        "for k in range(8): o.step(np.full(o.shape, (-1.0) ** k / 4))\n"
        "dt.io.save(sys.argv[1], o.state_dict())\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "o.safetensors")], check=True)
    for k in range(8):
        o.step(np.full(o.shape, (-1.0) ** k / 4))
    assert_same(dt.io.load(tmp_path / "o.safetensors"), o.state_dict())


def test_two_stages_do_not_calibrate_again():
    """The state holds the end of the calibration: 10^9 pulses would take hours."""
    o = worked("TwoStageResidual")
    state = o.state_dict()
    state["state"]["parameters"]["n_pulses"] = 10**9
    assert dt.optim.TwoStageResidual.from_state_dict(state).parameters["n_pulses"] == 10**9


# Wrong states


def changed(state, path, value):
    """A copy of a state with another value at a path; a missing value takes the entry out."""
    first, *rest = path
    if rest:
        return state | {first: changed(state[first], rest, value)}
    return {k: v for k, v in state.items() if k != first} | ({} if value is None else {first: value})


def refused(o, state, words=None):
    with assert_unchanged(o):
        for load in (o.load_state_dict, type(o).from_state_dict):
            with pytest.raises(dt.SnapshotError, match=words):
                load(state)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_may_be_missing_mistyped_or_added(name):
    o = worked(name)
    state = o.state_dict()
    own = [p for p, _ in states.leaves(state) if p[:2] != ("state", "arrays") and p[0] not in OPTIONAL]
    for path in [*own, ("device",), ("state", "arrays", "W"), ("state", "arrays"), ("state",)]:
        refused(o, changed(state, path, None), f"{path[-1]}|shape")
        if path == ("dsptrack",):
            continue  # the version is only said in messages
        for wrong in ("text", [1.0], {}, np.zeros(3, complex), np.zeros((5, 7)), object(), -1, 2**60):
            refused(o, changed(state, path, wrong))
    for folder in {path[:-1] for path, _ in states.leaves(state)}:
        refused(o, changed(state, (*folder, "surplus"), 1.0), "surplus|shape")


OPTIONAL = ("device", "slow_device")  # missing fields of a configuration take their defaults


@pytest.mark.parametrize("name", NAMES)
def test_states_of_others_are_refused(name):
    o = worked(name)
    state = o.state_dict()
    with assert_unchanged(o):
        for other in NAMES:
            if other != name:
                with pytest.raises(dt.SnapshotError, match="kind"):
                    o.load_state_dict(worked(other).state_dict())
        with pytest.raises(dt.SnapshotError, match="shape"):
            o.load_state_dict(worked(name, "pulsed", (7, 5)).state_dict())
        with pytest.raises(dt.SnapshotError, match=r"parameters\.mode"):
            o.load_state_dict(worked(name, "mean_field").state_dict())
        with pytest.raises(dt.SnapshotError, match="device"):
            o.load_state_dict(changed(state, ("device",), SLOW.to_dict()))
        with pytest.raises(dt.SnapshotError, match=r"parameters\.alpha"):
            o.load_state_dict(changed(state, ("state", "parameters", "alpha"), 0.08))
        with pytest.raises(dt.SnapshotError, match=r"parameters\.vector"):
            make(name, "pulsed", (1, 6)).load_state_dict(make(name, "pulsed", 6).state_dict())
    with pytest.raises(dt.ConfigError, match="num_threads"):
        type(o).from_state_dict(state, num_threads=0)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "AnalogSGD"])
def test_a_state_whose_second_array_is_wrong_leaves_the_first(name):
    o, other = worked(name), worked(name, rng=4)
    state = other.state_dict()
    weights = state["state"]["arrays"]["W"]["state"]
    refused(o, changed(state, ("state", "arrays", "W", "state"), np.where(weights > 0, np.nan, weights)), r"arrays\.W")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("choppers", "signs"), np.array([0], np.int8), "signs: must be"),
        (("choppers", "generator"), np.array([1, 2, 3, 4], np.uint64), "generator: must have an odd"),
        (("choppers", "steps"), -1, "steps: is -1"),
        (("events",), 1.0, "events: is 1.0"),
        (("events",), True, "events: is True"),
        (("average", "value"), np.full(SHAPE, np.nan, np.float32), "value: must be finite"),
        (("average", "value"), np.zeros((7, 5), np.float32), "value: is float32"),
        (("reference",), np.zeros(SHAPE), "reference: is float64"),
    ],
)
def test_trackers_are_checked(path, value, words):
    o = worked("ERider")
    refused(o, changed(o.state_dict(), ("state", "tracker", *path), value), words)
    tracker = dt.tracking.Tracker(SHAPE, eta=0.1, chop_probability=0.5)
    state = changed(tracker.state_dict(), ("state", *path), value)
    with assert_unchanged(tracker), pytest.raises(dt.SnapshotError, match=words):
        tracker.load_state_dict(state)


def test_riders_reference_is_its_average():
    """One plane serves as both, also after a restart."""
    o = worked("Rider")
    refused(o, changed(o.state_dict(), ("state", "tracker", "reference"), np.ones(SHAPE, np.float32)), "the average")
    resumed = dt.optim.Rider.from_state_dict(o.state_dict())
    drive(resumed, 3)
    np.testing.assert_array_equal(resumed.sp_estimate, resumed.average)


@pytest.mark.parametrize("random", [True, False])
@pytest.mark.parametrize("per_column", [True, False])
def test_trackers_go_on(random, per_column, rng):
    fields = {"eta": 0.2, "chop_probability": 0.3, "chop_random": random, "per_column": per_column}
    whole, other = (dt.tracking.Tracker(SHAPE, **fields, rng=seed) for seed in (1, 2))
    readings = rng.standard_normal((40, *SHAPE)).astype(np.float32)
    for p in readings[:20]:
        whole.observe(p)
    other.load_state_dict(whole.state_dict())
    for p in readings[20:]:
        np.testing.assert_array_equal(whole.observe(p), other.observe(p))
    assert_same(whole.state_dict(), other.state_dict())
    with pytest.raises(dt.SnapshotError, match="shape"):
        other.load_state_dict(dt.tracking.Tracker((7, 5), eta=0.2).state_dict())
