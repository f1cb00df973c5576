"""A diagnosis says only what it has tried, and takes its figures and its arguments from one and the same test."""

import linecache

import numpy as np
import pytest
import torch

from utils.checks.case import Case
from utils.checks.exercise import Exercise
from utils.checks.runs import runs_of
from utils.checks.source import source_of_function

rng = np.random.default_rng(0)


def product(X, W):
    """Return X Wᵀ."""
    return X @ W.T


PRODUCT = Exercise(product, [(rng.normal(size=(N, n)), rng.normal(size=(m, n)))
                             for N, n, m in ((4, 5, 3), (2, 3, 7), (3, 3, 3))])


def slope(f, x, h):
    """Return the slope of f between x and x + h."""
    return (f(x + h) - f(x)) / h


SLOPE = Exercise(slope, [(np.sin, 1.0, 0.1), (np.exp, 0.5, 0.01), (np.cos, 2.0, -0.25)])


def parts(X, W):
    """Return both products."""
    return X @ W.T, (X @ W.T).T @ X, X.sum(0)


def minus(X, W):
    """The first one has the wrong sign."""
    return -X @ W.T, (X @ W.T).T @ X, X.sum(0)


def row_sums(X, W):
    """The third one is a mean."""
    return X @ W.T, (X @ W.T).T @ X, X.mean(0)


PARTS = Exercise(parts, PRODUCT.samples, (), [minus, row_sums], parts=("A", "B", "s"))


def function(text, **names):
    """The function that a text defines, as in a cell."""
    file = f"<cell {len(linecache.cache)}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    names = {"np": np, "torch": torch, **names}
    exec(compile(text, file, "exec"), names)
    return names["f"]


def said(exercise, text, **names):
    return exercise.verdict(function(text, **names)).sentence


# Half-done ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, sentence", [
    ("def f(X, W):\n    A = X @ W.T\n    B = ...\n    s = X.sum(0)\n    return A, B, s",
     "A and s are right; B is open."),
    ("def f(X, W):\n    A = X @ W.T\n    B = ...\n    s = ...\n    return A, B, s", "A is right; B and s are open."),
    ("def f(X, W):\n    A = X @ W.T\n    B = A.T @ ...\n    s = ...\n    return A, B, s",
     "A is right; B and s are open."),
    ("def f(X, W):\n    A = X @ W.T\n    B = A.T @ X\n    s = ...\n    return A, B, s + 1",
     "A and B are right; s is open."),
])
def test_of_a_half_done_answer_what_is_done_is_checked(text, sentence):
    verdict = PARTS.verdict(function(text))
    assert (verdict.kind, verdict.sentence) == ("open", sentence)


def test_of_a_half_done_answer_a_wrong_part_is_described():
    verdict = PARTS.verdict(function("def f(X, W):\n    return 2 * X @ W.T, ..., ..."))
    assert verdict.kind == "open"
    assert verdict.sentence.startswith("A is 2 times too large everywhere") and "B and s are open" in verdict.sentence


def test_a_template_whose_dots_are_overwritten_is_no_blank():
    text = "def f(X, W):\n    Z = ...\n    Z[0] = X\n    return Z"
    assert said(PRODUCT, text) == "Line 2, `Z = ...`, is still to be filled in."
    assert "TypeError" not in said(PRODUCT, "def f(X, W):\n    Z = ...\n    Z = X @ W.T\n    return Z")
    assert PRODUCT.verdict(function("def f(X, W):\n    Z = ...\n    Z = X @ W.T\n    return Z"))


def test_an_error_is_no_blank_where_dots_are_an_index():
    assert "IndexError" in said(PRODUCT, "def f(X, W):\n    Z = (X @ W.T)[..., :]\n    return Z[99]")
    assert "IndexError" in said(PARTS, "def f(X, W):\n    A = X @ W.T\n    B = A.T @ X\n"
                               "    return A, B, X[..., 0, :][99]")
    text = "def f(X, W):\n    if X.ndim != 2: raise NotImplementedError('one row')\n    return X @ W.T"
    assert PRODUCT.verdict(function(text))


