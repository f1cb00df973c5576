import numpy as np
import pytest

from utils.descent import (
    LECTURE,
    Descent,
    Quadratic,
    StoppingRule,
    backtracking,
    decaying,
    exact_line_search,
    fixed,
    gradient_descent,
    sign_descent,
    small_change,
    small_gradient,
)

START = (3, 3)


def descend(rate=0.1, stop=(), max_steps=1000, start=START):
    return gradient_descent(LECTURE.value, LECTURE.gradient, start, rate, stop, max_steps)


def parabola(x):
    return x[0] ** 2


def slope(x):
    return 2 * x


@pytest.fixture
def bowl():
    M = np.random.default_rng(1).normal(size=(4, 4))
    return Quadratic(M @ M.T + np.eye(4))


# Quadratic ----------------------------------------------------------------------------------------


def test_a_quadratics_value_on_a_grid_is_its_value_at_each_point(bowl):
    grid = np.random.default_rng(2).normal(size=(5, 6, 4))
    each = [[bowl.value(x) for x in row] for row in grid]
    np.testing.assert_allclose(bowl.value(grid), each, rtol=1e-12)


def test_a_quadratics_gradient_is_H_x_at_each_point(bowl):
    grid = np.random.default_rng(2).normal(size=(5, 6, 4))
    each = [[bowl.H @ x for x in row] for row in grid]
    np.testing.assert_allclose(bowl.gradient(grid), each, rtol=1e-12)


def test_a_quadratics_eigenvectors_are_the_columns_and_its_eigenvalues_ascend(bowl):
    values, vectors = bowl.eigen()
    np.testing.assert_allclose(bowl.H @ vectors, vectors * values, atol=1e-12)
    assert (np.diff(values) > 0).all()


def test_a_quadratic_keeps_a_copy_of_its_matrix():
    H = np.eye(2)
    quadratic = Quadratic(H)
    H[0, 0] = 7
    assert quadratic.H[0, 0] == 1


# The history --------------------------------------------------------------------------------------


def test_k_steps_make_k_plus_1_points_values_and_norms():
    run = descend(max_steps=7)
    assert run.steps == 7
    assert (run.path.shape, run.values.shape, run.gradient_norms.shape) == ((8, 2), (8,), (8,))


def test_the_first_point_is_the_start():
    assert descend(max_steps=1).path[0].tolist() == [3, 3]


def test_values_and_norms_are_those_of_the_path():
    run = descend(max_steps=20)
    np.testing.assert_allclose(run.values, LECTURE.value(run.path), rtol=1e-14)
    np.testing.assert_allclose(run.gradient_norms, np.linalg.norm(LECTURE.gradient(run.path), axis=1), rtol=1e-14)


def test_every_step_is_minus_rate_times_gradient():
    run = descend(0.1, max_steps=20)
    np.testing.assert_allclose(np.diff(run.path, axis=0), -0.1 * LECTURE.gradient(run.path[:-1]), atol=1e-14)


def test_vector_form_and_component_form_agree():
    """x₁ ← x₁ − η (2x₁ + x₂), x₂ ← x₂ − η (x₁ + 8x₂), both from the old point."""
    (x1, x2), points = START, [START]
    for _ in range(15):
        x1, x2 = x1 - 0.1 * (2 * x1 + x2), x2 - 0.1 * (x1 + 8 * x2)
        points.append((x1, x2))
    np.testing.assert_allclose(descend(0.1, max_steps=15).path, points, rtol=1e-12)


def test_a_start_that_is_a_number_is_a_point_of_one_entry():
    run = gradient_descent(parabola, slope, 3, 0.25, max_steps=2)
    assert run.path.tolist() == [[3], [1.5], [0.75]]


def test_the_start_is_left_as_it_was():
    start = np.array([3.0, 3.0])
    descend(start=start)
    assert start.tolist() == [3, 3]


