"""The store of a sweep: which runs are the same, what is kept, what is damaged."""

import functools
import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.experiments.identity import same_data
from dsptrack.sweep.naming import lasting_name
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
    with pytest.raises(dt.ConfigError, match=r"<lambda>: must have a name"):
        lengths(traced(lambda configuration, context: {"length": 0}))
    with pytest.raises(dt.ConfigError, match="word"):
        lengths(partial(jobs.length, word={1, 2}))


def times(k):
    def product(configuration, context):
        return {"y": k * configuration["x"]}

    return product


def traced(function):
    def call(configuration, context):
        return function(configuration, context)

    return call


def wrapped(function):
    @functools.wraps(function)
    def call(configuration, context):
        return function(configuration, context)

    return call


def defaults(k):
    def product(configuration, context, k=k):
        return {"y": k * configuration["x"]}

    return product


def keywords(k):
    def product(configuration, context, *, k=k, none=None):
        return {"y": k * configuration["x"]}

    return product


def of_class(kind):
    def name(configuration, context):
        return {"y": kind.__name__}

    return name


def late():
    """Recursive, and with a name that is bound after the function is named."""

    def value(configuration, context):
        return {"y": 1} if configuration["x"] else value({"x": 1}, context) | {"y": other}

    dt.sweep.naming.lasting_name(value)
    other = 7
    return value


class Times:
    def __init__(self, k):
        self.k = k

    def __call__(self, configuration, context):
        return {"y": self.k * configuration["x"]}

    @classmethod
    def made(cls, configuration, context):
        return {"y": cls.__name__}


@pytest.mark.parametrize(
    "functions",
    [
        [times(2), times(3), times(2.5), times("a"), times((1, 2)), times((1, 3))],
        [traced(times(2)), traced(times(3))],
        [wrapped(times(2)), wrapped(times(3))],
        [wrapped(jobs.offset), jobs.offset],
        [traced(jobs.offset), traced(jobs.length)],
        [defaults(2), defaults(3)],
        [keywords(2), keywords(3)],
        [of_class(dt.algorithms.AGAD), of_class(dt.algorithms.Rider)],
        [of_class(np), of_class(json)],
        [partial(times(2)), partial(times(3))],
        [functools.lru_cache(partial(jobs.length, word="a")), functools.lru_cache(partial(jobs.length, word="b"))],
        [late(), times(np.float32(2))],
        [Times.made, jobs.length],
    ],
    ids=lambda functions: functions[0].__qualname__ if hasattr(functions[0], "__qualname__") else "partial",
)
def test_functions_are_told_apart_by_what_they_hold(functions):
    names = [lasting_name(function) for function in functions]
    assert len(set(names)) == len(names)
    assert names == [lasting_name(function) for function in functions]


def test_equal_functions_share_runs(tmp_path):
    for make in (times, defaults, keywords):
        for _ in range(2):
            (record,) = dt.sweep.run(make(2), [{"x": 3}], store=tmp_path)
            assert record.result == {"y": 6}
    assert len(list(tmp_path.glob("*.json"))) == 3
    cached = functools.lru_cache(jobs.offset)
    assert lasting_name(cached) == lasting_name(jobs.offset) == "helpers.jobs.offset"


@pytest.mark.parametrize(
    "function",
    [Times(2), Times(2).__call__, times([2]), times({}), times(Times(2)), defaults([1]), defaults(np.ones(2))],
)
def test_what_no_name_tells_is_not_stored(function, tmp_path):
    with pytest.raises(dt.ConfigError, match=r"function = .*: holds .* no part of a run's name"):
        dt.sweep.run(function, [{"x": 1}], store=tmp_path)
    assert len(dt.sweep.run(Times(2), [{"x": 1}])) == 1  # without a store it may


def test_two_scripts_may_share_a_store(tmp_path):
    """Also those of one name in two folders; a sweep in the worker of another finds the same runs."""
    found = []
    for place, k in (("a/times.py", 1), ("a/others.py", 10), ("b/times.py", 100), ("a/times.py", 1000)):
        script = tmp_path / place
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            "import sys\nimport dsptrack as dt\n"
            "def measure(configuration, context):\n"
            f"    return {{'product': {k} * configuration['x']}}\n"
            "def nested(configuration, context):\n"
            "    return dt.sweep.run(measure, [{'x': 2}], store=configuration['store'])[0].result\n"
            "store = sys.argv[1]\n"
            "one = dt.sweep.run(measure, [{'x': 2}], store=store)[0].result['product']\n"
            "two = dt.sweep.run(nested, [{'store': store}], backend='loky', workers=1)[0].result['product']\n"
            "print(one, two)\n"
        )
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path / "store")], capture_output=True, text=True, check=True
        )
        found.append(done.stdout.split())
    assert found == [["2", "2"], ["20", "20"], ["200", "200"], ["2", "2"]]
    assert len(list((tmp_path / "store").glob("*.json"))) == 3


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
