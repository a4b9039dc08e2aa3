"""Every field of every configuration refuses what it must, with a message that names field, value and allowed range."""

import dataclasses
import math
import re

import pytest

import dsptrack as dt
from dsptrack import ConfigError
from dsptrack.algorithms import (
    AGAD,
    AnalogSGD,
    ChoppedTikiTaka,
    ERider,
    ResidualLearning,
    Rider,
    TikiTaka,
    TikiTakaV2,
)
from dsptrack.devices import (
    ConstantStep,
    ExpStep,
    LinearStep,
    PiecewiseStep,
    PowStep,
    PowStepReference,
    SoftBounds,
    SoftBoundsReference,
)

DEVICE = SoftBounds()
IDEAL = dt.Periphery.ideal()

NUMBERS = (math.nan, math.inf, -math.inf, 1e300, "1", None, True, [1.0], 1j)
FLAGS = (1, 0, "true", None, 1.0)
NON_NEGATIVE, POSITIVE, UNIT = (-0.1, *NUMBERS), (0, -0.1, *NUMBERS), (-0.1, 1.1, *NUMBERS)
NON_POSITIVE, SHARE = (0.1, *NUMBERS), (-1.1, 1.1, *NUMBERS)
COUNTS = (0, -1, 1.0, 1.5, 2**40, 10**30, "1", None, True)
CHOICES = ("other", "", None, 1, True)

