"""The parameter that stands for the tiles of a module, and its gradient."""

from typing import Any, Self

import torch

from dsptrack.nn.analog import AnalogLayer
from dsptrack.nn.passes import Passes


class AnalogParameter(torch.nn.Parameter):
    """An empty tensor that stands for the tiles of one layer; `AnalogSGD` updates what it stands for.

    Parameters
    ----------
    layer
        The layer of `dsptrack.nn` that holds the tiles.
    requires_grad
        Whether backward passes leave a gradient; False freezes the tiles.

    Attributes
    ----------
    layer
        The layer.

    Notes
    -----
    The gradient is an empty tensor too; its attribute ``passes`` lists the forward and backward passes that it is made
    of. So ``zero_grad`` (with ``set_to_none=True``, the default) forgets them, and passes add up until then.

    Examples
    --------
    >>> import dsptrack as dt
    >>> layer = dt.torch.AnalogLinear(3, 2, dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds()), rng=0)
    >>> [(name, tuple(p.shape), isinstance(p, AnalogParameter)) for name, p in layer.named_parameters()]
    [('analog', (0,), True), ('bias', (2,), False)]
    """

    layer: AnalogLayer
    grad: Any

    def __new__(cls, layer: AnalogLayer, requires_grad: bool = True) -> Self:
        """Return a parameter for the tiles of `layer`."""
        parameter: Self = super().__new__(cls, torch.empty(0), requires_grad)
        parameter.layer = layer
        return parameter

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        raise TypeError("tiles cannot be copied: make another model and load this one's state_dict()")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("tiles cannot be pickled: save the model's state_dict()")

    def __repr__(self) -> str:
        return f"AnalogParameter({self.layer!r})"

    def add_passes(self, passes: Passes) -> None:
        """Add one forward and backward pass to the gradient."""
        if self.grad is None:
            self.grad = torch.empty(0)
            self.grad.passes = []
        self.grad.passes.append(passes)

    def recall(self) -> None:
        """Let the layer's update refer to all passes of the gradient."""
        self.layer._recall(self.grad.passes)
