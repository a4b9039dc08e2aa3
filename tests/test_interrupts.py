"""Ctrl-C ends long calls, and what they were changing is as documented: nothing changed, or whole pulses sent."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from helpers import long_calls, states

TESTS = Path(__file__).parent
QUICK = {"zero_shift", "update", "tile update", "layer forward", "layer update", "new array"}


@pytest.fixture(autouse=True)
def _interrupts_are_heard():
    """A job that a script put into the background, as CI may, inherits an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def heard():
    """Let a new process hear SIGINT, whatever this one inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(name, threads):
    """What a process says that interrupted itself; it is asked again, sooner, where the call had ended before."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    for seconds in (0.3, 0.1, 0.03):
        command = [sys.executable, "-m", "helpers.long_calls", name, str(seconds), str(threads)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=250, check=False, preexec_fn=heard
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        if answer["interrupted"]:
            break
    return answer


def cases():
    """The quick ones on two threads, one also on one; all others in the slow tier."""
    for name in long_calls.CALLS:
        for threads in (1, 2):
            quick = name in QUICK and (threads == 2 or name == "update")
            yield pytest.param(name, threads, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("name", "threads"), list(cases()))
def test_a_long_call_is_interrupted(name, threads):
    left, _ = long_calls.CALLS[name]
    answer = interrupted(name, threads)
    assert answer["interrupted"]
    assert answer.get("usable", True)
    if left == long_calls.UNCHANGED:
        assert answer["changed"] == []
    if left == long_calls.PULSES and name != "program":
        assert answer["pulses"] == answer["sent"] > 0


def test_an_interrupted_call_may_be_made_again():
    """What follows has the bits that it would have had without the interruption."""
    x = states.whole_numbers((9_000, 400), 1)
    tiles = [dt.AnalogTile((400, 400), states.rule("ERider", states.noisy("soft-reference")), rng=1) for _ in range(2)]
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()

    def read_on():
        for _ in range(1000):
            tiles[0].forward(x)  # a signal between two calls ends the loop as well
            tiles[1].load_state_dict(tiles[0].state_dict())

    with pytest.raises(KeyboardInterrupt):
        read_on()
    timer.join()
    tiles[1].load_state_dict(tiles[0].state_dict())
    for tile in tiles:
        states.train(tile, 2)
    states.assert_same(tiles[0].state_dict(), tiles[1].state_dict())


def test_a_signal_handler_may_look_but_not_wait():
    """A handler runs within the call: another object works as always, the busy one says so and nothing hangs."""
    array = dt.CrossbarArray((600, 600), dt.presets.reram_array_om(), rng=0)
    other = dt.CrossbarArray((3, 3), dt.presets.reram_array_om(), rng=0)
    seen = []

    def handler(*_):
        other.pulse_random(3)
        seen.append(other.weights.shape)
        try:
            seen.append(array.weights.shape)
        except dt.StateError as error:
            seen.append(str(error))
        raise TimeoutError

    former = signal.signal(signal.SIGUSR1, handler)
    try:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with pytest.raises(TimeoutError):
            dt.zero_shift(array, 10_000_000)
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert seen[0] == (3, 3)
    assert seen[1] == (600, 600) or "busy" in seen[1]
    assert array.ledger["pulses_up"] > 0


@pytest.mark.parametrize(
    ("call", "used"), [("layer", "update"), ("layer", "tile"), ("tile", "forward"), ("tile", "update")]
)
def test_a_signal_handler_may_use_a_layer_but_not_wait(call, used):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-m", "helpers.handlers", call, used]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "is busy with the call that the signal handler interrupts" in done.stdout


def test_a_handler_that_raises_nothing_disturbs_nothing():
    arrays = [dt.CrossbarArray((500, 500), dt.presets.reram_array_om(), rng=0) for _ in range(2)]
    delta = np.full((500, 500), 300 * arrays[0].device.dw_min)
    calls = []
    former = signal.signal(signal.SIGUSR1, lambda *_: calls.append(time.monotonic()))
    stop = threading.Event()

    def pester():
        while not stop.wait(0.02):
            os.kill(os.getpid(), signal.SIGUSR1)

    thread = threading.Thread(target=pester)
    try:
        thread.start()
        for _ in range(2):
            arrays[0].increment(delta)
    finally:
        stop.set()
        thread.join()
        signal.signal(signal.SIGUSR1, former)
    for _ in range(2):
        arrays[1].increment(delta)
    states.assert_same(arrays[0].state_dict(), arrays[1].state_dict())
    assert calls
