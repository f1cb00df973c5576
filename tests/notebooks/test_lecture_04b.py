"""What notebook 04b says, proven on the variables of its cells, or computed anew: by nudging, or by torch."""

import inspect
import re
from functools import cache, partial
from math import log

import cells
import numpy as np
import pytest
import torch
from cells import calls, captions, comes_before, page, prose, run
from matplotlib.colors import to_rgb
from reference import close, nudged, slope, stepped

from utils.activations import relu, sigmoid, softmax, softmax_jacobian, tanh
from utils.exercises import rows as ex
from utils.losses import cross_entropy, softmax_cross_entropy
from utils.mlp import MLP, forward
from utils.plots import BACKWARD, QUIET
from utils.widgets import backward_stepper

SIZES = (5, 7, 4, 3)
SURE, SECOND = np.array([[0.0, -800.0]]), np.array([[0.0, 1.0]])
every_layer = pytest.mark.parametrize("l", [1, 2, 3])
every_sample = pytest.mark.parametrize("i", range(4))


picture = partial(cells.picture, "04b")


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.4358", lambda n: n.A[3][0, 0]),
    ("0.2137", lambda n: n.A[3][0, 1]),
    ("0.3505", lambda n: n.A[3][0, 2]),
    ("0.6495", lambda n: 1 - n.A[3][0, 2]),
    ("2.853", lambda n: 1 / n.A[3][0, 2]),
    ("0.2459", lambda n: n.A[3][0, 0] * (1 - n.A[3][0, 0])),
    ("0.0931", lambda n: n.A[3][0, 0] * n.A[3][0, 1]),
    ("0.0475", lambda n: -((n.A[3] - n.Y)[0] @ n.W[3])[0]),
    ("0.5642", lambda n: 1 - n.A[3][0, 0]),
]
GIVEN = {"0.5", "0.1", "0.05", "0.9", "1.0", "2.0"}  # soft targets; what "On your own" begins with


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("04b")) == 5
    return prose("04b")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n):
    assert f"{computed(n):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "the network says [0.4358 0.2137 0.3505] and the right class is 2",
    "dz3 = [[ 0.4358  0.2137 -0.6495]]",
    "da2 = [[-0.0475  0.4494 -0.117  -0.0398]]",
    "first [-0.05 -0.05 -0.9 ]  second [0.4358 0.2137 0.3505]  dz [ 0.3858  0.1637 -0.5495]",
    "classes             [2 0 1 2]",
    "losses with η = 0   [1.0485 0.7371 1.6703 1.1017] their mean 1.1394",
    "losses with η = 0.1 [0.8218 0.9266 1.7676 0.8375] their mean 1.0884",
    "losses with η = 0.5 [0.2626 2.117  2.5917 0.2166] their mean 1.2970",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_the_break_is_after_section_2():
    assert "a good place for a break is after section 2." in said()
    assert said().index("## 2 ·") < said().index("**So far.**") < said().index("## 3 ·")


def test_nothing_stops_although_seven_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("04b", "agree")) + len(calls("04b", "claim")) == 10
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 7
    assert "0 of 7 exercises done." in book.printed


def test_the_sections_come_in_the_order_of_the_plan():
    assert comes_before("04b", "## 1 · A unit that feeds several others", "**And the three effects together?**",
                        "ex.two_paths.check(", "They **add up**.",
                        "## 2 · The four lines of a layer", "## 3 · Back through softmax and the loss",
                        "## 4 · All 89, for one sample", "> **From memory.**", "## Recap",
                        "## If you have time: all of softmax, and other targets")


def test_nudging_and_the_gradient_check_have_their_names():
    assert comes_before("04b", "(*finite differences*, notebook 01)", "(a *gradient check*)")
    assert "*finite difference*" in "\n".join(page("01"))


def test_on_your_own_1_with_another_class_right_all_checks_hold_and_the_1_has_moved():
    book = run("04b", {"x, y = X[:1], Y[:1] ": "Y[0] = 1, 0, 0\nx, y = X[:1], Y[:1] "})
    assert book.errors == book.broken == []
    assert book.names["dz3"].round(4).tolist() == [[-0.5642, 0.2137, 0.3505]]
    assert "$(-0.5642, 0.2137, 0.3505)$: $\\mathbf p$ is the same, and the 1 is taken from another entry." in said()


