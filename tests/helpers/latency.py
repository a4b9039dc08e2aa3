"""How long Ctrl-C waits: ``python -m helpers.latency [NAME ...]`` interrupts long calls at several moments of each.

The longest wait of every call is printed, and the program fails if one was longer than the promise.
"""

import argparse
import json
import signal
import subprocess
import sys

from helpers import long_calls

PROMISE = 0.2
# From the copying of the arguments to the midst of the work; a call that has ended before the signal does not count.
MOMENTS = (0.001, 0.05, 0.2, 0.5, 1.2)


def waited(name: str, moment: float, threads: int) -> float | None:
    """Seconds from the signal to the end of the call, in a process of its own; None if the call had ended."""
    command = [sys.executable, "-m", "helpers.long_calls", name, str(moment), str(threads)]
    # A job that a script put into the background inherits an ignored SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert not answer.get("changed"), answer
    assert answer.get("usable", True), answer
    return answer["seconds"] if answer["interrupted"] else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    late = False
    for name in given.names or long_calls.CALLS:
        found = {moment: waited(name, moment, given.threads) for moment in MOMENTS}
        seconds = {moment: wait for moment, wait in found.items() if wait is not None}
        longest = max(seconds, key=seconds.__getitem__)
        late |= seconds[longest] > PROMISE
        print(f"{name}: {len(seconds)} interrupts, longest {seconds[longest]:.3f} s at {longest} s", flush=True)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
