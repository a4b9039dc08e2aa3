"""The analog read: converters, noise and range management between digital vectors and the array."""

from dataclasses import dataclass
from typing import Literal, Self

from ._config import Config

__all__ = ["Periphery"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Periphery(Config):
    """One direction of reading: DAC, product, noise and ADC, vector by vector.

        v = clip(round(x / (n rho))) + inp_noise xi        DAC, range +-inp_bound
        y = n rho out_scale clip(round(W v + out_noise xi))    ADC, range +-out_bound

    n = max|x| under noise management, else 1. rho = 1; under bound management the read is repeated with rho = 2, 4, ...
    until no output exceeds the ADC's range.

    Parameters
    ----------
    is_perfect
        The plain product times out_scale; everything else is ignored.
    inp_bound, out_bound
        Ranges of DAC and ADC, >= 0; 0 is unbounded. inp_bound must be 1 under noise management.
    inp_res, out_res
        Steps of the converters as fractions of their full range (twice the bound), or numbers of steps if above 1;
        0 is off.
    inp_sto_round, out_sto_round
        Round stochastically.
    inp_noise, out_noise
        Standard deviations of the noise after the DAC and before the ADC, >= 0.
    out_scale
        Final digital factor.
    bound_management
        ``"iterative"`` or ``"none"``; always off for backward reads and transfers.
    noise_management
        ``"abs_max"`` or ``"none"``; always off for transfers.
    max_bm_factor, max_bm_res
        Bound management stops when rho exceeds max_bm_factor, or max_bm_res divided by the DAC's step; > 0.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type, is out of range, or inp_bound is not 1 under noise management.

    Notes
    -----
    Source: aihwkit's ``IOParameters``, the same names; the defaults are those of the paper's Table 6. Unlike there, an
    output that merely reaches the ADC's top code does not count as exceeding it.

    Examples
    --------
    >>> Periphery(out_noise=0).inp_bound
    1.0
    """

    is_perfect: bool = False
    inp_bound: float = 1.0
    inp_res: float = 1 / 126
    inp_sto_round: bool = False
    inp_noise: float = 0.0
    out_bound: float = 12.0
    out_res: float = 1 / 510
    out_sto_round: bool = False
    out_noise: float = 0.06
    out_scale: float = 1.0
    bound_management: Literal["iterative", "none"] = "iterative"
    noise_management: Literal["abs_max", "none"] = "abs_max"
    max_bm_factor: float = 1000.0
    max_bm_res: float = 0.25

    @classmethod
    def ideal(cls) -> Self:
        """Return the exact product.

        Examples
        --------
        >>> Periphery.ideal().is_perfect
        True
        """
        return cls(is_perfect=True)

    @classmethod
    def transfer_default(cls) -> Self:
        """Return the read of one column for a transfer: the defaults without noise and bound management.

        Examples
        --------
        >>> Periphery.transfer_default().noise_management
        'none'
        """
        return cls(bound_management="none", noise_management="none")
