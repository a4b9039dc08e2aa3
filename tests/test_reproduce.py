"""The paper's experiments: small versions end to end, summaries against numbers made by hand, theory against runs."""

import json
import sys
from importlib.resources import files

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.cli import main
from dsptrack.experiments import EXPERIMENTS, METHODS, Options, reproduce
from dsptrack.experiments.reproduce import fig1a, fig1b, fig2, fig4_cifar, fig4_pulses, fig5, tables
from dsptrack.experiments.reproduce.methods import METHODS as ROWS
from dsptrack.sweep import Record, Results

TINY = {"quick": True, "data": "digits", "epochs": 1, "images": 200}


def records(*runs):
    """Results of (configuration, result) pairs that nobody ran."""
    return Results(
        Record(
            function="f",
            configuration=configuration,
            repeat=i,
            seed=0,
            result=result,
            error=None,
            version="",
            stream_version=1,
            isa="",
            seconds=0.0,
        )
        for i, (configuration, result) in enumerate(runs)
    )


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "fig4-cifar"])
def test_every_experiment_runs_small(name, tmp_path, capsys):
    values = {"fig1a": ["100", "200"], "fig1b": ["0.005"], "fig2": ["100"], "fig4-pulses": ["20"], "fig5": ["0", "0.2"]}
    options = {"data": ["digits"], "epochs": ["1"], "images": ["64"], "cells": ["16"], "network": ["fcn"]}
    options |= {"at": ["0.4", "0.05"]}
    command = ["reproduce", name, "--quick", "--out", str(tmp_path)]
    command += [word for key in options if key in EXPERIMENTS[name].takes for word in (f"--{key}", *options[key])]
    command += ["--values", *values[name]] if name in values else []
    assert main(command) == 0
    first = capsys.readouterr()
    summary = json.loads((tmp_path / f"{name}.json").read_text())
    assert summary["rows"]
    assert summary["paper"]["source"] in first.out
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / f"{name}.csv").read_text().count("\n") >= 2
    assert main([*command, "--quiet"]) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert again.err == ""


def test_a_report_of_the_runs_that_are_stored(tmp_path, capsys):
    command = ["reproduce", "table2", "--quick", "--data", "digits", "--epochs", "1", "--images", "64"]
    command += ["--out", str(tmp_path), "--at", "0.4", "0.05", "--rows"]
    assert main([*command, "e-rider", "--at", "0", "0.4", "--quiet"]) == 0
    stored = capsys.readouterr().out
    assert main([*command, "tt-v2", "e-rider", "--at", "0", "0.4", "--only-stored"]) == 0
    report = capsys.readouterr()
    assert report.out == stored
    assert "2 of 4 runs are not in the store" in report.err
    assert (tmp_path / "table2.png").read_bytes().startswith(b"\x89PNG")
    assert main([*command, "agad", "--only-stored"]) == 1
    assert "none of the 1 runs" in capsys.readouterr().err


