"""What notebook 00 says, proven on the variables of its cells, or computed anew where that is another way."""

import re
from itertools import combinations, combinations_with_replacement
from math import comb
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from cells import NOTEBOOKS, captions, prose, run, sources

from utils import plots
from utils.activations import identity, softmax, tanh
from utils.exercises import learning as ex
from utils.losses import squared_error
from utils.mlp import initialize
from utils.training import step
from utils.widgets import line_explorer, playground
from utils.widgets.playground.learner import Learner
from utils.widgets.playground.panel import OFFERED
from utils.widgets.playground.settings import Settings

SIGMA = 0.25
FLOOR = SIGMA**2 / 2
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)  # averages over −1 … 1 are exact to the last digits …
NODES, WEIGHTS = NODES[:, None], WEIGHTS[:, None] / 2
DOTS = np.linspace(-1, 1, 14)[:, None]
TEN_THOUSAND = np.stack(np.meshgrid(np.linspace(-1, 1, 100), np.linspace(0, 4, 100)), -1).reshape(-1, 2)
REPORTS = np.array([1.8, 1.9, 2.0, 2.1, 20.0])


def truth(x):
    return np.sin(3 * x) + x


def half_mean_square(misses):
    return 0.5 * np.mean(np.square(misses))


def legendre(x, degree):
    return np.polynomial.legendre.legvander(x[:, 0], degree)


def fits(degree, Y, at, X=DOTS):
    """The best polynomials for the columns of Y, at the points `at`."""
    return legendre(at, degree) @ np.linalg.pinv(legendre(X, degree)) @ Y


def polynomial(degree, X, Y, at):
    """The same, from 1, x, x² … instead of Legendre's."""
    return np.polynomial.Polynomial.fit(X[:, 0], Y[:, 0], degree)(at)


def expected_on_new(Y):
    """The error on new measurements that the fits to each column of Y have, without luck; shape (14, columns)."""
    return np.array([FLOOR + 0.5 * (WEIGHTS * (fits(d, Y, NODES) - truth(NODES)) ** 2).sum(0) for d in range(14)])


def approximation(degree):
    """Half the mean square by which the best polynomial of all misses the truth."""
    P = legendre(NODES, degree)
    best = P @ ((WEIGHTS * truth(NODES) * P).sum(0) * (2 * np.arange(degree + 1) + 1))
    return 0.5 * (WEIGHTS[:, 0] * (best - truth(NODES)[:, 0]) ** 2).sum()


def estimation(degree, N):
    """Half the variance of the fit to N measurements, averaged over −1 … 1."""
    spread = legendre(NODES, degree) @ np.linalg.pinv(legendre(np.linspace(-1, 1, N)[:, None], degree))
    return FLOOR * (WEIGHTS * spread**2).sum()


def best_constant(power):
    w = np.linspace(0, 21, 21001)[:, None]
    return w[(abs(w - REPORTS) ** power).mean(1).argmin(), 0]


def parameters(net):
    return np.concatenate([v.ravel() for layers in (net.W, net.b) for v in layers.values()])


@pytest.fixture
def more():
    """The same with N = 140."""
    return run("00", {"N = 14": "N = 140"})


@pytest.fixture(scope="module")
def draws():
    """Many times fourteen other measurements, one in a column."""
    return truth(DOTS) + SIGMA * np.random.default_rng(0).normal(size=(14, 2000))


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.019", lambda n, more: n.seen[5]),
    ("0.049", lambda n, more: n.unseen_net[-1]),
    ("0.760", lambda n, more: n.unseen[13]),
    ("0.020", lambda n, more: more.seen[13]),
    ("0.03", lambda n, more: FLOOR),
    ("0.031", lambda n, more: FLOOR),
    ("0.037", lambda n, more: more.unseen[13]),
    ("0.037", lambda n, more: min(n.unseen_net)),
    ("0.038", lambda n, more: n.unseen[5]),
    ("0.038", lambda n, more: min(n.unseen)),
    ("0.032", lambda n, more: n.floor),
    ("0.08", lambda n, more: n.unseen[1] - n.floor),
    ("0.104", lambda n, more: n.best),
    ("0.116", lambda n, more: n.unseen[1]),
    ("0.25", lambda n, more: np.sqrt(2 * FLOOR)),
    ("5.56", lambda n, more: REPORTS.mean()),
    ("2.00", lambda n, more: np.median(REPORTS)),
    ("8.9", lambda n, more: best_constant(4)),
]
GIVEN = {"0.1", "0.7", "1.8", "1.9", "2.0", "2.1", "20.0"}  # as an example of an answer, and as the five reports


