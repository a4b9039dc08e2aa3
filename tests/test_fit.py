"""Fits: traces made with known parameters give them back within their uncertainties, and the right model wins.

Traces come from the simulator, and from the float64 twins that know nothing of it.
"""

from dataclasses import replace

import numpy as np
import pytest

import dsptrack as dt
from dsptrack import devices, fit
from helpers.models import cells_of
from helpers.stats import SIGMAS

SWEEPS = np.tile(np.repeat([1, -1], 150), 2)
# Bounds that every cell reaches in a sweep, so that tests of the shape know its range.
REACHED = {"w_max": 0.4, "w_min": -0.3, "w_max_dtod": 0.1, "w_min_dtod": 0.1}
TABLES = {"piecewise_up": (1.6, 0.8, 1.2, 0.4), "piecewise_down": (0.5, 1.5, 0.8, 1.2)}
EXPONENTIALS = {"A_up": 0.05, "A_down": 0.1, "gamma_up": 4.0, "gamma_down": 3.0, "a": 0.5, "b": 0.0}
DEVICES = {
    "constant_step": devices.ConstantStep(dw_min=0.01, up_down=-0.3),
    "linear_step": devices.LinearStep(dw_min=0.01, gamma_up=0.5, gamma_down=0.3),
    "soft_bounds": devices.SoftBounds(dw_min=0.01, up_down=0.2, up_down_dtod=0.05),
    "exp_step": devices.ExpStep(dw_min=0.01, **EXPONENTIALS, **REACHED),
    "pow_step": devices.PowStep(dw_min=0.03, pow_gamma=1.3, pow_up_down=0.1),
    "piecewise": devices.PiecewiseStep(dw_min=0.01, **TABLES, **REACHED),
}


def core_traces(array, polarity=SWEEPS):
    """Reads of the simulator, (cells, pulses + 1)."""
    reads = [array.weights.ravel()]
    for sign in polarity:
        array.pulse(int(sign))
        reads.append(array.weights.ravel())
    return np.array(reads, dtype=np.float64).T


def twin_traces(array, rng, polarity=SWEEPS):
    """Reads of the twin of these cells, (cells, pulses + 1)."""
    cells = cells_of(array.cell_parameters(), array.device)
    v = cells.clip(np.zeros(array.shape))
    reads = [v.ravel()]
    for sign in polarity:
        v = cells.pulse(v, sign, rng.standard_normal(array.shape))
        reads.append(v.ravel())
    return np.array(reads).T


def array_of(device, cells=8, rng=9):
    return dt.CrossbarArray((1, cells), device, rng=rng)


