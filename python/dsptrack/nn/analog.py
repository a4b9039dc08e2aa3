"""What layers with analog weights share: tiles, digital factors, the bias."""

import math
from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from dsptrack import _core
from dsptrack._checks import choice, floats, number
from dsptrack._rng import RngLike, key, unspent
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ConfigError, ShapeError, StateError
from dsptrack.periphery import Periphery
from dsptrack.update import PulseUpdate

from .grid import Grid
from .layer import FloatArray, Layer
from .passes import Passes
from .state import array, entries
from .windows import Shape, Windows

_FORWARD = Periphery()
_BACKWARD = Periphery(bound_management="none")
_UPDATE = PulseUpdate()


class AnalogOptions(TypedDict, total=False):
    """The keywords that every analog layer takes; AnalogLayer describes them."""

    bias: Literal["digital", "analog", "none"]
    forward: Periphery
    backward: Periphery
    update: PulseUpdate
    weight_scaling_omega: float
    weight_scaling_columnwise: bool
    learn_out_scaling: bool
    error_scale: Literal["mean", "sum"]
    max_input_size: int
    max_output_size: int
    rng: RngLike
    num_threads: int | None


class AnalogLayer(Layer):
    """A layer whose weights are a matrix W (M, N) on analog tiles; Linear and Conv2d say which vectors x it meets.

    W is split into near-equal blocks (sizes differ by at most one) of at most `max_output_size` x `max_input_size`,
    each an AnalogTile of its own; partial sums and scales are digital. Block (r, c) with the digital factors a (weight
    scaling, fixed) and s (output scale, learned) contributes, summed over all vectors of the batch,

        y_r += s a · tile(x_c)              the tile holds W_rc / a
        dL/dx_c += tileᵀ(s a · grad_r)
        tile.update(x_c, s grad_r / a, lr)  so that a · tile moves by the gradient, not by a² times it
        s -= lr Σ grad_r · a tile(x_c),     b -= lr Σ grad

    Parameters
    ----------
    weight_shape
        (M, ...): outputs, and the sizes whose product is N, the inputs of one vector.
    algorithm
        The learning rule of every tile, a config of ``dsptrack.algorithms``.
    bias
        ``"digital"``: a number b for every output, exact. ``"analog"``: one more column of the matrix, after the
        others, driven by a constant 1; it is scaled, split, pulsed and read as the others are. ``"none"``: none.
        Both start at 0.
    forward, backward
        The analog reads of the two directions.
    update
        The pulse trains of the update.
    weight_scaling_omega
        0: no scaling, a = 1. > 0: a = max|W| / omega, so that every tile starts with weights up to omega.
    weight_scaling_columnwise
        True: one a for every output, else one for every tile.
    learn_out_scaling
        Whether every tile has a learned output scale s, starting at 1.
    error_scale
        ``"mean"``: the update takes the gradient of the mean loss. ``"sum"``: multiplied by the batch size B.
    max_input_size, max_output_size
        Largest tile, >= 1.
    rng
        Seed of the initial weights and of the tiles; a Generator is advanced.
    num_threads
        Threads of every tile; None means all cores.

    Raises
    ------
    ConfigError
        If a size or an option is out of range.
    ShapeError
        If an input or a gradient does not have the layer's sizes.
    NonFiniteError
        If the output overflows; Sequential turns it into DivergenceError and names the layer.

    Notes
    -----
    W starts uniform in ±1/√N with N of the whole layer, then clipped to each cell's bounds. Sources: 05-erider.md
    section 1; sections 8.1 to 8.3 of the semantics page for bias and scales.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds())
    >>> isinstance(dt.nn.Linear(2, 1, rule), dt.nn.AnalogLayer)
    True
    """

    @unspent
    def __init__(
        self,
        weight_shape: tuple[int, ...],
        algorithm: Algorithm,
        *,
        bias: Literal["digital", "analog", "none"] = "digital",
        forward: Periphery = _FORWARD,
        backward: Periphery = _BACKWARD,
        update: PulseUpdate = _UPDATE,
        weight_scaling_omega: float = 0.0,
        weight_scaling_columnwise: bool = False,
        learn_out_scaling: bool = False,
        error_scale: Literal["mean", "sum"] = "mean",
        max_input_size: int = 512,
        max_output_size: int = 512,
        rng: RngLike = None,
        num_threads: int | None = None,
    ) -> None:
        outputs, inputs = weight_shape[0], math.prod(weight_shape[1:])
        kind = choice("bias", bias, ("digital", "analog", "none"))
        self.error_scale = choice("error_scale", error_scale, ("mean", "sum"))
        self._options: dict[str, object] = {
            "bias": kind,
            "weight_scaling_omega": weight_scaling_omega,
            "weight_scaling_columnwise": weight_scaling_columnwise,
            "learn_out_scaling": learn_out_scaling,
        }
        self._weight_shape = weight_shape
        self._fan_in = inputs
        self._analog_bias = kind == "analog"
        self._bias = np.zeros(outputs, np.float32) if kind == "digital" else None
        self._images = 0
        self._input_shape: tuple[int, ...] = ()
        self._bias_grad: FloatArray | None = None

        generator = np.random.default_rng(key(rng))
        limit = np.float32(1.0 / math.sqrt(inputs))
        initial = (generator.random((outputs, inputs), np.float32) * 2 - 1) * limit
        self._grid = Grid(
            (outputs, inputs + self._analog_bias),
            algorithm,
            forward=forward,
            backward=backward,
            update=update,
            weight_scaling_omega=weight_scaling_omega,
            weight_scaling_columnwise=weight_scaling_columnwise,
            learn_out_scaling=learn_out_scaling,
            max_input_size=max_input_size,
            max_output_size=max_output_size,
            rng=generator,
            num_threads=num_threads,
        )
        self.tiles = self._grid.tiles
        self.set_weights(initial.reshape(weight_shape), bias=np.zeros(outputs) if self._analog_bias else None)

    def __getstate__(self) -> dict[str, Any]:
        last = {"_images": 0, "_input_shape": (), "_bias_grad": None}
        return {name: value for name, value in vars(self).items() if name != "tiles"} | last

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, tiles=state["_grid"].tiles)

    @property
    def weights(self) -> FloatArray:
        """The weights that a noise-free read would use, all digital scales included, in the layer's shape."""
        return self._grid.weights[:, : self._fan_in].reshape(self._weight_shape)

    @property
    def bias(self) -> FloatArray | None:
        """The bias (M,): the digital one itself, a copy of the analog column with its scales, or None."""
        return self._grid.weights[:, -1].copy() if self._analog_bias else self._bias

    def set_weights(self, w: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> None:
        """Write the weights.

        Parameters
        ----------
        w
            In the layer's shape; divided by a new weight scaling a, then clipped to each cell's bounds. The learned
            scales restart at 1.
        bias
            (M,); None keeps the present one.

        Raises
        ------
        ShapeError
            If `w` or `bias` has another shape.
        ConfigError
            If there is a `bias` for a layer without one.
        NonFiniteError
            If a value is not finite.

        Examples
        --------
        >>> import dsptrack as dt
        >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.ConstantStep())
        >>> layer = dt.nn.Linear(2, 1, rule, rng=0)
        >>> layer.set_weights([[0.1, -0.1]], bias=[0.5])
        >>> layer.weights.shape, layer.bias
        ((1, 2), array([0.5], dtype=float32))
        """
        matrix = array("w", w, self._weight_shape).reshape(-1, self._fan_in)
        if bias is not None and self.bias is None:
            raise ConfigError(f"bias: {self!r} has none")
        column = self.bias if bias is None else array("bias", bias, self._weight_shape[:1])
        if self._analog_bias and column is not None:
            matrix = np.column_stack([matrix, column])
        self._grid.set_weights(matrix)
        if self._bias is not None and column is not None:
            self._bias[:] = column

    def update(self, lr: float) -> None:
        """Step tiles, learned scales and bias by one mini-batch at the global learning rate `lr` >= 0."""
        update_together([self], lr)

    def options(self) -> dict[str, object]:
        """Return the bias and the scales; rule, reads and trains are in the states of the tiles."""
        return self._options | {"error_scale": self.error_scale}

    def state_dict(self) -> dict[str, object]:
        """Return the digital bias, if there is one, and by number the tiles with their scales."""
        state: dict[str, object] = {"blocks": self._grid.state_dict()}
        return state if self._bias is None else state | {"bias": self._bias.copy()}

    def _load(self, state: object) -> None:
        state = entries(self, state, ["blocks"] if self._bias is None else ["blocks", "bias"])
        if self._bias is not None:
            self._bias[:] = array("bias", state["bias"], self._bias.shape)
        self._grid.load(state["blocks"])

    def _last(self) -> Passes:
        """Return the passes that `backward` and `update` refer to."""
        return Passes(self._grid.last(), self._input_shape, self._bias_grad)

    def _recall(self, passes: Sequence[Passes]) -> None:
        """Let `backward` refer to one earlier pass, or `update` to several, which count as one mini-batch."""
        self._grid.recall([one.core for one in passes])
        grads = [one.bias_grad for one in passes if one.bias_grad is not None]
        self._images = sum(one.input_shape[0] for one in passes)
        self._input_shape = passes[-1].input_shape
        self._bias_grad = sum(grads[1:], grads[0]) if grads else None

    def _read(self, x: FloatArray, input_shape: tuple[int, ...], windows: Windows | None = None) -> FloatArray:
        """Return x Wᵀ + b, (V, M), for the vectors `x` (V, N) of such a batch; the caller may overwrite it.

        With `windows`, `x` is images whose patches are the vectors, and so is what is returned, (B, M, H', W').
        """
        if not self._analog_bias:
            y = self._grid.forward(x, self._bias, windows)
        elif windows is None:
            y = self._grid.forward(_extended(x), None)
        else:
            images, _, height, width = x.shape
            positions = windows.positions(self, height, width)
            y = self._grid.forward(_extended(windows.core.gather(x)), None)
            y = np.ascontiguousarray(y.reshape(images, *positions, -1).transpose(0, 3, 1, 2))
        self._images, self._input_shape, self._bias_grad = input_shape[0], input_shape, None
        return y

    def _read_back(
        self, grad: FloatArray, bias_grad: FloatArray, windows: Windows | None = None, shape: Shape = (0, 0, 0, 0)
    ) -> FloatArray | None:
        """Return dL/dx, (V, N), for `grad` = dL/dy (V, M) with the sum `bias_grad`; None without `needs_input_grad`.

        With `windows`, both are images, what is returned of this `shape`.
        """
        self._bias_grad = bias_grad
        wanted = self.needs_input_grad
        if not self._analog_bias:
            if windows is None:
                return self._grid.backward(grad, needs_input_grad=wanted)
            return self._grid.core.backward_patches(grad, windows.core, shape, wanted)
        if windows is not None:
            grad = np.ascontiguousarray(grad.transpose(0, 2, 3, 1)).reshape(-1, grad.shape[1])
        back = self._grid.backward(grad, needs_input_grad=wanted)
        if back is None:
            return None
        back = np.ascontiguousarray(back[:, :-1])
        return back if windows is None else windows.core.scatter(back, shape)

    def _matched(self, grad: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return `grad` in the layout of the core if it has the shape of the last output."""
        if not self._grid.has_read:
            raise StateError(f"{self!r}.backward() before forward()")
        grad = floats("grad", grad, len(shape))
        if grad.shape != shape:
            raise ShapeError(f"{self!r}: grad has shape {grad.shape}; expected {shape}")
        return grad

    def _part(self) -> tuple[_core.Grid, float, tuple[FloatArray, FloatArray] | None]:
        """Return what an update steps: the grid, the factor on its gradient, the digital bias with its gradient."""
        if self._bias_grad is None:
            raise StateError(f"{self!r}.update() before backward()")
        factor = self._images if self.error_scale == "sum" else 1.0
        return self._grid.core, factor, None if self._bias is None else (self._bias, self._bias_grad)


def _extended(vectors: FloatArray) -> FloatArray:
    """Return the vectors with a one behind each, the input of an analog bias."""
    return np.concatenate([vectors, np.ones((len(vectors), 1), np.float32)], axis=1)


def update_together(layers: Sequence[AnalogLayer], lr: float) -> None:
    """Step several layers by one mini-batch; all their tiles are independent and run side by side."""
    lr = number("lr", lr, low=0.0)
    _core.update_grids([layer._part() for layer in layers], lr)
