"""Runs the commands of a page again and puts what they print in their place.

In an empty folder and in the order of the page: a block of TOML whose first line is ``# NAME.toml`` becomes that file,
a block of Python is executed, and after every line ``$ COMMAND`` of a block of console comes what the command prints,
with stderr; ``[...]`` stands for what is cut after 40 lines.

    python tools/record.py docs/cli.md
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"^```(?P<kind>toml|python|console)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.toml)\n")
LINES = 40


def main(page: Path) -> None:
    """Rewrite a page."""
    with tempfile.TemporaryDirectory() as folder:

        def bash(command: str) -> str:
            # Unbuffered: lines of stdout and stderr then come in the order in which they are written.
            environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "80"}
            done = subprocess.run(
                ["bash", "-c", f"exec 2>&1; {command}"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
            shown = done.stdout.replace(folder, "/home/you").splitlines(keepends=True)
            return "".join(shown if len(shown) <= LINES else [*shown[:LINES], "[...]\n"])

        def again(match: re.Match[str]) -> str:
            kind, text = match["kind"], match["text"]
            if kind == "console":
                commands = [line for line in text.splitlines() if line.startswith("$ ")]
                return "```console\n" + "".join(f"{line}\n{bash(line[2:])}" for line in commands) + "```"
            if kind == "python":
                subprocess.run([sys.executable, "-c", text], cwd=folder, check=True)
            elif file := FILE.match(text):
                Path(folder, file[1]).write_text(text, encoding="utf-8")
            return match[0]

        page.write_text(BLOCK.sub(again, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
