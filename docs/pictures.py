"""Draws the pictures of docs/concepts.md.

It takes a few seconds and writes docs/pictures/*.png.

python docs/pictures.py
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

import dsptrack as dt
from dsptrack.plot import OKABE_ITO

HERE = Path(__file__).parent / "pictures"
BLUE, RED, GREEN, _, SKY, _, BLACK, _ = OKABE_ITO


def panels(columns: int, height: float = 3.4) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side."""
    figure = Figure(figsize=(4.4 * columns, height), dpi=120, layout="constrained")
    axes = list(figure.subplots(1, columns, squeeze=False)[0])
    for panel in axes:
        panel.grid(alpha=0.3)
        panel.set_axisbelow(True)
    return figure, axes


def symmetric_point() -> Figure:
    """Draw responses of one cell that cross, and alternating pulses that lead to the crossing from both sides."""
    device = dt.devices.SoftBounds(w_min=-0.6, w_max=0.6, dw_min=0.02, dw_min_std=0.1, up_down=0.4).nominal()
    array = dt.CrossbarArray((1, 2), device, rng=0)
    (point, _), w = array.symmetric_point()[0], np.linspace(-0.6, 0.6, 121)
    up, down = (np.array(q) for q in zip(*(array.response(np.full((1, 2), v)) for v in w), strict=True))
    figure, (left, right) = panels(2)
    left.plot(w, device.dw_min * up[:, 0, 0], color=BLUE, label="pulse up: dw_min q+")
    left.plot(w, device.dw_min * down[:, 0, 0], color=RED, linestyle="--", label="pulse down: dw_min q-")
    left.set(xlabel="weight", ylabel="size of a step (weight)", xlim=(-0.6, 0.6), ylim=(0, None))
    left.axvline(point, color=BLACK, linestyle=":", label=f"symmetric point {point:.2f}")
    left.legend(fontsize="small", loc="upper right")
    array.set_weights([[-0.5, 0.55]])
    weights = [array.weights[0]]
    for k in range(300):
        array.pulse(+1 if k % 2 == 0 else -1)
        weights.append(array.weights[0])
    for start, colour, values in zip((-0.5, 0.55), (BLUE, RED), np.transpose(weights), strict=True):
        right.plot(values, color=colour, linewidth=1, label=f"from {start:+.2f}")
    right.axhline(point, color=BLACK, linestyle=":", label="symmetric point")
    right.set(xlabel="pulses (up, down, up ...)", ylabel="weight", xlim=(0, 300), ylim=(-0.6, 0.6))
    right.legend(fontsize="small", loc="lower right")
    return figure


def chopper() -> Figure:
    """Add a steady gradient and a drift: what the average makes of them, and where they are in the spectrum."""
    steps, eta = 20_000, 0.02
    choppers = dt.tracking.Choppers(0.1, random=False)
    signs = np.empty(steps)
    for k in range(steps):
        signs[k] = choppers.signs[0]
        choppers.step()
    gradient, drift = 0.5 + 0.1 * np.random.default_rng(0).standard_normal(steps), 0.3
    signals = {"without chopper": gradient + drift, "with chopper": signs * gradient + drift}
    shown, window = 300, np.hanning(1000)
    frequency = np.fft.rfftfreq(window.size)
    figure, (left, right) = panels(2)
    for (name, signal), colour, line in zip(signals.items(), (RED, BLUE), ("--", "-"), strict=True):
        average = dt.tracking.MovingAverage((1, 1), eta)
        averages = []
        for value in signal[:shown]:
            average.update([[value]])
            averages.append(average.value[0, 0])
        left.plot(signal[:shown], color=colour, linewidth=0.7, alpha=0.45)
        left.plot(averages, color=colour, linestyle=line, linewidth=2, label=f"average {name}")
        pieces = np.abs(np.fft.rfft(signal.reshape(-1, window.size) * window, axis=1)) ** 2
        power = pieces.mean(axis=0) / window.sum() ** 2
        right.semilogy(frequency, power, color=colour, linestyle=line, linewidth=1.2, label=name)
        right.plot(0, power[0], "o", color=colour, markersize=5)
    left.axhline(drift, color=BLACK, linestyle=":", label="drift, to be found")
    left.set(xlabel="step", ylabel="signal and average (weight)", xlim=(0, shown), ylim=(-0.8, 2.0))
    left.legend(fontsize="small", loc="upper left", ncols=2)
    gain = dt.theory.filter_response(eta, 2 * np.pi * frequency)
    right.semilogy(frequency, gain, color=GREEN, linestyle="-.", label=f"gain |H|² of the average, η = {eta}")
    right.set(xlabel="frequency (1/step)", ylabel="power (weight²), gain (1)", xlim=(-0.01, 0.5), ylim=(3e-6, 30))
    right.legend(fontsize="small", loc="upper right")
    return figure


def rider() -> Figure:
    """Draw P, its reference and W of one cell that learns: RIDER, and E-RIDER with its choppers."""
    slow = dt.devices.SoftBoundsReference(dw_min=0.01, subtract_symmetry_point=True)
    fast = dt.devices.SoftBoundsReference(dw_min=0.01, subtract_symmetry_point=True, reference_mean=0.3)
    rules: dict[str, dt.algorithms.Algorithm] = {
        "RIDER": dt.algorithms.Rider(device=fast, slow_device=slow, transfer_lr=0.5, eta=0.002),
        "E-RIDER": dt.algorithms.ERider(device=fast, slow_device=slow, transfer_lr=0.5),
    }
    figure, axes = panels(2, height=3.9)
    for panel, (name, rule) in zip(axes, rules.items(), strict=True):
        rng = np.random.default_rng(0)
        target = rng.uniform(-0.3, 0.3, (4, 8))
        tile, cell = dt.AnalogTile((4, 8), rule, rng=5), (1, 2)
        record = []
        for _ in range(3000):
            x = rng.uniform(-1, 1, (10, 8))
            tile.update(x, (tile.forward(x) - x @ target.T) / 10, lr=0.1)
            p, w = (tile.arrays[array].weights[cell] for array in "PW")
            record.append((p, tile.sp_estimate[cell], w))
        p, q, w = np.transpose(record)
        panel.plot(p, color=SKY, linewidth=0.6, label="P")
        panel.plot(q, color=BLUE, linewidth=1.8, label="Q (RIDER), Q~ (E-RIDER)")
        panel.axhline(tile.arrays["P"].symmetric_point()[cell], color=BLUE, linestyle=":", label="symmetric point of P")
        panel.plot(w, color=RED, linestyle="--", linewidth=1.8, label="W")
        panel.axhline(target[cell], color=RED, linestyle="-.", linewidth=1, label="weight to learn")
        panel.set(xlabel="mini-batch", ylabel="weight", title=name, xlim=(0, 3000), ylim=(-0.7, 0.3))
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize="small", loc="outside lower center", ncols=5)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of few colours, a third of the usual size."""
    buffer = BytesIO()
    figure.savefig(buffer)
    Image.open(buffer).convert("RGB").quantize(160).save(path, optimize=True)


PICTURES: dict[str, Callable[[], Figure]] = {"symmetric-point": symmetric_point, "chopper": chopper, "rider": rider}


def main() -> None:
    """Write all pictures."""
    HERE.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        save(draw(), HERE / f"{name}.png")


if __name__ == "__main__":
    main()