def said():
    """The notebook's text and captions."""
    assert captions("00")
    return prose("00")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n, more):
    assert f"{computed(n, SimpleNamespace(**more.names)):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out():
    assert set(re.findall(r"\d+\.\d+", said())) <= {number for number, _ in NUMBERS} | GIVEN


def test_the_printed_lines_are_these(book, n):
    examples, new = ((X, Y) for X, Y in ((n.X, n.Y), (n.X_new, n.Y_new)))

    def err(d, X, Y):
        return half_mean_square(polynomial(d, n.X, n.Y, X) - Y)

    assert [line for line in book.printed.splitlines() if re.search(r"^(?!✓).*\bErr\b", line)] == [
        f"Err of the first setting: {half_mean_square(0.5 * n.X - n.Y):.4f}",
        f"Err of w0 = 0, w1 = 1.95: {half_mean_square(1.95 * n.X - n.Y):.4f}",
        f"best line: w0 = 0.00, w1 = 1.95, Err = {err(1, *examples):.4f}",
        f"Err of the truth on 2,000 new measurements: {half_mean_square(truth(n.X_new) - n.Y_new):.3f};  "
        "half of 0.25²: 0.031",
        f"Err of the best line there:                 {err(1, *new):.3f}",
        f"degree  1: Err on the examples {err(1, *examples):.4f}, on new measurements {err(1, *new):.4f}",
        f"degree  5: Err on the examples {err(5, *examples):.4f}, on new measurements {err(5, *new):.4f}",
        f"degree 13: Err on the examples 0.0000, on new measurements {err(13, *new):.4f}"]
    for line in ("squared error chooses 5.56, absolute error chooses 2.00", "  1 inputs, degree 3: 4 terms",
                 "  2 inputs, degree 3: 10 terms", "784 inputs, degree 3: 80,931,145 terms",
                 "on new measurements: 0.037 after 1,291 passes, 0.049 after 30,000"):
        assert line in book.printed.splitlines()


def test_nothing_stops_although_seven_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 7
    assert "0 of 7 exercises done." in book.printed


# The examples ---------------------------------------------------------------------------------------


def test_rows_are_examples(n):
    assert n.X.shape == n.Y.shape == (n.N, 1) == (14, 1)
    assert n.line(n.X, 0.0, 0.5).shape == n.Y.shape
    assert n.points.shape == (250, 2)


def test_the_fourteen_measurements_are_the_truth_and_noise_of_0_25(n):
    noise = np.random.default_rng(5).normal(size=(14, 1))
    np.testing.assert_allclose(n.X, DOTS, rtol=1e-15)
    np.testing.assert_allclose(n.Y, truth(DOTS) + SIGMA * noise, rtol=1e-14)


def test_each_measurement_is_a_little_off_and_most_lie_within_0_25(n):
    off = (n.Y - truth(n.X)).ravel()
    assert min(abs(off)) > 0 and max(abs(off)) < 0.5
    assert (abs(off) < 0.25).sum() == 9
    assert min(off) < 0 < max(off)


def test_most_of_fourteen_other_measurements_mostly_lie_within_0_25_too(draws):
    within = (abs(draws - truth(DOTS)) < 0.25).sum(0)
    assert (within > 7).mean() > 0.8 and 9 < within.mean() < 10


# The line and its error -----------------------------------------------------------------------------


def test_the_sliders_can_get_err_down_to_0_104_and_that_answer_is_right(n):
    controls = line_explorer(n.X, n.Y).controls
    places = [np.arange(round(c.min / c.step), round(c.max / c.step) + 1) * c.step for c in controls.values()]
    reached = [(w0, w1) for w0 in places[0] for w1 in places[1]
               if f"{half_mean_square(w0 + w1 * n.X - n.Y):.3f}" == "0.104"]
    assert reached and all(ex.best_line.verdict(pair) for pair in reached)


def test_the_pair_that_shows_how_to_answer_gives_nothing_away():
    assert not ex.best_line.verdict((0.1, 0.7))


def test_the_pieces_err_is_the_notebooks(n):
    alt = repr(line_explorer(n.X, n.Y))
    assert f"Err is {half_mean_square(0.5 * n.X - n.Y):.4f}" in alt
    assert f"Err is {half_mean_square(0.5 * n.X - n.Y) / n.best:.1f} times the smallest" in alt


def test_the_half_cancels_a_2_in_the_derivative():
    A, Y, h = np.array([[1.7]]), np.array([[0.4]]), 1e-6
    slope = (half_mean_square(A + h - Y) - half_mean_square(A - h - Y)) / (2 * h)
    assert slope == pytest.approx((A - Y).item(), rel=1e-9)


