"""The optimizer: what a step consists of, and what it leaves alone."""

import numpy as np
import pytest
import torch

import dsptrack as dt
from helpers import ideal

LR = 2.0**-12


def exact(**options):
    """A module whose steps are so fine that W moves by -lr times the sum of outer products."""
    return dt.torch.AnalogLinear(6, 4, ideal.SGD, **(ideal.OPTIONS | options))


def pairs(rng, *sizes):
    draw = [(rng.standard_normal((n, 6)), rng.standard_normal((n, 4))) for n in sizes]
    return [(torch.tensor(x, dtype=torch.float32), torch.tensor(d, dtype=torch.float32)) for x, d in draw]


def backward(module, x, d):
    module(x).backward(d)


def moved(module, before, batches):
    """Assert that W moved by the outer products of these batches, each of the vectors rounded to a step."""
    wanted = before - LR * sum(d.T @ x for x, d in batches)
    vectors = sum(len(x) for x, _ in batches)
    torch.testing.assert_close(module.weights, wanted, rtol=0, atol=(vectors + 1) * ideal.STEP)


def test_passes_add_up_until_they_are_forgotten(rng):
    module, batches = exact(), pairs(rng, 3, 5)
    optimizer, before = dt.torch.AnalogSGD(module.parameters(), lr=LR), module.weights
    for x, d in batches:
        backward(module, x, d)
    assert len(module.analog.grad.passes) == 2
    optimizer.step()
    moved(module, before, batches)
    middle = module.weights
    optimizer.step()  # as with any optimizer of PyTorch: the gradient is still there
    moved(module, middle, batches)
    optimizer.zero_grad()
    after = module.weights
    optimizer.step()
    assert torch.equal(module.weights, after)


@pytest.mark.parametrize(
    "forget",
    [
        lambda module, optimizer: optimizer.zero_grad(),
        lambda module, optimizer: optimizer.zero_grad(set_to_none=False),
        lambda module, optimizer: module.zero_grad(),
        lambda module, optimizer: torch.optim.SGD(module.parameters(), lr=1.0).zero_grad(),
    ],
)
def test_forgotten_passes_leave_no_trace(forget, rng):
    module, (first, second) = exact(), pairs(rng, 3, 5)
    optimizer, before = dt.torch.AnalogSGD(module.parameters(), lr=LR), module.weights
    backward(module, *first)
    forget(module, optimizer)
    backward(module, *second)
    optimizer.step()
    moved(module, before, [second])
    torch.testing.assert_close(module.bias, -LR * second[1].sum(0))


def test_one_module_used_twice_in_a_graph(rng):
    module = dt.torch.AnalogLinear(4, 4, ideal.SGD, **ideal.OPTIONS)
    optimizer, before = dt.torch.AnalogSGD(module.parameters(), lr=LR), module.weights
    x = torch.tensor(rng.standard_normal((3, 4)), dtype=torch.float32)
    digital = torch.nn.Linear(4, 4)
    digital.load_state_dict({"weight": before, "bias": module.bias.detach()})
    for kind in (module, digital):
        kind(torch.tanh(kind(x))).square().sum().backward()
    optimizer.step()
    wanted = before - LR * digital.weight.grad
    torch.testing.assert_close(module.weights, wanted, rtol=0, atol=7 * ideal.STEP)
    assert not torch.allclose(module.weights, before, rtol=0, atol=20 * ideal.STEP)
    torch.testing.assert_close(module.bias.grad, digital.bias.grad)


def test_groups_have_their_own_rates(rng):
    modules, (batch,) = [exact(), exact()], pairs(rng, 3)
    optimizer = dt.torch.AnalogSGD(
        [{"params": modules[0].parameters()}, {"params": modules[1].parameters(), "lr": 0.0}], lr=LR
    )
    before = [module.weights for module in modules]
    for module in modules:
        backward(module, *batch)
    optimizer.step()
    moved(modules[0], before[0], [batch])
    assert torch.equal(modules[1].weights, before[1])
    assert modules[1].bias.tolist() == [0.0] * 4


