"""What a checkpoint says of the network and the loss that it belongs to."""

from collections.abc import Mapping

from dsptrack.exceptions import StateError

from .losses import Loss
from .sequential import Sequential


def described(model: Sequential, loss: Loss) -> dict[str, object]:
    """Return the classes of the loss and of every layer, and the layers' options, by what a message calls them."""
    return {"loss": type(loss).__name__} | _layers(model, "")


def _layers(chain: Sequential, place: str) -> dict[str, object]:
    found: dict[str, object] = {f"{place}number of layers": len(chain.layers)}
    for i, layer in enumerate(chain.layers):
        kind = type(layer).__name__
        found[f"{place}layer {i}"] = kind
        inside = f"{place}layer {i}, {kind}: "
        # A file gives tuples back as lists.
        options = {name: list(v) if isinstance(v, tuple) else v for name, v in layer.options().items()}
        found |= {f"{inside}{name}": value for name, value in options.items()}
        if isinstance(layer, Sequential):
            found |= _layers(layer, inside)
    return found


def require_same(own: Mapping[str, object], theirs: object) -> None:
    """Refuse a state of another network; an option that it does not know, as older ones, is not compared."""
    if not isinstance(theirs, Mapping):
        raise StateError(f"network = {theirs!r}: must be a mapping")
    for name, value in own.items():
        if name in theirs and theirs[name] != value:
            raise StateError(f"{name} = {value!r}: the state belongs to {theirs[name]!r}")
