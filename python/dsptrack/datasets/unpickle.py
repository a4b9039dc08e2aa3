"""Pickle files without trust: plain values and NumPy arrays, nothing else.

A pickle is a program: it may name any function and call it. Here every name is refused but those that NumPy and
Python's own bytes are written with, and these lead to the stand-ins below, not to NumPy: a file reaches no code but
this page's. Sources: the documentation of Python's ``pickle`` (restricting globals), ``ndarray.__reduce__`` of NumPy.
"""

import io
import math
import pickle
from typing import Any

import numpy as np

from dsptrack.exceptions import DataError

from .dataset import Bytes


class _Dtype:
    """What NumPy's dtype is pickled as: a code such as u1, then a state that only tells the byte order."""

    code = ""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else str(code)

    def __setstate__(self, state: object) -> None:
        """Ignore it: single bytes, all that `values` takes, have no order."""


class _Array:
    """What an array is pickled as: an empty one, then a state of version, shape, dtype, order and raw bytes."""

    values: Bytes | None = None

    def __init__(self, *_: Any) -> None:
        """Take what NumPy's own function takes, and need none of it."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, raw = state
        self.values = _values(raw, dtype, shape, "F" if fortran else "C")


def _values(raw: Any, dtype: Any, shape: Any, order: str) -> Bytes:
    if not isinstance(dtype, _Dtype) or dtype.code not in ("u1", "|u1"):
        raise pickle.UnpicklingError(f"array of dtype {getattr(dtype, 'code', dtype)!r}: must be uint8")
    sizes = tuple(int(n) for n in shape)
    if math.prod(sizes) != len(raw) or min(sizes, default=0) < 0:
        raise pickle.UnpicklingError(f"array of shape {sizes} with {len(raw)} bytes")
    flat = np.frombuffer(bytes(raw), np.uint8)
    return flat.reshape(sizes[::-1]).T if order == "F" else flat.reshape(sizes)


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: str) -> _Array:
    """Stand in for the function that protocol 5 names."""
    array = _Array()
    array.values = _values(raw, dtype, shape, order)
    return array


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for codecs.encode, by which Python 3 writes bytes in protocol 2."""
    if encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"bytes encoded by {encoding!r}: must be latin1")
    return text.encode("latin1")


_ALLOWED = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,
    # numpy.core became numpy._core in NumPy 2.
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no data file needs: refused") from None


def load_arrays(content: bytes, source: str) -> dict[str, Any]:
    """Return the dict that a pickle holds: keys as text, arrays as uint8, all else as plain values.

    Parameters
    ----------
    content
        The file.
    source
        What error messages call it.

    Raises
    ------
    DataError
        If the pickle is damaged, names anything but arrays, or holds no dict.
    """
    try:
        values = _Restricted(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(values, dict):
            raise pickle.UnpicklingError(f"it holds a {type(values).__name__}: must be a dict")
        return {_text(key): v.values if isinstance(v, _Array) else v for key, v in values.items()}
    # A damaged program can fail in any way; none of them may leave this function as anything but a DataError.
    except Exception as error:
        raise DataError(f"{source}: no pickle of plain arrays ({type(error).__name__}: {error})") from error


def _text(key: Any) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)
