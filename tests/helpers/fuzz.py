"""Every public entry with random arguments: it succeeds, or raises what the documentation says, and nothing else.

``python -m helpers.fuzz --cases 100000`` runs all entries, each in its own process, so that a crash is noticed: the
report then names entry and block, and ``--entry NAME --block N`` repeats it.
"""

import argparse
import collections
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dsptrack as dt
from helpers import fuzz_entries, states
from helpers.weird import LiedError, Pick

BLOCK = 50  # cases with one object
MEMORY = 4 << 30
# Several calls in a case, and outputs found too large after the read: the state may change before something fails.
SPENDING = ("Dropout", "AnalogLayer.forward")
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
    """Run an entry in a process of its own; what it printed, or how it died."""
    with tempfile.NamedTemporaryFile("r") as last:
        command = [sys.executable, "-m", "helpers.fuzz", "--entry", name, "--note", last.name]
        command += ["--cases", str(cases), "--block", str(first)]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if done.returncode == 0:
            return json.loads(done.stdout) | {"seconds": round(seconds, 1)}
        return {
            "escaped": f"exit {done.returncode} in block {last.read()}: {done.stderr[:500]} ... {done.stderr[-2000:]}"
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--entry", choices=sorted(ENTRIES))
    parser.add_argument("--block", type=int, default=0)
    parser.add_argument("--note")
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    if given.entry and given.note:
        # What needs more memory than this shall fail, and not the machine.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

        def note(number: int) -> None:
            Path(given.note).write_text(str(number))

        print(json.dumps(run(given.entry, given.cases, given.block, note)))
        return 0
    report = {}
    for name in [given.entry] if given.entry else ENTRIES:
        report[name] = in_process(name, given.cases, given.block)
        print(f"{name}: {report[name]}", flush=True)
        if given.report:
            given.report.write_text(json.dumps(report, indent=1) + "\n")
    escaped = [name for name, outcomes in report.items() if "escaped" in outcomes]
    total = sum(n for found in report.values() for key, n in found.items() if key not in ("escaped", "seconds"))
    print(f"{len(report)} entries, {total} cases, {len(escaped)} entries with an escape: {', '.join(escaped)}")
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
