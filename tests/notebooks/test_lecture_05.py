"""What notebook 05 says, proven on the variables of its cells, or computed anew: by plain lines, and by nudging."""

import inspect
import json
import re
from functools import cache, partial
from math import e, exp, log
from pathlib import Path
from types import SimpleNamespace

import cells
import nbformat
import numpy as np
import pytest
import torch
from cells import NOTEBOOKS, calls, captions, comes_before, page, prose, run, sources
from matplotlib.colors import to_rgb
from reference import close, nudged
from torch import nn
from torch.autograd.gradcheck import GradcheckError

from utils.activations import Activation, relu, sigmoid, softmax
from utils.autograd import autograd_gradients, difference_gradients, gradient_ledger
from utils.datasets import lecture_example
from utils.descent import LECTURE, gradient_descent, sign_descent, small_change, small_gradient
from utils.exercises import autograd as ex
from utils.losses import Loss, cross_entropy, softmax_cross_entropy, squared_error
from utils.mlp import MLP, backward, descend, forward, initialize
from utils.plots import BACKWARD, FORWARD, QUIET

ORDER = [f"{kind}[{l}]" for l in (3, 2, 1) for kind in ("dA", "dZ", "dW", "db")]
SLIDES = json.loads((Path(__file__).parents[1] / "numbers.json").read_text())["mlp"]
every_line = pytest.mark.parametrize("line", ORDER)
forward_mode = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's own
every_layer = pytest.mark.parametrize("l", [1, 2, 3])


def same(mine, other, rtol=1e-6):
    return mine.shape == other.shape and abs(mine - other).max() <= rtol * abs(other).max()


def bent(z):
    return 1 / (1 + np.exp(-z))


def slope(l, a):
    return a * (1 - a)


def loss_from(n, name, v, bend=bent, net=None):
    """The loss of the lecture's network in which the array of this line of the ledger, "dZ[2]" say, is v."""
    net, l = net or n.net, int(name[3])
    W, b, A = dict(net.W), dict(net.b), n.X
    if name[1] in "Wb":
        {"W": W, "b": b}[name[1]][l] = v
    for k in (1, 2, 3):
        Z = v if name == f"dZ[{k}]" else A @ W[k].T + b[k]
        E = np.exp(Z)
        A = bend(Z) if k < 3 else E / E.sum(1, keepdims=True)
        A = v if name == f"dA[{k}]" else A
    return -np.log(A[n.Y == 1]).sum() / len(n.X)


def by_hand(n, start=1.0, slope=slope, W=None):
    """All twelve gradients by the plain lines of notebook 04, or with a mistake."""
    A, found = n.trace.A, {}
    dA = -start * n.Y / A[3] / 4
    for l in (3, 2, 1):
        dZ = dA * slope(l, A[l]) if l < 3 else A[3] * (dA - (dA * A[3]).sum(1, keepdims=True))
        found |= {f"dA[{l}]": dA, f"dZ[{l}]": dZ, f"dW[{l}]": dZ.T @ A[l - 1], f"db[{l}]": dZ.sum(0)}
        dA = dZ @ {**n.net.W, **(W or {})}[l]
    return found


def gaps(wrong, right):
    """The largest difference of each line, relative to its largest entry."""
    return {name: abs(wrong[name] - right[name]).max() / abs(right[name]).max() for name in right}


def ledger_of(n, manual, net=None):
    """The lines of the ledger, by name."""
    return {row.name: row for row in gradient_ledger(net or n.net, n.X, n.Y, cross_entropy, manual).rows}


def off(n, manual, net=None):
    return [name for name, row in ledger_of(n, manual, net).items() if not row.agrees]


def losses(n, gradients, rate, steps, X=None, net=None):
    """The losses before each step of a descent that follows `gradients(net, trace, dA)`."""
    net, X, found = net or n.net, n.X if X is None else X, []
    for _ in range(steps):
        trace = forward(net, X)
        found.append(-np.log(trace.A[3][n.Y == 1]).mean())
        net = descend(net, gradients(net, trace, cross_entropy.gradient(trace.A[3], n.Y)), rate)
    return np.array(found)


def in_the_record(tensor):
    """The names of the nodes from which a tensor was made, each once."""
    found, nodes = [], [tensor.grad_fn]
    while nodes:
        node = nodes.pop(0)
        found.append(node.name())
        nodes += [parent for parent, _ in node.next_functions if parent is not None]
    return found


def leaf(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


picture = partial(cells.picture, "05")


@pytest.fixture(scope="module")
def right():
    return by_hand(SimpleNamespace(**run("05").names))


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.004", lambda n: abs(by_hand(n)["dZ[1]"]).max()),
    ("1.1394", lambda n: -np.log(n.trace.A[3][n.Y == 1]).mean()),
    ("0.3374", lambda n: n.trace.A[3][n.Y == 1].mean()),
    ("0.576", lambda n: e / (e + 2)),
    ("0.5514", lambda n: -log(e / (e + 2))),
    ("1.0986", lambda n: float(np.log(3))),
]
GIVEN = {"1.5", "0.5", "0.01", "0.3", "0.25"}  # t, w, somebody's bound, the hop of exercise 10, the rate of slip 12


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("05")) == 2
    return prose("05")


def section(title):
    """The text under the one heading that holds these words, up to the next."""
    found, = (part for part in said().split("\n## ") if title in part.partition("\n")[0])
    return found


def says(*fragments):
    """Say whether the page holds each of these words, however its lines are broken and its bold type is set."""
    text = " ".join(said().replace("**", "").split())
    missing = [part for part in fragments if part not in text]
    assert not missing, missing
    return True


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n):
    assert f"{computed(n):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


