"""Schedules, callbacks, early stop and the history as a table."""

import csv
import json
import math

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.nn import schedules
from helpers.training import BATCHES, EPOCHS, Tell, make_trainer, small_digits


@pytest.fixture(scope="module")
def data():
    return small_digits()


TIMES = [0, 0.5, 1, 3.999, 4, 7, 12, 40]
CASES = [
    (schedules.Constant(lr=0.3), lambda t: 0.3),
    (schedules.Step(lr=0.3, every=4, factor=0.5), lambda t: 0.3 * 0.5 ** (t // 4)),
    (schedules.MultiStep(lr=0.3, milestones=(1, 4)), lambda t: 0.3 * 0.1 ** ((t >= 1) + (t >= 4))),
    (schedules.Exponential(lr=0.3, factor=0.9), lambda t: 0.3 * 0.9**t),
    (
        schedules.Cosine(lr=0.3, epochs=7, lr_min=0.1),
        lambda t: 0.1 if t >= 7 else 0.2 + 0.1 * math.cos(math.pi * t / 7),
    ),
    (
        schedules.Warmup(then=schedules.Exponential(lr=0.3, factor=0.9), epochs=4, start=0.2),
        lambda t: 0.3 * (0.2 + 0.2 * t) if t < 4 else 0.3 * 0.9 ** (t - 4),
    ),
]


@pytest.mark.parametrize(("schedule", "wanted"), CASES, ids=lambda case: type(case).__name__)
def test_schedules(schedule, wanted):
    for t in TIMES:
        assert schedule(t) == pytest.approx(wanted(t), abs=1e-15), t
        assert isinstance(schedule(t), float)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.Constant(lr=-0.1), "lr"),
        (lambda: schedules.Constant(lr=float("nan")), "lr"),
        (lambda: schedules.Step(lr=0.1, every=0), "every"),
        (lambda: schedules.Step(lr=0.1, every=2, factor=0.0), "factor"),
        (lambda: schedules.Step(lr=-1, every=2), "lr"),
        (lambda: schedules.MultiStep(lr=0.1, milestones=(4, 4)), "milestones"),
        (lambda: schedules.MultiStep(lr=0.1, milestones=(0, 4)), "milestones"),
        (lambda: schedules.MultiStep(lr=0.1, milestones=3), "milestones"),
        (lambda: schedules.Exponential(lr=0.1, factor=-1), "factor"),
        (lambda: schedules.Cosine(lr=0.1, epochs=2.5), "epochs"),
        (lambda: schedules.Cosine(lr=0.1, epochs=2, lr_min=-1), "lr_min"),
        (lambda: schedules.Warmup(then=0.1, epochs=2), "then"),
        (lambda: schedules.Warmup(then=schedules.Constant(lr=1), epochs=0), "epochs"),
        (lambda: schedules.Warmup(then=schedules.Constant(lr=1), epochs=1, start=2), "start"),
    ],
)
def test_schedules_refuse_bad_parameters(make, message):
    with pytest.raises(dt.ConfigError, match=message):
        make()


def rates_seen(trainer, data, epochs=EPOCHS):
    """The rates that the network was updated with."""
    seen, update = [], trainer.model.update
    trainer.model.update = lambda lr: (seen.append(lr), update(lr))
    trainer.fit(data, epochs)
    return seen


def test_a_rate_an_epoch(data):
    trainer = make_trainer(lr=lambda epoch: [0.3, 0.2, 0.1][epoch], lr_every="epoch", callbacks=[])
    seen = rates_seen(trainer, data)
    assert seen == [rate for rate in (0.3, 0.2, 0.1) for _ in range(BATCHES)]
    assert [record.lr for record in trainer.history] == [0.3, 0.2, 0.1]


def test_a_rate_a_mini_batch(data):
    schedule = schedules.Cosine(lr=0.3, epochs=EPOCHS)
    trainer = make_trainer(lr=schedule, lr_every="batch", callbacks=[])
    seen = rates_seen(trainer, data)
    assert seen == [schedule(epoch + batch / BATCHES) for epoch in range(EPOCHS) for batch in range(BATCHES)]


@pytest.mark.parametrize("rate", [-0.1, float("nan"), None, "0.1"])
def test_a_schedule_must_give_a_rate(data, rate):
    with pytest.raises(dt.ConfigError, match="lr = "):
        make_trainer(lr=lambda epoch: rate, lr_every="epoch").fit(data, 1)


@pytest.mark.parametrize(
    ("options", "message"), [({"lr_every": "step"}, "lr_every"), ({"callbacks": [print]}, "callbacks")]
)
def test_trainer_refuses_bad_options(options, message):
    with pytest.raises(dt.ConfigError, match=message):
        make_trainer(**options)


