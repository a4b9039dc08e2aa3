"""Copies and pickles of what holds arrays: objects of their own that go on with the same bits."""

import copy
import pickle

import numpy as np
import pytest

import dsptrack as dt
from helpers import states
from helpers.states import SHAPE, assert_same, busy_array, busy_tile
from helpers.training import make_trainer, small_digits, without_times

WAYS = [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]
DEVICE = states.noisy("soft-reference")


@pytest.mark.parametrize("again", [copy.copy, *WAYS], ids=["copy", "deepcopy", "pickle"])
def test_arrays_and_tiles(again):
    array, tile = busy_array(DEVICE), busy_tile("ERider", DEVICE)
    for thing, work in ((array, states.work), (tile, states.train)):
        other = again(thing)
        assert type(other) is type(thing)
        assert other.num_threads == thing.num_threads
        before = thing.state_dict()
        work(other, 3)
        assert_same(thing.state_dict(), before)
        work(thing, 3)
        assert_same(other.state_dict(), thing.state_dict())


@pytest.mark.parametrize("again", [copy.copy, *WAYS], ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("kind", [dt.optim.AnalogSGD, dt.optim.ERider, dt.optim.TwoStageResidual])
def test_optimizers(kind, again):
    optimizer = kind(3, dt.devices.SoftBounds(dw_min=0.01), rng=0)
    optimizer.step([0.5, -0.5, 0.1])
    other = again(optimizer)
    for each in (optimizer, other):
        each.step([0.5, -0.5, 0.1])
    assert_same(other.state_dict(), optimizer.state_dict())


class Named(dt.CrossbarArray):
    pass


def test_what_a_derived_class_adds_is_copied():
    array = Named(SHAPE, DEVICE, rng=0)
    array.name = "chip 7"
    assert copy.deepcopy(array).name == "chip 7"


def test_trainers():
    data = small_digits()
    trainer = make_trainer(1)
    trainer.fit(data, 1)
    other = copy.deepcopy(trainer)
    assert other.model.tiles == sum((layer.tiles for layer in other.model.layers), ())
    for each in (other, trainer):
        each.fit(data, 1)
    assert_same(without_times(other.state_dict()), without_times(trainer.state_dict()))


@pytest.mark.parametrize("again", WAYS, ids=["deepcopy", "pickle"])
def test_networks(again):
    rule = dt.algorithms.ERider(device=DEVICE)
    model = dt.nn.Sequential(
        dt.nn.Conv2d(1, 2, 3, rule, rng=0, bias="analog", weight_scaling_omega=0.5, max_output_size=1),
        dt.nn.Sequential(dt.nn.MaxPool2d(2), dt.nn.Flatten(), dt.nn.Dropout(0.5, rng=2)),
        dt.nn.Linear(8, 3, rule, rng=1),
    )
    x, labels = np.random.default_rng(0).random((2, 1, 6, 6), np.float32), np.array([0, 2])
    loss = dt.nn.CrossEntropyLoss()

    def step(network):
        loss.forward(network.forward(x), labels)
        network.backward(loss.backward())
        network.update(0.1)

    step(model)
    other = again(model)
    with pytest.raises(dt.StateError, match="before forward"):
        other.layers[2].backward(np.zeros((2, 3), np.float32))
    for each in (model, other):
        step(each)
    assert_same(other.state_dict(), model.state_dict())
