"""The fit itself: arguments in, a result out."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from numpy.typing import ArrayLike

from dsptrack import _checks
from dsptrack.exceptions import ConfigError, DataError

from .description import described
from .likelihood import CellFit, fit_cells
from .models import Constant, Linear, Power, Response, Soft
from .results import FitResult
from .shapes import Exponential, Piecewise
from .traces import Traces, prepared

RESPONSES: dict[str, Response] = {
    model.name: model for model in (Constant(), Linear(), Soft(), Exponential(), Power(), Piecewise())
}
MODELS: tuple[str, ...] = tuple(RESPONSES)
"""Names of the models that can be fitted."""

_NOISES = ("auto", "multiplicative", "additive")
_MOST_NODES = 64


# Its square must be a number beside those of weights.
_LEAST_NOISE = 1e-100


@dataclass(frozen=True, kw_only=True)
class Options:
    """What can be asked of a fit, checked."""

    noise: str = "auto"
    read_noise: float = 0.0
    write_noise: bool = False
    g_range: tuple[float, float] | None = None
    nodes: int = 8

    @classmethod
    def checked(cls, **options: Any) -> Self:
        """Return options in range."""
        asked = cls(**options)
        _checks.choice("noise", asked.noise, _NOISES)
        noise = _checks.number("read_noise", asked.read_noise, low=0.0)
        if 0 < noise < _LEAST_NOISE:
            raise ConfigError(f"read_noise = {noise}: must be 0 or at least {_LEAST_NOISE:g}")
        _checks.flag("write_noise", asked.write_noise)
        _checks.whole("nodes", asked.nodes, 2, _MOST_NODES)
        return asked

    def traces(self, polarity: ArrayLike, conductance: ArrayLike) -> Traces:
        """Return the pulses."""
        return prepared(polarity, conductance, self.g_range, self.read_noise)

    def noises(self, model: Response) -> tuple[bool, ...]:
        """Return the kinds of cycle noise to try: additive or not."""
        kind = model.device.__name__
        if self.noise == "additive" and not model.additive:
            raise ConfigError(f"noise = 'additive': a {kind} has multiplicative cycle noise only")
        if self.write_noise and not hasattr(model.device, "write_noise_std"):
            raise ConfigError(f"write_noise = True: a {kind} has no write noise")
        if self.noise == "auto":
            return (False, True) if model.additive else (False,)
        return (self.noise == "additive",)


def response(name: str) -> Response:
    """Return the model of this name."""
    return RESPONSES[_checks.choice("model", name, MODELS)]


def device_from_pulses(
    polarity: ArrayLike,
    conductance: ArrayLike,
    model: str = "soft_bounds",
    *,
    noise: Literal["auto", "multiplicative", "additive"] = "auto",
    read_noise: float = 0.0,
    write_noise: bool = False,
    g_range: tuple[float, float] | None = None,
    nodes: int = 8,
) -> FitResult:
    """Fit a device to measured pulse trains of one or many cells.

    Each cell obeys its model's single-pulse equation with parameters of its own,

        w_k+1 = w_k + sign_k mu(w_k) (1 + dw_min_std xi)        or  + sign_k (mu(w_k) + dw_min_std s xi),

    found by weighted least squares of w_k+1 - w_k against w_k (SciPy), weights 1/mu^2 or equal; the noise is the most
    likely one. Pulses that a bound may have cut are left out. The device's means and spreads are those of the cells,
    with the cells' own errors subtracted from the spreads.

    Parameters
    ----------
    polarity
        +1 up, -1 down, 0 none: (pulses,) for all cells, or (cells, pulses).
    conductance
        Reads, (reads,) or (cells, reads): one more than pulses, or as many; then each read comes after its pulse, and
        the first pulse is unknown. Traces of different lengths end with NaN. At least 5 pulses of each direction.
    model
        ``"constant_step"``, ``"linear_step"``, ``"soft_bounds"``, ``"pow_step"``, ``"exp_step"`` or ``"piecewise"``.
        The cells of the last two share the shape of the response, as those of their devices do.
    noise
        Whether cycle noise scales with the step or is the same everywhere; ``"auto"`` takes the more likely one.
    read_noise
        Standard deviation of a read's noise, unit of `conductance`, >= 0. With noisy reads and 0 here, bounds and cycle
        noise go wrong first, then steps come out too large: every read's error turns back at the next one. A resolution
        q counts as q/sqrt(12); a UserWarning says so where reads lie on a grid.
    write_noise
        Fit `write_noise_std` too: what pulses do not remember of a read. Not with constant steps.
    g_range
        Conductances of the weights -1 and 1, see `dsptrack.convert.weights`; None if `conductance` holds weights.
    nodes
        Nodes of the tables of ``"piecewise"``, 2 to 64.

    Returns
    -------
    FitResult
        Device, uncertainties, cells, residuals.

    Raises
    ------
    ConfigError
        If an argument has the wrong type or is out of range.
    ShapeError, NonFiniteError
        If the arrays do not fit together, or hold infinity or NaN other than at the end of a trace.
    DataError
        If the traces tell too little, or no device of this model does what they show.

    Notes
    -----
    A bound is reached if a pulse towards it left the read as it was (with read noise: if the fit finds it). Bounds that
    were not reached come from the steps for `SoftBounds` and `PowStep`, and for `ExpStep` and `PiecewiseStep` if some
    cell reached both. Else the trace's end stands for the bound, with NaN for its error, and is a lower limit in the
    mean over cells. With read noise or write noise, predictions come from a Kalman filter, which takes all noise for
    normal.

    Examples
    --------
    >>> import numpy as np
    >>> import dsptrack as dt
    >>> array = dt.CrossbarArray((1, 30), dt.devices.SoftBounds(dw_min=0.02, dw_min_std=0.2), rng=1)
    >>> polarity, reads = np.repeat([1, -1, 1], 100), [array.weights[0]]
    >>> for sign in polarity:
    ...     array.pulse(int(sign))
    ...     reads.append(array.weights[0])
    >>> result = dt.fit.device_from_pulses(polarity, np.transpose(reads))
    >>> bool(abs(result.parameters["dw_min"] - 0.02) < 3 * result.std_errors["dw_min"])
    True
    >>> round(result.cycle_to_cycle["dw_min_std"], 2)
    0.2
    """
    chosen = response(model)
    options = Options.checked(noise=noise, read_noise=read_noise, write_noise=write_noise, g_range=g_range, nodes=nodes)
    options.noises(chosen)
    return fitted(options.traces(polarity, conductance), chosen, options)


def fitted(traces: Traces, model: Response, options: Options) -> FitResult:
    """Return the fit with the more likely of the kinds of noise that were asked for."""
    best: CellFit | None = None
    failure: DataError | None = None
    scale = 1.0 if options.g_range is None else 2 / (options.g_range[1] - options.g_range[0])
    for additive in options.noises(model):
        try:
            found = fit_cells(
                traces,
                model,
                additive=additive,
                nodes=options.nodes,
                read=options.read_noise * scale,
                write_noise=options.write_noise,
            )
        except DataError as error:
            failure = failure or error
            continue
        if best is None or found.log_likelihood > best.log_likelihood:
            best = found
    if best is None:
        raise failure or DataError(f"{model.name} fits with no kind of noise")
    return described(traces, best, write_noise=options.write_noise)
