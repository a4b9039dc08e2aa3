"""How-to pages: followed word by word in one folder, they do and print what they show.

`test_docs.py` runs every block of Python alone; here those of the shell run too, with the files of the blocks before.
"""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsptrack.cli import main

HOWTO = Path(__file__).parents[1] / "docs" / "howto"
BLOCK = re.compile(
    r"^```(?P<kind>python|sh)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```$)?", re.MULTILINE | re.DOTALL
)
# A command with the file that it is given, or a line.
COMMAND = re.compile(r"[^\n]*<<'END'\n.*?^END\n|[^\n]+\n", re.MULTILINE | re.DOTALL)
PAGES = [page for page in sorted(HOWTO.glob("*.md")) if "\n```sh\n" in page.read_text(encoding="utf-8")]


def python(code):
    with np.printoptions():
        exec(compile(code, "block", "exec"), {"__name__": "__main__"})


def shell(code):
    for command in COMMAND.findall(code):
        if command.startswith("dsptrack "):
            assert main(shlex.split(command, comments=True)[1:]) == 0, command
        else:
            sys.stdout.write(
                subprocess.run(["bash", "-ec", command], check=True, capture_output=True, text=True).stdout
            )


def test_pages_have_commands():
    assert {page.stem for page in PAGES} == {"checkpoints", "device", "machines"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="the pages' commands are for a shell")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_can_be_followed(page, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        {"python": python, "sh": shell}[block["kind"]](block["code"])
        printed = capsys.readouterr().out
        if block["output"] is not None:
            assert printed == block["output"]
