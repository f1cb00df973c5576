"""What notebook 04c says, proven on the variables of its cells, or computed anew: by nudging, by loops, by torch."""

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
from cells import calls, captions, comes_before, page, prose, run, sources
from reference import by_torch, close, nudged, slope, stepped

from utils.activations import identity, relu, sigmoid, softmax, softmax_jacobian, tanh
from utils.exercises import backward as ex
from utils.exercises import rows as rows_of_04b
from utils.losses import cross_entropy, softmax_cross_entropy, squared_error
from utils.mlp import MLP, backward, forward, initialize

SIZES = (5, 7, 4, 3)
SURE, SECOND = np.array([[0.0, -800.0]]), np.array([[0.0, 1.0]])
every_layer = pytest.mark.parametrize("l", [1, 2, 3])
every_sample = pytest.mark.parametrize("i", range(4))


picture = partial(cells.picture, "04c")


# All numbers, and all printed lines -----------------------------------------------------------------


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("04c")) == 2
    return prose("04c")


def by_steps(rows, steps=20, eta=0.1):
    """The four losses before and after steps against the gradient of the mean loss of these rows, by autograd."""
    n = run("04c").names
    net = n["net"]
    for _ in range(steps):
        net = stepped(net, by_torch(net.W, net.b, n["X"][rows], n["Y"][rows]), eta)
    return [-np.log((forward(one, n["X"]).A[3] * n["Y"]).sum(1)) for one in (n["net"], net)]


def test_steps_for_sample_0_raise_the_mean_and_steps_for_all_four_lower_it_as_printed(n):
    before, one = by_steps([0])
    _, four = by_steps([0, 1, 2, 3])
    for mine, right in ((n.before, before), (n.one, one), (n.four, four)):
        close(mine, right)
    assert (four > before).tolist() == [False, True, False, False] and n.Y.argmax(1).tolist() == [2, 0, 1, 2]
    assert (n.db3 > 0).tolist() == [True, False, False] and n.db3[0].round(4) == 0.2184
    assert "as the outputs of layer 2 are nearly alike, so is the whole first row of `dW3`" in said()
    assert (n.dW3[0] > 0).all() and f"{n.A[3][:, 0].mean():.2f}" == "0.47" and n.Y[:, 0].mean() == 0.25
    assert abs(np.exp(-four) - n.Y.mean(0)[n.Y.argmax(1)]).max() < 0.03 and "to about ½, ¼, ¼, ½" in said()


def test_the_step_of_notebook_04b_harms_the_mean_as_the_introduction_says():
    before, after = by_steps([0], 1, 0.5)
    assert "a step of $\\eta = 0.5$ for sample 0 raised the mean loss of the four" in said()
    assert after.mean() > before.mean()


def test_no_other_decimal_stands_on_the_page():
    assert set(re.findall(r"\d+\.\d+", said())) == {"0.5", "0.47"}


def test_a_samples_part_is_negative_in_the_row_of_its_own_class_alone(n):
    assert "In the row of its own class: there, and only there," in said()
    for piece, y in zip(n.pieces, n.Y):
        assert ((piece < 0).all(1) == (y == 1)).all() and ((piece > 0).all(1) == (y == 0)).all()


