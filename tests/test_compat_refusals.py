"""Configurations of aihwkit that have no counterpart, differ between versions, or are dicts of what differs."""

from dataclasses import dataclass, fields

import pytest

import dsptrack as dt
from helpers import peer
from helpers.conversion import FROM, both, cell, single
from helpers.peer import SingleRPUConfig, SoftBoundsDevice, UnitCellRPUConfig

IO = peer.IOParameters

NOWHERE = [
    (single(device=SoftBoundsDevice(construction_seed=3)), "device.construction_seed = 3", "rng="),
    (single(device=SoftBoundsDevice(perfect_bias=True)), "device.perfect_bias = True", "bias"),
    (single(device=SoftBoundsDevice(count_pulses=True)), "device.count_pulses = True", "AnalogTile"),
    (single(device=SoftBoundsDevice(drift=peer.DriftParameter(nu_k=0.1))), "device.drift.nu_k = 0.1", "drift"),
    (single(forward=IO(bm_test_negative_bound=False)), "forward.bm_test_negative_bound = False", "both signs"),
    (single(forward=IO(bound_management=peer.BoundManagementType.SHIFT)), "forward.bound_management = 'Shift'", "none"),
    (single(update=peer.UpdateParameters(pulse_type=peer.PulseType.NONE)), "update.pulse_type = 'None'", "stochastic"),
    (single(update=peer.UpdateParameters(d_sparsity=True)), "update.d_sparsity = True", "statistics"),
    (
        single(mapping=peer.MappingParameter(weight_scaling_lr_compensation=True)),
        "mapping.weight_scaling_lr_compensation = True",
        "gradient",
    ),
    (
        single(mapping=peer.MappingParameter(learn_out_scaling=True, out_scaling_columnwise=True)),
        "mapping.out_scaling_columnwise = True",
        "one learned scale",
    ),
    (
        single(pre_post=peer.PrePostProcessingParameter(input_range=peer.InputRangeParameter(enable=True))),
        "pre_post.input_range.enable = True",
        "range",
    ),
    (
        single(runtime=peer.RuntimeParameter(data_type=peer.RPUDataType.DOUBLE)),
        "runtime.data_type = 'double'",
        "float32",
    ),
    (single(tile_class=int), "tile_class = 'int'", "AnalogTile"),
    (cell(peer.TransferCompound, transfer_columns=False), "device.transfer_columns = False", "columns"),
    (cell(peer.TransferCompound, with_reset_prob=0.1), "device.with_reset_prob = 0.1", "resets"),
    (cell(peer.TransferCompound, random_selection=True), "device.random_selection = True", "order"),
    (cell(peer.TransferCompound, no_self_transfer=False), "device.no_self_transfer = False", "W"),
    (cell(peer.TransferCompound, construction_seed=1), "device.construction_seed = 1", "rng="),
    (cell(peer.TransferCompound, gamma_vec=[1.0, 0.5]), "device.gamma_vec = [1.0, 0.5]", "second one 1"),
    (cell(peer.BufferedTransferCompound, step=0.5), "device.step = 0.5", "one pulse"),
    (
        cell(peer.BufferedTransferCompound, transfer_update=peer.UpdateParameters()),
        "device.transfer_update = PulseUpdate(desired_bl=31",
        "desired_bl must be 1",
    ),
    (cell(peer.ChoppedTransferCompound, out_chop_prob=0.1), "device.out_chop_prob = 0.1", "rows"),
    (cell(peer.ChoppedTransferCompound, no_buffer=True), "device.no_buffer = True", "adds up"),
    (
        cell(peer.ChoppedTransferCompound, correct_gradient_magnitudes=True),
        "device.correct_gradient_magnitudes = True",
        "lambda",
    ),
    (cell(peer.DynamicTransferCompound, in_chop_random=True), "device.in_chop_random = True", "both"),
    (cell(peer.DynamicTransferCompound, gamma=0.1), "device.gamma = 0.1", "W alone"),
    (cell(peer.DynamicTransferCompound, buffer_cap=10.0), "device.buffer_cap = 10.0", "cap"),
    (
        cell(peer.DynamicTransferCompound, experimental_correct_accumulation=True),
        "device.experimental_correct_accumulation = True",
        "lambda",
    ),
]


@pytest.mark.parametrize(("config", "field", "reason"), NOWHERE, ids=[field for _, field, _ in NOWHERE])
def test_what_has_no_counterpart_is_said(config, field, reason):
    with pytest.raises(dt.ConfigError, match="no counterpart") as caught:
        FROM(config, vectors_per_batch=1)
    assert field in str(caught.value)
    found = both(config, vectors_per_batch=1, strict=False)
    (words,) = found.ignored
    assert words.startswith(field)
    assert reason in words
    dt.nn.Linear(3, 2, found.algorithm, rng=0, **found.layer_options)


def test_all_of_it_is_said_at_once():
    config = single(device=SoftBoundsDevice(perfect_bias=True), forward=IO(bm_test_negative_bound=False))
    with pytest.raises(dt.ConfigError, match=r"device\.perfect_bias.*; forward\.bm_test_negative_bound"):
        FROM(config)


