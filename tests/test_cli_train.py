"""``dsptrack train``: options from flags and from a file, resume, files, errors."""

import csv
import json

import pytest

import dsptrack as dt
from dsptrack.cli import main
from dsptrack.experiments.schedules import fields_of, schedule_of
from dsptrack.nn import schedules

TRAIN = ["train", "--data", "digits", "--epochs", "2", "--hidden", "8", "--batch-size", "50"]


def trained(arguments, out, capsys):
    """Run the command; return its JSON and what it said beside it."""
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def without_times(result):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in result["history"]]


def test_prints_a_table_and_writes_all_files(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    assert main([*TRAIN, "--out", str(out)]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert any(line.startswith("rule      E-RIDER") for line in lines)
    assert any(line.startswith("programming events") for line in lines)
    assert captured.err.count("\nepoch 2: loss ") == 1
    assert {path.name for path in out.iterdir()} == {
        "checkpoint.safetensors", "history.csv", "train.json", "train.png"
    }  # fmt: skip
    with (out / "history.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    written = json.loads((out / "train.json").read_text())
    assert written["results"][0]["accuracy"] == written["results"][0]["history"][-1]["test_accuracy"]


def test_json_has_the_form_of_compare(tmp_path, capsys):
    values, _ = trained([*TRAIN, "--method", "tt-v2"], tmp_path, capsys)
    assert values == json.loads((tmp_path / "train.json").read_text())
    (result,) = values["results"]
    keys = {"algorithm", "accuracy", "sp_error", "pulses", "programming_events", "seconds_per_epoch", "history"}
    assert keys <= set(result)
    assert result["algorithm"] == "tt-v2"


def test_quiet_is_quiet(tmp_path, capsys):
    _, said = trained([*TRAIN, "--quiet"], tmp_path, capsys)
    assert said == ""


def test_resume_continues_to_the_same_end(tmp_path, capsys):
    whole, _ = trained(TRAIN, tmp_path / "whole", capsys)
    trained([*TRAIN, "--epochs", "1"], tmp_path / "parts", capsys)
    parts, said = trained([*TRAIN, "--resume"], tmp_path / "parts", capsys)
    assert "epoch 1:" not in said
    assert "epoch 2:" in said
    assert without_times(whole["results"][0]) == without_times(parts["results"][0])


def test_resume_refuses_other_settings(tmp_path, capsys):
    trained(TRAIN, tmp_path, capsys)
    for other in (
        ["--lr", "0.3"],
        ["--batch-size", "10"],
        ["--hidden", "9"],
        ["--method", "rider"],
        ["--patience", "2"],
    ):
        assert main([*TRAIN, *other, "--resume", "--out", str(tmp_path)]) == 1, other
        captured = capsys.readouterr()
        assert captured.err.startswith("dsptrack: error: ")
        assert captured.err.count("\n") == 1


def test_a_file_holds_options_and_the_command_line_wins(tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text(
        'data = "digits"\nepochs = 1\nhidden = [8]\nbatch-size = 50\nmethod = "rider"\nseed = 5\n'
        'schedule = {kind = "step", every = 3, factor = 0.5}\n'
        "[rule]\ngamma = 0.25\ntransfer_read = {kind = 'Periphery'}\n"
    )
    assert main(["train", "--config", str(config), "--out", str(tmp_path)]) == 2
    assert "transfer_read" in capsys.readouterr().err
    config.write_text(config.read_text().rpartition("transfer_read")[0])
    file, _ = trained(["train", "--config", str(config)], tmp_path / "file", capsys)
    flags, _ = trained(
        [*TRAIN, "--epochs", "1", "--method", "rider", "--seed", "5", "--rule", "gamma=0.25",
         "--schedule", "step", "every=3", "factor=0.5"], tmp_path / "flags", capsys,
    )  # fmt: skip
    assert file["settings"] == flags["settings"]
    assert without_times(file["results"][0]) == without_times(flags["results"][0])
    assert file["settings"]["rule"] == {"gamma": 0.25}
    both, _ = trained(["train", "--config", str(config), "--seed", "6"], tmp_path / "both", capsys)
    assert (both["settings"]["seed"], both["settings"]["methods"]) == (6, ["rider"])


def test_a_file_may_hold_the_device(tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text('[device]\nkind = "SoftBoundsReference"\ndw_min = 0.02\n')
    values, said = trained([*TRAIN, "--epochs", "1", "--config", str(config)], tmp_path, capsys)
    assert values["settings"]["device"]["dw_min"] == 0.02
    assert values["settings"]["reference_mean"] is None
    assert "devices   SoftBoundsReference" in said


def test_lenet5(tmp_path, capsys):
    """Digits are too small for it: one line says so. (Its training is too long for here.)"""
    assert main([*TRAIN, "--network", "lenet5", "--out", str(tmp_path)]) == 2
    assert "image_shape" in capsys.readouterr().err


def test_patience_ends_a_run(tmp_path, capsys):
    values, _ = trained([*TRAIN, "--epochs", "30", "--lr", "0", "--patience", "1"], tmp_path, capsys)
    assert len(values["results"][0]["history"]) < 30


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["constant"], schedules.Constant(lr=0.2)),
        (["cosine"], schedules.Cosine(lr=0.2, epochs=7)),
        (["cosine", "epochs=3", "lr_min=0.1"], schedules.Cosine(lr=0.2, epochs=3, lr_min=0.1)),
        (["multi-step", "milestones=(2,4)"], schedules.MultiStep(lr=0.2, milestones=(2, 4))),
        ({"kind": "multi-step", "milestones": [2, 4]}, schedules.MultiStep(lr=0.2, milestones=(2, 4))),
        (["exponential", "factor=0.5", "lr=1.0"], schedules.Exponential(lr=1.0, factor=0.5)),
    ],
)
def test_schedules(words, wanted):
    assert schedule_of(words, lr=0.2, epochs=7) == wanted


def testfields_of():
    words = ["a=1", "b=0.5", "c=true", "d=false", "e=None", "f=(1,2)", "g=text", "h=1e-3"]
    wanted = {"a": 1, "b": 0.5, "c": True, "d": False, "e": None, "f": (1, 2), "g": "text", "h": 1e-3}
    assert fields_of("rule", words) == wanted


@pytest.mark.parametrize(
    "arguments",
    [
        ["--method", "sgd"],
        ["--rule", "gamma"],
        ["--rule", "gama=0.1"],
        ["--rule", "chop_probability=-0.1"],
        ["--rule", "gamma=much"],
        ["--schedule", "linear"],
        ["--schedule", "step"],
        ["--schedule", "step", "every=0"],
        ["--schedule", "step", "each=2"],
        ["--warmup", "0"],
        ["--patience", "0"],
        ["--checkpoint-every", "0"],
        ["--epochs", "0"],
        ["--seed", "-1"],
        ["--network", "resnet"],
    ],
)
def test_wrong_usage_is_two(arguments, tmp_path, capsys):
    assert main([*TRAIN, *arguments, "--out", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert "error: " in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("epoch = 3", 2),
        ("epochs = 'many'", 2),
        ("epochs = 2.5", 2),
        ("method = 3", 2),
        ("hidden = 8", 2),
        ("schedule = 3", 2),
        ("schedule = []", 2),
        ("rule = 3", 2),
        ("resume = 'yes'", 2),
        ("checkpoint = 3", 2),
        ("data_root = 3", 2),
        ("device = 3", 2),
        ("epochs = ", 1),
    ],
)
def test_wrong_files(text, code, tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text(text)
    assert main(["train", "--config", str(config), "--out", str(tmp_path / "out")]) == code
    assert "error: " in capsys.readouterr().err
    assert main(["train", "--config", str(tmp_path / "missing.toml")]) == 1


def test_help(capsys):
    assert main(["train", "--help"]) == 0
    assert "--checkpoint-every" in capsys.readouterr().out


def test_the_function_behind_it():
    from dsptrack.experiments import CompareSettings, TrainSettings

    with pytest.raises(dt.ConfigError, match="methods"):
        TrainSettings(setup=CompareSettings())
    with pytest.raises(dt.ConfigError, match="schedule"):
        TrainSettings(schedule=0.1)


def test_the_checkpoints_folder_is_made_before_the_training(tmp_path, capsys):
    file = tmp_path / "new" / "x.safetensors"
    assert main([*TRAIN, "--epochs", "1", "--checkpoint", str(file), "--out", str(tmp_path)]) == 0
    assert file.is_file()


def test_options_are_not_abbreviated(capsys):
    assert main([*TRAIN, "--epoch", "1"]) == 2
    assert "--epoch" in capsys.readouterr().err


def test_lack_of_memory_is_one_line(monkeypatch, capsys, tmp_path):
    def full(*_, **__):
        raise MemoryError("cannot allocate 1 bytes for the cells")

    monkeypatch.setattr("dsptrack.cli.respond.dt.CrossbarArray", full)
    assert main(["respond", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "dsptrack: error: cannot allocate 1 bytes for the cells\n"