@pytest.mark.parametrize("line", [
    "y = 28.0   x.grad = tensor([ 0.,  4.,  8., 12.])",
    "y = 40.5   dy/dt = 27.0",
    "dw = -1.133, dx = -0.189, db = -0.378",
    "w.grad = -1.133, z.grad = -0.378, leaves: w True, z False",
    "after one 6.0  after two 12.0",
    "Trying to backward through the graph a second time (or di …",
    "v.grad = 3.0",
    "v = 2.7 and still a leaf: True",
    "L = 1.1394, dZ3 =",
    "[[ 0.109   0.0534 -0.1624]",
    " [-0.1304  0.0473  0.0831]",
    " [ 0.1199 -0.203   0.0831]",
    " [ 0.1199  0.047  -0.1669]]",
    "dA[3]   (4, 3)   off by 3 times its largest entry",
    "dW[3]   (3, 4)   off by 3 times its largest entry",
    "db[3]         0.75   < 1e-12   < 1e-12",
    "dW[2]      < 1e-12   < 1e-12         2",
    "db[2]         0.75   < 1e-12   < 1e-12",
    "dZ[1]      < 1e-12      0.72   < 1e-12",
    "dW[1]      < 1e-12       0.7   < 1e-12",
    "db[1]         0.75      0.75   < 1e-12",
    "torch.relu: True  the published one: False  the same, for positive inputs alone: True",
    "dw = -1.133",
    "dx = -0.189",
    "db = -0.378",
    "softmax once 1.1394, twice 1.1009; with two, no loss below 0.5514 is possible",
    "   now: line 1 0.3374, cross-entropy 1.1394",
    "better: line 1 0.5675, cross-entropy 0.5902",
    "with + [1.1394 1.1101 1.0903 1.0767 1.0673 1.0607]",
    "with − [1.1394 1.1743 1.2228 1.2898 1.3816 1.5052]",
    "the last four of 500 steps: [ 0.1 -0.2  0.1 -0.2]",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_nothing_stops_although_thirteen_exercises_are_open(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("05", "agree")) + len(calls("05", "claim")) == 8
    given = [exercise for exercise in ex.lesson.exercises.values() if exercise.given]
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) - len(given) == 10
    assert book.printed.count("the mistake is still in it") == len(given) == 3
    assert "0 of 13 exercises done." in book.printed


def test_the_exercises_are_numbered_and_listed_in_the_order_of_the_page_and_each_is_checked_behind_its_number(book):
    listed = re.findall(r"  · (\w+) +open", book.printed)
    assert listed == list(ex.lesson.exercises) and len(listed) == 13
    parts = [(f"Exercise {k} ·", f"ex.{name}.check(") for k, name in enumerate(listed, 1)]
    assert comes_before("05", *sum(parts, ()))


def test_the_efforts_are_those_of_the_exercises():
    efforts = re.findall(r"\*\*✎ Exercise (\d+) · (●+ \d+ min) · ", said())
    assert efforts == [(str(k), exercise.effort) for k, exercise in enumerate(ex.lesson.exercises.values(), 1)]


def test_the_answer_to_no_prediction_is_told_before_its_exercise():
    """27 and 12, (b), c e b, (2, 1000), the verdicts: each behind the check."""
    assert comes_before("05", "ex.grad_after_two.check(", "`backward()` *adds*", "ex.detached_factor.check(",
                        "(v.detach() * v).backward()\nprint", "3 and not 6")
    assert comes_before("05", "ex.first_to_disagree.check(", "no_slope = ", "Read from the top", "ledgers = [",
                        "ex.diagnose.check(")
    assert comes_before("05", "ex.passes.check(", "Forward mode needs a pass for each parameter")
    assert comes_before("05", "ex.verdicts_loss.check(", "**Line 1** has lost", "ex.verdicts_layers.check(",
                        "**Lines 1 and 3**", "| **sign** |")


def test_the_sections_are_numbered_and_the_break_is_after_section_5():
    numbers = re.findall(r"^## (\d+) ·", said(), re.MULTILINE)
    assert numbers == [str(k) for k in range(1, len(numbers) + 1)] and len(numbers) > 10
    assert "the break is after section 5" in said()
    assert said().index("## 5 ·") < said().index("**Half-way.**") < said().index("## 6 ·")


def test_the_next_notebook_is_there_under_its_title_and_the_one_before_leads_here():
    title = nbformat.read(NOTEBOOKS / "06_training.ipynb", 4).cells[0].source.splitlines()[0].removeprefix("# ")
    assert f"[{title}](06_training.ipynb)" in page("05")[-1]
    assert re.search(r"\*\*What you need\*\* notebooks?\b.*\b04 to 04c\.", page("05")[0])
    assert "](05_autograd_cross_check.ipynb)" in page("04d")[-1]
    before = nbformat.read(NOTEBOOKS / "04d_downhill.ipynb", 4).cells[0].source.splitlines()[0].removeprefix("# ")
    assert f"[{before}](04d_downhill.ipynb)" in page("05")[-1]


@pytest.mark.parametrize(("number", "place", "what"), [
    ("01", "7", r"best \$h\$"), ("02", "", r"\bsign\b"), ("02", "", r"small_change\(1e-6\)"), ("03", "", r"relu"),
    ("03", "6", r"hasty loss"), ("03", "7", r"softmax_cross_entropy"), ("04b", "", r"add up"),
    ("04c", "", r"pullback"), ("04c", "4", r"memory"),
])
def test_what_the_page_remembers_of_another_notebook_stands_there(number, place, what):
    assert says(f"notebook {number}, section {place}" if place else f"notebook {number}")
    found = [part for part in "\n".join(page(number)).split("\n## ") if part.startswith(f"{place} ·" if place else "")]
    assert re.search(what, "\n".join(found)), (number, place)


# A wrong gradient seldom crashes --------------------------------------------------------------------


@pytest.mark.parametrize("case", "ABC")
def test_with_a_wrong_gradient_nothing_stops_and_at_first_the_loss_falls(case, n):
    found = losses(n, lambda net, trace, dA: ex.faulty(case, net, trace, dA), 0.5, 20)
    assert np.isfinite(found).all() and (np.diff(found) < 0).all()


def test_with_a_wrong_gradient_the_loss_may_fall_more_slowly_or_not_as_far(n):
    good = losses(n, backward, 0.5, 200)
    slowly = losses(n, lambda net, trace, dA: backward(net, trace, dA / 4), 0.5, 200)
    not_as_far = losses(n, lambda net, trace, dA: ex.faulty("C", net, trace, dA), 0.5, 200)
    assert (np.diff(slowly) < 0).all() and (slowly[1:] > good[1:]).all()
    assert not_as_far.min() > good[-1] + 0.05


@every_line
def test_three_different_ways_find_the_same_numbers(line, n, right):
    """By hand, by autograd, and by nudging the plain lines of the forward pass."""
    kind, l = line[:2], int(line[3])
    variable = {"dA": n.trace.A, "dZ": n.trace.Z, "dW": n.net.W, "db": n.net.b}[kind][l]
    close(right[line], nudged(lambda v: loss_from(n, line, v), variable), 1e-5)
    close(right[line], getattr(n.mine, kind)[l], 1e-12)
    close(right[line], getattr(autograd_gradients(n.net, n.X, n.Y, cross_entropy), kind)[l], 1e-12)


# 1 · The smallest example ---------------------------------------------------------------------------


def test_of_2_x_x_the_derivative_is_4_x_at_0_1_2_3(rng):
    x = np.arange(4.0)
    assert 2 * x @ x == 2 * (x[0]**2 + x[1]**2 + x[2]**2 + x[3]**2) == 28
    assert (4 * x).tolist() == [0, 4, 8, 12] == ex.four_x.reference().tolist()
    assert says("$\\mathbf x = (0, 1, 2, 3)$", "the derivative of $2x^2$ is $4x$")
    for place in (x, rng.normal(size=4)):
        close(nudged(lambda v: 2 * v @ v, place), 4 * place, 1e-7)
        (2 * (t := leaf(place)) @ t).backward()
        close(t.grad, 4 * place, 1e-14)


def test_recorded_are_a_multiplication_and_a_product_of_two_vectors():
    x = leaf([0.0, 1, 2, 3])
    steps = [name for name in in_the_record(2 * x @ x) if "Accumulate" not in name]
    assert steps == ["DotBackward0", "MulBackward0"]


def tripled(t):
    y, times = t, 0
    while y < 20:
        y, times = 3 * y, times + 1
    return y, times


def test_at_one_and_a_half_the_loop_runs_three_times_so_y_is_27_t():
    y, times = tripled(1.5)
    assert (times, y) == (3, 27 * 1.5) and y == 40.5
    assert says("$t = 1.5$ the loop runs three times, so $y = 27t$ and the derivative is 27")
    assert (tripled(1.5 + 1e-6)[0] - tripled(1.5 - 1e-6)[0]) / 2e-6 == pytest.approx(27, rel=1e-8)


@pytest.mark.parametrize(("t", "times"), [(0.5, 4), (1.5, 3), (3.0, 2), (19.0, 1)])
def test_how_often_the_loop_runs_depends_on_t_and_only_its_steps_are_in_the_record(t, times):
    start = leaf(t)
    y, steps = tripled(start)
    y.backward()
    assert steps == times and start.grad == 3.0**times
    assert in_the_record(y) == ["MulBackward0"] * times + ["torch::autograd::AccumulateGrad"]


# 2 · What is recorded -------------------------------------------------------------------------------

UNIT = {"w": 0.5, "x": 3.0, "b": -1.0}


def unit(at=None, v=0.0):
    """The values of all nodes of the graph if the one at `at` is v."""
    found = {}
    for name, compute in {**{k: lambda _, v=v: v for k, v in UNIT.items()},
                          "wx": lambda f: f["w"] * f["x"], "z": lambda f: f["wx"] + f["b"],
                          "a": lambda f: 1 / (1 + exp(-f["z"])), "L": lambda f: -log(f["a"])}.items():
        found[name] = v if name == at else compute(found)
    return found


def gradient_of_unit(name):
    v, h = unit()[name], 1e-6
    return (unit(name, v + h)["L"] - unit(name, v - h)["L"]) / (2 * h)


def graph_on_the_page():
    """The rules on its lines, and {name: (value, gradient)}, as texts of matplotlib."""
    texts = [text for text in picture("graph(NODES, EDGES)").texts if text.get_text()]
    rules, nodes = texts[:6], [texts[i:i + 3] for i in range(6, len(texts), 3)]
    return rules, {name.get_text().strip("$"): (value, gradient) for name, value, gradient in nodes}


@pytest.mark.parametrize("name", ["w", "x", "b", "wx", "z", "a", "L"])
def test_above_each_node_stands_its_value_in_blue_and_beneath_it_its_derivative_in_orange(name):
    value, gradient = graph_on_the_page()[1][name]
    number = unit()[name]
    digits = len(value.get_text().partition(".")[2])
    assert value.get_text() == f"{number:.{digits}f}".replace("-", "−") and round(number, 3) == round(number, digits)
    assert to_rgb(value.get_color()) == to_rgb(FORWARD) and to_rgb(gradient.get_color()) == to_rgb(BACKWARD)
    if name in UNIT:
        assert gradient.get_text() == "?"
    else:
        shown = f"{gradient_of_unit(name):.3f}".replace("-", "−")
        assert gradient.get_text() == ("1" if name == "L" else shown)


def test_each_derivative_is_what_arrives_from_the_right_times_the_rule_on_the_line(n):
    assert [rule.get_text() for rule in graph_on_the_page()[0]] == [rule for _, _, rule in n.EDGES]
    names = {**UNIT, "a": unit()["a"]}
    for start, end, rule in n.EDGES:
        formula = rule.removeprefix("× ").replace("−", "-").replace("a(", "a * (")
        assert gradient_of_unit(start) == pytest.approx(gradient_of_unit(end) * eval(formula, names), rel=1e-8)
    assert len(n.EDGES) == 6 and len(n.NODES) == len(unit()) == 7 and says("with $x = 3$, $w = 0.5$, $b = -1$")
    assert says("in blue, its value, computed from left", "in orange, the derivative of L", "from right to left")


def test_exercise_2_is_how_the_loss_reacts_to_w_x_and_b(n):
    exact = [gradient_of_unit(name) for name in "wxb"]
    np.testing.assert_allclose(ex.read_graph.reference(), exact, atol=5e-5)
    assert [f"{g:.3f}" for g in exact] == ["-1.133", "-0.189", "-0.378"]
    assert ex.read_graph.verdict(tuple(round(g, 2) for g in exact)) and says("Two decimals are enough")


def test_walking_along_next_functions_one_sees_the_drawing_from_right_to_left(book):
    lines = book.printed.splitlines()
    first = lines.index("NegBackward0")
    walk = [(len(line) - len(line.lstrip()), line.strip().split("::")[-1]) for line in lines[first:first + 8]]
    assert walk == [(0, "NegBackward0"), (3, "LogBackward0"), (6, "SigmoidBackward0"), (9, "AddBackward0"),
                    (12, "MulBackward0"), (15, "AccumulateGrad"), (15, "AccumulateGrad"), (12, "AccumulateGrad")]


def test_every_recorded_step_has_a_grad_fn_that_points_to_the_nodes_on_its_left():
    w, x, b = map(leaf, UNIT.values())
    product = w * x
    z = product + b
    a = torch.sigmoid(z)
    for made, parts in ((z, [product]), (a, [z])):
        assert [parent for parent, _ in made.grad_fn.next_functions][:1] == [part.grad_fn for part in parts]
    assert all(v.grad_fn is None for v in (w, x, b))
    ends = [product.grad_fn.next_functions[0][0], product.grad_fn.next_functions[1][0], z.grad_fn.next_functions[1][0]]
    assert [end.variable for end in ends] == [w, x, b] and says("The three `AccumulateGrad` are the ends")


def test_there_w_x_and_b_receive_their_gradients():
    w, x, b = map(leaf, UNIT.values())
    (-torch.log(torch.sigmoid(w * x + b))).backward()
    for name, v in zip("wxb", (w, x, b)):
        assert v.grad.item() == pytest.approx(gradient_of_unit(name), rel=1e-8)


def test_the_loss_takes_two_nodes_the_logarithm_and_the_minus():
    names = in_the_record(-torch.log(torch.sigmoid(leaf(0.5))))
    assert names[:3] == ["NegBackward0", "LogBackward0", "SigmoidBackward0"]


def test_the_result_of_argmax_has_no_grad_fn_and_np_exp_raises_an_error_on_a_recorded_tensor():
    v = leaf([1.0, 3.0])
    assert v.argmax().grad_fn is None and not v.argmax().requires_grad and torch.exp(v).grad_fn is not None
    for recorded in (v, 2 * v):
        with pytest.raises(RuntimeError, match="Can't call numpy"):
            np.exp(recorded)


# 3 · Five surprises ---------------------------------------------------------------------------------


def test_there_are_five_surprises():
    told = re.findall(r"^\*\*([A-Z]\w+): ", section("Five surprises"), re.MULTILINE)
    assert told == ["One", "Two", "Three", "Four", "Five"]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("kept", [True, False])
def test_what_lies_between_keeps_its_gradient_only_if_it_is_told_to(kept):
    w = leaf(0.5)
    z = 3 * w - 1
    if kept:
        z.retain_grad()
    (-torch.log(torch.sigmoid(z))).backward()
    assert w.is_leaf and not z.is_leaf
    assert w.grad.item() == pytest.approx(gradient_of_unit("w"), rel=1e-8)
    assert (z.grad is not None) == kept
    assert not kept or z.grad.item() == pytest.approx(gradient_of_unit("z"), rel=1e-8)


def test_a_parameter_is_a_leaf_and_what_is_computed_from_it_is_not(n):
    leaves = MLP(n.tensors(n.net.W), n.tensors(n.net.b), n.net.f)
    trace = forward(leaves, torch.tensor(n.X))
    assert all(v.is_leaf for part in (leaves.W, leaves.b) for v in part.values())
    assert not any(part[l].is_leaf for part in trace for l in (1, 2, 3))


def test_backward_adds_and_whoever_clears_gets_6_again():
    w = leaf([3.0])
    found = []
    for _ in range(3):
        (w ** 2).sum().backward()
        found.append(w.grad.item())
    assert found == [6, 12, 18] and ex.grad_after_two.reference() == 12 and says("`w` is 3 and requires its gradient")
    w.grad = None
    (w ** 2).sum().backward()
    assert w.grad.item() == 6


def test_adding_up_one_collects_the_gradient_of_a_batch_in_pieces(n, right):
    W = leaf(n.net.W[3])
    for i in range(4):
        Z = torch.tensor(n.trace.A[2][i:i + 1]) @ W.T + torch.tensor(n.net.b[3])
        (-(torch.tensor(n.Y[i:i + 1]) * torch.log_softmax(Z, 1)).sum() / 4).backward()
    close(W.grad, right["dW[3]"], 1e-12)


@pytest.mark.parametrize("clear", [True, False])
def test_whoever_forgets_to_clear_takes_each_step_with_the_sum_of_all_gradients_so_far(clear):
    w = nn.Parameter(torch.tensor([3.0]))
    optimizer, gradients, place = torch.optim.SGD([w], lr=0.1), [], 3.0
    for _ in range(4):
        if clear:
            optimizer.zero_grad()
        (w ** 2).sum().backward()
        gradients.append(2 * place)
        place -= 0.1 * (gradients[-1] if clear else sum(gradients))
        optimizer.step()
        assert w.item() == pytest.approx(place, rel=1e-5)


def test_our_own_backward_returns_new_arrays_and_keeps_nothing(n):
    first, second = backward(n.net, n.trace, n.dA), backward(n.net, n.trace, n.dA)
    for l in (1, 2, 3):
        assert first.dW[l] is not second.dW[l]
        np.testing.assert_array_equal(first.dW[l], second.dW[l])


@pytest.mark.parametrize("keep", [True, False])
def test_a_second_backward_over_one_record_raises_unless_the_graph_is_retained(keep):
    w = leaf([3.0])
    y = (w ** 2).sum()
    y.backward(retain_graph=keep)
    if keep:
        y.backward()
        assert w.grad.item() == 12 and says("`retain_graph=True` keeps them")
    else:
        with pytest.raises(RuntimeError, match="a second time"):
            y.backward()


def test_it_raises_as_soon_as_it_needs_a_stored_number_and_a_sum_needs_none():
    w = leaf([3.0])
    y = (w + 1).sum()
    y.backward()
    y.backward()
    assert w.grad.item() == 2


def test_a_detached_tensor_has_the_value_and_no_history_and_the_answer_is_3():
    v = leaf(3.0)
    constant = v.detach()
    assert constant == v and constant.grad_fn is None and not constant.requires_grad
    (constant * v).backward()
    assert v.grad == 3 == ex.detached_factor.reference() and says("`v` is 3 and requires its gradient")
    assert nudged(lambda v: 3 * v[0], np.array([3.0]))[0] == pytest.approx(3, rel=1e-8)


def test_two_paths_lead_back_to_v_and_detach_closes_one_of_them():
    for factor, expected in ((lambda v: v, 2 * 3), (lambda v: v.detach(), 3)):
        v = leaf(3.0)
        (factor(v) * v).backward()
        assert v.grad == expected
    assert says("$v + v = 2v$", "One path of two, hence 3 and not 6")


def test_without_no_grad_the_step_raises_and_with_it_the_leaf_stays_a_leaf():
    v = leaf(3.0)
    (v.detach() * v).backward()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        v -= 0.1 * v.grad
    assert v == 3 and says("a leaf Variable that requires grad is being used in an in-place operation")
    with torch.no_grad():
        v -= 0.1 * v.grad
    assert v.item() == pytest.approx(2.7, rel=1e-12) and v.is_leaf and v.requires_grad


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_a_new_v_raises_no_error_and_is_no_leaf_and_its_grad_stays_empty():
    v = leaf(3.0)
    (v.detach() * v).backward()
    v = v - 0.1 * v.grad
    assert v.item() == pytest.approx(2.7, rel=1e-12) and not v.is_leaf
    (v.detach() * v).backward()
    assert v.grad is None


def test_inside_no_grad_nothing_is_recorded_and_no_memory_is_kept_for_the_way_back(n):
    net, X, kept = MLP(n.tensors(n.net.W), n.tensors(n.net.b), n.net.f), torch.tensor(n.X), []
    with torch.autograd.graph.saved_tensors_hooks(lambda v: kept.append(v) or v, lambda v: v):
        with torch.no_grad():
            assert forward(net, X).A[3].grad_fn is None
        assert kept == []
        assert forward(net, X).A[3].grad_fn is not None
    assert len(kept) > 6


def test_from_a_vector_backward_without_an_argument_is_an_error():
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        torch.softmax(leaf([0.0, 1, 2]), 0).backward()


def test_with_a_row_v_one_receives_v_times_the_jacobian_and_that_is_how_the_number_v_z_reacts(n, rng):
    for x, v in ((np.arange(3.0), np.array([0.0, -1, 2])), *rng.normal(size=(3, 2, 3))):
        def outputs(x):
            return np.exp(x) / np.exp(x).sum()

        J = np.array([nudged(lambda x, i=i: outputs(x)[i], x) for i in range(3)])
        t = leaf(x)
        torch.softmax(t, 0).backward(torch.tensor(v))
        close(t.grad, v @ J, 1e-7)
        close(t.grad, nudged(lambda x, v=v: v @ outputs(x), x), 1e-7)
        close(softmax.pullback(v[None], outputs(x)[None])[0], t.grad, 1e-12)
    close(n.by_hand[0], n.x.grad, 1e-12)


def test_with_ones_for_v_it_is_the_gradient_of_the_sum(rng):
    x, found = rng.normal(size=4), []
    for way in (lambda a: a.backward(torch.ones(4)), lambda a: a.sum().backward()):
        t = leaf(x)
        way(torch.sigmoid(t) * t[0])
        found.append(t.grad.numpy())
    close(found[0], found[1], 1e-14)


@pytest.mark.parametrize(("name", "f"), [("sigmoid", sigmoid), ("relu", relu), ("softmax", softmax)])
def test_autograds_rule_for_an_operation_is_our_pullback(name, f, rng):
    Z, dA = rng.normal(size=(2, 4, 3))
    t = leaf(Z)
    made = getattr(torch, name)(t, 1) if name == "softmax" else getattr(torch, name)(t)
    close(made.grad_fn(torch.tensor(dA)).detach(), f.pullback(dA, f(Z)), 1e-12)


# 4 · The whole network ------------------------------------------------------------------------------


def test_our_forward_uses_only_products_sums_and_its_activations():
    loop = inspect.getsource(forward).partition("for l in")[2]
    assert loop.split("\n")[1:3] == ["        Z[l] = A[l - 1] @ net.W[l].T + net.b[l]", "        A[l] = net.f[l](Z[l])"]


def test_given_tensors_our_forward_computes_the_same_and_is_recorded(n):
    for l in (1, 2, 3):
        close(n.recorded.A[l].detach(), n.trace.A[l], 1e-14)
        close(n.recorded.Z[l].detach(), n.trace.Z[l], 1e-14)
    names = in_the_record(n.recorded.A[3])
    assert names[0] == "SoftmaxBackward0" and names.count("SigmoidBackward0") == 2
    assert names.count("torch::autograd::AccumulateGrad") == 6


@every_layer
@pytest.mark.parametrize("kind", ["A", "Z"])
def test_one_call_gives_all_that_notebook_04_derived(kind, l, n, right):
    close(getattr(n.recorded, kind)[l].grad, right[f"d{kind}[{l}]"], 1e-12)
    assert getattr(n.recorded, kind)[l].grad.shape == getattr(n.trace, kind)[l].shape


@every_layer
def test_autograd_agrees_with_each_one_line_formula_of_notebook_04(l, n):
    g, A = autograd_gradients(n.net, n.X, n.Y, cross_entropy), n.trace.A
    close(g.dZ[l], (A[3] - n.Y) / 4 if l == 3 else g.dA[l] * A[l] * (1 - A[l]), 1e-12)
    close(g.dA[l], -n.Y / A[3] / 4 if l == 3 else g.dZ[l + 1] @ n.net.W[l + 1], 1e-12)
    close(g.dW[l], g.dZ[l].T @ A[l - 1], 1e-12)
    close(g.db[l], g.dZ[l].sum(0), 1e-12)


def test_dA3_is_minus_y_over_n_a_and_the_first_gradient_on_the_way_back(n):
    close(n.recorded.A[3].grad, -n.Y / (4 * n.trace.A[3]), 1e-14)
    close(n.dA, -n.Y / (4 * n.trace.A[3]), 1e-14)
    assert gradient_ledger(n.net, n.X, n.Y, cross_entropy).rows[0].name == "dA[3]"


@every_line
def test_in_the_ledger_both_other_ways_agree_to_the_digits_that_the_page_states(line, n):
    row = ledger_of(n, n.mine)[line]
    assert row.verdict == "agree" and row.reached == ("< 1e-12", "< 1e-08")


def test_the_ledger_has_twelve_lines_and_recomputes_in_double_precision(n):
    rows = gradient_ledger(n.net, n.X, n.Y, cross_entropy, n.mine).rows
    assert [row.name for row in rows] == ORDER and len(rows) == 12
    single = MLP({l: v.astype("float32") for l, v in n.net.W.items()},
                 {l: v.astype("float32") for l, v in n.net.b.items()}, n.net.f)
    gradient_ledger(single, n.X.astype("float32"), n.Y.astype("float32"), cross_entropy).assert_agree(1e-9)


def test_what_the_ledger_writes_down_is_the_largest_difference_of_each_array_divided_by_its_largest_entry(n, right):
    wrong = {name: g * 1.5 for name, g in right.items()}
    manual = n.mine._replace(**{kind: {l: wrong[f"{kind}[{l}]"] for l in (1, 2, 3)} for kind in n.mine._fields})
    for name, row in ledger_of(n, manual).items():
        assert row.relative == pytest.approx(gaps(wrong, right)[name], rel=1e-6) == pytest.approx(0.5, rel=1e-6)
    one = {**n.mine.dW, 2: n.mine.dW[2] + np.eye(4, 7) * 1e-3}
    assert ledger_of(n, n.mine._replace(dW=one))["dW[2]"].relative == pytest.approx(
        1e-3 / abs(right["dW[2]"]).max(), rel=1e-6)


@pytest.mark.parametrize("line", ["dZ[2]", "dA[1]", "dW[2]"])
def test_the_ledger_nudges_in_both_directions_after_the_layer_has_computed_it_and_goes_on_from_there(line, n):
    kind, l = line[:2], int(line[3])
    variable = {"dA": n.trace.A, "dZ": n.trace.Z, "dW": n.net.W}[kind][l]
    found = getattr(difference_gradients(n.net, n.X, n.Y, cross_entropy), kind)[l]
    close(found, nudged(lambda v: loss_from(n, line, v), variable, 2e-5), 1e-6)


def test_a_dZ1_that_is_wrong_by_half_passes_a_bound_of_0_01_and_the_ledger_says_a_half(n, right):
    wrong = {**n.mine.dZ, 1: 1.5 * n.mine.dZ[1]}
    assert abs(wrong[1] - right["dZ[1]"]).max() < 0.01
    row = ledger_of(n, n.mine._replace(dZ=wrong))["dZ[1]"]
    assert not row.agrees and row.reached == ("0.5", "0.5")


@pytest.mark.parametrize("bound", [1e-3, 1e-5, 1e-7])
def test_each_fixed_bound_is_passed_by_it_if_the_entries_are_small_enough_and_the_ledger_never_is(bound, n):
    """A loss that is so many times smaller has gradients that are as many times smaller."""
    times = bound / 0.004
    small = Loss("small", lambda A, Y: times * cross_entropy.unchecked.value(A, Y),
                 lambda A, Y: times * cross_entropy.unchecked.gradient(A, Y))
    mine = backward(n.net, n.trace, times * n.dA)
    wrong = {**mine.dZ, 1: 1.5 * mine.dZ[1]}
    assert abs(wrong[1] - mine.dZ[1]).max() < bound
    off = [row.name for row in gradient_ledger(n.net, n.X, n.Y, small, mine._replace(dZ=wrong)).rows if not row.agrees]
    assert off == ["dZ[1]"]


def test_autograd_agrees_to_more_than_twelve_digits_and_nudging_to_more_than_eight(n, right):
    def nudged_line(name, h=2e-5):
        variable = {"A": n.trace.A, "Z": n.trace.Z, "W": n.net.W, "b": n.net.b}[name[1]][int(name[3])]
        return nudged(lambda v: loss_from(n, name, v), variable, h)

    g = autograd_gradients(n.net, n.X, n.Y, cross_entropy)
    by_autograd = gaps({name: getattr(g, name[:2])[int(name[3])] for name in ORDER}, right)
    by_nudging = gaps({name: nudged_line(name) for name in ORDER}, right)
    assert max(by_autograd.values()) < 1e-14
    assert 1e-10 < max(by_nudging.values()) < 1e-8
    assert says("more than twelve digits (`< 1e-12`)", "more than eight (`< 1e-08`)")


def test_the_linear_model_of_notebook_03_has_four_gradients_and_they_agree_too():
    torch.manual_seed(1)
    linear = MLP({1: torch.rand(1, 5)}, {1: torch.rand(1)}, {1: sigmoid})
    ledger = gradient_ledger(linear, lecture_example()[0][:3], torch.tensor([[0.0], [1.0], [1.0]]), squared_error)
    assert [row.name for row in ledger.rows] == ["dA[1]", "dZ[1]", "dW[1]", "db[1]"]
    ledger.assert_agree()


# 5 · What agreement means ---------------------------------------------------------------------------


def test_with_softmax_down_the_columns_autograd_and_nudging_agree_on_the_gradient_of_the_wrong_loss(n, right):
    def wrong_loss(Z):
        E = np.exp(Z)
        return -np.log((E / E.sum(0))[n.Y == 1]).mean()

    A = np.exp(n.trace.Z[3]) / np.exp(n.trace.Z[3]).sum(0)
    close(n.Z3.grad, nudged(wrong_loss, n.trace.Z[3]), 1e-7)
    close(n.Z3.grad, (A * n.Y.sum(0) - n.Y) / 4, 1e-12)
    assert n.wrong_loss(n.trace.Z[3]) == pytest.approx(wrong_loss(n.trace.Z[3]), rel=1e-14)
    assert abs(n.Z3.grad.numpy() - right["dZ[3]"]).max() > 0.05
    assert abs(wrong_loss(n.trace.Z[3]) - n.L.item()) > 0.1


def test_without_the_logarithm_they_agree_as_well_and_are_wrong(n, right):
    def forgotten(Z):
        E = np.exp(Z)
        return -(n.Y * (E / E.sum(1, keepdims=True))).sum() / 4

    (-(torch.tensor(n.Y) * torch.softmax(t := leaf(n.trace.Z[3]), 1)).sum() / 4).backward()
    close(t.grad, nudged(forgotten, n.trace.Z[3]), 1e-7)
    assert abs(t.grad.numpy() - right["dZ[3]"]).max() > 0.03


columns = Activation("columns", lambda Z: softmax(Z.T).T, lambda dA, A: softmax.pullback(dA.T, A.T).T)
unasked = Loss("its formula, whatever the rows sum to", cross_entropy.unchecked.value, cross_entropy.unchecked.gradient)


@pytest.mark.parametrize("mistake", ["bias forgotten", "softmax along the wrong axis"])
def test_with_a_mistake_in_the_forward_pass_the_gradients_of_it_can_be_perfectly_right(mistake, n):
    net = n.net._replace(b={l: 0 * v for l, v in n.net.b.items()}) if "bias" in mistake else \
        n.net._replace(f={**n.net.f, 3: columns})
    A = forward(net, n.X).A[3]
    assert abs(A - n.trace.A[3]).max() > 0.01
    assert f"{-np.log(A[n.Y == 1]).mean():.4f}" != "1.1394"
    ledger = gradient_ledger(net, n.X, n.Y, unasked)
    assert {row.verdict for row in ledger.rows} == {"agree"}


def test_nudging_uses_the_forward_pass_twice_for_each_number(n):
    asked = []
    n.numerical_gradient(lambda Z: asked.append(Z) or float((Z**2).sum()), n.trace.Z[3])
    assert len(asked) == 2 * n.trace.Z[3].size


def test_autograd_sees_a_mistake_in_the_algebra(n):
    assert off(n, backward(n.net._replace(f=n.no_slope), n.trace, n.dA))


def test_by_hand_is_compared_at_the_inputs_that_were_tried_so_a_mistake_for_negative_numbers_alone_is_not_found(n, rng):
    Z = rng.normal(size=(4, 3))
    for tried, found in ((Z, False), (abs(Z), True)):
        assert torch.autograd.gradcheck(n.PublishedReLU.apply, leaf(tried), raise_exception=False) is found


def test_the_loss_and_the_twelve_numbers_of_dZ3_are_on_the_slides(n, book):
    assert f"{n.L.item():.4f}" == str(SLIDES["loss"]) == "1.1394" and says("the twelve numbers of dZ3")
    np.testing.assert_array_equal(n.recorded.Z[3].grad.numpy().round(4), SLIDES["dZ3"])
    assert np.array2string(np.array(SLIDES["dZ3"])) in book.printed
    np.testing.assert_array_equal(n.recorded.A[3].grad.numpy().round(4) + 0, SLIDES["dA3"])


# 6 · Read a disagreement ----------------------------------------------------------------------------


def test_without_1_over_n_all_twelve_lines_are_off_by_3(n, right):
    found = {name: row.relative for name, row in ledger_of(n, n.forgotten).items()}
    assert found == pytest.approx(dict.fromkeys(ORDER, 3), rel=1e-6)
    assert gaps(by_hand(n, start=4), right) == pytest.approx(dict.fromkeys(ORDER, 3), rel=1e-6)
    assert says("All twelve lines are off by 3", "$N = 4$ times too large", "three times its size")


@pytest.mark.parametrize("N", [1, 2, 3, 4])
@pytest.mark.parametrize("times", ["forgotten", "one too many"])
def test_a_forgotten_1_over_n_is_a_gap_of_n_minus_1_and_one_too_many_1_minus_1_over_n(times, N, n):
    X, Y = n.X[:N], n.Y[:N]
    trace = forward(n.net, X)
    dA = cross_entropy.gradient(trace.A[3], Y) * (N if times == "forgotten" else 1 / N)
    rows = gradient_ledger(n.net, X, Y, cross_entropy, backward(n.net, trace, dA), nudge=False).rows
    expected = N - 1 if times == "forgotten" else 1 - 1 / N
    assert [row.relative for row in rows] == pytest.approx([expected] * 12, rel=1e-6, abs=1e-9)
    assert says("| −1: a wrong sign | 2 |", "| $N$: a forgotten $1/N$ | $N - 1$ |",
                "| $1/N$: one $1/N$ too many | $1 - 1/N$ |", "2 → a sign; $N - 1$ or $1 - 1/N$ → the $1/N$")


@every_line
def test_a_wrong_sign_is_a_gap_of_2(line, n, right):
    assert gaps({line: -right[line]}, {line: right[line]})[line] == 2
    kind, l = line[:2], int(line[3])
    manual = n.mine._replace(**{kind: {**getattr(n.mine, kind), l: -getattr(n.mine, kind)[l]}})
    rows = ledger_of(n, manual)
    assert rows[line].relative == pytest.approx(2, rel=1e-9)
    assert [name for name, row in rows.items() if not row.agrees] == [line]


def test_without_the_slope_of_layer_2_dZ2_is_the_first_line_that_disagrees_and_what_is_made_from_it_inherits(n, right):
    wrong = gaps(by_hand(n, slope=lambda l, a: 1 if l == 2 else slope(l, a)), right)
    assert [name for name in ORDER if wrong[name] > 1e-9] == ORDER[5:] and ORDER[5] == "dZ[2]"
    rows = ledger_of(n, backward(n.net._replace(f=n.no_slope), n.trace, n.dA))
    for name, row in rows.items():
        assert row.agrees == (name in ORDER[:5]) and row.relative == pytest.approx(wrong[name], rel=1e-6, abs=1e-9)
    question, = (text for text in page("05") if "Exercise 5 ·" in text)
    offered = dict(re.findall(r"\(([a-d])\) `(\w+\[\d\])`", question))
    assert sorted(offered) == list("abcd") and offered[ex.first_to_disagree.reference()] == "dZ[2]"
    assert says("the slope of the sigmoid, in layer 2 only")


@pytest.mark.parametrize("answer", "acd")
def test_the_other_options_of_exercise_5_are_wrong(answer):
    assert ex.first_to_disagree.verdict("b") and not ex.first_to_disagree.verdict(answer)


@pytest.mark.parametrize("kind", ["dW", "db"])
@every_layer
def test_nothing_is_made_from_a_dW_or_a_db_so_a_mistake_there_stays_alone(l, kind, n):
    """In the loop of `backward`, the way back goes on from dA and dZ alone."""
    g = getattr(n.mine, kind)
    assert off(n, n.mine._replace(**{kind: {**g, l: 7 * g[l]}})) == [f"{kind}[{l}]"]


@every_layer
def test_from_a_wrong_dZ_all_that_follows_is_made(l, n, right):
    wrong = gaps(by_hand(n, slope=lambda k, a: 1.1 * slope(k, a) if k == l else slope(k, a)), right)
    if l < 3:
        assert [name for name in ORDER if wrong[name] > 1e-9] == ORDER[ORDER.index(f"dZ[{l}]"):]


def options(n):
    """The backward passes of exercise 6, by plain lines, each with its one mistake."""
    right = by_hand(n)
    means = {f"db[{l}]": right[f"dZ[{l}]"].mean(0) for l in (1, 2, 3)}
    return {"a": by_hand(n, start=1 / 4), "b": {**right, "dW[2]": -right["dW[2]"]}, "c": {**right, **means},
            "d": by_hand(n, start=-1),
            "e": by_hand(n, slope=lambda l, a: slope(l, bent(a)) if l == 1 else slope(l, a))}


def column(n, book, letter):
    """A column of the printed ledgers, {line: text}."""
    lines = book.printed.splitlines()
    first = next(i for i, line in enumerate(lines) if line.split() == ["A", "B", "C"])
    return {line[:8].strip(): line[8 + 10 * "ABC".index(letter):][:10].strip() for line in lines[first + 1:first + 13]}


@pytest.mark.parametrize("letter", "ABC")
def test_exactly_one_option_of_exercise_6_matches_a_ledger_on_the_page(letter, n, book, right):
    printed = column(n, book, letter)
    assert list(printed) == ORDER
    matching = [option for option, wrong in options(n).items()
                if all((text == "< 1e-12") == (gap < 1e-12) and (gap < 1e-12 or text == f"{gap:.2g}")
                       for text, gap in zip(printed.values(), gaps(wrong, right).values()))]
    assert matching == [ex.diagnose.reference()["ABC".index(letter)]]
    assert dict(zip("ABC", ex.diagnose.reference())) == {"A": "c", "B": "e", "C": "b"}
    assert says("(a) the $1/N$ is applied twice", "(b) `dW[2]` has the wrong sign",
                "(c) the gradients of the biases are means", "(d) the whole gradient has the wrong sign",
                "(e) layer 1 takes the sigmoid's slope at $a$ instead of $z$")


@pytest.mark.parametrize("option", "abcde")
def test_each_option_would_show_a_ledger_of_its_own(option, n, right):
    found = gaps(options(n)[option], right)
    lines = {name: round(gap, 2) for name, gap in found.items() if gap > 1e-9}
    assert lines == {"a": dict.fromkeys(ORDER, 0.75), "b": {"dW[2]": 2}, "d": dict.fromkeys(ORDER, 2),
                     "c": dict.fromkeys(["db[3]", "db[2]", "db[1]"], 0.75),
                     "e": {"dZ[1]": 0.72, "dW[1]": 0.70, "db[1]": 0.75}}[option]


def test_in_B_the_0_75_of_a_bias_is_an_accident_and_the_other_two_lines_say_so(n, right):
    found = gaps(options(n)["e"], right)
    assert f"{found['db[1]']:.2f}" == "0.75" and abs(found["db[1]"] - 0.75) > 1e-5


def test_the_largest_difference_alone_may_be_2_without_a_wrong_sign(n, right):
    g = right["dW[2]"].copy()
    g[0, 0] += 2 * abs(g).max()
    assert gaps({"dW[2]": g}, {"dW[2]": right["dW[2]"]})["dW[2]"] == pytest.approx(2, rel=1e-12)
    assert np.ptp(g / right["dW[2]"]) > 0.1 and np.ptp(-right["dW[2]"] / right["dW[2]"]) == 0


# 7 · A kink -----------------------------------------------------------------------------------------


def test_the_slope_of_relu_is_0_on_the_left_and_1_on_the_right():
    z = np.array([-2.0, -1e-3, 1e-3, 2.0])
    close((np.maximum(z + 1e-6, 0) - np.maximum(z - 1e-6, 0)) / 2e-6, [0, 0, 1, 1], 1e-9)
    assert relu(z).tolist() == np.maximum(z, 0).tolist() and says("0 on the left of $z = 0$, and 1 on the right")


def test_exercise_7_is_by_nudging_right(rng):
    X, W, b, dA = rng.normal(size=(4, 5)), rng.normal(size=(3, 5)), rng.normal(size=3), rng.normal(size=(4, 3))
    A, dZ, dW, db = ex.relu_layer.reference(X, W, b, dA)
    close(A, np.maximum(X @ W.T + b, 0))
    close(dZ, nudged(lambda Z: (dA * np.maximum(Z, 0)).sum(), X @ W.T + b), 1e-8)
    close(dW, nudged(lambda W: (dA * np.maximum(X @ W.T + b, 0)).sum(), W), 1e-8)
    close(db, nudged(lambda b: (dA * np.maximum(X @ W.T + b, 0)).sum(), b), 1e-8)


@pytest.mark.parametrize("at_0", [0, 1, 0.5])
def test_at_0_exactly_exercise_7_takes_what_you_like(at_0):
    def layer(X, W, b, dA):
        Z = X @ W.T + b
        dZ = dA * np.where(Z == 0, at_0, Z > 0)
        return np.maximum(Z, 0), dZ, dZ.T @ X, dZ.sum(0)

    assert ex.relu_layer.verdict(layer)


def test_the_published_relus_condition_is_always_true_so_it_lets_everything_through_also_units_that_were_off(n, rng):
    Z, dA = rng.normal(size=(2, 50, 3))
    A = np.maximum(Z, 0)
    assert (A >= 0).all() and (A > 0).tolist() == (Z > 0).tolist() and (Z < 0).sum() > 30
    t = leaf(Z)
    n.PublishedReLU.apply(t).backward(torch.tensor(dA))
    np.testing.assert_array_equal(t.grad, dA)
    close(nudged(lambda Z: (dA * np.maximum(Z, 0)).sum(), Z), dA * (A > 0), 1e-8)


def test_with_a_greater_than_0_its_backward_would_be_right(n, rng):
    class Mended(n.PublishedReLU):
        @staticmethod
        def backward(ctx, dA):
            return dA * (ctx.saved_tensors[0] > 0)

    assert torch.autograd.gradcheck(Mended.apply, leaf([[-1.0, 0.5], [2.0, -0.3]]))


def test_a_network_may_still_learn_with_it(n):
    published = relu._replace(pullback=lambda dA, A: dA * (A >= 0))
    X = (n.X - n.X.mean(0)) / n.X.std(0)
    for seed in range(3):
        net = initialize((5, 7, 4, 3), [published, published, softmax], np.random.default_rng(seed), "he")
        found = losses(n, backward, 0.1, 300, X, net)
        assert found[0] > 0.8 and found[-1] < 0.01


def test_gradcheck_compares_a_functions_own_backward_with_nudging(n):
    Z = leaf([[-1.0, 0.5], [2.0, -0.3]])
    assert torch.autograd.gradcheck(torch.relu, Z)
    with pytest.raises(GradcheckError, match="numerical:"):
        torch.autograd.gradcheck(n.PublishedReLU.apply, Z)
    assert n.is_right(torch.relu, n.Z) and not n.is_right(n.PublishedReLU.apply, n.Z)


def test_gradcheck_wants_double_precision():
    with pytest.warns(UserWarning, match="not a double precision"):
        torch.autograd.gradcheck(torch.relu, torch.tensor([0.5], requires_grad=True), raise_exception=False)


@pytest.mark.parametrize(("z", "quotient"), [(0.0, 0.5), (2e-7, 0.6), (-5e-7, 0.25)])
def test_at_the_kink_or_within_one_nudge_of_it_the_quotient_from_both_sides_is_neither_slope(z, quotient):
    h = 1e-6
    assert (max(z + h, 0) - max(z - h, 0)) / (2 * h) == pytest.approx(quotient, rel=1e-9)
    assert says("for $z = 0$ the quotient from both sides is $\\frac12$")
    assert not torch.autograd.gradcheck(torch.relu, leaf([[z, 0.5]]), raise_exception=False)
    assert torch.autograd.gradcheck(torch.relu, leaf([[2 * h, -2 * h]]))


def test_at_the_kink_autograd_takes_0():
    torch.relu(z := leaf(0.0)).backward()
    assert z.grad == 0 == relu.pullback(np.ones((1, 1)), np.zeros((1, 1))).item()


# 8 · Find the mistakes ------------------------------------------------------------------------------


def line_1(n, A):
    return (n.Y * A).sum() / 4


def test_exercise_8_is_false_true_false():
    assert ex.verdicts_loss.reference() == (False, True, False)
    assert says(r"1. $L = \frac1N \operatorname{sum}(Y \odot A^{(3)})$",
                r"2. $\partial L_0/\partial \mathbf a = -\,\mathbf y \div",
                r"3. $\partial L/\partial Z^{(3)} = -\frac1N\,(A^{(3)} - Y)$")


def test_line_1_is_the_mean_probability_it_rises_when_the_network_improves_and_is_never_above_1(n, rng):
    assert f"{line_1(n, n.trace.A[3]):.4f}" == "0.3374"
    assert line_1(n, n.trace.A[3]) != pytest.approx(-np.log(n.trace.A[3][n.Y == 1]).mean(), rel=0.1)
    for more in (0.1, 1, 10, 100):
        better = softmax(n.trace.Z[3] + more * n.Y)
        assert line_1(n, n.trace.A[3]) < line_1(n, better) <= 1
        assert cross_entropy(better, n.Y) < cross_entropy(n.trace.A[3], n.Y)
    assert all(line_1(n, softmax(Z)) <= 1 for Z in 5 * rng.normal(size=(200, 4, 3))) and says("never above 1")
    assert line_1(n, n.Y) == 1


def test_line_2_is_right_term_by_term(n, rng):
    for y, a in ((n.Y[0], n.trace.A[3][0]), (np.array([0.2, 0.3, 0.5]), softmax(rng.normal(size=(1, 3)))[0])):
        close(nudged(lambda a, y=y: -(y * np.log(a)).sum(), a), -y / a, 1e-8)


def test_line_3_has_one_minus_too_many(n):
    found = nudged(lambda Z: -np.log((np.exp(Z) / np.exp(Z).sum(1, keepdims=True))[n.Y == 1]).mean(), n.trace.Z[3])
    close(found, (n.trace.A[3] - n.Y) / 4, 1e-7)
    assert abs(found + (n.trace.A[3] - n.Y) / 4).max() > 0.3
    assert (found[n.Y == 1] < 0).all() and (found[n.Y == 0] > 0).all()
    assert (n.trace.A[3][n.Y == 1] < 1).all() and says("$y = 1 > a$")
    close(found, SLIDES["dZ3"], 1e-3)


def test_the_picture_shows_both_gradients_for_each_class_orange_is_positive_and_grey_negative(n):
    true = (n.trace.A[3] - n.Y) / 4
    assert says("negative (grey) once in each row", "positive (orange) there")
    for ax, M in zip(picture("what the published line gives"), (-true, true)):
        assert [float(text.get_text()) for text in ax.texts] == (M.round(2) + 0).ravel().tolist()
        assert [label.get_text() for label in ax.get_xticklabels()] == ["class 0", "class 1", "class 2"]
        shades = ax.images[0].to_rgba(M).reshape(-1, 4)[:, :3]
        for shade, share in zip(shades, M.ravel() / abs(M).max()):  # white is 0, the full colour the largest
            full = np.array(to_rgb(BACKWARD if share > 0 else QUIET))
            assert abs(shade - (1 - abs(share) * (1 - full))).max() < 0.01


def test_at_the_right_class_the_true_one_is_negative_once_in_each_row_and_a_step_against_it_raises_this_class(n):
    true, Z, A = (n.trace.A[3] - n.Y) / 4, n.trace.Z[3], n.trace.A[3]
    assert ((true < 0) == (n.Y == 1)).all() and ((true < 0).sum(1) == 1).all()
    assert ((-true > 0) == (n.Y == 1)).all()
    assert (softmax(Z - 0.1 * true)[n.Y == 1] > A[n.Y == 1]).all()
    assert (softmax(Z + 0.1 * true)[n.Y == 1] < A[n.Y == 1]).all()


@pytest.mark.parametrize("rate", [1e-6, 1e-3, 0.1, 1])
def test_with_the_wrong_sign_the_loss_rises_in_every_step_however_small_the_rate_and_with_the_right_one_falls(rate, n):
    good, bad = (losses(n, lambda net, trace, dA, s=sign: backward(net, trace, s * dA), rate, 6) for sign in (1, -1))
    assert (np.diff(good) < 0).all() and (np.diff(bad) > 0).all()
    if rate == 0.1:
        for name, found in (("with +", good), ("with −", bad)):
            close(n.histories[name], found, 1e-12)


@pytest.mark.parametrize("rate", [5, 20])
def test_with_the_right_sign_the_loss_can_rise_from_the_first_step_on_and_a_lower_rate_helps(rate, n):
    assert losses(n, backward, rate, 2)[1] > losses(n, backward, rate, 2)[0]
    assert losses(n, backward, rate / 100, 2)[1] < losses(n, backward, rate / 100, 2)[0]


def test_exercise_9_is_false_true_false_false():
    assert ex.verdicts_layers.reference() == (False, True, False, False)
    assert says(r"1. $\mathrm{dW}^{(3)} = \mathrm{dZ}^{(3)\top}\, Z^{(3)}$",
                r"2. $\mathrm{db}^{(3)} = \mathrm{dZ}^{(3)\top}\, \mathbf 1_N$",
                r"3. $\mathrm{dA}^{(2)} = \mathrm{dZ}^{(3)}\, W^{(2)}$", r"\cdot 0.3$", "$f(x) = x^2$, from $x = 1$")


def test_lines_1_and_3_are_caught_by_their_shapes(n, right):
    dZ3 = right["dZ[3]"]
    assert dZ3.shape == (4, 3) and (dZ3.T @ n.trace.Z[3]).shape == (3, 3) != n.net.W[3].shape == (3, 4)
    close(dZ3.T @ n.trace.A[2], nudged(lambda V: loss_from(n, "dW[3]", V), n.net.W[3]), 1e-6)
    with pytest.raises(ValueError, match="mismatch"):
        dZ3 @ n.net.W[2]
    assert n.net.W[2].shape == (4, 7)
    assert says("Z^{(3)}$ is $(3, 3)$", "$W^{(3)}$ is $(3, 4)$", "$W^{(2)}$, which is $(4, 7)$")
    close(dZ3 @ n.net.W[3], nudged(lambda V: loss_from(n, "dA[2]", V), n.trace.A[2]), 1e-6)


def test_line_2_is_the_sum_over_the_rows(n, right):
    close(right["dZ[3]"].T @ np.ones(4), nudged(lambda v: loss_from(n, "db[3]", v), n.net.b[3]), 1e-6)


@pytest.mark.parametrize("N", [4, 7])
def test_where_layers_have_equal_widths_the_shapes_are_silent_and_both_lines_run(N, rng):
    net = initialize((4, 4, 4, 4), [sigmoid, sigmoid, softmax], rng)
    X, Y = rng.normal(size=(N, 4)), np.eye(4)[rng.integers(0, 4, N)]
    trace = forward(net, X)
    found = backward(net, trace, cross_entropy.gradient(trace.A[3], Y))
    wrong_dW, wrong_dA = found.dZ[3].T @ trace.Z[3], found.dZ[3] @ net.W[2]
    assert wrong_dW.shape == net.W[3].shape and wrong_dA.shape == trace.A[2].shape
    assert not same(wrong_dW, found.dW[3], 0.1) and not same(wrong_dA, found.dA[2], 0.1)


def test_line_4_never_ends_from_1_it_hops_from_one_side_of_the_minimum_to_the_other(n):
    x, walk = 1.0, []
    for _ in range(500):
        assert 2 * x != 0
        x -= 0.3 if x > 0 else -0.3
        walk.append(x)
    np.testing.assert_allclose(n.walk, walk, rtol=0, atol=1e-12)
    np.testing.assert_allclose(walk[-4:], [0.1, -0.2, 0.1, -0.2], atol=1e-10)
    assert (np.array(walk[10:]) * np.array(walk[9:-1]) < 0).all() and np.allclose(abs(np.diff(walk)), 0.3)


def test_from_0_6_it_would_end():
    x = 0.6
    for _ in range(2):
        x -= 0.3 if x > 0 else -0.3
    assert x == 0


# 9 · Three bugs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scaled_relu", "decayed_step", "twice_flipped"])
def test_a_bug_is_given_runs_and_is_recognized_and_the_solution_is_right(name, n):
    exercise = ex.lesson.exercises[name]
    mine = getattr(n, f"my_{name}")
    for args in exercise.samples:
        found, given = mine(*args), exercise.given(*args)
        for part, other in zip(found, given) if isinstance(found, tuple) else [(found, given)]:
            np.testing.assert_array_equal(part, other)
    assert not exercise.verdict(mine) and exercise.verdict(exercise.reference)


def test_the_solution_of_the_mask_is_by_nudging_right_and_as_given_it_is_wrong_where_a_scale_is_negative(n, rng):
    Z, dA, scale = rng.normal(size=(6, 4)), rng.normal(size=(6, 4)), np.array([0.5, -1.0, 2.0, -0.3])
    true = nudged(lambda Z: (dA * scale * np.maximum(Z, 0)).sum(), Z)
    close(ex.scaled_relu.reference(dA, Z, scale), true, 1e-8)
    wrong = n.my_scaled_relu(dA, Z, scale)
    assert (abs(wrong - true).max(0) > 0.1).tolist() == (scale < 0).tolist()
    close(n.my_scaled_relu(dA, Z, abs(scale)), ex.scaled_relu.reference(dA, Z, abs(scale)))


def test_the_solution_of_the_penalty_is_by_nudging_a_step_and_as_given_only_the_rate_is_larger(n, rng):
    W, X, dZ, rate, decay = rng.normal(size=(3, 5)), rng.normal(size=(4, 5)), rng.normal(size=(4, 3)), 0.1, 0.5
    gradient = nudged(lambda W: (dZ * (X @ W.T)).sum() + decay / 2 * (W**2).sum(), W)
    close(ex.decayed_step.reference(W, X, dZ, rate, decay), W - rate * gradient, 1e-8)
    close(n.my_decayed_step(W, X, dZ, rate, decay), W - rate * (1 + decay) * dZ.T @ X)
    np.testing.assert_array_equal(n.my_decayed_step(W, X, 0 * dZ, rate, decay), W)
    assert (abs(ex.decayed_step.reference(W, X, 0 * dZ, rate, decay)) < abs(W)).all()


def test_of_the_signs_the_weights_learn_as_they_should_and_the_bias_walks_uphill(n, rng):
    W, b, X, Y = rng.normal(size=(3, 5)), rng.normal(size=3), rng.normal(size=(4, 5)), np.eye(3)[[2, 0, 1, 2]]

    def loss(W, b):
        E = np.exp(X @ W.T + b)
        return -np.log((E / E.sum(1, keepdims=True))[Y == 1]).mean()

    down = W - 0.1 * nudged(lambda W: loss(W, b), W), b - 0.1 * nudged(lambda b: loss(W, b), b)
    for found, expected in zip(ex.twice_flipped.reference(W, b, X, Y, 0.1), down):
        close(found, expected, 1e-7)
    W_given, b_given = n.my_twice_flipped(W, b, X, Y, 0.1)
    close(W_given, down[0], 1e-7)
    close(b_given - b, b - down[1], 1e-6)
    assert loss(W_given, b) < loss(W, b) < loss(W, b_given)


def test_in_training_bug_threes_loss_falls_at_first_but_not_as_far_as_it_should_and_then_it_rises(n, rng):
    labels = np.tile(range(3), 20)
    X, Y = rng.normal(size=(60, 2)) + np.array([[0, 2], [-2, -1], [2, -1]])[labels], np.eye(3)[labels]
    ends = []
    for step in (ex.twice_flipped.reference, n.my_twice_flipped):
        W, b, found = np.zeros((3, 2)), np.zeros(3), []
        for _ in range(1000):
            found.append(cross_entropy(softmax(X @ W.T + b), Y))
            W, b = step(W, b, X, Y, 0.1)
        ends.append(np.array(found))
    good, bad = ends
    assert (np.diff(good) < 0).all() and (np.diff(bad[:50]) < 0).all() and (bad[1:] > good[1:]).all()
    assert bad.min() > 2 * good[-1] and bad[-1] > bad[0]


# 10 · Appendix: forward mode and reverse mode -------------------------------------------------------


def passes(f, x):
    """Both Jacobians of f at x, and how many passes each took."""
    x, count = torch.tensor(x, dtype=torch.float64), {"forward": 0, "reverse": 0}
    inputs, outputs = torch.eye(len(x), dtype=x.dtype), torch.eye(len(f(x)), dtype=x.dtype)

    def one(mode, pass_):
        count[mode] += 1
        return pass_()

    pull = torch.func.vjp(f, x)[1]
    columns = [one("forward", lambda v=v: torch.func.jvp(f, (x,), (v,))[1]) for v in inputs]
    rows = [one("reverse", lambda v=v: pull(v)[0]) for v in outputs]
    return torch.stack(columns, 1).numpy(), torch.stack(rows).numpy(), count


@forward_mode
def test_with_2_inputs_and_1000_outputs_forward_mode_needs_2_passes_and_reverse_mode_1000():
    def f(x):
        k = torch.arange(1000, dtype=x.dtype)
        return torch.sin(k * x[0]) * torch.cos(x[1] + k)

    by_columns, by_rows, count = passes(f, [0.3, -0.7])
    assert tuple(count.values()) == (2, 1000) == ex.passes.reference()
    assert by_columns.shape == (1000, 2) and by_columns.size == 2000
    assert says("2 inputs and 1,000 outputs", "all 2,000 derivatives")
    close(by_columns, by_rows, 1e-12)
    for i in range(2):
        step = torch.tensor(1e-6 * np.eye(2)[i])
        x = torch.tensor([0.3, -0.7], dtype=torch.float64)
        close(by_columns[:, i], (f(x + step) - f(x - step)) / 2e-6, 1e-5)
    assert np.linalg.matrix_rank(by_columns) == 2  # no single pass would do


@forward_mode
def test_a_network_with_one_loss_is_the_opposite_case_a_pass_for_each_parameter_or_one_in_all(n, right):
    shapes = [v.shape for part in (n.net.W, n.net.b) for v in part.values()]
    start = np.concatenate([v.ravel() for part in (n.net.W, n.net.b) for v in part.values()])

    def f(parameters):
        parts = [p.reshape(s) for p, s in zip(parameters.split([int(np.prod(s)) for s in shapes]), shapes)]
        A = torch.tensor(n.X)
        for W, b in zip(parts[:2], parts[3:5]):
            A = torch.sigmoid(A @ W.T + b)
        A = torch.softmax(A @ parts[2].T + parts[5], 1)
        return -(torch.tensor(n.Y) * torch.log(A)).sum()[None] / 4

    by_columns, by_rows, count = passes(f, start)
    assert count == {"forward": 89, "reverse": 1}
    expected = np.concatenate([right[f"d{kind}[{l}]"].ravel() for kind in "Wb" for l in (1, 2, 3)])
    close(by_columns[0], expected, 1e-12)
    close(by_rows[0], expected, 1e-12)


@forward_mode
@pytest.mark.parametrize("name", ["w", "x", "b"])
def test_on_the_graph_of_section_2_each_forward_pass_gives_one_of_the_numbers_of_a_single_backward(name, n, book):
    at, way = tuple(map(torch.tensor, UNIT.values())), [float(name == other) for other in UNIT]
    derivative = torch.func.jvp(n.unit, at, tuple(map(torch.tensor, way)))[1].item()
    assert derivative == pytest.approx(gradient_of_unit(name), rel=1e-5)
    assert f"d{name} = {derivative:.3f}" in book.printed.splitlines()
    assert f"d{name} = {derivative:.3f}" in next(line for line in book.printed.splitlines() if line.startswith("dw = "))


@forward_mode
def test_reverse_mode_must_keep_what_the_forward_pass_has_stored_and_forward_mode_keeps_nothing(n):
    kept, at = [], tuple(torch.tensor(v) for v in UNIT.values())
    with torch.autograd.graph.saved_tensors_hooks(lambda v: kept.append(v) or v, lambda v: v):
        torch.func.jvp(n.unit, at, tuple(torch.eye(3).unbind()[0]))
        assert kept == []
        n.unit(*(v.clone().requires_grad_() for v in at))
    assert len(kept) >= 4 and says("price is memory", "forward mode keeps nothing")


def test_backward_is_reverse_mode_one_pass_for_one_output():
    x = leaf([0.3, -0.7])
    outputs = torch.stack([x[0] * x[1], x[0] ** 2, x[1]])
    J = [[-0.7, 0.3], [0.6, 0], [0, 1]]
    for output, row in zip(outputs, J):
        x.grad = None
        output.backward(retain_graph=True)
        close(x.grad, row, 1e-12)


# 11 · Appendix: as PyTorch writes it ----------------------------------------------------------------


@every_layer
def test_nn_sequential_has_our_gradients_for_all_weights_and_biases(l, n, right):
    layer = n.model[2 * (l - 1)]
    assert layer.weight.shape == n.net.W[l].shape and layer.bias.shape == n.net.b[l].shape
    close(layer.weight.grad, right[f"dW[{l}]"], 1e-12)
    close(layer.bias.grad, right[f"db[{l}]"], 1e-12)
    assert sum(g.size for name, g in right.items() if name[1] == "W") == 75


def test_cross_entropy_loss_takes_what_is_before_softmax_and_whole_numbers_and_is_our_fused_loss(n):
    logits, classes = n.logits.detach(), torch.tensor([2, 0, 1, 2])
    assert torch.equal(n.classes, classes) and n.classes.dtype == torch.int64
    close(logits, n.trace.Z[3], 1e-12)
    found = nn.CrossEntropyLoss()(logits, classes).item()
    assert found == pytest.approx(-np.log(n.trace.A[3][n.Y == 1]).mean(), rel=1e-12)
    assert found == pytest.approx(softmax_cross_entropy(n.trace.Z[3], n.Y), rel=1e-12) == pytest.approx(n.loss.item())


def test_with_softmax_twice_even_certainty_becomes_0_576_and_nothing_is_reported(n):
    second = torch.softmax(torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64), 1)
    assert second[0, 0].item() == pytest.approx(e / (e + 2), rel=1e-14)
    assert says("is certain, $(1, 0, 0)$", "$e/(e + 2) = 0.576$")
    twice = nn.CrossEntropyLoss()(torch.softmax(n.logits.detach(), 1), n.classes).item()
    E = np.exp(n.trace.A[3])
    assert twice == pytest.approx(-np.log((E / E.sum(1, keepdims=True))[n.Y == 1]).mean(), rel=1e-12)
    assert twice < n.loss.item() - 0.03 and says("The loss even *starts* lower here")


