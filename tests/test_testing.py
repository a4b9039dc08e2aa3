"""The conformance suite: every model and preset passes it, and each of its checks can fail."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsptrack as dt
from dsptrack import testing
from dsptrack.devices import (
    ConstantStep,
    ExpStep,
    LinearStep,
    PiecewiseStep,
    PowStep,
    PowStepReference,
    SoftBounds,
    SoftBoundsReference,
    from_callables,
)
from dsptrack.testing import check_device

TABLE = {"piecewise_up": (2.0, 1.0, 0.5, 0.1), "piecewise_down": (0.1, 0.5, 1.0, 3.0)}
DEVICES = [
    ConstantStep(),
    ConstantStep(up_down=0.3, corrupt_devices_prob=0.3),
    LinearStep(),
    LinearStep(gamma_up=0.5, gamma_down=0.3, up_down=0.1, mean_bound_reference=False),
    SoftBounds(dw_min=0.1),
    SoftBounds(w_max=0.0),
    SoftBoundsReference(reference_mean=0.2, reference_std=0.1, slope_up_dtod=0.1, write_noise_std=5.0),
    ExpStep(dw_min=0.01),
    PowStep(pow_gamma=0.5, dw_min=0.01),
    PowStep(pow_gamma=4.0, up_down=-0.4),
    PowStepReference(pow_gamma=1.5, reference_std=0.2, subtract_symmetry_point=True, dw_min=0.01),
    PiecewiseStep(),
    PiecewiseStep(**TABLE, dw_min=0.05, dw_min_std=2.0),
    from_callables(lambda w: 1 - w**3, lambda w: 1 + w, w_min=-1, w_max=1, dw_min=0.01, w_max_dtod=0.1).device,
]


@pytest.mark.parametrize("device", DEVICES, ids=lambda d: type(d).__name__)
def test_models_pass(device):
    check_device(device)


@pytest.mark.parametrize("name", dt.presets.__all__)
@pytest.mark.parametrize("seed", [0, 1])
def test_presets_pass(name, seed):
    check_device(getattr(dt.presets, name)(), seed=seed)


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (20, 3)])
def test_any_shape(shape):
    check_device(PiecewiseStep(**TABLE), shape=shape)


def test_stuck_arrays_pass():
    check_device(SoftBounds(corrupt_devices_prob=1.0))


@settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)), min_size=2, max_size=9), st.floats(1e-4, 0.5))
def test_tables_that_fall_and_rise_pass(steps, dw_min):
    """q+ falling and q- rising: what a monotone device (Definition C.1) is."""
    up = np.cumsum([s for s, _ in steps])[::-1]
    down = np.cumsum([s for _, s in steps])
    check_device(PiecewiseStep(piecewise_up=up, piecewise_down=down, dw_min=dw_min))


# Devices that are legal and break a check


BROKEN = [
    (PiecewiseStep(piecewise_up=(1.0, -1.0), piecewise_down=(1.0, 1.0)), "up pulses must move up: 64 of 64 cells"),
    (PiecewiseStep(piecewise_up=(1.0, 1.0), piecewise_down=(1.0, -0.1)), "down pulses must move down: 64 of 64 cells"),
    (PiecewiseStep(piecewise_up=(0.0,), piecewise_down=(1.0,)), "up pulses must move a cell that is not stuck"),
    (LinearStep(gamma_up=1.3, w_max_dtod=0.0), "up pulses must move up"),
    (ConstantStep(enforce_consistency=False, dw_min_dtod=1.0), "pulses must move"),
]


@pytest.mark.parametrize(("device", "words"), BROKEN)
def test_legal_devices_can_fail(device, words):
    with pytest.raises(AssertionError, match=words):
        check_device(device)


def test_a_failure_names_one_cell_in_figures():
    device = PiecewiseStep(piecewise_up=(1.0, -1.0), piecewise_down=(1.0, 1.0), w_max=0.5).nominal()
    with pytest.raises(AssertionError) as caught:
        check_device(device, shape=(2, 3))
    words = "up pulses must move up: 6 of 6 cells do not, among them [0, 0]: q+ = -1 at w = 0.5"
    assert str(caught.value) == words


# Implementations that lie: every other check


class Lazy(dt.CrossbarArray):
    def pulse(self, polarity, count=1):
        if count > 1:
            super().pulse(polarity, count)


class Stubborn(dt.CrossbarArray):
    def traces(self):
        record = super().traces()
        record["after"] += 10
        return record


class Lopsided(dt.CrossbarArray):
    def symmetric_part(self, w):
        return super().symmetric_part(w) * 1.01


class Elsewhere(dt.CrossbarArray):
    def symmetric_point(self):
        return super().symmetric_point() + np.float32(0.1)


class Outside(dt.CrossbarArray):
    def symmetric_point(self):
        return super().symmetric_point() + np.float32(10.0)


class Random(dt.CrossbarArray):
    def __init__(self, shape, device, **options):
        super().__init__(shape, device, **(options | {"rng": None}))


LIARS = [
    (Lazy, r"a pulse must move w by its response: .* from \S+ to \S+ in place of"),
    (Stubborn, "pulses must stay within the bounds"),
    (Lopsided, "F and G must rebuild the responses"),
    (Elsewhere, "G must vanish at the symmetric point"),
    (Outside, "the symmetric point must lie inside the bounds"),
    (Random, "equal seeds must give equal bits a second time"),
]


@pytest.mark.parametrize(("liar", "words"), LIARS)
def test_lies_are_found(liar, words, monkeypatch):
    monkeypatch.setattr(testing.device, "CrossbarArray", liar)
    with pytest.raises(AssertionError, match=words):
        check_device(SoftBounds(dw_min=0.01).nominal())


def test_zero_shifting_that_goes_astray_is_found(monkeypatch):
    def astray(array, pulses):
        array.pulse(+1, pulses)
        return dt.zero_shift(array, 0)

    monkeypatch.setattr(testing.device, "zero_shift", astray)
    with pytest.raises(
        AssertionError, match=r"zero-shifting must drive towards the symmetric point: .* after .* pulses"
    ):
        check_device(SoftBounds())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"device": None}, "device"),
        ({"device": SoftBounds}, "device"),
        ({"shape": (0, 2)}, "shape"),
        ({"seed": -1}, "seed"),
        ({"seed": None}, "seed"),
    ],
    ids=str,
)
def test_wrong_arguments(arguments, words):
    arguments = {"device": SoftBounds()} | arguments
    with pytest.raises(dt.ConfigError, match=words):
        check_device(arguments.pop("device"), **arguments)


def test_the_device_is_not_changed():
    device = SoftBounds()
    before = dataclasses.asdict(device)
    check_device(device)
    assert dataclasses.asdict(device) == before
