"""The fields of one part of a foreign configuration, taken out one by one; what is left over must be without effect."""

import dataclasses
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from dsptrack.exceptions import ConfigError

CLASS = "class"


class Report:
    """What a conversion could not take over, and what it has to say."""

    def __init__(self) -> None:
        self.ignored: list[str] = []
        self.notes: list[str] = []


class Fields:
    """The fields of an object (a dataclass) or of a dict, by name; messages name them by their path.

    Attributes
    ----------
    classes
        The names of the object's class and its bases, or what a dict says under ``"class"``; empty if it says nothing.
    """

    def __init__(self, path: str, source: Any, report: Report) -> None:
        self.path, self.report = path, report
        self._defaults: dict[str, Any] = {}
        if isinstance(source, Mapping):
            self._values = {str(name): value for name, value in source.items() if name != CLASS}
            self.classes = [str(source[CLASS])] if CLASS in source else []
        elif dataclasses.is_dataclass(source) and not isinstance(source, type):
            self._values = {f.name: getattr(source, f.name) for f in dataclasses.fields(source)}
            self._defaults = {f.name: _default(f) for f in dataclasses.fields(source)}
            self.classes = [cls.__name__ for cls in type(source).__mro__]
        else:
            raise ConfigError(
                f"{path or 'rpu_config'} = {source!r}: must be a configuration object of aihwkit or a dict"
            )

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def take(self, name: str, default: Any) -> Any:
        """Return a field and count it as taken over; enumerations as the string of their value."""
        value = self._values.pop(name, default)
        return value.value if isinstance(value, Enum) else value

    def peek(self, name: str, default: Any) -> Any:
        """Return a field that is still to be taken."""
        return self._values.get(name, default)

    def part(self, name: str) -> "Fields":
        """Return a field that is a part of the configuration; without it, a part without fields."""
        value = self._values.pop(name, None)
        return Fields(self._place(name), {} if value is None else value, self.report)

    def parts(self, name: str) -> "list[Fields]":
        """Return a field that is a list of parts."""
        values = self._values.pop(name, ())
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise self.refusal(name, values, "must be a list of devices")
        return [Fields(f"{self._place(name)}[{i}]", value, self.report) for i, value in enumerate(values)]

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """Return one of our choices for the peer's, which is written in another way (``AbsMax``, ``ABS_MAX``)."""
        value = self.take(name, default)
        ours = {_bare(choice): choice for choice in allowed}
        if _bare(value) in ours:
            return ours[_bare(value)]
        self.drop(name, value, f"must be one of {', '.join(allowed)}")
        return default

    def rename(self, name: str, theirs: str, ours: str) -> None:
        """Let one of the peer's choices stand for one of ours."""
        if name in self:
            value = self.take(name, None)
            self._values[name] = ours if _bare(value) == _bare(theirs) else value

    def require(self, reason: str, **harmless: Any) -> None:
        """Take fields without counterpart: they must have these values."""
        for name, value in harmless.items():
            given = self.take(name, value)
            if given != value:
                self.drop(name, given, reason)

    def skip(self, *names: str) -> None:
        """Take fields that change no number."""
        for name in names:
            self._values.pop(name, None)

    def drop(self, name: str, value: Any, reason: str) -> None:
        """Report a field that is not taken over."""
        self.report.ignored.append(self._words(name, value, reason))

    def refusal(self, name: str, value: Any, reason: str) -> ConfigError:
        """Return the error for a field without which nothing can be converted."""
        return ConfigError(self._words(name, value, reason))

    def close(self) -> None:
        """Report what nobody took, unless it has the default of its class."""
        for name, value in self._values.items():
            if name not in self._defaults or self._defaults[name] != value:
                self.drop(name, value, "not known")

    def _place(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _words(self, name: str, value: Any, reason: str) -> str:
        return f"{self._place(name)} = {value!r}: {reason}"


def _default(field: "dataclasses.Field[Any]") -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _bare(value: Any) -> str:
    return str(value).replace("_", "").lower()
