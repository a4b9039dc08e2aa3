"""A learning rule of your own in Python: mixed-precision training, checked by the suite that the built-in rules pass.

A digital buffer H gathers the gradient; where it reaches a pulse of the device, whole pulses go to the array and what
they stand for leaves the buffer (Nandakumar et al., Front. Neurosci. 14, 406 (2020)). Anything that holds
`CrossbarArray` objects and has ``weights``, ``arrays``, ``ledger`` and ``step(gradient)`` is a rule.

    python examples/own_rule.py
"""

import numpy as np
from numpy.typing import ArrayLike

import dsptrack as dt
from dsptrack.testing import check_rule


class MixedPrecision:
    """H <- H - rate gradient; n = trunc(H / dw_min) pulses to W; H <- H - n dw_min."""

    def __init__(self, shape: tuple[int, int], device: dt.devices.Device, *, rate: float, rng: int = 0) -> None:
        self.array = dt.CrossbarArray(shape, device, rng=rng)
        self.array.set_weights(np.zeros(shape))
        self.buffer = np.zeros(shape, dtype=np.float32)
        self.rate = rate

    @property
    def weights(self) -> np.ndarray:
        """Where the gradient is wanted."""
        return self.array.weights

    @property
    def arrays(self) -> dict[str, dt.CrossbarArray]:
        """The arrays by name."""
        return {"W": self.array}

    @property
    def ledger(self) -> dict[str, dict[str, int]]:
        """What the arrays have spent."""
        return {"W": self.array.ledger}

    def step(self, gradient: ArrayLike) -> None:
        """Gather, pulse, keep the rest."""
        gathered = self.buffer - np.float32(self.rate) * np.asarray(gradient, dtype=np.float32)
        size = np.float32(self.array.device.dw_min)
        whole = np.trunc(gathered / size) * size
        self.array.increment(whole)  # raises for a bad gradient, before anything has changed
        self.buffer = gathered - whole


def solve(
    rule: MixedPrecision | dt.optim.AnalogSGD, target: np.ndarray, noise: np.random.Generator, steps: int
) -> float:
    """Minimise |w - target|^2 / 2 with noisy gradients and return the rms error of the weights."""
    for _ in range(steps):
        rule.step(rule.weights - target + 0.5 * noise.standard_normal(target.shape))
    return float(np.sqrt(np.mean((rule.weights - target) ** 2)))


def main() -> None:
    """Check the rule, then compare it with a built-in one."""
    check_rule(lambda shape, device, seed: MixedPrecision(shape, device, rate=0.05, rng=seed), learning_rate=0.05)
    print("MixedPrecision passes the conformance suite")
    device = dt.presets.reram_sb(reference_mean=0.0)
    target = np.random.default_rng(0).uniform(-0.2, 0.2, (20, 30))
    rules: dict[str, MixedPrecision | dt.optim.AnalogSGD] = {
        "MixedPrecision": MixedPrecision(target.shape, device, rate=0.01, rng=1),
        "AnalogSGD": dt.optim.AnalogSGD(target.shape, device, alpha=0.01, rng=1),
    }
    for name, rule in rules.items():
        error = solve(rule, target, np.random.default_rng(2), 1000)
        pulses = rule.ledger["W"]["pulses_up"] + rule.ledger["W"]["pulses_down"]
        print(f"{name:14s}  rms error {error:.3f}  {pulses:,} pulses")


if __name__ == "__main__":
    main()
