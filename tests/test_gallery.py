"""Every script of examples/gallery runs, is short, writes a picture, and prints and shows what its page says."""

import re
import runpy
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples" / "gallery").glob("*.py"))
PAGE = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
SECTIONS = {
    match[1]: match[0] for match in re.finditer(r"(?ms)^## .*?!\[.*?\]\(gallery/(\w+)\.png\).*?(?=^## |\Z)", PAGE)
}

MOST_LINES = 60
MOST_BYTES = 80_000
# Shorter than what the page shows: these train networks.
EPOCHS = {"erider_against_agad": 8, "numpy_loop": 8}
# Products of NumPy matrices decide over pulses here: another BLAS rounds them otherwise.
OTHERWISE_ROUNDED = {*EPOCHS, "pulses_and_energy"}


def numbers(line):
    return [float(number.replace(",", "")) for number in re.findall(r"(?<![\w-])[-+]?\d[\d.,]*(?:e[-+]\d+)?", line)]


def response_curves(line):
    assert len(set(numbers(line))) == 3


def zero_shifting(*lines):
    found = [numbers(line) for line in lines]
    for _, error, _, bound in found:
        assert error < bound
    for (coarse, before, *_), (fine, after, *_) in pairwise(found):
        assert before / after == pytest.approx((coarse / fine) ** 0.5, rel=0.1)


def filter_response(line):
    assert numbers(line)[-1] < 2


def rider_three_cells(rider, erider):
    for before, after in zip(numbers(rider), numbers(erider), strict=True):
        assert after < before / 3


def erider_against_agad(*lines):
    agad, agad_fast, erider = [numbers(line.partition(": ")[2]) for line in lines]
    assert min(agad_fast[0], erider[0]) > agad[0]
    assert max(agad[1], agad_fast[1], erider[1]) < 0.5  # an estimate of 0 is off by (0.4² + 0.3²)^1/2


def sweep(points, weights):
    error, eta, p = numbers(points)
    assert error < 0.1
    assert eta in (0.01, 0.03)  # inside the grid
    assert p > 0
    assert numbers(weights)[0] < 0.05


def fit_measured(line):
    fitted, error, true, noise = numbers(line)
    assert abs(fitted - true) < 3 * error
    assert noise == pytest.approx(0.3, abs=0.03)


def numpy_loop(*lines):
    (_, digital), (_, sgd), (start, erider) = [numbers(line) for line in lines]
    assert digital < erider < sgd < start


def pulses_and_energy(*lines):
    spent = {line.partition(":")[0]: numbers(line.partition(":")[2]) for line in lines}
    assert spent["E-RIDER"][0] < 0.5 * min(spent[name][0] for name in ("analog SGD", "TT-v2", "RIDER"))
    for name in ("TT-v2", "AGAD", "RIDER", "E-RIDER"):
        assert spent[name][1] > 3 * spent["analog SGD"][1]
    assert spent["RIDER"][2] == max(energy for *_, energy in spent.values())


CHECKS = {
    check.__name__: check
    for check in (
        response_curves,
        zero_shifting,
        filter_response,
        rider_three_cells,
        erider_against_agad,
        sweep,
        fit_measured,
        numpy_loop,
        pulses_and_energy,
    )
}


def pixels(picture):
    """Width and height, from a PNG's header."""
    header = picture.read_bytes()[:24]
    assert header.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


def test_every_script_is_checked_and_shown():
    names = [path.stem for path in SCRIPTS]
    assert sorted(CHECKS) == names
    assert sorted(SECTIONS) == names
    assert sorted(path.stem for path in (ROOT / "docs" / "gallery").glob("*.png")) == names


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_gallery(path, tmp_path, monkeypatch, capsys):
    name, section = path.stem, SECTIONS[path.stem]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert f"python examples/gallery/{name}.py" in section
    assert f"(../examples/gallery/{name}.py)" in section
    picture = tmp_path / f"{name}.png"
    short = [str(EPOCHS[name])] if name in EPOCHS else []
    monkeypatch.setattr(sys, "argv", [str(path), str(picture), *short])
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    CHECKS[name](*printed.splitlines())
    shown = re.search(r"(?ms)^```text\n(.*?)^```$", section)[1]
    CHECKS[name](*shown.splitlines())
    if name not in OTHERWISE_ROUNDED:
        assert printed == shown
    committed = ROOT / "docs" / "gallery" / f"{name}.png"
    assert pixels(picture) == pixels(committed)
    assert committed.stat().st_size < MOST_BYTES
