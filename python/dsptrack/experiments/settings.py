"""What the comparison is asked to do, checked once, and what follows from it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dsptrack import io, presets
from dsptrack._checks import choice, number, threads, whole
from dsptrack.algorithms import Algorithm
from dsptrack.devices import Device
from dsptrack.exceptions import ConfigError

from .hyperparameters import METHODS, NETWORKS, RECIPES, SCHEDULES, Method, Network, Schedule

# Of its second to fourth layer, for images of 28 x 28 pixels.
_LENET5_INPUTS = (400, 512, 128)
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
    network
        ``"fcn"``: sigmoid units; ``"lenet5"``: two convolutions.
    recipe
        Key of RECIPES; None takes the network's.
    hidden
        Numbers of hidden units of the fully connected network.
    device
        Device of all arrays.
    reference_mean, reference_std
        The reference offset of every cell is drawn N(mean, std²), in place of the device's own; unit weight, std >= 0.
        None keeps the device's own, and must be given for a device without a reference.
    reference_on
        ``"fast"``: only the fast array P has that offset and W the device's own (mean 0, std 0.05); ``"both"``.
    batch_size
        Images a mini-batch, >= 1; None takes the network's.
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
    network: Literal["fcn", "lenet5"] = "fcn"
    recipe: str | None = None
    hidden: tuple[int, ...] = (256, 128)
    device: Device = _DEVICE
    reference_mean: float | None = 0.4
    reference_std: float | None = 0.3
    reference_on: Literal["fast", "both"] = "fast"
    batch_size: int | None = None
    lr: float | None = None
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        """Check everything that no later constructor checks."""
        choice("data", self.data, tuple(SCHEDULES))
        choice("network", self.network, tuple(NETWORKS))
        if self.recipe is not None:
            choice("recipe", self.recipe, tuple(RECIPES))
        choice("reference_on", self.reference_on, ("fast", "both"))
        for method in self.methods:
            choice("methods", method, tuple(METHODS))
        if not self.methods or len(set(self.methods)) != len(self.methods):
            raise ConfigError(f"methods = {self.methods!r}: must be one or more different ones")
        if not isinstance(self.hidden, tuple):
            raise ConfigError(f"hidden = {self.hidden!r}: must be a tuple of integers >= 1")
        for size in self.hidden:
            whole("hidden", size, 1)
        for name in ("epochs", "columns_per_transfer", "batch_size"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), 1)
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

    @property
    def layers(self) -> Network:
        """Recipe, batch size and methods: those asked for, else those of NETWORKS.

        Examples
        --------
        >>> from dsptrack.experiments import CompareSettings
        >>> CompareSettings(network="lenet5", batch_size=16).layers.batch_size
        16
        """
        default = NETWORKS[self.network]
        return replace(
            default,
            recipe=default.recipe if self.recipe is None else self.recipe,
            batch_size=default.batch_size if self.batch_size is None else self.batch_size,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold, with what None stands for.

        Examples
        --------
        >>> from dsptrack.experiments import CompareSettings
        >>> CompareSettings().to_dict()["batch_size"]
        10
        """
        own = {"recipe": self.layers.recipe, "batch_size": self.layers.batch_size}
        return asdict(self) | asdict(self.schedule) | own | {"device": self.device.to_dict()}

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

    def rate(self, method: Method) -> float:
        """Return the global rate with which a method starts: the one asked for, else its own.

        Examples
        --------
        >>> from dsptrack.experiments import METHODS, CompareSettings
        >>> CompareSettings(lr=0.1).rate(METHODS["agad"]), CompareSettings().rate(METHODS["agad"])
        (0.1, 0.2)
        """
        return method.lr if self.lr is None else self.lr

    def rates(self, method: Method, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the global rate and the rule's own with which a method runs, the columns per transfer among them.

        Examples
        --------
        >>> from dsptrack.experiments import METHODS, CompareSettings
        >>> CompareSettings().rates(METHODS["tt-v2"], {"fast_lr": 0.1})["fast_lr"]
        0.1
        """
        own = {"lr": self.rate(method), "columns_per_transfer": self.schedule.columns_per_transfer}
        return own | dict(method.options) | dict(changes)

    def first_write(self, method: Method, features: int, images: int) -> float:
        """Return the epoch, counted from 0, in which the slowest tile may first write W.

        Examples
        --------
        >>> from dsptrack.experiments import METHODS, CompareSettings
        >>> settings = CompareSettings(columns_per_transfer=1)
        >>> settings.first_write(METHODS["e-rider"], features=784, images=4000)
        20.58
        """
        inputs = (features, *self.hidden) if self.network == "fcn" else _LENET5_INPUTS
        # Wider layers are cut into near-equal tiles of at most 512 inputs.
        widths = [-(-n // -(-n // 512)) for n in inputs]
        batches = -(-images // self.layers.batch_size)
        return max(method.warm_up(width, self.schedule.columns_per_transfer) for width in widths) / batches


def device_of(described: Any) -> Device:
    """Return the device that the name of a preset or of a file, or a table, describes."""
    if isinstance(described, Mapping):
        return Device.from_dict(dict(described))
    if not isinstance(described, str):
        raise ConfigError(f"device = {described!r}: must be the name of a preset or a file, or a table")
    if described in presets.__all__:
        preset: Device = getattr(presets, described)()
        return preset
    if not Path(described).suffix:
        names = ", ".join(presets.__all__)
        raise ConfigError(f"device = {described!r}: must be a .toml or .json file or one of {names}")
    return io.load_device(described)
