"""What networks, trainers, trackers and pictures are given in place of what they take; failed calls write nothing."""

import copy

import numpy as np
import pytest

import dsptrack as dt

RULE = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds(dw_min=0.01))
LOSS = dt.nn.CrossEntropyLoss()


def network(**options):
    return dt.nn.Sequential(dt.nn.Linear(6, 4, RULE, rng=0, **options))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dt.nn.Sequential([dt.nn.Tanh()]), r"layers\[0\] = .*: must be a Layer"),
        (lambda: dt.nn.Trainer(dt.nn.Linear(6, 4, RULE), LOSS, lr=0.1), "model = .*: must be a Sequential"),
        (lambda: dt.nn.Trainer(network(), None, lr=0.1), "loss = None: must be a Loss"),
        (lambda: dt.nn.Trainer(network(), LOSS, lr=0.1, callbacks=[3]), r"callbacks\[0\] = 3: must be a Callback"),
        (lambda: dt.nn.Trainer(network(), LOSS, lr=0.1).fit((1, 2), 1), "data = .*: must be a Dataset"),
        (lambda: network(weight_scaling_columnwise="no"), "weight_scaling_columnwise = 'no': must be True or False"),
        (lambda: network(learn_out_scaling="no"), "learn_out_scaling = 'no': must be True or False"),
        (lambda: dt.AnalogTile((2, 3), RULE, count_pulses="no"), "count_pulses = 'no': must be True or False"),
        (lambda: dt.CrossbarArray((2, 3), RULE.device, count_pulses=1), "count_pulses = 1: must be True or False"),
        (lambda: dt.nn.Trainer(network(), LOSS, lr="x" * 10**4), r"lr = 'x+\.\.\. \(10,002 characters\)"),
        (lambda: dt.nn.pulses([1]), "tiles = 1: must be a AnalogTile"),
        (lambda: dt.plot.compare(dt.nn.History()), "histories is a History: must be a dict"),
        (lambda: dt.plot.zero_shift(3), "calibration is a int: must be a Calibration"),
        (lambda: dt.optim.ERider(3, dt.devices.SoftBounds(), gamma=1e39), "gamma = 1e[+]39: must be a finite number"),
        (lambda: network().layers[0].set_weights(np.ma.masked_less(np.zeros((4, 6)), 1.0)), "w has masked values"),
    ],
)
def test_what_is_something_else_is_refused_by_name(call, message):
    with pytest.raises(dt.ConfigError, match=message):
        call()


def test_weights_are_written_whole_or_not_at_all():
    layer = dt.nn.Linear(6, 4, RULE, rng=0, max_input_size=3, max_output_size=2, weight_scaling_omega=0.5)
    before = layer.weights
    tiny = dt.nn.Linear(6, 4, RULE, rng=0, weight_scaling_omega=10.0)
    tiny.set_weights(np.full((4, 6), 1e-45))  # over omega that is no number
    assert np.all(np.isfinite(tiny.weights))
    for value in (3e38, np.nan, np.inf):
        w = np.full((4, 6), 0.1)
        w[3, 5] = value
        with pytest.raises(dt.NonFiniteError, match="w holds"):
            layer.set_weights(w)
        np.testing.assert_array_equal(layer.weights, before)


def test_a_test_loss_that_is_not_finite_is_a_divergence():
    """It would be in no checkpoint: JSON has no such number."""
    model = dt.nn.Sequential(dt.nn.Tanh())
    evaluated = dt.nn.Trainer(model, Infinite(), lr=0.1)
    with pytest.raises(dt.DivergenceError, match="loss = inf on the images"):
        evaluated.evaluate(np.ones((3, 4)), [0, 1, 2])


class Infinite(dt.nn.Loss):
    def forward(self, output, target, /):
        return np.inf

    def backward(self):
        raise NotImplementedError


def test_a_copy_of_a_tracker_is_one_of_its_own():
    for kind in ("at_turn", "always"):
        tracker = dt.tracking.Tracker((1, 2), eta=0.5, chop_probability=0.5, program=kind, rng=0)
        copied, same = copy.copy(tracker), copy.deepcopy(tracker)
        for _ in range(5):
            copied.observe([[1.0, 1.0]])
        assert repr(tracker.state_dict()) == repr(same.state_dict())
        for _ in range(5):
            tracker.observe([[1.0, 1.0]])
        assert repr(tracker.state_dict()) == repr(copied.state_dict())
    average = dt.tracking.MovingAverage((1, 1), 0.5)
    copy.copy(average).update([[1.0]])
    assert average.value == 0
    choppers = dt.tracking.Choppers(1.0)
    copy.copy(choppers).step()
    assert choppers.signs == 1


def test_a_batch_larger_than_the_data_needs_no_memory_of_its_size():
    (batch,) = dt.datasets.batches(np.ones((3, 1000), np.float32), [0, 1, 2], 2**31, rng=0)
    assert batch[0].shape == (3, 1000)


def test_following_readings_that_are_refused_leaves_the_tracker():
    tracker = dt.tracking.Tracker((1, 2), eta=0.5, chop_probability=0.5, rng=0)
    before = repr(tracker.state_dict())
    with pytest.raises(dt.NonFiniteError, match="readings"):
        dt.tracking.follow(tracker, [[[1.0, 1.0]], [[np.nan, 1.0]]], [[0.0, 0.0]])
    assert repr(tracker.state_dict()) == before
