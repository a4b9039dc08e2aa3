"""Time of the noisy forward read with default parameters against NumPy's float32 product of the same size.

Both run in one process on the same number of threads, in turns, so that whatever else the machine does hits both; the
ratio is that of the medians. A turn is a block of calls after a pause: threads of a BLAS spin for an eighth of a second
after each product, and so do our helpers after each read, and whoever comes next would share its cores with them. With
`--pause 0` single calls alternate. Prints one line of a Markdown table per size. Run it on an idle machine:

    python benches/python/reads.py --threads 2
"""

import argparse
import os
import time
from collections.abc import Callable

SIZES = (128, 256, 512, 1024, 2048)
SECONDS = 8.0  # per size
CALLS = 30  # in a block
WARM = 3  # calls before a block, which wake its threads


def in_turns(
    first: Callable[[], object], second: Callable[[], object], pause: float, warm: int, calls: int
) -> tuple[list[float], list[float]]:
    """Times of both in seconds, `calls` of one after a pause and `warm` others, then as many of the other."""
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + SECONDS
    while len(times[0]) < 15 or time.perf_counter() < end:
        for call, column in zip((first, second), times, strict=True):
            if pause > 0.0:
                time.sleep(pause)
            for _ in range(warm):
                call()
            for _ in range(calls):
                start = time.perf_counter()
                call()
                column.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="threads of dsptrack and of NumPy's BLAS")
    parser.add_argument("--batch", type=int, default=64, help="vectors in a read")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds before a block; 0 alternates single calls")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows and columns")
    args = parser.parse_args()
    warm, calls = (WARM, CALLS) if args.pause > 0.0 else (0, 1)
    for library in ("OPENBLAS", "MKL", "OMP", "BLIS", "VECLIB_MAXIMUM"):
        os.environ[f"{library}_NUM_THREADS"] = str(args.threads)
    # NumPy reads these variables when it is loaded.
    import numpy as np

    import dsptrack as dt
    from dsptrack import _core

    rng = np.random.default_rng(0)
    device = dt.devices.ConstantStep(w_max=10.0, w_min=-10.0)
    load = os.getloadavg()[0]
    print(f"batch {args.batch}, {args.threads} threads, pause {args.pause:g} s, level {_core.isa()}, ", end="")
    print(f"NumPy {np.__version__}, load {load:.1f}\n")
    print("| size | read, ms | quartiles | NumPy, ms | quartiles | ratio | rounds |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in args.sizes:
        array = dt.CrossbarArray((size, size), device, rng=0, num_threads=args.threads)
        # Outputs of about one, as in a trained layer: no vector needs a second round.
        array.set_weights(rng.standard_normal((size, size)) / np.sqrt(size))
        x = rng.standard_normal((args.batch, size)).astype(np.float32)
        weights, periphery = array.weights, dt.Periphery()
        pair = (lambda: array.forward(x, periphery), lambda: x @ weights.T)  # noqa: B023 - called at once
        reads = in_turns(*pair, args.pause, warm, calls)
        rounds = array.ledger["forward_reads"] / (len(reads[0]) / calls * (warm + calls) * args.batch)
        (low, mid, high), (nlow, nmid, nhigh) = (np.percentile(column, (25, 50, 75)) * 1e3 for column in reads)
        times = f"{mid:.3f} | {low:.3f} to {high:.3f} | {nmid:.3f} | {nlow:.3f} to {nhigh:.3f}"
        print(f"| {size} | {times} | {mid / nmid:.2f} | {rounds:.2f} |")


if __name__ == "__main__":
    main()
