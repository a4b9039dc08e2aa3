"""Patches and poolings of the core against slow twins that take every window by itself: equal bits."""

import numpy as np
import pytest

from dsptrack import _core
from dsptrack.exceptions import ConfigError, ShapeError
from helpers.windows import Slow

PATCHES = [
    Slow((1, 1), (1, 1)),
    Slow((5, 5), (1, 1)),
    Slow((3, 2), (2, 3)),
    Slow((2, 3), (1, 2), (2, 1)),
    Slow((3, 3), (1, 1), (1, 1), (2, 3)),
    Slow((2, 4), (3, 1), (0, 5), (3, 2)),
]
POOLS = [
    Slow((2, 2), (2, 2)),
    Slow((3, 3), (1, 1)),
    Slow((3, 2), (2, 1)),
    Slow((2, 3), (4, 3)),
]


def images(seed, shape=(3, 2, 9, 11)):
    # Few different numbers: maxima are often equal.
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32) * np.float32(0.3)


def core(slow):
    return _core.Windows(slow.kernel, slow.stride, slow.padding, slow.dilation)


@pytest.mark.parametrize("slow", PATCHES, ids=str)
def test_patches_and_the_sums_of_their_pixels(slow):
    x = images(0)
    rows = core(slow).gather(x)
    assert np.array_equal(rows, slow.gather(x))
    # Magnitudes from 1e-8 to 1e8: another order of the sums, or sums in float32, would show.
    rng = np.random.default_rng(1)
    values = (rng.standard_normal(rows.shape) * 10.0 ** rng.integers(-8, 9, rows.shape)).astype(np.float32)
    assert np.array_equal(core(slow).scatter(values, x.shape), slow.scatter(values, x.shape))


@pytest.mark.parametrize("slow", POOLS, ids=str)
def test_poolings(slow):
    x = images(2)
    y, places = core(slow).largest(x)
    assert np.array_equal(y.ravel(), slow.largest(x).ravel())
    assert np.array_equal(x.ravel()[places], y)
    grad = np.random.default_rng(3).standard_normal(y.shape).astype(np.float32)
    assert np.array_equal(_core.Windows.largest_backward(grad, places, x.shape), slow.largest_backward(grad, x))
    x = np.random.default_rng(4).standard_normal(x.shape).astype(np.float32)
    assert np.array_equal(core(slow).mean(x).ravel(), slow.mean(x).ravel())
    assert np.array_equal(core(slow).mean_backward(grad, x.shape), slow.mean_backward(grad, x.shape))


def test_what_is_no_number_stays_so():
    x = images(5)
    x[0, 0, 1, 1] = np.nan
    y, _ = _core.Windows((2, 2), (1, 1), (0, 0), (1, 1)).largest(x)
    assert np.isnan(y[0, 0, :2, :2]).all()
    assert np.isnan(y).sum() == 4


def test_what_does_not_fit_is_refused():
    windows = _core.Windows((3, 3), (1, 1), (0, 0), (1, 1))
    with pytest.raises(ConfigError, match="stride"):
        _core.Windows((3, 3), (0, 1), (0, 0), (1, 1))
    with pytest.raises(ShapeError, match="room"):
        windows.gather(np.zeros((1, 1, 2, 9), np.float32))
    with pytest.raises(ShapeError, match="rows"):
        windows.scatter(np.zeros((4, 9), np.float32), (1, 1, 3, 3))
    with pytest.raises(ShapeError, match="places"):
        _core.Windows.largest_backward(
            np.zeros((1, 1, 1, 1), np.float32), np.full((1, 1, 1, 1), 9, np.uint32), (1, 1, 3, 3)
        )
