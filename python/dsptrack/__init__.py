"""Training on analog crossbars, simulated fast and reproducibly, with dynamic symmetric-point tracking.

Where things are:

=====================  ====================================================================================
`devices`, `presets`   how a pulse moves a cell, how cells differ; devices fitted to measurements
`io`, `testing`        devices and snapshots as files; conformance suites for devices and rules of your own
`fit`, `convert`       devices from measured traces, from data sheets and from NeuroSim
`compat`               configurations of aihwkit
`CrossbarArray`        one array: pulses, pulsed updates, reads, responses, symmetric points, `ProgramReport`
`PulseUpdate`          pulse trains of an update;  `Periphery`: converters and noise of a read
`zero_shift`           calibration of the symmetric points by pulses, with `ZeroShiftResult`
`algorithms`           learning rules, from AnalogSGD and Tiki-taka to RIDER and E-RIDER;  `AnalogTile` runs one
`optim`, `tracking`    learning rules as optimizers of any objective; choppers, average and reference alone
`CostModel`            time and energy, a `Cost`, of what a ledger counts
`nn`, `datasets`       layers, losses and a trainer in NumPy; labelled images
`torch`                the layers as modules of PyTorch, which it needs
`theory`               bounds, step sizes and the filter response of the paper
`experiments`, `plot`  comparisons, the paper's figures and tables, and their pictures
`sweep`                many runs of one function, on many workers, from a store that a killed sweep resumes
`exceptions`           `DspError` and its children, `NoSymmetricPointWarning`
=====================  ====================================================================================

Sizes are (M, N) = (outputs, inputs), batches lead, arrays are float32. ``rng=`` takes None, an int, a SeedSequence or a
Generator; equal seeds give equal bits on any number of threads and any CPU. The paper is Xiao et al., arXiv 2602.21321.

Examples
--------
>>> import dsptrack as dt
>>> array = dt.CrossbarArray((4, 4), dt.presets.reram_sb(), rng=0)
>>> dt.zero_shift(array, 100).estimate.shape
(4, 4)
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from . import algorithms, devices, exceptions, io, optim, presets, theory, tracking
from ._core import STREAM_VERSION, __version__
from .array import CrossbarArray, ProgramReport
from .calibration import ZeroShiftResult, zero_shift
from .cost import Cost, CostModel
from .exceptions import (
    ConfigError,
    DataError,
    DivergenceError,
    DspError,
    MissingDataError,
    NonFiniteError,
    NoSymmetricPointWarning,
    ShapeError,
    SnapshotError,
    StateError,
)
from .periphery import Periphery
from .tile import AnalogTile
from .update import PulseUpdate

if TYPE_CHECKING:
    from . import compat, convert, datasets, experiments, fit, nn, plot, sweep, testing
    from . import torch as torch

__all__ = [
    "STREAM_VERSION",
    "AnalogTile",
    "ConfigError",
    "Cost",
    "CostModel",
    "CrossbarArray",
    "DataError",
    "DivergenceError",
    "DspError",
    "MissingDataError",
    "NoSymmetricPointWarning",
    "NonFiniteError",
    "Periphery",
    "ProgramReport",
    "PulseUpdate",
    "ShapeError",
    "SnapshotError",
    "StateError",
    "ZeroShiftResult",
    "__version__",
    "algorithms",
    "compat",
    "convert",
    "datasets",
    "devices",
    "exceptions",
    "experiments",
    "fit",
    "io",
    "nn",
    "optim",
    "plot",
    "presets",
    "sweep",
    "testing",
    "theory",
    "tracking",
    "zero_shift",
]

# Imported at first use: they need more than NumPy, and ``import dsptrack`` shall stay quick. ``torch`` is not in
# __all__: ``from dsptrack import *`` must neither need PyTorch nor hide it.
_LAZY = frozenset({"compat", "convert", "datasets", "experiments", "fit", "nn", "plot", "sweep", "testing", "torch"})


def __getattr__(name: str) -> ModuleType:
    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
