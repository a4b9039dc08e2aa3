"""``dsptrack calibrate``: zero-shifting against the pulse budget."""

import argparse
from dataclasses import replace

import dsptrack as dt
from dsptrack.experiments import BUDGETS, CALIBRATED_DEVICE, Calibration, CalibrationPoint, calibrate
from dsptrack.experiments.settings import device_of

from .options import add_common, add_device, add_output, remark, write_json, write_picture
from .table import table

SUMMARY = "zero-shifting: symmetric-point error against the pulse budget"
DESCRIPTION = """Send pulse budgets of growing size to every cell of one array (Algorithm 1), compare the estimated
symmetric points with the true ones, print a table with the theory's bound beside it; write calibrate.png and
calibrate.json."""
EPILOG = """examples:
  dsptrack calibrate                                     Figure 1a: 512 x 512 cells, 2,000 states
  dsptrack calibrate --dw-min 0.005 --scheme stochastic  400 states, random pulses
  dsptrack calibrate --device ecram --shape 64 64        a preset, or a file: --device mine.toml
  dsptrack calibrate --shape 64 64 --pulses 100 200 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options; the defaults are those of ``dsptrack.experiments.calibrate``."""
    add_device(parser, "soft bounds with 2,000 states, symmetric points around 0.11")
    parser.add_argument(
        "--pulses",
        type=int,
        nargs="+",
        metavar="N",
        default=BUDGETS,
        help=f"pulse budgets, even, ascending (default: {' '.join(map(str, BUDGETS))})",
    )
    parser.add_argument(
        "--shape", type=int, nargs=2, metavar=("M", "N"), default=(512, 512), help="rows, columns (default: 512 512)"
    )
    parser.add_argument(
        "--scheme",
        choices=("cyclic", "stochastic"),
        default="cyclic",
        help="up, down, up … or random directions (default: cyclic)",
    )
    for option, field, meaning in (
        ("--dw-min", "dw_min", "response granularity; 2 / W states"),
        ("--up-down", "up_down", "systematic asymmetry: > 0 shrinks down steps"),
        ("--up-down-dtod", "up_down_dtod", "its spread between cells"),
    ):
        parser.add_argument(option, type=float, metavar="W", dest=field, help=f"{meaning} (default: the device's own)")
    add_common(parser)
    add_output(parser)


def run(arguments: argparse.Namespace) -> None:
    """Calibrate, print, write both files."""
    device = CALIBRATED_DEVICE if arguments.device is None else device_of(arguments.device)
    asked = {name: getattr(arguments, name) for name in ("dw_min", "up_down", "up_down_dtod")}
    device = replace(device, **{name: value for name, value in asked.items() if value is not None})
    result = calibrate(
        shape=tuple(arguments.shape),
        device=device,
        budgets=tuple(arguments.pulses),
        scheme=arguments.scheme,
        rng=arguments.seed,
        num_threads=arguments.threads,
        on_point=None if arguments.quiet else _announce,
    )
    rows, columns = result.shape
    title = f"zero-shifting, {result.scheme}, {rows} x {columns} cells, dw_min {device.dw_min:g}"
    arguments.out.mkdir(parents=True, exist_ok=True)
    picture = arguments.out / "calibrate.png"
    text = write_json(arguments.out / "calibrate.json", {"device": device.to_dict()} | result.to_dict())
    write_picture(picture, dt.plot.zero_shift(result, title=title))
    print(text if arguments.json else f"{title}\n{_truth(result)}\n\n{_table(result)}")
    if not arguments.quiet:
        remark(f"wrote {picture} and {arguments.out / 'calibrate.json'}")


def _announce(point: CalibrationPoint) -> None:
    remark(f"{point.pulses:,} pulses: rms error {point.rms_error:.4f}")


def _truth(result: Calibration) -> str:
    truth = f"true symmetric point: mean {result.true_mean:.4f}, standard deviation {result.true_std:.4f}"
    cells = result.shape[0] * result.shape[1]
    left_out = f"; {result.without:,} of {cells:,} cells have none inside their bounds and are left out"
    return truth + left_out if result.without else truth


def _table(result: Calibration) -> str:
    header = ["pulses", "mean offset", "% of mean", "std offset", "% of std", "rms error", "expected", result.theorem]
    return table(header, [_row(result, point) for point in result.points])


def _row(result: Calibration, point: CalibrationPoint) -> list[str]:
    percent_mean, percent_std = result.percent(point)
    return [
        f"{point.pulses:,}",
        f"{point.offset_mean:.5f}",
        f"{percent_mean:.2f}",
        f"{point.offset_std:.5f}",
        f"{percent_std:.2f}",
        f"{point.rms_error:.5f}",
        "-" if point.expected is None else f"{point.expected:.5f}",
        "-" if point.bound is None else f"{point.bound:.4g}",
    ]
