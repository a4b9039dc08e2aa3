"""Layers, losses and the trainer against NumPy in float64, on nearly ideal hardware."""

import json

import numpy as np
import pytest
from scipy.special import log_softmax

import dsptrack as dt
from helpers.ideal import SGD, STEP, linear
from helpers.network import numerical_gradient

SCALINGS = [
    pytest.param({}, id="plain"),
    pytest.param({"weight_scaling_omega": 0.6}, id="scaled"),
    pytest.param({"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True}, id="scaled-by-output"),
    pytest.param({"learn_out_scaling": True}, id="learned"),
    pytest.param(
        {"weight_scaling_omega": 0.3, "weight_scaling_columnwise": True, "learn_out_scaling": True}, id="both"
    ),
]
SPLITS = [pytest.param(512, 512, id="one-tile"), pytest.param(3, 512, id="inputs"), pytest.param(3, 2, id="both-ways")]


def batch(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


ACTIVATIONS = {
    dt.nn.Sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    dt.nn.Tanh: np.tanh,
    dt.nn.ReLU: lambda x: np.maximum(x, 0),
    dt.nn.LogSoftmax: lambda x: log_softmax(x, axis=1),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations(kind, rng):
    x, weight = batch(rng, 4, 5), batch(rng, 4, 5)
    layer, exact = kind(), ACTIVATIONS[kind]
    np.testing.assert_allclose(layer.forward(x), exact(x.astype(np.float64)), rtol=1e-5, atol=1e-6)
    wanted = numerical_gradient(lambda z: float((exact(z) * weight).sum()), x)
    np.testing.assert_allclose(layer.backward(weight), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_do_not_overflow(kind):
    assert np.isfinite(kind().forward(np.array([[-1e30, 0.0, 1e30]], np.float32))).all() or kind in (
        dt.nn.LogSoftmax,
        dt.nn.ReLU,
    )


@pytest.mark.parametrize("kind", [dt.nn.NLLLoss, dt.nn.CrossEntropyLoss])
def test_losses(kind, rng):
    z, labels = batch(rng, 6, 4), rng.integers(0, 4, 6)
    if kind is dt.nn.NLLLoss:
        z = log_softmax(z, axis=1).astype(np.float32)

    def exact(values):
        log_p = values if kind is dt.nn.NLLLoss else log_softmax(values, axis=1)
        return -float(np.mean(log_p[np.arange(6), labels]))

    loss = kind()
    assert loss.forward(z, labels) == pytest.approx(exact(z.astype(np.float64)), rel=1e-5)
    np.testing.assert_allclose(loss.backward(), numerical_gradient(exact, z), rtol=1e-4, atol=1e-6)


def test_cross_entropy_is_log_softmax_and_nll(rng):
    z, labels = batch(rng, 5, 3), rng.integers(0, 3, 5)
    whole, head, tail = dt.nn.CrossEntropyLoss(), dt.nn.LogSoftmax(), dt.nn.NLLLoss()
    assert whole.forward(z, labels) == pytest.approx(tail.forward(head.forward(z), labels))
    np.testing.assert_allclose(whole.backward(), head.backward(tail.backward()), atol=1e-6)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0], [], [[0, 1]]])
def test_losses_refuse_labels_that_do_not_fit(labels):
    with pytest.raises(dt.ShapeError, match="labels"):
        dt.nn.CrossEntropyLoss().forward(np.zeros((2, 3), np.float32), np.array(labels))


def test_backward_before_forward():
    for call in (dt.nn.NLLLoss().backward, lambda: linear(2, 1).backward(np.zeros((1, 1), np.float32))):
        with pytest.raises(dt.StateError, match="before forward"):
            call()
    layer = linear(2, 1)
    layer.forward(np.zeros((1, 2), np.float32))
    with pytest.raises(dt.StateError, match="before backward"):
        layer.update(0.1)


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(("most_inputs", "most_outputs"), SPLITS)
def test_linear_reads(scaling, most_inputs, most_outputs, rng):
    layer = linear(7, 5, max_input_size=most_inputs, max_output_size=most_outputs, **scaling)
    w, x, grad = batch(rng, 5, 7), batch(rng, 4, 7), batch(rng, 4, 5)
    layer.set_weights(w)
    layer.bias[:] = batch(rng, 5)
    np.testing.assert_allclose(layer.weights, w, rtol=1e-5)
    np.testing.assert_allclose(layer.forward(x), x @ w.T + layer.bias, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.backward(grad), grad @ w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("error_scale", ["mean", "sum"])
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(("most_inputs", "most_outputs"), SPLITS)
def test_linear_update(error_scale, scaling, most_inputs, most_outputs, rng):
    """One step of W, b and the learned scales, against the equations of the class in float64."""
    layer = linear(7, 5, max_input_size=most_inputs, max_output_size=most_outputs, error_scale=error_scale, **scaling)
    w, x, grad = batch(rng, 5, 7), batch(rng, 4, 7), batch(rng, 4, 5)
    layer.set_weights(w)
    lr = 1e-4
    layer.forward(x)
    layer.backward(grad)
    layer.update(lr)
    gain = len(x) if error_scale == "sum" else 1
    step = -lr * gain * grad.T.astype(np.float64) @ x
    np.testing.assert_allclose(layer.bias, -lr * grad.sum(0), rtol=1e-5)
    if "learn_out_scaling" not in scaling:
        # every vector's step is rounded to STEP, times a weight scaling of up to max|w| / omega
        np.testing.assert_allclose(layer.weights - w, step, atol=4 * STEP * 10)
        return
    by_tile = iter([block for row in layer._grid.blocks for block in row])
    for rows in layer._grid.rows:
        for columns in layer._grid.columns:
            block = next(by_tile)
            learned = 1 - lr * np.sum(grad[:, rows] * (x[:, columns] @ w[rows, columns].T), dtype=np.float64)
            assert block.gain == pytest.approx(learned, abs=1e-6)
            np.testing.assert_allclose(
                block.weights / block.gain - w[rows, columns], step[rows, columns], atol=4 * STEP * 10
            )


def test_learned_scale_enters_the_tiles_error(rng):
    """With s = 2 the tile sees twice the error, in the backward read and in the update."""
    layer = linear(3, 2, learn_out_scaling=True, bias="none")
    w, x, grad = batch(rng, 2, 3), batch(rng, 1, 3), batch(rng, 1, 2)
    layer.set_weights(w)
    layer._grid.blocks[0][0].gain = 2.0
    np.testing.assert_allclose(layer.forward(x), 2 * x @ w.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.backward(grad), 2 * grad @ w, rtol=1e-5, atol=1e-6)
    layer.update(1e-4)
    np.testing.assert_allclose(layer.tiles[0].weights - w, -2e-4 * grad.T @ x, atol=2 * STEP)


def test_split_is_near_equal():
    layer = linear(784, 10)
    assert [tile.shape for tile in layer.tiles] == [(10, 392), (10, 392)]
    layer = linear(11, 7, max_input_size=4, max_output_size=3)
    assert sorted({tile.shape for tile in layer.tiles}) == [(2, 3), (2, 4), (3, 3), (3, 4)]
    assert len(layer.tiles) == 9


def test_initial_weights():
    first, again, other = linear(100, 50), linear(100, 50), linear(100, 50, rng=1)
    np.testing.assert_array_equal(first.weights, again.weights)
    assert not np.array_equal(first.weights, other.weights)
    w = linear(600, 50).weights  # two tiles: the limit is that of the whole layer
    limit = 1 / np.sqrt(600)
    assert 0.99 * limit < abs(w).max() <= limit * (1 + 1e-6)
    assert w.std() == pytest.approx(limit / np.sqrt(3), rel=0.03)


def test_first_layer_spares_its_backward_read(rng):
    model = dt.nn.Sequential(linear(4, 3), dt.nn.Tanh(), linear(3, 2, rng=1))
    model.forward(batch(rng, 5, 4))
    assert model.backward(batch(rng, 5, 2)) is None
    assert [tile.ledger["W"]["backward_reads"] for tile in model.tiles] == [0, 5]


def test_network_gradient_is_the_numerical_one(rng):
    model = dt.nn.Sequential(
        linear(6, 5, max_input_size=4), dt.nn.Sigmoid(), linear(5, 4, rng=1), dt.nn.Tanh(), linear(4, 3, rng=2),
        needs_input_grad=True,
    )  # fmt: skip
    loss, x, labels = dt.nn.CrossEntropyLoss(), batch(rng, 4, 6), rng.integers(0, 3, 4)
    first, second, third = (model.layers[i] for i in (0, 2, 4))

    def exact(values):
        hidden = 1 / (1 + np.exp(-(values @ first.weights.T.astype(np.float64))))
        hidden = np.tanh(hidden @ second.weights.T.astype(np.float64))
        return -float(np.mean(log_softmax(hidden @ third.weights.T, axis=1)[np.arange(4), labels]))

    assert loss.forward(model.forward(x), labels) == pytest.approx(exact(x.astype(np.float64)), rel=1e-5)
    np.testing.assert_allclose(model.backward(loss.backward()), numerical_gradient(exact, x), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"error_scale": "median"}, "error_scale"),
        ({"weight_scaling_omega": -0.1}, "weight_scaling_omega"),
        ({"weight_scaling_omega": float("nan")}, "weight_scaling_omega"),
        ({"max_input_size": 0}, "max_input_size"),
        ({"max_output_size": 1.5}, "max_output_size"),
        ({"rng": -1}, "rng"),
        ({"forward": None}, "forward"),
    ],
)
def test_linear_refuses_bad_options(options, message):
    with pytest.raises(dt.ConfigError, match=message):
        linear(3, 2, **options)


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3"])
def test_linear_refuses_bad_sizes(size):
    with pytest.raises(dt.ConfigError, match="in_features"):
        linear(size, 2)
    with pytest.raises(dt.ConfigError, match="out_features"):
        linear(2, size)


