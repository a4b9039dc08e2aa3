"""Search of a method's rates with optuna, on images held out of the training part."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dsptrack import _core
from dsptrack._checks import choice, threads, whole
from dsptrack.exceptions import ConfigError, DivergenceError, DspError, NonFiniteError
from dsptrack.sweep import Context
from dsptrack.sweep.grid import checked

from .hyperparameters import METHODS, NETWORKS
from .identity import images_of
from .runs import train_run, training_of


@dataclass(frozen=True, kw_only=True)
class Range:
    """A rate that is searched on a logarithmic scale from `low` to `high`.

    Examples
    --------
    >>> from dsptrack.experiments import SEARCH
    >>> SEARCH["e-rider"]["fast_lr"].high
    2.0
    """

    low: float
    high: float


_TRANSFER = {"lr": Range(low=0.001, high=2.0), "fast_lr": Range(low=0.001, high=2.0)}
_CHOPPED = _TRANSFER | {
    "transfer_lr": Range(low=0.01, high=1.0),
    "chop_probability": Range(low=0.01, high=0.5),
}
# What is searched for every method: the global rate ``lr`` and fields of its rule. The paper's values lie inside, for
# both networks.
SEARCH: MappingProxyType[str, MappingProxyType[str, Range]] = MappingProxyType(
    {
        "tt-v2": MappingProxyType(_TRANSFER | {"transfer_lr": Range(low=0.001, high=1.0)}),
        "agad": MappingProxyType(_CHOPPED),
        "agad-fast": MappingProxyType({name: r for name, r in _CHOPPED.items() if name != "fast_lr"}),
        "rider": MappingProxyType(
            _TRANSFER
            | {
                "transfer_lr": Range(low=0.01, high=1.0),
                "eta": Range(low=0.001, high=0.2),
                "gamma": Range(low=0.02, high=0.5),
            }
        ),
        "e-rider": MappingProxyType(_CHOPPED | {"gamma": Range(low=0.02, high=0.5)}),
    }
)


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The result of `tune`.

    Attributes
    ----------
    method
        Key of METHODS.
    best
        The values found, by the names of SEARCH.
    accuracy
        Percent of the held-out images with them, mean of the last five epochs: the value that was maximised, too good
        by the choice. Test them with fresh seeds.
    trials
        Trials in the study, those of earlier calls included.
    failed
        Those that diverged.
    settings
        What all trials shared: `configuration`, ``hold_out`` and the seed.
    version, stream_version
        Of the package and its random streams.

    Examples
    --------
    >>> from dsptrack.experiments import Tuned
    >>> "best" in Tuned.__annotations__
    True
    """

    method: str
    best: dict[str, float]
    accuracy: float
    trials: int
    failed: int
    settings: dict[str, Any]
    version: str
    stream_version: int

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return asdict(self)


