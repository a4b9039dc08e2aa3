"""Devices as files, TOML or JSON by the ending of the name."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from dsptrack import _core
from dsptrack.devices import Device
from dsptrack.exceptions import ConfigError, DataError, MissingDataError

from . import _atomic

__all__ = ["load_device", "save_device"]

_ENDINGS = (".toml", ".json")


def save_device(device: Device, path: str | os.PathLike[str]) -> None:
    """Write a device as a file, all fields of it; an old file of that name is replaced.

    Parameters
    ----------
    device
        What to write.
    path
        Ends with ``.toml`` or ``.json``; its folder must exist.

    Raises
    ------
    ConfigError
        If `device` is no device or the name ends otherwise.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import dsptrack as dt
    >>> save_device(dt.presets.reram_es(), "mine.toml")
    >>> load_device("mine.toml") == dt.presets.reram_es()
    True
    """
    if not isinstance(device, Device):
        raise ConfigError(f"device = {device!r}: must be a Device")
    file = _file(path)
    values = device.to_dict()
    text = json.dumps(values, indent=2, allow_nan=False) if file.suffix == ".json" else _toml(values)
    _atomic.write_text(file, text)


def load_device(path: str | os.PathLike[str]) -> Device:
    """Read a device from a file that `save_device`, ``dsptrack fit`` or a person wrote.

    Parameters
    ----------
    path
        Ends with ``.toml`` or ``.json``.

    Returns
    -------
    Device
        Of the class that ``kind`` names.

    Raises
    ------
    ConfigError
        If the kind or a field is unknown or out of range, or the name ends otherwise; the message names the file.
    DataError
        If the file is not valid TOML or JSON; MissingDataError if there is none.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("mine.json").write_text('{"kind": "LinearStep", "gamma_up": 0.1}')
    >>> load_device("mine.json").gamma_up
    0.1
    """
    file = _file(path)
    try:
        text = file.read_text(encoding="utf-8")
        values = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise MissingDataError(f"{file}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:  # the decoders' errors are ValueErrors
        raise DataError(f"{file}: {error}") from None
    try:
        return Device.from_dict(values)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


def _file(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.suffix not in _ENDINGS:
        raise ConfigError(f"path = {str(path)!r}: must end with {' or '.join(_ENDINGS)}")
    return file


def _toml(values: dict[str, Any]) -> str:
    """Return flat values as TOML; its numbers, lists, true and false are JSON's."""
    lines = [f"{name} = {json.dumps(value, allow_nan=False)}" for name, value in values.items()]
    return "\n".join(
        [f"# A device of dsptrack {_core.__version__}; help(dsptrack.devices) explains the fields.", *lines]
    )
