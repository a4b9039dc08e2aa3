"""The same work on aihwkit."""

import itertools
from typing import Any

import aihwkit
import numpy as np
import torch
from aihwkit.nn import AnalogConv2d, AnalogLinear
from aihwkit.optim import AnalogSGD
from aihwkit.simulator import configs
from aihwkit.simulator.presets import devices
from aihwkit.simulator.tiles import AnalogTile
from torch import nn
from work import SIZE, Case, Work, checks_of, start, vectors


def about() -> dict[str, object]:
    """What does the work."""
    return {"name": "aihwkit", "version": aihwkit.__version__, "torch": torch.__version__}


def build(value: Any) -> Any:
    """Return the peer's object of a dictionary with a class, and whatever else as it is."""
    if isinstance(value, list):
        return [build(item) for item in value]
    if not isinstance(value, dict):
        return value
    name = value["class"]
    made = getattr(configs, name, None) or getattr(devices, name)
    return made(**{key: build(item) for key, item in value.items() if key != "class"})


def config_of(case: Case) -> Any:
    """The configuration of `case`."""
    fields = dict(case.config)
    if "update" in fields:
        fields["update"] = {"class": "UpdateParameters", **fields["update"]}
    return build(fields)


def make(case: Case, images: str, threads: int) -> Work:
    """Return the work of `case`, ready to run."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if case.kind == "network":
        return network(case, images)
    tile = AnalogTile(SIZE, SIZE, config_of(case))
    tile.set_learning_rate(case.lr)
    tile.set_weights(torch.from_numpy(start(case)))
    if case.kind == "shift":
        signs = torch.ones(2000, SIZE)
        signs[::2] = -1  # an update goes against the gradient: up first, down last
        ones = torch.ones(2000, SIZE)
        tile.set_learning_rate(case.config["device"].get("dw_min", 0.001))

        def shifted() -> dict[str, float]:
            tile.update(ones, signs)
            return {"rms of weights": float(tile.get_weights()[0].square().mean().sqrt())}

        return (lambda: tile.update(ones, signs)), shifted
    x, d = (torch.from_numpy(v) for v in vectors(case))
    if case.kind == "read":

        def read() -> dict[str, float]:
            w = tile.get_weights()[0]
            errors = (tile.joint_forward(x) - x @ w.T, tile.backward(d) - d @ w)
            names = ("forward", "backward")
            return {f"rms error, {name}": float(e.std()) for name, e in zip(names, errors, strict=True)}

        return (lambda: (tile.joint_forward(x), tile.backward(d))), read

    def once() -> tuple[np.ndarray, np.ndarray]:
        tile.set_weights(torch.from_numpy(start(case)))
        before = tile.get_weights()[0].clone().numpy()
        tile.update(x, d)
        return tile.get_weights()[0].clone().numpy(), before

    gradients = itertools.cycle((d, -d))  # there and back, so that the weights stay where they are

    def step() -> None:
        if case.near:
            tile.set_weights(torch.from_numpy(start(case)))
        tile.update(x, d if case.near else next(gradients))

    return step, lambda: checks_of(once)


def network(case: Case, images: str) -> Work:
    """Mini-batches of training."""

    def linear(n_in: int, n_out: int) -> nn.Module:
        return AnalogLinear(n_in, n_out, True, rpu_config=config_of(case))

    if case.network == "fcn":
        model = nn.Sequential(linear(784, 256), nn.Sigmoid(), linear(256, 128), nn.Sigmoid(), linear(128, 10))
    else:
        conv = [AnalogConv2d(n_in, n_out, 5, rpu_config=config_of(case)) for n_in, n_out in ((1, 16), (16, 32))]
        shape = nn.Unflatten(1, (1, 28, 28))
        first = [shape, conv[0], nn.MaxPool2d(2), nn.Tanh(), conv[1], nn.MaxPool2d(2), nn.Tanh(), nn.Flatten()]
        model = nn.Sequential(*first, linear(512, 128), nn.Tanh(), linear(128, 10))
    loss, optimizer = nn.CrossEntropyLoss(), AnalogSGD(model.parameters(), lr=case.lr)
    optimizer.regroup_param_groups(model)
    with np.load(images) as data:
        x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"].astype(np.int64))
    count = iter(range(1 << 60))

    def step() -> None:
        at = next(count) * case.batch % (len(x) - case.batch)
        optimizer.zero_grad()
        loss(model(x[at : at + case.batch]), y[at : at + case.batch]).backward()
        optimizer.step()

    def fast() -> list[torch.Tensor]:
        tiles = [tile for module in model.modules() if hasattr(module, "analog_tiles") for tile in own(module)]
        return [tile.get_hidden_parameters()["hidden_weights_0"].clone() for tile in tiles]

    def own(module: nn.Module) -> list[Any]:
        return list(module.analog_tiles()) if isinstance(module, AnalogLinear | AnalogConv2d) else []

    def check() -> dict[str, float]:
        before = fast()
        for _ in range(20):
            step()
        change = torch.cat([(after - b).ravel() for after, b in zip(fast(), before, strict=True)])
        return {"rms change of P in 20 steps": float(change.square().mean().sqrt())}

    return step, check


def updated(case: Case, side: int) -> AnalogTile:
    """Return a tile that has been updated once."""
    tile = AnalogTile(side, side, config_of(case))
    tile.set_learning_rate(case.lr)
    tile.update(torch.ones(1, side), torch.ones(1, side))
    return tile
