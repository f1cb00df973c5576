"""Does a network fit what it is given? Every pass asks here first, and goes on with plain arrays.

X, W[l], b[l], A[l], dA, dW[l], db[l]    as in `utils.mlp`
"""

import numpy as np

from utils.arrays import check_library, check_same, floats, library, shape


def plain(net, X):
    """Return the network in plain arrays of floats; raise TypeError or ValueError for what is not of X's library."""
    W, b = ({l: floats(f"{V}[{l}]", v) for l, v in layers.items()} for V, layers in (("W", net.W), ("b", net.b)))
    for l in W:
        check_library(f"W[{l}]", W[l], "X", X)
        check_library(f"b[{l}]", b[l], "X", X)
    if library(X) is not np:
        check_precision(W, b, X)
    return net._replace(W=W, b=b)


def check_shapes(net, X):
    """Return the network and X in plain arrays; raise naming the first of them that does not fit the one before it."""
    X = floats("X", X, like=net.W[1])
    if len(X.shape) != 2 or X.shape[0] == 0:
        raise ValueError(f"X has shape {shape(X)}, expected (N, {np.shape(net.W[1])[-1]}): one sample a row")
    kind, dtype, width = type(X), X.dtype, X.shape[1]
    for l in net.W:
        W, b = net.W[l], net.b[l]
        if not (type(W) is type(b) is kind and W.dtype is b.dtype is dtype):
            net = plain(net, X)
        W = net.W[l]
        if W.shape != (*net.b[l].shape, width):
            raise ValueError(_misfit(l, shape(W), shape(net.b[l]), width))
        width = W.shape[0]
    return net, X


def _misfit(l, W, b, width):
    """Return a sentence on a layer whose shapes W and b do not fit each other, or the width that comes in."""
    if len(W) != 2 or W[:1] != b:
        return f"W[{l}] has shape {W} and b[{l}] {b}, expected (m, n) and (m,)"
    return f"{f'A[{l - 1}]' if l > 1 else 'X'} has {width} columns, but W[{l}] takes {W[1]}"


def check_precision(W, b, X):
    """Raise ValueError unless the tensors X, W[l] and b[l] have one precision: torch would not mix them."""
    for l in W:
        for name, v in ((f"W[{l}]", W[l]), (f"b[{l}]", b[l])):
            if v.dtype != X.dtype:
                raise ValueError(f"X holds {X.dtype}, but {name} holds {v.dtype}: use one precision")


def check_trace(net, trace):
    """Return the network in plain arrays; raise ValueError unless the trace has its layers, and their widths."""
    A, kind = trace.A, type(trace.A[0])
    if len(A) != len(net.W) + 1:
        raise ValueError(f"the trace has {len(A) - 1} layers, but the network {len(net.W)}: is it another's?")
    for l, W in net.W.items():
        if type(W) is not kind:
            net = plain(net, A[0])
        if A[l].shape[1] != W.shape[0]:
            raise ValueError(f"A[{l}] has {A[l].shape[1]} columns, but W[{l}] gives {W.shape[0]}: is the trace "
                             "another network's?")
    return net


def check_parts(net, gradients):
    """Raise ValueError or TypeError unless there is a gradient for every W[l] and b[l], and of its shape."""
    dW, db = gradients.dW, gradients.db
    for l, W in net.W.items():
        b = net.b[l]
        try:
            fits = dW[l].shape == W.shape and db[l].shape == b.shape
        except (KeyError, AttributeError):  # one is missing, or no array
            fits = False
        if not fits:
            check_same(f"W[{l}]", W, f"dW[{l}]", dW.get(l))
            check_same(f"b[{l}]", b, f"db[{l}]", db.get(l))


def check_gradient(dA, A, L):
    """Return `dA` as a plain array; raise ValueError or TypeError if it has not the library and the shape of A[L]."""
    dA = floats("dA", dA)
    if type(dA) is not type(A[L]):
        check_library("dA", dA, f"A[{L}]", A[L])
    if dA.shape != A[L].shape:
        raise ValueError(f"dA has shape {shape(dA)}, expected the shape of A[{L}], {shape(A[L])}")
    return dA
