"""Handed-in notebooks, found in the folders that nbgrader, otter and Moodle leave, each with its student and lecture.

Nothing is run and nothing is unpacked to the disk. What cannot be read becomes an entry that says so.
"""

import io
import json
import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from utils.exercises import lessons
from utils.publish import TAG

LARGEST = 50 * 10**6  # bytes of a notebook, which has outputs in it
LARGEST_ZIP = 200 * 10**6  # bytes of a zip, and of all notebooks in it together
MEMBERS, DEEPEST = 10_000, 20  # files in a zip, folders in one another
SKIPPED = re.compile(r"\.|__MACOSX$")  # .ipynb_checkpoints, .git, what macOS adds to a zip
MOODLE = re.compile(r"(.+)_(\d+)_assignsubmission_file")
ATTEMPT = re.compile(r"(?:.*_)?([^_]+)_attempt_\d")  # nbgrader's zip_collect: ps1_hacker_attempt_2026-11-25-…_x.ipynb
NAMED = re.compile(r"\bmy_(\w+)\s*[=(]|\b(\w+)\.check\(")
BAD_ZIP = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError)


class Handed(NamedTuple):
    """A notebook: whose it is, where it lay, its cells of code, its lecture, or why it cannot be checked."""

    student: str
    path: str
    cells: tuple = ()
    lecture: str = ""
    problem: str = ""
    remark: str = ""


def handed_in(folder):
    """Return what lies in a folder, or in a zip, as a list of `Handed`, one for each student and lecture, in order.

    Raises ValueError, with a sentence, if there is no notebook.
    """
    folder = Path(folder)
    if not (folder.is_dir() or (folder.is_file() and folder.suffix == ".zip")):
        raise ValueError(f"There is no folder {folder}: expected is one with notebooks in it, or a zip.")
    if (folder / "submitted").is_dir():  # nbgrader's course
        folder = folder / "submitted"
    files = _in_zip(folder, ()) if folder.suffix == ".zip" else _in_folder(folder, ())
    found = [_read(parts, data, problem, folder) for parts, data, problem in files]
    if not found:
        raise ValueError(f"There is no notebook in {folder}: expected are files that end in .ipynb, or zips of them.")
    return _one_each(found)


# Files ------------------------------------------------------------------------------------------------


def _in_folder(folder, parts):
    """Yield (path as parts, bytes, "") for each notebook, or (path, b"", why it cannot be read)."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        yield (*parts, ""), b"", f"This folder cannot be read ({error.strerror})."
        return
    for path in paths:
        here = (*parts, path.name)
        if not SKIPPED.match(path.name):
            try:
                yield from _in_path(path, here)
            except OSError as error:
                yield here, b"", f"It cannot be read ({error.strerror})."


def _in_path(path, here):
    kind = path.suffix.lower()
    if path.is_symlink():
        if path.is_dir() or kind in (".ipynb", ".zip"):
            yield here, b"", "This is a link, and links are not followed."
    elif path.is_dir():
        if len(here) > DEEPEST:
            yield here, b"", f"This folder lies more than {DEEPEST} folders deep, and is not looked into."
        else:
            yield from _in_folder(path, here)
    elif kind in (".ipynb", ".zip"):
        size, most = path.stat().st_size, LARGEST if kind == ".ipynb" else LARGEST_ZIP
        if not path.is_file():
            yield here, b"", "This is not a plain file."
        elif size > most:
            yield here, b"", _too_large(size, most)
        elif kind == ".zip":
            yield from _in_zip(path, here)
        else:
            yield here, path.read_bytes(), ""


def _too_large(size, most):
    return f"It has {size / 1e6:,.0f} MB and is not read: at most {most / 1e6:,.0f} MB are."


def _in_zip(file, parts, zips=1):
    """Yield the same for a zip, a path or bytes, and for the zips in it, one deep."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sentence := _suspicious(members):
                yield parts, b"", sentence
                return
            for member in sorted(members, key=lambda member: member.filename):
                inside = PurePosixPath(member.filename)
                here, kind = (*parts, *inside.parts), inside.suffix.lower()
                if kind not in (".ipynb", ".zip") or member.is_dir() or any(map(SKIPPED.match, inside.parts)):
                    continue
                if stat.S_ISLNK(member.external_attr >> 16):
                    yield here, b"", "This is a link, and links are not followed."
                elif kind == ".ipynb" and member.file_size > LARGEST:
                    yield here, b"", _too_large(member.file_size, LARGEST)
                elif kind == ".zip" and zips == 2:
                    yield here, b"", "This is a zip in a zip in a zip, and is not looked into."
                elif kind == ".zip":
                    yield from _in_zip(io.BytesIO(archive.read(member)), here, zips + 1)
                else:
                    yield here, archive.read(member), ""
    except BAD_ZIP as error:
        yield parts, b"", f"This zip cannot be read ({str(error)[:100] or type(error).__name__})."


