"""Where the files of a set may be."""

import os
import sys
from pathlib import Path


def places(name: str, root: str | os.PathLike[str] | None) -> list[Path]:
    """Return the folders to search for the set `name`, best first; an explicit `root` is the only one named."""
    found: list[Path] = []
    named = os.environ.get("DSPTRACK_DATA") if root is None else root
    if named:
        # <root>/<name> comes first, so that one root can hold several sets.
        found += [Path(named) / name, Path(named)]
    if root is None:
        found += [prefix / "share" / "datasets" / name for prefix in (Path("/usr"), Path(sys.prefix))]
    return found
