"""What a checkpoint says of the network and the loss that it belongs to."""

from collections.abc import Callable, Mapping, Sequence

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


def rate_words(lr: float | Callable[[float], float], every: str) -> str:
    """Return what a checkpoint says of the learning rate: a name for callables that have nothing better."""
    words = getattr(lr, "__qualname__", None)
    return f"{every} {repr(lr) if words is None else words}"


def checked_key(words: object, own: Sequence[int]) -> list[int]:
    """Return the key of the order of the images if it is one."""
    if not isinstance(words, list) or len(words) != len(own) or not all(type(word) is int for word in words):
        raise StateError(f"order = {words!r}: must be {len(own)} integers")
    return words


def require_same(own: Mapping[str, object], theirs: object) -> None:
    """Refuse a state of another network; an option that it does not know, as older ones, is not compared."""
    if not isinstance(theirs, Mapping):
        raise StateError(f"network = {theirs!r}: must be a mapping")
    for name, value in own.items():
        if name in theirs and theirs[name] != value:
            raise StateError(f"{name} = {value!r}: the state belongs to {theirs[name]!r}")
