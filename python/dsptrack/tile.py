"""A hardware tile: a learning rule on its arrays, with pulse trains, column-wise transfer and noisy reads."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks, _core, _state
from ._config import compiled
from ._rng import RngLike, key, unspent
from .algorithms import Algorithm, Description
from .array import CrossbarArray
from .exceptions import StateError
from .periphery import Periphery
from .update import PulseUpdate

__all__ = ["AnalogTile"]

Floats = NDArray[np.float32]

_FORWARD = Periphery()
_BACKWARD = Periphery(bound_management="none")
_UPDATE = PulseUpdate()
_CONFIGS = {"algorithm": Algorithm, "forward": Periphery, "backward": Periphery, "update": PulseUpdate}


class AnalogTile:
    """One weight matrix that learns by a rule of `dsptrack.algorithms`.

    Parameters
    ----------
    shape
        (M, N) = (outputs, inputs), both >= 1.
    algorithm
        The learning rule with its devices.
    forward, backward
        Peripheries of the two directions; backward reads never use bound management.
    update
        Pulse trains of the update.
    rng
        Seed: None, int >= 0, SeedSequence or Generator. Equal seeds give equal bits on any number of threads and CPU.
    num_threads
        Threads that calls may use, 1 to 1024; None means ``DSPTRACK_NUM_THREADS``, else all cores.
    count_pulses
        Keep the pulses of every cell of every array.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    Methods that take arrays convert them once to C-contiguous float32, raise `ConfigError` for other than real numbers,
    `ShapeError` and `NonFiniteError`, and then leave the tile as it was.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(reference_mean=0.4))
    >>> tile = dt.AnalogTile((2, 3), rule, rng=0)
    >>> y = tile.forward([[1.0, 0.0, -1.0]])
    >>> tile.update([[1.0, 0.0, -1.0]], y, lr=0.05)
    >>> sorted(tile.arrays)
    ['P', 'W']
    """

    __slots__ = ("_algorithm", "_configs", "_core")

    @unspent
    def __init__(
        self,
        shape: tuple[int, int],
        algorithm: Algorithm,
        *,
        forward: Periphery = _FORWARD,
        backward: Periphery = _BACKWARD,
        update: PulseUpdate = _UPDATE,
        rng: RngLike = None,
        num_threads: int | None = None,
        count_pulses: bool = False,
    ) -> None:
        configs = {"algorithm": algorithm, "forward": forward, "backward": backward, "update": update}
        self._assemble(
            shape, configs, rng, num_threads, count_pulses=_checks.flag("count_pulses", count_pulses), blank=False
        )

    def _assemble(
        self,
        shape: tuple[int, int],
        configs: dict[str, Any],
        rng: RngLike,
        num_threads: int | None,
        *,
        count_pulses: bool,
        blank: bool,
    ) -> None:
        self._algorithm: Algorithm = configs["algorithm"]
        self._configs = configs
        self._core = _core.Tile(
            _checks.shape(shape),
            compiled("algorithm", configs["algorithm"], Algorithm),
            compiled("forward", configs["forward"], Periphery),
            compiled("backward", configs["backward"], Periphery),
            compiled("update", configs["update"], PulseUpdate),
            key(rng),
            _checks.threads(num_threads),
            count_pulses,
            blank,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _state.reduced(self, self.num_threads)

    def __repr__(self) -> str:
        return f"AnalogTile({self.shape}, {type(self._algorithm).__name__})"

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs (M, N)."""
        return self._core.shape

    @property
    def algorithm(self) -> Algorithm:
        """The learning rule."""
        return self._algorithm

    @property
    def num_threads(self) -> int:
        """Threads that calls may use."""
        return self._core.num_threads

    @property
    def weights(self) -> Floats:
        """A copy of the visible weights W̄ that the reads see, (M, N)."""
        return self._core.weights()

    @property
    def arrays(self) -> dict[str, CrossbarArray]:
        """The arrays, live: ``W`` holds the weights, ``P`` (where the rule has one) is pulsed by the gradient.

        Further fast arrays in a row are ``P2``, ``P3``, ...
        """
        fast = self._algorithm.device
        slow = getattr(self._algorithm, "slow_device", None) or fast
        return {
            name: CrossbarArray._of_tile(self._core.array(name), slow if name == "W" else fast)
            for name in self._core.array_names()
        }

    @property
    def digital(self) -> dict[str, Floats]:
        """Copies of the rule's digital quantities, (M, N): buffer ``H``, average ``Q``, reference ``Q_ref``.

        Further fast arrays in a row have ``H2``, ``Q_ref2``, ...
        """
        return {name: self._core.digital(name) for name in self._core.digital_names()}

    @property
    def choppers(self) -> NDArray[np.int8]:
        """Sign of every column's chopper, int8 (N,); +1 where the rule has none."""
        return self._core.choppers()

    @property
    def sp_estimate(self) -> Floats:
        """What the rule takes for P's symmetric points, (M, N): Q~ or Q, 0 without; StateError for AnalogSGD."""
        return self._core.sp_estimate()

    @property
    def ledger(self) -> dict[str, dict[str, int]]:
        """What every array has spent (see `CrossbarArray.ledger`), and ``reference``: cells of Q~ programmed."""
        return self._core.ledger()

    def sp_error(self) -> float:
        """Return rms(sp_estimate - true symmetric point of P) over the cells that have one, weight units.

        Raises
        ------
        StateError
            If the rule estimates no symmetric point, or no cell of P has one.

        Examples
        --------
        >>> import dsptrack as dt
        >>> device = dt.devices.SoftBoundsReference(subtract_symmetry_point=True, reference_mean=0.5)
        >>> tile = dt.AnalogTile((1, 1), dt.algorithms.ERider(device=device), rng=0)
        >>> round(tile.sp_error(), 6)
        0.5
        """
        error = self.sp_estimate.astype(np.float64) - self._core.array("P").symmetric_point()
        finite = error[np.isfinite(error)]
        if not finite.size:
            raise StateError(f"no cell of P has a symmetric point: {type(self._algorithm.device).__name__}")
        return float(np.sqrt(np.mean(finite**2)))

    def set_weights(self, w: ArrayLike) -> None:
        """Write weights ideally: W := clip(w) to each cell's bounds, P := 0 (a fixed Q); digital quantities stay.

        Parameters
        ----------
        w
            (M, N), weight units.

        Examples
        --------
        >>> import dsptrack as dt
        >>> tile = dt.AnalogTile((1, 2), dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds()), rng=0)
        >>> tile.set_weights([[0.125, -0.125]])
        >>> tile.weights
        array([[ 0.125, -0.125]], dtype=float32)
        """
        self._core.set_weights(_checks.matrix("w", w))

    def forward(self, x: ArrayLike) -> Floats:
        """Read y = x W̄^T through the forward periphery.

        Parameters
        ----------
        x
            Inputs (B, N).

        Returns
        -------
        ndarray
            float32 (B, M).

        Examples
        --------
        >>> import dsptrack as dt
        >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds())
        >>> tile = dt.AnalogTile((1, 2), rule, forward=dt.Periphery.ideal(), rng=0)
        >>> tile.set_weights([[0.25, 0.125]])
        >>> tile.forward([[1.0, 2.0]])
        array([[0.5]], dtype=float32)
        """
        return self._core.forward(_checks.matrix("x", x))

    def backward(self, d: ArrayLike) -> Floats:
        """Read d W̄ through the backward periphery.

        Parameters
        ----------
        d
            Errors (B, M).

        Returns
        -------
        ndarray
            float32 (B, N).

        Examples
        --------
        >>> import dsptrack as dt
        >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds())
        >>> tile = dt.AnalogTile((1, 2), rule, backward=dt.Periphery.ideal(), rng=0)
        >>> tile.set_weights([[0.25, 0.125]])
        >>> tile.backward([[2.0]])
        array([[0.5 , 0.25]], dtype=float32)
        """
        return self._core.backward(_checks.matrix("d", d))

    def update(self, x: ArrayLike, d: ArrayLike, lr: float) -> None:
        """Learn from one mini-batch: W̄ <- W̄ - lr d^T x in the rule's way, then a transfer if one is due.

        Parameters
        ----------
        x
            Inputs (B, N).
        d
            Errors (B, M).
        lr
            Global learning rate, >= 0; the rule's own rates may ignore it (see `dsptrack.algorithms`).

        Examples
        --------
        >>> import dsptrack as dt
        >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.ConstantStep(dw_min=0.01))
        >>> tile = dt.AnalogTile((1, 1), rule, rng=0)
        >>> tile.update([[1.0]], [[-1.0]], lr=0.1)
        >>> bool(tile.weights[0, 0] > 0)
        True
        """
        self._core.update(_checks.matrix("x", x), _checks.matrix("d", d), _checks.number("lr", lr, low=0))

    def describe(
        self, *, lr: float, x_scale: ArrayLike = 1.0, d_scale: ArrayLike = 1.0, batch_size: int = 1
    ) -> Description:
        """Return what the rates mean for this tile's shape and pulse trains; see `Algorithm.describe`.

        Parameters
        ----------
        lr
            Global learning rate, >= 0.
        x_scale, d_scale
            Inputs and errors: a number is the magnitude of every line, (B, N) and (B, M) are samples of vectors.
        batch_size
            Vectors of a mini-batch, >= 1.

        Examples
        --------
        >>> import dsptrack as dt
        >>> rule = dt.algorithms.Rider(device=dt.presets.reram_array_hfo2(), eta=0.5)
        >>> dt.AnalogTile((256, 392), rule, rng=0).describe(lr=0.05, d_scale=2e-4).warnings[0]
        'W is never written: H comes to lambda max|w| / eta = 0.0848 of its threshold; eta must be at most 0.0424'
        """
        return self._algorithm.describe(
            self.shape, lr=lr, x_scale=x_scale, d_scale=d_scale, batch_size=batch_size, update=self._configs["update"]
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the complete state: a tile with this state goes on with the same bits, in any process.

        Returns
        -------
        dict
            ``kind``, ``format``, ``dsptrack`` (the version), ``stream_version``, ``shape``, the fields of
            ``algorithm``, ``forward``, ``backward`` and ``update``, and ``state``: the arrays and all digital
            quantities (those of columns lie column after column). All are copies. `dt.io.save` writes it as a file.

        Examples
        --------
        >>> import dsptrack as dt
        >>> tile = dt.AnalogTile((2, 3), dt.algorithms.ERider(device=dt.presets.reram_array_om()), rng=0)
        >>> sorted(tile.state_dict()["state"]["arrays"])
        ['P', 'W']
        """
        return _state.pack("AnalogTile", self.shape, self._configs, self._core.snapshot())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the tile into a state of a tile with the same shape and configuration; its seed and cells are taken over.

        Parameters
        ----------
        state
            From `state_dict`.

        Raises
        ------
        SnapshotError
            If the state is damaged or of another shape, configuration or version; the tile is then as it was.

        Examples
        --------
        >>> import dsptrack as dt
        >>> tile = dt.AnalogTile((1, 1), dt.algorithms.AnalogSGD(device=dt.devices.ConstantStep(dw_min=0.01)), rng=0)
        >>> before = tile.state_dict()
        >>> tile.update([[1.0]], [[-1.0]], lr=0.1)
        >>> tile.load_state_dict(before)
        >>> float(tile.weights[0, 0])
        0.0
        """
        shape, configs, core = _state.unpack(state, "AnalogTile", _CONFIGS)
        _state.require_same("shape", shape, self.shape)
        for name, config in self._configs.items():
            _state.require_same(name, configs[name], config)
        self._core.restore(core)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any], *, num_threads: int | None = None) -> Self:
        """Return a new tile in a state of `state_dict`.

        Parameters
        ----------
        state
            From `state_dict`, of any tile.
        num_threads
            As in the constructor; it changes no bit.

        Raises
        ------
        SnapshotError
            If the state is damaged or of another version.

        Examples
        --------
        >>> import dsptrack as dt
        >>> tile = dt.AnalogTile((2, 3), dt.algorithms.Rider(device=dt.presets.reram_array_om()), rng=0)
        >>> again = dt.AnalogTile.from_state_dict(tile.state_dict())
        >>> bool((again.forward([[1, 0, -1]]) == tile.forward([[1, 0, -1]])).all())
        True
        """
        shape, configs, core = _state.unpack(state, "AnalogTile", _CONFIGS)
        _state.require_planes(core.get("arrays"), shape)
        tile = cls.__new__(cls)
        tile._assemble(shape, configs, 0, num_threads, count_pulses=False, blank=True)
        tile._core.restore(core)
        return tile
