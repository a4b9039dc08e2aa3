"""What a forward pass through an analog layer leaves behind, for whoever comes back to it after others."""

from dataclasses import dataclass

from dsptrack import _core

from .layer import FloatArray


@dataclass(frozen=True, slots=True)
class Passes:
    """One forward pass and, once there was one, the backward pass after it."""

    core: _core.Passes
    input_shape: tuple[int, ...]
    bias_grad: FloatArray | None
