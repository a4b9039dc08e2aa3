"""How the cost of a call grows with size, batch, train length and threads: JSON and pictures in docs/performance.

    python benches/python/scaling.py

From a call on an array of 512 x 512 with a batch of 64 on one thread, one of these is changed at a time. Every point
is the median of the calls of a fraction of a second. `DSPTRACK_ISA=base|v3|v4` forces a level of instructions.
"""

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benches/versus"))

from machine import commit, processor  # noqa: E402

import dsptrack as dt  # noqa: E402
from dsptrack import _core  # noqa: E402

LEAST = 3  # calls of a point
LR, PULSES = 0.01, 2000


@dataclass(frozen=True)
class Point:
    """One call."""

    size: int = 512
    batch: int = 64
    # Of all vectors; None leaves it to the update's management, at most 31.
    bl: int | None = None
    threads: int = 1

    def array(self, device: dt.devices.Device) -> dt.CrossbarArray:
        """The array it works on."""
        return dt.CrossbarArray((self.size, self.size), device, rng=0, num_threads=self.threads)


def update(device: dt.devices.Device, fidelity: str) -> Callable[[Point], Callable[[], object]]:
    """Updates there and back, so that the weights stay where they are."""

    def prepare(point: Point) -> Callable[[], object]:
        array, rng = point.array(device), np.random.default_rng(1)
        x, d = (rng.standard_normal((point.batch, point.size)).astype(np.float32) for _ in range(2))
        fixed = {} if point.bl is None else {"desired_bl": point.bl, "update_bl_management": False}
        pulses, errors = dt.PulseUpdate(fidelity=fidelity, **fixed), itertools.cycle((d, -d))
        return lambda: array.update(x, next(errors), LR, pulses)

    return prepare


def shift(point: Point) -> Callable[[], object]:
    """Zero-shifting."""
    array = point.array(dt.devices.SoftBoundsReference())
    return lambda: dt.zero_shift(array, PULSES)


def read(point: Point) -> Callable[[], object]:
    """The default noisy read of weights as those of a trained layer."""
    array, rng = point.array(dt.devices.ConstantStep(w_max=10.0, w_min=-10.0)), np.random.default_rng(1)
    array.set_weights(rng.standard_normal((point.size, point.size)) / np.sqrt(point.size))
    x, periphery = rng.standard_normal((point.batch, point.size)).astype(np.float32), dt.Periphery()
    return lambda: array.forward(x, periphery)


AXES: dict[str, tuple[int, ...]] = {
    "size": (64, 128, 256, 512, 1024, 2048),
    "batch": (1, 4, 16, 64, 256),
    "bl": (7, 15, 31, 63, 127),
}
LABELS = {"size": "rows and columns of the array", "batch": "vectors in a call", "bl": "train length BL, slots"}
DENSE, SPARSE = dt.devices.SoftBoundsReference(), dt.presets.reram_array_hfo2()
# Kernel: what prepares it, the axes that mean something to it.
KERNELS: dict[str, tuple[Callable[[Point], Callable[[], object]], tuple[str, ...]]] = {
    "dense update, pulse by pulse": (update(DENSE, "pulse"), ("size", "batch", "bl")),
    "dense update, auto": (update(DENSE, "auto"), ("size", "batch", "bl")),
    "sparse update": (update(SPARSE, "auto"), ("size", "batch", "bl")),
    f"zero-shifting, {PULSES} pulses, auto": (shift, ("size",)),
    "noisy read": (read, ("size", "batch")),
}
# Okabe and Ito's colours, which readers of any colour vision tell apart; markers differ too.
STYLES = tuple(zip(("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#000000"), "osD^v", strict=True))


def measure(prepare: Callable[[Point], Callable[[], object]], point: Point, seconds: float) -> dict[str, Any]:
    """Median and quartiles of a call, in seconds."""
    call, times = prepare(point), []
    call()
    while len(times) < LEAST or sum(times) < seconds:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    low, middle, high = np.percentile(times, (25, 50, 75))
    return {"median_s": middle, "quartiles_s": [low, high], "calls": len(times)}


def measure_all(threads: tuple[int, ...], seconds: float) -> list[dict[str, Any]]:
    """Every point: sizes on every number of threads, the other axes on one."""
    found = []
    for name, (prepare, axes) in KERNELS.items():
        for axis in axes:
            for value, count in itertools.product(AXES[axis], threads if axis == "size" else (1,)):
                point = replace(Point(threads=count), **{axis: value})
                what = {"kernel": name, "axis": axis, "value": value, "threads": count}
                found.append(what | measure(prepare, point, seconds))
        print(f"{name}: done", file=sys.stderr)
    return found


def draw(points: list[dict[str, Any]], axis: str, file: Path) -> None:
    """Cost against one axis."""
    _, plot = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
    for (name, (_, axes)), (colour, marker) in zip(KERNELS.items(), STYLES, strict=True):
        if axis in axes:
            line = [p for p in points if (p["kernel"], p["axis"], p["threads"]) == (name, axis, 1)]
            values, times = [p["value"] for p in line], [1e3 * p["median_s"] for p in line]
            plot.loglog(values, times, color=colour, marker=marker, label=name)
    values = np.array(AXES[axis], float)
    power = 2 if axis == "size" else 1
    label = "square of the size" if axis == "size" else "proportional"
    low = plot.get_ylim()[0]
    plot.loglog(values, 2 * low * (values / values[0]) ** power, "k:", linewidth=1, label=label)
    plot.set(xlabel=LABELS[axis], ylabel="median time of a call, ms")
    finish(plot, axis, file)


def draw_threads(points: list[dict[str, Any]], threads: tuple[int, ...], file: Path) -> None:
    """Speed-up by the largest number of threads against size."""
    _, plot = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
    for name, (colour, marker) in zip(KERNELS, STYLES, strict=True):
        one, many = (
            {p["value"]: p["median_s"] for p in points if (p["kernel"], p["axis"], p["threads"]) == (name, "size", n)}
            for n in (1, threads[-1])
        )
        plot.loglog(list(one), [one[n] / many[n] for n in one], color=colour, marker=marker, label=name)
    plot.axhline(threads[-1], color="k", linestyle=":", linewidth=1, label="ideal")
    plot.axhline(1, color="k", linestyle="-", linewidth=0.5)
    plot.set(xlabel=LABELS["size"], ylabel=f"time on 1 thread / time on {threads[-1]} threads, 1")
    ticks = [0.5, 0.7, *range(1, threads[-1] + 1)]
    plot.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    finish(plot, "size", file)


def finish(plot: Any, axis: str, file: Path) -> None:
    """Ticks, legend, file."""
    plot.minorticks_off()
    plot.set_xticks(AXES[axis], [str(value) for value in AXES[axis]])
    plot.grid(which="major", alpha=0.3)
    plot.legend(fontsize="small")
    plot.figure.savefig(file, dpi=110)
    plt.close(plot.figure)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.25, help="of a point, at least")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/performance", help="folder")
    parser.add_argument("--draw-only", action="store_true", help="draw what scaling.json there holds")
    arguments = parser.parse_args()
    file, threads = arguments.out / "scaling.json", (1, 2)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if not arguments.draw_only:
        report = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": processor(), "commit": commit()}
        report |= {"isa": _core.isa(), "load": os.getloadavg()[0], "points": measure_all(threads, arguments.seconds)}
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    points = json.loads(file.read_text("utf-8"))["points"]
    for axis in AXES:
        draw(points, axis, arguments.out / f"scaling-{axis}.png")
    draw_threads(points, threads, arguments.out / "scaling-threads.png")


if __name__ == "__main__":
    main()
