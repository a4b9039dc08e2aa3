"""Stand-ins for the configuration classes of aihwkit 1.2.0: their names, fields and defaults, and nothing else."""

from dataclasses import field, make_dataclass
from enum import Enum
from typing import Any


def _class(name, bases, fields):
    def entry(value):
        if callable(value):
            return field(default_factory=value)
        return field(default_factory=lambda: list(value)) if isinstance(value, list) else value

    return make_dataclass(name, [(key, Any, entry(value)) for key, value in fields.items()], bases=bases)


AnalogMVType = Enum("AnalogMVType", {"IDEAL": "Ideal", "ONE_PASS": "OnePass", "POS_NEG_SEPARATE": "PosNegSeparate"})
BoundManagementType = Enum(
    "BoundManagementType",
    {"NONE": "None", "ITERATIVE": "Iterative", "ITERATIVE_WORST_CASE": "IterativeWorstCase", "SHIFT": "Shift"},
)
NoiseManagementType = Enum(
    "NoiseManagementType",
    {
        "NONE": "None",
        "ABS_MAX": "AbsMax",
        "ABS_MAX_NP_SUM": "AbsMaxNPSum",
        "MAX": "Max",
        "CONSTANT": "Constant",
        "AVERAGE_ABS_MAX": "AverageAbsMax",
    },
)
WeightNoiseType = Enum(
    "WeightNoiseType", {"NONE": "None", "ADDITIVE_CONSTANT": "AdditiveConstant", "PCM_READ": "PCMRead"}
)
PulseType = Enum(
    "PulseType",
    {
        "NONE": "None",
        "STOCHASTIC_COMPRESSED": "StochasticCompressed",
        "STOCHASTIC": "Stochastic",
        "MEAN_COUNT": "MeanCount",
        "DETERMINISTIC_IMPLICIT": "DeterministicImplicit",
    },
)
RPUDataType = Enum("RPUDataType", {"FLOAT": "float", "DOUBLE": "double"})

IOParameters = _class(
    "IOParameters",
    (),
    {
        "is_perfect": False,
        "mv_type": AnalogMVType.ONE_PASS,
        "inp_bound": 1.0,
        "inp_noise": 0.0,
        "inp_res": 1 / 126,
        "inp_sto_round": False,
        "inp_asymmetry": 0.0,
        "out_bound": 12.0,
        "out_noise": 0.06,
        "out_noise_std": 0.0,
        "out_res": 1 / 510,
        "out_sto_round": False,
        "out_scale": 1.0,
        "out_asymmetry": 0.0,
        "bound_management": BoundManagementType.ITERATIVE,
        "noise_management": NoiseManagementType.ABS_MAX,
        "w_noise": 0.0,
        "w_noise_type": WeightNoiseType.NONE,
        "ir_drop": 0.0,
        "ir_drop_g_ratio": 1 / 0.35 / 5e-6,
        "out_nonlinearity": 0.0,
        "out_nonlinearity_std": 0.0,
        "slope_calibration": 0.0,
        "v_offset_std": 0.0,
        "v_offset_w_min": -1.0,
        "r_series": 0.0,
        "w_read_asymmetry_dtod": 0.0,
        "max_bm_factor": 1000,
        "max_bm_res": 0.25,
        "bm_test_negative_bound": True,
        "nm_thres": 0.0,
    },
)
UpdateParameters = _class(
    "UpdateParameters",
    (),
    {
        "desired_bl": 31,
        "fixed_bl": True,
        "pulse_type": PulseType.STOCHASTIC_COMPRESSED,
        "res": 0,
        "x_res_implicit": 0,
        "d_res_implicit": 0,
        "d_sparsity": False,
        "sto_round": False,
        "update_bl_management": True,
        "update_management": True,
        "um_grad_scale": 1.0,
    },
)


def single_pulse():
    return UpdateParameters(desired_bl=1, update_bl_management=False, update_management=False)


