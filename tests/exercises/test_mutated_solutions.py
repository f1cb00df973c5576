"""Solutions with one thing changed by machine: none that computes anything else passes, and most are told why.

Each operator, number, axis, index, name, sign and transpose of each solution is changed, one at a time.
"""

import ast
import contextlib
import copy
import linecache

import numpy as np
import pytest

from utils.checks.case import Case
from utils.checks.clock import TookTooLong, limited
from utils.checks.edits import fewer, others, small, turned
from utils.checks.results import same
from utils.checks.runs import mapped
from utils.checks.source import source_of_function
from utils.checks.trees import own_names, places, put
from utils.exercises import lessons

FUNCTIONS = [exercise for lesson in lessons() for exercise in lesson.exercises.values() if not exercise.is_question]
each_function = pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda e: e.name)


def mutants(exercise):
    """Yield (its text, the function) for each single change of the solution that can be compiled."""
    source = source_of_function(exercise.reference)
    tree = copy.deepcopy(source.tree)
    for parent, field, index, node in places(tree):
        for _, new in (pair for kind in (fewer, small, turned, others) for pair in kind(node, parent, field,
                                                                                       own_names(tree))):
            put(parent, field, index, ast.fix_missing_locations(ast.copy_location(new, node)))
            text = ast.unparse(tree)
            put(parent, field, index, node)
            with contextlib.suppress(SyntaxError):  # one keyword twice
                yield text, function_of(text, source.function)


def function_of(text, original):
    """The function that a text defines in the original's surroundings, its text known to `inspect`."""
    file = f"<mutant {hash(text)}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    names = dict(original.__globals__)
    exec(compile(text, file, "exec"), names)
    return names[original.__name__]


def other_samples(exercise):
    """The samples with other numbers in their arrays, of the same signs and shapes; whole numbers stay."""
    rng = np.random.default_rng(0)

    def shaken(x):
        counts = x.dtype.kind != "f" or (x == x.round()).all()
        return x if counts else x * rng.uniform(0.3, 3, x.shape)

    return [mapped(args, shaken) for _ in range(4) for args in exercise.samples]


def outcomes(case, function, samples):
    with np.errstate(all="ignore"):
        try:
            with limited(0.3):
                found = case.outcomes(function, samples)
                return found if len(found) == len(samples) else None  # it ends where a run cannot go on
        except TookTooLong:
            return None


@each_function
@pytest.mark.filterwarnings("ignore")
def test_no_changed_solution_passes(exercise):
    case = Case(exercise, exercise.reference, [])
    others, passed, count = other_samples(exercise), [], 0
    theirs = outcomes(case, exercise.reference, others)
    for text, mutant in mutants(exercise):
        count += 1
        mine = outcomes(case, mutant, case.args)
        if mine is not None and case.are_right(mine):
            elsewhere = outcomes(case, mutant, others)
            if elsewhere is None or not same(elsewhere, theirs, 1e-3):  # by more than a tolerance
                passed.append(text)
    assert count >= 15 and not passed, "\n\n".join(passed)


def test_at_least_four_of_five_changed_solutions_get_a_sentence_that_helps(monkeypatch):
    monkeypatch.setattr("utils.checks.case.TELLING", 60.0)  # on a busy machine, too
    monkeypatch.setattr("utils.checks.repair.SECONDS", 20.0)
    helped = told = 0
    for exercise in FUNCTIONS:
        for _, mutant in list(mutants(exercise))[::151]:
            verdict = exercise.verdict(mutant)
            told += not verdict
            helped += not verdict and bool(verdict.name)
    assert told > 20 and helped / told >= 0.8, f"{helped} of {told}"
