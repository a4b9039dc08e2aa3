"""Every file of examples/ runs, is short, and reaches what it shows."""

import ast
import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
MOST_LINES = 30


def one_tile(lines):
    (line,) = lines
    before, after, pulses = re.fullmatch(
        r"rms error of the weights: ([\d.]+) before, ([\d.]+) after ([\d,]+) pulses", line
    ).groups()
    assert float(after) < 0.25 * float(before)
    assert int(pulses.replace(",", "")) > 10_000


def two_layers(lines):
    found = [re.fullmatch(r"epoch (\d): ([\d.]+) % of the test images", line).groups() for line in lines]
    assert [int(epoch) for epoch, _ in found] == list(range(1, 9))
    assert float(found[-1][1]) > 75


def rider_least_squares(lines):
    *steps, fast, slow, reference = lines
    found = [re.fullmatch(r"step (\d+): relative distance from the solution ([\d.]+)", line).groups() for line in steps]
    assert [int(step) for step, _ in found] == [0, 1000, 2000, 3000]
    assert float(found[0][1]) > 0.9
    assert float(found[-1][1]) < 0.3
    bills = {}
    for line in (fast, slow, reference):
        name, _, bill = line.partition(" ")
        bills[name] = ast.literal_eval(bill)
    updates = 3001
    assert bills["P"]["column_reads"] == 8 * updates
    assert bills["P"]["pulses_up"] > bills["W"]["pulses_up"] > 0
    assert bills["W"]["forward_reads"] == 8 * updates
    # RIDER programs what it reads, one cell for each of 8 columns
    assert bills["reference"]["programming_events"] == 8 * updates


def own_rule(lines):
    passed, *results = lines
    assert passed == "MixedPrecision passes the conformance suite"
    errors = {
        name: float(error) for name, error in (re.match(r"(\w+) +rms error ([\d.]+)", r).groups() for r in results)
    }
    assert errors["MixedPrecision"] < errors["AnalogSGD"] < 0.2


CHECKS = {check.__name__: check for check in (one_tile, two_layers, rider_least_squares, own_rule)}
# Loops are short; a rule with its docstrings is longer.
LONGER = {"own_rule": 80}


def test_every_example_is_checked():
    assert sorted(CHECKS) == [path.stem for path in EXAMPLES]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path, capsys):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGER.get(path.stem, MOST_LINES)
    runpy.run_path(str(path), run_name="__main__")
    CHECKS[path.stem](capsys.readouterr().out.splitlines())
