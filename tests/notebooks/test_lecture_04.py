"""What notebook 04 says, proven on the variables of its cells, or computed anew: by plain lines, by nudging."""

import inspect
import re
from functools import cache, partial
from itertools import pairwise
from math import e, exp, log
from types import SimpleNamespace

import cells
import numpy as np
import pytest
from cells import calls, captions, comes_before, page, prose, run
from reference import close, nudged

from utils.activations import relu, sigmoid, tanh
from utils.exercises import backward, downhill, rows
from utils.exercises import units as ex
from utils.publish.mathml import mathml

SIZES = (5, 7, 4, 3)
WEIGHTS, INPUT = (0.5, -1.2, 2.0), 2.0  # of the three units in a chain
each_part = pytest.mark.parametrize("number", ["04", "04b", "04c", "04d"])


picture = partial(cells.picture, "04")


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.269", lambda n: 1 / (1 + e)),
    ("1.313", lambda n: log(1 + e)),
    ("0.731", lambda n: 1 - 1 / (1 + e)),
    ("0.357", lambda n: 1 - chain_of_three()[6]),
    ("0.294", lambda n: chain_of_three()[4]),
    ("0.035", lambda n: gradients_of_three()[1][1]),
    ("0.105", lambda n: (1 - chain_of_three()[6]) * chain_of_three()[4]),
    ("1.5", lambda n: 0.5 * 3),
    ("0.818", lambda n: two_units(3, 0.5, -2)[0]),
    ("1.635", lambda n: 2 * two_units(3, 0.5, -2)[0]),
    ("0.163", lambda n: two_units(3, 0.5, -2)[1]),
    ("1.813", lambda n: two_units(3, 0.5, -2)[2]),
    ("0.99", lambda n: 1 - 0.01),
    ("0.02", lambda n: 2 * 0.01),
    ("0.197", lambda n: e / (1 + e) ** 2),
    ("3.718", lambda n: 1 + e),
    ("0.00395", lambda n: outputs_of_one(-0.49)[0] - outputs_of_one(-0.5)[0]),
    ("0.01458", lambda n: outputs_of_one(-0.5)[1] - outputs_of_one(-0.49)[1]),
    ("0.49", lambda n: 0.5 - 0.01),
    ("0.0098", lambda n: (1 - 0.01) * 0.01 * (1 - 0.01)),
    ("0.341", lambda n: sizes_of_dz(1)[0]),
    ("0.98", lambda n: outputs(4)[-1]),
    ("0.019", lambda n: outputs(4)[-1] * (1 - outputs(4)[-1])),
    ("0.076", lambda n: 4 * outputs(4)[-1] * (1 - outputs(4)[-1])),
    ("0.00008", lambda n: sizes_of_dz(-4)[-1]),
    ("0.7", lambda n: sizes_of_dz(-4)[0]),
    ("0.0003", lambda n: outputs(-4)[1]),
    ("0.19", lambda n: 0.25 * (1 - 0.25)),
    ("0.75", lambda n: 4 * 0.25 * (1 - 0.25)),
    ("0.0005", lambda n: np.divide(*n.way_back(4.0, b=-2.0)[[-1, 0]])),
]
GIVEN = {"0.5", "1.2", "0.01", "4.0"}  # weights; what "On your own" begins with


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("04")) == 3
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
    "L 0.4419 → 0.4281",
    "|dz| from the last unit to the first: 3e-01 8e-02 2e-02 4e-03 9e-04 2e-04 4e-05 1e-05 2e-06 2e-07",
    "left at the first unit, as a share of the last: with 1 6e-07, with 4 1e-12",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_nothing_stops_although_six_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("04", "agree")) + len(calls("04", "claim")) == 8
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 6
    assert "0 of 6 exercises done." in book.printed


@pytest.mark.parametrize(("number", "lesson"), [
    ("04", ex.lesson), ("04b", rows.lesson), ("04c", backward.lesson), ("04d", downhill.lesson)])
def test_the_exercises_are_numbered_and_listed_in_the_order_of_the_page_and_each_is_checked_behind_its_number(
        number, lesson):
    listed = re.findall(r"  · (\w+) +open", run(number).printed)
    assert listed == list(lesson.exercises)
    parts = [(f"Exercise {k} ·", f"ex.{name}.check(") for k, name in enumerate(listed, 1)]
    assert comes_before(number, *sum(parts, ()))