def _suspicious(members):
    """Return a sentence on a zip that nobody packs by accident, or ''."""
    if len(members) > MEMBERS:
        return f"This zip holds {len(members):,} files and is not read: at most {MEMBERS:,} are."
    size = sum(member.file_size for member in members if member.filename.lower().endswith((".ipynb", ".zip")))
    if size > LARGEST_ZIP:
        return f"Unpacked, this zip has {size / 1e6:,.0f} MB and is not read: at most {LARGEST_ZIP / 1e6:,.0f} MB are."
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.filename.partition("/")[0]:
            return f"This zip holds the path \"{member.filename[:100]}\", which leads out of it; none of it is read."
    return ""


# Students and lectures --------------------------------------------------------------------------------


def _read(parts, data, problem, folder):
    student, path = _student(parts, folder), _clean("/".join(parts))
    if problem:
        return Handed(student, path, problem=problem)
    try:
        cells = tuple(_cells(json.loads(data.decode("utf-8-sig"))))
    except Exception as error:  # whatever a stranger's file has in it
        return Handed(student, path, problem=f"This is not a notebook ({type(error).__name__}: {str(error)[:100]}).")
    lecture = _lecture(cells)
    return Handed(student, path, tuple(source for source, _ in cells), lecture, "" if lecture else
                  "Which lecture this is cannot be told: it has no exercise of one lecture more than of another.")


def _cells(book):
    """Yield (source, tags) of each cell of code, in the form of today or in that of before 2015."""
    cells = book["cells"] if "cells" in book else [cell for sheet in book["worksheets"] for cell in sheet["cells"]]
    for cell in cells:
        if cell["cell_type"] == "code":
            source = cell["source"] if "source" in cell else cell["input"]
            yield str("".join(source)), [str(tag) for tag in cell.get("metadata", {}).get("tags", [])]


def _lecture(cells):
    """Return the lecture whose exercises are named in these cells, by tags, functions and checks, "" in doubt."""
    named = {tag.removeprefix(TAG) for _, tags in cells for tag in tags}
    named |= {name for source, _ in cells for pair in NAMED.findall(source) for name in pair}
    counts = sorted(((len(named & lesson.exercises.keys()), lesson.notebook) for lesson in lessons()), reverse=True)
    return counts[0][1] if counts[0][0] > counts[1][0] else ""


def _student(parts, folder):
    """Return whose notebook this is, by the folders in which it lies, or by its name."""
    stems = [part[:-4] if part.lower().endswith(".zip") else part for part in parts]
    for pattern in (MOODLE, ATTEMPT):
        for found in filter(None, map(pattern.match, stems)):
            return _clean(" ".join([found[1], f"({found[2]})"]) if pattern is MOODLE else found[1])
    if "submitted" in stems:
        parts = parts[stems.index("submitted") + 1:]
    if len(parts) > 1 and not parts[0].lower().endswith(".zip"):
        return _clean(parts[0])
    stem = Path(parts[0]).stem if parts else ""  # ada_01_derivatives, ada_homework
    before = [stem.partition(lesson.notebook)[0] for lesson in lessons() if lesson.notebook in stem]
    return _clean((before or [stem.partition("_")[0]])[0].strip(" _-")) or _clean(folder.resolve().stem)


def _clean(text):
    """Return a text that can be written and printed anywhere."""
    return "".join(letter if letter.isprintable() else "�" for letter in text).strip()


def _one_each(found):
    """Return one notebook for each student and lecture: the last by its name, which says if there are others."""
    groups = {}
    for number, one in enumerate(found):
        groups.setdefault((one.student, one.lecture, number if one.problem else -1), []).append(one)
    return sorted(_last(group) for group in groups.values())


def _last(group):
    last = max(group, key=lambda one: one.path)
    if len({one.cells for one in group}) > 1:
        last = last._replace(remark=f"{len(group)} notebooks of this lecture were handed in; this is the last by name.")
    return last
