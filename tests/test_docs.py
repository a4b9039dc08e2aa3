"""Pages for readers: Python blocks run and print what is shown, links lead somewhere, versions agree."""

import re
import shlex
from pathlib import Path

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
    # Empty lines in front: a traceback then shows the line of the page.
    exec(compile("\n" * line + code, str(page), "exec"), {"__name__": "__main__"})
    if output is not None:
        assert capsys.readouterr().out == output


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_commands_parse(page):
    for block in FENCED.findall(page.read_text(encoding="utf-8").replace("\\\n", " ")):
        for match in COMMAND.finditer(block):
            words = shlex.split(match["words"])
            try:
                parser().parse_args(words)
            except SystemExit as stop:
                if stop.code != 0:  # --help stops with 0
                    pytest.fail(f"{name(page)}: dsptrack {match['words']}")


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
