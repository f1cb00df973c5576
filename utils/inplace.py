"""The step of a long run: the numbers of `utils.mlp`, in memory that is laid out once.

`forward`, `backward` and `descend` make a new array for every result. That is what makes them easy to read, and a
network of a few neurons spends a third of its time there. Here all parameters stand in one vector, and their gradients
in another:

θ     W[1], b[1], …, W[L], b[L], one after the other, each W row by row
g     ∂L/∂θ, in the same order

W[l] and b[l] are views into θ, dW[l] and db[l] views into g. So each gradient is written to its place in g, and one
line, θ ← θ − η g, moves all parameters.
"""

import numpy as np

from utils.arrays import detached, library
from utils.mlp import MLP, backward, convert, forward


class Workspace:
    """A network in training on a loss: `step` moves it, `network` returns it as it is now.

    `X` (N, d₀) and `Y` (N, d_L) are the largest batch that will come; they, the network and the loss have been checked.
    θ has the widest precision of them all.
    """

    def __init__(self, net, X, Y, loss):
        xp = self.xp = library(X)
        arrays = [v for l in net.W for v in (net.W[l], net.b[l])]
        joined = xp.concatenate([v.reshape(-1) for v in (*arrays, X[:0], Y[:0])])  # no row, but their precision
        self.theta = detached(joined) * 1.0  # whole numbers become floats
        self.g = xp.zeros_like(self.theta)
        self.net, self.loss = MLP(*views(self.theta, net), net.f), loss.unchecked
        self.f = {l: f.unchecked for l, f in net.f.items()}
        self.dW, db = views(self.g, net)
        self.db = {l: v[None] for l, v in db.items()}  # as rows, (1, d_l)
        self.ones = xp.ones_like(X[:, 0], dtype=self.theta.dtype)[None]
        self.dot = np.dot if xp is np else xp.mm  # on small arrays np.dot takes half the time of np.matmul
        self.write = self.dot if self._keeps_precision(X[:2], Y[:2]) else np.matmul  # which converts to what is there

    def step(self, X, Y, rate):
        """Move the network one step downhill on the batch X, Y: forward, ∂L/∂A, backward, W − rate · dW."""
        W, b, f, dW, db = self.net.W, self.net.b, self.f, self.dW, self.db
        dot, write, ones = self.dot, self.write, self.ones[:, : len(X)]
        A = {0: X}
        for l in W:
            Z = dot(A[l - 1], W[l].T)
            Z += b[l]
            A[l] = f[l].apply(Z)
        dA = self.loss.gradient(A[l], Y)
        for l in reversed(W):
            dZ = f[l].pullback(dA, A[l])
            write(dZ.T, A[l - 1], out=dW[l])
            write(ones, dZ, out=db[l])  # the sum over the rows
            if l > 1:
                dA = dot(dZ, W[l])
        self.g *= rate
        self.theta -= self.g

    def network(self):
        """Return the network as it is now, in arrays of its own."""
        return convert(self.net, lambda v: self.xp.asarray(v, copy=True))

    @np.errstate(all="ignore")
    def _keeps_precision(self, X, Y):
        """Say whether gradients come in θ's precision; an activation or a loss of the reader's own may change it."""
        trace = forward(self.net, X)
        gradients = backward(self.net, trace, self.loss.gradient(trace.A[len(trace.Z)], Y), to_input=False)
        return all(v.dtype == self.theta.dtype for d in (gradients.dW, gradients.db) for v in d.values())


def views(vector, net):
    """Return two dicts of views into `vector`, by layer, with the shapes of the network's W and of its b."""
    W, b, at = {}, {}, 0
    for l, (m, n) in ((l, w.shape) for l, w in net.W.items()):
        W[l] = vector[at : at + m * n].reshape(m, n)
        b[l] = vector[at + m * n : at + m * n + m]
        at += m * n + m
    return W, b