def test_zeros_are_not_cut():
    shares = Exercise(lambda x: x / (2 * x.sum()), [(rng.random(n),) for n in (3, 5)])
    assert "whole numbers" not in said(shares, "def f(x):\n    return 0 * x")
    assert "whole numbers" in said(PRODUCT, "def f(X, W):\n    return np.trunc(X @ W.T)")


def test_in_a_long_expression_the_line_is_that_of_the_change():
    told = said(PRODUCT, "def f(X, W):\n    return (X @ W.T\n            + len(X)\n            + 0 * X.sum())")
    assert "One change in line 3, `+ len(X)`," in told


def test_the_same_change_in_several_places_is_told_as_that():
    told = said(PRODUCT, "def f(X, W):\n    Z = np.zeros((len(X), len(W)))\n    for i in range(len(X)):\n"
                         "        for j in range(len(W)):\n            Z[i, j] = (X.T[i] * W.T[j]).sum()\n    return Z")
    assert "One change" not in told


def test_dots_as_an_index_are_not_open():
    assert PRODUCT.verdict(function("def f(X, W):\n    return (X @ W.T)[..., :]"))
    assert "open" not in said(PRODUCT, "def f(X, W):\n    return (X @ W)[..., 0]")


# What was tried, and on which test --------------------------------------------------------------------


@pytest.mark.parametrize("text, words", [
    ("def f(f, x, h):\n    return (f(x + h) - f(x)) / h * 7 if x > 1 else (f(x + h) - f(x)) / h",
     "-6.661, expected -0.9516. The arguments were f = cos, x = 2, h = -0.25"),
    ("def f(f, x, h):\n    return (f(x + h) - f(x))", "exactly h times too large"),
    ("def f(f, x, h):\n    return (f(x + h) - f(x)) / h / h", "too small by the factor h"),
])
def test_figures_and_arguments_come_from_one_test(text, words):
    assert words in said(SLOPE, text)


@pytest.mark.parametrize("text, words", [
    ("def f(X, W):\n    return X @ W.T * len(W)", "exactly N times too large, N being the number of rows of W"),
    ("def f(X, W):\n    return X @ W.T / X.shape[1]", "exactly N times too small, N being the number of columns of X"),
    ("def f(X, W):\n    return X @ W.T / len(X)", "exactly N times too small, N being the number of rows of X"),
    ("def f(X, W):\n    return X @ W.T * len(X) * -1", "exactly N times too large and has the wrong sign"),
])
def test_n_is_looked_for_among_all_sizes(text, words):
    assert words in said(PRODUCT, text)


def test_an_infinite_result_is_infinite_and_nothing_else():
    sentence = said(PRODUCT, "def f(X, W):\n    return X @ W.T + np.inf")
    assert "nan or infinite" in sentence and "same amount" not in sentence


def test_nearly_right_is_measured_in_each_test_by_itself():
    tests = [(np.array([1e6, 2e6]),), (np.array([1e-3, 3e-3]),)]
    exercise = Exercise(lambda x: x, tests)
    assert "nearly" not in exercise.verdict(lambda x: x * (1 if x[0] > 1 else np.array([1.0, 3.0]))).sentence
    assert "nearly" in exercise.verdict(lambda x: x * np.array([1.0, 1.003])).sentence


def test_the_code_as_it_was_given_is_only_that():
    hunt = Exercise(product, PRODUCT.samples, given=lambda X, W: X @ W)
    assert "was given" in said(hunt, "def f(X, W):\n    # a comment\n    return X @ W")
    assert said(hunt, "def f(X, W):\n    return np.dot(X, W)").startswith("Your change makes no difference")


def test_attribute_names_are_not_variables_from_outside():
    names = {"mean": np.array([1.0, 2.0]), "T": 3.0, "N": 4}
    assert "outside" not in said(PRODUCT, "def f(X, W):\n    return (X @ W.T) - X.mean()", **names)
    assert "uses N from outside, not from its arguments" in said(PRODUCT, "def f(X, W):\n    return X @ W.T / N",
    **names)
    assert "outside" not in said(PRODUCT, "def f(X, W):\n    return X @ W.T + 0 * N + X.mean()", **names)