def test_ascent_is_descent_of_minus_f():
    """Uphill on 5 − (x − 2)², one lands on top, at x = 2."""
    run = gradient_descent(lambda x: (x[0] - 2) ** 2 - 5, lambda x: 2 * (x - 2), 0, 0.3, small_gradient(1e-8))
    uphill = [0.0]
    for _ in range(run.steps):
        uphill.append(uphill[-1] + 0.3 * -2 * (uphill[-1] - 2))
    np.testing.assert_allclose(run.path[:, 0], uphill, rtol=1e-12)
    assert run.path[-1, 0] == pytest.approx(2, abs=1e-8)


# Stopping -----------------------------------------------------------------------------------------


def test_small_change_stops_at_the_first_change_below_eps():
    run = descend(stop=small_change(1e-3))
    changes = abs(np.diff(run.values))
    assert run.stopped_by == "small change"
    assert changes[-1] < 1e-3 <= changes[:-1].min()


def test_small_gradient_stops_at_the_first_norm_below_eps():
    run = descend(stop=small_gradient(1e-3))
    assert run.stopped_by == "small gradient"
    assert run.gradient_norms[-1] < 1e-3 <= run.gradient_norms[:-1].min()


def test_a_start_at_the_minimum_takes_no_step():
    run = descend(start=(0, 0), stop=small_gradient(1e-6))
    assert (run.steps, run.stopped_by) == (0, "small gradient")


def test_without_a_rule_the_run_ends_after_max_steps():
    run = descend(max_steps=12)
    assert (run.steps, run.stopped_by) == (12, "max steps")


def test_of_several_rules_any_one_stops_the_run():
    both = descend(stop=[small_gradient(1e-6), small_change(1e-3)])
    assert (both.steps, both.stopped_by) == (descend(stop=small_change(1e-3)).steps, "small change")


@pytest.mark.parametrize("names", [("first", "second"), ("second", "first")])
def test_of_two_rules_that_hold_at_once_the_first_is_named(names):
    rules = [StoppingRule(name, lambda values, norms: len(values) > 3) for name in names]
    assert descend(stop=rules).stopped_by == names[0]


def test_a_rule_that_holds_on_the_last_step_is_named_instead_of_max_steps():
    steps = descend(stop=small_gradient(1e-6)).steps
    assert descend(stop=small_gradient(1e-6), max_steps=steps).stopped_by == "small gradient"


def test_a_rule_of_ones_own_sees_the_whole_history():
    lengths = []
    rule = StoppingRule("seen", lambda values, norms: lengths.append((len(values), len(norms))))
    descend(stop=rule, max_steps=3)
    assert lengths == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_a_diverging_run_ends_by_itself_without_a_warning():
    run = descend(rate=0.3, max_steps=10**6)
    assert run.stopped_by == "diverged"
    assert run.steps < 100


def test_a_run_that_overflows_ends_by_itself_without_a_warning():
    run = gradient_descent(lambda x: x[0] ** 4, lambda x: 4 * x**3, 1e3, 1e200)
    assert (run.steps, run.stopped_by) == (1, "diverged")


def test_a_run_into_nan_has_diverged():
    run = gradient_descent(lambda x: np.sqrt(x[0]), lambda x: 0.5 / np.sqrt(x), 1, 4)
    assert run.stopped_by == "diverged"


# Rates --------------------------------------------------------------------------------------------


def test_a_number_is_a_fixed_rate():
    assert descend(0.1).path.tolist() == descend(fixed(0.1)).path.tolist()


def test_a_rule_is_told_where_the_run_is():
    told = []

    def rule(f, x, g, k):
        told.append((f(x), x.tolist(), g.tolist(), k))
        return 0.1

    run = descend(rule, max_steps=3)
    gradients = LECTURE.gradient(run.path).tolist()
    assert told == [(run.values[k], run.path[k].tolist(), gradients[k], k) for k in range(3)]