def tune(
    method: str,
    configuration: dict[str, Any] | None = None,
    *,
    trials: int = 50,
    hold_out: int = 6,
    storage: str | os.PathLike[str] | None = None,
    study: str | None = None,
    seed: int = 0,
    num_threads: int = 1,
    data_root: str | None = None,
    on_trial: Callable[[int, dict[str, float], float | None], None] | None = None,
) -> Tuned:
    """Search the rates of one method for the best accuracy on held-out training images; the test images stay unseen.

    Parameters
    ----------
    method
        Key of METHODS; its SEARCH says what varies. The first trial of a new study takes the paper's values.
    configuration
        What all trials share, as `runs.train_run` takes it, without what is searched; None means its defaults.
    trials
        Trials of this call, >= 1.
    hold_out
        One training image in so many is held out, >= 2.
    storage
        URL of optuna's storage, or a path (``pathlib``) for an SQLite file: many calls and machines may work on one
        study, with one seed. None keeps it in memory.
    study
        Name of the study, which is taken up if it is there; None means ``dsptrack-`` and the method. A study takes
        trials of one configuration, seed, set of images and STREAM_VERSION only.
    seed
        Of the search and of all trainings, >= 0. Every trial trains on the same cells and order of images.
    num_threads
        Threads of a training, 1 to 1024.
    data_root
        Folder of the data set.
    on_trial
        Called with the number, the values and the accuracy (None after a divergence) of every trial.

    Returns
    -------
    Tuned
        The best trial.

    Raises
    ------
    ConfigError
        If an argument is out of range, `configuration` has what is searched, or the study trials of other settings.
    DivergenceError
        If every trial diverged.
    DspError
        If optuna is not installed, or cannot use the storage.
    DataError
        If the data set is missing or damaged.

    Examples
    --------
    >>> from dsptrack.experiments import tune
    >>> fixed = {"data": "digits", "epochs": 1, "hidden": [8], "columns_per_transfer": 8}
    >>> tuned = tune("tt-v2", fixed, trials=1)
    >>> tuned.best["fast_lr"], tuned.trials
    (0.03, 1)
    """
    try:
        import optuna
    except ImportError:
        raise DspError('tune: needs the package optuna: pip install "dsptrack[tune]"') from None
    search = SEARCH[choice("method", method, tuple(METHODS))]
    own = dict(configuration or {})
    _refuse_searched(own, search)
    whole("trials", trials, 1)
    whole("seed", seed, 0)
    threads(whole("num_threads", num_threads, 1))
    fixed: dict[str, Any] = {"method": method, "hold_out": whole("hold_out", hold_out, 2)} | own
    network = choice("network", fixed.get("network", "fcn"), tuple(NETWORKS))
    paper = dict(NETWORKS[network].methods[method].options) | {"lr": NETWORKS[network].methods[method].lr}
    shared = checked(fixed) | {"seed": seed}
    setup = training_of(fixed, seed, num_threads)[0].setup
    identity = {
        "images": images_of(setup.data, data_root if setup.data_root is None else setup.data_root),
        "stream_version": _core.STREAM_VERSION,
    }
    run = train_run(data_root)
    context = Context(rng=np.random.SeedSequence(seed), num_threads=num_threads)

    def objective(trial: Any) -> float:
        # By the trial's number in the study: calls and machines that share it must not draw the same values again.
        words = np.random.SeedSequence([seed, trial.number]).generate_state(1)
        found.sampler = optuna.samplers.TPESampler(seed=int(words[0]))
        values = {name: trial.suggest_float(name, r.low, r.high, log=True) for name, r in search.items()}
        rule = fixed.get("rule", {}) | {name: value for name, value in values.items() if name != "lr"}
        accuracy = None
        with suppress(DivergenceError, NonFiniteError):
            accuracy = float(run(fixed | {"lr": values["lr"], "rule": rule}, context)["accuracy_mean"])
        if on_trial is not None:
            on_trial(trial.number, values, accuracy)
        if accuracy is None:
            raise optuna.TrialPruned
        return accuracy

    # An error reaches the caller: optuna's account of it would only come on top.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = _study(storage, study or f"dsptrack-{method}")
    ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    begun = any(trial.state in (*ended, optuna.trial.TrialState.RUNNING) for trial in found.trials)
    for name, now in (("settings", shared), ("identity", identity)):
        before = found.user_attrs.get(name)
        # Studies of before there was an identity have none.
        if begun and before != now and not (before is None and name == "identity"):
            words = "unknown settings" if before is None else f"other settings, {before}"
            raise ConfigError(f"study = {found.study_name!r}: has trials of {words}: use another name")
        if before != now:
            found.set_user_attr(name, now)
    if not any(trial.state in (*ended, optuna.trial.TrialState.WAITING) for trial in found.trials):
        found.enqueue_trial({name: paper[name] for name in search})
    found.optimize(objective, n_trials=trials)
    states = [trial.state for trial in found.trials]
    pruned = states.count(optuna.trial.TrialState.PRUNED)
    if optuna.trial.TrialState.COMPLETE not in states:
        raise DivergenceError(f"tune: all {pruned} trials diverged")
    return Tuned(
        method=method,
        best=dict(found.best_params),
        accuracy=found.best_value,
        trials=sum(state in ended for state in states),
        failed=pruned,
        settings=shared,
        version=_core.__version__,
        stream_version=_core.STREAM_VERSION,
    )


def shown_storage(storage: str | os.PathLike[str]) -> str:
    """Return a storage as messages and files may name it: a URL without its password, a path."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if not isinstance(storage, str):
        return str(Path(storage).absolute())
    try:
        url = make_url(storage)
    except (ArgumentError, ValueError):
        # Whatever it is, a password in it would stand before an @ or behind a ?.
        return storage if {"@", "?"}.isdisjoint(storage) else f"{storage.partition(':')[0]}:..."
    hidden = {name: "hidden" if "pass" in name.lower() else value for name, value in url.query.items()}
    return url.set(query=hidden).render_as_string(hide_password=True)


def _refuse_searched(configuration: Mapping[str, Any], search: Mapping[str, Range]) -> None:
    """Raise ConfigError for what the search would overrule, and for what is an argument of `tune`."""
    rule = configuration.get("rule", {})
    own: list[str] = [name for name in ("method", "hold_out", "lr") if name in configuration]
    own += [f"rule.{name}" for name in search if isinstance(rule, Mapping) and name in rule]
    if own:
        raise ConfigError(f"configuration: {', '.join(own)}: must be left to the search and its arguments")


def _study(storage: str | os.PathLike[str] | None, name: str) -> Any:
    """Create a study, or take up the one of that name."""
    import optuna
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import SQLAlchemyError

    url = storage if isinstance(storage, str) else None
    if storage is not None and url is None:
        file = str(Path(storage).absolute())
        url = URL.create("sqlite", database=file).render_as_string(hide_password=False)
        if make_url(url).database != file:
            raise ConfigError(f"storage = {file}: must have no ? in its name with this version of SQLAlchemy")
    try:
        return optuna.create_study(storage=url, study_name=name, load_if_exists=True, direction="maximize")
    except (ImportError, OSError, ValueError, SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DspError(f"storage = {shown_storage(storage or '')}: {type(error).__name__}: {reason}") from None
