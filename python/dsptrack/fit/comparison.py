"""Several models on the same traces, ranked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike

from dsptrack import _checks
from dsptrack.exceptions import ConfigError, DataError

from .fitting import MODELS, Options, fitted, response
from .results import FitResult


@dataclass(frozen=True, eq=False, slots=True)
class FitComparison:
    """Models ranked by an information criterion.

    Attributes
    ----------
    criterion
        ``"aic"`` or ``"bic"``.
    results
        The fits, the best first: that with the smallest criterion.
    failures
        Models that do not fit these traces, and why.

    Examples
    --------
    >>> import dsptrack as dt
    >>> polarity, reads = [1] * 20 + [-1] * 20, [0.0]
    >>> for sign in polarity:
    ...     reads.append(reads[-1] + 0.1 * (sign - reads[-1]))
    >>> dt.fit.compare_models(polarity, reads, models=["constant_step", "soft_bounds"]).best.model
    'soft_bounds'
    """

    criterion: str
    results: tuple[FitResult, ...]
    failures: Mapping[str, str]

    @property
    def best(self) -> FitResult:
        """The first of the results."""
        return self.results[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the best result, and the ranking of all, as a dict that JSON can hold.

        Examples
        --------
        >>> import dsptrack as dt
        >>> polarity, reads = [1] * 20 + [-1] * 20, [0.0]
        >>> for sign in polarity:
        ...     reads.append(reads[-1] + 0.1 * (sign - reads[-1]))
        >>> dt.fit.compare_models(polarity, reads, models=["soft_bounds"]).to_dict()["ranking"][0]["model"]
        'soft_bounds'
        """
        keys = ("model", "noise", "aic", "bic", "log_likelihood", "n_parameters", "n_pulses")
        ranking = [{key: getattr(result, key) for key in keys} for result in self.results]
        return self.best.to_dict() | {
            "criterion": self.criterion,
            "ranking": ranking,
            "failures": dict(self.failures),
        }


def compare_models(
    polarity: ArrayLike,
    conductance: ArrayLike,
    models: Sequence[str] = MODELS,
    *,
    criterion: Literal["aic", "bic"] = "bic",
    **options: Any,
) -> FitComparison:
    """Fit several models to the same traces and rank them.

        AIC = 2 k - 2 ln L,  BIC = k ln(n) - 2 ln L

    with the likelihood L of the same n pulses and k parameters: those of every cell, of the shape and of the noise.

    Parameters
    ----------
    polarity, conductance
        As in `device_from_pulses`.
    models
        Names of models, at least one.
    criterion
        What ranks.
    **options
        Other arguments of `device_from_pulses`.

    Returns
    -------
    FitComparison
        All fits, the best first, and what kept other models from fitting.

    Raises
    ------
    ConfigError, ShapeError, NonFiniteError
        As in `device_from_pulses`.
    DataError
        If no model fits.

    Examples
    --------
    >>> import dsptrack as dt
    >>> polarity, reads = [1] * 20 + [-1] * 20, [0.0]
    >>> for sign in polarity:
    ...     reads.append(reads[-1] + 0.1 * (sign - reads[-1]))
    >>> ranked = compare_models(polarity, reads, models=["constant_step", "soft_bounds"])
    >>> [result.model for result in ranked.results]
    ['soft_bounds', 'constant_step']
    """
    names = list(models) if not isinstance(models, str) else [models]
    if not names:
        raise ConfigError("models is empty: must name at least one model")
    chosen = [response(name) for name in names]
    _checks.choice("criterion", criterion, ("aic", "bic"))
    asked = Options.checked(**options)
    traces = asked.traces(polarity, conductance)
    results, failures = [], {}
    for model in chosen:
        try:
            results.append(fitted(traces, model, asked))
        except (ConfigError, DataError) as error:
            failures[model.name] = str(error)
    if not results:
        raise DataError(f"no model fits: {'; '.join(f'{name}: {why}' for name, why in failures.items())}")
    return FitComparison(
        criterion, tuple(sorted(results, key=lambda result: float(getattr(result, criterion)))), failures
    )
