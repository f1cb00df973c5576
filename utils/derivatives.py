"""Derivatives without calculus: nudge the argument, watch the value.

x    the point, a number or an array of any shape
h    the nudge, in the units of x
"""

import numpy as np

from utils.arrays import check_finite, detached, holds_floats, library, numpy_array


def _check_nudge(h):
    if not np.isscalar(h) or isinstance(h, str) or not np.isfinite(h) or h == 0:
        raise ValueError(f"h is {h!r}, expected a finite number other than 0")


def difference_quotient(f, x, h):
    """Return the slope Δy / Δx = (f(x + h) − f(x)) / h between x and x + h.

    `x` is a number or an array on which `f` works entry by entry. As h shrinks the slope tends to
    the derivative, the multiplier α of Δy = α Δx, with an error that shrinks like h.
    Raises ValueError if `h` is 0 or not finite, or `x` is not finite.
    """
    _check_nudge(h)
    check_finite("x", x)
    return (f(x + h) - f(x)) / h


def numerical_gradient(f, x, h=1e-6):
    """Return ∂f/∂x by centred differences, an array of x's shape.

    Entry i is (f(x + h eᵢ) − f(x − h eᵢ)) / 2h: two evaluations of the scalar function `f` for each
    entry, with an error that shrinks like h² until rounding (about 1e-16 / h) takes over. `x` is a
    NumPy array or torch tensor of floats and is left as it was; the result stays in its library.
    Raises TypeError if `x` holds whole numbers (a nudge would be lost), ValueError if `h` is 0 or
    not finite, `x` is not finite, or `f` does not return one number.
    """
    _check_nudge(h)
    xp = library(x)
    if not holds_floats(x):
        raise TypeError(f"x holds {x.dtype}, expected floats: a nudge of {h} is lost on whole numbers")
    check_finite("x", x)
    x = detached(x)
    nudged, gradient = xp.asarray(x, copy=True), xp.zeros_like(x)
    for i in np.ndindex(*x.shape):
        nudged[i] = x[i] + h
        above = _number(f(nudged))
        nudged[i] = x[i] - h
        below = _number(f(nudged))
        nudged[i] = x[i]
        gradient[i] = (above - below) / (2 * h)
    return gradient


def _number(value):
    value = numpy_array(value)
    if value.size != 1:
        raise ValueError(f"f returned shape {value.shape}, expected one number")
    return value.item()
