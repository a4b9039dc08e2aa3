"""Convolution, pooling, dropout, shapes and the mean squared error: values, gradients, errors."""

import numpy as np
import pytest

import dsptrack as dt
from helpers import network, slow_grid
from helpers.ideal import SGD, STEP, conv, linear
from helpers.network import numerical_gradient

GEOMETRIES = [
    pytest.param(3, {}, id="plain"),
    pytest.param((2, 3), {"stride": 2}, id="stride"),
    pytest.param(3, {"padding": (2, 1)}, id="padding"),
    pytest.param((3, 2), {"dilation": (2, 3)}, id="dilation"),
    pytest.param((3, 2), {"stride": (2, 3), "padding": (1, 2), "dilation": (1, 2)}, id="all"),
    pytest.param(1, {"stride": 2}, id="pixel"),
]
MAPPINGS = [
    pytest.param({}, id="one-tile"),
    pytest.param({"max_input_size": 5, "max_output_size": 3}, id="split"),
    pytest.param({"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True}, id="scaled"),
    pytest.param({"bias": "analog", "max_input_size": 5}, id="analog-bias"),
    pytest.param({"bias": "none"}, id="no-bias"),
]


def batch(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def pairs(options):
    return {name: (value, value) if isinstance(value, int) else value for name, value in options.items()}


def with_bias(layer, rng):
    """Weights and bias of ``layer`` after writing random ones; a missing bias is 0."""
    w = batch(rng, *layer.weights.shape)
    b = np.zeros(len(w), np.float32) if layer.bias is None else batch(rng, len(w))
    layer.set_weights(w, None if layer.bias is None else b)
    return w, b


@pytest.mark.parametrize(("kernel", "geometry"), GEOMETRIES)
def test_convolution_follows_its_definition(kernel, geometry, rng):
    layer, x = conv(2, 4, kernel, **geometry), batch(rng, 2, 2, 6, 7)
    w, b = with_bias(layer, rng)
    exact = network.conv(x, w, b, **pairs(geometry))
    y = layer.forward(x)
    assert y.flags.c_contiguous
    np.testing.assert_allclose(y, exact, rtol=1e-5, atol=1e-5)
    weight = batch(rng, *y.shape)
    wanted = numerical_gradient(lambda z: np.vdot(network.conv(z, w, b, **pairs(geometry)), weight), x)
    np.testing.assert_allclose(layer.backward(weight), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("error_scale", ["mean", "sum"])
@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize(("kernel", "geometry"), [GEOMETRIES[0], GEOMETRIES[4]])
def test_convolution_learns_by_its_gradient(kernel, geometry, mapping, error_scale, rng):
    """One step of the pulsed weights and of the bias, against numerical differences."""
    layer, x = conv(2, 4, kernel, error_scale=error_scale, **geometry, **mapping), batch(rng, 2, 2, 6, 6)
    w, b = with_bias(layer, rng)
    weight = batch(rng, *layer.forward(x).shape)
    layer.backward(weight)
    lr = 1e-4
    layer.update(lr)
    images = len(x) if error_scale == "sum" else 1
    w_grad = numerical_gradient(lambda v: np.vdot(network.conv(x, v, b, **pairs(geometry)), weight), w)
    # Each of V vectors rounds to half a STEP, times a weight scaling of up to max|w| / omega.
    vectors = weight.size // len(w)
    rounding = 0.5 * STEP * vectors * 10 + 1e-6
    assert rounding < 0.2 * lr * abs(w_grad).max()
    np.testing.assert_allclose(layer.weights - w, -lr * images * w_grad, atol=rounding)
    if layer.bias is not None:
        b_grad = weight.sum((0, 2, 3))
        # only what is on a tile knows of the summed error
        factor = images if mapping.get("bias") == "analog" else 1
        np.testing.assert_allclose(layer.bias - b, -lr * factor * b_grad, atol=rounding)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_mappings_do_not_change_a_convolution(mapping, rng):
    layer, x = conv(2, 4, 3, **mapping), batch(rng, 2, 2, 5, 5)
    w, b = with_bias(layer, rng)
    np.testing.assert_allclose(layer.weights, w, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.forward(x), network.conv(x, w, b), rtol=1e-4, atol=1e-5)
    weight = batch(rng, 2, 4, 3, 3)
    np.testing.assert_allclose(layer.backward(weight), network.conv_grads(x, w, weight)[0], rtol=1e-4, atol=1e-5)


def test_learned_scale_of_a_convolution(rng):
    """The scale moves by the gradient over all patches, and multiplies what the tile sees and shows."""
    layer, x = conv(2, 4, 3, learn_out_scaling=True, bias="none"), batch(rng, 2, 2, 5, 5)
    w, _ = with_bias(layer, rng)
    weight = batch(rng, *layer.forward(x).shape)
    layer.backward(weight)
    layer.update(1e-3)
    gain = layer._grid.blocks[0][0].gain
    assert gain == pytest.approx(1 - 1e-3 * np.vdot(weight, network.conv(x, w, 0)), rel=1e-5)
    np.testing.assert_allclose(layer.weights, gain * layer.tiles[0].weights.reshape(w.shape), rtol=1e-6)


def test_order_of_vectors_and_columns(monkeypatch):
    """Vectors image by image, then by position; columns by channel, kernel row, kernel column."""
    seen = []
    slow_grid.use(monkeypatch, lambda tile, x, d, lr: seen.append((x.copy(), d.copy(), lr)))
    layer = conv(2, 3, (2, 3))
    x = np.arange(2 * 2 * 3 * 4, dtype=np.float32).reshape(2, 2, 3, 4)
    grad = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    layer.forward(x)
    layer.backward(grad)
    layer.update(0.5)
    ((vectors, errors, lr),) = seen
    assert lr == 0.5
    wanted = [x[b, :, i : i + 2, j : j + 3].ravel() for b in range(2) for i in range(2) for j in range(2)]
    np.testing.assert_array_equal(vectors, wanted)
    np.testing.assert_array_equal(errors, [grad[b, :, i, j] for b in range(2) for i in range(2) for j in range(2)])
    w = np.arange(36.0).reshape(3, 2, 2, 3) / 64
    layer.set_weights(w)
    np.testing.assert_array_equal(layer.tiles[0].weights, w.reshape(3, 12))


def test_one_layer_meets_batches_and_images_of_several_sizes(rng):
    layer = conv(1, 2, 3, padding=1)
    w, b = with_bias(layer, rng)
    for shape in [(2, 1, 5, 5), (3, 1, 5, 5), (2, 1, 4, 6), (2, 1, 5, 5)]:
        x = batch(rng, *shape)
        np.testing.assert_allclose(layer.forward(x), network.conv(x, w, b, padding=(1, 1)), rtol=1e-4, atol=1e-5)


def test_analog_bias_is_a_column(rng):
    """It costs pulses and reads as a weight does, and a constant 1 drives it."""
    layer = linear(3, 2, bias="analog")
    assert layer.tiles[0].shape == (2, 4)
    assert layer.bias.tolist() == [0.0, 0.0]
    assert abs(layer.weights).max() <= 1 / np.sqrt(3)
    layer.set_weights(np.zeros((2, 3)), bias=[0.25, -0.5])
    np.testing.assert_array_equal(layer.forward(batch(rng, 4, 3)), np.tile(np.float32([0.25, -0.5]), (4, 1)))
    assert layer.backward(batch(rng, 4, 2)).shape == (4, 3)
    layer.set_weights(np.ones((2, 3)))  # keeps the bias
    np.testing.assert_array_equal(layer.bias, [0.25, -0.5])
    layer.forward(np.zeros((1, 3), np.float32))
    layer.backward(np.ones((1, 2), np.float32))
    layer.update(2.0**-10)
    np.testing.assert_array_equal(layer.weights, np.ones((2, 3)))
    np.testing.assert_allclose(layer.bias, [0.25 - 2.0**-10, -0.5 - 2.0**-10], atol=STEP)


def test_a_bias_where_there_is_none():
    layer = linear(2, 1, bias="none")
    assert layer.bias is None
    with pytest.raises(dt.ConfigError, match="bias"):
        layer.set_weights([[0.0, 0.0]], bias=[1.0])
    for value in (True, False, None, "both"):
        with pytest.raises(dt.ConfigError, match="'digital', 'analog', 'none'"):
            linear(2, 1, bias=value)


POOLS = [
    pytest.param(dt.nn.MaxPool2d, np.max, id="max"),
    pytest.param(dt.nn.AvgPool2d, np.mean, id="mean"),
]


@pytest.mark.parametrize(("kind", "of"), POOLS)
@pytest.mark.parametrize(
    ("kernel", "stride"), [(2, None), ((2, 3), None), (3, 2), ((3, 2), (1, 2)), (2, 3), (17, 1)], ids=str
)
def test_pooling(kind, of, kernel, stride, rng):
    layer, x = kind(kernel, stride), batch(rng, 2, 3, 18, 19)
    if kernel != 17:
        x = np.ascontiguousarray(x[:, :, :7, :8])  # leaves pixels that fill no window
    sizes = [(k, k) if isinstance(k, int) else k for k in (kernel, kernel if stride is None else stride)]
    y = layer.forward(x)
    np.testing.assert_allclose(y, network.pool(x.astype(np.float64), *sizes, of), rtol=1e-5, atol=1e-6)
    weight = batch(rng, *y.shape)
    back = layer.backward(weight)
    if kernel != 17:
        wanted = numerical_gradient(lambda z: np.vdot(network.pool(z, *sizes, of), weight), x)
        np.testing.assert_allclose(back, wanted, atol=1e-5)
    elif kind is dt.nn.MaxPool2d:  # 289 places in a window: more than a byte can number
        wanted = np.zeros_like(x)
        for b, c, i, j in np.ndindex(y.shape):
            window = x[b, c, i : i + 17, j : j + 17]
            at = np.unravel_index(window.argmax(), window.shape)
            wanted[b, c, i + at[0], j + at[1]] += weight[b, c, i, j]
        np.testing.assert_allclose(back, wanted, atol=1e-5)


def test_the_first_of_equal_elements_gets_the_gradient():
    layer = dt.nn.MaxPool2d(2)
    layer.forward(np.float32([[[[0, 3], [3, 3]]]]))
    np.testing.assert_array_equal(layer.backward(np.float32([[[[5]]]])), [[[[0, 5], [0, 0]]]])


def test_windows_of_two_by_two_are_as_others(rng):
    """They have a loop of their own; every second window of those one column apart went through the general one."""
    x = rng.integers(0, 3, (2, 3, 7, 33)).astype(np.float32)
    x[rng.random(x.shape) < 0.05] = np.nan
    own, other = dt.nn.MaxPool2d(2), dt.nn.MaxPool2d(2, (2, 1))
    y, all_y = own.forward(x), other.forward(x)
    np.testing.assert_array_equal(y, all_y[..., ::2])
    weight, all_weight = batch(rng, *y.shape), np.zeros_like(all_y)
    all_weight[..., ::2] = weight
    np.testing.assert_array_equal(own.backward(weight), other.backward(all_weight))


def test_shapes_there_and_back(rng):
    x = batch(rng, 2, 12)
    image, row = dt.nn.Reshape(3, 2, 2), dt.nn.Flatten()
    np.testing.assert_array_equal(row.forward(image.forward(x)), x)
    np.testing.assert_array_equal(image.forward(x), x.reshape(2, 3, 2, 2))
    np.testing.assert_array_equal(image.backward(row.backward(x)), x)
    with pytest.raises(dt.ShapeError, match="12 elements"):
        image.forward(batch(rng, 2, 11))
    for shape in ((), (0,), (2, 1.5)):
        with pytest.raises(dt.ConfigError, match="shape"):
            dt.nn.Reshape(*shape)


def test_dropout(rng):
    layer, x = dt.nn.Dropout(0.25, rng=1), batch(rng, 200, 300)
    y = layer.forward(x)
    kept = y != 0
    n = x.size
    assert abs(kept.mean() - 0.75) < 5 * np.sqrt(0.25 * 0.75 / n)
    np.testing.assert_allclose(y[kept], x[kept] / 0.75, rtol=1e-6)
    np.testing.assert_allclose(layer.backward(x), np.where(kept, x / 0.75, 0), rtol=1e-6)
    assert not np.array_equal(layer.forward(x) != 0, kept)
    np.testing.assert_array_equal(dt.nn.Dropout(0.25, rng=1).forward(x), y)
    layer.eval()
    assert layer.forward(x) is x
    assert layer.backward(x) is x
    layer.train()
    assert layer.forward(x) is not x
    for p in (-0.1, 1.0, float("nan"), "half"):
        with pytest.raises(dt.ConfigError, match="p = "):
            dt.nn.Dropout(p)


def test_mean_squared_error(rng):
    y, target = batch(rng, 3, 2, 2), batch(rng, 3, 2, 2)
    loss = dt.nn.MSELoss()
    with pytest.raises(dt.StateError, match="before forward"):
        loss.backward()

    def exact(z):
        return float(np.mean((z - target) ** 2))

    assert loss.forward(y, target) == pytest.approx(exact(y.astype(np.float64)), rel=1e-6)
    np.testing.assert_allclose(loss.backward(), numerical_gradient(exact, y), atol=1e-6)
    for wrong in (target[:2], target.ravel()):
        with pytest.raises(dt.ShapeError, match="target"):
            loss.forward(y, wrong)


def test_only_layers_before_the_first_weights_skip_the_gradient(rng):
    """The image's gradient is not computed; within a chain in a chain every needed one is."""
    inner = dt.nn.Sequential(linear(8, 4), dt.nn.Tanh())
    model = dt.nn.Sequential(dt.nn.Reshape(1, 4, 4), conv(1, 2, 3), dt.nn.Flatten(), inner, linear(4, 2))
    assert [layer.needs_input_grad for layer in model.layers] == [False, False, True, True, True]
    assert inner.layers[0].needs_input_grad
    model.forward(batch(rng, 3, 16))
    assert model.backward(batch(rng, 3, 2)) is None
    model.update(0.1)
    assert [tile.ledger["W"]["backward_reads"] for tile in model.tiles] == [0, 3, 3]
    wanted = dt.nn.Sequential(*model.layers, needs_input_grad=True)
    wanted.forward(batch(rng, 3, 16))
    assert wanted.backward(batch(rng, 3, 2)).shape == (3, 16)


def test_lenet5_is_the_papers_network(rng):
    model = dt.nn.lenet5(SGD, rng=0)
    assert repr(model) == (
        "Sequential(Reshape(1, 28, 28), Conv2d(1, 16, (5, 5)), MaxPool2d((2, 2), (2, 2)), Tanh(), "
        "Conv2d(16, 32, (5, 5)), MaxPool2d((2, 2), (2, 2)), Tanh(), Flatten(), Linear(512, 128), Tanh(), "
        "Linear(128, 10))"
    )
    assert [tile.shape for tile in model.tiles] == [(16, 25), (32, 400), (128, 512), (10, 128)]
    small = dt.nn.lenet5(SGD, image_shape=(3, 16, 20), classes=4, rng=0)
    assert small.forward(batch(rng, 2, 3, 16, 20)).shape == (2, 4)
    for shape in ((28, 28), (0, 28, 28), (1, 15, 28)):
        with pytest.raises(dt.ConfigError, match="image_shape"):
            dt.nn.lenet5(SGD, image_shape=shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": 0}, "kernel_size"),
        ({"kernel": (3, 0)}, r"kernel_size\[1\]"),
        ({"kernel": (3, 3, 3)}, "kernel_size"),
        ({"kernel": 2.5}, "kernel_size"),
        ({"stride": 0}, "stride"),
        ({"dilation": (1, 0)}, "dilation"),
        ({"padding": -1}, "padding"),
        ({"channels": 0}, "in_channels"),
        ({"m": 0}, "out_channels"),
    ],
)
def test_convolution_refuses_bad_options(options, message):
    with pytest.raises(dt.ConfigError, match=message):
        conv(**({"channels": 1, "m": 1, "kernel": 3} | options))


@pytest.mark.parametrize("layer", [conv(2, 3, 3), dt.nn.MaxPool2d(3), dt.nn.AvgPool2d(3)], ids=repr)
def test_image_layers_refuse_bad_shapes(layer, rng):
    with pytest.raises(dt.StateError, match="before forward"):
        layer.backward(batch(rng, 1, 3, 2, 2))
    with pytest.raises(dt.ShapeError, match="x has shape"):
        layer.forward(batch(rng, 2, 18))
    with pytest.raises(dt.ShapeError, match="smaller than 3x3"):
        layer.forward(batch(rng, 1, 2, 2, 9))
    y = layer.forward(batch(rng, 2, 2, 6, 6))
    with pytest.raises(dt.ShapeError, match="grad has shape"):
        layer.backward(y[:1])
    assert layer.backward(y).shape == (2, 2, 6, 6)


def test_convolution_refuses_other_channels(rng):
    for shape in ((1, 1, 5, 5), (0, 2, 5, 5)):
        with pytest.raises(dt.ShapeError, match=r"expected \(B, 2, H, W\)"):
            conv(2, 3, 3).forward(batch(rng, *shape))
