"""What all optimizers share: shape, arrays, mode, and the increment that a gradient asks for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks
from dsptrack._rng import RngLike, key
from dsptrack.array import CrossbarArray
from dsptrack.devices import Device
from dsptrack.exceptions import DspError, ShapeError, StateError

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
