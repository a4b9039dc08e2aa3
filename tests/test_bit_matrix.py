"""Contract 1 as one matrix: threads x levels x ways to the same state x every device, every rule, every layer.

A process per level and number of threads goes all ways; the level of the kernels is chosen once per process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dsptrack as dt
from dsptrack import _core
from helpers import matrix, states, zoo

TESTS = Path(__file__).parent
LEVELS = _core.isa_levels()
THREADS = (1, 2, 3, 7)


def in_process(level, threads, part, **files):
    """Hashes by number of threads, subject and way, from a process at this level."""
    options = [f"--{name}={path}" for name, path in files.items()]
    command = [sys.executable, "-m", "helpers.matrix", part, *map(str, threads), *options]
    environment = os.environ | {"DSPTRACK_ISA": level, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["isa"] == level
    return {int(count): hashes for count, hashes in answer["hashes"].items()}


def different(found, expected):
    """The cells of the matrix that are not as expected: (threads, subject, way)."""
    cells = [(n, name, way) for n, subjects in found.items() for name, ways in subjects.items() for way in ways]
    assert len({name for _, name, _ in cells}) == len(expected)
    return [(n, name, way) for n, name, way in cells if found[n][name][way] != expected[name]["whole"]]


def reference(part, folder):
    """One run on one thread at the lowest level, and the file of its states half-way."""
    path = folder / "half.safetensors"
    return in_process(LEVELS[0], [1], part, write=path)[1], path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return reference("whole", tmp_path_factory.mktemp("matrix"))


def test_representatives(tmp_path):
    """Lowest level and one thread against highest level and three threads, states handed over in a file."""
    expected, path = reference("quick", tmp_path)
    assert different({1: expected}, expected) == []
    found = in_process(LEVELS[-1], [3], "quick", read=path)
    assert different(found, expected) == []
    ways = {way for subject in found[3].values() for way in subject}
    assert ways == {"whole", "resumed", "split", "another process"}
    assert len({ways["whole"] for ways in expected.values()}) == len(expected), "no two subjects are one"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("level", LEVELS)
def test_everything(level, threads, whole):
    expected, path = whole
    assert different(in_process(level, [threads], "whole", read=path), expected) == []


def test_nothing_is_left_out():
    """A new device, rule or layer enters the matrix by itself, or fails here."""
    names = {name for name, _ in matrix.subjects("whole")}
    assert {f"device {name}" for name in zoo.EVERYTHING} <= names
    assert {f"rule {name}" for name in states.RULES} <= names
    models = {type(zoo.make(name)).__name__ for name in zoo.MODELS}
    devices = {n for n in dt.devices.__all__ if isinstance(getattr(dt.devices, n), type)} - {"Device"}
    assert {n for n in devices if issubclass(getattr(dt.devices, n), dt.devices.Device)} <= models
    layers = {name for name in dt.nn.__all__ if isinstance(getattr(dt.nn, name), type)}
    layers = {name for name in layers if issubclass(getattr(dt.nn, name), dt.nn.Layer)} - {"Layer", "AnalogLayer"}
    assert layers == set(matrix.Network.LAYERS)
    network = repr(matrix.Network("ERider", zoo.make("soft")).make(1))
    assert [name for name in layers if f"{name}(" not in network] == []
