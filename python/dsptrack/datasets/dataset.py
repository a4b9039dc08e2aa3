"""Images with labels in two parts, and what is done to raw bytes on their way there."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dsptrack._checks import whole

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]

_CHUNK = 1000  # images whose sums are taken at a time: bounds the memory, changes no bit


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, split into training and test.

    Attributes
    ----------
    train_x, test_x
        float32, C-contiguous, (n, pixels) or (n, channels, height, width).
    train_y, test_y
        int64, (n,), classes 0, 1, ….
    name
        The name given to `load`.
    note
        Where the images come from and what the split is, for the head of a report.
    image_shape
        (channels, height, width), the order in which flat pixels come; None where it is not known.
    mean, std
        What was subtracted from the pixels in [0, 1] and what they were divided by, one number a channel; empty where
        they were left alone.

    Examples
    --------
    >>> import dsptrack as dt
    >>> digits = dt.datasets.load("digits")
    >>> digits.train_x.shape, digits.classes, digits.image_shape
    ((1433, 64), 10, (1, 8, 8))
    """

    train_x: Floats
    train_y: Labels
    test_x: Floats
    test_y: Labels
    name: str
    note: str
    image_shape: tuple[int, int, int] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def features(self) -> int:
        """Number of values of an image."""
        return math.prod(self.train_x.shape[1:])

    @property
    def classes(self) -> int:
        """Number of classes: the largest label of either part, plus one."""
        return int(max(self.train_y.max(), self.test_y.max())) + 1

    def hold_out(self, one_in: int = 5) -> "Dataset":
        """Return the training part split again: its test part is for choosing things, such as when to stop.

        The split is fixed and stratified, the one of the packaged sets (see `load`); the real test part stays unseen.

        Parameters
        ----------
        one_in
            One training image in so many, rounded up in every class, is held out; >= 2.

        Returns
        -------
        Dataset
            With both parts taken from this set's training part.

        Raises
        ------
        ConfigError
            If `one_in` is out of range.

        Examples
        --------
        >>> import dsptrack as dt
        >>> tuning = dt.datasets.load("digits").hold_out()
        >>> len(tuning.train_x), len(tuning.test_x)
        (1143, 290)
        """
        train, test = stratified(self.train_y, whole("one_in", one_in, 2))
        note = f"{self.note}; training part alone, split {len(train):,}/{len(test):,}"
        x, y = self.train_x, self.train_y
        return replace(self, train_x=x[train], train_y=y[train], test_x=x[test], test_y=y[test], note=note)


@dataclass(frozen=True, eq=False)
class Raw:
    """A set as its files have it: uint8 images (n, channels, height, width), pixels up to `largest`."""

    train_x: Bytes
    train_y: Labels
    test_x: Bytes
    test_y: Labels
    note: str
    largest: int = 255


def finished(raw: Raw, name: str, *, standard: bool, flat: bool) -> Dataset:
    """Return the set in float32: pixels in [0, 1], or of mean 0 and variance 1 by channel of the training part."""
    mean, std = moments(raw.train_x, raw.largest) if standard else ((), ())
    parts = [_scaled(x, raw.largest, mean, std) for x in (raw.train_x, raw.test_x)]
    train_x, test_x = (x.reshape(len(x), -1) for x in parts) if flat else parts
    _, channels, height, width = raw.train_x.shape
    return Dataset(
        train_x, raw.train_y, test_x, raw.test_y, name, raw.note, (channels, height, width), tuple(mean), tuple(std)
    )


def moments(x: Bytes, largest: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of every channel in units of `largest`; a constant channel has std 1.

    The sums are of integers and so exact: no order of adding matters.
    """
    sums, squares = (np.zeros(x.shape[1], np.int64) for _ in range(2))
    for start in range(0, len(x), _CHUNK):
        part = x[start : start + _CHUNK].astype(np.int64)
        sums += part.sum(axis=(0, 2, 3))
        squares += (part * part).sum(axis=(0, 2, 3))
    count = x.size // x.shape[1]
    # n Σx² - (Σx)² in Python's integers, which do not overflow.
    spread = [count * int(s2) - int(s) ** 2 for s, s2 in zip(sums, squares, strict=True)]
    std = [math.sqrt(v) / (count * largest) if v else 1.0 for v in spread]
    return tuple(int(s) / (count * largest) for s in sums), tuple(std)


def stratified(y: Labels, one_in: int) -> tuple[Indices, Indices]:
    """Return indices of the training and the test images; the notes of `load` state the rule."""
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    rank = np.empty(len(y), np.intp)
    is_test = np.empty(len(y), bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        rank[members] = np.argsort(np.argsort(np.arange(len(members)) * golden % 1.0))
        is_test[members] = rank[members] * one_in < len(members)
    order = np.lexsort((y, rank))
    return order[~is_test[order]], order[is_test[order]]


def _scaled(x: Bytes, largest: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Floats:
    pixels = np.ascontiguousarray(x, np.float32)
    pixels /= np.float32(largest)
    if mean:
        pixels -= np.asarray(mean, np.float32)[:, None, None]
        pixels /= np.asarray(std, np.float32)[:, None, None]
    return pixels
