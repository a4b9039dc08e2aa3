"""Figure 4 middle and right: CIFAR-100, a ResNet-18 whose last block and classifier are analog, by reference.

Needs PyTorch (``dsptrack.torch``) and the CIFAR-100 files, which `datasets.load` finds.
"""

import importlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dsptrack import datasets, presets
from dsptrack._checks import choice
from dsptrack.exceptions import DspError
from dsptrack.experiments.hyperparameters import RECIPES, Method
from dsptrack.io import _atomic
from dsptrack.plot import OKABE_ITO
from dsptrack.sweep import Context, Results
from dsptrack.update import PulseUpdate

from .experiment import Configuration, Experiment, Options
from .methods import METHODS
from .picture import panels
from .resnet import ANALOG, resnet18

MEANS = (0.0, 0.2, 0.3, 0.4)
STDS = (0.05, 0.2, 0.3, 0.4, 0.7, 1.0)
_FIXED = 0.4
_EPOCHS, _BATCH = 80, 128
# Every so many epochs the rate is multiplied by the factor.
_STEP, _FACTOR = 35, 0.1
_RATES: dict[str, dict[str, Any]] = {
    "tt-v2": {"lr": 0.15, "rule": {"fast_lr": 0.01, "transfer_lr": 0.5, "momentum": 0.1, "thres_scale": 1.0}},
    "agad": {"lr": 0.15, "rule": {"fast_lr": 0.01, "transfer_lr": 0.5, "momentum": 0.0, "chop_probability": 0.1}},
    "e-rider": {
        "lr": 0.2,
        "rule": {"fast_lr": 0.1, "transfer_lr": 0.01, "momentum": 0.0, "chop_probability": 0.05, "gamma": 0.1},
    },
}
_MARKERS = "osD"


def configurations(options: Options) -> list[Configuration]:
    """Return a run for every reference and method: the spread varied at mean 0.4, the mean varied at spread 0.4."""
    both = dict.fromkeys([*((_FIXED, std) for std in STDS), *((mean, _FIXED) for mean in MEANS)])
    common = {
        "data": choice("data", options.pick("data", "cifar100", "cifar100"), ("cifar10", "cifar100")),
        "epochs": options.pick("epochs", _EPOCHS, 2),
        "batch_size": _BATCH,
        "width": 8 if options.quick else 64,
    }
    images = options.pick("images", None, 1000)
    common |= {} if images is None else {"images": images}
    return [
        common
        | {"reference_mean": float(mean), "reference_std": float(std), "method": name}
        | {"lr": _RATES[name]["lr"], "rule": _RATES[name]["rule"] | {"scale_transfer_lr": True}}
        for mean, std in options.pick("at", tuple(both), ((_FIXED, _FIXED),))
        for name in (choice("methods", m, tuple(_RATES)) for m in options.pick("methods", tuple(_RATES), tuple(_RATES)))
    ]


def measure(configuration: Mapping[str, Any], context: Context, *, data_root: str | None = None) -> dict[str, Any]:
    """Train once and return the test accuracy and the loss of every epoch."""
    torch, analog = _packages()
    data = datasets.load(configuration["data"], data_root, normalize="standard", layout="image")
    images = slice(configuration.get("images"))
    x, y = torch.from_numpy(data.train_x[images]), torch.from_numpy(data.train_y[images])
    test_x, test_y = torch.from_numpy(data.test_x), torch.from_numpy(data.test_y)
    weights, cells, order = context.rng.spawn(3)
    recipe = RECIPES["S"]  # its errors are means over the mini-batch, as PyTorch's are
    with _seeded(torch, weights, context.num_threads):
        digital = resnet18(torch, width=configuration["width"], classes=data.classes)
        model = analog.convert(
            digital,
            _rule(configuration),
            list(ANALOG),
            rng=cells,
            update=PulseUpdate(desired_bl=recipe.desired_bl),
            weight_scaling_omega=recipe.weight_scaling_omega,
            weight_scaling_columnwise=recipe.weight_scaling_columnwise,
            learn_out_scaling=recipe.learn_out_scaling,
            num_threads=context.num_threads,
        )
        optimizer = analog.AnalogSGD(model.parameters(), lr=configuration["lr"])
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, _STEP, _FACTOR)
        shuffle, size = np.random.default_rng(order), configuration["batch_size"]
        parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
        losses, accuracies = _resumed(torch, context.scratch, parts, shuffle)
        for _ in range(len(losses), configuration["epochs"]):
            model.train()
            total = 0.0
            for picks in torch.from_numpy(shuffle.permutation(len(x))).split(size):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(x[picks]), y[picks])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(picks)
            schedule.step()
            losses.append(total / len(x))
            accuracies.append(_accuracy(torch, model, test_x, test_y, size))
            _keep(torch, context.scratch, parts, shuffle, losses, accuracies)
    return {
        "accuracy": accuracies[-1],
        "train_loss": losses[-1],
        "analog_tiles": len(analog.tiles(model)),
        "accuracies": accuracies,
        "losses": losses,
    }


