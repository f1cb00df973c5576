"""What notebook 04d says, proven on the variables of its cells, or computed anew: by nudging, by loops, by torch."""

import re
from functools import cache, partial
from itertools import pairwise
from math import log
from types import SimpleNamespace

import cells
import numpy as np
import pytest
from cells import NOTEBOOKS, calls, captions, comes_before, prose, run
from reference import by_torch, close, slope, stepped

from utils.activations import sigmoid, softmax
from utils.exercises import backward as loop
from utils.exercises import downhill as ex
from utils.losses import cross_entropy
from utils.mlp import MLP, forward

picture = partial(cells.picture, "04d")


def downhill(net, X, Y, moving=(1, 2, 3)):
    """The losses before each of 200 steps with the rate 0.5 and after the last, by plain lines; W and b then."""
    W, b, losses = dict(net.W), dict(net.b), []
    for k in range(201):
        A1 = 1 / (1 + np.exp(-X @ W[1].T - b[1]))
        A2 = 1 / (1 + np.exp(-A1 @ W[2].T - b[2]))
        E = np.exp(A2 @ W[3].T + b[3])
        A3 = E / E.sum(1, keepdims=True)
        losses.append(-np.log(A3[Y == 1]).mean())
        if k < 200:
            D3 = (A3 - Y) / len(X)
            D2 = D3 @ W[3] * A2 * (1 - A2)
            D1 = D2 @ W[2] * A1 * (1 - A1)
            for l, D, A in ((1, D1, X), (2, D2, A1), (3, D3, A2)):
                if l in moving:
                    W[l], b[l] = W[l] - 0.5 * D.T @ A, b[l] - 0.5 * D.sum(0)
    return np.array(losses), W, b


@cache
def layer_3_alone():
    """What `downhill` returns if the two hidden layers stay as they are."""
    n = run("04d").names
    return downhill(n["net"], n["X"], n["Y"], moving=(3,))


def squares(g):
    """The sum of the squares of all partial derivatives."""
    return sum((v**2).sum() for part in (g.dW, g.db) for v in part.values())


@cache
def squares_on_the_plateau():
    """The sum of the squared partial derivatives after 600 steps as it is, the median of the 20 starts."""
    n = SimpleNamespace(**run("04d").names)
    found = [n.gradients(n.descend(n.random_start(seed), n.X, steps=600)[1], n.X)[1] for seed in range(20)]
    return np.median([squares(g) for g in found])


def squared_length(n):
    """The sum of the squares of all 89 partial derivatives, by autograd."""
    return squares(by_torch(n.W, n.b, n.X, n.Y))


@pytest.fixture(scope="module")
def descent():
    n = run("04d").names
    return downhill(n["net"], n["X"], n["Y"])


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.321", lambda n, d: squared_length(n)),
    ("0.92", lambda n, d: forward(n.trained, n.X).A[3][0, 2]),
    ("0.30", lambda n, d: forward(n.trained, n.X).A[3][1, 0]),
    ("0.36", lambda n, d: forward(n.trained, n.X).A[3][2, 1]),
    ("0.38", lambda n, d: forward(n.trained, n.X).A[3][3, 2]),
    ("1.04", lambda n, d: 1.5 * log(2)),
    ("1.10", lambda n, d: log(3)),
    ("0.48", lambda n, d: (2 * log(1.5) + log(3)) / 4),
    ("0.0001", lambda n, d: squares_on_the_plateau()),
    ("0.00005", lambda n, d: 0.5 * round(squares_on_the_plateau(), 4)),
    ("0.824", lambda n, d: 0.75 * log(3)),
    ("0.347", lambda n, d: log(2) / 2),
    ("0.0022", lambda n, d: np.linalg.norm(n.A[2][2] - n.A[2][3])),
    ("0.02", lambda n, d: n.descend(n.net, n.X, 2)[0][-1].mean()),
    ("1.9", lambda n, d: n.descend(n.net, n.X, 2)[0].mean(1).max()),
]
GIVEN = {"0.5", "0.1", "0.2", "0.99", "0.09", "0.9"}  # rate; of dZ3, about; outputs; bounds


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("04d")) == 4
    return prose("04d")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n, descent):
    assert f"{computed(n, descent[0]):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "4 samples, loss 1.1394",
    "sum of the squares 0.321",
    "η = 0.01  expected fall 0.00321, found 0.00318",
    "η = 0.5   expected fall 0.16045, found 0.09109",
    "before loss 1.139, p of the right class [0.35 0.48 0.19 0.33]",
    "       answers [0 0 0 0] right [2 0 1 2]",
    "after  loss 0.817, p of the right class [0.92 0.3  0.36 0.38]",
    "       answers [2 2 1 2] right [2 0 1 2]",
    "{1: '0.5%', 2: '0.2%', 3: '99.3%'}",
    "hidden units with a slope below 0.09, of 11, for each sample: [ 2  9 11 11]",
    "[[-8.  1. -3.  5.  2.]",
    "[[0.729  0.8115 0.8144 0.8988]",
    " [0.9431 0.9895 0.9622 0.9952]",
    " [0.9501 0.9919 0.967  0.9963]",
    " [0.9519 0.9926 0.9681 0.9966]]",
    "η = 5     expected fall 1.60450, found -1.55703",
    "rows 0 and 1 differ by a row of length 0.3297",
    "rows 1 and 2 differ by a row of length 0.0089",
    "rows 1 and 3 differ by a row of length 0.0111",
    "rows 2 and 3 differ by a row of length 0.0022",
    "loss after 200 steps: layer 3 alone 0.985, all layers 0.817",
    "sample 0: from 0.16 in dZ3, 3.9e-03 in dZ1: 1 part in 41",
    "sample 3: from 0.17 in dZ3, 1.2e-05 in dZ1: 1 part in 13,841",
    "as it is             saturated [21, 12]   least |dZ1| 1.2e-05",
    "inputs standardized  saturated [2, 10]   least |dZ1| 3.4e-04",
    "parameters centred   saturated [12, 0]   least |dZ1| 1.6e-03",
    "both                 saturated [0, 0]   least |dZ1| 3.3e-03",
    "as it is             loss after 200 steps 0.817",
    "inputs standardized  loss after 200 steps 0.444",
    "parameters centred   loss after 200 steps 0.239",
    "both                 loss after 200 steps 0.094",
    "as it is             median after 200 steps 0.56, after 800 0.357, still above 0.1: 17 of 20",
    "inputs standardized  median after 200 steps 0.52, after 800 0.016, still above 0.1: 0 of 20",
    "parameters centred   median after 200 steps 0.17, after 800 0.009, still above 0.1: 2 of 20",
    "both                 median after 200 steps 0.10, after 800 0.007, still above 0.1: 0 of 20",
    "as it is             median 0.014, still above 0.1: 5 of 20, the loss rises on the way: 20 of 20",
    "inputs standardized  median 0.011, still above 0.1: 0 of 20, the loss rises on the way: 20 of 20",
    "parameters centred   median 0.010, still above 0.1: 1 of 20, the loss rises on the way: 12 of 20",
    "both                 median 0.007, still above 0.1: 0 of 20, the loss rises on the way: 0 of 20",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_nothing_stops_although_six_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("04d", "agree")) + len(calls("04d", "claim")) == 9
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 6
    assert "0 of 6 exercises done." in book.printed


