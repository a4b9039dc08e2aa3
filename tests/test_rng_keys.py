"""Seeds after SPEC 7: what ``rng=`` accepts and which key it becomes."""

import numpy as np
import pytest

import dsptrack as dt
from dsptrack._rng import key

DEVICE = dt.devices.SoftBounds()


def drawn(rng):
    """Something that every bit of the key decides."""
    return dt.CrossbarArray((3, 4), DEVICE, rng=rng).cell_parameters()["max_bound"].tobytes()


def test_a_key_is_four_words():
    for rng in (None, 0, 2**200, np.random.default_rng(0)):
        words = key(rng)
        assert len(words) == 4
        assert all(isinstance(word, int) and 0 <= word < 2**32 for word in words)


def test_equal_seeds_give_equal_keys():
    assert key(5) == key(5) == key(np.int64(5)) == key(np.random.SeedSequence(5))
    assert key(5) == np.random.SeedSequence(5).generate_state(4).tolist()
    assert drawn(5) == drawn(np.random.SeedSequence(5))


def test_different_seeds_give_different_keys():
    seeds = [*range(200), 2**32, 2**64, 2**127]
    assert len({tuple(key(seed)) for seed in seeds}) == len(seeds)
    assert drawn(1) != drawn(2)


def test_a_seed_sequence_is_not_used_up_and_spawns():
    sequence = np.random.SeedSequence(3)
    assert key(sequence) == key(sequence)
    children = sequence.spawn(2)
    assert len({tuple(key(s)) for s in (sequence, *children)}) == 3


def test_a_generator_advances():
    first, again = np.random.default_rng(4), np.random.default_rng(4)
    keys = [key(first), key(first)]
    assert keys[0] != keys[1]
    assert keys == [key(again), key(again)]


def test_a_bit_generator_is_as_good_as_its_generator():
    assert key(np.random.PCG64(9)) == key(np.random.Generator(np.random.PCG64(9)))
    bits = np.random.Philox(9)
    assert key(bits) != key(bits)


def test_none_is_fresh_entropy():
    assert key(None) != key(None)
    assert drawn(None) != drawn(None)


def test_zero_is_a_seed_like_any_other():
    assert key(0) == key(0)
    assert drawn(0) == drawn(0)


def test_global_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that must not move
    key(None), key(1), key(np.random.default_rng(0))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("rng", [-1, np.int64(-3), 1.0, "seed", True, [1, 2], np.random.RandomState(0)])
def test_anything_else_is_refused(rng):
    with pytest.raises(dt.ConfigError, match="rng = "):
        key(rng)
    with pytest.raises(dt.ConfigError, match="rng = "):
        dt.CrossbarArray((1, 1), DEVICE, rng=rng)


RULE = dt.algorithms.AnalogSGD(device=DEVICE)
REFUSED = {
    "array": lambda rng: dt.CrossbarArray((2, 3), DEVICE, rng=rng, num_threads=0),
    "cells": lambda rng: dt.CrossbarArray((2, 3), DEVICE, rng=rng, cell_parameters={"max_bound": np.ones((3, 2))}),
    "tile": lambda rng: dt.AnalogTile((2, 3), RULE, rng=rng, num_threads=0),
    "linear": lambda rng: dt.nn.Linear(2, 3, RULE, rng=rng, weight_scaling_omega=-1),
    "conv": lambda rng: dt.nn.Conv2d(1, 2, 3, RULE, rng=rng, max_input_size=0),
    "network": lambda rng: dt.nn.fcn(RULE, sizes=(2, 3, 0), rng=rng),
    "optimizer": lambda rng: dt.optim.Rider(3, DEVICE, slow_device="none", rng=rng),
    "tracker": lambda rng: dt.tracking.Tracker((1, 2), eta=0.1, program="x", rng=rng),
    "batches": lambda rng: dt.datasets.batches(np.ones((2, 3)), [0, 1], 1, rng=rng, epoch=0),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.PCG64])
def test_what_could_not_be_made_takes_no_words(name, kind):
    rng = kind(3)
    with pytest.raises(dt.DspError):
        REFUSED[name](rng)
    assert key(rng) == key(kind(3))


class OneWay(np.random.PCG64):
    """A generator whose state cannot be had, as that of a source of true random numbers."""

    @property
    def state(self):
        raise NotImplementedError


def test_a_generator_that_cannot_go_back_is_taken_as_it_is():
    assert dt.CrossbarArray((2, 3), DEVICE, rng=OneWay(3)).shape == (2, 3)
    with pytest.raises(dt.ConfigError, match="num_threads"):
        REFUSED["array"](OneWay(3))
