"""What is measured: one list for both libraries, in names of neither but the peer's for its configuration.

Configurations are dictionaries in aihwkit's field names. The peer's worker makes its objects of them, ours converts
them with `dsptrack.compat.from_aihwkit`, so that both do the same work by construction. Data are drawn by NumPy from
the same seed.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SIZE, BATCH = 512, 64
MEMORY_SIZE = 2048

# A step to be timed, and one that returns statistics of its result.
Work = tuple[Callable[[], object], Callable[[], dict[str, float]]]


# Steps that a check averages over.
CHECKED = 10


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table.

    Attributes
    ----------
    kind
        "update", "shift", "read", "network" or "memory".
    config
        Configuration of the peer.
    goal
        Least ratio wanted, by level of instructions: {"v3": AVX2, "v4": AVX-512}.
    fidelity
        How dsptrack does it: "pulse" or "auto".
    near
        Share of the upper bound at which the weights start; None starts at 0.
    pushed
        Whether nearly all pulses then push against that bound; if not, they are of both signs.
    tolerance
        Largest relative difference of the checks, which are statistics of the result.
    """

    title: str
    kind: str
    config: dict[str, Any]
    goal: dict[str, float] = field(default_factory=dict)
    fidelity: str = "auto"
    network: str = ""
    batch: int = BATCH
    lr: float = 0.01
    near: float | None = None
    pushed: bool = True
    tolerance: float = 0.03


# The peer's ReRamArrayHfO2PresetDevice.
HFO2 = {
    "class": "SoftBoundsReferenceDevice",
    "enforce_consistency": True,
    "dw_min": 0.4622,
    "dw_min_dtod": 0.7125,
    "dw_min_dtod_log_normal": True,
    "dw_min_std": 0.2174,
    "mult_noise": False,
    "up_down": 0.0,
    "up_down_dtod": 0.01,
    "w_max": 1.0,
    "w_min": -1.0,
    "w_max_dtod": 0.4295,
    "w_min_dtod": 0.5990,
    "reference_std": 0.05,
    "subtract_symmetry_point": True,
    "write_noise_std": 0.5841,
}


def single(device: str, **fields: Any) -> dict[str, Any]:
    """A tile of one device."""
    return {"class": "SingleRPUConfig", "device": {"class": device, **fields}}


def agad(**fields: Any) -> dict[str, Any]:
    """AGAD on two arrays of HfO2 cells, one column a mini-batch."""
    compound = {
        "class": "DynamicTransferCompound",
        "unit_cell_devices": [HFO2, HFO2],
        "transfer_every": 1,
        "units_in_mbatch": True,
    }
    return {"class": "UnitCellRPUConfig", "device": compound | fields}


_SOFT, _STEP = single("SoftBoundsReferenceDevice"), single("ConstantStepDevice")
_HFO2 = {"class": "SingleRPUConfig", "device": HFO2}
_SHIFT = _SOFT | {"update": {"desired_bl": 1, "update_management": False, "update_bl_management": False}}
_READ = single("ConstantStepDevice", w_max=10.0, w_min=-10.0)
# Networks start from weights of their own, and P changes with their gradients: their tolerance is wide.
_FIXED, _SCALED = agad(fast_lr=0.1, auto_scale=False), agad(fast_lr=1.0, auto_scale=True)
_DENSE = "dense update, BL 31"


def near(model: str, fidelity: str, *, pushed: bool) -> Case:
    """Return a dense update of cells that start near their upper bound.

    Cells have no spread in their bounds: all of them are near one, and none starts beyond. The peer's noise moves the
    mean of cells pushed against it by several percent of the change from run to run, hence the tolerance.
    """
    where = "pushed against its bounds" if pushed else "near its bounds, pulses of both signs"
    return Case(
        title=f"{_DENSE}, {model} {where}",
        kind="update",
        config=single(f"{model}Device", w_max_dtod=0.0, w_min_dtod=0.0),
        near=0.98,
        pushed=pushed,
        tolerance=0.15 if pushed else 0.03,
        fidelity=fidelity,
    )


