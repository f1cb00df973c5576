"""The referee: every gradient three times, by hand, by torch's autograd, by centred differences.

All three look at the same network, in float64, whatever precision or library came in.
"""

from typing import NamedTuple

import numpy as np
import torch

from utils.arrays import holds_floats, library, numpy_array, shape
from utils.derivatives import numerical_gradient
from utils.mlp import MLP, Gradients, backward, convert, forward

H = 1e-6  # the nudge of the centred differences
DIFFERENCE_RTOL = 1e-6  # what they can promise in float64, relative to the largest entry …
AUTOGRAD_RTOL = 1e-9  # two ways through the same exact formulas
ROUNDING = 10 * np.finfo(np.float64).eps  # what rounding may add to either, times the loss itself


def autograd_gradients(net, X, Y, loss):
    """Return ∂L/∂Z, ∂L/∂A, ∂L/∂W, ∂L/∂b for every layer as torch's autograd finds them.

    The forward pass is `utils.mlp.forward` itself, on tensors that record what is done to them; the
    result is a `Gradients` like `backward`'s, in the library, precision and device that came in.
    """
    was_numpy = library(X) is np
    if not holds_floats(X):
        raise TypeError(f"X holds {X.dtype}, expected floats: whole numbers have no gradient")

    def leaf(x):
        return (torch.tensor(x) if was_numpy else x.detach().clone()).requires_grad_()

    net, X = convert(net, leaf), leaf(X)
    trace = forward(net, X)
    L = loss.unchecked.value(trace.A[len(net.W)], torch.tensor(Y) if was_numpy else Y)
    families = trace.Z, trace.A, net.W, net.b
    tensors = [v for family in families for v in family.values()]
    found = iter(torch.autograd.grad(L, tensors))
    return Gradients(
        *({l: g.numpy() if was_numpy else g for l, g in zip(family, found, strict=False)} for family in families)
    )


def difference_gradients(net, X, Y, loss, h=H):
    """Return the same `Gradients` by centred differences: every entry nudged up and down by h (NumPy only).

    A nudge of Z[l] or A[l] is carried on through the layers behind it.
    """
    trace, value, layers = forward(net, X), loss.unchecked.value, list(net.W)

    def onwards(l, A):
        """The loss, if layer l had put out A."""
        for m in layers[l:]:
            A = net.f[m](A @ net.W[m].T + net.b[m])
        return value(A, Y)

    def from_Z(l):
        return numerical_gradient(lambda Z: onwards(l, net.f[l](Z)), trace.Z[l], h)

    def from_A(l):
        return numerical_gradient(lambda A: onwards(l, A), trace.A[l], h)

    def from_W(l):
        return numerical_gradient(lambda W: onwards(l, net.f[l](trace.A[l - 1] @ W.T + net.b[l])), net.W[l], h)

    def from_b(l):
        return numerical_gradient(lambda b: onwards(l, net.f[l](trace.A[l - 1] @ net.W[l].T + b)), net.b[l], h)

    return Gradients(
        {l: from_Z(l) for l in layers},
        {l: from_A(l) for l in [0, *layers]},
        {l: from_W(l) for l in layers},
        {l: from_b(l) for l in layers},
    )


class Row(NamedTuple):
    """One gradient under comparison; the gaps are largest absolute differences."""

    name: str  #               "dW[1]"
    formula: str  #            LaTeX, without dollar signs
    shape: tuple
    autograd_gap: float  #     largest |manual − autograd|
    difference_gap: float  #   largest |manual − centred difference|
    relative: float  #         autograd_gap over the largest |entry|, less what rounding may add
    relative_difference: float  # difference_gap over the same, less what rounding may add
    verdict: str  #            "agree", or which of the two referees objects


