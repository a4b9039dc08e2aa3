"""What learning rules spend: pulses by array, and the energy that a cost model makes of the ledger.

Five rules learn the same 16 x 32 matrix from the same 2,000 mini-batches. Left, pulses that reached a cell; right, the
energy of pulses, reads and programming with the default `CostModel`, most of whose numbers are assumptions: put in
your hardware's own. Under each name: the RMS error of the weights that was reached.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = sys.argv[1] if sys.argv[1:] else "pulses_and_energy.png"
shape, target = (16, 32), np.random.default_rng(0).uniform(-0.3, 0.3, (16, 32))
device = dt.devices.SoftBoundsReference(
    dw_min=0.005, w_max=1, w_min=-1, subtract_symmetry_point=True, reference_mean=0.2, reference_std=0.1
)
rules = {
    "analog SGD": dt.algorithms.AnalogSGD(device=device),
    "TT-v2": dt.algorithms.TikiTakaV2(device=device, fast_lr=0.5, columns_per_transfer=4),
    "AGAD": dt.algorithms.AGAD(device=device, fast_lr=0.5, columns_per_transfer=4),
    "RIDER": dt.algorithms.Rider(device=device, fast_lr=0.5, columns_per_transfer=4),
    "E-RIDER": dt.algorithms.ERider(device=device, fast_lr=0.5, columns_per_transfer=4),
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
        tile.update(x, (tile.forward(x) - x @ target.T) / 10, lr=0.1)
    error = np.sqrt(np.mean((tile.weights - target) ** 2))
    spent = [tile.ledger.get(array, {"pulses_up": 0, "pulses_down": 0}) for array in "WP"]
    names.append(f"{name}\n{error:.3f}")
    pulses.append([1e-6 * (count["pulses_up"] + count["pulses_down"]) for count in spent])
    energies.append([1e6 * model.of(tile.ledger, shape).energy for model in kinds.values()])
    print(f"{name}: RMS error {error:.3f}, {sum(pulses[-1]):.2f} million pulses, {sum(energies[-1]):.2f} µJ")

figure = Figure(figsize=(8.0, 4.0), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2)
for axes, table, labels, colours in ((left, pulses, "WP", (0, 1)), (right, energies, kinds, (3, 4, 5))):
    for i, (values, label, colour) in enumerate(zip(np.transpose(table), labels, colours, strict=True)):
        below = np.sum(table, axis=1, where=np.arange(len(colours)) < i)
        style = {"color": dt.plot.OKABE_ITO[colour], "hatch": ("", "//", "..")[i], "edgecolor": "w"}
        axes.bar(names, values, bottom=below, label=label, **style)
    axes.grid(alpha=0.3, axis="y")
    axes.legend(loc="upper left", fontsize="small")
    axes.tick_params(axis="x", labelsize="small")
left.set(ylabel="pulses (millions)", title="pulses by array")
right.set(ylabel="energy (µJ)", title="energy by kind", ylim=(0, 1.2 * np.sum(energies, axis=1).max()))
figure.savefig(picture)
