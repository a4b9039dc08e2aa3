"""CIFAR in all its forms, on small files written here; and pickles that want to do something else."""

import io
import os
import pickle
import pickletools
import struct
import tarfile

import numpy as np
import pytest

import dsptrack as dt
from dsptrack.datasets.cifar import CIFAR_SETS
from dsptrack.datasets.unpickle import load_arrays

COUNT = 3  # images a file
FORMS = ["binary", "python"]
SETS = ["cifar10", "cifar100"]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("DSPTRACK_DATA", raising=False)


def version(name, form):
    return CIFAR_SETS[name].versions[FORMS.index(form)]


def draw(rng, name):
    """Images (n, 3072) and all labels of every file."""
    published = version(name, "binary")
    return [
        (
            rng.integers(0, 256, (COUNT, 3072), dtype=np.uint8),
            [rng.integers(0, classes, COUNT) for _, classes in CIFAR_SETS[name].labels],
        )
        for _ in published.files
    ]


def encode(name, form, images, labels, protocol=2):
    if form == "binary":
        heads = np.stack(labels, axis=1).astype(np.uint8)
        return np.concatenate([heads, images], axis=1).tobytes()
    values = {b"data": images, b"batch_label": b"training batch", b"filenames": [b"a.png"] * len(images)}
    values |= {key.encode(): column.tolist() for (key, _), column in zip(CIFAR_SETS[name].labels, labels, strict=True)}
    return pickle.dumps(values, protocol=protocol)


def contents(rng, name, form, **options):
    drawn = draw(rng, name)
    return drawn, {
        file: encode(name, form, *part, **options) for file, part in zip(version(name, form).files, drawn, strict=True)
    }


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)


def archive(path, files, folder):
    with tarfile.open(path, "w:gz") as members:
        for file, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{file}")
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))


def assert_loaded(data, drawn):
    images = np.concatenate([part for part, _ in drawn])
    labels = np.concatenate([columns[-1] for _, columns in drawn])
    np.testing.assert_array_equal(np.concatenate([data.train_x, data.test_x]), images.astype(np.float32) / 255)
    np.testing.assert_array_equal(np.concatenate([data.train_y, data.test_y]), labels)
    assert len(data.test_x) == COUNT
    assert "not the published set" in data.note
    assert data.image_shape == (3, 32, 32)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["root", "named", "published", "archive"])
def test_forms_and_places(tmp_path, rng, name, form, place):
    drawn, files = contents(rng, name, form)
    published = version(name, form)
    if place == "archive":
        archive(tmp_path / published.archive, files, published.folder)
    else:
        write(tmp_path / {"root": "", "named": name, "published": published.folder}[place], files)
    assert_loaded(dt.datasets.load(name, tmp_path), drawn)


def test_environment_names_the_root(tmp_path, rng, monkeypatch):
    drawn, files = contents(rng, "cifar10", "binary")
    write(tmp_path / "cifar10" / "cifar-10-batches-bin", files)
    monkeypatch.setenv("DSPTRACK_DATA", str(tmp_path))
    assert_loaded(dt.datasets.load("cifar10"), drawn)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("fortran", [False, True])
def test_every_protocol(tmp_path, rng, protocol, fortran):
    """Protocol 2 is that of the published files; others come from people who saved them again."""
    drawn = draw(rng, "cifar100")
    ordered = [(np.asfortranarray(images) if fortran else images, labels) for images, labels in drawn]
    files = {
        file: encode("cifar100", "python", *part, protocol=protocol)
        for file, part in zip(("train", "test"), ordered, strict=True)
    }
    write(tmp_path, files)
    assert_loaded(dt.datasets.load("cifar100", tmp_path), drawn)