@pytest.mark.parametrize("number", ["04b", "04c", "04d"])
def test_the_89_parameters_are_35_and_7_28_and_4_12_and_3_and_nudging_them_takes_178_passes(number):
    n = SimpleNamespace(**run(number).names)
    counts = [(n.W[l].size, n.b[l].size) for l in (1, 2, 3)]
    assert counts == [(35, 7), (28, 4), (12, 3)] and sum(map(sum, counts)) == 89 and 2 * 89 == 178
    assert [n.W[l].shape for l in n.W] == [(7, 5), (4, 7), (3, 4)]
    assert [n.A[l].shape for l in n.A] == [(4, d) for d in SIZES] and n.A[0] is n.X


def test_the_sections_come_in_the_order_of_the_plan():
    assert comes_before("04", "in one unit, and in a chain of units", "## 1 · One unit", "This is **backpropagation**.",
                        "## 3 · A long way back", "> **From memory.**", "## Recap")


@each_part
def test_from_memory_stands_directly_before_the_recap(number):
    cells = page(number)
    recap = next(i for i, cell in enumerate(cells) if cell.startswith("## Recap"))
    assert cells[recap - 1].startswith("> **From memory.**")


# 1 · One unit ---------------------------------------------------------------------------------------


def outputs_of_one(w):
    """The output of the unit with x = 2 and b = 0, and its loss."""
    a = 1 / (1 + exp(-2 * w))
    return a, -log(a)


def test_written_out_the_derivative_of_three_units_has_the_first_output_five_times(rng):
    line = next(part for part in said().split("$$") if r"\frac{\partial L}{\partial w_1}" in part)
    assert line.count(r"\sigma(w_1 x)") == 5 and "alone appears five times" in said()

    def s(z):
        return 1 / (1 + exp(-z))

    for x, w1, w2, w3 in rng.normal(size=(5, 4)):
        a1, a2 = s(w1 * x), s(w2 * s(w1 * x))
        found = -(1 - s(w3 * s(w2 * s(w1 * x)))) * w3 * a2 * (1 - a2) * w2 * a1 * (1 - a1) * x
        right = nudged(lambda v, x=x, w2=w2, w3=w3: -log(s(w3 * s(w2 * s(v[0] * x)))), np.array([w1]))[0]
        assert found == pytest.approx(right, rel=1e-6)


def test_exercise_1_is_what_a_and_L_do_if_w_is_nudged_by_0_01_to_first_order_and_as_it_is():
    a, L = ex.follow.reference()
    s = e / (1 + e) ** 2
    assert (a, L) == (pytest.approx(0.02 * s, rel=1e-3), pytest.approx(-0.02 * s * (1 + e), rel=1e-3))
    before, after = (1 / (1 + exp(-(2 * w))) for w in (-0.5, -0.49))
    assert (after - before, log(before / after)) == (pytest.approx(a, rel=0.01), pytest.approx(L, rel=0.01))
    for answer in ((0.0039, -0.0146), (0.004, -0.015), (after - before, log(before / after))):
        assert ex.follow.verdict(answer).kind == "right", answer
    assert "the slope of −log a is −3.718" in ex.follow.verdict((0.0039, 0.0146)).sentence
    assert comes_before("04", "Nudge $w$ by a little", "ex.follow.check(", "the slopes **multiply**", "Exercise 2 ·")


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
    assert comes_before("04", "An example with $x = 2$, the weights", "Three units in a chain, with",
                        "Now your turn, with a pocket", "Exercise 4 ·", "ex.two_units.check(",
                        "Exercise 5 ·", "ex.sweep.use(", r"\boxed{\begin{aligned}")
    words = " ".join(text.get_text() for text in picture("Three units in a chain").texts)
    shown = [float(number.replace("−", "-")) for number in re.findall(r"−?\d\.\d+", words)]
    assert len(shown) == 24
    for answer in ex.two_units.reference():
        assert all(abs(abs(number) - abs(answer)) > 0.005 for number in shown), answer