def test_the_sections_come_in_the_order_of_the_plan():
    assert comes_before("04d", "## 1 · One step downhill", "## 2 · Two hundred steps", "> **So far.**",
                        "## 3 · What comes back to the first layers", "## 4 · What layer 3 sees", "## 5 · What helps?",
                        "## 6 · Over many starts",
                        "> **From memory.**", "## Recap")


# 1 and 2 · One step, and two hundred ----------------------------------------------------------------


@pytest.mark.parametrize(("eta", "after"), [(0.5, "1.0483"), (0.01, "1.1362"), (-0.5, "1.3700")])
def test_a_step_against_the_gradient_lowers_the_loss_and_one_along_it_raises_it(eta, after, n, torchs):
    after_it = stepped(n.net, torchs, eta)
    loss = by_torch(after_it.W, after_it.b, n.X, n.Y).loss
    assert f"{loss:.4f}" == after and (loss < torchs.loss) == (eta > 0)
    assert n.loss_after(eta) == pytest.approx(loss, rel=1e-12)


def test_exercise_2_is_the_rate_times_the_squares_which_is_the_fall_to_first_order(n):
    """The miss shrinks with the square of the rate; for 0.01 it is one percent, for 0.5 nearly a half."""
    assert sum(n.squares.values()) == pytest.approx(squared_length(n), rel=1e-9)
    assert ex.expected_fall.reference() == pytest.approx(0.5 * squared_length(n), rel=1e-3)
    assert comes_before("04d", "ex.expected_fall.check(", r"\Delta L \approx -\eta \sum_i g_i^2 .",
                        "def loss_after(")
    assert all(ex.expected_fall.verdict(answer) for answer in (0.16, 0.5 * 0.321, 0.1605))
    assert not any(ex.expected_fall.verdict(answer) for answer in (0.0911, 0.15, 0.2))
    misses = [eta * squared_length(n) - (n.loss_after(0) - n.loss_after(eta)) for eta in (0.01, 0.001, 0.0001)]
    assert all(90 < a / b < 110 for a, b in pairwise(misses))
    share = [(n.loss_after(0) - n.loss_after(eta)) / (eta * squared_length(n)) for eta in (0.01, 0.5)]
    assert share == [pytest.approx(0.99, abs=0.005), pytest.approx(0.57, abs=0.01)]
    assert comes_before("04d", "Exercise 2 ·", "ex.expected_fall.check(", "expected fall {",
                        "right to about one percent")
    assert n.loss_after(5) - n.loss_after(0) > 1.5 and "And with $\\eta = 5$ the loss *rises*." in said()


def test_on_the_long_step_the_gradient_changes_underway(n, torchs):
    there = stepped(n.net, torchs, 0.5)
    after = by_torch(there.W, there.b, n.X, n.Y)
    assert np.linalg.norm(after.db[3] - torchs.db[3]) > 0.5 * np.linalg.norm(torchs.db[3])


def test_200_steps_lower_the_loss_each_time_from_1_14_to_0_82_and_below_guessing(n, descent):
    losses, W, _ = descent
    close(np.mean(n.losses, axis=1), losses)
    assert (np.diff(losses) < 0).all() and losses[-1] < log(3) < losses[0]
    assert cross_entropy(np.full((4, 3), 1 / 3), n.Y) == pytest.approx(log(3), rel=1e-12)
    assert f"{losses[199]:.2f}" == f"{losses[200]:.2f}" == f"{np.mean(n.losses[-1]):.2f}"
    for l in W:
        close(n.trained.W[l], W[l])


