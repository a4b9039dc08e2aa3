"""Pages for readers: Python blocks run and print what is shown, links lead somewhere, versions agree."""

import argparse
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.cli import parser

ROOT = Path(__file__).parents[1]
DOCS = sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)
WITH_CODE = [ROOT / "README.md", *DOCS]
WITH_LINKS = [*WITH_CODE, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "crates" / "README.md"]

# A block of text right after a block of Python is what the Python prints.
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```$)?", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*dsptrack (?P<words>[^|;>&#\n]*)", re.MULTILINE)
# Blocks of four spaces, and what stands in the text (without `dsptrack COMMAND` and `dsptrack tr<Tab>`).
INDENTED = re.compile(r"^ {4}(?=dsptrack |\$ |[A-Z_]+=)(.*)$", re.MULTILINE)
SPAN = re.compile(r"`dsptrack ([a-z][^`<]*)`")
TOCTREE = re.compile(r"^```\{toctree\}\n(?P<entries>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name(path):
    return str(path.relative_to(ROOT))


def blocks():
    for page in WITH_CODE:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("code"))
            yield pytest.param(page, line, match["code"], match["output"], id=f"{name(page)}:{line + 1}")


@pytest.mark.parametrize(("page", "line", "code", "output"), list(blocks()))
def test_blocks_run(page, line, code, output, monkeypatch, tmp_path, capsys):
    if "import torch" in code:
        pytest.importorskip("torch", reason="PyTorch is optional; make test-torch runs this")
    monkeypatch.chdir(tmp_path)
    # Empty lines in front: a traceback then shows the line of the page. How a page prints arrays is its own affair.
    with np.printoptions():
        exec(compile("\n" * line + code, str(page), "exec"), {"__name__": "__main__"})
    if output is not None:
        assert capsys.readouterr().out == output


def commands(text):
    """Words after ``dsptrack`` of every command in blocks, with fences or indented."""
    joined = text.replace("\\\n", " ")
    lines = [*FENCED.findall(joined), *INDENTED.findall(FENCED.sub("", joined))]
    return [shlex.split(match["words"]) for line in lines for match in COMMAND.finditer(line)]


def refused(words):
    """Whether the command line does not know these words."""
    try:
        parser().parse_args(words)
    except SystemExit as stop:
        return stop.code != 0  # --help stops with 0
    return False


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_commands_parse(page):
    wrong = [shlex.join(words) for words in commands(page.read_text(encoding="utf-8")) if refused(words)]
    assert wrong == []


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_commands_in_the_text_exist(page):
    """Of `dsptrack train --resume` the command and its options; arguments may be left out."""
    (known,) = [action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    for span in SPAN.findall(FENCED.sub("", page.read_text(encoding="utf-8")).replace("\n", " ")):
        command, *rest = span.split()
        options = {word for word in rest if word.startswith("--")}
        assert command in known, span
        assert options <= set(known[command]._option_string_actions), span


def test_commands_are_found():
    """The search sees all three kinds of blocks, continued lines too, and no running text."""
    text = "dsptrack is\n\n    A=1 dsptrack info \\\n        --json\n\n```sh\n$ dsptrack a | b\ndsptrack c  # d\n```\n"
    assert sorted(commands(text)) == [["a"], ["c"], ["info", "--json"]]
    assert refused(["reproduce", "table2", "--methods", "agad"])
    assert not refused(["reproduce", "table2", "--rows", "agad"])


def test_every_page_is_in_a_table_of_contents():
    """Else `make docs` warns, and a warning is an error there."""
    listed = {ROOT / "docs" / "index.md"}
    for page in DOCS:
        for match in TOCTREE.finditer(page.read_text(encoding="utf-8")):
            entries = [line for line in match["entries"].splitlines() if line and not line.startswith(":")]
            listed |= {page.parent / f"{entry}.md" for entry in entries}
    left_out = re.search(r"^exclude_patterns = \[(.*)\]$", (ROOT / "docs" / "conf.py").read_text("utf-8"), re.MULTILINE)
    without_page = {ROOT / "docs" / path for path in re.findall(r'"([^"]+\.md)"', left_out[1])}
    assert set(DOCS) == listed | without_page


def test_the_readme_has_an_example_with_its_output():
    (match,) = BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
    assert match["output"]
    assert len([line for line in match["code"].splitlines() if line.strip()]) <= 15


@pytest.mark.parametrize("page", WITH_LINKS, ids=name)
def test_relative_links_exist(page):
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    targets = [target.partition("#")[0] for target in LINK.findall(text) if not re.match(r"[a-z]+:", target)]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


def test_versions_agree():
    assert f"\nversion: {dt.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## [{dt.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
