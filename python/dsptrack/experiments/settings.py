"""What the comparison is asked to do, checked once, and what follows from it."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from dsptrack import presets
from dsptrack._checks import choice, number, threads, whole
from dsptrack.algorithms import Algorithm
from dsptrack.devices import Device
from dsptrack.exceptions import ConfigError

from .hyperparameters import METHODS, RECIPES, SCHEDULES, Method, Schedule

# The device of the paper's tables.
_DEVICE = presets.reram_array_hfo2()


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """What is compared, on what, how long.

    Attributes
    ----------
    data, data_root
        Name and folder of the data set, as ``datasets.load`` takes them.
    epochs
        Epochs of every method, >= 1; None takes SCHEDULES.
    columns_per_transfer
        Columns that every tile transfers per mini-batch, >= 1; None takes SCHEDULES.
    methods
        Keys of METHODS, in the order of the table, at least one.
    recipe
        Key of RECIPES.
    hidden
        Numbers of hidden units.
    device
        Device of all arrays.
    reference_mean, reference_std
        The reference offset of every cell is drawn N(mean, std²), in place of the device's own; unit weight, std >= 0.
        None keeps the device's own, and must be given for a device without a reference.
    reference_on
        ``"fast"``: only the fast array P has that offset and W the device's own (mean 0, std 0.05); ``"both"``.
    batch_size
        Images a mini-batch, >= 1.
    lr
        Global learning rate of all methods; None takes each method's own.
    seed
        Of initial weights, devices, noise and the order of the images, >= 0: the same for every method, so that all
        train on the same cells.
    threads
        Threads; None means all cores. Does not change the result.

    Raises
    ------
    ConfigError
        If a name is unknown or a number out of range.

    Examples
    --------
    >>> from dsptrack.experiments import CompareSettings
    >>> CompareSettings(data="mnist").schedule.epochs
    8
    """

    data: str = "mnist5k"
    data_root: str | None = None
    epochs: int | None = None
    columns_per_transfer: int | None = None
    methods: tuple[str, ...] = tuple(METHODS)
    recipe: str = "R"
    hidden: tuple[int, ...] = (256, 128)
    device: Device = _DEVICE
    reference_mean: float | None = 0.4
    reference_std: float | None = 0.3
    reference_on: Literal["fast", "both"] = "fast"
    batch_size: int = 10
    lr: float | None = None
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        """Check everything that no later constructor checks."""
        choice("data", self.data, tuple(SCHEDULES))
        choice("recipe", self.recipe, tuple(RECIPES))
        choice("reference_on", self.reference_on, ("fast", "both"))
        for method in self.methods:
            choice("methods", method, tuple(METHODS))
        if not self.methods or len(set(self.methods)) != len(self.methods):
            raise ConfigError(f"methods = {self.methods!r}: must be one or more different ones")
        for size in self.hidden:
            whole("hidden", size, 1)
        for name in ("epochs", "columns_per_transfer"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), 1)
        whole("batch_size", self.batch_size, 1)
        whole("seed", self.seed, 0)
        threads(self.threads)
        if self.lr is not None:
            number("lr", self.lr, low=0.0)
        if not isinstance(self.device, Device):
            raise ConfigError(f"device = {self.device!r}: must be a Device")
        self.array_device(fast=True)

    @property
    def schedule(self) -> Schedule:
        """Epochs and columns per transfer: those asked for, else those of SCHEDULES."""
        default = SCHEDULES[self.data]
        return Schedule(
            epochs=self.epochs or default.epochs,
            columns_per_transfer=self.columns_per_transfer or default.columns_per_transfer,
        )

    def array_device(self, *, fast: bool) -> Device:
        """Return the device of the fast array P or of the slow array W.

        Examples
        --------
        >>> from dsptrack.experiments import CompareSettings
        >>> CompareSettings().array_device(fast=True).reference_mean
        0.4
        """
        asked = {"reference_mean": self.reference_mean, "reference_std": self.reference_std}
        offset: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        for name, value in offset.items():
            if not hasattr(self.device, name):
                kind = type(self.device).__name__
                raise ConfigError(f"{name} = {value!r}: must be None for a {kind}, which has no reference")
        return replace(self.device, **offset) if fast or self.reference_on == "both" else self.device

    def rule(self, method: Method) -> Algorithm:
        """Return the learning rule of one method on these devices.

        Examples
        --------
        >>> from dsptrack.experiments import METHODS, CompareSettings
        >>> CompareSettings().rule(METHODS["e-rider"]).columns_per_transfer
        4
        """
        return method.rule(
            device=self.array_device(fast=True),
            slow_device=self.array_device(fast=False),
            columns_per_transfer=self.schedule.columns_per_transfer,
            **method.options,
        )

    def first_write(self, method: Method, features: int, images: int) -> float:
        """Return the epoch, counted from 0, in which the slowest tile may first write W.

        Examples
        --------
        >>> from dsptrack.experiments import METHODS, CompareSettings
        >>> settings = CompareSettings(columns_per_transfer=1)
        >>> settings.first_write(METHODS["e-rider"], features=784, images=4000)
        20.58
        """
        # Linear cuts wider layers into near-equal tiles of at most 512 inputs.
        widths = [-(-n // -(-n // 512)) for n in (features, *self.hidden)]
        batches = -(-images // self.batch_size)
        return max(method.warm_up(width, self.schedule.columns_per_transfer) for width in widths) / batches
