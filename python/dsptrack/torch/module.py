"""What modules with analog weights share."""

# For `make docs`: its stand-in for torch has no `Tensor | None`.
from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dsptrack.exceptions import ConfigError, SnapshotError
from dsptrack.io import snapshots
from dsptrack.nn.analog import AnalogLayer, AnalogOptions
from dsptrack.nn.state import array
from dsptrack.tile import AnalogTile

from .parameter import AnalogParameter
from .read import Read

Values: TypeAlias = npt.ArrayLike | torch.Tensor


class AnalogModule(torch.nn.Module):
    """A module whose weights are on analog tiles; make an `AnalogLinear` or an `AnalogConv2d`.

    Attributes
    ----------
    analog
        The `AnalogParameter` that stands for the tiles; ``analog.layer`` is the layer of `dsptrack.nn` around them.
    bias
        The digital bias, an ordinary parameter (M,), starting at 0; None if it is analog or there is none.

    Raises
    ------
    ConfigError
        If an input, or what the module is moved to, is not float32 on the CPU.

    Notes
    -----
    ``state_dict`` holds the bias and, as bytes in a tensor, the snapshot of all tiles (see `dsptrack.io`): a model that
    loads it goes on with the same bits. ``train`` and ``eval`` change nothing: analog reads are as noisy in use.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds())
    >>> isinstance(dt.torch.AnalogLinear(3, 2, rule), AnalogModule)
    True
    """

    bias: torch.nn.Parameter | None

    def __init__(self, make: Callable[[AnalogOptions], AnalogLayer], options: AnalogOptions) -> None:
        super().__init__()
        digital = options.get("bias", "digital") == "digital"
        # A digital bias is PyTorch's: the layer below has none.
        layer = make({**options, "bias": "none"} if digital else options)
        self.analog = AnalogParameter(layer)
        self.register_parameter("bias", torch.nn.Parameter(torch.zeros(len(layer.weights))) if digital else None)

    @property
    def tiles(self) -> tuple[AnalogTile, ...]:
        """The tiles, by rows of the weight matrix."""
        return self.analog.layer.tiles

    @property
    def weights(self) -> torch.Tensor:
        """A copy of the weights that a noise-free read would use, all digital scales included."""
        return torch.from_numpy(self.analog.layer.weights)

    def set_weights(self, w: Values, bias: Values | None = None) -> None:
        """Write the weights, clipped to each cell's bounds, and the bias; None keeps the present one.

        Raises
        ------
        ShapeError, NonFiniteError, ConfigError
            As ``AnalogLayer.set_weights`` of `dsptrack.nn`.

        Examples
        --------
        >>> import torch, dsptrack as dt
        >>> rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds())
        >>> layer = dt.torch.AnalogLinear(2, 1, rule, rng=0)
        >>> layer.set_weights(torch.tensor([[0.125, -0.125]]), bias=[0.5])
        >>> layer.weights, layer.bias.tolist()
        (tensor([[ 0.1250, -0.1250]]), [0.5])
        """
        layer, values = self.analog.layer, None if bias is None else _numpy(bias)
        if self.bias is None or values is None:
            layer.set_weights(_numpy(w), values)
            return
        values = array("bias", values, tuple(self.bias.shape))
        layer.set_weights(_numpy(w))
        with torch.no_grad():
            self.bias.copy_(torch.from_numpy(values))

    def get_extra_state(self) -> torch.Tensor:
        """Return the snapshot of the tiles as bytes, uint8 (n,); PyTorch calls it for ``state_dict``."""
        data = bytearray().join(snapshots._parts(self.analog.layer.state_dict()))
        return torch.frombuffer(data, dtype=torch.uint8)

    def set_extra_state(self, state: Any) -> None:
        """Take up what `get_extra_state` returned; PyTorch calls it for ``load_state_dict``.

        Raises
        ------
        SnapshotError
            If it is damaged, or of a module with other shapes or configurations; the tiles are then as they were.
        """
        if not isinstance(state, torch.Tensor) or state.dtype != torch.uint8:
            raise SnapshotError(f"state of {self!r} is no snapshot: must be a tensor of bytes")
        self.analog.layer.load_state_dict(snapshots._read(io.BytesIO(state.cpu().numpy().tobytes())))

    def extra_repr(self) -> str:
        """Return what stands in the brackets of the module's repr."""
        layer = repr(self.analog.layer)
        return f"{layer[layer.index('(') + 1 : -1]}, {type(self.tiles[0].algorithm).__name__}"

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        """Move the parameters: all of ``to``, ``cuda``, ``double``, ... end here."""
        require("module", fn(torch.empty(0)))
        moved: Self = super()._apply(fn, recurse)
        return moved

    def _read(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output of the layer for an input of its dimensions."""
        require("x", x)
        y: torch.Tensor = Read.apply(x, self.analog, self.bias)
        return y


def tiles(model: torch.nn.Module) -> tuple[AnalogTile, ...]:
    """Return the tiles of all analog modules in `model`, first to last, as the accounts of `dsptrack.nn` take them.

    Examples
    --------
    >>> import torch, dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> model = torch.nn.Sequential(dt.torch.AnalogLinear(4, 3, rule), torch.nn.Tanh())
    >>> dt.nn.pulses(dt.torch.tiles(model))
    {'P': 0, 'W': 0}
    """
    return tuple(tile for module in model.modules() if isinstance(module, AnalogModule) for tile in module.tiles)


def require(name: str, tensor: torch.Tensor) -> None:
    """Refuse a tensor that tiles cannot take."""
    if tensor.device.type != "cpu" or tensor.dtype != torch.float32:
        raise ConfigError(f"{name}: {tensor.dtype} on {tensor.device}: tiles compute in torch.float32 on cpu")


def _numpy(values: Values) -> npt.ArrayLike:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
