"""What notebook 04 says, proven on the variables of its cells, or computed anew: by nudging, or by torch."""

import inspect
import re
from functools import cache, partial
from itertools import pairwise
from math import e, exp, log
from types import SimpleNamespace

import cells
import numpy as np
import pytest
import torch
from cells import calls, captions, comes_before, page, prose, run
from reference import close, nudged, of_rows, slope

from utils.activations import relu, sigmoid, softmax, softmax_jacobian, tanh
from utils.exercises import backward
from utils.exercises import rows as ex
from utils.losses import cross_entropy, softmax_cross_entropy
from utils.mlp import MLP, forward
from utils.publish.mathml import mathml

SIZES = (5, 7, 4, 3)
SURE, SECOND = np.array([[0.0, -800.0]]), np.array([[0.0, 1.0]])
WEIGHTS, INPUT = (0.5, -1.2, 2.0), 2.0  # of the three units in a chain
every_layer = pytest.mark.parametrize("l", [1, 2, 3])
every_sample = pytest.mark.parametrize("i", range(4))
each_half = pytest.mark.parametrize("number", ["04", "04b"])


picture = partial(cells.picture, "04")


@pytest.fixture
def rows():
    """The gradients of each sample alone."""
    return of_rows("04")


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.269", lambda n: 1 / (1 + e)),
    ("1.313", lambda n: log(1 + e)),
    ("0.731", lambda n: 1 - 1 / (1 + e)),
    ("0.357", lambda n: 1 - chain_of_three()[6]),
    ("0.294", lambda n: chain_of_three()[4]),
    ("0.035", lambda n: gradients_of_three()[1][1]),
    ("0.105", lambda n: (1 - chain_of_three()[6]) * chain_of_three()[4]),
    ("0.4358", lambda n: n.A[3][0, 0]),
    ("0.2137", lambda n: n.A[3][0, 1]),
    ("0.3505", lambda n: n.A[3][0, 2]),
    ("0.6495", lambda n: 1 - n.A[3][0, 2]),
    ("2.853", lambda n: 1 / n.A[3][0, 2]),
    ("0.2459", lambda n: n.A[3][0, 0] * (1 - n.A[3][0, 0])),
    ("0.0931", lambda n: n.A[3][0, 0] * n.A[3][0, 1]),
    ("0.0475", lambda n: -((n.A[3] - n.Y)[0] @ n.W[3])[0]),
    ("1.5", lambda n: 0.5 * 3),
    ("0.818", lambda n: two_units(3, 0.5, -2)[0]),
    ("1.635", lambda n: 2 * two_units(3, 0.5, -2)[0]),
    ("0.163", lambda n: two_units(3, 0.5, -2)[1]),
    ("1.813", lambda n: two_units(3, 0.5, -2)[2]),
    ("0.99", lambda n: 1 - 0.01),
    ("0.02", lambda n: 2 * 0.01),
    ("0.197", lambda n: e / (1 + e) ** 2),
    ("0.0039", lambda n: e / (1 + e) ** 2 * 0.02),
    ("3.718", lambda n: 1 + e),
    ("0.0146", lambda n: (1 + e) * e / (1 + e) ** 2 * 0.02),
    ("0.0098", lambda n: (1 - 0.01) * 0.01 * (1 - 0.01)),
]
GIVEN = {"0.5", "1.2", "0.01", "0.05", "0.9", "1.0", "2.0"}  # weights; what "On your own" begins with


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("04")) == 7
    return prose("04")


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n):
    assert f"{computed(n):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "dw = -1.4621, db = -0.7311, dx = 0.3655",
    "w -0.5 → -0.354, L 1.313 → 1.108",
    "dw1, dw2, dw3 = [ 0.0699 -0.1084 -0.1049]",
    "the network says [0.4358 0.2137 0.3505] and the right class is 2",
    "dz3 = [[ 0.4358  0.2137 -0.6495]]",
    "dz2 = [[-0.0094  0.0687 -0.0177 -0.0036]]",
    "da2 = [[-0.0475  0.4494 -0.117  -0.0398]]",
    "first [-0.05 -0.05 -0.9 ]  second [0.4358 0.2137 0.3505]  dz [ 0.3858  0.1637 -0.5495]",
    "before the four losses: [1.0485 0.7371 1.6703 1.1017]",
    "after  the four losses: [0.8218 0.9266 1.7676 0.8375]",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_the_breaks_are_after_sections_2_and_3():
    assert "good places for a break are after sections 2 and 3" in said()
    cells = page("04")
    stops, sections = ([i for i, cell in enumerate(cells) if cell.startswith(mark)]
                       for mark in ("> **So far.**", "## "))
    assert [i + 1 for i in stops] == sections[2:4]
    assert [cells[i].split(" ·")[0] for i in sections[2:4]] == ["## 3", "## 4"]


