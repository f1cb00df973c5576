"""Iterative minimisation: start somewhere, step against the gradient, stop when a rule says so.

x    the current guess, shape (d,)            f    the function, x ↦ a number
g    the gradient ∇f(x), shape (d,)           η    the rate ("step size"), a positive number
k    the number of steps taken so far         H    the symmetric matrix of a quadratic, shape (d, d)

A rate rule is a function (f, x, g, k) ↦ η; a stopping rule looks at the history so far. `fixed` and `decaying` need
the last argument alone: `utils.training.train` takes them, too, and gives them the number of the epoch.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from utils.arrays import check_count, check_finite, check_positive, reals

DIVERGED = 1e6  # a run has diverged once f has grown by this many times 1 + |f(start)|


class Quadratic:
    """f(x) = ½ xᵀ H x for a symmetric H: a bowl when all eigenvalues are positive.

    Raises ValueError if H is not square, finite and symmetric.
    """

    def __init__(self, H):
        self.H = reals("H", H).copy()
        if self.H.ndim != 2 or self.H.shape[0] != self.H.shape[1]:
            raise ValueError(f"H has shape {self.H.shape}, expected a square matrix")
        check_finite("H", self.H)
        if not np.allclose(self.H, self.H.T):
            raise ValueError("H is not symmetric: expected H[i, j] equal to H[j, i]")

    def value(self, x):
        """Return f(x); `x` has shape (..., d), the result shape (...): one point or a whole grid."""
        x = self._points(x)
        return 0.5 * ((x @ self.H) * x).sum(-1)

    def gradient(self, x):
        """Return ∇f(x) = Hx in x's shape (..., d); H is symmetric, so x @ H is the same row by row."""
        return self._points(x) @ self.H

    def eigen(self):
        """Return the eigenvalues of H, ascending, and its unit eigenvectors as columns."""
        return np.linalg.eigh(self.H)

    def _points(self, x):
        x = np.asarray(x, dtype=float)
        if x.shape[-1:] != self.H.shape[:1]:
            raise ValueError(f"x has shape {x.shape}, expected a last axis of {len(self.H)}, one entry per row of H")
        return x


LECTURE = Quadratic([[2, 1], [1, 8]])  # f(x₁, x₂) = x₁² + x₁x₂ + 4x₂², the slides' example


class Descent(NamedTuple):
    """The history of a run: k steps, k + 1 points."""

    path: np.ndarray  #            (k + 1, d), the start first
    values: np.ndarray  #          (k + 1,), f at each point
    gradient_norms: np.ndarray  #  (k + 1,), ‖∇f‖ at each point
    stopped_by: str  #             "small change", "small gradient", "max steps" or "diverged"

    @property
    def steps(self):
        """The number of steps taken, k."""
        return len(self.path) - 1


# Stopping rules -----------------------------------------------------------------------------------


class StoppingRule(NamedTuple):
    """A name for `Descent.stopped_by`, and a test of the histories of f and of ‖∇f‖ so far."""

    name: str
    holds: Callable


def small_change(eps):
    """Stop when |f(xᵏ⁺¹) − f(xᵏ)| < eps: the slides' first rule. It can be fooled, see notebook 02."""
    eps = check_positive("eps", eps)
    return StoppingRule("small change", lambda values, norms: len(values) > 1 and abs(values[-1] - values[-2]) < eps)


def small_gradient(eps):
    """Stop when ‖∇f(xᵏ)‖ < eps: the slides' second rule."""
    eps = check_positive("eps", eps)
    return StoppingRule("small gradient", lambda values, norms: norms[-1] < eps)


# Rate rules ---------------------------------------------------------------------------------------


def fixed(rate):
    """η is the same at every step."""
    rate = check_positive("rate", rate)
    return lambda *state: rate


def decaying(rate, decay):
    """η = rate / (1 + decay · k): large steps first, smaller and smaller ones later."""
    rate, decay = check_positive("rate", rate), check_positive("decay", decay)
    return lambda *state: rate / (1 + decay * state[-1])


def exact_line_search(quadratic):
    """η = gᵀg / gᵀHg: the lowest point of a quadratic along the ray x − ηg."""
    if not isinstance(quadratic, Quadratic):
        raise TypeError(f"exact_line_search takes a Quadratic, not {type(quadratic).__name__}: the formula needs H")

    def rule(f, x, g, k):
        length, curvature = g @ g, g @ quadratic.gradient(g)  # of a tiny g either may be 0
        return length / curvature if length > 0 and curvature > 0 else 1.0

    return rule


