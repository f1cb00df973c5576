"""What notebook 03 says, proven on the variables of its cells, or computed anew: by plain lines, or in torch."""

import ast
import re
from functools import cache, partial
from math import exp, log
from types import SimpleNamespace

import cells
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from cells import NOTEBOOKS, calls, captions, comes_before, prose, run, sources

from utils.activations import ACTIVATIONS, relu, sigmoid, softmax, tanh
from utils.datasets import lecture_example
from utils.diagrams import lecture_network
from utils.exercises import forward as ex
from utils.losses import cross_entropy, one_hot, softmax_cross_entropy
from utils.mlp import forward, initialize
from utils.widgets import passes

LABELS = [2, 0, 1, 2]
SURE = np.array([[1.0, 0.0]])
each_layer = pytest.mark.parametrize("l", [1, 2, 3])


def matches(array, tensor):
    """Say whether a float64 array of the notebook is torch's float32 tensor, to its precision and with its shape."""
    return array.shape == tensor.shape and np.allclose(array, tensor.numpy(), rtol=0, atol=1e-6)


def price(A, Y):
    """The cross-entropy, one sample after another."""
    return -sum(log(a[y.argmax()]) for a, y in zip(A, Y)) / len(Y)


def column_softmax(Z):
    return np.exp(Z) / np.exp(Z).sum(0)


picture = partial(cells.picture, "03")


def numbers_of(ax):
    """What stands in the cells of a drawn matrix."""
    return [text.get_text() for text in ax.texts]


@pytest.fixture
def A(n):
    return n.my_A


@pytest.fixture(scope="module")
def bare():
    """The slides' lines in torch: one unit on the first three samples, and three layers, one by one, on all four."""
    X = torch.tensor([[-8.0, 1, -3, 5, 2], [-2, 2, -1, 5, 2], [7, 1, 9, -5, -2], [3, 1, 9, 5, 2]])
    torch.manual_seed(1)
    W, b = torch.rand(5).view(1, 5), torch.rand(1)
    torch.manual_seed(0)
    W1, b1, W2, b2, W3, b3 = (torch.rand(*shape) for shape in ((7, 5), (7,), (4, 7), (4,), (3, 4), (3,)))
    Z1 = X @ W1.T + b1
    Z2 = torch.sigmoid(Z1) @ W2.T + b2
    Z3 = torch.sigmoid(Z2) @ W3.T + b3
    return SimpleNamespace(X=X, W=W, b=b, unit=X[:3] @ W.T + b, weights={1: W1, 2: W2, 3: W3},
                           biases={1: b1, 2: b2, 3: b3}, Z={1: Z1, 2: Z2, 3: Z3},
                           A={1: torch.sigmoid(Z1), 2: torch.sigmoid(Z2), 3: torch.softmax(Z3, dim=1)})


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.73", lambda n: exp(1000 - 1000) / (1 + exp(999 - 1000))),
    ("0.27", lambda n: exp(999 - 1000) / (1 + exp(999 - 1000))),
    ("0.17", lambda n: column_softmax(n.my_Z[3])[0, 0]),
    ("0.21", lambda n: column_softmax(n.my_Z[3])[0, 1]),
    ("0.19", lambda n: column_softmax(n.my_Z[3])[0, 2]),
    ("1.10", lambda n: log(3)),
    ("0.001", lambda n: exp(-7)),
    ("7.09", lambda n: -log(softmax(n.my_Z[3] - [7.0, 0, 0])[1, 0])),
    ("0.74", lambda n: -log(n.my_A[3][1, 0])),
    ("1.14", lambda n: price(n.my_A[3], n.Y)),
    ("2.26", lambda n: price(softmax(n.my_Z[3] - [7.0, 0, 0]), n.Y)),
]
GIVEN = {"0.5"}  # of exercise 1


@cache
def said():
    """The notebook's text, its captions, and what stands in the pictures."""
    assert len(captions("03")) == 8
    labels = [args[0].value for args in calls("03", "ax.annotate") if isinstance(args[0], ast.Constant)]
    return "\n".join([prose("03"), *labels])


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n):
    assert f"{computed(n):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "W = [[0.7576 0.2793 0.4031 0.7347 0.0293]]  b = [0.7999]",
    "z = [[-2.4591]]  a = [[0.0788]]",
    "z of the three samples: [-2.4591  3.1721  6.2782] ",
    "a of the three samples: [0.0788 0.9598 0.9981]",
    "shape of the difference: (3, 3)",
    "mean square:             1.333",
    "a3 = [[0.4358 0.2137 0.3505]]  sum 1.0",
    "[[0.4358 0.2137 0.3505]",
    " [0.4785 0.189  0.3325]",
    " [0.4795 0.1882 0.3324]",
    " [0.4797 0.188  0.3323]]",
    "ValueError: X has 4 columns, but W[1] takes 5",
    "parameters: 89",
    "by the formula: [[nan nan  0.]]",
    "[[0.7311 0.2689 0.    ]]",
    "probability of the right class: [0.3505 0.4785 0.1882 0.3323]",
    "of all four being right:        0.01049",
    "product of 1,000 probabilities 0.35: 0.0",
    "sum of their logarithms:             -1049.82",
    "[[0. 0. 1.]",
    "0.3374",
    "the hasty loss: 0.3374, for a better network 0.5675",
    "cross-entropy:  1.1394, for a better network 0.5902",
    "by the formula: nan",
    "in utils:       0.0  (only the right classes are added up)",
    "softmax, then log: inf",
    "both in one:       800.0",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_nothing_stops_although_nine_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("Not filled in yet.") == 8 == len(ex.lesson.exercises) - 1  # one is given, with its bug
    assert "0 of 9 exercises done." in book.printed


def test_in_the_explanations_nothing_is_broken_and_all_comparisons_agree(book):
    assert book.broken == [] and book.printed.count("✓") == len(calls("03", "agree")) + len(calls("03", "claim")) == 12


def test_the_sections_have_these_titles_and_softmax_is_in_the_one_that_is_named():
    titles = [line for line in said().splitlines() if line.startswith("## ")]
    assert titles == ["## 1 · One unit", "## 2 · Why bend at all?", "## 3 · What adding a bias means",
                      "## 4 · A network", "## 5 · Softmax", "## 6 · How wrong? From probabilities to a loss",
                      "## 7 · Two traps with the logarithm", "## 8 · For the curious: no bias at all",
                      "## Recap", "## On your own"]
    assert "three probabilities (section 5)" in said()


def test_the_exercises_stand_in_their_order_with_their_effort():
    tags = [c.metadata.tags[0].partition(":")[2] for c in nbformat.read(next(NOTEBOOKS.glob("03_*.ipynb")), 4).cells
            if c.metadata.get("tags", ["figure"]) != ["figure"]]
    assert tags == list(ex.lesson.exercises)
    efforts = re.findall(r"\*\*✎ Exercise (\d) · (●+ \d min) · ", said())
    assert efforts == [(str(i), e.effort) for i, e in enumerate(ex.lesson.exercises.values(), 1)]


def test_the_break_is_between_the_fourth_and_the_fifth_section():
    assert "the break is after section 4" in said()
    assert said().index("## 4 ·") < said().index("**Half-way.**") < said().index("## 5 ·")


# 1 · One unit ---------------------------------------------------------------------------------------


def test_exercise_1_is_minus_one_and_a_half_and_a_is_below_a_half():
    assert "The inputs are $(2, -3)$, the weights $(0.5, 1)$, the bias is $0.5$." in said()
    assert 0.5 * 2 + 1 * (-3) + 0.5 == -1.5 == ex.neuron.reference()
    a = 1 / (1 + exp(1.5))
    assert a < 1 / 2 and f"so a is below ½: {a:.2f}" in ex.neuron.remark and f"{a:.2f}" == "0.18"


def test_the_sample_the_weights_and_the_bias_have_these_shapes(n):
    unit = n.torch_rand(1)
    W, b = unit(1, 5), unit(1)
    assert n.x.shape == W.shape == (1, 5) and b.shape == (1,)
    assert (n.x @ W.T + b).shape == sigmoid(n.x @ W.T + b).shape == (1, 1)
    assert n.Z.shape == sigmoid(n.Z).shape == (3, 1)


def test_a_unit_multiplies_each_number_by_its_weight_adds_the_bias_and_bends_the_sum(n, bare):
    for x, z in zip(bare.X.tolist(), n.Z[:, 0]):
        total = sum(w * v for w, v in zip(bare.W[0].tolist(), x)) + bare.b.item()
        assert z == pytest.approx(total, rel=1e-6)
        assert sigmoid(np.array([z])).item() == pytest.approx(1 / (1 + exp(-total)), rel=1e-6)


