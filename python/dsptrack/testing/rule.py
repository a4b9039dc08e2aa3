"""What must hold for every learning rule: a tile, an optimizer, or one of your own over crossbar arrays."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dsptrack import _checks
from dsptrack.array import CrossbarArray
from dsptrack.devices import ConstantStep, Device, SoftBoundsReference

Floats = NDArray[np.float32]

# Cells that realise every increment up to a pulse of 2^-12: equal, symmetric, without noise, far bounds.
_IDEAL = ConstantStep(dw_min=2.0**-12, w_max=4.0, w_min=-4.0).nominal()
# Cells as they are: all unlike, soft, asymmetric, noisy, with symmetric points away from 0.
_REAL = SoftBoundsReference(dw_min=0.01, up_down=0.1, reference_mean=0.2, reference_std=0.1)


class LearningRule(Protocol):
    """What `check_rule` asks of a rule; it also needs ``step(gradient)``, or ``update(x, d, lr)`` as `AnalogTile` has.

    ``state_dict()`` and a class method ``from_state_dict(state)`` are checked where a rule has them.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule: LearningRule = dt.optim.AnalogSGD((2, 3), dt.devices.SoftBounds(), rng=0)
    """

    @property
    def weights(self) -> Floats:
        """A copy of the weights at which the gradient is wanted, float32 (M, N)."""

    @property
    def arrays(self) -> Mapping[str, CrossbarArray]:
        """The arrays, live, by name."""

    @property
    def ledger(self) -> Mapping[str, Mapping[str, int]]:
        """What was spent: of every array by its name, and programming events of a reference as ``reference``."""


Factory = Callable[[tuple[int, int], Device, int], Any]


def check_rule(
    factory: Factory,
    *,
    shape: tuple[int, int] = (3, 4),
    seed: int = 0,
    lr: float = 0.05,
    steps: int = 1500,
    learning_rate: float | None = None,
    tolerance: float = 0.02,
) -> None:
    """Check that a learning rule does what the rest of the package relies on.

    On small arrays, ideal ones and realistic ones:

    * shapes: ``weights`` are a float32 copy of the wanted shape, and all arrays have it too;
    * errors: a gradient of another shape or with NaN raises a ValueError and changes nothing;
    * equal seeds give equal bits, other seeds others;
    * a zero gradient leaves the weights of ideal cells alone;
    * on ideal cells it does what digital SGD does: it reaches the optimum of a quadratic and, with a `learning_rate`,
      takes digital SGD's way W <- W - learning_rate gradient, up to a few pulses a cell;
    * the ledger counts every pulse that a pulse-level trace sees, and every change of a reference as programmed;
    * a run resumed from a snapshot gives the bits of an uninterrupted one, where the rule has ``state_dict``.

    Parameters
    ----------
    factory
        ``factory(shape, device, seed)`` makes the rule, with its arrays of `device` cells, at weights 0.
    shape
        (M, N) of the arrays.
    seed
        Of the rule and of the gradients, >= 0.
    lr
        Global rate for a rule that has ``update(x, d, lr)``, >= 0.
    steps
        Steps in which the quadratic must be solved, >= 1.
    learning_rate
        Rate of the digital SGD that the rule equals on ideal cells, > 0; None where it takes another way.
    tolerance
        Largest error of a weight at the optimum, > 0; the optimum lies within +-0.25.

    Raises
    ------
    AssertionError
        With the first sentence that does not hold.
    ConfigError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> import dsptrack as dt
    >>> def rule(shape, device, seed):
    ...     return dt.optim.AnalogSGD(shape, device, alpha=0.05, rng=seed)
    >>> check_rule(rule, learning_rate=0.05)
    >>> check_rule(rule, learning_rate=0.06)
    Traceback (most recent call last):
    AssertionError: on ideal cells the rule must go digital SGD's way with rate 0.06: 0.00486 away after 2 steps
    """
    run = _Run(factory, _checks.shape(shape), _checks.whole("seed", seed, 0), _checks.number("lr", lr, low=0.0))
    steps = _checks.whole("steps", steps, 1)
    rate = None if learning_rate is None else _checks.number("learning_rate", learning_rate, above=0.0)
    tolerance = _checks.number("tolerance", tolerance, above=0.0)
    _shapes(run)
    _errors(run)
    _seeds(run)
    _no_drift(run)
    _optimum(run, steps, tolerance)
    if rate is not None:
        _digital(run, rate)
    _account(run)
    _resume(run)


class _Run:
    """A factory with the gradients to drive its rules by."""

    def __init__(self, factory: Factory, shape: tuple[int, int], seed: int, lr: float) -> None:
        self.factory, self.shape, self.seed, self.lr = factory, shape, seed, lr

    def rule(self, device: Device, seed: int | None = None) -> Any:
        return self.factory(self.shape, device, self.seed if seed is None else seed)

    def step(self, rule: Any, gradient: Floats) -> None:
        """Take one step; a tile sees the gradient as the product d^T x with the unit vectors x."""
        if hasattr(rule, "step"):
            rule.step(gradient)
        else:
            rule.update(np.eye(gradient.shape[1], dtype=np.float32), np.ascontiguousarray(gradient.T), self.lr)

    def gradients(self, count: int) -> Floats:
        rng = np.random.default_rng(self.seed)
        return rng.uniform(-1, 1, (count, *self.shape)).astype(np.float32)

    def target(self) -> Floats:
        rng = np.random.default_rng(self.seed + 1)
        return rng.uniform(-0.25, 0.25, self.shape).astype(np.float32)


def _require(holds: object, sentence: str, found: str) -> None:
    if not holds:
        raise AssertionError(f"{sentence}: {found}")


def _shapes(run: _Run) -> None:
    rule = run.rule(_REAL)
    for name in ("weights", "arrays", "ledger"):
        _require(hasattr(rule, name), "a rule must have weights, arrays and a ledger", f"no {name}")
    steps = hasattr(rule, "step") or hasattr(rule, "update")
    _require(steps, "a rule must have step(gradient) or update(x, d, lr)", "neither")
    weights = rule.weights
    found = f"{weights.dtype} {weights.shape}"
    _require(weights.dtype == np.float32 and weights.shape == run.shape, f"weights must be float32 {run.shape}", found)
    weights[...] = 7.0
    _require(not np.any(rule.weights == 7.0), "weights must be a copy", "writing to them changed the rule")
    _require(rule.arrays, "a rule must have arrays", "none")
    for name, array in rule.arrays.items():
        _require(
            isinstance(array, CrossbarArray), "arrays must be CrossbarArrays", f"{name} is a {type(array).__name__}"
        )
        _require(array.shape == run.shape, f"arrays must have shape {run.shape}", f"{name} has {array.shape}")
        _require(name in rule.ledger, "the ledger must list every array", f"no {name}")
        for field in ("pulses_up", "pulses_down"):
            _require(field in rule.ledger[name], "the ledger must count every array's pulses", f"no {field} of {name}")
    if "reference" in rule.ledger:
        sentence = "a rule with a reference must have sp_estimate and count its programming_events"
        _require(hasattr(rule, "sp_estimate"), sentence, "no sp_estimate")
        _require("programming_events" in rule.ledger["reference"], sentence, "no programming_events")


def _errors(run: _Run) -> None:
    rows, columns = run.shape
    for bad in (np.zeros((rows + 1, columns), np.float32), np.full(run.shape, np.nan, np.float32)):
        rule, again = run.rule(_REAL), run.rule(_REAL)
        try:
            run.step(rule, bad)
        except ValueError:  # ShapeError and NonFiniteError are of this kind
            pass
        else:
            _require(False, f"a gradient {bad.shape} that holds {bad[0, 0]} must raise a ValueError", "nothing raised")
        for gradient in run.gradients(3):
            run.step(rule, gradient)
            run.step(again, gradient)
        unchanged = np.array_equal(rule.weights, again.weights) and rule.ledger == again.ledger
        _require(unchanged, "a step that raises must change nothing", "other bits afterwards")


def _seeds(run: _Run) -> None:
    results = []
    for seed in (run.seed, run.seed, run.seed + 1):
        rule = run.rule(_REAL, seed)
        for gradient in run.gradients(20):
            run.step(rule, gradient)
        results.append(np.stack([array.weights for array in rule.arrays.values()] + [rule.weights]))
    first, second, other = results
    _require(np.array_equal(first, second), "equal seeds must give equal bits", "they do not")
    # Not array by array: one that a rule never pulses may start alike in all cells.
    _require(not np.array_equal(first, other), "another seed must give other bits", "the same")


def _no_drift(run: _Run) -> None:
    rule = run.rule(_IDEAL)
    before, still = rule.weights, np.zeros(run.shape, np.float32)
    for _ in range(100):
        run.step(rule, still)
    moved = float(np.abs(rule.weights - before).max())
    _require(moved == 0, "a zero gradient must leave the weights of ideal cells alone", f"one moved by {moved:.3g}")


def _optimum(run: _Run, steps: int, tolerance: float) -> None:
    rule, target = run.rule(_IDEAL), run.target()
    error = np.inf
    for _ in range(steps):
        error = np.abs(rule.weights - target).max()
        run.step(rule, rule.weights - target)
    sentence = f"on ideal cells the rule must reach the optimum of a quadratic within {tolerance:g}"
    _require(error <= tolerance, sentence, f"{error:.3g} away after {steps} steps")


def _digital(run: _Run, learning_rate: float) -> None:
    rule, target = run.rule(_IDEAL), run.target()
    digital = rule.weights.astype(np.float64)
    # Roundings to whole pulses decay with the error, so they add up to a few.
    allowed = 4 * _IDEAL.dw_min / min(1.0, learning_rate) ** 0.5
    for k in range(200):
        run.step(rule, rule.weights - target)
        digital -= learning_rate * (digital - target)
        away = float(np.abs(rule.weights - digital).max())
        sentence = f"on ideal cells the rule must go digital SGD's way with rate {learning_rate:g}"
        _require(away <= allowed, sentence, f"{away:.3g} away after {k + 1} steps")


def _account(run: _Run) -> None:
    rule = run.rule(_REAL)
    rows, columns = run.shape
    for array in rule.arrays.values():
        array.trace([(i, j) for i in range(rows) for j in range(columns)])
    start = {name: dict(entry) for name, entry in rule.ledger.items()}
    changed = 0
    reference = _reference(rule)
    for gradient in run.gradients(300):
        run.step(rule, gradient)
        if reference is not None:
            now = _reference(rule)
            changed += int(np.count_nonzero(now != reference))
            reference = now
    for name, array in rule.arrays.items():
        polarity = array.traces()["polarity"]
        for field, sign in (("pulses_up", 1), ("pulses_down", -1)):
            counted, traced = rule.ledger[name][field] - start[name][field], int(np.sum(polarity == sign))
            _require(counted == traced, "the ledger must count every pulse", f"{name} {field}: {counted}, not {traced}")
    if reference is not None:
        counted = rule.ledger["reference"]["programming_events"] - start["reference"]["programming_events"]
        sentence = "every change of the reference must be a programming event"
        _require(counted >= changed, sentence, f"{changed} cells changed, {counted} counted")


def _reference(rule: Any) -> Floats | None:
    """Return the programmed reference Q~, where there is one."""
    return np.array(rule.sp_estimate) if "reference" in rule.ledger else None


def _resume(run: _Run) -> None:
    rule = run.rule(_REAL)
    if not hasattr(rule, "state_dict"):
        return
    _require(hasattr(rule, "from_state_dict"), "a rule with state_dict must have from_state_dict", "none")
    first, second = np.split(run.gradients(20), 2)
    for gradient in first:
        run.step(rule, gradient)
    resumed = type(rule).from_state_dict(rule.state_dict())
    for gradient in second:
        run.step(rule, gradient)
        run.step(resumed, gradient)
    same = np.array_equal(rule.weights, resumed.weights) and rule.ledger == resumed.ledger
    _require(same, "a run resumed from a snapshot must give the bits of an uninterrupted one", "it does not")
