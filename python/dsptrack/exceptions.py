"""Everything that dsptrack raises or warns of on purpose; the compiled core raises the same classes.

Each error is a `DspError` and also the built-in exception that fits: ``except ValueError`` catches a wrong value.
Messages name the parameter, its value and what is allowed. A call that raises leaves the object as it was.
"""

__all__ = [
    "ConfigError",
    "DataError",
    "DivergenceError",
    "DspError",
    "MissingDataError",
    "NoSymmetricPointWarning",
    "NonFiniteError",
    "ShapeError",
    "SnapshotError",
    "StateError",
]


class DspError(Exception):
    """Base of all errors of this package.

    Examples
    --------
    >>> import dsptrack as dt
    >>> try:
    ...     dt.devices.SoftBounds(dw_min=-1)
    ... except dt.DspError as error:
    ...     print(type(error).__name__)
    ConfigError
    """


class ConfigError(DspError, ValueError):
    """A configuration field or an argument is of the wrong type, out of range, or contradicts another one.

    Examples
    --------
    >>> issubclass(ConfigError, ValueError)
    True
    """


class ShapeError(DspError, ValueError):
    """An array has the wrong shape.

    Examples
    --------
    >>> issubclass(ShapeError, ValueError)
    True
    """


class NonFiniteError(DspError, ValueError):
    """An array holds NaN or infinity, or a computation overflowed.

    Examples
    --------
    >>> issubclass(NonFiniteError, ValueError)
    True
    """


class StateError(DspError, RuntimeError):
    """The object cannot answer in its present state or configuration.

    Examples
    --------
    >>> issubclass(StateError, RuntimeError)
    True
    """


class DataError(DspError, ValueError):
    """A data file is damaged or not what it should be.

    Examples
    --------
    >>> issubclass(DataError, ValueError)
    True
    """


class MissingDataError(DataError, FileNotFoundError):
    """A data file or folder does not exist.

    Examples
    --------
    >>> issubclass(MissingDataError, FileNotFoundError)
    True
    """


class SnapshotError(DataError):
    """A state does not fit the object, no object can be in it, or a snapshot file is damaged, foreign or too new.

    Examples
    --------
    >>> issubclass(SnapshotError, DataError)
    True
    """


class DivergenceError(DspError, ArithmeticError):
    """A network's activation, gradient or loss is no longer finite; the message names the layer.

    Examples
    --------
    >>> issubclass(DivergenceError, ArithmeticError)
    True
    """


class NoSymmetricPointWarning(UserWarning):
    """Some cells have no symmetric point inside their bounds; the message says how many, the answer is NaN there.

    A cell has none if its up and down steps are nowhere equal, as for `ConstantStep`, or only beyond a bound. It is a
    warning and no error, because the other cells have theirs; the example silences it.

    Examples
    --------
    >>> import warnings, dsptrack as dt
    >>> array = dt.CrossbarArray((1, 2), dt.devices.ConstantStep())
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", dt.exceptions.NoSymmetricPointWarning)
    ...     array.symmetric_point()
    array([[nan, nan]], dtype=float32)
    """