POPULATION = {
    "w_max": NON_NEGATIVE,
    "w_min": NON_POSITIVE,
    "w_max_dtod": NON_NEGATIVE,
    "w_min_dtod": NON_NEGATIVE,
    "dw_min": POSITIVE,
    "dw_min_dtod": NON_NEGATIVE,
    "dw_min_dtod_log_normal": FLAGS,
    "dw_min_std": NON_NEGATIVE,
    "up_down": NUMBERS,
    "up_down_dtod": NON_NEGATIVE,
    "enforce_consistency": FLAGS,
    "corrupt_devices_prob": UNIT,
    "corrupt_devices_range": NON_NEGATIVE,
    "lifetime": NON_NEGATIVE,
    "lifetime_dtod": NON_NEGATIVE,
    "diffusion": NON_NEGATIVE,
    "diffusion_dtod": NON_NEGATIVE,
    "reset": NUMBERS,
    "reset_dtod": NON_NEGATIVE,
    "reset_std": NON_NEGATIVE,
    "drift_nu": NON_NEGATIVE,
    "drift_nu_dtod": NON_NEGATIVE,
    "drift_nu_std": NON_NEGATIVE,
    "drift_t0": POSITIVE,
    "drift_w_noise_std": NON_NEGATIVE,
    "drift_reset_tol": NON_NEGATIVE,
}
WRITE_NOISE = {"write_noise_std": NON_NEGATIVE, "apply_write_noise_on_set": FLAGS}
LINEAR = WRITE_NOISE | {
    "mult_noise": FLAGS,
    "reverse_up": FLAGS,
    "reverse_down": FLAGS,
    "reverse_offset": NON_NEGATIVE,
}
REFERENCE = {"reference_mean": NUMBERS, "reference_std": NON_NEGATIVE, "subtract_symmetry_point": FLAGS}
POWER = {
    "pow_gamma": NON_NEGATIVE,
    "pow_gamma_dtod": NON_NEGATIVE,
    "pow_up_down": NUMBERS,
    "pow_up_down_dtod": NON_NEGATIVE,
}
TABLES = (0.5, "1", None, True, (), (1.0,) * 1025, (math.nan,), (1.0, math.inf), ("1",), ((1.0,),), (None,), (1j,))
TRANSFER = {
    "device": (None, "SoftBounds", 1.0, IDEAL, SoftBounds),
    "slow_device": ("SoftBounds", 1.0, IDEAL, dt.PulseUpdate()),
    "transfer_read": (None, "ideal", DEVICE),
    "fast_lr": NON_NEGATIVE,
    "scale_fast_lr": FLAGS,
    "auto_scale": FLAGS,
    "auto_momentum": UNIT,
    "transfer_lr": NON_NEGATIVE,
    "scale_transfer_lr": FLAGS,
    "transfer_every": COUNTS,
    "columns_per_transfer": COUNTS,
}
BUFFERED = TRANSFER | {"momentum": UNIT, "forget_buffer": FLAGS}
GRANULAR = BUFFERED | {"auto_granularity": NON_NEGATIVE}
CHOPPED = GRANULAR | {"chop_probability": (0, *UNIT), "chop_random": FLAGS}
TRACKED = CHOPPED | {"tail_weighting": POSITIVE, "program_at_flip": FLAGS}
FROM_0 = (-1, *COUNTS[2:])
FIELDS = {
    ConstantStep: POPULATION,
    LinearStep: POPULATION
    | LINEAR
    | {
        "gamma_up": NUMBERS,
        "gamma_down": NUMBERS,
        "gamma_up_dtod": NON_NEGATIVE,
        "gamma_down_dtod": NON_NEGATIVE,
        "allow_increasing": FLAGS,
        "mean_bound_reference": FLAGS,
    },
    SoftBounds: POPULATION | LINEAR,
    SoftBoundsReference: POPULATION
    | WRITE_NOISE
    | REFERENCE
    | {"mult_noise": FLAGS, "slope_up_dtod": NON_NEGATIVE, "slope_down_dtod": NON_NEGATIVE},
    ExpStep: POPULATION
    | WRITE_NOISE
    | {
        "A_up": NUMBERS,
        "A_down": NUMBERS,
        "gamma_up": NUMBERS,
        "gamma_down": NUMBERS,
        "a": NUMBERS,
        "b": NUMBERS,
        "dw_min_std_add": NON_NEGATIVE,
        "dw_min_std_slope": NON_NEGATIVE,
    },
    PowStep: POPULATION | WRITE_NOISE | POWER,
    PowStepReference: POPULATION | REFERENCE | POWER,
    PiecewiseStep: POPULATION | WRITE_NOISE | {"piecewise_up": TABLES, "piecewise_down": TABLES},
    dt.PulseUpdate: {
        "desired_bl": COUNTS,
        "fixed_bl": FLAGS,
        "update_management": FLAGS,
        "update_bl_management": FLAGS,
        "um_grad_scale": POSITIVE,
        "pulse_type": CHOICES,
        "fidelity": CHOICES,
        "res": UNIT,
        "sto_round": FLAGS,
        "x_res_implicit": UNIT,
        "d_res_implicit": UNIT,
    },
    dt.Periphery: {
        "is_perfect": FLAGS,
        "mv_type": CHOICES,
        "inp_bound": NON_NEGATIVE,
        "inp_res": NON_NEGATIVE,
        "inp_sto_round": FLAGS,
        "inp_noise": NON_NEGATIVE,
        "inp_asymmetry": SHARE,
        "out_bound": NON_NEGATIVE,
        "out_res": NON_NEGATIVE,
        "out_sto_round": FLAGS,
        "out_noise": NON_NEGATIVE,
        "out_noise_std": NON_NEGATIVE,
        "out_asymmetry": SHARE,
        "out_nonlinearity": NON_NEGATIVE,
        "out_nonlinearity_std": NON_NEGATIVE,
        "slope_calibration": UNIT,
        "out_scale": NUMBERS,
        "bound_management": CHOICES,
        "noise_management": CHOICES,
        "nm_thres": NON_NEGATIVE,
        "nm_assumed_wmax": POSITIVE,
        "nm_decay": UNIT,
        "max_bm_factor": POSITIVE,
        "max_bm_res": POSITIVE,
        "w_noise": NON_NEGATIVE,
        "w_noise_type": CHOICES,
        "w_read_asymmetry_dtod": NON_NEGATIVE,
        "ir_drop": NON_NEGATIVE,
        "ir_drop_g_ratio": POSITIVE,
        "v_offset_std": NON_NEGATIVE,
        "v_offset_w_min": NON_POSITIVE,
        "r_series": NON_NEGATIVE,
    },
    AnalogSGD: {"device": TRANSFER["device"]},
    TikiTaka: TRANSFER | {"transfer_update": (None, "ideal", DEVICE), "gamma": NUMBERS},
    TikiTakaV2: BUFFERED | {"thres_scale": POSITIVE, "gamma": NUMBERS},
    ChoppedTikiTaka: CHOPPED | {"gamma": NUMBERS},
    AGAD: TRACKED,
    ResidualLearning: GRANULAR
    | {
        "fast_arrays": (9, *COUNTS),
        "gamma": NUMBERS,
        "stage_every": FROM_0,
        "calibration_pulses": (1_000_001, *FROM_0),
    },
    Rider: GRANULAR | {"gamma": NUMBERS, "eta": UNIT},
    ERider: TRACKED | {"gamma": NUMBERS},
}


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind, table in FIELDS.items() for field in table],
    ids=lambda v: getattr(v, "__name__", v),
)
def test_config_fields_are_refused(kind, field):
    needed = {"device": DEVICE} if issubclass(kind, dt.algorithms.Algorithm) else {}
    for value in FIELDS[kind][field]:
        with pytest.raises(ConfigError) as caught:
            kind(**(needed | {field: value}))
        message = str(caught.value)
        assert re.match(rf"{field} = .+: must be .+", message), message


