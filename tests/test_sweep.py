"""Sweeps: names and streams of runs, the store, workers, kill and resume, tables, the command."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.cli import main
from helpers import jobs

GRID = dt.sweep.grid(dw_min=[0.001, 0.01])


def test_a_grid_has_every_combination():
    assert dt.sweep.grid(a=[1, 2], b=["x", "y"]) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


@pytest.mark.parametrize("axis", ["text", [], 3])
def test_an_axis_is_a_list(axis):
    with pytest.raises(dt.ConfigError, match="a = "):
        dt.sweep.grid(a=axis)


@pytest.mark.parametrize(
    ("configurations", "words"),
    [
        ([], "empty"),
        ([{"x": 1}, {"x": 1}], "two are equal"),
        ([{"x": [1, {"y": 2}]}, {"x": [1.0, {"y": 2.0}]}], "two are equal"),
        ([{"x": float("nan")}], "x = nan"),
        ([{"x": {"y": object()}}], r"x\.y = "),
        ([{1: 2}], "must be text"),
        ([3], "must be a dict"),
    ],
)
def test_configurations_are_plain_and_different(configurations, words):
    with pytest.raises(dt.ConfigError, match=words):
        dt.sweep.run(jobs.offset, configurations)


def test_numbers_of_numpy_become_plain(tmp_path):
    def ran(configuration, context, *, seen):
        seen.append(configuration)
        return {"x": np.float32(0.5), "n": np.int64(3), "yes": np.bool_(True), "w": np.ones((1, 2), np.float32)}

    seen = []
    for axis in (np.arange(2), np.linspace(0, 1, 2), [np.float32(0.5)], [np.array([1, 2])]):
        results = dt.sweep.run(dt.sweep.local(ran, seen=seen), dt.sweep.grid(x=axis), store=tmp_path)
        assert [record.configuration["x"] for record in results] == [np.asarray(x).tolist() for x in axis]
        assert all(record.result == {"x": 0.5, "n": 3, "yes": True, "w": [[1.0, 1.0]]} for record in results)
    kinds = {type(configuration["x"]) for configuration in seen}
    assert kinds == {int, float, list}
    with pytest.raises(dt.ConfigError, match="x = nan"):
        dt.sweep.run(lambda configuration, context: {"x": np.float32("nan")}, [{}])


@pytest.mark.parametrize("result", [None, 3.0, [1]])
def test_results_are_dicts(result):
    with pytest.raises(dt.ConfigError, match=r"^result = .*: must be a dict"):
        dt.sweep.run(lambda configuration, context: result, [{}])


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"workers": 0}, {"num_threads": 0}, {"seed": -1}, {"paired": 1}])
def test_numbers_are_checked(wrong):
    with pytest.raises(dt.ConfigError, match=next(iter(wrong))):
        dt.sweep.run(jobs.offset, GRID, **wrong)


def words(configurations, **options):
    def state(configuration, context):
        return {"words": context.rng.generate_state(4).tolist()}

    return [tuple(r.result["words"]) for r in dt.sweep.run(state, configurations, **options)]


def test_streams_are_independent_and_do_not_depend_on_the_grid():
    alone, both = words([{"x": 1}], repeats=2), words([{"x": 0}, {"x": 1}], repeats=2)
    assert both[2:] == alone
    assert len(set(both)) == 4
    assert not set(both) & set(words([{"x": 0}, {"x": 1}], repeats=2, seed=1))


def test_paired_runs_share_the_spawned_stream_of_their_repeat():
    found = words([{"x": 0}, {"x": 1}], repeats=2, paired=True, seed=7)
    spawned = [tuple(child.generate_state(4).tolist()) for child in np.random.SeedSequence(7).spawn(2)]
    assert found == [*spawned, *spawned]


def test_every_run_is_stored_and_none_repeated(tmp_path):
    first = dt.sweep.run(jobs.offset, GRID, repeats=2, store=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 4

    def never(configuration, context):
        raise AssertionError

    never.__module__, never.__qualname__ = jobs.offset.__module__, jobs.offset.__qualname__
    seen = []
    again = dt.sweep.run(never, GRID, repeats=2, store=tmp_path, on_run=seen.append)
    assert again == first == tuple(seen)
    larger = dt.sweep.run(jobs.offset, [*GRID, {"dw_min": 0.1}], repeats=2, store=tmp_path)
    assert larger[:4] == first
    assert len(list(tmp_path.iterdir())) == 6


def test_only_what_is_stored_does_no_run(tmp_path):
    first = dt.sweep.run(jobs.offset, GRID, store=tmp_path / "store")
    kept = {"repeats": 2, "store": tmp_path / "store", "only_stored": True}
    assert dt.sweep.run(jobs.offset, [{"dw_min": 0.1}, *GRID], **kept) == first
    with pytest.raises(dt.MissingDataError, match="none of the 2 runs"):
        dt.sweep.run(jobs.offset, [{"dw_min": 0.1}], **kept)
    with pytest.raises(dt.MissingDataError, match="no such folder"):
        dt.sweep.run(jobs.offset, GRID, store=tmp_path / "other", only_stored=True)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    with pytest.raises(dt.ConfigError, match="store = None"):
        dt.sweep.run(jobs.offset, GRID, only_stored=True)


def test_divergence_is_a_result_and_other_errors_end_the_sweep(tmp_path):
    def fails(configuration, context):
        if configuration["x"] == 1:
            raise dt.DivergenceError("loss = nan")
        if configuration["x"] == 2:
            raise RuntimeError("broken")
        return {}

    results = dt.sweep.run(fails, dt.sweep.grid(x=[0, 1]))
    assert [r.error for r in results] == [None, "DivergenceError: loss = nan"]
    with pytest.raises(RuntimeError, match="broken"):
        dt.sweep.run(fails, dt.sweep.grid(x=[0, 2]), store=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_a_killed_sweep_goes_on_where_it_stopped(tmp_path):
    """SIGKILL during the third of four runs: two are kept, the third begins again from its scratch file."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "import dsptrack as dt\nfrom helpers import jobs\n"
        "grid = dt.sweep.grid(x=range(4), folder=[sys.argv[1]])\n"
        "dt.sweep.run(jobs.stops_at_two, grid, store=sys.argv[1] + '/store')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)])
    try:
        log = tmp_path / "log"
        jobs.until(lambda: log.exists() and log.read_text() == "0\n1\n2\n")
    finally:
        child.kill()
        child.wait()
    (tmp_path / "go").touch()
    grid = dt.sweep.grid(x=range(4), folder=[str(tmp_path)])
    resumed = dt.sweep.run(jobs.stops_at_two, grid, store=tmp_path / "store")
    assert log.read_text() == "0\n1\n2\n2\n3\n"
    assert [r.result["resumed"] for r in resumed] == [False, False, True, False]
    whole = dt.sweep.run(jobs.stops_at_two, grid, store=tmp_path / "other")
    assert [row | {"resumed": 0} for row in resumed.rows()] == [row | {"resumed": 0} for row in whole.rows()]
    assert not list((tmp_path / "store").glob("*.part"))