def test_linear_refuses_bad_shapes():
    layer = linear(3, 2)
    with pytest.raises(dt.ShapeError, match="x has shape"):
        layer.forward(np.zeros(3, np.float32))
    with pytest.raises(dt.ShapeError, match=r"Linear\(3, 2\)"):
        layer.forward(np.zeros((1, 4), np.float32))
    layer.forward(np.zeros((2, 3), np.float32))
    with pytest.raises(dt.ShapeError, match="grad"):
        layer.backward(np.zeros((1, 2), np.float32))
    with pytest.raises(dt.ShapeError, match="w has shape"):
        layer.set_weights(np.zeros((3, 2)))


def test_sequential_needs_a_layer():
    with pytest.raises(dt.ConfigError, match="layers"):
        dt.nn.Sequential()


def test_divergence_names_the_layer(rng):
    model = dt.nn.Sequential(linear(3, 4), dt.nn.Sigmoid(), linear(4, 2, rng=1))
    x = batch(rng, 2, 3)
    # Sigmoid would turn the overflow into ones: the layer that made it must be the one that is named.
    model.layers[0].bias[:] = np.inf
    with pytest.raises(dt.exceptions.DivergenceError, match=r"forward of layer 0, Linear\(3, 4\)"):
        model.forward(x)
    model.layers[0].bias[:] = 0
    model.forward(x)
    with pytest.raises(dt.exceptions.DivergenceError, match=r"layer 2, Linear\(4, 2\)"):
        model.backward(np.full((2, 2), np.nan, np.float32))
    with pytest.raises(dt.exceptions.DivergenceError, match="layer 0"):
        model.forward(np.full((2, 3), np.nan, np.float32))
    with pytest.raises(ArithmeticError):
        model.forward(np.full((2, 3), np.inf, np.float32))


