"""Figure 2: what a poorly estimated symmetric point costs TT-v1 in training loss."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dsptrack import nn
from dsptrack.calibration import zero_shift
from dsptrack.experiments.calibrate import BUDGETS, CALIBRATED_DEVICE
from dsptrack.experiments.hyperparameters import NETWORKS
from dsptrack.plot import OKABE_ITO
from dsptrack.sweep import Context, Results

from .experiment import TRAINING, Configuration, Experiment, Options
from .picture import panels
from .training import train_run

_LINES = ("-", "--", "-.", ":")


def configurations(options: Options) -> list[Configuration]:
    """Return a run with the true symmetric points (``pulses`` None) and one for every pulse budget."""
    network = options.pick("network", "lenet5", "fcn")
    common = {
        "network": network,
        "method": "tt-v1",
        "data": options.pick("data", "mnist", "mnist5k"),
        "epochs": options.pick("epochs", 20, 3),
        "recipe": options.pick("recipe", NETWORKS[network].recipe, NETWORKS[network].recipe),
        "batch_size": 8,
        "device": CALIBRATED_DEVICE.to_dict(),
        "reference_mean": None,
        "reference_std": None,
    }
    common |= options.reduced
    return [common | {"pulses": n} for n in (None, *options.counts(BUDGETS, (500, 4000), multiple_of=2))]


def measure(configuration: Mapping[str, Any], context: Context, *, data_root: str | None = None) -> dict[str, Any]:
    """Train once with the fast arrays' references subtracted as calibrated."""
    prepare = partial(subtract, pulses=configuration["pulses"])
    return train_run(configuration, context, data_root=data_root, prepare=prepare)


def subtract(model: nn.Sequential, pulses: int | None) -> None:
    """Make the symmetric points of all fast arrays their references: as zero-shifting finds them, or the true ones.

    The arrays then start there, so that their differences from the references are 0.
    """
    for tile in model.tiles:
        array = tile.arrays["P"]
        if pulses is None:
            array.set_weights(array.symmetric_point())
        else:
            zero_shift(array, pulses)
        state: dict[str, Any] = tile.state_dict()
        state["state"]["links"]["P"]["reference"] = array.weights
        tile.load_state_dict(state)


def summarise(results: Results, paper: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for every budget, with the losses of every epoch, the repeats averaged."""
    by_budget: dict[int | None, list[Any]] = {}
    for record in results:
        by_budget.setdefault(record.configuration["pulses"], []).append(record)
    rows = []
    for budget, records in by_budget.items():
        done = [record.result for record in records if record.error is None]
        rows.append(
            {
                "pulses": budget,
                "repeats": len(done),
                "diverged": len(records) - len(done),
                "epochs": records[0].configuration["epochs"],
                "train_loss": float(np.mean([result["train_loss"] for result in done])) if done else None,
                "accuracy": float(np.mean([result["accuracy"] for result in done])) if done else None,
                "losses": np.mean([result["losses"] for result in done], axis=0).tolist() if done else [],
            }
        )
    ideal = next((row["train_loss"] for row in rows if row["pulses"] is None), None)
    measured = [row for row in rows if row["pulses"] is not None and row["train_loss"] is not None]
    lines = []
    if ideal is not None and measured:
        least = min(measured, key=lambda row: row["pulses"])
        if least["train_loss"] <= ideal:
            lines.append(
                f"{least['pulses']:,} pulses do not cost training loss:"
                f" {least['train_loss']:.3f} against {ideal:.3f} with the true symmetric points"
            )
    return {"rows": rows, "differences": lines, "compared": int(ideal is not None and bool(measured))}


def draw(summary: Mapping[str, Any]) -> Figure:
    """Draw the training loss over the epochs, a line for every budget, the true symmetric points in black."""
    figure, (axes,) = panels(1)
    i = 0
    for row in summary["rows"]:
        truth = row["pulses"] is None
        name = "true symmetric points" if truth else f"N = {row['pulses']:,} pulses"
        style = ("-", OKABE_ITO[6]) if truth else (_LINES[i % 4], OKABE_ITO[i % 6])
        epochs = range(1, len(row["losses"]) + 1)
        axes.plot(epochs, row["losses"], style[0], marker=".", color=style[1], label=name)
        i += not truth
    axes.set(xlabel="epoch", ylabel="training loss (cross entropy, nats)", yscale="log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    # Lines of failed runs lie along the top, others along the bottom: beside the panel it hides none.
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.02, 0.5),
        fontsize="small",
        title="paper: small N costs loss",
        title_fontsize="small",
    )
    return figure


FIG2 = Experiment(
    title="Figure 2: TT-v1 with symmetric points estimated with N pulses",
    repeats=1,
    takes=TRAINING | {"values"},
    configure=configurations,
    measure=measure,
    summarise=summarise,
    draw=draw,
)