def test_nothing_stops_although_ten_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("04", "agree")) + len(calls("04", "claim")) == 10
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 10
    assert "0 of 10 exercises done." in book.printed


@pytest.mark.parametrize(("number", "lesson", "count"), [("04", ex.lesson, 10), ("04b", backward.lesson, 7)])
def test_the_exercises_are_numbered_and_listed_in_the_order_of_the_page_and_each_is_checked_behind_its_number(
        number, lesson, count):
    listed = re.findall(r"  · (\w+) +open", run(number).printed)
    assert listed == list(lesson.exercises) and len(listed) == count
    parts = [(f"Exercise {k} ·", f"ex.{name}.check(") for k, name in enumerate(listed, 1)]
    assert comes_before(number, *sum(parts, ()))


# The network, and what a name means -----------------------------------------------------------------


def test_the_picture_of_the_network_has_the_shapes_of_weights_and_biases_beneath_it():
    words = [text.get_text() for text in picture("show(lecture_network(").texts]
    for m, d in ((7, 5), (4, 7), (3, 4)):
        assert any(f"({m}, {d})" in line and f"({m},)" in line for line in words), words


@each_half
def test_the_89_parameters_are_35_and_7_28_and_4_12_and_3_and_nudging_them_takes_178_passes(number):
    n = SimpleNamespace(**run(number).names)
    counts = [(n.W[l].size, n.b[l].size) for l in (1, 2, 3)]
    assert counts == [(35, 7), (28, 4), (12, 3)] and sum(map(sum, counts)) == 89 and 2 * 89 == 178
    assert [n.W[l].shape for l in n.W] == [(7, 5), (4, 7), (3, 4)]
    assert [n.A[l].shape for l in n.A] == [(4, d) for d in SIZES] and n.A[0] is n.X


@every_layer
def test_every_gradient_has_the_shape_of_its_variable(l, n, rows):
    assert (rows[0].dW[l].shape, rows[0].db[l].shape) == (n.W[l].shape, n.b[l].shape)
    assert rows[0].dZ[l].shape == rows[0].dA[l].shape == n.A[l][:1].shape
    assert (n.dW2.shape, n.db2.shape, n.da2.shape, n.dz2.shape) == ((4, 7), (4,), (1, 4), (1, 4))


@every_sample
def test_a_sample_alone_has_its_own_loss_and_begins_with_a_minus_y(i, n, rows):
    close(rows[i].dZ[3][0], n.A[3][i] - n.Y[i])
    assert rows[i].loss == pytest.approx(-log(n.A[3][i, n.Y[i].argmax()]), rel=1e-12)
    assert "dz}^{(3)}" in said() and not re.search("dZ|dA", said())


def test_the_sections_come_in_the_order_of_the_two_plans():
    assert comes_before("04", "through one unit, through a chain of units, then, for one sample",
                        "## 1 · One unit", "## 2 · Why backwards?", "Still to come: a unit that feeds *several* others",
                        "## 3 · One sample, back through a layer",
                        "**Backwards into a unit that feeds several others.**",
                        "## 4 · Back through softmax and the loss", "## 5 · All 89, for one sample",
                        "> **From memory.**", "## Recap")


@each_half
def test_from_memory_stands_directly_before_the_recap(number):
    cells = page(number)
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


def test_exercise_3_goes_back_through_two_units_as_nudging_does():
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


def test_three_units_are_shown_before_exercise_3_and_none_of_its_answers_is_among_their_numbers():
    assert comes_before("04", "An example with $x = 2$, the weights", "Three units in a chain, with",
                        "Now your turn, with a pocket", "Exercise 3 ·", "ex.two_units.check(",
                        "Exercise 4 ·", "ex.sweep.use(")
    words = " ".join(text.get_text() for text in picture("Three units in a chain").texts)
    shown = [float(number.replace("−", "-")) for number in re.findall(r"−?\d\.\d+", words)]
    assert len(shown) == 24
    for answer in ex.two_units.reference():
        assert all(abs(abs(number) - abs(answer)) > 0.005 for number in shown), answer


def test_exercise_4_gives_what_the_picture_and_nudging_say_for_three_units_and_knows_a_dict_of_any_length(n):
    dz, dw = ex.sweep.reference(n.w, n.a)
    _, right = gradients_of_three()
    for k in (1, 2, 3):
        assert dz[k] == pytest.approx(right[2 * k - 1], rel=1e-12)
    reactions = nudged(lambda weights: three_losses(INPUT, 0, weights), np.array(WEIGHTS))
    close(np.array([dw[k] for k in (1, 2, 3)]), reactions, 1e-7)
    close(np.array([n.found[k] for k in (1, 2, 3)]), reactions, 1e-7)
    assert "w" in ex.sweep.parameters and {len(w) for w, _ in ex.sweep.samples} == {1, 2, 3, 5}


