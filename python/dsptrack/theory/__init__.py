"""What the paper proves, as functions: zero-shifting, the moving average, step sizes, analog SGD, costs of training.

Symbols, for the responses of all cells at all weights that they visit:

    0 < q_min <= q+-(w) <= q_max,  kappa_2 = q_max/q_min     q-' >= mu_q, q+' <= -mu_q  (monotone responses)
    G = (q- - q+)/2 with Lipschitz constant L_q              phi(w) = integral of G from the symmetric point w◇ to w

`population_constants` computes them for an array. Cells move independently, so every bound of zero-shifting is stated
for one cell and holds for means over the cells of an array; for norms summed over D cells, as the paper writes them,
multiply q_max^2 by D. Source: Xiao et al., arXiv 2602.21321; the numbers of theorems and equations are its.
"""

from .analog_sgd import analog_sgd_drift, analog_sgd_penalty, expected_magnitude, regularised_optimum
from .constants import PopulationConstants, asymmetry_potential, asymmetry_slope, population_constants
from .moments import zero_shift_moments
from .tracking import StepSizes, filter_response, gradient_floor, rider_step_sizes, tracking_cosine, tracking_rate_limit
from .training import (
    PulseComplexity,
    convergence_metric,
    pulse_complexity,
    rider_balance,
    rider_error_order,
    rider_lock_bound,
)
from .zero_shifting import (
    zero_shift_asymmetry_bound,
    zero_shift_asymmetry_pulses,
    zero_shift_error_bound,
    zero_shift_error_pulses,
    zero_shift_mean_error,
)

__all__ = [
    "PopulationConstants",
    "PulseComplexity",
    "StepSizes",
    "analog_sgd_drift",
    "analog_sgd_penalty",
    "asymmetry_potential",
    "asymmetry_slope",
    "convergence_metric",
    "expected_magnitude",
    "filter_response",
    "gradient_floor",
    "population_constants",
    "pulse_complexity",
    "regularised_optimum",
    "rider_balance",
    "rider_error_order",
    "rider_lock_bound",
    "rider_step_sizes",
    "tracking_cosine",
    "tracking_rate_limit",
    "zero_shift_asymmetry_bound",
    "zero_shift_asymmetry_pulses",
    "zero_shift_error_bound",
    "zero_shift_error_pulses",
    "zero_shift_mean_error",
    "zero_shift_moments",
]
