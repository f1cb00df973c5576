"""What is wrong with these numbers? The general answer, for a mistake that nobody has foreseen.

`difference` walks through what was returned and what was expected side by side, and describes the first thing that
differs.
"""

import contextlib

import numpy as np

from utils.checks.results import RTOL, is_close, keys_of, numbers, size_of

NEARLY = 1e-2


def difference(name, samples, rtol=RTOL):
    """Return a sentence on the first difference, or None if there is none.

    `samples` holds (returned, expected, N) for each sample, N being its number of rows.
    """
    empty = sum(mine is None for mine, *_ in samples)
    if 0 < empty < len(samples):
        return f"{name} is None in {empty} of {len(samples)} tests: is a return missing, or in the wrong place?"
    for mine, right, _ in samples:
        if sentence := structure(name, mine, right):
            return sentence
    if all(is_close(mine, right, rtol) for mine, right, _ in samples):
        return None
    mine, right, _ = samples[0]
    if isinstance(right, dict | tuple | list):
        return _of_parts(name, samples, rtol)
    if isinstance(right, bool | np.bool_):
        mine, right = next((bool(m), bool(r)) for m, r, _ in samples if bool(m) != bool(r))
        return f"{name} is {mine}, expected {right}."
    arrays, rows = [(numbers(mine), numbers(right)) for mine, right, _ in samples], [N for *_, N in samples]
    return _of_shape(name, arrays, rtol) or _of_all(name, arrays, rtol, rows) or _of_entries(name, arrays, rtol)


def _of_parts(name, samples, rtol):
    """Return a sentence on the first part that differs, and say which are right before it."""
    right = []
    for key in dict.fromkeys(key for _, right, _ in samples for key in keys_of(right)):
        part = part_name(name, samples[0][1], key)
        sentence = difference(part, [(m[key], r[key], N) for m, r, N in samples if key in keys_of(r)], rtol)
        if sentence:
            return sentence + (f" ({', '.join(right)} {'is' if len(right) == 1 else 'are'} right.)" if right else "")
        right.append(part)
    return None


def part_name(name, right, key):
    """Return what a part of a result is called: its field's name, or name[key]."""
    return right._fields[key] if hasattr(right, "_fields") else f"{name}[{key!r}]"


def structure(name, mine, right):
    """Return a sentence if the two are not even of one kind."""
    if mine is None:
        return f"{name} is None: is a return missing?"
    if isinstance(right, dict) and (not isinstance(mine, dict) or mine.keys() != right.keys()):
        has = f"has the keys {_list(mine)}" if isinstance(mine, dict) and mine else f"is {_kind(mine)}"
        return f"{name} {has}, expected a dict with the keys {_list(right)}."
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
        if unasked or numbers(mine) is None:
            return f"{name} is {_kind(mine)}, expected {_form(numbers(right))}."
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


def _list(keys):
    with contextlib.suppress(TypeError):  # of several kinds
        keys = sorted(keys)
    return ", ".join(map(repr, keys))


def _form(array):
    return f"an array of shape {array.shape}" if array.shape else "one number"


# Numbers against numbers, general things first ------------------------------------------------------


def _of_shape(name, arrays, rtol):
    """Return a sentence if a shape differs, or the two axes are swapped."""
    if all(mine.ndim == 2 and is_close(mine.T, right, rtol) for mine, right in arrays):
        return f"{name} has the right numbers, but it is transposed: rows and columns are swapped."
    for mine, right in arrays:
        if mine.shape == right.shape:
            continue
        if mine.size == right.size and is_close(mine.ravel(), right.ravel(), rtol):
            return f"{name} has the right numbers in the shape {mine.shape}, expected {right.shape}."
        axes = [axis for axis in range(mine.ndim) if mine.ndim and is_close(mine.sum(axis), right, rtol)]
        if axes:
            return f"{name} has shape {mine.shape}, expected {_form(right)}: a sum over the axis {axes[0]} is missing."
        return f"{name} is {_form(mine)}, expected {_form(right)}."
    return None


