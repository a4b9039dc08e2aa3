"""Pictures by their data: what the lines, bars and pixels say is what the arrays say."""

import os
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

import dsptrack as dt
from dsptrack.devices import ConstantStep, LinearStep, PiecewiseStep, SoftBounds, SoftBoundsReference

PNG = b"\x89PNG"
SHIFTED = SoftBoundsReference(dw_min=0.02, reference_mean=0.2, reference_std=0.1, write_noise_std=0.0)


def array_of(device, shape=(6, 7), **fields):
    return dt.CrossbarArray(shape, device, rng=3, **fields)


def by_label(axes):
    """Lines of an axes by the names in its legend."""
    handles, labels = axes.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


# response


def test_response_of_a_device_is_that_of_its_mean_cell():
    left, right = dt.plot.response(SoftBounds(w_max=1, w_min=-0.5, dw_min=0.01, up_down=0.2)).axes
    lines = by_label(left) | by_label(right)
    w = lines["q+ (up)"].get_xdata()
    np.testing.assert_allclose(w[[0, -1]], [-0.5, 1.0])
    np.testing.assert_allclose(lines["q+ (up)"].get_ydata(), 1 - w, atol=1e-6)
    np.testing.assert_allclose(lines["q- (down)"].get_ydata(), 0.8 * (1 + 2 * w), atol=1e-6)
    np.testing.assert_allclose(lines["F"].get_ydata(), (0.8 * (1 + 2 * w) + 1 - w) / 2, atol=1e-6)
    np.testing.assert_allclose(lines["G"].get_ydata(), (0.8 * (1 + 2 * w) - 1 + w) / 2, atol=1e-6)
    # 1 - w = 0.8 + 1.6 w
    np.testing.assert_allclose(lines["symmetric point"].get_xdata(), [0.2 / 2.6], atol=1e-6)
    np.testing.assert_array_equal(lines["symmetric point"].get_ydata(), [0.0])


@pytest.mark.parametrize(
    "device", [SHIFTED, dt.presets.reram_es(), PiecewiseStep(piecewise_up=[2, 1], piecewise_down=[1, 3])]
)
def test_response_of_an_array_is_that_of_its_cells(device):
    array = array_of(device)
    left, _ = dt.plot.response(array, cells=100).axes
    cells = array.cell_parameters()
    reference = cells.get("reference", 0.0)
    curves = [line for line in left.lines if len(line.get_xdata()) > 2]
    assert len(curves) == 2 * 42  # q+ of all cells, then q-
    at = 50
    w = np.array([line.get_xdata()[at] for line in curves]).reshape(2, 6, 7)
    q = np.array([line.get_ydata()[at] for line in curves]).reshape(2, 6, 7)
    np.testing.assert_allclose(w[0], 0.75 * cells["min_bound"] + 0.25 * cells["max_bound"] - reference, atol=1e-6)
    np.testing.assert_allclose(q, array.response(w[0]), rtol=1e-5, atol=1e-5)


def test_response_draws_some_cells_and_no_stuck_ones():
    array = array_of(SoftBounds(corrupt_devices_prob=0.5), (10, 10))
    left, right = dt.plot.response(array, cells=7).axes
    curves = [line for line in left.lines if len(line.get_xdata()) > 2]
    assert len(curves) == 14
    assert all(np.ptp(line.get_xdata()) > 0 for line in curves)
    assert by_label(right)["symmetric point"].get_xdata().size == 7


# pulse trains


def test_pulse_train_follows_the_pulses():
    """Noise-free: the same pulses on the same cells, one at a time."""
    device = SHIFTED.without_noise()
    array = array_of(device, (2, 2))
    (axes,) = dt.plot.pulse_train(array, pulses=30, cycles=2, cells=4).axes
    assert len(axes.lines) == 4
    array.set_weights(np.full((2, 2), -9.0))
    expected = [array.weights]
    for _ in range(2):
        for polarity in (+1, -1):
            for _ in range(30):
                array.pulse(polarity)
                expected.append(array.weights)
    for line, cell in zip(axes.lines, np.array(expected).reshape(121, 4).T, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(121))
        np.testing.assert_allclose(line.get_ydata(), cell, atol=1e-6)
    assert axes.get_xlim() == (0, 120)


def test_long_trains_are_thinned_out_and_reach_the_bounds():
    device = SoftBounds(dw_min=1e-4, dw_min_std=0.0)
    (axes,) = dt.plot.pulse_train(array_of(device), cells=2, cycles=1).axes
    for line in axes.lines:
        x, w = line.get_xdata(), line.get_ydata()
        assert len(x) == 401
        assert x[200] > 10_000
        assert x[200] * 2 == x[-1]
        assert w.argmax() == 200


def test_grey_is_where_pulses_go_down():
    (axes,) = dt.plot.pulse_train(array_of(ConstantStep()), pulses=10, cycles=3).axes
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert spans == [(10, 20), (30, 40), (50, 60)]