def test_the_route_is_said_before_it_is_gone_and_the_rule_is_guessed_before_it_is_derived():
    assert comes_before("04b", "**The route.**", "dz3 = numerical_gradient(", "ex.short_form.check(",
                        "A guess that fits is not yet a reason.", "ex.right_class.check(", "ex.short_form.use(")


# The network, and what a name means -----------------------------------------------------------------


def test_the_picture_of_the_network_has_the_shapes_of_weights_and_biases_beneath_it():
    words = [text.get_text() for text in picture("show(lecture_network(").texts]
    for m, d in ((7, 5), (4, 7), (3, 4)):
        assert any(f"({m}, {d})" in line and f"({m},)" in line for line in words), words


@every_layer
def test_every_gradient_has_the_shape_of_its_variable(l, n, rows):
    assert (rows[0].dW[l].shape, rows[0].db[l].shape) == (n.W[l].shape, n.b[l].shape)
    assert rows[0].dZ[l].shape == rows[0].dA[l].shape == n.A[l][:1].shape
    assert (n.dW2.shape, n.db2.shape, n.da2.shape, n.dz2.shape) == ((4, 7), (4,), (1, 4), (1, 4))


@every_sample
def test_a_sample_alone_has_its_own_loss_and_begins_with_a_minus_y(i, n, rows):
    close(rows[i].dZ[3][0], n.A[3][i] - n.Y[i])
    assert rows[i].loss == pytest.approx(-log(n.A[3][i, n.Y[i].argmax()]), rel=1e-12)
    assert "dz}^{(3)}" in said()
    assert set(re.findall("dZ|dA.+?`", said())) == {"dA[2]`", "dA[3]`"}  # as the stepper writes it


# 1 and 2 · Back through a layer ---------------------------------------------------------------------


def test_the_network_is_drawn_where_its_first_sample_begins():
    assert comes_before("04b", "Here is the network of notebook 03. One sample goes through it, sample 0:",
                        "show(lecture_network(",
                        "**One naming rule.**", "how does the loss of this sample react",
                        "dz3 = numerical_gradient(")


def test_the_small_exercises_of_the_section_are_what_their_formulas_say_and_stand_before_them():
    assert "with the weights 4 and 1; their `dz` are 2 and −3" in said()
    assert ex.two_paths.reference() == np.dot([4, 1], [2, -3])
    assert r"$\mathbf a = (3, 5, 7)$ goes into two units, and $\mathrm{dz} = (2, -1)$ comes back" in said()
    np.testing.assert_array_equal(ex.small_dW.reference(), np.array([[2, -1]]).T @ [[3, 5, 7]])
    assert comes_before("04b", "**And the three effects together?**", "ex.two_paths.check(",
                        "For unit 0 of our network:",
                        "**To the weights and the bias.**", "ex.small_dW.check(", "So each row of `dW` is the `dz`",
                        "ex.one_row.check(")


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
    assert f"the three products add up, to −{abs(dz @ w):.4f}" in said()
    assert n.da2[0, 0] == pytest.approx(dz @ w, rel=1e-7)  # printed as da2[0, 0]
    written = {text.get_text() for text in picture("= paths(").texts}
    assert {f"{d:.4f} · {v:.4f} = {v * d:.4f}".replace("-", "−") for v, d in zip(w, dz)} < written
    assert {f"$\\mathrm{{d}}z^{{(3)}}_{j}$ = {d:.4f}".replace("-", "−") for j, d in enumerate(dz)} < written
    assert f"$\\mathrm{{d}}a^{{(2)}}_0$ = −{abs(dz @ w):.4f}" in written and dz @ w < 0


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
    for mine, other in ((n.da2, rows[0].dA[2]), (n.dz2, rows[0].dZ[2]), (n.dW2, rows[0].dW[2]),
                        (n.db2, rows[0].db[2]), (n.da1, rows[0].dA[1])):
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


def test_the_check_of_exercise_3_says_which_lines_are_right_and_which_are_open():
    def first_line(da, a, a_before, W):
        dz = da * a * (1 - a)
        return dz, ..., ..., ...

    assert ex.one_row.verdict(first_line).sentence == "dz is right; dW, db and da_before are open."