def test_exercise_5_gives_what_the_picture_and_nudging_say_for_three_units_and_knows_a_dict_of_any_length(n):
    dz, dw = ex.sweep.reference(n.w, n.forwards(n.w, INPUT))
    _, right = gradients_of_three()
    for k in (1, 2, 3):
        assert dz[k] == pytest.approx(right[2 * k - 1], rel=1e-12)
    reactions = nudged(lambda weights: three_losses(INPUT, 0, weights), np.array(WEIGHTS))
    close(np.array([dw[k] for k in (1, 2, 3)]), reactions, 1e-7)
    close(np.array([n.dw[k] for k in (1, 2, 3)]), reactions, 1e-7)
    assert "w" in ex.sweep.parameters and {len(w) for w, _ in ex.sweep.samples} == {1, 2, 3, 5}


def test_each_sigmoid_lets_at_most_a_quarter_through_and_the_first_of_three_has_a_tenth_of_the_last():
    assert "from $-0.357$ at the last unit, $0.035$ is left at the first" in said()
    slopes, right = gradients_of_three()
    assert (f"{right[5]:.3f}", f"{right[1]:.3f}") == ("-0.357", "0.035") and max(slopes[1:6:2]) < 0.25
    assert "$\\frac14$" not in said() and r"at most $\tfrac14$" in said()


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


def test_each_orange_number_of_the_chain_is_how_the_loss_reacts_to_the_number_above_it():
    """By plain numbers; that each is the one to its right times the slope between, `test_diagrams` has."""
    a = 1 / (1 + e)
    written = [text.get_text() for text in picture('chain(["w", "z"').texts if text.get_text()]
    assert written[:12:3] == ["$w$", "$z$", "$a$", "$L$"]
    assert written[1:12:3] == ["−0.5", "−1", f"{a:.3f}", f"{log(1 + e):.3f}"]
    right = [-2 * e / (1 + e), -e / (1 + e), -(1 + e)]
    assert written[2:12:3] == [*(f"$\\mathrm{{d}}{v}$\n−{-g:.3f}" for v, g in zip("wza", right)), "$\\mathrm{d}L$\n1"]
    assert written[12:] == ["× 2", f"× {a * (1 - a):.3f}", f"× −{1 + e:.3f}"]
    close(np.divide(right, [*right[1:], 1]), [2, a * (1 - a), -(1 + e)])
    assert "begin with 1, how L reacts to itself, and multiply by the slope of each step on the way back" in said()


def test_a_step_against_dw_is_the_step_printed_and_lowers_the_loss(n):
    assert n.w_new == pytest.approx(-0.5 + 0.1 * 2 * (e / (1 + e)), rel=1e-9)
    assert f"{scalar_loss(2, -0.5, 0):.3f} → {scalar_loss(2, n.w_new, 0):.3f}" == "1.313 → 1.108"
    assert r"$\mathrm{dw} = 2 \cdot (-0.731)$ is negative" in said()


def test_the_loss_that_is_nudged_is_that_of_the_chain(n):
    assert n.scalar_loss(0.7, -2.0, 1.5) == pytest.approx(scalar_loss(1.5, 0.7, -2.0), rel=1e-12)


def test_negative_means_that_if_the_number_rises_the_loss_falls():
    a = 1 / (1 + e)
    assert scalar_loss(2, -0.49, 0) < scalar_loss(2, -0.5, 0)
    assert scalar_loss(2, -0.5, 0.01) < scalar_loss(2, -0.5, 0)
    assert -log(a + 0.01) < -log(a)


def test_the_orange_number_at_z_is_what_the_unit_said_minus_what_it_should_have_said():
    """For every z and not for −1 alone; and where "no" is right, with the loss −log(1 − a), it is a − 0."""
    assert comes_before("04", "simplify that. What does it say in words?", "cancels the small slope: ")
    assert f"{1 / (1 + e) - 1:.3f}" == "-0.731"
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
    assert "A unit whose output is close to 0 or 1 lets almost nothing through: it is *saturated*." in said()
    for a in (1e-3, 1e-6):  # close to 0, and should be 1
        assert 0.99 < a * (1 - a) / a < 1 and -1 / a * (a * (1 - a)) == pytest.approx(a - 1, rel=1e-12)
    assert "about a half, a tenth, or a hundredth of that?" in said()


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
    assert comes_before("04", "**Which factors appear in more than one line?**", "Two factors open every line")
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
    found = re.findall(r"\\mathrm\{(d\w)\}\^\{\((k|k-1)\)\} &= (.+?) & &\\text", said())
    assert [name for name, _, _ in found] == ["dz", "dw", "da"]
    assert r"\mathrm{da}^{(n)} &= -1/a^{(n)} & &\text{the beginning: the loss}" in said()

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
    assert (100 * 101, 3 * 100 - 1) == (10100, 299) and "For a hundred units that is 10,100 against 299." in said()


