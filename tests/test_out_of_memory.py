"""Memory that cannot be had is a MemoryError and never the end of the process, and the object stays as it was.

Linux promises more memory than there is; what it then cannot keep is beyond a program. A limit on the address space is
kept at once, so that every size can be tried in earnest.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from helpers import states, tight

TESTS = Path(__file__).parent
HUGE = (2**31 - 1, 1)


@pytest.mark.parametrize(
    ("limit", "scales"),
    [
        pytest.param(900, ["0.03", "100"]),
        *(
            pytest.param(limit, ["0.1", "0.25", "0.5", "1", "2", "4", "100"], marks=pytest.mark.slow)
            for limit in (700, 800, 900, 1300, 2000)
        ),
    ],
)
def test_little_memory(limit, scales):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
        "OPENBLAS_NUM_THREADS": "1",
        "DSPTRACK_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "helpers.memory", str(limit), *scales]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert {outcome for name, outcome in outcomes.items() if name.endswith("x 100")} <= {"MemoryError", "ConfigError"}
    assert "success" in outcomes.values()


@pytest.mark.parametrize("name", tight.calls())
def test_hardly_any_memory(name):
    """Every amount of room up to the first that suffices; the large planes are not taken from what was freed before."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
        "OPENBLAS_NUM_THREADS": "1",
        "DSPTRACK_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": "65536",
    }
    command = [
        sys.executable,
        "-m",
        "helpers.tight",
        name,
        *map(str, [2, 5, 10, 20, 30, 40, 60, 100, *range(200, 500, 50)]),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = list(json.loads(done.stdout).values())
    # What only a copy of the tiles lacks room for is done without one.
    assert outcomes[0] == ("success" if name == "layer update" else "MemoryError")
    assert outcomes[-1] == "success"


@pytest.mark.parametrize("shape", [HUGE, HUGE[::-1], (2**16, 2**15 - 1)])
def test_shapes_for_no_machine(shape):
    """Two thousand million cells: refused before a page of them is touched, unless there are hundreds of gigabytes."""
    if os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") > 1 << 36:
        pytest.skip("this machine might have them")
    device = dt.devices.SoftBounds()
    for make in (
        lambda: dt.CrossbarArray(shape, device),
        lambda: dt.AnalogTile(shape, dt.algorithms.ERider(device=device)),
        lambda: dt.AnalogTile(shape, states.rule("ResidualLearning", device)),
    ):
        with pytest.raises(MemoryError, match="cannot allocate"):
            make()


def test_long_traces():
    array = dt.CrossbarArray((20, 30), dt.devices.SoftBounds(), rng=0)
    array.trace([(i, j) for i in range(20) for j in range(30)])
    with states.assert_unchanged(array), pytest.raises(MemoryError, match="trace"):
        array.pulse(+1, 2**32 - 1)


@pytest.mark.parametrize("padding", [2**20, 2**31])
def test_wide_borders_of_images(padding):
    layer = dt.nn.Conv2d(1, 2, 5, dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds()), padding=padding, rng=0)
    with pytest.raises(MemoryError, match="images with their borders"):
        layer.forward(np.zeros((1, 1, 4, 4), np.float32))
