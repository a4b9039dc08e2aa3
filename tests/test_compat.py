"""Configurations of aihwkit, as objects and as dicts: what they become."""

from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pytest

import dsptrack as dt
from helpers import peer
from helpers.conversion import FROM, both, cell, single
from helpers.peer import SoftBoundsDevice

IO = peer.IOParameters
COMPOUNDS = [
    pytest.param(peer.TransferCompound, dt.algorithms.TikiTaka, id="tt-v1"),
    pytest.param(peer.BufferedTransferCompound, dt.algorithms.TikiTakaV2, id="tt-v2"),
    pytest.param(peer.ChoppedTransferCompound, dt.algorithms.ChoppedTikiTaka, id="c-ttv2"),
    pytest.param(peer.DynamicTransferCompound, dt.algorithms.AGAD, id="agad"),
]


@pytest.mark.parametrize("name", list(peer.DEVICES))
def test_defaults_are_the_same(name):
    found = both(single(device=peer.DEVICES[name]()))
    assert found.algorithm == dt.algorithms.AnalogSGD(device=getattr(dt.devices, name)())
    assert found.forward == dt.Periphery()
    assert found.backward == dt.Periphery(bound_management="none")
    assert found.update == dt.PulseUpdate()
    assert found.layer_options == {
        "forward": found.forward,
        "backward": found.backward,
        "update": found.update,
        "bias": "digital",
        "weight_scaling_omega": 0.0,
        "weight_scaling_columnwise": False,
        "learn_out_scaling": False,
        "max_input_size": 512,
        "max_output_size": 512,
    }
    assert found.ignored == found.notes == ()


def other(name, value):
    """Another value that the field may have."""
    if isinstance(value, bool):
        return not value
    if name.startswith("piecewise"):
        return [0.5, 1.0, 0.25]
    return value * 0.9 if name.startswith("w_m") else value + 0.0625


@pytest.mark.parametrize("name", list(peer.DEVICES))
def test_every_field_of_a_device(name):
    kind, ours = peer.DEVICES[name], getattr(dt.devices, name)
    own = {field.name for field in fields(ours)}
    changed = {key: other(key, value) for key, value in asdict(kind()).items() if key in own}
    if "reverse_up" in changed:
        changed["mult_noise"] = True  # which they need
    found = both(single(device=kind(**changed))).algorithm.device
    assert found == ours(**changed)
    # Whatever is not the default here was taken over; the drift has its own test.
    assert {key for key in own if not key.startswith("drift_")} == set(changed)


def test_drift():
    drift = peer.DriftParameter(nu=0.1, t_0=20.0, reset_tol=1e-4, nu_dtod=0.2, nu_std=0.3, w_noise_std=0.01, log_g0=3.0)
    device = both(single(device=SoftBoundsDevice(drift=drift))).algorithm.device
    assert device == dt.devices.SoftBounds(
        drift_nu=0.1,
        drift_t0=20.0,
        drift_reset_tol=1e-4,
        drift_nu_dtod=0.2,
        drift_nu_std=0.3,
        drift_w_noise_std=0.01,
    )


def test_subclasses_are_known_by_their_base():
    @dataclass
    class Preset(SoftBoundsDevice):
        dw_min: float = 0.004

    assert FROM(single(device=Preset())).algorithm.device == dt.devices.SoftBounds(dw_min=0.004)


