"""PyTorch modules on analog tiles: `AnalogLinear`, `AnalogConv2d`, `convert`, and the optimizer `AnalogSGD`.

Needs PyTorch: ``pip install "dsptrack[torch]"``. Tiles live on the CPU and compute in float32; tensors are handed to
the core and back without a copy. A module holds a layer of `dsptrack.nn` and gives the same numbers as that layer.

Each module has one `AnalogParameter`, an empty tensor that stands for its tiles: in ``model.parameters()``, in the
groups of an optimizer, and for freezing by ``requires_grad_(False)``. Its gradient holds the vectors x and delta of all
backward passes since ``zero_grad``; `AnalogSGD` turns them into pulses. Other optimizers leave tiles as they are.
"""

try:
    import torch as _torch  # noqa: F401  (asked for first, so that its absence is said in words)
except ModuleNotFoundError as error:
    raise ModuleNotFoundError('dsptrack.torch needs PyTorch: pip install "dsptrack[torch]"', name="torch") from error

from .conv import AnalogConv2d
from .conversion import convert
from .linear import AnalogLinear
from .module import AnalogModule, tiles
from .parameter import AnalogParameter
from .sgd import AnalogSGD

__all__ = ["AnalogConv2d", "AnalogLinear", "AnalogModule", "AnalogParameter", "AnalogSGD", "convert", "tiles"]
