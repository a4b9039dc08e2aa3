"""The read without random noise in float64, straight from 02 sections 3.2 to 3.6.

Two differences are intended. An output violates the converter's bound only if its unclipped code exceeds the top code
(the peer compares float32 values, so that its default pair (12, 1/510) also retries outputs that merely reach the top).
The moving average of inputs starts with the first vector that is not all zero.
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
    rounds: Floats  # (B,)
    average: float = 0.0  # of the largest inputs, after the batch


@dataclass(frozen=True)
class Chip:
    """What is drawn once for an array: offset and curvature of each output, the weights that negative inputs meet."""

    offset: Any = 0.0
    curvature: Any = None  # None: that of the periphery, for all outputs
    negative: Any = None  # None: the same weights


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


def _np_sum(x: Floats, p: Any) -> float:
    """Section 3.4, ABS_MAX_NP_SUM."""
    largest = np.max(np.abs(x))
    largest = min(largest, p.nm_thres) if p.nm_thres > 0 else largest
    worst = max(x[x > 0].sum(), -x[x < 0].sum()) * p.nm_assumed_wmax / p.out_bound
    step = step_of(p.inp_res, p.inp_bound)
    worst = min(worst, largest * p.max_bm_res / step) if step > 0 else worst
    return float(max(largest, worst))


def scale_of(x: Floats, p: Any, average: float) -> tuple[float, float]:
    """Noise management (3.4): the scale, and the moving average after this vector."""
    largest = float(np.max(np.abs(x)))

    def capped(v: float) -> float:
        return min(v, float(p.nm_thres)) if p.nm_thres > 0 else v

    match p.noise_management:
        case "none":
            return 1.0, average
        case "abs_max":
            return capped(largest), average
        case "max":
            return capped(float(np.max(x))), average
        case "constant":
            return p.nm_thres or 1.0, average
        case "abs_max_np_sum":
            return _np_sum(x, p), average
        case "average_abs_max":
            average = (1 - p.nm_decay) * average + p.nm_decay * largest if average > 0 else largest
            return average, average
    raise ValueError(p.noise_management)


def _array(weights: Floats, v: Floats, p: Any, offset: Any) -> Floats:
    """One pass (3.6): the product, the drop along the wires, offsets and series resistance."""
    y = weights @ v
    size = v.size
    if p.ir_drop > 0:
        a = (np.abs(weights) @ np.abs(v)) * size / p.ir_drop_g_ratio
        share = 1 - (1 - np.arange(size) / size) ** 2
        y = y - p.ir_drop * (0.05 * a**3 - 0.2 * a**2 + 0.5 * a) * (weights @ (v * share))
    if p.v_offset_std > 0 or p.r_series > 0:
        q, r = -p.v_offset_w_min * v.sum(), p.r_series
        y = (1 - offset) * (y + q) / (1 + r * np.abs(y + q)) - (1 + offset) * q / (1 + r * np.abs(q))
    return np.asarray(y)


def _finish(y: Floats, p: Any, curvature: Any) -> tuple[Floats, Floats, bool]:
    """The output stage (3.3, step 7) without noise."""
    bound = p.out_bound or 1.0
    n = p.out_nonlinearity / bound if curvature is None else curvature
    f = 1 + (np.mean(n) + p.r_series) * p.slope_calibration * bound
    y = f**2 * y / (1 + np.abs(n * y))
    y = np.where(y < 0, (1 - p.out_asymmetry) * y, y)
    return _convert(y, step_of(p.out_res, p.out_bound), p.out_bound)


def _round(weights: Floats, v: Floats, p: Any, chip: Chip) -> tuple[Floats, Floats, bool]:
    """Steps 5 to 7 for one prepared input."""
    if p.mv_type == "one_pass":
        return _finish(_array(weights, v, p, chip.offset), p, chip.curvature)
    negative = weights if chip.negative is None else np.asarray(chip.negative, np.float64)
    plus = _array(weights, np.maximum(v, 0), p, chip.offset)
    minus = _array(negative, np.minimum(v, 0), p, chip.offset)
    if p.mv_type == "pos_neg_separate":
        return _finish(plus + minus, p, chip.curvature)
    (y, tie, over), (other, other_tie, also) = (_finish(part, p, chip.curvature) for part in (plus, minus))
    return y + other, np.minimum(tie, other_tie), over or also


def read(
    weights: NDArray[Any], x: NDArray[Any], periphery: Any, chip: Chip | None = None, average: float = 0.0
) -> Read:
    """y = x W^T through the periphery with all noise off."""
    weights, x = np.asarray(weights, np.float64), np.asarray(x, np.float64)
    p, chip = periphery, chip or Chip()
    shape = (x.shape[0], weights.shape[0])
    y, tie, rho, steps = np.zeros(shape), np.full(shape, 0.5), np.ones(shape[0]), np.zeros((shape[0], 1))
    rounds = np.zeros(shape[0])
    if p.is_perfect or p.mv_type == "ideal":
        return Read(p.out_scale * x @ weights.T, tie, rho, steps, rounds)
    in_step = step_of(p.inp_res, p.inp_bound)
    out_step = step_of(p.out_res, p.out_bound)
    limit = p.max_bm_res / in_step if in_step > 0 else np.inf
    for b, vector in enumerate(x):
        scale, average = scale_of(vector, p, average)
        if scale <= 0:
            continue
        while True:
            rounds[b] += 1
            factor = 1 / (scale * rho[b])
            prepared, _, _ = _convert(vector * factor, in_step, p.inp_bound)
            prepared = np.where(prepared < 0, (1 - p.inp_asymmetry) * prepared, prepared)
            out, tie[b], violated = _round(weights, prepared, p, chip)
            exhausted = int(rho[b]) > p.max_bm_factor or rho[b] > limit
            if p.bound_management == "none" or not violated or exhausted:
                break
            worst_case = p.bound_management == "iterative_worst_case" and p.noise_management != "abs_max_np_sum"
            if worst_case and rounds[b] == 1:
                scale = _np_sum(vector, p)
            else:
                rho[b] *= 2
        y[b] = out / factor * p.out_scale
        steps[b] = out_step / factor * abs(p.out_scale)
    return Read(y, tie, rho, steps, rounds, average)


def assert_reads(got: NDArray[Any], expected: Read, at_least: float = 0.97) -> None:
    """Equal codes; where a float64 code lies within 0.002 of a rounding tie, float32 may choose its neighbour."""
    error = np.abs(got - expected.y)
    close = error <= 1e-5 + 2e-6 * np.abs(expected.y)
    clear = expected.tie > 2e-3
    assert np.all(close[clear]), f"worst error {error[clear].max():.3g}"
    assert np.all(close | (error <= 1.001 * expected.step + 1e-5))
    assert close.mean() >= at_least
