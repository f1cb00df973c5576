"""What notebook 04b says, proven on the variables of its cells, or computed anew: by nudging, by loops, by torch."""

import inspect
import itertools
import re
from functools import cache, partial
from itertools import pairwise
from math import log

import cells
import numpy as np
import pytest
import torch
from cells import NOTEBOOKS, calls, captions, comes_before, page, prose, run, sources
from matplotlib.colors import to_rgb
from reference import by_torch, close, nudged, of_batch, of_rows, slope

from utils.activations import identity, relu, sigmoid, softmax, softmax_jacobian, tanh
from utils.exercises import backward as ex
from utils.exercises import rows as rows_of_04
from utils.losses import cross_entropy, softmax_cross_entropy, squared_error
from utils.mlp import MLP, backward, forward, initialize
from utils.plots import BACKWARD, QUIET
from utils.widgets import backward_stepper

SIZES = (5, 7, 4, 3)
SURE, SECOND = np.array([[0.0, -800.0]]), np.array([[0.0, 1.0]])
every_layer = pytest.mark.parametrize("l", [1, 2, 3])
every_sample = pytest.mark.parametrize("i", range(4))


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
    n = run("04b").names
    return downhill(n["net"], n["X"], n["Y"], moving=(3,))


def squared_length(n):
    """The sum of the squares of all 89 partial derivatives, by autograd."""
    g = by_torch(n.W, n.b, n.X, n.Y)
    return sum((v**2).sum() for part in (g.dW, g.db) for v in part.values())


picture = partial(cells.picture, "04b")


@pytest.fixture
def torchs():
    return of_batch("04b")


@pytest.fixture
def rows():
    """The gradients of each sample alone."""
    return of_rows("04b")


@pytest.fixture(scope="module")
def descent():
    n = run("04b").names
    return downhill(n["net"], n["X"], n["Y"])


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.321", lambda n, d: squared_length(n)),
    ("0.16", lambda n, d: abs(n.A[3] - n.Y)[0].max() / 4),
    ("0.17", lambda n, d: abs(n.A[3] - n.Y)[3].max() / 4),
    ("0.004", lambda n, d: left_in_dZ1(n, (n.A[3] - n.Y) / 4, {l: slope(n.A[l]) for l in (1, 2)})[0]),
    ("0.000012", lambda n, d: left_in_dZ1(n, (n.A[3] - n.Y) / 4, {l: slope(n.A[l]) for l in (1, 2)})[3]),
    ("0.0004", lambda n, d: abs(standardized().names["found"].dZ[1][3]).max()),
    ("0.92", lambda n, d: standardized().names["here_A"][2, 1]),
    ("0.60", lambda n, d: standardized().names["here_A"][3, 2]),
    ("0.42", lambda n, d: standardized().names["here_A"][1, 0]),
    ("0.75", lambda n, d: standardized().names["here_A"][0, 2]),
    ("0.30", lambda n, d: forward(n.here, n.X).A[3][1, 0]),
    ("0.36", lambda n, d: forward(n.here, n.X).A[3][2, 1]),
    ("0.38", lambda n, d: forward(n.here, n.X).A[3][3, 2]),
    ("0.00001", lambda n, d: abs(n.found.dZ[1][3]).max()),
    ("0.824", lambda n, d: 3 / 4 * log(3)),
    ("0.002", lambda n, d: np.linalg.norm(n.A[2][2] - n.A[2][3])),
]
GIVEN = {"0.5", "0.1", "0.2", "0.99", "0.09", "0.9"}  # rate; of dZ3, about; outputs; the slope of 0.9, and 0.1


