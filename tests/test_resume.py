"""A training that is stopped, by an error or by SIGKILL, and resumed ends with the bits of one that nothing stopped."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from helpers import training
from helpers.training import BATCHES, EPOCHS, EVERY, assert_same, make_trainer, small_digits, without_times

BY_BATCH = {"checkpoint_every": EVERY, "checkpoint_unit": "batch"}


class StopError(Exception):
    pass


def stop_at(batch):
    def call(seen):
        if seen == batch:
            raise StopError

    return call


@pytest.fixture(scope="module")
def data():
    return small_digits()


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    """The final state of a run without checkpoints, through a file so that all types are those of a file."""
    trainer = make_trainer(1)
    trainer.fit(data, EPOCHS)
    path = tmp_path_factory.mktemp("run") / "state.safetensors"
    trainer.save(path)
    return without_times(dt.io.load(path))


def state_of(trainer, tmp_path):
    trainer.save(tmp_path / "state.safetensors")
    return without_times(dt.io.load(tmp_path / "state.safetensors"))


def test_the_run_uses_what_a_checkpoint_must_hold(uninterrupted):
    """Else the comparisons below would compare nothing."""
    last = uninterrupted["history"][-1]
    assert len(uninterrupted["history"]) == EPOCHS
    assert last["programming_events"] > 0
    assert min(last["pulses"].values()) > 0
    assert len({record["lr"] for record in uninterrupted["history"]}) == EPOCHS
    assert uninterrupted["callbacks"][0]["best_epoch"] > 1


# Right before, at and after checkpoints and ends of epochs, and elsewhere.
@pytest.mark.parametrize("batch", [1, 4, 5, 8, 15, 16, 17, 45])
def test_stopped_at_a_mini_batch(data, uninterrupted, tmp_path, batch):
    path = tmp_path / "run.safetensors"
    with pytest.raises(StopError):
        make_trainer(1, stop_at(batch)).fit(data, EPOCHS, checkpoint=path, **BY_BATCH)
    trainer = make_trainer(1, rng=None)  # the order comes from the checkpoint
    if not path.exists():
        assert batch <= EVERY
        trainer = make_trainer(1)
    done = (batch - 1) // EVERY * EVERY
    seen = trainer.callbacks[1]
    trainer.fit(data, EPOCHS, checkpoint=path, resume=True, **BY_BATCH)
    assert seen.seen == EPOCHS * BATCHES - done
    assert_same(state_of(trainer, tmp_path), uninterrupted)


@pytest.mark.parametrize("every", [1, 2])
def test_stopped_between_checkpoints_of_epochs(data, uninterrupted, tmp_path, every):
    path = tmp_path / "run.safetensors"
    with pytest.raises(StopError):
        make_trainer(1, stop_at(2 * BATCHES + 10)).fit(data, EPOCHS, checkpoint=path, checkpoint_every=every)
    trainer = make_trainer(2)
    assert (
        len(trainer.fit(data, EPOCHS, checkpoint=path, checkpoint_every=every, resume=True))
        == EPOCHS - 2 // every * every
    )
    assert_same(state_of(trainer, tmp_path), uninterrupted)


def test_fit_in_pieces_is_fit_in_one(data, uninterrupted, tmp_path):
    trainer = make_trainer(1)
    for _ in range(EPOCHS):
        trainer.fit(data, 1)
    assert_same(state_of(trainer, tmp_path), uninterrupted)


def test_resume_then_fit_counts_new_epochs(data, uninterrupted, tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(StopError):
        make_trainer(1, stop_at(20)).fit(data, EPOCHS, checkpoint=path, **BY_BATCH)
    trainer = make_trainer(1)
    trainer.resume(path)
    assert len(trainer.history) == 1
    assert [record.epoch for record in trainer.fit(data, 2)] == [2, 3]
    assert_same(state_of(trainer, tmp_path), uninterrupted)


def test_a_finished_run_is_not_trained_again(data, tmp_path):
    path = tmp_path / "run.safetensors"
    make_trainer(1).fit(data, 2, checkpoint=path)
    before = path.read_bytes()
    assert make_trainer(1).fit(data, 2, checkpoint=path, resume=True) == []
    assert path.read_bytes() == before


def test_early_stop_lasts(data, tmp_path):
    """A run that a callback ended stays ended when it is resumed, and may go on when asked to."""
    path = tmp_path / "run.safetensors"

    def trainer():
        return make_trainer(1, callbacks=[dt.nn.EarlyStop(1, monitor="train_loss", min_delta=100.0)])

    assert len(trainer().fit(data, 5, checkpoint=path)) == 2
    again = trainer()
    assert again.fit(data, 5, checkpoint=path, resume=True) == []
    assert again.callbacks[0].best_epoch == 1
    assert len(again.fit(data, 5)) == 2  # it waits again
    assert again.callbacks[0].best_epoch == 3


def run(arguments, kill_after):
    """Train in a process of its own; SIGKILL it after so many mini-batches; return whether it was killed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(dt.__file__).parents[1]), *sys.path])}
    with subprocess.Popen(
        [sys.executable, training.__file__, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        for _ in range(kill_after):
            if not process.stdout.readline():
                break
        else:
            # It has gone on while its lines were read: the moment is anywhere in a mini-batch or in a checkpoint.
            process.kill()
            process.stdout.read()
        return process.wait() != 0


def killed_and_resumed(tmp_path, num_threads, kills, seed):
    checkpoint, result = tmp_path / "run.safetensors", tmp_path / "result.safetensors"
    moments = np.random.default_rng(seed)
    killed = 0
    while killed < kills:
        arguments = [str(checkpoint), str(result), str(num_threads)]
        if not run(arguments, int(moments.integers(1, max(2 * EVERY, EPOCHS * BATCHES // kills)))):
            # Finished before the next kill was due: begin again, the kills shall be as many as asked.
            assert result.exists()
            checkpoint.unlink()
            result.unlink()
            continue
        killed += 1
    assert not run([str(checkpoint), str(result), str(3 - num_threads)], 10 * EPOCHS * BATCHES)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == ["result.safetensors", "run.safetensors"]
    return without_times(dt.io.load(result))


@pytest.mark.parametrize("num_threads", [1, 2])
def test_killed(uninterrupted, tmp_path, num_threads):
    assert_same(killed_and_resumed(tmp_path, num_threads, kills=3, seed=num_threads), uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("seed", [10, 11, 12])
def test_killed_often(uninterrupted, tmp_path, num_threads, seed):
    assert_same(killed_and_resumed(tmp_path, num_threads, kills=12, seed=seed), uninterrupted)


def test_other_images_are_refused_within_an_epoch(data, tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(StopError):
        make_trainer(1, stop_at(20)).fit(data, 2, checkpoint=path, **BY_BATCH)
    for other in (
        replace(data, train_x=data.train_x[1:], train_y=data.train_y[1:]),
        replace(data, train_y=data.train_y[::-1]),
        replace(data, train_x=data.train_x[::-1]),
    ):
        with pytest.raises(dt.StateError, match="other images"):
            make_trainer(1).fit(other, 2, checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 5}, "batch_size = 5.*10"),
        ({"lr": 0.1}, "lr = .*Warmup"),
        ({"lr_every": "epoch"}, "lr = 'epoch"),
        ({"callbacks": []}, "callbacks"),
        ({"callbacks": [dt.nn.Callback(), dt.nn.Callback()]}, "entries"),
    ],
)
def test_other_trainers_are_refused(data, tmp_path, options, message):
    trainer = make_trainer(1)
    trainer.fit(data, 1, checkpoint=tmp_path / "run.safetensors")
    other = make_trainer(1, **options)
    before = other.state_dict()
    with pytest.raises(dt.StateError, match=message):
        other.resume(tmp_path / "run.safetensors")
    assert_same(other.state_dict(), before)


def test_another_network_is_refused(data, tmp_path):
    path = tmp_path / "run.safetensors"
    make_trainer(1).fit(data, 1, checkpoint=path)
    rule = dt.algorithms.AnalogSGD(device=dt.presets.reram_sb())
    model = dt.nn.fcn(rule, sizes=(64, 10), rng=0)
    stop = dt.nn.EarlyStop(10, monitor="train_loss")
    whole = make_trainer(1)
    trainer = dt.nn.Trainer(model, whole.loss, lr=whole.lr, lr_every="batch", callbacks=[stop, dt.nn.Callback()])
    before = trainer.state_dict()
    with pytest.raises(dt.DspError):
        trainer.resume(path)
    assert stop.best is None  # it was loaded before the network refused
    assert_same(trainer.state_dict(), before)


def change(state, name, value):
    return {**state, name: value}


@pytest.mark.parametrize(
    "broken",
    [
        lambda state: None,
        lambda state: {},
        lambda state: change(state, "extra", 1),
        lambda state: change(state, "model", {}),
        lambda state: change(state, "order", [1, 2]),
        lambda state: change(state, "order", "key"),
        lambda state: change(state, "history", [{}]),
        lambda state: change(state, "history", 3),
        lambda state: change(state, "callbacks", [{}, {}]),
        lambda state: change(state, "callbacks", [{"best": "1", "best_epoch": 1}, {}]),
        lambda state: change(state, "progress", {}),
        lambda state: change(state, "progress", change(state["progress"], "batches", -1)),
        lambda state: change(state, "progress", change(state["progress"], "batches", 1.0)),
        lambda state: change(state, "progress", change(state["progress"], "loss", float("nan"))),
    ],
)
def test_broken_states_change_nothing(data, broken):
    trainer = make_trainer(1)
    trainer.fit(data, 1)
    before = trainer.state_dict()
    with pytest.raises(dt.StateError):
        trainer.load_state_dict(broken(make_trainer(1).state_dict()))
    assert_same(trainer.state_dict(), before)


def test_damaged_and_missing_checkpoints(data, tmp_path):
    path = tmp_path / "run.safetensors"
    trainer = make_trainer(1)
    with pytest.raises(dt.MissingDataError):
        trainer.resume(path)
    trainer.fit(data, 1, checkpoint=path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(dt.DataError, match="checksum"):
        make_trainer(1).fit(data, 2, checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resume": True}, "checkpoint"),
        ({"checkpoint_every": 0}, "checkpoint_every"),
        ({"checkpoint_unit": "hour"}, "checkpoint_unit"),
    ],
)
def test_fit_refuses_bad_options(data, options, message):
    with pytest.raises(dt.ConfigError, match=message):
        make_trainer(1).fit(data, 1, **options)


def test_unwritable_checkpoint(data, tmp_path):
    trainer = make_trainer(1)
    with pytest.raises(OSError, match=r"there is no folder .*nowhere'"):
        trainer.fit(data, 1, checkpoint=tmp_path / "nowhere" / "run.safetensors")
    assert trainer.callbacks[1].seen == 0