def test_with_softmax_twice_no_loss_is_below_0_5514(rng):
    sharp = torch.tensor(rng.normal(size=(10_000, 3)) * 10.0 ** rng.uniform(-2, 2, (10_000, 1)))
    found = -torch.log_softmax(torch.softmax(sharp, 1), 1)
    assert found.min().item() >= -log(e / (e + 2)) - 1e-12 and found.min().item() == pytest.approx(0.5514, abs=1e-4)


def twice(z):
    """The loss of one sample of class 0 behind two softmaxes, and its gradient, and those behind one."""
    found = []
    for inside in (torch.softmax(t := leaf(z), 1), s := leaf(z)):
        loss = nn.functional.cross_entropy(inside, torch.zeros(len(z), dtype=torch.int64))
        loss.backward()
        found.append(loss.item())
    return found[0], t.grad.numpy(), found[1], s.grad.numpy()


def test_a_larger_logit_still_means_a_larger_probability(rng):
    for z in 2 * rng.normal(size=(50, 3)):
        a = np.exp(z) / np.exp(z).sum()
        assert np.exp(a).argsort().tolist() == z.argsort().tolist()


def test_with_softmax_twice_its_gradients_are_always_smaller_than_with_one(rng):
    for z in rng.normal(size=(300, 1, 3)) * 3:
        _, of_two, _, of_one = twice(z)
        assert np.linalg.norm(of_two) < 0.7 * np.linalg.norm(of_one)


