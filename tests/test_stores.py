"""The store of a sweep: which runs are the same, what is kept, what is damaged."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.experiments.identity import same_data
from dsptrack.sweep.running import _measured
from dsptrack.sweep.store import Run
from helpers import jobs

GRID = dt.sweep.grid(dw_min=[0.001, 0.01])


def test_a_damaged_file_of_the_store_is_an_error(tmp_path):
    dt.sweep.run(jobs.offset, GRID[:1], store=tmp_path)
    (path,) = tmp_path.glob("*.json")
    record = json.loads(path.read_text())
    path.write_text(path.read_text()[:-20])
    with pytest.raises(dt.DataError, match="damaged"):
        dt.sweep.run(jobs.offset, GRID[:1], store=tmp_path)
    for other in ({}, record | {"result": None}):
        path.write_text(json.dumps(other))
        with pytest.raises(dt.DataError, match="no record"):
            dt.sweep.run(jobs.offset, GRID[:1], store=tmp_path)


def test_a_run_is_told_from_others_by_what_a_partial_fixes_but_not_by_where_it_runs(tmp_path):
    def lengths(function):
        return [record.result["length"] for record in dt.sweep.run(function, [{"x": 1}], store=tmp_path)]

    assert [lengths(partial(jobs.length, word=word)) for word in ("a", "bc")] == [[1], [2]]
    assert [lengths(dt.sweep.local(jobs.length, word=word)) for word in ("abc", "a")] == [[3], [3]]
    with pytest.raises(dt.ConfigError, match=r"<lambda>: must have a name"):
        lengths(lambda configuration, context: {"length": 0})
    with pytest.raises(dt.ConfigError, match="word"):
        lengths(partial(jobs.length, word={1, 2}))


def test_a_function_with_values_of_its_own_is_not_stored(tmp_path):
    """Its name does not tell it from another one: the store would give back the other's results."""

    def times(k):
        def product(configuration, context):
            return {"product": k * configuration["x"]}

        return product

    class Times:
        def __call__(self, configuration, context):
            return {}

        def product(self, configuration, context):
            return {}

    for function in (times(2), Times(), Times().product):
        with pytest.raises(dt.ConfigError, match=r"function = .*no part of a run's name"):
            dt.sweep.run(function, [{"x": 1}], store=tmp_path)
        assert len(dt.sweep.run(function, [{"x": 1}])) == 1

    def traced(function):
        def call(configuration, context):
            return function(configuration, context)

        return call

    assert len(dt.sweep.run(traced(jobs.offset), GRID, store=tmp_path)) == 2


def test_two_scripts_may_share_a_store(tmp_path):
    found = []
    for k in (1, 100):
        script = tmp_path / f"times{k}.py"
        script.write_text(
            "import dsptrack as dt\n"
            "def measure(configuration, context):\n"
            f"    return {{'product': {k} * configuration['x']}}\n"
            "print(dt.sweep.run(measure, [{'x': 2}], store='store')[0].result['product'])\n"
        )
        done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True)
        found.append(int(done.stdout))
    assert found == [2, 200]


def test_finished_runs_are_kept_although_another_failed(tmp_path):
    """Each is kept by its worker: the caller stops at the first error."""
    with pytest.raises(ZeroDivisionError) as caught:
        dt.sweep.run(jobs.inverse, dt.sweep.grid(x=range(-20, 40)), store=tmp_path, workers=2, backend="threading")
    assert caught.value.__notes__ == ["in the run of {'x': 0}, repeat 0"]
    # A worker may still be at a run.
    jobs.until(lambda: {p.stem for p in tmp_path.glob("*.json")} == {p.stem for p in tmp_path.glob("*.done")})
    assert len(list(tmp_path.glob("*.json"))) >= 19


def test_a_machine_that_does_not_see_the_store_has_no_scratch(tmp_path):
    one = Run(function="f", configuration={}, repeat=0, seed=0, paired=False)
    for folder, there in ((tmp_path, True), (tmp_path / "elsewhere", False)):
        _, record = _measured(jobs.has_scratch, one, folder / "run.part", 1)
        assert record.result == {"scratch": there}


def test_a_store_knows_its_images(tmp_path):
    def folder(name, first):
        images = np.full((6, 28, 28), first, np.uint8)
        for part in ("train", "t10k"):
            for kind, values in (("images-idx3", images), ("labels-idx1", np.arange(6, dtype=np.uint8))):
                shape = b"".join(n.to_bytes(4, "big") for n in values.shape)
                path = tmp_path / name / f"{part}-{kind}-ubyte"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(bytes([0, 0, 8, values.ndim]) + shape + values.tobytes())
        return str(tmp_path / name)

    same_data(tmp_path / "store", "mnist", folder("a", 0))
    same_data(tmp_path / "store", "mnist", folder("copy", 0))
    same_data(tmp_path / "store", "digits", None)
    with pytest.raises(dt.DataError, match="other images of mnist"):
        same_data(tmp_path / "store", "mnist", folder("b", 1))
    (tmp_path / "store" / "mnist.data").write_text("")  # as a full disk left it once
    same_data(tmp_path / "store", "mnist", folder("b", 1))