HARMLESS = [
    single(runtime=peer.RuntimeParameter(offload_input=True)),
    single(mapping=peer.MappingParameter(out_scaling_columnwise=True)),
    single(device=peer.DEVICES["PowStepReference"](n_estimation_steps=100)),
    cell(peer.TransferCompound, SoftBoundsDevice(construction_seed=7)),  # the unit cell's own counts
    cell(peer.ChoppedTransferCompound, auto_momentum=0.5),
    cell(peer.DynamicTransferCompound, out_chop_prob=0.5, no_buffer=True),
    cell(peer.BufferedTransferCompound, transfer_update=peer.UpdateParameters(desired_bl=1)),
]


@pytest.mark.parametrize("config", HARMLESS)
def test_what_has_no_effect_does_not_matter(config):
    one = both(config, vectors_per_batch=1)
    kind = type(config.device)
    default = single(device=kind()) if isinstance(config, SingleRPUConfig) else cell(kind)
    assert one == FROM(default, vectors_per_batch=1)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "rpu_config = None: must be a configuration object"),
        (SingleRPUConfig, "must be a configuration object"),
        ({}, "must have a field 'device'"),
        ({"device": 3}, "device = 3: must be a configuration object"),
        ({"device": {}}, "device.class = None: must be one of ConstantStepDevice"),
        ({"device": {"class": "PCMPresetUnitCell"}}, "device.class = 'PCMPresetUnitCell': must be one of"),
        (single(device=peer.SoftBoundsPmaxDevice()), "device.class = 'SoftBoundsPmaxDevice'"),
        (UnitCellRPUConfig(device=peer.VectorUnitCell()), "device.class = 'VectorUnitCell'.*TransferCompound"),
        (UnitCellRPUConfig(device=peer.TransferCompound()), "unit_cell_devices = '0 devices': must be two"),
        ({"device": {"class": "TransferCompound", "unit_cell_devices": 3}}, "unit_cell_devices = 3: must be a list"),
        (cell(peer.TransferCompound, transfer_every=0.0), "transfer_every = 0.0: must be above 0"),
        (cell(peer.DynamicTransferCompound, transfer_every=-1.0), "transfer_every = -1.0: must be above 0"),
        (single(device=SoftBoundsDevice(dw_min=-1.0)), "device: dw_min"),
        (cell(peer.TransferCompound, slow=SoftBoundsDevice(dw_min=-1.0)), r"device\.unit_cell_devices\[1\]: dw_min"),
        (cell(peer.DynamicTransferCompound, in_chop_prob=0.0), "device: chop_probability"),
        (single(forward=IO(inp_bound=2.0)), "forward: inp_bound"),
        (single(update=peer.UpdateParameters(res=32)), "update: res"),
    ],
)
def test_what_cannot_be_converted_raises(config, words, strict):
    with pytest.raises(dt.ConfigError, match=words):
        FROM(config, vectors_per_batch=1, strict=strict)


@pytest.mark.parametrize("vectors", [0, 1.5, True, "8"])
def test_vectors_per_batch_is_a_count(vectors):
    with pytest.raises(dt.ConfigError, match="vectors_per_batch"):
        FROM(single(), vectors_per_batch=vectors)


def test_fields_of_later_versions():
    """A field that nobody knows yet may have its default; a dict does not know that."""

    @dataclass
    class Newer(SoftBoundsDevice):
        brand_new: float = 0.5

    assert FROM(single(device=Newer())).ignored == ()
    with pytest.raises(dt.ConfigError, match=r"device\.brand_new = 0\.25: not known"):
        FROM(single(device=Newer(brand_new=0.25)))
    with pytest.raises(dt.ConfigError, match=r"device\.dw_mim = 0\.1: not known"):
        FROM({"device": {"class": "SoftBoundsDevice", "dw_mim": 0.1}})


def test_dicts_of_what_differs():
    """Enumerations as written in files: by value or by name."""
    found = FROM(
        {
            "device": {
                "class": "BufferedTransferCompound",
                "unit_cell_devices": [{"class": "SoftBoundsDevice"}, {"class": "ConstantStepDevice", "dw_min": 0.01}],
                "transfer_update": {"pulse_type": "MeanCount"},
            },
            "forward": {"noise_management": "AbsMaxNPSum", "bound_management": "ITERATIVE_WORST_CASE"},
            "update": {"pulse_type": "STOCHASTIC_COMPRESSED"},
        }
    )
    assert found.algorithm.slow_device == dt.devices.ConstantStep(dw_min=0.01)
    assert found.forward == dt.Periphery(noise_management="abs_max_np_sum", bound_management="iterative_worst_case")
    assert found.update == dt.PulseUpdate()


def test_decay_is_left_to_the_user():
    (note,) = both(single(device=SoftBoundsDevice(lifetime=100.0))).notes
    assert "decay()" in note


def test_running_maxima_where_there_are_any():
    """auto_scale of the chopped compounds: taken over if the rules have it, else said."""
    config = cell(peer.DynamicTransferCompound, auto_scale=True, auto_momentum=0.9)
    found = both(config, vectors_per_batch=1, strict=False)
    if "auto_scale" in {field.name for field in fields(dt.algorithms.AGAD)}:
        assert (found.algorithm.auto_scale, found.algorithm.auto_momentum, found.ignored) == (True, 0.9, ())
    else:
        assert found.ignored[0].startswith("device.auto_scale = True")