def test_with_softmax_twice_they_become_small_long_before_the_loss_has_come_down():
    """Still 2 % above its end, the gradient is a twentieth of the first; and sure of the wrong class, it is none."""
    z, first = np.zeros((1, 3)), None
    for _ in range(10_000):
        loss, gradient, _, _ = twice(z)
        first = first or np.linalg.norm(gradient)
        if loss < 1.02 * 0.5514:
            break
        z = z - 0.5 * gradient
    assert np.linalg.norm(gradient) < first / 20
    _, of_two, loss, of_one = twice(np.array([[0.0, 12, 0]]))
    assert loss > 10 and np.linalg.norm(of_one) > 1 and np.linalg.norm(of_two) < 1e-4


def test_a_model_with_softmax_twice_still_learns_and_stands_still_above_0_5514(n):
    X, net = (n.X - n.X.mean(0)) / n.X.std(0), initialize((5, 7, 4, 3), [sigmoid, sigmoid, softmax],
                                                          np.random.default_rng(0))
    found = []
    for _ in range(1500):
        trace = forward(net, X)
        found.append(softmax_cross_entropy(trace.A[3], n.Y))
        net = descend(net, backward(net, trace, softmax_cross_entropy.gradient(trace.A[3], n.Y)), 0.5)
    assert (trace.A[3].argmax(1) == n.Y.argmax(1)).all() and found[0] > 1.05
    assert 0.5514 < found[-1] < 0.57 and found[1000] - found[-1] < 0.02