def gradients_of_three():
    """What stands in orange beneath the three units, by the slopes of the page's own cells."""
    v = chain_of_three()
    slopes = [*(s for w, a in zip(WEIGHTS, v[2::2]) for s in (w, a * (1 - a))), -1 / v[6]]
    return slopes, np.array([*np.cumprod(slopes[::-1])[::-1], 1])


def test_the_picture_of_three_units_shows_their_values_the_slopes_and_the_gradients():
    values, (slopes, right) = chain_of_three(), gradients_of_three()
    names = ["x", *(f"{v}^{{({k})}}" for k in (1, 2, 3) for v in "za"), "L"]
    beneath = [*(f"$\\mathrm{{d}}{name}$\n{g}" for name, g in zip(names, in_words(right[:-1]))), "$\\mathrm{d}L$\n1"]
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
    assert n.dw[k] == pytest.approx(reaction, rel=1e-7)
    if k == 3:
        assert f"{reaction:.3f}" == f"{-0.357 * 0.294:.3f}" == "-0.105"  # with the printed digits, too
        assert "times the blue number above the box to its left: −0.357 · 0.294 = −0.105 for w⁽³⁾" in said()
        assert in_words([gradients_of_three()[1][z], chain_of_three()[z - 1]]) == ["−0.357", "0.294"]


@pytest.mark.parametrize("k", range(1, 8))
def test_each_orange_number_is_used_for_everything_to_its_left(k):
    """If it were twice as large, so would all be that are to its left."""
    slopes, right = gradients_of_three()
    again = [2 * right[k]]
    for s in slopes[:k][::-1]:
        again.insert(0, again[0] * s)
    close(np.array(again), 2 * right[:k + 1])


# 3 · A long way back --------------------------------------------------------------------------------


def outputs(weight, units=10):
    """x = 2, and the outputs of units in a chain, all with this weight, by plain lines."""
    a = [2.0]
    for _ in range(units):
        a.append(1 / (1 + exp(-weight * a[-1])))
    return a


def sizes_of_dz(weight, units=10):
    """The sizes of dz from the last unit to the first: a − 1, then times the weight and a slope."""
    a = outputs(weight, units)
    found = [1 - a[-1]]
    for k in range(units - 1, 0, -1):
        found.append(found[-1] * abs(weight) * a[k] * (1 - a[k]))
    return np.array(found)


@pytest.mark.parametrize("weight", [1, 4, -4])
def test_the_ten_units_dz_are_how_the_loss_reacts_to_a_nudge_of_each_z(weight, n):
    def loss(z, k):
        for _ in range(10 - k):
            z = weight / (1 + exp(-z))
        return log(1 + exp(-z))

    z = [weight * a for a in outputs(weight)]
    for k in range(1, 11):
        right = abs(nudged(lambda v, k=k: loss(v[0], k), np.array([z[k - 1]]), 1e-4)[0])
        assert n.way_back(float(weight))[10 - k] == pytest.approx(right, rel=1e-3, abs=1e-9)
    close(n.way_back(float(weight)), sizes_of_dz(weight))


def test_of_ten_units_with_weights_of_1_less_than_a_millionth_is_left_and_with_4_far_less():
    assert "At the first unit not even a millionth of it is left." in said()
    for weight, share in ((1, 1e-6), (4, 2e-12)):
        assert sizes_of_dz(weight)[-1] / sizes_of_dz(weight)[0] < share
    assert 3.5e-6 < 4**-9 < 4e-6 and "at most $4^{-9}$, four millionths, and here even less" in said()
    assert all(a * (1 - a) <= 0.25 for a in outputs(1)[1:])


def test_with_weights_of_4_all_units_are_close_to_1_and_their_slopes_less_than_a_fiftieth():
    assert all(0.98 < a < 1 and a * (1 - a) < 1 / 50 for a in outputs(4)[1:])
    assert (sizes_of_dz(4)[1:] < 0.077 * sizes_of_dz(4)[:-1]).all()


