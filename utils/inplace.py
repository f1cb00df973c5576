"""The step of a long run: what `utils.mlp` computes, with the parameters moved in place.

`forward`, `backward` and `descend` check what they are given, and return everything they find in new arrays and dicts.
That makes them easy to read; with only a few neurons it costs a third of a step's time. Here all parameters stay in one
vector, and their gradients in another:

θ     W[1], b[1], …, W[L], b[L], one after the other, each W row by row
g     ∂L/∂θ, in the same order

W[l] and b[l] are views into θ, dW[l] and db[l] views into g. So each gradient is written to its place in g, and one
line, θ ← θ − η g, moves all parameters.
"""

import numpy as np

from utils.activations import Activation
from utils.arrays import detached, formula, library
from utils.mlp import MLP, convert
from utils.shapes import check_gradient


class Workspace:
    """A network in training on a loss: `step` moves it, `network` returns it as it is now.

    `X` (N, d₀) is the largest batch that will come; a larger one raises ValueError. The network and the data have been
    checked, and NumPy's overflow is silenced, by `utils.training.train`. θ has the precision that NumPy gives to the
    network and X together; whole numbers become floats.
    """

    def __init__(self, net, X, loss):
        xp = self.xp = library(X)
        empty = X[:0].reshape(-1)  # adds no number to θ, but X's precision
        self.theta = detached(xp.concatenate([flat(net.W, net.b), empty])) * 1.0
        self.g = xp.zeros_like(self.theta)
        self.net, self.loss = MLP(*views(self.theta, net.W), dict(net.f)), loss.unchecked
        self.dW, self.db = views(self.g, net.W)
        # The formulas alone, but where a subclass or another kind of object has a __call__ of its own.
        self.apply = {l: formula(f.apply) if type(f) is Activation else f for l, f in net.f.items()}
        self.pullback = {l: formula(f.pullback) for l, f in net.f.items() if l in net.W}
        self.ones = xp.ones_like(X[:, :1], dtype=self.theta.dtype).T
        self.dot, self.affine = (np.dot, affine) if xp is np else (xp.mm, xp.addmm)  # for small arrays faster than @

    def step(self, X, Y, rate):
        """Move the network one step downhill on the batch X, Y: forward, ∂L/∂A, backward, descend."""
        W, b, _ = self.net
        apply, pullback, dW, db, dot, affine = self.apply, self.pullback, self.dW, self.db, self.dot, self.affine
        A, ones = {0: X}, self.ones[:, : len(X)]
        for l in W:
            A[l] = apply[l](affine(b[l], A[l - 1], W[l].T))
        dA = check_gradient(self.loss.gradient(A[len(W)], Y), A, len(W))
        for l in reversed(W):
            dZ = pullback[l](dA, A[l])
            dW[l][...] = dot(dZ.T, A[l - 1])
            db[l][...] = dot(ones, dZ)  # a row of ones times dZ is dZ.sum(0), only faster
            if l > 1:
                dA = dot(dZ, W[l])
        self.g *= rate
        self.theta -= self.g

    def is_within(self, bound):
        """Say whether ‖θ‖ is below a bound; it is not, if a parameter is nan or infinite."""
        return float(self.theta @ self.theta) < bound**2

    def network(self):
        """Return the network as it is now, in arrays of its own."""
        return convert(self.net, lambda v: self.xp.asarray(v, copy=True))._replace(f=dict(self.net.f))


def affine(b, A, W):
    """Return A W + b, with b added in place; torch has this as one product."""
    Z = np.dot(A, W)
    Z += b
    return Z


def flat(W, b):
    """Return one vector of all W[l] and b[l]: W[1] row by row, b[1], W[2], and so on, however the dicts are ordered."""
    return library(W[1]).concatenate([v.reshape(-1) for l in sorted(W) for v in (W[l], b[l])])


def views(vector, W):
    """Return the two dicts of which `flat` makes such a vector, as views into it; W gives the shapes."""
    all_W, all_b, at = {}, {}, 0
    for l in sorted(W):
        m, n = W[l].shape
        all_W[l] = vector[at : at + m * n].reshape(m, n)
        all_b[l] = vector[at + m * n : at + m * n + m]
        at += m * n + m
    return all_W, all_b