@cache
def standardized():
    """The notebook's run with the inputs that the third task on your own proposes."""
    example = 'X, Y, net = lecture_example("numpy")'
    return run("04b", {example: f"{example}\nX = (X - X.mean(0)) / X.std(0)",
                       "ex.lesson.summary()": "here_A = forward(here, X).A[3]\nex.lesson.summary()"})


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("04b")) == 4
    return prose("04b")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n, descent):
    assert f"{computed(n, descent[0]):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "4 samples, loss 1.1394",
    "sum of the squares 0.321",
    "loss 0.444, p of the right class [0.75 0.42 0.92 0.6 ]",
    "answers [2 2 1 2] right [2 0 1 2]",
    "smallest sum in layer 1, for each sample: [-3.7577  1.6511  2.5426  4.0112]",
    "[[ 0.109   0.0534 -0.1624]",
    " [-0.1304  0.0473  0.0831]",
    " [ 0.1199 -0.203   0.0831]",
    " [ 0.1199  0.047  -0.1669]]",
    "η = 0.01  expected fall 0.00321, found 0.00318",
    "η = 0.5   expected fall 0.16045, found 0.09109",
    "before loss 1.139, p of the right class [0.35 0.48 0.19 0.33]",
    "       answers [0 0 0 0] right [2 0 1 2]",
    "after  loss 0.817, p of the right class [0.92 0.3  0.36 0.38]",
    "       answers [2 2 1 2] right [2 0 1 2]",
    "{1: '0.5%', 2: '0.2%', 3: '99.3%'}",
    "hidden units with a slope below 0.09, of 11, for each sample: [ 2  9 11 11]",
    "smallest weight or bias: 0.001",
    "[[-8.  1. -3.  5.  2.]",
    "[[0.729  0.8115 0.8144 0.8988]",
    " [0.9431 0.9895 0.9622 0.9952]",
    " [0.9501 0.9919 0.967  0.9963]",
    " [0.9519 0.9926 0.9681 0.9966]]",
    "forward 300, backward 460, with the gradient of X 600",
    "nudging all 89 parameters 53400",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_the_break_is_after_section_2_and_the_appendix_is_for_another_day():
    assert "a good place for a break is after section 2. The last 15 are an appendix for another day" in said()
    assert said().index("## 2 ·") < said().index("**So far.**") < said().index("## 3 ·")


def test_nothing_stops_although_seven_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("04b", "agree")) + len(calls("04b", "claim")) == 10
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 7
    assert "0 of 7 exercises done." in book.printed


# The network, and what a name means -----------------------------------------------------------------


@every_layer
def test_every_gradient_has_the_shape_of_its_variable(l, n):
    assert (n.dW[l].shape, n.db[l].shape) == (n.W[l].shape, n.b[l].shape)
    assert n.found.dZ[l].shape == n.found.dA[l].shape == n.A[l].shape


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


@every_layer
def test_from_the_first_section_on_the_letters_are_capitals_and_mean_the_batch(l, n, torchs):
    known, batch = said()[:said().index("## 1 ·")], said()[said().index("**And the $1/N$?**"):]
    assert "dz}^{(3)}" in known and not re.search(r"\\mathrm\{d[zaw]\}\^\{\(l", batch) and "`dZ3`" in batch
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


def test_the_sections_come_in_the_order_of_the_plan():
    assert comes_before("04b", "## 1 · The batch", "## 2 · Any number of layers", "Still to come: what it costs,",
                        "## 3 · What does it cost?", "## 4 · What it is for: one step downhill",
                        "> **From memory.**", "## Recap", "## Appendix · How much reaches the first layer?")


def test_the_price_of_the_introduction_is_that_of_section_3(n):
    assert n.forward_cost + n.backward_cost == 760 and 2 * 89 * n.forward_cost == 53400
    assert "For our network that is 760 multiplications instead of 53,400 (section 3)." in said()


# 1 · The batch --------------------------------------------------------------------------------------


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


def test_which_line_changes_is_told_between_the_check_of_exercise_3_and_the_use_of_its_solution():
    assert comes_before("04b", "Which of them has to change?", "ex.whole_batch.check(",
                        "Only the line for **the bias**", "ex.whole_batch.use(", "**All of it, checked.**")


def test_of_the_four_lines_of_one_row_only_the_biass_changes_for_a_batch(n):
    one, batch = (re.findall(r"^    (\w+ = .+)$", inspect.getsource(f.reference), re.MULTILINE)
                  for f in (rows_of_04.one_row, ex.whole_batch))
    changed = [a for a, b in zip(one, batch) if a.lower() != b.lower()]
    assert len(one) == len(batch) == 4 and changed == ["db = dz[0]"]
    alone = [rows_of_04.one_row.reference(n.dA2[i:i + 1], n.A[2][i:i + 1], n.A[1][i:i + 1], n.W[2]) for i in range(4)]
    dZ2, dW2, db2, dA1 = ex.whole_batch.reference(n.dA2, n.A[2], n.A[1], n.W[2])
    assert "Only the line for **the bias** has changed." in said()
    assert np.outer(n.dZ2[0], n.A[1][0]).shape == n.W[2].shape != np.outer(dZ2, n.A[1]).shape  # other lines change more
    close(dZ2, np.vstack([row[0] for row in alone]))
    close(dW2, sum(row[1] for row in alone))
    close(db2, sum(row[2] for row in alone))
    close(dA1, np.vstack([row[3] for row in alone]))


