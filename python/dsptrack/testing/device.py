"""What must hold for every device."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsptrack import _checks
from dsptrack.array import CrossbarArray
from dsptrack.calibration import zero_shift
from dsptrack.devices import Device
from dsptrack.exceptions import ConfigError, NoSymmetricPointWarning

Floats = NDArray[np.float64]

# Positions between the bounds at which responses are looked at.
_GRID = np.linspace(0.0, 1.0, 33)
# Most pulses of a zero-shifting run.
_MOST_PULSES = 20_000


def check_device(device: Device, *, shape: tuple[int, int] = (8, 8), seed: int = 0) -> None:
    """Check that a device does what the rest of the package relies on.

    On an array of its cells, stuck ones left out:

    * pulses move the right way: no response is negative between the bounds, and some pulse moves the cell;
    * a pulse is its response: without noise it moves w by dw_min q+ up or dw_min q- down, clipped to the bounds;
    * bounds hold: no number of pulses, noisy ones included, leaves them;
    * F and G rebuild the responses: q+ = F - G, q- = F + G;
    * G vanishes at every symmetric point that the code states, and the point lies inside the bounds;
    * zero-shifting drives towards it: alternating noise-free pulses from nearby end closer, or within two steps;
    * equal seeds give equal bits, on one thread and on two.

    Parameters
    ----------
    device
        What to check; its spread between cells and its noise are part of it.
    shape
        (M, N) cells to draw.
    seed
        Of the cells and the pulses, >= 0.

    Raises
    ------
    AssertionError
        With the first sentence that does not hold.
    ConfigError
        If an argument is of the wrong kind.

    Notes
    -----
    A device can be legal and fail: `LinearStep` with a bound beyond its reference or with ``allow_increasing``, or
    ``enforce_consistency=False``, can draw cells that pulses move the wrong way or whose symmetric point repels them.

    Examples
    --------
    >>> import dsptrack as dt
    >>> check_device(dt.presets.reram_es())
    >>> wrong = dt.devices.PiecewiseStep(piecewise_up=[1, -1], piecewise_down=[1, 1])
    >>> check_device(wrong.nominal())
    Traceback (most recent call last):
    AssertionError: up pulses must move up: 64 of 64 cells do not, among them [0, 0]: q+ = -1 at w = 0.6
    """
    if not isinstance(device, Device):
        raise ConfigError(f"device = {device!r}: must be a Device")
    rows, columns = _checks.shape(shape)
    cells = _Cells.draw(device, (rows, columns), _checks.whole("seed", seed, 0))
    for check in _CHECKS:
        check(cells)


@dataclass(frozen=True)
class _Cells:
    """An array's cells as every check needs them."""

    device: Device
    shape: tuple[int, int]
    seed: int
    low: Floats
    high: Floats
    live: NDArray[np.bool_]
    parameters: dict[str, NDArray[np.float32]]

    @classmethod
    def draw(cls, device: Device, shape: tuple[int, int], seed: int) -> "_Cells":
        parameters = CrossbarArray(shape, device, rng=seed).cell_parameters()
        reference = parameters.get("reference", np.zeros(shape, np.float32)).astype(np.float64)
        low, high = parameters["min_bound"] - reference, parameters["max_bound"] - reference
        return cls(device, shape, seed, low, high, high > low, parameters)

    def array(self, *, noise: bool = False, num_threads: int | None = 1) -> CrossbarArray:
        """Return these cells as a fresh array."""
        device = self.device if noise else self.device.without_noise()
        return CrossbarArray(
            self.shape, device, rng=self.seed, num_threads=num_threads, cell_parameters=self.parameters
        )

    @property
    def rounding(self) -> Floats:
        """A distance that float32 cannot resolve, of every cell."""
        size = np.abs(self.low) + np.abs(self.high) + np.abs(self.parameters.get("reference", 0.0))
        return np.asarray(4 * np.finfo(np.float32).eps * size)

    def weights(self) -> list[Floats]:
        """Weights between the bounds, ends included."""
        return [self.low + t * (self.high - self.low) for t in _GRID]

    def require(self, sentence: str, holds: NDArray[np.bool_], words: str, **figures: NDArray[Any]) -> None:
        """Raise an AssertionError with the figures of one cell, if the sentence does not hold for all live ones."""
        wrong = self.live & ~holds
        if wrong.any():
            first = tuple(np.argwhere(wrong)[0].tolist())
            count = f"{np.count_nonzero(wrong)} of {np.count_nonzero(self.live)} cells do not"
            shown = words.format(**{name: float(values[first]) for name, values in figures.items()})
            raise AssertionError(f"{sentence}: {count}, among them {list(first)}: {shown}")