CASES = {
    "dense-pulse": Case(
        title=f"{_DENSE}, SoftBoundsReference", kind="update", config=_SOFT, fidelity="pulse", goal={"v3": 6, "v4": 12}
    ),
    "dense-auto": Case(title=f"{_DENSE}, SoftBoundsReference", kind="update", config=_SOFT, goal={"v3": 40, "v4": 150}),
    "step-pulse": Case(title=f"{_DENSE}, ConstantStep", kind="update", config=_STEP, fidelity="pulse"),
    "step-auto": Case(title=f"{_DENSE}, ConstantStep", kind="update", config=_STEP),
    "sparse": Case(title="sparse update, reram_array_hfo2", kind="update", config=_HFO2, goal={"v3": 8, "v4": 10}),
    "shift-pulse": Case(
        title="zero-shifting, 2,000 pulses", kind="shift", config=_SHIFT, fidelity="pulse", goal={"v3": 10, "v4": 20}
    ),
    "shift-auto": Case(title="zero-shifting, 2,000 pulses", kind="shift", config=_SHIFT, goal={"v3": 80, "v4": 150}),
    "read": Case(title="noisy forward and backward", kind="read", config=_READ, goal={"v3": 3, "v4": 4}),
    "fcn-fixed": Case(
        title="FCN step, AGAD, fast_lr 0.1",
        kind="network",
        network="fcn",
        batch=10,
        lr=0.1,
        config=_FIXED,
        goal={"v3": 6, "v4": 8},
        tolerance=0.25,
    ),
    "fcn-scaled": Case(
        title="FCN step, AGAD, auto_scale",
        kind="network",
        network="fcn",
        batch=10,
        lr=0.1,
        config=_SCALED,
        goal={"v3": 30, "v4": 40},
        tolerance=0.25,
    ),
    "lenet-fixed": Case(
        title="LeNet-5 step, AGAD, fast_lr 0.1",
        kind="network",
        network="lenet5",
        batch=8,
        lr=0.1,
        config=_FIXED,
        goal={"v3": 6, "v4": 8},
        tolerance=0.25,
    ),
    "mixed-soft-pulse": near("SoftBoundsReference", "pulse", pushed=False),
    "mixed-soft-auto": near("SoftBoundsReference", "auto", pushed=False),
    "near-soft-pulse": near("SoftBoundsReference", "pulse", pushed=True),
    "near-soft-auto": near("SoftBoundsReference", "auto", pushed=True),
    "near-step-pulse": near("ConstantStep", "pulse", pushed=True),
    "near-step-auto": near("ConstantStep", "auto", pushed=True),
    "memory-array": Case(title="one SoftBoundsReference tile", kind="memory", config=_SOFT),
    "memory-agad": Case(title="AGAD tile", kind="memory", config=_FIXED),
}


def vectors(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and gradients of an update or a read, (batch, SIZE) each."""
    rng = np.random.default_rng(7)
    x, d = (rng.standard_normal((case.batch, SIZE)).astype(np.float32) for _ in range(2))
    return (np.abs(x), -np.abs(d)) if case.near and case.pushed else (x, d)


def start(case: Case) -> np.ndarray:
    """Weights that an update or a read starts from, (SIZE, SIZE)."""
    if case.kind == "read":
        return (np.random.default_rng(8).standard_normal((SIZE, SIZE)) / np.sqrt(SIZE)).astype(np.float32)
    return np.full((SIZE, SIZE), 0.6 * (case.near or 0.0), np.float32)


def checks_of(once: Callable[[], tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Statistics of what one step does to the weights; `once` does it and returns the weights after and before.

    Means of several steps: those of a sparse update scatter by two percent from step to step, in either library.
    """
    steps = [once() for _ in range(CHECKED)]
    return {
        "mean |change|": float(np.mean([np.abs(after - before).mean() for after, before in steps])),
        "std of weights": float(np.mean([after.std() for after, _ in steps])),
    }


def resident() -> int:
    """Resident bytes of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
