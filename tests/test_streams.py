"""Contract 1: the same bits on any number of threads and at every instruction-set level."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from dsptrack import _core
from helpers import scenario, stats

SCRIPT = Path(scenario.__file__)
THREADS = (1, 2, 3, 7)


def in_subprocess(level, threads, **environment):
    """Hashes of the scenario in a fresh interpreter that may use nothing above ``level``."""
    command = [sys.executable, str(SCRIPT), *map(str, threads)]
    environment = os.environ | {"DSPTRACK_ISA": level} | environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["isa"] == level
    return answer["hashes"]


@pytest.fixture(scope="module")
def baseline():
    return scenario.run(1)


def differences(hashes, expected):
    assert hashes.keys() == expected.keys()
    return [part for part in expected if hashes[part] != expected[part]]


@pytest.mark.parametrize("threads", [*THREADS[1:], None])
def test_threads_do_not_change_a_bit(threads, baseline):
    assert differences(scenario.run(threads), baseline) == []


@pytest.mark.parametrize("level", _core.isa_levels())
def test_isa_levels_do_not_change_a_bit(level, baseline):
    for threads, hashes in in_subprocess(level, THREADS[::2]).items():
        assert differences(hashes, baseline) == [], f"level {level}, {threads} threads"


def test_thread_count_from_the_environment(baseline):
    level = _core.isa_levels()[-1]
    assert differences(in_subprocess(level, [None], DSPTRACK_NUM_THREADS="3")["None"], baseline) == []


def test_a_level_can_be_forced_only_if_known():
    assert _core.isa() in _core.isa_levels()
    assert _core.isa_levels()[0] == "base"
    assert set(_core.isa_levels()) <= {"base", "v3", "v4"}


def test_the_scenario_sees_a_seed_and_a_step(baseline):
    """The hashes are worth comparing: no two parts are equal by accident."""
    changed = [part for part in baseline if not part.endswith("-reads")]
    assert len({baseline[part] for part in changed}) == len(changed)


def test_arrays_with_different_seeds_are_independent():
    device = dt.devices.ConstantStep(dw_min_std=1.0, dw_min_dtod=0.0, up_down_dtod=0.0)
    weights = []
    for seed in (0, 1, 2**32, 2**32 + 1):
        array = dt.CrossbarArray((128, 128), device, rng=seed)
        array.set_weights(np.zeros((128, 128)))
        array.pulse(+1)
        weights.append(array.weights)
    for i in range(4):
        for j in range(i):
            stats.assert_uncorrelated(weights[i], weights[j], f"seeds {j} and {i}")


def test_the_arrays_of_a_tile_are_independent():
    rule = dt.algorithms.ERider(device=dt.devices.SoftBoundsReference(reference_std=1.0))
    tile = dt.AnalogTile((128, 128), rule, rng=3)
    p, w = (array.cell_parameters() for array in tile.arrays.values())
    for name in p:
        stats.assert_uncorrelated(p[name], w[name], name)


def test_normals_reach_their_tails():
    """Four million draws: two-sided tail counts beyond 4, 4.5 and 5 sigma."""
    array = dt.CrossbarArray((2000, 2000), dt.devices.SoftBoundsReference(reference_std=1.0), rng=4)
    xi = np.abs(array.cell_parameters()["reference"].astype(np.float64))
    for limit, probability in ((4.0, 6.334e-5), (4.5, 6.795e-6), (5.0, 5.733e-7)):
        stats.assert_binomial(np.sum(xi > limit), xi.size, probability, f"beyond {limit} sigma")