def test_each_sigmoid_lets_at_most_a_quarter_through_and_the_first_of_three_has_a_tenth_of_the_last():
    assert "from $-0.357$ at the last unit, $0.035$ is left at the first" in said()
    slopes, right = gradients_of_three()
    assert (f"{right[5]:.3f}", f"{right[1]:.3f}") == ("-0.357", "0.035") and max(slopes[1:6:2]) < 0.25
    assert r"After ten steps through weights of size 1 at most $4^{-10}$ is left, a millionth" in said()
    assert 0.9e-6 < 4**-10 < 1e-6 and "$\\frac14$" not in said() and r"at most $\tfrac14$" in said()


def test_exercise_3_does_not_say_what_dz2_is_and_its_first_hint_does():
    text, = (cell for cell in page("04") if "Exercise 3 ·" in cell)
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


def test_each_orange_number_of_the_chain_is_how_the_loss_reacts_to_the_number_above_it():
    """By plain numbers; that each is the one to its right times the slope between, `test_diagrams` has."""
    a = 1 / (1 + e)
    written = [text.get_text() for text in picture('chain(["w", "z"').texts if text.get_text()]
    assert written[:12:3] == ["$w$", "$z$", "$a$", "$L$"]
    assert written[1:12:3] == ["−0.5", "−1", f"{a:.3f}", f"{log(1 + e):.3f}"]
    right = [-2 * e / (1 + e), -e / (1 + e), -(1 + e)]
    assert written[2:12:3] == [*(f"$\\mathrm{{d}}{v}$\n−{-g:.3f}" for v, g in zip("wza", right)), "1"]
    assert written[12:] == ["× 2", f"× {a * (1 - a):.3f}", f"× −{1 + e:.3f}"]
    close(np.divide(right, [*right[1:], 1]), [2, a * (1 - a), -(1 + e)])
    assert "begin with 1, and multiply by the slope of each step on the way back" in said()


def test_a_step_against_dw_is_the_step_printed_and_lowers_the_loss(n):
    assert n.w_new == pytest.approx(-0.5 + 0.1 * 2 * (e / (1 + e)), rel=1e-9)
    assert f"{scalar_loss(2, -0.5, 0):.3f} → {scalar_loss(2, n.w_new, 0):.3f}" == "1.313 → 1.108"
    assert r"$\mathrm{dw} = 2 \cdot (-0.731)$ is negative" in said()


def test_the_loss_that_is_nudged_is_that_of_the_chain(n):
    assert n.scalar_loss(0.7, 1.5, -2.0) == pytest.approx(scalar_loss(1.5, 0.7, -2.0), rel=1e-12)


def test_negative_means_that_if_the_number_rises_the_loss_falls():
    a = 1 / (1 + e)
    assert scalar_loss(2, -0.49, 0) < scalar_loss(2, -0.5, 0)
    assert scalar_loss(2, -0.5, 0.01) < scalar_loss(2, -0.5, 0)
    assert -log(a + 0.01) < -log(a)


def test_the_orange_number_at_z_is_what_the_unit_said_minus_what_it_should_have_said():
    """For every z and not for −1 alone; and where "no" is right, with the loss −log(1 − a), it is a − 0."""
    assert comes_before("04", "Which simple expression in $a = 0.269$ is $-0.731$?", "cancels the small slope: ")
    assert f"{1 / (1 + e) - 1:.3f}" == "-0.731"
    z = np.linspace(-4, 4, 17)
    a = 1 / (1 + np.exp(-z))
    close(-1 / a * a * (1 - a), a - 1)
    close(np.array([nudged(lambda v: log(1 + exp(-v[0])), z[i:i + 1])[0] for i in range(17)]), a - 1, 1e-8)
    close(np.array([nudged(lambda v: log(1 + exp(v[0])), z[i:i + 1])[0] for i in range(17)]), a - 0, 1e-8)


def test_exercise_2_is_a_hundredth_of_what_arrives_and_a_unit_near_0_is_as_flat_as_one_near_1():
    near_1, near_0 = (sigmoid.pullback(np.array([[0.5]]), np.array([[a]])).item() for a in (0.99, 0.01))
    assert near_1 == pytest.approx(near_0, rel=1e-12) == pytest.approx(0.5 * 0.99 * 0.01, rel=1e-12)
    assert ex.let_through.reference() == pytest.approx(near_1, rel=1e-12)
    assert 0.5 / near_1 == pytest.approx(100, rel=0.02) and near_1 < 0.5 / 10  # less than a tenth of it
    assert "A unit whose output is close to 0 or 1 lets almost nothing through: it is *saturated*." in said()
    for a in (1e-3, 1e-6):  # close to 0, and should be 1
        assert 0.99 < a * (1 - a) / a < 1 and -1 / a * (a * (1 - a)) == pytest.approx(a - 1, rel=1e-12)
    assert "more or less than a tenth of 0.5?" in said()


# 2 · Why backwards? ---------------------------------------------------------------------------------


