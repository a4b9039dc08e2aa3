"""Tuning: the paper's values come first, test images stay unseen, studies go on."""

import json

import pytest

import dsptrack as dt
from dsptrack.cli import main
from dsptrack.experiments import METHODS, NETWORKS, SEARCH, tune, tuning
from dsptrack.experiments.runs import train_run

FIXED = {"data": "digits", "epochs": 1, "hidden": [4], "columns_per_transfer": 16}

optuna = pytest.importorskip("optuna")


def test_every_method_is_searched_around_the_papers_values():
    assert set(SEARCH) == set(METHODS)
    for network in NETWORKS.values():
        for name, ranges in SEARCH.items():
            values = dict(network.methods[name].options) | {"lr": network.methods[name].lr}
            for rate, r in ranges.items():
                assert r.low < values[rate] < r.high


def test_a_study_goes_on_and_keeps_the_best(tmp_path):
    seen = []
    storage = f"sqlite:///{tmp_path / 'tune.db'}"
    first = tune("rider", FIXED, trials=2, storage=storage, on_trial=lambda *trial: seen.append(trial))
    assert first.trials == 2
    paper = dict(METHODS["rider"].options) | {"lr": 0.05}
    assert seen[0][1] == {name: paper[name] for name in SEARCH["rider"]}
    assert first.accuracy == max(accuracy for _, _, accuracy in seen)
    second = tune("rider", FIXED, trials=1, storage=storage)
    assert second.trials == 3
    assert second.accuracy >= first.accuracy


def test_calls_draw_what_one_call_would_and_nothing_twice(tmp_path):
    def drawn(storage, *calls):
        seen = []
        for trials in calls:
            tune("rider", FIXED, trials=trials, storage=storage, on_trial=lambda *trial: seen.append(trial[1]))
        return seen

    whole, parts = (drawn(f"sqlite:///{tmp_path / name}", *calls) for name, calls in (("a", [4]), ("b", [1, 2, 1])))
    assert parts == whole
    assert len({tuple(values.values()) for values in parts}) == 4


def test_a_study_takes_trials_of_one_setting_only(tmp_path):
    storage = f"sqlite:///{tmp_path / 'tune.db'}"
    first = tune("rider", FIXED, trials=1, storage=storage)
    assert first.settings == {"method": "rider", "hold_out": 6, "seed": 0} | FIXED
    for other in ({"configuration": FIXED | {"recipe": "S"}}, {"configuration": FIXED, "seed": 1}):
        with pytest.raises(dt.ConfigError, match=r"dsptrack-rider.*trials of other settings"):
            tune("rider", **other, trials=1, storage=storage)
    assert tune("rider", FIXED | {"recipe": "S"}, trials=1, storage=storage, study="scaled").trials == 1


def test_a_study_without_identity_goes_on_and_takes_one(tmp_path):
    """As those made before there was one."""
    storage = f"sqlite:///{tmp_path / 'tune.db'}"
    old = optuna.create_study(storage=storage, study_name="dsptrack-rider", direction="maximize")
    old.set_user_attr("settings", {"method": "rider", "hold_out": 6, "seed": 0} | FIXED)
    old.add_trial(optuna.create_trial(value=1.0))
    assert tune("rider", FIXED, trials=1, storage=storage).trials == 2
    assert "images" in optuna.load_study(storage=storage, study_name="dsptrack-rider").user_attrs["identity"]


def test_an_interrupted_first_trial_does_not_lose_the_papers_values(tmp_path, monkeypatch):
    storage = f"sqlite:///{tmp_path / 'tune.db'}"

    def stopped(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune("rider", FIXED, trials=1, storage=storage, on_trial=stopped)
    seen = []
    found = tune("rider", FIXED, trials=1, storage=storage, on_trial=lambda *trial: seen.append(trial))
    assert seen[0][1]["eta"] == METHODS["rider"].options["eta"]
    assert found.trials == 1


def test_lenet5_starts_from_its_own_rates(monkeypatch):
    monkeypatch.setattr(tuning, "train_run", lambda root: lambda configuration, context: {"accuracy_mean": 50.0})
    found = tune("tt-v2", {"network": "lenet5", "data": "digits", "epochs": 1}, trials=1)
    assert found.best == {"lr": 0.005, "fast_lr": 0.005, "transfer_lr": 0.005}


def test_only_a_divergence_is_called_one(monkeypatch):
    def ends(error):
        def run(configuration, context):
            raise error

        monkeypatch.setattr(tuning, "train_run", lambda root: run)
        seen = []
        with pytest.raises(type(error)):
            tune("tt-v2", FIXED, trials=1, on_trial=lambda *trial: seen.append(trial))
        return [accuracy for _, _, accuracy in seen]

    assert ends(dt.DivergenceError("loss = inf")) == [None]
    assert ends(RuntimeError("broken")) == []


def test_a_study_is_not_bound_by_settings_with_which_no_trial_ended(tmp_path):
    storage = tmp_path / "what%20y.db"
    with pytest.raises(dt.ConfigError, match="reference_std"):
        tune("rider", FIXED | {"reference_std": -1.0}, trials=1, storage=storage)
    with pytest.raises(dt.ConfigError, match="image_shape"):  # 8 x 8 pixels are too few for it
        tune("rider", FIXED | {"network": "lenet5"}, trials=1, storage=storage)
    assert tune("rider", FIXED, trials=1, storage=storage).trials == 1
    assert storage.is_file()


def test_what_is_searched_or_an_argument_is_no_part_of_the_configuration():
    for own in ({"lr": 0.1}, {"method": "agad"}, {"hold_out": None}, {"rule": {"fast_lr": 0.1}}):
        with pytest.raises(dt.ConfigError, match=f"configuration: .*{next(iter(own.get('rule', own)))}"):
            tune("rider", FIXED | own, trials=1)


def test_storage_errors_are_one_line_without_password(capsys):
    command = ["tune", "--method", "tt-v2", "--data", "digits", "--storage"]
    for storage, shown in (
        ("nowhere.db", "nowhere.db"),
        ("xdb://me:secret@host/x", "xdb://me:***@host/x"),
        ("xdb//me:secret@host/x", "xdb//me:..."),
        ("xdb://host:port/x?password=secret", "xdb:..."),
        ("xdb://host/x?password=secret", "xdb://host/x?password=hidden"),
    ):
        assert main([*command, storage]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"dsptrack: error: storage = {shown}: ")


def test_the_test_images_stay_unseen(monkeypatch):
    data = dt.datasets.load("digits")
    asked = []
    monkeypatch.setattr(dt.datasets.Dataset, "hold_out", lambda self, one_in: asked.append(one_in) or data)
    dt.sweep.run(train_run(), [{"method": "rider", **FIXED}])
    assert asked == []
    dt.sweep.run(train_run(), [{"method": "rider", "hold_out": 6, **FIXED}])
    tune("rider", FIXED, trials=1)
    assert asked == [6, 6]


def test_the_command(tmp_path, capsys):
    command = ["tune", "--method", "tt-v2", "--data", "digits", "--epochs", "1", "--columns-per-transfer", "8"]
    assert main([*command, "--trials", "1", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "fast_lr" in out
    assert json.loads((tmp_path / "tune-tt-v2.json").read_text())["trials"] == 1
    assert (tmp_path / "tune.db").is_file()


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"hold_out": 1}, {"seed": -1}, {"num_threads": 0}])
def test_numbers_are_checked(wrong):
    with pytest.raises(dt.ConfigError, match=next(iter(wrong))):
        tune("rider", FIXED, **wrong)
