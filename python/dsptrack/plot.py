"""Pictures of results; no display is needed.

Colours are the eight of Okabe and Ito, told apart with any colour vision; markers differ too.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .exceptions import ShapeError
from .nn.history import EpochRecord

if TYPE_CHECKING:
    from .experiments import Calibration

__all__ = ["OKABE_ITO", "compare", "zero_shift"]

# Black and yellow come last: black reads as "reference line", yellow is faint on white.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
_MARKERS = "osD^vPX*"


def compare(histories: Mapping[str, Sequence[EpochRecord]], *, title: str = "") -> Figure:
    """Draw test accuracy and symmetric-point error over the epochs, one line a method.

    Parameters
    ----------
    histories
        The records of each method, by the name for the legend; at least one.
    title
        Line above both panels.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig(path)`` writes it.

    Raises
    ------
    ShapeError
        If there is no history.

    Examples
    --------
    >>> import dsptrack as dt
    >>> record = dt.nn.EpochRecord(epoch=1, train_loss=2.3, test_accuracy=10.0, seconds=0.1, sp_error=0.5)
    >>> len(dt.plot.compare({"E-RIDER": [record]}).axes)
    2
    """
    if not histories:
        raise ShapeError("histories is empty: must hold at least one")
    figure, (accuracy, error) = _panels()
    for i, (name, records) in enumerate(histories.items()):
        epochs = [record.epoch for record in records]
        style = _style(i, len(epochs))
        accuracy.plot(epochs, [record.test_accuracy for record in records], label=name, **style)
        # None (a rule without estimate) becomes NaN, which matplotlib leaves out.
        errors = np.array([record.sp_error for record in records], float)
        error.plot(epochs, errors, label=name, **style)
    accuracy.set(xlabel="epoch", ylabel="test accuracy (%)")
    error.set(xlabel="epoch", ylabel="RMS error of the symmetric point (weight)", ylim=(0.0, None))
    accuracy.legend(fontsize="small")
    figure.suptitle(title)
    return figure


def zero_shift(calibration: "Calibration", *, title: str = "") -> Figure:
    """Draw the error of the zero-shifting estimate against the pulse budget, the theory's bound beside it.

    Left: offset (truth minus estimate) of mean and standard deviation over the array, in percent of the true mean
    and standard deviation, as in Figure 1a of arXiv 2602.21321. Right: RMS error of a cell, and the bound.

    Parameters
    ----------
    calibration
        The result of ``dsptrack.experiments.calibrate``.
    title
        Line above both panels.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig(path)`` writes it.

    Examples
    --------
    >>> import dsptrack as dt
    >>> result = dt.experiments.calibrate(shape=(8, 8), budgets=(10, 20), rng=0)
    >>> len(dt.plot.zero_shift(result).axes)
    2
    """
    figure, (offset, error) = _panels()
    points = calibration.points
    pulses = [point.pulses for point in points]
    for i, (name, values) in enumerate(
        zip(("mean", "standard deviation"), zip(*map(calibration.percent, points), strict=True), strict=True)
    ):
        offset.plot(pulses, values, label=name, **_style(i, len(points)))
    offset.axhline(1.0, color="0.5", linestyle=":", label="1 %")
    error.plot(pulses, [p.rms_error for p in points], label="measured", **_style(0, len(points)))
    error.plot(pulses, [p.expected for p in points], label="expected", color=OKABE_ITO[1], linestyle=":")
    error.plot(pulses, [p.bound for p in points], label=calibration.theorem, color=OKABE_ITO[6], linestyle="--")
    offset.set(ylabel="offset of the estimate (% of the truth)")
    error.set(ylabel="RMS error of a cell (weight)")
    for axes in (offset, error):
        axes.set(xlabel="pulses on every cell", xscale="log", yscale="log")
        axes.set_xticks(pulses, labels=[f"{n:,}" for n in pulses])
        axes.set_xticks([], minor=True)
        axes.legend(fontsize="small")
    figure.suptitle(title)
    return figure


def _panels() -> tuple[Figure, Sequence[Axes]]:
    # Figure without pyplot: no global state, no display, nothing to close.
    figure = Figure(figsize=(10.0, 4.0), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2)
    for panel in axes:
        panel.grid(alpha=0.3)
    return figure, axes


def _style(i: int, points: int) -> dict[str, Any]:
    return {
        "color": OKABE_ITO[i % len(OKABE_ITO)],
        "marker": _MARKERS[i % len(_MARKERS)],
        "markersize": 4,
        "markevery": max(1, points // 10),
        "linewidth": 1.5,
    }
