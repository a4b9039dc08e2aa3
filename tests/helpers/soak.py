"""Trains, snapshots, kills and resumes for a while: ``python -m helpers.soak --minutes 20``.

Two things in turn: a training in a process of its own, killed at random moments and resumed until it is through, whose
end must have the bits of a run that nothing stopped; and rounds of training, saving, loading and failing calls in this
process, whose memory must not grow. The report says how many, and ends with an error if anything was not so.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import dsptrack as dt
from helpers import states, training

PAGE = os.sysconf("SC_PAGE_SIZE") / 2**20
WARM = 10  # rounds before memory is compared: allocators and caches have what they want
ALLOWED = 8.0  # MiB that later rounds may differ by


def resident() -> float:
    """Memory of this process, MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


class Training:
    """A training that is killed and resumed."""

    def __init__(self, folder: Path, moments: random.Random) -> None:
        self.checkpoint, self.result = folder / "run.safetensors", folder / "result.safetensors"
        self.moments = moments
        self.kills = self.ends = self.left_over = 0
        began = time.monotonic()
        self._start(1).wait()
        self.longest = time.monotonic() - began
        self.expected = training.without_times(dt.io.load(self.result))
        self._forget()

    def _start(self, threads: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, training.__file__, str(self.checkpoint), str(self.result), str(threads)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def _forget(self) -> None:
        for path in self.checkpoint.parent.iterdir():
            path.unlink()

    def go(self) -> None:
        """One process more: killed, or at the end."""
        fresh, began = not self.checkpoint.exists(), time.monotonic()
        process = self._start(self.moments.choice((1, 2, 3)))
        try:
            process.wait(self.moments.uniform(0.02, 0.7) * self.longest)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.kills += 1
            self.left_over += len(list(self.checkpoint.parent.glob(".*.tmp")))
            return
        assert process.returncode == 0, f"the training failed: {process.returncode}"
        training.assert_same(training.without_times(dt.io.load(self.result)), self.expected)
        if fresh:  # the first run, on a cold or busy machine, may have taken longer
            self.longest = min(self.longest, time.monotonic() - began)
        self.ends += 1
        self._forget()


class Rounds:
    """Everything that could leak, in this process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tile.safetensors"
        self.memory: list[float] = []
        self.done = self.snapshots = 0

    def go(self) -> None:
        for name in states.RULES:
            tile = dt.AnalogTile((128, 96), states.rule(name, states.noisy("soft-reference")), rng=self.done)
            for step in range(3):
                states.train(tile, 2, start=2 * step)
                dt.io.save(self.path, tile.state_dict())
                tile = dt.AnalogTile.from_state_dict(dt.io.load(self.path), num_threads=1 + step)
                self.snapshots += 1
            for bad in (np.full((2, 3), np.nan), np.zeros((4, 96), complex), [[1.0], [1.0, 2.0]]):
                try:
                    tile.forward(bad)
                except dt.DspError:
                    continue
                raise AssertionError("a bad input was read")
        layer = dt.nn.Linear(96, 40, states.rule("ERider", states.noisy("soft")), rng=0, max_input_size=50)
        for step in range(5):
            layer.backward(layer.forward(states.whole_numbers((8, 96), step)))
            layer.update(0.1)
        array = dt.CrossbarArray((128, 96), states.noisy("pow"), rng=0)
        dt.zero_shift(array, 200)
        self.done += 1
        self.memory.append(resident())

    def growth(self) -> float:
        """MiB between the median of the first rounds after warming up and that of the last."""
        later = self.memory[WARM:]
        few = max(1, len(later) // 5)
        return float(np.median(later[-few:]) - np.median(later[:few])) if later else 0.0


def soak(seconds: float, seed: int) -> dict[str, Any]:
    """Run for so long; what happened."""
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        killed, rounds = Training(Path(one), random.Random(seed)), Rounds(Path(other))
        while time.monotonic() < end or rounds.done <= WARM:
            killed.go()
            rounds.go()
        while not killed.ends:
            killed.go()
    return {
        "minutes": round(seconds / 60, 1),
        "kills": killed.kills,
        "trainings_ended_with_equal_bits": killed.ends,
        "unfinished_files_left": killed.left_over,
        "rounds": rounds.done,
        "snapshots": rounds.snapshots,
        "memory_MiB": [round(m, 1) for m in (rounds.memory[0], rounds.memory[WARM], rounds.memory[-1])],
        "growth_MiB": round(rounds.growth(), 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    report = soak(60 * given.minutes, given.seed)
    print(json.dumps(report))
    return 0 if report["growth_MiB"] < ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
