"""The ledger: hand-made gradients beside those of the referees, a line for each Z, A, W, b of every layer."""

from typing import NamedTuple

import numpy as np

from utils.arrays import floats, numpy_array, shape

AUTOGRAD_RTOL = 1e-9  # relative to an array's largest entry: two ways through the same exact formulas
DIFFERENCE_RTOL = 1e-6  # what centred differences can promise
ULPS = 10 * np.finfo(np.float64).eps
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


def row(name, formula, noise, manual, autograd, difference, doubt):
    """Return the `Row` of one gradient: arrays of one shape; `noise` is what rounding may add to it."""
    if manual.shape != autograd.shape:
        return Row(name, formula, shape(manual), np.inf, np.inf, f"shape, expected {shape(autograd)}", ("–", "–"))
    scale, sure = size(autograd), np.isfinite(doubt)
    seen = manual[sure], difference[sure]
    relative = gap(manual, autograd, noise) / scale, gap(*seen, doubt[sure]) / scale
    objections = [who for who, found in zip(BOUNDS, relative, strict=True) if not found <= BOUNDS[who]]
    kink = gap(manual[~sure], difference[~sure]) > DIFFERENCE_RTOL * scale
    verdict = "disagrees with " + " and ".join(objections) if objections else "agree"
    raw = gap(manual, autograd) / scale, gap(*seen) / scale
    return Row(name, formula, shape(manual), *relative, verdict + " (kink)" * kink,
               tuple(map(_printed, BOUNDS, raw, relative)))


def gap(mine, other, noise=0.0):
    """Return the largest difference, less what rounding may add; nan stays nan."""
    return float(np.maximum(abs(mine - other) - noise, 0.0).max(initial=0.0))


def size(gradient):
    """Return a gradient's largest entry, by which a gap is measured; 1 if all are 0."""
    return float(abs(gradient).max()) or 1.0


def _printed(who, raw, relative):
    """Return a gap as it is printed: a bound with room to spare where it is rounding's, and the size of a real one."""
    if not relative <= BOUNDS[who]:
        return _size(raw, BOUNDS[who])
    return next((f"< {bound:.0e}" for bound in (REACHED[who], BOUNDS[who]) if 2 * raw <= bound), "rounding")


def _size(gap, allowed):
    return "not finite" if not np.isfinite(gap) else f"< {allowed:.0e}" if gap <= allowed else f"{gap:.2g}"


def rounding(net, trace, gradients, loss):
    """Return {(kind, l): what rounding may add to a gradient}, from the output back, for a loss of this size.

    A few ulps of the loss at the output, and of dA · A in each pullback; on the way back, each error is multiplied by
    what the gradient is multiplied by.
    """
    found, below = {}, ULPS * max(1.0, abs(loss))
    with np.errstate(over="ignore"):
        for l in reversed(net.W):
            found["dA", l] = below
            found["dZ", l] = here = below + ULPS * abs(gradients.dA[l] * trace.A[l]).max()
            found["dW", l] = here * max(1.0, abs(trace.A[l - 1]).sum(0).max())
            found["db", l] = here * len(trace.A[l])
            below = here * max(1.0, abs(net.W[l]).sum(0).max())
    return found


def double(name, x):
    """Return `x` as a NumPy array of doubles, whatever it was."""
    return numpy_array(floats(name, x)).astype(np.float64)


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