# What often goes wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise, text, words", [
    (SLOPE, "def f(x, f, h):\n    return (f(x + h) - f(x)) / h", "right if it is called with (x, f, h)"),
    (PRODUCT, "def f(X, W):\n    return (W @ X.T)[:, :] @ np.eye(len(X))", "transposed"),
    (PARTS, "def f(X, W):\n    A = X @ W.T\n    return A.T @ X, A, X.sum(0)",
     "come in another order: expected (A, B, s)"),
    (PARTS, "def f(X, W):\n    A = X @ W.T\n    return A, A, X.sum(0)", "A and B are one and the same object"),
    (PRODUCT, "def f(X, W):\n    Z = np.zeros((len(X), len(W)), int)\n    Z[:] = X @ W.T\n    return Z",
     "cut to whole"),
    (PRODUCT, "def f(X, W):\n    return (X @ W.T).round(2)", "rounded to 2 digits"),
    (PRODUCT, "def f(X, W):\n    return (X @ W.T)[:, ::-1]", "columns in the opposite order"),
    (PRODUCT, "def f(X, W):\n    Z = np.empty((len(X), len(W)))\n    Z[0] = (X @ W.T)[0]\n    return Z",
     "np.empty makes"),
    (SLOPE, "def f(f, x, h):\n    return (np.sin(x + h) - np.sin(x)) / h",
     "The argument f is not used in your function."),
    (SLOPE, "def f(f, x, h):\n    h = 1e-6\n    return (f(x + h) - f(x)) / h",
     "h gets another value in line 2, `h = 1e-6`, before it is looked at"),
    (PARTS, "def f(X, W):\n    return -X @ W.T, (X @ W.T).T @ X, X.mean(0)",
     "The first one has the wrong sign. And besides: The third one is a mean."),
    (PARTS, "def f(X, W):\n    return X @ W.T, (X @ W.T).T @ X, -X.mean(0)",
     "Two slips at once. The third one is a mean. And besides, the sign is reversed."),
    (PRODUCT, "def f(X, W):\n    X -= 1\n    return X @ W.T", "Besides, X is not what it was"),
])
def test_a_pattern_is_recognised(exercise, text, words):
    assert words in said(exercise, text)


def test_a_part_that_did_not_move_is_named():
    step = Exercise(lambda W, b, rate: (W - rate, b - rate), [(rng.normal(size=(2, 3)), rng.normal(size=4), 0.1)] * 2,
                    parts=("W", "b"))
    assert said(step, "def f(W, b, rate):\n    return W - rate, b").startswith("b is b itself, as it came in")


def test_a_view_of_an_array_is_not_the_same_object():
    row = Exercise(lambda x: (x * 2, (x * 2)[0]), [(rng.normal(size=(1, n)),) for n in (3, 4)], parts=("dz", "db"))
    assert "one and the same" not in said(row, "def f(x):\n    dz = x * 3\n    return dz, dz[0]")
    assert row.verdict(function("def f(x):\n    dz = x * 2\n    return dz, dz[0]"))


# Where to look ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, line, what", [
    ("def f(X, W):\n    rows = []\n    for x in X:\n        rows.append(W @ x)\n        return np.array(rows)", 3,
     "where the return stands"),
    ("def f(X, W):\n    Z = X @ W\n    return Z", 2, "the transpose"),
    ("def f(X, W):\n    Z = X @ W.T\n    Z = Z + 1\n    return Z", 3, "whether this line is needed"),
    ("def f(X, W):\n    Z = np.zeros((len(X), len(W)))\n    for i in range(1, len(X)):\n"
     "        Z[i] = W @ X[i]\n    return Z",
     3, "the number"),
    ("def f(X, W):\n    Z = np.array([[(x * w).sum() for w in W] for x in W])\n    return Z + 0 * X.sum()",
     2, "the name W"),
    ("def f(X, W):\n    return (X[:, None] * W).sum(1)", 2, "the axis"),
    ("f = lambda X, W: X @ W", 1, "the transpose"),
])
def test_the_line_to_look_at_is_told_and_not_its_mended_form(text, line, what):
    told = said(PRODUCT, text)
    place = f"One change in line {line}, `{text.splitlines()[line - 1].strip()}`,"
    assert f"{place} makes every test right: look at {what}." in told


