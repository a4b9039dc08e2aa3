"""The main job: one network, several learning rules, devices with a non-ideal reference."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dsptrack import _core, datasets, nn

from .hyperparameters import Method
from .network import build_trainer
from .settings import CompareSettings

_LAST = 5  # epochs whose mean accuracy stands beside the last one's


@dataclass(frozen=True, kw_only=True)
class MethodResult:
    """What one method reached and spent.

    Attributes
    ----------
    method
        Key of METHODS.
    algorithm, label
        The rule's name in JSON, the row's name in tables.
    accuracy
        Percent of the test images right after the last epoch.
    accuracy_mean
        The mean over the last five epochs (or all, where there are fewer): epochs scatter by about half a percent.
    sp_error
        RMS of symmetric-point estimate minus truth over all cells of all tiles, at the end; unit weight.
    pulses
        Pulses by array.
    programming_events
        Reference cells rewritten.
    seconds_per_epoch
        Mean wall-clock time of an epoch's training.
    history
        One record an epoch.

    Examples
    --------
    >>> from dsptrack.experiments import MethodResult
    >>> "sp_error" in MethodResult.__annotations__
    True
    """

    method: str
    algorithm: str
    label: str
    accuracy: float
    accuracy_mean: float
    sp_error: float | None
    pulses: dict[str, int]
    programming_events: int
    seconds_per_epoch: float
    history: tuple[nn.EpochRecord, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The results of `compare`, with everything needed to repeat them.

    Attributes
    ----------
    settings
        What was asked.
    note
        The data set's own note.
    version, stream_version, isa
        Of the package, of its random streams, of the machine code that ran.
    results
        One entry a method.

    Examples
    --------
    >>> from dsptrack.experiments import Comparison
    >>> "results" in Comparison.__annotations__
    True
    """

    settings: CompareSettings
    note: str
    version: str
    stream_version: int
    isa: str
    results: tuple[MethodResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold; the key ``"results"`` has one dict a method."""
        values = asdict(self)
        return values | {"settings": self.settings.to_dict()}


def compare(
    settings: CompareSettings | None = None,
    *,
    data: datasets.Dataset | None = None,
    progress: bool | None = None,
    on_result: Callable[[MethodResult], None] | None = None,
) -> Comparison:
    """Train one network with each learning rule on devices with a non-ideal reference.

    Every method gets the same network (by default inputs-256-128-classes, sigmoid, all layers analog), the same initial
    weights, cells and order of images; hyper-parameters are those of NETWORKS, RECIPES and SCHEDULES.

    Parameters
    ----------
    settings
        What to compare; None means the default, the main job.
    data
        Images to use in place of ``settings.data``.
    progress
        Whether to draw a progress bar on stderr; None draws it where stderr is a terminal.
    on_result
        Called with every finished method.

    Returns
    -------
    Comparison
        One result a method, in the order asked.

    Raises
    ------
    DataError
        If the data set is missing or damaged.
    DivergenceError
        If a network's values are no longer finite.

    Notes
    -----
    The network and the devices are those of Table 2 of arXiv 2602.21321, shortened; section 3 of 05-erider.md says
    what to expect. A chopped rule writes nothing to W in its first K + 1 sweeps over a tile's columns, K = ceil(1/p):
    at one column a mini-batch E-RIDER's first layer (two tiles of 392 inputs) stays untouched for 8,232 mini-batches,
    which is 20 epochs of mnist5k. The small data sets therefore transfer several columns a mini-batch.

    Examples
    --------
    >>> from dsptrack.experiments import CompareSettings, compare
    >>> settings = CompareSettings(data="digits", epochs=1, methods=("rider",), hidden=(16,))
    >>> compare(settings).results[0].algorithm
    'rider'
    """
    settings = CompareSettings() if settings is None else settings
    data = datasets.load(settings.data, settings.data_root) if data is None else data
    results = []
    for name in settings.methods:
        method = settings.layers.methods[name]
        trainer = build_trainer(settings, method, data)
        trainer.fit(data, settings.schedule.epochs, progress=progress, label=method.label)
        result = method_result(name, method, trainer.history)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return Comparison(
        settings=settings,
        note=data.note,
        version=_core.__version__,
        stream_version=_core.STREAM_VERSION,
        isa=_core.isa(),
        results=tuple(results),
    )


def method_result(name: str, method: Method, history: Sequence[nn.EpochRecord]) -> MethodResult:
    """Return what a method of that name reached and spent; `history` has at least one record."""
    last = history[-1]
    return MethodResult(
        method=name,
        algorithm=method.algorithm,
        label=method.label,
        accuracy=last.test_accuracy,
        accuracy_mean=float(np.mean([record.test_accuracy for record in history[-_LAST:]])),
        sp_error=last.sp_error,
        pulses=last.pulses,
        programming_events=last.programming_events,
        seconds_per_epoch=float(np.mean([record.seconds for record in history])),
        history=tuple(history),
    )
