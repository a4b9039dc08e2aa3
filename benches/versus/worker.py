"""One library in a process of its own: reads commands as lines of JSON, answers with one line each."""

import importlib
import json
import sys
import time

from work import CASES


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
            answer = library.memory(CASES[argument], 2048)
        else:
            start = time.perf_counter()
            for _ in range(argument):
                step()
            answer = (time.perf_counter() - start) / argument
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
