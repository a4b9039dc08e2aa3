"""Losses: mean negative log-probability of the true class, mean squared error."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from dsptrack import _core
from dsptrack._checks import floats, integers, like, tensor
from dsptrack.exceptions import ShapeError, StateError

from .layer import FloatArray, IntArray


class Loss(ABC):
    """A scalar of the network's output and what it should be, and its gradient.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(dt.nn.NLLLoss(), dt.nn.Loss)
    True
    """

    @abstractmethod
    def forward(self, output: FloatArray, target: npt.NDArray[Any], /) -> float:
        """Return the mean loss of the batch; for classifiers `target` holds labels (B,) in 0 … classes - 1."""

    @abstractmethod
    def backward(self) -> FloatArray:
        """Return dL/doutput of the last `forward`, in the shape of the output; contains the factor of the mean."""


class _LogLikelihood(Loss):
    def __init__(self) -> None:
        self._log_p: FloatArray | None = None
        self._labels: IntArray = np.empty(0, np.int64)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _keep(self, log_p: FloatArray, labels: IntArray, loss: float | None) -> float:
        """Remember a forward pass unless a label was none of the classes."""
        if loss is None:
            raise _no_classes(labels, log_p)
        self._log_p, self._labels = log_p, labels
        return loss

    def _last(self) -> FloatArray:
        if self._log_p is None:
            raise StateError(f"{self!r}.backward() before forward()")
        return self._log_p


def _matched(labels: IntArray, output: FloatArray) -> IntArray:
    """Return labels as the core takes them, one a row of `output`."""
    labels = integers("labels", labels)
    if labels.shape != output.shape[:1] or not labels.size:
        raise ShapeError(f"labels have shape {labels.shape}: must be (B,), one a row of the output {output.shape}")
    return labels if labels.flags.c_contiguous else labels.copy()


def _no_classes(labels: IntArray, output: FloatArray) -> ShapeError:
    return ShapeError(f"labels in {labels.min()}..{labels.max()}: the output has classes 0..{output.shape[1] - 1}")


class NLLLoss(_LogLikelihood):
    """Negative log-likelihood of log-probabilities: L = -(1/B) Σ_b log p_b[y_b].

    Takes the output of LogSoftmax; dL/dlog p_b[i] = -1/B at i = y_b, else 0.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> loss = dt.nn.NLLLoss()
    >>> round(loss.forward(np.log(np.array([[0.25, 0.75]], np.float32)), np.array([1])), 4)
    0.2877
    >>> loss.backward()
    array([[ 0., -1.]], dtype=float32)
    """

    def forward(self, output: FloatArray, labels: IntArray) -> float:
        """Return the mean loss; `output` holds log-probabilities (B, classes), `labels` (B,)."""
        output = floats("output", output, 2)
        labels = _matched(labels, output)
        return self._keep(output, labels, _core.mean_loss(output, labels))

    def backward(self) -> FloatArray:
        """Return dL/doutput, (B, classes)."""
        grad = np.zeros_like(self._last())
        grad[np.arange(len(grad)), self._labels] = -1.0 / len(grad)
        return grad


class CrossEntropyLoss(_LogLikelihood):
    """Cross-entropy of logits z: L = -(1/B) Σ_b log softmax(z_b)[y_b].

    LogSoftmax and NLLLoss in one: dL/dz_b = (softmax(z_b) - onehot(y_b)) / B.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> loss = dt.nn.CrossEntropyLoss()
    >>> round(loss.forward(np.zeros((1, 2), np.float32), np.array([1])), 4)
    0.6931
    >>> loss.backward()
    array([[ 0.5, -0.5]], dtype=float32)
    """

    def forward(self, output: FloatArray, labels: IntArray) -> float:
        """Return the mean loss; `output` holds logits (B, classes), `labels` (B,)."""
        output = floats("output", output, 2)
        labels = _matched(labels, output)
        log_p, loss = _core.cross_entropy(output, labels)
        return self._keep(log_p, labels, loss)

    def backward(self) -> FloatArray:
        """Return dL/doutput, (B, classes)."""
        log_p = self._last()
        grad = _core.cross_entropy_backward(log_p, self._labels)
        if grad is None:  # whoever owns them wrote to the labels meanwhile
            raise _no_classes(self._labels, log_p)
        return grad


class MSELoss(Loss):
    """Mean squared error over all n elements of the batch: L = (1/n) Σ (y - t)², dL/dy = 2 (y - t) / n.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> loss = dt.nn.MSELoss()
    >>> loss.forward(np.array([[1.0, 2.0]], np.float32), np.array([[1.0, 0.0]], np.float32))
    2.0
    >>> loss.backward()
    array([[0., 2.]], dtype=float32)
    """

    def __init__(self) -> None:
        self._difference: FloatArray | None = None

    def __repr__(self) -> str:
        return "MSELoss()"

    def forward(self, output: FloatArray, target: npt.NDArray[Any], /) -> float:
        """Return the mean of the squared differences; `target` has the shape of `output`, (B, ...)."""
        output = tensor("output", output)
        target = like("target", target, output.shape)
        if not output.size:
            raise ShapeError(f"output has shape {output.shape}: must not be empty")
        self._difference = output - target
        return float(np.vdot(self._difference, self._difference)) / output.size

    def backward(self) -> FloatArray:
        """Return dL/doutput, (B, ...)."""
        if self._difference is None:
            raise StateError(f"{self!r}.backward() before forward()")
        return self._difference * np.float32(2.0 / self._difference.size)
