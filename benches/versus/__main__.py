"""dsptrack and aihwkit side by side on the same work: ratios of times, medians and spread, as Markdown and JSON.

    python benches/versus --peer .peer-venv/bin/python

`benches/versus/setup_peer.sh` makes the peer's environment. Each library runs in a process of its own, on the same
number of threads; calls of one and of the other take turns, so that whatever else the machine does meets both. Before a
row is timed, statistics of its result are compared; a row whose libraries did different work is an error.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from work import CASES, Case

import dsptrack as dt

HERE = Path(__file__).parent
ROUNDS, SLICE, LONGEST = 9, 0.1, 20.0  # rounds a row; seconds a turn at least; seconds of turns after which a row ends


class Worker:
    """A library that answers."""

    def __init__(self, python: str, library: str, images: str, threads: int) -> None:
        environment = dict(os.environ)
        for name in ("OMP", "OPENBLAS", "MKL"):
            environment[f"{name}_NUM_THREADS"] = str(threads)
        command = [python, str(HERE / "worker.py"), library, images, str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, command: str, argument: object = None) -> Any:
        """Send a command and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([command, argument]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args} ended without an answer to {command} {argument}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(case: Case, ours: dict[str, float], theirs: dict[str, float]) -> float:
    """Return the largest relative difference of the checks."""
    return max(abs(ours[name] - theirs[name]) / max(abs(theirs[name]), 1e-12) for name in theirs)


def measure(name: str, ours: Worker, theirs: Worker) -> dict[str, Any]:
    """Return one row."""
    case = CASES[name]
    checks = ours.ask("make", name), theirs.ask("make", name)
    difference = compare(case, *checks)
    if difference > case.tolerance:
        sys.exit(f"{name}: not the same work, the results differ by {difference:.1%}: {checks}")
    calls = [max(1, round(SLICE / worker.ask("run", 1))) for worker in (ours, theirs)]
    times: tuple[list[float], list[float]] = ([], [])
    spent = 0.0
    while len(times[0]) < ROUNDS and (spent < LONGEST or len(times[0]) < 3):
        for worker, count, column in zip((ours, theirs), calls, times, strict=True):
            column.append(worker.ask("run", count))
            spent += column[-1] * count
    ratios = [b / a for a, b in zip(*times, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    mine, other = (statistics.median(column) for column in times)
    return {
        "name": name, "title": case.title, "fidelity": case.fidelity, "ours_s": mine, "peer_s": other,
        "ratio": other / mine, "quartiles": [low, high], "median_of_ratios": middle, "rounds": len(ratios),
        "checks": checks, "difference": difference,
    }  # fmt: skip


def bytes_a_weight(name: str, arguments: argparse.Namespace, images: str) -> dict[str, Any]:
    """Return one row of memory, each library in a fresh process."""
    both = []
    for python, library in ((sys.executable, "ours"), (arguments.peer, "theirs")):
        with contextlib.closing(Worker(python, library, images, arguments.threads)) as worker:
            both.append(worker.ask("memory", name))
    return {"name": name, "title": CASES[name].title, "ours": both[0], "peer": both[1]}


def markdown(report: dict[str, Any]) -> str:
    """The tables."""
    isa = report["ours"]["isa"]
    lines = [
        f"{report['machine']}, {report['threads']} threads, {report['date']}, commit {report['commit']}: "
        f"dsptrack {report['ours']['version']} at level {isa}, "
        f"aihwkit {report['peer']['version']} (torch {report['peer']['torch']})",
        "",
        "| work | fidelity | dsptrack, ms | aihwkit, ms | ratio | quartiles | goal | results differ by |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in report["rows"]:
        goal = CASES[row["name"]].goal.get(isa)
        wanted = "" if goal is None else f"{goal:g}" + ("" if row["ratio"] >= goal else ", missed")
        low, high = row["quartiles"]
        lines.append(
            f"| {row['title']} | {row['fidelity']} | {row['ours_s'] * 1e3:.3g} | {row['peer_s'] * 1e3:.3g} "
            f"| {row['ratio']:.1f} | "
            f"{low:.1f} to {high:.1f} | {wanted} | {row['difference']:.1%} |"
        )
    if report["memory"]:
        lines += ["", "| resident bytes a weight, 2048 x 2048 | dsptrack | aihwkit |", "| --- | ---: | ---: |"]
        lines += [f"| {row['title']} | {row['ours']:.1f} | {row['peer']:.1f} |" for row in report["memory"]]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=str(HERE.parents[1] / ".peer-venv/bin/python"), help="Python with aihwkit")
    parser.add_argument("--threads", type=int, default=2, help="threads of both")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="ROW", help=", ".join(CASES))
    parser.add_argument("--json", type=Path, help="file for everything measured")
    parser.add_argument("--markdown", type=Path, help="file for the tables, which are printed in any case")
    arguments = parser.parse_args()
    report: dict[str, Any] = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": processor(), "commit": commit()}
    report |= {"threads": arguments.threads, "rows": [], "memory": []}
    with tempfile.TemporaryDirectory() as folder:
        images = f"{folder}/images.npz"
        data = dt.datasets.load("mnist5k")
        np.savez(images, x=data.train_x[:1000].astype(np.float32), y=data.train_y[:1000])
        workers = [
            Worker(python, name, images, arguments.threads)
            for python, name in ((sys.executable, "ours"), (arguments.peer, "theirs"))
        ]
        report["ours"], report["peer"] = (worker.ask("about") for worker in workers)
        for name in arguments.only:
            if CASES[name].kind == "memory":
                report["memory"].append(bytes_a_weight(name, arguments, images))
            else:
                report["rows"].append(measure(name, *workers))
                row = report["rows"][-1]
                times = f"{row['ours_s'] * 1e3:.3g} ms, {row['peer_s'] * 1e3:.3g} ms"
                print(f"{name}: {row['ratio']:.2f} ({times}), differ by {row['difference']:.2%}", file=sys.stderr)
        for worker in workers:
            worker.close()
    tables = markdown(report)
    print(tables)
    if arguments.markdown:
        arguments.markdown.write_text(tables, encoding="utf-8")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def processor() -> str:
    """The machine in a few words."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        return f"{len(names)} x {names[0]}"
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit that is measured."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=7"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
