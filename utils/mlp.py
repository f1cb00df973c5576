"""The multilayer perceptron: forward, backward, one step downhill.

Layers are numbered l = 1 … L, as on the slides; W[1] is W⁽¹⁾. Rows are samples.

X = A[0]   (N, d₀)      the batch of N samples
W[l]       (d_l, d_l₋₁) weights             b[l]   (d_l,)   biases
Z[l]       (N, d_l)     A[l-1] W[l]ᵀ + b[l]
A[l]       (N, d_l)     f[l](Z[l])
dV                      ∂L/∂V, with the shape of V, for every V above

NumPy arrays and torch tensors run through the same lines; results stay in the library that came in.
"""

from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from utils.activations import ACTIVATIONS, Activation
from utils.arrays import (
    check_count,
    check_finite,
    check_library,
    check_matrix,
    check_positive,
    library,
    numpy_array,
    shape,
)


class MLP(NamedTuple):
    """A network is plain data: weights, biases and activations, keyed by layer number."""

    W: dict
    b: dict
    f: dict


class Trace(NamedTuple):
    """What a forward pass leaves behind: Z[1..L], and A[0..L] with A[0] = X."""

    Z: dict
    A: dict


class Gradients(NamedTuple):
    """What a backward pass finds: dZ[1..L], dA[0..L], dW[1..L], db[1..L]."""

    dZ: dict
    dA: dict
    dW: dict
    db: dict


def forward(net, X):
    """Push the batch X of shape (N, d₀) through every layer; the output is `A[L]` (slides, part 8).

    Raises ValueError if a shape does not fit or two libraries are mixed, TypeError for what is no array.
    """
    check_shapes(net, X)
    Z, A = {}, {0: X}
    for l in net.W:
        Z[l] = A[l - 1] @ net.W[l].T + net.b[l]
        A[l] = net.f[l](Z[l])
    return Trace(Z, A)


def backward(net, trace, dA, to_input=True):
    """Pull `dA` = ∂L/∂A[L], of shape (N, d_L), back through every layer (slides, part 12).

    The factor 1/N is in `dA` already: every loss puts it there. With `to_input=False` the way back
    ends at layer 1, without ∂L/∂X, which no step needs. Raises ValueError or TypeError if `dA` is not
    like the output.
    """
    L = len(net.W)
    check_gradient(dA, trace.A, L)
    A, dA, dZ, dW, db = trace.A, {L: dA}, {}, {}, {}
    for l in reversed(net.W):
        dZ[l] = net.f[l].pullback(dA[l], A[l])
        dW[l] = dZ[l].T @ A[l - 1]
        db[l] = dZ[l].sum(0)
        if l > 1 or to_input:
            dA[l - 1] = dZ[l] @ net.W[l]
    return Gradients(dZ, dA, dW, db)


def descend(net, gradients, rate):
    """Return the network one step downhill: W − rate · dW, b − rate · db in every layer."""
    rate = check_positive("rate", rate)
    W = {l: net.W[l] - rate * gradients.dW[l] for l in net.W}
    b = {l: net.b[l] - rate * gradients.db[l] for l in net.b}
    return MLP(W, b, net.f)


def predict(net, X):
    """Return the most likely class of each row of X, shape (N,). Raises as `forward`, and for nan in X."""
    check_matrix("X", X)
    check_finite("X", X)
    return forward(net, X).A[len(net.W)].argmax(1)


# Making a network ---------------------------------------------------------------------------------

SCHEMES = {
    "xavier": lambda rng, m, n: (rng.uniform(-1, 1, (m, n)) * np.sqrt(6 / (m + n)), np.zeros(m)),
    "he": lambda rng, m, n: (rng.normal(size=(m, n)) * np.sqrt(2 / n), np.zeros(m)),
    "centred": lambda rng, m, n: (rng.random((m, n)) - 0.5, rng.random(m) - 0.5),
    "rand": lambda rng, m, n: (rng.random((m, n)), rng.random(m)),  # all positive, as on the slides
}


