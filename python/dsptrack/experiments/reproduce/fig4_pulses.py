"""Figure 4 left: pulses to a training loss of 0.2, E-RIDER against zero-shifting followed by TT-v2."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dsptrack import nn
from dsptrack.experiments.calibrate import CALIBRATED_DEVICE
from dsptrack.experiments.hyperparameters import RECIPES
from dsptrack.plot import OKABE_ITO
from dsptrack.sweep import Context, Results

from .experiment import TRAINING, Configuration, Experiment, Options
from .picture import panels
from .training import train_run

STATES = (20, 200, 2000)
CALIBRATION_PULSES = (500, 1000, 4000)
_LOSS = 0.2
_BATCH = 64
_RULES: dict[str, dict[str, Any]] = {
    "e-rider": {
        "lr": 0.1,
        "rule": {"fast_lr": 0.1, "transfer_lr": 1.0, "auto_granularity": 1000.0, "chop_probability": 0.2},
    },
    "two-stage": {"lr": 0.05, "rule": {"fast_lr": 0.01, "transfer_lr": 1.0}},
}
# States and calibration pulses with which the two-stage method never arrives in the paper.
_NEVER = (2000, 4000)
_MARKERS = "osD^v"


class LossStop(nn.Callback):
    """Ends a training when an epoch's mean loss is low enough."""

    def __init__(self, loss: float) -> None:
        self.loss = loss

    def on_epoch_end(self, trainer: nn.Trainer, record: nn.EpochRecord) -> bool:
        """Compare."""
        return record.train_loss <= self.loss


def configurations(options: Options) -> list[Configuration]:
    """Return for every number of states between -1 and 1 a run of E-RIDER and one for every calibration budget."""
    common = {
        "network": options.pick("network", "lenet5", "fcn"),
        "data": options.pick("data", "mnist", "mnist5k"),
        "epochs": options.pick("epochs", 60, 4),
        "recipe": options.pick("recipe", "S", "S"),
        "batch_size": _BATCH,
        "reference_mean": None,
        "reference_std": None,
        "loss": _LOSS,
    }
    common |= options.reduced
    runs: list[Configuration] = []
    for states in options.counts(STATES, STATES[:2]):
        device = replace(CALIBRATED_DEVICE, dw_min=2.0 / states).to_dict()
        own = common | {"states": int(states), "device": device}
        runs.append(own | {"method": "e-rider", "calibration": 0} | _RULES["e-rider"])
        for pulses in CALIBRATION_PULSES if not options.quick else CALIBRATION_PULSES[:1]:
            rule = _RULES["two-stage"]
            rule = rule | {"rule": rule["rule"] | {"calibration_pulses": pulses}}
            runs.append(own | {"method": "two-stage", "calibration": pulses} | rule)
    return runs


def measure(configuration: Mapping[str, Any], context: Context, *, data_root: str | None = None) -> dict[str, Any]:
    """Train until the loss is reached; add up the pulses: epochs x mini-batches x train length, and the calibration."""
    result = train_run(configuration, context, data_root=data_root, callbacks=(LossStop(configuration["loss"]),))
    batches = -(-result["train_images"] // configuration["batch_size"])
    slots = RECIPES[configuration["recipe"]].desired_bl
    return result | {
        "reached": result["train_loss"] <= configuration["loss"],
        "total_pulses": result["epochs_done"] * batches * slots + configuration["calibration"],
    }


def summarise(results: Results, paper: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for every run's setting; pulses are averaged over the repeats that reached the loss."""
    cells: dict[tuple[int, str, int], list[Any]] = {}
    for record in results:
        values = record.configuration
        cells.setdefault((values["states"], values["method"], values["calibration"]), []).append(record)
    rows = []
    for (states, method, calibration), records in cells.items():
        done = [record.result for record in records if record.error is None]
        reached = [result for result in done if result["reached"]]
        rows.append(
            {
                "states": states,
                "method": method,
                "calibration": calibration,
                "label": "E-RIDER" if method == "e-rider" else f"two-stage, N = {calibration:,}",
                "repeats": len(records),
                "reached": len(reached),
                "epochs": float(np.mean([result["epochs_done"] for result in reached])) if reached else None,
                "total_pulses": float(np.mean([result["total_pulses"] for result in reached])) if reached else None,
                "train_loss": float(np.mean([result["train_loss"] for result in done])) if done else None,
                "most_epochs": records[0].configuration["epochs"],
            }
        )
    lines, compared = _differences(rows)
    return {"rows": rows, "differences": lines, "compared": compared}


def _differences(rows: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Return where we differ, and how many two-stage rows were set beside E-RIDER's."""
    lines, compared = [], 0
    for states in dict.fromkeys(row["states"] for row in rows):
        here = [row for row in rows if row["states"] == states]
        tracked = next((row for row in here if row["method"] == "e-rider"), None)
        if tracked is None:
            continue
        ours = tracked["total_pulses"]
        if tracked["reached"] < tracked["repeats"]:
            share = f"{tracked['repeats'] - tracked['reached']} of {tracked['repeats']} runs"
            lines.append(
                f"{states:,} states: E-RIDER does not reach the loss in {tracked['most_epochs']} epochs in {share}"
            )
        for row in here:
            other = row["total_pulses"]
            # A mean over the runs that arrived alone would be too small.
            partly = 0 < row["reached"] < row["repeats"] or 0 < tracked["reached"] < tracked["repeats"]
            if row["method"] != "two-stage" or partly:
                continue
            compared += 1
            if other is not None and (ours is None or other <= ours):
                words = "no number" if ours is None else f"{ours:,.0f}"
                lines.append(f"{states:,} states: {row['label']} needs {other:,.0f} pulses, E-RIDER {words}")
            if other is not None and (states, row["calibration"]) == _NEVER:
                lines.append(f"{states:,} states: {row['label']} gets there, in the paper never")
    return lines, compared


def draw(summary: Mapping[str, Any]) -> Figure:
    """Draw total pulses against the number of states; runs that did not reach the loss are open marks at the top."""
    rows = summary["rows"]
    figure, (axes,) = panels(1)
    known = [row["total_pulses"] for row in rows if row["total_pulses"] is not None]
    top = 2.0 * max(known, default=1.0)
    for i, label in enumerate(dict.fromkeys(row["label"] for row in rows)):
        ours = [row for row in rows if row["label"] == label]
        style: dict[str, Any] = {"color": OKABE_ITO[i], "marker": _MARKERS[i]}
        states = [row["states"] for row in ours]
        axes.plot(states, np.array([row["total_pulses"] for row in ours], float), label=label, **style)
        never = [row["states"] for row in ours if row["total_pulses"] is None]
        shift = 1.0 + 0.06 * i
        axes.plot(np.array(never) * shift, [top] * len(never), linestyle="", markerfacecolor="none", **style)
    axes.axhline(top, color="0.6", linestyle=":", linewidth=0.8, label="open: loss not reached")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="device states between -1 and 1",
        ylabel=f"pulses until the training loss is {_LOSS:g}",
    )
    axes.legend(loc="best", fontsize="small", title="paper: E-RIDER lowest everywhere", title_fontsize="small")
    return figure


FIG4_PULSES = Experiment(
    title="Figure 4 left: total pulses to a training loss of 0.2",
    repeats=1,
    takes=TRAINING | {"values"},
    configure=configurations,
    measure=measure,
    summarise=summarise,
    draw=draw,
)
