"""A little of everything with random numbers in it, one hash for every part. test_streams.py runs it as a script."""

import hashlib
import json
import sys
import warnings
from typing import Any

import numpy as np

import dsptrack as dt
from dsptrack import _core

# Odd sizes: rows and columns that fill no vector register, and enough cells for several threads
SMALL, LARGE = (37, 53), (261, 130)
AGEING = {
    "lifetime": 50.0,
    "lifetime_dtod": 0.3,
    "diffusion": 0.01,
    "diffusion_dtod": 0.3,
    "drift_nu": 0.1,
    "drift_nu_dtod": 0.2,
    "drift_nu_std": 0.1,
    "drift_w_noise_std": 0.01,
}
# Every random number of a read at least once
READS = [
    dt.Periphery(
        mv_type="pos_neg_separate_digital_sum",
        inp_sto_round=True,
        inp_noise=0.01,
        inp_asymmetry=0.1,
        out_noise_std=0.3,
        out_sto_round=True,
        out_asymmetry=0.1,
        out_nonlinearity=0.3,
        out_nonlinearity_std=0.1,
        slope_calibration=0.3,
        out_bound=1.0,
        noise_management="average_abs_max",
        bound_management="iterative_worst_case",
        w_noise=0.01,
        w_noise_type="pcm_read",
        w_read_asymmetry_dtod=0.1,
        ir_drop=1.0,
        v_offset_std=0.05,
        r_series=0.01,
    ),
    dt.Periphery(
        mv_type="pos_neg_separate", noise_management="max", w_noise=0.01, w_noise_type="additive_constant", ir_drop=2.0
    ),
    dt.Periphery(noise_management="abs_max_np_sum", nm_thres=2.0, v_offset_std=0.1, v_offset_w_min=0.0, out_bound=2.0),
    dt.Periphery(noise_management="constant", nm_thres=1.5),
]


def digest(*arrays: Any) -> str:
    """Hash of the exact bits."""
    h = hashlib.sha256()
    for array in arrays:
        h.update(np.ascontiguousarray(array).tobytes())
    return h.hexdigest()[:16]


