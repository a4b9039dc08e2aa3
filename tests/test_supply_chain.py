"""Unsafe code stands in one folder and says why it is sound; what is linked has a licence that may be."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CRATES = ROOT / "crates"
SIMD = CRATES / "dsp-core" / "src" / "simd"
UNSAFE = re.compile(r"\bunsafe\b(?!_)")


def code_lines(text):
    """(number, line) of lines of Rust with strings and comments taken out; the sources have no block comments."""
    assert "/*" not in text
    for number, line in enumerate(text.splitlines()):
        yield number, re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]


def unsafe_places():
    for path in CRATES.rglob("*.rs"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in code_lines("\n".join(lines)):
            if UNSAFE.search(line):
                yield path, number, lines


def test_unsafe_code_is_fenced():
    places = list(unsafe_places())
    assert {path.parent for path, _, _ in places} == {SIMD}
    for crate in ("dsp-core", "dsp-py"):
        assert "#![deny(unsafe_code)]" in (CRATES / crate / "src" / "lib.rs").read_text(encoding="utf-8")


def test_every_unsafe_block_has_a_safety_note():
    blocks = [
        (path, number, lines) for path, number, lines in unsafe_places() if re.search(r"unsafe\s*\{", lines[number])
    ]
    assert blocks
    for path, number, lines in blocks:
        above = [line.strip() for line in lines[:number]]
        while above and above[-1].startswith("#["):
            above.pop()
        assert above[-1].startswith("// SAFETY:"), f"{path.name}:{number + 1}"
    # Nothing else is unsafe: no function, no impl, no extern block.
    assert len(blocks) == len(list(unsafe_places()))


def test_the_note_is_looked_for():
    """The search finds what it is meant to find, and only that."""
    text = 'fn f() {\n    // unsafe in a comment\n    let s = "unsafe { }";\n    unsafe { g() }\n    #![deny(unsafe_code)]\n}'  # noqa: E501
    assert [number for number, line in code_lines(text) if UNSAFE.search(line)] == [3]


def test_licences_and_sources():
    """As `make deny`, where cargo-deny is installed; it needs no network for this."""
    if shutil.which("cargo-deny") is None:
        pytest.skip("cargo-deny is not installed")
    command = ["cargo-deny", "--offline", "check", "licenses", "bans", "sources"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_dependency_is_locked():
    """Exact versions and checksums, from the registry alone."""
    packages = (ROOT / "Cargo.lock").read_text(encoding="utf-8").split("[[package]]")[1:]
    for package in packages:
        own = re.search(r'name = "dsp-(core|py)"', package)
        assert own or ("checksum = " in package and "registry+https://github.com/rust-lang/crates.io-index" in package)
