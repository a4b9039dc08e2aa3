"""The analog read: converters, noise and range management between digital vectors and the array."""

from dataclasses import dataclass
from typing import Literal, Self

from ._config import Config

__all__ = ["Periphery"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Periphery(Config):
    """One direction of reading: DAC, array, noise and ADC, vector by vector.

    A vector x of n_in numbers is read with the scale s = n rho (n from noise management, rho from bound management) as

        v = A_in(clip(round(x / s)) + inp_noise xi)                        DAC, range +-inp_bound
        u = W v, less the drop along the wires, with offsets and weight noise
        y = s out_scale clip(round(A_out(bend(u)) + sigma_i xi))           ADC, range +-out_bound

    where every xi is a fresh standard normal, round goes to the converter's codes, and A shrinks negative numbers to
    (1 - a) v. W is in weight units, v in the unit of inp_bound, u in weight units times the latter.

    Parameters
    ----------
    is_perfect
        The plain product times out_scale; everything else is ignored.
    mv_type
        How often v passes through the array. ``"one_pass"``: once. ``"pos_neg_separate"``: max(v, 0) and min(v, 0)
        apart, added before the output stage; ``"pos_neg_separate_digital_sum"``: the same, each through the output
        stage with its own noise and added behind the ADC; either counts as two reads. ``"ideal"``: as is_perfect.
    inp_bound
        Range of the DAC, >= 0; 0 is unbounded. 1 under noise management, which scales to [-1, 1].
    inp_res
        Step of the DAC as a fraction of its full range 2 inp_bound, in [0, 1], or if above 1 the number of steps; 0 is
        off. The step is 2 inp_bound inp_res. Rounds first, then clips.
    inp_sto_round
        Rounds v / step + U - 1/2 for a uniform U in (0, 1) in place of v / step: unbiased.
    inp_noise
        Standard deviation of the noise on each input line behind the DAC, >= 0, in units of v; not clipped again.
    inp_asymmetry
        a_in: share that negative inputs lose, in [-1, 1].
    out_bound
        Range of the ADC, >= 0; 0 is unbounded.
    out_res
        Step of the ADC, as inp_res with out_bound.
    out_sto_round
        Stochastic rounding at the ADC, as inp_sto_round.
    out_noise
        sigma: standard deviation of the noise at each output before the ADC, >= 0, in units of u.
    out_noise_std
        Spread of sigma from output to output, >= 0, as a fraction: sigma_i = sigma |1 + out_noise_std z_i|.
    out_asymmetry
        a_out: share that negative outputs lose before the noise, in [-1, 1].
    out_nonlinearity
        Curvature of the S-shaped output stage, >= 0, in units of 1 / out_bound:
        bend(u) = f u / (1 + n_i |u|) with n_i = out_nonlinearity / out_bound |1 + out_nonlinearity_std z_i|.
    out_nonlinearity_std
        Spread of the curvature from output to output, >= 0, as a fraction.
    slope_calibration
        c: fraction of the ADC's range where the mean slope of the output stage and of r_series is brought to one, in
        [0, 1]; 0 is off. f = (1 + c out_bound (mean n_i + r_series))^2.
    out_scale
        Final digital factor, without unit.
    bound_management
        What happens when an output exceeds the ADC's range. ``"none"``: it is clipped. ``"iterative"``: the vector is
        read again with rho = 2, 4, 8, ... and fresh noise. ``"iterative_worst_case"``: the first repetition takes n
        from ``"abs_max_np_sum"`` with rho = 1, the following ones rho = 2, 4, ... Off for backward reads and transfers.
    noise_management
        n, per vector. ``"none"``: 1. ``"abs_max"``: a = max |x_j|. ``"max"``: max x_j. ``"constant"``: nm_thres, or 1
        if that is 0. ``"abs_max_np_sum"``: max(a, min(p, a max_bm_res / DAC step)) with
        p = max(sum of positive x_j, -sum of negative x_j) nm_assumed_wmax / out_bound. ``"average_abs_max"``: the
        moving average m <- (1 - nm_decay) m + nm_decay a, vector after vector, which starts with the first a > 0. A
        vector with n <= 2^-128 is not read: its output is exactly 0 (with inp_noise, a forward read takes n = 1). Off
        for transfers.
    nm_thres
        Largest n of ``"abs_max"`` and ``"max"`` and largest a of ``"abs_max_np_sum"``, in units of x: 0, no limit, or
        at least 2^-126. What lies above clips at the DAC. The value of n under ``"constant"``.
    nm_assumed_wmax
        Weight that ``"abs_max_np_sum"`` assumes for every cell, > 0, in weight units.
    nm_decay
        Share of the newest vector in the average of ``"average_abs_max"``, in [0, 1].
    max_bm_factor, max_bm_res
        Bound management stops when rho exceeds max_bm_factor, or max_bm_res divided by the DAC's step; > 0.
    w_noise
        sigma_w: noise of the weights during a read, referred to the outputs, >= 0.
    w_noise_type
        ``"none"``; ``"additive_constant"``: u_i += sigma_w ||v|| xi, as if every weight had a fresh normal of standard
        deviation sigma_w, in weight units; ``"pcm_read"``: u_i += sigma_w sqrt(sum_j |W_ij| v_j^2) xi, as if that of a
        weight were sigma_w sqrt(|W_ij|).
    w_read_asymmetry_dtod
        Spread of the weights that negative inputs meet in a pass of their own, >= 0, as a fraction:
        W_ij (1 + w_read_asymmetry_dtod z_ij). Costs a draw for every cell in every read.
    ir_drop
        Scale of the voltage drop along the input wires, >= 0; 1 is the physical one, 0 is off:
        u_i -= ir_drop k_i sum_j W_ij v_j (1 - (1 - j / n_in)^2) with k_i = (0.05 a_i^3 - 0.2 a_i^2 + 0.5 a_i) and
        a_i = n_in / ir_drop_g_ratio sum_j |W_ij v_j|. Costs two further products.
    ir_drop_g_ratio
        Conductance of the wire between two cells over a cell's largest conductance, > 0, without unit. The default is a
        wire of 0.35 ohm and a cell of 5 uS.
    v_offset_std
        Spread of the voltage offset of the outputs, >= 0, without unit: o_i = max(v_offset_std z_i, 0).
    v_offset_w_min
        w_min, the weight of a reference that shares the offset and the resistance of its output, <= 0, in weight units.
        With q = -w_min sum_j v_j and R(u) = u / (1 + r_series |u|): u <- (1 - o_i) R(u + q) - (1 + o_i) R(q).
    r_series
        Series resistance of an output, >= 0, in units of 1 / u.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or is out of range, or if two contradict each other: inp_bound other than 1
        under noise management; nm_thres where no kind reads it; ``"iterative_worst_case"`` without noise management; an
        unbounded ADC where out_bound is a unit; w_noise without a type; w_read_asymmetry_dtod in one pass.

    Notes
    -----
    Every z is a standard normal that belongs to the array, one for each direction and output line (z_ij: for each cell,
    the same in both directions). The vectors of a batch are read as if alone, each with its own n, rho and noise;
    without noise the output of a vector does not depend on its batch. The exception is ``"average_abs_max"``, where
    the order of the vectors counts; the average belongs to the array, one for each direction.

    Source: aihwkit's ``IOParameters``, the same names (``nm_assumed_wmax`` and ``nm_decay`` are fixed there); the
    defaults are those of the paper's Table 6. Unlike there, an output that merely reaches the ADC's top code does not
    count as exceeding it. Not supported, as in the peer's CPU code: bound management ``SHIFT``, mv_types
    ``SPLIT_MODE`` and ``BIT_WISE``.

    Examples
    --------
    >>> Periphery(out_noise=0).inp_bound
    1.0
    >>> Periphery(w_noise=0.01, w_noise_type="pcm_read").w_noise
    0.01
    """

    is_perfect: bool = False
    mv_type: Literal["ideal", "one_pass", "pos_neg_separate", "pos_neg_separate_digital_sum"] = "one_pass"
    inp_bound: float = 1.0
    inp_res: float = 1 / 126
    inp_sto_round: bool = False
    inp_noise: float = 0.0
    inp_asymmetry: float = 0.0
    out_bound: float = 12.0
    out_res: float = 1 / 510
    out_sto_round: bool = False
    out_noise: float = 0.06
    out_noise_std: float = 0.0
    out_asymmetry: float = 0.0
    out_nonlinearity: float = 0.0
    out_nonlinearity_std: float = 0.0
    slope_calibration: float = 0.0
    out_scale: float = 1.0
    bound_management: Literal["none", "iterative", "iterative_worst_case"] = "iterative"
    noise_management: Literal["none", "abs_max", "max", "constant", "abs_max_np_sum", "average_abs_max"] = "abs_max"
    nm_thres: float = 0.0
    nm_assumed_wmax: float = 0.6
    nm_decay: float = 1e-3
    max_bm_factor: float = 1000.0
    max_bm_res: float = 0.25
    w_noise: float = 0.0
    w_noise_type: Literal["none", "additive_constant", "pcm_read"] = "none"
    w_read_asymmetry_dtod: float = 0.0
    ir_drop: float = 0.0
    ir_drop_g_ratio: float = 1 / 0.35 / 5e-6
    v_offset_std: float = 0.0
    v_offset_w_min: float = -1.0
    r_series: float = 0.0

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
