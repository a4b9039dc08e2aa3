"""Memory of optimizers: resident size, and its peaks while they are made and while they step.

Each rule runs in a process of its own; the gradient is made before the first measurement, so it is not counted. Peaks
come from Linux's VmHWM, which is reset before the steps. Prints a Markdown table in bytes per weight; an E-RIDER has
three cells for each weight: P, W and reference.

    python benches/python/memory.py
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

RULES = ("AnalogSGD", "ResidualLearning", "TwoStageResidual", "Rider", "ERider")
STATUS = Path("/proc/self/status")


def kilobytes(field: str) -> int:
    """A field of the process's status, in kB."""
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1])


def measure(rule: str, side: int, mode: str, threads: int) -> None:
    """Print the four figures of one rule, in this process."""
    import numpy as np

    import dsptrack as dt

    gradient = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
    device = dt.presets.reram_array_om(reference_mean=0.2, reference_std=0.1)
    budget = {"n_pulses": 10} if rule == "TwoStageResidual" else {}
    before = kilobytes("VmRSS")
    o = getattr(dt.optim, rule)((side, side), device, alpha=0.01, mode=mode, rng=0, num_threads=threads, **budget)
    making, held = kilobytes("VmHWM"), kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        o.step(gradient)
        seconds.append(time.perf_counter() - start)
        assert o.weights.shape == (side, side)
    stepping = kilobytes("VmHWM")
    per = [(kb - before) * 1024 / side**2 for kb in (held, making, stepping)]
    cells = 1 if rule == "AnalogSGD" else 3
    print(*(f"{value:.1f}" for value in (*per, per[2] / cells)), f"{1e9 * min(seconds) / side**2:.1f}", sep=" | ")


def main() -> None:
    """Measure every rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1824, help="rows and columns; 3 x 1824^2 is ten million cells")
    parser.add_argument("--mode", choices=("pulsed", "mean_field"), default="pulsed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rule", choices=RULES, help="measure this one in this process")
    args = parser.parse_args()
    if args.rule:
        measure(args.rule, args.side, args.mode, args.threads)
        return
    print(f"{args.side} x {args.side}, reram_array_om, {args.mode}, {args.threads} threads\n")
    print("| rule | held, bytes/weight | peak when made | peak in a step | the same per cell | step, ns/weight |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: |")
    for rule in RULES:
        command = [sys.executable, __file__, *sys.argv[1:], "--rule", rule]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"| {rule} | {found} |")


if __name__ == "__main__":
    main()
