"""The IDX file format of MNIST: big-endian header, then the values; plain or gzipped.

Layout: two zero bytes, a type byte (8 = unsigned byte), the number of axes, one 32-bit length per axis, the data.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dsptrack.exceptions import DataError

_UNSIGNED_BYTE = 8
_MAGIC_LENGTH = 4


def find_idx(folder: Path, stem: str) -> Path | None:
    """Return the plain or the gzipped file called `stem` in `folder`, None where neither exists."""
    for name in (stem, stem + ".gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def read_idx(path: Path, ndim: int) -> tuple[npt.NDArray[np.uint8], str]:
    """Read one IDX file of unsigned bytes; return its array and the MD5 of its uncompressed bytes.

    Parameters
    ----------
    path
        The file; a name ending in ``.gz`` is decompressed.
    ndim
        Number of axes that the header must declare (3 for images, 1 for labels).

    Raises
    ------
    DataError
        If the file is unreadable or truncated, is not IDX with `ndim` axes, or holds more than its header declares.
    """
    content = _uncompressed(path)
    magic = content[:_MAGIC_LENGTH]
    wanted = bytes((0, 0, _UNSIGNED_BYTE, ndim))
    if magic != wanted:
        raise DataError(f"{path}: magic bytes {magic.hex() or 'missing'}; expected {wanted.hex()} (IDX, {ndim} axes)")
    header = _MAGIC_LENGTH + 4 * ndim
    if len(content) < header:
        raise DataError(f"{path}: {len(content)} bytes; truncated inside its header of {header} bytes")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", count=ndim, offset=_MAGIC_LENGTH))
    expected = header + math.prod(shape)
    if len(content) != expected:
        problem = "truncated" if len(content) < expected else "too long"
        raise DataError(f"{path}: {len(content)} bytes; {problem}: its header declares {shape}, {expected} bytes")
    array = np.frombuffer(content, np.uint8, offset=header).reshape(shape)
    return array, hashlib.md5(content, usedforsecurity=False).hexdigest()


def _uncompressed(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: unreadable or truncated ({error})") from error
