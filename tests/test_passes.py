"""Coming back to earlier passes of a layer: after others went through, and several at once as one mini-batch."""

import numpy as np
import pytest

import dsptrack as dt
from helpers.ideal import conv, linear

KINDS = [
    pytest.param(lambda **o: linear(6, 4, **o), [(3, 6), (5, 6)], (4,), id="linear"),
    pytest.param(lambda **o: conv(2, 4, 3, padding=1, **o), [(2, 2, 4, 5), (3, 2, 4, 5)], (4, 4, 5), id="conv"),
]
OPTIONS = [
    pytest.param({}, id="plain"),
    pytest.param({"max_input_size": 4, "max_output_size": 3, "learn_out_scaling": True}, id="gains"),
    pytest.param({"bias": "analog", "error_scale": "sum", "weight_scaling_omega": 0.5}, id="analog-bias"),
]


def batch(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def state(layer):
    """What training changes, without the tiles' clocks."""
    digital = [(block.gain, block.scale) for row in layer._grid.blocks for block in row]
    return layer.weights, layer.bias, digital


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(("make", "shapes", "output"), KINDS)
def test_several_passes_are_one_batch(make, shapes, output, options, rng):
    layer, whole = make(**options), make(**options)
    xs = [batch(rng, *shape) for shape in shapes]
    grads = [batch(rng, shape[0], *output) for shape in shapes]
    forward, both, backs = [], [], []
    for x in xs:
        layer.forward(x)
        forward.append(layer._last())
    layer.forward(batch(rng, 1, *shapes[0][1:]))  # something else goes through
    for passes, grad in zip(forward, grads, strict=True):
        layer._recall([passes])
        backs.append(layer.backward(grad))
        both.append(layer._last())
    layer._recall(both)
    layer.update(0.01)
    before = whole.weights
    whole.forward(np.concatenate(xs))
    back = whole.backward(np.concatenate(grads))
    whole.update(0.01)
    np.testing.assert_array_equal(np.concatenate(backs), back)
    (w, b, digital), (wanted_w, wanted_b, wanted_digital) = state(layer), state(whole)
    assert not np.array_equal(wanted_w, before)
    np.testing.assert_array_equal(w, wanted_w)
    if b is not None:
        np.testing.assert_allclose(b, wanted_b, rtol=1e-5, atol=1e-7)  # sums of halves
    for (gain, scale), (wanted_gain, wanted_scale) in zip(digital, wanted_digital, strict=True):
        assert gain == pytest.approx(wanted_gain, rel=1e-12)
        np.testing.assert_array_equal(scale, wanted_scale)


def test_images_of_another_size_in_between(rng):
    layer, alone = conv(1, 2, 3), conv(1, 2, 3)
    x, grad = batch(rng, 2, 1, 5, 6), batch(rng, 2, 2, 3, 4)
    layer.forward(x)
    passes = layer._last()
    layer.forward(batch(rng, 2, 1, 4, 4))
    layer._recall([passes])
    alone.forward(x)
    np.testing.assert_array_equal(layer.backward(grad), alone.backward(grad))


def test_passes_that_do_not_fit(rng):
    layer = linear(3, 2)
    with pytest.raises(dt.StateError, match="no forward pass"):
        layer._last()
    layer.forward(batch(rng, 2, 3))
    forward = layer._last()
    layer.backward(batch(rng, 2, 2))
    both = layer._last()
    other = linear(4, 2)
    other.forward(batch(rng, 2, 4))
    gains = linear(3, 2, learn_out_scaling=True)
    gains.forward(batch(rng, 2, 3))
    for passes in ([], [other._last()], [gains._last()], [both, forward]):
        with pytest.raises(dt.StateError, match="passes"):
            layer._recall(passes)
    layer._recall([forward])
    with pytest.raises(dt.StateError, match="before backward"):
        layer.update(0.1)
    layer._recall([both])
    layer.update(0.1)
