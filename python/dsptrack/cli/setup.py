"""The options that say what is trained, shared by compare and train."""

import argparse
from collections.abc import Mapping
from typing import Any

import dsptrack as dt
from dsptrack.experiments import NETWORKS, RECIPES, SCHEDULES, CompareSettings
from dsptrack.experiments.settings import device_of

from .options import add_device

DEVICE = "reram_array_hfo2"
# Fields of CompareSettings that are options of the same name.
SETUP = (
    "data",
    "data_root",
    "epochs",
    "columns_per_transfer",
    "network",
    "recipe",
    "hidden",
    "device",
    "reference_mean",
    "reference_std",
    "reference_on",
    "batch_size",
    "lr",
)


def add_setup(parser: argparse.ArgumentParser) -> None:
    """Add the options; those that are not given are not in the result, so that CompareSettings has the defaults."""
    default = CompareSettings()
    own = argparse.SUPPRESS
    parser.add_argument("--data", choices=dt.datasets.NAMES, default=own, help=f"data set (default: {default.data})")
    parser.add_argument(
        "--data-root", metavar="DIR", default=own, help="folder of data files (default: $DSPTRACK_DATA)"
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", default=own, help=f"epochs (default: {_schedules('epochs')})"
    )
    parser.add_argument(
        "--columns-per-transfer",
        type=int,
        metavar="N",
        default=own,
        help=f"columns a tile transfers per mini-batch (default: {_schedules('columns_per_transfer')})",
    )
    parser.add_argument(
        "--network",
        choices=tuple(NETWORKS),
        default=own,
        help=f"fcn: the fully connected one; lenet5: two convolutions (default: {default.network})",
    )
    parser.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        default=own,
        help=f"R: plain, summed error, 31 pulse slots; S: scaled weights, learned output scales, 5 slots"
        f" (default: {network_defaults('recipe')})",
    )
    parser.add_argument(
        "--hidden", type=int, nargs="*", metavar="N", default=own, help="hidden units (default: 256 128)"
    )
    add_device(parser, DEVICE)
    parser.add_argument(
        "--reference-mean",
        type=float,
        metavar="W",
        default=own,
        help=f"mean reference of a cell, weight units (default: {default.reference_mean}, with --device its own)",
    )
    parser.add_argument(
        "--reference-std",
        type=float,
        metavar="W",
        default=own,
        help=f"its standard deviation (default: {default.reference_std}, with --device its own)",
    )
    parser.add_argument(
        "--reference-on",
        choices=("fast", "both"),
        default=own,
        help=f"arrays that have that offset (default: {default.reference_on})",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        default=own,
        help=f"images a mini-batch (default: {network_defaults('batch_size')})",
    )
    parser.add_argument(
        "--lr", type=float, metavar="X", default=own, help="global learning rate (default: each method's own)"
    )


def setup(values: Mapping[str, Any]) -> CompareSettings:
    """Return the settings that options or a file give; a device of one's own keeps its own references."""
    fields = dict(values)
    own = fields.pop("device", None)
    if own is not None:
        fields = {"reference_mean": None, "reference_std": None} | fields | {"device": device_of(own)}
    tuples: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
    return CompareSettings(**tuples)


def given(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    """Return those of the options `names` that were given."""
    values = vars(arguments)
    return {name: values[name] for name in names if values.get(name) is not None}


def network_words(settings: CompareSettings, data: dt.datasets.Dataset) -> str:
    """Return the network and how it is put on tiles in words."""
    sizes = "-".join(map(str, (data.features, *settings.hidden, data.classes)))
    name = f"{sizes}, sigmoid" if settings.network == "fcn" else settings.network
    return f"{name}, all layers analog, recipe {settings.layers.recipe}, batch {settings.layers.batch_size}"


def reference_words(settings: CompareSettings, form: str) -> str:
    """Return the reference of the fast array's cells in words, nothing where the device has none."""
    device = settings.array_device(fast=True)
    if not isinstance(device, dt.devices.SoftBoundsReference | dt.devices.PowStepReference):
        return ""
    return ", reference " + form.format(device.reference_mean, device.reference_std)


def network_defaults(field: str) -> str:
    """Return what stands for each network without an option."""
    return ", ".join(f"{name} {getattr(network, field)}" for name, network in NETWORKS.items())


def _schedules(field: str) -> str:
    return ", ".join(f"{name} {getattr(schedule, field)}" for name, schedule in SCHEDULES.items())
