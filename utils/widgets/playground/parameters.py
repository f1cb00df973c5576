"""The playground's network from outside: one layer's numbers as text, and networks that are brought along."""

import numpy as np

from utils.activations import identity
from utils.arrays import numpy_array
from utils.mlp import MLP, convert
from utils.shapes import check_layers
from utils.widgets.playground.settings import DEEPEST, HIDDEN, WIDEST


def written(net, l):
    """Return layer l as text: a line for each unit, its weights, a bar, its bias."""
    rows = ("  ".join(map(_number, [*w])) + f"  |  {_number(bias)}" for w, bias in zip(net.W[l], net.b[l]))
    return "\n".join(rows)


def _number(value):
    return f"{value:.6g}"


def read(net, l, words):
    """Return the network with layer l as the text says; a number that reads as before stays as it was.

    Raises ValueError with the line that does not fit.
    """
    lines = [line for line in words.splitlines() if line.strip()]
    m, n = net.W[l].shape
    if len(lines) != m:
        raise ValueError(f"layer {l} has {m} units, and there are {len(lines)} lines: expected one for each unit")
    before = np.column_stack([net.W[l], net.b[l]])
    after = np.array([_row(line, i, old) for i, (line, old) in enumerate(zip(lines, before), 1)])
    return net._replace(W={**net.W, l: after[:, :n]}, b={**net.b, l: after[:, n]})


def _row(line, i, old):
    weights, bar, bias = line.partition("|")
    words = [*weights.split(), *bias.split()]
    if not bar or len(words) != len(old) or len(bias.split()) != 1:
        raise ValueError(f"line {i} reads {line.strip()!r:.60}, expected {len(old) - 1} weights, a bar |, and a bias")
    try:
        return [kept if word == _number(kept) else float(word) for word, kept in zip(words, old)]
    except ValueError:
        raise ValueError(f"line {i} reads {line.strip()!r:.60}, expected numbers") from None


def taken_in(net, learner):
    """Return (a copy of a network, its hidden widths, its hidden activation) that fits what a learner learns.

    In a classification its last activation may be softmax or identity: the playground leaves softmax to the loss.
    Raises ValueError or TypeError with what does not fit.
    """
    check_layers(net)
    net = convert(net, lambda array: np.array(numpy_array(array), dtype=float))
    L = len(net.W)
    widths = [net.W[1].shape[1], *(net.W[l].shape[0] for l in range(1, L + 1))]
    ends = learner.X_train.shape[1], learner.Y_train.shape[1]
    if (widths[0], widths[-1]) != ends:
        raise ValueError(f"the network has {widths[0]} inputs and {widths[-1]} outputs, expected {ends[0]} and "
                         f"{ends[1]}, as in this playground: choose its inputs and its data first")
    hidden, names = tuple(widths[1:-1]), {net.f[l].name for l in range(1, L)}
    if len(hidden) > DEEPEST or max(hidden, default=1) > WIDEST:
        raise ValueError(f"the network's hidden layers are {hidden}, expected at most {DEEPEST}, of at most {WIDEST} "
                         "units")
    if len(names) > 1 or names - {*HIDDEN}:
        raise ValueError(f"the hidden layers have {', '.join(sorted(names))}, expected one of {', '.join(HIDDEN)} "
                         "for all")
    last = {"identity", "softmax"} if learner.settings.task == "classification" else {"identity"}
    if net.f[L].name not in last:
        raise ValueError(f"the last layer has {net.f[L].name}, expected {' or '.join(sorted(last))}")
    activations = dict(enumerate([*(net.f[l] for l in range(1, L)), identity], 1))
    return MLP(net.W, net.b, activations), hidden, next(iter(names), learner.settings.activation)