def test_the_picture_of_the_long_way_has_both_weights_and_a_quarter_for_each_step():
    ax = picture("bound for weights of 1")
    steps = np.arange(10)
    for line, right in zip(ax.lines, (sizes_of_dz(1), sizes_of_dz(4), np.ones(10), 2.0**steps, 4.0**-steps)):
        close(line.get_ydata(), right / right[0])
        assert line.get_xdata().tolist() == list(range(10, 0, -1))
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "weights of 1", "weights of 4", "weights of 4, biases of −2, x = ½", "weights of 8, biases of −4, x = ½",
        "bound for weights of 1"]


def test_biases_of_minus_2_keep_weights_of_4_at_a_half_where_everything_comes_through():
    assert r"all outputs are ½, since $4 \cdot \tfrac12 - 2 = 0$ and $\sigma(0) = \tfrac12$" in said()
    a = 1 / (1 + exp(-(4 * 0.5 - 2)))
    assert a == 0.5 and 4 * a * (1 - a) == 1


def test_with_weights_of_8_and_outputs_of_a_half_each_step_back_doubles_dz(n):
    found = n.way_back(8.0, b=-4.0, x=0.5)
    close(found[1:] / found[:-1], np.full(9, 2.0))
    assert 2**9 == 512 and "every step doubles them: 512-fold in nine steps" in said()
    assert "with $x = 2$ the first unit is saturated, the others leave ½, and only a share of 0.0005" in said()
    a = 1 / (1 + exp(-(4 * 2 - 2)))
    assert a * (1 - a) < 0.01


def test_exercise_6_is_four_steps_of_three_quarters_and_4_makes_a_step_1():
    """With biases that keep every output at ½: −1.5 if x is ½."""
    share, weight = ex.share.reference()
    assert share == pytest.approx((3 * 0.5 * (1 - 0.5)) ** 4) and weight * 0.25 == 1
    assert "Five units in a chain, all with the weight 3, and every output is ½." in said()
    assert ex.share.verdict((0.32, 4)).kind == "right" and not ex.share.verdict((0.24, 4))


def test_the_loop_beside_the_box_gives_the_three_dw(n):
    code = re.search(r"```python\n(n, da, dz, dw = len\(w\).+?)```", said(), re.DOTALL)[1]
    names = {"w": n.w, "a": n.forwards(n.w, INPUT)}
    exec(code, names)
    assert [names["dw"][k] for k in (1, 2, 3)] == pytest.approx([n.dw[k] for k in (1, 2, 3)], rel=1e-12)


def test_the_last_step_of_both_lines_is_the_longest_since_the_first_unit_is_closest_to_1():
    assert "fall towards unit 1 the last step takes most: unit 1 sees x = 2, and is closest to 1." in said()
    for weight in (1, 4):
        steps = sizes_of_dz(weight)[1:] / sizes_of_dz(weight)[:-1]
        assert steps.argmin() == 8 and np.argmax(outputs(weight)[1:]) == 0


def test_the_slope_of_relu_is_1_wherever_it_is_not_0():
    z = np.linspace(-3, 3, 30)
    slopes = (relu(z + 1e-6) - relu(z - 1e-6)) / 2e-6
    assert {round(v, 6) for v in slopes} == {0, 1}
    assert "the slope of ReLU, $\\max(0, z)$, is 1 wherever it is not 0" in said()


def test_on_your_own_3_with_weights_of_minus_4_a_ten_thousandth_is_left_and_one_unit_is_saturated():
    sizes, a = sizes_of_dz(-4), outputs(-4)
    assert 0.5e-4 < sizes[-1] / sizes[0] < 1.5e-4 and sizes_of_dz(4)[-1] / sizes_of_dz(4)[0] < 2e-12
    assert [v * (1 - v) < 0.09 for v in a[1:]] == [True] + 9 * [False]
    assert sizes[-2] / sizes[-1] > 700
    assert all((a[k] > a[k + 1]) == (k % 2 == 0) for k in range(2, 10)) and abs(a[-1] - 0.25) < 0.05


# Recap, and on your own -----------------------------------------------------------------------------