DriftParameter = _class(
    "DriftParameter",
    (),
    {
        "nu": 0.0,
        "t_0": 1.0,
        "reset_tol": 1e-7,
        "nu_dtod": 0.0,
        "nu_std": 0.0,
        "wg_ratio": 1.0,
        "g_offset": 0.0,
        "w_offset": 0.0,
        "nu_k": 0.0,
        "log_g0": 0.0,
        "w_noise_std": 0.0,
    },
)
PulsedDevice = _class(
    "PulsedDevice",
    (),
    {
        "construction_seed": 0,
        "corrupt_devices_prob": 0.0,
        "corrupt_devices_range": 0.1,
        "diffusion": 0.0,
        "diffusion_dtod": 0.0,
        "drift": DriftParameter,
        "dw_min": 0.001,
        "dw_min_dtod": 0.3,
        "dw_min_dtod_log_normal": False,
        "dw_min_std": 0.3,
        "enforce_consistency": True,
        "lifetime": 0.0,
        "lifetime_dtod": 0.0,
        "perfect_bias": False,
        "reset": 0.0,
        "reset_dtod": 0.0,
        "reset_std": 0.01,
        "up_down": 0.0,
        "up_down_dtod": 0.01,
        "w_max": 0.6,
        "w_max_dtod": 0.3,
        "w_min": -0.6,
        "w_min_dtod": 0.3,
        "count_pulses": False,
    },
)
_WRITE = {"write_noise_std": 0.0, "apply_write_noise_on_set": True}
_REVERSE = {"reverse_up": False, "reverse_down": False, "reverse_offset": 0.01}
_POW = {"pow_gamma": 1.0, "pow_gamma_dtod": 0.1, "pow_up_down": 0.0, "pow_up_down_dtod": 0.0}
_REFERENCE = {"reference_mean": 0.0, "reference_std": 0.0, "subtract_symmetry_point": False}
_GAMMAS = {"gamma_up": 0.0, "gamma_down": 0.0, "gamma_up_dtod": 0.05, "gamma_down_dtod": 0.05}
_EXP = {"A_up": 0.00081, "A_down": 0.36833, "gamma_up": 12.44625, "gamma_down": 12.78785, "a": 0.244, "b": 0.2425}

DEVICES = {
    name: _class(f"{name}Device", (PulsedDevice,), fields)
    for name, fields in {
        "ConstantStep": {},
        "LinearStep": _GAMMAS
        | {"allow_increasing": False, "mean_bound_reference": True, "mult_noise": True}
        | _WRITE
        | _REVERSE,
        "SoftBounds": {"mult_noise": True} | _WRITE | _REVERSE,
        "SoftBoundsReference": {"mult_noise": False, "slope_up_dtod": 0.0, "slope_down_dtod": 0.0}
        | _WRITE
        | _REFERENCE,
        "ExpStep": _EXP | {"dw_min_std_add": 0.0, "dw_min_std_slope": 0.0} | _WRITE,
        "PowStep": _POW | _WRITE,
        "PowStepReference": _POW | _REFERENCE | {"n_estimation_steps": -1},
        "PiecewiseStep": {"piecewise_up": [1], "piecewise_down": [1]} | _WRITE,
    }.items()
}
SoftBoundsDevice = DEVICES["SoftBounds"]
SoftBoundsPmaxDevice = _class(
    "SoftBoundsPmaxDevice",
    (SoftBoundsDevice,),
    {"p_max": 1000, "alpha": 0.0005, "range_min": -1.0, "range_max": 1.0},
)

