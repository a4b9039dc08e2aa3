"""``--config FILE`` of every command: defaults from TOML, checked as the command line is; its words win."""

import argparse
import json
from pathlib import Path

import pytest

import dsptrack as dt
from dsptrack.cli import main, parser
from dsptrack.cli.config import OrTable, defaults

COMMANDS = sorted(parser().parse_args(["info"]).commands)


@pytest.fixture
def options():
    """A parser with an option of every form that the commands have."""
    made = argparse.ArgumentParser()
    made.add_argument("traces", type=Path)
    made.add_argument("--epochs", type=int)
    made.add_argument("--lr", type=float)
    made.add_argument("--batch-size", type=int, default=argparse.SUPPRESS)
    made.add_argument("--out", type=Path)
    made.add_argument("--scheme", choices=("cyclic", "stochastic"))
    made.add_argument("--methods", nargs="+", choices=("rider", "agad"))
    made.add_argument("--hidden", nargs="*", type=int)
    made.add_argument("--shape", nargs=2, type=int)
    made.add_argument("--device", action=OrTable)
    made.add_argument("--rule", nargs="+", action=OrTable)
    made.add_argument("--quiet", action="store_true")
    return made


def read(options, tmp_path, text):
    file = tmp_path / "run.toml"
    file.write_text(text, encoding="utf-8")
    return defaults(file, options)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("epochs = 3", {"epochs": 3}),
        ("lr = 1", {"lr": 1.0}),
        ("batch-size = 4", {"batch_size": 4}),
        ("batch_size = 4", {"batch_size": 4}),
        ("out = 'a/b'", {"out": Path("a/b")}),
        ("scheme = 'stochastic'", {"scheme": "stochastic"}),
        ("methods = ['agad']", {"methods": ["agad"]}),
        ("hidden = []", {"hidden": []}),
        ("shape = [2, 3]", {"shape": [2, 3]}),
        ("device = 'ecram'", {"device": "ecram"}),
        ("[device]\nkind = 'SoftBounds'", {"device": {"kind": "SoftBounds"}}),
        ("rule = 'gamma=1'", {"rule": ["gamma=1"]}),
        ("rule = ['gamma=1', 'eta=2']", {"rule": ["gamma=1", "eta=2"]}),
        ("quiet = false", {"quiet": False}),
    ],
)
def test_values(text, wanted, options, tmp_path):
    found = read(options, tmp_path, text)
    assert found == wanted
    assert [type(value) for value in found.values()] == [type(value) for value in wanted.values()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", r"no option 'epoch': must be among batch_size, device, epochs, hidden, lr, .*shape$"),
        ("traces = 'a.csv'", "no option 'traces'"),
        ("config = 'a.toml'", "no option 'config'"),
        ("help = true", "no option 'help'"),
        ("epochs = 2.5", r"epochs = 2.5: must be a whole number$"),
        ("epochs = true", "must be a whole number"),
        ("epochs = [3]", "must be a whole number"),
        ("lr = '0.1'", r"lr = '0.1': must be a number$"),
        ("lr = false", "must be a number"),
        ("out = 3", "out = 3: must be text"),
        ("scheme = 'both'", "scheme = 'both': must be among cyclic, stochastic"),
        ("methods = []", "methods = \\[\\]: must be a list"),
        ("methods = 'agad'", "must be a list"),
        ("methods = ['sgd']", "must be among rider, agad"),
        ("hidden = 8", "hidden = 8: must be a list"),
        ("hidden = ['8']", "must be a whole number"),
        ("shape = [2]", "must be a list of 2 entries"),
        ("device = 3", "device = 3: must be text or a table"),
        ("rule = 3", "rule = 3: must be a list or a table"),
        ("rule = [3]", "must be text or a table"),
        ("quiet = 1", "quiet = 1: must be true or false"),
        ("scheme = {a = 1}", "must be text"),
        ("batch-size = 1\nbatch_size = 2", "there twice"),
    ],
)
def test_wrong_values_name_key_value_and_what_is_allowed(text, message, options, tmp_path):
    with pytest.raises(dt.ConfigError, match=message) as raised:
        read(options, tmp_path, text)
    assert str(raised.value).startswith(str(tmp_path / "run.toml"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_an_unknown_key(command, tmp_path, capsys):
    file = tmp_path / "run.toml"
    file.write_text("colour = 3")
    words = {"fit": ["traces.csv"], "sweep": ["grid.toml"], "reproduce": ["fig1a"], "completion": ["bash"]}.get(
        command, []
    )
    assert main([command, *words, "--config", str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    known = "this command has none" if command == "completion" else "must be among "
    assert captured.err.startswith(f"dsptrack: error: {file}: no option 'colour': {known}")


def test_the_command_line_wins(tmp_path, capsys):
    file = tmp_path / "run.toml"
    file.write_text(f"shape = [4, 4]\npulses = [20]\nseed = 7\njson = true\nout = '{tmp_path}'\nquiet = true\n")

    def calibrated(*words):
        assert main(["calibrate", "--config", str(file), *words]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return json.loads(captured.out)

    both = calibrated("--pulses", "10", "40")
    assert both["shape"] == [4, 4]
    assert [point["pulses"] for point in both["points"]] == [10, 40]
    assert calibrated()["true_mean"] == calibrated("--seed", "7")["true_mean"] != calibrated("--seed", "8")["true_mean"]


def test_devices_are_tables_everywhere(tmp_path, capsys):
    file = tmp_path / "run.toml"
    small = {
        "calibrate": "shape = [4, 4]\npulses = [20]",
        "respond": "shape = [4, 4]",
        "compare": "data = 'digits'\nepochs = 1\nhidden = [4]\nmethods = ['tt-v2']",
        "train": "data = 'digits'\nepochs = 1\nhidden = [4]\nmethod = 'tt-v2'\nschedule = 'cosine'",
    }
    for command, text in small.items():
        file.write_text(f"{text}\n[device]\nkind = 'SoftBoundsReference'\ndw_min = 0.0125\n")
        assert main([command, "--config", str(file), "--out", str(tmp_path)]) == 0, command
        values = json.loads((tmp_path / f"{command}.json").read_text())
        device = values["settings"]["device"] if "settings" in values else values["device"]
        assert device["dw_min"] == 0.0125
        shown = capsys.readouterr().out
        assert "SoftBoundsReference" in shown or command == "calibrate"
    file.write_text("[device]\nkind = 'SoftBounds'\ndw_mini = 1\n")
    assert main(["respond", "--config", str(file)]) == 2
    assert "dw_mini" in capsys.readouterr().err
