"""Options that several commands share, so that they look and mean the same."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

DEFAULT_OUT = Path("dsptrack-out")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add --seed and --threads."""
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything random (default: 0)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads; does not change results (default: all cores)"
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add --out, --json and --quiet."""
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"folder of the files (default: ./{DEFAULT_OUT})"
    )
    parser.add_argument("--json", action="store_true", help="print the JSON to stdout in place of the table")
    parser.add_argument("--quiet", action="store_true", help="nothing on stderr but errors")


def write_json(path: Path, values: dict[str, Any]) -> str:
    """Write `values` as a JSON file, making its folder, and return the text."""
    text = json.dumps(values, indent=2, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    return text


def remark(text: str) -> None:
    """Print a line for the reader, not for the next program: to stderr."""
    print(text, file=sys.stderr)
