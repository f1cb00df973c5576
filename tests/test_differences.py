"""Centred differences know what they can say: near a kink, on numbers large and small, and where a line is curved."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mutation import code

from utils.activations import ACTIVATIONS, Activation, identity, relu, sigmoid, softmax, tanh
from utils.arrays import library
from utils.autograd import autograd_gradients, gradient_ledger
from utils.datasets import circle, lecture_example
from utils.differences import differences, kinks
from utils.losses import Loss, cross_entropy, one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, Gradients, backward, convert, forward, initialize
from utils.training import accumulate, train

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
XOR_LABELS = one_hot([0, 1, 1, 0], 2)


def fresh(seed, f=relu):
    """A fresh network with b = 0: a row whose layer 1 is off has Z = 0 in layer 2."""
    rng = np.random.default_rng(seed)
    return initialize((2, 4, 4, 2), (f, f, softmax), rng), rng.normal(size=(20, 2)), one_hot(rng.integers(0, 2, 20), 2)


def unit(first, second):
    """Two ReLUs, of x₁ − x₂ and x₂ − x₁, and their weighted sum: |x₁ − x₂|, or x₁ − x₂."""
    return MLP({1: np.array([[1.0, -1], [-1, 1]]), 2: np.array([[first, second]])}, {1: np.zeros(2), 2: np.zeros(1)},
               {1: relu, 2: identity})


def verdicts(*args, **options):
    return {row.name: row.verdict for row in gradient_ledger(*args, **options).rows}


# No right gradient is accused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_a_fresh_network_of_relus_is_not_accused(seed):
    """19 of these 40 have a unit at exactly 0."""
    gradient_ledger(*fresh(seed), cross_entropy).assert_agree()


def test_a_kink_is_said():
    said = [any("kink" in v for v in verdicts(*fresh(seed), cross_entropy).values()) for seed in range(40)]
    assert 5 < sum(said) < 25
    X, Y, net = lecture_example("numpy")
    assert set(verdicts(net, X, Y, cross_entropy).values()) == {"agree"}


@pytest.mark.parametrize("seed", range(5))
def test_xors_first_row_is_a_kink_and_no_mistake(seed):
    net = initialize((2, 4, 2), (relu, identity), np.random.default_rng(seed))
    found = verdicts(net, XOR, XOR_LABELS, softmax_cross_entropy)
    assert set(found.values()) <= {"agree", "agree (kink)"} and found["dZ[1]"] == "agree (kink)"


def test_two_kinks_that_cancel_are_kinks_all_the_same():
    """relu(z) − relu(−z) is z, with the slope 1 from both sides; autograd and backward say 0 at 0, kink by kink."""
    straight = unit(1.0, -1.0)
    deep = MLP({1: np.eye(2), 2: straight.W[1], 3: straight.W[2]}, {1: np.zeros(2), 2: np.zeros(2), 3: np.zeros(1)},
               {1: identity, 2: relu, 3: identity})
    found = verdicts(deep, XOR, np.array([[0.3], [1], [1], [0.3]]), squared_error)
    assert set(found.values()) == {"agree", "agree (kink)"} and found["dA[1]"] == "agree (kink)"


@pytest.mark.parametrize("loss, end, rate", [(squared_error, identity, 1e3), (softmax_cross_entropy, identity, 1e5),
                                             (softmax_cross_entropy, identity, 1e11)])
def test_weights_that_have_blown_up_are_no_disagreement(loss, end, rate):
    X, labels = circle(60, 0.1, np.random.default_rng(1))
    Y, net = one_hot(labels, 2), initialize((2, 8, 8, 2), (relu, relu, end), np.random.default_rng(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for epoch in train(net, X, Y, loss, rate, 40, batch_size=10):
            if max(abs(W).max() for W in epoch.net.W.values()) > 1e10:
                break
    gradient_ledger(epoch.net, X[:10], Y[:10], loss).assert_agree()


@pytest.mark.parametrize("f", [relu, sigmoid, tanh], ids=lambda f: f.name)
def test_images_from_0_to_255_are_no_disagreement(f):
    rng = np.random.default_rng(0)
    net = initialize((16, 8, 3), (f, identity), rng)
    X, Y = rng.integers(0, 256, (8, 16)), one_hot(rng.integers(0, 3, 8), 3)
    gradient_ledger(net, X, Y, softmax_cross_entropy).assert_agree()


def test_a_probability_that_is_nearly_0_is_no_disagreement():
    """The slope of log a at a = 1e-12 is not seen by a nudge of 1e-6."""
    net = MLP({1: np.eye(2)}, {1: np.zeros(2)}, {1: identity})
    A = np.array([[1e-12, 1.0], [0.5, 0.5]])
    gradient_ledger(net, A, np.eye(2), cross_entropy).assert_agree()


def test_a_loss_with_a_kink():
    absolute = Loss("absolute", lambda A, Y: abs(A - Y).sum() / len(Y),
                    lambda A, Y: (1.0 * (A > Y) - 1.0 * (A < Y)) / len(Y))
    net = MLP({1: np.eye(2)}, {1: np.zeros(2)}, {1: identity})
    assert set(verdicts(net, XOR, XOR.copy(), absolute).values()) == {"agree (kink)"}
    assert set(verdicts(net, XOR, XOR + 0.5, absolute).values()) == {"agree"}


@given(st.integers(0, 10**6), st.sampled_from(["relu", "tanh", "sigmoid"]), st.integers(1, 4), st.floats(0.01, 1000))
def test_no_right_gradient_is_accused(seed, name, width, size):
    """Networks with b = 0, rows of zeros, inputs of every size."""
    rng = np.random.default_rng(seed)
    net = initialize((2, width, width, 2), (ACTIVATIONS[name],) * 2 + (identity,), rng)
    X = size * rng.normal(size=(5, 2))
    X[0] = 0
    gradient_ledger(net, X, one_hot(rng.integers(0, 2, 5), 2), softmax_cross_entropy).assert_agree()


def softsign(Z):
    return Z / (1 + abs(Z))


def elu(Z):
    return library(Z).where(Z > 0, Z, library(Z).exp(Z) - 1)


BENT = {"softsign": Activation("softsign", softsign, lambda dA, A: dA * (1 - abs(A)) ** 2),
        "elu": Activation("elu", elu, lambda dA, A: dA * np.where(A > 0, 1, A + 1)),
        "cube": Activation("cube", lambda Z: Z**3, lambda dA, A: dA * 3 * np.cbrt(A) ** 2)}


@pytest.mark.parametrize("f", BENT.values(), ids=BENT)
@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_slope_that_is_bent_at_0_is_looked_at_more_closely(f, size, seed):
    rng = np.random.default_rng(seed)
    net, X = initialize((3, 4, 2), (f, identity), rng), size * rng.normal(size=(5, 3))
    X[0] = 0
    gradient_ledger(net, X, rng.normal(size=(5, 2)), squared_error).assert_agree()


@pytest.mark.parametrize("f", [(identity,), (relu, identity)], ids=len)
@pytest.mark.parametrize("seed", range(20))
def test_a_perfect_fit_of_large_numbers_is_no_disagreement(f, seed):
    """A − Y is rounding alone, of numbers up to 255."""
    rng = np.random.default_rng(seed)
    net, X = initialize((4, 5, 1)[-len(f) - 1:], f, rng), None
    X = rng.integers(0, 256, (4, net.W[1].shape[1]))
    gradient_ledger(net, X, forward(net, X).A[len(f)], squared_error).assert_agree()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("steep", [1.0, 20.0])
def test_a_saturated_unit_is_no_disagreement(seed, steep):
    """log(1 − a) has lost its digits where a is nearly 1."""
    log = "log of A, and of 1 − A"
    bce = Loss(log, lambda A, Y: -(Y * library(A).log(A) + (1 - Y) * library(A).log(1 - A)).sum() / len(Y),
               lambda A, Y: ((1 - Y) / (1 - A) - Y / A) / len(Y))
    rng = np.random.default_rng(seed)
    net = initialize((3, 4, 1), (tanh, sigmoid), rng)
    net = net._replace(W={l: steep * W for l, W in net.W.items()})
    try:
        with np.errstate(all="ignore"):
            gradient_ledger(net, rng.normal(size=(6, 3)), 1.0 * rng.integers(0, 2, (6, 1)), bce).assert_agree()
    except ValueError as error:
        assert "expected finite numbers only" in str(error)  # log 0


@pytest.mark.parametrize("seed", range(20))
def test_inputs_that_a_bias_brings_back_to_0_are_no_disagreement(seed):
    rng = np.random.default_rng(seed)
    net, X = initialize((3, 4, 2), (tanh, identity), rng), 1e6 + rng.normal(size=(6, 3))
    net.b[1][...] = -net.W[1] @ X.mean(0)
    gradient_ledger(net, X, rng.normal(size=(6, 2)), squared_error).assert_agree()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("away", [1e-3, 1e-5])
def test_a_loss_s_kink_close_by_is_no_disagreement(seed, away):
    hinge = Loss("hinge", lambda A, Y: library(A).clip(1 - A * Y, 0, None).sum() / len(Y),
                 lambda A, Y: -Y * (A * Y < 1) / len(Y))
    rng = np.random.default_rng(seed)
    net, X = initialize((3, 4, 2), (tanh, identity), rng), rng.normal(size=(5, 3))
    A = forward(net, X).A[2]
    gradient_ledger(net, X, (1 + away * rng.normal(size=A.shape)) / A, hinge).assert_agree()


def test_gradients_in_single_precision_are_right_to_single_precision():
    X, Y, net = lecture_example("numpy")
    single = convert(net, np.float32)
    trace = forward(single, X.astype(np.float32))
    manual = backward(single, trace, cross_entropy.gradient(trace.A[3], Y.astype(np.float32)))
    gradient_ledger(single, X.astype(np.float32), Y, cross_entropy, manual).assert_agree()
    wrong = manual._replace(dW={**manual.dW, 2: manual.dW[2] * np.float32(1.0001)})
    assert verdicts(single, X.astype(np.float32), Y, cross_entropy, wrong)["dW[2]"].startswith("disagrees")


def test_autograd_has_no_say_where_its_own_number_is_nan():
    """torch's where multiplies the slope of √ at 0, which is infinite, by 0."""
    root = Activation("root", lambda Z: library(Z).where(Z > 0, abs(Z) ** 0.5, 0.0 * Z),
                      lambda dA, A: dA * np.where(A > 0, 0.5 / np.where(A > 0, A, 1), 0))
    net = MLP({1: np.eye(2)}, {1: np.zeros(2)}, {1: root})
    X = np.array([[0.0, 1.0], [4.0, 2.0]])
    assert not [name for name, v in verdicts(net, X, X / 2, squared_error).items() if v.startswith("disagree")]