@every_layer
def test_the_six_arrays_by_hand_are_torchs_and_those_of_nudging(l, n, torchs):
    close(n.dW[l], torchs.dW[l])
    close(n.db[l], torchs.db[l])
    close(n.nudged_W[l], torchs.dW[l], 1e-6)
    close(n.nudged_b[l], torchs.db[l], 1e-6)
    assert sum(v.size for part in (n.dW, n.db) for v in part.values()) == 89


# 2 · Any number of layers ---------------------------------------------------------------------------


@every_layer
def test_your_loop_and_utils_give_all_twelve_gradients(l, n, torchs):
    for kind in ("dA", "dZ", "dW", "db"):
        close(getattr(n.found, kind)[l], getattr(torchs, kind)[l])
    for mine, by_hand in ((n.my_dW, n.dW), (n.my_db, n.db), (n.found.dW, n.dW), (n.found.db, n.db)):
        close(mine[l], by_hand[l], 1e-12)
    for mine, by_hand in ((n.found.dA[2], n.dA2), (n.found.dZ[2], n.dZ2), (n.found.dA[1], n.dA1),
                          (n.found.dZ[1], n.dZ1), (n.found.dZ[3], n.dZ3)):
        close(mine, by_hand, 1e-12)


def test_both_pullbacks_are_tried_on_what_is_known_before_exercise_4():
    assert comes_before("04b", "each activation brings its own", "net.f[2].pullback(dA2, A[2]), dZ2)",
                        "Layer 3 began with the short form.", "net.f[3].pullback(dA3, A[3]), dZ3)", "Exercise 4 ·",
                        "ex.backward.use(my_backward)(W, A, net.f, dA3)")


def test_softmaxs_line_of_code_is_the_sum_over_paths_beside_it(n, rng):
    formula = (r"\mathrm{dz}_i = \sum_j \mathrm{da}_j\, a_j\, ([i = j] - a_i) = "
               r"a_i \Big(\mathrm{da}_i - \sum_j \mathrm{da}_j\, a_j\Big)")
    code = "A * (dA - (dA * A).sum(1, keepdims=True))"
    assert formula in said() and f"`{code}`" in said()
    dA, A = rng.normal(size=(4, 3)), n.A[3]
    found = eval(code, {"A": A, "dA": dA})
    close(found, softmax.pullback(dA, A))
    for p, i in np.ndindex(4, 3):
        assert found[p, i] == pytest.approx(sum(dA[p, j] * A[p, j] * ((i == j) - A[p, i]) for j in range(3)), rel=1e-9)


def test_of_the_four_lines_of_a_layer_only_the_one_through_the_activation_is_another_in_layer_3(n, torchs):
    """Here with `dA` and the slope, as in the layers before; the three others need no change."""
    assert "Only the line for `dZ` depends on the activation" in said()
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
    """The lines of the loop that section 2 shows, and what stands beside each."""
    code = re.search(r"^The finished loop, .+?```python\n(.+?)```", "\n".join(page("04b")), re.DOTALL | re.MULTILINE)[1]
    return [[part.strip() for part in f"{line}#".split("#")[:2]] for line in code.splitlines()]


def test_the_finished_loop_stands_openly_after_exercise_4_and_is_that_of_the_solution():
    code = [line.strip() for line in inspect.getsource(ex.backward.reference).splitlines()]
    assert len(finished_loop()) == 5 and all(line in code for line, _ in finished_loop())
    assert comes_before("04b", "ex.backward.check(", "my_dW, my_db = ex.backward.use(",
                        "The finished loop, each line beside its formula")


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
    assert "if the probability of a *right* class underflows to 0, the loop gives `nan`" in said()
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
def test_in_the_stepper_a_unit_shows_its_sum_over_the_samples_and_orange_is_positive_and_grey_negative(step, torchs):
    kind, l = [(kind, l) for l in (3, 2, 1) for kind in ("dA", "dZ", "dW", "db")][step - 1]
    total = getattr(torchs, kind)[l].sum(0)  # for dZ it is db: the 1/N is in it already
    actors = backward_stepper(step=step).current.actors
    units = [actor for actor in actors if hasattr(actor, "marker") and len(actor.xy) == 1]
    shown = np.array([to_rgb(unit.color) for unit in units])
    assert len(units) == SIZES[l]
    numbers = [actor.words for actor in actors if hasattr(actor, "words")]
    assert numbers == [*(f"{round(v, 4) + 0:.4f}".replace("-", "−") for v in total), f"{kind}[{l}]"]
    for rgb, share in zip(shown, total / abs(total).max()):  # white is 0, the full colour the largest
        full = np.array(to_rgb(BACKWARD if share > 0 else QUIET))
        assert abs(rgb - (1 - abs(share) * (1 - full))).max() < 0.004
    assert np.ptp(to_rgb(QUIET)) == 0 and to_rgb(BACKWARD)[0] > 0.8 > 0.4 > to_rgb(BACKWARD)[1] > to_rgb(BACKWARD)[2]


