"""The ledger: hand-made gradients beside those of the referees, a line for each Z, A, W, b of every layer."""

from typing import NamedTuple

import numpy as np

from utils.activations import Activation
from utils.arrays import double, holds_floats, library, shape

AUTOGRAD_RTOL = 1e-9  # relative to an array's largest entry: two ways through the same exact formulas
DIFFERENCE_RTOL = 1e-6  # what centred differences can promise
DIGIT = float(np.finfo(np.float64).eps)
ULPS = 4 * DIGIT
BOUNDS = {"autograd": AUTOGRAD_RTOL, "differences": DIFFERENCE_RTOL}
REACHED = {"autograd": 1e-12, "differences": 1e-8}  # as a rule; below, rounding is each machine's own


class Row(NamedTuple):
    """One gradient under comparison; gaps are relative to its largest entry, less what rounding may add."""

    name: str  #               "dW[1]"
    formula: str  #            LaTeX, without dollar signs
    shape: tuple
    relative: float  #             largest |manual − autograd|
    relative_difference: float  #  largest |manual − centred difference|, kinks aside
    verdict: str  #            "agree", "agree (kink)", or who objects
    reached: tuple = ("", "")  # both gaps as they are printed, with what rounding adds

    @property
    def agrees(self):
        """Whether nobody objects."""
        return self.verdict.startswith("agree")


class Ledger(NamedTuple):
    """A row for every Z, A, W, b of every layer, from the output back to the input.

    "kink" is said where centred differences have no say: an activation or the loss has no derivative there. Autograd
    has one all the same, by convention: for ReLU at 0 it is 0, and a gradient must agree with that.
    """

    rows: tuple

    def assert_agree(self, rtol=AUTOGRAD_RTOL):
        """Raise AssertionError naming every gradient off by more than `rtol` of its largest entry.

        Against centred differences the bound is never tighter than they can promise, 1e-6.
        """
        wrong = [
            f"{row.name} ({_size(row.relative, AUTOGRAD_RTOL)} from autograd, "
            f"{_size(row.relative_difference, DIFFERENCE_RTOL)} from differences)"
            for row in self.rows
            if not (row.relative <= rtol and row.relative_difference <= max(rtol, DIFFERENCE_RTOL))
        ]
        if wrong:
            raise AssertionError("manual gradients that disagree: " + ", ".join(wrong))

    def __str__(self):
        head = f"{'gradient':<10}{'shape':<10}{'vs autograd':<14}{'vs differences':<17}verdict"
        lines = [f"{row.name:<10}{row.shape!s:<10}{row.reached[0]:<14}{row.reached[1]:<17}{row.verdict}"
                 for row in self.rows]
        return "\n".join([head, *lines])

    __repr__ = __str__

    def _repr_html_(self):
        head = ["gradient", "formula", "shape", "manual vs autograd", "manual vs differences", "verdict"]
        cells = [(f"<code>{row.name}</code>", f"${row.formula}$", str(row.shape), *row.reached,
                  ("✓ " if row.agrees else "✗ ") + row.verdict) for row in self.rows]
        line = "<tr>{}</tr>".format
        return (
            "<table>"
            + line("".join(f"<th>{h}</th>" for h in head))
            + "".join(line("".join(f"<td>{c.replace('< ', '&lt; ')}</td>" for c in row)) for row in cells)
            + "</table>"
        )