READS = [
    (IO(is_perfect=True, nm_thres=3.0, out_scale=2.0, out_bound=0.0), {"is_perfect": True, "out_scale": 2.0}),
    (IO(mv_type=peer.AnalogMVType.IDEAL), {"is_perfect": True}),
    (IO(inp_res=-1, out_res=-1, out_bound=-1), {"inp_res": 0, "out_res": 0, "out_bound": 0}),
    (IO(inp_res=254, out_res=100), {"inp_res": 254, "out_res": 100}),
    (IO(w_noise=0.1), {}),
    (IO(w_noise_type=peer.WeightNoiseType.PCM_READ), {}),
    (IO(w_noise=0.1, w_noise_type=peer.WeightNoiseType.PCM_READ), {"w_noise": 0.1, "w_noise_type": "pcm_read"}),
    (IO(w_read_asymmetry_dtod=0.1), {}),
    (
        IO(w_read_asymmetry_dtod=0.1, mv_type=peer.AnalogMVType.POS_NEG_SEPARATE),
        {"w_read_asymmetry_dtod": 0.1, "mv_type": "pos_neg_separate"},
    ),
    (IO(out_asymmetry=-0.1, inp_asymmetry=-0.1), {"inp_asymmetry": -0.1}),
    (
        IO(noise_management=peer.NoiseManagementType.NONE, nm_thres=2.0, inp_bound=-1.0),
        {"noise_management": "none", "inp_bound": 0.0},
    ),
    (
        IO(noise_management=peer.NoiseManagementType.CONSTANT, nm_thres=2.0),
        {"noise_management": "constant", "nm_thres": 2.0},
    ),
    (IO(noise_management=peer.NoiseManagementType.ABS_MAX_NP_SUM), {"noise_management": "abs_max_np_sum"}),
    (IO(noise_management=peer.NoiseManagementType.AVERAGE_ABS_MAX), {"noise_management": "average_abs_max"}),
    (
        IO(bound_management=peer.BoundManagementType.ITERATIVE_WORST_CASE),
        {"bound_management": "iterative_worst_case"},
    ),
    (
        IO(inp_noise=0.1, inp_sto_round=True, out_noise=0.2, out_noise_std=0.3, out_sto_round=True, max_bm_factor=8),
        {
            "inp_noise": 0.1,
            "inp_sto_round": True,
            "out_noise": 0.2,
            "out_noise_std": 0.3,
            "out_sto_round": True,
            "max_bm_factor": 8,
        },
    ),
    (
        IO(ir_drop=1.0, ir_drop_g_ratio=1e5, out_nonlinearity=0.1, out_nonlinearity_std=0.2, slope_calibration=0.5),
        {
            "ir_drop": 1.0,
            "ir_drop_g_ratio": 1e5,
            "out_nonlinearity": 0.1,
            "out_nonlinearity_std": 0.2,
            "slope_calibration": 0.5,
        },
    ),
    (
        IO(v_offset_std=0.1, v_offset_w_min=-0.5, r_series=0.01, max_bm_res=0.5, out_bound=10.0),
        {"v_offset_std": 0.1, "v_offset_w_min": -0.5, "r_series": 0.01, "max_bm_res": 0.5, "out_bound": 10.0},
    ),
]


@pytest.mark.parametrize(("theirs", "ours"), READS)
def test_reads(theirs, ours):
    wanted = dt.Periphery(**ours)
    found = both(single(forward=theirs, backward=theirs))
    assert found.forward == wanted
    assert found.backward == (wanted if wanted.is_perfect else replace(wanted, bound_management="none"))


def test_every_field_of_a_read_is_met():
    """What the table above never changes would not be noticed if it got lost."""
    default, missing = IO(), {"bm_test_negative_bound"}  # it has no counterpart
    for key in asdict(default):
        if key not in missing:
            assert any(getattr(theirs, key) != getattr(default, key) for theirs, _ in READS), key


def test_pulse_trains():
    theirs = peer.UpdateParameters(
        desired_bl=5,
        fixed_bl=False,
        pulse_type=peer.PulseType.DETERMINISTIC_IMPLICIT,
        res=-1,
        x_res_implicit=0.1,
        d_res_implicit=0.2,
        sto_round=True,
        update_bl_management=False,
        update_management=False,
        um_grad_scale=0.5,
    )
    assert both(single(update=theirs)).update == dt.PulseUpdate(
        desired_bl=5,
        fixed_bl=False,
        pulse_type="deterministic_implicit",
        x_res_implicit=0.1,
        d_res_implicit=0.2,
        sto_round=True,
        update_bl_management=False,
        update_management=False,
        um_grad_scale=0.5,
    )
    for kind, ours in (("STOCHASTIC", "stochastic"), ("MEAN_COUNT", "mean_count")):
        theirs = peer.UpdateParameters(pulse_type=peer.PulseType[kind])
        assert both(single(update=theirs)).update == dt.PulseUpdate(pulse_type=ours)


