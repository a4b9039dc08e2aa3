"""Sphinx configuration of the site that `make docs` builds in docs/_build/."""

import re
import sys
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "python"))

import dsptrack  # noqa: E402 - the path comes first

URLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]

project = "dsptrack"
author = copyright = "The dsptrack developers"
version = release = dsptrack.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
# What `make versus` writes is a table without a page: performance.md shows it.
exclude_patterns = ["_build", "performance/versus.md"]
templates_path: list[str] = []
html_theme = "furo"
html_title = f"dsptrack {release}"

# The anchors that GitHub gives to headings.
myst_heading_anchors = 3
# Without it `name` in a docstring is set in italics; with it, it leads to what it names.
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
# PyTorch is large and optional; its classes are only named.
autodoc_mock_imports = ["torch"]

UNDERLINE = re.compile(r"^\s*-{3,}\s*$")
# Outside `code`: |x| and N* would be markup. A star with a space after it begins an item of a list.
CODE = re.compile(r"(`+[^`]*`+_?)")
MARKUP = re.compile(r"\||\*(?! )")
# A link out of docs/, as GitHub follows it.
OUTSIDE = {0: re.compile(r"\]\(\.\./(?!\.\.)"), 1: re.compile(r"\]\(\.\./\.\./(?!\.\.)")}


def show_equations(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Mark indented paragraphs as literal: in our docstrings they are equations, in which * and | are themselves.

    In running text the two are escaped. Sections of numpydoc come after the equations and have an indentation of their
    own, except Notes.
    """
    out: list[str] = []
    literal = in_doctest = False
    in_text = True
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and UNDERLINE.match(lines[i + 1]):
            in_text = line.strip() == "Notes"
        if in_text and line.startswith(" ") and not literal and out and not out[-1].strip():
            out += ["::", ""]
            literal = True
        elif line.strip() and not line.startswith(" "):
            literal = False
        in_doctest = line.lstrip().startswith(">>>") or (in_doctest and bool(line.strip()))
        out.append(line if literal or in_doctest else escape(line))
    lines[:] = out


def escape(line: str) -> str:
    """Put a backslash before what would be markup outside code."""
    parts = CODE.split(line)
    parts[::2] = [MARKUP.sub(r"\\\g<0>", text) for text in parts[::2]]
    return "".join(parts)


def link_to_source(app: Sphinx, docname: str, source: list[str]) -> None:
    """Lead links to files outside docs/ to the repository."""
    outside = OUTSIDE[docname.count("/")]
    source[0] = outside.sub(f"]({URLS['Source']}/blob/main/", source[0])


def setup(app: Sphinx) -> None:
    """Connect the two hooks; equations come before napoleon, which has the default priority."""
    app.connect("autodoc-process-docstring", show_equations, priority=400)
    app.connect("source-read", link_to_source)