def test_a_gradient_that_is_not_finite_is_refused_by_its_name():
    net = MLP({1: np.eye(2)}, {1: np.zeros(2)}, {1: softmax})
    with pytest.raises(ValueError, match=r"dA\[1\]\[0, 0\] is -inf, expected finite"):
        gradient_ledger(net, np.array([[0.0, 715.0]]), np.array([[1.0, 0.0]]), cross_entropy)


def test_labels_and_gradients_of_the_parameters_alone_can_be_compared():
    nll = Loss("labels", lambda A, y: -library(A).log(A[range(len(y)), y[:, 0]]).mean(),
               lambda A, y: -one_hot(y[:, 0], A.shape[1]) / A / len(y))
    rng = np.random.default_rng(0)
    net, X, labels = initialize((3, 4, 2), (tanh, softmax), rng), rng.normal(size=(5, 3)), rng.integers(0, 2, (5, 1))
    gradient_ledger(net, X, labels.astype("uint8"), nll).assert_agree()
    rows = gradient_ledger(net, X, one_hot(labels[:, 0], 2), cross_entropy,
                           accumulate(net, X, one_hot(labels[:, 0], 2), cross_entropy)).rows
    assert [row.name for row in rows] == ["dW[2]", "db[2]", "dW[1]", "db[1]"] and all(row.agrees for row in rows)
    assert gradient_ledger(net, X, labels, nll, nudge=False).rows[0].reached == ("< 1e-12", "–")


