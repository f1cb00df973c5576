"""Exercises that answer: what is right, what is wrong, and which mistake it was.

An exercise is data: a reference function, samples to try it on, hints, and the likely mistakes, which are
functions as well. A mistake's docstring is the sentence that a student who makes it should read.
"""

import inspect
from collections import namedtuple

from utils.checks import progress
from utils.checks.results import RTOL
from utils.checks.text import blank_of, say, source_of
from utils.checks.verdict import judge
from utils.checks.words import briefly

KINDS = ("transposed", "wrong sign", "1/N forgotten", "1/N twice", "activation's derivative forgotten",
         "derivative of the wrong variable", "summed over the wrong axis", "softmax over the wrong axis",
         "bias missing", "log forgotten", "weights of the wrong layer", "already updated weights", "only the first row")


class Exercise:
    """A task that checks its own answers.

    `solution` is the reference; its body is what `.solution()` prints and what `.check(f)` compares with.
    `samples` are tuples of arguments, NumPy's, with sizes that differ; an exercise whose solution takes no
    arguments is a question, and its answer a value. `mistakes` are functions with the same arguments.
    `parts` names the results, where there are several; `given` is the code in the student's cell, faulty or begun;
    `remark` is added to the praise, `advice` to the diagnosis of a mistake that has no name; `rtol` is relative
    to the largest right number. `level` says how hard it is, 1 to 3, and `minutes` how long it takes a student; `also`
    are other ways to say the answer to a question; `tell` judges such an answer by itself: it returns the sentence to
    read, "" if the answer is right.
    """

    def __init__(self, solution, samples=((),), hints=(), mistakes=(), *, parts=(), given=None, remark="", advice="",
                 rtol=RTOL, level=1, minutes=5, also=(), tell=None, notebook=None):
        self.reference, self.hints = solution, list(hints)
        self.samples = [args if type(args) is tuple else (args,) for args in samples]
        self.mistakes, self.kinds = list(mistakes), [""] * len(mistakes)
        self.given, self.remark, self.advice, self.rtol, self.notebook = given, remark, advice, rtol, notebook
        self.level, self.minutes, self.also, self.tell = level, minutes, also, tell
        self.name = solution.__name__
        self.parameters = list(inspect.signature(solution).parameters)
        self.hinted, self.parts, self.known = 0, tuple(parts), {}
        self._wrap = namedtuple("Results", parts)._make if parts else lambda result: result

    def __repr__(self):
        mine = f"my_{self.name}"
        return f"exercise {self.name}: .check({mine})  .hint()  .solution()  .use({mine})"

    @property
    def effort(self):
        """How hard it is, and how long it takes, as its heading says it."""
        return f"{'●' * self.level} {self.minutes} min"

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

    def wrong_answers(self, **known):
        """Add mistakes to a question: each keyword names one, (the value, the sentence to read)."""
        for name, (value, sentence) in known.items():
            def mistake(value=value):
                return value

            mistake.__name__, mistake.__doc__ = name, sentence
            self.mistake()(mistake)

    def check(self, answer=None):
        """Print one sentence on an answer, write it down in the student's record, and return the verdict.

        Never raises. `answer` is a function with the solution's arguments, or the answer to a question.
        """
        verdict = self.verdict(answer)
        remark = self._write_down(verdict, answer)
        printed = f"Your function printed: {verdict.printed}" if verdict.printed else ""
        say(verdict.sentence, printed, remark)
        return verdict

    def verdict(self, answer):
        """Return the verdict on an answer, and leave it at that: nothing is printed or written down."""
        return judge(self, answer)

    def wrapped(self, result):
        """Return a result of several parts with their names, where it has as many as expected, else as it is."""
        try:
            return self._wrap(result) if isinstance(result, tuple | list) else result
        except TypeError:
            return result

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
        """Return the source of the solution, or of another function, as it would stand in the student's cell."""
        return source_of(self, function or self.reference)

    def blank(self):
        """Return what a student finds in the cell."""
        return blank_of(self)

    def _write_down(self, verdict, answer):
        if verdict.kind == "blank" or self.notebook is None:
            return ""
        try:
            text = inspect.getsource(answer)
        except Exception:  # no text, or one that has changed since
            text = briefly(answer)
        return progress.note(self.notebook, self.name, verdict.kind, verdict.sentence, text, verdict.name)
