"""Devices as TOML and JSON files: nothing is lost, and a bad file says what is wrong with it."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from dsptrack.devices import ExpStep, PiecewiseStep, SoftBounds, SoftBoundsReference

KINDS = ("ConstantStep", "LinearStep", "SoftBounds", "SoftBoundsReference", "ExpStep", "PowStep", "PowStepReference")
DEVICES = [
    *(getattr(dt.devices, kind)() for kind in KINDS),
    PiecewiseStep(piecewise_up=(1.5, 1 / 3, 1e-12), piecewise_down=(0, 1, 2)),
    *(getattr(dt.presets, name)() for name in dt.presets.__all__),
]
ENDINGS = (".toml", ".json")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("device", DEVICES, ids=lambda d: type(d).__name__)
def test_there_and_back(device, ending, tmp_path):
    path = tmp_path / f"device{ending}"
    dt.io.save_device(device, path)
    again = dt.io.load_device(str(path))
    assert again == device
    assert type(again) is type(device)


@given(dw_min=st.floats(1e-9, 1e3), mean=st.floats(-1e6, 1e6), flag=st.booleans())
def test_numbers_keep_every_bit(tmp_path_factory, dw_min, mean, flag):
    device = SoftBoundsReference(dw_min=dw_min, reference_mean=mean, subtract_symmetry_point=flag)
    for ending in ENDINGS:
        path = tmp_path_factory.mktemp("device") / f"device{ending}"
        dt.io.save_device(device, path)
        assert dt.io.load_device(path) == device


@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=40))
def test_tables_keep_every_bit(tmp_path_factory, table):
    device = PiecewiseStep(piecewise_up=table, piecewise_down=table[::-1])
    for ending in ENDINGS:
        path = tmp_path_factory.mktemp("device") / f"device{ending}"
        dt.io.save_device(device, path)
        assert dt.io.load_device(path).piecewise_up == tuple(table)


def test_files_are_what_their_ending_says(tmp_path):
    toml, js = tmp_path / "device.toml", tmp_path / "device.json"
    for path in (toml, js):
        dt.io.save_device(ExpStep(A_up=-1.0), path)
    assert tomllib.loads(toml.read_text()) == json.loads(js.read_text()) == ExpStep(A_up=-1.0).to_dict()
    assert toml.read_text().splitlines()[1] == 'kind = "ExpStep"'  # the first thing a reader needs


def test_a_file_may_be_short(tmp_path):
    path = tmp_path / "device.toml"
    path.write_text('kind = "SoftBounds"\ndw_min = 0.002  # by hand\n')
    assert dt.io.load_device(path) == SoftBounds(dw_min=0.002)


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "device.toml"
    dt.io.save_device(PiecewiseStep(piecewise_up=[1.0] * 500, piecewise_down=[1.0] * 500), path)
    dt.io.save_device(SoftBounds(), path)
    assert dt.io.load_device(path) == SoftBounds()


BAD_CONTENTS = [
    ("dw_min = 0.002", dt.ConfigError, "kind"),
    ('kind = "Device"', dt.ConfigError, "kind = 'Device': must be one of ConstantStep"),
    ('kind = "PulseUpdate"', dt.ConfigError, "kind = 'PulseUpdate'"),
    ('kind = "SoftBounds"\nslope = 1', dt.ConfigError, "SoftBounds has no field slope: must be among .*dw_min"),
    ('kind = "SoftBounds"\ndw_min = -1', dt.ConfigError, "dw_min"),
    ('kind = "SoftBounds"\ndw_min = nan', dt.ConfigError, "dw_min"),
    ('kind = "SoftBounds"\ndw_min = "small"', dt.ConfigError, "dw_min"),
    ('kind = "SoftBounds"\ndw_min = 1979-05-27', dt.ConfigError, "dw_min"),
    ('kind = "SoftBounds"\n[dw_min]\nkind = "SoftBounds"', dt.ConfigError, "dw_min"),
    ('kind = "PiecewiseStep"\npiecewise_up = [1, 2]', dt.ConfigError, "piecewise_down"),
    ("", dt.ConfigError, "kind"),
    ("kind = ", dt.DataError, "Invalid value"),
    ("\0", dt.DataError, "device.toml"),
]


@pytest.mark.parametrize(("text", "error", "words"), BAD_CONTENTS)
def test_bad_toml_is_refused(text, error, words, tmp_path):
    path = tmp_path / "device.toml"
    path.write_text(text)
    with pytest.raises(error, match=words) as caught:
        dt.io.load_device(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", dt.DataError),
        (b"{", dt.DataError),
        (b"\xff\xfe", dt.DataError),
        (b"[" * 100_000, dt.DataError),
        (b"[]", dt.ConfigError),
        (b"null", dt.ConfigError),
        (b'"SoftBounds"', dt.ConfigError),
        (b'{"kind": "SoftBounds", "dw_min": NaN}', dt.ConfigError),
        (b'{"kind": "SoftBounds", "dw_min": 1e999}', dt.ConfigError),
        (b'{"kind": ["SoftBounds"]}', dt.ConfigError),
    ],
    ids=lambda v: repr(v)[:30],
)
def test_bad_json_is_refused(content, error, tmp_path):
    path = tmp_path / "device.json"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        dt.io.load_device(path)
    assert str(path) in str(caught.value)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(dt.MissingDataError, match=r"none\.toml"):
        dt.io.load_device(tmp_path / "none.toml")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(dt.DataError, match=r"folder\.json"):
        dt.io.load_device(tmp_path / "folder.json")
    with pytest.raises(OSError, match="absent"):
        dt.io.save_device(SoftBounds(), tmp_path / "absent" / "device.toml")


@pytest.mark.parametrize("name", ["device", "device.txt", "device.TOML", ".toml", "device.toml.bak"])
def test_other_endings_are_refused(name, tmp_path):
    for call in (dt.io.load_device, lambda path: dt.io.save_device(SoftBounds(), path)):
        with pytest.raises(dt.ConfigError, match=r"path = .+: must end with \.toml or \.json"):
            call(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("device", [None, {"kind": "SoftBounds"}, SoftBounds, dt.PulseUpdate()])
def test_only_devices_are_saved(device, tmp_path):
    with pytest.raises(dt.ConfigError, match="device"):
        dt.io.save_device(device, tmp_path / "device.toml")
    assert list(tmp_path.iterdir()) == []


def test_the_text_of_the_module_is_a_device(tmp_path):
    """The example that its docstring shows."""
    lines = [line.strip() for line in dt.io.__doc__.splitlines() if " = " in line]
    path = Path(tmp_path, "device.toml")
    path.write_text("\n".join(lines))
    assert dt.io.load_device(path) == SoftBounds(dw_min=0.002, w_max=1.25)
