"""An answer in which `...` still stands for something: which parts are right, which are wrong, which are open?"""

import numpy as np

from utils.checks.case import explained
from utils.checks.general import difference_of
from utils.checks.results import leaves, pick, same
from utils.checks.source import dotted_lines, has_dots, is_begun
from utils.checks.text import sentence_of
from utils.checks.words import how_it_stopped, place_of, variables_of


def half_done(case):
    """Return a sentence on an answer in which there is still a `...`, "" if nothing is done yet, else None."""
    lines = dotted_lines(case.source)
    if all(isinstance(outcome, NotImplementedError) or outcome is ... for outcome in case.mine):
        return ""
    unknown = case.source is None and has_dots(case.answer)
    if not (lines or unknown or any(map(_waits, filter(_is_result, case.mine)))):
        return None
    if lines and (stopped := _stopped_elsewhere(case, lines)):
        return f"{stopped} And line {lines[0]} is still to be filled in."
    paths = [(part,) for part in range(len(case.exercise.parts))] or list(leaves(case.rights[0]))
    done = [_parts_so_far(case, i) for i in range(len(case.mine))]
    waiting = [path for path in paths if any(_waits(pick(part, path)) for part in done)]
    if not waiting and (case.error_at is None or not lines):
        return None
    if lines and (not waiting or (len(waiting) == len(paths) and is_begun(case.source))):
        return f"Line {lines[0]}, `{case.source.line(lines[0])}`, is still to be filled in."
    finished = [path for path in paths if path not in waiting]
    right = [path for path in finished if same(done, case.rights, case.exercise.rtol, path)]
    if not right and len(waiting) == len(paths):
        return ""
    are_open = _and(case, waiting, "open")
    if wrong := [path for path in finished if path not in right]:
        mistake = explained(case, done, wrong[0])
        return f"{sentence_of(mistake) if mistake else difference_of(case, done, wrong[0])} And {are_open}."
    return f"{_and(case, right, 'right')}; {are_open}."


def _stopped_elsewhere(case, lines):
    """Return how the answer stopped, if it did so at none of these lines and not because of a `...`, else ""."""
    error = None if case.error_at is None else case.runs[case.error_at].error
    if error is None or "ellipsis" in str(error) or isinstance(error, NotImplementedError | NameError):
        return ""
    place = place_of(case.answer, error)
    return "" if place and place.lineno in lines else how_it_stopped(case.answer, case.runs[case.error_at])


def _is_result(outcome):
    return not isinstance(outcome, BaseException)


def _waits(value):
    if isinstance(value, dict | tuple | list):
        return any(map(_waits, value.values() if isinstance(value, dict) else value))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return any(map(_waits, value.flat))
    return value is ... or isinstance(value, BaseException)


def _parts_so_far(case, i):
    """Return the parts of result i, or what the function's variables say of them where it stopped at a `...`."""
    mine, parts = case.mine[i], case.exercise.parts
    if not (isinstance(mine, BaseException) and parts):
        return mine
    variables, rights = variables_of(case.answer, mine), case.rights[i]
    return case.exercise.wrapped([_as_far_as(variables.get(part, ...), right) for part, right in zip(parts, rights)])


def _as_far_as(value, right):
    """Return a part of an answer that stopped in its loop: a dict that lacks keys is open."""
    return ... if isinstance(value, dict) and isinstance(right, dict) and not right.keys() <= value.keys() else value


def _and(case, paths, word):
    """Return "dW2 and db2 are open"."""
    names = [case.name_of(path) for path in paths]
    told = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{told} {'is' if len(names) == 1 else 'are'} {word}"
