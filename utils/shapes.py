"""Does a network fit what it is given? Every pass asks here first, and goes on with plain arrays.

X, W[l], b[l], A[l], dA, dW[l], db[l]    as in `utils.mlp`
"""

import numpy as np

from utils.arrays import check_library, check_same, floats, library, ndarray, shape


def check_shapes(net, X):
    """Return the network and X in plain arrays; raise naming the first of them that does not fit the one before it."""
    try:
        return _fit(net, floats("X", X, like=net.W[1]))
    except (AttributeError, KeyError, IndexError, TypeError):
        check_layers(net)  # where this is no network, that says it better
        raise


def _fit(net, X, are_plain=False):
    if len(X.shape) != 2 or X.shape[0] == 0:
        raise ValueError(f"X has shape {shape(X)}, expected (N, {net.W[1].shape[-1]}): one sample a row")
    dtype, width, n = X.dtype, X.shape[1], 0
    for l in net.W:
        W, b, n = net.W[l], net.b[l], n + 1
        if not (are_plain or (type(W) is type(b) is ndarray and W.dtype is b.dtype is dtype and l == n)):
            return _fit(plain(net, X), X, are_plain=True)
        if W.shape != (*b.shape, width):
            raise ValueError(_misfit(l, shape(W), shape(b), width))
        width = W.shape[0]
    return net, X


def _misfit(l, W, b, width):
    """Return a sentence on a layer whose shapes W and b do not fit each other, or the width that comes in."""
    if len(W) != 2 or W[:1] != b:
        return f"W[{l}] has shape {W} and b[{l}] {b}, expected (m, n) and (m,)"
    return f"{f'A[{l - 1}]' if l > 1 else 'X'} has {width} columns, but W[{l}] takes {W[1]}"


def plain(net, X):
    """Return the network in plain arrays of floats, its layers in order; raise for what is not of X's library."""
    check_layers(net)
    W, b, f = ({l: layers[l] for l in sorted(layers)} for layers in (net.W, net.b, net.f))
    W, b = ({l: floats(f"{V}[{l}]", v) for l, v in layers.items()} for V, layers in (("W", W), ("b", b)))
    for l in W:
        check_library(f"W[{l}]", W[l], "X", X)
        check_library(f"b[{l}]", b[l], "X", X)
    if library(X) is not np:
        check_precision(W, b, X)
    return net._replace(W=W, b=b, f=f)


def check_layers(net):
    """Raise TypeError unless `net` is plain data, three dicts by layer, ValueError unless all have the layers 1 … L."""
    parts = {V: getattr(net, V, None) for V in ("W", "b", "f")}
    for V, layers in parts.items():
        if not isinstance(layers, dict):
            raise TypeError(f"net.{V} is {layers!r:.40}, expected a dict by layer, as in MLP(W, b, f)")
        if set(layers) != set(range(1, len(parts["W"]) + 1)) or not layers:
            raise ValueError(f"net.{V} has the layers {list(layers)}, and net.W {list(parts['W'])}: expected 1 … L in "
                             "each, an array of weights, one of biases, and an activation")
    for l, f in net.f.items():
        if not (callable(f) and hasattr(f, "pullback")):
            raise TypeError(f"f[{l}] is {f!r:.40}, expected an Activation such as utils.activations.sigmoid")
        floats(f"W[{l}]", net.W[l])
        floats(f"b[{l}]", net.b[l])


def check_precision(W, b, X):
    """Raise ValueError unless the tensors X, W[l] and b[l] have one precision: torch would not mix them."""
    for l in W:
        for name, v in ((f"W[{l}]", W[l]), (f"b[{l}]", b[l])):
            if v.dtype != X.dtype:
                raise ValueError(f"X holds {X.dtype}, but {name} holds {v.dtype}: use one precision")


def check_trace(net, trace, are_plain=False):
    """Return the network in plain arrays; raise ValueError unless the trace has its layers, rows and widths."""
    A, N = trace.A, trace.A[0].shape[0]
    if len(A) != len(net.W) + 1:
        raise ValueError(f"the trace has {len(A) - 1} layers, but the network {len(net.W)}: is it another's?")
    dtype = A[0].dtype
    for l, W in net.W.items():
        if not (are_plain or (type(W) is ndarray and W.dtype is dtype)):
            return check_trace(plain(net, A[0]), trace, are_plain=True)
        if A[l].shape != (N, W.shape[0]):
            raise ValueError(f"A[{l}] has shape {shape(A[l])}, expected {(N, W.shape[0])}, with a column for each unit "
                             f"of W[{l}]: is the trace another network's?")
    return net


def check_parts(net, gradients):
    """Return (dW, db) in plain arrays; raise ValueError or TypeError unless each fits its W[l] or b[l]."""
    dW, db = gradients.dW, gradients.db
    for l, W in net.W.items():
        b = net.b[l]
        try:
            fits = (dW[l].shape == W.shape and db[l].shape == b.shape
                    and type(dW[l]) is type(db[l]) is type(W) is ndarray and dW[l].dtype is db[l].dtype is W.dtype)
        except (KeyError, AttributeError):  # one is missing, or no array
            fits = False
        if not fits:
            return tuple({l: _part(V, l, layers[l], found.get(l)) for l in net.W}
                         for V, layers, found in (("W", net.W, dW), ("b", net.b, db)))
    return dW, db


def _part(V, l, parameter, gradient):
    check_same(f"{V}[{l}]", parameter, f"d{V}[{l}]", gradient)
    return floats(f"d{V}[{l}]", gradient, like=parameter)


def check_gradient(dA, A, L):
    """Return `dA` as a plain array of A[L]'s precision; raise ValueError or TypeError unless it is like A[L]."""
    output = A[L]
    if not (type(dA) is type(output) and dA.dtype is output.dtype):
        dA = floats("dA", dA, like=output)
        check_library("dA", dA, f"A[{L}]", output)
        if dA.dtype != output.dtype:
            dA = dA.astype(output.dtype) if library(dA) is np else dA.to(output.dtype)
    if dA.shape != output.shape:
        raise ValueError(f"dA has shape {shape(dA)}, expected the shape of A[{L}], {shape(output)}")
    return dA
