"""The crossbar array: how it is made, what it holds, what it has spent."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks, _core, _state
from dsptrack._config import compiled
from dsptrack._rng import RngLike, key, unspent
from dsptrack.devices import Device
from dsptrack.exceptions import ConfigError, ShapeError

from .handle import Floats
from .programming import Programming
from .pulses import Pulses
from .reads import Reads
from .recording import Recording
from .responses import Responses
from .retention import Retention


class CrossbarArray(Pulses, Reads, Responses, Retention, Recording, Programming):
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
        Arrays (M, N) that replace the drawn ones, by the names of `cell_parameters()`: a measured chip. A
        `PiecewiseStep` also takes tables of single cells: ``piecewise_up`` and ``piecewise_down``, both (M, N, n).
    count_pulses
        Keep `pulse_counts` of every cell.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range, bounds are crossed, or a measured value exceeds 1e18.
    ShapeError, NonFiniteError
        If an array in `cell_parameters` has another shape or is not finite.

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

    __slots__ = ()

    @unspent
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
        shape = _checks.shape(shape)
        self._core = _core.CrossbarArray(
            shape,
            compiled("device", device, Device),
            key(rng),
            _checks.threads(num_threads),
            _planes(cell_parameters, shape),
            _checks.flag("count_pulses", count_pulses),
        )

    @classmethod
    def _of_tile(cls, core: _core.CrossbarArray, device: Device) -> Self:
        """Wrap the live handle of an array inside a tile."""
        array = cls.__new__(cls)
        array._core, array._device = core, device
        return array

    def __reduce__(self) -> tuple[Any, ...]:
        return _state.reduced(self, self.num_threads)

    def __repr__(self) -> str:
        return f"CrossbarArray({self.shape}, {type(self._device).__name__})"

    @property
    def num_threads(self) -> int:
        """Threads that calls may use."""
        return self._core.num_threads

    @property
    def pulse_counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pulses (up, down) that every cell has received, int64 (M, N); StateError unless made with count_pulses."""
        return self._core.pulse_counts()

    @property
    def ledger(self) -> dict[str, int]:
        """What was spent since the array was made.

        ``pulses_up``, ``pulses_down`` (that reached a cell), ``transfer_pulses`` (those among them that came from
        another array), ``train_slots`` (the paper's nominal cost, vectors times train length; one for a column of
        single pulses), ``array_pulses`` (to the whole array at once, as in zero-shifting), ``forward_reads``,
        ``backward_reads`` (vectors, retries counted), ``column_reads``, ``programming_events``. `CostModel` turns them
        into time and energy.
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

    def cell_parameters(self) -> dict[str, Floats]:
        """Return the drawn parameters, float32 (M, N) each, with the names of aihwkit's hidden parameters.

        Returns
        -------
        dict
            ``max_bound`` b+, ``min_bound`` b-, ``dwmin_up`` s+, ``dwmin_down`` s-; of models with a reference
            ``reference`` r; of `LinearStep` ``slope_up`` k+ and ``slope_down`` k- (dimensionless: step per weight); of
            the power laws the exponents ``gamma_up`` g+ and ``gamma_down`` g-; of a `PiecewiseStep` that was given them
            the tables ``piecewise_up`` and ``piecewise_down`` (M, N, n). Where the device uses them ``decay_scale``
            1 - 1/T, ``diffusion_rate`` D, ``reset_bias`` B, ``drift_nu`` nu. The constructor takes the same dict.

        Examples
        --------
        >>> import dsptrack as dt
        >>> sorted(dt.CrossbarArray((1, 1), dt.devices.SoftBounds()).cell_parameters())
        ['dwmin_down', 'dwmin_up', 'max_bound', 'min_bound']
        """
        return self._core.cell_parameters()

    def state_dict(self) -> dict[str, Any]:
        """Return the complete state: an array with this state goes on with the same bits, in any process.

        Returns
        -------
        dict
            ``kind``, ``format``, ``dsptrack`` (the version), ``stream_version``, ``shape``, ``device`` (its fields) and
            ``state``: cells, weights, counts, ledger, clocks, key, trace and drift as arrays and numbers. All are
            copies. `dt.io.save` writes it as a file.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((2, 3), dt.devices.SoftBounds(), rng=0)
        >>> array.state_dict()["state"]["clock"]
        0
        """
        return _state.pack("CrossbarArray", self.shape, {"device": self._device}, self._core.snapshot())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the array into a state of an array with the same shape and device; its seed and cells are taken over.

        Parameters
        ----------
        state
            From `state_dict`.

        Raises
        ------
        SnapshotError
            If the state is damaged or of another shape, device or version; the array is then as it was.
        StateError
            If the array is part of a tile; load the tile's state.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((2, 3), dt.devices.SoftBounds(), rng=0)
        >>> before = array.state_dict()
        >>> array.pulse(+1, 10)
        >>> array.load_state_dict(before)
        >>> array.ledger["pulses_up"]
        0
        """
        shape, configs, core = _state.unpack(state, "CrossbarArray", {"device": Device})
        _state.require_same("shape", shape, self.shape)
        _state.require_same("device", configs["device"], self._device)
        self._core.restore(core)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any], *, num_threads: int | None = None) -> Self:
        """Return a new array in a state of `state_dict`.

        Parameters
        ----------
        state
            From `state_dict`, of any array.
        num_threads
            As in the constructor; it changes no bit.

        Raises
        ------
        SnapshotError
            If the state is damaged or of another version.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((2, 3), dt.devices.SoftBounds(), rng=0)
        >>> again = dt.CrossbarArray.from_state_dict(array.state_dict())
        >>> array.pulse_random(100)
        >>> again.pulse_random(100)
        >>> bool((again.weights == array.weights).all())
        True
        """
        shape, configs, core = _state.unpack(state, "CrossbarArray", {"device": Device})
        _state.require_planes({"array": core}, shape)
        array = cls(shape, configs["device"], rng=0, num_threads=num_threads)
        array._core.restore(core)
        return array


# Parameters of a cell that are a table each.
_TABLES = frozenset({"piecewise_up", "piecewise_down"})


def _planes(parameters: Mapping[str, ArrayLike] | None, shape: tuple[int, int]) -> dict[str, Floats] | None:
    if parameters is None:
        return None
    if not (isinstance(parameters, Mapping) and all(isinstance(name, str) for name in parameters)):
        raise ConfigError(f"cell_parameters = {_checks.shown(parameters)}: must be a dict of arrays by name")
    planes = {name: _checks.floats(name, values, 3 if name in _TABLES else 2) for name, values in parameters.items()}
    for name, values in planes.items():
        if values.shape[:2] != shape:
            raise ShapeError(f"cell_parameters[{name!r}] has shape {values.shape}: its first two must be {shape}")
    return planes
