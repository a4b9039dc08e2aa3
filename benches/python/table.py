"""Times of dsptrack alone at the work that `benches/versus` compares: medians of a call, quartiles, epochs, memory.

    python benches/python/table.py --threads 2

`DSPTRACK_ISA=base|v3|v4` forces a level of instructions.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

VERSUS = Path(__file__).parents[1] / "versus"
sys.path.insert(0, str(VERSUS))

import ours  # noqa: E402 - the path comes first
from machine import commit, processor  # noqa: E402
from work import CASES, Case  # noqa: E402

from dsptrack import _core  # noqa: E402

SECONDS, LEAST = 1.5, 5  # of a row; calls, at least
EPOCH = 60_000  # images


def times(case: Case, images: str, threads: int) -> np.ndarray:
    """Seconds of single calls."""
    step, _ = ours.make(case, images, threads)
    step()
    found: list[float] = []
    while len(found) < LEAST or sum(found) < SECONDS:
        start = time.perf_counter()
        step()
        found.append(time.perf_counter() - start)
    return np.array(found)


def memory(name: str) -> float:
    """Resident bytes a weight, in a fresh process."""
    command = [sys.executable, str(VERSUS / "worker.py"), "ours", "", "1"]
    asked = json.dumps(["memory", name]) + "\n"
    done = subprocess.run(command, input=asked, check=True, stdout=subprocess.PIPE, text=True)
    return float(json.loads(done.stdout))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="ROW", help=", ".join(CASES))
    arguments = parser.parse_args()
    print(
        f"{processor()}, {arguments.threads} threads, level {_core.isa()}, commit {commit()}, "
        f"load {os.getloadavg()[0]:.1f}\n"
    )
    print("| work | fidelity | median, ms | quartiles, ms | epoch, s |\n| --- | --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        images = f"{folder}/images.npz"
        ours.save_images(images)
        for name in arguments.only:
            if (case := CASES[name]).kind != "memory":
                low, middle, high = np.percentile(times(case, images, arguments.threads), (25, 50, 75)) * 1e3
                epoch = f"{middle / 1e3 * EPOCH / case.batch:.1f}" if case.kind == "network" else ""
                line = f"{middle:.3g} | {low:.3g} to {high:.3g} | {epoch}"
                print(f"| {case.title} | {case.fidelity} | {line} |", flush=True)
    if kept := [name for name in arguments.only if CASES[name].kind == "memory"]:
        print("\n| resident after an update, 2048 x 2048 | bytes a weight |\n| --- | ---: |")
        for name in kept:
            print(f"| {CASES[name].title} | {memory(name):.1f} |", flush=True)


if __name__ == "__main__":
    main()
