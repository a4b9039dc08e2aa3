"""RIDER on least squares, min |A w - b|² with one unknown a row, symmetric points off by 0.2; the bill of pulses."""

import numpy as np

import dsptrack as dt

rng = np.random.default_rng(0)
A = rng.uniform(-1, 1, (200, 8)) * np.eye(8)[np.arange(200) % 8]
b = A @ rng.uniform(-0.4, 0.4, 8) + 0.05 * rng.standard_normal(200)
best = np.linalg.lstsq(A, b)[0]

slow = dt.devices.SoftBoundsReference(dw_min=0.005, subtract_symmetry_point=True)
fast = dt.devices.SoftBoundsReference(dw_min=0.005, subtract_symmetry_point=True, reference_mean=0.2)
# Q must move slowly beside W: without choppers it takes the gradient that still holds P for a symmetric point.
rule = dt.algorithms.Rider(
    device=fast, slow_device=slow, transfer_lr=0.5, eta=0.0005, gamma=0.5, columns_per_transfer=8
)
tile = dt.AnalogTile((1, 8), rule, rng=1)
for step in range(3001):
    if step % 1000 == 0:
        distance = np.linalg.norm(tile.weights[0] - best) / np.linalg.norm(best)
        print(f"step {step}: relative distance from the solution {distance:.2f}")
    rows = rng.integers(0, 200, 8)
    tile.update(A[rows], (tile.forward(A[rows]) - b[rows, None]) / 8, lr=0.1)

for name, spent in tile.ledger.items():
    print(name, {event: count for event, count in spent.items() if count})
