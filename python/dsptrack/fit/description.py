"""From fitted cells to a device: the parameters of every cell, then fields of the population with their errors."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsptrack.exceptions import DataError

from .likelihood import CellFit
from .models import Exponential, Linear, Piecewise, Power
from .population import Pair, bounded, pair, root_error, spread
from .results import FitResult, Value
from .traces import Traces

Floats = NDArray[np.float64]

_STEP = 1e-6


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
    high, low = (_quantity(fit, lambda u, i=i: model.bound(ground, u)[..., i]) for i in (0, 1))
    up, down = (_quantity(fit, lambda u, i=i: model.scale(ground, u)[..., i]) for i in (0, 1))
    fields = Fields()
    for name, side, sign, known in (("w_max", high, 1, fit.known[:, 0]), ("w_min", low, -1, fit.known[:, 1])):
        bound = bounded(side.values, side.errors, known)
        relative = bound.std / bound.mean
        fields.add(name, sign * bound.mean, bound.error)
        fields.add(f"{name}_dtod", relative, float(np.hypot(bound.std_error, relative * bound.error) / bound.mean))
    _add_steps(fields, fit)
    extra = [_quantity(fit, lambda u, i=i: model.further(ground, u)[..., i]) for i in (0, 1)] if model.extra else []
    if isinstance(model, Linear):
        _add_slopes(fields, fit)
    elif isinstance(model, Power):
        names = ("pow_gamma", "pow_gamma_dtod", "pow_up_down", "pow_up_down_dtod")
        fields.add_pair(names, _law(fit, lambda u: model.further(ground, u), may_be_log_normal=False))
    elif isinstance(model, Exponential):
        for k, name in enumerate(("A_up", "gamma_up", "A_down", "gamma_down")):
            fields.add(name, float(fit.phi[k]), float(np.sqrt(shared[k])))
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


def _quantity(fit: CellFit, function: Callable[[Floats], Floats]) -> Quantity:
    """Return a function of a cell's solver parameters, (..., cells, 2, size) to (..., cells), with its errors."""
    cells, own = fit.u.shape[0], fit.u[0].size
    steps = _STEP * (np.abs(fit.u.reshape(cells, own)) + 1e-3)
    many = np.repeat(fit.u.reshape(1, cells, own), 1 + own, axis=0)
    for k in range(own):
        many[1 + k, :, k] += steps[:, k]
    values = function(many.reshape(1 + own, *fit.u.shape))
    slopes = np.moveaxis(values[1:] - values[0], 0, 1) / steps
    errors = np.sqrt(np.einsum("ci,cij,cj->c", slopes, fit.covariance, slopes))
    follows = np.einsum("ci,ciq->cq", slopes, fit.follows)
    together = np.einsum("cq,qr,cr->c", follows, fit.shared, follows)
    mean = follows.mean(axis=0)
    return Quantity(values[0], errors, np.sqrt(errors**2 + together), float(mean @ fit.shared @ mean))


def _law(fit: CellFit, function: Callable[[Floats], Floats], *, may_be_log_normal: bool) -> Pair:
    """Return the law of a quantity of both directions, (..., cells, 2)."""
    middle = _quantity(fit, lambda u: function(u).mean(axis=-1))
    difference = _quantity(fit, lambda u: function(u)[..., 0] - function(u)[..., 1])
    return pair(middle.apart, difference.apart, may_be_log_normal=may_be_log_normal)


def _add_steps(fields: Fields, fit: CellFit) -> None:
    law = _law(fit, lambda u: fit.model.scale(fit.ground, u), may_be_log_normal=True)
    fields.add_pair(("dw_min", "dw_min_dtod", "up_down", "up_down_dtod"), law)
    fields.others["dw_min_dtod_log_normal"] = law.log_normal


def _add_slopes(fields: Fields, fit: CellFit) -> None:
    """Relative slopes y = -k R/s refer to the nominal bounds."""
    increasing = False
    for i, (name, bound) in enumerate((("gamma_up", "w_max"), ("gamma_down", "w_min"))):
        slope = spread(*_quantity(fit, lambda u, i=i: -u[..., i, 1] / u[..., i, 0]).apart)  # type: ignore[misc]
        reference, error = abs(float(fields.fitted[bound])), float(np.nan_to_num(fields.errors[bound]))  # type: ignore[arg-type]
        fields.add(name, slope.mean * reference, float(np.hypot(slope.error * reference, slope.mean * error)))
        fields.add(f"{name}_dtod", slope.std * reference, float(np.hypot(slope.std_error * reference, slope.std * error)))
        increasing |= slope.mean < 0
    fields.others["allow_increasing"] = bool(increasing)


def _add_tables(fields: Fields, fit: CellFit) -> None:
    nodes = fit.ground.nodes
    tables = fit.model.tables(fit.phi, nodes)  # type: ignore[attr-defined]
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
        step, error = float(fields.fitted["dw_min"]), float(fields.errors["dw_min"])  # type: ignore[arg-type]
        square = max(float(fit.noise.read), 0.0)
        std = float(np.sqrt(square)) / step
        own = root_error(square, fit.noise_error[1]) / step
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
