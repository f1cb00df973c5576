"""The referee: every gradient three times, by hand, by torch's autograd, by centred differences.

All three look at the same network, in float64, whatever precision or library came in.
"""

from contextlib import contextmanager

import numpy as np
import torch

from utils.activations import Activation
from utils.arrays import check_finite, floats, holds_floats, library
from utils.differences import difference_gradients, differences
from utils.ledger import Ledger, Row, double, formula_of, rounding, row
from utils.mlp import Gradients, backward, convert, forward

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
    widest = np.result_type(np.float32, X, *net.W.values(), *net.b.values()) if was_numpy else None
    with torch.inference_mode(False), torch.enable_grad(), _precision(X):  # whatever the caller has switched off
        X, Y = _tensor("X", X, widest).requires_grad_(), _tensor("Y", Y, widest)
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
def _precision(X):
    """Let numbers that meet tensors, such as 0.1 * (Z < 0) in an activation of one's own, have X's precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(_tensor("X", X, X.dtype).dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _tensor(name, x, dtype):
    """Return `x` as a tensor outside every graph, in memory of its own: NumPy's may run backwards."""
    if library(x) is np:
        return torch.from_numpy(np.array(floats(name, x), dtype=min(dtype, np.dtype(np.float64)), order="C"))
    return x.detach().clone()


def _followed(l, f):
    """Return an activation that says so if autograd cannot follow it."""
    def apply(Z):
        return _recorded(f"f[{l}] ({getattr(f, 'name', f)})", f, Z)

    return Activation(getattr(f, "name", "own"), apply, None)


def _loss(loss, A, Y):
    return _recorded(f"the loss ({loss.name})", loss.unchecked.value, A, Y)


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


def gradient_ledger(net, X, Y, loss, manual=None):
    """Compare `backward` with autograd and with centred differences; return the `Ledger`.

    Everything is computed in float64 on the CPU. `manual` puts other `Gradients` in the dock: a
    student's, or a mistake's. Raises as `forward`, the loss and `autograd_gradients` do for input that does not fit,
    and ValueError where the loss is not finite: there is no gradient.
    """
    net, X, Y = convert(net, lambda v: double("a parameter", v)), double("X", X), double("Y", Y)
    trace = forward(net, X)
    output = trace.A[len(net.W)]
    value = float(loss.value(output, Y))
    check_finite("the loss", value)
    if manual is None:
        manual = backward(net, trace, loss.unchecked.gradient(output, Y))
    autograd, found = autograd_gradients(net, X, Y, loss), differences(net, X, Y, loss)
    return Ledger(tuple(
        row(f"{kind}[{l}]", formula_of(net, kind, l), noise, double(f"{kind}[{l}]", getattr(manual, kind)[l]),
            *(getattr(g, kind)[l] for g in (autograd, *found)))
        for (kind, l), noise in rounding(net, trace, autograd, value).items()))
