"""Training and use, and states of layers: handed out, taken up, refused."""

import numpy as np
import pytest

import dsptrack as dt
from helpers.ideal import linear


def batch(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def test_training_and_use():
    inner = dt.nn.Sequential(dt.nn.Dropout(rng=0), dt.nn.Tanh())
    model = dt.nn.Sequential(inner, dt.nn.Dropout(rng=0))
    everything = [model, inner, *inner.layers, model.layers[1]]
    assert all(layer.training for layer in everything)
    model.eval()
    assert not any(layer.training for layer in everything)
    model.train()
    assert all(layer.training for layer in everything)


def test_the_trainer_sets_the_mode():
    """Dropout while training, none in the test: the accuracy is that of the whole network."""
    modes = []

    class Watch(dt.nn.Tanh):
        def forward(self, x):
            modes.append((self.training, len(x)))
            return super().forward(x)

    x, y = np.zeros((6, 2), np.float32), np.zeros(6, np.int64)
    data = dt.datasets.Dataset(x, y, x[:5], y[:5], "zeros", "")
    model = dt.nn.Sequential(linear(2, 2), Watch())
    dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, batch_size=6, rng=0).fit(data, 2, progress=False)
    assert modes == [(True, 6), (False, 5)] * 2


def test_digital_states(rng):
    x = batch(rng, 5, 6)
    model = dt.nn.Sequential(dt.nn.Dropout(rng=0), dt.nn.Tanh(), dt.nn.Dropout(rng=1))
    model.forward(x)
    state = model.state_dict()
    assert list(state) == ["0", "1", "2"]
    assert state["1"] == {}
    first = model.forward(x)
    other = dt.nn.Sequential(dt.nn.Dropout(rng=7), dt.nn.Tanh(), dt.nn.Dropout(rng=8))
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.forward(x), first)
    model.load_state_dict(state)
    np.testing.assert_array_equal(model.forward(x), first)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("2"),
        lambda state: state.update({"3": {}}),
        lambda state: state.update({"1": {"bias": 0.0}}),
        lambda state: state.update({"2": {}}),
        lambda state: state.update({"2": None}),
        lambda state: state.update({"2": {"rng": {"bit_generator": "MT19937"}}}),
        lambda state: state.update({"2": {"rng": 1}}),
    ],
)
def test_a_wrong_state_changes_nothing(change, rng):
    x = batch(rng, 5, 6)
    model = dt.nn.Sequential(dt.nn.Dropout(rng=0), dt.nn.Tanh(), dt.nn.Dropout(rng=1))
    before = model.state_dict()
    model.forward(x)
    wrong = model.state_dict()
    change(wrong)
    model.load_state_dict(before)
    with pytest.raises(dt.StateError, match="state of"):
        model.load_state_dict(wrong)
    assert model.state_dict() == before


def test_analog_states(rng):
    """A network goes on from a state bit by bit; one bad entry leaves it as it was."""
    options = {"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True, "learn_out_scaling": True}
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(), chop_probability=0.5)

    def make(seed):
        return dt.nn.lenet5(rule, image_shape=(1, 16, 16), rng=seed, **options)

    def train(model, steps):
        loss, data = dt.nn.CrossEntropyLoss(), np.random.default_rng(3)
        for _ in range(steps):
            loss.forward(model.forward(data.random((2, 256), np.float32)), data.integers(0, 10, 2))
            model.backward(loss.backward())
            model.update(0.05)

    def bits(model):
        layers = [layer for layer in model.layers if layer.tiles]
        return [array.tobytes() for layer in layers for array in (layer.weights, layer.bias)]

    model, other = make(0), make(1)
    train(model, 3)
    state = model.state_dict()
    at_state = bits(model)
    other.load_state_dict(state)
    assert bits(other) == at_state
    train(model, 3)
    train(other, 3)
    assert bits(other) == bits(model) != at_state
    now = bits(model)
    state["10"]["blocks"]["0"]["gain"] = float("nan")
    with pytest.raises(dt.ConfigError, match="gain"):
        model.load_state_dict(state)
    assert bits(model) == now
