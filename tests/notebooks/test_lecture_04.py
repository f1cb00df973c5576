"""What notebook 04 says, proven on the variables of its cells, or computed anew: by nudging, by loops, by torch."""

import inspect
import re
from functools import cache, partial
from itertools import pairwise
from math import e, exp, log
from types import SimpleNamespace

import cells
import nbformat
import numpy as np
import pytest
import torch
from cells import NOTEBOOKS, calls, captions, comes_before, page, prose, run, sources, value
from matplotlib.colors import to_rgb

from utils.activations import identity, sigmoid, softmax, softmax_jacobian, tanh
from utils.exercises import backward as ex
from utils.losses import cross_entropy, softmax_cross_entropy, squared_error
from utils.mlp import MLP, backward, forward, initialize
from utils.plots import BACKWARD, QUIET
from utils.publish.mathml import mathml
from utils.widgets import backward_stepper

SIZES = (5, 7, 4, 3)
SURE, SECOND = np.array([[0.0, -800.0]]), np.array([[0.0, 1.0]])
WEIGHTS = (0.5, -1.0, 2.0)  # of the three units in a chain
every_layer = pytest.mark.parametrize("l", [1, 2, 3])
every_sample = pytest.mark.parametrize("i", range(4))


def nudged(f, x, h=1e-6):
    """How the number f(x) reacts to each entry of x, by centred differences."""
    return np.reshape([(f(x + s) - f(x - s)) / (2 * h) for s in h * np.eye(x.size).reshape(-1, *x.shape)], x.shape)


def by_torch(W, b, X, Y, bend=torch.sigmoid):
    """All gradients of the mean cross-entropy, by autograd through bare lines, and the loss."""
    W, b = ({l: torch.tensor(v, requires_grad=True) for l, v in part.items()} for part in (W, b))
    Z, A = {}, {0: torch.tensor(X)}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T + b[l]
        A[l] = bend(Z[l]) if l < len(W) else torch.softmax(Z[l], 1)
    loss = -(torch.tensor(Y) * torch.log(A[len(W)])).sum() / len(X)
    kinds = {"dA": {l: A[l] for l in W}, "dZ": Z, "dW": W, "db": b}
    found = iter(torch.autograd.grad(loss, [v for part in kinds.values() for v in part.values()]))
    return SimpleNamespace(loss=loss.item(), **{k: {l: next(found).numpy() for l in kinds[k]} for k in kinds})


def close(mine, other, rtol=1e-9):
    np.testing.assert_allclose(mine, other, rtol=rtol, atol=rtol * np.abs(other).max())


def downhill(net, X, Y, moving=(1, 2, 3)):
    """The losses before each of 200 steps with the rate 0.5 and after the last, by plain lines; the weights then."""
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
    return np.array(losses), W


def slope(A):
    return A * (1 - A)


def squared_length(n):
    """The sum of the squares of all 89 partial derivatives, by autograd."""
    g = by_torch(n.W, n.b, n.X, n.Y)
    return sum((v**2).sum() for part in (g.dW, g.db) for v in part.values())


picture = partial(cells.picture, "04")


@pytest.fixture(scope="module")
def torchs():
    n = run("04").names
    return by_torch(n["W"], n["b"], n["X"], n["Y"])


@pytest.fixture(scope="module")
def rows():
    """The gradients of each sample alone."""
    n = run("04").names
    return [by_torch(n["W"], n["b"], n["X"][i:i + 1], n["Y"][i:i + 1]) for i in range(4)]


@pytest.fixture(scope="module")
def descent():
    n = run("04").names
    return downhill(n["net"], n["X"], n["Y"])


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.269", lambda n, d: 1 / (1 + e)),
    ("1.313", lambda n, d: log(1 + e)),
    ("0.731", lambda n, d: 1 - 1 / (1 + e)),
    ("0.332", lambda n, d: 1 - chain_of_three()[6]),
    ("0.349", lambda n, d: chain_of_three()[4]),
    ("0.116", lambda n, d: (1 - chain_of_three()[6]) * chain_of_three()[4]),
    ("0.4358", lambda n, d: n.A[3][0, 0]),
    ("0.2137", lambda n, d: n.A[3][0, 1]),
    ("0.3505", lambda n, d: n.A[3][0, 2]),
    ("0.6495", lambda n, d: 1 - n.A[3][0, 2]),
    ("2.853", lambda n, d: 1 / n.A[3][0, 2]),
    ("0.2459", lambda n, d: n.A[3][0, 0] * (1 - n.A[3][0, 0])),
    ("0.0931", lambda n, d: n.A[3][0, 0] * n.A[3][0, 1]),
    ("0.0475", lambda n, d: -((n.A[3] - n.Y)[0] @ n.W[3])[0]),
    ("1.1394", lambda n, d: d[0]),
    ("0.321", lambda n, d: squared_length(n)),
    ("0.16", lambda n, d: abs(n.A[3] - n.Y)[0].max() / 4),
    ("0.17", lambda n, d: abs(n.A[3] - n.Y)[3].max() / 4),
    ("0.004", lambda n, d: left_in_dZ1(n, (n.A[3] - n.Y) / 4, {l: slope(n.A[l]) for l in (1, 2)})[0]),
    ("0.00001", lambda n, d: left_in_dZ1(n, (n.A[3] - n.Y) / 4, {l: slope(n.A[l]) for l in (1, 2)})[3]),
    ("1.5", lambda n, d: 0.5 * 3),
    ("0.818", lambda n, d: two_units(3, 0.5, -2)[0]),
    ("1.635", lambda n, d: 2 * two_units(3, 0.5, -2)[0]),
    ("0.163", lambda n, d: two_units(3, 0.5, -2)[1]),
    ("1.813", lambda n, d: two_units(3, 0.5, -2)[2]),
]
GIVEN = {"0.5", "0.99", "0.1", "0.2"}  # w, what arrives, the rate; the output of exercise 3; the largest of dZ3, about


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("04")) == 8
    return prose("04")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n, descent):
    assert f"{computed(n, descent[0]):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "4 samples, loss 1.1394",
    "dw = -1.4621, db = -0.7311, dx = 0.3655",
    "dz3 = [[ 0.4358  0.2137 -0.6495]]",
    "dz2 = [[-0.0094  0.0687 -0.0177 -0.0036]]",
    "da2 = [[-0.0475  0.4494 -0.117  -0.0398]] ",
    "second [0.4358 0.2137 0.3505]  dz [ 0.4358  0.2137 -0.6495]",
    "[[ 0.109   0.0534 -0.1624]",
    " [-0.1304  0.0473  0.0831]",
    " [ 0.1199 -0.203   0.0831]",
    " [ 0.1199  0.047  -0.1669]]",
    "η = 0.01  expected fall 0.00321, found 0.00318",
    "η = 0.5   expected fall 0.16045, found 0.09109",
    "probabilities after 200 steps:",
    "[[0.04 0.04 0.92]",
    " [0.3  0.3  0.4 ]",
    " [0.35 0.36 0.29]",
    " [0.31 0.31 0.38]]",
    "hidden units above 0.9, of 11, for each sample: [ 0  9 11 11]",
    "smallest weight or bias: 0.001",
    "[[-8.  1. -3.  5.  2.]",
    "[[0.729  0.8115 0.8144 0.8988]",
    " [0.9431 0.9895 0.9622 0.9952]",
    " [0.9501 0.9919 0.967  0.9963]",
    " [0.9519 0.9926 0.9681 0.9966]]",
    "forward 300, backward 460, nudging all 89 parameters 53400",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_the_break_is_after_section_4_and_the_next_notebook_has_the_title_of_the_link():
    assert "the break is after section 4" in said()
    assert said().index("## 4 ·") < said().index("**Half-way.**") < said().index("## 5 ·")
    page = nbformat.read(NOTEBOOKS / "05_autograd_cross_check.ipynb", as_version=4).cells[0].source
    title = page.splitlines()[0].removeprefix("# ")
    assert f"[{title}](05_autograd_cross_check.ipynb)" in said()


def test_nothing_stops_although_eleven_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("04", "agree")) + len(calls("04", "claim")) == 12
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 11
    assert "0 of 11 exercises done." in book.printed


def test_the_exercises_are_numbered_and_listed_in_the_order_of_the_page_and_each_is_checked_behind_its_number(book):
    listed = re.findall(r"  · (\w+) +open", book.printed)
    assert listed == list(ex.lesson.exercises) and len(listed) == 11
    parts = [(f"Exercise {k} ·", f"ex.{name}.check(") for k, name in enumerate(listed, 1)]
    assert comes_before("04", *sum(parts, ()))


# The short way --------------------------------------------------------------------------------------

LEFT_OUT = ("ex.jacobian.check(", "A2:\", A[2]", "largest size in a row")  # a cell for each; my_jacobian is run


def unfolded():
    """The text and the code without what the short way leaves out: exercise 6, section 9, and the folds."""
    cells = page("04")
    first, last = (next(i for i, cell in enumerate(cells) if cell.startswith(t)) for t in ("## 9 ·", "> **From m"))
    kept = [cell for cell in cells[:first] + cells[last:] if "Exercise 6 ·" not in cell]
    return [re.sub("<details>.*?</details>", "", cell, flags=re.DOTALL) for cell in kept]


def test_the_minutes_of_the_short_way_are_counted_as_those_of_the_whole_are():
    """As in test_notebooks: 100 words a minute, a minute for each cell that teaches, and the exercises' own minutes."""
    code = sources("04")
    text = "\n".join(cell for cell in unfolded() if cell not in code)
    teaching = [cell for cell in unfolded() if cell in code and not cell.startswith(("ex.", "my_", "def my_"))]
    exercises = sum(map(int, re.findall(r"✎ Exercise \d+ · \S+ (\d+) min", text)))
    assert len(text.split()) / 100 + len(teaching) + exercises == pytest.approx(110, abs=5)
    assert "**The short way**, about 110 minutes: leave out exercise 6, section 9, and whatever is folded." in said()
    assert exercises == sum(exercise.minutes for exercise in ex.lesson.exercises.values()) - 6


def test_on_the_short_way_everything_runs_and_all_claims_hold(book):
    left_out = [cell for cell in sources("04") if any(words in cell for words in LEFT_OUT)]
    assert len(left_out) == 3 and all(cell not in unfolded() for cell in left_out[1:])
    short = run("04", dict.fromkeys(left_out, ""))
    assert short.errors == short.broken == []
    assert short.printed.count("✓") == book.printed.count("✓")


def test_what_the_short_way_leaves_out_is_not_spoken_of_in_what_is_left():
    text = "\n".join(unfolded())
    announced = r"leave out exercise 6, section 9|what a saturated unit does .*? \(section 9\)"
    assert len(re.findall(announced, text)) == 2
    assert not re.search("third cause|vanishing|exercise 6|section 9",
                         re.sub(announced, "", text))
    assert all(words in said() for words in ("third cause", "vanishing", "## 9 ·"))
    assert said().count("<details>") == said().count("</details>") == 6


