"""What can be said of any wrong answer: where it stopped, or what differs, and where to look."""

import re

import numpy as np

from utils.checks.diagnosis import NEARLY, Test, difference
from utils.checks.edits import EVERYWHERE
from utils.checks.repair import repair
from utils.checks.results import RTOL, numbers, pick, same
from utils.checks.structure import structure
from utils.checks.suspicions import FACTS, first_proven
from utils.checks.words import briefly, how_it_stopped, in_words


def in_general(case):
    """Return a name and what can be said of any wrong answer: where it stopped or what differs, and where to look."""
    if case.exercise.is_question:
        return "", _of_value(case)
    at = case.error_at
    if at is not None:
        sentence = how_it_stopped(case.answer, case.runs[at]) + in_words(case.exercise.parameters, case.args[at])
        name = type(case.runs[at].error).__name__
    else:
        name, sentence = "", difference_of(case, case.mine)
    look, hint = ("", "") if "right numbers" in sentence else _where_to_look(case)
    return look or name, f"{sentence}{hint}{also_changed(case)}"


def _of_value(case):
    """Return a sentence on the answer to a question that does not give the right one away."""
    mine, right = case.mine[0], case.rights[0]
    word = isinstance(mine, str) > isinstance(right, str) and any(
        isinstance(theirs(), str) for theirs in case.exercise.mistakes)
    kind = "" if word else structure(f"my_{case.exercise.name}", mine, right)
    return kind or _of_parts(case.exercise, mine, right) or off(mine, right, case.exercise.rtol) or (
        f"{briefly(mine)} is not the answer, nor a mistake that is known here: read once more what is asked, or take a "
        "hint.")


def _of_parts(exercise, mine, right):
    """Return which of several parts of an answer are right, or how many: a wrong yes would give away the no."""
    parts = zip(exercise.parts, mine, right, strict=True) if exercise.parts else ()
    found = [name for name, m, r in parts if same([m], [r], exercise.rtol)]
    if not found:
        return ""
    if any(isinstance(r, bool) for r in right):
        return f"{len(found)} of the {len(right)} {'is' if len(found) == 1 else 'are'} right."
    return f"Right so far: {', '.join(found)}. Look again at {', '.join(n for n in exercise.parts if n not in found)}."


def difference_of(case, mine, path=()):
    """Return a sentence on the first difference, and the arguments of the test from which its figures are."""
    exercise = case.exercise
    tests = [Test(pick(m, path), pick(right, path), case.sizes(i), i)
             for i, (m, right) in enumerate(zip(mine, case.rights, strict=True))]
    sentence, number = difference(case.name_of(path) if path else "your result", tests, exercise.rtol)
    sentence = re.sub("^your", "Your", sentence)  # but dW stays dW
    short = not np.isscalar(case.rights[0])
    return sentence + in_words(exercise.parameters, exercise.samples[number], short)


def _where_to_look(case):
    """Return a name and a sentence: what is not used, or the line in which one change makes a test right."""
    name, fact = first_proven(FACTS, case)
    if fact or case.source is None:
        return name, f" {fact}" if fact else ""
    for path, aim in ((), "makes every test right"), (case.path, f"makes {case.name_of(case.path)} right"):
        if found := _repaired(case, path):
            what, line = found
            place = f"in line {line}, `{case.source.line(line)}`,"
            if what.startswith(EVERYWHERE):
                what = what.removeprefix(EVERYWHERE)
                return what, f" One and the same change, {place} and further on, {aim}: look at {what}."
            return what, f" One change {place} {aim}: look at {what}."
        if not case.path or _is_built_otherwise(case):
            break
    return "", ""


def _is_built_otherwise(case):
    """Say whether the result, or what holds its first wrong part, is of another kind: there is no line to look at."""
    ways, pairs = [case.path[:k] for k in range(len(case.path))], list(zip(case.mine, case.rights))
    return any(structure("", pick(m, way), pick(right, way)) for m, right in pairs for way in ways)


def _repaired(case, path):
    """Return (what, line) of an edit that mends the answer, or None; it is looked for in a copy of the process."""
    def search():
        found = repair(case.source, lambda function: case.mended(function, path))
        return f"{found[1]} {found[0]}" if found else ""

    line, _, what = case.search(search).partition(" ")
    return (what, int(line)) if what else None


def off(mine, right, rtol=RTOL):
    """Return a sentence on one number that is off by its sign, by a power of ten, or by a little, or ''."""
    mine, right = numbers(mine), numbers(right)
    if mine is None or right is None or mine.shape or right.shape or not right or not np.isfinite(mine):
        return ""
    share, rtol = float(mine / right), max(rtol, 1e-3)
    if abs(share + 1) < rtol:
        return "The size is right, and the sign is not."
    if right != right.round() and any(abs(share / 10.0**n - 1) < rtol for n in (-4, -3, -2, -1, 1, 2, 3, 4)):
        return "The digits are right. Where does the point stand?"
    if abs(share - 1) < NEARLY and right != right.round():
        return "That is near, and not near enough: compute it to more digits."
    return ""


def also_changed(case):
    """Return a sentence on arguments that are no longer what they were, or ""."""
    if not case.changed:
        return ""
    are = "is not what it was" if len(case.changed) == 1 else "are not what they were"
    return f" Besides, {' and '.join(case.changed)} {are}: work on a copy."
