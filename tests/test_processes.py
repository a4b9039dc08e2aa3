"""Several Python threads, forks, pools of processes: nothing is corrupted, nothing hangs, and bits stay the same."""

import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from helpers import states
from helpers.states import assert_same

SHAPE = (261, 130)
TESTS = Path(__file__).parent


def new_tile(seed=1, threads=2):
    return dt.AnalogTile(SHAPE, states.rule("ERider", states.noisy("soft-reference")), rng=seed, num_threads=threads)


def work(tile, steps=3):
    states.train(tile, steps)
    for array in tile.arrays.values():
        array.pulse_random(40)
    return tile


def together(*calls):
    """Run calls in threads of their own that start at once; raise what any of them raised."""
    start = threading.Barrier(len(calls))

    def begin(call):
        start.wait()
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(begin, call) for call in calls]]


def test_two_tiles_at_once():
    tiles = [new_tile(seed) for seed in (1, 2, 3)]
    together(*(lambda tile=tile: work(tile, 8) for tile in tiles))
    for tile, seed in zip(tiles, (1, 2, 3), strict=True):
        assert_same(tile.state_dict(), work(new_tile(seed), 8).state_dict())


def test_one_tile_from_several_threads():
    """Calls wait for each other; those that draw nothing that another moves leave the same bits in any order."""
    array, alone = (dt.CrossbarArray(SHAPE, states.noisy("soft"), rng=1, num_threads=2) for _ in range(2))
    looks = []

    def look():
        looks.extend(array.weights.copy() for _ in range(20))

    together(*(lambda: [array.pulse_random(7) for _ in range(10)] for _ in range(3)), look)
    for _ in range(30):
        alone.pulse_random(7)
    assert_same(array.state_dict(), alone.state_dict())
    # What was seen in between were states between two calls, whole ones.
    steps = dt.CrossbarArray(SHAPE, states.noisy("soft"), rng=1)
    whole = {steps.weights.tobytes()}
    for _ in range(30):
        steps.pulse_random(7)
        whole.add(steps.weights.tobytes())
    assert {seen.tobytes() for seen in looks} <= whole


def test_threads_that_use_one_tile_in_all_ways():
    tile = new_tile()
    x, d = states.whole_numbers((4, SHAPE[1]), 1), states.whole_numbers((4, SHAPE[0]), 2)
    before = tile.ledger
    together(
        lambda: [tile.update(x, d, 0.1) for _ in range(10)],
        lambda: [tile.forward(x) for _ in range(10)],
        lambda: [tile.backward(d) for _ in range(10)],
        lambda: [tile.arrays["P"].pulse(+1) for _ in range(10)],
        lambda: [dt.AnalogTile.from_state_dict(tile.state_dict()) for _ in range(5)],
    )
    after = tile.ledger
    assert after["W"]["forward_reads"] - before["W"]["forward_reads"] >= 40
    assert after["P"]["array_pulses"] - before["P"]["array_pulses"] == 10


def test_arrays_that_others_write_to_are_copied_first():
    """A call takes its arguments before it releases the interpreter: a writer in another thread cannot change them."""
    array, alone = (dt.CrossbarArray(SHAPE, states.noisy("soft"), rng=1) for _ in range(2))
    delta = np.full(SHAPE, 0.05, np.float32)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            delta.fill(np.nan)
            delta.fill(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    done = 0
    try:
        for _ in range(40):
            try:
                array.increment(delta)
                done += 1
            except dt.NonFiniteError:  # copied in between
                pass
    finally:
        stop.set()
        writer.join()
    for _ in range(done):
        alone.increment(np.full(SHAPE, 0.05))
    assert_same(array.state_dict(), alone.state_dict())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_goes_on():
    """After pools and crews were started: the child has none of their threads."""
    tile = work(new_tile())
    layer = dt.nn.Linear(
        600, 400, states.rule("ERider", states.noisy("soft")), rng=0, num_threads=2, max_input_size=300
    )
    layer.forward(states.whole_numbers((64, 600), 1))
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            work(tile)
            layer.forward(states.whole_numbers((64, 600), 1))
            os.write(write, states.digest(tile.state_dict()).encode())
        finally:
            os._exit(0)
    os.close(write)
    killer = threading.Timer(60, os.kill, (child, 9))
    killer.start()
    with os.fdopen(read) as pipe:
        found = pipe.read()
    _, status = os.waitpid(child, 0)
    killer.cancel()
    assert status == 0, "the child hung or died"
    assert found == states.digest(work(tile).state_dict())


def digest_of(seed):
    return states.digest(work(new_tile(seed)).state_dict())


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_pools_of_processes(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not here")
    expected = [digest_of(seed) for seed in (1, 2)]
    context = multiprocessing.get_context(method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(digest_of, (1, 2), timeout=120)) == expected


def test_joblib_pools():
    """Loky, the pool of joblib: scikit-learn, which dsptrack needs, brings it."""
    joblib = pytest.importorskip("joblib")
    script = (
        "import joblib\nfrom test_processes import digest_of\n"
        "print(*joblib.Parallel(n_jobs=2)(joblib.delayed(digest_of)(seed) for seed in (1, 2)))"
    )
    assert joblib
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [digest_of(1), digest_of(2)]
