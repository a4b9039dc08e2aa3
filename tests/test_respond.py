"""Devices on the command line: ``dsptrack respond``, and ``--device`` wherever a command takes one."""

import json

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.cli import main
from dsptrack.experiments import CompareSettings

PICTURES = ("response.png", "pulse-train.png", "symmetric-points.png")
SMALL = ["--shape", "8", "9"]
COMPARE = ["compare", "--data", "digits", "--epochs", "1", "--hidden", "8", "--methods", "e-rider"]
CALIBRATE = ["calibrate", "--shape", "8", "8", "--pulses", "20", "40"]


@pytest.fixture
def device_file(tmp_path):
    path = tmp_path / "mine.toml"
    dt.io.save_device(dt.devices.SoftBounds(dw_min=0.05, w_max=1.5), path)
    return str(path)


def rows_of(out):
    """The printed table: figures by the words of the first column."""
    lines = [line for line in out.splitlines() if line.startswith(("dw_min", "up", "down", "states", "lower", "symm"))]
    return {" ".join(line.split()[:-3]): line.split()[-3:] for line in lines}


@pytest.mark.parametrize("name", ["capacitor", "idealized", "pcm", "reram_es"])
def test_presets(name, tmp_path, capsys):
    assert main(["respond", "--device", name, *SMALL, "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{name} ({type(getattr(dt.presets, name)()).__name__}), 8 x 9 cells")
    assert all(picture in captured.err for picture in PICTURES)
    for picture in PICTURES:
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    values = json.loads((tmp_path / "respond.json").read_text())
    assert dt.devices.Device.from_dict(values["device"]) == getattr(dt.presets, name)()


def test_the_table_is_that_of_the_array(tmp_path, capsys):
    arguments = ["respond", "--device", "ecram", "--shape", "20", "30", "--seed", "5", "--out", str(tmp_path)]
    assert main(arguments) == 0
    rows = rows_of(capsys.readouterr().out)
    array = dt.CrossbarArray((20, 30), dt.presets.ecram(), rng=5)
    cells = array.cell_parameters()
    expected = {
        "dw_min, mean of s+ and s- (weight)": (0.002, (cells["dwmin_up"] + cells["dwmin_down"]) / 2),
        "up step s+ (weight)": (0.002, cells["dwmin_up"]),
        "upper bound (weight)": (1.1724, cells["max_bound"]),
        "lower bound (weight)": (-0.8276, cells["min_bound"]),
        "symmetric point (weight)": (0.0, array.symmetric_point()),
        "states": (1000, (cells["max_bound"] - cells["min_bound"]) / (cells["dwmin_up"] + cells["dwmin_down"]) * 2),
    }
    for name, (nominal, values) in expected.items():
        shown = [float(text.replace(",", "")) for text in rows[name]]
        np.testing.assert_allclose(shown[0], nominal, rtol=1e-3, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(shown[1:], [values.mean(), values.std()], rtol=1e-3, atol=1e-4, err_msg=name)


def test_references_shift_bounds_and_points(tmp_path, capsys):
    device = dt.devices.SoftBoundsReference(reference_mean=0.25, w_max=1.0, w_min=-1.0, dw_min=0.01)
    dt.io.save_device(device, tmp_path / "shifted.json")
    assert main(["respond", "--device", str(tmp_path / "shifted.json"), "--out", str(tmp_path), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["upper_bound"]["nominal"] == pytest.approx(0.75)
    assert values["lower_bound"]["nominal"] == pytest.approx(-1.25)
    assert values["symmetric_point"]["nominal"] == pytest.approx(-0.25)
    assert values["states"]["nominal"] == pytest.approx(200, rel=1e-5)


def test_cells_without_symmetric_point_are_counted(tmp_path, capsys):
    assert main(["respond", "--device", "idealized", *SMALL, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert rows_of(out)["symmetric point (weight)"] == ["-", "-", "-"]
    assert out.endswith("72 of 72 cells have no symmetric point inside their bounds\n")
    values = json.loads((tmp_path / "respond.json").read_text())
    assert values["without_symmetric_point"] == 72
    assert values["symmetric_point"] == {"nominal": None, "mean": None, "std": None}


def test_json_is_all_of_stdout(tmp_path, capsys):
    assert main(["respond", *SMALL, "--json", "--quiet", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == json.loads((tmp_path / "respond.json").read_text())
    assert json.loads(captured.out)["device"]["kind"] == "SoftBoundsReference"  # the default, reram_sb
    assert captured.err == ""


def test_same_seed_same_numbers(tmp_path, capsys):
    runs = []
    for seed, threads in (("3", "1"), ("3", "2"), ("4", "1")):
        arguments = ["respond", *SMALL, "--seed", seed, "--threads", threads, "--quiet", "--out", str(tmp_path)]
        assert main(arguments) == 0
        runs.append(capsys.readouterr().out)
    assert runs[0] == runs[1] != runs[2]


def test_calibrate_takes_a_device(device_file, tmp_path, capsys):
    assert main([*CALIBRATE, "--device", device_file, "--up-down", "0.1", "--out", str(tmp_path)]) == 0
    assert "dw_min 0.05" in capsys.readouterr().out
    values = json.loads((tmp_path / "calibrate.json").read_text())
    expected = dt.devices.SoftBounds(dw_min=0.05, w_max=1.5, up_down=0.1)
    assert dt.devices.Device.from_dict(values["device"]) == expected


def test_calibrate_where_theory_says_nothing(tmp_path, capsys):
    """An exponential device has no exact mean, a coarse one no bound; cells without a symmetric point are left out."""
    assert main([*CALIBRATE, "--device", "pcm", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-2] == "-"
    assert main([*CALIBRATE, "--device", "capacitor", "--out", str(tmp_path)]) == 0
    assert "cells have none inside their bounds and are left out" in capsys.readouterr().out
    assert json.loads((tmp_path / "calibrate.json").read_text())["without"] > 0
    for device in ("idealized", "gokmen_vlasov"):
        assert main([*CALIBRATE, "--device", device, "--out", str(tmp_path)]) == 2
        assert "symmetric point" in capsys.readouterr().err


def test_compare_takes_a_device(device_file, tmp_path, capsys):
    assert main([*COMPARE, "--device", device_file, "--out", str(tmp_path), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert f"devices   {device_file}\n" in out
    settings = json.loads((tmp_path / "compare.json").read_text())["settings"]
    assert dt.devices.Device.from_dict(settings["device"]) == dt.io.load_device(device_file)
    assert settings["reference_mean"] is None


def test_compare_keeps_the_devices_own_reference(tmp_path, capsys):
    own = ["--device", "reram_array_om", "--out", str(tmp_path), "--quiet"]
    assert main([*COMPARE, *own]) == 0
    assert "devices   reram_array_om, reference N(0, 0.05²) on the fast array" in capsys.readouterr().out
    assert main([*COMPARE, *own, "--reference-mean", "0.3"]) == 0
    assert "devices   reram_array_om, reference N(0.3, 0.05²) on the fast array" in capsys.readouterr().out


def test_compare_without_a_device_is_what_it_was(tmp_path, capsys):
    assert main([*COMPARE, "--out", str(tmp_path), "--quiet"]) == 0
    assert "devices   reram_array_hfo2, reference N(0.4, 0.3²) on the fast array" in capsys.readouterr().out


def test_settings_with_a_device():
    soft = dt.devices.SoftBounds()
    settings = CompareSettings(device=soft, reference_mean=None, reference_std=None)
    assert settings.array_device(fast=True) == settings.array_device(fast=False) == soft
    for fields in ({}, {"reference_mean": None}, {"reference_std": None}):
        with pytest.raises(dt.ConfigError, match="must be None for a SoftBounds, which has no reference"):
            CompareSettings(device=soft, **fields)
    with pytest.raises(dt.ConfigError, match="device"):
        CompareSettings(device="reram_sb")
    power = CompareSettings(device=dt.devices.PowStepReference(), reference_mean=0.1)
    assert power.array_device(fast=True).reference_mean == 0.1
    assert power.array_device(fast=False) == dt.devices.PowStepReference()


@pytest.mark.parametrize("command", [["respond"], CALIBRATE, COMPARE], ids=["respond", "calibrate", "compare"])
@pytest.mark.parametrize(
    ("device", "code", "words"),
    [
        ("reram", 2, "must be a .toml or .json file or one of capacitor, ecram"),
        ("", 2, "must be a .toml or .json file"),
        ("mine.txt", 2, "must end with .toml or .json"),
        ("absent.toml", 1, "absent.toml: no such file"),
        ("broken.toml", 1, "broken.toml"),
        ("unknown.toml", 2, "unknown.toml: SoftBounds has no field slope"),
        ("kindless.toml", 2, "kindless.toml: kind = None"),
    ],
)
def test_bad_devices_are_one_line(command, device, code, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, text in {"broken": "kind = ", "unknown": 'kind = "SoftBounds"\nslope = 1', "kindless": ""}.items():
        (tmp_path / f"{name}.toml").write_text(text)
    assert main([*command, "--device", device]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert words in captured.err


def test_wrong_shapes_are_refused(capsys):
    assert main(["respond", "--shape", "0", "3"]) == 2
    assert "shape" in capsys.readouterr().err
