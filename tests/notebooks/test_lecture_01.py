"""What notebook 01 says, proven on the variables of its cells, or computed anew where that is another way."""

import inspect
import re

import numpy as np
import pytest
import torch
from cells import captions, prose, sources
from torch.utils.flop_counter import FlopCounterMode

from utils.activations import tanh
from utils.datasets import lecture_example
from utils.derivatives import difference_quotient, numerical_gradient
from utils.descent import LECTURE
from utils.exercises import derivatives as ex
from utils.mlp import backward, convert, forward, initialize
from utils.widgets.slopes import CURVES, STRETCH

(SMALL, LARGE), AXES = LECTURE.eigen()
POINTS = np.random.default_rng(0).uniform(-4, 4, (20, 2))
NEAR = np.random.default_rng(1).uniform(-1, 1, (40, 2))
CIRCLE = np.stack([np.cos(np.radians(np.arange(360))), np.sin(np.radians(np.arange(360)))], 1)
TURNS = (0.1, 0.01, 0.001)
SHORTER = np.array([0.1, 0.01, 0.001])
GRID = np.stack(np.meshgrid(np.linspace(-4, 4, 9), np.linspace(-3.6, 3.6, 9)), -1).reshape(-1, 2)
GRID = GRID[GRID.any(1)]  # the picture of arrows, without the minimum, where there is none


def gap(f, slope, x, dx):
    return f(x + dx) - f(x) - slope(x) * dx


def cosine(a, b):
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def exponent(hs, values):
    """The power of h with which the values grow: their slope on two logarithmic axes."""
    return np.polyfit(np.log10(hs), np.log10(values), 1)[0]


def centred(f, x, h):
    """The centred gradient, all in the precision of x."""
    h = x.dtype.type(h)
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x), dtype=x.dtype)])


def slope_of_wavy(x):
    return np.array([np.cos(float(x[0])), np.sin(float(x[0]))]) * np.exp(float(x[1]))


def power(x):
    return abs(x) ** 1.5


def error_ratio(one, two):
    return one.min() / two.min()


def chord(on_curve, turn, start=np.radians(20)):
    return on_curve(start + turn) - on_curve(start)


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("6.1", lambda: difference_quotient(np.square, 3.0, 0.1)),
    ("6.001", lambda: difference_quotient(np.square, 3.0, 0.001)),
    ("5.999", lambda: difference_quotient(np.square, 3.0, -0.001)),
    ("54.09", lambda: LECTURE.value([3.01, 3.0])),
    ("54.27", lambda: LECTURE.value([3.0, 3.01])),
    ("54.09", lambda: 54 + 0.01 * LECTURE.gradient([3.0, 3.0])[0]),
    ("54.27", lambda: 54 + 0.01 * LECTURE.gradient([3.0, 3.0])[1]),
    ("0.540", lambda: np.cos(1) * 1.0),
    ("0.5403", lambda: np.cos(1)),
    ("0.14", lambda: np.cos(1) - 0.4),
    ("0.14", lambda: (np.sin(1 + 1e-4) - np.sin(1)) / 1e-4 - 0.4),
    ("0.068", lambda: np.sin(2) - np.sin(1)),
    ("0.421", lambda: np.sin(1) / 2),
    ("0.421", lambda: -gap(np.sin, np.cos, 1, 1e-4) / 1e-8),
    ("0.316", lambda: power(0.1) / 0.1),
    ("0.1", lambda: power(0.01) / 0.01),
    ("0.0316", lambda: power(0.001) / 0.001),
    ("0.99", lambda: abs(AXES).max()),
    ("0.16", lambda: abs(AXES).min()),
    ("0.005", lambda: 1e-7 ** (1 / 3)),
]
GIVEN = {"0.01", "0.02", "0.04", "0.001", "0.4", "1.5"}  # steps, a wrong multiplier, and an exponent


