"""``dsptrack compare``: the main job, one network trained with each learning rule."""

import argparse

import dsptrack as dt
from dsptrack.experiments import METHODS, RECIPES, SCHEDULES, CompareSettings, Comparison, MethodResult, compare

from .options import add_common, add_device, add_output, remark, write_json
from .options import device as named_device
from .table import table

SUMMARY = "train one network with each learning rule and compare them (the main job)"
DESCRIPTION = """Train the paper's fully connected network, all layers analog, with TT-v2, AGAD, RIDER and E-RIDER
on devices whose reference is not ideal; print accuracy, symmetric-point error, pulses and programming events; write
compare.png (accuracy and symmetric-point error over the epochs) and compare.json."""
EPILOG = """examples:
  dsptrack compare                                         5,000 real MNIST images, three minutes at most
  dsptrack compare --methods tt-v2 e-rider --epochs 20     two methods, shorter
  dsptrack compare --data mnist --data-root ~/data         the full MNIST from a folder of IDX files
  dsptrack compare --reference-std 1.0 --json > out.json   a wider spread; JSON to stdout
  dsptrack compare --device mine.toml                      devices of your own, or a preset by name
"""

_DEVICE = "reram_array_hfo2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options; the defaults are those of CompareSettings."""
    default = CompareSettings()
    parser.add_argument(
        "--data", choices=dt.datasets.NAMES, default=default.data, help=f"data set (default: {default.data})"
    )
    parser.add_argument("--data-root", metavar="DIR", help="folder of IDX files (default: $DSPTRACK_DATA)")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help=f"epochs of every method (default: {_schedules('epochs')})"
    )
    parser.add_argument(
        "--columns-per-transfer",
        type=int,
        metavar="N",
        help=f"columns a tile transfers per mini-batch (default: {_schedules('columns_per_transfer')})",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=tuple(METHODS),
        metavar="NAME",
        default=default.methods,
        help=f"of {', '.join(METHODS)} (default: all)",
    )
    parser.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        default=default.recipe,
        help=f"R: plain, summed error, 31 pulse slots; S: scaled weights, learned output scales, 5 slots"
        f" (default: {default.recipe})",
    )
    parser.add_argument(
        "--hidden", type=int, nargs="*", metavar="N", default=default.hidden, help="hidden units (default: 256 128)"
    )
    add_device(parser, _DEVICE)
    parser.add_argument(
        "--reference-mean",
        type=float,
        metavar="W",
        help=f"mean reference of a cell, weight units (default: {default.reference_mean}, with --device its own)",
    )
    parser.add_argument(
        "--reference-std",
        type=float,
        metavar="W",
        help=f"its standard deviation (default: {default.reference_std}, with --device its own)",
    )
    parser.add_argument(
        "--reference-on",
        choices=("fast", "both"),
        default=default.reference_on,
        help=f"arrays that have that offset (default: {default.reference_on})",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        default=default.batch_size,
        help=f"images a mini-batch (default: {default.batch_size})",
    )
    parser.add_argument("--lr", type=float, metavar="X", help="global learning rate (default: each method's own)")
    add_common(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> None:
    """Compare, print, write both files."""
    default = CompareSettings()
    own = arguments.device is not None
    mean, std = (None, None) if own else (default.reference_mean, default.reference_std)
    settings = CompareSettings(
        data=arguments.data,
        data_root=arguments.data_root,
        epochs=arguments.epochs,
        columns_per_transfer=arguments.columns_per_transfer,
        methods=tuple(arguments.methods),
        recipe=arguments.recipe,
        hidden=tuple(arguments.hidden),
        device=named_device(arguments.device) if own else default.device,
        reference_mean=mean if arguments.reference_mean is None else arguments.reference_mean,
        reference_std=std if arguments.reference_std is None else arguments.reference_std,
        reference_on=arguments.reference_on,
        batch_size=arguments.batch_size,
        lr=arguments.lr,
        seed=arguments.seed,
        threads=arguments.threads,
    )
    data = dt.datasets.load(settings.data, settings.data_root)
    arguments.out.mkdir(parents=True, exist_ok=True)
    device = arguments.device or _DEVICE
    header = _header(settings, data, device)
    if not arguments.json:
        print(header, flush=True)
    elif not arguments.quiet:
        remark(header)
    result = compare(
        settings,
        data=data,
        progress=False if arguments.quiet else None,
        on_result=None if arguments.quiet else _announce,
    )
    picture = arguments.out / "compare.png"
    title = f"{settings.data}, {device}{_reference(settings, '{:g} ± {:g}')}, recipe {settings.recipe}"
    dt.plot.compare({r.label: r.history for r in result.results}, title=title).savefig(picture)
    text = write_json(arguments.out / "compare.json", result.to_dict())
    print(text if arguments.json else f"\n{_table(result)}")
    if not arguments.quiet:
        remark(f"wrote {picture} and {arguments.out / 'compare.json'}")


def _reference(settings: CompareSettings, form: str) -> str:
    """Return the reference of the fast array's cells in words, nothing where the device has none."""
    device = settings.array_device(fast=True)
    if not isinstance(device, dt.devices.SoftBoundsReference | dt.devices.PowStepReference):
        return ""
    return ", reference " + form.format(device.reference_mean, device.reference_std)


def _header(settings: CompareSettings, data: dt.datasets.Dataset, device: str) -> str:
    schedule = settings.schedule
    columns = schedule.columns_per_transfer
    sizes = "-".join(map(str, (data.features, *settings.hidden, data.classes)))
    reference = _reference(settings, "N({:g}, {:g}²)")
    arrays = "the fast array" if settings.reference_on == "fast" else "both arrays"
    transferred = "1 column" if columns == 1 else f"{columns} columns"
    lines = [
        f"data      {data.note}",
        f"network   {sizes}, sigmoid, all layers analog, recipe {settings.recipe}, batch {settings.batch_size}",
        f"devices   {device}{reference} on {arrays}" if reference else f"devices   {device}",
        f"schedule  {schedule.epochs} epochs, {transferred} of every tile read per mini-batch, seed {settings.seed}",
    ]
    methods = {METHODS[name].label: METHODS[name] for name in settings.methods}
    waits = {label: settings.first_write(m, data.features, len(data.train_x)) for label, m in methods.items()}
    shown = ", ".join(f"{label} {epochs:.1f}" for label, epochs in waits.items() if epochs > 0.0)
    return "\n".join([*lines, f"warm-up   epochs until W is first written: {shown}"] if shown else lines)


def _announce(result: MethodResult) -> None:
    remark(f"{result.label}: {result.accuracy:.2f} % after {len(result.history)} epochs")


def _table(comparison: Comparison) -> str:
    arrays = sorted({name for result in comparison.results for name in result.pulses})
    header = [
        "method",
        "accuracy %",
        "mean of last 5 %",
        "SP error (rms)",
        *(f"pulses {name}" for name in arrays),
        "programming events",
        "s/epoch",
    ]
    return table(header, [_row(result, arrays) for result in comparison.results])


def _row(result: MethodResult, arrays: list[str]) -> list[str]:
    return [
        result.label,
        f"{result.accuracy:.2f}",
        f"{result.accuracy_mean:.2f}",
        "-" if result.sp_error is None else f"{result.sp_error:.4f}",
        *(f"{result.pulses.get(name, 0):,}" for name in arrays),
        f"{result.programming_events:,}",
        f"{result.seconds_per_epoch:.3f}",
    ]


def _schedules(field: str) -> str:
    return ", ".join(f"{name} {getattr(schedule, field)}" for name, schedule in SCHEDULES.items())
