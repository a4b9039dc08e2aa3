"""Pulse-level traces: every pulse of the chosen cells, in order, and nothing disturbed by looking."""

import numpy as np
import pytest

import dsptrack as dt
from helpers.build import spread_weights
from helpers.zoo import KINDS, make, silent, twin

SHAPE = (7, 11)
CELLS = [(0, 0), (6, 10), (3, 4), (3, 5), (0, 10)]
GENERATOR = np.random.default_rng(5)
X, D = GENERATOR.standard_normal((12, SHAPE[1])), GENERATOR.standard_normal((12, SHAPE[0]))
MASK = GENERATOR.integers(-1, 2, SHAPE).astype(np.int8)
DELTA = 0.2 * GENERATOR.standard_normal(SHAPE)

CALLS = {
    "up": lambda a: a.pulse(1, 5),
    "down": lambda a: a.pulse(-1, 5),
    "mask": lambda a: a.pulse(MASK, 4),
    "random": lambda a: a.pulse_random(30),
    "increment": lambda a: a.increment(DELTA),
    "sparse update": lambda a: a.update(X, D, 0.005),
    "dense update": lambda a: a.update(X, D, 0.5, dt.PulseUpdate(fidelity="pulse")),
    "deterministic update": lambda a: a.update(X, D, 0.2, dt.PulseUpdate(pulse_type="mean_count")),
    "cyclic": lambda a: dt.zero_shift(a, 21, scheme="cyclic"),
    "stochastic": lambda a: dt.zero_shift(a, 20, scheme="stochastic"),
    "program": lambda a: a.program(DELTA, tolerance=0.05, max_rounds=20),
}


def started(name="soft", seed=1, cells=CELLS, **fields):
    """An array at random weights that records, and those weights."""
    array = dt.CrossbarArray(SHAPE, make(name, **({"dw_min_std": 0.5} | fields)), rng=seed, count_pulses=True)
    array.set_weights(spread_weights(twin(array), np.random.default_rng(seed)))
    array.trace(cells)
    return array, array.weights


def of_cell(records, cell):
    """The records of one cell."""
    return records[(records["row"] == cell[0]) & (records["column"] == cell[1])]


def assert_consistent(array, start, cells=CELLS):
    """Chains of before and after from the first weight to the last; as many as were counted; nothing else."""
    records, (up, down) = array.traces(), array.pulse_counts
    end = array.weights
    assert {(int(r["row"]), int(r["column"])) for r in records} <= set(cells)
    assert len(records) == sum(int(up[cell] + down[cell]) for cell in cells)
    for cell in cells:
        own = of_cell(records, cell)
        assert np.sum(own["polarity"] == 1) == up[cell]
        assert np.sum(own["polarity"] == -1) == down[cell]
        if len(own) == 0:
            assert end[cell] == start[cell]
            continue
        assert own["before"][0] == start[cell]
        assert own["after"][-1] == end[cell]
        np.testing.assert_array_equal(own["before"][1:], own["after"][:-1])
        deltas = own["after"].astype(np.float64) - own["before"]
        assert deltas.sum() == pytest.approx(float(end[cell]) - float(start[cell]), abs=1e-6)
        assert np.all(np.diff(own["event"]) >= 0)
    return records


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", KINDS)
def test_the_deltas_add_up_to_the_change(name, call):
    array, start = started(name)
    CALLS[call](array)
    assert_consistent(array, start)


@pytest.mark.parametrize("name", KINDS)
def test_many_calls_in_a_row(name):
    array, start = started(name, seed=2)
    for call in CALLS.values():
        call(array)
    records = assert_consistent(array, start)
    # Every call has its own events, later ones with larger numbers
    lengths = []
    array, start = started(name, seed=2)
    for call in CALLS.values():
        before = len(array.traces())
        call(array)
        new = array.traces()
        assert len(new) >= before
        lengths.append(len(new))
    assert lengths[-1] == len(records)