def test_in_the_other_199_it_learns_to_tell_sample_0_and_still_says_about_a_third_to_the_other_three(n):
    """The farthest from ⅓ is 0.40; sample 0 gets its class with 0.92, and no other class of it more than 0.04."""
    late = forward(n.trained, n.X).A[3]
    assert late[0].argmax() == n.Y[0].argmax() and late[0, 2] > 0.9
    assert abs(late[1:] - 1 / 3).max() < 0.07 and abs(late[1:].mean(0) - 1 / 3).max() < 0.03
    assert abs(late[0] - late[1:]).max(1).min() > 4 * np.ptp(late[1:], axis=0).max()


def test_the_probabilities_printed_are_those_after_200_steps_by_plain_lines(n, descent):
    W, A = descent[1], forward(n.trained, n.X).A
    A2 = 1 / (1 + np.exp(-(A[1] @ W[2].T + n.trained.b[2])))
    E = np.exp(A2 @ W[3].T + n.trained.b[3])
    close(A[3], E / E.sum(1, keepdims=True))
    assert -np.log(A[3][n.Y == 1]).mean() == pytest.approx(descent[0][200], rel=1e-9)


def test_sample_0_is_learned_and_the_mean_of_the_others_is_hardly_below_a_third_for_each_class(n):
    """The three have one sample of each class, so no common answer is better than thirds."""
    assert n.Y[1:].sum(0).tolist() == [1, 1, 1]
    first, last = np.array(n.losses)[[0, -1]]
    assert last[0] < 0.08 < 1 < first[0]
    assert log(3) - 0.04 < last[1:].mean() < log(3) < first[1:].mean()


def test_the_picture_shows_the_loss_of_each_sample_and_the_mean_and_where_they_settle(n):
    first, whole = panels = picture("f\"sample {i}, class {k}\"")
    for ax in panels:
        mean, *own = ax.lines[:5]
        assert n.losses.shape == (201, 4)
        close(mean.get_ydata(), n.losses.mean(1))
        for i, drawn in enumerate(own):
            close(drawn.get_ydata(), n.losses[:, i])
        assert ax.get_ylim()[0] <= n.losses.min() and n.losses.max() < ax.get_ylim()[1]
    assert first.get_xlim() == (0, 10) and whole.get_xlim()[1] > 200 and {*whole.lines[5].get_ydata()} == {log(3)}
    assert [text.get_text() for text in whole.get_legend().get_texts()] == [
        "mean", "sample 0, class 2", "sample 1, class 0", "sample 2, class 1", "sample 3, class 2", "⅓, ⅓, ⅓"]
    assert {text.get_text(): text.xy[1] for text in first.texts} == {"p = ½": log(2), "p = ¼": log(4)}


def test_the_three_hardly_learn_as_nearly_all_hidden_units_are_saturated_in_them_before_and_after(n, torchs):
    """At least 9 of 11 above 0.9; to layer 3 they look alike at first, and less than a fiftieth gets through to Z2."""
    for net in (n.net, n.trained):
        assert ((np.hstack([forward(net, n.X).A[l] for l in (1, 2)]) > 0.9).sum(1)[1:] >= 9).all()
    assert np.ptp(n.A[2][1:], axis=0).max() < 0.01
    assert (abs(torchs.dZ[2]).max(1) < abs(torchs.dZ[3]).max(1) / 50)[1:].all()


# 3 to 6 · What comes back, what layer 3 sees, what helps --------------------------------------------


def test_with_the_hidden_layers_as_they_are_the_same_200_steps_get_a_quarter_as_far_below_1_04(n, descent):
    last_alone, W, b = layer_3_alone()
    assert W[2] is n.W[2] and np.ptp(n.A[2][1:], axis=0).max() < 0.01
    A3 = softmax(n.A[2] @ W[3].T + b[3])
    assert np.ptp(A3[1:], axis=0).max() < 0.01 < 0.1 < np.ptp(forward(n.trained, n.X).A[3][1:], axis=0).max()
    assert (A3.argmax(1) == 2).all()
    assert 0.2 < (1.5 * log(2) - last_alone[200]) / (1.5 * log(2) - descent[0][200]) < 0.3


def test_after_200_steps_the_network_gets_sample_1_wrong_and_only_begins_to_tell_the_three_others_from_one_another(n):
    """Every two of the three are farther apart than at the start, and none by more than 0.12."""
    late, early = forward(n.trained, n.X).A[3], n.A[3]
    prices = -np.log(late[n.Y == 1])
    assert n.Y.argmax(1).tolist() == [2, 0, 1, 2] and late.argmax(1).tolist() == [2, 2, 1, 2]
    assert prices[0] < 0.08 and abs(prices[1:] - log(3)).max() < 0.15
    for i, j in ((1, 2), (1, 3), (2, 3)):
        assert 10 * abs(early[i] - early[j]).max() < abs(late[i] - late[j]).max() < 0.12


def test_a_sigmoid_hands_back_at_most_a_quarter_and_almost_nothing_near_0_and_1(rng):
    a = np.linspace(0, 1, 1001)
    assert slope(a).max() == 0.25 == slope(a)[500] and slope(a)[[20, 980]].max() < 0.02
    dA = rng.normal(size=(50, 4))
    assert (abs(sigmoid.pullback(dA, sigmoid(3 * dA))) <= 0.25 * abs(dA)).all()


