"""What all optimizers share: shape, arrays, mode, and the increment that a gradient asks for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks, _state
from dsptrack._rng import RngLike, key
from dsptrack.array import CrossbarArray
from dsptrack.devices import Device
from dsptrack.exceptions import DspError, ShapeError, SnapshotError, StateError

Floats = NDArray[np.float32]
Mode = Literal["pulsed", "mean_field"]
Shape = int | tuple[int] | tuple[int, int]


class Optimizer(ABC):
    """A learning rule that steps on gradients; make one of its subclasses.

    Parameters
    ----------
    shape
        (M, N), or n or (n,) for a vector.
    mode
        ``"pulsed"``: increments are whole pulses, rounded stochastically, with cycle noise. ``"mean_field"``: equation
        (2) with b = 0, no pulses.
    rng
        Seed: None, int >= 0, SeedSequence or Generator.
    parameters
        The rule's numbers by name.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(dt.optim.AnalogSGD(3, dt.devices.SoftBounds()), Optimizer)
    True
    """

    __slots__ = ("_arrays", "_mode", "_parameters", "_seeds", "_shape")
    # Arguments of the constructor that stand for the arrays, in the order of `arrays`
    _DEVICES: ClassVar[tuple[str, ...]] = ("device",)

    def __init__(self, shape: Shape, *, mode: Mode, rng: RngLike, parameters: Mapping[str, float | int | str]) -> None:
        self._shape = _shape(shape)
        self._mode: Mode = _checks.choice("mode", mode, ("pulsed", "mean_field"))  # type: ignore[assignment]
        self._parameters = MappingProxyType(dict(parameters))
        self._arrays: dict[str, CrossbarArray] = {}
        # Children of the words of `rng`, so that a SeedSequence that is used twice spawns the same ones.
        self._seeds = np.random.SeedSequence(key(rng)).spawn(3)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shape}, mode={self._mode!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of weights and gradients, (M, N) or (n,)."""
        return self._shape

    @property
    def mode(self) -> Mode:
        """How increments are realised."""
        return self._mode

    @property
    def parameters(self) -> Mapping[str, float | int | str]:
        """The rule's numbers by name; read only."""
        return self._parameters

    @property
    def arrays(self) -> dict[str, CrossbarArray]:
        """The arrays, live: ``W`` holds the weights, ``P`` (where the rule has one) is moved by the gradient."""
        return dict(self._arrays)

    @property
    def ledger(self) -> dict[str, dict[str, int]]:
        """What every array has spent (see `CrossbarArray.ledger`), and ``reference``: cells of Q~ programmed.

        Nothing in mean field. Readings of P and W are not counted: whole-array increments have no periphery.
        """
        return {name: array.ledger for name, array in self._arrays.items()}

    @property
    @abstractmethod
    def weights(self) -> Floats:
        """A copy of the visible weights W̄, at which the gradient is wanted."""

    @property
    def sp_estimate(self) -> Floats:
        """What the rule takes for P's symmetric points; StateError where it estimates none."""
        raise StateError(f"{type(self).__name__} estimates no symmetric point")

    def sp_error(self) -> float:
        """Return rms(sp_estimate - true symmetric point of P) over the cells that have one, weight units.

        Raises
        ------
        StateError
            If the rule estimates no symmetric point, or no cell of P has one.
        """
        estimate = self.sp_estimate
        error = estimate.reshape(self._size) - self._arrays["P"]._core.symmetric_point()
        error = error[np.isfinite(error)]
        if not error.size:
            raise StateError(f"no cell of P has a symmetric point: {type(self._arrays['P'].device).__name__}")
        return float(np.sqrt(np.mean(np.square(error), dtype=np.float64)))

    @abstractmethod
    def set_weights(self, w: ArrayLike) -> None:
        """Write the visible weights ideally, clipped to W's bounds."""

    @abstractmethod
    def step(self, gradient: ArrayLike) -> None:
        """Take one step against the gradient of the objective at `weights`.

        Parameters
        ----------
        gradient
            Of the shape of `weights`; alpha times it at most 1e6 dw_min.

        Raises
        ------
        ConfigError, ShapeError, NonFiniteError
            If it is too large, has another shape or is not finite; the optimizer stays as it was.
        """

    @property
    def _size(self) -> tuple[int, int]:
        """Shape of the arrays."""
        rows, columns = self._shape if len(self._shape) == 2 else (1, *self._shape)
        return rows, columns

    def __reduce__(self) -> tuple[Any, ...]:
        return _state.reduced(self, self._arrays["W"].num_threads)

    def state_dict(self) -> dict[str, Any]:
        """Return the complete state: an optimizer with this state goes on with the same bits, in any process.

        Returns
        -------
        dict
            ``kind``, ``format``, ``dsptrack`` (the version), ``stream_version``, ``shape`` (of the arrays), the fields
            of the devices, and ``state``: mode and parameters, the arrays, and what the rule keeps beside them. All are
            copies. `dt.io.save` writes it as a file.

        Examples
        --------
        >>> import dsptrack as dt
        >>> o = dt.optim.ERider((2, 3), dt.devices.SoftBounds(), rng=0)
        >>> sorted(o.state_dict()["state"])
        ['arrays', 'parameters', 'tracker']
        """
        arrays = {name: array._core.snapshot() for name, array in self._arrays.items()}
        parts = {"parameters": self._configuration(), "arrays": arrays} | self._snapshot()
        return _state.pack(type(self).__name__, self._size, self._devices(), parts)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of an optimizer of the same shape, devices and numbers; seed and cells are taken over.

        Parameters
        ----------
        state
            From `state_dict`.

        Raises
        ------
        SnapshotError
            If the state is damaged or of another rule, shape, configuration or version; nothing has changed then.

        Examples
        --------
        >>> import dsptrack as dt
        >>> o = dt.optim.AnalogSGD(2, dt.devices.SoftBounds(), rng=0)
        >>> before = o.state_dict()
        >>> o.step([0.5, -0.5])
        >>> o.load_state_dict(before)
        >>> o.weights
        array([0., 0.], dtype=float32)
        """
        shape, devices, core = _state.unpack(state, type(self).__name__, dict.fromkeys(self._devices(), Device))
        _state.require_same("shape", shape, self._size)
        for name, device in self._devices().items():
            _state.require_same(name, devices[name], device)
        entries = _state.Entries(core)
        parameters = entries.part("parameters")
        for name, own in self._configuration().items():
            value = parameters.take(name)
            if type(value) is not type(own) or value != own:
                raise parameters.refuse(name, f"is {value!r}: must be the optimizer's own, {own!r}")
        parameters.finish()
        self._restore(entries)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any], *, num_threads: int | None = None) -> Self:
        """Return a new optimizer in a state of `state_dict`.

        Parameters
        ----------
        state
            From `state_dict`, of an optimizer of this class.
        num_threads
            As in the constructor; it changes no bit.

        Raises
        ------
        SnapshotError
            If the state is damaged or of another rule or version.

        Examples
        --------
        >>> import dsptrack as dt
        >>> o = dt.optim.Rider(3, dt.devices.SoftBounds(), rng=0)
        >>> again = dt.optim.Rider.from_state_dict(o.state_dict())
        >>> for optimizer in (o, again):
        ...     optimizer.step([1.0, -1.0, 0.5])
        >>> bool((again.weights == o.weights).all())
        True
        """
        shape, devices, core = _state.unpack(state, cls.__name__, dict.fromkeys(cls._DEVICES, Device))
        _state.require_planes(core.get("arrays"), shape)
        entries = _state.Entries(core)
        fields = dict(entries.part("parameters").rest())
        own: Shape = shape[1] if fields.pop("vector", None) is True and shape[0] == 1 else shape
        fields["num_threads"] = _checks.threads(num_threads)
        try:
            o = cls._blank(own, [devices[name] for name in cls._DEVICES], fields)
        except (DspError, TypeError) as error:
            raise SnapshotError(f"parameters: {error}") from None
        o.load_state_dict(state)
        return o

    @classmethod
    def _blank(cls, shape: Shape, devices: Sequence[Device], fields: dict[str, Any]) -> Self:
        """Return an optimizer that a state will be loaded into."""
        return cls(shape, *devices, rng=0, **fields)

    def _devices(self) -> dict[str, Device]:
        """Return the devices as the constructor names them; the last one is that of W."""
        return dict(zip(self._DEVICES, (array.device for array in self._arrays.values()), strict=True))

    def _configuration(self) -> dict[str, Any]:
        """Return what the constructor was given besides shape, devices and seed."""
        return {"vector": len(self._shape) == 1, "mode": self._mode, **self._parameters}

    def _snapshot(self) -> _state.State:
        """Return what the rule keeps beside its arrays."""
        return {}

    def _restored(self, entries: _state.Entries) -> dict[str, Any]:
        """Return the attributes that a snapshot stands for."""
        return {}

    def _restore(self, entries: _state.Entries) -> None:
        """Take over a state, whole or not at all."""
        arrays, attributes = entries.part("arrays"), self._restored(entries)
        parts = {name: arrays.part(name).rest() for name in self._arrays}
        arrays.finish()
        entries.finish()
        before = {name: array._core.snapshot() for name, array in self._arrays.items()}
        for name, array in self._arrays.items():
            try:
                array._core.restore(parts[name])
            except DspError as error:
                for other, part in before.items():
                    self._arrays[other]._core.restore(part)
                raise SnapshotError(f"arrays.{name}.{error}") from None
        for name, value in attributes.items():
            setattr(self, name, value)

    def _array(self, name: str, device: Device, num_threads: int | None) -> CrossbarArray:
        """Make an array, at weight 0."""
        seed = self._seeds[len(self._arrays)]
        array = CrossbarArray(self._size, device, rng=seed, num_threads=num_threads)
        array.set_weights(np.zeros(self._size, dtype=np.float32))
        self._arrays[name] = array
        return array

    def _matrix(self, name: str, values: ArrayLike) -> Floats:
        """Return values of the optimizer's shape as the arrays take them."""
        array = _checks.floats(name, values, len(self._shape))
        if array.shape != self._shape:
            raise ShapeError(f"{name} has shape {array.shape}: must have {self._shape}")
        return array.reshape(self._size)

    def _note(self, **parameters: float | int | str) -> None:
        """Add to the parameters, or correct them."""
        self._parameters = MappingProxyType({**self._parameters, **parameters})

    def _descend(self, array: CrossbarArray, gradient: ArrayLike, rate: float) -> Floats:
        """Increment `array` by -rate gradient and return the increment, for its memory."""
        # Too large products become infinite, and the core refuses them.
        with np.errstate(over="ignore", invalid="ignore"):
            delta = self._matrix("gradient", gradient) * np.float32(-rate)
        try:
            array.increment(delta, self._mode)
        except DspError as error:
            raise type(error)(f"gradient, times alpha: {error}") from None
        return delta


def _shape(value: Shape) -> tuple[int, ...]:
    if isinstance(value, int | np.integer):
        return (_checks.whole("shape", value, 1),)
    if isinstance(value, tuple | list) and len(value) == 1:
        return (_checks.whole("shape[0]", value[0], 1),)
    return _checks.shape(value)
