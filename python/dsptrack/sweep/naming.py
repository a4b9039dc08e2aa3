"""Names of functions, by which a store finds their runs again in another process."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from dsptrack.exceptions import ConfigError

from .grid import canonical, checked

# Functions of a script, in its own process and in those that multiprocessing spawns.
_SCRIPTS = ("__main__", "__mp_main__")


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
    """Return a function's module and name, without what is fixed; for a script its folder and file."""
    function = _bare(function)
    module = function.__module__
    # A notebook has no file; what its cells say they are in changes from kernel to kernel.
    if module in _SCRIPTS and hasattr(sys.modules["__main__"], "__file__") and isinstance(function, FunctionType):
        file = Path(function.__code__.co_filename).resolve()
        module = f"{file.parent.name}/{file.stem}"
    return f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"


def lasting_name(function: Callable[..., Any]) -> str:
    """Return a name that tells a function from others in another process, with all values that it holds."""
    name, held = name_of(function), _held(function, set())
    return f"{name} {canonical(checked({'fixed': held}, 'function'))}" if held else name


def _bare(function: Any) -> Any:
    """Return the function inside partials, caches and bound methods of classes."""
    return _unwrapped(function)[0]


def _unwrapped(function: Any) -> tuple[Any, list[Any]]:
    """Return the function inside partials, caches and bound methods of classes, and what the partials fix."""
    fixed: list[Any] = []
    while True:
        if isinstance(function, partial):
            fixed.append([list(function.args), dict(function.keywords)])
            function = function.func
        elif isinstance(function, Local):
            function = function.function
        elif isinstance(function, MethodType) and isinstance(function.__self__, type):
            function = function.__func__
        elif not isinstance(function, FunctionType) and hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function, fixed


def _held(function: Any, seen: set[int]) -> list[Any]:
    """Return what partials fix, and what a function takes from the function around it and from its defaults."""
    function, held = _unwrapped(function)
    if "<lambda>" in (name := name_of(function)):
        raise ConfigError(f"function = {name}: must have a name of its own where runs are stored: use def")
    if isinstance(function, BuiltinFunctionType | np.ufunc) or id(function) in seen:
        return held
    if not isinstance(function, FunctionType):
        raise _refusal(function, "an object, which may hold anything")
    seen.add(id(function))
    for variable, value in _variables(function):
        held.append({variable: _told(function, variable, value, seen)})
    return held


def _variables(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield variable, cell.cell_contents
        except ValueError:  # bound later
            continue
    defaults = function.__defaults__ or ()
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    pairs = [*zip(names[len(names) - len(defaults) :], defaults, strict=True), *(function.__kwdefaults__ or {}).items()]
    # None and () say that there is nothing, in every function of that name.
    yield from (
        (name, value) for name, value in pairs if value is not None and not (isinstance(value, tuple) and not value)
    )


def _told(function: FunctionType, variable: str, value: Any, seen: set[int]) -> Any:
    """Return plain values for what a function holds under that name."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, tuple):
        return [_told(function, variable, entry, seen) for entry in value]
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, type | np.ufunc):
        return f"{getattr(value, '__module__', 'numpy')}.{getattr(value, '__qualname__', value.__name__)}"
    if isinstance(_bare(value), FunctionType | BuiltinFunctionType):
        return [name_of(value), _held(value, seen)]
    raise _refusal(function, f"{variable}, a {type(value).__name__}")


def _refusal(function: Any, what: str) -> ConfigError:
    return ConfigError(
        f"function = {name_of(function)}: holds {what}, which is no part of a run's name in the store: fix plain values"
        " with functools.partial, others with dt.sweep.local"
    )
