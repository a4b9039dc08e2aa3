"""Hardware that computes exactly, or as exactly as pulses can."""

from typing import Any

import dsptrack as dt
from helpers.build import quiet

IDEAL = dt.Periphery.ideal()
# Steps so fine that rounding to whole pulses disappears, a power of two so that float32 sums of them are exact, and
# trains that say exactly how many are sent.
STEP = 2.0**-20
SGD = dt.algorithms.AnalogSGD(device=quiet("ConstantStep", dw_min=STEP, w_max=10.0, w_min=-10.0))
OPTIONS: dict[str, Any] = {
    "forward": IDEAL,
    "backward": IDEAL,
    "update": dt.PulseUpdate(desired_bl=4096, pulse_type="deterministic_implicit"),
    "rng": 0,
}


def linear(n: int, m: int, **options: Any) -> Any:
    return dt.nn.Linear(n, m, SGD, **(OPTIONS | options))


def conv(channels: int, m: int, kernel: Any, **options: Any) -> Any:
    return dt.nn.Conv2d(channels, m, kernel, SGD, **(OPTIONS | options))
