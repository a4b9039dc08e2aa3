"""The guard of `make bench-check`: what counts as a regression. Counting itself needs valgrind and a build."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def guard():
    spec = importlib.util.spec_from_file_location("instructions", ROOT / "benches/instructions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verdict(guard, kept, found):
    return guard.compare({"tolerance": 0.03, "instructions": kept}, {"instructions": found})


@pytest.mark.parametrize(
    ("found", "word", "fine"),
    [(1000, "", True), (1029, "", True), (1031, "REGRESSION", False), (969, "better", True)],
)
def test_tolerance(guard, found, word, fine):
    lines, verdict_ = verdict(guard, {"a": 1000}, {"a": found})
    assert verdict_ is fine
    assert lines[-1].endswith(f"| {word} |")


def test_kernels_that_come_or_go_are_no_pass(guard):
    for kept, found, word in (({"a": 1}, {"a": 1, "b": 1}, "not kept"), ({"a": 1, "b": 1}, {"a": 1}, "gone")):
        lines, fine = verdict(guard, kept, found)
        assert not fine
        assert word in lines[-1]


def test_what_is_kept(guard):
    """Every kernel that the benchmarks name has its count, and no other."""
    kept = json.loads(guard.FILE.read_text("utf-8"))
    source = (ROOT / "crates/dsp-core/benches/cases/mod.rs").read_text("utf-8")
    assert (kept["level"], kept["tolerance"]) == (guard.LEVEL, guard.TOLERANCE)
    named = set(re.findall(r'(?:Case::new|trains|pulsed|composed|case)\(\s*"(\w+)"', source))
    limits = {"threefry", "and_popcount"}  # by the clock only
    assert limits < named
    assert set(kept["instructions"]) == named - limits
    assert all(count > 0 for count in kept["instructions"].values())
