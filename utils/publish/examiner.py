"""The process in which one notebook's answers are run and checked; `check` starts it, and believes it no praise.

It reads its task from the standard input, as JSON, and says on the standard output, a line each, where it is, which
cells have stopped, and what the engine says of each answer, with the answer's results as plain data: whoever compares
them with the solution's does so elsewhere, in a process in which nothing runs that was handed in.
"""

import contextlib
import json
import linecache
import os
import sys

import numpy as np

from utils.checks.results import numbers
from utils.checks.runs import ENTRIES, entries, plainly, runs_of
from utils.exercises import lessons
from utils.publish.answers import answer_to, cell_of, needed

try:
    import resource
except ImportError:  # not on Windows
    resource = None

MEMORY = 8 * 2**30  # bytes of address space, PyTorch's libraries among them
FILE = 64 * 2**20  # bytes of a file that is written


class Closed:
    """Stands in for an exercise that is still to be checked, so that no cell takes its answer from the solution."""

    def use(self, answer=None):
        """Return the answer itself."""
        return answer

    def check(self, answer=None):
        """Say nothing: the check comes later, and is the examiner's own."""

    hint = solution = check


class NoShell:
    """What `%magic` and `!commands` call: nothing is done."""

    def __getattr__(self, name):
        return lambda *args, **options: None


class Examiner:
    """Runs the cells that a lesson's answers need, in order, in one namespace, and checks each answer in its place."""

    def __init__(self, lesson, sources, say, done=(), left_out=()):
        self.exercises, self.say, self.done, self.left_out = dict(lesson.exercises), say, done, dict(left_out)
        self.cells, self.stopped, self.open = [cell_of(source) for source in sources], {}, {}
        self.answers = [answer for name in self.exercises if (answer := answer_to(name, self.cells))]
        self.names = {"__name__": "__main__", "get_ipython": NoShell}
        for exercise in self.exercises.values():
            self._close(exercise)

    def _close(self, exercise):
        """Put a `Closed` in an exercise's place, wherever the catalogue has it."""
        places = [vars(module) for name, module in sys.modules.items() if name.startswith("utils.exercises.")]
        places += [lesson.exercises for lesson in lessons()]
        self.open[exercise.name] = [(place, name) for place in places for name in place if place[name] is exercise]
        for place, name in self.open[exercise.name]:
            place[name] = Closed()

    def examine(self):
        """Run and check everything."""
        wanted = set().union(*(needed(answer, self.cells) for answer in self.answers))
        for number in range(len(self.cells)):
            if number in wanted:
                self.run(number)
            for answer in self.answers:
                if answer.at == number:
                    if answer.exercise not in self.done:
                        self.say(exercise=answer.exercise, cell=answer.cell, **self.checked(answer))
                    for place, name in self.open[answer.exercise]:  # cells after its check may go on with it
                        place[name] = self.exercises[answer.exercise]

    def run(self, number):
        """Run a cell, or note why it stops, or why it was left out."""
        place, source = f"code cell {number + 1}", self.cells[number].source
        name = f"<{place}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        error = ""
        if place not in self.left_out:
            self.say(at=place)
            error = tried(lambda: exec(compile(source, name, "exec"), self.names))
        if error or place in self.left_out:
            self.stopped[number] = self.left_out.get(place, f"Code cell {number + 1} stopped: {error}.")
            self.say(stopped=self.stopped[number])

    def checked(self, answer):
        """Return what the engine says of an answer: the fields of its `Verdict`, and the answer's "results"."""
        exercise, value, place = self.exercises[answer.exercise], [], f"the check of {answer.exercise}"
        if place in self.left_out:
            return {"kind": "stopped", "sentence": self.left_out[place]}
        self.say(at=place)
        error = tried(lambda: value.append(eval(answer.expression, self.names)))
        if not value:
            causes = [text for number, text in self.stopped.items() if self.cells[number].makes_any
                      or number in needed(answer, self.cells)]
            return {"kind": "stopped", "sentence": " ".join(causes[-1:]) or f"{answer.expression} stopped: {error}."}
        said = {"kind": "stopped"}
        error = tried(lambda: said.update(verdict_on(exercise, *value)))
        return {**said, "sentence": f"The check stopped: {error}."} if error else said


def tried(action):
    """Do something with what was handed in, and return how it stopped, or ''."""
    try:
        action()
    except BaseException as error:  # SystemExit and KeyboardInterrupt, too: the next cell goes on
        with contextlib.suppress(BaseException):
            return ": ".join(filter(None, (type(error).__name__, plainly(error))))
        return type(error).__name__
    return ""


def verdict_on(exercise, answer):
    """Return the fields of the engine's `Verdict`, and "results": a question's answer, or what is right."""
    verdict = exercise.verdict(answer)._asdict()
    if exercise.is_question:
        verdict["results"] = [plain_data(answer)]
    elif verdict["kind"] == "right":
        verdict["results"] = [plain_data(run.result) for run in runs_of(answer, exercise.samples)]
    return verdict


def plain_data(value):
    """Return numbers, texts, and what holds them, as JSON can hold them; None for anything else. See `from_plain`."""
    if entries(value) > ENTRIES:
        return None
    if isinstance(value, dict):
        return {"pairs": [[plain_data(key), plain_data(item)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return [plain_data(item) for item in value]
    if value is None or isinstance(value, bool | np.bool_ | str):
        return bool(value) if isinstance(value, np.bool_) else value
    array = numbers(value)
    if array is None or array.dtype.kind == "c":
        return None
    return {"array": array.ravel().tolist(), "shape": list(array.shape)} if array.ndim else array.item()


def limit(seconds):
    """Let this process, and what it begins, take so much memory, processor time and disk, where the system can."""
    for kind, most in (("AS", MEMORY), ("CORE", 0), ("FSIZE", FILE), ("CPU", int(seconds) + 10)):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            number = getattr(resource, f"RLIMIT_{kind}")
            highest = resource.getrlimit(number)[1]
            most = most if highest == resource.RLIM_INFINITY else min(most, highest)
            resource.setrlimit(number, (most, most))


def mouth(token):
    """Return a function that says something on the standard output, and leave nothing there for anybody else."""
    way, nowhere = os.dup(1), os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def say(**what):
        line = f"{token}{json.dumps(what)}\n".encode()
        while line:
            line = line[os.write(way, line):]

    return say


def main():
    """Do one task, {"lecture", "cells", "seconds", "done", "left_out", "token"}."""
    task = json.load(sys.stdin)
    say = mouth(task["token"])
    lesson = next(lesson for lesson in lessons() if lesson.notebook == task["lecture"])
    limit(task["seconds"])
    Examiner(lesson, task["cells"], say, task["done"], task["left_out"]).examine()
    say(end=True)
    os._exit(0)  # whatever threads are left

