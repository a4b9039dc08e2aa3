"""``--config FILE``: a TOML file with defaults for a command's options; those of the command line win."""

import argparse
import tomllib
from pathlib import Path
from typing import Any

from dsptrack.exceptions import ConfigError, DataError, MissingDataError

# What a value must be, in words; another `type` of an option takes the text that the command line would give it.
_WORDS = {int: "a whole number", float: "a number", bool: "true or false"}


class OrTable(argparse.Action):
    """An option that may also be a table in a file; ``add_argument(..., action=OrTable)``."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Store the words of the command line as they are."""
        setattr(namespace, self.dest, values)


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add --config; every command has it."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with defaults for these options")


def defaults(file: Path, parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the options that a file gives, checked as `parser` would check words.

    Keys are the long names of the options, with hyphens or underscores: ``batch-size = 10``. Files that an option names
    are looked for from the working directory, as on the command line.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingDataError(f"{file}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: {error}") from None
    options = {a.dest: a for a in parser._actions if a.option_strings and a.dest not in ("help", "config")}
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in options:
            known = f"must be among {', '.join(sorted(options))}" if options else "this command has none"
            raise ConfigError(f"{file}: no option {key!r}: {known}")
        if name in found:
            raise ConfigError(f"{file}: {key!r} is there twice, with a hyphen and with an underscore: must be once")
        found[name] = _checked(f"{file}: {key} = {value!r}", options[name], value)
    return found


def _checked(what: str, option: argparse.Action, value: Any) -> Any:
    """Return the value as the option would hold it; `what` begins the message of an error."""
    if option.nargs == 0:
        return _one(what, bool, value)
    if isinstance(option, OrTable):
        if isinstance(value, dict):
            return value
        if option.nargs is not None and isinstance(value, str):
            value = [value]
    if option.nargs is None:
        return _chosen(what, option, value)
    count = option.nargs if isinstance(option.nargs, int) else None
    if (
        not isinstance(value, list)
        or (count is not None and len(value) != count)
        or (option.nargs == "+" and not value)
    ):
        raise ConfigError(f"{what}: must be a list{'' if count is None else f' of {count} entries'}{_or_table(option)}")
    return [_chosen(what, option, one) for one in value]


def _chosen(what: str, option: argparse.Action, value: Any) -> Any:
    found = _one(what, option.type or str, value, _or_table(option))
    if option.choices is not None and found not in option.choices:
        raise ConfigError(f"{what}: must be among {', '.join(map(str, option.choices))}")
    return found


def _one(what: str, kind: Any, value: Any, otherwise: str = "") -> Any:
    plain = kind if kind in _WORDS else str
    allowed = (int, float) if plain is float else plain
    if not isinstance(value, allowed) or (isinstance(value, bool) and plain is not bool):
        raise ConfigError(f"{what}: must be {_WORDS.get(plain, 'text')}{otherwise}")
    try:
        return kind(value)
    except (ValueError, TypeError, argparse.ArgumentTypeError) as error:
        raise ConfigError(f"{what}: {error}") from None


def _or_table(option: argparse.Action) -> str:
    return " or a table" if isinstance(option, OrTable) else ""
