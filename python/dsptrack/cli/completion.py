"""``dsptrack completion``: what makes the Tab key know the commands and their options."""

import argparse
import sys

from dsptrack.exceptions import DspError

SUMMARY = "script that lets a shell complete commands and options"
DESCRIPTION = """Print a completion script for a shell. It needs the small package shtab, which
pip install "dsptrack[completion]" brings."""
EPILOG = """examples:
  dsptrack completion bash > ~/.local/share/bash-completion/completions/dsptrack
  dsptrack completion zsh > ~/.zsh/completions/_dsptrack    that folder must be in $fpath

the folders must exist; new shells have the completion
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's argument."""
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), metavar="SHELL", help="bash, zsh or tcsh")


def run(arguments: argparse.Namespace) -> None:
    """Print the script."""
    try:
        import shtab
    except ImportError:
        raise DspError('completion: needs the package shtab: pip install "dsptrack[completion]"') from None
    for command in arguments.commands.values():
        for action in command._actions:
            metavar = str(action.metavar)
            if metavar.endswith(("FILE", "TRACES")):
                action.complete = shtab.FILE
            elif metavar == "DIR":
                action.complete = shtab.DIRECTORY
    sys.stdout.write(shtab.complete(arguments.top, arguments.shell))
