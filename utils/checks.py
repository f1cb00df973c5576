"""Exercises that answer: what is right, what is wrong, and which mistake it was.

An exercise is data: a reference function, samples to try it on, hints, and the likely mistakes, which are
functions as well. A mistake's docstring is the sentence that a student who makes it should read.
"""

import inspect
import re
import warnings
from collections import namedtuple
from textwrap import dedent
from typing import NamedTuple

import numpy as np

from utils import progress
from utils.diagnosis import difference, structure
from utils.results import RTOL, first_wrong, same
from utils.runs import SECONDS, alone, borrowed, briefly, how_it_stopped, in_words, misfit, runs_of, unchanged

KINDS = ("transposed", "wrong sign", "1/N forgotten", "1/N twice", "activation's derivative forgotten",
         "derivative of the wrong variable", "summed over the wrong axis", "softmax over the wrong axis",
         "bias missing", "log forgotten", "weights of the wrong layer", "already updated weights", "only the first row")
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


class Exercise:
    """A task that checks its own answers.

    `solution` is the reference; its body is what `.solution()` prints and what `.check(f)` compares with.
    `samples` are tuples of arguments, NumPy's, with sizes that differ; an exercise whose solution takes no
    arguments is a question, and its answer a value. `mistakes` are functions with the same arguments.
    `parts` names the results, where there are several; `given` is the faulty code that is to be mended;
    `remark` is added to the praise, `advice` to the diagnosis of a mistake that has no name; `rtol` is relative
    to the largest right number.
    """

    def __init__(self, solution, samples=((),), hints=(), mistakes=(), *, parts=(), given=None, remark="", advice="",
                 rtol=RTOL, notebook=None):
        self.reference, self.hints = solution, list(hints)
        self.samples = [args if type(args) is tuple else (args,) for args in samples]
        self.mistakes, self.kinds = list(mistakes), [""] * len(mistakes)
        self.given, self.remark, self.advice, self.rtol, self.notebook = given, remark, advice, rtol, notebook
        self.name = solution.__name__
        self.parameters = list(inspect.signature(solution).parameters)
        self.hinted, self.parts = 0, tuple(parts)
        self.wrap = namedtuple("Results", parts)._make if parts else lambda result: result

    def __repr__(self):
        mine = f"my_{self.name}"
        return f"exercise {self.name}: .check({mine})  .hint()  .solution()  .use({mine})"

    @property
    def is_question(self):
        """Whether the answer is a value, and not a function."""
        return not self.parameters

    def mistake(self, kind=""):
        """Add the decorated function to the mistakes; `kind` is one of KINDS, or "" for one of the exercise's own."""
        def add(function):
            self.mistakes.append(function)
            self.kinds.append(kind)
            return function
        return add

    def check(self, answer):
        """Print one sentence on an answer, write it down in the student's record, and return the verdict.

        Never raises. `answer` is a function with the solution's arguments, or the answer to a question.
        """
        verdict = self.verdict(answer)
        remark = self._write_down(verdict, answer)
        print(verdict.sentence + (f"\n{remark}" if remark else ""))
        return verdict

    def verdict(self, answer):
        """Return the verdict on an answer, and leave it at that: nothing is printed or written down."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return self._verdict(answer)
        except Exception as error:  # a check that fails must not stand in a student's way
            return Verdict("wrong", f"This answer could not be read ({type(error).__name__}: {error}).")

    def hint(self):
        """Print the next hint, beginning again after the last one."""
        if not self.hints:
            print("There is no hint here.")
            return
        step = self.hinted % len(self.hints)
        self.hinted += 1
        print(f"Hint {step + 1} of {len(self.hints)}: {self.hints[step]}")
        if step + 1 == len(self.hints):
            print(f"That was the last one; ex.{self.name}.solution() shows the whole way.")

    def solution(self):
        """Print the source of the very function that answers are compared with."""
        try:
            print(self.source())
        except OSError:  # a sealed edition
            print("In this edition, the solutions are with your teacher.")

    def use(self, answer):
        """Return the answer if it is right, and the solution if it is not yet, so that the notebook can go on."""
        right = bool(self.verdict(answer))
        print(f"Going on with {'your answer' if right else 'the solution, until yours is right'}.")
        if right:
            return answer
        return self.reference() if self.is_question else self.reference

    def source(self, function=None):
        """Return the source of the solution, or of another function, as a student would write it: my_… = …, or def my_…

        Raises OSError where there is no source, as in a sealed edition.
        """
        function = function or self.reference
        lines = inspect.getsource(function)
        text = dedent(lines[re.search(r"^ *def ", lines, re.MULTILINE).start():]).rstrip()
        if self.is_question:
            return f"my_{self.name} = {text.rpartition('return ')[2]}"
        return text.replace(f"def {function.__name__}(", f"def my_{self.name}(", 1)

    def blank(self):
        """Return what a student finds in the cell: the faulty code, or a head and dots in place of the answer."""
        if self.given:
            return self.source(self.given)
        doc = inspect.getdoc(self.reference)
        if self.is_question:
            return f"my_{self.name} = ...     # {doc}"
        head = f'def my_{self.name}({", ".join(self.parameters)}):\n    """{doc}"""\n'
        if not self.parts or set(self.parts) & set(self.parameters):
            return head + "    ..."
        return head + "".join(f"    {part} = ...\n" for part in self.parts) + f"    return {', '.join(self.parts)}"

    # One answer, looked at from the particular to the general ----------------------------------------

    def _verdict(self, answer):
        if answer is None or answer is ... or (isinstance(answer, str) and not answer.strip()):
            return Verdict("blank", BLANK)
        if self.is_question:
            value = alone(answer) if np.isscalar(self.reference()) else answer
            answer = lambda: value  # noqa: E731
        if not callable(answer):
            return Verdict("wrong", f"The check takes the function itself, check(my_{self.name}), and not its result.")
        if sentence := misfit(answer, self.samples[0], self.parameters):
            return Verdict("wrong", sentence)
        runs = runs_of(answer, self.samples)
        if any(run.is_blank(answer) for run in runs):
            return Verdict("blank", BLANK)
        if runs[-1].took_too_long:
            return Verdict("wrong", f"Stopped after {SECONDS:g} seconds: does a loop never end?")
        mine, rights = self._of(runs), self._outcomes(self.reference)
        if same(mine, rights, self.rtol):
            if sentence := self._meddled(runs):
                return Verdict("wrong", sentence)
            return Verdict("right", f"{self._praise()} {self.remark}".strip())
        if known := self._known(mine, rights):
            return Verdict(*known)
        sentence = how_it_stopped(answer, runs, self.parameters) or self._compared(mine, rights)
        return Verdict("wrong", f"{sentence}{borrowed(answer)} {self.advice}".strip())

    def _praise(self):
        return f"Right, in all {len(self.samples)} tests." if len(self.samples) > 1 else "Right."

    def _outcomes(self, function):
        return self._of(runs_of(function, self.samples))

    def _of(self, runs):
        return [run.error or self._wrapped(run.result) for run in runs]

    def _wrapped(self, result):
        try:
            return self.wrap(result)
        except TypeError:  # not as many parts as expected
            return result

    def _known(self, mine, rights):
        """Return kind and sentence for code as given, or a mistake: one with the same results, or first wrong part."""
        if self.given and same(mine, self._outcomes(self.given), self.rtol):
            return "blank", AS_GIVEN
        foreseen = [(mistake, self._outcomes(mistake)) for mistake in self.mistakes]
        for mistake, theirs in foreseen:
            if same(mine, theirs, self.rtol):
                return "mistake", sentence_of(mistake)
        path = () if self.is_question else first_wrong(mine, rights, self.rtol)
        for mistake, theirs in foreseen if path else ():
            if path == first_wrong(theirs, rights, self.rtol) and same(mine, theirs, self.rtol, path):
                return "mistake", sentence_of(mistake)
        return None

    def _compared(self, mine, rights):
        """Return a sentence on the first difference; on a question, one that does not give the answer away."""
        if self.is_question:
            word = isinstance(mine[0], str) > isinstance(rights[0], str) and any(
                isinstance(theirs(), str) for theirs in self.mistakes)
            return (not word and structure(f"my_{self.name}", mine[0], rights[0])) or (
                f"{briefly(mine[0])} is not the answer, nor a mistake that is known here: read once more what is "
                "asked, or take a hint.")
        rows = [next((len(arg) for arg in args if isinstance(arg, np.ndarray) and arg.ndim == 2), 0)
                for args in self.samples]
        sentence = difference("your result", list(zip(mine, rights, rows, strict=True)), self.rtol)
        wrong = next(i for i, (a, b) in enumerate(zip(mine, rights, strict=True)) if not same([a], [b], self.rtol))
        sentence = re.sub("^your", "Your", sentence)  # but dW stays dW
        return sentence + in_words(self.parameters, self.samples[wrong], short=not np.isscalar(rights[0]))

    def _meddled(self, runs):
        """Return a sentence if arguments are no longer what they were, or ''."""
        for run in runs:
            for name, before, after in zip(self.parameters, run.args, run.used, strict=True):
                if not unchanged(before, after):
                    return (f"The result is right, but {name} is not what it was: work on a copy, or make a new array, "
                            "because whoever called you still needs it.")
        return ""

    def _write_down(self, verdict, answer):
        if verdict.kind == "blank" or self.notebook is None:
            return ""
        try:
            text = inspect.getsource(answer)
        except (OSError, TypeError):
            text = briefly(answer)
        return progress.note(self.notebook, self.name, verdict.kind, verdict.sentence, text)


def sentence_of(mistake):
    """Return a mistake's docstring as one line."""
    return " ".join(inspect.getdoc(mistake).split())
