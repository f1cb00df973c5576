"""What notebook 02 says, proven on the variables of its cells, or computed anew where that is another way."""

import re
from functools import cache

import numpy as np
import pytest
from cells import captions, prose

from utils.derivatives import numerical_gradient
from utils.descent import (
    LECTURE,
    Quadratic,
    backtracking,
    decaying,
    exact_line_search,
    gradient_descent,
    sign_descent,
    small_change,
    small_gradient,
)
from utils.exercises import descent as ex
from utils.widgets import slopes

(SMALL, LARGE), AXES = LECTURE.eigen()
LONG, SHORT = AXES.T  # the axes of the ellipses, unit vectors
EDGE, KAPPA = 2 / LARGE, LARGE / SMALL
START, G = np.array([3.0, 3.0]), np.array([9.0, 27.0])
RULE_1, RULE_2 = small_change(1e-6), small_gradient(1e-6)
EXACT = exact_line_search(LECTURE)
NARROW = Quadratic([[2, 1], [1, 80]])
RNG = np.random.default_rng(0)
POINTS = RNG.uniform(-4, 4, (20, 2))
SLIDER = np.arange(1, 61) * 0.005
CIRCLE = np.stack([np.cos(np.radians(np.arange(360))), np.sin(np.radians(np.arange(360)))], 1)


def best_momentum(f):
    """The rate, and how much of the velocity stays, that the page takes for this f."""
    low, high = np.sqrt(f.eigen()[0])
    return 4 / (low + high) ** 2, ((high - low) / (high + low)) ** 2


def descend(rate, stop=(), max_steps=1000, start=(3, 3), f=LECTURE):
    return gradient_descent(f.value, f.gradient, start, rate, stop, max_steps)


def one_by_one(rate, start=(3, 3)):
    """The steps of coordinate descent to a gradient shorter than a millionth."""
    x, steps = np.array(start, float), 0
    while np.linalg.norm(LECTURE.gradient(x)) >= 1e-6:
        for i in range(2):
            x[i] -= rate * LECTURE.gradient(x)[i]
        steps += 1
    return steps


def sides(path, axis=SHORT):
    """On which side of the valley each place lies: the sign of its part along the short axis."""
    return np.sign(path @ axis)


def zigzags(rate, f, start, steps=10):
    """Whether the walk turns back at each step, in some direction."""
    moves = np.diff(descend(rate, max_steps=steps, start=start, f=f).path, axis=0) @ f.eigen()[1]
    return bool((moves[1:] * moves[:-1] < 0).all(0).any())


def wavy(x):
    return np.sin(x[0]) * np.exp(x[1])


def slope_of_wavy(x):
    return np.array([np.cos(x[0]), np.sin(x[0])]) * np.exp(x[1])


def hessian(gradient, at, h=1e-5):
    return np.array([(gradient(at + h * e) - gradient(at - h * e)) / (2 * h) for e in np.eye(len(at))])


def exponent(hs, values):
    """The power of h with which the values grow: their slope on two logarithmic axes."""
    return np.polyfit(np.log10(hs), np.log10(values), 1)[0]


def bends(x):
    """Err's Hessian by the page's formula: averages over the inputs."""
    return np.array([[1, x.mean()], [x.mean(), np.mean(x**2)]])


def radius(rate, keep, f):
    """The factor by which momentum shrinks the slowest part in the long run."""
    return max(abs(np.roots([1, rate * value - 1 - keep, keep])).max() for value in f.eigen()[0])


@pytest.fixture
def ends(n):
    """The two walks on s; the notebook's last cells use the name again."""
    return {x1: gradient_descent(n.s, n.slope_of_s, (x1, 1.0), 0.2, RULE_2) for x1 in (0.0, 0.001)}


@pytest.fixture
def w_gradient(n):
    """The gradient of Err by its two parameters, for the notebook's raw inputs."""
    return lambda w: n.gradient(w, n.x, n.y)


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.9", lambda: 0.1 * G[0]),
    ("2.7", lambda: 0.1 * G[1]),
    ("2.1", lambda: (START - 0.1 * G)[0]),
    ("0.3", lambda: (START - 0.1 * G)[1]),
    ("4.41", lambda: 2.1**2),
    ("0.63", lambda: 2.1 * 0.3),
    ("0.36", lambda: 4 * 0.3**2),
    ("5.4", lambda: LECTURE.value(START - 0.1 * G)),
    ("0.75", lambda: (START - 0.25 * G)[0]),
    ("202.5", lambda: 810 / 4),
    ("202.5", lambda: 3240 / 16),
    ("3.75", lambda: -(START - 0.25 * G)[1]),
    ("0.002", lambda: descend(0.1, RULE_1).gradient_norms[-1]),
    ("0.003", lambda: descend(0.2, RULE_1).gradient_norms[-1]),
    ("0.2", lambda: 2 / (SMALL + LARGE)),
    ("0.245", lambda: EDGE),
    ("0.195", lambda: SLIDER[np.argmin([descend(rate, RULE_2, 300).steps for rate in SLIDER[:46]])]),
    ("4.4", lambda: KAPPA),
    ("0.632", lambda: (KAPPA - 1) / (KAPPA + 1)),
    ("0.4", lambda: ((KAPPA - 1) / (KAPPA + 1)) ** 2),
    ("0.4", lambda: (1 - 0.2 * SMALL) ** 2),
    ("0.4", lambda: (1 - 0.2 * LARGE) ** 2),
]
GIVEN = {"0.05", "0.1", "0.25", "0.5", "0.8", "0.95", "1.05"}  # rates to try


def said():
    """The notebook's text and captions."""
    assert len(captions("02")) == 9
    return prose("02")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed):
    assert f"{computed():.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out():
    assert set(re.findall(r"\d+\.\d+", said())) <= {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "first places: [-1.  -0.7 -0.4 -0.1  0.2  0.5  0.8  1.1  0.8]",
    "last places:  [1.1 0.8 1.1 0.8]",
    "λ = 2, η = 0.05: x is multiplied by  0.90, after 20 steps by  0.12158",
    "λ = 2, η = 0.5 : x is multiplied by  0.00, after 20 steps by  0.00000",
    "λ = 2, η = 0.95: x is multiplied by -0.90, after 20 steps by  0.12158",
    "λ = 2, η = 1.05: x is multiplied by -1.10, after 20 steps by  6.72750",
    "after step 1: x = [2.1 0.3], f = 5.4000",
    "after step 2: x = [ 1.65 -0.15], f = 2.5650",
    "after step 3: x = [ 1.335 -0.195], f = 1.6740",
    "a step with η = 1/2 would lead to f = 459",
    "rule 1 stops after 1 step; f = [54. 54.]",
    "there the gradient is still 29.3 long",
    "η = 0.1    rule 1 stops after     37 steps, where the gradient is 0.002 long; √(ε/η) = 0.003",
    "η = 0.001  rule 1 stops after   2704 steps, where the gradient is 0.032 long; √(ε/η) = 0.032",
    "η = 1e-05  rule 1 stops after 145200 steps, where the gradient is 0.316 long; √(ε/η) = 0.316",
    "from (0.0, 1): small gradient at [0. 0.], s = 0.000",
    "from (0.001, 1): small gradient at [1. 0.], s = -0.250",
    "54 → 54:        False",
    "on the saddle:  True",
    "eigenvalue 1.8377, direction [-0.9871  0.1602]",
    "eigenvalue 8.1623, direction [0.1602 0.9871]",
    "edge 0.24503, best 0.20, condition number 4.44",
    "1336 steps to w = [1.58   0.5574]",
    "centred: 95 steps",
    "standardised: 1 step, to w = [4.6455 1.9241]; the slope in x is 0.5574",
    "our f             : plain  38 steps, with momentum 20",
    "ten times as steep: plain 389 steps, with momentum 77",
    "backtracking tries 3.0 rates per step; the fixed rates never need f itself",
    "fixed 0.2          f stays near 0.3470, on average over ten runs",
    "0.2 / (1 + 0.1 k)  f stays near 0.0007, on average over ten runs",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_nothing_stops_although_eleven_exercises_are_open_and_all_claims_hold(book):
    assert book.errors == book.broken == [] and book.printed.count("✓") == 9
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 11
    assert "0 of 11 exercises done." in book.printed


# 1 · A riddle ---------------------------------------------------------------------------------------


def test_the_companion_is_54_at_the_start():
    x1, x2 = START
    assert LECTURE.value(START) == x1**2 + x1 * x2 + 4 * x2**2 == 54


def test_of_the_sliders_rates_0_2_takes_the_fewest_steps_from_3_minus_1():
    steps = {rate: descend(rate, RULE_2, 100, (3, -1)).steps for rate in SLIDER}
    arrive = {rate: count for rate, count in steps.items() if rate < EDGE and count < 100}
    assert min(arrive, key=arrive.get) == 0.2
    assert sorted(arrive.values())[:3] == [35, 36, 37]
    assert steps[0.1] == 77


def test_the_riddles_answers_are_the_rates_of_section_6(n):
    assert ex.riddle.reference() == pytest.approx((n.best, n.edge), abs=1e-4)
    assert ex.riddle.reference() == pytest.approx((0.2, 2 / LARGE), abs=1e-4)


@pytest.mark.parametrize("start", [(3, -1), (3, 3)])
def test_on_the_slider_0_245_still_comes_closer_and_0_25_flies_off(start):
    assert (np.diff(descend(0.245, max_steps=200, start=start).values)[100:] < 0).all()
    run = descend(0.25, start=start)
    assert run.stopped_by == "diverged" and (np.diff(run.values)[20:] > 0).all()


def test_the_riddles_picture_says_what_the_walk_does():
    assert "f has grown" not in slopes.step_size_scene(0.245, 3.0, -1.0, "fixed", 100).readout
    assert "Diverging: f has grown from 10 to" in slopes.step_size_scene(0.25, 3.0, -1.0, "fixed", 100).readout


@pytest.mark.parametrize(("rate", "steps"), [(0.1, 77), (0.195, 36), (0.2, 35), (0.205, 39)])
def test_the_riddle_marks_the_first_step_at_which_rule_2_holds_and_does_not_ask_rule_1(rate, steps):
    norms = descend(rate, max_steps=100, start=(3, -1)).gradient_norms
    assert norms[steps] < 1e-6 <= norms[:steps].min()
    actors = str(slopes.step_size_scene(rate, 3.0, -1.0, "fixed", 100).actors)
    assert f"rule 2: {steps}'" in actors and "rule 1" not in actors


@pytest.mark.parametrize(("x2", "steps"), [(-1.0, 33), (3.0, 13)])
def test_the_last_laboratory_shows_the_steps_of_exact_line_search_and_both_rules(x2, steps):
    actors = str(slopes.step_size_scene(0.2, 3.0, x2, "exact line search", 40, 1e-6, 1e-6).actors)
    assert f"rule 2: {steps}'" in actors and "rule 1: " in actors


def test_the_last_laboratory_offers_other_ways_to_choose_the_step():
    assert set(slopes.RULES) == {"fixed", "decaying", "exact line search", "backtracking"}


# 2 · One dimension ----------------------------------------------------------------------------------


@pytest.fixture
def signs():
    return sign_descent(lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), -1.0, 0.3, max_steps=40)


