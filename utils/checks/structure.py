"""Is an answer of the kind that is asked for? A number, a text, an array, or several of them, in a tuple or a dict."""

import contextlib

import numpy as np

from utils.checks.results import numbers


def part_name(name, right, key):
    """Return what a part of a result is called: its field's name, or name[key]."""
    return right._fields[key] if hasattr(right, "_fields") else f"{name}[{key!r}]"


def structure(name, mine, right):
    """Return a sentence if the two are not even of one kind."""
    if mine is None:
        missing = "a return" if name.startswith("your result") else "the line that computes it"
        return f"{name} is None: is {missing} missing?"
    if isinstance(right, dict) and (not isinstance(mine, dict) or mine.keys() != right.keys()):
        has = f"has the keys {listed(mine)}" if isinstance(mine, dict) and mine else f"is {_kind(mine)}"
        return f"{name} {has}, expected a dict with the keys {listed(right)}."
    if isinstance(right, tuple | list):
        if not isinstance(mine, tuple | list):
            return f"{name} is {_kind(mine)}, expected {_several(right)}."
        if len(mine) != len(right):
            return f"{name} has {len(mine)} part{'s' * (len(mine) != 1)}, expected {_several(right)}."
    elif isinstance(right, str):
        if not isinstance(mine, str) or len(mine.strip(" ().")) > 1:
            return f"{name} is {_kind(mine)}, expected a letter alone, in quotation marks."
    elif not isinstance(right, dict):
        unasked = isinstance(mine, bool) and not isinstance(right, bool | np.bool_)
        unasked |= isinstance(mine, tuple | list) and np.isscalar(right)
        if isinstance(mine, tuple | list) and not np.isscalar(right) and any(part is None for part in mine):
            return f"{name} holds None: `append`, for one, changes a list and returns nothing."
        if unasked or numbers(mine) is None:
            asked = "True or False" if isinstance(right, bool | np.bool_) else form(numbers(right))
            return f"{name} is {_kind(mine)}, expected {asked}."
    return None


def _several(right):
    if hasattr(right, "_fields"):
        return f"{len(right)} results ({', '.join(right._fields)})"
    return f"a {type(right).__name__} of {len(right)}"


def _kind(value):
    if isinstance(value, dict) and not value:
        return "empty"
    return {"function": "a function", "str": "a text", "dict": "a dict", "tuple": "a tuple", "list": "a list",
            "ndarray": "an array", "Tensor": "a tensor", "float": "a number", "float64": "a number", "int": "a number",
            "generator": "a generator", "bool": "True or False",
            }.get(type(value).__name__, f"of the type {type(value).__name__}")


def listed(keys):
    """Return keys in a row, sorted where they can be."""
    with contextlib.suppress(TypeError):  # of several kinds
        keys = sorted(keys)
    return ", ".join(map(repr, keys))


def form(array):
    """Return what an array is called: by its shape, or "one number"."""
    return f"an array of shape {array.shape}" if array.shape else "one number"