def test_workers_change_nothing(tmp_path):
    one = dt.sweep.run(jobs.offset, GRID, repeats=2)
    two = dt.sweep.run(jobs.offset, GRID, repeats=2, workers=2, store=tmp_path)
    assert one.rows() == two.rows()
    assert {r.result["threads"] for r in two} == {1}
    assert len(list(tmp_path.glob("*.json"))) == 4


@pytest.mark.filterwarnings("ignore")  # dask's own
def test_a_dask_cluster_of_two_worker_processes(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        pairs = [
            {"folder": str(tmp_path), "own": "a", "other": "b"},
            {"folder": str(tmp_path), "own": "b", "other": "a"},
        ]
        met = dt.sweep.run(jobs.meet, pairs, workers=2, backend="dask")
        found = dt.sweep.run(jobs.offset, GRID, repeats=2, workers=-1, backend="dask", store=tmp_path / "store")
    workers = {r.result["pid"] for r in met}
    assert len(workers) == 2
    assert dt.sweep.run(jobs.offset, GRID, repeats=2).rows() == found.rows()


def test_tables(tmp_path):
    def mixed(configuration, context):
        return {"n": 1, "r": 0.5, "s": "a", "none": None, "nested": {"b": True}, "list": [1], "x": 9}

    results = dt.sweep.run(mixed, [{"x": 0}, {"x": 1, "device": {"kind": "A"}}])
    rows = results.rows()
    assert rows[0] == {
        "x": 0,
        "repeat": 0,
        "seed": results[0].seed,
        "error": None,
        "n": 1,
        "r": 0.5,
        "s": "a",
        "none": None,
        "nested.b": True,
        "result.x": 9,
    }
    named, _ = dt.sweep.run(mixed, [{"x": 0, "seed": 7, "hidden": [4, 8]}, {"x": 1}]).rows()
    assert (named["configuration.seed"], named["hidden"]) == (7, "[4, 8]")
    table = results.array()
    assert table["x"].tolist() == [0, 1]
    assert table["device.kind"].tolist() == ["", "A"]
    assert table["nested.b"].dtype == bool
    results.to_csv(tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as stream:
        read = list(csv.DictReader(stream))
    assert [line["result.x"] for line in read] == ["9", "9"]
    assert read[0]["device.kind"] == read[0]["none"] == ""


def test_the_table_is_a_frame_where_pandas_is_installed(monkeypatch):
    results = dt.sweep.run(jobs.offset, GRID)
    assert results.table()["dw_min"].tolist() == [0.001, 0.01]
    monkeypatch.setattr("dsptrack.sweep.results.find_spec", lambda name: None)
    assert results.table().dtype.names[0] == "dw_min"


FILE = """
repeats = 2
paired = true
[fixed]
data = "digits"
epochs = 1
hidden = [4]
columns_per_transfer = 8
[grid]
method = ["rider"]
rule.eta = [0.02, 0.05]
"""


def test_the_command(tmp_path, capsys):
    (tmp_path / "grid.toml").write_text(FILE)
    command = ["sweep", str(tmp_path / "grid.toml"), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    first = capsys.readouterr()
    assert "rule.eta" in first.out
    assert first.err.count("repeat") == 4
    written = json.loads((tmp_path / "out" / "sweep.json").read_text())["results"]
    assert [r["configuration"]["rule"]["eta"] for r in written] == [0.02, 0.02, 0.05, 0.05]
    assert [r["result"]["rates"]["eta"] for r in written] == [0.02, 0.02, 0.05, 0.05]
    assert main([*command, "--quiet"]) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert again.err == ""
    for record in (tmp_path / "out" / "sweep-runs").glob("*.json"):
        if json.loads(record.read_text())["configuration"]["rule"]["eta"] == 0.02:
            record.unlink()
    assert main([*command, "--only-stored"]) == 0
    partly = capsys.readouterr()
    assert [line for line in first.out.splitlines() if "0.02 " not in line] == partly.out.splitlines()
    assert "2 of 4 runs are not in the store" in partly.err


def test_the_device_in_a_file_belongs_to_the_run(tmp_path, capsys):
    device = tmp_path / "mine.toml"
    (tmp_path / "grid.toml").write_text(
        FILE.replace("[grid]", f'[grid]\ndevice = ["{device}", "reram_sb"]').replace("columns_per", "columns-per")
    )
    command = ["sweep", str(tmp_path / "grid.toml"), "--out", str(tmp_path / "out"), "--json", "--quiet"]
    assert main(command) == 1  # before the first run
    assert not (tmp_path / "out").exists()
    assert "mine.toml" in capsys.readouterr().err
    found = []
    for dw_min in (0.02, 0.1):
        dt.io.save_device(dt.devices.SoftBounds(dw_min=dw_min), device)
        assert main(command) == 0
        found.append(json.loads(capsys.readouterr().out)["results"])
    assert [records[0]["configuration"]["device"]["dw_min"] for records in found] == [0.02, 0.1]
    assert found[0][0]["result"] != found[1][0]["result"]
    assert found[0][-1]["configuration"]["device"] == "reram_sb"


@pytest.mark.parametrize(
    ("text", "code"),
    [("x = [", 1), ("more = 1", 2), ("[grid]\nmethod = 'rider'", 2), ("[fixed]\nno_such = 1", 2), ("fixed = 1", 2)]
    + [
        (text, 2)
        for text in (
            'paired = "no"',
            '[fixed]\nhidden = "many"',
            "[fixed]\nrule = 3",
            "[fixed]\ndevice = 3",
            '[fixed]\ndevice = "reram_sb"\n[grid]\ndevice.dw_min = [0.1]',
            '[grid]\nmethod = ["rider", "xx"]',
            '[fixed]\nschedule = {kind = "step", each = 3}',
        )
    ],
)
def test_wrong_files(tmp_path, capsys, text, code):
    (tmp_path / "grid.toml").write_text(text)
    assert main(["sweep", str(tmp_path / "grid.toml"), "--out", str(tmp_path)]) == code
    assert capsys.readouterr().err.startswith("dsptrack: error")
