"""``dsptrack train``: one network, one learning rule, with checkpoints."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dsptrack as dt
from dsptrack.experiments import METHODS, Training, TrainSettings, train
from dsptrack.experiments.schedules import SCHEDULE_KINDS, fields_of, schedule_of

from .config import OrTable
from .options import add_common, add_output, device_name, remark, write_json, write_picture
from .setup import DEVICE, SETUP, add_setup, given, network_words, reference_words, setup
from .table import table

SUMMARY = "train one network with one learning rule, with checkpoints"
DESCRIPTION = """Train one network, all layers analog; print accuracy, symmetric-point error, pulses and programming
events; write train.png (accuracy and symmetric-point error over the epochs), history.csv, train.json and after every
epoch checkpoint.safetensors. After a crash the same command with --resume ends with the bits of a run that nothing
stopped."""
EPILOG = """examples:
  dsptrack train                                        E-RIDER on 5,000 real MNIST images
  dsptrack train --method agad --rule fast_lr=0.5       another rule, one of its fields changed
  dsptrack train --lr 0.1 --schedule cosine             a learning rate that falls to 0 over the run
  dsptrack train --schedule step every=10 factor=0.5    halved every 10 epochs
  dsptrack train --config run.toml --seed 1             options from a file; those of the command line win
  dsptrack train --data cifar10 --network lenet5 --resume

in a file (--config) schedule may be a table with its kind (schedule = {kind = "step", every = 10}), rule a table of
fields, device a table as in a device's file
"""

_METHOD = "e-rider"
# Options beside those of the set-up, in the order in which they are handed on.
_TRAINING = ("lr_every", "patience")
_SAVING = ("checkpoint", "checkpoint_every", "checkpoint_unit", "resume")
_OTHER = ("method", "rule", "schedule", "warmup", "seed", "threads")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options; the defaults are those of TrainSettings."""
    parser.add_argument(
        "--method", choices=tuple(METHODS), help=f"learning rule with the paper's rates (default: {_METHOD})"
    )
    parser.add_argument(
        "--rule",
        nargs="+",
        action=OrTable,
        metavar="FIELD=X",
        help="fields of the learning rule in place of the paper's",
    )
    add_setup(parser)
    parser.add_argument(
        "--schedule",
        nargs="+",
        action=OrTable,
        metavar=("NAME", "FIELD=X"),
        help=f"{', '.join(SCHEDULE_KINDS)}, with fields as in dt.nn.schedules; starts at the learning rate",
    )
    parser.add_argument("--warmup", type=float, metavar="N", help="epochs of a linear ramp before the schedule")
    parser.add_argument("--lr-every", choices=("epoch", "batch"), help="when the schedule is asked (default: epoch)")
    parser.add_argument(
        "--patience", type=int, metavar="N", help="end after so many epochs without a better test accuracy"
    )
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="(default: checkpoint.safetensors in the folder of --out)"
    )
    parser.add_argument(
        "--checkpoint-every", type=int, metavar="N", help="epochs or mini-batches between checkpoints (default: 1)"
    )
    parser.add_argument("--checkpoint-unit", choices=("epoch", "batch"), help="which of them (default: epoch)")
    parser.add_argument("--resume", action="store_true", default=None, help="go on from the checkpoint if there is one")
    add_common(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, print, write all files."""
    known = (*SETUP, *_TRAINING, *_SAVING, *_OTHER)
    values = given(arguments, known)
    settings = _settings(values)
    data = dt.datasets.load(settings.setup.data, settings.setup.data_root)
    arguments.out.mkdir(parents=True, exist_ok=True)
    checkpoint = values.get("checkpoint", arguments.out / "checkpoint.safetensors")
    Path(checkpoint).parent.mkdir(parents=True, exist_ok=True)
    header = _header(settings, data, values.get("device", DEVICE))
    if not arguments.json:
        print(header, flush=True)
    elif not arguments.quiet:
        remark(header)
    saving = {name: values[name] for name in _SAVING if name in values}
    result = train(
        settings,
        data=data,
        progress=False if arguments.quiet else None,
        # The bar shows the same where there is one.
        on_epoch=None if arguments.quiet or sys.stderr.isatty() else _announce,
        **saving | {"checkpoint": checkpoint},
    )
    history = dt.nn.History(result.result.history)
    history.to_csv(arguments.out / "history.csv")
    title = f"{settings.setup.data}, {settings.setup.network}, {result.result.label}"
    text = write_json(arguments.out / "train.json", result.to_dict())
    write_picture(arguments.out / "train.png", dt.plot.compare({result.result.label: history}, title=title))
    print(text if arguments.json else f"\n{_table(result)}")
    if not arguments.quiet:
        remark(f"wrote train.png, history.csv and train.json to {arguments.out}")


def _settings(values: Mapping[str, Any]) -> TrainSettings:
    fields = {name: values[name] for name in (*SETUP, "seed", "threads") if name in values}
    common = setup(fields | {"methods": (values.get("method", _METHOD),)})
    words = values.get("schedule", ["constant"] if "warmup" in values else None)
    schedule = None
    if words is not None:
        lr = common.rate(common.layers.methods[common.methods[0]])
        schedule = schedule_of(words, lr=lr, epochs=common.schedule.epochs, warmup=values.get("warmup"))
    options = {name: values[name] for name in _TRAINING if name in values}
    return TrainSettings(setup=common, rule=fields_of("rule", values.get("rule", {})), schedule=schedule, **options)


def _header(settings: TrainSettings, data: dt.datasets.Dataset, device: Any) -> str:
    common = settings.setup
    method = settings.row
    rate = format(common.rate(method), "g")
    rule = "".join(f", {name} {value}" for name, value in settings.rule.items())
    lines = [
        f"data      {data.note}",
        f"network   {network_words(common, data)}",
        f"devices   {device_name(device)}{reference_words(common, 'N({:g}, {:g}²)')}",
        f"rule      {method.label}{rule}",
        f"schedule  {common.schedule.epochs} epochs, lr {settings.schedule or rate}, seed {common.seed}",
    ]
    return "\n".join(lines)


def _announce(record: dt.nn.EpochRecord) -> None:
    remark(f"epoch {record.epoch}: loss {record.train_loss:.4f}, test {record.test_accuracy:.2f} %")


def _table(training: Training) -> str:
    result = training.result
    best = max(result.history, key=lambda record: record.test_accuracy)
    rows = [
        ["epochs", f"{len(result.history):,}"],
        ["accuracy %", f"{result.accuracy:.2f}"],
        ["mean of last 5 %", f"{result.accuracy_mean:.2f}"],
        ["best %, by the test images", f"{best.test_accuracy:.2f} (epoch {best.epoch})"],
        ["SP error (rms)", "-" if result.sp_error is None else f"{result.sp_error:.4f}"],
        *([f"pulses {name}", f"{count:,}"] for name, count in sorted(result.pulses.items())),
        ["programming events", f"{result.programming_events:,}"],
        ["s/epoch", f"{result.seconds_per_epoch:.3f}"],
    ]
    return table(["", result.label], rows)