def said():
    """The notebook's text and captions."""
    assert len(captions("01")) == 5
    return prose("01")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed):
    assert f"{computed():.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out():
    assert set(re.findall(r"\d+\.\d+", said())) <= {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "h = 0.1     x² at 3: 6.1000   sin x at 1: 0.4974",
    "h = 0.0001  x² at 3: 6.0001   sin x at 1: 0.5403",
    "limit       x² at 3: 6.0000   sin x at 1: 0.5403, which is cos 1",
    "f(3, 3) = 54.0",
    "gap with the wrong multiplier: [-0.3322  0.0097  0.0014  0.0001  0.    ]",
    "the same, per unit of step:    [-0.3322  0.0974  0.1361  0.1399  0.1403]",
    "∇f(3, 3) = [ 9. 27.]", "predicted for 0.01 more of x1, and of x2: [54.09 54.27]",
    "f itself:                                 [54.0901 54.2704]",
    "best of 360 directions: [0.309  0.9511]   by the gradient: [0.3162 0.9487]",
    "chord of length 0.4226: ∇f Δx = -0.229120, cosine of the angle -0.0365",
    "chord of length 0.0442: ∇f Δx = -0.002639, cosine of the angle -0.0040",
    "chord of length 0.0044: ∇f Δx = -0.000027, cosine of the angle -0.0004",
    "f after a walk of length 20 along the curve f = 16, in steps of 0.1 and 0.01: [19.45 16.34]",
    "sin(1 + h) = 0.8414709848084369",
    "sin(1)     = 0.8414709848078965",
    "quotient   = 0.540346, and cos 1 = 0.540302",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_the_gradients_numbers_would_have_told_the_opening_before_the_parameters_were_raised(n):
    for i, told in enumerate((54.09, 54.27)):
        assert told == pytest.approx(54 + 0.01 * n.gradient(n.x)[i], rel=1e-14)
        assert f"{n.f(n.x + 0.01 * np.eye(2)[i]):.2f}" == f"{told}"


def test_nothing_stops_although_eight_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 8
    assert "0 of 8 exercises done." in book.printed


# 1 · What is a derivative? --------------------------------------------------------------------------


@pytest.mark.parametrize("h", [1, 0.1, 0.001, -0.5])
def test_x_squared_grows_by_6h_and_h_squared_which_is_6_and_h_per_unit_of_step(h, n):
    assert 9 + 6 * h + h**2 == pytest.approx((3 + h) ** 2, rel=1e-14)
    assert n.quotient(np.square, 3.0, h) == pytest.approx(6 + h, rel=1e-12)


def test_the_shorter_the_step_the_closer_the_quotient_comes_to_the_derivative(n):
    for f, x, slope in ((np.square, 3.0, 6), (np.sin, 1.0, np.cos(1))):
        away = [abs(n.quotient(f, x, h) - slope) for h in (0.1, 0.01, 0.001, 0.0001)]
        np.testing.assert_allclose(np.divide(away[:-1], away[1:]), 10, rtol=0.05)


def test_a_quotient_of_a_step_of_a_thousandth_is_as_near_to_cos_1(n):
    for quotient in (n.quotient, difference_quotient):
        assert abs(quotient(np.sin, 1.0, 0.001) - np.cos(1)) < 0.001


def test_the_page_goes_on_with_the_quotient_that_utils_has(n):
    for h in (0.1, -0.1, 0.001):
        assert n.quotient(np.sin, 1.0, h) == pytest.approx(difference_quotient(np.sin, 1.0, h), rel=1e-12)


# 2 · A multiplier for small steps -------------------------------------------------------------------


def test_the_multiplier_is_right_to_a_tenth_for_a_step_of_a_tenth():
    true, predicted = np.sin(1.1) - np.sin(1), np.cos(1) * 0.1
    assert abs(true - predicted) < 0.1 * abs(true)


def test_the_sign_is_not_equal_because_a_gap_is_left():
    assert all(abs(gap(np.sin, np.cos, 1, dx)) > 0.4 * dx**2 for dx in 10.0 ** -np.arange(5))


@pytest.mark.parametrize("dx", [1.0, 0.1, 1e-3])
def test_for_x_squared_a_tenth_of_the_step_leaves_a_hundredth_of_the_gap(dx):
    assert gap(np.square, lambda x: 2 * x, 3, dx) == pytest.approx(dx**2, rel=1e-6)


def test_exercise_2_takes_a_hundred_and_no_other_power_of_ten():
    assert ex.ten_times.reference() == 100
    assert gap(np.sin, np.cos, 1, 0.1) / gap(np.sin, np.cos, 1, 0.01) == pytest.approx(100, rel=0.1)


def test_the_gap_shrinks_like_the_square_of_the_step(n):
    assert exponent(n.steps[1:], -n.gap[1:]) == pytest.approx(2, abs=0.02)


def test_half_of_sin_1_stands_in_front_of_the_square(n):
    assert n.gap[3] / n.steps[3] ** 2 == pytest.approx(-np.sin(1) / 2, rel=1e-3)
    assert f"{n.gap[4] / n.steps[4] ** 2:.3f}" == "-0.421"
    assert (np.diff(abs(n.gap / n.steps**2 + np.sin(1) / 2)) < 0).all()


def test_where_the_second_derivative_is_zero_the_gap_shrinks_by_even_more_than_a_hundred():
    assert gap(np.sin, np.cos, 0, 0.1) / gap(np.sin, np.cos, 0, 0.01) == pytest.approx(1000, rel=0.01)


def test_the_gap_of_the_wrong_multiplier_goes_to_0_only_as_fast_as_the_step(n):
    assert exponent(n.steps[-3:], n.wrong_gap[-3:]) == pytest.approx(1, abs=0.02)
    assert (abs(n.wrong_gap / n.steps - (np.cos(1) - 0.4)) <= 0.5 * n.steps).all()


@pytest.mark.parametrize("wrong", [-0.1, 0.4, 0.5, 0.54, 0.6])
def test_only_with_the_derivative_does_the_gap_go_to_zero_faster_than_the_step(wrong, n):
    assert abs(n.gap / n.steps)[-1] < 1e-4
    left = (np.sin(1 + n.steps) - np.sin(1) - wrong * n.steps) / n.steps
    assert left[-1] == pytest.approx(np.cos(1) - wrong, abs=1e-4) and abs(left[-1]) > 1e-4


def test_moved_one_after_the_other_the_second_multiplier_is_changed_only_a_little(n):
    """By something like the step, and so the change by something like its square."""
    for f, slope in ((n.f, n.gradient), (n.wavy, slope_of_wavy)):
        for p in NEAR[:10]:
            shifts, rests = [], []
            for step in SHORTER / 10:
                first, second = np.array([step, 0]), np.array([0, -2 * step])
                moves = f(p + first) - f(p), f(p + first + second) - f(p + first)
                assert sum(moves) == pytest.approx(f(p + first + second) - f(p), abs=1e-14)
                shifts.append(abs(slope(p + first)[1] - slope(p)[1]))
                rests.append(abs(sum(moves) - slope(p) @ (first + second)))
            assert exponent(SHORTER, shifts) == pytest.approx(1, abs=0.05)
            assert exponent(SHORTER, rests) == pytest.approx(2, abs=0.2)


def test_walks_along_the_curve_drift_about_ten_times_less_with_steps_ten_times_shorter(n):
    drift = np.array(n.ends) - 16
    assert LECTURE.value([2.0, 1.5]) == 16 and 9 < drift[0] / drift[1] < 11


def test_the_centred_recipe_hides_that_the_size_of_x_has_no_derivative():
    assert numerical_gradient(lambda x: abs(x).sum(), np.zeros(1))[0] == 0


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("x", [-2.0, -0.7, 0.0, 1.0])
def test_the_gap_of_every_curve_to_drag_is_about_half_the_second_derivative(curve, x):
    f, slope, _ = CURVES[curve]
    second = (slope(x + 1e-5) - slope(x - 1e-5)) / 2e-5
    for dx in (0.01, -0.01, 0.001):
        assert abs(gap(f, slope, x, dx) / dx**2 - second / 2) < 0.5 * abs(dx)


# 3 · Two arguments ----------------------------------------------------------------------------------


def test_f_is_the_companion_in_utils_and_54_at_3_3(n):
    assert n.f(n.x) == LECTURE.value(n.x) == 54
    assert n.x.tolist() == [3, 3]
    np.testing.assert_allclose([n.f(p) for p in POINTS], LECTURE.value(POINTS), rtol=1e-12)


def test_f_is_lowest_0_at_the_cross(n):
    assert n.f(np.zeros(2)) == 0
    assert min(n.f(p) for p in POINTS) > 0 and SMALL > 0


def test_the_curves_of_the_map_follow_in_equal_steps_and_are_close_together_where_f_is_steep(n):
    levels = np.array([18, 36, 54, 72, 90])
    assert any("levels=(18, 36, 54, 72, 90)" in source for source in sources("01"))
    assert len(set(np.diff(levels))) == 1
    for direction in CIRCLE[::10]:
        r = np.sqrt(levels / n.f(direction))
        slopes = [n.gradient(middle * direction) @ direction for middle in (r[1:] + r[:-1]) / 2]
        np.testing.assert_allclose(np.diff(r) * slopes, 18, rtol=1e-12)


@pytest.mark.parametrize("level", [0.5, 20, 54])
def test_the_level_curves_are_ellipses(level, n):
    points = np.array([n.on_curve(angle, level) for angle in np.radians(np.arange(0, 360, 7))])
    np.testing.assert_allclose((points @ AXES) ** 2 @ [SMALL / 2 / level, LARGE / 2 / level], 1, rtol=1e-12)


def test_with_x2_held_at_3_f_is_a_function_of_one_variable(n):
    for x1 in (-2.0, 0.5, 3.0):
        assert n.f([x1, 3.0]) == pytest.approx(x1**2 + 3 * x1 + 36)
        assert difference_quotient(lambda t: t**2 + 3 * t + 36, x1, 1e-6) == pytest.approx(2 * x1 + 3, abs=1e-5)


def test_a_partial_derivative_holds_the_other_argument_whatever_it_is(n):
    for x1, x2 in POINTS:
        assert difference_quotient(lambda t, x2=x2: n.f([t, x2]), x1, 1e-6) == pytest.approx(2 * x1 + x2, abs=1e-5)


def test_the_partial_derivatives_of_q_by_hand_are_those_by_nudging():
    for p in POINTS:
        nudged = numerical_gradient(lambda x: x[0] ** 2 * x[1] + 3 * x[1], p)
        np.testing.assert_allclose(ex.partials.reference(*p), nudged, atol=1e-7)
        np.testing.assert_allclose(nudged, [2 * p[0] * p[1], p[0] ** 2 + 3], atol=1e-7)


# 4 · The gradient -----------------------------------------------------------------------------------


def test_the_gradient_is_the_one_in_utils(n):
    assert n.gradient(n.x).tolist() == LECTURE.gradient(n.x).tolist() == [9, 27]
    np.testing.assert_allclose(n.gradients_at(POINTS), LECTURE.gradient(POINTS), rtol=1e-12)
    np.testing.assert_allclose(n.gradients_at(POINTS)[:, 1], POINTS[:, 0] + 8 * POINTS[:, 1], rtol=1e-12)


def test_the_gap_is_of_the_size_of_the_step_squared(n):
    for step in np.array([[0.01, 0], [0, 0.01], [0.01, -0.02], [0.1, 0.1]]):
        left = n.f(n.x + step) - n.f(n.x) - n.gradient(n.x) @ step
        assert abs(left) < 10 * (step @ step)
        smaller = n.f(n.x + step / 10) - n.f(n.x) - n.gradient(n.x) @ step / 10
        assert left / smaller == pytest.approx(100, rel=1e-6)


def test_the_table_of_steps_holds_these_numbers(n):
    assert n.rows == [["(0.01, 0)", "0.0901", "0.0900", "0.0001"], ["(0, 0.01)", "0.2704", "0.2700", "0.0004"],
                      ["(-0.04, 0.02)", "0.1824", "0.1800", "0.0024"],
                      ["(0.01, -0.02)", "-0.4485", "-0.4500", "0.0015"],
                      ["(0.1, -0.2)", "-4.3500", "-4.5000", "0.1500"]]


def test_the_gradient_predicts_0_18_and_the_change_is_0_1824(n):
    step = np.array([-0.04, 0.02])
    assert n.gradient(n.x) @ step == pytest.approx(ex.predicted_change.reference()) == pytest.approx(0.18)
    assert n.f(n.x + step) - n.f(n.x) == pytest.approx(0.1824)


def test_the_shapes_are_those_of_the_table(n):
    assert n.x.shape == n.gradient(n.x).shape == (n.x + 0.1 * n.gradient(n.x)).shape == (2,)
    assert POINTS.shape == n.gradients_at(POINTS).shape == (20, 2)


# 5 · Which way is up? -------------------------------------------------------------------------------


def test_the_gain_is_the_gradients_length_times_the_step_times_the_cosine(n):
    length = np.linalg.norm(n.gradient(n.x))
    np.testing.assert_allclose(n.gains, length * cosine(CIRCLE, n.gradient(n.x)), atol=1e-3)
    assert n.gains.max() == pytest.approx(length, rel=1e-3)


def test_the_best_of_360_directions_is_the_gradients_to_half_a_degree(n):
    best = n.directions[n.gains.argmax()]
    assert np.degrees(np.arccos(cosine(best, n.gradient(n.x)))) < 0.5
    np.testing.assert_allclose(n.up, n.gradient(n.x) / np.linalg.norm(n.gradient(n.x)), rtol=1e-12)


def test_there_are_directions_up_and_directions_down_and_the_loss_is_largest_against_the_gradient(n):
    assert n.gains.max() > 0 > n.gains.min()
    assert cosine(n.directions[n.gains.argmin()], -n.gradient(n.x)) > np.cos(np.radians(0.5))


def test_24_directions_are_drawn_and_the_longest_lie_next_to_the_gradient(n):
    drawn, length = n.directions[::15], abs(n.gains[::15])
    assert len(drawn) == 24
    assert sorted(length.argsort()[-2:]) == sorted(abs(drawn @ n.up).argsort()[-2:])
    assert abs(drawn @ n.up)[length.argsort()[-2:]].min() > np.cos(np.radians(7.5))


def test_the_ends_of_the_lines_lie_on_two_circles_and_a_line_is_a_twelfth_of_the_gain(n):
    ends = np.array([gain / 12 * d * np.sign(gain) for d, gain in zip(n.directions, n.gains)])
    np.testing.assert_allclose(np.linalg.norm(ends, axis=1), abs(n.gains) / 12, rtol=1e-12)
    middles = np.where(n.gains[:, None] > 0, 1, -1) * n.gradient(n.x) / 24
    np.testing.assert_allclose(np.linalg.norm(ends - middles, axis=1), np.linalg.norm([9, 27]) / 24, rtol=1e-3)


def test_at_a_right_angle_nothing_happens_to_first_order(n):
    across = ex.along_the_curve.reference(n.up)
    changes = [n.f(n.x + step * across) - n.f(n.x) for step in SHORTER]
    assert abs(np.array(changes)).max() < 0.05 and exponent(SHORTER, changes) == pytest.approx(2, abs=1e-3)


def test_where_the_gradient_is_zero_all_directions_are_level_to_first_order(n):
    assert not n.gradient(np.zeros(2)).any()
    for direction in CIRCLE[::10]:
        changes = [n.f(step * direction) / step for step in SHORTER]
        np.testing.assert_allclose(np.divide(changes[:-1], changes[1:]), 10)


# 6 · Which way does nothing change? ----------------------------------------------------------------


def test_f_grows_with_the_square_of_the_distance_from_0(n):
    for p in POINTS:
        np.testing.assert_allclose([n.f(t * p) for t in (0.5, 2, 3)], n.f(p) * np.array([0.25, 4, 9]))


def test_along_a_chord_nothing_is_gained_and_yet_the_dot_product_is_not_zero(n):
    p, dots = n.on_curve(np.radians(20)), []
    for turn in TURNS:
        step = chord(n.on_curve, turn)
        assert abs(n.f(p + step) - n.f(p)) < 1e-13 * n.f(p)
        dots.append(n.gradient(p) @ step)
    assert [f"{dot:.2g}" for dot in dots] == ["-0.23", "-0.0026", "-2.7e-05"]
    assert f"{dots[0]:.3f}" == "-0.229"


@pytest.mark.parametrize("start", [20, 110, 250])
def test_a_chord_ten_times_shorter_has_a_cosine_ten_times_smaller(start, n):
    p, steps = n.on_curve(np.radians(start)), [chord(n.on_curve, turn, np.radians(start)) for turn in TURNS]
    lengths, cosines = np.linalg.norm(steps, axis=1), cosine(np.array(steps), n.gradient(p))
    np.testing.assert_allclose(lengths[1:] / lengths[:-1], 0.1, rtol=0.1)
    np.testing.assert_allclose(cosines[1:] / cosines[:-1], 0.1, rtol=0.2)


def test_the_cosines_of_the_page_are_those_of_its_three_chords(n):
    steps = np.array([chord(n.on_curve, turn) for turn in TURNS])
    np.testing.assert_allclose(n.cosines, cosine(steps, n.gradient(n.on_curve(np.radians(20)))), rtol=1e-9)


@pytest.mark.parametrize("angle", [20, 110, 250])
def test_the_gradient_is_perpendicular_to_the_tangent_of_the_level_curve(angle, n):
    p = n.on_curve(np.radians(angle))
    along = n.on_curve(np.radians(angle) + 1e-6) - n.on_curve(np.radians(angle) - 1e-6)
    assert abs(n.gradient(p) @ along / np.linalg.norm(along)) < 1e-6 * np.linalg.norm(n.gradient(p))


@pytest.mark.parametrize("angle", [20, 110, 250])
def test_the_limit_of_chord_over_dt_points_along_the_tangent_and_its_product_with_the_gradient_is_0(angle, n):
    at, p = np.radians(angle), n.on_curve(np.radians(angle))
    speed = (n.on_curve(at + 1e-5) - n.on_curve(at - 1e-5)) / 2e-5
    away = [np.linalg.norm(chord(n.on_curve, turn, at) / turn - speed) for turn in TURNS]
    np.testing.assert_allclose(np.divide(away[1:], away[:-1]), 0.1, rtol=0.2)
    assert abs(n.gradient(p) @ speed) < 1e-6 and np.linalg.norm(speed) > 1 and n.gradient(p).any()


def test_a_quarter_turn_counter_clockwise_keeps_the_length_and_leaves_f_to_first_order(n):
    for p in POINTS:
        g = n.gradient(p)
        turned = ex.along_the_curve.reference(g)
        assert abs(cosine(turned, g)) < 1e-15 and np.linalg.norm(turned) == pytest.approx(np.linalg.norm(g), rel=1e-15)
        assert g[0] * turned[1] - g[1] * turned[0] > 0
        changes = [n.f(p + step * turned) - n.f(p) for step in SHORTER]
        assert exponent(SHORTER, changes) == pytest.approx(2, abs=1e-3)


def test_the_dot_product_is_0_everywhere_and_on_unequal_axes_few_angles_look_right(n):
    g = n.gradients_at(POINTS)
    along = np.array([ex.along_the_curve.reference(row) for row in g])
    seen = cosine(g * [1, STRETCH[False]], along * [1, STRETCH[False]])
    np.testing.assert_allclose(cosine(g, along), 0, atol=1e-15)
    assert np.mean(abs(seen) > np.cos(np.radians(80))) > 0.7


def test_no_arrow_of_the_picture_points_exactly_at_the_minimum_and_most_miss_it_by_far():
    off = np.degrees(np.arccos(cosine(-LECTURE.gradient(GRID), -GRID)))
    assert len(GRID) == 80 and off.min() > 4
    assert np.mean(off > 15) > 0.5


# 7 · Gradients without calculus ---------------------------------------------------------------------


def test_at_a_step_of_1e_12_the_two_values_share_exactly_eleven_decimals(n):
    one, other = (f"{np.sin(x):.16f}".split(".")[1] for x in (1 + 1e-12, 1.0))
    assert n.h == 1e-12 and one[:11] == other[:11] and one[11] != other[11]


def test_that_the_step_is_not_quite_1e_12_does_most_of_the_harm(n):
    taken, change = (1 + 1e-12) - 1, np.sin(1 + 1e-12) - np.sin(1)
    harm = abs(n.quotient(np.sin, 1.0, 1e-12) / np.cos(1) - 1)
    assert taken != 1e-12 and abs(taken / 1e-12 - 1) == pytest.approx(harm, rel=0.15)
    assert abs(change / taken / np.cos(1) - 1) < harm / 5  # what the values' rounding alone does


def test_the_difference_of_the_two_values_has_only_four_digits_left():
    spacing = np.spacing(np.sin(1.0))  # of neighbouring numbers
    assert round(np.log10((np.sin(1 + 1e-12) - np.sin(1)) / spacing)) == 4


def test_the_quotient_then_has_four_digits_and_the_one_of_a_longer_step_has_more(n):
    away = [abs(n.quotient(np.sin, 1.0, h) / np.cos(1) - 1) for h in (1e-12, 1e-8)]
    assert 1e-5 < away[0] < 1e-3 and away[1] < 1e-7


def test_the_computer_keeps_about_sixteen_digits_and_float32_about_seven():
    assert [round(-np.log10(np.finfo(kind).eps)) for kind in (np.float64, np.float32)] == [16, 7]


def test_bending_grows_like_h_one_sided_and_like_h_squared_centred(n):
    assert exponent(n.hs[-6:], n.error_one[-6:]) == pytest.approx(1, abs=0.02)
    assert exponent(n.hs[-4:], n.error_two[-4:]) == pytest.approx(2, abs=0.02)


def test_bending_is_one_sided_half_the_second_derivative_times_h_and_centred_the_gaps_cancel(n):
    second = abs(n.wavy(n.point))  # in both arguments
    np.testing.assert_allclose(n.error_one[-5:-2], second / 2 * n.hs[-5:-2], rtol=0.01)
    for e in np.eye(2):
        gaps = [[n.wavy(n.point + side * h * e) - n.wavy(n.point) - side * h * n.exact @ e for h in SHORTER / 10]
                for side in (1, -1)]
        np.testing.assert_allclose(gaps[0], gaps[1], rtol=0.05)
        assert exponent(SHORTER, abs(np.subtract(*gaps))) == pytest.approx(3, abs=0.05)


def test_where_rounding_and_bending_are_equal_h_is_1e_8_one_sided_and_5e_6_centred(n):
    centred_h = 1e-16 ** (1 / 3)
    assert f"{centred_h:.0e}" == "5e-06"
    np.testing.assert_allclose([1e-16 / 1e-8, 1e-16 / centred_h], [1e-8, centred_h**2])
    for h, errors in ((1e-8, n.error_one), (centred_h, n.error_two)):
        assert 1 / 3 < n.hs[errors.argmin()] / h < 3


def test_the_best_of_all_h_is_near_these_two_at_other_points_too(n):
    hs = np.logspace(-10, -3, 57)
    for h, quotient in ((1e-8, lambda p, h: np.array([(n.wavy(p + h * e) - n.wavy(p)) / h for e in np.eye(2)])),
                        (1e-16 ** (1 / 3), lambda p, h: centred(n.wavy, p, h))):
        best = [hs[np.argmin([abs(quotient(p, step) - slope_of_wavy(p)).max() for step in hs])] for p in NEAR]
        assert 1 / 3 < np.median(best) / h < 3


def test_rounding_is_about_1e_16_over_h_for_both_recipes(n):
    for errors in (n.error_one, n.error_two):
        assert exponent(n.hs[:5], errors[:5]) == pytest.approx(-1, abs=0.2)
        np.testing.assert_allclose(np.log10(errors[:5] * n.hs[:5]), -16, atol=1)


def test_the_best_h_is_near_1e_8_one_sided_and_larger_near_1e_5_centred(n):
    best_one, best_two = n.hs[n.error_one.argmin()], n.hs[n.error_two.argmin()]
    assert 1e-9 <= best_one <= 1e-7 and 1e-6 <= best_two <= 1e-4
    np.testing.assert_allclose([best_one, best_two], [1e-8, 1e-5])


def test_the_smallest_errors_are_near_1e_8_and_1e_11(n):
    np.testing.assert_allclose(np.log10([n.error_one.min(), n.error_two.min()]), [-8, -11], atol=0.5)


def test_the_centred_recipe_at_its_best_is_more_than_a_hundred_times_as_exact(n):
    assert error_ratio(n.error_one, n.error_two) > 100


def test_at_almost_every_point_the_centred_recipe_is_a_hundred_times_as_exact(n):
    ratios = []
    for p in NEAR:
        one = [[(n.wavy(p + h * e) - n.wavy(p)) / h for e in np.eye(2)] for h in n.hs]
        two = [centred(n.wavy, p, h) for h in n.hs]
        ratios.append(error_ratio(*(abs(np.array(found) - slope_of_wavy(p)).max(1) for found in (one, two))))
    assert np.mean(np.array(ratios) > 100) > 0.8


def test_each_recipe_has_its_best_h_in_the_middle(n):
    for errors in (n.error_one, n.error_two):
        assert errors[0] > 100 * errors.min() < errors[-1]


def test_the_exact_gradient_of_wavy_is_exact(n):
    np.testing.assert_allclose(n.exact, numerical_gradient(n.wavy, n.point), rtol=1e-9)


def test_numerical_gradient_takes_1e_6_which_is_a_little_below_the_best_h_here(n):
    h = inspect.signature(numerical_gradient).parameters["h"].default
    assert h == 1e-6 and 1 < n.hs[n.error_two.argmin()] / h < 20


def test_it_gives_nine_digits_at_least(n):
    for p in NEAR:
        exact = slope_of_wavy(p)
        assert abs(numerical_gradient(n.wavy, p) - exact).max() < 1e-9 * abs(exact).max()


def test_on_a_polynomial_of_degree_two_the_centred_recipe_has_no_bending_error(n):
    for h in (0.1, 1.0, 100.0):
        np.testing.assert_allclose(n.nudge(n.f, n.x, h), [9, 27], rtol=1e-12)
    assert np.ptp([(n.f(n.x + np.array([h, 0])) - n.f(n.x)) / h for h in (0.1, 1.0)]) == pytest.approx(0.9)


def test_the_gradient_at_3_3_by_nudging_is_the_one_by_hand(n):
    np.testing.assert_allclose(numerical_gradient(n.f, n.x), n.gradient(n.x), rtol=1e-8)


def test_one_centred_gradient_takes_two_evaluations_an_argument_178_for_the_89_parameters_of_notebook_03():
    net, calls = lecture_example("numpy")[2], []
    count = sum(v.size for layers in (net.W, net.b) for v in layers.values())
    numerical_gradient(lambda x: float(calls.append(1) or x.sum()), np.zeros(count))
    assert (count, len(calls)) == (89, 178)


@pytest.mark.parametrize("sizes", [(5, 7, 4, 3), (50, 30, 10), (20, 60, 60, 60, 5)])
def test_the_backward_pass_costs_two_evaluations_whatever_the_number_of_arguments(sizes):
    net = initialize(sizes, [tanh] * (len(sizes) - 1), np.random.default_rng(0))
    net, X = convert(net, torch.from_numpy), torch.zeros(16, sizes[0], dtype=torch.float64)
    with FlopCounterMode(display=False) as there:
        trace = forward(net, X)
    with FlopCounterMode(display=False) as back:
        backward(net, trace, torch.ones_like(trace.A[len(net.W)]))
    assert back.get_total_flops() == 2 * there.get_total_flops() > 0


# Recap ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_shapes_of_the_recap(d):
    x = np.arange(1.0, d + 1)
    g = numerical_gradient(lambda x: (x**2).sum(), x)
    assert g.shape == x.shape == (g / np.linalg.norm(g)).shape == (d,)
    assert np.ndim(difference_quotient(np.sin, 1.0, 1e-3)) == 0
    np.testing.assert_allclose(ex.steepest.reference(g), x / np.linalg.norm(x), rtol=1e-8)


def test_numerical_gradient_has_the_shape_of_x():
    assert numerical_gradient(lambda x: (x**2).sum(), np.ones((3, 4))).shape == (3, 4)


# On your own ----------------------------------------------------------------------------------------


def test_the_size_of_x_has_slope_1_from_the_right_and_minus_1_from_the_left_however_small_the_step(n):
    for h in 10.0 ** -np.arange(1, 12):
        assert (n.quotient(np.abs, 0.0, h), n.quotient(np.abs, 0.0, -h)) == (1, -1)


def test_x_to_the_1_5_has_quotients_that_tend_to_0_from_both_sides(n):
    for h in 10.0 ** -np.arange(1, 12):
        right, left = n.quotient(power, 0.0, h), n.quotient(power, 0.0, -h)
        assert right == -left == pytest.approx(h**0.5)


def test_its_gap_over_the_square_of_the_step_grows_without_bound_although_it_has_a_derivative():
    steps = 10.0 ** -np.arange(6)
    shares = gap(power, lambda x: 0, 0, steps) / steps**2
    np.testing.assert_allclose(shares, [1, 3.162, 10, 31.62, 100, 316.2], rtol=1e-3)


def test_the_arrow_points_straight_at_the_minimum_on_two_lines_only():
    angle = np.radians(np.arange(0.05, 180, 0.1))
    p = np.stack([np.cos(angle), np.sin(angle)], 1)
    g = LECTURE.gradient(p)
    side = np.sign(p[:, 0] * g[:, 1] - p[:, 1] * g[:, 0])
    places = np.flatnonzero(np.diff(side))
    found = p[places]
    assert len(found) == 2 and side[0] == side[-1]
    np.testing.assert_allclose(found, [[0.16, 0.99], [-0.99, 0.16]], atol=0.01)
    assert abs(found[0] @ found[1]) < 0.005


def test_these_two_lines_are_the_axes_of_the_ellipses(n):
    for v in AXES.T:
        assert cosine(-n.gradient(v), -v) == pytest.approx(1, abs=1e-14)
    radii = [np.linalg.norm(n.on_curve(angle)) for angle in np.radians(np.arange(0, 180, 0.01))]
    ends = [n.on_curve(np.radians(0.01 * i)) for i in (np.argmax(radii), np.argmin(radii))]
    np.testing.assert_allclose([abs(cosine(ends[0], AXES[:, 0])), abs(cosine(ends[1], AXES[:, 1]))], 1, atol=1e-7)


def test_in_float32_the_best_h_of_the_grid_is_1e_2_and_rounding_is_about_1e_7_over_h(n):
    p = n.point.astype(np.float32)
    assert centred(n.wavy, p, 1e-2).dtype == np.float32
    errors = np.array([abs(centred(n.wavy, p, h) - slope_of_wavy(p)).max() for h in n.hs[5:]])
    np.testing.assert_allclose(n.hs[5:][errors.argmin()], 1e-2)
    assert exponent(n.hs[-2:], errors[-2:]) == pytest.approx(2, abs=0.2)
    np.testing.assert_allclose(np.log10(errors[2:6] * n.hs[7:11]), -7, atol=1)


def test_the_line_to_try_has_its_best_h_between_1e_3_and_1e_2(n):
    def off(h):
        return abs(n.nudge(lambda x: n.wavy(x.astype(np.float32)), n.point, h) - n.exact).max()

    assert n.hs[np.argmin([off(h) for h in n.hs])] == pytest.approx(1e-2)
    hs = np.logspace(-5, -1, 201)
    typical = [np.median([off(h * by) for by in np.linspace(0.8, 1.25, 21)]) for h in hs]  # rounding goes up and down
    assert 1e-3 < hs[np.argmin(typical)] < 1e-2


def test_in_float32_the_best_of_all_h_lies_near_the_cube_root_of_1e_7(n):
    hs, best = np.logspace(-4, -1, 31), []
    for p in (1 + NEAR / 2).astype(np.float32):
        best.append(hs[np.argmin([abs(centred(n.wavy, p, h) - slope_of_wavy(p)).max() for h in hs])])
    assert 0.5 < np.median(best) / 1e-7 ** (1 / 3) < 2
