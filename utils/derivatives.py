"""Derivatives without calculus: nudge the argument, watch the value.

x    the point, a number or an array of any shape
h    the nudge, in the units of x

All nudges are made in float64, whatever comes in: float32 has seven digits, and 100 + 1e-6 is 100 there.
"""

from numbers import Real

import numpy as np

from utils.arrays import check_finite, detached, floats, holds_floats, library, numpy_array, own

TOLD = 1e-13  # the least share of x that a nudge must be: a sum of such numbers then tells its slope to three digits


def difference_quotient(f, x, h):
    """Return the slope Δy / Δx = (f(x + h) − f(x)) / h between x and x + h.

    `x` is a number or an array on which `f` works entry by entry. As h shrinks the slope tends to
    the derivative, the multiplier α of Δy = α Δx, with an error that shrinks like h.
    Raises ValueError if `h` is 0, not finite or lost in x, or `x` is not finite; TypeError if `x` is neither number
    nor array, or `f` does not take float64.
    """
    point = _check(x, h)
    ahead = point + h
    slope = (_value(f, ahead, x, h) - _value(f, point, x, h)) / (ahead - point)  # h, but for the rounding of x + h
    return _like(x, slope)


def numerical_gradient(f, x, h=1e-6):
    """Return ∂f/∂x by centred differences, an array of x's shape, library and precision.

    Entry i is (f(x + h eᵢ) − f(x − h eᵢ)) / 2h: two evaluations of the scalar function `f` for each
    entry, with an error that shrinks like h² until rounding (about 1e-16 |f| / h) takes over. `x` is a
    NumPy array or torch tensor of floats; each evaluation gets a copy of its own, in float64.
    Raises TypeError if `x` holds whole numbers or `f` does not take float64; ValueError if `h` is 0, not finite or
    lost, in x or in what `f` returns, if `x` is not finite, or `f` does not return one number.
    """
    xp = library(x)
    if not holds_floats(x):
        raise TypeError(f"x holds {x.dtype}, expected floats")
    point = xp.asarray(_check(x, h, TOLD))
    nudged, gradient = _copy(point), xp.zeros_like(point)
    for i in np.ndindex(*x.shape):
        nudged[i] = above = point[i] + h
        up = _number(_value(f, nudged, x, h))
        nudged[i] = below = point[i] - h
        down = _number(_value(f, nudged, x, h))
        nudged[i] = point[i]
        gradient[i] = (up - down) / (above - below)  # 2h, but for the rounding of x ± h
    return _like(x, gradient)


def _check(x, h, share=0.0):
    """Return x in float64, and raise if it is not finite, or h is no nudge for it: lost, or less than a share of it."""
    if not np.isscalar(h) or isinstance(h, str) or not np.isfinite(h) or h == 0:
        raise ValueError(f"h is {h!r}, expected a finite number other than 0")
    point = _double(x)
    check_finite("x", point)
    size = abs(numpy_array(point)).max(initial=0)
    if size + abs(h) == size or size - abs(h) == size or abs(h) < share * size:
        raise ValueError(f"h is {h}, which is lost next to the {size:g} in x: expected at least {size * 1e-10:.0e}")
    return point


def _double(x):
    if isinstance(x, Real):
        return np.float64(x) if isinstance(x, np.generic) else float(x)
    x = detached(floats("x", x))
    return x.astype(np.float64) if library(x) is np else x.double()


def _copy(x):
    return x if isinstance(x, float) else library(x).asarray(x, copy=True)


def _like(x, slope):
    """Return a slope in the precision of the array x, if both are of floats."""
    if isinstance(x, Real) or library(slope) is not library(x) or not (holds_floats(x) and holds_floats(slope)):
        return slope
    return slope.astype(x.dtype) if library(x) is np else slope.to(x.dtype)


def _value(f, point, x, h):
    """Return f of a copy of `point`; raise if a nudge of h is lost in the precision that f works in."""
    try:
        value = own(f(_copy(point)))  # it may return the same array each time
    except RuntimeError as error:  # torch's, where another tensor in f has the precision of x
        if not _takes(f, x):
            raise
        raise TypeError(f"f takes no float64 ({error}), and on {x.dtype} a nudge is lost: expected it to") from error
    coarse = hasattr(value, "dtype") and holds_floats(value) and library(value).finfo(value.dtype).eps > 1e-15
    if coarse and library(value).finfo(value.dtype).eps ** (1 / 3) > abs(h):
        raise ValueError(f"f returns {value.dtype}, in which a nudge of {h} is lost: expected it to compute in float64")
    return value


def _takes(f, x):
    """Say whether f takes x as it is, and nothing but float64 is the trouble."""
    try:
        f(_copy(x))
    except Exception:  # it has one of its own
        return False
    return True


def _number(value):
    value = numpy_array(value)
    if value.dtype.kind not in "fiub":
        raise TypeError(f"f returned {value.dtype}, expected one real number")
    if value.size != 1:
        raise ValueError(f"f returned shape {value.shape}, expected one number")
    return value.item()