def points(array: Any) -> Any:
    """Symmetric points, without the warning that some cells have none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dt.NoSymmetricPointWarning)
        return array.symmetric_point()


def run(threads: int | None) -> dict[str, str]:
    """Hashes of all states after every part, on the given number of threads."""
    rng = np.random.default_rng(99)
    devices = {
        "constant": dt.devices.ConstantStep(dw_min=0.01, up_down=0.1),
        "soft": dt.devices.SoftBounds(dw_min=0.002, write_noise_std=2.0),
        "reference": dt.devices.SoftBoundsReference(dw_min=0.02, dw_min_std=2.0, reference_mean=0.2, reference_std=0.1),
        "coarse": dt.presets.reram_array_hfo2(corrupt_devices_prob=0.1),
    }
    noisy: dict[str, Any] = {"dw_min": 0.02, "dw_min_std": 0.5, **AGEING}
    tables: dict[str, Any] = {"piecewise_up": (1.5, 1.2, 0.7, 0.1), "piecewise_down": (0.2, 0.4, 1.3, 1.6)}
    devices |= {
        "linear": dt.devices.LinearStep(gamma_up=0.5, gamma_down=0.4, mult_noise=False, write_noise_std=1.0, **noisy),
        "exp": dt.devices.ExpStep(up_down=0.05, dw_min_std_add=0.02, dw_min_std_slope=0.1, **noisy),
        "pow": dt.devices.PowStep(pow_gamma=1.7, pow_up_down_dtod=0.1, write_noise_std=1.0, **noisy),
        "subtracted": dt.devices.PowStepReference(up_down=0.1, subtract_symmetry_point=True, **noisy),
        "piecewise": dt.devices.PiecewiseStep(**tables, **noisy),
        "reram_es": dt.presets.reram_es(**AGEING),
        "pcm": dt.presets.pcm(**AGEING),
    }
    hashes: dict[str, str] = {}
    for name, device in devices.items():
        for shape in (SMALL,) if name in ("subtracted", "reram_es", "pcm") else (SMALL, LARGE):
            array = dt.CrossbarArray(shape, device, rng=11, num_threads=threads, count_pulses=True)
            rows, columns = shape
            x, d = rng.standard_normal((9, columns)), rng.standard_normal((9, rows))

            def record(part: str, *values: Any, array: Any = array, label: str = f"{name}-{shape[0]}") -> None:
                hashes[f"{label}-{part}"] = digest(array.weights, *array.pulse_counts, *values)

            # Roots of curved responses are slow to find: on small arrays only
            searched = shape == SMALL or name in ("constant", "soft", "reference", "coarse", "linear")
            record("population", *array.cell_parameters().values(), *([points(array)] if searched else []))
            array.set_weights(rng.uniform(-0.4, 0.4, shape))
            record("set")
            array.pulse(+1, 13)
            array.pulse(rng.integers(-1, 2, shape).astype(np.int8), 40)
            array.pulse_random(33)
            record("pulses")
            array.increment(0.05 * rng.standard_normal(shape))
            array.increment(0.05 * rng.standard_normal(shape), mode="mean_field")
            record("increments")
            for lr in (1e-4, 0.01, 0.3):  # sparse, medium and saturated trains
                array.update(x, d, lr)
            array.update(
                x, d, 0.02, pulses=dt.PulseUpdate(desired_bl=70, update_bl_management=False, res=0.01, sto_round=True)
            )
            record("updates")
            retried = dt.Periphery(out_bound=1.0, inp_noise=0.01, out_sto_round=True)
            record(
                "reads",
                array.forward(x),
                array.backward(d),
                array.forward(x, retried),
                array.forward(x, dt.Periphery.ideal()),
            )
            record(
                "managed-reads",
                *(getattr(array, way)(v, p) for p in READS for way, v in (("forward", x), ("backward", d))),
            )
            for scheme in ("cyclic", "stochastic") if searched else ():
                dt.zero_shift(array, 150, scheme=scheme, record_every=60)
                record(scheme)
            array.trace([(i, i) for i in range(rows // 2)])
            array.pulse_random(7)
            report = array.program(rng.uniform(-0.4, 0.4, shape), tolerance=0.05, max_rounds=9)
            traces = array.traces()
            record("program", report.pulses, report.residual, *(traces[field] for field in traces.dtype.names or ()))
            array.trace(None)
            array.decay(0.5)
            array.diffuse()
            array.drift(3.0)
            array.reset(start=columns - 9, count=20, probability=0.4)
            array.drift(4.0)
            record("retention")
    for name in sorted(set(dt.algorithms.__all__) - {"Algorithm", "Description"}):
        chopped = name in ("ChoppedTikiTaka", "AGAD", "ERider")
        fields: dict[str, Any] = {"chop_probability": 0.5, "chop_random": True} if chopped else {}
        if name == "ResidualLearning":
            fields = {"fast_arrays": 2, "stage_every": 2, "calibration_pulses": 11}
        fast = (
            {} if name == "AnalogSGD" else {"columns_per_transfer": 20, "transfer_lr": 5.0, "scale_transfer_lr": False}
        )
        rule = getattr(dt.algorithms, name)(device=devices["coarse"], **fields, **fast)
        tile = dt.AnalogTile(SMALL, rule, rng=12, num_threads=threads)
        for _ in range(12):
            x, d = rng.standard_normal((5, SMALL[1])), rng.standard_normal((5, SMALL[0]))
            y, g = tile.forward(x), tile.backward(d)
            tile.update(x, d, 0.1)
        states = [array.weights for array in tile.arrays.values()]
        hashes[name] = digest(y, g, tile.weights, tile.choppers, *states, *tile.digital.values())
    return hashes


if __name__ == "__main__":
    counts = [None if word == "None" else int(word) for word in sys.argv[1:]]
    print(json.dumps({"isa": _core.isa(), "hashes": {str(count): run(count) for count in counts}}))  # noqa: T201
