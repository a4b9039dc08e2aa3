"""Failed calls and states: the complete state, clocks included, is the same bit by bit around every error path.

test_errors.py knows what each bad argument must raise; this takes its cases, every rule and layer, and whole states.
"""

import numpy as np
import pytest

import dsptrack as dt
from helpers import states
from helpers.states import SHAPE, assert_unchanged
from test_errors import ARRAY_CASES, DEVICE, TILE_CASES, D, W, X

SMALL = W.shape
DEVICES = ("soft-reference", "pow", "piecewise")


@pytest.fixture(scope="module", params=DEVICES)
def array(request):
    return states.busy_array(states.noisy(request.param), SMALL)


@pytest.fixture(scope="module", params=states.RULES)
def tile(request):
    return states.busy_tile(request.param, states.noisy("soft-reference"), SMALL)


def test_arrays(array):
    """All cases on one array: a change by any of them would show in the state that the next one starts from."""
    for parameter in ARRAY_CASES:
        call, error, _ = parameter.values
        with assert_unchanged(array), pytest.raises(error):
            call(array)


def test_tiles(tile):
    for parameter in TILE_CASES:
        call, error, _ = parameter.values
        with assert_unchanged(tile), pytest.raises(error):
            call(tile)


def test_arrays_of_tiles(tile):
    """Through the live handle: neither the array, nor what the rule makes of it."""
    for name, live in tile.arrays.items():
        for parameter in ARRAY_CASES[:: 5 if name == "W" else 9]:
            call, error, _ = parameter.values
            with assert_unchanged(tile), pytest.raises(error):
                call(live)


def overflowing(tile):
    """Finite arguments whose results are not: found only when everything is computed."""
    large = np.full((2, SHAPE[1]), 3e38, np.float32)
    return [
        (lambda: tile.forward(large), dt.NonFiniteError),
        (lambda: tile.update(large, np.full((2, SHAPE[0]), np.inf), 0.1), dt.NonFiniteError),
        (lambda: tile.update(large, np.ones((2, SHAPE[0])), 1e308 * 10), dt.ConfigError),
    ]


@pytest.mark.parametrize("name", states.RULES)
def test_results_that_overflow(name):
    rule = states.rule(name, dt.devices.SoftBounds(w_max=1e3, w_min=-1e3))
    tile = dt.AnalogTile(SHAPE, rule, forward=dt.Periphery.ideal(), rng=1)
    tile.set_weights(np.full(SHAPE, 500.0))
    for call, error in overflowing(tile):
        with assert_unchanged(tile), pytest.raises(error):
            call()


def test_optimizers():
    bad = [W[:, :-1], W * np.nan, np.full(SMALL, 1e30), "x", None, [[1.0], [1.0, 2.0]]]
    for name in ("AnalogSGD", "ResidualLearning", "TwoStageResidual", "Rider", "ERider"):
        optimizer = getattr(dt.optim, name)(SMALL, DEVICE, rng=1)
        for _ in range(5):
            optimizer.step(0.1 * W)
        arrays = list(optimizer.arrays.values())
        # All that a step leaves: the arrays, and what the rule remembers.
        before = [getattr(optimizer, part, None) for part in ("weights", "average", "chopper")]
        for gradient in bad:
            with assert_unchanged(*arrays), pytest.raises(dt.DspError):
                optimizer.step(gradient)
            for part, value in zip(("weights", "average", "chopper"), before, strict=True):
                np.testing.assert_array_equal(getattr(optimizer, part, None), value)


class Whole:
    """A layer as something with a state dict of its own, for the comparison."""

    def __init__(self, layer):
        self.layer = layer

    def state_dict(self):
        return {"state": self.layer.state_dict()}


@pytest.mark.parametrize("name", ["AnalogSGD", "ERider", "ResidualLearning"])
def test_layers(name):
    rule = states.rule(name, states.noisy("soft"))
    options = {"rng": 1, "max_input_size": 2, "learn_out_scaling": True, "weight_scaling_omega": 0.3}
    layer = dt.nn.Linear(SMALL[1], SMALL[0], rule, **options)
    layer.backward(np.ones_like(layer.forward(X)))
    state = layer.state_dict()
    broken = state | {"blocks": state["blocks"] | {"1": state["blocks"]["0"]}}
    calls = [
        lambda: layer.forward(X[:, :-1]),
        lambda: layer.forward(X * np.nan),
        lambda: layer.forward(None),
        lambda: layer.backward(D[:1]),
        lambda: layer.backward(D * np.inf),
        lambda: layer.update(-1.0),
        lambda: layer.update(float("nan")),
        lambda: layer.update(1e308),  # the step of the bias is infinite
        lambda: layer.update(1j),
        lambda: layer.set_weights(W.T),
        lambda: layer.set_weights(W, bias=[np.nan, 0]),
        lambda: layer.set_weights(W * np.inf),
        lambda: layer.load_state_dict({}),
        lambda: layer.load_state_dict(state | {"more": 1}),
        lambda: layer.load_state_dict(state | {"bias": np.zeros(7)}),
        lambda: layer.load_state_dict(broken),
    ]
    for call in calls:
        with assert_unchanged(Whole(layer)), pytest.raises(dt.DspError):
            call()