@pytest.mark.parametrize("slope", [0.5, 1.5, 1.95])
def test_err_spelled_out_is_the_one_in_utils(n, slope):
    total = 0.0
    for x, y in zip(n.X, n.Y):
        total += 0.5 * (slope * x - y).item() ** 2
    assert n.Err(n.line(n.X, 0.0, slope), n.Y) == pytest.approx(total / 14, rel=1e-12)
    assert squared_error(n.line(n.X, 0.0, slope), n.Y) == pytest.approx(total / 14, rel=1e-12)


def test_a_steeper_line_than_the_first_one_is_better(n):
    assert n.Err(n.line(n.X, 0.0, 1.5), n.Y) < n.Err(n.line(n.X, 0.0, 0.5), n.Y)


def test_within_a_row_the_halved_squares_are_added_up_and_over_the_rows_averaged(n):
    A, Y = np.random.default_rng(0).normal(size=(2, 4, 3))
    rows = [sum(0.5 * (A[i, j] - Y[i, j]) ** 2 for j in range(3)) for i in range(4)]
    assert n.Err(A, Y) == pytest.approx(sum(rows) / 4, rel=1e-12)
    assert squared_error(A, Y) == pytest.approx(sum(rows) / 4, rel=1e-12)


def test_the_error_of_the_three_dots_is_five_thirds():
    err = half_mean_square([1 + x - y for x, y in ((0, 1), (1, 3), (2, 6))])
    assert err == pytest.approx(5 / 3, rel=1e-12)
    assert ex.by_hand.verdict(err)


def test_the_notebook_goes_on_with_your_error_if_it_is_right_and_else_with_the_solution(capsys):
    def mine(A, Y):
        return np.square(A - Y).sum() / 2 / len(A)

    def wrong(A, Y):
        return np.square(A - Y).sum()

    assert ex.empirical_error.use(mine) is mine
    assert ex.empirical_error.use(wrong) is ex.empirical_error.reference
    assert "until yours is right" in capsys.readouterr().out


# How low it can get ---------------------------------------------------------------------------------


def test_no_line_is_better_than_the_best_one(n):
    """Its misses are orthogonal to 1 and to x, and Err is a convex function of both parameters."""
    misses = n.line(n.X, n.w0, n.w1) - n.Y
    assert abs(misses.sum()) < 1e-12 and abs((misses * n.X).sum()) < 1e-12


def test_ten_thousand_other_lines_are_not_better(n):
    errors = [half_mean_square(w0 + w1 * n.X - n.Y) for w0, w1 in TEN_THOUSAND]
    assert n.best < min(errors) == pytest.approx(min(n.others), rel=1e-12)
    assert len(n.others) == 10_000


def test_the_truth_is_off_by_half_the_noises_variance_on_new_measurements(n):
    luck = FLOOR * np.sqrt(2 / 2000)  # the standard deviation of the average of 2,000 halved squares
    assert n.floor == pytest.approx(half_mean_square(truth(n.X_new) - n.Y_new), rel=1e-12)
    assert abs(n.floor - FLOOR) < 3 * luck < 0.1 * FLOOR
    assert n.X_new.shape == n.Y_new.shape == (2000, 1)


def test_whoever_is_off_the_truth_is_expected_to_be_worse_on_new_measurements():
    """The average over the noise is one of three of its values, exactly: 0 and ±√3 σ, with weights 4 : 1 : 1."""
    off, noise = np.linspace(-1, 1, 21)[:, None], SIGMA * np.array([0, 0, 0, 0, 3**0.5, -(3**0.5)])
    expected = (0.5 * (off - noise) ** 2).mean(1)
    assert expected.argmin() == 10
    np.testing.assert_allclose(expected, FLOOR + 0.5 * off[:, 0] ** 2, rtol=1e-12)


def test_no_model_of_this_notebook_gets_below_the_floor(n):
    assert n.floor < min(*n.unseen, *n.unseen_net)


# Another error --------------------------------------------------------------------------------------


def test_the_fifth_person_has_slipped_by_a_factor_of_ten(n):
    assert n.reports.tolist() == REPORTS.tolist()
    assert min(REPORTS[:-1]) < REPORTS[-1] / 10 < max(REPORTS[:-1])


def test_the_squared_error_chooses_the_mean(n):
    assert np.isclose(n.by_square, REPORTS.mean(), atol=0.005)
    assert np.isclose(best_constant(2), REPORTS.mean(), atol=0.0005)


def test_the_absolute_error_chooses_the_median(n):
    assert np.isclose(n.by_size, np.median(REPORTS), atol=0.005)
    assert np.isclose(best_constant(1), np.median(REPORTS), atol=0.0005)


