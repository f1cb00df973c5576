"""Students' records, as `utils.checks.progress` writes them, read with distrust.

A student is one folder directly under the folder of all: whatever lies in it, at any depth, is that student's. Where
records lie in the folder of all itself, what stands before the notebook's name tells the students apart; a zip file
counts like a folder of its name. Several records of one student are put together, so that nobody counts twice.

Students can write what they like into their folders. So no link is followed, little is read of each student, what is
not a record in every field is left out as a whole, and of what is read only that is kept which the catalogue knows.
"""

import io
import json
import os
import stat
import zipfile
from collections import Counter
from itertools import islice
from typing import NamedTuple

ENDING = ".progress.json"
VERDICTS = ("right", "open", "mistake", "wrong")  # a tuple: what is looked for in it need not be hashable
LARGEST, LARGEST_ZIP = 10**6, 10**7  # bytes of a record, and of a zip file
BYTES, SMALL = 2 * 10**7, 10**4  # what is read of one student, where no file counts as less than a small one
ENTRIES = 10**5  # names in one student's folders that are looked at
TRIES = 10**6  # of one exercise
LINKS, LARGE, BROKEN, CLOSED, MANY = (
    "a link", "above 1 MB (zip: 10 MB)", "broken", "cannot be opened", "too much of one student")


class Deed(NamedTuple):
    """What one student did about one exercise: whether it is done, and the names of the mistakes on the way."""

    done: bool
    mistakes: frozenset


class Reading:
    """One pass over a folder of records.

    Afterwards `work` is {student: {(notebook, exercise): Deed}}, for all who have a record of one of the lessons, and
    `left_out` counts what was not read, by the reason. Raises OSError if the folder itself cannot be listed.
    """

    def __init__(self, folder, lessons):
        self.lessons = {lesson.notebook: lesson.exercises for lesson in lessons}
        self.work, self.left_out = {}, Counter()
        self.is_empty, self._entries, self._bytes = True, Counter(), Counter()
        todo = [(None, folder)]
        while todo:
            student, place = todo.pop()
            for entry in self._listed(student, place):
                try:
                    if entry.is_symlink():
                        self.left_out[LINKS] += 1
                    elif entry.is_dir(follow_symlinks=False):
                        todo.append((entry.name if student is None else student, entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        self._read(_student(entry.name, self.lessons) if student is None else student, entry)
                except OSError:
                    self.left_out[CLOSED] += 1

    def _listed(self, student, place):
        """Return the entries of a folder, no more than may still be looked at."""
        left = None if student is None else ENTRIES - self._entries[student]
        try:
            with os.scandir(place) as entries:
                found = list(islice(entries, left))
                self.left_out[MANY] += next(entries, None) is not None
        except OSError:
            if student is None:
                raise
            self.left_out[CLOSED] += 1
            return []
        self._entries[student] += len(found)
        self.is_empty = self.is_empty and not found
        return found

    def _read(self, student, entry):
        """Take what a file says, if it is a record or a zip file."""
        is_zip = entry.name.lower().endswith(".zip")
        if not is_zip and _notebook(entry.name, self.lessons) is None:
            return
        most = LARGEST_ZIP if is_zip else LARGEST
        if self._may_read(student, entry.stat(follow_symlinks=False).st_size, most):
            take = self._unpack if is_zip else self._take
            take(student, entry.name, _content(entry.path, most))

    def _may_read(self, student, size, most):
        """Say whether so many bytes more may be read of a student, who is charged for them."""
        self._bytes[student] += max(size, SMALL) if size <= most else 0
        why = LARGE if size > most else MANY if self._bytes[student] > BYTES else None
        if why:
            self.left_out[why] += 1
        return not why

    def _unpack(self, student, _, content):
        """Take what the records in a zip file say; nothing is written anywhere."""
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for member in archive.infolist():
                    name = member.filename.rpartition("/")[2]
                    if stat.S_ISLNK(member.external_attr >> 16):
                        self.left_out[LINKS] += 1
                    elif _notebook(name, self.lessons) and self._may_read(student, member.file_size, LARGEST):
                        with archive.open(member) as file:
                            self._take(student, name, file.read(LARGEST))
        except Exception:  # a stranger's archive: cut off, locked, packed in an unknown way, …
            self.left_out[BROKEN] += 1

    def _take(self, student, name, content):
        """Add what one record says about a student's work."""
        notebook = _notebook(name, self.lessons)
        try:
            found = deeds(content, self.lessons[notebook])
        except (ValueError, RecursionError):
            self.left_out[BROKEN] += 1
            return
        mine = self.work.setdefault(student, {})
        for exercise, deed in found.items():
            done, mistakes = mine.get((notebook, exercise), Deed(False, frozenset()))
            mine[notebook, exercise] = Deed(done or deed.done, mistakes | deed.mistakes)


def deeds(content, exercises):
    """Return what a record's bytes say about the exercises of a lesson, {name: Deed}.

    Raises ValueError or RecursionError if that is not a record, or not a plausible one.
    """
    record = json.loads(content)
    if not isinstance(record, dict):
        raise ValueError("not a record")
    return {name: _deed(record[name], exercise) for name, exercise in exercises.items() if name in record}


def _deed(entry, exercise):
    if not isinstance(entry, dict) or entry.get("verdict") not in VERDICTS or not _is_count(entry.get("tries"), TRIES):
        raise ValueError("not an entry of a record")
    mistakes = entry.get("mistakes", {})
    if not isinstance(mistakes, dict):
        raise ValueError("not a record's mistakes")
    known = {mistake.__name__ for mistake in exercise.mistakes} & mistakes.keys()
    for counted in map(mistakes.get, known):
        if not isinstance(counted, dict) or not _is_count(counted.get("count"), entry["tries"]):
            raise ValueError("not the count of a mistake")
    return Deed(entry["verdict"] == "right", frozenset(known))


def _is_count(number, most):
    return type(number) is int and 1 <= number <= most


def _content(path, most):
    """Return the bytes of a plain file, so many at most; waits for nobody, and follows no link."""
    careful = (getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))  # not all on every system
    with open(os.open(path, sum(careful, os.O_RDONLY)), "rb") as file:
        return file.read(most)


def _notebook(name, notebooks):
    """Return the notebook whose record has this file name, or None."""
    return next((notebook for notebook in notebooks if name.endswith(notebook + ENDING)), None)


def _student(name, notebooks):
    """Return whose file it is that lies directly in the folder of all: a zip file, or NAME_NOTEBOOK.progress.json."""
    if name.lower().endswith(".zip"):
        return name[:-4]
    return name.removesuffix(f"{_notebook(name, notebooks)}{ENDING}").strip(" ._-")
