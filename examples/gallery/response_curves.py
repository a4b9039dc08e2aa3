"""How cells answer to pulses: up and down steps against the weight, which are equal at the symmetric point.

Left, three models of a device, mean cell: where up (solid) and down (dashed) cross, an up pulse undoes a down pulse.
Right, three cells of one array: made alike, but each crosses somewhere else.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = sys.argv[1] if sys.argv[1:] else "response_curves.png"
models: dict[str, dt.devices.Device] = {
    "SoftBounds": dt.devices.SoftBounds(),
    "PowStep": dt.devices.PowStep(),
    "ExpStep, reram_es": dt.presets.reram_es(),
}
arrays = {name: dt.CrossbarArray((1, 1), device.nominal()) for name, device in models.items()}
device = dt.devices.SoftBounds(up_down_dtod=0.2, dw_min_dtod=0.1)
cells = dt.CrossbarArray((1, 3), device, rng=4)

figure = Figure(figsize=(7.6, 4.0), dpi=100, layout="constrained")
left, right = figure.subplots(1, 2, sharey=True)
for panel, title, drawn in (
    (left, "mean cells of three models", arrays),
    (right, "three cells of one SoftBounds array", {"cell": cells}),
):
    lines = [(name, array, column) for name, array in drawn.items() for column in range(array.shape[1])]
    for colour, marker, (name, array, column) in zip(dt.plot.OKABE_ITO, "osD", lines, strict=False):
        bounds = array.cell_parameters()
        weights = np.linspace(bounds["min_bound"][0, column], bounds["max_bound"][0, column], 101)
        up, down = np.array([[q[0, column] for q in array.response(w)] for w in weights]).T
        label = name if array.shape[1] == 1 else f"{name} {column + 1}"
        panel.plot(weights, up, color=colour, label=label)
        panel.plot(weights, down, color=colour, linestyle="--")
        point = array.symmetric_point()[0, column]
        panel.plot(point, array.response(point)[0][0, column], marker, color=colour, markersize=8)
    panel.set(xlabel="weight", xlim=(-0.95, 0.95), ylim=(0, 2.6))
    panel.grid(alpha=0.3)
    panel.legend(title=title, fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
left.set(ylabel="step / dw_min: up solid, down dashed")
figure.savefig(picture)

points = cells.symmetric_point()[0]
print("symmetric points of the three cells:", *(f"{point:+.2f}" for point in points))
