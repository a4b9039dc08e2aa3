"""One tile in a plain NumPy loop: learn a 4 x 8 matrix from noisy reads, by pulses."""

import numpy as np

import dsptrack as dt

rng = np.random.default_rng(0)
target = rng.uniform(-0.3, 0.3, (4, 8))
rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBoundsReference(dw_min=0.001, subtract_symmetry_point=True))
tile = dt.AnalogTile((4, 8), rule, rng=1)


def rms_error() -> float:
    return float(np.sqrt(np.mean((tile.weights - target) ** 2)))


start = rms_error()
for _ in range(2000):
    x = rng.uniform(-1, 1, (10, 8))
    error = tile.forward(x) - x @ target.T
    tile.update(x, error / len(x), lr=0.1)
end = rms_error()

pulses = tile.ledger["W"]["pulses_up"] + tile.ledger["W"]["pulses_down"]
print(f"rms error of the weights: {start:.3f} before, {end:.3f} after {pulses:,} pulses")