@pytest.mark.parametrize("step", [3, 7, 11])
def test_in_the_stepper_a_line_is_orange_where_dW_is_positive_and_grey_where_it_is_negative(step, torchs):
    dW = torchs.dW[3 - step // 4]
    lines = [actor for actor in backward_stepper(step=step).current.actors if hasattr(actor, "dash")]
    behind = lines[:-dW.size]
    assert [line.color for line in lines[-dW.size:]] == [BACKWARD if v > 0 else QUIET for v in dW.ravel()]
    assert len(behind) == {3: 0, 7: 12, 11: 40}[step] and all(line.color == BACKWARD for line in behind)


def test_in_the_stepper_the_way_come_so_far_is_orange():
    """The lines into the layers behind, and their units; at the loss and in layer 3 nothing is yet."""
    come = {0: (0, 0), 2: (0, 0), 4: (0, 0), 5: (12, 3), 8: (12, 3), 9: (40, 7), 12: (40, 7)}
    for step, (lines, rings) in come.items():
        actors = backward_stepper(step=step).current.actors
        assert sum(hasattr(actor, "dash") and actor.color == BACKWARD for actor in actors) == lines, step
        orange = [actor for actor in actors if hasattr(actor, "marker") and actor.edge == BACKWARD]
        assert sum(len(actor.xy) for actor in orange) == rings, step


# 3 · What does it cost? -----------------------------------------------------------------------------


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
    cheaper = [N for N in range(1, 100) if 3 * 4 * 7 + 21 * N < 40 * N]
    assert cheaper == list(range(5, 100))


def test_with_the_slopes_between_them_there_is_no_common_product(n, torchs):
    """Each sample has a product of its own, in which its slopes stand between W3 and W2."""
    alone = [n.W[3] * slope(n.A[2][i]) @ n.W[2] for i in range(4)]
    close(np.array([dz @ M for dz, M in zip(n.dZ3, alone)]), torchs.dA[1], 1e-7)
    assert abs(alone[0] - alone[1]).max() > 0.1


@pytest.mark.parametrize("shapes", [[(1, 3), (3, 4), (4, 7)], [(1, 9), (9, 9), (9, 20), (20, 2)]])
def test_beginning_with_the_row_every_product_is_a_row_times_a_matrix(shapes):
    assert {m for m, _, _ in products(shapes, "left")} == {1} != {m for m, _, _ in products(shapes, "right")}


# 4 · One step downhill ------------------------------------------------------------------------------


@pytest.mark.parametrize(("eta", "after"), [(0.5, "1.0483"), (0.01, "1.1362"), (-0.5, "1.3700")])
def test_a_step_against_the_gradient_lowers_the_loss_and_one_along_it_raises_it(eta, after, n, torchs):
    W, b = ({l: v - eta * g[l] for l, v in part.items()} for part, g in ((n.W, torchs.dW), (n.b, torchs.db)))
    loss = by_torch(W, b, n.X, n.Y).loss
    assert f"{loss:.4f}" == after and (loss < torchs.loss) == (eta > 0)
    assert n.moved(eta) == pytest.approx(loss, rel=1e-12)


def test_exercise_6_is_the_rate_times_the_squares_which_is_the_fall_to_first_order(n):
    """The miss shrinks with the square of the rate; for 0.01 it is one percent, for 0.5 nearly a half."""
    assert sum(n.squares.values()) == pytest.approx(squared_length(n), rel=1e-9)
    assert ex.expected_fall.reference() == pytest.approx(0.5 * squared_length(n), rel=1e-3)
    assert comes_before("04b", "ex.expected_fall.check(", r"the loss moves by about $-\eta g_i^2$. Add up",
                        "def moved(")
    assert all(ex.expected_fall.verdict(answer) for answer in (0.16, 0.5 * 0.321, 0.1605))
    assert not any(ex.expected_fall.verdict(answer) for answer in (0.0911, 0.15, 0.2))
    misses = [eta * squared_length(n) - (n.loss_before - n.moved(eta)) for eta in (0.01, 0.001, 0.0001)]
    assert all(90 < a / b < 110 for a, b in pairwise(misses))
    share = [(n.loss_before - n.moved(eta)) / (eta * squared_length(n)) for eta in (0.01, 0.5)]
    assert share == [pytest.approx(0.99, abs=0.005), pytest.approx(0.57, abs=0.01)]
    assert comes_before("04b", "Exercise 6 ·", "ex.expected_fall.check(", "expected fall {",
                        "right to about one percent")


def test_on_the_long_step_the_gradient_changes_underway(n, torchs):
    W, b = ({l: v - 0.5 * g[l] for l, v in part.items()} for part, g in ((n.W, torchs.dW), (n.b, torchs.db)))
    after = by_torch(W, b, n.X, n.Y)
    assert np.linalg.norm(after.db[3] - torchs.db[3]) > 0.5 * np.linalg.norm(torchs.db[3])


def test_200_steps_lower_the_loss_each_time_from_1_14_to_0_82_and_below_guessing(n, descent):
    losses, W, _ = descent
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


def test_the_picture_shows_the_loss_of_each_sample_and_a_grey_line_under_its_name(n):
    panels = picture("f\"sample {i}, class {k}\"")
    losses = np.array(n.losses)
    for ax in panels:
        mean, *own, line = ax.lines
        assert losses.shape == (200, 4) and len(own) == 4
        close(mean.get_ydata(), losses.mean(1))
        for i, drawn in enumerate(own):
            close(drawn.get_ydata(), losses[:, i])
        assert {*line.get_ydata()} == {np.log(3)} and line.get_color() == QUIET
        assert ax.get_ylim()[0] <= losses.min() and losses.max() < ax.get_ylim()[1]
    first, whole = panels
    assert first.get_xlim() == (0, 10) and whole.get_xlim()[1] > 200
    assert [text.get_text() for text in whole.get_legend().get_texts()] == [
        "mean", "sample 0, class 2", "sample 1, class 0", "sample 2, class 1", "sample 3, class 2"]
    assert {text.get_text(): text.xy[1] for text in whole.texts if hasattr(text, "xy")} == {"⅓, ⅓, ⅓": np.log(3)}


def test_the_three_hardly_learn_as_nearly_all_hidden_units_are_saturated_in_them_before_and_after(n, torchs):
    """At least 9 of 11 above 0.9; to layer 3 they look alike at first, and less than a fiftieth gets through to Z2."""
    for net in (n.net, n.here):
        assert ((np.hstack([forward(net, n.X).A[l] for l in (1, 2)]) > 0.9).sum(1)[1:] >= 9).all()
    assert np.ptp(n.A[2][1:], axis=0).max() < 0.01
    assert (abs(torchs.dZ[2]).max(1) < abs(torchs.dZ[3]).max(1) / 50)[1:].all()


# 5 · What is left for the first layer ---------------------------------------------------------------


def test_with_the_hidden_layers_as_they_are_the_same_200_steps_get_a_quarter_as_far_below_1_04(n, descent):
    last_alone, W, b = layer_3_alone()
    assert W[2] is n.W[2] and np.ptp(n.A[2][1:], axis=0).max() < 0.01
    A3 = softmax(n.A[2] @ W[3].T + b[3])
    assert np.ptp(A3[1:], axis=0).max() < 0.01 < 0.1 < np.ptp(forward(n.here, n.X).A[3][1:], axis=0).max()
    assert (A3.argmax(1) == 2).all()
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
    assert "with these weights all sums of layer 1 are positive" in said()
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
    assert "From 0.16 in `dZ3`, 0.004 is left in `dZ1` for sample 0; from 0.17, 0.000012 for sample 3: 1 part" in said()
    assert "two slopes of a quarter leave 1 in 16, two at $a = 0.99$ 1 in 10,000.)" in said()
    assert round(first[3] / last[3], -3) == round(0.17 / 0.000012, -3) == 14000
    assert round(1 / (0.99 * 0.01) ** 2, -3) == 10000
    assert [f"{first[i]:.2f}" for i in (0, 3)] == ["0.16", "0.17"]
    assert {f"{v:.1f}" for v in first} == {"0.1", "0.2"} and "The largest entries of `dZ3` are 0.1 to 0.2." in said()
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
    ("(A[3] - Y) / N", lambda n: (n.A[3] - n.Y) / 4, (4, 3)),
    ("dA * A[l] * (1 - A[l])", lambda n: n.found.dZ[2], (4, 4)),
    ("f[l].pullback(dA, A[l])", lambda n: n.found.dA[2] * n.A[2] * (1 - n.A[2]), (4, 4)),
    ("dZ[l].T @ A[l-1]", lambda n: n.found.dW[2], (4, 7)),
    ("dZ[l].sum(0)", lambda n: n.found.dZ[2].T @ np.ones(4), (4,)),
    ("dZ[l] @ W[l]", lambda n: n.found.dA[1], (4, 7)),
])
def test_a_line_of_the_recap_is_its_formula_and_has_its_shape(code, formula, shape, n):
    assert code in said()[said().index("## Recap"):]
    names = {"A": n.A, "Y": n.Y, "N": 4, "f": n.net.f, "l": 2,
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


@pytest.mark.parametrize("f", [softmax, identity], ids=["softmax", "identity"])
def test_on_your_own_2_the_squared_error_has_a_short_form_with_the_identity_and_not_with_softmax(f, n):
    Z = n.A[2] @ n.W[3].T + n.b[3]
    dA3 = (f(Z) - n.Y) / 4
    right = nudged(lambda Z: 0.5 * ((f(Z) - n.Y) ** 2).sum() / 4, Z)
    close(dA3, nudged(lambda A: 0.5 * ((A - n.Y) ** 2).sum() / 4, f(Z)), 1e-7)
    close(squared_error.gradient(f(Z), n.Y), dA3)
    close(f.pullback(dA3, f(Z)), right, 1e-7)
    assert np.allclose(dA3, right, rtol=1e-6) == (f is identity)
    assert (np.ptp(right / dA3) > 0.1) == (f is softmax)


def test_on_your_own_2_with_the_identity_it_is_the_formula_of_softmax_with_the_cross_entropy(n):
    Z = n.A[2] @ n.W[3].T + n.b[3]
    close(squared_error.gradient(Z, n.Y), (Z - n.Y) / 4)
    close(nudged(lambda Z: cross_entropy(softmax(Z), n.Y), Z), (softmax(Z) - n.Y) / 4, 1e-7)


def test_from_memory_the_four_lines_stand_in_the_table_of_the_recap(n, torchs):
    assert "Then unfold the table of the recap, and compare." in said()
    table, = re.findall("## Recap.+?<details>.+?</details>", said(), re.DOTALL)
    assert not re.search(r"\\mathrm{dZ}|\.T|⊙|\\odot|1/N", table.split("<details>")[0])  # what is asked is folded away
    assert all(f"`{line}` |" in table for line in ("f[l].pullback(dA, A[l])", "dZ[l].T @ A[l-1]", "dZ[l].sum(0)",
                                                     "dZ[l] @ W[l]"))

    def remembered(dA, A, A_before, W):
        dZ = dA * A * (1 - A)
        return dZ, dZ.T @ A_before, dZ.sum(0), dZ @ W

    assert ex.whole_batch.verdict(remembered)
    found = remembered(n.dA2, n.A[2], n.A[1], n.W[2])
    for mine, other in zip(found, (torchs.dZ[2], torchs.dW[2], torchs.db[2], torchs.dA[1])):
        close(mine, other)


def test_on_your_own_3_with_standardized_inputs_fewer_units_are_saturated_and_more_is_learned(n):
    book = standardized()
    assert book.errors == book.broken == []
    assert "hidden units with a slope below 0.09, of 11, for each sample: [1 6 2 3]" in book.printed
    assert "1, 6, 2 and 3 of the 11 units have a slope below 0.09, where it was 2, 9, 11 and 11" in said()
    before, after = (forward(net, X).A[3] for net, X in ((n.here, n.X), (book.names["here"], book.names["X"])))
    right = n.Y.argmax(1)
    assert [int(i) for i in np.flatnonzero(after.argmax(1) == right)] == [0, 2, 3]
    for run_, words in ((after, "0.75, 0.42, 0.92 and 0.60"), (before, "0.92, 0.30, 0.36 and 0.38")):
        assert " and ".join(", ".join(f"{v:.2f}" for v in run_[range(4), right]).rsplit(", ", 1)) == words in said()


def test_layer_3_alone_can_tell_the_samples_apart_only_with_very_large_weights(n):
    """Its input has rank 4 with the column of ones, so weights that fit any logits exist; they are large."""
    rows = np.hstack([n.A[2], np.ones((4, 1))])
    assert np.linalg.matrix_rank(rows) == 4
    smallest = np.linalg.pinv(rows) @ (np.eye(3)[n.Y.argmax(1)] * 4)  # e⁴ : 1 : 1, so that each is sure of its class
    assert abs(smallest).max() > 50 * abs(n.W[3]).max()
    assert "Layer 3 alone could tell them apart only with very large weights" in said()
    assert "a difference of 1 in $z$ takes weights of several hundred" in said()  # by Cauchy and Schwarz
    assert 400 < 1 / np.linalg.norm(n.A[2][2] - n.A[2][3]) < 500


def test_layer_3_takes_the_short_form_and_the_pullback_of_softmax_gives_the_same(n):
    close(n.net.f[3].pullback(n.dA3, n.A[3]), n.dZ3)
    close(n.dA3, nudged(lambda A: -(n.Y * np.log(A)).sum() / 4, n.A[3]), 1e-7)
    assert r"so $\mathrm{dA}^{(3)} = -\frac1N\, Y / A^{(3)}$, divided entry by entry" in said()


def test_exercise_5_is_the_loop_without_the_first_layers_second_product():
    sizes, N = (10, 20, 5), 8
    products = [N * out * came for came, out in pairwise(sizes)]
    assert sum(products) + sum(products[1:]) == ex.cost_back.reference()
    assert "Ten inputs, a layer of 20 units, then one of 5; 8 samples." in said()


def test_exercise_7_is_the_product_of_the_two_slopes():
    np.testing.assert_allclose(ex.two_slopes.reference(), [slope(0.5) ** 2, slope(0.99) ** 2], rtol=1e-9)
    assert ex.two_slopes.verdict((1 / 16, 0.0001)).kind == "right" and not ex.two_slopes.verdict((0.25, 0.0099))


def test_six_layers_have_the_gradients_that_torch_finds(n):
    found = by_torch(n.deep.W, n.deep.b, n.X, n.Y, torch.tanh)
    assert len(n.deep.W) == len(n.deep_dW) == len(n.deep_db) == 6
    for l in n.deep.W:
        close(n.deep_dW[l], found.dW[l])
        close(n.deep_db[l], found.db[l])


def test_the_first_step_lowers_the_losses_of_the_two_samples_of_class_2_the_class_that_is_right_twice(n):
    assert n.Y.argmax(1).tolist() == [2, 0, 1, 2]
    first = n.losses[1] - n.losses[0]
    assert (first < -0.1).tolist() == [True, False, True, True] and first[1] > 0
    g = by_torch(n.W, n.b, n.X, n.Y)
    moved = MLP(*({l: v[l] - 0.5 * dv[l] for l in v} for v, dv in ((n.W, g.dW), (n.b, g.db))), n.net.f)
    A = forward(moved, n.X).A[3] - n.A[3]
    assert (A[:, 0] < 0).all() and (A[:, 2] > A[:, 1]).all() and (A[:, 2] > 0).all()
    assert "takes probability from class 0 and gives most of it to class 2: only the loss of sample 1 rises" in said()


def test_the_others_drift_towards_thirds_and_two_of_the_three_right_ones_are_only_just_right(n):
    losses, late = np.array(n.losses), forward(n.here, n.X).A[3]
    assert (abs(losses[-1, 1:] - log(3)) < abs(losses[5, 1:] - log(3))).all()
    right = np.flatnonzero(late.argmax(1) == n.Y.argmax(1))
    assert right.tolist() == [0, 2, 3]
    margins = np.diff(np.sort(late, axis=1))[:, 1]
    assert margins[0] > 0.8 and (margins[2:] < 0.08).all()
    assert np.flatnonzero(n.A[3].argmax(1) == n.Y.argmax(1)).tolist() == [1]
    assert "one of the four was right, sample 1; now the three others are, two of them only just" in said()


def test_the_shares_of_the_layers_are_those_of_the_squares_of_their_derivatives(n, torchs):
    squares = [(torchs.dW[l] ** 2).sum() + (torchs.db[l] ** 2).sum() for l in (1, 2, 3)]
    assert [f"{v / sum(squares):.1%}" for v in squares] == ["0.5%", "0.2%", "99.3%"]
    assert comes_before("04b", "How much of the estimate comes from each layer? Guess first:",
                        "Nearly all of it comes from layer 3: this layer gets `dZ3` undamped")
    assert (abs(torchs.dZ[1]).max(1) < abs(torchs.dZ[2]).max(1)).all() and abs(n.X).max() == 9 > 8 * n.A[1].max()
    assert "`dW1` multiplies by the inputs, which are as large as 9" in said()


def test_with_standardized_inputs_the_same_200_steps_bring_the_loss_below_a_half(n):
    X = (n.X - n.X.mean(0)) / n.X.std(0)
    assert f"{downhill(n.net, X, n.Y)[0][200]:.3f}" == "0.444" and abs(0.444 / 0.817 - 0.5) < 0.05
    close(n.X_standard, X)
    close((n.X_standard @ n.W[1].T + n.b[1]).mean(0), n.b[1])
    assert "the sums of layer 1 lie around its biases, fewer units are saturated" in said()
    assert f"{(n.last * n.Y).sum(1).round(2)}" == "[0.75 0.42 0.92 0.6 ]"
    assert "about half the loss, and three of the four are right, with 0.75, 0.92 and 0.60." in said()


def test_row_n_of_Z3_enters_the_loss_of_sample_n_alone(n):
    assert r"$L = \frac1N \sum_n L_n$, and row $n$ of $Z^{(3)}$ enters $L_n$ alone" in said()
    Z = n.Z3.copy()
    Z[2, 0] += 0.3
    before, after = (-np.log((softmax(v) * n.Y).sum(1)) for v in (n.Z3, Z))
    assert (before != after).tolist() == [False, False, True, False]
    assert before.mean() == pytest.approx(n.loss_before, rel=1e-12)


def test_the_slope_of_each_activation_of_utils_can_be_computed_from_its_output(rng):
    """ReLU's, too, but at 0; `pullback` is given nothing else."""
    assert "any activation whose slope can be computed from its output, like those in utils" in said()
    z, dA = rng.normal(size=(2, 6, 4))
    for f in (sigmoid, tanh, relu, identity):
        close(f.pullback(dA, f(z)), dA * (f(z + 1e-6) - f(z - 1e-6)) / 2e-6, 1e-6)


def test_with_sample_0_perfect_and_thirds_for_the_others_the_mean_would_be_hardly_more_than_it_is(n, descent):
    assert r"the mean would be $\tfrac34 \log 3 = 0.824$" in said()
    assert cross_entropy(np.vstack([n.Y[:1], np.full((3, 3), 1 / 3)]), n.Y) == pytest.approx(0.75 * log(3))
    assert 0 < 0.75 * log(3) - descent[0][200] < 0.01


def test_the_loss_of_sample_3_rises_again(n):
    own = np.array(n.losses)[:, 3]
    assert own[0] > own[-1] > own[5] + 0.2 and "the loss of sample 3 even rises again" in said()


def test_one_answer_for_three_classes_costs_least_at_thirds(rng):
    answers = rng.dirichlet([1, 1, 1], 1000)
    assert (-np.log(answers).mean(1) >= log(3)).all() and -np.log(np.full(3, 1 / 3)).mean() == pytest.approx(log(3))


def test_a_slope_below_0_09_is_an_output_above_0_9_or_below_0_1():
    a = np.linspace(0, 1, 1001)
    assert (np.round(slope(a), 12) < 0.09).tolist() == ((a < 0.1 - 1e-9) | (a > 0.9 + 1e-9)).tolist()


def test_dZ_comes_first_and_the_three_other_lines_may_stand_in_any_order(n, torchs):
    """All orders of the finished loop's lines that keep `dZ` in front, and one that does not."""
    head, *lines = [line for line, _ in finished_loop()]
    for order in itertools.permutations(lines[1:]):
        names = {"W": n.W, "A": n.A, "f": n.net.f, "dA": n.dA3, "dW": {}, "db": {}}
        exec("\n    ".join([head, lines[0], *order]), names)
        for l in n.W:
            close(names["dW"][l], torchs.dW[l])
            close(names["db"][l], torchs.db[l])
    assert "`dZ` comes first, and the three others only read it." in said()


def test_the_gradient_of_the_loss_is_0_where_Y_is_0(n):
    at_0 = cross_entropy.gradient(np.array([[1.0, 0.0]]), np.array([[1, 0]]))
    assert (n.dA3[n.Y == 0] == 0).all() and at_0.tolist() == [[-1, 0]]


def test_a_part_that_is_common_to_the_columns_of_the_picture_is_what_section_5_comes_back_to(n):
    for i in (1, 2, 3):  # the columns are alike, since the units of layer 2 are
        assert np.ptp(n.A[2][i]) < 0.06