def test_the_slope_at_a_has_the_right_shape_and_sign_and_wrong_numbers_and_nudging_and_the_check_find_it(n, rows):
    def at_a(da, a, a_before, W):
        s = sigmoid(a)
        dz = da * s * (1 - s)
        return dz, dz.T @ a_before, dz[0], dz @ W

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


# 3 · Back through softmax and the loss --------------------------------------------------------------


def test_the_two_rows_that_let_suspect_the_short_form_are_nudgings_and_the_networks_and_it_is_told_later(n):
    def numbers(row):
        return ", ".join(f"{v:.4f}" for v in row[0])

    assert rf"what nudging found, $\mathrm{{dz}}^{{(3)}} = ({numbers(n.dz3)})$" in said()
    assert rf"The network had said $\mathbf p = ({numbers(n.a3)})$, and class 2 was right" in said()
    close(n.dz3, n.a3 - n.y, 1e-7)
    assert comes_before("04b", "ex.short_form.check(", "ex.right_class.check(",
                        r"\boxed{\;\mathrm{dz}^{(3)} = \mathbf p - \mathbf y\;}", "ex.collapse.check(")


def test_exercise_4_asks_for_the_row_that_is_needed_and_the_rules_come_after_it(n):
    assert comes_before("04b", "Only $\\mathrm{dp}_2$ is not zero, so what we need", "ex.right_class.check(",
                        r"\boxed{\;\mathrm{dz}^{(3)}", "in one table are its **Jacobian** $J$",
                        "show(ax, \"All nine derivatives",
                        r"as one, $\frac{\partial p_j}{\partial z_i} = p_j\,([i = j] - p_i)$")
    J, a = softmax_jacobian(n.a3[0]), n.a3[0]
    np.testing.assert_allclose(ex.right_class.reference(), J[2, [0, 2]], atol=5e-6)
    for i, j in np.ndindex(3, 3):
        assert J[j, i] == pytest.approx(a[j] * ((i == j) - a[i]), rel=1e-12)
        assert J[j, i] == pytest.approx(a[j] - a[j] * a[j] if i == j else -a[j] * a[i], rel=1e-12)


def test_exercise_4_takes_two_decimals_and_names_what_went_wrong():
    for short in ((-0.15, 0.23), (-0.153, 0.228)):
        assert ex.right_class.verdict(short).kind == "right"
    assert "*falls*" in ex.right_class.verdict((0.153, 0.228)).sentence
    assert "less its own square" in ex.right_class.verdict((-0.153, 0.35)).sentence
    assert ex.right_class.verdict((-0.153, 1)).sentence == "Right so far: p2_by_z0. Look again at p2_by_z2."


def test_the_picture_of_the_jacobian_has_da_beside_its_rows_and_they_add_up_to_dz3(n):
    labels = [label.get_text() for label in picture("All nine derivatives").get_yticklabels()]
    written = [float(label.rpartition("= ")[2].replace("−", "-")) for label in labels[:3]]
    assert labels[3] == "dz"
    assert written == [0, 0, -2.853] == (-n.y[0] / n.a3[0]).round(3).tolist()
    close(-1 / n.a3[0, 2] * softmax_jacobian(n.a3[0])[2], n.dz3[0], 1e-7)
    assert "Here that is −2.853 times one of them." in said()


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
    assert r"\mathrm{dz}_0 = -\tfrac1{p_2} \cdot (-p_2 p_0) = p_0" in said()


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
    for found in (softmax_jacobian(a), np.diag(a) - np.outer(a, a)):
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
    a, shown = n.a3[0], picture("All nine derivatives")
    J = [[a[i] * ((i == j) - a[j]) for j in range(3)] for i in range(3)]
    dz = a - n.y[0]
    assert [float(text.get_text()) for text in shown.texts] == [round(v, 4) for row in [*J, dz] for v in row]
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
def test_the_two_sums_of_exercise_6_are_what_the_solution_says(y, n):
    a, y, d = n.a3[0], np.array(y, dtype=float), np.eye(3)
    first = [sum(-y[j] / a[j] * a[j] * d[i, j] for j in range(3)) for i in range(3)]
    second = [sum(y[j] / a[j] * a[j] * a[i] for j in range(3)) for i in range(3)]
    close(np.array(ex.collapse.reference(a, y)), np.array([first, second, np.add(first, second)]))
    close((y / a) @ np.diag(a), y)
    close((y / a) @ np.outer(a, a), y.sum() * a)


