"""The compiled grid of tiles against the slow one in NumPy, on any number of threads."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import slow_grid

MAPPINGS = [
    pytest.param({}, id="plain"),
    pytest.param({"max_input_size": 13, "max_output_size": 7}, id="split"),
    pytest.param({"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True}, id="scaled"),
    pytest.param({"error_scale": "sum", "bias": "analog", "max_input_size": 30}, id="sum, analog bias"),
    pytest.param({"learn_out_scaling": True, "weight_scaling_omega": 0.3, "max_output_size": 7}, id="learned"),
]


def trained(num_threads=1, sizes=(40, 24, 10), steps=6, **options):
    """Weights and biases after a few steps of E-RIDER, outputs and gradients on the way."""
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(reference_mean=0.3), columns_per_transfer=4)
    model = dt.nn.fcn(rule, sizes=sizes, rng=1, num_threads=num_threads, **options)
    model.needs_input_grad = True
    loss, rng, seen = dt.nn.CrossEntropyLoss(), np.random.default_rng(2), []
    for _ in range(steps):
        seen.append(model.forward(rng.random((12, sizes[0]), np.float32)))
        loss.forward(seen[-1], rng.integers(0, sizes[-1], 12))
        seen.append(model.backward(loss.backward()))
        model.update(0.05)
    layers = [layer for layer in model.layers if layer.tiles]
    return seen + [part for layer in layers for part in (layer.weights, layer.bias)]


@pytest.mark.parametrize("options", MAPPINGS)
def test_compiled_and_slow_grids_agree(options, monkeypatch):
    fast = trained(**options)
    slow_grid.use(monkeypatch)
    # The gains' sums have another order; all else has the same bits.
    tolerance = 1e-5 if options.get("learn_out_scaling") else 0
    for one, two in zip(fast, trained(**options), strict=True):
        np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance)


def test_threads_change_no_bit():
    """Layers large enough for their tiles to run side by side."""
    one, *others = (trained(threads, (400, 300, 10), 3, max_input_size=130) for threads in (1, 2, 3, 7))
    for other in others:
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_an_update_that_overflows_changes_nothing_and_names_the_layer():
    rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds())
    model = dt.nn.Sequential(dt.nn.Linear(3, 2, rule, rng=0), dt.nn.Linear(2, 2, rule, rng=1, error_scale="sum"))
    model.forward(np.ones((4, 3), np.float32))
    model.layers[0].backward(np.ones((4, 2), np.float32))
    model.layers[1].needs_input_grad = False
    signs = np.array([[1], [-1], [1], [-1]], np.float32)
    model.layers[1].backward(np.full((4, 2), 3e38, np.float32) * signs)
    before = [layer.weights for layer in model.layers]
    with pytest.raises(dt.NonFiniteError, match="scaled error"):
        dt.nn.analog.update_together(model.layers, 0.1)
    for layer, weights in zip(model.layers, before, strict=True):
        np.testing.assert_array_equal(layer.weights, weights)
    with pytest.raises(dt.DivergenceError, match="update of layer 1"):
        model.update(0.1)
