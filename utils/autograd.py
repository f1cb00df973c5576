"""The referee: every gradient three times, by hand, by torch's autograd, by centred differences.

All three look at the same network, in float64, whatever precision or library came in.
"""

import threading
from contextlib import contextmanager

import numpy as np
import torch

from utils.activations import Activation
from utils.arrays import Guard, check_finite, check_library, floats, holds_floats, library, wide
from utils.differences import difference_gradients, differences, in_double
from utils.ledger import ULPS, Ledger, Row, formula_of, row, shaken
from utils.mlp import Gradients, backward, convert, forward
from utils.shapes import check_layers, check_shapes

SHAKES, MARGIN = 6, 10.0  # how often rounding is tried out, and how much more than that it may be
ONE_AT_A_TIME = threading.RLock()  # torch's default precision is one for all threads

__all__ = ["Ledger", "Row", "autograd_gradients", "difference_gradients", "gradient_ledger"]


def autograd_gradients(net, X, Y, loss):
    """Return ∂L/∂Z, ∂L/∂A, ∂L/∂W, ∂L/∂b for every layer as torch's autograd finds them.

    The forward pass is `utils.mlp.forward` itself, on tensors that record what is done to them; the
    result is a `Gradients` like `backward`'s, in the library, precision and device that came in. Raises as `forward`
    does, and TypeError for whole numbers in X, or a function of your own that autograd cannot follow.
    """
    was_numpy = library(X) is np
    if not holds_floats(X):
        raise TypeError(f"X holds {X.dtype}, expected floats: whole numbers have no gradient")
    net, X = check_shapes(net, X)
    check_library("X", X, "Y", Y)
    widest = np.result_type(np.float32, X, *net.W.values(), *net.b.values()) if was_numpy else None
    with torch.inference_mode(False), _precision(X.dtype):  # whatever the caller has switched off
        X, Y = _tensor("X", X, widest).requires_grad_(), _targets(Y, widest, loss)
        tensors = convert(net, lambda v: _tensor("a parameter", v, widest).requires_grad_())
        trace = forward(tensors._replace(f={l: _followed(l, f) for l, f in net.f.items()}), X)
        L = _loss(loss, trace.A[len(net.W)], Y)
        families = trace.Z, trace.A, tensors.W, tensors.b
        leaves = [v for family in families for v in family.values()]
        found = iter(torch.autograd.grad(L, leaves, allow_unused=True, materialize_grads=True))
    return Gradients(
        *({l: g.numpy() if was_numpy else g for l, g in zip(family, found, strict=False)} for family in families)
    )


@contextmanager
def _precision(dtype):
    """Let numbers that meet tensors, such as 0.1 * (Z < 0) in an activation of one's own, have X's precision."""
    with ONE_AT_A_TIME:
        before = torch.get_default_dtype()
        torch.set_default_dtype(getattr(torch, str(dtype).removeprefix("torch.")))
        try:
            yield
        finally:
            torch.set_default_dtype(before)


def _tensor(name, x, dtype):
    """Return `x` as a tensor outside every graph, in memory of its own: NumPy's may run backwards."""
    if library(x) is np:
        return torch.from_numpy(np.array(floats(name, x), dtype=min(dtype, np.dtype(np.float64)), order="C"))
    return x.detach().clone()


def _targets(Y, dtype, loss):
    """Return Y as a tensor; labels, for a loss of one's own, stay whole numbers."""
    if isinstance(loss.value, Guard) and library(Y) is np and Y.dtype.kind in "iub":
        return torch.from_numpy(np.array(wide(Y), order="C"))
    return _tensor("Y", Y, dtype)


def _followed(l, f):
    """Return an activation that says so if autograd cannot follow it."""
    def apply(Z):
        return _recorded(f"f[{l}] ({getattr(f, 'name', f)})", f, Z)

    return Activation(getattr(f, "name", "own"), apply, None)


def _loss(loss, A, Y):
    return _recorded(f"the loss ({loss.name})", loss.unchecked.value, *loss.checked(A, Y))