def backtracking(rate=1.0, shrink=0.5, slope=1e-4):
    """Try η = rate, and shrink it until f falls by at least slope · η ‖g‖² (Armijo's condition)."""
    rate, shrink, slope = (
        check_positive("rate", rate),
        check_positive("shrink", shrink),
        check_positive("slope", slope),
    )
    if shrink >= 1 or slope >= 1:
        raise ValueError(f"shrink is {shrink} and slope {slope}, expected both below 1")

    def rule(f, x, g, k):
        eta, here = rate, f(x)
        while eta > 1e-16 and not f(x - eta * g) <= here - slope * eta * (g @ g):
            eta *= shrink
        return eta

    return rule


# The algorithms -----------------------------------------------------------------------------------


def gradient_descent(f, gradient, start, rate, stop=(), max_steps=1000):
    """Minimise f: x ← x − η ∇f(x), until a rule in `stop` holds (slides, part 6).

    `f` maps a point of shape (d,) to a number, `gradient` to an array of shape (d,). `start` has
    shape (d,), or is a number when d is 1. `rate` is a number or a rate rule. `stop` is a stopping
    rule or several, tested in order after every step. The run also ends after `max_steps`, or when f
    has grown without bound. Every call is given a copy of the point, so that a function that works in place does no
    harm. Returns a `Descent` and never raises for a run that diverges.
    Raises ValueError or TypeError for a start that is not finite, a rate that is not positive, or
    functions whose results have the wrong shape.
    """
    rule = rate if callable(rate) else fixed(rate)
    return _iterate(f, gradient, start, lambda f, x, g, k: _rate(rule, f, x, g, k) * g, stop, max_steps)


def sign_descent(f, gradient, start, step, stop=(), max_steps=1000):
    """Minimise f with the sign alone: x ← x − step · sign(∇f(x)), entry by entry (slides, part 4).

    Arguments and result as in `gradient_descent`; `step` is the fixed length of a move. It also
    stops where the gradient is exactly 0, the only place where this rule does not move.
    """
    step = check_positive("step", step)
    flat = StoppingRule("small gradient", lambda values, norms: norms[-1] == 0)
    return _iterate(f, gradient, start, lambda f, x, g, k: step * np.sign(g), [*_rules(stop), flat], max_steps)


def _iterate(f, gradient, start, move, stop, max_steps):
    rules = _rules(stop)
    max_steps = check_count("max_steps", max_steps)
    x = _start(start)

    def value(x):
        return _value(f, x.copy())

    path, values, norms = [x], [value(x)], []
    check_finite("f(start)", np.array(values[0]))
    limit = values[0] + DIVERGED * (1 + abs(values[0]))
    with np.errstate(over="ignore", invalid="ignore"):
        while True:
            g = _gradient(gradient, x.copy())
            norms.append(math.hypot(*g))  # which squares no 1e200
            stopped_by = _verdict(rules, values, norms, limit, max_steps)
            if stopped_by:
                return Descent(np.array(path), np.array(values), np.array(norms), stopped_by)
            x = x - move(value, x, g, len(path) - 1)
            path.append(x)
            values.append(value(x))


def _rules(stop):
    rules = list(stop) if isinstance(stop, list | tuple) and not isinstance(stop, StoppingRule) else [stop]
    for rule in rules:
        if not isinstance(rule, StoppingRule):
            raise TypeError(f"stop is {rule!r}, expected a stopping rule such as small_gradient(1e-6), or several")
    return rules


def _verdict(rules, values, norms, limit, max_steps):
    if not (-np.inf < values[-1] <= limit and np.isfinite(norms[-1])):
        return "diverged"
    held = [rule.name for rule in rules if rule.holds(values, norms)]
    if held or len(values) > max_steps:
        return held[0] if held else "max steps"
    return None


def _start(start):
    x = np.atleast_1d(reals("start", start)).copy()
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"start has shape {x.shape}, expected a point: a number or an array of shape (d,)")
    check_finite("start", x)
    return x


def _rate(rule, f, x, g, k):
    """Return what a rate rule says at step k; nan and infinity are let through, for the run that has blown up."""
    rate = reals(f"rate(f, x, g, {k})", rule(f, x.copy(), g.copy(), k))
    if rate.size != 1 or rate <= 0:
        raise ValueError(f"rate(f, x, g, {k}) is {rate}, expected one number greater than 0")
    return rate.item()


def _value(f, x):
    try:
        value = reals("f(x)", f(x))
    except OverflowError:  # plain Python's word for a number that is too large
        return np.inf
    if value.size != 1:
        raise ValueError(f"f(x) has shape {value.shape}, expected one number")
    return value.item()


def _gradient(gradient, x):
    try:
        g = reals("gradient(x)", gradient(x))
    except OverflowError:
        return np.full_like(x, np.inf)
    if g.shape != x.shape:
        raise ValueError(f"gradient(x) has shape {g.shape}, expected x's shape {x.shape}")
    return g
