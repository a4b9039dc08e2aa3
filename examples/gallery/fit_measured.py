"""From a table of measured conductances to a device: fit, then look whether the cells behave as measured.

The "measurement" is made here: 12 cells, three trains of pulses, noisy reads, written to a CSV file as a laboratory
would hand it over. Left, reads of three cells and the fitted cells under the same pulses without noise; right, the
symmetric points of all cells, fitted and true.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = sys.argv[1] if sys.argv[1:] else "fit_measured.png"
device = dt.devices.SoftBounds(dw_min=0.02, dw_min_std=0.3, up_down_dtod=0.15)
trains, read_noise, noise = np.repeat([1, -1, 1], 100), 0.01, np.random.default_rng(0)


def traces(array: dt.CrossbarArray) -> np.ndarray:
    """Return the weights of the cells, a row each, before and after every pulse."""
    reads = [array.weights[0]]
    for sign in trains:
        array.pulse(int(sign))
        reads.append(array.weights[0])
    return np.transpose(reads)


sample = dt.CrossbarArray((1, 12), device, rng=3)
with tempfile.TemporaryDirectory() as folder:
    table = Path(folder) / "measured.csv"
    clean = traces(sample)
    dt.fit.save_traces(table, trains, clean + read_noise * noise.standard_normal(clean.shape))
    polarity, reads = dt.fit.load_traces(table)
result = dt.fit.device_from_pulses(polarity, reads, model="soft_bounds", read_noise=read_noise)

cells = {name: values[None] for name, values in result.cells.items()}
fitted = dt.CrossbarArray((1, 12), replace(result.device, dw_min_std=0), rng=0, cell_parameters=cells)
figure = Figure(figsize=(7.6, 3.8), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(3, 2))
for colour, cell, trace in zip(dt.plot.OKABE_ITO, range(3), traces(fitted), strict=False):
    left.plot(reads[cell], ".", markersize=3, alpha=0.5, color=colour)
    left.plot(trace, color=colour, label=f"cell {cell + 1}")
left.set(xlabel="pulse: 100 up, 100 down, 100 up", ylabel="weight", title="measured (dots), fitted (lines)")
truth, points = sample.symmetric_point()[0], fitted.symmetric_point()[0]
right.plot(truth, points, "o", color=dt.plot.OKABE_ITO[0], label="12 cells")
right.axline((0, 0), slope=1, color="k", linestyle="--", label="fitted = true")
right.set(xlabel="true symmetric point (weight)", ylabel="fitted symmetric point (weight)", aspect="equal")
for axes in (left, right):
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize="small")
figure.savefig(picture)
dw_min, error = result.parameters["dw_min"], result.std_errors["dw_min"]
print(f"dw_min {dw_min:.4f} +- {error:.4f}, true {device.dw_min}; noise of a step {result.device.dw_min_std:.2f}")
