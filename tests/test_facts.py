"""What the lecture claims beyond its printed numbers, and what its slides got wrong: each a run of `utils`."""

from collections import deque

import numpy as np
import pytest
import torch

from utils.activations import sigmoid, softmax, softmax_jacobian
from utils.datasets import lecture_example
from utils.descent import (
    LECTURE,
    exact_line_search,
    gradient_descent,
    sign_descent,
    small_change,
    small_gradient,
)
from utils.losses import cross_entropy
from utils.mlp import MLP, backward, forward
from utils.training import output, train

SMALL, LARGE = LECTURE.eigen()[0]  # the eigenvalues λ₂ < λ₁ of H


def descend(rate, stop=(), max_steps=1000, start=(3, 3)):
    return gradient_descent(LECTURE.value, LECTURE.gradient, start, rate, stop, max_steps)


# f = x₁² + x₁x₂ + 4x₂² ----------------------------------------------------------------------------


def test_f_is_half_xT_H_x():
    x1, x2 = np.random.default_rng(0).normal(size=(2, 20))
    np.testing.assert_allclose(LECTURE.value(np.stack([x1, x2], -1)), x1**2 + x1 * x2 + 4 * x2**2, rtol=1e-12)


def test_the_eigenvalues_are_5_plus_and_minus_root_10():
    np.testing.assert_allclose([SMALL, LARGE], [5 - 10**0.5, 5 + 10**0.5], rtol=1e-14)
    assert f"{LARGE:.4f} {SMALL:.4f}" == "8.1623 1.8377"


def test_the_edge_is_at_0_24503():
    assert f"{2 / LARGE:.5f}" == "0.24503"


def test_just_below_the_edge_descent_converges():
    assert descend(2 / LARGE * 0.999, small_gradient(1e-6), max_steps=20_000).stopped_by == "small gradient"


def test_just_above_the_edge_descent_diverges():
    assert descend(2 / LARGE * 1.001, small_gradient(1e-6), max_steps=20_000).stopped_by == "diverged"


def test_0_2_is_two_over_the_sum_of_the_eigenvalues_and_two_over_the_trace():
    np.testing.assert_allclose(2 / (SMALL + LARGE), 0.2, rtol=1e-14)
    assert 2 / np.trace(LECTURE.H) == 0.2


def test_no_other_rate_on_a_grid_converges_as_fast_as_0_2():
    """The slowest direction decides: from the worst start, the share of ‖x‖ left after many steps."""
    start = LECTURE.eigen()[1].sum(1)  # as much of one eigenvector as of the other
    rates = np.arange(1, 25) / 100
    left = {rate: descend(rate, max_steps=60, start=start).values[-1] for rate in rates}
    assert min(left, key=left.get) == 0.2


def test_at_0_2_f_is_exactly_54_times_0_4_to_the_k():
    run = descend(0.2, max_steps=40)
    np.testing.assert_allclose(run.values, 54 * 0.4 ** np.arange(41), rtol=1e-13)


@pytest.mark.parametrize(("rate", "rule", "steps"), [
    (0.1, small_change, 37), (0.2, small_change, 20), (0.1, small_gradient, 76), (0.2, small_gradient, 38),
])  # fmt: skip
def test_the_number_of_steps_to_one_millionth(rate, rule, steps):
    assert descend(rate, rule(1e-6)).steps == steps


# The trap at η = 0.25 -----------------------------------------------------------------------------


def test_at_0_25_the_first_stopping_rule_stops_at_once_far_from_the_minimum():
    run = descend(0.25, small_change(1e-6))
    assert (run.steps, run.stopped_by) == (1, "small change")
    assert run.path[-1].tolist() == [0.75, -3.75]
    assert run.values.tolist() == [54, 54]


def test_at_0_25_the_gradient_is_larger_after_the_step_than_before():
    first, second = descend(0.25, small_change(1e-6)).gradient_norms
    assert second > first > 28


def test_at_0_25_the_second_stopping_rule_does_not_stop_and_the_run_diverges():
    assert descend(0.25, small_gradient(1e-6)).stopped_by == "diverged"


# Better rates -------------------------------------------------------------------------------------


def test_exact_line_search_alternates_between_one_eighth_and_one_half():
    rates, search = [], exact_line_search(LECTURE)

    def watched(*arguments):
        rates.append(search(*arguments))
        return rates[-1]

    descend(watched, max_steps=10)
    assert rates == [1 / 8, 1 / 2] * 5


def test_exact_line_search_divides_f_by_16_at_every_step():
    run = descend(exact_line_search(LECTURE), max_steps=10)
    assert (run.values[:-1] / run.values[1:]).tolist() == [16] * 10