def test_each_line_of_the_recap_stands_in_the_solution_of_exercise_5():
    code = re.findall(r"\| `(.+?)` \|", said()[said().index("## Recap"):])
    assert len(code) == 4 and code[0] == "da[n] = -1 / a[n]"
    source = inspect.getsource(ex.sweep.reference)
    assert all(line in source for line in code[1:]) and "{len(w): -1 / a[len(w)]}" in source


def test_a_step_against_the_three_dw_lowers_the_loss_as_printed(n):
    _, right = gradients_of_three()
    moved = [w - 0.5 * right[2 * k + 1] * chain_of_three()[2 * k] for k, w in enumerate(WEIGHTS)]
    assert f"{three_losses(INPUT, 0):.4f} → {three_losses(INPUT, 0, moved):.4f}" == "0.4419 → 0.4281"


@pytest.mark.parametrize(("f", "slope_of"), [
    (relu, lambda a: a > 0), (tanh, lambda a: 1 - a**2), (sigmoid, lambda a: a * (1 - a))], ids=["relu", "tanh", "σ"])
def test_on_your_own_1_another_activation_changes_one_factor_only(f, slope_of, rng):
    z, da = rng.normal(size=(1, 6)), rng.normal(size=(1, 6))
    close(f.pullback(da, f(z)), da * slope_of(f(z)))
    close(nudged(lambda v: (da * f(v)).sum(), z), da * slope_of(f(z)), 1e-7)
    assert "for ReLU 1 where $a > 0$ and 0 elsewhere, `dz = da * (a > 0)`; for tanh `dz = da * (1 - a**2)`" in said()


def test_on_your_own_2_the_logarithm_cancels_the_small_slope_and_the_square_does_not():
    z = log(0.01 / 0.99)
    by_log = nudged(lambda v: log(1 + exp(-v[0])), np.array([z]))[0]
    by_square = nudged(lambda v: 0.5 * (1 / (1 + exp(-v[0])) - 1) ** 2, np.array([z]))[0]
    assert (f"{by_log:.2f}", f"{by_square:.4f}") == ("-0.99", "-0.0098")
    assert r"$\mathrm{dz} = (a - 1)\, a\, (1 - a) = -0.0098$" in said()


def test_of_the_last_unit_a_sure_and_wrong_answer_has_dz_near_minus_1_and_a_sure_and_right_one_a_small_dz():
    for a in (0.001, 0.999):
        assert -1 / a * (a * (1 - a)) == pytest.approx(a - 1, rel=1e-12)
    assert 0.001 - 1 < -0.99 and abs(0.999 - 1) < 0.01
    assert r"$\mathrm{dz} = a - 1$ is nearly $-1$. If it is sure and right, $\mathrm{dz}$ is small" in said()


def test_if_no_were_right_the_rule_would_be_the_same():
    z = np.linspace(-3, 3, 7)
    a = 1 / (1 + np.exp(-z))
    reactions = [nudged(lambda v: -np.log(1 - 1 / (1 + np.exp(-v[0]))), z[i:i + 1])[0] for i in range(7)]
    close(np.array(reactions), a - 0, 1e-8)
    close(1 / (1 - a) * a * (1 - a), a - 0)
    close(-1 / a * a * (1 - a), a - 1)
    assert r"$\mathrm{dz} = \frac{1}{1 - a} \cdot a(1 - a) = a - 0$: the same rule," in said()
    assert r"$\mathrm{dz} = a - y$ with $y = 1$ or $0$." in said()


def test_the_formula_of_the_beginning_in_braces_is_dz3_dz2_dz1_and_dw1():
    v, (w1, w2, w3), (_, right) = chain_of_three(), WEIGHTS, gradients_of_three()
    x, a1, a2, a3 = v[0], v[2], v[4], v[6]
    dz3 = -(1 - a3)
    dz2 = dz3 * w3 * a2 * (1 - a2)
    dz1 = dz2 * w2 * a1 * (1 - a1)
    assert [dz1, dz2, dz3] == pytest.approx(right[1:6:2], rel=1e-12)
    reaction = nudged(lambda w: three_losses(INPUT, 0, [w[0], w2, w3]), np.array([w1]))[0]
    assert dz1 * x == pytest.approx(reaction, rel=1e-6)
    assert said().count(r"_{\mathrm{dz}^{(3)}}") == said().count(r"_{\mathrm{dz}^{(1)}}") == 1
