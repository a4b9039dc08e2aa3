"""Where finished runs are kept: one JSON file a run, named by a hash of everything that its result depends on."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from dsptrack import _core
from dsptrack.exceptions import ConfigError, DataError
from dsptrack.io import _atomic

from .grid import Configuration, canonical, checked
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


@dataclass(frozen=True)
class Local:
    """What `local` returns."""

    function: Callable[..., Any]
    keywords: Mapping[str, Any]

    def __call__(self, *arguments: Any) -> Any:
        """Call the function with what is fixed."""
        return self.function(*arguments, **self.keywords)


def local(function: Callable[..., Any], **keywords: Any) -> Local:
    """Fix arguments of a sweep's function that say where things are on this machine, not what is computed.

    As ``functools.partial``, but a run that is stored is found again whatever they are.

    Parameters
    ----------
    function
        ``function(configuration, context, **keywords)``.
    **keywords
        What is fixed.

    Returns
    -------
    Local
        A function for `run`.

    Examples
    --------
    >>> import dsptrack as dt
    >>> def measure(configuration, context, *, folder):
    ...     return {"length": len(folder)}
    >>> results = dt.sweep.run(dt.sweep.local(measure, folder="/data"), [{"x": 1}])
    >>> [row["length"] for row in results.rows()]
    [5]
    """
    return Local(function, keywords)


def name_of(function: Callable[..., Any]) -> str:
    """Return a function's module and name, without what is fixed."""
    while isinstance(function, partial | Local):
        function = function.func if isinstance(function, partial) else function.function
    module = function.__module__
    if module == "__main__":
        # Every script is that module: its runs are told from those of others by the file's name.
        module = Path(getattr(sys.modules[module], "__file__", None) or module).stem
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def lasting_name(function: Callable[..., Any]) -> str:
    """Return a name that tells a function from others in another process, with what partials fix."""
    name = name_of(function)
    if "<lambda>" in name:
        raise ConfigError(f"function = {name}: must have a name of its own where runs are stored: use def")
    fixed: list[Any] = []
    while isinstance(function, partial | Local):
        if isinstance(function, partial):
            fixed.append([list(function.args), dict(function.keywords)])
            function = function.func
        else:
            function = function.function
    _refuse_hidden_values(function, name)
    if not fixed:
        return name
    return f"{name} {canonical(checked({'fixed': fixed}, 'function'))}"


def _refuse_hidden_values(function: Callable[..., Any], name: str) -> None:
    """Raise ConfigError for a function that works with values which its name does not tell."""
    advice = "which are no part of a run's name: fix them with functools.partial or dt.sweep.local"
    if isinstance(function, BuiltinFunctionType):
        return
    if not isinstance(function, FunctionType):
        raise ConfigError(
            f"function = {name}: must be a function where runs are stored; an object has values, {advice}"
        )
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if not isinstance(cell.cell_contents, FunctionType | BuiltinFunctionType | ModuleType | type):
            raise ConfigError(f"function = {name}: has values of the function around it, {variable}, {advice}")


def _words(configuration: Configuration) -> list[int]:
    digest = hashlib.sha256(canonical(configuration).encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