@pytest.mark.parametrize("line", [
    "4 samples, loss 1.1394",
    "[[ 0.109   0.0534 -0.1624]",
    " [-0.1304  0.0473  0.0831]",
    " [ 0.1199 -0.203   0.0831]",
    " [ 0.1199  0.047  -0.1669]]",
    "before        p of the right class [0.35 0.48 0.19 0.33], mean loss 1.139",
    "for sample 0  p of the right class [0.91 0.04 0.03 0.93], mean loss 1.715",
    "for all four  p of the right class [0.48 0.27 0.25 0.48], mean loss 1.042",
    "numbers that are kept: 76",
    "[ 0.2184 -0.0553 -0.1631]",
    "forward 300, backward 460, with the gradient of X 600",
    "nudging all 89 parameters 53400",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_nothing_stops_although_five_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("04c", "agree")) + len(calls("04c", "claim")) == 11
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 5
    assert "0 of 5 exercises done." in book.printed


def test_the_sections_come_in_the_order_of_the_plan():
    assert comes_before("04c", "## 1 · The batch", "> **So far.**", "## 2 · Any number of layers",
                        "## 3 · Steps for one, steps for all", "## 4 · What does it cost?", "> **From memory.**",
                        "## Recap")


def test_the_columns_of_the_picture_are_alike_as_the_units_of_layer_2_are(n):
    assert "The columns are alike because the outputs of layer 2 are: most are close to 1." in said()
    assert (n.A[2] > 0.9).sum() > 8
    for i in (1, 2, 3):
        assert np.ptp(n.A[2][i]) < 0.06


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


def test_the_price_said_is_the_price_counted(n):
    assert n.forward_cost + n.backward_cost == 760 and 2 * 89 * n.forward_cost == 53400
    assert "Here it is 760 multiplications, two and a half forward passes." in said() and 2.5 < 760 / 300 < 2.55
    assert "for *each* parameter: 53,400." in said()


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
    assert comes_before("04c", "Which of them has to change?", "ex.whole_batch.check(",
                        "Only the line for **the bias**", "ex.whole_batch.use(", "**All of it, checked.**")


def test_of_the_four_lines_of_one_row_only_the_biass_changes_for_a_batch(n):
    one, batch = (re.findall(r"^    (\w+ = .+)$", inspect.getsource(f.reference), re.MULTILINE)
                  for f in (rows_of_04b.one_row, ex.whole_batch))
    changed = [a for a, b in zip(one, batch) if a.lower() != b.lower()]
    assert len(one) == len(batch) == 4 and changed == ["db = dz[0]"]
    alone = [rows_of_04b.one_row.reference(n.dA2[i:i + 1], n.A[2][i:i + 1], n.A[1][i:i + 1], n.W[2]) for i in range(4)]
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
    assert comes_before("04c", "each activation brings its own", "net.f[2].pullback(dA2, A[2]), dZ2)",
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
    code = re.search(r"^The finished loop, .+?```python\n(.+?)```", "\n".join(page("04c")), re.DOTALL | re.MULTILINE)[1]
    return [[part.strip() for part in f"{line}#".split("#")[:2]] for line in code.splitlines()]


def test_the_finished_loop_stands_openly_after_exercise_4_and_is_that_of_the_solution():
    code = [line.strip() for line in inspect.getsource(ex.backward.reference).splitlines()]
    assert len(finished_loop()) == 6 and all(line in code for line, _ in finished_loop())
    assert comes_before("04c", "ex.backward.check(", "my_dW, my_db = ex.backward.use(",
                        "The finished loop, each line beside its formula")


@every_layer
def test_run_as_it_stands_the_finished_loop_gives_all_gradients_and_so_do_the_formulas_beside_it(l, n, torchs):
    code = re.search(r"```python\n(.+?)```", said(), re.DOTALL)[1]
    names = {"W": n.W, "A": n.A, "f": n.net.f, "dA": -n.Y / n.A[3] / 4, "dW": {}, "db": {}}
    exec(code, names)
    close(names["dW"][l], torchs.dW[l])
    close(names["db"][l], torchs.db[l])
    beside = [formula for _, formula in finished_loop() if formula]
    assert beside == ["sigmoid: dA ⊙ A ⊙ (1 − A)", "dZᵀ A⁽ˡ⁻¹⁾", "1ᵀ dZ", "dZ W⁽ˡ⁾, for layer l − 1"]
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


# 4 · What does it cost? -----------------------------------------------------------------------------


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


def test_a_weight_of_layer_1_acts_along_12_paths_and_in_the_deep_network_along_7203(n):
    assert "for each sample, along $4 \\cdot 3 = 12$ paths" in said()
    assert "in the network of six layers along $7^4 \\cdot 3 = 7203$" in said()
    for net, count in ((n.net, 12), (n.deep, 7203)):
        paths = np.eye(len(net.b[1]))[:1]
        for l in range(2, len(net.W) + 1):
            paths = paths @ np.ones_like(net.W[l]).T
        assert paths.sum() == count


def test_what_is_stored_grows_with_the_depth_and_with_the_batch():
    def stored(N, sizes):
        net = initialize(sizes, [sigmoid] * (len(sizes) - 1), np.random.default_rng(0))
        return sum(a.size for a in forward(net, np.ones((N, sizes[0]))).A.values())

    assert stored(8, SIZES) == 2 * stored(4, SIZES) < stored(8, (5, 7, 4, 4, 3))
    assert "what is stored grows with the depth and with the batch" in said()
    assert stored(4, SIZES) == 4 * sum(SIZES) == 76
    assert "here 76 numbers, four samples with 5 + 7 + 4 + 3 each, inputs included" in said()


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


# Recap, and on your own -----------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "formula", "shape"), [
    ("(A[3] - Y) / N", lambda n: (n.A[3] - n.Y) / 4, (4, 3)),
    ("dA * A[l] * (1 - A[l])", lambda n: n.found.dZ[2], (4, 4)),
    ("f[l].pullback(dA, A[l])", lambda n: n.found.dA[2] * n.A[2] * (1 - n.A[2]), (4, 4)),
    ("dZ.T @ A[l-1]", lambda n: n.found.dW[2], (4, 7)),
    ("dZ.sum(0)", lambda n: n.found.dZ[2].T @ np.ones(4), (4,)),
    ("dZ @ W[l]", lambda n: n.found.dA[1], (4, 7)),
])
def test_a_line_of_the_recap_is_its_formula_and_has_its_shape(code, formula, shape, n):
    assert code in said()[said().index("## Recap"):]
    names = {"A": n.A, "Y": n.Y, "N": 4, "f": n.net.f, "l": 2,
             "dA": n.found.dA[2], "dZ": n.found.dZ[2], "W": n.W}
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
    assert all(f"`{line}` |" in table for line in ("f[l].pullback(dA, A[l])", "dZ.T @ A[l-1]", "dZ.sum(0)",
                                                     "dZ @ W[l]"))

    def remembered(dA, A, A_before, W):
        dZ = dA * A * (1 - A)
        return dZ, dZ.T @ A_before, dZ.sum(0), dZ @ W

    assert ex.whole_batch.verdict(remembered)
    found = remembered(n.dA2, n.A[2], n.A[1], n.W[2])
    for mine, other in zip(found, (torchs.dZ[2], torchs.dW[2], torchs.db[2], torchs.dA[1])):
        close(mine, other)


