"""Element-wise activations and the log-softmax.

Sources: the usual definitions; every derivative is written in terms of the output, the only thing remembered.
"""

import numpy as np

from .layer import FloatArray, Layer


class _Activation(Layer):
    """A layer without parameters that remembers its output."""

    def __init__(self) -> None:
        self._y: FloatArray = np.empty((0, 0), np.float32)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Sigmoid(_Activation):
    """Logistic function y = 1 / (1 + exp(-x)), dL/dx = y (1 - y) dL/dy.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> dt.nn.Sigmoid().forward(np.zeros((1, 2), np.float32))
    array([[0.5, 0.5]], dtype=float32)
    """

    def forward(self, x: FloatArray) -> FloatArray:
        """Return 1 / (1 + exp(-x)), (B, n)."""
        # (1 + tanh(x/2)) / 2 is the same function and cannot overflow.
        y = x * 0.5
        np.tanh(y, out=y)
        y += 1.0
        y *= 0.5
        self._y = y
        return y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return y (1 - y) `grad`, (B, n)."""
        slope = 1.0 - self._y
        slope *= self._y
        slope *= grad
        return slope


class Tanh(_Activation):
    """Hyperbolic tangent y = tanh(x), dL/dx = (1 - y²) dL/dy.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> dt.nn.Tanh().forward(np.zeros((1, 2), np.float32))
    array([[0., 0.]], dtype=float32)
    """

    def forward(self, x: FloatArray) -> FloatArray:
        """Return tanh(x), (B, n)."""
        self._y = np.tanh(x)
        return self._y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return (1 - y²) `grad`, (B, n)."""
        slope = self._y * self._y
        np.subtract(1.0, slope, out=slope)
        slope *= grad
        return slope


class ReLU(_Activation):
    """Rectifier y = max(x, 0), dL/dx = dL/dy where x > 0, else 0.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> dt.nn.ReLU().forward(np.array([[-1.0, 2.0]], np.float32))
    array([[0., 2.]], dtype=float32)
    """

    def forward(self, x: FloatArray) -> FloatArray:
        """Return max(x, 0), (B, n)."""
        self._y = np.maximum(x, 0.0)
        return self._y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return `grad` where the input was positive, else 0, (B, n)."""
        return grad * (self._y > 0.0)


class LogSoftmax(_Activation):
    """Log-probabilities y_i = x_i - log Σ_j exp(x_j), the input that NLLLoss takes.

    dL/dx_i = dL/dy_i - exp(y_i) Σ_j dL/dy_j. CrossEntropyLoss contains it: use one or the other.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> dt.nn.LogSoftmax().forward(np.zeros((1, 2), np.float32)).round(4)
    array([[-0.6931, -0.6931]], dtype=float32)
    """

    def forward(self, x: FloatArray) -> FloatArray:
        """Return the log-probabilities, (B, n)."""
        self._y = log_softmax(x)
        return self._y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return dL/dx, (B, n)."""
        slope = np.exp(self._y)
        slope *= -grad.sum(axis=1, keepdims=True)
        slope += grad
        return slope


def log_softmax(x: FloatArray) -> FloatArray:
    """Return x - log Σ exp(x) along the last axis; the maximum is taken out first, so nothing overflows."""
    y: FloatArray = x - np.maximum.reduce(x, axis=1, keepdims=True)
    y -= np.log(np.add.reduce(np.exp(y), axis=1, keepdims=True))
    return y