def test_the_sign_says_the_same_as_if_and_else(signs):
    places = [-1.0]
    for _ in range(40):
        places.append(places[-1] - 0.3 if 2 * (places[-1] - 1) > 0 else places[-1] + 0.3)
    np.testing.assert_allclose(signs.path[:, 0], places, rtol=1e-12)


def test_sign_steps_hop_between_0_8_and_1_1_and_do_not_stop(signs):
    assert signs.stopped_by == "max steps"
    np.testing.assert_allclose(np.unique(signs.path[-20:].round(6)), [0.8, 1.1])
    assert ex.hops.reference() == (0.8, 1.1)


def test_sign_steps_stay_within_one_step_of_the_minimum(signs):
    assert abs(signs.path[-20:] - 1).max() <= 0.3


@pytest.mark.parametrize(("start", "verdict"), [(-1.0, "small gradient"), (-0.9, "max steps"), (-1.2, "max steps")])
def test_sign_steps_arrive_from_where_their_length_divides_the_way_and_from_nowhere_else(start, verdict):
    assert sign_descent(lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), start, 0.5).stopped_by == verdict


@pytest.mark.parametrize("start", [-1.0, -0.9, -1.2, 0.999, 40.0])
def test_with_the_slope_itself_the_walk_arrives_wherever_it_starts(start):
    run = gradient_descent(lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), start, 0.3, RULE_2)
    assert run.stopped_by == "small gradient" and run.path[-1, 0] == pytest.approx(1, abs=1e-6)


def test_with_the_slope_itself_the_walk_arrives():
    run = gradient_descent(lambda x: (x - 1) ** 2, lambda x: 2 * (x - 1), -1.0, 0.3, RULE_2)
    assert run.stopped_by == "small gradient"
    assert run.path[-1, 0] == pytest.approx(1, abs=1e-6)
    lengths = abs(np.diff(run.path[:, 0]))
    np.testing.assert_allclose(lengths, 0.3 * run.gradient_norms[:-1], rtol=1e-9)
    assert (np.diff(lengths) < 0).all()


