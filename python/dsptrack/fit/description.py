"""From fitted cells to a device: the parameters of every cell, then fields of the population with their errors."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsptrack.exceptions import DataError

from .likelihood import CellFit
from .models import Linear, Power
from .population import Pair, bounded, pair, root_error, spread
from .results import FitResult, Value
from .shapes import Exponential, Piecewise
from .solve import derivatives
from .traces import Traces

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Quantity:
    """A number of every cell: values and standard errors, and the variance of the mean that cells have in common."""

    values: Floats
    errors: Floats
    # Errors with what cells have in common.
    total: Floats
    common: float

    @property
    def apart(self) -> tuple[Floats, Floats, float]:
        """What a population needs."""
        return self.values, self.errors, self.common


@dataclass(frozen=True, eq=False)
class Fields:
    """Fields of a device: fitted ones with errors, and others that go with them."""

    fitted: dict[str, Value] = field(default_factory=dict)
    errors: dict[str, Value] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, value: Value, error: Value) -> None:
        """Add a fitted field."""
        self.fitted[name], self.errors[name] = value, error

    def number(self, name: str) -> tuple[float, float]:
        """Return a fitted number and its error."""
        value, error = self.fitted[name], self.errors[name]
        assert not isinstance(value, tuple)
        assert not isinstance(error, tuple)
        return value, error

    def add_pair(self, names: tuple[str, str, str, str], law: Pair) -> None:
        """Add the four fields of a law of two quantities."""
        values = (law.mean, law.spread, law.difference, law.difference_spread)
        for name, value, error in zip(names, values, law.errors, strict=True):
            self.add(name, value, error)


def described(traces: Traces, fit: CellFit, *, write_noise: bool) -> FitResult:
    """Return the result: device, parameters and errors of the population and of every cell."""
    model, ground = fit.model, fit.ground
    own, shared = (np.diagonal(c, axis1=-2, axis2=-1) for c in (fit.covariance, fit.shared))
    model.check(ground, fit.u, fit.phi, np.sqrt(own).reshape(fit.u.shape), np.sqrt(shared))
    high, low = _sides(fit, lambda u, phi: model.bound(ground, u))
    up, down = _sides(fit, lambda u, phi: model.scale(ground, u, phi))
    fields = Fields()
    for name, side, sign, known in (("w_max", high, 1, fit.known[:, 0]), ("w_min", low, -1, fit.known[:, 1])):
        bound = bounded(side.values, side.errors, known)
        relative = bound.std / bound.mean
        fields.add(name, sign * bound.mean, bound.error)
        fields.add(f"{name}_dtod", relative, float(np.hypot(bound.std_error, relative * bound.error) / bound.mean))
    _add_steps(fields, fit)
    extra = _sides(fit, lambda u, phi: model.further(ground, u)) if model.extra else []
    if isinstance(model, Linear):
        _add_slopes(fields, fit)
    elif isinstance(model, Power):
        names = ("pow_gamma", "pow_gamma_dtod", "pow_up_down", "pow_up_down_dtod")
        fields.add_pair(names, _law(fit, lambda u, phi: model.further(ground, u), may_be_log_normal=False))
    elif isinstance(model, Exponential):
        _add_amplitudes(fields, fit)
        # The position is z = 2 a w/R + b.
        fields.others.update(a=0.5, b=0.0)
    elif isinstance(model, Piecewise):
        _add_tables(fields, fit)
    _add_noise(fields, fit, write_noise=write_noise)
    _add_stuck(fields, traces)
    cells, errors = _cells(traces, fit, high, low, up, down, extra)
    residuals = np.full(traces.shape, np.nan)
    rows = np.broadcast_to(traces.cell[:, None], traces.column.shape)
    told = np.isfinite(fit.residuals)
    residuals[rows[told], traces.column[told]] = fit.residuals[told]
    return FitResult(
        model=model.name,
        device=model.device(**(fields.fitted | fields.others)),
        parameters=fields.fitted,
        std_errors=fields.errors,
        cells=cells,
        cell_std_errors=errors,
        stuck=traces.stuck,
        residuals=residuals,
        noise="additive" if fit.noise.additive else "multiplicative",
        log_likelihood=fit.log_likelihood,
        n_pulses=int(np.count_nonzero(told)),
        n_parameters=fit.u.size + fit.phi.size + 1 + int(write_noise),
    )


def _quantity(fit: CellFit, function: Callable[[Floats, Floats], Floats]) -> Quantity:
    """Return a function of the solver's u and phi, that gives (..., cells), with its errors."""
    every = np.ones(fit.u.shape, dtype=bool)
    values, own, direct = derivatives(lambda u, phi: function(u, phi)[..., None], fit.u, fit.phi, every)
    errors = np.sqrt(np.einsum("cki,cij,ckj->c", own, fit.covariance, own))
    follows = (own @ fit.follows + direct)[:, 0]
    together = np.einsum("cq,qr,cr->c", follows, fit.shared, follows)
    mean = follows.mean(axis=0)
    return Quantity(values[:, 0], errors, np.sqrt(errors**2 + together), float(mean @ fit.shared @ mean))


def _sides(fit: CellFit, function: Callable[[Floats, Floats], Floats]) -> list[Quantity]:
    """Return a quantity of both directions, (..., cells, 2), for each."""
    return [
        _quantity(fit, lambda u, phi: function(u, phi)[..., 0]),
        _quantity(fit, lambda u, phi: function(u, phi)[..., 1]),
    ]