def test_nobody_has_measured_5_56():
    assert min(abs(REPORTS - 5.56)) > 3


def test_a_slip_by_two_digits_takes_the_mean_to_41_56():
    mean = np.mean([1.8, 1.9, 2.0, 2.1, 200.0])
    assert mean == pytest.approx(41.56, rel=1e-12)
    assert ex.dragged.verdict(mean)


def test_with_the_fourth_power_the_constant_is_where_the_cubes_of_the_misses_cancel():
    w = best_constant(4)
    assert abs(((w - 0.001 - REPORTS) ** 3).sum()) > abs(((w - REPORTS) ** 3).sum()) < abs(
        ((w + 0.001 - REPORTS) ** 3).sum())


def test_the_higher_the_power_the_nearer_the_constant_to_the_outlier():
    constants = [best_constant(p) for p in (1, 2, 4, 6, 8, 20)]
    assert np.diff(constants).min() > 0.3


# Better families ------------------------------------------------------------------------------------


def test_more_examples_do_not_help_a_line(n):
    """Not even the best line of all is much better on new measurements than the one from fourteen examples."""
    assert FLOOR + approximation(1) > 0.95 * n.unseen[1]
    assert half_mean_square(fits(1, n.Y_new, n.X_new, n.X_new) - n.Y_new) > 0.95 * n.unseen[1]


def test_of_the_four_remedies_only_the_richer_family_helps(n):
    """More examples, longer training and another error all choose another line; and no line is better."""
    assert n.unseen[5] < 0.4 * half_mean_square(fits(1, n.Y_new, n.X_new, n.X_new) - n.Y_new)
    assert [answer for answer in "abcd" if ex.remedy.verdict(answer)] == ["b"]


@pytest.mark.parametrize("degree", range(14))
def test_a_polynomial_has_d_plus_1_parameters(n, degree):
    assert n.fit(degree).shape == (degree + 1, 1)


@pytest.mark.parametrize("degree", [1, 5, 13])
def test_sums_of_legendres_polynomials_are_the_same_functions(n, degree):
    curve = n.basis(n.grid, degree) @ n.fit(degree)
    np.testing.assert_allclose(curve, polynomial(degree, n.X, n.Y, n.grid), atol=1e-8)


def test_rounding_does_less_harm_to_legendres(n):
    assert 100 * np.linalg.cond(n.basis(n.X, 13)) < np.linalg.cond(np.vander(n.X[:, 0], 14))


def test_of_1_5_and_13_it_is_13_on_the_examples_and_5_on_new_measurements(n):
    assert min((1, 5, 13), key=n.seen.__getitem__) == 13
    assert min((1, 5, 13), key=n.unseen.__getitem__) == 5
    assert max((1, 5, 13), key=n.unseen.__getitem__) == 13


def test_the_curve_of_degree_13_passes_through_every_dot(n):
    curve = n.basis(n.X, 13) @ n.fit(13)
    assert abs(curve - n.Y).max() < 1e-10
    assert squared_error(curve, n.Y) < 1e-12


def test_the_lines_hardly_differ_and_all_miss_the_bends(n):
    lines = [n.basis(n.grid, 1) @ n.fit(1, Y) for Y in (n.Y, *n.draws)]
    assert len(n.draws) == 5
    assert max(abs(a - b).max() for a, b in combinations(lines, 2)) < 0.35
    assert min(abs(a - truth(n.grid)).max() for a in lines) > 0.65


def test_the_curves_of_degree_13_pass_through_their_dots_and_no_two_agree(n):
    assert max(abs(n.basis(n.X, 13) @ n.fit(13, Y) - Y).max() for Y in n.draws) < 1e-10
    curves = [n.basis(n.grid, 13) @ n.fit(13, Y) for Y in (n.Y, *n.draws)]
    assert min(abs(a - b).max() for a, b in combinations(curves, 2)) > 3


def test_degree_5_is_about_right(n):
    assert abs(n.basis(n.grid, 5) @ n.fit(5) - truth(n.grid)).max() < 0.35


def test_a_line_cannot_get_near_the_truth_and_degree_5_can():
    assert approximation(1) > 2 * FLOOR
    assert approximation(5) < 0.001 * FLOOR


def test_a_richer_family_never_makes_the_approximation_worse():
    assert np.diff([approximation(d) for d in range(14)]).max() < 1e-12


def test_a_richer_family_makes_the_estimation_worse_and_more_examples_help():
    few, many = ([estimation(d, N) for d in range(14)] for N in (14, 140))
    assert np.diff(few).min() > 0 and np.diff(many).min() > 0
    assert (np.array(few) > 5 * np.array(many)).all()


