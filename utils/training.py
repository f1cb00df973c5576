"""The loop: forward, loss, backward, step, until the epochs are over.

X, Y    the samples and their targets, rows are samples, shapes (N, d₀) and (N, d_L)
η       the rate, a positive number
"""

import warnings
from typing import NamedTuple

import numpy as np

from utils.arrays import check_count, check_finite, check_matrix, check_positive, detached, holds_floats, library
from utils.inplace import Workspace
from utils.mlp import MLP, backward, check_shapes, descend, forward


class Epoch(NamedTuple):
    """One pass over the data: its number from 1, the network after it, and that network's loss on all of X."""

    number: int
    net: MLP
    loss: float


class Accumulated(NamedTuple):
    """The mean loss, and the mean gradients of all W and b, as `descend` takes them."""

    loss: float
    dW: dict
    db: dict


def train(net, X, Y, loss, rate, epochs, batch_size=None, rng=None):
    """Return a generator that trains and yields an `Epoch` after each pass over the data.

    Each step takes `batch_size` rows (all N if None, the rest of the rows in the last step), and does
    what `step` does, in a `Workspace`. With `rng`, a NumPy Generator, the rows are shuffled anew every
    epoch; without it their order stays. The network and X set the precision of the run; a Y of floats
    is brought to it.
    The run begins with the network as it is at the call. The caller keeps every epoch that it was given,
    whose network is its own: to change it does not change the run. It may stop asking at any time. A run
    whose loss is no longer finite yields that epoch, warns, and ends.
    Raises ValueError or TypeError at the call, before any step, for data that does not fit.
    """
    check_matrix("X", X)
    check_matrix("Y", Y)
    check_finite("X", X)
    rate, epochs = check_positive("rate", rate), check_count("epochs", epochs)
    batch_size = len(X) if batch_size is None else check_count("batch_size", batch_size)
    if not hasattr(loss, "unchecked"):
        raise TypeError(f"loss is {loss!r}, expected a Loss such as utils.losses.cross_entropy")
    if not (rng is None or isinstance(rng, np.random.Generator)):
        raise TypeError(f"rng is {rng!r}, expected a NumPy Generator or None")
    if len(X) != len(Y):
        raise ValueError(f"X has {len(X)} rows, but Y has {len(Y)}: one target a sample")
    loss.value(output(net, X), Y)  # the one time that the data is read and checked
    X, Y = detached(X), detached(Y)
    workspace = Workspace(net, X[:batch_size], loss)
    if holds_floats(Y):
        Y = library(Y).asarray(Y, dtype=workspace.theta.dtype)  # whole numbers stay: a loss may take labels
    return _epochs(workspace, X, Y, rate, epochs, batch_size, rng)


def _epochs(workspace, X, Y, rate, epochs, batch_size, rng):
    for number in range(1, epochs + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            for X_batch, Y_batch in batches(X, Y, batch_size, rng):
                workspace.step(X_batch, Y_batch, rate)
            net = workspace.network()
            value = float(workspace.loss.value(output(net, X), Y))
        yield Epoch(number, net, value)
        if not np.isfinite(value):
            warnings.warn(f"training diverged in epoch {number}: the loss is {value}; lower the rate ({rate})",
                          RuntimeWarning, stacklevel=2)
            return


def output(net, X):
    """Return A[L], the network's output for the batch X."""
    return forward(net, X).A[len(net.W)]


def step(net, X, Y, loss, rate):
    """Return the network after one step on one batch, in the lecture's four lines (notebook 06).

    Raises as `forward` and `backward` do.
    """
    trace = forward(net, X)
    dA = loss.gradient(trace.A[len(net.W)], Y)
    return descend(net, backward(net, trace, dA, to_input=False), rate)


def batches(X, Y, batch_size, rng=None):
    """Yield (X, Y) in slices of `batch_size` rows, shuffled together first if there is an `rng`."""
    if rng is not None:
        order = rng.permutation(len(X))
        X, Y = X[order], Y[order]
    for first in range(0, len(X), batch_size):
        yield X[first : first + batch_size], Y[first : first + batch_size]


def accumulate(net, X, Y, loss):
    """Return the mean loss and gradients, collected sample by sample as on the slides (part 14).

    One forward and one backward pass for each of the T rows; the sums are divided by T at the end.
    The same numbers as one pass over the whole batch, T times the work.
    """
    if len(X) != len(Y):
        raise ValueError(f"X has {len(X)} rows, but Y has {len(Y)}: one target a sample")
    check_shapes(net, X)
    T, err = len(X), 0.0
    dW, db = ({l: 0 * v for l, v in layers.items()} for layers in (net.W, net.b))
    for t in range(T):
        x, y = X[t : t + 1], Y[t : t + 1]
        trace = forward(net, x)
        a = trace.A[len(net.W)]
        err += float(loss.value(a, y))
        gradients = backward(net, trace, loss.gradient(a, y))
        for l in net.W:
            dW[l] = dW[l] + gradients.dW[l]
            db[l] = db[l] + gradients.db[l]
    return Accumulated(err / T, {l: v / T for l, v in dW.items()}, {l: v / T for l, v in db.items()})
