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

import numpy as np

from utils.activations import ACTIVATIONS, Activation, sigmoid
from utils.arrays import check_count, check_finite, check_matrix, check_positive, numpy_array
from utils.shapes import check_gradient, check_layers, check_parts, check_shapes, check_trace


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

    Whole numbers count as floats. Raises ValueError if a shape does not fit or two libraries are mixed, TypeError for
    what is no array of numbers.
    """
    net, X = check_shapes(net, X)
    Z, A = {}, {0: X}
    for l in net.W:
        Z[l] = A[l - 1] @ net.W[l].T + net.b[l]
        A[l] = net.f[l](Z[l])
    return Trace(Z, A)


def backward(net, trace, dA, to_input=True):
    """Pull `dA` = ∂L/∂A[L], of shape (N, d_L), back through every layer (slides, part 12).

    The factor 1/N is in `dA` already: every loss puts it there. With `to_input=False` the way back
    ends at layer 1, without ∂L/∂X, which no step needs. Raises ValueError or TypeError if `dA` is not
    like the output, or the trace is not this network's.
    """
    L = len(net.W)
    net = check_trace(net, trace)
    dA = check_gradient(dA, trace.A, L)
    A, dA, dZ, dW, db = trace.A, {L: dA}, {}, {}, {}
    for l in reversed(net.W):
        dZ[l] = net.f[l].pullback(dA[l], A[l])
        dW[l] = dZ[l].T @ A[l - 1]
        db[l] = dZ[l].sum(0)
        if l > 1 or to_input:
            dA[l - 1] = dZ[l] @ net.W[l]
    return Gradients(dZ, dA, dW, db)


def descend(net, gradients, rate):
    """Return the network one step downhill: W − rate · dW, b − rate · db in every layer.

    Raises ValueError or TypeError for a rate that is not positive, or a gradient without its parameter's shape.
    """
    rate = check_positive("rate", rate)
    dW, db = check_parts(net, gradients)
    W = {l: net.W[l] - rate * dW[l] for l in net.W}
    b = {l: net.b[l] - rate * db[l] for l in net.b}
    return MLP(W, b, net.f)


def predict(net, X):
    """Return the most likely class of each row of X, shape (N,).

    A network with one output has two classes: a sigmoid says how probable class 1 is, and gives it from ½ on. Raises
    as `forward`, for nan in X or in the output, and ValueError for one output of another kind: it needs a threshold of
    your own.
    """
    X, L = check_matrix("X", X, like=net.W[1]), len(net.W)
    check_finite("X", X)
    A = forward(net, X).A[L]
    check_finite(f"A[{L}]", A)
    if A.shape[1] > 1:
        return A.argmax(1)
    if net.f[L].name != sigmoid.name:
        raise ValueError(f"the network has one output, {net.f[L].name}, so the largest is always class 0: expected two "
                         f"or more, a sigmoid, or a threshold of your own, forward(net, X).A[{L}][:, 0] > …")
    return 1 * (A[:, 0] >= 0.5)


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


# Keeping a network --------------------------------------------------------------------------------


def save(net, path):
    """Write the network to `path` as npz: the arrays and the activations' names, no pickle.

    bfloat16 becomes float32. Raises ValueError for an activation that `load` would not know by name, and ValueError or
    TypeError for what is no network.
    """
    check_layers(net)
    for l, f in net.f.items():
        if ACTIVATIONS.get(f.name) is not f:
            raise ValueError(f"f[{l}] is {f.name!r}, which cannot be saved: expected one of {', '.join(ACTIVATIONS)}")
    arrays = {f"{v}{l}": numpy_array(x) for v, layers in (("W", net.W), ("b", net.b)) for l, x in layers.items()}
    with open(path, "wb") as file:
        np.savez(file, f=np.array([net.f[l].name for l in sorted(net.f)]), **arrays)


def load(path):
    """Read a network that `save` wrote; the arrays are NumPy's, in the precision they were saved in.

    Raises FileNotFoundError if nothing is there, ValueError if it is not such a file.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            f = {l: ACTIVATIONS[str(name)] for l, name in enumerate(file["f"], 1)}
            return MLP({l: file[f"W{l}"] for l in f}, {l: file[f"b{l}"] for l in f}, f)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # whatever zip and NumPy say of a file that is something else, or has been damaged
        raise ValueError(f"{path} is not a network written by utils.mlp.save ({error})") from None
