"""A checkpoint is taken up by the network and the trainer that it belongs to, and by no other."""

import numpy as np
import pytest

import dsptrack as dt
from helpers.training import assert_same, small_digits

RULE = dt.algorithms.AnalogSGD(device=dt.presets.idealized())


def trainer(*layers, loss=None, **options):
    loss = dt.nn.CrossEntropyLoss() if loss is None else loss
    return dt.nn.Trainer(dt.nn.Sequential(*layers), loss, lr=0.1, **({"rng": 0} | options))


def linear(**options):
    return dt.nn.Linear(4, 3, RULE, rng=0, **options)


def conv(**options):
    return dt.nn.Conv2d(1, 2, 2, RULE, rng=0, **options)


@pytest.mark.parametrize(
    ("written", "own", "message"),
    [
        ([linear(), dt.nn.Tanh()], [linear(), dt.nn.Sigmoid()], "layer 1 = 'Sigmoid': the state belongs to 'Tanh'"),
        ([dt.nn.Dropout(0.2)], [dt.nn.Dropout(0.7)], r"layer 0, Dropout: p = 0\.7.* 0\.2"),
        ([linear()], [linear(error_scale="sum")], "layer 0, Linear: error_scale = 'sum'.* 'mean'"),
        ([linear()], [linear(learn_out_scaling=True)], "layer 0, Linear: learn_out_scaling = True.* False"),
        ([conv()], [conv(stride=2)], r"layer 0, Conv2d: stride = \[2, 2\].* \[1, 1\]"),
        ([conv()], [conv(padding=(0, 1))], "layer 0, Conv2d: padding = "),
        ([dt.nn.MaxPool2d(2)], [dt.nn.MaxPool2d(2, 1)], "layer 0, MaxPool2d: stride = "),
        ([dt.nn.MaxPool2d(2)], [dt.nn.AvgPool2d(2)], "layer 0 = 'AvgPool2d'"),
        ([dt.nn.Tanh(), dt.nn.Tanh()], [dt.nn.Tanh()], "number of layers = 1"),
        (
            [dt.nn.Sequential(dt.nn.Reshape(2, 2))],
            [dt.nn.Sequential(dt.nn.Reshape(4, 1))],
            "layer 0, Sequential: layer 0, Reshape: shape = ",
        ),
    ],
)
def test_another_network_is_refused(written, own, message, tmp_path):
    trainer(*written).save(tmp_path / "run.safetensors")
    other = trainer(*own)
    before = other.state_dict()
    with pytest.raises(dt.StateError, match=message):
        other.resume(tmp_path / "run.safetensors")
    assert_same(other.state_dict(), before)
    trainer(*written).resume(tmp_path / "run.safetensors")


def test_another_loss_is_refused():
    state = trainer(linear()).state_dict()
    with pytest.raises(dt.StateError, match="loss = 'NLLLoss': the state belongs to 'CrossEntropyLoss'"):
        trainer(linear(), loss=dt.nn.NLLLoss()).load_state_dict(state)


def test_older_states_say_nothing_of_the_network():
    state = trainer(linear()).state_dict()
    del state["network"]
    trainer(linear()).load_state_dict(state)


def test_another_seed_is_refused():
    state = trainer(linear()).state_dict()
    for seed in (1, np.random.SeedSequence(1)):
        with pytest.raises(dt.StateError, match=r"(?s)rng = .*another seed"):
            trainer(linear(), rng=seed).load_state_dict(state)
    for same in (0, np.random.SeedSequence(0), None, np.random.default_rng(5)):
        again = trainer(linear(), rng=same)
        again.load_state_dict(state)
        assert again.state_dict()["order"] == state["order"]


class Scale(dt.nn.Layer):
    """One learned factor; only public methods are overridden."""

    def __init__(self, limit=10.0):
        self.factor, self.limit = 1.0, limit

    def forward(self, x):
        self.x = x
        return x * np.float32(self.factor)

    def backward(self, grad):
        self.slope = float((grad * self.x).sum())
        return grad * np.float32(self.factor)

    def update(self, lr):
        self.factor = min(self.factor - lr * self.slope, self.limit)

    def options(self):
        return {"limit": self.limit}

    def state_dict(self):
        return {"factor": self.factor}

    def load_state_dict(self, state):
        if not isinstance(state["factor"], float):
            raise dt.StateError("factor: must be a float")
        self.factor = state["factor"]


def test_a_layer_of_ones_own_is_saved_and_resumed(tmp_path):
    def scaled(limit=10.0):
        inner = dt.nn.Sequential(Scale(limit), dt.nn.Tanh())
        return trainer(inner, dt.nn.Linear(64, 10, RULE, rng=0))

    path = tmp_path / "run.safetensors"
    first = scaled()
    first.fit(small_digits(), 1, checkpoint=path)
    assert first.model.layers[0].layers[0].factor != 1.0
    again = scaled()
    again.resume(path)
    assert_same(again.model.state_dict(), first.model.state_dict())
    with pytest.raises(dt.StateError, match=r"layer 0, Sequential: layer 0, Scale: limit = 5\.0"):
        scaled(5.0).resume(path)

    broken = again.model.state_dict()
    broken["1"]["blocks"] = None
    broken["0"]["0"]["factor"] = 3.0
    with pytest.raises(dt.StateError):
        again.model.load_state_dict(broken)
    assert_same(again.model.state_dict(), first.model.state_dict())