@pytest.mark.parametrize("lam", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("share", [0.1, 0.9, 1.1, 1.9, 2.1])
def test_in_a_parabola_each_step_multiplies_the_distance_by_1_minus_rate_times_lambda(lam, share, n):
    run = gradient_descent(lambda x: lam / 2 * x @ x, lambda x: lam * x, 3.0, share / lam, max_steps=30)
    np.testing.assert_allclose(run.path[1:] / run.path[:-1], n.factor(lam, share / lam), rtol=1e-9)
    distances = abs(run.path[:, 0])
    assert (np.diff(distances) < 0).all() == (abs(1 - share) < 1) == (share / lam < 2 / lam)
    assert (run.path[1:] * run.path[:-1] < 0).all() == (share > 1)


@pytest.mark.parametrize("lam", [0.5, 2.0, 8.0])
def test_in_a_parabola_a_rate_of_one_over_lambda_arrives_in_one_step(lam):
    assert gradient_descent(lambda x: lam / 2 * x @ x, lambda x: lam * x, 3.0, 1 / lam, RULE_2).steps == 1


@pytest.mark.parametrize("lam", [0.5, 2.0, 8.0])
def test_the_distance_shrinks_for_rates_between_0_and_2_over_lambda_and_for_no_others(lam, n):
    for share in (-0.5, 0.0, 2.0, 2.5):
        assert abs(n.factor(lam, share / lam)) >= 1
    for share in (1e-6, 0.5, 1.5, 2 - 1e-6):
        assert abs(n.factor(lam, share / lam)) < 1


def test_lambda_is_how_strongly_the_parabola_bends():
    for lam in (0.5, 2.0, 8.0):
        np.testing.assert_allclose(hessian(lambda x, lam=lam: lam * x, np.array([1.7])), [[lam]], rtol=1e-8)


def test_the_four_walks_of_the_picture_creep_arrive_jump_and_fly_off(n):
    creep, arrive, jump, fly = (2 * n.factor(2, rate) ** np.arange(9) for rate in (0.05, 0.5, 0.95, 1.05))
    assert creep[-1] > 0.4 * creep[0] and (np.diff(creep) < 0).all()
    assert arrive[1] == 0
    np.testing.assert_allclose(abs(jump), creep, rtol=1e-12)
    assert (jump[1:] * jump[:-1] < 0).all()
    assert (np.diff(abs(jump)) < 0).all()
    assert (np.diff(abs(fly)) > 0).all() and (fly[1:] * fly[:-1] < 0).all()
    assert abs(fly).max() < 4.5 and (fly**2).max() < 21  # inside the picture


# 3 · One step ---------------------------------------------------------------------------------------


def test_the_gradient_at_the_start_is_9_27():
    for x in (*POINTS, START):
        np.testing.assert_allclose(LECTURE.gradient(x), [2 * x[0] + x[1], x[0] + 8 * x[1]], rtol=1e-12)
        np.testing.assert_allclose(LECTURE.gradient(x), numerical_gradient(LECTURE.value, x), rtol=1e-6, atol=1e-6)
    assert LECTURE.gradient(START).tolist() == G.tolist()


def test_the_step_by_hand_leads_to_2_1_0_3_where_f_is_5_4():
    run = descend(0.1, max_steps=1)
    np.testing.assert_allclose(run.path[1], [2.1, 0.3], rtol=1e-14)
    assert run.values.tolist() == [54, pytest.approx(4.41 + 0.63 + 0.36)]
    assert run.values[1] == pytest.approx(5.4, rel=1e-14)


def test_three_steps_of_the_exercise_are_three_steps_of_utils(n):
    x = START
    for place in descend(0.1, max_steps=3).path:
        np.testing.assert_allclose(x, place, rtol=1e-13)
        x = n.step(x, 0.1)


def test_entry_by_entry_from_the_old_point_is_the_same_step():
    for x in POINTS:
        partials = [lambda a, b: 2 * a + b, lambda a, b: a + 8 * b]
        new = [x[i] - 0.1 * partial(*x) for i, partial in enumerate(partials)]
        np.testing.assert_allclose(new, descend(0.1, max_steps=1, start=x).path[1], rtol=1e-12)


def test_with_the_new_first_entry_it_is_another_step():
    first = 3 - 0.1 * (2 * 3 + 3)
    hasty = first, 3 - 0.1 * (first + 8 * 3)
    assert not np.allclose(hasty, descend(0.1, max_steps=1).path[1])


def test_adding_the_gradient_goes_up():
    for x in POINTS:
        assert LECTURE.value(x + 0.1 * LECTURE.gradient(x)) > LECTURE.value(x)


def test_climbing_minus_f_is_descending_f():
    x = START
    for _ in range(3):
        x = x + 0.1 * -LECTURE.gradient(x)
    np.testing.assert_allclose(x, descend(0.1, max_steps=3).path[-1], rtol=1e-14)


@pytest.mark.parametrize("eta", [0, 0.1, 1 / 8, 0.25, 0.7, -1])
def test_a_point_of_the_ray_put_into_f_and_multiplied_out_is_the_parabola(eta):
    x1, x2 = 3 - 9 * eta, 3 - 27 * eta
    np.testing.assert_allclose(START - eta * G, [x1, x2], rtol=1e-14)
    written = (3 - 9 * eta) ** 2 + (3 - 9 * eta) * (3 - 27 * eta) + 4 * (3 - 27 * eta) ** 2
    assert written == pytest.approx(LECTURE.value(np.array([x1, x2])), rel=1e-13)
    assert written == pytest.approx(54 - 810 * eta + 3240 * eta**2, rel=1e-12)


def test_f_along_the_ray_is_the_parabola_54_minus_810_eta_and_3240_eta_squared(n):
    eta = np.linspace(0, 0.3, 200)
    np.testing.assert_allclose(n.along, 54 - 810 * eta + 3240 * eta**2, rtol=1e-12)
    assert LECTURE.value(START - 0.5 * G) == 54 - 810 * 0.5 + 3240 * 0.5**2


def test_the_parabolas_first_slope_is_minus_the_gradients_length_squared():
    assert -(G @ G) == -810
    assert (LECTURE.value(START - 1e-7 * G) - 54) / 1e-7 == pytest.approx(-810, rel=1e-5)


def test_the_parabola_is_lowest_at_one_eighth_with_3_375():
    heights = {rate: LECTURE.value(START - rate * G) for rate in np.arange(0, 0.3, 1 / 64)}
    assert min(heights, key=heights.get) == 1 / 8 == ex.lowest.reference() == 810 / 6480
    assert heights[1 / 8] == 3.375 == 54 - 101.25 + 50.625 and f"{heights[1 / 8]:.1f}" == "3.4"


@pytest.mark.parametrize(("rate", "height"), [(0.1, 5.4), (0.125, 3.375), (0.2, 21.6), (0.25, 54), (0.5, 459)])
def test_the_heights_on_the_picture_of_the_parabola(rate, height):
    assert LECTURE.value(START - rate * G) == pytest.approx(height, rel=1e-13)


def test_the_parabola_falls_to_one_eighth_and_rises_after_it(n):
    falls = np.diff(n.along) < 0
    eta = np.linspace(0, 0.3, 200)
    assert falls[eta[1:] < 1 / 8].all() and not falls[eta[:-1] > 1 / 8].any()


@pytest.mark.parametrize("f, slope", [(LECTURE.value, LECTURE.gradient), (wavy, slope_of_wavy)])
def test_down_the_gradient_f_falls_by_eta_times_its_length_squared_with_a_gap_like_eta_squared(f, slope):
    etas = 10.0 ** -np.arange(3, 6)
    for x in POINTS[:8] / 2:
        g = slope(x)
        gaps = [abs(f(x - eta * g) - (f(x) - eta * (g @ g))) for eta in etas]
        assert exponent(etas, gaps) == pytest.approx(2, abs=0.1)


def test_every_short_enough_step_goes_down(n):
    for f, slope in ((LECTURE.value, LECTURE.gradient), (wavy, slope_of_wavy), (n.s, n.slope_of_s)):
        for x in POINTS:
            assert all(f(x - eta * slope(x)) < f(x) for eta in (1e-3, 1e-4, 1e-5))


@pytest.mark.parametrize("lam", [0.5, 2.0, 8.0])
def test_the_more_a_parabola_bends_the_shorter_a_step_must_be_to_go_down(lam):
    rates = np.arange(1, 400) / 97
    falls = (3 - rates * lam * 3) ** 2 < 9
    assert falls.tolist() == (rates < 2 / lam).tolist()


# 4 · The whole walk ---------------------------------------------------------------------------------


def test_the_table_of_steps_is_37_76_20_38(n):
    assert [row[2] for row in n.rows] == [37, 76, 20, 38]
    assert [row[:2] for row in n.rows] == [[eta, name] for eta in (0.1, 0.2) for name in
                                           ("1, small change", "2, small gradient")]


def test_the_tables_f_and_gradient_at_the_stop(n):
    assert [row[3] for row in n.rows] == ["2e-06", "2e-13", "6e-07", "4e-14"]
    assert [row[4] for row in n.rows] == ["2e-03", "9e-07", "3e-03", "8e-07"]
    assert all(float(row[3]) < 1e-12 for row in n.rows[1::2])


def test_rule_1_stops_first_and_0_2_is_faster_by_either_rule(n):
    slow, slow_2, fast, fast_2 = (row[2] for row in n.rows)
    assert slow < slow_2 and fast < fast_2
    assert fast < slow and 2 * fast_2 == slow_2


def test_where_rule_2_stops_f_must_be_below_10_to_the_minus_12():
    """f is at most ‖∇f‖² over twice the smallest eigenvalue."""
    for x in POINTS:
        assert LECTURE.value(x) <= (LECTURE.gradient(x) ** 2).sum() / (2 * SMALL) * (1 + 1e-12)
    assert 1e-12 / (2 * SMALL) < 1e-12
    assert all(descend(rate, RULE_2).values[-1] < 1e-12 for rate in (0.1, 0.2))


def test_where_rule_1_stops_the_gradient_is_thousands_of_epsilons_long():
    for rate in (0.1, 0.2):
        assert 2400 < descend(rate, RULE_1).gradient_norms[-1] / 1e-6 < 3000


def test_the_walk_of_the_exercise_takes_38_steps_with_0_2(n):
    assert len(n.path) == len(n.descend(LECTURE.gradient, START, 0.2, 1e-6, 1000)) == 38 + 1


def test_the_walk_of_the_exercise_does_not_fall_into_the_trap(n):
    assert len(n.descend(LECTURE.gradient, START, 0.25, 1e-6, 100)) == 100 + 1


def test_with_0_1_the_walk_bends_once_and_goes_on_along_the_valley():
    path = descend(0.1, max_steps=30).path
    moves = np.diff(path, axis=0)
    turns = moves[:-1, 0] * moves[1:, 1] - moves[:-1, 1] * moves[1:, 0]
    assert (turns[:15] < 0).all()
    assert abs(moves[5:] @ LONG / np.linalg.norm(moves[5:], axis=1)).min() > 0.9999
    assert (sides(path[:20]) == 1).all()


def test_with_0_2_the_walk_jumps_to_the_other_side_of_the_valley_at_each_step():
    side = sides(descend(0.2, max_steps=30).path)
    assert (side[1:] == -side[:-1]).all()


def test_with_0_2_the_walk_closes_in_faster():
    slow, fast = (descend(rate, max_steps=30) for rate in (0.1, 0.2))
    assert np.linalg.norm(fast.path[-1]) < np.linalg.norm(slow.path[-1]) / 100


def test_both_walks_stay_inside_their_picture():
    for rate in (0.1, 0.2):
        path = descend(rate, max_steps=30).path
        assert (path >= [-2.5, -2.6]).all() and (path <= 3.6).all()


# 5 · When rules mislead -----------------------------------------------------------------------------


def test_the_trap_stops_rule_1_after_one_step_at_0_75_minus_3_75(n):
    assert n.trap.steps == ex.trap.reference() == 1 and n.trap.stopped_by == "small change"
    assert n.trap.path[-1].tolist() == [0.75, -3.75]
    assert n.trap.values.tolist() == [54, 54]
    assert f"{np.linalg.norm(LECTURE.gradient(n.trap.path[-1])):.1f}" == "29.3"


def test_the_trap_is_on_the_other_side_of_the_valley(n):
    assert sides(n.trap.path)[0] == -sides(n.trap.path)[1]
    move = n.trap.path[1] - n.trap.path[0]
    assert abs(move @ SHORT) > 0.98 * np.linalg.norm(move)  # straight across
    assert (abs(n.trap.path) <= [5, 4.4]).all()


def test_by_rule_2_the_trap_is_seen_to_diverge():
    run = descend(0.25, RULE_2)
    assert run.stopped_by == "diverged" and run.values[-1] > 1e6


@pytest.mark.parametrize("shift", [(1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)])
def test_a_start_with_one_entry_moved_by_a_thousandth_is_no_trap(shift):
    assert descend(0.25, RULE_1, start=START + shift).stopped_by == "diverged"


def test_of_5000_random_starts_hardly_one_is_fooled_by_0_25():
    x, fooled = np.random.default_rng(1).uniform(-4, 4, (5000, 2)), np.zeros(5000, bool)
    for _ in range(100):
        new = x - 0.25 * LECTURE.gradient(x)
        fooled |= abs(LECTURE.value(new) - LECTURE.value(x)) < 1e-6
        x = new
    assert fooled.sum() < 10


def test_with_a_small_rate_rule_1_stops_where_the_gradient_is_the_root_of_epsilon_over_eta(n):
    """The last rate of the printed lines is 1e-5; with 0.1 it is the root in its size only."""
    run = descend(1e-3, RULE_1, 200_000)
    assert run.stopped_by == "small change"
    assert run.gradient_norms[-1] == pytest.approx((1e-6 / 1e-3) ** 0.5, rel=0.005)
    assert n.norm == pytest.approx((1e-6 / 1e-5) ** 0.5, rel=1e-4)
    assert descend(0.1, RULE_1).gradient_norms[-1] == pytest.approx((1e-6 / 0.1) ** 0.5, rel=0.3)


@pytest.mark.parametrize("rate", [1e-4, 1e-5])
def test_with_a_small_rate_f_changes_by_about_eta_times_the_gradient_squared(rate):
    run = descend(rate, max_steps=200)
    np.testing.assert_allclose(-np.diff(run.values), rate * run.gradient_norms[:-1] ** 2, rtol=1e-3)


def test_s_has_two_minima_and_a_saddle_between_them(n):
    for x, eigenvalues, height in (((-1, 0), [1, 2], -0.25), ((1, 0), [1, 2], -0.25), ((0, 0), [-1, 1], 0)):
        x = np.array(x, float)
        assert (n.slope_of_s(x) == 0).all() and n.s(x) == height
        np.testing.assert_allclose(np.linalg.eigvalsh(hessian(n.slope_of_s, x)), eigenvalues, atol=1e-8)
    for x in POINTS:
        np.testing.assert_allclose(n.slope_of_s(x), numerical_gradient(n.s, x), rtol=1e-6, atol=1e-6)


def test_rule_2_stops_on_the_saddle(ends):
    assert ends[0.0].stopped_by == "small gradient"
    np.testing.assert_allclose(ends[0.0].path[-1], 0, atol=1e-6)
    assert ends[0.0].values[-1] == pytest.approx(0, abs=1e-12)


def test_from_a_thousandth_beside_it_the_walk_goes_into_a_valley(ends):
    assert ends[0.001].stopped_by == "small gradient"
    np.testing.assert_allclose(ends[0.001].path[-1], [1, 0], atol=2e-6)
    assert ends[0.001].values[-1] == pytest.approx(-0.25, abs=1e-10)
    for end in ends.values():
        assert (abs(end.path[:, 0]) <= 1.8).all() and (end.path[:, 1] <= 1.2).all()  # inside the picture


def test_both_rules_together_stop_on_the_saddle_too(n, ends):
    np.testing.assert_array_equal(n.saddle.path, ends[0.0].path)
    assert n.may_stop(n.saddle.values, n.saddle.gradient_norms, 1e-6, 1e-6)


def test_started_from_several_places_the_walks_on_s_do_end_in_valleys(n):
    for start in POINTS / 4:
        end = gradient_descent(n.s, n.slope_of_s, start, 0.2, RULE_2)
        assert end.stopped_by == "small gradient" and end.values[-1] == pytest.approx(-0.25, abs=1e-9)


def test_the_curve_of_f_shows_where_a_walk_passes_the_saddle(ends):
    """It creeps there, and then goes on."""
    falls = -np.diff(ends[0.001].values)
    slow = falls[12:20].max()
    assert slow < falls[0] / 100 and slow < falls[20:40].max() / 30


@pytest.mark.parametrize(("f", "slope", "start"), [
    (lambda x: -x @ x, lambda x: -2 * x, 0.0),
    (lambda x: np.tanh(x).sum(), lambda x: 1 - np.tanh(x) ** 2, 9.0),
    (lambda x: 1e-8 * LECTURE.value(x), lambda x: 1e-8 * LECTURE.gradient(x), (3.0, 3.0)),
], ids=["summit", "plateau", "small units"])
def test_rule_2_also_stops_at_once_on(f, slope, start):
    run = gradient_descent(f, slope, start, 0.2, RULE_2)
    assert (run.steps, run.stopped_by) == (0, "small gradient")


def test_both_rules_together_do_not_fall_for_54_and_54(n):
    assert n.crossing.values.tolist() == [54, 54]
    run = descend(0.25, max_steps=30)
    assert not any(n.may_stop(run.values[:k], run.gradient_norms[:k], 1e-6, 1e-6) for k in range(1, 32))


def test_with_a_gradient_below_a_millionth_f_hardly_changes_in_the_next_step(n):
    for f, slope, rates in ((LECTURE.value, LECTURE.gradient, (0.1, 0.2, 0.245)), (n.s, n.slope_of_s, (0.2,))):
        for direction in CIRCLE[::20]:
            x = 1e-7 * direction
            assert np.linalg.norm(slope(x)) < 1e-6
            assert all(abs(f(x - rate * slope(x)) - f(x)) < 1e-12 for rate in rates)


def test_here_rule_2_alone_stops_where_both_together_stop(n, ends):
    for end in (descend(0.1, RULE_2), descend(0.2, RULE_2), *ends.values()):
        assert n.may_stop(end.values, end.gradient_norms, 1e-6, 1e-6)
        assert not n.may_stop(end.values[:-1], end.gradient_norms[:-1], 1e-6, 1e-6)


def test_both_rules_together_do_not_stop_where_a_small_rate_stops_rule_1(n):
    end = descend(1e-3, RULE_1, 200_000)
    assert not n.may_stop(end.values, end.gradient_norms, 1e-6, 1e-6)


# 6 · Which learning rate? ---------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.3])
def test_without_the_mixed_term_each_variable_has_its_own_factor(rate):
    run = descend(rate, max_steps=10, f=Quadratic(np.diag([2, 8])))
    np.testing.assert_allclose(run.path[1:] / run.path[:-1], np.tile(1 - rate * np.array([2, 8]), (10, 1)), rtol=1e-9)


def test_f_is_half_xT_H_x_its_gradient_is_Hx_and_H_holds_the_second_derivatives():
    for x in POINTS:
        assert x @ LECTURE.H @ x / 2 == pytest.approx(LECTURE.value(x), rel=1e-12)
        np.testing.assert_allclose(LECTURE.H @ x, LECTURE.gradient(x), rtol=1e-12)
        np.testing.assert_allclose(hessian(LECTURE.gradient, x), [[2, 1], [1, 8]], atol=1e-6)
        assert (2 * x[0] ** 2 + 2 * x[0] * x[1] + 8 * x[1] ** 2) / 2 == pytest.approx(LECTURE.value(x), rel=1e-12)


def test_the_eigenvalues_are_5_minus_and_plus_root_10(n):
    np.testing.assert_allclose(n.eigenvalues, [5 - 10**0.5, 5 + 10**0.5], rtol=1e-14)
    np.testing.assert_allclose(LECTURE.H @ n.vectors, n.vectors * n.eigenvalues, atol=1e-14)


def test_the_eigenvalues_are_found_by_hand():
    for lam in (-1, 0, 2, 7.5, SMALL, LARGE):
        by_hand = (2 - lam) * (8 - lam) - 1
        assert np.linalg.det(LECTURE.H - lam * np.eye(2)) == pytest.approx(by_hand, abs=1e-12)
        assert lam**2 - 10 * lam + 15 == pytest.approx(by_hand, abs=1e-12)
    np.testing.assert_allclose(np.sort(np.roots([1, -10, 15])), [SMALL, LARGE], rtol=1e-14)
    np.testing.assert_allclose([SMALL, LARGE, SMALL + LARGE], [5 - 10**0.5, 5 + 10**0.5, 10], rtol=1e-14)


def test_only_there_has_Hv_equal_lambda_v_a_solution_other_than_0():
    for lam in np.linspace(0, 10, 101):  # none of them an eigenvalue
        np.testing.assert_array_equal(np.linalg.solve(LECTURE.H - lam * np.eye(2), np.zeros(2)), 0)
    for lam in (SMALL, LARGE):
        assert np.linalg.matrix_rank(LECTURE.H - lam * np.eye(2), tol=1e-12) == 1


@pytest.mark.parametrize("d", [2, 3, 6, 50])
def test_eigvalsh_returns_all_eigenvalues_in_ascending_order(d):
    H = np.random.default_rng(d).normal(size=(d, d))
    values = np.linalg.eigvalsh(H + H.T)
    assert values.shape == (d,) and (np.diff(values) > 0).all()
    np.testing.assert_allclose(np.linalg.eigvalsh(LECTURE.H), [SMALL, LARGE], rtol=1e-14)


@pytest.mark.parametrize("d", [2, 3, 6])
def test_a_symmetric_matrix_has_d_directions_at_right_angles_along_which_Hv_is_lambda_v(d):
    H = np.random.default_rng(d).normal(size=(d, d))
    H = H + H.T
    values, vectors = np.linalg.eigh(H)
    np.testing.assert_allclose(H @ vectors, vectors * values, atol=1e-13)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(d), atol=1e-13)