def test_mapping():
    mapping = peer.MappingParameter(
        digital_bias=False,
        weight_scaling_omega=0.6,
        weight_scaling_columnwise=True,
        learn_out_scaling=True,
        max_input_size=0,
        max_output_size=100,
    )
    found = both(single(mapping=mapping))
    assert (found.bias, found.weight_scaling_omega, found.weight_scaling_columnwise) == ("analog", 0.6, True)
    assert (found.learn_out_scaling, found.max_output_size) == (True, 100)
    layer = dt.nn.Linear(2000, 3, found.algorithm, rng=0, **found.layer_options)
    assert [tile.shape for tile in layer.tiles] == [(3, 2001)]


@pytest.mark.parametrize(("kind", "rule"), COMPOUNDS)
def test_compounds(kind, rule):
    fast, slow = SoftBoundsDevice(dw_min=0.01), SoftBoundsDevice(dw_min=0.002)
    read = IO(out_noise=0.1, nm_thres=0.5)
    config = cell(kind, fast, slow, fast_lr=0.25, transfer_lr=0.5, n_reads_per_transfer=2, transfer_forward=read)
    found = both(config, vectors_per_batch=1).algorithm
    assert type(found) is rule
    assert (found.device, found.slow_device) == (
        dt.devices.SoftBounds(dw_min=0.01),
        dt.devices.SoftBounds(dw_min=0.002),
    )
    assert found.transfer_read == dt.Periphery(out_noise=0.1, bound_management="none", noise_management="none")
    chopped = issubclass(kind, peer.ChoppedTransferCompound)
    assert (found.fast_lr, found.scale_fast_lr) == (0.25, not chopped)
    assert (found.transfer_lr, found.scale_transfer_lr) == (0.5, True)
    assert (found.transfer_every, found.columns_per_transfer) == (1, 2)
    tile = dt.AnalogTile((2, 3), found, rng=0)
    tile.update(np.ones((4, 3)), np.ones((4, 2)), lr=0.1)


@pytest.mark.parametrize(("kind", "rule"), COMPOUNDS)
def test_rates(kind, rule):
    del rule
    for fast_lr in (0.0, -1.0):  # the global rate
        found = both(cell(kind, fast_lr=fast_lr, scale_fast_lr=False), vectors_per_batch=1).algorithm
        assert (found.fast_lr, found.scale_fast_lr) == (1.0, True)
    listed = cell(kind, transfer_lr_vec=[0.25, 0.0], transfer_every_vec=[3.0, 0.0], scale_transfer_lr=False)
    found = both(listed, vectors_per_batch=1).algorithm
    assert (found.transfer_lr, found.scale_transfer_lr, found.transfer_every) == (0.25, False, 3)


def test_trains_of_the_first_tiki_taka():
    trains = peer.UpdateParameters(desired_bl=7)
    found = both(cell(peer.TransferCompound, transfer_update=trains, gamma=0.5)).algorithm
    assert (found.transfer_update, found.gamma, found.transfer_lr) == (dt.PulseUpdate(desired_bl=7), 0.5, 1.0)


@pytest.mark.parametrize("gamma", [{"gamma": 0.5}, {"gamma": 0.1, "gamma_vec": [0.5, 1.0]}])
@pytest.mark.parametrize("kind", [peer.BufferedTransferCompound, peer.ChoppedTransferCompound])
def test_gamma_is_a_factor_of_the_transfer(kind, gamma):
    """In the peer it multiplies the transfer rate of buffered rules; here it does not."""
    found = both(cell(kind, transfer_lr=0.2, **gamma), vectors_per_batch=1).algorithm
    assert (found.gamma, found.transfer_lr) == (0.5, 0.1)


@pytest.mark.parametrize("kind", [peer.BufferedTransferCompound, peer.ChoppedTransferCompound])
def test_only_a_gamma_above_zero_is_a_factor(kind):
    found = both(cell(kind, transfer_lr=0.2, gamma=-0.5), vectors_per_batch=1).algorithm
    assert (found.gamma, found.transfer_lr) == (-0.5, 0.2)


@pytest.mark.parametrize(
    ("sign", "kind"),
    [
        ({"in_chop_prob": 0.25}, "ChoppedTransferCompound"),
        ({"tail_weightening": 4.0}, "DynamicTransferCompound"),
        ({"thres_scale": 2.0}, "BufferedTransferCompound"),
        ({"n_reads_per_transfer": 2}, "TransferCompound"),
    ],
)
def test_a_compound_without_class_is_known_by_its_fields(sign, kind):
    parts = {"unit_cell_devices": [{"class": "SoftBoundsDevice"}] * 2} | sign
    named, unnamed = (
        FROM({"device": device, "mapping": {}}, vectors_per_batch=8).algorithm
        for device in (parts | {"class": kind}, parts)
    )
    assert unnamed == named