def _law(fit: CellFit, function: Callable[[Floats, Floats], Floats], *, may_be_log_normal: bool) -> Pair:
    """Return the law of a quantity of both directions, (..., cells, 2)."""
    middle = _quantity(fit, lambda u, phi: function(u, phi).mean(axis=-1))
    difference = _quantity(fit, lambda u, phi: function(u, phi)[..., 0] - function(u, phi)[..., 1])
    return pair(middle.apart, difference.apart, may_be_log_normal=may_be_log_normal)


def _add_steps(fields: Fields, fit: CellFit) -> None:
    law = _law(fit, lambda u, phi: fit.model.scale(fit.ground, u, phi), may_be_log_normal=True)
    fields.add_pair(("dw_min", "dw_min_dtod", "up_down", "up_down_dtod"), law)
    fields.others["dw_min_dtod_log_normal"] = law.log_normal


def _add_slopes(fields: Fields, fit: CellFit) -> None:
    """Relative slopes y = -k R/s refer to the nominal bounds."""
    increasing = False
    sides = _sides(fit, lambda u, phi: -u[..., 1] / u[..., 0])
    for side, name, bound in zip(sides, ("gamma_up", "gamma_down"), ("w_max", "w_min"), strict=True):
        slope = spread(*side.apart)
        reference, error = np.abs(fields.number(bound))
        # A bound that was not reached is a unit here and no measurement.
        error = np.nan_to_num(error)
        fields.add(name, slope.mean * reference, float(np.hypot(slope.error * reference, slope.mean * error)))
        wide = float(np.hypot(slope.std_error * reference, slope.std * error))
        fields.add(f"{name}_dtod", slope.std * reference, wide)
        increasing |= slope.mean < 0
    fields.others["allow_increasing"] = bool(increasing)


def _add_amplitudes(fields: Fields, fit: CellFit) -> None:
    values, slopes = Exponential().shape(fit.phi)
    errors = np.sqrt(np.einsum("ki,ij,kj->k", slopes, fit.shared, slopes))
    for name, value, error in zip(("A_up", "gamma_up", "A_down", "gamma_down"), values, errors, strict=True):
        fields.add(name, float(value), float(error))


def _add_tables(fields: Fields, fit: CellFit) -> None:
    nodes = fit.ground.nodes
    tables = Piecewise().tables(fit.phi, nodes)
    for i, name in enumerate(("piecewise_up", "piecewise_down")):
        at = slice(i * (nodes - 1), (i + 1) * (nodes - 1))
        covariance = fit.shared[at, at]
        errors = np.sqrt([*np.diagonal(covariance), covariance.sum()])
        # Along the direction down positions count from the upper bound.
        order = slice(None, None, 1 - 2 * i)
        fields.add(name, tuple(tables[i][order].tolist()), tuple(errors[order].tolist()))


def _add_noise(fields: Fields, fit: CellFit, *, write_noise: bool) -> None:
    cycle, cycle_error = float(fit.noise.cycle), fit.noise_error[0]
    fields.add("dw_min_std", float(np.sqrt(cycle)), root_error(cycle, cycle_error))
    if fit.model.additive:
        fields.others["mult_noise"] = not fit.noise.additive
    if write_noise:
        step, error = fields.number("dw_min")
        std = float(np.sqrt(fit.written)) / step
        own = root_error(fit.written, fit.noise_error[1]) / step
        fields.add("write_noise_std", std, float(np.hypot(own, std * error / step)))


def _add_stuck(fields: Fields, traces: Traces) -> None:
    share, cells = float(traces.stuck.mean()), traces.stuck.size
    fields.add("corrupt_devices_prob", share, float(np.sqrt(share * (1 - share) / cells)) if share else np.nan)
    if share:
        fields.others["corrupt_devices_range"] = float(np.max(np.abs(traces.held[traces.stuck])))


def _cells(
    traces: Traces,
    fit: CellFit,
    high: Quantity,
    low: Quantity,
    up: Quantity,
    down: Quantity,
    extra: list[Quantity],
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return parameters and errors of all cells of the caller, stuck ones too."""
    rounding = traces.rounding
    bound_errors = [
        np.where(known, np.maximum(side.total, rounding), np.nan)
        for side, known in ((high, fit.known[:, 0]), (low, fit.known[:, 1]))
    ]
    found = {
        "max_bound": (high.values, bound_errors[0], traces.held),
        "min_bound": (-low.values, bound_errors[1], traces.held),
        "dwmin_up": (up.values, up.total, np.zeros_like(traces.held)),
        "dwmin_down": (down.values, down.total, np.zeros_like(traces.held)),
    }
    for name, side in zip(fit.model.extra, extra, strict=True):
        found[name] = (side.values, side.total, np.zeros_like(traces.held))
    values, errors = {}, {}
    for name, (value, error, stuck) in found.items():
        values[name], errors[name] = stuck.copy(), np.full(traces.stuck.size, np.nan)
        values[name][traces.cell], errors[name][traces.cell] = value, error
    if not np.all(np.isfinite(list(values.values()))):
        raise DataError(f"{fit.model.name} has no finite parameters for these traces")
    return values, errors