def test_callbacks_change_no_bit(data):
    plain, watched = make_trainer(callbacks=[]), make_trainer()
    for trainer in (plain, watched):
        trainer.fit(data, 2)
    for a, b in zip(plain.model.tiles, watched.model.tiles, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)


class Watch(dt.nn.Callback):
    def __init__(self, stop_after=99):
        self.records, self.losses, self.stop_after = [], [], stop_after

    def on_epoch_end(self, trainer, record):
        assert trainer.history[-1] is record
        self.records.append(record)
        return len(self.records) >= self.stop_after

    def on_batch_end(self, trainer, loss):
        self.losses.append(loss)


def test_callbacks_see_everything_and_one_stops_all(data):
    first, second = Watch(stop_after=2), Watch()
    trainer = make_trainer(callbacks=[first, second])
    records = trainer.fit(data, 5)
    assert first.records == second.records == records
    assert len(records) == 2
    assert first.losses == second.losses
    means = [np.mean(first.losses[low : low + BATCHES]) for low in (0, BATCHES)]
    assert [record.train_loss for record in records] == pytest.approx(means)


def test_evaluation_is_the_record(data):
    """The record's test numbers are those of a hand-made reading of the same network."""
    rule = dt.algorithms.AnalogSGD(device=dt.presets.idealized())
    options = {"forward": dt.Periphery.ideal(), "backward": dt.Periphery.ideal()}
    model = dt.nn.Sequential(dt.nn.Linear(64, 10, rule, rng=0, **options))
    trainer = dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, rng=0)
    (record,) = trainer.fit(data, 1)
    layer = model.layers[0]
    logits = data.test_x.astype(np.float64) @ layer.weights.T + layer.bias
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert record.test_loss == pytest.approx(-log_p[np.arange(100), data.test_y].mean(), rel=1e-5)
    assert record.test_accuracy == 100 * np.mean(logits.argmax(axis=1) == data.test_y)
    assert trainer.evaluate(data.test_x, data.test_y) == (record.test_loss, record.test_accuracy)
    assert trainer.accuracy(data.test_x, data.test_y) == record.test_accuracy


def record(epoch, **fields):
    return dt.nn.EpochRecord(**({"epoch": epoch, "train_loss": 1.0, "test_accuracy": 50.0, "seconds": 0.1} | fields))


def stops_at(stop, monitor, values):
    for epoch, value in enumerate(values, 1):
        if stop.on_epoch_end(None, record(epoch, **{monitor: value})):
            return epoch
    return None


@pytest.mark.parametrize(
    ("options", "monitor", "values", "wanted"),
    [
        ({}, "test_accuracy", [1, 2, 3, 4], None),
        ({}, "test_accuracy", [3, 2, 1, 4], 3),
        ({}, "test_accuracy", [3, 3, 3], 3),
        ({"min_delta": 1.0}, "test_accuracy", [3, 4, 4.0], 3),
        ({"min_delta": 1.0}, "test_accuracy", [3, 3.9, 4.1, 4.5, 5.0], 5),
        ({"monitor": "train_loss"}, "train_loss", [3, 2, 2.5, 1.9, 2, 2], 6),
        ({"monitor": "test_loss", "mode": "max"}, "test_loss", [3, 2, 1], 3),
        ({"monitor": "sp_error"}, "sp_error", [0.3, 0.2, 0.1, 0.1, 0.2], 5),
    ],
)
def test_early_stop(options, monitor, values, wanted):
    assert stops_at(dt.nn.EarlyStop(2, **options), monitor, values) == wanted


def test_early_stop_remembers():
    stop, again = dt.nn.EarlyStop(2), dt.nn.EarlyStop(2)
    assert stops_at(stop, "test_accuracy", [5.0, 4.0]) is None
    again.load_state_dict(stop.state_dict())
    assert again.on_epoch_end(None, record(3, test_accuracy=4.5))
    with pytest.raises(dt.StateError):
        again.load_state_dict({"best": math.inf, "best_epoch": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience"),
        ({"patience": 1, "monitor": "seconds"}, "monitor"),
        ({"patience": 1, "mode": "up"}, "mode"),
        ({"patience": 1, "min_delta": -1}, "min_delta"),
    ],
)
def test_early_stop_refuses_bad_parameters(options, message):
    with pytest.raises(dt.ConfigError, match=message):
        dt.nn.EarlyStop(**options)


def test_early_stop_needs_what_it_monitors():
    with pytest.raises(dt.ConfigError, match="sp_error"):
        dt.nn.EarlyStop(1, monitor="sp_error").on_epoch_end(None, record(1))


