"""What notebook 06 says, proven on the variables of its cells, or computed anew by plain lines and by torch."""

import ast
import inspect
import re
import subprocess
import sys
from functools import cache
from itertools import islice, pairwise
from math import comb, log, sqrt
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from cells import NOTEBOOKS, calls, captions, comes_before, page, prose, run, sources
from matplotlib.colors import to_rgb
from reference import close, nudged

from utils import training
from utils.activations import identity, relu, softmax, tanh
from utils.datasets import DIGITS, digits
from utils.exercises import training as ex
from utils.losses import cross_entropy, softmax_cross_entropy, squared_error
from utils.mlp import MLP, forward, initialize, load, predict, save
from utils.plots import BACKWARD
from utils.widgets import playground

RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
STEADY = {250: 7, 50: 6, 10: 4, 1: 2}  # so many of them: beyond, a change in the last digit makes another run of it
SHEETS = [0, 130, 256, 386, 516, 646, 776, 902, 1029, 1157, 1287, 1415, 1541, 1667]  # where each begins
TOYS = ["gauss", "xor", "circle", "spiral"]
BENDS = {"tanh": (np.tanh, lambda a: 1 - a * a), "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
         "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a))}


# Networks by plain lines, many at once: W[l] (networks, m, n), b[l] (networks, 1, m), or one without the first axis


def outputs(W, b, X, bend="relu"):
    """All A[l] of networks that end in softmax."""
    A = {0: X}
    for l in W:
        Z = A[l - 1] @ W[l].swapaxes(-1, -2) + b[l]
        if l < len(W):
            A[l] = BENDS[bend][0](Z)
        else:
            E = np.exp(Z - Z.max(-1, keepdims=True))
            A[l] = E / E.sum(-1, keepdims=True)
    return A


def slopes(W, b, X, Y, bend="relu"):
    """All dZ, dW and db of the mean cross-entropy, by the lines of notebook 04."""
    A = outputs(W, b, X, bend)
    dZ, dW, db = {len(W): (A[len(W)] - Y) / Y.shape[-2]}, {}, {}
    for l in reversed(W):
        dW[l], db[l] = dZ[l].swapaxes(-1, -2) @ A[l - 1], dZ[l].sum(-2, keepdims=True)
        if l > 1:
            dZ[l - 1] = dZ[l] @ W[l] * BENDS[bend][1](A[l - 1])
    return dZ, dW, db


def price(A, Y):
    """The mean cross-entropy of probabilities, for each network."""
    return -np.log((A * Y).sum(-1)).mean(-1)


def drawn(sizes, start, scheme="he"):
    """W and b as the four schemes draw them, and the generator then."""
    rng, W, b = np.random.default_rng(start), {}, {}
    for l, (d, m) in enumerate(pairwise(sizes), 1):
        if scheme == "xavier":
            W[l], b[l] = rng.uniform(-1, 1, (m, d)) * sqrt(6 / (m + d)), np.zeros(m)
        elif scheme == "he":
            W[l], b[l] = rng.normal(size=(m, d)) * sqrt(2 / d), np.zeros(m)
        else:
            W[l], b[l] = rng.random((m, d)) - (scheme == "centred") / 2, rng.random(m) - (scheme == "centred") / 2
    return W, b, rng


def stacked(nets):
    W, b = ({l: np.stack([net[i][l] for net in nets]) for l in nets[0][0]} for i in (0, 1))
    return W, {l: v[:, None] for l, v in b.items()}


def plain(g, m, t):
    return g


def decayed(g, m, t):
    """1/e in epoch e, of 34 steps each."""
    return g / ((t - 1) // 34 + 1)


def by_momentum(g, m, t):
    m["v"] = 0.9 * m.get("v", 0) + g
    return m["v"]


def by_adam(g, m, t):
    m["v"], m["s"] = 0.9 * m.get("v", 0) + 0.1 * g, 0.999 * m.get("s", 0) + 0.001 * g**2
    return m["v"] / (1 - 0.9**t) / (np.sqrt(m["s"] / (1 - 0.999**t)) + 1e-8)


def descents(nets, X, Y, rates, size, bend, epochs, direction=plain):
    """Train networks, each at its rate and shuffled by its own generator; yield all W and b after each epoch.

    X and Y serve all networks, or are one for each.
    """
    (W, b), each, memory, t = stacked(nets), np.arange(len(nets))[:, None], {}, 0
    rates = np.reshape(np.array(rates, dtype=float), (-1, 1, 1))
    orders = np.array([[net[2].permutation(X.shape[-2]) for _ in range(epochs)] for net in nets])
    for epoch in range(epochs):
        for first in range(0, X.shape[-2], size):
            rows, t = orders[:, epoch, first : first + size], t + 1
            x, y = (X[rows], Y[rows]) if X.ndim == 2 else (X[each, rows], Y[each, rows])
            _, dW, db = slopes(W, b, x, y, bend)
            for l in W:
                W[l] = W[l] - rates * direction(dW[l], memory.setdefault(("W", l), {}), t)
                b[l] = b[l] - rates * direction(db[l], memory.setdefault(("b", l), {}), t)
        yield dict(W), dict(b)


def last(run_of_epochs):
    for found in run_of_epochs:  # noqa: B007
        pass
    return found


# What the page did, once more


def again(*words, **names):
    """Run the cells that hold these words once more, one after the other, and return the variables then."""
    names = {**run("06").names, **names}
    for part in words:
        cell, = (source for source in sources("06") if part in source)
        exec(cell, names)
    return names


@cache
def picture(*words):
    """Draw a figure once more, in the last of the cells that hold these words, and return its axes."""
    kept = []
    again(*words, show=lambda ax, caption: kept.append(ax))
    plt.close(np.ravel(kept[0])[0].figure)
    return kept[0]


def printed(words):
    """The numbers of the one printed line that begins with these words."""
    line, = (line for line in run("06").printed.splitlines() if line.startswith(words))
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", line.removeprefix(words))]


def variables():
    return SimpleNamespace(**run("06").names)


@cache
def disc():
    """The losses of the first network before each of 301 steps, and its W and b after 300, by plain lines."""
    n, losses = variables(), []
    W, b = dict(n.start.W), dict(n.start.b)
    for k in range(301):
        losses.append(price(outputs(W, b, n.points, "tanh")[2], n.targets))
        if k < 300:
            _, dW, db = slopes(W, b, n.points, n.targets, "tanh")
            W, b = {l: W[l] - dW[l] for l in W}, {l: b[l] - db[l] for l in b}
    return np.array(losses), W, b


@cache
def walks():
    """The points of the straight line, its two walks as the picture shows them, and the minimum."""
    names = again("def walk(size)")
    paths = [ax.lines[0].get_xydata() for ax in picture("def walk(size)", "LEVELS = ")]
    return SimpleNamespace(x=names["x"], y=names["y"], all=paths[0], single=paths[1],
                           best=np.polyfit(names["x"], names["y"], 1))


@cache
def each_sample():
    """The gradient of every single sample at the start network, shape (250, 22), one after the other."""
    n = variables()
    found = []
    for x, y in zip(n.points, n.targets):
        _, dW, db = slopes(n.start.W, n.start.b, x[None], y[None], "tanh")
        found.append(np.concatenate([v.ravel() for l in (1, 2) for v in (dW[l], db[l])]))
    return np.array(found)


def distances(size, orders):
    """The root mean square distance of the mini-batches' gradients from the full one, in these orders of the rows."""
    G = each_sample()
    means = np.array([G[order[i : i + size]].mean(0) for order in orders for i in range(0, 250, size)])
    return sqrt(((means - G.mean(0)) ** 2).sum(1).mean())


@cache
def table(size, starts, rates):
    """The median loss after 40 epochs in batches of this size, for each rate."""
    n = variables()
    nets = [drawn([2, 4, 2], start, "xavier") for _ in rates for start in range(starts)]
    with np.errstate(all="ignore"):
        W, b = last(descents(nets, n.points, n.targets, np.repeat(rates, starts), size, "tanh", 40))
        losses = price(outputs(W, b, n.points, "tanh")[2], n.targets)
    return np.median(losses.reshape(len(rates), starts), 1)


@cache
def plateaus():
    """31 networks after 3,000 steps at the rate 1: the lecture's own, then ten starts for each of the three cases."""
    n = variables()
    X, Y = n.X, n.Y
    scaled = (X - X.mean(0)) / X.std(0)
    nets = [(n.lecture_net.W, n.lecture_net.b)]
    nets += [drawn([5, 7, 4, 3], start, scheme) for scheme in ("rand", "rand", "centred") for start in range(10)]
    X, Y = np.stack([X] * 11 + [scaled] * 10 + [X] * 10), np.stack([Y] * 31)
    W, b = stacked(nets)
    for _ in range(3000):
        _, dW, db = slopes(W, b, X, Y, "sigmoid")
        W, b = {l: W[l] - dW[l] for l in W}, {l: b[l] - db[l] for l in b}
    A = outputs(W, b, X, "sigmoid")
    return SimpleNamespace(W=W, b=b, A=A, losses=price(A[3], Y))


def stuck():
    """The lecture's own network on its plateau, by plain lines: W, b, A, dZ, dW, db."""
    n, p = variables(), plateaus()
    W, b = ({l: v[0] for l, v in part.items()} for part in (p.W, p.b))
    dZ, dW, db = slopes(W, b, n.X, n.Y, "sigmoid")
    return SimpleNamespace(W=W, b=b, A=outputs(W, b, n.X, "sigmoid"), dZ=dZ, dW=dW, db=db)


@cache
def standardised(seed=0):
    """The three parts of a draw of the digits, with the scale of the first: 1,077, 270 and 450."""
    X, X_test, labels, labels_test = digits(seed=seed)
    mean, std = X[:1077].sum(0) / 1077, np.sqrt(((X[:1077] - X[:1077].sum(0) / 1077) ** 2).sum(0) / 1077)
    fit, val, test = ((v - mean) / np.where(std == 0, 1, std) for v in (X[:1077], X[1077:], X_test))
    return SimpleNamespace(fit=fit, val=val, test=test, Y=np.eye(10)[labels[:1077]], Y_val=np.eye(10)[labels[1077:]],
                           labels=labels[:1077], labels_val=labels[1077:], labels_test=labels_test)


def wrong(A, labels):
    return (A.argmax(-1) != labels).sum(-1)


@cache
def tried(rates=(0.01, 0.03, 0.1, 0.3, 1.0), epochs=30):
    """The validation losses after training at these rates, three starts each."""
    d, nets = standardised(), [drawn([64, 64, 10], start) for _ in rates for start in (1, 2, 3)]
    W, b = last(descents(nets, d.fit, d.Y, np.repeat(rates, 3), 32, "relu", epochs))
    return price(outputs(W, b, d.val)[2], d.Y_val).reshape(-1, 3)


@cache
def forty():
    """The run of section 7: losses and numbers of wrong digits after each epoch, and W and b after all of them."""
    d, found = standardised(), SimpleNamespace(loss=[], val_loss=[], wrong=[], val_wrong=[], test_wrong=[], nets=[])
    for W, b in descents([drawn([64, 64, 10], 1)], d.fit, d.Y, [0.3], 32, "relu", 40):
        W, b = ({l: v[0] for l, v in part.items()} for part in (W, b))
        A, A_val, A_test = (outputs(W, b, X)[2] for X in (d.fit, d.val, d.test))
        found.loss.append(price(A, d.Y))
        found.val_loss.append(price(A_val, d.Y_val))
        found.wrong.append(wrong(A, d.labels))
        found.val_wrong.append(wrong(A_val, d.labels_val))
        found.test_wrong.append(wrong(A_test, d.labels_test))
        found.nets.append((W, b))
    return SimpleNamespace(**{name: np.array(v) if name != "nets" else v for name, v in vars(found).items()})


@cache
def chosen_by_validation(draws, starts, sizes=(64, 64, 10), rate=0.3, scheme="he"):
    """For each draw of the digits: the test digits misread after the best of 40 epochs, by the validation loss."""
    parts = [standardised(seed) for seed in draws]
    fit, val, test, Y, Y_val, labels = (np.stack([getattr(d, name) for d in parts])
                                        for name in ("fit", "val", "test", "Y", "Y_val", "labels_test"))
    losses, misread, nets = [], [], [drawn(sizes, start, scheme) for start in starts]
    for W, b in descents(nets, fit, Y, [rate] * len(nets), 32, "relu", 40):
        losses.append(price(outputs(W, b, val)[len(W)], Y_val))
        misread.append(wrong(outputs(W, b, test)[len(W)], labels))
    return np.take_along_axis(np.array(misread), np.argmin(losses, 0)[None], 0)[0]


def from_positive_weights(n):
    """The loss at the start with `scheme="rand"`, the outputs and the weights."""
    W, b, _ = drawn([64, 64, 10], 1, "rand")
    A = outputs(W, b, n.X_fit)
    return price(A[2], n.Y_fit), A, W


@cache
def without_a_hidden_layer():
    """The validation losses of three 64-10 networks after 40 epochs at the rate 0.1, and their right digits."""
    d, nets = standardised(), [drawn([64, 10], start, "xavier") for start in (1, 2, 3)]
    W, b = last(descents(nets, d.fit, d.Y, [0.1] * 3, 32, "relu", 40))
    A = outputs(W, b, d.val)[1]
    return price(A, d.Y_val), 1 - wrong(A, d.labels_val) / 270


@cache
def other_sheets(start):
    """The share of right digits on the last three sheets, after eleven epochs on the eleven before."""
    with np.load(DIGITS) as file:
        X, labels = file["X"] / 16, file["labels"].astype(int)
    std = X[:1415].std(0)
    X = (X - X[:1415].mean(0)) / np.where(std == 0, 1, std)
    nets = [drawn([64, 64, 10], start)]
    W, b = last(descents(nets, X[:1415], np.eye(10)[labels[:1415]], [0.3], 32, "relu", 11))
    return 1 - wrong(outputs(W, b, X[1415:])[2], labels[1415:])[0] / 382


def torchs(W, b, *bends):
    """The network as torch's own modules, in double precision."""
    layers = []
    for l in W:
        layers.append(torch.nn.Linear(*W[l].shape[::-1], dtype=torch.float64))
        layers[-1].load_state_dict({"weight": torch.tensor(W[l]), "bias": torch.tensor(np.ravel(b[l]))})
        layers += [bend() for bend in bends[l - 1 : l]]
    return torch.nn.Sequential(*layers)


METHODS = {  # name on the page → the direction by plain lines and its rate; torch's own, and its rate in epoch e
    "rate 0.3": (plain, 0.3, torch.optim.SGD, {}, lambda e: 0.3),
    "rate 1/epoch": (decayed, 1.0, torch.optim.SGD, {}, lambda e: 1 / e),
    "momentum, rate 0.03": (by_momentum, 0.03, torch.optim.SGD, {"momentum": 0.9}, lambda e: 0.03),
    "Adam, rate 0.01": (by_adam, 0.01, torch.optim.Adam, {}, lambda e: 0.01),
}


@cache
def three_starts(name, times=1.0):
    """The validation losses of a method after each of twelve epochs, from the starts 1, 2 and 3, by plain lines."""
    d, (direction, rate, *_), nets = standardised(), METHODS[name], [drawn([64, 64, 10], start) for start in (1, 2, 3)]
    return np.array([price(outputs(W, b, d.val)[2], d.Y_val) for W, b in descents(
        nets, d.fit, d.Y, [times * rate] * 3, 32, "relu", 12, direction)])


def by_torchs_optimiser(name, start):
    """The validation losses after each of twelve epochs."""
    _, _, kind, options, rate = METHODS[name]
    d, (W, b, rng), entropy = standardised(), drawn([64, 64, 10], start), torch.nn.functional.cross_entropy
    X, labels, X_val, labels_val = map(torch.tensor, (d.fit, d.labels, d.val, d.labels_val))
    net, found = torchs(W, b, torch.nn.ReLU), []
    optimiser = kind(net.parameters(), lr=0.1, **options)
    for epoch in range(1, 13):
        optimiser.param_groups[0]["lr"] = rate(epoch)
        order = rng.permutation(1077)
        for first in range(0, 1077, 32):
            rows = order[first : first + 32]
            optimiser.zero_grad()
            entropy(net(X[rows]), labels[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            found.append(entropy(net(X_val), labels_val).item())
    return np.array(found)


@cache
def first_losses():
    """The training loss of 300 untrained networks."""
    n = variables()
    found = []
    for seed in range(300):
        W, b, _ = drawn([64, 64, 10], seed)
        Z = np.maximum(n.X_fit @ W[1].T + b[1], 0) @ W[2].T + b[2]
        Z = Z - Z.max(1, keepdims=True)
        found.append((np.log(np.exp(Z).sum(1)) - Z[range(len(Z)), n.labels_fit]).mean())
    return found


# All numbers, and all printed lines -----------------------------------------------------------------

NUMBERS = [
    ("0.8", lambda n: distances(5, [np.random.default_rng(k).permutation(250) for k in range(20)])),
    ("0.3475", lambda n: plateaus().losses[0]),
    ("0.3466", lambda n: log(2) / 2),
    ("0.3", lambda n: (0.01, 0.03, 0.1, 0.3, 1.0)[tried().mean(1).argmin()]),
    ("0.130", lambda n: tried().mean(1)[3]),
    ("97.1", lambda n: 100 * (1 - forty().test_wrong[forty().val_loss.argmin()] / 450)),
    ("0.8", lambda n: 100 * sqrt(13 / 450 * (1 - 13 / 450) / 450)),
    ("1.4", lambda n: 100 * sqrt(other_sheets(1) * (1 - other_sheets(1)) / 382)),
    ("14.8", lambda n: from_positive_weights(n)[0]),
    ("0.143", lambda n: without_a_hidden_layer()[0][0]),
    ("0.156", lambda n: without_a_hidden_layer()[0][1]),
    ("0.164", lambda n: without_a_hidden_layer()[0][2]),
    ("96.3", lambda n: 100 * (1 - chosen_by_validation(tuple(range(10)), (1,) * 10) / 450).mean()),
    ("1.2", lambda n: 100 * (1 - chosen_by_validation(tuple(range(10)), (1,) * 10) / 450).std()),
    ("2.30", lambda n: log(10)),
    ("2.5", lambda n: min(first_losses())),
    ("3.7", lambda n: max(first_losses())),
]
GIVEN = {"1.0", "0.1", "0.01", "0.001", "97.5", "0.9", "0.5", "0.00005",  # rates, a rival, what stays, two gradients
         "2.31", "2.28", "2.26", "2.25", "9.1", "6.6", "5.0", "2.4", "1.9", "0.6", "0.7"}  # the four logs of exercise 9


@cache
def said():
    """The notebook's text and captions."""
    assert len(captions("06")) == 12
    return prose("06")


def section(number):
    """The text of the section with this number."""
    found, = (part for part in "\n".join(page("06", ["markdown"])).split("\n## ") if part.startswith(f"{number} · "))
    return found


def says(*fragments):
    """Say whether the page holds each of these words, however its lines are broken and its bold type is set."""
    text = " ".join(said().replace("*", "").split())
    missing = [part for part in fragments if part not in text]
    assert not missing, missing
    return True


@pytest.mark.parametrize(("number", "computed"), NUMBERS)
def test_a_number_of_the_page_is_right_in_all_its_digits(number, computed, n):
    assert f"{computed(n):.{len(number.split('.')[1])}f}" == number


def test_no_number_of_the_page_is_left_out_and_none_is_proven_that_is_not_there():
    assert set(re.findall(r"\d+\.\d+", said())) == {number for number, _ in NUMBERS} | GIVEN


def test_the_numbers_that_stand_there_more_than_once_stand_where_they_belong():
    assert says("5 lie about 0.8 from", "stands still, at 0.3475", "take 0.3.", "97.1 % right, ± 0.8 points",
                "the mean is 96.3 %", "scatter by 1.2 points", "the 0.130 of section 7", "the ± 1.4 counts 382")


@pytest.mark.parametrize("line", [
    "before training: loss 0.723, 51% right",
    "after 300 steps: loss 0.034, 100% right",
    "length of the full gradient 0.24",
    "distance from it, for batches of 1: 1.77, of 5: 0.81",
    "batches of 20: 0.41",
    "✓ the full batch wants a rate at least ten times as large as batches of 1",
    "loss after 3,000 steps: 0.3475",
    "[[0.001 0.    0.999]",
    " [0.499 0.001 0.5  ]",
    " [0.001 0.999 0.   ]",
    " [0.499 0.001 0.5  ]]",
    "[[-0.5009  0.0006  0.5004]",
    " [ 0.4993  0.0006 -0.4998]]",
    "[-0.0016  0.0011  0.0005]",
    "[[0.9945 0.0412 0.8699 0.999 ]",
    " [0.9945 0.0414 0.8695 0.999 ]]",
    "largest slope in layer 1, samples 1 and 3: 0.00189",
    "largest entries of dW1, dW2, dW3: [4e-05, 0.00017, 0.00024]",
    "weights in 0 … 1, X as it is      4 of 10 stuck, at [0.35 0.35 0.82 0.35]",
    "weights in 0 … 1, X standardised  0 of 10 stuck, at []",
    "weights in −½ … ½, X as it is     0 of 10 stuck, at []",
    "variance 1/640  size of A: layer 1 0.29, layer 10 0.00001;  of dA at the input 0.00001",
    "variance 1/64   size of A: layer 1 0.63, layer 10 0.21808;  of dA at the input 0.25760",
    "variance 1      size of A: layer 1 0.95, layer 10 0.94602;  of dA at the input 1456.47487",
    "gauss   two hidden units 100%, hidden layers [2] 100%",
    "xor     two hidden units 90%, hidden layers [4] 97%",
    "circle  two hidden units 85%, hidden layers [4] 99%",
    "spiral  two hidden units 67%, hidden layers [16, 16] 100%",
    "training 1077, validation 270, test 450",
    "pixels that are not a number now: [ 0 24 32 39]",
    "pixels whose standard deviation is 0: [ 0 24 32 39]",
    "largest value in training and validation: [32.8, 23.2]",
    "rate 0.01  validation loss [0.271 0.235 0.261]  mean 0.256",
    "rate 0.03  validation loss [0.172 0.151 0.168]  mean 0.164",
    "rate 0.1   validation loss [0.142 0.122 0.142]  mean 0.135",
    "rate 0.3   validation loss [0.132 0.117 0.14 ]  mean 0.130",
    "rate 1.0   validation loss [0.125 0.194 0.123]  mean 0.148",
    "validation loss: 0.126 after epoch 11, 0.134 at the end",
    "13 of 450 wrong, 97.1% right",
    "other sheets, 382 digits: 91.4% right, ± 1.4 points",
    "rate 0.3             validation loss after epochs 1, 3, 12: [0.2637 0.1646 0.1272]",
    "rate 1/epoch         validation loss after epochs 1, 3, 12: [0.4188 0.1379 0.1193]",
    "momentum, rate 0.03  validation loss after epochs 1, 3, 12: [0.2708 0.1602 0.1343]",
    "Adam, rate 0.01      validation loss after epochs 1, 3, 12: [0.2013 0.1338 0.1263]",
    "1. loss at the start 2.64; log 10 = 2.30",
    "2. four samples, 200 steps: loss 0.0001",
    "3. X shuffled and Y not, 5 epochs: loss 2.26, right 14%",
    "4. length of dW1, dW2: [1.09, 1.18]",
    "loss 2.636 → 0.015; 95.9% of the validation digits right",
])
def test_a_printed_line_is_this(line, book):
    assert line in book.printed.splitlines()


def test_nothing_stops_although_eleven_exercises_are_open_and_all_claims_hold(book):
    assert book.errors == book.broken == []
    assert book.printed.count("✓") == len(calls("06", "agree")) + len(calls("06", "claim")) == 7
    assert book.printed.count("Not filled in yet.") == len(ex.lesson.exercises) == 11
    assert "0 of 11 exercises done." in book.printed


def test_the_exercises_are_numbered_and_listed_in_the_order_of_the_page_and_each_is_checked_behind_its_number(book):
    listed = re.findall(r"  · (\w+) +open", book.printed)
    assert listed == list(ex.lesson.exercises) and len(listed) == 11
    parts = [(f"Exercise {k} ·", f"ex.{name}.check(") for k, name in enumerate(listed, 1)]
    assert comes_before("06", *sum(parts, ()))


def test_the_efforts_are_those_of_the_exercises():
    efforts = re.findall(r"\*\*✎ Exercise (\d+) · (●+ \d+ min) · ", said())
    assert efforts == [(str(k), exercise.effort) for k, exercise in enumerate(ex.lesson.exercises.values(), 1)]


def test_the_answer_to_no_prediction_is_told_before_its_exercise():
    """Half the distance; the variance 1/64; log 10; the ± of the result; the steps of Adam."""
    assert comes_before("06", "ex.less_noise.check(", "{distance(20):.2f}", "only *twice* as good")
    assert comes_before("06", "ex.spread.check(", "1 / 64), (\"1\", 1.0)")
    assert comes_before("06", "ex.first_loss.check(", "log 10 = {np.log(10)")
    assert comes_before("06", "ex.standard_error.check(", "± 0.8 points")
    assert comes_before("06", "ex.first_adam_step.check(", "def adam(g, t, epoch, m)")


def test_the_sections_are_numbered_and_the_break_is_after_section_6():
    numbers = re.findall(r"^## (\d+) ·", said(), re.MULTILINE)
    assert numbers == [str(k) for k in range(1, len(numbers) + 1)] and len(numbers) == 11
    assert "the break is after section 6" in said()
    assert said().index("## 6 ·") < said().index("**Half-way.**") < said().index("## 7 ·")


def test_the_next_notebook_is_there_under_its_title_and_the_one_before_leads_here():
    def title(name):
        return nbformat.read(NOTEBOOKS / name, 4).cells[0].source.splitlines()[0].removeprefix("# ")

    assert f"[{title('07_beyond_one_machine.ipynb')}](07_beyond_one_machine.ipynb)" in page("06")[-1]
    assert f"[{title('06_training.ipynb')}](06_training.ipynb)" in page("05")[-1]
    assert f"[{title('05_autograd_cross_check.ipynb')}](05_autograd_cross_check.ipynb)" in page("06")[-1]
    assert "notebooks 02 to 05" in page("06")[0]


def test_the_notebook_loads_neither_torch_nor_scikit_learn():
    tree = ast.parse("\n".join(sources("06")))
    lines = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert len(lines) > 10
    call, = (ast.unparse(node) for node in ast.walk(tree)
             if isinstance(node, ast.Call) and ast.unparse(node.func) == "playground")
    lines += ["import sys", "digits(); lecture_example('numpy')", call]
    lines += ["print([name for name in ('torch', 'sklearn', 'scipy') if name in sys.modules])"]
    child = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=60,
                           cwd=Path(__file__).parents[2], check=True)
    assert child.stdout == "[]\n"


# 1 · The loop ---------------------------------------------------------------------------------------


def test_250_points_of_two_classes_lie_in_a_disc_and_in_a_ring_and_the_network_has_four_hidden_units(n):
    radius = np.hypot(*n.points.T)
    assert n.points.shape == (250, 2) and np.bincount(n.labels).tolist() == [125, 125]
    assert radius[n.labels == 1].max() < 3.5 and np.mean(radius[n.labels == 0] > 3) > 0.95
    assert [n.start.W[l].shape for l in (1, 2)] == [(4, 2), (2, 4)]
    assert sum(v.size for part in (n.start.W, n.start.b) for v in part.values()) == 22


def test_before_training_the_network_is_as_good_as_a_coin(n):
    A = outputs(n.start.W, n.start.b, n.points, "tanh")[2]
    assert f"{price(A, n.targets):.3f}" == "0.723" and 0.65 < price(A, n.targets) < 0.75
    assert f"{(A.argmax(1) == n.labels).mean():.0%}" == "51%"


def test_the_gradient_of_the_loss_holds_the_1_over_N(n):
    A = outputs(n.start.W, n.start.b, n.points, "tanh")[2]
    close(cross_entropy.gradient(A, n.targets), -n.targets / A / 250)
    close(cross_entropy.gradient(np.vstack([A, A]), np.vstack([n.targets] * 2))[:250], -n.targets / A / 500)


@pytest.mark.parametrize("sizes", [(2, 2), (2, 4, 2), (2, 3, 5, 2)], ids=str)
def test_exercise_1_is_the_step_by_plain_lines_for_a_network_of_any_depth(sizes, n):
    W, b, _ = drawn(sizes, 5, "centred")
    net = MLP(W, b, {l: softmax if l == len(W) else tanh for l in W})
    new_W, new_b = ex.training_step.reference(net, n.points, n.targets, 0.7)
    _, dW, db = slopes(W, b, n.points, n.targets, "tanh")
    for l in W:
        close(new_W[l], W[l] - 0.7 * dW[l])
        close(new_b[l], b[l] - 0.7 * db[l][0])


def test_the_loop_is_nothing_but_this_step_again_and_again(n):
    losses, W, b = disc()
    names = again("one_step = ")
    close(names["losses"], losses, 1e-7)
    assert f"{losses[299]:.3f}" == f"{losses[300]:.3f}" == "0.034"
    assert f"{(outputs(W, b, n.points, 'tanh')[2].argmax(1) == n.labels).mean():.0%}" == "100%"


def test_the_picture_shows_the_losses_of_300_steps_and_every_point(n):
    left, right = picture("one_step = ", "Left: the loss in 300 steps")
    curve, = left.lines
    assert len(curve.get_ydata()) == 301 and left.get_yscale() == "log"
    close(curve.get_ydata(), disc()[0], 1e-7)
    assert sum(len(line.get_xdata()) for line in right.lines) == 250


def test_it_has_found_a_closed_border():
    """From the middle of the disc to the frame, class 1 ends in every direction, once."""
    _, W, b = disc()
    along = np.linspace(0, 1, 200)[:, None]
    for angle in np.radians(np.arange(0, 360, 5)):
        direction = np.array([np.cos(angle), np.sin(angle)])
        found = outputs(W, b, 6 * along * direction, "tanh")[2].argmax(1)
        assert (found[0], found[-1]) == (1, 0) and (np.diff(found) != 0).sum() == 1


def test_the_four_lines_of_the_page_are_the_loop_and_what_train_repeats(n):
    code = re.search(r"```python\n(.+?)```", said(), re.DOTALL)[1]
    assert len(code.splitlines()) - 1 == 4
    names = {"X": n.points, "Y": n.targets, "loss": cross_entropy, "net": n.start, "rate": 1.0, "steps": 20,
             "forward": forward, "backward": training.backward, "descend": training.descend}
    exec(code, names)
    _, after = [*islice(training.train(n.start, n.points, n.targets, cross_entropy, 1.0, 20), 18, 20)]
    for net in (names["net"], after.net):
        assert cross_entropy(forward(net, n.points).A[2], n.targets) == pytest.approx(disc()[0][20], rel=1e-9)
    for l in (1, 2):
        close(names["net"].W[l], after.net.W[l])


def test_the_lines_of_the_step_are_told_after_its_exercise():
    assert comes_before("06", "ex.training_step.check(", "net = descend(net, gradients, rate)")


@pytest.mark.parametrize("library", ["plain lines", "torch"])
def test_the_mean_of_the_samples_losses_and_of_their_gradients_are_the_batchs(library, n):
    A = outputs(n.start.W, n.start.b, n.points, "tanh")[2]
    alone = [-log(a[c]) for a, c in zip(A, n.labels)]
    assert np.mean(alone) == pytest.approx(cross_entropy(A, n.targets), rel=1e-12)
    if library == "torch":
        net = torchs(n.start.W, n.start.b, torch.nn.Tanh)
        torch.nn.functional.cross_entropy(net(torch.tensor(n.points)), torch.tensor(n.labels)).backward()
        whole = np.concatenate([v.grad.numpy().ravel() for v in net.parameters()])
    else:
        _, dW, db = slopes(n.start.W, n.start.b, n.points, n.targets, "tanh")
        whole = np.concatenate([v.ravel() for l in (1, 2) for v in (dW[l], db[l])])
    close(each_sample().mean(0), whole)
    close(n.gradient(n.start, n.points, n.targets), whole)


def test_accumulate_does_it_sample_by_sample_and_finds_the_same_22_numbers(n, monkeypatch):
    passes = []
    for name in ("forward", "backward"):
        monkeypatch.setattr(training, name, lambda *args, f=getattr(training, name): passes.append(f) or f(*args))
    found = training.accumulate(n.start, n.points, n.targets, cross_entropy)
    assert [passes.count(f) for f in dict.fromkeys(passes)] == [250, 250]
    mine = np.concatenate([v.ravel() for l in (1, 2) for v in (found.dW[l], found.db[l])])
    close(mine, each_sample().mean(0))
    assert mine.size == 22 and "all 22 numbers" in run("06").printed
    assert found.loss == pytest.approx(disc()[0][0], rel=1e-12)


def test_with_n_forgotten_the_sum_is_n_times_as_long(n):
    close(each_sample().sum(0), 250 * n.gradient(n.start, n.points, n.targets))


def test_train_takes_its_arguments_in_the_order_of_the_page():
    arguments = list(inspect.signature(training.train).parameters)
    assert says(f"`train({', '.join(arguments)})`") and len(arguments) == 8


def test_train_hands_out_number_net_and_loss_and_stops_with_a_word_when_numbers_become_infinite(n):
    first, second = islice(training.train(n.start, n.points, n.targets, cross_entropy, 0.1, 9, 10), 2)
    assert (first.number, second.number) == (1, 2) and second.net.W[1].shape == (4, 2)
    assert second.loss == pytest.approx(price(forward(second.net, n.points).A[2], n.targets), rel=1e-12)
    line = MLP({1: np.ones((1, 1))}, {1: np.zeros(1)}, {1: identity})
    x = np.linspace(-10, 10, 50)[:, None]
    with pytest.warns(RuntimeWarning, match="training diverged in epoch"):
        doomed = list(training.train(line, x, 2 * x, squared_error, 0.1, 1000))
    assert len(doomed) < 1000 and np.isfinite(doomed[-2].loss) and not np.isfinite(doomed[-1].loss)


# 2 · Mini-batches -----------------------------------------------------------------------------------


def test_with_all_points_the_path_is_smooth_and_comes_to_rest_in_the_minimum():
    w = walks()
    p, path = np.zeros(2), [np.zeros(2)]
    for _ in range(40):
        error = p[0] * w.x + p[1] - w.y
        p = p - 0.2 * np.array([sum(error * w.x) / 40, sum(error) / 40])
        path.append(p)
    close(w.all, path)
    lengths = np.linalg.norm(np.diff(w.all, axis=0), axis=1)
    turns = [np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairwise(np.diff(w.all, axis=0))]
    assert (np.diff(lengths) < 0).all() and min(turns) > 0.9
    assert np.linalg.norm(w.all[-1] - w.best) < 0.01 and lengths[-1] < 0.002


def test_with_single_points_each_pulls_its_own_way_to_the_same_region_where_it_wanders_about():
    w = walks()
    for place, step in zip(w.single, np.diff(w.single, axis=0)):
        error = place[0] * w.x + place[1] - w.y
        pulls = -0.2 * np.column_stack([error * w.x, error])
        assert np.linalg.norm(pulls - step, axis=1).min() < 1e-12
    lengths = np.linalg.norm(np.diff(w.single, axis=0), axis=1)
    assert np.linalg.norm(w.single[10:] - w.best, axis=1).max() < 1 < np.linalg.norm(w.best)
    assert lengths[20:].mean() > 20 * np.linalg.norm(np.diff(w.all, axis=0), axis=1)[20:].mean()
    assert len(w.single) == len(w.all) == 41 and len(w.x) == 40  # 40 gradients of a point, and 40 times 40


def test_the_level_curves_are_those_of_half_the_mean_squared_error():
    w, shown = walks(), picture("def walk(size)", "LEVELS = ")
    for ax in shown:
        curves = [c for c in ax.collections if hasattr(c, "levels")]
        for level, path in zip(curves[0].levels, curves[0].get_paths()):
            for slope, intercept in path.vertices[::40]:
                assert np.mean((slope * w.x + intercept - w.y) ** 2) / 2 == pytest.approx(level, abs=0.01)


@pytest.mark.parametrize("size", [1, 5, 25])
def test_the_mean_of_all_mini_batches_gradients_is_the_full_gradient(size, n):
    for seed in range(3):
        parts = [n.gradient(n.start, *batch)
                 for batch in ex.mini_batches.reference(n.points, n.targets, size, np.random.default_rng(seed))]
        assert len(parts) == 250 // size
        close(np.mean(parts, 0), each_sample().mean(0), 1e-8)


def test_if_the_batches_are_not_equally_large_their_mean_is_another_one(n):
    found = ex.mini_batches.reference(n.points, n.targets, 20, np.random.default_rng(0))
    assert {len(X) for X, _ in found} == {20, 10}
    parts = np.array([n.gradient(n.start, *batch) for batch in found])
    assert abs(parts.mean(0) - each_sample().mean(0)).max() > 0.005
    close(np.average(parts, 0, [len(X) for X, _ in found]), each_sample().mean(0), 1e-8)


def test_the_mean_over_a_few_samples_drawn_at_random_is_an_estimate_of_the_mean_over_all(rng):
    """It is right on average: with a thousand times as many draws, the average is √1000 times as near."""
    G = each_sample()
    means = np.array([G[rng.integers(0, 250, 5)].mean(0) for _ in range(4000)])
    far = np.linalg.norm(means - G.mean(0), axis=1).mean()
    assert np.linalg.norm(means.mean(0) - G.mean(0)) < far / 20 < np.linalg.norm(G.mean(0))


@pytest.mark.parametrize(("size", "steps"), [(250, 1), (50, 5), (10, 25), (1, 250), (32, 8)])
def test_an_epoch_passes_over_every_sample_once_and_takes_a_step_for_each_mini_batch(size, steps, n, monkeypatch):
    found = ex.mini_batches.reference(n.points, n.targets, size, np.random.default_rng(4))
    assert len(found) == steps and sum(len(X) for X, _ in found) == 250
    order = np.random.default_rng(4).permutation(250)
    np.testing.assert_array_equal(np.vstack([X for X, _ in found]), n.points[order])
    np.testing.assert_array_equal(np.vstack([Y for _, Y in found]), n.targets[order])
    taken, step = [], training.Workspace.step
    monkeypatch.setattr(training.Workspace, "step", lambda *args: taken.append(len(args[1])) or step(*args))
    next(training.train(n.start, n.points, n.targets, cross_entropy, 0.1, 1, size, np.random.default_rng(4)))
    assert taken == [len(X) for X, _ in found]


@pytest.mark.parametrize("size", [1, 5, 20])
def test_the_distances_are_those_of_the_samples_gradients_averaged_by_loops(size, n):
    orders = [np.random.default_rng(seed).permutation(250) for seed in range(4)]
    shown = dict(zip((1, 5, 20), [*printed("distance from it, for batches of 1:")[::2], *printed("batches of 20:")]))
    assert f"{distances(size, orders):.2f}" == f"{shown[size]:.2f}"
    assert n.distance(size) == pytest.approx(distances(size, orders), rel=1e-9)
    assert printed("length of the full gradient") == [round(np.linalg.norm(each_sample().mean(0)), 2)] == [0.24]


@pytest.mark.parametrize("size", [2, 5, 10, 25])
def test_the_distance_falls_with_the_root_of_the_size(size, rng):
    """For independent samples; those of an epoch are a little nearer, for none of them comes twice."""
    G = each_sample()
    means = G[rng.integers(0, 250, (4000, size))].mean(1)
    distance = sqrt(((means - G.mean(0)) ** 2).sum(1).mean())
    alone = sqrt(((G - G.mean(0)) ** 2).sum(1).mean())
    assert distance * sqrt(size) == pytest.approx(alone, rel=0.05)
    orders = [rng.permutation(250) for _ in range(40)]
    assert distances(size, orders) * sqrt(size) == pytest.approx(alone * sqrt((250 - size) / 249), rel=0.05)


def test_exercise_3_is_half_of_0_8_and_batches_of_20_do_lie_there(rng):
    orders = [rng.permutation(250) for _ in range(100)]
    assert ex.less_noise.reference() == pytest.approx(0.8 / sqrt(20 / 5)) == 0.4
    assert distances(20, orders) == pytest.approx(ex.less_noise.reference(), rel=0.06)
    assert distances(5, orders) / distances(20, orders) == pytest.approx(2, rel=0.1)


def test_a_step_against_nearly_any_mini_batchs_gradient_goes_downhill(n):
    G, order = each_sample(), np.random.default_rng(0).permutation(250)
    parts = G[order].reshape(25, 10, 22).mean(1)
    assert (parts @ G.mean(0) > 0).sum() > 20
    assert (G @ G.mean(0) > 0).sum() > 125


@pytest.mark.parametrize("size", STEADY)
def test_the_median_losses_of_the_table_come_out_by_plain_lines(size):
    """Where they can: at higher rates a change in the sixteenth digit of a weight becomes another loss."""
    rates = RATES[: STEADY[size]]
    found = variables().medians[size]
    assert len(found) == 7 and RATES[int(np.argmin(found))] == variables().best[size]
    np.testing.assert_allclose(found[: len(rates)], table(size, 3, rates), atol=0.0051)


def test_the_picture_of_the_rates_shows_the_medians_and_small_batches_have_their_lowest_points_on_the_left(n):
    ax = picture("the further to the left lies the lowest point")
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel()) == ("log", "log", "rate")
    lowest = {}
    for line, size in zip(ax.get_lines(), (250, 50, 10, 1), strict=True):
        assert line.get_label() == f"batches of {size}" and tuple(line.get_xdata()) == RATES
        np.testing.assert_array_equal(line.get_ydata(), n.medians[size])
        lowest[size] = line.get_xdata()[np.argmin(line.get_ydata())]
    assert lowest == n.best and lowest[250] >= lowest[50] >= lowest[10] >= lowest[1] < lowest[250] / 9
    ends = [n.medians[size][-1] for size in (250, 50, 10, 1)]
    assert ends == sorted(ends)  # the smaller, the worse at a rate of 10


def test_the_table_has_seven_rates_three_starts_and_40_epochs(n):
    assert n.rates == RATES and {len(found) for found in n.medians.values()} == {7}
    assert says("seven rates, three starts each, and 40 epochs")
    three = [n.final_loss(10, 0.3, start) for start in range(3)]
    assert np.median(three) == pytest.approx(table(10, 3, RATES[:4])[3], rel=1e-9)


NEIGHBOURS = {250: (1.0, 3.0, 10.0), 50: (0.3, 1.0, 3.0), 10: (0.1, 0.3, 1.0), 1: (0.03, 0.1, 0.3)}


@pytest.mark.parametrize(("size", "best"), [(250, {3.0}), (50, {1.0}), (10, {0.3, 1.0}), (1, {0.03, 0.1})])
def test_from_24_other_starts_too_the_smaller_the_batch_the_smaller_its_best_rate(size, best, n):
    """For single samples 0.03 and 0.1 are equally good."""
    found = NEIGHBOURS[size][table(size, 24, NEIGHBOURS[size]).argmin()]
    assert found in best and n.best[size] in best
    assert list(n.best) == [250, 50, 10, 1] and n.best[250] > n.best[50] > n.best[1] <= 0.1
    assert says("from about 3 for the full batch down to a tenth or less for single samples")


def test_at_one_rate_for_all_the_comparison_would_be_unfair_for_the_rate_decides_it():
    at = {size: dict(zip(RATES, variables().medians[size])) for size in STEADY}
    slow, fast = (min(at, key=lambda size, rate=rate: at[size][rate]) for rate in (0.03, 3.0))
    assert slow == 1 and fast == 50 and max(at, key=lambda size: at[size][3.0]) == 1


@cache
def four_sizes():
    """The losses after each of 40 epochs from one start, each batch size at the best rate of the page's table."""
    n = variables()
    return {size: np.array([price(outputs(W, b, n.points, "tanh")[2], n.targets)[0] for W, b in descents(
        [drawn([2, 4, 2], 1, "xavier")], n.points, n.targets, [rate], size, "tanh", 40)])
        for size, rate in n.best.items()}


def test_the_picture_shows_each_size_at_its_best_rate_by_epochs_and_for_a_quarter_of_a_second(n):
    left, right = picture("batches of 1 are far behind")
    assert [line.get_label() for line in left.lines] == [f"batches of {size}, rate {r}" for size, r in n.best.items()]
    for line, other, (times, losses), mine in zip(left.lines, right.lines, n.runs.values(), four_sizes().values()):
        assert line.get_xdata().tolist() == list(range(1, 41))
        close(line.get_ydata(), mine, 1e-6)
        assert len(times) == len(losses) >= 40 and times[-1] > 250 and (np.diff(times) > 0).all()
        assert set(zip(*other.get_data())) <= set(zip(times, losses)) and other.get_xdata()[-1] == times[-1]
        assert other.get_color() == line.get_color()
    assert right.get_xscale() == "log" and right.get_xlabel() == "milliseconds"


def full_batch(rate, epochs):
    """The losses of the full batch from the start of the picture."""
    n = variables()
    return np.array([price(outputs(W, b, n.points, "tanh")[2], n.targets)[0] for W, b in descents(
        [drawn([2, 4, 2], 1, "xavier")], n.points, n.targets, [rate], 250, "tanh", epochs)])


def test_at_their_best_rates_batches_of_50_10_and_1_come_about_equally_far_and_the_full_batch_is_behind():
    full, *small = (table(size, 3, rates).min() for size, rates in ((250, (3.0,)), (50, (1.0,)), (10, (0.3,)),
                                                                    (1, (0.03,))))
    assert max(small) - min(small) < 0.012 and full > 2 * max(small)
    losses = np.array(list(four_sizes().values()))
    assert (np.diff(losses[:, :10], axis=0) < 0).all() and (losses[0] > np.median(losses[1:], 0)).all()


def edges(rate):
    """The edge 2/λ at every fourth of the first 40 places of the full batch, λ the Hessian's largest eigenvalue."""
    n, found, h = variables(), [], 1e-5
    nets = list(descents([drawn([2, 4, 2], 1, "xavier")], n.points, n.targets, [rate], 250, "tanh", 40))[3::4]
    for W, b in nets:
        theta = n.flat({l: v[0] for l, v in W.items()}, {l: v[0, 0] for l, v in b.items()})
        H = [(slope - other) / (2 * h) for slope, other in zip(*(
            [n.gradient(MLP(*n.views(theta + s * e, n.start.W), n.start.f), n.points, n.targets) for e in np.eye(22)]
            for s in (h, -h)))]
        found.append(2 / np.linalg.eigvalsh(np.add(H, np.transpose(H)) / 2).max())
    return np.array(found)


def test_the_full_batch_jumps_because_its_rate_is_close_to_the_edge():
    """With a third of it, it stays below the edge and does not jump; with three times as much it gets nowhere."""
    calm, jumping, flying = (full_batch(rate, 40) for rate in (1.0, 3.0, 10.0))
    close(jumping, four_sizes()[250])
    assert (np.diff(calm) < 0).all() and (np.diff(jumping) > 0).sum() > 10 and flying[-1] > 3 * jumping[-1]
    assert edges(1.0).min() > 1.0 and edges(3.0).min() < 3.0 < edges(3.0).max()
    assert 1.5 < np.median(edges(3.0)) < 4


def test_the_full_batch_has_taken_only_40_steps_which_are_too_few_and_longer_ones_overshoot():
    assert full_batch(3.0, 400)[-1] < 0.05 < 0.15 < full_batch(3.0, 40)[-1] < full_batch(10.0, 40)[-1]


# 3 · A network that will not learn ------------------------------------------------------------------


def test_the_lectures_network_has_89_parameters_sigmoids_and_four_samples(n):
    assert sum(v.size for part in (n.lecture_net.W, n.lecture_net.b) for v in part.values()) == 89
    assert [n.lecture_net.f[l].name for l in (1, 2, 3)] == ["sigmoid", "sigmoid", "softmax"] and len(n.X) == 4


def test_it_stands_still_at_half_of_log_2(n):
    losses = np.array([epoch.loss for epoch in n.history])
    assert losses[-1] == pytest.approx(plateaus().losses[0], rel=1e-6)
    assert abs(losses[-1] - log(2) / 2) < 0.001 and 0 < losses[-1000] - losses[-1] < 0.001
    assert losses[0] - losses[499] > 0.7 and losses[499] - losses[-1] < 0.01


def test_the_picture_shows_that_it_falls_in_two_drops_and_stands_still_far_above_0(n):
    """In blocks of 20 steps, the fall slows down twice, and speeds up once in between."""
    curve, = picture("steps. It falls quickly").lines
    close(curve.get_ydata(), [epoch.loss for epoch in n.history])
    assert len(curve.get_ydata()) == 3000
    falls = -np.diff(curve.get_ydata()[19::20])
    changes = np.diff(np.sign(np.diff(falls)))
    assert np.flatnonzero(changes < 0).size == 1 and np.flatnonzero(changes > 0).size == 1
    assert curve.get_ydata()[250] < 0.39 and curve.get_ydata()[-1] > 0.34


def test_samples_0_and_2_are_right_and_samples_1_and_3_get_the_same_half_and_half(n):
    A3, wanted = stuck().A[3], np.array([[0, 0, 1], [0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]])
    assert n.Y.argmax(1).tolist() == [2, 0, 1, 2]
    np.testing.assert_allclose(A3, wanted, atol=0.0012)
    prices = -np.log(A3[n.Y == 1])
    assert prices[[0, 2]].max() < 0.0015
    np.testing.assert_allclose(prices[[1, 3]], log(2), atol=0.003)
    np.testing.assert_allclose(forward(n.stuck, n.X).A[3], A3, atol=1e-6)


def test_no_answer_that_is_the_same_for_samples_1_and_3_costs_less(rng):
    p = np.linspace(0.001, 0.999, 999)
    assert min(-(np.log(p) + np.log(1 - p)) / 4) == pytest.approx(log(2) / 2, rel=1e-12)
    assert (0 + log(2) + 0 + log(2)) / 4 == log(2) / 2


def test_exercise_4_is_half_of_log_3(n):
    A = np.array([[1.0, 0, 0], [0, 1, 0], [1 / 3] * 3, [1 / 3] * 3])
    assert ex.stuck_at.reference() == pytest.approx(price(A, np.eye(3)[[0, 1, 2, 0]]), rel=1e-12)


def test_before_training_samples_1_and_3_are_close_to_1_in_nearly_all_units_and_after_it_in_all_of_them(n):
    before = outputs(n.lecture_net.W, n.lecture_net.b, n.X, "sigmoid")[1][[1, 3]]
    after = stuck().A[1][[1, 3]]
    assert before.shape == (2, 7) and before.min() > 0.8 and (before > 0.9).sum() == 12
    assert after.min() > 0.998 and abs(after[0] - after[1]).max() < 0.002
    left, right = picture("$A^{(1)}$ before training")
    for ax, A in ((left, outputs(n.lecture_net.W, n.lecture_net.b, n.X, "sigmoid")[1]), (right, stuck().A[1])):
        assert [text.get_text() for text in ax.texts] == [f"{v:.2f}" for v in A.ravel()]
    assert [text.get_text() for text in right.texts[7:14] + right.texts[21:]] == ["1.00"] * 14


def test_the_outputs_of_samples_1_and_3_were_close_to_1_from_the_start_and_training_has_pushed_them_on(n):
    before = outputs(n.lecture_net.W, n.lecture_net.b, n.X, "sigmoid")[1]
    assert (stuck().A[1][[1, 3]] > before[[1, 3]]).all()


def test_sample_2_is_at_1_in_six_units_too_and_the_seventh_which_came_down_to_0_saved_it(n):
    before, s = outputs(n.lecture_net.W, n.lecture_net.b, n.X, "sigmoid")[1], stuck()
    assert s.A[1][2, :6].min() > 0.997 and s.A[1][2, 6] < 0.002 and before[2, 6] > 0.95
    lost = BENDS["sigmoid"][0](np.append(s.A[1][2, :6], 1) @ s.W[2].T + s.b[2][0])
    np.testing.assert_allclose(lost, s.A[2][3], atol=0.001)
    assert abs(s.A[2][2] - s.A[2][3]).max() > 0.5


def test_samples_1_and_3_are_different_and_of_different_classes_and_layer_2_cannot_tell_them_apart(n):
    s = stuck()
    assert abs(n.X[1] - n.X[3]).max() > 9 and n.Y[1].argmax() != n.Y[3].argmax()
    assert abs(s.A[2][1] - s.A[2][3]).max() < 0.0005 < 0.5 < abs(s.A[2][1] - s.A[2][0]).max()


def test_the_two_errors_are_large_and_opposite(n):
    errors = 4 * stuck().dZ[3][[1, 3]]
    np.testing.assert_allclose(errors, [[-0.5, 0, 0.5], [0.5, 0, -0.5]], atol=0.001)
    assert abs(errors.sum(0)).max() < 0.002


def parts(D, A):
    """What each sample contributes to dW: the column of its D times the row of its A."""
    return np.array([np.outer(d, a) for d, a in zip(D, A)])


@pytest.mark.parametrize("l", [3, 2])
def test_in_the_last_two_layers_the_contributions_of_samples_1_and_3_cancel(l):
    s = stuck()
    pieces = parts(s.dZ[l], s.A[l - 1])
    close(pieces.sum(0), s.dW[l])
    one, three = pieces[[1, 3]]
    assert min(abs(one).max(), abs(three).max()) > 50 * abs(one + three).max()
    assert abs(s.A[l - 1][1] - s.A[l - 1][3]).max() < 0.002


def test_w3_passes_the_opposite_errors_on():
    s = stuck()
    back = s.dZ[3] @ s.W[3]
    assert abs(back[1] + back[3]).max() < 0.005 * abs(back[1]).max()
    assert abs(s.dZ[2][1] + s.dZ[2][3]).max() < 0.02 * abs(s.dZ[2][1]).max()
    slope = s.A[2] * (1 - s.A[2])
    assert abs(slope[1] - slope[3]).max() < 0.0005


def test_in_layer_1_the_inputs_differ_so_nothing_cancels_but_saturated_slopes_let_almost_nothing_through(n):
    s = stuck()
    arriving = s.dZ[2] @ s.W[2]
    without = parts(arriving, n.X)[[1, 3]].sum(0)
    assert abs(without).max() > 0.2 * abs(parts(arriving, n.X)[[1, 3]]).max() > 100 * abs(s.dW[1]).max()
    slope = (s.A[1] * (1 - s.A[1]))[[1, 3]]
    assert f"{slope.max():.5f}" == "0.00189"
    close(s.dZ[1][[1, 3]], arriving[[1, 3]] * slope)


@pytest.mark.parametrize("l", [1, 2, 3])
def test_all_three_gradients_are_right_and_useless(l, n):
    def loss(v, kind):
        W, b = ({**n.stuck.W, l: v}, n.stuck.b) if kind == "W" else (n.stuck.W, {**n.stuck.b, l: v})
        return price(outputs(W, b, n.X, "sigmoid")[3], n.Y)

    s = stuck()
    np.testing.assert_allclose(s.dW[l], nudged(lambda v: loss(v, "W"), n.stuck.W[l]), atol=1e-8)
    np.testing.assert_allclose(s.db[l][0], nudged(lambda v: loss(v, "b"), n.stuck.b[l]), atol=1e-8)
    assert f"{abs(s.dW[l]).max():.5f}" == ["0.00004", "0.00017", "0.00024"][l - 1] and abs(s.db[l]).max() < 1e-3


def test_it_comes_from_positive_weights_and_large_inputs_whose_sums_are_large_and_positive(n):
    W, b = n.lecture_net.W, n.lecture_net.b
    assert all(v.min() > 0 and v.max() < 1 for part in (W, b) for v in part.values())
    assert n.X.max() == 9
    assert (n.X @ W[1].T + b[1])[[1, 3]].min() > 1.6
    assert (n.X @ plateaus().W[1][0].T + plateaus().b[1][0, 0])[[1, 3]].min() > 6
    assert BENDS["sigmoid"][0](6) > 0.997


@pytest.mark.parametrize(("case", "ends"), [(0, {1: 0.35, 4: 0.35, 5: 0.82, 9: 0.35}), (1, {}), (2, {})],
                         ids=["X as it is", "X standardised", "centred weights"])
def test_of_ten_starts_four_get_stuck_and_with_either_remedy_none(case, ends, n):
    losses = plateaus().losses[1:].reshape(3, 10)[case]
    assert {int(i): round(losses[i], 2) for i in np.flatnonzero(losses > 0.1)} == ends
    assert (losses[losses <= 0.1] < 0.01).all()
    name = ["weights in 0 … 1, X as it is", "weights in 0 … 1, X standardised", "weights in −½ … ½, X as it is"][case]
    line, = (line for line in run("06").printed.splitlines() if line.startswith(name))
    assert line.split("stuck, at ")[1] == str(np.array(list(ends.values())))


def test_three_of_the_four_stand_at_half_of_log_2_because_layer_1_says_the_same_of_two_samples_of_two_classes(n):
    p = plateaus()
    A, losses = {l: v[1:11] for l, v in p.A.items()}, p.losses[1:11]
    for start, (i, j) in ((4, (1, 3)), (9, (1, 3)), (1, (2, 3))):
        assert losses[start] == pytest.approx(log(2) / 2, abs=0.002)
        assert abs(A[1][start, i] - A[1][start, j]).max() < 0.002 and A[1][start, [i, j]].min() > 0.99
        assert n.Y[i].argmax() != n.Y[j].argmax()
        np.testing.assert_allclose(A[3][start, [i, j]], [(n.Y[i] + n.Y[j]) / 2] * 2, atol=0.002)
        others = [k for k in range(4) if k not in (i, j)]
        np.testing.assert_allclose(A[3][start, others], n.Y[others], atol=0.004)
    assert losses[5] == pytest.approx(0.75 * log(3), abs=0.001)
    np.testing.assert_allclose(A[3][5, 1:], 1 / 3, atol=0.001)


def test_made_smaller_and_centred_the_lectures_own_start_is_free_too(n):
    net = n.lecture_net
    X = (n.X - n.X.mean(0)) / n.X.std(0)
    for W, b, inputs in ((net.W, net.b, X), (*({l: v - 0.5 for l, v in part.items()} for part in (net.W, net.b)), n.X)):
        W, b = dict(W), dict(b)
        for _ in range(1500):
            _, dW, db = slopes(W, b, inputs, n.Y, "sigmoid")
            W, b = {l: W[l] - dW[l] for l in W}, {l: b[l] - db[l] for l in b}
        assert price(outputs(W, b, inputs, "sigmoid")[3], n.Y) < 0.01


# 4 · Standardise the inputs -------------------------------------------------------------------------


def test_standardised_each_column_has_mean_0_and_deviation_1_and_no_unit(rng):
    X, unit = 5 + 3 * rng.normal(size=(40, 3)), np.array([1, 1000, 0.001])
    found, _ = ex.standardise.reference(X, X)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-13)
    np.testing.assert_allclose((found**2).mean(0), 1, rtol=1e-12)
    close(ex.standardise.reference(unit * X, unit * X)[0], found)
    close(ex.standardise.reference(X + 100, X + 100)[0], found, 1e-8)


def test_sums_of_many_inputs_are_then_as_often_negative_as_positive_even_with_positive_weights(n, rng):
    weights = rng.random((64, 500))
    assert (n.data.X_train[:1077] @ weights > 0).mean() == 1
    assert (n.X_fit @ weights > 0).mean() == pytest.approx(0.5, abs=0.05)
    assert np.median((n.standardised @ rng.random((5, 500)) > 0).mean()) == pytest.approx(0.5, abs=0.15)


def test_new_samples_are_brought_to_the_scale_of_those_learned_from_even_one_at_a_time(rng):
    X, new = 3 * rng.normal(size=(20, 4)) + 1, rng.normal(size=(6, 4))
    _, together = ex.standardise.reference(X, new)
    alone = np.vstack([ex.standardise.reference(X, row[None])[1] for row in new])
    close(together, alone)
    for j in range(4):
        mean = sum(X[:, j]) / 20
        close(together[:, j], (new[:, j] - mean) / sqrt(sum((X[:, j] - mean) ** 2) / 20))
    assert abs(together.mean(0)).max() > 0.1


def test_a_column_that_is_the_same_in_all_rows_becomes_not_a_number():
    X = np.array([[1.0, 7], [2, 7], [4, 7]])
    with np.errstate(invalid="ignore"):
        assert np.isnan(ex.standardise.reference(X, X)[0]).tolist() == [[False, True]] * 3
    assert comes_before("06", "Section 7 has such columns", "pixels that are not a number")


# 5 · How large shall the first weights be? ----------------------------------------------------------


def test_what_is_said_to_be_known_from_notebook_02_stands_there():
    sections = "\n".join(page("02", ["markdown"])).split("\n## ")
    for number, word in ((7, "tandardis"), (9, "omentum")):
        assert f"notebook 02, section {number}" in said()
        assert any(part.startswith(f"{number} ") and word in part for part in sections)


@pytest.mark.parametrize("draw", ["normal", "uniform", "laplace"])
def test_the_variance_of_a_sum_of_n_products_is_n_v_times_the_mean_square(draw, rng):
    a, v, N = rng.normal(1, 2, 30), 0.3, 100_000
    scale = {"normal": sqrt(v), "uniform": sqrt(3 * v), "laplace": sqrt(v / 2)}[draw]
    w = rng.uniform(-scale, scale, (N, 30)) if draw == "uniform" else getattr(rng, draw)(0, scale, (N, 30))
    z = w @ a
    expected = 30 * v * (a**2).mean()
    assert abs(z.mean()) < 0.02 * sqrt(expected)
    assert (z**2).mean() == pytest.approx(expected, rel=0.03) == pytest.approx(v * (a**2).sum(), rel=0.03)
    squares = (w**2 @ a**2)
    assert (w**2).mean(0) == pytest.approx(np.full(30, v), rel=0.05)
    assert squares.mean() == pytest.approx(expected, rel=0.02)
    assert abs((z**2 - squares).mean()) < 0.03 * expected  # the mixed terms


@pytest.mark.parametrize("variance", [1 / 640, 1 / 64, 1.0])
def test_the_sums_are_larger_than_the_inputs_by_the_root_of_n_v_in_each_layer(variance, rng):
    A = rng.normal(size=(300, 64))
    for _ in range(5):
        Z = A @ (sqrt(variance) * rng.normal(size=(64, 64))).T
        assert sqrt((Z**2).mean() / (A**2).mean()) == pytest.approx(sqrt(64 * variance), rel=0.2)
        A = Z


def test_exercise_6_is_the_root_of_64_and_1_over_64(rng):
    a = rng.normal(size=64)
    a /= sqrt((a**2).mean())
    deviation, variance = ex.spread.reference()
    assert (deviation, variance) == (8, 1 / 64)
    assert (rng.normal(size=(20_000, 64)) @ a).std() == pytest.approx(deviation, rel=0.03)
    assert (sqrt(variance) * rng.normal(size=(20_000, 64)) @ a).std() == pytest.approx(1, rel=0.03)


@cache
def through_ten_layers(variance, seed=1, f=np.tanh, start=0):
    rng, found = np.random.default_rng(seed), [np.random.default_rng(start).normal(size=(500, 64))]
    for _ in range(10):
        w = rng.normal(0, sqrt(variance), (64, 64))
        found.append(f(np.einsum("ni,ji->nj", found[-1], w)))
    return found[1:]


def size_of(A):
    return sqrt((A**2).mean())


@cache
def there_and_back(variance, seed=1, start=0):
    """The outputs of ten layers, and the sizes of a gradient of size 1 on its way back from the last to the input."""
    rng, layers, sizes = np.random.default_rng(seed), through_ten_layers(variance, seed, start=start), []
    weights = [rng.normal(0, sqrt(variance), (64, 64)) for _ in range(10)]
    D = rng.normal(size=(500, 64))
    for w, A in zip(weights[::-1], layers[::-1]):
        sizes.append(size_of(D))
        D = np.einsum("nj,ji->ni", D * (1 - A**2), w)
    return layers, np.array([*sizes, size_of(D)])


@pytest.mark.parametrize(("name", "variance"), [("1/640", 1 / 640), ("1/64", 1 / 64), ("1", 1.0)])
def test_the_sizes_there_and_back_come_out_unit_by_unit(name, variance):
    layers, back = there_and_back(variance)
    shown = [size_of(layers[0]), size_of(layers[9]), back[-1]]
    line = f"variance {name:<5}  size of A: layer 1 {{:.2f}}, layer 10 {{:.5f}};  of dA at the input {{:.5f}}"
    assert line.format(*shown) in run("06").printed and back[0] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_too_small_both_have_died_out_too_large_units_are_at_their_ends_and_in_between_both_arrive(seed):
    (small, faded), (right, kept), (large, grown) = (there_and_back(v, seed, seed) for v in (1 / 640, 1 / 64, 1.0))
    assert size_of(small[9]) < 0.0001 and faded[-1] < 0.0001
    for A in large:
        assert ((abs(A) > 0.9).mean(0) > 0.6).all() and (abs(A) > 0.9).mean() > 0.8  # each unit, for most samples
    assert 0.15 < size_of(right[9]) < 0.4 and 0.15 < kept[-1] < 0.6
    assert grown[-1] > 1000


def test_the_large_weights_outdo_the_small_slopes():
    """The slopes are about a tenth, and the weights make what comes back eight times as large: in all, twice."""
    layers, back = there_and_back(1.0)
    assert all(0.09 < np.mean(1 - A**2) < 0.12 for A in layers)
    assert ((back[1:] / back[:-1] > 1.8) & (back[1:] / back[:-1] < 2.6)).all() and sqrt(64 * 1.0) == 8


def test_both_arrive_smaller_because_tanh_makes_everything_smaller():
    sizes = [size_of(A) for A in through_ten_layers(1 / 64)]
    assert (np.diff(sizes) < 0).all() and np.min(np.divide(sizes[3:], sizes[2:-1])) > 0.85
    straight = size_of(through_ten_layers(1 / 64, 1, lambda Z: Z)[-1])
    assert straight == pytest.approx(1, rel=0.3) and straight > 3 * sizes[-1]
    z = np.linspace(-4, 4, 400)
    assert (abs(np.tanh(z)) < abs(z)).all() and (1 - np.tanh(z) ** 2 <= 1).all()


@pytest.mark.parametrize(("m", "d"), [(300, 100), (100, 300), (200, 200)])
def test_xavier_has_the_variance_2_over_n_plus_m_and_he_2_over_n_and_the_biases_start_at_0(m, d, rng):
    for scheme, variance in (("xavier", 2 / (d + m)), ("he", 2 / d)):
        net = initialize([d, m], [relu], rng, scheme)
        assert net.W[1].shape == (m, d)
        assert net.W[1].var() == pytest.approx(variance, rel=0.04) and abs(net.W[1].mean()) < 0.02 * sqrt(variance)
        assert not net.b[1].any()
    assert all(not v.any() for v in initialize([d, m, 3], [tanh, softmax], rng).b.values())


def test_xavier_is_a_compromise_between_the_way_forward_and_the_way_back(rng):
    d, m = 300, 100
    net = initialize([d, m], [tanh], rng)
    X, dZ = rng.normal(size=(200, d)), rng.normal(size=(200, m))
    there, back = ((v**2).mean() for v in (X @ net.W[1].T, dZ @ net.W[1]))
    assert there == pytest.approx(d * 2 / (d + m), rel=0.1) and back == pytest.approx(m * 2 / (d + m), rel=0.1)
    assert back < 1 < there and sorted([1 / m, 2 / (d + m), 1 / d])[1] == 2 / (d + m)


def test_a_relu_sets_about_half_of_its_inputs_to_0_so_twice_the_variance_keeps_the_size(n, rng):
    def bent(Z):
        return np.maximum(Z, 0)

    kept, lost = (through_ten_layers(v, 3, bent) for v in (2 / 64, 1 / 64))
    assert all((A == 0).mean() == pytest.approx(0.5, abs=0.12) for A in kept)
    assert (outputs(*drawn([64, 64, 10], 1)[:2], n.X_fit)[1] == 0).mean() == pytest.approx(0.5, abs=0.1)
    assert 0.4 < size_of(kept[-1]) < 2.5 and size_of(lost[-1]) < size_of(kept[-1]) / 30


# 6 · Toys with shapes -------------------------------------------------------------------------------


def whole_plane(model, side=121):
    """The answers on a grid over the square from −6 to 6, and the grid."""
    G = np.stack(np.meshgrid(*[np.linspace(-6, 6, side)] * 2), -1).reshape(-1, 2)
    return outputs(model.W, model.b, G, "tanh")[len(model.W)].argmax(1), G


@pytest.mark.parametrize("name", TOYS)
def test_a_title_is_the_share_of_the_points_that_the_network_has_learned_from(name, n):
    P, classes, model, _ = n.solved[name]
    share = (outputs(model.W, model.b, P, "tanh")[len(model.W)].argmax(1) == classes).mean()
    assert share > 0.95 and len(P) == 300
    titles = [ax.get_title() for ax in picture("Four sets of points, and")]
    assert titles[TOYS.index(name)] == f"{name}: {share:.0%}" and list(n.solved) == TOYS


@pytest.mark.parametrize("name", TOYS[:3])
def test_a_toys_network_comes_out_by_plain_lines(name, n):
    make, sizes, rate, epochs = n.worlds[name]
    rng = np.random.default_rng(7)
    P, classes = make(300, 0.1, rng)
    W, b, _ = drawn(sizes, rng, "xavier")
    W, b = last(descents([(W, b, rng)], P, np.eye(2)[classes], [rate], 10, "tanh", epochs))
    for l in W:
        close(n.solved[name][2].W[l], W[l][0], 1e-6)


def test_from_two_hidden_units_to_two_layers_of_sixteen(n):
    assert [sizes[1:-1] for _, sizes, _, _ in n.worlds.values()] == [[2], [4], [4], [16, 16]]


@pytest.mark.parametrize("name", TOYS[:3])
def test_with_two_hidden_units_the_share_is_the_printed_one(name, n):
    make, _, rate, epochs = n.worlds[name]
    rng = np.random.default_rng(7)
    P, classes = make(300, 0.1, rng)
    W, b, _ = drawn([2, 2, 2], rng, "xavier")
    W, b = last(descents([(W, b, rng)], P, np.eye(2)[classes], [rate], 10, "tanh", epochs))
    share = (outputs(W, b, P, "tanh")[2][0].argmax(1) == classes).mean()
    assert f"{name:<7} two hidden units {share:.0%}, " in run("06").printed


def test_two_hidden_units_cannot_close_a_curve_nor_wind_along_the_spiral(n):
    """Of many networks with two hidden units, none has a class that ends in every direction; and trained, none fits."""
    nets = [drawn([2, 2, 2], start, "centred") for start in range(300)]
    W, b = stacked([({1: 4 * W[1], 2: W[2]}, b, rng) for W, b, rng in nets])
    angle = np.radians(np.arange(0, 360, 2))
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    near = outputs(W, b, np.vstack([r * ring for r in (0, 0.5, 1, 2, 4)]), "tanh")[2].argmax(-1)
    far = outputs(W, b, 1e4 * ring, "tanh")[2].argmax(-1)
    both = (near.min(1) != near.max(1))
    assert both.sum() > 100 and (far.min(1) != far.max(1))[both].all()
    for name in ("circle", "spiral"):
        P, classes, _, share = n.solved[name]
        W, b = last(descents([drawn([2, 2, 2], k, "xavier") for k in range(20)], P, np.eye(2)[classes], [0.2] * 20, 10,
                             "tanh", 60))
        assert (outputs(W, b, P, "tanh")[2].argmax(-1) == classes).mean(-1).max() < 0.9 < share


def test_between_two_clouds_the_border_is_nearly_straight_and_for_the_others_it_is_not(n):
    def agreement(name):
        found, G = whole_plane(n.solved[name][2])
        D = np.column_stack([G, np.ones(len(G))])
        return ((D @ np.linalg.lstsq(D, 2 * found - 1, rcond=None)[0] > 0) == found).mean()

    assert agreement("gauss") > 0.96 and max(map(agreement, TOYS[1:])) < 0.85


def test_xor_gets_corners_the_disc_a_closed_curve_and_the_spiral_two_interlocked_arms(n):
    found, G = whole_plane(n.solved["xor"][2])
    assert ((G[:, 0] * G[:, 1] > 0) == found)[(abs(G) > 0.7).all(1)].mean() > 0.95
    found, G = whole_plane(n.solved["circle"][2])
    radius = np.hypot(*G.T)
    assert found[radius < 2].all() and not found[(radius > 4) & (radius < 6)].any()
    assert not found.reshape(121, 121)[[0, -1]].any() and not found.reshape(121, 121)[:, [0, -1]].any()
    model, t = n.solved["spiral"][2], np.linspace(0.1, 0.95, 200)
    for arm in (0, 1):
        angle = 1.75 * 2 * np.pi * t + np.pi * arm
        P = 5 * t[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        assert (outputs(model.W, model.b, P, "tanh")[3].argmax(1) == arm).mean() > 0.95


def test_the_playground_starts_with_the_spiral_and_has_a_control_for_each_thing_that_is_named():
    state = re.search(r'playground\(state="(.+?)"\)', "\n".join(sources("06")))[1]
    piece = playground(state=state)
    assert piece.settings.data == "spiral" and piece.settings.encode() == state
    assert {"data", "noise", "rate", "batch"} <= set(piece.controls) and piece.panel.layers.value == 2
    assert sum(box.value for box in piece.panel.inputs) == 2 + 5  # x₁ and x₂, and five hand-made ones


# 7 · Handwritten digits -----------------------------------------------------------------------------


def test_1797_digits_of_8_by_8_are_divided_into_three_parts_that_share_none(n):
    assert [len(X) for X in (n.X_fit, n.X_val, n.X_test)] == [1077, 270, 450] and 1077 + 270 + 450 == 1797
    assert n.data.X_train.shape == (1347, 64) and 8 * 8 == 64
    rows = [{x.tobytes() for x in X} for X in (n.data.X_train[:1077], n.data.X_train[1077:], n.data.X_test)]
    assert [len(part) for part in rows] == [1077, 270, 450] and len(set.union(*rows)) == 1797
    d = standardised()
    for mine, its in ((d.fit, n.X_fit), (d.val, n.X_val), (d.test, n.X_test), (d.Y, n.Y_fit), (d.Y_val, n.Y_val)):
        close(mine, its)


def test_the_picture_shows_the_first_sixteen_with_their_labels(n):
    axes = np.ravel(picture("The first sixteen digits"))
    assert [ax.get_title() for ax in axes] == [str(label) for label in n.labels_fit[:16]] and len(axes) == 16
    for ax, x in zip(axes, n.data.X_train):
        np.testing.assert_array_equal(ax.images[0].get_array(), x.reshape(8, 8))


def test_four_pixels_have_the_same_value_in_all_training_images_so_that_0_over_0_stands_there(n):
    X = n.data.X_train[:1077]
    assert [j for j in range(64) if len(set(X[:, j])) == 1] == [0, 24, 32, 39]
    with np.errstate(invalid="ignore"):
        found, _ = ex.standardise.reference(X, X)
        assert np.isnan(np.float64(0) / 0)
    assert np.flatnonzero(np.isnan(found).any(0)).tolist() == np.flatnonzero(np.isnan(found).all(0)).tolist()
    assert np.flatnonzero(np.isnan(found).any(0)).tolist() == [0, 24, 32, 39]


def test_divided_by_1_there_nothing_is_nan_and_any_other_constant_does_as_well(n):
    assert all(np.isfinite(X).all() for X in (n.X_fit, n.X_val, n.X_test))
    assert not n.X_fit[:, [0, 24, 32, 39]].any() and (n.std[[0, 24, 32, 39]] == 1).all()
    scale = n.data.X_train[:1077].std(0)
    other = (n.data.X_train[:1077] - n.mean) / np.where(scale > 0, scale, 17.0)
    np.testing.assert_array_equal(other, n.X_fit)


def test_the_training_part_has_mean_0_and_deviation_1_and_the_test_part_only_about():
    d = standardised()
    np.testing.assert_allclose(d.fit.mean(0), 0, atol=1e-12)
    assert set(d.fit.std(0).round(9)) == {0, 1} and abs(d.test.mean(0)).max() > 0.05


def test_the_largest_value_is_a_pixel_at_the_edge_that_is_white_in_almost_all_training_images(n):
    d = standardised()
    found = [round(float(X.max()), 1) for X in (d.fit, d.val)]
    assert found == printed("largest value in training and validation: ") and f"{d.fit.max():.0f}" == "33"
    assert says("33 standard deviations deserve a second look")
    pixel = d.fit.max(0).argmax()
    assert pixel % 8 in (0, 7) or pixel // 8 in (0, 7)
    assert (n.data.X_train[:1077, pixel] == 0).mean() > 0.99 and n.std[pixel] < 0.01 < np.median(n.std) / 10
    assert picture("The first sixteen digits").ravel()[0].images[0].get_cmap()(0.0)[:3] == (1, 1, 1)  # 0 is white


def test_the_network_has_4810_parameters_and_its_gradients_are_those_of_torch_and_of_nudging(n):
    W, b, _ = drawn([64, 64, 10], 1)
    assert sum(v.size for part in (W, b) for v in part.values()) == 64 * 64 + 64 + 10 * 64 + 10 == 4810
    net = torchs(W, b, torch.nn.ReLU)
    torch.nn.functional.cross_entropy(net(torch.tensor(n.X_fit[:3])), torch.tensor(n.labels_fit[:3])).backward()
    theirs = np.concatenate([v.grad.numpy().ravel() for v in net.parameters()])
    _, dW, db = slopes(W, b, n.X_fit[:3], n.Y_fit[:3])
    close(np.concatenate([v.ravel() for l in (1, 2) for v in (dW[l], db[l])]), theirs)
    np.testing.assert_allclose(n.flat(n.nudged.dW, n.nudged.db), theirs, atol=1e-7)
    assert n.nudged.dW[1].shape == (64, 64) and "all 4810 numbers" in run("06").printed


def test_the_fused_loss_takes_softmax_into_the_loss(n):
    Z = n.X_fit[:5] @ drawn([64, 10], 0)[0][1].T
    assert softmax_cross_entropy(Z, n.Y_fit[:5]) == pytest.approx(price(outputs({1: np.eye(10)}, {1: 0}, Z)[1],
                                                                        n.Y_fit[:5]), rel=1e-12)


def test_exercise_7_is_log_10_whatever_the_labels(rng):
    A = np.full((50, 10), 0.1)
    assert ex.first_loss.reference() == pytest.approx(log(10)) == pytest.approx(price(A, np.eye(10)[
        rng.integers(0, 10, 50)]))


def test_the_validation_losses_of_five_rates_and_three_starts_come_out_by_plain_lines():
    for rate, mine in zip(("0.01", "0.03", "0.1 ", "0.3 ", "1.0 "), tried()):
        *three, mean = printed(f"rate {rate}  validation loss ")
        np.testing.assert_allclose(three, mine, atol=0.00051)
        assert mean == pytest.approx(mine.mean(), abs=0.00051)
    ratios = [b / a for a, b in pairwise((0.01, 0.03, 0.1, 0.3, 1.0))]
    assert min(ratios) > 2.9 and max(ratios) < 3.4


def test_the_two_smallest_rates_have_not_converged_after_30_epochs_and_at_1_the_starts_disagree():
    now, later = tried(), tried((0.01, 0.03), 60)
    assert (later < 0.91 * now[:2]).all()
    spread = np.ptp(now, axis=1)
    assert spread[4] > 0.06 > 2.5 * spread[3] and spread.argmax() == 4


def test_between_0_1_and_0_3_there_is_hardly_a_difference():
    small, large = tried().mean(1)[[2, 3]]
    assert 0 < small - large < 0.006 < np.ptp(tried()[3]) / 3


def test_the_run_of_forty_epochs_comes_out_by_plain_lines(n):
    f = forty()
    close([epoch.loss for epoch in n.run], f.loss, 1e-6)
    close(n.val_losses, f.val_loss, 1e-6)
    assert f.val_loss.argmin() + 1 == n.best_epoch.number == 11
    assert (f"{f.val_loss.min():.3f}", f"{f.val_loss[-1]:.3f}") == ("0.126", "0.134")


def test_the_training_loss_goes_on_falling_and_the_validation_loss_rises_a_little_from_the_eleventh_epoch(n):
    f = forty()
    assert (np.diff(f.loss) < 0).all() and f.loss[39] < min(f.loss[10] / 4, 0.003)
    assert 1.04 < f.val_loss[39] / f.val_loss[10] < 1.08 and (f.val_loss[11:] > f.val_loss[10]).all()
    assert f.val_loss[30:].min() > f.val_loss[10:20].mean()


def test_soon_all_training_digits_are_right_and_about_97_percent_of_the_validation_digits():
    f = forty()
    assert not f.wrong[9:].any() and f.wrong[:5].all()
    right = 100 * (1 - f.val_wrong[9:] / 270)
    assert right.min() > 97 and right.max() < 97.5


def test_the_picture_shows_both_losses_both_accuracies_and_the_best_epoch():
    f, (left, right) = forty(), picture("Left: both losses")
    training_loss, validation_loss, dotted = left.lines
    close(training_loss.get_ydata(), f.loss, 1e-6)
    close(validation_loss.get_ydata(), f.val_loss, 1e-6)
    assert set(dotted.get_xdata()) == {11} and dotted.get_linestyle() == ":" and left.get_yscale() == "linear"
    close(right.lines[0].get_ydata(), 100 * (1 - f.wrong / 1077))
    close(right.lines[1].get_ydata(), 100 * (1 - f.val_wrong / 270))
    assert right.get_yscale() == "linear"
    assert [line.get_label() for line in left.lines[:2]] == ["training", "validation"]


def test_from_about_epoch_6_on_it_gets_better_on_what_it_has_seen_and_hardly_better_on_others():
    """The loss falls to a tenth, on others by less than 1 %; there the accuracy does not fall, but gains a digit."""
    f = forty()
    assert f.loss[39] < f.loss[5] / 10 and f.loss[39] < f.loss[19] / 2
    assert f.val_loss[:4].min() > f.val_loss[5] > f.val_loss[5:].min() > 0.99 * f.val_loss[5]
    assert f.val_loss[20:].mean() > f.val_loss[11:20].mean() > f.val_loss[10]
    assert (np.diff(f.val_wrong[9:]) <= 0).all() and f.val_wrong[9] - f.val_wrong[39] == 1
    assert abs(f.test_wrong[10:] - f.test_wrong[9]).max() <= 2 and 0.01 < f.test_wrong[39] / 450 < 0.03
    assert re.search("overfit", "\n".join(page("00", ["markdown"])))


def test_it_becomes_surer_of_everything_of_its_wrong_answers_too():
    d, nets = standardised(), forty().nets
    early, late = (outputs(*nets[epoch], d.val)[2] for epoch in (10, 39))
    assert early.max(1).mean() < late.max(1).mean()
    misread = (early.argmax(1) != d.labels_val) & (late.argmax(1) != d.labels_val)
    assert misread.sum() == 7 and late[misread].max(1).mean() > early[misread].max(1).mean() + 0.02


def test_early_stopping_costs_one_line_and_keeps_the_network_of_the_lowest_validation_loss(n):
    assert "best_epoch = run[int(np.argmin(val_losses))]" in "\n".join(sources("06"))
    W, b = forty().nets[10]
    for l in W:
        close(n.best_epoch.net.W[l], W[l], 1e-6)
        close(n.chosen.b[l], np.ravel(b[l]), 1e-6)


# 8 · The test, once ---------------------------------------------------------------------------------


def test_13_of_450_are_wrong_and_97_1_percent_right(n):
    assert forty().test_wrong[10] == len(n.wrong) == 13 and f"{1 - 13 / 450:.1%}" == "97.1%"
    A = outputs(n.chosen.W, n.chosen.b, standardised().test)[2]
    assert np.flatnonzero(A.argmax(1) != standardised().labels_test).tolist() == n.wrong.tolist()


def test_the_test_set_is_first_opened_after_everything_has_been_chosen():
    """Before, its size alone is asked for, and its inputs are brought to the scale of the others."""
    code = [source.replace("len(data.labels_test)", "450") for source in sources("06")]
    opened = [i for i, source in enumerate(code) if "labels_test" in source or "predict(chosen, X_test)" in source]
    chosen, = (i for i, source in enumerate(code) if "best_epoch = " in source)
    assert opened[0] > chosen and "wrong = np.flatnonzero(predict(chosen, X_test)" in code[opened[0]]
    for part in ("train", "loss_of", "accuracy", "predict", "forward"):
        assert not re.search(rf"\b{part}\([^\n]*X_test", "\n".join(code[: opened[0]]))


def test_whoever_had_chosen_the_epoch_by_the_test_set_would_state_a_better_result():
    f = forty()
    assert f.test_wrong.min() < f.test_wrong[f.val_loss.argmin()]


def test_the_number_of_wrong_ones_scatters_as_exercise_8_says(rng):
    p = 13 / 450
    shares = (rng.random((20_000, 450)) < p).mean(1)
    assert shares.std() == pytest.approx(sqrt(p * (1 - p) / 450), rel=0.02)
    assert 100 * shares.std() == pytest.approx(ex.standard_error.reference(), rel=0.03)
    assert f"{100 * sqrt(p * (1 - p) / 450):.2f}" == "0.79" == f"{ex.standard_error.reference():.2f}"


def test_in_about_two_of_three_such_tests_the_result_lies_within_one_standard_deviation():
    p, one = 13 / 450, sqrt(450 * 13 / 450 * (1 - 13 / 450))
    chances = [comb(450, k) * p**k * (1 - p) ** (450 - k) for k in range(451)]
    assert sum(chance for k, chance in enumerate(chances) if abs(k - 13) <= one) == pytest.approx(2 / 3, abs=0.02)


def test_97_5_percent_on_the_same_test_is_less_than_one_standard_error_away():
    assert 97.5 - 100 * (1 - 13 / 450) < 0.79 / 1.5


def test_the_confusion_matrix_has_437_on_the_diagonal_and_13_beside_it_in_orange(n):
    A, labels = outputs(n.chosen.W, n.chosen.b, standardised().test)[2], standardised().labels_test
    counts = np.zeros((10, 10), dtype=int)
    for true, guess in zip(labels, A.argmax(1)):
        counts[true, guess] += 1
    ax = picture("How often each true digit")
    shown = np.zeros((10, 10), dtype=int)
    for text in ax.texts:
        column, row = map(int, text.get_position())
        shown[row, column] = int(text.get_text())
        assert (to_rgb(text.get_color()) == to_rgb(BACKWARD)) == (row != column)
    np.testing.assert_array_equal(shown, counts)
    assert np.trace(counts) == 437 and counts.sum() - np.trace(counts) == 13
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true") and "13 of 450 lie off" in said()


def test_the_ten_pictures_are_misread_digits_those_first_of_which_the_network_was_most_certain(n):
    A, labels = outputs(n.chosen.W, n.chosen.b, standardised().test)[2], standardised().labels_test
    misread = [i for i in range(450) if A[i].argmax() != labels[i]]
    first = sorted(misread, key=lambda i: -A[i].max())[:10]
    axes = np.ravel(picture("Ten of the digits that were misread"))
    assert [ax.get_title() for ax in axes] == [f"{labels[i]}, said {A[i].argmax()}" for i in first]
    for ax, i in zip(axes, first, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), n.data.X_test[i].reshape(8, 8))


def sheet_of(rows):
    """On which of the 14 sheets each of these images is."""
    with np.load(DIGITS) as file:
        place = {x.tobytes(): i for i, x in enumerate(file["X"] / 16)}
    return np.searchsorted(SHEETS, [place[x.tobytes()] for x in rows], side="right")


def test_the_digits_fill_14_sheets_on_each_of_which_the_same_pattern_begins_anew():
    """That 13 people have written them is what their source says."""
    with np.load(DIGITS) as file:
        text = "".join(map(str, file["labels"]))
    assert len(text) == 1797 and len(SHEETS) == 14
    starts = [found.start() for found in re.finditer("(?=012345678901234567890123456789)", text)]
    assert set(starts) <= set(SHEETS) and len(starts) >= 10
    assert all("123456789012345" in text[start : start + 34] for start in SHEETS)
    assert {b - a for a, b in pairwise([*SHEETS, 1797])} == {126, 127, 128, 130}
    assert "13 writers" in DIGITS.with_name("README.md").read_text("utf-8")


def test_the_test_digits_were_drawn_from_all_sheets_and_the_network_has_seen_every_hand(n):
    assert set(sheet_of(n.data.X_test)) == set(sheet_of(n.data.X_train[:1077])) == set(range(1, 15))
    assert np.bincount(sheet_of(n.data.X_train[:1077]))[1:].min() > 50


def test_eleven_sheets_and_three_are_divided_exactly_where_a_sheet_begins(n):
    part = digits(test_share=382 / 1797, seed=None)
    assert 1797 - 382 == SHEETS[11] == len(part.X_train) == 1415 and len(part.X_test) == 382
    assert set(sheet_of(part.X_train)) == set(range(1, 12)) and set(sheet_of(part.X_test)) == {12, 13, 14}
    assert "digits(test_share=382 / 1797, seed=None)" in "\n".join(sources("06"))


def test_on_sheets_that_it_has_not_seen_it_is_clearly_worse_although_it_had_more_to_learn_from(n):
    others, same = other_sheets(1), 1 - 13 / 450
    assert others == pytest.approx(n.others, abs=1e-9) and f"{others:.1%}" == "91.4%"
    assert f"{100 * sqrt(others * (1 - others) / 382):.1f}" == "1.4"
    assert 0.05 < same - others < 0.06 and 1415 > 1077
    assert max(other_sheets(start) for start in (1, 2, 3)) < 0.95 < 1 - max(
        chosen_by_validation((0, 0, 0), (1, 2, 3))) / 450


# 9 · If it does not work -----------------------------------------------------------------------------


def test_1_the_loss_at_the_start_is_a_little_above_log_k_and_far_above_if_weights_or_inputs_are_too_large(n):
    """It would be log 10 if the first logits were 0."""
    W, b, _ = drawn([64, 64, 10], 1)
    first = price(outputs(W, b, n.X_fit)[2], n.Y_fit)
    assert f"{first:.2f}" == "2.64" and log(10) < first < 1.15 * log(10)
    assert price(outputs({l: 5 * w for l, w in W.items()}, b, n.X_fit)[2], n.Y_fit) > 5 * log(10)
    assert price(outputs(W, b, 16 * n.X_fit)[2], n.Y_fit) > 5 * log(10)
    assert price(outputs({1: W[1], 2: 0 * W[2]}, b, n.X_fit)[2], n.Y_fit) == pytest.approx(log(10), rel=1e-12)


def test_1_clearly_below_log_k_no_untrained_network_begins_and_a_loss_that_is_wrongly_averaged_does(n):
    """Not even if the labels are among the inputs."""
    nets = [drawn([74, 64, 10], start) for start in range(20)]
    leaked = price(outputs(*stacked(nets), np.hstack([n.X_fit, n.Y_fit]))[2], n.Y_fit)
    assert leaked.min() > log(10)
    A = outputs(*drawn([64, 64, 10], 1)[:2], n.X_fit)[2]
    assert -(n.Y_fit * np.log(A)).mean() < log(10) / 5


def test_2_the_network_learns_four_samples_by_heart(n):
    W, b, _ = drawn([64, 64, 10], 1)
    for _ in range(200):
        _, dW, db = slopes(W, b, n.X_fit[:4], n.Y_fit[:4])
        W, b = {l: W[l] - 0.3 * dW[l] for l in W}, {l: b[l] - 0.3 * db[l] for l in b}
    assert f"{price(outputs(W, b, n.X_fit[:4])[2], n.Y_fit[:4]):.4f}" == "0.0001"


def test_2_right_code_may_fail_at_four_samples_by_its_scales_and_first_weights():
    losses = plateaus().losses
    assert losses[0] > 0.3 and (losses[1:11] > 0.3).sum() == 4 and losses[11:].max() < 0.01


def test_3_a_loss_of_log_k_is_the_best_of_an_output_that_ignores_the_input(n, rng):
    least = price(np.tile(n.Y_fit.mean(0), (1077, 1)), n.Y_fit)
    assert least == pytest.approx(log(10), abs=0.002)
    constants = rng.dirichlet(np.ones(10) * 20, 500)
    assert min(price(np.tile(a, (1077, 1)), n.Y_fit) for a in constants) >= least


def test_3_shuffled_apart_nothing_crashes_and_other_digits_are_hardly_better_than_guessed(n):
    nets, shuffled = [drawn([64, 64, 10], 1)], np.random.default_rng(0).permutation(standardised().fit)
    losses, right, learned = [], [], []
    for W, b in descents(nets, shuffled, n.Y_fit, [0.03], 32, "relu", 40):
        A = outputs(W, b, shuffled)[2][0]
        losses.append(price(A, n.Y_fit))
        learned.append(1 - wrong(A, n.labels_fit) / 1077)
        right.append(1 - wrong(outputs(W, b, standardised().val)[2][0], n.labels_val) / 270)
    assert (f"{losses[4]:.2f}", f"{right[4]:.0%}") == ("2.26", "14%") and (np.diff(losses) < 0).all()
    assert max(right) < 0.16 and learned[4] < 0.2 < 0.35 < learned[39]  # wrong labels, by heart
    assert (shuffled != standardised().fit).any(1).mean() > 0.99


def test_4_the_lengths_of_the_gradients_and_zero_if_a_layer_is_saturated_or_cut_off(n):
    W, b, _ = drawn([64, 64, 10], 1)
    _, dW, _ = slopes(W, b, n.X_fit, n.Y_fit)
    assert [round(np.linalg.norm(dW[l]), 2) for l in (1, 2)] == [1.09, 1.18]
    _, cut, _ = slopes(W, {1: b[1] - 1000, 2: b[2]}, n.X_fit, n.Y_fit)  # a ReLU that is never on
    assert not cut[1].any()
    _, saturated, _ = slopes({1: W[1], 2: W[2]}, {1: b[1] + 100, 2: b[2]}, n.X_fit, n.Y_fit, "tanh")
    _, alive, _ = slopes(W, b, n.X_fit, n.Y_fit, "tanh")
    assert abs(saturated[1]).max() < 1e-9 < 0.01 < abs(alive[1]).max()


def test_exercise_9_each_log_is_what_its_cause_makes(n):
    """A: near log 10, however long. B: far above it at the start. C: up, until it is no number. D: the two part."""
    assert ex.read_logs.reference() == ("c", "b", "a", "d")
    logs = [[float(v) for v in re.findall(r"\d+\.\d+", line.split("validation")[0])]
            for line in re.findall(r"^> [ABCD]\. training loss (.+)$", said(), re.MULTILINE)]
    assert len(logs) == 4 and logs[0] == sorted(logs[0])[::-1] and abs(np.array(logs[0]) - log(10)).max() < 0.06
    assert f"{from_positive_weights(n)[0]:.1f}" == "14.8" == f"{logs[1][0]}"
    with np.errstate(all="ignore"):
        W, b = last(descents([drawn([64, 64, 10], 1)], n.X_fit, n.Y_fit, [300.0], 32, "relu", 3))
        assert not price(outputs(W, b, n.X_fit)[2], n.Y_fit)[0] < 100
    training_loss, validation = re.search(r"D\. training loss (.+?), …; validation loss (.+?), …", said()).groups()
    falls, apart = ([float(v) for v in text.split(", ")] for text in (training_loss, validation))
    assert falls == sorted(falls)[::-1] and min(apart) == apart[1] and apart[-1] > apart[0]


# 10 · From nothing -----------------------------------------------------------------------------------


def test_the_network_from_nothing_reads_more_than_95_percent_of_the_validation_digits(n):
    d, (W, b, _) = standardised(), drawn([64, 64, 10], 1)
    mine, losses = (dict(W), dict(b)), []
    for _ in range(200):
        losses.append(price(outputs(W, b, d.fit)[2], d.Y))
        _, dW, db = slopes(W, b, d.fit, d.Y)
        W, b = {l: W[l] - 0.5 * dW[l] for l in W}, {l: b[l] - 0.5 * np.ravel(db[l]) for l in b}
    assert (f"{losses[0]:.3f}", f"{losses[-1]:.3f}") == ("2.636", "0.015")
    right = 1 - wrong(outputs(W, b, d.val)[2], d.labels_val) / 270
    assert f"{right:.1%}" == "95.9%" and right > 0.95
    found_W, found_b, found_losses = ex.train_from_nothing.reference(*mine, d.fit, d.Y, 0.5, 5)
    assert found_losses.shape == (5,) and set(found_W) == set(found_b) == {1, 2}
    close(found_losses, losses[:5])
    close(n.losses, losses, 1e-6)


def test_before_its_first_step_a_network_of_zeros_has_the_loss_log_10(n):
    zeros = {1: np.zeros((64, 64)), 2: np.zeros((10, 64))}, {1: np.zeros(64), 2: np.zeros(10)}
    assert ex.train_from_nothing.reference(*zeros, n.X_fit, n.Y_fit, 0.5, 1)[2][0] == pytest.approx(log(10))


def test_read_back_the_network_is_the_same_bit_for_bit(n, tmp_path):
    save(n.chosen, tmp_path / "digits.npz")
    with np.load(tmp_path / "digits.npz") as file:
        arrays = {name: file[name] for name in file if name != "f"}
    again = load(tmp_path / "digits.npz")
    for l in (1, 2):
        assert arrays[f"W{l}"].tobytes() == again.W[l].tobytes() == n.chosen.W[l].tobytes()
        assert arrays[f"b{l}"].tobytes() == again.b[l].tobytes() == n.chosen.b[l].tobytes()
    assert forward(again, n.X_test).A[2].tobytes() == forward(n.chosen, n.X_test).A[2].tobytes()
    assert predict(again, n.X_test).tolist() == outputs(*n.chosen[:2], n.X_test)[2].argmax(1).tolist()


# 11 · Appendix: better steps -------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_a_methods_validation_losses_are_means_of_three_starts_and_the_first_is_that_of_torchs_optimiser(name, n):
    mine = three_starts(name)
    close(mine[:, 0], by_torchs_optimiser(name, 1), 1e-7)
    close(n.histories[name], mine.mean(1), 1e-6)
    shown = printed(f"{name:<20} validation loss after epochs 1, 3, 12:")
    assert np.round(mine.mean(1)[[0, 2, 11]], 4).tolist() == shown and len(mine) == 12


def test_all_parameters_are_in_one_vector_and_an_update_that_loses_g_is_a_plain_step(n):
    assert n.flat(*drawn([64, 64, 10], 1)[:2]).shape == (4810,)
    close(n.optimise(lambda g, t, epoch, m: 0.3 * g, 1, epochs=2), forty().val_loss[:2], 1e-7)


def test_a_rate_that_decays_lets_the_noise_average_out():
    """From one epoch to the next the validation losses jump less and less; at a fixed rate they do not."""
    fixed, decaying = (abs(np.diff(three_starts(name), axis=0)) for name in ("rate 0.3", "rate 1/epoch"))
    assert decaying[6:].mean() < fixed[6:].mean() / 2 and decaying[6:].mean() < decaying[:3].mean() / 20
    assert [METHODS["rate 1/epoch"][4](e) for e in (1, 2, 4)] == [1, 1 / 2, 1 / 4]


def velocity(gradients):
    v = 0
    for g in gradients:
        v = 0.9 * v + g
    return v


def test_by_momentum_what_the_gradients_have_in_common_adds_up_to_tenfold_and_what_changes_sign_cancels():
    assert velocity([1.0] * 500) == pytest.approx(10, rel=1e-9) == pytest.approx(1 / (1 - 0.9))
    assert velocity([1.0] * 20) < 10 and abs(velocity([(-1.0) ** k for k in range(500)])) < 0.53
    found, m = [], {}
    for _ in range(500):
        found.append(variables().momentum(np.ones(2), 1, 1, m))
    close(found[-1], np.full(2, 0.03 * 10))


def test_adam_divides_the_averaged_gradient_by_its_typical_size_both_corrected_for_having_begun_at_0(n):
    g = np.array([3.0, -0.002, 1e-5])
    m = {}
    for t in range(1, 60):
        step = n.adam(g, t, 1, m)
        close(m["g"] / (1 - 0.9**t), g)
        close(np.sqrt(m["q"] / (1 - 0.999**t)), abs(g))
        np.testing.assert_allclose(step, 0.01 * np.sign(g), rtol=2e-3)
    assert abs(m["q"] / g**2 - 0.057).max() < 0.001  # uncorrected, it would be far too small


def test_exercise_11_the_first_step_of_adam_is_as_long_for_every_gradient_and_downhill():
    W = torch.tensor([0.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([W], lr=0.001)
    (W * torch.tensor([0.5, -0.00005])).sum().backward()
    optimiser.step()
    np.testing.assert_allclose(W.detach(), ex.first_adam_step.reference(), rtol=1e-3)
    assert ex.first_adam_step.reference() == (-0.001, 0.001)


def test_adam_is_fastest_in_the_first_epochs_and_not_always_best_in_the_end():
    losses = np.array([three_starts(name).mean(1) for name in METHODS])
    assert losses[:, :3].argmin(0).tolist() == [3, 3, 3] and losses[3, 0] < 0.8 * losses[:3, 0].min()
    assert losses[:, 11].argmin() == 1
    assert three_starts("Adam, rate 0.01")[11].argmax() == 0 and [three_starts(m)[11, 0] for m in METHODS][3] > 0.14


def test_in_the_end_the_methods_differ_by_no_more_than_two_starts_of_one_method():
    last_losses = [three_starts(name)[11].mean() for name in METHODS]
    assert np.ptp(last_losses) < np.ptp(tried()[3]) and np.ptp(tried()[3]) < 0.03  # the rate 0.3 of section 7


def test_each_has_a_rate_that_suits_it_with_a_tenth_of_it_it_is_slower():
    for name in METHODS:
        assert (three_starts(name, 0.1)[11] > 1.3 * three_starts(name)[11]).all()


def test_the_picture_shows_the_four_methods():
    lines = picture("The validation loss of four methods").lines
    assert [line.get_label() for line in lines] == list(METHODS)
    for line in lines:
        close(line.get_ydata(), three_starts(line.get_label()).mean(1), 1e-6)
        assert line.get_xdata().tolist() == list(range(1, 13))


def test_adams_rates_from_0_001_to_0_01_work_for_very_different_networks(n):
    d, rates = standardised(), [0.001, 0.01]
    W, b = last(descents([drawn([64, 64, 10], 1) for _ in rates], d.fit, d.Y, rates, 32, "relu", 12, by_adam))
    assert (wrong(outputs(W, b, d.val)[2], d.labels_val) < 0.07 * 270).all()
    nets = [drawn([2, 4, 2], 1, "xavier") for _ in rates]
    W, b = last(descents(nets, n.points, n.targets, rates, 10, "tanh", 300, by_adam))
    assert (wrong(outputs(W, b, n.points, "tanh")[2], n.labels) < 0.03 * 250).all()


# Recap, and on your own -----------------------------------------------------------------------------


def test_the_first_half_in_four_sentences():
    assert says("whose error falls with $1/\\sqrt b$", "variance about $1/n$ prevent most of it")
    losses = plateaus().losses[1:].reshape(3, 10)
    assert (losses > 0.1).sum(1).tolist() == [4, 0, 0]


def code_of_the_recap():
    rows = [line for line in page("06", ["markdown"])[-2].splitlines() if line.startswith("| ")]
    return {row.split("|")[1].strip(): re.findall(r"`([^`]+)`", row.split("|")[3]) for row in rows[1:]}


def test_a_line_of_the_recap_does_what_its_formula_says(n, rng, tmp_path):
    code = code_of_the_recap()
    assert list(code) == ["the loss is a mean", "step", "mini-batch", "saturation", "standardise", "first weights",
                          "early stopping", "result", "momentum", "keep"]
    names = {"accumulate": training.accumulate, "descend": training.descend, "net": n.start, "X": n.points,
             "Y": n.targets, "loss": cross_entropy, "rate": 0.7, "np": np, "A": stuck().A, "run": n.run,
             "val_losses": n.val_losses, "mean": n.points.mean(0), "std": n.points.std(0), "theta": np.ones(2),
             "v": np.array([1.0, 3.0]),
             "gradients": training.accumulate(n.start, n.points, n.targets, cross_entropy), "save": save,
             "load": load, "path": tmp_path / "net.npz"}
    found = {idea: [eval(line, names) for line in lines if "…" not in line] for idea, lines in code.items()}
    close(n.flat(found["the loss is a mean"][0].dW, found["the loss is a mean"][0].db), each_sample().mean(0))
    stepped, = found["step"]
    close(n.flat(stepped.W, stepped.b), n.flat(n.start.W, n.start.b) - 0.7 * each_sample().mean(0))
    assert found["saturation"][0][[1, 3]].max() < 0.002
    close(found["standardise"][0].std(0), np.ones(2))
    assert found["early stopping"][0].number == 11
    close(found["momentum"][0], np.array([0.3, -1.1]))
    assert found["keep"][1].W[1].tobytes() == n.start.W[1].tobytes()


def test_what_the_recap_leaves_open_in_its_calls_can_be_filled_in(n):
    code = code_of_the_recap()
    assert code["mini-batch"] == ["train(…, batch_size=32, rng=rng)"]
    assert code["first weights"] == ['initialize(…, scheme="he")']
    rng = np.random.default_rng(0)
    assert next(training.train(n.start, n.points, n.targets, cross_entropy, 0.1, 1, batch_size=32, rng=rng)).number == 1
    assert initialize([4, 3], [identity], rng, scheme="he").W[1].shape == (3, 4)


def test_what_each_line_of_a_training_step_needs_comes_from_the_one_before():
    assert comes_before("06", "> **From memory.**", "## Recap")
    lines = re.search(r"```python\n(.+?)```", said(), re.DOTALL)[1].splitlines()[1:]
    made = [line.split("=")[0].strip() for line in lines]
    assert made == ["trace", "dA", "gradients", "net"]
    assert all(made[i] in line.split("=")[1] for i, line in enumerate(lines[1:]))


def test_on_your_own_1_without_a_hidden_layer_the_loss_is_higher_but_not_by_much():
    losses, right = without_a_hidden_layer()
    assert [f"{loss:.3f}" for loss in losses] == ["0.143", "0.156", "0.164"]
    assert [f"{share:.3f}" for share in right] == ["0.956", "0.952", "0.963"]  # about 95 to 96 %
    assert tried().mean(1)[3] < losses.min() and losses.mean() < 1.2 * tried().mean(1)[3]
    assert "`initialize([64, 10], [identity], rng)`, for 40 epochs with the rate 0.1" in said()


def test_on_your_own_2_over_ten_draws_the_mean_is_96_3_and_the_results_scatter_by_1_2():
    right = 100 * (1 - chosen_by_validation(tuple(range(10)), (1,) * 10) / 450)
    assert right[0] == pytest.approx(100 * (1 - 13 / 450)) and right[0] > right.mean()
    assert (f"{right.mean():.1f}", f"{right.std():.1f}") == ("96.3", "1.2") and right.std() > 0.8
    parts = [{x.tobytes() for x in standardised(seed).fit} for seed in (0, 1)]
    assert not np.array_equal(standardised(0).labels, standardised(1).labels) and parts[0] != parts[1]


def test_on_your_own_3_from_positive_weights_the_loss_at_the_start_is_near_15_and_not_2_30(n):
    first, A, W = from_positive_weights(n)
    assert first == pytest.approx(15, abs=0.5) and all(w.min() >= 0 for w in W.values())
    W_he, b_he, _ = drawn([64, 64, 10], 1)
    usual = outputs(W_he, b_he, n.X_fit)
    assert A[1].mean() > 2 * usual[1].mean()
    assert abs(A[1] @ W[2].T).mean() > 5 * abs(usual[1] @ W_he[2].T).mean()
