"""Sets of four IDX files, training and test, images and labels: MNIST and those made in its likeness."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsptrack.exceptions import DataError, MissingDataError

from .dataset import Bytes, Labels, Raw
from .idx import find_idx, read_idx
from .places import places

_PUBLISHED_COUNTS = {"train": 60_000, "t10k": 10_000}


@dataclass(frozen=True)
class IdxSet:
    """Four IDX files, named as the keys of `md5`, which holds the digests of the published ones, uncompressed."""

    note: str
    md5: dict[str, str]


# Digests of the uncompressed files, so that a re-compressed copy still passes. MNIST's were computed from the
# official files; Fashion-MNIST's belong to the gzipped files that zalandoresearch/fashion-mnist publishes by MD5.
IDX_SETS = {
    "mnist": IdxSet(
        note="MNIST, official split 60,000/10,000",
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion-mnist": IdxSet(
        note="Fashion-MNIST, official split 60,000/10,000",
        md5={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
    ),
}


def read_idx_set(name: str, root: str | os.PathLike[str] | None) -> Raw:
    """Read the set `name`, a key of IDX_SETS."""
    source = IDX_SETS[name]
    folder = _find_folder(name, source, root)
    train_x, train_y, train_known = _read_part(source, folder, "train")
    test_x, test_y, test_known = _read_part(source, folder, "t10k")
    if train_x.shape[1:] != test_x.shape[1:]:
        sizes = ["{} x {}".format(*x.shape[2:]) for x in (train_x, test_x)]
        raise DataError(f"{folder}: {sizes[0]} pixels in training, {sizes[1]} in test images")
    counts = f"{len(train_x):,}/{len(test_x):,}"
    note = source.note if train_known and test_known else f"own IDX files in {folder}, {counts}, not the published set"
    return Raw(train_x, train_y, test_x, test_y, note)


def _find_folder(name: str, source: IdxSet, root: str | os.PathLike[str] | None) -> Path:
    tried = places(name, root)
    for folder in tried:
        if any(find_idx(folder, stem) for stem in source.md5):
            return folder
    raise MissingDataError(
        f"{name}: no IDX files ({next(iter(source.md5))}[.gz], …); tried {', '.join(map(str, tried))}; "
        "name the folder by root or by DSPTRACK_DATA"
    )


def _read_part(source: IdxSet, folder: Path, part: str) -> tuple[Bytes, Labels, bool]:
    """Return images, labels and whether they are the published ones."""
    images, known_images = _read_known(source, folder, f"{part}-images-idx3-ubyte", 3, _PUBLISHED_COUNTS[part])
    labels, known_labels = _read_known(source, folder, f"{part}-labels-idx1-ubyte", 1, _PUBLISHED_COUNTS[part])
    if len(images) != len(labels):
        raise DataError(f"{folder}: {len(images)} {part} images but {len(labels)} labels")
    if images.size == 0:
        raise DataError(f"{folder}: {part} images have shape {images.shape}; at least one pixel is needed")
    return images[:, None], labels.astype(np.int64), known_images and known_labels


def _read_known(source: IdxSet, folder: Path, stem: str, ndim: int, count: int) -> tuple[Bytes, bool]:
    path = find_idx(folder, stem)
    if path is None:
        raise MissingDataError(f"tried {folder / stem} and {folder / stem}.gz; the other files of the set are there")
    array, digest = read_idx(path, ndim)
    if len(array) != count:
        return array, False
    if digest != source.md5[stem]:
        raise DataError(f"{path}: MD5 {digest} of its {count:,} entries; the published file has {source.md5[stem]}")
    return array, True
