"""The work on dsptrack."""

import dataclasses
import itertools

import numpy as np
from work import SIZE, Case, Work, checks_of, start, vectors

import dsptrack as dt
from dsptrack import _core, nn


def about() -> dict[str, object]:
    """What does the work."""
    return {"name": "dsptrack", "version": dt.__version__, "isa": _core.isa(), "stream_version": dt.STREAM_VERSION}


def save_images(file: str) -> None:
    """Write the images that networks are trained on."""
    data = dt.datasets.load("mnist5k")
    np.savez(file, x=data.train_x[:1000].astype(np.float32), y=data.train_y[:1000])


def make(case: Case, images: str, threads: int) -> Work:
    """Return the work of `case`, ready to run."""
    hardware = dt.compat.from_aihwkit({k: v for k, v in case.config.items() if k != "class"})
    update = dataclasses.replace(hardware.update, fidelity=case.fidelity)
    if case.kind == "network":
        return network(case, hardware, update, images, threads)
    options = {**hardware.tile_options, "update": update}
    tile = dt.AnalogTile((SIZE, SIZE), hardware.algorithm, rng=0, num_threads=threads, **options)
    if case.kind == "shift":
        (array,) = tile.arrays.values()
        return (lambda: dt.zero_shift(array, 2000, fidelity=case.fidelity)), (lambda: shifted(array, case))
    x, d = vectors(case)
    tile.set_weights(start(case))
    if case.kind == "read":
        return (lambda: (tile.forward(x), tile.backward(d))), (lambda: read(tile, x, d))

    def once() -> tuple[np.ndarray, np.ndarray]:
        tile.set_weights(start(case))
        before = tile.weights.copy()
        tile.update(x, d, lr=case.lr)
        return tile.weights.copy(), before

    gradients = itertools.cycle((d, -d))  # there and back, so that the weights stay where they are

    def step() -> None:
        if case.near:
            tile.set_weights(start(case))
        tile.update(x, d if case.near else next(gradients), lr=case.lr)

    return step, lambda: checks_of(once)


def shifted(array: dt.CrossbarArray, case: Case) -> dict[str, float]:
    """Statistics of zero-shifted weights."""
    dt.zero_shift(array, 2000, fidelity=case.fidelity)
    weights = array.weights
    return {"rms of weights": float(np.sqrt((weights**2).mean()))}


def read(tile: dt.AnalogTile, x: np.ndarray, d: np.ndarray) -> dict[str, float]:
    """Errors of both reads."""
    errors = (tile.forward(x) - x @ tile.weights.T, tile.backward(d) - d @ tile.weights)
    return {f"rms error, {name}": float(e.std()) for name, e in zip(("forward", "backward"), errors, strict=True)}


def network(case: Case, hardware: dt.compat.Conversion, update: dt.PulseUpdate, images: str, threads: int) -> Work:
    """Mini-batches of training."""
    options = {**hardware.layer_options, "update": update, "num_threads": threads}
    build = nn.fcn if case.network == "fcn" else nn.lenet5
    model, loss = build(hardware.algorithm, rng=0, **options), nn.CrossEntropyLoss()
    with np.load(images) as data:
        x, y = data["x"], data["y"]
    count, losses = iter(range(1 << 60)), []

    def step() -> None:
        at = next(count) * case.batch % (len(x) - case.batch)
        losses.append(loss.forward(model.forward(x[at : at + case.batch]), y[at : at + case.batch]))
        model.backward(loss.backward())
        model.update(case.lr)

    def check() -> dict[str, float]:
        before = [tile.arrays["P"].weights.copy() for tile in model.tiles]
        for _ in range(20):
            step()
        change = np.concatenate([(t.arrays["P"].weights - b).ravel() for t, b in zip(model.tiles, before, strict=True)])
        return {"rms change of P in 20 steps": float(np.sqrt((change**2).mean()))}

    return step, check


def updated(case: Case, side: int) -> dt.AnalogTile:
    """Return a tile that has been updated once."""
    hardware = dt.compat.from_aihwkit({k: v for k, v in case.config.items() if k != "class"})
    tile = dt.AnalogTile((side, side), hardware.algorithm, rng=0, **hardware.tile_options)
    tile.update(np.ones((1, side), np.float32), np.ones((1, side), np.float32), lr=case.lr)
    return tile
