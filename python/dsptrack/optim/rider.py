"""RIDER: the reference is the moving average of P, at every step."""

from dsptrack._rng import RngLike, unspent
from dsptrack.devices import Device
from dsptrack.tracking import Tracker

from .optimizer import Mode, Shape
from .tracked import Tracked


class Rider(Tracked):
    """(11a), (11b) with the moving average Q of P (12), which tracks P's symmetric point while training.

    Parameters
    ----------
    shape
        (M, N), or n or (n,) for a vector.
    device, slow_device
        Devices of P and of W; None means that of P.
    alpha, beta
        Rates of P and of W, >= 0.
    eta
        Rate of the average, 0 to 1; `dsptrack.theory.rider_step_sizes` gives the rates that Theorem 3.7 is proved for.
    gamma
        Share of P - Q in the visible weight.
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
    Algorithm 2. Each step adds beta (P - Q) to W and eta (P - Q) to Q. So where the cells of W are ideal, W and Q are
    locked: W - W_0 = (beta/eta) (Q - Q_0), and both reach their goals only from starts on one line; see
    `dsptrack.theory.rider_lock_bound`, `rider_balance` and docs/theory.md. `ERider` has no such lock. Q is rewritten at
    every step, which the ledger counts as one programming event a cell: what E-RIDER saves.

    Examples
    --------
    >>> import dsptrack as dt
    >>> ideal = dt.devices.ConstantStep(dw_min=0.001).nominal()
    >>> o = dt.optim.Rider(1, dt.devices.SoftBounds(), ideal, beta=0.1, eta=0.05, mode="mean_field", rng=0)
    >>> for _ in range(200):
    ...     o.step(o.weights - 0.25)
    >>> locked = 0.1 / 0.05 * o.average  # W - W_0 = (beta/eta) (Q - Q_0)
    >>> bool(abs(o.arrays["W"].weights[0] - locked).max() < 1e-5)
    True
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
        self._tracker = Tracker(self._size, eta=eta, program="always", rng=self._seeds[2])
        self._note(eta=float(eta))
