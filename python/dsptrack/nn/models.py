"""The networks of the paper."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dsptrack._checks import whole
from dsptrack._rng import RngLike, key, unspent
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ConfigError

from .activations import Sigmoid, Tanh
from .conv import Conv2d
from .layer import Layer
from .linear import Linear
from .pooling import MaxPool2d
from .reshape import Flatten, Reshape
from .sequential import Sequential


@unspent
def fcn(
    algorithm: Algorithm,
    *,
    sizes: Sequence[int] = (784, 256, 128, 10),
    rng: RngLike = None,
    **options: Any,
) -> Sequential:
    """Return the paper's fully connected network, 784-256-128-10, all layers analog, sigmoids between them.

    Parameters
    ----------
    algorithm
        The learning rule of every tile.
    sizes
        Numbers of inputs, hidden units and classes, at least two of them.
    rng
        Seed of all initial weights and tiles; a Generator is advanced.
    **options
        Passed to every Linear.

    Returns
    -------
    Sequential
        Its outputs are logits, for CrossEntropyLoss.

    Raises
    ------
    ConfigError
        If `sizes` is too short or an option is out of range.

    Notes
    -----
    Source: the FCN of Table 2 of arXiv 2602.21321.

    Examples
    --------
    >>> import dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> dt.nn.fcn(rule, sizes=(64, 16, 10), rng=0)
    Sequential(Linear(64, 16), Sigmoid(), Linear(16, 10))
    """
    if len(sizes) < 2:
        raise ConfigError(f"sizes = {tuple(sizes)}: must be at least (inputs, outputs)")
    generator = np.random.default_rng(key(rng))
    layers: list[Layer] = []
    for n_in, n_out in pairwise(sizes):
        layers += [Linear(n_in, n_out, algorithm, rng=generator, **options), Sigmoid()]
    return Sequential(*layers[:-1])


@unspent
def lenet5(
    algorithm: Algorithm,
    *,
    image_shape: tuple[int, int, int] = (1, 28, 28),
    classes: int = 10,
    rng: RngLike = None,
    **options: Any,
) -> Sequential:
    """Return the paper's convolutional network in the style of LeNet-5, all layers analog.

    Two 5x5 convolutions of 16 and 32 channels, each followed by 2x2 max pooling and tanh; then fully connected
    512 -> 128 -> 10 with tanh between.

    Parameters
    ----------
    algorithm
        The learning rule of every tile.
    image_shape
        (channels, height, width) of an image, at least 16x16 pixels. The network takes (B, *image_shape) or rows of
        pixels (B, n).
    classes
        Number of outputs, >= 1.
    rng
        Seed of all initial weights and tiles; a Generator is advanced.
    **options
        Passed to every Conv2d and Linear.

    Returns
    -------
    Sequential
        Its outputs are logits, for CrossEntropyLoss.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Notes
    -----
    Source: the network of Table 1 of arXiv 2602.21321; 05-erider.md section 5 for the order of pooling and tanh.

    Examples
    --------
    >>> import numpy as np, dsptrack as dt
    >>> rule = dt.algorithms.ERider(device=dt.presets.reram_array_hfo2())
    >>> model = dt.nn.lenet5(rule, rng=0)
    >>> model.forward(np.zeros((8, 784), np.float32)).shape, [tile.shape for tile in model.tiles]
    ((8, 10), [(16, 25), (32, 400), (128, 512), (10, 128)])
    """
    if len(image_shape) != 3:
        raise ConfigError(f"image_shape = {image_shape}: must be (channels, height, width)")
    channels = whole("image_shape[0]", image_shape[0], 1)
    # Twice: 4 pixels less by a 5x5 kernel, then half of them.
    height, width = (((whole(f"image_shape[{i}]", image_shape[i], 16) - 4) // 2 - 4) // 2 for i in (1, 2))
    generator = np.random.default_rng(key(rng))
    return Sequential(
        Reshape(*image_shape),
        Conv2d(channels, 16, 5, algorithm, rng=generator, **options),
        MaxPool2d(2),
        Tanh(),
        Conv2d(16, 32, 5, algorithm, rng=generator, **options),
        MaxPool2d(2),
        Tanh(),
        Flatten(),
        Linear(32 * height * width, 128, algorithm, rng=generator, **options),
        Tanh(),
        Linear(128, classes, algorithm, rng=generator, **options),
    )
