"""Residual Learning: P's symmetric point is taken for zero."""

from .residual import Residual


class ResidualLearning(Residual):
    """P gathers the residual, W follows P: (11a), (11b) with Q = 0.

    The baseline that a symmetric point other than zero defeats: W stands still where P = 0, but P is dragged elsewhere.

    Parameters
    ----------
    shape
        (M, N), or n or (n,) for a vector.
    device, slow_device
        Devices of P and of W; None means that of P.
    alpha, beta
        Rates of P and of W, >= 0.
    gamma
        Share of P in the visible weight.
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
    Algorithm 4 with Q_k = 0.

    Examples
    --------
    >>> import dsptrack as dt
    >>> ideal = dt.devices.ConstantStep(dw_min=0.001).nominal()
    >>> o = dt.optim.ResidualLearning(1, ideal, alpha=0.1, beta=0.1, gamma=1.0, mode="mean_field")
    >>> for _ in range(400):
    ...     o.step(o.weights - 0.25)
    >>> o.weights.round(4)
    array([0.25], dtype=float32)
    """

    __slots__ = ()
