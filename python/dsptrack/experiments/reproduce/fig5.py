"""Figure 5: test accuracy of E-RIDER's FCN against the chopper probability p; p = 0 is RIDER."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dsptrack._checks import number
from dsptrack.exceptions import ConfigError
from dsptrack.plot import OKABE_ITO
from dsptrack.sweep import Results

from .experiment import TRAINING, Configuration, Experiment, Options
from .picture import panels
from .training import train_run

PROBABILITIES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
# The paper prints no reference for this figure: the hardest mean of its tables, with their smallest spread.
_AT = (0.4, 0.05)


def configurations(options: Options) -> list[Configuration]:
    """Return a run for every p; without chopper the average follows with RIDER's eta, 0.02."""
    at = options.pick("at", (_AT,), (_AT,))
    if len(at) != 1:
        raise ConfigError(f"at = {at!r}: Figure 5 takes one reference")
    ((mean, std),) = at
    common = {
        "network": options.pick("network", "fcn", "fcn"),
        "data": options.pick("data", "mnist", "mnist5k"),
        "epochs": options.pick("epochs", 50, 3),
        "recipe": options.pick("recipe", "R", "R"),
        "batch_size": 10,
        "reference_mean": float(mean),
        "reference_std": float(std),
    }
    common |= options.reduced
    return [
        common | ({"method": "rider"} if p == 0 else {"method": "e-rider", "rule": {"chop_probability": p}})
        for p in (
            number("values", p, low=0.0, high=1.0) for p in options.pick("values", PROBABILITIES, (0.0, 0.05, 0.2))
        )
    ]


def summarise(results: Results, paper: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for every p: mean and spread over the repeats."""
    by_p: dict[float, list[Any]] = {}
    for record in results:
        by_p.setdefault(record.configuration.get("rule", {}).get("chop_probability", 0.0), []).append(record)
    rows = []
    for p, records in sorted(by_p.items()):
        done = [record.result for record in records if record.error is None]
        reached = [result["accuracy_mean"] for result in done]
        rows.append(
            {
                "p": p,
                "repeats": len(done),
                "diverged": len(records) - len(done),
                "epochs": records[0].configuration["epochs"],
                "accuracy": float(np.mean([result["accuracy"] for result in done])) if done else None,
                "accuracy_mean": float(np.mean(reached)) if done else None,
                "accuracy_mean_spread": float(np.std(reached, ddof=1)) if len(done) > 1 else None,
                "programming_events": int(np.mean([result["programming_events"] for result in done])) if done else None,
            }
        )
    without = [row["accuracy_mean"] for row in rows if row["p"] == 0 and row["accuracy_mean"] is not None]
    small = [
        row["accuracy_mean"] for row in rows if 0 < row["p"] <= paper["small"] and row["accuracy_mean"] is not None
    ]
    lines = []
    if without and small and max(small) <= without[0]:
        lines.append(f"no small p > 0 beats p = 0: at most {max(small):.2f} against {without[0]:.2f}")
    return {"rows": rows, "differences": lines, "compared": int(bool(without and small))}


def draw(summary: Mapping[str, Any]) -> Figure:
    """Draw accuracy against p; the paper's statement is in the legend, since it prints no numbers."""
    rows = [row for row in summary["rows"] if row["accuracy_mean"] is not None]
    figure, (axes,) = panels(1)
    p = [row["p"] for row in rows]
    spread = [row["accuracy_mean_spread"] or 0.0 for row in rows]
    name = f"ours after {summary['rows'][0]['epochs']} epochs"
    axes.errorbar(
        p, [row["accuracy_mean"] for row in rows], spread, fmt="o-", color=OKABE_ITO[0], capsize=2, label=name
    )
    axes.axvspan(
        0.0, summary["paper"]["small"], color="0.9", zorder=0, label="paper: a small p > 0 beats 0 (the width is ours)"
    )
    axes.set(xlabel="chopper probability p", ylabel="test accuracy, mean of the last epochs (%)")
    axes.legend(fontsize="small", loc="lower right")
    return figure


FIG5 = Experiment(
    title="Figure 5: E-RIDER on the FCN against the chopper probability",
    repeats=3,
    takes=TRAINING | {"values", "at"},
    configure=configurations,
    measure=train_run,
    summarise=summarise,
    draw=draw,
)