def test_samples_1_to_3_have_nearly_every_unit_close_to_1_and_sample_0_has_none(n):
    hidden = np.hstack([n.A[1], n.A[2]])
    assert (hidden > 0.9).sum(1).tolist() == [0, 9, 11, 11]
    assert (hidden[1:] > 0.9).sum() == 31 and hidden[1:].size == 33
    assert (hidden[0] > 0.9).sum() == 0
    assert slope(n.A[1][1:]).max() < 0.15 < slope(n.A[1][0]).max()
    assert all(slope(n.A[l]).mean(1).argmax() == 0 for l in (1, 2))


def test_the_picture_shows_the_largest_sizes(n, torchs):
    ax = picture("largest |entry| in a row")
    places = [("dZ", 3), ("dA", 2), ("dZ", 2), ("dA", 1), ("dZ", 1)]
    for i in range(4):
        sizes = np.array([abs(getattr(torchs, kind)[l][i]).max() for kind, l in places])
        close(ax.lines[i].get_ydata(), sizes, 1e-8)
        assert (abs(np.log2(sizes[[1, 3]] / sizes[[0, 2]])) < 1).all()  # by less than a factor of 2
        assert np.prod(sizes[[2, 4]] / sizes[[1, 3]]) < (sizes[4] / sizes[0]) ** 0.8  # most of it, in factors
    assert ax.get_yscale() == "log" and len(ax.lines) == 5
    assert list(ax.lines[0].get_xdata()) == [f"{kind}{l}" for kind, l in places]
    close(ax.lines[4].get_ydata(), 0.2 * np.array([1, 1, 1 / 4, 1 / 4, 1 / 16]))


def test_the_rows_of_samples_1_to_3_hardly_differ_at_layer_3_and_so_neither_do_its_answers(n):
    assert np.ptp(n.A[2][1:], axis=0).max() < 0.01 < 0.17 < abs(n.A[2][1:] - n.A[2][0]).max(1).min()
    assert np.ptp(n.A[3][1:], axis=0).max() < 0.0015


def test_no_parameter_is_negative_and_in_samples_1_to_3_the_positive_inputs_outweigh_the_negative_ones(n):
    """With the inputs' signs reversed, layer 1 is at its other end, and layer 2 is not saturated any more."""
    assert min(v.min() for v in (*n.W.values(), *n.b.values())) > 0
    assert (n.X.sum(1) > 0).tolist() == [False, True, True, True]
    assert (n.X[1:] @ n.net.W[1].T + n.net.b[1] > 1).all()
    assert "the positive inputs of samples 1 to 3 outweigh the negative ones in every unit of layer 1" in said()
    slopes = np.hstack([slope(n.A[l][1:]) for l in (1, 2)])
    saturated = slopes[slopes < 0.09]
    assert (saturated < 0.03).mean() > 0.5  # less than a tenth, and most of them far less
    turned = forward(n.net, -n.X[1:]).A
    assert turned[1].max() < 0.5 and slope(turned[2]).mean() > 5 * slope(n.A[2][1:]).mean()


def test_the_weights_enlarge_what_they_hand_back_in_some_samples_and_shrink_it_in_others(torchs):
    handed_back = [abs(torchs.dA[l - 1]).max(1) / abs(torchs.dZ[l]).max(1) for l in (3, 2)]
    assert (handed_back[0] < 0.9).all() and (handed_back[1] > 1).tolist() == [False, True, True, False]


def left_in_dZ1(n, dZ3, slopes):
    """The largest size in each sample's row, sent back from `dZ3` through these slopes."""
    return abs(dZ3 @ n.W[3] * slopes[2] @ n.W[2] * slopes[1]).max(1)


def test_the_first_cause_a_quarter_for_each_sigmoid_layer_leaves_a_twentieth_even_without_saturation(n):
    best = left_in_dZ1(n, n.found.dZ[3], {1: 0.25, 2: 0.25})
    close(best, left_in_dZ1(n, n.found.dZ[3], {1: 1, 2: 1}) / 16)
    assert (best < abs(n.found.dZ[3]).max(1) / 20).all() and best.min() > 0.005


def test_the_second_cause_saturation_takes_more_than_nine_tenths_of_that_from_samples_1_to_3(n, torchs):
    real = left_in_dZ1(n, n.found.dZ[3], {1: slope(n.A[1]), 2: slope(n.A[2])})
    close(real, abs(torchs.dZ[1]).max(1))
    share = real / left_in_dZ1(n, n.found.dZ[3], {1: 0.25, 2: 0.25})
    assert share[0] > 0.6 and (share[1:] < 0.04).all()


def test_the_third_cause_the_sum_over_paths_makes_what_comes_back_smaller_as_its_signs_differ(n):
    slopes = {l: slope(n.A[l]) for l in (1, 2)}
    dZ3 = n.found.dZ[3]
    assert (abs(dZ3.sum(1)) < 1e-15).all() and (dZ3.min(1) < 0).all() and (dZ3.max(1) > 0).all()
    assert f"{min(w.min() for w in n.W.values()):.3f}" == "0.001"
    without = left_in_dZ1(n, abs(n.found.dZ[3]), slopes) / left_in_dZ1(n, n.found.dZ[3], slopes)
    assert (without > 2.9).all() and without.max() < 12


