"""What the tracker does, measured: its frequency response (16) and the condition of Lemma 3.5."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks
from dsptrack.exceptions import ConfigError
from dsptrack.theory import tracking_cosine, tracking_rate_limit

from .average import Floats, MovingAverage, reading
from .tracker import Tracker

_FIELDS = [
    ("cosine", np.float64),
    ("rate_limit", np.float64),
    ("closer", np.bool_),
    ("read_error", np.float64),
    ("average_error", np.float64),
    ("reference_error", np.float64),
    ("programming_events", np.int64),
]


def measured_response(eta: float, omega: ArrayLike) -> NDArray[np.float64]:
    """Drive a `MovingAverage` with waves and return its gain |H|^2 at every frequency.

    A cosine and a sine are read side by side until the start is forgotten (to 1e-4); the squares of both averages then
    add up to the gain, at any moment.

    Parameters
    ----------
    eta
        Rate of the average, > 0, at most 1; about 10/eta steps are run.
    omega
        Angular frequencies, radians per step, (K,).

    Returns
    -------
    ndarray
        float64 (K,); `dsptrack.theory.filter_response` is what (16) says.

    Raises
    ------
    ConfigError, ShapeError, NonFiniteError
        If an argument is out of range, not one-dimensional, or not finite.

    Examples
    --------
    >>> import dsptrack as dt
    >>> measured_response(0.1, [0.0, 3.0]).round(4), dt.theory.filter_response(0.1, [0.0, 3.0]).round(4)
    (array([1.    , 0.0028]), array([1.    , 0.0028]))
    """
    eta = _checks.number("eta", eta, above=0.0, high=1.0)
    frequencies = _checks.doubles("omega", np.atleast_1d(np.asarray(omega)))
    average = MovingAverage((2, frequencies.size), eta)
    steps = 2 if eta == 1 else math.ceil(math.log(1e-5) / math.log1p(-eta)) + 1
    for k in range(steps):
        average.update([np.cos(frequencies * k), np.sin(frequencies * k)])
    return np.asarray(np.sum(average.value.astype(np.float64) ** 2, axis=0))


def follow(tracker: Tracker, readings: Iterable[ArrayLike], symmetric_point: ArrayLike) -> NDArray[Any]:
    """Let a tracker observe readings and record, step by step, how near it is and whether Lemma 3.5 applies.

    Parameters
    ----------
    tracker
        Goes on from its present state.
    readings
        P_1, P_2, ..., each (M, N); a generator may pulse the array in between.
    symmetric_point
        The truth W◇, (M, N).

    Returns
    -------
    ndarray
        Structured (K,): ``cosine`` between P_k+1 - W◇ and P_k+1 - Q_k, and ``rate_limit``, above which the lemma lets
        Q_k+1 be closer to W◇ than P_k+1 is (both NaN where P_k+1 = Q_k); ``closer``, whether it is; ``read_error``,
        ``average_error``, ``reference_error``: rms of P_k+1, Q_k+1 and Q~_k+1 minus W◇; ``programming_events`` so far.

    Raises
    ------
    ConfigError
        If `tracker` is not a Tracker.
    ShapeError, NonFiniteError
        If an array has another shape or is not finite; the tracker then is as it was.

    Examples
    --------
    >>> record = follow(Tracker((1, 1), eta=0.6), [[[1.0]], [[-1.0]]], [[0.0]])
    >>> record["closer"].tolist(), record["rate_limit"].round(3).tolist(), record["average_error"].round(3).tolist()
    ([True, True], [0.0, 0.0], [0.6, 0.36])
    """
    if not isinstance(tracker, Tracker):
        raise ConfigError(f"tracker is a {type(tracker).__name__}: must be a Tracker")
    point = reading("symmetric_point", symmetric_point, tracker.shape)
    before, rows = tracker.state_dict(), []
    try:
        for values in readings:
            rows.append(_step(tracker, reading("readings", values, tracker.shape), point))
    except BaseException:
        tracker.load_state_dict(before)
        raise
    return np.array(rows, dtype=_FIELDS)


def _step(tracker: Tracker, p: Floats, point: Floats) -> tuple[float | int | bool, ...]:
    """Let a tracker observe a reading; return the record's row."""
    q = tracker.average
    moves = bool(np.any(p != q))
    cosine = tracking_cosine(p, q, point) if moves and np.any(p != point) else math.nan
    limit = tracking_rate_limit(p, q, point) if moves else math.nan
    tracker.observe(p)
    errors = [_rms(estimate - point) for estimate in (p, tracker.average, tracker.reference)]
    return (cosine, limit, errors[1] < errors[0], *errors, tracker.programming_events)


def _rms(error: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))