def test_the_eigenvectors_are_the_axes_of_the_tilted_ellipses():
    sizes = np.sqrt(54 / LECTURE.value(CIRCLE))
    assert abs(CIRCLE[sizes.argmax()] @ LONG) > 0.9999
    assert abs(CIRCLE[sizes.argmin()] @ SHORT) > 0.9999
    assert abs(LONG).min() > 0.1 and abs(LONG @ SHORT) < 1e-15


@pytest.mark.parametrize("axis", [LONG, SHORT], ids=["long", "short"])
def test_a_walk_that_starts_on_an_axis_stays_on_it(axis):
    path = descend(0.1, max_steps=30, start=-3.2 * axis).path
    gradients = LECTURE.gradient(path)
    np.testing.assert_allclose(gradients, np.outer(gradients @ axis, axis), atol=1e-14)
    np.testing.assert_allclose(path, np.outer(path @ axis, axis), atol=1e-14)


@pytest.mark.parametrize(("axis", "steps", "value"), [(LONG, 77, SMALL), (SHORT, 11, LARGE)], ids=["long", "short"])
def test_on_the_long_axis_f_bends_little_and_the_walk_creeps_and_it_is_quickly_there_on_the_short_one(
        axis, steps, value):
    assert axis @ LECTURE.H @ axis == pytest.approx(value)
    assert descend(0.1, RULE_2, start=-3.2 * axis).steps == steps


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.24])
def test_every_start_is_a_sum_of_two_parts_and_each_has_its_factor(rate):
    for start in POINTS:
        parts = descend(rate, max_steps=8, start=start).path @ AXES
        np.testing.assert_allclose(parts @ AXES.T, descend(rate, max_steps=8, start=start).path, atol=1e-13)
        powers = (1 - rate * np.array([SMALL, LARGE])) ** np.arange(9)[:, None]
        np.testing.assert_allclose(parts, parts[0] * powers, atol=1e-12)