def test_what_the_three_weights_of_a_unit_have_in_common_cancels_and_only_their_differences_count(n, torchs, rng):
    W3 = n.W[3]
    close(n.found.dZ[3] @ (W3 + rng.normal(size=4)), torchs.dA[2], 1e-8)
    close(n.found.dZ[3] @ (W3 - W3.mean(0)), torchs.dA[2], 1e-8)
    close(n.found.dZ[3][:, :2] @ (W3[:2] - W3[2]), torchs.dA[2], 1e-8)
    assert abs(n.found.dZ[3] @ np.ones((3, 1)) * W3.mean(0)).max() < 1e-15
    assert abs(n.found.dZ[3] @ (2 * W3 - W3.mean(0)) - 2 * torchs.dA[2]).max() < 1e-12  # twice as much


def test_a_row_of_dZ3_sums_to_0_for_every_network_that_ends_in_softmax_and_cross_entropy(rng):
    Z, Y = 3 * rng.normal(size=(50, 3)), np.eye(3)[rng.integers(0, 3, 50)]
    assert abs(loop.error_signal.reference(Z, Y).sum(1)).max() < 1e-15
    close(softmax(Z).sum(1), Y.sum(1))


def test_of_dZ3_a_part_in_41_is_left_for_sample_0_and_one_in_14000_for_sample_3(n, torchs):
    first, last = (abs(torchs.dZ[l]).max(1) for l in (3, 1))
    assert "For sample 0, 1 part in 41 is left; for sample 3, 1 in 14,000." in said()
    assert round(first[0] / last[0]) == 41 and round(first[3] / last[3], -3) == 14000
    assert "two slopes of a quarter leave 1 in 16, two at $a = 0.99$ 1 in 10,000.)" in said()
    assert round(1 / (0.99 * 0.01) ** 2, -3) == 10000
    assert {f"{v:.1f}" for v in first} == {"0.1", "0.2"} and "The largest entries of `dZ3` are 0.1 to 0.2." in said()
    assert last.argmax() == 0 and last.argmin() == 3 and (np.diff(last) < 0).all()


def test_the_inputs_have_driven_layer_1_to_its_flat_end_and_the_positive_weights_layer_2(n):
    nothing = forward(n.net, np.zeros((1, 5))).A
    assert slope(n.A[1][1:]).max() < 0.15 < 0.2 < slope(nothing[1]).min()
    assert slope(nothing[2]).mean() < 0.07
    centred = MLP({l: w - 0.5 for l, w in n.W.items()}, {l: v - 0.5 for l, v in n.b.items()}, n.net.f)
    assert slope(n.A[2][1:]).mean(1).max() < 0.03 < 0.2 < slope(forward(centred, n.X).A[2]).mean(1).min()


def test_saturation_makes_samples_1_to_3_look_almost_the_same_at_the_output(n):
    assert np.ptp(n.A[3][1:], axis=0).max() < 0.0015 < 0.015 < abs(n.A[3][0] - n.A[3][1]).min()
    assert np.linalg.norm(n.X[1] - n.X[2]) > 10 and np.linalg.norm(n.X[2] - n.X[3]) > 10


def test_the_gradient_fades_on_its_way_back_and_all_but_vanishes_in_samples_1_to_3(n, torchs):
    largest = {l: abs(torchs.dZ[l]).max(1) for l in (3, 2, 1)}
    assert largest[3].max() > 5 * largest[2].max() > 5 * largest[1].max()
    assert (largest[3] > largest[2]).all() and (largest[2] > largest[1]).all()
    assert largest[1][1:].max() < 0.1 * largest[1][0]
    assert 9 < (largest[3] / largest[2])[0] < 10
    assert all(50 < ratio < 200 for ratio in (largest[3] / largest[2])[1:])
    assert largest[1][0] > 0.02 * largest[3][0] and (largest[1][1:] < 0.002 * largest[3][1:]).all()


def test_the_slopes_make_the_gradient_vanish_and_not_the_weights(torchs):
    """From dZ3 to dZ1 the slopes leave less than a twentieth, and the weights more than a half."""
    size = {key: abs(getattr(torchs, kind)[l]).max(1) for key, kind, l in (
        ("Z3", "dZ", 3), ("A2", "dA", 2), ("Z2", "dZ", 2), ("A1", "dA", 1), ("Z1", "dZ", 1))}
    weights = size["A2"] / size["Z3"] * size["A1"] / size["Z2"]
    slopes = size["Z2"] / size["A2"] * size["Z1"] / size["A1"]
    assert (weights > 0.5).all() and (slopes < 0.05).all() and (slopes[1:] < 0.001).all()
    assert max(slopes) <= 0.25**2


def test_in_200_steps_the_earlier_a_layer_the_less_of_itself_its_weights_move(n, descent):
    moved = [np.linalg.norm(descent[1][l] - n.W[l]) for l in (1, 2, 3)]
    share = [m / np.linalg.norm(n.W[l]) for l, m in zip((1, 2, 3), moved)]
    assert moved == sorted(moved) and share == sorted(share) and share[2] > 2 * share[1]


def test_with_inputs_around_0_the_same_200_steps_take_the_loss_much_further_down(n, descent):
    X = (n.X - n.X.mean(0)) / n.X.std(0)
    assert downhill(n.net, X, n.Y)[0][-1] < 0.6 * descent[0][-1]


def test_notebook_06_comes_back_to_it():
    assert re.search("saturat|vanishing", next(NOTEBOOKS.glob("06_*.ipynb")).read_text("utf-8"))


