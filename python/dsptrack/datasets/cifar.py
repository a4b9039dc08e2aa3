"""CIFAR-10 and CIFAR-100, in the binary and in the Python version, as folders or as the published archives.

Binary: records of the label bytes (CIFAR-10: class; CIFAR-100: coarse, then fine class) and 3 x 32 x 32 bytes, one
channel after the other, each in rows. Python: pickled dicts with the same bytes as ``data``, (n, 3072), and a list of
labels. Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and its download page.
"""

import hashlib
import os
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsptrack.exceptions import DataError, MissingDataError

from .dataset import Bytes, Labels, Raw
from .places import places
from .unpickle import load_arrays

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_PUBLISHED_COUNTS = 50_000, 10_000
_LARGEST_FILE = 1 << 28  # far above the largest published file, 155 MB: an archive cannot fill the memory


@dataclass(frozen=True)
class Version:
    """One form in which a set is published.

    `md5` has the digests of the files, where they are known, and that of the archive.
    """

    folder: str
    archive: str
    train: tuple[str, ...]
    test: str
    pickled: bool
    md5: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """All files, training first."""
        return (*self.train, self.test)


@dataclass(frozen=True)
class CifarSet:
    """One set: for every label, as the binary records order them, its key in the pickled dict and its classes.

    The last label is the one that is learned.
    """

    title: str
    labels: tuple[tuple[str, int], ...]
    versions: tuple[Version, Version]