def test_layer_3_takes_the_short_form_and_the_pullback_of_softmax_gives_the_same(n):
    close(n.net.f[3].pullback(n.dA3, n.A[3]), n.dZ3)
    close(n.dA3, nudged(lambda A: -(n.Y * np.log(A)).sum() / 4, n.A[3]), 1e-7)
    assert r"so $\mathrm{dA}^{(3)} = -\frac1N\, Y / A^{(3)}$, divided entry by entry" in said()


def test_exercise_5_is_the_loop_without_the_first_layers_second_product():
    sizes, N = (10, 20, 5), 8
    products = [N * out * came for came, out in pairwise(sizes)]
    assert sum(products) + sum(products[1:]) == ex.cost_back.reference()
    assert "Ten inputs, a layer of 20 units, then one of 5; 8 samples." in said()


def test_six_layers_have_the_gradients_that_torch_finds(n):
    found = by_torch(n.deep.W, n.deep.b, n.X, n.Y, torch.tanh)
    assert len(n.deep.W) == len(n.deep_dW) == len(n.deep_db) == 6
    for l in n.deep.W:
        close(n.deep_dW[l], found.dW[l])
        close(n.deep_db[l], found.db[l])


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


def test_dZ_comes_first_and_the_three_other_lines_may_stand_in_any_order(n, torchs):
    """All orders of the finished loop's lines that keep `dZ` in front, and one that does not."""
    _, head, *lines = [line for line, _ in finished_loop()]
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