def test_layer_3_alone_can_tell_the_samples_apart_only_with_very_large_weights(n):
    """Its input has rank 4 with the column of ones, so weights that fit any logits exist; they are large."""
    rows = np.hstack([n.A[2], np.ones((4, 1))])
    assert np.linalg.matrix_rank(rows) == 4
    smallest = np.linalg.pinv(rows) @ (np.eye(3)[n.Y.argmax(1)] * 4)  # e⁴ : 1 : 1, so that each is sure of its class
    assert abs(smallest).max() > 50 * abs(n.W[3]).max() and "layer 3 would need very large weights." in said()


def test_exercise_5_is_the_shortest_row_of_weights_and_this_one_does_it(n):
    apart = n.A[2][2] - n.A[2][3]
    w = apart / (apart @ apart)  # by Cauchy and Schwarz no shorter one does
    assert w @ apart == pytest.approx(1) and np.linalg.norm(w) == pytest.approx(1 / np.linalg.norm(apart))
    assert ex.large_weights.reference() == pytest.approx(1 / 0.0022, rel=1e-3)
    assert all(ex.large_weights.verdict(v).kind == "right" for v in (1 / 0.0022, 450, 1 / np.linalg.norm(apart)))


def test_layer_3_alone_hardly_gets_below_the_loss_of_the_frequencies(n):
    losses, W, b = layer_3_alone()
    close(n.W3, W[3])
    close(n.b3, b[3])
    assert n.alone == pytest.approx(losses[200], rel=1e-9) and 0 < 1.5 * log(2) - n.alone < 0.06
    assert "in the same 200 steps layer 3 alone has gone a quarter of the way to it, from 1.04" in said()
    assert (1.5 * log(2) - n.alone) / (1.5 * log(2) - 0.75 * log(3)) == pytest.approx(0.25, abs=0.02)
    assert n.alone > 0.75 * log(3) + 0.1 and 0 < 0.75 * log(3) - n.together < 0.01
    assert "All layers together are near that;" in said()


def test_exercise_3_is_the_product_of_the_two_slopes():
    np.testing.assert_allclose(ex.two_slopes.reference(), [slope(0.5) ** 2, slope(0.99) ** 2], rtol=1e-9)
    assert ex.two_slopes.verdict((1 / 16, 0.0001)).kind == "right" and not ex.two_slopes.verdict((0.25, 0.0099))


def test_the_first_step_harms_sample_1_alone_whose_class_had_been_given_too_much(n):
    assert n.Y.argmax(1).tolist() == [2, 0, 1, 2] and n.A[3][:, 0].mean() > 0.25 + 0.2
    assert ((n.losses[1] - n.losses[0]) > 0).tolist() == [False, True, False, False]
    assert "So the first step already harms sample 1, whose class 0 had been given too much." in said()


def test_after_ten_steps_every_sample_gets_the_frequencies_of_the_classes_as_biases_alone_could(n, rng):
    assert "After ten steps the network gives nearly the same answer to every sample, about ¼, ¼, ½" in said()
    P = forward(n.descend(n.net, n.X, steps=10)[1], n.X).A[3]
    assert abs(P - [0.25, 0.25, 0.5]).max() < 0.03 and n.Y.mean(0).tolist() == [0.25, 0.25, 0.5]
    close(softmax(np.log([[0.25, 0.25, 0.5]])), np.array([[0.25, 0.25, 0.5]]))  # by a row of biases
    for answer in rng.dirichlet([1, 1, 1], 300):
        assert -(n.Y.mean(0) * np.log(answer)).sum() > 1.5 * log(2) - 1e-12
    assert -(n.Y.mean(0) * np.log(n.Y.mean(0))).sum() == pytest.approx(1.5 * log(2))
    assert abs(n.losses[10] - np.log([2, 4, 4, 2])).max() < 0.06


def test_the_others_drift_towards_thirds_and_two_of_the_three_right_ones_are_only_just_right(n):
    losses, late = np.array(n.losses), forward(n.trained, n.X).A[3]
    assert (abs(losses[-1, 1:] - log(3)) < abs(losses[5, 1:] - log(3))).all()
    right = np.flatnonzero(late.argmax(1) == n.Y.argmax(1))
    assert right.tolist() == [0, 2, 3]
    margins = np.diff(np.sort(late, axis=1))[:, 1]
    assert margins[0] > 0.8 and (margins[2:] < 0.08).all()
    assert np.flatnonzero(n.A[3].argmax(1) == n.Y.argmax(1)).tolist() == [1]
    assert "three of four are right, two of them only just" in said()


def test_the_shares_of_the_layers_are_those_of_the_squares_of_their_derivatives(n, torchs):
    squares = [(torchs.dW[l] ** 2).sum() + (torchs.db[l] ** 2).sum() for l in (1, 2, 3)]
    assert [f"{v / sum(squares):.1%}" for v in squares] == ["0.5%", "0.2%", "99.3%"]
    assert comes_before("04d", "How much of it comes from each layer? Guess first:",
                        "nearly all of it comes from layer 3. Between `dZ3` and this layer's weights")
    assert (abs(torchs.dZ[1]).max(1) < abs(torchs.dZ[2]).max(1)).all() and abs(n.X).max() == 9 > 8 * n.A[1].max()
    assert "`dW1` multiplies by the inputs, above all by sample 0's −8.)" in said()
    own = [sum((torchs.dZ[1][i:i + 1].T @ n.X[i:i + 1]).ravel() ** 2) for i in range(4)]
    assert own[0] > 0.95 * (torchs.dW[1] ** 2).sum() and n.X[0].min() == -8 == -abs(n.X[0]).max()


