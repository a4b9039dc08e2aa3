"""The optimizer: pulses for tiles, plain gradient descent for everything else."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from dsptrack._checks import number
from dsptrack.nn.analog import update_together

from .parameter import AnalogParameter


class AnalogSGD(torch.optim.Optimizer):
    """Gradient descent: tiles learn by their own rule from sums of outer products, the rest by p -= lr dL/dp.

    One step sends each tile all vectors x and delta of the backward passes since ``zero_grad`` as one mini-batch,
    W <- W - lr Σ deltaᵀ x in the rule's way, as ``update`` of `dsptrack.nn` does; lr means the same.

    Parameters
    ----------
    params
        ``model.parameters()``, or groups with a rate of their own, as for any optimizer of PyTorch.
    lr
        Global learning rate, >= 0; rules may scale theirs by it (see `dsptrack.algorithms`). Schedulers may change it.

    Raises
    ------
    ConfigError
        If `lr` is not a finite number >= 0.
    NonFiniteError
        By ``step``: if an error that a tile shall learn from overflows; the tiles of its group are then as they were.

    Notes
    -----
    A tile that met no backward pass since ``zero_grad`` is left alone; at lr 0 a rule whose own rates ignore the global
    one still learns. For momentum or Adam on the digital parameters give those to a second optimizer and only the
    `AnalogParameter` ones to this.

    Examples
    --------
    >>> import torch, dsptrack as dt
    >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.ConstantStep(dw_min=0.01))
    >>> layer = dt.torch.AnalogLinear(1, 1, rule, rng=0)
    >>> optimizer = AnalogSGD(layer.parameters(), lr=0.5)
    >>> before = layer.weights
    >>> layer(torch.ones(1, 1)).sum().backward()
    >>> optimizer.step()
    >>> bool(layer.weights < before), layer.bias.item()
    (True, -0.5)
    """

    def __init__(self, params: Iterable[Any], lr: float) -> None:
        super().__init__(params, {"lr": number("lr", lr, low=0.0)})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Do one step; a `closure` is called first, with gradients, and its loss returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr = number("lr", group["lr"], low=0.0)
            learning = [p for p in group["params"] if p.grad is not None]
            analog = [p for p in learning if isinstance(p, AnalogParameter)]
            for parameter in analog:
                parameter.recall()
            update_together([parameter.layer for parameter in analog], lr)
            for parameter in learning:
                if not isinstance(parameter, AnalogParameter):
                    # The product first, as NumPy does: one rounding less would be other bits than dsptrack.nn's.
                    parameter.sub_(parameter.grad * lr)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; those of tiles are set to None in any case."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if isinstance(parameter, AnalogParameter):
                    parameter.grad = None
        super().zero_grad(set_to_none)
