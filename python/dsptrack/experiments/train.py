"""One network, one learning rule: a training that can be stopped and resumed."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dsptrack import _core, datasets, nn
from dsptrack._checks import choice, whole
from dsptrack.exceptions import ConfigError

from .compare import MethodResult, method_result
from .hyperparameters import Method
from .network import build_trainer, changed_rule
from .settings import CompareSettings


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What is trained, and how the learning rate goes.

    Attributes
    ----------
    setup
        Network, data, devices, recipe, epochs and seed, as for a comparison of one method.
    rule
        Fields of the learning rule in place of those in NETWORKS.
    schedule
        Learning rate over the epochs; None takes the constant one of `setup`.
    lr_every
        When the schedule is asked: every ``"epoch"`` or ``"batch"``.
    patience
        Epochs without a better test accuracy after which the training ends, >= 1; None never ends it early.

    Raises
    ------
    ConfigError
        If a name is unknown or a number out of range.

    Examples
    --------
    >>> from dsptrack.experiments import CompareSettings, TrainSettings
    >>> TrainSettings(setup=CompareSettings(methods=("rider",))).method
    'rider'
    """

    setup: CompareSettings = field(default_factory=lambda: CompareSettings(methods=("e-rider",)))
    rule: Mapping[str, Any] = field(default_factory=dict)
    schedule: nn.schedules.Schedule | None = None
    lr_every: Literal["epoch", "batch"] = "epoch"
    patience: int | None = None

    def __post_init__(self) -> None:
        """Check everything that no later constructor checks."""
        if len(self.setup.methods) != 1:
            raise ConfigError(f"methods = {self.setup.methods!r}: must be one")
        choice("lr_every", self.lr_every, ("epoch", "batch"))
        if not (self.schedule is None or isinstance(self.schedule, nn.schedules.Schedule)):
            raise ConfigError(f"schedule = {self.schedule!r}: must be a Schedule")
        if self.patience is not None:
            whole("patience", self.patience, 1)
        if not isinstance(self.rule, Mapping):
            raise ConfigError(f"rule = {self.rule!r}: must be a table of the learning rule's fields")
        changed_rule(self.setup.rule(self.row), self.rule)

    @property
    def method(self) -> str:
        """Key of METHODS."""
        return self.setup.methods[0]

    @property
    def row(self) -> Method:
        """The learning rule with the rates of the network, before `rule` changes them.

        Examples
        --------
        >>> from dsptrack.experiments import TrainSettings
        >>> TrainSettings().row.label
        'E-RIDER'
        """
        return self.setup.layers.methods[self.method]


@dataclass(frozen=True, kw_only=True)
class Training:
    """The result of `train`, with everything needed to repeat it.

    Attributes
    ----------
    settings
        What was asked.
    note
        The data set's own note.
    version, stream_version, isa
        Of the package, of its random streams, of the machine code that ran.
    result
        What was reached and spent; its history has all epochs, those before a resume too.

    Examples
    --------
    >>> from dsptrack.experiments import Training
    >>> "result" in Training.__annotations__
    True
    """

    settings: TrainSettings
    note: str
    version: str
    stream_version: int
    isa: str
    result: MethodResult

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold, in the form of `Comparison.to_dict`."""
        settings = self.settings.setup.to_dict()
        settings |= {
            "rule": dict(self.settings.rule),
            "schedule": None if self.settings.schedule is None else repr(self.settings.schedule),
            "lr_every": self.settings.lr_every,
            "patience": self.settings.patience,
        }
        return {
            "settings": settings,
            "note": self.note,
            "version": self.version,
            "stream_version": self.stream_version,
            "isa": self.isa,
            "results": [asdict(self.result)],
        }


def train(
    settings: TrainSettings | None = None,
    *,
    data: datasets.Dataset | None = None,
    progress: bool | None = None,
    on_epoch: Callable[[nn.EpochRecord], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
    checkpoint_unit: Literal["epoch", "batch"] = "epoch",
    resume: bool = False,
) -> Training:
    """Train one network with one learning rule.

    Parameters
    ----------
    settings
        What to train; None means E-RIDER on the main job's network and data.
    data
        Images to use in place of those that the settings name.
    progress
        Whether to draw a progress bar on stderr; None draws it where stderr is a terminal.
    on_epoch
        Called with every new record.
    checkpoint, checkpoint_every, checkpoint_unit, resume
        As ``nn.Trainer.fit`` takes them.

    Returns
    -------
    Training
        With the history of all epochs.

    Raises
    ------
    ConfigError
        If the network does not fit the data.
    DataError
        If the data set or the checkpoint is missing or damaged.
    StateError
        If the checkpoint belongs to other settings.
    DivergenceError
        If the network's values are no longer finite.

    Examples
    --------
    >>> from dsptrack.experiments import CompareSettings, TrainSettings, train
    >>> setup = CompareSettings(data="digits", epochs=1, methods=("e-rider",), hidden=(16,))
    >>> len(train(TrainSettings(setup=setup)).result.history)
    1
    """
    settings = TrainSettings() if settings is None else settings
    setup = settings.setup
    data = datasets.load(setup.data, setup.data_root) if data is None else data
    trainer = build_trainer(
        setup,
        settings.row,
        data,
        options=settings.rule,
        lr=settings.schedule,
        lr_every=settings.lr_every,
        callbacks=[] if settings.patience is None else [nn.EarlyStop(settings.patience)],
    )
    trainer.fit(
        data,
        setup.schedule.epochs,
        progress=progress,
        label=settings.row.label,
        on_epoch=on_epoch,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        checkpoint_unit=checkpoint_unit,
        resume=resume,
    )
    return Training(
        settings=settings,
        note=data.note,
        version=_core.__version__,
        stream_version=_core.STREAM_VERSION,
        isa=_core.isa(),
        result=method_result(settings.method, settings.row, trainer.history),
    )