def blobs(rng, n=120, features=6, classes=3):
    """Well separated clouds in [0, 1]."""
    centres = rng.random((classes, features))
    y = np.arange(n) % classes
    x = np.clip(centres[y] + 0.05 * rng.standard_normal((n, features)), 0, 1).astype(np.float32)
    half = n // 2
    return dt.datasets.Dataset(x[:half], y[:half], x[half:], y[half:], "blobs", "synthetic")


def test_trainer_follows_sgd_in_numpy(rng):
    """A whole run, against float64 SGD with the same order of images."""
    data = blobs(rng)
    model = dt.nn.Sequential(linear(6, 8), dt.nn.Sigmoid(), linear(8, 3, rng=1))
    layers = [model.layers[0], model.layers[2]]
    w = [layer.weights.astype(np.float64) for layer in layers]
    b = [np.zeros(len(each)) for each in w]
    trainer = dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.01, batch_size=7, rng=5)
    trainer.fit(data, 4, progress=False)

    for epoch in (1, 2, 3, 4):
        picks = np.random.default_rng([*dt._rng.key(5), epoch]).permutation(len(data.train_x))
        for start in range(0, len(picks), 7):
            chosen = picks[start : start + 7]
            x, y = data.train_x[chosen].astype(np.float64), data.train_y[chosen]
            hidden = 1 / (1 + np.exp(-(x @ w[0].T + b[0])))
            grad = np.exp(log_softmax(hidden @ w[1].T + b[1], axis=1))
            grad[np.arange(len(y)), y] -= 1
            grad /= len(y)
            back = grad @ w[1] * hidden * (1 - hidden)
            for i, (g, inputs) in enumerate(((back, x), (grad, hidden))):
                w[i] -= 0.01 * g.T @ inputs
                b[i] -= 0.01 * g.sum(0)
    for layer, exact_w, exact_b in zip(layers, w, b, strict=True):
        # 36 mini-batches of up to 7 vectors, each rounded to STEP
        np.testing.assert_allclose(layer.weights, exact_w, atol=5e-5)
        np.testing.assert_allclose(layer.bias, exact_b, atol=5e-5)


