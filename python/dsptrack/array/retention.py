"""What happens to cells without pulses: decay, diffusion, reset, drift, clipping. Nothing of it happens by itself."""

from dsptrack import _checks

from .handle import Handle


class Retention(Handle):
    """The part of an array that ages; `devices.Device` has the equations.

    After each call the state is clipped to the cell's bounds, and write noise is drawn anew for every cell.
    """

    __slots__ = ()

    def decay(self, alpha: float = 1.0) -> None:
        """Let all weights decay towards their reset bias B: w <- B + (w - B) (1 - alpha/T).

        Without `lifetime` in the device nothing happens.

        Parameters
        ----------
        alpha
            Calls that this one stands for, 0 to 1.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 1), dt.devices.SoftBounds(lifetime=10), rng=0)
        >>> array.set_weights([[0.25]])
        >>> array.decay()
        >>> round(float(array.weights[0, 0]), 6)
        0.225
        """
        self._core.decay(_checks.number("alpha", alpha, low=0.0, high=1.0))

    def diffuse(self) -> None:
        """Let all weights diffuse: w <- w + D xi. Without `diffusion` in the device nothing happens.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((100, 100), dt.devices.SoftBounds(diffusion=0.01), rng=0)
        >>> array.diffuse()
        >>> round(float(array.weights.std()), 3)
        0.01
        """
        self._core.diffuse()

    def reset(self, start: int = 0, count: int | None = None, probability: float = 1.0) -> None:
        """Reset columns: each cell in them gets w <- B + reset_std xi with the given probability.

        Parameters
        ----------
        start
            First column, 0 to N - 1.
        count
            Columns, 0 to N, going on at column 0 after the last; None means all.
        probability
            That a cell in these columns is reset, 0 to 1, independently.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 3), dt.devices.SoftBounds(reset=0.125, reset_std=0), rng=0)
        >>> array.reset(start=2, count=2)
        >>> array.weights
        array([[0.125, 0.   , 0.125]], dtype=float32)
        """
        columns = self.shape[1]
        self._core.reset(
            _checks.whole("start", start, 0, columns - 1),
            -1 if count is None else _checks.whole("count", count, 0, columns),
            _checks.number("probability", probability, low=0.0, high=1.0),
        )

    def drift(self, dt: float) -> None:
        """Let time pass: w <- w_0 max((t - t_0)/drift_t0, 1)^-nu.

        A cell drifts from w_0, its weight at t_0: the first call, or the last one before it changed by other means.
        Without `drift_nu` in the device nothing happens.

        Parameters
        ----------
        dt
            Time since the last call, >= 0, in the unit of `drift_t0`.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 1), dt.devices.SoftBounds(drift_nu=0.1), rng=0)
        >>> array.set_weights([[0.25]])
        >>> array.drift(2.0)
        >>> round(float(array.weights[0, 0]) / 0.25, 4)    # 2^-0.1
        0.933
        """
        self._core.drift(_checks.number("dt", dt, low=0.0))

    def clip(self, bound: float) -> None:
        """Clip all weights to [-bound, bound] and to their cells' bounds.

        Parameters
        ----------
        bound
            Weight units, >= 0.

        Examples
        --------
        >>> import dsptrack as dt
        >>> array = dt.CrossbarArray((1, 2), dt.devices.SoftBounds(), rng=0)
        >>> array.set_weights([[0.25, -0.0625]])
        >>> array.clip(0.125)
        >>> array.weights
        array([[ 0.125 , -0.0625]], dtype=float32)
        """
        self._core.clip(_checks.number("bound", bound, low=0.0))
