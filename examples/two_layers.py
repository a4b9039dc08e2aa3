"""A network of two tiles by hand, back-propagation included: 8 x 8 images of digits, E-RIDER, sigmoid, softmax."""

import numpy as np

import dsptrack as dt

data, rng = dt.datasets.load("digits"), np.random.default_rng(0)
device = dt.devices.SoftBoundsReference(dw_min=0.01, subtract_symmetry_point=True, reference_mean=0.2)
rule = dt.algorithms.ERider(device=device, fast_lr=0.1, transfer_lr=0.5, columns_per_transfer=8)
first, second = dt.AnalogTile((32, 64), rule, rng=1), dt.AnalogTile((10, 32), rule, rng=2)
for tile in (first, second):
    tile.set_weights(rng.uniform(-1, 1, tile.shape) / np.sqrt(tile.shape[1]))


def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hidden = 1 / (1 + np.exp(-first.forward(x)))
    logits = second.forward(hidden)
    p = np.exp(logits - logits.max(1, keepdims=True))
    return hidden, p / p.sum(1, keepdims=True)


for epoch in range(1, 9):
    for batch in rng.permutation(len(data.train_x))[:1430].reshape(-1, 10):
        x, (hidden, error) = data.train_x[batch], forward(data.train_x[batch])
        error[range(10), data.train_y[batch]] -= 1  # softmax minus one-hot
        hidden_error = second.backward(error) * hidden * (1 - hidden)
        second.update(hidden, error, lr=0.1)
        first.update(x, hidden_error, lr=0.1)
    accuracy = np.mean(forward(data.test_x)[1].argmax(1) == data.test_y)
    print(f"epoch {epoch}: {100 * accuracy:.1f} % of the test images")