def three_lines():
    """The lines of section 2, {weight: its factors}."""
    found = re.findall(r"\\partial w\^{\((\d)\)}} &= (.+?)(?: \\\\)?\n", said())
    return {int(k): line.split(r" \cdot ") for k, line in found}


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
        products = {k: np.prod([values[factor] for factor in factors]) for k, factors in three_lines().items()}
        slopes = nudged(lambda w, x=x, b=b: -log(outputs(w, x, b)[3]), w)
        close(np.array([products[k] for k in (1, 2, 3)]), slopes, 1e-6)


def test_two_factors_open_every_line_and_four_the_second_and_the_third_and_they_are_dz3_and_dz2():
    lines = three_lines()
    assert list(lines) == [3, 2, 1] and [line[-1] for line in lines.values()] == ["a^{(2)}", "a^{(1)}", "x"]
    assert lines[3][:2] == lines[2][:2] == lines[1][:2] and lines[2][:4] == lines[1][:4]
    assert lines[3][2] != lines[2][2] and lines[2][4] != lines[1][4]
    assert comes_before("04", "**Which factors stand in more than one line?**", "Two factors open every line")
    _, right = gradients_of_three()  # by the values of the example
    a = dict(zip((1, 2, 3), chain_of_three()[2::2]))
    values = {r"\frac{\partial L}{\partial a^{(3)}}": -1 / a[3], "w^{(3)}": WEIGHTS[2]}
    values |= {rf"\frac{{\partial a^{{({k})}}}}{{\partial z^{{({k})}}}}": a[k] * (1 - a[k]) for k in a}
    for factors, k in ((lines[3][:2], 3), (lines[2][:4], 2)):
        assert np.prod([values[factor] for factor in factors]) == pytest.approx(right[2 * k - 1], rel=1e-12)


def test_the_three_lines_are_three_lines_on_the_exported_page_too():
    formula = next(part for part in said().split("$$") if r"\begin{split}" in part)
    made = mathml(formula, block=True)
    assert made.count("<mtr>") == 3 and ">&<" not in made.replace("&amp;", "&")


def test_backpropagation_has_its_name_where_it_has_been_found_and_nudging_and_the_check_have_theirs():
    assert comes_before("04", "This is **backpropagation**.", "Exercise 3 ·", "(by *finite differences*, notebook 01)",
                        "(a *gradient check*)")
    assert "*finite difference*" in "\n".join(page("01"))


def chain_of_three():
    """The values x, z₁, a₁, z₂, a₂, z₃, a₃, L of the units in the picture, by plain lines."""
    values = [INPUT]
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


def test_the_three_formulas_for_each_unit_give_how_the_loss_reacts_to_each_w_z_and_a(rng):
    """In the order of the page; what a formula uses has been made by the one before."""
    found = re.findall(r"\\mathrm\{(d\w)\}\^\{\((k|k-1)\)\} = (.+?)(?:, \\qquad| \.\$\$)", said())
    assert [name for name, _, _ in found] == ["dz", "dw", "da"]
    assert r"with $\mathrm{da}^{(3)} = -1/a^{(3)}$, and walk back once. For $k = 3, 2, 1$:" in said()

    def loss(z, k, w, b):
        for v, c in zip(w[k:], b[k:]):
            z = v / (1 + exp(-z)) + c
        return log(1 + exp(-z))

    for w, b in rng.normal(size=(5, 2, 3)):
        a, z = [rng.normal()], [None]
        for v, c in zip(w, b):
            z.append(v * a[-1] + c)
            a.append(1 / (1 + exp(-z[-1])))
        da = -1 / a[3]
        for k in (3, 2, 1):
            values = {r"\mathrm{da}^{(k)}": da, "a^{(k)} (1 - a^{(k)})": a[k] * (1 - a[k]), "a^{(k-1)}": a[k - 1],
                      "w^{(k)}": w[k - 1]}
            made = {}
            for name, _, factors in found:
                made[name] = np.prod([values[factor] for factor in factors.split(r" \cdot ")])
                values[rf"\mathrm{{{name}}}^{{(k)}}"] = made[name]
            da, h = made["da"], 1e-6
            for reaction, step in ((made["dz"], h), (made["dw"], h * a[k - 1]), (made["da"], h * w[k - 1])):
                up, down = (loss(z[k] + s, k, w, b) for s in (step, -step))
                assert (up - down) / (2 * h) == pytest.approx(reaction, rel=1e-5, abs=1e-9)


