"""Which library owns an array, and what a door lets in.

The lecture's formulas are written once and run on NumPy arrays and on torch tensors. Nothing here
imports torch: a tensor can only exist if somebody has imported it already, so we look it up.
"""

import sys
from collections.abc import Callable
from decimal import Decimal
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

# glibc returns the memory of large temporaries to the system as soon as they are freed, and asks for it again, page by
# page, in the next step: up to half of a step's time. It stops that for blocks up to the largest it has seen freed.
np.empty(31 * 2**20, np.uint8)  # just below the 32 MB that it considers; never touched, so it costs no memory

ndarray, DOUBLE, SINGLE = np.ndarray, np.dtype(np.float64), np.dtype(np.float32)  # by short ways: asked in every step
NUMPYS = (np.ndarray, np.generic)


def library(x):
    """Return the module that owns `x`: `numpy` for an array, `torch` for a tensor.

    Raises TypeError for anything else, lists and plain numbers included.
    """
    if isinstance(x, NUMPYS):
        return np
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return torch
    raise TypeError(f"expected a NumPy array or a torch tensor, not {type(x).__name__}")


def numpy_array(x):
    """Return `x` as a NumPy array, whatever library, device or graph it lives in; bfloat16 as float32."""
    if not hasattr(x, "detach"):
        return np.asarray(x)
    x = x.detach().cpu()
    return (x.float() if "bfloat16" in str(x.dtype) else x).numpy()


def holds_floats(x):
    """Say whether `x` holds floats, of whatever precision, and not whole numbers or truth values."""
    kind = getattr(x.dtype, "kind", None)  # NumPy's
    return kind == "f" if kind else x.dtype.is_floating_point


def detached(x):
    """Return `x` outside autograd's graph, in its own library; a NumPy array as it is."""
    return x.detach() if hasattr(x, "detach") else x


def shape(x):
    """Return the shape of `x` as a plain tuple, the same text for both libraries."""
    return tuple(x.shape)


# Doors: a formula behind a check ------------------------------------------------------------------


class Door(NamedTuple):
    """A formula and its check. A call checks first; a loop that has checked once takes the formula alone.

    `check` is called with the formula's arguments, and returns them as the formula wants them, or raises.
    """

    formula: Callable
    check: Callable

    def __call__(self, *args):
        return self.formula(*self.check(*args))


class QuietDoor(Door):
    """A door whose formula may overflow on the way to the right answer: NumPy says nothing of it."""

    @np.errstate(over="ignore")
    def __call__(self, *args):
        return self.formula(*self.check(*args))


class Guard(NamedTuple):
    """A function of somebody's own, which may work in place: it is given copies, and what it returns is looked at.

    `check` is called with the result and the arguments, and returns the result, or raises.
    """

    function: Callable
    check: Callable

    def __call__(self, *args):
        return self.check(self.function(*map(own, args)), *args)


def formula(f):
    """Return the formula behind a door; what is no door is its own formula."""
    return f.formula if isinstance(f, Door) else f


def guarded(f, check):
    """Return a function behind a guard; a door needs none, and where there is no function there is none."""
    return f if f is None or isinstance(f, Door | Guard) else Guard(f, check)


def own(x):
    """Return an array or a tensor in memory of its own, whole numbers as int64; anything else as it is."""
    if isinstance(x, ndarray):
        return wide(x).copy()
    return wide(x).clone() if hasattr(x, "clone") else x


def is_plain(x):
    """Say whether `x` is what the formulas work with: an array of floats, and nothing that only looks like one."""
    return type(x) is ndarray and (x.dtype is DOUBLE or x.dtype is SINGLE)


def floats(name, x, like=None):
    """Return `x` as a plain array of floats in its own library, itself if it is one already.

    Whole numbers and truth values become floats, of the precision of `like` if that is given: among small integers
    0 − 1 is 255. A subclass such as np.matrix, where A * B means something else, becomes an array; bytes are brought
    into this machine's order. Raises TypeError for complex numbers, text and objects, ValueError for a masked
    array with something masked, or a tensor that is not dense.
    """
    if is_plain(x):
        return x
    try:
        xp = library(x)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    like = like if isinstance(like, ndarray if xp is np else xp.Tensor) and holds_floats(like) else None
    return _numpy_floats(name, x, like) if xp is np else _torch_floats(name, x, like, xp)


