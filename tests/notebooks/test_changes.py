"""Every claim of a notebook holds as it is saved; and whatever its text suggests to change, it runs to its end."""

import numpy as np
import pytest
from cells import run

TAUGHT = ["00", "01", "02", "03", "04"]
CHANGES = [  # first what the texts propose, then what a curious reader tries
    ("00", {"N = 14": "N = 140"}),
    ("00", {"0.5 * (w - reports) ** 2": "abs(w - reports) ** 4", "initialize([1, 6, 1]": "initialize([1, 2, 1]",
            "0.25 * rng.normal(size=X.shape)": "0 * rng.normal(size=X.shape)"}),
    ("01", {"abs(np.array(found) - exact)": "abs(np.float32(found) - exact)"}),
    ("01", {"x = np.array([3.0, 3.0])": "x = np.array([0.0, 0.0])"}),
    ("01", {"+ x[0] * x[1] + 4": "+ x[0] * x[1] + 40"}),
    ("02", {"max_steps=1000, start=(3, 3))": "max_steps=1000, start=(3, -1))",
            "(0.1, 1e-3, 1e-5)": "(0.3, 0.1, 1e-3)"}),
    ("03", {"better = softmax(my_Z[3] + Y)": "better = softmax(my_Z[3] - 7)"}),
    ("03", {"classes = np.array([2, 0, 1, 2])": "classes = np.array([0, 0, 0, 0])"}),
    ("04", {"W, b = net.W, net.b  ": "from utils.activations import tanh\n"
            "net = net._replace(f={1: tanh, 2: tanh, 3: softmax})\nW, b = net.W, net.b  "}),
    ("04", {"X, Y, net = lecture_example(\"numpy\")": "X, Y, net = lecture_example(\"numpy\")\nX, Y = X[:3], Y[:3]"}),
    ("04", {"moved(0.5):.4f}": "moved(50):.4f}"}),
]


@pytest.mark.parametrize("number", TAUGHT)
def test_every_claim_holds(number):
    book = run(number)
    assert book.errors == [] and book.broken == []
    assert 6 <= book.printed.count("✓ ") <= 12


@pytest.mark.parametrize("number, changes", CHANGES, ids=[f"{n}-{i}" for i, (n, _) in enumerate(CHANGES)])
def test_a_change_that_the_text_suggests_runs_through(number, changes):
    assert run(number, changes).errors == []


def test_a_change_that_breaks_a_claim_is_told_and_stops_nothing():
    book = run("00", {"N = 14": "N = 140"})
    assert any("degree 13 ten times as bad" in line for line in book.broken)


def test_by_tanh_the_lines_by_hand_are_wrong_and_are_said_to_be_and_the_loop_is_right():
    book = run("04", CHANGES[-3][1])
    assert any(line.startswith("✗ your loop and the lines by hand") for line in book.broken)
    np.testing.assert_allclose(book.names["my_dW"][1], book.names["nudged_W"][1], atol=1e-8)
