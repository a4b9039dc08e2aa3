"""The shape that all experiments have."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

import numpy as np
from matplotlib.figure import Figure

from dsptrack import datasets
from dsptrack._checks import choice, number, whole
from dsptrack.exceptions import ConfigError
from dsptrack.experiments.hyperparameters import NETWORKS, RECIPES
from dsptrack.sweep import Context, Results

from .methods import ROWS

Configuration = dict[str, Any]
# What every experiment takes that trains a network by `train_run`.
TRAINING = frozenset({"data", "network", "recipe", "epochs", "images"})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be asked of an experiment; None takes the experiment's own. None takes all: `Experiment.takes`.

    Attributes
    ----------
    quick
        Small arrays, few images, few epochs: the same code in a minute or two. What else is given comes first.
    data
        Name of the data set, as ``datasets.load`` takes it.
    network
        ``"fcn"`` or ``"lenet5"``: another network than the paper's, where a cheaper one must do.
    recipe
        Key of ``experiments.RECIPES``.
    epochs
        Epochs of training, the most where an experiment stops early, >= 1.
    images
        Training images to take, from the first one on, >= 1; all test images are used.
    methods
        Names of a table's rows: those of `METHODS`, ``"e-rider-gamma-0"``, ``"frozen"`` and the two-array rules of the
        figures, ``"tt-v1"`` and ``"two-stage"``.
    reference_on
        ``"fast"``: only the fast arrays of a table's runs have its reference; ``"both"``: the slow ones too.
    rates
        For rows of a table, values in place of the paper's: the global rate ``lr`` and fields of the learning rule, as
        ``Tuned.best`` gives them.
    at
        Pairs (mean, standard deviation) of the reference, weight units.
    values
        Values of the quantity that the figure varies: pulse budgets, granularities, numbers of states, chopper
        probabilities.
    cells
        Rows and columns of the square array, >= 2.

    Raises
    ------
    ConfigError
        If a name is unknown or a number out of range.

    Examples
    --------
    >>> from dsptrack.experiments import Options
    >>> Options(quick=True, at=[(0.4, 0.05)]).at
    ((0.4, 0.05),)
    """

    quick: bool = False
    data: str | None = None
    network: Literal["fcn", "lenet5"] | None = None
    recipe: str | None = None
    epochs: int | None = None
    images: int | None = None
    methods: tuple[str, ...] | None = None
    reference_on: Literal["fast", "both"] | None = None
    rates: Mapping[str, Mapping[str, Any]] | None = None
    at: tuple[tuple[float, float], ...] | None = None
    values: tuple[float, ...] | None = None
    cells: int | None = None

    def __post_init__(self) -> None:
        """Check, and turn lists into tuples."""
        for name, allowed in (
            ("data", datasets.NAMES),
            ("network", tuple(NETWORKS)),
            ("recipe", tuple(RECIPES)),
            ("reference_on", ("fast", "both")),
        ):
            if getattr(self, name) is not None:
                choice(name, getattr(self, name), tuple(allowed))
        for name, low in (("epochs", 1), ("images", 1), ("cells", 2)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(name, getattr(self, name), low))
        for name in ("methods", "values", "at"):
            given = getattr(self, name)
            if given is not None:
                if isinstance(given, str) or not isinstance(given, Iterable):
                    raise ConfigError(f"{name} = {given!r}: must be a list")
                listed = given.tolist() if isinstance(given, np.ndarray) else list(given)
                if not listed:
                    raise ConfigError(f"{name} is empty: must hold at least one")
                object.__setattr__(self, name, tuple(tuple(v) if isinstance(v, list) else v for v in listed))
        for method in (*(self.methods or ()), *(self.rates or {})):
            choice("methods", method, ROWS)
        for value in self.values or ():
            number("values", value, low=0.0)
        for pair in self.at or ():
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise ConfigError(f"at = {pair!r}: must be pairs (mean, standard deviation)")
            number("at", pair[0])
            number("at", pair[1], low=0.0)

    @property
    def given(self) -> frozenset[str]:
        """The names of what was asked for, beyond `quick`.

        Examples
        --------
        >>> from dsptrack.experiments import Options
        >>> sorted(Options(quick=True, epochs=5, cells=64).given)
        ['cells', 'epochs']
        """
        return frozenset(f.name for f in fields(self) if f.name != "quick" and getattr(self, f.name) is not None)

    def within(self, names: Collection[str]) -> Self:
        """Return the same without options of other names.

        Examples
        --------
        >>> from dsptrack.experiments import Options
        >>> sorted(Options(epochs=5, cells=64).within({"values", "cells"}).given)
        ['cells']
        """
        none: dict[str, Any] = dict.fromkeys(self.given - frozenset(names))
        return replace(self, **none)

    def pick(self, name: str, full: Any, quick: Any) -> Any:
        """Return an option if it was given, else what stands for the full or the quick version."""
        given = getattr(self, name)
        return (quick if self.quick else full) if given is None else given

    def counts(self, full: Sequence[int], quick: Sequence[int], *, multiple_of: int = 1) -> list[int]:
        """Return `values` as ascending multiples of a number, or what stands for the full or quick version."""
        picked = [int(v) if float(v).is_integer() else v for v in self.pick("values", full, quick)]
        for value in picked:
            if whole("values", value, multiple_of) % multiple_of:
                raise ConfigError(f"values = {value}: must be a multiple of {multiple_of}")
        if picked != sorted(set(picked)):
            raise ConfigError(f"values = {picked}: must be ascending")
        return picked

    @property
    def reduced(self) -> dict[str, Any]:
        """The fields of a training's configuration that make it small: nothing, unless asked or under `quick`.

        One column per mini-batch would not bring a chopped rule's first write to W into so few mini-batches.

        Examples
        --------
        >>> from dsptrack.experiments import Options
        >>> Options(quick=True, images=500).reduced
        {'images': 500, 'columns_per_transfer': 64}
        """
        images = self.pick("images", None, 1000)
        return ({} if images is None else {"images": images}) | ({"columns_per_transfer": 64} if self.quick else {})

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from the paper's experiment, beyond which of its rows and references are run.

        Examples
        --------
        >>> from dsptrack.experiments import Options
        >>> Options(epochs=5, at=[(0.4, 0.05)]).changes
        {'epochs': 5}
        """
        names = ("data", "network", "recipe", "epochs", "images", "reference_on")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One figure or table of the paper.

    Attributes
    ----------
    title
        What it shows.
    repeats
        The paper's repeats.
    takes
        Names of the options that it has, beyond ``quick``; others are refused.
    configure
        From options to the configurations of all runs.
    measure
        One run: ``measure(configuration, context, data_root=None)`` returns plain values.
    summarise
        From the results and the paper's own figures to plain values: ``"rows"``, a list of dicts, and
        ``"differences"``, lines that say where we differ.
    draw
        From what `summarise` returned, with the paper's figures under ``"paper"``, to the picture.
    require
        Raises DspError where a package is missing that the runs need; None asks for nothing.

    Examples
    --------
    >>> from dsptrack.experiments import EXPERIMENTS
    >>> EXPERIMENTS["fig1b"].repeats
    1
    """

    title: str
    repeats: int
    takes: frozenset[str]
    configure: Callable[[Options], list[Configuration]]
    measure: Callable[..., Mapping[str, Any]]
    summarise: Callable[[Results, Mapping[str, Any]], dict[str, Any]]
    draw: Callable[[Mapping[str, Any]], Figure]
    require: Callable[[], object] | None = None

    def configurations(self, options: Options) -> list[Configuration]:
        """Return the configurations of all runs; ConfigError for options that the experiment does not have.

        Examples
        --------
        >>> from dsptrack.experiments import EXPERIMENTS, Options
        >>> EXPERIMENTS["fig1a"].configurations(Options(cells=64, values=[100]))[0]["cells"]
        64
        >>> EXPERIMENTS["fig1a"].configurations(Options(epochs=3))
        Traceback (most recent call last):
        dsptrack.exceptions.ConfigError: epochs: not an option of this experiment, which takes cells, values
        """
        others = sorted(options.given - self.takes)
        if others:
            has = ", ".join(sorted(self.takes))
            raise ConfigError(f"{', '.join(others)}: not an option of this experiment, which takes {has}")
        return self.configure(options)

    def repeats_for(self, options: Options) -> int:
        """Return the runs of every setting if nobody asks for a number: the paper's, one under ``quick``.

        Examples
        --------
        >>> from dsptrack.experiments import EXPERIMENTS, Options
        >>> [EXPERIMENTS["table1"].repeats_for(Options(quick=quick)) for quick in (False, True)]
        [3, 1]
        """
        return 1 if options.quick else self.repeats


__all__ = ["Configuration", "Context", "Experiment", "Options"]
