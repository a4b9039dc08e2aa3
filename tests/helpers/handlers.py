"""Signal handlers that use what the call they interrupt has locked; test_interrupts.py runs this as a program.

``python -m helpers.handlers CALL HANDLER`` prints what the handler was told. A deadlock ends with a traceback.
"""

import faulthandler
import signal
import sys
from typing import Any

import numpy as np

import dsptrack as dt
from dsptrack.nn.analog import update_together

SIZE = 256


def layer() -> Any:
    rule = dt.algorithms.AnalogSGD(device=dt.devices.SoftBounds(dw_min=0.01))
    made = dt.nn.Linear(SIZE, SIZE, rule, rng=0, num_threads=1, bias="none")
    made.backward(made.forward(np.ones((4, SIZE), np.float32)))
    return made


def main() -> None:
    call, used = sys.argv[1:]
    faulthandler.dump_traceback_later(60, exit=True)
    one = layer()
    few, many = np.ones((4, SIZE), np.float32), np.ones((150_000, SIZE), np.float32)
    uses = {
        "forward": lambda: one.forward(few),
        "update": lambda: update_together([one], 0.1),
        "tile": lambda: one.tiles[0].forward(few),
    }
    calls = {"layer": lambda: one.forward(many), "tile": lambda: one.tiles[0].forward(many)}
    told = []

    def handler(*_: Any) -> None:
        try:
            uses[used]()
            told.append("done")
        except dt.StateError as error:
            told.append(str(error))

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2, 0.1)
    calls[call]()
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(max(told, key=len))  # noqa: T201


if __name__ == "__main__":
    main()
