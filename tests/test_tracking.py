"""Choppers, moving average and reference on their own; the frequency response (16) and Lemma 3.5 measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsptrack as dt
from dsptrack import theory, tracking
from helpers import stats
from helpers.build import quiet


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("probability", [0.02, 0.3, 0.9])
def test_random_choppers_turn_independently(size, probability):
    choppers = tracking.Choppers(probability, size=size, rng=1)
    before, turns = choppers.signs, []
    for _ in range(2000):
        turned = choppers.step()
        assert np.array_equal(choppers.signs != before, turned)
        before = choppers.signs
        turns.append(turned)
    turns = np.array(turns)
    stats.assert_fraction(turns, probability)
    stats.assert_uncorrelated(turns[1:].ravel(), turns[:-1].ravel(), "successive turns")
    if size > 1:
        stats.assert_uncorrelated(turns[:, 0], turns[:, 1], "neighbours")


@pytest.mark.parametrize(("probability", "period"), [(0.1, 10), (0.3, 4), (0.5, 2), (1.0, 1), (0.0, 0), (1 / 49, 49)])
def test_regular_choppers_turn_together(probability, period):
    choppers = tracking.Choppers(probability, size=3, random=False)
    assert choppers.period == period
    turned = np.array([choppers.step() for _ in range(40)])
    expected = np.array([period > 0 and k % period == 0 for k in range(1, 41)])
    np.testing.assert_array_equal(turned, np.repeat(expected[:, None], 3, axis=1))


def test_extreme_probabilities():
    assert not any(tracking.Choppers(0.0, rng=0).step()[0] for _ in range(100))
    assert all(tracking.Choppers(1.0, rng=0).step()[0] for _ in range(100))


def test_choppers_have_seeds():
    def turns(seed):
        choppers = tracking.Choppers(0.5, rng=seed)
        return [bool(choppers.step()[0]) for _ in range(64)]

    assert turns(3) == turns(3)
    assert turns(3) != turns(4)


@given(eta=st.floats(0, 1), seed=st.integers(0, 100))
def test_average_is_equation_12(eta, seed):
    rng = np.random.default_rng(seed)
    readings = rng.uniform(-1, 1, (20, 2, 3))
    average, q = tracking.MovingAverage((2, 3), eta), np.zeros((2, 3))
    for p in readings:
        average.update(p)
        q = (1 - eta) * q + eta * p
        np.testing.assert_allclose(average.value, q, rtol=0, atol=1e-5)


def test_large_averages_are_the_same(rng):
    """More cells than one block: every cell is averaged, once."""
    p = rng.standard_normal((300, 700)).astype(np.float32)
    average = tracking.MovingAverage(p.shape, 0.5)
    average.update(p)
    np.testing.assert_array_equal(average.value, p / 2)


@pytest.mark.parametrize("eta", [1.0, 0.5, 0.03])
def test_measured_response_is_equation_16(eta):
    omega = np.array([0.0, 0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 3.0, np.pi])
    np.testing.assert_allclose(
        tracking.measured_response(eta, omega), theory.filter_response(eta, omega), rtol=2e-3, atol=1e-6
    )


# Average, choppers and reference together


@pytest.mark.parametrize("per_column", [False, True])
def test_reference_is_the_average_at_the_last_turn(per_column, rng):
    shape = (4, 6)
    tracker = tracking.Tracker(shape, eta=0.2, chop_probability=0.3, per_column=per_column, rng=5)
    q, reference, events, signs = np.zeros(shape), np.zeros(shape), 0, np.ones(6 if per_column else 1)
    for _ in range(60):
        p = rng.uniform(-1, 1, shape)
        turned = tracker.observe(p)
        q = 0.8 * q + 0.2 * p
        columns = np.broadcast_to(turned, 6)
        reference[:, columns] = q[:, columns]
        events += 4 * np.count_nonzero(columns)
        signs = np.where(turned, -signs, signs)
        np.testing.assert_allclose(tracker.average, q, atol=1e-6)
        np.testing.assert_allclose(tracker.reference, reference, atol=1e-6)
        np.testing.assert_array_equal(tracker.signs, signs)
        assert tracker.programming_events == events
    assert 0 < events < 60 * 24


def test_always_programmed():
    tracker = tracking.Tracker((2, 2), eta=0.5, program="always")
    for k in range(1, 4):
        tracker.observe(np.ones((2, 2)))
        np.testing.assert_array_equal(tracker.reference, tracker.average)
        assert tracker.programming_events == 4 * k


def test_set():
    tracker = tracking.Tracker((1, 2), eta=0.5, chop_probability=0.5)
    tracker.set([[1.0, 2.0]])
    np.testing.assert_array_equal(tracker.reference, [[1.0, 2.0]])
    np.testing.assert_array_equal(tracker.average, [[1.0, 2.0]])
    assert tracker.programming_events == 0


def chopped_pulses(array, tracker, drive, count):
    """Readings of an array that a constant increment, turned by the tracker's chopper, and noise pulse."""
    noise = np.random.default_rng(4)
    for _ in range(count):
        array.increment(tracker.signs[0] * drive + 0.05 * noise.standard_normal(array.shape))
        yield array.weights


