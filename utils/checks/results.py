"""Results side by side: are they the same, and where do they differ first?

A result is a number, a text, an array, a tensor, or tuples, lists and dicts of them. An outcome is a result, or the
error that came in its place.
"""

from decimal import Decimal
from numbers import Number

import numpy as np

from utils.arrays import numpy_array

RTOL = 1e-5  # relative to the largest right number: float32 answers pass, every mistake of the catalogue is larger


def is_close(mine, right, rtol=RTOL):
    """Say whether two results are the same, shapes and structure included; nan equals nan."""
    if isinstance(right, str) or isinstance(mine, str):
        return isinstance(mine, str) and isinstance(right, str) and _bare(mine) == _bare(right)
    if isinstance(right, dict):
        return isinstance(mine, dict) and mine.keys() == right.keys() and all(
            is_close(mine[key], right[key], rtol) for key in right)
    if isinstance(right, tuple | list):
        mine = list(mine) if isinstance(mine, np.ndarray) and mine.ndim else mine
        return isinstance(mine, tuple | list) and len(mine) == len(right) and all(
            is_close(m, r, rtol) for m, r in zip(mine, right, strict=True))
    if isinstance(mine, bool | np.bool_) and not isinstance(right, bool | np.bool_):
        return False
    mine, right = numbers(mine), numbers(right)
    if mine is not None and right is not None and right.ndim == 0 and mine.shape == (1,):
        mine = mine[0]  # one number is one number
    return mine is not None and right is not None and mine.shape == right.shape and np.allclose(
        mine, right, rtol=0, atol=rtol * size_of(right), equal_nan=True)


def _bare(choice):
    return choice.strip(" ().").lower()


def numbers(value):
    """Return a value as an array of numbers, or None if it is not that."""
    try:
        array = numpy_array(value)
        if np.ma.is_masked(array):
            return None
        if array.dtype == object:  # Fractions, Decimals
            array = array.astype(float) if all(isinstance(number, Number | Decimal) for number in array.flat) else array
        return array.astype(complex if array.dtype.kind == "c" else float) if array.dtype.kind in "biufc" else None
    except Exception:  # whatever a stranger's object does when it is asked for its numbers
        return None


def size_of(right):
    """Return the size of the largest finite number, by which a difference is measured; 1 if all are 0."""
    finite = abs(right[np.isfinite(right)])
    return finite.max() if finite.size and finite.max() > 0 else 1.0


def keys_of(value):
    """Return the keys of a dict, or the numbers of a sequence's parts."""
    return value.keys() if isinstance(value, dict) else range(len(value))


def leaves(value, path=()):
    """Return the numbers and texts in nested dicts, tuples and lists, as {path of keys: value}."""
    if isinstance(value, dict | tuple | list):
        return {p: v for key in keys_of(value) for p, v in leaves(value[key], (*path, key)).items()}
    return {path: value}


def pick(value, path):
    """Return what stands at a path of keys, None where there is nothing; an error has no parts."""
    for key in path:
        if isinstance(value, BaseException):
            return value
        value = value[key] if isinstance(value, dict | tuple | list) and key in keys_of(value) else None
    return value


def same(some, others, rtol=RTOL, path=()):
    """Say whether two lists of outcomes agree in one part: errors in the same places, and not everywhere."""
    pairs = [(pick(a, path), pick(b, path)) for a, b in zip(some, others, strict=True)]
    errors = [isinstance(a, BaseException) + isinstance(b, BaseException) for a, b in pairs]
    return not all(errors) and all(is_close(a, b, rtol) if not error else error == 2
                                   for (a, b), error in zip(pairs, errors, strict=True))


def first_wrong(mine, rights, rtol=RTOL):
    """Return the path of keys to the first part that is wrong; () if there was an error, or there are no parts."""
    if any(isinstance(outcome, BaseException) for outcome in mine):
        return ()
    return next((path for path in leaves(rights[0]) if not same(mine, rights, rtol, path)), ())
