import re
from collections import deque

import numpy as np
import pytest
import torch

from utils.activations import ACTIVATIONS, identity, relu, sigmoid, softmax, tanh
from utils.autograd import Ledger, Row, autograd_gradients, difference_gradients, gradient_ledger
from utils.datasets import lecture_example
from utils.losses import cross_entropy, one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, Gradients, backward, convert, descend, forward, initialize
from utils.training import train

ORDER = [f"{kind}[{l}]" for l in (3, 2, 1) for kind in ("dA", "dZ", "dW", "db")]
NOISE = re.compile(r"e-1[3-9]|e-[2-9]\d")  # a number this small is rounding, and another one on the next machine


def by_hand(library="numpy"):
    X, Y, net = lecture_example(library)
    trace = forward(net, X)
    return net, X, Y, backward(net, trace, cross_entropy.gradient(trace.A[3], Y))


def spoiled(kind, l, change):
    """The lecture's network, data, and gradients of which one went wrong."""
    net, X, Y, right = by_hand()
    wrong = {**getattr(right, kind), l: change(getattr(right, kind)[l])}
    return gradient_ledger(net, X, Y, cross_entropy, manual=right._replace(**{kind: wrong}))


def close(found, expected, rtol):
    """Whether every gradient is within `rtol` of the largest entry of its namesake."""
    return all(
        abs(np.asarray(g[l]) - np.asarray(e[l])).max() <= rtol * abs(np.asarray(e[l])).max()
        for g, e in zip(found, expected) for l in e
    )  # fmt: skip


@pytest.fixture(scope="module")
def ledger():
    X, Y, net = lecture_example()
    return gradient_ledger(net, X, Y, cross_entropy)


# The two referees ---------------------------------------------------------------------------------


@pytest.mark.parametrize("referee", [autograd_gradients, difference_gradients])
def test_a_referee_judges_every_gradient_that_backward_finds(referee):
    net, X, Y, right = by_hand()
    found = referee(net, X, Y, cross_entropy)
    assert isinstance(found, Gradients)
    for g, r in zip(found, right):
        assert {l: v.shape for l, v in g.items()} == {l: v.shape for l, v in r.items()}


@pytest.mark.parametrize(("referee", "rtol"), [(autograd_gradients, 1e-12), (difference_gradients, 1e-6)])
def test_a_referee_agrees_with_backward_on_the_lectures_network(referee, rtol):
    net, X, Y, right = by_hand()
    assert close(referee(net, X, Y, cross_entropy), right, rtol)


@pytest.mark.parametrize("referee", [autograd_gradients, difference_gradients])
def test_a_referee_leaves_everything_as_it_was(referee):
    net, X, Y, _ = by_hand()
    referee(net, X, Y, cross_entropy)
    again = lecture_example("numpy")
    assert np.array_equal(X, again[0])
    assert all(np.array_equal(net.W[l], again[2].W[l]) and np.array_equal(net.b[l], again[2].b[l]) for l in net.W)


