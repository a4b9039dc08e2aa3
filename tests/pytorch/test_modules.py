"""Modules give the numbers of the NumPy layers, bit by bit, on noisy hardware and over many steps."""

import numpy as np
import pytest
import torch

import dsptrack as dt
from helpers import ideal

ERIDER = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(reference_mean=0.4), columns_per_transfer=2)
SGD = dt.algorithms.AnalogSGD(device=dt.presets.reram_sb())
OPTIONS = [
    pytest.param({}, id="plain"),
    pytest.param({"bias": "analog", "max_input_size": 5}, id="analog-bias"),
    pytest.param({"bias": "none", "max_output_size": 3, "error_scale": "sum"}, id="no-bias"),
    pytest.param({"weight_scaling_omega": 0.5, "weight_scaling_columnwise": True}, id="scaled"),
    pytest.param({"learn_out_scaling": True, "max_input_size": 5}, id="gains"),
]


def batch(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def linear(rule, rng, **options):
    pair = [kind(8, 4, rule, rng=3, **options) for kind in (dt.torch.AnalogLinear, dt.nn.Linear)]
    return *pair, lambda: (batch(rng, 5, 8), batch(rng, 5, 4))


def conv(rule, rng, **options):
    geometry = {"stride": (2, 1), "padding": 1, "dilation": (1, 2)}
    pair = [kind(2, 4, 3, rule, rng=3, **geometry, **options) for kind in (dt.torch.AnalogConv2d, dt.nn.Conv2d)]
    return *pair, lambda: (batch(rng, 2, 2, 6, 6), batch(rng, 2, 4, 3, 4))


@pytest.mark.parametrize("rule", [ERIDER, SGD], ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("make", [linear, conv])
def test_training_gives_the_same_bits(make, options, rule, rng):
    module, layer, draw = make(rule, rng, **options)
    optimizer = dt.torch.AnalogSGD(module.parameters(), lr=0.05)
    first = layer.weights
    for step in range(6):
        x, grad = draw()
        tensor = torch.tensor(x, requires_grad=True)
        y = module(tensor)
        np.testing.assert_array_equal(y.detach().numpy(), layer.forward(x), err_msg=f"output {step}")
        optimizer.zero_grad()
        y.backward(torch.tensor(grad))
        np.testing.assert_array_equal(tensor.grad.numpy(), layer.backward(grad), err_msg=f"input gradient {step}")
        optimizer.step()
        layer.update(0.05)
        np.testing.assert_array_equal(module.weights.numpy(), layer.weights, err_msg=f"weights {step}")
        if options.get("bias", "digital") == "digital":
            np.testing.assert_array_equal(module.bias.detach().numpy(), layer.bias, err_msg=f"bias {step}")
    assert rule is ERIDER or not np.array_equal(layer.weights, first)
    assert [tile.ledger for tile in module.tiles] == [tile.ledger for tile in layer.tiles]
    assert sum(tile.ledger["P" if rule is ERIDER else "W"]["pulses_up"] for tile in module.tiles) > 0


def test_without_an_input_gradient_nothing_is_read_back(rng):
    module, layer, draw = linear(SGD, rng)
    layer.needs_input_grad = False
    x, grad = draw()
    module(torch.tensor(x)).backward(torch.tensor(grad))
    layer.forward(x)
    layer.backward(grad)
    assert [tile.ledger for tile in module.tiles] == [tile.ledger for tile in layer.tiles]


def test_a_network_learns_the_same_in_both(rng):
    """Two layers and a tanh of the same bits: PyTorch's graph joins them as Sequential does."""

    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.layer = dt.nn.Tanh()
            return torch.from_numpy(ctx.layer.forward(x.numpy()))

        @staticmethod
        def backward(ctx, grad):
            return torch.from_numpy(ctx.layer.backward(grad.numpy()))

    def pair(kind, seed):
        return kind(6, 5, SGD, rng=seed), kind(5, 2, SGD, rng=seed + 1)

    (first, second), layers = pair(dt.torch.AnalogLinear, 0), pair(dt.nn.Linear, 0)
    model = dt.nn.Sequential(layers[0], dt.nn.Tanh(), layers[1])
    optimizer = dt.torch.AnalogSGD([*first.parameters(), *second.parameters()], lr=0.1)
    for _ in range(5):
        x, grad = batch(rng, 4, 6), batch(rng, 4, 2)
        optimizer.zero_grad()
        second(Tanh.apply(first(torch.tensor(x)))).backward(torch.tensor(grad))
        optimizer.step()
        model.forward(x)
        model.backward(grad)
        model.update(0.1)
    for module, layer in zip((first, second), layers, strict=True):
        np.testing.assert_array_equal(module.weights.numpy(), layer.weights)
        np.testing.assert_array_equal(module.bias.detach().numpy(), layer.bias)


def test_gradients_against_those_of_pytorch(rng):
    """On ideal hardware the graph's gradients are those of the digital module with the same weights."""
    module = dt.torch.AnalogLinear(6, 4, ideal.SGD, **ideal.OPTIONS)
    digital = torch.nn.Linear(6, 4)
    module.set_weights(digital.weight, digital.bias)
    x = torch.tensor(batch(rng, 2, 3, 6))
    gradients = []
    for kind in (module, digital):
        leaf = x.clone().requires_grad_()
        torch.tanh(kind(leaf)).square().sum().backward()
        gradients.append((leaf.grad, kind.bias.grad))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(6,), (2, 6), (2, 3, 6), (1, 2, 3, 6)])
