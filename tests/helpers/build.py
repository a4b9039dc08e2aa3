"""Short ways to the devices, arrays and tiles that the tests need."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsptrack as dt
from helpers.twin import Cells

KINDS = ("ConstantStep", "SoftBounds", "SoftBoundsReference")
RULES = (
    "AnalogSGD",
    "TikiTaka",
    "TikiTakaV2",
    "ChoppedTikiTaka",
    "AGAD",
    "ResidualLearning",
    "Rider",
    "ERider",
)
G = 2.0**-6  # a granularity that float32 holds exactly, as it does sums of its multiples


def device(kind: str, **fields: Any) -> Any:
    """A device by class name."""
    return getattr(dt.devices, kind)(**fields)


def quiet(kind: str, **fields: Any) -> Any:
    """A device whose cells are all equal and whose pulses are noise-free, unless ``fields`` say otherwise."""
    equal = {"w_max_dtod": 0.0, "w_min_dtod": 0.0, "dw_min_dtod": 0.0, "up_down_dtod": 0.0, "dw_min_std": 0.0}
    return device(kind, **(equal | fields))


def counter(dw_min: float = 1.0, bound: float = 1.6e7) -> Any:
    """Noise-free cells that count: every pulse moves the weight by exactly ``dw_min``, up to 2^24 for dw_min = 1."""
    return quiet("ConstantStep", dw_min=dw_min, w_max=bound, w_min=-bound)


def placed(dev: Any, rng: int = 0, **cells: NDArray[Any]) -> Any:
    """An array with exactly these cells."""
    parameters = {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in cells.items()}
    shape = parameters["max_bound"].shape
    return dt.CrossbarArray(shape, dev, rng=rng, cell_parameters=parameters)


def holding(weights: Any, rng: int = 0, **kwargs: Any) -> Any:
    """An array that holds exactly these weights."""
    weights = np.asarray(weights, dtype=np.float32)
    array = dt.CrossbarArray(weights.shape, quiet("ConstantStep", w_max=5000.0, w_min=-5000.0), rng=rng, **kwargs)
    array.set_weights(weights)
    return array


def twin_of(array: Any, dev: Any) -> Cells:
    """The float64 twin of an array's population."""
    return Cells.of(array.cell_parameters(), dev)


def spread_weights(cells: Cells, rng: np.random.Generator) -> NDArray[np.float32]:
    """Apparent weights spread over each cell's range, ends included, but not beyond +-2."""
    high, low = np.minimum(cells.max_bound, 2.0), np.maximum(cells.min_bound, -2.0)
    v = low + (high - low) * np.clip(rng.uniform(-0.1, 1.1, high.shape), 0, 1)
    return np.asarray(v - cells.reference, dtype=np.float32)


def noiseless_read(**fields: Any) -> Any:
    """A periphery with converters and managements at their defaults and no noise."""
    defaults: dict[str, Any] = {"out_noise": 0.0}
    return dt.Periphery(**(defaults | fields))


def analog_read(**fields: Any) -> Any:
    """A periphery without converters and managements: only the noise that ``fields`` name."""
    off: dict[str, Any] = {
        "inp_res": 0.0,
        "out_res": 0.0,
        "out_noise": 0.0,
        "bound_management": "none",
        "noise_management": "none",
    }
    return dt.Periphery(**(off | fields))


def pulses(array: Any) -> tuple[int, int]:
    """Up and down pulses in an array's ledger."""
    return array.ledger["pulses_up"], array.ledger["pulses_down"]
