"""Zero-shifting: pulses up or down at random drag every cell to its symmetric point; the error falls to a floor.

RMS error of a cell against the pulses that every cell got, for three step sizes: measured (markers), expected
(lines) and the bound of Theorem C.2 (dotted). Steps ten times smaller make the floor √10 times lower, and take ten
times the pulses to get there.
"""

import sys
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = sys.argv[1] if sys.argv[1:] else "zero_shifting.png"
budgets = np.unique(np.geomspace(1, 40_000, 15).round().astype(int))
# The theorem knows no noise from pulse to pulse: dw_min_std = 0.
device = dt.devices.SoftBounds(
    w_max=1, w_min=-1, w_max_dtod=0.05, w_min_dtod=0.05, dw_min_dtod=0.05, dw_min_std=0, up_down_dtod=0.1
)
errors, bounds = {}, {}

figure = Figure(figsize=(6.4, 4.4), dpi=100, layout="constrained")
axes = figure.subplots()
for colour, marker, dw_min in zip(dt.plot.OKABE_ITO, "osD", (0.02, 0.002, 0.0002), strict=False):
    array = dt.CrossbarArray((64, 64), replace(device, dw_min=dw_min), rng=1)
    array.set_weights(np.full(array.shape, 0.5))
    truth = array.symmetric_point()
    distance_sq = float(np.mean((array.weights - truth) ** 2))
    constants = dt.theory.population_constants(array, margin=0.2)
    bound = dt.theory.zero_shift_error_bound(
        budgets, constants, dw_min=dw_min, distance_sq=distance_sq, scheme="stochastic"
    )
    bounds[dw_min] = np.sqrt(bound)
    moments = [dt.theory.zero_shift_moments(array, n, "stochastic") for n in budgets.tolist()]
    expected = [np.sqrt(np.mean((mean - truth) ** 2 + variance)) for mean, variance in moments]
    sent = np.diff(budgets, prepend=0).tolist()
    errors[dw_min] = [dt.zero_shift(array, n, "stochastic").trace["rms_error"][-1] for n in sent]
    axes.plot(budgets, expected, color=colour)
    axes.plot(budgets, errors[dw_min], marker, color=colour, label=f"dw_min = {dw_min:g}")
    axes.plot(budgets, bounds[dw_min], ":", color=colour)
axes.plot([], [], "k-", label="expected")
axes.plot([], [], "k:", label="bound (Theorem C.2)")
axes.set(xscale="log", yscale="log", xlabel="pulses on every cell", ylabel="RMS error of a cell (weight)")
axes.grid(alpha=0.3)
axes.legend(loc="best", fontsize="small", ncols=2)
figure.savefig(picture)

for dw_min, error in errors.items():
    print(
        f"dw_min = {dw_min:g}: RMS error {error[-1]:.1e} after {budgets[-1]:,} pulses, bound {bounds[dw_min][-1]:.1e}"
    )
