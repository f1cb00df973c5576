"""What does not fit is refused at the door, in a sentence: which array, what it has, what was expected."""

import itertools
import math
import pickle
import re
import warnings

import numpy as np
import pytest
import torch

from utils import datasets
from utils.activations import Activation, identity, relu, sigmoid, softmax, softmax_jacobian
from utils.arrays import check_count, check_finite, check_matrix, check_positive, check_same, library
from utils.autograd import autograd_gradients, gradient_ledger
from utils.derivatives import difference_quotient, numerical_gradient
from utils.descent import (
    LECTURE,
    Quadratic,
    backtracking,
    decaying,
    exact_line_search,
    fixed,
    gradient_descent,
    sign_descent,
    small_change,
    small_gradient,
)
from utils.losses import cross_entropy, one_hot, softmax_cross_entropy, squared_error
from utils.mlp import MLP, backward, convert, descend, forward, initialize, load, predict, save
from utils.training import accumulate, train

nan, inf = float("nan"), float("inf")


def rng():
    return np.random.default_rng(0)


NET = initialize((5, 4, 3), (sigmoid, softmax), rng())
LOGITS = initialize((5, 4, 3), (sigmoid, identity), rng())
X, Y = rng().normal(size=(2, 5)), np.eye(3)[[0, 2]]
TENSORS = convert(NET, lambda v: torch.tensor(v).float())
TRACE = forward(NET, X)
GRADIENTS = backward(NET, TRACE, np.ones((2, 3)))
A = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
START = np.array([2.0, 1.0])
ROW = np.array([0.2, 0.8])


def put(M, place, value):
    """Return a copy of M with one other entry."""
    M = M.copy()
    M[place] = value
    return M


def net_with(**families):
    """Return NET with other W or b in some layers."""
    return MLP({**NET.W, **families.get("W", {})}, {**NET.b, **families.get("b", {})}, NET.f)


def bowl(rate=0.1, start=START, f=LECTURE.value, gradient=LECTURE.gradient, **options):
    return gradient_descent(f, gradient, start, rate, **options)


def fit(X=X, Y=Y, net=NET, loss=cross_entropy, rate=0.1, epochs=2, **options):
    return train(net, X, Y, loss, rate, epochs, **options)


