"""A training loop from scratch: softmax regression on digits, with digital weights and on two analog tiles.

One function trains whatever has `forward` and `update`: a matrix in NumPy, a tile with analog SGD, a tile with E-RIDER.
The symmetric points of both tiles are off by 0.4, which pulls analog SGD away from where the loss is small.

    python examples/gallery/numpy_loop.py [PICTURE [EPOCHS]]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsptrack as dt

picture = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[2] / "docs" / "gallery" / "numpy_loop.png"
epochs = int(sys.argv[2]) if sys.argv[2:] else 20
data = dt.datasets.load("digits")


class Digital:
    """A matrix with the methods of a tile."""

    def __init__(self) -> None:
        self.weights = np.zeros((10, 64))

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weights.T

    def update(self, x: np.ndarray, d: np.ndarray, lr: float) -> None:
        self.weights -= lr * d.T @ x


def train(layer: Digital | dt.AnalogTile, lr: float) -> list[float]:
    """Return the mean loss over every epoch's mini-batches, as they were seen."""
    order, curve = np.random.default_rng(0), []
    for _ in range(epochs):
        losses = []
        for batch in order.permutation(1430).reshape(-1, 10):
            x, y = data.train_x[batch], data.train_y[batch]
            logits = layer.forward(x)
            p = np.exp(logits - logits.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            losses.append(-np.mean(np.log(p[range(10), y] + 1e-9)))
            p[range(10), y] -= 1  # softmax minus one-hot: the gradient at the logits
            layer.update(x, p / 10, lr=lr)
        curve.append(float(np.mean(losses)))
    return curve


fast = dt.devices.SoftBoundsReference(
    dw_min=0.005, w_max=1, w_min=-1, subtract_symmetry_point=True, reference_mean=-0.4
)
sgd = dt.algorithms.AnalogSGD(device=fast)
erider = dt.algorithms.ERider(device=fast, fast_lr=0.5, transfer_lr=0.5, columns_per_transfer=8)
curves = {
    "digital": train(Digital(), 0.1),
    "analog SGD": train(dt.AnalogTile((10, 64), sgd, rng=1), 0.1),
    "E-RIDER": train(dt.AnalogTile((10, 64), erider, rng=1), 0.1),
}

figure = Figure(figsize=(6.4, 4.0), dpi=100, layout="constrained")
axes = figure.subplots()
for colour, marker, (name, curve) in zip(dt.plot.OKABE_ITO, "osD", curves.items(), strict=False):
    axes.plot(range(1, epochs + 1), curve, marker=marker, markersize=4, color=colour, label=name)
    print(f"{name}: loss {curve[0]:.2f} in the first epoch, {curve[-1]:.2f} in the last")
axes.set(xlabel="epoch", ylabel="training loss (nats per image)", yscale="log")
axes.grid(alpha=0.3, which="both")
axes.legend()
figure.savefig(picture)
