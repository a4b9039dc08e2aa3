"""The paper's two networks against float64 NumPy, gradient by gradient and over several SGD steps."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import network, slow_grid
from helpers.ideal import OPTIONS, SGD
from helpers.network import numerical_gradient

TOLERANCE = 1e-5
KINDS = {
    "fcn": ["linear", "sigmoid", "linear", "sigmoid", "linear"],
    "lenet5": ["conv", "pool", "tanh", "conv", "pool", "tanh", "flatten", "linear", "tanh", "linear"],
}
MAPPINGS = [
    pytest.param({}, id="plain"),
    pytest.param({"max_input_size": 150, "max_output_size": 20}, id="split"),
    pytest.param({"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True}, id="scaled"),
    pytest.param({"bias": "analog"}, id="analog-bias"),
]


def analog(model):
    return [layer for layer in model.layers if layer.tiles]


def twin(name, model):
    """The steps of the same network, with the weights that it has now."""
    parameters = iter([(np.float64(layer.weights), np.float64(layer.bias)) for layer in analog(model)])
    return [(kind, *next(parameters)) if kind in ("conv", "linear") else (kind,) for kind in KINDS[name]]


def images(name, rng, n):
    x = rng.random((n, 784), np.float32)
    return x, x.reshape(n, 1, 28, 28) if name == "lenet5" else x


@pytest.fixture
def exact_update(monkeypatch):
    """Tiles that step by -lr d^T x exactly.

    Whole pulses cannot: 4,608 vectors a step in LeNet-5's first layer, each rounded to a pulse, leave 3e-5 at the
    finest step whose trains still fit. So the pulses, and only they, are replaced: all else (reads of both directions,
    which vectors and which error reach a tile, scales, sums, biases) is the code under test. That pulses follow the
    error they are given is tested in test_layers.py, test_nn.py and test_rules.py.
    """

    def update(tile, x, d, lr):
        tile.set_weights(np.float32(tile.weights() - lr * d.T.astype(np.float64) @ x))

    slow_grid.use(monkeypatch, update)


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("name", KINDS)
def test_sgd_steps(name, mapping, exact_update, rng):
    """Losses, weights and biases over five steps that move every layer by far more than the tolerance."""
    model = getattr(dt.nn, name)(SGD, **(OPTIONS | mapping))
    steps, loss, lr = twin(name, model), dt.nn.CrossEntropyLoss(), 0.5
    start = [layer.weights for layer in analog(model)]
    for _ in range(5):
        x, shaped = images(name, rng, 8)
        labels = rng.integers(0, 10, 8)
        wanted, grads, _ = network.loss_and_grads(steps, shaped, labels)
        assert loss.forward(model.forward(x), labels) == pytest.approx(wanted, abs=TOLERANCE)
        model.backward(loss.backward())
        model.update(lr)
        steps = [
            (kind, *(p - lr * g for p, g in zip(parameters, step_grads, strict=True))) if parameters else (kind,)
            for (kind, *parameters), step_grads in zip(steps, grads, strict=True)
        ]
    for layer, before, (_, w, b) in zip(analog(model), start, [s for s in steps if len(s) > 1], strict=True):
        assert abs(w - before).max() > 300 * TOLERANCE
        np.testing.assert_allclose(layer.weights, w, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(layer.bias, b, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("name", KINDS)
def test_gradient_of_the_input(name, mapping, rng):
    model = getattr(dt.nn, name)(SGD, **(OPTIONS | mapping))
    model.needs_input_grad = True
    x, shaped = images(name, rng, 4)
    labels, loss = rng.integers(0, 10, 4), dt.nn.CrossEntropyLoss()
    loss.forward(model.forward(x), labels)
    _, _, wanted = network.loss_and_grads(twin(name, model), shaped, labels)
    atol = TOLERANCE * abs(wanted).max()
    np.testing.assert_allclose(model.backward(loss.backward()), wanted.reshape(4, 784), rtol=0, atol=atol)


@pytest.mark.parametrize("name", KINDS)
def test_the_oracle_against_numerical_differences(name, rng):
    """A small network with every kind of step; its gradients by hand are the numerical ones."""
    channels, features, classes = 2, 3 if name == "fcn" else 2, 3
    steps = []
    for kind in KINDS[name]:
        if kind == "conv":
            steps.append((kind, rng.standard_normal((2, channels, 2, 2)), rng.standard_normal(2)))
        elif kind == "linear":
            size = classes if len(steps) == len(KINDS[name]) - 1 else 4
            steps.append((kind, rng.standard_normal((size, features)), rng.standard_normal(size)))
            features = size
        else:
            steps.append((kind,))
    x = rng.standard_normal((2, channels, 7, 7) if name == "lenet5" else (2, 3))
    labels = rng.integers(0, classes, 2)
    _, grads, x_grad = network.loss_and_grads(steps, x, labels)
    wanted = numerical_gradient(lambda v: network.loss_and_grads(steps, v, labels)[0], x)
    np.testing.assert_allclose(x_grad, wanted, atol=1e-8)

    def loss_at(n, parameter, values):
        changed = list(steps[n])
        changed[parameter] = values
        return network.loss_and_grads([*steps[:n], tuple(changed), *steps[n + 1 :]], x, labels)[0]

    for n, found in enumerate(grads):
        for parameter, grad in enumerate(found or [], 1):
            wanted = numerical_gradient(lambda v, n=n, p=parameter: loss_at(n, p, v), steps[n][parameter])
            np.testing.assert_allclose(grad, wanted, atol=1e-8)