# Recap ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [
    "requires_grad=True", "grad_fn", "retain_grad()", "L.backward()", "detach()", "torch.no_grad()",
    "nn.CrossEntropyLoss()", "torch.autograd.gradcheck(f, inputs)", "softmax_cross_entropy",
    "forward(net, X)", "backward(net, trace, dA)", "f[l].pullback(dA, A[l])", "gradient_ledger(net, X, Y, loss, mine)",
])
def test_what_the_recap_lists_stands_there(code):
    assert code in section("Recap")


def test_the_recaps_check_without_gradients_by_hand_takes_those_of_backward(n):
    assert str(gradient_ledger(n.net, n.X, n.Y, cross_entropy)) == str(
        gradient_ledger(n.net, n.X, n.Y, cross_entropy, n.mine))


def test_the_recaps_gradients_in_between_and_local_rule(n, right):
    found = backward(n.net, n.trace, n.dA)
    for l in (1, 2, 3):
        close(found.dZ[l], right[f"dZ[{l}]"], 1e-12)
        close(n.net.f[l].pullback(found.dA[l], n.trace.A[l]), right[f"dZ[{l}]"], 1e-12)


# 12 · Appendix: the twelve slips --------------------------------------------------------------------

CAUSES = {"sign": 3, "logarithm": 2, "shape": 2, "index": 2, "algorithm, reason": 3}
SLIPS = [  # in the order of the page: whether it is from section 8, where the slides have it, and what is proven below
    ("★", 10, r"= -\frac1N(A^{(3)} - Y)$", r"+\frac1N(A^{(3)} - Y)$", "nudging"),
    ("", 12, r"-\frac1N\sum_p L_p$, where $L_p = -\sum_j y_j \log a_j$", r"+\frac1N\sum_p L_p", "−1.1394"),
    ("", 9, r"-\frac1N$ [rows", r"+\frac1N$ [the same rows]", "nudging"),
    ("★", 13, r"L = \frac1N\operatorname{sum}(Y \odot A^{(3)})", r"-\frac1N\operatorname{sum}(Y \odot \log A^{(3)})",
     "it rises when the network improves"),
    ("", 9, r"Y_p \odot A^{(3)}_p", r"Y_p \odot \log A^{(3)}_p", "not the loss"),
    ("", 7, r"\mathbf x^\top W + b$, and $XW^\top + b$", r"XW^\top + b", "(1, 5)(1, 5) does not multiply"),
    ("★", 12, r"(\partial L/\partial Z)^\top Z", r"(\partial L/\partial Z)^\top A^{(l-1)}", "(3, 3) instead of (3, 4)"),
    ("", 12, r"\partial \mathbf b = (\partial L_0/\partial Z)^\top \mathbf 1_N", r"\partial L/\partial \mathbf b = ",
     "one sample's gradient is"),
    ("★", 14, r"\mathrm{dA}^{(l)} = \mathrm{dZ}^{(l+1)} W^{(l)}$", r"\mathrm{dZ}^{(l+1)} W^{(l+1)}$",
     "(4, 3)(4, 7) does not multiply"),
    ("★", 4, r"\operatorname{sign}(f')", "shrink", "500 steps"),
    ("", 10, r"\mathbf a\, \mathbf a^\top = \mathbf a^\top", r"\sum_j y_j = 1", "sum to 2"),
    ("", 6, r"f(\mathbf x^{k+1}) - f(\mathbf x^k)", r"\lVert\nabla f\rVert",
     "after one step, where the gradient is 29 long"),
]
each_slip = pytest.mark.parametrize("k", range(12))