def test_exercise_6_takes_both_ways_to_write_the_second_sum_and_tries_targets_that_are_not_one_hot():
    """The targets sum to 1, so the second array is right with that sum and without it."""
    assert ex.collapse.verdict(lambda a, y: (-y, a, a - y))
    assert ex.collapse.verdict(lambda a, y: (-y, y.sum() * a, y.sum() * a - y))
    assert not ex.collapse.verdict(lambda a, y: (-(y > 0.5), a, a - (y > 0.5)))
    assert all(y.sum() == pytest.approx(1, rel=1e-14) for _, y in ex.collapse.samples)


def test_that_the_targets_sum_to_1_is_told_and_used_after_the_exercise(n):
    assert (n.Y.sum(1) == 1).all()
    assert r"\boxed{\;\mathrm{dz}^{(3)} = \mathbf p - \mathbf y\;}" in said()
    assert comes_before("04b", "Does the short form hold if the target is not one-hot?", "ex.collapse.check(",
                        "The second is $\\mathbf p$ times the sum of the targets, which is 1 here as well.")
    assert "$\\mathbf y = (0.05, 0.05, 0.9)$" in said() and sum((0.05, 0.05, 0.9)) == pytest.approx(1)


def test_the_long_way_and_the_short_form_are_torchs_dz3(n, rows):
    close((-n.y / n.a3) @ softmax_jacobian(n.a3[0]), n.a3 - n.y)
    close(n.a3 - n.y, rows[0].dZ[3])


def test_the_cell_after_exercise_6_is_run_with_targets_that_are_not_one_hot(n):
    assert n.soft.tolist() == [0.05, 0.05, 0.9] and "$\\mathbf y = (0.05, 0.05, 0.9)$" in said()
    close(n.first, -n.soft)
    close(n.second, n.a3[0])
    z = torch.tensor(n.z3[0], requires_grad=True)
    torch.nn.functional.cross_entropy(z, torch.tensor(n.soft)).backward()
    close(n.total, z.grad.numpy())


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


# Recap, and on your own -----------------------------------------------------------------------------


def table():
    """The lines of the recap's table: their code."""
    return re.findall(r"\| `(.+?)` \| `\(.+\)` \|", said()[said().index("## Recap"):])


def test_the_table_of_the_recap_begins_with_the_four_lines_in_the_order_of_the_box():
    assert table() == [
        "dz2 = da2 * a2 * (1 - a2)", "dW2 = dz2.T @ a1", "db2 = dz2[0]", "da1 = dz2 @ W[2]", "dz3 = a3 - y"]
    box = said()[said().index(r"$$\boxed{\;" + "\n" + r"\text{①}\; \mathrm{dz}^{(l)} ="):]
    assert re.findall(r"\\text{(.)}", box.partition("$$")[2].partition("$$")[0]) == [*"①②③④"]
    places = [box.index(rf"\mathrm{{{name}}}^{{({l})}} =")
              for name, l in (("dz", "l"), ("dW", "l"), ("db", "l"), ("da", "l-1"))]
    assert places == sorted(places)
    assert "Then unfold the table of the recap, and compare." in said()


@pytest.mark.parametrize(("line", "kind", "l"), [(0, "dZ", 2), (1, "dW", 2), (2, "db", 2), (3, "dA", 1), (4, "dZ", 3)])
def test_a_line_of_the_recap_gives_the_gradient_of_the_sample_and_has_its_shape(line, kind, l, n, rows):
    name, code = table()[line].split(" = ")
    found = eval(code, vars(n))
    shape = re.search(rf"`{re.escape(table()[line])}` \| `(\(.+?\))`", said())[1]
    assert str(found.shape) == shape and name.startswith(kind.lower()[0])
    close(np.atleast_2d(found), np.atleast_2d(getattr(rows[0], kind)[l]), 1e-7)