# MD5 of the archives: the download page. MD5 of the pickled files: torchvision's.
CIFAR_SETS = {
    "cifar10": CifarSet(
        title="CIFAR-10",
        labels=(("labels", 10),),
        versions=(
            Version(
                folder="cifar-10-batches-bin",
                archive="cifar-10-binary.tar.gz",
                train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
                test="test_batch.bin",
                pickled=False,
                md5={"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
            ),
            Version(
                folder="cifar-10-batches-py",
                archive="cifar-10-python.tar.gz",
                train=tuple(f"data_batch_{i}" for i in range(1, 6)),
                test="test_batch",
                pickled=True,
                md5={
                    "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
                    "data_batch_1": "c99cafc152244af753f735de768cd75f",
                    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
                    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
                    "data_batch_4": "634d18415352ddfa80567beed471001a",
                    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
                    "test_batch": "40351d587109b95175f43aff81a1287e",
                },
            ),
        ),
    ),
    "cifar100": CifarSet(
        title="CIFAR-100",
        labels=(("coarse_labels", 20), ("fine_labels", 100)),
        versions=(
            Version(
                folder="cifar-100-binary",
                archive="cifar-100-binary.tar.gz",
                train=("train.bin",),
                test="test.bin",
                pickled=False,
                md5={"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"},
            ),
            Version(
                folder="cifar-100-python",
                archive="cifar-100-python.tar.gz",
                train=("train",),
                test="test",
                pickled=True,
                md5={
                    "cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85",
                    "train": "16019d7e3df5f24257cddd939b257f8d",
                    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
                },
            ),
        ),
    ),
}


def read_cifar(name: str, root: str | os.PathLike[str] | None) -> Raw:
    """Read the set `name`, a key of CIFAR_SETS; CIFAR-100 gives its 100 fine classes."""
    source = CIFAR_SETS[name]
    version, place = _find(name, source, root)
    files = _archived(place, version) if place.is_file() else _plain(place, version)
    read = _read_pickled if version.pickled else _read_binary
    parts = [read(files[file], f"{place}: {file}", source) for file in version.files]
    train_x, train_y = (np.concatenate(arrays) for arrays in zip(*parts[:-1], strict=True))
    test_x, test_y = parts[-1]
    counts = f"{len(train_y):,}/{len(test_y):,}"
    if (len(train_y), len(test_y)) != _PUBLISHED_COUNTS:
        note = f"own files in the format of {source.title} in {place}, {counts}, not the published set"
    elif _verified(place, version, files):
        note = f"{source.title}, official split {counts}"
    else:
        note = f"{source.title} by its counts, {counts}; no published digest to compare with in {place}"
    return Raw(train_x, train_y, test_x, test_y, note)


def _find(name: str, source: CifarSet, root: str | os.PathLike[str] | None) -> tuple[Version, Path]:
    """Return the first folder that has a file of the set, or the first archive, and the version it holds."""
    tried = places(name, root)
    for place in tried:
        for version in source.versions:
            for folder in (place / version.folder, place):
                if any((folder / file).is_file() for file in version.files):
                    return version, folder
            if (place / version.archive).is_file():
                return version, place / version.archive
    known = ", ".join(name for version in source.versions for name in (f"{version.folder}/", version.archive))
    raise MissingDataError(
        f"{name}: none of {known}; tried {', '.join(map(str, tried))}; name the folder by root or by DSPTRACK_DATA"
    )


def _plain(folder: Path, version: Version) -> dict[str, bytes]:
    missing = [file for file in version.files if not (folder / file).is_file()]
    if missing:
        raise MissingDataError(f"{folder}: no {', '.join(missing)}; the other files of the set are there")
    try:
        return {file: (folder / file).read_bytes() for file in version.files}
    except OSError as error:
        raise DataError(f"{folder}: {error}") from error


def _archived(archive: Path, version: Version) -> dict[str, bytes]:
    """Read the wanted members into memory; nothing is written, so that no name in the archive can do harm."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as members:
            for member in members:
                file = member.name.rpartition("/")[2]
                if file not in version.files or not member.isfile():
                    continue
                if member.size > _LARGEST_FILE:
                    raise DataError(f"{archive}: {member.name} has {member.size:,} bytes; at most {_LARGEST_FILE:,}")
                stream = members.extractfile(member)
                found[file] = b"" if stream is None else stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{archive}: unreadable or truncated ({error})") from error
    missing = [file for file in version.files if file not in found]
    if missing:
        raise MissingDataError(f"{archive}: holds no {', '.join(missing)}")
    return found


def _read_binary(content: bytes, where: str, source: CifarSet) -> tuple[Bytes, Labels]:
    heads = len(source.labels)
    size = heads + _PIXELS
    if not content or len(content) % size:
        raise DataError(f"{where}: {len(content):,} bytes; must be one or more records of {size:,}: truncated?")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    for i, (_, classes) in enumerate(source.labels):
        labels = _checked(records[:, i], classes, where)
    return records[:, heads:].reshape(-1, *_SHAPE), labels


def _read_pickled(content: bytes, where: str, source: CifarSet) -> tuple[Bytes, Labels]:
    values = load_arrays(content, where)
    pixels = values.get("data")
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != _PIXELS or not len(pixels):
        shape = getattr(pixels, "shape", type(pixels).__name__)
        raise DataError(f"{where}: data is {shape}; must be an array (n, {_PIXELS}), n >= 1")
    key, classes = source.labels[-1]
    labels = _checked(_integers(values, key, where), classes, where)
    if len(labels) != len(pixels):
        raise DataError(f"{where}: {len(pixels)} images but {len(labels)} labels")
    return pixels.reshape(-1, *_SHAPE), labels


def _integers(values: Mapping[str, Any], key: str, where: str) -> Labels:
    labels = values.get(key)
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise DataError(f"{where}: {key} is missing or no list of classes")
    return np.array(labels, np.int64)


def _checked(labels: Any, classes: int, where: str) -> Labels:
    if len(labels) and int(labels.max()) >= classes:
        raise DataError(f"{where}: label {int(labels.max())}; must be below {classes}")
    wanted: Labels = labels.astype(np.int64)
    return wanted


def _verified(place: Path, version: Version, files: Mapping[str, bytes]) -> bool:
    """Whether published digests say that this is the set; DataError where they say that it is not."""
    contents = {version.archive: place.read_bytes()} if place.is_file() else files
    for file, content in contents.items():
        if file not in version.md5:
            return False
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if digest != version.md5[file]:
            raise DataError(f"{place}: MD5 {digest} of {file}; the published file has {version.md5[file]}")
    return True
