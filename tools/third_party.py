"""Write THIRD_PARTY.txt: the licences of the Rust crates that are compiled into the extension.

``python tools/third_party.py`` writes it, ``--check`` says whether it is up to date. It needs cargo and the crates'
sources, which any build has fetched. Crates that only run while building, macros among them, leave nothing in the
extension and are not listed.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = ROOT / "THIRD_PARTY.txt"
BINDING = "dsp-py"
HEADER = """Third-party software in dsptrack's compiled extension
=====================================================

The extension module holds compiled code of these crates. Where a crate offers a choice of licences, the texts below are
those of the MIT licence. The Rust standard library is in it too: copyright The Rust Project Contributors, MIT or
Apache-2.0 (https://github.com/rust-lang/rust); the file LICENSE holds the text of Apache-2.0.

Written by tools/third_party.py from Cargo.lock.
"""
RULE = "-" * 80


def compiled(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the packages of others whose code ends up in the extension, on any platform, by name."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    wanted = [key for key, package in packages.items() if package["name"] == BINDING]
    found: set[str] = set()
    while wanted:
        key = wanted.pop()
        macro = any("proc-macro" in target["kind"] for target in packages[key]["targets"])
        if key in found or macro:
            continue
        found.add(key)
        wanted += [
            dependency["pkg"]
            for dependency in nodes[key]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
    others = [packages[key] for key in found if packages[key]["source"] is not None]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def licence(package: dict[str, Any]) -> str:
    """Return the text of a package's licence: MIT where it may be chosen, else every file of that kind."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(folder.glob("LICENSE-MIT*")) or sorted(folder.glob("LICEN[CS]E*"))
    files += sorted(folder.glob("NOTICE*"))
    if not files:
        sys.exit(f"{package['name']} {package['version']}: no licence file in {folder}")
    return "\n\n".join("\n".join(map(str.rstrip, file.read_text("utf-8").strip().splitlines())) for file in files)


def text() -> str:
    """Return what the file must hold."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    packages: dict[str, list[str]] = {}
    for package in compiled(json.loads(done.stdout)):
        line = f"{package['name']} {package['version']} ({package['license'].replace('/', ' OR ')})"
        packages.setdefault(licence(package), []).append(f"{line} {package['repository'] or ''}".rstrip())
    parts = ["\n".join([RULE, *lines, RULE, "", words, ""]) for words, lines in packages.items()]
    return "\n".join([HEADER, *parts])


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the file is not up to date")
    wanted = text()
    if not parser.parse_args().check:
        FILE.write_text(wanted, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text("utf-8") != wanted:
        print(f"{FILE.name} is not up to date: run python tools/third_party.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