def test_written_out_n_units_take_n_times_n_plus_1_multiplications_and_backwards_3_n_minus_1():
    """With the slopes known: a line has 3 + 2 (units − k) factors; backwards each unit takes three products, but x."""
    factors = [len(line) for line in three_lines().values()]
    assert factors == [3, 5, 7] and "have 3, 5 and 7 factors" in said()
    assert sum(factors) - 3 == 12 and "$2 + 4 + 6 = 12$ multiplications, and for $n$ units $n(n + 1)$" in said()
    for units in range(1, 101):
        assert sum(2 + 2 * later for later in range(units)) == units * (units + 1)
    lines = inspect.getsource(ex.sweep.reference).partition("for k in")[2].splitlines()[1:4]
    assert len(lines) == 3 and 3 * 3 - 1 == 8 and "8, and for $n$ units $3n - 1$" in said()
    assert (100 * 101, 3 * 100 - 1) == (10100, 299) and "For a hundred units that is 299 instead of 10,100." in said()


def gradients_of_three():
    """What stands in orange beneath the three units, by the slopes of the page's own cells."""
    v = chain_of_three()
    slopes = [*(s for w, a in zip(WEIGHTS, v[2::2]) for s in (w, a * (1 - a))), -1 / v[6]]
    return slopes, np.array([*np.cumprod(slopes[::-1])[::-1], 1])


def test_the_picture_of_three_units_shows_their_values_the_slopes_and_the_gradients():
    values, (slopes, right) = chain_of_three(), gradients_of_three()
    names = ["x", *(f"{v}^{{({k})}}" for k in (1, 2, 3) for v in "za"), "L"]
    beneath = [*(f"$\\mathrm{{d}}{name}$\n{g}" for name, g in zip(names, in_words(right[:-1]))), "1"]
    written = [text.get_text() for text in picture("Three units in a chain").texts if text.get_text()]
    assert written[:24:3] == [f"${name}$" for name in names] and written[2:24:3] == beneath
    assert written[1:24:3] == ["2", "1", *in_words(values[2:])]
    assert written[24:31] == [f"× {s}" for s in ("0.5", *in_words(slopes[1:2]), "−1.2", *in_words(slopes[3:4]), "2",
                                                *in_words(slopes[5:]))]
    dw = in_words([right[2 * k - 1] * values[2 * k - 2] for k in (1, 2, 3)])
    assert written[31::2] == [f"$w^{{({k})}}$ = {w}" for k, w in zip((1, 2, 3), ("0.5", "−1.2", "2"))]
    assert written[32::2] == [f"$\\mathrm{{d}}w^{{({k})}}$\n{v}" for k, v in zip((1, 2, 3), dw)]
    assert "with the weights 0.5, −1.2 and 2 and no biases" in said() and WEIGHTS == (0.5, -1.2, 2)


@pytest.mark.parametrize("k", range(8))
def test_an_orange_number_of_the_three_units_is_how_the_loss_reacts_to_the_value_above_it(k, n):
    reaction = nudged(lambda v: three_losses(v[0], k), np.array([chain_of_three()[k]]))[0]
    assert reaction == pytest.approx(gradients_of_three()[1][k], rel=1e-7)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_dw_is_the_orange_number_beneath_z_times_the_blue_number_to_the_left_of_z(k, n):
    def loss(w):
        return three_losses(INPUT, 0, [w[0] if i == k - 1 else v for i, v in enumerate(WEIGHTS)])

    z = 2 * k - 1
    reaction = nudged(loss, np.array([WEIGHTS[k - 1]]))[0]
    assert reaction == pytest.approx(gradients_of_three()[1][z] * chain_of_three()[z - 1], rel=1e-7)
    assert n.found[k] == pytest.approx(reaction, rel=1e-7)
    if k == 3:
        assert f"{reaction:.3f}" == f"{-0.357 * 0.294:.3f}" == "-0.105"  # with the printed digits, too
        assert "the dz to its right, times the blue number to its left: −0.357 · 0.294 = −0.105 for w⁽³⁾" in said()
        assert in_words([gradients_of_three()[1][z], chain_of_three()[z - 1]]) == ["−0.357", "0.294"]


@pytest.mark.parametrize("k", range(1, 8))
def test_each_orange_number_is_used_for_everything_to_its_left(k):
    """If it were twice as large, so would all be that are to its left."""
    slopes, right = gradients_of_three()
    again = [2 * right[k]]
    for s in slopes[:k][::-1]:
        again.insert(0, again[0] * s)
    close(np.array(again), 2 * right[:k + 1])


# 3 · One sample, back through a layer ---------------------------------------------------------------


def test_the_network_is_drawn_where_its_first_sample_begins():
    assert comes_before("04", "Here is the real network of notebook 03, with its sample 0:", "show(lecture_network(",
                        "**One naming rule.**", "How does the loss of this sample react",
                        "dz3 = numerical_gradient(")