def test_the_short_way_learns_what_saturated_means_and_why_three_samples_hardly_learn_and_why_the_loop_is_long():
    text = "\n".join(unfolded())
    told = ("First guess: is", "it is *saturated*.", "200 steps of gradient descent.",
            "These three hardly learn because", "## Recap")
    assert [text.count(words) for words in told] == [1] * 5 and sorted(told, key=text.index) == list(told)
    assert "The loop takes the long way" in text
    assert "`nan` where the probability of the right class underflows to 0" in text


def test_whoever_leaves_out_exercise_6_runs_its_cells_all_the_same():
    assert "(Or run its cells as they are and go on: a picture and the formula follow.)" in said()
    assert run("04", {"def my_jacobian(a):": "def another(a):"}).errors


# The network, and what a name means -----------------------------------------------------------------


def test_the_picture_of_the_network_has_the_shapes_of_weights_and_biases_beneath_it():
    words = [text.get_text() for text in picture("show(lecture_network()").texts]
    for m, d in ((7, 5), (4, 7), (3, 4)):
        assert any(f"({m}, {d})" in line and f"({m},)" in line for line in words), words


def test_the_89_parameters_are_35_and_7_28_and_4_12_and_3_and_nudging_them_takes_178_passes(n):
    counts = [(n.W[l].size, n.b[l].size) for l in (1, 2, 3)]
    assert counts == [(35, 7), (28, 4), (12, 3)] and sum(map(sum, counts)) == 89 and 2 * 89 == 178
    assert [n.W[l].shape for l in n.W] == [(7, 5), (4, 7), (3, 4)]
    assert [n.A[l].shape for l in n.A] == [(4, d) for d in SIZES] and n.A[0] is n.X


@every_layer
def test_every_gradient_has_the_shape_of_its_variable_for_a_batch_and_for_a_row(l, n, rows):
    assert (n.dW[l].shape, n.db[l].shape) == (n.W[l].shape, n.b[l].shape)
    assert (rows[0].dW[l].shape, rows[0].db[l].shape) == (n.W[l].shape, n.b[l].shape)
    assert n.found.dZ[l].shape == n.found.dA[l].shape == n.A[l].shape
    assert (n.dW2_row.shape, n.db2_row.shape, n.da2.shape, n.dz2.shape) == ((4, 7), (4,), (1, 4), (1, 4))


@pytest.mark.parametrize("N", [1, 10, 54])
def test_exercise_1_is_the_shape_of_w2_whatever_the_batch(N):
    assert "layer 1 has 9 units and layer 2 has 6; the batch has 12 samples" in said()
    net = initialize((5, 9, 6), [sigmoid, softmax], np.random.default_rng(0))
    trace = forward(net, np.ones((N, 5)))
    assert net.W[2].shape == backward(net, trace, np.ones((N, 6))).dW[2].shape == (6, 9) == ex.shape_of_dW2.reference()


@every_sample
def test_small_letters_are_of_one_sample_and_its_own_loss_and_capitals_of_the_batch_and_the_mean(i, n, rows, torchs):
    assert rows[i].dZ[3].shape == (1, 3) and torchs.dZ[3].shape == (4, 3)
    close(rows[i].dZ[3][0], n.A[3][i] - n.Y[i])
    close(torchs.dZ[3][i], (n.A[3][i] - n.Y[i]) / 4)
    assert rows[i].loss == pytest.approx(-log(n.A[3][i, n.Y[i].argmax()]), rel=1e-12)


def test_sections_3_and_4_have_small_letters_and_one_sample_and_from_section_5_on_stands_the_mean(n, rows, torchs):
    one, batch = said()[said().index("## 3 ·"):said().index("**Half-way.**")], said()[said().index("## 5 ·"):]
    assert "dz}^{(3)}" in one and not re.search("dZ|dA", one) and "`dZ3`" in batch
    close(n.dW2_row, rows[0].dW[2], 1e-7)
    for l in n.W:
        close(n.dW[l], torchs.dW[l])


@every_layer
def test_with_a_pullback_of_its_own_every_layer_has_the_same_four_lines_and_layer_3_the_short_form(l, n, torchs):
    handed_back, stored, before = torchs.dA[l], n.A[l], n.A[l - 1]
    dZ = n.net.f[l].pullback(handed_back, stored)
    close(dZ.T @ before, torchs.dW[l])
    close(dZ.sum(0), torchs.db[l])
    if l > 1:
        close(dZ @ n.W[l], torchs.dA[l - 1])
    without = handed_back * slope(stored)
    assert np.allclose(without, dZ, rtol=1e-6) == (l < 3)  # "layer 3 took its `dZ` from the short form"
    close(torchs.dZ[3], (n.A[3] - n.Y) / 4)


def test_the_sections_come_in_the_order_of_the_two_plans():
    """A unit, a sample, and at half-way what is to come: many samples; the loop; a step downhill."""
    assert comes_before("04", "## 1 · One unit", "## 2 · Why backwards?", "## 3 · One sample, back through a layer",
                        "## 4 · Back through softmax and the loss", "many samples at once; the loop over the layers",
                        "## 5 · The batch", "## 6 · Any number of layers", "## 7 · What does it cost?",
                        "## 8 · What it is for: one step downhill",
                        "## 9 · For the curious: what is left for the first layer", "> **From memory.**", "## Recap")
    assert "first for a single unit, then for one sample, then for a batch, and at last in a loop" in said()


def test_from_memory_stands_directly_before_the_recap():
    cells = page("04")
    recap = next(i for i, cell in enumerate(cells) if cell.startswith("## Recap"))
    assert cells[recap - 1].startswith("> **From memory.**")


# 1 · One unit ---------------------------------------------------------------------------------------


def scalar_loss(x, w, b):
    return log(1 + exp(-(w * x + b)))


@pytest.mark.parametrize(("x", "w", "b"), [(2.0, -0.5, 0.0), (-1.3, 0.8, 0.4), (0.5, 3.0, -2.0)])
def test_along_the_chain_the_factors_multiply(x, w, b):
    a = 1 / (1 + exp(-(w * x + b)))
    product = -1 / a * (a * (1 - a)) * np.array([x, 1, w])
    close(product, nudged(lambda v: scalar_loss(v[0], v[1], v[2]), np.array([x, w, b]))[[1, 2, 0]], 1e-7)
    close(product, ex.scalar_chain.reference(x, w, b))


def two_units(x, first, second):
    """Two units without biases: both outputs, and the loss."""
    a1 = 1 / (1 + exp(-first * x))
    a2 = 1 / (1 + exp(-second * a1))
    return a1, a2, -log(a2)


def test_exercise_4_goes_back_through_two_units_as_nudging_does():
    """dz is what the loss does if a bias of 0 is nudged."""
    def loss(v):
        a1 = 1 / (1 + exp(-(3 * v[0] + v[1])))
        return log(1 + exp(-(v[2] * a1 + v[3])))

    dw1, dz1, dw2, dz2 = nudged(loss, np.array([0.5, 0.0, -2.0, 0.0]))
    np.testing.assert_allclose(ex.two_units.reference(), [dz2, dw2, dz1, dw1], atol=6e-5)
    for short in ((-0.84, -0.68, 0.25, 0.75), (-0.837, -0.684, 0.249, 0.748)):
        assert ex.two_units.verdict(short).kind == "right"
    assert "the slope of the first unit is missing" in ex.two_units.verdict((-0.84, -0.68, 1.67, 5.02)).sentence
    assert "dw1 is dz1 · x" in ex.two_units.verdict((-0.837, -0.68, 0.25, 0.25)).sentence
    assert "the weight w2 = −2" in ex.two_units.verdict((-0.84, -0.68, -0.125, -0.374)).sentence
    assert ex.two_units.verdict((-0.837, 1, 0.25, 0.749)).sentence == "Right so far: dz2, dz1, dw1. Look again at dw2."


def test_three_units_are_shown_before_exercise_4_and_none_of_its_answers_is_among_their_numbers():
    assert comes_before("04", "In numbers, with $x = 1$:", "Three units in a chain, with", "Now you, with a pocket",
                        "Exercise 4 ·", "ex.two_units.check(")
    shown = [text.get_text().strip("× ") for text in picture("Three units in a chain").texts if "." in text.get_text()]
    assert len(shown) == 23 and chain_of_three()[0] == 1
    for answer in ex.two_units.reference():
        assert all(abs(abs(float(number.replace("−", "-"))) - abs(answer)) > 0.005 for number in shown), answer


def test_exercise_4_does_not_say_what_dz2_is_and_its_first_hint_does():
    text, = (cell for cell in page("04") if "Exercise 4 ·" in cell)
    assert "should have said" not in text and "should have said" in ex.two_units.hints[0]


def test_the_slope_of_the_sigmoid_is_a_times_1_minus_a():
    z = np.linspace(-5, 5, 21)
    a = 1 / (1 + np.exp(-z))
    close(np.exp(-z) / (1 + np.exp(-z)) ** 2, a * (1 - a), 1e-13)
    close(np.exp(-z) / (1 + np.exp(-z)), 1 - a, 1e-13)
    close(1 / (1 + np.exp(-z)) * (np.exp(-z) / (1 + np.exp(-z))), np.exp(-z) / (1 + np.exp(-z)) ** 2, 1e-13)
    close((sigmoid(z + 1e-6) - sigmoid(z - 1e-6)) / 2e-6, np.exp(-z) / (1 + np.exp(-z)) ** 2, 1e-8)
    close((sigmoid(z + 1e-6) - sigmoid(z - 1e-6)) / 2e-6, a * (1 - a), 1e-8)


def test_to_first_order_means_that_the_miss_shrinks_with_the_square_of_the_nudge():
    slope = -2 * e / (1 + e)
    misses = [abs(scalar_loss(2, -0.5 + h, 0) - scalar_loss(2, -0.5, 0) - slope * h) for h in (0.1, 0.01, 0.001)]
    assert all(90 < a / b < 110 for a, b in pairwise(misses))


def test_each_orange_number_of_the_chain_is_the_one_to_its_right_times_the_slope_between():
    names = {"a": 1 / (1 + e), "np": np}
    _, values, slopes, gradients = [value(arg, names) for arg in calls("04", "chain")[0]]
    assert values == ["−0.5", "−1", f"{1 / (1 + e):.3f}", f"{log(1 + e):.3f}"]
    assert slopes == ["times x = 2", f"times {e / (1 + e) ** 2:.4f}", f"times −{1 + e:.3f}"]
    right = [1, -(1 + e), -e / (1 + e), -2 * e / (1 + e)]
    assert gradients == [f"−{-g:.3f}" for g in right[:0:-1]] + ["1"]
    printed = [float(text.replace("−", "-").split()[-1]) for text in (*slopes, *gradients)]
    assert [f"{s * g:.3f}" for s, g in zip(printed, printed[4:])] == [f"{g:.3f}" for g in printed[3:6]]
    close(np.divide(right[1:], right[:-1]), [-(1 + e), e / (1 + e) ** 2, 2])
    assert "Each is the one to its right, times the slope between them." in said()


