"""``dsptrack info``: what is installed and what it runs on."""

import argparse
import json

from dsptrack import _core

from .options import add_report

SUMMARY = "versions, instruction set, threads"
DESCRIPTION = "Print what a bug report should say."
EPILOG = """examples:
  dsptrack info
  DSPTRACK_ISA=base dsptrack info --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_report(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print versions, instruction set and threads."""
    values = {
        "version": _core.__version__,
        "stream_version": _core.STREAM_VERSION,
        "isa": _core.isa(),
        "isa_levels": _core.isa_levels(),
        "threads": _core.default_num_threads(),
        "profile": _core.PROFILE,
    }
    if arguments.json:
        print(json.dumps(values, indent=2))
        return
    width = max(map(len, values))
    for name, value in values.items():
        shown = " ".join(value) if isinstance(value, list) else value
        print(f"{name.replace('_', ' '):<{width}}  {shown}")