CASES = {
    # arrays
    "library of a list": (lambda: library([1.0]), TypeError, "NumPy array", "torch tensor", "list"),
    "library of a number": (lambda: library(1.0), TypeError, "NumPy array", "torch tensor", "float"),
    "matrix of text": (lambda: check_matrix("M", np.array([["a"]])), TypeError, "M holds", "<U1", "real numbers"),
    "matrix of complex": (lambda: check_matrix("M", np.array([[1j]])), TypeError, "M holds", "complex128"),
    "matrix with one axis": (lambda: check_matrix("M", np.ones(3)), ValueError, "M has shape (3,)", "two axes"),
    "matrix without rows": (lambda: check_matrix("M", np.ones((0, 3))), ValueError, "M has shape (0, 3)", "one row"),
    "infinite number": (lambda: check_finite("v", np.array([1, inf])), ValueError, "v[1] is inf", "finite"),
    "different shapes": (lambda: check_same("P", A, "Q", A.T), ValueError, "Q has shape (3, 2)", "P has (2, 3)"),
    "different libraries": (
        lambda: check_same("P", A, "Q", torch.tensor(A)),
        ValueError,
        "P is a numpy",
        "Q is a torch",
    ),
    "positive true": (lambda: check_positive("rate", True), TypeError, "rate is True", "positive number"),
    "positive complex": (lambda: check_positive("rate", 1 + 1j), TypeError, "rate is (1+1j)", "a positive number"),
    "count of a half": (lambda: check_count("n", 1.5), TypeError, "n is 1.5", "whole number"),
    "count of true": (lambda: check_count("n", True), TypeError, "n is True", "whole number"),
    "count of none": (lambda: check_count("n", 0), ValueError, "n is 0", "at least 1"),
    # derivatives
    "nudge of 0": (lambda: difference_quotient(np.sin, 1.0, 0), ValueError, "h is 0", "other than 0"),
    "nudge of nan": (lambda: difference_quotient(np.sin, 1.0, nan), ValueError, "h is nan", "finite"),
    "nudge of text": (lambda: difference_quotient(np.sin, 1.0, "1"), ValueError, "h is '1'", "finite number"),
    "slope at nan": (lambda: difference_quotient(np.sin, nan, 0.1), ValueError, "x is nan", "finite"),
    "slope at an infinite entry": (
        lambda: difference_quotient(np.sin, np.array([0, -inf]), 0.1),
        ValueError,
        "x[1] is -inf",
        "finite",
    ),
    "gradient with a nudge of 0": (lambda: numerical_gradient(np.sum, ROW, 0.0), ValueError, "h is 0.0"),
    "gradient at a list": (lambda: numerical_gradient(np.sum, [1.0, 2.0]), TypeError, "NumPy array", "list"),
    "gradient at integers": (lambda: numerical_gradient(np.sum, np.array([1, 2])), TypeError, "x holds int", "floats"),
    "gradient at integer tensors": (
        lambda: numerical_gradient(torch.sum, torch.tensor([1, 2])),
        TypeError,
        "x holds torch.int64",
        "floats",
    ),
    "gradient at nan": (lambda: numerical_gradient(np.sum, put(ROW, 1, nan)), ValueError, "x[1] is nan", "finite"),
    "gradient of a vector": (lambda: numerical_gradient(lambda x: 2 * x, ROW), ValueError, "shape (2,)", "one number"),
    # descent
    "H not square": (lambda: Quadratic(np.ones((2, 3))), ValueError, "H has shape (2, 3)", "square"),
    "H with one axis": (lambda: Quadratic([1, 2]), ValueError, "H has shape (2,)", "square"),
    "H not symmetric": (lambda: Quadratic([[1, 2], [3, 4]]), ValueError, "H is not symmetric", "H[j, i]"),
    "H with nan": (lambda: Quadratic([[nan]]), ValueError, "H[0, 0] is nan", "finite"),
    "value off the plane": (lambda: LECTURE.value(np.ones(3)), ValueError, "x has shape (3,)", "last axis of 2"),
    "gradient off the plane": (lambda: LECTURE.gradient(1.0), ValueError, "x has shape ()", "last axis of 2"),
    "rate of 0": (lambda: bowl(rate=0), ValueError, "rate is 0", "greater than 0"),
    "rate below 0": (lambda: bowl(rate=-0.1), ValueError, "rate is -0.1", "greater than 0"),
    "rate nan": (lambda: bowl(rate=nan), ValueError, "rate is nan", "greater than 0"),
    "rate of text": (lambda: bowl(rate="0.1"), TypeError, "rate is '0.1'", "positive number"),
    "no rate": (lambda: bowl(rate=None), TypeError, "rate is None", "positive number"),
    "fixed rate below 0": (lambda: fixed(-1), ValueError, "rate is -1", "greater than 0"),
    "decay of 0": (lambda: decaying(0.1, 0), ValueError, "decay is 0", "greater than 0"),
    "line search without H": (lambda: exact_line_search(LECTURE.value), TypeError, "Quadratic", "needs H"),
    "shrink of 1": (lambda: backtracking(shrink=1), ValueError, "shrink is 1", "below 1"),
    "slope of 2": (lambda: backtracking(slope=2), ValueError, "slope 2", "below 1"),
    "small change of 0": (lambda: small_change(0), ValueError, "eps is 0", "greater than 0"),
    "small gradient of text": (lambda: small_gradient("1"), TypeError, "eps is '1'", "positive number"),
    "start nan": (lambda: bowl(start=[nan, 1]), ValueError, "start[0] is nan", "finite"),
    "start a matrix": (lambda: bowl(start=np.ones((2, 2))), ValueError, "start has shape (2, 2)", "(d,)"),
    "start nowhere": (lambda: bowl(start=[]), ValueError, "start has shape (0,)", "a point"),
    "start in 3-D": (lambda: bowl(start=[1, 2, 3]), ValueError, "x has shape (3,)", "last axis of 2"),
    "no steps": (lambda: bowl(max_steps=0), ValueError, "max_steps is 0", "at least 1"),
    "half a step": (lambda: bowl(max_steps=1.5), TypeError, "max_steps is 1.5", "whole number"),
    "stop a number": (lambda: bowl(stop=1e-3), TypeError, "stop", "0.001", "small_gradient"),
    "stop a list of numbers": (lambda: bowl(stop=[1e-3]), TypeError, "stop", "0.001", "small_gradient"),
    "stop a rule without its eps": (lambda: bowl(stop=small_gradient), TypeError, "stop", "small_gradient"),
    "f of vectors": (lambda: bowl(f=lambda x: x), ValueError, "f(x) has shape (2,)", "one number"),
    "f infinite at the start": (lambda: bowl(f=lambda x: inf), ValueError, "f(start) is inf", "finite"),
    "gradient a number": (lambda: bowl(gradient=lambda x: 1.0), ValueError, "gradient(x) has shape ()", "(2,)"),
    "sign descent backwards": (
        lambda: sign_descent(LECTURE.value, LECTURE.gradient, START, -1),
        ValueError,
        "step is -1",
        "greater than 0",
    ),
    # activations
    "jacobian of a batch": (lambda: softmax_jacobian(A), ValueError, "a has shape (2, 3)", "(d,)"),
    "jacobian of nothing": (lambda: softmax_jacobian(np.ones(0)), ValueError, "a has shape (0,)", "(d,)"),
    "jacobian of nan": (lambda: softmax_jacobian(put(ROW, 0, nan)), ValueError, "a[0] is nan", "finite"),
    "jacobian of a list": (lambda: softmax_jacobian([0.5, 0.5]), TypeError, "NumPy array", "list"),
    # one_hot
    "label too large": (lambda: one_hot([0, 3], 3), ValueError, "labels[1] is 3", "0 to 2"),
    "label below 0": (lambda: one_hot(np.array([-1, 0]), 3), ValueError, "labels[0] is -1", "0 to 2"),
    "tensor label too large": (lambda: one_hot(torch.tensor([0, 1, 5]), 3), ValueError, "labels[2] is 5", "0 to 2"),
    "labels not whole": (lambda: one_hot([0.0, 1.0], 3), TypeError, "labels holds float64", "whole numbers"),
    "labels true and false": (lambda: one_hot([True, False], 3), TypeError, "labels holds bool", "whole numbers"),
    "labels in two axes": (lambda: one_hot([[0], [1]], 3), ValueError, "labels has shape (2, 1)", "(N,)"),
    "one label alone": (lambda: one_hot(1, 3), ValueError, "labels has shape ()", "(N,)"),
    "no labels": (lambda: one_hot([], 3), ValueError, "labels has shape (0,)", "(N,)"),
    "no classes": (lambda: one_hot([0], 0), ValueError, "classes is 0", "at least 1"),
    "half a class": (lambda: one_hot([0], 2.5), TypeError, "classes is 2.5", "whole number"),
    # mlp
    "input alone": (lambda: initialize((5,), (), rng()), ValueError, "sizes is [5]", "input and an output"),
    "width 0": (lambda: initialize((5, 0), (sigmoid,), rng()), ValueError, "sizes[1] is 0", "at least 1"),
    "width 2.5": (lambda: initialize((2.5, 1), (sigmoid,), rng()), TypeError, "sizes[0] is 2.5", "whole number"),
    "sizes a number": (lambda: initialize(5, (sigmoid,), rng()), TypeError, "sizes is 5", "widths"),
    "activations too few": (lambda: initialize((5, 4, 3), (sigmoid,), rng()), ValueError, "1 activations", "2 layers"),
    "one activation for all": (lambda: initialize((5, 4), sigmoid, rng()), TypeError, "activations", "one for each"),
    "activation by name": (
        lambda: initialize((5, 4), ("sigmoid",), rng()),
        TypeError,
        "activation 1 is 'sigmoid'",
        "expected an Activation",
    ),
    "a seed for rng": (lambda: initialize((5, 4), (sigmoid,), 0), TypeError, "rng is 0", "default_rng"),
    "unknown scheme": (
        lambda: initialize((5, 4), (sigmoid,), rng(), "xaver"),
        ValueError,
        "scheme is 'xaver'",
        "xavier",
    ),
    "X too narrow": (lambda: forward(NET, X[:, :4]), ValueError, "X has 4 columns", "W[1] takes 5"),
    "X a single row": (lambda: forward(NET, X[0]), ValueError, "X has shape (5,)", "(N, 5)"),
    "X in three axes": (lambda: forward(NET, X[None]), ValueError, "X has shape (1, 2, 5)", "(N, 5)"),
    "X without rows": (lambda: forward(NET, X[:0]), ValueError, "X has shape (0, 5)", "(N, 5)"),
    "X a list": (lambda: forward(NET, X.tolist()), TypeError, "NumPy array", "list"),
    "X a tensor": (lambda: forward(NET, torch.tensor(X)), ValueError, "X is a torch", "W[1]"),
    "W[2] too wide": (
        lambda: forward(net_with(W={2: np.ones((3, 5))}), X),
        ValueError,
        "A[1] has 4 columns",
        "W[2] takes 5",
    ),
    "W[1] a row": (lambda: forward(net_with(W={1: np.ones(5)}), X), ValueError, "W[1] has shape (5,)", "(m, n)"),
    "b[2] too long": (lambda: forward(net_with(b={2: np.ones(4)}), X), ValueError, "b[2] (4,)", "(m,)"),
    "b[1] a tensor": (lambda: forward(net_with(b={1: torch.ones(4)}), X), ValueError, "b[1]", "one library"),
    "X double tensors": (
        lambda: forward(TENSORS, torch.tensor(X)),
        ValueError,
        "X holds torch.float64",
        "W[1] holds torch.float32",
    ),
    "b[2] double tensors": (
        lambda: forward(TENSORS._replace(b={**TENSORS.b, 2: torch.zeros(3).double()}), torch.tensor(X).float()),
        ValueError,
        "torch.float32",
        "b[2] holds torch.float64",
    ),
    "dA too narrow": (
        lambda: backward(NET, TRACE, np.ones((2, 2))),
        ValueError,
        "dA has shape (2, 2)",
        "A[2]",
        "(2, 3)",
    ),
    "dA of one row": (lambda: backward(NET, TRACE, np.ones(3)), ValueError, "dA has shape (3,)", "A[2]", "(2, 3)"),
    "dA a list": (lambda: backward(NET, TRACE, [[1, 1, 1]] * 2), TypeError, "dA", "NumPy array", "list"),
    "dA a tensor": (lambda: backward(NET, TRACE, torch.ones(2, 3)), ValueError, "dA is a torch", "A[2]"),
    "descend at 0": (lambda: descend(NET, GRADIENTS, 0), ValueError, "rate is 0", "greater than 0"),
    "descend at inf": (lambda: descend(NET, GRADIENTS, inf), ValueError, "rate is inf", "finite"),
    "descend at an array": (lambda: descend(NET, GRADIENTS, ROW), TypeError, "rate is array", "positive number"),
    "predict nan": (lambda: predict(NET, put(X, (1, 2), nan)), ValueError, "X[1, 2] is nan", "finite"),
    "predict a list": (lambda: predict(NET, X.tolist()), TypeError, "X", "NumPy array", "list"),
    "predict too wide": (lambda: predict(NET, np.ones((2, 6))), ValueError, "X has 6 columns", "W[1] takes 5"),
    # training; the generator is not asked for an epoch: the call itself refuses
    "train a list": (lambda: fit(X=X.tolist()), TypeError, "X", "NumPy array", "list"),
    "train a row": (lambda: fit(X=X[0]), ValueError, "X has shape (5,)", "two axes"),
    "train labels": (lambda: fit(Y=np.array([0, 2])), ValueError, "Y has shape (2,)", "two axes"),
    "train nan": (lambda: fit(X=put(X, (0, 1), nan)), ValueError, "X[0, 1] is nan", "finite"),
    "train too narrow": (lambda: fit(X=X[:, :4]), ValueError, "X has 4 columns", "W[1] takes 5"),
    "train too few targets": (lambda: fit(Y=Y[:1]), ValueError, "X has 2 rows", "Y has 1"),
    "train on other classes": (lambda: fit(Y=np.eye(4)[:2]), ValueError, "Y has shape (2, 4)", "(2, 3)"),
    "train on halves": (lambda: fit(Y=Y / 2), ValueError, "Y[0] sums to 0.5", "expected 1"),
    "train on logits": (lambda: fit(net=LOGITS, X=9 * X), ValueError, "identity outputs", "softmax_cross_entropy"),
    "train on tensors": (lambda: fit(Y=torch.tensor(Y)), ValueError, "A is a numpy", "Y is a torch"),
    "train at 0": (lambda: fit(rate=0), ValueError, "rate is 0", "greater than 0"),
    "train no epochs": (lambda: fit(epochs=0), ValueError, "epochs is 0", "at least 1"),
    "train half an epoch": (lambda: fit(epochs=0.5), TypeError, "epochs is 0.5", "whole number"),
    "train batches of 0": (lambda: fit(batch_size=0), ValueError, "batch_size is 0", "at least 1"),
    "train with a seed": (lambda: fit(rng=0), TypeError, "rng is 0", "NumPy Generator"),
    "accumulate too few targets": (
        lambda: accumulate(NET, X, Y[:1], cross_entropy),
        ValueError,
        "X has 2 rows",
        "Y has shape (1, 3)",
    ),
    "accumulate too many targets": (
        lambda: accumulate(NET, X[:1], Y, cross_entropy),
        ValueError,
        "X has 1 rows",
        "Y has shape (2, 3)",
    ),
    "accumulate nothing": (lambda: accumulate(NET, X[:0], Y[:0], cross_entropy), ValueError, "X has shape (0, 5)"),
    "accumulate too narrow": (
        lambda: accumulate(NET, X[:, :4], Y, cross_entropy),
        ValueError,
        "X has 4 columns",
        "W[1] takes 5",
    ),
    # datasets
    "unknown library": (lambda: datasets.lecture_example("jax"), ValueError, "library is 'jax'", "'torch' or 'numpy'"),
    "no samples": (lambda: datasets.circle(0, 0, rng()), ValueError, "n is 0", "at least 1"),
    "half a sample": (lambda: datasets.gauss(2.5, 0, rng()), TypeError, "n is 2.5", "whole number"),
    "noise below 0": (lambda: datasets.spiral(9, -1, rng()), ValueError, "noise is -1", "at least 0"),
    "noise nan": (lambda: datasets.xor(9, nan, rng()), ValueError, "noise is nan", "finite"),
    "noise of text": (lambda: datasets.circle(9, "0", rng()), ValueError, "noise is '0'", "number"),
    "samples from a seed": (lambda: datasets.xor(9, 0, 0), TypeError, "rng is 0", "default_rng"),
    "all kept back": (lambda: datasets.digits(test_share=1), ValueError, "test_share is 1", "between 0 and 1"),
    "a share of text": (lambda: datasets.digits(test_share="a"), ValueError, "test_share is 'a'", "between 0 and 1"),
    "a share of nan": (lambda: datasets.digits(test_share=nan), ValueError, "test_share is nan", "between 0 and 1"),
    "a complex share": (lambda: datasets.digits(test_share=1j), ValueError, "test_share is 1j", "between 0 and 1"),
    "none kept back": (lambda: datasets.digits(1e-10), ValueError, "test_share is 1e-10", "0 for the test"),
    "none to learn": (lambda: datasets.digits(0.9999), ValueError, "test_share is 0.9999", "0 samples to learn from"),
    "none kept, in order": (lambda: datasets.digits(1e-10, None), ValueError, "test_share is 1e-10", "at least one"),
    "none to learn, in order": (lambda: datasets.digits(0.9999, None), ValueError, "test_share is 0.9999", "0 samples"),
    "seed below 0": (lambda: datasets.digits(seed=-1), ValueError, "seed is -1", "from 0 to", "None for the file's"),
    "seed of a half": (lambda: datasets.digits(seed=0.5), ValueError, "seed is 0.5", "a whole number"),
    "seed true": (lambda: datasets.digits(seed=True), ValueError, "seed is True", "a whole number"),
    "seed of text": (lambda: datasets.digits(seed="0"), ValueError, "seed is '0'", "a whole number"),
    "a generator as seed": (lambda: datasets.digits(seed=rng()), ValueError, "seed is Generator", "a whole number"),
    # autograd
    "ledger too narrow": (
        lambda: gradient_ledger(NET, X[:, 1:], Y, cross_entropy),
        ValueError,
        "X has 4 columns",
        "W[1] takes 5",
    ),
    "ledger of too few targets": (
        lambda: gradient_ledger(NET, X, Y[:1], cross_entropy),
        ValueError,
        "Y has shape (1, 3)",
        "(2, 3)",
    ),
    "ledger of nan": (lambda: gradient_ledger(NET, put(X, (0, 0), nan), Y, cross_entropy), ValueError, "nan", "finite"),
    "autograd too narrow": (
        lambda: autograd_gradients(NET, X[:, 1:], Y, cross_entropy),
        ValueError,
        "X has 4 columns",
        "W[1] takes 5",
    ),
    "autograd of integers": (
        lambda: autograd_gradients(NET, np.ones((2, 5), int), Y, cross_entropy),
        TypeError,
        "X holds int64",
        "floats",
    ),
}