@every_layer
def test_all_89_of_the_sample_are_torchs_and_confirmed_by_nudging(l, n, rows):
    right = rows[0].dW[l], rows[0].db[l]
    for mine, by_nudging, other in zip((n.dW[l], n.db[l]), (part[l] for part in n.nudged), right):
        assert mine.shape == other.shape
        close(mine, other)
        close(by_nudging, other, 1e-6)
    assert sum(v.size for part in (n.dW, n.db) for v in part.values()) == 89


def test_exercise_5_is_asked_before_the_gradient_check_and_may_be_written_with_the_function_of_exercise_3():
    assert comes_before("04b", "Exercise 5 ·", "ex.one_sample.check(", "(a *gradient check*)", "ex.one_sample.use(")

    def written(x, a1, a2, a3, y, W):
        dz3 = a3 - y
        _, dW2, db2, da1 = ex.one_row.reference(dz3 @ W[3], a2, a1, W[2])
        _, dW1, db1, _ = ex.one_row.reference(da1, a1, x, W[1])
        return {1: dW1, 2: dW2, 3: dz3.T @ a2}, {1: db1, 2: db2, 3: dz3[0]}

    assert ex.one_sample.verdict(written)


def test_on_your_own_2_softmaxs_way_back_needs_no_matrix(n):
    da = np.array([[1.0, -2.0, 0.5]])
    found = eval("a3 * (dp - (dp * a3).sum())", {"a3": n.a3, "dp": da})
    assert "In code `a3 * (dp - (dp * a3).sum())`" in said()
    close(found, da @ softmax_jacobian(n.a3[0]))
    close(found, softmax.pullback(da, n.a3))
    close(found, np.array([[sum(da[0, j] * n.a3[0, j] * ((i == j) - n.a3[0, i]) for j in range(3)) for i in range(3)]]))


def test_a_weight_of_layer_1_acts_along_twelve_paths(n, rows):
    """Through one unit of layer 1, each of 4 of layer 2, each of 3 outputs; here a weight of unit 2, from input 1."""
    assert "twelve products, one for each path from the weight to the three $z^{(3)}$" in said()
    assert "and 34 more such weights" in said()
    assert r"\sum_{k=0}^{2} \sum_{j=0}^{3}" in said() and n.W[1].size == 1 + 34
    assert "The inner brace is the same for all 35 weights of layer 1, the outer one for all five weights" in said()
    inner = [sum(rows[0].dZ[3][0, k] * n.W[3][k, j] for k in range(3)) * slope(n.A[2][0, j]) for j in range(4)]
    close(np.array(inner), rows[0].dZ[2][0])
    outer = sum(inner[j] * n.W[2][j, 2] for j in range(4)) * slope(n.A[1][0, 2])
    assert outer == pytest.approx(rows[0].dZ[1][0, 2], rel=1e-9)
    a1, a2, dz3 = n.A[1][0], n.A[2][0], n.A[3][0] - n.Y[0]
    paths = [dz3[k] * n.W[3][k, j] * a2[j] * (1 - a2[j]) * n.W[2][j, 2] * a1[2] * (1 - a1[2]) * n.X[0, 1]
             for j in range(4) for k in range(3)]
    assert len(paths) == 12 and sum(paths) == pytest.approx(rows[0].dW[1][2, 1], rel=1e-9)


@every_layer
def test_the_picture_of_the_weights_derivatives_shows_a_hundred_times_those_of_the_sample(l, n, rows):
    panel = picture("A hundred times the 75 derivatives")[l - 1]
    shown = np.array([float(text.get_text()) for text in panel.texts]).reshape(n.W[l].shape)
    np.testing.assert_allclose(shown, 100 * rows[0].dW[l], atol=0.0501)
    assert (panel.get_title(), panel.get_ylabel()) == (f"100 dW{l}", f"dz{l}")
    for labels, right in ((panel.get_xticklabels(), n.A[l - 1][0]), (panel.get_yticklabels(), rows[0].dZ[l][0])):
        np.testing.assert_allclose([float(v.get_text().replace("−", "-")) for v in labels], right, atol=0.00501)
    assert abs(rows[0].dW[3]).min() > max(abs(rows[0].dW[k]).max() for k in (1, 2))


