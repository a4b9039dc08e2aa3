"""Instructions of the kernels, counted by valgrind: a guard against regressions that needs no clock.

    python benches/instructions.py             compares with benches/instructions.json; exit code 1 on a regression
    python benches/instructions.py --update    writes that file

Every kernel runs once on little work, on one thread, at the AVX2 level (valgrind knows no AVX-512); what prepares it
does not count. Two runs of one program give the same counts. Another compiler gives others, so its version is kept too.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = ROOT / "benches/instructions.json"
LEVEL, TOLERANCE = "v3", 0.03
BUILD = ["cargo", "build", "--release", "--locked", "--package", "dsp-core", "--example", "instructions"]
VALGRIND = shutil.which("valgrind")
CALLGRIND = (str(VALGRIND), "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*::counted")


def build() -> str:
    """Return the path of the program that runs a kernel."""
    command = [*BUILD, "--message-format", "json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = map(json.loads, done.stdout.splitlines())
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "instructions")


def run(program: str, *arguments: str, under: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run at the level that counts are kept for, and end with the program's own words if it fails."""
    # Length of path and environment shift the stack, and copies take other ways by alignment: both are always the same.
    place, environment = Path(program).parent, {"DSPTRACK_ISA": LEVEL}
    command = [*under, f"./{Path(program).name}", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return done


def count(program: str, kernel: str) -> int:
    """Return the instructions of one run of a kernel."""
    said = run(program, kernel, under=CALLGRIND).stderr
    collected = re.search(r"Collected : (\d+)", said)
    if collected is None or collected[1] == "0":
        sys.exit(f"{kernel}: nothing was counted\n{said}")
    return int(collected[1])


def measure() -> dict[str, Any]:
    """Return what is kept: compiler, level, tolerance, instructions by kernel."""
    program = build()
    names = run(program).stdout.split()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(names, pool.map(lambda name: count(program, name), names), strict=True))
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, check=True, capture_output=True, text=True)
    return {"rustc": rustc.stdout.strip(), "level": LEVEL, "tolerance": TOLERANCE, "instructions": counts}


def compare(kept: dict[str, Any], found: dict[str, Any]) -> tuple[list[str], bool]:
    """Return the lines of a table, and whether all is well: no kernel above its tolerance, none without a record."""
    lines = ["| kernel | kept | found | change | |", "| --- | ---: | ---: | ---: | --- |"]
    before, now = kept["instructions"], found["instructions"]
    fine = True
    for name in [*now, *(set(before) - set(now))]:
        if name not in before or name not in now:
            change, verdict = "", "not kept" if name in now else "gone"
            fine = False
        else:
            ratio = now[name] / before[name] - 1
            change = f"{ratio:+.2%}"
            verdict = "REGRESSION" if ratio > kept["tolerance"] else "better" if ratio < -kept["tolerance"] else ""
            fine = fine and ratio <= kept["tolerance"]
        lines.append(f"| {name} | {before.get(name, '')} | {now.get(name, '')} | {change} | {verdict} |")
    return lines, fine


def main() -> int:
    """Count, then compare or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="keep the counts found now")
    update = parser.parse_args().update
    if VALGRIND is None:
        sys.exit("valgrind is not installed, and instructions are counted by it: apt-get install valgrind")
    found = measure()
    kept = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {**found, "instructions": {}}
    lines, fine = compare(kept, found)
    print("\n".join(lines))
    if kept["rustc"] != found["rustc"]:
        print(f"\nkept with {kept['rustc']}, found with {found['rustc']}: a change may be the compiler's")
    if update:
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return 0
    if not fine:
        print(f"\nmore instructions than kept, beyond {kept['tolerance']:.0%}, or other kernels; if meant: --update")
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