def test_the_small_exercises_of_the_section_are_what_their_formulas_say_and_stand_before_them():
    assert "with the weights 4 and 1; their `dz` are 2 and −3" in said()
    assert ex.two_paths.reference() == np.dot([4, 1], [2, -3])
    assert r"$\mathbf a = (3, 5, 7)$ goes into two units, and $\mathrm{dz} = (2, -1)$ comes back" in said()
    np.testing.assert_array_equal(ex.small_dW.reference(), np.array([[2, -1]]).T @ [[3, 5, 7]])
    assert comes_before("04", "over the paths they **add up**.", "ex.two_paths.check(",
                        "For unit 0 of our network it is",
                        "**The weights and the bias.**", "ex.small_dW.check(", "Each row is `dz` of its unit",
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


def test_the_check_of_exercise_7_says_which_lines_are_right_and_which_are_open():
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


# 4 · Back through softmax and the loss --------------------------------------------------------------


def test_the_two_rows_that_let_suspect_the_short_form_are_nudgings_and_the_networks_and_it_is_told_later(n):
    def numbers(row):
        return ", ".join(f"{v:.4f}" for v in row[0])

    assert rf"Nudging found $\mathrm{{dz}}^{{(3)}} = ({numbers(n.dz3)})$" in said()
    assert rf"the network had said $\mathbf a^{{(3)}} = ({numbers(n.a3)})$ and class 2 was right" in said()
    close(n.dz3, n.a3 - n.y, 1e-7)
    assert comes_before("04", "Compare them, and guess first", "ex.right_class.check(",
                        r"\boxed{\;\mathrm{dz}^{(3)} = \mathbf a^{(3)} - \mathbf y\;}", "ex.collapse.check(")


def test_exercise_8_asks_for_the_row_that_is_needed_and_the_rules_come_after_it(n):
    assert comes_before("04", "Only $\\mathrm{da}_2$ is not zero, so what we need", "ex.right_class.check(",
                        r"\boxed{\;\mathrm{dz}^{(3)}", "in one table, its **Jacobian**",
                        "show(ax, \"All nine derivatives",
                        r"as one, $\frac{\partial a_j}{\partial z_i} = a_j\,([i = j] - a_i)$")
    J, a = softmax_jacobian(n.a3[0]), n.a3[0]
    np.testing.assert_allclose(ex.right_class.reference(), J[2, [0, 2]], atol=5e-6)
    for i, j in np.ndindex(3, 3):
        assert J[j, i] == pytest.approx(a[j] * ((i == j) - a[i]), rel=1e-12)
        assert J[j, i] == pytest.approx(a[j] - a[j] * a[j] if i == j else -a[j] * a[i], rel=1e-12)


def test_exercise_8_takes_two_decimals_and_names_what_went_wrong():
    for short in ((-0.15, 0.23), (-0.153, 0.228)):
        assert ex.right_class.verdict(short).kind == "right"
    assert "*falls*" in ex.right_class.verdict((0.153, 0.228)).sentence
    assert "less its own square" in ex.right_class.verdict((-0.153, 0.35)).sentence
    assert ex.right_class.verdict((-0.153, 1)).sentence == "Right so far: a2_by_z0. Look again at a2_by_z2."


def test_the_picture_of_the_jacobian_has_da_beside_its_rows_and_they_add_up_to_dz3(n):
    labels = [label.get_text() for label in picture("All nine derivatives").get_yticklabels()]
    written = [float(label.rpartition("= ")[2].replace("−", "-")) for label in labels[:3]]
    assert labels[3] == "dz"
    assert written == [0, 0, -2.853] == (-n.y[0] / n.a3[0]).round(3).tolist()
    close(-1 / n.a3[0, 2] * softmax_jacobian(n.a3[0])[2], n.dz3[0], 1e-7)
    assert "Here that is −2.853 times the third." in said()


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
    assert r"\mathrm{dz}_0 = -\tfrac1{a_2} \cdot (-a_2 a_0) = a_0" in said()


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
def test_the_two_sums_of_exercise_10_are_what_the_solution_says(y, n):
    a, y, d = n.a3[0], np.array(y, dtype=float), np.eye(3)
    first = [sum(-y[j] / a[j] * a[j] * d[i, j] for j in range(3)) for i in range(3)]
    second = [sum(y[j] / a[j] * a[j] * a[i] for j in range(3)) for i in range(3)]
    close(np.array(ex.collapse.reference(a, y)), np.array([first, second, np.add(first, second)]))
    close((y / a) @ np.diag(a), y)
    close((y / a) @ np.outer(a, a), y.sum() * a)


def test_exercise_10_takes_both_ways_to_write_the_second_sum_and_tries_targets_that_are_not_one_hot():
    """The targets sum to 1, so the second array is right with that sum and without it."""
    assert ex.collapse.verdict(lambda a, y: (-y, a, a - y))
    assert ex.collapse.verdict(lambda a, y: (-y, y.sum() * a, y.sum() * a - y))
    assert not ex.collapse.verdict(lambda a, y: (-(y > 0.5), a, a - (y > 0.5)))
    assert all(y.sum() == pytest.approx(1, rel=1e-14) for _, y in ex.collapse.samples)


def test_that_the_targets_sum_to_1_is_told_and_used_after_the_exercise(n):
    assert (n.Y.sum(1) == 1).all()
    assert r"\boxed{\;\mathrm{dz}^{(3)} = \mathbf a^{(3)} - \mathbf y\;}" in said()
    assert comes_before("04", "## If you have time: other targets", "ex.collapse.check(",
                        "The second is $\\mathbf a$ times the sum of the targets, which is 1 here as well.")
    assert "$\\mathbf y = (0.05, 0.05, 0.9)$" in said() and sum((0.05, 0.05, 0.9)) == pytest.approx(1)


def test_the_long_way_and_the_short_form_are_torchs_dz3(n, rows):
    close((-n.y / n.a3) @ softmax_jacobian(n.a3[0]), n.a3 - n.y)
    close(n.a3 - n.y, rows[0].dZ[3])


def test_the_cell_after_exercise_10_is_run_with_targets_that_are_not_one_hot(n):
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


@pytest.mark.parametrize(("f", "slope_of"), [
    (relu, lambda a: a > 0), (tanh, lambda a: 1 - a**2), (sigmoid, lambda a: a * (1 - a))], ids=["relu", "tanh", "σ"])
def test_on_your_own_1_another_activation_changes_one_factor_only(f, slope_of, n, rng):
    z, da = rng.normal(size=(1, 6)), rng.normal(size=(1, 6))
    close(f.pullback(da, f(z)), da * slope_of(f(z)))
    close(nudged(lambda v: (da * f(v)).sum(), z), da * slope_of(f(z)), 1e-7)
    assert "for ReLU 1 where $a > 0$ and 0 elsewhere, `dz = da * (a > 0)`; for tanh `dz = da * (1 - a**2)`" in said()


@every_layer
def test_all_89_of_the_sample_are_torchs_and_confirmed_by_nudging(l, n, rows):
    right = rows[0].dW[l], rows[0].db[l]
    for mine, by_nudging, other in zip((n.dW[l], n.db[l]), (part[l] for part in n.nudged), right):
        assert mine.shape == other.shape
        close(mine, other)
        close(by_nudging, other, 1e-6)
    assert sum(v.size for part in (n.dW, n.db) for v in part.values()) == 89


def test_exercise_9_is_asked_before_the_gradient_check_and_may_be_written_with_the_function_of_exercise_7():
    assert comes_before("04", "Exercise 9 ·", "ex.one_sample.check(", "(a *gradient check*)", "ex.one_sample.use(")

    def written(x, a1, a2, a3, y, W):
        dz3 = a3 - y
        _, dW2, db2, da1 = ex.one_row.reference(dz3 @ W[3], a2, a1, W[2])
        _, dW1, db1, _ = ex.one_row.reference(da1, a1, x, W[1])
        return {1: dW1, 2: dW2, 3: dz3.T @ a2}, {1: db1, 2: db2, 3: dz3[0]}

    assert ex.one_sample.verdict(written)


def test_on_your_own_2_softmaxs_way_back_needs_no_matrix(n):
    da = np.array([[1.0, -2.0, 0.5]])
    found = eval("a3 * (da - (da * a3).sum())", {"a3": n.a3, "da": da})
    assert "In code `a3 * (da - (da * a3).sum())`" in said()
    close(found, da @ softmax_jacobian(n.a3[0]))
    close(found, softmax.pullback(da, n.a3))
    close(found, np.array([[sum(da[0, j] * n.a3[0, j] * ((i == j) - n.a3[0, i]) for j in range(3)) for i in range(3)]]))


def test_on_your_own_3_the_logarithm_cancels_the_small_slope_and_the_square_does_not():
    z = log(0.01 / 0.99)
    by_log = nudged(lambda v: log(1 + exp(-v[0])), np.array([z]))[0]
    by_square = nudged(lambda v: 0.5 * (1 / (1 + exp(-v[0])) - 1) ** 2, np.array([z]))[0]
    assert (f"{by_log:.2f}", f"{by_square:.4f}") == ("-0.99", "-0.0098")
    assert r"$\mathrm{dz} = (a - 1)\, a\, (1 - a) = -0.0098$" in said()


def test_a_weight_of_layer_1_acts_along_twelve_paths(n, rows):
    """Through one unit of layer 1, each of 4 of layer 2, each of 3 outputs; here a weight of unit 2, from input 1."""
    assert "Twelve products, one for each path from the weight to the three $z^{(3)}$; and there are 34 more" in said()
    assert r"\sum_{k=0}^{2} \sum_{j=0}^{3}" in said() and n.W[1].size == 1 + 34
    assert "everything up to $a^{(2)}_j (1 - a^{(2)}_j)$ is the same for all 35." in said()
    a1, a2, dz3 = n.A[1][0], n.A[2][0], n.A[3][0] - n.Y[0]
    paths = [dz3[k] * n.W[3][k, j] * a2[j] * (1 - a2[j]) * n.W[2][j, 2] * a1[2] * (1 - a1[2]) * n.X[0, 1]
             for j in range(4) for k in range(3)]
    assert len(paths) == 12 and sum(paths) == pytest.approx(rows[0].dW[1][2, 1], rel=1e-9)


@every_layer
def test_the_picture_of_the_weights_derivatives_shows_a_hundred_times_those_of_the_sample(l, n, rows):
    panel = picture("A hundred times the 75 derivatives")[l - 1]
    shown = np.array([float(text.get_text()) for text in panel.texts]).reshape(n.W[l].shape)
    np.testing.assert_allclose(shown, 100 * rows[0].dW[l], atol=0.0501)
    assert panel.get_title() == f"100 dW{l}"
    assert [label.get_text() for label in panel.get_xticklabels()] == [f"from {i}" for i in range(SIZES[l - 1])]
    assert abs(rows[0].dW[3]).min() > max(abs(rows[0].dW[k]).max() for k in (1, 2))


@pytest.mark.parametrize("c", range(3))
def test_whichever_class_is_right_each_sum_has_one_term_and_they_are_a_minus_y(c, n):
    assert "Nothing is special about class 2." in said() and "both are $a_i - y_i$." in said()
    a, y = n.a3[0], np.eye(3)[c]
    close(np.array([-1 / a[c] * (a[c] * ((i == c) - a[i])) for i in range(3)]), a - y)


def test_for_another_entrywise_activation_its_slope_stands_in_the_first_line_and_for_softmax_none_does(n, rng):
    assert r"its slope stands there, $\odot\, f'(\mathbf z)$. (Softmax does not: section 4.)" in said()
    z, da = rng.normal(size=(1, 5)), rng.normal(size=(1, 5))
    for f in (relu, sigmoid, tanh):
        close(f.pullback(da, f(z)), da * (f(z + 1e-6) - f(z - 1e-6)) / 2e-6, 1e-6)
    assert not np.allclose(softmax.pullback(da, softmax(z)), da * slope(softmax(z)), rtol=0.1)


def test_the_step_for_sample_0_raises_the_loss_of_another(n):
    assert "The step was made for sample 0, and the losses of samples 1 and 2 have risen." in said()
    before, after = (-np.log((forward(MLP(W, b, n.net.f), n.X).A[3] * n.Y).sum(1))
                     for W, b in ((n.W, n.b), (n.W_new, n.b_new)))
    assert (after > before).tolist() == [False, True, True, False]


def test_of_the_last_unit_a_sure_and_wrong_answer_has_dz_near_minus_1_and_a_sure_and_right_one_a_small_dz():
    for a in (0.001, 0.999):
        assert -1 / a * (a * (1 - a)) == pytest.approx(a - 1, rel=1e-12)
    assert 0.001 - 1 < -0.99 and abs(0.999 - 1) < 0.01
    assert r"$\mathrm{dz} = a - 1$ is nearly $-1$. If it is sure and right, $\mathrm{dz}$ is small" in said()


@pytest.mark.parametrize("y", [(0.05, 0.05, 0.9), (0.0, 1.0, 1.0)])
def test_on_your_own_4_the_targets_have_to_sum_to_1_and_with_2_it_is_2_a_minus_y(y, n):
    right = nudged(lambda z: -(np.array(y) * np.log(softmax(z))).sum(), n.z3)
    close(right, sum(y) * n.a3 - y, 1e-7)
    assert np.allclose(right, n.a3 - y, rtol=1e-6) == (abs(sum(y) - 1) < 1e-12)


def test_one_step_against_all_89_lowers_the_samples_loss_as_printed(n, rows):
    g = rows[0]
    moved = MLP(*({l: v[l] - 0.1 * dv[l] for l in v} for v, dv in ((n.W, g.dW), (n.b, g.db))), n.net.f)
    after = -log(forward(moved, n.x).A[3][0, 2])
    assert (f"{rows[0].loss:.4f}", f"{after:.4f}") == ("1.0485", "0.8218")


def test_for_a_one_hot_target_each_sum_has_one_term_and_they_are_a_minus_y(n):
    a = n.a3[0]
    terms = [-1 / a[2] * (-a[2] * a[0]), -1 / a[2] * (-a[2] * a[1]), -1 / a[2] * (a[2] - a[2] * a[2])]
    close(np.array(terms), n.dz3[0], 1e-7)
    close(np.array(terms), a - n.y[0])


def test_if_no_were_right_the_rule_would_be_the_same():
    z = np.linspace(-3, 3, 7)
    a = 1 / (1 + np.exp(-z))
    reactions = [nudged(lambda v: -np.log(1 - 1 / (1 + np.exp(-v[0]))), z[i:i + 1])[0] for i in range(7)]
    close(np.array(reactions), a - 0, 1e-8)
    close(1 / (1 - a) * a * (1 - a), a - 0)
    assert r"$\mathrm{dz} = \frac{1}{1 - a} \cdot a(1 - a) = a - 0$: the same rule." in said()
