"""Device models: how one pulse moves one cell, and how cells differ. Parameters and defaults are aihwkit's.

A cell holds a state v between its own bounds b- and b+; its weight is w = v - r with a reference r (0 unless the model
has one). The model says how a pulse depends on v: q+ = (up step)/dw_min and q- = (down step)/dw_min are the responses
of the paper's section 1, and where they are equal is the symmetric point. `Device` holds what all models share.

=====================  =================================================================
`ConstantStep`         the same step everywhere
`LinearStep`           a step linear in the weight
`SoftBounds`           linear, 0 at the cell's own bounds
`SoftBoundsReference`  the same with a reference subtracted
`ExpStep`              an exponential of the weight, fitted to measured memories
`PowStep`              a power of the distance to the bound
`PowStepReference`     the same with a reference subtracted
`PiecewiseStep`        any response, as tables; `from_callables` makes them from functions
=====================  =================================================================
"""

from .constant_step import ConstantStep
from .device import Device
from .exp_step import ExpStep
from .linear_step import LinearStep
from .piecewise_step import PiecewiseStep
from .pow_step import PowStep
from .pow_step_reference import PowStepReference
from .sampling import SampledDevice, from_callables
from .soft_bounds import SoftBounds
from .soft_bounds_reference import SoftBoundsReference

__all__ = [
    "ConstantStep",
    "Device",
    "ExpStep",
    "LinearStep",
    "PiecewiseStep",
    "PowStep",
    "PowStepReference",
    "SampledDevice",
    "SoftBounds",
    "SoftBoundsReference",
    "from_callables",
]