@pytest.mark.parametrize("manual, error, words", [
    ({"dW": {}}, TypeError, "manual is {'dW': {}}, expected Gradients"),
    (Gradients({}, {}, {1: np.eye(2)}, {}), ValueError, r"dA\[1\] is missing from the gradients")])
def test_gradients_that_are_none_are_refused(manual, error, words):
    with pytest.raises(error, match=words):
        gradient_ledger(MLP({1: np.eye(2)}, {1: np.zeros(2)}, {1: identity}), XOR, XOR, squared_error, manual)


def test_torch_s_default_precision_is_left_as_it_was_by_many_threads_at_once():
    X, Y, net = lecture_example("numpy")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: autograd_gradients(net, X, Y, cross_entropy), range(64)))
    assert torch.get_default_dtype() == torch.float32


# No wrong one is acquitted --------------------------------------------------------------------------------------------

WRONG = {
    "mask of A >= 0": lambda dA, A: dA * (A >= 0),
    "mask of dA": lambda dA, A: dA * (dA > 0),
    "half at 0": lambda dA, A: dA * ((A > 0) + 0.5 * (A == 0)),
    "one at 0": lambda dA, A: dA * ((A > 0) + 1.0 * (A == 0)),
    "slope 0.9": lambda dA, A: dA * (A > 0) * 0.9,
}


