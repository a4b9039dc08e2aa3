"""Calls on several tiles, or on several arrays of one: what one of them refuses, none has done."""

import threading

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.nn.analog import update_together
from helpers import states

COMPOSED = dt.PulseUpdate(fidelity="composed")
SGD = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds(dw_min=0.01))


def passed(seed, **fields):
    """A layer after both passes."""
    layer = dt.nn.Linear(6, 4, SGD, rng=seed, **fields)
    layer.backward(layer.forward(states.whole_numbers((3, 6), seed)))
    return layer


@pytest.mark.parametrize("order", [1, -1])
def test_layers_whose_update_is_refused(order):
    """One of two tiles traces its cells, and so takes no composed pulses; the other one must not take its own."""
    layers = [passed(seed, update=COMPOSED) for seed in (0, 1)]
    layers[1].tiles[0].arrays["W"].trace([(0, 0)])
    tiles = [layer.tiles[0] for layer in layers]
    before = [states.bits(tile.state_dict()) for tile in tiles]
    with pytest.raises(dt.ConfigError, match="fidelity"):
        update_together(layers[::order], 0.5)
    assert [states.bits(tile.state_dict()) for tile in tiles] == before


def test_a_batch_that_only_the_update_refuses():
    """Reads take more vectors than the counters of pulse trains do."""
    wide, narrow = dt.nn.Conv2d(1, 1, 1, SGD, bias="none", rng=1), passed(0)
    images = np.ones((1, 1, 1024, 1024), np.float32)
    wide.backward(wide.forward(images))
    with states.assert_unchanged(narrow.tiles[0]), pytest.raises(dt.ConfigError, match="batch"):
        update_together([narrow, wide], 0.5)


def test_a_chain_whose_transfer_is_refused():
    """W traces its cells, and the transfer would send it composed pulses, after those of the gradient on P."""
    rule = dt.algorithms.TikiTaka(device=dt.devices.SoftBounds(dw_min=0.01), transfer_update=COMPOSED)
    tile = dt.AnalogTile((4, 6), rule, rng=0)
    tile.arrays["W"].trace([(0, 0)])
    x, d = states.whole_numbers((3, 6), 1), states.whole_numbers((3, 4), 2)
    with states.assert_unchanged(tile), pytest.raises(dt.ConfigError, match="fidelity"):
        tile.update(x, d, 0.5)


def test_two_threads_take_the_same_layers_in_any_order_and_lose_no_step():
    layers, alone = ([passed(seed) for seed in (0, 1)] for _ in range(2))

    def update(order):
        for _ in range(3000):
            update_together(layers[::order], 1e-3)

    threads = [threading.Thread(target=update, args=(order,), daemon=True) for order in (1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    for _ in range(6000):
        update_together(alone, 1e-3)
    for layer, other in zip(layers, alone, strict=True):
        np.testing.assert_array_equal(layer.bias, other.bias)
        np.testing.assert_array_equal(layer.weights, other.weights)


def test_a_bias_is_stepped_while_another_thread_reads_it():
    layer, alone = passed(0), passed(0)
    array = dt.CrossbarArray((2000, 4), dt.devices.SoftBounds(), rng=0)
    done = threading.Event()

    def read():
        while not done.is_set():
            array.forward(layer.bias[None, :])

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        for _ in range(1000):
            update_together([layer], 1e-3)
    finally:
        done.set()
        thread.join(20)
    for _ in range(1000):
        update_together([alone], 1e-3)
    np.testing.assert_array_equal(layer.bias, alone.bias)


def test_a_bias_that_cannot_be_written_is_refused():
    layer = passed(0)
    layer.bias.flags.writeable = False
    with states.assert_unchanged(layer.tiles[0]), pytest.raises(dt.ConfigError, match="read-only"):
        update_together([layer], 0.5)
