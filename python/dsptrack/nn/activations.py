"""Element-wise activations and the log-softmax.

Sources: the usual definitions; every derivative is written in terms of the output, the only thing remembered. The core
computes them, with the same bits on every machine.
"""

import numpy as np

from dsptrack import _core
from dsptrack._checks import floats, like, tensor

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
        self._y = _core.elementwise("sigmoid", tensor("x", x))
        return self._y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return y (1 - y) `grad`, (B, n)."""
        return _core.elementwise_backward("sigmoid", self._y, like("grad", grad, self._y.shape))


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
        self._y = _core.elementwise("tanh", tensor("x", x))
        return self._y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return (1 - y²) `grad`, (B, n)."""
        return _core.elementwise_backward("tanh", self._y, like("grad", grad, self._y.shape))


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
        self._y = np.maximum(tensor("x", x), np.float32(0.0))
        return self._y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return `grad` where the input was positive, else 0, (B, n)."""
        return like("grad", grad, self._y.shape) * (self._y > 0.0)


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
        self._y = log_softmax(floats("x", x, 2))
        return self._y

    def backward(self, grad: FloatArray) -> FloatArray:
        """Return dL/dx, (B, n)."""
        grad = like("grad", grad, self._y.shape)
        slope = _core.elementwise("exp", self._y)
        slope *= -grad.sum(axis=1, keepdims=True)
        slope += grad
        return slope


def log_softmax(x: FloatArray) -> FloatArray:
    """Return x - log Σ exp(x) along the last axis; the maximum is taken out first, so nothing overflows."""
    return _core.log_softmax(tensor("x", x))
