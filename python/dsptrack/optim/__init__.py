"""Learning rules as optimizers of any objective: Algorithms 1 to 4 of the paper, whole arrays at a time.

The gradient is wanted at ``o.weights``, the visible weights W̄; ``o.step(gradient)`` realises increments of whole
arrays by the Analog Update (2), with whole pulses (``mode="pulsed"``) or without (``"mean_field"``). There are no pulse
trains, column reads or converters: for those see `dsptrack.algorithms`. All rules but `AnalogSGD` are

    W̄_k   = W_k + gamma c_k (P_k - Q~_k)
    P_k+1 <- increment of P_k by -alpha c_k grad f(W̄_k)                        (11a), (18a)
    W_k+1 <- increment of W_k by beta c_k (P_k+1 - Q~_k)                       (11b), (18b)

and differ in Q~: 0 (`ResidualLearning`), an estimate by zero-shifting (`TwoStageResidual`), the moving average Q of P
at every step (`Rider`), or Q frozen between the turns of the chopper c (`ERider`). Elsewhere c = 1.

Shapes are (M, N), or n for vectors, whose arrays are (1, n). All arrays start at weight 0.
"""

from .analog_sgd import AnalogSGD
from .erider import ERider
from .optimizer import Optimizer
from .residual_learning import ResidualLearning
from .rider import Rider
from .two_stage_residual import TwoStageResidual

__all__ = ["AnalogSGD", "ERider", "Optimizer", "ResidualLearning", "Rider", "TwoStageResidual"]