LOSSES = {
    "squared_error": squared_error,
    "cross_entropy": cross_entropy,
    "softmax_cross_entropy": softmax_cross_entropy,
}
LOSS_CASES = {  # (A, Y, exception, fragments), for value and gradient of every loss
    "columns": (A, Y[:, :2], ValueError, "Y has shape (2, 2)", "A has (2, 3)"),
    "rows": (A, Y[:1], ValueError, "Y has shape (1, 3)", "A has (2, 3)"),
    "one row without its axis": (A[0], Y[0], ValueError, "A has shape (3,)", "two axes"),
    "labels for rows": (A, np.array([0, 2]), ValueError, "Y has shape (2,)", "two axes"),
    "no rows": (A[:0], Y[:0], ValueError, "A has shape (0, 3)", "at least one row"),
    "list A": (A.tolist(), Y, TypeError, "A:", "NumPy array", "list"),
    "list Y": (A, Y.tolist(), TypeError, "Y:", "NumPy array", "list"),
    "two libraries": (A, torch.tensor(Y), ValueError, "A is a numpy", "Y is a torch", "one library"),
    "nan in A": (put(A, (1, 0), nan), Y, ValueError, "A[1, 0] is nan", "finite"),
    "inf in Y": (A, put(Y, (0, 2), inf), ValueError, "Y[0, 2] is inf", "finite"),
    "nan in tensors": (torch.tensor(put(A, (1, 0), nan)), torch.tensor(Y), ValueError, "A[1, 0] is nan", "finite"),
}
TARGET_CASES = {  # for the two cross-entropies
    "rows that sum to 2": (A, put(Y, (1, 0), 1), ValueError, "Y[1] sums to 2", "expected 1"),
    "rows that sum to 0": (A, 0 * Y, ValueError, "Y[0] sums to 0", "expected 1"),
    "targets below 0": (
        A,
        np.array([[2.0, -1.0, 0.0]] * 2),
        ValueError,
        "Y has the negative entry -1",
        "probabilities",
    ),
    "tensor rows that sum to 2": (torch.tensor(A), torch.tensor(put(Y, (1, 0), 1)), ValueError, "Y[1] sums to 2"),
}
PROBABILITY_CASES = {  # for the cross-entropy of probabilities
    "logits above 1": (5 * A, Y, ValueError, "A runs from", "to 4", "softmax_cross_entropy"),
    "logits below 0": (A - 0.5, Y, ValueError, "A runs from -0.4", "softmax_cross_entropy"),
}