def slips():
    """The lines of the table, (mark, part, as published, correct, how it shows), and {cause: how many}."""
    found, causes = [], {}
    for line in section("the twelve slips, by cause").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if cells[0].startswith("**"):
            causes[cells[0].strip("*")] = 0
        elif line.startswith("|") and causes:
            found.append((cells[0], int(cells[1]), *cells[2:]))
            causes[list(causes)[-1]] += 1
    return found, causes


def test_the_twelve_slips_are_sorted_by_their_causes():
    found, causes = slips()
    assert causes == CAUSES and len(found) == 12
    assert all(len(line) == 5 and all(line[1:]) for line in found)


@each_slip
def test_a_line_of_the_appendix_says_what_is_proven_below(k):
    assert all(part in cell for part, cell in zip(SLIPS[k][2:], slips()[0][k][2:])), slips()[0][k]


@each_slip
def test_a_slip_stands_in_the_part_of_the_slides_that_the_table_names(k):
    """The loss without its logarithm is the first loss of the live demo; the mean with a minus stands over the batch's
    gradients."""
    assert slips()[0][k][1] == SLIPS[k][1]


def test_five_of_them_are_the_wrong_lines_of_section_8_and_have_a_star():
    wrong = ex.verdicts_loss.reference() + ex.verdicts_layers.reference()
    assert wrong.count(False) == 5 and says("five of the twelve slips", "those of section 8 are marked ★")
    assert [line[0] for line in slips()[0]] == [line[0] for line in SLIPS]
    assert sum(line[0] == "★" for line in SLIPS) == 5