def test_every_field_is_tested():
    for kind, table in FIELDS.items():
        assert set(table) == {f.name for f in dataclasses.fields(kind)}


PERIPHERY_CONTRADICTIONS = [
    ("nm_thres = 1: must be 0 while noise_management", {"nm_thres": 1.0, "noise_management": "none"}),
    ("nm_thres = 1: must be 0 while", {"nm_thres": 1.0, "noise_management": "average_abs_max"}),
    (r"nm_thres = 1e-40: must be 0 or at least 2\^-126", {"nm_thres": 1e-40}),
    (
        'bound_management = "iterative_worst_case": must be "iterative" or "none" while noise_management is "none"',
        {"bound_management": "iterative_worst_case", "noise_management": "none"},
    ),
    ("out_bound = 0: must be > 0 where inputs", {"out_bound": 0.0, "bound_management": "iterative_worst_case"}),
    ("out_bound = 0: must be > 0 where inputs", {"out_bound": 0.0, "noise_management": "abs_max_np_sum"}),
    ("out_bound = 0: must be > 0 where out_nonlinearity", {"out_bound": 0.0, "out_nonlinearity": 0.1}),
    ("out_bound = 0: must be > 0 where out_nonlinearity", {"out_bound": 0.0, "slope_calibration": 0.1}),
    ("w_noise = 0.1: must be 0 while w_noise_type", {"w_noise": 0.1}),
    ("w_read_asymmetry_dtod = 0.1: must be 0 unless mv_type", {"w_read_asymmetry_dtod": 0.1}),
]


def test_contradictions_are_refused():
    with pytest.raises(ConfigError, match="inp_bound = 2: must be 1 while noise_management"):
        dt.Periphery(inp_bound=2)
    assert dt.Periphery(inp_bound=2, noise_management="none").inp_bound == 2
    assert dt.Periphery(inp_bound=2, is_perfect=True).inp_bound == 2
    for message, fields in PERIPHERY_CONTRADICTIONS:
        with pytest.raises(ConfigError, match=message):
            dt.Periphery(**fields)
        assert dt.Periphery(is_perfect=True, **fields).is_perfect
    for kind in (LinearStep, SoftBounds):
        for reverse in ("reverse_up", "reverse_down"):
            with pytest.raises(ConfigError, match="mult_noise = false: must be true where reverse"):
                kind(mult_noise=False, **{reverse: True})
    with pytest.raises(ConfigError, match=r"piecewise_down = .+: must be as long as piecewise_up"):
        PiecewiseStep(piecewise_up=(1.0, 2.0), piecewise_down=(1.0,))