@pytest.mark.parametrize("blocks", [1, 2])
def test_layers_whose_outputs_overflow(blocks):
    """Found after tiles were read: in one of several, in their sum, or in the bias."""
    rule = states.rule("ERider", dt.devices.SoftBounds(w_max=1e3, w_min=-1e3))
    options = {"forward": dt.Periphery.ideal(), "backward": dt.Periphery.ideal(), "max_input_size": 4 // blocks}
    layer = dt.nn.Linear(4, 2, rule, rng=1, **options)
    layer.set_weights(np.full((2, 4), 500.0))
    small = np.full((3, 4), 1.0, np.float32)
    layer.backward(layer.forward(small))
    for row in ([5e35] * 4, [1, 1, 1, 1e36], [4e35, 0, 4e35, 0]):
        x = small * np.array(row, np.float32)
        with assert_unchanged(Whole(layer)), pytest.raises(dt.NonFiniteError):
            layer.forward(x)
    layer.forward(small)
    with assert_unchanged(Whole(layer)), pytest.raises(dt.NonFiniteError):
        layer.backward(np.full((3, 2), 1e38, np.float32))
    layer.bias[:] = 3e38
    with assert_unchanged(Whole(layer)), pytest.raises(dt.NonFiniteError):
        layer.forward(small * np.float32(1e35))
    layer.backward(np.ones((3, 2), np.float32))  # of the pass before: the one that failed has not been


@pytest.mark.parametrize("reads", [dt.Periphery(), dt.Periphery.ideal()])
@pytest.mark.parametrize("blocks", [1, 2])
def test_inputs_of_layers_that_are_not_finite(blocks, reads):
    """The place is that in the whole input, not in a tile's part of it."""
    rule = states.rule("ERider", dt.devices.SoftBounds())
    layer = dt.nn.Linear(4, 2, rule, rng=1, forward=reads, max_input_size=4 // blocks)
    x = np.ones((3, 4), np.float32)
    layer.forward(x)
    x[1, 3] = np.nan
    with assert_unchanged(Whole(layer)), pytest.raises(dt.NonFiniteError, match="x holds NaN at flat index 7"):
        layer.forward(x)


def test_output_scales_that_overflow():
    rule = states.rule("AnalogSGD", states.noisy("soft"))
    layer = dt.nn.Linear(SMALL[1], SMALL[0], rule, learn_out_scaling=True, bias="none", rng=1)
    layer.backward(1e30 * np.ones_like(layer.forward(X)))
    with assert_unchanged(Whole(layer)), pytest.raises(dt.ConfigError, match="output scales"):
        layer.update(1e300)


def test_zero_shift_and_programs_refuse_before_the_first_pulse(array):
    for call in (
        lambda: dt.zero_shift(array, 10, scheme="up"),
        lambda: dt.zero_shift(array, 10, record_every=0),
        lambda: dt.zero_shift(array, 2**32),
        lambda: array.program(W * np.nan),
        lambda: array.program(W, tolerance=-1),
        lambda: array.program(W, read=None),
        lambda: array.trace([(5, 5)]),
        lambda: array.trace([(0, 0), (0, -1)]),
    ):
        with assert_unchanged(array), pytest.raises(dt.DspError):
            call()


@pytest.mark.parametrize("nested", [False, True])
def test_a_network_whose_last_layer_overflows(nested):
    """Its update changes no layer, neither before nor beside the faulty one, and names that."""
    rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds(dw_min=0.01))
    first, last = dt.nn.Linear(2, 2, rule, rng=0, bias="none"), dt.nn.Linear(2, 2, rule, rng=1)
    model = dt.nn.Sequential(first, dt.nn.Sequential(dt.nn.Tanh(), last) if nested else last)
    model.forward(np.ones((1, 2), np.float32))
    model.backward(np.full((1, 2), 1e10, np.float32))
    with assert_unchanged(model), pytest.raises(dt.DivergenceError, match=f"update of layer {'1, 1' if nested else 1}"):
        model.update(1e30)