def test_near_a_minimum_of_s_the_parts_have_the_factors_of_its_hessian(n):
    start = np.array([1.0, 0.0]) + 1e-4 * np.array([1.0, 1.0])
    path = gradient_descent(n.s, n.slope_of_s, start, 0.2, max_steps=5).path - [1, 0]
    np.testing.assert_allclose(path[1:] / path[:-1], np.tile([1 - 0.2 * 2, 1 - 0.2 * 1], (5, 1)), rtol=1e-3)


def test_the_two_vs_cross_at_0_2_and_the_larger_reaches_1_at_the_edge():
    def slower(rate):
        return abs(1 - rate * np.array([SMALL, LARGE])).max()

    rates = np.arange(1, 300) / 1000
    assert rates[np.argmin([slower(rate) for rate in rates])] == 0.2
    np.testing.assert_allclose(abs(1 - 0.2 * SMALL), abs(1 - 0.2 * LARGE), rtol=1e-14)
    assert slower(EDGE) == pytest.approx(1)
    assert [slower(rate) < 1 for rate in rates] == (rates < EDGE).tolist()


def test_before_0_2_the_flat_direction_is_the_slower_one_and_after_it_the_steep_one_which_jumps(n):
    for rate in np.arange(1, 60) / 100:
        flat, steep = abs(1 - rate * n.eigenvalues)
        assert max(flat, steep) == pytest.approx(1 - rate * SMALL if rate <= 0.2 else rate * LARGE - 1)
        assert max(flat, steep) > abs(1 - rate * np.linspace(SMALL, LARGE, 50)[1:-1]).max()  # any one in between
    assert 1 - 0.2 * LARGE < 0


@pytest.mark.parametrize("rate", [0.1, 0.15, 0.22])
def test_the_walk_is_as_slow_as_its_slower_part(rate):
    norms = descend(rate, max_steps=60).gradient_norms
    assert norms[-1] / norms[-2] == pytest.approx(abs(1 - rate * np.array([SMALL, LARGE])).max(), rel=1e-6)


def test_the_edge_and_the_best_rate_of_the_notebook(n):
    assert n.edge == 2 / LARGE and n.edge == pytest.approx(0.24503, abs=5e-6)
    assert n.best == pytest.approx(0.2, rel=1e-14)
    assert n.best == pytest.approx(2 / np.trace(LECTURE.H), rel=1e-14)


def test_measured_over_all_rates_the_gradient_shrinks_most_at_0_2_and_by_0_6325():
    rates = np.round(np.arange(0.01, 0.3001, 0.005), 4)
    shrink = np.array([np.divide(*descend(rate, max_steps=150).gradient_norms[[-1, -2]]) for rate in rates])
    assert rates[shrink.argmin()] == 0.2 and shrink.min() == pytest.approx(0.6325, abs=1e-4)
    assert (shrink < 1).tolist() == (rates < EDGE).tolist()


@pytest.mark.parametrize(("by", "verdict"), [(-0.0005, "small gradient"), (0.0005, "diverged")])
def test_just_inside_the_edge_the_walk_arrives_and_just_outside_it_diverges(by, verdict, n):
    assert descend(EDGE + by, RULE_2, 20_000).stopped_by == verdict
    assert (n.inside, n.outside) == ("small gradient", "diverged")


def test_0_2_is_best_from_the_worst_start_only_and_0_195_arrives_three_steps_earlier():
    assert [descend(rate, RULE_2).steps for rate in (0.194, 0.195, 0.2)] == [35, 35, 38]


@pytest.mark.parametrize(("by", "verdict"), [(0.98, "small gradient"), (1.02, "diverged")])
def test_it_converges_from_every_start_before_the_edge_and_from_none_beyond_it(by, verdict):
    for start in POINTS[:8]:
        assert descend(by * EDGE, RULE_2, 2000, start).stopped_by == verdict


def test_in_a_single_step_one_eighth_and_even_0_1_beat_0_2():
    after = {rate: descend(rate, max_steps=1).values[1] for rate in (0.1, 0.125, 0.2)}
    assert after == {0.1: pytest.approx(5.4), 0.125: pytest.approx(3.375), 0.2: pytest.approx(21.6)}


def test_on_the_long_axis_alone_larger_rates_converge_but_the_computer_rounds():
    """In the axes of the ellipses no rounding error leaves the long one, in those of f some do."""
    turned = Quadratic(np.diag([SMALL, LARGE]))
    for rate in (0.25, 0.3, 0.5, 1.0):
        assert abs(descend(rate, (), 1000, (3.2, 0.0), turned).path[-1]).max() < 1e-30
        assert descend(rate, (), 2000, 3.2 * LONG).stopped_by == "diverged"
    assert descend(1.09, (), 1000, (3.2, 0.0), turned).path[-1, 0] > 3.2  # 2 / λ is 1.088 on this axis


@pytest.mark.parametrize("kappa", [1.5, 4.4, 20, 154])
def test_at_the_best_rate_the_slower_part_shrinks_by_kappa_minus_1_over_kappa_plus_1(kappa):
    best = ex.best_rate.reference(np.diag([1.0, kappa]))
    assert abs(1 - best * np.array([1, kappa])) == pytest.approx((kappa - 1) / (kappa + 1))


def test_the_longer_the_valley_the_closer_to_1():
    kappas = np.array([1.5, 4.4, 20, 154, 1e4])
    assert (np.diff((kappas - 1) / (kappas + 1)) > 0).all() and (1e4 - 1) / (1e4 + 1) > 0.999


def test_the_trace_gives_the_best_rate_for_two_variables_only():
    H = np.diag([4.0, 1.0, 11.0, 7.0])
    best = ex.best_rate.reference(H)
    assert best == 2 / 12 and 2 / np.trace(H) < best
    assert abs(1 - best * np.diag(H)).max() < abs(1 - 2 / np.trace(H) * np.diag(H)).max()


def test_at_0_2_f_is_54_times_0_4_to_the_k_exactly():
    np.testing.assert_allclose(descend(0.2, max_steps=38).values, 54 * 0.4 ** np.arange(39), rtol=1e-9)
    np.testing.assert_allclose(((KAPPA - 1) / (KAPPA + 1)) ** 2, 0.4, rtol=1e-14)


