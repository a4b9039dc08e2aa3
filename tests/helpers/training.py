"""A short training that uses everything a checkpoint must hold; as a program it does it with a checkpoint and tells.

``python training.py CHECKPOINT RESULT THREADS`` prints a line after every mini-batch: a test counts them.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import dsptrack as dt

EPOCHS = 3
IMAGES = 150
BATCHES = 15  # an epoch
EVERY = 4  # mini-batches between checkpoints; no divisor of an epoch's


def small_digits() -> dt.datasets.Dataset:
    data = dt.datasets.load("digits")
    x, y = data.train_x[:IMAGES], data.train_y[:IMAGES]
    return replace(data, train_x=x, train_y=y, test_x=data.test_x[:100], test_y=data.test_y[:100])


class Tell(dt.nn.Callback):
    """Calls a function with the number of mini-batches seen by this process."""

    def __init__(self, call: Callable[[int], None]) -> None:
        self.call, self.seen = call, 0

    def on_batch_end(self, trainer: dt.nn.Trainer, loss: float) -> None:
        self.seen += 1
        self.call(self.seen)


def make_trainer(
    num_threads: int | None = None, call: Callable[[int], None] = lambda seen: None, **options: Any
) -> dt.nn.Trainer:
    """A trainer with chopped tiles of several blocks, learned scales, dropout, a schedule by batch and early stop."""
    rule = dt.algorithms.ERider(
        device=dt.presets.reram_array_hfo2(reference_mean=0.4, reference_std=0.3),
        chop_probability=0.5,
        columns_per_transfer=16,
        transfer_lr=2.0,
        chop_random=True,
    )
    scales: dict[str, Any] = {
        "weight_scaling_omega": 0.3,
        "learn_out_scaling": True,
        "error_scale": "sum",
        "num_threads": num_threads,
    }
    model = dt.nn.Sequential(
        dt.nn.Linear(64, 30, rule, rng=0, max_output_size=16, **scales),
        dt.nn.Sigmoid(),
        dt.nn.Dropout(0.2, rng=1),
        dt.nn.Linear(30, 10, rule, rng=2, **scales),
    )
    arguments: dict[str, Any] = {
        "lr": dt.nn.schedules.Warmup(then=dt.nn.schedules.Cosine(lr=0.2, epochs=EPOCHS), epochs=0.5),
        "lr_every": "batch",
        "callbacks": [dt.nn.EarlyStop(10, monitor="train_loss"), Tell(call)],
        "rng": 3,
    } | options
    return dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), **arguments)


def without_times(value: Any) -> Any:
    """The state without what a clock has measured."""
    if isinstance(value, dict):
        return {key: without_times(v) for key, v in value.items() if key != "seconds"}
    return [without_times(v) for v in value] if isinstance(value, list | tuple) else value


def assert_same(a: Any, b: Any, path: str = "state") -> None:
    """Equal bits in every array and number of two nested states."""
    assert type(a) is type(b), path
    if isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_same(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), path
        for i, pair in enumerate(zip(a, b, strict=True)):
            assert_same(*pair, f"{path}[{i}]")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, path
        assert a.shape == b.shape, path
        assert a.tobytes() == b.tobytes(), path
    else:
        assert a == b, path


def tell(seen: int) -> None:
    sys.stdout.write(f"{seen}\n")
    sys.stdout.flush()


def main(checkpoint: str, result: str, threads: str) -> None:
    trainer = make_trainer(int(threads), tell)
    trainer.fit(
        small_digits(), EPOCHS, checkpoint=checkpoint, checkpoint_every=EVERY, checkpoint_unit="batch", resume=True
    )
    trainer.save(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