def test_history_as_a_table(data, tmp_path):
    trainer = make_trainer()
    history = trainer.fit(data, 2)
    table = history.array()
    assert table.dtype["epoch"] == table.dtype["pulses.W"] == np.int64
    for row, one in zip(table, history, strict=True):
        assert row["epoch"] == one.epoch
        assert row["train_loss"] == one.train_loss
        assert row["pulses.P"] == one.pulses["P"]
        assert row["sp_error.0 Linear(64, 30)"] == one.sp_error_by_layer["0 Linear(64, 30)"]
    history.to_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(table.dtype.names)
    for row, one in zip(rows, table, strict=True):
        assert {name: float(value) for name, value in row.items()} == {name: one[name] for name in table.dtype.names}
    history.to_json(tmp_path / "history.json")
    assert dt.nn.History.from_dicts(json.loads((tmp_path / "history.json").read_text())) == history


def test_history_leaves_unknown_values_open(tmp_path):
    history = dt.nn.History([record(1), record(2, sp_error=0.5, pulses={"P": 3})])
    table = history.array()
    np.testing.assert_array_equal(table["sp_error"], [np.nan, 0.5])
    np.testing.assert_array_equal(table["pulses.P"], [0, 3])
    history.to_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sp_error"] for row in rows] == ["", "0.5"]


def test_bar_shows_rate_and_remaining_time(data, capsys):
    """And a resumed run begins where it stopped."""
    trainer = make_trainer()
    trainer.fit(data, 1, progress=True, label="here")
    shown = capsys.readouterr().err
    assert "here: 100%" in shown
    assert f"{BATCHES}/{BATCHES}" in shown
    assert "batch/s" in shown or "s/batch" in shown


def test_resumed_bar_starts_where_the_run_stopped(data, tmp_path, capsys):
    path = tmp_path / "run.safetensors"
    make_trainer().fit(data, 1, checkpoint=path)
    make_trainer().fit(data, 2, checkpoint=path, resume=True, progress=True)
    shown = capsys.readouterr().err
    assert f" {BATCHES}/{2 * BATCHES}" in shown
    assert f" {2 * BATCHES}/{2 * BATCHES}" in shown


def test_no_callback_no_call(data):
    """Nobody is asked after mini-batches where nobody wants to know."""
    quiet = dt.nn.Callback()
    quiet.on_batch_end = None  # calling it would fail; the class has not overridden it
    make_trainer(callbacks=[quiet], lr=0.1).fit(data, 1)
    seen = []
    make_trainer(callbacks=[quiet, Tell(seen.append)], lr=0.1).fit(data, 1)
    assert seen == list(range(1, BATCHES + 1))


def test_images_keep_their_layout(data):
    """Images (n, C, H, W) reach the network as they are."""
    rule = dt.algorithms.AnalogSGD(device=dt.presets.idealized())
    shapes = []

    class Flat(dt.nn.Flatten):
        def forward(self, x):
            shapes.append(x.shape)
            return super().forward(x)

    model = dt.nn.Sequential(Flat(), dt.nn.Linear(64, 10, rule, rng=0))
    images = dt.datasets.load("digits", layout="image")
    trainer = dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, batch_size=500, rng=0)
    trainer.fit(images, 1)
    assert shapes == [(500, 1, 8, 8), (500, 1, 8, 8), (433, 1, 8, 8), (364, 1, 8, 8)]


def test_evaluating_in_an_epoch_changes_no_mode(data):
    modes = []

    class Look(dt.nn.Callback):
        def on_batch_end(self, trainer, loss):
            trainer.accuracy(data.test_x, data.test_y)
            modes.append([layer.training for layer in trainer.model.layers])

    trainer = make_trainer(callbacks=[Look()])
    trainer.fit(data, 1)
    assert modes == [[True] * 4] * BATCHES
    assert not any(layer.training for layer in trainer.model.layers)


def test_a_callback_that_raises_after_an_epoch_costs_none(data):
    class Raise(dt.nn.Callback):
        def on_epoch_end(self, trainer, record):
            if record.epoch == 1:
                raise KeyError

    trainer = make_trainer(callbacks=[Raise()])
    with pytest.raises(KeyError):
        trainer.fit(data, 1)
    steps = len(rates_seen(trainer, data, 1))
    assert (steps, len(trainer.history)) == (BATCHES, 2)


@pytest.mark.parametrize("watching", [False, True])
def test_fit_goes_on_in_the_epoch_that_was_interrupted(data, watching):
    whole, trainer = (
        make_trainer(lr=0.1, lr_every="epoch", callbacks=[Tell(lambda seen: None)] if watching else [])
        for _ in range(2)
    )
    backward, calls = trainer.model.backward, []

    def interrupted(grad):
        calls.append(grad)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return backward(grad)

    trainer.model.backward = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data, 1)
    assert (trainer.state_dict()["progress"]["batches"], len(trainer.history)) == (6, 0)
    trainer.fit(data, 1)
    whole.fit(data, 1)
    assert len(calls) == BATCHES + 1
    # Not the same bits: the read before the interrupt has advanced the noise.
    assert trainer.history[0].train_loss == pytest.approx(whole.history[0].train_loss, rel=0.1)
