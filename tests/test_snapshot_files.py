"""Snapshot files: nothing is lost, nothing damaged is read, and a crash leaves the old file."""

import hashlib
import io
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from dsptrack.io import snapshots
from helpers import states

SMALL = {
    "name": "ü/~",
    "deep": {"a/b": [np.arange(3, dtype=np.int8), {"x": 1.5}], "~0": None},
    "flag": True,
    "empty": {},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.safetensors"


def with_checksum(data):
    """The bytes with the checksum that they should have: what a careful forger writes."""
    blank = data[: snapshots._DIGITS.start] + b"0" * 64 + data[snapshots._DIGITS.stop :]
    digits = hashlib.sha256(blank).hexdigest().encode()
    return blank[: snapshots._DIGITS.start] + digits + blank[snapshots._DIGITS.stop :]


def forged(envelope, arrays=None):
    """A file with any envelope and the right checksum."""
    text = json.dumps({"sha256": "0" * 64} | envelope, separators=(",", ":"))
    return with_checksum(safetensors.numpy.save(arrays or {}, {"dsptrack": text}))


def refused(path, data, match=None):
    path.write_bytes(data)
    with pytest.raises(dt.SnapshotError, match=match):
        dt.io.load(path)


@pytest.mark.parametrize("name", states.RULES)
def test_tiles_there_and_back(name, path):
    tile = states.busy_tile(name, states.noisy("soft-reference"))
    dt.io.save(path, tile.state_dict())
    state = dt.io.load(path)
    states.assert_same(state, tile.state_dict())
    again = dt.AnalogTile.from_state_dict(state)
    for each in (tile, again):
        states.train(each, 3)
    states.assert_same(again.state_dict(), tile.state_dict())


PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
ARRAYS = st.builds(
    lambda dtype, shape, byte: (
        np.full(np.prod(shape, dtype=int) * np.dtype(dtype).itemsize, byte, np.uint8).view(dtype).reshape(shape)
    ),
    st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.integers(0, 255),
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        PLAIN | ARRAYS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=9,
    ),
    max_size=4,
)


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@given(TREES)
def test_any_tree_comes_back(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("tree") / "state"
    dt.io.save(path, tree)
    again = dt.io.load(path)
    assert same(again, tree)
    first = path.read_bytes()
    dt.io.save(path, again)
    assert path.read_bytes() == first or list(again) != list(tree)


def test_any_array_comes_back(path):
    grid = np.arange(12.0).reshape(3, 4)
    views = {
        "t": grid.T,
        "f": np.asfortranarray(grid),
        "s": grid[::2, ::3],
        "big": grid.astype(">f4"),
        "0d": np.array(7),
    }
    views |= {"flags": grid > 3, "half": grid.astype(np.float16), "none": np.zeros((0, 3), np.uint16)}
    dt.io.save(path, views | {"scalar": np.float32(0.5), "tuple": (1, 2)})
    again = dt.io.load(path)
    for name, view in views.items():
        np.testing.assert_array_equal(again[name], view)
        assert again[name].shape == view.shape
        assert again[name].dtype == view.dtype.newbyteorder("=")
        assert again[name].flags.writeable
    assert (again["scalar"], again["tuple"]) == (0.5, [1, 2])


def test_other_programs_can_read_it(path):
    """It is a plain safetensors file; its checksum follows from the documented rule."""
    dt.io.save(path, SMALL)
    data = path.read_bytes()
    np.testing.assert_array_equal(safetensors.numpy.load_file(path)["/deep/a~1b/0"], [0, 1, 2])
    with safetensors.safe_open(path, framework="numpy") as file:
        envelope = json.loads(file.metadata()["dsptrack"])
    assert list(envelope) == ["sha256", "format", "dsptrack", "stream_version", "state"]
    assert (envelope["dsptrack"], envelope["stream_version"]) == (dt.__version__, dt.STREAM_VERSION)
    digits = envelope["sha256"].encode()
    assert data.count(digits) == 1
    assert hashlib.sha256(data.replace(digits, b"0" * 64)).hexdigest().encode() == digits


def test_every_flipped_bit_is_refused(path):
    dt.io.save(path, SMALL)
    data = bytearray(path.read_bytes())
    for i in range(len(data)):
        for bit in range(8):
            data[i] ^= 1 << bit
            with pytest.raises(dt.SnapshotError):
                snapshots._read(io.BytesIO(data))
            data[i] ^= 1 << bit
    assert same(snapshots._read(io.BytesIO(data)), SMALL)
    data[-1] ^= 1
    refused(path, data, "altered")


def test_every_truncation_is_refused(path):
    dt.io.save(path, SMALL)
    data = path.read_bytes()
    for length in range(len(data)):
        with pytest.raises(dt.SnapshotError, match="truncated"):
            snapshots._read(io.BytesIO(data[:length]))
    refused(path, data[:-1], "truncated")
    for more in (b"\0", b"\n", data):
        refused(path, data + more, "altered")


def test_foreign_files_are_refused(path):
    array = {"weights": np.zeros((2, 2), np.float32)}
    for data in (b"PK\x03\x04" + bytes(200), os.urandom(300), b"{}" * 99, json.dumps(SMALL["name"]).encode() * 40):
        refused(path, data, "no snapshot")
    refused(path, safetensors.numpy.save(array), "no snapshot")
    refused(path, safetensors.numpy.save(array, {"format": "pt"}), "no snapshot")
    refused(path, safetensors.numpy.save(array, {"dsptrack": "mine"}), "no snapshot")


def test_later_formats_are_refused(path):
    refused(path, forged({"format": 2, "dsptrack": "9.0", "state": {}}), "format 2, written by dsptrack 9.0")
    for wrong in ("1", None, 1.5, [1]):
        refused(path, forged({"format": wrong, "state": {}}), "format")


FORGERIES = {
    "no state": {"format": 1},
    "state no dict": {"format": 1, "state": [1]},
    "no place": {"format": 1, "state": {"b": None}},
    "place taken": {"format": 1, "state": {"a": {"0": 1}}},
    "list too short": {"format": 1, "state": {"a": []}},
    "negative index": {"format": 1, "state": {"a": "text"}},
}


@pytest.mark.parametrize("case", FORGERIES)
def test_forged_structures_are_refused(case, path):
    refused(path, forged(FORGERIES[case], {"/a/0": np.zeros(1)}))
    refused(path, forged(FORGERIES[case], {"": np.zeros(1)}))


def test_forged_headers_are_refused(path):
    dt.io.save(path, SMALL)
    data = path.read_bytes()
    header = struct.unpack("<Q", data[:8])[0]
    for length in (2**63, 2**64 - 1, 2**24 + 1):
        refused(path, struct.pack("<Q", length) + data[8:], "at most 16777216")
    refused(path, struct.pack("<Q", header + 1000) + data[8:], "truncated")
    for offsets in (b"[0,4]", b"[3,0]", b"[1,3]", b"[0,2]"):
        assert data.count(b"[0,3]") == 1
        refused(path, with_checksum(data.replace(b"[0,3]", offsets)), "cannot be read")
    for dtype in (b'"X8"', b'"I9"'):
        refused(path, with_checksum(data.replace(b'"I8"', dtype)), "cannot be read")
    nested = b'{\\"b\\":' * 3000 + b"1" + b"}" * 3000
    start, end = data.index(b'\\"state\\":') + 10, 8 + header
    deep = data[8:start] + nested + b'}"}}'
    refused(path, with_checksum(struct.pack("<Q", len(deep)) + deep + data[end:]), "structure|cannot be read")


def test_what_cannot_be_saved(path):
    dt.io.save(path, SMALL)
    before = path.read_bytes()
    loop = {}
    loop["loop"] = loop
    wrong = [1, np.zeros(2), None, loop, {1: 2}, {"a": {2: 3}}, {"a": {1, 2}}, {"a": np.nan}, {"a": [float("inf")]}]
    wrong += [{"a": np.array([None])}, {"a": np.array(["x"])}, {"a": np.zeros(1, complex)}, {"a": object()}]
    wrong += [{"a": b"bytes"}, {"\ud800": 1}, {"a": dt.devices.SoftBounds()}, {"a": "x" * 2**24}]
    for state in wrong:
        with pytest.raises(dt.ConfigError, match="state"):
            dt.io.save(path, state)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(broken, path, monkeypatch):
    dt.io.save(path, SMALL)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="No space left"):
        dt.io.save(path, {"new": 1})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_files_reach_the_disk_before_they_get_their_name(path, monkeypatch):
    events = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, f=original: (events.append(name), f(*a))[1])
    dt.io.save(path, SMALL)
    assert events == ["fsync", "replace", "fsync"]