def test_the_loss_that_is_nudged_is_that_of_the_chain(n):
    assert n.scalar_loss(0.7, 1.5, -2.0) == pytest.approx(scalar_loss(1.5, 0.7, -2.0), rel=1e-12)


def test_negative_means_that_if_the_number_rises_the_loss_falls():
    a = 1 / (1 + e)
    assert scalar_loss(2, -0.49, 0) < scalar_loss(2, -0.5, 0)
    assert scalar_loss(2, -0.5, 0.01) < scalar_loss(2, -0.5, 0)
    assert -log(a + 0.01) < -log(a)


def test_the_orange_number_at_z_is_what_the_unit_said_minus_what_it_should_have_said():
    """For every z and not for −1 alone; and where "no" is right, with the loss −log(1 − a), it is a − 0."""
    assert r"$-0.731$ is $a - 1$" in said() and f"{1 / (1 + e) - 1:.3f}" == "-0.731"
    z = np.linspace(-4, 4, 17)
    a = 1 / (1 + np.exp(-z))
    close(-1 / a * a * (1 - a), a - 1)
    close(np.array([nudged(lambda v: log(1 + exp(-v[0])), z[i:i + 1])[0] for i in range(17)]), a - 1, 1e-8)
    close(np.array([nudged(lambda v: log(1 + exp(v[0])), z[i:i + 1])[0] for i in range(17)]), a - 0, 1e-8)


def test_exercise_3_is_a_hundredth_of_what_arrives_and_a_unit_near_0_is_as_flat_as_one_near_1():
    near_1, near_0 = (sigmoid.pullback(np.array([[0.5]]), np.array([[a]])).item() for a in (0.99, 0.01))
    assert near_1 == pytest.approx(near_0, rel=1e-12) == pytest.approx(0.5 * 0.99 * 0.01, rel=1e-12)
    assert ex.let_through.reference() == pytest.approx(near_1, rel=1e-12)
    assert 0.5 / near_1 == pytest.approx(100, rel=0.02) and near_1 < 0.5 / 10  # less than a tenth of it
    assert "its output close to 0 or 1, lets almost nothing through: it is *saturated*." in said()
    assert "more or less than a tenth of that?" in said()


# 2 · Why backwards? ---------------------------------------------------------------------------------


def three_lines():
    """The lines of section 2, each as its weight, its box and its other factors."""
    times, text = r" \cdot ", re.sub(r"\\underbrace{(.+?\)})}_{.+?\)}}", r"\1", said())
    found = re.findall(r"\\partial w\^{\((\d)\)}} &= \\boxed{(.+?z\^{\(3\)}})} \\cdot (.+?)(?: \\\\)?\n", text)
    return [(int(k), box.split(times), others.split(times)) for k, box, others in found]


def test_the_three_lines_of_a_chain_of_three_units_are_how_the_loss_reacts_to_each_weight(rng):
    def outputs(w, x, b):
        a = [x]
        for v, c in zip(w, b):
            a.append(1 / (1 + exp(-v * a[-1] - c)))
        return a

    for x, *rest in rng.normal(size=(5, 7)):
        w, b = np.array(rest[:3]), rest[3:]
        a = outputs(w, x, b)
        values = {"x": x, "a^{(1)}": a[1], "a^{(2)}": a[2], "w^{(2)}": w[1], "w^{(3)}": w[2]}
        values[r"\frac{\partial L}{\partial a^{(3)}}"] = -1 / a[3]
        values |= {rf"\frac{{\partial a^{{({k})}}}}{{\partial z^{{({k})}}}}": a[k] * (1 - a[k]) for k in (1, 2, 3)}
        products = {k: np.prod([values[factor] for factor in box + others]) for k, box, others in three_lines()}
        slopes = nudged(lambda w, x=x, b=b: -log(outputs(w, x, b)[3]), w)
        close(np.array([products[k] for k in (1, 2, 3)]), slopes, 1e-6)


def test_the_box_stands_in_every_line_and_each_line_goes_on_where_the_last_factor_of_the_one_above_stood():
    lines = three_lines()
    assert [k for k, _, _ in lines] == [3, 2, 1] and len({tuple(box) for _, box, _ in lines}) == 1
    (_, _, third), (_, _, second), (_, _, first) = lines
    assert (third, len(second), len(first)) == (["a^{(2)}"], 3, 5)  # two more factors, and the weight's own
    assert first[:2] == second[:2] and [second[-1], first[-1]] == ["a^{(1)}", "x"]


def test_the_three_lines_are_three_lines_on_the_exported_page_too():
    formula = next(part for part in said().split("$$") if r"\boxed{\frac{\partial L}" in part)
    made = mathml(formula, block=True)
    assert made.count("<mtr>") == 3 and ">&<" not in made.replace("&amp;", "&")


def test_beneath_the_factors_stands_what_they_are_derivatives_of():
    """z = w a + b reacts to a with w, and to w with a."""
    braces = re.findall(r"\\underbrace{(\w)\^{\((\d)\)}}_{\\partial z\^{\((\d)\)}/\\partial (\w)\^{\((\d)\)}}", said())
    assert braces == [("w", "3", "3", "a", "2"), ("a", "1", "2", "w", "2")]
    for factor, _, _, by, _ in braces:
        at = {"w": 0.7, "a": -1.3}
        up, down = ({**at, by: at[by] + h} for h in (1e-6, -1e-6))
        assert (up["w"] * up["a"] - down["w"] * down["a"]) / 2e-6 == pytest.approx(at[factor], rel=1e-8)


def test_backpropagation_has_its_name_where_it_has_been_found_and_nudging_and_the_check_have_theirs():
    assert comes_before("04", "Its name is **backpropagation**", "Exercise 4 ·", "*finite differences* (notebook 01)",
                        "(a *gradient check*)")
    assert "*finite difference*" in "\n".join(page("01"))


def chain_of_three():
    """The values x, z₁, a₁, z₂, a₂, z₃, a₃, L of the units in the picture, by plain lines."""
    values = [1.0]
    for w in WEIGHTS:
        values.append(w * values[-1])
        values.append(1 / (1 + exp(-values[-1])))
    return [*values, -log(values[-1])]


