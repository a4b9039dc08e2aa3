"""The pulsed update: how a wanted rank-one change becomes trains of pulses on the lines of an array."""

from dataclasses import dataclass
from typing import Literal

from ._config import Config

__all__ = ["PulseUpdate"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PulseUpdate(Config):
    """Pulse trains for W <- W - lr d^T x; a cell gets one pulse for every slot in which both of its lines fire.

    For one vector pair with X = max|x|, D = max|d|, granularity g of the device, k = lr X D / g (pulses wanted at the
    largest cell) and kappa = min(k, desired_bl), a slot fires with probability

        input line j:  |x_j|/X sqrt(kappa/BL)
        error line i:  |d_i|/D sqrt(kappa/BL) max(1, k/desired_bl)

    under both managements, with BL = min(ceil(k), desired_bl) slots. Far from saturation E[pulses] = lr |x_j d_i| / g.

    Parameters
    ----------
    desired_bl
        Train length, or its maximum under BL management; 1 to 4096.
    fixed_bl
        Without BL management: keep the length and scale the probabilities; otherwise, where lr / g exceeds it, send
        ceil(lr / g) slots, at most 4096, and fire by |x_j| and |d_i| themselves (times sqrt(X/D') and its inverse under
        update management, D' = um_grad_scale D min(1, desired_bl/k)).
    update_management
        Balance input and error lines by X and D.
    update_bl_management
        Adapt BL to every vector pair; implies update management.
    um_grad_scale
        Factor on D inside update management, > 0.
    pulse_type
        ``"stochastic"``: Bernoulli trains on both sides. ``"deterministic_implicit"``: rint(BL p q) pulses.
        ``"mean_count"``: n = rint(BL p) pulses on every line, rint(n_d n_x / BL) coincidences.
    res
        Step of the line probabilities, a fraction of 1; 0 is off.
    sto_round
        Round to that step stochastically.
    x_res_implicit, d_res_implicit
        Steps of the input and of the error side for ``"deterministic_implicit"``, fractions of 1; 0 is off.
    fidelity
        ``"pulse"``: every pulse by itself, with its own cycle noise. ``"composed"``: runs of pulses as one affine map
        and one normal, where the device's steps are affine in the state (ConstantStep, LinearStep, SoftBounds,
        SoftBoundsReference), pulses are stochastic and the cell cannot have met a bound on the way; single pulses
        elsewhere. ``"auto"``: composed where pulses are noisy and that is cheaper, a matter of expected counts and
        never of the machine. The law is the same, the random numbers are not; counts and ledger are exact in both.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or is out of range.

    Notes
    -----
    Source: Gokmen and Vlasov, Front. Neurosci. 10, 333 (2016); aihwkit's ``UpdateParameters``, the same names
    (pulse types there: StochasticCompressed, DeterministicImplicit, MeanCount).

    Examples
    --------
    >>> PulseUpdate(desired_bl=5).update_bl_management
    True
    """

    desired_bl: int = 31
    fixed_bl: bool = True
    update_management: bool = True
    update_bl_management: bool = True
    um_grad_scale: float = 1.0
    pulse_type: Literal["stochastic", "deterministic_implicit", "mean_count"] = "stochastic"
    res: float = 0.0
    sto_round: bool = False
    x_res_implicit: float = 0.0
    d_res_implicit: float = 0.0
    fidelity: Literal["pulse", "composed", "auto"] = "auto"