def _numpy_floats(name, x, like):
    check_unmasked(name, x)
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{name} holds {x.dtype}, expected real numbers")
    dtype = x.dtype if x.dtype.kind == "f" else DOUBLE if like is None else like.dtype
    return np.asarray(x).astype(dtype.newbyteorder("="), copy=False)


def _torch_floats(name, x, like, torch):
    if x.layout is not torch.strided:
        raise ValueError(f"{name} is a tensor of the layout {x.layout}, expected a dense one: {name}.to_dense()")
    if x.is_floating_point():
        return x
    if x.is_complex() or x.is_quantized:
        raise TypeError(f"{name} holds {x.dtype}, expected real numbers")
    return x.to(torch.get_default_dtype() if like is None else like.dtype)


def reals(name, value):
    """Return numbers, in a list or an array or alone, as a NumPy array of float64; raise TypeError for others."""
    value = numpy_array(value)
    check_unmasked(name, value)
    if value.dtype.kind not in "fiub":
        if all(isinstance(number, Integral) for number in value.flat):  # an int that no array of ints can hold
            raise OverflowError(f"{name} is too large for a float")
        raise TypeError(f"{name} holds {value.dtype}, expected real numbers")
    return np.asarray(value).astype(np.float64)


def double(name, x):
    """Return `x` as a NumPy array of float64, whatever it was; raise as `floats` does."""
    return numpy_array(floats(name, x)).astype(np.float64)


def wide(Y):
    """Return whole numbers as int64, for among unsigned ones −1 is 255, truth values as floats, all else as it is."""
    kind = str(Y.dtype).removeprefix("torch.").lstrip("<>")
    if kind[0] not in "iu":  # floats, complex numbers, text
        return floats("Y", Y) if kind == "bool" else Y
    return Y.astype(np.int64) if library(Y) is np else Y.long()


# Checks: each raises an error that names what it has found, and what was expected -----------------


def check_matrix(name, x, like=None):
    """Return `x` as a plain array of floats (see `floats`); raise ValueError unless it is 2-D with a row in it."""
    x = floats(name, x, like)
    if len(x.shape) != 2:
        raise ValueError(f"{name} has shape {shape(x)}, expected two axes: (rows, columns), one sample a row")
    if 0 in x.shape:
        raise ValueError(f"{name} has shape {shape(x)}, expected at least one row and one column")
    return x


def check_unmasked(name, x):
    """Raise ValueError if `x` is a masked array that hides something: nobody here would heed the mask."""
    if np.ma.is_masked(x):
        raise ValueError(f"{name} has {np.ma.count_masked(x)} masked entries, expected all to be known")


def check_finite(name, x):
    """Raise ValueError if `x` holds nan or an infinity, and say where the first one stands."""
    finite = np.isfinite(numpy_array(x))
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        entry = f"{name}[{', '.join(map(str, place))}]" if place else name
        raise ValueError(f"{entry} is {numpy_array(x)[place]}, expected finite numbers only")


def check_library(name_a, a, name_b, b):
    """Raise ValueError unless `a` and `b` come from one library, TypeError if one of them is no array."""
    libraries = []
    for name, x in ((name_a, a), (name_b, b)):
        try:
            libraries.append(library(x).__name__)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
    if libraries[0] != libraries[1]:
        raise ValueError(
            f"{name_a} is a {libraries[0]} array, but {name_b} is a {libraries[1]} one: use one library"
        )


def check_same(name_a, a, name_b, b):
    """Raise ValueError unless `a` and `b` come from one library and have one shape."""
    check_library(name_a, a, name_b, b)
    if shape(a) != shape(b):
        raise ValueError(f"{name_b} has shape {shape(b)}, but {name_a} has {shape(a)}: they must be equal")


def check_positive(name, number):
    """Return `number` as a float; raise TypeError or ValueError unless it is finite and greater than 0."""
    if type(number) is float and 0 < number < np.inf:
        return number
    if isinstance(number, bool | np.bool_) or not isinstance(number, Real | Decimal):
        raise TypeError(f"{name} is {number!r}, expected a positive number")
    try:
        size = float(number)
    except OverflowError:  # an int of 400 digits
        size = np.inf
    if not 0 < size < np.inf:
        raise ValueError(f"{name} is {str(number)[:40]}, expected a finite number greater than 0")
    return size


def check_count(name, number):
    """Return `number` as an int; raise TypeError or ValueError unless it is a whole number of at least 1."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TypeError(f"{name} is {number!r}, expected a whole number")
    if number < 1:
        raise ValueError(f"{name} is {number}, expected at least 1")
    return int(number)
