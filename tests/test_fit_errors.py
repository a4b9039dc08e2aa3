"""Fits refuse what they cannot use, by typed errors; CSV files and ``dsptrack fit``."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import dsptrack as dt
from dsptrack import fit
from dsptrack.cli import main
from dsptrack.fit.shapes import Exponential

POLARITY = np.tile(np.repeat([1, -1], 40), 2)
MODELS = ("constant_step", "linear_step", "soft_bounds", "pow_step", "exp_step", "piecewise")
HEADER = "cell,pulse,polarity,conductance\n"


def line(polarity=POLARITY, up=0.02, down=0.03, rng=None):
    """A cell with soft bounds at 1 and -0.75, with one per cent of cycle noise."""
    rng = np.random.default_rng(4) if rng is None else rng
    reads = [0.0]
    for sign in polarity:
        w, noise = reads[-1], 1 + 0.01 * rng.standard_normal()
        reads.append(w + noise * (up * (1 - w) if sign > 0 else -down * (1 + w / 0.75)))
    return np.array(reads)


def traces():
    rng = np.random.default_rng(4)
    return np.array([line(up=up, rng=rng) for up in (0.02, 0.022, 0.025)])


READS = line()
WITH_HOLE = np.where(np.arange(READS.size) == 7, np.nan, READS)
WITH_INFINITY = np.where(np.arange(READS.size) == 7, np.inf, READS)


@pytest.mark.parametrize(
    ("polarity", "conductance", "options", "error", "message"),
    [
        (POLARITY, READS, {"model": "tanh"}, dt.ConfigError, "model = 'tanh'"),
        (POLARITY, READS, {"noise": "pink"}, dt.ConfigError, "noise = 'pink'"),
        (POLARITY, READS, {"noise": "additive", "model": "pow_step"}, dt.ConfigError, "PowStep has multiplicative"),
        (POLARITY, READS, {"write_noise": True, "model": "constant_step"}, dt.ConfigError, "no write noise"),
        (POLARITY, READS, {"read_noise": -1}, dt.ConfigError, "read_noise = -1"),
        (POLARITY, READS, {"nodes": 1}, dt.ConfigError, "nodes = 1"),
        (POLARITY, READS, {"g_range": (1, 0)}, dt.ConfigError, "g_range"),
        (POLARITY, READS, {"g_range": 1}, dt.ConfigError, "g_range = 1"),
        (2 * POLARITY, READS, {}, dt.ConfigError, "polarity"),
        (POLARITY, READS.astype(str), {}, dt.ConfigError, "dtype"),
        (POLARITY, READS[2:], {}, dt.ShapeError, "as many reads as pulses or one more"),
        (np.tile(POLARITY, (2, 1)), np.tile(READS, (3, 1)), {}, dt.ShapeError, "as many cells"),
        (POLARITY, [[0.0, 1.0], [2.0]], {}, dt.ShapeError, "ragged"),
        ([], [], {}, dt.ShapeError, "empty"),
        (POLARITY, WITH_HOLE, {}, dt.NonFiniteError, "cell 0"),
        (POLARITY, WITH_INFINITY, {}, dt.NonFiniteError, "infinity"),
        (POLARITY[:44], READS[:45], {}, dt.DataError, "4 down pulses"),
        (POLARITY, 0 * READS, {}, dt.DataError, "never changes"),
        (POLARITY, READS + 5, {}, dt.DataError, "do not enclose weight 0"),
        (POLARITY, 1e-6 * READS, {}, dt.DataError, "set g_range"),
        (POLARITY, 1.0 * (np.arange(161) < 80), {}, dt.DataError, "moves it"),
        *((POLARITY, -READS, {"model": model}, dt.DataError, r"polarity must be \+1 for up") for model in MODELS),
        (POLARITY, np.cumsum([0, *(0.01 * POLARITY)]) - 0.2, {}, dt.DataError, "do not shrink"),
        (POLARITY, READS, {"model": "exp_step"}, dt.DataError, "do not bend"),
    ],
)
def test_refusals(polarity, conductance, options, error, message):
    with pytest.raises(error, match=message):
        fit.device_from_pulses(polarity, conductance, **options)


def test_a_comparison_keeps_the_models_that_fit():
    noisy = 0.01 * POLARITY * (1 + 0.1 * np.random.default_rng(1).standard_normal(POLARITY.size))
    straight = np.cumsum([-0.2, *noisy])
    ranked = fit.compare_models(POLARITY, straight, models=("soft_bounds", "piecewise"), nodes=3)
    assert [result.model for result in ranked.results] == ["piecewise"]
    assert "do not shrink" in ranked.failures["soft_bounds"]
    with pytest.raises(dt.DataError, match="no model"):
        fit.compare_models(POLARITY, straight, models=("soft_bounds",))
    with pytest.raises(dt.ConfigError, match="models"):
        fit.compare_models(POLARITY, READS, models=())


def test_an_exponential_goes_forward():
    """Its scale m/(1 - A) is positive for m < 0 and A > 1, too, but such a device never moves."""
    u = np.array([[[0.02, 1.0], [0.02, 1.0]], [[-0.02, 1.0], [0.02, 1.0]]])
    phi, none = np.array([-3.0, 2.0, 0.5, 2.0]), np.zeros(4)
    cells = SimpleNamespace(cell=np.array([4, 7]))
    with pytest.raises(dt.DataError, match="cell 7: up pulses move it against their direction"):
        Exponential().check(cells, u, phi, none, none)


def test_one_cell_at_its_bound_does_not_bound_the_others():
    """The others went further: their ends are lower limits, in the mean over the cells."""
    polarity, rng = np.repeat([1, -1, 1], 45), np.random.default_rng(0)
    reads = np.zeros((5, polarity.size + 1))
    for cell, bound in enumerate((0.3, 5, 5, 5, 5)):
        for k, sign in enumerate(polarity):
            reads[cell, k + 1] = min(reads[cell, k] + 0.02 * sign * (1 + 0.1 * rng.standard_normal()), bound)
    result = fit.device_from_pulses(polarity, reads, "constant_step")
    assert result.parameters["w_max"] == pytest.approx(reads.max(axis=1).mean())
    assert np.isnan(result.std_errors["w_max"])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "traces.csv"
    fit.save_traces(path, POLARITY, np.where(np.arange(READS.size) < [[150], [161], [161]], traces(), np.nan))
    return path


def test_files_come_back(file):
    polarity, conductance = fit.load_traces(file)
    assert polarity.shape == conductance.shape == (3, READS.size)
    np.testing.assert_array_equal(conductance[1:], traces()[1:])
    np.testing.assert_array_equal(polarity[1], [0, *POLARITY])
    assert np.isnan(conductance[0, 150:]).all()
    assert not polarity[0, 150:].any()


def test_lines_and_columns_of_files_come_in_any_order(file, tmp_path):
    header, *rows = [row.split(",") for row in file.read_text().splitlines()]
    np.random.default_rng(0).shuffle(rows)
    other = tmp_path / "other.csv"
    other.write_text("\n".join(",".join([row[3], "x", row[2], row[0], row[1]]) for row in [header, *rows]))
    for one, two in zip(fit.load_traces(file), fit.load_traces(other), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column cell"),
        ("cell,pulse,conductance\n0,0,1\n", "no column polarity"),
        (HEADER.replace(",", ";") + "0;0;0;1\n", "no column cell among .*cell;pulse.* with commas"),
        (HEADER, "no line after the first"),
        (HEADER + "0,0,0,zero\n", "zero"),
        (HEADER + "0,0,0\n", "columns"),
        (HEADER + "0,0.5,0,1\n", "pulse holds other than whole numbers"),
        (HEADER + "0,0,0,1\n0,1,1,2\n0,1,1,3\n", "cell 0 has two lines for pulse 1"),
        (b"\xff\xfe\x00", "not a text file"),
    ],
)
def test_damaged_files(text, message, tmp_path):
    path = tmp_path / "traces.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(dt.DataError, match=message):
        fit.load_traces(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(dt.MissingDataError, match="no such file"):
        fit.load_traces(tmp_path / "none.csv")


@pytest.mark.parametrize("name", ["device.toml", "device.json"])
def test_the_command_writes_a_device_that_others_take(name, file, tmp_path, capsys):
    out = tmp_path / name
    assert main(["fit", str(file), "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert "soft_bounds" in captured.out
    assert "standard error" in captured.out
    assert str(out) in captured.err
    device = dt.io.load_device(out)
    assert device.w_max == pytest.approx(1, rel=0.05)
    assert device == fit.device_from_pulses(*fit.load_traces(file)).device
    assert main(["calibrate", "--device", str(out), "--shape", "4", "4", "--pulses", "4", "--out", str(tmp_path)]) == 0


def test_the_command_ranks_models(file, tmp_path, capsys):
    out = str(tmp_path / "device.toml")
    arguments = ["fit", str(file), "--model", "best", "--nodes", "3", "--noise", "multiplicative", "--out", out]
    assert main([*arguments, "--json", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    values = json.loads(captured.out)
    assert values["model"] == values["ranking"][0]["model"] == "soft_bounds"
    assert values["device"]["kind"] == "SoftBounds"
    assert main(arguments) == 0
    assert "BIC" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(file, tmp_path, capsys):
    for arguments, code in (
        ([str(tmp_path / "none.csv")], 1),
        ([str(file), "--model", "tanh"], 2),
        ([str(file), "--out", str(tmp_path / "device.yaml")], 2),
        ([str(file), "--g-range", "2", "1"], 2),
        ([str(file), "--g-range", "2", "9"], 1),
    ):
        assert main(["fit", *arguments]) == code
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "error: " in captured.err


def test_the_command_names_cells_as_the_file_does(tmp_path, capsys):
    polarity, conductance = np.tile(POLARITY, (3, 1)), traces()
    conductance[1:, 44:] = np.nan
    path = tmp_path / "traces.csv"
    fit.save_traces(path, polarity, conductance)
    head, *lines = path.read_text().splitlines()
    named = {"0": "1", "1": "205", "2": "310"}
    path.write_text("\n".join([head, *(named[line[0]] + line[1:] for line in lines)]))
    assert main(["fit", str(path)]) == 1
    assert "cell 205 has 3 down pulses: must have at least 5 (likewise cells 310)" in capsys.readouterr().err


def test_write_noise_must_be_a_flag():
    with pytest.raises(dt.ConfigError, match="write_noise = 'yes': must be True or False"):
        dt.fit.device_from_pulses([1] * 10, [0.0] * 11, write_noise="yes")
