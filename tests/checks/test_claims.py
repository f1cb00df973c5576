"""Claims: one readable line each, ✓ or ✗, and nothing that a reader changes makes them raise."""

import numpy as np
import pytest
import torch

from utils.checks.claims import CHANGED, agree, claim


def said(capsys, function, *args, **options):
    assert function(*args, **options) is None
    return capsys.readouterr().out


@pytest.mark.parametrize("holds", [True, np.bool_(True), [True, True], np.array([[1, 2]]) > 0, lambda: 1 < 2,
                                   torch.tensor([True, True]), lambda: np.array([True])])
def test_what_holds_gets_a_tick_and_its_sentence(capsys, holds):
    assert said(capsys, claim, "two is more than one", holds) == "✓ two is more than one\n"


@pytest.mark.parametrize("holds", [False, None, np.array([True, False]), lambda: 1 / 0, lambda: False, float("nan") > 1,
                                   torch.tensor([True, False])])
def test_what_does_not_hold_is_said_and_never_raises(capsys, holds):
    assert said(capsys, claim, "one is two", holds) == f"✗ one is two {CHANGED}\n"


class Stubborn:
    """An object that says nothing about itself."""

    def __bool__(self):
        raise RuntimeError

    __array__ = __len__ = __iter__ = __bool__


def test_an_object_that_will_not_answer_stops_nobody(capsys):
    assert said(capsys, claim, "it answers", Stubborn()).startswith("✗ it answers")
    assert said(capsys, agree, "it", Stubborn(), 1.0).startswith("✗ it")
    assert said(capsys, agree, "it", 1.0, Stubborn()).startswith("✗ it")


def test_agreement_counts_the_numbers_and_says_to_how_many_digits(capsys):
    A = np.arange(12.0).reshape(4, 3)
    assert said(capsys, agree, "dZ3", A, A + 1e-9) == "✓ dZ3: the same to 6 digits, all 12 numbers\n"
    assert said(capsys, agree, "the loss", 1.1394, 1.13941, rtol=1e-4) == "✓ the loss: the same to 4 digits\n"
    assert said(capsys, agree, "dW", {1: A, 2: A[:1]}, {1: torch.tensor(A), 2: A[:1]}) == (
        "✓ dW: the same to 6 digits, all 15 numbers\n")


@pytest.mark.parametrize("mine, other", [([1.0, 2.0], np.array([1.0, 2.0])), ((1, 2), [1.0, 2.0]),
                                         (np.float64(3), torch.tensor(3.0)), ([[1, 2]], np.array([[1, 2]]))])
def test_a_list_of_numbers_is_an_array(capsys, mine, other):
    assert said(capsys, agree, "it", mine, other).startswith("✓ it")
    assert said(capsys, agree, "it", other, mine).startswith("✓ it")


@pytest.mark.parametrize("mine, other, gap", [
    (np.array([[1.0, 2.0], [3.0, 4.5]]), np.array([[1.0, 2.0], [3.0, 4.0]]), "dZ3: [1, 1] 4.5, and not 4"),
    (np.zeros(3), np.zeros((3, 1)), "dZ3: shape (3,), and not (3, 1)"),
    ({1: 1.0}, {1: 1.0, 2: 2.0}, "dZ3: 1 parts, and not 2"),
    ({1: 1.0, 2: np.ones(2)}, {1: 1.0, 2: np.zeros(2)}, "dZ3: [2][0] 1, and not 0"),
    (1.0, 2.0, "dZ3: 1, and not 2"), ("one", 1.0, "dZ3: not made of numbers"),
    (np.nan, 1.0, "dZ3: nan, and not 1"), (np.array([1.0, np.inf]), np.array([1.0, 5.0]), "dZ3: [1] inf, and not 5"),
])
def test_the_first_difference_is_named(capsys, mine, other, gap):
    assert said(capsys, agree, "dZ3", mine, other) == f"✗ {gap} {CHANGED}\n"


def test_the_tolerance_is_relative_to_the_largest_number(capsys):
    assert said(capsys, agree, "x", np.array([1000.0, 0.0]), np.array([1000.0, 5e-4])).startswith("✓")
    assert said(capsys, agree, "x", np.array([1e-9]), np.array([2e-9])).startswith("✗")
