"""Learning rules as hardware tiles: which arrays a rule has and what it does with them after every mini-batch.

=====================  ===================================================================================
`AnalogSGD`            the gradient pulses the weights themselves
`TikiTaka`             TT-v1: a fast array P collects the gradient, its columns are written by pulse trains
`TikiTakaV2`           TT-v2: a digital buffer between P and W
`ChoppedTikiTaka`      c-TTv2: the same with choppers
`AGAD`                 choppers and a tracked reference
`ResidualLearning`     the gradient at W + gamma (P - Q), fixed Q; two-stage; several fast arrays in a row
`Rider`, `ERider`      the same with a tracked Q, without and with choppers
=====================  ===================================================================================

All rules but `AnalogSGD` have a fast array P, pulsed by the (chopped) gradient, and a slow array W that holds the
weights. Once per transfer they read a column s of P as v, through `transfer_read`. With the digital buffer H, the
moving average Q of the reads, the reference Q~ (an analog array, written rarely) and the chopper c_s = +-1,

    o = H + lambda c_s (v - Q~)        lambda = lr_T N transfer_every / (g auto_granularity)
    |o| >= 1: one pulse to W towards o, H = momentum o;  else H = o
    Q <- (1 - beta) Q + beta v

N is the number of columns, g the granularity of P, lr_T = transfer_lr, times the global rate under scale_transfer_lr.
Gradients are taken at the visible weight W + gamma c (P - Q~). A rule leaves out what it has no parameter for.

P is pulsed at the rate fast_lr, times the global one under scale_fast_lr. With ``auto_scale`` it is multiplied by

    desired_bl g / (m_x m_d)        m <- (1 - (1 - auto_momentum)/B) m + (1 - auto_momentum)/B max|v|

where m_x and m_d follow the inputs x and errors d, vector by vector of a mini-batch of B, each before it is sent; the
first maximum that is not 0 is taken as it is, and zeros are passed over. A vector of usual size then asks its busiest
cell for fast_lr desired_bl pulses, however large gradients are.

`Algorithm.describe` says what that means in pulses before a run.
"""

from .agad import AGAD
from .algorithm import Algorithm
from .analog_sgd import AnalogSGD
from .chopped_tiki_taka import ChoppedTikiTaka
from .description import Description
from .erider import ERider
from .residual_learning import ResidualLearning
from .rider import Rider
from .tiki_taka import TikiTaka
from .tiki_taka_v2 import TikiTakaV2

__all__ = [
    "AGAD",
    "Algorithm",
    "AnalogSGD",
    "ChoppedTikiTaka",
    "Description",
    "ERider",
    "ResidualLearning",
    "Rider",
    "TikiTaka",
    "TikiTakaV2",
]
