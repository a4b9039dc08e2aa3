"""What all models share: bounds, step scales, noise, stuck cells, and what happens without pulses."""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

from dsptrack._config import Config


@dataclass(frozen=True, kw_only=True, slots=True)
class Device(Config):
    """What all device models share; make one of its subclasses.

    Each cell draws, with standard normals xi,

        b+ = w_max (1 + w_max_dtod xi),  b- = w_min (1 + w_min_dtod xi)
        G  = 1 + dw_min_dtod xi          or exp(dw_min_dtod xi) if dw_min_dtod_log_normal (median 1, mean above 1)
        s+ = dw_min (G + min(up_down, 0) + rho),  s- = dw_min (G - max(up_down, 0) - rho),  rho = up_down_dtod xi
        T  = lifetime (1 + lifetime_dtod xi),     D  = abs(diffusion (1 + diffusion_dtod xi))
        B  = reset + reset_dtod xi,               nu = drift_nu (1 + drift_nu_dtod xi)

    After every pulse the state is clipped to [b-, b+]. Without pulses, when the array's methods say so,

        decay(alpha):  w <- B + (w - B) (1 - alpha/T)        with 1/T = 1 where T <= 1
        diffuse():     w <- w + D xi
        reset():       w <- B + reset_std xi
        drift(dt):     w <- w_0 max((t - t_0)/drift_t0, 1)^(-nu (1 + drift_nu_std xi)) + drift_w_noise_std xi

    where w_0 is the weight that drifts since t_0, the last call of drift before it changed otherwise (0 is the first);
    then the state is clipped again.

    Parameters
    ----------
    w_max, w_min
        Means of b+ and b-, weight units, w_min <= 0 <= w_max. Measured: weight after so many up (down) pulses that it
        no longer moves, mean over cells.
    w_max_dtod, w_min_dtod
        Spread of b+ and b- between cells, relative, >= 0. Measured: standard deviation over cells, divided by the mean.
    dw_min
        Response granularity, the mean of s+ and s-, weight units, > 0. Measured: mean change of w by one pulse at
        v = 0, over up and down pulses and cells.
    dw_min_dtod
        Spread of G between cells, relative, >= 0. Measured: standard deviation over cells of each cell's mean step at
        v = 0, divided by dw_min; of its logarithm for log-normal steps.
    dw_min_dtod_log_normal
        Draw G log-normally instead of normally. Measured: which of the two fits the histogram of mean steps.
    dw_min_std
        Cycle noise: standard deviation of one pulse relative to its size, >= 0. Measured: scatter of single steps of
        one cell about its smooth response.
    up_down
        Systematic difference of up and down steps, relative to dw_min, any number; > 0 shrinks the down step only, < 0
        the up step only. Measured: mean of (up step - down step)/dw_min at v = 0.
    up_down_dtod
        Spread of rho between cells, relative to dw_min, >= 0. Measured: half the standard deviation of that difference.
    enforce_consistency
        Make step scales positive and bounds enclose 0; otherwise crossed bounds meet in their middle.
    corrupt_devices_prob
        Probability that a cell is stuck (bounds equal, steps 0), 0 to 1. Measured: share of cells that no pulse moves.
    corrupt_devices_range
        Stuck cells hold a uniform value within this distance of 0 and within their own bounds, weight units, >= 0.
    lifetime
        Mean of T, in calls of decay (the peer: mini-batches), >= 0; 0 is off. Measured: time in which w - B falls to
        1/e without pulses, in units of the time between two calls.
    lifetime_dtod
        Spread of T between cells, relative, >= 0. Measured: standard deviation over cells, divided by the mean.
    diffusion
        Mean of D, weight units per call of diffuse, >= 0; 0 is off. Measured: standard deviation of the change of w
        without pulses between two calls.
    diffusion_dtod
        Spread of D between cells, relative, >= 0.
    reset
        Mean of B, weight units, any number. Measured: mean weight right after a reset.
    reset_dtod
        Spread of B between cells, weight units, >= 0. Measured: standard deviation over cells of each cell's mean.
    reset_std
        Spread from reset to reset, weight units, >= 0. Measured: standard deviation of one cell over resets.
    drift_nu
        Mean of nu, >= 0; 0 is off. Measured: minus the slope of log w against log time since the last write.
    drift_nu_dtod
        Spread of nu between cells, relative, >= 0.
    drift_nu_std
        Spread of nu from call to call, relative, >= 0.
    drift_t0
        Time after a write before which nothing drifts, in the unit of dt, > 0. Measured: time of the first read.
    drift_w_noise_std
        Noise of every drifted weight, weight units, >= 0. Measured: scatter about the power law.
    drift_reset_tol
        A weight that changed by more than this since the last call starts anew, weight units, >= 0.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or is out of range.

    Notes
    -----
    Source: aihwkit's ``PulsedDevice``, the same names; drift there is a group of parameters of its own.

    Examples
    --------
    >>> import dsptrack as dt
    >>> isinstance(dt.devices.SoftBounds(), Device)
    True
    """

    w_max: float = 0.6
    w_min: float = -0.6
    w_max_dtod: float = 0.3
    w_min_dtod: float = 0.3
    dw_min: float = 0.001
    dw_min_dtod: float = 0.3
    dw_min_dtod_log_normal: bool = False
    dw_min_std: float = 0.3
    up_down: float = 0.0
    up_down_dtod: float = 0.01
    enforce_consistency: bool = True
    corrupt_devices_prob: float = 0.0
    corrupt_devices_range: float = 0.1
    lifetime: float = 0.0
    lifetime_dtod: float = 0.0
    diffusion: float = 0.0
    diffusion_dtod: float = 0.0
    reset: float = 0.0
    reset_dtod: float = 0.0
    reset_std: float = 0.01
    drift_nu: float = 0.0
    drift_nu_dtod: float = 0.0
    drift_nu_std: float = 0.0
    drift_t0: float = 1.0
    drift_w_noise_std: float = 0.0
    drift_reset_tol: float = 1e-7

    @property
    def granularity(self) -> float:
        """Nominal size g of a pulse, weight units, that trains and thresholds count in; `dw_min` for most models."""
        return self._compiled.granularity()

    def nominal(self) -> Self:
        """Return this device without spread between cells: all cells equal, none stuck.

        Examples
        --------
        >>> import dsptrack as dt
        >>> dt.presets.reram_sb().nominal().w_max_dtod
        0.0
        """
        spreads = {"reference_std", "corrupt_devices_prob"}
        names = [f.name for f in fields(self) if f.name.endswith("_dtod") or f.name in spreads]
        none: dict[str, Any] = dict.fromkeys(names, 0.0)
        return replace(self, **none)

    def without_noise(self) -> Self:
        """Return this device without cycle noise and write noise: every pulse is its mean.

        Examples
        --------
        >>> import dsptrack as dt
        >>> dt.presets.reram_sb().without_noise().write_noise_std
        0.0
        """
        quiet: dict[str, Any] = {"dw_min_std": 0.0}
        if hasattr(self, "write_noise_std"):
            quiet["write_noise_std"] = 0.0
        return replace(self, **quiet)
