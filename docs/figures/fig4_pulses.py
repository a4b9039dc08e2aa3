"""Draws docs/figures/fig4-pulses.png from the records in docs/runs, as `dsptrack reproduce` would.

Its runs were asked for with several numbers of epochs, so that no one call of the command finds them all.

python docs/figures/fig4_pulses.py
"""

import json
from pathlib import Path

from dsptrack.experiments import EXPERIMENTS
from dsptrack.sweep import Record, Results

HERE = Path(__file__).parent
EXPERIMENT = EXPERIMENTS["fig4-pulses"]


def longest(files):
    """Return the record of every setting, that with the most epochs where there are several."""
    records = [Record(**json.loads(file.read_text(encoding="utf-8"))) for file in files]
    records.sort(key=lambda record: record.configuration["epochs"])
    return {(record.configuration["states"], record.configuration["calibration"]): record for record in records}


found = longest((HERE.parent / "runs" / "fig4-pulses").glob("*.json"))
figure = EXPERIMENT.draw(EXPERIMENT.summarise(Results(found[key] for key in sorted(found)), {}))
figure.suptitle(EXPERIMENT.title)
figure.savefig(HERE / "fig4-pulses.png")