UnitCell = _class("UnitCell", (), {"unit_cell_devices": [], "construction_seed": 0})
VectorUnitCell = _class("VectorUnitCell", (UnitCell,), {"update_policy": "All", "first_update_idx": 0, "gamma_vec": []})
TransferCompound = _class(
    "TransferCompound",
    (UnitCell,),
    {
        "gamma": 0.0,
        "gamma_vec": [],
        "transfer_every": 1.0,
        "no_self_transfer": True,
        "transfer_every_vec": [],
        "units_in_mbatch": True,
        "n_reads_per_transfer": 1,
        "transfer_columns": True,
        "with_reset_prob": 0.0,
        "random_selection": False,
        "fast_lr": 1.0,
        "transfer_lr": 1.0,
        "transfer_lr_vec": [],
        "scale_transfer_lr": True,
        "scale_fast_lr": True,
        "transfer_forward": IOParameters,
        "transfer_update": UpdateParameters,
    },
)
_BUFFER = {"step": 1.0, "forget_buffer": True, "transfer_update": single_pulse}
BufferedTransferCompound = _class(
    "BufferedTransferCompound", (TransferCompound,), {"thres_scale": 1.0, "momentum": 0.1} | _BUFFER
)
ChoppedTransferCompound = _class(
    "ChoppedTransferCompound",
    (TransferCompound,),
    {
        "in_chop_prob": 0.1,
        "in_chop_random": True,
        "out_chop_prob": 0.0,
        "buffer_granularity": 1.0,
        "auto_granularity": 0.0,
        "momentum": 0.0,
        "no_buffer": False,
        "units_in_mbatch": False,
        "auto_scale": False,
        "auto_momentum": 0.99,
        "correct_gradient_magnitudes": False,
        "scale_fast_lr": False,
    }
    | _BUFFER,
)
DynamicTransferCompound = _class(
    "DynamicTransferCompound",
    (ChoppedTransferCompound,),
    {
        "in_chop_random": False,
        "experimental_correct_accumulation": False,
        "buffer_cap": 0.0,
        "tail_weightening": 5.0,
    },
)

MappingParameter = _class(
    "MappingParameter",
    (),
    {
        "digital_bias": True,
        "weight_scaling_omega": 0.0,
        "weight_scaling_columnwise": False,
        "weight_scaling_lr_compensation": False,
        "learn_out_scaling": False,
        "out_scaling_columnwise": False,
        "max_input_size": 512,
        "max_output_size": 512,
    },
)
RuntimeParameter = _class(
    "RuntimeParameter",
    (),
    {"data_type": RPUDataType.FLOAT, "on_the_fly_bindings": False, "offload_input": False, "offload_gradient": False},
)
InputRangeParameter = _class(
    "InputRangeParameter",
    (),
    {
        "enable": False,
        "learn_input_range": True,
        "init_value": 3.0,
        "init_from_data": 100,
        "init_std_alpha": 3.0,
        "decay": 0.001,
        "input_min_percentage": 0.95,
        "manage_output_clipping": False,
        "output_min_percentage": 0.95,
        "gradient_scale": 1.0,
        "gradient_relative": True,
        "calibration_info": None,
    },
)
PrePostProcessingParameter = _class("PrePostProcessingParameter", (), {"input_range": InputRangeParameter})
AnalogTile = type("AnalogTile", (), {})
TileModuleArray = type("TileModuleArray", (), {})
_CONFIG = {
    "runtime": RuntimeParameter,
    "pre_post": PrePostProcessingParameter,
    "mapping": MappingParameter,
    "forward": IOParameters,
    "backward": IOParameters,
    "update": UpdateParameters,
}


def _rpu_config(name, device):
    cls = _class(name, (), _CONFIG | {"device": device})
    # Classes of tiles are values here, not what makes them.
    extra = [(key, Any, field(default=value)) for key, value in _TILES.items()]
    return make_dataclass(name, extra, bases=(cls,))


_TILES = {"tile_class": AnalogTile, "tile_array_class": TileModuleArray}
SingleRPUConfig = _rpu_config("SingleRPUConfig", DEVICES["ConstantStep"])
UnitCellRPUConfig = _rpu_config("UnitCellRPUConfig", UnitCell)
