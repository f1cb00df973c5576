"""Centred differences know what they can say: near a kink, on numbers large and small, and where a line is curved."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutation import code

from utils.activations import ACTIVATIONS, Activation, identity, relu, sigmoid, softmax, tanh
from utils.autograd import autograd_gradients, gradient_ledger
from utils.datasets import circle, lecture_example
from utils.differences import differences, kinks
from utils.losses import Loss, cross_entropy, one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, Gradients, initialize
from utils.training import train

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
    assert set(verdicts(net, XOR, XOR.copy(), absolute).values()) == {"agree"}  # ½ (1 − 1) = 0: right by chance
    assert set(verdicts(net, XOR, XOR + np.array([0.0, 0.5]), absolute).values()) == {"agree"}


@given(st.integers(0, 10**6), st.sampled_from(["relu", "tanh", "sigmoid"]), st.integers(1, 4), st.floats(0.01, 1000))
def test_no_right_gradient_is_accused(seed, name, width, size):
    """Networks with b = 0, rows of zeros, inputs of every size."""
    rng = np.random.default_rng(seed)
    net = initialize((2, width, width, 2), (ACTIVATIONS[name],) * 2 + (identity,), rng)
    X = size * rng.normal(size=(5, 2))
    X[0] = 0
    gradient_ledger(net, X, one_hot(rng.integers(0, 2, 5), 2), softmax_cross_entropy).assert_agree()


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
        assert said(ledger(net, X, T, loss)) == {"agree"}
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
    "a kink of the loss is overlooked": ("differences", {"half.at_kink or half.is_kink_beside(wide)": "half.at_kink"}),
    "a curve is a kink": ("differences", {"self.bend > 0.75 * wider.bend and": "True and"}),
    "no closer look": ("differences", {"if look.fits() else": "if True else"}),
    "a nudge only for size 1": ("differences", {"np.outer([1.0, abs(x[i]) or 1.0], LADDER).ravel()": "LADDER"}),
    "no nudge but the first": ("differences", {"-np.array([0, 1, 2, 4, 6])": "-np.array([0])"}),
    "autograd is not asked": ("ledger", {"= gap(manual, autograd, noise) / scale": "= 0.0"}),
    "kinks excuse their neighbours": ("ledger", {"np.isfinite(doubt)": "np.isfinite(doubt.max() + 0 * doubt)"}),
    "kinks excuse nothing": ("ledger", {"np.isfinite(doubt)": "doubt >= 0"}),
    "kinks are not told": ("ledger", {'verdict + " (kink)" * kink': "verdict"}),
    "nan passes": ("ledger", {"if not found <= BOUNDS[who]": "if found > BOUNDS[who]"}),
}


def test_the_referee_as_it_is_passes_the_battery():
    battery(code())


@pytest.mark.parametrize("module, replace", MUTANTS.values(), ids=MUTANTS)
def test_a_referee_that_is_wrong_is_noticed(module, replace):
    mutant = code(module, replace)
    with pytest.raises((Exception, pytest.fail.Exception)):
        battery(mutant)
