"""Zero-shifting (Algorithm 1 of the paper): pulses drive every cell to its symmetric point."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _checks
from .array import CrossbarArray
from .exceptions import ConfigError

__all__ = ["ZeroShiftResult", "zero_shift"]


@dataclass(frozen=True, eq=False, slots=True)
class ZeroShiftResult:
    """What a calibration found.

    Attributes
    ----------
    estimate
        The weights at the end, float32 (M, N): the estimated symmetric points.
    pulses
        Pulses that every cell received.
    trace
        Structured array (K,), its fields over the cells that have a symmetric point: ``pulses`` sent to each cell,
        ``mean`` and ``std`` of the weights, ``offset_mean`` = mean truth - mean, ``offset_std`` = std of truth - std,
        ``rms_error`` = rms of (weight - truth).

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((4, 4), dt.devices.SoftBounds(dw_min=0.01), rng=0)
    >>> zero_shift(array, 100, record_every=50).trace["pulses"]
    array([ 50, 100])
    """

    estimate: NDArray[np.float32]
    pulses: int
    trace: NDArray[Any]


def zero_shift(
    array: CrossbarArray,
    n_pulses: int,
    scheme: Literal["cyclic", "stochastic"] = "cyclic",
    record_every: int | None = None,
    *,
    fidelity: Literal["pulse", "composed", "auto"] = "auto",
) -> ZeroShiftResult:
    """Send `n_pulses` to every cell and take the final weights for the symmetric points.

    Each pulse is W_n+1 = W_n + e_n F(W_n) - |e_n| G(W_n) with e_n = +-dw_min: drawn with probability 1/2 for every cell
    and pulse (``"stochastic"``, (7) of the paper), or up, down, up, ... (``"cyclic"``, (31)).

    Parameters
    ----------
    array
        Calibrated in place: it ends at the estimate.
    n_pulses
        Pulses for every cell, >= 0.
    scheme
        The directions.
    record_every
        Pulses between records of the trace, >= 1; None records the end only.
    fidelity
        ``"pulse"``: every pulse by itself. ``"composed"``: up to 128 pulses of a cell as one affine map and one normal,
        where its steps are affine in the state and it cannot have met a bound on the way. ``"auto"``: composed where
        that is cheaper. The law is the same. Composed pulses draw other random numbers when `record_every` changes.

    Returns
    -------
    ZeroShiftResult
        Estimate and trace.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    Source: Kim et al., arXiv 1907.10228 (2019); bounds in `dsptrack.theory`.

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((8, 8), dt.devices.SoftBounds(dw_min=0.01, up_down=0.2), rng=0)
    >>> result = zero_shift(array, 1000)
    >>> bool(result.trace["rms_error"][-1] < 0.1)
    True
    """
    if not isinstance(array, CrossbarArray):
        raise ConfigError(f"array is a {type(array).__name__}: must be a CrossbarArray")
    found = array._core.zero_shift(
        _checks.whole("n_pulses", n_pulses, 0),
        _checks.choice("scheme", scheme, ("cyclic", "stochastic")),
        0 if record_every is None else _checks.whole("record_every", record_every, 1),
        _checks.choice("fidelity", fidelity, ("pulse", "composed", "auto")),
    )
    columns: dict[str, NDArray[Any]] = dict(found["trace"])  # type: ignore[arg-type]
    trace = np.empty(len(columns["pulses"]), dtype=[(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        trace[name] = values
    return ZeroShiftResult(found["estimate"], found["pulses"], trace)