def test_schedulers_change_the_rate(rng):
    module, (batch,) = exact(), pairs(rng, 3)
    optimizer = dt.torch.AnalogSGD(module.parameters(), lr=4 * LR)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    for rate in (4 * LR, 2 * LR, LR):
        before = module.weights
        optimizer.zero_grad()
        backward(module, *batch)
        optimizer.step()
        scheduler.step()
        wanted = before - rate * batch[1].T @ batch[0]
        torch.testing.assert_close(module.weights, wanted, rtol=0, atol=4 * ideal.STEP)


def test_digital_parameters_step_too(rng):
    model = torch.nn.Sequential(exact(), torch.nn.Linear(4, 2))
    optimizer, before = dt.torch.AnalogSGD(model.parameters(), lr=0.5), model[1].weight.detach().clone()
    model(pairs(rng, 3)[0][0]).sum().backward()
    optimizer.step()
    torch.testing.assert_close(model[1].weight, before - 0.5 * model[1].weight.grad)


def test_a_second_optimizer_for_the_digital_parameters(rng):
    module, (batch,) = exact(), pairs(rng, 3)
    tiles = dt.torch.AnalogSGD([module.analog], lr=LR)
    rest = torch.optim.Adam([module.bias], lr=0.1)
    before = module.weights
    backward(module, *batch)
    tiles.step()
    rest.step()
    moved(module, before, [batch])
    torch.testing.assert_close(module.bias, -0.1 * batch[1].sum(0).sign(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("other", [torch.optim.SGD, torch.optim.Adam])
def test_other_optimizers_leave_tiles_alone(other, rng):
    module, (batch,) = exact(), pairs(rng, 3)
    before = module.weights
    backward(module, *batch)
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    other(module.parameters(), lr=0.1).step()
    assert torch.equal(module.weights, before)
    assert not torch.equal(module.bias, torch.zeros(4))


def test_a_closure_is_called_with_gradients(rng):
    module, (batch,) = exact(), pairs(rng, 3)
    optimizer, before = dt.torch.AnalogSGD(module.parameters(), lr=LR), module.weights

    def closure():
        optimizer.zero_grad()
        loss = (module(batch[0]) * batch[1]).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).requires_grad
    moved(module, before, [batch])


@pytest.mark.parametrize("lr", [-0.1, float("nan"), float("inf"), "fast", None, True])
def test_rates_are_checked(lr):
    module = exact()
    with pytest.raises(dt.ConfigError, match="lr"):
        dt.torch.AnalogSGD(module.parameters(), lr=lr)
    optimizer = dt.torch.AnalogSGD(module.parameters(), lr=LR)
    optimizer.param_groups[0]["lr"] = lr
    with pytest.raises(dt.ConfigError, match="lr"):
        optimizer.step()


def test_a_rule_with_its_own_rate_learns_at_rate_0(rng):
    """As tiles and NumPy layers do: E-RIDER's fast_lr ignores the global rate."""
    rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    module = dt.torch.AnalogLinear(6, 4, rule, rng=0)
    optimizer = dt.torch.AnalogSGD(module.parameters(), lr=0.0)
    backward(module, *pairs(rng, 30)[0])
    optimizer.step()
    assert sum(dt.nn.pulses(dt.torch.tiles(module)).values()) > 0
    assert module.bias.tolist() == [0.0] * 4


def test_a_real_task_is_learned(rng):
    """Least squares on a fine device: the error falls to a hundredth."""
    target = torch.tensor(rng.uniform(-0.5, 0.5, (4, 6)), dtype=torch.float32)
    rule = dt.algorithms.AnalogSGD(device=dt.presets.idealized())
    module = dt.torch.AnalogLinear(6, 4, rule, rng=0)
    optimizer = dt.torch.AnalogSGD(module.parameters(), lr=0.1)
    before = (module.weights - target).square().mean()
    for _ in range(200):
        x = torch.tensor(rng.standard_normal((10, 6)), dtype=torch.float32)
        optimizer.zero_grad()
        (torch.nn.functional.mse_loss(module(x), x @ target.T) * 2).backward()
        optimizer.step()
    assert (module.weights - target).square().mean() < 0.01 * before
    assert np.isfinite(module.weights.numpy()).all()