@pytest.mark.parametrize("eigenvalues", [(LARGE, SMALL), (SMALL, LARGE)], ids=["largest first", "smallest first"])
def test_two_steps_of_one_over_each_eigenvalue_land_on_the_minimum(eigenvalues):
    run = descend(lambda f, x, g, k: 1 / eigenvalues[k], max_steps=2)
    np.testing.assert_allclose(run.path[-1], 0, atol=1e-13)
    assert abs(run.path[1]).max() > 0.1  # one step is not enough


# "while f′(x) ≠ 0" --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0.7, 0.4, 0.05])
def test_sign_descent_with_a_fixed_step_never_ends(step):
    run = sign_descent(lambda x: x @ x, lambda x: 2 * x, 3.01, step, small_gradient(1e-6), max_steps=500)
    assert (run.steps, run.stopped_by) == (500, "max steps")


@pytest.mark.parametrize("step", [0.7, 0.4, 0.05])
def test_sign_descent_hops_around_the_minimum_within_one_step(step):
    run = sign_descent(lambda x: x @ x, lambda x: 2 * x, 3.01, step, max_steps=500)
    late = run.path[-100:, 0]
    assert abs(late).max() <= step
    assert (late[1:] * late[:-1] < 0).all()  # each hop lands on the other side


# The loss cell ------------------------------------------------------------------------------------


@pytest.fixture
def lecture():
    """The slides' targets, network, its trace and ∂L/∂A³, in float64."""
    X, Y, net = lecture_example("numpy")
    trace = forward(net, X)
    return Y, net, trace, cross_entropy.gradient(trace.A[3], Y)


def test_the_loss_without_logarithm_and_minus_is_another_number(lecture):
    Y, _, trace, _ = lecture
    A3 = trace.A[3]
    assert f"{1 / len(Y) * (Y * A3).sum():.4f}" == "0.3374"
    assert f"{-1 / len(Y) * (Y * np.log(A3)).sum():.4f}" == f"{cross_entropy(A3, Y):.4f}" == "1.1394"


def test_the_gradient_at_the_logits_is_plus_a_minus_y_over_n(lecture):
    Y, net, trace, dA3 = lecture
    np.testing.assert_allclose(backward(net, trace, dA3).dZ[3], (trace.A[3] - Y) / len(Y), atol=1e-15)


def test_autograd_takes_the_side_of_the_plus():
    X, Y, net = lecture_example("torch")
    trace = forward(net, X.requires_grad_())
    dZ3 = torch.autograd.grad(cross_entropy.unchecked.value(trace.A[3], Y), trace.Z[3])[0]
    torch.testing.assert_close(dZ3, (trace.A[3] - Y).detach() / len(Y))


def test_the_loss_is_the_plain_mean_of_the_rows_losses(lecture):
    Y, _, trace, _ = lecture
    rows = [cross_entropy(trace.A[3][p : p + 1], Y[p : p + 1]) for p in range(4)]
    assert min(rows) > 0  # no second minus sign is needed
    assert cross_entropy(trace.A[3], Y) == pytest.approx(sum(rows) / 4, rel=1e-14)


def test_each_row_of_the_batchs_gradient_is_one_nth_of_that_rows_own(lecture):
    Y, _, trace, dA3 = lecture
    rows = [cross_entropy.gradient(trace.A[3][p : p + 1], Y[p : p + 1]) for p in range(4)]
    np.testing.assert_allclose(dA3, np.concatenate(rows) / 4, rtol=1e-14)


def test_the_gradient_of_one_rows_loss_is_minus_y_over_a(lecture):
    Y, _, trace, _ = lecture
    a, y = trace.A[3][:1], Y[:1]
    np.testing.assert_allclose(cross_entropy.gradient(a, y), -y / a, rtol=1e-14)


# Back through the layers --------------------------------------------------------------------------


def test_the_product_with_the_softmax_jacobian_collapses_to_a_minus_y():
    a, y = softmax(np.array([5.0, -2.0, -1.0, 3.0])), np.array([0.0, 0.0, 1.0, 0.0])
    np.testing.assert_allclose((-y / a) @ softmax_jacobian(a), a - y, atol=1e-15)


