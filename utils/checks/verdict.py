"""The verdict on an answer: right, still open, a mistake with a name, or wrong, and one sentence that says why."""

import re
import time
import warnings
from typing import NamedTuple

import numpy as np

from utils.checks import clock
from utils.checks.case import Case, explained
from utils.checks.general import also_changed, in_general
from utils.checks.halfdone import half_done
from utils.checks.meaning import meant, plain
from utils.checks.results import leaves, same
from utils.checks.runs import ENTRIES, entries, misfit, tried
from utils.checks.source import does_nothing, has_dots, same_code
from utils.checks.suspicions import SUSPICIONS, first_proven
from utils.checks.text import sentence_of
from utils.checks.words import how_it_stopped

BLANK = "Not filled in yet."
AS_GIVEN = "This is the code as it was given: the mistake is still in it."
LIKE_GIVEN = "Your change makes no difference in the tests: the mistake is still in it."
ASLEEP = "Stopped after {:g} seconds of waiting: a check does not wait for a sleep, or for an input."
ENDLESS = "Stopped after {:g} seconds of computing: does a loop never end?"


class Verdict(NamedTuple):
    """What a check found, and one sentence.

    `kind` is "right", "blank", "open" (half-done), "mistake" (one that has a name) or "wrong"; `name` says which
    mistake, and `printed` what the answer has printed.
    """

    kind: str
    sentence: str
    name: str = ""
    printed: str = ""

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
        return Verdict("wrong", f"This answer could not be read ({type(error).__name__}: {str(error)[:200]}).")


def _judge(exercise, answer):
    began = time.monotonic()
    if answer is None or answer is ... or (isinstance(answer, str) and not answer.strip()):
        return Verdict("blank", BLANK)
    if exercise.is_question:
        right = exercise.reference()
        if entries(answer) > ENTRIES:
            return Verdict("wrong", f"my_{exercise.name} has more than {ENTRIES:,} entries.", "cannot be run")
        value = meant(answer, right, any(isinstance(theirs(), str) for theirs in exercise.mistakes))
        value = right if isinstance(answer, str) and plain(answer) in map(plain, exercise.also) else value
        answer = lambda: value  # noqa: E731
    if not callable(answer):
        words = f"The check takes the function itself, check(my_{exercise.name}), and not its result."
        return Verdict("wrong", words)
    if does_nothing(answer):
        return Verdict("blank", BLANK)
    if sentence := misfit(answer, exercise.samples[0], exercise.parameters):
        return Verdict("wrong", sentence, "other parameters")
    runs = tried(answer, exercise.samples)
    if runs[-1].took_too_long:
        if str(runs[-1].error) == clock.WAITING:
            return Verdict("wrong", ASLEEP.format(clock.PATIENCE), "waits")
        return Verdict("wrong", ENDLESS.format(clock.SECONDS), "no end")
    if len(runs) < len(exercise.samples):
        return Verdict("wrong", f"It cannot be run: {runs[-1].error}.", "cannot be run")
    return _compared(Case(exercise, answer, runs, began))._replace(printed=_printed(runs))


def _printed(runs):
    return " ".join(next((run.printed for run in runs if run.printed.strip()), "").split())


def _compared(case):
    """Return the verdict on an answer that has come to an end: its results beside the solution's."""
    exercise, told = case.exercise, _told(case)
    if told == "" or case.are_right(case.mine):
        if sentence := _meddled(case):
            return Verdict("wrong", sentence, "arguments changed")
        return Verdict("right", f"{_praise(exercise)} {exercise.remark}".strip())
    for find in (_unchanged, _half_done, _like_given, _known, _suspected):
        if (verdict := find(case)) is not None:
            return verdict
    if told:
        return Verdict("wrong", told, "told")
    name, sentence = in_general(case)
    return Verdict("wrong", f"{sentence} {exercise.advice}".strip(), name)


def _told(case):
    """Return what the exercise itself says about an answer: "" if it is right, None if it has nothing to say."""
    try:
        return case.exercise.tell and case.exercise.tell(case.mine[0])
    except Exception:  # not the kind of answer that was asked for
        return None


def _praise(exercise):
    return f"Right, in all {len(exercise.samples)} tests." if len(exercise.samples) > 1 else "Right."


# Known mistakes, then what often goes wrong -----------------------------------------------------------


def _unchanged(case):
    given = case.exercise.given
    if given and same_code(case.answer, given):
        return Verdict("blank", BLANK if has_dots(given) else AS_GIVEN)
    return None


def _half_done(case):
    sentence = half_done(case)
    return sentence if sentence is None else Verdict("open", sentence, "open") if sentence else Verdict("blank", BLANK)


def _like_given(case):
    given, rtol = case.exercise.given, case.exercise.rtol
    if given and same(case.mine, case.outcomes(given), rtol):
        return Verdict("wrong", LIKE_GIVEN, "as given")
    return None


def _known(case):
    """Return the verdict on a known mistake: one with the same results, or with the same first wrong part."""
    rtol = case.exercise.rtol
    for mistake, theirs in case.foreseen:
        if same(case.mine, theirs, rtol):
            return Verdict("mistake", sentence_of(mistake), mistake.__name__)
    wrong = [path for path in leaves(case.rights[0]) if case.path and path not in case.right_paths]
    first = explained(case, case.mine, wrong[0]) if wrong else None
    if first is None:
        return None
    follow = dict(case.foreseen)[first]
    others = [path for path in wrong if not same(case.mine, follow, rtol, path)]  # what the first does not explain
    second = next((found for path in others if (found := explained(case, case.mine, path)) not in (None, first)), None)
    return Verdict("mistake", sentence_of(first) + (f" And besides: {sentence_of(second)}" if second else ""),
                   first.__name__)


def _suspected(case):
    """Return the verdict on the first suspicion that proves true, or None."""
    if case.exercise.is_question or any(run.result is None and not run.error for run in case.runs):
        return None
    name, sentence = first_proven(SUSPICIONS, case)
    if not sentence:
        return None
    stopped = f"{how_it_stopped(case.answer, case.runs[case.error_at])} " if case.error_at is not None else ""
    sentence = stopped + re.sub("^your", "Your", sentence) + also_changed(case)
    return Verdict("wrong", f"{sentence} {case.exercise.advice}".strip(), name)


def _meddled(case):
    """Return a sentence if arguments are no longer what they were, or ''."""
    return (f"The result is right, but {case.changed[0]} is not what it was: work on a copy, or make a new array, "
            "because whoever called you still needs it.") if case.changed else ""