def test_the_slip_of_the_loss_without_its_logarithm_is_0_3374_instead_of_1_1394_and_rises_when_the_network_improves(n):
    A = n.trace.A[3]
    assert f"{line_1(n, A):.4f} {-(n.Y * np.log(A)).sum() / 4:.4f}" == "0.3374 1.1394"
    assert f"{SLIDES['wrong_loss']} {SLIDES['loss']}" == "0.3374 1.1394"
    assert line_1(n, softmax(n.trace.Z[3] + n.Y)) > line_1(n, A)


def test_the_slip_autograd_and_nudging_take_the_side_of_the_plus(n):
    plus = (n.trace.A[3] - n.Y) / 4
    for found in (n.recorded.Z[3].grad.numpy(), nudged(lambda Z: loss_from(n, "dZ[3]", Z), n.trace.Z[3])):
        close(found, plus, 1e-7)
        assert abs(found + plus).max() > 0.3


def test_the_slip_with_a_second_minus_the_mean_of_the_rows_losses_is_minus_1_1394(n):
    rows = -(n.Y * np.log(n.trace.A[3])).sum(1)
    assert (rows > 0).all() and f"{-rows.sum() / 4:.4f} {rows.sum() / 4:.4f}" == "-1.1394 1.1394"


def test_the_slip_the_rows_of_dA3_are_plus_1_over_n_times_the_samples_own(n):
    own = np.vstack([nudged(lambda a, p=p: -(n.Y[p] * np.log(a)).sum(), n.trace.A[3][p]) for p in range(4)])
    found = nudged(lambda A: loss_from(n, "dA[3]", A), n.trace.A[3])
    close(found, own / 4, 1e-6)
    assert abs(found + own / 4).max() > 1


def test_the_slip_the_rows_without_logarithm_do_not_sum_to_the_loss(n):
    A, loss = n.trace.A[3], -np.log(n.trace.A[3][n.Y == 1]).mean()
    without = -sum((n.Y[p] * A[p]).sum() for p in range(4)) / 4
    assert -sum((n.Y[p] * np.log(A[p])).sum() for p in range(4)) / 4 == pytest.approx(loss, rel=1e-14)
    assert abs(without - loss) > 1


