"""How many students did what, in steps of three, so that no single student shows.

Every count is rounded down to a multiple of three before anything is made of it: an order, a choice, a sentence. So
whatever is published would be published just so by a class in which the students come in threes with equal records,
and in such a class no number of students is 1 or 2, and no difference either: not between two columns or rows, not
to the whole class, not between two moments. (If it is known how many there are in the class, the one or two beyond
the last three may be like any of the others, or have done nothing.)

What this cannot hide: a count that takes a step says that somebody has worked on that exercise just now. And it
hides nothing from whoever can read the records, or write them.
"""

import json
import re
from collections import Counter
from functools import cache
from typing import NamedTuple

from utils.checks.text import sentence_of
from utils.lecture.environment import ROOT
from utils.publish import TAG

STEP = 3  # nobody may learn that it was one student, or two
MISTAKES = 3  # of an exercise: how many are shown
TITLE = re.compile(r"✎ Exercise (\d+) · \S+ \d+ min · (.+?)\.?\*\*")


class Counts(NamedTuple):
    """How many students have a record, have tried or done (notebook, exercise), made (notebook, exercise, mistake)."""

    students: int
    tried: Counter
    done: Counter
    made: Counter


class Row(NamedTuple):
    """An exercise, with its number and title in the notebook, and `mistakes`, [(how many students, the sentence)]."""

    number: int
    title: str
    name: str
    tried: int
    done: int
    mistakes: list

    @property
    def stuck(self):
        """How many have tried it and are not done, in steps of three."""
        return self.tried - self.done


class Sheet(NamedTuple):
    """The rows of a notebook, with its heading."""

    notebook: str
    heading: str
    rows: list


def count(work):
    """Return the exact `Counts` of {student: {(notebook, exercise): Deed}}."""
    deeds = [item for mine in work.values() for item in mine.items()]
    return Counts(len(work), Counter(key for key, _ in deeds), Counter(key for key, deed in deeds if deed.done),
                  Counter((*key, mistake) for key, deed in deeds for mistake in deed.mistakes))


def rounded(counts):
    """Return the counts, each rounded down to a multiple of three; only these may be shown."""
    return Counts(_down(counts.students), *({key: _down(n) for key, n in part.items()} for part in counts[1:]))


def _down(number):
    return number - number % STEP


def sheets(lessons, counts):
    """Return a `Sheet` for each lesson, in the catalogue's order, from rounded counts."""
    return [Sheet(lesson.notebook, heading, [_row(lesson, name, number, title, counts)
                                             for name, (number, title) in titles.items()])
            for lesson in lessons for heading, titles in [headings(lesson)]]


def _row(lesson, name, number, title, counts):
    key = (lesson.notebook, name)
    made = [(counts.made.get((*key, mistake.__name__), 0), sentence_of(mistake))
            for mistake in lesson.exercises[name].mistakes]
    often = sorted((pair for pair in made if pair[0]), key=lambda pair: -pair[0])  # equal ones as in the catalogue
    return Row(number, title, name, counts.tried.get(key, 0), counts.done.get(key, 0), often[:MISTAKES])


@cache
def headings(lesson, folder=ROOT / "notebooks"):
    """Return a notebook's heading and {exercise: (number, title)}; where it cannot be read, names have to do."""
    titles = {name: (number, name) for number, name in enumerate(lesson.exercises, 1)}
    try:
        cells = json.loads((folder / f"{lesson.notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells]
        for before, cell in zip(texts, cells[1:]):
            for name in titles if (found := TITLE.search(before)) else ():
                if f"{TAG}{name}" in cell["metadata"].get("tags", []):
                    titles[name] = int(found[1]), found[2]
        return texts[0].partition("\n")[0].lstrip("# "), titles
    except (OSError, ValueError, LookupError, TypeError):
        return lesson.notebook, titles


def shown(number):
    """Return a rounded count as it is shown."""
    return str(number) if number else f"<{STEP}"
