"""The paper's networks in float64, written from their equations; gradients by hand, checked in test_networks.py.

A network is a list of steps: ("conv", w, b), ("linear", w, b) with parameters, ("pool",), ("tanh",), ("sigmoid",),
("flatten",) without.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def windows(shape: tuple[int, ...], kernel: Any, stride: Any, dilation: Any = (1, 1)) -> Any:
    """(i, j, rows, columns) of every window: its position, and the slices of its pixels."""
    height, width = (d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    for i, top in enumerate(range(0, shape[2] - height + 1, stride[0])):
        for j, left in enumerate(range(0, shape[3] - width + 1, stride[1])):
            yield i, j, slice(top, top + height, dilation[0]), slice(left, left + width, dilation[1])


def output(shape: tuple[int, ...], kernel: Any, stride: Any, dilation: Any = (1, 1)) -> tuple[int, int]:
    *_, (i, j, _, _) = windows(shape, kernel, stride, dilation)
    return i + 1, j + 1


def padded(x: Any, padding: Any) -> Floats:
    (p, q) = padding
    return np.pad(np.asarray(x, np.float64), ((0, 0), (0, 0), (p, p), (q, q)))


def conv(x: Any, w: Any, b: Any, stride: Any = (1, 1), padding: Any = (0, 0), dilation: Any = (1, 1)) -> Floats:
    """Every output pixel is the scalar product of the kernel and the patch below it."""
    x = padded(x, padding)
    y = np.empty((len(x), len(w), *output(x.shape, w.shape[2:], stride, dilation)))
    for i, j, rows, columns in windows(x.shape, w.shape[2:], stride, dilation):
        y[:, :, i, j] = np.tensordot(x[:, :, rows, columns], w, ((1, 2, 3), (1, 2, 3))) + b
    return y


def conv_grads(x: Any, w: Any, grad: Any) -> tuple[Floats, Floats, Floats]:
    """dL/dx, dL/dw, dL/db of a convolution with stride 1 and without padding."""
    x_grad, w_grad = np.zeros(x.shape), np.zeros(w.shape)
    for i, j, rows, columns in windows(x.shape, w.shape[2:], (1, 1)):
        x_grad[:, :, rows, columns] += np.tensordot(grad[:, :, i, j], w, (1, 0))
        w_grad += np.tensordot(grad[:, :, i, j], x[:, :, rows, columns], (0, 0))
    return x_grad, w_grad, grad.sum((0, 2, 3))


def pool(x: Any, kernel: Any, stride: Any, of: Any) -> Floats:
    """``of`` (such as np.max) of every window."""
    y = np.empty((*x.shape[:2], *output(x.shape, kernel, stride)))
    for i, j, rows, columns in windows(x.shape, kernel, stride):
        y[:, :, i, j] = of(x[:, :, rows, columns], axis=(2, 3))
    return y


def max_pool_grad(x: Any, grad: Any) -> Floats:
    """dL/dx of 2x2 max pooling; without ties the largest element is where it equals the maximum."""
    x_grad = np.zeros(x.shape)
    for i, j, rows, columns in windows(x.shape, (2, 2), (2, 2)):
        window = x[:, :, rows, columns]
        x_grad[:, :, rows, columns] = (window == window.max((2, 3), keepdims=True)) * grad[:, :, i : i + 1, j : j + 1]
    return x_grad


def log_softmax(z: Floats) -> Floats:
    shifted: Floats = z - z.max(1, keepdims=True)
    sums: Floats = np.exp(shifted).sum(1, keepdims=True)
    return shifted - np.log(sums)


# Steps without parameters: their output y of x, and dL/dx of x, y and g = dL/dy.
OUTPUTS: dict[str, Callable[[Any], Any]] = {
    "pool": lambda x: pool(x, (2, 2), (2, 2), np.max),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "flatten": lambda x: x.reshape(len(x), -1),
}
GRADIENTS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "pool": lambda x, y, g: max_pool_grad(x, g),
    "tanh": lambda x, y, g: g * (1 - y**2),
    "sigmoid": lambda x, y, g: g * y * (1 - y),
    "flatten": lambda x, y, g: g.reshape(x.shape),
}


def forward(steps: list[Any], x: Any) -> list[Any]:
    """The input and the output of every step."""
    values = [np.asarray(x, np.float64)]
    for kind, *parameters in steps:
        x = values[-1]
        if kind == "conv":
            y = conv(x, *parameters)
        elif kind == "linear":
            y = x @ parameters[0].T + parameters[1]
        else:
            y = OUTPUTS[kind](x)
        values.append(y)
    return values


def loss_and_grads(steps: list[Any], x: Any, labels: Any) -> tuple[float, list[Any], Floats]:
    """Mean cross-entropy, dL/d(w, b) of every step with parameters (None for the others), dL/dx."""
    values = forward(steps, x)
    picked = np.arange(len(labels)), labels
    log_p = log_softmax(values[-1])
    grad = np.exp(log_p)
    grad[picked] -= 1
    grad /= len(labels)
    grads: list[Any] = [None] * len(steps)
    for n in reversed(range(len(steps))):
        kind, *parameters = steps[n]
        x, y = values[n], values[n + 1]
        if kind == "conv":
            grad, *grads[n] = conv_grads(x, parameters[0], grad)
        elif kind == "linear":
            grads[n] = [grad.T @ x, grad.sum(0)]
            grad = grad @ parameters[0]
        else:
            grad = GRADIENTS[kind](x, y, grad)
    return -float(log_p[picked].mean()), grads, grad


def numerical_gradient(f: Any, x: Any, step: float = 1e-5) -> Floats:
    """Central differences of the scalar ``f``."""
    x = np.asarray(x, np.float64)
    grad: Floats = np.empty_like(x)
    for i in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[i] += step
        low[i] -= step
        grad[i] = (f(high) - f(low)) / (2 * step)
    return grad
