"""The command line: ``dsptrack COMMAND``, the same as ``python -m dsptrack COMMAND``.

Results go to stdout, progress and remarks to stderr. Exit codes: 0 done, 1 failed (one line says why), 2 wrong usage,
130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from dsptrack import _core
from dsptrack.exceptions import ConfigError, DspError

from . import calibrate, compare, completion, config, fit, info, reproduce, respond, sweep, train, tune

__all__ = ["main"]

_COMMANDS = (compare, train, sweep, tune, reproduce, calibrate, respond, fit, info, completion)
_DESCRIPTION = "Training on analog in-memory-computing hardware, with dynamic symmetric-point tracking."
_EPILOG = """examples:
  dsptrack compare                     train with every learning rule and compare them (the main job)
  dsptrack train --method rider        train with one of them, with checkpoints
  dsptrack sweep grid.toml             train with a grid of settings, on many workers
  dsptrack reproduce table2 --quick    a figure or table of the paper
  dsptrack calibrate                   zero-shifting: symmetric-point error against the pulse budget
  dsptrack respond --device reram_es   responses, pulse trains and symmetric points of a device
  dsptrack fit traces.csv              a device from measured pulse trains
  dsptrack info                        versions, instruction set, threads
  dsptrack compare --config run.toml   options from a file: epochs = 20; those of the command line win

`dsptrack COMMAND --help` lists a command's options and more examples. Results go to stdout, progress and remarks to
stderr; --json prints the results for a program.
exit codes: 0 done, 1 failed, 2 wrong usage (an option, its value, an entry of a file), 130 interrupted
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="dsptrack",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"dsptrack {_core.__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in _COMMANDS:
        command = commands.add_parser(
            module.__name__.rpartition(".")[2],
            help=module.SUMMARY,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # a new option must not change what an old command line means
        )
        module.add_arguments(command)
        config.add_config(command)
        command.set_defaults(run=module.run, top=top, commands=commands.choices, parser=command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    argv
        The arguments without the program's name; None means those of the process.

    Returns
    -------
    int
        0 done, 1 failed with one line on stderr, 2 wrong usage, 130 interrupted.

    Examples
    --------
    >>> from dsptrack.cli import main
    >>> main(["compare", "--data", "digits", "--epochs", "0"])
    2
    """
    try:
        arguments = parser().parse_args(argv)
        if arguments.config is not None:
            arguments.parser.set_defaults(**config.defaults(arguments.config, arguments.parser))
            arguments = arguments.top.parse_args(argv)
        arguments.run(arguments)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse has printed its message; --help and --version stop with 0
        return stop.code if isinstance(stop.code, int) else 2
    except ConfigError as error:
        print(_line(error), file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader has gone (as in `dsptrack info | head -1`): point stdout elsewhere so that closing it is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (DspError, OSError, MemoryError) as error:
        print(_line(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dsptrack: interrupted", file=sys.stderr)
        return 130
    return 0


def _line(error: BaseException) -> str:
    words = f"{error}" + "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    return f"dsptrack: error: {' '.join(words.split())}"