def three_losses(v, k, weights=WEIGHTS):
    """The loss of the three units if the value number k in the picture is v."""
    for i in range(k, 6):
        v = 1 / (1 + exp(-v)) if i % 2 else weights[i // 2] * v
    return -log(v) if k < 7 else v


def in_words(numbers):
    return [f"{v:.3f}".replace("-", "−") for v in numbers]


def test_the_recursion_is_how_the_loss_reacts_to_each_z_and_dw_is_dz_times_the_input(rng):
    """The formulas of the page, in their order; a dz that is used has been made by the line before."""
    found = re.findall(r"\\mathrm\{dz\}\^\{\((\d)\)\} = (.+?)(?:, \\qquad)", said())
    assert [k for k, _ in found] == ["3", "2", "1"]
    assert r"\text{and each time}\quad \mathrm{dw}^{(k)} = \mathrm{dz}^{(k)} \cdot a^{(k-1)}" in said()

    def loss(z, k, w, b):
        for v, c in zip(w[k:], b[k:]):
            z = v / (1 + exp(-z)) + c
        return log(1 + exp(-z))

    for w, b in rng.normal(size=(5, 2, 3)):
        a, z = [rng.normal()], [None]
        for v, c in zip(w, b):
            z.append(v * a[-1] + c)
            a.append(1 / (1 + exp(-z[-1])))
        values = {r"\frac{\partial L}{\partial a^{(3)}}": -1 / a[3], "w^{(2)}": w[1], "w^{(3)}": w[2]}
        values |= {rf"\frac{{\partial a^{{({k})}}}}{{\partial z^{{({k})}}}}": a[k] * (1 - a[k]) for k in (1, 2, 3)}
        for k, factors in found:
            dz = np.prod([values[factor] for factor in factors.split(r" \cdot ")])
            values[rf"\mathrm{{dz}}^{{({k})}}"] = dz
            k, h = int(k), 1e-6
            for reaction, step in ((dz, h), (dz * a[k - 1], h * a[k - 1])):  # z is nudged, or w
                up, down = (loss(z[k] + s, k, w, b) for s in (step, -step))
                assert (up - down) / (2 * h) == pytest.approx(reaction, rel=1e-5, abs=1e-9)


def test_the_longer_the_chain_the_more_it_saves_to_let_each_line_use_the_one_before():
    """Multiplications: line k, written out, has 3 + 2 (units − k) factors; one by one it is 2, then 3 a unit."""
    alone = [sum(2 + 2 * later for later in range(units)) for units in range(1, 50)]
    shared = [2 + 3 * (units - 1) for units in range(1, 50)]
    assert alone[2] == sum(len(box + others) - 1 for _, box, others in three_lines()) == 12 and shared[2] == 8
    assert (np.diff(np.divide(alone, shared)) > 0).all() and (np.diff(np.subtract(alone, shared)) >= 0).all()


def test_the_picture_of_three_units_shows_their_values_and_each_gradient_is_the_one_to_its_right_times_the_slope(n):
    values = chain_of_three()
    slopes = [*(s for w, a in zip(WEIGHTS, values[2::2]) for s in (w, a * (1 - a))), -1 / values[6]]
    right = np.array([*np.cumprod(slopes[::-1])[::-1], 1])
    names = ["$x$", *(f"${v}^{{({k})}}$" for k in (1, 2, 3) for v in "za"), "$L$"]
    written = [text.get_text() for text in picture("Three units in a chain").texts if text.get_text()]
    assert written[:24] == [word for column in zip(names, in_words(values), in_words(right)) for word in column]
    assert written[24:] == [f"× {s}" for s in in_words(slopes)] and len(slopes) == 7
    close(right[:-1], right[1:] * slopes)
    close(np.array(n.below), right)
    assert "with the weights 0.5, −1 and 2 and no biases" in said() and WEIGHTS == (0.5, -1, 2)


@pytest.mark.parametrize("k", range(8))
def test_an_orange_number_of_the_three_units_is_how_the_loss_reacts_to_the_value_above_it(k, n):
    reaction = nudged(lambda v: three_losses(v[0], k), np.array([chain_of_three()[k]]))[0]
    assert reaction == pytest.approx(n.below[k], rel=1e-7)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_dw_is_the_orange_number_beneath_z_times_the_blue_number_to_the_left_of_z(k, n):
    def loss(w):
        return three_losses(1.0, 0, [w[0] if i == k - 1 else v for i, v in enumerate(WEIGHTS)])

    z = [text.get_text() for text in picture("Three units in a chain").texts[:24:3]].index(f"$z^{{({k})}}$")
    assert z == 2 * k - 1
    reaction = nudged(loss, np.array([WEIGHTS[k - 1]]))[0]
    assert reaction == pytest.approx(n.below[z] * chain_of_three()[z - 1], rel=1e-7)
    assert n.dw[k] == pytest.approx(reaction, rel=1e-7)
    if k == 3:
        assert f"{reaction:.3f}" == f"{-0.332 * 0.349:.3f}" == "-0.116"  # with the printed digits, too
        assert "−0.332 · 0.349 = −0.116 for w⁽³⁾" in said()
        assert in_words([n.below[z], chain_of_three()[z - 1]]) == ["−0.332", "0.349"]


@pytest.mark.parametrize("k", range(1, 8))
def test_each_orange_number_is_used_for_everything_to_its_left(k, n):
    """If it were twice as large, so would all be that are to its left."""
    v = chain_of_three()
    slopes = [s for w, a in zip(WEIGHTS, v[2::2]) for s in (w, a * (1 - a))] + [-1 / v[6]]
    again = [2 * n.below[k]]
    for s in slopes[:k][::-1]:
        again.insert(0, again[0] * s)
    close(np.array(again), 2 * np.array(n.below[:k + 1]))


# 3 · One sample, back through a layer ---------------------------------------------------------------


def test_the_network_is_drawn_where_its_first_sample_begins():
    assert comes_before("04", "Now the real network, with its sample 0:", "show(lecture_network()",
                        "How does the loss of this sample react", "dz3 = numerical_gradient(")


def test_the_first_samples_dz3_is_by_nudging_what_torch_finds(n, rows):
    close(n.dz3, rows[0].dZ[3], 1e-8)
    assert n.loss_from_z3(n.z3) == pytest.approx(rows[0].loss, rel=1e-12)


@pytest.mark.parametrize("unit", range(4))
def test_over_the_three_paths_of_a_unit_the_products_add_up(unit, n, rows):
    paths = [rows[0].dZ[3][0, j] * n.W[3][j, unit] for j in range(3)]
    assert min(map(abs, paths)) > 0.0005
    assert sum(paths) == pytest.approx(rows[0].dA[2][0, unit], rel=1e-9)


def test_the_picture_shows_the_three_factors_of_unit_0_and_their_sum(n, rows):
    dz, w = rows[0].dZ[3][0], n.W[3][:, 0]
    assert n.by_paths == pytest.approx(dz @ w, rel=1e-7)
    assert n.labels == [f"{dz[j]:.3f} · {w[j]:.3f}".replace("-", "−") for j in range(3)]
    assert f"the three products add up, to −{abs(dz @ w):.4f}" in said()
    assert n.da2[0, 0] == pytest.approx(n.by_paths, rel=1e-9)  # printed as da2[0, 0]
    written = [text.get_text() for text in picture("= paths(").texts]
    assert set(n.labels) < set(written) and f"sum −{abs(dz @ w):.4f}" in written and dz @ w < 0


def test_a_unit_moves_all_three_z_each_by_its_own_weight_and_a_weight_moves_its_own_z_alone(n):
    a, W = n.a2.copy(), n.W[2].copy()
    a[0, 0] += 0.1
    W[2, 5] += 0.1
    close((a @ n.W[3].T + n.b[3] - n.z3)[0], 0.1 * n.W[3][:, 0])
    close(n.a1 @ W.T - n.a1 @ n.W[2].T, 0.1 * n.a1[0, 5] * np.eye(4)[2:3])


@pytest.mark.parametrize("l", [1, 2])
@every_sample
def test_the_boxed_formulas_of_a_sigmoid_layer_are_torchs(l, i, n, rows):
    a, before, g = n.A[l][i:i + 1], n.A[l - 1][i:i + 1], rows[i]
    close(g.dA[l] * a * (1 - a), g.dZ[l])
    close(g.dZ[l].T @ before, g.dW[l])
    close(g.dZ[l][0], g.db[l])
    close(g.dZ[l + 1] @ n.W[l + 1], g.dA[l])
    close(g.dZ[3].T @ n.A[2][i:i + 1], g.dW[3])
    close(g.dZ[3][0], g.db[3])
    for j, k in np.ndindex(g.dW[l].shape):
        assert g.dW[l][j, k] == pytest.approx(g.dZ[l][0, j] * before[0, k], rel=1e-9)


def test_the_four_lines_are_torchs_and_confirmed_by_nudging(n, rows):
    for mine, other in ((n.da2, rows[0].dA[2]), (n.dz2, rows[0].dZ[2]), (n.dW2_row, rows[0].dW[2]),
                        (n.db2_row, rows[0].db[2])):
        assert mine.shape == other.shape
        close(mine, other, 1e-7)
    close(n.da2, nudged(n.loss_from_a2, n.a2), 1e-6)
    close(n.dz2, nudged(lambda z: n.loss_from_a2(sigmoid(z)), n.a1 @ n.W[2].T + n.b[2]), 1e-6)
    close(rows[0].dW[3], nudged(lambda V: n.loss_from_z3(n.a2 @ V.T + n.b[3]), n.W[3]), 1e-6)


@every_layer
@pytest.mark.parametrize("kind", ["W", "b"])
def test_every_gradient_of_one_row_is_confirmed_by_nudging_the_whole_network(kind, l, n, rows):
    def loss(v):
        W, b = ({**n.W, l: v}, n.b) if kind == "W" else (n.W, {**n.b, l: v})
        return -log(forward(MLP(W, b, n.net.f), n.x).A[3][0, 2])

    close(getattr(rows[0], f"d{kind}")[l], nudged(loss, getattr(n, kind)[l]), 1e-6)


def test_the_check_of_exercise_5_says_which_lines_are_right_and_which_are_open():
    def first_line(dz3, W3, a2, a1):
        da2 = dz3 @ W3
        return da2, ..., ..., ...

    assert ex.one_row.verdict(first_line).sentence == "da2 is right; dz2, dW2 and db2 are open."


def test_the_slope_at_a_has_the_right_shape_and_sign_and_wrong_numbers_and_nudging_and_the_check_find_it(n, rows):
    def at_a(dz3, W3, a2, a1):
        da2, s = dz3 @ W3, sigmoid(a2)
        dz2 = da2 * s * (1 - s)
        return da2, dz2, dz2.T @ a1, dz2[0]

    assert "the sigmoid's derivative at a, not at z" in ex.one_row.verdict(at_a).sentence
    s = sigmoid(n.a2)
    wrong = n.da2 * s * (1 - s)
    assert wrong.shape == n.dz2.shape and (np.sign(wrong) == np.sign(n.dz2)).all()
    assert (abs(wrong / n.dz2 - 1) > 0.1).all()
    assert not np.allclose(wrong, nudged(lambda z: n.loss_from_a2(sigmoid(z)), n.a1 @ n.W[2].T + n.b[2]), rtol=0.1)


def test_backwards_the_sum_runs_over_the_units_that_an_input_feeds_and_forwards_over_the_inputs_of_a_unit(n, rows):
    forwards, back = n.a2 @ n.W[3].T, rows[0].dZ[3] @ n.W[3]
    for j in range(3):
        assert forwards[0, j] == pytest.approx(sum(n.W[3][j, i] * n.a2[0, i] for i in range(4)), rel=1e-12)
    for i in range(4):
        assert back[0, i] == pytest.approx(sum(n.W[3][j, i] * rows[0].dZ[3][0, j] for j in range(3)), rel=1e-12)


def test_on_the_way_back_the_row_meets_W3_and_after_the_slopes_W2_and_without_them_both_orders_agree(n, rows):
    assert [n.dz3.shape, n.W[3].shape, n.W[2].shape] == [(1, 3), (3, 4), (4, 7)]
    close(((n.dz3 @ n.W[3]) * slope(n.a2)) @ n.W[2], rows[0].dA[1], 1e-7)
    close((n.dz3 @ n.W[3]) @ n.W[2], n.dz3 @ (n.W[3] @ n.W[2]))


def products(shapes, order):
    """The factors (m, n), (n, k) that meet if matrices of these shapes are multiplied from the left, or the right."""
    met, shapes = [], list(shapes)
    while len(shapes) > 1:
        k = 0 if order == "left" else len(shapes) - 2
        met.append((*shapes[k], shapes[k + 1][1]))
        shapes[k:k + 2] = [(met[-1][0], met[-1][2])]
    return met


def multiplications(shapes, order):
    return sum(m * d * p for m, d, p in products(shapes, order))


def test_beginning_with_the_row_takes_40_and_taking_it_last_105_and_from_five_rows_on_a_common_product_would_pay():
    row = [(1, 3), (3, 4), (4, 7)]
    assert (multiplications(row, "left"), multiplications(row, "right")) == (40, 105)
    assert r"W^{(2)}$ takes 40 multiplications" in said() and r"W^{(2)})$ takes 105: a row times a matrix" in said()
    cheaper = [N for N in range(1, 100) if 3 * 4 * 7 + 21 * N < 40 * N]
    assert cheaper == list(range(5, 100)) and "For five samples or more" in said()


def test_with_the_slopes_between_them_there_is_no_common_product(n, torchs):
    """Each sample has a product of its own, in which its slopes stand between W3 and W2."""
    alone = [n.W[3] * slope(n.A[2][i]) @ n.W[2] for i in range(4)]
    close(np.array([dz @ M for dz, M in zip(n.dZ3, alone)]), torchs.dA[1], 1e-7)
    assert abs(alone[0] - alone[1]).max() > 0.1


@pytest.mark.parametrize("shapes", [[(1, 3), (3, 4), (4, 7)], [(1, 9), (9, 9), (9, 20), (20, 2)]])
def test_beginning_with_the_row_every_product_is_a_row_times_a_matrix(shapes):
    assert {m for m, _, _ in products(shapes, "left")} == {1} != {m for m, _, _ in products(shapes, "right")}


# 4 · Back through softmax and the loss --------------------------------------------------------------


def test_the_two_rows_that_let_suspect_the_short_form_are_nudgings_and_the_networks_and_it_is_told_later(n):
    def numbers(row):
        return ", ".join(f"{v:.4f}" for v in row[0])

    assert rf"Nudging found $\mathrm{{dz}}^{{(3)}} = ({numbers(n.dz3)})$" in said()
    assert rf"the network had said $\mathbf a^{{(3)}} = ({numbers(n.a3)})$ and class 2 was right" in said()
    close(n.dz3, n.a3 - n.y, 1e-7)
    assert comes_before("04", "What do you suspect?", "That is $a_0$.", "ex.collapse.check(",
                        r"\boxed{\;\mathrm{dz}^{(3)} = \mathbf a^{(3)} - \mathbf y\;}")


def test_whoever_leaves_out_exercise_6_finds_its_picture_and_its_formula_after_it():
    assert comes_before("04", "go on: a picture and the formula follow.)", "ex.jacobian.check(",
                        "ex.jacobian.use(", r"= a_j([i = j] - a_i)$, where $[i = j]$ is 1 if")


def test_the_loss_reacts_with_minus_y_over_a_and_to_the_right_class_alone(n, rows):
    close(-n.y / n.a3, rows[0].dA[3])
    close(-n.y / n.a3, nudged(lambda a: -(n.y * np.log(a)).sum(), n.a3), 1e-7)
    assert n.y[0].argmax() == 2 and (rows[0].dA[3][0] != 0).tolist() == [False, False, True]


def test_the_loss_falls_almost_three_times_as_much_as_the_right_probability_rises(n):
    p = n.a3[0, 2]
    assert 2.8 < (log(p + 0.001) - log(p)) / 0.001 < 3


def test_by_the_sum_over_paths_dz_0_of_the_sample_is_one_product_and_this_is_a_0(n, rows):
    da, a = -n.y[0] / n.a3[0], n.a3[0]
    paths = [da[j] * softmax_jacobian(a)[j, 0] for j in range(3)]
    assert paths[:2] == [0, 0] and paths[2] == pytest.approx(da[2] * (-a[2] * a[0]), rel=1e-14)
    assert paths[2] == pytest.approx(a[0], rel=1e-14) == pytest.approx(rows[0].dZ[3][0, 0], rel=1e-9)
    assert r"\mathrm{dz}_0 = (-2.853) \cdot (-0.3505 \cdot 0.4358) = 0.4358$. That is $a_0$." in said()
    assert f"{-2.853 * (-0.3505 * 0.4358):.4f}" == "0.4358"  # with the printed digits, too


@pytest.mark.parametrize("i", range(3))
def test_it_is_a_i_for_every_class_that_is_not_the_right_one(i, rng):
    for a in softmax(rng.normal(size=(20, 3))):
        for right in {0, 1, 2} - {i}:
            assert -1 / a[right] * (-a[right] * a[i]) == pytest.approx(a[i], rel=1e-14)


@pytest.mark.parametrize("z", [(5.0, -2, -1, 3), (0.3, -0.4, 0.1)])
def test_the_jacobian_is_how_softmax_reacts_to_its_inputs(z):
    z = np.array(z)
    a = np.exp(z) / np.exp(z).sum()
    J = np.array([nudged(lambda z, i=i: np.exp(z[i]) / np.exp(z).sum(), z) for i in range(len(z))])
    for found in (softmax_jacobian(a), ex.jacobian.reference(a), np.diag(a) - np.outer(a, a)):
        close(found, J, 1e-8)
        close(found, found.T)
    if len(z) == 4:  # as on the slides
        assert [f"{v:.4e}" for v in found[2]] == ["-1.9116e-03", "-1.7431e-06", "2.1720e-03", "-2.5871e-04"]
    assert all(J[i, j] == pytest.approx(a[j] * ((i == j) - a[i]), abs=1e-9) for i, j in np.ndindex(J.shape))


@pytest.mark.parametrize("j", range(3))
def test_if_one_z_rises_its_own_probability_rises_and_the_two_others_fall(j, n):
    change = softmax(n.z3 + 0.5 * np.eye(3)[j]) - n.a3
    assert change[0, j] > 0 and (np.delete(change, j) < 0).all()
    assert (softmax_jacobian(n.a3[0])[:, j] > 0).tolist() == (np.arange(3) == j).tolist()


def test_the_picture_of_the_jacobian_is_that_of_the_sample_and_no_entry_is_zero(n):
    a, shown = n.a3[0], picture("Softmax's Jacobian")
    J = [[a[i] * ((i == j) - a[j]) for j in range(3)] for i in range(3)]
    assert [float(text.get_text()) for text in shown.texts] == [round(v, 4) for row in J for v in row]
    assert np.abs(J).min() > 0.05


def test_columns_sum_to_0_as_probabilities_sum_to_1_and_rows_as_a_common_shift_changes_nothing(n):
    J = softmax_jacobian(n.a3[0])
    close(n.A[3].sum(1), np.ones(4))
    close(softmax(n.z3 + 2.5), n.a3)
    E = np.exp(n.z3[0])
    quotient_rule = (E[0] * E.sum() - E[0] ** 2) / E.sum() ** 2, -E[1] * E[0] / E.sum() ** 2
    close(J[:2, 0], np.array(quotient_rule))
    assert abs(J.sum(0)).max() < 1e-15 and abs(J.sum(1)).max() < 1e-15


@pytest.mark.parametrize("y", [(0, 0, 1), (1, 0, 0), (0.2, 0.3, 0.5)])
def test_the_two_sums_of_exercise_7_are_what_the_solution_says(y, n):
    a, y, d = n.a3[0], np.array(y, dtype=float), np.eye(3)
    first = [sum(-y[j] / a[j] * a[j] * d[i, j] for j in range(3)) for i in range(3)]
    second = [sum(y[j] / a[j] * a[j] * a[i] for j in range(3)) for i in range(3)]
    close(np.array(ex.collapse.reference(a, y)), np.array([first, second, np.add(first, second)]))
    close((y / a) @ np.diag(a), y)
    close((y / a) @ np.outer(a, a), y.sum() * a)


def test_exercise_7_takes_both_ways_to_write_the_second_sum_and_tries_targets_that_are_not_one_hot():
    """The targets sum to 1, so the second array is right with that sum and without it."""
    assert ex.collapse.verdict(lambda a, y: (-y, a, a - y))
    assert ex.collapse.verdict(lambda a, y: (-y, y.sum() * a, y.sum() * a - y))
    assert not ex.collapse.verdict(lambda a, y: (-(y > 0.5), a, a - (y > 0.5)))
    assert all(y.sum() == pytest.approx(1, rel=1e-14) for _, y in ex.collapse.samples)


def test_that_the_targets_sum_to_1_is_told_after_the_exercise(n):
    assert (n.Y.sum(1) == 1).all()
    assert r"\boxed{\;\mathrm{dz}^{(3)} = \mathbf a^{(3)} - \mathbf y\;}" in said()
    assert comes_before("04", "ex.collapse.check(", "times the sum of the targets, which is 1.")


def test_the_long_way_and_the_short_form_are_torchs_dz3(n, rows):
    close(n.long_way, n.a3 - n.y)
    close(n.a3 - n.y, rows[0].dZ[3])
    close(n.first, -n.y[0])
    close(n.second, n.a3[0])


def test_with_targets_that_sum_to_2_the_short_form_fails_and_the_long_way_does_not(n):
    y = np.array([[1.0, 0.0, 1.0]])
    right = nudged(lambda z: -(y * np.log(softmax(z))).sum(), n.z3)
    close((-y / n.a3) @ softmax_jacobian(n.a3[0]), right, 1e-7)
    close(2 * n.a3 - y, right, 1e-7)
    assert abs(n.a3 - y - right).max() > 0.2


def test_at_0_and_minus_800_the_long_way_is_nan_because_of_a_division_by_0():
    a = softmax(SURE)
    assert a.tolist() == [[1, 0]] and not softmax_jacobian(a[0]).any() and np.isnan(np.inf * 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan((-SECOND / a) @ softmax_jacobian(a[0])).all() and np.isinf(-SECOND / a).any()
    with pytest.raises(RuntimeWarning, match="divide by zero"):
        -SECOND / a


def test_at_0_and_minus_800_the_short_form_and_the_fused_losses_say_with_full_force_what_torch_says():
    z = torch.tensor(SURE, requires_grad=True)
    torch.nn.functional.cross_entropy(z, torch.tensor(SECOND)).backward()
    assert (softmax(SURE) - SECOND).tolist() == z.grad.tolist() == [[1, -1]]
    assert softmax_cross_entropy.gradient(SURE, SECOND).tolist() == [[1, -1]]
    assert abs(softmax(np.random.default_rng(0).normal(size=(100, 2)) * 9) - SECOND).max() < 1


@pytest.mark.filterwarnings("ignore:.*right class the probability 0")
def test_at_0_and_minus_800_the_loss_is_800_and_infinite_if_it_is_computed_from_a():
    assert softmax_cross_entropy(SURE, SECOND) == 800 and np.isinf(cross_entropy(softmax(SURE), SECOND))


# 5 · The batch --------------------------------------------------------------------------------------


def test_the_loss_is_the_average_of_four_positive_ones(n, rows, torchs):
    losses = -(n.Y * np.log(n.A[3])).sum(1)
    assert losses.shape == (4,) and (losses > 0).all()
    close(losses, np.array([row.loss for row in rows]))
    assert losses.mean() == pytest.approx(torchs.loss, rel=1e-12) == pytest.approx(n.loss_before, rel=1e-12)


@every_sample
def test_a_row_of_dZ3_is_the_samples_own_a_minus_y_over_n_and_sees_no_other_sample(i, n, rows, torchs):
    close(n.dZ3[i], (n.A[3][i] - n.Y[i]) / 4)
    close(n.dZ3[i], (-n.Y[i] / n.A[3][i] / 4) @ softmax_jacobian(n.A[3][i]))
    for mine in (n.dZ3[i], torchs.dZ[3][i]):
        close(mine, rows[i].dZ[3][0] / 4)
    assert abs(n.dZ3.sum(1)).max() < 1e-15
    others = np.delete(np.arange(4), i)
    X = n.X.copy()
    X[others] += 1
    np.testing.assert_array_equal(forward(n.net, X).A[3][i], n.A[3][i])


def test_a_loop_over_the_samples_a_stack_and_the_product_give_one_dW3(n, rows, torchs):
    loop = sum(row.dW[3] for row in rows) / 4
    stack = np.vstack([n.A[3][p] - n.Y[p] for p in range(4)]).T @ n.A[2] / 4
    for found in (loop, stack, n.dZ3.T @ n.A[2], sum(n.pieces), n.dW3):
        assert found.shape == n.W[3].shape
        close(found, torchs.dW[3])


def test_an_entry_of_the_product_adds_up_over_the_samples_what_came_back_times_what_was_sent(n):
    for j, i in np.ndindex(3, 4):
        assert n.dW3[j, i] == pytest.approx(sum(n.dZ3[p, j] * n.A[2][p, i] for p in range(4)), rel=1e-12)
    assert len(n.pieces) == 4
    for p, piece in enumerate(n.pieces):
        close(piece, np.outer(n.dZ3[p], n.A[2][p]))


def test_the_picture_shows_a_hundred_times_the_parts_and_their_sum_in_orange_and_grey(n):
    for ax, M in zip(picture("+ sample 1"), [*n.pieces, n.dW3]):
        assert [text.get_text() for text in ax.texts] == [f"{100 * v:.1f}" for v in M.ravel()]
        assert [label.get_text() for label in (*ax.get_yticklabels(), *ax.get_xticklabels())] == [
            "z₀", "z₁", "z₂", "a₀", "a₁", "a₂", "a₃"]
        red, _, blue, _ = ax.images[0].to_rgba(100 * M).reshape(-1, 4).T
        assert ((red > blue + 0.1) == (M.ravel() > 0)).all() and (abs(red - blue)[M.ravel() < 0] < 0.01).all()


@every_layer
def test_the_bias_gets_the_sum_of_the_rows(l, n, torchs):
    assert torchs.db[l].shape == n.b[l].shape
    for found in (torchs.dZ[l].sum(0), torchs.dZ[l].T @ np.ones(4), n.db[l]):
        close(found, torchs.db[l])
    close(np.ones((4, 1)) @ n.b[l][None], np.array([n.b[l]] * 4))


@every_layer
def test_without_1_over_n_every_gradient_is_n_times_too_large_and_in_the_same_direction(l, n, torchs):
    trace, dA3 = forward(n.net, n.X), -n.Y / n.A[3]
    forgotten, twice = (backward(n.net, trace, dA3 / c) for c in (1, 16))
    for kind in ("dZ", "dW", "db"):
        right = getattr(torchs, kind)[l].ravel()
        wrong = getattr(forgotten, kind)[l].ravel()
        close(wrong, 4 * right)
        close(getattr(twice, kind)[l].ravel(), right / 4)
        assert wrong @ right == pytest.approx(np.linalg.norm(wrong) * np.linalg.norm(right), rel=1e-12)


@every_layer
def test_without_1_over_n_a_batch_twice_as_large_takes_steps_twice_as_long(l, n, torchs):
    X, Y = np.tile(n.X, (2, 1)), np.tile(n.Y, (2, 1))
    close(by_torch(n.W, n.b, X, Y).dW[l], torchs.dW[l])
    once, doubled = (backward(n.net, t, -Y / t.A[3]) for t, Y in ((forward(n.net, n.X), n.Y), (forward(n.net, X), Y)))
    close(doubled.dW[l], 2 * once.dW[l])


def test_which_line_changes_is_told_between_the_check_of_exercise_9_and_the_use_of_its_solution():
    assert comes_before("04", "Which of them has to change?", "ex.whole_batch.check(", "only the line for **the bias**",
                        "ex.whole_batch.use(", "**All of it, checked.**")


def test_of_the_four_lines_of_one_row_only_the_biass_changes_for_a_batch(n):
    one, batch = (re.findall(r"^    (\w+ = .+)$", inspect.getsource(f.reference), re.MULTILINE)
                  for f in (ex.one_row, ex.whole_batch))
    changed = [a for a, b in zip(one, batch) if a.lower() != b.lower()]
    assert len(one) == len(batch) == 4 and changed == ["db2 = dz2[0]"]
    alone = [ex.one_row.reference(n.dZ3[i:i + 1], n.W[3], n.A[2][i:i + 1], n.A[1][i:i + 1]) for i in range(4)]
    dA2, dZ2, dW2, db2 = ex.whole_batch.reference(n.dZ3, n.W[3], n.A[2], n.A[1])
    assert "If you wrote matrix products, only the line for **the bias** has changed" in said()
    assert np.outer(n.dz2, n.a1).shape == n.W[2].shape != np.outer(dZ2, n.A[1]).shape  # other lines change more
    close(dA2, np.vstack([row[0] for row in alone]))
    close(dZ2, np.vstack([row[1] for row in alone]))
    close(dW2, sum(row[2] for row in alone))
    close(db2, sum(row[3] for row in alone))


@every_layer
def test_the_six_arrays_by_hand_are_torchs_and_those_of_nudging(l, n, torchs):
    close(n.dW[l], torchs.dW[l])
    close(n.db[l], torchs.db[l])
    close(n.nudged_W[l], torchs.dW[l], 1e-6)
    close(n.nudged_b[l], torchs.db[l], 1e-6)
    assert sum(v.size for part in (n.dW, n.db) for v in part.values()) == 89


# 6 · Any number of layers ---------------------------------------------------------------------------


@every_layer
def test_your_loop_and_utils_give_all_twelve_gradients(l, n, torchs):
    for kind in ("dA", "dZ", "dW", "db"):
        close(getattr(n.found, kind)[l], getattr(torchs, kind)[l])
    for mine, by_hand in ((n.my_dW, n.dW), (n.my_db, n.db), (n.found.dW, n.dW), (n.found.db, n.db)):
        close(mine[l], by_hand[l], 1e-12)
    for mine, by_hand in ((n.found.dA[2], n.dA2), (n.found.dZ[2], n.dZ2), (n.found.dA[1], n.dA1),
                          (n.found.dZ[1], n.dZ1), (n.found.dZ[3], n.dZ3)):
        close(mine, by_hand, 1e-12)


def test_the_pullback_is_tried_on_what_is_known_before_exercise_10():
    assert comes_before("04", "each activation brings its own way back", "net.f[2].pullback(dA2, A[2]), dZ2)",
                        "The loop begins with `dA`", "Exercise 10 ·")


def test_of_the_four_lines_of_a_layer_only_the_one_through_the_activation_is_another_in_layer_3(n, torchs):
    """Here with `dA` and the slope, as in the layers before; the three others need no change."""
    assert "All layers share three of the four lines." in said()
    assert not np.allclose(torchs.dA[3] * slope(n.A[3]), torchs.dZ[3], rtol=1e-3)
    close(n.dZ3.T @ n.A[2], torchs.dW[3])
    close(n.dZ3.sum(0), torchs.db[3])
    close(n.dZ3 @ n.W[3], torchs.dA[2])


def test_the_loop_begins_with_minus_y_over_a_over_n(n, torchs):
    close(cross_entropy.gradient(n.A[3], n.Y), -n.Y / n.A[3] / 4)
    close(torchs.dA[3], -n.Y / n.A[3] / 4)


def test_the_pullbacks_are_the_slope_and_each_rows_jacobian(n, rng):
    dA = rng.normal(size=(4, 3))
    close(softmax.pullback(dA, n.A[3]), np.array([d @ softmax_jacobian(a) for d, a in zip(dA, n.A[3])]))
    close(sigmoid.pullback(dA, sigmoid(dA)), dA * sigmoid(dA) * (1 - sigmoid(dA)))


def finished_loop():
    """The lines of the loop that section 6 shows, and what stands beside each."""
    code = re.search(r"^The finished loop, .+?```python\n(.+?)```", "\n".join(unfolded()), re.DOTALL | re.MULTILINE)[1]
    return [[part.strip() for part in f"{line}#".split("#")[:2]] for line in code.splitlines()]


def test_the_finished_loop_stands_openly_after_exercise_10_and_is_that_of_the_solution():
    code = [line.strip() for line in inspect.getsource(ex.backward.reference).splitlines()]
    assert len(finished_loop()) == 5 and all(line in code for line, _ in finished_loop())
    assert comes_before("04", "ex.backward.check(", "ex.backward.use(", "The finished loop, each line beside its boxed")


@every_layer
def test_run_as_it_stands_the_finished_loop_gives_all_gradients_and_so_do_the_formulas_beside_it(l, n, torchs):
    code = re.search(r"```python\n(.+?)```", said(), re.DOTALL)[1]
    names = {"W": n.W, "A": n.A, "f": n.net.f, "dA": -n.Y / n.A[3] / 4, "dW": {}, "db": {}}
    exec(code, names)
    close(names["dW"][l], torchs.dW[l])
    close(names["db"][l], torchs.db[l])
    beside = [formula for _, formula in finished_loop() if formula]
    assert beside == ["sigmoid: dA ⊙ A ⊙ (1 − A)", "dZᵀ A⁽ˡ⁻¹⁾", "dZᵀ 1", "dZ W⁽ˡ⁾, for layer l − 1"]
    dZ = torchs.dZ[l]
    close(dZ.T @ n.A[l - 1], torchs.dW[l])
    close(dZ.T @ np.ones(4), torchs.db[l])
    if l > 1:
        close(dZ @ n.W[l], torchs.dA[l - 1])
    if l < 3:
        close(torchs.dA[l] * n.A[l] * (1 - n.A[l]), dZ)


@every_layer
def test_with_the_identity_as_the_last_activation_and_the_fused_loss_the_loop_gives_the_same_gradients(l, n, torchs):
    net = n.net._replace(f={1: sigmoid, 2: sigmoid, 3: identity})
    trace = forward(net, n.X)
    start = softmax_cross_entropy.gradient(trace.A[3], n.Y)
    np.testing.assert_array_equal(trace.A[3], trace.Z[3])
    close(start, (softmax(trace.Z[3]) - n.Y) / 4)
    close(start, torchs.dZ[3])
    found, (dW, db) = backward(net, trace, start), ex.backward.reference(net.W, trace.A, net.f, start)
    for weights, biases in ((found.dW, found.db), (dW, db)):
        close(weights[l], torchs.dW[l])
        close(biases[l], torchs.db[l])


@pytest.mark.parametrize("f", [softmax, sigmoid, tanh, identity], ids=["softmax", "sigmoid", "tanh", "identity"])
def test_the_long_way_fits_every_loss_and_every_activation(f, n):
    net = n.net._replace(f={1: tanh, 2: sigmoid, 3: f})
    trace = forward(net, n.X)
    dW, _ = ex.backward.reference(net.W, trace.A, net.f, squared_error.gradient(trace.A[3], n.Y))

    def loss(V):
        return squared_error(forward(net._replace(W={**net.W, 1: V}), n.X).A[3], n.Y)

    close(dW[1], nudged(loss, n.W[1]), 1e-5)


def test_the_networks_that_are_trained_in_earnest_end_with_the_identity_and_use_the_fused_loss():
    code = "\n".join(sources("06"))
    assert "initialize([64, 64, 10], [relu, identity]" in code
    assert "train(net, X_fit, Y_fit, softmax_cross_entropy" in code


def test_the_loop_that_begins_at_the_output_is_the_long_way_that_gives_nan_and_the_changed_network_is_right():
    """One layer whose logits are 0 and −800, the second class right."""
    assert r"takes the long way from $-\frac1N\, Y / A^{(3)}$ (`nan` where the probability of the right class" in said()
    X, W, b = np.ones((1, 1)), {1: SURE.T}, {1: np.zeros(2)}
    with np.errstate(divide="ignore", invalid="ignore"):
        A = forward(MLP(W, b, {1: softmax}), X).A
        long_way = ex.backward.reference(W, A, {1: softmax}, -SECOND / A[1])
    assert np.isnan(long_way[0][1]).all() and np.isnan(long_way[1][1]).all()
    A = forward(MLP(W, b, {1: identity}), X).A
    start = softmax_cross_entropy.gradient(A[1], SECOND)
    dW, db = ex.backward.reference(W, A, {1: identity}, start)
    assert A[1].tolist() == SURE.tolist() and start.tolist() == [[1, -1]]
    assert dW[1].tolist() == [[1], [-1]] and db[1].tolist() == [1, -1]


def test_the_stepper_shows_twelve_gradients_for_the_batch_or_a_sample_and_begins_at_dA2():
    piece = backward_stepper(step=5)
    assert repr(piece).startswith("Step 5 of 12 backwards, for the whole batch: dA[2]")
    piece.controls["sample"].value = 1
    assert repr(piece).startswith("Step 5 of 12 backwards, for sample 1: dA[2]")


@pytest.mark.parametrize("step", [1, 2, 5, 6, 9, 10])
def test_in_the_stepper_a_unit_shows_its_mean_over_the_samples_and_orange_is_positive_and_grey_negative(step, torchs):
    kind, l = [(kind, l) for l in (3, 2, 1) for kind in ("dA", "dZ", "dW", "db")][step - 1]
    mean = getattr(torchs, kind)[l].mean(0)
    units = [actor for actor in backward_stepper(step=step).current.actors if hasattr(actor, "marker")]
    shown = np.array([to_rgb(unit.color) for unit in units])
    assert len(units) == SIZES[l]
    for rgb, share in zip(shown, mean / abs(mean).max()):  # white is 0, the full colour the largest
        full = np.array(to_rgb(BACKWARD if share > 0 else QUIET))
        assert abs(rgb - (1 - abs(share) * (1 - full))).max() < 0.004
    assert np.ptp(to_rgb(QUIET)) == 0 and to_rgb(BACKWARD)[0] > 0.8 > 0.4 > to_rgb(BACKWARD)[1] > to_rgb(BACKWARD)[2]


@pytest.mark.parametrize("step", [3, 7, 11])
def test_in_the_stepper_a_line_is_orange_where_dW_is_positive_and_grey_where_it_is_negative(step, torchs):
    dW = torchs.dW[3 - step // 4]
    lines = [actor for actor in backward_stepper(step=step).current.actors if hasattr(actor, "dash")]
    assert [line.color for line in lines] == [BACKWARD if v > 0 else QUIET for v in dW.ravel()]


# 7 · What does it cost? -----------------------------------------------------------------------------


def cost(N, sizes, to_input=False):
    """Multiplications in the matrix products of one forward and one backward pass."""
    products = [(N, d, m) for d, m in pairwise(sizes)]
    to_weights = [(m, N, d) for d, m in pairwise(sizes)]
    to_layers = [(N, m, d) for d, m in pairwise(sizes if to_input else sizes[1:])]
    return tuple(sum(a * b * c for a, b, c in kind) for kind in (products, to_weights, to_layers))


def test_backward_takes_460_multiplications_and_600_only_with_the_product_for_x_that_nobody_needs(n):
    assert cost(4, SIZES) == (300, 300, 160) and cost(4, SIZES, to_input=True) == (300, 300, 300)
    assert (n.forward_cost, n.backward_cost) == (300, 460) and 2 * 89 * 300 == 53400 == 89 * 600
    assert 0 not in backward(n.net, forward(n.net, n.X), n.found.dA[3], to_input=False).dA


def test_the_products_entry_by_entry_and_the_jacobians_come_on_top_and_are_fewer(n):
    """A sigmoid's slope takes two for each unit; softmax's Jacobian d² for the row, and d² to make it."""
    on_top = 4 * (2 * (7 + 4) + 2 * 3**2)
    assert on_top == 160 < n.backward_cost / 2


@pytest.mark.parametrize("sizes", [SIZES, (2, 3), (784, 30, 10), (100_000,) * 10])
def test_backward_costs_less_than_two_forward_passes_however_many_parameters_there_are(sizes):
    forwards, to_weights, to_layers = cost(4, sizes)
    assert to_weights + to_layers < 2 * forwards
    assert sum(cost(4, sizes, to_input=True)[1:]) == 2 * forwards
    assert len(sizes) < 10 or sum((d + 1) * m for d, m in pairwise(sizes)) > 89e9


@pytest.mark.parametrize("l", range(4))
def test_every_a_is_needed_on_the_way_back(l, n):
    A = {**n.A, l: n.A[l] * 0.9}
    dW, _ = ex.backward.reference(n.W, A, n.net.f, n.found.dA[3])
    assert any(abs(dW[k] - n.dW[k]).max() > 0.01 * abs(n.dW[k]).max() for k in n.W)


def test_what_is_stored_grows_with_the_depth_and_with_the_batch():
    def stored(N, sizes):
        net = initialize(sizes, [sigmoid] * (len(sizes) - 1), np.random.default_rng(0))
        return sum(a.size for a in forward(net, np.ones((N, sizes[0]))).A.values())

    assert stored(8, SIZES) == 2 * stored(4, SIZES) < stored(8, (5, 7, 4, 4, 3))
    assert "what is stored grows with the depth and with the batch" in said()


# 8 · One step downhill ------------------------------------------------------------------------------


@pytest.mark.parametrize(("eta", "after"), [(0.5, "1.0483"), (0.01, "1.1362"), (-0.5, "1.3700")])
def test_a_step_against_the_gradient_lowers_the_loss_and_one_along_it_raises_it(eta, after, n, torchs):
    W, b = ({l: v - eta * g[l] for l, v in part.items()} for part, g in ((n.W, torchs.dW), (n.b, torchs.db)))
    loss = by_torch(W, b, n.X, n.Y).loss
    assert f"{loss:.4f}" == after and (loss < torchs.loss) == (eta > 0)
    assert n.moved(eta) == pytest.approx(loss, rel=1e-12)


def test_exercise_11_is_the_rate_times_the_squares_which_is_the_fall_to_first_order(n):
    """The miss shrinks with the square of the rate; for 0.01 it is one percent, for 0.5 nearly a half."""
    assert n.squares == pytest.approx(squared_length(n), rel=1e-9)
    assert ex.expected_fall.reference() == pytest.approx(0.5 * n.squares, rel=1e-3)
    assert comes_before("04", "ex.expected_fall.check(", r"the loss moves by about $-\eta g_i^2$. Add up", "def moved(")
    assert all(ex.expected_fall.verdict(answer) for answer in (0.16, 0.5 * 0.321, 0.1605))
    assert not any(ex.expected_fall.verdict(answer) for answer in (0.0911, 0.15, 0.2))
    misses = [eta * n.squares - (n.loss_before - n.moved(eta)) for eta in (0.01, 0.001, 0.0001)]
    assert all(90 < a / b < 110 for a, b in pairwise(misses))
    share = [(n.loss_before - n.moved(eta)) / (eta * n.squares) for eta in (0.01, 0.5)]
    assert share == [pytest.approx(0.99, abs=0.005), pytest.approx(0.57, abs=0.01)]
    assert comes_before("04", "Exercise 11 ·", "ex.expected_fall.check(", "expected fall {", "right to one percent")


def test_on_the_long_step_the_gradient_changes_underway(n, torchs):
    W, b = ({l: v - 0.5 * g[l] for l, v in part.items()} for part, g in ((n.W, torchs.dW), (n.b, torchs.db)))
    after = by_torch(W, b, n.X, n.Y)
    assert np.linalg.norm(after.db[3] - torchs.db[3]) > 0.5 * np.linalg.norm(torchs.db[3])


def test_200_steps_lower_the_loss_each_time_from_1_14_to_0_82_and_below_guessing(n, descent):
    losses, W = descent
    close(np.mean(n.losses, axis=1), losses[:200])
    assert (np.diff(losses) < 0).all() and losses[-1] < log(3) < losses[0]
    assert cross_entropy(np.full((4, 3), 1 / 3), n.Y) == pytest.approx(log(3), rel=1e-12)
    assert f"{losses[199]:.2f}" == f"{losses[200]:.2f}" == f"{np.mean(n.losses[-1]):.2f}"
    for l in W:
        close(n.here.W[l], W[l])


def test_in_the_other_199_it_learns_to_tell_sample_0_and_still_says_about_a_third_to_the_other_three(n):
    """The farthest from ⅓ is 0.40; sample 0 gets its class with 0.92, and no other class of it more than 0.04."""
    late = forward(n.here, n.X).A[3]
    assert late[0].argmax() == n.Y[0].argmax() and late[0, 2] > 0.9
    assert abs(late[1:] - 1 / 3).max() < 0.07 and abs(late[1:].mean(0) - 1 / 3).max() < 0.03
    assert abs(late[0] - late[1:]).max(1).min() > 4 * np.ptp(late[1:], axis=0).max()


def test_the_probabilities_printed_are_those_after_200_steps_by_plain_lines(n, descent):
    W, A = descent[1], forward(n.here, n.X).A
    A2 = 1 / (1 + np.exp(-(A[1] @ W[2].T + n.here.b[2])))
    E = np.exp(A2 @ W[3].T + n.here.b[3])
    close(A[3], E / E.sum(1, keepdims=True))
    assert -np.log(A[3][n.Y == 1]).mean() == pytest.approx(descent[0][200], rel=1e-9)


def test_sample_0_is_learned_and_the_mean_of_the_others_is_hardly_below_a_third_for_each_class(n):
    """The three have one sample of each class, so no common answer is better than thirds."""
    assert n.Y[1:].sum(0).tolist() == [1, 1, 1]
    first, last = np.array(n.losses)[[0, -1]]
    assert last[0] < 0.08 < 1 < first[0]
    assert log(3) - 0.04 < last[1:].mean() < log(3) < first[1:].mean()


def test_the_picture_shows_the_loss_of_sample_0_the_mean_of_the_others_and_a_dotted_line_under_its_name(n):
    ax = picture("samples 1 to 3, mean")
    zero, others, line = ax.lines
    losses = np.array(n.losses)
    assert losses.shape == (200, 4)
    close(zero.get_ydata(), losses[:, 0])
    close(others.get_ydata(), losses[:, 1:].sum(1) / 3)
    assert {*line.get_ydata()} == {np.log(3)} and line.get_linestyle() == ":"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sample 0", "samples 1 to 3, mean"]
    assert {text.get_text(): text.xy[1] for text in ax.texts if hasattr(text, "xy")} == {"⅓, ⅓, ⅓": np.log(3)}


def test_the_three_hardly_learn_as_nearly_all_hidden_units_are_saturated_in_them_before_and_after(n, torchs):
    """At least 9 of 11 above 0.9; to layer 3 they look alike at first, and less than a fiftieth gets through to Z2."""
    for net in (n.net, n.here):
        assert ((np.hstack([forward(net, n.X).A[l] for l in (1, 2)]) > 0.9).sum(1)[1:] >= 9).all()
    assert np.ptp(n.A[2][1:], axis=0).max() < 0.01
    assert (abs(torchs.dZ[2]).max(1) < abs(torchs.dZ[3]).max(1) / 50)[1:].all()


# 9 · What is left for the first layer ---------------------------------------------------------------


def test_with_the_hidden_layers_as_they_are_the_same_200_steps_get_a_quarter_as_far_below_1_04(n, descent):
    last_alone, W = downhill(n.net, n.X, n.Y, moving=(3,))
    assert W[2] is n.W[2] and np.ptp(n.A[2][1:], axis=0).max() < 0.01
    A3 = softmax(n.A[2] @ W[3].T + n.b[3])
    assert np.ptp(A3[1:], axis=0).max() < 0.01 < 0.1 < np.ptp(forward(n.here, n.X).A[3][1:], axis=0).max()
    assert 0.2 < (1.5 * log(2) - last_alone[200]) / (1.5 * log(2) - descent[0][200]) < 0.3


def test_after_200_steps_the_network_gets_sample_1_wrong_and_only_begins_to_tell_the_three_others_from_one_another(n):
    """Every two of the three are farther apart than at the start, and none by more than 0.12."""
    late, early = forward(n.here, n.X).A[3], n.A[3]
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
    ax = picture("largest size in a row")
    for i in range(4):
        close(ax.lines[i].get_ydata(), np.array([abs(torchs.dZ[l][i]).max() for l in (3, 2, 1)]), 1e-8)
    assert ax.get_yscale() == "log" and len(ax.lines) == 4


def test_the_rows_of_samples_1_to_3_hardly_differ_at_layer_3_and_so_neither_do_its_answers(n):
    assert np.ptp(n.A[2][1:], axis=0).max() < 0.01 < 0.17 < abs(n.A[2][1:] - n.A[2][0]).max(1).min()
    assert np.ptp(n.A[3][1:], axis=0).max() < 0.0015


def test_no_parameter_is_negative_and_in_samples_1_to_3_the_positive_inputs_outweigh_the_negative_ones(n):
    """With the inputs' signs reversed, layer 1 is at its other end, and layer 2 is not saturated any more."""
    assert min(v.min() for v in (*n.W.values(), *n.b.values())) > 0
    assert (n.X.sum(1) > 0).tolist() == [False, True, True, True]
    assert (n.X[1:] @ n.net.W[1].T + n.net.b[1] > 1).all()
    turned = forward(n.net, -n.X[1:]).A
    assert turned[1].max() < 0.5 and slope(turned[2]).mean() > 5 * slope(n.A[2][1:]).mean()


def test_the_weights_enlarge_what_they_hand_back_in_some_samples_and_shrink_it_in_others(torchs):
    handed_back = [abs(torchs.dA[l - 1]).max(1) / abs(torchs.dZ[l]).max(1) for l in (3, 2)]
    assert (handed_back[0] < 0.9).all() and (handed_back[1] > 1).tolist() == [False, True, True, False]


def left_in_dZ1(n, dZ3, slopes):
    """The largest size in each sample's row, sent back from `dZ3` through these slopes."""
    return abs(dZ3 @ n.W[3] * slopes[2] @ n.W[2] * slopes[1]).max(1)


def test_the_first_cause_a_quarter_for_each_sigmoid_layer_leaves_a_twentieth_even_without_saturation(n):
    best = left_in_dZ1(n, n.dZ3, {1: 0.25, 2: 0.25})
    close(best, left_in_dZ1(n, n.dZ3, {1: 1, 2: 1}) / 16)
    assert (best < abs(n.dZ3).max(1) / 20).all() and best.min() > 0.005


def test_the_second_cause_saturation_takes_more_than_nine_tenths_of_that_from_samples_1_to_3(n, torchs):
    real = left_in_dZ1(n, n.dZ3, {1: slope(n.A[1]), 2: slope(n.A[2])})
    close(real, abs(torchs.dZ[1]).max(1))
    share = real / left_in_dZ1(n, n.dZ3, {1: 0.25, 2: 0.25})
    assert share[0] > 0.6 and (share[1:] < 0.04).all()


def test_the_third_cause_the_sum_over_paths_makes_what_comes_back_smaller_as_its_signs_differ(n):
    slopes = {l: slope(n.A[l]) for l in (1, 2)}
    assert (abs(n.dZ3.sum(1)) < 1e-15).all() and (n.dZ3.min(1) < 0).all() and (n.dZ3.max(1) > 0).all()
    assert f"{min(w.min() for w in n.W.values()):.3f}" == "0.001"
    without = left_in_dZ1(n, abs(n.dZ3), slopes) / left_in_dZ1(n, n.dZ3, slopes)
    assert (without > 2.9).all() and without.max() < 12


def test_what_the_three_weights_of_a_unit_have_in_common_cancels_and_only_their_differences_count(n, torchs, rng):
    W3 = n.W[3]
    close(n.dZ3 @ (W3 + rng.normal(size=4)), torchs.dA[2], 1e-8)
    close(n.dZ3 @ (W3 - W3.mean(0)), torchs.dA[2], 1e-8)
    close(n.dZ3[:, :2] @ (W3[:2] - W3[2]), torchs.dA[2], 1e-8)
    assert abs(n.dZ3 @ np.ones((3, 1)) * W3.mean(0)).max() < 1e-15
    assert abs(n.dZ3 @ (2 * W3 - W3.mean(0)) - 2 * torchs.dA[2]).max() < 1e-12  # twice the differences, twice as much


def test_a_row_of_dZ3_sums_to_0_for_every_network_that_ends_in_softmax_and_cross_entropy(rng):
    Z, Y = 3 * rng.normal(size=(50, 3)), np.eye(3)[rng.integers(0, 3, 50)]
    assert abs(ex.error_signal.reference(Z, Y).sum(1)).max() < 1e-15
    close(softmax(Z).sum(1), Y.sum(1))


def test_of_0_16_sample_0_has_0_004_left_and_of_0_17_sample_3_0_00001(n, torchs):
    first, last = (abs(torchs.dZ[l]).max(1) for l in (3, 1))
    assert "From 0.16 in dZ3, 0.004 is left in dZ1 for sample 0; from 0.17, 0.00001 for sample 3." in said()
    assert [f"{first[i]:.2f}" for i in (0, 3)] == ["0.16", "0.17"]
    assert {f"{v:.1f}" for v in first} == {"0.1", "0.2"} and "the largest entries of `dZ3` are 0.1 to 0.2" in said()
    assert (f"{last[0]:.3f}", f"{last[3]:.5f}") == ("0.004", "0.00001")
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


# Recap, and on your own -----------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "formula", "shape"), [
    ("softmax_jacobian(a)", lambda n: [[a * ((i == j) - n.a3[0, j]) for j in range(3)] for i, a in enumerate(n.a3[0])],
     (3, 3)),
    ("(A[3] - Y) / N", lambda n: (n.A[3] - n.Y) / 4, (4, 3)),
    ("f[l].pullback(dA, A[l])", lambda n: n.found.dA[2] * n.A[2] * (1 - n.A[2]), (4, 4)),
    ("dZ[l].T @ A[l-1]", lambda n: n.found.dW[2], (4, 7)),
    ("dZ[l].sum(0)", lambda n: n.found.dZ[2].T @ np.ones(4), (4,)),
    ("dZ[l] @ W[l]", lambda n: n.found.dA[1], (4, 7)),
])
def test_a_line_of_the_recap_is_its_formula_and_has_its_shape(code, formula, shape, n):
    assert code in said()[said().index("## Recap"):]
    assert r"$a_i\,([i = j] - a_j)$" in said()  # `a` has the shape (d,): there is no row to be turned
    names = {"softmax_jacobian": softmax_jacobian, "a": n.a3[0], "A": n.A, "Y": n.Y, "N": 4, "f": n.net.f, "l": 2,
             "dA": n.found.dA[2], "dZ": n.found.dZ, "W": n.W}
    found = eval(code, names)
    assert found.shape == shape
    close(found, formula(n))


def test_on_your_own_1_with_tanh_only_the_slope_changes(n):
    net = n.net._replace(f={1: tanh, 2: tanh, 3: softmax})
    A, expected = forward(net, n.X).A, by_torch(n.W, n.b, n.X, n.Y, torch.tanh)
    dZ3 = (A[3] - n.Y) / 4
    dZ2 = (dZ3 @ n.W[3]) * (1 - A[2] ** 2)
    dZ1 = (dZ2 @ n.W[2]) * (1 - A[1] ** 2)
    dW, db = ex.backward.reference(net.W, A, net.f, cross_entropy.gradient(A[3], n.Y))
    for l, dZ in ((1, dZ1), (2, dZ2), (3, dZ3)):
        close(dZ.T @ A[l - 1], expected.dW[l])
        close(dW[l], expected.dW[l])
        close(db[l], expected.db[l])


def test_on_your_own_2_the_pullback_needs_no_jacobian(n, rng):
    A, dA = n.A[3], rng.normal(size=(4, 3))
    dZ = eval("A * (dA - (dA * A).sum(1, keepdims=True))", {"A": A, "dA": dA})
    assert "dZ = A * (dA - (dA * A).sum(1, keepdims=True))" in said()
    close(dZ, softmax.pullback(dA, A))
    close(dZ, np.array([[sum(d[j] * a[j] * ((i == j) - a[i]) for j in range(3)) for i in range(3)]
                        for d, a in zip(dA, A)]))


@pytest.mark.parametrize("f", [softmax, identity], ids=["softmax", "identity"])
def test_on_your_own_3_the_squared_error_has_a_short_form_with_the_identity_and_not_with_softmax(f, n):
    Z = n.A[2] @ n.W[3].T + n.b[3]
    dA3 = (f(Z) - n.Y) / 4
    right = nudged(lambda Z: 0.5 * ((f(Z) - n.Y) ** 2).sum() / 4, Z)
    close(dA3, nudged(lambda A: 0.5 * ((A - n.Y) ** 2).sum() / 4, f(Z)), 1e-7)
    close(squared_error.gradient(f(Z), n.Y), dA3)
    close(f.pullback(dA3, f(Z)), right, 1e-7)
    assert np.allclose(dA3, right, rtol=1e-6) == (f is identity)
    assert (np.ptp(right / dA3) > 0.1) == (f is softmax)


def test_on_your_own_3_with_the_identity_it_is_the_formula_of_softmax_with_the_cross_entropy(n):
    Z = n.A[2] @ n.W[3].T + n.b[3]
    close(squared_error.gradient(Z, n.Y), (Z - n.Y) / 4)
    close(nudged(lambda Z: cross_entropy(softmax(Z), n.Y), Z), (softmax(Z) - n.Y) / 4, 1e-7)


def test_from_memory_the_four_lines_stand_in_the_table_of_the_recap(n, torchs):
    assert "Then unfold the table of the recap, and compare." in said()
    table, = re.findall("## Recap.+?<details>.+?</details>", said(), re.DOTALL)
    assert "dZ" not in table.split("<details>")[0]
    assert all(f"| `{line}` |" in table for line in ("f[l].pullback(dA, A[l])", "dZ[l].T @ A[l-1]", "dZ[l].sum(0)",
                                                     "dZ[l] @ W[l]"))

    def remembered(dZ3, W3, A2, A1):
        dA2 = dZ3 @ W3
        dZ2 = dA2 * A2 * (1 - A2)
        return dA2, dZ2, dZ2.T @ A1, dZ2.sum(0)

    assert ex.whole_batch.verdict(remembered)
    found = remembered(n.dZ3, n.W[3], n.A[2], n.A[1])
    for mine, other in zip(found, (torchs.dA[2], torchs.dZ[2], torchs.dW[2], torchs.db[2])):
        close(mine, other)


def test_dW_of_the_example_in_section_3_is_a_column_times_a_row():
    dz, a = np.array([[2, -1]]), np.array([[3, 5, 7]])
    assert (dz.T @ a).tolist() == [[2 * 3, 2 * 5, 2 * 7], [-1 * 3, -1 * 5, -1 * 7]]
    assert r"2 \cdot 3 & 2 \cdot 5 & 2 \cdot 7 \\ -1 \cdot 3 & -1 \cdot 5 & -1 \cdot 7" in said()


@pytest.mark.parametrize("n_units", [10, 100])
def test_written_out_a_chain_has_about_n_squared_factors_and_backwards_about_3_n_products(n_units):
    written_out = sum(2 + 2 * (n_units - k) + 1 for k in range(1, n_units + 1))
    backwards = 1 + 2 * (n_units - 1) + n_units
    assert 1 < written_out / n_units**2 < 1.3 and abs(backwards - 3 * n_units) <= 1
