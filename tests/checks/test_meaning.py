"""An answer to a question is read as it was meant."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from utils.checks.meaning import computed, letter, meant


@pytest.mark.parametrize("said, right, value", [
    ("1", 5, 1), ("one", 5, 1), ("1/3", 0.5, 1 / 3), ("-log(0.5)", 0.5, math.log(2)), ("np.log(3)/2",
     1.0, math.log(3) / 2),
    ("2 * 3^2", 1, 18), ("712 bytes", 1, 712), ("about 0.5", 1.0, 0.5), ("0,5", 1.0, 0.5), (".09", 1.0, 0.09),
    (".5*.99*.01", 1.0, 0.00495), ("−0.5", 1.0, -0.5),
    (Fraction(1, 3), 0.5, 1 / 3), (Decimal("0.25"), 0.5, 0.25), ([0.2], 0.5, 0.2), (np.array([[3]]), 0.5, 3),
    (torch.tensor([4.0]), 0.5, 4.0), ("1e-3", 0.5, 0.001), (True, 0.5, True), ("yes", True, True), ("No", True, False),
    ("true", False, True), ("(3, 3)", (1, 2), (3, 3)), ("3,3", (1, 2), (3, 3)), ("3 x 3", (1, 2), (3, 3)),
    ("[3, 3]", (1, 2), (3, 3)), ("(3,)", (1, 2), (3,)), ([3, 3], (1, 2), [3, 3]),
])
def test_a_text_is_the_number_that_it_says(said, right, value):
    found = meant(said, right)
    assert type(found) is type(value) or isinstance(value, float | int)
    assert found == pytest.approx(value)


@pytest.mark.parametrize("said", ["not 12", "minus 12", "12k", "12j", "12 or thirteen", "12,000", "712 bits", "±0.09",
                                  "never, not 1", "more than 1", "it is - 12", "falls by 0.09", "9 %",
                                  "(((9**99)**99)**99)**9",
                                  "1 or 2", "between 3 and 4", "__import__('os').getcwd()", "9**9**9", "2/0", "",
"many",
                                  "(" * 500, "1" * 5000 + "x", "log(-1)"])
def test_a_text_that_says_no_number_stays_a_text(said):
    assert meant(said, 0.5) == said


@pytest.mark.parametrize("said, word", [
    ("never", "never"), ("Never!", "never"), ("infinite", "never"), (math.inf, "never"), ("∞", "never"),
    ("error", "error"), ("an error", "error"), ("ValueError", "error"), (ValueError, "error"), (ValueError("x"),
     "error"),
    ("RuntimeError", "error"), ("it raises", "error"),
])
def test_words_for_never_and_for_an_error(said, word):
    assert meant(said, 5, words=True) == word and meant(said, "error") in (word, math.inf)


@pytest.mark.parametrize("said", ["b", "B", "b)", "(b)", "b) the bias", "b: the bias", "b, because it is",
"b - of course",
                                  " b. ", "'b'"])
def test_a_letter_is_found_where_it_chooses(said):
    assert letter(said) == "b"


@pytest.mark.parametrize("said", ["ab", "a or b", "a and b", "not b", "b or c", "(a) and (b)", "a, b", "because",
"bias",
                                  "a/b", "b,c", "b c", "b;c", "b=c", "b-d", "b, a", "b a", "b is wrong",
                                  "a richer family", ""])
def test_no_letter_is_found_where_there_are_several_or_none(said):
    assert letter(said) == said


@given(st.text(max_size=30))
def test_no_text_raises(text):
    for right in (0.5, 3, True, (3, 3), "b", "error"):
        meant(text, right, words=True)


@given(st.floats(-1e6, 1e6))
def test_a_number_is_read_back(number):
    assert computed(repr(number)) == number