def test_the_unit_and_its_three_results_are_torchs_and_the_slides(n, bare):
    unit = n.torch_rand(1)
    assert matches(unit(1, 5), bare.W) and matches(unit(1), bare.b)
    assert matches(n.Z, bare.unit) and matches(sigmoid(n.Z), torch.sigmoid(bare.unit))
    assert bare.unit.ravel().numpy().round(4).tolist() == pytest.approx([-2.4591, 3.1721, 6.2782], abs=1e-6)
    assert f"{bare.unit[0].item():.4f} {torch.sigmoid(bare.unit[0]).item():.4f}" == "-2.4591 0.0788"


def test_the_first_of_several_rows_is_the_sample_alone(n, bare):
    np.testing.assert_allclose(n.Z[:1], n.x @ bare.W.double().numpy().T + bare.b.double().numpy(), rtol=1e-14)
    assert torch.equal(bare.X[:1] @ bare.W.T + bare.b, bare.unit[:1])


@pytest.mark.parametrize("i", range(4))
def test_rows_do_not_see_one_another(i, n):
    changed = n.X.copy()
    changed[i] += 1
    before, after = (forward(n.net, X) for X in (n.X, changed))
    for l in (1, 2, 3):
        others = np.arange(4) != i
        np.testing.assert_array_equal(before.A[l][others], after.A[l][others])
        assert (before.A[l][i] != after.A[l][i]).all()


def test_the_codes_row_is_the_transpose_of_the_column_that_mathematics_writes(n, rng):
    x, W, b = rng.normal(size=(5, 1)), rng.normal(size=(3, 5)), rng.normal(size=(3, 1))
    np.testing.assert_allclose((W @ x + b).T, x.T @ W.T + b[:, 0], rtol=1e-14)
    assert (W @ x).shape != (x.T @ W.T).shape


def test_the_sigmoid_turns_any_number_into_one_between_0_and_1():
    z = np.linspace(-30, 30, 601)
    assert (sigmoid(z) > 0).all() and (sigmoid(z) < 1).all() and (np.diff(sigmoid(z)) > 0).all()
    np.testing.assert_allclose(sigmoid(np.array([-30.0, 30.0])), [0, 1], atol=1e-12)


def test_its_slope_is_at_most_a_quarter_at_0_and_almost_nothing_beyond_5():
    z, h = np.linspace(-9, 9, 1801), 1e-6
    slope = (sigmoid(z + h) - sigmoid(z - h)) / (2 * h)
    assert z[slope.argmax()] == pytest.approx(0, abs=1e-12) and slope.max() == pytest.approx(0.25, rel=1e-8)
    assert slope[abs(z) >= 5].max() < 0.007


def test_in_the_picture_the_dots_on_the_sigmoid_are_the_three_samples(n):
    curves = picture("Three activations and their slopes")[0].lines
    assert curves[-1].get_xydata().tolist() == np.column_stack([n.Z, sigmoid(n.Z)]).tolist()
    assert [line.get_label() for line in curves[:2]] == ["activation", "its slope"]


def test_in_the_picture_the_slopes_are_the_activations_own_and_that_of_relu_jumps_at_0_from_0_to_1():
    h = 1e-6
    for ax, f in zip(picture("Three activations and their slopes"), (sigmoid, tanh, relu)):
        z, drawn = ax.lines[1].get_data()
        there = np.isfinite(drawn)
        there[[0, -1]] = False
        np.testing.assert_allclose(drawn[there], ((f(z + h) - f(z - h)) / (2 * h))[there], atol=1e-3)
        assert np.isfinite(drawn).all() == (f is not relu) and not (np.isnan(drawn) & (abs(z) > 0.03)).any()
    z, drawn = z[np.isfinite(drawn)], drawn[np.isfinite(drawn)]
    assert set(drawn[z < 0].round(9)) == {0} and set(drawn[z > 0].round(9)) == {1}


def test_tanh_runs_from_minus_1_to_1_and_relu_is_max_of_0_and_z():
    z = np.linspace(-20, 20, 401)
    assert abs(tanh(z)).max() <= 1 and np.allclose(tanh(z[[0, -1]]), [-1, 1], atol=1e-12)
    assert relu(z).tolist() == [max(0, v) for v in z]


def test_each_unit_has_its_own_row_of_weights_and_its_own_bias(rng):
    X, W, b = rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)
    Z = ex.linear.reference(X, W, b)
    assert Z.shape == (6, 4)
    for i, j in np.ndindex(6, 4):
        assert Z[i, j] == pytest.approx(sum(w * x for w, x in zip(W[j], X[i])) + b[j], rel=1e-12)


def test_a_layers_weights_are_stored_as_in_pytorch_one_row_for_each_unit():
    layer = torch.nn.Linear(5, 7)
    assert tuple(layer.weight.shape) == (7, 5) and tuple(layer.bias.shape) == (7,)
    X, W, b = (v.detach().numpy() for v in (torch.ones(6, 5), layer.weight, layer.bias))
    np.testing.assert_allclose(ex.linear.reference(X, W, b), layer(torch.ones(6, 5)).detach(), atol=1e-6)


def test_the_layer_is_written_in_section_1_before_the_two_layers_and_used_in_section_3():
    assert comes_before("03", "## 1 ·", "A **layer** is several units", "def my_linear(", "ex.linear.check(", "## 2 ·",
                        "def my_affine(", "ex.affine.check(", "## 3 ·", "ex.linear.use(")


# 2 · Why bend at all? -------------------------------------------------------------------------------


def test_a_unit_without_a_bend_says_the_more_the_worse_or_the_less_the_worse_but_never_both(rng):
    t = np.array([35, 37, 39])
    for w, b in rng.normal(size=(100, 2)):
        cold, healthy, hot = w * t + b
        assert (cold > healthy) == (healthy > hot)


def test_with_several_measurements_a_weighted_sum_still_knows_only_one_direction_for_each(rng):
    for w, others in zip(rng.normal(size=(100, 5)), rng.normal(size=(100, 5))):
        cold, healthy, hot = (w @ [t, *others[1:]] for t in (35, 37, 39))
        assert (cold > healthy) == (healthy > hot)


def test_with_the_distance_from_37_as_one_more_measurement_a_weighted_sum_is_enough():
    t = np.array([35, 37, 39])
    danger = np.column_stack([t, abs(t - 37)]) @ [0, 1]
    assert danger[0] > danger[1] < danger[2] and "the distance from 37° as one more measurement" in said()


def test_what_a_weighted_sum_gives_a_photograph_it_takes_from_its_negative(rng):
    """Inverted, white is 1 − black: what the two get has one sum for all photographs, so it cannot be high for both."""
    photographs, w, b = rng.uniform(size=(50, 20, 20)), rng.normal(size=(20, 20)), rng.normal()
    verdict, inverted = ((some * w).sum((1, 2)) + b for some in (photographs, 1 - photographs))
    np.testing.assert_allclose(verdict + inverted, w.sum() + 2 * b, rtol=0, atol=1e-10)
    assert "invert all the pixels, white for black, and the dog is still a dog" in said()


@pytest.mark.parametrize("bend", [lambda z: z, sigmoid, tanh, relu], ids=["no bend", "sigmoid", "tanh", "relu"])
def test_a_single_unit_with_a_bend_or_without_can_only_rise_or_only_fall(bend, rng):
    t = np.linspace(35, 39, 101) - 37
    for w, b in 2 * rng.normal(size=(50, 2)):
        assert (np.diff(bend(w * t + b)) * np.sign(w) >= 0).all()


