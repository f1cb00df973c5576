"""Whatever a notebook's text suggests to change, it runs to its end. (As it is saved: test_lecture_00 to 07.)"""

import numpy as np
import pytest
from cells import run

LECTURE = 'X, Y, net = lecture_example("numpy")'
RELU = f"{LECTURE}\nfrom utils.activations import relu\nnet = net._replace(f={{**net.f, 1: relu}})\n"
ALONE = """for seed in (1, 2, 3):
    rng = np.random.default_rng(seed)
    *_, last = train(initialize([64, 10], [identity], rng), X_fit, Y_fit, softmax_cross_entropy, 0.1, 40, 32, rng)
    print(softmax_cross_entropy(forward(last.net, X_val).A[1], Y_val), accuracy(last.net, X_val, labels_val))
"""
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
    ("04", {"with_4 = way_back(4.0)": "with_4 = way_back(-4.0)"}),
    ("04", {"w = {1: 0.5, 2: -1.2, 3: 2.0}": "w = {1: 0.5, 2: -1.2, 3: 2.0, 4: 1.0}"}),
    ("04b", {LECTURE: f"{LECTURE}\nX, Y = X[1:], Y[1:]"}),
    ("04b", {LECTURE: f"{LECTURE}\nY[0] = 1, 0, 0\n"}),
    ("04c", {LECTURE: f"{LECTURE}\nfrom utils.activations import tanh\n"
             "net = net._replace(f={1: tanh, 2: tanh, 3: softmax})"}),
    ("04c", {LECTURE: f"{LECTURE}\nX, Y = X[:3], Y[:3]"}),
    ("04d", {LECTURE: f"{LECTURE}\nX = (X - X.mean(0)) / X.std(0)"}),
    ("04d", {"for eta in (0.01, 0.5, 5)": "for eta in (0.01, 50)"}),
    ("05", {"2: sigmoid._replace(pullback=lambda dA, A: dA)": "1: sigmoid._replace(pullback=lambda dA, A: dA)"}),
    ("05", {"mine = backward(net, trace, dA)":
            "mine = backward(net._replace(W={**net.W, 3: net.W[3] / 2}), trace, dA)"}),
    ("05", {LECTURE: RELU}),
    ("05", {LECTURE: f"{RELU}net.b[1][0] -= forward(net, X).Z[1][0, 0]\n"}),
    ("05", {"ex.lesson.summary()": "y, a = np.array([1.0, 0.0, 1.0]), trace.A[3][0]\n"
            "print((y / a) @ np.outer(a, a), 2 * a)\nex.lesson.summary()"}),
    ("05", {"torch.tensor(1.5, ": "torch.tensor(25.0, "}),
    ("05", {LECTURE: f"{LECTURE}\nX, Y = X[:3], Y[:3]\n"}),
    ("06", {"data = digits()": "data = digits(seed=1)", "ex.lesson.summary()": ALONE + "ex.lesson.summary()"}),
    ("06", {'scheme="he"), rng': 'scheme="rand"), rng'}),
    ("06", {"circle(250, 0.3, rng)": "spiral(250, 0.3, rng)",
            "[64, 64, 10], [relu, identity]": "[64, 16, 10], [tanh, identity]"}),
    ("07", {"for X_batch, Y_batch in distributed.batches(":
            "for step, (X_batch, Y_batch) in enumerate(distributed.batches(",
            "seed=0, epoch=1):": "seed=0, epoch=1)):", "return 8 * sum(": "return 4 * sum(",
            "whole._replace(dW=dW, db=db), distributed.RATE) for mine in nets]":
            "whole._replace(dW=dW, db=db) if step % 2 else part, distributed.RATE) for mine, part in zip(nets, parts)]",
            '"--kill", "1:2"': '"--kill", "0:1"',
            "milliseconds(K, *options) for K in": "K for K in"}),  # not measured again
]


@pytest.mark.parametrize("number, changes", CHANGES, ids=[f"{n}-{i}" for i, (n, _) in enumerate(CHANGES)])
def test_a_change_that_the_text_suggests_runs_through(number, changes):
    assert "\n".join(run(number, changes).errors) == ""  # as a text, so that pytest tells all of it


def test_a_change_that_breaks_a_claim_is_told_and_stops_nothing():
    book = run("00", {"N = 14": "N = 140"})
    assert any("degree 13 ten times as bad" in line for line in book.broken)


def test_by_tanh_the_lines_by_hand_are_wrong_and_are_said_to_be_and_the_loop_is_right():
    book = run("04c", next(changes for number, changes in CHANGES if number == "04c"))
    assert any(line.startswith("✗ the loop and the lines by hand") for line in book.broken)
    np.testing.assert_allclose(book.names["my_dW"][1], book.names["nudged_W"][1], atol=1e-8)


def test_by_relu_all_claims_of_notebook_05_hold_but_the_one_about_a_model_with_two_sigmoids():
    book = run("05", {LECTURE: RELU})
    assert "\n".join(book.errors) == ""
    assert [line.split(":")[0] for line in book.broken] == ["✗ dW of all layers, by nn.Sequential and by hand"]
