"""Measured traces on their way into a fit: checks, weights, and pulses by cell."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks
from dsptrack.convert import scaled
from dsptrack.exceptions import ConfigError, DataError, NonFiniteError, ShapeError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Fewest pulses of each direction from which a response and its noise are taken.
FEWEST = 5
# Pulses that start nearer to the end of the range than this share of it tell nothing about the response.
_END = 0.01
# Standard deviations that a pulse is given to stop short of a bound.
_SPREADS = 4.0
# Middle part of the range before a bound in which steps are typical for those next to it.
_NEAR = (0.1, 0.5)
# Range of a trace in weights, which are about 1: outside it is in another unit.
_SPANS = (1e-3, 1e3)
# Rounding of a float32 state, relative to the weight.
_ROUNDING = 2.0**-24
# Reads nearer than this share of the range are one level; grids finer than the second do no harm; so many gaps between
# levels, each within the last share of a step, are no accident.
_SAME, _FINEST, _FEWEST_GAPS, _OFF = 1e-6, 1e-4, 5, 0.01


@dataclass(frozen=True, eq=False)
class Traces:
    """Pulses of the cells that move, left-aligned, in weight units; axis 1 counts a cell's pulses.

    Directions are 0 up and 1 down. Along a direction the position is x = w up and x = -w down: pulses raise it towards
    the bound of that direction, which is b+ or -b-.
    """

    before: Floats
    after: Floats
    polarity: NDArray[np.int8]
    # Column of the caller's polarity, and row, of every pulse.
    column: NDArray[np.int64]
    cell: NDArray[np.int64]
    # Cells of the caller's array that no pulse moves, and the weights they hold.
    stuck: Flags
    held: Floats
    # Shape of the residuals that go back.
    shape: tuple[int, int]

    @property
    def cells(self) -> int:
        """Cells that move."""
        return len(self.before)

    @property
    def pulses(self) -> Flags:
        """Where an entry is a pulse and not padding."""
        return np.asarray(self.polarity != 0)

    @property
    def rounding(self) -> Floats:
        """What float32 cannot resolve, of every cell."""
        return np.asarray(_ROUNDING * np.maximum(np.abs(self.before), np.abs(self.after)).max(axis=1))

    def along(self, direction: int) -> tuple[Floats, Floats, Flags]:
        """Return positions before and after, and which pulses have this direction."""
        sign = 1 - 2 * direction
        return sign * self.before, sign * self.after, self.polarity == sign

    def ends(self) -> Floats:
        """Return the largest positions that each cell had in both directions, (cells, 2)."""
        largest = np.stack([np.maximum(self.before, self.after), -np.minimum(self.before, self.after)], axis=2)
        return np.asarray(np.where(self.pulses[:, :, None], largest, -np.inf).max(axis=1))

    def reached(self) -> Flags:
        """Return where a cell stayed at the end of its range under a pulse towards it: a bound, (cells, 2)."""
        found = []
        for direction, end in enumerate(self.ends().T):
            x0, x1, there = self.along(direction)
            limit = (end - 4 * self.rounding)[:, None]
            found.append(np.any(there & (x0 >= limit) & (x1 >= limit), axis=1))
        return np.stack(found, axis=1)

    def free(self) -> Flags:
        """Return the pulses that start so far from the end of the range that no bound cuts them, (cells, pulses).

        They are chosen by where they start and not by where they end: that would bias the steps.
        """
        ends, reached = self.ends(), self.reached()
        span = ends.sum(axis=1)
        free = np.zeros_like(self.pulses)
        for direction in (0, 1):
            x0, x1, there = self.along(direction)
            end = ends[:, direction]
            for i in range(self.cells):
                margin = _END * span[i]
                if reached[i, direction]:
                    margin = max(margin, _longest(end[i] - x0[i, there[i]], (x1 - x0)[i, there[i]], span[i]))
                free[i] |= there[i] & (x0[i] <= end[i] - margin)
        return free


def _longest(distance: Floats, step: Floats, span: float) -> float:
    """Return the longest step to be expected near a bound, robustly."""
    near = (distance >= _NEAR[0] * span) & (distance <= _NEAR[1] * span)
    typical = step[near] if near.sum() >= FEWEST else step[step > 0]
    if not typical.size:
        return 0.0
    middle = np.median(typical)
    return float(middle + _SPREADS * 1.4826 * np.median(np.abs(typical - middle)))


def aligned(polarity: ArrayLike, conductance: ArrayLike) -> tuple[NDArray[np.int8], Floats]:
    """Return polarities and reads (cells, reads): the pulse before each read, 0 before the first; NaN at the end."""
    reads = _matrix("conductance", conductance)
    signs = _matrix("polarity", polarity)
    if not reads.size or not signs.size:
        raise ShapeError("polarity or conductance is empty: must hold pulses")
    if not np.all(np.isin(signs, (-1, 0, 1))):
        raise ConfigError("polarity holds other numbers than -1, 0 and 1: must be +1 up, -1 down, 0 none")
    if signs.shape[0] not in (1, reads.shape[0]):
        raise ShapeError(
            f"polarity has {signs.shape[0]} rows: must have one, or as many cells as conductance, {len(reads)}"
        )
    if reads.shape[1] - signs.shape[1] not in (0, 1):
        raise ShapeError(
            f"conductance has {reads.shape[1]} columns for {signs.shape[1]} pulses: must have as many reads as pulses"
            " or one more"
        )
    if np.any(np.isinf(reads)):
        raise NonFiniteError(f"conductance holds infinity in cell {np.argwhere(np.isinf(reads))[0, 0]}: must be finite")
    holes = np.isnan(reads[:, :-1]) & np.isfinite(reads[:, 1:])
    if holes.any():
        cell, at = np.argwhere(holes)[0].tolist()
        raise NonFiniteError(f"conductance holds NaN at read {at} of cell {cell}: only the end of a trace may be NaN")
    if reads.shape[1] == signs.shape[1]:
        signs = signs[:, 1:]
    signs = np.pad(np.broadcast_to(signs, (reads.shape[0], signs.shape[1])), ((0, 0), (1, 0)))
    return np.where(np.isfinite(reads), signs, 0).astype(np.int8), reads


def prepared(
    polarity: ArrayLike, conductance: ArrayLike, g_range: tuple[float, float] | None, read_noise: float
) -> Traces:
    """Return the pulses of the cells that move; `read_noise` is in the unit of the conductance."""
    signs, reads = aligned(polarity, conductance)
    unit = 1.0
    if g_range is not None:
        reads = scaled(reads, g_range)
        unit = (g_range[1] - g_range[0]) / 2
    noise = read_noise / unit
    count = np.count_nonzero(signs, axis=1)
    if not count.all():
        raise DataError(f"cell {np.flatnonzero(count == 0)[0]} has no pulses between two reads")
    low, high = np.nanmin(reads, axis=1), np.nanmax(reads, axis=1)
    # Reads of a cell that holds still differ by read noise alone: ten million of them by less than 11 deviations.
    with np.errstate(over="ignore"):
        span = high - low
    stuck = span <= np.maximum(4 * _ROUNDING * np.maximum(np.abs(low), np.abs(high)), 11 * noise)
    if stuck.all():
        raise DataError("the conductance of no cell changes: it never changes by more than its noise")
    widest = float(span.max())
    if not _SPANS[0] <= widest <= _SPANS[1]:
        raise DataError(
            f"the traces span {widest:.3g}: weights must span {_SPANS[0]:g} to {_SPANS[1]:g}, set"
            " g_range for conductances"
        )
    if read_noise == 0.0 and (step := unit * resolution(reads, signs)):
        warnings.warn(
            f"all reads are multiples of {step:.3g} apart: without their noise bounds and cycle noise come out wrong;"
            f" read_noise = {step / 12**0.5:.3g}, the step over sqrt(12), counts it",
            stacklevel=4,
        )
    moving = np.flatnonzero(~stuck)
    _enough(signs, moving)
    length = count[moving].max()
    before, after = np.zeros((2, moving.size, length))
    column = np.zeros((moving.size, length), dtype=np.int64)
    directions = np.zeros((moving.size, length), dtype=np.int8)
    for i, cell in enumerate(moving):
        at = np.flatnonzero(signs[cell])
        before[i, : at.size], after[i, : at.size] = reads[cell, at - 1], reads[cell, at]
        # Padding repeats the last read, so that it adds nothing to the range.
        before[i, at.size :] = after[i, at.size :] = reads[cell, at[-1]]
        directions[i, : at.size], column[i, : at.size] = signs[cell, at], at
    columns = np.shape(polarity)[-1]
    traces = Traces(
        before=before,
        after=after,
        polarity=directions,
        column=column - (1 if columns < reads.shape[1] else 0),
        cell=moving,
        stuck=stuck,
        held=low + span / 2,
        shape=(reads.shape[0], columns),
    )
    _forward(traces)
    return traces


def resolution(reads: Floats, signs: NDArray[np.int8]) -> float:
    """Return the step of the grid that an instrument has rounded the reads to, 0 where none shows."""
    levels = np.unique(reads[np.isfinite(reads)])
    gaps = np.diff(levels)
    span = float(levels[-1] - levels[0])
    gaps = gaps[gaps > _SAME * span]
    if gaps.size < _FEWEST_GAPS or gaps.min() < _FINEST * span:
        return 0.0
    step = float(gaps[gaps < 1.5 * gaps.min()].mean())
    moves = np.abs(np.diff(reads, axis=1))[signs[:, 1:] != 0] / step
    moves = moves[np.isfinite(moves)]
    off = max(np.abs(part - np.rint(part)).max() for part in (gaps / step, moves))
    # Cells without noise whose steps are all equal make a grid of their own, and their reads are exact.
    return step if off < _OFF and np.unique(np.rint(moves[moves > 0.5])).size > 1 else 0.0


def _matrix(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(_checks._real(name, values, "fiub", "real numbers"), dtype=np.float64)
    if array.ndim not in (1, 2):
        raise ShapeError(f"{name} has shape {array.shape}: must be one trace, or (cells, pulses)")
    return np.atleast_2d(array)


def _enough(signs: NDArray[np.int8], cells: NDArray[np.int64]) -> None:
    for sign, word in ((1, "up"), (-1, "down")):
        found = np.count_nonzero(signs[cells] == sign, axis=1)
        few = np.flatnonzero(found < FEWEST)
        if few.size:
            first = f"cell {cells[few[0]]} has {found[few[0]]} {word} pulses"
            raise DataError(f"{first}: must have at least {FEWEST}{likewise(cells[few])}")


def _forward(traces: Traces) -> None:
    steps = []
    for direction in (0, 1):
        x0, x1, there = traces.along(direction)
        steps.append(float(np.mean((x1 - x0)[there])))
    if max(steps) < 0:
        raise DataError(
            f"up pulses lower the weights by {-steps[0]:.3g} in the mean and down pulses raise them by {-steps[1]:.3g}:"
            " polarity must be +1 for up"
        )


def likewise(cells: NDArray[np.int64]) -> str:
    """Return words for the cells with the same fault as the first, so that all can be left out at once."""
    others = ", ".join(map(str, cells[1:]))
    return f" (likewise cells {others})" if others else ""