@pytest.mark.parametrize("c", range(3))
def test_whichever_class_is_right_each_sum_has_one_term_and_they_are_a_minus_y(c, n):
    assert "Nothing is special about class 2." in said() and "both are $p_i - y_i$." in said()
    a, y = n.a3[0], np.eye(3)[c]
    close(np.array([-1 / a[c] * (a[c] * ((i == c) - a[i])) for i in range(3)]), a - y)


def test_for_another_entrywise_activation_its_slope_stands_in_the_first_line_and_for_softmax_none_does(n, rng):
    assert r"take its slope instead, $\odot\, f'(\mathbf z)$. Softmax does not act entry by entry" in said()
    z, da = rng.normal(size=(1, 5)), rng.normal(size=(1, 5))
    for f in (relu, sigmoid, tanh):
        close(f.pullback(da, f(z)), da * (f(z + 1e-6) - f(z - 1e-6)) / 2e-6, 1e-6)
    assert not np.allclose(softmax.pullback(da, softmax(z)), da * slope(softmax(z)), rtol=0.1)


def test_a_short_step_for_sample_0_lowers_the_mean_by_luck_and_a_longer_one_raises_it(n, rows):
    assert "Samples 1 and 2 have other classes, and lose." in said() and n.Y.argmax(1).tolist() == [2, 0, 1, 2]
    means = {}
    for eta in (0, 0.1, 0.5):
        P = forward(stepped(n.net, rows[0], eta), n.X).A[3]
        means[eta] = -np.log((P * n.Y).sum(1))
        assert eta == 0 or (means[eta] > means[0]).tolist() == [False, True, True, False]
        assert eta == 0 or (P[:, 2] > n.A[3][:, 2]).all()  # in all four
    assert means[0.1].mean() < means[0].mean() < means[0.5].mean()


def test_the_whole_way_in_the_recap_gives_the_gradients_of_the_sample(n, rows):
    code = re.search(r"```python\n(dz3 = a3 - y.+?)```", said(), re.DOTALL)[1]
    names = {"a1": n.a1, "a2": n.a2, "a3": n.a3, "x": n.x, "y": n.y, "W": n.W}
    exec(code, names)
    for l in n.W:
        close(names["dW"][l], rows[0].dW[l])
        close(names["db"][l], rows[0].db[l])


@pytest.mark.parametrize("y", [(0.05, 0.05, 0.9), (0.0, 1.0, 1.0)])
def test_on_your_own_3_the_targets_have_to_sum_to_1_and_with_2_it_is_2_a_minus_y(y, n):
    right = nudged(lambda z: -(np.array(y) * np.log(softmax(z))).sum(), n.z3)
    close(right, sum(y) * n.a3 - y, 1e-7)
    assert np.allclose(right, n.a3 - y, rtol=1e-6) == (abs(sum(y) - 1) < 1e-12)


def test_one_step_against_all_89_lowers_the_samples_loss_as_printed(n, rows):
    after = -log(forward(stepped(n.net, rows[0], 0.5), n.x).A[3][0, 2])
    assert (f"{rows[0].loss:.4f}", f"{after:.4f}") == ("1.0485", "0.2626")


def test_for_a_one_hot_target_each_sum_has_one_term_and_they_are_a_minus_y(n):
    a = n.a3[0]
    terms = [-1 / a[2] * (-a[2] * a[0]), -1 / a[2] * (-a[2] * a[1]), -1 / a[2] * (a[2] - a[2] * a[2])]
    close(np.array(terms), n.dz3[0], 1e-7)
    close(np.array(terms), a - n.y[0])


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


def test_the_four_lines_of_code_below_the_box_are_those_of_the_solution_of_exercise_3():
    code = re.search(r"```python\n(dz = da.+?)```", said(), re.DOTALL)[1]
    lines = [line.split("#")[0].strip() for line in code.splitlines()]
    source = [line.strip() for line in inspect.getsource(ex.one_row.reference).splitlines()]
    assert len(lines) == 4 and all(line in source for line in lines)


def test_two_slopes_times_da_are_the_entries_of_dz3_up_to_the_last_digit():
    for slope_, right in zip(ex.right_class.reference(), (0.4358, -0.6495)):
        assert abs(round(slope_, 4) * -2.853 - right) < 3e-4
