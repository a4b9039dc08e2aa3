"""A training loop from scratch: softmax regression on digits, with digital weights and on two analog tiles.

The same mini-batches train a matrix in NumPy, a tile with analog SGD and a tile with E-RIDER. The symmetric points of
both tiles lie at 0.4, which holds analog SGD away from where the loss is small.

    python examples/gallery/numpy_loop.py [PICTURE [EPOCHS]]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = sys.argv[1] if sys.argv[1:] else "numpy_loop.png"
epochs = int(sys.argv[2]) if sys.argv[2:] else 20
data = dt.datasets.load("digits")


def train(tile: dt.AnalogTile | None) -> list[float]:
    """Return the loss of every epoch, the mean over its mini-batches; without a tile the weights are digital."""
    order, weights, curve = np.random.default_rng(0), np.zeros((10, 64)), []
    for _ in range(epochs):
        losses = []
        for batch in order.permutation(1430).reshape(-1, 10):
            x, y = data.train_x[batch], data.train_y[batch]
            logits = x @ weights.T if tile is None else tile.forward(x)
            p = np.exp(logits - logits.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            losses.append(-np.mean(np.log(p[range(10), y] + 1e-9)))
            p[range(10), y] -= 1  # softmax minus one-hot: the gradient at the logits
            if tile is None:
                weights -= 0.1 * p.T @ x / 10
            else:
                tile.update(x, p / 10, lr=0.1)
        curve.append(float(np.mean(losses)))
    return curve


device = dt.devices.SoftBoundsReference(dw_min=0.005, subtract_symmetry_point=True, reference_mean=-0.4)
rules: dict[str, dt.algorithms.AnalogSGD | dt.algorithms.ERider] = {
    "analog SGD": dt.algorithms.AnalogSGD(device=device),
    "E-RIDER": dt.algorithms.ERider(device=device, fast_lr=0.5, transfer_lr=0.5, columns_per_transfer=8),
}
curves = {"digital": train(None)}
curves |= {name: train(dt.AnalogTile((10, 64), rule, rng=1)) for name, rule in rules.items()}

figure = Figure(figsize=(6.4, 4.0), dpi=100, layout="constrained")
axes = figure.subplots()
for colour, marker, (name, curve) in zip(dt.plot.OKABE_ITO, "osD", curves.items(), strict=False):
    axes.plot(range(1, epochs + 1), curve, marker=marker, markersize=4, color=colour, label=name)
    print(f"{name}: loss {curve[0]:.2f} in the first epoch, {curve[-1]:.2f} in the last")
axes.set(xlabel="epoch", ylabel="training loss (nats per image)", ylim=(0, None))
axes.set_xticks(range(0, epochs + 1, max(1, epochs // 10)))
axes.grid(alpha=0.3)
axes.legend(loc="best")
figure.savefig(picture)
