"""The two-stage method: zero-shifting first, then Residual Learning with its estimate."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np

from dsptrack import _checks
from dsptrack._rng import RngLike, unspent
from dsptrack._state import Entries, State
from dsptrack.calibration import zero_shift
from dsptrack.devices import Device

from .optimizer import Floats, Mode, Shape
from .residual import Residual


class TwoStageResidual(Residual):
    """Zero-shifting (Algorithm 1) with a pulse budget, then (11a), (11b) with Q fixed to its estimate.

    The calibration happens when the object is made: n_pulses on every cell of P, which ends at the estimate, and one
    programming event a cell for Q. With few pulses Q is wrong, and stays so.

    Parameters
    ----------
    shape
        (M, N), or n or (n,) for a vector.
    device, slow_device
        Devices of P and of W; None means that of P.
    n_pulses
        Pulses for every cell, >= 0; `dsptrack.theory.zero_shift_error_pulses` says how many an accuracy needs.
    scheme
        ``"stochastic"`` or ``"cyclic"``, as for `dsptrack.zero_shift`; pulses are real ones in both modes.
    alpha, beta
        Rates of P and of W, >= 0.
    gamma
        Share of P - Q in the visible weight.
    mode
        ``"pulsed"`` or ``"mean_field"``, see `Optimizer`; of the second stage.
    rng
        Seed: None, int >= 0, SeedSequence or Generator.
    num_threads
        Threads that calls may use, 1 to 1024; None means ``DSPTRACK_NUM_THREADS``, else all cores.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    Algorithms 1 and 4.

    Examples
    --------
    >>> import dsptrack as dt
    >>> device = dt.devices.SoftBounds(dw_min=0.001, up_down=0.3)
    >>> few, many = (dt.optim.TwoStageResidual((16, 16), device, n_pulses=n, rng=0) for n in (200, 2000))
    >>> few.sp_error() > 2 * many.sp_error()
    True
    >>> many.ledger["P"]["pulses_up"] + many.ledger["P"]["pulses_down"] == 2000 * 16 * 16
    True
    """

    __slots__ = ("_estimate",)

    @unspent
    def __init__(
        self,
        shape: Shape,
        device: Device,
        slow_device: Device | None = None,
        *,
        n_pulses: int = 1000,
        scheme: Literal["cyclic", "stochastic"] = "cyclic",
        alpha: float = 0.1,
        beta: float = 0.05,
        gamma: float = 1.0,
        mode: Mode = "pulsed",
        rng: RngLike = None,
        num_threads: int | None = None,
    ) -> None:
        n_pulses = _checks.whole("n_pulses", n_pulses, 0)
        scheme = _checks.choice("scheme", scheme, ("cyclic", "stochastic"))  # type: ignore[assignment]
        super().__init__(
            shape,
            device,
            slow_device,
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            mode=mode,
            rng=rng,
            num_threads=num_threads,
        )
        self._note(n_pulses=n_pulses, scheme=scheme)
        self._estimate = zero_shift(self._arrays["P"], n_pulses, scheme).estimate

    @classmethod
    def _blank(cls, shape: Shape, devices: Sequence[Device], fields: dict[str, Any]) -> Self:
        # Without the calibration, whose end the state holds
        n_pulses = _checks.whole("n_pulses", fields.get("n_pulses"), 0)
        o = super()._blank(shape, devices, fields | {"n_pulses": 0})
        o._note(n_pulses=n_pulses)
        return o

    def _reference(self) -> Floats:
        return self._estimate

    def _programmed(self) -> int:
        return self._estimate.size

    def _snapshot(self) -> State:
        return {"estimate": self._estimate.copy()}

    def _restored(self, entries: Entries) -> dict[str, Any]:
        return {"_estimate": entries.plane("estimate", np.float32, self._size)}
