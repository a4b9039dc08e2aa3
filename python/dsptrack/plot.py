"""Pictures of results; no display is needed.

Colours are the eight of Okabe and Ito, told apart with any colour vision; markers differ too.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ._checks import whole
from ._rng import RngLike, unspent
from .array import CrossbarArray
from .devices import Device
from .exceptions import ConfigError, ShapeError
from .nn.history import EpochRecord

if TYPE_CHECKING:
    from .experiments import Calibration

__all__ = ["OKABE_ITO", "compare", "pulse_train", "response", "symmetric_points", "zero_shift"]

# Legends say `loc="best"`, which is the default: where it is not said, matplotlib warns of a place that took a second
# to find, as it does on a busy machine.

# Black and yellow come last: black reads as "reference line", yellow is faint on white.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
_MARKERS = "osD^vPX*"
_LINES = ("-", "--", "-.", ":")
# Weights at which a response is drawn, and points of a pulse train in each direction.
_POINTS = 201


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
    ConfigError, ShapeError
        If `histories` is no dict, or empty.

    Examples
    --------
    >>> import dsptrack as dt
    >>> record = dt.nn.EpochRecord(epoch=1, train_loss=2.3, test_accuracy=10.0, seconds=0.1, sp_error=0.5)
    >>> len(dt.plot.compare({"E-RIDER": [record]}).axes)
    2
    """
    if not isinstance(histories, Mapping):
        raise ConfigError(f"histories is a {type(histories).__name__}: must be a dict of records by name")
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
    accuracy.legend(loc="best", fontsize="small")
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

    Raises
    ------
    ConfigError
        If `calibration` is something else.

    Examples
    --------
    >>> import dsptrack as dt
    >>> result = dt.experiments.calibrate(shape=(8, 8), budgets=(10, 20), rng=0)
    >>> len(dt.plot.zero_shift(result).axes)
    2
    """
    from .experiments import Calibration

    if not isinstance(calibration, Calibration):
        kind = type(calibration).__name__
        raise ConfigError(f"calibration is a {kind}: must be a Calibration, as experiments.calibrate returns it")
    figure, (offset, error) = _panels()
    points = calibration.points
    pulses = [point.pulses for point in points]
    for i, (name, values) in enumerate(
        zip(("mean", "standard deviation"), zip(*map(calibration.percent, points), strict=True), strict=True)
    ):
        offset.plot(pulses, values, label=name, **_style(i, len(points)))
    offset.axhline(1.0, color="0.5", linestyle=":", label="1 %")
    error.plot(pulses, [p.rms_error for p in points], label="measured", **_style(0, len(points)))
    # Where theory says nothing there is no line.
    if points[0].expected is not None:
        error.plot(
            pulses, np.array([p.expected for p in points], float), label="expected", color=OKABE_ITO[1], linestyle=":"
        )
    if points[0].bound is not None:
        bounds = np.array([p.bound for p in points], float)
        error.plot(pulses, bounds, label=calibration.theorem, color=OKABE_ITO[6], linestyle="--")
    offset.set(ylabel="offset of the estimate (% of the truth)")
    error.set(ylabel="RMS error of a cell (weight)")
    for axes in (offset, error):
        axes.set(xlabel="pulses on every cell", xscale="log", yscale="log")
        axes.set_xticks(pulses, labels=[f"{n:,}" for n in pulses])
        axes.set_xticks([], minor=True)
        axes.legend(loc="best", fontsize="small")
    figure.suptitle(title)
    return figure


def response(device: Device | CrossbarArray, *, cells: int = 12, title: str = "") -> Figure:
    """Draw q+ and q- against the weight, and F and G with the symmetric points beside them.

    Parameters
    ----------
    device
        A device, of which the mean cell is drawn, or an array, of which some cells are. It is not changed.
    cells
        Most cells to draw, >= 1: spread evenly over the array, stuck ones left out.
    title
        Line above both panels.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig(path)`` writes it. Every cell has one line a quantity, from its lower to its upper bound.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> import dsptrack as dt
    >>> left, right = dt.plot.response(dt.devices.SoftBounds()).axes
    >>> left.get_legend_handles_labels()[1]
    ['q+ (up)', 'q- (down)']
    """
    array = CrossbarArray((1, 1), device.nominal(), rng=0) if isinstance(device, Device) else device
    few = _some_cells(array, cells)
    low, high = _range(few)
    weights = np.linspace(low, high, _POINTS)
    q_plus, q_minus = (np.stack(q)[:, 0] for q in zip(*(few.response(w) for w in weights), strict=True))
    curves = {"q+ (up)": q_plus, "q- (down)": q_minus, "F": (q_minus + q_plus) / 2, "G": (q_minus - q_plus) / 2}
    figure, (left, right) = _panels()
    width = 1.5 if few.shape[1] == 1 else 0.9
    for i, (name, values) in enumerate(curves.items()):
        lines = (left if i < 2 else right).plot(
            weights[:, 0], values, color=OKABE_ITO[i], linestyle=_LINES[i % 2], linewidth=width
        )
        lines[0].set_label(name)
    points = few._core.symmetric_point()[0]
    known = points[np.isfinite(points)]
    right.plot(known, np.zeros_like(known), "o", color=OKABE_ITO[6], markersize=4, label="symmetric point")
    left.set(xlabel="weight", ylabel="response (dw_min per pulse)")
    right.set(xlabel="weight", ylabel="symmetric and asymmetric part")
    for axes in (left, right):
        axes.axhline(0.0, color="0.5", linewidth=0.8)
        axes.legend(loc="best", fontsize="small")
    figure.suptitle(title)
    return figure


@unspent
def pulse_train(
    array: CrossbarArray,
    *,
    pulses: int | None = None,
    cycles: int = 2,
    cells: int = 4,
    rng: RngLike = 0,
    title: str = "",
) -> Figure:
    """Draw the weights of some cells over trains of up pulses and of down pulses, from the lower bound.

    Parameters
    ----------
    array
        Its cells are copied: it is not pulsed.
    pulses
        Pulses of each train, >= 1; None takes twice the number of steps, at state 0, from bound to bound.
    cycles
        Up and down trains, >= 1.
    cells
        Most cells to draw, >= 1: spread evenly over the array, stuck ones left out.
    rng
        Seed of the pulses' noise.
    title
        Line above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig(path)`` writes it. Every cell has one line, weights at up to 201 points of each train.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((8, 8), dt.devices.SoftBounds(dw_min=0.05), rng=0)
    >>> len(dt.plot.pulse_train(array, cells=3).axes[0].lines)
    3
    """
    few = _some_cells(array, cells, rng)
    low, high = _range(few)
    pulses = _steps(few, low, high) if pulses is None else whole("pulses", pulses, 1)
    train = np.unique(np.linspace(0, pulses, _POINTS).round().astype(int))
    few.set_weights(low)
    seen, weights = [0], [few.weights[0]]
    for cycle in range(whole("cycles", cycles, 1, 1000)):
        for half, polarity in enumerate((+1, -1)):
            start = (2 * cycle + half) * pulses
            for before, after in pairwise(train.tolist()):
                few.pulse(polarity, after - before)
                seen.append(start + after)
                weights.append(few.weights[0])
    figure, (axes,) = _panels(1)
    for i, line in enumerate(axes.plot(seen, weights, linewidth=1.2)):
        line.set(color=OKABE_ITO[i % len(OKABE_ITO)], linestyle=_LINES[i % len(_LINES)])
    for cycle in range(cycles):
        down = axes.axvspan((2 * cycle + 1) * pulses, (2 * cycle + 2) * pulses, color="0.93", zorder=0)
    down.set_label("down pulses")
    axes.set(xlabel="pulse", ylabel="weight", xlim=(0, seen[-1]))
    axes.legend(loc="best", handles=[down], fontsize="small")
    figure.suptitle(title)
    return figure


def symmetric_points(array: CrossbarArray, *, title: str = "") -> Figure:
    """Draw the histogram of an array's symmetric points, and where on the array they are.

    Parameters
    ----------
    array
        It is not changed. Cells without symmetric point are counted above the histogram and grey on the map.
    title
        Line above both panels.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig(path)`` writes it.

    Raises
    ------
    ConfigError
        If `array` is not a CrossbarArray.

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((8, 8), dt.presets.reram_es(), rng=0)
    >>> dt.plot.symmetric_points(array).axes[1].images[0].get_array().shape
    (8, 8)
    """
    points = _array(array)._core.symmetric_point().astype(float)
    known = points[np.isfinite(points)]
    figure, (histogram, place) = _panels()
    if known.size:
        mean, std = float(known.mean()), float(known.std())
        histogram.hist(known, bins="auto" if known.size < 5000 else 60, color=OKABE_ITO[0], label="cells")
        histogram.axvline(mean, color=OKABE_ITO[1], linestyle="--", label=f"mean {mean:.3g}, std {std:.3g}")
        histogram.legend(loc="best", fontsize="small")
    without = points.size - known.size
    histogram.set(
        xlabel="symmetric point (weight)", ylabel="cells", title=f"{without:,} of {points.size:,} cells have none"
    )
    histogram.title.set_fontsize("small")
    colours = colormaps["viridis"].with_extremes(bad="0.8")
    place.grid(visible=False)
    image = place.imshow(np.ma.masked_invalid(points), cmap=colours, aspect="auto", interpolation="nearest")
    place.set(xlabel="column", ylabel="row")
    if known.size:
        figure.colorbar(image, ax=place, label="symmetric point (weight)")
    else:
        histogram.set(xticks=[], yticks=[])
    figure.suptitle(title)
    return figure


def _array(array: Any) -> CrossbarArray:
    if not isinstance(array, CrossbarArray):
        raise ConfigError(f"array is a {type(array).__name__}: must be a CrossbarArray")
    return array


def _some_cells(array: Any, cells: int, rng: RngLike = 0) -> CrossbarArray:
    """Return an array of one row with copies of up to `cells` cells of another, stuck ones only if all are."""
    parameters = _array(array).cell_parameters()
    live = np.flatnonzero(parameters["max_bound"] > parameters["min_bound"])
    if not live.size:
        live = np.arange(parameters["max_bound"].size)
    chosen = live[np.unique(np.linspace(0, live.size - 1, whole("cells", cells, 1)).round().astype(int))]
    rows, columns = np.unravel_index(chosen, array.shape)
    copies = {name: values[rows, columns][None] for name, values in parameters.items()}
    return CrossbarArray((1, chosen.size), array.device, rng=rng, cell_parameters=copies)


def _range(array: CrossbarArray) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the lowest and the highest weight of every cell."""
    cells = array.cell_parameters()
    reference = cells.get("reference", np.zeros(array.shape, np.float32))
    return cells["min_bound"] - reference, cells["max_bound"] - reference


def _steps(array: CrossbarArray, low: NDArray[Any], high: NDArray[Any]) -> int:
    """Return twice the median number of steps from bound to bound, each as large as at state 0; 10 to 20,000."""
    cells = array.cell_parameters()
    step = array.device.dw_min * array.symmetric_part(-cells.get("reference", np.zeros(array.shape, np.float32)))
    counts = ((high - low) / step)[step > 0]
    return int(np.clip(2 * np.median(counts), 10, 20_000)) if counts.size else 10


def _panels(count: int = 2) -> tuple[Figure, Sequence[Axes]]:
    # Figure without pyplot: no global state, no display, nothing to close.
    figure = Figure(figsize=(10.0, 4.0), dpi=150, layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    for panel in axes:
        panel.grid(alpha=0.3)
        panel.set_axisbelow(True)
    return figure, axes


def _style(i: int, points: int) -> dict[str, Any]:
    return {
        "color": OKABE_ITO[i % len(OKABE_ITO)],
        "marker": _MARKERS[i % len(_MARKERS)],
        "markersize": 4,
        "markevery": max(1, points // 10),
        "linewidth": 1.5,
    }