def test_decaying_divides_the_rate_by_1_plus_decay_times_k():
    rule = decaying(0.6, 0.5)
    assert [rule(None, None, None, k) for k in range(4)] == [0.6, 0.6 / 1.5, 0.6 / 2, 0.6 / 2.5]


def test_decaying_tames_a_rate_that_diverges_when_fixed():
    assert descend(0.3).stopped_by == "diverged"
    assert descend(decaying(0.3, 0.1), small_gradient(1e-6)).stopped_by == "small gradient"


def test_exact_line_search_finds_the_lowest_point_of_the_ray(bowl):
    x = np.array([1.0, -2.0, 0.5, 3.0])
    g = bowl.gradient(x)
    eta = exact_line_search(bowl)(bowl.value, x, g, 0)
    others = [bowl.value(x - e * g) for e in np.linspace(0, 2 * eta, 101)]
    assert bowl.value(x - eta * g) <= min(others)


def test_exact_line_search_makes_successive_gradients_perpendicular(bowl):
    run = gradient_descent(bowl.value, bowl.gradient, [1, -2, 0.5, 3], exact_line_search(bowl), max_steps=5)
    g = bowl.gradient(run.path)
    assert abs((g[1:] * g[:-1]).sum(1)).max() < 1e-10


def test_exact_line_search_rests_at_the_minimum():
    run = descend(exact_line_search(LECTURE), start=(0, 0), max_steps=2)
    assert run.path.tolist() == [[0, 0]] * 3


@pytest.mark.parametrize("slope_share", [1e-4, 0.1, 0.4])
def test_backtracking_satisfies_armijo_at_every_step(slope_share):
    rates, rule = [], backtracking(rate=1, shrink=0.5, slope=slope_share)

    def watched(*arguments):
        rates.append(rule(*arguments))
        return rates[-1]

    run = descend(watched, max_steps=30)
    promised = run.values[:-1] - slope_share * np.array(rates) * run.gradient_norms[:-1] ** 2
    assert (run.values[1:] <= promised).all()


def test_backtracking_takes_the_first_rate_that_is_good_enough():
    """On x² from x = 1, η = 1 leads to the mirror image, no lower; η = ½ to the minimum."""
    assert backtracking()(parabola, np.array([1.0]), np.array([2.0]), 0) == 0.5


def test_backtracking_shrinks_by_the_factor_that_it_is_told():
    eta = backtracking(rate=8, shrink=0.25)(parabola, np.array([1.0]), np.array([2.0]), 0)
    assert eta == 0.5  # 8 and 2 are too long


def test_backtracking_gives_up_on_a_direction_that_goes_up():
    eta = backtracking()(parabola, np.array([1.0]), np.array([-2.0]), 0)
    assert 0 < eta <= 1e-16


# The sign alone -----------------------------------------------------------------------------------


def test_sign_descent_moves_every_entry_by_one_step():
    run = sign_descent(LECTURE.value, LECTURE.gradient, (3, -2), 0.5, max_steps=1)
    assert run.path.tolist() == [[3, -2], [2.5, -1.5]]


def test_sign_descent_does_not_care_how_steep_it_is():
    gentle = sign_descent(parabola, slope, 3, 0.4, max_steps=20)
    steep = sign_descent(lambda x: 1e3 * x[0] ** 2, lambda x: 2e3 * x, 3, 0.4, max_steps=20)
    assert gentle.path.tolist() == steep.path.tolist()


def test_sign_descent_leaves_an_entry_whose_slope_is_0():
    run = sign_descent(lambda x: x[0] ** 2, lambda x: np.array([2 * x[0], 0]), (3, 5), 1, max_steps=2)
    assert run.path[:, 1].tolist() == [5, 5, 5]


def test_sign_descent_stops_where_the_gradient_is_exactly_0():
    run = sign_descent(parabola, slope, 3, 1, max_steps=50)
    assert run.path[:, 0].tolist() == [3, 2, 1, 0]
    assert isinstance(run, Descent)