def test_leading_dimensions_count_vectors(shape, rng):
    module = dt.torch.AnalogLinear(6, 4, ideal.SGD, **ideal.OPTIONS)
    digital = torch.nn.Linear(6, 4)
    module.set_weights(digital.weight, digital.bias)
    x = torch.tensor(batch(rng, *shape))
    torch.testing.assert_close(module(x), digital(x), rtol=1e-5, atol=1e-6)


def test_inputs_in_any_memory_layout(rng):
    module = dt.torch.AnalogConv2d(2, 3, 3, ideal.SGD, **ideal.OPTIONS)
    x = torch.tensor(batch(rng, 2, 2, 5, 5))
    wanted = module(x)
    assert torch.equal(module(x.to(memory_format=torch.channels_last)), wanted)
    module(x.to(memory_format=torch.channels_last)).sum().backward()  # an expanded gradient
    assert len(module.analog.grad.passes) == 1


def test_tensors_are_not_copied(monkeypatch, rng):
    module = dt.torch.AnalogLinear(6, 4, SGD, rng=0)
    layer, seen = module.analog.layer, []

    def watch(name):
        method = getattr(layer, name)

        def watched(values):
            result = method(values)
            seen.append((values, result))
            return result

        monkeypatch.setattr(layer, name, watched)

    watch("forward")
    watch("backward")
    x = torch.tensor(batch(rng, 3, 6), requires_grad=True)
    grad = torch.ones(3, 4)
    y = module(x)
    y.backward(grad)
    for tensor, array in zip((x, y, grad, x.grad), (*seen[0], *seen[1]), strict=True):
        assert tensor.data_ptr() == array.ctypes.data


def test_reads_without_gradients_leave_nothing(rng):
    module, layer, draw = linear(SGD, rng)
    x, grad = draw()
    y = module(torch.tensor(x))
    layer.forward(x)
    module.eval()
    with torch.no_grad():
        between = module(torch.tensor(batch(rng, 7, 8)))
    assert not between.requires_grad
    module.train()
    y.backward(torch.tensor(grad))  # of the batch before
    assert len(module.analog.grad.passes) == 1
    layer.backward(grad)
    np.testing.assert_array_equal(module.bias.grad.numpy(), grad.sum(0))


def test_evaluation_is_as_noisy_as_training(rng):
    module = dt.torch.AnalogLinear(6, 4, SGD, rng=0)
    module.eval()
    x = torch.tensor(batch(rng, 3, 6))
    with torch.no_grad():
        assert not torch.equal(module(x), module(x))


def test_frozen_tiles(rng):
    module = dt.torch.AnalogLinear(6, 4, SGD, rng=0)
    module.analog.requires_grad_(False)
    optimizer = dt.torch.AnalogSGD(module.parameters(), lr=0.1)
    before = module.weights
    module(torch.tensor(batch(rng, 3, 6))).sum().backward()
    optimizer.step()
    assert torch.equal(module.weights, before)
    assert module.bias.tolist() == pytest.approx([-0.3] * 4)


def test_second_derivatives_are_refused(rng):
    module = dt.torch.AnalogLinear(6, 4, SGD, rng=0)
    x = torch.tensor(batch(rng, 3, 6), requires_grad=True)
    (slope,) = torch.autograd.grad(module(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda m: m(torch.zeros(2, 6, device="meta")), dt.ConfigError, "x: torch.float32 on meta"),
        (lambda m: m(torch.zeros(2, 6, dtype=torch.float64)), dt.ConfigError, "x: torch.float64 on cpu"),
        (lambda m: m.to("meta"), dt.ConfigError, "module: torch.float32 on meta"),
        (lambda m: torch.nn.Sequential(m).to("meta"), dt.ConfigError, "on meta"),
        (lambda m: m.double(), dt.ConfigError, "module: torch.float64"),
        (lambda m: m.half(), dt.ConfigError, "module: torch.float16"),
        (lambda m: m(torch.zeros(2, 5)), dt.ShapeError, r"\(2, 5\); expected \(..., 6\)"),
        (lambda m: m(torch.tensor(1.0)), dt.ShapeError, r"expected \(..., 6\)"),
        (lambda m: m(torch.zeros(0, 6)), dt.ShapeError, "x"),
        (lambda m: m(torch.full((2, 6), torch.nan)), dt.NonFiniteError, "x"),
        (lambda m: m(torch.ones(2, 6)).mul(torch.inf).sum().backward(), dt.NonFiniteError, "grad"),
        (lambda m: m.set_weights(torch.zeros(4, 5)), dt.ShapeError, "w"),
        (lambda m: m.set_weights(torch.ones(4, 6), torch.zeros(3)), dt.ShapeError, "bias"),
    ],
)
def test_errors_say_what_is_wrong_and_change_nothing(act, error, words):
    module = dt.torch.AnalogLinear(6, 4, SGD, rng=0)
    weights, bias = module.weights, module.bias.detach().clone()
    with pytest.raises(error, match=words):
        act(module)
    assert torch.equal(module.weights, weights)
    assert torch.equal(module.bias, bias)
    assert module.bias.dtype == torch.float32
    assert module.to("cpu").float() is module


def test_arguments_are_checked_as_by_the_numpy_layers():
    for options in ({"bias": True}, {"max_input_size": 0}, {"error_scale": "max"}):
        with pytest.raises(dt.ConfigError, match=next(iter(options))):
            dt.torch.AnalogLinear(6, 4, SGD, **options)
    with pytest.raises(dt.ConfigError, match="kernel_size"):
        dt.torch.AnalogConv2d(1, 2, 0, SGD)
