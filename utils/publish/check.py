"""The exercises of handed-in notebooks, checked: a table of verdicts, and a page for each student.

    python3 -m utils check FOLDER [--to FOLDER] [--seconds N]

FOLDER is what nbgrader, otter or Moodle leave: `submitted/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb`, `STUDENT_….ipynb`,
`Surname Firstname_1234567_assignsubmission_file_/…`, with zips as they are. What was handed in runs with your rights.
"""

import shutil
import sys
from typing import NamedTuple

import numpy as np

from utils.checks.case import Case
from utils.checks.text import say
from utils.exercises import lessons
from utils.lecture.arguments import parse
from utils.publish import refused
from utils.publish.handed_in import handed_in
from utils.publish.isolated import examined
from utils.publish.marks import Mark, Marked, write

STOPPED = {"cannot be run", "no end", "waits"}  # the engine's names for answers that do not come to an end
NO_ANSWER = "There is no answer to it in this notebook."
NOT_CONFIRMED = ("Its own process calls this right, but the results that it sent are not the solution's: look at this "
                 "answer yourself.")


class Sent(NamedTuple):
    """A result that an examiner has sent, in place of a `Run`."""

    result: object
    error: None = None


def marked(handed, seconds):
    """Return a handed-in notebook with its marks; a process of its own runs it, for so many seconds at most."""
    if handed.problem:
        return Marked(handed.student, handed.lecture, handed.path, remarks=(handed.problem,))
    lesson = next(lesson for lesson in lessons() if lesson.notebook == handed.lecture)
    said, fates = examined(handed.lecture, handed.cells, seconds)
    verdicts = {}
    for message in said:
        verdicts.setdefault(str(message.get("exercise")), message)
    stopped = [str(message["stopped"])[:300] for message in said if "stopped" in message]
    marks = [_mark(exercise, verdicts.get(name), handed.cells, fates) for name, exercise in lesson.exercises.items()]
    remarks = filter(None, [handed.remark, *stopped])
    return Marked(handed.student, handed.lecture, handed.path, tuple(marks), tuple(dict.fromkeys(remarks)))


def _mark(exercise, message, cells, fates):
    if message is None and fates:  # it has never come to its end
        here = fates.get(f"the check of {exercise.name}")
        return Mark(exercise.name, "could not run", here or f"It was not reached. {[*fates.values()][-1]}")
    if message is None:
        return Mark(exercise.name, "not tried", NO_ANSWER)
    kind, name, sentence = (str(message.get(field))[:1000] for field in ("kind", "name", "sentence"))
    cell = message.get("cell")
    source = cells[cell] if type(cell) is int and 0 <= cell < len(cells) else ""
    if kind == "right" and not confirmed(exercise, message.get("results")):
        return Mark(exercise.name, "not yet", NOT_CONFIRMED, source)
    verdict = "could not run" if name in STOPPED else {
        "right": "right", "blank": "not tried", "stopped": "could not run"}.get(kind, "not yet")
    return Mark(exercise.name, verdict, sentence, source)


def confirmed(exercise, results):
    """Say whether these results are right, by the solution in this process, which runs nothing that was handed in."""
    try:
        results = [from_plain(result) for result in results]
        if exercise.is_question:
            return bool(exercise.verdict(results[0]))
        case = Case(exercise, None, [Sent(result) for result in results])
        return case.are_right(case.mine)
    except Exception:  # whatever a stranger sends
        return False


def from_plain(data):
    """Return what `examiner.plain_data` has made into JSON."""
    if isinstance(data, list):
        return [from_plain(item) for item in data]
    if isinstance(data, dict) and "pairs" in data:
        return {from_plain(key): from_plain(item) for key, item in data["pairs"]}
    return np.array(data["array"], dtype=float).reshape(data["shape"]) if isinstance(data, dict) else data


# The command ------------------------------------------------------------------------------------------


def main(words):
    """Check what lies in a folder, write the marks, and return the exit status."""
    options = parse("check", words)
    seconds, folder = options.seconds, options.to
    try:
        handed = handed_in(options.folder)
        folder.mkdir(parents=True)
    except ValueError as error:
        return refused(error)
    except FileExistsError:
        return refused(f"{folder} is there already: move it away, or choose another folder with --to.")
    except OSError as error:
        return refused(f"{folder} could not be written: {error}.")
    try:
        found = []
        for one in handed:
            found.append(marked(one, seconds))
            say(f"{one.student}: {one.lecture or one.path}: {found[-1].summary()}")
        write(folder, found)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)  # nothing half-written
        if isinstance(error, OSError):
            return refused(f"{folder} could not be written: {error}.")
        raise
    print(folder / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
