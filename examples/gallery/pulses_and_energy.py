"""What learning rules spend: pulses by array, and the energy that a cost model makes of the ledger.

Five rules learn the same 16 x 32 matrix from the same 2,000 mini-batches. Left, pulses that reached a cell; right, the
energy of pulses, reads and programming with the default `CostModel`, most of whose numbers are assumptions: put in
your hardware's own. Under each name: the RMS error of the weights that was reached.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = (
    Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[2] / "docs" / "gallery" / "pulses_and_energy.png"
)
shape, target = (16, 32), np.random.default_rng(0).uniform(-0.3, 0.3, (16, 32))
device = dt.devices.SoftBoundsReference(
    dw_min=0.005, w_max=1, w_min=-1, subtract_symmetry_point=True, reference_mean=0.2, reference_std=0.1
)
common = {"device": device, "fast_lr": 0.5, "columns_per_transfer": 4}
rules = {
    "analog SGD": dt.algorithms.AnalogSGD(device=device),
    "TT-v2": dt.algorithms.TikiTakaV2(**common),
    "AGAD": dt.algorithms.AGAD(**common),
    "RIDER": dt.algorithms.Rider(**common),
    "E-RIDER": dt.algorithms.ERider(**common),
}
# The same model three times, two of its energies left out each time.
kinds = {
    "pulses": dt.CostModel(read_energy=0, program_energy=0),
    "reads": dt.CostModel(pulse_energy=0, program_energy=0),
    "programming": dt.CostModel(pulse_energy=0, read_energy=0),
}
names, pulses, energies = [], [], []
for name, rule in rules.items():
    tile, noise = dt.AnalogTile(shape, rule, rng=1), np.random.default_rng(2)
    for _ in range(2000):
        x = noise.uniform(-1, 1, (10, 32))
        error = tile.forward(x) - x @ target.T
        tile.update(x, error / 10, lr=0.1)
    rms = np.sqrt(np.mean((tile.weights - target) ** 2))
    names.append(f"{name}\n{rms:.3f}")
    counts = {array: spent["pulses_up"] + spent["pulses_down"] for array, spent in tile.ledger.items() if array in "PW"}
    pulses.append([counts.get("W", 0), counts.get("P", 0)])
    energies.append([model.of(tile.ledger, shape).energy for model in kinds.values()])
    print(f"{name}: RMS error {rms:.3f}, {sum(counts.values()):,} pulses, {1e6 * sum(energies[-1]):.2f} µJ")

figure = Figure(figsize=(8.4, 4.0), dpi=100, layout="constrained")
for axes, values, labels, hatches in zip(
    figure.subplots(1, 2),
    (np.array(pulses) / 1e6, np.array(energies) * 1e6),
    (("W", "P"), kinds),
    (("", "//"), ("", "//", "..")),
    strict=True,
):
    for i, (label, hatch) in enumerate(zip(labels, hatches, strict=True)):
        bars = {"color": dt.plot.OKABE_ITO[i + 3 * (len(kinds) == len(labels))], "hatch": hatch, "edgecolor": "w"}
        axes.bar(names, values[:, i], bottom=values[:, :i].sum(1), label=label, **bars)
    axes.grid(alpha=0.3, axis="y")
    axes.legend(fontsize="small")
    axes.tick_params(axis="x", labelsize="small")
figure.axes[0].set(ylabel="pulses (millions)", title="pulses by array")
figure.axes[1].set(ylabel="energy (µJ)", title="energy by kind")
figure.savefig(picture)