def test_at_0_2_each_step_multiplies_f_by_0_4_from_every_start():
    for start in (*POINTS, 100 * LONG, SHORT, np.array([3.0, -1.0])):
        values = descend(0.2, max_steps=20, start=start).values
        np.testing.assert_allclose(values[1:] / values[:-1], 0.4, rtol=1e-9)


@pytest.mark.parametrize("start", [(3, 3), (3, -1)])
def test_at_0_2_both_parts_shrink_by_0_632_and_one_changes_its_sign_at_each_step(start):
    parts = descend(0.2, max_steps=20, start=start).path @ AXES
    np.testing.assert_allclose(parts[1:, 0] / parts[:-1, 0], 0.4**0.5, rtol=1e-9)
    np.testing.assert_allclose(parts[1:, 1] / parts[:-1, 1], -(0.4**0.5), rtol=1e-9)
    assert f"{0.4**0.5:.3f}" == "0.632"


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.12, 0.125, 0.2, 0.24])
def test_f_is_walked_in_a_zigzag_beyond_one_over_lambda_only(rate):
    assert zigzags(rate, LECTURE, START) == (rate > 1 / LARGE)


def test_0_1_is_beyond_one_over_lambda_for_neither_direction_and_0_2_for_one():
    assert 0.1 < 1 / LARGE < 0.2 < 1 / SMALL


def test_a_round_bowl_is_walked_in_a_zigzag_with_0_9():
    assert zigzags(0.9, Quadratic(2 * np.eye(2)), START)
    assert not zigzags(0.4, Quadratic(2 * np.eye(2)), START)


# 7 · A real error -----------------------------------------------------------------------------------


def test_err_is_the_mean_of_half_the_squares_over_twelve_points(n):
    w = np.array([0.3, -0.7])
    assert len(n.x) == len(n.y) == 12
    assert n.error(w) == pytest.approx(sum(0.5 * (w[0] + w[1] * x - y) ** 2 for x, y in zip(n.x, n.y)) / 12)


def test_the_gradient_of_err_is_right(n, w_gradient):
    for w in (*POINTS, np.array([1.0, -2.0])):
        np.testing.assert_allclose(w_gradient(w), numerical_gradient(n.error, w), rtol=1e-6, atol=1e-6)


def test_err_is_a_quadratic_whose_hessian_is_made_of_averages(n):
    for x in (n.x, n.x - n.x.mean(), n.z):
        for w in POINTS[:5]:
            np.testing.assert_allclose(hessian(lambda w, x=x: n.gradient(w, x, n.y), w, 1e-3), bends(x), atol=1e-9)


def test_measured_from_its_lowest_point_err_is_half_uT_H_u_and_a_constant(n):
    best = np.polynomial.Polynomial.fit(n.x, n.y, 1).convert().coef
    assert np.linalg.norm(n.gradient(best, n.x, n.y)) < 1e-12 and abs(best).min() > 0.5
    for u in POINTS:
        assert n.error(best + u) == pytest.approx(n.error(best) + u @ bends(n.x) @ u / 2, rel=1e-12)


def test_section_6_applies_to_u(n):
    """Each part of u, along the eigenvectors of the Hessian, has its own factor."""
    values, vectors = np.linalg.eigh(bends(n.x))
    parts = (n.raw.path[:50] - np.polynomial.Polynomial.fit(n.x, n.y, 1).convert().coef) @ vectors
    factors = 1 - 2 / values.sum() * values
    np.testing.assert_allclose(parts, parts[0] * factors ** np.arange(50)[:, None], rtol=1e-9)


def test_the_three_condition_numbers_are_printed_each_before_its_steps(book):
    found = re.findall(r"^(?:condition number \d+|\d+ steps to|centred: \d+|standardised: \d+)", book.printed, re.M)
    assert found == ["condition number 154", "1336 steps to", "condition number 12", "centred: 95",
                     "condition number 1", "standardised: 1"]


def test_its_condition_number_is_154_so_that_the_valley_is_long_and_narrow(n):
    low, high = np.linalg.eigvalsh(bends(n.x))
    assert f"{high / low:.0f}" == "154"
    assert round((high / low) ** 0.5) == 12  # the axes of a level curve of a quadratic go with 1/√λ


def test_learn_starts_at_0_0_and_takes_the_best_rate(n):
    for walk, x in ((n.raw, n.x), (n.centred, n.x - n.x.mean()), (n.clean, n.z)):
        ends = np.linalg.eigvalsh(bends(x))
        assert walk.path[0].tolist() == [0, 0] and walk.stopped_by == "small gradient"
        np.testing.assert_allclose(walk.path[1], -2 / (ends[0] + ends[1]) * n.gradient(np.zeros(2), x, n.y), rtol=1e-9)


def test_the_long_walk_ends_at_the_least_squares_line(n):
    best = np.polynomial.Polynomial.fit(n.x, n.y, 1).convert().coef
    np.testing.assert_allclose(n.raw.path[-1], best, atol=1e-5)
    assert (n.raw.steps, n.raw.stopped_by) == (1336, "small gradient")


def test_the_long_walk_crosses_the_valley_again_and_again_on_its_way_along_it(n):
    parts = (n.raw.path[:1000] - n.raw.path[-1]) @ np.linalg.eigh(bends(n.x))[1]
    assert (np.sign(parts[1:, 1]) == -np.sign(parts[:-1, 1])).all()
    assert (np.diff(abs(parts[:, 0])) < 0).all()


def test_a_mean_of_zero_makes_the_hessian_diagonal_and_the_spread_its_entries_equal(n):
    centred = n.x - n.x.mean()
    np.testing.assert_allclose(bends(centred), np.diag([1, n.x.std() ** 2]), atol=1e-14)
    assert np.linalg.cond(bends(centred)) == pytest.approx(n.x.var()) and f"{n.x.var():.0f}" == "12"
    assert (n.centred.steps, n.centred.stopped_by) == (95, "small gradient")
    assert n.centred.values[-1] == pytest.approx(n.raw.values[-1], rel=1e-10)
    np.testing.assert_allclose(n.z, centred / n.x.std(), rtol=1e-14)


def test_standardised_inputs_make_the_hessian_the_identity(n):
    assert n.z.mean() == pytest.approx(0, abs=1e-15) and np.mean(n.z**2) == pytest.approx(1)
    np.testing.assert_allclose(bends(n.z), np.eye(2), atol=1e-14)
    assert np.linalg.cond(bends(n.z)) == pytest.approx(1)


def test_the_slope_in_x_of_the_standardised_line_is_the_one_of_the_long_walk_and_so_is_the_line(n):
    slope = n.clean.path[-1][1] / n.x.std()
    assert slope == pytest.approx(n.raw.path[-1][1], abs=1e-6) and f"{slope:.4f}" == "0.5574"
    lines = [w[0] + w[1] * inputs for w, inputs in ((n.raw.path[-1], n.x), (n.clean.path[-1], n.z))]
    np.testing.assert_allclose(*lines, atol=1e-5)


def test_the_minimum_lies_elsewhere_because_w_multiplies_z(n):
    for inputs, walk in ((n.x, n.raw), (n.z, n.clean)):
        np.testing.assert_allclose(np.polyfit(inputs, n.y, 1)[::-1], walk.path[-1], atol=1e-5)
    assert np.linalg.norm(n.raw.path[-1] - n.clean.path[-1]) > 3


def test_several_standardised_inputs_can_be_correlated_and_their_hessian_is_not_the_identity():
    """It is much better than before where means and spreads differ, as they do here; for others it need not be."""
    better = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3)) * 10 ** rng.uniform(-1, 1, 3) + 3 * rng.normal(size=3)
        Z = (X - X.mean(0)) / X.std(0)
        raw, clean = (ones.T @ ones / 40 for ones in (np.insert(inputs, 0, 1, axis=1) for inputs in (X, Z)))
        np.testing.assert_allclose(clean[1:, 1:], np.corrcoef(X.T), atol=1e-12)
        assert abs(clean - np.eye(4)).max() > 0.05
        better.append(np.linalg.cond(raw) / np.linalg.cond(clean))
    assert min(better) > 1 and np.median(better) > 100


@pytest.mark.parametrize(("k", "err"), [(0, "13.76"), (1, "13.44"), (100, "2.07"), (1336, "1.12")])
def test_the_errors_of_the_lines_on_the_picture(k, err, n):
    assert f"{n.raw.values[k]:.2f}" == f"{n.error(n.raw.path[k]):.2f}" == err


def test_the_first_step_makes_the_line_far_too_steep_and_after_100_it_is_still_off(n):
    assert n.raw.path[0].tolist() == [0, 0]
    assert n.raw.path[1, 1] > 2.5 * n.raw.path[-1, 1]
    off = [abs((n.raw.path[k] - n.raw.path[-1]) @ np.stack([np.ones(12), n.x])).max() for k in (100, 500)]
    assert off[0] > 2 and n.raw.values[100] > 1.8 * n.raw.values[-1]
    assert off[1] < 0.02  # by then the eye sees no difference