def test_pickle_of_python_2():
    """Byte by byte as Python 2 with its NumPy wrote the published files: byte strings, numpy.core.multiarray."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    pixels = bytes(range(6))
    program = (
        b"\x80\x02}(" + text(b"data")
        + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        + b"(K\x01K\x02K\x03\x86cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
        + b"(K\x03" + text(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb\x89" + text(pixels) + b"tb"
        + text(b"labels") + b"](K\x06K\x09e" + b"u."
    )  # fmt: skip
    pickletools.dis(program, out=io.StringIO())
    values = load_arrays(program, "here")
    np.testing.assert_array_equal(values["data"], np.arange(6).reshape(2, 3))
    assert values["labels"] == [6, 9]


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "make",
    [
        lambda path: Evil(os.system, f"touch {path}"),
        lambda path: Evil(eval, f"open({str(path)!r}, 'w')"),
        lambda path: Evil(open, str(path), "w"),
        lambda path: Evil(getattr, Evil(__import__, "os"), "system"),
        lambda path: {b"data": Evil(np.load, str(path)), b"labels": []},
        lambda path: {b"data": Evil(np.fromfile, str(path)), b"labels": []},
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_malicious_pickles_are_refused(tmp_path, rng, make, protocol):
    """What they would have made is not there: the refusal comes before the call."""
    trace = tmp_path / "trace"
    _, files = contents(rng, "cifar10", "python")
    files["data_batch_3"] = pickle.dumps(make(trace), protocol=protocol)
    write(tmp_path / "data", files)
    with pytest.raises(dt.DataError, match=r"data_batch_3.*refused"):
        dt.datasets.load("cifar10", tmp_path / "data")
    assert not trace.exists()


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((1, 3072), np.float64),
        np.zeros((1, 3072), np.uint16),
        np.array([[None] * 3072]),
        np.zeros((1, 3071), np.uint8),
        np.zeros(3072, np.uint8),
        np.zeros((0, 3072), np.uint8),
        [[0] * 3072],
        None,
    ],
)
def test_wrong_arrays(tmp_path, rng, value):
    _, files = contents(rng, "cifar10", "python")
    files["test_batch"] = pickle.dumps({b"data": value, b"labels": [0]}, protocol=2)
    write(tmp_path, files)
    with pytest.raises(dt.DataError, match="test_batch"):
        dt.datasets.load("cifar10", tmp_path)


@pytest.mark.parametrize("labels", [None, 3, [0, 1], [0, 1, 10], [0, 1, -1], [0, 1, "2"], [0, 1, True], [0, 1, 2.0]])
def test_wrong_labels(tmp_path, rng, labels):
    drawn, files = contents(rng, "cifar10", "python")
    files["data_batch_2"] = pickle.dumps({b"data": drawn[1][0], b"labels": labels}, protocol=2)
    write(tmp_path, files)
    with pytest.raises(dt.DataError, match="data_batch_2"):
        dt.datasets.load("cifar10", tmp_path)


@pytest.mark.parametrize("name", SETS)
def test_wrong_binary_labels(tmp_path, rng, name):
    """Each label byte has its own range: 20 coarse and 100 fine classes."""
    _, files = contents(rng, name, "binary")
    file = version(name, "binary").train[0]
    for at, (_, classes) in enumerate(CIFAR_SETS[name].labels):
        wrong = bytearray(files[file])
        wrong[at] = classes
        write(tmp_path, files | {file: bytes(wrong)})
        with pytest.raises(dt.DataError, match=f"label {classes}; must be below {classes}"):
            dt.datasets.load(name, tmp_path)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("keep", [0, 1, 100, 4000])
def test_truncated_files(tmp_path, rng, form, keep):
    _, files = contents(rng, "cifar10", form)
    file = version("cifar10", form).train[4]
    write(tmp_path, files | {file: files[file][:keep]})
    with pytest.raises(dt.DataError, match=file):
        dt.datasets.load("cifar10", tmp_path)


@pytest.mark.parametrize(
    "content", [pickle.dumps([1, 2]), pickle.dumps(3), b"\x80\x02.", b"garbage", b"cos\nsystem\n."]
)
def test_no_dict(content):
    with pytest.raises(dt.DataError, match="here"):
        load_arrays(content, "here")


def test_damaged_pickles_raise_nothing_else(rng):
    """Single bytes changed at random: either a dict or a DataError, whatever the program then does."""
    content = bytearray(encode("cifar10", "python", np.zeros((1, 12), np.uint8), [np.array([1])]))
    refused = 0
    for _ in range(2000):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] = rng.integers(256)
        try:
            assert isinstance(load_arrays(bytes(damaged), "here"), dict)
        except dt.DataError:
            refused += 1
    assert refused > 500


def test_missing_files(tmp_path, rng):
    with pytest.raises(dt.MissingDataError, match=r"cifar-10-batches-bin.*cifar-10-python\.tar\.gz"):
        dt.datasets.load("cifar10", tmp_path)
    _, files = contents(rng, "cifar10", "binary")
    write(tmp_path, {file: content for file, content in files.items() if file != "data_batch_4.bin"})
    with pytest.raises(dt.MissingDataError, match=r"data_batch_4\.bin"):
        dt.datasets.load("cifar10", tmp_path)
    assert issubclass(dt.MissingDataError, FileNotFoundError)


@pytest.mark.parametrize("keep", [0, 20, 3000])
def test_truncated_archive(tmp_path, rng, keep):
    _, files = contents(rng, "cifar100", "binary")
    path = tmp_path / "cifar-100-binary.tar.gz"
    archive(path, files, "cifar-100-binary")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(dt.DataError, match=r"cifar-100-binary\.tar\.gz"):
        dt.datasets.load("cifar100", tmp_path)


def test_archives_write_nothing(tmp_path, rng):
    """Names that point out of the archive, and links, are not followed."""
    drawn, files = contents(rng, "cifar100", "binary")
    path = tmp_path / "cifar-100-binary.tar.gz"
    archive(path, files, "../../outside")
    before = sorted(tmp_path.rglob("*"))
    assert_loaded(dt.datasets.load("cifar100", tmp_path), drawn)
    assert sorted(tmp_path.rglob("*")) == before
    with tarfile.open(path, "w:gz") as members:
        for file in files:
            link = tarfile.TarInfo(file)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            members.addfile(link)
    with pytest.raises(dt.MissingDataError, match=r"train\.bin"):
        dt.datasets.load("cifar100", tmp_path)


def test_altered_files_of_published_size(tmp_path, rng, monkeypatch):
    """As many images as the published files, but not those: the digest tells, where there is one."""
    monkeypatch.setattr("dsptrack.datasets.cifar._PUBLISHED_COUNTS", (5 * COUNT, COUNT))
    for form in FORMS:
        _, files = contents(rng, "cifar10", form)
        write(tmp_path / form, files)
        (tmp_path / f"archived {form}").mkdir()
        archive(tmp_path / f"archived {form}" / version("cifar10", form).archive, files, "folder")
    for folder in ("python", "archived python", "archived binary"):
        with pytest.raises(dt.DataError, match="MD5"):
            dt.datasets.load("cifar10", tmp_path / folder)
    assert "no published digest" in dt.datasets.load("cifar10", tmp_path / "binary").note


def test_idx_header_is_no_cifar(tmp_path):
    write(tmp_path, {"train.bin": struct.pack(">IIII", 2051, 1, 28, 28), "test.bin": b""})
    with pytest.raises(dt.DataError, match="records of 3,074"):
        dt.datasets.load("cifar100", tmp_path)
