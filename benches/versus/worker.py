"""One library in a process of its own: reads commands as lines of JSON, answers with one line each."""

import importlib
import json
import sys
import time
from types import ModuleType

from work import CASES, MEMORY_SIZE, SIZE, Case, resident


def main() -> None:
    """Serve until the pipe is closed."""
    library, images, threads = importlib.import_module(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    answers, sys.stdout = sys.stdout, sys.stderr
    step, check = None, None
    for line in sys.stdin:
        command, argument = json.loads(line)
        if command == "about":
            answer = library.about()
        elif command == "make":
            step, check = library.make(CASES[argument], images, threads)
            answer = check()
            step()
        elif command == "memory":
            answer = bytes_a_weight(library, CASES[argument])
        else:
            start = time.perf_counter()
            for _ in range(argument):
                step()
            answer = (time.perf_counter() - start) / argument
        print(json.dumps(answer), file=answers, flush=True)


def bytes_a_weight(library: ModuleType, case: Case) -> float:
    """Return the resident bytes a weight of a tile that has been updated once.

    A smaller tile comes first and stays, for what a process needs once: threads, and the code of an update.
    """
    kept = [library.updated(case, SIZE)]
    before = resident()
    kept.append(library.updated(case, MEMORY_SIZE))
    return (resident() - before) / MEMORY_SIZE**2


if __name__ == "__main__":
    main()
