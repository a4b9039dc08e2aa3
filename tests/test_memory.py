"""Memory of E-RIDER: P, W and reference of a layer within 80 bytes a cell, made and stepped (Linux's VmHWM)."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from Linux's /proc")

PROGRAM = """
import sys
import numpy as np
import dsptrack as dt

def kilobytes(field):
    return int(next(line for line in open("/proc/self/status") if line.startswith(field)).split()[1])

side = int(sys.argv[2])
device = dt.presets.reram_array_om(reference_mean=0.2, reference_std=0.1)
gradient = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
x, d = gradient[:8].copy(), gradient[8:16].copy()
before = kilobytes("VmHWM")
if sys.argv[1] == "optim":
    o = dt.optim.ERider((side, side), device, alpha=0.01, chop_probability=1.0, rng=0)
    for _ in range(3):
        o.step(gradient)
        assert o.weights.shape == (side, side)
else:
    t = dt.AnalogTile((side, side), dt.algorithms.ERider(device=device), rng=0)
    for _ in range(3):
        t.forward(x)
        t.backward(d)
        t.update(x, d, 0.1)
print((kilobytes("VmHWM") - before) * 1024 / (3 * side**2))
"""


def bytes_per_cell(kind, side):
    command = [sys.executable, "-c", PROGRAM, kind, str(side)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("kind", ["optim", "tile"])
def test_a_small_layer(kind):
    assert 12 < bytes_per_cell(kind, 512) < 80


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["optim", "tile"])
def test_ten_million_cells(kind):
    assert 12 < bytes_per_cell(kind, 1824) < 80
