"""Losses: mean negative log-probability of the true class, mean squared error."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from dsptrack import _core
from dsptrack._checks import floats, integers, like, tensor
from dsptrack.exceptions import ShapeError, StateError

from .activations import log_softmax
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
        self._rows: IntArray = np.empty(0, np.int64)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _mean(self, log_p: FloatArray, labels: IntArray) -> float:
        labels = integers("labels", labels)
        if labels.shape != log_p.shape[:1] or not labels.size:
            raise ShapeError(f"labels have shape {labels.shape}: must be (B,), one a row of the output {log_p.shape}")
        if len(self._rows) != len(labels):
            self._rows = np.arange(len(labels))
        # As unsigned numbers negative labels are huge, so one comparison sees both ends.
        if np.maximum.reduce(labels.view(np.uint64)) >= log_p.shape[1]:
            raise ShapeError(
                f"labels in {labels.min()}..{labels.max()}: the output has classes 0..{log_p.shape[1] - 1}"
            )
        self._log_p, self._labels = log_p, labels
        return -float(np.add.reduce(log_p[self._rows, labels])) / len(labels)

    def _last(self) -> FloatArray:
        if self._log_p is None:
            raise StateError(f"{self!r}.backward() before forward()")
        return self._log_p


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
        return self._mean(floats("output", output, 2), labels)

    def backward(self) -> FloatArray:
        """Return dL/doutput, (B, classes)."""
        grad = np.zeros_like(self._last())
        grad[self._rows, self._labels] = -1.0 / len(self._labels)
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
        return self._mean(log_softmax(floats("output", output, 2)), labels)

    def backward(self) -> FloatArray:
        """Return dL/doutput, (B, classes)."""
        grad = _core.elementwise("exp", self._last())
        grad[self._rows, self._labels] -= 1.0
        grad *= 1.0 / len(self._labels)
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
