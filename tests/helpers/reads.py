"""The noise-free one-pass read in float64, straight from 02 sections 3.2 to 3.5.

One difference is intended: an output violates the converter's bound only if its unclipped code exceeds the top code.
(The peer compares float32 values, so that its default pair (12, 1/510) also retries outputs that merely reach the top.)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Read:
    """Outputs (B, M); distance of every output from the nearest rounding tie, in codes; reduction of each vector."""

    y: Floats
    tie: Floats
    rho: Floats
    step: Floats  # (B, 1): size of one output code after rescaling


def step_of(resolution: float, bound: float) -> float:
    """Converter step; 0 where the converter does not quantise."""
    resolution = 1 / resolution if resolution > 1 else max(resolution, 0.0)
    return max(resolution * 2 * bound, 0.0)


def _convert(v: Floats, step: float, bound: float) -> tuple[Floats, Floats, bool]:
    """Quantise, then clip: values, distance from a tie in codes, whether a code lies beyond the top one."""
    tie = np.full(v.shape, 0.5)
    quantised = v
    violated = bool(bound > 0 and np.any(np.abs(v) > bound))
    if step > 0:
        codes = v / step
        tie = np.abs(codes - np.floor(codes) - 0.5)
        quantised = np.rint(codes) * step
        violated = bool(bound > 0 and np.any(np.abs(np.rint(codes)) > np.floor(bound / step + 1e-9)))
    if bound > 0:
        quantised = np.clip(quantised, -bound, bound)
    return quantised, tie, violated


def read(weights: NDArray[Any], x: NDArray[Any], periphery: Any) -> Read:
    """y = x W^T through the periphery with all noise off."""
    weights, x = np.asarray(weights, np.float64), np.asarray(x, np.float64)
    shape = (x.shape[0], weights.shape[0])
    y, tie, rho, steps = np.zeros(shape), np.full(shape, 0.5), np.ones(shape[0]), np.zeros((shape[0], 1))
    if periphery.is_perfect:
        return Read(periphery.out_scale * x @ weights.T, tie, rho, steps)
    in_step = step_of(periphery.inp_res, periphery.inp_bound)
    out_step = step_of(periphery.out_res, periphery.out_bound)
    limit = periphery.max_bm_res / in_step if in_step > 0 else np.inf
    for b, vector in enumerate(x):
        scale = np.max(np.abs(vector)) if periphery.noise_management == "abs_max" else 1.0
        if scale <= 0:
            continue
        while True:
            factor = 1 / (scale * rho[b])
            prepared, _, _ = _convert(vector * factor, in_step, periphery.inp_bound)
            out, tie[b], violated = _convert(weights @ prepared, out_step, periphery.out_bound)
            exhausted = int(rho[b]) > periphery.max_bm_factor or rho[b] > limit
            if periphery.bound_management == "none" or not violated or exhausted:
                break
            rho[b] *= 2
        y[b] = out / factor * periphery.out_scale
        steps[b] = out_step / factor * abs(periphery.out_scale)
    return Read(y, tie, rho, steps)
