"""What a chopper and an average do to a gradient: the filter of equation (16), and spectra of a pulsed array.

Left, the gain of the average Q: formula and `MovingAverage` driven with waves. Right, cells that get a constant
gradient and noise. The chopper, turning every fifth step, moves the gradient into lines at its own frequency and
multiples, where the average lets little pass; Q's spectrum is that of P times (16).
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = sys.argv[1] if sys.argv[1:] else "filter_response.png"
steps, start, period, eta = 4000, 1000, 5, 0.02

figure = Figure(figsize=(8.4, 4.0), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2)
grid = np.geomspace(0.003, np.pi, 200)
for colour, marker, rate in zip(dt.plot.OKABE_ITO, "osD", (0.5, 0.1, eta), strict=False):
    left.plot(grid, dt.theory.filter_response(rate, grid), color=colour, label=f"η = {rate:g}")
    left.plot(grid[::18], dt.tracking.measured_response(rate, grid[::18]), marker, color=colour)
left.plot([], [], "ko", label="measured")
left.set(xlabel="angular frequency (radians per step)", ylabel="gain |H|² of the average")

array = dt.CrossbarArray((32, 32), dt.devices.SoftBounds(dw_min=0.002, up_down_dtod=0.2), rng=0)
tracker = dt.tracking.Tracker(array.shape, eta=eta, chop_probability=1 / period, chop_random=False)
noise = np.random.default_rng(1)
readings, averages = [], []
for _ in range(steps):
    gradient = 0.02 + 0.005 * noise.standard_normal(array.shape)
    array.increment(-int(tracker.signs[0]) * gradient)
    tracker.observe(array.weights)
    readings.append(array.weights)
    averages.append(tracker.average)


def spectrum(values: list[np.ndarray]) -> np.ndarray:
    """Return the mean power spectrum of the cells; the window keeps lines narrow."""
    record, window = np.array(values[start:], dtype=float).reshape(steps - start, -1), np.hanning(steps - start)
    waves = np.fft.rfft((record - record.mean(0)) * window[:, None], axis=0)[3:]
    return np.asarray(np.mean(np.abs(waves) ** 2, axis=1) / np.sum(window**2))


omega = 2 * np.pi * np.fft.rfftfreq(steps - start)[3:]
p, q = spectrum(readings), spectrum(averages)
predicted = p * dt.theory.filter_response(eta, omega)
right.plot(omega, p, color=dt.plot.OKABE_ITO[4], label="P, as read")
right.plot(omega, q, color=dt.plot.OKABE_ITO[1], label="Q, the average")
right.plot(omega, predicted, "k:", linewidth=1, label="P's spectrum times (16)")
right.set(xlabel="angular frequency (radians per step)", ylabel="power density (weight² step)")
for axes in (left, right):
    axes.set(xscale="log", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="lower left")
figure.savefig(picture)
print(f"largest difference between Q's spectrum and (16): {100 * np.abs(q / predicted - 1).max():.1f} %")
