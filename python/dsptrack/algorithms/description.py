"""What a rule's rates mean on its devices, before a run."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsptrack import _checks
from dsptrack._config import compiled
from dsptrack._rounding import least_whole
from dsptrack.devices import Device
from dsptrack.exceptions import ShapeError
from dsptrack.periphery import Periphery
from dsptrack.update import PulseUpdate

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """The numbers of a rule that decide when something is written; gain 0 where nothing is transferred."""

    fast: float
    gain: float = 0.0
    tracked: bool = False
    eta: float = 0.0
    silent_sweeps: int = 0
    transfer_every: int = 0
    columns_per_transfer: int = 1
    stages: int = 1
    stage_every: int = 1
    pulses_per_read: int = 1
    read: Periphery | None = None
    auto_scale: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """Steps and pulses to expect from a rule on a tile; `Algorithm.describe` makes it, ``print`` shows it.

    P is the array that the gradient pulses (W itself for `AnalogSGD`) and g its granularity. All is said of a nominal
    cell; spread between cells and noise are left out.

    Attributes
    ----------
    rule
        Name of the rule.
    rate
        Rate of the pulses on P, the global one included where it counts; under ``auto_scale`` at the maxima's means.
    wanted
        Pulses that one vector asks of the cell at max|x| and max|d|: k = rate max|x| max|d| / g, mean over vectors.
    train_length
        Slots BL that are sent for them, mean over vectors.
    saturated
        Share of vectors that ask for more than `PulseUpdate.desired_bl` and get less.
    pulses_per_cell
        Expected pulses per mini-batch, mean over the cells.
    pulses_busiest
        The same of the cell with most.
    step
        Largest expected up less down pulses of a cell per mini-batch, times g/dw_min: how far P moves, in dw_min.
    states
        Steps of size g between the nominal bounds of P.
    gain
        lambda: thresholds of H, or for `TikiTaka` wanted pulses on W, per unit of weight read; 0 without transfer.
    reads_per_pulse
        Reads of a column after which H lets a pulse through, with P at a bound: a fixed reference being 0, a tracked
        one at the other bound, and the Q of `Rider` following from 0; inf if never.
    pulses_per_read
        Most pulses that one read can send to a cell.
    silent_sweeps
        Sweeps in which W is not written whatever H holds: K + 1 for `AGAD` and `ERider`.
    first_write
        Number of the first mini-batch in which W can be written, counted from 1; inf if never.
    warnings
        What cannot work with these rates, in words.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> rule.describe((256, 392), lr=0.05, d_scale=0.01).first_write
    8233.0
    """

    rule: str
    rate: float
    wanted: float
    train_length: float
    saturated: float
    pulses_per_cell: float
    pulses_busiest: float
    step: float
    states: float
    gain: float
    reads_per_pulse: float
    pulses_per_read: int
    silent_sweeps: int
    first_write: float
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.rule}: rate {self.rate:.4g}, {self.states:.4g} states",
            f"  one vector      wants {self.wanted:.4g} pulses at the busiest cell in {self.train_length:.4g} slots",
            f"  one mini-batch  {self.pulses_per_cell:.4g} pulses per cell, {self.pulses_busiest:.4g} at the busiest;"
            f" largest step {self.step:.4g} dw_min",
        ]
        if self.gain:
            lines += [
                f"  transfer        lambda {self.gain:.4g}; with P at a bound {self.reads_per_pulse:.4g} reads for"
                f" {'a pulse' if self.pulses_per_read == 1 else f'up to {self.pulses_per_read} pulses'} on W",
                f"  first write     mini-batch {self.first_write:.7g} at the earliest"
                + (f", after {self.silent_sweeps} silent sweeps" if self.silent_sweeps else ""),
            ]
        return "\n".join(lines + [f"  warning         {warning}" for warning in self.warnings])


def vectors(name: str, value: ArrayLike, size: int) -> Doubles:
    """Return magnitudes of lines as vectors (B, size); a number stands for all lines."""
    scale = _checks.doubles(name, value)
    if scale.ndim == 0:
        return np.full((1, size), scale)
    if scale.ndim != 2 or scale.shape[1] != size or not scale.shape[0]:
        raise ShapeError(f"{name} has shape {scale.shape}: must be a number or (B, {size})")
    return scale


@np.errstate(over="ignore", invalid="ignore")  # rates beyond all floats are reported as infinite
def describe(
    name: str, device: Device, rates: Rates, x: Doubles, d: Doubles, batch_size: int, update: PulseUpdate
) -> Description:
    """Return what `rates` mean for the sample `x` (B, N), `d` (B, M) of vectors."""
    try:
        samples = np.broadcast_shapes(x.shape[:1], d.shape[:1])[0]
    except ValueError:
        raise ShapeError(f"d_scale has shape {d.shape}: must have {x.shape[0]} vectors, as x_scale") from None
    columns = x.shape[1]
    g, reach = device.granularity, max(abs(device.w_max), abs(device.w_min))
    states = (device.w_max - device.w_min) / g
    x_max, d_max = (np.broadcast_to(np.abs(v).max(axis=1), (samples,)) for v in (x, d))
    rate = rates.fast * (update.desired_bl * g / (_typical(x_max) * _typical(d_max)) if rates.auto_scale else 1.0)
    scaling = compiled("update", update, PulseUpdate).scaling
    trains = np.array([scaling(a, b, rate, g) for a, b in zip(x_max, d_max, strict=True)])
    length, error, inputs = trains.T[:, :, None]
    p, q = (np.minimum(1.0, np.abs(v) * scale) for v, scale in ((d, error), (x, inputs)))
    counts = (length * p).T @ q / samples * batch_size
    net = np.abs((length * p * np.sign(d)).T @ (q * np.sign(x))) / samples * batch_size
    wanted = rate * x_max * d_max / g
    # Probabilities above 1 are lost, whatever management the update has.
    saturated = float(np.mean(np.maximum(d_max * error[:, 0], x_max * inputs[:, 0]) > 1 + 1e-9))

    reads = _reads_per_pulse(rates, reach, device.w_max - device.w_min)
    warnings = _warnings(rates, columns, reach, states, saturated, float(counts.mean()))
    return Description(
        rule=name,
        rate=rate,
        wanted=float(wanted.mean()),
        train_length=float(length.mean()),
        saturated=saturated,
        pulses_per_cell=float(counts.mean()),
        pulses_busiest=float(counts.max()),
        step=float(net.max() * g / device.dw_min),
        states=states,
        gain=rates.gain,
        reads_per_pulse=reads,
        pulses_per_read=rates.pulses_per_read,
        silent_sweeps=rates.silent_sweeps,
        first_write=_first_write(rates, columns, reads),
        warnings=tuple(warnings),
    )


def _typical(maxima: Doubles) -> float:
    """Return where a running maximum settles, 1 where there is none: vectors of zeros are passed over."""
    positive = maxima[maxima > 0]
    return float(positive.mean()) if positive.size else 1.0


def _never(rates: Rates, reach: float) -> str | None:
    """Return why nothing is ever transferred, if so."""
    if rates.fast == 0:
        return "the rate of the pulses is 0: the gradient moves nothing"
    if not rates.transfer_every:
        return None
    if rates.gain == 0:
        return "the rate of the transfer is 0: W is never written"
    # Q <- Q + eta (v - Q) makes the sum of all v - Q telescope to (Q - 0) / eta.
    if rates.eta > 0 and rates.gain * reach < rates.eta:
        return (
            f"W is never written: H comes to lambda max|w| / eta = {rates.gain * reach / rates.eta:.3g} of its "
            f"threshold; eta must be at most {rates.gain * reach:.3g}"
        )
    read = rates.read
    if read is not None and not read.is_perfect and read.out_bound * read.out_res > 0 and not read.out_noise:
        step = 2 * read.out_bound * read.out_res
        if reach < step / 2:
            return f"W is never written: the converter's step {step:.3g} is above twice the bound {reach:.3g} of P"
    return None


def _reads_per_pulse(rates: Rates, reach: float, span: float) -> float:
    """Return how many reads of a cell at its bound let a pulse through."""
    if not rates.transfer_every or _never(rates, reach):
        return math.inf
    if rates.pulses_per_read > 1:
        return 1.0
    if rates.eta > 0:
        # H = lambda reach (1 - (1 - eta)^n) / eta after n reads
        left = 1.0 - rates.eta / (rates.gain * reach)
        reads = 1.0 if left >= 1.0 - rates.eta else math.log(left) / math.log1p(-rates.eta) if left > 0 else math.inf
    else:
        reads = 1.0 / (rates.gain * (span if rates.tracked else reach))
    # A product that should be a whole number of thresholds must not cost another read.
    return float(max(least_whole(reads), 1)) if math.isfinite(reads) else math.inf


def _first_write(rates: Rates, columns: int, reads: float) -> float:
    """Return the first mini-batch that can write W."""
    if not rates.transfer_every:
        return 1.0 if rates.fast > 0 else math.inf
    if not math.isfinite(reads):
        return math.inf
    visits = max(rates.silent_sweeps, int(reads) - 1) * columns
    period = rates.transfer_every * rates.stage_every ** (rates.stages - 1)
    return float(period * (visits // rates.columns_per_transfer + 1))


def _warnings(rates: Rates, columns: int, reach: float, states: float, saturated: float, pulses: float) -> list[str]:
    """Return what cannot work, or not as the rates say."""
    found = []
    if never := _never(rates, reach):
        found.append(never)
    if saturated > 0:
        found.append(f"{100 * saturated:.3g} % of the vectors ask for more than the trains can send: the step is cut")
    between = pulses * columns * rates.transfer_every / rates.columns_per_transfer
    if rates.transfer_every and between > states:
        found.append(
            f"a cell of P gets {between:.3g} pulses between two reads of it and has {states:.3g} states: it saturates"
        )
    if rates.pulses_per_read > 1 and rates.gain * reach > rates.pulses_per_read:
        found.append(
            f"a read of P at its bound asks W for {rates.gain * reach:.3g} pulses and sends {rates.pulses_per_read}"
        )
    return found