@pytest.mark.parametrize("call", CALLS)
def test_recording_changes_no_bit(call):
    silent_one, recorded = (started(seed=3)[0] for _ in range(2))
    silent_one.trace(None)
    for array in (silent_one, recorded):
        CALLS[call](array)
        array.pulse_random(3)
    np.testing.assert_array_equal(silent_one.weights, recorded.weights)
    assert silent_one.ledger == recorded.ledger


@pytest.mark.parametrize("call", CALLS)
def test_traces_do_not_depend_on_threads(call):
    """All cells of an array that is large enough for two threads."""
    results = []
    for threads in (1, 2):
        array = dt.CrossbarArray((130, 129), make("linear", dw_min_std=0.5), rng=4, num_threads=threads)
        array.trace([(0, 3), (129, 128), (64, 64), (65, 0), (77, 100)])
        generator = np.random.default_rng(6)
        if "update" in call:
            array.update(generator.standard_normal((4, 129)), generator.standard_normal((4, 130)), 0.3)
        else:
            array.pulse_random(20)
            array.pulse(-1, 3)
        results.append((array.traces(), array.weights))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_polarity_and_order():
    """Cyclic zero-shifting is up, down, up, ...; masks and plain pulses have one sign each, call after call."""
    array, _ = started(seed=7)
    dt.zero_shift(array, 9, scheme="cyclic")
    for cell in CELLS:
        np.testing.assert_array_equal(of_cell(array.traces(), cell)["polarity"], [1, -1, 1, -1, 1, -1, 1, -1, 1])
    array, _ = started(seed=7)
    array.pulse(1, 2)
    array.pulse(-1, 3)
    array.pulse(MASK, 2)
    for cell in CELLS:
        own = of_cell(array.traces(), cell)
        np.testing.assert_array_equal(own["polarity"], [1, 1, -1, -1, -1] + [MASK[cell]] * (2 * abs(MASK[cell])))
        events = own["event"]
        assert events[1] < events[2]
        if MASK[cell]:
            assert events[4] < events[5]


