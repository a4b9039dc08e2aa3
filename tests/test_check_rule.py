"""The conformance suite of learning rules: tiles, optimizers and a rule in Python pass, and each check can fail."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.testing import LearningRule, check_rule
from helpers.build import RULES

OWN = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "own_rule.py"))["MixedPrecision"]

OPTIMIZERS = {
    "AnalogSGD": ({"alpha": 0.05}, 0.05),
    "ResidualLearning": ({"alpha": 0.05, "beta": 0.02}, None),
    "TwoStageResidual": ({"alpha": 0.05, "beta": 0.02, "n_pulses": 40}, None),
    "Rider": ({"alpha": 0.05, "beta": 0.02, "eta": 0.02}, None),
    "ERider": ({"alpha": 0.05, "beta": 0.02, "eta": 0.02, "chop_probability": 0.05}, None),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_pass(name):
    fields, rate = OPTIMIZERS[name]
    check_rule(
        lambda shape, device, seed: getattr(dt.optim, name)(shape, device, rng=seed, **fields), learning_rate=rate
    )


def test_residual_rules_without_transfer_are_digital_sgd():
    """beta = 0, gamma = 1: the visible weight moves by P alone."""

    def rule(shape, device, seed):
        return dt.optim.ERider(shape, device, alpha=0.05, beta=0.0, chop_probability=0.0, rng=seed)

    check_rule(rule, learning_rate=0.05)


# All columns in each transfer, and rates that solve the quadratic before the steps are used up
TILES = {
    "AnalogSGD": {},
    "TikiTaka": {"fast_lr": 0.1, "scale_fast_lr": False, "transfer_lr": 0.02, "scale_transfer_lr": False, "gamma": 0.5},
    "TikiTakaV2": {"fast_lr": 0.1, "transfer_lr": 0.1, "scale_transfer_lr": False, "gamma": 0.5},
    # A flip turns P's share of the visible weights round: P must be back, 31 pulses a vector, long before the next one
    "ChoppedTikiTaka": {
        "fast_lr": 0.1,
        "transfer_lr": 5.0,
        "scale_transfer_lr": False,
        "gamma": 2.0,
        "chop_probability": 0.02,
    },
    "AGAD": {"fast_lr": 0.1, "transfer_lr": 5.0, "scale_transfer_lr": False},
    "ResidualLearning": {"fast_lr": 0.1, "transfer_lr": 5.0, "calibration_pulses": 20},
    "Rider": {"fast_lr": 0.01, "transfer_lr": 5.0},
    "ERider": {"fast_lr": 0.1, "transfer_lr": 5.0},
}


def test_all_rules_are_here():
    assert set(TILES) == set(RULES)
    assert set(OPTIMIZERS) == set(dt.optim.__all__) - {"Optimizer"}


@pytest.mark.parametrize("name", TILES)
def test_tiles_pass(name):
    def rule(shape, device, seed):
        transfer = {"transfer_read": dt.Periphery.ideal(), "columns_per_transfer": shape[1]} if TILES[name] else {}
        config = getattr(dt.algorithms, name)(device=device, **transfer, **TILES[name])
        return dt.AnalogTile(shape, config, rng=seed)

    check_rule(rule, steps=2000)


def own(shape, device, seed, kind=OWN):
    return kind(shape, device, rate=0.05, rng=seed)


@pytest.mark.parametrize("shape", [(1, 1), (5, 2)])
def test_a_rule_in_python_passes(shape):
    check_rule(own, shape=shape, learning_rate=0.05)
    rule: LearningRule = own((1, 1), dt.devices.SoftBounds(), 0)
    assert rule.weights.shape == (1, 1)


# Each check can fail


class Live(OWN):
    """Gives its weights away."""

    def __init__(self, *arguments, **fields):
        super().__init__(*arguments, **fields)
        self.shown = self.array.weights

    weights = property(lambda self: self.shown)


class Double(OWN):
    weights = property(lambda self: self.array.weights.astype(np.float64))


class Nameless(OWN):
    ledger = property(lambda self: {})


class Tolerant(OWN):
    """Takes what it cannot use for nothing."""

    def step(self, gradient):
        if np.all(np.isfinite(gradient)):
            super().step(gradient)


class Hasty(OWN):
    """Changes its buffer before it knows."""

    def step(self, gradient):
        self.array.pulse(+1)
        super().step(gradient)


class Unseeded(OWN):
    def __init__(self, shape, device, *, rate, rng):
        super().__init__(shape, device, rate=rate, rng=None)


class Fixed(OWN):
    def __init__(self, shape, device, *, rate, rng):
        super().__init__(shape, device, rate=rate, rng=0)


class Drifting(OWN):
    def step(self, gradient):
        super().step(np.asarray(gradient) + 0.1)


class Ascending(OWN):
    def step(self, gradient):
        super().step(-np.asarray(gradient))


class Faster(OWN):
    def step(self, gradient):
        super().step(1.5 * np.asarray(gradient))


class Cheap(OWN):
    """Forgets its down pulses."""

    ledger = property(lambda self: {"W": self.array.ledger | {"pulses_down": 0}})


class Free(OWN):
    """Rewrites a reference without paying."""

    sp_estimate = property(lambda self: self.array.weights)
    ledger = property(lambda self: {"W": self.array.ledger, "reference": {"programming_events": 0}})


class Forgetful(OWN):
    """Leaves its buffer out of the snapshot."""

    def state_dict(self):
        return self.array

    @classmethod
    def from_state_dict(cls, state):
        copy = cls(state.shape, state.device, rate=0.05, rng=0)
        copy.array.set_weights(state.weights)
        return copy


LIARS = [
    (Live, "weights must be a copy"),
    (Double, "weights must be float32"),
    (Nameless, "the ledger must list every array: no W"),
    (Tolerant, "must raise a ValueError: nothing raised"),
    (Hasty, "a step that raises must change nothing"),
    (Unseeded, "a step that raises must change nothing|equal seeds must give equal bits"),
    (Fixed, "another seed must give other bits"),
    (Drifting, "a zero gradient must leave the weights of ideal cells alone"),
    (Ascending, "must reach the optimum of a quadratic within 0.02: .* away after 1500 steps"),
    (Faster, "must go digital SGD's way with rate 0.05: .* away after"),
    (Cheap, "the ledger must count every pulse: W pulses_down: 0, not"),
    (Free, "every change of the reference must be a programming event"),
    (Forgetful, "a run resumed from a snapshot must give the bits"),
]


@pytest.mark.parametrize(("liar", "words"), LIARS, ids=lambda value: getattr(value, "__name__", None))
def test_lies_are_found(liar, words):
    with pytest.raises(AssertionError, match=words):
        check_rule(lambda *arguments: own(*arguments, kind=liar), learning_rate=0.05)


@pytest.mark.parametrize(
    ("field", "value"),
    [("shape", 3), ("seed", -1), ("steps", 0), ("learning_rate", -1.0), ("tolerance", 0.0), ("lr", -0.1)],
)
def test_arguments(field, value):
    with pytest.raises(dt.ConfigError, match=field):
        check_rule(own, **{field: value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ledger": property(lambda self: {"W": {}})}, "count every array's pulses: no pulses_up of W"),
        ({"ledger": property(lambda self: self.rule.ledger | {"reference": {}})}, "no sp_estimate"),
        ({"ledger": None}, "weights, arrays and a ledger: no ledger"),
        ({"step": None}, r"step\(gradient\) or update\(x, d, lr\): neither"),
        ({"from_state_dict": None}, "must have from_state_dict: none"),
    ],
)
def test_what_is_missing_is_said(change, words):
    class Part:
        """An optimizer behind the protocol, with some of it replaced or (None) left out."""

        def __init__(self, rule):
            self.rule = rule

    whole = {name: property(lambda self, name=name: getattr(self.rule, name)) for name in ("weights", "arrays")}
    whole["ledger"] = property(lambda self: dict(self.rule.ledger))
    for name in ("step", "state_dict"):
        whole[name] = lambda self, *arguments, name=name: getattr(self.rule, name)(*arguments)
    whole["from_state_dict"] = classmethod(lambda cls, state: cls(dt.optim.AnalogSGD.from_state_dict(state)))
    for name, value in (whole | change).items():
        if value is not None:
            setattr(Part, name, value)

    def factory(shape, device, seed):
        return Part(dt.optim.AnalogSGD(shape, device, alpha=0.05, rng=seed))

    with pytest.raises(AssertionError, match=words):
        check_rule(factory, learning_rate=0.05)