@pytest.mark.parametrize("pullback", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_derivative_of_relu_is_caught_beside_a_kink(seed, pullback):
    net, X, Y = fresh(seed, relu._replace(pullback=pullback))
    X[0] = 0
    with pytest.raises(AssertionError, match="disagree"):
        gradient_ledger(net, X, Y, cross_entropy).assert_agree()


@pytest.mark.parametrize("at_0", [0.5, 1.0])
def test_a_derivative_that_is_wrong_at_the_kink_alone_is_caught_by_autograd(at_0):
    wrong = relu._replace(pullback=lambda dA, A: dA * ((A > 0) + at_0 * (A == 0)))
    net = MLP({1: np.eye(2), 2: np.ones((2, 2))}, {1: np.zeros(2), 2: np.array([1.0, 2.0])}, {1: wrong, 2: identity})
    found = verdicts(net, np.zeros((1, 2)), np.array([[5.0, -3.0]]), squared_error)
    assert found["dZ[1]"].startswith("disagrees with autograd") and "differences" not in found["dZ[1]"]
    assert found["dA[1]"] == "agree"
    right = verdicts(net._replace(f={1: relu, 2: identity}), np.zeros((1, 2)), np.array([[5.0, -3.0]]), squared_error)
    assert set(right.values()) <= {"agree", "agree (kink)"}


def test_a_gradient_wrong_in_one_entry_beside_kinks_is_caught():
    net, X, Y = fresh(1)
    X[0] = 0
    right = autograd_gradients(net, X, Y, cross_entropy)
    wrong = right._replace(dZ={**right.dZ, 2: right.dZ[2] * np.where(np.arange(20)[:, None] == 7, 1.01, 1)})
    found = verdicts(net, X, Y, cross_entropy, manual=wrong)
    assert found["dZ[2]"].startswith("disagrees with autograd and differences")
    assert {v for name, v in found.items() if name != "dZ[2]"} <= {"agree", "agree (kink)"}


@pytest.mark.parametrize("scheme, depth", [("xavier", 12), ("xavier", 15), ("centred", 12), ("rand", 8)])
def test_a_gradient_that_has_vanished_is_still_compared(scheme, depth):
    """Of 15 sigmoid layers the first has gradients of 4e-12: rounding is a share of that, not of 1."""
    net = initialize((6,) * depth + (2,), (sigmoid,) * depth, np.random.default_rng(0), scheme)
    X, Y = np.random.default_rng(1).normal(size=(5, 6)), np.eye(2)[[0, 1, 0, 1, 1]]
    right = autograd_gradients(net, X, Y, squared_error)
    for factor in (-1, 0, 1.01, 2):
        wrong = right._replace(dW={**right.dW, 1: factor * right.dW[1]})
        found = verdicts(net, X, Y, squared_error, wrong, nudge=False)
        assert [name for name, v in found.items() if v.startswith("disagrees")] == ["dW[1]"]


def test_a_small_number_where_all_gradients_are_0_is_caught():
    net = initialize((3, 4, 2), (relu, identity), np.random.default_rng(0))
    net.b[1][...] = -100
    X, Y = np.random.default_rng(1).normal(size=(5, 3)), np.ones((5, 2))
    right = autograd_gradients(net, X, Y, squared_error)
    assert not right.dW[1].any()
    wrong = right._replace(dW={**right.dW, 1: np.full((4, 3), 9e-10)})
    assert verdicts(net, X, Y, squared_error, wrong)["dW[1]"].startswith("disagrees with autograd and differences")


def test_what_kinks_leave_nothing_of_is_not_printed_as_seen():
    """All rows are off in layer 1, all of layer 2 sits at 0: differences have no say in what moves it."""
    net = initialize((2, 4, 4, 2), (relu, relu, identity), np.random.default_rng(0))
    net.b[1][...] = -100
    rows = {row.name: row for row in gradient_ledger(net, np.ones((3, 2)), np.ones((3, 2)), squared_error).rows}
    assert rows["db[2]"].reached == ("< 1e-12", "–") and rows["db[2]"].verdict == "agree (kink)"
    assert rows["dW[3]"].verdict == "agree"


# What differences find, and how sure they are -------------------------------------------------------------------------


def test_the_slope_of_a_smooth_network_is_found_to_eight_digits_with_little_doubt():
    X, Y, net = lecture_example("numpy")
    found, doubt = differences(net, X, Y, cross_entropy)
    exact = autograd_gradients(net, X, Y, cross_entropy)
    for kind in Gradients._fields:
        for l, right in getattr(exact, kind).items():
            assert abs(getattr(found, kind)[l] - right).max() < 5e-9 * abs(right).max()
            assert getattr(doubt, kind)[l].max() < 1e-6


def test_a_kink_has_an_infinite_doubt_and_its_neighbours_none():
    found, doubt = differences(unit(1.0, 1.0), XOR, np.array([[0.3], [1], [1], [0.3]]), squared_error)
    assert np.isinf(doubt.dZ[1]).tolist() == [[True, True], [False, False], [False, False], [True, True]]
    assert np.isfinite(doubt.dZ[2]).all() and np.isfinite(doubt.dA[1]).all()
    assert found.dA[0].shape == doubt.dA[0].shape == (4, 2)


@pytest.mark.parametrize("f, at", [(relu, 0.0), (Activation("hard", lambda Z: np.clip(Z, -1, 1), None), 1.0),
                                   (Activation("leaky", lambda Z: np.where(Z > 0, Z, 0.9 * Z), None), 0.0),
                                   (Activation("abs", abs, None), 0.0)], ids=lambda f: getattr(f, "name", ""))
def test_a_kink_of_an_activation_is_found_where_it_is(f, at):
    Z = np.array([[at, at + 0.3], [at - 0.4, at], [at + 1e-9, 5.0]])
    assert kinks(f, Z).tolist() == [[True, False], [False, True], [True, False]]


@pytest.mark.parametrize("f", [identity, sigmoid, tanh, softmax, Activation("square", lambda Z: Z * Z, None),
                               Activation("sine", np.sin, None)], ids=lambda f: f.name)
def test_a_smooth_activation_has_no_kink(f):
    Z = np.vstack([np.zeros((1, 3)), np.random.default_rng(0).normal(size=(50, 3)) * [0.01, 1, 100], [[1e8, -1e8, 3]]])
    assert not kinks(f, Z).any()


def test_relu_is_not_bent_away_from_0():
    Z = np.random.default_rng(0).normal(size=(200, 3)) * [1, 100, 1e9]
    assert not kinks(relu, Z[abs(Z).min(1) > 0.01]).any()


# The rule itself ------------------------------------------------------------------------------------------------------


def battery(utils):
    """What must hold of the referee, of a copy of the mathematics; raises where it does not."""
    ledger, MLP, losses, f = utils.autograd.gradient_ledger, utils.mlp.MLP, utils.losses, utils.activations
    Y, eye, none = np.array([[0.3], [0.2], [0.7], [0.1]]), np.eye(2), np.zeros(2)
    folded, straight = unit(1.0, 1.0), unit(1.0, -1.0)
    deep = MLP({1: eye, 2: straight.W[1], 3: straight.W[2]}, {1: none, 2: none, 3: straight.b[2]},
               {1: f.identity, 2: f.relu, 3: f.identity})
    linear = MLP({1: eye}, {1: none}, {1: f.identity})
    steep = MLP({1: eye, 2: eye, 3: np.array([[1e4, -1e4], [1e4, -1e4]])}, {1: none, 2: none, 3: none},
                {1: f.identity, 2: f.identity, 3: f.tanh})
    over = losses.Loss("over", lambda A, Y: ((A - Y) * (A > Y)).sum(), lambda A, Y: 1.0 * (A > Y))

    # Right gradients: at kinks that add up, that cancel, of the loss; at numbers tiny, huge, and on a steep slope.
    assert said(ledger(folded, XOR, Y, losses.squared_error)) == {"agree", "agree (kink)"}
    assert said(ledger(deep, XOR, Y, losses.squared_error)) == {"agree", "agree (kink)"}
    assert said(ledger(linear, XOR, XOR.copy(), over)) == {"agree (kink)"}
    for net, X, T, loss in ((linear, np.array([[1e-12, 1.0], [0.5, 0.5]]), eye, losses.cross_entropy),
                            (linear, np.array([[1e-30, 1.0], [0.5, 0.5]]), eye, losses.cross_entropy),
                            (linear, 1e11 * XOR[1:], XOR[1:], losses.squared_error),
                            (linear, 1e15 * XOR[1:], XOR[1:], losses.squared_error),
                            (linear, XOR, XOR + 1e-9, losses.squared_error),
                            (steep, 0.5 * XOR[[0, 3]] + [0, 1e-5], eye, losses.squared_error)):
        assert said(ledger(net, X, T, loss)) <= {"agree", "agree (kink)"}
        found, doubt = utils.differences.differences(net, X, T, loss)
        right = utils.autograd.autograd_gradients(net, X, T, loss)
        assert all((abs(found.dA[l] - right.dA[l]) <= 1e-5 * abs(right.dA[l]).max()).all() for l in right.dA)
        assert all(np.isfinite(doubt.dA[l]).all() for l in right.dA)

    # Wrong ones: caught by both, and by both beside a kink; wrong at a kink alone, by autograd.
    right = utils.autograd.autograd_gradients(folded, XOR, Y, losses.squared_error)
    for change in (lambda g: 1.001 * g, lambda g: g * np.nan):
        for kind, l in (("dW", 2), ("dZ", 2), ("db", 2), ("dA", 2)):
            wrong = right._replace(**{kind: {**getattr(right, kind), l: change(getattr(right, kind)[l])}})
            rows = ledger(folded, XOR, Y, losses.squared_error, wrong).rows
            assert [row.name for row in rows if not row.agrees] == [f"{kind}[{l}]"]
            assert all("autograd and differences" in row.verdict for row in rows if not row.agrees)
    beside = {1: right.dZ[1] * np.array([[1], [1.001], [1], [1]])}
    assert "autograd and differences" in " ".join(said(ledger(folded, XOR, Y, losses.squared_error,
                                                              right._replace(dZ={**right.dZ, **beside}))))
    one_at_0 = folded._replace(f={1: f.relu._replace(pullback=lambda dA, A: dA * (A >= 0)), 2: f.identity})
    assert "disagrees with autograd (kink)" in said(ledger(one_at_0, XOR[:1], Y[:1], losses.squared_error))


def said(ledger):
    return {row.verdict for row in ledger.rows}


MUTANTS = {
    "kinks are overlooked": ("differences", {"found[:, j] = (": "found[:, j] = False & ("}),
    "a moved unit is overlooked": ("differences", {"return loss, moved or further": "return loss, further"}),
    "a unit further on is overlooked": ("differences", {"return loss, moved or further": "return loss, moved"}),
    "every unit is a kink": ("differences", {"found[:, j] = (": "found[:, j] = True | ("}),
    "a kink of the loss is overlooked": ("differences", {"near.is_kink_beside(half)": "False"}),
    "a curve is a kink": ("differences", {"self.bend > 0.75 * wider.bend and": "True and"}),
    "no closer look": ("differences", {"elif look.fits() and (expected": "elif True or (expected"}),
    "a nudge only for size 1": ("differences", {"np.outer([1.0, abs(x[i]) or 1.0], LADDER).ravel()": "LADDER"}),
    "no nudge but the first": ("differences", {"-np.array([0, 1, 2, 4, 6])": "-np.array([0])"}),
    "autograd is not asked": ("ledger", {"gap(*told, noise[known]) / scale": "0.0"}),
    "kinks excuse their neighbours": ("ledger", {"np.isfinite(doubt)": "np.isfinite(doubt.max() + 0 * doubt)"}),
    "kinks excuse nothing": ("ledger", {"np.isfinite(doubt)": "doubt >= 0"}),
    "kinks are not told": ("ledger", {'verdict + " (kink)" * (asked and not sure.all())': "verdict"}),
    "nan passes": ("ledger", {"if not found <= BOUNDS[who]": "if found > BOUNDS[who]",
                              "if not np.isfinite(manual).all():": "if False:"}),
}


def test_the_referee_as_it_is_passes_the_battery():
    battery(code())


@pytest.mark.parametrize("module, replace", MUTANTS.values(), ids=MUTANTS)
def test_a_referee_that_is_wrong_is_noticed(module, replace):
    mutant = code(module, replace)
    with pytest.raises((Exception, pytest.fail.Exception)):
        battery(mutant)
