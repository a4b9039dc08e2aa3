"""A chain of layers."""

from typing import Any

from dsptrack._checks import instance
from dsptrack.exceptions import ConfigError, DivergenceError, NonFiniteError

from .analog import AnalogLayer, update_together
from .layer import FloatArray, Layer
from .state import entries


class Sequential(Layer):
    """Layers in a chain: y = f_n(… f_1(x)).

    Parameters
    ----------
    *layers
        At least one layer.
    needs_input_grad
        Whether `backward` returns dL/dx. False (default) spares the backward read of the first layer that learns.

    Attributes
    ----------
    layers
        The layers, first to last. A chain may be a layer of another one.
    tiles
        The analog tiles of all layers, first to last.

    Raises
    ------
    ConfigError
        If there is no layer, or something else among them.
    DivergenceError
        By `forward`, `backward`, `update`: where a layer meets or makes a non-finite value; the message names it.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds())
    >>> model = dt.nn.Sequential(dt.nn.Linear(4, 3, rule, rng=0), dt.nn.Tanh())
    >>> loss = dt.nn.CrossEntropyLoss()
    >>> _ = loss.forward(model.forward(np.ones((2, 4), np.float32)), np.array([0, 2]))
    >>> model.backward(loss.backward()) is None    # nobody asked for dL/dx
    True
    >>> model.update(0.1)
    """

    def __init__(self, *layers: Layer, needs_input_grad: bool = False) -> None:
        if not layers:
            raise ConfigError("layers = (): must hold at least one layer")
        self.layers: tuple[Layer, ...] = tuple(instance(f"layers[{i}]", layer, Layer) for i, layer in enumerate(layers))
        self.needs_input_grad = needs_input_grad
        self._gather()

    def _gather(self) -> None:
        """Find what `update` steps."""
        self.tiles = tuple(tile for layer in self.layers for tile in layer.tiles)
        # Layers whose tiles step side by side, those of inner chains too, and the others that learn.
        self._analog: tuple[AnalogLayer, ...] = ()
        self._rest: tuple[Layer, ...] = ()
        for layer in self.layers:
            update = type(layer).update
            if isinstance(layer, AnalogLayer) and update is AnalogLayer.update:
                self._analog += (layer,)
            elif isinstance(layer, Sequential) and update is Sequential.update:
                self._analog += layer._analog
                self._rest += layer._rest
            elif update is not Layer.update:
                self._rest += (layer,)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._gather()  # a copied layer has other tiles

    def __repr__(self) -> str:
        return f"Sequential({', '.join(repr(layer) for layer in self.layers)})"

    @property
    def needs_input_grad(self) -> bool:  # setting it sets that of the layers
        """Whether `backward` returns dL/dx."""
        return self._needs_input_grad

    @needs_input_grad.setter
    def needs_input_grad(self, wanted: bool) -> None:
        self._needs_input_grad = wanted
        for layer in self.layers:
            layer.needs_input_grad = wanted
            # A layer needs the gradient of its input as soon as one before it learns.
            wanted = wanted or type(layer).update is not Layer.update

    def train(self, mode: bool = True) -> None:
        """Set `training` of every layer to `mode`."""
        self.training = mode
        for layer in self.layers:
            layer.train(mode)

    def forward(self, x: FloatArray) -> FloatArray:
        """Return the last layer's output, (B, ...), for `x` (B, ...)."""
        for layer in self.layers:
            try:
                x = layer.forward(x)
            except NonFiniteError as error:
                raise self._diverged(layer, "forward", error) from error
        return x

    def backward(self, grad: FloatArray) -> FloatArray | None:
        """Pass `grad` = dL/dy through all layers; return dL/dx or, by default, None."""
        upstream: FloatArray | None = grad
        for layer in reversed(self.layers):
            if upstream is None:
                break
            try:
                upstream = layer.backward(upstream)
            except NonFiniteError as error:
                raise self._diverged(layer, "backward", error) from error
        return upstream

    def update(self, lr: float) -> None:
        """Update every layer at the global learning rate `lr`: the analog ones all or none, then the others."""
        try:
            update_together(self._analog, lr)
        except NonFiniteError as error:
            raise self._diverged(self._at_fault(lr), "update", error) from error
        for layer in self._rest:
            try:
                layer.update(lr)
            except NonFiniteError as error:
                raise self._diverged(layer, "update", error) from error

    def _at_fault(self, lr: float) -> Layer:
        """Return the first analog layer that cannot be updated; none is."""
        for layer in self._analog:
            before = layer.state_dict()
            try:
                layer.update(lr)
            except NonFiniteError:
                return layer
            layer.load_state_dict(before)
        return self

    def state_dict(self) -> dict[str, object]:
        """Return the states of the layers, keyed by their index: "0", "1", ...."""
        return {str(i): layer.state_dict() for i, layer in enumerate(self.layers)}

    def _load(self, state: object) -> None:
        state = entries(self, state, [str(i) for i in range(len(self.layers))])
        for i, layer in enumerate(self.layers):
            layer.load_state_dict(state[str(i)])

    def _diverged(self, layer: Layer, where: str, error: NonFiniteError) -> DivergenceError:
        return DivergenceError(f"{where} of layer {self._place(layer)}, {layer!r}: {error}")

    def _place(self, layer: Layer) -> str:
        """Return the index of a layer, or of the inner chain and there of the layer."""
        for i, own in enumerate(self.layers):
            if own is layer:
                return str(i)
            if isinstance(own, Sequential) and (inside := own._place(layer)):
                return f"{i}, {inside}"
        return ""