def by_plain_lines(W, b, X):
    """The hidden units' slopes, and dZ1 of the mean loss, by plain lines."""
    A1 = 1 / (1 + np.exp(-X @ W[1].T - b[1]))
    A2 = 1 / (1 + np.exp(-A1 @ W[2].T - b[2]))
    D3 = (softmax(A2 @ W[3].T + b[3]) - run("04d").names["Y"]) / 4
    return np.hstack([slope(A1), slope(A2)]), D3 @ W[3] * slope(A2) @ W[2] * slope(A1)


def four_cases(W, b):
    """The parameters and the inputs of the four cases, in the order of the page, from these parameters."""
    X = run("04d").names["X"]
    lower = tuple({l: v - 0.5 for l, v in part.items()} for part in (W, b))
    return [(*start, inputs) for start in ((W, b), lower) for inputs in (X, (X - X.mean(0)) / X.std(0))]


def test_each_change_frees_one_layer_and_both_free_all_units_and_more_comes_back(n):
    """Of 28 outputs of layer 1, and 16 of layer 2; and the least of the four largest entries of dZ1."""
    slopes, least = zip(*((s, abs(D).max(1).min()) for s, D in (by_plain_lines(*c) for c in four_cases(n.W, n.b))))
    counts = [((s[:, :7] < 0.09).sum(), (s[:, 7:] < 0.09).sum()) for s in slopes]
    assert counts == [(21, 12), (2, 10), (12, 0), (0, 0)]
    assert [f"{v:.1e}" for v in least] == ["1.2e-05", "3.4e-04", "1.6e-03", "3.3e-03"]
    assert 250 < least[3] / least[0] < 300 and "the least |dZ1| is almost three hundred times as large" in said()
    assert "Standardized inputs bring layer 1 out of saturation, centred parameters layer 2;" in said()


def test_the_parameters_lie_between_0_and_1_and_centring_leaves_them_on_both_sides_of_0(n):
    values = np.concatenate([v.ravel() for part in (n.W, n.b) for v in part.values()])
    assert ((values > 0) & (values < 1)).all() and 0.4 < (values < 0.5).mean() < 0.6


@cache
def by_plain(seed):
    """The mean loss before each of 200 steps of 0.5 and after the last, in the four cases from this start."""
    n, rng = run("04d").names, np.random.default_rng(seed)
    W = {l: rng.random(n["W"][l].shape) for l in (1, 2, 3)}
    b = {l: rng.random(n["b"][l].shape) for l in (1, 2, 3)}
    return [downhill(MLP(*case[:2], n["net"].f), case[2], n["Y"])[0] for case in four_cases(W, b)]


@pytest.mark.parametrize("seed", range(20))
def test_the_curves_are_those_of_plain_lines_and_both_changes_help(seed, n):
    for curves, right in zip(n.short.values(), by_plain(seed)):
        close(curves[seed, :201], right, 1e-6)
    assert by_plain(seed)[3][200] < by_plain(seed)[0][200]


def test_as_it_is_the_curves_come_to_a_plateau_at_half_log_2_and_the_gradient_there_is_small(n):
    curves = n.short["as it is"]
    above = curves[:, 800] > 0.1
    assert above.sum() == 17 and "After 800 steps 17 of the 20 starts are not yet below 0.1." in said()
    assert abs(np.median(curves[:, 800]) - log(2) / 2) < 0.02 and (abs(curves[:, 600] - log(2) / 2) < 0.05).sum() >= 15
    assert np.median(curves[:, 700] - curves[:, 800]) < 0.01 < np.median(curves[:, 100] - curves[:, 200])
    seed = int(np.flatnonzero(above)[0])
    p = np.sort(forward(n.descend(n.random_start(seed), n.X, steps=800)[1], n.X).A[3][range(4), n.Y.argmax(1)])
    assert abs(p[:2] - 0.5).max() < 0.05 < 0.9 < p[2]  # two samples of different classes, ½ each


def test_standardized_inputs_meet_plateaus_as_well_and_all_have_left_them_by_step_800(n):
    curves = n.short["inputs standardized"]
    assert (abs(curves[:, 300] - 0.49) < 0.03).sum() >= 5 and curves[:, 800].max() < 0.1
    assert "and meet a plateau of their own near 0.48, where three samples share one answer" in said()
    assert (curves[:, 200] < n.short["as it is"][:, 200]).sum() == 14 and "from 14 of 20 starts only" in said()
    early = forward(n.descend(n.random_start(int(curves[:, 250].argmax())), n.standardize(n.X), steps=250)[1],
                    n.standardize(n.X)).A[3][range(4), n.Y.argmax(1)]
    assert (abs(np.sort(early)[:3] - [1 / 3, 2 / 3, 2 / 3]) < 0.1).all()
    assert np.argmin([np.median(c[:, 800]) for c in n.short.values()]) == 3