def test_names_and_rights(path):
    target = path.with_name("target")
    path.symlink_to(target)
    dt.io.save(str(path), SMALL)
    assert path.is_symlink()
    assert same(dt.io.load(target), SMALL)
    plain = path.with_name("plain")
    plain.write_bytes(b"")
    assert target.stat().st_mode == plain.stat().st_mode


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(dt.MissingDataError, match="nowhere"):
        dt.io.load(tmp_path / "nowhere")
    with pytest.raises(dt.DataError):
        dt.io.load(tmp_path)
    with pytest.raises(OSError, match="nowhere"):
        dt.io.save(tmp_path / "nowhere" / "state", SMALL)


@pytest.mark.skipif(os.name != "posix", reason="pipes by name and permissions are POSIX's")
def test_pipes_are_written_and_permissions_kept(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    dt.nn.History().to_json(pipe)
    assert reader.communicate(timeout=60)[0] == "[]\n"
    assert pipe.is_fifo()
    private = tmp_path / ("n" * 240 + ".json")
    private.touch(0o600)
    dt.nn.History().to_json(private)
    assert private.read_text() == "[]\n"
    assert private.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(
        [sys.executable, "-c", "import dsptrack as dt; dt.nn.History().to_json('/dev/stdout')"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "[]\n"