def _of_all(name, arrays, rtol, counts):
    """Return a sentence if all numbers are wrong in one and the same way."""
    mine, right = (np.concatenate([pair[i].ravel() for pair in arrays]) for i in (0, 1))
    if is_close(-mine, right, rtol):
        return f"{name} has the right size everywhere, and the wrong sign everywhere."
    factors = [_factor(*pair, rtol) for pair in arrays]
    if None not in factors and (sentence := _of_factors(name, np.array(factors), counts, right.size > len(arrays))):
        return sentence
    gaps = mine - right
    if mine.size > 1 and np.allclose(gaps, gaps[0], rtol=0, atol=rtol * size_of(right)):
        return f"{name} is off by the same amount everywhere, {gaps[0]:.4g}: is something left out, or added twice?"
    counts_things = (right == right.round()).all()  # of which none is nearly right
    if not counts_things and abs(gaps).max() < NEARLY * size_of(right):
        return (f"{name} is nearly right, but off by up to {abs(gaps).max():.1e}: an approximation where the exact "
                "value is expected, or a small term that is missing?")
    return None


def _factor(mine, right, rtol):
    """Return k if mine is k times right, else None."""
    top = np.argmax(abs(right)) if right.size else 0
    if not right.size or right.flat[top] == 0:
        return None
    k = mine.flat[top] / right.flat[top]
    return k if k and np.isfinite(k) and is_close(mine, k * right, rtol) else None


def _of_factors(name, factors, counts, in_proportion):
    """Return a sentence on the factors of all tests, or None; unequal ones count only where there are proportions."""
    sign = " and has the wrong sign" if (factors.real < 0).all() else ""
    if len(set(counts)) > 1:
        for times, word in ((1, "too large"), (-1, "too small")):
            if np.allclose(abs(factors), np.array(counts, float) ** times, rtol=1e-4):
                return f"{name} is exactly N times {word}{sign}, N being the number of rows: count the factors 1/N."
    size = abs(factors[0])
    if np.allclose(factors, factors[0], rtol=1e-4) and not np.isclose(size, 1, rtol=1e-3):
        much = f"{size:.4g} times too large" if size > 1 else f"{1 / size:.4g} times too small"
        return f"{name} is {much} everywhere{sign}: a constant factor is lost or extra."
    k = factors[abs(factors - 1).argmax()]
    if in_proportion and not np.isclose(k, 1, rtol=NEARLY):
        return f"{name} has the right proportions, but a factor that is another one in each test, such as {k:.4g}."
    return None


def _of_entries(name, arrays, rtol):
    """Return how many numbers are right, which rows, and where the worst one is."""
    mine, right = next((m, r) for m, r in arrays if not is_close(m, r, rtol))
    lost = (~np.isfinite(mine) & np.isfinite(right)).sum()
    if lost:
        which = f"{lost} of the {mine.size} numbers in {name} are" if mine.shape else f"{name} is"
        return (f"{which} nan or infinite: has something overflowed, or been divided by 0, or the log of 0 been "
                "taken?")
    gap = np.nan_to_num(abs(mine - right), nan=np.inf)
    ok = gap <= rtol * size_of(right)
    if not right.shape:
        return f"{name} is {_show(mine)}, expected {_show(right)}."
    worst = tuple(int(i) for i in np.unravel_index(gap.argmax(), gap.shape))
    share = f"{ok.sum()} of the {ok.size} numbers in {name} {'is' if ok.sum() == 1 else 'are'} right."
    place = f"{name}[{', '.join(map(str, worst))}]"
    return f"{share}{_of_rows(ok)} The worst is {place}: {_show(mine[worst])}, expected {_show(right[worst])}."


def _of_rows(ok):
    """Return a sentence on the rows that are right as a whole, or ''."""
    right = np.flatnonzero(ok.reshape(len(ok), -1).all(1)).tolist()
    if ok.ndim < 2 or not 0 < len(right) < len(ok):
        return ""
    return f" Only row {right[0]} is right." if len(right) == 1 else f" The rows {_list(right)} are right."


def _show(number):
    return f"{number + 0:.4g}"  # no −0
