"""Devices from measured pulse trains: `device_from_pulses`, `compare_models`, and traces as CSV files.

polarity, conductance = dsptrack.fit.load_traces("traces.csv")
result = dsptrack.fit.device_from_pulses(polarity, conductance, "soft_bounds", g_range=(1e-6, 1e-5))
dsptrack.io.save_device(result.device, "mine.toml")
"""

from .comparison import FitComparison, compare_models
from .files import load_traces, save_traces
from .fitting import MODELS, device_from_pulses
from .results import FitResult

__all__ = [
    "MODELS",
    "FitComparison",
    "FitResult",
    "compare_models",
    "device_from_pulses",
    "load_traces",
    "save_traces",
]
