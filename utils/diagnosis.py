"""What is wrong with these numbers? The general answer, for a mistake that nobody has foreseen.

A result is a number, a text, an array, a tensor, or tuples, lists and dicts of them. `difference` walks
through what was returned and what was expected side by side, and describes the first thing that differs.
"""

import numpy as np

from utils.arrays import numpy_array

RTOL = 1e-5  # relative to the largest right number: float32 answers pass, every mistake of the catalogue is larger
NEARLY = 1e-2


def is_close(mine, right, rtol=RTOL):
    """Say whether two results are the same, shapes and structure included; nan equals nan."""
    if isinstance(right, str) or isinstance(mine, str):
        return isinstance(mine, str) and isinstance(right, str) and _bare(mine) == _bare(right)
    if isinstance(right, dict):
        return isinstance(mine, dict) and mine.keys() == right.keys() and all(
            is_close(mine[key], right[key], rtol) for key in right)
    if isinstance(right, tuple | list):
        return isinstance(mine, tuple | list) and len(mine) == len(right) and all(
            is_close(m, r, rtol) for m, r in zip(mine, right, strict=True))
    mine, right = numbers(mine), numbers(right)
    return mine is not None and mine.shape == right.shape and np.allclose(
        mine, right, rtol=0, atol=rtol * size_of(right), equal_nan=True)


def _bare(choice):
    return choice.strip(" ().").lower()


def numbers(value):
    """Return a value as an array of numbers, or None if it is not that."""
    try:
        array = numpy_array(value)
        return array.astype(complex if array.dtype.kind == "c" else float) if array.dtype.kind in "biufc" else None
    except Exception:  # whatever a stranger's object does when it is asked for its numbers
        return None


def size_of(right):
    """Return the size of the largest finite number, by which a difference is measured; 1 if all are 0."""
    finite = abs(right[np.isfinite(right)])
    return finite.max() if finite.size and finite.max() > 0 else 1.0


def difference(name, samples, rtol=RTOL):
    """Return a sentence on the first difference, or None if there is none.

    `samples` holds (returned, expected, N) for each sample, N being its number of rows.
    """
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


def part_name(name, right, key):
    """Return what a part of a result is called: its field's name, or name[key]."""
    return right._fields[key] if hasattr(right, "_fields") else f"{name}[{key!r}]"


def structure(name, mine, right):
    """Return a sentence if the two are not even of one kind."""
    if mine is None:
        return f"{name} is None: is a return missing?"
    if isinstance(right, dict) and (not isinstance(mine, dict) or mine.keys() != right.keys()):
        has = f"has the keys {_list(mine)}" if isinstance(mine, dict) else f"is {_kind(mine)}"
        return f"{name} {has}, expected a dict with the keys {_list(right)}."
    if isinstance(right, tuple | list):
        if not isinstance(mine, tuple | list):
            return f"{name} is {_kind(mine)}, expected {len(right)} results{_named(right)}."
        if len(mine) != len(right):
            return f"{name} has {len(mine)} parts, expected {len(right)}{_named(right)}."
    elif isinstance(right, str):
        return None if isinstance(mine, str) else f"{name} is {_kind(mine)}, expected a letter in quotation marks."
    elif not isinstance(right, dict) and numbers(mine) is None:
        return f"{name} is {_kind(mine)}, expected {_form(numbers(right))}."
    return None


def _named(right):
    return f" ({', '.join(right._fields)})" if hasattr(right, "_fields") else ""


def _kind(value):
    return {"function": "a function", "str": "a text", "dict": "a dict", "tuple": "a tuple", "list": "a list",
            "ndarray": "an array", "Tensor": "a tensor", "float": "a number", "float64": "a number", "int": "a number",
            }.get(type(value).__name__, f"of the type {type(value).__name__}")


def _list(keys):
    return ", ".join(map(repr, keys)) or "none"


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
    lost = (~np.isfinite(mine) & np.isfinite(right)).sum()
    if lost:
        return (f"{lost} of {mine.size} numbers in {name} are nan or infinite: has something overflowed, or been "
                "divided by 0, or the log of 0 been taken?")
    if is_close(-mine, right, rtol):
        return f"{name} has the right size everywhere, and the wrong sign everywhere."
    factors = [_factor(*pair, rtol) for pair in arrays]
    if None not in factors and (sentence := _of_factor(name, factors, counts, right.size > len(arrays))):
        return sentence
    gaps = mine - right
    if mine.size > 1 and np.allclose(gaps, gaps[0], rtol=0, atol=rtol * size_of(right)):
        return f"{name} is off by the same amount everywhere, {gaps[0]:.4g}: is something left out, or added twice?"
    if abs(gaps).max() < NEARLY * size_of(right):
        return (f"{name} is nearly right, but off by up to {abs(gaps).max():.1e}: an approximation where the exact "
                "value is expected, or a small term that is missing?")
    return None


def _factor(mine, right, rtol):
    """Return k if mine is k times right, else None."""
    top = np.argmax(abs(right)) if right.size else 0
    if not right.size or right.flat[top] == 0:
        return None
    k = mine.flat[top] / right.flat[top]
    return k if is_close(mine, k * right, rtol) and k else None


def _of_factor(name, factors, counts, in_proportion):
    """Return a sentence on a factor; one that changes from sample to sample counts only for what has proportions."""
    k = factors[0]
    if len(counts) == len(factors) and len(set(counts)) > 1:
        for times, word in ((1, "too large"), (-1, "too small")):
            if np.allclose(factors, np.array(counts, float) ** times, rtol=1e-4):
                return f"{name} is exactly N times {word}, N being the number of rows: count the factors 1/N."
    if not np.allclose(factors, k, rtol=1e-4):
        if not in_proportion:
            return None
        return f"{name} has the right proportions, but a factor that changes from sample to sample (here {k:.4g})."
    sign = " and has the wrong sign" if np.real(k) < 0 else ""
    size = abs(k)
    much = f"{size:.4g} times too large" if size > 1 else f"{1 / size:.4g} times too small"
    return f"{name} is {much} everywhere{sign}: a constant factor is lost or extra."


def _of_entries(name, arrays, rtol):
    """Return how many numbers are right, which rows, and where the worst one is."""
    mine, right = next((m, r) for m, r in arrays if not is_close(m, r, rtol))
    gap = np.nan_to_num(abs(mine - right), nan=np.inf)
    ok = gap <= rtol * size_of(right)
    if not right.shape:
        return f"{name} is {_show(mine)}, expected {_show(right)}."
    worst = tuple(int(i) for i in np.unravel_index(gap.argmax(), gap.shape))
    rows = ok.reshape(len(ok), -1).all(1)
    which = ""
    if right.ndim > 1 and 0 < rows.sum() < len(rows):
        which = f" The right rows are {_list(np.flatnonzero(rows).tolist())} of 0 to {len(rows) - 1}."
    return (f"{ok.sum()} of the {ok.size} numbers in {name} are right.{which} The worst is {name}"
            f"[{', '.join(map(str, worst))}]: {_show(mine[worst])}, expected {_show(right[worst])}.")


def _show(number):
    return f"{number + 0:.4g}"  # no −0
