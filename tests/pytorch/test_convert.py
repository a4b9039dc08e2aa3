"""Digital models turned into analog ones."""

import pytest
import torch

import dsptrack as dt
from helpers import ideal

RULE = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
OPTIONS = {name: value for name, value in ideal.OPTIONS.items() if name != "rng"}


def digital():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding="same"),
        torch.nn.Tanh(),
        torch.nn.Sequential(torch.nn.Conv2d(3, 2, 2, stride=2, bias=False), torch.nn.Flatten()),
        torch.nn.Linear(8, 4),
    )


def test_a_converted_model_computes_the_same_on_ideal_hardware():
    model, x = digital(), torch.randn(5, 1, 4, 4)
    analog = dt.torch.convert(model, ideal.SGD, rng=0, **OPTIONS)
    names = [type(module).__name__ for module in (analog[0], analog[2][0], analog[3])]
    assert names == ["AnalogConv2d", "AnalogConv2d", "AnalogLinear"]
    assert analog[2][0].bias is None
    torch.testing.assert_close(analog(x), model(x), rtol=1e-5, atol=1e-6)
    for module, twin in ((analog[0], model[0]), (analog[2][0], model[2][0]), (analog[3], model[3])):
        assert torch.equal(module.weights, twin.weight)
    gradients = []
    for net in (model, analog):
        leaf = x.clone().requires_grad_()
        net(leaf).square().sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_the_model_stays_as_it_is():
    model = digital()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    analog = dt.torch.convert(model, RULE, ["3"], rng=0)
    optimizer = dt.torch.AnalogSGD(analog.parameters(), lr=0.1)
    analog(torch.randn(5, 1, 4, 4)).square().sum().backward()
    optimizer.step()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not torch.equal(analog[0].weight, model[0].weight)


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        (None, {"0", "2.0", "3"}),
        (["2.0", "3"], {"2.0", "3"}),
        ("3", {"3"}),
        ([], set()),
        (lambda name, module: isinstance(module, torch.nn.Conv2d), {"0", "2.0"}),
        (lambda name, module: name.startswith("2"), {"2.0"}),
    ],
)
def test_which_layers(layers, wanted):
    analog = dt.torch.convert(digital(), RULE, layers, rng=0)
    found = {name for name, module in analog.named_modules() if isinstance(module, dt.torch.AnalogModule)}
    assert found == wanted


def test_a_single_module():
    analog = dt.torch.convert(torch.nn.Linear(3, 2), RULE, rng=0)
    assert isinstance(analog, dt.torch.AnalogLinear)


def test_seeds_are_those_of_a_network_made_by_hand():
    model = torch.nn.Sequential(torch.nn.Linear(8, 5), torch.nn.Sigmoid(), torch.nn.Linear(5, 3))
    analog, again = (dt.torch.convert(model, RULE, rng=7) for _ in range(2))
    numpy = dt.nn.fcn(RULE, sizes=(8, 5, 3), rng=7)
    for one, two, three in zip(dt.torch.tiles(analog), dt.torch.tiles(again), numpy.tiles, strict=True):
        for name in ("P", "W"):
            cells = [tile.arrays[name].symmetric_point() for tile in (one, two, three)]
            assert (cells[0] == cells[1]).all()
            assert (cells[0] == cells[2]).all()


def test_shared_and_frozen_modules_stay_so():
    shared = torch.nn.Linear(4, 4)
    shared.weight.requires_grad_(False)
    model = torch.nn.Sequential(shared, torch.nn.Tanh(), shared).eval()
    analog = dt.torch.convert(model, RULE, rng=0)
    assert analog[0] is analog[2]
    assert not analog[0].analog.requires_grad
    assert analog[0].bias.requires_grad
    assert not analog[0].training


def test_weights_are_clipped_or_scaled():
    model = torch.nn.Linear(3, 2)
    torch.nn.init.constant_(model.weight, 50.0)
    clipped = dt.torch.convert(model, ideal.SGD, rng=0)
    assert clipped.weights.tolist() == [[10.0] * 3] * 2
    scaled = dt.torch.convert(model, ideal.SGD, weight_scaling_omega=1.0, rng=0)
    torch.testing.assert_close(scaled.weights, model.weight.detach())


def test_an_analog_bias_takes_the_values():
    model = torch.nn.Linear(3, 2)
    analog = dt.torch.convert(model, ideal.SGD, bias="analog", rng=0)
    assert analog.bias is None
    assert analog.analog.layer.bias.tolist() == model.bias.tolist()


@pytest.mark.parametrize(
    ("model", "layers", "words"),
    [
        (lambda: torch.nn.Sequential(torch.nn.Conv2d(2, 2, 3, groups=2)), None, "0: .*groups=1"),
        (lambda: torch.nn.Sequential(torch.nn.Conv2d(2, 2, 3, padding_mode="circular")), None, "0: .*padding_mode"),
        (lambda: torch.nn.Sequential(torch.nn.Conv2d(2, 2, 2, padding="same")), None, "0: .*odd kernel_size"),
        (lambda: torch.nn.Linear(2, 2, device="meta"), None, "float32 on meta"),
        (lambda: torch.nn.Linear(2, 2, dtype=torch.bfloat16), None, "bfloat16 on cpu"),
        (digital, ["0", "1"], r"\['1'\] are no Linear or Conv2d"),
        (digital, ["nothing"], r"must be among \['0', '2.0', '3'\]"),
    ],
)
def test_what_cannot_be_converted_is_named(model, layers, words):
    with pytest.raises(dt.ConfigError, match=words):
        dt.torch.convert(model(), RULE, layers, rng=0)


def test_unsupported_layers_can_be_left_out():
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 2, 3, groups=2), torch.nn.Conv2d(2, 2, 3))
    analog = dt.torch.convert(model, RULE, ["1"], rng=0)
    assert type(analog[0]) is torch.nn.Conv2d
