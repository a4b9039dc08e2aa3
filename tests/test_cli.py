"""The command line: tables and JSON on stdout, remarks on stderr, exit codes, one-line errors."""

import json
import subprocess
import sys

import pytest

import dsptrack as dt
from dsptrack.cli import main

COMPARE = ["compare", "--data", "digits", "--epochs", "1", "--hidden", "8", "--methods", "tt-v2", "e-rider"]
CALIBRATE = ["calibrate", "--shape", "8", "8", "--pulses", "20", "40"]
PNG = b"\x89PNG"


def test_compare_prints_a_table_and_writes_both_files(tmp_path, capsys):
    assert main([*COMPARE, "--out", str(tmp_path / "new" / "folder")]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert any(line.startswith("warm-up") and "E-RIDER" in line for line in lines)
    (head,) = [i for i, line in enumerate(lines) if line.startswith("method")]
    assert "pulses P" in lines[head]
    assert "pulses W" in lines[head]
    assert lines[head + 2].startswith("TT-v2")
    assert lines[head + 3].startswith("E-RIDER")
    written = json.loads((tmp_path / "new" / "folder" / "compare.json").read_text())
    assert [result["algorithm"] for result in written["results"]] == ["tt-v2", "e-rider"]
    assert (tmp_path / "new" / "folder" / "compare.png").read_bytes().startswith(PNG)


def test_compare_json_is_all_of_stdout(tmp_path, capsys):
    assert main([*COMPARE, "--out", str(tmp_path), "--json"]) == 0
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert values == json.loads((tmp_path / "compare.json").read_text())
    keys = {"algorithm", "accuracy", "sp_error", "pulses", "programming_events", "seconds_per_epoch", "history"}
    assert all(keys <= set(result) for result in values["results"])
    assert "E-RIDER" in captured.err


def test_quiet_is_quiet(tmp_path, capsys):
    assert main([*COMPARE, "--out", str(tmp_path), "--json", "--quiet"]) == 0
    captured = capsys.readouterr()
    json.loads(captured.out)
    assert captured.err == ""


def test_calibrate(tmp_path, capsys):
    assert main([*CALIBRATE, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Theorem C.4" in out
    values = json.loads((tmp_path / "calibrate.json").read_text())
    assert [point["pulses"] for point in values["points"]] == [20, 40]
    assert values["device"]["kind"] == "SoftBounds"
    assert (tmp_path / "calibrate.png").read_bytes().startswith(PNG)


def test_calibrate_json(tmp_path, capsys):
    assert main([*CALIBRATE, "--scheme", "stochastic", "--out", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["theorem"] == "Theorem C.2"


@pytest.mark.parametrize("argument", [[], ["--json"]])
def test_info(argument, capsys):
    assert main(["info", *argument]) == 0
    out = capsys.readouterr().out
    assert dt.__version__ in out
    if argument:
        assert json.loads(out)["stream_version"] == dt.STREAM_VERSION


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["compare", "--help"], ["calibrate", "--help"], ["respond", "--help"]]
)
def test_help(arguments, capsys):
    assert main(arguments) == 0
    assert "dsptrack" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["compare", "--data", "cifar"],
        ["compare", "--epochs", "many"],
        ["compare", "--epochs", "0"],
        ["compare", "--reference-std", "-1"],
        ["compare", "--threads", "0"],
        ["calibrate", "--pulses", "7"],
        ["calibrate", "--shape", "0", "4"],
        ["calibrate", "--dw-min", "nan"],
    ],
)
def test_wrong_usage_is_two(arguments, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error: " in captured.err
    assert "Traceback" not in captured.err


def test_missing_data_is_one_line_and_one(tmp_path, capsys):
    assert main(["compare", "--data", "mnist", "--data-root", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert str(tmp_path) in captured.err


def test_unwritable_folder_is_one(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([*COMPARE, "--out", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("dsptrack: error: ")


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "dsptrack", "info", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["version"] == dt.__version__
