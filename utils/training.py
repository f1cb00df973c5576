"""The loop: forward, loss, backward, step, until the epochs are over.

X, Y    the samples and their targets, rows are samples, shapes (N, d₀) and (N, d_L)
η       the rate, a positive number, or a rule: a function of the epoch's number, which counts from 1
"""

import warnings
from functools import cached_property
from typing import NamedTuple

import numpy as np

from utils.activations import ACTIVATIONS, relu, sigmoid, softmax, tanh
from utils.arrays import (
    check_count,
    check_finite,
    check_matrix,
    check_positive,
    detached,
    holds_floats,
    library,
    numpy_array,
    own,
    shape,
)
from utils.descent import fixed
from utils.inplace import Workspace
from utils.losses import Loss, cross_entropy, softmax_cross_entropy, squared_error
from utils.mlp import backward, descend, forward
from utils.shapes import check_layers, check_shapes

CALM = 1e6  # as long as ‖θ‖ is below this, nobody need look whether the loss is finite
LARGE = 10.0  # inputs beyond this want a rate so small that hardly anybody finds it
SAMPLE = 10  # rows
CROSS_ENTROPIES = {cross_entropy.name, softmax_cross_entropy.name}


class Epoch:
    """One pass over the data: its `number` from 1, the `net` after it, and that network's `loss` on all of X.

    The loss costs a forward pass over all of X, and is computed when somebody first asks for it.
    """

    def __init__(self, number, net, measure):
        self.number, self.net, self._measure = number, net, measure

    @cached_property
    def loss(self):
        """The loss on all of X, a float."""
        return self._measure(self.net)

    def __iter__(self):
        return iter((self.number, self.net, self.loss))

    def __repr__(self):
        return f"Epoch(number={self.number}, loss={self.loss:.4g})"


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
    The run begins with the network, and goes through the data, as they are at the call. The caller keeps every epoch
    that it was given, whose network is its own: to change it does not change the run. It may stop asking at any time.
    A run whose parameters, and with them the loss, are no longer finite, yields that epoch, warns, and ends.
    Raises ValueError or TypeError at the call, before any step, for data that does not fit, and for an activation and a
    loss of which nothing right can come; warns where the outputs cannot reach the targets.
    """
    check_layers(net)
    X, labels = check_matrix("X", X, like=net.W[1]), check_matrix("Y", Y)
    check_finite("X", X)
    check_finite("Y", labels)
    rates, epochs = _rates(rate), check_count("epochs", epochs)
    batch_size = len(X) if batch_size is None else check_count("batch_size", batch_size)
    if not isinstance(loss, Loss):
        raise TypeError(f"loss is {loss!r}, expected a Loss such as utils.losses.cross_entropy")
    if not (rng is None or isinstance(rng, np.random.Generator)):
        raise TypeError(f"rng is {rng!r}, expected a NumPy Generator or None")
    if len(X) != len(labels):
        raise ValueError(f"X has {len(X)} rows, but Y has {len(labels)}: one target a sample")
    net, X = check_shapes(net, X)
    trace = forward(net, X[:SAMPLE])
    A = trace.A[len(net.W)]
    check_pairing(net, loss, A, labels)
    _, Y = loss.checked(labels, Y)  # all targets are looked at once, as if the network had given the right answers …
    loss.checked(A, Y[:SAMPLE])  # … and what it answers, in a few rows, for its kind shows there
    descend(net, backward(net, trace, loss.gradient(A, Y[:SAMPLE])), 1.0)  # do functions of one's own fit together?
    X, Y = own(detached(X)), own(detached(Y))  # what the caller does with the data later is nothing to this run
    workspace = Workspace(net, X[:batch_size], loss)
    if holds_floats(Y):
        Y = library(Y).asarray(Y, dtype=workspace.theta.dtype)
    return _epochs(workspace, X, Y, rates, epochs, batch_size, rng)


def _epochs(workspace, X, Y, rates, epochs, batch_size, rng):
    def measure(net):
        with np.errstate(over="ignore", invalid="ignore"):
            return float(workspace.loss.value(output(net, X), Y))

    for number in range(1, epochs + 1):
        rate = rates(number)
        with np.errstate(over="ignore", invalid="ignore"):
            for X_batch, Y_batch in batches(X, Y, batch_size, rng):
                workspace.step(X_batch, Y_batch, rate)
            epoch, calm = Epoch(number, workspace.network(), measure), workspace.is_within(CALM)
        yield epoch
        if not (calm or np.isfinite(epoch.loss)):
            warnings.warn(f"training diverged in epoch {number}: the loss is {epoch.loss}; "
                          f"{_remedy(X, Y, workspace.loss, rate)}", RuntimeWarning, stacklevel=2)
            return


def _rates(rate):
    """Return a rate as a checked rule of the epoch's number; the first one is asked for, and checked, at once."""
    rule = rate if callable(rate) else fixed(rate)

    def checked(number):
        try:
            found = rule(number)
        except TypeError as error:
            raise TypeError(f"rate({number}) cannot be had ({error}), expected a rule of the epoch's number") from error
        return check_positive(f"rate({number})", found)

    first = checked(1)
    return lambda number: first if number == 1 else checked(number)


