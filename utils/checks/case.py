"""One answer beside one exercise: what it comes to on every sample, what is right, and what each known mistake does."""

import contextlib
import inspect
import time
from functools import cached_property

import numpy as np

from utils.checks import clock
from utils.checks.fork import in_a_copy
from utils.checks.results import first_wrong, is_close, keys_of, leaves, numbers, same
from utils.checks.runs import changed, runs_of
from utils.checks.source import reaches_outside, source_of_function
from utils.checks.structure import part_name

TELLING = 4.5  # seconds after a check has begun, nothing more is looked for that could be said


class Case:
    """An exercise's samples, and the outcomes of an answer, of the solution, and of the known mistakes on them."""

    def __init__(self, exercise, answer, runs, began=None):
        self.exercise, self.answer, self.runs = exercise, answer, runs
        self.until = (began or time.monotonic()) + TELLING
        self.args = exercise.samples
        self.mine = self._of(runs)
        self.rights = self._known(exercise.reference)

    def _of(self, runs):
        return [run.error or self.exercise.wrapped(run.result) for run in runs]

    def _known(self, function):
        """Return the outcomes of the solution or of a known mistake, which are the same each time."""
        if function not in self.exercise.known:
            self.exercise.known[function] = self.outcomes(function)
        return self.exercise.known[function]

    def outcomes(self, function, samples=None):
        """Return what a function comes to on each sample: a result, or an error."""
        return self._of(runs_of(function, self.args if samples is None else samples))

    def are_right(self, outcomes, path=()):
        """Say whether these are the right outcomes, in one part or altogether."""
        return same(outcomes, self.rights, self.exercise.rtol, path)

    @cached_property
    def path(self):
        """The path to the first part that is wrong, () if there was an error, or there are no parts."""
        return () if self.exercise.is_question else first_wrong(self.mine, self.rights, self.exercise.rtol)

    @cached_property
    def right_paths(self):
        """The paths to the parts that are right."""
        return [path for path in leaves(self.rights[0]) if self.are_right(self.mine, path)]

    @cached_property
    def foreseen(self):
        """Each known mistake with its outcomes."""
        return [(mistake, self._known(mistake)) for mistake in self.exercise.mistakes]

    @cached_property
    def source(self):
        """The answer's source, or None."""
        return source_of_function(self.answer)

    @cached_property
    def error_at(self):
        """The number of the first sample on which the answer stopped with an error, or None."""
        return next((i for i, run in enumerate(self.runs) if run.error), None)

    def mended(self, function, path=()):
        """Say whether a changed function is right, altogether, or in one part and all that were right before.

        The first wrong sample comes first.
        """
        paths = [path, *self.right_paths] if path else [()]
        wrong = next((i for i, (m, r) in enumerate(zip(self.mine, self.rights))
                      if not same([m], [r], self.exercise.rtol)), 0)
        order = [wrong, *(i for i in range(len(self.args)) if i != wrong)]
        for i in order:
            found = self.outcomes(function, [self.args[i]])
            if not all(same(found, [self.rights[i]], self.exercise.rtol, path) for path in paths):
                return False
        return True

    @cached_property
    def is_transposed(self):
        """Whether every result is right, but for rows and columns that are swapped."""
        mine = [numbers(m) for m in self.mine]
        return all(m is not None and is_close(m.T, right, self.exercise.rtol) for m, right in zip(mine, self.rights))

    def sizes(self, i):
        """Return the sizes and numbers among the arguments of sample i: {"rows of X": 4, "h": 0.1}."""
        found = {}
        for name, value in zip(self.exercise.parameters, self.args[i]):
            if isinstance(value, np.ndarray) and value.ndim:
                words = ("rows", "columns") if value.ndim == 2 else ("entries",)
                found.update({f"{word} of {name}": n for word, n in zip(words, value.shape)})
            elif isinstance(value, list):
                found[f"entries of {name}"] = len(value)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                found[name] = value
        return found

    @cached_property
    def own_parameters(self):
        """The names of the answer's own parameters, [] where they cannot be known."""
        try:
            return list(inspect.signature(self.answer).parameters)
        except (TypeError, ValueError):
            return []

    def name_of(self, path):
        """Return the name of what stands at a path of keys in the result."""
        name, right = "your result", self.rights[0]
        for key in path:
            name, right = part_name(name, right, key), right[key] if key in keys_of(right) else None
        return name

    @cached_property
    def changed(self):
        """The names of the arguments that are no longer what they were, each once."""
        return list(dict.fromkeys(name for run in self.runs for name in changed(run, self.exercise.parameters)))

    def search(self, action):
        """Return the text that an action finds, which calls the answer, changed or with other arguments.

        That may never end, so that it is done in a copy of the process; and for all that can be said of one answer
        there are a few seconds, after which no more is said.
        """
        left = self.until - time.monotonic()
        if left < 0 or reaches_outside(self.answer):
            return ""
        if clock.TRIES:
            return in_a_copy(action, left, left)[1]
        with contextlib.suppress(clock.TookTooLong), clock.limited(left, left):
            return action()
        return ""


def explained(case, outcomes, path):
    """Return the known mistake that explains one part of these outcomes, or None.

    What a mistake makes wrong only because it makes an earlier part wrong is not counted.
    """
    paths = list(leaves(case.rights[0]))
    before = paths[:paths.index(path)] if path in paths else []
    for mistake, theirs in case.foreseen:
        if same(outcomes, theirs, case.exercise.rtol, path) and all(case.are_right(theirs, part) for part in before):
            return mistake
    return None
