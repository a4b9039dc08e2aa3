"""Every device model and preset by a short name, and two ways to make them tamer."""

import dataclasses
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsptrack as dt
from helpers.build import device
from helpers.models import cells_of
from helpers.twin import Cells

# (kind, fields): at least one case for every branch of a model's equations
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "constant": ("ConstantStep", {"up_down": 0.2}),
    "soft": ("SoftBounds", {"up_down": 0.1}),
    "soft-reversed": ("SoftBounds", {"reverse_up": True, "reverse_down": True, "reverse_offset": 0.05}),
    "soft-reference": ("SoftBoundsReference", {"reference_mean": 0.1, "reference_std": 0.1}),
    "linear": ("LinearStep", {"gamma_up": 0.5, "gamma_down": 0.4}),
    "linear-flat": ("LinearStep", {"up_down": 0.1}),
    "linear-own-bounds": ("LinearStep", {"gamma_up": 0.9, "gamma_down": 0.7, "mean_bound_reference": False}),
    "linear-sign-change": ("LinearStep", {"gamma_up": 1.3, "gamma_down": 1.2, "w_max_dtod": 0.1, "mult_noise": False}),
    "linear-increasing": ("LinearStep", {"gamma_up": -0.3, "gamma_down": -0.2, "allow_increasing": True}),
    "linear-reversed": ("LinearStep", {"gamma_up": 0.5, "gamma_down": 0.4, "reverse_up": True, "reverse_down": True}),
    "exp": ("ExpStep", {}),
    "exp-equal": ("ExpStep", {"gamma_up": 3.0, "gamma_down": 3.0, "A_up": 0.1, "A_down": 0.2, "a": 0.5, "b": 0.1}),
    "exp-dead": ("ExpStep", {"gamma_up": 4.0, "gamma_down": 5.0, "A_up": 0.5, "A_down": 0.6, "a": 0.5, "b": 0.0}),
    "exp-complex": ("ExpStep", {"dw_min_std_add": 0.02, "dw_min_std_slope": 0.1}),
    "pow": ("PowStep", {}),
    "pow-steep": ("PowStep", {"pow_gamma": 2.5, "pow_up_down": 0.2, "pow_up_down_dtod": 0.05}),
    "pow-flat": ("PowStep", {"pow_gamma": 0.4, "pow_up_down": -0.3}),
    "pow-reference": (
        "PowStepReference",
        {"pow_gamma": 1.4, "pow_up_down_dtod": 0.05, "reference_mean": 0.1, "reference_std": 0.1},
    ),
    "pow-subtracted": (
        "PowStepReference",
        {"up_down": 0.2, "reference_mean": -0.1, "reference_std": 0.05, "subtract_symmetry_point": True},
    ),
    "piecewise": ("PiecewiseStep", {"piecewise_up": (1.5, 1.2, 0.7, 0.1), "piecewise_down": (0.2, 0.4, 1.3, 1.6)}),
    "piecewise-two": ("PiecewiseStep", {"piecewise_up": (1.0, 0.2), "piecewise_down": (0.3, 0.9)}),
    "piecewise-one": ("PiecewiseStep", {}),
    "piecewise-bumpy": (
        "PiecewiseStep",
        {"piecewise_up": (0.1, 0.5, 1.0, 0.3, 0.1), "piecewise_down": (0.5, 0.3, 2.0, 0.6, 0.3)},  # 02 section 10, 22
    ),
    "stuck": ("PowStep", {"corrupt_devices_prob": 0.3, "pow_gamma": 1.5}),
}
SPREAD = {"dw_min": 0.05, "dw_min_std": 0.0}

PRESETS = (
    "reram_es",
    "reram_sb",
    "capacitor",
    "ecram",
    "ecram_mo",
    "idealized",
    "gokmen_vlasov",
    "pcm",
    "reram_array_om",
    "reram_array_hfo2",
)
EVERYTHING = (*MODELS, *PRESETS)
# One plain case of every model
KINDS = ("constant", "soft", "soft-reference", "linear", "exp", "pow", "pow-reference", "piecewise")
# Models with a write_noise_std
WRITING = ("soft", "soft-reference", "linear", "exp", "pow", "piecewise")


def make(name: str, **overrides: Any) -> Any:
    """A device of the zoo; models have coarse, noise-free pulses unless ``overrides`` say otherwise."""
    if name in MODELS:
        kind, fields = MODELS[name]
        return device(kind, **(SPREAD | fields | overrides))
    return getattr(dt.presets, name)(**overrides)


def silent(name: str, **overrides: Any) -> Any:
    """A device of the zoo without cycle noise and write noise."""
    dev = make(name, **overrides)
    off = {"dw_min_std": 0.0, "write_noise_std": 0.0}
    return dataclasses.replace(dev, **{field: value for field, value in off.items() if hasattr(dev, field)})


def equal(dev: Any) -> Any:
    """The nominal device: all cells alike."""
    spreads = [f.name for f in dataclasses.fields(dev) if f.name.endswith("_dtod") or f.name == "reference_std"]
    return dataclasses.replace(dev, **dict.fromkeys(spreads, 0.0))


def twin(array: Any) -> Cells:
    """The float64 twin of an array's population."""
    return cells_of(array.cell_parameters(), array.device)


def points(array: Any) -> NDArray[np.float32]:
    """Symmetric points; the warning that counts the cells without one is tested elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(array.symmetric_point())


def scale(cells: Cells) -> float:
    """Weight scale of a population: its largest bound, at least 1."""
    return max(1.0, float(np.max(np.abs([cells.max_bound, cells.min_bound]))))


def slack(cells: Cells) -> NDArray[np.float64]:
    """Float32: the apparent weight is v - r, rounded."""
    return 4e-7 * (1 + np.abs(cells.reference) + np.maximum(np.abs(cells.max_bound), np.abs(cells.min_bound)))


def assert_inside(array: Any, cells: Cells) -> None:
    """All weights are numbers, and all states lie within their cell's bounds."""
    v = array.weights.astype(np.float64) + cells.reference
    assert np.all(np.isfinite(v))
    assert np.all(v <= cells.max_bound + slack(cells))
    assert np.all(v >= cells.min_bound - slack(cells))
