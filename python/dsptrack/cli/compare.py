"""``dsptrack compare``: the main job, one network trained with each learning rule."""

import argparse

import dsptrack as dt
from dsptrack.experiments import METHODS, CompareSettings, Comparison, MethodResult, compare

from .options import add_common, add_output, device_name, remark, write_json, write_picture
from .setup import DEVICE, SETUP, add_setup, given, network_words, reference_words, setup
from .table import table

SUMMARY = "train one network with each learning rule and compare them (the main job)"
DESCRIPTION = """Train a network of the paper, all layers analog, with TT-v2, AGAD, RIDER and E-RIDER
on devices whose reference is not ideal; print accuracy, symmetric-point error, pulses and programming events; write
compare.png (accuracy and symmetric-point error over the epochs) and compare.json."""
EPILOG = """examples:
  dsptrack compare                                         5,000 real MNIST images, three minutes at most
  dsptrack compare --methods tt-v2 e-rider --epochs 20     two methods, shorter
  dsptrack compare --data mnist --data-root ~/data         the full MNIST from a folder of IDX files
  dsptrack compare --reference-std 1.0 --json > out.json   a wider spread; JSON to stdout
  dsptrack compare --device mine.toml                      devices of your own, or a preset by name
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options; the defaults are those of CompareSettings."""
    add_setup(parser)
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=tuple(METHODS),
        metavar="NAME",
        default=tuple(METHODS),
        help=f"of {', '.join(METHODS)} (default: all)",
    )
    add_common(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> None:
    """Compare, print, write both files."""
    values = given(arguments, SETUP)
    settings = setup(
        values | {"methods": tuple(arguments.methods), "seed": arguments.seed, "threads": arguments.threads}
    )
    data = dt.datasets.load(settings.data, settings.data_root)
    arguments.out.mkdir(parents=True, exist_ok=True)
    device = DEVICE if arguments.device is None else device_name(arguments.device)
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
    title = f"{settings.data}, {device}{reference_words(settings, '{:g} ± {:g}')}, recipe {settings.layers.recipe}"
    text = write_json(arguments.out / "compare.json", result.to_dict())
    write_picture(picture, dt.plot.compare({r.label: r.history for r in result.results}, title=title))
    print(text if arguments.json else f"\n{_table(result)}")
    if not arguments.quiet:
        remark(f"wrote {picture} and {arguments.out / 'compare.json'}")


def _header(settings: CompareSettings, data: dt.datasets.Dataset, device: str) -> str:
    schedule = settings.schedule
    columns = schedule.columns_per_transfer
    reference = reference_words(settings, "N({:g}, {:g}²)")
    arrays = "the fast array" if settings.reference_on == "fast" else "both arrays"
    transferred = "1 column" if columns == 1 else f"{columns} columns"
    lines = [
        f"data      {data.note}",
        f"network   {network_words(settings, data)}",
        f"devices   {device}{reference} on {arrays}" if reference else f"devices   {device}",
        f"schedule  {schedule.epochs} epochs, {transferred} of every tile read per mini-batch, seed {settings.seed}",
    ]
    methods = [settings.layers.methods[name] for name in settings.methods]
    waits = {m.label: settings.first_write(m, data.features, len(data.train_x)) for m in methods}
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