class Ledger(NamedTuple):
    """A row for every Z, A, W, b of every layer, from the output back to the input."""

    rows: tuple

    def assert_agree(self, rtol=1e-9):
        """Raise AssertionError naming every gradient off by more than `rtol` of its largest entry.

        Against centred differences the bound is never tighter than they can promise, 1e-6.
        """
        wrong = [
            f"{row.name} ({_bound(row.relative)} from autograd, {_bound(row.relative_difference, 6)} from differences)"
            for row in self.rows
            if not (row.relative <= rtol and row.relative_difference <= max(rtol, DIFFERENCE_RTOL))
        ]
        if wrong:
            raise AssertionError("manual gradients that disagree: " + ", ".join(wrong))

    def __str__(self):
        head = f"{'gradient':<10}{'shape':<10}{'vs autograd':<14}{'vs differences':<17}{'relative':<11}verdict"
        return "\n".join(
            [head]
            + [
                f"{row.name:<10}{row.shape!s:<10}{_bound(row.autograd_gap):<14}{_bound(row.difference_gap, 6):<17}"
                f"{_bound(row.relative):<11}{row.verdict}"
                for row in self.rows
            ]
        )

    __repr__ = __str__

    def _repr_html_(self):
        head = ["gradient", "formula", "shape", "manual − autograd", "manual − differences", "relative", "verdict"]
        cells = [
            (
                f"<code>{row.name}</code>",
                f"${row.formula}$",
                str(row.shape),
                _bound(row.autograd_gap),
                _bound(row.difference_gap, 6),
                _bound(row.relative),
                ("✓ " if row.verdict == "agree" else "✗ ") + row.verdict,
            )
            for row in self.rows
        ]
        line = "<tr>{}</tr>".format
        return (
            "<table>"
            + line("".join(f"<th>{h}</th>" for h in head))
            + "".join(line("".join(f"<td>{_html(c)}</td>" for c in row)) for row in cells)
            + "</table>"
        )


def gradient_ledger(net, X, Y, loss, manual=None):
    """Compare `backward` with autograd and with centred differences; return the `Ledger`.

    Everything is computed in float64 on the CPU. `manual` puts other `Gradients` in the dock: a
    student's, or a mistake's. Raises as `forward` and the loss do for input that does not fit.
    """
    net, X, Y = convert(net, _double), _double(X), _double(Y)
    trace = forward(net, X)
    output = trace.A[len(net.W)]
    noise = ROUNDING * max(1.0, abs(float(loss.value(output, Y))))
    manual = manual or backward(net, trace, loss.unchecked.gradient(output, Y))
    referees = autograd_gradients(net, X, Y, loss), difference_gradients(net, X, Y, loss)
    return Ledger(
        tuple(
            _row(kind, l, _formula(net, kind, l), noise, *(_double(getattr(g, kind)[l]) for g in (manual, *referees)))
            for l in reversed(net.W)
            for kind in ("dA", "dZ", "dW", "db")
        )
    )


def _double(x):
    return numpy_array(x).astype(np.float64)


def _row(kind, l, formula, noise, manual, autograd, difference):
    name = f"{kind}[{l}]"
    if manual.shape != autograd.shape:
        return Row(name, formula, shape(manual), *[np.inf] * 4, f"shape, expected {shape(autograd)}")
    gaps = [float(abs(manual - other).max()) for other in (autograd, difference)]
    scale = float(abs(autograd).max())
    relative = (np.maximum(gaps, (noise, noise / H)) - (noise, noise / H)) / (scale or 1.0)  # nan stays nan
    objections = [
        who
        for who, gap, bound in zip(("autograd", "differences"), relative, (AUTOGRAD_RTOL, DIFFERENCE_RTOL), strict=True)
        if not gap <= bound
    ]
    return Row(
        name,
        formula,
        shape(manual),
        *gaps,
        *relative,
        "disagrees with " + " and ".join(objections) if objections else "agree",
    )


def _formula(net: MLP, kind, l):
    L, V, up = len(net.W), kind[1], f"({l})"
    left = rf"\frac{{\partial L}}{{\partial {V}^{{{up}}}}}"
    dZ = rf"\frac{{\partial L}}{{\partial Z^{{{up}}}}}"
    if kind == "dA":
        return left + (r"" if l == L else rf" = \frac{{\partial L}}{{\partial Z^{{({l + 1})}}}} W^{{({l + 1})}}")
    if kind == "dZ":
        return left + rf" = \frac{{\partial L}}{{\partial A^{{{up}}}}} \cdot J_{{\text{{{net.f[l].name}}}}}"
    previous = "X" if l == 1 else rf"A^{{({l - 1})}}"
    return left + rf" = {dZ}^\top " + (previous if kind == "dW" else r"\mathbf{1}_N")


def _bound(gap, finest=12):
    """A bound instead of rounding noise: '< 1e-12' reads the same on every machine."""
    if not np.isfinite(gap):
        return "not finite"
    for exponent in (finest, 6):
        if gap < 10.0**-exponent:
            return f"< 1e-{exponent}"
    return f"{gap:.2g}"


def _html(text):
    return text.replace("< ", "&lt; ")
