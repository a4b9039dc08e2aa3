"""Writing a file so that a crash leaves the old one or the new one, whole."""

import contextlib
import csv
import io
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write(path: str | os.PathLike[str], parts: Iterable[bytes | memoryview]) -> None:
    """Write `parts` into a file of that name, through a temporary one beside it.

    Both the file and its folder are on the disk when this returns. A link is followed, not replaced, and a file keeps
    its permissions. What is no file, such as a pipe or a device, is written straight away.

    Raises
    ------
    OSError
        If the file cannot be written; an old one of that name is then as it was.

    Examples
    --------
    >>> write("data.bin", [b"one ", b"piece"])
    >>> Path("data.bin").read_bytes()
    b'one piece'
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        with open(path, "wb") as stream:
            for part in parts:
                stream.write(part)
        return
    file = Path(os.path.realpath(path))
    temporary = file.with_name(f".{file.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as stream:
            for part in parts:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            temporary.chmod(stat.S_IMODE(file.stat().st_mode))
        temporary.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(file.parent)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text and the end of its line, as `write` does."""
    write(path, [f"{text}\n".encode()])


def write_csv(path: str | os.PathLike[str], header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table with a line of names, as `write` does; None is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write(path, [text.getvalue().encode()])


def _sync_folder(folder: Path) -> None:
    """Make the new name last; other systems than POSIX cannot open folders."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
