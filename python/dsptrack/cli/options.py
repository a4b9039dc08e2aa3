"""Options that several commands share, so that they look and mean the same."""

import argparse
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dsptrack.experiments.settings import device_of
from dsptrack.io import _atomic

from .config import OrTable

DEFAULT_OUT = Path("dsptrack-out")


def add_common(parser: argparse.ArgumentParser, threads: str = "all cores") -> None:
    """Add --seed and --threads; `threads` says what stands without it."""
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything random (default: 0)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help=f"threads; does not change results (default: {threads})"
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add --out, a folder, with --json and --quiet."""
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"folder of the files (default: ./{DEFAULT_OUT})"
    )
    add_report(parser)


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add --json and --quiet."""
    parser.add_argument("--json", action="store_true", help="print JSON to stdout in place of the table")
    parser.add_argument("--quiet", action="store_true", help="nothing on stderr but errors")


def add_device(parser: argparse.ArgumentParser, default: str) -> None:
    """Add --device; `default` says in words or by name what stands without it."""
    parser.add_argument(
        "--device",
        action=OrTable,
        metavar="NAME|FILE",
        help=f"preset, or .toml or .json file (default: {default})",
    )


def device_name(asked: str | Mapping[str, Any]) -> str:
    """Return what tables and titles call that device: its name or file, of a table its kind."""
    return asked if isinstance(asked, str) else type(device_of(asked)).__name__


def write_json(path: Path, values: dict[str, Any]) -> str:
    """Write `values` as a JSON file, making its folder, and return the text."""
    text = json.dumps(values, indent=2, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    _atomic.write_text(path, text)
    return text


def write_picture(path: Path, figure: Figure) -> None:
    """Write a picture in the format that the file's name says, PNG without."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lstrip(".") or "png")
    _atomic.write(path, [picture.getbuffer()])


def remark(text: str) -> None:
    """Print a line for the reader, not for the next program: to stderr."""
    print(text, file=sys.stderr)