def _recorded(name, function, *args):
    """Return what a function makes of tensors, or say that autograd cannot follow it."""
    try:
        found = function(*args)
    except (AttributeError, RuntimeError, TypeError) as error:
        raise TypeError(f"{name} cannot be followed by autograd ({error}): expected a function that takes tensors, "
                        "too, with library(Z).where for np.where, say") from error
    if not (isinstance(found, torch.Tensor) and found.requires_grad):
        raise TypeError(f"{name} leaves autograd's graph: expected a function of tensors that records what it does")
    return found


def gradient_ledger(net, X, Y, loss, manual=None, nudge=True):
    """Compare `backward` with autograd and with centred differences; return the `Ledger`.

    Everything is computed in float64 on the CPU. `manual` puts other `Gradients` in the dock: a
    student's, or a mistake's; or only `dW` and `db`, as `accumulate` returns them. With `nudge=False` autograd is
    asked alone, which is quick. Raises as `forward`, the loss and
    `autograd_gradients` do for input that does not fit, and ValueError where the loss or its gradient is not finite, or
    a layer's gradient is missing.
    """
    check_layers(net)
    net, X, Y = in_double(net, X, Y, loss)
    trace = forward(net, X)
    output = trace.A[len(net.W)]
    loss.checked(output, Y)
    value = _finite("the loss", float(loss.unchecked.value(output, Y)))
    if manual is None:
        dA = _finite(f"dA[{len(net.W)}]", loss.unchecked.gradient(output, Y))
        manual = backward(net, trace, dA)
    autograd = autograd_gradients(net, X, Y, loss)
    noise = _noise(net, trace, X, Y, loss, value)
    found = differences(net, X, Y, loss, autograd, noise.pop("loss")) if nudge else ()
    return Ledger(tuple(
        row(f"{kind}[{l}]", formula_of(net, kind, l), _part(manual, kind, l), noise[kind, l],
            *(getattr(g, kind)[l] for g in (autograd, *found)))
        for kind, l in _lines(net, manual)))


def _finite(name, x):
    check_finite(name, x)
    return x


def _lines(net, manual):
    """Return (kind, layer) of each gradient, from the output back to the input."""
    kinds = [kind for kind in ("dA", "dZ", "dW", "db") if hasattr(manual, kind)]
    if not kinds:
        raise TypeError(f"manual is {manual!r:.60}, expected Gradients: dZ, dA, dW and db, each a dict by layer")
    return [(kind, l) for l in reversed(net.W) for kind in kinds]


def _part(manual, kind, l):
    """Return one gradient, or raise ValueError if it is missing."""
    try:
        return getattr(manual, kind)[l]
    except (KeyError, IndexError, TypeError):
        raise ValueError(f"{kind}[{l}] is missing from the gradients, expected one for every layer") from None


def _noise(net, trace, X, Y, loss, value):
    """Return {(kind, l): what rounding may add to each entry of a gradient}, and to the "loss"."""
    rng, noise = np.random.default_rng(0), {"loss": MARGIN * ULPS * abs(Y).max()}
    with np.errstate(all="ignore"):
        exact = _by_the_book(net, trace, X, Y, loss)
        for _ in range(SHAKES):
            other, targets = shaken(net, trace, rng), Y
            if holds_floats(Y):
                targets = Y * (1 + ULPS * rng.uniform(-1, 1, Y.shape))
            way = forward(other, X)
            off = abs(float(loss.unchecked.value(way.A[len(net.W)], targets)) - value)
            noise["loss"] = max(noise["loss"], MARGIN * off)
            theirs = _by_the_book(other, way, X, targets, loss)
            for kind in Gradients._fields:
                for l, g in getattr(exact, kind).items():
                    noise[kind, l] = np.fmax(noise.get((kind, l), 0.0), MARGIN * abs(getattr(theirs, kind)[l] - g))
    return noise


def _by_the_book(net, trace, X, Y, loss):
    """Return what `backward` makes of a trace, or autograd, where there is an activation without a pullback."""
    if all(f.pullback for f in net.f.values()) and loss.gradient:
        return backward(net, trace, loss.unchecked.gradient(trace.A[len(net.W)], Y))
    return autograd_gradients(net, X, Y, loss)