def _right_way(cells: _Cells) -> None:
    array = cells.array()
    weights = np.stack(cells.weights())
    responses = [array.response(w) for w in weights]
    for side, direction, name in ((0, "up", "q+"), (1, "down", "q-")):
        q = np.stack([pair[side] for pair in responses]).astype(np.float64)
        least = q.argmin(axis=0)[None]
        smallest, largest = q.min(axis=0), q.max(axis=0)
        cells.require(
            f"{direction} pulses must move {direction}",
            smallest >= -1e-5 * np.abs(q).max(axis=0),
            f"{name} = {{q:.4g}} at w = {{w:.4g}}",
            q=smallest,
            w=np.take_along_axis(weights, least, axis=0)[0],
        )
        cells.require(
            f"{direction} pulses must move a cell that is not stuck",
            largest > 0,
            f"{name} = 0 from w = {{low:.4g}} to {{high:.4g}}",
            low=cells.low,
            high=cells.high,
        )


def _pulse_is_response(cells: _Cells) -> None:
    for w in cells.weights():
        for polarity in (+1, -1):
            array = cells.array()
            array.set_weights(w)
            before = array.weights.astype(np.float64)
            q_plus, q_minus = array.response(before)
            step = polarity * cells.device.dw_min * (q_plus if polarity > 0 else q_minus).astype(np.float64)
            array.pulse(polarity)
            after = array.weights.astype(np.float64)
            expected = np.clip(before + step, cells.low, cells.high)
            cells.require(
                "a pulse must move w by its response",
                np.abs(after - expected) <= cells.rounding + 1e-5 * np.abs(step),
                "from {before:.6g} to {after:.6g} in place of {expected:.6g}",
                before=before,
                after=after,
                expected=expected,
            )


def _bounds_hold(cells: _Cells) -> None:
    rows, columns = np.indices(cells.shape)
    for noise in (False, True):
        array = cells.array(noise=noise)
        # Write noise shows on the apparent weight alone and may leave the bounds; traces see the persistent one.
        array.trace(list(zip(rows.ravel().tolist(), columns.ravel().tolist(), strict=True)))
        for polarity in (+1, -1, +1):
            array.pulse(polarity, 100)
        array.pulse_random(100)
        record = array.traces()
        lowest, highest = np.full(cells.shape, np.inf), np.full(cells.shape, -np.inf)
        np.minimum.at(lowest, (record["row"], record["column"]), record["after"])
        np.maximum.at(highest, (record["row"], record["column"]), record["after"])
        cells.require(
            "pulses must stay within the bounds",
            (lowest >= cells.low - cells.rounding) & (highest <= cells.high + cells.rounding),
            "w from {lowest:.6g} to {highest:.6g} between {low:.6g} and {high:.6g}",
            lowest=lowest,
            highest=highest,
            low=cells.low,
            high=cells.high,
        )


def _parts_rebuild(cells: _Cells) -> None:
    array = cells.array()
    for w in cells.weights():
        q_plus, q_minus = (q.astype(np.float64) for q in array.response(w))
        f, g = array.symmetric_part(w).astype(np.float64), array.asymmetric_part(w).astype(np.float64)
        slack = 1e-5 * (np.abs(q_plus) + np.abs(q_minus))
        cells.require(
            "F and G must rebuild the responses",
            (np.abs(f - g - q_plus) <= slack) & (np.abs(f + g - q_minus) <= slack),
            "F = {f:.6g} and G = {g:.6g} but q+ = {q_plus:.6g} and q- = {q_minus:.6g} at w = {w:.4g}",
            f=f,
            g=g,
            q_plus=q_plus,
            q_minus=q_minus,
            w=w,
        )


