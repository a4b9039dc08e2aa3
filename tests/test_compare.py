"""The comparison as a library function: its table of hyper-parameters, its settings, tiny runs."""

import dataclasses
import json

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.experiments import METHODS, RECIPES, SCHEDULES, CompareSettings, TrainSettings, calibrate, compare

TINY = {"data": "digits", "epochs": 2, "hidden": (12,), "columns_per_transfer": 8}


@pytest.fixture(scope="module")
def tiny_data():
    data = dt.datasets.load("digits")
    return dataclasses.replace(data, train_x=data.train_x[:200], train_y=data.train_y[:200])


def test_every_method_runs(tiny_data):
    seen = []
    result = compare(CompareSettings(**TINY), data=tiny_data, progress=False, on_result=seen.append)
    assert seen == list(result.results)
    assert [r.method for r in result.results] == ["tt-v2", "agad", "agad-fast", "rider", "e-rider"]
    assert [r.algorithm for r in result.results] == ["tt-v2", "agad", "agad", "rider", "e-rider"]
    for r in result.results:
        assert 0 <= r.accuracy <= 100
        assert len(r.history) == 2
        assert set(r.pulses) == {"P", "W"}
        assert r.pulses["P"] > 0
        assert r.sp_error > 0
        assert r.seconds_per_epoch > 0
    events = {r.method: r.programming_events for r in result.results}
    assert events["tt-v2"] == 0
    # RIDER rewrites its reference at every read: 20 mini-batches, 8 columns a tile, 2 epochs
    assert events["rider"] == 2 * 20 * 8 * (12 + 10)
    values = json.loads(json.dumps(result.to_dict()))
    assert values["settings"]["epochs"] == 2
    assert values["results"][4]["history"][1]["epoch"] == 2


def test_same_seed_same_result_whatever_the_threads(tiny_data):
    runs = [
        compare(CompareSettings(**TINY, methods=("e-rider",), seed=7, threads=n), data=tiny_data, progress=False)
        for n in (1, 2)
    ]
    accuracies = [[record.test_accuracy for record in run.results[0].history] for run in runs]
    assert accuracies[0] == accuracies[1]
    assert runs[0].results[0].pulses == runs[1].results[0].pulses


def test_methods_share_cells_and_initial_weights():
    """The same seed draws the same symmetric points and the same W for every rule."""
    settings = CompareSettings(**TINY)
    models = [dt.nn.fcn(settings.rule(METHODS[name]), sizes=(8, 4), rng=3) for name in ("agad", "e-rider")]
    for array in ("P", "W"):
        points = [model.tiles[0].arrays[array].symmetric_point() for model in models]
        np.testing.assert_array_equal(*points)
    np.testing.assert_array_equal(*(model.tiles[0].arrays["W"].weights for model in models))


def test_reference_offset_is_on_the_arrays_asked():
    fast = CompareSettings(reference_mean=0.4, reference_std=0.3)
    rule = fast.rule(METHODS["e-rider"])
    assert (rule.device.reference_mean, rule.device.reference_std) == (0.4, 0.3)
    assert (rule.slow_device.reference_mean, rule.slow_device.reference_std) == (0.0, 0.05)
    both = CompareSettings(reference_mean=0.4, reference_std=0.3, reference_on="both").rule(METHODS["e-rider"])
    assert both.device == both.slow_device == rule.device


def test_hyperparameters_are_the_papers():
    """Table 2 of the paper, FCN column."""
    printed = {
        "tt-v2": {"fast_lr": 0.03, "transfer_lr": 0.01, "scale_transfer_lr": True, "thres_scale": 0.8, "momentum": 0.1},
        "agad": {"fast_lr": 0.05, "transfer_lr": 0.3, "chop_probability": 0.1, "scale_transfer_lr": True},
        "agad-fast": {"fast_lr": 0.5, "transfer_lr": 0.3, "chop_probability": 0.1, "scale_transfer_lr": True},
        "e-rider": {"fast_lr": 0.5, "transfer_lr": 0.05, "chop_probability": 0.05, "gamma": 0.1},
    }
    settings = CompareSettings()
    for name, fields in printed.items():
        rule = settings.rule(METHODS[name])
        for field, value in fields.items():
            assert getattr(rule, field) == value, (name, field)
    assert (RECIPES["S"].weight_scaling_omega, RECIPES["S"].desired_bl) == (0.3, 5)
    assert set(SCHEDULES) == set(dt.datasets.NAMES)