def loss_cases():
    for (name, loss), side in itertools.product(LOSSES.items(), ("value", "gradient")):
        cases = {
            **LOSS_CASES,
            **(TARGET_CASES if name != "squared_error" else {}),
            **(PROBABILITY_CASES if name == "cross_entropy" else {}),
        }
        for case, (A, Y, exception, *fragments) in cases.items():
            yield f"{name}, {side}: {case}", (lambda f=getattr(loss, side), A=A, Y=Y: f(A, Y), exception, *fragments)


ALL = {**CASES, **dict(loss_cases())}


@pytest.mark.parametrize(
    "call, exception, fragments",
    [pytest.param(call, exception, fragments, id=name) for name, (call, exception, *fragments) in ALL.items()],
)
def test_a_sentence_says_what_does_not_fit(call, exception, fragments):
    with pytest.raises(exception) as raised:
        call()
    assert raised.type is exception  # no subclass by chance, such as NumPy's own
    sentence = str(raised.value)
    assert [fragment for fragment in fragments if fragment not in sentence] == [], sentence


# Files --------------------------------------------------------------------------------------------


def text(path):
    path.write_text("W1 = ...")


def nothing(path):
    path.write_bytes(b"")


def half(path):
    save(NET, path)
    path.write_bytes(path.read_bytes()[:200])