def initialize(sizes, activations, rng, scheme="xavier"):
    """Return a network with `sizes` = (d₀, …, d_L) and one activation per layer, in float64.

    `rng` is a NumPy Generator. Each scheme draws W[l] of shape (m, n) and b[l] of shape (m,):
    "xavier" uniform within √(6/(m+n)) with b = 0, "he" normal with variance 2/n and b = 0,
    "centred" uniform in [−½, ½), "rand" uniform in [0, 1) as on the slides.
    Raises TypeError or ValueError naming the argument that does not fit.
    """
    if not np.iterable(sizes):
        raise TypeError(f"sizes is {sizes!r}, expected a sequence of widths, such as (5, 7, 4, 3)")
    if isinstance(activations, Activation) or not np.iterable(activations):
        raise TypeError("activations is not a sequence, expected one for each layer, such as (sigmoid, softmax)")
    sizes = [check_count(f"sizes[{i}]", d) for i, d in enumerate(sizes)]
    activations = list(activations)
    if len(sizes) < 2:
        raise ValueError(f"sizes is {sizes}, expected at least an input and an output width")
    if len(activations) != len(sizes) - 1:
        raise ValueError(f"{len(activations)} activations, but sizes {sizes} make {len(sizes) - 1} layers: one each")
    for l, f in enumerate(activations, 1):
        if not isinstance(f, Activation):
            raise TypeError(f"activation {l} is {f!r}, expected an Activation such as utils.activations.sigmoid")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}, expected a NumPy Generator: np.random.default_rng(seed)")
    if scheme not in SCHEMES:
        raise ValueError(f"scheme is {scheme!r}, expected one of {', '.join(SCHEMES)}")
    drawn = {l: SCHEMES[scheme](rng, sizes[l], sizes[l - 1]) for l in range(1, len(sizes))}
    W, b = ({l: pair[i] for l, pair in drawn.items()} for i in (0, 1))
    return MLP(W, b, dict(enumerate(activations, 1)))


def convert(net, change):
    """Return the network with `change` applied to every W[l] and b[l], e.g. `torch.from_numpy`."""
    return MLP({l: change(w) for l, w in net.W.items()}, {l: change(b) for l, b in net.b.items()}, net.f)


def fits(net, X):
    """Say whether all is plainly in order, as it is in every step of a training; costs less than to say what is not."""
    if len(getattr(X, "shape", ())) != 2 or X.shape[0] == 0:
        return False
    width, kind, dtype = X.shape[1], type(X), X.dtype
    for l, W in net.W.items():
        b = net.b[l]
        if not (type(W) is type(b) is kind and W.dtype is b.dtype is dtype and W.shape == (*b.shape, width)):
            return False
        width = W.shape[0]
    return True


def check_shapes(net, X):
    """Raise ValueError or TypeError naming the first array that does not fit; no data is read."""
    if fits(net, X):
        return
    xp, name, width = library(X), "X", X.shape[-1] if X.shape else 0
    if len(X.shape) != 2 or X.shape[0] == 0:
        raise ValueError(f"X has shape {shape(X)}, expected (N, {np.shape(net.W[1])[-1]}): one sample a row")
    for l, W in net.W.items():
        b = net.b[l]
        check_library(f"W[{l}]", W, "X", X)
        check_library(f"b[{l}]", b, "X", X)
        if len(W.shape) != 2 or b.shape != W.shape[:1]:
            raise ValueError(f"W[{l}] has shape {shape(W)} and b[{l}] {shape(b)}, expected (m, n) and (m,)")
        if W.shape[1] != width:
            raise ValueError(f"{name} has {width} columns, but W[{l}] takes {W.shape[1]}")
        if xp is not np and not X.dtype == W.dtype == b.dtype:
            other, dtype = (f"W[{l}]", W.dtype) if W.dtype != X.dtype else (f"b[{l}]", b.dtype)
            raise ValueError(f"X holds {X.dtype}, but {other} holds {dtype}: use one precision")
        name, width = f"A[{l}]", W.shape[0]


def check_gradient(dA, A, L):
    """Raise ValueError or TypeError if `dA` does not have the library and the shape of A[L]."""
    if type(dA) is not type(A[L]):
        check_library("dA", dA, f"A[{L}]", A[L])
    if dA.shape != A[L].shape:
        raise ValueError(f"dA has shape {shape(dA)}, expected the shape of A[{L}], {shape(A[L])}")


# Keeping a network --------------------------------------------------------------------------------


def save(net, path):
    """Write the network to `path` as npz: the arrays and the activations' names, no pickle.

    bfloat16 becomes float32. Raises ValueError for an activation that `load` would not know by name.
    """
    for l, f in net.f.items():
        if ACTIVATIONS.get(f.name) is not f:
            raise ValueError(f"f[{l}] is {f.name!r}, which cannot be saved: expected one of {', '.join(ACTIVATIONS)}")
    arrays = {f"{v}{l}": numpy_array(x) for v, layers in (("W", net.W), ("b", net.b)) for l, x in layers.items()}
    with open(path, "wb") as file:
        np.savez(file, f=np.array([f.name for f in net.f.values()]), **arrays)


def load(path):
    """Read a network that `save` wrote; the arrays are NumPy's, in the precision they were saved in.

    Raises FileNotFoundError if nothing is there, ValueError if it is not such a file.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            f = {l: ACTIVATIONS[str(name)] for l, name in enumerate(file["f"], 1)}
            return MLP({l: file[f"W{l}"] for l in f}, {l: file[f"b{l}"] for l in f}, f)
    except (BadZipFile, EOFError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a network written by utils.mlp.save ({error})") from None
