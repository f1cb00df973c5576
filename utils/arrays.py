"""Which library owns an array, and the questions every door asks of one.

The lecture's formulas are written once and run on NumPy arrays and on torch tensors. Nothing here
imports torch: a tensor can only exist if somebody has imported it already, so we look it up.
"""

import sys

import numpy as np

# glibc returns the memory of large temporaries to the system as soon as they are freed, and asks for it again, page by
# page, in the next step: up to half of a step's time. It stops that for blocks up to the largest it has seen freed.
np.empty(31 * 2**20, np.uint8)  # just below the 32 MB that it considers; never touched, so it costs no memory

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
    return "float" in str(x.dtype)


def detached(x):
    """Return `x` outside autograd's graph, in its own library; a NumPy array as it is."""
    return x.detach() if hasattr(x, "detach") else x


def shape(x):
    """Return the shape of `x` as a plain tuple, the same text for both libraries."""
    return tuple(x.shape)


def check_matrix(name, x):
    """Raise TypeError unless `x` is an array of numbers, ValueError unless it is 2-D with a row in it."""
    try:
        xp = library(x)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    if xp is np and x.dtype.kind not in "fiub":
        raise TypeError(f"{name} holds {x.dtype}, expected real numbers")
    if len(x.shape) != 2:
        raise ValueError(f"{name} has shape {shape(x)}, expected two axes: (rows, columns), one sample a row")
    if 0 in x.shape:
        raise ValueError(f"{name} has shape {shape(x)}, expected at least one row and one column")


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
    if isinstance(number, bool | str) or not np.isscalar(number):
        raise TypeError(f"{name} is {number!r}, expected a positive number")
    if not (np.isreal(number) and np.isfinite(number) and number > 0):
        raise ValueError(f"{name} is {number}, expected a finite number greater than 0")
    return float(number)


def check_count(name, number):
    """Return `number` as an int; raise TypeError or ValueError unless it is a whole number of at least 1."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TypeError(f"{name} is {number!r}, expected a whole number")
    if number < 1:
        raise ValueError(f"{name} is {number}, expected at least 1")
    return int(number)


# Doors and formulas -------------------------------------------------------------------------------

# {id of a door: (door, formula)}. By id, because a callable need not be hashable; with the door, because the id of
# one that is gone could go to another function.
_FORMULAS = {}


def door(checked, bare):
    """Return `checked`, and remember `bare` as its formula: the same function, without its checks or its silence.

    If `bare` is a door itself, the formula is the one behind that.
    """
    _FORMULAS[id(checked)] = checked, formula(bare)
    return checked


def quiet(bare):
    """Return `bare` behind a door that silences NumPy about an overflow which does no harm."""
    return door(np.errstate(over="ignore")(bare), bare)


def formula(f):
    """Return the formula behind the door `f`, for a loop that has checked once; what is no door is its own formula."""
    return _FORMULAS.get(id(f), (f, f))[1]