def flipped(path):
    """One byte inside the numbers of W[1] is another: the checksum knows."""
    save(NET, path)
    content = bytearray(path.read_bytes())
    content[content.index(NET.W[1].tobytes()) + 5] ^= 0xFF
    path.write_bytes(content)


def one_array(path):
    with path.open("wb") as file:
        np.save(file, X)


def other_arrays(path):
    np.savez(path, X=X)


def layer_missing(path):
    np.savez(path, f=np.array(["relu", "softmax"]), W1=np.ones((2, 2)), b1=np.ones(2))


def unknown_activation(path):
    np.savez(path, f=np.array(["swish"]), W1=np.ones((2, 2)), b1=np.ones(2))


def pickled(path):
    path.write_bytes(pickle.dumps({"f": ["relu"]}))


def pickled_inside(path):
    np.savez(path, f=np.array([{}], dtype=object))


@pytest.mark.parametrize(
    "write",
    [text, nothing, half, flipped, one_array, other_arrays, layer_missing, unknown_activation, pickled, pickled_inside],
    ids=lambda write: write.__name__,
)
def test_load_refuses_a_file_that_save_did_not_write(tmp_path, write):
    path = tmp_path / "network.npz"
    write(path)
    with pytest.raises(ValueError, match="network.npz is not a network written by utils.mlp.save"):
        load(path)


