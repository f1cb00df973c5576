"""The verdict on one answer to an exercise, looked for from the particular to the general.

An answer is blank, or right, or a mistake that has a name, or wrong in a way that can be described.
"""

import re
import warnings
from typing import NamedTuple

import numpy as np

from utils.checks.diagnosis import difference, structure
from utils.checks.results import first_wrong, same
from utils.checks.runs import SECONDS, alone, borrowed, briefly, how_it_stopped, in_words, misfit, runs_of, unchanged
from utils.checks.text import sentence_of

BLANK = "Not filled in yet."
AS_GIVEN = "This is the code as it was given: the mistake is still in it."


class Verdict(NamedTuple):
    """What a check found: "right", "blank", "mistake" (one that has a name) or "wrong", and one sentence."""

    kind: str
    sentence: str

    def __bool__(self):
        return self.kind == "right"

    def _ipython_display_(self):
        """Show nothing: the check has printed its sentence."""


def judge(exercise, answer):
    """Return the `Verdict` on an answer to an exercise. Never raises."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _judge(exercise, answer)
    except Exception as error:  # a check that fails must not stand in a student's way
        return Verdict("wrong", f"This answer could not be read ({type(error).__name__}: {error}).")


def _judge(exercise, answer):
    if answer is None or answer is ... or (isinstance(answer, str) and not answer.strip()):
        return Verdict("blank", BLANK)
    if exercise.is_question:
        value = alone(answer) if np.isscalar(exercise.reference()) else answer
        answer = lambda: value  # noqa: E731
    if not callable(answer):
        words = f"The check takes the function itself, check(my_{exercise.name}), and not its result."
        return Verdict("wrong", words)
    if sentence := misfit(answer, exercise.samples[0], exercise.parameters):
        return Verdict("wrong", sentence)
    runs = runs_of(answer, exercise.samples)
    if any(run.is_blank(answer) for run in runs):
        return Verdict("blank", BLANK)
    if runs[-1].took_too_long:
        return Verdict("wrong", f"Stopped after {SECONDS:g} seconds: does a loop never end?")
    return _compared(exercise, answer, runs)


def _compared(exercise, answer, runs):
    """Return the verdict on an answer that has come to an end: its results beside the solution's."""
    mine, rights = _of(exercise, runs), outcomes(exercise, exercise.reference)
    if same(mine, rights, exercise.rtol):
        if sentence := _meddled(exercise, runs):
            return Verdict("wrong", sentence)
        return Verdict("right", f"{_praise(exercise)} {exercise.remark}".strip())
    if known := _known(exercise, mine, rights):
        return Verdict(*known)
    sentence = how_it_stopped(answer, runs, exercise.parameters) or _difference(exercise, mine, rights)
    return Verdict("wrong", f"{sentence}{borrowed(answer)} {exercise.advice}".strip())


def _praise(exercise):
    return f"Right, in all {len(exercise.samples)} tests." if len(exercise.samples) > 1 else "Right."


def outcomes(exercise, function):
    """Return what a function comes to on each of an exercise's samples: a result, or an error."""
    return _of(exercise, runs_of(function, exercise.samples))


def _of(exercise, runs):
    return [run.error or exercise.wrapped(run.result) for run in runs]


def _known(exercise, mine, rights):
    """Return kind and sentence for code as given, or a mistake: one with the same results, or first wrong part."""
    rtol = exercise.rtol
    if exercise.given and same(mine, outcomes(exercise, exercise.given), rtol):
        return "blank", AS_GIVEN
    foreseen = [(mistake, outcomes(exercise, mistake)) for mistake in exercise.mistakes]
    for mistake, theirs in foreseen:
        if same(mine, theirs, rtol):
            return "mistake", sentence_of(mistake)
    path = () if exercise.is_question else first_wrong(mine, rights, rtol)
    for mistake, theirs in foreseen if path else ():
        if path == first_wrong(theirs, rights, rtol) and same(mine, theirs, rtol, path):
            return "mistake", sentence_of(mistake)
    return None


def _difference(exercise, mine, rights):
    """Return a sentence on the first difference; on a question, one that does not give the answer away."""
    if exercise.is_question:
        word = isinstance(mine[0], str) > isinstance(rights[0], str) and any(
            isinstance(theirs(), str) for theirs in exercise.mistakes)
        return (not word and structure(f"my_{exercise.name}", mine[0], rights[0])) or (
            f"{briefly(mine[0])} is not the answer, nor a mistake that is known here: read once more what is "
            "asked, or take a hint.")
    rows = [next((len(arg) for arg in args if isinstance(arg, np.ndarray) and arg.ndim == 2), 0)
            for args in exercise.samples]
    sentence = difference("your result", list(zip(mine, rights, rows, strict=True)), exercise.rtol)
    wrong = next(i for i, (a, b) in enumerate(zip(mine, rights, strict=True)) if not same([a], [b], exercise.rtol))
    sentence = re.sub("^your", "Your", sentence)  # but dW stays dW
    return sentence + in_words(exercise.parameters, exercise.samples[wrong], short=not np.isscalar(rights[0]))


def _meddled(exercise, runs):
    """Return a sentence if arguments are no longer what they were, or ''."""
    for run in runs:
        for name, before, after in zip(exercise.parameters, run.args, run.used, strict=True):
            if not unchanged(before, after):
                return (f"The result is right, but {name} is not what it was: work on a copy, or make a new array, "
                        "because whoever called you still needs it.")
    return ""