def test_long_steps_often_jump_off_it_and_only_from_the_best_starts_the_loss_never_rises(n):
    found = np.array([curves[:, -1] for curves in n.long.values()])
    assert (found > 0.1).sum(1).tolist() == [5, 0, 1, 0] and 2 * 200 == 0.5 * 800
    assert abs(found[found > 0.1] - log(2) / 2).max() < 0.03
    rises = [np.diff(curves).max(1) for curves in n.long.values()]
    assert [(r > 0).sum() for r in rises] == [20, 20, 12, 0]
    assert min(abs(v) for r in rises for v in r if v > 0) > 1e-6  # no noise of rounding
    assert all(np.diff(curves).max() < 0.01 for curves in n.short.values())


def test_the_picture_of_the_curves_has_all_of_them_and_this_notebooks_own(n):
    for ax, (name, curves) in zip(picture("panels = axes(4"), n.short.items()):
        assert ax.get_title() == name and len(ax.lines) == 22
        for line, right in zip(ax.lines, curves):
            close(line.get_ydata(), right)
        close(ax.lines[20].get_ydata(), n.descend(*n.four_cases(n.net)[name], steps=800)[0].mean(1))
        assert {*ax.lines[21].get_ydata()} == {log(2) / 2} and curves.max() < 2


def test_from_this_start_centring_helps_more_and_layer_2_stands_on_the_way_to_both(n):
    found = [downhill(MLP(*case[:2], n.net.f), case[2], n.Y)[0][200] for case in four_cases(n.W, n.b)]
    assert [f"{v:.3f}" for v in found] == ["0.817", "0.444", "0.239", "0.094"]


def test_on_your_own_1_after_2000_steps_samples_1_and_3_share_their_probability_and_sample_2_has_parted(n):
    losses, late = n.descend(n.net, n.X, steps=2000)
    A = forward(late, n.X).A
    p = A[3][range(4), n.Y.argmax(1)]
    assert (p[[0, 2]] > 0.98).all() and abs(p[[1, 3]] - 0.5).max() < 0.02
    assert 0 < losses[-1].mean() - log(2) / 2 < 0.01
    assert np.linalg.norm(A[2][1] - A[2][3]) < 0.002 and np.linalg.norm(A[2][1] - A[2][2]) > 1
    nearly_0 = (A[1][2] < 0.01) & (A[1][[1, 3]] > 0.99).all(0)
    assert nearly_0.sum() == 1 and (n.X[2, 3:] < 0).all() and (n.X[[1, 3], 3:] > 0).all()


def test_the_picture_of_the_sums_has_all_44_in_each_case_and_the_grey_begins_where_the_slope_is_0_09(n):
    ax = picture("ax.axvspan(side")
    for i, (W, b, X) in enumerate(four_cases(n.W, n.b)):
        Z1 = X @ W[1].T + b[1]
        Z2 = 1 / (1 + np.exp(-Z1)) @ W[2].T + b[2]
        for line, right in zip(ax.lines[2 * i:2 * i + 2], (Z1, Z2)):
            close(line.get_xdata(), right.ravel())
            assert ax.get_xlim()[0] < right.min() and right.max() < ax.get_xlim()[1]
    edges = sorted(x for patch in ax.patches for x in (patch.get_x(), patch.get_x() + patch.get_width()))
    np.testing.assert_allclose(edges[1:3], [log(1 / 9), log(9)], rtol=1e-12)
    assert slope(0.9) == pytest.approx(0.09) and len(ax.lines) == 8


def test_on_your_own_2_it_rises_first(n):
    mean = n.descend(n.net, n.X, 2)[0].mean(1)
    assert mean.argmax() < 10 and mean[0] < mean.max()


def test_exercise_6_says_what_this_start_says_and_so_do_the_medians_after_200_steps(n):
    _, inputs, parameters, _ = (np.median(curves[:, 200]) for curves in n.short.values())
    assert parameters < inputs and ex.which_helps.reference() == "parameters"
    assert ex.which_helps.verdict("parameters").kind == "right"
    assert "layer 2 still adds up seven positive outputs" in ex.which_helps.verdict("inputs").sentence


def test_exercise_4_counts_what_is_asked():
    outputs = np.array([[0.5, 0.95, 0.05], [0.99, 0.2, 0.85]])
    assert ex.saturated.reference(outputs, 0.09).tolist() == [2, 1]
    assert ex.saturated.verdict(lambda a, limit: np.sum(a - a**2 < limit, axis=1)).kind == "right"
    assert "for each sample" in ex.saturated.verdict(lambda a, limit: (a * (1 - a) < limit).sum(0)).sentence


def test_exercise_1_leaves_what_it_is_given_as_it_is():
    def in_place(V, dV, eta):
        for l in V:
            V[l] -= eta * dV[l]
        return V

    assert ex.one_step.verdict(lambda V, dV, eta: {l: v - eta * dV[l] for l, v in V.items()}).kind == "right"
    assert ex.one_step.verdict(in_place).kind == "wrong"
    assert "along" in ex.one_step.verdict(lambda V, dV, eta: {l: V[l] + eta * dV[l] for l in V}).sentence


def test_one_answer_for_three_classes_costs_least_at_thirds(rng):
    answers = rng.dirichlet([1, 1, 1], 1000)
    assert (-np.log(answers).mean(1) >= log(3)).all() and -np.log(np.full(3, 1 / 3)).mean() == pytest.approx(log(3))


def test_a_slope_below_0_09_is_an_output_above_0_9_or_below_0_1():
    a = np.linspace(0, 1, 1001)
    assert (np.round(slope(a), 12) < 0.09).tolist() == ((a < 0.1 - 1e-9) | (a > 0.9 + 1e-9)).tolist()
