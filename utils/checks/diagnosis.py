"""What is wrong with these numbers? The general answer, for a mistake that nobody has foreseen.

`difference` walks through what was returned and what was expected side by side, and describes the first thing that
differs. Whatever it says holds for all tests, or is taken from one of them, which it names.
"""

from typing import NamedTuple

import numpy as np

from utils.checks.results import RTOL, is_close, keys_of, numbers, size_of
from utils.checks.structure import form, listed, part_name, structure

NEARLY = 1e-2


class Test(NamedTuple):
    """One test: what was returned, what was expected, and the sizes that occur, {"rows of X": 4, "h": 0.1, …}."""

    mine: object
    right: object
    sizes: dict
    number: int


class Found(NamedTuple):
    """A sentence, and the number of the test from which its figures are."""

    sentence: str
    number: int


def difference(name, tests, rtol=RTOL):
    """Return what is `Found` first, or None if there is no difference; `tests` is a list of `Test`."""
    empty = [test for test in tests if test.mine is None]
    if 0 < len(empty) < len(tests):
        sentence = f"{name} is None in {len(empty)} of {len(tests)} tests: is a return missing, or in the wrong place?"
        return Found(sentence, empty[0].number)
    for test in tests:
        if sentence := structure(name, test.mine, test.right):
            return Found(sentence, test.number)
    wrong = [test for test in tests if not is_close(test.mine, test.right, rtol)]
    if not wrong:
        return None
    right = wrong[0].right
    if isinstance(right, dict | tuple | list):
        return _of_parts(name, tests, rtol)
    if isinstance(right, bool | np.bool_):
        return Found(f"{name} is {bool(wrong[0].mine)}, expected {bool(right)}.", wrong[0].number)
    tests = [test._replace(mine=numbers(test.mine), right=numbers(test.right)) for test in tests]
    return _of_shape(name, tests, rtol) or _of_lost(name, tests, rtol) or _of_all(name, tests, rtol) or _of_entries(
        name, tests, rtol)


def _of_parts(name, tests, rtol):
    """Return what is found in the first part that differs, and which parts are right before it."""
    right = []
    for key in dict.fromkeys(key for test in tests for key in keys_of(test.right)):
        part = part_name(name, tests[0].right, key)
        found = difference(part, [test._replace(mine=test.mine[key], right=test.right[key]) for test in tests
                                  if key in keys_of(test.right)], rtol)
        if found:
            told = f" ({', '.join(right)} {'is' if len(right) == 1 else 'are'} right.)" if right else ""
            return found._replace(sentence=found.sentence + told)
        right.append(part)
    return None


# Numbers against numbers, general things first ------------------------------------------------------


def _of_shape(name, tests, rtol):
    """Return what is found if a shape differs, or the two axes are swapped."""
    if all(test.mine.ndim == 2 and is_close(test.mine.T, test.right, rtol) for test in tests):
        return Found(f"{name} has the right numbers, but it is transposed: rows and columns are swapped.",
                     tests[0].number)
    wrong = next((test for test in tests if test.mine.shape != test.right.shape), None)
    if wrong is None:
        return None
    return Found(_misshapen(name, tests, wrong, rtol), wrong.number)


def _misshapen(name, tests, wrong, rtol):
    mine, right = wrong.mine, wrong.right
    if mine.size == right.size and is_close(mine.ravel(), right.ravel(), rtol):
        return f"{name} has the right numbers in the shape {mine.shape}, expected {right.shape}."
    for axis in range(mine.ndim):
        if all(axis < test.mine.ndim and is_close(test.mine.sum(axis), test.right, rtol) for test in tests):
            return f"{name} has shape {mine.shape}, expected {form(right)}: a sum over the axis {axis} is missing."
    if all(test.mine.ndim > test.right.ndim == 0 and is_close(test.mine.sum(), test.right, rtol) for test in tests):
        return f"{name} has shape {mine.shape}, expected one number: they are still to be added up."
    return f"{name} is {form(mine)}, expected {form(right)}."


def _of_lost(name, tests, rtol):
    """Return what is found if numbers of the first wrong test are nan or infinite that should not be, or else ought to.

    With such numbers anywhere, nothing can be said of all tests.
    """
    test = next(test for test in tests if not is_close(test.mine, test.right, rtol))
    lost = ~np.isfinite(test.mine) & np.isfinite(test.right)
    if lost.any():
        which = f"{lost.sum()} of the {test.mine.size} numbers in {name} are" if test.mine.shape else f"{name} is"
        return Found(f"{which} nan or infinite: has something overflowed, or been divided by 0, or the log of 0 been "
                     "taken?", test.number)
    if not all(np.isfinite(test.mine).all() and np.isfinite(test.right).all() for test in tests):
        return _of_entries(name, tests, rtol)
    return None


