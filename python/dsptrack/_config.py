"""The base of every configuration: plain frozen data that the core has validated.

A configuration is checked when it is made, by the same Rust code that will use it, so ranges are written down once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from . import _core
from ._checks import shown
from .exceptions import ConfigError

_PACKAGE = __name__.partition(".")[0]


class _Compiled:
    """The slot for the core's form: no dataclass field, so that it takes no part in ==, hash, repr and asdict."""

    __slots__ = ("_compiled",)
    _compiled: _core.Config


@dataclass(frozen=True, kw_only=True, slots=True)
class Config(_Compiled):
    """Frozen, keyword-only configuration; subclasses list the fields.

    Raises
    ------
    ConfigError
        If a field has the wrong type, is out of range or contradicts another one.

    Examples
    --------
    >>> import dataclasses, dsptrack as dt
    >>> dataclasses.replace(dt.devices.SoftBounds(), dw_min=0.01).dw_min
    0.01
    """

    _kinds: ClassVar[dict[str, type["Config"]]] = {}
    _kind: ClassVar[str] = "Config"

    def __init_subclass__(cls) -> None:
        # Only this package's classes are kinds, the core knows no others; one that derives from them elsewhere is of
        # its base's kind.
        if cls.__module__.partition(".")[0] == _PACKAGE:
            cls._kind = cls.__name__
            Config._kinds[cls._kind] = cls

    def __post_init__(self) -> None:
        """Validate: the core reads all fields."""
        for name, value in self._values().items():
            object.__setattr__(self, name, _plain(value))
        object.__setattr__(self, "_compiled", _core.Config(self._kind, self._core_fields()))

    def _values(self) -> dict[str, Any]:
        """All fields by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def _core_fields(self) -> dict[str, object]:
        """All fields as the core takes them: configurations inside this one are passed compiled."""
        return {name: value._compiled if isinstance(value, Config) else value for name, value in self._values().items()}

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt from its fields: the compiled form stays in the process that made it.
        return _restore, (type(self), self._values())

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the key ``"kind"`` as a nested dict that JSON can hold.

        Returns
        -------
        dict
            `from_dict` turns it back into an equal configuration.

        Examples
        --------
        >>> import dsptrack as dt
        >>> dt.PulseUpdate(desired_bl=5).to_dict()["desired_bl"]
        5
        """
        return {"kind": self._kind} | {name: _portable(value) for name, value in self._values().items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the configuration that a dict of `to_dict` describes; missing fields take their defaults.

        Parameters
        ----------
        data
            Fields by name, and ``"kind"``: the name of this class or of a subclass.

        Raises
        ------
        ConfigError
            If the kind or a field is unknown, a field without default is missing, or a value is not allowed.

        Examples
        --------
        >>> import dsptrack as dt
        >>> dt.devices.Device.from_dict({"kind": "SoftBounds", "dw_min": 0.01}).dw_min
        0.01
        """
        if not isinstance(data, Mapping):
            raise ConfigError(f"data = {data!r}: must be a dict with the key 'kind'")
        values = dict(data)
        kind = values.pop("kind", None)
        kinds = {kind: c for kind, c in Config._kinds.items() if issubclass(c, cls) and _is_last(c)} or {cls._kind: cls}
        chosen = kinds.get(kind) if isinstance(kind, str) else None
        if chosen is None:
            raise ConfigError(f"kind = {kind!r}: must be one of {', '.join(sorted(kinds))}")
        known = {f.name for f in fields(chosen)}
        unknown = sorted(map(str, set(values) - known))
        if unknown:
            raise ConfigError(f"{kind} has no field {', '.join(unknown)}: must be among {', '.join(sorted(known))}")
        nested = {name: Config.from_dict(value) for name, value in values.items() if isinstance(value, Mapping)}
        try:
            return chosen(**(values | nested))
        except TypeError as error:
            raise ConfigError(f"{kind}: {error}") from None


def _is_last(cls: type[Config]) -> bool:
    """Whether no kind derives from this class, which else only holds their common fields."""
    return not any(other is not cls and issubclass(other, cls) for other in Config._kinds.values())


def _plain(value: Any) -> Any:
    """Return a value without NumPy and lists: fields can be compared, hashed and written as JSON."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _portable(value: Any) -> Any:
    """Return a field as JSON gives it back."""
    if isinstance(value, Config):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def _restore(cls: type[Config], values: dict[str, Any]) -> Config:
    return cls(**values)


def compiled(name: str, config: Any, kind: type[Config]) -> _core.Config:
    """Return the compiled form of an argument that must be a configuration of this kind."""
    if not isinstance(config, kind):
        found = f"a {type(config).__name__}" if isinstance(config, Config) else shown(config)
        raise ConfigError(f"{name} = {found}: must be a {kind.__name__}")
    return config._compiled
