"""What the rules with a fast array P and a slow array W share: the step of (11a), (11b), (18a), (18b)."""

import numpy as np
from numpy.typing import ArrayLike

from dsptrack import _checks
from dsptrack._rng import RngLike, unspent
from dsptrack.array import CrossbarArray
from dsptrack.devices import Device
from dsptrack.exceptions import ConfigError

from .optimizer import Floats, Mode, Optimizer, Shape

# Box-Muller draws of the core end here, in standard deviations.
_LARGEST_NORMAL = 6.67
# The core's limit on one increment, in dw_min, less what float32 may add.
_MOST_STEPS = 0.99e6


class Residual(Optimizer):
    """P gathers the gradient, W follows P - Q~; subclasses say what Q~ is.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(dt.optim.Rider(3, dt.devices.SoftBounds()), Residual)
    True
    """

    __slots__ = ("_alpha", "_beta", "_gamma")
    _DEVICES = ("device", "slow_device")

    @unspent
    def __init__(
        self,
        shape: Shape,
        device: Device,
        slow_device: Device | None = None,
        *,
        alpha: float = 0.1,
        beta: float = 0.05,
        gamma: float = 1.0,
        mode: Mode = "pulsed",
        rng: RngLike = None,
        num_threads: int | None = None,
    ) -> None:
        self._alpha = _checks.number("alpha", alpha, low=0.0)
        self._beta = _checks.number("beta", beta, low=0.0)
        self._gamma = _checks.number("gamma", gamma, low=-1e18, high=1e18)
        rates = {"alpha": self._alpha, "beta": self._beta, "gamma": self._gamma}
        super().__init__(shape, mode=mode, rng=rng, parameters=rates)
        if not isinstance(slow_device, Device | None):
            raise ConfigError(f"slow_device = {slow_device!r}: must be a Device or None")
        span = _span(self._array("P", device, num_threads))
        slow = self._array("W", device if slow_device is None else slow_device, num_threads)
        # Then no step can fail half way, with P moved and W not.
        if self._beta * span > _MOST_STEPS * slow.device.dw_min:
            limit = _MOST_STEPS * slow.device.dw_min / span
            raise ConfigError(f"beta = {beta!r}: must be at most {limit:g}, or one step may need over 1e6 pulses on W")

    def _reference(self) -> Floats | None:
        """Return the live Q~, (M, N); None stands for 0."""
        return None

    def _sign(self) -> int:
        """Return the chopper c."""
        return 1

    def _observe(self, p: Floats) -> None:
        """Take in P_k+1, after all that step k does with Q~_k and c_k."""

    def _programmed(self) -> int:
        """Return the cells of Q~ programmed so far."""
        return 0

    @property
    def weights(self) -> Floats:
        """A copy of the visible weights W̄ = W + gamma c (P - Q~), at which the gradient is wanted."""
        visible = self._arrays["W"].weights
        if self._gamma:
            visible += self._residual(self._arrays["P"].weights, self._gamma)
        return visible.reshape(self._shape)

    @property
    def sp_estimate(self) -> Floats:
        """A copy of Q~, what the rule takes for P's symmetric points."""
        reference = self._reference()
        estimate = np.zeros(self._size, dtype=np.float32) if reference is None else reference.copy()
        return estimate.reshape(self._shape)

    @property
    def ledger(self) -> dict[str, dict[str, int]]:
        """What every array has spent (see `CrossbarArray.ledger`), and ``reference``: cells of Q~ programmed.

        Readings of P and W are not counted: whole-array increments have no periphery.
        """
        return super().ledger | {"reference": {"programming_events": self._programmed()}}

    def set_weights(self, w: ArrayLike) -> None:
        """Write weights ideally: W := clip(w) to each cell's bounds, P := clip(Q~), so that the visible ones are w.

        Parameters
        ----------
        w
            Of the shape of `weights`, weight units.
        """
        self._arrays["W"].set_weights(self._matrix("w", w))
        reference = self._reference()
        self._arrays["P"].set_weights(np.zeros(self._size, dtype=np.float32) if reference is None else reference)

    def step(self, gradient: ArrayLike) -> None:
        """Take one step against the gradient of the objective at `weights`.

        Parameters
        ----------
        gradient
            Of the shape of `weights`; alpha times it at most 1e6 dw_min.

        Raises
        ------
        ConfigError, ShapeError, NonFiniteError
            If it is too large, has another shape or is not finite; the optimizer stays as it was.
        """
        fast, slow = self._arrays["P"], self._arrays["W"]
        delta = self._descend(fast, gradient, self._alpha * self._sign())
        p = fast.weights
        np.copyto(delta, p)
        slow.increment(self._residual(delta, self._beta), self._mode)
        self._observe(p)

    def _residual(self, p: Floats, rate: float) -> Floats:
        """Turn p into rate c (p - Q~), in place."""
        reference = self._reference()
        if reference is not None:
            p -= reference
        p *= rate * self._sign()
        return p


def _span(array: CrossbarArray) -> float:
    """Return a limit of |P - Q~|: both stay between the array's extreme weights and 0."""
    cells = array.cell_parameters()
    reference = cells.get("reference")
    low, high = (cells[name] if reference is None else cells[name] - reference for name in ("min_bound", "max_bound"))
    noise = getattr(array.device, "write_noise_std", 0.0) * array.device.dw_min * _LARGEST_NORMAL
    return max(0.0, float(high.max())) - min(0.0, float(low.min())) + 2 * noise
