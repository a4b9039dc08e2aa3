"""Digital models turned into analog ones."""

import copy
from collections.abc import Callable, Collection
from typing import Any, Unpack

import numpy as np
import torch

from dsptrack._rng import key
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ConfigError
from dsptrack.nn.analog import AnalogOptions

from .conv import AnalogConv2d
from .linear import AnalogLinear
from .module import AnalogModule, require

Layers = Collection[str] | Callable[[str, torch.nn.Module], bool] | None


def convert(
    model: torch.nn.Module, algorithm: Algorithm, layers: Layers = None, **options: Unpack[AnalogOptions]
) -> torch.nn.Module:
    """Return a copy of a model with its linear and convolutional modules on analog tiles; the model stays as it is.

    Weights and biases are taken over, weights clipped to each cell's bounds (``weight_scaling_omega`` scales them
    into these). A module without bias gets none. Frozen weights (``requires_grad=False``) stay frozen.

    Parameters
    ----------
    model
        Any model. Replaced are modules of the types ``torch.nn.Linear`` and ``torch.nn.Conv2d`` themselves; one that is
        used in several places is replaced by one.
    algorithm
        The learning rule of every tile, a config of ``dsptrack.algorithms``.
    layers
        Which of them: names as in ``model.named_modules()``, or a function of name and module. None means all.
    **options
        As for `AnalogLinear`; `rng` seeds all modules, in the order of ``model.named_modules()``.

    Raises
    ------
    ConfigError
        If a name in `layers` is no such module, or a module is not float32 on the CPU or has what tiles have not:
        groups, a padding mode other than zeros, or padding that differs between the sides.

    Examples
    --------
    >>> import torch, dsptrack as dt
    >>> digital = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> convert(digital, rule, layers=["0"], rng=0)
    Sequential(
      (0): AnalogLinear(4, 3, ERider)
      (1): Tanh()
      (2): Linear(in_features=3, out_features=2, bias=True)
    )
    """
    found = {name: module for name, module in model.named_modules() if type(module) in _ANALOG}
    chosen = _chosen(found, layers)
    options["rng"] = np.random.default_rng(key(options.get("rng")))
    # In a deep copy what is in the memo is taken for copied: the digital weights are never doubled.
    memo: dict[int, Any] = {id(module): _analog(name, module, algorithm, options) for name, module in chosen.items()}
    return copy.deepcopy(model, memo)


def _chosen(found: dict[str, torch.nn.Module], layers: Layers) -> dict[str, torch.nn.Module]:
    """Return the modules that shall be replaced."""
    if layers is None:
        return found
    if callable(layers):
        return {name: module for name, module in found.items() if layers(name, module)}
    names = [layers] if isinstance(layers, str) else list(layers)
    unknown = [name for name in names if name not in found]
    if unknown:
        raise ConfigError(f"layers: {unknown} are no Linear or Conv2d of the model: must be among {list(found)}")
    return {name: module for name, module in found.items() if name in names}


def _analog(name: str, module: Any, algorithm: Algorithm, options: AnalogOptions) -> AnalogModule:
    """Return the analog module with the weights of a digital one."""
    weight, bias = module.weight, module.bias
    require(name or "model", weight)
    if bias is None:
        options = {**options, "bias": "none"}
    analog = _ANALOG[type(module)](name, module, algorithm, options)
    analog.set_weights(weight, None if options.get("bias") == "none" else bias)
    analog.analog.requires_grad_(weight.requires_grad)
    if analog.bias is not None:
        analog.bias.requires_grad_(bias.requires_grad)
    analog.train(module.training)
    return analog


def _linear(name: str, module: Any, algorithm: Algorithm, options: AnalogOptions) -> AnalogModule:
    return AnalogLinear(module.in_features, module.out_features, algorithm, **options)


def _conv(name: str, module: Any, algorithm: Algorithm, options: AnalogOptions) -> AnalogModule:
    if module.groups != 1 or module.padding_mode != "zeros":
        raise ConfigError(f"{name}: {module!r}: must have groups=1 and padding_mode='zeros'; leave it out of `layers`")
    return AnalogConv2d(
        module.in_channels,
        module.out_channels,
        module.kernel_size,
        algorithm,
        stride=module.stride,
        padding=_padding(name, module),
        dilation=module.dilation,
        **options,
    )


def _padding(name: str, module: Any) -> tuple[int, int]:
    """Return the zeros on each side."""
    if module.padding == "valid":
        return 0, 0
    if module.padding != "same":
        vertical, horizontal = module.padding
        return vertical, horizontal
    vertical, horizontal = (d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True))
    if vertical % 2 or horizontal % 2:
        raise ConfigError(f"{name}: {module!r}: must have an odd kernel_size where padding is 'same'")
    return vertical // 2, horizontal // 2


_ANALOG: dict[type[torch.nn.Module], Callable[[str, Any, Algorithm, AnalogOptions], AnalogModule]] = {
    torch.nn.Linear: _linear,
    torch.nn.Conv2d: _conv,
}
