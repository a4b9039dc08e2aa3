"""Networks of analog layers in NumPy: layers, losses, a trainer and the paper's models.

Analog layers: Linear, Conv2d. Digital ones: MaxPool2d, AvgPool2d, Flatten, Reshape, Dropout, Sigmoid, Tanh, ReLU,
LogSoftmax. A chain: Sequential. Bases: Layer, AnalogLayer. Losses: NLLLoss, CrossEntropyLoss, MSELoss. Training:
Trainer, Callback, EarlyStop, EpochRecord, History, Evaluation; `schedules` of learning rates. Models: fcn, lenet5.
Accounts over tiles: sp_error, pulses, programming_events.
"""

from . import schedules
from .account import programming_events, pulses, sp_error
from .activations import LogSoftmax, ReLU, Sigmoid, Tanh
from .analog import AnalogLayer
from .callbacks import Callback, EarlyStop
from .conv import Conv2d
from .dropout import Dropout
from .evaluation import Evaluation
from .history import EpochRecord, History
from .layer import Layer
from .linear import Linear
from .losses import CrossEntropyLoss, Loss, MSELoss, NLLLoss
from .models import fcn, lenet5
from .pooling import AvgPool2d, MaxPool2d
from .reshape import Flatten, Reshape
from .sequential import Sequential
from .trainer import Trainer

__all__ = [
    "AnalogLayer",
    "AvgPool2d",
    "Callback",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "EarlyStop",
    "EpochRecord",
    "Evaluation",
    "Flatten",
    "History",
    "Layer",
    "Linear",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "MaxPool2d",
    "NLLLoss",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "Trainer",
    "fcn",
    "lenet5",
    "programming_events",
    "pulses",
    "schedules",
    "sp_error",
]
