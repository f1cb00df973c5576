"""What often goes wrong, whatever the exercise. Each suspicion is tried on the samples before it is said.

A suspicion takes a `Case` and returns (a name, a sentence), or None. FACTS are said beside what differs.
"""

import contextlib
import itertools

import numpy as np

from utils.checks.results import is_close, keys_of, leaves, numbers, pick, same
from utils.checks.runs import RUBBISH
from utils.checks.source import outside_names, unread, with_outside
from utils.checks.text import sentence_of


def parameters_in_another_order(case):
    """The function is right for the same arguments in another order: in its head, or wherever it uses them."""
    names, theirs = case.exercise.parameters, case.own_parameters
    for order in itertools.permutations(range(len(names))) if 1 < len(names) < 5 else ():
        moved = [i for i, j in enumerate(order) if i != j]
        if not moved or (theirs == names and (len(moved) > 2 or case.is_transposed)):
            continue
        if case.mended(lambda *args, order=order: case.answer(*(args[i] for i in order))):
            if theirs == names:
                one, other = (names[i] for i in moved)
                return "arguments exchanged", f"It is right if {one} and {other} change places: which one is which?"
            told = ", ".join(names[i] for i in order)
            return "parameters in another order", (f"It is right if it is called with ({told}). It is called with "
                                                   f"({', '.join(names)}): mind the order of the parameters.")
    return None


def parts_in_another_order(case):
    """All parts are there, in another order."""
    parts = len(case.rights[0]) if isinstance(case.rights[0], tuple | list) else 0
    if not 1 < parts < 5 or not all(isinstance(m, tuple | list) and len(m) == parts for m in case.mine):
        return None
    for order in itertools.permutations(range(parts)):
        turned = [type(right)(*(m[i] for i in order)) if hasattr(right, "_fields") else [m[i] for i in order]
                  for m, right in zip(case.mine, case.rights)]
        if order != tuple(range(parts)) and case.are_right(turned):
            told = getattr(case.rights[0], "_fields", None)
            told = f": expected ({', '.join(told)})" if told else ""
            every = "Both" if parts == 2 else f"All {parts}"
            return "parts in another order", f"{every} parts are right, but they come in another order{told}."
    return None


def two_parts_are_one(case):
    """Two parts of the result are one and the same object, though they should differ."""
    for mine, right in zip(case.mine, case.rights):
        keys = list(keys_of(right)) if isinstance(right, dict | tuple | list) else []
        if not (isinstance(mine, type(right)) and list(keys_of(mine)) == keys):
            continue
        for i, j in itertools.combinations(keys, 2):
            differ = np.shape(right[i]) == np.shape(right[j]) and not is_close(right[i], right[j])
            if differ and _are_one(mine[i], mine[j]):
                names = [case.name_of((key,)) for key in (i, j)]
                return "two parts are one", (f"{names[0]} and {names[1]} are one and the same object: what is done to "
                                             "the one is done to the other. Make a new one for each.")
    return None


def _are_one(some, other):
    """Say whether two things are one: the same object, or arrays of one shape in the same memory."""
    arrays = isinstance(some, np.ndarray) and isinstance(other, np.ndarray) and some.shape == other.shape
    if arrays:
        return some.size > 0 and some.ctypes.data == other.ctypes.data
    return some is other and isinstance(some, dict | list)


def did_not_move(case):
    """The first wrong part is still what came in as an argument."""
    rights, mine = ([pick(v, case.path) for v in values] for values in (case.rights, case.mine))
    for own, name in enumerate(case.exercise.parameters):
        for way in leaves(case.args[0][own]):
            theirs = [pick(args[own], way) for args in case.args]
            arrays = all(isinstance(x, np.ndarray) and x.size > 1 and np.shape(r) == x.shape
                         for x, r in zip(theirs, rights))
            if arrays and same(mine, theirs) and not same(rights, theirs):
                place = name + "".join(f"[{key!r}]" for key in way)
                return "did not move", (f"{case.name_of(case.path)} is {place} itself, as it came in: is the line "
                                        "that computes it missing, or its result not kept?")
    return None


def not_filled(case):
    """There are numbers in the result that were lying about in memory."""
    for path in leaves(case.rights[0]):
        for mine in case.mine:
            found = numbers(pick(mine, path))
            if found is not None and (found == RUBBISH).any():
                return "not filled", (f"{case.name_of(path)} holds numbers that nobody has put there: np.empty makes "
                                      "an array without filling it.")
    return None


