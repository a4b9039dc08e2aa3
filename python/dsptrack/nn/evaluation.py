"""How well a network does on labelled images."""

import math
from typing import NamedTuple

import numpy.typing as npt

from dsptrack.datasets.streaming import checked
from dsptrack.exceptions import DivergenceError

from .losses import Loss
from .sequential import Sequential

_BATCH = 500


class Evaluation(NamedTuple):
    """What a network makes of labelled images: the mean loss, and the percentage that it classifies correctly.

    Examples
    --------
    >>> import dsptrack as dt
    >>> dt.nn.Evaluation(loss=0.5, accuracy=90.0).accuracy
    90.0
    """

    loss: float
    accuracy: float


def evaluate(model: Sequential, loss: Loss, x: npt.ArrayLike, y: npt.ArrayLike) -> Evaluation:
    """Return mean loss and accuracy; the model is then in the mode that it was in."""
    images, labels = checked(x, y)
    total, right = 0.0, 0
    training = model.training
    model.eval()
    try:
        for start in range(0, len(images), _BATCH):
            part = slice(start, start + _BATCH)
            output, wanted = model.forward(images[part]), labels[part]
            total += loss.forward(output, wanted) * len(wanted)
            right += int((output.argmax(axis=1) == wanted).sum())
    finally:
        model.train(training)
    if not math.isfinite(total):
        raise DivergenceError(f"loss = {total} on the images: must be finite")
    return Evaluation(total / len(images), 100.0 * right / len(images))