@pytest.mark.parametrize("name", KINDS)
def test_every_record_is_one_of_the_twins_pulses(name):
    """Noise-free: each before leads to its after by one pulse of its polarity, whatever call sent it."""
    dev = silent(name)
    array = dt.CrossbarArray(SHAPE, dev, rng=8)
    cells = twin(array)
    array.trace([(i, j) for i in range(SHAPE[0]) for j in range(SHAPE[1])])
    for call in CALLS.values():
        call(array)
    records = array.traces()
    assert len(records) > 2000
    last = np.zeros(SHAPE)
    rank = np.zeros(len(records), dtype=int)
    for n, record in enumerate(records):
        rank[n] = last[record["row"], record["column"]]
        last[record["row"], record["column"]] += 1
    for n in range(rank.max() + 1):
        some = records[rank == n]
        where = some["row"], some["column"]
        w, direction = np.zeros(SHAPE), np.zeros(SHAPE)
        w[where], direction[where] = some["before"], some["polarity"]
        np.testing.assert_allclose(cells.pulses(w, direction)[where], some["after"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["soft", "linear", "exp", "pow", "piecewise"])
def test_traces_hold_the_persistent_weight(name):
    """With write noise the records are the noise-free chain below it."""
    dev = silent(name, write_noise_std=0.0)
    noisy = make(name, write_noise_std=3.0, apply_write_noise_on_set=False)
    plain, writing = (dt.CrossbarArray(SHAPE, d, rng=9, cell_parameters=None) for d in (dev, noisy))
    for array in (plain, writing):
        array.set_weights(np.full(SHAPE, 0.1))
        array.trace(CELLS)
        array.pulse(1, 6)
        array.pulse(MASK, 6)
    for field in ("row", "column", "polarity", "before", "after"):
        np.testing.assert_array_equal(plain.traces()[field], writing.traces()[field], err_msg=field)
    assert np.any(writing.weights != plain.weights)


def test_pulses_against_a_bound_are_recorded():
    """A pulse that moves nothing is a pulse: counted, and before equals after."""
    array = dt.CrossbarArray(SHAPE, silent("constant"), rng=10, count_pulses=True)
    array.set_weights(np.full(SHAPE, 9.0))
    start = array.weights
    array.trace(CELLS)
    array.pulse(1, 4)
    records = assert_consistent(array, start)
    assert len(records) == 4 * len(CELLS)
    np.testing.assert_array_equal(records["before"], records["after"])


def test_what_is_no_pulse_is_not_recorded():
    array, _ = started(lifetime=5.0, diffusion=0.1, drift_nu=0.1)
    array.increment(DELTA, mode="mean_field")
    array.set_weights(np.zeros(SHAPE))
    array.decay()
    array.diffuse()
    array.reset()
    array.drift(2.0)
    array.clip(0.1)
    array.forward(np.ones((1, SHAPE[1])))
    array.pulse(1, 0)
    array.pulse(np.zeros(SHAPE, np.int8), 5)
    assert len(array.traces()) == 0
    start = array.weights
    array.pulse(1)
    records = array.traces()
    assert len(records) == len(CELLS)
    for record in records:
        assert record["before"] == start[record["row"], record["column"]]


def test_start_stop_and_start_again():
    array, start = started()
    array.pulse(1, 3)
    array.trace(None)
    array.pulse(1, 3)
    assert len(array.traces()) <= 3 * len(CELLS)
    array.trace([(1, 1)])
    assert len(array.traces()) == 0
    array.pulse(-1, 2)
    records = array.traces()
    assert [(int(r["row"]), int(r["column"]), int(r["polarity"])) for r in records] == [(1, 1, -1)] * 2
    assert start.shape == SHAPE


def test_one_call_splits_like_its_pulses():
    """5 + 7 pulses and 12 pulses leave the same records but for the events."""
    whole, parts = (started(seed=11)[0] for _ in range(2))
    whole.pulse(1, 12)
    parts.pulse(1, 5)
    parts.pulse(1, 7)
    for field in ("row", "column", "polarity", "before", "after"):
        first, second = (np.concatenate([of_cell(a.traces(), c)[field] for c in CELLS]) for a in (whole, parts))
        np.testing.assert_array_equal(first, second, err_msg=field)


@pytest.mark.parametrize("cells", [[(7, 0)], [(0, 11)], [(-1, 0)], [0], [(0.5, 1)], [(0, 0, 0)]], ids=str)
def test_bad_cells_are_refused(cells):
    array, _ = started()
    with pytest.raises(dt.ConfigError):
        array.trace(cells)
    array.pulse(1)
    assert len(array.traces()) == len(CELLS), "the old recording goes on"


def quantised(q, device=None, seed=1):
    device = device or dt.devices.SoftBounds(dw_min=0.04, w_max=0.8, w_min=-0.8, dw_min_std=0.2)
    array, polarity = dt.CrossbarArray((1, 20), device, rng=seed), np.repeat([1, -1, 1], 150)
    reads = [array.weights[0]]
    for sign in polarity:
        array.pulse(int(sign))
        reads.append(array.weights[0])
    reads = np.transpose(reads).astype(np.float64)
    return polarity, np.rint(reads / q) * q if q else reads


@pytest.mark.parametrize("scale", [1.0, 4.5])
def test_reads_on_a_grid_are_noticed(scale):
    polarity, reads = quantised(1 / 64)
    with pytest.warns(
        UserWarning, match=f"multiples of {scale / 64:.3g} apart.*read_noise = {scale / 64 / 12**0.5:.3g}"
    ):
        dt.fit.device_from_pulses(polarity, 5.5 + scale * reads, g_range=(5.5 - scale, 5.5 + scale))


@pytest.mark.filterwarnings("error")
def test_other_reads_are_not():
    polarity, reads = quantised(1 / 64)
    dt.fit.device_from_pulses(polarity, reads, read_noise=1 / 64 / 12**0.5)
    polarity, reads = quantised(0)
    dt.fit.device_from_pulses(polarity, reads)
    exact = dt.devices.ConstantStep(dw_min=2**-6).nominal()
    dt.fit.device_from_pulses(*quantised(0, exact), model="constant_step")