def row(name, formula, manual, noise, autograd, difference=None, doubt=None):
    """Return the `Row` of one gradient: arrays of one shape; `noise` is what rounding may add to each entry.

    A gradient in float32 may be off by what float32 rounds. Autograd has no say where its own number is nan, and
    nobody has asked differences where there are none.
    """
    exact, manual = manual, double(name, manual)
    if manual.shape != autograd.shape:
        return Row(name, formula, shape(manual), np.inf, np.inf, f"shape, expected {shape(autograd)}", ("–", "–"))
    asked, known = difference is not None, np.isfinite(autograd)
    difference, doubt = (difference, doubt) if asked else (autograd, np.full(shape(autograd), np.inf))
    sure = np.isfinite(doubt)
    scale = size(autograd[known]) or size(manual) or 1.0
    noise = _coarser(noise, scale, exact)
    told, seen = (manual[known], autograd[known]), (manual[sure], difference[sure])
    relative = gap(*told, noise[known]) / scale, gap(*seen, (doubt + noise)[sure]) / scale
    if not np.isfinite(manual).all():
        relative = np.inf, np.inf
    objections = [who for who, found in zip(BOUNDS, relative, strict=True) if not found <= BOUNDS[who]]
    verdict = "disagrees with " + " and ".join(objections) if objections else "agree"
    raw = gap(*told) / scale, gap(*seen) / scale
    return Row(name, formula, shape(manual), *relative, verdict + " (kink)" * (asked and not sure.all()),
               (_printed("autograd", raw[0], relative[0]) if known.any() else "–",
                _printed("differences", raw[1], relative[1]) if sure.any() else "–"))


def _coarser(noise, scale, gradient):
    """Return what rounding may add to a gradient in the precision that it has: in float32, 5e8 times as much."""
    eps = float(library(gradient).finfo(gradient.dtype).eps) if holds_floats(gradient) else DIGIT
    return noise if eps <= DIGIT else noise * (eps / DIGIT) + 64 * eps * scale


def gap(mine, other, noise=0.0):
    """Return the largest difference, less what rounding may add; nan stays nan."""
    return float(np.maximum(abs(mine - other) - noise, 0.0).max(initial=0.0))


def size(gradient):
    """Return a gradient's largest entry, by which a gap is measured."""
    return float(abs(gradient).max(initial=0.0))


def _printed(who, raw, relative):
    """Return a gap as it is printed: a bound with room to spare where it is rounding's, and the size of a real one."""
    if not relative <= BOUNDS[who]:
        return _size(raw, BOUNDS[who])
    return next((f"< {bound:.0e}" for bound in (REACHED[who], BOUNDS[who]) if 2 * raw <= bound), "rounding")


def _size(gap, allowed):
    return "not finite" if not np.isfinite(gap) else f"< {allowed:.0e}" if gap <= allowed else f"{gap:.2g}"


def shaken(net, trace, rng):
    """Return the network with every Z and A off by a few ulps, as if each sum had been added up in another order.

    What that does to the loss and its gradients is what rounding may do to them. A sum's error is a share of all that
    went into it, however little is left of it.
    """
    def activation(l):
        sums = abs(trace.A[l - 1]) @ abs(net.W[l]).T + abs(net.b[l])
        off, times = ULPS * sums * rng.uniform(-1, 1, sums.shape), 1 + ULPS * rng.uniform(-1, 1, sums.shape)

        def apply(Z):
            xp = library(Z)
            return net.f[l](Z + xp.asarray(off)) * xp.asarray(times)

        return Activation(getattr(net.f[l], "name", "own"), apply, net.f[l].pullback)

    return net._replace(f={l: activation(l) for l in net.W})


def formula_of(net, kind, l):
    """Return in LaTeX how a gradient follows from those behind it; `kind` is "dA", "dZ", "dW" or "db"."""
    L, V, up = len(net.W), kind[1], f"({l})"
    left = rf"\frac{{\partial L}}{{\partial {V}^{{{up}}}}}"
    dZ = rf"\frac{{\partial L}}{{\partial Z^{{{up}}}}}"
    if kind == "dA":
        return left + (r"" if l == L else rf" = \frac{{\partial L}}{{\partial Z^{{({l + 1})}}}} W^{{({l + 1})}}")
    if kind == "dZ":
        return left + rf" = \frac{{\partial L}}{{\partial A^{{{up}}}}} \cdot J_{{\text{{{net.f[l].name}}}}}"
    previous = "X" if l == 1 else rf"A^{{({l - 1})}}"
    return left + rf" = {dZ}^\top " + (previous if kind == "dW" else r"\mathbf{1}_N")
