"""Where finished runs are kept: one JSON file a run, named by a hash of everything that its result depends on."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsptrack import _core
from dsptrack.exceptions import DataError
from dsptrack.io import _atomic

from .grid import Configuration, canonical
from .results import Record

_FIELDS = frozenset(Record.__annotations__)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run to do: its name in the store and its stream follow from these fields alone."""

    function: str
    configuration: Configuration
    repeat: int
    seed: int
    paired: bool

    @property
    def key(self) -> str:
        """Return the hash that names the run."""
        values = {
            "function": self.function,
            "configuration": self.configuration,
            "repeat": self.repeat,
            "seed": self.seed,
            "paired": self.paired,
            "stream_version": _core.STREAM_VERSION,
        }
        return hashlib.sha256(canonical(values).encode()).hexdigest()[:32]

    @property
    def rng(self) -> np.random.SeedSequence:
        """The spawned stream: of the repeat and, unless paired, of the configuration, wherever in the grid it is."""
        words = [] if self.paired else _words(self.configuration)
        return np.random.SeedSequence(self.seed, spawn_key=(self.repeat, *words))


class Store:
    """A folder of finished runs."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def scratch(self, run: Run) -> Path:
        """Return the name of the file that an unfinished run may keep."""
        return self.folder.absolute() / f"{run.key}.part"

    def find(self, run: Run) -> Record | None:
        """Return the record of a run, None if it is not finished."""
        path = self._path(run)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise DataError(f"{path}: damaged ({error}); remove it to repeat the run") from None
        if (
            not isinstance(values, dict)
            or set(values) != _FIELDS
            or not isinstance(values["configuration"], dict)
            or not isinstance(values["result"], dict)
        ):
            raise DataError(f"{path}: no record of a run; remove it to repeat the run")
        return Record(**values)

    def has(self, run: Run) -> bool:
        """Return whether the run is finished."""
        return self._path(run).exists()

    def save(self, run: Run, record: Record) -> None:
        """Keep a finished run; its scratch file goes."""
        text = json.dumps(record.to_dict(), indent=1, allow_nan=False)
        _atomic.write(self._path(run), [text.encode() + b"\n"])
        self.scratch(run).unlink(missing_ok=True)

    def _path(self, run: Run) -> Path:
        return self.folder / f"{run.key}.json"


def _words(configuration: Configuration) -> list[int]:
    digest = hashlib.sha256(canonical(configuration).encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
