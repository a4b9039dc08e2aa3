"""The paper's experiments as functions, with every hyper-parameter in one table.

compare: one network, several learning rules. METHODS, NETWORKS, RECIPES, SCHEDULES: what they run with.
train: one network, one learning rule, with checkpoints.
tune: the rates of one learning rule, searched on held-out images; SEARCH says which.
calibrate: zero-shifting against the pulse budget (Figure 1a).
reproduce: the paper's figures and tables, EXPERIMENTS, each with its own figures beside ours.
"""

from .calibrate import BUDGETS, CALIBRATED_DEVICE, Calibration, CalibrationPoint, calibrate
from .compare import Comparison, MethodResult, compare
from .hyperparameters import METHODS, NETWORKS, RECIPES, SCHEDULES, Method, Network, Recipe, Schedule
from .reproduce import EXPERIMENTS, Experiment, Options, Reproduction, reproduce
from .settings import CompareSettings
from .train import Training, TrainSettings, train
from .tuning import SEARCH, Range, Tuned, tune

__all__ = [
    "BUDGETS",
    "CALIBRATED_DEVICE",
    "EXPERIMENTS",
    "METHODS",
    "NETWORKS",
    "RECIPES",
    "SCHEDULES",
    "SEARCH",
    "Calibration",
    "CalibrationPoint",
    "CompareSettings",
    "Comparison",
    "Experiment",
    "Method",
    "MethodResult",
    "Network",
    "Options",
    "Range",
    "Recipe",
    "Reproduction",
    "Schedule",
    "TrainSettings",
    "Training",
    "Tuned",
    "calibrate",
    "compare",
    "reproduce",
    "train",
    "tune",
]