def test_all_is_one_document_and_says_what_is_left_out(tmp_path, monkeypatch, capsys):
    few = {name: EXPERIMENTS[name] for name in ("fig1a", "fig1b", "fig4-cifar")}
    monkeypatch.setattr("dsptrack.cli.reproduce.EXPERIMENTS", few)
    command = ["reproduce", "all", "--quick", "--cells", "4", "--json", "--quiet", "--out", str(tmp_path)]
    assert main([*command, "--data-root", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found == {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("fig1a", "fig1b")}
    assert captured.err.startswith("fig4-cifar: left out, ")


def test_figure_1a_follows_the_theory():
    """Offsets are several standard errors of the mean wide: 5 % of the theory plus five of them."""
    row = reproduce("fig1a", Options(cells=128, values=(500, 1000))).summary["rows"]
    for point in row:
        assert abs(point["offset_mean"] - point["theory_mean"]) < 5 * point["mean_error"]
        assert abs(point["offset_mean"] / point["theory_mean"] - 1) < 0.05
        assert abs(point["rms_error"] / point["theory_rms"] - 1) < 0.05


@pytest.mark.slow
def test_figure_1b_follows_the_theory():
    """The mean over 128 x 128 cells scatters by 8 % of the threshold, which is 1.6 % of the pulses."""
    found = reproduce("fig1b", Options(cells=128, values=(2e-4,))).summary
    for row in found["rows"]:
        assert abs(row["crossing"] / row["theory_crossing"] - 1) < 0.05
        assert row["budget"] == row["theory_budget"] >= row["crossing"]
    assert found["differences"] == []


@pytest.mark.parametrize("scheme", ["cyclic", "stochastic"])
@pytest.mark.parametrize(
    "device",
    [
        dt.devices.SoftBounds(dw_min=0.02, dw_min_std=0.8, up_down=0.2, w_max_dtod=0.1, w_min_dtod=0.1),
        dt.devices.SoftBoundsReference(dw_min=0.02, dw_min_std=0.5, reference_mean=0.1, w_max_dtod=0.1, w_min_dtod=0.1),
        dt.devices.LinearStep(dw_min=0.02, dw_min_std=0.5, gamma_up=0.3, gamma_down=0.3, mult_noise=False),
    ],
)
def test_moments_of_zero_shifting(device, scheme):
    array = dt.CrossbarArray((120, 120), device, rng=0)
    mean, variance = dt.theory.zero_shift_moments(array, 60, scheme)
    found = dt.zero_shift(array, 60, scheme).estimate
    z = (found - mean) / np.sqrt(variance)
    assert abs(z.mean()) * 120 < 5
    assert abs((z**2).mean() - 1) * 120 < 5 * np.std(z**2)


@pytest.mark.parametrize(
    ("array", "pulses"),
    [
        (dt.CrossbarArray((1, 1), dt.presets.reram_es(), rng=0), 2),
        (dt.CrossbarArray((1, 1), dt.presets.reram_sb(), rng=0), 2),
        (dt.CrossbarArray((1, 1), dt.devices.SoftBounds(), rng=0), 3),
        (None, 2),
    ],
)
def test_moments_need_affine_cells_without_write_noise_and_whole_pairs(array, pulses):
    with pytest.raises(dt.ConfigError):
        dt.theory.zero_shift_moments(array, pulses)


def test_the_tables_hyperparameters_are_the_papers():
    lenet = ROWS["lenet5"]
    assert (lenet["tt-v2"].lr, lenet["agad"].lr, lenet["e-rider"].lr) == (0.005, 0.05, 0.05)
    printed = {"tt-v2": (0.005, 0.005), "agad": (0.01, 0.2), "e-rider": (0.5, 0.05)}
    assert {m: (lenet[m].options["fast_lr"], lenet[m].options["transfer_lr"]) for m in printed} == printed
    assert all(ROWS["fcn"][name] == method for name, method in METHODS.items())
    frozen = ROWS["fcn"]["frozen"].options
    assert frozen["fast_lr"] == frozen["transfer_lr"] == frozen["gamma"] == 0


def test_the_whole_tables_are_asked_for():
    for name, network, batch in (("table1", "lenet5", 8), ("table2", "fcn", 10)):
        runs = EXPERIMENTS[name].configurations(Options())
        assert {(r["reference_mean"], r["reference_std"]) for r in runs} == {
            (m, s) for m in (0, 0.2, 0.3, 0.4) for s in (0.05, 0.2, 0.3, 0.4, 0.7, 1.0)
        }
        assert {(r["network"], r["data"], r["epochs"], r["batch_size"]) for r in runs} == {
            (network, "mnist", 40, batch)
        }
        assert EXPERIMENTS[name].repeats == 3


def test_a_table_takes_other_rates_and_references(tmp_path, capsys):
    options = Options(at=[(0.4, 0.05)], methods=["agad", "e-rider"])
    plain, other = EXPERIMENTS["table2"].configurations(options)
    both = Options(at=[(0.4, 0.05)], methods=["agad", "e-rider"], reference_on="both")
    assert EXPERIMENTS["table2"].configurations(both) == [run | {"reference_on": "both"} for run in (plain, other)]
    rates = {"agad": {"lr": 0.3, "fast_lr": 0.7}}
    found = EXPERIMENTS["table2"].configurations(Options(at=options.at, methods=options.methods, rates=rates))
    assert found == [plain | {"lr": 0.3, "rule": {"fast_lr": 0.7}}, other]
    with pytest.raises(dt.ConfigError, match="rates = 'rider': must be one of 'agad', 'e-rider'"):
        EXPERIMENTS["table2"].configurations(
            Options(at=options.at, methods=options.methods, rates={"rider": {"lr": 0.1}})
        )
    tuned = tmp_path / "tune-agad.json"
    tuned.write_text(json.dumps({"method": "agad", "best": {"lr": 0.3, "fast_lr": 0.7}}))
    command = ["reproduce", "table2", "--quick", "--data", "digits", "--epochs", "1", "--images", "64"]
    command += ["--at", "0.4", "0.05", "--rows", "agad", "--out", str(tmp_path), "--rates"]
    assert main([*command, str(tuned)]) == 0
    assert "AGAD, rates given" in capsys.readouterr().out
    (record,) = (json.loads(file.read_text()) for file in (tmp_path / "table2-runs").glob("*.json"))
    assert record["configuration"]["rule"] == {"fast_lr": 0.7}
    rates = record["result"]["rates"]
    assert (rates["lr"], rates["fast_lr"], rates["transfer_lr"], rates["columns_per_transfer"]) == (0.3, 0.7, 0.3, 64)
    assert main([*command, str(tmp_path / "none.json")]) != 0
    assert "none.json: no such file" in capsys.readouterr().err
    tuned.write_text("[]")
    assert main([*command, str(tuned)]) != 0
    assert "must be a JSON file that `dsptrack tune` wrote" in capsys.readouterr().err


def table_run(method, accuracy, data="mnist"):
    configuration = {"network": "fcn", "data": data, "method": method, "epochs": 40}
    configuration |= {"reference_mean": 0.4, "reference_std": 0.05}
    return configuration, {"accuracy": accuracy, "accuracy_mean": accuracy, "accuracy_best": accuracy}


def test_table_2_says_where_it_differs():
    paper = json.loads(files("dsptrack.experiments.reproduce").joinpath("paper", "table2.json").read_text())
    good = records(table_run("e-rider", 95.0), table_run("e-rider", 96.0), table_run("agad", 92.0))
    summary = tables.summarise(good, paper, network="fcn")
    assert (summary["differences"], summary["compared"]) == ([], 2)
    row = summary["rows"][0]
    assert (row["accuracy"], row["repeats"], row["paper"]) == (95.5, 2, 96.07)
    assert row["accuracy_spread"] == pytest.approx(np.sqrt(0.5))
    bad = records(table_run("e-rider", 93.0), table_run("agad", 92.0))
    low, lead = tables.summarise(bad, paper, network="fcn")["differences"]
    assert low.startswith("E-RIDER at (0.4, 0.05): 93.00")
    assert "by 1.00, in the paper by 3.52" in lead


def test_figure_4_counts_pulses_and_compares():
    result = fig4_pulses.measure(
        fig4_pulses.configurations(Options(**TINY, network="fcn", values=(20,)))[1],
        dt.sweep.Context(rng=np.random.SeedSequence(0), num_threads=1),
    )
    assert result["total_pulses"] == 1 * 4 * 5 + 500  # epochs x ceil(200/64) x 5 slots + N
    assert not result["reached"]

    def run(method, calibration, total, reached=True):
        configuration = {"states": 20, "method": method, "calibration": calibration, "epochs": 9}
        return configuration, {"epochs_done": 3, "total_pulses": total, "reached": reached, "train_loss": 0.2}

    lower = fig4_pulses.summarise(records(run("e-rider", 0, 10), run("two-stage", 500, 20)), {})
    assert lower["differences"] == []
    higher = fig4_pulses.summarise(records(run("e-rider", 0, 30), run("two-stage", 500, 20)), {})
    assert higher["differences"] == ["20 states: two-stage, N = 500 needs 20 pulses, E-RIDER 30"]
    never = fig4_pulses.summarise(records(run("e-rider", 0, 1, False), run("two-stage", 500, 20)), {})
    assert len(never["differences"]) == 2
    partly = fig4_pulses.summarise(records(run("e-rider", 0, 10), run("e-rider", 0, 1, False)), {})
    assert partly["differences"] == ["20 states: E-RIDER does not reach the loss in 9 epochs in 1 of 2 runs"]
    few = (run("e-rider", 0, 10), run("two-stage", 500, 8), run("two-stage", 500, 1, False))
    assert fig4_pulses.summarise(records(*few), {})["compared"] == 0
    alone = fig4_pulses.summarise(records(run("two-stage", 500, 20)), {})
    assert (alone["differences"], alone["compared"]) == ([], 0)
    finer = [(c | {"states": 2000}, r) for c, r in (run("e-rider", 0, 10), run("two-stage", 4000, 20))]
    assert fig4_pulses.summarise(records(*finer), {})["differences"] == [
        "2,000 states: two-stage, N = 4,000 gets there, in the paper never"
    ]


def test_figure_2_subtracts_what_was_found():
    device = dt.devices.SoftBounds(dw_min=0.01, up_down=0.3)
    model = dt.nn.fcn(dt.algorithms.TikiTaka(device=device), sizes=(6, 4), rng=0)
    (tile,) = model.tiles
    truth = tile.arrays["P"].symmetric_point()
    fig2.subtract(model, None)
    reference = tile.state_dict()["state"]["links"]["P"]["reference"]
    np.testing.assert_array_equal(reference, truth)
    np.testing.assert_array_equal(tile.arrays["P"].weights, truth)
    fig2.subtract(model, 10)
    reference = tile.state_dict()["state"]["links"]["P"]["reference"]
    np.testing.assert_array_equal(reference, tile.arrays["P"].weights)
    assert not np.array_equal(reference, truth)


def test_figure_5_is_rider_at_0():
    runs = fig5.configurations(Options())
    assert runs[0]["method"] == "rider"
    assert [r["rule"]["chop_probability"] for r in runs[1:]] == [0.02, 0.05, 0.1, 0.2, 0.5]


def test_figure_1b_reports_granularities_that_do_not_arrive():
    expected = {"budget": None, "crossing": None, "theory_budget": None, "theory_crossing": None}
    found = fig1b.summarise(records(({"dw_min": 1e-7, "cells": 8}, expected)), {"exponent": -1.0})
    assert found["differences"] == ["dw_min 1e-07: not within 1 % of the mean in 8,192,000 pulses"]
    assert found["compared"] == 0
    assert fig1b.draw(found | {"paper": {"exponent": -1.0}}).axes
    arrived = expected | {"budget": 10, "crossing": 9.5}
    twice = fig1b.summarise(records(*[({"dw_min": 1e-3, "cells": 8}, run) for run in (arrived, expected)]), {})
    assert twice["rows"][0]["crossing"] is None


def test_figure_1a_says_where_it_differs():
    point = {"pulses": 2000, "mean_error": 0.0}
    point |= {f"{kind}_{q}": 0.1 for kind in ("offset", "theory") for q in ("mean", "std")}
    point |= {"rms_error": 0.2, "theory_rms": 0.1}
    result = {"true_mean": 100.0, "true_std": 1.0, "points": [point]}
    rms, early = fig1a.summarise(records(({}, result)), {"not_enough": 2000, "threshold_percent": 1.0})["differences"]
    assert rms.startswith("rms_error after 2,000 pulses is 0.2, 100.0 % from")
    assert early.startswith("2,000 pulses reach 1 %")
    near = point | {"pulses": 8000, "rms_error": 0.1, "offset_mean": 0.11, "mean_error": 0.004}
    paper = {"not_enough": 2000, "threshold_percent": 1.0}
    for error, lines in ((0.004, 0), (0.003, 1)):
        result = {"true_mean": 100.0, "true_std": 1.0, "points": [near | {"mean_error": error}]}
        assert len(fig1a.summarise(records(({}, result)), paper)["differences"]) == lines


@pytest.mark.parametrize(("network", "data"), [("lenet5", "mnist"), ("fcn", "digits")])
def test_another_network_or_set_than_the_papers_is_not_set_beside_its_numbers(network, data):
    paper = json.loads(files("dsptrack.experiments.reproduce").joinpath("paper", "table1.json").read_text())
    summary = tables.summarise(records(table_run("agad", 50.0, data)), paper, network=network)
    assert summary["rows"][0]["paper"] is None
    assert (summary["differences"], summary["compared"]) == ([], 0)
    drawn = tables.draw(summary | {"paper": paper})
    assert "paper" not in [text.get_text() for text in drawn.axes[-1].get_legend().get_texts()]


def test_what_differs_is_in_the_title():
    options = Options(network="fcn", data="digits", images=64, epochs=1, at=[(0.4, 0.05)], methods=["agad"])
    found = reproduce("table1", options, repeats=1)
    assert "network fcn" in found.figure.get_suptitle()
    assert found.summary["options"]["data"] == "digits"


def random_cifar100(root):
    """Write a few random images in the published format: coarse and fine label, then the pixels."""
    rng = np.random.default_rng(0)
    folder = root / "cifar-100-binary"
    folder.mkdir(parents=True)
    for file, count in (("train.bin", 24), ("test.bin", 12)):
        labels = np.stack([rng.integers(0, 20, count), np.arange(count) % 5], axis=1).astype(np.uint8)
        images = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
        (folder / file).write_bytes(np.concatenate([labels, images], axis=1).tobytes())


def test_cifar_on_random_images_in_the_published_format(tmp_path, capsys):
    """A few random images prove the path of the data and the analog part, nothing more."""
    pytest.importorskip("torch")
    random_cifar100(tmp_path / "data")
    command = ["reproduce", "fig4-cifar", "--quick", "--data-root", str(tmp_path / "data"), "--epochs", "1"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    summary = json.loads((tmp_path / "fig4-cifar.json").read_text())
    assert [row["method"] for row in summary["rows"]] == ["tt-v2", "agad", "e-rider"]
    assert (tmp_path / "fig4-cifar.png").read_bytes().startswith(b"\x89PNG")


def test_cifar_says_what_it_needs(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["reproduce", "fig4-cifar", "--quick", "--out", str(tmp_path), "--quiet"]) == 1
    assert "needs PyTorch" in capsys.readouterr().err


def test_cifar_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    random_cifar100(tmp_path)
    run = fig4_cifar.configurations(Options(quick=True, epochs=2, methods=["e-rider"]))[0] | {"batch_size": 8}

    def measured(scratch):
        context = dt.sweep.Context(rng=np.random.SeedSequence(0), num_threads=1, scratch=scratch)
        return fig4_cifar.measure(run, context, data_root=tmp_path)

    whole = measured(None)
    scratch, save, calls = tmp_path / "run.part", torch.save, []

    def once(*arguments):
        if calls:
            raise KeyboardInterrupt
        calls.append(save(*arguments))

    monkeypatch.setattr(torch, "save", once)
    with pytest.raises(KeyboardInterrupt):
        measured(scratch)
    monkeypatch.setattr(torch, "save", save)
    assert measured(scratch) == whole
