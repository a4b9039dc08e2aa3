"""Every public entry with random arguments: it succeeds, or raises what the documentation says, and nothing else.

``python -m helpers.fuzz --cases 100000`` runs all entries, each in its own process, so that a crash is noticed: the
report then names entry and block, and ``--entry NAME --block N --cases 50`` repeats it. With ``--report FILE`` a run
that was stopped goes on where it was.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dsptrack as dt
from dsptrack import _core
from helpers import fuzz_entries, states
from helpers.weird import LiedError, Pick

BLOCK = 50  # cases with one object
CHUNK = 500 * BLOCK  # cases in one process
HANGS = 3600  # seconds for a chunk, of which any entry needs few
MEMORY = 4 << 30
# Several calls in a case: the state may change before something fails.
SPENDING = ("Dropout",)
ACCEPTED = (dt.DspError, TypeError, ValueError, OverflowError, MemoryError, LiedError)
Entries = dict[str, tuple[Callable[[Pick], Any], Callable[[Any, Pick], Any]]]
ENTRIES: Entries = fuzz_entries.entries()


class EscapedError(AssertionError):
    """An entry did something that is not documented."""


def block(name: str, number: int, outcomes: collections.Counter[str]) -> None:
    """Run one block of cases; all of it follows from its number."""
    make, call = ENTRIES[name]
    pick = Pick(number)
    thing = make(pick)
    for case in range(BLOCK):
        checked = case % 10 == 9 and hasattr(thing, "state_dict") and name not in SPENDING
        before = states.bits(thing.state_dict()) if checked else None
        try:
            call(thing, pick)
        except ACCEPTED as error:
            outcomes[type(error).__name__] += 1
            if before is not None and states.bits(thing.state_dict()) != before:
                raise EscapedError(f"{name}, block {number}, case {case}: {error!r} left a changed state") from error
        except BaseException as error:
            raise EscapedError(f"{name}, block {number}, case {case}: {type(error).__name__}: {error}") from error
        else:
            outcomes["success"] += 1


def run(name: str, cases: int, first: int = 0, note: Callable[[int], Any] = lambda number: None) -> dict[str, int]:
    """Run so many cases of an entry from a block on; how often each outcome came."""
    outcomes: collections.Counter[str] = collections.Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if not name.startswith(("CrossbarArray", "AnalogTile", "AnalogLayer", "zero_shift")):
            # NumPy itself, on infinite numbers and on those near the end of floats.
            warnings.simplefilter("ignore", RuntimeWarning)
        # Documented, and raised by NumPy about the weird arrays themselves.
        warnings.simplefilter("ignore", dt.NoSymmetricPointWarning)
        for number in range(first, first + -(-cases // BLOCK)):
            note(number)
            block(name, number, outcomes)
    return dict(outcomes)


def in_process(name: str, cases: int, first: int) -> dict[str, Any]:
    """Run an entry in a process of its own; how often each outcome came, or how the process died."""
    with tempfile.NamedTemporaryFile("r") as last:
        command = [sys.executable, "-X", "faulthandler", "-m", "helpers.fuzz", "--entry", name, "--note", last.name]
        command += ["--cases", str(cases), "--block", str(first)]
        began = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS)
        except subprocess.TimeoutExpired:
            return {"escaped": f"still running after {HANGS} s, in block {last.read()}"}
        if done.returncode:
            errors = f"{done.stderr[:500]} ... {done.stderr[-2000:]}"
            return {"escaped": f"exit {done.returncode} in block {last.read()}: {errors}"}
        return {"seconds": time.monotonic() - began, "outcomes": json.loads(done.stdout)}


class Report:
    """What each entry has had so far, in a file: a run that was stopped goes on where it was."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        build = hashlib.sha256(Path(str(_core.__file__)).read_bytes()).hexdigest()[:16]
        self.data: dict[str, Any] = {"build": build, "entries": {}}
        if path and path.exists():
            found = json.loads(path.read_text())
            if found["build"] != build:
                raise SystemExit(f"{path} is of another build of the core; remove it")
            self.data = found

    def cases(self, name: str) -> int:
        return int(self.data["entries"].get(name, {}).get("cases", 0))

    def add(self, name: str, cases: int, found: dict[str, Any]) -> None:
        entry = self.data["entries"].setdefault(name, {"cases": 0, "seconds": 0.0, "outcomes": {}})
        if "escaped" in found:
            entry["escaped"] = found["escaped"]
        else:
            entry.pop("escaped", None)
            entry["cases"] += cases
            entry["seconds"] = round(entry["seconds"] + found["seconds"], 1)
            for outcome, count in found["outcomes"].items():
                entry["outcomes"][outcome] = entry["outcomes"].get(outcome, 0) + count
        if self.path:
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self.data, indent=1) + "\n")
            new.replace(self.path)

    def escaped(self) -> list[str]:
        return [name for name, entry in self.data["entries"].items() if "escaped" in entry]


def fuzz(names: list[str], cases: int, report: Report, workers: int) -> None:
    """All entries in rounds, so that all have had much the same when something stops it."""

    def one(name: str, upto: int) -> None:
        first = report.cases(name)
        if first < upto and name not in failed:
            found = in_process(name, upto - first, first // BLOCK)
            with writing:
                report.add(name, upto - first, found)
                print(f"{name}: {report.data['entries'][name]}", flush=True)
            if "escaped" in found:
                failed.add(name)

    failed: set[str] = set()
    writing = threading.Lock()
    rounds = [*range(CHUNK, cases, CHUNK), cases]
    for upto in rounds:
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda name, upto=upto: one(name, upto), names))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--entry", choices=sorted(ENTRIES))
    parser.add_argument("--block", type=int, default=0, help="of an entry: where to begin")
    parser.add_argument("--note", help="run the entry in this process, and write the block to this file")
    parser.add_argument("--report", type=Path, help="file to go on with")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    cases = -(-given.cases // BLOCK) * BLOCK
    if given.entry and given.note:
        # What needs more memory than this shall fail, and not the machine.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

        def note(number: int) -> None:
            Path(given.note).write_text(str(number))

        print(json.dumps(run(given.entry, cases, given.block, note)))
        return 0
    if given.entry:
        print(in_process(given.entry, cases, given.block))
        return 0
    report = Report(given.report)
    fuzz(list(ENTRIES), cases, report, given.workers)
    counts = [report.cases(name) for name in ENTRIES]
    print(f"{len(ENTRIES)} entries, {sum(counts)} cases, {min(counts)} at least; escaped: {report.escaped()}")
    return 1 if report.escaped() else 0


if __name__ == "__main__":
    sys.exit(main())
