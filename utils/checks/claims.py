"""Claims that a reader can check: one line of English each, ✓ while it holds, ✗ as soon as it does not.

Neither function raises, so that nobody who changes a cell is stopped by it.
"""

import math

import numpy as np

from utils.arrays import numpy_array
from utils.checks.results import is_close, leaves, numbers, size_of
from utils.checks.text import say

CHANGED = "(not with what you changed)"


def claim(sentence, holds):
    """Print ✓ and the sentence if it holds, ✗ and the sentence if it does not.

    `holds` is a truth value, an array of them, all of which have to be true, or a function without arguments that
    returns one of these: for a test that might stop with an error. Never raises.
    """
    try:
        holds = bool(np.all(numpy_array(holds() if callable(holds) else holds)))
    except Exception:  # what cannot be tested does not hold
        holds = False
    say(f"✓ {sentence}" if holds else f"✗ {sentence} {CHANGED}")


def agree(name, mine, other, rtol=1e-6):
    """Print ✓ if two results are the same, ✗ and the first difference if they are not; `name` says what they are.

    `mine` and `other` are numbers, arrays, tensors, or dicts, tuples and lists of them. Differences are relative to the
    largest number of each array: with the default they agree to 6 digits. Never raises.
    """
    try:
        gap = _first_gap(mine, other, rtol)
        count = sum(np.size(numbers(part)) for part in _parts(other).values())
    except Exception:  # nor does a stranger's object
        gap, count = "cannot be compared", 0
    digits = f"to {max(1, round(-math.log10(rtol)))} digits"
    say(f"✗ {name}: {gap} {CHANGED}" if gap else
        f"✓ {name}: the same {digits}" + (f", {'both' if count == 2 else f'all {count}'} numbers" if count > 1 else ""))


def _first_gap(mine, other, rtol):
    """Return in words where two results differ first, or ''."""
    mine, other = _parts(mine), _parts(other)
    if mine.keys() != other.keys():
        return f"{len(mine)} parts, and not {len(other)}"
    return next(filter(None, (_gap(path, mine[path], other[path], rtol) for path in other)), "")


def _parts(value):
    """Return the arrays that a result consists of, {path: array}; a list of numbers is one array."""
    return {(): value} if numbers(value) is not None else leaves(value)


def _gap(path, mine, other, rtol):
    where = "".join(f"[{key!r}]" for key in path)
    if is_close(mine, other, rtol):
        return ""
    mine, other = numbers(mine), numbers(other)
    if mine is None or other is None:
        return f"{where} not made of numbers".strip()
    if mine.shape != other.shape:
        return f"{where} shape {mine.shape}, and not {other.shape}".strip()
    far = ~(abs(mine - other) <= rtol * size_of(other)) & ~(np.isnan(mine) & np.isnan(other))
    place = tuple(int(i) for i in np.argwhere(far)[0])
    entry = f"{where}{list(place) if place else ''}"
    return f"{entry} {mine[place]:.4g}, and not {other[place]:.4g}".strip()