def _of_all(name, tests, rtol):
    """Return what is found if all numbers are wrong in one and the same way; all are finite."""
    first = next(test.number for test in tests if not is_close(test.mine, test.right, rtol))
    if all(is_close(-test.mine, test.right, rtol) for test in tests):
        return Found(f"{name} has the right size everywhere, and the wrong sign everywhere.", first)
    factors = [_factor(test.mine, test.right, rtol) for test in tests]
    in_proportion = sum(test.right.size for test in tests) > len(tests)
    if None not in factors and (found := _of_factors(name, np.array(factors), tests, in_proportion)):
        return found
    gaps = [(test.mine - test.right).ravel() for test in tests]
    constant = gaps[0][0] if gaps[0].size else 0
    if sum(gap.size for gap in gaps) > 1 and all(
            np.allclose(gap, constant, rtol=0, atol=rtol * size_of(test.right)) for gap, test in zip(gaps, tests)):
        return Found(f"{name} is off by the same amount everywhere, {constant:.4g}: is something left out, or added "
                     "twice?", first)
    return _of_near(name, tests, gaps)


def _of_near(name, tests, gaps):
    """Return what is found if every test is nearly right, measured by its own size."""
    counts_things = all((test.right == test.right.round()).all() for test in tests)  # of which none is nearly right
    shares = [abs(gap).max(initial=0) / size_of(test.right) for gap, test in zip(gaps, tests)]
    if counts_things or max(shares) >= NEARLY:
        return None
    worst = int(np.argmax(shares))
    return Found(f"{name} is nearly right, but off by up to {abs(gaps[worst]).max():.1e}: an approximation where the "
                 "exact value is expected, or a small term that is missing?", tests[worst].number)


def _factor(mine, right, rtol):
    """Return k if mine is k times right, else None."""
    top = np.argmax(abs(right)) if right.size else 0
    if not right.size or right.flat[top] == 0:
        return None
    k = mine.flat[top] / right.flat[top]
    return k if k and np.isfinite(k) and is_close(mine, k * right, rtol) else None


def _of_factors(name, factors, tests, in_proportion):
    """Return what is found in the factors of all tests, or None; unequal ones count only with proportions."""
    sign = " and has the wrong sign" if (factors.real < 0).all() else ""
    for size in tests[0].sizes if len(tests) > 1 else ():
        counts = np.array([test.sizes.get(size, np.nan) for test in tests], float)
        if len(set(counts)) < 2 or (counts == 0).any():
            continue
        for times in (1, -1):
            if np.allclose(abs(factors), abs(counts) ** times, rtol=1e-4):
                return Found(f"{name} is exactly {_in_sizes(size, times, sign)}.", tests[0].number)
    size = abs(factors[0])
    if np.allclose(factors, factors[0], rtol=1e-4) and not np.isclose(size, 1, rtol=1e-3):
        much = f"{size:.4g} times too large" if size > 1 else f"{1 / size:.4g} times too small"
        return Found(f"{name} is {much} everywhere{sign}: a constant factor is lost or extra.", tests[0].number)
    at = int(abs(factors - 1).argmax())
    if in_proportion and not np.isclose(factors[at], 1, rtol=NEARLY):
        return Found(f"{name} has the right proportions, but a factor that is another one in each test, such as "
                     f"{factors[at]:.4g}.", tests[at].number)
    return None


def _in_sizes(size, times, sign):
    if " of " not in size:
        return f"{size} times too large{sign}" if times == 1 else f"too small by the factor {size}{sign}"
    much = "N times too large" if times == 1 else "N times too small"
    return f"{much}{sign}, N being the number of {size}: count the factors 1/N"


def _of_entries(name, tests, rtol):
    """Return how many numbers are right, which rows, and where the worst one is, in the first test that is wrong."""
    test = next(test for test in tests if not is_close(test.mine, test.right, rtol))
    mine, right = test.mine, test.right
    with np.errstate(all="ignore"):
        gap = np.where(mine == right, 0.0, np.nan_to_num(abs(mine - right), nan=np.inf))
    ok = gap <= rtol * size_of(right)
    if not right.shape:
        return Found(f"{name} is {_apart(mine, right)}.", test.number)
    worst = tuple(int(i) for i in np.unravel_index(gap.argmax(), gap.shape))
    share = f"{ok.sum()} of the {ok.size} numbers in {name} {'is' if ok.sum() == 1 else 'are'} right."
    place = f"{name}[{', '.join(map(str, worst))}]"
    return Found(f"{share}{_of_rows(ok)} The worst is {place}: {_apart(mine[worst], right[worst])}.",
                 test.number)


def _of_rows(ok):
    """Return a sentence on the rows that are right as a whole, or ''."""
    right = np.flatnonzero(ok.reshape(len(ok), -1).all(1)).tolist()
    if ok.ndim < 2 or not 0 < len(right) < len(ok):
        return ""
    return f" Only row {right[0]} is right." if len(right) == 1 else f" The rows {listed(right)} are right."


def _apart(mine, right):
    """Return both numbers, with as many digits as it takes to tell them apart."""
    digits = next((n for n in (4, 6, 9) if f"{mine:.{n}g}" != f"{right:.{n}g}"), 12)
    return f"{mine + 0:.{digits}g}, expected {right + 0:.{digits}g}"  # no −0
