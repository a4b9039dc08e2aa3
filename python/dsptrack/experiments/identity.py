"""Whether a store's runs were made with the images at hand: a folder of data is no part of a run's name."""

import os
from pathlib import Path

from dsptrack import datasets
from dsptrack.datasets.packaged import PACKAGED
from dsptrack.exceptions import DataError
from dsptrack.io import _atomic
from dsptrack.nn.progress import fingerprint


def same_data(store: str | os.PathLike[str] | None, name: str, data_root: str | None) -> None:
    """Note in a store which images its runs see under a name, or raise DataError if that were others before.

    Sets that come with the package are always the same.
    """
    if store is None or name in PACKAGED:
        return
    now = images_of(name, data_root)
    note = Path(store) / f"{name}.data"
    before = note.read_text(encoding="utf-8").strip() if note.exists() else ""
    if not before:
        note.parent.mkdir(parents=True, exist_ok=True)
        _atomic.write_text(note, now)
    elif before != now:
        raise DataError(f"{store}: has runs with other images of {name} ({before}; now {now}): use another folder")


def images_of(name: str, data_root: str | None) -> str:
    """Return what tells the images of a set from others: fingerprints of its training and its test part."""
    data = datasets.load(name, data_root)
    return f"{fingerprint(data.train_x, data.train_y)}, {fingerprint(data.test_x, data.test_y)}"
