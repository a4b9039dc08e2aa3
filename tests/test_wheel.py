"""The wheel of dist/: what is in it, and that it runs where there is nothing but Python. ``make wheel test-wheel``."""

import email.parser
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
MOST_BYTES = 5_000_000
GLIBC = (2, 17)  # of manylinux2014
FOLDER, SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")


def only(pattern):
    found = sorted(DIST.glob(pattern))
    assert len(found) == 1, f"dist/ holds {len(found)} files {pattern}: make wheel"
    return found[0]


@pytest.fixture(scope="session")
def wheel():
    return only("*.whl")


@pytest.fixture(scope="session")
def content(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session")
def metadata(content):
    (text,) = [text for name, text in content.items() if name.endswith(".dist-info/METADATA")]
    return email.parser.BytesParser().parsebytes(text)


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel and its dependencies, nothing compiled; returns how to run programs in it.

    Its PATH holds its own programs only, so neither a compiler nor cargo is found; and nothing of this tree is.
    """
    place = tmp_path_factory.mktemp("environment")
    programs = place / "venv" / FOLDER
    venv.create(place / "venv", with_pip=True)
    kept = {name: os.environ[name] for name in os.environ if re.match(r"(?i)system|temp|tmp|pip_|home", name)}
    environment = kept | {"PATH": str(programs), "HOME": str(place)}

    def run(*words, code=0):
        program = programs / (words[0] + SUFFIX)
        done = subprocess.run(
            [program, *words[1:]], cwd=place, env=environment, capture_output=True, text=True, encoding="utf-8"
        )
        assert done.returncode == code, done.stderr
        return done

    run("python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", str(wheel))
    return run


def test_one_small_wheel_for_every_python(wheel):
    assert re.fullmatch(r"dsptrack-[\d.]+-cp311-abi3-\w+(\.\w+)*\.whl", wheel.name)
    assert wheel.stat().st_size < MOST_BYTES


def test_it_holds_the_package_and_nothing_else(content):
    package = {
        path.relative_to(ROOT / "python").as_posix()
        for path in (ROOT / "python" / "dsptrack").rglob("*")
        if path.suffix in (".py", ".pyi", ".typed", ".json")  # json: the paper's numbers, which `reproduce` reads
    }
    rest = set(content) - package
    assert package <= set(content)
    assert {name for name in rest if not re.match(r"dsptrack-[\d.]+\.dist-info/", name)} == {
        name for name in rest if re.fullmatch(r"dsptrack/_core\.(abi3\.so|pyd)", name)
    }


def test_metadata(metadata):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert metadata["Name"] == "dsptrack"
    assert metadata["Summary"] == project["description"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    assert metadata.get_payload().startswith("# dsptrack")
    assert metadata.get_all("Classifier") == project["classifiers"]
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog"} <= set(urls)
    assert all(address.startswith("https://") for address in urls.values())
    needed = [line for line in metadata.get_all("Requires-Dist") if "extra" not in line]
    assert len(needed) == len(project["dependencies"])


def test_licences(content, metadata):
    assert metadata.get_all("License-File") == ["LICENSE", "NOTICE", "THIRD_PARTY.txt"]
    for name in metadata.get_all("License-File"):
        (inside,) = [text for path, text in content.items() if path.endswith(f".dist-info/licenses/{name}")]
        assert inside == (ROOT / name).read_bytes()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_it_needs_no_newer_glibc_than_its_tag_says(wheel, content):
    assert "manylinux2014" in wheel.name
    versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", content["dsptrack/_core.abi3.so"])
    assert versions
    assert max(tuple(map(int, version)) for version in versions) <= GLIBC


def test_info(installed, metadata):
    values = json.loads(installed("dsptrack", "info", "--json").stdout)
    assert values["version"] == metadata["Version"]
    assert values["profile"] == "release"
    assert values["isa"] in values["isa_levels"]
    assert values["threads"] >= 1
    assert values["stream_version"] >= 1


def test_it_is_typed_and_comes_from_the_wheel(installed):
    script = "import dsptrack, pathlib; print(pathlib.Path(dsptrack.__file__).parent)"
    place = Path(installed("python", "-c", script).stdout.strip())
    assert ROOT not in place.parents
    assert (place / "py.typed").exists()
    assert (place / "_core.pyi").exists()


def test_the_main_job(installed):
    """Few epochs of it, on its own images: real ones that a dependency ships."""
    done = installed("dsptrack", "compare", "--epochs", "1", "--json", "--methods", "tt-v2", "e-rider")
    values = json.loads(done.stdout)
    assert [result["algorithm"] for result in values["results"]] == ["tt-v2", "e-rider"]
    assert all(result["pulses"]["P"] > 0 for result in values["results"])
    assert "5,000 MNIST images" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("calibrate", "--shape", "8", "8", "--pulses", "20"),
        ("respond", "--shape", "8", "8"),
        ("train", "--data", "digits", "--epochs", "1"),
    ],
)
def test_other_commands(words, installed):
    assert installed("dsptrack", *words).stdout


def test_errors(installed):
    done = installed("dsptrack", "compare", "--epochs", "0", code=2)
    assert done.stderr.startswith("dsptrack: error: epochs = 0")


def test_the_source_distribution_has_all_sources_and_no_data():
    if not (files := list(DIST.glob("*.tar.gz"))):
        pytest.skip("this dist/ holds a wheel only")
    (file,) = files
    assert file.stat().st_size < MOST_BYTES
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    rust = {path.relative_to(ROOT).as_posix() for path in (ROOT / "crates").rglob("src/**/*.rs")}
    python = {path.relative_to(ROOT).as_posix() for path in (ROOT / "python").rglob("*.py")}
    top = {
        "LICENSE",
        "NOTICE",
        "THIRD_PARTY.txt",
        "README.md",
        "pyproject.toml",
        "Cargo.toml",
        "Cargo.lock",
        "PKG-INFO",
    }
    assert rust | python | top <= names
    forbidden = re.compile(r"(^|/)(\.library|\.venv|target|dsptrack-out)/|ubyte|mnist.*\.(gz|npz|csv)$|\.(so|pyd)$")
    assert [name for name in names if forbidden.search(name)] == []
