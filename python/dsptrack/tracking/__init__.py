"""Symmetric-point tracking as a component of its own: choppers, the moving average, the frozen reference.

    Q_k+1 = (1 - eta) Q_k + eta P_k+1                                      average (12)
    Q~ <- Q, one programming event a cell, where a chopper c = +-1 turns   reference, Algorithm 3

It needs readings P of an array and nothing else: no gradient, no weights. `dsptrack.optim` runs on it; a learning rule
of your own can too. Source: Xiao et al., arXiv 2602.21321, (12), (16), (17), Lemma 3.5.
"""

from .average import MovingAverage
from .choppers import Choppers
from .measure import follow, measured_response
from .tracker import Tracker

__all__ = ["Choppers", "MovingAverage", "Tracker", "follow", "measured_response"]