def test_two_layers_without_a_bend_are_one_for_every_x(n):
    """Both sides are affine: where they agree on four points that span the space, they agree everywhere."""
    assert np.linalg.matrix_rank(np.column_stack([n.samples, np.ones(6)])) == 4
    W, b = n.W2 @ n.W1, n.W2 @ n.b1 + n.b2
    np.testing.assert_allclose((n.samples @ n.W1.T + n.b1) @ n.W2.T + n.b2, n.samples @ W.T + b, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(n.W12, W, rtol=1e-14)
    np.testing.assert_allclose(n.b12, b, rtol=1e-14)


def test_written_out_the_two_layers_are_the_one_of_the_page(n):
    left, right = re.search(r"Nothing gained:\s+\$\$(.+?) = (.+?) \.\$\$", said(), re.DOTALL).groups()
    assert left == r"(\mathbf x^\top W_1^\top + b_1)\,W_2^\top + b_2"
    assert right == r"\mathbf x^\top (W_2 W_1)^\top + (b_1 W_2^\top + b_2)"
    np.testing.assert_allclose((n.samples @ n.W1.T + n.b1) @ n.W2.T + n.b2,
                               n.samples @ (n.W2 @ n.W1).T + (n.b1 @ n.W2.T + n.b2), rtol=1e-12, atol=1e-13)
    assert comes_before("03", "ex.affine.check(", "ex.affine.use(", "Nothing gained")


def through(X, depth, bend):
    """Push X, (N, 1), through `depth` random layers of three units, and one with a single output."""
    rng = np.random.default_rng(depth)
    for width in [3] * depth + [1]:
        X = bend(X @ rng.normal(size=(width, X.shape[1])).T + rng.normal(size=width))
    return X[:, 0]


@pytest.mark.parametrize("depth", [1, 2, 5, 10])
def test_however_many_layers_without_a_bend_draw_a_straight_line_and_with_one_they_do_not(depth):
    x = np.linspace(-2, 2, 41)[:, None]
    line, curve = (through(x, depth, bend) for bend in (lambda z: z, np.tanh))
    assert abs(np.diff(line, 2)).max() < 1e-10 * np.ptp(line)
    assert abs(np.diff(curve, 2)).max() > 0.001 * np.ptp(curve)


@pytest.mark.parametrize("d", [2, 5])
def test_one_layer_draws_planes_for_more_inputs(d, rng):
    """On the way from one point to another, all three results rise evenly."""
    W, b, start, way = rng.normal(size=(3, d)), rng.normal(size=3), rng.normal(size=d), rng.normal(size=d)
    assert abs(np.diff((start + np.linspace(-2, 2, 41)[:, None] * way) @ W.T + b, 2, axis=0)).max() < 1e-12


def test_two_units_and_an_output_that_adds_them_are_the_distance_from_37(n):
    assert r"$$|T - 37| = \operatorname{ReLU}(T - 37) + \operatorname{ReLU}(-T + 37) .$$" in said()
    T = np.linspace(34, 40, 9)
    assert n.W_two.tolist() == [[1], [-1]] and n.b_two.tolist() == [-37, 37] and n.hidden.shape == (9, 2)
    assert n.hidden.tolist() == [[max(0, t - 37), max(0, -t + 37)] for t in T]
    assert n.hidden.sum(1).tolist() == [abs(t - 37) for t in T]
    assert (np.diff(n.hidden[:, 0]) >= 0).all() and (np.diff(n.hidden[:, 1]) <= 0).all()
    assert (n.hidden @ np.ones((1, 2)).T)[:, 0].tolist() == n.hidden.sum(1).tolist()  # a layer with one unit, no bias


def test_with_the_weights_1_and_minus_1_and_no_biases_it_is_the_distance_from_0(rng):
    x = rng.normal(size=(20, 1))
    assert relu(x @ np.array([[1.0], [-1.0]]).T).sum(1).tolist() == abs(x[:, 0]).tolist()


def test_of_37_degrees_the_two_units_make_no_danger_and_of_35_and_39_the_same(n):
    T = np.array([[35.0], [37.0], [39.0]])
    assert relu(T @ n.W_two.T + n.b_two).sum(1).tolist() == [2, 0, 2]


@pytest.mark.parametrize(("right_corner", "left_corner"), [(36, 38.5), (38.5, 36), (35, 35), (39, 39), (34.5, 39.5)])
def test_the_37_sits_in_the_two_biases_which_can_be_learned(right_corner, left_corner):
    """Gradient descent on the two biases alone, from wrong corners, each within the range of the temperatures."""
    assert "The 37° sits in the two biases, −37 and 37, and biases can be *learned*" in said()
    t = np.linspace(34, 40, 61)
    b, c = -right_corner, left_corner
    for _ in range(1000):
        right, left = relu(t + b), relu(c - t)
        miss = right + left - abs(t - 37)
        b, c = b - 0.5 * (miss * (right > 0)).mean(), c - 0.5 * (miss * (left > 0)).mean()
    assert (b, c) == pytest.approx((-37, 37), abs=0.05)


def test_in_the_picture_one_unit_rises_to_the_right_one_to_the_left_and_their_sum_is_the_corner():
    ax = picture("the best straight line")
    curves = {line.get_label(): line.get_ydata() for line in ax.lines}
    T = ax.lines[0].get_xdata()
    right, left = curves["ReLU(T − 37)"], curves["ReLU(−T + 37)"]
    assert right.tolist() == relu(T - 37).tolist() and left.tolist() == relu(-T + 37).tolist()
    assert (np.diff(right) >= 0).all() and (np.diff(left) <= 0).all() and np.ptp(right) == np.ptp(left) == 3
    assert curves["their sum"].tolist() == (right + left).tolist() == abs(T - 37).tolist()
    assert ax.get_xlabel() == "temperature T" and T[[0, -1]].tolist() == [34, 40]


def test_in_the_picture_the_best_straight_line_is_level_by_the_squares_by_the_largest_miss_and_by_the_mean_one(rng):
    """From 34 to 40 the danger is |d|, d = −3 … 3. By squares: the integrals. By the largest miss: at −3, 0 and 3 every
    line misses by 1½ somewhere. By the mean miss: none of many other lines does better."""
    ax = picture("the best straight line")
    level, = {*ax.lines[-1].get_ydata()}
    assert ax.lines[-1].get_label() == "the best straight line" and "The straight line that comes closest" in said()
    d = ax.lines[0].get_xdata() - 37
    a, b = np.polyfit(d, abs(d), 1)
    assert abs(a) < 1e-12 and b == pytest.approx(level, abs=0.01) and level == 9 / 6
    lines = 3 * rng.normal(size=(1000, 2)) @ [[1, 1, 1], [-1, 0, 1]]
    assert abs(lines - [3, 0, 3]).max(1).min() >= 1.5 == abs(level - abs(d)).max()
    mean_misses = [abs(u + v * d - abs(d)).mean() for u, v in rng.normal((level, 0), 1, (1000, 2))]
    assert min(mean_misses) >= abs(level - abs(d)).mean() - 1e-12


def test_no_straight_line_can_do_that(rng):
    """On a line the middle of two points is on it as well: at −1, 0 and 1 it misses |x| by ½ at least."""
    lines = rng.normal(size=(1000, 2)) @ [[1, 1, 1], [-1, 0, 1]]
    assert abs(lines - [1, 0, 1]).max(1).min() >= 0.5


def test_more_corners_come_as_close_to_a_curve_as_you_like():
    x, misses = np.linspace(-1, 1, 2001), []
    for corners in (10, 20, 40, 80):
        knots = np.linspace(-1, 1, corners + 1)
        slopes = np.diff(np.sin(3 * knots) + knots) / np.diff(knots)
        heights = np.diff(slopes, prepend=0)
        curve = np.sin(-3) - 1 + relu(np.subtract.outer(x, knots[:-1])) @ heights
        misses.append(abs(curve - np.sin(3 * x) - x).max())
    assert misses[-1] < 0.001 and (np.divide(misses[:-1], misses[1:]) > 3.5).all()


def test_notebook_00_had_six_bends(n):
    assert "[1, 6, 1], [tanh, identity]" in "\n".join(sources("00"))


# 3 · What adding a bias means -----------------------------------------------------------------------


def test_plus_b_is_a_column_of_ones_times_a_row(n, bare):
    b = np.arange(4.0)
    assert (np.ones((3, 1)) @ b[None]).tolist() == (np.zeros((3, 4)) + b).tolist() == [[0, 1, 2, 3]] * 3
    assert torch.allclose(bare.unit, bare.X[:3] @ bare.W.T + torch.ones(3, 1) @ bare.b.view(1, 1))


@pytest.mark.parametrize(("one", "other", "both"), [
    ((3, 4), (4,), (3, 4)), ((3, 1), (3,), (3, 3)), ((3, 1), (1, 4), (3, 4)), ((6, 4), (6, 1), (6, 4))])
def test_a_1_or_nothing_is_repeated_until_it_fits(one, other, both):
    assert (np.zeros(one) + np.zeros(other)).shape == both
    assert tuple((torch.zeros(one) + torch.zeros(other)).shape) == both


@pytest.mark.parametrize(("zeros", "error"), [(np.zeros, ValueError), (torch.zeros, RuntimeError)])
def test_one_number_a_row_is_no_bias(zeros, error):
    with pytest.raises(error):
        zeros((3, 4)) + zeros(3)


@pytest.mark.parametrize("zeros", [np.zeros, torch.zeros], ids=["numpy", "torch"])
def test_exercise_4_is_three_by_three_and_no_error(zeros):
    assert tuple((zeros((3, 1)) - zeros(3)).shape) == (3, 3) == ex.silent_shape.reference()


def test_every_answer_is_right_and_the_mean_square_of_the_differences_is_four_thirds(n):
    assert n.answers.shape == (3, 1) and n.targets.shape == (3,) and n.answers.ravel().tolist() == n.targets.tolist()
    squares = [(a - t) ** 2 for a in (1, 2, 3) for t in (1, 2, 3)]
    assert ((n.answers - n.targets) ** 2).ravel().tolist() == squares
    assert sum(squares) / len(squares) == pytest.approx(4 / 3, rel=1e-15) and f"{4 / 3:.3f}" == "1.333"
    assert ((n.answers - n.targets[:, None]) ** 2).mean() == 0


@pytest.mark.parametrize(("N", "m", "passes_silently"), [(3, 3, True), (4, 3, False)])
def test_what_slips_through_where_n_is_the_number_of_units_stops_where_all_sizes_differ(N, m, passes_silently, rng):
    X, W = rng.normal(size=(N, 5)), rng.normal(size=(m, 5))
    one_a_unit, one_a_row = rng.normal(size=m), rng.normal(size=N)
    for slip in (lambda: W @ X.T + one_a_unit, lambda: X @ W.T + one_a_row):
        if passes_silently:
            assert slip().shape == (N, m) and not np.allclose(slip(), X @ W.T + one_a_unit)
        else:
            with pytest.raises(ValueError, match="broadcast"):
                slip()


def test_a_transposed_matrix_slips_through_where_a_layer_is_square(rng):
    X, square = rng.normal(size=(6, 4)), rng.normal(size=(4, 4))
    assert (X @ square).shape == (X @ square.T).shape and not np.allclose(X @ square, X @ square.T)
    with pytest.raises(ValueError, match="mismatch"):
        X @ rng.normal(size=(3, 4))


def test_our_own_example_breaks_the_rule_and_there_a_bias_stored_as_a_column_slips_through(n, A):
    assert len(n.X) == 4 == len(n.net.b[2]) and "Four samples and a layer of four units" in said()
    slipped = A[1] @ n.net.W[2].T + n.net.b[2][:, None]
    assert slipped.shape == n.my_Z[2].shape and not np.allclose(slipped, n.my_Z[2])
    for l in (1, 3):
        with pytest.raises(ValueError, match="broadcast"):
            A[l - 1] @ n.net.W[l].T + n.net.b[l][:, None]


def test_each_check_with_a_layer_of_a_batch_tries_it_with_sizes_that_all_differ():
    for exercise in (ex.linear, ex.extend):
        assert any(len({*X.shape, len(b)}) == 3 for X, _, b in exercise.samples)
    for f in (ex.shapes, ex.forward):
        sizes = [(sample[0], *sample[1]) if f is ex.shapes else (*sample[3].shape, *map(len, sample[1].values()))
                 for sample in f.samples]
        assert any(len(set(some)) == len(some) for some in sizes)


# 4 · A network --------------------------------------------------------------------------------------


@pytest.fixture
def drawn():
    """The picture of the network."""
    ax = lecture_network()
    yield ax
    plt.close(ax.figure)


@each_layer
def test_a_layer_has_the_shapes_that_its_picture_says(l, n, drawn):
    d = (5, 7, 4, 3)
    assert n.W[l].shape == (d[l], d[l - 1]) and n.b[l].shape == (d[l],)
    written = [text.get_text() for text in drawn.texts if f"$W^{{({l})}}$" in text.get_text()]
    assert written == [f"$W^{{({l})}}$ {n.W[l].shape}\n$b^{{({l})}}$ {n.b[l].shape}"]


def test_every_line_of_the_drawn_network_is_a_weight(n, drawn):
    assert len(drawn.lines) == sum(W.size for W in n.W.values()) == 5 * 7 + 7 * 4 + 4 * 3
    assert "show(lecture_network()" in "\n".join(sources("03"))


def test_row_j_of_w_holds_the_weights_that_run_into_unit_j(n, A):
    W = n.W[2].copy()
    W[1, 4] += 1
    moved = A[1] @ W.T + n.b[2] - n.my_Z[2]
    np.testing.assert_allclose(moved[:, 1], A[1][:, 4], rtol=1e-12)
    assert abs(np.delete(moved, 1, 1)).max() < 1e-15


@pytest.mark.parametrize("f", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_an_activation_never_changes_a_shape(f):
    assert all(f(np.ones(shape)).shape == shape for shape in ((1, 1), (1, 7), (6, 4)))


@pytest.mark.parametrize(("N", "sizes"), [(6, (5, 7, 4, 3)), (4, (5, 7, 4, 3)), (1, (2, 9)), (100, (64, 32, 10))])
def test_exercise_5_has_a_row_for_each_sample_and_a_column_for_each_unit(N, sizes):
    net = initialize(sizes, [sigmoid] * (len(sizes) - 1), np.random.default_rng(0))
    shapes = [Z.shape for Z in forward(net, np.ones((N, sizes[0]))).Z.values()]
    assert shapes == [(N, d) for d in sizes[1:]] == ex.shapes.reference(N, sizes)


def test_the_products_of_the_picture_are_the_networks_for_six_samples(n):
    drawn = ast.literal_eval(re.search(r"zip\(ax, (\[\(1, .+?\])\)", "\n".join(sources("03")))[1])
    assert [(l, *n.W[l].T.shape) for l in n.W] == drawn
    assert all((np.ones((6, k)) @ np.ones((k, m))).shape == (6, m) for _, k, m in drawn)


def test_the_three_products_are_drawn_in_three_rows_to_one_scale():
    axes = picture("The three products for six samples")
    assert axes.shape == (3,) and len({(*ax.get_xlim(), *ax.get_ylim()) for ax in axes}) == 1
    assert all(ax.get_aspect() == 1 for ax in axes)
    for ax, (n, m) in zip(axes, ((5, 7), (7, 4), (4, 3))):
        boxes = [(box.get_height(), box.get_width()) for box in ax.patches]
        assert boxes == [(6, n), (n, m), (6, m)]
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        for box in ax.patches:
            assert x0 < box.get_x() < box.get_x() + box.get_width() < x1
            assert y0 < box.get_y() < box.get_y() + box.get_height() < y1


@pytest.mark.parametrize("rows", [1, 3, 4])
def test_line_after_line_the_shapes_are_those_of_the_comments(rows, bare):
    A, shapes = bare.X[:rows], []
    for l, bend in ((1, torch.sigmoid), (2, torch.sigmoid), (3, lambda z: torch.softmax(z, dim=1))):
        Z = A @ bare.weights[l].T + bare.biases[l]
        A = bend(Z)
        shapes += [tuple(Z.shape), tuple(A.shape)]
    assert shapes == [(rows, 7), (rows, 7), (rows, 4), (rows, 4), (rows, 3), (rows, 3)]


def test_one_sample_alone_is_the_first_row_of_the_batch(n, A, bare):
    assert (n.a1.shape, n.a2.shape, n.a3.shape) == ((1, 7), (1, 4), (1, 3))
    assert n.a3.sum() == pytest.approx(1, rel=1e-14)
    for l, alone in ((1, n.a1), (2, n.a2), (3, n.a3)):
        np.testing.assert_allclose(A[l][:1], alone, rtol=1e-13)
        assert matches(alone, bare.A[l][:1])


def test_three_samples_give_the_first_three_rows(n, A):
    three = forward(n.net, n.X[:3])
    assert [a.shape for a in three.A.values()] == [(3, 5), (3, 7), (3, 4), (3, 3)]
    np.testing.assert_allclose(three.A[3], A[3][:3], rtol=1e-13)


@each_layer
def test_the_loop_and_the_loop_of_utils_are_torchs_bare_lines(l, n, bare):
    trace = forward(n.net, n.X)
    for Z, A in ((n.my_Z, n.my_A), (trace.Z, trace.A)):
        assert matches(Z[l], bare.Z[l]) and matches(A[l], bare.A[l])


def test_the_lectures_example_is_what_torch_draws(bare):
    X, Y, net = lecture_example("torch")
    assert torch.equal(X, bare.X) and Y.argmax(1).tolist() == LABELS
    assert all(torch.equal(net.W[l], bare.weights[l]) and torch.equal(net.b[l], bare.biases[l]) for l in (1, 2, 3))


def test_the_dicts_keys_are_the_numbers_of_the_layers_and_a_0_is_x(n, A):
    assert list(n.W) == list(n.b) == list(n.net.f) == list(n.my_Z) == [1, 2, 3]
    assert list(A) == [0, 1, 2, 3] and A[0] is n.X
    assert [n.net.f[l].name for l in (1, 2, 3)] == ["sigmoid", "sigmoid", "softmax"]


def test_samples_and_units_count_from_0_in_the_pictures_and_classes_in_the_text():
    for ax in [*picture("The outputs of the three layers"), *picture("divided by the sum of the row")]:
        assert [text.get_text() for text in ax.get_yticklabels()] == [f"sample {i}" for i in range(4)]
        assert [text.get_text() for text in ax.get_xticklabels()] == [str(j) for j in range(len(ax.get_xticks()))]
    assert comes_before("03", "classes and units are numbered from 0, layers from 1", "x = X[:1]\n\na1")
    assert "$z_0, z_1, z_2$ come out of the last layer, one for each class" in said()
    assert "class 0 becomes" in said() and "sample 1, which belongs to it" in said()


@each_layer
def test_the_picture_of_what_a_layer_puts_out_shows_its_numbers(l, A):
    ax = picture("The outputs of the three layers")[l - 1]
    assert numbers_of(ax) == [f"{a:.2f}" for a in A[l].ravel()] and str(A[l].shape) in ax.get_title()


def test_an_activation_is_called_f_in_formulas_as_in_code():
    assert "f^{(l)}" in said() and "`f[l](Z[l])`" in said() and not re.search(r"\bg[_^]", said())


def test_there_are_89_parameters(n):
    assert sum(v.size for part in (n.W, n.b) for v in part.values()) == 7 * 5 + 7 + 4 * 7 + 4 + 3 * 4 + 3 == 89


def test_a_shape_that_does_not_fit_is_named(n):
    with pytest.raises(ValueError, match=r"X has 4 columns, but W\[1\] takes 5"):
        forward(n.net, n.X[:, :4])


def test_samples_1_to_3_drive_nearly_all_units_close_to_1(A):
    driven = np.concatenate([A[l][1:].ravel() for l in (1, 2)])
    assert driven.size == 33 and (driven > 0.9).sum() == 31
    assert A[1][0].max() < 0.6 and A[2][0].max() < 0.9


def test_nearly_all_for_not_every_unit_is_close_to_1(A):
    assert f"{A[1][1:].min():.2f}" == f"{A[1][1, 3]:.2f}" == "0.84"
    assert 0.5 < A[1][1, 3] * (1 - A[1][1, 3]) / 0.25 < 0.6


def test_at_the_output_the_three_can_hardly_be_told_apart(A):
    assert np.ptp(A[3][1:], axis=0).max() < 0.0015 < 0.015 < abs(A[3][0] - A[3][1]).min()
    assert len(set(map(tuple, A[3][1:].round(2)))) == 1


def test_where_a_unit_is_close_to_0_or_to_1_its_slope_is_close_to_0():
    z, h = np.linspace(log(9), 20, 101), 1e-6
    for side, a in ((z, np.linspace(0.9, 1, 11)), (-z, np.linspace(0.1, 0, 11))):
        assert (a * (1 - a) <= 0.09 + 1e-15).all() and (np.diff(a * (1 - a)) < 0).all()
        assert (abs(sigmoid(side) - a[-1]) <= 0.1 + 1e-12).all()
        slope = (sigmoid(side + h) - sigmoid(side - h)) / (2 * h)
        np.testing.assert_allclose(slope, sigmoid(side) * (1 - sigmoid(side)), atol=1e-9)


def test_the_example_saturates_at_1_and_its_sample_0_at_0(A):
    assert (A[1][1:] > 0.8).all() and A[1][0].min() < 0.03


@pytest.mark.parametrize("sample", [1, 2, 3])
def test_most_units_of_the_first_layer_have_a_slope_below_a_tenth(sample, n):
    z, h = n.my_Z[1][sample], 1e-6
    slopes = (sigmoid(z + h) - sigmoid(z - h)) / (2 * h)
    assert (slopes < 0.1).sum() >= 5 > 7 / 2


def test_in_sample_0_most_have_not(A):
    assert (A[1][0] * (1 - A[1][0]) >= 0.1).sum() == 4


def test_the_explorer_counts_from_0_as_code_and_figures_do(n):
    assert repr(n.forward_explorer(step=1)) == (
        "The 5-7-4-3 network at Z⁽¹⁾, sample 0; 5 lines, as thick as their weights, run into unit 0: "
        f"entry 0 is {n.my_Z[1][0, 0]:.3f}.")


@each_layer
def test_in_the_explorer_the_thicker_a_line_the_larger_its_weight(l, n):
    """Of all lines into the units of a layer: one scale for them."""
    widths = []
    for j, row in enumerate(n.net.W[l]):
        actors = [a for a in passes.forward_scene(2 * l - 1, 0, j, 0, -8).actors if hasattr(a, "width")]
        assert len(actors) == len(row)
        weights = {float(passes.unit(l - 1, i)[1]): w for i, w in enumerate(row)}
        widths += [(weights[float(np.asarray(a.xy)[0, 1])], a.width) for a in actors]
    assert [width for _, width in sorted(widths)] == sorted(width for _, width in widths)


def luminance(color):
    return sum(int(color[k:k + 2], 16) for k in (1, 3, 5))


@pytest.mark.parametrize("step", [2, 4, 6])
def test_in_the_explorer_the_darker_a_unit_the_larger_its_number_in_every_layer_of_units(step, n):
    """Inputs may be negative: these are grey, the darker the more negative."""
    trace, l = forward(n.net, n.X), step // 2
    discs = [a for a in passes.forward_scene(step, 1, 0, 0, n.X[1, 0]).actors if getattr(a, "size", 0) == 10]
    shown = {tuple(np.ravel(a.xy)): luminance(a.color) for a in discs}
    light = [shown[tuple(passes.unit(l, j))] for j in range(len(trace.A[l][1]))]
    order = np.argsort(trace.A[l][1])
    assert (np.diff(np.array(light)[order]) <= 0).all()


@pytest.mark.parametrize(("row", "column", "value"), [
    (0, 0, -8), (1, 2, -1), (2, 0, 7), (3, 0, 3), (1, 2, 10), (1, 2, -10), (1, 2, -5.5), (3, 4, 0.5)])
def test_in_the_explorer_a_positive_unit_is_blue_and_a_negative_one_grey_the_darker_the_larger_in_size(row, column,
                                                                                                     value, n):
    X = n.X.copy()
    X[row, column] = value
    for step in range(7):
        trace, discs = forward(n.net, X), [a for a in passes.forward_scene(step, row, 0, column, value).actors
                                           if getattr(a, "size", 0) == 10]
        colors = {tuple(np.ravel(a.xy)): a.color for a in discs}
        layers = range(step // 2 + 1)
        assert len(colors) == sum((5, 7, 4, 3)[l] for l in layers)
        for l in layers:
            units = [(v, colors[tuple(passes.unit(l, j))]) for j, v in enumerate(trace.A[l][row])]
            for v, color in units:
                red, green, blue = (int(color[k:k + 2], 16) for k in (1, 3, 5))
                pale = abs(v) < 0.01 * max(abs(trace.A[l][row]))  # too small to be seen: white
                assert pale or (red < green < blue if v > 0 else red == green == blue)
            for sign in (-1, 1):  # in one colour; between the two, a blue unit is darker than a grey one of its size
                one = sorted((abs(v), -luminance(color)) for v, color in units if v * sign > 0)
                assert [dark for _, dark in one] == sorted(dark for _, dark in one)


@pytest.mark.parametrize("row", range(4))
def test_in_the_explorer_of_two_inputs_of_the_example_the_larger_in_size_is_the_darker_whatever_their_colours(row, n):
    discs = [a for a in passes.forward_scene(0, row, 0, 0, n.X[row, 0]).actors if getattr(a, "size", 0) == 10]
    for x, a in zip(n.X[row], discs):
        assert all(luminance(a.color) < luminance(b.color) for y, b in zip(n.X[row], discs) if abs(x) > abs(y))


def test_in_the_explorer_the_pencil_stands_beside_the_input_that_the_slider_edits():
    for step, column in np.ndindex(8, 5):
        pencil, = (a for a in passes.forward_scene(step, 1, 0, column, 3).actors if getattr(a, "words", "") == "✎")
        assert np.ravel(pencil.xy).tolist() == passes.unit(0, column).tolist()


def test_if_input_2_of_sample_1_is_edited_every_number_of_that_row_changes_and_the_loss_and_no_other(n):
    X = n.X.copy()
    X[1, 2] += 2
    before, after = forward(n.net, n.X), forward(n.net, X)
    for l in (1, 2, 3):
        for old, new in ((before.Z[l], after.Z[l]), (before.A[l], after.A[l])):
            assert (old != new).tolist() == [[i == 1] * old.shape[1] for i in range(4)]
    assert cross_entropy(before.A[3], n.Y) != cross_entropy(after.A[3], n.Y)


@pytest.mark.parametrize(("row", "value"), [(0, 5), (1, -10), (2, -10), (3, -10)])
def test_in_the_explorer_the_effect_of_an_input_reaches_as_far_as_its_own_row_and_the_loss(row, value):
    for step in range(7):
        assert f"all in row {row}." in passes.forward_scene(step, row, 0, 0, value).readout
    assert "Before the edit, L was 1.1394." in passes.forward_scene(7, row, 0, 0, value).readout


# 5 · Softmax ----------------------------------------------------------------------------------------


def test_softmax_makes_each_row_positive_with_the_sum_1(n, A, bare):
    by_hand = [[exp(z) / sum(map(exp, row)) for z in row] for row in n.my_Z[3]]
    np.testing.assert_allclose(A[3], by_hand, rtol=1e-13)
    assert (A[3] > 0).all() and np.allclose(A[3].sum(1), 1, rtol=1e-14)
    assert torch.allclose(torch.softmax(bare.Z[3], dim=1).sum(1), torch.ones(4))


def test_the_exponential_keeps_the_order_of_the_numbers_and_squares_would_not():
    z = np.array([-3.0, -1, 0, 2])
    assert (np.exp(z) > 0).all() and (np.diff(np.exp(z)) > 0).all()
    assert (z**2).argsort().tolist() != z.argsort().tolist()


def test_the_picture_shows_both_and_its_first_row_on_the_right_is_that_of_the_caption(n, A):
    left, right = picture("divided by the sum of the row")
    assert numbers_of(left) == [f"{a:.2f}" for a in A[3].ravel()]
    assert numbers_of(right) == [f"{a:.2f}" for a in column_softmax(n.my_Z[3]).ravel()]
    assert numbers_of(right)[:3] == ["0.17", "0.21", "0.19"]


def test_over_the_other_axis_the_columns_sum_to_1_and_no_row_is_a_distribution(n, bare):
    wrong = column_softmax(n.my_Z[3])
    assert matches(wrong, torch.softmax(bare.Z[3], dim=0))
    assert np.allclose(wrong.sum(0), 1, rtol=1e-14) and (abs(wrong.sum(1) - 1) > 0.15).all()


def test_they_lie_between_0_and_1_as_well_and_nobody_stops_you(n):
    wrong = column_softmax(n.my_Z[3])
    assert wrong.min() > 0 and wrong.max() < 1 and np.isfinite(cross_entropy(wrong, n.Y))


def test_there_the_samples_compete_with_one_another(n):
    Z = n.my_Z[3].copy()
    Z[1] += 1
    assert (column_softmax(Z)[0] < column_softmax(n.my_Z[3])[0]).all()
    np.testing.assert_array_equal(softmax(Z)[0], softmax(n.my_Z[3])[0])


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_by_the_formula_e_to_the_1000_is_infinite_and_the_result_no_number():
    e = np.exp(np.array([[1000.0, 999, 0]]))
    assert e[0, 0] == np.inf and np.isnan(np.inf / e[0, 0])
    assert np.isnan(e / e.sum(1, keepdims=True)).tolist() == [[True, True, False]]


def test_the_true_answer_is_harmless_and_a_shift_of_the_row_does_not_change_it(n):
    z = np.array([[1000.0, 999, 0]])
    for f in (softmax, n.my_softmax):
        assert np.isfinite(f(z)).all() and f(z)[0, 2] == 0 and f(z)[0, 0] == pytest.approx(1 / (1 + exp(-1)), rel=1e-14)
        np.testing.assert_allclose(f(z), f(z - 1000), rtol=1e-14)
    np.testing.assert_allclose(torch.softmax(torch.from_numpy(z), dim=1), softmax(z), rtol=1e-14)


@pytest.mark.parametrize("row", [[1000, 999, 0], [-1000, -1001, -1002], [0, 0, 0], [-3, 700, 1e300], [1e-9, 2, -1e300]])
def test_with_the_largest_subtracted_nothing_overflows_and_the_sum_is_at_least_1(row):
    z = np.array([row], dtype=float)
    with np.errstate(over="raise", invalid="raise"):
        e = np.exp(z - z.max(1, keepdims=True))
        assert (z - z.max()).max() == 0 and e.max() == 1 <= e.sum() <= 3
        np.testing.assert_allclose(e / e.sum(1, keepdims=True), ex.softmax_rows.reference(z), rtol=1e-14)


# 6 · How wrong? -------------------------------------------------------------------------------------


def test_the_four_samples_belong_to_these_classes(n):
    assert n.classes.tolist() == LABELS == n.Y.argmax(1).tolist()
    assert one_hot(LABELS, 3).tolist() == n.Y.tolist() == lecture_example()[1].tolist()
    assert (n.Y.sum(1) == 1).all() and set(n.Y.ravel()) == {0, 1}


def test_p_is_what_each_right_class_got(n, A):
    assert n.p.tolist() == [A[3][i, c] for i, c in enumerate(LABELS)]


def test_the_product_of_independent_probabilities_is_that_of_all_being_right():
    """Counted among the equally likely worlds of four urns, of which 1 … 4 balls in 5 are the right ones."""
    worlds = np.stack(np.meshgrid(*[range(5)] * 4), -1).reshape(-1, 4)
    assert (worlds < [1, 2, 3, 4]).all(1).mean() == pytest.approx(np.prod([0.2, 0.4, 0.6, 0.8]), rel=1e-14)


def test_a_thousand_probabilities_underflow_and_their_logarithms_do_not(n):
    assert n.many.prod() == 0 and len(n.many) == 1000 and set(n.many) == {0.35}
    assert 1000 * np.log10(0.35) < np.log10(np.nextafter(0, 1))
    assert np.log(n.many).sum() == pytest.approx(1000 * log(0.35), rel=1e-12)


def test_the_logarithm_of_the_product_is_the_sum_and_largest_where_the_product_is(n, rng):
    assert np.log(n.p.prod()) == pytest.approx(np.log(n.p).sum(), rel=1e-14)
    some = rng.uniform(0.01, 1, (100, 4))
    assert (some.prod(1).argsort() == np.log(some).sum(1).argsort()).all()


def test_the_loss_is_the_negative_log_likelihood_divided_by_n(n, A):
    likelihood = A[3][0, 2] * A[3][1, 0] * A[3][2, 1] * A[3][3, 2]
    assert f"{likelihood:.5f}" == "0.01049" and n.loss(A[3], n.Y) == pytest.approx(-log(likelihood) / 4, rel=1e-14)
    assert comes_before("03", "It is called the **likelihood**", "the *negative log-likelihood*",
                        "likelihood: the product")


@cache
def with_another_bias(shift):
    """The four samples' probabilities of the right class, with `shift` added to the bias of class 2."""
    X, _, net = lecture_example("numpy")
    b = {**net.b, 3: net.b[3] + [0, 0, shift]}
    return ex.forward.reference(net.W, b, net.f, X)[1][3][range(4), LABELS]


def test_the_picture_shows_likelihood_and_loss_against_one_bias_of_the_last_layer():
    product, loss = picture("likelihood: the product")
    assert [ax.get_title() for ax in (product, loss)] == ["likelihood: the product", "loss: minus the mean logarithm"]
    assert {ax.get_xlabel() for ax in (product, loss)} == {"added to the bias of class 2"}
    shifts, products = product.lines[0].get_data()
    assert loss.lines[0].get_xdata().tolist() == shifts.tolist() and shifts[[0, -1]].tolist() == [-3, 5]
    moved = [with_another_bias(shift) for shift in shifts]
    np.testing.assert_allclose(products, [np.prod(p) for p in moved], rtol=1e-12)
    np.testing.assert_allclose(loss.lines[0].get_ydata(), [-sum(map(log, p)) / 4 for p in moved], rtol=1e-12)


def test_where_the_product_is_largest_the_loss_is_smallest_and_both_pictures_mark_the_place():
    """There the four probabilities of class 2 sum to 2, for two of the four samples belong to it."""
    product, loss = (ax.lines for ax in picture("likelihood: the product"))
    shifts, best = product[0].get_xdata(), product[0].get_ydata().argmax()
    assert best == loss[0].get_ydata().argmin() and 0 < best < len(shifts) - 1
    assert product[0].get_ydata().argsort()[::-1].tolist() == loss[0].get_ydata().argsort().tolist()
    assert {*product[1].get_xdata(), *loss[1].get_xdata()} == {shifts[best]}
    X, _, net = lecture_example("numpy")
    last = forward(net, X).Z[3] + [0, 0, shifts[best]]
    assert softmax(last)[:, 2].sum() == pytest.approx(2, abs=0.02) and LABELS.count(2) == 2


def test_the_loss_does_not_grow_with_the_number_of_samples(n, A):
    twice = price(np.tile(A[3], (2, 1)), np.tile(n.Y, (2, 1)))
    assert twice == pytest.approx(n.loss(np.tile(A[3], (2, 1)), np.tile(n.Y, (2, 1))), rel=1e-14)
    assert twice == pytest.approx(n.loss(A[3], n.Y), rel=1e-14)


def test_a_certain_right_class_costs_nothing_and_there_is_no_bound():
    assert -np.log(1.0) == 0 and (np.diff(-np.log(np.linspace(0.01, 1, 100))) < 0).all()
    assert all(-log(exp(-bound)) >= bound for bound in (10, 100, 700))


def test_the_samples_lie_on_both_sides_of_guessing_and_their_mean_is_the_loss(n, A):
    prices = -np.log(n.p)
    assert (prices > log(3)).tolist() == [False, False, True, True]
    assert prices.mean() == pytest.approx(cross_entropy(A[3], n.Y), rel=1e-14)
    assert price(np.full((4, 3), 1 / 3), n.Y) == pytest.approx(log(3), rel=1e-14)


def test_whoever_gives_each_class_a_third_pays_log_3_for_every_sample_and_the_page_says_so_before_the_picture(n):
    assert (-np.log((n.Y / 3).sum(1))).tolist() == pytest.approx([log(3)] * 4, rel=1e-15)
    assert comes_before("03", r"\log 3 = 1.10$ for every sample", '"guessing: log 3"')


def test_the_picture_shows_the_prices_of_the_samples_and_of_guessing(n):
    curve, dots, guess = picture("guessing: log 3").lines
    np.testing.assert_allclose(curve.get_ydata(), -np.log(curve.get_xdata()), rtol=1e-14)
    np.testing.assert_allclose(dots.get_xydata(), [(n.my_A[3][i, c], -log(n.my_A[3][i, c]))
                                                   for i, c in enumerate(LABELS)], rtol=1e-14)
    assert set(guess.get_ydata()) == {np.log(3)}
    marks = [text for text in picture("guessing: log 3").texts if text.get_text().isdigit()]
    assert [(text.get_text(), *text.xy) for text in marks] == [(str(i), p, -np.log(p)) for i, p in enumerate(n.p)]


def test_multiplied_entry_by_entry_y_keeps_the_right_probability_and_wipes_out_the_others(n, A):
    assert (n.Y * A[3]).sum(1).tolist() == n.p.tolist() and np.count_nonzero(n.Y * A[3]) == 4


def test_the_boxed_loss_stands_after_the_bug_and_is_the_mended_one(n, A):
    assert comes_before("03", "def hasty_loss", "ex.cross_entropy_loss.check(", "ex.cross_entropy_loss.use(", r"\boxed")
    assert r"\boxed{\;L = -\frac1N \operatorname{sum}\big(Y \odot \log A^{(3)}\big)\;}" in said()
    assert -1 / 4 * (n.Y * np.log(A[3])).sum() == pytest.approx(n.loss(A[3], n.Y), rel=1e-14)


def test_multiplied_entry_by_entry_y_picks_the_right_logarithm(n, A):
    picked = n.Y * np.log(A[3])
    assert [picked[i, c] for i, c in enumerate(LABELS)] == np.log(n.p).tolist()
    assert np.count_nonzero(picked) == 4


def test_the_cross_entropy_is_1_1394_by_every_road(n, A, bare):
    Y = torch.tensor(n.Y, dtype=torch.float32)
    roads = [price(A[3], n.Y), n.loss(A[3], n.Y), cross_entropy(A[3], n.Y), softmax_cross_entropy(n.my_Z[3], n.Y),
             (-1 / 4 * torch.sum(Y * torch.log(bare.A[3]))).item(), cross_entropy(bare.A[3], Y).item(),
             softmax_cross_entropy(bare.Z[3], Y).item(),
             torch.nn.functional.cross_entropy(bare.Z[3], torch.tensor(LABELS)).item()]
    assert [f"{road:.4f}" for road in roads] == ["1.1394"] * 8


def test_the_untrained_network_is_slightly_worse_than_guessing(n, A):
    assert f"{log(3):.4f}" == "1.0986" and log(3) < price(A[3], n.Y) < 1.05 * log(3)


def test_the_hasty_loss_is_the_mean_probability_of_the_right_class(n, A):
    assert n.hasty_loss(A[3], n.Y) == pytest.approx(n.p.mean(), rel=1e-14)
    assert f"{n.p.mean():.4f}" == "0.3374"
    assert ex.cross_entropy_loss.given(A[3], n.Y) == n.hasty_loss(A[3], n.Y)


def test_the_hasty_loss_is_printed_alone_before_the_exercise_and_both_for_a_better_network_after_it(book):
    assert comes_before("03", "Is it a loss?", "def hasty_loss", "should this number rise or fall",
                        "ex.cross_entropy_loss.check(", "better = softmax(my_Z[3] + Y)")
    lines = book.printed.splitlines()
    alone, given = lines.index("0.3374"), next(i for i, line in enumerate(lines) if "the code as it was given" in line)
    hasty, right = (next(i for i, line in enumerate(lines) if line.startswith(name))
                    for name in ("the hasty loss: ", "cross-entropy:  "))
    assert alone < given < hasty == right - 1


@pytest.mark.parametrize("evidence", [0.1, 1, 3])
def test_for_a_better_network_the_hasty_loss_goes_up_and_the_cross_entropy_down(evidence, n, A):
    better = softmax(n.my_Z[3] + evidence * n.Y)
    assert (better[n.Y == 1] > n.p).all()
    assert n.hasty_loss(better, n.Y) > n.hasty_loss(A[3], n.Y)
    assert cross_entropy(better, n.Y) < cross_entropy(A[3], n.Y)
    if evidence == 1:
        np.testing.assert_array_equal(better, n.better)


# 7 · Two traps --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_sure_and_right_is_nan_by_the_formula_and_0_in_utils():
    assert np.isnan(-(SURE * np.log(SURE)).sum()) and np.isnan(0 * np.log(np.zeros(1))).all()
    assert np.isnan(ex.cross_entropy_loss.reference(SURE, SURE)) and np.isnan(run("03").names["loss"](SURE, SURE))
    assert cross_entropy(SURE, SURE) == 0


def test_mathematics_reads_0_log_0_as_0():
    a = 10.0 ** -np.arange(1, 300, 20)
    assert (np.diff(abs(a * np.log(a))) < 0).all() and abs(a[-1] * np.log(a[-1])) < 1e-270


def test_softmax_reaches_exactly_0_and_1_because_an_exponential_underflows():
    assert np.exp(-800.0) == 0
    assert softmax(np.array([[800.0, 0.0]])).tolist() == [[1, 0]]
    assert torch.softmax(torch.tensor([[800.0, 0.0]], dtype=torch.float64), dim=1).tolist() == [[1, 0]]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:.*right class the probability 0")
@pytest.mark.parametrize("size", [800, 1000])
def test_sure_and_wrong_is_infinite_by_way_of_softmax_and_finite_in_one(size):
    for z, y in (([[size, 0.0]], [[0.0, 1.0]]), ([[0.0, size]], [[1.0, 0.0]])):
        z, y = np.array(z), np.array(y)
        assert np.isinf(-np.log(softmax(z)[y == 1])).all() and np.isinf(cross_entropy(softmax(z), y))
        assert softmax_cross_entropy(z, y) == size == size + np.log1p(np.exp(-float(size)))


def test_on_paper_the_loss_of_800_and_0_is_800_and_it_is_told_after_the_cell():
    """log a₁ = −800 − log(1 + e^−800), and the last term is smaller than e^−800, less than any number here."""
    assert r"a_1 = e^{0 - 800}/(e^{800 - 800} + e^{0 - 800})" in said()
    assert -(0 - 800) + np.log(np.exp(800.0 - 800) + np.exp(0.0 - 800)) == 800
    z, y = torch.tensor([[800.0, 0.0]], dtype=torch.float64), torch.tensor([1])
    assert torch.nn.functional.cross_entropy(z, y).item() == 800
    assert comes_before("03", "on paper before you run the cell", '"both in one:      "', "The true loss is 800, large")


def test_softmax_and_logarithm_put_together_are_this_formula(n, rng):
    for Z in (n.my_Z[3], 5 * rng.normal(size=(20, 4))):
        m = Z.max(1, keepdims=True)
        log_a = (Z - m) - np.log(np.exp(Z - m).sum(1, keepdims=True))
        np.testing.assert_allclose(log_a, np.log(softmax(Z)), atol=1e-14)
        np.testing.assert_allclose(log_a, np.log(np.exp(Z - m) / np.exp(Z - m).sum(1, keepdims=True)), atol=1e-14)
    assert r"\log a_j = \log \frac{e^{z_j - c}}{\sum_k e^{z_k - c}} = (z_j - c) - \log \sum_k e^{z_k - c}" in said()


# 8 · No bias at all ---------------------------------------------------------------------------------


def test_with_a_constant_1_and_b_as_a_column_the_numbers_are_the_same(n, bare):
    assert n.X_ext.shape == (4, 6) and n.W_ext.shape == (7, 6)
    assert (n.X_ext[:, -1] == 1).all() and (n.W_ext[:, -1] == n.b[1]).all()
    np.testing.assert_allclose(n.X_ext @ n.W_ext.T, n.my_Z[1], rtol=1e-13)
    X, W = torch.hstack([bare.X[:3], torch.ones(3, 1)]), torch.hstack([bare.W, bare.b.view(1, 1)])
    assert X.shape == (3, 6) and W.shape == (1, 6) and torch.allclose(X @ W.T, bare.unit)


def test_b_as_a_row_does_not_fit_unless_there_is_one_unit_alone(n):
    with pytest.raises(ValueError, match="dimensions"):
        np.hstack([n.W[1], n.b[1][None]])
    one = np.hstack([n.W[1][:1], n.b[1][None, :1]])
    np.testing.assert_allclose(n.X_ext @ one.T, n.my_Z[1][:, :1], rtol=1e-13)


def test_every_layer_has_to_append_its_ones_anew(n, A):
    inputs = n.X
    for l, f in n.net.f.items():
        assert inputs.shape[1] == n.W[l].shape[1]
        inputs = f(np.hstack([inputs, np.ones((4, 1))]) @ np.column_stack([n.W[l], n.b[l]]).T)
    np.testing.assert_allclose(inputs, A[3], rtol=1e-13)


# The recap, on your own, and the other notebooks ----------------------------------------------------


@each_layer
@pytest.mark.parametrize("code", ["A[l-1] @ W[l].T + b[l]", "f[l](Z[l])", "np.zeros((4, d)) + b[l]"])
def test_the_recaps_code_of_a_layer_has_n_rows_and_d_columns(code, l, n, A):
    d = (5, 7, 4, 3)[l]
    names = {"A": A, "Z": n.my_Z, "W": n.W, "b": n.b, "f": n.net.f, "l": l, "d": d, "np": np}
    assert eval(code, names).shape == (4, d)
    assert f"`{code.replace('np.zeros((4, d)) + b[l]', '+ b')}`" in said()


def test_the_recaps_softmax_has_rows_that_sum_to_1_and_its_losses_are_one_number(n, A):
    Z, Y = n.my_Z[3], n.Y
    assert np.allclose(softmax(Z).sum(1), 1)
    assert np.ndim(cross_entropy(A[3], Y)) == np.ndim(softmax_cross_entropy(Z, Y)) == 0
    assert all(f"`{code}`" in said() for code in ("softmax(Z)", "cross_entropy(A, Y)", "softmax_cross_entropy(Z, Y)"))


def test_the_recaps_formulas_with_c_are_softmax_and_its_logarithm(n, A):
    c = n.my_Z[3].max(1, keepdims=True)
    E = np.exp(n.my_Z[3] - c)
    np.testing.assert_allclose(E / E.sum(1, keepdims=True), A[3], rtol=1e-14)
    log_a = n.my_Z[3] - c - np.log(E.sum(1, keepdims=True))
    assert -(n.Y * log_a).sum() / 4 == pytest.approx(softmax_cross_entropy(n.my_Z[3], n.Y), rel=1e-14)


def test_a_64_32_10_network_has_these_shapes_and_2410_parameters(capsys):
    assert ex.shapes.use(lambda N, sizes: ...)(100, (64, 32, 10)) == [(100, 32), (100, 10)]
    assert 64 * 32 + 32 + 32 * 10 + 10 == 2410
    assert "until yours is right" in capsys.readouterr().out


def test_to_subtract_7_everywhere_changes_nothing_at_all(n, A):
    np.testing.assert_allclose(softmax(n.my_Z[3] - 7), A[3], rtol=1e-13)
    assert softmax_cross_entropy(n.my_Z[3] - 7, n.Y) == pytest.approx(price(A[3], n.Y), rel=1e-13)


def test_sample_1_then_costs_7_09_instead_of_0_74_and_outweighs_what_the_three_others_gain(n, A):
    before, after = (-np.log(softmax(Z)[range(4), LABELS]) for Z in (n.my_Z[3], n.my_Z[3] - [7.0, 0, 0]))
    assert [f"{costs[1]:.2f}" for costs in (before, after)] == ["0.74", "7.09"] and LABELS[1] == 0
    gains = (before - after)[[0, 2, 3]]
    assert (gains > 0).all() and after[1] - before[1] > gains.sum()
    assert "now costs 7.09 instead of 0.74, and outweighs what the three others gain" in said()


def test_to_subtract_7_from_the_first_column_makes_class_0_less_likely_against_each_of_the_others(n, A):
    lower = softmax(n.my_Z[3] - [7.0, 0, 0])
    for other in (1, 2):
        np.testing.assert_allclose(lower[:, 0] / lower[:, other], exp(-7) * A[3][:, 0] / A[3][:, other], rtol=1e-12)
    rises = -np.log((lower * n.Y).sum(1)) > -np.log(n.p)
    assert rises.tolist() == [False, True, False, False] and LABELS[1] == 0
    change = -np.log((lower * n.Y).sum(1)) + np.log(n.p)
    assert change[1] > 3 * -change[[0, 2, 3]].sum() and change.mean() == pytest.approx(
        price(lower, n.Y) - price(A[3], n.Y), rel=1e-12)


@pytest.mark.parametrize("p", [(1 / 2, 1 / 2, 1 / 2, 1 / 2), (1, 1, 1 / 4, 1 / 4)])
def test_the_product_one_sixteenth_makes_the_loss_log_2(p, n):
    A = np.where(n.Y == 1, np.array(p)[:, None], (1 - np.array(p)[:, None]) / 2)
    assert np.prod(p) == 1 / 16 and np.allclose(A.sum(1), 1)
    assert cross_entropy(A, n.Y) == pytest.approx(log(2), rel=1e-14)


def test_the_network_stays_to_the_end_of_notebook_05():
    assert all("lecture_example" in "\n".join(sources(number)) for number in ("04b", "04c", "04d", "05"))


@pytest.mark.parametrize("number", ["04", "04d", "06"])
def test_saturation_is_a_story_for_notebooks_04_04d_and_06(number):
    assert "a story for notebooks 04, 04d and 06" in said()
    assert "saturat" in next(NOTEBOOKS.glob(f"{number}_*.ipynb")).read_text("utf-8")


def test_in_notebook_04_the_slope_is_shown_and_in_04c_the_column_of_ones_returns_as_a_sum():
    slope, ones = (next(NOTEBOOKS.glob(f"{number}_*.ipynb")).read_text("utf-8") for number in ("04", "04c"))
    assert "a\\\\,(1 - a)$" in slope and re.search("the column of ones .{1,30} of notebook 03", ones)


def test_the_next_notebook_is_there_under_its_title():
    page = nbformat.read(NOTEBOOKS / "04_backward_pass.ipynb", as_version=4).cells[0].source
    assert page.startswith("# 04 · Send the error backwards")
    assert "04 · Send the error backwards](04_backward_pass.ipynb)" in said()


# 2 · A network that finds the 37 ------------------------------------------------------------------


def test_of_twelve_starts_some_find_the_37_and_the_others_do_not(n):
    there = [end.loss < 0.001 for end in n.ends]
    assert len(there) == 12 and 0 < sum(there) < 12
    assert f"starts that get there: {sum(there)} of 12" in run("03").printed


def test_the_best_of_them_is_the_distance_from_37_everywhere(n):
    T = np.linspace(34, 40, 301)[:, None]
    found = n.forward(n.finder, (T - 36) / 2).A[2]
    np.testing.assert_allclose(found, abs(T - 37), atol=0.01)
    bends = 36 - 2 * n.finder.b[1] / n.finder.W[1][:, 0]
    assert abs(bends - 37).min() < 0.01 and np.allclose(bends, n.corners)


def test_a_single_unit_with_one_of_the_three_bends_only_rises_or_only_falls(n):
    T = np.linspace(34, 40, 200)[:, None]
    for f in (n.sigmoid, n.tanh, n.relu):
        for w, b in np.random.default_rng(0).normal(size=(20, 2)):
            steps = np.diff(f(w * (T - 37) + b), axis=0)
            assert (steps >= 0).all() or (steps <= 0).all()


def test_a_size_of_1_hides_mistakes_as_equal_sizes_do():
    assert (np.ones((1, 7)) + np.ones((7, 1))).shape == (7, 7)