def unequal(reads, rng):
    """Cut every trace but the first somewhere in its second half, where both directions are behind it."""
    cut = reads.copy()
    for trace in cut[1:]:
        trace[rng.integers(trace.size * 3 // 5, trace.size) :] = np.nan
    return cut


def distance(value, error, truth):
    """Deviation in standard errors; equal numbers are 0 apart even where the error is 0."""
    value, error, truth = (np.asarray(x, dtype=np.float64) for x in (value, error, truth))
    off = np.where(np.isclose(value, truth, rtol=1e-5, atol=1e-7), 0.0, value - truth)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(off == 0, 0.0, np.abs(off) / error)


def assert_population(result, device, leave_out=()):
    """Every fitted field is the device's, within its uncertainty."""
    for name, value in result.parameters.items():
        # Bounds that no cell reached and shares of stuck cells when there are none have no error.
        error = result.std_errors[name]
        if name in leave_out or name == "corrupt_devices_prob" or np.isnan(error).any():
            continue
        assert np.max(distance(value, error, getattr(device, name))) <= SIGMAS, (name, value, error)


def assert_cells(result, array, slack=1.0):
    """Every cell has its own parameters back."""
    truth = array.cell_parameters()
    for name, values in result.cells.items():
        z = distance(values, result.cell_std_errors[name], truth[name].ravel())
        assert np.nanmax(z) <= SIGMAS * slack, (name, z)


@pytest.mark.parametrize("model", fit.MODELS)
def test_the_simulators_devices_come_back(model, rng):
    array = array_of(DEVICES[model])
    result = fit.device_from_pulses(SWEEPS, unequal(core_traces(array), rng), model, nodes=4)
    assert type(result.device) is type(array.device)
    assert_population(result, array.device)
    if model not in ("exp_step", "piecewise"):  # their cells share a shape whose error is not that of a cell
        assert_cells(result, array)
    assert np.nanstd(result.residuals) < 1.1
    assert result.n_pulses == np.isfinite(result.residuals).sum()


@pytest.mark.parametrize("model", fit.MODELS)
def test_the_twins_cells_come_back(model, rng):
    array = array_of(DEVICES[model], cells=4)
    result = fit.device_from_pulses(SWEEPS, twin_traces(array, rng), model, nodes=4)
    assert_population(result, array.device)


def test_the_sign_of_exponentials_is_free():
    """The preset of resistive memory grows where others shrink: A < 0."""
    preset = dt.presets.reram_es(dw_min=0.02, dw_min_std=0.2, write_noise_std=0, w_max_dtod=0.1, w_min_dtod=0.1)
    array = array_of(preset, cells=6)
    polarity = np.tile(np.repeat([1, -1], 150), 3)
    result = fit.device_from_pulses(polarity, core_traces(array, polarity), "exp_step")
    # z = -w/R - 1/2 there and w/R here: the same exponentials with other constants.
    wanted = {
        "A_up": preset.A_up * np.exp(-preset.gamma_up / 2),
        "A_down": preset.A_down * np.exp(preset.gamma_down / 2),
        "gamma_up": -preset.gamma_up,
        "gamma_down": -preset.gamma_down,
    }
    for name, truth in wanted.items():
        assert distance(result.parameters[name], result.std_errors[name], truth) <= SIGMAS, name


def test_errors_of_cells_are_honest():
    array = array_of(devices.SoftBounds(dw_min=0.01), cells=64)
    result = fit.device_from_pulses(SWEEPS, core_traces(array), noise="multiplicative")
    truth = array.cell_parameters()
    for name in ("dwmin_up", "dwmin_down", "max_bound", "min_bound"):
        z = (result.cells[name] - truth[name].ravel()) / result.cell_std_errors[name]
        assert 0.7 < np.std(z) < 1.35, name


def test_cycle_noise_is_not_taken_for_a_spread_between_cells():
    device = devices.SoftBounds(dw_min=0.01, dw_min_std=1.5, w_max_dtod=0, w_min_dtod=0, dw_min_dtod=0, up_down_dtod=0)
    result = fit.device_from_pulses(SWEEPS, core_traces(array_of(device, 16)), noise="multiplicative")
    raw = np.std(result.cells["dwmin_up"]) / result.parameters["dw_min"]
    assert raw > 0.08
    assert result.device_to_device["dw_min_dtod"] < raw / 2
    assert_population(result, device)
    assert distance(result.cycle_to_cycle["dw_min_std"], result.std_errors["dw_min_std"], 1.5) <= SIGMAS


@pytest.mark.parametrize("std", [0.5, 3.0])
def test_additive_noise_is_found(std):
    array = array_of(devices.SoftBounds(dw_min=0.01, dw_min_std=std, mult_noise=False))
    result = fit.device_from_pulses(SWEEPS, core_traces(array))
    assert not result.device.mult_noise
    assert_population(result, array.device)
    assert_cells(result, array)


def test_read_noise_biases_only_those_who_do_not_say_it(rng):
    array = array_of(devices.SoftBounds(dw_min=0.01, dw_min_dtod=0, w_max_dtod=0, w_min_dtod=0), cells=6)
    reads = core_traces(array)
    noisy = reads + 0.02 * rng.standard_normal(reads.shape)
    told = fit.device_from_pulses(SWEEPS, noisy, read_noise=0.02, noise="multiplicative")
    assert_cells(told, array)
    assert_population(told, array.device)
    silent = fit.device_from_pulses(SWEEPS, noisy, noise="multiplicative")
    assert np.all(silent.cells["dwmin_up"] > 1.2 * array.cell_parameters()["dwmin_up"])


def test_write_noise_comes_back():
    array = array_of(devices.SoftBounds(dw_min=0.01, write_noise_std=1.5), cells=6)
    result = fit.device_from_pulses(SWEEPS, core_traces(array), write_noise=True, noise="multiplicative")
    assert_population(result, array.device)
    assert set(result.cycle_to_cycle) == {"dw_min_std", "write_noise_std"}


@pytest.mark.parametrize("write_noise", [0.0, 2.0])
def test_all_kinds_of_noise_at_once(write_noise, rng):
    """Reads may end where no bound is: a cut that chance puts there must not pass for a measured bound."""
    array = array_of(devices.SoftBounds(dw_min=0.01, dw_min_std=1, mult_noise=False, write_noise_std=write_noise), 12)
    reads = core_traces(array)
    noisy = reads + 0.01 * rng.standard_normal(reads.shape)
    result = fit.device_from_pulses(SWEEPS, noisy, read_noise=0.01, write_noise=write_noise > 0, noise="additive")
    assert not result.device.mult_noise
    assert_population(result, array.device)
    assert_cells(result, array)


def test_bounds_that_clip_are_found_through_read_noise(rng):
    array = array_of(devices.ConstantStep(dw_min=0.01, **REACHED), cells=4)
    reads = core_traces(array)
    result = fit.device_from_pulses(
        SWEEPS, reads + 0.01 * rng.standard_normal(reads.shape), "constant_step", read_noise=0.01
    )
    assert_cells(result, array)
    assert np.all(result.cell_std_errors["max_bound"] < 0.005)


@pytest.mark.parametrize("model", ["exp_step", "piecewise"])
def test_the_shared_shape_tells_bounds_that_single_cells_did_not_reach(model):
    array = array_of(replace(DEVICES[model], dw_min_dtod=0.4), cells=24, rng=8)
    result = fit.device_from_pulses(SWEEPS, core_traces(array), model, nodes=4)
    truth = array.cell_parameters()
    ends = core_traces(array).max(axis=1)
    short = ends < truth["max_bound"].ravel() - 0.02
    assert short.any()
    assert np.all(np.isfinite(result.cell_std_errors["max_bound"][short]))
    assert_cells(result, array)
    assert_population(result, array.device)


def test_a_bound_that_no_cell_reached_says_so():
    device = devices.ConstantStep(dw_min=0.01, w_max=5, w_min=-5, w_max_dtod=0, w_min_dtod=0)
    reads = core_traces(array_of(device, 3))
    result = fit.device_from_pulses(SWEEPS, reads, "constant_step")
    np.testing.assert_allclose(result.cells["max_bound"], reads.max(axis=1))
    assert np.isnan(result.std_errors["w_max"])
    assert np.all(np.isnan(result.cell_std_errors["max_bound"]))


@pytest.mark.parametrize("model", ["linear_step", "soft_bounds", "pow_step"])
def test_without_noise_one_cell_comes_back_exactly(model):
    array = array_of(DEVICES[model].without_noise(), cells=1)
    result = fit.device_from_pulses(SWEEPS, core_traces(array)[0], model)
    truth = array.cell_parameters()
    for name, values in result.cells.items():
        # Not reached in 150 pulses: the trace's end stands for it.
        if not np.isnan(result.cell_std_errors[name][0]):
            np.testing.assert_allclose(values, truth[name][0], rtol=2e-3)
    assert result.parameters["dw_min_std"] < 1e-4
    assert all(result.device_to_device[name] == 0 for name in ("w_max_dtod", "dw_min_dtod", "up_down_dtod"))
    drawn = dt.CrossbarArray((1, 1), result.device, rng=9).cell_parameters()
    np.testing.assert_allclose(drawn["dwmin_up"], truth["dwmin_up"], rtol=2e-3)
    np.testing.assert_allclose(drawn["dwmin_down"], truth["dwmin_down"], rtol=2e-3)


RIVALS = {
    "constant_step": ("constant_step", "linear_step", "soft_bounds", "pow_step"),
    "linear_step": ("constant_step", "linear_step", "soft_bounds", "pow_step"),
    "soft_bounds": ("constant_step", "linear_step", "soft_bounds", "pow_step"),
    "pow_step": ("constant_step", "linear_step", "soft_bounds", "pow_step"),
    "exp_step": ("linear_step", "soft_bounds", "exp_step"),
    "piecewise": ("linear_step", "soft_bounds", "piecewise"),
}


@pytest.mark.parametrize("criterion", ["aic", "bic"])
@pytest.mark.parametrize("model", fit.MODELS)
def test_the_right_model_wins(model, criterion):
    bends = {"gamma_up": 12.0, "gamma_down": 12.0, "A_up": 0.002, "A_down": 0.002}
    device = devices.ExpStep(dw_min=0.01, a=0.5, b=0, **bends, **REACHED) if model == "exp_step" else DEVICES[model]
    if model == "pow_step":
        device = devices.PowStep(dw_min=0.03, pow_gamma=2.0)
    reads = core_traces(array_of(device, cells=4))
    ranked = fit.compare_models(
        SWEEPS, reads, models=RIVALS[model], criterion=criterion, noise="multiplicative", nodes=4
    )
    assert ranked.best.model == model
    scores = [getattr(result, criterion) for result in ranked.results]
    assert scores == sorted(scores)
    assert {result.model for result in ranked.results} | set(ranked.failures) == set(RIVALS[model])


def test_log_normal_steps_are_told_from_normal_ones():
    for log_normal in (True, False):
        spread = {"dw_min_dtod": 0.7, "dw_min_dtod_log_normal": True} if log_normal else {"dw_min_dtod": 0.25}
        array = array_of(devices.SoftBounds(dw_min=0.01, **spread), cells=64)
        result = fit.device_from_pulses(SWEEPS, core_traces(array), noise="multiplicative")
        assert result.device.dw_min_dtod_log_normal is log_normal
        assert_population(result, array.device)


def test_stuck_cells_are_counted_and_left_out():
    array = array_of(devices.SoftBounds(dw_min=0.01, corrupt_devices_prob=0.3), cells=16)
    truth = array.cell_parameters()
    stuck = (truth["dwmin_up"] == 0).ravel()
    result = fit.device_from_pulses(SWEEPS, core_traces(array), noise="multiplicative")
    np.testing.assert_array_equal(result.stuck, stuck)
    assert result.parameters["corrupt_devices_prob"] == stuck.mean()
    np.testing.assert_allclose(result.cells["max_bound"][stuck], truth["max_bound"].ravel()[stuck], atol=1e-6)
    assert np.all(np.isnan(result.residuals[stuck]))


def test_the_chip_can_be_built():
    array = dt.CrossbarArray((2, 3), DEVICES["piecewise"], rng=5)
    result = fit.device_from_pulses(SWEEPS, core_traces(array), "piecewise", nodes=4)
    chip = dt.CrossbarArray((2, 3), result.device, cell_parameters=result.chip((2, 3)), rng=1)
    built = chip.cell_parameters()
    np.testing.assert_allclose(built["max_bound"], array.cell_parameters()["max_bound"], rtol=1e-5)
    chip.pulse(+1, 10)
    assert np.all(np.isfinite(chip.weights))
    with pytest.raises(dt.ShapeError, match="6"):
        result.chip((2, 2))


def test_conventions_of_traces_agree():
    reads = core_traces(array_of(DEVICES["soft_bounds"], cells=3))
    one = fit.device_from_pulses(SWEEPS, reads, noise="multiplicative")
    signs = np.tile(SWEEPS, (3, 1))
    for polarity, conductance in (
        (signs, reads),
        (np.pad(signs, ((0, 0), (1, 0))), reads),
        (np.pad(SWEEPS, (1, 0), constant_values=-1), reads),  # what a pulse before the first read did is unknown
        (np.pad(signs.astype(float), ((0, 0), (0, 9))), np.pad(reads, ((0, 0), (0, 9)), constant_values=np.nan)),
    ):
        other = fit.device_from_pulses(polarity, conductance, noise="multiplicative")
        assert other.parameters == one.parameters
        assert other.residuals.shape == np.broadcast_shapes(np.shape(polarity), (3, 1))
    scaled = fit.device_from_pulses(SWEEPS, 5e-6 + 2e-6 * reads, g_range=(3e-6, 7e-6), noise="multiplicative")
    for name, value in one.parameters.items():
        assert scaled.parameters[name] == pytest.approx(value, rel=1e-4, abs=1e-7), name


def test_results_are_frozen_and_json():
    result = fit.device_from_pulses(SWEEPS, core_traces(array_of(DEVICES["soft_bounds"], cells=1)))
    with pytest.raises(AttributeError):
        result.model = "other"
    values = result.to_dict()
    assert values["std_errors"]["w_max_dtod"] is None
    assert dt.devices.Device.from_dict(values["device"]) == result.device
    assert result.bic - result.aic == pytest.approx(result.n_parameters * (np.log(result.n_pulses) - 2))