def _keep(
    torch: Any, path: Path | None, parts: Mapping[str, Any], shuffle: np.random.Generator, *curves: list[float]
) -> None:
    """Write what a killed run goes on from."""
    if path is None:
        return
    states = {name: part.state_dict() for name, part in parts.items()}
    stream = io.BytesIO()
    torch.save(states | {"shuffle": shuffle.bit_generator.state, "curves": curves}, stream)
    _atomic.write(path, [stream.getbuffer()])


def _resumed(
    torch: Any, path: Path | None, parts: Mapping[str, Any], shuffle: np.random.Generator
) -> tuple[list[float], list[float]]:
    """Take up what `_keep` wrote, if there is such a file; return losses and accuracies so far."""
    if path is None or not path.exists():
        return [], []
    states = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(states[name])
    shuffle.bit_generator.state = states["shuffle"]
    losses, accuracies = states["curves"]
    return losses, accuracies


def _packages() -> tuple[Any, Any]:
    try:
        return importlib.import_module("torch"), importlib.import_module("dsptrack.torch")
    except ModuleNotFoundError:
        raise DspError('fig4-cifar: needs PyTorch: pip install "dsptrack[torch]"') from None


@contextmanager
def _seeded(torch: Any, seed: np.random.SeedSequence, num_threads: int) -> Iterator[None]:
    """Draw the digital weights from the run's stream; PyTorch's own generator and threads are as before afterwards."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed.generate_state(1)[0]))
        torch.set_num_threads(num_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _rule(configuration: Mapping[str, Any]) -> Any:
    method: Method = METHODS["fcn"][configuration["method"]]
    device = presets.reram_array_hfo2()
    fast = replace(device, reference_mean=configuration["reference_mean"], reference_std=configuration["reference_std"])
    return method.rule(device=fast, slow_device=device, **dict(method.options) | configuration["rule"])


def _accuracy(torch: Any, model: Any, x: Any, y: Any, size: int) -> float:
    model.eval()
    with torch.no_grad():
        right = sum(int((model(a).argmax(1) == b).sum()) for a, b in zip(x.split(size), y.split(size), strict=True))
    return 100.0 * right / len(x)


def summarise(results: Results, paper: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for every reference and method, the repeats averaged."""
    cells: dict[tuple[float, float, str], list[Any]] = {}
    for record in results:
        values = record.configuration
        cells.setdefault((values["reference_mean"], values["reference_std"], values["method"]), []).append(record)
    rows = []
    for (mean, std, method), records in cells.items():
        reached = [record.result["accuracy"] for record in records if record.error is None]
        rows.append(
            {
                "reference_mean": mean,
                "reference_std": std,
                "method": method,
                "label": METHODS["fcn"][method].label,
                "repeats": len(reached),
                "epochs": records[0].configuration["epochs"],
                "accuracy": float(np.mean(reached)) if reached else None,
                "accuracy_spread": float(np.std(reached, ddof=1)) if len(reached) > 1 else None,
            }
        )
    return {"rows": rows, "differences": [], "compared": 0}


def draw(summary: Mapping[str, Any]) -> Figure:
    """Draw accuracy against the spread at mean 0.4 and against the mean at spread 0.4."""
    figure, axes = panels(2, sharey=True)
    for panel, varied, fixed, name in (
        (axes[0], "reference_std", "reference_mean", "standard deviation"),
        (axes[1], "reference_mean", "reference_std", "mean"),
    ):
        here = [row for row in summary["rows"] if row[fixed] == _FIXED and row["accuracy"] is not None]
        for i, label in enumerate(dict.fromkeys(row["label"] for row in here)):
            ours = sorted((row for row in here if row["label"] == label), key=lambda row: row[varied])
            spread = [row["accuracy_spread"] or 0.0 for row in ours]
            style: dict[str, Any] = {"color": OKABE_ITO[i], "marker": _MARKERS[i % 3], "capsize": 2, "label": label}
            panel.errorbar([row[varied] for row in ours], [row["accuracy"] for row in ours], spread, **style)
        panel.set(xlabel=f"{name} of the reference (weight)")
        if here:
            panel.legend(loc="best", fontsize="small")
    axes[0].set(ylabel="test accuracy (%)")
    return figure


FIG4_CIFAR = Experiment(
    title="Figure 4 middle, right: CIFAR-100 with a partly analog ResNet-18",
    repeats=3,
    takes=frozenset({"data", "epochs", "images", "methods", "at"}),
    configure=configurations,
    measure=measure,
    summarise=summarise,
    draw=draw,
    require=_packages,
)