def _points(array: CrossbarArray) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoSymmetricPointWarning)
        return array.symmetric_point().astype(np.float64)


def _root_of_g(cells: _Cells) -> None:
    array = cells.array()
    point = _points(array)
    has = np.isfinite(point)
    w = np.where(has, point, cells.low)
    cells.require(
        "the symmetric point must lie inside the bounds",
        ~has | ((w >= cells.low - cells.rounding) & (w <= cells.high + cells.rounding)),
        "{w:.6g} between {low:.6g} and {high:.6g}",
        w=w,
        low=cells.low,
        high=cells.high,
    )
    # As exact as the point is known, to 1e-5 of the range; or a thousandth of F.
    near = 1e-5 * (cells.high - cells.low) + cells.rounding
    g, below, above = (array.asymmetric_part(x).astype(np.float64) for x in (w, w - near, w + near))
    cells.require(
        "G must vanish at the symmetric point",
        ~has | (np.abs(g) <= np.abs(above - below) + 1e-3 * np.abs(array.symmetric_part(w))),
        "G = {g:.4g} at w = {w:.6g}",
        g=g,
        w=w,
    )


def _zero_shifting(cells: _Cells) -> None:
    array = cells.array()
    point = _points(array)
    has = cells.live & np.isfinite(point)
    if not has.any():
        return
    point = np.where(has, point, 0.0)
    largest = np.max([np.maximum(*array.response(w)) for w in cells.weights()], axis=0)
    steps = cells.device.dw_min * largest.astype(np.float64)
    near = 0.1 * (cells.high - cells.low)
    pulses = _enough_pulses(array, point, near, has)
    for side in (+1, -1):
        array.set_weights(np.clip(point + side * near, cells.low, cells.high))
        before = np.abs(array.weights - point)
        after = np.abs(zero_shift(array, pulses).estimate - point)
        cells.require(
            "zero-shifting must drive towards the symmetric point",
            ~has | (after <= np.maximum(0.99 * before, 2 * steps) + cells.rounding),
            f"{{before:.4g}} away before and {{after:.4g}} after {pulses} pulses, symmetric point {{point:.4g}}",
            before=before,
            after=after,
            point=point,
        )


def _enough_pulses(array: CrossbarArray, point: Floats, near: Floats, has: NDArray[np.bool_]) -> int:
    """Return pulses after which most cells should have come visibly closer: a pair moves a cell by 2 dw_min G."""
    pulls = np.abs(array.asymmetric_part(point + near)) + np.abs(array.asymmetric_part(point - near))
    pull = float(np.quantile(pulls[has] / (2 * near[has]), 0.1))
    wanted = 1.0 / (array.device.dw_min * pull) if pull > 0 else _MOST_PULSES
    return 2 * int(np.clip(wanted, 50, _MOST_PULSES) // 2)


def _equal_bits(cells: _Cells) -> None:
    results = []
    for threads in (1, 1, 2):
        array = CrossbarArray(cells.shape, cells.device, rng=cells.seed, num_threads=threads)
        array.pulse(+1, 7)
        array.pulse_random(30)
        array.increment(np.full(cells.shape, -3.5 * cells.device.dw_min))
        results.append(array.weights)
    for other, words in zip(results[1:], ("a second time", "on two threads"), strict=True):
        cells.require(
            f"equal seeds must give equal bits {words}",
            results[0] == other,
            "{first:.9g} and {other:.9g}",
            first=results[0],
            other=other,
        )


_CHECKS = (
    _right_way,
    _pulse_is_response,
    _bounds_hold,
    _parts_rebuild,
    _root_of_g,
    _zero_shifting,
    _equal_bits,
)