@pytest.mark.parametrize("y", [(0, 0, 1, 0), (0.1, 0.2, 0.3, 0.4), (0.5, 0, 0, 0), (1, 1, 1, 1)])
def test_the_collapse_needs_a_y_that_sums_to_1(y):
    a, y = softmax(np.array([5.0, -2.0, -1.0, 3.0])), np.array(y, dtype=float)
    collapsed = np.allclose((-y / a) @ softmax_jacobian(a), a - y, atol=1e-12)
    assert collapsed == np.isclose(y.sum(), 1)
    np.testing.assert_allclose((y / a) @ np.outer(a, a), y.sum() * a, rtol=1e-12)


def test_the_softmax_runs_along_the_rows(lecture):
    np.testing.assert_allclose(lecture[2].A[3].sum(1), 1, rtol=1e-14)


def test_one_row_and_a_batch_obey_one_convention():
    """z = Wx + b for a column x is the row of Z = XWᵀ + b that belongs to it."""
    X, _, net = lecture_example("numpy")
    Z = forward(net, X).Z[1]
    np.testing.assert_allclose(Z, [net.W[1] @ x + net.b[1] for x in X], rtol=1e-13)


def test_the_biases_gradient_is_a_product_with_a_column_of_ones(lecture):
    _, net, trace, dA3 = lecture
    found = backward(net, trace, dA3)
    for l in (1, 2, 3):
        np.testing.assert_allclose(found.db[l], found.dZ[l].T @ np.ones(4), rtol=1e-12, atol=1e-17)


def test_the_weights_gradient_takes_the_layer_before(lecture):
    _, net, trace, dA3 = lecture
    found = backward(net, trace, dA3)
    for l in (1, 2, 3):
        np.testing.assert_allclose(found.dW[l], found.dZ[l].T @ trace.A[l - 1], rtol=1e-12)


def test_the_gradient_of_a_layers_output_takes_the_weights_of_the_next(lecture):
    _, net, trace, dA3 = lecture
    found = backward(net, trace, dA3)
    for l in (0, 1, 2):
        np.testing.assert_allclose(found.dA[l], found.dZ[l + 1] @ net.W[l + 1], rtol=1e-12)


def test_a_bias_is_one_more_weight_of_an_input_that_is_always_1():
    """The slides' "extended notation": [X 1] [W b]ᵀ = XWᵀ + b."""
    X, _, net = lecture_example("numpy")
    extended = np.column_stack([net.W[1], net.b[1]])
    no_bias = MLP({1: extended}, {1: np.zeros(7)}, {1: sigmoid})
    with_ones = forward(no_bias, np.column_stack([X, np.ones(4)]))
    np.testing.assert_allclose(with_ones.A[1], forward(net, X).A[1], rtol=1e-13)


# The network that gets stuck ----------------------------------------------------------------------


def last_epoch(X, Y, net, epochs=3000):
    return deque(train(net, X, Y, cross_entropy, rate=1, epochs=epochs), maxlen=1).pop()


@pytest.fixture(scope="module")
def stuck():
    X, Y, net = lecture_example("numpy")
    epoch = last_epoch(X, Y, net)
    return epoch.loss, output(epoch.net, X)


def test_on_its_own_raw_rows_the_lectures_network_gets_stuck_at_half_log_2(stuck):
    assert abs(stuck[0] - np.log(2) / 2) < 0.002


def test_stuck_it_cannot_tell_row_2_from_row_4(stuck):
    A3 = stuck[1].round(2)
    assert A3[1].tolist() == A3[3].tolist() == [0.5, 0, 0.5]


def test_stuck_it_still_knows_rows_1_and_3(stuck):
    assert stuck[1][0, 2] > 0.99
    assert stuck[1][2, 1] > 0.99


def test_half_log_2_is_the_best_loss_if_rows_2_and_4_get_one_output():
    Y = lecture_example("numpy")[1]
    p = np.linspace(0.01, 0.99, 99)
    shared = [cross_entropy(np.array([[0, 0, 1], [q, 0, 1 - q], [0, 1, 0], [q, 0, 1 - q]]), Y) for q in p]
    assert min(shared) == pytest.approx(np.log(2) / 2, rel=1e-12)


def test_at_the_start_rows_2_to_4_push_every_sigmoid_of_the_first_layer_near_1():
    X, _, net = lecture_example("numpy")
    assert forward(net, X).A[1][1:].min() > 0.8


def test_standardising_x_frees_it():
    X, Y, net = lecture_example("numpy")
    assert last_epoch((X - X.mean(0)) / X.std(0), Y, net).loss < 0.01


def test_centring_the_first_weights_frees_it():
    X, Y, net = lecture_example("numpy")
    W, b = ({l: v - 0.5 for l, v in layers.items()} for layers in (net.W, net.b))
    assert last_epoch(X, Y, MLP(W, b, net.f)).loss < 0.01