def test_a_network_brings_its_recipe_batch_and_rates():
    settings = CompareSettings(network="lenet5")
    assert (settings.layers.recipe, settings.layers.batch_size) == ("S", 8)
    assert settings.layers.methods["agad"].options["fast_lr"] == 0.01
    assert settings.to_dict()["recipe"] == "S"
    assert settings.first_write(METHODS["e-rider"], 784, 60000) == 21 * 128 / 7500  # 512 columns, 4 a mini-batch
    own = CompareSettings(network="lenet5", recipe="R", batch_size=4)
    assert (own.layers.recipe, own.layers.batch_size) == ("R", 4)
    assert TrainSettings(setup=CompareSettings(network="lenet5", methods=("tt-v2",))).row.lr == 0.005


def test_the_tables_are_frozen():
    with pytest.raises(TypeError):
        METHODS["new"] = METHODS["agad"]
    with pytest.raises(TypeError):
        METHODS["agad"].options["fast_lr"] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        METHODS["agad"].lr = 1.0


def test_first_write_is_when_w_is_first_written(tiny_data):
    """The epoch that the header promises, against the ledger: no pulse on W before it."""
    settings = CompareSettings(**TINY | {"epochs": 9}, methods=("e-rider",))
    promised = settings.first_write(METHODS["e-rider"], 64, 200)
    assert promised == 21 * 8 / 20
    (result,) = compare(settings, data=tiny_data, progress=False).results
    written = [record.epoch for record in result.history if record.pulses["W"] > 0]
    narrow = settings.first_write(METHODS["e-rider"], 12, 200)  # the second layer's sweep is shorter
    assert min(written, default=99) > narrow


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data": "cifar"}, "data"),
        ({"methods": ()}, "methods"),
        ({"methods": ("agad", "agad")}, "methods"),
        ({"methods": ("sgd",)}, "methods"),
        ({"recipe": "T"}, "recipe"),
        ({"reference_on": "slow"}, "reference_on"),
        ({"reference_std": -1.0}, "reference_std"),
        ({"reference_mean": float("nan")}, "reference_mean"),
        ({"epochs": 0}, "epochs"),
        ({"columns_per_transfer": 0}, "columns_per_transfer"),
        ({"batch_size": 0}, "batch_size"),
        ({"hidden": (0,)}, "hidden"),
        ({"lr": -1.0}, "lr"),
        ({"seed": -1}, "seed"),
        ({"threads": 0}, "threads"),
    ],
)
def test_bad_settings(fields, message):
    with pytest.raises(dt.ConfigError, match=message):
        CompareSettings(**fields)


def test_calibration_approaches_the_truth_below_the_bound():
    result = calibrate(shape=(64, 64), budgets=(500, 2000, 8000), rng=0)
    errors = [point.rms_error for point in result.points]
    assert errors[0] > errors[1] > errors[2]
    for point in result.points[:2]:
        assert point.rms_error == pytest.approx(point.expected, rel=0.1)
    assert all(point.rms_error < point.bound for point in result.points)
    assert result.percent(result.points[2])[0] < 1.0 < result.percent(result.points[0])[0]


@pytest.mark.parametrize("budgets", [(), (3,), (0,), (200, 100), (100, 100)])
def test_calibration_refuses_bad_budgets(budgets):
    with pytest.raises(dt.ConfigError, match="budgets"):
        calibrate(shape=(2, 2), budgets=budgets)


def test_calibration_needs_symmetric_points():
    with pytest.raises(dt.ConfigError, match="symmetric point"):
        calibrate(shape=(2, 2), device=dt.devices.ConstantStep())