def test_buffers():
    buffered = both(cell(peer.BufferedTransferCompound, thres_scale=0.8, forget_buffer=False)).algorithm
    assert (buffered.thres_scale, buffered.momentum, buffered.forget_buffer) == (0.8, 0.1, False)
    dynamic = both(
        cell(peer.DynamicTransferCompound, momentum=0.3, in_chop_prob=0.02, tail_weightening=7.0), vectors_per_batch=1
    ).algorithm
    assert (dynamic.momentum, dynamic.chop_probability, dynamic.tail_weighting) == (0.3, 0.02, 7.0)
    assert (dynamic.chop_random, dynamic.program_at_flip) == (False, False)
    chopped = both(cell(peer.ChoppedTransferCompound, in_chop_prob=0.05), vectors_per_batch=1).algorithm
    assert (chopped.chop_probability, chopped.chop_random) == (0.05, True)
    plain = both(cell(peer.ChoppedTransferCompound, in_chop_prob=0.0, gamma=0.2), vectors_per_batch=1).algorithm
    assert type(plain) is dt.algorithms.ResidualLearning
    assert (plain.gamma, plain.calibration_pulses) == (0.2, 0)


@pytest.mark.parametrize(
    ("options", "vectors", "every", "columns"),
    [
        ({"units_in_mbatch": True, "transfer_every": 3}, None, 3, 1),
        ({"units_in_mbatch": True, "transfer_every": 0.5}, 10, 1, 2),
        ({"units_in_mbatch": True, "transfer_every": 1.5}, 2, None, None),
        ({"units_in_mbatch": False, "transfer_every": 1}, 1, 1, 1),
        ({"units_in_mbatch": False, "transfer_every": 1}, 8, 1, 8),
        ({"units_in_mbatch": False, "transfer_every": 2}, 8, 1, 4),
        ({"units_in_mbatch": False, "transfer_every": 24}, 8, 3, 1),
        ({"units_in_mbatch": False, "transfer_every": 12}, 8, None, None),
        ({"units_in_mbatch": False, "transfer_every": 2, "n_reads_per_transfer": 3}, 8, 1, 12),
        ({"units_in_mbatch": False}, None, None, None),
    ],
)
def test_periods(options, vectors, every, columns):
    config = cell(peer.TransferCompound, **options)
    if every is None:
        with pytest.raises(dt.ConfigError, match=r"device\.(transfer_every|units_in_mbatch).*vectors_per_batch"):
            FROM(config, vectors_per_batch=vectors, strict=False)
        return
    found = both(config, vectors_per_batch=vectors)
    assert (found.algorithm.transfer_every, found.algorithm.columns_per_transfer) == (every, columns)
    # Only where transfers fall between the vectors of a mini-batch is there something to say.
    assert len(found.notes) == (columns > options.get("n_reads_per_transfer", 1))


@pytest.mark.parametrize("auto", [0.0, 500.0])
@pytest.mark.parametrize("unit", [1.0, 2.5, 0.0])
@pytest.mark.parametrize(("period", "vectors"), [(1.0, 1), (1.0, 8), (24.0, 8), (2.0, 8)])
@pytest.mark.parametrize("kind", [peer.ChoppedTransferCompound, peer.DynamicTransferCompound])
def test_lambda_is_the_peers(kind, auto, unit, period, vectors):
    """lr_T / bg, bg = unit g (auto / (n_in period)), the period as stated; a unit of 0 means 1."""
    config = cell(
        kind,
        SoftBoundsDevice(dw_min=0.01),
        buffer_granularity=unit,
        auto_granularity=auto,
        transfer_every=period,
        transfer_lr=0.5,
    )
    found = both(config, vectors_per_batch=vectors).algorithm
    granularity = (unit or 1.0) * 0.01 * (auto / (20 * period) if auto else 1.0)
    assert found.describe((10, 20), lr=0.1).gain == pytest.approx(0.5 * 0.1 / granularity)
