"""State dicts with the tiles inside: saved, loaded safely, refused."""

import io

import pytest
import safetensors.torch
import torch

import dsptrack as dt

RULE = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2(), columns_per_transfer=2)


def model(rng, rule=RULE, outputs=2, **options):
    first = dt.torch.AnalogConv2d(1, 3, 3, rule, rng=rng, learn_out_scaling=True, weight_scaling_omega=0.5, **options)
    return torch.nn.Sequential(
        first, torch.nn.Tanh(), torch.nn.Flatten(), dt.torch.AnalogLinear(12, outputs, rule, rng=rng + 1)
    )


def train(model, generator, steps=4):
    optimizer = dt.torch.AnalogSGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(5, 1, 4, 4, generator=generator)).square().mean().backward()
        optimizer.step()


def through_torch(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def through_safetensors(state):
    return safetensors.torch.load(safetensors.torch.save(state))


@pytest.mark.parametrize("carry", [through_torch, through_safetensors])
def test_a_loaded_model_goes_on_with_the_same_bits(carry):
    one, other = model(0), model(100)
    train(one, torch.Generator().manual_seed(0))
    state = carry(one.state_dict())
    assert all(type(value) is torch.Tensor for value in state.values())
    assert set(state) == {"0.analog", "0.bias", "0._extra_state", "3.analog", "3.bias", "3._extra_state"}
    other.load_state_dict(state)
    for net in (one, other):
        train(net, torch.Generator().manual_seed(1))
    assert [tile.ledger for tile in dt.torch.tiles(one)] == [tile.ledger for tile in dt.torch.tiles(other)]
    after, wanted = other.state_dict(), one.state_dict()
    assert all(torch.equal(after[name], wanted[name]) for name in wanted)
    assert not torch.equal(wanted["3._extra_state"], state["3._extra_state"])


def changed(state, change):
    state = {name: value.clone() for name, value in state.items()}
    change(state)
    return state


def flip(state):
    state["3._extra_state"][-1] ^= 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param(lambda: changed(model(0).state_dict(), flip), "checksum", id="damaged"),
        pytest.param(
            lambda: model(0).state_dict() | {"3._extra_state": torch.zeros(3)}, "tensor of bytes", id="no-bytes"
        ),
        pytest.param(lambda: model(0).state_dict() | {"3._extra_state": {}}, "tensor of bytes", id="no-tensor"),
        pytest.param(
            lambda: model(0, dt.algorithms.AGAD(device=dt.presets.reram_array_hfo2())).state_dict(),
            "algorithm",
            id="other-rule",
        ),
    ],
)
def test_states_that_do_not_fit_are_refused(state, words):
    net = model(0)
    train(net, torch.Generator().manual_seed(0))
    before = net[3].state_dict()
    with pytest.raises(dt.SnapshotError, match=words):
        net.load_state_dict(state())
    assert torch.equal(net[3].state_dict()["_extra_state"], before["_extra_state"])


def test_missing_tiles_are_named():
    net = model(0)
    state = net.state_dict()
    del state["3._extra_state"]
    with pytest.raises(RuntimeError, match=r"3\._extra_state"):
        net.load_state_dict(state)


def test_the_optimizer_has_a_state():
    net = model(0)
    optimizer = dt.torch.AnalogSGD(net.parameters(), lr=0.1)
    optimizer.param_groups[0]["lr"] = 0.025
    state = through_torch(optimizer.state_dict())
    again = dt.torch.AnalogSGD(net.parameters(), lr=0.1)
    again.load_state_dict(state)
    assert again.param_groups[0]["lr"] == 0.025
    again.load_state_dict(state | {"param_groups": [state["param_groups"][0] | {"lr": -1.0}]})
    with pytest.raises(dt.ConfigError, match="lr"):
        again.step()