def test_on_the_examples_one_more_parameter_never_hurts(n):
    assert all(np.diff(n.seen) < 1e-12)
    assert all(np.diff(n.seen) < 0)  # "falls on and on"


def test_degree_13_lies_below_the_edge_of_the_picture_and_no_other(n):
    assert n.seen[13] < 1e-12 < 1e-4 < min(n.seen[:13])
    assert max(*n.seen, *n.unseen) < 2


def test_too_few_parameters_miss_the_truth(n):
    assert n.unseen[1] > 2 * n.unseen[5]


def test_too_many_parameters_invent_one(n):
    assert n.unseen[13] > 10 * n.unseen[5]


def test_on_new_measurements_the_error_is_lowest_at_degrees_3_to_5(n):
    assert sorted(np.argsort(n.unseen)[:3]) == [3, 4, 5]
    assert max(n.unseen[3:6]) < 0.8 * min(n.unseen[:3] + n.unseen[6:])
    assert n.unseen[5] == min(n.unseen) < 1.2 * n.floor


def test_on_new_measurements_the_error_shoots_up_at_the_end(n):
    assert n.unseen[13] > 5 * n.unseen[12] > 5 * 1.5 * n.unseen[11]


def test_with_other_measurements_degree_3_often_wins_and_sometimes_6_or_7(draws):
    wins = np.bincount(expected_on_new(draws).argmin(0), minlength=14) / draws.shape[1]
    assert wins.argmax() == 3 and wins[3] > 0.4
    assert wins[6] > 0.04 and wins[7] > 0.01 and wins[6] + wins[7] < 0.2


def test_whatever_the_measurements_both_ends_are_worse_than_the_best_degree(draws):
    errors = expected_on_new(draws)
    errors = errors / errors.min(0)
    assert errors[:3].min() > 1.4
    assert errors[13].min() > 1.05 and np.quantile(errors[13], 0.01) > 1.5


# Networks -------------------------------------------------------------------------------------------


def test_six_numbers_have_solved_the_problem(n):
    assert n.fit(5).size == 6
    assert min(n.unseen) == n.unseen[5]


@pytest.mark.parametrize("inputs", [1, 2, 3, 6])
def test_a_polynomial_of_degree_3_has_as_many_terms_as_there_are_products_of_up_to_three(inputs):
    products = [p for k in range(4) for p in combinations_with_replacement(range(inputs), k)]
    assert len(products) == comb(inputs + 3, 3)


def test_784_pixels_have_eighty_million_products():
    assert 28 * 28 == 784
    assert 1 + 784 + 784 * 785 // 2 + 784 * 785 * 786 // 6 == comb(787, 3) == 80_931_145


def test_tanh_is_a_smooth_step_from_minus_1_to_1():
    z = np.linspace(-20, 20, 2001)
    assert np.diff(np.tanh(z)).min() >= 0
    np.testing.assert_allclose(np.tanh(z[[0, -1]]), [-1, 1], atol=1e-12)


@pytest.mark.parametrize(("w", "b", "slope", "centre"), [(1, 0, 1, 0), (5, 0, 5, 0), (5, 3, 5, -0.6)])
def test_w_says_how_steep_a_bend_is_and_b_where_it_lies(w, b, slope, centre):
    x = np.linspace(-1, 1, 20_001)
    steepness = np.gradient(np.tanh(w * x + b), x)
    assert x[steepness.argmax()] == pytest.approx(centre, abs=1e-4)
    assert steepness.max() == pytest.approx(slope, rel=1e-6)


def test_every_line_of_the_drawn_network_is_one_parameter_w_or_v(n):
    ax = plots.network([1, 6, 1])
    lines, net = len(ax.lines), n.nets[n.stop]
    plt.close(ax.figure)
    assert lines == net.W[1].size + net.W[2].size == 12


def test_a_network_with_six_bends_has_19_parameters_and_the_2_4_2_has_22(n):
    knobs = parameters(n.nets[n.stop]).size
    assert knobs == 6 + 6 + 6 + 1 == ex.parameters.reference([1, 6, 1])
    assert parameters(n.net).size == 2 * 4 + 4 + 4 * 2 + 2 == 22 == ex.parameters.reference([2, 4, 2])


@pytest.mark.parametrize("sizes", [[1, 6, 1], [2, 4, 2], [5, 7, 4, 3]])
def test_every_unit_is_joined_to_the_layer_before_and_has_one_parameter_of_its_own(sizes):
    net = initialize(sizes, [tanh] * (len(sizes) - 1), np.random.default_rng(0))
    lines = [(l, i, j) for l in range(1, len(sizes)) for i in range(sizes[l - 1]) for j in range(sizes[l])]
    assert parameters(net).size == len(lines) + sum(sizes[1:]) == ex.parameters.reference(sizes)


