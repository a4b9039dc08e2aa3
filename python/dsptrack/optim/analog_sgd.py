"""Analog SGD: the gradient moves the weights themselves."""

from numpy.typing import ArrayLike

from dsptrack import _checks
from dsptrack._rng import RngLike, unspent
from dsptrack.devices import Device

from .optimizer import Floats, Mode, Optimizer, Shape


class AnalogSGD(Optimizer):
    """W <- W - alpha grad f(W) F(W) - alpha |grad f(W)| G(W) + b, the Analog Update (2).

    The baseline that an asymmetric device defeats: with noisy gradients it minimises f(W) + rho |W - W◇|^2 (4), see
    `dsptrack.theory.analog_sgd_penalty`.

    Parameters
    ----------
    shape
        (M, N), or n or (n,) for a vector.
    device
        Device of W.
    alpha
        Rate, >= 0.
    mode
        ``"pulsed"`` or ``"mean_field"``, see `Optimizer`.
    rng
        Seed: None, int >= 0, SeedSequence or Generator.
    num_threads
        Threads that calls may use, 1 to 1024; None means ``DSPTRACK_NUM_THREADS``, else all cores.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    Minimise |w - 0.3|^2 / 2 on cells whose symmetric point is -0.2, with noisy gradients:

    >>> import numpy as np, dsptrack as dt
    >>> device = dt.devices.SoftBoundsReference(subtract_symmetry_point=True, reference_mean=0.2, dw_min=0.001)
    >>> o = dt.optim.AnalogSGD((20, 20), device, alpha=0.02, rng=0)
    >>> noise = np.random.default_rng(0)
    >>> for _ in range(1000):
    ...     o.step(o.weights - 0.3 + noise.standard_normal(o.shape))
    >>> bool(abs(o.weights.mean() - 0.3) > 0.2)
    True
    """

    __slots__ = ()

    @unspent
    def __init__(
        self,
        shape: Shape,
        device: Device,
        *,
        alpha: float = 0.1,
        mode: Mode = "pulsed",
        rng: RngLike = None,
        num_threads: int | None = None,
    ) -> None:
        super().__init__(shape, mode=mode, rng=rng, parameters={"alpha": _checks.number("alpha", alpha, low=0.0)})
        self._array("W", device, num_threads)

    @property
    def weights(self) -> Floats:
        """A copy of W."""
        return self._arrays["W"].weights.reshape(self._shape)

    def set_weights(self, w: ArrayLike) -> None:
        """Write W ideally, clipped to each cell's bounds.

        Examples
        --------
        >>> import dsptrack as dt
        >>> o = AnalogSGD(2, dt.devices.SoftBounds(), rng=0)
        >>> o.set_weights([0.125, -0.125])
        >>> o.weights
        array([ 0.125, -0.125], dtype=float32)
        """
        self._arrays["W"].set_weights(self._matrix("w", w))

    def step(self, gradient: ArrayLike) -> None:
        """Take one step against the gradient of the objective at `weights`.

        Parameters
        ----------
        gradient
            Of the shape of `weights`; alpha times it at most 1e6 dw_min.

        Examples
        --------
        >>> import dsptrack as dt
        >>> o = AnalogSGD(2, dt.devices.ConstantStep(dw_min=0.01).nominal(), alpha=0.5, mode="mean_field")
        >>> o.step([-0.5, 0.5])
        >>> o.weights
        array([ 0.25, -0.25], dtype=float32)
        """
        self._descend(self._arrays["W"], gradient, float(self._parameters["alpha"]))
