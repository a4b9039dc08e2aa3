"""A sweep: E-RIDER's average (rate η) and chopper (probability p), each with five values, always on the same cells.

Left, the RMS error of the symmetric-point estimate; right, that of the weights. Too slow an average has not arrived
when the run ends, too fast a one follows the noise; without the chopper (p = 0) the reference is never written.
"""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = sys.argv[1] if sys.argv[1:] else "sweep.png"
optimum, steps = 0.3, 1000
etas, probabilities = [0.003, 0.01, 0.03, 0.1, 0.3], [0.0, 0.01, 0.03, 0.1, 0.3]


def train(configuration: Mapping[str, Any], context: dt.sweep.Context) -> dict[str, float]:
    """Minimise |w - optimum|²/2 with noisy gradients on 100 cells."""
    fast = dt.devices.SoftBoundsReference(
        dw_min=0.001, w_max=1, w_min=-1, subtract_symmetry_point=True, reference_mean=0.2, reference_std=0.2
    )
    slow = dt.devices.ConstantStep(dw_min=0.001)
    noise = np.random.default_rng(context.rng)
    rule = dt.optim.ERider(
        (10, 10), fast, slow, alpha=0.1, beta=0.02, rng=context.rng, num_threads=context.num_threads, **configuration
    )
    for _ in range(steps):
        rule.step(rule.weights - optimum + 0.3 * noise.standard_normal(rule.shape))
    weights = rule.arrays["W"].weights
    return {"symmetric point": rule.sp_error(), "weights": float(np.sqrt(np.mean((weights - optimum) ** 2)))}


results = dt.sweep.run(train, dt.sweep.grid(eta=etas, chop_probability=probabilities), seed=1, paired=True)

figure = Figure(figsize=(7.6, 4.0), dpi=100, layout="constrained")
errors = {}
for axes, name in zip(figure.subplots(1, 2, sharey=True), ("symmetric point", "weights"), strict=True):
    values = np.array([row[name] for row in results.rows()])
    errors[name] = values.reshape(len(etas), len(probabilities))
    axes.imshow(errors[name], cmap="viridis", norm="log", origin="lower", aspect="auto")
    middle = np.sqrt(errors[name].min() * errors[name].max())
    for (i, j), value in np.ndenumerate(errors[name]):
        axes.text(j, i, f"{value:.3f}", ha="center", va="center", color="w" if value < middle else "k")
    axes.set_xticks(range(len(probabilities)), [f"{p:g}" for p in probabilities])
    axes.set_yticks(range(len(etas)), [f"{eta:g}" for eta in etas])
    axes.set(xlabel="chop probability p")
    axes.set_title(f"RMS error of the {name} (weight)", fontsize="medium")
figure.axes[0].set(ylabel="rate η of the average")
figure.savefig(picture)
for name, error in errors.items():
    i, j = np.unravel_index(error.argmin(), error.shape)
    print(f"{name}: smallest error {error.min():.3f} at η = {etas[i]:g}, p = {probabilities[j]:g}")