@pytest.mark.parametrize("i", range(14))
def test_the_networks_output_is_a_sum_of_six_bends(n, i):
    net, x = n.nets[n.stop], n.X[i, 0]
    terms = [v * np.tanh(w * x + b) for w, b, v in zip(net.W[1][:, 0], net.b[1], net.W[2][0])]
    assert len(terms) == 6
    output = n.forward(net, n.X).A[2][i, 0]
    assert net.b[2][0] + sum(terms) == pytest.approx(output, abs=1e-12)
    assert ex.bends.reference(x, net.W[1][:, 0], net.b[1], net.W[2][0], net.b[2][0]) == pytest.approx(output, abs=1e-12)


# Trained, and stopped in time -----------------------------------------------------------------------


@pytest.fixture
def start():
    """The network before the first pass."""
    return initialize([1, 6, 1], [tanh, identity], np.random.default_rng(2))


def bending(net, n):
    """How much the curve bends, all in all: the size of its second differences."""
    return abs(np.diff(n.forward(net, n.grid).A[2][:, 0], 2)).sum()


def test_a_pass_uses_all_fourteen_examples_once(n, start):
    np.testing.assert_allclose(parameters(n.history[0].net),
                               parameters(step(start, n.X, n.Y, squared_error, 0.1)), rtol=1e-12)


def test_the_stopped_network_is_what_1291_steps_against_the_slope_of_err_lead_to(n, start):
    w, b, v, c = start.W[1][:, 0].copy(), start.b[1].copy(), start.W[2][0].copy(), start.b[2][0]
    x, y = n.X[:, 0], n.Y[:, 0]
    for _ in range(1291):
        bends = np.tanh(np.outer(x, w) + b)
        miss = (bends @ v + c - y) / 14
        back = np.outer(miss, v) * (1 - bends**2)
        w, b, v, c = w - 0.1 * x @ back, b - 0.1 * back.sum(0), v - 0.1 * miss @ bends, c - 0.1 * miss.sum()
    np.testing.assert_allclose(np.concatenate([w, v, b, [c]]), parameters(n.nets[n.stop]), rtol=1e-7)
    assert n.stop == 1291


def test_after_8000_passes_a_fifth_of_the_first_loss_is_left_at_most(n):
    assert n.history[7999].number == 8000 and len(n.history) == 30_000
    assert n.history[7999].loss < n.history[0].loss / 5


def test_after_8000_passes_it_bends_where_a_line_cannot(n):
    assert squared_error(n.forward(n.history[7999].net, n.X_new).A[2], n.Y_new) < n.unseen[1] / 2


def test_on_the_examples_the_error_keeps_falling(n):
    assert (np.diff(n.seen_net) < 0).all()
    assert n.seen_net[-1] < 0.5 * half_mean_square(n.forward(n.nets[n.stop], n.X).A[2] - n.Y)


def test_on_new_measurements_it_falls_towards_the_floor_and_then_rises(n):
    lowest, slope = np.argmin(n.unseen_net), np.diff(n.unseen_net)
    assert (slope[:lowest] < 0).all() and (slope[lowest:] > 0).all()
    assert n.floor < n.unseen_net[lowest] < 1.2 * n.floor
    assert n.unseen_net[-1] > 1.2 * n.unseen_net[lowest]
    assert f"{n.unseen_net[-1]:.3f}" == "0.049"


def test_at_first_it_does_not_overfit(n):
    ratio = np.array(n.unseen_net) / n.seen_net
    early = np.array(list(n.nets)) <= 100
    assert ratio[early].max() < 1.3 and ratio[-1] > 5


def test_training_begins_with_small_parameters(n, start):
    assert abs(parameters(start)).max() < 1 and not start.b[1].any() and not start.b[2].any()
    assert np.linalg.norm(parameters(n.history[-1].net)) > 4 * np.linalg.norm(parameters(start))


def test_it_moves_away_from_them_little_by_little(n, start):
    path = np.array([parameters(start)] + [parameters(epoch.net) for epoch in n.history])
    steps, away = np.linalg.norm(np.diff(path, axis=0), axis=1), np.linalg.norm(path - path[0], axis=1)
    assert steps.max() < 0.1 * np.linalg.norm(path[0]) and np.median(steps) < 0.001
    assert away[-1] > 3 * np.linalg.norm(path[0])
    assert (np.diff(away[list(n.nets)]) > 0).all()