@pytest.mark.parametrize("probability", [0.0, 0.1])
def test_choppers_keep_a_constant_drive_out_of_the_reference(probability):
    """Outside training: the drive displaces P from its symmetric point for good, unless it is chopped."""
    array = dt.CrossbarArray((20, 20), quiet("SoftBounds", dw_min=0.002, up_down=0.3, w_max=1.0, w_min=-1.0), rng=1)
    tracker = tracking.Tracker(array.shape, eta=0.02, chop_probability=probability, rng=2)
    truth = array.symmetric_point()
    record = tracking.follow(tracker, chopped_pulses(array, tracker, 0.03, 600), truth)
    # Unchopped it rests where d F = E|d + 0.05 xi| G: affine F and G give the distance
    step = truth + 0.5
    f, rise = array.symmetric_part(truth), (array.symmetric_part(step) - array.symmetric_part(truth)) / 0.5
    slope = theory.asymmetry_slope(array)
    displaced = np.mean(0.03 * f / (theory.expected_magnitude(0.03, 0.05) * slope - 0.03 * rise))
    if probability:
        assert record["reference_error"][-1] < 0.25 * displaced
        assert record["programming_events"][-1] == 400 * np.sum(np.diff(record["programming_events"], prepend=0) > 0)
    else:
        assert record["average_error"][-1] == pytest.approx(displaced, rel=0.05)
        assert record["programming_events"][-1] == 0


def test_lemma_3_5_measured():
    """On noisy pulses the condition holds nearly always, and where it does its rate limit decides exactly."""
    array = dt.CrossbarArray((10, 10), quiet("SoftBounds", dw_min=0.05, up_down=0.3, w_max=1.0, w_min=-1.0), rng=1)
    truth = array.symmetric_point()

    def readings():
        for _ in range(400):
            array.pulse_random(1)
            yield array.weights

    eta = 0.3
    record = tracking.follow(tracking.Tracker(array.shape, eta=eta), readings(), truth)
    applies = record["cosine"] > 0
    assert applies[50:].mean() > 0.95
    np.testing.assert_array_equal(applies, record["rate_limit"] < 1)
    clear = np.abs(record["rate_limit"] - eta) > 1e-4
    np.testing.assert_array_equal(record["closer"][clear], (record["rate_limit"] < eta)[clear])
    assert 0 < record["closer"].mean() <= 1


def test_the_record_of_follow():
    record = tracking.follow(tracking.Tracker((1, 1), eta=0.5), [[[0.0]], [[1.0]]], [[0.25]])
    assert np.isnan(record["cosine"][0])
    assert record["cosine"][1] == 1.0
    assert record["rate_limit"][1] == 0.0
    np.testing.assert_allclose(record["read_error"], [0.25, 0.75])
    np.testing.assert_allclose(record["average_error"], [0.25, 0.25])
    np.testing.assert_allclose(record["reference_error"], [0.25, 0.25])


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.full((1, 2), np.nan), np.zeros(2)])
def test_a_bad_reading_changes_nothing(bad):
    tracker, average = tracking.Tracker((1, 2), eta=0.5, chop_probability=1.0), tracking.MovingAverage((1, 2), 0.5)
    for call in (tracker.observe, tracker.set, average.update, average.set):
        with pytest.raises((dt.ShapeError, dt.NonFiniteError)):
            call(bad)
    assert not tracker.average.any()
    assert tracker.programming_events == 0
    assert tracker.signs.tolist() == [1]


def test_errors_name_the_argument():
    with pytest.raises(dt.ConfigError, match="probability"):
        tracking.Choppers(1.1)
    with pytest.raises(dt.ConfigError, match="size"):
        tracking.Choppers(0.1, size=0)
    with pytest.raises(dt.ConfigError, match="eta"):
        tracking.MovingAverage((1, 1), -0.1)
    with pytest.raises(dt.ConfigError, match="chop_probability"):
        tracking.Tracker((1, 1), eta=0.1, chop_probability=2.0)
    with pytest.raises(dt.ConfigError, match="program"):
        tracking.Tracker((1, 1), eta=0.1, program="never")
    with pytest.raises(dt.ConfigError, match="eta"):
        tracking.measured_response(0.0, [1.0])
    with pytest.raises(dt.ConfigError, match="tracker"):
        tracking.follow(None, [], [[0.0]])
