"""Draws docs/figures/table1.png and table2.png from the numbers of docs/results.md, as `dsptrack reproduce` would.

python docs/figures/tables.py
"""

import json
from importlib.resources import files
from itertools import dropwhile, takewhile
from pathlib import Path

from dsptrack.experiments import EXPERIMENTS, METHODS

HERE = Path(__file__).parent
NAMES = {method.label: name for name, method in METHODS.items()}


def first_table(text, heading):
    """Return the rows of the first table below a heading, a dict each."""
    lines = text[text.index(f"\n{heading}") :].splitlines()
    lines = dropwhile(lambda line: not line.startswith("| mean, std"), lines)
    table = takewhile(lambda line: line.startswith("|"), lines)
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    return [dict(zip(header, row, strict=True)) for row in rows]


def summary(name, number):
    """Return what `draw` takes."""
    rows = []
    for row in first_table((HERE.parent / "results.md").read_text(encoding="utf-8"), f"## Table {number}:"):
        mean, std = map(float, row["mean, std"].split(","))
        reached, _, spread = row["mean of 36 to 40"].partition(" ± ")
        rows.append(
            {
                "reference_mean": mean,
                "reference_std": std,
                "method": NAMES[row["method"]],
                "label": row["method"],
                "accuracy_mean": float(reached),
                "accuracy_mean_spread": float(spread) if spread else None,
                "epochs": 40,
                "paper": float(row["paper"]) if row["paper"] else None,
            }
        )
    paper = files("dsptrack.experiments.reproduce").joinpath("paper", f"{name}.json").read_text(encoding="utf-8")
    return {"rows": rows, "paper": json.loads(paper)}


for number in (1, 2):
    name = f"table{number}"
    figure = EXPERIMENTS[name].draw(summary(name, number))
    figure.suptitle(EXPERIMENTS[name].title)
    figure.savefig(HERE / f"{name}.png")
