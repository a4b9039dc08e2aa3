"""The networks of the paper."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dsptrack._rng import RngLike, key
from dsptrack.algorithms import Algorithm
from dsptrack.exceptions import ConfigError

from .activations import Sigmoid
from .layer import Layer
from .linear import Linear
from .sequential import Sequential


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
