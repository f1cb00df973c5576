"""The gradients of the lecture's network by other ways: by nudging, and by autograd through bare lines."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import torch
from cells import run


def nudged(f, x, h=1e-6):
    """How the number f(x) reacts to each entry of x, by centred differences."""
    return np.reshape([(f(x + s) - f(x - s)) / (2 * h) for s in h * np.eye(x.size).reshape(-1, *x.shape)], x.shape)


def by_torch(W, b, X, Y, bend=torch.sigmoid):
    """All gradients of the mean cross-entropy, by autograd through bare lines, and the loss."""
    W, b = ({l: torch.tensor(v, requires_grad=True) for l, v in part.items()} for part in (W, b))
    Z, A = {}, {0: torch.tensor(X)}
    for l in W:
        Z[l] = A[l - 1] @ W[l].T + b[l]
        A[l] = bend(Z[l]) if l < len(W) else torch.softmax(Z[l], 1)
    loss = -(torch.tensor(Y) * torch.log(A[len(W)])).sum() / len(X)
    kinds = {"dA": {l: A[l] for l in W}, "dZ": Z, "dW": W, "db": b}
    found = iter(torch.autograd.grad(loss, [v for part in kinds.values() for v in part.values()]))
    return SimpleNamespace(loss=loss.item(), **{k: {l: next(found).numpy() for l in kinds[k]} for k in kinds})


@cache
def of_batch(number):
    """All gradients of the network and the batch of the notebook with this number."""
    n = run(number).names
    return by_torch(n["W"], n["b"], n["X"], n["Y"])


@cache
def of_rows(number):
    """The gradients of each of its four samples alone."""
    n = run(number).names
    return [by_torch(n["W"], n["b"], n["X"][i:i + 1], n["Y"][i:i + 1]) for i in range(4)]


def stepped(net, g, eta):
    """The network after a step against the gradients g, by plain lines."""
    W, b = ({l: v - eta * dv[l] for l, v in part.items()} for part, dv in ((net.W, g.dW), (net.b, g.db)))
    return net._replace(W=W, b=b)


def close(mine, other, rtol=1e-9):
    """Assert that two results differ by no more than a share of the largest number."""
    mine, other = np.asarray(mine), np.asarray(other)
    np.testing.assert_allclose(mine, other, rtol=rtol, atol=rtol * np.abs(other).max())


def slope(A):
    return A * (1 - A)