def test_by_rule_2_it_takes_more_than_a_thousand_steps(n):
    assert n.raw.gradient_norms[1000] > 1e-6 > n.raw.gradient_norms[1336]


def test_with_standardised_inputs_the_level_curves_are_circles(n):
    for r in (0.3, 1.0, 2.5):
        heights = [n.error(n.clean.path[-1] + r * direction, n.z) for direction in CIRCLE[::10]]
        np.testing.assert_allclose(heights, heights[0], rtol=1e-9)


def test_with_standardised_inputs_one_step_lands_in_the_middle(n):
    assert n.clean.steps == 1 and n.clean.stopped_by == "small gradient"
    assert n.clean.values[-1] == pytest.approx(n.raw.values[-1], rel=1e-10)
    for start in POINTS[:5]:
        walk = gradient_descent(lambda w: n.error(w, n.z), lambda w: n.gradient(w, n.z, n.y), start, 1.0, RULE_2)
        assert walk.steps == 1


def test_twelve_steps_are_drawn_and_the_dotted_line_goes_on_from_there_to_the_end(n):
    drawn, dotted = n.raw.path[:13], n.raw.path[12::10]
    assert len(drawn) == 12 + 1 and (drawn[-1] == dotted[0]).all()
    np.testing.assert_allclose(dotted[-1], n.raw.path[-1], atol=1e-5)


def test_the_levels_and_both_walks_are_inside_the_picture_of_err(n):
    assert n.raw.values[-1] < 1.2
    for walk in (n.raw, n.clean):
        assert (walk.path >= [-1, -0.8]).all() and (walk.path <= [6.5, 4]).all()


# 8 · Other ways to choose the step ------------------------------------------------------------------


def test_backtracking_returns_the_first_half_that_is_good_enough(n):
    for x in POINTS:
        g = LECTURE.gradient(x)
        tries = 0.5 ** np.arange(60)
        good = [LECTURE.value(x - eta * g) <= LECTURE.value(x) - 0.1 * eta * (g @ g) for eta in tries]
        chosen = ex.backtrack.reference(LECTURE.value, LECTURE.gradient, x, 1.0)
        assert chosen == tries[good.index(True)] == backtracking(1.0, slope=0.1)(LECTURE.value, x, g, 0)


def halving_from(eta, start):
    rates = []

    def rule(f, x, g, k):
        rates.append(backtracking(eta, slope=0.1)(f, x, g, k))
        return rates[-1]

    return descend(rule, RULE_2, start=start), np.array(rates)


@pytest.mark.parametrize(("eta", "start", "steps"), [(1, (3, 3), 13), (1, (3, -1), 14), (0.8, (3, 3), 38),
                                                     (0.8, (3, -1), 37)])
def test_halving_from_0_8_needs_38_and_37_steps_and_from_1_13_and_14_for_three_tries_a_step(eta, start, steps):
    walk, rates = halving_from(eta, start)
    assert walk.steps == steps and walk.stopped_by == "small gradient"
    assert np.mean(np.log2(eta / rates) + 1) == pytest.approx(3, abs=0.1)


def test_halving_from_1_takes_one_eighth_and_one_half_which_suit_this_H():
    """They are near 1/λ of the steep direction and of the flat one."""
    np.testing.assert_array_equal(np.unique(halving_from(1, (3, 3))[1]), [1 / 8, 1 / 2])
    assert {1 / 8, 1 / 2} <= set(halving_from(1, (3, -1))[1])
    np.testing.assert_allclose([1 / LARGE, 1 / SMALL], [1 / 8, 1 / 2], rtol=0.1)


@pytest.mark.parametrize("eta", [0.3, 0.5, 0.9, 1, 1.1, 2, 50])
def test_backtracking_guarantees_that_f_falls_at_each_step(eta):
    for start in (*POINTS[:5], (3, 3), (3, -1)):
        assert (np.diff(halving_from(eta, start)[0].values) < 0).all()


def test_exact_line_search_finds_the_lowest_point_of_the_ray():
    assert EXACT(LECTURE.value, START, G, 0) == 1 / 8
    for x in POINTS:
        g = LECTURE.gradient(x)
        best = EXACT(LECTURE.value, x, g, 0)
        assert all(LECTURE.value(x - best * g) < LECTURE.value(x - best * by * g) for by in (0.99, 1.01))


def test_exact_line_search_at_3_3_is_the_one_eighth_of_exercise_5():
    assert G @ G / (G @ LECTURE.H @ G) == ex.lowest.reference() == 1 / 8


def test_from_3_3_exact_line_search_divides_f_by_16_with_one_eighth_and_one_half():
    run = descend(EXACT, max_steps=6)
    np.testing.assert_allclose(run.values[:-1] / run.values[1:], 16, rtol=1e-13)
    rates = [g @ g / (g @ LECTURE.gradient(g)) for g in LECTURE.gradient(run.path[:6])]
    np.testing.assert_allclose(rates, [1 / 8, 1 / 2] * 3, rtol=1e-13)


def test_from_its_worst_start_exact_line_search_is_no_faster_than_0_2():
    worst = descend(EXACT, max_steps=20, start=AXES @ [1 / SMALL, 1 / LARGE])
    np.testing.assert_allclose(worst.values[:-1] / worst.values[1:], 2.5, rtol=1e-9)
    for start in CIRCLE[::5]:
        run = descend(EXACT, max_steps=5, start=start)
        assert (run.values[:-1] / run.values[1:]).min() > 2.5 * (1 - 1e-9)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["flat first", "steep first"])
def test_two_steps_of_one_over_each_eigenvalue_are_enough(order):
    rates = 1 / LECTURE.eigen()[0][list(order)]
    run = descend(lambda f, x, g, k: rates[k], max_steps=2)
    np.testing.assert_allclose(run.path[-1], 0, atol=1e-12)


def test_newtons_method_needs_one_step_for_a_quadratic():
    for x in POINTS:
        np.testing.assert_allclose(x - np.linalg.inv(LECTURE.H) @ LECTURE.gradient(x), 0, atol=1e-14)


@pytest.mark.parametrize("f, plain, with_it", [(LECTURE, 38, 20), (NARROW, 389, 77)], ids=["our f", "narrow"])
def test_momentum_needs_fewer_steps(f, plain, with_it, n):
    rate, keep = best_momentum(f)
    assert descend(ex.best_rate.reference(f.H), RULE_2, f=f).steps == plain
    assert n.momentum(f.gradient, (3, 3), rate, keep) == with_it


def test_the_narrow_function_is_ten_times_as_steep_in_x2(n):
    for x in POINTS:
        assert NARROW.value(x) == pytest.approx(x[0] ** 2 + x[0] * x[1] + 40 * x[1] ** 2)
    assert n.narrow.H.tolist() == NARROW.H.tolist()


@pytest.mark.parametrize("f", [LECTURE, NARROW], ids=["our f", "narrow"])
def test_in_the_long_run_no_other_rate_and_share_of_velocity_do_better(f):
    rate, keep = best_momentum(f)
    best = radius(rate, keep, f)
    assert best == pytest.approx(keep**0.5, rel=1e-5)
    assert min(radius(rate * by, share, f) for by in np.linspace(0.5, 1.5, 21) for share in np.linspace(0, 0.9, 19)
               if (by, share) != (1, keep)) > best - 1e-6


@pytest.mark.parametrize("steps", [10, 20, 77])
def test_in_a_long_valley_the_moves_sideways_cancel_and_those_along_it_add_up(steps):
    rate, keep = best_momentum(NARROW)
    x, v, moves = START, np.zeros(2), []
    for _ in range(steps):
        v = keep * v - rate * NARROW.gradient(x)
        x = x + v
        moves.append(v @ NARROW.eigen()[1])
    along, sideways = abs(np.sum(moves, 0)) / abs(np.array(moves)).sum(0)
    assert along > 0.999 and sideways < 0.03


def test_a_share_of_0_of_the_velocity_is_gradient_descent(n):
    assert n.momentum(LECTURE.gradient, (3, 3), 0.2, 0) == 38


def test_with_the_best_rate_and_share_momentum_takes_20_steps_from_3_3_and_18_from_3_minus_1(n):
    rate, keep = (round(number, 3) for number in best_momentum(LECTURE))
    assert (rate, keep) == (0.225, 0.127)
    assert [n.momentum(LECTURE.gradient, start, rate, keep) for start in ((3, 3), (3, -1))] == [20, 18]


def test_the_race(n):
    assert n.race == {"fixed 0.1": [76, 77], "fixed 0.2": [38, 35], "exact line search": [13, 33],
                      "backtracking from 1": [13, 14]}


