"""Analog reads in PyTorch's graph: forward through the tiles, back through them, and the passes kept for the update."""

# For `make docs`: its stand-in for torch has no `Tensor | None`.
from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from .parameter import AnalogParameter


class Read(torch.autograd.Function):
    """y = x Wᵀ + b by the tiles of `analog`, whose digital bias, if any, is `bias`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, analog: AnalogParameter, bias: torch.Tensor | None) -> torch.Tensor:
        """Read."""
        layer = analog.layer
        y = torch.from_numpy(layer.forward(x.detach().contiguous().numpy()))
        if bias is not None:
            y += bias.reshape(-1, *[1] * (y.ndim - 2))
        # Other batches may pass through the layer before this one comes back.
        ctx.analog, ctx.passes = analog, layer._last()
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, None, torch.Tensor | None]:
        """Read back, and keep the passes."""
        wants_x, wants_tiles, wants_bias = ctx.needs_input_grad
        layer = ctx.analog.layer
        layer._recall([ctx.passes])
        layer.needs_input_grad = wants_x
        back = layer.backward(grad.contiguous().numpy())
        passes = layer._last()
        if wants_tiles:
            ctx.analog.add_passes(passes)
        # Summed by NumPy, as the layers of dsptrack.nn do: the same bits.
        bias_grad = torch.from_numpy(passes.bias_grad) if wants_bias else None
        return None if back is None else torch.from_numpy(back), None, bias_grad