def test_the_slip_for_a_w_of_shape_1_5_only_one_of_the_two_products_exists(n):
    W, x = np.ones((1, 5)), n.X[:1]
    assert x.shape == W.shape == (1, 5) and (x @ W.T).shape == (1, 1) and (n.X @ W.T).shape == (4, 1)
    with pytest.raises(ValueError, match="mismatch"):
        x @ W
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        torch.tensor(x) @ torch.tensor(W)


def test_the_slip_the_formula_of_the_batch_gives_the_gradient_of_the_batch_and_that_of_one_sample_is_another(n, right):
    batch = right["dZ[3]"].T @ np.ones(4)
    close(batch, nudged(lambda v: loss_from(n, "db[3]", v), n.net.b[3]), 1e-6)
    first = n.trace.A[3][0] - n.Y[0]
    assert abs(batch - first).max() > 0.1 and abs(batch - first / 4).max() > 0.01


def test_the_slip_with_z_the_shape_is_3_3_and_with_the_layer_before_it_is_3_4(n, right):
    assert (right["dZ[3]"].T @ n.trace.Z[3]).shape == (3, 3)
    assert (right["dZ[3]"].T @ n.trace.A[2]).shape == (3, 4) == n.net.W[3].shape
    close(right["dZ[3]"].T @ n.trace.A[2], nudged(lambda v: loss_from(n, "dW[3]", v), n.net.W[3]), 1e-6)


def test_the_slip_4_3_times_4_7_does_not_multiply_and_with_the_next_layers_weights_it_is_dA2(n, right):
    assert right["dZ[3]"].shape == (4, 3) and n.net.W[2].shape == (4, 7)
    with pytest.raises(ValueError, match="mismatch"):
        right["dZ[3]"] @ n.net.W[2]
    close(right["dZ[3]"] @ n.net.W[3], nudged(lambda v: loss_from(n, "dA[2]", v), n.trace.A[2]), 1e-6)


def test_the_slip_after_500_steps_it_still_hops_and_with_steps_that_shrink_and_a_stop_it_ends():
    walk = sign_descent(lambda x: x**2, lambda x: 2 * x, start=1.0, step=0.3, max_steps=500)
    assert walk.stopped_by == "max steps" and abs(walk.path[-100:]).min() > 0.05
    calm = gradient_descent(lambda x: x @ x, lambda x: 2 * x, 1.0, 0.3, small_gradient(1e-6))
    assert calm.stopped_by == "small gradient" and calm.steps < 20
    assert (np.diff(abs(np.diff(calm.path[:, 0]))) < 0).all()


@pytest.mark.parametrize("y", [(0, 0, 1), (0.2, 0.3, 0.5), (1, 0, 1), (1, 1, 0)])
def test_the_slip_the_product_is_the_sum_of_y_times_a_so_it_is_false_if_the_targets_sum_to_2(y, n):
    y, a = np.array(y, dtype=float), n.trace.A[3][0]
    left = (y / a) @ np.outer(a, a)
    close(left, y.sum() * a, 1e-12)
    assert np.allclose(left, a) == np.isclose(y.sum(), 1)


def test_the_slip_at_0_25_the_run_stops_after_one_step_where_the_length_of_the_gradient_is_29():
    x = np.array([3.0, 3.0])
    values, lengths = [], []
    for _ in range(2):
        g = np.array([2 * x[0] + x[1], x[0] + 8 * x[1]])
        values.append(x[0]**2 + x[0] * x[1] + 4 * x[1]**2)
        lengths.append(np.linalg.norm(g))
        x = x - 0.25 * g
    assert values == [54, 54] and f"{lengths[1]:.0f}" == "29"
    trap = gradient_descent(LECTURE.value, LECTURE.gradient, [3, 3], 0.25, small_change(1e-6))
    assert (trap.steps, trap.stopped_by) == (1, "small change") and f"{trap.gradient_norms[-1]:.0f}" == "29"
    honest = gradient_descent(LECTURE.value, LECTURE.gradient, [3, 3], 0.25, small_gradient(1e-6))
    assert honest.stopped_by == "diverged"


def test_the_last_slip_is_the_trap_of_notebook_02():
    assert "trap = run(0.25, small_change(1e-6))" in "\n".join(sources("02"))


# On your own ----------------------------------------------------------------------------------------


def test_on_your_own_1_without_the_slope_of_layer_1_dZ1_turns_first_and_dW1_and_db1_follow(n, right):
    wrong = gaps(by_hand(n, slope=lambda l, a: 1 if l == 1 else slope(l, a)), right)
    assert [name for name in ORDER if wrong[name] > 1e-9] == ["dZ[1]", "dW[1]", "db[1]"]
    no_slope = {**n.net.f, 1: sigmoid._replace(pullback=lambda dA, A: dA)}
    assert off(n, backward(n.net._replace(f=no_slope), n.trace, n.dA)) == ["dZ[1]", "dW[1]", "db[1]"]
    assert says("Without the slope of layer 1 it is `dZ[1]`, and `dW[1]` and `db[1]` follow")


def test_on_your_own_1_if_dA2_takes_half_of_W3_it_turns_and_all_seven_lines_after_it(n, right):
    half = {3: n.net.W[3] / 2}
    wrong = gaps(by_hand(n, W=half), right)
    turned = [name for name in ORDER if wrong[name] > 1e-9]
    assert turned == ORDER[4:] and turned[0] == "dA[2]" and len(turned[1:]) == 7
    assert says("all seven lines after it")
    assert off(n, backward(n.net._replace(W={**n.net.W, **half}), n.trace, n.dA)) == turned


def test_on_your_own_1_if_only_db2_is_wrong_nothing_follows(n):
    assert off(n, n.mine._replace(db={**n.mine.db, 2: 2 * n.mine.db[2]})) == ["db[2]"]


@pytest.fixture
def with_relu(n):
    return n.net._replace(f={**n.net.f, 1: relu})


@pytest.fixture
def at_the_kink(n, with_relu):
    b = {l: v.copy() for l, v in n.net.b.items()}
    b[1][0] -= forward(n.net, n.X).Z[1][0, 0]
    return with_relu._replace(b=b)


def relu_then_sigmoid():
    """The bend of the two hidden layers, one after the other, for `loss_from`."""
    bends = iter([lambda z: np.maximum(z, 0), bent])
    return lambda z: next(bends)(z)


def test_on_your_own_2_with_relu_all_twelve_agree(n, with_relu):
    rows = gradient_ledger(with_relu, n.X, n.Y, cross_entropy).rows
    assert len(rows) == 12 and {row.verdict for row in rows} == {"agree"}
    found = backward(with_relu, t := forward(with_relu, n.X), cross_entropy.gradient(t.A[3], n.Y))
    close(found.dW[1], nudged(lambda v: loss_from(n, "dW[1]", v, relu_then_sigmoid()), n.net.W[1]), 1e-5)


def test_on_your_own_2_as_described_one_entry_of_z1_is_exactly_0(n, at_the_kink):
    Z = forward(at_the_kink, n.X).Z[1]
    assert Z[0, 0] == 0 and (Z == 0).sum() == 1
    assert says("subtract `forward(net, X).Z[1][0, 0]` from `b[1][0]`")


def test_on_your_own_2_then_dZ1_dW1_and_db1_say_kink_and_the_others_do_not(n, at_the_kink):
    rows = gradient_ledger(at_the_kink, n.X, n.Y, cross_entropy).rows
    assert {row.name for row in rows if "kink" in row.verdict} == {"dZ[1]", "dW[1]", "db[1]"}
    assert {row.verdict for row in rows} == {"agree", "agree (kink)"}
    assert says("`dZ[1]` agrees \"(kink)\"", "The same holds for `dW[1]` and `db[1]`")


def test_on_your_own_2_there_are_two_one_sided_slopes_and_autograds_convention_is_0(n, at_the_kink):
    Z, h = forward(at_the_kink, n.X).Z[1], 1e-6

    def loss(z):
        moved = Z.copy()
        moved[0, 0] = z
        return loss_from(n, "dZ[1]", moved, relu_then_sigmoid(), at_the_kink)

    on_the_left, on_the_right = (loss(0) - loss(-h)) / h, (loss(h) - loss(0)) / h
    found = backward(at_the_kink, t := forward(at_the_kink, n.X), cross_entropy.gradient(t.A[3], n.Y))
    assert on_the_left == 0 and on_the_right == pytest.approx(found.dA[1][0, 0], rel=1e-3) and abs(on_the_right) > 1e-3
    assert autograd_gradients(at_the_kink, n.X, n.Y, cross_entropy).dZ[1][0, 0] == 0
    assert says("two one-sided slopes", "autograd's convention is 0")


@pytest.mark.parametrize("at_0", [0, 0.5, 1])
def test_the_ledger_says_kink_and_compares_there_only_with_autograd(at_0, n, with_relu):
    """Where z is 0 without any rounding: the first sample is all zeros, and so is the first bias."""
    X, b = np.vstack([np.zeros(5), n.X[1:]]), {**n.net.b, 1: np.append(0, n.net.b[1][1:])}
    net = with_relu._replace(b=b, f={**with_relu.f, 1: relu._replace(
        pullback=lambda dA, A: dA * np.where(A == 0, np.where(np.arange(7) == 0, at_0, 0), 1))})
    t = forward(net, X)
    assert t.Z[1][0, 0] == 0
    manual = backward(net, t, cross_entropy.gradient(t.A[3], n.Y))
    rows = gradient_ledger(with_relu._replace(b=b), X, n.Y, cross_entropy, manual).rows
    assert says("only with autograd, which takes 0 there")
    assert rows[ORDER.index("dZ[1]")].verdict == ("agree (kink)" if at_0 == 0 else "disagrees with autograd (kink)")


def test_on_your_own_3_with_targets_that_sum_to_2_the_left_side_is_twice_a(n):
    y, a = np.array([1.0, 0.0, 1.0]), n.trace.A[3][0]
    assert (y / a) @ a == pytest.approx(y[0] + y[1] + y[2], rel=1e-14) == pytest.approx(2, rel=1e-14)
    assert says(r"With $\mathbf y = (1, 0, 1)$", r"the left side is $2\,\mathbf a^\top$")
    close((y / a) @ np.outer(a, a), 2 * a, 1e-12)


def test_on_your_own_3_for_a_one_hot_y_the_sum_is_1_and_a_minus_y_comes_out(n):
    for y in np.eye(3):
        z, a = n.trace.Z[3][0], n.trace.A[3][0]
        close(nudged(lambda z, y=y: -(y * np.log(np.exp(z) / np.exp(z).sum())).sum(), z), a - y, 1e-7)
    y = np.array([1.0, 0.0, 1.0])
    close(nudged(lambda z: -(y * np.log(np.exp(z) / np.exp(z).sum())).sum(), z), 2 * a - y, 1e-7)


def test_numpys_functions_raise_on_a_recorded_tensor_and_item_leaves_the_record_silently():
    w = torch.tensor(0.5, requires_grad=True)
    with pytest.raises(RuntimeError):
        np.exp(w)
    assert type(w.item()) is float and says("the plain number that it returns has left the record silently")


def test_a_second_softmax_draws_the_probabilities_together_and_the_loss_towards_log_3():
    """However sure and wrong, or sure and right, the first softmax is."""
    for p in np.random.default_rng(0).dirichlet([0.3] * 3, 50):
        again = torch.softmax(torch.tensor(p), 0).numpy()
        assert np.ptp(again) <= np.ptp(p)
        assert (abs(np.log(again) + np.log(3)) < abs(np.log(p) + np.log(3)) + 1e-12).all()
