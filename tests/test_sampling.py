"""Devices from two functions: the stated error is the true one, and the cell does what the functions say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from dsptrack.devices import PiecewiseStep, from_callables

RANGE = {"w_min": -0.8, "w_max": 1.2, "dw_min": 0.01}


def falling(w):
    return 0.3 + math.exp(-w)


def rising(w):
    return 0.5 + math.exp(w)


def responses(device, weights):
    """q+ and q- of the mean cell at many weights."""
    array = dt.CrossbarArray((1, len(weights)), device, rng=0)
    return (q[0].astype(np.float64) for q in array.response([weights]))


@pytest.mark.parametrize("tolerance", [0.1, 1e-2, 1e-4, 1e-5])
def test_the_error_is_the_largest_distance(tolerance):
    sampled = from_callables(falling, rising, **RANGE, tolerance=tolerance)
    weights = np.linspace(-0.8, 1.2, 4001)
    distance = [
        np.abs(q - np.array([function(w) for w in weights])).max()
        for function, q in zip((falling, rising), responses(sampled.device, weights), strict=True)
    ]
    assert sampled.error <= tolerance
    # Between the points of its grid the error may be a little larger; float32 adds its own.
    assert max(distance) <= 1.02 * sampled.error + 1e-6
    assert max(distance) >= 0.9 * sampled.error - 1e-6
    # A chord of exp: h^2/8 max|q''|, with the fewest intervals of the doubling that suffice
    curvature = math.exp(1.2)
    intervals = 2 ** math.ceil(math.log2(2.0 * math.sqrt(curvature / 8 / tolerance)))
    assert sampled.nodes - 1 in (intervals // 2, intervals)
    assert sampled.nodes == len(sampled.device.piecewise_up) == len(sampled.device.piecewise_down)


def test_straight_lines_need_two_nodes():
    sampled = from_callables(lambda w: 1 - w, lambda w: 1 + w, w_min=-1, w_max=1, dw_min=0.01, tolerance=0)
    assert (sampled.nodes, sampled.error) == (2, 0.0)
    twin = dt.devices.SoftBounds(w_max=1, w_min=-1, dw_min=0.01, dw_min_std=0).nominal()
    arrays = [dt.CrossbarArray((1, 3), device, rng=0) for device in (sampled.device, twin)]
    for array in arrays:
        array.set_weights([[-0.9, 0.0, 0.9]])
        array.pulse(+1, 20)
        array.pulse(-1, 31)
    np.testing.assert_allclose(arrays[0].weights, arrays[1].weights, rtol=0, atol=1e-6)


def test_pulses_and_symmetric_point_are_the_functions():
    sampled = from_callables(falling, rising, **RANGE, tolerance=1e-5)
    array = dt.CrossbarArray((1, 1), sampled.device, rng=0)
    w = 0.4
    array.set_weights([[w]])
    for polarity in (+1, +1, -1, +1, -1, -1, -1):
        array.pulse(polarity)
        w += 0.01 * falling(w) if polarity > 0 else -0.01 * rising(w)
        assert array.weights[0, 0] == pytest.approx(w, abs=2e-6)
    # 0.3 + 1/u = 0.5 + u at u = e^w
    u = (-0.2 + math.sqrt(0.04 + 4)) / 2
    assert array.symmetric_point()[0, 0] == pytest.approx(math.log(u), abs=1e-5)


def test_other_fields_are_passed_on():
    device = from_callables(falling, rising, **RANGE, dw_min_std=0.5, w_max_dtod=0.1, write_noise_std=2).device
    assert (device.dw_min_std, device.w_max_dtod, device.write_noise_std) == (0.5, 0.1, 2)
    assert (device.w_min_dtod, device.dw_min_dtod, device.up_down_dtod) == (0, 0, 0)
    assert (device.w_min, device.w_max, device.dw_min) == (-0.8, 1.2, 0.01)
    with pytest.raises(TypeError, match="colour"):
        from_callables(falling, rising, **RANGE, colour=1)
    with pytest.raises(dt.ConfigError, match="dw_min_std"):
        from_callables(falling, rising, **RANGE, dw_min_std=-1)


@pytest.mark.parametrize("function", [lambda w: np.float32(1 - w / 2), lambda w: np.array(1 - w / 2), lambda w: 1])
def test_functions_may_return_any_number(function):
    assert isinstance(from_callables(function, function, **RANGE).device, PiecewiseStep)


def test_the_result_is_frozen():
    sampled = from_callables(falling, rising, **RANGE)
    with pytest.raises(AttributeError):
        sampled.error = 0.0


@given(st.integers(2, 60), st.floats(0, 5), st.floats(0.5, 3))
def test_an_allowed_size_is_never_exceeded(nodes, frequency, size):
    try:
        sampled = from_callables(
            lambda w: 2 + math.sin(frequency * w),
            lambda w: 1 + w**2,
            w_min=-size,
            w_max=size,
            dw_min=0.01,
            nodes=nodes,
            tolerance=0.02,
        )
    except dt.ConfigError:
        return  # the nodes do not suffice
    assert sampled.nodes <= nodes
    assert sampled.error <= 0.02


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"q_plus": 1.0}, dt.ConfigError, "q_plus"),
        ({"q_minus": None}, dt.ConfigError, "q_minus"),
        ({"q_plus": lambda w: "high"}, dt.ConfigError, r"q_plus\(-0.8\) = 'high': must be a number"),
        ({"q_plus": lambda w: None}, dt.ConfigError, "q_plus"),
        ({"q_plus": lambda w: 1j}, dt.ConfigError, "q_plus"),
        ({"q_minus": lambda w: math.nan}, dt.NonFiniteError, "q_minus"),
        ({"q_minus": lambda w: math.inf if w > 1 else 1.0}, dt.NonFiniteError, "q_minus"),
        ({"w_min": 0.1}, dt.ConfigError, "w_min"),
        ({"w_max": -0.1}, dt.ConfigError, "w_max"),
        ({"w_min": 0, "w_max": 0}, dt.ConfigError, "w_max"),
        ({"w_max": math.inf}, dt.ConfigError, "w_max"),
        ({"dw_min": 0}, dt.ConfigError, "dw_min"),
        ({"nodes": 1}, dt.ConfigError, "nodes"),
        ({"nodes": 1025}, dt.ConfigError, "nodes"),
        ({"nodes": 2.5}, dt.ConfigError, "nodes"),
        ({"tolerance": -1}, dt.ConfigError, "tolerance"),
        ({"nodes": 5, "tolerance": 1e-6}, dt.ConfigError, "tolerance = 1e-06: must be >= .+, the error with 5 nodes"),
    ],
)
def test_refused(arguments, error, words):
    arguments = RANGE | {"q_plus": falling, "q_minus": rising} | arguments
    with pytest.raises(error, match=words):
        from_callables(arguments.pop("q_plus"), arguments.pop("q_minus"), **arguments)
