"""Draws docs/figures/theory.png and prints the numbers of docs/theory.md.

The simulations are those of tests/test_theory_simulation.py, with more points.

    python docs/figures/theory.py
"""

# ruff: noqa: E402, T201 - the path and the backend come before the imports that need them; it prints tables

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

import test_theory_simulation as simulation
from dsptrack.plot import OKABE_ITO
from helpers.quadratic import Problem, make, run, soft

mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=OKABE_ITO[:6])


def row(*cells):
    """Print one row of a Markdown table."""
    print("|", " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells), "|", flush=True)


def slope(x, y):
    """Slope in log-log."""
    return float(simulation.log_slope(np.asarray(x), np.asarray(y)))


def zero_shifting(axis):
    """Pulses to 1 % of the mean symmetric point."""
    sizes = np.array([1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6])
    for scheme, marker in (("stochastic", "o"), ("cyclic", "s")):
        found = [simulation.pulses_to_one_percent(size, scheme, 48 if size > 5e-4 else 16) for size in sizes]
        reached = [n is not None for n in found]
        x, y = sizes[reached], [int(n) for n in found if n is not None]
        axis.loglog(x, y, marker, label=f"{scheme}, slope {slope(x, y):.2f}")
        row(scheme, *(n or "never" for n in found), slope(x, y))
    axis.loglog(sizes, 5.4 / sizes, "k:", label="5.4 / dw_min")
    axis.set(xlabel="dw_min (weight)", ylabel="pulses on every cell to 1 % of the mean", title="Zero-shifting")


def metric(axis):
    """E_K against K."""
    counts = (1000, 4000, 16000, 64000)
    problem = Problem(replicas=15)
    cases = {
        "ResidualLearning, SP = 0 assumed": lambda: biased("ResidualLearning", problem, counts),
        "RIDER from W = 0": lambda: biased("Rider", problem, counts),
        "RIDER from its line": lambda: simulation.fall_of_metric("Rider", problem, counts),
        "E-RIDER, p = alpha": lambda: simulation.fall_of_metric("ERider", problem, counts),
        "AnalogSGD": lambda: biased("AnalogSGD", problem, counts),
    }
    for (name, simulate), marker in zip(cases.items(), "v^osD", strict=True):
        values = simulate()
        axis.loglog(counts, values, f"{marker}-", label=f"{name}, slope {slope(counts, values):.2f}")
        row(name, *values, slope(counts, values))
    axis.loglog(counts, 0.15 * np.sqrt(counts[0] / np.array(counts)), "k:", label=r"$K^{-1/2}$")
    axis.set(xlabel="K (steps)", ylabel="E_K of (14) (weight²)", title="Mean field, α = 2/√K", ylim=(2e-3, 0.7))


def biased(name, problem, counts):
    """E_K of a rule that starts at W = 0."""
    fields = {"mode": "mean_field", "scale": 2}
    found = []
    for steps in counts:
        tracking = {"eta": 0.5 / np.sqrt(steps)} if name == "Rider" else {}
        found.append(run(make(name, problem, steps, **fields, **tracking), problem, steps).metric)
    return found


def floors(axis):
    """E_K at rest against dw_min."""
    sizes = np.array([0.001, 0.002, 0.004, 0.008, 0.016])
    for name, marker in (("Rider", "o"), ("ERider", "s")):
        found = [simulation.floor(name, float(size), steps=6000, replicas=60) for size in sizes]
        axis.loglog(sizes, found, f"{marker}-", label=f"{name}, slope {slope(sizes, found):.2f}")
        row(name, *found, slope(sizes, found))
    axis.set(xlabel="dw_min (weight)", ylabel="E_K of (14) (weight²)", title="Floor, pulsed, from the solution")


def chopping(axis):
    """Error of Q for several p."""
    problem, steps = Problem(replicas=20), 3000
    probabilities, styles = (0.0, 0.005, 0.02, 0.1, 0.3, 1.0), ("-", "--", "-.", ":", "-", "--")
    for p, style in zip(probabilities, styles, strict=True):
        o = make("ERider", problem, steps, scale=2, dw_min=1e-3, eta=0.02, chop_probability=p)
        course = run(o, problem, steps)
        errors = np.sqrt(np.array(course.point_error) / problem.dimension)
        axis.semilogy(np.arange(errors.size) * 20, errors, style, label=f"p = {p:g}")
        below = np.flatnonzero(errors < 0.1)
        first = int(below[0]) * 20 if below.size else "never"
        weights = float(np.sqrt(np.mean(course.weight_error[-10:]) / problem.dimension))
        events = o.ledger["reference"]["programming_events"] // (problem.replicas * problem.dimension)
        row(p, float(errors[-10:].mean()), first, weights, events)
    axis.set(xlabel="step", ylabel="rms(Q - SP) (weight)", title="E-RIDER, pulsed, dw_min = 0.001")


def analog_sgd(axis):
    """Bias against the noise."""
    sigmas, found, expected = (0.1, 0.3, 1.0, 3.0), [], []
    for sigma in sigmas:
        bias, regularised, root = simulation.analog_sgd_bias(sigma, 8000)
        expected.append(float(np.sqrt(np.mean(regularised**2))))
        found.append(simulation.share(bias, regularised) * expected[-1])
        row(sigma, found[-1], expected[-1], found[-1] / expected[-1], simulation.share(bias, root))
    axis.loglog(sigmas, found, "o", label="simulation, projected on (4)")
    axis.loglog(sigmas, expected, "-", label="(4), weight proportional to sigma")
    axis.set(xlabel="sigma (weight)", ylabel="rms(W - W*) (weight)", title="Bias of AnalogSGD, mean field")


def least_squares(axis):
    """Loss of the authors' toy problem."""
    hessian, truth = simulation.least_squares()
    for tau, colour in zip((1.0, 1.5, 2.0, 2.5), OKABE_ITO, strict=False):
        losses = []
        for mode, style in (("mean_field", "-"), ("pulsed", "--")):
            weights, _ = simulation.follow_least_squares("AnalogSGD", tau, mode, 30)
            loss = np.einsum("kri,ij,krj->k", weights - truth, hessian, weights - truth) / (2 * weights.shape[1])
            axis.plot(1250 + 10 * np.arange(loss.size), loss, style, color=colour, label=f"{mode}, tau = {tau:g}")
            losses.append(float(loss.mean()))
        row(tau, *losses, losses[1] - losses[0])
    axis.set(xlabel="step", ylabel="loss (weight²)", title="Least squares, 40 weights, 300 states", ylim=(0.006, 0.029))


def slow_cells():
    """Errors at the end where the cells of W are soft too, with symmetric points at 0 or -0.3."""
    problem = Problem(replicas=20)
    for name in ("ResidualLearning", "Rider", "ERider"):
        for slow, words in (
            (None, "ideal"),
            (soft(point=0.0), "soft, 0 +- 0.1"),
            (soft(point=-0.3), "soft, -0.3 +- 0.1"),
        ):
            for steps in (1000, 4000, 16000):
                alpha = 2 / np.sqrt(steps)
                tracking = {} if name == "ResidualLearning" else {"eta": alpha / 4}
                chopping = {"chop_probability": alpha} if name == "ERider" else {}
                o = make(name, problem, steps, scale=2, slow=slow, mode="mean_field", **tracking, **chopping)
                course = run(o, problem, steps)
                end = np.array((course.weight_error, course.point_error))[:, -10:].mean(axis=1)
                row(name, words, steps, *np.sqrt(end / problem.dimension).tolist())


def main():
    """Draw all panels."""
    figure, axes = plt.subplots(2, 3, figsize=(16, 9.5), layout="constrained")
    panels = (zero_shifting, metric, floors, chopping, analog_sgd, least_squares)
    for axis, panel in zip(axes.flat, panels, strict=True):
        print(f"\n{panel.__name__}")
        panel(axis)
        axis.legend(fontsize=7, ncols=2 if panel is least_squares else 1)
    print("\nslow_cells")
    slow_cells()
    print("\nconditions of Theorem 3.7")
    counts = (10_000, 40_000, 160_000)
    row("from W_0 = W*", *(simulation.under_the_conditions_of_theorem_3_7(steps) for steps in counts))
    figure.savefig(HERE / "theory.png", dpi=90)


if __name__ == "__main__":
    main()