def test_autograd_does_not_use_the_pullbacks():
    """A referee that called `backward`'s own formulas would agree with any mistake in them."""
    net, X, Y, right = by_hand()
    forgetful = {l: f._replace(pullback=lambda dA, A: dA) for l, f in net.f.items()}
    assert close(autograd_gradients(net._replace(f=forgetful), X, Y, cross_entropy), right, 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_autograds_gradients_stay_in_the_library_and_precision_that_came_in(library, dtype):
    def to(x):
        return x.astype(dtype) if library == "numpy" else torch.from_numpy(x.astype(dtype))

    X, Y, net = lecture_example("numpy")
    net, X, Y = convert(net, to), to(X), to(Y)
    for family in autograd_gradients(net, X, Y, cross_entropy):
        assert {(type(g), g.dtype) for g in family.values()} == {(type(X), X.dtype)}


def test_autograd_leaves_no_trace_on_the_tensors():
    X, Y, net = lecture_example("torch")
    autograd_gradients(net, X, Y, cross_entropy)
    assert not any(v.requires_grad for v in (X, Y, *net.W.values(), *net.b.values()))


# The ledger ---------------------------------------------------------------------------------------


def test_the_lectures_network_has_12_gradients_from_the_output_back(ledger):
    assert [row.name for row in ledger.rows] == ORDER


def test_on_the_lectures_network_all_three_agree(ledger):
    assert {row.verdict for row in ledger.rows} == {"agree"}
    ledger.assert_agree()


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_single_precision_is_judged_in_double(library):
    X, Y, net = lecture_example(library)
    if library == "numpy":
        X, Y, net = X.astype("float32"), Y.astype("float32"), convert(net, np.float32)
    gradient_ledger(net, X, Y, cross_entropy).assert_agree(1e-12)


@pytest.mark.parametrize("f", [f for f in ACTIVATIONS.values() if f is not softmax], ids=lambda f: f.name)
@pytest.mark.parametrize("loss", [squared_error, softmax_cross_entropy], ids=lambda loss: loss.name)
def test_every_activation_agrees_under_every_loss(f, loss):
    rng = np.random.default_rng(3)
    net = initialize((4, 6, 5, 3), [f, f, identity], rng, "centred")
    gradient_ledger(net, rng.normal(size=(7, 4)), one_hot(rng.integers(0, 3, 7), 3), loss).assert_agree()


@pytest.mark.parametrize("name", ORDER)
@pytest.mark.parametrize("change", [
    lambda g: -g, lambda g: g * 4, lambda g: g * (1 + 1e-4), lambda g: 0 * g, lambda g: g + abs(g).max(),
], ids=["sign", "1/N", "slightly", "zero", "shifted"])  # fmt: skip
def test_a_wrong_gradient_is_named_and_no_other(name, change):
    rows = spoiled(name[:2], int(name[3]), change).rows
    assert {row.name: row.verdict for row in rows if row.verdict != "agree"} == {
        name: "disagrees with autograd and differences"}


def test_a_loss_whose_gradient_was_replaced_by_a_wrong_one_does_not_agree():
    X, Y, net = lecture_example("numpy")
    wrong = cross_entropy._replace(gradient=lambda A, Y: 2 * cross_entropy.gradient(A, Y))
    assert {row.verdict for row in gradient_ledger(net, X, Y, wrong).rows} != {"agree"}
    assert {row.verdict for row in gradient_ledger(net, X, Y, cross_entropy).rows} == {"agree"}


def test_assert_agree_names_the_wrong_gradient():
    with pytest.raises(AssertionError, match=r"disagree: dW\[2\] \(2 from autograd, 2 from differences\)$"):
        spoiled("dW", 2, lambda g: -g).assert_agree()


def test_assert_agree_forgives_what_it_is_told_to():
    slightly = spoiled("dW", 2, lambda g: g * (1 + 1e-4))
    slightly.assert_agree(rtol=1e-3)
    with pytest.raises(AssertionError):
        slightly.assert_agree(rtol=1e-5)


def test_a_wrong_shape_is_named_with_the_right_one():
    rows = spoiled("dW", 2, lambda g: g.T).rows
    assert [row.verdict for row in rows if row.name == "dW[2]"] == ["shape, expected (4, 7)"]


def test_nan_does_not_pass_for_agreement():
    ledger = spoiled("db", 1, lambda g: g * np.nan)
    with pytest.raises(AssertionError, match=r"db\[1\] \(not finite"):
        ledger.assert_agree()


def test_manual_gradients_may_be_tensors():
    X, Y, net = lecture_example("torch")
    net, X, Y = convert(net, torch.Tensor.double), X.double(), Y.double()
    trace = forward(net, X)
    manual = backward(net, trace, cross_entropy.gradient(trace.A[3], Y))
    gradient_ledger(net, X, Y, cross_entropy, manual=manual).assert_agree()


# A gradient that is almost 0 ----------------------------------------------------------------------


def test_a_perfect_fit_is_no_disagreement():
    """Every gradient is exactly 0 here; what differences find is their own rounding."""
    A = np.array([[0.1, 0.2], [0.3, 0.7]])
    net = MLP({1: np.eye(2)}, {1: np.zeros(2)}, {1: identity})
    gradient_ledger(net, A, A, squared_error).assert_agree()


@pytest.mark.parametrize("scale", [10, 30])
def test_a_saturated_network_is_no_disagreement(scale):
    X, Y, net = lecture_example("numpy")
    gradient_ledger(net, scale * X, Y, cross_entropy).assert_agree()


def test_a_trained_network_is_no_disagreement():
    X, Y, net = lecture_example("numpy")
    X = (X - X.mean(0)) / X.std(0)
    trained = deque(train(net, X, Y, cross_entropy, 5, 2000), maxlen=1).pop().net
    gradient_ledger(trained, X, Y, cross_entropy).assert_agree()


# Text and table -----------------------------------------------------------------------------------


def test_the_text_has_a_line_a_gradient_and_no_rounding_noise(ledger):
    lines = str(ledger).splitlines()
    assert [line.split()[0] for line in lines] == ["gradient", *ORDER]
    assert not NOISE.search(str(ledger))
    assert repr(ledger) == str(ledger)


def test_the_text_shows_the_size_of_a_real_gap():
    text = str(spoiled("dW", 3, lambda g: g * 1.5))
    line = next(line for line in text.splitlines() if line.startswith("dW[3]"))
    assert " 0.5 " in line
    assert line.endswith("disagrees with autograd and differences")


def test_the_same_ledger_comes_out_of_both_libraries(ledger):
    X, Y, net = lecture_example("numpy")
    assert str(gradient_ledger(net, X, Y, cross_entropy)) == str(ledger)


def test_the_table_has_12_formulas_and_escapes_its_bounds(ledger):
    html = ledger._repr_html_()
    assert len(re.findall(r"<td>\$[^$]+\$</td>", html)) == 12
    assert html.count("<tr>") == html.count("</tr>") == 13
    assert html.count("&lt; 1e-12") == 12 and len(re.findall("&lt; 1e-(?:08|10)<", html)) == 12
    assert set(re.findall(r"<(?!/)([^>]*)>", html)) == {"table", "tr", "th", "td", "code"}
    assert not NOISE.search(html)


def test_the_tables_verdict_has_a_mark_beside_its_words():
    html = spoiled("dZ", 1, lambda g: -g)._repr_html_()
    assert html.count("✓ agree") == 11
    assert html.count("✗ disagrees with autograd and differences") == 1


@pytest.mark.parametrize(("name", "formula"), [
    ("dA[3]", r"\frac{\partial L}{\partial A^{(3)}}"),
    ("dA[1]", r"\frac{\partial L}{\partial A^{(1)}} = \frac{\partial L}{\partial Z^{(2)}} W^{(2)}"),
    ("dZ[3]", r"\frac{\partial L}{\partial Z^{(3)}} = \frac{\partial L}{\partial A^{(3)}} \cdot J_{\text{softmax}}"),
    ("dW[2]", r"\frac{\partial L}{\partial W^{(2)}} = \frac{\partial L}{\partial Z^{(2)}}^\top A^{(1)}"),
    ("dW[1]", r"\frac{\partial L}{\partial W^{(1)}} = \frac{\partial L}{\partial Z^{(1)}}^\top X"),
    ("db[1]", r"\frac{\partial L}{\partial b^{(1)}} = \frac{\partial L}{\partial Z^{(1)}}^\top \mathbf{1}_N"),
])  # fmt: skip
def test_a_rows_formula_is_the_lectures(ledger, name, formula):
    assert {row.name: row.formula for row in ledger.rows}[name] == formula


def test_every_formula_can_be_typeset(ledger):
    from matplotlib.mathtext import MathTextParser

    for row in ledger.rows:
        MathTextParser("path").parse(f"${row.formula}$".replace(r"\text", r"\mathrm").replace(r"\top", "T"))


def test_a_row_tells_its_gradients_shape(ledger):
    assert {row.name: row.shape for row in ledger.rows}["dW[1]"] == (7, 5)
    assert isinstance(ledger, Ledger)
    assert isinstance(ledger.rows[0], Row)


# On a graphics card -------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device on this machine")
@pytest.mark.parametrize("f", [sigmoid, tanh, relu], ids=lambda f: f.name)
def test_a_graphics_card_finds_the_same_numbers(f):
    rng = np.random.default_rng(0)
    net = initialize((5, 7, 4, 3), [f, f, softmax], rng)
    X, Y = rng.normal(size=(6, 5)), one_hot(rng.integers(0, 3, 6), 3)
    found = {}
    for device in ("cpu", "cuda"):
        def single(v, device=device):
            return torch.from_numpy(v).float().to(device)

        here, X_here, Y_here = convert(net, single), single(X), single(Y)
        trace = forward(here, X_here)
        gradients = backward(here, trace, cross_entropy.gradient(trace.A[3], Y_here))
        down = descend(here, gradients, 0.1)
        assert {v.device.type for v in (*down.W.values(), *trace.A.values())} == {device}
        found[device] = [v.cpu() for layers in (*trace, *gradients, down.W, down.b) for v in layers.values()]
    torch.testing.assert_close(found["cuda"], found["cpu"], rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device on this machine")
def test_the_referee_and_the_loop_accept_a_graphics_cards_tensors():
    X, Y, net = lecture_example("torch")
    net, X, Y = convert(net, torch.Tensor.cuda), X.cuda(), Y.cuda()
    gradient_ledger(net, X, Y, cross_entropy).assert_agree()
    labels = one_hot(Y.argmax(1), 3)
    assert labels.device == Y.device
    epochs = list(train(net, X, labels, cross_entropy, 0.5, 2, 3, np.random.default_rng(0)))
    assert epochs[-1].net.W[1].device == X.device