def test_load_says_that_nothing_is_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="network.npz"):
        load(tmp_path / "network.npz")


@pytest.mark.parametrize(
    "f",
    [Activation("swish", np.tanh, np.multiply), Activation("relu", np.tanh, np.multiply)],
    ids=["of another name", "of a known name"],
)
def test_save_refuses_an_activation_that_load_would_not_know_and_writes_nothing(tmp_path, f):
    path = tmp_path / "network.npz"
    with pytest.raises(ValueError, match=rf"f\[2\] is '{f.name}', which cannot be saved: expected one of identity"):
        save(NET._replace(f={1: sigmoid, 2: f}), path)
    assert not path.exists()


# Nothing turns into nan in silence ----------------------------------------------------------------


@pytest.mark.parametrize("array", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_cross_entropy_of_an_impossible_right_class_is_infinite_and_says_so(array):
    impossible = array(np.array([[0.2, 0.3, 0.5], [0.5, 0.5, 0.0]]))
    with pytest.warns(RuntimeWarning, match=r"A\[1\].*probability 0.*softmax_cross_entropy") as said:
        assert float(cross_entropy(impossible, array(Y))) == inf
    assert len(said) == 1
    with pytest.warns(RuntimeWarning, match="softmax_cross_entropy"):
        gradient = np.asarray(cross_entropy.gradient(impossible, array(Y)))
    assert gradient[1, 2] == -inf
    assert np.isfinite(np.delete(gradient.ravel(), 5)).all()


@pytest.mark.parametrize("array", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_cross_entropy_of_an_impossible_wrong_class_is_finite(array):
    A = array(np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]))
    assert float(cross_entropy(A, array(Y))) == pytest.approx(math.log(2) / 2)
    np.testing.assert_allclose(cross_entropy.gradient(A, array(Y)), [[-0.5, 0, 0], [0, 0, -1]], atol=0)


