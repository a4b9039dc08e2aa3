"""Where a training stands within an epoch, and when that is saved."""

import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from dsptrack._checks import choice, whole
from dsptrack.exceptions import MissingDataError, StateError

from .layer import FloatArray, IntArray
from .state import entries


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The part of an epoch that is done.

    Attributes
    ----------
    batches
        Mini-batches done.
    loss
        Sum of their losses, each times its images.
    seconds
        Their wall-clock time.
    images
        Fingerprint of the data.
    stopped
        Whether a callback has ended the training.
    """

    batches: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    images: str = ""
    stopped: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: object) -> Self:
        """Return the progress that `to_dict` described; StateError if it is none."""
        default = cls()
        values: Mapping[str, Any] = entries(default, state, default.to_dict())
        for name, value in default.to_dict().items():
            if type(values[name]) is not type(value):
                raise StateError(f"progress.{name} = {values[name]!r}: must be of type {type(value).__name__}")
        progress = cls(**values)
        if progress.batches < 0 or not math.isfinite(progress.loss) or not math.isfinite(progress.seconds):
            raise StateError(f"{progress}: must be finite, batches >= 0")
        return progress


def fingerprint(x: FloatArray, y: IntArray) -> str:
    """Return what tells one data set from another at no cost: shape, labels, the first image."""
    return f"{x.shape} {zlib.crc32(y.tobytes()):08x} {zlib.crc32(x[0].tobytes()):08x}"


@dataclass(frozen=True, kw_only=True)
class Saving:
    """Where and how often checkpoints are written."""

    path: Path
    every: int
    by_batch: bool

    @classmethod
    def asked(cls, path: str | os.PathLike[str] | None, every: int, unit: str) -> Self | None:
        """Return what was asked for, None without a path."""
        every = whole("checkpoint_every", every, 1)
        by_batch = choice("checkpoint_unit", unit, ("epoch", "batch")) == "batch"
        if path is None:
            return None
        place = Path(path)
        if not place.parent.is_dir():
            raise MissingDataError(f"checkpoint = {str(place)!r}: there is no folder {str(place.parent)!r}")
        return cls(path=place, every=every, by_batch=by_batch)
