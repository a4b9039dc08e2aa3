"""One crossbar array: a population of cells, and everything that can be done to it."""

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks, _core
from ._config import compiled
from ._rng import RngLike, key
from .devices import Device
from .exceptions import ConfigError
from .periphery import Periphery
from .update import PulseUpdate

__all__ = ["CrossbarArray"]

Floats = NDArray[np.float32]

_PERIPHERY = Periphery()
_PULSES = PulseUpdate()


class CrossbarArray:
    """A resistive crossbar of M rows (outputs) and N columns (inputs).

    Cells start at state 0, clipped to their bounds: weight -r where the device has a reference r.

    Parameters
    ----------
    shape
        (M, N), both >= 1.
    device
        The population that the cells are drawn from.
    rng
        Seed: None, int >= 0, SeedSequence or Generator. Equal seeds give equal bits on any number of threads and CPU.
    num_threads
        Threads that calls may use, 1 to 1024; None means ``DSPTRACK_NUM_THREADS``, else all cores.
    cell_parameters
        Arrays (M, N) that replace the drawn ones, by the names of `cell_parameters()`: a measured chip.
    count_pulses
        Keep `pulse_counts` of every cell.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range, or bounds are crossed.
    ShapeError, NonFiniteError
        If an array in `cell_parameters` is not (M, N) or not finite.

    Notes
    -----
    Methods that take arrays convert them once to C-contiguous float32, raise `ConfigError` for other than real numbers,
    `ShapeError` and `NonFiniteError`, and then leave the array as it was.

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((2, 3), dt.presets.reram_sb(), rng=0)
    >>> array.pulse(+1, count=10)
    >>> array.weights.shape
    (2, 3)
    """

    __slots__ = ("_core", "_device")

    def __init__(
        self,
        shape: tuple[int, int],
        device: Device,
        *,
        rng: RngLike = None,
        num_threads: int | None = None,
        cell_parameters: Mapping[str, ArrayLike] | None = None,
        count_pulses: bool = False,
    ) -> None:
        self._device = device
        self._core = _core.CrossbarArray(
            _checks.shape(shape),
            compiled("device", device, Device),
            key(rng),
            _checks.threads(num_threads),
            _planes(cell_parameters),
            bool(count_pulses),
        )

    @classmethod
    def _of_tile(cls, core: _core.CrossbarArray, device: Device) -> Self:
        """Wrap the live handle of an array inside a tile."""
        array = cls.__new__(cls)
        array._core, array._device = core, device
        return array

    def __repr__(self) -> str:
        return f"CrossbarArray({self.shape}, {type(self._device).__name__})"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns (M, N)."""
        return self._core.shape

    @property
    def device(self) -> Device:
        """The device that the cells were drawn from."""
        return self._device

    @property
    def num_threads(self) -> int:
        """Threads that calls may use."""
        return self._core.num_threads

    @property
    def weights(self) -> Floats:
        """A copy of the apparent weights, (M, N), write noise included."""
        return self._core.weights()

    @property
    def pulse_counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pulses (up, down) that every cell has received, int64 (M, N); StateError unless made with count_pulses."""
        return self._core.pulse_counts()

    @property
    def ledger(self) -> dict[str, int]:
        """What was spent since the array was made.

        ``pulses_up``, ``pulses_down`` (that reached a cell), ``train_slots`` (vectors times train length),
        ``forward_reads``, ``backward_reads`` (vectors, retries counted), ``column_reads``, ``programming_events``.
        """
        return self._core.ledger()

    def set_weights(self, w: ArrayLike) -> None:
        """Write weights ideally: v = clip(w + r, b-, b+), plus write noise where the device says so.

        Parameters
        ----------
        w
            (M, N), weight units.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.SoftBounds(), rng=0)
        >>> array.set_weights([[0.125, -0.125]])
        >>> array.weights
        array([[ 0.125, -0.125]], dtype=float32)
        """
        self._core.set_weights(_checks.matrix("w", w))

    def pulse(self, polarity: int | ArrayLike, count: int = 1) -> None:
        """Send `count` pulses to every cell, w <- w + dw_min q+(w) up or w <- w - dw_min q-(w) down.

        Two calls with a and b pulses leave the same bits as one call with a + b.

        Parameters
        ----------
        polarity
            +1 up, -1 down, or integers (M, N): +1 up, -1 down, 0 none for each cell.
        count
            Pulses, >= 0.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.ConstantStep(dw_min_std=0), rng=0)
        >>> array.pulse([[1, -1]], count=5)
        >>> (array.weights > 0).tolist()
        [[True, False]]
        """
        count = _checks.whole("count", count, 0)
        if isinstance(polarity, int | np.integer):
            self._core.pulse(_direction(polarity), count)
        else:
            self._core.pulse_mask(_checks.signs("polarity", polarity), count)

    def pulse_random(self, count: int) -> None:
        """Send `count` pulses to every cell, each up or down with probability 1/2, independently.

        Parameters
        ----------
        count
            Pulses, >= 0.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 1), dt.devices.SoftBounds(), rng=0)
        >>> array.pulse_random(100)
        >>> array.ledger["pulses_up"] + array.ledger["pulses_down"]
        100
        """
        self._core.pulse_random(_checks.whole("count", count, 0))

    def increment(self, delta: ArrayLike, mode: Literal["pulsed", "mean_field"] = "pulsed") -> None:
        """Analog Update (2) of the paper: w <- w + delta F(w) - |delta| G(w) + b.

        Parameters
        ----------
        delta
            Wanted increments (M, N), weight units, at most 1e6 dw_min.
        mode
            ``"pulsed"``: |delta|/dw_min whole pulses, rounded stochastically, with cycle noise. ``"mean_field"``: b = 0
            and no pulse, hence nothing in the ledger.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.SoftBounds(w_max=1, w_max_dtod=0, dw_min_dtod=0, up_down_dtod=0)
        >>> array = dt.CrossbarArray((1, 1), device)
        >>> array.set_weights([[0.5]])
        >>> array.increment([[0.25]], mode="mean_field")
        >>> round(float(array.weights[0, 0]), 6)
        0.625
        """
        mean_field = _checks.choice("mode", mode, ("pulsed", "mean_field")) == "mean_field"
        self._core.increment(_checks.matrix("delta", delta), mean_field)

    def update(self, x: ArrayLike, d: ArrayLike, lr: float, pulses: PulseUpdate = _PULSES) -> None:
        """W <- W - lr d^T x by coincidences of pulse trains, vector after vector.

        One call and two calls with halves of the batch follow the same law but draw different random numbers.

        Parameters
        ----------
        x
            Inputs (B, N).
        d
            Errors (B, M).
        lr
            Learning rate, >= 0.
        pulses
            The trains.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.ConstantStep(dw_min=0.01), rng=0)
        >>> array.update([[1.0, 0.0]], [[-1.0]], lr=0.1)
        >>> (array.weights != 0).tolist()
        [[True, False]]
        """
        self._core.update(
            _checks.matrix("x", x),
            _checks.matrix("d", d),
            _checks.number("lr", lr, low=0),
            compiled("pulses", pulses, PulseUpdate),
        )

    def forward(self, x: ArrayLike, periphery: Periphery = _PERIPHERY) -> Floats:
        """Read y = x W^T through the periphery.

        Parameters
        ----------
        x
            Inputs (B, N).
        periphery
            Converters, noise and range management.

        Returns
        -------
        ndarray
            float32 (B, M).

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.SoftBounds(), rng=0)
        >>> array.set_weights([[0.25, 0.125]])
        >>> array.forward([[1.0, 2.0]], dt.Periphery.ideal())
        array([[0.5]], dtype=float32)
        """
        return self._core.forward(_checks.matrix("x", x), compiled("periphery", periphery, Periphery))

    def backward(self, d: ArrayLike, periphery: Periphery = _PERIPHERY) -> Floats:
        """Read d W through the periphery, without bound management.

        Parameters
        ----------
        d
            Errors (B, M).
        periphery
            Converters, noise and noise management.

        Returns
        -------
        ndarray
            float32 (B, N).

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.SoftBounds(), rng=0)
        >>> array.set_weights([[0.25, 0.125]])
        >>> array.backward([[2.0]], dt.Periphery.ideal())
        array([[0.5 , 0.25]], dtype=float32)
        """
        return self._core.backward(_checks.matrix("d", d), compiled("periphery", periphery, Periphery))

    def response(self, w: ArrayLike) -> tuple[Floats, Floats]:
        """Return every cell's responses at weights w, without noise.

        Parameters
        ----------
        w
            Weights (M, N), or one number for all cells; they need not be within the bounds.

        Returns
        -------
        q_plus, q_minus : ndarray
            float32 (M, N): change of w by an up pulse, and minus that by a down pulse, over dw_min.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.ConstantStep(dw_min_dtod=0, up_down_dtod=0)
        >>> dt.CrossbarArray((1, 1), device).response(0)[0]
        array([[1.]], dtype=float32)
        """
        everywhere = np.full(self.shape, _checks.number("w", w)) if np.isscalar(w) else w
        return self._core.response(_checks.matrix("w", everywhere))

    def symmetric_part(self, w: ArrayLike) -> Floats:
        """Return F(w) = (q-(w) + q+(w)) / 2, equation (6a), float32 (M, N), for `w` as in `response`.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.ConstantStep(dw_min_dtod=0, up_down_dtod=0)
        >>> dt.CrossbarArray((1, 1), device).symmetric_part(0)
        array([[1.]], dtype=float32)
        """
        q_plus, q_minus = self.response(w)
        return (q_minus + q_plus) / np.float32(2)

    def asymmetric_part(self, w: ArrayLike) -> Floats:
        """Return G(w) = (q-(w) - q+(w)) / 2, equation (6b), float32 (M, N), for `w` as in `response`.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 1), dt.devices.SoftBounds(), rng=0)
        >>> bool(abs(array.asymmetric_part(array.symmetric_point())).max() < 1e-6)
        True
        """
        q_plus, q_minus = self.response(w)
        return (q_minus - q_plus) / np.float32(2)

    def symmetric_point(self) -> Floats:
        """Return every cell's true symmetric point, G(w) = 0: float32 (M, N), NaN where a cell has none.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.SoftBoundsReference(subtract_symmetry_point=True)
        >>> bool(abs(dt.CrossbarArray((1, 1), device, rng=0).symmetric_point()).max() < 1e-6)
        True
        """
        return self._core.symmetric_point()

    def cell_parameters(self) -> dict[str, Floats]:
        """Return the drawn parameters, float32 (M, N) each, with the names of aihwkit's hidden parameters.

        Returns
        -------
        dict
            ``max_bound`` b+, ``min_bound`` b-, ``dwmin_up`` s+, ``dwmin_down`` s-, and for `SoftBoundsReference`
            ``reference`` r. The constructor takes the same dict.

        Examples
        --------
        >>> import dsptrack as dt
        >>> sorted(dt.CrossbarArray((1, 1), dt.devices.SoftBounds()).cell_parameters())
        ['dwmin_down', 'dwmin_up', 'max_bound', 'min_bound']
        """
        return self._core.cell_parameters()


def _direction(polarity: int | np.integer) -> int:
    if isinstance(polarity, bool) or abs(polarity) != 1:
        raise ConfigError(f"polarity = {polarity!r}: must be +1, -1, or integers (M, N)")
    return int(polarity)


def _planes(parameters: Mapping[str, ArrayLike] | None) -> dict[str, Floats] | None:
    if parameters is None:
        return None
    if not (isinstance(parameters, Mapping) and all(isinstance(name, str) for name in parameters)):
        raise ConfigError(f"cell_parameters = {parameters!r}: must be a dict of arrays by name")
    return {name: _checks.matrix(name, values) for name, values in parameters.items()}