def test_history(rng, capsys):
    data = blobs(rng)
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(), chop_probability=0.5)
    model = dt.nn.fcn(rule, sizes=(6, 5, 3), rng=0)
    trainer = dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, batch_size=8, rng=0)
    seen = []
    records = trainer.fit(data, 2, progress=False, on_epoch=seen.append)
    records += trainer.fit(data, 1, progress=False)
    assert capsys.readouterr().err == ""
    assert [record.epoch for record in records] == [1, 2, 3]
    assert trainer.history == records
    assert seen == records[:2]
    last = records[-1]
    assert set(last.pulses) == {"P", "W"}
    assert last.pulses["P"] == sum(
        tile.ledger["P"]["pulses_up"] + tile.ledger["P"]["pulses_down"] for tile in model.tiles
    )
    assert last.programming_events == sum(tile.ledger["reference"]["programming_events"] for tile in model.tiles) > 0
    assert list(last.sp_error_by_layer) == ["0 Linear(6, 5)", "2 Linear(5, 3)"]
    first, second = (last.sp_error_by_layer[name] for name in last.sp_error_by_layer)
    assert last.sp_error == pytest.approx(np.sqrt((30 * first**2 + 15 * second**2) / 45))
    assert last.seconds > 0
    assert json.loads(json.dumps(last.to_dict()))["epoch"] == 3


def test_rules_without_an_estimate_have_no_sp_error(rng):
    model = dt.nn.fcn(SGD, sizes=(6, 3), rng=0)
    (record,) = dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, rng=0).fit(blobs(rng), 1, progress=False)
    assert record.sp_error is None
    assert record.programming_events == 0
    assert set(record.pulses) == {"W"}


def test_progress_bar_on_stderr(rng, capsys):
    model = dt.nn.fcn(SGD, sizes=(6, 3), rng=0)
    dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, rng=0).fit(blobs(rng), 1, progress=True, label="here")
    captured = capsys.readouterr()
    assert "here" in captured.err
    assert captured.out == ""


def test_threads_and_repeats_give_the_same_bits(rng):
    data = blobs(rng)
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(), chop_probability=0.5)
    runs = []
    for num_threads in (1, 2, 1):
        model = dt.nn.fcn(rule, sizes=(6, 20, 3), rng=3, num_threads=num_threads)
        dt.nn.Trainer(model, dt.nn.CrossEntropyLoss(), lr=0.1, rng=4).fit(data, 2, progress=False)
        runs.append([layer.weights for layer in model.layers if layer.tiles])
    for other in runs[1:]:
        for a, b in zip(runs[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_trainer_refuses_bad_arguments(rng):
    model, loss = dt.nn.fcn(SGD, sizes=(6, 3), rng=0), dt.nn.CrossEntropyLoss()
    for options in ({"lr": -0.1}, {"lr": float("inf")}, {"lr": 0.1, "batch_size": 0}):
        with pytest.raises(dt.ConfigError):
            dt.nn.Trainer(model, loss, **options)
    trainer = dt.nn.Trainer(model, loss, lr=0.1)
    data = blobs(rng)
    with pytest.raises(dt.ConfigError, match="epochs"):
        trainer.fit(data, 0)
    short = dt.datasets.Dataset(data.train_x, data.train_y[1:], data.test_x, data.test_y, "short", "")
    with pytest.raises(dt.ShapeError, match="labels"):
        trainer.fit(short, 1)
    assert trainer.history == []


def test_fcn_is_the_papers_network():
    model = dt.nn.fcn(SGD, rng=0)
    assert repr(model) == "Sequential(Linear(784, 256), Sigmoid(), Linear(256, 128), Sigmoid(), Linear(128, 10))"
    with pytest.raises(dt.ConfigError, match="sizes"):
        dt.nn.fcn(SGD, sizes=(784,))
