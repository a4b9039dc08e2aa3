"""What a seed means does not change by accident: draws and trained states against tests/golden/golden.json."""

import json

import pytest

from golden import make

PARTS = ("first_draws", "arrays", "tiles")
EXPECTED = json.loads(make.FILE.read_text(encoding="utf-8"))
FOUND = make.golden()
HELP = (
    "the bits that a seed gives have changed. If on purpose: raise STREAM_VERSION (crates/dsp-core/src/rng/stream.rs) "
    "where a draw changed its meaning, add a line to CHANGELOG.md in any case, and run python tests/golden/make.py"
)
NEW = "not in tests/golden/golden.json: run python tests/golden/make.py, which must change no other line"


def test_the_version_is_the_one_of_the_file():
    assert FOUND["stream_version"] == EXPECTED["stream_version"], HELP


@pytest.mark.parametrize("part", PARTS)
def test_bits_are_the_golden_ones(part):
    expected, found = EXPECTED[part], FOUND[part]
    assert [name for name in expected if found.get(name) != expected[name]] == [], HELP
    assert sorted(set(found) - set(expected)) == [], NEW


def test_golden_values_differ():
    """Rules and purposes are told apart: no two are equal by accident."""
    for part in PARTS:
        values = list(map(str, EXPECTED[part].values()))
        assert len(set(values)) == len(values)
