"""Networks of analog layers in NumPy: layers, losses, a trainer and the paper's models.

Layers: Linear (analog), Sigmoid, Tanh, ReLU, LogSoftmax, Sequential. Losses: NLLLoss, CrossEntropyLoss.
Training: Trainer, EpochRecord. Models: fcn. Accounts over tiles: sp_error, pulses, programming_events.
"""

from .account import programming_events, pulses, sp_error
from .activations import LogSoftmax, ReLU, Sigmoid, Tanh
from .history import EpochRecord
from .layer import Layer
from .linear import Linear
from .losses import CrossEntropyLoss, Loss, NLLLoss
from .models import fcn
from .sequential import Sequential
from .trainer import Trainer

__all__ = [
    "CrossEntropyLoss",
    "EpochRecord",
    "Layer",
    "Linear",
    "LogSoftmax",
    "Loss",
    "NLLLoss",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "Trainer",
    "fcn",
    "programming_events",
    "pulses",
    "sp_error",
]
