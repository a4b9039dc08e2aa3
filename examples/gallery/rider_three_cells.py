"""Three cells while they train: P, the average Q that looks for P's symmetric point, and the weight W.

Upper row RIDER, lower row E-RIDER, the same three cells: noisy gradients of |w - 0.3|²/2, symmetric points (dashed)
that differ from cell to cell. RIDER's P is held by the gradient, and Q follows P; E-RIDER's chopper turns the
gradient again and again, so that P swings about its symmetric point, Q finds it, and W its optimum.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = sys.argv[1] if sys.argv[1:] else "rider_three_cells.png"
optimum, steps = 0.3, 3000
colours = dt.plot.OKABE_ITO[4], dt.plot.OKABE_ITO[0], dt.plot.OKABE_ITO[1]
fast = dt.devices.SoftBoundsReference(
    dw_min=0.001, w_max=1, w_min=-1, subtract_symmetry_point=True, reference_mean=-0.1, reference_std=0.3
)
slow = dt.devices.ConstantStep(dw_min=0.001)
rules: dict[str, dt.optim.Rider | dt.optim.ERider] = {
    "RIDER": dt.optim.Rider(3, fast, slow, alpha=0.1, beta=0.02, eta=0.02, rng=4),
    "E-RIDER": dt.optim.ERider(3, fast, slow, alpha=0.1, beta=0.02, eta=0.02, chop_probability=0.1, rng=4),
}

figure = Figure(figsize=(6.6, 3.9), dpi=100, layout="constrained")
rows = figure.subplots(2, 3, sharex=True, sharey=True)
for row, (name, rule) in zip(rows, rules.items(), strict=True):
    noise, seen = np.random.default_rng(0), []
    for _ in range(steps):
        rule.step(rule.weights - optimum + 0.3 * noise.standard_normal(rule.shape))
        seen.append([rule.arrays["P"].weights[0], rule.average.ravel(), rule.arrays["W"].weights[0]])
    record = np.array(seen)
    for cell, axes in enumerate(row):
        point = rule.arrays["P"].symmetric_point()[0, cell]
        for values, label, colour, width in zip(
            record[:, :, cell].T, ("P", "Q", "W"), colours, (0.8, 2.0, 1.5), strict=True
        ):
            axes.plot(range(0, steps, 40), values[::40], label=label, color=colour, linewidth=width)
        axes.axhline(point, color="k", linestyle="--", label="symmetric point of P")
        axes.axhline(optimum, color="k", linestyle=":", label="optimum of W")
        axes.set_title(f"{name}, cell {cell + 1}", fontsize="medium")
    row[0].set(ylabel="weight")
    print(f"{name}: RMS error of Q {rule.sp_error():.3f}, of W {np.sqrt(np.mean((record[-1, 2] - optimum) ** 2)):.3f}")
for axes in rows[1]:
    axes.set(xlabel="step")
figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")
figure.savefig(picture)