def test_small_parameters_make_gentle_curves(n, start):
    curves = [bending(start, n)] + [bending(net, n) for net in n.nets.values()]
    assert curves[0] < 0.02 * curves[-1]
    assert (np.diff(curves[1:]) > 0).all()
    assert bending(n.nets[n.stop], n) < 0.6 * curves[-1]


def test_training_moves_the_bends_apart(n, start):
    early, late = (np.ptp(-net.b[1] / net.W[1][:, 0]) for net in (start, n.nets[n.stop]))
    assert early == 0 and late > 0.2


def test_stopped_in_time_the_curve_is_close_to_the_truth_and_later_it_is_not(n):
    in_time, late = (np.sqrt(np.mean((n.forward(n.nets[k], n.grid).A[2] - truth(n.grid)) ** 2))
                     for k in (n.stop, 30_000))
    assert in_time < 0.1 and late > 1.8 * in_time


def test_later_it_bends_to_single_dots(n):
    in_time, late = (abs(n.forward(n.nets[k], n.X).A[2] - n.Y) for k in (n.stop, 30_000))
    assert (late < in_time).sum() >= 12 and (late < 0.6 * in_time).sum() >= 7


def test_on_this_small_problem_the_network_and_the_best_polynomial_are_as_good_as_each_other(n):
    assert abs(min(n.unseen_net) - min(n.unseen)) < 0.03 * min(n.unseen)


# The disc and the ring ------------------------------------------------------------------------------

SPAN = np.linspace(-6, 6, 121)
PLANE = np.stack(np.meshgrid(SPAN, SPAN), -1).reshape(-1, 2)
FRAME = abs(PLANE).max(1) > 5.99


def test_the_data_are_a_disc_and_a_ring_around_it(n):
    for points, labels in ((n.points, n.labels), (n.held_out, n.their_labels)):
        radius = np.linalg.norm(points, axis=1)
        assert radius[labels == 1].max() < 3.5 and np.median(radius[labels == 1]) < 2.5
        angles = np.sort(np.arctan2(*points[labels == 0].T))
        assert radius[labels == 0].min() > 2.5 and np.diff(angles).max() < 0.5


def test_the_accuracy_is_of_250_others(n):
    assert len(n.points) == len(n.held_out) == 250
    assert not {*map(tuple, n.points)} & {*map(tuple, n.held_out)}
    for k, moment in n.moments.items():
        assert n.accuracy[k] == (n.forward(moment, n.held_out).A[2].argmax(1) == n.their_labels).mean()


def test_in_the_end_more_than_95_percent_of_the_held_out_points_are_right(n):
    assert n.accuracy[0] < 0.7 and n.accuracy[400] > 0.95


def test_of_the_points_it_has_learned_from_even_more_than_97_percent(n):
    right = {k: (n.predict(moment, n.points) == n.labels).mean() for k, moment in n.moments.items()}
    assert right[0] < 0.7 and right[400] > 0.97


def test_at_first_the_border_cuts_through_both_classes(n):
    found = n.predict(n.moments[0], n.held_out)
    assert all(0.2 < found[n.their_labels == label].mean() < 0.8 for label in (0, 1))


def test_in_the_end_the_border_closes_around_the_disc(n):
    found = n.predict(n.moments[400], PLANE)
    assert not found[FRAME].any()
    assert found[np.linalg.norm(PLANE, axis=1) < 2].all()


def test_the_playground_begins_with_a_network_like_this_one():
    settings = Settings()
    learner = Learner(settings)
    assert (settings.data, settings.hidden, settings.activation, settings.rate, settings.batch) == (
        "circle", (4,), "tanh", 0.1, 10)
    assert parameters(learner.net).size == 22 and len(learner.train) == len(learner.test) == 250
    assert repr(playground()).startswith("A 2-4-2 network on circle, epoch 0")


def learned(units, seed, epochs=150, rate=0.1):
    learner = Learner(Settings(hidden=(units,), seed=seed, rate=rate))
    for _ in range(epochs):
        learner.run_epoch()
    return learner


@pytest.mark.parametrize("seed", range(3))
def test_three_units_can_still_close_a_curve(seed):
    learner = learned(3, seed)
    found = learner.output(PLANE).argmax(1)
    assert not found[FRAME].any() and found[np.linalg.norm(PLANE, axis=1) < 2].all()