@pytest.mark.parametrize("array", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_a_diverging_training_yields_its_last_epoch_then_warns_and_ends(array):
    net, history = convert(initialize((5, 4, 3), (relu, identity), rng(), "he"), array), []
    epochs = train(net, array(X), array(Y), squared_error, 1e3, 100)
    with pytest.warns(RuntimeWarning, match=r"training diverged in epoch \d+: .*lower the rate") as said:
        history.extend(epochs)
    numbers, losses = [epoch.number for epoch in history], [epoch.loss for epoch in history]
    assert numbers == list(range(1, len(history) + 1))
    assert 1 < len(history) < 100
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
    assert f"epoch {numbers[-1]}:" in str(said[0].message)
    assert len(said) == 1


@pytest.mark.parametrize("array", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_training_on_an_underflowed_probability_diverges_in_words_not_in_silence(array):
    net = MLP({1: array(np.eye(3) * 1.0)}, {1: array(np.array([-2e3, 0.0, 0.0]))}, {1: softmax})
    with pytest.warns(RuntimeWarning) as said:
        history = list(train(net, array(np.ones((2, 3))), array(np.eye(3)[[0, 0]]), cross_entropy, 0.1, 9))
    assert len(history) == 1
    assert not np.isfinite(history[0].loss)
    assert re.search("softmax_cross_entropy", str(said[0].message))
    assert re.search("training diverged in epoch 1", str(said[-1].message))


def steep(x):
    """e^(x²) by the standard library, which raises OverflowError where NumPy would say inf."""
    return math.exp(x[0] ** 2)


RUNAWAYS = {
    "slides": (LECTURE.value, LECTURE.gradient, START, 0.5),
    "at once": (LECTURE.value, LECTURE.gradient, START, 1e300),
    "downhill for ever": (lambda x: -x @ x, lambda x: -2 * x, START, 1.0),
    "nan": (lambda x: np.sqrt(4 - x @ x) if x @ x < 4 else nan, lambda x: -x, np.array([1.0]), 3.0),
    "infinite gradient": (LECTURE.value, lambda x: np.array([inf, 0]), START, 0.1),
    "overflow in plain Python": (steep, lambda x: 2 * x * steep(x), np.array([3.0]), 1.0),
}


@pytest.mark.parametrize("f, gradient, start, rate", RUNAWAYS.values(), ids=RUNAWAYS)
def test_a_diverging_descent_says_so_and_neither_raises_nor_warns(f, gradient, start, rate):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = gradient_descent(f, gradient, start, rate)
    assert run.stopped_by == "diverged"
    assert len(run.path) == len(run.values) == len(run.gradient_norms) == run.steps + 1
    assert np.isfinite(run.values[:-1]).all()
    assert run.path[0].tolist() == start.tolist()


def test_a_descent_that_arrives_exactly_has_not_diverged():
    """Once g·g underflows to 0, the exact line search must not divide 0 by 0."""
    run = gradient_descent(LECTURE.value, LECTURE.gradient, np.array([1e-170, 0.0]), exact_line_search(LECTURE), (), 5)
    assert run.stopped_by == "max steps"
    assert np.isfinite(run.path).all()