def test_pulse_trains_of_equal_seeds_are_equal():
    array = array_of(dt.presets.reram_sb())
    lines = [dt.plot.pulse_train(array, pulses=20, rng=seed).axes[0].lines[0].get_ydata() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(lines[0], lines[1])
    assert np.any(np.array(lines[0]) != np.array(lines[2]))


# symmetric points


def test_histogram_and_map_hold_every_cell():
    array = array_of(LinearStep(gamma_up=0.3, gamma_down=0.3, up_down_dtod=0.2), (20, 30))
    with pytest.warns(dt.NoSymmetricPointWarning):
        points = array.symmetric_point()
    known = np.isfinite(points)
    assert 0 < known.sum() < 600
    histogram, place, colours = dt.plot.symmetric_points(array).axes
    heights = [patch.get_height() for patch in histogram.patches]
    assert sum(heights) == known.sum()
    counts, _ = np.histogram(points[known].astype(float), bins=len(heights))
    np.testing.assert_array_equal(heights, counts)
    assert f"{600 - known.sum()} of 600 cells have none" in histogram.get_title()
    mean = by_label(histogram)
    (label,) = [name for name in mean if name.startswith("mean")]
    assert label == f"mean {points[known].mean():.3g}, std {points[known].std():.3g}"
    shown = place.images[0].get_array()
    np.testing.assert_array_equal(shown.mask, ~known)
    np.testing.assert_array_equal(shown[known], points[known].astype(float))
    assert colours.get_ylabel() == "symmetric point (weight)"


def test_no_cell_with_a_symmetric_point_is_a_picture_too(tmp_path):
    figure = dt.plot.symmetric_points(array_of(ConstantStep()))
    assert "42 of 42" in figure.axes[0].get_title()
    figure.savefig(tmp_path / "none.png")


# what holds for all


def pictures():
    array = array_of(SHIFTED)
    return [
        dt.plot.response(SHIFTED, title="a title"),
        dt.plot.response(array, title="a title"),
        dt.plot.pulse_train(array, pulses=5, title="a title"),
        dt.plot.symmetric_points(array, title="a title"),
    ]


def test_axes_are_labelled_and_colours_are_the_safe_ones(tmp_path):
    safe = {mpl.colors.to_hex(c).upper() for c in dt.plot.OKABE_ITO} | {"#808080"}
    for i, figure in enumerate(pictures()):
        assert figure.get_suptitle() == "a title"
        for axes in figure.axes:
            assert axes.get_ylabel()
            assert axes.get_xlabel() or axes.get_label() == "<colorbar>"
            assert {mpl.colors.to_hex(line.get_color()).upper() for line in axes.lines} <= safe
        figure.savefig(tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").read_bytes().startswith(PNG)


def test_lines_differ_by_more_than_colour():
    left, right = dt.plot.response(SHIFTED).axes
    for axes in (left, right):
        drawn = [line for line in axes.lines if len(line.get_xdata()) > 2]
        assert len({line.get_linestyle() for line in drawn}) == len(drawn)


def test_arrays_are_not_changed():
    array, twin = (array_of(dt.presets.reram_sb(), count_pulses=True) for _ in range(2))
    for draw in (dt.plot.response, dt.plot.symmetric_points, lambda a: dt.plot.pulse_train(a, pulses=3)):
        draw(array)
    assert array.ledger == twin.ledger
    for one in (array, twin):
        one.pulse_random(5)
    np.testing.assert_array_equal(array.weights, twin.weights)


def test_measured_tables_are_drawn():
    up = np.linspace(1.5, 0.5, 12).reshape(2, 3, 2)
    tables = {"piecewise_up": up, "piecewise_down": up[..., ::-1]}
    array = array_of(PiecewiseStep().nominal(), (2, 3), cell_parameters=tables)
    left, _ = dt.plot.response(array, cells=6).axes
    ends = [line.get_ydata()[[0, -1]] for line in left.lines if len(line.get_xdata()) > 2][:6]
    np.testing.assert_allclose(np.array(ends).reshape(2, 3, 2), up, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dt.plot.response(None), "array"),
        (lambda: dt.plot.response(SoftBounds), "array"),
        (lambda: dt.plot.response(SHIFTED, cells=0), "cells"),
        (lambda: dt.plot.pulse_train(SHIFTED), "array"),
        (lambda: dt.plot.pulse_train(array_of(SHIFTED), pulses=0), "pulses"),
        (lambda: dt.plot.pulse_train(array_of(SHIFTED), cycles=0), "cycles"),
        (lambda: dt.plot.pulse_train(array_of(SHIFTED), cells=1.5), "cells"),
        (lambda: dt.plot.pulse_train(array_of(SHIFTED), rng="seed"), "rng"),
        (lambda: dt.plot.symmetric_points(np.zeros((2, 2))), "array"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(dt.ConfigError, match=rf"\b{words}\b"):
        call()


def test_no_display_is_needed():
    """Nor pyplot, whose figures would stay open."""
    code = (
        "import sys, dsptrack as dt\n"
        "dt.plot.response(dt.devices.SoftBounds()).savefig('/dev/null', format='png')\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"DISPLAY": "", "WAYLAND_DISPLAY": ""},
    )
    assert done.stdout.strip() == "False", done.stderr