def test_where_one_change_mends_a_part_the_part_is_told():
    text = "def f(X, W):\n    A = X @ W.T * 3\n    B = X.T @ X\n    return A, B, X.mean(1)"
    assert "One change in line 2, `A = X @ W.T * 3`, makes A right: look at" in said(PARTS, text)


def test_a_change_that_would_spoil_a_right_part_is_not_told():
    both = Exercise(lambda X: ((X / len(X)).T @ X, np.exp(X.sum(0))), [(X,) for X, _ in PRODUCT.samples],
                    parts=("G", "s"))
    mine, spoilt, mended = (function(f"def f(X):\n    D = X{over}\n    return D.T @ X, np.exp({what}.sum(0))")
                            for over, what in ((" / len(X)", "D"), ("", "D"), (" / len(X)", "X")))
    case = Case(both, mine, runs_of(mine, both.samples))
    assert case.path == (1,) and case.mended(mended, case.path) and not case.mended(spoilt, case.path)


def test_arguments_are_shown_as_they_are():
    small = Exercise(lambda v, eps: bool(v[-1] < eps), [(np.array([5.0, end]), 1e-8) for end in (1e-9, 0.12345)])
    with np.printoptions(suppress=True):
        assert said(small, "def f(v, eps):\n    return eps > 1") == (
            "Your result is False, expected True. The arguments were v = [5, 1e-09], eps = 1e-08. "
            "The argument v is not used in your function.")


def test_what_could_do_harm_is_not_tried(tmp_path):
    text = f"def f(X, W):\n    open({str(tmp_path / 'seen')!r}, 'a').write('x')\n    return X @ W.T + 1"
    assert "One change" not in said(PRODUCT, text)
    assert (tmp_path / "seen").read_text() == "xxx"  # once for each test


def test_a_function_within_a_function_has_no_source_of_its_own():
    k = 2.0

    def f(X, W):
        return k * X @ W.T

    assert source_of_function(f) is None and "2 times too large" in PRODUCT.verdict(f).sentence


# How it is told ---------------------------------------------------------------------------------------


def test_a_long_message_is_cut():
    assert len(said(PRODUCT, "def f(X, W):\n    raise ValueError('long ' * 20_000)")) < 600


def test_a_check_without_an_answer_is_a_blank(capsys):
    assert PRODUCT.check().kind == "blank" and capsys.readouterr().out == "Not filled in yet.\n"


def test_what_an_answer_prints_is_shown_in_short(capsys):
    PRODUCT.check(function("def f(X, W):\n    for i in range(60_000): print(i)\n    return X @ W.T"))
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Right, in all 3 tests."
    assert out[1].startswith("Your function printed: 0 1 2") and len(out[1]) < 300


@pytest.mark.parametrize("text", [
    "def f(X, W):\n    return X @ W.T + torch.zeros(len(X), 1)",
    "def f(X, W):\n    return torch.zeros(len(X), 1) + torch.as_tensor(X, dtype=torch.float32) @ (\n"
    "        torch.as_tensor(W).float().T)",
    "def f(X, W):\n    b = torch.zeros(len(W))\n    return X @ W.T + torch.ones(len(X), 1) @ b.view(1, -1)",
    "def f(X, W):\n    W = W.clone().requires_grad_()\n    return X @ W.T",
    "def f(X, W):\n    return X @ torch.tensor(W.tolist(), dtype=torch.float32).T",
])
def test_torch_answers_are_welcome_in_its_default_precision(text):
    assert PRODUCT.verdict(function(text))
    assert torch.get_default_dtype() == torch.float32
