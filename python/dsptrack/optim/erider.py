"""E-RIDER: RIDER with a chopper, and a reference that is rewritten at its turns only."""

from dsptrack._rng import RngLike, unspent
from dsptrack.devices import Device
from dsptrack.tracking import Tracker

from .optimizer import Mode, Shape
from .tracked import Tracked


class ERider(Tracked):
    """(18a), (18b): the chopper moves the gradient part of P to high frequencies, which the average Q keeps out.

    Where the chopper turns, Q~ takes over Q: one programming event a cell.

    Parameters
    ----------
    shape
        (M, N), or n or (n,) for a vector.
    device, slow_device
        Devices of P and of W; None means that of P.
    alpha, beta
        Rates of P and of W, >= 0.
    eta
        Rate of the average, 0 to 1.
    gamma
        Share of P - Q~ in the visible weight.
    chop_probability
        p, 0 to 1; with 0 the chopper never turns and Q~ stays where it is.
    chop_random
        True: turn with probability p after every step (17). False: after every ceil(1/p)-th.
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

    Notes
    -----
    Algorithm 3: one chopper for the whole array. Step k works with c_k and Q~_k; then Q takes P_k+1 in, c_k+1 is drawn,
    and if it has turned Q~_k+1 = Q_k+1.

    Examples
    --------
    Minimise |w - 0.25|^2 / 2 with noisy gradients, where P's symmetric points lie at -0.2:

    >>> import numpy as np, dsptrack as dt
    >>> fast = dt.devices.SoftBoundsReference(subtract_symmetry_point=True, reference_mean=0.2, dw_min=0.001)
    >>> slow = dt.devices.ConstantStep(dw_min=0.001).nominal()
    >>> o = dt.optim.ERider((20, 20), fast, slow, alpha=0.05, beta=0.02, chop_probability=0.1, rng=0)
    >>> noise = np.random.default_rng(0)
    >>> for _ in range(1500):
    ...     o.step(o.weights - 0.25 + 0.5 * noise.standard_normal(o.shape))
    >>> round(float(o.weights.mean()), 1), round(float(o.sp_estimate.mean()), 1), o.sp_error() < 0.05
    (0.2, -0.2, True)
    >>> o.ledger["reference"]["programming_events"] // 400  # in 1,500 steps
    148
    """

    __slots__ = ()

    @unspent
    def __init__(
        self,
        shape: Shape,
        device: Device,
        slow_device: Device | None = None,
        *,
        alpha: float = 0.1,
        beta: float = 0.05,
        eta: float = 0.01,
        gamma: float = 1.0,
        chop_probability: float = 0.1,
        chop_random: bool = True,
        mode: Mode = "pulsed",
        rng: RngLike = None,
        num_threads: int | None = None,
    ) -> None:
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
        self._tracker = Tracker(
            self._size, eta=eta, chop_probability=chop_probability, chop_random=chop_random, rng=self._seeds[2]
        )
        self._note(eta=float(eta), chop_probability=float(chop_probability), chop_random=bool(chop_random))

    @property
    def chopper(self) -> int:
        """The chopper c, +1 or -1."""
        return self._sign()

    def _sign(self) -> int:
        return int(self._tracker._choppers._signs[0])