# By the book --------------------------------------------------------------------------------------


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
    net, X = check_shapes(net, X)
    if shape(Y)[:1] != shape(X)[:1]:
        raise ValueError(f"X has {len(X)} rows, but Y has shape {shape(Y)}: one target a sample")
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


# What cannot work ---------------------------------------------------------------------------------

REACH = {sigmoid.name: (0, 1), tanh.name: (-1, 1), softmax.name: (0, 1), relu.name: (0, np.inf)}  # of the outputs


def check_pairing(net, loss, A, Y):
    """Raise ValueError if nothing right can come of the last activation and the loss, and warn if not all of it can.

    `A` is the network's first output, of the width and the library of all others.
    """
    last = net.f[len(net.W)]
    f, classes = getattr(last, "name", "its own"), A.shape[1]
    known = ACTIVATIONS.get(f) is last
    if classes == 1 and (loss.name in CROSS_ENTROPIES or last is softmax):
        raise ValueError("the network has one output, which as a share of the whole is always 1: expected one for each "
                         "class, or a sigmoid under squared_error")
    if loss.name == cross_entropy.name and last is not softmax and (known or not sums_to_1(last, A)):
        raise ValueError(f"cross_entropy of {f} outputs can become 0 for any labels, for their rows need not sum to 1: "
                         "expected softmax, or softmax_cross_entropy on identity")
    if loss.name == softmax_cross_entropy.name and known and f in REACH and last is not relu:
        low, high = REACH[f]
        most = 1 / (1 + (classes - 1) * np.exp(low - high))
        warnings.warn(f"softmax_cross_entropy takes the softmax of {f} outputs, so no probability can pass {most:.2f}: "
                      "better end with identity", stacklevel=3)
    if loss.name == squared_error.name and known and f in REACH:
        (low, high), (lowest, highest) = REACH[f], _ends(Y)
        if lowest < low or highest > high:
            warnings.warn(f"Y runs from {lowest:.4g} to {highest:.4g}, and {f} outputs only from {low} to {high}: "
                          "better scale Y, or end with identity", stacklevel=3)


def sums_to_1(f, A):
    """Say whether f makes rows that sum to 1, within the rounding of a half-precision float, of a few that differ."""
    Z = library(A).ones_like(A[:1]) * library(A).asarray([[-2.0], [0.5], [3.0]])
    Z[:, 0] = 1
    return bool((abs(numpy_array(f(Z)).sum(1) - 1) < 1e-3).all())


def _remedy(X, Y, loss, rate):
    """Return what would help a run that has diverged: smaller numbers, a loss that cannot overflow, a lower rate."""
    remedies = []
    for name, (low, high) in (("X", _ends(X)), ("Y", _ends(Y))):
        if max(abs(low), abs(high)) > LARGE:
            remedies.append(f"{name} runs from {low:.4g} to {high:.4g}: bring it to about 0 … 1, or standardise it")
    if loss.name == cross_entropy.name:
        remedies.append("take softmax_cross_entropy on identity, which stays finite where a probability becomes 0")
    return "; ".join([*remedies, f"{'or ' if remedies else ''}lower the rate ({rate})"])


def _ends(x):
    """Return the smallest and the largest number in x."""
    return float(x.min()) + 0, float(x.max()) + 0  # no −0