def test_no_rule_of_the_race_beats_exact_line_search_from_3_3_but_backtracking_ties(n):
    from_3_3 = {name: steps[0] for name, steps in n.race.items()}
    assert from_3_3.pop("exact line search") == min(from_3_3.values()) == from_3_3["backtracking from 1"]


def test_from_3_minus_1_exact_line_search_needs_more_than_twice_as_many_steps(n):
    first, second = n.race["exact line search"]
    assert second > 2 * first
    assert (n.near, n.far) == (first, second) == (13, 33)
    assert n.race["backtracking from 1"][1] < second


def test_backtracking_does_well_from_both_starts_and_from_all_others(n):
    assert all(n.race["backtracking from 1"][i] == min(steps[i] for steps in n.race.values()) for i in (0, 1))
    starts = 10**0.5 * CIRCLE[:180:5]
    assert max(descend(backtracking(1.0), RULE_2, start=start).steps for start in starts) <= 16
    assert min(descend(0.2, RULE_2, start=start).steps for start in starts) >= 34


def test_3_minus_1_is_nearly_the_worst_start_for_exact_line_search():
    """There f shrinks by 0.375 a step, and from the worst start by 0.4; of the circle few places need more steps."""
    run = descend(EXACT, max_steps=20, start=(3, -1))
    np.testing.assert_allclose(run.values[1:] / run.values[:-1], 0.375, rtol=1e-9)
    steps = np.array([descend(EXACT, RULE_2, start=10**0.5 * direction).steps for direction in CIRCLE[:180]])
    assert steps.max() == 35 and np.mean(steps > 33) < 0.1 and np.median(steps) < 16


def test_two_steps_of_known_eigenvalues_win_the_old_race_and_exact_line_search_beats_both_fixed_rates():
    rules = {"fixed 0.1": 0.1, "fixed 0.2": 0.2, "decaying": decaying(0.24, 0.01), "exact": EXACT,
             "backtracking": backtracking(1.0)}
    steps = {name: descend(rule, RULE_2).steps for name, rule in rules.items()}
    assert min(steps.values()) == 13 > 2
    assert steps["exact"] < steps["fixed 0.2"] < steps["fixed 0.1"]


def test_backtracking_pays_with_three_tries_per_step(n):
    assert n.tries == len(n.tried) / (13 + 14)
    assert f"{n.tries:.0f}" == "3"


def test_the_13_steps_of_backtracking_cost_about_40_tries():
    calls = []

    def counted(x):
        calls.append(1)
        return LECTURE.value(x)

    descend(lambda f, x, g, k: ex.backtrack.reference(counted, LECTURE.gradient, x, 1.0), RULE_2)
    assert 35 <= len(calls) / 2 <= 45


def test_sign_steps_ignore_how_long_the_gradient_is():
    paths = [sign_descent(LECTURE.value, lambda x, by=by: by * LECTURE.gradient(x), START, 0.3, max_steps=20).path
             for by in (1, 1000)]
    np.testing.assert_array_equal(*paths)


@pytest.mark.parametrize("by", [1, 1000])
def test_adam_divides_each_entry_by_its_recent_size_which_is_close_to_a_sign_step(by):
    """The first is a sign step, however long the gradient; then, unlike sign steps, they become shorter."""
    x, mean, size, steps = START, 0, 0, []
    for k in range(1, 400):
        g = by * LECTURE.gradient(x)
        mean, size = 0.9 * mean + 0.1 * g, 0.99 * size + 0.01 * g**2
        steps.append(0.1 * mean / (1 - 0.9**k) / np.sqrt(size / (1 - 0.99**k)))
        x = x - steps[-1]
    np.testing.assert_allclose(steps[0], 0.1 * np.sign(LECTURE.gradient(START)), rtol=1e-12)
    assert abs(steps[-1]).max() < 1e-3


def test_a_loss_explodes_beyond_the_edge_of_the_steepest_direction_and_in_this_direction():
    run = descend(0.26)
    assert run.stopped_by == "diverged" and abs(run.path[-1] @ SHORT) > 1000 * abs(run.path[-1] @ LONG)


@pytest.mark.parametrize("rate", [0.001, 0.2449], ids=["a small ηλ", "just inside the edge"])
def test_a_loss_creeps_with(rate):
    """After 100 more steps a third of it is still there, where with 0.2 nothing is."""
    values = descend(rate, max_steps=200).values
    assert 1 / 3 < values[200] / values[100] < 1
    assert descend(0.2, max_steps=200).values[200] < 1e-30


@cache
def many_noisy(rate, decay, runs=1000, steps=2000):
    """The page's average for many runs at once."""
    rng, x, values = np.random.default_rng(1), np.tile(START, (runs, 1)), []
    for k in range(steps):
        x = x - rate / (1 + decay * k) * (x @ LECTURE.H + rng.normal(size=(runs, 2)))
        if k >= steps - 200:
            values.append(LECTURE.value(x))
    return np.mean(values, 0)


def test_with_noise_a_fixed_rate_does_not_come_to_rest_and_a_shrinking_one_nearly_does():
    fixed, shrinking = many_noisy(0.2, 0), many_noisy(0.2, 0.1)
    assert fixed.mean() == pytest.approx(1 / 3, rel=0.02)  # ½ Σ λ · η² / (1 − 0.4), from the variances
    assert fixed.min() > 0.1 and shrinking.max() < 0.02 and shrinking.mean() < 1e-3


def test_the_average_of_ten_noisy_runs_is_typical(n):
    fixed, shrinking = many_noisy(0.2, 0), many_noisy(0.2, 0.1)
    for runs, printed in ((fixed, 0.3470), (shrinking, np.mean(n.levels))):
        averages = runs.reshape(100, 10).mean(1)
        assert np.quantile(averages, 0.02) < printed < np.quantile(averages, 0.98)
    assert len(n.levels) == 10 and f"{np.mean(n.levels):.4f}" == "0.0007"


# The recap, and on your own -------------------------------------------------------------------------


def test_the_shapes_and_codes_of_the_recap(n):
    assert descend(0.2, max_steps=7).path.shape == (7 + 1, 2)
    assert n.path.shape == (38 + 1, 2) and LECTURE.H.shape == (2, 2)
    assert 2 / (n.eigenvalues[0] + n.eigenvalues[-1]) == pytest.approx(ex.best_rate.reference(LECTURE.H))
    assert 2 / n.eigenvalues.max() == EDGE and ex.best_rate.reference(LECTURE.H) == pytest.approx(0.2)
    assert np.linalg.cond(LECTURE.H) == pytest.approx(KAPPA)


def test_from_3_minus_1_the_steps_are_38_77_19_35(n):
    steps = [n.run(rate, rule, start=(3, -1)).steps for rate in (0.1, 0.2) for rule in (RULE_1, RULE_2)]
    assert steps == [38, 77, 19, 35]
    assert all(new != old for new, old in zip(steps, (row[2] for row in n.rows)))


def test_3_minus_1_has_other_shares_of_the_eigenvectors():
    first, second = (abs(np.array(start) @ AXES) / np.linalg.norm(start) for start in ((3, 3), (3, -1)))
    assert abs(first - second).min() > 0.2


def test_from_3_minus_1_the_edge_is_where_it_was():
    for start in ((3, 3), (3, -1)):
        assert descend(EDGE * 0.998, RULE_2, 20_000, start).stopped_by == "small gradient"
        assert descend(EDGE * 1.001, RULE_2, 20_000, start).stopped_by == "diverged"


@pytest.mark.parametrize(("rate", "one", "all_at_once"), [(0.2, 33, 38), (0.24, 139, 410)])
def test_coordinate_descent_arrives_and_here_it_is_faster(rate, one, all_at_once):
    assert one_by_one(rate) == one
    assert descend(rate, RULE_2).steps == all_at_once


def test_0_25_fools_rule_1_from_both_lines_through_the_minimum_and_from_no_other():
    def change(x):
        return LECTURE.value(x - 0.25 * LECTURE.gradient(x)) - LECTURE.value(x)

    for t in (-3, -0.5, 1, 2.5):
        assert abs(change(np.array([t, t]))) < 1e-12 and abs(change(np.array([t, -2 * t]))) < 1e-12
        assert descend(0.25, RULE_1, start=(t, t)).steps == descend(0.25, RULE_1, start=(t, -2 * t)).steps == 1
    np.testing.assert_allclose([change(x) for x in POINTS],
                               [5 / 16 * (x[1] - x[0]) * (x[1] + 2 * x[0]) for x in POINTS], rtol=1e-9, atol=1e-12)


def test_1_minus_2_is_another_start_that_fools_rule_1():
    run = descend(0.25, RULE_1, start=(1, -2))
    assert (run.steps, run.stopped_by) == (1, "small change") and run.gradient_norms[-1] > 1