def test_the_curve_of_three_units_is_a_rounded_triangle():
    """Of all the waves in its radius, seen around the circle, the one with three crests is the largest."""
    angles, radii = np.arange(360) * np.pi / 180, np.linspace(0, 6, 241)
    rays = radii[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    found = learned(3, 0).output(rays.reshape(-1, 2)).argmax(1).reshape(241, 360)
    border = radii[found.argmin(0)]
    waves = abs(np.fft.rfft(border - border.mean()))
    assert waves.argmax() == 3 and waves[3] > 2 * np.sort(waves)[-2]


@pytest.mark.parametrize("seed", range(3))
def test_trained_with_two_units_the_border_stays_open(seed):
    found = learned(2, seed).output(PLANE).argmax(1)
    assert 0 < found[FRAME].mean() < 1


def test_no_network_with_two_units_can_close_a_curve():
    """There is a direction in which both bends push towards one class: whoever goes there does not leave that class."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        net = initialize([2, 2, 2], [tanh, softmax], rng, "he")
        pull = net.W[2][1] - net.W[2][0]
        towards = np.linalg.solve(net.W[1], np.sign(pull))
        way = rng.uniform(-6, 6, (20, 1, 2)) + np.linspace(0, 20, 41)[:, None] * towards
        lead = np.tanh(way @ net.W[1].T + net.b[1]) @ pull
        assert np.diff(lead, axis=1).min() > -1e-12


def test_the_loss_stops_falling_at_the_largest_rate_that_the_playground_offers():
    calm, wild = (learned(4, 0, 60, rate) for rate in (0.1, OFFERED["rate"][-1]))
    start = calm.history[0][1]
    assert calm.losses()[0] < 0.2 * start and wild.losses()[0] > start == wild.history[0][1]


# Ten times as many examples -------------------------------------------------------------------------


def test_with_140_examples_degree_13_is_close_to_the_floor_on_new_measurements(more, n):
    unseen, floor = more.names["unseen"], more.names["floor"]
    assert unseen[13] < 1.2 * floor and unseen[13] < 0.1 * n.unseen[13]


def test_with_140_examples_degree_13_can_no_longer_pass_through_all_of_them(more, n):
    assert n.seen[13] < 1e-12 < 0.01 < more.names["seen"][13]
    assert n.fit(13).size == 14 < more.names["N"] == 140


def test_with_140_examples_claims_are_told_to_be_broken_by_the_change(more):
    assert more.errors == [] and len(more.broken) >= 2
    assert all(line.endswith("(not with what you changed)") for line in more.broken)


# The other notebooks, and the recap -----------------------------------------------------------------


def test_the_recaps_code_has_the_recaps_shapes(n):
    outputs = n.forward(n.net, n.points).A[2]
    assert outputs.shape == (250, 2) and n.forward(n.nets[n.stop], n.X).A[2].shape == (14, 1)
    assert all(np.ndim(err) == 0 for err in (squared_error(outputs, outputs), n.Err(n.g(n.X_new), n.Y_new)))


def test_the_cross_entropy_is_in_notebook_03():
    assert "cross_entropy" in "\n".join(sources("03"))


def test_the_next_notebook_is_there_under_its_title():
    page = nbformat.read(NOTEBOOKS / "01_derivatives.ipynb", as_version=4).cells[0].source
    assert page.startswith("# 01 · Read a derivative as a multiplier")
    assert "01 · Read a derivative as a multiplier](01_derivatives.ipynb)" in said()


def test_degree_5_has_begun_to_learn_the_noise(n):
    assert n.seen[5] < FLOOR < n.seen[1]


def test_degrees_6_to_11_are_hardly_worse_than_degree_3(n):
    assert max(n.unseen[6:12]) < 1.6 * n.unseen[3]


def test_most_of_degree_13_s_error_comes_from_the_ends(n):
    misses = (n.basis(n.X_new, 13) @ n.fit(13) - n.Y_new) ** 2
    ends = abs(n.X_new) > 0.85
    assert misses[ends].sum() > 0.9 * misses.sum() and ends.mean() < 0.17


def test_nine_of_the_fourteen_readings_are_within_0_25(n):
    assert (abs(n.Y - truth(n.X)) < 0.25).sum() == 9


def test_19_parameters_trained_to_the_end_are_not_nearly_as_wild_as_14_of_a_polynomial(n):
    assert n.unseen_net[-1] < n.unseen[13] / 10


@pytest.mark.parametrize("line, right", [((0.0, 1.95), True), ((0, 2), True), ((0.05, 1.9), True), ((0.1, 1.9), False),
                                         ((0, 1.7), False), ((0.5, 1.95), False)])
def test_a_line_is_judged_by_its_error_on_the_notebook_s_own_dots(line, right, n):
    verdict = ex.best_line.verdict(line)
    err = half_mean_square(line[0] + line[1] * n.X - n.Y)
    assert (verdict.kind == "right") == right == (err < 1.02 * n.best)
    assert right or f"{err:.3f}" in verdict.sentence or verdict.kind == "mistake"