def cut_or_rounded(case):
    """All numbers are right, but for digits that have been cut off."""
    path = case.path
    mine, right = ([numbers(pick(v, path)) for v in values] for values in (case.mine, case.rights))
    if any(x is None for x in [*mine, *right]) or any(a.shape != b.shape for a, b in zip(mine, right)):
        return None
    mine, right = (np.concatenate([x.ravel() for x in values]) for values in (mine, right))
    if mine.dtype.kind == "c" or not np.isfinite([mine, right]).all() or (right == right.round()).all():
        return None
    name = case.name_of(path)
    for how, cut in (("cut to", np.trunc), ("cut to", np.floor), ("rounded to", np.round)):
        if cut(right).any() and is_close(mine, cut(right)):
            return "cut to whole numbers", (f"{name} is right, but {how} whole numbers: does an array hold integers, "
                                            "or is there a `//` or an int()?")
    for digits in range(1, 6):
        if np.allclose(mine, right.round(digits), rtol=0, atol=1e-9):
            return "rounded", f"{name} is right, but rounded to {digits} digits after the point: keep them all."
    return None


def parameter_unused(case):
    """A parameter is not read, and the result depends on it."""
    for name, sentence in unread(case.source, case.exercise.parameters) if case.source else ():
        return f"{name} unused", sentence
    return None


def two_slips(case):
    """A known mistake, and besides it a sign, a transpose, a factor, or a mistake in another part."""
    path = case.path
    mine, found = [pick(v, path) for v in case.mine], []
    if any(numbers(v) is None for v in mine):
        return None
    for mistake, theirs in case.foreseen:
        theirs = [numbers(pick(v, path)) for v in theirs]
        if any(v is None for v in theirs) or same(theirs, [pick(v, path) for v in case.rights]):
            continue
        for words, change in CHANGES.items():
            changed = list(map(change, theirs))
            if same(mine, changed, case.exercise.rtol) and not same(changed, theirs):
                found.append((mistake, words))
    if len({mistake for mistake, _ in found}) != 1:
        return None
    mistake, words = found[0]
    return mistake.__name__, f"Two slips at once. {sentence_of(mistake)} And besides, {words}."


CHANGES = {
    "the sign is reversed": lambda v: -v, "rows and columns are swapped": lambda v: v.T,
}


def borrowed(case):
    """The result depends on a number or an array from outside."""
    function = case.answer
    for name in outside_names(function):
        value = numbers(function.__globals__[name])
        if value is None or value.dtype == bool:
            continue
        other = with_outside(function, **{name: function.__globals__[name] * 1.37 + 1})
        if not same(case.outcomes(other), case.mine, 1e-12):
            return "from outside", f"Your function uses {name} from outside, not from its arguments."
    return None


def in_another_order(case):
    """The numbers are right, in other places."""
    path = case.path
    mine, right = ([numbers(pick(v, path)) for v in values] for values in (case.mine, case.rights))
    if any(m is None or r is None or m.shape != r.shape or m.size < 2 for m, r in zip(mine, right)):
        return None
    name = case.name_of(path)
    for words, turned in (("in the opposite order", [m[::-1] for m in mine]),
                          ("with its columns in the opposite order", [m[..., ::-1] for m in mine])):
        if all(map(is_close, turned, right)):
            return "order of entries", f"{name} has the right numbers, but {words}."
    if all(is_close(np.sort(m.ravel()), np.sort(r.ravel())) for m, r in zip(mine, right)):
        return "order of entries", f"{name} has the right numbers, but not in the right places."
    return None


def first_proven(suspicions, case):
    """Return (a name, a sentence) of the first suspicion that proves true, or two empty texts."""
    def search():
        for suspicion in suspicions:
            with contextlib.suppress(Exception):  # one that cannot be tried is none
                if found := suspicion(case):
                    return "\n".join(found)
        return ""

    name, _, sentence = case.search(search).partition("\n")
    return name, sentence


SUSPICIONS = (not_filled, parts_in_another_order, two_parts_are_one, did_not_move, in_another_order, cut_or_rounded,
              parameters_in_another_order, two_slips)
FACTS = (parameter_unused, borrowed)
