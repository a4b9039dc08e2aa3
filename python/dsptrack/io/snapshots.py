"""Snapshots: any nested state dict as one file, written whole or not at all, and refused if a single bit is wrong.

A file is in safetensors format. Its first piece of metadata, ``dsptrack``, is JSON: the checksum, the versions, and all
of the state that is no array. The checksum is the SHA-256 of the file with the checksum's own 64 digits set to ``0``.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import safetensors
import safetensors.numpy

from dsptrack import _core
from dsptrack.exceptions import ConfigError, DataError, MissingDataError, SnapshotError

from . import _atomic, _tree

__all__ = ["load", "save"]

_FORMAT = 1
# What every file starts with, after the eight bytes that hold the length of the header. Later formats keep it.
_START = b'{"__metadata__":{"dsptrack":"{\\"sha256\\":\\"'
_DIGITS = slice(8 + len(_START), 8 + len(_START) + 64)
_BLANK = "0" * 64
# Bytes of header: as JSON it takes some ten times its size in memory.
_LONGEST = 1 << 24


def save(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Write a state as a snapshot file; an old file of that name is replaced only by a whole new one.

    Parameters
    ----------
    path
        Name of the file, customarily ending with ``.safetensors``; its folder must exist.
    state
        Dicts with string keys, lists (tuples become lists), arrays of numbers or flags, strings, finite numbers, None;
        what is no array must fit 16 MiB of JSON.

    Raises
    ------
    ConfigError
        If something else is in `state`; the message names its place.
    OSError
        If the file cannot be written; an old one is then as it was.

    Examples
    --------
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((2, 3), dt.presets.reram_sb(), rng=0)
    >>> save("array.safetensors", array.state_dict())
    >>> again = dt.CrossbarArray.from_state_dict(load("array.safetensors"))
    >>> bool((again.weights == array.weights).all())
    True
    """
    _atomic.write(path, _parts(state))


def _parts(state: Mapping[str, Any]) -> tuple[memoryview, bytes, memoryview]:
    """Return what a file of this state holds, in three pieces."""
    tree, arrays = _tree.split(state)
    envelope = {
        "sha256": _BLANK,
        "format": _FORMAT,
        "dsptrack": _core.__version__,
        "stream_version": _core.STREAM_VERSION,
        "state": tree,
    }
    metadata = {"dsptrack": json.dumps(envelope, allow_nan=False, separators=(",", ":"))}
    data = memoryview(safetensors.numpy.save(arrays, metadata))
    header = int.from_bytes(data[:8], "little")
    if header > _LONGEST:
        raise ConfigError(f"state: has {header} bytes besides its arrays: must be at most {_LONGEST}")
    if data[8 : _DIGITS.stop] != _START + _BLANK.encode():
        raise DataError(f"safetensors {safetensors.__version__} writes headers in an unknown order")
    digits = hashlib.sha256(data).hexdigest().encode()
    return data[: _DIGITS.start], digits, data[_DIGITS.stop :]


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a state that `save` wrote.

    Parameters
    ----------
    path
        Name of the file.

    Returns
    -------
    dict
        What was saved; `CrossbarArray.from_state_dict` and `AnalogTile.from_state_dict` take it.

    Raises
    ------
    SnapshotError
        If the file is truncated, altered, not from dsptrack, or of a later format; the message says which.
    MissingDataError
        If there is no such file; DataError if it cannot be read.

    Examples
    --------
    >>> save("state.safetensors", {"epoch": 3, "loss": [0.5, 0.25]})
    >>> load("state.safetensors")
    {'epoch': 3, 'loss': [0.5, 0.25]}
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            return _read(stream)
    except SnapshotError as error:
        raise SnapshotError(f"{file}: {error}") from None
    except FileNotFoundError:
        raise MissingDataError(f"{file}: no such file") from None
    except OSError as error:
        raise DataError(f"{file}: {error}") from None


def _read(stream: BinaryIO) -> dict[str, Any]:
    data = _whole(stream)
    _check(data)
    return _state(data)


def _whole(stream: BinaryIO) -> bytes:
    """Return all bytes of a stream that starts like a snapshot."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    start = stream.read(_DIGITS.stop)
    if start[8 : 8 + len(_START)] != _START[: len(start[8:])]:
        raise SnapshotError("is no snapshot of dsptrack")
    if len(start) < _DIGITS.stop:
        raise SnapshotError(f"is truncated after {size} bytes")
    header = int.from_bytes(start[:8], "little")
    if header > _LONGEST:
        raise SnapshotError(f"has a header of {header} bytes: must be at most {_LONGEST}")
    if 8 + header > size:
        raise SnapshotError(f"is truncated after {size} bytes, within its header of {header} bytes")
    return start + stream.read()


def _check(data: bytes) -> None:
    """Refuse bytes whose checksum is wrong."""
    view = memoryview(data)
    digest = hashlib.sha256(view[: _DIGITS.start])
    digest.update(_BLANK.encode())
    digest.update(view[_DIGITS.stop :])
    if digest.hexdigest().encode() == data[_DIGITS]:
        return
    wanted = _length(data)
    if len(data) < wanted:
        raise SnapshotError(f"is truncated after {len(data)} of {wanted} bytes")
    raise SnapshotError("was altered: its checksum does not fit")


def _length(data: bytes) -> int:
    """Return the length that a damaged file's header asks for, 0 if that cannot be read."""
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        tensors = json.loads(data[8:end])
        return end + max(int(tensor["data_offsets"][1]) for name, tensor in tensors.items() if name != "__metadata__")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return 0


def _state(data: bytes) -> dict[str, Any]:
    """Return the state in a file whose checksum is right; that says nothing about who wrote it."""
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        envelope = json.loads(json.loads(data[8:end])["__metadata__"]["dsptrack"])
        number, tree = envelope["format"], envelope["state"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise SnapshotError("is no snapshot of dsptrack: its header has another structure") from None
    if not isinstance(number, int) or number != _FORMAT:
        version = envelope.get("dsptrack")
        raise SnapshotError(f"has format {number!r}, written by dsptrack {version}: this version reads {_FORMAT}")
    if not isinstance(tree, dict):
        raise SnapshotError("is no snapshot of dsptrack: its state is no dict")
    try:
        arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, ValueError, TypeError, LookupError) as error:
        raise SnapshotError(f"holds arrays that cannot be read: {error}") from None
    return _tree.join(tree, arrays)
